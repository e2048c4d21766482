//! What lies on the disk, and what becomes of it on the wire: RFC 9110 section 8.6 (a length is
//! never a lie), confinement, names, freshness.
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use docroot::text::{append, percent};
use flate2::read::GzDecoder;
use support::program::{Program, skipped, unprivileged};
use support::{Client, Response, Setup, TestServer, noise, request, until};

/// Larger than what the sockets between two ends of the loopback hold, so that a reader that
/// pauses holds up the server in the middle of the file.
const LARGE: usize = 32 << 20;

/// `length` bytes that differ from every shift of themselves by less than 251.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn decoded(response: &Response) -> Vec<u8> {
    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
    let mut content = Vec::new();
    let mut decoder = GzDecoder::new(&response.body[..]);
    decoder.read_to_end(&mut content).expect("whole gzip");
    content
}

/// The target of a path, escaped as the listing escapes it.
fn target(path: &[u8]) -> String {
    let mut target = vec![b'/'];
    append(&mut target, format_args!("{}", percent::path(path)));
    String::from_utf8(target).expect("ASCII")
}

#[track_caller]
fn check_status(server: &TestServer, target: &str, want: u16) {
    let response = server.get(target, &[]);
    assert_eq!(response.status, want, "{target}: {}", response.text());
}

#[test]
fn an_empty_file_is_a_representation() {
    let server = TestServer::of(&[("empty.txt", "")]);
    let response = server.get("/empty.txt", &[]);
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert_eq!(response.field("Content-Length"), Some("0"));
    assert!(response.field("ETag").is_some());
    let gzip = server.get("/empty.txt", &[("Accept-Encoding", "gzip")]);
    assert_eq!((gzip.status, gzip.field("Content-Encoding")), (200, None));
}

#[test]
fn a_sparse_file_beyond_4_gib_is_served_by_range() {
    const SIZE: u64 = 6 << 30;
    let server = TestServer::of(&[]);
    let file = File::create(server.root.join("huge.bin")).expect("a file");
    file.set_len(SIZE).expect("a sparse file");
    file.write_all_at(b"the end", SIZE - 7).expect("its end");
    file.write_all_at(b"beyond", 5 << 30).expect("its middle");
    let head = server.request("HEAD", "/huge.bin", &[]);
    assert_eq!(head.field("Content-Length"), Some("6442450944"));
    let end = server.get("/huge.bin", &[("Range", "bytes=-7")]);
    assert_eq!((end.status, end.text().as_str()), (206, "the end"));
    let content_range = Some("bytes 6442450937-6442450943/6442450944");
    assert_eq!(end.field("Content-Range"), content_range);
    let several = "bytes=5368709120-5368709125, 6442450937-";
    let several = server.get("/huge.bin", &[("Range", several)]);
    assert_eq!(several.status, 206);
    assert!(several.text().contains("\r\n\r\nbeyond\r\n"));
    assert!(several.text().contains("\r\n\r\nthe end\r\n"));
    // It is sent without being read into memory: the first part comes, the rest is not asked for.
    let mut client = server.connect();
    client.send(&request("GET", "/huge.bin", &[]));
    assert_eq!(client.head().status, 200);
    assert!(client.take(1 << 20).iter().all(|&byte| byte == 0));
}

/// A download of `name` that has read its head and its first MiB, and then pauses. The server has
/// sent what the sockets hold, and waits in the middle of the file.
fn paused_download(server: &TestServer, name: &str) -> (Client, usize, Vec<u8>) {
    let mut client = server.connect();
    client.send(&request("GET", name, &[("Connection", "close")]));
    let head = client.head();
    assert_eq!(head.status, 200);
    let length = head.field("Content-Length").expect("a length");
    let first = client.take(1 << 20);
    (client, length.parse().expect("a number"), first)
}

fn large_server() -> (TestServer, Vec<u8>) {
    let content = pattern(LARGE);
    let server = Setup::new().file("large.bin", &content).start();
    (server, content)
}

fn open_to_write(server: &TestServer, name: &str) -> File {
    let mut options = File::options();
    options.write(true);
    options.open(server.root.join(name)).expect("it opens")
}

/// Goes on with a paused download. A change on the way may cut it; what is complete is the old
/// content and nothing else.
#[track_caller]
fn check_rest(download: (Client, usize, Vec<u8>), old: &[u8], want_complete: bool) {
    let (mut client, length, mut body) = download;
    assert_eq!(length, old.len());
    body.extend(client.rest());
    assert_eq!(
        body.len() == length,
        want_complete,
        "{} of {length}",
        body.len()
    );
    assert!(!want_complete || body == old, "another content");
}

#[test]
fn a_file_that_grows_is_sent_as_long_as_it_was() {
    let (server, old) = large_server();
    let download = paused_download(&server, "/large.bin");
    let mut file = open_to_write(&server, "large.bin");
    file.seek(SeekFrom::End(0)).expect("it seeks");
    file.write_all(&pattern(100_000)).expect("it grows");
    check_rest(download, &old, true);
    let now = server.get("/large.bin", &[]);
    assert_eq!(now.body.len(), LARGE + 100_000);
}

#[test]
fn a_file_that_shrinks_cuts_the_answer() {
    let (server, old) = large_server();
    let download = paused_download(&server, "/large.bin");
    let file = open_to_write(&server, "large.bin");
    file.set_len(LARGE as u64 - 1).expect("it shrinks");
    check_rest(download, &old, false);
    assert_eq!(server.get("/large.bin", &[]).body.len(), LARGE - 1);
    assert_eq!(server.counters.answers_cut.value(), 1);
}

/// What is on its way is no part of the file any more.
#[test]
fn what_was_sent_of_a_file_stays_as_it_was() {
    let (server, old) = large_server();
    let (mut client, _, mut body) = paused_download(&server, "/large.bin");
    let file = open_to_write(&server, "large.bin");
    // In the middle of a page, of which the kernel clears the rest.
    file.set_len((1 << 20) + 1).expect("it shrinks");
    body.extend(client.rest());
    assert!(body.len() > 1 << 20, "some was on its way");
    assert!(old.starts_with(&body), "and it has changed");
}

#[test]
fn a_file_rewritten_in_place_never_completes_a_mix() {
    let (server, old) = large_server();
    let download = paused_download(&server, "/large.bin");
    server.write("large.bin", vec![b'x'; LARGE]);
    check_rest(download, &old, false);
    assert_eq!(server.get("/large.bin", &[]).body, vec![b'x'; LARGE]);
    // The last byte alone tells as well, long after the rest was sent.
    let download = paused_download(&server, "/large.bin");
    let mut file = open_to_write(&server, "large.bin");
    file.seek(SeekFrom::End(-1)).expect("it seeks");
    file.write_all(b"y").expect("it writes");
    check_rest(download, &vec![b'x'; LARGE], false);
}

/// `cp -p` and `rsync --inplace -t` write in place and restore the modification time.
#[test]
fn a_file_rewritten_with_its_old_times_never_completes_a_mix() {
    let (server, old) = large_server();
    let download = paused_download(&server, "/large.bin");
    let file = open_to_write(&server, "large.bin");
    let modified = file.metadata().and_then(|state| state.modified());
    file.write_all_at(&[b'x'; LARGE / 2], LARGE as u64 / 4)
        .expect("it writes");
    file.set_modified(modified.expect("a time"))
        .expect("it is set");
    check_rest(download, &old, false);
}

/// The change time alone does not tell this from a rewrite.
#[test]
fn a_file_with_another_mode_link_or_name_is_sent_to_its_end() {
    let changes: [fn(&Path); 3] = [
        |path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode"),
        |path| std::fs::hard_link(path, path.with_extension("link")).expect("a link"),
        |path| std::fs::rename(path, path.with_extension("moved")).expect("a rename"),
    ];
    for change in changes {
        let (server, old) = large_server();
        let download = paused_download(&server, "/large.bin");
        change(&server.root.join("large.bin"));
        check_rest(download, &old, true);
    }
}

#[test]
fn a_file_replaced_by_rename_is_sent_to_its_old_end() {
    let (server, old) = large_server();
    let download = paused_download(&server, "/large.bin");
    server.write("new", "short");
    std::fs::rename(server.root.join("new"), server.root.join("large.bin")).expect("a rename");
    assert_eq!(server.get("/large.bin", &[]).text(), "short");
    check_rest(download, &old, true);
}

#[test]
fn a_file_removed_while_it_is_sent_is_sent_to_its_end() {
    let (server, old) = large_server();
    let download = paused_download(&server, "/large.bin");
    std::fs::remove_file(server.root.join("large.bin")).expect("it goes");
    check_status(&server, "/large.bin", 404);
    check_rest(download, &old, true);
}

/// The parts of several ranges are slices of one state of the file too.
#[test]
fn a_range_of_a_file_that_changes_is_cut_as_well() {
    let (server, _) = large_server();
    let mut client = server.connect();
    let ranges = [("Range", "bytes=100-"), ("Connection", "close")];
    client.send(&request("GET", "/large.bin", &ranges));
    assert_eq!(client.head().status, 206);
    let first = client.take(1 << 20);
    assert_eq!(first[..], pattern(100 + (1 << 20))[100..]);
    server.write("large.bin", vec![b'x'; LARGE]);
    assert!(client.rest().len() < LARGE - 100 - (1 << 20));
}

#[test]
fn a_coded_answer_is_cut_visibly_where_the_file_changes() {
    let server = Setup::new().file("large.txt", noise(LARGE)).start();
    let mut client = server.connect();
    let fields = [("Accept-Encoding", "gzip"), ("Connection", "close")];
    client.send(&request("GET", "/large.txt", &fields));
    let head = client.head();
    assert_eq!(head.field("Content-Encoding"), Some("gzip"));
    assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
    client.take(64 * 1024);
    server.write("large.txt", vec![b'x'; LARGE]);
    // Without the last chunk no client takes it for complete (RFC 9112 section 8).
    assert!(!client.rest().ends_with(b"0\r\n\r\n"));
    assert_eq!(server.counters.answers_cut.value(), 1);
}

#[test]
fn a_change_shows_at_once_even_where_the_size_stays() {
    let server = TestServer::of(&[("a.txt", "0000"), ("large.bin", "")]);
    let mut client = server.connect();
    let mut tags = std::collections::HashSet::new();
    for round in 0..300 {
        let content = format!("{round:04}");
        server.write("a.txt", &content);
        client.send(&request("GET", "/a.txt", &[]));
        let response = client.response("GET");
        assert_eq!(response.text(), content);
        tags.insert(response.field("ETag").expect("a tag").to_owned());
    }
    assert_eq!(tags.len(), 300, "a strong tag stands for one content");
    // Beyond what is kept in memory as well.
    for round in 0..3 {
        server.write("large.bin", vec![b'a' + round; 1 << 20]);
        client.send(&request("GET", "/large.bin", &[]));
        assert_eq!(client.response("GET").body, vec![b'a' + round; 1 << 20]);
    }
}

#[test]
fn a_rename_over_a_file_with_its_size_and_times_shows_at_once() {
    let server = TestServer::of(&[("a.txt", "first"), ("b.txt", "other")]);
    let old = File::open(server.root.join("a.txt")).expect("it opens");
    let times = std::fs::FileTimes::new();
    let times = times.set_modified(
        old.metadata()
            .expect("its state")
            .modified()
            .expect("a time"),
    );
    let new = open_to_write(&server, "b.txt");
    new.set_times(times).expect("its times");
    let before = server.get("/a.txt", &[]);
    std::fs::rename(server.root.join("b.txt"), server.root.join("a.txt")).expect("a rename");
    let after = server.get("/a.txt", &[]);
    assert_eq!(
        (before.text().as_str(), after.text().as_str()),
        ("first", "other")
    );
    assert_ne!(before.field("ETag"), after.field("ETag"));
    assert_eq!(before.field("Last-Modified"), after.field("Last-Modified"));
}

#[test]
fn a_file_that_comes_and_goes_is_seen_and_missed_at_once() {
    let server = TestServer::of(&[]);
    for _ in 0..20 {
        check_status(&server, "/a.txt", 404);
        server.write("a.txt", "here");
        check_status(&server, "/a.txt", 200);
        std::fs::remove_file(server.root.join("a.txt")).expect("it goes");
        check_status(&server, "/a.txt", 404);
        std::fs::create_dir(server.root.join("a.txt")).expect("a directory instead");
        check_status(&server, "/a.txt", 301);
        std::fs::remove_dir(server.root.join("a.txt")).expect("it goes");
    }
}

#[test]
fn kept_coded_variants_go_with_their_file() {
    // One is coded at once and kept, one is kept when its stream has ended.
    for size in [20_000, 200_000] {
        let content = noise(size);
        let server = Setup::new()
            .with(|config| config.threads = 1)
            .file("a.txt", &content)
            .start();
        let accept = [("Accept-Encoding", "gzip")];
        let first = server.get("/a.txt", &accept);
        assert!(decoded(&first) == content);
        let again = server.get("/a.txt", &accept);
        assert_eq!(again.field("ETag"), first.field("ETag"));
        assert!(decoded(&again) == content);
        // A file is kept in any form only when it has been left alone for some seconds.
        until("the coded form is kept", || {
            server
                .get("/a.txt", &accept)
                .field("Content-Length")
                .is_some()
        });
        let changed: Vec<u8> = content.iter().rev().copied().collect();
        server.write("a.txt", &changed);
        let after = server.get("/a.txt", &accept);
        assert!(
            decoded(&after) == changed,
            "a variant of {size} bytes outlived it"
        );
        assert_ne!(after.field("ETag"), first.field("ETag"));
        let stale = first.field("ETag").expect("a tag");
        let revalidated = server.get("/a.txt", &[accept[0], ("If-None-Match", stale)]);
        assert_eq!(revalidated.status, 200);
    }
}

/// Tests `origin::refuse::disk_refusal`.
#[test]
fn what_is_neither_file_nor_directory_is_absent_and_blocks_nobody() {
    let server = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.site.follow_symlinks = true;
        })
        .file("file.txt", "here")
        .start();
    let made = Command::new("mkfifo")
        .arg(server.root.join("fifo"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    let _socket = UnixListener::bind(server.root.join("socket")).expect("a socket");
    symlink("/dev/zero", server.root.join("device")).expect("a link");
    std::fs::create_dir(server.root.join("index")).expect("a directory");
    let index = server.root.join("index/index.html");
    assert!(
        Command::new("mkfifo")
            .arg(index)
            .status()
            .expect("mkfifo runs")
            .success()
    );
    let mut client = server.connect();
    for target in ["/fifo", "/socket", "/device", "/fifo/", "/device/x"] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            client.send(&request(method, target, &[]));
            assert_eq!(client.response(method).status, 404, "{method} {target}");
        }
    }
    // An index that cannot be served is none.
    client.send(&request(
        "GET",
        "/index/",
        &[("Accept", "application/json")],
    ));
    assert!(client.response("GET").text().contains("\"files\":0"));
    let names = names_in(&server, "/");
    assert_eq!(names, ["index", "file.txt"]);
    // They can be gone through with a symbolic link even less.
    symlink("fifo", server.root.join("link")).expect("a link");
    check_status(&server, "/link", 404);
}

/// The names of a listing, in its order.
fn names_in(server: &TestServer, target: &str) -> Vec<String> {
    let listing = server.get(target, &[("Accept", "application/json")]);
    assert_eq!(listing.status, 200, "{}", listing.text());
    let listing: serde_json::Value = serde_json::from_slice(&listing.body).expect("JSON");
    let entries = listing["entries"].as_array().expect("entries");
    let name = |entry: &serde_json::Value| entry["name"].as_str().expect("a name").to_owned();
    entries.iter().map(name).collect()
}

/// The usual names of temporary folders begin with a dot.
fn visible_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("outside").tempdir();
    folder.expect("a temporary folder")
}

/// A root with links of every kind, beside a folder that is none of the server's business.
fn linked_server(follow: bool) -> (TestServer, tempfile::TempDir) {
    let outside = visible_folder();
    std::fs::write(outside.path().join("secret.txt"), "secret").expect("a file");
    std::fs::create_dir(outside.path().join("folder")).expect("a folder");
    let server = Setup::new()
        .with(|config| config.site.follow_symlinks = follow)
        .file("real.txt", "real")
        .file("folder/inner.txt", "inner")
        .start();
    let root = server.root.canonicalize().expect("a path");
    let link = |target: &Path, name: &str| symlink(target, root.join(name)).expect("a link");
    link(Path::new("real.txt"), "relative");
    link(Path::new("../real.txt"), "folder/up");
    link(&root.join("real.txt"), "absolute");
    link(&root.join("folder"), "absolute-folder");
    link(&outside.path().join("secret.txt"), "out");
    link(outside.path(), "out-folder");
    let back = Path::new("..").join(root.file_name().expect("a name"));
    link(&back.join("real.txt"), "out-and-in");
    link(Path::new("loop-b"), "loop-a");
    link(Path::new("loop-a"), "loop-b");
    link(Path::new("nothing"), "dangling");
    link(Path::new("/proc/self/root"), "magic");
    (server, outside)
}

#[test]
fn links_inside_the_root_are_followed() {
    let (server, _outside) = linked_server(false);
    for target in ["/relative", "/folder/up", "/absolute"] {
        assert_eq!(server.get(target, &[]).text(), "real", "{target}");
    }
    assert_eq!(
        server.get("/absolute-folder/inner.txt", &[]).text(),
        "inner"
    );
    check_status(&server, "/absolute-folder", 301);
    assert_eq!(names_in(&server, "/absolute-folder/"), ["inner.txt", "up"]);
}

#[test]
fn links_out_of_the_root_are_absent_and_so_is_all_behind_them() {
    let (server, _outside) = linked_server(false);
    for target in [
        "/out",
        "/out/",
        "/out-folder",
        "/out-folder/",
        "/out-folder/secret.txt",
        "/out-folder/folder",
        "/out-folder/folder/",
        "/out-folder/nothing",
        "/loop-a",
        "/loop-a/",
        "/loop-b/x",
        "/dangling",
        "/magic",
        "/magic/etc/passwd",
    ] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let status = server.request(method, target, &[]).status;
            assert_eq!(status, 404, "{method} {target}");
        }
    }
    let names = names_in(&server, "/");
    let hidden = ["out", "out-folder", "loop-a", "loop-b", "dangling", "magic"];
    assert!(
        hidden.iter().all(|name| !names.contains(&name.to_string())),
        "{names:?}"
    );
    assert!(names.contains(&"relative".to_owned()), "{names:?}");
}

#[test]
fn links_out_of_the_root_are_followed_where_asked_for() {
    let (server, _outside) = linked_server(true);
    assert_eq!(server.get("/out", &[]).text(), "secret");
    assert_eq!(server.get("/out-folder/secret.txt", &[]).text(), "secret");
    assert_eq!(server.get("/out-and-in", &[]).text(), "real");
    check_status(&server, "/out-folder", 301);
    assert_eq!(names_in(&server, "/out-folder/"), ["folder", "secret.txt"]);
    check_status(&server, "/loop-a", 404);
    check_status(&server, "/dangling", 404);
}

/// What was served from a folder is not served once a link has taken its place.
/// Whether a name is hidden does not depend on where it is.
#[test]
fn links_to_hidden_names_outside_are_absent() {
    let outside = visible_folder();
    std::fs::create_dir(outside.path().join(".hidden")).expect("a folder");
    for name in [".env", ".hidden/inner", "seen"] {
        std::fs::write(outside.path().join(name), "outside").expect("a file");
    }
    for include_hidden in [false, true] {
        let server = Setup::new()
            .with(|config| {
                config.site.follow_symlinks = true;
                config.site.hidden = include_hidden;
            })
            .start();
        let link = |target: &str, name: &str| {
            symlink(outside.path().join(target), server.root.join(name)).expect("a link");
        };
        link(".env", "env");
        link(".hidden/inner", "inner");
        link(".hidden", "folder");
        link("", "parent");
        link("seen", "seen");
        check_status(&server, "/seen", 200);
        check_status(&server, "/parent/seen", 200);
        for target in ["/env", "/inner", "/folder/", "/folder/inner"] {
            check_status(&server, target, if include_hidden { 200 } else { 404 });
        }
    }
}

#[test]
fn a_root_that_was_deleted_is_absent() {
    let setup = Setup::new();
    let root = setup.root().join("www");
    std::fs::create_dir(&root).expect("a folder");
    let gone = root.clone();
    let server = setup.with(|config| config.root = root).start();
    check_status(&server, "/", 200);
    std::fs::remove_dir(gone).expect("it goes");
    check_status(&server, "/", 404);
}

#[test]
fn a_folder_replaced_by_a_link_out_is_absent_at_once() {
    let (server, outside) = linked_server(false);
    std::fs::write(outside.path().join("inner.txt"), "inner").expect("a file");
    assert_eq!(server.get("/folder/inner.txt", &[]).text(), "inner");
    std::fs::rename(server.root.join("folder"), server.root.join("moved")).expect("a rename");
    symlink(outside.path(), server.root.join("folder")).expect("a link");
    check_status(&server, "/folder/inner.txt", 404);
    assert_eq!(server.get("/moved/inner.txt", &[]).text(), "inner");
}

#[test]
fn hidden_names_are_absent_but_well_known() {
    let files = [
        (".env", "secret"),
        (".git/config", "secret"),
        ("a/.b/c.txt", "secret"),
        (".well-known/security.txt", "public"),
        (".well-known/.draft", "secret"),
        ("..dots", "secret"),
        ("a/index.html", "index"),
    ];
    let hidden = [
        "/.env",
        "/%2Eenv",
        "/.git",
        "/.git/",
        "/.git/config",
        "/a/.b/c.txt",
    ];
    let more = ["/.well-known/.draft", "/..dots"];
    let server = TestServer::of(&files);
    for target in hidden.iter().chain(&more) {
        check_status(&server, target, 404);
    }
    assert_eq!(
        server.get("/.well-known/security.txt", &[]).text(),
        "public"
    );
    assert_eq!(names_in(&server, "/"), [".well-known", "a"]);
    assert_eq!(names_in(&server, "/.well-known/"), ["security.txt"]);

    let setup = Setup::new().with(|config| config.site.hidden = true);
    let setup = files
        .iter()
        .fold(setup, |setup, (name, content)| setup.file(name, content));
    let server = setup.start();
    for target in ["/.env", "/%2Eenv", "/.git/config", "/a/.b/c.txt", "/..dots"] {
        assert_eq!(server.get(target, &[]).text(), "secret", "{target}");
    }
    assert_eq!(names_in(&server, "/").len(), 5);
}

/// Names that a URL cannot hold as they are; only NUL, the slash and the backslash are missing,
/// which no path may name.
const NAMES: [&[u8]; 20] = [
    b"plain.txt",
    b"two words",
    b" ends in spaces ",
    b"a+b",
    b"100%",
    b"%41",
    b"%zz",
    b"what?x=1",
    b"a#b",
    b"a&b;c=d",
    b"it's \"quoted\"",
    b"<script>",
    b"a:b",
    b"http:",
    b"line\nbreak\x1b[2J\x7f",
    "\u{7}\u{85}\u{9b}\u{a0}\u{3000}\u{2800}\u{e0041}".as_bytes(),
    "grün".as_bytes(),
    "日本語 😀".as_bytes(),
    b"\xff\xfe not UTF-8 \xc3",
    b"...",
];

/// The references of a listing's rows.
fn hrefs(page: &str) -> Vec<&str> {
    let rows = page.split_once("<tbody>").expect("rows").1;
    let rows = rows.split_once("</tbody>").expect("an end").0;
    let links = rows.split("<a href=\"").skip(1);
    links
        .map(|rest| rest.split_once('"').expect("a quote").0)
        .collect()
}

#[test]
fn every_name_round_trips_through_the_links_of_its_listing() {
    let setup = Setup::new().with(|config| config.site.hidden = true);
    for (number, name) in NAMES.iter().enumerate() {
        std::fs::write(
            setup.root().join(OsStr::from_bytes(name)),
            number.to_string(),
        )
        .expect("a file of that name");
        let folder = [b"folder ", *name].concat();
        let folder = setup.root().join(OsStr::from_bytes(&folder));
        std::fs::create_dir(&folder).expect("a folder of that name");
        std::fs::write(folder.join(OsStr::from_bytes(name)), "inner").expect("a file");
    }
    let server = setup.start();
    let page = server.get("/", &[]).text();
    let links = hrefs(&page);
    assert_eq!(links.len(), 2 * NAMES.len());
    let mut seen = Vec::new();
    for link in links {
        let response = server.get(&format!("/{link}"), &[]);
        assert_eq!(response.status, 200, "{link}");
        if link.ends_with('/') {
            let inner = response.text();
            let inner = hrefs(&inner);
            let inner = inner.last().expect("a file");
            assert_eq!(
                server.get(&format!("/{link}{inner}"), &[]).text(),
                "inner",
                "{link}"
            );
        } else {
            seen.push(response.text().parse::<usize>().expect("a number"));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..NAMES.len()).collect::<Vec<usize>>());
    // JSON gives the same references.
    let json = server.get("/?format=json", &[]);
    let json: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
    let entries = json["entries"].as_array().expect("entries");
    let json: Vec<&str> = entries
        .iter()
        .map(|entry| entry["href"].as_str().expect("a link"))
        .collect();
    assert_eq!(json, hrefs(&page));
}

/// A folder's redirect names it in the same way, and is a path of this host whatever its name is.
#[test]
fn every_folder_redirects_to_its_own_name() {
    let server = TestServer::of(&[]);
    for name in NAMES {
        let path = server.root.join(OsStr::from_bytes(name));
        std::fs::create_dir(path).expect("a folder of that name");
        let response = server.get(&format!("{}?q=1", target(name)), &[]);
        let hidden = name.starts_with(b".");
        assert_eq!(response.status, if hidden { 404 } else { 301 });
        let location = format!("{}/?q=1", &target(name)[1..]);
        assert_eq!(
            response.field("Location"),
            (!hidden).then_some(location.as_str())
        );
    }
}

#[test]
fn a_name_with_a_backslash_is_a_name() {
    let server = TestServer::of(&[("a\\b", "here")]);
    assert_eq!(names_in(&server, "/"), ["a\\b"]);
    assert_eq!(server.get("/a%5Cb", &[]).text(), "here");
    check_status(&server, "/a\\b", 400);
}

/// Many clients send a path as it was typed.
#[test]
fn a_path_with_empty_or_dot_segments_leads_to_the_one_without() {
    let server = TestServer::of(&[("a", "the file a"), ("folder/in", "inner")]);
    for (target, location) in [
        ("//a", "../a"),
        ("//evil.example/a", "../../evil.example/a"),
        ("/folder//in?x", "../../folder/in?x"),
        ("/folder/../a", "./a"),
        ("/./folder/../a", "./a"),
        ("/folder/./..", "../"),
        ("/%2E//x:y", ""),
    ] {
        let response = server.get(target, &[]);
        if location.is_empty() {
            assert_eq!(response.status, 400, "encoded dots stay refused");
            continue;
        }
        assert_eq!(response.status, 301, "{target}");
        assert_eq!(response.field("Location"), Some(location), "{target}");
        assert_eq!(response.field("Cache-Control"), Some("no-cache"));
    }
}

/// RFC 3986 section 5.2.4. apt sends such paths and cannot follow a relative redirect.
#[test]
fn a_single_dot_in_a_path_stands_for_the_same_folder() {
    let server = TestServer::of(&[("a", "the file a"), ("folder/in", "inner")]);
    for (target, text) in [("/./a", "the file a"), ("/folder/././in?x", "inner")] {
        let response = server.get(target, &[]);
        assert_eq!((response.status, response.text().as_str()), (200, text));
    }
    for target in ["/./folder/", "/folder/.", "/folder/./"] {
        assert_eq!(names_in(&server, target), ["in"], "{target}");
    }
    let folder = server.get("/./folder", &[]);
    assert_eq!(folder.field("Location"), Some("folder/"));
    check_status(&server, "/./none", 404);
    check_status(&server, "/a/.", 404);
    check_status(&server, "/./.hidden", 404);
}

#[test]
fn a_single_file_is_all_there_is() {
    let setup = Setup::new()
        .file("page.txt", "the page")
        .file("other.txt", "other");
    let setup = setup.file("folder/x", "x").file("index.html", "index");
    let root = setup.root().join("page.txt");
    let server = setup.with(|config| config.root = root).start();
    for target in ["/", "/page.txt", "/?q"] {
        let response = server.get(target, &[]);
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "the page")
        );
        assert_eq!(
            response.field("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
    }
    for target in [
        "/other.txt",
        "/folder",
        "/folder/",
        "/folder/x",
        "/index.html",
        "/page.txt/",
    ] {
        check_status(&server, target, 404);
    }
    server.write("page.txt", "a new page");
    assert_eq!(server.get("/", &[]).text(), "a new page");
    std::fs::remove_file(server.root.join("page.txt")).expect("it goes");
    check_status(&server, "/", 404);
    check_status(&server, "/page.txt", 404);
}

/// The name is that of the link. Where it leads counts for each request: to another directory, to a hidden
/// file, through a second link.
#[test]
fn a_single_file_may_be_a_link_that_changes() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = |name: &str, content: &str| {
        let path = elsewhere.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    };
    let first = target("first.txt", "the first");
    let hidden = target(".hidden", "the hidden");
    let second = elsewhere.path().join("second");
    symlink("first.txt", &second).expect("a link");
    let setup = Setup::new().file("own.txt", "own");
    let root = setup.root().join("link.html");
    let point_to = |target: &Path| {
        let new = root.with_file_name("new");
        symlink(target, &new).expect("a link");
        std::fs::rename(new, &root).expect("it is put in place");
    };
    point_to(&first);
    let server = setup.with(|config| config.root = root.clone()).start();
    let check = |want: &str| {
        for path in ["/", "/link.html"] {
            let response = server.get(path, &[]);
            assert_eq!((response.status, response.text().as_str()), (200, want));
            let kind = response.field("Content-Type");
            assert_eq!(kind, Some("text/html; charset=utf-8"));
        }
        for path in ["/first.txt", "/.hidden", "/own.txt", "/new"] {
            check_status(&server, path, 404);
        }
    };
    check("the first");
    point_to(&hidden);
    check("the hidden");
    point_to(&second);
    check("the first");
    target("first.txt", "the first, changed");
    check("the first, changed");
    point_to(Path::new("own.txt"));
    check("own");
    point_to(elsewhere.path());
    check_status(&server, "/", 404);
    check_status(&server, "/link.html", 404);
    check_status(&server, "/link.html/", 404);
    check_status(&server, "/link.html/first.txt", 404);
    point_to(Path::new("nowhere"));
    check_status(&server, "/", 404);
}

/// Whoever names one file means it, hidden or not, whatever the bytes of its name.
#[test]
fn a_single_file_may_have_any_name() {
    for name in [&b".hidden"[..], b"\xff\xfe", b"a b%20#?", b"index.html"] {
        let setup = Setup::new().file("other.txt", "other");
        let root = setup.root().join(OsStr::from_bytes(name));
        std::fs::write(&root, "the file").expect("a file of that name");
        let server = setup.with(|config| config.root = root).start();
        assert_eq!(server.get("/", &[]).text(), "the file", "{name:?}");
        assert_eq!(
            server.get(&target(name), &[]).text(),
            "the file",
            "{name:?}"
        );
        check_status(&server, "/other.txt", 404);
    }
}

#[test]
fn names_that_are_too_long_or_go_through_a_file_are_absent() {
    let server = TestServer::of(&[("file.txt", "here")]);
    check_status(&server, &format!("/{}", "a".repeat(256)), 404);
    check_status(&server, &format!("/{}", "a/".repeat(3000)), 404);
    check_status(&server, "/file.txt/", 404);
    check_status(&server, "/file.txt/x", 404);
}

#[test]
fn what_may_not_be_read_is_forbidden() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    std::fs::write(root.join("secret.txt"), "secret").expect("a file");
    std::fs::create_dir_all(root.join("closed/inner")).expect("folders");
    std::fs::create_dir(root.join("locked")).expect("a folder");
    std::fs::write(root.join("locked/index.html"), "secret").expect("a file");
    let close = |name: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(root.join(name), mode).expect("a mode");
    };
    for name in ["secret.txt", "locked/index.html", "closed"] {
        close(name, 0);
    }
    let Some(mut command) = unprivileged() else {
        return;
    };
    let program = Program::start(command.args(["--log-format", "off"]).arg(root));
    let mut client = program.connect();
    for target in ["/secret.txt", "/locked/", "/closed/", "/closed/inner/"] {
        for method in ["GET", "HEAD"] {
            client.send(&request(method, target, &[]));
            let response = client.response(method);
            assert_eq!(response.status, 403, "{method} {target}");
            let path = root.to_str().expect("UTF-8");
            assert!(!response.text().contains(path), "a path leaks");
        }
    }
    // It is a matter of the disk's: where the mode changes, the answer does.
    close("secret.txt", 0o600);
    client.send(&request("GET", "/secret.txt", &[]));
    assert_eq!(client.response("GET").text(), "secret");
    close("closed", 0o700);
}

#[test]
fn a_single_file_needs_no_permission_to_list_its_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("d");
    std::fs::create_dir(&root).expect("a folder");
    std::fs::write(root.join("a.txt"), "public").expect("a file");
    let set_mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&root, mode).expect("a mode");
    };
    set_mode(0o300);
    let Some(mut command) = unprivileged() else {
        return;
    };
    command
        .args(["--log-format", "off"])
        .arg(root.join("a.txt"));
    let program = Program::start(&mut command);
    let mut client = program.connect();
    for target in ["/", "/a.txt"] {
        client.send(&request("GET", target, &[]));
        assert_eq!(client.response("GET").text(), "public");
    }
    set_mode(0o700);
}

/// Holds a lease on a file, as Samba and nfsd do. It gives it up when it is asked, if so told.
const LEASE: &str = "
import fcntl, signal, sys
file = open(sys.argv[1], 'r+')
give_up = lambda *_: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
signal.signal(signal.SIGIO, give_up if sys.argv[2] == 'polite' else signal.SIG_IGN)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()
";

#[test]
fn a_file_with_a_lease_is_sent_as_soon_as_the_lease_is_given_up() {
    for (manner, want) in [("polite", 200), ("stubborn", 503)] {
        let server = TestServer::of(&[("a.txt", "leased"), ("50x.html", "<p>sorry")]);
        let holder = Command::new("python3")
            .args(["-c", LEASE])
            .arg(server.root.join("a.txt"))
            .arg(manner)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut holder) = holder else {
            return skipped("there is no python3 to hold a lease");
        };
        let mut said = [0; 5];
        let mut output = holder.stdout.take().expect("a pipe");
        if output.read_exact(&mut said).is_err() {
            return skipped("no lease can be taken here");
        }
        let response = server.get("/a.txt", &[]);
        assert_eq!(response.status, want, "{manner}");
        assert_eq!(response.field("Retry-After").is_some(), want == 503);
        // The site has its own page for that.
        let text = if want == 503 { "<p>sorry" } else { "leased" };
        assert_eq!(response.text(), text, "{manner}");
        drop(holder.stdin.take());
        holder.wait().expect("a child");
        assert_eq!(server.get("/a.txt", &[]).text(), "leased");
    }
}
