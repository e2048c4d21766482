//! Parses the parts of a request as people type them, and rejects what HTTP/1.1 cannot express.
//!
//! ```text
//! request-line = method SP request-target SP HTTP-version     RFC 9112 section 3
//! field-line   = field-name ":" OWS field-value OWS           RFC 9112 section 5
//! ```
//!
//! A request that is invalid but can be sent is accepted, because docroot can explain its answer.

use crate::semantics::field::{is_token, trim};

/// Parses a method, which is a token such as `GET`.
pub fn method(typed: &[u8]) -> Result<Vec<u8>, String> {
    match is_token(typed) {
        true => Ok(typed.to_vec()),
        false => Err("it is not a method: write a word such as GET or HEAD".into()),
    }
}

/// Parses a target such as `/index.html?a=b`. It may have all octets except those that end the
/// target or the line. RFC 9112 section 3 lets a recipient split the line at each of these, except
/// NUL.
pub fn target(typed: &[u8]) -> Result<Vec<u8>, String> {
    let splits = |octet: &u8| b"\0\t\n\x0b\x0c\r ".contains(octet);
    match typed {
        [] => Err("the target is empty; write / for the served directory".into()),
        _ if typed.iter().any(splits) => {
            Err("a target cannot contain a space, a line end or a NUL; write a space as %20".into())
        }
        _ => Ok(typed.to_vec()),
    }
}

/// Parses a name and a value, such as `Range: bytes=0-99`. The value may be empty.
pub fn field(typed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let colon = typed.iter().position(|&octet| octet == b':');
    let colon = colon.ok_or("it has no colon; write 'Name: value'")?;
    let (name, value) = (&typed[..colon], &typed[colon + 1..]);
    if !is_token(name) {
        return Err(
            "the text before the colon is not a field name: write a name such as Range".into(),
        );
    }
    // RFC 9110 section 5.5: these three are invalid and dangerous.
    if value.iter().any(|octet| b"\r\n\0".contains(octet)) {
        return Err("a field value cannot contain CR, LF or NUL; remove it".into());
    }
    Ok((name.to_vec(), trim(value).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_tokens() {
        for good in ["GET", "get", "M-SEARCH", "!#$%&'*+-.^_`|~9"] {
            assert_eq!(method(good.as_bytes()), Ok(good.into()));
        }
        for bad in ["", " ", "GET ", "G:T", "G\u{e9}T", "G\rT", "G(T"] {
            assert!(method(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn targets_fit_into_the_request_line() {
        for good in [
            "/",
            "*",
            "no-slash",
            "/a?b#c",
            "http://a/",
            "/\u{e9}",
            "/\x01",
        ] {
            assert_eq!(target(good.as_bytes()), Ok(good.into()));
        }
        assert_eq!(target(b"/\xff"), Ok(b"/\xff".to_vec()));
        for bad in [
            "", " ", "/a b", "/a\t", "/\r", "/\n", "/\0", "/\x0b", "/\x0c",
        ] {
            assert!(target(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[track_caller]
    fn check_field(typed: &str, want: Option<(&str, &str)>) {
        let want = want.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(field(typed.as_bytes()).ok(), want, "{typed:?}");
    }

    #[test]
    fn fields_have_a_name_and_a_value() {
        check_field("Range: bytes=0-9", Some(("Range", "bytes=0-9")));
        check_field("a:b", Some(("a", "b")));
        check_field("a: \tb c \t", Some(("a", "b c")));
        check_field("a:b:c", Some(("a", "b:c")));
        check_field("Accept:", Some(("Accept", "")));
        check_field("Accept:  ", Some(("Accept", "")));
        check_field("", None);
        check_field("Accept", None);
        check_field(":value", None);
        check_field("Accept : a", None);
        check_field("A\u{e9}: a", None);
        for end in ["\r", "\n", "\0", "\r\n"] {
            check_field(&format!("A: a{end}b"), None);
            check_field(&format!("A: a{end}"), None);
            check_field(&format!("A{end}: a"), None);
        }
        assert_eq!(field(b"A: \xff"), Ok((b"A".to_vec(), b"\xff".to_vec())));
    }
}
