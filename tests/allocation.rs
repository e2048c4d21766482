//! A small file that is kept in memory is served without the heap: from a request in the socket to
//! its answer in the socket nothing is allocated.
//!
//! One connection, driven on this thread, with a counting allocator under it that counts each
//! thread for itself.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use docroot::net::bench::{Bench, Desk, Settings};
use docroot::net::connection::{Connection, Turn};
use docroot::net::transport::Transport;
use docroot::observe::log::Log;
use docroot::semantics::date::{HttpDate, ImfFixdate};
use docroot::site::root::Root;
use support::{Response, Setup, find, request};

/// A moment long after the file was written: what has changed only just now is not kept.
const LATER: i64 = 4_000_000_000;

/// So many requests are measured together, each in a turn of its own.
const TURNS: usize = 100;

/// One connection and both of its ends.
struct Rig {
    bench: Bench,
    connection: Connection,
    client: UnixStream,
    received: Vec<u8>,
    _setup: Setup,
}

impl Rig {
    fn new() -> Rig {
        let text = "so much text that a coding is worth its while; ".repeat(40);
        let setup = Setup::new().file("text.txt", text);
        let config = setup.config.clone();
        let settings = Settings {
            root: Arc::new(Root::open(setup.root(), false).expect("a root")),
            options: Arc::new(config.site.clone()),
            config,
            counters: Arc::default(),
        };
        let mut bench = Bench::new(Desk::new(&settings, Log::off().handle()));
        bench.desk.now.date = HttpDate::from_unix(LATER).expect("a date");
        bench.desk.now.text = ImfFixdate::from(bench.desk.now.date);
        let (ours, client) = UnixStream::pair().expect("a pair of sockets");
        ours.set_nonblocking(true).expect("non-blocking");
        let transport = Transport::new(TcpStream::from(OwnedFd::from(ours)));
        let peer = (Ipv4Addr::LOCALHOST, 1).into();
        Rig {
            connection: Connection::new(transport, peer, &bench.desk),
            bench,
            client,
            received: vec![0; 256 * 1024],
            _setup: setup,
        }
    }

    /// A turn of the worker's loop in which `request` arrives, and how many bytes come back.
    fn turn(&mut self, request: &[u8]) -> usize {
        self.client.write_all(request).expect("sent");
        let desk = &mut self.bench.desk;
        desk.origin.stock.site.begin_turn(desk.now.date);
        self.connection.ready(true, false, false);
        let turn = self.connection.drive(&mut self.bench);
        assert_eq!(turn, Turn::Wait);
        self.client.read(&mut self.received).expect("an answer")
    }

    /// The head of the answer to `request`.
    fn head(&mut self, request: &[u8]) -> Response {
        let length = self.turn(request);
        let end = find(&self.received[..length], b"\r\n\r\n").expect("a head") + 4;
        Response::parse(&self.received[..end])
    }
}

/// Answers to `request`, which is sent again and again, need nothing from the heap once the file
/// is known and coded.
#[track_caller]
fn check(rig: &mut Rig, request: &[u8], want: (u16, Option<&str>)) {
    let head = rig.head(request);
    assert_eq!((head.status, head.field("Content-Encoding")), want);
    // The second answer has what the first may not have had: a buffer that has grown, a coded
    // content that the cache has charged for.
    let length = rig.turn(request);
    let mut answered = 0;
    let counted = allocation_counter::measure(|| {
        for _ in 0..TURNS {
            answered += rig.turn(request);
        }
    });
    assert_eq!(answered, TURNS * length, "one answer is as long as another");
    assert_eq!(counted.count_total, 0, "{}", request.escape_ascii());
}

fn get(fields: &[(&str, &str)]) -> Vec<u8> {
    request("GET", "/text.txt", fields)
}

#[test]
fn the_first_request_does_allocate() {
    let mut rig = Rig::new();
    let counted = allocation_counter::measure(|| {
        rig.turn(&get(&[]));
    });
    assert!(counted.count_total > 0, "or nothing is counted");
}

#[test]
fn a_whole_file() {
    check(&mut Rig::new(), &get(&[]), (200, None));
}

#[test]
fn a_coded_file() {
    let coded = get(&[("Accept-Encoding", "gzip, br;q=0.5")]);
    check(&mut Rig::new(), &coded, (200, Some("gzip")));
}

#[test]
fn a_head_alone() {
    let head = request("HEAD", "/text.txt", &[]);
    check(&mut Rig::new(), &head, (200, None));
}

#[test]
fn a_file_that_the_client_has() {
    let mut rig = Rig::new();
    let known = rig.head(&get(&[]));
    let tag = known.field("ETag").expect("an entity-tag");
    check(&mut rig, &get(&[("If-None-Match", tag)]), (304, None));
    let date = known.field("Last-Modified").expect("a date");
    check(&mut rig, &get(&[("If-Modified-Since", date)]), (304, None));
}

#[test]
fn sixteen_at_once() {
    check(&mut Rig::new(), &get(&[]).repeat(16), (200, None));
}
