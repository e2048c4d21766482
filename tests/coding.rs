//! RFC 9110 sections 8.4 and 12.5.3: content codings, and RFC 9112 section 7: the chunks in which
//! a content of unknown length travels.

mod support;

use std::io::{Read, Write};

use docroot::site::budget::Account;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use support::{Response, Setup, TestServer, request};

/// Text that gains from a coding; the larger ones are coded while they are sent.
fn text(length: usize) -> String {
    let lines = (0..).map(|number| format!("line {number} of many, {}\n", number * 7919 % 1000));
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() > length {
            break;
        }
        text += &line;
    }
    let rest = length - text.len();
    text + &"x".repeat(rest)
}

const SMALL: usize = 20_000;
const LARGE: usize = 600_000;

fn setup() -> Setup {
    Setup::new()
        .file("small.txt", text(SMALL))
        .file("large.txt", text(LARGE))
        .file("tiny.txt", text(1023))
        .file("least.txt", text(1024))
        .file("picture.png", text(SMALL))
        .file("archive.gz", text(SMALL))
        .file("unknown.bin", text(SMALL))
        .file("folder/in", "inside")
}

fn site() -> TestServer {
    setup().start()
}

/// What the client has after undoing the coding; nothing may be left behind it.
#[track_caller]
fn decoded(response: &Response) -> Vec<u8> {
    let mut content = Vec::new();
    let left = match response.field("Content-Encoding") {
        None => {
            content.clone_from(&response.body);
            0
        }
        Some("gzip") => {
            let mut decoder = GzDecoder::new(response.body.as_slice());
            decoder.read_to_end(&mut content).expect("gzip");
            decoder.into_inner().len()
        }
        Some("deflate") => {
            // RFC 9110 section 8.4.1.2: the zlib format, and not a bare deflate stream.
            let mut decoder = ZlibDecoder::new(response.body.as_slice());
            decoder.read_to_end(&mut content).expect("zlib");
            decoder.into_inner().len()
        }
        Some(other) => panic!("{other} was never offered"),
    };
    assert_eq!(left, 0, "bytes behind the end of the coded content");
    content
}

/// The answer to GET for a client that accepts `encodings`, with the coding it came in.
#[track_caller]
fn check(server: &TestServer, target: &str, encodings: &str, coding: Option<&str>) -> Response {
    let response = server.get(target, &[("Accept-Encoding", encodings)]);
    assert_eq!(response.status, 200, "{encodings:?}");
    assert_eq!(
        response.field("Content-Encoding"),
        coding,
        "{target} {encodings:?}"
    );
    let want = std::fs::read(server.root.join(&target[1..])).expect("a file");
    assert!(
        decoded(&response) == want,
        "{target} {encodings:?}: other bytes"
    );
    response
}

#[test]
fn concept_14_codings_by_their_weights() {
    let server = site();
    let row = |encodings, coding| {
        check(&server, "/small.txt", encodings, coding);
    };
    let (gzip, deflate) = (Some("gzip"), Some("deflate"));
    row("gzip", gzip);
    row("GZip", gzip); // section 8.4.1: without case
    row("x-gzip", gzip); // section 8.4.1.3
    row("deflate", deflate);
    row("gzip, deflate, br, zstd", gzip); // what browsers send
    row("deflate, gzip", gzip); // of equals the server's choice
    row("br, deflate", deflate);
    row("*", gzip);
    row("gzip;q=0, *", deflate);
    row("gzip;q=0.5, deflate", deflate);
    row("gzip;q=0.5, deflate;q=0.501", deflate); // section 12.4.2: three digits
    row("gzip;q=0.001", gzip);
    row("gzip ; q=1.000", gzip);
    row("gzip;Q=1", gzip);
    row("gzip, identity", gzip);
    row("gzip, identity;q=0", gzip);
    row("gzip;q=0.1, *;q=0", gzip);
    row("identity;q=0.5, gzip;q=0.6", gzip);
    // The bare file.
    row("", None);
    row("identity", None);
    row("br", None);
    row("br, zstd", None);
    row("gzip;q=0", None);
    row("gzip;q=0.000, deflate;q=0", None);
    row("identity, *;q=0", None);
    row("identity;q=0.5, gzip;q=0.4", None);
    row("gzip;q=0, x-gzip;q=0", None);
    // What is malformed accepts nothing.
    row("gzip;q=2", None);
    row("gzip;q=0.0001", None);
    row("gzip;q=a", None);
    row("gzip;level=9", None);
    row("gzipped", None);
    let absent = server.get("/small.txt", &[]);
    assert_eq!(
        (absent.field("Content-Encoding"), absent.body.len()),
        (None, SMALL)
    );
    let lines = [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")];
    let two = server.get("/small.txt", &lines);
    assert_eq!(two.field("Content-Encoding"), gzip); // section 5.3: one list
}

#[test]
fn identity_may_be_refused() {
    let server = site();
    for encodings in [
        "identity;q=0",
        "*;q=0",
        "br, *;q=0",
        "identity;q=0, gzip;q=0",
    ] {
        let response = server.get("/small.txt", &[("Accept-Encoding", encodings)]);
        assert_eq!(response.status, 406, "{encodings}");
        assert_eq!(
            response.field("Vary"),
            Some("Accept-Encoding"),
            "{encodings}"
        );
        assert!(response.text().contains("<title>406 "));
        let advice = "Allow identity, gzip or deflate in Accept-Encoding.";
        assert!(response.text().contains(advice));
    }
    // Who leaves no other way is sent a coding even where it gains nothing.
    for target in ["/tiny.txt", "/picture.png"] {
        check(&server, target, "gzip, identity;q=0", Some("gzip"));
        check(&server, target, "deflate, *;q=0", Some("deflate"));
    }
}

/// Tests `site::file::new`.
#[test]
fn what_gains_nothing_is_left_alone() {
    let server = site();
    for target in ["/tiny.txt", "/picture.png", "/archive.gz", "/unknown.bin"] {
        check(&server, target, "gzip, deflate", None);
    }
    let least = check(&server, "/least.txt", "gzip, deflate", Some("gzip"));
    assert!(least.body.len() < 1024);
    let small = check(&server, "/small.txt", "gzip", Some("gzip"));
    assert!(small.body.len() < SMALL / 2);
}

#[test]
fn a_server_told_not_to_code_does_not() {
    let server = setup().with(|config| config.site.compress = false).start();
    let response = check(&server, "/small.txt", "gzip, deflate", None);
    // Whether the answer is this one or 406 depends on the field all the same.
    assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
    check(&server, "/large.txt", "gzip", None);
    let refused = server.get("/small.txt", &[("Accept-Encoding", "gzip, identity;q=0")]);
    assert_eq!(refused.status, 406);
}

#[test]
fn vary_stands_wherever_the_coding_could_have_differed() {
    let server = site();
    for target in ["/small.txt", "/large.txt", "/tiny.txt", "/picture.png"] {
        let tag = server
            .get(target, &[])
            .field("ETag")
            .expect("a tag")
            .to_owned();
        for fields in [
            &[][..],
            &[("Accept-Encoding", "gzip")],
            &[("Accept-Encoding", "")],
            &[("If-None-Match", tag.as_str())],
            &[("If-None-Match", "*"), ("Accept-Encoding", "gzip")],
            &[("If-Match", "\"other\"")],
            &[("Range", "bytes=0-0")],
            &[("Range", "bytes=0-0,5-5")],
            &[("Range", "bytes=99999999-")],
            &[("Accept-Encoding", "*;q=0")],
        ] {
            let response = server.get(target, fields);
            assert_eq!(
                response.field("Vary"),
                Some("Accept-Encoding"),
                "{target} {fields:?}"
            );
        }
    }
    let listing = server.get("/folder/", &[]);
    assert_eq!(listing.field("Vary"), Some("Accept, Accept-Encoding"));
}

#[test]
fn each_coding_has_an_entity_tag_of_its_own() {
    let server = site();
    for target in ["/small.txt", "/large.txt", "/folder/"] {
        let ask = |encodings: &str, tag: &str| {
            let fields = [("Accept-Encoding", encodings), ("If-None-Match", tag)];
            server.get(target, &fields)
        };
        let codings = ["identity", "gzip", "deflate"];
        let tags = codings.map(|coding| {
            ask(coding, "\"none\"")
                .field("ETag")
                .expect("a tag")
                .to_owned()
        });
        let [identity, gzip, deflate] = &tags;
        assert!(
            identity != gzip && identity != deflate && gzip != deflate,
            "{tags:?}"
        );
        for (coding, own) in codings.iter().zip(&tags) {
            assert!(own.starts_with('"'), "{own} is weak");
            for tag in &tags {
                // Section 8.8.3.3: a tag stands for the bytes of one coding.
                let response = ask(coding, tag);
                let want = if tag == own { 304 } else { 200 };
                assert_eq!(response.status, want, "{target} {coding} {tag}");
                assert_eq!(
                    response.field("ETag"),
                    Some(own.as_str()),
                    "{target} {coding}"
                );
            }
        }
    }
}

#[test]
fn a_strong_entity_tag_means_the_same_bytes() {
    // Some workers have coded the content already, others code it while it is sent.
    let server = setup().with(|config| config.threads = 3).start();
    for coding in ["gzip", "deflate"] {
        let first = check(&server, "/large.txt", coding, Some(coding));
        let mut clients: Vec<_> = (0..6).map(|_| server.connect()).collect();
        for client in &mut clients {
            for _ in 0..2 {
                client.send(&request(
                    "GET",
                    "/large.txt",
                    &[("Accept-Encoding", coding)],
                ));
                let response = client.response("GET");
                assert_eq!(response.field("ETag"), first.field("ETag"));
                assert!(
                    response.body == first.body,
                    "{coding}: one tag, two contents"
                );
            }
        }
    }
}

/// Tests `net::protocol::reply::sends_content`.
#[test]
fn concept_5_head_gives_the_fields_of_get() {
    let server = site();
    let gzip = ("Accept-Encoding", "gzip, deflate");
    for target in [
        "/small.txt",
        "/large.txt",
        "/tiny.txt",
        "/picture.png",
        "/folder/",
        "/folder",
        "/none",
        "/%",
        "/folder/?format=json",
        "/folder/?sort=size",
    ] {
        for fields in [
            &[][..],
            &[gzip],
            &[("Accept-Encoding", "deflate")],
            &[("Accept-Encoding", "*;q=0")],
            &[gzip, ("If-None-Match", "*")],
            &[gzip, ("If-Match", "\"other\"")],
            &[("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT")],
            &[("Connection", "close")],
        ] {
            check_head(&server, target, fields);
        }
    }
}

/// HEAD first, so that nothing that GET has left in a cache helps it.
#[track_caller]
fn check_head(server: &TestServer, target: &str, fields: &[(&str, &str)]) {
    let ask = |method: &str| {
        let mut client = server.connect();
        client.send(&request(method, target, fields));
        let response = client.response(method);
        // What follows the head of an answer to HEAD is the next answer.
        if response.field("Connection").is_none() {
            client.send(&request("HEAD", "/tiny.txt", &[("Connection", "close")]));
            assert_eq!(
                client.response("HEAD").field("Content-Length"),
                Some("1023")
            );
        }
        assert!(client.is_closed(), "{method} {target} {fields:?}");
        response
    };
    let (head, get) = (ask("HEAD"), ask("GET"));
    assert_eq!(
        (head.status, &head.phrase),
        (get.status, &get.phrase),
        "{target} {fields:?}"
    );
    assert!(head.body.is_empty());
    let without_date = |response: &Response| {
        let mut fields = response.fields.clone();
        fields.retain(|(name, _)| name != "Date");
        fields
    };
    let (mut head, mut get) = (without_date(&head), without_date(&get));
    // Nothing is coded for HEAD, so the length of coded content may be unknown. Section 9.3.2 allows to
    // leave out what is known only once the content is made.
    if get.iter().any(|(name, _)| name == "Content-Encoding") {
        let is_framing = |name: &str| ["Content-Length", "Transfer-Encoding"].contains(&name);
        get.retain(|(name, _)| !is_framing(name));
        head.retain(|(name, _)| !is_framing(name));
    }
    assert_eq!(head, get, "{target} {fields:?}");
}

#[test]
fn concept_28_a_content_of_unknown_length_travels_in_chunks() {
    let server = setup().with(|config| config.threads = 1).start();
    let mut client = server.connect();
    let coded = request(
        "GET",
        "/large.txt",
        &[("Accept-Encoding", "gzip"), ("TE", "trailers")],
    );
    client.send(&coded);
    let first = client.response("GET");
    assert_eq!(first.field("Transfer-Encoding"), Some("chunked"));
    assert_eq!(first.field("Content-Length"), None); // RFC 9112 section 6.2
    assert!(decoded(&first) == text(LARGE).as_bytes());
    // The next answer begins right behind the last chunk.
    client.send(&coded);
    let second = client.response("GET");
    assert!(second.body == first.body);
}

#[test]
fn http_1_0_is_never_sent_chunks() {
    let server = setup().with(|config| config.threads = 1).start();
    let ask = |target: &str, encodings: &str| {
        let mut client = server.connect();
        let lines = format!("Accept-Encoding: {encodings}\r\nConnection: keep-alive\r\n");
        client.send(format!("GET {target} HTTP/1.0\r\n{lines}\r\n").as_bytes());
        let response = client.response("GET");
        assert_eq!(
            response.field("Transfer-Encoding"),
            None,
            "{target} {encodings}"
        );
        (response, client)
    };
    // A small content has a length in every coding.
    let (small, _) = ask("/small.txt", "gzip");
    assert_eq!(small.field("Content-Encoding"), Some("gzip"));
    assert_eq!(small.field("Connection"), Some("keep-alive"));
    // A large one has none beforehand, and the bare file keeps the connection.
    let (large, _) = ask("/large.txt", "gzip");
    assert_eq!(large.field("Content-Encoding"), None);
    assert_eq!(large.field("Content-Length"), Some("600000"));
    // Where identity is refused the end of the connection is the end of the content.
    let (refused, mut client) = ask("/large.txt", "gzip, identity;q=0");
    assert_eq!(refused.field("Content-Encoding"), Some("gzip"));
    assert_eq!(refused.field("Content-Length"), None);
    assert_eq!(refused.field("Connection"), Some("close"));
    assert!(decoded(&refused) == text(LARGE).as_bytes());
    assert!(client.is_closed());
}

#[test]
fn a_range_is_never_cut_from_a_coded_content() {
    let server = site();
    for (target, length) in [("/small.txt", SMALL), ("/large.txt", LARGE)] {
        let gzip = ("Accept-Encoding", "gzip");
        let coded = server.get(target, &[gzip]);
        assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
        // The client resumes in the bytes of the file, whatever it accepts.
        let part = server.get(target, &[gzip, ("Range", "bytes=100-199")]);
        assert_eq!(
            (part.status, part.field("Content-Encoding")),
            (206, None),
            "{target}"
        );
        let told = format!("bytes 100-199/{length}");
        assert_eq!(part.field("Content-Range"), Some(told.as_str()));
        assert_eq!(part.body, &text(length).as_bytes()[100..200]);
        assert_ne!(part.field("ETag"), coded.field("ETag"));
        // Who has a part of the coded content gets no bytes that do not belong to it.
        let tag = coded.field("ETag").expect("a tag");
        let resumed = server.get(target, &[gzip, ("Range", "bytes=100-"), ("If-Range", tag)]);
        assert_eq!(resumed.status, 200, "{target}");
        assert!(decoded(&resumed) == text(length).as_bytes());
        // Who refuses the bare file gets all of the coded one.
        let only = ("Accept-Encoding", "gzip, identity;q=0");
        let whole = server.get(target, &[only, ("Range", "bytes=100-199")]);
        assert_eq!(
            (whole.status, whole.field("Content-Encoding")),
            (200, Some("gzip")),
            "{target}"
        );
        assert!(decoded(&whole) == text(length).as_bytes());
    }
}

#[test]
fn pages_of_the_servers_own_are_coded_too() {
    let server = site();
    let plain = server.get("/folder/", &[]);
    assert_eq!(plain.field("Content-Encoding"), None);
    for coding in ["gzip", "deflate"] {
        let coded = server.get("/folder/", &[("Accept-Encoding", coding)]);
        assert_eq!(coded.field("Content-Encoding"), Some(coding));
        assert!(decoded(&coded) == plain.body);
    }
}

#[test]
fn a_changed_file_is_never_sent_from_an_old_coding() {
    let server = setup().with(|config| config.threads = 1).start();
    for target in ["/small.txt", "/large.txt"] {
        let before = check(&server, target, "gzip", Some("gzip"));
        let content = text(SMALL).to_uppercase();
        server.write(&target[1..], &content);
        let after = check(&server, target, "gzip", Some("gzip"));
        assert_ne!(before.field("ETag"), after.field("ETag"));
        assert!(decoded(&after) == content.as_bytes());
    }
}

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// An image from an `img` element has no other sign of its coding than Content-Encoding.
#[test]
fn a_file_that_is_stored_in_gzip_is_sent_as_it_is_stored() {
    // The stored bytes of the large one do not fit into the cache.
    let large: String = text(LARGE) + &String::from_utf8(support::noise(LARGE)).expect("ASCII");
    for content in [text(SMALL), large] {
        let stored = gzip(&content);
        let setup = Setup::new().file("a.svgz", &stored);
        let server = setup.with(|config| config.threads = 1).start();
        let ask = |fields: &[(&str, &str)]| server.get("/a.svgz", fields);
        let browser = ("Accept-Encoding", "gzip, deflate, br, zstd");
        let mut tags = Vec::new();
        for fields in [&[][..], &[browser], &[("Accept-Encoding", "*")]] {
            let response = ask(fields);
            assert_eq!(response.field("Content-Type"), Some("image/svg+xml"));
            assert_eq!(response.field("Content-Encoding"), Some("gzip"));
            assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
            let length = stored.len().to_string();
            assert_eq!(response.field("Content-Length"), Some(&*length));
            assert!(response.body == stored, "{fields:?}");
            let head = server.request("HEAD", "/a.svgz", fields);
            assert_eq!(head.field("Content-Length"), Some(&*length));
            tags.push(response.field("ETag").expect("a tag").to_owned());
        }
        let part = ask(&[browser, ("Range", "bytes=10-19")]);
        assert_eq!(
            (part.status, part.field("Content-Encoding")),
            (206, Some("gzip"))
        );
        assert_eq!(part.body, stored[10..20]);
        assert_eq!(part.field("ETag"), Some(&*tags[0]));
        // Whoever refuses gzip gets the content decoded, in a representation of its own.
        for refusal in [
            "identity",
            "gzip;q=0",
            "deflate",
            "",
            "gzip;q=0.5, identity",
        ] {
            let fields = [("Accept-Encoding", refusal)];
            let response = ask(&fields);
            assert_eq!(response.status, 200, "{refusal}");
            assert_eq!(response.field("Content-Encoding"), None, "{refusal}");
            assert_eq!(response.field("Content-Type"), Some("image/svg+xml"));
            assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
            assert!(response.body == content.as_bytes(), "{refusal}");
            let tag = response.field("ETag").expect("a tag");
            assert!(tag != tags[0] && tags[0] == tags[1], "{tag} {tags:?}");
            let same = ask(&[fields[0], ("If-None-Match", tag)]);
            assert_eq!(same.status, 304);
            let ranged = ask(&[fields[0], ("Range", "bytes=10-19")]);
            assert!(ranged.status == 200 && ranged.body == content.as_bytes());
            check_head_of_decoded(&server, &fields);
        }
        let refused = ask(&[("Accept-Encoding", "deflate, identity;q=0")]);
        assert_eq!(refused.status, 406);
        let mut old = server.connect();
        old.send(b"GET /a.svgz HTTP/1.0\r\nAccept-Encoding: identity\r\n\r\n");
        let response = old.response("GET");
        assert_eq!(response.field("Transfer-Encoding"), None);
        assert!(response.body == content.as_bytes());
    }
}

#[track_caller]
fn check_head_of_decoded(server: &TestServer, fields: &[(&str, &str)]) {
    // Section 9.3.2 allows to leave out what is known only once the content is made.
    let others = |mut response: Response| {
        let is_other = |name: &str| !["Date", "Transfer-Encoding"].contains(&name);
        response.fields.retain(|(name, _)| is_other(name));
        response.fields
    };
    let head = others(server.request("HEAD", "/a.svgz", fields));
    assert_eq!(head, others(server.get("/a.svgz", fields)));
}

#[test]
fn an_image_that_is_not_stored_in_gzip_is_an_ordinary_file() {
    let server = Setup::new().file("a.svgz", text(SMALL)).start();
    check(&server, "/a.svgz", "identity", None);
    let coded = check(&server, "/a.svgz", "gzip", Some("gzip"));
    assert_eq!(coded.field("Content-Type"), Some("image/svg+xml"));
}

#[test]
fn a_broken_stream_is_cut_and_not_ended() {
    let mut broken = gzip(&text(SMALL));
    let end = broken.len() - 1;
    broken[end] ^= 1;
    let server = Setup::new().file("a.svgz", broken).start();
    let mut client = server.connect();
    client.send(&request(
        "GET",
        "/a.svgz",
        &[("Accept-Encoding", "identity")],
    ));
    let response = client.rest();
    assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(!response.ends_with(b"\r\n0\r\n\r\n"), "it looks complete");
}

/// A coder takes its time and its memory, and a worker keeps one that has ended for the next response.
#[test]
fn a_response_without_content_makes_no_coder() {
    let server = setup().with(|config| config.threads = 1).start();
    for target in ["/small.txt", "/large.txt", "/folder/"] {
        let gzip = ("Accept-Encoding", "gzip");
        let head = server.request("HEAD", target, &[gzip]);
        assert_eq!(head.field("Content-Encoding"), Some("gzip"), "{target}");
        let tag = head.field("ETag").expect("a tag");
        let fields = [gzip, ("If-None-Match", tag)];
        assert_eq!(server.get(target, &fields).status, 304, "{target}");
        assert_eq!(server.held(Account::Coders), 0, "{target}");
    }
    let whole = server.get("/large.txt", &[("Accept-Encoding", "gzip")]);
    assert_eq!(whole.field("Content-Encoding"), Some("gzip"));
    assert!(server.held(Account::Coders) > 0, "the worker keeps it");
}
