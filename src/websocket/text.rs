//! RFC 6455 section 8.1: the text of a message is UTF-8.
//!
//! The text is checked as it arrives. A character may be cut anywhere, also between two frames. The
//! check fails at the first octet that cannot continue a valid text:
//!
//! ```text
//! e2 82 | ac         the euro sign in two pieces
//! e2 82 |            valid so far, but not as the end of a message
//! e2 28              invalid at the second octet
//! ```

use std::fmt;

use crate::semantics::trace::{Clause, clause};

/// A text that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

impl NotUtf8 {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        "a text is not UTF-8"
    }

    /// The rule that the text breaks.
    pub fn clause(self) -> Clause {
        clause!("RFC 6455 section 8.1", "check")
    }
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for NotUtf8 {}

/// Checks one text as it arrives. Do not use it after an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextCheck {
    /// The first octets of a character whose other octets have not arrived.
    pending: [u8; LONGEST],
    /// How many they are.
    length: usize,
}

/// The most octets of a character (RFC 3629 section 3).
const LONGEST: usize = 4;

impl TextCheck {
    /// Checks the next octets of the text.
    pub fn check(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.length != 0 {
            let Some((&octet, rest)) = piece.split_first() else {
                return Ok(());
            };
            self.complete(octet)?;
            piece = rest;
        }
        let Err(error) = str::from_utf8(piece) else {
            return Ok(());
        };
        match error.error_len() {
            Some(_) => Err(NotUtf8),
            None => {
                let cut = &piece[error.valid_up_to()..];
                self.pending[..cut.len()].copy_from_slice(cut);
                self.length = cut.len();
                Ok(())
            }
        }
    }

    /// Adds an octet to the character that was cut.
    fn complete(&mut self, octet: u8) -> Result<(), NotUtf8> {
        // A character is valid or invalid after its last octet at the latest, so there is room.
        self.pending[self.length] = octet;
        self.length += 1;
        match str::from_utf8(&self.pending[..self.length]) {
            Ok(_) => self.length = 0,
            Err(error) if error.error_len().is_some() => return Err(NotUtf8),
            Err(_) => {}
        }
        Ok(())
    }

    /// Ends the text, which must not end within a character.
    pub fn end(self) -> Result<(), NotUtf8> {
        match self.length {
            0 => Ok(()),
            _ => Err(NotUtf8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the pieces of `text` between the cuts. Returns how many octets were valid, and whether the
    /// text may end there.
    fn run(text: &[u8], cuts: &[usize]) -> (usize, bool) {
        let mut check = TextCheck::default();
        let (mut start, mut valid) = (0, 0);
        for &cut in cuts.iter().chain([&text.len()]) {
            match check.check(&text[start..cut]) {
                Ok(()) => valid = cut,
                Err(NotUtf8) => return (valid, false),
            }
            start = cut;
        }
        (valid, check.end().is_ok())
    }

    /// `valid` is how many octets the check accepts when they arrive one by one.
    #[track_caller]
    fn check(text: &[u8], valid: usize, is_whole: bool) {
        let each: Vec<usize> = (0..text.len()).collect();
        assert_eq!(run(text, &each), (valid, is_whole), "{text:x?}");
        assert_eq!(str::from_utf8(text).is_ok(), is_whole, "{text:x?}");
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let (_, got) = run(text, &[first, second]);
                assert_eq!(got, is_whole, "{text:x?} cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn texts_are_checked_across_cuts() {
        check(b"", 0, true);
        check(b"Hello", 5, true);
        check("a\u{e9}\u{20ac}\u{10ffff}z".as_bytes(), 11, true);
        check("\u{d7ff}\u{e000}\0\u{fffe}".as_bytes(), 10, true); // RFC 3629 3
        check(b"a\xe2\x82", 3, false); // valid so far, but cut
        check(b"\xf0\x9f\x98", 3, false);
        check(b"\x80", 0, false); // no first octet
        check(b"a\xe2\x28\xa1", 2, false); // no continuation
        check(b"\xc3a", 1, false);
    }

    #[test]
    fn the_first_octet_that_cannot_continue_fails() {
        check(b"\xc0\xaf", 0, false); // RFC 3629 3: overlong
        check(b"\xc1\xbf", 0, false);
        check(b"\xe0\x9f\xbf", 1, false);
        check(b"\xf0\x8f\xbf\xbf", 1, false);
        check(b"\xed\xa0\x80", 1, false); // a surrogate
        check(b"\xf4\x90\x80\x80", 1, false); // beyond U+10FFFF
        check(b"\xf5\x80\x80\x80", 0, false);
        check(b"\xff", 0, false);
        check(b"\xf0\x9f\x98\xff", 3, false);
    }
}
