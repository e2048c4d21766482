//! One docroot replaces another: no client is refused, and no request is lost.

mod support;

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use docroot::net::take_over::ask;
use rustix::process::Signal;
use support::load::{Ask, Load};
use support::program::{Program, command, needs_root};
use support::{Client, PATIENCE, noise, request, until};

/// How many times one server replaces another.
const UPGRADES: usize = 20;

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("www")).expect("a folder");
    fs::write(folder.path().join("www/a.txt"), "here").expect("a file");
    folder
}

fn waiting_at(folder: &Path) -> PathBuf {
    folder.join("next")
}

/// A server that replaces the one before, if there is one.
fn server(folder: &Path, address: SocketAddr) -> Command {
    let mut command = command();
    command.args(["--log-format", "off", "--drain-timeout", "20s"]);
    command.args(["--bind", &address.ip().to_string()]);
    command.args(["--port", &address.port().to_string()]);
    command.arg("--take-over").arg(waiting_at(folder));
    command.arg(folder.join("www"));
    command
}

fn first(folder: &Path) -> Program {
    let started = Program::start_as_told(&mut server(folder, ([127, 0, 0, 1], 0).into()));
    until("it waits for the next one", || waiting_at(folder).exists());
    started
}

/// Clients that ask over new connections, and over kept ones.
fn load(address: SocketAddr) -> Load {
    let client = |is_kept: bool| {
        let mut kept = None;
        Box::new(move || {
            let mut client: Client = kept.take().unwrap_or_else(|| {
                Client::of(TcpStream::connect(address).expect("nobody is refused"))
            });
            client.send(&request("GET", "/a.txt", &[]));
            let response = client.response("GET");
            assert_eq!((response.status, &*response.text()), (200, "here"));
            let is_last = response.field("Connection") == Some("close");
            kept = (is_kept && !is_last).then_some(client);
        }) as Ask
    };
    Load::of([true, true, false, false].map(client))
}

#[test]
fn upgrades_under_load_lose_no_request() {
    let folder = site();
    let mut running = first(folder.path());
    let address = running.address;
    let load = load(address);
    load.until_more();
    for _ in 0..UPGRADES {
        let next = Program::start_as_told(&mut server(folder.path(), address));
        assert_eq!(next.address, address);
        let (status, said) = running.wait();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("another docroot has taken over"), "{said}");
        running = next;
        load.until_more();
    }
    let answers = load.end();
    assert!(answers > UPGRADES * 100, "{answers}");
    running.signal(Signal::TERM);
    assert_eq!(running.wait().0.code(), Some(0));
    assert!(!waiting_at(folder.path()).exists(), "the file is left");
}

/// A client that is idle at that moment may send one more request.
#[test]
fn an_idle_connection_gets_one_more_response() {
    let folder = site();
    let old = first(folder.path());
    let mut client = old.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").field("Connection"), None);
    let new = Program::start_as_told(&mut server(folder.path(), old.address));
    old.until_said("another docroot has taken over");
    // It drains soon after. A request that comes then is the last one, and is answered.
    loop {
        client.send(&request("GET", "/a.txt", &[]));
        let response = client.response("GET");
        assert_eq!(response.status, 200);
        if response.field("Connection") == Some("close") {
            break;
        }
    }
    assert_eq!(old.wait().0.code(), Some(0));
    let mut client = new.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").status, 200);
}

/// The new server finds a mistake before it is ready: the old one goes on.
#[test]
fn a_server_that_does_not_start_replaces_nobody() {
    let folder = site();
    let old = first(folder.path());
    let mut failing = command();
    failing.arg("--take-over").arg(waiting_at(folder.path()));
    let output = failing
        .arg(folder.path().join("absent"))
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let mut client = old.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").field("Connection"), None);
    // The next one succeeds.
    let _new = Program::start_as_told(&mut server(folder.path(), old.address));
    drop(client);
    assert_eq!(old.wait().0.code(), Some(0));
}

#[test]
fn a_file_that_is_no_socket_stays() {
    let folder = site();
    fs::write(waiting_at(folder.path()), "text").expect("a file");
    let output = server(folder.path(), ([127, 0, 0, 1], 0).into()).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("is not a socket"), "{told}");
    let kept = fs::read(waiting_at(folder.path()));
    assert_eq!(kept.expect("a file"), b"text");
}

/// Its responses go on, and the listeners that both have stay open when it ends.
#[test]
fn a_server_that_drains_is_replaced_too() {
    const LENGTH: usize = 64 << 20;
    let folder = site();
    let large = folder.path().join("www/large.bin");
    fs::write(large, noise(LENGTH)).expect("a file");
    let old = first(folder.path());
    let mut download = old.connect();
    download.send(&request("GET", "/large.bin", &[]));
    assert_eq!(download.head().status, 200);
    let status = |server: &Program| {
        let mut client = server.connect();
        client.send(&request("GET", "/a.txt", &[]));
        client.response("GET").status
    };
    old.signal(Signal::TERM);
    until("it drains", || status(&old) == 503);
    let new = Program::start_as_told(&mut server(folder.path(), old.address));
    until("the next one answers", || status(&new) == 200);
    assert_eq!(download.rest().len(), LENGTH);
    assert_eq!(old.wait().0.code(), Some(0));
    for _ in 0..20 {
        assert_eq!(status(&new), 200);
    }
}

/// The old server may have no right to connect to the socket. It takes no client when the new one does.
#[test]
fn a_socket_of_another_user_is_taken_over() {
    needs_root!();
    let folder = site();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("a mode");
    let large = folder.path().join("www/large.bin");
    fs::write(large, noise(64 << 20)).expect("a file");
    let path = folder.path().join("s");
    let start = |address| {
        let mut command = server(folder.path(), address);
        command.args(["--user", "nobody"]);
        let socket = format!("unix:{},mode=0600", path.display());
        Program::start_as_told(command.args(["--bind", &socket]))
    };
    let connect = || {
        let stream = UnixStream::connect(&path).expect("it accepts");
        Client::of(TcpStream::from(OwnedFd::from(stream)))
    };
    let ask = |client: &mut Client| {
        client.send(&request("GET", "/a.txt", &[]));
        client.response("GET")
    };
    let old = start(([127, 0, 0, 1], 0).into());
    let owner = fs::metadata(&path).expect("a file").uid();
    assert_ne!(owner, 0, "root alone could connect");
    // As long as this lasts, the old server does not end.
    let mut download = old.connect();
    download.send(&request("GET", "/large.bin", &[]));
    assert_eq!(download.head().status, 200);
    let mut kept = connect();
    let new = start(old.address);
    until("the old server drains", || {
        ask(&mut kept).field("Connection") == Some("close")
    });
    for _ in 0..10 {
        assert_eq!(ask(&mut connect()).status, 200);
    }
    drop(download);
    assert_eq!(old.wait().0.code(), Some(0));
    // None of them may write to the folder.
    let third = start(new.address);
    assert_eq!(new.wait().0.code(), Some(0));
    assert_eq!(ask(&mut connect()).status, 200);
    drop(third);
}

/// Until a server is ready, the files of the sockets that it was given are those of the one before.
#[test]
fn a_server_that_does_not_start_leaves_the_files_as_they_are() {
    let folder = site();
    let path = folder.path().join("s");
    let start = |address: SocketAddr, mode: &str| {
        let mut command = server(folder.path(), address);
        let socket = format!("unix:{},mode={mode}", path.display());
        command.args(["--bind", &socket]);
        command
    };
    let state = || {
        let found = fs::metadata(&path).expect("a file");
        (found.mode() & 0o777, found.uid())
    };
    let old = Program::start_as_told(&mut start(([127, 0, 0, 1], 0).into(), "0600"));
    let before = state();
    assert_eq!(before.0, 0o600);
    // An address of no machine. The other sockets are taken before this one is opened.
    let mut failing = start(old.address, "0666");
    failing.args(["--admin", "192.0.2.1:9"]);
    let output = failing.output().expect("it runs");
    assert_ne!(output.status.code(), Some(0));
    assert!(waiting_at(folder.path()).exists());
    assert_eq!(state(), before);
    if rustix::process::geteuid().is_root() {
        let mut other = start(old.address, "0600");
        let output = other.args(["--user", "nobody"]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.contains("belongs to another user than --user"),
            "{told}"
        );
        assert_eq!(state(), before);
    }
    let mut stream = UnixStream::connect(&path).expect("it accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
        .write_all(&request("GET", "/a.txt", &[]))
        .expect("it reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(stream);
    let new = Program::start_as_told(&mut start(old.address, "0640"));
    assert_eq!(old.wait().0.code(), Some(0));
    assert_eq!(state().0, 0o640);
    drop(new);
}

/// The next server may still be starting when the one before ends.
#[test]
fn listeners_that_were_given_outlive_the_server() {
    let folder = site();
    let file = folder.path().join("s");
    let mut command = server(folder.path(), ([127, 0, 0, 1], 0).into());
    command.args(["--bind", &format!("unix:{}", file.display())]);
    let old = Program::start_as_told(&mut command);
    until("it waits for the next one", || {
        waiting_at(folder.path()).exists()
    });
    let asked = ask(&waiting_at(folder.path())).expect("no fault");
    let given = asked.expect("a server");
    let (mut sockets, _predecessor) = (given.sockets, given.predecessor);
    let address = old.address;
    old.signal(Signal::TERM);
    assert_eq!(old.wait().0.code(), Some(0));
    let socket = sockets.take(address).expect("a socket");
    let _client = TcpStream::connect(address).expect("it listens");
    socket.accept().expect("a client");
    let socket = sockets.take_file(&file).expect("a socket");
    let _client = UnixStream::connect(&file).expect("it listens");
    UnixListener::from(OwnedFd::from(socket))
        .accept()
        .expect("a client");
}

/// What an ended server has left is no server.
#[test]
fn a_stale_file_is_no_hindrance() {
    let folder = site();
    let mut old = first(folder.path());
    old.child.kill().expect("it runs");
    old.child.wait().expect("it ends");
    assert!(waiting_at(folder.path()).exists());
    let new = first(folder.path());
    let mut client = new.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").status, 200);
}

/// Whoever connects to the path and says nothing holds up nobody but the next server.
#[test]
fn only_a_server_that_is_ready_replaces() {
    let folder = site();
    let old = first(folder.path());
    for said in [&b""[..], b"rea", b"no\nno\n"] {
        let mut other = UnixStream::connect(waiting_at(folder.path())).expect("it accepts");
        other.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        other.read_exact(&mut [0]).expect("sockets");
        other.write_all(said).expect("it reads");
        drop(other);
        let mut client = old.connect();
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").field("Connection"), None);
    }
}

/// A Unix socket keeps its file.
#[test]
fn a_unix_socket_is_taken_over() {
    let folder = site();
    let path = folder.path().join("s");
    let start = |address| {
        let mut command = server(folder.path(), address);
        let socket = format!("unix:{},mode=0600", path.display());
        Program::start_as_told(command.args(["--bind", &socket]))
    };
    let old = start(([127, 0, 0, 1], 0).into());
    until("it waits for the next one", || {
        waiting_at(folder.path()).exists()
    });
    let new = start(old.address);
    assert_eq!(old.wait().0.code(), Some(0));
    let mut stream = UnixStream::connect(&path).expect("it accepts");
    stream
        .write_all(&request("GET", "/a.txt", &[("Connection", "close")]))
        .expect("it reads");
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    new.signal(Signal::TERM);
    assert_eq!(new.wait().0.code(), Some(0));
    assert!(!path.exists());
}
