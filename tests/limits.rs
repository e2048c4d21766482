//! How much a client may ask for and how long it may take: connections, deadlines, coders, and the
//! end of the server. Deadlines are swept about once a second, so each of these takes about two.
#![allow(
    clippy::disallowed_methods,
    reason = "tests open files and read the clock"
)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use docroot::http1::persistence::CloseReason;
use docroot::net::connection::Turn;
use docroot::net::limits::Deadlines;
use docroot::observe::closed::{Closed, Why};
use docroot::observe::event::End;
use docroot::site::budget::Account;
use docroot::site::compress::CODER;
use flate2::Compression;
use flate2::write::GzEncoder;
use support::handlers::text;
use support::rig::Rig;
use support::{Client, PATIENCE, Response, Setup, TestServer, noise, request, until};

/// Short enough for a test, and told apart from every default.
const SHORT: Duration = Duration::from_millis(200);

/// Larger than what the sockets between two ends of the loopback hold.
const LARGE: u64 = 64 << 20;

/// A file that takes no room on the disk.
fn sparse(server: &TestServer, name: &str) {
    let file = File::create(server.root.join(name)).expect("a file");
    file.set_len(LARGE).expect("a sparse file");
}

/// Only the deadline under test is short: whatever closes the connection, no other did.
fn server_with(change: impl FnOnce(&mut Deadlines)) -> TestServer {
    Setup::new()
        .with(|config| {
            let deadlines = &mut config.deadlines;
            for deadline in [
                &mut deadlines.head,
                &mut deadlines.body,
                &mut deadlines.idle,
                &mut deadlines.send,
                &mut deadlines.linger,
            ] {
                *deadline = Duration::from_secs(3600);
            }
            change(deadlines);
        })
        .file("a.txt", "here")
        .start()
}

#[track_caller]
fn check_refused(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(response.field("Retry-After"), Some("2"));
    assert_eq!(response.field("Connection"), Some("close"));
    assert!(response.text().contains("503"), "a page says why");
}

/// A download that was begun: its head and first bytes have come, the rest is held up.
fn held_download(server: &TestServer, target: &str) -> Client {
    let mut client = server.connect();
    client.send(&request("GET", target, &[]));
    assert_eq!(client.head().status, 200);
    client.take(64 * 1024);
    client
}

/// Tests `net::acceptor::admit`.
#[test]
fn concept_18_one_connection_too_many_is_told_to_come_back() {
    let server = Setup::new()
        .with(|config| config.limits.max_connections = 3)
        .file("a.txt", "here")
        .start();
    let mut held: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut held {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").status, 200);
    }
    // Each of a crowd is told, one that has asked and one that has not yet; those that wait to be
    // told do not count towards the limit.
    for number in 0..20 {
        let mut refused = server.connect();
        if number % 2 == 0 {
            refused.send(&request("GET", "/a.txt", &[]));
        }
        check_refused(&refused.response("GET"));
        assert!(refused.is_closed());
    }
    assert_eq!(server.counters.connections_refused.value(), 20);
    // Who is in is served on, and whoever leaves makes room.
    held[0].send(&request("GET", "/a.txt", &[]));
    assert_eq!(held[0].response("GET").text(), "here");
    held.pop();
    until("a place is free", || {
        server.get("/a.txt", &[]).status == 200
    });
}

/// Each one that is told costs a slot until it has gone, so a worker tells no more than 32 at once.
#[test]
fn no_more_than_32_clients_are_being_refused_at_once() {
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.limits.max_connections = 1;
            // None of them goes before its client.
            config.deadlines.linger = PATIENCE;
        })
        .file("a.txt", "here")
        .start();
    let _held = served(&server, [127, 0, 0, 1]);
    let mut told: Vec<Client> = (0..32).map(|_| server.connect()).collect();
    for client in &mut told {
        check_refused(&client.response("GET"));
    }
    assert!(server.connect().is_closed());
    assert_eq!(server.counters.connections_refused.value(), 33);
    told.pop();
    until("there is room to tell one more", || {
        let mut next = server.connect();
        !next.is_closed() && next.response("GET").status == 503
    });
}

/// A connection that was served and stays open.
fn served(server: &TestServer, address: [u8; 4]) -> Client {
    let mut client = server.connect_from(address);
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    client
}

/// The network with most connections gives its idle ones to newcomers of other networks, until these have as many.
#[test]
fn idle_connections_give_way_to_other_networks() {
    const GREEDY: [u8; 4] = [127, 0, 0, 2];
    for threads in [1, 2] {
        let server = Setup::new()
            .with(|config| {
                config.threads = threads;
                config.limits.max_connections = 24;
            })
            .file("a.txt", "here")
            .start();
        // They begin in this order: when the last ones are served, each worker knows the first ones.
        let mut greedy: Vec<Client> = (0..16).map(|_| server.connect_from(GREEDY)).collect();
        greedy.extend((0..8).map(|_| served(&server, GREEDY)));
        let _modest: Vec<Client> = (0..8).map(|_| served(&server, [127, 0, 0, 1])).collect();
        // Nobody has to wait until another one has noticed that it was closed.
        let lost = greedy.iter_mut().map(Client::has_answer);
        assert_eq!(lost.filter(|is_lost| *is_lost).count(), 8);
        check_refused(&server.connect_from(GREEDY).response("GET"));
        assert_eq!(server.counters.connections_refused.value(), 1);
        until("the refused one is gone", || {
            server.counters.connections_open.value() == 24
        });
    }
}

#[test]
fn a_request_that_is_not_complete_gives_way_and_is_told_so() {
    const GREEDY: [u8; 4] = [127, 0, 0, 2];
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.limits.max_connections = 4;
        })
        .file("a.txt", "here")
        .start();
    let mut halves: Vec<Client> = (0..3).map(|_| server.connect_from(GREEDY)).collect();
    for half in &mut halves {
        half.send(b"GET /a.txt HTTP/1.1\r\n");
    }
    // When it has been served again, the halves are known.
    let mut idle = served(&server, GREEDY);
    idle.send(&request("GET", "/a.txt", &[]));
    assert_eq!(idle.response("GET").text(), "here");
    let _first = served(&server, [127, 0, 0, 1]);
    assert!(idle.is_closed(), "the idle one is first");
    let _second = served(&server, [127, 0, 0, 1]);
    let told: Vec<Client> = halves.into_iter().filter_map(answered).collect();
    assert_eq!(told.len(), 1);
    for mut client in told {
        check_refused(&client.response("GET"));
    }
}

/// A response is cut for a client of another network, but only if its own network has more than half of all places.
#[test]
fn a_network_that_downloads_at_every_place_loses_one() {
    let start = || {
        Setup::new()
            .with(|config| {
                config.threads = 1;
                config.limits.max_connections = 4;
            })
            .file("a.txt", "here")
            .file("large.bin", noise(64 << 20))
            .start()
    };
    let download = |server: &TestServer, network| {
        let mut client = server.connect_from([127, 0, 0, network]);
        client.send(&request("GET", "/large.bin", &[]));
        assert_eq!(client.head().status, 200);
        client
    };
    let greedy = start();
    let _downloads = [2, 2, 2, 2].map(|network| download(&greedy, network));
    // A connection whose socket has room is not given up.
    until("a place is given up", || {
        let mut client = greedy.connect_from([127, 0, 0, 1]);
        client.send(&request("GET", "/a.txt", &[]));
        client.response("GET").status == 200
    });
    let fair = start();
    let _downloads = [2, 2, 1, 3].map(|network| download(&fair, network));
    check_refused(&fair.connect_from([127, 0, 0, 4]).response("GET"));
}

/// A network that keeps asking has as many refusals under way as there may be.
#[test]
fn a_network_that_is_being_refused_does_not_keep_its_places() {
    const GREEDY: [u8; 4] = [127, 0, 0, 2];
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.limits.max_connections = 20;
            config.deadlines.linger = Duration::from_secs(3600);
        })
        .file("a.txt", "here")
        .start();
    let _greedy: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = server.connect_from(GREEDY);
            client.send(b"GET /a.txt HTTP/1.1\r\n");
            client
        })
        .collect();
    until("the others are refused", || {
        server.counters.connections_refused.value() == 80
    });
    let _modest: Vec<Client> = (0..5).map(|_| served(&server, [127, 0, 0, 1])).collect();
}

/// One worker with a memory of 1 MiB and without a cache.
fn with_little_memory() -> TestServer {
    Setup::new()
        .with(|config| {
            config.threads = 1;
            config.site.memory = MEMORY;
            config.site.cache_memory = 0;
        })
        .file("a.txt", "here")
        .start()
}

const MEMORY: u64 = 1 << 20;

/// So many clients of another network that send this. Returns when some of them were given up, so that there is memory.
fn flood(server: &TestServer, count: usize, sent: &[u8]) -> Vec<Client> {
    let connect = |_| {
        let mut client = server.connect_from([127, 0, 0, 2]);
        client.send(sent);
        client
    };
    let mut flood: Vec<Client> = (0..count).map(connect).collect();
    until("there is memory", || {
        let has_answer = flood.iter_mut().any(Client::has_answer);
        has_answer && server.held(Account::Connections) <= MEMORY
    });
    flood
}

/// Nobody knows beforehand how much a client will send. If too much is held, the clients of the network
/// that holds the most are told to come back. Nobody else is.
#[test]
fn without_memory_whoever_holds_the_most_is_told_to_come_back() {
    let long = "x".repeat(12_000);
    let half = format!("GET /a.txt HTTP/1.1\r\nHost: t\r\nX-Long: {long}");
    let before_body = format!("{half}\r\nContent-Length: 1\r\n\r\n");
    for sent in [half.as_bytes(), before_body.as_bytes()] {
        let server = with_little_memory();
        let mut waits = server.connect();
        waits.send(before_body.as_bytes());
        // Who sends much while there is no memory is told as well, so this must be read before.
        until("the request is held", || {
            server.held(Account::Connections) > long.len() as u64
        });
        let flood = flood(&server, 200, sent);
        // Bytes that the flood sent before may still be read.
        until("another client is served", || {
            server.get("/a.txt", &[]).text() == "here"
        });
        waits.send(b"x");
        assert_eq!(waits.response("GET").text(), "here");
        for mut client in flood.into_iter().filter_map(answered) {
            check_refused(&client.response("GET"));
            assert!(client.is_closed());
        }
    }
}

/// Each of these connections holds little. Together they hold more than there is.
#[test]
fn without_memory_many_small_connections_of_a_network_give_way() {
    let server = with_little_memory();
    let field = "x".repeat(1000);
    let small =
        format!("GET /a.txt HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nX: {field}\r\n\r\n");
    let mut waits = server.connect();
    waits.send(small.as_bytes());
    let _flood = flood(&server, 900, small.as_bytes());
    until("another client is served", || {
        server.get("/a.txt", &[]).text() == "here"
    });
    waits.send(b"x");
    assert_eq!(waits.response("GET").text(), "here");
}

/// The client, if something has come for it.
fn answered(mut client: Client) -> Option<Client> {
    client.has_answer().then_some(client)
}

/// A response that was begun cannot become another one.
#[test]
fn without_memory_a_response_under_way_is_cut() {
    let mut rig = Rig::new(Setup::new().file("large.bin", noise(8 << 20)));
    rig.send(&request("GET", "/large.bin", &[]));
    assert_eq!(rig.drive(), Turn::Wait);
    let turn = rig.connection.shed(&mut rig.buffers, &mut rig.context);
    assert_eq!(turn, Turn::Closed(Closed::Cut(End::TakenBack)));
}

#[test]
fn an_idle_connection_keeps_nothing() {
    let mut rig = Rig::new(Setup::new().file("a.txt", "here"));
    let idle = rig.connection.charged();
    assert_eq!(rig.response(&request("GET", "/a.txt", &[])).status, 200);
    assert_eq!((rig.connection.charged(), rig.connection.kept()), (idle, 0));
    let long = "x".repeat(12_000);
    let fields = [("X-Long", &long[..]), ("Content-Length", "1")];
    rig.send(&request("GET", "/a.txt", &fields));
    assert_eq!(rig.drive(), Turn::Wait);
    assert!(rig.connection.kept() > 12_000);
    rig.send(b"x");
    assert_eq!(rig.drive(), Turn::Wait);
    assert_eq!(rig.connection.kept(), 0);
}

/// Tests `net::protocol::http1::expire`.
#[test]
fn a_head_that_takes_too_long_is_408() {
    let server = server_with(|deadlines| deadlines.head = SHORT);
    let mut client = server.connect();
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: t");
    let response = client.response("GET");
    assert_eq!(response.status, 408);
    assert_eq!(response.field("Connection"), Some("close"));
    assert!(client.is_closed());
    // It counts for the next head of a connection as well.
    let mut client = server.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").status, 200);
    client.send(b"G");
    assert_eq!(client.response("GET").status, 408);
    assert!(client.is_closed());
}

#[test]
fn a_trickle_of_bytes_does_not_prolong_a_head() {
    let server = server_with(|deadlines| deadlines.head = SHORT);
    let mut client = server.connect();
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n");
    let begin = Instant::now();
    let pace = Some(Duration::from_millis(20));
    client.stream.set_read_timeout(pace).expect("a timeout");
    let mut answer = [0; 12];
    // The wait for the answer is the pause between two bytes.
    while client.stream.read(&mut answer).is_err() {
        client.send(b"x");
        assert!(begin.elapsed() < support::PATIENCE, "it goes on for ever");
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn whoever_says_nothing_is_closed_without_a_word() {
    let server = server_with(|deadlines| deadlines.head = SHORT);
    assert_eq!(server.connect().rest(), b"");
    let server = server_with(|deadlines| deadlines.idle = SHORT);
    let mut client = server.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    assert!(client.is_closed());
    until("its slot is free", || {
        server.counters.connections_open.value() == 0
    });
}

#[test]
fn a_body_that_takes_too_long_is_408() {
    let server = server_with(|deadlines| deadlines.body = SHORT);
    for head in [
        &[("Content-Length", "10")][..],
        &[("Transfer-Encoding", "chunked")],
    ] {
        let mut client = server.connect();
        client.send(&request("GET", "/a.txt", head));
        client.send(b"5\r\n");
        assert_eq!(client.response("GET").status, 408, "{head:?}");
        assert!(client.is_closed());
    }
}

#[test]
fn whoever_does_not_read_is_cut() {
    let server = server_with(|deadlines| deadlines.send = SHORT);
    sparse(&server, "large.bin");
    let mut client = held_download(&server, "/large.bin");
    until("the connection is over", || {
        server.counters.connections_open.value() == 0
    });
    assert!((client.rest().len() as u64) < LARGE - 64 * 1024);
}

#[test]
fn whoever_reads_slower_than_the_rate_is_cut() {
    let server = Setup::new()
        .with(|config| {
            config.limits.min_rate = 1 << 30;
            config.deadlines.send = SHORT;
        })
        .start();
    sparse(&server, "large.bin");
    let mut client = held_download(&server, "/large.bin");
    let mut read = 64 * 1024;
    let mut buffer = vec![0; 64 * 1024];
    until("the connection is over", || {
        // It reads on and on, and too little: at most 64 KiB at each look.
        read += client.stream.read(&mut buffer).unwrap_or(0) as u64;
        server.counters.connections_open.value() == 0
    });
    assert!(read + (client.rest().len() as u64) < LARGE);
}

#[test]
fn whoever_keeps_the_rate_is_not_cut_however_long_it_takes() {
    let server = Setup::new()
        .with(|config| {
            config.limits.min_rate = 1024;
            config.deadlines.send = SHORT;
        })
        .start();
    sparse(&server, "large.bin");
    let mut client = held_download(&server, "/large.bin");
    let begin = Instant::now();
    let mut read = 64 * 1024;
    // Long enough for several sweeps, each of which finds a window at its end.
    until("three sweeps have passed", || {
        client.take(128 * 1024);
        read += 128 * 1024;
        begin.elapsed() > Duration::from_millis(3300) || read as u64 > LARGE / 2
    });
    assert!(
        begin.elapsed() > Duration::from_secs(1),
        "a sweep has passed"
    );
    client.take(usize::try_from(LARGE).expect("it fits") - read);
    client.send(&request("HEAD", "/large.bin", &[]));
    assert_eq!(client.response("HEAD").status, 200);
}

#[test]
fn whoever_does_not_close_after_the_last_answer_is_closed() {
    let server = server_with(|deadlines| deadlines.linger = SHORT);
    let mut client = server.connect();
    client.send(b"nonsense\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);
    // The server has ended its side and waits for this one, which stays as it is.
    assert!(client.is_closed());
    until("the server has closed all the same", || {
        server.counters.connections_open.value() == 0
    });
}

/// What a client sends after the last answer is discarded, and does not prolong the wait for its end.
#[test]
fn whoever_goes_on_sending_after_the_last_answer_is_closed() {
    let mut rig = Rig::new(Setup::new().with(|config| config.deadlines.linger = SHORT));
    rig.send(b"nonsense\r\n\r\n");
    assert_eq!(rig.drive(), Turn::Wait);
    rig.send(&[b'x'; 64 << 10]);
    assert_eq!(rig.drive(), Turn::Wait, "it is given time to close");
    rig.context.now.instant += SHORT;
    rig.send(&[b'x'; 64 << 10]);
    assert_eq!(
        rig.drive(),
        Turn::Closed(Closed::Orderly(Why::LastResponse(
            CloseReason::NotUnderstood
        )))
    );
}

/// The time that the server itself needs is not the client's: nobody is told 408 for it.
#[test]
fn a_listing_is_not_held_to_the_deadline_of_its_head() {
    const CLIENTS: usize = 8;
    const LISTINGS: usize = 8;
    let setup = Setup::new().with(|config| {
        config.threads = 1;
        config.deadlines.head = SHORT;
        config.deadlines.body = SHORT;
    });
    for number in 0..2000 {
        File::create(setup.root().join(number.to_string())).expect("a file");
    }
    let server = setup.start();
    let begin = Instant::now();
    // Together they keep the only worker busy for longer than the deadline.
    while begin.elapsed() < Duration::from_millis(2200) {
        let fields = [("Accept", "application/json"), ("Content-Length", "1")];
        let listing = [&request("GET", "/", &fields)[..], b"x"].concat();
        let clients = (0..CLIENTS).map(|_| {
            let mut client = server.connect();
            client.send(&listing.repeat(LISTINGS));
            client
        });
        let mut clients: Vec<Client> = clients.collect();
        for client in &mut clients {
            for _ in 0..LISTINGS {
                assert_eq!(client.response("GET").status, 200);
            }
        }
    }
}

#[test]
fn draining_finishes_what_was_begun_and_turns_the_others_away() {
    for threads in [1, 2, 4] {
        let mut server = Setup::new()
            .with(|config| config.threads = threads)
            .file("a.txt", "here")
            .start();
        sparse(&server, "large.bin");
        let mut idle: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        for client in &mut idle {
            client.send(&request("GET", "/a.txt", &[]));
            assert_eq!(client.response("GET").status, 200);
        }
        let mut download = held_download(&server, "/large.bin");
        let mut half = server.connect();
        half.send(b"GET /a.txt HTTP/1.1\r\n");
        // The half is known to the server once a later client was served.
        assert_eq!(server.get("/a.txt", &[]).status, 200);
        server.drain();
        for mut client in idle {
            assert!(client.is_closed(), "an idle connection stays");
        }
        for _ in 0..2 * threads {
            check_refused(&server.get("/a.txt", &[]));
        }
        // A request that was begun is answered, and told that it is the last.
        half.send(b"Host: test\r\n\r\n");
        let last = half.response("GET");
        assert_eq!((last.text().as_str(), last.status), ("here", 200));
        assert_eq!(last.field("Connection"), Some("close"));
        assert!(half.is_closed());
        let rest = usize::try_from(LARGE).expect("it fits") - 64 * 1024;
        assert_eq!(download.take(rest), vec![0; rest]);
        assert!(download.is_closed());
        server.wait();
        assert!(std::net::TcpStream::connect(server.address).is_err());
    }
}

#[test]
fn draining_ends_at_its_deadline() {
    let mut server = server_with(|deadlines| deadlines.drain = SHORT);
    sparse(&server, "large.bin");
    let mut download = held_download(&server, "/large.bin");
    server.drain();
    server.wait();
    assert!((download.rest().len() as u64) < LARGE - 64 * 1024);
}

/// A worker may wait for a disk that does not answer. Here a handler waits in its place.
#[test]
fn draining_ends_even_if_a_worker_is_stuck() {
    let (entered, has_entered) = bounded(1);
    let (release, is_released) = bounded::<()>(0);
    let mut server = Setup::new()
        .with(|config| config.deadlines.drain = SHORT)
        .at("/stuck", move |_| {
            entered.send(()).expect("the test waits");
            // The error that comes when the test drops its end.
            let _ = is_released.recv();
            text("late")
        })
        .start();
    // This is dropped before the server. So a failure of the test shows, and nobody waits for ever.
    let _release = release;
    let mut client = server.connect();
    client.send(&request("GET", "/stuck", &[]));
    has_entered
        .recv_timeout(PATIENCE)
        .expect("the handler is asked");
    server.drain();
    server.wait();
}

/// The wish to drain may come at any moment of a worker's turn, and none of them may lose it.
#[test]
fn draining_is_never_slept_through() {
    for _ in 0..300 {
        let mut server = server_with(|deadlines| deadlines.drain = Duration::from_secs(3600));
        let close = request("GET", "/a.txt", &[("Connection", "close")]);
        assert!(server.raw(&close).ends_with(b"here"));
        server.drain();
        server.wait();
    }
}

/// Pipelined requests that were received with the one under way are not lost without a word: the
/// last answer says that it is the last.
#[test]
fn draining_says_which_answer_is_the_last() {
    let mut server = TestServer::of(&[("a.txt", "here")]);
    sparse(&server, "large.bin");
    let mut client = server.connect();
    client.send(
        &[
            request("GET", "/large.bin", &[]),
            request("GET", "/a.txt", &[]),
        ]
        .concat(),
    );
    assert_eq!(client.head().status, 200);
    server.drain();
    client.take(usize::try_from(LARGE).expect("it fits"));
    let last = client.response("GET");
    assert_eq!(last.text(), "here");
    assert_eq!(last.field("Connection"), Some("close"));
    assert!(client.is_closed());
    server.wait();
}

/// A coder holds memory for as long as its client reads. When the memory is used up, the next answer
/// leaves as it is: that costs bandwidth and no memory. The clients of one network leave some to others.
#[test]
fn no_more_answers_are_coded_at_once_than_memory_allows() {
    // A coder takes 352 KiB. All of them may take a quarter of the memory, which is 32 coders, and those
    // of one network three quarters of that.
    const CODERS: usize = 24;
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.site.memory = 44 << 20;
            config.site.cache_memory = 0;
            // The clients read nothing until the end of the test.
            config.deadlines.send = Duration::from_secs(3600);
        })
        .file("large.txt", noise(16 << 20))
        .file("listed/a", "")
        .start();
    let coded_for = |address| {
        let mut client = server.connect_from(address);
        client.send(&request(
            "GET",
            "/large.txt",
            &[("Accept-Encoding", "gzip")],
        ));
        let head = client.head();
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.field("Vary"), Some("Accept-Encoding"));
        (client, head.field("Content-Encoding") == Some("gzip"))
    };
    let coded = || coded_for([127, 0, 0, 1]);
    let mut held: Vec<(Client, bool)> = (0..CODERS).map(|_| coded()).collect();
    assert!(held.iter().all(|(_, is_coded)| *is_coded));
    assert!(!coded().1, "one coder too many");
    assert!(coded_for([127, 0, 0, 2]).1, "another network");
    // This network may have one coder, so the worker must have noticed that the client is gone.
    until("its coder is free", || {
        server.held(Account::Coders) <= CODERS as u64 * CODER
    });
    // A coder that has come to its end is spare, and not for those who hold all others.
    let mut other = server.connect_from([127, 0, 0, 2]);
    other.send(&request(
        "GET",
        "/large.txt",
        &[("Accept-Encoding", "gzip")],
    ));
    let whole = other.response("GET");
    assert_eq!(whole.field("Content-Encoding"), Some("gzip"));
    assert!(!coded().1, "the coder of another network");
    let refuses_identity = [("Accept-Encoding", "gzip, identity;q=0")];
    let busy = server.get("/large.txt", &refuses_identity);
    assert_eq!(busy.status, 503);
    assert!(busy.field("Retry-After").is_some());
    // Who refuses identity waits for a coder, with a file as with a listing.
    for path in ["/large.txt", "/listed/"] {
        let mut waits = server.connect();
        waits.send(&request("GET", path, &refuses_identity));
        // The worker has seen it when it answers a later request.
        assert_eq!(server.get("/listed/a", &[]).status, 200);
        held.pop();
        let head = waits.head();
        assert_eq!(
            (head.status, head.field("Content-Encoding")),
            (200, Some("gzip"))
        );
    }
    held.pop();
    until("a coder is free", || coded().1);
}

/// Whoever refuses gzip gets 503 while there is no decoder, so the clients of one network must not hold all
/// of them.
#[test]
fn clients_that_do_not_read_leave_decoders_to_other_networks() {
    // A decoder takes 64 KiB, and all of them may take a quarter of the memory.
    const DECODERS: usize = 16;
    let content = noise(16 << 20);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&content).expect("memory");
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.site.memory = 4 << 20;
            config.site.cache_memory = 0;
        })
        .file("a.svgz", encoder.finish().expect("memory"))
        .start();
    let wanted = request("GET", "/a.svgz", &[("Accept-Encoding", "identity")]);
    let ask = |address| {
        let mut client = server.connect_from(address);
        client.send(&wanted);
        client
    };
    let mut of_one: Vec<Client> = (0..DECODERS).map(|_| ask([127, 0, 0, 1])).collect();
    let statuses: Vec<u16> = of_one.iter_mut().map(|one| one.head().status).collect();
    let answered = statuses.iter().filter(|&&status| status == 200).count();
    assert_eq!(answered, DECODERS * 3 / 4, "the last quarter is for others");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)));
    assert!(ask([127, 0, 0, 2]).response("GET").body == content);
}

#[test]
fn a_request_that_has_arrived_when_the_server_drains_is_answered() {
    for _ in 0..20 {
        let server = Setup::new()
            .with(|config| config.threads = 1)
            .file("a", "answer")
            .start();
        let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
        // Each is known to the worker before the order to drain comes.
        for client in &mut clients {
            client.send(&request("GET", "/a", &[]));
            assert_eq!(client.response("GET").text(), "answer");
        }
        for client in &mut clients {
            client.send(&request("GET", "/a", &[]));
        }
        server.drain();
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "answer");
        }
    }
}
