//! The plain port beside HTTPS: everybody is sent to the same place over TLS, and nothing is served.
#![cfg(feature = "tls")]

mod support;

use std::net::TcpStream;

use docroot::net::config::Config;
use support::tls::Authority;
use support::{Client, Response, Setup, TestServer, request};

/// A server, the place where it redirects, and what its address looks like over HTTPS.
struct Redirecting {
    server: TestServer,
    authority: Authority,
}

impl Redirecting {
    fn start() -> Redirecting {
        Redirecting::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Redirecting {
        let authority = Authority::new("authority");
        let setup = Setup::new()
            .file("a.txt", "this must never be sent")
            .https(&authority)
            .tls(|tls| {
                tls.redirect = Some(0);
                tls.hsts = Some(3600);
            })
            .with(change);
        Redirecting {
            server: setup.start(),
            authority,
        }
    }

    fn connect(&self) -> Client {
        let [address] = self.server.plain_addresses[..] else {
            panic!("one address: {:?}", self.server.plain_addresses);
        };
        Client::of(TcpStream::connect(address).expect("it accepts"))
    }

    fn answer(&self, method: &str, sent: &[u8]) -> Response {
        let mut client = self.connect();
        client.send(sent);
        let response = client.response(method);
        check_nothing_served(&response);
        response
    }

    /// These lines are sent to `location`, in which `PORT` is the port of the site.
    #[track_caller]
    fn check_sent(&self, head: &str, location: &str) {
        let method = head.split(' ').next().expect("a method");
        let response = self.answer(method, format!("{head}\r\n\r\n").as_bytes());
        let port = self.server.address.port().to_string();
        assert_eq!(response.status, 308, "{head}");
        let want = location.replace("PORT", &port);
        assert_eq!(response.field("Location"), Some(&*want), "{head}");
    }

    #[track_caller]
    fn check_refused(&self, head: &str, status: u16) {
        let method = head.split(' ').next().expect("a method");
        let response = self.answer(method, format!("{head}\r\n\r\n").as_bytes());
        assert_eq!(response.status, status, "{head}");
        assert_eq!(response.field("Location"), None, "{head}");
    }
}

/// RFC 6797 section 7.2: the field has no place in plain text.
#[track_caller]
fn check_nothing_served(response: &Response) {
    assert_eq!(response.field("Strict-Transport-Security"), None);
    assert_eq!(response.field("ETag"), None);
    assert!(!response.text().contains("never be sent"));
}

/// Tests `origin::redirect::answer`.
#[test]
fn everybody_is_sent_to_the_same_place_over_tls() {
    let plain = Redirecting::start();
    let row = |line: &str, host: &str, location: &str| {
        plain.check_sent(&format!("{line} HTTP/1.1\r\nHost: {host}"), location);
    };
    row("GET /", "example.org", "https://example.org:PORT/");
    row(
        "HEAD /a.txt",
        "example.org",
        "https://example.org:PORT/a.txt",
    );
    row(
        "GET /missing",
        "example.org",
        "https://example.org:PORT/missing",
    );
    // The port of the host is that of this port, and another at the site.
    row("GET /", "example.org:80", "https://example.org:PORT/");
    row("GET /", "example.org:", "https://example.org:PORT/");
    row("GET /", "127.0.0.1:1", "https://127.0.0.1:PORT/");
    row("GET /", "[::1]", "https://[::1]:PORT/");
    row("GET /", "[2001:db8::1]:8080", "https://[2001:db8::1]:PORT/");
    // Path and query stay as they were sent, and name no other place.
    row("GET /a%20b?c=%26&d", "h", "https://h:PORT/a%20b?c=%26&d");
    row("GET /?", "h", "https://h:PORT/?");
    row("GET //other/", "h", "https://h:PORT//other/");
    row("GET /../x", "h", "https://h:PORT/../x");
    // RFC 9112 section 3.2.2: the host of the target wins.
    row("GET http://t/x?y", "h", "https://t:PORT/x?y");
    row("GET http://t:81/x", "h", "https://t:PORT/x");
    row("GET https://t/x", "h", "https://t:PORT/x");
    // RFC 9112 section 3.2.4: the server as a whole has no path.
    row("OPTIONS http://t", "h", "https://t:PORT");
    row("OPTIONS *", "h", "https://h:PORT");
    row("OPTIONS /a.txt", "h", "https://h:PORT/a.txt");
    // The method is kept by 308, so none is refused here.
    row("POST /form", "h", "https://h:PORT/form");
    row("BREW /pot", "h", "https://h:PORT/pot");
}

#[test]
fn whoever_names_no_host_cannot_be_sent_anywhere() {
    let plain = Redirecting::start();
    plain.check_refused("GET / HTTP/1.1", 400);
    plain.check_refused("GET / HTTP/1.1\r\nHost:", 400);
    plain.check_refused("GET / HTTP/1.1\r\nHost: a b", 400);
    plain.check_refused("GET / HTTP/1.1\r\nHost: a/b", 400);
    plain.check_refused("GET / HTTP/1.1\r\nHost: [::1", 400);
    plain.check_refused("GET / HTTP/1.1\r\nHost: a@b", 400);
    plain.check_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400);
    plain.check_refused("GET http://t/ HTTP/1.1", 400);
    plain.check_refused("GET / HTTP/1.0", 400);
    plain.check_refused("GET * HTTP/1.1\r\nHost: a", 400);
    plain.check_refused("CONNECT h:443 HTTP/1.1\r\nHost: h:443", 405);
}

/// A foreign name that means this machine is sent nowhere: it would come back as that name.
#[test]
fn only_the_hosts_of_the_site_are_redirected() {
    let plain = Redirecting::with(|config| config.allow_hosts.clear());
    plain.check_sent(
        "GET /a HTTP/1.1\r\nHost: localhost:80",
        "https://localhost:PORT/a",
    );
    plain.check_refused("GET /a HTTP/1.1\r\nHost: rebound.example", 421);
    plain.check_refused(
        "GET http://rebound.example/ HTTP/1.1\r\nHost: localhost",
        421,
    );
    plain.check_refused("GET / HTTP/1.0", 400);
}

#[test]
fn http_1_0_is_sent_where_it_says_where_to() {
    let plain = Redirecting::start();
    plain.check_sent("GET /a HTTP/1.0\r\nHost: h", "https://h:PORT/a");
    plain.check_sent("GET http://t/a HTTP/1.0", "https://t:PORT/a");
}

#[test]
fn bodies_are_read_and_the_connection_is_kept() {
    let plain = Redirecting::start();
    let mut client = plain.connect();
    let chunks = b"5\r\n12345\r\n0\r\n\r\n";
    for (fields, body) in [
        (("Content-Length", "5"), &b"12345"[..]),
        (("Transfer-Encoding", "chunked"), chunks),
    ] {
        client.send(&[&request("POST", "/form", &[fields]), body].concat());
        let response = client.response("POST");
        assert_eq!(response.status, 308);
        assert_eq!(response.field("Connection"), None);
        check_nothing_served(&response);
    }
    // Nobody need send a body to be told that it belongs elsewhere.
    let fields = [("Content-Length", "5"), ("Expect", "100-continue")];
    client.send(&request("POST", "/form", &fields));
    let response = client.next_response("POST");
    assert_eq!(response.status, 308);
    assert_eq!(response.field("Connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn requests_are_pipelined() {
    let plain = Redirecting::start();
    let mut client = plain.connect();
    let paths: Vec<String> = (0..16).map(|number| format!("/{number}")).collect();
    let requests: Vec<u8> = paths
        .iter()
        .flat_map(|path| request("GET", path, &[]))
        .collect();
    client.send(&requests);
    for path in &paths {
        let location = client.response("GET");
        let location = location.field("Location").expect("a place");
        assert!(location.ends_with(path), "{location}");
    }
    client.send(&request("GET", "/", &[("Connection", "close")]));
    assert_eq!(client.response("GET").status, 308);
    assert!(client.is_closed());
}

/// Two ports and one program: what is no text here is no request, and TLS is spoken next door.
#[test]
fn tls_is_not_spoken_here() {
    let plain = Redirecting::start();
    let hello = support::tls::client_hello(&plain.authority.caller());
    assert_eq!(plain.answer("GET", &hello).status, 400);
    let caller = plain.authority.caller();
    let mut client = plain.server.secure(&caller);
    client.send(&request("HEAD", "/a.txt", &[]));
    assert_eq!(client.response("HEAD").status, 200);
}

#[test]
fn the_plain_port_ends_with_the_server() {
    let mut plain = Redirecting::start();
    let mut idle = plain.connect();
    idle.send(&request("GET", "/", &[]));
    assert_eq!(idle.response("GET").status, 308);
    plain.server.drain();
    assert!(idle.is_closed());
    plain.server.wait();
    assert!(TcpStream::connect(plain.server.plain_addresses[0]).is_err());
}
