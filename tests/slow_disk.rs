//! A disk that takes long holds up those who wait for it, and nobody else.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::SiteRoot;
use docroot::net::connection::Turn;
use docroot::observe::closed::Closed;
use docroot::observe::event::End;
use docroot::site::disk::{Effort, FileSystem, Room};
use flate2::read::GzDecoder;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use support::program::Program;
use support::rig::Rig;
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

/// Whether a byte of an answer comes within a moment.
fn is_answered_soon(client: &Client) -> bool {
    let moment = Some(Duration::from_millis(300));
    client.stream.set_read_timeout(moment).expect("a timeout");
    client.stream.peek(&mut [0]).is_ok()
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
        is_answered_soon(&asking(&server, "/c", &[]))
    });
    let refused = server.get("/c", &[]);
    assert_eq!(refused.status, 503);
    assert_eq!(refused.field("Retry-After"), Some("2"));
    drop(second);
    until("there is room", || {
        !is_answered_soon(&asking(&server, "/c", &[]))
    });
    disk.open();
    assert_eq!(first.response("GET").text(), "1");
}

/// Those that look have a room of their own in the queue.
#[test]
fn clients_whose_reads_hang_take_no_room_from_those_that_look() {
    const CLIENTS: usize = 12;
    let disk = SlowDisk::holding_reads();
    let name = |number| format!("{number}.txt");
    let setup = (0..CLIENTS).fold(waiting(&disk, 2), |setup, number| {
        setup.file(&name(number), "read")
    });
    let server = setup.start();
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            let (looks, _) = disk.jobs();
            let client = asking(&server, &format!("/{}", name(number)), &[]);
            until("it is looked for", || disk.jobs().0 > looks);
            client
        })
        .collect();
    until("the room for reads is full", || {
        clients.iter_mut().any(Client::has_answer)
    });
    for number in 0..CLIENTS {
        let nothing = server.get(&format!("/nothing{number}"), &[]);
        assert_eq!(nothing.status, 404);
    }
    disk.open();
    assert_eq!(clients[0].response("GET").text(), "read");
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

/// Drives the connection when this much time has passed.
fn later(rig: &mut Rig, seconds: u64) -> Turn {
    rig.context.now.instant += Duration::from_secs(seconds);
    match rig.connection.expire(&mut rig.buffers, &mut rig.context) {
        Turn::Again => rig.drive(),
        turn => turn,
    }
}

#[test]
fn a_disk_that_does_not_answer_in_time_is_503() {
    let disk = SlowDisk::holding();
    let mut rig = Rig::new(site(&disk).file("a.txt", "never"));
    rig.send(&request("GET", "/a.txt", &[]));
    assert_eq!(rig.drive(), Turn::Wait);
    disk.await_jobs(1);
    for seconds in [1, 9, 19] {
        assert_eq!(later(&mut rig, seconds), Turn::Wait);
        assert!(rig.taken().is_empty());
    }
    assert_eq!(later(&mut rig, 2), Turn::Wait);
    let answer = String::from_utf8(rig.taken()).expect("text");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nRetry-After: 2\r\n"), "{answer}");
    assert!(
        answer.contains("The disk did not answer in time"),
        "{answer}"
    );
    disk.open();
}

#[test]
fn a_listing_of_a_disk_that_does_not_answer_in_time_is_503() {
    let disk = SlowDisk::default();
    let mut rig = Rig::new(site(&disk).file("d/a", "never"));
    disk.hold_reads();
    rig.send(&request("GET", "/d/", &[]));
    while disk.jobs().1 == 0 {
        assert_eq!(rig.drive(), Turn::Wait);
    }
    assert_eq!(later(&mut rig, 29), Turn::Wait);
    assert!(rig.taken().is_empty());
    assert_eq!(later(&mut rig, 2), Turn::Wait);
    assert!(rig.taken().starts_with(b"HTTP/1.1 503 "));
    disk.open();
}

/// Each time that its step waits for the disk, a client of another network comes, and then leaves.
#[test]
fn a_listing_that_is_displaced_again_and_again_is_503_in_time() {
    let disk = SlowDisk::default();
    let setup = waiting(&disk, 2).with(|config| config.disk_threads = 1);
    let mut rig = Rig::new(setup.file("d/a", "never"));
    let device = rig.setup.root().metadata().expect("a root").dev();
    let pool = rig.context.origins.first().site.disk().cloned();
    let pool = pool.expect("a pool");
    let submit = |network: [u8; 4]| {
        let system = FileSystem::of_device(device);
        pool.submit(Effort::Read, system, network.into(), Room::Limited, || ())
    };
    disk.hold_reads();
    let _begun = submit([10, 0, 0, 1]).expect("a thread");
    disk.await_jobs(1);
    let own = [127, 0, 0, 1];
    let _waits = submit(own).expect("room");
    rig.send(&request("GET", "/d/", &[]));
    let wait_for_step = |rig: &mut Rig| {
        until("the step waits", || {
            assert_eq!(rig.drive(), Turn::Wait);
            submit(own).is_none()
        });
    };
    wait_for_step(&mut rig);
    for _ in 0..3 {
        drop(submit([10, 0, 0, 2]).expect("the room of the step"));
        rig.context.now.instant += Duration::from_secs(9);
        wait_for_step(&mut rig);
        assert!(rig.taken().is_empty());
    }
    assert_eq!(later(&mut rig, 4), Turn::Wait);
    assert!(rig.taken().starts_with(b"HTTP/1.1 503 "));
    disk.open();
}

#[test]
fn a_response_that_the_disk_does_not_complete_is_cut() {
    let disk = SlowDisk::holding_reads();
    let mut rig = Rig::new(site(&disk).file("large.bin", large()));
    rig.send(&request("GET", "/large.bin", &[]));
    // It is looked at, read for the first time, opened, and then read in pieces.
    for jobs in 2..=3 {
        until("the next job", || {
            assert_eq!(rig.drive(), Turn::Wait);
            disk.jobs() == (1, jobs - 1)
        });
        disk.let_pass(1);
    }
    until("the first piece", || {
        assert_eq!(rig.drive(), Turn::Wait);
        disk.jobs() == (1, 3)
    });
    assert!(rig.taken().starts_with(b"HTTP/1.1 200 "));
    assert_eq!(later(&mut rig, 29), Turn::Wait);
    assert_eq!(
        later(&mut rig, 2),
        Turn::Closed(Closed::Cut(End::DiskFault))
    );
    disk.open();
}

/// The limit of open files of a program.
fn limit_descriptors(program: &Program, most: Option<u64>) {
    let pid = Pid::from_child(&program.child);
    let now = getrlimit(Resource::Nofile);
    let current = most.or(now.current);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current, ..now }).expect("our child");
}

/// A server of a user who has no other processes, and may have so many threads.
fn with_threads(folder: &std::path::Path, most: Option<usize>) -> Program {
    let mut command = std::process::Command::new("prlimit");
    command.env_clear().stdin(std::process::Stdio::null());
    command.arg(most.map_or("--noheadings".into(), |most| format!("--nproc={most}")));
    command.args(["setpriv", "--reuid=61234", "--clear-groups"]);
    command.args([env!("CARGO_BIN_EXE_docroot"), "--threads", "1"]);
    Program::start(command.arg(folder))
}

#[test]
#[cfg(target_os = "linux")]
fn without_disk_threads_requests_are_refused() {
    if !rustix::process::geteuid().is_root() {
        return support::program::skipped("only root can run docroot as a user without threads");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).expect("a mode");
    std::fs::write(folder.path().join("a.txt"), "in memory").expect("a file");
    let ask = |program: &Program, target: &str| {
        let mut client = program.connect();
        client.send(&request("GET", target, &[]));
        client.response("GET").status
    };
    let free = with_threads(folder.path(), None);
    assert_eq!(ask(&free, "/a.txt"), 200);
    let tasks = format!("/proc/{}/task", free.child.id());
    let needed = std::fs::read_dir(tasks).expect("a process").count();
    // The kernel does not know this name, so the disk must tell.
    assert_eq!(ask(&free, "/unknown"), 404);
    drop(free);
    let program = with_threads(folder.path(), Some(needed));
    assert_eq!(ask(&program, "/a.txt"), 200);
    assert_eq!(ask(&program, "/other"), 503);
}

#[test]
fn a_lack_of_descriptors_that_passes_is_not_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["d/a.txt", "b.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "here").expect("a file");
    }
    let program = Program::serve(folder.path());
    for target in ["/b.txt", "/d/a.txt", "/d/"] {
        let mut client = program.connect();
        let mut ask = |lacks_until_answered: bool| {
            limit_descriptors(&program, Some(0));
            client.send(&request("GET", target, &[]));
            if !lacks_until_answered {
                let moment = Some(Duration::from_millis(200));
                client.stream.set_read_timeout(moment).expect("a timeout");
                let none = client.stream.peek(&mut [0]).is_err();
                client
                    .stream
                    .set_read_timeout(Some(PATIENCE))
                    .expect("a timeout");
                limit_descriptors(&program, None);
                return none && client.response("GET").status == 200;
            }
            let response = client.response("GET");
            limit_descriptors(&program, None);
            response.status == 503
        };
        // The first request is answered. A slow machine may need another try.
        assert!((0..5).any(|_| ask(false)), "{target}");
        assert!(ask(true), "{target}");
    }
}

/// Such answers look at several paths, and disk threads look at each. Meanwhile others are served.
#[test]
fn an_answer_that_needs_several_look_ups_waits_for_each() {
    let disk = SlowDisk::holding();
    let server = site(&disk)
        .file("index.html", "start")
        .file("about.html", "about")
        .file("page.de.html", "german")
        .file("404.html", "not here")
        .with(|config| {
            config.site.clean_urls = true;
            config.site.negotiate = true;
        })
        .start();
    let german = [("Accept-Language", "fr, de")];
    let mut clients: Vec<(Client, u16, &str)> = [
        ("/about", 200, "about"),
        ("/page", 200, "german"),
        ("/page.html", 200, "german"),
        ("/none", 404, "not here"),
    ]
    .into_iter()
    .map(|(target, status, body)| (asking(&server, target, &german), status, body))
    .collect();
    disk.await_jobs(1);
    assert!(clients.iter_mut().all(|(client, ..)| !client.has_answer()));
    disk.open();
    for (client, status, body) in &mut clients {
        let response = client.response("GET");
        assert_eq!((response.status, &*response.text()), (*status, *body));
    }
}

/// A site with a slow file system at `slow`, or as its root.
struct Mounted {
    // Dropped first, so that the server does not wait for it.
    disk: support::fuse::SlowFs,
    server: TestServer,
    _folder: tempfile::TempDir,
}

/// `None` if nothing can be mounted here.
fn mounted(is_root: bool) -> Option<Mounted> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("d")).expect("a folder");
    for (name, content) in [
        ("a.txt", &b"slow"[..]),
        ("large.bin", &large()),
        ("d/inner", b"1"),
        ("bad", b"it cannot be looked at"),
    ] {
        std::fs::write(folder.path().join(name), content).expect("a file");
    }
    let setup = Setup::new().with(|config| config.threads = 1);
    let setup = setup.file("local.txt", "local");
    let place = match is_root {
        true => setup.root().to_owned(),
        false => setup.root().join("slow"),
    };
    std::fs::create_dir_all(&place).expect("a folder");
    let disk = support::fuse::SlowFs::mount(folder.path(), &place)?;
    Some(Mounted {
        disk,
        server: setup.start(),
        _folder: folder,
    })
}

/// A site on a local disk with one worker, and two folders, of which nothing is served.
struct Local {
    server: TestServer,
    beside: tempfile::TempDir,
}

impl Local {
    fn new() -> Local {
        let beside = tempfile::tempdir().expect("a folder");
        std::fs::write(beside.path().join("a.txt"), "slow").expect("a file");
        let setup = Setup::new().with(|config| config.threads = 1);
        let setup = setup.file("a.txt", "local").file("b.txt", "other");
        Local {
            server: setup.start(),
            beside,
        }
    }

    /// Mounts a file or the folder beside the site at a place in it. Requests for what is there wait.
    fn hold(&self, beside: &str, place: &str) -> Option<support::fuse::SlowFs> {
        let mut disk = self.mount(beside, place)?;
        disk.order("hold all");
        Some(disk)
    }

    fn mount(&self, beside: &str, place: &str) -> Option<support::fuse::SlowFs> {
        let shown = self.beside.path().join(beside);
        support::fuse::SlowFs::mount(&shown, &self.server.root.join(place))
    }

    /// Requests are answered, each in a turn of its own.
    fn answers(&self, target: &str, want: &str) {
        for _ in 0..20 {
            assert_eq!(self.server.get(target, &[]).text(), want);
        }
    }
}

#[test]
fn a_mount_over_a_cached_file_holds_up_only_those_who_want_it() {
    let site = Local::new();
    // A file that has just been written is not cached for three seconds.
    support::pause(Duration::from_secs(4));
    site.answers("/a.txt", "local");
    let Some(mut disk) = site.hold("a.txt", "a.txt") else {
        return;
    };
    let mut waiting = asking(&site.server, "/a.txt", &[]);
    site.answers("/b.txt", "other");
    assert!(!waiting.has_answer());
    disk.order("release");
    assert_eq!(waiting.response("GET").text(), "slow");
}

#[test]
fn a_link_to_a_mount_holds_up_only_those_who_want_it() {
    let site = Local::new();
    std::os::unix::fs::symlink("a.txt", site.server.root.join("link")).expect("a link");
    site.answers("/link", "local");
    let Some(mut disk) = site.hold("a.txt", "a.txt") else {
        return;
    };
    let mut waiting = asking(&site.server, "/link", &[]);
    site.answers("/b.txt", "other");
    disk.order("release");
    assert_eq!(waiting.response("GET").text(), "slow");
}

/// A server of the folder `dist` on a slow disk, with one file in it. Also the folder above, and `dist`.
fn dist(disk: &SlowDisk, file: &str) -> (TestServer, PathBuf, PathBuf) {
    let setup = site(disk).file(&format!("dist/{file}"), "0");
    let folder = setup.root().to_owned();
    let dist = folder.join("dist");
    let root = dist.clone();
    let server = setup.with(|config| config.root = root).start();
    (server, folder, dist)
}

/// Tests `origin::listing::decided_again`.
#[test]
fn a_listing_that_waits_is_of_the_root_that_there_is_then() {
    let disk = SlowDisk::holding_reads();
    let (server, folder, dist) = dist(&disk, "old.txt");
    std::fs::create_dir_all(folder.join("next/new")).expect("folders");
    let mut client = asking(&server, "/?format=json", &[]);
    until("the directory is read", || disk.jobs().1 == 1);
    std::fs::rename(&dist, folder.join("before")).expect("renamed");
    std::fs::rename(folder.join("next"), &dist).expect("renamed");
    until("the new root is known", || {
        server.get("/new", &[]).status == 301
    });
    disk.open();
    let text = client.response("GET").text();
    assert!(text.contains("new") && !text.contains("old.txt"), "{text}");
}

/// The index file, for example, must not be looked for in the directory that was deleted, and the listing made of the
/// new one.
#[test]
fn a_root_that_is_made_again_is_never_mixed_with_the_old_one() {
    let disk = SlowDisk::default();
    let (server, folder, dist) = dist(&disk, "index.html");
    disk.before_each(|_| std::thread::sleep(Duration::from_millis(5)));
    for round in 1..=10 {
        let (new, content) = (folder.join("new"), format!("release {round}"));
        std::fs::create_dir(&new).expect("a folder");
        std::fs::write(new.join("index.html"), &content).expect("a file");
        std::fs::remove_dir_all(&dist).expect("removed");
        std::fs::rename(&new, &dist).expect("renamed");
        until("it is served", || {
            let answer = server.get("/", &[]);
            assert!(
                answer.status == 404 || answer.text() == content,
                "{}",
                answer.text()
            );
            answer.status == 200
        });
    }
}

/// A look at the mount does not wait, but to open it does.
#[test]
fn a_mount_that_cannot_be_opened_holds_up_only_those_who_want_it() {
    let site = Local::new();
    std::fs::create_dir(site.server.root.join("m")).expect("a folder");
    let Some(mut disk) = site.mount("", "m") else {
        return;
    };
    disk.order("hold opens");
    let mut waiting = asking(&site.server, "/m/", &[]);
    site.answers("/b.txt", "other");
    disk.order("release");
    assert!(waiting.response("GET").text().contains("a.txt"));
}

#[test]
fn a_mount_over_the_root_holds_up_nobody_until_it_can_be_read() {
    let site = Local::new();
    site.answers("/a.txt", "local");
    let Some(mut disk) = site.hold("", "") else {
        return;
    };
    // It is found after a tenth of a second.
    for _ in 0..5 {
        support::pause(Duration::from_millis(50));
        site.answers("/a.txt", "local");
    }
    disk.order("release");
    until("the new root is served", || {
        site.server.get("/a.txt", &[]).text() == "slow"
    });
}

#[test]
fn a_mount_below_the_root_holds_up_only_those_who_want_it() {
    let Some(mut site) = mounted(false) else {
        return;
    };
    let server = &site.server;
    assert_eq!(server.get("/slow/a.txt", &[]).text(), "slow");
    site.disk.order("hold all");
    let mut waiting: Vec<Client> = ["/slow/a.txt", "/slow/large.bin", "/slow/", "/slow/d", "/"]
        .iter()
        .cycle()
        .take(20)
        .map(|target| asking(server, target, &[]))
        .collect();
    for _ in 0..20 {
        assert_eq!(server.get("/local.txt", &[]).text(), "local");
    }
    site.disk.order("release");
    let responses: Vec<_> = waiting
        .iter_mut()
        .map(|client| client.response("GET"))
        .collect();
    let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
    assert_eq!(statuses[..5], [200, 200, 200, 301, 200]);
    assert_eq!(responses[0].text(), "slow");
    assert!(responses[1].body == large());
    assert!(responses[2].text().contains("large.bin"));
    assert!(
        responses[4].text().contains("slow/"),
        "{}",
        responses[4].text()
    );
}

/// An overlay is a local file system, but what it shows may come from another one.
#[test]
fn the_entries_of_an_overlay_hold_up_only_those_who_want_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let [slow, local, lower] = ["slow", "local", "lower"].map(|name| folder.path().join(name));
    for directory in [&slow, &local, &lower] {
        std::fs::create_dir(directory).expect("a folder");
    }
    std::fs::write(slow.join("a.txt"), "slow").expect("a file");
    std::fs::write(local.join("local.txt"), "local").expect("a file");
    let Some(disk) = support::fuse::SlowFs::mount(&slow, &lower) else {
        return;
    };
    let setup = Setup::new().with(|config| config.threads = 1);
    let place = setup.root().to_owned();
    let Some(_overlay) = support::fuse::Mount::overlay(&[&local, &lower], &place) else {
        return;
    };
    let mut site = Mounted {
        disk,
        server: setup.start(),
        _folder: folder,
    };
    assert_eq!(site.server.get("/local.txt", &[]).text(), "local");
    site.disk.order("hold reads");
    let mut waiting = asking(&site.server, "/", &[]);
    for _ in 0..20 {
        assert_eq!(site.server.get("/local.txt", &[]).text(), "local");
    }
    site.disk.order("release");
    let listing = waiting.response("GET").text();
    assert!(listing.contains("a.txt") && listing.contains("local.txt"));
}

/// A slow file system at a place where the server has seen one in memory. The kernel gives its device number
/// to the next one, unless another process mounts something meanwhile.
fn mounted_again() -> Option<Mounted> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("large.bin"), large()).expect("a file");
    let setup = Setup::new().with(|config| config.threads = 1);
    let setup = setup.file("local.txt", "local").file("m/under", "it");
    let place = setup.root().join("m");
    let server = setup.start();
    let device = || std::fs::metadata(&place).expect("a mount").dev();
    for _ in 0..100 {
        let memory = support::fuse::Mount::memory(&place)?;
        let number = device();
        assert_eq!(server.get("/m/", &[]).status, 200);
        drop(memory);
        let disk = support::fuse::SlowFs::mount(folder.path(), &place)?;
        if device() == number {
            return Some(Mounted {
                disk,
                server,
                _folder: folder,
            });
        }
    }
    support::program::skipped("the kernel does not use device numbers again");
    None
}

#[test]
fn a_slow_mount_in_the_place_of_a_local_one_holds_up_only_those_who_want_it() {
    let Some(mut site) = mounted_again() else {
        return;
    };
    site.disk.order("hold reads");
    let mut waiting = asking(&site.server, "/m/", &[]);
    for _ in 0..20 {
        assert_eq!(site.server.get("/local.txt", &[]).text(), "local");
    }
    site.disk.order("release");
    assert!(waiting.response("GET").text().contains("large.bin"));
}

/// Local files that are not in memory need a disk thread too.
#[test]
fn a_file_system_that_hangs_leaves_a_thread_for_the_local_disk() {
    let Some(mut site) = mounted(false) else {
        return;
    };
    site.disk.order("hold all");
    let _hung: Vec<Client> = [
        "/slow/a.txt",
        "/slow/d/inner",
        "/slow/large.bin",
        "/slow/d/",
    ]
    .iter()
    .cycle()
    .take(20)
    .map(|target| asking(&site.server, target, &[]))
    .collect();
    // The kernel does not know these names yet.
    for number in 0..20 {
        let unknown = site.server.get(&format!("/unknown-{number}"), &[]);
        assert_eq!(unknown.status, 404);
    }
}

/// A client that has sent a request to one of several sites.
fn asking_site(server: &TestServer, host: &str, target: &str) -> Client {
    let mut client = server.connect();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    client
}

/// Two sites whose roots are slow file systems, beside one on the local disk.
#[test]
fn a_site_whose_file_system_hangs_leaves_a_thread_for_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "slow").expect("a file");
    let hosts = ["a.example", "b.example"];
    let setup = Setup::new();
    let places = hosts.map(|host| setup.root().join(host));
    let mut disks = Vec::new();
    for place in &places {
        std::fs::create_dir(place).expect("a folder");
        let Some(disk) = support::fuse::SlowFs::mount(folder.path(), place) else {
            return;
        };
        disks.push(disk);
    }
    let site = |(host, root)| SiteRoot {
        host: HostPattern::parse(host).expect(host),
        root,
    };
    let sites = hosts.into_iter().zip(places).map(site).collect();
    let setup = setup.with(|config| {
        (config.threads, config.disk_threads) = (1, 2);
        config.sites = sites;
    });
    let server = setup.start();
    // Dropped first, so that the server does not wait for them.
    let mut disks = disks;
    let [hung, other] = &mut disks[..] else {
        panic!("two are mounted")
    };
    assert_eq!(server.get("/none", &[]).status, 404, "it has started");
    hung.order("hold all");
    let mut waiting: Vec<Client> = (0..20)
        .map(|number| asking_site(&server, hosts[0], &format!("/{number}")))
        .collect();
    for number in 0..20 {
        let mut client = asking_site(&server, hosts[1], "/a.txt");
        assert_eq!(client.response("GET").text(), "slow");
        // The kernel does not know these names yet.
        let unknown = server.get(&format!("/unknown-{number}"), &[]);
        assert_eq!(unknown.status, 404);
    }
    other.order("hold all");
    let unknown = server.get("/unknown", &[]);
    assert_eq!(unknown.status, 404);
    hung.order("release");
    for client in &mut waiting {
        assert_eq!(client.response("GET").status, 404);
    }
}

#[test]
fn a_large_file_of_a_slow_file_system() {
    let Some(mut site) = mounted(true) else {
        return;
    };
    site.disk.order("wait reads 0.02");
    let server = &site.server;
    let whole = server.get("/large.bin", &[]);
    assert!(whole.body == large());
    let range = server.get("/large.bin", &[("Range", "bytes=777777-777800")]);
    assert_eq!(
        (range.status, &range.body[..]),
        (206, &large()[777_777..777_801])
    );
    assert_eq!(server.get("/a.txt", &[]).text(), "slow");
    assert_eq!(server.get("/nothing", &[]).status, 404);
    assert_eq!(server.get("/d/inner", &[]).text(), "1");
}

#[test]
fn an_entry_that_cannot_be_looked_at_is_listed_without_size_and_date() {
    let Some(mut site) = mounted(true) else {
        return;
    };
    for error in ["EIO", "EACCES", "ESTALE"] {
        site.disk.order(&format!("fail bad {error}"));
        let listing = site.server.get("/?format=json", &[]);
        assert_eq!(listing.status, 200, "{error}");
        let text = listing.text();
        let bad = r#"{"name":"bad","type":"file","size":null,"modified":null"#;
        assert!(text.contains(bad) && text.contains("a.txt"), "{text}");
        let page = site.server.get("/", &[]).text();
        assert!(page.contains("<td>no access</td>"), "{page}");
        site.disk.order("release");
    }
}

/// The names of the files were found, so the errors of reads do not mean that there are none.
#[test]
fn a_file_that_cannot_be_read_is_500() {
    let Some(mut site) = mounted(true) else {
        return;
    };
    for error in ["EIO", "EINVAL", "EISDIR", "ENOENT", "ESTALE", "EINTR"] {
        site.disk.order(&format!("fail reads {error}"));
        for target in ["/a.txt", "/large.bin"] {
            assert_eq!(site.server.get(target, &[]).status, 500, "{error} {target}");
        }
    }
    site.disk.order("fail reads EACCES");
    assert_eq!(site.server.get("/a.txt", &[]).status, 403);
    site.disk.order("release");
    assert_eq!(site.server.get("/a.txt", &[]).text(), "slow");
}

#[test]
fn the_end_of_the_server_does_not_wait_for_a_file_system() {
    let Some(mut site) = mounted(true) else {
        return;
    };
    let mut client = asking(&site.server, "/large.bin", &[]);
    client.head();
    site.disk.order("hold all");
    let _others = ["/a.txt", "/d/", "/large.bin"].map(|target| asking(&site.server, target, &[]));
    let begin = std::time::Instant::now();
    site.server.stop();
    site.server.wait();
    assert!(begin.elapsed() < PATIENCE / 4, "{:?}", begin.elapsed());
}
