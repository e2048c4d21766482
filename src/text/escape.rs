//! Escapes bytes so that they are safe in a log line, in HTML or in JSON.
//!
//! ```text
//! bytes         a "b"<c>
//! Quoted        a \x22b\x22<c>
//! Line          a "b"<c>
//! Word          a\x20"b"<c>
//! Column        a\x20\x22b\x22<c>
//! Html          a &quot;b&quot;&lt;c&gt;
//! JsonString    "a \"b\"<c>"
//! JsonOctets    "a \u0022b\u0022<c>"
//! Name          "a \"b\"<c>"
//! ```
//!
//! None of them writes a control character or an [invisible](super::invisible) one as it is:
//!
//! ```text
//! bytes                      a<U+202E>b                                a<U+0007>b
//! Quoted, Line, Word, Column a\xE2\x80\xAEb                            a\x07b
//! Html                       a&lt;U+202E&gt;b                          a&lt;U+0007&gt;b
//! HtmlMarked                 a<span class="invisible">U+202E</span>b   the same with U+0007
//! HtmlValue                  a&#x202E;b                                a␇b
//! JsonString                 "a\u202eb"                                "a\u0007b"
//! JsonOctets                 "a\u00E2\u0080\u00AEb"                    "a\u0007b"
//! Name                       "a\u{202e}b"                              "a\u{7}b"
//! ```
//!
//! [`Quoted`], [`Line`], [`Word`], [`Column`] and [`JsonString`] write only printable ASCII. Such text cannot start a new
//! line, move the cursor of a terminal or reverse the direction of text. All bytes beyond ASCII are
//! escaped, because they can encode C1 control characters or marks that reverse text.

use std::fmt::{self, Display, Formatter, Write};
use std::path::Path;

use super::invisible::is_invisible;
use super::octet::{self, Class, printable_except};

/// Escapes bytes as nginx does in its log: `"`, `\` and all bytes that are not printable ASCII
/// become `\xHH`.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a [u8]);

/// Escapes bytes as one line: like [`Quoted`], but it keeps quotes.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a [u8]);

/// Escapes bytes as one word, for columns that are separated by spaces. Like [`Quoted`], but it
/// escapes spaces and keeps quotes.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a>(pub &'a [u8]);

/// Escapes bytes as a column, in lines that also have quoted ones. Like [`Quoted`], but it escapes spaces too.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a>(pub &'a [u8]);

/// Escapes bytes as text or as a quoted attribute value in HTML. Bytes that are not UTF-8 become
/// U+FFFD. Control characters and invisible characters become text such as `<U+202E>`.
#[derive(Clone, Copy, Debug)]
pub struct Html<'a>(pub &'a [u8]);

/// The same as text in HTML, with an element of the class `invisible` for each such character.
#[derive(Clone, Copy, Debug)]
pub struct HtmlMarked<'a>(pub &'a [u8]);

/// The same as the value of a form field. The browser sends invisible characters back as they were. HTML
/// has no way to write a control character, so a symbol (U+2400 to U+2421) replaces it.
#[derive(Clone, Copy, Debug)]
pub struct HtmlValue<'a>(pub &'a [u8]);

/// Writes bytes as a name in double quotes for people at a terminal, like the `Debug` format of a
/// path. Control characters and invisible characters become `\n` or `\u{202e}`.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(pub &'a [u8]);

/// Writes bytes as a JSON string, with quotes (RFC 8259 section 7). Bytes that are not UTF-8 become
/// U+FFFD. Characters that are not printable ASCII become `\uHHHH`.
#[derive(Clone, Copy, Debug)]
pub struct JsonString<'a>(pub &'a [u8]);

/// Escapes bytes as a string in JSON (RFC 8259 section 7) with one character per byte, U+0000 to U+00FF. The
/// reader gets each byte, whatever its encoding.
#[derive(Clone, Copy, Debug)]
pub struct JsonOctets<'a>(pub &'a [u8]);

impl<'a> Name<'a> {
    /// A path as a name.
    pub fn of(path: &'a Path) -> Name<'a> {
        Name(path.as_os_str().as_encoded_bytes())
    }
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        static KEPT: Class = printable_except(b"\"\\");
        write_hex(f, self.0, &KEPT, "\\x")
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        static KEPT: Class = printable_except(b"\\");
        write_hex(f, self.0, &KEPT, "\\x")
    }
}

/// The octets that a word keeps.
static WORD: Class = printable_except(b" \\");

impl Word<'_> {
    /// How many columns of a terminal the octet takes in a word: 1, or 4 as an escape.
    pub fn columns(octet: u8) -> usize {
        if octet::is(&WORD, octet) { 1 } else { 4 }
    }
}

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_hex(f, self.0, &WORD, "\\x")
    }
}

impl Display for Column<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        static KEPT: Class = printable_except(b" \"\\");
        write_hex(f, self.0, &KEPT, "\\x")
    }
}

impl Display for Html<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_html(f, self.0, |f, char| {
            write!(f, "&lt;U+{:04X}&gt;", u32::from(char))
        })
    }
}

impl Display for HtmlMarked<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_html(f, self.0, |f, char| {
            let code = u32::from(char);
            write!(f, "<span class=\"invisible\">U+{code:04X}</span>")
        })
    }
}

impl Display for HtmlValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_html(f, self.0, |f, char| match char {
            '\0'..='\x1f' => f.write_char(char::from_u32(0x2400 + char as u32).unwrap_or(' ')),
            '\x7f'..='\u{9f}' => f.write_char('\u{2421}'),
            _ => write!(f, "&#x{:04X};", u32::from(char)),
        })
    }
}

/// Writes bytes as HTML. `mark` writes a control character or an invisible one.
fn write_html(
    f: &mut Formatter<'_>,
    bytes: &[u8],
    mark: impl Fn(&mut Formatter<'_>, char) -> fmt::Result,
) -> fmt::Result {
    let is_special = |char: char| {
        matches!(char, '&' | '<' | '>' | '"' | '\'') || char.is_control() || is_invisible(char)
    };
    write_special(f, bytes, is_special, |f, char| match char {
        '&' => f.write_str("&amp;"),
        '<' => f.write_str("&lt;"),
        '>' => f.write_str("&gt;"),
        '"' => f.write_str("&quot;"),
        '\'' => f.write_str("&#39;"),
        char::REPLACEMENT_CHARACTER => f.write_char(char),
        _ => mark(f, char),
    })
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|char| match char {
                '\'' => f.write_char(char),
                _ => write_visible(f, char),
            })?;
            let mut invalid = chunk.invalid().iter();
            invalid.try_for_each(|byte| write!(f, "\\x{byte:02X}"))?;
        }
        f.write_char('"')
    }
}

/// Writes a character as in a Rust string: quotes, backslashes and what people cannot see are escaped.
pub fn write_visible(f: &mut impl Write, char: char) -> fmt::Result {
    match is_invisible(char) {
        true => write!(f, "{}", char.escape_unicode()),
        false => write!(f, "{}", char.escape_debug()),
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

impl Display for JsonOctets<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        static KEPT: Class = printable_except(b"\"\\");
        f.write_char('"')?;
        write_hex(f, self.0, &KEPT, "\\u00")?;
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
    fn json_octets_has_a_character_for_each_byte() {
        check(
            JsonOctets,
            b"a \"\\\r\n\xe2\xff",
            r#""a \u0022\u005C\u000D\u000A\u00E2\u00FF""#,
        );
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
    fn a_column_has_neither_spaces_nor_quotes() {
        check(Column, b"/a b\"\\\xe9", "/a\\x20b\\x22\\x5C\\xE9");
    }

    #[test]
    fn html_is_escaped() {
        check(Html, b"", "");
        check(Html, "a ä 日".as_bytes(), "a ä 日");
        check(Html, b"<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;");
        check(Html, b"<\xff>\xe2\x80", "&lt;\u{fffd}&gt;\u{fffd}"); // not UTF-8
    }

    /// HTML forbids control characters. The escapes say which character it was.
    #[test]
    fn control_characters_become_visible() {
        let name = "a\n\x07\x1b\x7f\u{85}\u{9b}c".as_bytes();
        check(
            Html,
            name,
            "a&lt;U+000A&gt;&lt;U+0007&gt;&lt;U+001B&gt;&lt;U+007F&gt;&lt;U+0085&gt;&lt;U+009B&gt;c",
        );
        let bell = "a<span class=\"invisible\">U+0007</span>";
        check(HtmlMarked, b"a\x07", bell);
        check(HtmlValue, name, "a␊␇␛␡␡␡c");
        check(Name, name, "\"a\\n\\u{7}\\u{1b}\\u{7f}\\u{85}\\u{9b}c\"");
    }

    /// Each escape keeps a name with a right-to-left override from reading as another one.
    #[test]
    fn invisible_characters_become_visible() {
        let name = "rtl\u{202e}gnp.exe".as_bytes();
        check(Html, name, "rtl&lt;U+202E&gt;gnp.exe");
        let marked = "rtl<span class=\"invisible\">U+202E</span>gnp.exe";
        check(HtmlMarked, name, marked);
        check(HtmlValue, name, "rtl&#x202E;gnp.exe");
        check(Quoted, name, "rtl\\xE2\\x80\\xAEgnp.exe");
        check(Word, name, "rtl\\xE2\\x80\\xAEgnp.exe");
        check(Line, name, "rtl\\xE2\\x80\\xAEgnp.exe");
        check(Line, b"a \"b\"\\x\r", "a \"b\"\\x5Cx\\x0D");
        check(JsonString, name, "\"rtl\\u202egnp.exe\"");
        check(Name, name, "\"rtl\\u{202e}gnp.exe\"");
        let ends = "\u{200b}<\u{e0041}\u{ad}".as_bytes();
        check(
            Html,
            ends,
            "&lt;U+200B&gt;&lt;&lt;U+E0041&gt;&lt;U+00AD&gt;",
        );
        check(HtmlValue, ends, "&#x200B;&lt;&#xE0041;&#x00AD;");
    }

    #[test]
    fn a_name_is_written_as_in_a_program() {
        check(Name, b"/srv/it's \"a\\b\"", "\"/srv/it's \\\"a\\\\b\\\"\"");
        check(Name, b"a\n\x1b[2J\xff", "\"a\\n\\u{1b}[2J\\xFF\"");
        check(
            Name,
            "\u{e4}\u{3164}\u{fe0f}\u{a0}\u{2800}".as_bytes(),
            "\"\u{e4}\\u{3164}\\u{fe0f}\\u{a0}\\u{2800}\"",
        );
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
