//! Files whose size or time the file system does not know: those of `/proc` and `/sys`, and of programs
//! that act as a file system. They are read to their end.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::fuse::SlowFs;
use support::{Response, Setup, TestServer, noise, request};

/// A server of a folder of the system.
fn site(root: impl Into<PathBuf>) -> TestServer {
    let root = root.into();
    let setup = Setup::new().with(|config| config.root = root);
    setup.with(|config| config.threads = 1).start()
}

/// The answers to requests for a file with this content.
#[track_caller]
fn check(server: &TestServer, target: &str, content: &[u8], media_type: &str) {
    let plain = server.get(target, &[]);
    check_fields(&plain, media_type);
    assert_eq!(plain.field("Transfer-Encoding"), Some("chunked"));
    assert!(
        plain.body == content,
        "{target}: {} bytes",
        plain.body.len()
    );
    // Nothing shows that it is the same content as before.
    for fields in [
        &[("Range", "bytes=0-1")][..],
        &[("If-Modified-Since", "Fri, 31 Dec 2100 23:59:59 GMT")],
        &[("If-None-Match", "\"a\"")],
        &[("Accept-Encoding", "gzip")],
    ] {
        let response = server.get(target, fields);
        check_fields(&response, media_type);
        assert_eq!(response.field("Content-Encoding"), None);
        assert!(response.body == content, "{target} {fields:?}");
    }
    let head = server.request("HEAD", target, &[]);
    check_fields(&head, media_type);
    assert_eq!(head.field("Content-Length"), None);
    // HTTP/1.0 has no chunks.
    let mut client = server.connect();
    client.send(format!("GET {target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").as_bytes());
    let old = client.response("GET");
    assert_eq!(
        (old.field("Transfer-Encoding"), old.field("Content-Length")),
        (None, None)
    );
    assert!(old.body == content, "{target}: HTTP/1.0");
    // The connection can be used again.
    let mut client = server.connect();
    for _ in 0..2 {
        client.send(&request("GET", target, &[]));
        assert!(client.response("GET").body == content);
    }
    let strict = server.get(target, &[("Accept-Encoding", "gzip, identity;q=0")]);
    assert_eq!(
        (strict.status, strict.field("Content-Encoding")),
        (200, Some("gzip"))
    );
}

#[track_caller]
fn check_fields(response: &Response, media_type: &str) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.field("Content-Type"), Some(media_type));
    for name in ["ETag", "Last-Modified", "Accept-Ranges", "Content-Range"] {
        assert_eq!(response.field(name), None, "{name}");
    }
}

#[test]
fn files_of_proc_are_read_to_their_end() {
    let content = fs::read("/proc/version").expect("Linux");
    assert_eq!(fs::metadata("/proc/version").expect("Linux").len(), 0);
    let plain = "text/plain; charset=utf-8";
    check(&site("/proc/version"), "/version", &content, plain);
    // Several pages of the kernel's buffer.
    let ciphers = fs::read("/proc/crypto").expect("Linux");
    assert!(ciphers.len() > 4096);
    let server = site("/proc");
    check(&server, "/crypto", &ciphers, plain);
    check(&server, "/version", &content, plain);
}

#[test]
fn files_of_sys_are_shorter_than_they_say() {
    let folder = Path::new("/sys/class/net/lo");
    let content = fs::read(folder.join("mtu")).expect("Linux");
    let size = fs::metadata(folder.join("mtu")).expect("Linux").len();
    assert!(size > content.len() as u64);
    check(&site(folder), "/mtu", &content, "text/plain; charset=utf-8");
}

#[test]
fn a_link_may_lead_to_a_file_of_another_kind() {
    let setup = Setup::new().file("empty", "").file("full", "full");
    let root = setup.root();
    std::os::unix::fs::symlink("/proc/version", root.join("version")).expect("a link");
    let server = setup
        .with(|config| config.site.follow_symlinks = true)
        .start();
    let content = fs::read("/proc/version").expect("Linux");
    check(&server, "/version", &content, "text/plain; charset=utf-8");
    for (name, length) in [("empty", "0"), ("full", "4")] {
        let response = server.get(&format!("/{name}"), &[]);
        assert_eq!(response.field("Content-Length"), Some(length));
        let tag = response.field("ETag").expect("a tag");
        let same = server.get(&format!("/{name}"), &[("If-None-Match", tag)]);
        assert_eq!(same.status, 304);
    }
}

/// A folder that the kernel reads through a program, and a server of it.
struct Site {
    server: TestServer,
    disk: SlowFs,
    folder: tempfile::TempDir,
    _mountpoint: tempfile::TempDir,
}

/// `None` if this machine cannot mount one.
fn fuse() -> Option<Site> {
    let [folder, mountpoint] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let disk = SlowFs::mount(folder.path(), mountpoint.path())?;
    Some(Site {
        server: site(mountpoint.path()),
        disk,
        folder,
        _mountpoint: mountpoint,
    })
}

#[test]
fn a_program_may_not_know_the_sizes_or_the_times_of_its_files() {
    for orders in [
        &["forget sizes"][..],
        &["forget times"],
        &["forget sizes", "forget times"],
    ] {
        let Some(mut site) = fuse() else {
            return;
        };
        for order in orders {
            site.disk.order(order);
        }
        // The second one does not fit into the cache.
        for (name, content) in [("small.bin", noise(5000)), ("large.bin", noise(700_000))] {
            fs::write(site.folder.path().join(name), &content).expect("written");
            let target = format!("/{name}");
            check(&site.server, &target, &content, "application/octet-stream");
        }
    }
}

#[test]
fn an_empty_file_of_a_program_may_get_content() {
    let Some(mut site) = fuse() else {
        return;
    };
    site.disk.order("forget sizes");
    let path = site.folder.path().join("a");
    fs::write(&path, "").expect("written");
    for _ in 0..2 {
        let response = site.server.get("/a", &[]);
        assert_eq!(
            (response.status, response.field("Content-Length")),
            (200, Some("0"))
        );
    }
    // Neither the size nor the time says so.
    fs::write(&path, "content").expect("written");
    let response = site.server.get("/a", &[]);
    assert_eq!((response.status, &*response.text()), (200, "content"));
}
