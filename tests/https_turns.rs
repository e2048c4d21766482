//! What a turn of the worker does for a client over TLS: records without content are read a budget
//! at a time, handshakes wait for those who are served, large files are sent from copies, and what
//! the socket has not taken is not forgotten.
#![cfg(feature = "tls")]
#![allow(
    clippy::disallowed_methods,
    reason = "tests open files and read the clock"
)]

mod support;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use docroot::http1::persistence::CloseReason;
use docroot::net::connection::Turn;
use docroot::observe::closed::{Closed, Why};
use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use rustls::ContentType;
use support::forge::{Forge, tapped};
use support::rig::Rig;
use support::secure_rig::SecureRig;
use support::tls::{Authority, EACH, SecureSite, TLS_1_3, Tls, client_hello, setup};
use support::{Client, Setup, find, journal, noise, request, until};

/// As many empty records as rustls takes in a row.
const EMPTY: usize = 32;

/// Records that hold no content: each kind of them takes back what was counted against the other,
/// so there is no end to them.
fn overhead(forge: &mut Forge, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend(forge.key_update());
        for _ in 0..EMPTY {
            bytes.extend(forge.record(ContentType::ApplicationData, b""));
        }
    }
    bytes
}

/// They are no content, and work like any: the others have their turns in between.
#[test]
fn records_without_content_end_a_turn() {
    let authority = Authority::new("authority");
    let mut caller = authority.caller_with(TLS_1_3, None);
    let secret = tapped(&mut caller);
    let SecureRig { mut rig, session } = SecureRig::of(Rig::new(setup().https(&authority)), caller);
    let mut forge = Forge::of(&session, &secret);
    // Twice what a turn may receive, which the socket holds.
    rig.send(&overhead(&mut forge, 2 * (64 << 10)));
    assert_eq!(
        rig.connection.drive(&mut rig.buffers, &mut rig.context),
        Turn::Again
    );
    assert_eq!(
        rig.connection.drive(&mut rig.buffers, &mut rig.context),
        Turn::Wait
    );
    // The session has lost none of them.
    let asked = request("GET", "/a.txt", &[("Connection", "close")]);
    rig.send(&forge.record(ContentType::ApplicationData, &asked));
    assert_eq!(
        rig.drive(),
        Turn::Closed(Closed::Orderly(Why::LastResponse(CloseReason::Asked)))
    );
}

/// The start of a request without TLS is read in several pieces before there is an exchange.
#[test]
fn a_request_without_tls_begins_with_its_first_byte() {
    let authority = Authority::new("authority");
    let (setup, page) = setup().https(&authority).logging(LogFormat::Json);
    let mut rig = Rig::new(setup);
    let ago = |seconds| Instant::now() - Duration::from_secs(seconds);
    for (piece, at) in [(&b"GE"[..], ago(60)), (b"T / HTTP/1.1\r\n\r\n", ago(0))] {
        rig.context.now.latest = at;
        rig.send(piece);
        assert_eq!(rig.drive(), Turn::Wait);
    }
    rig.lose();
    let took = journal::duration(&page.lines()[0]);
    assert!((60.0..90.0).contains(&took), "{took}");
}

/// How many come at once: their handshakes take many times as long as a worker lets others wait.
const CROWD: usize = 400;

/// A file that is sent in several turns.
const SEVERAL_TURNS: usize = 600 << 10;

/// A crowd says hello, and after it `client` asks for a file: whether it has all of it before all of
/// them have their answers.
fn is_served_before_a_crowd(site: &SecureSite, client: &mut Client<Tls>) -> bool {
    let hello = client_hello(&site.caller);
    let open = &site.server.counters.connections_open;
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| site.server.connect()).collect();
    until("they are in", || open.value() == 1 + CROWD as u64);
    for newcomer in &mut crowd {
        newcomer.send(&hello);
    }
    client.send(&get(&[]));
    assert_eq!(client.response("GET").body.len(), SEVERAL_TURNS);
    let is_first = !crowd.iter_mut().all(Client::has_answer);
    drop(crowd);
    until("they are gone", || open.value() == 1);
    is_first
}

/// The system may let the crowd be served before this client can ask; but where it had to wait for
/// all of them, no try would ever succeed.
#[test]
fn a_crowd_at_the_door_does_not_hold_up_a_download() {
    let setup = setup().file("large.bin", noise(SEVERAL_TURNS));
    let site = SecureSite::start(setup.with(|config| {
        config.threads = 1;
        config.limits.max_connections = 2 * CROWD;
    }));
    let mut client = site.connect();
    client.check_served();
    assert!((0..10).any(|_| is_served_before_a_crowd(&site, &mut client)));
}

const SIZE: usize = 10 << 20;

fn content() -> Vec<u8> {
    noise(SIZE)
}

fn get(fields: &[(&str, &str)]) -> Vec<u8> {
    request("GET", "/large.bin", fields)
}

/// Changes the file in its place, in front of whoever has read but the beginning.
fn change(rig: &Rig) {
    let path = rig.setup.root().join("large.bin");
    let file = File::options().write(true).open(path).expect("it opens");
    file.write_all_at(&[0; 4 << 20], 4 << 20)
        .expect("it writes");
}

#[test]
fn a_copy_is_sent_as_it_was_whatever_happens_to_its_file() {
    let content = content();
    for versions in EACH {
        for (range, first) in [(None, 0), (Some(("Range", "bytes=1000-")), 1000)] {
            let setup = Setup::new().file("large.bin", &content);
            let mut rig = SecureRig::new(setup, versions);
            for _ in 0..2 {
                assert!(rig.response(&get(&[])).body == content);
            }
            rig.ask(&get(range.as_slice()));
            let mut answer = Vec::new();
            rig.read(&mut answer, 1 << 20);
            change(&rig.rig);
            let head = find(&answer, b"\r\n\r\n").expect("a head") + 4;
            rig.read(&mut answer, head + SIZE - first);
            assert!(answer[head..] == content[first..]);
            // The next answer is of the file as it now is.
            let now = rig.response(&get(&[])).body;
            assert!(now[4 << 20..8 << 20].iter().all(|&byte| byte == 0));
        }
    }
}

/// Lets time pass until the server waits no longer.
fn give_up(rig: &mut Rig) -> Closed {
    let window = rig.context.deadlines.send + Duration::from_secs(1);
    // What the socket took before counts for the first window.
    for _ in 0..2 {
        rig.context.now.instant += window;
        if let Turn::Closed(closed) = rig.connection.expire(&mut rig.buffers, &mut rig.context) {
            return closed;
        }
    }
    panic!("it waits for ever");
}

/// Every answer was written, and the last is encrypted and not taken by the socket: who has stayed
/// away is not to think that there was no more.
#[test]
fn records_that_were_not_taken_end_in_a_reset() {
    for versions in EACH {
        let setup = Setup::new().file("a.bin", noise(8 << 10));
        let SecureRig {
            mut rig,
            mut session,
        } = SecureRig::narrow(setup, versions);
        while !rig.connection.transport().has_unsent() {
            let asked = request("GET", "/a.bin", &[]);
            session.writer().write_all(&asked).expect("room");
            let mut record = Vec::new();
            session.write_tls(&mut record).expect("a vector");
            rig.send(&record);
            assert_eq!(rig.drive(), Turn::Wait);
        }
        assert_eq!(give_up(&mut rig), Closed::Cut(End::TooSlow));
        let Rig {
            connection,
            mut client,
            ..
        } = rig;
        drop(connection);
        let error = client.read_to_end(&mut Vec::new());
        let error = error.expect_err("an end as if that were all");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}
