//! The standard output and the standard error when they are closed, full, or without a reader: docroot
//! serves, and each signal ends it.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use docroot::observe::notice;
use rustix::process::{Pid, Signal, kill_process};
use support::program::{command, free_port};
use support::{Client, pause, request, until};

/// What a stream may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// A pipe without room that nobody reads.
    Full,
    /// The same. Its other user has made it non-blocking.
    FullNonBlocking,
    /// A pipe whose reader is gone.
    Unread,
    /// A device without room.
    Device,
    /// No file at all.
    Closed,
}

use Stream::{Closed, Device, Full, FullNonBlocking, Unread};

const STREAMS: [Stream; 5] = [Full, FullNonBlocking, Unread, Device, Closed];

const ENDING: [Signal; 2] = [Signal::INT, Signal::TERM];

/// A pipe without room.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a mode");
    for size in [4096, 1] {
        while writer.write(&vec![b'x'; size]).is_ok() {}
    }
    rustix::io::ioctl_fionbio(&writer, false).expect("a mode");
    (reader, writer)
}

impl Stream {
    /// The stream, and the other end of its pipe. A closed stream is one that the shell closes.
    fn open(self) -> (Stdio, Option<PipeReader>) {
        match self {
            Full | FullNonBlocking => {
                let (reader, writer) = full_pipe();
                rustix::io::ioctl_fionbio(&writer, self == FullNonBlocking).expect("a mode");
                (writer.into(), Some(reader))
            }
            Unread => (std::io::pipe().expect("a pipe").1.into(), None),
            Device => {
                let full = OpenOptions::new().write(true).open("/dev/full");
                (full.expect("Linux has it").into(), None)
            }
            Closed => (Stdio::null(), None),
        }
    }

    /// How a shell closes the stream of this number.
    fn redirection(self, number: u8) -> String {
        match self {
            Closed => format!("{number}>&-"),
            _ => String::new(),
        }
    }
}

/// A running server whose streams say nothing. Dropping it ends it.
struct Mute {
    child: Child,
    address: String,
    output: Option<PipeReader>,
    errors: Option<PipeReader>,
    _folder: tempfile::TempDir,
}

impl Mute {
    /// Starts a server with a log on these streams.
    fn start(output: Stream, errors: Stream) -> Mute {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, content: &[u8]| {
            std::fs::write(folder.path().join(name), content).expect("a file");
        };
        write("a.txt", b"here");
        write("large.bin", b"");
        let large = OpenOptions::new()
            .write(true)
            .open(folder.path().join("large.bin"));
        large
            .expect("a file")
            .set_len(64 << 20)
            .expect("a sparse file");
        let port = free_port().to_string();
        let mut command = shell(&[output.redirection(1), errors.redirection(2)].join(" "));
        command.args(["--log-format", "combined", "--allow-host", "test"]);
        command.args(["--bind", "127.0.0.1", "--port", &port]);
        let ((stdout, output), (stderr, errors)) = (output.open(), errors.open());
        command.arg(folder.path()).stdout(stdout).stderr(stderr);
        Mute {
            child: command.spawn().expect("it starts"),
            address: format!("127.0.0.1:{port}"),
            output,
            errors,
            _folder: folder,
        }
    }

    fn connect(&self) -> Client {
        let mut stream = None;
        until("it listens", || {
            stream = TcpStream::connect(&self.address).ok();
            stream.is_some()
        });
        Client::of(stream.expect("a connection"))
    }

    /// Asks for the small file on a new connection.
    fn ask(&self) -> Client {
        let mut client = self.connect();
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").text(), "here");
        client
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the process ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("it has ended")
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, started by a shell with these redirections.
fn shell(redirections: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.env_clear().stdin(Stdio::null());
    let line = format!("exec \"$0\" \"$@\" {redirections}");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_docroot")]);
    shell
}

/// Every pair of streams, and a server with them.
fn with_every_pair() -> impl Iterator<Item = (String, Mute)> {
    let pairs = STREAMS.map(|errors| STREAMS.map(|output| (output, errors)));
    pairs.into_iter().flatten().map(|(output, errors)| {
        let what = format!("output {output:?}, errors {errors:?}");
        (what, Mute::start(output, errors))
    })
}

#[test]
fn it_serves_and_ends_whatever_its_streams_are() {
    let mut servers: Vec<(String, Mute)> = with_every_pair().collect();
    for (number, (_, server)) in servers.iter().enumerate() {
        for _ in 0..3 {
            server.ask();
        }
        server.signal(ENDING[number % ENDING.len()]);
    }
    for (what, server) in &mut servers {
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "{what}: {status}");
    }
}

/// The download keeps the server from ending.
#[test]
fn a_second_signal_ends_it_at_once_whatever_its_streams_are() {
    for stream in STREAMS {
        let mut server = Mute::start(stream, stream);
        let mut download = server.connect();
        download.send(&request("GET", "/large.bin", &[]));
        assert_eq!(download.head().status, 200);
        let mut idle = server.ask();
        server.signal(Signal::INT);
        assert!(idle.is_closed(), "the first was heard");
        assert!(server.child.try_wait().expect("a child").is_none());
        server.signal(Signal::INT);
        assert_eq!(server.wait().code(), Some(1), "{stream:?}");
    }
}

/// Before its handlers are installed, a signal ends the process as the system does. Later, in order.
#[test]
fn a_signal_during_the_start_ends_it() {
    let moments = ENDING.into_iter().cycle().take(30).enumerate();
    let servers = moments.map(|(number, signal)| {
        let server = Mute::start(Full, Full);
        pause(Duration::from_micros(200 * number as u64));
        server.signal(signal);
        (server, signal)
    });
    for (mut server, signal) in servers.collect::<Vec<_>>() {
        let status = server.wait();
        let is_orderly = status.code() == Some(0);
        assert!(
            is_orderly || status.signal() == Some(signal.as_raw()),
            "{status}"
        );
    }
}

/// Reads what a stream without room has and gets, up to its end.
fn read(pipe: Option<PipeReader>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        let mut pipe = pipe.expect("a pipe");
        pipe.read_to_string(&mut text).expect("text");
        text.trim_start_matches('x').to_owned()
    })
}

/// The log's own failures are among what a late reader gets.
#[test]
fn a_late_reader_learns_that_the_log_cannot_be_written() {
    let mut server = Mute::start(Device, Full);
    server.ask();
    // The log fails meanwhile, probably before anybody reads.
    pause(Duration::from_millis(100));
    let errors = read(server.errors.take());
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let errors = errors.join().expect("no panic");
    let fault = "docroot: the access log cannot be written: ";
    assert!(errors.contains(fault), "{errors}");
    let end = "docroot: 1 log lines could not be written\n";
    assert!(errors.ends_with(end), "{errors}");
}

/// What was said while nobody read comes when somebody reads.
#[test]
fn a_late_reader_gets_the_banner_and_the_log() {
    for stream in [Full, FullNonBlocking] {
        let mut server = Mute::start(stream, stream);
        server.ask();
        let (output, errors) = (read(server.output.take()), read(server.errors.take()));
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
        let errors = errors.join().expect("no panic");
        assert!(errors.starts_with("docroot serves "), "{errors}");
        assert!(errors.ends_with("Press Ctrl-C to stop.\n"), "{errors}");
        assert_eq!(output.join().expect("no panic").lines().count(), 1);
    }
}

/// A mistake cannot be told, but the status says that there is one.
#[test]
fn a_start_that_fails_ends_whatever_its_streams_are() {
    for stream in STREAMS {
        let mut command = shell(&stream.redirection(2));
        let (stderr, _reader) = stream.open();
        command.arg("/no/such/place").stderr(stderr);
        let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
        let mut status = None;
        until("the process ends", || {
            status = child.try_wait().expect("a child");
            status.is_some()
        });
        let status = status.expect("it has ended");
        assert_eq!(status.code(), Some(1), "{stream:?}: {status}");
    }
}

/// What docroot prints instead of serving.
#[test]
fn what_cannot_be_printed_is_an_error_unless_the_reader_has_left() {
    let device: File = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    for (stdout, code) in [
        (Stdio::from(device), 1),
        (std::io::pipe().expect("a pipe").1.into(), 0),
    ] {
        let output = command().arg("--help").stdout(stdout).output();
        let output = output.expect("it runs");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        assert_eq!(errors.contains("cannot print"), code == 1, "{errors}");
    }
}

/// This test is also the program that panics.
#[test]
fn a_panic_does_not_wait_for_a_reader() {
    const NAME: &str = "a_panic_does_not_wait_for_a_reader";
    if std::env::var_os(NAME).is_some() {
        notice::print_panics();
        let outcome = std::thread::spawn(|| panic!("on purpose")).join();
        std::process::exit(if outcome.is_err() { 7 } else { 0 });
    }
    let (_reader, writer) = full_pipe();
    let program = std::env::current_exe().expect("a path");
    let mut child = Command::new(program)
        .args(["--exact", NAME, "--nocapture"])
        .env(NAME, "1")
        .stdout(Stdio::null())
        .stderr(writer)
        .spawn()
        .expect("it starts");
    let mut status = None;
    until("the process ends", || {
        status = child.try_wait().expect("a child");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(7));
}
