//! Several sites of one server, each for its hosts (RFC 9110 sections 7.2 and 7.4).

mod support;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Config, SiteRoot};
use support::{Response, Setup, TestServer};

/// The default site, and sites for `a.example`, `*.example`, `*.b.example` and one single file.
fn server(change: impl FnOnce(&mut Config)) -> TestServer {
    let setup = Setup::new()
        .file("name.txt", "default")
        .file("a/name.txt", "a")
        .file("wide/name.txt", "wide")
        .file("wide/.hidden/x", "")
        .file("deep/name.txt", "deep");
    let root = setup.root().to_owned();
    let site = |host: &str, dir: &str| SiteRoot {
        host: HostPattern::parse(host).expect(host),
        root: root.join(dir),
    };
    let sites = vec![
        site("*.example", "wide"),
        site("a.example", "a"),
        site("*.b.example", "deep"),
        site("file.example", "a/name.txt"),
        site("192.0.2.1", "deep"),
    ];
    setup
        .with(|config| config.sites = sites)
        .with(change)
        .start()
}

fn ask(server: &TestServer, host: &str, target: &str) -> Response {
    let mut client = server.connect();
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    client.send(head.as_bytes());
    client.response("GET")
}

#[track_caller]
fn check(server: &TestServer, host: &str, want: &str) {
    let response = ask(server, host, "/name.txt");
    assert_eq!((response.status, &*response.text()), (200, want), "{host}");
}

/// Tests `origin::origins::of`.
#[test]
fn each_host_has_its_site() {
    let server = server(|_| {});
    check(&server, "a.example", "a");
    check(&server, "A.Example.:8080", "a");
    check(&server, "x.example", "wide");
    check(&server, "x.y.example", "wide");
    check(&server, "x.b.example", "deep");
    check(&server, "b.example", "wide");
    check(&server, "192.0.2.1", "deep");
    check(&server, "file.example", "a"); // the single file
    check(&server, "example", "default");
    check(&server, "other", "default");
    check(&server, "localhost", "default");
    assert_eq!(ask(&server, "file.example", "/").text(), "a");
    assert_eq!(ask(&server, "file.example", "/wide/name.txt").status, 404);
    // The sites hide what the default site shows of them, and the other way round.
    assert_eq!(ask(&server, "a.example", "/a/name.txt").status, 404);
    assert_eq!(ask(&server, "x.example", "/.hidden/x").status, 404);
    assert_eq!(ask(&server, "other", "/a/name.txt").text(), "a");
}

/// One connection may ask for several hosts, and the target counts before the field.
#[test]
fn a_connection_may_ask_for_several_hosts() {
    let server = server(|_| {});
    let mut client = server.connect();
    for (target, host, want) in [
        ("/name.txt", "a.example", "a"),
        ("/name.txt", "x.b.example", "deep"),
        ("http://a.example/name.txt", "other", "a"),
        ("/name.txt", "other", "default"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.send(head.as_bytes());
        assert_eq!(client.response("GET").text(), want, "{target} {host}");
    }
}

/// Files of the same path and state are different files.
#[test]
fn sites_share_no_files() {
    let server = server(|_| {});
    for _ in 0..3 {
        for (host, want) in [
            ("a.example", "a"),
            ("x.example", "wide"),
            ("other", "default"),
        ] {
            check(&server, host, want);
        }
    }
    server.write("a/name.txt", "changed");
    check(&server, "a.example", "changed");
    check(&server, "x.example", "wide");
    for host in ["a.example", "x.example"] {
        let listing = ask(&server, host, "/").text();
        assert!(
            listing.contains("name.txt") && !listing.contains("href=\"a/\""),
            "{host}"
        );
    }
}

#[test]
fn unknown_hosts_may_be_refused() {
    let strict = server(|config| {
        config.strict_host = true;
        config.allow_hosts = vec![HostPattern::parse("default.test").expect("a pattern")];
    });
    check(&strict, "a.example", "a");
    check(&strict, "x.example", "wide");
    check(&strict, "default.test", "default");
    for host in ["other", "localhost", "127.0.0.1", "[::1]", "example"] {
        assert_eq!(ask(&strict, host, "/name.txt").status, 421, "{host}");
    }
    let mut old = strict.connect();
    old.send(b"GET /name.txt HTTP/1.0\r\n\r\n");
    assert_eq!(old.response("GET").status, 421);
}

/// A server for this machine alone answers for the hosts of its sites as well, and for no others.
#[test]
fn the_hosts_of_sites_are_allowed() {
    let local = server(|config| config.allow_hosts.clear());
    check(&local, "a.example", "a");
    check(&local, "localhost", "default");
    assert_eq!(ask(&local, "rebound.test", "/name.txt").status, 421);
}
