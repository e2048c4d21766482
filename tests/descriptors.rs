//! What becomes of clients when the file descriptors of the process run out.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::program::Program;
use support::{Client, noise, request, until};

const DESCRIPTORS: usize = 64;

/// More than docroot keeps in memory, so the file is opened for each response. More than the buffers of
/// a connection hold, so the file stays open until the client reads.
const LARGE: usize = 16 << 20;

/// What a client reads at first.
const PART: usize = 64 << 10;

/// The program under this limit of open files.
fn serve(limit: usize, root: &Path) -> Program {
    let mut command = Command::new("sh");
    command.env_clear().stdin(Stdio::null());
    let line = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_docroot")]);
    command.args(["--threads", "1", "--log-format", "off"]);
    command.arg(root);
    Program::start(&mut command)
}

/// Connects clients until one is not served. Returns those that are.
fn fill(
    program: &Program,
    target: impl Fn(usize) -> String,
    begin: impl Fn(&mut Client),
) -> Vec<Client> {
    let mut served = Vec::new();
    loop {
        let mut client = program.connect();
        client.send(&request("GET", &target(served.len()), &[]));
        let response = client.head();
        if response.status == 503 {
            assert!(response.field("Retry-After").is_some());
            return served;
        }
        assert_eq!(response.status, 200);
        begin(&mut client);
        served.push(client);
    }
}

#[test]
fn the_last_descriptors_are_kept_for_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = noise(LARGE);
    std::fs::write(folder.path().join("small.txt"), "small").expect("a file");
    std::fs::write(folder.path().join("large.bin"), &large).expect("a file");
    let program = serve(DESCRIPTORS, folder.path());
    let small = |client: &mut Client| assert_eq!(client.take(5), b"small");
    let mut served = fill(&program, |_| "/small.txt".into(), small);
    // A connection takes one descriptor, the server some twenty for itself.
    assert!(served.len() >= 32, "{}", served.len());
    for client in served.iter_mut().take(3) {
        client.send(&request("GET", "/large.bin", &[]));
        let response = client.response("GET");
        assert!(response.status == 200 && response.body == large);
    }
    served.pop();
    until("a descriptor is free", || {
        let mut client = program.connect();
        client.send(&request("GET", "/small.txt", &[]));
        client.response("GET").status == 200
    });
}

/// Even under a low limit, connections get most of the descriptors that the server does not need.
#[test]
fn clients_get_most_of_a_low_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("small.txt"), "small").expect("a file");
    let small = |client: &mut Client| assert_eq!(client.take(5), b"small");
    for (limit, least) in [(20, 4), (24, 8), (40, 20), (72, 45), (128, 90)] {
        let program = serve(limit, folder.path());
        let served = fill(&program, |_| "/small.txt".into(), small).len();
        assert!((least..limit - 10).contains(&served), "{limit}: {served}");
    }
}

#[test]
fn where_each_client_needs_a_file_fewer_connect() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = noise(LARGE);
    let path = |number: usize| folder.path().join(number.to_string());
    std::fs::write(path(0), &large).expect("a file");
    // A file that is requested twice is copied, and its clients share the copy.
    for number in 1..DESCRIPTORS {
        std::fs::hard_link(path(0), path(number)).expect("a link");
    }
    let program = serve(DESCRIPTORS, folder.path());
    let part = |client: &mut Client| assert!(client.take(PART) == large[..PART]);
    let mut served = fill(&program, |number| format!("/{number}"), part);
    // Two descriptors each.
    assert!((16..28).contains(&served.len()), "{}", served.len());
    for client in &mut served {
        assert!(client.take(LARGE - PART) == large[PART..]);
    }
}
