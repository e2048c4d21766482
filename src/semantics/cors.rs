//! Which other origins may read responses, and the answer to a preflight request (the Fetch standard,
//! section "HTTP-CORS protocol").
//!
//! ```text
//! Origin: https://a.example          Access-Control-Allow-Origin: https://a.example
//!                                    Vary: Origin
//! ```

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use super::field::{FieldName, Fields, is_token, trim};
use super::host::Host;
use super::method::Method;
use crate::text::octet::{self, LABEL};

/// The origins that may read responses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// No other origin. No field is sent.
    #[default]
    Off,
    /// Every origin, but never with credentials.
    Any,
    /// These origins.
    Listed(Vec<Box<str>>),
}

/// What is wrong with an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// It does not begin with a scheme and `://`.
    NotAnOrigin,
    /// What follows is not a host as browsers write it: they encode characters beyond ASCII with Punycode.
    Host,
    /// The port is not a number of 16 bits.
    Port,
    /// It has a path, or a slash at its end.
    Path,
    /// `*` stands for every origin, so it stands alone.
    AnyAndOthers,
}

/// The fields of a response that scripts of other origins may read, beside those that they always may.
pub const EXPOSED: &str = "Accept-Ranges, Content-Digest, Content-Disposition, Content-Encoding, \
                           Content-Length, Content-Location, Content-Range, ETag, Repr-Digest, \
                           Retry-After";

/// The field that says which origin may read a response.
pub const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";

/// The field that lets scripts read responses to requests with credentials.
pub const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";

/// How long a client may remember the answer to a preflight request, in seconds: browsers limit it to two
/// hours.
pub const PREFLIGHT_AGE: u64 = 7200;

/// The longest list of field names that a preflight request may ask for, in bytes.
const MOST_NAMES: usize = 1024;

impl Cors {
    /// Adds an origin, or `*` for every one.
    pub fn add(&mut self, text: &str) -> Result<(), OriginError> {
        let text = text.trim();
        match (&mut *self, text) {
            (Cors::Off, "*") => *self = Cors::Any,
            (Cors::Any, "*") => {}
            (Cors::Any, _) | (Cors::Listed(_), "*") => return Err(OriginError::AnyAndOthers),
            (Cors::Off, _) => *self = Cors::Listed(vec![origin(text)?]),
            (Cors::Listed(origins), _) => {
                let origin = origin(text)?;
                if !origins.contains(&origin) {
                    origins.push(origin);
                }
            }
        }
        Ok(())
    }

    /// The value of `Access-Control-Allow-Origin` for a request with these fields. `None`: its origin may
    /// not read the response.
    pub fn allowed(&self, fields: &Fields<'_>) -> Option<&str> {
        match self {
            Cors::Off => None,
            Cors::Any => Some("*"),
            Cors::Listed(origins) => {
                let sent = fields.sole(FieldName::Origin)?;
                let found = origins.iter().find(|origin| origin.as_bytes() == sent);
                found.map(|origin| &**origin)
            }
        }
    }

    /// Whether responses depend on the origin, so that `Vary` names it.
    pub fn varies(&self) -> bool {
        matches!(self, Cors::Listed(_))
    }
}

/// An origin as browsers send it: scheme and host in lower case, without the default port.
pub fn origin(text: &str) -> Result<Box<str>, OriginError> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://").ok_or(OriginError::NotAnOrigin)?;
    if !is_scheme(scheme) {
        return Err(OriginError::NotAnOrigin);
    }
    if authority.contains('/') {
        return Err(OriginError::Path);
    }
    let parsed = Host::parse(authority.as_bytes()).filter(|_| !authority.ends_with(':'));
    let parsed = parsed.ok_or_else(|| fault_of(authority))?;
    let host = host_of_browsers(parsed.name).ok_or(OriginError::Host)?;
    let default = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    Ok(match parsed.port.filter(|port| Some(*port) != default) {
        Some(port) => format!("{scheme}://{host}:{port}").into(),
        None => format!("{scheme}://{host}").into(),
    })
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_of_scheme)
}

/// What is wrong with a host and its port.
fn fault_of(authority: &str) -> OriginError {
    let host = authority.rsplit_once(':').map(|(host, _)| host);
    match host.and_then(|host| Host::parse(host.as_bytes())) {
        Some(_) => OriginError::Port,
        None => OriginError::Host,
    }
}

/// A host in the form in which browsers send it. `None` if they would not send it.
fn host_of_browsers(name: &[u8]) -> Option<String> {
    let text = str::from_utf8(name).ok()?;
    if let Some(literal) = text.strip_prefix('[') {
        let address: Ipv6Addr = literal.strip_suffix(']')?.parse().ok()?;
        return Some(match (address.to_ipv4_mapped(), address.segments()) {
            // Browsers never write the last part as an IPv4 address.
            (Some(_), [.., high, low]) => format!("[::ffff:{high:x}:{low:x}]"),
            (None, _) => format!("[{address}]"),
        });
    }
    let last = text.strip_suffix('.').unwrap_or(text).rsplit('.').next()?;
    if is_number(last) {
        // Browsers write every form of an IPv4 address in this one.
        return text
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| address.to_string());
    }
    let is_of_name = |byte: u8| byte == b'.' || octet::is(&LABEL, byte);
    text.bytes().all(is_of_name).then(|| text.to_owned())
}

/// Whether a label is a number, as in an IPv4 address.
fn is_number(label: &str) -> bool {
    let digits = label.strip_prefix("0x");
    match digits {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Whether a request is a preflight request.
pub fn is_preflight(method: Option<Method>, fields: &Fields<'_>) -> bool {
    method == Some(Method::Options)
        && fields.contains(FieldName::Origin)
        && fields.contains(FieldName::AccessControlRequestMethod)
}

/// The names of fields that a preflight request asks for, if they can be repeated in a field.
pub fn requested_names<'a>(fields: &Fields<'a>) -> Option<&'a [u8]> {
    let names = fields.sole(FieldName::AccessControlRequestHeaders)?;
    let are_names = names
        .split(|&byte| byte == b',')
        .all(|name| is_token(trim(name)));
    (are_names && names.len() <= MOST_NAMES).then_some(names)
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OriginError::NotAnOrigin => "write an origin such as https://app.example, or *",
            OriginError::Host => {
                "after :// write a host as browsers send it, such as app.example, xn--caf-dma.example or [::1]"
            }
            OriginError::Port => {
                "write a port from 0 to 65535 after the colon, or leave out both"
            }
            OriginError::Path => {
                "an origin has no path and no slash at its end, as in https://app.example"
            }
            OriginError::AnyAndOthers => {
                "* stands for every origin: leave out the others, or leave out *"
            }
        })
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;

    fn cors(origins: &[&str]) -> Result<Cors, OriginError> {
        let mut cors = Cors::default();
        origins.iter().try_for_each(|origin| cors.add(origin))?;
        Ok(cors)
    }

    #[track_caller]
    fn check(origins: &[&str], sent: &[&str], want: Option<&str>) {
        let cors = cors(origins).expect("origins");
        let lines: Vec<_> = sent.iter().map(|one| (FieldName::Origin, *one)).collect();
        assert_eq!(
            cors.allowed(&Section::of(&lines).fields()),
            want,
            "{sent:?}"
        );
    }

    #[test]
    fn only_allowed_origins_may_read() {
        check(&[], &["https://a.example"], None);
        check(&["*"], &[], Some("*"));
        check(&["*"], &["null"], Some("*"));
        let two = ["https://A.example:443", "http://b.example:8080"];
        check(&two, &["https://a.example"], Some("https://a.example"));
        check(
            &two,
            &["http://b.example:8080"],
            Some("http://b.example:8080"),
        );
        check(&two, &["http://a.example"], None);
        check(&two, &["https://a.example:444"], None);
        check(&two, &["https://a.example.evil"], None);
        check(&two, &["null"], None);
        check(&two, &[], None);
        check(&two, &["https://a.example", "https://a.example"], None);
    }

    #[test]
    fn origins_are_compared_as_browsers_write_them() {
        check(
            &["https://a.example:0444"],
            &["https://a.example:444"],
            Some("https://a.example:444"),
        );
        check(
            &["http://a.example:443"],
            &["http://a.example:443"],
            Some("http://a.example:443"),
        );
        check(
            &["http://a.example:080"],
            &["http://a.example"],
            Some("http://a.example"),
        );
        check(
            &["http://[0:0::1]:80"],
            &["http://[::1]"],
            Some("http://[::1]"),
        );
        check(
            &["http://[2001:DB8::A]:1"],
            &["http://[2001:db8::a]:1"],
            Some("http://[2001:db8::a]:1"),
        );
        check(
            &["http://[::ffff:1.2.3.4]:1"],
            &["http://[::ffff:102:304]:1"],
            Some("http://[::ffff:102:304]:1"),
        );
        check(
            &["http://127.0.0.1:1"],
            &["http://127.0.0.1:1"],
            Some("http://127.0.0.1:1"),
        );
        check(
            &["app://localhost"],
            &["app://localhost"],
            Some("app://localhost"),
        );
        check(
            &[" https://a.example "],
            &["https://a.example"],
            Some("https://a.example"),
        );
        check(&[" * "], &[], Some("*"));
    }

    #[track_caller]
    fn check_error(origins: &[&str], want: OriginError) {
        assert_eq!(cors(origins), Err(want), "{origins:?}");
        assert!(!want.to_string().is_empty());
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        check_error(&["a.example"], OriginError::NotAnOrigin);
        check_error(&[""], OriginError::NotAnOrigin);
        check_error(&["https://"], OriginError::Host);
        check_error(&["https://a b"], OriginError::Host);
        check_error(&["https://a\r\nX: y"], OriginError::Host);
        check_error(&["https://*.example"], OriginError::Host);
        check_error(&["https://:8443"], OriginError::Host);
        check_error(&["https://[::1"], OriginError::Host);
        check_error(&["https://::1"], OriginError::Host);
        check_error(&["https://[fe80::1%eth0]"], OriginError::Host); // browsers refuse zones
        check_error(&["https://me@a.example"], OriginError::Host);
        check_error(&["https://caf\u{e9}.example"], OriginError::Host);
        check_error(&["https://caf%C3%A9.example"], OriginError::Host);
        check_error(&["https://a.example?"], OriginError::Host);
        check_error(&["https://127.1"], OriginError::Host); // browsers send 127.0.0.1
        check_error(&["https://0x7f.1"], OriginError::Host);
        check_error(&["https://2130706433"], OriginError::Host);
        check_error(&["https://127.0.0.01"], OriginError::Host);
        check_error(&["https://a.example:"], OriginError::Port);
        check_error(&["https://a.example:abc"], OriginError::Port);
        check_error(&["https://a.example:99999"], OriginError::Port);
        check_error(&["https://a.example:80:80"], OriginError::Port);
        check_error(&["https://[::1]:x"], OriginError::Port);
        check_error(&["1s://a.example"], OriginError::NotAnOrigin);
        check_error(&["https://a.example/"], OriginError::Path);
        check_error(&["*", "https://a.example"], OriginError::AnyAndOthers);
        check_error(&["https://a.example", "*"], OriginError::AnyAndOthers);
    }

    #[test]
    fn safe_names_are_repeated() {
        let check = |lines: &[&str], want: Option<&str>| {
            let name = FieldName::AccessControlRequestHeaders;
            let lines: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
            let section = Section::of(&lines);
            let got = requested_names(&section.fields());
            assert_eq!(got, want.map(str::as_bytes), "{lines:?}");
        };
        check(&["range, x-a"], Some("range, x-a"));
        check(&["range"], Some("range"));
        check(&[], None);
        check(&["range,"], None);
        check(&["a b"], None);
        check(&["a", "b"], None);
        check(&[&"a".repeat(1025)], None);
    }
}
