//! systemd, played by the test: sockets that it passes, and what it is told (sd_listen_fds(3), sd_notify(3)).
#![cfg(feature = "systemd")]
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::fs::{self, Permissions, read_to_string};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use support::load::{Ask, Load};
use support::program::{Program, needs_root};
use support::{Client, PATIENCE, request};

/// The command with this socket as number 3, as a service manager starts it. Python becomes the command, so it has the
/// right process id.
fn passing(socket: &OwnedFd, process: Process) -> Command {
    // A copy that a child inherits. It stays open until the test ends.
    let number = rustix::io::dup(socket).expect("a descriptor").into_raw_fd();
    let process = match process {
        Process::Itself => "os.getpid()",
        Process::Other => "1",
    };
    let program = format!(
        "import os, sys\nif {number} != 3: os.dup2({number}, 3)\nos.set_inheritable(3, True)\n\
         os.execve(sys.argv[1], sys.argv[1:], {{'LISTEN_PID': str({process}), 'LISTEN_FDS': '1'}})"
    );
    let mut python = Command::new("python3");
    python.stdin(Stdio::null()).args(["-I", "-c", &program]);
    python.args([env!("CARGO_BIN_EXE_docroot"), "--log-format", "off"]);
    python
}

/// For whom a socket is.
#[derive(Clone, Copy)]
enum Process {
    Itself,
    Other,
}

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "here").expect("a file");
    folder
}

fn status(mut client: Client, host: &str) -> u16 {
    client.send(format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    client.response("GET").status
}

#[test]
fn a_passed_socket_is_served() {
    let folder = site();
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let mut command = passing(&OwnedFd::from(socket), Process::Itself);
    let program = Program::start_as_told(command.args(["--bind", "systemd"]).arg(folder.path()));
    assert_eq!(program.address, address);
    let connect = || Client::of(TcpStream::connect(address).expect("it accepts"));
    assert_eq!(status(connect(), "localhost"), 200);
    // It is bound to loopback, so foreign names are refused.
    assert_eq!(status(connect(), "evil.example"), 421);
    // It has no other one, and its address does not change with the configuration.
    program.signal(Signal::HUP);
    program.until_said("reloaded the configuration");
    assert!(!program.said().contains("--bind"), "{}", program.said());
    assert_eq!(status(connect(), "localhost"), 200);
    // systemd has chosen the port, and only this machine can connect.
    assert!(
        program.banner.contains("Only this machine can connect"),
        "{}",
        program.banner
    );
    for wrong in ["is in use", "other machines can connect"] {
        assert!(!program.banner.contains(wrong), "{}", program.banner);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
}

/// The socket listens from its unit's start on, so the kernel accepts connections that nobody answers.
#[test]
fn a_passed_socket_that_is_not_used_is_warned_about() {
    let folder = site();
    let socket = || OwnedFd::from(TcpListener::bind(("127.0.0.1", 0)).expect("a socket"));
    let want = "warning: systemd has passed a socket that docroot does not use";
    let told = |process: Process, bind: &str| {
        let mut command = passing(&socket(), process);
        let arguments = ["--port", "0", "--bind", bind];
        let program = Program::start_as_told(command.args(arguments).arg(folder.path()));
        program.banner.clone()
    };
    let address = "127.0.0.1";
    let said = told(Process::Itself, address);
    assert!(said.contains(want), "{said}");
    // A check is no service, but may be started like one.
    let mut check = passing(&socket(), Process::Itself);
    // The word must be the first argument.
    let program = check.get_program().to_owned();
    let mut arguments: Vec<_> = check.get_args().map(ToOwned::to_owned).collect();
    arguments.truncate(arguments.len() - 2);
    check = Command::new(program);
    check.args(arguments).args(["check", "-p", "0"]);
    let output = check.arg(folder.path()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(want), "{said}");
    let said = told(Process::Other, address);
    assert!(!said.contains(want), "{said}");
    let said = told(Process::Itself, "systemd,127.0.0.1");
    assert!(!said.contains("warning"), "{said}");
    assert!(!said.contains("no effect"), "{said}");
    let said = told(Process::Itself, "systemd");
    let useless = "docroot: --port has no effect, because --bind names no address: leave it out";
    assert!(said.contains(useless), "{said}");
}

/// The service manager keeps the socket. Clients that come between two servers wait in its queue.
#[test]
fn a_restart_refuses_no_client() {
    const RESTARTS: usize = 10;
    let folder = site();
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let socket = OwnedFd::from(socket);
    let start = || {
        let mut command = passing(&socket, Process::Itself);
        Program::start_as_told(command.args(["--bind", "systemd"]).arg(folder.path()))
    };
    // A connection that is closed before its request has come is not a refusal: clients ask once more.
    let ask = move || loop {
        let mut stream = TcpStream::connect(address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let sent = stream.write_all(b"GET /a.txt HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let mut response = Vec::new();
        if sent
            .and_then(|()| stream.read_to_end(&mut response))
            .is_ok()
            && !response.is_empty()
        {
            return response;
        }
    };
    let client = || {
        Box::new(move || {
            let response = ask();
            let told = String::from_utf8_lossy(&response);
            assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
            assert!(told.ends_with("here"), "{told}");
        }) as Ask
    };
    let mut running = start();
    let load = Load::of((0..4).map(|_| client()));
    for _ in 0..RESTARTS {
        load.until_more();
        running.signal(Signal::TERM);
        assert_eq!(running.wait().0.code(), Some(0));
        running = start();
    }
    assert!(load.end() > RESTARTS * 100);
    running.signal(Signal::TERM);
    assert_eq!(running.wait().0.code(), Some(0));
}

#[test]
fn a_passed_unix_socket_is_served() {
    let folder = site();
    let path = folder.path().join("s");
    let socket = UnixListener::bind(&path).expect("a socket");
    let mut command = passing(&OwnedFd::from(socket), Process::Itself);
    command.args(["--bind", "systemd,127.0.0.1", "--port", "0"]);
    let program = Program::start_as_told(command.arg(folder.path()));
    let stream = UnixStream::connect(&path).expect("it accepts");
    let client = Client::of(TcpStream::from(OwnedFd::from(stream)));
    assert_eq!(status(client, "localhost"), 200);
    let client = Client::of(TcpStream::connect(program.address).expect("it accepts"));
    assert_eq!(status(client, "localhost"), 200);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    // The file belongs to the service manager.
    assert!(path.exists());
}

/// The end of a server does not need a connection to its own sockets, which it may have no right to.
#[test]
fn a_server_that_may_not_connect_to_its_socket_ends_at_once() {
    needs_root!();
    let folder = site();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("a mode");
    let path = folder.path().join("s");
    let socket = UnixListener::bind(&path).expect("a socket");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    let mut command = passing(&OwnedFd::from(socket), Process::Itself);
    command.args(["--bind", "systemd,127.0.0.1", "--port", "0"]);
    command.args(["--user", "nobody"]);
    let program = Program::start_as_told(command.arg(folder.path()));
    let stream = UnixStream::connect(&path).expect("it accepts");
    let mut idle = Client::of(TcpStream::from(OwnedFd::from(stream)));
    idle.send(&request("GET", "/a.txt", &[]));
    assert_eq!(idle.response("GET").status, 200);
    program.signal(Signal::TERM);
    assert!(idle.is_closed());
    let (status, said) = program.wait();
    assert_eq!(status.code(), Some(0), "{said}");
    // It says that when it has waited.
    assert!(!said.contains("waiting for"), "{said}");
}

#[track_caller]
fn check_refused(mut command: Command, folder: &Path, want: &str) {
    let output = command
        .args(["--bind", "systemd"])
        .arg(folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(want), "{said}");
}

#[test]
fn sockets_that_cannot_be_used() {
    let folder = site();
    let socket = || OwnedFd::from(TcpListener::bind(("127.0.0.1", 0)).expect("a socket"));
    let nothing = "has passed none: start docroot through a socket unit";
    check_refused(support::program::command(), folder.path(), nothing);
    check_refused(passing(&socket(), Process::Other), folder.path(), nothing);
    let file = std::fs::File::open(folder.path().join("a.txt")).expect("a file");
    check_refused(
        passing(&file.into(), Process::Itself),
        folder.path(),
        "socket 0 from systemd cannot be used",
    );
    let datagram = UnixDatagram::unbound().expect("a socket");
    check_refused(
        passing(&datagram.into(), Process::Itself),
        folder.path(),
        "socket 0 from systemd cannot be used",
    );
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a socket");
    let connected =
        TcpStream::connect(socket.local_addr().expect("an address")).expect("a connection");
    check_refused(
        passing(&connected.into(), Process::Itself),
        folder.path(),
        "it does not listen",
    );
}

/// The messages of a service, in order.
struct Manager(UnixDatagram);

impl Manager {
    fn told(&self) -> String {
        let mut room = [0; 256];
        let count = self.0.recv(&mut room).expect("a message");
        String::from_utf8_lossy(&room[..count])
            .trim_end()
            .to_owned()
    }
}

/// A service whose manager waits for messages at a socket.
fn managed(folder: &Path, variables: &[(&str, &str)]) -> (Program, Manager) {
    let path = folder.join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut command = support::program::command();
    command
        .env("NOTIFY_SOCKET", &path)
        .args(["--log-format", "off"]);
    command.envs(variables.iter().copied());
    (Program::start(command.arg(folder)), Manager(socket))
}

#[test]
fn the_service_manager_is_told_what_happens() {
    let folder = site();
    let (program, manager) = managed(folder.path(), &[]);
    assert_eq!(manager.told(), "READY=1");
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").status, 200);
    program.signal(Signal::HUP);
    let reloading = manager.told();
    let time = reloading
        .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
        .expect(&reloading);
    let uptime = read_to_string("/proc/uptime").expect("a clock");
    let now: f64 = uptime
        .split(' ')
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    let then = time.parse::<f64>().expect("a number") / 1e6;
    assert!(
        then <= now + 1.0 && then > now - PATIENCE.as_secs_f64(),
        "{then} {now}"
    );
    assert_eq!(manager.told(), "READY=1");
    program.signal(Signal::TERM);
    assert_eq!(manager.told(), "STOPPING=1");
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn workers_that_take_turns_feed_the_watchdog() {
    let folder = site();
    let (_program, manager) = managed(folder.path(), &[("WATCHDOG_USEC", "200000")]);
    let told: Vec<String> = (0..4).map(|_| manager.told()).collect();
    assert_eq!(
        told.iter().filter(|told| *told == "WATCHDOG=1").count(),
        3,
        "{told:?}"
    );
    assert!(told.contains(&"READY=1".to_owned()), "{told:?}");
}

/// The variable is for another process, such as the parent.
#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let folder = site();
    let variables = [("WATCHDOG_USEC", "2000"), ("WATCHDOG_PID", "1")];
    let (program, manager) = managed(folder.path(), &variables);
    assert_eq!(manager.told(), "READY=1");
    program.signal(Signal::TERM);
    assert_eq!(manager.told(), "STOPPING=1");
}

/// A service whose manager cannot be told serves, and says so once.
#[test]
fn a_manager_that_is_gone_is_told_to_the_operator() {
    let folder = site();
    let gone = folder.path().join("gone");
    for (socket, advice) in [
        (gone.to_str().expect("UTF-8"), "unset NOTIFY_SOCKET"),
        ("@gone", "docroot needs a socket with a path"),
    ] {
        let mut command = support::program::command();
        command.env("NOTIFY_SOCKET", socket);
        command.args(["--log-format", "off"]);
        let program = Program::start(command.arg(folder.path()));
        let want = format!(
            "warning: the service manager at NOTIFY_SOCKET={socket:?} cannot be told whether docroot is ready: \
             No such file or directory (os error 2); "
        );
        program.until_said(&want);
        program.until_said(advice);
        let address: SocketAddr = program.address;
        let client = Client::of(TcpStream::connect(address).expect("it accepts"));
        assert_eq!(status(client, "localhost"), 200);
        program.signal(Signal::HUP);
        program.until_said("reloaded the configuration");
        program.signal(Signal::TERM);
        let (_, said) = program.wait();
        assert_eq!(said.matches("NOTIFY_SOCKET=").count(), 1, "{said}");
    }
}
