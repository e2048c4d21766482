//! The first steps of a newcomer, as two terminals show them. The files in `tests/sessions` are written to be
//! read; here a shell, curl and the program itself do what they say.
//!
//! ```text
//! # a remark
//! $ a command in the first terminal
//! what it prints
//! | $ docroot ...      starts the server in the second terminal
//! | what it prints     other lines may come before
//! | ^C                 ends the server
//! ```
//!
//! The folder of a session is `/srv`, and the server is at port 8080, whatever they are in truth.

#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::PATIENCE;
use support::program::Program;

/// Where the sessions say that the server is.
const ADDRESS: &str = "127.0.0.1:8080";

/// What the sessions call their folder.
const FOLDER: &str = "/srv";

/// One step of a session.
#[derive(Debug, PartialEq)]
enum Step {
    /// A command and what it prints.
    Run(String, String),
    /// The arguments of the server.
    Serve(Vec<String>),
    /// A line that the server prints.
    Said(String),
    /// Ctrl-C.
    Interrupt,
}

#[test]
fn a_folder_is_served() {
    play("1-serve-a-folder.txt");
}

#[test]
fn a_site_is_rebuilt_while_it_is_served() {
    play("2-rebuild-a-site.txt");
}

#[test]
fn a_download_is_resumed_after_the_mode_of_the_file_has_changed() {
    play("3-resume-a-download.txt");
}

#[test]
fn each_session_is_played_and_in_the_readme() {
    let readme = include_str!("../README.md");
    let played = include_str!("sessions.rs");
    let names = fs::read_dir(sessions()).expect("the sessions");
    for name in names.map(|entry| entry.expect("a session").file_name()) {
        let name = name.to_str().expect("UTF-8");
        assert!(played.contains(&format!("play(\"{name}\");")), "{name}");
        assert!(readme.contains(&format!("tests/sessions/{name}")), "{name}");
    }
}

#[test]
fn a_session_can_fail() {
    let holds = |text: &str| follow(&steps(text), Duration::from_secs(1)).is_ok();
    assert!(holds("$ echo one; echo two >&2\none\ntwo\n"));
    assert!(!holds("$ echo one\ntwo\n"));
    assert!(!holds("$ echo one\n"));
    assert!(!holds("$ true\none\n"));
    assert!(holds("| $ docroot .\n| Press Ctrl-C to stop.\n| ^C\n"));
    assert!(!holds(
        "| $ docroot .\n| docroot serves \"/srv/x\" at\n| ^C\n"
    ));
}

fn sessions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sessions")
}

#[track_caller]
fn play(name: &str) {
    let text = fs::read_to_string(sessions().join(name)).expect("a session");
    if let Err(fault) = follow(&steps(&text), PATIENCE) {
        panic!("{name}: {fault}");
    }
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let server = line.strip_prefix("| ");
        let typed = server.and_then(|line| line.strip_prefix("$ docroot"));
        let run = line.strip_prefix("$ ");
        match (run, server, typed, steps.last_mut()) {
            (Some(run), ..) => steps.push(Step::Run(run.to_owned(), String::new())),
            (_, _, Some(typed), _) => {
                let arguments = typed.split_whitespace().map(str::to_owned);
                steps.push(Step::Serve(arguments.collect()));
            }
            (_, Some("^C"), ..) => steps.push(Step::Interrupt),
            (_, Some(said), ..) => steps.push(Step::Said(said.to_owned())),
            (.., Some(Step::Run(_, printed))) => *printed += &format!("{line}\n"),
            _ => panic!("no command prints {line:?}"),
        }
    }
    steps
}

/// Does what the steps say, and says which one turned out otherwise. The server may take this long to say a line.
fn follow(steps: &[Step], patience: Duration) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("a path");
    let mut server: Option<Program> = None;
    // How much of what the server said was compared.
    let mut heard = 0;
    for step in steps {
        match step {
            Step::Run(typed, printed) => {
                let address = server.as_ref().map(|server| server.address.to_string());
                let typed = typed.replace(ADDRESS, address.as_deref().unwrap_or(ADDRESS));
                let got = shown(&run(&typed, &folder), &folder, server.as_ref());
                if got != *printed {
                    return Err(format!("{typed}\nexpected\n{printed}got\n{got}"));
                }
            }
            Step::Serve(arguments) => {
                server = Some(serve(arguments, &folder));
                heard = 0;
            }
            Step::Said(line) => {
                let server = server.as_ref().ok_or("no server runs")?;
                heard = listen(server, line, heard, &folder, patience)?;
            }
            Step::Interrupt => {
                let server = server.take().ok_or("no server runs")?;
                server.signal(Signal::INT);
                let (status, _) = server.wait();
                if !status.success() {
                    return Err(format!("the server ends with {status}"));
                }
            }
        }
    }
    Ok(())
}

/// Runs a command in the session's folder. Returns what it printed on both outputs.
fn run(typed: &str, folder: &Path) -> String {
    let mut shell = Command::new("sh");
    let patience = PATIENCE.as_secs().to_string();
    shell.args([
        "-c",
        "exec 2>&1; exec timeout \"$0\" sh -c \"$1\"",
        &patience,
    ]);
    shell.arg(typed).current_dir(folder).stdin(Stdio::null());
    // curl must not read the settings of whoever runs the tests.
    shell
        .env("HOME", folder)
        .env_remove("CURL_HOME")
        .env("no_proxy", "*");
    let output = shell.output().expect("a shell");
    String::from_utf8(output.stdout).expect("text")
}

/// Starts the server with both outputs on one terminal.
fn serve(arguments: &[String], folder: &Path) -> Program {
    let mut shell = Command::new("sh");
    shell.env_clear().stdin(Stdio::null()).current_dir(folder);
    shell.args([
        "-c",
        "exec \"$0\" \"$@\" 1>&2",
        env!("CARGO_BIN_EXE_docroot"),
    ]);
    Program::start_as_told(shell.args(arguments).args(["--port", "0"]))
}

/// Waits until the server has said a line, after what was heard. Returns how much was heard then.
fn listen(
    server: &Program,
    want: &str,
    heard: usize,
    folder: &Path,
    patience: Duration,
) -> Result<usize, String> {
    let all = || {
        let all = server.banner.clone() + &server.said();
        let lines = shown(&all, folder, Some(server));
        lines.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let deadline = Instant::now() + patience;
    loop {
        let lines = all();
        let at = lines.iter().skip(heard).position(|line| line == want);
        match at {
            Some(at) => return Ok(heard + at + 1),
            None if Instant::now() < deadline => std::thread::yield_now(),
            None => return Err(format!("the server does not say\n{want}\nbut\n{lines:#?}")),
        }
    }
}

/// A text as the sessions show it.
fn shown(text: &str, folder: &Path, server: Option<&Program>) -> String {
    let text = text.replace(folder.to_str().expect("UTF-8"), FOLDER);
    match server {
        Some(server) => text.replace(&server.address.to_string(), ADDRESS),
        None => text,
    }
}
