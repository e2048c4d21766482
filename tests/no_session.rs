//! What comes to a TLS port and makes no session: plain text, garbage, half a handshake, silence.
#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::tls::{SHORT, SecureSite, client_hello, setup};
use support::{Client, noise, request, until};

fn site() -> SecureSite {
    SecureSite::start(setup())
}

/// The answer to plain text, which is in plain text.
#[track_caller]
fn check_plain_text(site: &SecureSite, sent: &[u8], has_body: bool) {
    let mut client = site.server.connect();
    client.send(sent);
    check_told(client, sent, has_body);
}

#[track_caller]
fn check_told(mut client: Client, sent: &[u8], has_body: bool) {
    let answer = client.rest();
    let end = support::find(&answer, b"\r\n\r\n").expect("a head") + 4;
    let response = support::Response::parse(&answer[..end]);
    let sent = String::from_utf8_lossy(sent);
    assert_eq!(response.status, 400, "{sent}");
    let kind = response.field("Content-Type").expect("a type");
    assert!(kind.starts_with("text/plain"), "{kind}");
    assert_eq!(response.field("Connection"), Some("close"));
    assert_eq!(response.field("Cache-Control"), Some("no-cache"));
    assert_eq!(response.field("Strict-Transport-Security"), None);
    let resource_policy = response.field("Cross-Origin-Resource-Policy");
    assert_eq!(resource_policy, Some("same-origin"));
    let page = &answer[end..];
    let says_it = page.starts_with(b"This port speaks HTTPS");
    assert_eq!((says_it, !page.is_empty()), (has_body, has_body), "{sent}");
}

/// Tests `net::protocol::handshake::refuse_plain_text`.
#[test]
fn plain_text_is_told_where_it_has_come_to() {
    let site = SecureSite::start_with(setup(), |tls| tls.hsts = Some(1));
    check_plain_text(&site, &request("GET", "/a.txt", &[]), true);
    check_plain_text(&site, &request("HEAD", "/a.txt", &[]), false);
    check_plain_text(&site, b"\r\nGET / HTTP/1.1\r\n\r\n", true);
    check_plain_text(&site, b"\r\nHEAD / HTTP/1.1\r\n\r\n", false);
    check_plain_text(&site, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true);
    // Nobody has tried to speak TLS.
    assert_eq!(site.server.counters.handshakes_failed.value(), 0);
}

/// Whether there is a body to be sent is not known before the method is.
#[test]
fn the_method_of_plain_text_is_waited_for() {
    let site = SecureSite::impatient(|deadlines| deadlines.handshake = SHORT);
    let mut slow = site.server.connect();
    for byte in b"HEAD " {
        slow.send(&[*byte]);
    }
    check_told(slow, b"HEAD in pieces", false);
    // No longer than for a handshake, and not from who will send no more.
    check_plain_text(&site, b"HEA", true);
    let mut ended = site.server.connect();
    ended.send(b"HEA");
    ended.finish();
    check_told(ended, b"HEA and an end", true);
    check_plain_text(&site, &[b'A'; 100], true);
}

/// What is neither TLS nor text: the connection ends, one session has failed, and the next client
/// is served.
#[track_caller]
fn check_garbage(site: &SecureSite, sent: &[u8]) {
    let failed = site.server.counters.handshakes_failed.value();
    let mut client = site.server.connect();
    client.send(sent);
    client.finish();
    let answer = client.rest();
    // At most an alert, fatal (RFC 8446 section 6).
    assert!(
        matches!(answer[..], [] | [21, 3, _, 0, 2, 2, _]),
        "{answer:?}"
    );
    until("it is counted", || {
        site.server.counters.handshakes_failed.value() == failed + 1
    });
}

#[test]
fn garbage_ends_the_connection() {
    let site = site();
    for first in [0_u8, 1, 9, 20, 21, 22, 23, 24, 31, 127, 128, 255] {
        check_garbage(&site, &[first]);
        check_garbage(&site, &[&[first][..], &noise(500)].concat());
        check_garbage(&site, &[first, 3, 1, 0, 4, 1, 0, 0, 0]);
        check_garbage(&site, &[first; 5000]);
    }
    // A handshake message that is said to be longer than any.
    let fragment = [&[22, 3, 1, 0x40, 0][..], &[1, 255, 255, 255], &[0; 0x3ffc]].concat();
    check_garbage(&site, &fragment.repeat(4));
    site.connect().check_served();
}

#[test]
fn a_hello_cut_at_every_byte_ends_the_connection() {
    let site = site();
    let hello = client_hello(&site.caller);
    for length in 1..hello.len() {
        check_garbage(&site, &hello[..length]);
    }
    // The whole of it is answered; then the client goes away.
    let mut client = site.server.connect();
    client.send(&hello);
    client.finish();
    assert_eq!(client.rest()[0], 22, "a handshake message");
    site.connect().check_served();
}

/// A byte of the hello changed: there is an alert, or a session that the client would not accept.
#[test]
fn a_hello_with_any_byte_changed_harms_nobody() {
    let site = site();
    let hello = client_hello(&site.caller);
    for at in 0..hello.len() {
        let mut changed = hello.clone();
        changed[at] ^= 0xff;
        let mut client = site.server.connect();
        client.send(&changed);
        client.finish();
        client.rest();
    }
    site.connect().check_served();
}

#[test]
fn half_a_handshake_ends_at_its_deadline() {
    let site = SecureSite::impatient(|deadlines| deadlines.handshake = SHORT);
    let hello = client_hello(&site.caller);
    let counters = &site.server.counters;
    for (sent, failed) in [(0, 0), (1, 1), (hello.len() / 2, 2), (hello.len(), 3)] {
        let mut client = site.server.connect();
        client.send(&hello[..sent]);
        client.rest();
        until("it is over", || counters.connections_open.value() == 0);
        assert_eq!(counters.handshakes_failed.value(), failed, "{sent} bytes");
    }
}

/// However many bytes come, one after another: the deadline counts from the first moment.
#[test]
fn a_trickle_does_not_prolong_a_handshake() {
    let site = SecureSite::impatient(|deadlines| deadlines.handshake = SHORT);
    let mut client = site.server.connect();
    let begin = Instant::now();
    let pace = Some(Duration::from_millis(20));
    client.stream.set_read_timeout(pace).expect("a timeout");
    let hello = client_hello(&site.caller);
    let mut bytes = hello.iter().cycle();
    // The wait for an answer is the pause between two bytes.
    loop {
        client.send(&[*bytes.next().expect("a cycle")]);
        match client.stream.read(&mut [0; 64]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
        assert!(begin.elapsed() < support::PATIENCE, "it goes on for ever");
    }
    assert_eq!(site.server.counters.handshakes_failed.value(), 1);
}

/// Whoever says nothing costs a slot and holds nobody up.
#[test]
fn a_thousand_silent_connections() {
    let site = SecureSite::start(setup().with(|config| config.limits.max_connections = 2000));
    let silent: Vec<TcpStream> = (0..1000)
        .map(|_| TcpStream::connect(site.server.address).expect("it accepts"))
        .collect();
    until("they are in", || {
        site.server.counters.connections_open.value() == 1000
    });
    for _ in 0..20 {
        site.connect().check_served();
    }
    drop(silent);
    until("they are gone", || {
        site.server.counters.connections_open.value() == 0
    });
    assert_eq!(site.server.counters.handshakes_failed.value(), 0);
}
