//! The patterns without braces that a pattern with braces stands for.
//!
//! ```text
//! /{a,b/}c   ->   /ac   /b/c
//! ```

/// The most of them for one pattern.
const MOST: usize = 256;

/// A character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The character.
    pub char: char,
    /// Its number in the pattern, from 1.
    pub at: usize,
    /// Whether a `\` before it makes it an ordinary one.
    pub is_ordinary: bool,
}

impl Token {
    /// Whether it is this character with its meaning in patterns.
    pub fn is_special(self, char: char) -> bool {
        self.char == char && !self.is_ordinary
    }
}

/// The characters of a pattern without the backslashes that make others ordinary.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut is_ordinary = false;
    for (char, at) in text.chars().zip(1..) {
        if char == '\\' && !is_ordinary {
            is_ordinary = true;
            continue;
        }
        tokens.push(Token {
            char,
            at,
            is_ordinary,
        });
        is_ordinary = false;
    }
    tokens
}

/// Each of the patterns. Every brace of `tokens` must be closed. `None`: there are too many.
pub(super) fn alternatives(tokens: &[Token]) -> Option<Vec<Vec<Token>>> {
    let Some(open) = tokens.iter().position(|token| token.is_special('{')) else {
        return Some(vec![tokens.to_vec()]);
    };
    let (before, rest) = (&tokens[..open], &tokens[open + 1..]);
    let (choices, length) = choices(rest);
    let mut chosen = Vec::new();
    for choice in choices {
        chosen.extend(alternatives(choice)?);
    }
    let after = alternatives(rest.get(length..)?)?;
    if chosen.len().saturating_mul(after.len()) > MOST {
        return None;
    }
    let of_choice = |choice: &Vec<Token>| -> Vec<Vec<Token>> {
        let with = |after: &Vec<Token>| [before, choice, after].concat();
        after.iter().map(with).collect()
    };
    Some(chosen.iter().flat_map(of_choice).collect())
}

/// The texts between the commas up to the brace that closes, and the length of all that with the brace.
fn choices(tokens: &[Token]) -> (Vec<&[Token]>, usize) {
    let (mut choices, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (number, token) in tokens.iter().enumerate() {
        if token.is_special('{') {
            depth += 1;
        } else if depth == 0 && (token.is_special(',') || token.is_special('}')) {
            choices.push(&tokens[start..number]);
            start = number + 1;
            if token.is_special('}') {
                break;
            }
        } else if token.is_special('}') {
            depth -= 1;
        }
    }
    (choices, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, want: &[&str]) {
        let alternatives = alternatives(&tokens(pattern)).expect(pattern);
        let texts = alternatives.iter().map(|tokens| {
            let chars = tokens.iter().map(|token| token.char);
            chars.collect::<String>()
        });
        assert_eq!(texts.collect::<Vec<_>>(), want, "{pattern}");
    }

    #[test]
    fn each_combination_is_one() {
        check("/a", &["/a"]);
        check("/{a,b/}c", &["/ac", "/b/c"]);
        check("/{a,b}{1,2}", &["/a1", "/a2", "/b1", "/b2"]);
        check("/{a,b{1,2},}x", &["/ax", "/b1x", "/b2x", "/x"]);
        check("/{}a{b}", &["/ab"]);
        check("/\\{a,b}", &["/{a,b}"]);
        check("/{a\\,b,c\\}}", &["/a,b", "/c}"]);
        check("/a,b}", &["/a,b}"]);
    }

    #[test]
    fn there_may_be_256() {
        let pattern = |count: usize| format!("/{}", "{a,b}".repeat(count));
        let count = |text: String| alternatives(&tokens(&text)).map(|all| all.len());
        assert_eq!(count(pattern(8)), Some(256));
        assert_eq!(count(pattern(9)), None);
    }

    #[test]
    fn characters_keep_their_numbers() {
        let all = alternatives(&tokens("/ä\\b{c,d}")).expect("few");
        let places: Vec<usize> = all[1].iter().map(|token| token.at).collect();
        assert_eq!(places, [1, 2, 4, 8]);
    }
}
