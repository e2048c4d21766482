//! What proxies in front of the server say of their clients (RFC 7239 and the fields before it, the PROXY protocol),
//! and sockets of the Unix domain, which proxies on the same machine use.

mod support;

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Bind, SiteRoot, SocketFile};
use docroot::observe::options::LogFormat;
use support::page::Page;
use support::rig::Rig;
use support::{Client, Response, Setup, TestServer, until};

/// A trusted proxy, and a client that is none.
const PROXY: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];

/// A server that believes the proxies. Only clients of 192.0.2.0/24 may read it.
fn setup(proxies: &str) -> Setup {
    let proxies = proxies.to_owned();
    Setup::new()
        .file("a.txt", "some text")
        .file("folder/index.html", "<p>folder")
        .with(|config| {
            Arc::make_mut(&mut config.proxies)
                .add(&proxies)
                .expect("proxies");
            config
                .rules
                .addresses
                .allow("192.0.2.0/24")
                .expect("a block");
        })
}

fn server() -> TestServer {
    setup("127.0.0.2").start()
}

fn head(method: &str, target: &str, lines: &[&str]) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: t\r\n{lines}\r\n").into_bytes()
}

fn ask(server: &TestServer, from: [u8; 4], lines: &[&str]) -> Response {
    let mut client = server.connect_from(from);
    client.send(&head("GET", "/a.txt", lines));
    client.response("GET")
}

#[track_caller]
fn check(server: &TestServer, from: [u8; 4], lines: &[&str], status: u16) {
    assert_eq!(
        ask(server, from, lines).status,
        status,
        "{from:?} {lines:?}"
    );
}

#[test]
fn a_trusted_proxy_names_the_client() {
    let server = server();
    check(&server, PROXY, &["X-Forwarded-For: 192.0.2.7"], 200);
    check(&server, PROXY, &["Forwarded: for=192.0.2.7"], 200);
    check(
        &server,
        PROXY,
        &["Forwarded: for=192.0.2.7, for=198.51.100.1"],
        403,
    );
    check(
        &server,
        PROXY,
        &["Forwarded: for=\"192.0.2.7:4711\";proto=https"],
        200,
    );
    check(&server, PROXY, &["X-Forwarded-For: 198.51.100.1"], 403);
    // The client has sent the first one itself.
    check(
        &server,
        PROXY,
        &["X-Forwarded-For: 192.0.2.7, 198.51.100.1"],
        403,
    );
    check(
        &server,
        PROXY,
        &[
            "X-Forwarded-For: 192.0.2.7",
            "X-Forwarded-For: 198.51.100.1",
        ],
        403,
    );
    check(
        &server,
        PROXY,
        &["X-Forwarded-For: 192.0.2.7, 127.0.0.2"],
        200,
    );
    // Without a word, the proxy is the client.
    check(&server, PROXY, &[], 403);
    check(&server, PROXY, &["X-Forwarded-For: unknown"], 403);
}

#[test]
fn nobody_else_does() {
    let server = server();
    check(&server, OTHER, &["X-Forwarded-For: 192.0.2.7"], 403);
    check(&server, OTHER, &["Forwarded: for=192.0.2.7"], 403);
    // What cannot be read does not matter there.
    check(&server, OTHER, &["Forwarded: ="], 403);
}

#[test]
fn what_a_trusted_proxy_writes_must_be_clear() {
    let server = server();
    check(&server, PROXY, &["X-Forwarded-For: nobody"], 400);
    check(&server, PROXY, &["Forwarded: for=192.0.2.7:80"], 400);
    check(
        &server,
        PROXY,
        &["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: a b"],
        400,
    );
    // The proxy may have written one of them, and the client the other.
    let both = ["Forwarded: for=192.0.2.7", "X-Forwarded-For: 198.51.100.1"];
    let refused = ask(&server, PROXY, &both);
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("--trust-proxy"),
        "{}",
        refused.text()
    );
    let server = setup("127.0.0.2=x-forwarded").start();
    check(&server, PROXY, &both, 403);
    let server = setup("127.0.0.2=forwarded").start();
    check(&server, PROXY, &both, 200);
}

/// A proxy sends the requests of many clients over one connection.
#[test]
fn each_request_has_its_own_client() {
    let server = server();
    let mut proxy = server.connect_from(PROXY);
    for (lines, want) in [
        (&["X-Forwarded-For: 192.0.2.7"][..], 200),
        (&["X-Forwarded-For: 198.51.100.1"], 403),
        (&["X-Forwarded-For: 192.0.2.8"], 200),
        (&[], 403),
    ] {
        proxy.send(&head("GET", "/a.txt", lines));
        assert_eq!(proxy.response("GET").status, want, "{lines:?}");
    }
}

/// The head of a request whose body comes later is read again.
#[test]
fn a_request_with_a_body_keeps_its_client() {
    let server = server();
    let mut proxy = server.connect_from(PROXY);
    proxy.send(&head(
        "GET",
        "/a.txt",
        &["X-Forwarded-For: 192.0.2.7", "Content-Length: 4"],
    ));
    proxy.send(b"bo");
    proxy.send(b"dy");
    assert_eq!(proxy.response("GET").status, 200);
}

fn last_line(page: &Page) -> serde_json::Value {
    until("a line is logged", || !page.lines().is_empty());
    let lines = page.lines();
    serde_json::from_str(lines.last().expect("a line")).expect("JSON")
}

#[test]
fn the_log_names_the_client() {
    let (setup, page) = setup("127.0.0.2").logging(LogFormat::Json);
    let server = setup.start();
    check(
        &server,
        PROXY,
        &["Forwarded: for=\"[2001:db8::7]:4711\""],
        403,
    );
    let line = last_line(&page);
    assert_eq!(
        (&line["peer"], &line["port"]),
        (&"2001:db8::7".into(), &4711.into())
    );
    assert_eq!(line["proxy"], "127.0.0.2");
}

/// The client of each line of the log, and the proxy that has named it, in the order of the lines.
fn logged_clients(page: &Page, count: usize) -> Vec<(String, Option<String>)> {
    until("all are logged", || page.lines().len() >= count);
    let lines = page.lines().into_iter();
    let line = |line: String| serde_json::from_str::<serde_json::Value>(&line).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let clients = lines.map(line).map(|line| {
        let peer = text(&line["peer"]).expect("an address");
        (peer, text(&line["proxy"]))
    });
    clients.collect()
}

/// A proxy whose client is known sends the rest of the requests without a client that can be read.
#[test]
fn a_broken_request_is_not_logged_for_the_client_before() {
    let valid = head("GET", "/a.txt", &["X-Forwarded-For: 192.0.2.7"]);
    let broken = |line: &str, rest: &str| {
        format!("GET {line} HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 192.0.2.8\r\n{rest}")
            .into_bytes()
    };
    for (sent, ends, status) in [
        (broken("/a.txt", ""), false, "408"),
        (broken("/a.txt", ""), true, "400"),
        (broken("/a.txt", "X: \x01\r\n\r\n"), false, "400"),
        (
            broken("/a.txt", &format!("X: {}\r\n\r\n", "x".repeat(40 << 10))),
            false,
            "431",
        ),
        (
            broken(&format!("/{}", "x".repeat(9000)), "\r\n"),
            false,
            "414",
        ),
    ] {
        let (setup, page) = setup("127.0.0.2=x-forwarded")
            .with(|config| config.deadlines.head = std::time::Duration::from_millis(300))
            .logging(LogFormat::Json);
        let server = setup.start();
        let mut proxy = server.connect_from(PROXY);
        proxy.send(&valid);
        assert_eq!(proxy.response("GET").status, 200);
        proxy.send(&sent);
        if ends {
            proxy.finish();
        }
        let answer = String::from_utf8(proxy.rest()).expect("text");
        assert_eq!(answer.get(9..12), Some(status), "{answer}");
        let want = [
            ("192.0.2.7".to_owned(), Some("127.0.0.2".to_owned())),
            ("127.0.0.2".to_owned(), None),
        ];
        assert_eq!(logged_clients(&page, 2), want, "{status}");
    }
}

/// Memory and turns are shared among the clients. What is kept of a request without a known client is the proxy's.
#[test]
fn a_broken_request_counts_for_the_proxy() {
    for broken in [&b"GET /a.txt HTTP/1.1\r\n"[..], b"GET /\x01"] {
        let mut rig = Rig::new(setup("127.0.0.1"));
        let proxy = rig.connection.network();
        let named = head("GET", "/a.txt", &["X-Forwarded-For: 192.0.2.7"]);
        assert_eq!(rig.response(&named).status, 200);
        assert_eq!(rig.connection.network().to_string(), "192.0.2.7");
        rig.send(broken);
        rig.drive();
        assert_eq!(rig.connection.network(), proxy);
    }
}

/// The exchange before ends only when its last byte has left, after the next request was read.
#[test]
fn each_of_several_requests_at_once_is_logged_for_its_own_client() {
    let (setup, page) = setup("127.0.0.2").logging(LogFormat::Json);
    let server = setup.start();
    let mut proxy = server.connect_from(PROXY);
    let lines = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 192.0.2.8"];
    let mut all: Vec<u8> = lines
        .iter()
        .flat_map(|line| head("GET", "/a.txt", &[line]))
        .collect();
    all.extend(head("GET", "/a.txt", &[]));
    all.extend(b"GET /\x01");
    proxy.send(&all);
    for status in [200, 200, 403, 400] {
        assert_eq!(proxy.response("GET").status, status);
    }
    let proxy = || Some("127.0.0.2".to_owned());
    let want = [
        ("192.0.2.7".to_owned(), proxy()),
        ("192.0.2.8".to_owned(), proxy()),
        ("127.0.0.2".to_owned(), None),
        ("127.0.0.2".to_owned(), None),
    ];
    assert_eq!(logged_clients(&page, 4), want);
}

/// The fields of a proxy count as soon as they were parsed, whatever else is wrong with the request.
#[test]
fn a_refused_request_is_logged_for_its_client_with_its_id() {
    let (setup, page) = setup("127.0.0.2")
        .with(|config| {
            config.request_ids = true;
            config.allow_hosts = vec![HostPattern::parse("a.example").expect("a host")];
        })
        .logging(LogFormat::Json);
    let server = setup.start();
    let named = "Host: a.example\r\nX-Forwarded-For: 192.0.2.7\r\n";
    let unclear = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: a b\r\nHost: a.example\r\n";
    let for_evil = "X-Forwarded-Host: evil.example\r\n";
    let (known, unknown) = (Some("192.0.2.7"), None);
    for (index, (target, lines, status, client, host)) in [
        (
            "/a.txt",
            format!("{named}X: y\r\n"),
            200,
            known,
            "a.example",
        ),
        (
            "/a.txt",
            named.replace("a.ex", "evil.ex"),
            421,
            known,
            "evil.example",
        ),
        (
            "/a.txt",
            format!("{named}{for_evil}"),
            421,
            known,
            "evil.example",
        ),
        (
            "https://a.example/",
            named.to_owned(),
            421,
            known,
            "a.example",
        ),
        (
            "/a.txt",
            format!("{named}Expect: foo\r\n{for_evil}"),
            417,
            known,
            "evil.example",
        ),
        (
            "/a.txt",
            format!("{named}Content-Length: x\r\n"),
            400,
            known,
            "a.example",
        ),
        (
            "/a.txt",
            format!("{named}Transfer-Encoding: x\r\n"),
            400,
            known,
            "a.example",
        ),
        (
            "/a.txt",
            format!("{named}Host: b\r\n"),
            400,
            known,
            "a.example",
        ),
        ("a.txt", named.to_owned(), 400, known, "a.example"),
        // Nothing counts of a client that is described in a way that cannot be read.
        ("/a.txt", unclear.to_owned(), 400, unknown, "a.example"),
        (
            "/a.txt",
            format!("Forwarded: for=192.0.2.8\r\n{named}"),
            400,
            unknown,
            "a.example",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut proxy = server.connect_from(PROXY);
        let head = format!("GET {target} HTTP/1.1\r\n{lines}X-Request-Id: id-{index}\r\n\r\n");
        proxy.send(head.as_bytes());
        let response = proxy.response("GET");
        assert_eq!(response.status, status, "{head}");
        assert_eq!(
            response.field("X-Request-Id"),
            Some(&*format!("id-{index}")),
            "{head}"
        );
        until("it is logged", || page.lines().len() > index);
        let line: serde_json::Value = serde_json::from_str(&page.lines()[index]).expect("JSON");
        assert_eq!(line["peer"], client.unwrap_or("127.0.0.2"), "{head}");
        let proxy = client.map_or(serde_json::Value::Null, |_| "127.0.0.2".into());
        assert_eq!(
            *line.get("proxy").unwrap_or(&serde_json::Value::Null),
            proxy,
            "{head}"
        );
        assert_eq!(line["host"], host, "{head}");
    }
    // Nobody else names a client or an id.
    let mut other = server.connect_from(OTHER);
    other.send(
        format!("GET / HTTP/1.1\r\n{named}Expect: foo\r\nX-Request-Id: id\r\n\r\n").as_bytes(),
    );
    assert_ne!(other.response("GET").field("X-Request-Id"), Some("id"));
    let clients = logged_clients(&page, 12);
    assert_eq!(clients.last(), Some(&("127.0.0.3".to_owned(), None)));
}

/// A proxy or the target may name another host than the field.
#[test]
fn the_log_names_the_host_that_was_asked_for() {
    let check = |source, request: &str, want: &str| {
        let (setup, page) = setup("127.0.0.2=x-forwarded").logging(LogFormat::Json);
        let server = setup.start();
        let mut client = server.connect_from(source);
        client.send(request.as_bytes());
        client.finish();
        client.rest();
        assert_eq!(last_line(&page)["host"], want, "{request}");
    };
    let direct = "GET /a.txt HTTP/1.1\r\nHost: a.example:81\r\n\r\n";
    check(PROXY, direct, "a.example:81");
    let forwarded = "GET /a.txt HTTP/1.1\r\nHost: t\r\nX-Forwarded-Host: b.example\r\n\r\n";
    check(PROXY, forwarded, "b.example");
    check([127, 0, 0, 3], forwarded, "t");
    let absolute = "GET http://c.example/a.txt HTTP/1.1\r\nHost: t\r\n\r\n";
    check(PROXY, absolute, "c.example");
    let refused = "GET /a.txt HTTP/1.1\r\nHost: alice:secret@t\r\n\r\n";
    check(PROXY, refused, "***@t");
}

#[test]
fn the_log_names_the_proxy_only_if_it_has_named_the_client() {
    let lines = |is_proxied, source, sent: &[u8]| {
        let (setup, page) = setup("127.0.0.2")
            .with(|config| config.is_proxied = is_proxied)
            .logging(LogFormat::Json);
        let server = setup.start();
        let mut client = server.connect_from(source);
        client.send(sent);
        client.finish();
        client.rest();
        last_line(&page)
    };
    const FORWARDED: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: t\r\nForwarded: for=192.0.2.7\r\n\r\n";
    const DIRECT: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: t\r\n\r\n";
    let of_protocol = [b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n", DIRECT].concat();
    // In the header, a proxy says that the connection is its own.
    let of_itself = [b"PROXY UNKNOWN\r\n", DIRECT].concat();
    for (is_proxied, source, sent, want) in [
        (false, PROXY, FORWARDED, Some("127.0.0.2")),
        (true, PROXY, &of_protocol, Some("127.0.0.2")),
        (false, PROXY, DIRECT, None),
        (true, PROXY, &of_itself, None),
        // It is not trusted.
        (false, [127, 0, 0, 3], FORWARDED, None),
    ] {
        let line = lines(is_proxied, source, sent);
        let got = line
            .get("proxy")
            .map(|proxy| proxy.as_str().expect("an address"));
        assert_eq!(got, want, "{line}");
        let peer = source.map(|byte| byte.to_string()).join(".");
        let peer = want.map_or(&*peer, |_| "192.0.2.7");
        assert_eq!(line["peer"], peer, "{line}");
    }
}

#[test]
fn the_host_and_the_scheme_are_those_that_the_client_used() {
    let setup = setup("127.0.0.2")
        .file("site/a.txt", "of the site")
        .file("page.en.html", "page");
    let dir = setup.root().join("site");
    let server = setup
        .with(|config| {
            let host = HostPattern::parse("files.example").expect("a host");
            config.sites = vec![SiteRoot { host, root: dir }];
            config.site.negotiate = true;
        })
        .start();
    let named = "X-Forwarded-For: 192.0.2.7";
    let of_site = ask(&server, PROXY, &[named, "X-Forwarded-Host: files.example"]);
    assert_eq!(of_site.text(), "of the site");
    assert_eq!(
        ask(
            &server,
            PROXY,
            &["Forwarded: for=192.0.2.7;host=files.example"]
        )
        .text(),
        "of the site"
    );
    assert_eq!(ask(&server, PROXY, &[named]).text(), "some text");
    let cookie = |lines: &[&str]| {
        let mut client = server.connect_from(PROXY);
        client.send(&head("GET", "/page.html?lang=en", lines));
        let response = client.response("GET");
        response.field("Set-Cookie").expect("a cookie").to_owned()
    };
    assert!(cookie(&[named, "X-Forwarded-Proto: https"]).contains("; Secure"));
    assert!(!cookie(&[named, "X-Forwarded-Proto: http"]).contains("; Secure"));
    assert!(!cookie(&[named]).contains("; Secure"));
}

/// A page that has made its own name mean this machine can send any field, but not another Host.
#[test]
fn a_forwarded_host_does_not_excuse_the_host() {
    let server = Setup::new()
        .file("a.txt", "some text")
        .with(|config| {
            Arc::make_mut(&mut config.proxies)
                .add("127.0.0.2")
                .expect("a proxy");
            config.allow_hosts = vec![HostPattern::parse("files.example").expect("a host")];
        })
        .start();
    let status = |host: &str, forwarded: &str| {
        let mut client = server.connect_from(PROXY);
        let request =
            format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {forwarded}\r\n\r\n");
        client.send(request.as_bytes());
        client.response("GET").status
    };
    assert_eq!(status("127.0.0.1", "files.example"), 200);
    assert_eq!(status("files.example", "localhost"), 200);
    assert_eq!(status("evil.example", "files.example"), 421);
    assert_eq!(status("127.0.0.1", "evil.example"), 421);
}

#[test]
fn redirects_are_right_behind_a_proxy() {
    let server = server();
    let mut client = server.connect_from(PROXY);
    let lines = [
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: a.example",
    ];
    client.send(&head("GET", "/folder?x", &lines));
    let response = client.response("GET");
    assert_eq!(response.status, 301);
    // It is relative, so neither the scheme nor the host nor a prefix that the proxy has removed can be wrong.
    assert_eq!(response.field("Location"), Some("folder/?x"));
}

/// The same server, whose proxies begin a connection with a header.
fn proxied() -> TestServer {
    setup("127.0.0.2")
        .with(|config| config.is_proxied = true)
        .start()
}

const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.7 203.0.113.1 56324 443\r\n";
const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xcb\x00\x71\x01\xdc\x04\x01\xbb";

#[test]
fn a_header_of_the_proxy_protocol_names_the_client() {
    let server = proxied();
    for header in [VERSION_1, VERSION_2] {
        let mut client = server.connect_from(PROXY);
        client.send(&[header, &head("GET", "/a.txt", &[])].concat());
        assert_eq!(client.response("GET").status, 200);
        // It holds for the whole connection.
        client.send(&head("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").status, 200);
        // An octet at a time.
        let mut client = server.connect_from(PROXY);
        for octet in header {
            client.send(&[*octet]);
        }
        client.send(&head("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").status, 200);
    }
}

#[test]
fn a_header_may_name_nobody() {
    let server = proxied();
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    let local_of_any_family = b"\r\n\r\n\0\r\nQUIT\n\x20\xff\x00\x05zzzzz";
    for header in [&b"PROXY UNKNOWN\r\n"[..], local, local_of_any_family] {
        let mut client = server.connect_from(PROXY);
        client.send(&[header, &head("GET", "/a.txt", &[])].concat());
        // The proxy itself may not read it.
        assert_eq!(client.response("GET").status, 403);
        client.send(&head("GET", "/a.txt", &["X-Forwarded-For: 192.0.2.7"]));
        assert_eq!(client.response("GET").status, 200);
    }
}

#[test]
fn the_client_of_a_header_is_no_proxy() {
    let server = proxied();
    let mut client = server.connect_from(PROXY);
    let other = b"PROXY TCP4 198.51.100.1 203.0.113.1 56324 443\r\n";
    client.send(
        &[
            &other[..],
            &head("GET", "/a.txt", &["X-Forwarded-For: 192.0.2.7"]),
        ]
        .concat(),
    );
    assert_eq!(client.response("GET").status, 403);
}

#[test]
fn a_header_counts_only_if_a_trusted_proxy_sends_it() {
    let server = proxied();
    let mut client = server.connect_from(OTHER);
    client.send(&[VERSION_1, &head("GET", "/a.txt", &[])].concat());
    assert_eq!(client.response("GET").status, 400);
    let mut client = server.connect_from(OTHER);
    client.send(&head("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").status, 403);
    // Without the option, nobody may send one.
    let plain = self::server();
    let mut client = plain.connect_from(PROXY);
    client.send(VERSION_1);
    client.finish();
    assert!(client.rest().starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_proxy_must_send_a_valid_header() {
    let (setup, page) = setup("127.0.0.2")
        .with(|config| {
            config.is_proxied = true;
            // One worker logs in the order of the requests.
            config.threads = 1;
        })
        .logging(LogFormat::Json);
    let server = setup.start();
    for (sent, want) in [
        (
            &b"GET /a.txt HTTP/1.1\r\nHost: t\r\n\r\n"[..],
            "no PROXY protocol header",
        ),
        (b"PROXY TCP4 192.0.2.7\r\n", "malformed"),
        (b"PROXY UNKNOWN", "incomplete"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", "too long"),
    ] {
        let mut client = server.connect_from(PROXY);
        client.send(sent);
        client.finish();
        let answer = String::from_utf8(client.rest()).expect("text");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains(want), "{want}: {answer}");
    }
    until("all are logged", || page.lines().len() == 4);
    // What came instead of a header may be a request. What came of a header is none.
    let mut methods = Vec::new();
    for line in page.lines() {
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&line["peer"], &line["status"]),
            (&"127.0.0.2".into(), &400.into())
        );
        methods.push([&line["method"], &line["target"], &line["version"]].map(|one| one.clone()));
    }
    let absent = || [const { serde_json::Value::Null }; 3];
    let request = ["GET", "/a.txt", "HTTP/1.1"].map(serde_json::Value::from);
    assert_eq!(methods, [request, absent(), absent(), absent()]);
    // Nobody has asked for anything.
    let mut client = server.connect_from(PROXY);
    client.finish();
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for() {
    let setup = setup("127.0.0.2").with(|config| {
        config.is_proxied = true;
        config.deadlines.handshake = std::time::Duration::from_millis(100);
    });
    let server = setup.start();
    let mut silent = server.connect_from(PROXY);
    assert_eq!(silent.rest(), b"");
    let mut slow = server.connect_from(PROXY);
    slow.send(b"PROXY TCP4 192.0.2.7");
    let answer = String::from_utf8(slow.rest()).expect("text");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// curl as a proxy: it writes version 1 and speaks to Unix sockets.
#[test]
fn curl_sends_a_header() {
    let server = setup("127.0.0.1")
        .with(|config| config.is_proxied = true)
        .start();
    let url = format!("http://{}/a.txt", server.address);
    let fetched = |arguments: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-q", "--noproxy", "*", "--silent", "--max-time", "60"]);
        let output = curl.args(arguments).arg(&url).output().expect("curl");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(
        fetched(&[
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--haproxy-protocol"
        ]),
        "403"
    );
    let header = ["--haproxy-protocol", "-H", "X-Forwarded-For: 192.0.2.7"];
    assert_eq!(fetched(&header), "some text");
}

/// A connection to a Unix socket.
fn connect(path: &Path) -> Client {
    let stream = UnixStream::connect(path).expect("it accepts");
    Client::of(TcpStream::from(OwnedFd::from(stream)))
}

fn socket(folder: &tempfile::TempDir) -> SocketFile {
    SocketFile {
        path: folder.path().join("docroot.sock"),
        mode: Some(0o600),
    }
}

#[test]
fn a_unix_socket_serves_like_an_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = socket(&folder);
    let path = file.path.clone();
    let large: Vec<u8> = (0..8 << 20).map(|at: u32| (at / 7) as u8).collect();
    let (setup, page) = Setup::new()
        .file("a.txt", "some text")
        .file("large.bin", &large)
        .with(|config| config.bind.sockets = vec![file])
        .logging(LogFormat::Json);
    let server = setup.start();
    let mut client = connect(&path);
    for _ in 0..2 {
        client.send(&head("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").text(), "some text");
    }
    client.send(&head("GET", "/large.bin", &["Connection: close"]));
    let response = client.response("GET");
    assert_eq!(response.status, 200);
    assert!(response.body == large, "another content");
    assert_eq!(server.get("/a.txt", &[]).status, 200);
    drop(server);
    let line: serde_json::Value = serde_json::from_str(&page.lines()[0]).expect("JSON");
    assert_eq!(
        (&line["peer"], &line["port"]),
        (&"127.0.0.1".into(), &0.into())
    );
    assert!(!path.exists(), "the socket is left");
}

/// No browser can open a Unix socket, so a proxy may pass on every host.
#[test]
fn behind_a_unix_socket_every_host_is_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let hosts = |bind: Bind| {
        Setup::new().with(|config| {
            config.bind = bind;
            config.allow_hosts = vec![];
        })
    };
    let sockets = vec![socket(&folder)];
    let only = hosts(Bind {
        sockets,
        ..Bind::default()
    });
    let config = only.config.clone();
    assert!(config.bind.is_loopback());
    let path = config.bind.sockets[0].path.clone();
    let server = only.file("a.txt", "some text").start();
    let status = |server: &TestServer, host: &str| {
        let _ = server;
        let mut client = connect(&path);
        client.send(format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        client.response("GET").status
    };
    assert_eq!(status(&server, "files.example"), 200);
    drop(server);
    let sockets = vec![socket(&folder)];
    let both = hosts(Bind {
        sockets,
        ..Bind::loopback()
    })
    .file("a.txt", "some text")
    .start();
    assert_eq!(status(&both, "files.example"), 421);
    assert_eq!(status(&both, "localhost"), 200);
}

/// A proxy on this machine may name clients through the socket too.
#[test]
fn a_proxy_at_a_unix_socket_is_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = socket(&folder);
    let path = file.path.clone();
    let _server = setup("127.0.0.1")
        .with(|config| config.bind.sockets = vec![file])
        .start();
    let mut client = connect(&path);
    client.send(&head("GET", "/a.txt", &["X-Forwarded-For: 192.0.2.7"]));
    assert_eq!(client.response("GET").status, 200);
    client.send(&head("GET", "/a.txt", &["X-Forwarded-For: 198.51.100.1"]));
    assert_eq!(client.response("GET").status, 403);
}

/// The recipe of the README for nginx and a Unix socket, with this socket.
#[cfg(feature = "tls")]
fn recipe(socket: &Path) -> String {
    let readme = include_str!("../README.md");
    let begin = readme.find("    location / {\n").expect("the recipe");
    let end = begin + readme[begin..].find("\n    }\n").expect("its end");
    let recipe = &readme[begin..end];
    assert!(recipe.contains("unix:/run/docroot.sock;"), "{recipe}");
    let socket = socket.to_str().expect("text");
    recipe.replace("/run/docroot.sock", socket) + "\n}\n"
}

/// What a client of nginx claims of itself.
#[cfg(feature = "tls")]
const CLAIMS: [&str; 4] = [
    "X-Forwarded-For: 192.0.2.66",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Request-Id: chosen",
];

/// A request to nginx from this address, and the line of it in the log of docroot behind nginx.
#[cfg(feature = "tls")]
fn through(nginx: &support::nginx::Nginx, source: [u8; 4], page: &Page) -> serde_json::Value {
    let before = page.lines().len();
    let mut client = Client::of(support::connect_from(source, nginx.address));
    client.send(&head("GET", "/a.txt", &CLAIMS));
    assert_eq!(client.response("GET").status, 200);
    until("it is logged", || page.lines().len() > before);
    serde_json::from_str(&page.lines()[before]).expect("JSON")
}

/// Clients of nginx may be on its machine too, with the address that the recipe trusts.
#[cfg(feature = "tls")]
#[test]
fn behind_nginx_nobody_chooses_an_address() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    // If root starts nginx, it connects as another user.
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).expect("a mode");
    let mut file = socket(&folder);
    file.mode = Some(0o666);
    let path = file.path.clone();
    let (setup, page) = Setup::new()
        .file("a.txt", "some text")
        .with(|config| {
            config.bind.sockets = vec![file];
            config.request_ids = true;
            let proxies = Arc::make_mut(&mut config.proxies);
            proxies.add("127.0.0.1=x-forwarded").expect("a proxy");
        })
        .logging(LogFormat::Json);
    let _server = setup.start();
    let recipe = recipe(&path);
    let Some(outer) = support::nginx::Nginx::start(&recipe, None) else {
        return;
    };
    for source in [[127, 0, 0, 1], [127, 0, 0, 3]] {
        let line = through(&outer, source, &page);
        let source = source.map(|byte| byte.to_string()).join(".");
        assert_eq!(line["peer"], source, "{line}");
        assert_eq!(line["proxy"], "127.0.0.1", "{line}");
        assert_eq!(line["host"], "t", "{line}");
        assert_ne!(line["id"], "chosen", "{line}");
    }
    // nginx behind another proxy appends to what that one says.
    let appends = recipe.replace("For $remote_addr", "For $proxy_add_x_forwarded_for");
    assert_ne!(appends, recipe);
    let is_kept = |line: &&str| !line.contains("-Proto ") && !line.contains("-Host ");
    let appends: Vec<&str> = appends.lines().filter(is_kept).collect();
    let inner = support::nginx::Nginx::start(&appends.join("\n"), None).expect("nginx");
    let unix = format!("unix:{}", path.display());
    let to_inner = recipe.replace(&unix, &inner.address.to_string());
    let outer = support::nginx::Nginx::start(&to_inner, None).expect("nginx");
    let line = through(&outer, OTHER, &page);
    assert_eq!(
        (&line["peer"], &line["host"]),
        (&"127.0.0.3".into(), &"t".into()),
        "{line}"
    );
}
