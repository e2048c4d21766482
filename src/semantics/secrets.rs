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

/// How a word of a field's name ends, apart from a plural, that says that the values are secret. Programs have many such
/// fields.
const SECRET_WORDS: [&[u8]; 15] = [
    b"auth",
    b"authorization",
    b"cookie",
    b"credential",
    b"jwt",
    b"key",
    b"passphrase",
    b"passwd",
    b"password",
    b"pwd",
    b"secret",
    b"session",
    b"sid",
    b"signature",
    b"token",
];

/// Whether the name of a field that the operator has chosen says that its values are secret, such as `X-Api-Key`.
pub fn says_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|octet| !octet.is_ascii_alphanumeric());
    words.any(|word| {
        let one = word.strip_suffix(b"s").unwrap_or(word);
        SECRET_WORDS.iter().any(|secret| one.ends_with(secret))
    })
}

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

/// Where the secret of a line begins, if the line is a field with one. The line may be malformed:
///
/// ```text
/// X Cookie: ***           other words before the name
/// "Coo\x01kie": ***       other octets around it or within it
/// Cook ie ***             no colon
/// A: b\0Cookie: ***       another field behind an octet that no value may have (RFC 9110 section 5.5)
/// ```
///
/// What follows a space and a slash is the target of a request, and no name.
pub fn secret_of_line(line: &[u8]) -> Option<usize> {
    let is_end = |octet: &u8| octet.is_ascii_control() && *octet != b'\t';
    let mut at = 0;
    let mut pieces = line.split(is_end).map(|piece| {
        let begin = at;
        at += piece.len() + 1;
        Some(begin + secret_of_field(piece)?)
    });
    // The octet may also stand within the name.
    secret_of_field(line).or_else(|| pieces.find_map(|secret| secret))
}

/// The same for one field. Without a colon, its name comes first.
fn secret_of_field(field: &[u8]) -> Option<usize> {
    let colon = field.iter().position(|&octet| octet == b':');
    let before = &field[..colon.unwrap_or(field.len())];
    let mut pairs = before.windows(2);
    let target = pairs.position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'/');
    let names = &before[..target.unwrap_or(before.len())];
    let mut starts = (0..names.len()).filter(|&at| {
        let is_first = at == 0 || !is_of_token(names[at - 1]);
        is_first && is_of_token(names[at])
    });
    let end = match colon {
        Some(_) => starts.find_map(|start| Some(start + end_of_secret_name(&names[start..])?)),
        None => starts
            .next()
            .and_then(|start| Some(start + end_of_secret_name(&names[start..])?)),
    }?;
    let is_between = before[end..].iter().all(|&octet| !is_of_token(octet));
    Some(colon.filter(|_| is_between).map_or(end, |colon| colon + 1))
}

/// The length of the longest secret name: `Proxy-Authorization`.
const LONGEST: usize = 19;

/// Where a secret name ends that begins with this text. It consists of whole words. Other octets than letters and hyphens do not
/// count.
fn end_of_secret_name(text: &[u8]) -> Option<usize> {
    let mut name = Vec::with_capacity(LONGEST);
    let mut words = text.split_inclusive(|&octet| !is_of_token(octet));
    // Without this, a line of many words without letters would be read once for each.
    if !words.next()?.iter().any(is_of_name) {
        return None;
    }
    for (at, octet) in text.iter().enumerate() {
        if is_of_name(octet) {
            if name.len() == LONGEST {
                return None;
            }
            name.push(*octet);
        }
        let is_end = text.get(at + 1).is_none_or(|&next| !is_of_token(next));
        if is_end && is_secret(&name) {
            return Some(at + 1);
        }
    }
    None
}

fn is_of_token(octet: u8) -> bool {
    is_token(&[octet])
}

fn is_of_name(octet: &u8) -> bool {
    octet.is_ascii_alphabetic() || *octet == b'-'
}

/// Whether the values of the field with this name may have user information. Spaces around the name do not count.
pub fn may_have_user_information(name: &[u8]) -> bool {
    has_uri(name) || is_host(name)
}

fn has_uri(name: &[u8]) -> bool {
    let mut with_uri = WITH_URI.iter();
    with_uri.any(|known| name.trim_ascii().eq_ignore_ascii_case(known))
}

fn is_host(name: &[u8]) -> bool {
    name.trim_ascii().eq_ignore_ascii_case(b"Host")
}

/// Where the user information stands in the value of the field with this name. A relative reference has none, unless it
/// begins with an authority (RFC 3986 section 4.2): `//user@host/`.
pub fn user_information_of_field(name: &[u8], value: &[u8]) -> Option<Range<usize>> {
    match scheme(value) {
        Some(scheme) if may_have_user_information(name) => {
            before_at(value, scheme + b"://".len(), true)
        }
        None if is_host(name) => before_at(value, 0, false),
        None if has_uri(name) && value.starts_with(b"//") => before_at(value, b"//".len(), true),
        _ => None,
    }
}

/// The value of the field with this name, with a mask for user information.
pub fn value_without_user_information<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    without(value, user_information_of_field(name, value))
}

/// Where the user information of a target, a URI or an authority stands (RFC 3986 section 3.2.1): before the last `@` of
/// the authority. If there is no scheme, nobody knows where a malformed authority ends, so the last `@` of all counts.
pub fn user_information(target: &[u8]) -> Option<Range<usize>> {
    // Most targets are in origin-form.
    if matches!(target.first(), None | Some(b'/')) {
        return None;
    }
    match scheme(target) {
        Some(scheme) => before_at(target, scheme + b"://".len(), true),
        None => before_at(target, 0, false),
    }
}

/// What stands before the last `@` of the authority that begins here, and ends before a path, a query or a fragment if it
/// `has_end`.
fn before_at(text: &[u8], begin: usize, has_end: bool) -> Option<Range<usize>> {
    let rest = &text[begin..];
    let length = rest
        .iter()
        .position(|octet| has_end && b"/?#".contains(octet));
    let authority = &rest[..length.unwrap_or(rest.len())];
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
    without(target, user_information(target))
}

/// A text with a mask for the user information of each URL in it. A URL ends at a space, a quotation mark or a
/// bracket, and may begin with its authority (RFC 3986 section 4.2): `//user@host/`.
pub fn text_without_user_information(text: &str) -> Cow<'_, str> {
    const BEFORE: &[char] = &[':', '=', ' ', '\t', '\n', '"', '\'', '<', '(', ',', ';'];
    const BEHIND: &[char] = &[
        '/', '?', '#', ' ', '\t', '\n', '"', '\'', '<', '>', '(', ')',
    ];
    let mut shown = Cow::Borrowed("");
    let mut rest = text;
    while let Some(slashes) = rest.find("//") {
        let (before, authority) = rest.split_at(slashes + "//".len());
        let is_first = slashes == 0 && shown.is_empty();
        let begins = is_first || before[..slashes].ends_with(BEFORE);
        let end = authority.find(BEHIND).unwrap_or(authority.len());
        shown += before;
        rest = authority;
        if let Some(at) = authority[..end].rfind('@').filter(|_| begins) {
            shown += MASK;
            rest = &authority[at..];
        }
    }
    shown + rest
}

fn without(text: &[u8], secret: Option<Range<usize>>) -> Cow<'_, [u8]> {
    match secret {
        None => Cow::Borrowed(text),
        Some(Range { start, end }) => {
            Cow::Owned([&text[..start], MASK.as_bytes(), &text[end..]].concat())
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
        check_line("X Cookie: a", Some("X Cookie:"));
        check_line("X/Cookie: a", Some("X/Cookie:"));
        check_line("X Cookie Y: a", Some("X Cookie"));
        check_line("Cook ie a", Some("Cook ie"));
        check_line("Cookie /a: b", Some("Cookie"));
        check_line("A: b\0Cookie: c", Some("A: b\0Cookie:"));
        check_line("A: b\x7f\x01Cookie c", Some("A: b\x7f\x01Cookie"));
        check_line("1 Coo\0kie: a", Some("1 Coo\0kie:"));
        for line in [
            "GET /cookie HTTP/1.1",
            "GET /a/cookie:1?cookie",
            "X Cookie a",
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
    fn some_names_say_that_their_values_are_secret() {
        for name in [
            "Authorization",
            "set-cookie",
            "X-Api-Key",
            "X_APIKEY",
            "X-Secret",
            "X-Auth-Token",
            "Session",
            "X-Api-Keys",
            "X-Jwt",
        ] {
            assert!(says_secret(name.as_bytes()), "{name}");
        }
        for name in ["X-Author", "Link", "X-Keyboard", "Cache-Control", ""] {
            assert!(!says_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_text_may_have_several_urls() {
        let check = |text: &str, want: &str| {
            assert_eq!(text_without_user_information(text), want, "{text}");
        };
        check(
            "/a=https://u:p@b.example/@c 308",
            "/a=https://***@b.example/@c 308",
        );
        check("//u@h", "//***@h");
        check("/a=//u@h/", "/a=//***@h/");
        check(
            "<http://a@b@c?d>; e, <ftp://f@g>",
            "<http://***@c?d>; e, <ftp://***@g>",
        );
        for text in [
            "",
            "//",
            "/a//b@c",
            "https://h/u@h",
            "http://h",
            "a@b",
            "////@/",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn some_fields_have_user_information() {
        let check = |name: &str, value: &str, want: &str| {
            let shown = value_without_user_information(name.as_bytes(), value.as_bytes());
            assert_eq!(String::from_utf8_lossy(&shown), want, "{name}: {value}");
        };
        check("host", "user:pw@h", "***@h");
        check("Referer", "http://user:pw@h/", "http://***@h/");
        check(" Referer\t", "//user:pw@h/a@b", "//***@h/a@b");
        check("Location", "//h/a@b", "//h/a@b");
        check("Location", "/a@b", "/a@b");
        check("host ", "/user:pw@h", "***@h");
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
