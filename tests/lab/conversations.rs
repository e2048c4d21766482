//! Server-sent events, chat and echo, and what TLS has agreed on.

use std::net::TcpStream;

use serde_json::json;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use super::support::live_page::websocket;
use super::support::{Response, TestServer, until};
use super::{LAB, data, get, lab, lab_of_named, post, support};

#[test]
fn events_go_on_where_they_ended() {
    let server = lab();
    let response = get(&server, "events?count=2&interval=100&retry=500");
    assert_eq!(response.field("Content-Type"), Some("text/event-stream"));
    let text = response.text();
    assert!(
        text.starts_with("retry: 500\n\nid: 1\nevent: tick\ndata: {\"number\":1,"),
        "{text}"
    );
    assert!(
        text.ends_with("}\n\n") && text.matches("\n\nid: ").count() == 2,
        "{text}"
    );
    let again = |last: &str| {
        let fields = [("Last-Event-ID", last)];
        server.get(&format!("{LAB}events?count=2&interval=100"), &fields)
    };
    assert!(again("2").text().contains("id: 3\n") && again("2").text().contains("id: 4\n"));
    assert_eq!(again("6").status, 204);
    for odd in ["", "x", "-1", "99999999999999999999999"] {
        assert!(again(odd).text().contains("id: 1\n"), "{odd}");
    }
    assert_eq!(again(&u64::MAX.to_string()).status, 204);
}

fn chat(server: &TestServer, protocol: &str) -> WebSocket<TcpStream> {
    let url = format!("ws://{}{LAB}chat", server.address);
    let mut request = url.into_client_request().expect("a request");
    if !protocol.is_empty() {
        let value = protocol.parse().expect("a value");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", value);
    }
    let stream = TcpStream::connect(server.address).expect("a connection");
    stream
        .set_read_timeout(Some(support::PATIENCE))
        .expect("a timeout");
    let (socket, response) = tungstenite::client(request, stream).expect("a WebSocket");
    let agreed = response.headers().get("Sec-WebSocket-Protocol");
    let agreed = agreed.map(|value| value.to_str().expect("ASCII").to_owned());
    let offered = protocol.split(", ").find(|name| *name == "superchat");
    assert_eq!(
        agreed.as_deref(),
        offered.or(Some(protocol).filter(|name| !name.is_empty()))
    );
    socket
}

fn told(socket: &mut WebSocket<TcpStream>) -> String {
    socket
        .read()
        .expect("a message")
        .to_text()
        .expect("text")
        .to_owned()
}

fn close_code(socket: &mut WebSocket<TcpStream>) -> u16 {
    loop {
        match socket.read().expect("a message") {
            Message::Close(Some(close)) => return close.code.into(),
            Message::Close(None) => panic!("no code"),
            _ => {}
        }
    }
}

#[test]
fn windows_talk_to_each_other() {
    let server = lab();
    let mut first = chat(&server, "chat, superchat");
    let head = told(&mut first);
    assert!(head.starts_with("{\"head\":"), "{head}");
    let mut second = chat(&server, "chat");
    let mut third = chat(&server, "");
    // Two frames are one message.
    first
        .send(Message::text("hello \"\u{4f60}\""))
        .expect("sent");
    assert_eq!(
        told(&mut first),
        "{\"number\":1,\"text\":\"hello \\\"\\u4f60\\\"\"}"
    );
    for socket in [&mut second, &mut third] {
        assert_eq!(told(socket), "hello \"\u{4f60}\"");
    }
    // A client that asks again and again learns the same.
    assert_eq!(
        post(&server, "message", "text=by+form").text(),
        "This is message 2.\n"
    );
    let messages = data(&get(&server, "chat?since=1"));
    assert_eq!(
        messages["messages"],
        json!([{"number": 2, "text": "by form"}])
    );
    assert_eq!(data(&get(&server, "chat?since=2"))["messages"], json!([]));
    assert_eq!(told(&mut second), "by form");
    let head = messages["head"].as_u64().expect("a length");
    let sent = support::request("GET", &format!("{LAB}chat?since=1"), &[]);
    assert_eq!(head, sent.len() as u64);
}

/// RFC 9110 section 7.8: a server ignores protocols that it does not want to change to, and HTTP/1.0 has no upgrades.
#[test]
fn only_websocket_is_an_upgrade_to_the_chat() {
    let server = lab_of_named();
    let chat = |version: &str, protocols: &str| {
        let request = format!(
            "GET {LAB}chat HTTP/{version}\r\nHost: localhost\r\nUpgrade: {protocols}\r\nConnection: Upgrade, close\r\n\r\n"
        );
        let mut client = server.connect();
        client.send(request.as_bytes());
        client.response("GET")
    };
    for (version, protocols) in [
        ("1.1", "h2c"),
        ("1.1", "TLS/1.0, websockets"),
        ("1.0", "websocket"),
    ] {
        let polled = data(&chat(version, protocols));
        assert_eq!(polled["messages"], json!([]), "{version} {protocols}");
    }
    // A handshake without a key and a version.
    for protocols in ["websocket", "h2c, WebSocket"] {
        assert_eq!(chat("1.1", protocols).status, 426, "{protocols}");
    }
}

#[test]
fn messages_have_limits() {
    let server = lab();
    for (messages, code) in [
        (vec![Message::binary(vec![1])], 1003),
        (vec![Message::text("x".repeat(501))], 1009),
        (vec![Message::text("x"); 21], 1008),
    ] {
        let mut socket = chat(&server, "chat");
        for message in messages {
            // The server may have closed already.
            let _ = socket.send(message);
        }
        assert_eq!(close_code(&mut socket), code);
    }
    let long = format!("text={}", "x".repeat(501));
    for form in ["", "text=", "text=%FF", &long] {
        assert_eq!(post(&server, "message", form).status, 400, "{form}");
    }
    let most = format!("text={}", "x".repeat(500));
    for _ in 0..40 {
        assert_eq!(post(&server, "message", &most).status, 200);
    }
    let kept = data(&get(&server, "chat?since=0"));
    assert_eq!(kept["messages"].as_array().map(Vec::len), Some(32));
}

/// A request does not say who typed it, so all clients share this limit.
#[test]
fn posted_messages_have_a_rate() {
    let server = lab();
    let posted = until_refused(|| post(&server, "message", "text=a"));
    let refused = posted.last().expect("a response");
    assert_eq!(refused.status, 429);
    assert!(posted.len() > 100, "{}", posted.len());
    assert_eq!(refused.field("Retry-After"), Some("5"));
    // Those who have a window still speak.
    let mut socket = chat(&server, "");
    socket.send(Message::text("hello")).expect("sent");
    assert_eq!(told(&mut socket), "hello");
}

fn until_refused(mut act: impl FnMut() -> Response) -> Vec<Response> {
    let mut responses = Vec::new();
    while responses
        .last()
        .is_none_or(|last: &Response| last.status == 200)
        && responses.len() < 1000
    {
        responses.push(act());
    }
    responses
}

#[test]
fn places_in_the_chat_are_limited() {
    let server = lab();
    let handshake = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let enter = |address: u8| {
        let mut client = server.connect_from([127, 0, 0, address]);
        client.send(&support::request("GET", &format!("{LAB}chat"), &handshake));
        (client.head().status, client)
    };
    let fill = |address| {
        (0..100)
            .map(move |_| enter(address))
            .take_while(|(status, _)| *status == 101)
    };
    let mut windows: Vec<_> = fill(1).collect();
    assert_eq!(windows.len(), 32);
    windows.extend(fill(2));
    assert_eq!(windows.len(), 64);
    assert_eq!(enter(3).0, 503);
    // Polling needs no place.
    assert_eq!(get(&server, "chat?since=0").status, 200);
    drop(windows.pop());
    until("there is a place", || enter(3).0 == 101);
}

#[test]
fn the_echo_still_echoes() {
    let server = lab();
    let mut socket = websocket(server.address, &format!("{LAB}echo"));
    socket.send(Message::text("hello")).expect("sent");
    assert_eq!(told(&mut socket), "hello");
    assert_eq!(get(&server, "echo").status, 426);
}

#[test]
fn without_tls_nothing_was_agreed_on() {
    assert_eq!(data(&get(&lab(), "tls")), json!({"secure": false}));
}

#[cfg(feature = "tls")]
#[test]
fn with_tls_the_agreement_is_told() {
    use super::setup;
    use docroot::net::tls::options::ClientAuthentication;
    use support::tls::{Authority, EACH};
    let (ours, theirs) = (Authority::new("servers"), Authority::new("clients"));
    let setup = setup().https(&ours);
    let setup = setup.tls(|tls| tls.clients = ClientAuthentication::Optional(theirs.certificate()));
    let server = setup.start();
    let identity = theirs.client("alice");
    for (versions, name) in EACH.into_iter().zip(["TLSv1.2", "TLSv1.3"]) {
        for identity in [None, Some(&identity)] {
            let caller = ours.caller_with(versions, identity).into();
            let mut client = server.secure(&caller);
            client.send(&support::request("GET", &format!("{LAB}tls"), &[]));
            let told = data(&client.response("GET"));
            assert_eq!(
                (&told["secure"], &told["version"]),
                (&json!(true), &json!(name))
            );
            let cipher = told["cipher"].as_str().expect("a name");
            assert!(cipher.starts_with("TLS"), "{told}");
            assert_eq!(told["handshake"], "full");
            assert!(told["group"].is_string(), "{told}");
            let subject = told["client"].as_str().unwrap_or_default();
            assert_eq!(subject.contains("alice"), identity.is_some(), "{told}");
        }
    }
}
