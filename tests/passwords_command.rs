//! The command with passwords: its messages, `docroot hash-password`, and what the operator is told.
#![cfg(feature = "auth")]
#![allow(clippy::disallowed_methods, reason = "tests write files")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use support::program::{Program, command, terminal};
use support::{request, until};

const SECRET: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// A command that must fail, with these words in its message and no word that looks like a secret.
#[track_caller]
fn check_mistake(arguments: &[&str], want: &[&str]) {
    let output = command().args(arguments).output().expect("it runs");
    let error = text(&output.stderr);
    assert_ne!(output.status.code(), Some(0), "{arguments:?}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    assert!(error.starts_with("docroot: "), "{error}");
    for want in want {
        assert!(error.contains(want), "{arguments:?}: {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_mistake_is_told_without_the_password() {
    let hash = |text: &str| format!("alice:{text}");
    for (hash, want) in [
        (hash("hunter2"), "docroot hash-password"),
        (hash("$apr1$hunter2$x"), "MD5"),
        (hash("{SHA}hunter2"), "SHA-1"),
        (hash("$y$hunter2"), "argon2, bcrypt"),
        (hash("$2b$12$hunter2"), "cut off"),
        (hash(&SECRET.replace("$04$", "$31$")), "at most 15"),
        (":hunter2".into(), "missing"),
        ("hunter2".into(), "USER:HASH"),
        ("/a{ alice:hunter2".into(), "character 3"),
    ] {
        let name = "invalid value for '--auth <USER:HASH>'";
        check_mistake(&["-a", &hash], &[name, want]);
    }
    let two = [
        "-a",
        &hash(SECRET),
        "-a",
        &format!("/a {}", hash("$5$hunter2")),
    ];
    check_mistake(&two, &["a different hash"]);
    check_mistake(&["-a", "/a/**"], &["--auth-file"]);
    check_mistake(&["--auth-file", "/none"], &["cannot be read"]);
    let folder = tempfile::tempdir().expect("a folder");
    let users = folder.path().join("users");
    fs::write(&users, "\nalice:hunter2\n").expect("a file");
    let users = users.to_str().expect("UTF-8");
    check_mistake(
        &["--auth-file", users],
        &["line 2", "docroot hash-password"],
    );
    // No shell has touched the file.
    let mut serve = command();
    let output = serve
        .args(["--auth-file", users])
        .output()
        .expect("it runs");
    assert!(!text(&output.stderr).contains("shell"));
    check_mistake(&["-a", "alice:hunter2"], &["single quotes"]);
    // The variable is read like the option.
    let output = command().env("DOCROOT_AUTH", "alice:hunter2").output();
    let output = output.expect("it runs");
    let error = text(&output.stderr);
    assert!(
        error.contains("DOCROOT_AUTH") && !error.contains("hunter2"),
        "{error}"
    );
}

fn hash_of(typed: &[u8]) -> Output {
    let mut command = command();
    command.arg("hash-password").stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(typed).expect("it reads");
    drop(input);
    child.wait_with_output().expect("it ends")
}

fn status(program: &Program, target: &str, pair: Option<&str>) -> u16 {
    let value = pair.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    let fields: Vec<_> = value
        .iter()
        .map(|value| ("Authorization", value.as_str()))
        .collect();
    let mut client = program.connect();
    client.send(&request("GET", target, &fields));
    client.response("GET").status
}

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.txt"), "a").expect("a file");
    folder
}

#[test]
fn a_line_from_a_pipe_becomes_a_hash_that_the_server_takes() {
    let output = hash_of("p\u{e4}ss w\u{f6}rd\r\nanother line\n".as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let hash = text(&output.stdout).strip_suffix('\n').expect("one line");
    assert!(
        hash.starts_with("$argon2id$") && !hash.contains('\n'),
        "{hash}"
    );
    let folder = site();
    let mut command = command();
    command.args(["--log-format", "off", "-a", &format!("alice:{hash}")]);
    let program = Program::start(command.arg(folder.path()));
    assert_eq!(status(&program, "/a.txt", None), 401);
    assert_eq!(
        status(&program, "/a.txt", Some("alice:p\u{e4}ss w\u{f6}rd")),
        200
    );
    assert_eq!(status(&program, "/a.txt", Some("alice:another line")), 401);
}

#[test]
fn what_cannot_be_a_password_is_told() {
    let long = [b'a'; 256];
    for (typed, want) in [
        (&b""[..], "empty"),
        (b"\n", "empty"),
        (b"a\tb\n", "control"),
        (b"\xff\n", "UTF-8"),
        (&long, "255 bytes"),
    ] {
        let output = hash_of(typed);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert_eq!(text(&output.stdout), "");
        assert!(error.contains(want), "{error}");
    }
}

/// Types at a terminal: each answer when its prompt is shown. Returns the exit status, what the terminal
/// showed, what was printed, and whether the terminal shows again what is typed.
fn at_terminal(answers: &[&str], act: impl Fn(Pid)) -> (Option<i32>, String, String, bool) {
    let (mut user, end) = terminal();
    let kept = end.try_clone().expect("a descriptor");
    let mut command = command();
    command.arg("hash-password").stdout(Stdio::piped());
    command
        .stdin(end.try_clone().expect("a descriptor"))
        .stderr(end);
    let child = command.spawn().expect("it starts");
    drop(command);
    let pid = Pid::from_child(&child);
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    for (number, answer) in answers.iter().enumerate() {
        while shown.matches(": ").count() <= number {
            let count = user.read(&mut buffer).expect("the terminal is open");
            shown += text(&buffer[..count]);
        }
        user.write_all(answer.as_bytes()).expect("it is read");
    }
    if answers.is_empty() {
        while !shown.contains(": ") {
            let count = user.read(&mut buffer).expect("the terminal is open");
            shown += text(&buffer[..count]);
        }
    }
    act(pid);
    let output = child.wait_with_output().expect("it ends");
    let modes = rustix::termios::tcgetattr(&kept)
        .expect("a terminal")
        .local_modes;
    let shows = modes.contains(rustix::termios::LocalModes::ECHO);
    drop(kept);
    while let Ok(count @ 1..) = user.read(&mut buffer) {
        shown += text(&buffer[..count]);
    }
    let printed = text(&output.stdout).to_owned();
    (output.status.code(), shown, printed, shows)
}

#[test]
fn a_terminal_asks_twice_and_does_not_show_the_password() {
    let (code, shown, printed, shows) = at_terminal(&["hunter2\n", "hunter2\n"], |_| ());
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown, "Password: \r\nThe same again: \r\n");
    assert!(printed.starts_with("$argon2id$"), "{printed}");
    assert!(shows, "the terminal is as before");
    let (code, shown, printed, shows) = at_terminal(&["hunter2\n", "hunter3\n"], |_| ());
    assert_eq!(code, Some(1));
    assert!(shown.contains("the passwords differ"), "{shown}");
    assert!(printed.is_empty() && !shown.contains("hunter") && shows);
}

#[test]
fn a_signal_that_ends_it_restores_the_terminal() {
    for (signal, want) in [
        (Signal::HUP, 129),
        (Signal::INT, 130),
        (Signal::QUIT, 131),
        (Signal::TERM, 143),
    ] {
        let end = |pid| kill_process(pid, signal).expect("it runs");
        let (code, _, printed, shows) = at_terminal(&[], end);
        assert_eq!((code, printed.as_str(), shows), (Some(want), "", true));
    }
}

/// A shell that takes the terminal back would find it silent.
#[test]
fn the_password_prompt_cannot_be_stopped() {
    let (code, _, printed, shows) = at_terminal(&[], |pid| {
        kill_process(pid, Signal::TSTP).expect("it runs");
        kill_process(pid, Signal::INT).expect("it runs");
        let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
        let is = |state: &str| {
            let text = fs::read_to_string(&path).expect("it was not waited for");
            text.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with(state))
        };
        until("it ends or stops", || is("Z") || is("T"));
        let has_stopped = is("T");
        kill_process(pid, Signal::CONT).expect("it was not waited for");
        assert!(!has_stopped);
    });
    assert_eq!((code, printed.as_str(), shows), (Some(130), "", true));
}

/// A file of users in the folder, and a server of the site that reads it.
fn with_alice(folder: &Path, site: &Path) -> (PathBuf, Program) {
    let users = folder.join("users");
    fs::write(&users, format!("alice:{SECRET}\n")).expect("a file");
    let mut command = command();
    command
        .args(["--log-format", "off", "--auth-file"])
        .arg(&users);
    let program = Program::start(command.arg(site));
    (users, program)
}

#[test]
fn the_operator_learns_of_a_changed_file_once() {
    let (folder, site) = (tempfile::tempdir().expect("a folder"), site());
    let (users, program) = with_alice(folder.path(), site.path());
    let alice = Some("alice:secret");
    assert_eq!(status(&program, "/a.txt", alice), 200);
    fs::write(&users, "alice:hunter2\n").expect("a file");
    let kept = "docroot: kept the old users: line 1 of ";
    until("the mistake is told", || {
        assert_eq!(status(&program, "/a.txt", alice), 200);
        program.said().contains(kept)
    });
    fs::write(&users, format!("alice:{SECRET}\nbob:{SECRET}\n")).expect("a file");
    until("the users are in use", || {
        assert_eq!(status(&program, "/a.txt", alice), 200);
        program.said().contains("docroot: reloaded the users in ")
    });
    let said = program.said();
    assert_eq!(said.matches(kept).count(), 1, "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains("shell"),
        "{said}"
    );
    assert_eq!(status(&program, "/a.txt", Some("bob:secret")), 200);
}

/// No second request is needed.
#[test]
fn one_request_is_enough_to_learn_of_an_invalid_file() {
    let (folder, site) = (tempfile::tempdir().expect("a folder"), site());
    let (users, program) = with_alice(folder.path(), site.path());
    fs::write(&users, "alice:hunter2\n").expect("a file");
    assert_eq!(status(&program, "/a.txt", Some("alice:secret")), 200);
    until("the mistake is told", || {
        program.said().contains("docroot: kept the old users: ")
    });
    fs::remove_file(&users).expect("a file");
    let is_old = std::time::Instant::now();
    until("the last look is old", || {
        is_old.elapsed() > std::time::Duration::from_secs(1)
    });
    // The pair is remembered.
    assert_eq!(status(&program, "/a.txt", Some("alice:secret")), 200);
    until("the file is missed", || {
        program.said().contains("cannot be read")
    });
}

/// Nobody has to come first.
#[test]
fn a_reload_reads_the_users_at_once() {
    let (folder, site) = (tempfile::tempdir().expect("a folder"), site());
    let (users, program) = with_alice(folder.path(), site.path());
    let count = |text: &str| program.said().matches(text).count();
    let reload = || {
        let before = count("docroot: reloaded the configuration");
        program.signal(Signal::HUP);
        until("it is reloaded", || {
            count("docroot: reloaded the configuration") > before
        });
    };
    fs::write(&users, "alice:hunter2\n").expect("a file");
    for times in 1..=2 {
        reload();
        assert_eq!(count("docroot: kept the old users: line 1 of "), times);
    }
    assert_eq!(status(&program, "/a.txt", Some("alice:secret")), 200);
    fs::write(&users, format!("bob:{SECRET}\n")).expect("a file");
    for _ in 0..2 {
        reload();
        assert_eq!(count("docroot: reloaded the users in "), 1);
    }
    assert_eq!(status(&program, "/a.txt", Some("bob:secret")), 200);
    assert_eq!(status(&program, "/a.txt", Some("alice:secret")), 401);
    assert_eq!(
        count("docroot: kept the old users: "),
        2,
        "no client causes more"
    );
}

/// What `docroot explain` says about a request.
fn explained(root: &Path, user: Option<&str>) -> String {
    let mut command = command();
    command.args(["explain", "/private/a.txt"]).arg(root);
    command.args(["-a", &format!("/private/** alice:{SECRET}")]);
    command.args(["-a", &format!("/other bob:{SECRET}")]);
    if let Some(user) = user {
        let value = STANDARD.encode(user);
        command.args(["-H", &format!("Authorization: Basic {value}")]);
    }
    let output = command.output().expect("it runs");
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout).to_owned()
}

#[test]
fn explain_says_which_pattern_protects_and_which_user_may() {
    let folder = site();
    fs::create_dir(folder.path().join("private")).expect("a folder");
    fs::write(folder.path().join("private/a.txt"), "a").expect("a file");
    let pattern = "a rule protects the path: private/a.txt against /private/** (pattern)";
    for (user, status, want) in [
        (None, "401", "the path needs a password -> 401"),
        (
            Some("alice:secret"),
            "200",
            "the user may read the path: alice",
        ),
        (
            Some("alice:hunter2"),
            "401",
            "the name or the password is wrong -> 401",
        ),
        (
            Some("bob:secret"),
            "401",
            "no rule lets the user read the path: bob",
        ),
        (Some("no-colon"), "401", "malformed"),
    ] {
        let text = explained(folder.path(), user);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        assert!(text.contains(pattern), "{text}");
        assert!(text.contains(want), "{want}: {text}");
        let secret = user.map(|pair| STANDARD.encode(pair));
        assert!(
            !text.contains("secret") && !text.contains("hunter2"),
            "{text}"
        );
        assert!(
            secret.is_none_or(|secret| !text.contains(&secret)),
            "{text}"
        );
    }
}
