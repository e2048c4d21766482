//! `--inspect`: what the wire view is told of each exchange, and who may see it.

mod support;

use std::net::{Ipv4Addr, TcpStream};

use docroot::semantics::address_rules::AddressRules;
use serde_json::{Value, json};
use support::live_page::websocket;
use support::{Setup, TestServer, until};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.inspect = true)
        .file("a.html", "<p>text</p>")
        .file("docs/b.txt", "text")
        .file("long.txt", "long text ".repeat(1000))
}

/// Somebody who looks.
struct Viewer(WebSocket<TcpStream>);

fn viewer(server: &TestServer, endpoint: &str) -> Viewer {
    Viewer(websocket(server.address, endpoint))
}

const WIRE: &str = "/.docroot/wire";

impl Viewer {
    fn next(&mut self) -> Value {
        let message = self.0.read().expect("a message");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    /// The next exchange.
    #[track_caller]
    fn exchange(&mut self) -> Value {
        let mut event = self.next();
        assert!(event["exchange"].is_object(), "{event}");
        event["exchange"].take()
    }
}

/// The findings of the steps that decide a status, in order.
fn decided(exchange: &Value) -> Vec<(u64, &str)> {
    let steps = exchange["steps"].as_array().expect("steps");
    let deciding = steps.iter().filter_map(|step| {
        let finding = step["finding"].as_str().expect("a finding");
        Some((step["status"].as_u64()?, finding))
    });
    deciding.collect()
}

#[test]
fn each_exchange_is_shown_with_its_bytes_and_its_reason() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    let mut client = server.connect();
    let request = "GET /a.html HTTP/1.1\r\nHost: test\r\nX-Odd: \u{e9}\"\\\r\n\r\n";
    client.send(request.as_bytes());
    let response = client.response("GET");
    let shown = viewer.exchange();
    let octets = |text: &Value| -> Vec<u8> {
        let text = text.as_str().expect("text").chars();
        text.map(|char| u8::try_from(u32::from(char)).expect("an octet"))
            .collect()
    };
    assert_eq!(octets(&shown["request"]["head"]), request.as_bytes());
    assert_eq!(shown["request"]["length"], request.len());
    let head = octets(&shown["response"]["head"]);
    let head = String::from_utf8(head).expect("ASCII");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"));
    assert!(head.contains(response.field("ETag").expect("a tag")));
    for (member, want) in [
        ("method", json!("GET")),
        ("target", json!("/a.html")),
        ("version", json!("HTTP/1.1")),
        ("status", json!(200)),
        ("sent", json!(11)),
        ("peer", json!("127.0.0.1")),
        ("number", json!(1)),
        ("tls", json!(null)),
        ("cut", json!(null)),
    ] {
        assert_eq!(shown[member], want, "{member}");
    }
    let times = &shown["times"];
    let time = |name: &str| times[name].as_u64().expect("a time");
    assert!(
        time("head") <= time("answer") && time("answer") <= time("end"),
        "{times}"
    );
    let functions: Vec<&str> = shown["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["function"].as_str())
        .collect();
    assert!(
        functions.contains(&"docroot::http1::framing::body_length"),
        "{functions:?}"
    );

    // The next one on the same connection.
    let tag = response.field("ETag").expect("a tag");
    client.send(&support::request(
        "GET",
        "/a.html",
        &[("If-None-Match", tag)],
    ));
    assert_eq!(client.response("GET").status, 304);
    let next = viewer.exchange();
    assert_eq!(
        (&next["connection"], &next["number"]),
        (&shown["connection"], &json!(2))
    );
    let deciding = decided(&next);
    assert_eq!(
        deciding.last(),
        Some(&(304, "If-None-Match lists the current entity-tag"))
    );
}

#[test]
fn every_kind_of_answer_has_its_deciding_step() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    for (target, fields, status) in [
        ("/long.txt", &[("Accept-Encoding", "gzip")][..], 200),
        ("/a.html", &[("Range", "bytes=0-3")], 206),
        ("/a.html", &[("Range", "bytes=100-")], 416),
        ("/a.html", &[("If-Match", "\"other\"")], 412),
        ("/docs/", &[], 200),
        ("/docs", &[], 301),
        ("/none", &[], 404),
        ("/a%zz", &[], 400),
    ] {
        assert_eq!(server.get(target, fields).status, status, "{target}");
        let shown = viewer.exchange();
        assert_eq!(
            (&shown["target"], &shown["status"]),
            (&json!(target), &json!(status))
        );
        let last = decided(&shown).last().map(|(status, _)| *status);
        assert_eq!(last, Some(u64::from(status)), "{shown:#}");
    }
    // A head that is no request.
    let mut client = server.connect();
    client.send(b"GET / HTTP/1.1\r\nHost : test\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);
    let shown = viewer.exchange();
    assert_eq!(decided(&shown).last().map(|(status, _)| *status), Some(400));
    assert_eq!(
        shown["request"]["head"],
        "GET / HTTP/1.1\r\nHost : test\r\n\r\n"
    );
}

#[test]
fn secrets_are_masked() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    let secrets = [
        ("Authorization", "Basic c2VjcmV0OnNlY3JldA=="),
        ("Cookie", "a=secret"),
        ("Proxy-Authorization", "secret"),
    ];
    server.get("/a.html?lang=en", &secrets);
    let shown = viewer.exchange().to_string();
    assert!(
        !shown.contains("secret") && !shown.contains("c2Vj"),
        "{shown}"
    );
    assert_eq!(shown.matches("***").count(), 3, "{shown}");
}

#[test]
fn own_requests_are_shown_only_if_wanted() {
    let server = setup().start();
    let mut usual = viewer(&server, WIRE);
    let mut curious = viewer(&server, "/.docroot/wire?own");
    let moved = server.get("/.docroot?lang=zh", &[]);
    assert_eq!(
        (moved.status, moved.field("Location")),
        (301, Some(".docroot/?lang=zh"))
    );
    assert_eq!(server.get("/.docroot/", &[]).status, 200);
    server.get("/a.html", &[]);
    assert_eq!(usual.exchange()["target"], "/a.html");
    // Exchanges of different connections may be told in any order.
    let mut wanted = vec![json!("/.docroot/"), json!("/a.html")];
    while !wanted.is_empty() {
        let target = curious.exchange()["target"].take();
        wanted.retain(|wanted| *wanted != target);
    }
}

#[test]
fn only_whom_the_operator_allows_may_look() {
    // The server answers for every host, because not only loopback is bound. The view does not.
    let server = setup()
        .with(|config| {
            config.bind.required = vec![Ipv4Addr::UNSPECIFIED.into()];
            config.allow_hosts.clear();
        })
        .start();
    let foreign = |host: &str, origin: &str| {
        let url = format!("ws://{}{WIRE}", server.address);
        let mut request = url.into_client_request().expect("a request");
        let fields = request.headers_mut();
        fields.insert("Host", host.parse().expect("a value"));
        fields.insert("Origin", origin.parse().expect("a value"));
        let stream = TcpStream::connect(server.address).expect("a connection");
        match tungstenite::client(request, stream) {
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                response.status().as_u16()
            }
            Err(fault) => panic!("{fault}"),
            Ok(_) => 101,
        }
    };
    let own = server.address.to_string();
    assert_eq!(foreign(&own, &format!("http://{own}")), 101);
    assert_eq!(foreign(&own, "http://evil.example"), 403);
    assert_eq!(foreign("evil.example", "http://evil.example"), 421);

    assert_eq!(server.get("/a.html", &[]).status, 200);
    let other = setup()
        .with(|config| {
            config.inspect_from = AddressRules::default();
            config.inspect_from.allow("192.0.2.0/24").expect("a block");
        })
        .start();
    for path in ["/.docroot/", WIRE] {
        assert_eq!(other.get(path, &[]).status, 403, "{path}");
    }
    let off = setup().with(|config| config.inspect = false).start();
    for path in ["/.docroot/", WIRE] {
        assert_eq!(off.get(path, &[]).status, 404, "{path}");
    }
}

/// It takes more exchanges than are kept for it.
#[test]
fn a_slow_viewer_loses_exchanges_and_slows_nobody() {
    let server = setup().start();
    let mut slow = viewer(&server, WIRE);
    let mut client = server.connect();
    let mut served = 0;
    let requests = "GET /a.html HTTP/1.1\r\nHost: test\r\n\r\n".repeat(100);
    for _ in 0..100 {
        client.send(requests.as_bytes());
        for _ in 0..100 {
            assert_eq!(client.response("GET").status, 200);
            served += 1;
        }
    }
    let (mut shown, mut missed) = (0, 0);
    while shown + missed < served {
        let event = slow.next();
        match event["missed"].as_u64() {
            Some(count) => missed += count,
            None => shown += u64::from(event["exchange"].is_object()),
        }
    }
    assert!(missed > 0 && shown > 0, "{shown} shown, {missed} missed");
    drop(slow);
    until("nobody looks", || {
        server.counters.connections_open.value() <= 1
    });
}

#[test]
fn what_a_viewer_says_is_not_wanted() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    viewer.0.send(Message::text("hello")).expect("sent");
    let Message::Close(Some(close)) = viewer.0.read().expect("an answer") else {
        panic!("it is not closed");
    };
    assert_eq!(u16::from(close.code), 1008);
}
