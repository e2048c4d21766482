//! RFC 9112 sections 6, 7 and 9: bodies that must be got rid of, connections that are kept, and
//! how they end.

mod support;

use std::time::Duration;

use support::{Client, Setup, TestServer, request};

/// What a body may hold that is never to be taken for a request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";

fn site() -> TestServer {
    setup().start()
}

fn setup() -> Setup {
    Setup::new()
        .file("a", "first")
        .file("b", "second")
        .file("folder/in", "inside")
        .file("smuggled", "this must never be sent")
}

/// A request head and what follows it.
fn with_body(method: &str, target: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut message = request(method, target, fields);
    message.extend(body.as_bytes());
    message
}

/// The next request on a connection is answered as if nothing had been before it.
#[track_caller]
fn check_next(client: &mut Client, after: &str) {
    client.send(&request("GET", "/b", &[("Connection", "close")]));
    assert_eq!(client.response("GET").text(), "second", "after {after}");
    assert!(client.is_closed(), "after {after}");
}

#[test]
fn concept_9_persistent_connections_and_pipelining() {
    let server = TestServer::of(&[("a", "first"), ("b", "second")]);
    let mut client = server.connect();
    let mut pipeline = request("GET", "/a", &[]);
    pipeline.extend(request("HEAD", "/a", &[]));
    pipeline.extend(request("GET", "/b", &[("Connection", "close")]));
    client.send(&pipeline);
    assert_eq!(client.response("GET").text(), "first");
    assert_eq!(client.response("HEAD").field("Content-Length"), Some("5"));
    let last = client.response("GET");
    assert_eq!(last.text(), "second");
    assert_eq!(last.field("Connection"), Some("close"));
    assert!(client.is_closed());
}

/// `said` is what the answer says of the connection, and `close` ends it.
#[track_caller]
fn check_persistence(
    server: &TestServer,
    version: &str,
    connection: &str,
    said: Option<&str>,
    is_kept: bool,
) {
    let mut client = server.connect();
    let line = match connection {
        "" => String::new(),
        options => format!("Connection: {options}\r\n"),
    };
    client.send(format!("GET /a HTTP/{version}\r\nHost: test\r\n{line}\r\n").as_bytes());
    let response = client.response("GET");
    assert_eq!(response.text(), "first");
    assert_eq!(
        response.field("Connection"),
        said,
        "{version} {connection:?}"
    );
    match is_kept {
        true => check_next(&mut client, connection),
        false => assert!(client.is_closed(), "{version} {connection:?}"),
    }
}

#[test]
fn whether_a_connection_is_kept() {
    let server = site();
    let row = |version, connection, said, is_kept| {
        check_persistence(&server, version, connection, said, is_kept);
    };
    // Section 9.3: HTTP/1.1 persists unless somebody says otherwise.
    row("1.1", "", None, true);
    row("1.1", "keep-alive", None, true);
    row("1.1", "x-unknown", None, true);
    row("1.1", "close", Some("close"), false);
    row("1.1", "Close", Some("close"), false);
    row("1.1", "keep-alive, close", Some("close"), false);
    row("1.1", "x, ,\tclose", Some("close"), false);
    row("1.1", "x\r\nConnection: close", Some("close"), false);
    // HTTP/1.0 only where it was asked for, and the answer says so (RFC 9112 appendix C.2.2).
    row("1.0", "", Some("close"), false);
    row("1.0", "x", Some("close"), false);
    row("1.0", "keep-alive", Some("keep-alive"), true);
    row("1.0", "Keep-Alive", Some("keep-alive"), true);
    row("1.0", "keep-alive, close", Some("close"), false);
}

#[test]
fn errors_that_are_no_fault_of_the_message_keep_the_connection() {
    let server = site();
    let mut client = server.connect();
    for (method, target, status) in [
        ("GET", "/none", 404),
        ("GET", "/%", 400),
        ("POST", "/a", 405),
        ("BREW", "/a", 501),
        ("GET", "/folder", 301),
    ] {
        client.send(&request(method, target, &[]));
        let response = client.response(method);
        assert_eq!(
            (response.status, response.field("Connection")),
            (status, None)
        );
    }
    check_next(&mut client, "errors");
}

#[test]
fn a_thousand_requests_in_one_breath_are_answered_in_order() {
    let server = setup().file("large", vec![b'x'; 300_000]).start();
    let mut client = server.connect();
    let mut pipeline = Vec::new();
    let rows = [
        ("GET", "/a", 200),
        ("HEAD", "/b", 200),
        ("GET", "/none", 404),
        ("GET", "/folder/", 200),
    ];
    for number in 0..1000 {
        let (method, target, _) = rows[number % rows.len()];
        pipeline.extend(request(method, target, &[]));
    }
    // In the middle of them an answer that does not fit into the socket.
    pipeline.extend(request("GET", "/large", &[]));
    pipeline.extend(request("GET", "/b", &[("Connection", "close")]));
    client.send(&pipeline);
    for number in 0..1000 {
        let (method, target, status) = rows[number % rows.len()];
        let response = client.response(method);
        assert_eq!(response.status, status, "{number}: {target}");
        if target == "/a" {
            assert_eq!(response.text(), "first", "{number}");
        }
    }
    assert_eq!(client.response("GET").body.len(), 300_000);
    assert_eq!(client.response("GET").text(), "second");
    assert!(client.is_closed());
}

#[test]
fn requests_may_come_byte_by_byte() {
    let server = site();
    let mut client = server.connect();
    let mut bytes = request("GET", "/a", &[("Content-Length", "3")]);
    bytes.extend(b"xyz");
    bytes.extend(b"\r\n");
    bytes.extend(request("GET", "/a", &[("Transfer-Encoding", "chunked")]));
    bytes.extend(b"2;x=y\r\nab\r\n0\r\nA: b\r\n\r\n");
    bytes.extend(request("HEAD", "/folder/", &[]));
    bytes.extend(request("GET", "/b", &[("Connection", "close")]));
    for byte in bytes {
        client.send(&[byte]);
    }
    assert_eq!(client.response("GET").text(), "first");
    assert_eq!(client.response("GET").text(), "first");
    assert_eq!(client.response("HEAD").status, 200);
    assert_eq!(client.response("GET").text(), "second");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_sends_no_more_is_still_answered() {
    let server = setup().file("large", vec![b'x'; 3_000_000]).start();
    let mut client = server.connect();
    client.send(&request("GET", "/a", &[]));
    client.send(&request("GET", "/large", &[]));
    client.finish();
    assert_eq!(client.response("GET").text(), "first");
    assert_eq!(client.response("GET").body.len(), 3_000_000);
    assert!(client.is_closed());
}

/// Tests `net::protocol::http1::end_of_requests`.
#[test]
fn half_a_request_is_told_what_is_missing() {
    let server = site();
    let half = |bytes: &[u8]| {
        let mut client = server.connect();
        client.send(bytes);
        client.finish();
        let response = client.response("GET");
        assert_eq!(response.status, 400);
        assert_eq!(response.field("Connection"), Some("close"));
        assert!(response.text().contains("before it was complete"));
        assert!(client.is_closed());
    };
    // RFC 9112 section 8.
    half(b"G");
    half(b"GET /a HTTP/1.1\r\n");
    half(b"GET /a HTTP/1.1\r\nHost: test\r\n\r");
    half(b"GET /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nfour");
    half(b"GET /a HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n");
}

#[test]
fn nothing_is_not_half_a_request() {
    let server = site();
    for farewell in ["", "\r\n", "\r\n\r\n"] {
        let mut client = server.connect();
        client.send(farewell.as_bytes());
        client.finish();
        assert!(client.is_closed(), "{farewell:?} alone");
        // Old clients send an empty line behind a body (RFC 9112 section 2.2).
        let mut client = server.connect();
        client.send(&request("GET", "/a", &[]));
        client.send(farewell.as_bytes());
        client.finish();
        assert_eq!(client.response("GET").text(), "first");
        assert!(client.is_closed(), "{farewell:?} behind a request");
    }
}

#[test]
fn concept_8_where_a_message_ends() {
    let server = site();
    let mut client = server.connect();
    // Section 6.3 rule 1: HEAD, 204 and 304 have no body, whatever their fields say; if one came,
    // the next answer would not begin where it is looked for.
    client.send(&request("HEAD", "/a", &[]));
    assert_eq!(client.response("HEAD").field("Content-Length"), Some("5"));
    client.send(&request("HEAD", "/none", &[]));
    assert_eq!(client.response("HEAD").status, 404);
    client.send(&request("OPTIONS", "/a", &[]));
    assert_eq!(client.response("OPTIONS").status, 204);
    client.send(&request("GET", "/a", &[("If-None-Match", "*")]));
    assert_eq!(client.response("GET").status, 304);
    // Rules 4 and 6: a body that means nothing is drained, in either framing.
    client.send(&with_body(
        "GET",
        "/a",
        &[("Content-Length", "38")],
        SMUGGLED,
    ));
    assert_eq!(client.response("GET").text(), "first");
    let chunks = format!("26\r\n{SMUGGLED}\r\n0\r\n\r\n");
    client.send(&with_body(
        "GET",
        "/a",
        &[("Transfer-Encoding", "chunked")],
        &chunks,
    ));
    assert_eq!(client.response("GET").text(), "first");
    // Rule 7: without either there is none.
    check_next(&mut client, "bodies");
}

/// The fields make the end of the message doubtful: one answer, 400, and the close.
#[track_caller]
fn check_doubtful(server: &TestServer, lines: &str) {
    let mut client = server.connect();
    let head = format!("POST /a HTTP/1.1\r\nHost: test\r\n{lines}\r\n");
    client.send(head.as_bytes());
    client.send(format!("0\r\n\r\n{SMUGGLED}").as_bytes());
    let response = client.response("POST");
    assert_eq!(response.status, 400, "{lines:?}");
    assert_eq!(response.field("Connection"), Some("close"), "{lines:?}");
    assert!(client.is_closed(), "{lines:?}");
}

/// Tests `net::protocol::http1::fail`.
#[test]
fn a_length_in_doubt_ends_the_connection() {
    let server = site();
    for lines in [
        // Rule 3.
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        // Rule 4.
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked;a=b\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding:\r\n",
        // Rule 5.
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 0\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 0\r\n",
        "Content-Length: five\r\n",
        "Content-Length: 18446744073709551616\r\n",
    ] {
        check_doubtful(&server, lines);
    }
    // Section 6.1: a recipient of that age would not see the body.
    let old = "GET /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let mut client = server.connect();
    client.send(old.as_bytes());
    assert_eq!(client.response("GET").status, 400);
    assert!(client.is_closed());
}

#[test]
fn a_body_is_drained_up_to_a_limit_and_never_taken_for_a_request() {
    let server = setup().with(|config| config.limits.max_body = 1000).start();
    for target in ["/a", "/none", "/folder/", "/folder", "/%"] {
        for method in ["GET", "POST", "BREW"] {
            let fits = SMUGGLED.repeat(1000 / SMUGGLED.len());
            let length = fits.len().to_string();
            let mut client = server.connect();
            client.send(&with_body(
                method,
                target,
                &[("Content-Length", &length)],
                &fits,
            ));
            assert_eq!(client.response(method).field("Connection"), None);
            check_next(&mut client, &format!("{method} {target}"));

            let long = SMUGGLED.repeat(100);
            let length = long.len().to_string();
            check_given_up(&server, method, target, ("Content-Length", &length), &long);
            let chunk = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
            check_given_up(
                &server,
                method,
                target,
                ("Transfer-Encoding", "chunked"),
                &chunk,
            );
            // The frame of a body counts as well: this one has hardly any content.
            let frame = format!("1;{}\r\nx\r\n", "y".repeat(200)).repeat(10) + "0\r\n\r\n";
            check_given_up(
                &server,
                method,
                target,
                ("Transfer-Encoding", "chunked"),
                &frame,
            );
        }
    }
}

/// The body is too long to be drained: one answer, and the close.
#[track_caller]
fn check_given_up(
    server: &TestServer,
    method: &str,
    target: &str,
    field: (&str, &str),
    body: &str,
) {
    let mut client = server.connect();
    client.send(&with_body(method, target, &[field], body));
    client.send(SMUGGLED.as_bytes());
    let response = client.response(method);
    assert_ne!(response.text(), "this must never be sent");
    assert_eq!(
        response.field("Connection"),
        Some("close"),
        "{method} {target} {field:?}"
    );
    let more = client.rest();
    assert!(
        more.is_empty(),
        "{method} {target} {field:?}: {}",
        String::from_utf8_lossy(&more)
    );
}

#[test]
fn concept_28_chunked_request_bodies_are_read_to_their_end() {
    let server = site();
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        "00005\r\nhello\r\n000\r\n\r\n",
        "A\r\n0123456789\r\n0\r\n\r\n",
        "a\r\n0\r\n\r\n01234\r\n0\r\n\r\n", // content that looks like an end
        "5;name=value\r\nhello\r\n0;last\r\n\r\n",
        "5;name=\"quoted; value\"\r\nhello\r\n0\r\n\r\n",
        "5\t ; name\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nTrailer: value\r\n\r\n",
        "0\r\nContent-Length: 1000\r\nConnection: close\r\nHost: evil\r\n\r\n", // means nothing there
    ] {
        let mut client = server.connect();
        let fields = [("Transfer-Encoding", "Chunked"), ("TE", "trailers")];
        client.send(&with_body("GET", "/a", &fields, body));
        assert_eq!(client.response("GET").text(), "first", "{body:?}");
        check_next(&mut client, body);
    }
}

#[test]
fn chunked_bodies_that_are_none() {
    let server = site();
    for (body, status) in [
        ("\r\n", 400),
        ("hello\r\n", 400),
        ("-5\r\nhello\r\n0\r\n\r\n", 400),
        ("+5\r\nhello\r\n0\r\n\r\n", 400),
        ("0x5\r\nhello\r\n0\r\n\r\n", 400),
        (" 5\r\nhello\r\n0\r\n\r\n", 400),
        ("5 \r\nhello\r\n0\r\n\r\n", 400),
        ("5_0\r\nhello\r\n0\r\n\r\n", 400),
        ("5\nhello\r\n0\r\n\r\n", 400),
        ("5\rhello\r\n0\r\n\r\n", 400),
        ("5\r\nhello0\r\n\r\n", 400), // longer than its size
        ("5\r\nhello\n0\r\n\r\n", 400),
        ("5\r\nhello\r0\r\n\r\n", 400),
        ("4\r\nhello\r\n0\r\n\r\n", 400),
        ("6\r\nhello\r\n0\r\n\r\n", 400), // the size runs into the next line
        ("5;a\0b\r\nhello\r\n0\r\n\r\n", 400),
        ("5;a\nb\r\nhello\r\n0\r\n\r\n", 400), // a line end that only one of two parsers sees
        ("10000000000000000\r\nhello\r\n0\r\n\r\n", 400), // wraps around to 0
        ("FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", 400),
        ("0\r\n\n", 400),
        ("0\r\nno field\r\n\r\n", 400),
        ("0\r\nName : value\r\n\r\n", 400),
        ("0\r\n folded\r\n\r\n", 400),
        ("0\r\nName: a\0b\r\n\r\n", 400),
    ] {
        check_broken_chunks(&server, body, status);
    }
    check_broken_chunks(&server, &format!("5;{}\r\n", "x".repeat(300)), 400);
    let trailers = "Name: value\r\n".repeat(500);
    check_broken_chunks(&server, &format!("0\r\n{trailers}\r\n"), 431);
}

#[track_caller]
fn check_broken_chunks(server: &TestServer, body: &str, status: u16) {
    let mut client = server.connect();
    let fields = [("Transfer-Encoding", "chunked")];
    client.send(&with_body("GET", "/a", &fields, body));
    client.send(SMUGGLED.as_bytes());
    let response = client.response("GET");
    assert_eq!(response.status, status, "{body:?}");
    assert_eq!(response.field("Connection"), Some("close"), "{body:?}");
    assert!(client.is_closed(), "{body:?}");
}

/// Tests `net::protocol::dispatch::dispatch`.
#[test]
fn concept_17_continue_is_said_only_to_a_body_that_will_be_read() {
    let server = site();
    for expectation in ["100-continue", "100-Continue", "100-continue, 100-continue"] {
        let mut client = server.connect();
        client.send(&request(
            "GET",
            "/a",
            &[("Expect", expectation), ("Content-Length", "38")],
        ));
        // Nothing of the body is sent before the interim answer has come.
        let interim = client.next_response("GET");
        assert_eq!((interim.status, interim.phrase.as_str()), (100, "Continue"));
        assert!(interim.fields.is_empty());
        client.send(SMUGGLED.as_bytes());
        assert_eq!(client.next_response("GET").text(), "first");
        check_next(&mut client, expectation);
    }
    let mut client = server.connect();
    let fields = [("Expect", "100-continue"), ("Transfer-Encoding", "chunked")];
    client.send(&request("GET", "/a", &fields));
    assert_eq!(client.next_response("GET").status, 100);
    client.send(b"5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(client.next_response("GET").text(), "first");
    check_next(&mut client, "chunks");
}

#[test]
fn continue_is_not_said_where_nothing_will_be_read() {
    let server = setup().with(|config| config.limits.max_body = 1000).start();
    let expect = ("Expect", "100-continue");
    let final_status = |method: &str, fields: &[(&str, &str)]| {
        let mut client = server.connect();
        client.send(&request(method, "/a", fields));
        let response = client.next_response(method);
        (
            response.status,
            client,
            response.field("Connection").is_some(),
        )
    };
    // There is no body, so the connection goes on at once.
    for fields in [&[expect][..], &[expect, ("Content-Length", "0")][..]] {
        let (status, mut client, closes) = final_status("GET", fields);
        assert_eq!((status, closes), (200, false), "{fields:?}");
        check_next(&mut client, "no body");
    }
    // It is refused, and whether the body comes all the same nobody knows: the connection ends.
    let body = ("Content-Length", "5");
    for (method, fields, want) in [
        ("POST", [expect, body], 405),
        ("BREW", [expect, body], 501),
        ("POST", [expect, ("Transfer-Encoding", "chunked")], 405),
        ("GET", [expect, ("Content-Length", "1001")], 200),
        ("GET", [("Expect", "200-ok"), body], 417),
        ("GET", [("Expect", "100-continue, x"), body], 417),
        ("GET", [("Expect", "100-continue=yes"), body], 417),
        ("GET", [expect, ("Content-Length", "x")], 400),
    ] {
        let (status, mut client, closes) = final_status(method, &fields);
        assert_eq!((status, closes), (want, true), "{method} {fields:?}");
        client.send(SMUGGLED.as_bytes());
        assert!(client.is_closed(), "{method} {fields:?}");
    }
}

#[test]
fn an_expectation_of_http_1_0_is_ignored() {
    let server = site();
    let mut client = server.connect();
    client.send(b"GET /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.next_response("GET").text(), "first"); // RFC 9110 section 10.1.1
    assert!(client.is_closed());
}

#[test]
fn concept_18_a_client_turned_away_is_told_when_to_come_back() {
    let server = setup()
        .with(|config| config.limits.max_connections = 1)
        .start();
    let mut first = server.connect();
    first.send(&request("GET", "/a", &[]));
    assert_eq!(first.response("GET").text(), "first");
    // At the limit, before a byte was read.
    let mut second = server.connect();
    check_turned_away(&mut second, "at the limit");
    // Nobody who is there already is disturbed, and the place is free again after him.
    check_next(&mut first, "a client turned away");
    drop(first);
    while server.counters.connections_open.value() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(server.get("/a", &[]).text(), "first");
}

#[track_caller]
fn check_turned_away(client: &mut Client, when: &str) {
    let response = client.response("GET");
    assert_eq!(response.status, 503, "{when}");
    assert_eq!(response.field("Connection"), Some("close"), "{when}");
    let after = response.field("Retry-After").expect("when to come back");
    assert!(
        after.parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{after:?}"
    );
    client.finish();
    assert!(client.is_closed(), "{when}");
}

#[test]
fn while_draining_answers_are_finished_and_new_clients_turned_away() {
    const LARGE: usize = 64 << 20;
    // With one worker: another with nothing to do leaves at once, and who comes in that moment is
    // closed without a word.
    let mut server = setup().with(|config| config.threads = 1).start();
    let large = std::fs::File::create(server.root.join("large")).expect("a file");
    large.set_len(LARGE as u64).expect("a sparse file");
    // This answer is far from finished when the draining begins, because nobody reads it.
    let mut slow = server.connect();
    slow.send(&request("GET", "/large", &[]));
    let mut idle = server.connect();
    idle.send(&request("GET", "/a", &[]));
    assert_eq!(idle.response("GET").text(), "first");
    server.drain();
    assert!(idle.is_closed(), "an idle connection outlives the draining");
    check_turned_away(&mut server.connect(), "while draining");
    check_turned_away(&mut server.connect(), "while draining, again");
    let response = slow.response("GET");
    assert_eq!(response.body.len(), LARGE);
    assert!(slow.is_closed());
    server.wait();
}

#[test]
fn a_request_that_is_not_finished_in_time_is_told_so() {
    let server = setup()
        .with(|config| {
            config.deadlines.head = Duration::from_millis(500);
            config.deadlines.body = Duration::from_millis(500);
        })
        .start();
    let slow = |bytes: &[u8]| {
        let mut client = server.connect();
        client.send(bytes);
        let response = client.response("GET");
        assert_eq!(response.status, 408);
        assert_eq!(response.field("Connection"), Some("close"));
        assert!(client.is_closed());
    };
    slow(b"GET /a HTTP/1.1\r\nHost:");
    slow(b"GET /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nfour");
}
