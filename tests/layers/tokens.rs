//! Rust source as tokens: enough of the language to find the paths in it.
//!
//! Comments are dropped. A literal becomes one token that holds nothing, so that no text in it is
//! taken for code.

/// A word, `::`, a single mark, or [`LITERAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// What a string or a character becomes.
pub const LITERAL: &str = "\"\"";

/// The tokens of a source file.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (kind, length) = first(rest);
        let (piece, behind) = rest.split_at(length);
        match kind {
            Kind::Nothing => {}
            Kind::Literal => found.push(Token {
                text: LITERAL,
                line,
            }),
            Kind::Code => found.push(Token { text: piece, line }),
        }
        line += piece.matches('\n').count();
        rest = behind;
    }
    found
}

/// What the next bytes are.
enum Kind {
    /// White space, a comment or a lifetime.
    Nothing,
    Literal,
    Code,
}

/// The kind and the length of what `rest` begins with.
fn first(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    if rest.starts_with("//") {
        return (Kind::Nothing, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Nothing, block_comment(rest));
    }
    if let Some(length) = raw_string(rest) {
        return (Kind::Literal, length);
    }
    match bytes[0] {
        b'"' => (Kind::Literal, string(bytes)),
        b'\'' => quoted(rest),
        b':' if bytes.get(1) == Some(&b':') => (Kind::Code, 2),
        byte if is_word(byte) => (Kind::Code, word(bytes)),
        byte if byte.is_ascii_whitespace() => (Kind::Nothing, 1),
        _ => (Kind::Code, 1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn word(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_word(**byte)).count()
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `r"..."`, `br#"..."#` and so on. `r#name` is a word.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"]
        .iter()
        .find(|prefix| {
            let behind = rest.strip_prefix(**prefix);
            behind.is_some_and(|behind| behind.starts_with(['"', '#']))
        })?
        .len();
    let behind = &rest[prefix..];
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    let content = behind[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content.find(&end).unwrap_or(content.len());
    Some((prefix + hashes + 1 + length + end.len()).min(rest.len()))
}

/// The length of a string with its quotes.
fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// A character, or a lifetime: that has no second quote.
fn quoted(rest: &str) -> (Kind, usize) {
    let mut inside = rest[1..].chars();
    match inside.next() {
        Some('\\') => {
            let end = rest[3..].find('\'').map_or(rest.len(), |end| end + 4);
            (Kind::Literal, end)
        }
        Some(_) if inside.next() == Some('\'') => {
            (Kind::Literal, rest.len() - inside.as_str().len())
        }
        _ => (Kind::Nothing, 1 + word(&rest.as_bytes()[1..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, want: &str) {
        let found: Vec<&str> = tokens(source).iter().map(|token| token.text).collect();
        assert_eq!(found.join(" "), want, "{source:?}");
    }

    #[test]
    fn code_is_parted_from_what_only_looks_like_it() {
        check("a::b(c)", "a :: b ( c )");
        check("a // b\nc /* d /* e */ f */ g", "a c g");
        check(r#"a("b \" c") d"#, r#"a ( "" ) d"#);
        check(r###"r"\" a r#"b"c"# br##"d"#e"## f"###, r#""" a "" "" f"#);
        check(r##"b"c" r#type"##, r#"b "" r # type"#);
        check(r#"'a' '\'' '"' '\u{e9}' 'é' a"#, r#""" "" "" "" "" a"#);
        check("&'a str, b'x'", r#"& str , b """#);
    }

    #[test]
    fn lines_are_counted() {
        let found = tokens("a\n\"\n\n\" b /*\n*/ c");
        let lines: Vec<usize> = found.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 4, 5]);
    }
}
