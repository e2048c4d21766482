//! The answer of the plain port beside HTTPS: the same address, spoken safely.
//!
//! ```text
//! GET /a?b HTTP/1.1                 HTTP/1.1 308 Permanent Redirect
//! Host: example.org:8080            Location: https://example.org:8443/a?b
//! ```
//!
//! 308 and not 301: the method stays what it is (RFC 9110 section 15.4.9). Invariant: nothing of
//! the site is served here.

use crate::http1::host::Host;
use crate::http1::target::Target;
use crate::origin::answer::not_allowed;
use crate::origin::reason::Reason;
use crate::origin::refuse::{error, error_page_for};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::text::{append, percent};

/// The port of `https` where none is named (RFC 9110 section 4.2.2).
const DEFAULT_PORT: u16 = 443;

/// Sends the client to the same host and path at `port`. What has neither, a tunnel, is refused.
pub fn answer(request: &Request<'_>, port: u16) -> Response {
    if let Target::Authority(_) = request.head.target {
        return not_allowed();
    }
    let Some(host) = request.head.host else {
        return error(Status::BadRequest, Reason::NoHost);
    };
    let location = location(host, port, request.head.target);
    let response = Response::new(Status::PermanentRedirect, Reason::ToHttps);
    error_page_for(response.field("Location", location))
}

/// `https://host[:port]/path?query`. A target that asks about the server as a whole has no path,
/// and neither has its URL (RFC 9112 section 3.2.4).
fn location(host: Host<'_>, port: u16, target: Target<'_>) -> Vec<u8> {
    let mut location = b"https://".to_vec();
    location.extend_from_slice(host.name);
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

    #[track_caller]
    fn check(host: &str, port: u16, target: &str, want: &str) {
        let host = Host::parse(host.as_bytes()).expect(host);
        let target = Target::parse(None, target.as_bytes()).expect(target);
        let location = location(host, port, target);
        assert_eq!(String::from_utf8_lossy(&location), want);
    }

    /// RFC 9110 section 4.2.3: the port of the scheme is not written.
    #[test]
    fn the_port_is_written_where_it_is_not_the_schemes() {
        check("h", 443, "/a?b", "https://h/a?b");
        check("h:80", 443, "/", "https://h/");
        check("[::1]:80", 443, "/", "https://[::1]/");
        check("h", 8443, "/", "https://h:8443/");
        check("h", 80, "/", "https://h:80/");
    }
}
