//! RFC 9110 section 7.2 and RFC 9112 section 3.2: which host a request is for.
//!
//! ```text
//! Host = uri-host [ ":" port ]        example.org   [::1]:8080
//! ```

use std::fmt;

use super::version::Version;
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::host::Host;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};

/// An invalid `Host` field (400, RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// HTTP/1.1 requires the field.
    Missing,
    /// If there are two lines, a proxy and this server may choose different ones.
    Repeated,
    /// The value is not a host with an optional port.
    Malformed,
}

impl HostError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            HostError::Missing => "an HTTP/1.1 request must have a Host field",
            HostError::Repeated => "the request has more than one Host field",
            HostError::Malformed => "the Host field is not a host with an optional port",
        }
    }

    /// A change that mends the field.
    pub(super) fn edit(self) -> Edit {
        Edit::set(FieldName::Host, "localhost")
    }

    /// The rule that the request breaks. It is the same one for all three errors.
    pub fn clause(self) -> Clause {
        clause!("RFC 9112 section 3.2", "host")
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for HostError {}

/// The step that says which host the field `Host` names in a request of this version.
pub(super) fn step(named: Option<Host<'_>>, version: Version) -> Step {
    const CLAUSE: Clause = clause!("RFC 9110 section 7.2", "host");
    match named {
        Some(host) => Step::new(CLAUSE, "the field Host names a host")
            .with(Evidence::Value(Quote::of(host.name)))
            .unless(
                Edit::remove(FieldName::Host)
                    .leads_to_if(version == Version::Http11, Status::BadRequest),
            ),
        None => Step::new(CLAUSE, "the field Host names no host")
            .unless(Edit::set(FieldName::Host, "localhost")),
    }
}

/// The host in the field `Host`. `None` if the value is empty, or if an HTTP/1.0 request lacks the
/// field. [`super::target::Target::host`] may replace it, but the field must be valid in any case
/// (RFC 9112 section 3.2).
pub fn host<'a>(version: Version, fields: &Fields<'a>) -> Result<Option<Host<'a>>, HostError> {
    let mut values = fields.values(FieldName::Host);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(HostError::Repeated),
        (None, _) if version == Version::Http10 => Ok(None),
        (None, _) => Err(HostError::Missing),
        (Some(b""), _) => Ok(None),
        (Some(value), _) => Host::parse(value).map(Some).ok_or(HostError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::limits::HeadLimits;
    use crate::http1::parse::{ParseState, request_head};
    use crate::http1::target::Target;

    #[track_caller]
    fn check(request: &str, want: Result<&str, HostError>) {
        let input = request.replace('\n', "\r\n") + "\r\n";
        let mut lines = Vec::new();
        let mut progress = ParseState::default();
        let head = request_head(
            input.as_bytes(),
            &mut progress,
            &mut lines,
            &HeadLimits::default(),
        );
        let head = head.unwrap().unwrap();
        let target = Target::parse(head.known, head.target).unwrap();
        let named = host(head.version, &head.fields);
        let got = named.map(|named| target.host(named).map_or(&b""[..], |host| host.name));
        assert_eq!(got, want.map(str::as_bytes), "{request:?}");
    }

    #[test]
    fn the_host_of_a_request() {
        check("GET / HTTP/1.1\nHost: a\n", Ok("a")); // RFC 9112 3.2
        check("GET / HTTP/1.1\nHost:\n", Ok("")); // an empty value is valid
        check("GET / HTTP/1.1\n", Err(HostError::Missing));
        check("GET / HTTP/1.0\n", Ok(""));
        check(
            "GET / HTTP/1.1\nHost: a\nHost: a\n",
            Err(HostError::Repeated),
        );
        check(
            "GET / HTTP/1.0\nHost: a\nhost: b\n",
            Err(HostError::Repeated),
        );
        check("GET / HTTP/1.1\nHost: a b\n", Err(HostError::Malformed));
        check("GET / HTTP/1.0\nHost: a/b\n", Err(HostError::Malformed));
        check("GET http://b/ HTTP/1.1\nHost: a\n", Ok("b")); // 3.2.2: Host is ignored
        check("GET http://b/ HTTP/1.1\n", Err(HostError::Missing)); // but the field is required
        check(
            "GET http://b/ HTTP/1.1\nHost: @\n",
            Err(HostError::Malformed),
        );
        check("GET http://b/ HTTP/1.0\n", Ok("b"));
        check("OPTIONS * HTTP/1.1\nHost: a\n", Ok("a"));
        check("OPTIONS http://b HTTP/1.1\nHost: a\n", Ok("b")); // 3.2.4: this means * too
    }

    #[test]
    fn a_host_would_be_missing_or_named() {
        let named = Host::parse(b"a");
        let removed = Edit::remove(FieldName::Host);
        let localhost = Edit::set(FieldName::Host, "localhost");
        for (host, version, want) in [
            (named, Version::Http11, removed.leads_to(Status::BadRequest)),
            (named, Version::Http10, removed),
            (None, Version::Http11, localhost),
        ] {
            assert_eq!(step(host, version).edits, [Some(want), None], "{host:?}");
        }
        assert_eq!(HostError::Missing.edit(), localhost);
    }
}
