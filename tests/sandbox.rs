//! A kernel or a sandbox that refuses a call that only makes docroot better. Everything must still be
//! answered.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;
use support::program::{Program, command_only, command_without, skipped};
use support::{Client, request, unit};

const CALLS: [&str; 13] = [
    "fstatfs",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "memfd_create",
    "openat2",
    "preadv2",
    "prlimit64",
    "sched_getaffinity",
    "sched_setscheduler",
    "sendfile",
    "setsockopt",
    "statx",
];

/// What old kernels and container runtimes answer, and what others do.
const ERRORS: [&str; 2] = ["ENOSYS", "EPERM"];

/// Larger than what is cached, so that it is read from the disk, and from a private copy later.
const COPIED: usize = 3 << 20;

/// So large that the kernel sends a part of it from the file itself, on a system with usual limits.
const DIRECT: usize = 64 << 20;

fn content(length: usize) -> Vec<u8> {
    let numbers = (0..length as u32 / 4).flat_map(u32::to_le_bytes);
    numbers.collect()
}

#[track_caller]
fn check(client: &mut Client, target: &str, fields: &[(&str, &str)], status: u16, want: &[u8]) {
    client.send(&request("GET", target, fields));
    let answer = client.response("GET");
    assert_eq!(answer.status, status, "{target} {fields:?}");
    assert!(answer.body == want, "{target} {fields:?}");
}

fn check_everything(server: &Program, direct: &[u8]) {
    let mut client = server.connect();
    check(&mut client, "/a.txt", &[], 200, b"small");
    let copied = content(COPIED);
    for _ in 0..4 {
        check(&mut client, "/copied", &[], 200, &copied);
    }
    let range = [("Range", "bytes=1000000-1999999")];
    check(
        &mut client,
        "/copied",
        &range,
        206,
        &copied[1_000_000..2_000_000],
    );
    check(&mut client, "/direct", &[], 200, direct);
    client.send(&request("GET", "/nothing", &[]));
    let absent = client.response("GET");
    assert!(absent.status == 404 && absent.text().contains("nothing"));
    client.send(&request(
        "GET",
        "/folder/",
        &[("Accept", "application/json")],
    ));
    let listing = client.response("GET");
    assert!(listing.status == 200 && listing.text().contains("inner.txt"));
    check(&mut client, "/folder/inner.txt", &[], 200, b"inner");
    // More than one client is served.
    let mut others: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for other in &mut others {
        check(other, "/a.txt", &[], 200, b"small");
    }
}

fn fill(root: &Path, direct: &[u8]) {
    fs::create_dir(root.join("folder")).expect("a folder");
    for (name, content) in [
        ("a.txt", b"small".as_slice()),
        ("folder/inner.txt", b"inner"),
        ("copied", &content(COPIED)),
        ("direct", direct),
    ] {
        fs::write(root.join(name), content).expect("a file");
    }
}

/// A socket for `::` that takes IPv4 too would let clients in whom the operator did not ask for.
#[test]
fn an_option_that_is_needed_is_named() {
    let root = tempfile::tempdir().expect("a folder");
    for error in ERRORS {
        let mut command = command_without("setsockopt", error);
        command
            .args(["--port", "0", "--bind", "::"])
            .arg(root.path());
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let want =
            "docroot: cannot listen on :: because the system refuses setsockopt(IPV6_V6ONLY) (";
        assert!(said.starts_with(want), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}

#[test]
fn every_optional_call_can_be_refused() {
    let root = tempfile::tempdir().expect("a folder");
    let direct = content(DIRECT);
    fill(root.path(), &direct);
    for call in CALLS {
        for error in ERRORS {
            println!("{call}: {error}");
            let mut command = command_without(call, error);
            command.args(["--log-format", "off"]).arg(root.path());
            let server = Program::start(&mut command);
            check_everything(&server, &direct);
        }
    }
}

fn check_admin(server: &Program) {
    for path in ["/health", "/ready", "/metrics", "/config"] {
        let stream = TcpStream::connect(server.admin()).expect("it accepts");
        let mut client = Client::of(stream);
        client.send(&request("GET", path, &[]));
        let response = client.response("GET");
        assert_eq!(response.status, 200, "{path}");
        let is_measured = response.text().contains("\nprocess_open_fds ");
        assert_eq!(is_measured, path == "/metrics", "{path}");
    }
}

/// A call that the unit for systemd does not allow would end the server here.
#[test]
fn the_unit_allows_every_call() {
    let Some(systemd_analyze) = unit::systemd_analyze() else {
        return skipped("systemd-analyze is missing, which knows the calls of each group");
    };
    let root = tempfile::tempdir().expect("a folder");
    let direct = content(DIRECT);
    fill(root.path(), &direct);
    let allowed = unit::numbers(&unit::allowed_calls(systemd_analyze));
    assert!(allowed.len() > 200, "{allowed:?}");
    let mut command = command_only(&allowed);
    command.args(["--log-format", "json", "--admin", "127.0.0.1:0"]);
    if cfg!(feature = "auth") {
        let secret = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
        command.args(["--auth", &format!("/secret/** alice:{secret}")]);
    }
    let server = Program::start(command.arg(root.path()));
    check_everything(&server, &direct);
    check_admin(&server);
    // The password is checked.
    let mut client = server.connect();
    let fields = [("Authorization", "Basic YWxpY2U6c2VjcmV0")];
    client.send(&request("GET", "/secret/none", &fields));
    assert_eq!(client.response("GET").status, 404);
    server.signal(Signal::HUP);
    server.until_said("reloaded the configuration");
    server.signal(Signal::TERM);
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// Without this, the test above could not fail.
#[test]
fn a_call_that_is_not_allowed_ends_the_server() {
    let Some(systemd_analyze) = unit::systemd_analyze() else {
        return skipped("systemd-analyze is missing, which knows the calls of each group");
    };
    let mut allowed = unit::allowed_calls(systemd_analyze);
    assert!(!allowed.contains("mount") && !allowed.contains("setuid"));
    assert!(allowed.remove("listen"));
    let mut command = command_only(&unit::numbers(&allowed));
    let output = command.args(["--port", "0"]).output().expect("it runs");
    assert_eq!(output.status.code(), None, "{output:?}");
}
