//! RFC 9110 sections 6.6, 8 and 10: the fields of an answer, and the statuses of section 15.

#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::time::{Duration, SystemTime};

use support::{Response, Setup, TestServer, request};

fn setup() -> Setup {
    Setup::new()
        .file("a.txt", "the file a")
        .file("folder/in", "inside")
        .file("folder/sub dir/é/in", "deep inside")
        .file("site/index.html", "<p>home")
        .file(".secret", "hidden")
}

fn site() -> TestServer {
    setup().start()
}

/// A request line and fields for every status that needs no more than a request, in the order of
/// section 15, with the phrase of the registry.
const STATUSES: &[(&str, &str, &str)] = &[
    ("GET /a.txt HTTP/1.1", "", "200 OK"),
    ("OPTIONS /a.txt HTTP/1.1", "", "204 No Content"),
    (
        "GET /a.txt HTTP/1.1",
        "Range: bytes=0-0\r\n",
        "206 Partial Content",
    ),
    (
        "GET /a.txt HTTP/1.1",
        "Range: bytes=0-0,5-5\r\n",
        "206 Partial Content",
    ),
    ("GET /folder HTTP/1.1", "", "301 Moved Permanently"),
    (
        "GET /a.txt HTTP/1.1",
        "If-None-Match: *\r\n",
        "304 Not Modified",
    ),
    ("GET /% HTTP/1.1", "", "400 Bad Request"),
    ("GET a HTTP/1.1", "", "400 Bad Request"),
    ("GET /none HTTP/1.1", "", "404 Not Found"),
    ("POST /a.txt HTTP/1.1", "", "405 Method Not Allowed"),
    (
        "GET /a.txt HTTP/1.1",
        "Accept-Encoding: *;q=0\r\n",
        "406 Not Acceptable",
    ),
    (
        "GET /a.txt HTTP/1.1",
        "If-Match: \"x\"\r\n",
        "412 Precondition Failed",
    ),
    (
        "GET /a.txt HTTP/1.1",
        "Range: bytes=99-\r\n",
        "416 Range Not Satisfiable",
    ),
    (
        "GET /a.txt HTTP/1.1",
        "Expect: x\r\n",
        "417 Expectation Failed",
    ),
    ("BREW /a.txt HTTP/1.1", "", "501 Not Implemented"),
    ("GET /a.txt HTTP/2.0", "", "505 HTTP Version Not Supported"),
];

/// The answers to [`STATUSES`], and to what makes a message too long or too slow.
fn every_answer() -> Vec<(String, Response)> {
    let server = setup()
        .with(|config| config.deadlines.head = Duration::from_millis(500))
        .start();
    let ask = |message: &str| {
        let mut client = server.connect();
        client.send(message.as_bytes());
        client.next_response(message.split(' ').next().unwrap_or_default())
    };
    let head = |line: &str, fields: &str| format!("{line}\r\nHost: test\r\n{fields}\r\n");
    let mut answers: Vec<(String, Response)> = STATUSES
        .iter()
        .map(|(line, fields, status)| ((*status).to_owned(), ask(&head(line, fields))))
        .collect();
    let mut add = |status: &str, message: &str| answers.push((status.to_owned(), ask(message)));
    add("408 Request Timeout", "GET /a.txt HTTP/1.1\r\n");
    let long = "x".repeat(40_000);
    add(
        "414 URI Too Long",
        &head(&format!("GET /{long} HTTP/1.1"), ""),
    );
    let field = format!("X: {long}\r\n");
    add(
        "431 Request Header Fields Too Large",
        &head("GET / HTTP/1.1", &field),
    );
    let full = setup()
        .with(|config| config.limits.max_connections = 0)
        .start();
    let busy = full.connect().next_response("GET");
    answers.push(("503 Service Unavailable".to_owned(), busy));
    answers
}

#[test]
fn concept_7_every_status_has_its_phrase_and_every_answer_its_fields() {
    for (status, response) in every_answer() {
        assert_eq!(format!("{} {}", response.status, response.phrase), status);
        assert_eq!(response.field("Server"), Some("docroot"), "{status}");
        check_date(response.field("Date").expect("section 6.6.1"), &status);
        if response.status >= 400 {
            check_page(&response);
        }
        // Section 8.6: a length where there is a content, and none where there cannot be one.
        let bodiless = [204, 304].contains(&response.status);
        assert_eq!(
            response.field("Content-Length").is_none(),
            bodiless,
            "{status}"
        );
    }
    // The interim status has neither a date nor anything else.
    let server = site();
    let mut client = server.connect();
    let fields = [("Expect", "100-continue"), ("Content-Length", "1")];
    client.send(&request("GET", "/a.txt", &fields));
    let interim = client.next_response("GET");
    assert_eq!((interim.status, interim.phrase.as_str()), (100, "Continue"));
    assert!(interim.fields.is_empty());
}

/// The date is that of the answer, and of the first format.
#[track_caller]
fn check_date(value: &str, status: &str) {
    let date = httpdate::parse_http_date(value).expect("a date");
    assert_eq!(httpdate::fmt_http_date(date), value, "{status}");
    let age = SystemTime::now()
        .duration_since(date)
        .expect("not in the future");
    assert!(age < Duration::from_secs(60), "{status} is of {value}");
}

/// An error explains itself in a page that loads nothing and may do nothing.
#[track_caller]
fn check_page(response: &Response) {
    let status = response.status;
    assert_eq!(
        response.field("Content-Type"),
        Some("text/html; charset=utf-8"),
        "{status}"
    );
    assert_eq!(
        response.field("X-Content-Type-Options"),
        Some("nosniff"),
        "{status}"
    );
    let policy = response
        .field("Content-Security-Policy")
        .unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{status}: {policy}");
    let resource_policy = response.field("Cross-Origin-Resource-Policy");
    assert_eq!(resource_policy, Some("same-origin"), "{status}");
    let text = response.text();
    assert!(
        text.contains(&format!("<title>{status} {}</title>", response.phrase)),
        "{text}"
    );
    // What belongs to the file does not belong to the page.
    for name in ["ETag", "Last-Modified", "Accept-Ranges", "Content-Encoding"] {
        assert_eq!(response.field(name), None, "{status}: {name}");
    }
}

#[test]
fn error_pages_tell_nothing_of_the_machine() {
    let server = site();
    let root = server.root.to_string_lossy().into_owned();
    let link = server.root.join("out");
    std::os::unix::fs::symlink("/etc/passwd", link).expect("a link");
    std::os::unix::fs::symlink("loop", server.root.join("loop")).expect("a link");
    let long = format!("/{}", "x".repeat(300));
    for target in [
        "/none",
        "/.secret",
        "/out",
        "/loop",
        &long,
        "/a.txt/b",
        "/<script>alert(1)</script>",
    ] {
        let response = server.get(target, &[]);
        assert_eq!(response.status, 404, "{target}");
        check_page(&response);
        let text = response.text();
        for told in [
            root.as_str(),
            "/etc",
            "/tmp",
            "os error",
            "ENOENT",
            "No such file",
            "src/",
            ".rs",
            "<script",
        ] {
            assert!(!text.contains(told), "{target} tells {told}: {text}");
        }
    }
    // Whether a hidden name exists is not told either.
    assert_eq!(
        server
            .get("/.secret", &[])
            .text()
            .replace(".secret", ".none"),
        server.get("/.none", &[]).text()
    );
    let redirect = server.get("/folder", &[]);
    assert!(!redirect.text().contains(&root));
}

#[test]
fn concept_15_the_type_is_told_from_the_name() {
    let rows = [
        ("page.html", "text/html; charset=utf-8"),
        ("PAGE.HTM", "text/html; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("script.js", "text/javascript; charset=utf-8"),
        ("module.mjs", "text/javascript; charset=utf-8"),
        ("notes.txt", "text/plain; charset=utf-8"),
        ("notes.md", "text/markdown; charset=utf-8"),
        ("table.csv", "text/csv; charset=utf-8"),
        ("main.rs", "text/plain; charset=utf-8"),
        ("README", "text/plain; charset=utf-8"),
        ("data.json", "application/json"),
        ("feed.xml", "application/xml"),
        ("picture.png", "image/png"),
        ("picture.jpeg", "image/jpeg"),
        ("picture.webp", "image/webp"),
        ("drawing.svg", "image/svg+xml"),
        ("film.mp4", "video/mp4"),
        ("sound.mp3", "audio/mpeg"),
        ("font.woff2", "font/woff2"),
        ("program.wasm", "application/wasm"),
        ("paper.pdf", "application/pdf"),
        ("archive.tar.gz", "application/gzip"),
        ("unknown.x-y-z", "text/plain; charset=utf-8"),
        ("unknown", "text/plain; charset=utf-8"),
        ("png", "text/plain; charset=utf-8"),
        ("go.mod", "text/plain; charset=utf-8"),
        ("data.bin", "application/octet-stream"),
    ];
    let setup = rows
        .iter()
        .fold(Setup::new(), |setup, (name, _)| setup.file(name, "content"));
    let server = setup.start();
    for (name, media_type) in rows {
        let response = server.get(&format!("/{name}"), &[]);
        assert_eq!(response.field("Content-Type"), Some(media_type), "{name}");
        assert_eq!(
            response.field("X-Content-Type-Options"),
            Some("nosniff"),
            "{name}"
        );
    }
}

#[test]
fn concept_16_the_fields_that_each_answer_calls_for() {
    let server = site();
    let names = |response: &Response| {
        let mut names: Vec<String> = response
            .fields
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        names.sort_unstable();
        names.join(" ")
    };
    let row = |method: &str, target: &str, fields: &[(&str, &str)], want: &str| {
        assert_eq!(
            names(&server.request(method, target, fields)),
            want,
            "{method} {target} {fields:?}"
        );
    };
    let file = "Accept-Ranges Cache-Control Content-Length Content-Type Date ETag Last-Modified \
                Server Vary X-Content-Type-Options";
    row("GET", "/a.txt", &[], file);
    row("HEAD", "/a.txt", &[], file);
    let coded = "Accept-Ranges Cache-Control Content-Encoding Content-Length Content-Type Date ETag \
                 Last-Modified Server Vary X-Content-Type-Options";
    row(
        "GET",
        "/a.txt",
        &[("Accept-Encoding", "gzip, *;q=0")],
        coded,
    );
    let part = "Accept-Ranges Cache-Control Content-Length Content-Range Content-Type Date ETag \
                Last-Modified Server Vary X-Content-Type-Options";
    row("GET", "/a.txt", &[("Range", "bytes=0-0")], part);
    row("GET", "/a.txt", &[("Range", "bytes=0-0,5-5")], file); // each part has its own
    let page = "Cache-Control Content-Length Content-Security-Policy Content-Type Date Server \
                X-Content-Type-Options";
    let and = |more: &str| {
        let mut names: Vec<&str> = page.split(' ').chain(more.split(' ')).collect();
        names.sort_unstable();
        names.join(" ")
    };
    let with = |more: &str| and(&format!("Cross-Origin-Resource-Policy {more}"));
    row("GET", "/none", &[], &and("Cross-Origin-Resource-Policy"));
    // A foreign page may embed what is behind a redirect.
    row("GET", "/folder", &[], &and("Location"));
    row("POST", "/a.txt", &[], &with("Allow"));
    row(
        "GET",
        "/a.txt",
        &[("Range", "bytes=99-")],
        &with("Content-Range Vary"),
    );
    row("GET", "/a.txt", &[("If-Match", "\"x\"")], &with("Vary"));
    row("OPTIONS", "/a.txt", &[], "Accept-Ranges Allow Date Server");
    row("OPTIONS", "*", &[], "Accept-Ranges Allow Date Server");
    let full = server.get("/a.txt", &[]);
    assert_eq!(full.field("Content-Length"), Some("10"));
    assert_eq!(full.field("Accept-Ranges"), Some("bytes"));
    assert_eq!(full.field("Cache-Control"), Some("no-cache"));
}

/// Tests `origin::moved::redirect_to_slash`.
#[test]
fn a_directory_without_its_slash_is_redirected_within_the_site() {
    let server = site();
    // The location is relative, so it works if a proxy has removed a prefix of the path.
    let row = |target: &str, above: &str, location: &str| {
        let response = server.get(target, &[]);
        assert_eq!(response.status, 301, "{target}");
        assert_eq!(response.field("Location"), Some(location), "{target}");
        // What it leads to is there.
        let path = format!("{above}{location}");
        assert_eq!(server.get(&path, &[]).status, 200, "{path}");
    };
    row("/folder", "/", "folder/");
    row("/site", "/", "site/");
    row("/folder?a=b&c", "/", "folder/?a=b&c"); // the query is kept
    row("/folder?", "/", "folder/?");
    row("/folder?a?b", "/", "folder/?a?b");
    row("/folder?//evil.example/", "/", "folder/?//evil.example/");
    row("/folder/sub%20dir", "/folder/", "sub%20dir/");
    row("/folder/sub%20dir/%c3%a9", "/folder/sub%20dir/", "%C3%A9/");
    row("/%66older", "/", "folder/");
    // RFC 9112 section 3.2.2: whatever host was named, the path stays on this one.
    row("http://evil.example/folder?q", "/", "folder/?q");
    let mut client = server.connect();
    client.send(b"GET /folder HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(client.response("GET").field("Location"), Some("folder/"));
}

#[test]
fn no_target_is_redirected_to_another_host() {
    let setup = Setup::new().file("evil.example/in", "a folder named like a host");
    let server = setup.file("folder/evil.example/in", "inside").start();
    for target in [
        "//evil.example",
        "//evil.example/..",
        "///evil.example",
        "/%2fevil.example",
        "/%2F/evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/.//evil.example",
        "/folder/..//evil.example",
        "/%09/evil.example",
        "/%0d%0aLocation:%20//evil.example",
        "http://test//evil.example",
    ] {
        let response = server.get(target, &[]);
        let (status, location) = (response.status, response.field("Location"));
        match location {
            None => assert!([400, 404].contains(&status), "{target}: {status}"),
            // A reference without a host and without a scheme (RFC 3986 section 4.2).
            Some(location) => assert!(
                location.starts_with("../") || location.starts_with("./"),
                "{target}: {location}"
            ),
        }
    }
    let inner = server.get("/evil.example", &[]);
    assert_eq!(inner.field("Location"), Some("evil.example/"));
    let scheme = server.get("/x/../http:", &[]);
    assert_eq!(scheme.field("Location"), Some("./http:"));
}

#[test]
fn an_index_stands_for_its_directory() {
    let server = site();
    let index = server.get("/site/", &[]);
    assert_eq!((index.status, index.text().as_str()), (200, "<p>home"));
    assert_eq!(
        index.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(
        index.field("ETag"),
        server.get("/site/index.html", &[]).field("ETag")
    );
}
