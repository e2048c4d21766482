//! The clients that people use. They are found at run time and required: what is not tested with
//! them has not been seen to work.

mod support;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{A_SECOND_OF_IT, Setup, TestServer, noise};

const CURL: &str = "curl is needed by these tests; scripts/test installs it";
#[cfg(target_os = "linux")]
const ZSYNC: &str = "zsync is needed by these tests; scripts/test installs it";
const PYTHON: &str = "python3 is needed by these tests; scripts/test installs it";

/// Bytes that differ from every shift of themselves by less than 251.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn url(server: &TestServer, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

/// Runs curl in `folder`, without the settings of whoever runs the tests.
fn curl(folder: &Path, arguments: &[&str]) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["-q", "--noproxy", "*", "--silent", "--show-error"]);
    curl.args(["--max-time", "60"]).args(arguments);
    curl.current_dir(folder).stdin(Stdio::null());
    curl.output().expect(CURL)
}

/// A run of curl that must succeed; what it wrote to its standard output.
#[track_caller]
fn fetched(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = curl(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// Runs a program in Python; it asserts for itself.
#[track_caller]
fn python(server: &TestServer, program: &str) {
    let mut python = Command::new("python3");
    python.args(["-I", "-c", program]);
    python.args([
        server.address.ip().to_string(),
        server.address.port().to_string(),
    ]);
    let output = python.stdin(Stdio::null()).output().expect(PYTHON);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"done\n", "{said}");
}

#[test]
fn concept_10_curl_resumes_an_interrupted_download() {
    let content = pattern(12 << 20);
    let server = Setup::new().file("large.bin", &content).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = url(&server, "/large.bin");
    let part = folder.path().join("part");
    let slow = [&A_SECOND_OF_IT[..], &[&large]].concat();
    let output = curl(folder.path(), &slow);
    assert_eq!(output.status.code(), Some(28), "{output:?}");
    let begun = std::fs::read(&part).expect("a part");
    assert!(!begun.is_empty() && begun.len() < content.len());
    fetched(folder.path(), &["-C", "-", "-o", "part", &large]);
    assert!(std::fs::read(&part).expect("the file") == content);
    // What is whole already is left alone: 416, which curl takes for success or says so.
    let again = curl(
        folder.path(),
        &["-C", "-", "-w", "%{http_code}", "-o", "part", &large],
    );
    assert!(again.stdout == b"416", "{again:?}");
    assert!(std::fs::read(&part).expect("the file") == content);
}

/// Looks for each part behind a line break, and requests the same ranges for ever if there is none.
#[test]
#[cfg(target_os = "linux")]
fn zsync_fetches_only_what_has_changed() {
    let content = noise(4 << 20);
    let mut old = content.clone();
    for block in old.chunks_mut(256 * 1024) {
        block[1000..5000].fill(b'x');
    }
    let server = Setup::new().file("image", &content).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("timeout");
        command.args(["60", program]).args(arguments);
        command.current_dir(folder.path()).stdin(Stdio::null());
        let output = command.output().expect(ZSYNC);
        assert!(output.status.success(), "{program}: {output:?}");
    };
    std::fs::write(folder.path().join("old"), old).expect("a file");
    let (image, url) = (server.root.join("image"), url(&server, "/image"));
    let image = image.to_str().expect("UTF-8");
    run("zsyncmake", &["-o", "image.zsync", "-u", &url, image]);
    run("zsync", &["-q", "-i", "old", "-o", "new", "image.zsync"]);
    let new = std::fs::read(folder.path().join("new")).expect("the file");
    assert!(new == content);
}

#[test]
fn curl_notices_a_download_that_was_cut() {
    let server = TestServer::of(&[]);
    let file = File::create(server.root.join("shrinks.bin")).expect("a file");
    file.set_len(256 << 20).expect("a sparse file");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new("curl")
        .args(["-q", "--noproxy", "*", "--silent", "--limit-rate", "4M"])
        .args(["-o", "part", &url(&server, "/shrinks.bin")])
        .current_dir(folder.path())
        .spawn()
        .expect(CURL);
    let part = folder.path().join("part");
    support::until("a part has come", || {
        part.metadata().is_ok_and(|part| part.len() > 0)
    });
    file.set_len(1).expect("it shrinks");
    // 18 is a partial file, 56 a reset.
    let code = child.wait().expect("it ends").code();
    assert!(matches!(code, Some(18 | 56)), "{code:?}");
    assert!(part.metadata().expect("a part").len() < 256 << 20);
}

#[test]
fn curl_takes_compressed_answers() {
    let text = "every line says much the same\n".repeat(50_000);
    let server = TestServer::of(&[("text.txt", &text), ("short.txt", "short")]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = "%{stderr}%{http_code} %{size_download}";
    for _ in 0..2 {
        // Streamed the first time, from the cache the second.
        let target = url(&server, "/text.txt");
        let output = curl(folder.path(), &["--compressed", "-w", report, &target]);
        assert!(output.stdout == text.as_bytes(), "another text");
        let report = String::from_utf8_lossy(&output.stderr);
        let (code, size) = report.split_once(' ').expect("a report");
        assert_eq!(code, "200");
        assert!(
            size.parse::<usize>().expect("a number") < text.len() / 10,
            "{size}"
        );
    }
    let short = fetched(
        folder.path(),
        &["--compressed", &url(&server, "/short.txt")],
    );
    assert_eq!(short, b"short");
    let listing = fetched(folder.path(), &["--compressed", &url(&server, "/")]);
    assert!(String::from_utf8_lossy(&listing).contains("\"text.txt\""));
}

#[test]
fn curl_gets_the_ranges_it_asks_for() {
    let content = pattern(1 << 20);
    let server = Setup::new().file("a.bin", &content).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = url(&server, "/a.bin");
    let range = |range: &str| fetched(folder.path(), &["-r", range, &file]);
    assert_eq!(range("0-0"), content[..1]);
    assert_eq!(range("1000-1999"), content[1000..2000]);
    assert_eq!(range("1048000-"), content[1_048_000..]);
    assert_eq!(range("-10"), content[content.len() - 10..]);
    assert_eq!(range("0-9999999"), content);
    let several = fetched(folder.path(), &["-r", "0-1,500-501", &file]);
    let parts = String::from_utf8_lossy(&several)
        .matches("Content-Range: bytes ")
        .count();
    assert_eq!(parts, 2);
}

#[test]
fn curl_revalidates_what_it_kept() {
    let server = TestServer::of(&[("a.txt", "here")]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = url(&server, "/a.txt");
    let ask = |tags: &[&str]| {
        let common = ["-w", "%{http_code}", "-o", "body", &target];
        let output = fetched(folder.path(), &[tags, &common].concat());
        String::from_utf8(output).expect("a status")
    };
    assert_eq!(ask(&["--etag-save", "tag"]), "200");
    assert_eq!(ask(&["--etag-compare", "tag"]), "304");
    assert_eq!(ask(&["-z", "body"]), "304", "by date");
    server.write("a.txt", "new!");
    assert_eq!(ask(&["--etag-compare", "tag"]), "200");
}

#[test]
fn curl_fetches_many_at_a_time() {
    let setup = (0..60).fold(Setup::new(), |setup, number| {
        setup.file(&format!("{number}.bin"), pattern(number * 5000))
    });
    let server = setup.start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = url(&server, "/[0-59].bin");
    fetched(
        folder.path(),
        &["-Z", "--parallel-max", "20", "-o", "got-#1", &files],
    );
    for number in 0..60 {
        let got = std::fs::read(folder.path().join(format!("got-{number}")));
        assert!(got.expect("a file") == pattern(number * 5000), "{number}");
    }
}

#[test]
fn curl_is_redirected_and_told_of_what_is_missing() {
    let server = TestServer::of(&[("folder/index.html", "index")]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let index = fetched(folder.path(), &["-L", &url(&server, "/folder?x=1")]);
    assert_eq!(index, b"index");
    let missing = curl(folder.path(), &["--fail", &url(&server, "/missing")]);
    assert_eq!(missing.status.code(), Some(22));
    // An upload is refused before it is sent, and curl lives to tell.
    let upload = ["-T", "large", "-w", "%{http_code}", "-o", "page"];
    let large = File::create(folder.path().join("large")).expect("a file");
    large.set_len(64 << 20).expect("a sparse file");
    let refused = curl(
        folder.path(),
        &[&upload[..], &[&url(&server, "/x")]].concat(),
    );
    assert_eq!(refused.stdout, b"405", "{refused:?}");
    // HTTP/1.0, and a target that another program would have normalised.
    assert_eq!(
        fetched(folder.path(), &["-0", &url(&server, "/folder/")]),
        b"index"
    );
    let climbing = ["--path-as-is", "-w", "%{http_code}", "-o", "page"];
    let climbing = fetched(
        folder.path(),
        &[&climbing[..], &[&url(&server, "/folder/../../x")]].concat(),
    );
    assert_eq!(climbing, b"400");
}

#[test]
fn python_keeps_its_connection() {
    let text = "some text for the way\n".repeat(20_000);
    let server = TestServer::of(&[("a.txt", "here"), ("text.txt", &text)]);
    python(
        &server,
        r#"
import gzip, http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=60)
connection.connect()
socket = connection.sock

def ask(method, target, **fields):
    connection.request(method, target, headers=fields)
    answer = connection.getresponse()
    body = answer.read()
    assert connection.sock is socket, "another connection"
    return answer, body

for _ in range(50):
    answer, body = ask("GET", "/a.txt")
    assert (answer.status, body) == (200, b"here")
answer, body = ask("HEAD", "/a.txt")
assert (answer.status, body, answer.getheader("Content-Length")) == (200, b"", "4")
answer, body = ask("GET", "/missing")
assert answer.status == 404
answer, body = ask("GET", "/a.txt", **{"If-None-Match": ask("HEAD", "/a.txt")[0].getheader("ETag")})
assert (answer.status, body) == (304, b"")
answer, body = ask("GET", "/text.txt", **{"Accept-Encoding": "gzip"})
assert answer.getheader("Content-Encoding") == "gzip"
assert gzip.decompress(body) == b"some text for the way\n" * 20000
answer, body = ask("POST", "/a.txt", **{"Content-Length": "0"})
assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD, OPTIONS")
connection.request("POST", "/a.txt", body=iter([b"in ", b"chunks"]), encode_chunked=True,
                   headers={"Transfer-Encoding": "chunked"})
answer = connection.getresponse()
assert answer.status == 405 and answer.read()
answer, body = ask("OPTIONS", "*")
assert answer.status == 204
answer, body = ask("GET", "/")
assert answer.status == 200 and b'"text.txt"' in body
connection.request("GET", "/a.txt", headers={"Connection": "close"})
answer = connection.getresponse()
assert answer.read() == b"here" and answer.will_close
print("done")
"#,
    );
}

#[test]
fn python_pipelines() {
    let server = Setup::new()
        .file("a.txt", "here")
        .file("large.bin", pattern(3 << 20))
        .start();
    python(
        &server,
        r#"
import http.client, socket, sys

class Shared:
    "A socket whose answers are read from one buffer."
    def __init__(self, file): self.file = file
    def makefile(self, mode): return self
    def close(self): pass
    def __getattr__(self, name): return getattr(self.file, name)

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
shared = Shared(connection.makefile("rb"))
pattern = bytes(range(251)) * (3 * 2**20 // 251 + 1)
wanted = []
for number in range(20):
    for method, target, status, body in [
        ("GET", "/a.txt", 200, b"here"),
        ("HEAD", "/large.bin", 200, b""),
        ("GET", "/missing", 404, None),
        ("GET", "/large.bin", 200, pattern[:3 * 2**20]),
        ("OPTIONS", "/a.txt", 204, b""),
    ]:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        wanted.append((method, target, status, body))
for method, target, status, body in wanted:
    answer = http.client.HTTPResponse(shared, method=method)
    answer.begin()
    got = answer.read()
    assert answer.status == status, (method, target, answer.status)
    assert body is None or got == body, (method, target)
print("done")
"#,
    );
}

#[test]
fn python_opens_urls() {
    let server = TestServer::of(&[("folder/index.html", "index"), ("a b+c%.txt", "odd")]);
    python(
        &server,
        r#"
import json, sys, urllib.error, urllib.parse, urllib.request
base = f"http://{sys.argv[1]}:{sys.argv[2]}"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(base + "/folder", timeout=60) as answer:
    assert answer.geturl() == base + "/folder/", answer.geturl()
    assert answer.read() == b"index"
    assert answer.headers.get_content_type() == "text/html"
    assert answer.headers.get_content_charset() == "utf-8"
with opener.open(base + "/" + urllib.parse.quote("a b+c%.txt"), timeout=60) as answer:
    assert answer.read() == b"odd"
request = urllib.request.Request(base + "/", headers={"Accept": "application/json"})
with opener.open(request, timeout=60) as answer:
    entries = json.load(answer)["entries"]
for entry in entries:
    with opener.open(urllib.parse.urljoin(base + "/", entry["href"]), timeout=60) as answer:
        assert answer.status == 200
assert [entry["name"] for entry in entries] == ["folder", "a b+c%.txt"]
try:
    opener.open(base + "/missing", timeout=60)
    raise SystemExit("it was there")
except urllib.error.HTTPError as error:
    assert error.code == 404 and b"404" in error.read()
print("done")
"#,
    );
}
