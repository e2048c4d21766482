//! How exchanges end in a session of TLS: what breaks the session is told beside them, and nothing
//! that was cut looks complete.
#![cfg(feature = "tls")]

mod support;

use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use docroot::origin::handler::{Conversed, Next, Polled};
use support::handlers::{Bell, Part, Script, later, sourced, upgraded};
use support::journal::{FORMATS, Wanted};
use support::page::Page;
use support::tls::{EACH, SecureSite, Tls, setup};
use support::{Client, Setup, request, until};

/// One worker, so that it acts on its clients in their order; `/parts` says a thousand bytes and,
/// once the bell has rung, `rest`; `/echo` says everything again.
fn site(bell: &Bell, rest: Part) -> Setup {
    let bell = bell.clone();
    setup()
        .with(|config| config.threads = 1)
        .at("/parts", move |request| {
            bell.wakes(request);
            let begin = Part::Bytes(vec![b'x'; 1000]);
            sourced(Script::of([begin, Part::Bell(bell.clone()), rest.clone()]))
        })
        .at("/echo", |_| {
            upgraded("echo", |_, received, out| {
                out.extend_from_slice(received);
                let (consumed, next) = (received.len(), Next::Receive);
                Conversed { consumed, next }
            })
        })
}

/// Ends the server and gives its lines.
fn lines(site: SecureSite, page: &Page) -> Vec<String> {
    drop(site);
    page.lines()
}

/// A client that has read the first part.
fn begun(site: &SecureSite) -> Client<Tls> {
    let mut client = site.connect();
    client.send(&request("GET", "/parts", &[]));
    client.head();
    assert_eq!(client.chunk().len(), 1000);
    client
}

fn thousand(end: End) -> Wanted<'static> {
    Wanted::complete("/parts", 200, 1000).but(end)
}

#[test]
fn parts_leave_as_they_come() {
    for versions in EACH {
        let bell = Bell::default();
        let site = SecureSite::start(site(&bell, Part::Bytes(b"rest".to_vec())));
        let mut client = site.connect_in(versions);
        client.send(&request("GET", "/parts", &[]));
        client.head();
        assert_eq!(client.chunk().len(), 1000);
        bell.ring();
        assert_eq!(client.chunk(), b"rest");
        assert_eq!(client.chunk(), b"");
    }
}

#[test]
fn half_a_head_in_a_session_that_breaks() {
    for format in FORMATS {
        let (setup, page) = site(&Bell::default(), Part::Fault).logging(format);
        let site = SecureSite::start(setup);
        let mut client = site.connect();
        client.send(b"GET /half HTTP/1.1\r\nHo");
        site.connect().check_served();
        client.send_changed(b"st: test\r\n\r\n");
        until("it is told", || {
            site.server.counters.requests_unanswered.value() == 1
        });
        let lines = lines(site, &page);
        assert_eq!(lines.len(), 3, "{lines:#?}");
        Wanted::complete("/a.txt", 200, 4).check(format, &lines[0]);
        assert!(lines[1].contains("cannot decrypt peer's message"));
        let half = Wanted::complete("/half", 0, 0).unanswered(End::SessionBroken);
        half.check(format, &lines[2]);
    }
}

/// Neither close_notify nor the last chunk says that this was all.
#[test]
fn an_answer_that_breaks_does_not_look_complete() {
    for (rest, end, panics) in [(Part::Fault, End::DiskFault, 0), (Part::Bug, End::Bug, 1)] {
        let bell = Bell::default();
        let (setup, page) = site(&bell, rest).logging(LogFormat::Json);
        let mut site = SecureSite::start(setup);
        site.server.expected_panics = panics;
        let mut client = begun(&site);
        bell.ring();
        let (bytes, _) = client.rest_and_error();
        assert_eq!(bytes, b"");
        // The only worker serves the next client.
        site.connect().check_served();
        let lines = lines(site, &page);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        thousand(end).check(LogFormat::Json, &lines[0]);
    }
}

#[test]
fn a_client_that_goes_away() {
    let (setup, page) = site(&Bell::default(), Part::Fault).logging(LogFormat::Json);
    let site = SecureSite::start(setup);
    begun(&site).reset();
    until("it is noticed", || {
        site.server.counters.connections_open.value() == 0
    });
    let lines = lines(site, &page);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    thousand(End::ClientGone).check(LogFormat::Json, &lines[0]);
}

/// It has ended its side, so the server asks whether it reads.
#[test]
fn a_client_that_closes_while_its_answer_waits() {
    for versions in EACH {
        let polled = Bell::default();
        let polls = polled.clone();
        let setup = site(&Bell::default(), Part::Fault).at("/never", move |_| {
            let polls = polls.clone();
            later(move |_, _| {
                polls.ring();
                Polled::WaitForWake
            })
        });
        let site = SecureSite::start(setup);
        let mut client = site.connect_in(versions);
        // It has read what the handshake sends, or its socket would reset.
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").status, 200);
        client.send(&request("GET", "/never", &[]));
        until("it is polled", || polled.rings() > 0);
        drop(client);
        until("it is noticed", || {
            site.server.counters.connections_open.value() == 0
        });
    }
}

#[test]
fn a_session_that_breaks_in_a_conversation_is_told() {
    let (setup, page) = site(&Bell::default(), Part::Fault).logging(LogFormat::Json);
    let site = SecureSite::start(setup);
    let mut client = site.connect();
    client.send(&request("GET", "/echo", &[]));
    assert_eq!(client.next_response("GET").status, 101);
    client.send(b"hello");
    assert_eq!(client.take(5), b"hello");
    client.send_changed(b"hello");
    let (bytes, error) = client.rest_and_error();
    assert_eq!(bytes, b"");
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
    let lines = lines(site, &page);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    Wanted::complete("/echo", 101, 0).check(LogFormat::Json, &lines[0]);
    assert!(lines[1].contains("session_failed"), "{lines:#?}");
}
