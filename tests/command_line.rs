//! The command as people run it: what it prints, its status, its signals.

mod support;

use std::fs::{File, OpenOptions, Permissions};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use docroot::net::local_addresses::outward_addresses;
use rustix::process::Signal;
use support::program::{Program, command, free_port, skipped, unprivileged};
use support::{find, request};

/// Runs the command with these variables and no others.
fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docroot"));
    command.env_clear().envs(variables.iter().copied());
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The standard output of a run that ends well.
#[track_caller]
fn printed(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(variables, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    assert_eq!(text(&output.stderr), "", "{arguments:?}");
    text(&output.stdout).to_owned()
}

#[track_caller]
fn check_mistake(variables: &[(&str, &str)], arguments: &[&str], status: i32, want: &str) {
    let output = run(variables, arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    let first = error.lines().next().unwrap_or_default();
    assert!(first.starts_with("docroot: "), "{error}");
    assert!(first.contains(want), "{error}");
    // A mistake in the arguments is followed by where help is.
    assert_eq!(
        error.lines().count(),
        if status == 2 { 2 } else { 1 },
        "{error}"
    );
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn mistakes_end_with_2_and_say_where_help_is() {
    check_mistake(
        &[],
        &["--prot", "1"],
        2,
        "there is no option '--prot'; did you mean --port?",
    );
    check_mistake(&[], &["a", "b"], 2, "unexpected argument 'b'");
    check_mistake(&[], &["--port", "http"], 2, "'--port <N>'");
    let ignored = ["--reload-ignore", "/logs/**"];
    check_mistake(&[], &ignored, 2, "add --live-reload");
    let no_pattern = ["--live-reload", "--reload-ignore", "logs"];
    check_mistake(
        &[],
        &no_pattern,
        2,
        "'logs' for '--reload-ignore <PATTERN>'",
    );
    check_mistake(&[], &["--port"], 2, "a value is required");
    check_mistake(&[], &["--idle-timeout", "soon"], 2, "such as 10s");
    let url = "'http://a' for '--allow-host <NAME>': it is not a host; leave out the scheme";
    check_mistake(&[], &["--allow-host", "b,http://a"], 2, url);
    check_mistake(&[("DOCROOT_ALLOW_HOST", "a*")], &[], 2, "the first label");
    check_mistake(&[("PORT", "http")], &[], 2, "the variable PORT: ");
    check_mistake(
        &[("DOCROOT_THREADS", "0")],
        &[],
        2,
        "the variable DOCROOT_THREADS: ",
    );
}

#[test]
fn a_mistake_that_cannot_be_printed_ends_with_2() {
    for (option, want) in [("--bad", 2), ("--help", 1)] {
        let full = || OpenOptions::new().write(true).open("/dev/full");
        let status = command()
            .arg(option)
            .stdout(full().expect("a device"))
            .stderr(full().expect("a device"))
            .status();
        assert_eq!(status.expect("it runs").code(), Some(want), "{option}");
    }
}

/// The limit on the threads of a user does not hold for root.
#[test]
fn a_server_whose_threads_cannot_start_prints_no_banner() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can become a user that has no other process");
    }
    let folder = site();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
    let output = Command::new("prlimit")
        .args(["--nproc=6", env!("CARGO_BIN_EXE_docroot")])
        .args(["--port", "0", "--threads", "8"])
        .arg(folder.path())
        .uid(64_999)
        .gid(64_999)
        .output();
    let Some(output) = output.ok().filter(|output| output.status.code() == Some(1)) else {
        return skipped("another user cannot run docroot with a limit on its threads");
    };
    let error = text(&output.stderr);
    assert!(
        error.contains("thread") && !error.contains("Ctrl-C"),
        "{error}"
    );
}

#[test]
fn requests_to_explain_that_cannot_be_sent_end_with_2() {
    check_mistake(&[], &["explain"], 2, "docroot ./explain");
    check_mistake(&[], &["explain", ""], 2, "'<TARGET>'");
    check_mistake(&[], &["explain", "/", "-H", "a"], 2, "'--field <FIELD>'");
    check_mistake(&[], &["explain", "/", "-H", "a:b\nc:d"], 2, r"'a:b\nc:d'");
    check_mistake(
        &[],
        &["explain", "/", "--method", "G T"],
        2,
        "'--method <METHOD>'",
    );
    check_mistake(
        &[("DOCROOT_MAX_RANGES", "x")],
        &["explain", "/"],
        2,
        "DOCROOT_MAX_RANGES",
    );
    let help = printed(&[], &["explain", "--help"]);
    for option in ["--field", "--method", "--format", "--index", "--max-ranges"] {
        assert!(help.contains(option), "{option}\n{help}");
    }
    assert!(!help.contains("--port"), "{help}");
    check_short_help(
        &["explain", "-h"],
        "docroot explain --help shows all options.",
    );
}

#[test]
fn a_root_that_cannot_be_served_ends_with_1() {
    check_mistake(
        &[],
        &["--port", "0", "/no/such/place"],
        1,
        "\"/no/such/place\" does not exist: ",
    );
    check_mistake(
        &[],
        &["--port", "0", "/dev/null/x"],
        1,
        "\"/dev/null/x\" does not exist: ",
    );
}

#[test]
fn a_root_of_the_environment_is_told_with_its_variable() {
    let variable = [("DOCROOT_PATH", "/no/such/place")];
    let want = "the variable DOCROOT_PATH: \"/no/such/place\" does not exist: name";
    check_mistake(&variable, &["-p", "0"], 1, want);
    check_mistake(&variable, &["explain", "/"], 1, want);
    check_mistake(&variable, &["compress"], 1, want);
    check_mistake(
        &variable,
        &["-p", "0", "/none"],
        1,
        "docroot: \"/none\" does not exist",
    );
}

#[test]
fn a_value_that_an_option_does_not_take_as_a_word_is_told() {
    for (option, value) in [("--cors", "https://a.example"), ("--spa", "no-app.html")] {
        let want = format!(
            "\"{value}\" does not exist: name an existing directory or file; \
             to give {option} a value, write {option}={value}"
        );
        check_mistake(&[], &["-p", "0", option, value], 1, &want);
        check_mistake(&[], &["explain", "/", option, value], 1, &want);
    }
    let help = printed(&[], &["-h"]);
    for option in ["--cors[=<ORIGIN>]", "--spa[=<FILE>]"] {
        assert!(help.contains(option), "{option}\n{help}");
    }
}

/// The word is to blame, and not what follows it. Alone, it may be the name of a folder.
#[test]
fn a_word_that_is_nearly_a_command_is_told() {
    for (word, advice) in [
        ("chekc", "did you mean docroot check?"),
        ("Check", "did you mean docroot check?"),
        ("explian", "did you mean docroot explain?"),
        ("help", "did you mean docroot --help?"),
        ("version", "did you mean docroot --version?"),
        (
            "serve",
            "docroot serves without a command: write docroot DIR",
        ),
    ] {
        let want = format!("there is no command '{word}'; {advice}");
        check_mistake(&[], &[word, "w"], 2, &want);
        check_mistake(&[], &[word, "/a", "w"], 2, &want);
        check_mistake(&[], &[word, "--strict", "w"], 2, &want);
        let want =
            format!("\"{word}\" does not exist: name an existing directory or file; {advice}");
        check_mistake(&[], &[word, "-p", "0"], 1, &want);
    }
    // What exists is served, and what is unlike each command is a path.
    check_mistake(&[], &["src", "w"], 2, "unexpected argument 'w' found");
    check_mistake(&[], &["www2", "w"], 2, "unexpected argument 'w' found");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("serve")).expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_docroot"));
    let output = command
        .env_clear()
        .current_dir(&folder)
        .args(["serve", "w"])
        .output();
    let error = output.expect("the command runs").stderr;
    assert!(text(&error).starts_with("docroot: unexpected argument 'w' found"));
}

#[test]
fn the_help_shows_every_default_in_groups() {
    let help = printed(&[("PORT", "http")], &["--help"]);
    for group in [
        "Serving:",
        "Responses:",
        "Access:",
        "Network:",
        "Output:",
        "HTTPS",
        "Limits and deadlines:",
        "Other:",
    ] {
        assert!(help.contains(&format!("\n{group}")), "{group}\n{help}");
    }
    // Its lines are wrapped: the words are what counts. A value is named in angle brackets.
    let words: Vec<&str> = help.split_whitespace().collect();
    for option in words.join(" ").split('<').skip(1) {
        let told = option.contains("[default: ") || option.starts_with("SHELL>");
        assert!(told, "{option}\n{help}");
    }
    assert!(help.contains("\nExamples:\n"));
    assert!(!help.contains('\x1b'));
    check_short_help(&["-h"], "docroot --help shows all options.");
}

/// Its options have one line each, in 80 columns.
#[track_caller]
fn check_short_help(arguments: &[&str], last: &str) {
    let help = printed(&[], arguments);
    assert_eq!(help.lines().last(), Some(last), "{help}");
    assert!(help.contains("\nExamples:\n"), "{help}");
    let wide = help.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "{help}");
    let options = help.split("Options:\n").nth(1).expect("options");
    let options: Vec<&str> = options
        .lines()
        .take_while(|line| !line.is_empty())
        .collect();
    assert!((5..=15).contains(&options.len()), "{help}");
    for line in options {
        let begins_option = line.trim_start().starts_with('-');
        assert!(begins_option, "a second line: {help}");
        assert!(!line.contains("{}"), "{help}");
    }
}

#[test]
fn version_manual_and_completions_are_printed() {
    let version = printed(&[], &["--version"]);
    assert_eq!(version, format!("docroot {}\n", env!("CARGO_PKG_VERSION")));
    assert!(printed(&[], &["--man"]).contains(".TH docroot"));
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef docroot"),
        ("fish", "complete -c docroot"),
    ] {
        assert!(
            printed(&[], &["--completions", shell]).contains(sign),
            "{shell}"
        );
    }
}

/// A folder with a small file, and a large one that takes no room on the disk.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.txt"), "here").expect("a file");
    let large = File::create(folder.path().join("large.bin")).expect("a file");
    large.set_len(LARGE as u64).expect("a sparse file");
    folder
}

/// Larger than what the sockets between two ends of the loopback hold.
const LARGE: usize = 64 << 20;

/// A port that is taken for as long as the listener lives.
fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port.to_string())
}

#[test]
fn the_banner_says_where_what_who_and_how_to_stop() {
    let folder = site();
    let program = Program::serve(folder.path());
    let root = folder.path().canonicalize().expect("a path");
    let want = format!(
        "docroot serves {root:?} at\n  http://{}/\n\
         Only this machine can connect. Use --bind lan to let others connect.\n\
         Press Ctrl-C to stop.\n",
        program.address
    );
    assert_eq!(program.banner, want);
    assert_ne!(program.address.port(), 0);
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
}

#[test]
fn both_loopback_addresses_are_one_server() {
    let folder = site();
    let mut command = command();
    command.args(["--log-format", "off", "--port", "0"]);
    let program = Program::start_as_told(command.arg(folder.path()));
    let port = program.address.port();
    assert!(
        program
            .banner
            .contains(&format!("  http://127.0.0.1:{port}/\n"))
    );
    let ipv6 = format!("  http://[::1]:{port}/\n");
    // A machine without IPv6 does without.
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(
        program.banner.contains(&ipv6),
        has_ipv6,
        "{}",
        program.banner
    );
}

#[test]
fn a_single_file_is_served_by_its_name() {
    let folder = site();
    let program = Program::serve(&folder.path().join("a.txt"));
    let mut client = program.connect();
    for (target, status) in [("/", 200), ("/a.txt", 200), ("/large.bin", 404)] {
        client.send(&request("GET", target, &[]));
        assert_eq!(client.response("GET").status, status, "{target}");
    }
}

/// The banner and the site have the name that was typed.
#[test]
fn a_single_file_that_is_a_link_is_served_by_the_name_of_the_link() {
    let (folder, elsewhere) = (site(), site());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(elsewhere.path().join("a.txt"), &link).expect("a link");
    let mut command = command();
    command.args(["--log-format", "off"]).arg("link");
    let program = Program::start(command.current_dir(folder.path()));
    let place = folder.path().canonicalize().expect("a path").join("link");
    let want = format!("docroot serves {place:?} at\n");
    assert!(program.banner.starts_with(&want), "{}", program.banner);
    let mut client = program.connect();
    for (target, status) in [("/", 200), ("/link", 200), ("/a.txt", 404)] {
        client.send(&request("GET", target, &[]));
        assert_eq!(client.response("GET").status, status, "{target}");
    }
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_ends_with_1() {
    let (_listener, port) = taken();
    let want = format!("127.0.0.1:{port} is already in use: ");
    check_mistake(&[], &["-p", &port], 1, &want);
    check_mistake(&[], &["--port", &port, "-b", "127.0.0.1"], 1, &want);
}

#[test]
fn a_port_comes_from_the_environment_where_none_is_given() {
    let (_listener, port) = taken();
    let want = format!("127.0.0.1:{port} is already in use: ");
    check_mistake(&[("PORT", &port)], &[], 1, &want);
    check_mistake(&[("DOCROOT_PORT", &port)], &[], 1, &want);
    check_mistake(&[("DOCROOT_PORT", &port), ("PORT", "0")], &[], 1, &want);
    // The more particular wins: the taken port is not even tried.
    let folder = site();
    for (variables, arguments) in [
        (
            &[("PORT", port.as_str()), ("DOCROOT_PORT", "0")][..],
            &[][..],
        ),
        (
            &[("PORT", &port), ("DOCROOT_PORT", &port)],
            &["--port", "0"],
        ),
    ] {
        let mut command = command();
        command.envs(variables.iter().copied()).args(arguments);
        let program = Program::start_as_told(command.arg(folder.path()));
        assert_ne!(program.address.port().to_string(), port);
    }
}

/// The one test with a fixed port: the default is what it is about. Whoever has it already does as
/// well as this test.
#[test]
fn the_next_free_port_is_taken_where_none_is_given() {
    let _holder = TcpListener::bind("127.0.0.1:8080");
    let folder = site();
    let program = Program::start_as_told(command().arg(folder.path()));
    let port = program.address.port();
    assert!((8081..8180).contains(&port), "{port}");
    let told =
        format!("Port 8080 is in use, so docroot uses {port}. Use --port to choose a port.\n");
    assert!(program.banner.contains(&told), "{}", program.banner);
}

#[test]
fn a_privileged_port_names_the_mend() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first.is_ok_and(|first| first.trim() != "1024") {
        return skipped("this system keeps no ports for the privileged");
    }
    let Some(mut command) = unprivileged() else {
        return;
    };
    let output = command.args(["--port", "81"]).output().expect("it runs");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("docroot: port 81 needs privileges: "),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn a_root_that_may_not_be_read_ends_with_1() {
    use std::os::unix::fs::PermissionsExt;
    let folder = site();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).expect("a folder");
    let none = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(&closed, none).expect("a mode");
    let Some(mut command) = unprivileged() else {
        return;
    };
    let output = command
        .args(["--port", "0"])
        .arg(&closed)
        .output()
        .expect("it runs");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("closed\" cannot be read: "), "{error}");
}

#[test]
fn what_cannot_be_served_or_listened_at_ends_with_1() {
    let port = ["--port", "0"];
    let with = |more: &[&'static str]| [&port[..], more].concat();
    check_mistake(
        &[],
        &with(&["/dev/null"]),
        1,
        "is neither a directory nor a regular file: ",
    );
    // TEST-NET-1 (RFC 5737) is nobody's address.
    check_mistake(
        &[],
        &with(&["-b", "192.0.2.1"]),
        1,
        "192.0.2.1 is not an address of this machine: ",
    );
    check_mistake(&[], &with(&["-b", "nonsense"]), 2, "'--bind <ADDR>'");
}

#[test]
fn a_signal_lets_a_download_finish_and_ends_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = site();
        let program = Program::serve(folder.path());
        let mut download = program.connect();
        download.send(&request("GET", "/large.bin", &[]));
        assert_eq!(download.head().status, 200);
        let mut idle = program.connect();
        idle.send(&request("GET", "/a.txt", &[]));
        assert_eq!(idle.response("GET").status, 200);
        program.signal(signal);
        assert!(idle.is_closed());
        // The signal was heard, and the download has its time.
        let mut late = program.connect();
        let refused = late.response("GET");
        assert_eq!(
            (refused.status, refused.field("Retry-After")),
            (503, Some("2"))
        );
        assert_eq!(download.take(LARGE).len(), LARGE);
        assert!(download.is_closed());
        let (status, said) = program.wait();
        assert_eq!(status.code(), Some(0), "{signal:?}");
        // On a busy machine, it takes so long that docroot says what it waits for.
        let is_patient = |line: &str| line.starts_with("docroot: waiting for ");
        assert!(said.lines().all(is_patient), "{signal:?}: {said}");
    }
}

#[test]
fn without_anything_under_way_a_signal_ends_it_at_once() {
    let folder = site();
    let program = Program::serve(folder.path());
    let mut idle = program.connect();
    idle.send(&request("GET", "/a.txt", &[]));
    assert_eq!(idle.response("GET").status, 200);
    program.signal(Signal::TERM);
    assert!(idle.is_closed());
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_second_signal_leaves_at_once() {
    let folder = site();
    let mut command = command();
    command.args(["--drain-timeout", "1h", "--log-format", "off"]);
    let program = Program::start(command.arg(folder.path()));
    let mut download = program.connect();
    download.send(&request("GET", "/large.bin", &[]));
    assert_eq!(download.head().status, 200);
    let mut idle = program.connect();
    idle.send(&request("GET", "/a.txt", &[]));
    assert_eq!(idle.response("GET").status, 200);
    program.signal(Signal::INT);
    assert!(idle.is_closed(), "the first was heard");
    program.signal(Signal::INT);
    assert_eq!(program.wait().0.code(), Some(1));
    assert!(download.rest().len() < LARGE);
}

#[test]
fn the_log_is_on_the_standard_output_and_the_banner_is_not() {
    let folder = site();
    let mut command = command();
    let mut program = Program::start(command.stdout(Stdio::piped()).arg(folder.path()));
    let mut output = program.child.stdout.take().expect("a pipe");
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    client.response("GET");
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    let mut log = String::new();
    output.read_to_string(&mut log).expect("text");
    assert!(
        log.contains("\"GET /a.txt HTTP/1.1\" 200 4 \"-\" \"-\"\n"),
        "{log}"
    );
    assert_eq!(log.lines().count(), 1, "{log}");
}

/// A client of a server that does not tell that it listens.
fn connect_when_it_listens(port: &str) -> support::Client {
    let address = format!("127.0.0.1:{port}");
    let mut stream = None;
    support::until("it listens", || {
        stream = std::net::TcpStream::connect(&address).ok();
        stream.is_some()
    });
    support::Client::of(stream.expect("a connection"))
}

/// Orders a server to end; its exit status.
fn end(child: &mut std::process::Child) -> Option<i32> {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), Signal::TERM)
        .expect("it runs");
    child.wait().expect("it ends").code()
}

/// The access log is asked for, or not, with its format.
#[test]
fn quiet_says_nothing_but_the_log() {
    let folder = site();
    let port = free_port().to_string();
    let mut child = command()
        .args(["--quiet", "--bind", "127.0.0.1", "--port", &port])
        .args(["--allow-host", "test", "--log-format", "combined"])
        .args(["--log-time", "local"])
        .env("TZ", "NPT-5:45")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut client = connect_when_it_listens(&port);
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    assert_eq!(end(&mut child), Some(0));
    let mut log = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut log).expect("text");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(" +0545] \"GET /a.txt "), "{log}");
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(said, "");
}

/// A standard output that nobody reads, that is full, and that is not there.
#[test]
fn an_output_that_cannot_be_written_is_no_panic() {
    for argument in ["--help", "--version", "--man", "--completions=zsh"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command().arg(argument).stdout(writer).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{argument}");
        assert_eq!(text(&output.stderr), "", "{argument}");
        let closed = shell(&format!("exec \"$0\" {argument} >&-"), &[]);
        assert!(!text(&closed.stderr).contains("panicked"), "{argument}");
        if Path::new("/dev/full").exists() {
            let full = OpenOptions::new().write(true).open("/dev/full");
            let output = command()
                .arg(argument)
                .stdout(full.expect("it opens"))
                .output();
            let output = output.expect("it runs");
            assert_eq!(output.status.code(), Some(1), "{argument}");
            assert!(
                text(&output.stderr).starts_with("docroot: cannot print: "),
                "{argument}"
            );
        }
    }
}

/// Runs a line of the shell, in which `$0` is the command.
fn shell(line: &str, arguments: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", line, env!("CARGO_BIN_EXE_docroot")]);
    shell.args(arguments).stdin(Stdio::null());
    shell.output().expect("a shell")
}

#[test]
fn a_log_that_cannot_be_written_does_not_end_the_server() {
    let folder = site();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = command();
    command.args(["--log-format", "json"]).stdout(writer);
    let program = Program::start(command.arg(folder.path()));
    let mut client = program.connect();
    for _ in 0..10 {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").text(), "here");
    }
    program.signal(Signal::TERM);
    let (status, said) = program.wait();
    assert_eq!(status.code(), Some(0));
    let lines: Vec<&str> = said.lines().collect();
    let [failure, rest] = lines[..] else {
        panic!("the failure is told once, and what is missing at the end: {said}");
    };
    assert!(failure.starts_with("docroot: the access log cannot be written: "));
    assert_eq!(rest, "docroot: 10 log lines could not be written");
}

/// Neither output is there: it serves all the same.
#[test]
fn closed_standard_streams_do_not_end_the_server() {
    let folder = site();
    let port = free_port().to_string();
    let mut child = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" <&- >&- 2>&-"])
        .arg(env!("CARGO_BIN_EXE_docroot"))
        .args(["--bind", "127.0.0.1", "--port", &port])
        .args(["--allow-host", "test"])
        .arg(folder.path())
        .spawn()
        .expect("a shell");
    let mut client = connect_when_it_listens(&port);
    client.send(&request("GET", "/a.txt", &[("Connection", "close")]));
    let answer = client.rest();
    assert_eq!(end(&mut child), Some(0));
    // No descriptor of a client was taken for an output: what came is the answer alone.
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(answer.ends_with(b"\r\n\r\nhere"));
    assert!(find(&answer, b"docroot serves").is_none());
}

/// Every switch does what its help says, through the real command.
#[test]
fn switches_reach_the_server() {
    let folder = site();
    std::fs::write(folder.path().join(".hidden"), "hidden").expect("a file");
    std::fs::write(folder.path().join("start.html"), "start").expect("a file");
    std::fs::write(folder.path().join("text.txt"), "text ".repeat(1000)).expect("a file");
    let gzip = &[("Accept-Encoding", "gzip")][..];
    let get = |arguments: &[&str], target: &str, fields: &[(&str, &str)]| {
        let mut command = command();
        command.args(["--log-format", "off"]).args(arguments);
        let program = Program::start(command.arg(folder.path()));
        let mut client = program.connect();
        client.send(&request("GET", target, fields));
        client.response("GET")
    };
    assert_eq!(get(&[], "/", &[]).status, 200);
    assert_eq!(get(&["--no-listing"], "/", &[]).status, 404);
    assert_eq!(get(&["--index", "start.html"], "/", &[]).text(), "start");
    assert_eq!(get(&[], "/.hidden", &[]).status, 404);
    assert_eq!(get(&["--include-hidden"], "/.hidden", &[]).text(), "hidden");
    let coding =
        |response: support::Response| response.field("Content-Encoding").map(str::to_owned);
    assert_eq!(coding(get(&[], "/text.txt", gzip)).as_deref(), Some("gzip"));
    assert_eq!(coding(get(&["--no-compress"], "/text.txt", gzip)), None);
    let long = format!("/{}", "a".repeat(600));
    assert_eq!(get(&["--max-target", "512"], &long, &[]).status, 414);
    assert_eq!(get(&["--max-fields", "1"], "/", gzip).status, 431);
    assert_eq!(
        get(&["--cache-memory", "0"], "/text.txt", &[]).body.len(),
        5000
    );
}

/// What a server says that listens at this address, up to the end of its banner.
fn said_at(address: &str, mut command: Command, root: &Path) -> String {
    command.args(["--log-format", "off", "--port", "0", "--bind", address]);
    Program::start_as_told(command.arg(root)).banner.clone()
}

#[track_caller]
fn check_warned(said: &str, warning: &str, is_wanted: bool) {
    let mut lines = said.lines();
    let is_said =
        lines.any(|line| line.starts_with("docroot: warning: ") && line.contains(warning));
    assert_eq!(is_said, is_wanted, "{warning}: {said}");
}

#[test]
fn private_files_and_hidden_files_are_warned_about_if_others_can_connect() {
    let folder = site();
    let hidden = |address: &str| {
        let mut command = command();
        command.arg("--include-hidden");
        said_at(address, command, folder.path())
    };
    check_warned(&hidden("0.0.0.0"), "leave out --include-hidden", true);
    check_warned(&hidden("127.0.0.1"), "warning", false);
    let said = || said_at("0.0.0.0", command(), folder.path());
    check_warned(&said(), "private files", false);
    check_warned(&said(), "--include-hidden", false);
    std::fs::create_dir(folder.path().join(".ssh")).expect("a folder");
    check_warned(
        &said(),
        ".ssh\"; serve a directory that has only public files",
        true,
    );
    check_warned(&hidden("127.0.0.1"), "warning", false);
    let system = said_at("0.0.0.0", command(), Path::new("/"));
    check_warned(
        &system,
        "serve a directory that has only public files",
        true,
    );
}

#[test]
fn the_home_directory_is_warned_about_if_others_can_connect() {
    let folder = site();
    let said = |address: &str| {
        let mut command = command();
        command.env("HOME", folder.path());
        said_at(address, command, folder.path())
    };
    check_warned(&said("0.0.0.0"), "is your home directory", true);
    check_warned(&said("127.0.0.1"), "is your home directory", false);
}

#[test]
fn private_files_that_may_not_be_read_are_not_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let folder = site();
    let private = folder.path().join(".ssh");
    std::fs::create_dir(&private).expect("a folder");
    let none = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(&private, none).expect("a mode");
    let Some(command) = unprivileged() else {
        return;
    };
    check_warned(
        &said_at("0.0.0.0", command, folder.path()),
        "private",
        false,
    );
}

#[test]
fn root_is_warned_if_others_can_connect() {
    let folder = site();
    let is_root = rustix::process::geteuid().is_root();
    let warning = "add --user with the name of a user that can read only the served files";
    check_warned(
        &said_at("0.0.0.0", command(), folder.path()),
        warning,
        is_root,
    );
    check_warned(
        &said_at("127.0.0.1", command(), folder.path()),
        warning,
        false,
    );
    if !is_root {
        skipped("only root is warned, and the tests run as another user");
    }
}

/// The environment of the tests has no desktop.
#[test]
fn without_a_desktop_the_server_says_so_and_goes_on() {
    if !cfg!(target_os = "linux") {
        return skipped("only Linux can tell");
    }
    let folder = site();
    let mut command = command();
    command
        .args(["--open", "--log-format", "off"])
        .arg(folder.path());
    let program = Program::start(&mut command);
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    let want = format!("open http://{}/ yourself\n", program.address);
    program.signal(Signal::TERM);
    let (status, said) = program.wait();
    assert_eq!(status.code(), Some(0));
    assert!(said.starts_with("docroot: cannot open a browser"), "{said}");
    assert!(said.ends_with(&want) && said.lines().count() == 1, "{said}");
}

/// The program of the desktop tries several browsers before it fails. Requests do not wait for it.
#[test]
fn a_browser_that_fails_late_is_told() {
    if !cfg!(target_os = "linux") {
        return skipped("only Linux can tell");
    }
    let folder = site();
    let programs = tempfile::tempdir().expect("a folder");
    let xdg_open = programs.path().join("xdg-open");
    std::fs::write(&xdg_open, "#!/bin/sh\n/bin/sleep 0.6\nexit 4\n").expect("a file");
    std::fs::set_permissions(&xdg_open, Permissions::from_mode(0o755)).expect("a mode");
    let mut command = command();
    command.env("DISPLAY", ":9").env("PATH", programs.path());
    command
        .args(["--open", "--log-format", "off"])
        .arg(folder.path());
    let program = Program::start(&mut command);
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    let want = format!(
        "docroot: cannot open the browser: xdg-open failed (exit status: 4); open http://{}/ yourself\n",
        program.address
    );
    program.until_said(&want);
}

#[test]
fn the_banner_has_a_code_for_the_address_in_the_local_network() {
    let addresses = outward_addresses();
    let Some(lan) = addresses.first() else {
        return skipped("this machine has no network");
    };
    let folder = site();
    let said = |bind: &str, qr: &str| {
        let mut command = command();
        command.arg(qr);
        said_at(bind, command, folder.path())
    };
    let scan = |banner: &str| {
        banner
            .lines()
            .any(|line| line.starts_with("Scan this code"))
    };
    let banner = said("lan", "--qr");
    let begin = format!(
        "  http://{}:",
        SocketAddr::new(*lan, 0).to_string().trim_end_matches(":0")
    );
    assert!(banner.contains(&begin) && scan(&banner), "{banner}");
    assert!(!scan(&said("lan", "--qr=never")));
    // Nobody scans a pipe.
    assert!(!scan(&said("lan", "--no-compress")));
    let local = said("127.0.0.1", "--qr");
    assert!(
        local.contains("so there is no QR code. Use --bind lan"),
        "{local}"
    );
}

#[test]
fn a_variable_that_docroot_does_not_read_is_warned_about() {
    let folder = site();
    let mut command = command();
    command.env("DOCROOT_PROT", "1");
    command.env("DOCROOT_SERVICE_HOST", "192.0.2.1");
    command.env("DOCROOT_PATH", folder.path());
    let program = Program::start(&mut command);
    let warned = program
        .banner
        .lines()
        .filter(|line| line.contains("warning"));
    let want = "docroot: warning: unknown variable 'DOCROOT_PROT'; \
                did you mean DOCROOT_PORT?";
    assert_eq!(warned.collect::<Vec<_>>(), [want]);
    // The folder of the variable is served.
    let mut client = program.connect();
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").text(), "here");
    let output = run(&[("DOCROOT_INDX", "x")], &["explain", "/"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert!(said.ends_with("did you mean DOCROOT_INDEX?\n"), "{said}");
}

/// The operator knows what the banner says, but may not know what a warning says.
#[test]
fn warnings_are_also_said_quietly() {
    let folder = site();
    let port = free_port().to_string();
    let mut child = command()
        .args([
            "--quiet",
            "--include-hidden",
            "--bind",
            "0.0.0.0",
            "--port",
            &port,
        ])
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut client = connect_when_it_listens(&port);
    client.send(&request("GET", "/a.txt", &[]));
    assert_eq!(client.response("GET").status, 200);
    assert_eq!(end(&mut child), Some(0));
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("text");
    check_warned(&said, "--include-hidden", true);
    assert!(
        said.lines()
            .all(|line| line.starts_with("docroot: warning: ")),
        "{said}"
    );
}
