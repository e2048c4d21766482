//! A disk that takes long holds up those who wait for it, and nobody else.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::io::Read;

use flate2::read::GzDecoder;
use support::slow::SlowDisk;
use support::{Client, PATIENCE, Setup, TestServer, request, until};

/// A site on a slow disk, with one worker.
fn site(disk: &SlowDisk) -> Setup {
    waiting(disk, 100)
}

/// The same, if so many jobs may wait.
fn waiting(disk: &SlowDisk, most_waiting: usize) -> Setup {
    let mut setup = Setup::new().with(|config| config.threads = 1);
    setup.slow = Some((disk.clone(), most_waiting));
    setup
}

/// A client that has sent a request.
fn asking(server: &TestServer, target: &str, fields: &[(&str, &str)]) -> Client {
    let mut client = server.connect();
    client.send(&request("GET", target, fields));
    client
}

/// Content that is too large for the cache, and in which no two pieces are the same.
fn large() -> Vec<u8> {
    (0..250_000u32)
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

#[test]
fn a_small_file_comes_with_a_wake_up() {
    let disk = SlowDisk::holding();
    let server = site(&disk).file("a.txt", "slow").start();
    let mut client = asking(&server, "/a.txt", &[]);
    disk.await_jobs(1);
    disk.let_pass(2);
    assert_eq!(client.response("GET").text(), "slow");
    assert_eq!(disk.jobs(), (1, 1));
}

#[test]
fn a_cached_file_does_not_wait_for_those_that_are_read() {
    let disk = SlowDisk::default();
    let setup = (0..64).fold(site(&disk), |setup, number| {
        setup.file(&format!("{number}"), format!("file {number}"))
    });
    let server = setup.file("a.txt", "cached").start();
    // A file that has just been written is not cached for three seconds.
    until("it is cached", || {
        server.get("/a.txt", &[]);
        let before = disk.jobs().1;
        server.get("/a.txt", &[]);
        disk.jobs().1 == before
    });
    disk.hold_reads();
    let mut waiting: Vec<Client> = (0..64)
        .map(|number| asking(&server, &format!("/{number}"), &[]))
        .collect();
    for _ in 0..50 {
        assert_eq!(server.get("/a.txt", &[]).text(), "cached");
    }
    disk.open();
    for (number, client) in waiting.iter_mut().enumerate() {
        assert_eq!(client.response("GET").text(), format!("file {number}"));
    }
}

#[test]
fn clients_that_want_the_same_at_once_share_the_work() {
    let disk = SlowDisk::holding();
    let server = site(&disk)
        .with(|config| config.disk_threads = 1)
        .file("a.txt", "shared")
        .file("b.txt", "other")
        .start();
    // It keeps the thread.
    let mut first = asking(&server, "/b.txt", &[]);
    disk.await_jobs(1);
    let mut others: Vec<Client> = (0..20).map(|_| asking(&server, "/a.txt", &[])).collect();
    until("all are waiting", || {
        server.counters.connections_open.value() == 21
    });
    // Their requests have been read.
    std::thread::yield_now();
    disk.open();
    assert_eq!(first.response("GET").text(), "other");
    for client in &mut others {
        assert_eq!(client.response("GET").text(), "shared");
    }
    let (looks, reads) = disk.jobs();
    assert!(
        looks <= 10 && reads <= 10,
        "{looks} looks and {reads} reads"
    );
}

#[test]
fn too_many_who_wait_are_refused_and_who_leaves_makes_room() {
    let disk = SlowDisk::holding();
    let server = waiting(&disk, 1)
        .with(|config| config.disk_threads = 1)
        .file("a", "1")
        .file("b", "2")
        .file("c", "3")
        .start();
    let mut first = asking(&server, "/a", &[]);
    disk.await_jobs(1);
    let second = asking(&server, "/b", &[]);
    until("the queue is full", || {
        let third = asking(&server, "/c", &[]);
        third
            .stream
            .set_read_timeout(Some(std::time::Duration::from_millis(300)))
            .expect("a timeout");
        let mut byte = [0];
        third.stream.peek(&mut byte).is_ok()
    });
    let refused = server.get("/c", &[]);
    assert_eq!(refused.status, 503);
    assert_eq!(refused.field("Retry-After"), Some("2"));
    drop(second);
    until("there is room", || {
        let third = asking(&server, "/c", &[]);
        third
            .stream
            .set_read_timeout(Some(std::time::Duration::from_millis(300)))
            .expect("a timeout");
        let mut byte = [0];
        third.stream.peek(&mut byte).is_err()
    });
    disk.open();
    assert_eq!(first.response("GET").text(), "1");
}

#[test]
fn a_large_file_comes_in_pieces() {
    let disk = SlowDisk::default();
    let server = site(&disk).file("large.bin", large()).start();
    assert!(server.get("/large.bin", &[]).body == large());
    let (_, reads) = disk.jobs();
    assert!(reads > 5, "it was read {reads} times");
    // Later answers come from a copy, once the file is old enough to be cached.
    until("it is copied", || {
        let before = disk.jobs().1;
        assert!(server.get("/large.bin", &[]).body == large());
        disk.jobs().1 == before
    });
}

#[test]
fn a_range_a_coding_a_head_and_a_condition() {
    let disk = SlowDisk::default();
    let text = "a text with lines\n".repeat(60_000);
    let server = site(&disk)
        .file("large.txt", &text)
        .file("b", "small")
        .start();
    let range = server.get(
        "/large.txt",
        &[("Range", "bytes=500000-500099,900000-900009")],
    );
    assert_eq!(range.status, 206);
    assert!(range.text().contains(&text[500_000..500_100]));
    assert!(range.text().contains(&text[900_000..900_010]));
    let range = server.get("/large.txt", &[("Range", "bytes=-50000")]);
    assert!(range.text() == text[text.len() - 50_000..]);
    let coded = server.get("/large.txt", &[("Accept-Encoding", "gzip")]);
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
    let mut decoded = String::new();
    GzDecoder::new(&coded.body[..])
        .read_to_string(&mut decoded)
        .expect("gzip");
    assert!(decoded == text);
    let head = server.request("HEAD", "/large.txt", &[]);
    assert_eq!(
        head.field("Content-Length"),
        Some(text.len().to_string().as_str())
    );
    let tag = head.field("ETag").expect("a tag").to_owned();
    assert_eq!(
        server.get("/large.txt", &[("If-None-Match", &tag)]).status,
        304
    );
    assert_eq!(server.get("/nothing", &[]).status, 404);
    assert_eq!(server.request("OPTIONS", "/b", &[]).status, 204);
}

#[test]
fn a_file_that_changes_meanwhile_is_right_or_cut() {
    let disk = SlowDisk::holding_reads();
    let server = site(&disk).file("large.bin", large()).start();
    let mut client = asking(&server, "/large.bin", &[]);
    // It is looked at, read for the first time, opened, and then read in pieces.
    for jobs in 2..=4 {
        disk.await_jobs(jobs);
        disk.let_pass(1);
    }
    disk.await_jobs(5);
    server.write("large.bin", vec![b'x'; 1_000_000]);
    disk.open();
    let got = client.rest();
    assert!(got.len() < 1_000_000, "{} bytes came", got.len());
}

#[test]
fn a_body_waits_for_its_pieces_and_a_neighbour_does_not() {
    let disk = SlowDisk::default();
    let server = site(&disk)
        .at("/made", |_| support::handlers::text("made"))
        .file("large.bin", large())
        .start();
    assert_eq!(
        server.get("/large.bin", &[("Range", "bytes=0-0")]).status,
        206
    );
    disk.hold_reads();
    let mut client = asking(&server, "/large.bin", &[]);
    let (_, reads) = disk.jobs();
    until("a piece is wanted", || disk.jobs().1 > reads);
    assert_eq!(server.get("/made", &[]).status, 200);
    disk.open();
    assert!(client.response("GET").body == large());
}

#[test]
fn a_listing() {
    let disk = SlowDisk::default();
    let names: Vec<String> = (0..1000).map(|number| format!("d/file-{number}")).collect();
    let setup = names
        .iter()
        .fold(site(&disk), |setup, name| setup.file(name, "x"));
    let server = setup.start();
    let page = server.get("/d/?format=json", &[]);
    assert_eq!(page.text().matches("file-").count() % 1000, 0);
    assert!(page.text().contains("file-999"));
    assert_eq!(server.get("/d", &[]).status, 301);
    assert!(disk.jobs().1 > 2, "{:?}", disk.jobs());
}

#[test]
fn the_end_of_the_server_does_not_wait_for_the_disk() {
    let disk = SlowDisk::holding();
    let mut server = site(&disk).file("a", "1").start();
    let _client = asking(&server, "/a", &[]);
    disk.await_jobs(1);
    let begin = std::time::Instant::now();
    server.stop();
    server.wait();
    assert!(begin.elapsed() < PATIENCE / 4);
    disk.open();
}
