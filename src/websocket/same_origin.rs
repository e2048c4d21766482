//! RFC 6455 sections 4.2.2 and 10.2: which web pages may open a connection.
//!
//! Browsers let any page open a WebSocket to any server, and send the cookies of the server with it. So
//! the server itself must refuse foreign pages:
//!
//! ```text
//! Host: files.example:8080    Origin: http://files.example:8080    the same origin: admitted
//! Host: files.example         Origin: https://files.example        admitted: a proxy in front ends TLS
//! Host: files.example         Origin: https://evil.example         refused
//! Host: files.example         (no Origin)                          not a browser: admitted
//! ```
//!
//! A proxy may replace `Host`, and send what the browser sent in a field of its own:
//!
//! ```text
//! Host: 127.0.0.1:8080    X-Forwarded-Host: files.example    Origin: https://files.example    admitted
//! ```
//!
//! A page cannot add fields to an opening handshake, so no foreign page can send that field.

use crate::semantics::cors::origin;
use crate::semantics::field::{FieldName, Fields};

/// The origin of the request itself: where the browser believes the server to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnOrigin<'a> {
    /// Whether the client uses TLS.
    pub is_secure: bool,
    /// The host, as the field `Host` has it.
    pub host: &'a [u8],
    /// The port, if the field `Host` has one.
    pub port: Option<u16>,
}

/// Whether the page that opens the connection has the same origin as the server, or the same behind a proxy that
/// ends TLS. A request without `Origin` comes from no page. `own` is `None` if the request names no host: then every page is foreign.
pub fn admits(own: Option<OwnOrigin<'_>>, fields: &Fields<'_>) -> bool {
    if !fields.contains(FieldName::Origin) {
        return true;
    }
    let (Some(own), Some(sent)) = (own, fields.sole(FieldName::Origin).and_then(normal)) else {
        return false;
    };
    // A proxy may end TLS in front of the server. Foreign pages gain nothing, because the host and the port must
    // be the same.
    let schemes = if own.is_secure {
        &["https"][..]
    } else {
        &["http", "https"]
    };
    schemes
        .iter()
        .any(|scheme| own.normal(scheme).as_ref() == Some(&sent))
}

/// The same for an opening handshake. The page may also have the origin that a proxy forwards.
pub fn admits_handshake(own: Option<OwnOrigin<'_>>, fields: &Fields<'_>) -> bool {
    let forwarded = fields.named("X-Forwarded-Host");
    let forwarded = forwarded.flat_map(|value| value.split(|&octet| octet == b','));
    let mut origins = forwarded.map(|host| OwnOrigin {
        is_secure: false,
        host: host.trim_ascii(),
        // The text has it, if there is one.
        port: None,
    });
    admits(own, fields) || origins.any(|origin| admits(Some(origin), fields))
}

impl OwnOrigin<'_> {
    /// The origin with this scheme, as browsers write it.
    fn normal(self, scheme: &str) -> Option<Box<str>> {
        let host = str::from_utf8(self.host).ok()?;
        let text = match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        normal(text.as_bytes())
    }
}

/// An origin in lower case and without the default port. `None` if it is `null`, a list or malformed.
fn normal(text: &[u8]) -> Option<Box<str>> {
    origin(str::from_utf8(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;

    fn is_admitted(own: Option<OwnOrigin<'_>>, lines: &[&str]) -> bool {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (FieldName::Origin, *line))
            .collect();
        admits(own, &Section::of(&lines).fields())
    }

    /// `own` is the scheme, the host and the port.
    #[track_caller]
    fn check(own: (&str, &str, Option<u16>), sent: &str, want: bool) {
        let own = OwnOrigin {
            is_secure: own.0 == "https",
            host: own.1.as_bytes(),
            port: own.2,
        };
        assert_eq!(is_admitted(Some(own), &[sent]), want, "{own:?} {sent:?}");
    }

    #[test]
    fn only_the_same_origin_is_admitted() {
        let local = ("http", "localhost", Some(8080));
        check(local, "http://localhost:8080", true);
        check(local, "HTTP://LOCALHOST:8080", true); // RFC 6454 4
        check(local, "http://localhost", false);
        check(local, "http://localhost:80801", false);
        check(local, "https://localhost:8080", true);
        check(local, "ws://localhost:8080", false);
        check(local, "http://127.0.0.1:8080", false);
        check(local, "http://evil.example", false);
        check(local, "http://localhost:8080.evil.example", false);
        check(local, "http://localhost:8080@evil.example", false);
        check(local, "null", false); // RFC 6454 7.1
        check(local, "", false);
        check(local, "http://localhost:8080/", false); // RFC 6454 6.2: no path
        check(local, "http://localhost:8080 http://evil.example", false);
        check(("http", "a.example", None), "http://a.example:80", true);
        check(("http", "A.example", Some(80)), "http://a.example", true);
        check(("http", "a.example", None), "http://a.example:443", false);
        check(("http", "a.example", None), "https://a.example", true); // a proxy ends TLS
        check(
            ("http", "a.example", Some(8443)),
            "https://a.example:8443",
            true,
        );
        check(("http", "a.example", None), "https://a.example:80", false);
        check(("http", "a.example", None), "https://b.example", false);
        check(("https", "a.example", None), "https://a.example", true);
        check(("https", "a.example", Some(443)), "https://a.example", true);
        check(("https", "a.example", Some(80)), "https://a.example", false);
        check(("https", "a.example", None), "http://a.example", false);
        check(("http", "[::1]", Some(81)), "http://[::1]:81", true);
        check(("http", "caf%C3%A9", None), "http://caf%C3%A9", false); // no browser sends it
    }

    #[test]
    fn requests_without_an_origin_or_a_host() {
        let own = OwnOrigin {
            is_secure: false,
            host: b"a",
            port: None,
        };
        assert!(is_admitted(Some(own), &[]));
        assert!(is_admitted(None, &[]));
        assert!(!is_admitted(None, &["http://a"]));
        assert!(!is_admitted(None, &["null"]));
        assert!(!is_admitted(Some(own), &["http://a", "http://a"]));
        let own = OwnOrigin {
            host: b"\xff",
            ..own
        };
        assert!(!is_admitted(Some(own), &["http://\u{fffd}"]));
    }

    /// How a page of this origin is judged, if a proxy forwards these hosts in front of `127.0.0.1:8080`.
    #[track_caller]
    fn check_forwarded(forwarded: &[&str], sent: &str, want: bool) {
        let own = OwnOrigin {
            is_secure: false,
            host: b"127.0.0.1",
            port: Some(8080),
        };
        let lines = forwarded.iter().map(|host| ("X-Forwarded-Host", *host));
        let section = Section::named(lines.chain([("Origin", sent)]));
        let got = admits_handshake(Some(own), &section.fields());
        assert_eq!(got, want, "{forwarded:?} {sent}");
    }

    #[test]
    fn a_proxy_may_forward_the_host() {
        check_forwarded(&["files.example"], "https://files.example", true);
        check_forwarded(&["files.example"], "http://files.example", true);
        check_forwarded(&["files.example:8443"], "https://files.example:8443", true);
        check_forwarded(&["a.example, files.example"], "https://files.example", true);
        check_forwarded(
            &["a.example", "files.example"],
            "https://files.example",
            true,
        );
        check_forwarded(&["files.example"], "http://127.0.0.1:8080", true);
        check_forwarded(&["files.example"], "https://evil.example", false);
        check_forwarded(&["files.example"], "https://files.example:8443", false);
        check_forwarded(&["files.example"], "null", false);
        check_forwarded(&[""], "http://", false);
        check_forwarded(&[], "https://files.example", false);
    }
}
