//! `--live-reload` in folders that are not as usual. Each test has a process of its own.
#![cfg(all(feature = "live-reload", target_os = "linux"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the clock")]

mod support;

use std::fs::{self, File, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use support::live_page::{ENDPOINT, LivePage};
use support::program::{Program, command, skipped, unprivileged};
use support::{Setup, request, until};
use tungstenite::client::IntoClientRequest;

const RELOAD: &str = r#"{"reload":true}"#;

fn serve(command: &mut Command, root: &Path) -> Program {
    command.args(["--live-reload", "--log-format", "off"]);
    Program::start(command.arg(root))
}

fn page(program: &Program) -> LivePage {
    LivePage::connect(program.address, ENDPOINT, "0")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// More folders than events may wait.
#[test]
fn folders_that_cannot_be_read_do_not_hinder_the_others() {
    let Some(mut command) = unprivileged() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let closed = |number: u32| folder.path().join(format!("closed/{number}"));
    for number in 0..1100 {
        fs::create_dir_all(closed(number)).expect("a folder");
        set_mode(&closed(number), 0);
    }
    fs::create_dir(folder.path().join("open")).expect("a folder");
    let program = serve(&mut command, folder.path());
    let mut page = page(&program);
    fs::write(folder.path().join("open/a.css"), "").expect("written");
    assert_eq!(page.told(), r#"{"changed":["open/a.css"]}"#);
    set_mode(&closed(7), 0o700);
    assert_eq!(page.told(), r#"{"changed":["closed/7"]}"#);
    fs::write(closed(7).join("b.css"), "").expect("written");
    assert_eq!(page.told(), r#"{"changed":["closed/7/b.css"]}"#);
    // The same for a file, whose response becomes another one.
    for mode in [0, 0o644] {
        set_mode(&closed(7).join("b.css"), mode);
        assert_eq!(page.told(), r#"{"changed":["closed/7/b.css"]}"#);
    }
    assert_eq!(program.said(), "");
    for number in 0..1100 {
        set_mode(&closed(number), 0o700);
    }
}

/// Such as one that another user has left in the folder. Nothing but its mode ever changes, and more than are noted.
#[test]
fn a_file_that_could_not_be_read_at_the_start_is_told_when_it_can() {
    let check = |closed: usize| {
        let Some(mut command) = unprivileged() else {
            return;
        };
        let folder = tempfile::tempdir().expect("a folder");
        set_mode(folder.path(), 0o755);
        let page_at = |number: usize| folder.path().join(format!("in/{number}.html"));
        fs::create_dir(folder.path().join("in")).expect("a folder");
        for number in 0..closed {
            fs::write(page_at(number), "a page").expect("written");
            // Otherwise its time of modification is that of the change, as after `touch`.
            let file = File::options().write(true).open(page_at(number));
            let long_ago = SystemTime::now() - Duration::from_secs(1000);
            let set = |file: File| file.set_modified(long_ago);
            file.and_then(set).expect("its time");
            set_mode(&page_at(number), 0);
        }
        let program = serve(&mut command, folder.path());
        let mut page = page(&program);
        for number in [0, closed - 1] {
            set_mode(&page_at(number), 0o644);
            let want = format!(r#"{{"changed":["in/{number}.html"]}}"#);
            assert_eq!(page.told(), want, "of {closed}");
        }
    };
    check(2);
    check(1100);
}

#[test]
fn the_log_of_the_server_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let mut command = command();
    command.args(["--live-reload", "--log-format", "combined"]);
    command.arg(folder.path());
    command.stdout(File::create(&log).expect("a file"));
    let program = Program::start(&mut command);
    let mut page = page(&program);
    let mut client = program.connect();
    client.send(&request("GET", "/", &[]));
    assert_eq!(client.response("GET").status, 200);
    until("the log has the request", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("GET / HTTP/1.1"))
    });
    fs::write(folder.path().join("a.css"), "").expect("written");
    assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
}

/// Neither the access log nor the error log, also after they were renamed.
#[test]
fn logs_in_files_do_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.current_dir(folder.path());
    command.args(["--live-reload", "--log-file", "log.txt"]);
    command.args(["--error-log", "errors.txt", "."]);
    let program = Program::start(&mut command);
    let mut page = page(&program);
    let mut client = program.connect();
    let mut ask = || {
        client.send(&request("GET", "/", &[]));
        assert_eq!(client.response("GET").status, 200);
        let log = fs::read_to_string(folder.path().join("log.txt"));
        log.is_ok_and(|text| text.contains("GET / HTTP/1.1"))
    };
    until("the log has the request", &mut ask);
    fs::write(folder.path().join("a.css"), "").expect("written");
    assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
    fs::rename(folder.path().join("log.txt"), folder.path().join(".old")).expect("renamed");
    until("another log has the request", &mut ask);
    fs::write(folder.path().join("b.css"), "").expect("written");
    assert_eq!(page.told(), r#"{"changed":["b.css"]}"#);
}

/// The shell has a name for the current directory, to which another one may be moved.
#[test]
fn a_relative_root_can_be_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("dist");
    fs::create_dir(&root).expect("a folder");
    let mut command = command();
    command.current_dir(&root).env("PWD", &root);
    let program = serve(&mut command, Path::new("."));
    let mut page = page(&program);
    fs::rename(&root, folder.path().join("old")).expect("renamed");
    fs::create_dir(&root).expect("made again");
    assert_eq!(page.told(), RELOAD);
    fs::write(root.join("a.css"), "").expect("written");
    assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
}

/// The old directory still changes, and so fast that the server never waits in vain.
#[test]
fn a_root_can_be_replaced_while_something_changes_that_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("dist");
    fs::create_dir(&root).expect("a folder");
    let program = serve(&mut command(), &root);
    let mut page = page(&program);
    let old = folder.path().join("old");
    fs::rename(&root, &old).expect("renamed");
    fs::create_dir(&root).expect("made again");
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let busy = thread::spawn(move || {
        while ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            fs::write(old.join(".hidden"), "").expect("written");
        }
    });
    assert_eq!(page.told(), RELOAD);
    drop(end);
    busy.join().expect("it ends");
}

/// There are more events than may wait.
#[test]
fn after_many_changes_new_folders_are_watched() {
    let server = Setup::new()
        .with(|config| config.site.live_reload = true)
        .start();
    let mut page = LivePage::connect(server.address, ENDPOINT, "0");
    for number in 0..100 {
        for file in 0..50 {
            server.write(&format!("{number}/{file}/a.css"), "");
        }
    }
    server.write("last/a.html", "");
    // The server may need several looks until it has seen all of them.
    for number in 0.. {
        server.write("last/b.css", number.to_string());
        server.write("99/49/b.css", number.to_string());
        if page.told() == r#"{"changed":["99/49/b.css","last/b.css"]}"# {
            break;
        }
    }
}

#[test]
fn long_names_are_not_listed() {
    let server = Setup::new()
        .with(|config| config.site.live_reload = true)
        .start();
    let mut page = LivePage::connect(server.address, ENDPOINT, "0");
    let name = |number: u32| format!("{number:0>250}.css");
    server.write(&name(1), "");
    assert_eq!(page.told(), format!("{{\"changed\":[\"{}\"]}}", name(1)));
    for number in 0..20 {
        server.write(&name(number), "");
    }
    assert_eq!(page.told(), RELOAD);
}

/// What a build takes between two changes, at most. If it takes longer, docroot may think that it is over.
const BREAK: Duration = Duration::from_millis(50);

/// Deletes the root, and writes it again for longer than a group of changes takes to end. Returns whether the
/// machine was too busy to do so without a break.
fn build(root: &Path) -> bool {
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    fs::remove_dir_all(root).expect("removed");
    for number in 0..40 {
        let folder = root.join(number.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        for file in 0..100 {
            fs::write(folder.join(format!("{file}.html")), "text").expect("written");
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
    }
    longest >= BREAK
}

#[test]
fn a_build_that_replaces_the_root_is_one_change() {
    const AFTER: &str = r#"{"changed":["after.css"]}"#;
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("dist");
    fs::create_dir(&root).expect("a folder");
    let program = serve(&mut command(), &root);
    let mut page = page(&program);
    for _ in 0..3 {
        let had_breaks = build(&root);
        let mut told = page.told();
        // The style sheet of the build before may have been told of twice.
        while told == AFTER {
            told = page.told();
        }
        assert_eq!(told, RELOAD);
        fs::write(root.join("after.css"), "").expect("written");
        told = page.told();
        while had_breaks && told == RELOAD {
            // This may have been the rest of the build and the style sheet together.
            fs::write(root.join("after.css"), "").expect("written");
            told = page.told();
        }
        assert_eq!(told, AFTER);
    }
}

/// Serves the folder in a user namespace that may watch this many directories. `None` if the tests may not make
/// one.
fn serve_with_watches(most: u8, folder: &Path) -> Option<Program> {
    let limit = format!("echo {most} >/proc/sys/user/max_inotify_watches");
    let prepare = |script: String| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    };
    let probe = prepare(limit.clone()).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skipped("the tests cannot limit the watches of a user namespace");
        return None;
    }
    let mut command = prepare(format!("{limit} && exec \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_docroot"));
    Some(serve(&mut command, folder))
}

/// What the operator is told about watches, once it is there.
fn told_of_watches(program: &Program) -> String {
    const END: &str = "raise fs.inotify.max_user_watches\n";
    let told = || program.banner.clone() + &program.said();
    until("the program says so", || told().contains(END));
    let told = told();
    let line = told.lines().find(|line| line.contains("inotify"));
    line.expect("it was there").to_owned()
}

const NO_WATCHES: &str = "docroot: cannot watch the files: your user has no inotify watches left. So live reload \
                          scans the files once a second. To let docroot watch them, raise fs.inotify.max_user_watches";

#[test]
fn too_many_folders_are_scanned() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a", "b", "c"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let Some(program) = serve_with_watches(2, folder.path()) else {
        return;
    };
    assert_eq!(told_of_watches(&program), NO_WATCHES);
    let mut page = page(&program);
    fs::write(folder.path().join("c/a.css"), "1").expect("a file");
    assert_eq!(page.told(), r#"{"changed":["c/a.css"]}"#);
}

#[test]
fn folders_are_scanned_once_the_watches_run_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = serve_with_watches(2, folder.path()) else {
        return;
    };
    let mut page = page(&program);
    fs::write(folder.path().join("a.css"), "1").expect("a file");
    assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
    assert!(!program.said().contains("inotify"), "{}", program.said());
    fs::create_dir_all(folder.path().join("b/c")).expect("folders");
    assert_eq!(told_of_watches(&program), NO_WATCHES);
    // What happened meanwhile is unknown.
    assert_eq!(page.told(), RELOAD);
    fs::write(folder.path().join("b/c/a.css"), "1").expect("a file");
    assert_eq!(page.told(), r#"{"changed":["b/c/a.css"]}"#);
}

/// A proxy ends TLS, and forwards the host that the browser sent.
#[test]
fn a_proxy_may_end_tls() {
    let server = Setup::new()
        .with(|config| config.site.live_reload = true)
        .start();
    let url = format!("ws://{}{ENDPOINT}", server.address);
    let mut request = url.into_client_request().expect("a request");
    for (name, value) in [
        ("Host", "site.example"),
        ("Origin", "https://site.example"),
        ("X-Forwarded-Proto", "https"),
    ] {
        let value = value.parse().expect("a value");
        request.headers_mut().insert(name, value);
    }
    let stream = TcpStream::connect(server.address).expect("a connection");
    tungstenite::client(request, stream).expect("a WebSocket");
}
