//! `--inspect`: a page sends octets to the server as they are, and sees what comes back.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::{Value, json};
use support::viewer::{WIRE, viewer};
use support::{PATIENCE, Setup, TestServer, until};
use tungstenite::{Message, WebSocket};

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.inspect = true)
        .file("a.txt", "text")
}

/// A page with a WebSocket for replays.
struct Page<S: Read + Write = TcpStream>(WebSocket<S>);

impl Page {
    fn new(server: &TestServer) -> Page {
        Page::from(server, [127, 0, 0, 1])
    }

    fn from(server: &TestServer, address: [u8; 4]) -> Page {
        let url = format!("ws://{}/.docroot/replay", server.address);
        let stream = server.connect_from(address).stream;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Page(tungstenite::client(url, stream).expect("a WebSocket").0)
    }
}

impl<S: Read + Write> Page<S> {
    fn order(&mut self, order: &str) {
        self.0.send(Message::text(order)).expect("sent");
    }

    fn send(&mut self, octets: &[u8]) {
        self.0.send(Message::binary(octets.to_vec())).expect("sent");
    }

    /// The next event that is no octets.
    #[track_caller]
    fn event(&mut self) -> Value {
        match self.0.read().expect("an event") {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{other:?}"),
        }
    }

    /// Opens a connection. Returns its port.
    fn connect(&mut self, order: &str) -> u64 {
        self.order(order);
        let connected = self.event();
        connected["connected"]["port"]
            .as_u64()
            .unwrap_or_else(|| panic!("{connected}"))
    }

    /// What is received until these octets have come.
    fn received_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut received = Vec::new();
        while !received.ends_with(end) {
            match self.0.read().expect("octets") {
                Message::Binary(octets) => received.extend_from_slice(&octets),
                other => panic!("{other:?} after {}", String::from_utf8_lossy(&received)),
            }
        }
        received
    }

    /// What is received until the connection closes, and who closed it.
    fn rest(&mut self) -> (String, Value) {
        let mut received = Vec::new();
        loop {
            match self.0.read().expect("octets") {
                Message::Binary(octets) => received.extend_from_slice(&octets),
                Message::Text(text) => {
                    let mut event: Value = serde_json::from_str(&text).expect("JSON");
                    let received = String::from_utf8_lossy(&received).into_owned();
                    return (received, event["closed"]["by"].take());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn octets_are_sent_as_they_are() {
    let server = setup().start();
    let mut page = Page::new(&server);
    for (octets, status) in [
        ("GET /a.txt HTTP/1.0\r\n\r\n", "200"),
        (
            "GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n",
            "206",
        ),
        ("GET /a.txt HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("GET /a.txt HTTP/1.1\r\n\r\n", "400"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400",
        ),
        ("\u{1}\u{2}\r\n\r\n", "400"),
    ] {
        page.connect("connect");
        page.send(octets.as_bytes());
        let (received, by) = page.rest();
        assert!(
            received.starts_with(&format!("HTTP/1.1 {status}")),
            "{octets}: {received}"
        );
        assert_eq!(by, "server");
    }
}

#[test]
fn a_connection_is_used_again_and_seen_by_the_viewers() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    let mut page = Page::new(&server);
    let port = page.connect("connect");
    for number in 1..=2 {
        // In pieces, as they may come.
        page.send(b"GET /a.txt HTTP/1.1\r\n");
        page.send(b"Host: a\r\n\r\n");
        let received = page.received_until(b"\r\n\r\ntext");
        assert!(received.starts_with(b"HTTP/1.1 200"));
        let exchange = viewer.exchange();
        let facts = [&exchange["port"], &exchange["number"], &exchange["target"]];
        assert_eq!(facts, [&json!(port), &json!(number), &json!("/a.txt")]);
    }
    // The server waits for the rest of a request that has none.
    page.send(b"GET /a.txt");
    page.order("finish");
    let (received, by) = page.rest();
    assert!(received.starts_with("HTTP/1.1 400"), "{received}");
    assert_eq!(by, "server");
}

#[test]
fn the_page_closes_the_connection_or_leaves() {
    let server = setup().start();
    let open = || server.counters.connections_open.value();
    let mut page = Page::new(&server);
    page.connect("connect");
    until("both are open", || open() == 2);
    page.order("close");
    assert_eq!(page.event(), json!({"closed": {"by": "client"}}));
    until("it is closed", || open() == 1);
    page.connect("connect");
    // The next one takes its place.
    page.connect("connect");
    until("only one is left", || open() == 2);
    drop(page);
    until("all are closed", || open() == 0);
}

/// Nobody gets more than by a connection of their own.
#[test]
fn the_server_takes_a_replay_for_a_connection_of_the_viewer() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    for address in [[127, 0, 0, 9], [127, 0, 0, 1]] {
        let mut page = Page::from(&server, address);
        page.connect("connect");
        page.send(b"GET /a.txt HTTP/1.0\r\n\r\n");
        page.rest();
        let peer = Ipv4Addr::from(address).to_string();
        assert_eq!(viewer.exchange()["peer"], peer);
    }
}

/// A page that leaves at once is a client of its own too, and sends nothing more.
#[test]
fn a_replay_that_is_given_up_is_nobody_else() {
    let server = setup().start();
    let mut viewer = viewer(&server, WIRE);
    let ask = b"GET /a.txt HTTP/1.0\r\n\r\n";
    for pings in (0..200).step_by(10) {
        let mut page = Page::from(&server, [127, 0, 0, 9]);
        let messages = [Message::text("connect"), Message::binary(ask.to_vec())];
        let pings = std::iter::repeat_n(Message::Ping("".into()), pings);
        for message in messages.into_iter().chain(pings) {
            page.0.write(message).expect("written");
        }
        page.order("close");
    }
    // The last exchange is known by its target.
    assert_eq!(server.get("/last", &[]).status, 404);
    loop {
        let shown = viewer.exchange();
        if shown["target"] == "/last" {
            break;
        }
        assert_eq!(shown["peer"], "127.0.0.9");
    }
}

#[test]
fn a_page_that_opens_too_many_is_closed() {
    let server = setup().start();
    let mut page = Page::new(&server);
    for _ in 0..100 {
        // The server may have closed it.
        let _ = page.0.send(Message::text("connect"));
    }
    let close = loop {
        if let Message::Close(close) = page.0.read().expect("a message") {
            break close.expect("a code");
        }
    };
    assert_eq!(u16::from(close.code), 1008);
}

#[test]
fn few_are_open_at_once() {
    let server = setup().start();
    let open = |address| -> Vec<Page> {
        let mut pages: Vec<Page> = (0..4).map(|_| Page::from(&server, address)).collect();
        for page in &mut pages {
            page.connect("connect");
        }
        pages
    };
    let refused = |address, why: &str| {
        let mut late = Page::from(&server, address);
        late.order("connect");
        assert_eq!(late.event(), json!({"failed": why}));
        late
    };
    let pages = open([127, 0, 0, 1]);
    let own = "too many replays from this address are open: close one of them";
    let mut late = refused([127, 0, 0, 1], own);
    // Somebody else is not kept out, until there are too many.
    let _others = open([127, 0, 0, 2]);
    let all = "too many replays are open: try again later";
    refused([127, 0, 0, 3], all);
    drop(pages);
    until("there is room", || {
        late.order("connect");
        late.event()["connected"].is_object()
    });
}

#[test]
fn unknown_orders_end_the_page() {
    let server = setup().start();
    for order in ["connect to 192.0.2.1", "Connect", ""] {
        let mut page = Page::new(&server);
        page.order(order);
        let Message::Close(Some(close)) = page.0.read().expect("an answer") else {
            panic!("it is not closed");
        };
        assert_eq!(u16::from(close.code), 1008, "{order}");
    }
    // Without a connection, octets go nowhere.
    let mut page = Page::new(&server);
    page.send(b"GET / HTTP/1.1\r\n");
    page.order("finish");
    page.order("close");
    page.connect("connect");
}

/// The answer comes before the end of the request.
#[test]
fn much_is_sent_and_the_answer_is_read() {
    let server = setup().start();
    let mut page = Page::new(&server);
    page.connect("connect");
    page.send(b"POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    for _ in 0..9 {
        page.send(&[b'a'; 100_000]);
    }
    page.order("finish");
    let (answer, _) = page.rest();
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

#[cfg(feature = "tls")]
#[test]
fn replays_speak_tls() {
    let site = support::tls::SecureSite::start(setup());
    let url = format!("ws://{}/.docroot/replay", site.server.address);
    let stream = site.connect().stream;
    let mut page = Page(tungstenite::client(url, stream).expect("a WebSocket").0);
    page.order("connect tls");
    let connected = page.event();
    assert_eq!(connected["connected"]["tls"]["version"], "TLSv1.3");
    page.send(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let received = page.received_until(b"\r\n\r\ntext");
    assert!(received.starts_with(b"HTTP/1.1 200"));
    page.order("finish");
    assert_eq!(page.rest(), (String::new(), json!("server")));

    // Plain HTTP on the same port.
    page.connect("connect");
    page.send(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let (received, by) = page.rest();
    assert!(received.starts_with("HTTP/1.1 400"), "{received}");
    assert_eq!(by, "server");
}

#[test]
fn there_is_no_tls_on_a_plain_port() {
    let server = setup().start();
    let mut page = Page::new(&server);
    page.order("connect tls");
    let failed = page.event();
    assert!(failed["failed"].is_string(), "{failed}");
}
