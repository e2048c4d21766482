//! RFC 9110 section 8.3: media types and charsets, by the names and the contents of files.

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Response, Setup, TestServer, noise, request};

const PLAIN: &str = "text/plain; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";

/// More than the cache keeps.
const LARGE: usize = 600_000;

/// Every answer that has content must say the same of it: HEAD and GET, whole and in parts, coded and
/// not, read for the first time and cached.
#[track_caller]
fn check(server: &TestServer, name: &str, want: &str) -> Response {
    let target = format!("/{name}");
    let rows: [(&str, &[(&str, &str)]); 5] = [
        ("HEAD", &[]),
        ("GET", &[]),
        ("GET", &[("Range", "bytes=0-0")]),
        ("GET", &[("Accept-Encoding", "gzip, identity;q=0")]),
        ("HEAD", &[("Accept-Encoding", "deflate, *;q=0")]),
    ];
    for (method, fields) in rows {
        let response = server.request(method, &target, fields);
        assert_eq!(
            response.field("Content-Type"),
            Some(want),
            "{method} {target} {fields:?}"
        );
    }
    let range = server.get(&target, &[("Range", "bytes=0-0,3-3")]);
    let part = format!("Content-Type: {want}\r\n");
    assert!(
        support::find(&range.body, part.as_bytes()).is_some(),
        "{target}"
    );
    server.get(&target, &[])
}

/// The same content, once for the cache and once too large for it. Content that follows the end of the
/// look is not looked at.
#[track_caller]
fn check_both(rows: &[(&str, &[u8], &str)]) {
    let grown = |content: &[u8]| [content, &b"\n".repeat(LARGE)].concat();
    let setup = rows.iter().fold(Setup::new(), |setup, (name, content, _)| {
        let large = format!("large/{name}");
        setup.file(name, content).file(&large, grown(content))
    });
    let server = setup.start();
    for (name, _, want) in rows {
        check(&server, name, want);
        check(&server, &format!("large/{name}"), want);
    }
}

#[test]
fn the_content_decides_if_the_name_does_not() {
    let binary = &b"\x7fELF\x02\x01\x01\0\0\0"[..];
    check_both(&[
        ("SHA256SUMS", b"e3b0c442  empty\n", PLAIN),
        ("a.service", b"[Unit]\n", PLAIN),
        ("Cargo.lock", b"# This file\n", PLAIN),
        ("notes.x-y-z", "na\u{ef}ve\n".as_bytes(), PLAIN),
        ("latin.x-y-z", b"na\xefve\n", UNKNOWN),
        ("program", binary, UNKNOWN),
        ("go.mod", b"module example.org/a\n", PLAIN),
        ("tracker.mod", binary, UNKNOWN),
        ("id_rsa.pub", b"ssh-rsa AAAA\n", PLAIN),
        ("flyer.pub", binary, "application/x-mspublisher"),
        ("cube.obj", b"v 1.0 0.0 0.0\n", "model/obj"),
        ("main.obj", binary, UNKNOWN),
    ]);
}

#[test]
fn text_that_browsers_do_not_render_is_plain() {
    let names = [
        "a.yaml", "a.toml", "a.sql", "a.jsonl", "a.srt", "a.asc", "Makefile", "LICENSE",
    ];
    let rows: Vec<(&str, &[u8], &str)> = names
        .iter()
        .map(|name| (*name, &b"text"[..], PLAIN))
        .collect();
    check_both(&rows);
}

#[test]
fn the_charset_is_that_of_the_content() {
    let old =
        "<!doctype html><meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'>";
    let declared = [old.as_bytes(), b"caf\xe9"].concat();
    check_both(&[
        ("old.html", &declared, "text/html"),
        ("ascii.html", old.as_bytes(), "text/html"),
        (
            "new.html",
            "<meta charset=utf-8>caf\u{e9}".as_bytes(),
            "text/html; charset=utf-8",
        ),
        ("silent.html", b"<p>hello", "text/html; charset=utf-8"),
        ("latin.txt", b"caf\xe9 ", "text/plain"),
        ("utf16.txt", b"\xff\xfeh\0i\0", "text/plain"),
        ("a.css", b"@charset \"koi8-r\"; p {}", "text/css"),
        ("b.css", b"p {}", "text/css; charset=utf-8"),
        ("a.js", b"'caf\xe9'", "text/javascript"),
        (
            "b.js",
            "'caf\u{e9}'".as_bytes(),
            "text/javascript; charset=utf-8",
        ),
        ("a.json", "\"caf\u{e9}\"".as_bytes(), "application/json"),
        (
            "a.xml",
            b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>",
            "application/xml",
        ),
    ]);
}

/// The window is the whole content, if it is in memory, or else its first 4 KiB.
#[test]
fn the_end_of_a_small_file_counts_and_that_of_a_large_one_does_not() {
    let text = |length: usize| [&b"a".repeat(length - 1)[..], b"\xe9"].concat();
    // A character that is cut where the look ends is no fault.
    let cut = [
        &b"a".repeat(4095)[..],
        "\u{e9}".as_bytes(),
        &b"a".repeat(LARGE),
    ]
    .concat();
    let server = Setup::new()
        .file("small.txt", text(300_000))
        .file("large.txt", text(LARGE))
        .file("cut.txt", cut)
        .start();
    check(&server, "small.txt", "text/plain");
    check(&server, "large.txt", PLAIN);
    check(&server, "cut.txt", PLAIN);
}

#[test]
fn a_file_that_changes_may_get_another_media_type() {
    let server = Setup::new().file("a", "text").start();
    check(&server, "a", PLAIN);
    std::fs::write(server.root.join("a"), b"\0").expect("written");
    assert_eq!(server.get("/a", &[]).field("Content-Type"), Some(UNKNOWN));
}

#[test]
fn a_transport_stream_is_neither_text_nor_compressed() {
    let packets = |count: usize| {
        let noise = noise(184 * count);
        let packets = noise
            .chunks(184)
            .map(|chunk| [b"\x47\x01\0\x10", chunk].concat());
        packets.collect::<Vec<_>>().concat()
    };
    // Bytes of all values, as in an encrypted segment of HTTP Live Streaming.
    let bytes = noise(50_000);
    let bytes = bytes.windows(2).map(|two| two[0].wrapping_mul(two[1]));
    let bytes: Vec<u8> = bytes.collect();
    let server = Setup::new()
        .file("seg0.ts", packets(200))
        .file("seg1.ts", packets(LARGE / 188))
        .file("00001.m2ts", packets(200))
        .file("encrypted.ts", bytes)
        .file("main.ts", "let a: number = 1;\n".repeat(100))
        .start();
    let gzip = [("Accept-Encoding", "gzip")];
    for name in ["seg0.ts", "seg1.ts", "00001.m2ts", "encrypted.ts"] {
        check(&server, name, "video/mp2t");
        let response = server.get(&format!("/{name}"), &gzip);
        assert_eq!(response.field("Content-Encoding"), None, "{name}");
    }
    check(&server, "main.ts", PLAIN);
    let response = server.get("/main.ts", &gzip);
    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
}

#[test]
fn the_operator_gives_media_types_by_extension() {
    let setup = Setup::new()
        .file("a.log", "text")
        .file("a.md", b"caf\xe9")
        .file("a.ts", "text")
        .file("a.tar.gz", "\x1f")
        .file("b.gz", "\x1f");
    let server = setup
        .with(|config| {
            for rule in [
                "log=text/html",
                "md=text/plain",
                "ts=video/mp2t",
                "tar.gz=a/b; c=\"d\"",
            ] {
                config.site.types.add(rule).expect("a rule");
            }
        })
        .start();
    for (name, want) in [
        ("a.log", "text/html; charset=utf-8"),
        ("a.md", "text/plain"),
        ("a.ts", "video/mp2t"),
        ("a.tar.gz", "a/b; c=\"d\""),
        ("b.gz", "application/gzip"),
    ] {
        let response = server.get(&format!("/{name}"), &[]);
        assert_eq!(response.field("Content-Type"), Some(want), "{name}");
    }
    let mut client = server.connect();
    client.send(&request("HEAD", "/a.md", &[]));
    assert_eq!(
        client.response("HEAD").field("Content-Type"),
        Some("text/plain")
    );
}

/// RFC 9110 section 8.8.1: otherwise a client would keep the media type that it was given first.
#[test]
fn another_media_type_is_another_entity_tag() {
    let setup = Setup::new().file("a.txt", "text");
    let (root, mut tags) = (setup.root().to_owned(), Vec::new());
    for media_type in ["text/plain", "text/html", "text/plain"] {
        let other = Setup::new().with(|config| {
            config.root.clone_from(&root);
            let rule = format!("txt={media_type}");
            config.site.types.add(&rule).expect("a rule");
        });
        let response = other.start().get("/a.txt", &[]);
        tags.push(response.field("ETag").expect("a tag").to_owned());
    }
    assert!(tags[0] == tags[2] && tags[0] != tags[1], "{tags:?}");
}

#[test]
fn the_operator_gives_media_types_by_path() {
    let server = Setup::new()
        .file("v2/manifest", "{ \"a\": 1 }")
        .file("v2/a.html", "<p>text")
        .file("a.html", "<p>text")
        .with(|config| {
            let rule = "/v2/**=application/vnd.a+json";
            config.site.types.add(rule).expect("a rule");
        })
        .start();
    check(&server, "v2/manifest", "application/vnd.a+json");
    check(&server, "v2/a.html", "application/vnd.a+json");
    check(&server, "a.html", "text/html; charset=utf-8");
}

/// Some programs ask for compressed files by their own names, and expect what they hold.
#[test]
fn the_operator_says_that_files_are_compressed() {
    let plain = "some code ".repeat(100);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain.as_bytes()).expect("memory");
    let stored = encoder.finish().expect("memory");
    let server = Setup::new()
        .file("game.wasm.gz", &stored)
        .file("not.wasm.gz", &plain)
        .file("other.gz", &stored)
        .with(|config| {
            let rule = "wasm.gz=application/wasm; coding=gzip";
            config.site.types.add(rule).expect("a rule");
        })
        .start();
    let ask = |target: &str, accepted: &str| {
        let response = server.get(target, &[("Accept-Encoding", accepted)]);
        let field = |name| response.field(name).map(str::to_owned);
        (
            field("Content-Type"),
            field("Content-Encoding"),
            response.body,
        )
    };
    let wasm = Some("application/wasm".to_owned());
    let gzip = Some("gzip".to_owned());
    let want = (wasm.clone(), gzip, stored.clone());
    assert_eq!(ask("/game.wasm.gz", "gzip, br"), want);
    let decoded = (wasm.clone(), None, plain.clone().into_bytes());
    assert_eq!(ask("/game.wasm.gz", "identity"), decoded);
    // What is not gzip is sent as it is.
    assert_eq!(ask("/not.wasm.gz", "identity"), decoded);
    let archive = Some("application/gzip".to_owned());
    assert_eq!(ask("/other.gz", "gzip"), (archive, None, stored));
}

/// docroot cannot decode Brotli, so a client that does not accept it gets 406.
#[test]
fn a_file_that_is_stored_in_brotli_is_sent_only_as_it_is_stored() {
    let server = Setup::new()
        .file("game.wasm.br", "in brotli")
        .with(|config| {
            let rule = "wasm.br=application/wasm; coding=br";
            config.site.types.add(rule).expect("a rule");
        })
        .start();
    let target = "/game.wasm.br";
    let check = |accepted: Option<&str>, status: u16| {
        let fields: Vec<_> = accepted
            .map(|accepted| ("Accept-Encoding", accepted))
            .into_iter()
            .collect();
        for method in ["GET", "HEAD"] {
            let response = server.request(method, target, &fields);
            assert_eq!(response.status, status, "{method} {accepted:?}");
            assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
            if status == 406 && method == "GET" {
                let advice = "<p>Allow br in Accept-Encoding.</p>";
                assert!(response.text().contains(advice), "{}", response.text());
            }
            if status == 200 {
                assert_eq!(response.field("Content-Encoding"), Some("br"));
                assert_eq!(response.field("Content-Type"), Some("application/wasm"));
                assert_eq!(response.field("Content-Length"), Some("9"));
            }
        }
    };
    check(None, 200);
    check(Some("gzip, br"), 200);
    check(Some("identity, br;q=0.5"), 200);
    check(Some("*"), 200);
    check(Some("gzip"), 406);
    check(Some("identity"), 406);
    check(Some("br;q=0"), 406);
    let whole = server.get(target, &[("Accept-Encoding", "br")]);
    let tag = whole.field("ETag").expect("a tag");
    let fields = [("Accept-Encoding", "br"), ("If-None-Match", tag)];
    assert_eq!(server.get(target, &fields).status, 304);
    let fields = [("Accept-Encoding", "br"), ("Range", "bytes=3-")];
    let part = server.get(target, &fields);
    assert_eq!((part.status, &*part.text()), (206, "brotli"));
    assert_eq!(part.field("Content-Encoding"), Some("br"));
}

/// RFC 9110 section 12.5.2: servers may ignore the field.
#[test]
fn accept_charset_is_ignored() {
    let server = TestServer::of(&[("a.txt", "caf\u{e9}")]);
    let fields = |response: Response| {
        let all = response.fields.into_iter();
        let kept: Vec<_> = all.filter(|(name, _)| name != "Date").collect();
        (response.status, kept)
    };
    let plain = fields(server.get("/a.txt", &[]));
    for charset in ["utf-8", "iso-8859-1, *;q=0", ""] {
        let asked = server.get("/a.txt", &[("Accept-Charset", charset)]);
        assert_eq!(asked.text(), "caf\u{e9}");
        assert_eq!(fields(asked), plain, "{charset}");
    }
}
