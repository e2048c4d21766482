//! `docroot explain`: its output must equal the files in `tests/explained`, which a person has read.
//!
//! ```text
//! $ docroot explain /hello.txt -H 'If-None-Match: [etag]'
//! HTTP/1.1 304 Not Modified
//! ...
//! ```
//!
//! Values that differ from run to run are in brackets, as in the transcripts. To write the files
//! again, run the test with `EXPLAINED=write`, then read the difference.
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use support::program::unprivileged;

/// One for each kind of answer.
const CASES: &[(&str, &[&str])] = &[
    (
        "200-live-reload",
        &["/site/", "--live-reload", "--cache", "/**=max-age=60"],
    ),
    ("404-live-reload", &["/missing", "--live-reload"]),
    ("200-cors-for-every-origin", &["/hello.txt", "--cors"]),
    (
        "200-an-origin-that-is-not-listed",
        &[
            "/hello.txt",
            "--cors=https://a.example",
            "-H",
            "Origin: https://b.example",
        ],
    ),
    (
        "404-an-origin-that-is-listed",
        &[
            "/missing",
            "--cors=https://a.example",
            "-H",
            "Origin: https://a.example",
        ],
    ),
    (
        "200-many-fields",
        &[
            "/hello.txt",
            "--security-headers",
            "--coi",
            "--header",
            "X-A: b",
            "--header",
            "/*.{txt,md} X-A: c",
            "--header",
            "/*.{txt,md} X-A: d",
            "--header",
            "/hello.* Referrer-Policy:",
        ],
    ),
    (
        "404-fields-of-an-error-page",
        &[
            "/nope",
            "--security-headers",
            "--header",
            "X-Frame-Options: DENY",
        ],
    ),
    (
        "404-the-policy-of-the-operator",
        &[
            "/nope",
            "--security-headers",
            "--header",
            "Content-Security-Policy: default-src 'self'",
        ],
    ),
    ("200-any-language", &["/hello.txt", "--negotiate"]),
    (
        "200-a-path-of-an-application-with-an-extension",
        &[
            "/deep/link.v2",
            "--spa=site/text.de.html",
            "-H",
            "Accept: text/html",
        ],
    ),
    (
        "404-a-missing-script-of-an-application",
        &["/missing.js", "--spa=site/text.de.html"],
    ),
    (
        "404-a-fetch-of-an-application",
        &[
            "/missing",
            "--spa=site/text.de.html",
            "-H",
            "Sec-Fetch-Dest: empty",
        ],
    ),
    (
        "404-an-image-of-an-application",
        &[
            "/missing",
            "--spa=site/text.de.html",
            "-H",
            "Accept: image/png",
        ],
    ),
    (
        "404-an-application-without-its-page",
        &["/deep/link", "--spa=missing.html"],
    ),
    (
        "200-a-media-type-by-path",
        &["/hello.txt", "--type", "/*.{txt,md}=text/x-hello"],
    ),
    (
        "200-a-media-type-by-extension",
        &["/hello.txt", "--type", "txt=text/x-hello"],
    ),
    (
        "200-a-file-in-the-coding-of-a-rule",
        &[
            "/game.wasm.br",
            "--type",
            "wasm.br=application/wasm; coding=br",
            "-H",
            "Accept-Encoding: br",
        ],
    ),
    (
        "200-a-file-in-another-coding-than-that-of-a-rule",
        &["/hello.txt", "--type", "txt=text/x-hello; coding=gzip"],
    ),
    (
        "406-no-language-left",
        &[
            "/site/text.html",
            "--negotiate",
            "--strict-negotiation",
            "-H",
            "Accept-Language: ja",
        ],
    ),
    (
        "421-a-host-that-is-not-named",
        &["/hello.txt", "--strict-host", "--allow-host", "a.example"],
    ),
    ("200-below-a-prefix", &["/p/hello.txt", "--prefix", "/p"]),
    (
        "301-a-prefix-without-its-slash",
        &["/p?q", "--prefix", "/p"],
    ),
    (
        "404-outside-of-the-prefix",
        &["/hello.txt", "--prefix", "/p"],
    ),
    (
        "200-a-language-of-the-query",
        &[
            "/site/text.html?lang=de",
            "--negotiate",
            "-H",
            "Cookie: docroot-lang=en",
        ],
    ),
    (
        "200-a-language-of-the-cookie",
        &[
            "/site/text.html",
            "--negotiate",
            "-H",
            "Cookie: docroot-lang=de",
            "-H",
            "Accept-Language: en",
        ],
    ),
    (
        "200-an-old-client",
        &["/hello.txt", "--http1.0", "--cache", "/**=max-age=60"],
    ),
    (
        "200-rules-for-a-path",
        &[
            "/hello.txt",
            "--cache",
            "/{a,hello}.*=public, max-age=60",
            "--header",
            "/** X-Robots-Tag: noindex",
            "--header",
            "X-Content-Type-Options:",
            "--cors=https://a.example",
            "-H",
            "Origin: https://a.example",
        ],
    ),
    (
        "204-a-preflight-request",
        &[
            "/hello.txt",
            "--cors",
            "--method",
            "OPTIONS",
            "-H",
            "Origin: https://a.example",
            "-H",
            "Access-Control-Request-Method: GET",
            "-H",
            "Access-Control-Request-Headers: range",
        ],
    ),
    (
        "301-a-redirect-of-the-operator",
        &[
            "/old/a%20b?c",
            "--redirect",
            "/old/**=https://b.example/$1",
            "--header",
            "/old/** X-Robots-Tag: noindex",
        ],
    ),
    (
        "200-the-first-of-several-sites",
        &["/hello.txt", "--site", "other.example=."],
    ),
    (
        "200-a-language",
        &[
            "/site/text.html?download",
            "--negotiate",
            "-H",
            "Accept-Language: de-CH, en;q=0.5",
        ],
    ),
    ("301-a-clean-url", &["/site/text.de.html", "--clean-urls"]),
    ("200-a-clean-url", &["/site/text", "--clean-urls"]),
    (
        "301-an-index-by-its-clean-url",
        &["/site/index", "--clean-urls"],
    ),
    (
        "200-a-page-of-an-application",
        &[
            "/deep/link",
            "--spa=site/text.de.html",
            "-H",
            "Sec-Fetch-Dest: document",
        ],
    ),
    (
        "200-a-client-that-expects-100",
        &[
            "/hello.txt",
            "-H",
            "Content-Length: 5",
            "-H",
            "Expect: 100-continue",
        ],
    ),
    (
        "200-a-client-that-expects-100-without-a-body",
        &["/hello.txt", "-H", "Expect: 100-continue"],
    ),
    (
        "405-a-client-that-expects-100",
        &[
            "/hello.txt",
            "--method",
            "PUT",
            "-H",
            "Content-Length: 5",
            "-H",
            "Expect: 100-continue",
        ],
    ),
    (
        "200-a-condition-that-any-file-meets",
        &[
            "/hello.txt",
            "-H",
            "If-Match: *",
            "-H",
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        ],
    ),
    (
        "200-a-listing-by-query",
        &["/letters/?format=json", "-H", "Accept: text/html"],
    ),
    (
        "200-a-malformed-range-of-a-coded-file",
        &[
            "/poem.txt",
            "-H",
            "Range: bytes=9-2",
            "-H",
            "Accept-Encoding: gzip",
        ],
    ),
    (
        "200-a-target-in-absolute-form",
        &[
            "http://example.org/hello.txt",
            "-H",
            "Accept-Encoding: br",
            "--allow-host",
            "*.example,example.org",
        ],
    ),
    ("200-an-archive", &["/letters/?archive=zip", "--archive"]),
    (
        "200-an-archive-that-is-not-allowed",
        &["/letters/?archive=zip", "-H", "Accept: application/json"],
    ),
    ("200-the-only-file", &["/"]),
    (
        "206-digests",
        &[
            "/hello.txt",
            "-H",
            "Range: bytes=7-11",
            "-H",
            "Want-Repr-Digest: sha-256=1, sha-512=0",
            "-H",
            "Want-Content-Digest: sha-256=1",
        ],
    ),
    (
        "304-an-entity-tag-by-content",
        &[
            "/hello.txt",
            "--etag",
            "content",
            "-H",
            "If-None-Match: \"d9014c4624844aa5bac314773d6b689a-74df46b3\"",
        ],
    ),
    (
        "304-a-date-beside-an-entity-tag",
        &[
            "/hello.txt",
            "-H",
            "If-None-Match: \"old\"",
            "-H",
            "If-None-Match: \"[etag]\"",
            "-H",
            "If-Modified-Since: Mon, 07 Nov 1994 08:49:37 GMT",
        ],
    ),
    ("301-dot-segments", &["/letters/../hello.txt"]),
    ("400-a-dot-segment", &["/letters/../../hello.txt"]),
    (
        "400-an-archive-in-another-format",
        &["/letters/?archive=rar", "--archive"],
    ),
    ("400-a-target-without-a-form", &["hello.txt"]),
    (
        "400-two-hosts",
        &["/hello.txt", "-H", "Host: a", "-H", "Host: b"],
    ),
    (
        "200-an-address-that-is-allowed",
        &[
            "/hello.txt",
            "--allow",
            "127.0.0.1",
            "--deny",
            "127.0.0.0/8",
        ],
    ),
    (
        "403-an-address-that-is-not-allowed",
        &["/hello.txt", "--allow", "192.0.2.0/24"],
    ),
    ("404-a-fifo", &["/fifo"]),
    ("404-a-file-with-a-slash", &["/hello.txt/"]),
    ("404-a-hidden-name", &["/.secret", "-H", "If-None-Match: *"]),
    ("404-a-link-in-a-circle", &["/circle"]),
    (
        "404-a-name-with-an-invisible-character",
        &["/rtl%E2%80%AEgnp.exe"],
    ),
    ("404-a-link-that-leads-out", &["/outside"]),
    ("404-a-link-to-a-hidden-name", &["/to-secret"]),
    ("404-another-name-than-the-only-file", &["/poem.txt"]),
    ("405-a-tunnel", &["example.org:80", "--method", "CONNECT"]),
    (
        "406-no-coding-left",
        &["/hello.txt", "-H", "Accept-Encoding: *;q=0"],
    ),
    ("414-a-long-target", &["/[long]", "--max-target", "512"]),
    (
        "417-an-unknown-expectation",
        &["/hello.txt", "-H", "Expect: 200-ok"],
    ),
    (
        "421-a-foreign-host-beside-listed-ones",
        &[
            "/hello.txt",
            "-H",
            "Host: rebound.example:8080",
            "--bind",
            "0.0.0.0",
            "--allow-host",
            "files.example",
        ],
    ),
    (
        "421-a-foreign-host-on-loopback",
        &["/hello.txt", "-H", "Host: rebound.example"],
    ),
    ("421-https-without-tls", &["https://localhost/hello.txt"]),
    ("200-a-file", &["/hello.txt"]),
    (
        "200-a-head-of-a-coded-file",
        &[
            "/poem.txt",
            "--method",
            "HEAD",
            "-H",
            "Accept-Encoding: gzip;q=0.5, deflate",
        ],
    ),
    (
        "200-a-precompressed-file",
        &[
            "/books/book.txt",
            "-H",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "--precompressed",
        ],
    ),
    (
        "200-a-precompressed-file-that-is-not-accepted",
        &["/books/book.txt", "--precompressed"],
    ),
    (
        "206-a-range-of-a-precompressed-file",
        &[
            "/books/book.txt",
            "-H",
            "Accept-Encoding: gzip, identity;q=0",
            "-H",
            "Range: bytes=-5",
            "--precompressed",
        ],
    ),
    (
        "200-if-range-differs",
        &[
            "/alphabet",
            "-H",
            "Range: bytes=5-",
            "-H",
            "If-Range: \"old\"",
        ],
    ),
    ("200-a-listing", &["/letters/"]),
    ("200-an-index", &["/site/", "-H", "Connection: close"]),
    ("204-options", &["/hello.txt", "--method", "OPTIONS"]),
    (
        "206-a-range",
        &[
            "/poem.txt",
            "-H",
            "Range: bytes=-5",
            "-H",
            "Accept-Encoding: gzip",
        ],
    ),
    (
        "206-several-ranges",
        &["/alphabet", "-H", "Range: bytes=0-1, 4-5"],
    ),
    ("301-a-folder-without-its-slash", &["/letters?sort=size"]),
    (
        "304-an-entity-tag",
        &["/hello.txt", "-H", "If-None-Match: \"old\", W/\"[etag]\""],
    ),
    (
        "304-a-date",
        &[
            "/hello.txt",
            "-H",
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        ],
    ),
    (
        "400-two-lengths",
        &[
            "/",
            "-H",
            "Content-Length: 1",
            "-H",
            "Transfer-Encoding: chunked",
        ],
    ),
    (
        "200-a-body-too-long-to-discard",
        &["/hello.txt", "-H", "Content-Length: 2000000"],
    ),
    ("404-nothing-there", &["/no%20such%20file"]),
    (
        "405-a-method-that-writes",
        &["/hello.txt", "--method", "PUT"],
    ),
    (
        "412-another-file-was-meant",
        &["/hello.txt", "-H", "If-Match: \"old\""],
    ),
    (
        "416-beyond-the-end",
        &["/alphabet", "-H", "Range: bytes=26-"],
    ),
    (
        "431-more-fields-than-allowed",
        &["/hello.txt", "-H", "Accept: */*", "--max-fields", "1"],
    ),
];

#[test]
fn answers_are_explained_as_they_were_when_somebody_read_them() {
    let folder = site();
    let (etag, long) = (etag(folder.path()), long());
    let mut faults = Vec::new();
    for (name, arguments) in CASES {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| argument.replace("[etag]", &etag).replace("[long]", &long))
            .collect();
        let root = match name.contains("the-only-file") {
            true => folder.path().join("hello.txt"),
            false => folder.path().to_owned(),
        };
        faults.extend(fault(name, &arguments, run(&root, &arguments)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_error_page_of_a_site_is_explained() {
    let folder = site();
    let arguments = ["/missing".to_owned()];
    let output = run(&folder.path().join("site"), &arguments);
    let fault = fault("404-a-page-of-the-site", &arguments, output);
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}

#[test]
fn a_directory_that_may_not_be_read_is_explained() {
    let folder = site();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).expect("a folder");
    let set_mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(&closed, mode).expect("a mode");
    };
    let Some(mut command) = unprivileged() else {
        return;
    };
    set_mode(0);
    command.args(["explain", "/closed/"]).arg(folder.path());
    let output = command.output().expect("it runs");
    set_mode(0o700);
    let fault = fault("403-a-closed-folder", &["/closed/".to_owned()], output);
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}

/// With too few file descriptors the program cannot start. With one more, it cannot open the file.
#[test]
fn a_lack_of_file_descriptors_is_explained() {
    let folder = site();
    let outputs = (4..64).map(|limit| {
        let script = format!("ulimit -n {limit} && exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_docroot")]);
        command.args(["explain", "/hello.txt"]).arg(folder.path());
        command.env_clear().output().expect("it runs")
    });
    let mut started = outputs.skip_while(|output| !output.status.success());
    let output = started.next().expect("64 descriptors are enough to start");
    let name = "503-no-file-descriptors";
    let fault = fault(name, &["/hello.txt".to_owned()], output);
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}

#[test]
fn every_step_of_a_long_decision_is_kept() {
    let folder = site();
    let fields = [
        "Expect: 100-continue",
        "Content-Length: 5",
        "Accept: text/html",
        "Accept-Encoding: gzip",
        "If-Match: *",
        "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        "If-None-Match: \"old\"",
        "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        "If-Range: \"old\"",
        "Range: bytes=0-1, 4-5",
    ];
    let mut arguments = vec!["http://localhost/poem.txt".to_owned()];
    for field in fields {
        arguments.extend(["-H".to_owned(), field.to_owned()]);
    }
    let text = String::from_utf8(run(folder.path(), &arguments).stdout).expect("UTF-8");
    let mut lines = text.lines().filter(|line| !is_edit(line));
    let last = lines.next_back().unwrap_or_default();
    assert!(last.contains("the connection stays open"), "{text}");
}

/// Whether a line says what would make the step above it turn out otherwise.
fn is_edit(line: &str) -> bool {
    line.starts_with("    with")
}

/// What differs between the output of a command and the stored one.
fn fault(name: &str, arguments: &[String], output: Output) -> Option<String> {
    assert!(output.status.success(), "{name}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let command: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    let command = command.join(" ").replace(&long(), "[long]");
    let text = format!("$ docroot explain {command}\n{text}");
    let got = masked(&text);
    let path = stored(name);
    if std::env::var_os("EXPLAINED").is_some_and(|what| what == "write") {
        fs::write(&path, &got).expect("written");
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    (got != want).then(|| format!("{name}: expected\n{want}\ngot\n{got}"))
}

#[test]
fn json_holds_the_same_steps() {
    let folder = site();
    let run = |format: &str| {
        let arguments = ["/alphabet", "-H", "Range: bytes=-5", "--format", format];
        let output = run(folder.path(), &arguments.map(String::from));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let text = run("text");
    let json: serde_json::Value = serde_json::from_str(&run("json")).expect("JSON");
    assert_eq!(
        (&json["status"], &json["content_length"]),
        (&206.into(), &5.into())
    );
    let steps = json["steps"].as_array().expect("steps");
    let lines = text.split("\n\n").nth(1).expect("steps").lines();
    let (edits, lines): (Vec<&str>, Vec<&str>) = lines.partition(|line| is_edit(line));
    assert_eq!(edits, ["    without Range -> 200"]);
    let has_edit = |step: &serde_json::Value| {
        let edit = serde_json::json!({"do": "remove", "name": "Range", "expect": 200});
        step["status"] == 206 && step["edits"] == serde_json::json!([edit])
    };
    assert!(steps.iter().any(has_edit), "{json}");
    assert_eq!(steps.len(), lines.len());
    for (step, line) in steps.iter().zip(lines) {
        let part = |name: &str| step[name].as_str().expect("text");
        let function = part("function").trim_start_matches("docroot::");
        for part in [part("finding"), part("section"), function] {
            assert!(line.contains(part), "{line}: {part}");
        }
        let evidence = step["evidence"].as_object().into_iter().flatten();
        for text in evidence.filter_map(|(_, value)| value.as_str()) {
            assert!(line.contains(text), "{line}: {text}");
        }
    }
    let fields = json["fields"].as_array().expect("fields");
    assert!(fields.iter().any(|field| field["name"] == "Content-Range"));
}

/// A change is worth a line if it is about what decides, or about what was typed and leads elsewhere. Each is said once.
#[test]
fn only_changes_that_say_something_are_printed() {
    let folder = site();
    let check = |arguments: &[&str], want: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|word| word.to_string()).collect();
        let output = run(folder.path(), &arguments);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let edits: Vec<&str> = text.lines().filter(|line| is_edit(line)).collect();
        let edits: Vec<&str> = edits.iter().map(|edit| edit.trim_start()).collect();
        assert_eq!(edits, want, "{arguments:?}: {text}");
    };
    let of_decision = [
        "with Range: bytes=0-99 -> 206",
        "with If-None-Match: * -> 304",
    ];
    check(&["/alphabet"], &of_decision);
    // The method was not typed, and neither was Host.
    let of_host = ["without Host -> 400", "with Host: docroot.invalid -> 421"];
    let host = ["/alphabet", "-H", "Host: localhost"];
    check(&host, &[of_host, of_decision].concat());
    let method = ["/alphabet", "--method", "DELETE"];
    check(&method, &["with the method GET -> other rules decide"]);
    let both = [
        "/alphabet",
        "-H",
        "If-None-Match: *",
        "-H",
        "If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT",
    ];
    check(&both, &["without If-None-Match -> other rules decide"]);
}

#[test]
fn a_request_that_cannot_be_expressed_has_status_2() {
    let folder = site();
    for arguments in [
        &["/a b"][..],
        &[""],
        &["/", "-H", "no colon"],
        &["/", "-H", "A: b\nC: d"],
        &["/", "--method", "G(T"],
        &["/", "--format", "xml"],
    ] {
        let arguments: Vec<String> = arguments.iter().map(|word| word.to_string()).collect();
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_folder_that_is_not_there_has_status_1() {
    let output = run(Path::new("/no/such/folder"), &["/".to_owned()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(text.contains("/no/such/folder"), "{text}");
}

/// The files of the transcripts, last modified in the RFC's favourite second.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let poem: String = (1..=100)
        .map(|line| format!("{line:02} the tide comes in, the tide goes out\n"))
        .collect();
    for (name, content) in [
        ("hello.txt", "Hello, world!\n"),
        ("alphabet", "abcdefghijklmnopqrstuvwxyz"),
        ("poem.txt", &poem),
        ("letters/one.txt", "one"),
        ("site/index.html", "<p>Home\n"),
        ("site/text.html", "<p>Text\n"),
        ("site/text.de.html", "<p>Deutsch\n"),
        ("books/book.txt", &poem),
        ("books/book.txt.br", "older than the book"),
        ("books/book.txt.gz", "in gzip"),
        ("game.wasm.br", "in Brotli"),
        ("site/404.html", "<p>Lost\n"),
        (".secret", "secret"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(&path, content).expect("a file");
        let file = fs::File::options().write(true).open(&path).expect("opened");
        let second = 784_111_777 - u64::from(name.ends_with(".br"));
        let date = UNIX_EPOCH + Duration::from_secs(second);
        file.set_modified(date).expect("a date");
    }
    for (target, name) in [
        // Nobody finds out whether there is such a file.
        ("/nothing/at/all", "outside"),
        ("circle", "circle"),
        (".secret", "to-secret"),
        ("/nothing/at/all", "books/book.txt.zst"),
    ] {
        symlink(target, folder.path().join(name)).expect("a link");
    }
    let fifo = folder.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
    folder
}

fn run(folder: &Path, arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_docroot"))
        .arg("explain")
        .args(arguments)
        .arg(folder)
        .env_clear()
        .output()
        .expect("it runs")
}

fn etag(folder: &Path) -> String {
    let output = run(folder, &["/hello.txt".to_owned()]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let tag = text.split("ETag: \"").nth(1).expect("an entity-tag");
    tag.split('"').next().expect("its end").to_owned()
}

/// A name that is longer than a target may be.
fn long() -> String {
    "a".repeat(600)
}

/// An argument as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.%".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{word}'"),
    }
}

/// What differs from one day to the next, in brackets.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let line = match line.split_once(": ") {
            Some((name @ ("Date" | "Expires"), _)) => format!("{name}: [date]"),
            Some((before, _)) if before.ends_with("Expires says the same") => {
                let (age, behind) = line.split_once(" => ").expect("a date");
                let behind = behind.split_once("  ").map_or("", |(_, behind)| behind);
                format!("{age} => [date]  {behind}")
            }
            Some(("Content-Security-Policy", _)) => "Content-Security-Policy: [policy]".to_owned(),
            // The length of a page is as changeable as its words.
            Some(("Content-Length", _)) if is_page(text) => "Content-Length: [length]".to_owned(),
            Some((name @ "Content-Type", value)) => {
                let boundary = value.split_once("boundary=").map(|(before, _)| before);
                match boundary {
                    Some(before) => format!("{name}: {before}boundary=[boundary]"),
                    None => line.to_owned(),
                }
            }
            Some((before, _)) if is_page(text) && before.ends_with("of the response body") => {
                let behind = line.split_once("  ").map_or("", |(_, behind)| behind);
                format!("{before}: [length]  {behind}")
            }
            _ => line.to_owned(),
        };
        masked += &without_tags(&line);
        masked.push('\n');
    }
    masked
}

fn is_page(text: &str) -> bool {
    text.contains("\nContent-Security-Policy: ") || text.contains("\nContent-Encoding: ")
}

/// Entity-tags name the state of a file by sixteen hexadecimal digits.
fn without_tags(line: &str) -> String {
    let mut masked = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('"') {
        let (before, tag) = rest.split_at(at + 1);
        masked += before;
        let body: String = tag.chars().take_while(|&c| c != '"').collect();
        let digits = body.split('-').find(|part| part.len() == 16);
        let is_state = |part: &&str| part.chars().all(|c| c.is_ascii_hexdigit());
        match digits.filter(is_state) {
            Some(digits) => masked += &body.replace(digits, "[etag]"),
            None => masked += &body,
        }
        rest = &tag[body.len()..];
        if let Some(behind) = rest.strip_prefix('"') {
            masked.push('"');
            rest = behind;
        }
    }
    masked + rest
}

fn stored(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explained");
    folder.join(format!("{name}.txt"))
}
