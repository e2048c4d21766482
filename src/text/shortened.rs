//! A word that fits into so many columns of a terminal, because its middle is left out.
//!
//! ```text
//! 12 columns:  /a/long/path.html  ->  /a/lon….html
//!              /a\nb              ->  /a\x0Ab
//! ```

use std::fmt::{self, Display, Formatter, Write};

use super::escape::Word;

/// Bytes that are escaped as a [`Word`]. If that is longer than `columns`, the middle becomes `…`. No
/// escape is cut.
#[derive(Clone, Copy, Debug)]
pub struct Shortened<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The most columns, at least 1.
    pub columns: usize,
}

impl Shortened<'_> {
    /// How many columns it takes.
    pub fn width(&self) -> usize {
        match self.parts() {
            None => columns(self.bytes),
            Some((begin, end)) => columns(begin) + 1 + columns(end),
        }
    }

    /// The beginning and the end that are kept; `None` if the whole word fits.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        if columns(self.bytes) <= self.columns {
            return None;
        }
        let room = self.columns.saturating_sub(1);
        let bytes = self.bytes;
        let begin = fitting(bytes.iter(), room.div_ceil(2));
        let end = fitting(bytes.iter().rev(), room / 2);
        Some((&bytes[..begin], &bytes[bytes.len() - end..]))
    }
}

/// The columns of a word. Each column is one byte of ASCII.
fn columns(bytes: &[u8]) -> usize {
    bytes.iter().map(|&byte| Word::columns(byte)).sum()
}

/// How many of the first bytes fit into so many columns.
fn fitting<'a>(bytes: impl Iterator<Item = &'a u8>, most: usize) -> usize {
    let ends = bytes.scan(0, |columns, &byte| {
        *columns += Word::columns(byte);
        Some(*columns)
    });
    ends.take_while(|&end| end <= most).count()
}

impl Display for Shortened<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some((begin, end)) = self.parts() else {
            return Word(self.bytes).fmt(f);
        };
        Word(begin).fmt(f)?;
        f.write_char('…')?;
        Word(end).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], columns: usize, want: &str) {
        let shortened = Shortened { bytes, columns };
        assert_eq!(shortened.to_string(), want);
        assert_eq!(shortened.width(), want.chars().count());
        assert!(shortened.width() <= columns.max(1));
    }

    #[test]
    fn the_middle_is_left_out() {
        check(b"", 3, "");
        check(b"/a.html", 7, "/a.html");
        check(b"/a.html", 6, "/a.…ml");
        check(b"/a.html", 2, "/…");
        check(b"/a.html", 1, "…");
        check(b"/a.html", 0, "…");
        check(b"/a/long/path.html", 12, "/a/lon….html");
        check(&[b'x'; 10_000], 5, "xx…xx");
    }

    #[test]
    fn an_escape_is_kept_or_left_out() {
        check(b"/\nb", 6, "/\\x0Ab");
        check(b"/\nb", 5, "/…b");
        check(b"a\n\n\n\nb", 10, "a\\x0A…b");
        check("/\u{202e}gpj.exe".as_bytes(), 16, "/\\xE2…gpj.exe");
    }
}
