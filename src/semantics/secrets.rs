//! Which parts of a message are secret: whoever reads them could act for the client (RFC 9110 sections 4.2.4, 11.6.2
//! and 11.7.2, RFC 6265 section 8).
//!
//! ```text
//! Authorization: Basic ***               a field whose values are secret
//! Authorization Basic ***                the same line, malformed
//! GET http://***@example.org/ HTTP/1.1   the user information of a target
//! ```
//!
//! Invariant: the log, the wire view and the decision steps ask this module what is secret.

use std::borrow::Cow;
use std::ops::Range;

use super::field::is_token;

/// What stands for a secret.
pub const MASK: &str = "***";

/// Fields of a request whose values let others act for the client.
const OF_REQUEST: [&[u8]; 3] = [b"Authorization", b"Proxy-Authorization", b"Cookie"];

/// The same of a response.
const OF_RESPONSE: &[u8] = b"Set-Cookie";

/// Fields whose value is a URI, or a reference that is relative to one.
const WITH_URI: [&[u8]; 3] = [b"Referer", b"Location", b"Content-Location"];

/// Whether the values of a request's field let others act for the client. Names are case-insensitive.
pub fn is_secret_of_request(name: &[u8]) -> bool {
    OF_REQUEST
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// The same for a field of a request or a response.
fn is_secret(name: &[u8]) -> bool {
    is_secret_of_request(name) || name.eq_ignore_ascii_case(OF_RESPONSE)
}

/// Where the secret of a line begins, if the line is a field with one. The line may be malformed: it may have other
/// octets around the name or within it, or no colon.
pub fn secret_of_line(line: &[u8]) -> Option<usize> {
    let is_of_token = |octet: &u8| is_token(std::slice::from_ref(octet));
    let begin = line.iter().position(is_of_token)?;
    let length =
        |of: &[u8], is: &dyn Fn(&u8) -> bool| of.iter().take_while(|octet| is(octet)).count();
    let end = begin + length(&line[begin..], &is_of_token);
    let behind = end + length(&line[end..], &|octet| !is_of_token(octet));
    let colon = line.iter().position(|&octet| octet == b':');
    if is_secret(&line[begin..end]) {
        return Some(
            colon
                .filter(|&colon| colon < behind)
                .map_or(end, |colon| colon + 1),
        );
    }
    let is_of_name = |octet: &&u8| octet.is_ascii_alphabetic() || **octet == b'-';
    let name: Vec<u8> = line[..colon?].iter().filter(is_of_name).copied().collect();
    is_secret(&name).then_some(colon? + 1)
}

/// The value of the field with this name, with a mask for user information. A relative reference has none.
pub fn value_without_user_information<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    let mut with_uri = WITH_URI.iter();
    let is_uri = with_uri.any(|known| name.eq_ignore_ascii_case(known));
    match (is_uri && scheme(value).is_some()) || name.eq_ignore_ascii_case(b"Host") {
        true => without_user_information(value),
        false => Cow::Borrowed(value),
    }
}

/// Where the user information of a target, a URI or an authority stands (RFC 3986 section 3.2.1): before the last `@` of
/// the authority. If there is no scheme, nobody knows where a malformed authority ends, so the last `@` of all counts.
pub fn user_information(target: &[u8]) -> Option<Range<usize>> {
    // Most targets are in origin-form.
    if matches!(target.first(), None | Some(b'/')) {
        return None;
    }
    let scheme = scheme(target);
    let begin = scheme.map_or(0, |scheme| scheme + b"://".len());
    let rest = &target[begin..];
    let length = rest.iter().position(|octet| b"/?#".contains(octet));
    let authority = match (scheme, length) {
        (Some(_), Some(length)) => &rest[..length],
        _ => rest,
    };
    let at = authority.iter().rposition(|&octet| octet == b'@')?;
    Some(begin..begin + at)
}

/// The length of the scheme, if `://` follows it (RFC 3986 section 3.1).
fn scheme(target: &[u8]) -> Option<usize> {
    let is_octet = |octet: &u8| octet.is_ascii_alphanumeric() || b"+-.".contains(octet);
    let length = target.iter().take_while(|octet| is_octet(octet)).count();
    let is_scheme = target.first().is_some_and(u8::is_ascii_alphabetic);
    (is_scheme && target[length..].starts_with(b"://")).then_some(length)
}

/// The target, with a mask for its user information.
pub fn without_user_information(target: &[u8]) -> Cow<'_, [u8]> {
    match user_information(target) {
        None => Cow::Borrowed(target),
        Some(Range { start, end }) => {
            Cow::Owned([&target[..start], MASK.as_bytes(), &target[end..]].concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(line: &str, want: Option<&str>) {
        let shown = secret_of_line(line.as_bytes()).map(|secret| &line[..secret]);
        assert_eq!(shown, want, "{line:?}");
    }

    #[test]
    fn secret_fields_are_known_even_if_they_are_malformed() {
        check_line("Cookie: a=b", Some("Cookie:"));
        check_line("set-COOKIE:a=b", Some("set-COOKIE:"));
        check_line(
            "Proxy-Authorization : Basic a",
            Some("Proxy-Authorization :"),
        );
        // Without a colon, or with one in the secret.
        check_line("Authorization Bearer a", Some("Authorization"));
        check_line("Authorization Bearer a:b", Some("Authorization"));
        check_line("Authorization=Bearer a", Some("Authorization"));
        check_line("Cookie", Some("Cookie"));
        // With other octets.
        check_line("\"Cookie\x0b\": a", Some("\"Cookie\x0b\":"));
        check_line("\x01Coo kie: a", Some("\x01Coo kie:"));
        for line in [
            "",
            ":",
            " ",
            "Cookies: a",
            "Cookie-Policy a",
            "A: Cookie: b",
            "GET / HTTP/1.1",
        ] {
            check_line(line, None);
        }
    }

    #[track_caller]
    fn check_target(target: &str, want: &str) {
        let shown = without_user_information(target.as_bytes());
        assert_eq!(String::from_utf8_lossy(&shown), want, "{target}");
    }

    #[test]
    fn some_fields_have_user_information() {
        let check = |name: &str, value: &str, want: &str| {
            let shown = value_without_user_information(name.as_bytes(), value.as_bytes());
            assert_eq!(String::from_utf8_lossy(&shown), want, "{name}: {value}");
        };
        check("host", "user:pw@h", "***@h");
        check("Referer", "http://user:pw@h/", "http://***@h/");
        check("Location", "a@b/", "a@b/");
        check("From", "a@b", "a@b");
        check("X-A", "http://user:pw@h/", "http://user:pw@h/");
    }

    /// RFC 9110 section 4.2.4.
    #[test]
    fn user_information_is_secret() {
        check_target("http://user:pw@h/", "http://***@h/");
        check_target("HTTPS://pw@h:1?a@b", "HTTPS://***@h:1?a@b");
        check_target("ftp://a@b@h", "ftp://***@h");
        check_target("user:pw@h:443", "***@h:443");
        check_target("user:p/w@h", "***@h");
        check_target("user:p://w@h", "***@h");
        check_target("://pw@h/", "***@h/");
        for same in [
            "",
            "/",
            "/a@b",
            "//a@b/",
            "*",
            "h:443",
            "http://h/a@b",
            "http://h?a@b",
            "http://h#a@b",
        ] {
            check_target(same, same);
        }
    }
}
