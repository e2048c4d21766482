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
//! Sec-Fetch-Site: cross-site                                       refused, whatever else is sent
//! ```
//!
//! A proxy may replace `Host`, and send what the browser sent in a field of its own:
//!
//! ```text
//! Host: 127.0.0.1:8080    X-Forwarded-Host: files.example    Origin: https://files.example    admitted
//! ```
//!
//! A page cannot add the field to an opening handshake. But a proxy that anybody can reach under a foreign name forwards that name
//! (DNS rebinding). So only an endpoint that asks for it looks at the field, and only at hosts that the operator
//! allows, if they have named any.

use crate::semantics::cors::origin;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::forwarded;

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
    let sent = fields.sole(FieldName::Origin).and_then(normal);
    own.zip(sent).is_some_and(|(own, sent)| own.is(&sent))
}

/// The same for an opening handshake. The page may also have an origin that a proxy has forwarded.
pub fn admits_handshake(
    own: Option<OwnOrigin<'_>>,
    forwarded: &[OwnOrigin<'_>],
    fields: &Fields<'_>,
) -> bool {
    if !fields.contains(FieldName::Origin) {
        return true;
    }
    let Some(sent) = fields.sole(FieldName::Origin).and_then(normal) else {
        return false;
    };
    let mut origins = own.iter().chain(forwarded);
    origins.any(|origin| origin.is(&sent))
}

/// Whether a browser says that a page of another origin makes the request (Fetch Metadata Request Headers, section 2.4). It
/// says so for every request to this machine or over TLS. `none` is an address that the user typed.
pub fn is_of_other_origin(fields: &Fields<'_>) -> bool {
    let mut sites = fields.values(FieldName::SecFetchSite);
    sites.any(|site| !matches!(site, b"same-origin" | b"none"))
}

/// How many hosts of `X-Forwarded-Host` count. Each proxy of a chain adds one, and such chains are short. The work
/// for each would otherwise let a client keep a worker busy.
pub const MOST_FORWARDED: usize = 4;

/// The first hosts that proxies have forwarded, each with its port if it has one.
pub fn forwarded_hosts<'a>(fields: &Fields<'a>) -> impl Iterator<Item = &'a [u8]> {
    forwarded::forwarded_hosts(fields).take(MOST_FORWARDED)
}

impl OwnOrigin<'_> {
    /// Whether a page has this origin, by what it has sent.
    fn is(self, sent: &str) -> bool {
        // A proxy may end TLS in front of the server. Foreign pages gain nothing, because the host and the port must
        // be the same.
        let schemes = match self.is_secure {
            true => &["https"][..],
            false => &["http", "https"],
        };
        let mut normal = schemes.iter().filter_map(|scheme| self.normal(scheme));
        normal.any(|own| *own == *sent)
    }

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

    #[test]
    fn browsers_say_where_a_request_comes_from() {
        let site = FieldName::SecFetchSite;
        for (sent, want) in [
            (&[][..], false),
            (&["same-origin"], false),
            (&["none"], false),
            (&["same-site"], true),
            (&["cross-site"], true),
            (&["Same-Origin"], true), // no browser sends it
            (&["same-origin", "cross-site"], true),
        ] {
            let lines: Vec<_> = sent.iter().map(|value| (site, *value)).collect();
            let got = is_of_other_origin(&Section::of(&lines).fields());
            assert_eq!(got, want, "{sent:?}");
        }
    }

    /// How a page of this origin is judged, if a proxy forwards these hosts in front of `127.0.0.1:8080`.
    #[track_caller]
    fn check_forwarded(forwarded: &[&str], sent: &str, want: bool) {
        check_behind(false, forwarded, sent, want);
    }

    #[track_caller]
    fn check_behind(is_secure: bool, forwarded: &[&str], sent: &str, want: bool) {
        let own = OwnOrigin {
            is_secure,
            host: b"127.0.0.1",
            port: Some(8080),
        };
        let lines = forwarded.iter().map(|host| ("X-Forwarded-Host", *host));
        let section = Section::named(lines.chain([("Origin", sent)]));
        let fields = section.fields();
        let hosts = forwarded_hosts(&fields);
        // The text of a host has its port.
        let origins = hosts.map(|host| OwnOrigin {
            is_secure,
            host,
            port: None,
        });
        let origins: Vec<_> = origins.collect();
        assert!(origins.len() <= MOST_FORWARDED);
        let got = admits_handshake(Some(own), &origins, &fields);
        assert_eq!(got, want, "{forwarded:?} {sent}");
        assert!(!admits_handshake(None, &[], &fields));
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
        check_forwarded(&[",, ,", "files.example"], "https://files.example", true);
        // More than any chain of proxies adds.
        let long = format!("{}files.example", "a.example,".repeat(20));
        check_forwarded(&[&long], "https://files.example", false);
        let first = "a.example, b.example, c.example, files.example";
        check_forwarded(&[first], "https://files.example", true);
        check_behind(true, &["files.example"], "https://files.example", true);
        check_behind(true, &["files.example"], "http://files.example", false);
    }
}
