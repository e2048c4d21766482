//! Connections that go on in another protocol: bytes in, bytes out, by timer and by wake-up, until
//! one of the two ends it.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use docroot::net::connection::Turn;
use docroot::net::limits::Deadlines;
use docroot::observe::closed::{Closed, Why};
use docroot::observe::options::LogFormat;
use docroot::origin::handler::{Answer, Conversed, Next, Polled};
use docroot::origin::request::{Content, Request};
use docroot::origin::response::Response;
use docroot::semantics::status::Status;
use docroot::site::body::Body;
use support::handlers::{Bell, MADE, conversing, later, upgraded};
use support::journal::Wanted;
use support::rig::Rig;
use support::{Client, PATIENCE, Setup, TestServer, request, until};

/// Says each line again, and ends after `bye`. What is not a line yet it leaves.
fn echo(_: Instant, received: &[u8], out: &mut Vec<u8>) -> Conversed {
    let mut consumed = 0;
    for line in received.split_inclusive(|&byte| byte == b'\n') {
        if !line.ends_with(b"\n") {
            break;
        }
        consumed += line.len();
        out.extend_from_slice(line);
        if line == b"bye\n" {
            let next = Next::End;
            return Conversed { consumed, next };
        }
    }
    let next = Next::Receive;
    Conversed { consumed, next }
}

/// One worker, so that it acts on its clients in their order.
fn setup() -> Setup {
    Setup::new()
        .with(|config| config.threads = 1)
        .file("a", "small")
        .at("/echo", |_| upgraded("echo", echo))
}

fn asking(target: &str) -> Vec<u8> {
    let fields = [("Connection", "Upgrade"), ("Upgrade", "echo")];
    request("GET", target, &fields)
}

/// The answer to a request for an upgrade.
#[track_caller]
fn check_switched(client: &mut Client) -> support::Response {
    let response = client.next_response("GET");
    assert_eq!(
        (response.status, &*response.phrase),
        (101, "Switching Protocols")
    );
    assert_eq!(response.field("Connection"), Some("Upgrade"));
    // RFC 9110 section 8.6 and RFC 9112 section 6.1: neither is allowed in a 1xx response.
    assert_eq!(response.field("Content-Length"), None);
    assert_eq!(response.field("Transfer-Encoding"), None);
    response
}

/// A client that has switched.
fn switched(server: &TestServer, target: &str) -> Client {
    let mut client = server.connect();
    client.send(&asking(target));
    check_switched(&mut client);
    client
}

#[test]
fn bytes_go_both_ways() {
    let server = setup().start();
    let mut client = server.connect();
    client.send(&asking("/echo"));
    let response = check_switched(&mut client);
    assert_eq!(response.field("Upgrade"), Some("echo"));
    for line in ["one\n", "two\n", "GET /a HTTP/1.1\n"] {
        client.send(line.as_bytes());
        assert_eq!(client.take(line.len()), line.as_bytes());
    }
    // In any pieces, and many at once.
    for byte in b"byte by byte\n" {
        client.send(&[*byte]);
    }
    assert_eq!(client.take(13), b"byte by byte\n");
    let many = b"many lines\n".repeat(20_000);
    let mut reader = Client::of(client.stream.try_clone().expect("a socket"));
    std::thread::scope(|scope| {
        scope.spawn(|| client.send(&many));
        assert!(reader.take(many.len()) == many);
    });
}

#[test]
fn what_came_with_the_request_is_not_lost() {
    let server = setup().start();
    let mut client = server.connect();
    let before = request("GET", "/a", &[]);
    client.send(&[&before[..], &asking("/echo"), b"early\nhal"].concat());
    assert_eq!(client.response("GET").text(), "small");
    check_switched(&mut client);
    assert_eq!(client.take(6), b"early\n");
    client.send(b"f\n");
    assert_eq!(client.take(5), b"half\n");
}

/// More than the server holds of what a conversation has not taken.
const TOO_MUCH: usize = 100_000;

/// RFC 9110 section 7.8: a server must not switch before it has received the whole request. The rest
/// of its content would be read as the first bytes of the other protocol.
#[test]
fn a_request_with_content_that_is_not_read_is_not_switched() {
    let server = setup()
        .taking("/taken", 100, |_| upgraded("echo", echo))
        .start();
    for content in ["", "bye\n"] {
        let mut client = server.connect();
        let fields = [
            ("Connection", "Upgrade"),
            ("Upgrade", "echo"),
            ("Content-Length", "4"),
        ];
        let head = request("POST", "/taken", &fields);
        client.send(&[&head[..], content.as_bytes()].concat());
        let response = client.next_response("POST");
        assert_eq!(response.status, 413);
        assert_eq!(response.field("Connection"), Some("close"));
        assert!(client.is_closed());
    }
}

/// RFC 9110 section 7.8: a server must ignore the field in an HTTP/1.0 request.
#[test]
fn an_http_1_0_request_is_not_switched() {
    let server = setup().start();
    let mut client = server.connect();
    let fields = "Connection: keep-alive, Upgrade\r\nUpgrade: echo";
    client.send(format!("GET /echo HTTP/1.0\r\n{fields}\r\n\r\n").as_bytes());
    let response = client.next_response("GET");
    assert_eq!(response.status, 400);
    assert_eq!(response.field("Upgrade"), None);
    assert!(response.text().contains("HTTP/1.0"), "the page says why");
    // The connection still speaks HTTP.
    client.send(b"GET /a HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").text(), "small");
}

/// RFC 9110 section 7.8: if a request has both Upgrade and Expect, 100 (Continue) must come before 101.
/// That holds although the content has arrived already, or there is none.
#[test]
fn a_client_that_expects_100_gets_it_before_the_101() {
    let reading = |_: &Request<'_>| {
        let mut polls = 0;
        later(move |_, body| {
            while let Content::Bytes(_) = body.pull() {}
            polls += 1;
            match polls {
                1 => Polled::More,
                _ => Polled::Done(upgraded("echo", echo)),
            }
        })
    };
    for content in ["", "text"] {
        for target in ["/echo", "/reading"] {
            let mut rig = Rig::new(setup().taking("/reading", 100, reading));
            let length = content.len().to_string();
            let fields = [
                ("Connection", "Upgrade"),
                ("Upgrade", "echo"),
                ("Expect", "100-continue"),
                ("Content-Length", &length),
            ];
            let head = request("GET", target, &fields);
            rig.send(&[&head[..], content.as_bytes(), b"line\n"].concat());
            assert_eq!(rig.drive(), Turn::Wait);
            let got = String::from_utf8(rig.taken()).expect("text");
            let rest = got.strip_prefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 ");
            assert!(
                rest.is_some_and(|rest| rest.ends_with("\r\n\r\nline\n")),
                "{target}: {got}"
            );
        }
    }
}

/// Otherwise one end would speak HTTP and the other end would not.
/// Tests `net::protocol::http1::refused_upgrade`.
#[test]
fn only_an_upgrade_is_a_101() {
    let response = |status| Response::new(status, MADE).body(Body::of(b"text".to_vec()));
    let server = setup()
        .at("/101", move |_| {
            Answer::Ready(response(Status::SwitchingProtocols))
        })
        .at("/200", move |_| match upgraded("echo", echo) {
            Answer::Upgrade(_, conversation) => Answer::Upgrade(response(Status::Ok), conversation),
            other => other,
        })
        .start();
    for target in ["/101", "/200"] {
        let mut client = server.connect();
        client.send(&asking(target));
        assert_eq!(client.next_response("GET").status, 500, "{target}");
        client.send(&request("GET", "/a", &[]));
        assert_eq!(client.response("GET").text(), "small");
    }
}

/// The last HTTP message on a connection is not followed by its close. RFC 9110 section 8.6 and RFC
/// 9112 section 6.1: a 1xx response has neither Content-Length nor Transfer-Encoding.
#[test]
fn a_101_never_says_close() {
    for is_draining in [false, true] {
        for connection in ["Upgrade", "close, Upgrade"] {
            let mut rig = Rig::new(setup());
            rig.context.origins.first().is_draining = is_draining;
            let fields = [("Connection", connection), ("Upgrade", "echo")];
            rig.send(&request("GET", "/echo", &fields));
            assert_eq!(rig.drive(), Turn::Wait);
            let head = String::from_utf8(rig.taken()).expect("text");
            let date = rig.context.now.text;
            let date = std::str::from_utf8(date.as_bytes()).expect("text");
            let want = format!(
                "HTTP/1.1 101 Switching Protocols\r\nServer: docroot\r\nDate: {date}\r\n\
                 Connection: Upgrade\r\nUpgrade: echo\r\n\r\n"
            );
            assert_eq!(head, want);
        }
    }
}

#[test]
fn a_line_that_never_ends_ends_the_connection() {
    let server = setup().start();
    let mut client = switched(&server, "/echo");
    client.send(&[&b"first\n"[..], &[b'x'; TOO_MUCH]].concat());
    assert_eq!(client.take(6), b"first\n");
    assert!(client.is_closed());
}

#[test]
fn a_conversation_may_let_a_client_wait() {
    let bell = Bell::default();
    let waits = bell.clone();
    let server = setup()
        .at("/patience", move |request| {
            waits.wakes(request);
            let bell = waits.clone();
            upgraded("patience", move |now, received, out| match bell.rings() {
                0 => Conversed {
                    consumed: 0,
                    next: Next::WaitForWake,
                },
                _ => echo(now, received, out),
            })
        })
        .start();
    let mut client = switched(&server, "/patience");
    let many = b"a line\n".repeat(TOO_MUCH / 7);
    client.send(&many);
    assert_eq!(server.get("/a", &[]).text(), "small");
    assert!(!client.has_answer());
    bell.ring();
    assert!(client.take(many.len()) == many);
}

#[test]
fn a_client_that_sends_no_more_is_answered_and_closed() {
    let server = setup().start();
    let mut client = switched(&server, "/echo");
    client.send(b"last\nhalf a li");
    client.finish();
    assert_eq!(client.rest(), b"last\n");
}

#[test]
fn a_conversation_ends_the_connection_and_its_last_words_arrive() {
    let server = setup().start();
    let mut client = switched(&server, "/echo");
    client.send(b"one\nbye\nnobody hears this\n");
    assert_eq!(client.rest(), b"one\nbye\n");
    drop(client);
    until("it is over", || {
        server.counters.connections_open.value() == 0
    });
}

/// The socket does not take all of it at once.
#[test]
fn long_last_words_arrive_and_are_said_once() {
    const LENGTH: usize = 16 << 20;
    let server = setup()
        .at("/long", |_| {
            upgraded("long", |_, _, out| {
                out.resize(out.len() + LENGTH, b'x');
                let next = Next::End;
                Conversed { consumed: 0, next }
            })
        })
        .start();
    let mut client = switched(&server, "/long");
    // The worker has said it, and serves others before it is read.
    assert_eq!(server.get("/a", &[]).text(), "small");
    assert_eq!(client.rest().len(), LENGTH);
}

const TICK: Duration = Duration::from_millis(20);

const TICKS: u32 = 5;

/// Says the time so many times, and then no more.
fn ticking() -> Setup {
    setup().at("/clock", |_| {
        let (begin, mut ticks) = (Instant::now(), 0);
        upgraded("clock", move |now, received, out| {
            let consumed = received.len();
            let at = begin + TICK * (ticks + 1);
            let next = match now < at {
                true => Next::WaitUntil(at),
                false => {
                    ticks += 1;
                    out.extend_from_slice(b"tick\n");
                    match ticks == TICKS {
                        true => Next::End,
                        false => Next::WaitUntil(at + TICK),
                    }
                }
            };
            Conversed { consumed, next }
        })
    })
}

#[test]
fn a_conversation_speaks_at_its_times() {
    let server = ticking().start();
    for is_busy in [false, true] {
        let begin = Instant::now();
        let mut client = switched(&server, "/clock");
        for number in 1..=TICKS {
            // What comes meanwhile is listened to, and changes no time.
            if is_busy {
                client.send(b"what time is it?\n");
            }
            assert_eq!(client.take(5), b"tick\n");
            assert!(begin.elapsed() >= TICK * number, "tick {number}");
        }
        assert!(client.is_closed());
        assert!(begin.elapsed() < Duration::from_secs(3));
    }
}

/// Says `length` bytes for each ring of the bell, one of them at a time, and counts its turns.
fn telling(bell: &Bell, turns: &Bell, length: usize) -> Setup {
    let (bell, turns) = (bell.clone(), turns.clone());
    setup().at("/news", move |request| {
        bell.wakes(request);
        let (bell, turns, mut told) = (bell.clone(), turns.clone(), 0);
        upgraded("news", move |now, received, out| {
            turns.ring();
            let consumed = received.len();
            let next = match bell.rings() {
                rings if rings == told => Next::WaitForWake,
                rings => {
                    told += 1;
                    out.resize(out.len() + length, b'!');
                    match rings == told {
                        true => Next::WaitForWake,
                        false => Next::WaitUntil(now),
                    }
                }
            };
            Conversed { consumed, next }
        })
    })
}

#[test]
fn a_conversation_is_woken_from_another_thread() {
    let bell = Bell::default();
    let server = telling(&bell, &Bell::default(), 1).start();
    let mut client = switched(&server, "/news");
    for _ in 0..10 {
        assert!(!client.has_answer());
        bell.ring();
        assert_eq!(client.take(1), b"!");
    }
}

/// Otherwise a client that does not read could make the server hold any amount of news for it.
#[test]
fn a_client_that_does_not_read_is_told_nothing_more() {
    const NEWS: usize = 1 << 20;
    const RINGS: usize = 64;
    let (bell, turns) = (Bell::default(), Bell::default());
    let server = telling(&bell, &turns, NEWS).start();
    let mut client = switched(&server, "/news");
    for _ in 0..RINGS {
        bell.ring();
        // The worker has had its turn once it has served another client.
        assert_eq!(server.get("/a", &[]).text(), "small");
    }
    // The sockets of the loopback hold a few MiB.
    assert!(turns.rings() < RINGS / 2, "{} turns", turns.rings());
    assert_eq!(client.take(RINGS * NEWS).len(), RINGS * NEWS);
}

#[test]
fn a_client_that_never_reads_is_cut() {
    const NEWS: usize = 64 << 20;
    let (bell, turns) = (Bell::default(), Bell::default());
    let server = telling(&bell, &turns, NEWS)
        .with(|config| config.deadlines.send = Duration::from_millis(100))
        .start();
    let mut client = switched(&server, "/news");
    bell.ring();
    until("it is cut", || {
        server.counters.connections_open.value() == 0
    });
    assert!(client.rest().len() < NEWS);
}

#[test]
fn the_exchange_ends_with_the_101() {
    let (setup, page) = setup().logging(LogFormat::Json);
    let server = setup.start();
    let counters = Arc::clone(&server.counters);
    let mut client = switched(&server, "/echo");
    until("it is counted", || counters.answers[0].value() == 1);
    client.send(b"more\nbye\n");
    assert_eq!(client.rest(), b"more\nbye\n");
    // One that is stopped in the middle of its conversation is no different.
    let mut other = switched(&server, "/echo");
    drop(server);
    assert!(other.is_closed());
    let lines = page.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in &lines {
        Wanted::complete("/echo", 101, 0).check(LogFormat::Json, line);
    }
    let counted = counters.snapshot();
    assert_eq!(
        [
            counted.requests,
            counted.answers_cut,
            counted.requests_unanswered
        ],
        [2, 0, 0]
    );
}

#[test]
fn a_drain_waits_for_a_conversation_until_its_deadline() {
    let setup = |deadline| setup().with(move |config| config.deadlines.drain = deadline);
    let mut server = setup(PATIENCE).start();
    let mut client = switched(&server, "/echo");
    server.drain();
    client.send(b"one\nbye\n");
    assert_eq!(client.rest(), b"one\nbye\n");
    drop(client);
    server.wait();
    let mut server = setup(Duration::from_millis(100)).start();
    let mut client = switched(&server, "/echo");
    server.drain();
    server.wait();
    assert!(client.is_closed());
}

/// Says `x` at each of these intervals, and nothing if it is told to be silent.
fn pinging(interval: Duration, is_silent: bool) -> Setup {
    setup().at("/pings", move |request| {
        let mut next = request.instant + interval;
        upgraded("pings", move |now, received, out| {
            if now >= next {
                next += interval;
                out.extend_from_slice(if is_silent { b"" } else { b"x" });
            }
            Conversed {
                consumed: received.len(),
                next: Next::WaitUntil(next),
            }
        })
    })
}

const THIRD: Duration = Duration::from_secs(Deadlines::IDLE.as_secs() / 3);

/// A connection that has switched, on a clock that stands still.
fn switched_rig(setup: Setup, target: &str) -> Rig {
    let mut rig = Rig::new(setup);
    rig.send(&asking(target));
    assert_eq!(rig.drive(), Turn::Wait);
    assert!(rig.taken().starts_with(b"HTTP/1.1 101 "));
    rig
}

/// Lets time pass until the next deadline, and tells how much.
fn to_the_deadline(rig: &mut Rig) -> (Duration, Turn) {
    let at = rig.connection.deadline().at;
    let passed = at - rig.context.now.instant;
    rig.context.now.instant = at;
    let turn = match rig.connection.expire(&mut rig.buffers, &mut rig.context) {
        Turn::Again => rig.drive(),
        turn => turn,
    };
    (passed, turn)
}

#[test]
fn a_silent_conversation_ends_at_the_idle_deadline() {
    let mut rig = switched_rig(pinging(2 * Deadlines::IDLE, true), "/pings");
    // A byte from the client starts the time again, although nothing is sent.
    rig.context.now.instant += THIRD;
    rig.send(b"x");
    assert_eq!(rig.drive(), Turn::Wait);
    assert_eq!(
        to_the_deadline(&mut rig),
        (Deadlines::IDLE, Turn::Closed(Closed::Orderly(Why::Silent)))
    );
}

#[test]
fn a_conversation_that_does_nothing_at_its_times_is_silent() {
    let mut rig = switched_rig(pinging(THIRD, true), "/pings");
    for _ in 0..2 {
        assert_eq!(to_the_deadline(&mut rig), (THIRD, Turn::Wait));
    }
    let end = (THIRD, Turn::Closed(Closed::Orderly(Why::Silent)));
    assert_eq!(to_the_deadline(&mut rig), end);
}

#[test]
fn a_conversation_that_sends_stays_open() {
    let mut rig = switched_rig(pinging(THIRD, false), "/pings");
    for _ in 0..10 {
        assert_eq!(to_the_deadline(&mut rig), (THIRD, Turn::Wait));
        assert_eq!(rig.taken(), b"x");
    }
}

/// What was received is acted on in the same turn, so the connection need not keep it.
#[test]
fn a_turn_that_is_over_leaves_no_received_bytes() {
    let mut rig = switched_rig(pinging(THIRD, true), "/pings");
    let idle = rig.connection.kept();
    rig.send(&[b'x'; 150_000]);
    let mut turns = 0;
    while rig.connection.drive(&mut rig.buffers, &mut rig.context) == Turn::Again {
        assert_eq!(rig.connection.kept(), idle);
        turns += 1;
    }
    assert!(turns > 0);
}

#[test]
fn a_silent_conversation_is_closed_by_the_server() {
    let server = setup()
        .with(|config| config.deadlines.idle = Duration::from_millis(100))
        .start();
    let mut client = switched(&server, "/echo");
    assert!(client.is_closed());
    until("its slot is free", || {
        server.counters.connections_open.value() == 0
    });
}

#[test]
fn a_conversation_is_told_of_a_drain_and_says_goodbye() {
    let mut server = setup()
        .with(|config| config.deadlines.drain = PATIENCE)
        .at("/polite", |_| {
            conversing("polite", |turn, out| {
                let next = match turn.is_draining {
                    false => Next::WaitForWake,
                    true => {
                        out.extend_from_slice(b"goodbye");
                        Next::End
                    }
                };
                Conversed { consumed: 0, next }
            })
        })
        .start();
    let mut client = switched(&server, "/polite");
    server.drain();
    assert_eq!(client.rest(), b"goodbye");
    drop(client);
    server.wait();
}

#[test]
fn a_bug_costs_one_conversation() {
    let mut server = setup()
        .at("/bug", |_| {
            upgraded("bug", |_, received, _| match received {
                [] => Conversed {
                    consumed: 0,
                    next: Next::Receive,
                },
                _ => panic!("a bug that the test brings about"),
            })
        })
        .start();
    server.expected_panics = 1;
    let mut other = switched(&server, "/echo");
    let mut client = switched(&server, "/bug");
    client.send(b"anything");
    assert!(client.is_closed());
    other.send(b"still here\n");
    assert_eq!(other.take(11), b"still here\n");
}
