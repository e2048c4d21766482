//! RFC 9110 section 13: requests that depend on what the client has already, and section 8.8: the
//! validators they name it by.

#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{Response, Setup, TestServer, noise, request, until};

/// When the file was modified, and the seconds around it.
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const FUTURE: &str = "Fri, 31 Dec 9999 23:59:59 GMT";

/// The same second as [`MODIFIED`].
const MODIFIED_SECONDS: u64 = 784_111_777;

/// A server of one file of a known date, and the file's entity-tag.
fn site() -> (TestServer, String) {
    let setup = Setup::new()
        .file("a", "the file a")
        .file("folder/in", "inside");
    set_modified(
        &setup,
        "a",
        UNIX_EPOCH + Duration::from_secs(MODIFIED_SECONDS),
    );
    let server = setup.start();
    let tag = server
        .get("/a", &[])
        .field("ETag")
        .expect("a validator")
        .to_owned();
    (server, tag)
}

fn set_modified(setup: &Setup, name: &str, time: SystemTime) {
    let path = setup.root().join(name);
    let file = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("it is there");
    file.set_modified(time).expect("a file has a date");
}

/// GET and HEAD must decide alike; the answer to GET is returned.
#[track_caller]
fn check(server: &TestServer, fields: &[(&str, &str)], status: u16) -> Response {
    let mut client = server.connect();
    client.send(&request("HEAD", "/a", fields));
    let head = client.response("HEAD");
    client.send(&request("GET", "/a", fields));
    let get = client.response("GET");
    assert_eq!((head.status, get.status), (status, status), "{fields:?}");
    get
}

#[test]
fn concept_11_conditions_in_the_order_of_the_rfc() {
    let (server, tag) = site();
    let (tag, other) = (tag.as_str(), "\"other\"");
    let row = |fields: &[(&str, &str)], status| {
        check(&server, fields, status);
    };
    // Section 13.2.2 step 1: If-Match, before anything else.
    row(&[("If-Match", tag)], 200);
    row(&[("If-Match", other)], 412);
    row(&[("If-None-Match", tag), ("If-Match", other)], 412);
    row(&[("If-Modified-Since", MODIFIED), ("If-Match", other)], 412);
    // Step 2: If-Unmodified-Since, where there is no If-Match.
    row(&[("If-Unmodified-Since", MODIFIED)], 200);
    row(&[("If-Unmodified-Since", EARLIER)], 412);
    row(&[("If-Unmodified-Since", EARLIER), ("If-Match", tag)], 200);
    row(
        &[("If-Unmodified-Since", MODIFIED), ("If-Match", other)],
        412,
    );
    row(
        &[("If-None-Match", tag), ("If-Unmodified-Since", EARLIER)],
        412,
    );
    // Step 3: If-None-Match.
    row(&[("If-None-Match", tag)], 304);
    row(&[("If-None-Match", other)], 200);
    row(&[("If-None-Match", tag), ("If-Match", tag)], 304);
    row(
        &[("If-None-Match", tag), ("If-Unmodified-Since", MODIFIED)],
        304,
    );
    // Step 4: If-Modified-Since, where there is no If-None-Match.
    row(&[("If-Modified-Since", MODIFIED)], 304);
    row(&[("If-Modified-Since", EARLIER)], 200);
    row(
        &[("If-Modified-Since", LATER), ("If-None-Match", other)],
        200,
    );
    row(
        &[("If-Modified-Since", EARLIER), ("If-None-Match", tag)],
        304,
    );
    row(
        &[
            ("If-Modified-Since", MODIFIED),
            ("If-Unmodified-Since", EARLIER),
        ],
        412,
    );
}

#[test]
fn ranges_come_after_conditions() {
    let (server, tag) = site();
    let get = |fields: &[(&str, &str)]| server.get("/a", fields).status;
    // Section 13.2.2 steps 5 and 6.
    let (inside, outside) = (("Range", "bytes=0-0"), ("Range", "bytes=99-"));
    assert_eq!(get(&[inside, ("If-None-Match", &tag)]), 304);
    assert_eq!(get(&[outside, ("If-None-Match", &tag)]), 304);
    assert_eq!(get(&[outside, ("If-Match", "\"other\"")]), 412);
    assert_eq!(get(&[inside, ("If-Match", &tag)]), 206);
    assert_eq!(get(&[outside, ("If-Match", &tag)]), 416);
    assert_eq!(get(&[inside, ("If-Modified-Since", EARLIER)]), 206);
}

#[test]
fn lists_of_entity_tags() {
    let (server, tag) = site();
    let weak = format!("W/{tag}");
    let list = format!("\"x\", {tag} ,\"y\"");
    let weak_list = format!("\"x\",, {weak}");
    let row = |name: &str, value: &str, status| {
        check(&server, &[(name, value)], status);
    };
    // Section 13.1.2 compares weakly.
    for value in [&list, &weak, &weak_list, "*"] {
        row("If-None-Match", value, 304);
    }
    let bare = tag.trim_matches('"').to_owned();
    for value in ["", "\"\"", "\"x\", \"y\"", "W/\"x\"", &bare, "w/\"x\""] {
        row("If-None-Match", value, 200);
    }
    // Section 13.1.1 compares strongly.
    for value in [&list, "*"] {
        row("If-Match", value, 200);
    }
    for value in [&weak, &weak_list, "", "\"\"", &bare] {
        row("If-Match", value, 412);
    }
    // Section 5.3: several lines are one list.
    check(
        &server,
        &[("If-None-Match", "\"x\""), ("If-None-Match", &tag)],
        304,
    );
    check(&server, &[("If-Match", "\"x\""), ("If-Match", &tag)], 200);
    // A quoted comma separates nothing (section 8.8.3).
    let hidden = format!("\"x, {bare}, y\"");
    row("If-None-Match", &hidden, 200);
}

#[test]
fn a_304_has_exactly_the_fields_that_a_cache_needs() {
    let (server, tag) = site();
    let full = server.get("/a", &[]);
    for field in [
        ("If-None-Match", tag.as_str()),
        ("If-Modified-Since", MODIFIED),
    ] {
        let response = check(&server, &[field], 304);
        let mut names: Vec<&str> = response
            .fields
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        // Section 15.4.5: those of a 200, and no more of its metadata.
        assert_eq!(
            names,
            ["Cache-Control", "Date", "ETag", "Server", "Vary"],
            "{field:?}"
        );
        for name in ["Cache-Control", "ETag", "Server", "Vary"] {
            assert_eq!(response.field(name), full.field(name), "{field:?}");
        }
    }
}

#[test]
fn a_412_is_an_error_page_and_names_no_validator() {
    let (server, _) = site();
    let response = check(&server, &[("If-Match", "\"other\"")], 412);
    assert!(response.text().contains("If-Match"));
    assert_eq!(
        response.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(response.field("ETag"), None); // it would be the page's
    assert_eq!(response.field("Last-Modified"), None);
}

#[test]
fn conditions_matter_only_where_all_else_is_well() {
    let (server, _) = site();
    // Section 13.2.1: they are ignored where the answer would not be a success without them.
    let failing = [("If-Match", "\"other\""), ("If-Unmodified-Since", EARLIER)];
    for (method, target, status) in [
        ("GET", "/none", 404),
        ("GET", "/folder", 301),
        ("POST", "/a", 405),
        ("BREW", "/a", 501),
        ("OPTIONS", "/a", 204),
        ("OPTIONS", "*", 204),
    ] {
        let response = server.request(method, target, &failing);
        assert_eq!(response.status, status, "{method} {target}");
        let response = server.request(method, target, &[("If-None-Match", "*")]);
        assert_eq!(response.status, status, "{method} {target}");
    }
}

#[test]
fn concept_12_dates_in_three_formats() {
    let (server, _) = site();
    let since = |date: &str, status| {
        let response = check(&server, &[("If-Modified-Since", date)], status);
        // The first format is written, whatever was read.
        let date = response.field("Date").expect("every answer has one");
        let read = httpdate::parse_http_date(date).expect("a date");
        assert_eq!(httpdate::fmt_http_date(read), date);
    };
    for (modified, earlier) in [
        (MODIFIED, EARLIER),
        (
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:36 GMT",
        ),
        ("Sun Nov  6 08:49:37 1994", "Sun Nov  6 08:49:36 1994"),
    ] {
        since(modified, 304);
        since(earlier, 200);
        check(&server, &[("If-Unmodified-Since", modified)], 200);
        check(&server, &[("If-Unmodified-Since", earlier)], 412);
    }
    since(LATER, 304);
    since(FUTURE, 304);
    let full = server.get("/a", &[]);
    assert_eq!(full.field("Last-Modified"), Some(MODIFIED));
}

#[test]
fn what_is_no_date_is_ignored() {
    let (server, _) = site();
    for value in [
        "",
        "0",
        "yesterday",
        "06 Nov 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT", // it was a Sunday
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 31 Feb 2038 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        check(&server, &[("If-Modified-Since", value)], 200); // section 13.1.3
        check(&server, &[("If-Unmodified-Since", value)], 200); // section 13.1.4
    }
    let twice = [("If-Modified-Since", LATER), ("If-Modified-Since", LATER)];
    check(&server, &twice, 200);
}

/// Tests `site::file::validators`.
#[test]
fn concept_13_validators_change_with_the_content() {
    let (server, tag) = site();
    let opaque = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    assert!(
        opaque.is_some_and(|opaque| !opaque.contains('"')),
        "{tag} is not strong"
    );
    // The same state has the same validators, on whichever worker.
    for _ in 0..4 {
        assert_eq!(server.get("/a", &[]).field("ETag"), Some(tag.as_str()));
    }
    // Another content of the same length, another state at once, on a kept connection too.
    let mut client = server.connect();
    client.send(&request("GET", "/a", &[]));
    assert_eq!(client.response("GET").text(), "the file a");
    server.write("a", "The File A");
    client.send(&request("GET", "/a", &[("If-None-Match", &tag)]));
    let changed = client.response("GET");
    assert_eq!(
        (changed.status, changed.text().as_str()),
        (200, "The File A")
    );
    assert_ne!(changed.field("ETag"), Some(tag.as_str()));
    assert_ne!(changed.field("Last-Modified"), Some(MODIFIED));
    client.send(&request("GET", "/a", &[("If-Match", &tag)]));
    assert_eq!(client.response("GET").status, 412);
}

#[test]
fn a_change_shows_at_once_to_whoever_comes_next() {
    let setup = Setup::new().with(|config| config.threads = 1);
    let server = setup.file("a", "the file a").start();
    // Often, because what could go wrong depends on who is quicker.
    for number in 0..1000 {
        let content = "x".repeat(100 + number % 50);
        server.write("a", &content);
        assert_eq!(
            server.get("/a", &[]).text(),
            content,
            "the {number}th state"
        );
    }
}

#[test]
fn files_of_one_size_and_date_are_told_apart_by_their_content() {
    let setup = Setup::new().file("a", "same").file("b", "sane");
    let date = UNIX_EPOCH + Duration::from_secs(MODIFIED_SECONDS);
    set_modified(&setup, "a", date);
    set_modified(&setup, "b", date);
    let server = setup.start();
    let tag = |path| server.get(path, &[]).field("ETag").map(str::to_owned);
    // Who renames one over the other has changed what is there.
    let before = tag("/a");
    assert_ne!(before, tag("/b"));
    std::fs::rename(server.root.join("b"), server.root.join("a")).expect("renamed");
    assert_ne!(before, tag("/a"));
}

/// A download that was begun before goes on, and another server with a copy has the same entity-tags.
#[test]
fn a_new_mode_or_link_changes_no_entity_tag() {
    let large = noise(2 << 20);
    let start = || {
        let setup = Setup::new().file("small", "x").file("large", large.clone());
        let date = UNIX_EPOCH + Duration::from_secs(MODIFIED_SECONDS);
        for name in ["small", "large"] {
            set_modified(&setup, name, date);
        }
        setup.start()
    };
    let tags_of = |server: &TestServer| {
        let tag = |path: &str| server.get(path, &[]).field("ETag").map(str::to_owned);
        ["/small", "/large"].map(tag)
    };
    let server = start();
    let tags = || tags_of(&server);
    let before = tags();
    for name in ["small", "large"] {
        let path = server.root.join(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        std::fs::set_permissions(&path, mode).expect("a new mode");
        std::fs::hard_link(&path, server.root.join(format!("{name}-link"))).expect("a link");
    }
    assert_eq!(tags(), before);
    assert_eq!(tags_of(&start()), before);
    let tag = before[1].as_deref().expect("a tag");
    let rest = server.get("/large", &[("Range", "bytes=1000000-"), ("If-Range", tag)]);
    assert!(rest.status == 206 && rest.body == large[1_000_000..]);
}

#[test]
fn a_modification_in_the_future_is_not_promised() {
    let setup = Setup::new().file("a", "from tomorrow");
    set_modified(&setup, "a", SystemTime::now() + Duration::from_secs(86_400));
    let server = setup.start();
    let response = server.get("/a", &[]);
    // Section 8.8.2.1.
    assert_eq!(response.field("Last-Modified"), response.field("Date"));
}

#[test]
fn a_date_that_was_made_up_is_not_told() {
    let setup = Setup::new().file("a", "packed");
    set_modified(&setup, "a", UNIX_EPOCH + Duration::from_secs(1));
    let server = setup.start();
    let fields = [("If-Modified-Since", FUTURE)];
    let response = server.get("/a", &fields);
    assert_eq!(
        (response.status, response.field("Last-Modified")),
        (200, None)
    );
    assert!(response.field("ETag").is_some());
}

/// Some packagers give every file the same time, so that a new file differs in nothing but its content.
#[test]
fn a_large_file_without_a_meaningful_date_gets_a_new_entity_tag() {
    const LARGE: usize = 1 << 20;
    let setup = Setup::new().file("large", vec![b'a'; LARGE]);
    let date = UNIX_EPOCH + Duration::from_secs(1);
    set_modified(&setup, "large", date);
    let path = setup.root().join("large");
    std::fs::write(setup.root().join("next"), vec![b'b'; LARGE]).expect("a file");
    set_modified(&setup, "next", date);
    let server = setup.start();
    let tag_of = |byte: u8| {
        let response = server.get("/large", &[]);
        assert_eq!(response.body.first(), Some(&byte));
        response.field("ETag").expect("a validator").to_owned()
    };
    let first = tag_of(b'a');
    assert_eq!(tag_of(b'a'), first);
    std::fs::rename(path.with_file_name("next"), &path).expect("another file");
    let resumed = [("If-Range", first.as_str()), ("Range", "bytes=9-")];
    assert_eq!(server.get("/large", &resumed).status, 200);
    let second = tag_of(b'b');
    assert_ne!(second, first);
    // Two writes within one tick of the file system's clock have the same change time.
    until("another entity-tag", || {
        std::fs::write(&path, vec![b'c'; LARGE]).expect("other content");
        let file = std::fs::File::options().write(true).open(&path);
        file.and_then(|file| file.set_modified(date))
            .expect("a date");
        tag_of(b'c') != second
    });
}
