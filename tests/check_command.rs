//! `docroot check`: what it finds, how it prints that, and its exit status.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
#[cfg(feature = "config-file")]
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::program::{command, unprivileged};

/// What a check says.
struct Said {
    status: i32,
    text: String,
    error: String,
}

/// A check in a new folder, in which `prepare` may add to the empty `www`.
fn check(prepare: impl FnOnce(&Path), arguments: &[&str]) -> Said {
    check_with(command(), prepare, arguments)
}

fn check_with(mut command: Command, prepare: impl FnOnce(&Path), arguments: &[&str]) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("www")).expect("a folder");
    prepare(folder.path());
    command
        .current_dir(&folder)
        .args(["check", "-p", "0"])
        .args(arguments);
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said {
        status: output.status.code().expect("it exits"),
        text: text(output.stdout),
        error: text(output.stderr),
    }
}

impl Said {
    #[track_caller]
    fn has(&self, line: &str) -> &Said {
        let is_told = self.text.lines().any(|told| told.contains(line));
        assert!(is_told, "{line} is not in {}", self.text);
        self
    }
}

fn nothing(_: &Path) {}

#[test]
fn every_error_is_found_at_once() {
    let said = check(nothing, &["--bind", "192.0.2.1", "absent"]);
    said.has("error: \"absent\" does not exist")
        .has("error: 192.0.2.1 is not an address of this machine");
    assert_eq!(said.status, 2);
    assert!(said.text.contains("\n2 errors, "), "{}", said.text);
}

#[cfg(feature = "auth")]
#[test]
fn users_are_read() {
    let prepare = |folder: &Path| fs::write(folder.join("users"), "no user").expect("a file");
    let said = check(prepare, &["--auth-file", "users", "--auth", "/**", "www"]);
    assert_eq!(said.status, 2, "{}", said.text);
    let names_file = |line: &str| line.starts_with("error: ") && line.contains("users");
    assert!(said.text.lines().any(names_file), "{}", said.text);
}

/// Nobody writes to the FIFO.
#[cfg(all(feature = "auth", feature = "tls"))]
#[test]
fn no_file_keeps_a_check_waiting() {
    use std::process::Stdio;
    use std::time::Duration;
    use support::pause;

    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).expect("a FIFO");
    let mut command = command();
    command.current_dir(&folder).env("TZ", &fifo);
    command.args(["check", "-p", "0", "--auth", "/**"]);
    command.args([
        "--auth-file",
        "fifo",
        "--tls-cert",
        "fifo",
        "--tls-key",
        "k",
    ]);
    let command = command.args(["--tls-client-ca", "fifo", "--log-file", "fifo", "."]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let has_ended = |_| {
        pause(Duration::from_millis(50));
        child.try_wait().expect("a child").is_some()
    };
    let has_ended = (0..1200).any(has_ended);
    child.kill().expect("a child");
    assert!(has_ended, "it waits for the FIFO");
    let text = child.wait_with_output().expect("it has ended").stdout;
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(
        text.contains("--log-file \"fifo\" cannot be opened"),
        "{text}"
    );
    let refused = text.matches("\"fifo\" is not a regular file").count();
    assert!(refused >= 2, "{text}");
}

#[cfg(feature = "tls")]
#[test]
fn certificates_are_read() {
    let said = check(
        nothing,
        &["--tls-cert", "c.pem", "--tls-key", "k.pem", "www"],
    );
    said.has("error: \"c.pem\" cannot be read");
    assert_eq!(said.status, 2);
    let said = check(nothing, &["--tls-self-signed", "www"]);
    assert_eq!(said.status, 0, "{}", said.text);
}

#[test]
fn a_warning_fails_only_a_strict_check() {
    let prepare = |folder: &Path| fs::create_dir(folder.join("www/.git")).expect("a folder");
    for (options, status) in [(&["www"][..], 0), (&["--strict", "www"], 1)] {
        let said = check(prepare, options);
        said.has("warning: \"www\" has a .git folder, which docroot hides");
        assert_eq!(said.status, status, "{}", said.text);
    }
    let said = check(prepare, &["--include-hidden", "www"]);
    said.has(".git folder, and clients can read it");
}

#[test]
fn what_a_server_warns_about_is_found() {
    let said = check(nothing, &["--spa=app.html", "www"]);
    said.has("warning: the page of --spa, \"app.html\", does not exist in \"www\"");
    let folder = |root: &Path| fs::create_dir(root.join("www/app")).expect("a folder");
    let said = check(folder, &["--spa=app", "www"]);
    said.has("warning: the page of --spa, \"app\", is not a file in \"www\"; name a file");
    let with_variable = {
        let mut command = command();
        command.env("DOCROOT_PROT", "1");
        command
    };
    check_with(with_variable, nothing, &["www"]).has("warning: unknown variable 'DOCROOT_PROT'");
}

/// A service manager starts docroot in `/`.
#[cfg(feature = "config-file")]
#[test]
fn a_folder_that_nobody_has_named_is_told() {
    let with_file = |text: &str, directory: Option<&str>, arguments: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("docroot.toml");
        fs::write(&file, text).expect("a file");
        let directory = directory.map_or(folder.path(), Path::new);
        let mut command = command();
        command.current_dir(directory).env("PWD", directory);
        command.args(["check", "-p", "0", "--config"]).arg(&file);
        let output = command.args(arguments).output().expect("it runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let want =
        "warning: the configuration file names no path, so docroot serves its current directory, ";
    let said = with_file("", Some("/"), &[]);
    let advice =
        "\"/\"; add path = \"DIRECTORY\" to the file, or name the directory behind the options\n";
    assert!(said.contains(&format!("{want}{advice}")), "{said}");
    let everything = "warning: docroot serves the whole file system, \"/\", to whoever can connect";
    assert!(said.contains(everything), "{said}");
    let named = with_file("path = '/'", None, &[]);
    assert!(
        named.contains(everything) && !named.contains(want),
        "{named}"
    );
    for (text, arguments) in [
        ("path = '.'", &[] as &[&str]),
        ("", &["."]),
        ("site = 'a.test=.'", &[]),
    ] {
        let said = with_file(text, None, arguments);
        assert!(!said.contains(want), "{text}: {said}");
    }
    let said = check(nothing, &[]);
    assert!(!said.text.contains(want), "{}", said.text);
}

#[test]
fn a_port_in_use_is_told_and_is_not_taken() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address");
    let port = address.port().to_string();
    let options = ["-b", "127.0.0.1", "-p", &port, "www"];
    let said = check(nothing, &options);
    said.has(&format!("note: {address} is already in use"));
    assert_eq!(said.status, 0);
    drop(other);
    let said = check(nothing, &options);
    assert!(!said.text.contains("in use"), "{}", said.text);
}

/// The administrative listener is tried like the others.
#[test]
fn the_address_for_operators_is_checked() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let said = check(nothing, &["--admin", &address, "www"]);
    said.has(&format!("note: {address} is already in use"));
    assert_eq!(said.status, 0);
    let said = check(nothing, &["--admin", "192.0.2.1:9090", "www"]);
    said.has("error: 192.0.2.1 is not an address of this machine");
    let said = check(nothing, &["--admin", "unix:absent/s", "www"]);
    said.has("error: ").has("create its folder");
    let said = check(nothing, &["--admin", "0.0.0.0:0", "www"]);
    said.has("warning: --admin listens on every address");
}

/// A server would not put its socket in the place of other files.
#[test]
fn the_file_for_the_next_server_is_checked() {
    let text = |folder: &Path| fs::write(folder.join("s"), "text").expect("a file");
    let said = check(text, &["--take-over", "s", "www"]);
    said.has("error: \"s\" exists and is not a socket");
    let said = check(nothing, &["--take-over", "absent/s", "www"]);
    said.has("error: ").has("create its folder");
    let said = check(nothing, &["--take-over", "s", "www"]);
    assert_eq!(said.status, 0);
}

#[test]
fn who_may_not_read_or_listen_is_told() {
    let Some(command) = unprivileged() else {
        return;
    };
    let forbid = |folder: &Path| {
        let mode = fs::Permissions::from_mode(0o000);
        fs::set_permissions(folder.join("www"), mode).expect("a mode");
    };
    let said = check_with(command, forbid, &["-p", "80", "www"]);
    assert_eq!(said.status, 2);
    said.has("error: \"www\" cannot be read");
    // Some systems let everybody use all ports.
    let lowest = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if lowest.is_ok_and(|lowest| lowest.trim() == "1024") {
        said.has("error: port 80 needs privileges");
    }
}

/// A server would answer 403 to every request.
#[test]
fn a_single_file_that_may_not_be_read_is_an_error() {
    let Some(command) = unprivileged() else {
        return;
    };
    let secret = |folder: &Path| {
        fs::write(folder.join("a.txt"), "here").expect("a file");
        set_mode(&folder.join("a.txt"), 0o000);
    };
    let said = check_with(command, secret, &["a.txt"]);
    said.has("error: \"a.txt\" cannot be read");
    assert_eq!(said.status, 2);
    let public = |folder: &Path| fs::write(folder.join("a.txt"), "here").expect("a file");
    let said = check(public, &["a.txt"]);
    assert_eq!(said.status, 0, "{}", said.text);
}

/// How the kernel would confine a server that does not start is of no use.
#[test]
fn a_server_that_does_not_start_reads_nothing() {
    for arguments in [&["absent"][..], &["--site", "a.example=absent", "www"]] {
        let said = check(nothing, arguments);
        assert_eq!(said.status, 2, "{}", said.text);
        assert!(!said.text.contains("Landlock"), "{}", said.text);
    }
}

/// The start says the same, before it opens anything.
#[test]
fn options_that_name_the_same_place_to_listen_are_a_mistake() {
    let admin = "--admin cannot use port 9180, because the site uses it";
    for (arguments, want) in [
        (
            &["-b", "127.0.0.1", "-p", "9180", "--admin", "127.0.0.1:9180"][..],
            admin,
        ),
        (
            &["-b", "unix:s", "--admin", "unix:./s"],
            "--bind and --admin name the same socket",
        ),
    ] {
        for first in [&["check"][..], &[]] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = command();
            command.current_dir(&folder).args(first).args(arguments);
            let output = command.output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains(want), "{arguments:?}: {said}");
            assert_eq!(output.status.code(), Some(2));
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_root_that_everyone_may_change_is_told() {
    let want = "warning: every user of this machine can change what docroot serves";
    for (name, mode, is_told) in [
        ("www", 0o777, true),
        ("www", 0o1777, false),
        ("www", 0o775, false),
        ("a.txt", 0o646, true),
        ("a.txt", 0o664, false),
    ] {
        let prepare = |folder: &Path| {
            fs::write(folder.join("a.txt"), "here").expect("a file");
            set_mode(&folder.join(name), mode);
        };
        let said = check(prepare, &[name]);
        assert_eq!(said.text.contains(want), is_told, "{mode:o} {}", said.text);
    }
    let prepare = |folder: &Path| {
        fs::create_dir(folder.join("other")).expect("a folder");
        set_mode(&folder.join("other"), 0o777);
    };
    let said = check(prepare, &["--site", "a.example=other", "www"]);
    said.has(want).has("\"other\"");
}

#[cfg(feature = "auth")]
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuRLLNyjJbQpQTdGLfZoKfcqfSOvvQOFW";

#[cfg(feature = "auth")]
#[test]
fn a_password_file_that_others_may_read_or_change_is_told() {
    for (mode, want) in [
        (0o600, None),
        (0o640, None),
        (0o660, None),
        (
            0o644,
            Some("warning: other users can read the password file \"users\" (its mode is 644)"),
        ),
        (
            0o666,
            Some("warning: other users can change the password file \"users\" (its mode is 666)"),
        ),
    ] {
        let prepare = |folder: &Path| {
            fs::write(folder.join("users"), format!("alice:{HASH}\n")).expect("a file");
            set_mode(&folder.join("users"), mode);
        };
        let said = check(prepare, &["--auth-file", "users", "--auth", "/**", "www"]);
        match want {
            Some(want) => drop(said.has(want).has("run chmod o-rw")),
            None => assert!(!said.text.contains("password file"), "{}", said.text),
        }
    }
}

/// Only a configuration file with hashes is a secret. Nobody else should change any.
#[cfg(all(feature = "auth", feature = "config-file"))]
#[test]
fn a_configuration_file_that_others_may_read_or_change_is_told() {
    let hashes = format!("auth = [\"/** alice:{HASH}\"]\n");
    let (read, change) = (
        "warning: other users can read the configuration file \"c.toml\" (its mode is 644)",
        "warning: other users can change the configuration file \"c.toml\" (its mode is 666)",
    );
    for (mode, text, want) in [
        (0o640, &*hashes, None),
        (0o644, &*hashes, Some(read)),
        (0o644, "quiet = true\n", None),
        (0o666, "quiet = true\n", Some(change)),
    ] {
        let prepare = |folder: &Path| {
            fs::write(folder.join("c.toml"), text).expect("a file");
            set_mode(&folder.join("c.toml"), mode);
        };
        let said = check(prepare, &["--config", "c.toml", "www"]);
        match want {
            Some(want) => drop(said.has(want).has("run chmod o-rw")),
            None => assert!(!said.text.contains("configuration"), "{}", said.text),
        }
    }
}

/// A link or another name of the file lets clients read it too.
#[cfg(feature = "config-file")]
#[test]
fn a_secret_that_another_name_leads_to_is_told() {
    const FOLLOW: &str = "--follow-symlinks";
    let key = |folder: &Path| {
        fs::create_dir(folder.join("tls")).expect("a folder");
        fs::write(folder.join("tls/c.toml"), "").expect("a file");
    };
    type Lead = fn(&Path);
    let cases: [(Lead, &str, &[&str], Option<&str>); 6] = [
        (
            |at| symlink("../tls/c.toml", at.join("www/c")).expect("a link"),
            "tls/c.toml",
            &[FOLLOW],
            Some("www/c"),
        ),
        (
            |at| symlink("../tls", at.join("www/d")).expect("a link"),
            "tls/c.toml",
            &[FOLLOW],
            Some("www/d/c.toml"),
        ),
        (
            |at| symlink("../tls/c.toml", at.join("www/c")).expect("a link"),
            "tls/c.toml",
            &[],
            None,
        ),
        (
            |at| symlink("../tls/c.toml", at.join("www/.c")).expect("a link"),
            "tls/c.toml",
            &[FOLLOW],
            None,
        ),
        (
            |at| fs::hard_link(at.join("tls/c.toml"), at.join("www/c")).expect("a name"),
            "tls/c.toml",
            &[],
            Some("www/c"),
        ),
        (
            |at| {
                fs::create_dir(at.join("www/sub")).expect("a folder");
                symlink("../../tls", at.join("www/sub/d")).expect("a link");
            },
            "www/sub/d/c.toml",
            &[FOLLOW],
            Some("www/sub/d/c.toml"),
        ),
    ];
    for (number, (lead, config, options, want)) in cases.into_iter().enumerate() {
        let prepare = |folder: &Path| {
            key(folder);
            lead(folder);
        };
        let said = check(prepare, &[options, &["--config", config, "www"]].concat());
        let mut lines = said.text.lines();
        let told = lines.find(|line| line.contains("docroot serves its own configuration file"));
        assert_eq!(told.is_some(), want.is_some(), "{number}: {}", said.text);
        if let (Some(told), Some(want)) = (told, want) {
            assert!(told.contains(&format!("{want}\"")), "{number}: {told}");
        }
    }
}

#[test]
fn a_report_for_programs_says_the_same() {
    let arguments = ["--format", "json", "absent"];
    let said = check(nothing, &arguments);
    let report: Value = serde_json::from_str(&said.text).expect("JSON");
    assert_eq!(report["errors"], 1);
    let first = &report["findings"][0];
    assert_eq!(first["severity"], "error");
    let text = first["text"].as_str().expect("a text");
    assert!(text.starts_with("\"absent\" does not exist"), "{text}");
    let findings = report["findings"].as_array().expect("a list");
    let warnings = findings.iter().filter(|one| one["severity"] == "warning");
    assert_eq!(report["warnings"], warnings.count());
    assert_eq!(said.status, 2);
}

#[test]
fn mistakes_in_the_arguments_are_those_of_a_server() {
    let said = check(nothing, &["--prot", "1", "www"]);
    assert_eq!(said.status, 2);
    assert!(said.error.contains("--port"), "{}", said.error);
    assert!(said.text.is_empty());
    let said = check(nothing, &["--method", "GET", "www"]);
    assert_eq!(said.status, 2);
    assert!(said.error.contains("--method"), "{}", said.error);
}

/// A program that asks for JSON gets it whatever is wrong.
#[test]
fn mistakes_in_the_arguments_are_reported_to_programs() {
    for (arguments, want) in [
        (&["--format", "json", "--prot", "1", "www"][..], "--port"),
        (&["--prot", "1", "--format=json", "www"], "--port"),
        (&["--format", "json", "--port", "x", "www"], "--port"),
        (&["--format", "json", "--cache", "x", "www"], "--cache"),
    ] {
        let said = check(nothing, arguments);
        assert_eq!((said.status, &*said.error), (2, ""), "{arguments:?}");
        let report: Value = serde_json::from_str(&said.text).expect("JSON");
        assert_eq!(
            (&report["errors"], &report["warnings"]),
            (&1.into(), &0.into())
        );
        let text = report["findings"][0]["text"].as_str().expect("a text");
        assert!(text.contains(want), "{text}");
    }
    let said = check(nothing, &["--format", "xml", "www"]);
    assert!(said.error.contains("--format"), "{}", said.error);
}
