//! RFC 9112 section 3.2: the four forms of a request-target. RFC 9110 section 4.2 defines the schemes.
//!
//! ```text
//! origin-form    = absolute-path [ "?" query ]    /a/b?c
//! absolute-form  = absolute-URI                   http://host/a/b?c   (sent to a proxy)
//! authority-form = uri-host ":" port              host:443            (only with CONNECT)
//! asterisk-form  = "*"                            *                   (only with OPTIONS)
//! ```
//!
//! Paths stay as sent. The code that maps them to files decodes them.

use std::fmt;

use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::host::Host;
use crate::semantics::method::Method;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};

/// A request-target, one variant for each form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Section 3.2.1: the form for an origin server.
    Origin {
        /// Begins with a slash. A second slash may follow.
        path: &'a [u8],
        /// What follows the first `?`, if there is one.
        query: Option<&'a [u8]>,
    },
    /// Section 3.2.2: the form for a proxy. A server must accept it too.
    Absolute {
        /// `http` or `https`.
        scheme: Scheme,
        /// The host. It takes precedence over the field `Host`.
        authority: Host<'a>,
        /// The path, or `/` if it is empty.
        path: &'a [u8],
        /// What follows the first `?`, if there is one.
        query: Option<&'a [u8]>,
    },
    /// Section 3.2.3: the host and port to which CONNECT wants a tunnel.
    Authority(&'a [u8]),
    /// Section 3.2.4: the server as a whole. In absolute-form, it has a host.
    Asterisk(Option<Host<'a>>),
}

/// The scheme of a URI (RFC 9110 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scheme {
    Http,
    Https,
}

/// An invalid request-target (400, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// It begins neither with a slash nor with a scheme and `://`.
    Form,
    /// The scheme is neither `http` nor `https` (RFC 9110 section 4.2).
    Scheme,
    /// The host is missing (RFC 9110 section 4.2.1), or the host or port is malformed.
    Authority,
    /// A name or password before `@`, which can disguise the host (RFC 9110 section 4.2.4).
    UserInformation,
    /// `*` with a method other than OPTIONS (section 3.2.4).
    AsteriskWithoutOptions,
    /// CONNECT without a host and a port (section 3.2.3).
    ConnectWithoutAuthority,
}

impl TargetError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            TargetError::Form => {
                "the request-target begins neither with a slash nor with http:// or https://"
            }
            TargetError::Scheme => "the scheme of the request-target is neither http nor https",
            TargetError::Authority => "the request-target has no valid host",
            TargetError::UserInformation => "the request-target has a user name or password",
            TargetError::AsteriskWithoutOptions => {
                "the request-target * is valid only with OPTIONS"
            }
            TargetError::ConnectWithoutAuthority => "CONNECT needs a host and a port",
        }
    }

    /// A change that mends the target.
    pub(super) fn edit(self) -> Edit {
        match self {
            TargetError::AsteriskWithoutOptions => Edit::method("OPTIONS"),
            TargetError::ConnectWithoutAuthority => Edit::method("GET"),
            TargetError::Form
            | TargetError::Scheme
            | TargetError::Authority
            | TargetError::UserInformation => Edit::target(NewTarget::Root),
        }
    }

    /// The rule that the request breaks.
    pub fn clause(self) -> Clause {
        match self {
            TargetError::Form => clause!("RFC 9112 section 3.2", "split_scheme"),
            TargetError::Scheme => clause!("RFC 9110 section 4.2", "split_scheme"),
            TargetError::Authority => clause!("RFC 9110 section 4.2.1", "parse_authority"),
            TargetError::UserInformation => clause!("RFC 9110 section 4.2.4", "parse_authority"),
            TargetError::AsteriskWithoutOptions => clause!("RFC 9112 section 3.2.4", "parse"),
            TargetError::ConnectWithoutAuthority => {
                clause!("RFC 9112 section 3.2.3", "authority_form")
            }
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for TargetError {}

impl<'a> Target<'a> {
    /// The host that the request is for. `field` is the value of the field `Host`; the host of an
    /// absolute-form target takes precedence over it (section 3.2.2).
    pub fn host(&self, field: Option<Host<'a>>) -> Option<Host<'a>> {
        match self {
            Target::Absolute { authority, .. } => Some(*authority),
            Target::Asterisk(authority) => authority.or(field),
            Target::Origin { .. } | Target::Authority(_) => field,
        }
    }

    /// Whether the connection is secure enough for the target. An `https` URI needs a secured
    /// connection (RFC 9110 section 7.4).
    pub fn may_come_in(&self, is_secured: bool) -> bool {
        let is_https = matches!(
            self,
            Target::Absolute {
                scheme: Scheme::Https,
                ..
            }
        );
        is_secured || !is_https
    }

    /// Parses a target that [`request_head`](super::parse::request_head) has accepted. `method`
    /// matters because two of the forms are valid with one method each.
    pub fn parse(method: Option<Method>, raw: &'a [u8]) -> Result<Target<'a>, TargetError> {
        match raw {
            _ if method == Some(Method::Connect) => authority_form(raw),
            [b'/', ..] => Ok(origin_form(raw)),
            b"*" if method == Some(Method::Options) => Ok(Target::Asterisk(None)),
            b"*" => Err(TargetError::AsteriskWithoutOptions),
            _ => absolute_form(method, raw),
        }
    }

    /// The step that says which form the target has. `raw` is the target as sent.
    pub(super) fn step(&self, raw: &[u8]) -> Step {
        let (clause, form) = match self {
            Target::Origin { .. } => (
                clause!("RFC 9112 section 3.2.1", "origin_form"),
                "the target is in origin-form",
            ),
            Target::Absolute { .. } => (ABSOLUTE, "the target is in absolute-form"),
            Target::Authority(_) => (
                clause!("RFC 9112 section 3.2.3", "authority_form"),
                "the target is in authority-form",
            ),
            Target::Asterisk(None) => (ASTERISK, "the target is in asterisk-form"),
            Target::Asterisk(Some(_)) => (
                ASTERISK,
                "the target is in absolute-form without a path, which means * for OPTIONS",
            ),
        };
        let edit = match self {
            Target::Absolute { .. } | Target::Asterisk(Some(_)) => {
                Some(Edit::target(NewTarget::OriginForm))
            }
            Target::Asterisk(None) => Some(Edit::target(NewTarget::Root)),
            Target::Origin { .. } => Some(Edit::target(NewTarget::AbsoluteForm)),
            Target::Authority(_) => None,
        };
        let step = Step::new(clause, form).with(Evidence::Value(Quote::of(raw)));
        step.unless(edit)
    }

    /// The step that says that the host of the target takes precedence over the field `Host`; `None`
    /// if the target has no such host.
    pub(super) fn host_step(&self) -> Option<Step> {
        const CLAUSE: Clause = clause!("RFC 9112 section 3.2.2", "host");
        let (Target::Absolute { authority, .. } | Target::Asterisk(Some(authority))) = self else {
            return None;
        };
        let step = Step::new(
            CLAUSE,
            "the host in the target replaces that of the field Host",
        );
        let step = step.with(Evidence::Value(Quote::of(authority.name)));
        Some(step.unless(Edit::target(NewTarget::OriginForm)))
    }

    /// The path as sent, if the target has one.
    pub fn path(&self) -> Option<&'a [u8]> {
        match *self {
            Target::Origin { path, .. } | Target::Absolute { path, .. } => Some(path),
            Target::Authority(_) | Target::Asterisk(_) => None,
        }
    }

    /// The query as sent, without its `?`.
    pub fn query(&self) -> Option<&'a [u8]> {
        match *self {
            Target::Origin { query, .. } | Target::Absolute { query, .. } => query,
            Target::Authority(_) | Target::Asterisk(_) => None,
        }
    }
}

const ABSOLUTE: Clause = clause!("RFC 9112 section 3.2.2", "absolute_form");
const ASTERISK: Clause = clause!("RFC 9112 section 3.2.4", "parse");

/// Section 3.2.1. `//host/` is an ordinary path, never a host.
fn origin_form(raw: &[u8]) -> Target<'_> {
    let (path, query) = split_query(raw);
    Target::Origin { path, query }
}

/// Section 3.2.3: `uri-host ":" port`. The port is required.
fn authority_form(raw: &[u8]) -> Result<Target<'_>, TargetError> {
    match Host::parse(raw) {
        Some(Host { port: Some(_), .. }) => Ok(Target::Authority(raw)),
        _ => Err(TargetError::ConnectWithoutAuthority),
    }
}

/// Section 3.2.2.
fn absolute_form(method: Option<Method>, raw: &[u8]) -> Result<Target<'_>, TargetError> {
    let (scheme, rest) = split_scheme(raw)?;
    let length = rest.iter().position(|byte| b"/?".contains(byte));
    let (authority, rest) = rest.split_at(length.unwrap_or(rest.len()));
    let authority = parse_authority(authority)?;
    // Section 3.2.4: without a path and a query, OPTIONS asks about the whole server.
    if rest.is_empty() && method == Some(Method::Options) {
        return Ok(Target::Asterisk(Some(authority)));
    }
    let (path, query) = split_query(rest);
    // RFC 9110 section 4.2.3: an empty path is the same as `/`.
    let path = if path.is_empty() { b"/" } else { path };
    Ok(Target::Absolute {
        scheme,
        authority,
        path,
        query,
    })
}

/// RFC 9110 section 4.2.3: the scheme is compared without case.
fn split_scheme(raw: &[u8]) -> Result<(Scheme, &[u8]), TargetError> {
    let colon = raw.iter().position(|&byte| byte == b':');
    let (scheme, rest) = raw.split_at(colon.ok_or(TargetError::Form)?);
    let rest = rest.strip_prefix(b"://").ok_or(TargetError::Form)?;
    if scheme.eq_ignore_ascii_case(b"http") {
        Ok((Scheme::Http, rest))
    } else if scheme.eq_ignore_ascii_case(b"https") {
        Ok((Scheme::Https, rest))
    } else {
        Err(TargetError::Scheme)
    }
}

fn parse_authority(bytes: &[u8]) -> Result<Host<'_>, TargetError> {
    if bytes.contains(&b'@') {
        return Err(TargetError::UserInformation);
    }
    Host::parse(bytes).ok_or(TargetError::Authority)
}

/// RFC 3986 section 3.4: the query begins after the first `?` and may contain more of them.
fn split_query(raw: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = raw.splitn(2, |&byte| byte == b'?');
    (parts.next().unwrap_or_default(), parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a target as `form host port path query`, without the parts that it lacks.
    fn shown(target: Target) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let query = target.query().map(|q| format!(" ?{}", text(q)));
        let path = target.path().map(text).unwrap_or_default() + &query.unwrap_or_default();
        match target {
            Target::Origin { .. } => format!("origin {path}"),
            Target::Absolute {
                scheme, authority, ..
            } => format!(
                "{scheme:?} {} {:?} {path}",
                text(authority.name),
                authority.port
            ),
            Target::Authority(authority) => format!("authority {}", text(authority)),
            Target::Asterisk(None) => "asterisk".to_owned(),
            Target::Asterisk(Some(host)) => format!("asterisk {} {:?}", text(host.name), host.port),
        }
    }

    #[track_caller]
    fn check(method: &str, raw: &str, want: Result<&str, TargetError>) {
        let method = Method::from_token(method.as_bytes());
        let got = Target::parse(method, raw.as_bytes()).map(shown);
        assert_eq!(got, want.map(str::to_owned), "{method:?} {raw:?}");
    }

    #[test]
    fn origin_form() {
        check("GET", "/", Ok("origin /")); // 3.2.1
        check("GET", "/a/b?c", Ok("origin /a/b ?c"));
        check("GET", "/a?", Ok("origin /a ?")); // an empty query is a query
        check("GET", "/a?b?c", Ok("origin /a ?b?c")); // RFC 3986 3.4
        check("GET", "//evil.example/", Ok("origin //evil.example/")); // never a host
        check("GET", "/http://h/", Ok("origin /http://h/"));
        check("OPTIONS", "/a", Ok("origin /a"));
        check("BREW", "/", Ok("origin /")); // the status is 501, not 400
    }

    #[test]
    fn absolute_form() {
        check("GET", "http://h/a?b", Ok("Http h None /a ?b")); // 3.2.2
        check("GET", "hTTpS://h:8443/", Ok("Https h Some(8443) /")); // RFC 9110 4.2.3
        check("GET", "http://h", Ok("Http h None /"));
        check("GET", "http://h?q", Ok("Http h None / ?q"));
        check("GET", "http://h:/", Ok("Http h None /")); // RFC 3986 3.2.3: port = *DIGIT
        check("GET", "http://[::1]:80/", Ok("Http [::1] Some(80) /"));
        check("OPTIONS", "http://h/", Ok("Http h None /"));
        check("OPTIONS", "http://h?q", Ok("Http h None / ?q"));
        check("OPTIONS", "http://h:80", Ok("asterisk h Some(80)")); // 3.2.4
        check("GET", "ftp://h/", Err(TargetError::Scheme));
        check("GET", "://h/", Err(TargetError::Scheme));
        check("GET", "http:/h/", Err(TargetError::Form));
        check("GET", "http:h", Err(TargetError::Form));
        check("GET", "a/b", Err(TargetError::Form)); // a path needs its slash
        check("GET", "?q", Err(TargetError::Form));
        check("GET", "h:80", Err(TargetError::Form)); // 3.2.3: only with CONNECT
        check("GET", "http:///a", Err(TargetError::Authority)); // RFC 9110 4.2.1
        check("GET", "http://:80/", Err(TargetError::Authority));
        check("GET", "http://h:x/", Err(TargetError::Authority));
        check("GET", "http://h\\a/", Err(TargetError::Authority));
        check("GET", "http://h%C3%A4/", Ok("Http h%C3%A4 None /")); // RFC 3986 3.2.2
        check("GET", "http://h%2Fx/", Err(TargetError::Authority)); // an encoded delimiter
        check("GET", "http://h%00/", Err(TargetError::Authority)); // an encoded control character
        check("GET", "http://me%40h/", Err(TargetError::Authority));
        check("GET", "http://me@h/", Err(TargetError::UserInformation)); // 4.2.4
        check("GET", "http://h/a@b", Ok("Http h None /a@b"));
    }

    #[test]
    fn an_https_target_needs_a_secured_connection() {
        // RFC 9110 section 7.4.
        for (raw, in_plain_text) in [
            ("/", true),
            ("http://h/", true),
            ("https://h/", false),
            ("HTTPS://h/", false),
        ] {
            let target = Target::parse(Some(Method::Get), raw.as_bytes()).unwrap();
            assert_eq!(target.may_come_in(false), in_plain_text, "{raw}");
            assert!(target.may_come_in(true), "{raw}");
        }
    }

    #[test]
    fn authority_form() {
        check("CONNECT", "h:443", Ok("authority h:443")); // 3.2.3
        check("CONNECT", "[::1]:443", Ok("authority [::1]:443"));
        let error = Err(TargetError::ConnectWithoutAuthority);
        check("CONNECT", "h", error);
        check("CONNECT", "h:", error);
        check("CONNECT", "/", error);
        check("CONNECT", "*", error);
        check("CONNECT", "http://h/", error);
        check("CONNECT", "h%3A80:443", error);
    }

    #[test]
    fn asterisk_form() {
        check("OPTIONS", "*", Ok("asterisk")); // 3.2.4
        check("GET", "*", Err(TargetError::AsteriskWithoutOptions));
        check("OPTIONS", "*a", Err(TargetError::Form));
    }

    #[test]
    fn a_target_would_have_another_form() {
        let check = |method: &str, raw: &str, want: Option<NewTarget>| {
            let method = Method::from_token(method.as_bytes());
            let target = Target::parse(method, raw.as_bytes()).expect(raw);
            let want = want.map(Edit::target);
            assert_eq!(target.step(raw.as_bytes()).edits, [want, None], "{raw}");
            let host = target.host_step().map(|step| step.edits[0]);
            let is_host_named = want == Some(Edit::target(NewTarget::OriginForm));
            assert_eq!(host, is_host_named.then_some(want), "{raw}");
        };
        check("GET", "/", Some(NewTarget::AbsoluteForm));
        check("GET", "http://h/", Some(NewTarget::OriginForm));
        check("OPTIONS", "http://h", Some(NewTarget::OriginForm));
        check("OPTIONS", "*", Some(NewTarget::Root));
        check("CONNECT", "h:1", None);
    }
}
