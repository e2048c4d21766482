//! `--inspect`: what the wire view is told of each exchange, and who may see it.

mod support;

use std::net::{Ipv4Addr, TcpStream};

use docroot::net::local_addresses::outward_addresses;
use docroot::semantics::address_rules::AddressRules;
use serde_json::{Value, json};
use support::live_page::websocket;
use support::program::skipped;
use support::viewer::{Viewer, WIRE, viewer};
use support::{Setup, TestServer, until};
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.inspect = true)
        .file("a.html", "<p>text</p>")
        .file("docs/b.txt", "text")
        .file("long.txt", "long text ".repeat(1000))
}

/// The status of the answer to a handshake.
fn status_of(server: &TestServer, request: impl IntoClientRequest) -> u16 {
    let stream = TcpStream::connect(server.address).expect("a connection");
    match tungstenite::client(request, stream) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            response.status().as_u16()
        }
        Err(fault) => panic!("{fault}"),
        Ok(_) => 101,
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

/// Tests `guide::inspect::open_wire`.
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

/// A trailer, the user information of a target, and a line that is no field.
#[test]
fn secrets_in_odd_places_are_masked() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    for (request, status, want) in [
        (
            "POST /a.html HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\na\r\n0\r\nAuthorization: secret\r\nA: b\r\n\r\n",
            405,
            "0\r\nAuthorization: ******\r\nA: b\r\n\r\n",
        ),
        (
            "GET http://user:secret@test/a.html HTTP/1.1\r\nHost: user:secret@test\r\n\r\n",
            400,
            "GET http://***@test/a.html HTTP/1.1\r\nHost: ***@test\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: user:secret@test\r\n\r\n",
            400,
            "Host: ***@test\r\n",
        ),
        (
            "CONNECT user:secret@test:443 HTTP/1.1\r\nHost: test\r\n\r\n",
            400,
            "CONNECT ***@test:443",
        ),
        (
            "GET / HTTP/1.1\r\nHost: test\r\nAuthorization Bearer secret\r\n\r\n",
            400,
            "Authorization ***\r\n",
        ),
        ("Cookie secret\r\n\r\n", 400, "Cookie ***\r\n"),
    ] {
        let mut client = server.connect();
        client.send(request.as_bytes());
        assert_eq!(client.response("GET").status, status, "{request}");
        let shown = viewer.exchange();
        assert!(!shown.to_string().contains("secret"), "{shown:#}");
        let message = &shown["request"];
        let octets = [&message["head"], &message["body"]["first"]].map(Value::as_str);
        let octets = octets.map(Option::unwrap_or_default).concat();
        assert!(octets.contains(want), "{octets}");
    }
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
    let handshake = |path: &str, fields: &[(&'static str, &str)]| {
        let url = format!("ws://{}{path}", server.address);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in fields {
            let value = value.parse().expect("a value");
            request.headers_mut().insert(*name, value);
        }
        status_of(&server, request)
    };
    let own = format!("127.0.0.1:{}", server.address.port());
    let own_origin = format!("http://{own}");
    let site = "Sec-Fetch-Site";
    for path in [WIRE, "/.docroot/replay"] {
        for (host, fields, status) in [
            (
                &own[..],
                [("Origin", &own_origin[..]), (site, "same-origin")],
                101,
            ),
            (
                &own,
                [("Origin", "http://evil.example"), (site, "none")],
                403,
            ),
            (&own, [("Origin", &own_origin), (site, "cross-site")], 403),
            (&own, [("Origin", &own_origin), (site, "same-site")], 403),
            (
                "evil.example",
                [("Origin", "http://evil.example"), (site, "none")],
                421,
            ),
        ] {
            let [origin, site] = fields;
            let got = handshake(path, &[("Host", host), origin, site]);
            assert_eq!(got, status, "{path} {host} {fields:?}");
        }
        assert_eq!(handshake(path, &[(site, "cross-site")]), 403, "{path}");
    }
    // A link from elsewhere leads to the page.
    assert_eq!(
        server.get("/.docroot/", &[(site, "cross-site")]).status,
        200
    );

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
    // Everybody may ask whether they may.
    for (server, methods) in [(&server, "GET, OPTIONS"), (&other, "OPTIONS")] {
        let options = server.request("OPTIONS", WIRE, &[]);
        assert_eq!(options.status, 204);
        assert_eq!(options.field("Allow"), Some(methods));
    }
    let off = setup().with(|config| config.inspect = false).start();
    for path in ["/.docroot/", WIRE] {
        assert_eq!(off.get(path, &[]).status, 404, "{path}");
    }
}

/// A client of a proxy on this machine may be anywhere.
#[test]
fn what_a_proxy_forwards_is_refused_unless_the_operator_names_the_proxy() {
    let forwarded = [
        ("Forwarded", "for=192.0.2.7"),
        ("Via", "1.1 proxy"),
        ("X-Forwarded-For", "192.0.2.7"),
    ];
    let refusing = setup().start();
    let admitting = setup().with(|config| {
        let named = &mut config.inspect_named;
        named.allow("127.0.0.1").expect("an address");
    });
    let admitting = admitting.start();
    for field in forwarded {
        for path in [
            "/.docroot/",
            "/.docroot/inspect.js",
            WIRE,
            "/.docroot/replay",
        ] {
            let refusal = refusing.get(path, &[field]);
            assert_eq!(refusal.status, 403, "{path} {field:?}");
            assert!(refusal.text().contains("--inspect-allow"), "{path}");
            assert_ne!(
                admitting.get(path, &[field]).status,
                403,
                "{path} {field:?}"
            );
        }
        assert_eq!(refusing.get("/a.html", &[field]).status, 200);
    }
    // Another proxy than the one that is named.
    let mut client = admitting.connect_from([127, 0, 0, 2]);
    client.send(&support::request("GET", "/.docroot/", &forwarded));
    assert_eq!(client.response("GET").status, 403);
}

/// nginx forwards like this if nobody tells it otherwise: a version and a host that no browser on this machine sends.
/// Tests `guide::access::perhaps_through_proxy`.
#[test]
fn what_may_come_through_a_proxy_is_refused_with_the_reason() {
    let server = setup().start();
    for (version, host, status) in [
        ("1.1", "localhost", 200),
        ("1.1", "LocalHost.:8080", 200),
        ("1.1", "a.localhost", 200),
        ("1.1", "127.0.0.2:80", 200),
        ("1.1", "[::1]", 200),
        ("1.1", "files.example", 403),
        ("1.1", "localhost.example", 403),
        ("1.1", "192.0.2.7", 403),
        ("1.0", "localhost", 403),
        ("1.0", "files.example", 403),
    ] {
        let request =
            format!("GET /.docroot/ HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut client = server.connect();
        client.send(request.as_bytes());
        let response = client.response("GET");
        assert_eq!(response.status, status, "{request}");
        if status == 403 {
            let text = response.text();
            assert!(text.contains("--inspect-allow"), "{text}");
            let why = if version == "1.0" {
                "HTTP/1.0"
            } else {
                "The host may"
            };
            assert!(text.contains(why), "{text}");
        }
    }
    let named = setup().with(|config| config.inspect_named.allow("127.0.0.1").expect("an address"));
    let named = named.start();
    let mut client = named.connect();
    client.send(b"GET /.docroot/ HTTP/1.0\r\nHost: files.example\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
}

/// A proxy on this machine may also connect to another of its addresses.
#[test]
fn what_comes_from_another_address_of_this_machine_names_that_address() {
    let Some(own) = outward_addresses().first().copied() else {
        return skipped("this machine has no address but those of the loopback");
    };
    let server = setup().with(|config| {
        config.bind.required = vec![own];
        config.inspect_from.allow_address(own);
    });
    let server = server.start();
    let status = |version: &str, host: &str| {
        let mut client = server.connect();
        let request = format!("GET /.docroot/ HTTP/{version}\r\nHost: {host}\r\n\r\n");
        client.send(request.as_bytes());
        client.response("GET").status
    };
    let literal = server.address.to_string();
    assert_eq!(status("1.1", &literal), 200);
    assert_eq!(status("1.0", &literal), 403);
    assert_eq!(status("1.1", "files.example"), 403);
    assert_eq!(status("1.1", "localhost"), 403);
}

/// `--cors` opens the site and not what docroot itself has beside it.
#[test]
fn foreign_pages_read_nothing_of_the_view() {
    let server = setup().with(|config| config.rules.cors.add("*").expect("an origin"));
    let server = server.start();
    let origin = ("Origin", "http://evil.example");
    let allow = "Access-Control-Allow-Origin";
    assert_eq!(server.get("/a.html", &[origin]).field(allow), Some("*"));
    for path in [
        "/.docroot",
        "/.docroot/",
        "/.docroot/inspect.js",
        "/.docroot/list/list.js",
        "/.docroot/words/fields.json",
        WIRE,
    ] {
        let response = server.get(path, &[origin]);
        assert_eq!(response.field(allow), None, "{path}");
        let policy = response.field("Cross-Origin-Resource-Policy");
        assert_eq!(
            policy,
            Some("same-origin").filter(|_| path != "/.docroot"),
            "{path}"
        );
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
            // Other events are lost too.
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
    let close = loop {
        match viewer.0.read().expect("an answer") {
            Message::Close(close) => break close.expect("a code"),
            // Events that were sent before.
            Message::Text(_) => {}
            other => panic!("{other}"),
        }
    };
    assert_eq!(u16::from(close.code), 1008);
}

#[test]
fn concept_36_a_connection_is_shown_from_its_beginning_to_its_end() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    let hello = viewer.next();
    assert_eq!(hello["hello"]["version"], env!("CARGO_PKG_VERSION"));
    let can = ["tls", "replay", "lab", "negotiate"].map(|name| &hello["hello"][name]);
    assert_eq!(can, [false, true, false, false].map(Value::from).each_ref());
    for (last, by, reason) in [
        (
            "Connection: close\r\n",
            "client",
            "the connection closes because the client asked for it",
        ),
        (
            "Host: again\r\n",
            "server",
            "the connection closes because the server refused the request",
        ),
        ("", "client", "the client closed the connection"),
    ] {
        let mut client = server.connect();
        let port = client.stream.local_addr().expect("an address").port();
        let request = |more: &str| format!("GET /a.html HTTP/1.1\r\nHost: test\r\n{more}\r\n");
        client.send(request("").as_bytes());
        assert_eq!(client.response("GET").status, 200);
        client.send(request(last).as_bytes());
        client.response("GET");
        drop(client);
        let opened = viewer.event("opened");
        assert_eq!(opened["port"], port, "{opened}");
        assert_eq!(opened["peer"], "127.0.0.1");
        let number = &opened["connection"];
        let first = viewer.of_connection("exchange", number);
        let second = viewer.of_connection("exchange", number);
        assert!(first["times"]["accepted"].is_u64() && first["times"]["secured"].is_null());
        assert!(second["times"]["accepted"].is_null(), "{}", second["times"]);
        let closed = viewer.of_connection("closed", number);
        let facts = [&closed["exchanges"], &closed["by"], &closed["reason"]];
        assert_eq!(facts, [&json!(2), &json!(by), &json!(reason)]);
    }
}

/// A browser uses one connection for the page of the wire view and for the site.
#[test]
fn requests_of_the_wire_view_are_counted_apart() {
    let server = setup().start();
    let mut client = server.connect();
    let mut get = |path: &str| {
        client.send(&support::request("GET", path, &[]));
        client.response("GET");
    };
    // Also before somebody looks.
    get("/.docroot/inspect.js");
    get("/a.html");
    let mut viewer = viewer(&server, WIRE);
    for (path, want) in [("/a.html", (3, 1)), ("/docs/b.txt", (5, 2))] {
        get(path);
        get("/.docroot/inspect.css");
        let shown = viewer.exchange();
        assert_eq!(shown["target"], path);
        assert_eq!(
            (&shown["number"], &shown["own"]),
            (&json!(want.0), &json!(want.1))
        );
    }
    drop(client);
    let closed = viewer.event("closed");
    assert_eq!(
        (&closed["exchanges"], &closed["own"]),
        (&json!(6), &json!(3))
    );
}

/// The bodies as they cross the connection.
#[test]
fn the_beginning_of_each_body_is_shown() {
    let large = "large text ".repeat(100_000);
    let server = setup()
        .with(|config| config.site.archive = true)
        .file("large.bin", &large)
        .start();
    let mut viewer = viewer(&server, WIRE);
    let mut client = server.connect();
    let mut bodies = |request: &[u8]| {
        client.send(request);
        client.response("GET");
        let shown = viewer.exchange();
        (
            shown["request"]["body"].clone(),
            shown["response"]["body"].clone(),
        )
    };
    let (sent, received) = bodies(b"GET /a.html HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(sent, Value::Null);
    let want = json!({"length": 11, "first": "<p>text</p>", "chunks": null, "unseen": false});
    assert_eq!(received, want);

    let chunked = b"GET /docs/b.txt HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let (sent, received) = bodies(chunked);
    let want = json!({
        "length": 13, "first": "3\r\nabc\r\n0\r\n\r\n", "chunks": [3, 0], "unseen": false
    });
    assert_eq!((sent, &received["first"]), (want, &json!("text")));

    let (_, received) = bodies(b"GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(received["length"], large.len());
    let first = received["first"].as_str().expect("text");
    assert!(large.starts_with(first));
    assert!(
        first.len() == 4096 || received["unseen"] == true,
        "{received}"
    );

    let archive = b"GET /docs/?archive=tar HTTP/1.1\r\nHost: test\r\n\r\n";
    let (_, received) = bodies(archive);
    let chunks = received["chunks"].as_array().expect("chunks");
    let sizes = chunks.iter().map(|size| size.as_u64().expect("a size"));
    let (count, content) = (chunks.len(), sizes.sum::<u64>());
    assert!(count >= 2 && chunks.last() == Some(&json!(0)), "{received}");
    assert!(received["length"].as_u64() > Some(content), "{received}");
}

#[test]
fn the_frames_of_a_websocket_are_shown() {
    let server = setup().with(|config| config.lab = true).start();
    let mut viewer = viewer(&server, WIRE);
    let mut echo = websocket(server.address, "/.docroot/lab/echo");
    echo.send(Message::text("Hello")).expect("sent");
    assert_eq!(echo.read().expect("an echo"), Message::text("Hello"));
    for (from, head) in [("client", "\u{81}\u{85}"), ("server", "\u{81}\u{5}")] {
        let frame = viewer.event("frame");
        assert_eq!(
            (&frame["from"], &frame["first"], &frame["length"]),
            (&json!(from), &json!("Hello"), &json!(5))
        );
        assert!(
            frame["head"].as_str().expect("octets").starts_with(head),
            "{frame}"
        );
    }
}

#[test]
fn the_phases_of_the_connections_are_shown() {
    let server = setup().start();
    // Each of them waits for a request. The viewer comes later.
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.send(b"GET /a.html HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(client.response("GET").status, 200);
    }
    let mut viewer = viewer(&server, WIRE);
    let mut idle = std::collections::BTreeMap::new();
    while idle.values().sum::<u64>() < 2 {
        let worker = viewer.event("worker");
        let count = worker["phases"]["idle"].as_u64().expect("a number");
        idle.insert(worker["number"].as_u64(), count);
    }
    drop(clients);
    while idle.values().sum::<u64>() > 0 {
        let worker = viewer.event("worker");
        let count = worker["phases"]["idle"].as_u64().expect("a number");
        idle.insert(worker["number"].as_u64(), count);
    }
}

#[test]
fn responses_tell_how_long_they_took() {
    let server = setup().start();
    let timed = server.get("/a.html", &[]);
    let timing = timed.field("Server-Timing").expect("a field");
    assert!(timing.contains("decided;dur="), "{timing}");
    let off = setup().with(|config| config.inspect = false).start();
    assert_eq!(off.get("/a.html", &[]).field("Server-Timing"), None);
}

#[test]
fn only_some_may_look_at_once() {
    let server = setup().start();
    let mut viewers: Vec<Viewer> = (0..16).map(|_| viewer(&server, WIRE)).collect();
    let late = || {
        let url = format!("ws://{}{WIRE}", server.address);
        status_of(&server, url)
    };
    assert_eq!(late(), 503);
    viewers.pop();
    until("there is room", || late() == 101);
}

/// A viewer may not have the password.
#[cfg(feature = "auth")]
#[test]
fn contents_that_need_a_password_are_not_shown() {
    // The password is "secret".
    let rule = "/private/** alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    let server = setup()
        .with(|config| {
            config.rules.protection.add(rule).expect("a rule");
        })
        .file("private/a.txt", "secret text")
        .start();
    let mut viewer = viewer(&server, WIRE);
    let login = ("Authorization", "Basic YWxpY2U6c2VjcmV0");
    assert_eq!(server.get("/private/a.txt", &[login]).text(), "secret text");
    let shown = viewer.exchange();
    assert_eq!(shown["status"], 200);
    let want = json!({"length": 11, "first": "", "chunks": null, "unseen": true});
    assert_eq!(shown["response"]["body"], want);
    assert_eq!(server.get("/docs/b.txt", &[login]).status, 200);
    assert_eq!(viewer.exchange()["response"]["body"]["first"], "text");
}
