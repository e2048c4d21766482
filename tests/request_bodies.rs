//! Handlers that take the content of requests: however it arrives, they see all of it and nothing of
//! what follows it.

mod support;

use std::io::Read;
use std::time::Duration;

use docroot::net::connection::Turn;
use docroot::net::limits::Deadlines;
use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use docroot::origin::handler::{Answer, Polled};
use docroot::origin::request::{Content, RequestBody};
use support::handlers::{Bell, later, text};
use support::journal::Wanted;
use support::rig::Rig;
use support::{Client, Response, Setup, TestServer, noise, request, until};

/// The most content that a handler of these tests takes.
const MOST: usize = 1 << 20;

/// What was read of a content, told apart from every other that these tests send.
#[derive(Clone, Copy, Default)]
struct Sum {
    length: u64,
    hash: u64,
}

impl Sum {
    fn of(content: &[u8]) -> Sum {
        let mut sum = Sum::default();
        sum.add(content);
        sum
    }

    /// The order of the bytes matters to it.
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.length += 1;
            self.hash = self.hash.wrapping_mul(31).wrapping_add(byte.into());
        }
    }

    fn text(self) -> String {
        format!("{} bytes, {:016x}", self.length, self.hash)
    }

    /// Reads what has come.
    fn read(&mut self, body: &mut dyn RequestBody) -> Polled {
        loop {
            match body.pull() {
                Content::Bytes(bytes) => self.add(bytes),
                Content::NotYet => return Polled::NeedsContent,
                Content::End => return Polled::Done(text(self.text())),
            }
        }
    }
}

/// Answers with the length and the sum of the content.
fn summed() -> Answer {
    let mut sum = Sum::default();
    later(move |_, body| sum.read(body))
}

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.threads = 1)
        .file("a", "small")
        .taking("/sum", MOST as u64, |_| summed())
}

fn site() -> TestServer {
    setup().start()
}

/// A POST whose content has this length.
fn counted(target: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_string();
    let head = request("POST", target, &[("Content-Length", &length)]);
    [&head, content].concat()
}

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// The head of a POST in chunks.
fn chunked_head(target: &str) -> Vec<u8> {
    request("POST", target, &[CHUNKED])
}

/// Content in chunks of `size` bytes, with an extension and a trailer.
fn chunks(content: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in content.chunks(size) {
        bytes.extend(format!("{:x};name=value\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\nChecksum: none\r\n\r\n");
    bytes
}

/// The next request is answered as if nothing had been before it.
#[track_caller]
fn check_next(client: &mut Client) {
    assert_eq!(client.response("GET").text(), "small");
    assert!(client.is_closed());
}

fn next() -> Vec<u8> {
    request("GET", "/a", &[("Connection", "close")])
}

/// Sends a message, and another behind it at once.
#[track_caller]
fn check_sum(server: &TestServer, message: &[u8], content: &[u8]) {
    let mut client = server.connect();
    client.send(&[message, &next()].concat());
    let response = client.response("POST");
    assert_eq!(response.text(), Sum::of(content).text());
    assert_eq!(response.field("Connection"), None);
    check_next(&mut client);
}

#[test]
fn content_arrives_whole_and_so_does_what_follows() {
    let server = site();
    for length in [0, 1, 5, 1000, 40_000, MOST] {
        let content = noise(length);
        check_sum(&server, &counted("/sum", &content), &content);
    }
    for (length, size) in [(0, 1), (5, 1), (5, 5), (1000, 7), (40_000, 20_000)] {
        let content = noise(length);
        let message = [chunked_head("/sum"), chunks(&content, size)].concat();
        check_sum(&server, &message, &content);
    }
}

#[test]
fn content_may_come_byte_by_byte() {
    let server = site();
    let content = noise(40);
    let messages = [
        counted("/sum", &content),
        [chunked_head("/sum"), chunks(&content, 9)].concat(),
    ];
    for message in messages {
        let mut client = server.connect();
        for byte in [&message[..], &next()].concat() {
            client.send(&[byte]);
        }
        assert_eq!(client.response("POST").text(), Sum::of(&content).text());
        check_next(&mut client);
    }
}

#[test]
fn content_that_comes_after_its_head_is_waited_for() {
    let server = site();
    let content = noise(300_000);
    let mut client = server.connect();
    let message = counted("/sum", &content);
    let head = message.len() - content.len();
    client.send(&message[..head]);
    // The head is known to the worker once a later client was served, which does not wait.
    assert_eq!(server.get("/a", &[]).text(), "small");
    client.send(&message[head..]);
    assert_eq!(client.response("POST").text(), Sum::of(&content).text());
}

const EXPECT: (&str, &str) = ("Expect", "100-continue");

#[test]
fn continue_is_said_once_to_content_that_is_wanted() {
    let server = site();
    let content = noise(1000);
    for (length, body) in [
        (("Content-Length", "1000"), content.clone()),
        (CHUNKED, chunks(&content, 100)),
    ] {
        let mut client = server.connect();
        client.send(&request("POST", "/sum", &[EXPECT, length]));
        assert_eq!(client.next_response("POST").status, 100);
        // In two pieces, so that it could be said again.
        let (first, second) = body.split_at(500);
        client.send(first);
        server.get("/a", &[]);
        client.send(second);
        let response = client.next_response("POST");
        assert_eq!(response.text(), Sum::of(&content).text());
        client.send(&next());
        check_next(&mut client);
    }
}

/// RFC 9110 section 10.1.1: what has arrived needs no invitation.
#[test]
fn continue_is_not_said_to_content_that_is_there() {
    let server = site();
    let mut client = server.connect();
    let head = request("POST", "/sum", &[EXPECT, ("Content-Length", "5")]);
    client.send(&[&head[..], b"hello"].concat());
    assert_eq!(client.next_response("POST").status, 200);
}

/// A response that ends the connection, because content is not read.
#[track_caller]
fn check_last(client: &mut Client, status: u16) -> Response {
    let response = client.next_response("POST");
    assert_eq!(response.status, status);
    assert_eq!(response.field("Connection"), Some("close"));
    assert!(client.is_closed());
    response
}

#[test]
fn continue_is_not_said_to_content_that_is_not_wanted() {
    let server = setup()
        .taking("/hasty", MOST as u64, |_| text("no need"))
        .taking("/hasty/later", MOST as u64, |_| {
            later(|_, _| Polled::Done(text("no need")))
        })
        .start();
    for target in ["/hasty", "/hasty/later"] {
        for length in [("Content-Length", "5"), CHUNKED] {
            let mut client = server.connect();
            client.send(&request("POST", target, &[EXPECT, length]));
            assert_eq!(check_last(&mut client, 200).text(), "no need");
        }
    }
    let mut client = server.connect();
    let length = (MOST + 1).to_string();
    let fields = [EXPECT, ("Content-Length", &*length)];
    client.send(&request("POST", "/sum", &fields));
    check_last(&mut client, 413);
}

#[test]
fn content_beyond_the_limit_is_413() {
    let server = site();
    // It is known beforehand, so nothing of it is waited for.
    let length = (MOST + 1).to_string();
    let mut client = server.connect();
    client.send(&request("POST", "/sum", &[("Content-Length", &length)]));
    check_last(&mut client, 413);
    // It turns out on the way.
    let content = noise(MOST + 1);
    for size in [10_000, MOST + 1] {
        let mut client = server.connect();
        client.send(&[chunked_head("/sum"), chunks(&content, size)].concat());
        check_last(&mut client, 413);
    }
}

/// One byte of content for each 200 of framing: it is the work that is bounded.
#[test]
fn framing_counts_towards_the_limit() {
    let server = setup().taking("/few", 1000, |_| summed()).start();
    let extension = "x".repeat(200);
    let chunk = format!("1;{extension}\r\n.\r\n");
    let mut client = server.connect();
    let body = format!("{}0\r\n\r\n", chunk.repeat(6));
    client.send(&[&chunked_head("/few")[..], body.as_bytes()].concat());
    check_last(&mut client, 413);
}

#[test]
fn malformed_chunks_are_400() {
    let server = site();
    for body in ["x\r\n", "5\r\nhello!\r\n", "5\r\nhello\r\nno size\r\n"] {
        let mut client = server.connect();
        client.send(&[&chunked_head("/sum")[..], body.as_bytes()].concat());
        check_last(&mut client, 400);
        // The same behind content that was good.
        let mut client = server.connect();
        client.send(&[&chunked_head("/sum")[..], b"3\r\nabc\r\n"].concat());
        server.get("/a", &[]);
        client.send(body.as_bytes());
        check_last(&mut client, 400);
    }
}

#[test]
fn an_answer_before_the_content_ends_the_connection() {
    let server = setup()
        .taking("/hasty", MOST as u64, |_| {
            later(|_, body| match body.pull() {
                Content::Bytes(bytes) => Polled::Done(text(Sum::of(bytes).text())),
                Content::NotYet => Polled::NeedsContent,
                Content::End => Polled::Done(text("there is none")),
            })
        })
        .start();
    let mut client = server.connect();
    let head = request("POST", "/hasty", &[("Content-Length", "1000")]);
    client.send(&[&head[..], b"begin"].concat());
    let response = check_last(&mut client, 200);
    assert_eq!(response.text(), Sum::of(b"begin").text());
    // If it has read all of it by then, the connection goes on.
    let mut client = server.connect();
    client.send(&[counted("/hasty", b"hello"), next()].concat());
    assert_eq!(client.response("POST").text(), Sum::of(b"hello").text());
    check_next(&mut client);
}

/// A handler that takes one piece in each turn is offered the next without more from the client.
#[test]
fn content_may_be_pulled_piece_by_piece() {
    let server = setup()
        .taking("/pieces", MOST as u64, |_| {
            let mut sum = Sum::default();
            later(move |_, body| match body.pull() {
                Content::Bytes(bytes) => {
                    sum.add(bytes);
                    Polled::NeedsContent
                }
                Content::NotYet => Polled::NeedsContent,
                Content::End => Polled::Done(text(sum.text())),
            })
        })
        .start();
    let content = noise(1000);
    let mut client = server.connect();
    let message = [&chunked_head("/pieces")[..], &chunks(&content, 10)].concat();
    client.send(&[&message[..], &next()].concat());
    assert_eq!(client.response("POST").text(), Sum::of(&content).text());
    check_next(&mut client);
}

/// What comes while the answer waits for something else is kept until it is pulled.
#[test]
fn content_may_come_while_the_answer_waits() {
    let bell = Bell::default();
    let waits = bell.clone();
    let server = setup()
        .taking("/slow", MOST as u64, move |request| {
            waits.wakes(request);
            let (bell, mut sum) = (waits.clone(), Sum::default());
            later(move |_, body| match bell.rings() {
                0 => Polled::WaitForWake,
                _ => sum.read(body),
            })
        })
        .start();
    let content = noise(100_000);
    let mut client = server.connect();
    client.send(&[&counted("/slow", &content)[..], &next()].concat());
    until("it waits", || bell.listeners() == 1);
    assert_eq!(server.get("/a", &[]).text(), "small");
    assert!(!client.has_answer());
    bell.ring();
    assert_eq!(client.response("POST").text(), Sum::of(&content).text());
    check_next(&mut client);
}

#[test]
fn content_that_takes_too_long_is_408() {
    let short = Duration::from_millis(100);
    let server = setup().with(|config| config.deadlines.body = short).start();
    for length in [("Content-Length", "9"), CHUNKED] {
        let mut client = server.connect();
        client.send(&request("POST", "/sum", &[length]));
        client.send(b"4\r\n");
        check_last(&mut client, 408);
    }
}

/// The deadline is for all waits together. Otherwise a client could send one byte in each of them.
/// The time in which the handler itself waits does not count.
#[test]
fn waits_of_the_handler_do_not_prolong_the_deadline_of_content() {
    let tenths = |count| Deadlines::BODY * count / 10;
    let pause = Duration::from_secs(3600);
    let mut rig = Rig::new(setup().taking("/pauses", MOST as u64, move |_| {
        later(move |request, body| match body.pull() {
            Content::Bytes(_) => Polled::WaitUntil(request.instant + pause),
            Content::NotYet => Polled::NeedsContent,
            Content::End => Polled::Done(text("all of it")),
        })
    }));
    let head = request("POST", "/pauses", &[("Content-Length", "9")]);
    rig.send(&head);
    for used in [0, 4, 8] {
        assert_eq!(rig.drive(), Turn::Wait);
        let now = rig.context.now.instant;
        assert_eq!(rig.connection.deadline().at, now + tenths(10 - used));
        if used < 8 {
            rig.context.now.instant += tenths(4);
            rig.send(b"x");
            assert_eq!(rig.drive(), Turn::Wait);
            rig.context.now.instant += pause;
        }
    }
    rig.context.now.instant += tenths(2);
    rig.connection.expire(&mut rig.buffers, &mut rig.context);
    let mut sent = String::new();
    rig.client.read_to_string(&mut sent).expect("text");
    assert!(sent.starts_with("HTTP/1.1 408 "), "{sent}");
}

#[test]
fn content_that_ends_early_is_400() {
    let server = site();
    for length in [("Content-Length", "9"), CHUNKED] {
        let mut client = server.connect();
        client.send(&request("POST", "/sum", &[length]));
        client.send(b"4\r\nab");
        client.finish();
        check_last(&mut client, 400);
    }
}

#[test]
fn a_client_that_goes_away_in_its_content_is_told_once() {
    let (setup, page) = setup().logging(LogFormat::Json);
    let server = setup.start();
    let mut client = server.connect();
    client.send(&request("POST", "/sum", &[("Content-Length", "9")]));
    client.send(b"half");
    assert_eq!(server.get("/a", &[]).text(), "small");
    client.reset();
    until("it is noticed", || {
        server.counters.connections_open.value() == 0
    });
    assert_eq!(server.counters.requests_unanswered.value(), 1);
    drop(server);
    let lines = page.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let mut wanted = Wanted::complete("/sum", 0, 0).unanswered(End::ClientGone);
    wanted.method = "POST";
    wanted.check(LogFormat::Json, &lines[1]);
}
