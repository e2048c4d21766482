//! How exchanges end, on the wire: each is counted and logged exactly once, with the bytes that left
//! and with what ended it.
#![allow(
    clippy::disallowed_methods,
    reason = "tests open files and read the clock"
)]

mod support;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use docroot::site::body::{Pulled, Source};
use docroot::site::body_error::BodyError;
use support::handlers::{Bell, Part, Script, sourced};
use support::journal::{FORMATS, Wanted};
use support::page::Page;
use support::{Client, Setup, TestServer, request, until};

/// More than the sockets between two ends of the loopback hold.
const LARGE: u64 = 64 << 20;

/// What `large.bin` is read to before its answer is cut.
const BEGUN: usize = 64 << 10;

/// One worker, so that it acts on its clients in their order.
fn site() -> Setup {
    let setup = Setup::new()
        .with(|config| config.threads = 1)
        .file("a.txt", "twelve bytes");
    let large = File::create(setup.root().join("large.bin")).expect("a file");
    large.set_len(LARGE).expect("a sparse file");
    setup
}

/// Brings about the ends of exchanges, and compares each format of the log, and the counters, with
/// what `act` wants of them.
#[track_caller]
fn check<const COUNT: usize>(
    setup: impl Fn() -> Setup,
    act: impl Fn(&mut TestServer) -> [Wanted<'static>; COUNT],
) {
    for format in FORMATS {
        let (setup, page) = setup().logging(format);
        let mut server = setup.start();
        let wanted = act(&mut server);
        check_told(server, &page, format, &wanted);
    }
}

/// Ends the server, so that every line is written, and compares.
#[track_caller]
fn check_told(server: TestServer, page: &Page, format: LogFormat, wanted: &[Wanted]) {
    let counters = Arc::clone(&server.counters);
    drop(server);
    let lines = page.lines();
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (wanted, line) in wanted.iter().zip(&lines) {
        wanted.check(format, line);
    }
    let count = |is: fn(&Wanted) -> bool| wanted.iter().filter(|wanted| is(wanted)).count() as u64;
    let counted = counters.snapshot();
    assert_eq!(
        [
            counted.requests,
            counted.answers_cut,
            counted.requests_unanswered
        ],
        [
            count(|wanted| wanted.status.is_some()),
            count(|wanted| wanted.status.is_some() && wanted.end != End::Complete),
            count(|wanted| wanted.status.is_none()),
        ]
    );
}

/// A client that has read the head and the first bytes of an answer.
fn begun(server: &TestServer, target: &str, length: usize) -> Client {
    let mut client = server.connect();
    client.send(&request("GET", target, &[]));
    assert_eq!(client.head().status, 200);
    client.take(length);
    client
}

/// Waits until the server has no client.
fn all_gone(server: &TestServer) {
    until("the connection is over", || {
        server.counters.connections_open.value() == 0
    });
}

/// What can have left of `large.bin` if so many bytes of it have arrived and others may be on their
/// way.
fn part(arrived: usize) -> RangeInclusive<u64> {
    arrived as u64..=LARGE - 1
}

/// `GET /large.bin`, cut.
fn large(end: End, sent: RangeInclusive<u64>) -> [Wanted<'static>; 1] {
    let wanted = Wanted::complete("/large.bin", 200, 0);
    [Wanted { sent, ..wanted }.but(end)]
}

/// Whether the client is told by a reset that something is missing.
fn is_reset(mut client: Client) -> bool {
    match client.stream.read_to_end(&mut Vec::new()) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn complete_answers() {
    check(site, |server| {
        let mut client = server.connect();
        client.send(&request("GET", "/a.txt", &[]));
        client.response("GET");
        client.send(&request("GET", "/large.bin", &[]));
        assert_eq!(client.response("GET").body.len() as u64, LARGE);
        let missing = server.get("/none", &[]).body.len();
        [
            Wanted::complete("/a.txt", 200, 12),
            Wanted::complete("/large.bin", 200, LARGE),
            Wanted::complete("/none", 404, missing as u64),
        ]
    });
}

#[test]
fn a_client_that_reads_too_slowly() {
    let setup = || {
        site().with(|config| {
            config.deadlines.send = Duration::from_millis(200);
            config.limits.min_rate = 1 << 30;
        })
    };
    check(setup, |server| {
        let mut client = begun(server, "/large.bin", BEGUN);
        all_gone(server);
        large(End::TooSlow, part(BEGUN + client.rest().len()))
    });
}

#[test]
fn a_client_that_hangs_up() {
    check(site, |server| {
        let mut client = begun(server, "/large.bin", BEGUN);
        client.finish();
        drop(client);
        all_gone(server);
        large(End::ClientGone, part(BEGUN))
    });
}

#[test]
fn a_client_that_resets() {
    check(site, |server| {
        begun(server, "/large.bin", BEGUN).reset();
        all_gone(server);
        large(End::ClientGone, part(BEGUN))
    });
}

/// An answer at `/parts` of a thousand bytes and, once the bell has rung, of `rest`.
fn parts(bell: &Bell, rest: Part) -> Setup {
    let bell = bell.clone();
    site().at("/parts", move |request| {
        bell.wakes(request);
        let begin = Part::Bytes(vec![b'x'; 1000]);
        sourced(Script::of([begin, Part::Bell(bell.clone()), rest.clone()]))
    })
}

/// What is told of `/parts` if nothing came after the bell.
fn thousand(end: End) -> [Wanted<'static>; 1] {
    [Wanted::complete("/parts", 200, 1000).but(end)]
}

#[test]
fn the_bytes_that_left_are_exact_if_none_are_on_their_way() {
    let setup = || parts(&Bell::default(), Part::Bytes(Vec::new()));
    check(setup, |server| {
        let mut client = server.connect();
        client.send(&request("GET", "/parts", &[]));
        client.head();
        assert_eq!(client.chunk().len(), 1000);
        client.reset();
        all_gone(server);
        thousand(End::ClientGone)
    });
}

#[test]
fn a_file_that_changes() {
    check(site, |server| {
        let mut client = begun(server, "/large.bin", BEGUN);
        server.write("large.bin", "it shrinks");
        let arrived = BEGUN + client.rest().len();
        large(End::FileChanged, part(arrived))
    });
}

/// Rings when the first part has arrived, so that none of it is lost to the reset that follows.
fn fail_behind_first_part(server: &TestServer, bell: &Bell, version: &str) {
    let mut client = server.connect();
    client.send(format!("GET /parts HTTP/{version}\r\nHost: test\r\n\r\n").as_bytes());
    client.head();
    match version {
        "1.1" => assert_eq!(client.chunk().len(), 1000),
        _ => assert_eq!(client.take(1000).len(), 1000),
    }
    bell.ring();
    assert!(is_reset(client), "HTTP/{version}: it looks complete");
}

/// What breaks an answer behind its first part, in each version and each format.
#[track_caller]
fn check_broken(rest: Part, end: End, panics: u64) {
    for (version, name) in [("1.1", "HTTP/1.1"), ("1.0", "HTTP/1.0")] {
        for format in FORMATS {
            let bell = Bell::default();
            let (setup, page) = parts(&bell, rest.clone()).logging(format);
            let mut server = setup.start();
            server.expected_panics = panics;
            fail_behind_first_part(&server, &bell, version);
            // The only worker serves the next client.
            assert_eq!(server.get("/a.txt", &[]).status, 200);
            let [mut broken] = thousand(end);
            broken.version = name;
            let wanted = [broken, Wanted::complete("/a.txt", 200, 12)];
            check_told(server, &page, format, &wanted);
        }
    }
}

#[test]
fn a_disk_that_fails() {
    check_broken(Part::Fault, End::DiskFault, 0);
}

/// A source that makes pieces of ten bytes, and says how many bytes they are.
struct Promise {
    length: u64,
    pieces: u64,
}

impl Source for Promise {
    fn pull(&mut self, out: &mut Vec<u8>, _: usize) -> Result<Pulled, BodyError> {
        out.extend_from_slice(b"ten bytes.");
        self.pieces -= 1;
        Ok(match self.pieces {
            0 => Pulled::Done,
            _ => Pulled::More,
        })
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}

/// More bytes would be taken for the next response, and the client would wait for fewer.
#[test]
fn a_source_that_breaks_its_promise() {
    for (length, sent, end) in [
        (50, 50, End::Complete),
        (49, 40, End::Bug),
        (51, 40, End::Bug),
    ] {
        let setup = || site().at("/a", move |_| sourced(Promise { length, pieces: 5 }));
        check(setup, |server| {
            let mut client = server.connect();
            client.send(&request("GET", "/a", &[]));
            let head = client.head();
            assert_eq!(head.field("Content-Length"), Some(&*length.to_string()));
            client.take(sent as usize);
            match end {
                End::Complete => drop(client),
                _ => assert!(is_reset(client)),
            }
            let wanted = Wanted::complete("/a", 200, sent);
            [match end {
                End::Complete => wanted,
                end => wanted.but(end),
            }]
        });
    }
}

/// The lab shows what clients make of a response that is cut.
#[test]
fn a_response_that_is_cut_on_purpose() {
    for (target, resets) in [
        ("/.docroot/lab/ends?how=short", false),
        ("/.docroot/lab/ends?how=unfinished", false),
        ("/.docroot/lab/ends?how=reset", true),
    ] {
        check(
            || site().with(|config| config.lab = true),
            |server| {
                let client = begun(server, target, 500);
                assert_eq!(is_reset(client), resets, "{target}");
                [Wanted::complete(target, 200, 500).but(End::OnPurpose)]
            },
        );
    }
}

#[test]
fn a_bug_in_the_middle_of_an_answer() {
    check_broken(Part::Bug, End::Bug, 1);
}

#[test]
fn a_server_that_cannot_wait_any_longer() {
    let setup = || site().with(|config| config.deadlines.drain = Duration::from_millis(200));
    check(setup, |server| {
        let mut client = begun(server, "/large.bin", BEGUN);
        server.drain();
        server.wait();
        large(End::Shutdown, part(BEGUN + client.rest().len()))
    });
}

/// What was sent, and what can be read of it: method, target, version, and the status of the
/// refusal.
const REFUSED: [(&[u8], [&str; 3], u16); 4] = [
    (
        b"GET /a.txt HTTP/1.1\r\nno field\r\n\r\n",
        ["GET", "/a.txt", "HTTP/1.1"],
        400,
    ),
    (
        b"GET /a b HTTP/1.1\r\n\r\n",
        ["GET", "/a", "b HTTP/1.1"],
        400,
    ),
    (b"nonsense\r\n\r\n", ["nonsense", "", ""], 400),
    (
        b"GET / HTTP/2.0\r\nHost: test\r\n\r\n",
        ["GET", "/", "HTTP/2.0"],
        505,
    ),
];

#[test]
fn requests_that_are_refused() {
    for (sent, [method, target, version], status) in REFUSED {
        check(site, |server| {
            let mut client = server.connect();
            client.send(sent);
            let response = client.response("GET");
            assert_eq!(response.status, status, "{}", sent.escape_ascii());
            let length = response.body.len() as u64;
            [Wanted {
                method,
                target,
                version,
                ..Wanted::complete("", status, length)
            }]
        });
    }
}

/// Half a head, which the server has read once it has served a client that came later.
const HALF: &[u8] = b"GET /half HTTP/1.1\r\nHo";

#[test]
fn half_a_head_of_a_client_that_goes_away() {
    check(site, |server| {
        let mut client = server.connect();
        client.send(HALF);
        server.get("/a.txt", &[]);
        client.reset();
        all_gone(server);
        [
            Wanted::complete("/a.txt", 200, 12),
            Wanted::complete("/half", 0, 0).unanswered(End::ClientGone),
        ]
    });
}

/// It is half a request although it came together with a whole one.
#[test]
fn half_a_head_behind_a_request() {
    check(site, |server| {
        let mut client = server.connect();
        client.send(&[&request("GET", "/a.txt", &[]), HALF].concat());
        client.response("GET");
        client.reset();
        all_gone(server);
        [
            Wanted::complete("/a.txt", 200, 12),
            Wanted::complete("/half", 0, 0).unanswered(End::ClientGone),
        ]
    });
}

#[test]
fn half_a_head_when_the_server_is_stopped() {
    check(site, |server| {
        let mut client = server.connect();
        client.send(HALF);
        server.get("/a.txt", &[]);
        server.stop();
        server.wait();
        [
            Wanted::complete("/a.txt", 200, 12),
            Wanted::complete("/half", 0, 0).unanswered(End::Shutdown),
        ]
    });
}

/// The only worker survives, and serves the next client.
#[test]
fn a_bug_before_the_answer() {
    let setup = || site().at("/bug", |_| panic!("a bug that the test brings about"));
    check(setup, |server| {
        server.expected_panics = 1;
        assert_eq!(server.raw(&request("GET", "/bug", &[])), b"");
        assert_eq!(server.get("/a.txt", &[]).status, 200);
        [
            Wanted::complete("/bug", 0, 0).unanswered(End::Bug),
            Wanted::complete("/a.txt", 200, 12),
        ]
    });
}
