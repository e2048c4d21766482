//! Which other origins may read responses, and the answer to a preflight request (the Fetch standard,
//! section "HTTP-CORS protocol").
//!
//! ```text
//! Origin: https://a.example          Access-Control-Allow-Origin: https://a.example
//!                                    Vary: Origin
//! ```

use std::fmt;

use super::field::{FieldName, Fields, is_token, trim};
use super::method::Method;

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
    /// It is not a scheme, a host and perhaps a port.
    NotAnOrigin,
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
    if authority.contains('/') {
        return Err(OriginError::Path);
    }
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_host = !authority.is_empty()
        && !authority.starts_with(':')
        && authority
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if !is_scheme || !is_host {
        return Err(OriginError::NotAnOrigin);
    }
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let authority = authority.strip_suffix(default).unwrap_or(authority);
    Ok(format!("{scheme}://{authority}").into())
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

    #[track_caller]
    fn check_error(origins: &[&str], want: OriginError) {
        assert_eq!(cors(origins), Err(want), "{origins:?}");
        assert!(!want.to_string().is_empty());
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        check_error(&["a.example"], OriginError::NotAnOrigin);
        check_error(&[""], OriginError::NotAnOrigin);
        check_error(&["https://"], OriginError::NotAnOrigin);
        check_error(&["https://a b"], OriginError::NotAnOrigin);
        check_error(&["https://a\r\nX: y"], OriginError::NotAnOrigin);
        check_error(&["https://*.example"], OriginError::NotAnOrigin);
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
