//! Who may use the lab, with which methods and which values.

use std::net::Ipv4Addr;

use docroot::semantics::address_rules::AddressRules;
use docroot::semantics::method::Method;

use super::support::Setup;
use super::{ENDPOINTS, LAB, get, lab, setup, support};

#[test]
fn it_is_off_unless_asked_for() {
    let server = Setup::new().start();
    for (method, target) in ENDPOINTS {
        let status = server
            .request(method, &format!("{LAB}{target}"), &[])
            .status;
        assert!([404, 405].contains(&status), "{method} {target}: {status}");
    }
    assert_eq!(get(&server, "").status, 404);
    assert_eq!(get(&server, "echo").status, 404);
}

/// Tests `guide::access::is_foreign`.
#[test]
fn pages_of_other_origins_may_not_use_it() {
    let server = lab();
    let own = format!("http://{}", server.address);
    let host = server.address.to_string();
    let status = |method: &str, target: &str, name: &str, value: &str| {
        let request = format!(
            "{method} {LAB}{target} HTTP/1.1\r\nHost: {host}\r\n{name}: {value}\r\nConnection: close\r\n\r\n"
        );
        let mut client = server.connect();
        client.send(request.as_bytes());
        client.head().status
    };
    for (method, target) in ENDPOINTS.into_iter().chain([("GET", "tls")]) {
        for (name, value) in [
            ("Origin", "http://evil.example"),
            ("Origin", "null"),
            ("Origin", "http://127.0.0.1:1"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Sec-Fetch-Site", "anything"),
        ] {
            let got = status(method, target, name, value);
            assert_eq!(got, 403, "{method} {target} {name}: {value}");
        }
        for (name, value) in [
            ("Origin", &*own),
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Site", "none"),
        ] {
            let got = status(method, target, name, value);
            assert_ne!(got, 403, "{method} {target} {name}: {value}");
        }
    }
    // A link to the page may stand anywhere.
    assert_eq!(status("GET", "", "Sec-Fetch-Site", "cross-site"), 200);
}

#[test]
fn web_sockets_are_for_pages_of_the_same_origin() {
    let server = lab();
    let host = server.address.to_string();
    for path in ["echo", "echo?compress=no", "chat"] {
        for (site, want) in [
            ("cross-site", 403),
            ("same-site", 403),
            ("same-origin", 101),
            ("none", 101),
        ] {
            let request = format!(
                "GET {LAB}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 Sec-WebSocket-Protocol: superchat\r\nSec-Fetch-Site: {site}\r\n\r\n"
            );
            let mut client = server.connect();
            client.send(request.as_bytes());
            assert_eq!(client.head().status, want, "{path} {site}");
        }
    }
}

#[test]
fn only_hosts_and_addresses_that_are_allowed_may_use_it() {
    // The server answers for every host, because not only loopback is bound. The lab does not.
    let open = setup().with(|config| {
        config.bind.required = vec![Ipv4Addr::UNSPECIFIED.into()];
        config.allow_hosts.clear();
    });
    let open = open.start();
    let far = setup().with(|config| {
        config.inspect_from = AddressRules::default();
        config.inspect_from.allow("192.0.2.0/24").expect("a block");
    });
    let far = far.start();
    let pages = [
        ("GET", ""),
        ("GET", "lab.css"),
        ("GET", "echo"),
        ("GET", "tls"),
    ];
    for (method, target) in ENDPOINTS.into_iter().chain(pages) {
        let path = format!("{LAB}{target}");
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        let mut client = open.connect();
        client.send(request.as_bytes());
        assert_eq!(client.response(method).status, 421, "{method} {target}");
        let got = far.request(method, &path, &[]).status;
        assert_eq!(got, 403, "{method} {target}");
    }
    let near = setup().with(|config| {
        config.inspect_from = AddressRules::default();
        config.inspect_from.allow("127.0.0.2/32").expect("a block");
    });
    let near = near.start();
    for (source, status) in [([127, 0, 0, 2], 200), ([127, 0, 0, 3], 403)] {
        let mut client = near.connect_from(source);
        client.send(&support::request("GET", &format!("{LAB}tls"), &[]));
        assert_eq!(client.response("GET").status, status, "{source:?}");
    }
}

/// A client of a proxy on this machine may be anywhere.
/// Tests `guide::access::through_proxy`.
#[test]
fn what_a_proxy_forwards_is_refused() {
    let server = lab();
    for field in ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"] {
        for target in ["", "lab.js", "status/404", "tls"] {
            let response = server.get(&format!("{LAB}{target}"), &[(field, "192.0.2.7")]);
            assert_eq!(response.status, 403, "{target} {field}");
            assert!(response.text().contains("--inspect-allow"));
        }
    }
}

/// Tests `guide::lab::answer`.
#[test]
fn other_methods_are_refused_with_those_that_are_allowed() {
    let server = lab();
    for (method, target, allow) in [
        ("POST", "status/200", "GET, HEAD, OPTIONS"),
        ("DELETE", "cookies", "GET, HEAD, OPTIONS, POST"),
        ("GET", "clear", "OPTIONS, POST"),
        ("GET", "upload", "OPTIONS, POST"),
        ("GET", "message", "OPTIONS, POST"),
        ("PUT", "slow", "GET, HEAD, OPTIONS"),
    ] {
        let response = server.request(method, &format!("{LAB}{target}"), &[]);
        let allowed = (response.status, response.field("Allow"));
        assert_eq!(allowed, (405, Some(allow)), "{method} {target}");
        let response = server.request("OPTIONS", &format!("{LAB}{target}"), &[]);
        let allowed = (response.status, response.field("Allow"));
        assert_eq!(allowed, (204, Some(allow)), "OPTIONS {target}");
        let response = server.request("BREW", &format!("{LAB}{target}"), &[]);
        assert_eq!(response.status, 501, "BREW {target}");
    }
    for target in ["none", "status/404/x", "slow/", "cookies.json", "page.html"] {
        let status = get(&server, target).status;
        assert!([400, 404].contains(&status), "{target}: {status}");
    }
}

/// RFC 9110 section 10.2.1: Allow lists the methods that the resource supports.
#[test]
fn what_takes_any_method_lists_each_that_it_takes() {
    let server = lab();
    let target = format!("{LAB}request");
    let refused = server.request("TRACE", &target, &[]);
    assert_eq!(refused.status, 405);
    let allow = refused.field("Allow").expect("a list");
    let listed: Vec<&str> = allow.split(", ").collect();
    for method in Method::all().filter(|method| *method != Method::Connect) {
        let token = method.token();
        let status = server.request(token, &target, &[]).status;
        assert_eq!(listed.contains(&token), status == 200, "{token}: {status}");
    }
}

/// Every number, list, word and text with a limit: what is beyond it is refused, and the response says what is
/// allowed.
#[test]
fn values_beyond_a_limit_are_refused() {
    let server = lab();
    let refused = |target: &str| {
        let response = get(&server, target);
        assert_eq!(response.status, 400, "{target}: {}", response.text());
        let text = response.text();
        assert!(
            text.ends_with(".\n") && text.is_ascii(),
            "{target}: {text:?}"
        );
        assert_eq!(
            response.field("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
    };
    for name in [
        "status/302?chain",
        "status/503?retry",
        "chunked?delay",
        "slow?bytes",
        "slow?rate",
        "slow?wait",
        "cache?max-age",
        "cache?age",
        "hints?wait",
        "continue?wait",
        "events?count",
        "events?interval",
        "events?retry",
        "chat?since",
    ] {
        for value in [
            "-1",
            "1.5",
            "0x10",
            "1e3",
            "%20",
            "99999999999999999999999999",
            "a",
            "%00",
            "%E4%BD%A0",
        ] {
            refused(&format!("{name}={value}"));
        }
    }
    for target in [
        "status/302?chain=0",
        "status/302?chain=61",
        "status/503?retry=121",
        "status/503?as=never",
        "status/",
        "status/20",
        "status/2000",
        "status/600",
        "status/101",
        "status/298",
        "status/%00",
        "status?code=abc",
        "chunked?sizes=0",
        "chunked?sizes=16385",
        "chunked?sizes=1,,2",
        "chunked?sizes=,",
        "chunked?delay=10001",
        "chunked?sizes=1,1,1,1,1,1,1&delay=10000",
        "chunked?extension=a%20b",
        "chunked?extension=a&value=%0D%0A",
        "slow?rate=0",
        "slow?rate=500001",
        "slow?bytes=10000001",
        "slow?bytes=1000&rate=1",
        "slow?wait=10001",
        "slow?length=long",
        "ends?how=well",
        "cache?etag=odd",
        "cache?version=%22",
        "cache?version=123456789012345678901",
        "cache?modified=yesterday",
        "cache?modified=Sun,+06+Nov+9994+08:49:37+GMT",
        "cache?directive=fast",
        "cache?vary=%0D%0AA:b",
        "cache?vary=a%20b",
        "cache?vary=a,,b",
        "cache?vary=,",
        "cache?vary=a:",
        "cache?vary=%22a%22",
        "events?count=0",
        "events?count=101",
        "events?interval=99",
        "events?count=100&interval=1000",
        "negotiate?accept=%0D%0A",
        "hints?wait=10001",
        "continue?answer=200",
    ] {
        refused(target);
    }
    let many = vec!["1"; 65].join(",");
    refused(&format!("chunked?sizes={many}"));
    // What is absent or empty has a value that the lab chooses.
    for target in [
        "ends?how=",
        "cache",
        "cache?max-age=",
        "cache?vary=*",
        "cache?vary=Accept,+Accept-Language,+X-A",
        "chunked?sizes=1&delay=0&extension=",
        "tls?x=y",
        "chat?since=",
    ] {
        assert_eq!(get(&server, target).status, 200, "{target}");
    }
}
