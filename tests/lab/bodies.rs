//! Bodies that come in pieces, late, slowly or not to their end.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::support::{Client, until};
use super::{LAB, body, get, lab, raw, raw_old, setup, support};

/// Everything that comes back for a request whose connection closes.
/// Tests `guide::lab::chunked::may_have_trailers`.
#[test]
fn chunks_have_their_sizes_extensions_and_trailers() {
    let server = lab();
    let target = "chunked?sizes=3,12&delay=0&extension=part&value=a+b&trailers=1";
    let content = "aa\nbbbbbbbbbbb\n";
    let digest = {
        use base64::Engine;
        let engine = base64::engine::general_purpose::STANDARD;
        engine.encode(Sha256::digest(content.as_bytes()))
    };
    let whole = raw(&server, target, "TE: trailers\r\n");
    let want = format!(
        "3;part=\"a b\"\r\naa\n\r\nc;part=\"a b\"\r\nbbbbbbbbbbb\n\r\n0\r\nContent-Digest: sha-256=:{digest}:\r\n\r\n"
    );
    assert_eq!(body(&whole), want);
    assert!(whole.contains("\r\nTrailer: Content-Digest\r\n"), "{whole}");
    // RFC 9110 section 6.5.1: other clients might drop them.
    let whole = raw(&server, target, "TE: gzip;q=0.5\r\n");
    assert!(
        whole.ends_with("\r\n0\r\n\r\n") && !whole.contains("Trailer"),
        "{whole}"
    );
    let whole = raw(&server, "chunked?sizes=1,1&delay=0", "TE: trailers\r\n");
    assert_eq!(body(&whole), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    // HTTP/1.0 has no chunks, and so no trailer section.
    let whole = raw_old(target, "TE: trailers\r\n");
    assert_eq!(body(&whole), content);
    assert!(!whole.contains("Trailer"), "{whole}");
    let head = server.request("HEAD", &format!("{LAB}chunked"), &[]);
    assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
}

#[test]
fn pieces_come_at_their_times_and_hold_up_nobody() {
    let server = setup().with(|config| config.threads = 1).start();
    let start = |query: &str| {
        let mut client = server.connect();
        let target = format!("{LAB}chunked?{query}");
        client.send(&support::request("GET", &target, &[]));
        client.head();
        client
    };
    // The only worker answers others between two pieces. If it waited for the second one, each answer would take
    // longer than this.
    let gap = Duration::from_secs(10);
    let began = Instant::now();
    let mut slower = start("sizes=1,1&delay=10000");
    assert_eq!(slower.chunk(), b"a");
    for _ in 0..20 {
        assert_eq!(get(&server, "tls").status, 200);
    }
    assert!(began.elapsed() < gap, "the worker waited");
    drop(slower);

    let began = Instant::now();
    let mut slow = start("sizes=1,1,1&delay=400");
    assert_eq!(slow.chunk(), b"a");
    assert_eq!(slow.chunk(), b"b");
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!(slow.chunk(), b"c");
    assert!(began.elapsed() >= Duration::from_millis(800));
    assert_eq!(slow.chunk(), b"");
    // The connection stays open.
    slow.send(&support::request("GET", &format!("{LAB}tls"), &[]));
    assert_eq!(slow.response("GET").status, 200);
}

#[test]
fn a_body_has_its_rate_and_a_head_its_wait() {
    let server = lab();
    for (length, name, value) in [
        ("known", "Content-Length", "500"),
        ("chunked", "Transfer-Encoding", "chunked"),
    ] {
        let began = Instant::now();
        let mut client = server.connect();
        let target = format!("{LAB}slow?bytes=500&rate=1000&wait=300&length={length}");
        client.send(&support::request("GET", &target, &[]));
        let head = client.head();
        assert!(
            began.elapsed() >= Duration::from_millis(300),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(head.field(name), Some(value));
        let mut count = 0;
        while count < 500 {
            count += match length {
                "known" => client.take(50).len(),
                _ => client.chunk().len(),
            };
        }
        assert_eq!(count, 500);
        // The last piece comes when its time is over.
        assert!(
            began.elapsed() >= Duration::from_millis(800),
            "{:?}",
            began.elapsed()
        );
    }
    assert_eq!(get(&server, "slow?bytes=0&wait=0").body.len(), 0);
    assert_eq!(
        get(&server, "slow?bytes=25000&rate=500000&wait=0")
            .body
            .len(),
        25000
    );
}

/// Tests `guide::lab::ends::answer`.
#[test]
fn responses_end_as_they_are_asked_to() {
    let server = lab();
    assert_eq!(get(&server, "ends?how=right").body.len(), 1000);
    for (how, length) in [
        ("short", "Content-Length: 1000"),
        ("unfinished", "Transfer-Encoding: chunked"),
    ] {
        let whole = raw(&server, &format!("ends?how={how}"), "");
        assert!(whole.contains(length), "{whole}");
        let received = body(&whole).matches('a').count();
        assert_eq!(received, 499, "{how}");
        assert!(
            !whole.contains("\r\n0\r\n") && !whole.contains('b'.to_string().repeat(9).as_str()),
            "{how}"
        );
    }
    // RFC 9112 section 6.3: without chunks, the end of the connection is the end of the content.
    let whole = raw_old("ends?how=unfinished", "");
    assert!(whole.starts_with("HTTP/1.1 400 "), "{whole}");
    assert!(body(&whole).contains("HTTP/1.0 has no chunks"), "{whole}");
    let whole = raw_old("ends?how=short", "");
    assert!(whole.contains("Content-Length: 1000"), "{whole}");
    assert_eq!(body(&whole).len(), 500);
    let mut client = server.connect();
    client.send(&support::request(
        "GET",
        &format!("{LAB}ends?how=reset"),
        &[],
    ));
    assert_eq!(client.head().field("Content-Length"), Some("1000"));
    assert_eq!(client.take(500).len(), 500);
    let fault = client.stream.read(&mut [0]).expect_err("a reset");
    assert_eq!(fault.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn the_slow_responses_of_a_worker_are_limited() {
    let server = setup().with(|config| config.threads = 1).start();
    let target = format!("{LAB}chunked?sizes=1,1&delay=10000");
    let start = |address: u8| {
        let mut client = server.connect_from([127, 0, 0, address]);
        client.send(&support::request("GET", &target, &[]));
        client
    };
    let mut clients: Vec<Client> = Vec::new();
    // Half of them may be of one address.
    for address in [1, 2] {
        for _ in 0..32 {
            clients.push(start(address));
            let client = clients.last_mut().expect("a client");
            assert_eq!(client.head().status, 200);
        }
        let refused = start(address).response("GET");
        let retry = refused.field("Retry-After");
        assert_eq!((refused.status, retry), (503, Some("5")), "{address}");
    }
    assert_eq!(start(3).head().status, 503);
    // What takes no time is answered as before.
    assert_eq!(get(&server, "status/200").status, 200);
    // A client that leaves makes room.
    clients.pop().expect("a client").reset();
    until("there is room", || start(3).head().status == 200);
}

/// The wait and the body of a response share a place.
#[test]
fn slow_responses_that_wait_take_one_place_each() {
    let server = setup().with(|config| config.threads = 1).start();
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..32 {
        let mut client = server.connect();
        let target = format!("{LAB}slow?bytes=1000&rate=100&wait=1");
        client.send(&support::request("GET", &target, &[]));
        assert_eq!(client.head().status, 200, "{}", clients.len());
        clients.push(client);
    }
    assert_eq!(get(&server, "slow?bytes=1&wait=0").status, 503);
}

#[test]
fn a_wait_ends_at_shutdown() {
    let mut server = lab();
    let mut client = server.connect();
    client.send(&support::request(
        "GET",
        &format!("{LAB}hints?wait=10000"),
        &[],
    ));
    assert_eq!(client.next_response("GET").status, 103);
    let began = Instant::now();
    server.drain();
    assert_eq!(client.next_response("GET").status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "it waited");
    server.wait();
}
