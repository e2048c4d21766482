//! The names and values of a query, as forms encode them (the URL standard, section
//! "application/x-www-form-urlencoded").
//!
//! ```text
//! query = [ pair *( "&" pair ) ]
//! pair  = name [ "=" value ]            sort=size&q=a+b%2Bc    download
//! ```

use std::borrow::Cow;

use super::percent::{Octet, octets};

/// One pair of a query, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The name.
    pub name: Cow<'a, [u8]>,
    /// The value; empty if the pair has no `=`.
    pub value: Cow<'a, [u8]>,
}

/// The pairs of a query. Text that is not encoded is not copied.
pub fn pairs(query: &[u8]) -> impl DoubleEndedIterator<Item = Pair<'_>> {
    let parts = query.split(|&byte| byte == b'&');
    parts.filter(|part| !part.is_empty()).map(|part| {
        let sign = part.iter().position(|&byte| byte == b'=');
        let (name, value) = part.split_at(sign.unwrap_or(part.len()));
        Pair {
            name: decoded(name),
            value: decoded(value.strip_prefix(b"=").unwrap_or(value)),
        }
    })
}

/// Decodes a name or a value. `+` becomes a space, and a malformed `%` stays a percent sign.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| b"+%".contains(byte)) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend(octets(text).map(|octet| match octet {
        Octet::Plain(b'+') => b' ',
        Octet::Plain(byte) | Octet::Encoded(byte) => byte,
        Octet::Malformed => b'%',
    }));
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &[u8], want: &[(&[u8], &[u8])]) {
        let got: Vec<Pair> = pairs(query).collect();
        let got: Vec<_> = got.iter().map(|pair| (&*pair.name, &*pair.value)).collect();
        assert_eq!(got, want, "{query:?}");
    }

    #[test]
    fn names_and_values_are_decoded() {
        check(b"", &[]);
        check(b"&&", &[]);
        check(b"a", &[(b"a", b"")]);
        check(b"a=", &[(b"a", b"")]);
        check(b"=b", &[(b"", b"b")]);
        check(b"a=b&c", &[(b"a", b"b"), (b"c", b"")]);
        check(b"a=b=c", &[(b"a", b"b=c")]);
        check(b"%64ownload", &[(b"download", b"")]);
        check(b"archive=z%69p", &[(b"archive", b"zip")]);
        check(b"q=a+b%2Bc%26%3d", &[(b"q", b"a b+c&=")]);
        check(b"a%3Db", &[(b"a=b", b"")]);
        check(b"q=%zz%4", &[(b"q", b"%zz%4")]);
        check(b"q=%FF\xff", &[(b"q", b"\xff\xff")]);
    }

    #[test]
    fn what_is_not_encoded_is_not_copied() {
        let pair = pairs(b"a=b").next().expect("a pair");
        assert!(matches!(pair.name, Cow::Borrowed(_)));
        assert!(matches!(pair.value, Cow::Borrowed(_)));
    }
}
