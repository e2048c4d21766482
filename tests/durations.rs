//! Real time: what the log tells of durations, and deadlines that are met within milliseconds.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::time::{Duration, Instant};

use docroot::net::connection::Turn;
use docroot::observe::options::LogFormat;
use docroot::origin::handler::Polled;
use docroot::origin::request::Content;
use support::handlers::{Script, later, sourced, text};
use support::page::Page;
use support::rig::Rig;
use support::{Setup, TestServer, journal, pause, request};

/// One worker, so that it acts on its clients in their order.
fn site() -> (TestServer, Page) {
    let (setup, page) = Setup::new()
        .with(|config| config.threads = 1)
        .file("a", "small")
        .at("/paced", |_| {
            let pieces = [&b"begin"[..], b"middle", b"end"];
            let gap = Duration::from_millis(150);
            sourced(Script::paced(Instant::now(), gap, pieces))
        })
        .logging(LogFormat::Json);
    (setup.start(), page)
}

/// Ends the server and gives the seconds that each exchange took.
fn durations(server: TestServer, page: &Page) -> Vec<f64> {
    drop(server);
    let lines = page.lines();
    lines.iter().map(|line| journal::duration(line)).collect()
}

/// How long half a head waits for the rest.
const PAUSE: Duration = Duration::from_millis(200);

#[test]
fn a_small_answer_takes_some_time_and_not_much() {
    let (server, page) = site();
    let mut client = server.connect();
    for _ in 0..20 {
        client.send(&request("GET", "/a", &[]));
        client.response("GET");
    }
    let durations = durations(server, &page);
    assert_eq!(durations.len(), 20);
    assert!(durations.iter().all(|&took| took > 0.0), "{durations:?}");
    // The machine may be busy with something else for one of them.
    assert!(durations.iter().any(|&took| took < 0.1), "{durations:?}");
    assert!(durations.iter().all(|&took| took < 1.0), "{durations:?}");
}

#[test]
fn a_paced_answer_takes_as_long_as_it_is_paced() {
    let (server, page) = site();
    assert_eq!(server.get("/paced", &[]).text(), "beginmiddleend");
    let durations = durations(server, &page);
    let [took] = durations[..] else {
        panic!("one exchange: {durations:?}");
    };
    assert!((0.3..2.0).contains(&took), "{took}");
}

/// An exchange begins with the first byte of its request.
#[test]
fn a_head_in_two_pieces_takes_as_long_as_the_pause_between_them() {
    let (server, page) = site();
    let mut client = server.connect();
    client.send(b"GET /a HTTP/1.1\r\nHo");
    // Who comes later is served later.
    server.get("/a", &[]);
    pause(PAUSE);
    client.send(b"st: test\r\n\r\n");
    client.response("GET");
    let durations = durations(server, &page);
    assert_eq!(durations.len(), 2);
    assert!((0.2..2.0).contains(&durations[1]), "{durations:?}");
}

/// The same if the first piece came together with another request.
#[test]
fn half_a_head_behind_a_request_has_begun() {
    let (server, page) = site();
    let mut client = server.connect();
    client.send(&[&request("GET", "/a", &[])[..], b"GET /a HTTP/1.1\r\nHo"].concat());
    client.response("GET");
    pause(PAUSE);
    client.send(b"st: test\r\n\r\n");
    client.response("GET");
    let durations = durations(server, &page);
    assert_eq!(durations.len(), 2);
    assert!((0.2..2.0).contains(&durations[1]), "{durations:?}");
    assert!(
        durations[0] < durations[1],
        "the pause is no part of the first"
    );
}

/// The seconds of each exchange on a connection that receives `pieces`, a minute after each other.
fn durations_of(setup: Setup, pieces: &[&[u8]]) -> Vec<f64> {
    let (setup, page) = setup.logging(LogFormat::Json);
    let mut rig = Rig::new(setup);
    for (piece, ago) in pieces.iter().zip((0..pieces.len() as u64).rev()) {
        rig.context.now.latest = Instant::now() - Duration::from_secs(60 * ago);
        rig.send(piece);
        assert_eq!(rig.drive(), Turn::Wait);
    }
    rig.lose();
    let lines = page.lines();
    lines.iter().map(|line| journal::duration(line)).collect()
}

/// A handler asks for more content although all of it is there. So the rest of the next head is read
/// before the first part of that head is parsed.
#[test]
fn a_head_begins_with_its_first_byte_although_more_is_read_before_it_is_parsed() {
    let setup = Setup::new().file("a", "small").taking("/slow", 9, |_| {
        let mut polls = 0;
        later(move |_, body| {
            polls += 1;
            match polls {
                1 | 2 => Polled::NeedsContent,
                _ => match body.pull() {
                    Content::End => Polled::Done(text("read")),
                    _ => Polled::More,
                },
            }
        })
    });
    let first = request("POST", "/slow", &[("Content-Length", "5")]);
    let first = [&first[..], b"helloGET /a HTTP/1.1\r\nHo"].concat();
    let durations = durations_of(setup, &[&first, b"st: test\r\n\r\n"]);
    assert_eq!(durations.len(), 2);
    assert!((60.0..90.0).contains(&durations[1]), "{durations:?}");
}

/// What follows a request in the same read begins then, not with the request before it.
#[test]
fn a_request_does_not_begin_with_the_one_before_it() {
    let setup = Setup::new().file("a", "small");
    let whole = request("GET", "/a", &[]);
    let second = [b"st: test\r\n\r\n", &whole[..]].concat();
    let durations = durations_of(setup, &[b"GET /a HTTP/1.1\r\nHo", &second]);
    assert_eq!(durations.len(), 2);
    assert!((60.0..90.0).contains(&durations[0]), "{durations:?}");
    assert!(durations[1] < 30.0, "{durations:?}");
}

/// Nothing waits for a sweep: an idle connection is closed when its time is over.
#[test]
fn a_deadline_is_met_within_milliseconds() {
    let idle = Duration::from_millis(100);
    let server = Setup::new()
        .with(|config| config.deadlines.idle = idle)
        .file("a", "small")
        .start();
    let took = || {
        let mut client = server.connect();
        client.send(&request("GET", "/a", &[]));
        client.response("GET");
        let begin = Instant::now();
        client.send(&request("GET", "/a", &[]));
        client.response("GET");
        assert!(client.is_closed());
        begin.elapsed()
    };
    let took: Vec<Duration> = (0..5).map(|_| took()).collect();
    assert!(took.iter().all(|took| *took >= idle), "{took:?}");
    // The machine may be busy with something else for some of them.
    let promptly = idle * 4;
    assert!(took.iter().any(|took| *took < promptly), "{took:?}");
}
