//! What a client sent, made safe to print.
//!
//! Whatever goes in, what comes out is printable ASCII without a line end: it can neither begin a
//! line of the log nor move a terminal's cursor nor turn the direction of the text. Bytes beyond
//! ASCII are escaped too, because among them are the control characters C1 and the marks that
//! reverse text.

use super::calendar::append;

/// Appends `bytes` as nginx's log does: `"`, `\` and what is not printable ASCII as `\xHH`.
pub fn write_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    write_hex_where(out, bytes, |byte| {
        matches!(byte, b'"' | b'\\') || !is_printable(byte)
    });
}

/// Appends `bytes` as one word: like [`write_quoted`], but quotes stay and spaces go, so that no
/// column can be forged where spaces divide them.
pub fn write_word(out: &mut Vec<u8>, bytes: &[u8]) {
    write_hex_where(out, bytes, |byte| {
        matches!(byte, b' ' | b'\\') || !is_printable(byte)
    });
}

/// Appends `bytes` as a JSON string (RFC 8259 section 7), its quotes included. What is not UTF-8
/// becomes U+FFFD; what is not printable ASCII is written as `\uHHHH`.
pub fn write_json_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            write_json_char(out, char);
        }
        if !chunk.invalid().is_empty() {
            write_json_char(out, char::REPLACEMENT_CHARACTER);
        }
    }
    out.push(b'"');
}

/// SP to `~`: everything else in ASCII is a control character.
fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn write_hex_where(out: &mut Vec<u8>, bytes: &[u8], needs_escape: impl Fn(u8) -> bool) {
    for &byte in bytes {
        if needs_escape(byte) {
            append(out, format_args!("\\x{byte:02X}"));
        } else {
            out.push(byte);
        }
    }
}

fn write_json_char(out: &mut Vec<u8>, char: char) {
    match char {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        ' '..='~' => out.push(char as u8),
        _ => {
            // Beyond the basic plane, a pair of surrogates stands for one character.
            for unit in char.encode_utf16(&mut [0; 2]) {
                append(out, format_args!("\\u{unit:04x}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: fn(&mut Vec<u8>, &[u8]), bytes: &[u8], want: &str) {
        let mut got = Vec::new();
        write(&mut got, bytes);
        assert_eq!(String::from_utf8_lossy(&got), want, "{bytes:?}");
    }

    #[test]
    fn quoted_is_as_in_nginx() {
        check(write_quoted, b"", "");
        check(write_quoted, b"/a b?c=~", "/a b?c=~");
        check(write_quoted, b"a\"b\\c", "a\\x22b\\x5Cc");
        check(
            write_quoted,
            b"\r\n\t\0\x1b[2J\x7f",
            "\\x0D\\x0A\\x09\\x00\\x1B[2J\\x7F",
        );
        check(
            write_quoted,
            "\u{e9}\u{9b}".as_bytes(),
            "\\xC3\\xA9\\xC2\\x9B",
        ); // C1 CSI
    }

    #[test]
    fn a_word_has_no_spaces() {
        check(write_word, b"/a b\"\\", "/a\\x20b\"\\x5C");
        check(write_word, "\u{202e}".as_bytes(), "\\xE2\\x80\\xAE"); // right-to-left override
    }

    #[test]
    fn json_strings_are_ascii() {
        check(write_json_string, b"", "\"\"");
        check(write_json_string, b"a\"\\/", r#""a\"\\/""#);
        check(write_json_string, b"\n\x1b\x7f", r#""\u000a\u001b\u007f""#);
        check(
            write_json_string,
            "\u{e9}\u{1f600}".as_bytes(),
            r#""\u00e9\ud83d\ude00""#,
        );
        check(write_json_string, b"a\xffb\xe2\x80", r#""a\ufffdb\ufffd""#);
    }
}
