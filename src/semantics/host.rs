//! RFC 3986 section 3.2: a host and its port.
//!
//! ```text
//! uri-host [ ":" port ]                                       example.org   [::1]:8080
//! uri-host    = IP-literal / IPv4address / reg-name           section 3.2.2
//! reg-name    = *( unreserved / pct-encoded / sub-delims )
//! ```
//!
//! Section 3.2.2 encodes characters beyond ASCII, such as `caf%C3%A9`. An encoded delimiter,
//! as in `h%2Fx`, is refused: after decoding, it would end the host or begin a port or a path.
//!
//! Some clients send the zone of a link-local address, as in `[fe80::1%eth0]`. It names an interface of
//! their own machine (RFC 4007 section 11), so it is tolerated and ignored.

use core::net::Ipv6Addr;

use crate::text::octet::{self, HOST_NAME, UNRESERVED};

/// A host and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// The name as sent, never empty. An IPv6 address keeps its brackets. Compare it without case.
    pub name: &'a [u8],
    /// `None` means the default port of the scheme.
    pub port: Option<u16>,
}

impl<'a> Host<'a> {
    /// Parses `uri-host [ ":" port ]`. `None` if it is malformed or if the host is empty, which RFC
    /// 9110 section 4.2.1 forbids in `http` URIs.
    pub fn parse(bytes: &'a [u8]) -> Option<Host<'a>> {
        let (name, rest) = bytes.split_at(name_length(bytes)?);
        let port = match rest {
            [] => None,
            [b':', digits @ ..] => port(digits)?,
            _ => return None,
        };
        Some(Host { name, port })
    }

    /// The name without the zone of an IPv6 address, in two pieces: `[fe80::1` and `]`.
    pub fn without_zone(&self) -> [&'a [u8]; 2] {
        match self.name {
            [b'[', ..] => {
                let end = self.name.len() - 1;
                let zone = self.name.iter().position(|&byte| byte == b'%');
                [&self.name[..zone.unwrap_or(end)], &self.name[end..]]
            }
            name => [name, b""],
        }
    }
}

/// The length of the host at the start of `bytes`. `None` if it is not a host.
fn name_length(bytes: &[u8]) -> Option<usize> {
    let length = match bytes {
        [b'[', ..] => bytes.iter().position(|&byte| byte == b']')? + 1,
        _ => reg_name_length(bytes)?,
    };
    let valid = match bytes.get(..length)? {
        [b'[', literal @ .., b']'] => is_ip_v6(literal) || is_ip_future(literal),
        name => !name.is_empty(),
    };
    valid.then_some(length)
}

/// The length of a registered name. IPv4 addresses match the same grammar. A `%` that does not begin
/// a valid encoding ends the name; the caller then finds no colon and refuses it.
fn reg_name_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        let rest = bytes.get(length..)?;
        length += octet::run(&HOST_NAME, rest);
        match bytes.get(length..)? {
            [b'%', high, low, ..] if may_be_encoded(*high, *low) => length += 3,
            _ => return Some(length),
        }
    }
}

/// Whether a registered name may contain the octet with these hexadecimal digits. Of ASCII, only the
/// unreserved characters may be encoded: no delimiter, no control character, no space and no `%`.
fn may_be_encoded(high: u8, low: u8) -> bool {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    match (digit(high), digit(low)) {
        (Some(8..), Some(_)) => true,
        (Some(high), Some(low)) => octet::is(&UNRESERVED, (high * 16 + low) as u8),
        _ => false,
    }
}

/// An IPv6 address, perhaps with a zone. RFC 6874 encodes the `%` before it as `%25`; clients also send
/// it as it is.
fn is_ip_v6(literal: &[u8]) -> bool {
    let (address, zone) = match literal.iter().position(|&byte| byte == b'%') {
        Some(at) => (&literal[..at], &literal[at + 1..]),
        None => (literal, &b"x"[..]),
    };
    let is_zone = !zone.is_empty() && octet::run(&UNRESERVED, zone) == zone.len();
    is_zone && str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// `IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`
fn is_ip_future(literal: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = literal else {
        return false;
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    match rest.split_at(digits) {
        ([_, ..], [b'.', address @ ..]) => {
            let allowed = |&byte: &u8| byte == b':' || octet::is(&HOST_NAME, byte);
            !address.is_empty() && address.iter().all(allowed)
        }
        _ => false,
    }
}

/// RFC 3986 section 3.2.3: `port = *DIGIT`; no digits mean the default port.
fn port(digits: &[u8]) -> Option<Option<u16>> {
    if digits.is_empty() {
        return Some(None);
    }
    let add = |port: u16, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        port.checked_mul(10)?.checked_add(u16::from(digit))
    };
    digits.iter().try_fold(0, add).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_value(value: &str, want: Option<(&str, Option<u16>)>) {
        let want = want.map(|(name, port)| Host {
            name: name.as_bytes(),
            port,
        });
        assert_eq!(Host::parse(value.as_bytes()), want, "{value:?}");
    }

    #[test]
    fn values() {
        check_value("example.org", Some(("example.org", None))); // RFC 3986 3.2.2
        check_value("Example.org:8080", Some(("Example.org", Some(8080))));
        check_value("h:", Some(("h", None))); // 3.2.3: port = *DIGIT
        check_value("h:0080", Some(("h", Some(80))));
        check_value("h:65535", Some(("h", Some(65535))));
        check_value("127.0.0.1:80", Some(("127.0.0.1", Some(80))));
        check_value("[::1]", Some(("[::1]", None)));
        check_value("[2001:db8::7]:443", Some(("[2001:db8::7]", Some(443))));
        check_value("[::ffff:1.2.3.4]", Some(("[::ffff:1.2.3.4]", None)));
        check_value("[v1.a:b]", Some(("[v1.a:b]", None))); // IPvFuture
        check_value("a_b~c!$", Some(("a_b~c!$", None)));
        check_value("caf%C3%A9", Some(("caf%C3%A9", None)));
        check_value("", None); // RFC 9110 4.2.1
        check_value(":80", None);
        check_value("h:65536", None);
        check_value("h:99999999999999999999", None);
        check_value("h:+1", None);
        check_value("h:8 0", None);
        check_value("h:80:80", None);
        check_value("me@h", None);
        check_value("a b", None);
        check_value("h/", None);
        check_value("h,g", Some(("h,g", None))); // sub-delims are valid in a name
        check_value("h?", None);
        check_value("h\\", None);
        check_value("h%4", None);
        check_value("h%zz", None);
        check_value("h%4z", None);
        check_value("h%z4", None);
        check_value("ab%41", Some(("ab%41", None)));
        check_value("a%2Db%7e", Some(("a%2Db%7e", None))); // unreserved
        check_value("a%ff", Some(("a%ff", None))); // beyond ASCII, not checked for UTF-8
        for delimiter in b":/?#[]@!$&'()*+,;=" {
            check_value(&format!("h%{delimiter:02x}x"), None); // RFC 3986 2.2
        }
        for other in (0..=b' ').chain(*b"\"%<>\\^`{|}\x7f") {
            check_value(&format!("h%{other:02X}:80"), None); // 2.1 and 3.2.2
        }
        check_value("%2F", None);
        check_value("h%2F@g", None);
        check_value("caf\u{e9}", None);
        check_value("::1", None);
        check_value("[::1", None);
        check_value("[]", None);
        check_value("[1.2.3.4]", None);
        check_value("[::1%25eth0]:80", Some(("[::1%25eth0]", Some(80)))); // RFC 6874
        check_value("[fe80::1%lo]", Some(("[fe80::1%lo]", None)));
        check_value("[::1%]", None);
        check_value("[::1%a/b]", None);
        check_value("[%lo]", None);
        check_value("[::1]x", None);
        check_value("[v1.]", None);
        check_value("[v.a]", None);
    }

    #[test]
    fn zones_are_left_out() {
        let without_zone = |text: &str| {
            let host = Host::parse(text.as_bytes()).expect(text);
            String::from_utf8(host.without_zone().concat()).expect("ASCII")
        };
        assert_eq!(without_zone("[fe80::1%25eth0]:80"), "[fe80::1]");
        assert_eq!(without_zone("[::1]"), "[::1]");
        assert_eq!(without_zone("h%C3%A9"), "h%C3%A9");
    }
}
