//! Signals, sent to the program as shells, terminals and the kernel send them.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use support::program::{Program, command};
use support::{Client, noise, pause, request, until};

/// A folder with one small file.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.txt"), "here").expect("a file");
    folder
}

/// The command, started by a shell that does `before` first.
fn after(before: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.env_clear().stdin(Stdio::null());
    let line = format!("{before}; exec \"$0\" \"$@\"");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_docroot")]);
    shell
}

#[track_caller]
fn check_served(program: &Program) {
    let mut client = program.connect();
    for _ in 0..2 {
        client.send(&request("GET", "/a.txt", &[]));
        let response = client.response("GET");
        assert_eq!(response.text(), "here");
        assert_eq!(response.field("Connection"), None, "it does not end");
    }
}

#[test]
fn each_signal_ends_the_program_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = site();
        let program = Program::serve(folder.path());
        program.signal(signal);
        let (status, said) = program.wait();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{signal:?}");
    }
}

#[test]
fn a_signal_that_the_parent_ignores_is_ignored() {
    let each = [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("TERM", Signal::TERM),
    ];
    for (name, ignored) in each {
        let folder = site();
        let mut command = after(&format!("trap '' {name}"));
        command.args(["--log-format", "off"]);
        let program = Program::start(command.arg(folder.path()));
        program.signal(ignored);
        check_served(&program);
        let (_, other) = each[if ignored == Signal::INT { 2 } else { 1 }];
        program.signal(other);
        assert_eq!(program.wait().0.code(), Some(0), "{name}");
    }
}

/// A client that asked while the program was stopped gets its answer, although the time for its request has passed.
#[test]
fn a_stopped_program_cuts_no_client_when_it_continues() {
    let folder = site();
    let mut command = command();
    command.args(["--log-format", "off", "--idle-timeout", "1s"]);
    let program = Program::start(command.arg(folder.path()));
    let mut clients: Vec<Client> = (0..8).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").text(), "here");
    }
    program.signal(Signal::STOP);
    for client in &mut clients {
        client.send(&request("GET", "/a.txt", &[]));
    }
    pause(Duration::from_millis(1500));
    program.signal(Signal::CONT);
    for client in &mut clients {
        assert_eq!(client.response("GET").text(), "here");
    }
}

/// A terminal: the end of its user, and the end of the program.
fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    // No program may inherit the end of the user.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let user = openpt(flags).expect("a terminal");
    grantpt(&user).expect("a terminal");
    unlockpt(&user).expect("a terminal");
    let name = ptsname(&user, Vec::new()).expect("a name");
    let mut options = OpenOptions::new();
    let program = options
        .read(true)
        .write(true)
        .open(name.to_string_lossy().as_ref());
    (user.into(), program.expect("it opens"))
}

/// Serves `root` at a terminal. `act` is called with what the terminal shows, each time there is more.
/// Returns the exit status, and what was shown after the banner.
fn at_terminal(root: &Path, mut act: impl FnMut(&str, Pid)) -> (Option<i32>, String) {
    let (mut user, end) = terminal();
    let mut command = command();
    command.args(["--log-format", "off", "--port", "0", "--bind", "127.0.0.1"]);
    command.arg(root).stderr(end);
    let mut child = command.spawn().expect("it starts");
    // Now only the program has its end of the terminal.
    drop(command);
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    // When the program's end is closed, the kernel reports an error.
    while let Ok(count @ 1..) = user.read(&mut buffer) {
        shown += std::str::from_utf8(&buffer[..count]).expect("ASCII");
        act(&shown, Pid::from_child(&child));
    }
    let code = child.wait().expect("it ends").code();
    let (_, after) = shown.split_once(LAST_LINE).expect("a banner");
    (code, after.to_owned())
}

/// What the program shows on a terminal after a signal.
fn shown_after(signal: Signal) -> String {
    let folder = site();
    let mut is_signalled = false;
    let (code, shown) = at_terminal(folder.path(), |shown, pid| {
        if shown.contains(LAST_LINE) && !std::mem::replace(&mut is_signalled, true) {
            kill_process(pid, signal).expect("it runs");
        }
    });
    assert_eq!(code, Some(0));
    shown
}

/// The end of the banner on a terminal.
const LAST_LINE: &str = "Press Ctrl-C to stop.\r\n";

#[test]
fn a_terminal_shows_what_was_done_after_the_line_of_an_interrupt() {
    for (signal, line) in [(Signal::INT, "\r\n"), (Signal::TERM, "")] {
        let shown = shown_after(signal);
        // The terminal writes a line feed as two characters.
        let begin = format!("{line}docroot: 0 requests, 0 B sent, in ");
        let time = shown.strip_prefix(&begin).expect(&shown);
        assert!(
            time.ends_with("s\r\n") && time.lines().count() == 1,
            "{shown}"
        );
    }
}

/// The client reads nothing, so its response cannot end.
#[test]
fn a_terminal_shows_what_a_slow_end_waits_for() {
    let folder = site();
    std::fs::write(folder.path().join("large"), vec![0; 64 << 20]).expect("a file");
    let mut client = None;
    let mut is_hurried = false;
    let (code, shown) = at_terminal(folder.path(), |shown, pid| {
        if client.is_none() && shown.contains(LAST_LINE) {
            let (_, port) = shown.split_once("http://127.0.0.1:").expect("a URL");
            let port = port.split_once('/').expect("a path").0;
            let port: u16 = port.parse().expect("a port");
            let mut asking =
                Client::of(TcpStream::connect(("127.0.0.1", port)).expect("it listens"));
            asking.send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(asking.head().status, 200);
            client = Some(asking);
            kill_process(pid, Signal::INT).expect("it runs");
        }
        if shown.contains("stop now") && !std::mem::replace(&mut is_hurried, true) {
            kill_process(pid, Signal::INT).expect("it runs");
        }
    });
    assert_eq!(code, Some(1));
    assert!(
        shown.contains("waiting for 1 download; press Ctrl-C again to stop now"),
        "{shown}"
    );
}

/// The log of a service has the line too. Nobody can press a key there.
#[test]
fn a_pipe_is_told_what_a_slow_end_waits_for() {
    let folder = site();
    std::fs::write(folder.path().join("large"), vec![0; 64 << 20]).expect("a file");
    let program = Program::serve(folder.path());
    let mut client = program.connect();
    client.send(&request("GET", "/large", &[]));
    assert_eq!(client.head().status, 200);
    program.signal(Signal::TERM);
    let want = "docroot: waiting for 1 download; a second signal stops docroot now\n";
    until("the wait is told", || program.said().contains(want));
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(1));
}

/// The log grows up to the limit, and goes on when the file is emptied. It has room for more lines than the writer can
/// have in hand then.
#[test]
fn a_log_at_the_limit_on_file_sizes_does_not_end_the_server() {
    let folder = site();
    let path = folder.path().join("log");
    std::fs::write(&path, vec![b'\n'; 200 * 512 - 500]).expect("a file");
    let log = OpenOptions::new().append(true).open(&path);
    let mut command = after("ulimit -f 200");
    command
        .args(["--log-format", "combined"])
        .arg(folder.path());
    let program = Program::start(command.stdout(log.expect("a file")));
    let mut client = program.connect();
    let mut ask = || {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").text(), "here");
    };
    until("the limit is reached", || {
        ask();
        program.said().contains("cannot be written")
    });
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&path)
        .expect("it is emptied");
    until("the log goes on", || {
        ask();
        program.said().contains("is written again")
    });
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    let text = std::fs::read_to_string(&path).expect("text");
    assert!(text.lines().any(|line| line.ends_with("dropped")), "{text}");
}

/// How a shell opens the file of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redirection {
    /// `> log`
    Write,
    /// `>> log`
    Append,
}

/// A server whose log is a file under a limit of this many units of `ulimit -f`. The file is filled until a
/// line finds no room. Also a way to ask the server for a file.
fn filled(
    folder: &Path,
    how: Redirection,
    before: &str,
    units: usize,
) -> (Program, PathBuf, impl FnMut()) {
    let path = folder.join("log");
    std::fs::write(&path, before).expect("a file");
    let mut options = OpenOptions::new();
    match how {
        Redirection::Write => options.write(true).truncate(true),
        Redirection::Append => options.append(true),
    };
    let mut command = after(&format!("ulimit -f {units}"));
    command.args(["--log-format", "combined"]).arg(folder);
    let program = Program::start(command.stdout(options.open(&path).expect("a file")));
    let mut client = program.connect();
    let mut ask = move || {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").text(), "here");
    };
    until("the limit is reached", || {
        ask();
        program.said().contains("cannot be written")
    });
    (program, path, ask)
}

/// Whether a line has its end, and is one that docroot writes.
fn is_whole(line: &str) -> bool {
    line.ends_with("\"-\" \"-\"\n") || line.ends_with(" log lines dropped\n")
}

/// A file takes the beginning of a line up to the limit. docroot takes it back.
#[test]
fn a_line_is_whole_or_absent_in_a_file_without_room() {
    let before = "a line of before\n";
    for how in [Redirection::Write, Redirection::Append] {
        let folder = site();
        let (program, path, mut ask) = filled(folder.path(), how, before, 3);
        for _ in 0..10 {
            ask();
        }
        program.signal(Signal::TERM);
        assert_eq!(program.wait().0.code(), Some(0));
        let text = std::fs::read_to_string(&path).expect("text");
        let text = match how {
            Redirection::Write => &text,
            Redirection::Append => text.strip_prefix(before).expect("what was there"),
        };
        // Whether a unit has 512 or 1024 octets depends on the shell. A line is shorter than 100.
        assert!(text.len() > 3 * 512 - 100, "{text}");
        assert!(text.split_inclusive('\n').all(is_whole), "{how:?}: {text}");
    }
}

/// If another program has written to the file too, what it wrote stays.
#[test]
fn nothing_of_other_programs_is_taken_from_the_log() {
    let folder = site();
    let (program, path, mut ask) = filled(folder.path(), Redirection::Append, "", 1);
    let other = OpenOptions::new().append(true).open(&path);
    let mut other = other.expect("it opens");
    other
        .write_all(b"of another program\n")
        .expect("its limit is another");
    for _ in 0..10 {
        ask();
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    let text = std::fs::read_to_string(&path).expect("text");
    // If docroot was writing at the same moment, the beginning of its line stays before or after this one.
    assert!(text.contains("of another program\n"), "{text}");
}

/// How many private copies the program holds.
#[cfg(target_os = "linux")]
fn copies(program: &Program) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", program.child.id()));
    let targets = descriptors.expect("a process").filter_map(|entry| {
        // A descriptor may be closed meanwhile.
        std::fs::read_link(entry.ok()?.path()).ok()
    });
    let is_copy = |target: &PathBuf| target.starts_with("/memfd:docroot (deleted)");
    targets.filter(is_copy).count()
}

/// A program under this limit, and a way to ask it for the large file.
#[cfg(target_os = "linux")]
fn limited(folder: &Path, content: &[u8], limit: &str) -> (Program, impl FnMut()) {
    let mut command = after(&format!("ulimit -f {limit}"));
    command.args(["--log-format", "off", "--threads", "1"]);
    let program = Program::start(command.arg(folder));
    let mut client = program.connect();
    let content = content.to_owned();
    let ask = move || {
        client.send(&request("GET", "/large.bin", &[]));
        assert!(client.response("GET").body == content);
    };
    (program, ask)
}

/// A private copy is a file too. The limits are far enough from the size of the file for each unit
/// that a shell may use.
#[test]
#[cfg(target_os = "linux")]
fn copies_respect_the_limit_on_file_sizes() {
    let (folder, content) = (site(), noise(4 << 20));
    std::fs::write(folder.path().join("large.bin"), &content).expect("a file");
    let (program, mut ask) = limited(folder.path(), &content, "20000");
    // docroot keeps nothing of a file that has just changed.
    until("there is a copy", || {
        ask();
        copies(&program) == 1
    });
    let (program, mut ask) = limited(folder.path(), &content, "1000");
    for _ in 0..3 {
        ask();
    }
    assert_eq!(copies(&program), 0);
}

/// The command on one address, with two workers and a log, under this limit of open files.
fn with_descriptors(limit: usize, folder: &Path) -> Command {
    let mut command = after(&format!("ulimit -n {limit}"));
    command.args(["--threads", "2", "--log-format", "combined"]);
    command.arg(folder);
    command.stdout(Stdio::piped());
    command
}

/// What the command says if so many descriptors are too few: its line, and how many are needed.
#[track_caller]
fn needed(limit: usize, folder: &Path) -> usize {
    let mut command = with_descriptors(limit, folder);
    command.args(["--port", "0", "--bind", "127.0.0.1"]);
    let child = command.stderr(Stdio::piped()).spawn();
    let mut line = String::new();
    let mut child = child.expect("it starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    stderr.read_line(&mut line).expect("text");
    let want = format!(" file descriptors are needed and {limit} are allowed: raise the limit");
    let number = line
        .strip_prefix("docroot: ")
        .and_then(|line| line.split_once(&want));
    if number.is_none() {
        // It would not end.
        child.kill().expect("it runs");
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "{line}");
    assert_eq!(stderr.read_line(&mut String::new()).expect("text"), 0);
    number.expect(&line).0.parse().expect("a number")
}

/// With as many descriptors as it says, it serves. With one less, it says so.
#[test]
fn too_few_descriptors_end_it_before_it_says_that_it_serves() {
    let folder = site();
    std::os::unix::fs::symlink("a.txt", folder.path().join("link")).expect("a link");
    assert!(needed(12, folder.path()) > 12);
    // Descriptors beyond the limit that this test has inherited do not count.
    let enough = needed(17, folder.path());
    assert_eq!(needed(enough - 1, folder.path()), enough);
    let mut command = with_descriptors(enough, folder.path());
    let mut program = Program::start(&mut command);
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    client.send(&request("GET", "/", &[]));
    let listing = client.response("GET");
    assert_eq!(listing.status, 200);
    assert!(listing.text().contains("link"));
    // The log and the signals have their descriptors too.
    program.signal(Signal::TERM);
    let mut output = program.child.stdout.take().expect("a pipe");
    assert_eq!(program.wait().0.code(), Some(0));
    let mut log = String::new();
    output.read_to_string(&mut log).expect("text");
    assert_eq!(log.lines().count(), 2, "{log}");
}

/// A server with a configuration file that says what to send as `X-A`.
#[cfg(feature = "config-file")]
struct Configured {
    folder: tempfile::TempDir,
    program: Program,
}

#[cfg(feature = "config-file")]
impl Configured {
    fn start() -> Configured {
        let folder = site();
        let file = folder.path().join(".toml");
        std::fs::write(&file, "").expect("a file");
        let mut command = command();
        command.args(["--log-format", "off", "--config"]).arg(file);
        let program = Program::start(command.arg(folder.path()));
        Configured { folder, program }
    }

    /// Writes the file and says so.
    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join(".toml"), text).expect("a file");
        self.program.signal(Signal::HUP);
    }

    fn sends(&self, value: Option<&str>) -> bool {
        (0..8).all(|_| {
            let mut client = self.program.connect();
            client.send(&request("GET", "/a.txt", &[]));
            client.response("GET").field("X-A") == value
        })
    }
}

#[test]
#[cfg(feature = "config-file")]
fn a_hang_up_makes_it_read_its_configuration_again() {
    let server = Configured::start();
    let mut kept = server.program.connect();
    server.write("header = 'X-A: b'");
    until("the field is sent", || server.sends(Some("b")));
    // What is wrong is told, and changes nothing.
    server.write("header = 'X-A: c'\nprot = 1");
    server
        .program
        .until_said("line 2: unknown key 'prot'; did you mean port?");
    assert!(server.sends(Some("b")));
    server.write("path = '/absent'\nheader = 'X-A: c'\nthreads = 7");
    server
        .program
        .until_said("--threads: restart docroot to apply the new value");
    until("the rest has changed", || server.sends(Some("c")));
    // The path of the command line takes precedence, so the file's does not matter.
    kept.send(&request("GET", "/a.txt", &[]));
    let response = kept.response("GET");
    assert_eq!(
        (&*response.text(), response.field("X-A")),
        ("here", Some("c"))
    );
    server.program.signal(Signal::TERM);
    let (status, said) = server.program.wait();
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(
        said.matches("the configuration was not reloaded").count(),
        1,
        "{said}"
    );
    assert_eq!(
        said.matches("reloaded the configuration").count(),
        2,
        "{said}"
    );
}

/// What may be read without an end is told, and the next reload works.
#[test]
#[cfg(feature = "config-file")]
fn a_configuration_that_is_no_file_is_told() {
    let server = Configured::start();
    let path = server.folder.path().join(".toml");
    std::fs::remove_file(&path).expect("a file");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo").success());
    server.program.signal(Signal::HUP);
    let not_regular = "the configuration was not reloaded: cannot read the configuration file";
    server.program.until_said(not_regular);
    server.program.until_said("it is not a regular file: ");
    std::fs::remove_file(&path).expect("a FIFO");
    server.write(&"#".repeat((1 << 20) + 1));
    server.program.until_said("it is larger than 1 MiB: ");
    server.write("header = 'X-A: b'");
    until("the field is sent", || server.sends(Some("b")));
}

/// Whoever empties a file does not mean to serve the directory in which the service happens to run.
#[test]
#[cfg(feature = "config-file")]
fn a_configuration_that_no_longer_names_a_path_is_told() {
    let folder = site();
    let file = folder.path().join(".toml");
    std::fs::write(&file, "path = '.'").expect("a file");
    let mut command = command();
    command.current_dir(&folder).env("PWD", folder.path());
    command.args(["--log-format", "off", "--config"]).arg(&file);
    let program = Program::start(&mut command);
    let want =
        "warning: the configuration file names no path, so docroot serves its current directory, ";
    assert!(!program.banner.contains(want), "{}", program.banner);
    std::fs::write(&file, "").expect("a file");
    program.signal(Signal::HUP);
    program.until_said("reloaded the configuration");
    program.until_said(&format!("{want}{:?}; add path", folder.path()));
}

/// A shell gives `<(command)` to docroot as a pipe.
#[test]
#[cfg(feature = "config-file")]
fn a_configuration_may_come_from_a_pipe_at_the_start() {
    let folder = site();
    let mut command = command();
    command.args(["--log-format", "off", "--config", "/dev/stdin"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer
        .write_all(b"header = 'X-A: b'")
        .expect("it takes that");
    drop(writer);
    let program = Program::start(command.arg(folder.path()).stdin(reader));
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").field("X-A"), Some("b"));
}

#[test]
fn without_a_configuration_file_too() {
    let folder = site();
    let program = Program::serve(folder.path());
    program.signal(Signal::HUP);
    program.until_said("reloaded the configuration");
    check_served(&program);
}

/// The kernel sends the same signal when a terminal is closed.
#[test]
fn it_ends_when_its_terminal_is_closed() {
    let folder = site();
    let (user, end) = terminal();
    let mut command = Command::new("setsid");
    command.env_clear().stdin(end);
    command.args([
        "--ctty",
        env!("CARGO_BIN_EXE_docroot"),
        "--log-format",
        "off",
    ]);
    let program = Program::start(command.arg(folder.path()));
    check_served(&program);
    // It has a terminal, and the signal comes from elsewhere.
    program.signal(Signal::HUP);
    program.until_said("reloaded the configuration");
    check_served(&program);
    drop(command);
    drop(user);
    assert_eq!(program.wait().0.code(), Some(0));
}

/// When a terminal closes, an interactive shell sends a hangup to its jobs, and the kernel sends another one.
/// The response under way still gets to its client.
#[test]
fn a_second_hangup_cuts_no_response() {
    let folder = site();
    let content = noise(1 << 20).repeat(64);
    std::fs::write(folder.path().join("large"), &content).expect("a file");
    let (user, end) = terminal();
    let mut command = Command::new("setsid");
    command.env_clear().stdin(end).arg("--ctty");
    command.args([env!("CARGO_BIN_EXE_docroot"), "--log-format", "off"]);
    let program = Program::start(command.arg(folder.path()));
    let mut client = program.connect();
    client.send(&request("GET", "/large", &[]));
    assert_eq!(client.head().status, 200);
    // The kernel sends the first hangup.
    drop(command);
    drop(user);
    program.until_said("waiting for 1 download");
    program.signal(Signal::HUP);
    assert!(client.take(content.len()) == content, "it was cut");
    assert_eq!(program.wait().0.code(), Some(0));
}
