//! Answers that take time: they wait in the worker for a time or for a wake-up, and hold nobody up.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use docroot::http1::persistence::CloseReason;
use docroot::net::connection::Turn;
use docroot::observe::closed::{Closed, Why};
use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use docroot::origin::handler::{Answer, Origin, Polled, Responder};
use docroot::origin::request::{Request, RequestBody};
use docroot::origin::response::Response;
use docroot::semantics::status::Status;
use docroot::semantics::trace::Trace;
use docroot::site::body::{Body, Pulled, Source};
use docroot::site::body_error::BodyError;
use rustix::net::sockopt::socket_keepalive;
use support::handlers::{Bell, MADE, Part, Script, later, sourced, text};
use support::journal::Wanted;
use support::rig::Rig;
use support::{Client, PATIENCE, Setup, TestServer, request, until};

/// Between two pieces of a paced answer.
const GAP: Duration = Duration::from_millis(20);

const PIECES: u32 = 10;

/// A piece every 20 ms, the first at once, then whatever follows. Its times are counted from a
/// reading of the clock that is later than the client's: the worker's own may be from before that.
fn paced(then: Vec<Part>) -> Answer {
    let begin = Instant::now();
    let parts = (0..PIECES).flat_map(|number| {
        let piece = format!("piece {number}\n").into_bytes();
        let at = begin + GAP * number;
        [Part::Until(at), Part::Bytes(piece)]
    });
    sourced(Script::of(parts.chain(then)))
}

/// What a paced answer says.
fn pieces() -> String {
    (0..PIECES)
        .map(|number| format!("piece {number}\n"))
        .collect()
}

/// A site with a paced answer, one that waits for the bell, and a file.
fn site(bell: &Bell) -> Setup {
    let (source, responder) = (bell.clone(), bell.clone());
    Setup::new()
        .file("a", "small")
        .at("/paced", |_| paced(Vec::new()))
        .at("/source", move |request| {
            source.wakes(request);
            let begin = Part::Bytes(b"before ".to_vec());
            let end = Part::Bytes(b"after".to_vec());
            sourced(Script::of([begin, Part::Bell(source.clone()), end]))
        })
        .at("/responder", move |request| {
            responder.wakes(request);
            let bell = responder.clone();
            later(move |_, _| match bell.rings() {
                0 => Polled::WaitForWake,
                _ => Polled::Done(text("woken")),
            })
        })
}

/// Waits until so many connections wait for the bell.
fn waiting(bell: &Bell, count: usize) {
    until("they wait", || bell.listeners() == count);
}

/// Reads the pieces of an answer that was asked for at `begin`: none comes before its time.
#[track_caller]
fn check_pieces(client: &mut Client, begin: Instant) {
    for number in 0..PIECES {
        let piece = client.chunk();
        let after = begin.elapsed();
        assert_eq!(piece, format!("piece {number}\n").as_bytes());
        assert!(after >= GAP * number, "piece {number} after {after:?}");
    }
}

#[test]
fn pieces_come_at_their_times() {
    let server = site(&Bell::default()).start();
    let mut client = server.connect();
    let begin = Instant::now();
    client.send(&request("GET", "/paced", &[]));
    assert_eq!(
        client.head().field("Transfer-Encoding"),
        Some("chunked"),
        "the length is not known"
    );
    check_pieces(&mut client, begin);
    assert_eq!(client.chunk(), b"");
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    // The connection goes on.
    client.send(&request("GET", "/a", &[]));
    assert_eq!(client.response("GET").text(), "small");
}

/// A busy machine may delay the client, so that several pieces wait for it. If the server sent them
/// together, no try would succeed.
#[test]
fn pieces_come_apart() {
    let server = site(&Bell::default()).start();
    let is_apart = || {
        let mut client = server.connect();
        client.send(&request("GET", "/paced", &[]));
        client.head();
        let arrivals: Vec<Instant> = (0..PIECES)
            .map(|_| {
                client.chunk();
                Instant::now()
            })
            .collect();
        let least = Duration::from_millis(15);
        arrivals.windows(2).all(|pair| pair[1] - pair[0] >= least)
    };
    assert!((0..30).any(|_| is_apart()));
}

/// What a client sends meanwhile wakes the connection, and hastens nothing.
#[test]
fn a_client_that_keeps_sending_hastens_nothing() {
    let server = site(&Bell::default()).start();
    let mut client = server.connect();
    let begin = Instant::now();
    client.send(&request("GET", "/paced", &[]));
    client.head();
    for number in 0..PIECES {
        client.send(&request("GET", "/a", &[]));
        client.chunk();
        assert!(begin.elapsed() >= GAP * number, "piece {number}");
    }
    assert_eq!(client.chunk(), b"");
    for _ in 0..PIECES {
        assert_eq!(client.response("GET").text(), "small");
    }
}

#[test]
fn many_wait_at_once_and_hold_nobody_up() {
    const MANY: usize = 200;
    let bell = Bell::default();
    let last = bell.clone();
    let setup = site(&bell).at("/long", move |request| {
        last.wakes(request);
        paced(vec![Part::Bell(last.clone())])
    });
    let server = setup.start();
    let mut clients: Vec<(Client, Instant)> = Vec::new();
    for _ in 0..MANY {
        let mut client = server.connect();
        let begin = Instant::now();
        client.send(&request("GET", "/long", &[]));
        clients.push((client, begin));
    }
    waiting(&bell, MANY);
    // The system may hold up some of these; if they had to wait for the others, it would be all.
    let is_prompt = || {
        let begin = Instant::now();
        assert_eq!(server.get("/a", &[]).text(), "small");
        begin.elapsed() < GAP
    };
    assert!((0..50).any(|_| is_prompt()));
    for (client, begin) in &mut clients {
        client.head();
        check_pieces(client, *begin);
    }
    bell.ring();
    for (client, _) in &mut clients {
        assert_eq!(client.chunk(), b"");
    }
}

#[test]
fn a_responder_waits_until_a_time() {
    let server = Setup::new()
        .at("/later", |_| {
            let at = Instant::now() + Duration::from_millis(100);
            later(move |request, _| match request.instant < at {
                true => Polled::WaitUntil(at),
                false => Polled::Done(text("late")),
            })
        })
        .start();
    let begin = Instant::now();
    assert_eq!(server.get("/later", &[]).text(), "late");
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(100), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// It may go on in several ways, one after the other.
#[test]
fn a_responder_may_hand_over_to_another() {
    let server = Setup::new()
        .at("/chain", |_| {
            let mut polls = 0;
            later(move |_, _| {
                polls += 1;
                match polls {
                    1 => Polled::More,
                    _ => Polled::Done(later(|_, _| {
                        let at = Instant::now() + GAP;
                        Polled::Done(sourced(Script::of([
                            Part::Bytes(b"first ".to_vec()),
                            Part::Until(at),
                            Part::Bytes(b"then".to_vec()),
                        ])))
                    })),
                }
            })
        })
        .start();
    assert_eq!(server.get("/chain", &[]).text(), "first then");
}

/// Otherwise responders that hand over to each other would keep the worker from its other connections.
#[test]
fn a_responder_that_hands_over_ends_the_turn() {
    let polls = Bell::default();
    let counted = polls.clone();
    let mut rig = Rig::new(Setup::new().at("/chain", move |_| {
        let (first, second) = (counted.clone(), counted.clone());
        later(move |_, _| {
            first.ring();
            let second = second.clone();
            Polled::Done(later(move |_, _| {
                second.ring();
                Polled::Done(text("made"))
            }))
        })
    }));
    rig.send(&request("GET", "/chain", &[]));
    assert_eq!(
        rig.connection.drive(&mut rig.buffers, &mut rig.context),
        Turn::Again
    );
    assert_eq!(polls.rings(), 1);
    assert_eq!(
        rig.connection.drive(&mut rig.buffers, &mut rig.context),
        Turn::Wait
    );
    assert_eq!(polls.rings(), 2);
    assert!(rig.taken().ends_with(b"made"));
}

#[test]
fn a_responder_is_woken_from_another_thread() {
    let bell = Bell::default();
    let server = site(&bell).start();
    let mut client = server.connect();
    client.send(&request("GET", "/responder", &[]));
    waiting(&bell, 1);
    // Those that came later are answered, this one is not.
    assert_eq!(server.get("/a", &[]).text(), "small");
    assert!(!client.has_answer());
    bell.ring();
    assert_eq!(client.response("GET").text(), "woken");
}

#[test]
fn a_source_is_woken_from_another_thread() {
    let bell = Bell::default();
    let server = site(&bell).start();
    let mut client = server.connect();
    client.send(&request("GET", "/source", &[]));
    client.head();
    // What it had to say before it waits is not held back.
    assert_eq!(client.chunk(), b"before ");
    bell.ring();
    assert_eq!(client.chunk(), b"after");
    assert_eq!(client.chunk(), b"");
}

/// A wake-up may come at any moment of a worker's turn, and none of them may lose it.
#[test]
fn wake_ups_are_never_lost() {
    for _ in 0..200 {
        let bell = Bell::default();
        let server = site(&bell).start();
        let mut client = server.connect();
        client.send(&request("GET", "/responder", &[]));
        waiting(&bell, 1);
        bell.ring();
        assert_eq!(client.response("GET").text(), "woken");
    }
}

/// Pipelined answers in front of one that waits do not wait with it.
#[test]
fn answers_in_front_of_one_that_waits_leave_at_once() {
    let bell = Bell::default();
    let server = site(&bell).start();
    let mut client = server.connect();
    let both = [
        request("GET", "/a", &[]),
        request("GET", "/responder", &[]),
        request("GET", "/a", &[]),
    ];
    client.send(&both.concat());
    assert_eq!(client.response("GET").text(), "small");
    waiting(&bell, 1);
    bell.ring();
    assert_eq!(client.response("GET").text(), "woken");
    assert_eq!(client.response("GET").text(), "small");
}

/// The line that is logged of a request that waits for the bell, and of nothing else.
#[track_caller]
fn check_line(target: &str, wanted: Wanted, end: impl FnOnce(&mut TestServer, Client)) {
    let bell = Bell::default();
    let short = Duration::from_millis(100);
    let (setup, page) = site(&bell)
        .with(|config| config.deadlines.drain = short)
        .logging(LogFormat::Json);
    let mut server = setup.start();
    let mut client = server.connect();
    client.send(&request("GET", target, &[]));
    waiting(&bell, 1);
    if wanted.status.is_some() {
        client.head();
        assert_eq!(client.chunk(), b"before ");
    }
    end(&mut server, client);
    drop(server);
    let lines = page.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    wanted.check(LogFormat::Json, &lines[0]);
}

fn begun(end: End) -> Wanted<'static> {
    Wanted::complete("/source", 200, "before ".len() as u64).but(end)
}

fn unanswered(end: End) -> Wanted<'static> {
    Wanted::complete("/responder", 0, 0).unanswered(end)
}

#[test]
fn a_client_that_leaves_is_noticed_while_it_is_waited() {
    let leave = |server: &mut TestServer, client: Client| {
        client.reset();
        until("it is noticed", || {
            server.counters.connections_open.value() == 0
        });
    };
    check_line("/source", begun(End::ClientGone), leave);
    check_line("/responder", unanswered(End::ClientGone), leave);
}

/// A client that has closed and one that only sends no more look the same, until the server sends.
#[test]
fn a_client_that_closes_is_noticed_while_it_is_waited() {
    let bell = Bell::default();
    let close = |server: &mut TestServer, client: Client| {
        drop(client);
        until("it is noticed", || {
            server.counters.connections_open.value() == 0
        });
    };
    check_line("/responder", unanswered(End::ClientGone), close);
    // The responder waits for nothing, and would be polled for ever.
    let polls = bell.clone();
    let server = Setup::new()
        .at("/busy", move |_| {
            let polls = polls.clone();
            later(move |_, _| {
                polls.ring();
                Polled::More
            })
        })
        .start();
    let mut client = server.connect();
    client.send(&request("GET", "/busy", &[]));
    until("it is polled", || bell.rings() > 0);
    drop(client);
    until("it is noticed", || {
        server.counters.connections_open.value() == 0
    });
}

/// RFC 9110 section 15.2: a client can discard it. An HTTP/1.0 client must not get it.
#[test]
fn a_client_that_sends_no_more_is_asked_whether_it_reads() {
    let bell = Bell::default();
    let server = site(&bell).start();
    let mut client = server.connect();
    client.send(&request("GET", "/responder", &[]));
    client.finish();
    assert_eq!(client.next_response("GET").status, 100);
    bell.ring();
    assert_eq!(client.next_response("GET").status, 200);
    assert!(client.is_closed());
    let mut rig = Rig::new(site(&Bell::default()));
    rig.send(b"GET /responder HTTP/1.0\r\n\r\n");
    rig.client.shutdown(Shutdown::Write).expect("half a close");
    rig.connection.ready(true, true, false);
    assert_eq!(rig.drive(), Turn::Wait);
    assert_eq!(rig.taken(), b"");
}

/// Nothing can be sent to find out whether this client is still there. The kernel asks instead.
#[test]
fn the_kernel_probes_a_client_that_is_let_wait() {
    let bell = Bell::default();
    for (target, is_let_wait) in [("/source", true), ("/responder", true), ("/a", false)] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let client = TcpStream::connect(address).expect("it accepts");
        let (ours, _) = listener.accept().expect("a client");
        let same = ours.try_clone().expect("a socket");
        let client = UnixStream::from(OwnedFd::from(client));
        let mut rig = Rig::over(site(&bell), ours.into(), client);
        rig.send(&request("GET", target, &[]));
        rig.drive();
        assert_eq!(socket_keepalive(&same), Ok(is_let_wait), "{target}");
    }
}

/// The answer has begun, so the server cannot ask whether the client reads.
#[test]
fn a_client_that_closes_is_noticed_when_more_is_sent() {
    let server = site(&Bell::default()).start();
    let mut client = server.connect();
    client.send(&request("GET", "/paced", &[]));
    client.head();
    client.chunk();
    drop(client);
    until("it is noticed", || {
        server.counters.connections_open.value() == 0
    });
    assert_eq!(server.counters.answers_cut.value(), 1);
}

#[test]
fn a_client_that_sends_no_more_has_its_answer() {
    for target in ["/source", "/responder"] {
        let bell = Bell::default();
        let server = site(&bell).start();
        let mut client = server.connect();
        client.send(&request("GET", target, &[]));
        client.finish();
        waiting(&bell, 1);
        bell.ring();
        assert_eq!(client.response("GET").status, 200, "{target}");
        assert!(client.is_closed());
    }
}

/// A drain waits for an answer until its deadline, and not longer.
#[test]
fn a_drain_ends_at_its_deadline_whoever_waits() {
    let drain = |server: &mut TestServer, mut client: Client| {
        server.drain();
        server.wait();
        let mut rest = Vec::new();
        match client.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    };
    check_line("/source", begun(End::Shutdown), drain);
    check_line("/responder", unanswered(End::Shutdown), drain);
}

/// Waits until the server drains.
struct UntilDrain(Bell);

impl Responder for UntilDrain {
    fn poll(
        &mut self,
        _: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        _: &mut Trace,
    ) -> Polled {
        self.0.ring();
        match origin.is_draining {
            false => Polled::WaitForWake,
            true => Polled::Done(text("goodbye")),
        }
    }
}

#[test]
fn a_responder_is_told_of_a_drain() {
    let polls = Bell::default();
    let counted = polls.clone();
    let mut server = Setup::new()
        .with(|config| config.deadlines.drain = PATIENCE)
        .at("/until", move |_| {
            Answer::Later(Box::new(UntilDrain(counted.clone())))
        })
        .start();
    let mut client = server.connect();
    client.send(&request("GET", "/until", &[]));
    until("it waits", || polls.rings() > 0);
    server.drain();
    assert_eq!(client.response("GET").text(), "goodbye");
    assert!(client.is_closed());
    server.wait();
}

/// An answer that is ready before the deadline is sent whole.
#[test]
fn a_drain_waits_for_an_answer() {
    for target in ["/source", "/responder", "/paced"] {
        let bell = Bell::default();
        let setup = site(&bell).with(|config| config.deadlines.drain = PATIENCE);
        let mut server = setup.start();
        let mut client = server.connect();
        client.send(&request("GET", target, &[]));
        if target != "/paced" {
            waiting(&bell, 1);
        } else {
            client.head();
        }
        server.drain();
        bell.ring();
        let whole = match target {
            "/paced" => client.rest(),
            _ => client.response("GET").body,
        };
        let end = match target {
            "/source" => &b"before after"[..],
            "/responder" => b"woken",
            _ => b"0\r\n\r\n",
        };
        assert!(whole.ends_with(end), "{target}");
        server.wait();
    }
}

#[test]
fn http_1_0_is_told_the_end_by_the_close() {
    let server = site(&Bell::default()).start();
    let mut client = server.connect();
    let begin = Instant::now();
    client.send(b"GET /paced HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let response = client.response("GET");
    assert_eq!(response.text(), pieces());
    assert_eq!(response.field("Transfer-Encoding"), None);
    assert_eq!(response.field("Connection"), Some("close"));
    assert!(begin.elapsed() >= GAP * (PIECES - 1));
}

/// HEAD does not wait for content that is not sent.
/// RFC 9112 section 9.6: this client learns of the close only from the response, so it may have sent
/// another request. A reset would destroy the end of the response.
#[test]
fn a_close_that_ends_the_body_does_not_become_a_reset() {
    for (connection, turn) in [
        ("keep-alive", Turn::Wait),
        (
            "close",
            Turn::Closed(Closed::Orderly(Why::LastResponse(CloseReason::Asked))),
        ),
    ] {
        let whole = |_: &Request<'_>| sourced(Script::of([Part::Bytes(b"whole".to_vec())]));
        let mut rig = Rig::new(Setup::new().at("/whole", whole));
        let head = format!("GET /whole HTTP/1.0\r\nConnection: {connection}\r\n\r\n");
        rig.send(head.as_bytes());
        assert_eq!(rig.drive(), turn, "{connection}");
    }
}

#[test]
fn head_is_answered_at_once() {
    let bell = Bell::default();
    let server = site(&bell).start();
    let mut client = server.connect();
    for target in ["/paced", "/source"] {
        client.send(&request("HEAD", target, &[]));
        let head = client.response("HEAD");
        assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
    }
    client.send(&request("GET", "/a", &[]));
    assert_eq!(client.response("GET").text(), "small");
    assert_eq!(bell.rings(), 0);
}

/// The last piece and the end of the content leave in the turn that has them.
#[test]
fn the_last_piece_ends_the_answer() {
    let piece = || sourced(Script::of([Part::Bytes(b"all of it".to_vec())]));
    let mut rig = Rig::new(Setup::new().at("/piece", move |_| piece()));
    rig.send(&request("GET", "/piece", &[]));
    rig.connection.drive(&mut rig.buffers, &mut rig.context);
    assert!(rig.taken().ends_with(b"9\r\nall of it\r\n0\r\n\r\n"));
}

/// Has more at once, but never says what.
struct Promises(Bell);

impl Source for Promises {
    fn pull(&mut self, _: &mut Vec<u8>, _: usize) -> Result<Pulled, BodyError> {
        Ok(match self.0.rings() {
            0 => Pulled::More,
            _ => Pulled::Done,
        })
    }
}

/// A client is not slow if there is nothing to read, and the worker serves others meanwhile.
#[test]
fn a_source_that_only_promises_holds_up_nobody() {
    let bell = Bell::default();
    let promised = bell.clone();
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.deadlines.send = Duration::from_millis(50);
        })
        .file("a", "small")
        .at("/promises", move |_| sourced(Promises(promised.clone())))
        .start();
    let mut client = server.connect();
    client.send(&request("GET", "/promises", &[]));
    client.head();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(200) {
        assert_eq!(server.get("/a", &[]).text(), "small");
    }
    bell.ring();
    assert_eq!(client.chunk(), b"");
}

/// Waits for ever, and has a bug in its destructor.
struct Bomb;

impl Source for Bomb {
    fn pull(&mut self, out: &mut Vec<u8>, _: usize) -> Result<Pulled, BodyError> {
        out.push(b'x');
        Ok(Pulled::WaitForWake)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bug that the test brings about");
    }
}

#[test]
fn a_bug_in_a_destructor_costs_one_connection() {
    let mut server = site(&Bell::default())
        .with(|config| config.threads = 1)
        .at("/bomb", |_| sourced(Bomb))
        .start();
    server.expected_panics = 1;
    let mut other = server.connect();
    other.send(&request("GET", "/a", &[]));
    assert_eq!(other.response("GET").text(), "small");
    let mut client = server.connect();
    client.send(&request("GET", "/bomb", &[]));
    client.head();
    client.reset();
    until("it is closed", || {
        server.counters.connections_open.value() == 1
    });
    assert_eq!(server.counters.answers_cut.value(), 1);
    other.send(&request("GET", "/a", &[]));
    assert_eq!(other.response("GET").text(), "small");
}

/// RFC 9110 section 6.4.1: the status decides whether content follows. Otherwise the client would wait
/// for content, or take content for the next response.
#[test]
fn the_length_of_an_answer_fits_its_status() {
    let answer = |status, body: Option<&'static str>| {
        let mut response = Response::new(status, MADE);
        response.body = body.map(|text| Body::of(text.into()));
        Answer::Ready(response)
    };
    let server = site(&Bell::default())
        .at("/nothing", move |_| answer(Status::Ok, None))
        .at("/204", move |_| answer(Status::NoContent, Some("body")))
        .at("/304", move |_| answer(Status::NotModified, Some("body")))
        .start();
    let mut client = server.connect();
    for (target, status, length) in [
        ("/nothing", 200, Some("0")),
        ("/204", 204, None),
        ("/304", 304, None),
    ] {
        client.send(&request("GET", target, &[]));
        let response = client.response("GET");
        assert_eq!(response.status, status);
        assert_eq!(response.field("Content-Length"), length, "{target}");
        client.send(&request("GET", "/a", &[]));
        assert_eq!(client.response("GET").text(), "small");
    }
}
