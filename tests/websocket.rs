//! WebSocket on the wire (RFC 6455): the handshake, frames in any cuts, the closing handshake from both sides,
//! bounds, pings and shutdown.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use support::frame::frame;
use support::{Client, PATIENCE, Setup, TestServer, request, until};

const ECHO: &str = "/.docroot/lab/echo";

/// The key of RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn server() -> TestServer {
    lab().start()
}

fn lab() -> Setup {
    Setup::new().with(|config| config.lab = true)
}

const ASKING: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "keep-alive, Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", "13"),
];

fn asking(more: &[(&'static str, &'static str)]) -> Vec<u8> {
    request("GET", ECHO, &[&ASKING[..], more].concat())
}

fn opened(server: &TestServer, more: &[(&'static str, &'static str)]) -> Client {
    let mut client = server.connect();
    client.send(&asking(more));
    assert_eq!(client.next_response("GET").status, 101);
    client
}

/// The next frame of the server: its first byte and its payload.
fn next_frame<S: support::Stream>(client: &mut Client<S>) -> (u8, Vec<u8>) {
    let head = client.take(2);
    let length = match head[1] {
        126 => u64::from(u16::from_be_bytes(client.take(2).try_into().expect("two"))),
        127 => u64::from_be_bytes(client.take(8).try_into().expect("eight")),
        length => u64::from(length),
    };
    assert!(
        head[1] < 0x80,
        "RFC 6455 section 5.1: a server does not mask"
    );
    (head[0], client.take(length as usize))
}

/// The next message of the server, whatever its frames: the first byte of the first one, and the content.
fn next_message(client: &mut Client) -> (u8, Vec<u8>) {
    let (first, mut content) = next_frame(client);
    let mut is_last = first & 0x80 != 0;
    while !is_last {
        let (next, more) = next_frame(client);
        assert_eq!(next & 0x7f, 0, "a continuation");
        content.extend(more);
        is_last = next & 0x80 != 0;
    }
    (first & 0x7f, content)
}

#[track_caller]
fn check_closed(client: &mut Client, code: u16) {
    let (first, payload) = next_frame(client);
    assert_eq!((first, &payload[..2]), (0x88, &code.to_be_bytes()[..]));
    assert!(client.is_closed());
}

/// RFC 6455 section 1.3.
#[test]
fn concept_32_the_handshake_answers_the_key() {
    let server = server();
    let mut client = server.connect();
    client.send(&asking(&[("Origin", "http://localhost")]));
    let response = client.next_response("GET");
    assert_eq!(response.status, 101);
    assert_eq!(response.field("Upgrade"), Some("websocket"));
    assert_eq!(response.field("Connection"), Some("Upgrade"));
    let accept = response.field("Sec-WebSocket-Accept");
    assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.field("Sec-WebSocket-Extensions"), None);
    // Content without a byte is none.
    opened(&server, &[("Content-Length", "0")]);
}

/// The lines of the README that are set apart, from the one that begins so, up to an empty one.
fn of_readme(begin: &str) -> Vec<&'static str> {
    let lines = include_str!("../README.md").lines();
    let lines = lines.skip_while(|line| !line.trim_start().starts_with(begin));
    lines.map_while(|line| line.strip_prefix("    ")).collect()
}

#[test]
fn the_conversation_of_the_readme_is_true() {
    let columns = of_readme("GET /.docroot/lab/echo HTTP/1.1");
    let columns = columns
        .iter()
        .map(|line| line.split_once("  ").unwrap_or((line, "")));
    let (asked, answered): (Vec<&str>, Vec<&str>) = columns.unzip();
    let server = server();
    let mut client = server.connect();
    client.send((asked.join("\r\n") + "\r\n\r\n").as_bytes());
    let response = client.next_response("GET");
    let mut answered = answered.iter().map(|line| line.trim());
    assert_eq!(answered.next(), Some("HTTP/1.1 101 Switching Protocols"));
    assert_eq!(response.status, 101);
    for line in answered.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a field");
        assert_eq!(response.field(name), Some(value));
    }
    let frames = of_readme("81 85");
    let octets = |line: &&str| {
        let digits: String = line.split("  ").next().unwrap_or(line).split(' ').collect();
        let pairs = (0..digits.len()).step_by(2);
        let octets = pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"));
        octets.collect::<Vec<u8>>()
    };
    let frames: Vec<Vec<u8>> = frames.iter().map(octets).collect();
    let [text, echo, end, answer] = &frames[..] else {
        panic!("{frames:?}");
    };
    for (sent, want) in [(text, echo), (end, answer)] {
        client.send(sent);
        assert_eq!(client.take(want.len()), *want);
    }
    assert!(client.is_closed());
}

#[track_caller]
fn check_refused(server: &TestServer, request: &[u8], status: u16, field: Option<(&str, &str)>) {
    let mut client = server.connect();
    client.send(request);
    let method = if request.starts_with(b"HEAD") {
        "HEAD"
    } else {
        "GET"
    };
    let response = client.response(method);
    assert_eq!(response.status, status, "{}", request.escape_ascii());
    if let Some((name, value)) = field {
        assert_eq!(
            response.field(name),
            Some(value),
            "{}",
            request.escape_ascii()
        );
    }
}

#[test]
fn other_requests_are_refused() {
    let server = server();
    let with = |name: &str, value: &'static str| {
        let changed = ASKING.map(|(known, old)| (known, if known == name { value } else { old }));
        request("GET", ECHO, &changed)
    };
    let version = Some(("Sec-WebSocket-Version", "13"));
    check_refused(&server, &with("Sec-WebSocket-Version", "8"), 426, version); // 4.4
    check_refused(
        &server,
        &request("GET", ECHO, &[]),
        426,
        Some(("Upgrade", "websocket")),
    );
    check_refused(&server, &with("Sec-WebSocket-Key", "c2hvcnQ="), 400, None); // 4.2.1
    check_refused(&server, &with("Connection", "keep-alive"), 400, None);
    check_refused(
        &server,
        &asking(&[("Origin", "https://evil.example")]),
        403,
        None,
    ); // 10.2
    check_refused(
        &server,
        &request("HEAD", ECHO, &ASKING),
        405,
        Some(("Allow", "GET")),
    );
    let old = String::from_utf8(asking(&[]))
        .expect("text")
        .replace("HTTP/1.1", "HTTP/1.0");
    // A proxy may send HTTP/1.0, so the operator has to name its address.
    let named = lab().with(|config| {
        let named = &mut config.inspect_named;
        named.allow("127.0.0.1").expect("an address");
    });
    check_refused(&named.start(), old.as_bytes(), 400, None); // RFC 9110 section 7.8
    let with_body = [&asking(&[("Content-Length", "3")])[..], b"abc"].concat();
    check_refused(&server, &with_body, 400, None);
    let off = Setup::new().start();
    check_refused(&off, &asking(&[]), 404, None);
}

/// A page that reaches the server under another name must not open a connection, even if it is the page of
/// that name.
#[test]
fn a_rebound_name_is_refused() {
    let server = lab().with(|config| config.allow_hosts = Vec::new()).start();
    let mut request = b"GET /.docroot/lab/echo HTTP/1.1\r\nHost: evil.example\r\n".to_vec();
    for (name, value) in ASKING.iter().chain(&[("Origin", "http://evil.example")]) {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    check_refused(&server, &request, 421, None);
}

#[test]
fn concept_33_messages_come_back_however_they_are_cut() {
    let server = server();
    let mut client = opened(&server, &[]);
    client.send(&frame(0x81, b"Hello"));
    assert_eq!(next_frame(&mut client), (0x81, b"Hello".to_vec()));
    for byte in frame(0x82, b"byte by byte") {
        client.send(&[byte]);
    }
    assert_eq!(next_message(&mut client), (0x02, b"byte by byte".to_vec()));
    let fragments = [
        frame(
            0x01,
            "gr\u{fc}\u{df}"
                .as_bytes()
                .get(..3)
                .expect("a cut character"),
        ),
        frame(0x89, b"alive?"),
        frame(0x00, &"gr\u{fc}\u{df}".as_bytes()[3..]),
        frame(0x80, b""),
    ];
    client.send(&fragments.concat());
    let mut seen = Vec::new();
    let mut text = Vec::new();
    loop {
        let (first, content) = next_frame(&mut client);
        match first & 0x0f {
            0x0a => seen.push(content),
            _ => text.extend(content),
        }
        if matches!(first, 0x80 | 0x81) {
            break;
        }
    }
    assert_eq!(
        (text, seen),
        ("gr\u{fc}\u{df}".into(), vec![b"alive?".to_vec()])
    );
}

/// What came behind the request is not lost.
#[test]
fn a_client_need_not_wait_for_the_response() {
    let server = server();
    let mut client = server.connect();
    client.send(&[asking(&[]), frame(0x81, b"early")].concat());
    assert_eq!(client.next_response("GET").status, 101);
    assert_eq!(next_frame(&mut client), (0x81, b"early".to_vec()));
}

#[test]
fn large_messages_come_back_while_they_arrive() {
    let server = server();
    let mut client = opened(&server, &[]);
    let content: Vec<u8> = (0..16 * 1024 * 1024_u32)
        .map(|at| (at >> 7) as u8)
        .collect();
    let mut reader = Client::of(client.stream.try_clone().expect("a socket"));
    std::thread::scope(|scope| {
        scope.spawn(|| client.send(&frame(0x82, &content)));
        let (kind, got) = next_message(&mut reader);
        assert!(kind == 0x02 && got == content);
    });
}

#[test]
fn a_message_beyond_the_bound_is_refused() {
    let server = server();
    let mut client = opened(&server, &[]);
    let mut head = vec![0x82, 0xff];
    head.extend((16 * 1024 * 1024_u64 + 1).to_be_bytes());
    head.extend([0; 4]);
    client.send(&head);
    check_closed(&mut client, 1009); // 7.4.1
}

#[test]
fn what_breaks_the_protocol_is_closed() {
    let server = server();
    for (sent, code) in [
        (b"\x81\x05Hello".to_vec(), 1002),            // 5.1: not masked
        (frame(0xc1, b"Hello"), 1002),                // 5.2: RSV1
        (frame(0x83, b""), 1002),                     // 5.2: an unknown opcode
        (frame(0x09, b""), 1002),                     // 5.5: a fragmented ping
        (frame(0x80, b"Hello"), 1002),                // 5.4: no message has begun
        (frame(0x81, b"\xff"), 1007),                 // 8.1: not UTF-8
        (frame(0x88, b"\x03"), 1002),                 // 5.5.1: half a status code
        (frame(0x88, &1005_u16.to_be_bytes()), 1002), // 7.4.1: a reserved one
    ] {
        let mut client = opened(&server, &[]);
        client.send(&sent);
        check_closed(&mut client, code);
    }
    // UTF-8 fails inside a fragment, before the message is complete.
    let mut client = opened(&server, &[]);
    client.send(&frame(0x01, b"a\xe2\x28"));
    check_closed(&mut client, 1007);
}

#[test]
fn the_client_may_close() {
    let server = server();
    for (payload, want) in [
        (b"".to_vec(), b"".to_vec()),
        (b"\x03\xe8bye".to_vec(), b"\x03\xe8".to_vec()),
        (b"\x0b\xb8".to_vec(), b"\x0b\xb8".to_vec()),
    ] {
        let mut client = opened(&server, &[]);
        // Nothing after a Close frame counts.
        client.send(&[frame(0x88, &payload), frame(0x81, b"late")].concat());
        assert_eq!(next_frame(&mut client), (0x88, want));
        assert!(client.is_closed());
    }
}

#[test]
fn a_shutdown_closes_with_1001() {
    let server = server();
    let mut client = opened(&server, &[]);
    client.send(&frame(0x81, b"one"));
    assert_eq!(next_frame(&mut client), (0x81, b"one".to_vec()));
    server.drain();
    let (first, payload) = next_frame(&mut client);
    assert_eq!((first, &payload[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
    client.send(&frame(0x88, &payload[..2]));
    assert!(client.is_closed());
    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < PATIENCE, "nobody waits for it");
}

#[test]
fn a_silent_client_is_pinged_and_then_dropped() {
    let idle = Duration::from_millis(600);
    let server = lab().with(|config| config.deadlines.idle = idle).start();
    let mut alive = opened(&server, &[]);
    let mut dead = opened(&server, &[]);
    // Three rounds are longer than the idle timeout.
    for _ in 0..3 {
        assert_eq!(next_frame(&mut alive), (0x89, Vec::new()));
        alive.send(&frame(0x8a, b""));
    }
    assert_eq!(next_frame(&mut dead), (0x89, Vec::new()));
    assert!(dead.is_closed());
    alive.send(&frame(0x81, b"still here"));
    let mut got = next_frame(&mut alive);
    if got.0 == 0x89 {
        got = next_frame(&mut alive);
    }
    assert_eq!(got, (0x81, b"still here".to_vec()));
}

/// A client that does not read is not read from, so nothing piles up.
#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let server = server();
    let mut client = opened(&server, &[]);
    client.stream.set_nonblocking(true).expect("a socket");
    let message = frame(0x82, &[7; 60_000]);
    let mut sent = 0;
    let mut stuck = Instant::now();
    while stuck.elapsed() < Duration::from_millis(300) {
        let at = sent % message.len();
        match std::io::Write::write(&mut client.stream, &message[at..]) {
            Ok(count) => {
                sent += count;
                stuck = Instant::now();
            }
            Err(_) => std::thread::yield_now(),
        }
        assert!(sent < 100_000_000, "the server takes everything");
    }
    let held = docroot::site::budget::Account::ALL
        .iter()
        .map(|&account| server.held(account))
        .sum::<u64>();
    assert!(held < 400_000, "{held} bytes are held");
    client.stream.set_nonblocking(false).expect("a socket");
    let whole = sent / message.len();
    for _ in 0..whole.min(20) {
        assert_eq!(next_message(&mut client).1.len(), 60_000);
    }
}

/// The rule is that of slow downloads.
#[test]
fn a_client_that_never_reads_is_closed() {
    let server = lab()
        .with(|config| config.deadlines.send = Duration::from_millis(200))
        .start();
    let mut client = opened(&server, &[]);
    let timeout = Some(PATIENCE);
    client.stream.set_write_timeout(timeout).expect("a timeout");
    let message = frame(0x82, &[7; 60_000]);
    let fault = loop {
        if let Err(fault) = std::io::Write::write_all(&mut client.stream, &message) {
            break fault;
        }
    };
    let closed = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(closed.contains(&fault.kind()), "{fault}");
}

/// While it does not read, it is not read from, so it cannot show that it is there.
#[test]
fn a_client_that_reads_late_is_not_dropped() {
    /// More than the queues of both sockets hold.
    const MESSAGES: usize = 6;
    let idle = Duration::from_millis(300);
    let server = lab().with(|config| config.deadlines.idle = idle).start();
    let content = vec![7; 16 * 1024 * 1024];
    let large = frame(0x82, &content);
    let mut client = opened(&server, &[]);
    let mut reader = Client::of(client.stream.try_clone().expect("a socket"));
    std::thread::scope(|scope| {
        let sent = scope.spawn(move || (0..MESSAGES).for_each(|_| client.send(&large)));
        let begin = Instant::now();
        until("several timeouts pass", || begin.elapsed() > 4 * idle);
        assert!(!sent.is_finished(), "the echo is stuck");
        let mut got = 0;
        while got < MESSAGES * content.len() {
            let (first, payload) = next_frame(&mut reader);
            // A ping may come between the frames.
            got += if first & 0x0f == 0x09 {
                0
            } else {
                payload.len()
            };
        }
    });
}

#[test]
fn compression_is_agreed_on_and_used() {
    let server = server();
    let mut client = server.connect();
    let offer = [(
        "Sec-WebSocket-Extensions",
        "permessage-deflate; client_max_window_bits",
    )];
    client.send(&asking(&offer));
    let response = client.next_response("GET");
    let agreed = response
        .field("Sec-WebSocket-Extensions")
        .unwrap_or_default();
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
    // RFC 7692 section 7.2.3.1, and 7.2.3.2 for the answer to the second one.
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    for want in [&hello[..], b"\xf2\x00\x11\x00\x00"] {
        client.send(&frame(0xc1, hello));
        assert_eq!(next_frame(&mut client), (0xc1, want.to_vec()));
    }
    // An uncompressed message is still allowed.
    client.send(&frame(0x81, b"Hello"));
    assert_eq!(next_frame(&mut client).0, 0xc1);
}

/// 20 KB that stand for 20 MB.
#[test]
fn a_message_that_inflates_without_end_is_refused() {
    use flate2::{Compress, Compression, FlushCompress};
    let server = server();
    let mut client = opened(
        &server,
        &[("Sec-WebSocket-Extensions", "permessage-deflate")],
    );
    let mut compressed = Vec::with_capacity(1 << 20);
    let zeros = vec![0; 20 * 1024 * 1024];
    Compress::new(Compression::best(), false)
        .compress_vec(&zeros, &mut compressed, FlushCompress::Sync)
        .expect("room");
    compressed.truncate(compressed.len() - 4);
    assert!(compressed.len() < 100_000);
    let mut reader = Client::of(client.stream.try_clone().expect("a socket"));
    std::thread::scope(|scope| {
        scope.spawn(move || client.send(&frame(0xc2, &compressed)));
        loop {
            let (first, payload) = next_frame(&mut reader);
            if first == 0x88 {
                assert_eq!(&payload[..2], &1009_u16.to_be_bytes()[..]);
                break;
            }
        }
    });
}

/// The memory of the coders is charged, and given back with the connection.
/// Tests `origin::websocket::open_with`.
#[test]
fn coders_are_charged() {
    use docroot::site::budget::Account;
    let server = server();
    let client = opened(
        &server,
        &[("Sec-WebSocket-Extensions", "permessage-deflate")],
    );
    assert!(server.held(Account::Coders) > 100_000);
    drop(client);
    until("the memory is free", || server.held(Account::Coders) == 0);
    let _plain = opened(&server, &[]);
    assert_eq!(server.held(Account::Coders), 0);
}

/// RFC 6455 section 3: `wss` is the same over TLS.
#[cfg(feature = "tls")]
#[test]
fn concept_34_wss_is_the_same_over_tls() {
    let site = support::tls::SecureSite::start(lab());
    let mut client = site.connect();
    client.send(
        &[
            asking(&[("Origin", "https://localhost")]),
            frame(0x81, b"early"),
        ]
        .concat(),
    );
    assert_eq!(client.next_response("GET").status, 101);
    assert_eq!(next_frame(&mut client), (0x81, b"early".to_vec()));
    client.send(&frame(0x82, &[7; 100_000]));
    let mut content = Vec::new();
    while content.len() < 100_000 {
        content.extend(next_frame(&mut client).1);
    }
    assert_eq!(content, [7; 100_000]);
    // The page of the plain site is another origin.
    let mut client = site.connect();
    client.send(&asking(&[("Origin", "http://localhost")]));
    assert_eq!(client.next_response("GET").status, 403);
}
