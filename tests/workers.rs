//! The workers: connections are spread over all of them, and one that is stuck is noticed.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::path::Path;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::handlers::text;
use support::program::{Program, command};
use support::{PATIENCE, Setup, request};

const WORKERS: usize = 4;
const CLIENTS: usize = 64;

/// Each worker waits with an epoll instance of its own: how many sockets each waits for.
fn sockets_by_worker(program: &Program) -> Vec<usize> {
    let process = Path::new("/proc").join(program.child.id().to_string());
    let leads_to = |descriptor: &str, start: &str| {
        let target = fs::read_link(process.join("fd").join(descriptor));
        target.is_ok_and(|target| target.to_string_lossy().starts_with(start))
    };
    let descriptors = fs::read_dir(process.join("fd")).expect("descriptors");
    descriptors
        .map(|entry| entry.expect("a descriptor").file_name())
        .filter_map(|name| name.into_string().ok())
        .filter(|name| leads_to(name, "anon_inode:[eventpoll]"))
        .map(|name| {
            let watched = fs::read_to_string(process.join("fdinfo").join(name));
            let watched = watched.expect("an epoll instance");
            // `tfd:       14 events: ...`
            let watched = watched.lines().filter_map(|line| {
                let rest = line.strip_prefix("tfd:")?;
                rest.split_whitespace().next()
            });
            watched.filter(|name| leads_to(name, "socket:")).count()
        })
        .collect()
}

#[test]
fn every_worker_serves_its_share_of_the_connections() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("a.txt"), "the file a").expect("a file");
    let mut command = command();
    command.args(["--log-format", "off", "--threads"]);
    command.arg(WORKERS.to_string()).arg(folder.path());
    let program = Program::start(&mut command);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| program.connect()).collect();
    // All are open at the same time, and each is served more than once.
    for _ in 0..3 {
        for client in &mut clients {
            client.send(&request("GET", "/a.txt", &[]));
        }
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "the file a");
        }
    }
    assert_eq!(sockets_by_worker(&program), [CLIENTS / WORKERS; WORKERS]);
}

/// What the watchdog of a service manager depends on.
#[test]
fn a_worker_that_is_stuck_is_noticed() {
    let (enter, entered) = channel();
    let (leave, left) = channel::<()>();
    let left = Arc::new(Mutex::new(left));
    let setup = Setup::new().at("/stuck", move |_| {
        enter.send(()).expect("the test waits");
        let left = left.lock().expect("one request");
        left.recv_timeout(PATIENCE).expect("the test goes on");
        text("made")
    });
    let server = setup.start();
    assert!(server.workers_turn(PATIENCE));
    let mut client = server.connect();
    client.send(&request("GET", "/stuck", &[]));
    entered
        .recv_timeout(PATIENCE)
        .expect("the handler is called");
    assert!(!server.workers_turn(Duration::from_millis(50)));
    leave.send(()).expect("the handler waits");
    assert_eq!(client.response("GET").text(), "made");
    assert!(server.workers_turn(PATIENCE));
}
