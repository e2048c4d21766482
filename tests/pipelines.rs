//! Pipelined answers that the socket did not take: each request that the server has read is logged
//! once, as complete if the last byte of its answer left, and otherwise with the bytes that did.

mod support;

use std::time::Duration;

use docroot::net::connection::Turn;
use docroot::observe::closed::Closed;
use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use serde_json::Value;
use support::page::Page;

use support::rig::Rig;
use support::{Response, Setup, find, request, until};

/// More requests than the server reads of a client that takes no answer.
const REQUESTS: usize = 2000;

/// A site with an answer of `length` bytes, which joins its head.
fn site(length: usize) -> (Setup, Page) {
    let setup = Setup::new().with(|config| config.threads = 1);
    setup.file("a", vec![b'x'; length]).logging(LogFormat::Json)
}

/// Requests that can be told apart.
fn numbered(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let one = |number| request("GET", &format!("/a?{number}"), &[]);
    numbers.flat_map(one).collect()
}

/// The bytes of content that were sent, as the log tells them in the order of the requests.
#[derive(Default)]
struct Told {
    complete: Vec<u64>,
    cut: Vec<u64>,
    /// Requests of which half a head was read.
    unanswered: u64,
}

/// Every request is told once, in its order, and none is complete behind one that was cut.
#[track_caller]
fn told(page: &Page) -> Told {
    let mut told = Told::default();
    for (number, line) in page.lines().iter().enumerate() {
        let object: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(told.unanswered, 0, "a line behind half a head: {line}");
        let sent = object["sent"].as_u64().expect("a number");
        if object["complete"] == true {
            assert!(told.cut.is_empty(), "complete behind a cut: {line}");
            told.complete.push(sent);
        } else {
            assert_eq!(object["cut"], End::ClientGone.text());
            match object["status"].is_null() {
                true => told.unanswered += 1,
                false => told.cut.push(sent),
            }
        }
        if told.unanswered == 0 {
            assert_eq!(object["target"], format!("/a?{number}"));
        }
    }
    told
}

/// The answers in `bytes` that are whole, and how many bytes of content the next one has.
fn answers(bytes: &[u8], length: usize) -> (usize, usize) {
    let (mut rest, mut whole) = (bytes, 0);
    while let Some(end) = find(rest, b"\r\n\r\n") {
        assert_eq!(Response::parse(&rest[..end + 4]).status, 200);
        let content = &rest[end + 4..];
        if content.len() < length {
            return (whole, content.len());
        }
        (rest, whole) = (&content[length..], whole + 1);
    }
    (whole, 0)
}

/// Nothing is on its way here: what the socket took is what the client has.
#[track_caller]
fn check_exactly(length: usize) {
    let (setup, page) = site(length);
    let mut rig = Rig::new(setup);
    const BATCH: usize = 100;
    for first in (0..REQUESTS).step_by(BATCH) {
        rig.send(&numbered(first..first + BATCH));
        assert_eq!(rig.drive(), Turn::Wait);
    }
    let (whole, part) = answers(&rig.taken(), length);
    assert_eq!(rig.lose(), Closed::Cut(End::ClientGone));
    let told = told(&page);
    assert_eq!(told.complete, vec![length as u64; whole]);
    assert!(whole + told.cut.len() < REQUESTS, "all were read");
    let mut wanted = vec![0; told.cut.len()];
    wanted[0] = part as u64;
    assert_eq!(told.cut, wanted);
}

#[test]
fn what_the_socket_took_is_what_is_told() {
    // The end of what it takes lies in another part of an answer each time.
    for length in [0, 1, 500, 1000, 4000, 16 << 10] {
        check_exactly(length);
    }
}

/// The reset may come before the socket is full. Then nothing is cut, and it is tried again.
#[test]
fn a_client_that_reads_nothing_and_resets() {
    assert!((0..50).any(|_| resets_and_cuts()), "nothing was ever cut");
}

/// Returns whether an answer was cut.
fn resets_and_cuts() -> bool {
    const LENGTH: u64 = 15_000;
    let (setup, page) = site(LENGTH as usize);
    let server = setup.start();
    let counters = std::sync::Arc::clone(&server.counters);
    let mut client = server.connect();
    client.send(&numbered(0..REQUESTS));
    until("some answers have left", || {
        counters.snapshot().requests > 0
    });
    client.reset();
    until("it is gone", || counters.connections_open.value() == 0);
    drop(server);
    let told = told(&page);
    assert!(told.complete.iter().all(|&sent| sent == LENGTH));
    let answered = told.complete.len() + told.cut.len();
    assert!(answered < REQUESTS, "all were read");
    // Of the answers that were cut only the first can have begun to leave.
    let mut cut = told.cut.iter();
    assert!(cut.next().is_none_or(|&sent| sent <= LENGTH));
    assert!(cut.all(|&sent| sent == 0));
    let counted = counters.snapshot();
    assert_eq!(counted.requests, answered as u64);
    assert_eq!(counted.answers_cut, told.cut.len() as u64);
    assert_eq!(counted.requests_unanswered, told.unanswered);
    !told.cut.is_empty()
}

/// A large answer leaves in flushes of its own. When the socket has all of it and the next one is
/// cut, it is complete all the same.
#[test]
fn a_large_answer_in_front_of_one_that_is_cut_is_complete() {
    let mut complete = 0;
    for length in [30_000, 60_000, 90_000, 120_000] {
        let (setup, page) = site(length);
        let mut rig = Rig::new(setup);
        rig.send(&numbered(0..40));
        assert_eq!(rig.drive(), Turn::Wait);
        let (whole, part) = answers(&rig.taken(), length);
        assert_eq!(rig.lose(), Closed::Cut(End::ClientGone));
        let told = told(&page);
        assert_eq!(told.complete, vec![length as u64; whole]);
        assert_eq!(told.cut[0], part as u64);
        complete += whole;
    }
    assert!(complete > 0);
}

/// A turn ends when its time is over, although more requests wait. Without time, it answers one.
#[test]
fn a_turn_has_a_limited_time() {
    let mut rig = Rig::new(Setup::new().file("a.txt", "here"));
    rig.context.turn_time = Duration::ZERO;
    rig.send(&request("GET", "/a.txt", &[]).repeat(3));
    for answered in 1..=3 {
        let turn = rig.connection.drive(&mut rig.buffers, &mut rig.context);
        let want = if answered < 3 {
            Turn::Again
        } else {
            Turn::Wait
        };
        assert_eq!(turn, want);
        let answers = String::from_utf8(rig.taken()).expect("text");
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1);
    }
}
