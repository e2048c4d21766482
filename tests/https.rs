//! Requests and answers over TLS: what holds in plain text holds in a session, and what is sent is
//! whole however it is cut into records.
#![cfg(feature = "tls")]

mod support;

use std::io::{Read, Write};

use docroot::semantics::status::Status;
use support::tls::{BOTH, EACH, SecureSite, TLS_1_2, TLS_1_3, Tls, setup};
use support::{Client, Setup, Stream, noise, request, until};

#[test]
fn the_cookie_of_a_language_is_for_https_alone() {
    let setup = setup().file("page.de.html", "<p>de");
    let site = SecureSite::start(setup.with(|config| config.site.negotiate = true));
    let mut client = site.connect_in(BOTH);
    client.send(&request("GET", "/page.html?lang=de", &[]));
    let chosen = client.response("GET");
    let cookie = "docroot-lang=de; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure";
    assert_eq!(
        (&*chosen.text(), chosen.field("Set-Cookie")),
        ("<p>de", Some(cookie))
    );
}

/// Where a byte too many or too few would show: around the most that a record holds (RFC 8446
/// section 5.1), that is encrypted at a time, and that is read at a time; and so far below them that
/// the head makes up the rest.
fn sizes() -> Vec<usize> {
    let edges = [16 << 10, 32 << 10, 64 << 10, 256 << 10];
    let around = edges.iter().flat_map(|edge| edge - 2..=edge + 2);
    let below = edges
        .iter()
        .flat_map(|edge| (edge - 400..*edge).step_by(40));
    [0, 1, 2].into_iter().chain(around).chain(below).collect()
}

fn site() -> SecureSite {
    SecureSite::start(setup().file("b.txt", "there"))
}

#[track_caller]
fn check_equal(got: &[u8], want: &[u8], of: &str) {
    assert_eq!(got.len(), want.len(), "{of}");
    let parting = got.iter().zip(want).position(|(got, want)| got != want);
    assert_eq!(parting, None, "{of}: the first byte that differs");
}

#[test]
fn get_and_head() {
    let site = site();
    for versions in [TLS_1_2, TLS_1_3, BOTH] {
        let mut client = site.connect_in(versions);
        client.send(&request("GET", "/a.txt", &[]));
        let response = client.response("GET");
        assert_eq!((response.status, &*response.text()), (200, "here"));
        client.send(&request("HEAD", "/a.txt", &[]));
        let head = client.response("HEAD");
        for field in ["ETag", "Content-Type", "Content-Length"] {
            assert_eq!(head.field(field), response.field(field));
        }
        client.send(&request("GET", "/missing", &[("Connection", "close")]));
        assert_eq!(client.response("GET").status, 404);
        assert!(client.is_closed());
    }
}

/// RFC 9110 section 7.4: in plain text there is no such target.
#[test]
fn a_target_of_https_is_served_in_a_session_only() {
    let asked = b"GET hTTpS://test:8443/a.txt HTTP/1.1\r\nHost: test\r\n\r\n";
    let site = site();
    let mut client = site.connect();
    client.send(asked);
    assert_eq!(client.response("GET").text(), "here");
    let plain = setup().start();
    let mut client = plain.connect();
    client.send(asked);
    assert_eq!(client.response("GET").status, 421);
}

#[test]
fn conditions_and_ranges() {
    let content = noise(100_000);
    let site = SecureSite::start(Setup::new().file("a.bin", &content));
    let whole = site.get("/a.bin", &[]);
    let tag = whole.field("ETag").expect("a tag").to_owned();
    check_equal(&whole.body, &content, "the whole");
    assert_eq!(site.get("/a.bin", &[("If-None-Match", &tag)]).status, 304);
    assert_eq!(site.get("/a.bin", &[("If-Match", "\"x\"")]).status, 412);
    let part = site.get("/a.bin", &[("Range", "bytes=16000-80000")]);
    assert_eq!(part.status, 206);
    check_equal(&part.body, &content[16_000..=80_000], "a part");
    let several = site.get("/a.bin", &[("Range", "bytes=0-9,90000-")]);
    assert_eq!(several.status, 206);
    for want in [&content[..10], &content[90_000..]] {
        assert!(support::find(&several.body, want).is_some());
    }
    let beyond = site.get("/a.bin", &[("Range", "bytes=100000-")]);
    assert_eq!(beyond.status, Status::RangeNotSatisfiable.code());
}

/// Small content is coded whole, large content piece by piece.
#[test]
fn coded_content() {
    for length in [20_000, 3 << 20] {
        let content = noise(length);
        let site = SecureSite::start(Setup::new().file("a.txt", &content));
        let response = site.get("/a.txt", &[("Accept-Encoding", "gzip")]);
        assert_eq!(response.field("Content-Encoding"), Some("gzip"));
        let mut decoded = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&response.body[..]);
        decoder.read_to_end(&mut decoded).expect("gzip");
        check_equal(&decoded, &content, "decoded");
    }
}

#[test]
fn files_of_every_size_arrive_whole() {
    let sizes = sizes();
    let files = sizes.iter().map(|&size| (size.to_string(), noise(size)));
    let setup = files.fold(Setup::new(), |setup, (name, content)| {
        setup.file(&name, content)
    });
    let site = SecureSite::start(setup);
    for versions in EACH {
        // One connection, so that what is left of one answer would be found before the next.
        let mut client = site.connect_in(versions);
        for &size in &sizes {
            client.send(&request("GET", &format!("/{size}"), &[]));
            let response = client.response("GET");
            check_equal(&response.body, &noise(size), &format!("{size}"));
        }
    }
}

#[test]
fn a_large_file_arrives_byte_for_byte() {
    let content = noise(10 << 20);
    let site = SecureSite::start(Setup::new().file("large.bin", &content));
    for versions in EACH {
        let mut client = site.connect_in(versions);
        client.send(&request("GET", "/large.bin", &[]));
        check_equal(&client.response("GET").body, &content, "a fast reader");
        client.send(&request("GET", "/large.bin", &[("Connection", "close")]));
        check_equal(&client.response("GET").body, &content, "the next answer");
        assert!(client.is_closed());
    }
}

/// The server's socket is full most of the time, and takes what it takes in the middle of records.
#[test]
fn a_slow_reader_gets_every_byte() {
    let content = noise(6 << 20);
    let site = SecureSite::start(Setup::new().file("large.bin", &content));
    let mut client = site.connect();
    rustix::net::sockopt::set_socket_recv_buffer_size(client.stream.socket(), 32 * 1024)
        .expect("a small buffer");
    client.send(&request("GET", "/large.bin", &[]));
    assert_eq!(client.head().status, 200);
    let mut got = Vec::new();
    while got.len() < content.len() {
        let count = (content.len() - got.len()).min(100_000);
        got.extend(client.take(count));
        // Whoever reads leaves the others their turn.
        std::thread::yield_now();
    }
    check_equal(&got, &content, "a slow reader");
    client.send(&request("HEAD", "/large.bin", &[]));
    assert_eq!(client.response("HEAD").status, 200);
}

#[test]
fn sixteen_requests_in_one_write() {
    let files = setup().file("b.txt", "there");
    let site = SecureSite::start(files.file("large.bin", noise(300_000)));
    for versions in EACH {
        let mut client = site.connect_in(versions);
        let targets = ["/a.txt", "/large.bin", "/b.txt", "/missing"];
        let requests: Vec<u8> = (0..16)
            .flat_map(|number| request("GET", targets[number % 4], &[]))
            .collect();
        client.send(&requests);
        for number in 0..16 {
            let response = client.response("GET");
            match number % 4 {
                0 => assert_eq!(response.text(), "here"),
                1 => check_equal(&response.body, &noise(300_000), "in a pipeline"),
                2 => assert_eq!(response.text(), "there"),
                _ => assert_eq!(response.status, 404),
            }
        }
    }
}

/// More than a worker reads at a time, in records as large as they can be.
#[test]
fn a_long_pipeline() {
    let site = site();
    let mut client = site.connect();
    let requests = request("GET", "/a.txt", &[("X-Padding", &"x".repeat(7000))]).repeat(60);
    let mut sender = client.stream.socket().try_clone().expect("a socket");
    client.shake_hands().expect("a session");
    let mut records = Vec::new();
    for piece in requests.chunks(30_000) {
        let connection = &mut client.stream.conn;
        connection.writer().write_all(piece).expect("it takes that");
        while connection.wants_write() {
            connection.write_tls(&mut records).expect("a vector");
        }
    }
    let sending = std::thread::spawn(move || sender.write_all(&records).expect("it reads"));
    for _ in 0..60 {
        assert_eq!(client.response("GET").text(), "here");
    }
    sending.join().expect("everything was sent");
}

#[test]
fn a_request_in_records_of_a_byte() {
    let site = site();
    for versions in EACH {
        let mut client = site.connect_in(versions);
        for byte in request("GET", "/a.txt", &[]) {
            client.send(&[byte]);
        }
        assert_eq!(client.response("GET").text(), "here");
    }
}

/// Handshake and request, a byte a segment: what has come is never a whole record at first.
#[test]
fn records_in_segments_of_a_byte() {
    let site = site();
    for versions in EACH {
        let mut client = site.connect_in(versions);
        dribble(&mut client);
        while client.stream.conn.is_handshaking() {
            let Tls { conn, sock } = &mut client.stream;
            conn.read_tls(sock).expect("an answer");
            conn.process_new_packets().expect("a handshake");
            dribble(&mut client);
        }
        let request = request("GET", "/a.txt", &[]);
        client
            .stream
            .conn
            .writer()
            .write_all(&request)
            .expect("it takes that");
        dribble(&mut client);
        assert_eq!(client.response("GET").text(), "here");
    }
}

/// Sends what the session has to say, every byte by itself.
fn dribble(client: &mut Client<Tls>) {
    let Tls { conn, sock } = &mut client.stream;
    let mut bytes = Vec::new();
    while conn.wants_write() {
        conn.write_tls(&mut bytes).expect("a vector");
    }
    for byte in bytes {
        sock.write_all(&[byte]).expect("it reads");
    }
}

#[test]
fn bodies_are_read_and_thrown_away() {
    let site = site();
    let mut client = site.connect();
    let fields = [("Transfer-Encoding", "chunked")];
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 40_000, "x".repeat(40_000));
    client.send(&[request("GET", "/a.txt", &fields), body.into_bytes()].concat());
    assert_eq!(client.response("GET").text(), "here");
    let fields = [("Content-Length", "5"), ("Expect", "100-continue")];
    client.send(&request("GET", "/b.txt", &fields));
    assert_eq!(client.next_response("GET").status, 100);
    client.send(b"12345");
    assert_eq!(client.response("GET").text(), "there");
    client.send(&request("POST", "/a.txt", &[("Content-Length", "0")]));
    assert_eq!(client.response("POST").status, 405);
    client.check_served();
}

/// A file that ends early cannot be told from one that was cut unless the connection is reset: not
/// even close_notify is said.
#[test]
fn a_file_that_shrinks_resets_the_connection() {
    let site = SecureSite::start(Setup::new());
    let length = 64 << 20;
    let file = std::fs::File::create(site.server.root.join("shrinks.bin")).expect("a file");
    file.set_len(length).expect("a sparse file");
    let mut client = site.connect();
    client.send(&request("GET", "/shrinks.bin", &[]));
    assert_eq!(client.head().status, 200);
    file.set_len(1).expect("it shrinks");
    let (bytes, error) = client.rest_and_error();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    assert!((bytes.len() as u64) < length);
    until("it is counted", || {
        site.server.counters.answers_cut.value() == 1
    });
}

/// What there is of HTTP over TLS alone: clients are told to come back over it (RFC 6797).
#[test]
fn every_answer_says_hsts_where_it_is_asked_for() {
    const FIELD: &str = "Strict-Transport-Security";
    let site = SecureSite::start_with(setup(), |tls| tls.hsts = Some(3600));
    let mut client = site.connect();
    let mut check = |method: &str, target: &str, fields: &[(&str, &str)], status: u16| {
        client.send(&request(method, target, fields));
        let response = client.response(method);
        assert_eq!(response.status, status, "{method} {target}");
        assert_eq!(response.field(FIELD), Some("max-age=3600"), "{status}");
        response
    };
    let tag = check("GET", "/a.txt", &[], 200);
    let tag = tag.field("ETag").expect("a tag");
    check("HEAD", "/a.txt", &[], 200);
    check("GET", "/", &[], 200);
    check("GET", "/a.txt", &[("If-None-Match", tag)], 304);
    check("GET", "/a.txt", &[("Range", "bytes=0-1")], 206);
    check("GET", "/a.txt", &[("Range", "bytes=9-")], 416);
    check("GET", "/missing", &[], 404);
    check("POST", "/a.txt", &[("Content-Length", "0")], 405);
    check("OPTIONS", "*", &[], 204);
    check("BREW", "/a.txt", &[], 501);
    // The connection ends with the last.
    check("GET", "/a.txt", &[("Host", "another")], 400);
    let plain = site.server.get("/a.txt", &[]);
    assert_eq!((plain.status, plain.field(FIELD)), (400, None));
}

#[test]
fn hsts_is_not_said_unasked() {
    let response = site().get("/a.txt", &[]);
    assert_eq!(response.field("Strict-Transport-Security"), None);
}
