//! Which names a filter keeps: those that contain each of its words, in any order, without regard to
//! case and accents. `2026 pdf` keeps `report-2026.pdf`, and `cafe` keeps `Café`. The script of the page
//! applies the same rule.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// How many words count. Each costs a search of each name, and a client chooses them.
const MOST_WORDS: usize = 16;

/// How many bytes a search passes in the time of a system call.
const SEARCHED: usize = 1024;

/// How many bytes are folded in that time, unless they are ASCII.
const FOLDED: usize = 64;

/// The words of a filter, folded. Without words, it keeps every name.
#[derive(Debug)]
pub(super) struct Filter {
    words: Vec<String>,
}

impl Filter {
    /// The filter that was typed as `text`.
    pub(super) fn new(text: &str) -> Filter {
        let folded = folded(text);
        let words = folded.split_whitespace().take(MOST_WORDS);
        Filter {
            words: words.map(str::to_owned).collect(),
        }
    }

    /// What a look at this name costs at most, in units of a system call.
    pub(super) fn cost(&self, name: &[u8]) -> usize {
        // A search takes time for each byte of the word too, unless the word is longer than the name.
        let words = self.words.iter().map(String::len);
        let words = words.filter(|&length| length <= name.len());
        let searched: usize = words.map(|length| length + name.len()).sum();
        let folded = match self.words.is_empty() || name.is_ascii() {
            true => 0,
            false => name.len(),
        };
        searched / SEARCHED + folded / FOLDED
    }

    /// Whether it keeps this name.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let name = match str::from_utf8(name) {
            Ok(name) if name.is_ascii() => name.to_ascii_lowercase(),
            _ => folded(&String::from_utf8_lossy(name)),
        };
        // This search is linear, whatever the word.
        self.words.iter().all(|word| name.contains(word))
    }
}

/// The words of `text` as they are compared, separated by spaces. Filters with the same words are the
/// same filter.
pub(super) fn normalised(text: &str) -> String {
    Filter::new(text).words.join(" ")
}

/// `text` in lowercase and without accents: decomposed, and without its combining marks.
///
/// Normalisation would also put the marks in order, with tables of 70 KB. Without the marks, no order is left to decide.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for char in text.chars().flat_map(char::to_lowercase) {
        decompose_canonical(char, |char| match char {
            'ς' => folded.push('σ'), // the form that it has at the end of a word
            char if is_combining_mark(char) => {}
            char => folded.push(char),
        });
    }
    folded
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::canonical_combining_class;

    use super::*;

    #[track_caller]
    fn check(filter: &str, name: &[u8], want: bool) {
        let filter = Filter::new(filter);
        assert_eq!(filter.matches(name), want, "{filter:?} {name:?}");
    }

    #[test]
    fn filters_ignore_case() {
        check("", b"a", true);
        check("", b"", true);
        check("READ", b"readme", true);
        check("ΟΔΟΣ", "οδος.txt".as_bytes(), true); // a sigma at the end of a word
        check("οδος", "ΟΔΟΣ.pdf".as_bytes(), true);
        check("me", b"README", true);
        check("readme2", b"readme", false);
        check("\u{c4}", "l\u{e4}nge".as_bytes(), true);
        check("x", b"\xff X", true); // a name that is not UTF-8
    }

    #[test]
    fn filters_ignore_accents() {
        check("cafe", "Caf\u{e9}".as_bytes(), true);
        check("caf\u{e9}", b"CAFE", true);
        check("caf\u{e9}", "cafe\u{301}".as_bytes(), true); // decomposed, as macOS stores it
        check("istanbul", "\u{130}stanbul".as_bytes(), true); // İ
        check("o", "\u{f8}".as_bytes(), false); // ø is a letter of its own
        check("\u{c5}", "a".as_bytes(), true);
    }

    /// Whatever normalisation would move is left out, so folding needs none.
    #[test]
    fn folding_agrees_with_normalisation() {
        for char in '\0'..=char::MAX {
            let moves = canonical_combining_class(char) != 0;
            assert!(!moves || is_combining_mark(char), "{char:?}");
            let lower: String = char.to_lowercase().collect();
            let kept = lower.nfd().filter(|&char| !is_combining_mark(char));
            let want: String = kept
                .map(|char| if char == 'ς' { 'σ' } else { char })
                .collect();
            assert_eq!(folded(char.encode_utf8(&mut [0; 4])), want, "{char:?}");
        }
    }

    #[test]
    fn each_word_counts_in_any_order() {
        check("2026 pdf", b"report-2026.pdf", true);
        check("pdf  2026 ", b"report-2026.pdf", true);
        check("pdf 2025", b"report-2026.pdf", false);
        check("  ", b"a", true);
        check("a a", b"a", true); // words may overlap
        let many = "a ".repeat(MOST_WORDS) + "b";
        check(&many, b"a", true); // further words do not count
    }

    #[test]
    fn a_costly_look_counts_as_system_calls() {
        let cost = |words: usize, word: usize, name: &str| {
            let text = ("a".repeat(word) + " ").repeat(words);
            Filter::new(&text).cost(name.as_bytes())
        };
        let (plain, accented) = ("n".repeat(255), "\u{e4}".repeat(127));
        for (words, word, name, want) in [
            (0, 0, &plain, 0),
            (1, 1, &plain, 0),
            (16, 1, &"n".repeat(20), 0),
            (16, 1, &plain, 4),
            (16, 255, &plain, 7),
            (16, 256, &plain, 0),
            (99, 255, &plain, 7),
            (0, 0, &accented, 0),
            (1, 1, &accented, 3),
            (16, 1, &accented, 6),
        ] {
            let got = cost(words, word, name);
            assert_eq!(got, want, "{words} words of {word} bytes in {name}");
        }
    }

    #[test]
    fn filters_of_the_same_words_are_the_same() {
        assert_eq!(normalised(" \u{c4}  b "), "a b");
        assert_eq!(normalised(" "), "");
    }
}
