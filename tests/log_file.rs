//! The logs of a server that is left running: in files that are renamed, deleted or full, in the journal, and as a
//! sample.

mod support;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{PipeReader, Read};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use docroot::observe::options::{JsonField, LogFormat, LogOptions};
use rustix::fs::fstat;
use rustix::process::Signal;
use serde_json::Value;
use support::page::Page;
use support::program::{Program, command, unprivileged};
use support::{Client, Setup, TestServer, request, until};

/// A folder with a site in `www`, and room for logs beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("www")).expect("a folder");
        fs::write(folder.path().join("www/a.txt"), "here").expect("a file");
        Place(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("text")
    }

    /// A server of the site. The arguments may name files of this folder.
    fn serve(&self, mut command: Command, arguments: &[&str]) -> Program {
        command.current_dir(&self.0).args(arguments).arg("www");
        Program::start(&mut command)
    }
}

/// Asks once on a connection.
fn ask(client: &mut Client) {
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
}

/// Ends the program in order. Returns what it has said.
#[track_caller]
fn end(program: Program) -> String {
    program.signal(Signal::TERM);
    let (status, said) = program.wait();
    assert_eq!(status.code(), Some(0), "{said}");
    said
}

/// How many requests a combined log has. Each line is whole.
#[track_caller]
fn requests(log: &str) -> usize {
    for line in log.split_inclusive('\n') {
        let is_whole = line.starts_with("127.0.0.1 - - [") && line.ends_with("\"-\" \"-\"\n");
        assert!(is_whole, "{line:?}");
    }
    log.lines().count()
}

#[test]
fn the_log_goes_to_a_file_for_its_owner_and_group() {
    let place = Place::new();
    fs::write(place.path("access.log"), "of before\n").expect("a file");
    let mut command = command();
    command.stdout(Stdio::piped());
    let mut program = place.serve(
        command,
        &["--log-file", "access.log", "--error-log", "errors"],
    );
    let mode = fs::metadata(place.path("errors"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    ask(&mut program.connect());
    let mut printed = program.child.stdout.take().expect("a pipe");
    assert_eq!(end(program), "");
    let log = place.read("access.log");
    assert_eq!(requests(log.strip_prefix("of before\n").expect(&log)), 1);
    let mut text = String::new();
    printed.read_to_string(&mut text).expect("text");
    assert_eq!(text, "");
}

/// Whoever rotates names the file anew, tells docroot, and waits until it has opened the next one.
#[test]
fn no_line_is_lost_or_torn_while_the_file_is_rotated_with_a_signal() {
    let place = Place::new();
    let program = place.serve(command(), &["--log-file", "access.log", "--threads", "2"]);
    let ended = AtomicBool::new(false);
    let (answered, rotations) = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = program.connect();
                    let pipeline = request("GET", "/a.txt", &[]).repeat(20);
                    let mut answered = 0;
                    while !ended.load(Ordering::Relaxed) {
                        client.send(&pipeline);
                        for _ in 0..20 {
                            assert_eq!(client.response("GET").text(), "here");
                            answered += 1;
                        }
                    }
                    answered
                })
            })
            .collect();
        let rotations = 10;
        for number in 0..rotations {
            let old = place.path(&format!("access.log.{number}"));
            let size = || fs::metadata(place.path("access.log")).map_or(0, |found| found.len());
            until("there are lines", || size() > 0);
            fs::rename(place.path("access.log"), old).expect("it is renamed");
            program.signal(Signal::USR1);
            until("it is opened again", || place.path("access.log").exists());
        }
        ended.store(true, Ordering::Relaxed);
        let answered = asking
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        (answered.sum::<usize>(), rotations)
    });
    assert_eq!(end(program), "");
    let old = (0..rotations).map(|number| format!("access.log.{number}"));
    let counts: BTreeMap<String, usize> = old
        .chain(["access.log".into()])
        .map(|name| (name.clone(), requests(&place.read(&name))))
        .collect();
    assert_eq!(counts.values().sum::<usize>(), answered, "{counts:?}");
}

#[test]
fn a_file_that_was_renamed_or_deleted_is_noticed_without_a_signal() {
    let place = Place::new();
    let program = place.serve(command(), &["--log-file", "access.log"]);
    let mut client = program.connect();
    let mut answered = 0;
    let mut ask_until_there = || {
        until("it is opened again", || {
            ask(&mut client);
            answered += 1;
            place.path("access.log").exists()
        });
    };
    ask_until_there();
    fs::rename(place.path("access.log"), place.path("old")).expect("it is renamed");
    ask_until_there();
    fs::rename(place.path("access.log"), place.path("older")).expect("it is renamed");
    fs::write(place.path("access.log"), "").expect("a file, as logrotate creates it");
    until("the new file has a line", || {
        ask(&mut client);
        answered += 1;
        !place.read("access.log").is_empty()
    });
    assert_eq!(end(program), "");
    let logs = ["old", "older", "access.log"].map(|name| requests(&place.read(name)));
    assert_eq!(logs.iter().sum::<usize>(), answered, "{logs:?}");
    let place = Place::new();
    let program = place.serve(command(), &["--log-file", "access.log"]);
    let mut client = program.connect();
    fs::remove_file(place.path("access.log")).expect("it is deleted");
    until("it is made again", || {
        ask(&mut client);
        place.path("access.log").exists()
    });
    assert_eq!(end(program), "");
    assert!(requests(&place.read("access.log")) > 0);
}

#[test]
fn a_file_that_cannot_be_opened_again_is_told_once() {
    let place = Place::new();
    fs::create_dir(place.path("logs")).expect("a folder");
    // The kernel would not let a confined server write to another folder of the same name.
    let options = ["--log-file", "logs/access.log", "--landlock", "off"];
    let program = place.serve(command(), &options);
    let mut client = program.connect();
    ask(&mut client);
    fs::rename(place.path("logs"), place.path("moved")).expect("it is renamed");
    program.signal(Signal::USR1);
    let want = "docroot: --log-file \"logs/access.log\" cannot be opened again: No such file or directory (os error 2); \
                docroot writes to the old file and tries again every second\n";
    program.until_said(want);
    program.signal(Signal::USR1);
    ask(&mut client);
    until("the old file gets the lines", || {
        requests(&place.read("moved/access.log")) == 2
    });
    fs::create_dir(place.path("logs")).expect("a folder");
    program.signal(Signal::USR1);
    let again =
        "docroot: --log-file \"logs/access.log\" was opened again, and the log goes on there\n";
    program.until_said(again);
    ask(&mut client);
    assert_eq!(end(program), format!("{want}{again}"));
    assert_eq!(requests(&place.read("logs/access.log")), 1);
}

/// The default action of the signal would end the program.
#[test]
fn the_signal_to_open_files_again_does_nothing_without_a_file() {
    for format in ["combined", "off"] {
        let place = Place::new();
        let mut command = command();
        command.stdout(Stdio::null());
        let program = place.serve(command, &["--log-format", format]);
        for _ in 0..3 {
            program.signal(Signal::USR1);
            ask(&mut program.connect());
        }
        assert_eq!(end(program), "");
    }
}

/// What docroot says about a file at its start, and what `docroot check` says.
#[track_caller]
fn check_refused(place: &Place, command: impl Fn() -> Command, option: &str, want: &str) {
    let run = |arguments: &[&str]| {
        let mut command = command();
        command.current_dir(&place.0).args(arguments);
        command
            .args(["-p", "0", option, "www"])
            .output()
            .expect("it runs")
    };
    let started = run(&[]);
    let said = String::from_utf8(started.stderr).expect("UTF-8");
    assert!(said.contains(&format!("docroot: {want}")), "{said}\n{want}");
    assert!(!said.contains("Press Ctrl-C"), "{said}");
    assert_eq!(started.status.code(), Some(1));
    let checked = run(&["check"]);
    let said = String::from_utf8(checked.stdout).expect("UTF-8");
    assert!(said.contains(&format!("error: {want}")), "{said}\n{want}");
    assert_eq!(checked.status.code(), Some(2));
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_at_the_start() {
    let place = Place::new();
    for option in ["--log-file", "--error-log"] {
        let check = |path: &str, want: &str| {
            let want = format!("{option} \"{path}\" cannot be opened: {want}");
            check_refused(&place, command, &format!("{option}={path}"), &want);
        };
        check(
            "absent/log",
            "the directory \"absent\" does not exist; create it, or name another file",
        );
        check(
            "www",
            "it is a directory; name a file in it, such as \"www/docroot.log\"",
        );
        check(
            "www/a.txt/log",
            "\"www/a.txt\" is not a directory; name another file",
        );
    }
    let Some(_) = unprivileged() else { return };
    let closed = place.path("closed");
    fs::create_dir(&closed).expect("a folder");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o500)).expect("a mode");
    let command = || unprivileged().expect("it was there");
    let want = "--log-file \"closed/log\" cannot be opened: this user may not write it; change its permissions or those of \
                \"closed\", or run docroot as another user";
    check_refused(&place, command, "--log-file=closed/log", want);
}

#[test]
fn a_check_opens_the_logs_and_creates_none() {
    let place = Place::new();
    let output = command()
        .current_dir(&place.0)
        .args([
            "check",
            "-p",
            "0",
            "--log-file",
            "a.log",
            "--error-log",
            "e.log",
            "www",
        ])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert!(!place.path("a.log").exists() && !place.path("e.log").exists());
    let output = command()
        .current_dir(&place.0)
        .args(["check", "-p", "0", "--log-file", "www/a.log", "www"])
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        text.contains("warning: docroot serves its own log "),
        "{text}"
    );
}

/// The same limit as `ulimit -f` stands for a full disk.
#[test]
fn a_full_disk_drops_whole_lines_until_the_file_is_rotated() {
    let place = Place::new();
    let mut shell = Command::new("sh");
    shell.env_clear().stdin(Stdio::null());
    let docroot = env!("CARGO_BIN_EXE_docroot");
    shell.args(["-c", "ulimit -f 3; exec \"$0\" \"$@\"", docroot]);
    let program = place.serve(shell, &["--log-file", "access.log"]);
    let mut client = program.connect();
    let mut answered = 0;
    until("the limit is reached", || {
        ask(&mut client);
        answered += 1;
        program.said().contains("the access log cannot be written")
    });
    fs::rename(place.path("access.log"), place.path("old")).expect("it is renamed");
    program.signal(Signal::USR1);
    until("the log goes on", || {
        ask(&mut client);
        answered += 1;
        program.said().contains("is written again")
    });
    end(program);
    let (old, new) = (place.read("old"), place.read("access.log"));
    let (dropped, lines): (Vec<&str>, Vec<&str>) =
        new.lines().partition(|line| line.starts_with("docroot: "));
    let dropped = dropped.iter().filter_map(|line| {
        let rest = line.strip_prefix("docroot: ")?;
        rest.strip_suffix(" log lines dropped")?
            .parse::<usize>()
            .ok()
    });
    let dropped: usize = dropped.sum();
    assert!(dropped > 0, "{new}");
    let written = requests(&old) + lines.len();
    assert_eq!(written + dropped, answered, "{old}\n{new}");
    assert!(
        lines.iter().all(|line| line.ends_with("\"-\" \"-\"")),
        "{new}"
    );
}

/// A line of the error log without its time.
#[track_caller]
fn without_time(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').expect(line);
    let form: String = time
        .chars()
        .map(|char| if char.is_ascii_digit() { '0' } else { char })
        .collect();
    assert!(
        ["0000-00-00T00:00:00Z", "0000-00-00T00:00:00+00:00"].contains(&&*form),
        "{line}"
    );
    rest
}

#[test]
fn what_docroot_says_of_itself_goes_to_the_error_log() {
    let place = Place::new();
    let mut command = command();
    command.env("DOCROOT_PROT", "1").stdout(Stdio::null());
    let program = place.serve(command, &["--error-log", "errors"]);
    assert!(
        !program.banner.contains("DOCROOT_PROT"),
        "{}",
        program.banner
    );
    until("the warning is there", || {
        place.read("errors").contains('\n')
    });
    let errors = place.read("errors");
    let line = without_time(errors.lines().next().expect("a line"));
    assert!(
        line.starts_with("docroot: warning: unknown variable 'DOCROOT_PROT'"),
        "{line}"
    );
    fs::rename(place.path("errors"), place.path("old")).expect("it is renamed");
    program.signal(Signal::USR1);
    until("it is opened again", || place.path("errors").exists());
    program.signal(Signal::HUP);
    let has_all = || {
        let text = place.read("errors");
        text.contains("reloaded the configuration") && text.contains("DOCROOT_PROT")
    };
    until("the reload is told", has_all);
    fs::remove_file(place.path("errors")).expect("it is deleted");
    fs::create_dir(place.path("errors")).expect("a folder");
    program.signal(Signal::USR1);
    program.until_said("docroot: --error-log \"errors\" cannot be opened again: ");
    let said = end(program);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn the_time_zone_of_a_file_is_that_of_the_format_or_of_the_option() {
    for (arguments, begin, end_of_time) in [
        (&[][..], "[", " +0000] "),
        (&["--log-time", "local"], "[", " +0545] "),
        (&["--log-format", "json"], "{\"time\":\"", "Z\",\"peer\""),
        (
            &["--log-format", "json", "--log-time", "local"],
            "{\"time\":\"",
            "+05:45\",\"peer\"",
        ),
        (
            &["--log-format", "pretty", "--log-time", "utc"],
            "",
            "Z 200 GET ",
        ),
        (&["--log-format", "pretty"], "", " 200 GET "),
    ] {
        let place = Place::new();
        let mut command = command();
        command.env("TZ", "NPT-5:45");
        let all = [&["--log-file", "access.log"], arguments].concat();
        let program = place.serve(command, &all);
        ask(&mut program.connect());
        assert_eq!(end(program), "");
        let log = place.read("access.log");
        assert!(
            log.contains(begin) && log.contains(end_of_time),
            "{arguments:?}: {log}"
        );
        assert!(!log.contains('\x1b'), "{log}");
        assert_eq!(log.contains('Z'), end_of_time.contains('Z'), "{log}");
    }
}

/// A server with one worker whose log has these options.
fn logging(options: LogOptions) -> (TestServer, Page) {
    let page = Page::default();
    let mut setup = Setup::new().file("a.txt", "here").with(|config| {
        config.threads = 1;
        config.log = options;
    });
    setup.sink = Some(Box::new(page.clone()));
    (setup.start(), page)
}

fn sampled(one_in: u32) -> LogOptions {
    LogOptions {
        format: LogFormat::Json,
        one_in: NonZeroU32::new(one_in).expect("not 0"),
        fields: Some([JsonField::Status, JsonField::Cut, JsonField::Sample].into()),
        ..LogOptions::OFF
    }
}

#[test]
fn a_sample_has_every_error_and_can_be_scaled() {
    let (server, page) = logging(sampled(10));
    let mut client = server.connect();
    for number in 0..200 {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").status, 200);
        if number % 20 == 0 {
            client.send(&request("GET", "/none", &[]));
            assert_eq!(client.response("GET").status, 404);
        }
    }
    let mut cut = server.connect();
    cut.send(b"GET /a.txt HTTP/1.1\r\n");
    // What is no request is an error too. The worker has then read the other one.
    assert!(!server.raw(b"\x01\r\n\r\n").is_empty());
    cut.reset();
    until("it is noticed", || {
        server.counters.snapshot().requests_unanswered == 1
    });
    drop(server);
    let lines = page.lines();
    let count = |begin: &str| lines.iter().filter(|line| line.starts_with(begin)).count();
    assert_eq!(count(r#"{"status":200,"cut":null,"sample":10}"#), 20);
    assert_eq!(count(r#"{"status":404,"cut":null,"sample":1}"#), 10);
    assert_eq!(count(r#"{"status":400,"cut":null,"sample":1}"#), 1);
    assert_eq!(
        count(r#"{"status":null,"cut":"the client went away","sample":1}"#),
        1
    );
    assert_eq!(lines.len(), 32);
    let samples = lines.iter().map(|line| {
        let object: Value = serde_json::from_str(line).expect("JSON");
        object["sample"].as_u64().expect("a number")
    });
    assert_eq!(samples.sum::<u64>(), 212);
}

#[test]
fn a_reload_changes_what_is_logged_and_says_what_it_cannot_change() {
    let (server, page) = logging(sampled(1));
    let ask = || assert_eq!(server.get("/a.txt", &[]).status, 200);
    ask();
    let ignored = server.reload(|config| {
        config.log.one_in = NonZeroU32::new(1000).expect("not 0");
        config.log.fields = Some([JsonField::Target, JsonField::Sample].into());
    });
    assert_eq!(ignored.expect("it is taken over"), [""; 0]);
    let is_new = |line: &String| line == r#"{"target":"/a.txt","sample":1000}"#;
    until("the sample is another", || {
        ask();
        page.lines().iter().any(is_new)
    });
    let ignored = server.reload(|config| {
        config.log.file = Some("/absent/log".into());
        config.error_log = Some("/absent/errors".into());
    });
    assert_eq!(
        ignored.expect("it is taken over"),
        ["--error-log", "--log-file and the other options of the log"]
    );
}

/// A client that stops to read ends its exchange with an error.
#[test]
fn the_journal_gets_a_priority_and_no_time() {
    let options = LogOptions {
        format: LogFormat::Journal,
        ..LogOptions::OFF
    };
    let (server, page) = logging(options);
    let length = 64 << 20;
    let file = fs::File::create(server.root.join("shrinks.bin")).expect("a file");
    file.set_len(length).expect("a sparse file");
    assert_eq!(server.get("/a.txt", &[]).status, 200);
    assert_eq!(server.get("/<3>none", &[]).status, 404);
    let mut client = server.connect();
    client.send(&request("GET", "/shrinks.bin", &[]));
    client.take(1 << 20);
    file.set_len(1).expect("it shrinks");
    client.rest();
    drop(server);
    let lines = page.lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(
        lines[0].starts_with("<6>200 GET       4 B "),
        "{}",
        lines[0]
    );
    assert!(lines[1].starts_with("<4>404 GET "), "{}", lines[1]);
    assert!(lines[1].contains("  /<3>none  "), "{}", lines[1]);
    assert!(lines[2].starts_with("<3>200 GET "), "{}", lines[2]);
    assert!(lines[2].contains("(cut: the file changed)"), "{}", lines[2]);
}

/// What a program prints on a pipe that systemd has named, or not.
fn printed(name: impl Fn(&PipeReader) -> Option<String>) -> String {
    let place = Place::new();
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = command();
    if let Some(name) = name(&reader) {
        command.env("JOURNAL_STREAM", name);
    }
    command.stdout(writer);
    let program = place.serve(command, &[]);
    ask(&mut program.connect());
    assert_eq!(end(program), "");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("text");
    text
}

#[test]
fn the_journal_is_noticed() {
    let identity = |reader: &PipeReader| {
        let found = fstat(reader).expect("a pipe");
        format!("{}:{}", found.st_dev, found.st_ino)
    };
    let text = printed(|reader| Some(identity(reader)));
    assert!(text.starts_with("<6>200 GET "), "{text}");
    let text = printed(|reader| Some(format!("{}1", identity(reader))));
    assert!(text.starts_with("127.0.0.1 - - ["), "{text}");
    let text = printed(|_| None);
    assert!(text.starts_with("127.0.0.1 - - ["), "{text}");
}

/// Lines in a pipe with a name wait for its reader, like those on the standard output.
#[test]
fn a_pipe_with_a_name_gets_the_log() {
    let place = Place::new();
    let path = place.path("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a pipe");
    // If it is open to be written as well, it opens without a writer.
    let reader = open_both_ways(&path);
    let program = place.serve(command(), &["--log-file", "pipe"]);
    ask(&mut program.connect());
    let mut reader = std::io::BufReader::new(reader);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).expect("text");
    assert_eq!(requests(&line), 1);
    assert_eq!(end(program), "");
}

fn open_both_ways(path: &Path) -> fs::File {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened.expect("it opens")
}
