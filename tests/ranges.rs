//! RFC 9110 section 14: parts of a representation.

#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::os::unix::fs::FileExt;
use std::time::{Duration, UNIX_EPOCH};

use support::{Response, Setup, TestServer, request};

const LENGTH: usize = 10_000;

const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// Bytes of which no two neighbouring parts look alike.
fn content() -> Vec<u8> {
    (0..LENGTH).map(|at| (at % 251) as u8).collect()
}

fn site() -> TestServer {
    let setup = Setup::new().file("data.bin", content()).file("empty", "");
    let path = setup.root().join("data.bin");
    let file = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("a file");
    let date = UNIX_EPOCH + Duration::from_secs(784_111_777);
    file.set_modified(date).expect("a date");
    setup.start()
}

fn range(server: &TestServer, value: &str) -> Response {
    server.get("/data.bin", &[("Range", value)])
}

#[track_caller]
fn check_part(server: &TestServer, value: &str, first: usize, last: usize) {
    let response = range(server, value);
    assert_eq!(response.status, 206, "{value}");
    let told = format!("bytes {first}-{last}/{LENGTH}");
    assert_eq!(
        response.field("Content-Range"),
        Some(told.as_str()),
        "{value}"
    );
    let length = (last - first + 1).to_string();
    assert_eq!(
        response.field("Content-Length"),
        Some(length.as_str()),
        "{value}"
    );
    assert_eq!(
        response.field("Content-Type"),
        Some("application/octet-stream")
    );
    assert!(
        response.body == content()[first..=last],
        "{value}: other bytes"
    );
}

#[track_caller]
fn check_whole(response: &Response, why: &str) {
    assert_eq!(response.status, 200, "{why}");
    assert_eq!(response.field("Content-Range"), None, "{why}");
    assert_eq!(response.field("Content-Length"), Some("10000"), "{why}");
    assert!(response.body == content(), "{why}: other bytes");
}

#[test]
fn concept_10_parts_of_a_file() {
    let server = site();
    let row = |value, first, last| check_part(&server, value, first, last);
    // The examples of section 14.1.2.
    row("bytes=0-499", 0, 499);
    row("bytes=500-999", 500, 999);
    row("bytes=-500", 9500, 9999);
    row("bytes=9500-", 9500, 9999);
    row("bytes=500-700,601-999", 500, 999);
    // The borders.
    row("bytes=0-0", 0, 0);
    row("bytes=9999-9999", 9999, 9999);
    row("bytes=9999-", 9999, 9999);
    row("bytes=-1", 9999, 9999);
    row("bytes=0-", 0, 9999);
    row("bytes=9000-10000", 9000, 9999); // beyond the end
    row("bytes=9000-99999999999999999999999", 9000, 9999);
    row("bytes=-10000", 0, 9999);
    row("bytes=-10001", 0, 9999); // a suffix longer than the file
    row("bytes=-99999999999999999999999", 0, 9999);
    // Section 14.1: units have no case; section 5.6.1: lists have white space and empty members.
    row("BYTES=1-2", 1, 2);
    row("bytes= ,1-2\t,", 1, 2);
    // One of two is not there, two overlap, two touch: one part is left.
    row("bytes=1-2,20000-", 1, 2);
    row("bytes=5-10,1-7", 1, 10);
    row("bytes=0-4,5-9", 0, 9);
    row("bytes=3-3,3-3,3-3", 3, 3);
}

#[test]
fn a_range_field_that_means_nothing_is_ignored() {
    let server = site();
    for value in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=1",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=1-2,5-4",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=1 - 2",
        "bytes =1-2",
        "bytes 1-2",
        "bytes:1-2",
        "=1-2",
        "1-2",
        "bytes=1-2;3-4",
        "lines=1-2",
        "none",
        "seconds=1-2", // section 14.2: units nobody knows
    ] {
        check_whole(&range(&server, value), value);
    }
    let twice = [("Range", "bytes=0-0"), ("Range", "bytes=1-1")];
    check_whole(&server.get("/data.bin", &twice), "two fields");
}

#[test]
fn too_many_ranges_are_ignored() {
    let server = site();
    let many = |count: usize| {
        let ranges: Vec<_> = (0..count)
            .map(|at| format!("{}-{}", 3 * at, 3 * at))
            .collect();
        format!("bytes={}", ranges.join(","))
    };
    let response = range(&server, &many(32));
    assert_eq!(parts(&response).len(), 32);
    check_whole(&range(&server, &many(33)), "one range too many"); // section 17.15
    let overlapping = format!("bytes={}0-", "0-,".repeat(1000));
    check_whole(
        &range(&server, &overlapping),
        "a thousand times the whole file",
    );
}

#[test]
fn beyond_the_end() {
    let server = site();
    for value in [
        "bytes=10000-",
        "bytes=10000-10001",
        "bytes=-0",
        "bytes=20000-,30000-",
        "bytes=99999999999999999999999-",
    ] {
        let response = range(&server, value);
        assert_eq!(response.status, 416, "{value}");
        assert_eq!(
            response.field("Content-Range"),
            Some("bytes */10000"),
            "{value}"
        );
        assert_eq!(
            response.field("Content-Type"),
            Some("text/html; charset=utf-8")
        );
        assert!(response.text().contains("<title>416 "), "{value}");
    }
}

#[test]
fn an_empty_file_has_no_parts() {
    let server = site();
    // Download managers that get 416 give up, so Range is ignored (section 14.2).
    for value in ["bytes=0-", "bytes=0-0", "bytes=-0", "bytes=-1"] {
        let response = server.get("/empty", &[("Range", value)]);
        assert_eq!((response.status, response.body.len()), (200, 0), "{value}");
        assert_eq!(response.field("Content-Range"), None, "{value}");
    }
}

#[test]
fn range_has_a_meaning_for_get_alone() {
    let server = site();
    for value in ["bytes=0-0", "bytes=0-0,5-5", "bytes=10000-"] {
        let mut client = server.connect();
        client.send(&request("HEAD", "/data.bin", &[("Range", value)]));
        let response = client.response("HEAD");
        assert_eq!(response.status, 200, "{value}"); // section 14.2
        assert_eq!(response.field("Content-Length"), Some("10000"), "{value}");
        assert_eq!(response.field("Content-Range"), None, "{value}");
        assert_eq!(response.field("Accept-Ranges"), Some("bytes"), "{value}");
        // Nothing of a body was left on the connection.
        client.send(&request("GET", "/data.bin", &[("Range", "bytes=1-1")]));
        assert_eq!(client.response("GET").body, [1]);
    }
}

/// The parts of a `multipart/byteranges` content, with their `Content-Range`; its frame must be
/// what RFC 2046 section 5.1.1 says, to the byte.
#[track_caller]
fn parts(response: &Response) -> Vec<(String, Vec<u8>)> {
    assert_eq!(response.status, 206);
    assert_eq!(response.field("Content-Range"), None); // section 15.3.7.2
    let length: usize = response
        .field("Content-Length")
        .expect("a length")
        .parse()
        .expect("a number");
    assert_eq!(length, response.body.len());
    let media_type = response.field("Content-Type").expect("a type");
    let boundary = media_type
        .strip_prefix("multipart/byteranges; boundary=")
        .expect(media_type);
    let mut rest = response.body.as_slice();
    let mut parts = Vec::new();
    loop {
        // The CRLF before the first delimiter ends an empty preamble.
        rest = rest
            .strip_prefix(format!("\r\n--{boundary}").as_bytes())
            .expect("a boundary");
        if rest == b"--\r\n" {
            return parts;
        }
        rest = rest
            .strip_prefix(b"\r\nContent-Type: application/octet-stream\r\n")
            .expect("a type");
        rest = rest.strip_prefix(b"Content-Range: ").expect("a range");
        let end = support::find(rest, b"\r\n\r\n").expect("the end of a part's head");
        let told = String::from_utf8(rest[..end].to_vec()).expect("ASCII");
        let numbers = told
            .strip_prefix("bytes ")
            .and_then(|told| told.split_once('/'));
        let (first, last) = numbers
            .and_then(|(range, _)| range.split_once('-'))
            .expect("a range");
        let count = last.parse::<usize>().expect("a number")
            - first.parse::<usize>().expect("a number")
            + 1;
        let body = &rest[end + 4..];
        parts.push((told.clone(), body[..count].to_vec()));
        rest = &body[count..];
    }
}

#[track_caller]
fn check_parts(server: &TestServer, value: &str, want: &[(usize, usize)]) {
    let content = content();
    let want: Vec<_> = want
        .iter()
        .map(|&(first, last)| {
            let told = format!("bytes {first}-{last}/{LENGTH}");
            (told, content[first..=last].to_vec())
        })
        .collect();
    let got = parts(&range(server, value));
    let told: Vec<_> = got.iter().map(|(told, _)| told).collect();
    assert!(got == want, "{value}: {told:?}");
}

/// Tests `origin::variants::response`.
#[test]
fn several_parts_travel_in_one_body() {
    let server = site();
    check_parts(&server, "bytes=0-0,-1", &[(0, 0), (9999, 9999)]); // section 14.1.2
    check_parts(&server, "bytes=500-600, 700-799", &[(500, 600), (700, 799)]);
    check_parts(&server, "bytes=700-799,500-600", &[(700, 799), (500, 600)]); // as asked for
    check_parts(&server, "bytes=5-6,20000-,0-1", &[(5, 6), (0, 1)]); // one is not there
    check_parts(&server, "bytes=10-20,0-5,15-30", &[(10, 30), (0, 5)]); // overlapping
    check_parts(&server, "bytes=-10,0-4999", &[(9990, 9999), (0, 4999)]);
    check_parts(&server, "bytes=0-4,6-9", &[(0, 4), (6, 9)]); // near, and not touching
}

#[test]
fn boundaries_cannot_be_foreseen() {
    let server = site();
    let boundary = || {
        range(&server, "bytes=0-0,5-5")
            .field("Content-Type")
            .map(str::to_owned)
    };
    assert_ne!(boundary(), boundary());
}

#[test]
fn if_range_by_entity_tag_or_date() {
    let server = site();
    let full = server.get("/data.bin", &[]);
    let tag = full.field("ETag").expect("a tag");
    assert_eq!(full.field("Last-Modified"), Some(MODIFIED));
    let part = |condition: &str, value: &str| {
        server.get("/data.bin", &[("If-Range", condition), ("Range", value)])
    };
    // Section 13.1.5: the same entity-tag by strong comparison, or exactly the same date.
    for condition in [
        tag,
        MODIFIED,
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        let response = part(condition, "bytes=1-2");
        assert_eq!(
            (response.status, response.body.as_slice()),
            (206, &[1, 2][..]),
            "{condition}"
        );
        assert_eq!(response.field("ETag"), Some(tag), "{condition}");
        assert_eq!(part(condition, "bytes=20000-").status, 416, "{condition}");
        assert_eq!(part(condition, "bytes=0-0,5-5").status, 206, "{condition}");
    }
    let weak = format!("W/{tag}");
    let list = format!("{tag}, {tag}");
    for condition in [
        "\"other\"",
        &weak,
        &list,
        "*",
        "",
        "tomorrow",
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Sun, 06 Nov 1994 08:49:38 GMT",
    ] {
        check_whole(&part(condition, "bytes=1-2"), condition);
        check_whole(&part(condition, "bytes=20000-"), condition); // not 416 either
    }
    // Without Range it means nothing.
    check_whole(&server.get("/data.bin", &[("If-Range", tag)]), "no range");
}

#[test]
fn a_date_too_fresh_proves_nothing() {
    let setup = Setup::new().file("new", content());
    let path = setup.root().join("new");
    let file = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("a file");
    let future = std::time::SystemTime::now() + Duration::from_secs(3600);
    file.set_modified(future).expect("a date");
    let server = setup.start();
    // The date is the one of this second, in which the file may change again (section 8.8.2.2).
    let mut client = server.connect();
    client.send(&request("GET", "/new", &[]));
    let date = client
        .response("GET")
        .field("Last-Modified")
        .expect("a date")
        .to_owned();
    client.send(&request(
        "GET",
        "/new",
        &[("If-Range", &date), ("Range", "bytes=1-2")],
    ));
    check_whole(&client.response("GET"), "a fresh date");
}

#[test]
fn an_interrupted_download_is_resumed() {
    let server = site();
    let full = server.get("/data.bin", &[]);
    let tag = full.field("ETag").expect("a tag");
    let mut got = full.body[..4321].to_vec();
    let rest = format!("bytes={}-", got.len());
    let response = server.get("/data.bin", &[("Range", &rest), ("If-Range", tag)]);
    assert_eq!(response.status, 206);
    got.extend(&response.body);
    assert!(got == content());
    // The file has changed in between: all of the new one, never a mix of the two.
    server.write("data.bin", vec![b'n'; LENGTH]);
    let response = server.get("/data.bin", &[("Range", &rest), ("If-Range", tag)]);
    assert_eq!((response.status, response.body.len()), (200, LENGTH));
    assert!(response.body.iter().all(|&byte| byte == b'n'));
}

/// Where the bytes of the huge file stand that are not zero.
const LANDMARK: u64 = (1 << 32) + 5;

#[test]
fn files_beyond_four_gibibytes() {
    let server = TestServer::of(&[]);
    let file = std::fs::File::create(server.root.join("huge.bin")).expect("a file");
    file.set_len(5 << 30).expect("a sparse file");
    file.write_all_at(b"landmark", LANDMARK)
        .expect("a few bytes");
    file.write_all_at(b"far", LANDMARK + 900_000)
        .expect("a few bytes");
    file.write_all_at(b"end", (5 << 30) - 3)
        .expect("the last bytes");
    let length: u64 = 5 << 30;
    let head = server.request("HEAD", "/huge.bin", &[]);
    assert_eq!(head.field("Content-Length"), Some("5368709120"));
    let get = |value: &str| server.get("/huge.bin", &[("Range", value)]);

    let around = get(&format!("bytes={}-{}", LANDMARK - 2, LANDMARK + 8));
    assert_eq!(around.body, b"\0\0landmark\0");
    let told = format!("bytes 4294967299-4294967309/{length}");
    assert_eq!(around.field("Content-Range"), Some(told.as_str()));
    assert_eq!(get("bytes=-3").body, b"end");
    assert_eq!(get("bytes=5368709117-").body, b"end");
    assert_eq!(
        get("bytes=5368709120-").field("Content-Range"),
        Some("bytes */5368709120")
    );
    // Long enough to leave by another way than a few bytes do.
    let long = get(&format!("bytes={}-{}", LANDMARK, LANDMARK + 999_999));
    assert_eq!(long.body.len(), 1_000_000);
    assert!(long.body.starts_with(b"landmark\0"));
    assert_eq!(&long.body[899_999..900_004], b"\0far\0");

    let several = parts(&get(&format!("bytes={LANDMARK}-{},0-0,-2", LANDMARK + 7)));
    let bodies: Vec<_> = several.iter().map(|(_, body)| body.as_slice()).collect();
    assert_eq!(bodies, [&b"landmark"[..], b"\0", b"nd"]);
    assert_eq!(
        several[0].0,
        format!("bytes 4294967301-4294967308/{length}")
    );
    // A part that starts before the border and ends behind it.
    let across = parts(&get("bytes=4294967200-4294967310,0-99999"));
    assert_eq!((across[0].1.len(), across[1].1.len()), (111, 100_000));
    assert_eq!(support::find(&across[0].1, b"landmark"), Some(101));
}
