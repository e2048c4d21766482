//! RFC 9110 section 8.3.2: the parameter `charset` of a text, by its content.
//!
//! The parameter overrides what a document says about itself. So it is given only for content that is
//! UTF-8, and that declares no other encoding. Other content goes without it, and the client finds out.

use super::beginning::Beginning;
use super::prescan;
use super::trace::{Clause, Evidence, Quote, Step, clause};

/// Whether a media type has the parameter `charset`, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// The media type has no such parameter. For example, JSON is always UTF-8 (RFC 8259 section 8.1), and
    /// XML documents name their encoding (RFC 7303 section 3).
    NotDefined,
    /// The operator gave a media type with parameters.
    Given,
    /// The content is UTF-8.
    Utf8,
    /// The content declares this encoding.
    Declared(&'static str),
    /// The content is not UTF-8, or has bytes that UTF-8 text does not have.
    NotUtf8Text,
}

const BOM: &[u8] = "\u{feff}".as_bytes();

/// What begins a text in Japanese in ISO-2022-JP (RFC 1468), and hardly any other text: the shift to a set
/// of characters of two bytes. All of its bytes are ASCII, so it is valid UTF-8.
const SHIFT: &[u8] = b"\x1b$";

/// The parameter for a text that begins like this.
pub(super) fn charset(essence: &str, beginning: Beginning<'_>) -> Charset {
    if !has_charset(essence) {
        return Charset::NotDefined;
    }
    let bytes = beginning.bytes;
    let is_other = || bytes.contains(&0) || bytes.windows(SHIFT.len()).any(|two| two == SHIFT);
    if !beginning.is_utf8() || is_other() {
        return Charset::NotUtf8Text;
    }
    let declared = match essence {
        // A byte order mark wins over all that follows.
        _ if bytes.starts_with(BOM) => None,
        "text/html" => prescan::html(bytes),
        "text/css" => css(bytes),
        _ => None,
    };
    match declared {
        None | Some("UTF-8") => Charset::Utf8,
        Some(name) => Charset::Declared(name),
    }
}

/// Whether the media type is text with this parameter.
pub(super) fn has_charset(essence: &str) -> bool {
    essence.starts_with("text/") && !matches!(essence, "text/xml" | "text/rtf")
}

/// CSS Syntax, section 3.2: the encoding that `@charset` at the very beginning names. It must be written
/// in exactly this way.
fn css(bytes: &[u8]) -> Option<&'static str> {
    const MOST: usize = 1024;
    let rest = bytes[..bytes.len().min(MOST)].strip_prefix(b"@charset \"")?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    let is_rule = rest[end..].starts_with(b"\";");
    is_rule.then(|| prescan::labelled(&rest[..end])).flatten()
}

impl Charset {
    /// The step that says why the parameter is there or not; `None` if there is nothing to say.
    pub(super) fn step(self) -> Option<Step> {
        const CLAUSE: Clause = clause!("RFC 9110 section 8.3.2", "charset");
        match self {
            Charset::NotDefined | Charset::Given => None,
            Charset::Utf8 => Some(Step::new(
                CLAUSE,
                "the content is UTF-8 and declares no other encoding, so the charset is utf-8",
            )),
            Charset::Declared(name) => {
                let finding =
                    "the content declares an encoding other than UTF-8, so there is no charset";
                let name = Evidence::Value(Quote::of(name.as_bytes()));
                Some(Step::new(CLAUSE, finding).with(name))
            }
            Charset::NotUtf8Text => Some(Step::new(
                CLAUSE,
                "the content is not UTF-8 text, so there is no charset",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(essence: &str, content: &[u8], want: Charset) {
        let got = charset(essence, Beginning::whole(content));
        assert_eq!(got, want, "{essence} {content:?}");
    }

    #[test]
    fn utf8_that_declares_nothing_else_has_the_charset() {
        use Charset::*;
        check("text/plain", b"", Utf8);
        check("text/plain", "é".as_bytes(), Utf8);
        check("text/plain", b"\x1b[1mbold\x1b[0m", Utf8); // a log with colours
        check("text/plain", b"<meta charset=koi8-r>", Utf8); // only HTML has a meta
        check("text/javascript", "é".as_bytes(), Utf8);
        check("text/plain", b"caf\xe9", NotUtf8Text);
        check("text/html", b"<meta charset=utf-8>caf\xe9", NotUtf8Text);
        check("text/plain", b"\xff\xfeh\0i\0", NotUtf8Text);
        check("text/plain", b"h\0i\0", NotUtf8Text); // UTF-16 without a mark
        check("text/plain", b"\x1b$B$\"\x1b(B", NotUtf8Text); // ISO-2022-JP
        check("text/html", b"<meta charset=utf-8>", Utf8);
        check(
            "text/html",
            b"<meta charset=iso-8859-1>",
            Declared("windows-1252"),
        );
        check("text/html", b"\xef\xbb\xbf<meta charset=iso-8859-1>", Utf8);
        check(
            "text/html",
            b"<?xml encoding='koi8-r'?>",
            Declared("KOI8-R"),
        );
    }

    #[test]
    fn a_style_sheet_names_its_encoding_in_its_first_rule() {
        use Charset::*;
        check("text/css", b"@charset \"koi8-r\"; a {}", Declared("KOI8-R"));
        check("text/css", b"@charset \"utf-8\";", Utf8);
        check("text/css", b"@charset \"utf-16\";", Utf8);
        check("text/css", b"@charset \"nonsense\";", Utf8);
        for ignored in [
            &b"@charset 'koi8-r';"[..],
            b"@charset  \"koi8-r\";",
            b"@CHARSET \"koi8-r\";",
            b"@charset \"koi8-r\" ;",
            b" @charset \"koi8-r\";",
            b"@charset \"koi8-r",
        ] {
            check("text/css", ignored, Utf8);
        }
    }

    #[test]
    fn types_without_the_parameter_do_not_get_it() {
        for essence in [
            "application/json",
            "application/xml",
            "image/svg+xml",
            "text/rtf",
        ] {
            check(essence, b"", Charset::NotDefined);
        }
    }
}
