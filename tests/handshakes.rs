//! How sessions begin and end: versions, ALPN, resumption, close_notify.
#![cfg(feature = "tls")]

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use docroot::net::tls::options::TlsVersion;
use docroot::observe::options::{Detail, LogFormat, LogOptions};
use docroot::site::budget::Account;
use rustls::HandshakeKind::{Full, Resumed};
use rustls::ProtocolVersion;
use support::page::Page;
use support::tls::{
    Authority, BOTH, EACH, SHORT, SecureSite, TLS_1_2, TLS_1_3, Tls, client_hello, endless_hello,
    openssl, setup,
};
use support::{Client, Stream, TestServer, noise, request, until};

/// The alert that no protocol is in common (RFC 7301 section 3.2).
const NO_APPLICATION_PROTOCOL: &str = "NoApplicationProtocol";

fn site() -> SecureSite {
    SecureSite::start(setup())
}

#[test]
fn concept_29_both_versions_are_spoken_and_the_newer_is_preferred() {
    let site = site();
    for (versions, want) in [
        (TLS_1_2, ProtocolVersion::TLSv1_2),
        (TLS_1_3, ProtocolVersion::TLSv1_3),
        (BOTH, ProtocolVersion::TLSv1_3),
    ] {
        let mut client = site.connect_in(versions);
        client.check_served();
        assert_eq!(client.stream.conn.protocol_version(), Some(want));
    }
}

#[test]
fn the_oldest_version_is_the_operators_choice() {
    let authority = Authority::new("authority");
    let setup = setup().https(&authority);
    let server = setup.tls(|tls| tls.min = TlsVersion::Tls13).start();
    let old = authority.caller_with(TLS_1_2, None).into();
    let error = server.secure(&old).refusal();
    assert!(error.contains("ProtocolVersion"), "{error}");
    server.secure(&authority.caller()).check_served();
    assert_eq!(server.counters.handshakes_failed.value(), 1);
}

/// RFC 8996: versions before 1.2 are not spoken. What openssl would refuse by itself it is told to
/// try.
/// Tests `net::protocol::handshake::step`.
#[test]
fn older_versions_are_refused() {
    let site = site();
    let address = site.server.address.to_string();
    for version in ["-tls1", "-tls1_1"] {
        let try_it = ["s_client", "-connect", &address, version];
        let anything = ["-cipher", "ALL:@SECLEVEL=0"];
        let output = openssl(&[&try_it[..], &anything].concat(), b"Q\n");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{version}: {said}");
        // rustls looks at the signature schemes first, and an old client has none to its liking.
        let names = ["alert protocol version", "alert handshake failure"];
        assert!(
            names.iter().any(|name| said.contains(name)),
            "{version}: {said}"
        );
    }
    until("they are counted", || {
        site.server.counters.handshakes_failed.value() == 2
    });
}

#[test]
fn the_protocol_is_http_1_1_where_the_client_names_any() {
    let site = site();
    let connect = |protocols: &[&[u8]]| {
        let mut caller = site.authority.caller_with(BOTH, None);
        caller.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        site.server.secure(&caller.into())
    };
    for offered in [&[&b"h2"[..], b"http/1.1"][..], &[b"http/1.1", b"h2"]] {
        let mut client = connect(offered);
        client.check_served();
        assert_eq!(client.stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
    let mut silent = connect(&[]);
    silent.check_served();
    assert_eq!(silent.stream.conn.alpn_protocol(), None);
    let error = connect(&[b"h2"]).refusal();
    assert!(error.contains(NO_APPLICATION_PROTOCOL), "{error}");
}

#[test]
fn concept_31_sessions_are_resumed_by_every_worker() {
    for threads in [1, 2, 4] {
        let site = SecureSite::start(setup().with(|config| config.threads = threads));
        for versions in EACH {
            let caller = Arc::new(site.authority.caller_with(versions, None));
            let mut first = site.server.secure(&caller);
            first.check_served();
            assert_eq!(first.kind(), Full);
            // They stay open, so that the next goes to another worker.
            let mut others = vec![first];
            for _ in 0..12 {
                let mut client = site.server.secure(&caller);
                client.check_served();
                assert_eq!(client.kind(), Resumed, "{threads} workers");
                others.push(client);
            }
        }
    }
}

/// The end comes with close_notify: rustls makes an error of every other.
#[track_caller]
fn check_closing(client: &mut Client<Tls>, why: &str) {
    let end = client.stream.read(&mut [0]);
    assert_eq!(end.expect(why), 0, "{why}");
}

#[test]
fn the_server_says_close_notify() {
    for versions in EACH {
        let site = SecureSite::impatient(|deadlines| deadlines.idle = SHORT);
        let mut client = site.connect_in(versions);
        client.send(&request("GET", "/a.txt", &[("Connection", "close")]));
        assert_eq!(client.response("GET").text(), "here");
        check_closing(&mut client, "after Connection: close");
        let mut client = site.connect_in(versions);
        client.send(b"nonsense\r\n\r\n");
        assert_eq!(client.response("GET").status, 400);
        check_closing(&mut client, "after a refusal");
        let mut client = site.connect_in(versions);
        client.check_served();
        check_closing(&mut client, "after an idle timeout");
        let mut client = site.connect_in(versions);
        client.check_served();
        client.finish();
        check_closing(&mut client, "after the client's own");
    }
}

#[test]
fn the_server_says_close_notify_where_nothing_was_asked() {
    let site = SecureSite::impatient(|deadlines| deadlines.head = SHORT);
    let mut client = site.connect();
    client.shake_hands().expect("a session");
    check_closing(&mut client, "after a session without a request");
    let mut client = site.connect();
    client.send(b"GET /a.txt HTTP/1.1\r\n");
    assert_eq!(client.response("GET").status, 408);
    check_closing(&mut client, "after half a head");
    let mut client = site.connect();
    client.send(b"\r");
    check_closing(&mut client, "after half an empty line");
}

#[test]
fn the_server_says_close_notify_when_it_drains() {
    let mut site = site();
    let mut idle: Vec<Client<Tls>> = (0..4).map(|_| site.connect()).collect();
    idle.iter_mut().for_each(Client::check_served);
    site.server.drain();
    for client in &mut idle {
        check_closing(client, "at a drain");
    }
    site.server.wait();
}

/// One worker and a log.
fn logging(format: LogFormat) -> (SecureSite, Page) {
    let page = Page::default();
    let mut setup = setup().with(|config| {
        config.threads = 1;
        config.log = LogOptions {
            format,
            detail: Detail::Full,
            ..LogOptions::OFF
        };
    });
    setup.sink = Some(Box::new(page.clone()));
    (SecureSite::start(setup), page)
}

/// The reason of the only line of a log. Whoever cuts a connection could be somebody else than the
/// client (RFC 8446 section 6.1): the operator is told which of both it was.
fn reason_of_half_a_request(end: impl FnOnce(&mut Client<Tls>)) -> String {
    let (site, page) = logging(LogFormat::Json);
    let mut client = site.connect();
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: t");
    end(&mut client);
    assert_eq!(client.response("GET").status, 400);
    drop(site);
    let lines = page.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let line: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
    line["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn a_cut_is_told_from_an_end() {
    let reason = reason_of_half_a_request(Client::finish);
    assert_eq!(reason, "the request ended before it was complete");
    let reason = reason_of_half_a_request(|client| {
        let socket = client.stream.socket();
        socket.shutdown(Shutdown::Write).expect("half a close");
    });
    assert_eq!(
        reason,
        "the connection was cut before the request was complete"
    );
}

/// A client that has said close_notify is still answered what it asked for before.
#[test]
fn what_was_asked_before_the_end_is_answered() {
    let site = SecureSite::start(setup().file("large.bin", noise(1 << 20)));
    let mut client = site.connect();
    client.send(&request("GET", "/large.bin", &[]));
    client.send(&request("GET", "/a.txt", &[]));
    client.finish();
    assert_eq!(client.response("GET").body.len(), 1 << 20);
    assert_eq!(client.response("GET").text(), "here");
    assert!(client.is_closed());
}

#[test]
fn one_client_too_many_is_told_in_its_session() {
    let setup = setup().with(|config| config.limits.max_connections = 1);
    let site = SecureSite::start(setup);
    let mut held = site.connect();
    held.check_served();
    for versions in EACH {
        let mut refused = site.connect_in(versions);
        refused.send(&request("GET", "/a.txt", &[]));
        let response = refused.response("GET");
        assert_eq!(response.status, 503);
        assert_eq!(response.field("Retry-After"), Some("2"));
        assert_eq!(response.field("Connection"), Some("close"));
        check_closing(&mut refused, "after 503");
    }
    held.check_served();
}

/// What is broken in a session ends it with an alert.
#[test]
fn a_record_that_was_changed_ends_the_session() {
    let site = site();
    for versions in EACH {
        let mut client = site.connect_in(versions);
        client.check_served();
        let error = answer_to_a_changed_record(&mut client);
        assert!(error.contains("BadRecordMac"), "{error}");
    }
}

/// Asks, and changes a bit of that on the way.
#[track_caller]
fn answer_to_a_changed_record(client: &mut Client<Tls>) -> String {
    client.send_changed(&request("GET", "/a.txt", &[]));
    let answer = client.stream.read(&mut [0]);
    answer.expect_err("no answer").to_string()
}

/// The second line of a log, of which the first tells of a request that was answered.
fn line_of_a_broken_session(format: LogFormat) -> String {
    let (site, page) = logging(format);
    let mut client = site.connect();
    client.check_served();
    answer_to_a_changed_record(&mut client);
    assert_eq!(site.server.counters.handshakes_failed.value(), 0);
    drop(site);
    let mut lines = page.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    lines.remove(1)
}

/// The handshake had succeeded: what came later is told as something else.
#[test]
fn a_session_that_breaks_is_told() {
    let line = line_of_a_broken_session(LogFormat::Json);
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["session_failed"], "cannot decrypt peer's message");
    assert_eq!(line["peer"], "127.0.0.1");
    for (format, want) in [
        (
            LogFormat::Pretty,
            " TLS session failed  cannot decrypt peer's message",
        ),
        (
            LogFormat::Combined,
            "] the TLS session failed: cannot decrypt peer's message",
        ),
    ] {
        let line = line_of_a_broken_session(format);
        assert!(line.contains(want), "{line}");
    }
}

/// Who resets the connection in the middle of a handshake, with an alert before that or without.
#[test]
fn a_handshake_that_is_reset_is_told() {
    let bad_certificate = [21, 3, 3, 0, 2, 2, 42];
    for (last_word, want) in [
        (&[][..], "the client went away"),
        (&bad_certificate, "received fatal alert: BadCertificate"),
    ] {
        let (site, page) = logging(LogFormat::Json);
        let mut client = site.server.connect();
        client.send(&client_hello(&site.caller));
        assert_eq!(client.take(1), [22], "a handshake message");
        client.send(last_word);
        rustix::net::sockopt::set_socket_linger(&client.stream, Some(Duration::ZERO))
            .expect("a reset");
        drop(client);
        until("it is told", || page.lines().len() == 1);
        let line: serde_json::Value = serde_json::from_str(&page.lines()[0]).expect("JSON");
        assert_eq!(line["handshake_failed"], want);
        assert_eq!(site.server.counters.handshakes_failed.value(), 1);
    }
}

/// The server keeps an unfinished message until its rest has come, so the message must not be long.
#[test]
fn a_client_hello_without_an_end_is_told() {
    let (site, page) = logging(LogFormat::Json);
    let mut client = site.server.connect();
    client.send(&endless_hello(17 << 10));
    assert_eq!(client.rest(), b"");
    until("it is told", || page.lines().len() == 1);
    let line: serde_json::Value = serde_json::from_str(&page.lines()[0]).expect("JSON");
    let want = "a handshake message is longer than 16 KiB";
    assert_eq!(line["handshake_failed"], want);
    // A shorter part waits for the rest.
    let mut client = site.server.connect();
    client.send(&endless_hello(15 << 10));
    site.connect().check_served();
    assert!(!client.has_answer());
}

/// Hellos without an end are cut if they hold too much memory. Clients of other networks are served.
#[test]
fn without_memory_unfinished_handshakes_are_cut() {
    const MEMORY: u64 = 2 << 20;
    let site = SecureSite::start(setup().with(|config| {
        config.threads = 1;
        config.site.memory = MEMORY;
        config.site.cache_memory = 0;
    }));
    let hello = client_hello(&site.caller);
    let mut waits = site.server.connect();
    waits.send(&hello[..hello.len() / 2]);
    let flood: Vec<Client> = (0..200)
        .map(|_| {
            let mut client = site.server.connect_from([127, 0, 0, 2]);
            client.send(&endless_hello(15 << 10));
            client
        })
        .collect();
    let failed = &site.server.counters.handshakes_failed;
    until("some are cut", || failed.value() > 0);
    until("there is memory", || {
        site.server.held(Account::Connections) <= MEMORY
    });
    site.connect().check_served();
    waits.send(&hello[hello.len() / 2..]);
    assert_eq!(waits.take(1), [22], "a handshake message");
    assert!(failed.value() < 200, "not all are cut");
    drop(flood);
}

/// RFC 8446 section 4.6.3: a client may ask for new keys at any time, and in the middle of an answer.
#[test]
fn keys_are_renewed_as_often_as_the_client_likes() {
    let site = SecureSite::start(setup().file("large.bin", noise(5 << 20)));
    let mut client = site.connect_in(TLS_1_3);
    for _ in 0..100 {
        client.check_served();
        let connection = &mut client.stream.conn;
        connection.refresh_traffic_keys().expect("a session");
    }
    client.send(&request("GET", "/large.bin", &[]));
    // rustls takes more than these in a row for an attack.
    for _ in 0..30 {
        let connection = &mut client.stream.conn;
        connection.refresh_traffic_keys().expect("a session");
        client.stream.flush().expect("it is sent");
    }
    assert!(client.response("GET").body == noise(5 << 20));
    client.check_served();
}

/// In TLS 1.2 a client can ask to negotiate anew, which nobody needs and which has cost others dear:
/// it is told no, and goes.
#[test]
fn nothing_is_negotiated_twice() {
    let site = site();
    let address = site.server.address.to_string();
    let output = openssl(&["s_client", "-connect", &address, "-tls1_2"], b"R\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no renegotiation"), "{said}");
    site.connect().check_served();
}

#[test]
fn whoever_does_not_read_is_cut() {
    let site = SecureSite::impatient(|deadlines| deadlines.send = SHORT);
    let length = 64 << 20;
    let file = std::fs::File::create(site.server.root.join("large.bin")).expect("a file");
    file.set_len(length).expect("a sparse file");
    let mut client = site.connect();
    client.send(&request("GET", "/large.bin", &[]));
    assert_eq!(client.head().status, 200);
    until("the connection is over", || {
        site.server.counters.connections_open.value() == 0
    });
    let (bytes, error) = client.rest_and_error();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    assert!((bytes.len() as u64) < length);
}

/// Whoever is in the middle of a handshake, or has not begun, has asked for nothing yet.
#[test]
fn draining_waits_for_no_handshake() {
    let mut site = SecureSite::impatient(|deadlines| deadlines.drain = Duration::from_secs(3600));
    let silent = site.server.connect();
    let mut half = site.server.connect();
    half.send(&client_hello(&site.caller));
    assert_eq!(half.take(1), [22], "a handshake message");
    site.server.drain();
    site.server.wait();
    drop(silent);
}

/// The TLS side of a server that has no TLS stays out of the way.
#[test]
fn a_plain_server_takes_no_handshake() {
    let authority = Authority::new("authority");
    let server: TestServer = setup().start();
    let mut client = server.connect();
    client.send(&client_hello(&authority.caller()));
    assert_eq!(client.response("GET").status, 400);
}
