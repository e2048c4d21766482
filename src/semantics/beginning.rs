//! What the first bytes of a file say about the rest.

/// How many bytes are looked at if the content is not in memory.
pub const LOOK: usize = 4096;

/// The first bytes of a file, or all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beginning<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether the file ends after them.
    pub is_whole: bool,
}

impl Beginning<'_> {
    /// Whether it is valid UTF-8. A character may be cut at the end, unless the file ends there.
    pub(super) fn is_utf8(self) -> bool {
        match std::str::from_utf8(self.bytes) {
            Ok(_) => true,
            Err(fault) => fault.error_len().is_none() && !self.is_whole,
        }
    }

    /// Whether it is text that can be shown: UTF-8 without control characters of ASCII, apart from those
    /// that are white space.
    pub(super) fn is_text(self) -> bool {
        !self.bytes.iter().any(is_control) && self.is_utf8()
    }

    /// Whether it can be text, also in an old encoding such as ISO 8859-1: it has none of these control
    /// characters, or it is UTF-16 with a byte order mark. Media, archives, programs and encrypted content
    /// have control characters soon.
    pub(super) fn may_be_text(self) -> bool {
        !self.bytes.iter().any(is_control) || self.is_utf16()
    }

    /// Whether it is UTF-16 text with a byte order mark. A character may be cut at the end.
    fn is_utf16(self) -> bool {
        let unit = match self.bytes {
            [0xff, 0xfe, ..] => u16::from_le_bytes,
            [0xfe, 0xff, ..] => u16::from_be_bytes,
            _ => return false,
        };
        let (units, _) = self.bytes.as_chunks::<2>();
        let mut chars = char::decode_utf16(units.iter().map(|&pair| unit(pair))).peekable();
        while let Some(char) = chars.next() {
            let is_text = match char {
                Ok(char) => !u8::try_from(char).is_ok_and(|byte| is_control(&byte)),
                // The second half of a character may be behind the look.
                Err(_) => chars.peek().is_none(),
            };
            if !is_text {
                return false;
            }
        }
        true
    }

    /// Whether it is in the gzip format (RFC 1952 section 2.3.1), with the only method that it has.
    pub(super) fn is_gzip(self) -> bool {
        self.bytes.starts_with(&[0x1f, 0x8b, 8])
    }
}

/// Whether it is a control character of ASCII that is not white space.
fn is_control(byte: &u8) -> bool {
    byte.is_ascii_control() && !byte.is_ascii_whitespace()
}

#[cfg(test)]
impl<'a> Beginning<'a> {
    /// The whole content of a file.
    pub(super) fn whole(bytes: &'a [u8]) -> Beginning<'a> {
        Beginning {
            bytes,
            is_whole: true,
        }
    }

    /// A part of the content of a file.
    pub(super) fn part(bytes: &'a [u8]) -> Beginning<'a> {
        Beginning {
            bytes,
            is_whole: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_without_control_characters() {
        for text in ["", "a\tb\r\n\x0c", "\u{feff}é", "日本語", "\u{10ffff}"] {
            assert!(Beginning::whole(text.as_bytes()).is_text(), "{text:?}");
        }
        for other in [
            &b"\0"[..],
            b"a\x08",
            b"\x0b",
            b"\x1b[1m",
            b"\x7f",
            b"caf\xe9!",
            b"\xff\xfeh\0i\0",
            b"\xed\xa0\x80", // a surrogate
            b"\xc0\xaf",     // too long
        ] {
            assert!(!Beginning::whole(other).is_text(), "{other:?}");
            assert!(!Beginning::part(other).is_text(), "{other:?}");
        }
    }

    #[test]
    fn a_character_may_be_cut_where_the_look_ends() {
        let text = "a€".as_bytes();
        for length in 1..text.len() {
            let cut = &text[..length];
            assert!(Beginning::part(cut).is_text(), "{cut:?}");
            assert_eq!(Beginning::whole(cut).is_text(), length == 1, "{cut:?}");
        }
        assert!(!Beginning::part(b"a\xe2b").is_text(), "it is not the end");
    }

    #[test]
    fn text_may_be_in_any_encoding() {
        for text in [
            &b""[..],
            b"plain\r\n",
            "\u{feff}\u{e9}".as_bytes(),
            b"caf\xe9!",                 // ISO 8859-1
            b"\x93\xfa\x96\x7b\x8c\xea", // Shift_JIS
            b"\xff\xfeh\0i\0\r\0\n\0",   // UTF-16
            b"\xfe\xff\0h\0i",
            b"\xff\xfe\x01\x4e\x3d\xd8\x00\xde\x3d", // a pair of surrogates, and a cut character
            b"\xff\xfe\x3d\xd8",
        ] {
            assert!(Beginning::part(text).may_be_text(), "{text:?}");
        }
        for other in [
            &b"\0"[..],
            b"\x7fELF",
            b"caf\xe9\x1b",
            b"h\0i\0",       // without a mark
            b"\xff\xfe\0\0", // a NUL
            b"\xff\xfe\x08\0",
            b"\xff\xfe\x3d\xd8a\0", // surrogates that are not a pair
            b"\xff\xfe\x00\xdea\0",
        ] {
            assert!(!Beginning::part(other).may_be_text(), "{other:?}");
        }
    }
}
