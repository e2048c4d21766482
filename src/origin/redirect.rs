//! Redirects every request on the plain HTTP port to the same URL over HTTPS.
//!
//! ```text
//! GET /a?b HTTP/1.1                 HTTP/1.1 308 Permanent Redirect
//! Host: example.org:8080            Location: https://example.org:8443/a?b
//! ```
//!
//! The status is 308 and not 301, so clients keep the method (RFC 9110 section 15.4.9). CONNECT has no
//! URL and gets 405 (section 9.1). Invariant: the plain port serves nothing of the site.

use crate::http1::target::Target;
use crate::origin::methods::not_allowed;
use crate::origin::reason::Reason;
use crate::origin::refuse::{error, error_page_for};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::edit::Edit;
use crate::semantics::host::Host;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::text::{append, percent};

/// The default port of `https` (RFC 9110 section 4.2.2).
const DEFAULT_PORT: u16 = 443;

const CONNECT: Clause = clause!("RFC 9110 section 9.1", "answer");

/// Redirects to the same host and path at `port`. CONNECT has no URL to redirect to and gets 405.
pub fn answer(request: &Request<'_>, port: u16, trace: &mut Trace) -> Response {
    if let Target::Authority(_) = request.head.target {
        let step =
            || Step::new(CONNECT, "CONNECT has no URL to redirect to").unless(Edit::method("GET"));
        trace.note(|| step().leads_to(Status::MethodNotAllowed));
        return not_allowed();
    }
    let Some(host) = request.head.host else {
        return error(Status::BadRequest, Reason::NoHost);
    };
    let location = location(host, port, request.head.target);
    trace.note(|| {
        let step = Reason::ToHttps.step().leads_to(Status::PermanentRedirect);
        step.with(Evidence::Value(Quote::of(&location)))
    });
    let response = Response::new(Status::PermanentRedirect, Reason::ToHttps);
    error_page_for(response.field("Location", location))
}

/// `https://host[:port]/path?query`. The target `*` has no path, so the URL has none (RFC 9112
/// section 3.2.4).
fn location(host: Host<'_>, port: u16, target: Target<'_>) -> Vec<u8> {
    let mut location = b"https://".to_vec();
    location.extend(host.without_zone().concat());
    if port != DEFAULT_PORT {
        location.extend_from_slice(format!(":{port}").as_bytes());
    }
    if let Some(path) = target.path() {
        append(&mut location, format_args!("{}", percent::as_sent(path)));
    }
    if let Some(query) = target.query() {
        append(&mut location, format_args!("?{}", percent::as_sent(query)));
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::allowed_hosts::AllowedHosts;
    use crate::http1::check::CheckedHead;
    use crate::http1::framing::BodyLength;
    use crate::http1::parse::RequestHead;
    use crate::http1::version::Version;
    use crate::observe::client::Client;
    use crate::origin::request::PlainText;
    use crate::semantics::date::HttpDate;
    use crate::semantics::field::Fields;
    use crate::semantics::method::Method;
    use std::task::Waker;
    use std::time::Instant;

    #[track_caller]
    fn check(host: &str, port: u16, target: &str, want: &str) {
        let host = Host::parse(host.as_bytes()).expect(host);
        let target = Target::parse(None, target.as_bytes()).expect(target);
        let location = location(host, port, target);
        assert_eq!(String::from_utf8_lossy(&location), want);
    }

    /// The status, and the step that decides it.
    fn decided(method: Method, target: &str, host: Option<Host<'_>>) -> (Status, String) {
        let head = RequestHead {
            method: method.token().as_bytes(),
            known: Some(method),
            target: target.as_bytes(),
            version: Version::Http11,
            fields: Fields::new(b"", &[]),
            length: 0,
        };
        let checked = CheckedHead {
            head,
            target: Target::parse(Some(method), head.target).expect(target),
            host,
            length: BodyLength::None,
            expects_continue: false,
        };
        let request = Request {
            head: &checked,
            client: &Client::at(([127, 0, 0, 1], 0).into()),
            hosts: &AllowedHosts::only(&[]),
            is_secure: false,
            session: &PlainText,
            user: None,
            now: HttpDate::from_unix(0).expect("a date"),
            instant: Instant::now(),
            wakers: Waker::noop(),
        };
        let mut trace = Trace::watched();
        let response = answer(&request, 443, &mut trace);
        trace.conclude(response.status, || response.reason.step());
        let steps: Vec<String> = trace.steps().iter().map(Step::to_string).collect();
        (response.status, steps.join("; "))
    }

    #[test]
    fn one_step_decides_each_status() {
        let host = Host::parse(b"h");
        let redirect = "the site is served over HTTPS: https://h/a -> 308".to_owned();
        assert_eq!(
            decided(Method::Get, "/a", host),
            (Status::PermanentRedirect, redirect)
        );
        let no_host = "the request does not name a host -> 400".to_owned();
        assert_eq!(
            decided(Method::Get, "/a", None),
            (Status::BadRequest, no_host)
        );
        let tunnel = "CONNECT has no URL to redirect to -> 405".to_owned();
        assert_eq!(
            decided(Method::Connect, "h:80", host),
            (Status::MethodNotAllowed, tunnel)
        );
    }

    /// RFC 9110 section 4.2.3.
    #[test]
    fn the_default_port_is_left_out() {
        check("h", 443, "/a?b", "https://h/a?b");
        check("h:80", 443, "/", "https://h/");
        check("[::1]:80", 443, "/", "https://[::1]/");
        check("[fe80::1%eth0]", 443, "/", "https://[fe80::1]/");
        check("h", 8443, "/", "https://h:8443/");
        check("h", 80, "/", "https://h:80/");
    }
}
