//! RFC 3986 section 2.1: percent-encoding and decoding.
//!
//! ```text
//! pct-encoded = "%" HEXDIG HEXDIG        a%20b    caf%C3%A9
//! ```

use std::fmt::{self, Display, Formatter};

use super::escape::write_hex;
use super::octet::{Class, UNRESERVED, alphanumeric_and};

/// Bytes that are displayed with percent-encoding.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    bytes: &'a [u8],
    kept: &'static Class,
}

/// Encodes a path segment or a query value. All bytes except the unreserved ones (section 2.3) are
/// encoded, so that the text means the same bytes in every component of a URI.
pub fn segment(bytes: &[u8]) -> Encoded<'_> {
    Encoded {
        bytes,
        kept: &UNRESERVED,
    }
}

/// Encodes a decoded path. Like [`segment`], but it keeps slashes.
pub fn path(bytes: &[u8]) -> Encoded<'_> {
    static KEPT: Class = alphanumeric_and(b"-._~/");
    Encoded { bytes, kept: &KEPT }
}

/// Encodes a path or query as received. Only bytes that are not allowed in a URI (sections 3.3 and
/// 3.4) are encoded. What the client already encoded is not encoded again.
pub fn as_sent(bytes: &[u8]) -> Encoded<'_> {
    static KEPT: Class = alphanumeric_and(b"-._~!$&'()*+,;=:@/?%");
    Encoded { bytes, kept: &KEPT }
}

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_hex(f, self.bytes, self.kept, "%")
    }
}

/// One decoded octet of percent-encoded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Octet {
    /// An octet that was not encoded.
    Plain(u8),
    /// An octet that was encoded as `%` and two hexadecimal digits.
    Encoded(u8),
    /// A `%` that is not followed by two hexadecimal digits.
    Malformed,
}

/// Decodes percent-encoded text, one octet at a time.
pub fn octets(text: &[u8]) -> impl Iterator<Item = Octet> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        rest = tail;
        if first != b'%' {
            return Some(Octet::Plain(first));
        }
        let Some((byte, tail)) = hex_pair(tail) else {
            return Some(Octet::Malformed);
        };
        rest = tail;
        Some(Octet::Encoded(byte))
    })
}

/// Decodes two hexadecimal digits to a byte. Also returns the text after them.
fn hex_pair(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let ([high, low], rest) = text.split_first_chunk()?;
    let byte = digit(*high)? * 16 + digit(*low)?;
    Some((byte as u8, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(encode: fn(&[u8]) -> Encoded<'_>, bytes: &[u8], want: &str) {
        assert_eq!(encode(bytes).to_string(), want, "{bytes:?}");
    }

    #[test]
    fn segments_are_encoded() {
        check(segment, b"", "");
        check(segment, b"a-Z.0_~", "a-Z.0_~"); // RFC 3986 2.3
        check(segment, b"a b", "a%20b");
        check(
            segment,
            b"100%?#&+\"'<:/",
            "100%25%3F%23%26%2B%22%27%3C%3A%2F",
        ); // 2.2
        check(segment, "ä".as_bytes(), "%C3%A4");
        check(segment, b"\xff\n", "%FF%0A");
    }

    #[test]
    fn paths_keep_their_slashes() {
        check(path, b"a/b c/", "a/b%20c/"); // 3.3
        check(path, b"a:b@?#", "a%3Ab%40%3F%23");
    }

    #[test]
    fn text_as_sent_keeps_its_encoding() {
        check(as_sent, b"/a%2Fb;c=d", "/a%2Fb;c=d"); // 3.3
        check(as_sent, b"a=b&c=/?%", "a=b&c=/?%"); // 3.4
        check(
            as_sent,
            b"\"<>[]^`{|}\\ \xff",
            "%22%3C%3E%5B%5D%5E%60%7B%7C%7D%5C%20%FF",
        );
    }

    #[track_caller]
    fn check_read(text: &str, want: &[Octet]) {
        let got: Vec<Octet> = octets(text.as_bytes()).collect();
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn octets_are_read() {
        use Octet::{Encoded, Malformed, Plain};
        check_read("", &[]);
        check_read("a+", &[Plain(b'a'), Plain(b'+')]);
        check_read("%c3%AF", &[Encoded(0xc3), Encoded(0xaf)]); // 2.1: case makes no difference
        check_read("%2541", &[Encoded(b'%'), Plain(b'4'), Plain(b'1')]); // 2.4: only once
        check_read("%", &[Malformed]);
        check_read("%4", &[Malformed, Plain(b'4')]);
        check_read("%%41", &[Malformed, Encoded(b'A')]);
        check_read("%+1", &[Malformed, Plain(b'+'), Plain(b'1')]);
    }

    proptest! {
        #[test]
        fn decoding_an_encoding_gives_the_bytes(bytes: Vec<u8>) {
            for encode in [segment, path] {
                let text = encode(&bytes).to_string();
                let read: Vec<u8> = octets(text.as_bytes())
                    .map(|octet| match octet {
                        Octet::Plain(byte) | Octet::Encoded(byte) => byte,
                        Octet::Malformed => b'!',
                    })
                    .collect();
                prop_assert_eq!(&read, &bytes, "{}", text);
            }
        }
    }
}
