//! Escapes bytes so that they are safe in a log line, in HTML or in JSON.
//!
//! ```text
//! bytes         a "b"<c>
//! Quoted        a \x22b\x22<c>
//! Word          a\x20"b"<c>
//! Html          a &quot;b&quot;&lt;c&gt;
//! JsonString    "a \"b\"<c>"
//! ```
//!
//! [`Quoted`], [`Word`] and [`JsonString`] write only printable ASCII. Such text cannot start a new
//! line, move the cursor of a terminal or reverse the direction of text. All bytes beyond ASCII are
//! escaped, because they can encode C1 control characters or marks that reverse text.

use std::fmt::{self, Display, Formatter, Write};

use super::octet::{self, Class, printable_except};

/// Escapes bytes as nginx does in its log: `"`, `\` and all bytes that are not printable ASCII
/// become `\xHH`.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a [u8]);

/// Escapes bytes as one word, for columns that are separated by spaces. Like [`Quoted`], but it
/// escapes spaces and keeps quotes.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a>(pub &'a [u8]);

/// Escapes bytes as text or as a quoted attribute value in HTML. Bytes that are not UTF-8 become
/// U+FFFD. HTML forbids control characters, so symbols for them (U+2400 to U+2421) replace them.
#[derive(Clone, Copy, Debug)]
pub struct Html<'a>(pub &'a [u8]);

/// Writes bytes as a JSON string, with quotes (RFC 8259 section 7). Bytes that are not UTF-8 become
/// U+FFFD. Characters that are not printable ASCII become `\uHHHH`.
#[derive(Clone, Copy, Debug)]
pub struct JsonString<'a>(pub &'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        static KEPT: Class = printable_except(b"\"\\");
        write_hex(f, self.0, &KEPT, "\\x")
    }
}

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        static KEPT: Class = printable_except(b" \\");
        write_hex(f, self.0, &KEPT, "\\x")
    }
}

impl Display for Html<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_special =
            |char| matches!(char, '&' | '<' | '>' | '"' | '\'' | '\0'..='\x1f' | '\x7f'..='\u{9f}');
        write_special(f, self.0, is_special, |f, char| match char {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '\0'..='\x1f' => f.write_char(char::from_u32(0x2400 + char as u32).unwrap_or(' ')),
            '\x7f'..='\u{9f}' => f.write_char('\u{2421}'),
            _ => f.write_char(char),
        })
    }
}

impl Display for JsonString<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_special = |char| !matches!(char, ' '..='~') || matches!(char, '"' | '\\');
        f.write_char('"')?;
        write_special(f, self.0, is_special, |f, char| match char {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            // A character beyond the basic plane becomes two surrogates.
            _ => char
                .encode_utf16(&mut [0; 2])
                .iter()
                .try_for_each(|unit| write!(f, "\\u{unit:04x}")),
        })?;
        f.write_char('"')
    }
}

/// Writes octets in `kept` unchanged and every other octet as `prefix` and two hexadecimal digits.
/// `kept` must hold only ASCII.
pub(super) fn write_hex(
    f: &mut Formatter<'_>,
    bytes: &[u8],
    kept: &Class,
    prefix: &str,
) -> fmt::Result {
    let mut rest = bytes;
    loop {
        let (plain, tail) = rest.split_at(octet::run(kept, rest));
        // This cannot fail: ASCII is UTF-8.
        f.write_str(str::from_utf8(plain).unwrap_or_default())?;
        let Some((&byte, tail)) = tail.split_first() else {
            return Ok(());
        };
        f.write_str(prefix)?;
        f.write_char(hex_digit(byte >> 4))?;
        f.write_char(hex_digit(byte & 15))?;
        rest = tail;
    }
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value & 15)])
}

/// Writes `bytes` as text. `write` writes each special character, and U+FFFD for each sequence that
/// is not UTF-8.
fn write_special(
    f: &mut Formatter<'_>,
    bytes: &[u8],
    is_special: impl Fn(char) -> bool,
    write: impl Fn(&mut Formatter<'_>, char) -> fmt::Result,
) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for piece in chunk.valid().split_inclusive(&is_special) {
            let mut chars = piece.chars();
            match chars.next_back() {
                Some(last) if is_special(last) => {
                    f.write_str(chars.as_str())?;
                    write(f, last)?;
                }
                _ => f.write_str(piece)?,
            }
        }
        if !chunk.invalid().is_empty() {
            write(f, char::REPLACEMENT_CHARACTER)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<'a, T: Display>(escape: fn(&'a [u8]) -> T, bytes: &'a [u8], want: &str) {
        assert_eq!(escape(bytes).to_string(), want, "{bytes:?}");
    }

    #[test]
    fn quoted_is_as_in_nginx() {
        check(Quoted, b"", "");
        check(Quoted, b"/a b?c=~", "/a b?c=~");
        check(Quoted, b"a\"b\\c", "a\\x22b\\x5Cc");
        check(
            Quoted,
            b"\r\n\t\0\x1b[2J\x7f",
            "\\x0D\\x0A\\x09\\x00\\x1B[2J\\x7F",
        );
        check(
            Quoted,
            "\u{e9}\u{9b}".as_bytes(), // C1 CSI
            "\\xC3\\xA9\\xC2\\x9B",
        );
    }

    #[test]
    fn a_word_has_no_spaces() {
        check(Word, b"/a b\"\\", "/a\\x20b\"\\x5C");
        check(Word, "\u{202e}".as_bytes(), "\\xE2\\x80\\xAE"); // right-to-left override
    }

    #[test]
    fn html_is_escaped() {
        check(Html, b"", "");
        check(Html, "a ä 日".as_bytes(), "a ä 日");
        check(Html, b"<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;");
        check(Html, "a\nb\x1b[2J\x7f\u{85}c".as_bytes(), "a␊b␛[2J␡␡c"); // no control characters
        check(Html, b"<\xff>\xe2\x80", "&lt;\u{fffd}&gt;\u{fffd}"); // not UTF-8
    }

    /// RFC 8259 section 7.
    #[test]
    fn json_strings_are_ascii() {
        check(JsonString, b"", "\"\"");
        check(JsonString, b"a\"\\/", r#""a\"\\/""#);
        check(JsonString, b"\n\x1b\x7f", r#""\u000a\u001b\u007f""#);
        check(
            JsonString,
            "\u{e9}\u{1f600}".as_bytes(),
            r#""\u00e9\ud83d\ude00""#,
        );
        check(JsonString, b"a\xffb\xe2\x80", r#""a\ufffdb\ufffd""#); // not UTF-8
    }
}
