//! What the process gives up before it serves: root, and everything that it does not need.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use docroot::net::config::Config;
use docroot::net::privileges::confine::{Confined, confine};
use docroot::net::privileges::options::Landlock;
use docroot::net::privileges::reach::Reach;
use rustix::process::{Pid, Signal, kill_process};
use support::program::{Program, command, command_without, free_port, needs_root, skipped};
use support::unit::{UNIT, systemd_analyze};
use support::{Response, request, until};

/// The version of Landlock that this kernel has. `None`: it has none.
fn landlock() -> Option<u32> {
    let confined = thread::spawn(|| confine(Landlock::Auto, Reach::default())).join();
    match confined.expect("no panic") {
        Ok(Confined::Yes(confinement)) => Some(confinement.abi),
        _ => None,
    }
}

/// Skips the test if the kernel does not have this version of Landlock.
macro_rules! needs_landlock {
    ($abi:expr) => {
        if landlock().is_none_or(|abi| abi < $abi) {
            return skipped("this kernel has no Landlock, or an old one");
        }
    };
}

/// A folder that others may enter. Its name is not hidden, so links may lead there.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("place").tempdir();
    let folder = folder.expect("a folder");
    set_mode(folder.path(), 0o755);
    folder
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// A folder with a site, and a file beside it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let root = folder.path().join("www");
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("a.txt"), "here").expect("a file");
    fs::write(folder.path().join("beside.txt"), "beside").expect("a file");
    (folder, root)
}

#[track_caller]
fn status(server: &Program, target: &str) -> u16 {
    response(server, target).status
}

fn response(server: &Program, target: &str) -> Response {
    let mut client = server.connect();
    client.send(&request("GET", target, &[]));
    client.response("GET")
}

/// What a program says that does not start.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let output: Output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// The values of a field for each thread of a program.
fn of_threads(server: &Program, field: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.child.id())).expect("threads");
    let value = |task: io::Result<fs::DirEntry>| {
        // A thread may have ended meanwhile.
        let status = fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    tasks.filter_map(value).collect()
}

/// Asks for files that workers and disk threads read, so that there are such threads.
fn make_threads(server: &Program) {
    for target in ["/", "/a.txt", "/absent"] {
        status(server, target);
    }
}

/// Runs `work` on a thread that is confined to a server of `root`.
fn confined<T: Send>(root: &Path, ports: Vec<u16>, work: impl FnOnce() -> T + Send) -> T {
    let reach = Reach::of(&Config::new(root.to_owned(), 1, 1024), ports);
    let work = || {
        let confined = confine(Landlock::Require, reach).expect("Landlock");
        assert!(confined.confinement().is_some());
        work()
    };
    thread::scope(|scope| scope.spawn(work).join().expect("no panic"))
}

#[track_caller]
fn check_denied<T>(what: &str, outcome: io::Result<T>) {
    match outcome {
        Ok(_) => panic!("it is allowed: {what}"),
        Err(fault) => assert_eq!(fault.kind(), ErrorKind::PermissionDenied, "{what}: {fault}"),
    }
}

#[test]
fn files_outside_cannot_be_read_and_none_can_be_changed() {
    needs_landlock!(4);
    let (place, root) = place();
    let (outside, outer_root) = self::place();
    let file = root.join("a.txt");
    confined(&root, Vec::new(), || {
        assert_eq!(fs::read_to_string(&file).expect("a file"), "here");
        assert_eq!(fs::read_dir(&root).expect("a folder").count(), 1);
        fs::read("/proc/sys/net/core/rmem_max").expect("the limits of sockets");
        let foreign = outer_root.join("a.txt");
        check_denied("reading", fs::read(&foreign));
        check_denied("listing", fs::read_dir(outside.path()));
        for system in ["/etc/passwd", "/proc/self/environ", "/proc/version"] {
            check_denied(system, fs::read(system));
        }
        // To look at a name is no access.
        fs::metadata(&foreign).expect("a file");
        check_denied("writing", fs::OpenOptions::new().write(true).open(&file));
        check_denied("creating", fs::write(root.join("new"), ""));
        check_denied("creating", fs::create_dir(root.join("new")));
        check_denied("linking", symlink("a.txt", root.join("new")));
        check_denied("renaming", fs::rename(&file, root.join("new")));
        check_denied("removing", fs::remove_file(&file));
        check_denied("running", Command::new("/bin/true").status());
    });
    // The others of this process are as before.
    fs::read("/etc/passwd").expect("it is not for this thread");
    drop(place);
}

#[test]
fn it_can_neither_listen_nor_connect_elsewhere() {
    needs_landlock!(4);
    let (_place, root) = place();
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [own, other] = listeners.map(|listener| {
        let address = listener.local_addr().expect("an address");
        (listener, address)
    });
    confined(&root, Vec::new(), || {
        check_denied("listening", TcpListener::bind("127.0.0.1:0"));
        check_denied("connecting", TcpStream::connect(own.1));
    });
    let free = free_port();
    confined(&root, vec![own.1.port()], || {
        check_denied("listening", TcpListener::bind(("127.0.0.1", free)));
        check_denied("connecting", TcpStream::connect(other.1));
        TcpStream::connect(own.1).expect("its own port, for replays");
        // What listens already goes on.
        own.0.accept().expect("a client");
    });
}

#[test]
fn it_signals_no_other_process() {
    needs_landlock!(6);
    let (_place, root) = place();
    let mut other = Command::new("sleep").arg("60").spawn().expect("it runs");
    let pid = Pid::from_child(&other);
    confined(&root, Vec::new(), || {
        check_denied(
            "a signal",
            kill_process(pid, Signal::TERM).map_err(io::Error::from),
        );
    });
    kill_process(pid, Signal::TERM).expect("it is not for this thread");
    other.wait().expect("it ends");
}

/// docroot itself follows the name of a single file anywhere, so only the kernel can refuse it.
#[test]
fn a_server_reads_nothing_outside_even_if_it_tries() {
    needs_landlock!(1);
    for (when, want) in [("require", 403), ("off", 200)] {
        let (_outside, outer_root) = place();
        let (_place, root) = place();
        let file = root.join("a.txt");
        let mut command = command();
        command.args(["--log-format", "off", "--landlock", when]);
        let server = Program::start(command.arg(&file));
        assert_eq!(status(&server, "/a.txt"), 200);
        let point_to = |target: &Path| {
            symlink(target, root.join("new")).expect("a link");
            fs::rename(root.join("new"), &file).expect("renamed");
        };
        point_to(&outer_root.join("a.txt"));
        assert_eq!(status(&server, "/a.txt"), want, "{when}");
        fs::write(root.join("b.txt"), "another").expect("a file");
        point_to(Path::new("b.txt"));
        assert_eq!(status(&server, "/a.txt"), 200, "{when}");
    }
}

/// The kernel confines only the thread that asks and those that it starts later. With the rules, each thread has the
/// mark that no program which it might run gets more rights.
#[test]
fn every_thread_is_confined() {
    needs_landlock!(1);
    for (when, want) in [("auto", "1"), ("off", "0")] {
        let (_place, root) = place();
        let mut command = command();
        let server = Program::start(command.args(["--landlock", when]).arg(&root));
        make_threads(&server);
        let marks = of_threads(&server, "NoNewPrivs");
        assert!(marks.len() > 5, "{marks:?}");
        assert!(marks.iter().all(|mark| mark == want), "{when}: {marks:?}");
    }
}

#[test]
fn followed_links_may_lead_anywhere_and_that_is_told() {
    needs_landlock!(1);
    let (_outside, outer_root) = place();
    let (_place, root) = place();
    symlink(outer_root.join("a.txt"), root.join("link.txt")).expect("a link");
    let mut follows = command();
    follows.args(["-v", "--follow-symlinks"]).arg(&root);
    let server = Program::start(&mut follows);
    assert_eq!(status(&server, "/link.txt"), 200);
    let want = "confines docroot: it reads every file, writes and runs nothing";
    assert!(server.banner.contains(want), "{}", server.banner);
    let mut stays = command();
    let server = Program::start(stays.arg("-v").arg(&root));
    assert_eq!(status(&server, "/link.txt"), 404);
    let above = root
        .parent()
        .expect("a folder")
        .canonicalize()
        .expect("a path");
    let want = format!("confines docroot: it reads only {above:?}, writes and runs nothing");
    assert!(server.banner.contains(&want), "{}", server.banner);
    let mut logs = command();
    logs.arg("-v").arg("--log-file").arg(outer_root.join("log"));
    let server = Program::start(logs.arg(&root));
    let want = format!("reads only {above:?}, writes only logs and sockets, runs nothing");
    assert!(server.banner.contains(&want), "{}", server.banner);
    let mut brief = command();
    let server = Program::start(brief.arg(&root));
    assert!(!server.banner.contains("Landlock"), "{}", server.banner);
}

#[test]
fn a_kernel_that_refuses_is_told_or_ends_it() {
    const CALLS: [&str; 3] = [
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
    ];
    needs_landlock!(4);
    let (_place, root) = place();
    for call in CALLS {
        for error in ["ENOSYS", "EOPNOTSUPP", "EPERM"] {
            let mut command = command_without(call, error);
            let server = Program::start(command.arg("-v").arg(&root));
            assert_eq!(status(&server, "/a.txt"), 200, "{call} {error}");
            let want = "docroot: the kernel does not confine docroot: ";
            assert!(
                server.banner.contains(want),
                "{call} {error}: {}",
                server.banner
            );
            let mut command = command_without(call, error);
            let said = refused(
                command
                    .args(["--port", "0", "--landlock", "require"])
                    .arg(&root),
            );
            let is_told = said.starts_with("docroot: --landlock require: ")
                && said.contains("with --landlock auto");
            assert!(is_told, "{call} {error}: {said}");
        }
    }
    let mut command = command_without(CALLS[0], "EOPNOTSUPP");
    let said = refused(
        command
            .args(["--port", "0", "--landlock", "require"])
            .arg(&root),
    );
    assert!(said.contains("lsm="), "{said}");
}

/// Runs docroot with a kernel that says that it has this version. `None` if there is no strace.
fn with_version(version: u32) -> Option<Command> {
    let probe = Command::new("strace").arg("-V").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skipped("strace is missing, which answers in the place of the kernel");
        return None;
    }
    let mut command = Command::new("strace");
    let answer = format!("inject=landlock_create_ruleset:retval={version}:when=1");
    command.args(["-f", "-qqq", "-o", "/dev/null", "-e", &answer]);
    // It ends with strace.
    command.args(["setpriv", "--pdeathsig", "KILL"]);
    command.arg(env!("CARGO_BIN_EXE_docroot"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path);
    Some(command)
}

#[test]
fn an_older_kernel_confines_what_it_can() {
    needs_landlock!(4);
    let (_place, root) = place();
    for version in [1, 3] {
        let Some(mut command) = with_version(version) else {
            return;
        };
        let server = Program::start(command.arg("-v").arg(&root));
        assert_eq!(status(&server, "/a.txt"), 200, "{version}");
        let want = format!("Landlock (ABI {version}) confines docroot: it reads only ");
        assert!(server.banner.contains(&want), "{}", server.banner);
        let want = "this kernel does not confine its connections";
        assert!(server.banner.contains(want), "{}", server.banner);
        let mut command = with_version(version).expect("it was there");
        let said = refused(
            command
                .args(["--port", "0", "--landlock", "require"])
                .arg(&root),
        );
        let want = format!("(ABI {version}, and ABI 4 is needed)");
        assert!(said.contains(&want), "{said}");
    }
}

#[test]
fn a_check_says_how_it_would_be_confined() {
    needs_landlock!(4);
    let (_place, root) = place();
    let check = |when: &str| {
        let mut command = command();
        command
            .args(["check", "--port", "0", "--landlock", when])
            .arg(&root);
        String::from_utf8(command.output().expect("it runs").stdout).expect("text")
    };
    let told = check("auto");
    assert!(told.contains("note: Landlock (ABI "), "{told}");
    assert!(told.contains("confines docroot: it reads only "), "{told}");
    assert!(!check("off").contains("Landlock"));
    let mut command = command_without("landlock_create_ruleset", "ENOSYS");
    command
        .args(["check", "--port", "0", "--landlock", "require"])
        .arg(&root);
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("error: --landlock require: "), "{told}");
}

/// The folder above has other things, so only the root itself may be read.
#[test]
fn a_root_in_a_private_folder_needs_a_restart_if_it_is_made_again() {
    needs_landlock!(1);
    for (when, is_followed) in [("auto", false), ("off", true)] {
        let (home, root) = place();
        let mut command = command();
        command.args(["--log-format", "off", "--landlock", when]);
        let server = Program::start(command.env("HOME", home.path()).arg(&root));
        assert_eq!(status(&server, "/a.txt"), 200);
        fs::rename(&root, home.path().join("old")).expect("renamed");
        fs::create_dir(&root).expect("a folder");
        fs::write(root.join("new.txt"), "new").expect("a file");
        if is_followed {
            until("the new folder is served", || {
                status(&server, "/new.txt") == 200
            });
            continue;
        }
        let ask = || status(&server, "/new.txt") == 404;
        let told = "leads to another directory, which docroot may not read: it serves the old one";
        until("it says so", || ask() && server.said().contains(told));
        assert_eq!(status(&server, "/a.txt"), 200);
        server.signal(Signal::TERM);
        let (_, said) = server.wait();
        assert_eq!(said.matches(told).count(), 1, "{said}");
    }
}

/// A build deletes more than the served folder, so docroot cannot read the new one. The old one has no files.
#[test]
fn a_root_that_is_lost_is_told_to_everybody() {
    needs_landlock!(1);
    let place = folder();
    let (target, root) = (place.path().join("target"), place.path().join("target/doc"));
    let build = |content: &str| {
        fs::create_dir_all(&root).expect("a folder");
        fs::write(root.join("a.txt"), content).expect("a file");
    };
    for served in [root.join("a.txt"), root.clone()] {
        build("old");
        let mut command = command();
        let server = Program::start(command.args(["--log-format", "off"]).arg(&served));
        fs::remove_dir_all(&target).expect("removed");
        build("new");
        until("it is lost", || status(&server, "/a.txt") == 500);
        let answer = response(&server, "/");
        assert_eq!(answer.status, 500);
        let text = answer.text();
        assert!(
            text.contains("the server may not read the new one before it is restarted"),
            "{text}"
        );
        server.until_said("may not read: the old one was deleted, so requests are answered with 500; change the permissions");
    }
}

/// Who serves a folder of a project builds that project.
#[test]
fn what_is_below_the_current_directory_may_be_made_again() {
    needs_landlock!(1);
    let place = folder();
    let root = place.path().join("target/doc");
    let build = |content: &str| {
        fs::create_dir_all(&root).expect("a folder");
        fs::write(root.join("a.txt"), content).expect("a file");
    };
    build("old");
    for served in ["target/doc", "target/doc/a.txt"] {
        let mut command = command();
        command.current_dir(place.path()).env("PWD", place.path());
        let server = Program::start(command.args(["--log-format", "off", served]));
        assert_eq!(status(&server, "/a.txt"), 200);
        fs::remove_dir_all(place.path().join("target")).expect("removed");
        build("new");
        until("the new one is served", || {
            response(&server, "/a.txt").text() == "new"
        });
    }
}

#[cfg(feature = "config-file")]
#[test]
fn a_reload_reaches_what_is_beside_and_says_what_is_not() {
    needs_landlock!(1);
    let (place, root) = place();
    let (_outside, outer_root) = self::place();
    let beside = place.path().join("docs");
    fs::create_dir(&beside).expect("a folder");
    fs::write(beside.join("d.txt"), "docs").expect("a file");
    let settings = tempfile::tempdir().expect("a folder");
    let file = settings.path().join("docroot.toml");
    // Editors replace files.
    let write = |text: &str| {
        let new = settings.path().join("new");
        fs::write(&new, text).expect("a file");
        fs::rename(new, &file).expect("renamed");
    };
    write("");
    let mut command = command();
    command.args(["--log-format", "off", "--config"]).arg(&file);
    let server = Program::start(command.arg(&root));
    let of_site = |target: &str| {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: docs.test\r\n\r\n").as_bytes());
        client.response("GET").status
    };
    let site = |folder: &Path| format!("site = 'docs.test={}'", folder.display());
    write(&site(&beside));
    server.signal(Signal::HUP);
    until("the site is served", || {
        (0..8).all(|_| of_site("/d.txt") == 200)
    });
    write(&site(&outer_root));
    server.signal(Signal::HUP);
    let outer = outer_root.canonicalize().expect("a path");
    server.until_said(&format!(
        "the configuration was not reloaded: {outer:?} is outside of what docroot may read since its start"
    ));
    assert_eq!(of_site("/d.txt"), 200);
    write("follow-symlinks = true");
    server.signal(Signal::HUP);
    server.until_said("--follow-symlinks: restart docroot to apply the new value");
}

/// Landlock knows folders, not names, so the kernel says only that docroot may not read the new one.
#[cfg(feature = "config-file")]
#[test]
fn a_configuration_in_a_folder_made_again_says_that_a_restart_helps() {
    needs_landlock!(1);
    let (_place, root) = place();
    let outer = folder();
    let settings = outer.path().join("docroot");
    let make = || {
        fs::create_dir(&settings).expect("a folder");
        fs::write(settings.join("docroot.toml"), "").expect("a file");
    };
    make();
    let mut command = command();
    command.args(["--log-format", "off", "--config"]);
    let server = Program::start(command.arg(settings.join("docroot.toml")).arg(&root));
    fs::rename(&settings, outer.path().join("old")).expect("renamed");
    make();
    server.signal(Signal::HUP);
    server.until_said(
        "if its folder was made again while Landlock confines docroot, restart docroot",
    );
    assert_eq!(status(&server, "/a.txt"), 200);
}

/// So it is with everything else that a reload opens.
#[cfg(feature = "config-file")]
#[test]
fn a_root_that_a_reload_may_not_read_says_that_a_restart_helps() {
    needs_landlock!(1);
    for when in ["auto", "off"] {
        let outer = folder();
        let (top, root) = (outer.path().join("top"), outer.path().join("top/site"));
        let make = || fs::create_dir_all(&root).expect("a folder");
        make();
        let mut command = command();
        command.args(["--log-format", "off", "--landlock", when]);
        let server = Program::start(command.arg(&root));
        fs::rename(&top, outer.path().join("old")).expect("renamed");
        make();
        server.signal(Signal::HUP);
        match when {
            "auto" => server.until_said(
                "site\" cannot be read: change its permissions, or run docroot as another user; if its folder was \
                 made again while Landlock confines docroot, restart docroot",
            ),
            _ => server.until_said("reloaded the configuration"),
        }
    }
}

/// First the folder of the logs is gone, then docroot may not write to the new one.
#[test]
fn a_folder_of_logs_that_was_made_again_says_that_a_restart_helps() {
    needs_landlock!(1);
    let (place, root) = place();
    let (logs, old) = (place.path().join("logs"), place.path().join("old"));
    fs::create_dir(&logs).expect("a folder");
    let mut command = command();
    command.arg("--log-file").arg(logs.join("a.log"));
    let server = Program::start(command.arg(&root));
    fs::rename(&logs, &old).expect("renamed");
    server.signal(Signal::USR1);
    server.until_said("cannot be opened again: No such file or directory");
    fs::create_dir(&logs).expect("a folder");
    server.signal(Signal::USR1);
    server.until_said(
        "cannot be opened again: Permission denied (os error 13); let the user of docroot write there, or, if its \
         folder was made again while Landlock confines docroot, restart docroot; docroot writes to the old file",
    );
    assert_eq!(status(&server, "/a.txt"), 200);
    until("it is logged", || {
        fs::read_to_string(old.join("a.log")).is_ok_and(|log| log.contains("/a.txt"))
    });
}

#[cfg(all(feature = "config-file", feature = "auth"))]
#[test]
fn users_that_a_reload_may_not_read_say_that_a_restart_helps() {
    needs_landlock!(1);
    let (place, root) = place();
    let [settings, secrets] = ["settings", "secrets"].map(|name| place.path().join(name));
    let users = secrets.join("users");
    let make = || {
        fs::create_dir(&secrets).expect("a folder");
        let alice = "alice:$2b$04$abcdefghijklmnopqrstuuRLLNyjJbQpQTdGLfZoKfcqfSOvvQOFW\n";
        fs::write(&users, alice).expect("a file");
    };
    make();
    fs::create_dir(&settings).expect("a folder");
    let file = settings.join("docroot.toml");
    let write = |rule: &str| {
        let text = format!("auth-file = '{}'\n{rule}", users.display());
        fs::write(&file, text).expect("a file");
    };
    write("");
    // The root is in a folder of its own, so docroot may not read what is beside it.
    let (_outer, outer_root) = self::place();
    fs::rename(&root, outer_root.join("www")).expect("renamed");
    let mut command = command();
    command.args(["--log-format", "off", "--config"]).arg(&file);
    let server = Program::start(command.arg(outer_root.join("www")));
    fs::rename(&secrets, place.path().join("old")).expect("renamed");
    make();
    write("auth = '/a/**'");
    server.signal(Signal::HUP);
    server.until_said(
        "if its folder was made again while Landlock confines docroot, restart docroot",
    );
}

/// A user of this machine who is not root, if the tests may become this user.
const USER: &str = "nobody";

/// The numbers of the user: of itself and of its group.
fn numbers() -> [u32; 2] {
    let number = |what: &str| {
        let output = Command::new("id")
            .args([what, USER])
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.trim().parse().expect("a number")
    };
    [number("-u"), number("-g")]
}

/// A port that only root may open.
fn privileged_port() -> String {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (600..1024).find(free).expect("a free port").to_string()
}

fn as_user(user: &str) -> Command {
    let mut command = command();
    command.args(["--log-format", "off", "--user", user]);
    command
}

#[test]
fn every_thread_becomes_the_user_and_has_no_rights_of_root() {
    needs_root!();
    let [uid, gid] = numbers();
    let all = |number: u32| [number; 4].map(|number| number.to_string()).join(" ");
    for (user, uid, gid) in [
        (USER.to_owned(), uid, gid),
        (format!("{USER}:12346"), uid, 12346),
        (format!("{uid}"), uid, gid),
        ("12345:12346".to_owned(), 12345, 12346),
    ] {
        let (_place, root) = place();
        let mut command = as_user(&user);
        let server = Program::start(command.arg(&root));
        make_threads(&server);
        for (field, want) in [
            ("Uid", all(uid)),
            ("Gid", all(gid)),
            ("CapPrm", "0000000000000000".into()),
            ("CapEff", "0000000000000000".into()),
        ] {
            let values = of_threads(&server, field);
            assert!(values.len() > 5, "{values:?}");
            assert!(
                values.iter().all(|value| *value == want),
                "{user}: {field}: {values:?}"
            );
        }
        for groups in of_threads(&server, "Groups") {
            let root = groups.split(' ').find(|group| *group == "0");
            assert_eq!(root, None, "{user}: {groups}");
            assert!(
                groups.split(' ').any(|group| group == gid.to_string()),
                "{groups}"
            );
        }
    }
}

#[test]
fn ports_are_opened_as_root_and_files_are_read_as_the_user() {
    needs_root!();
    let (_place, root) = place();
    fs::write(root.join("private.txt"), "of root").expect("a file");
    set_mode(&root.join("private.txt"), 0o600);
    let port = privileged_port();
    let arguments = [
        "--bind",
        "127.0.0.1",
        "--port",
        &port,
        "--allow-host",
        "test",
    ];
    let mut command = as_user(USER);
    let server = Program::start_as_told(command.args(arguments).arg(&root));
    assert_eq!(server.address.port().to_string(), port);
    assert_eq!(status(&server, "/a.txt"), 200);
    assert_eq!(status(&server, "/private.txt"), 403);
    drop(server);
    let server = Program::serve(&root);
    assert_eq!(status(&server, "/private.txt"), 200);
}

#[test]
fn a_root_that_the_user_cannot_read_is_told_at_the_start() {
    needs_root!();
    let (_place, root) = place();
    set_mode(&root, 0o700);
    let said = refused(as_user(USER).args(["--port", "0"]).arg(&root));
    assert!(
        said.contains("www\" cannot be read: change its permissions"),
        "{said}"
    );
    let mut command = command();
    command
        .args(["check", "--port", "0", "--user", USER])
        .arg(&root);
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        told.contains("error: ") && told.contains("www\" cannot be read"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn users_that_docroot_cannot_become_are_told() {
    needs_root!();
    let (_place, root) = place();
    let check = |user: &str, want: &str| {
        let said = refused(as_user(user).args(["--port", "0"]).arg(&root));
        assert!(said.starts_with("docroot: --user"), "{said}");
        assert!(said.contains(want), "{user}: {said}");
    };
    check(
        "no-such-user",
        "\"no-such-user\": this system has no such user; create",
    );
    check("nobody:no-such-group", "no group \"no-such-group\"; create");
    check(
        "4000000",
        "name a group too, such as --user 4000000:4000000",
    );
    check("root", "\"root\" is root: name a user");
}

/// docroot, started by setpriv with these arguments.
fn with_rights(arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .env_clear()
        .args(arguments)
        .arg(env!("CARGO_BIN_EXE_docroot"));
    command
}

#[test]
fn only_root_may_become_another_user() {
    needs_root!();
    let (_place, root) = place();
    let check = |rights: &[&str], want: &str| {
        let mut command = with_rights(rights);
        let said = refused(command.args(["--port", "0", "--user", USER]).arg(&root));
        assert!(said.contains(want), "{rights:?}: {said}");
    };
    let other = ["--reuid", "1", "--regid", "1", "--clear-groups"];
    check(
        &other,
        "needs root, because only root may become another user",
    );
    check(
        &["--bounding-set=-setgid"],
        "the system refuses to change the user",
    );
    // With this bit, a process that gives up root keeps its rights, and can take root back.
    let keeps = ["--securebits", "+no_setuid_fixup"];
    check(&keeps, "the system would let docroot become root again");
}

#[test]
fn root_is_warned_about_unless_it_is_given_up() {
    needs_root!();
    let (_place, root) = place();
    let start = |command: &mut Command| {
        let arguments = ["--bind", "0.0.0.0", "--port", "0", "--log-format", "off"];
        Program::start_as_told(command.args(arguments).arg(&root))
            .banner
            .clone()
    };
    let banner = start(&mut command());
    let want = "warning: docroot runs as root, and other machines can connect; add --user";
    assert!(banner.contains(want), "{banner}");
    let banner = start(command().args(["--user", USER]));
    assert!(!banner.contains("root, and"), "{banner}");
    let check = |more: &[&str]| {
        let mut command = command();
        command.args(["check", "--port", "0"]).args(more).arg(&root);
        String::from_utf8(command.output().expect("it runs").stdout).expect("text")
    };
    assert!(check(&[]).contains("warning: docroot would run as root; add --user"));
    assert!(!check(&["--user", USER]).contains("as root"));
}

#[test]
fn a_user_who_keeps_the_group_of_root_is_warned_about() {
    needs_root!();
    let (_place, root) = place();
    for (user, is_told) in [("nobody:0", true), ("4000000:0", true), (USER, false)] {
        let output = as_check(user).arg(&root).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let want = format!("warning: {user} belongs to the group of root");
        assert_eq!(said.contains(&want), is_told, "{said}");
    }
}

fn as_check(user: &str) -> Command {
    let mut command = command();
    command.args(["check", "-p", "0", "--user", user]);
    command
}

/// The error log is opened as root, so that it also has what docroot says before it becomes the user.
#[test]
fn a_log_that_root_has_made_belongs_to_the_user() {
    needs_root!();
    let owner = |path: &Path| {
        let found = fs::metadata(path).expect("a file");
        [found.uid(), found.gid()]
    };
    let [user, group] = numbers();
    for (name, wanted) in [
        (USER.to_owned(), [user, group]),
        (format!("{USER}:12346"), [user, 12346]),
    ] {
        let (place, root) = place();
        let logs = place.path().join("logs");
        fs::create_dir(&logs).expect("a folder");
        let [errors, access] = ["e.log", "a.log"].map(|name| logs.join(name));
        chown(&logs, Some(user), Some(group)).expect("root may give it");
        let mut command = command();
        command.args(["--user", &name, "--error-log"]).arg(&errors);
        command.arg("--log-file").arg(&access);
        drop(Program::start(command.arg(&root)));
        assert_eq!([owner(&errors), owner(&access)], [wanted; 2]);
        let mut check = as_check(&name);
        let check = check.arg("--error-log").arg(&errors).arg(&root);
        let output = check.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}");
        // What was there before stays as it was, also behind a link.
        let (kept, link) = (logs.join("kept"), logs.join("link"));
        fs::write(&kept, "").expect("a file");
        symlink(logs.join("absent"), &link).expect("a link");
        for path in [&kept, &link] {
            drop(Program::start(
                as_user(&name).arg("--error-log").arg(path).arg(&root),
            ));
            assert_eq!(owner(path), [0, 0], "{path:?}");
        }
    }
}

#[cfg(feature = "auth")]
#[test]
fn what_the_user_cannot_read_again_is_told() {
    needs_root!();
    const ALICE: &str = "alice:$2b$04$abcdefghijklmnopqrstuuRLLNyjJbQpQTdGLfZoKfcqfSOvvQOFW\n";
    let (place, root) = place();
    let users = place.path().join("users");
    fs::write(&users, ALICE).expect("a file");
    for (mode, is_told) in [(0o600, true), (0o644, false)] {
        set_mode(&users, mode);
        let mut command = as_user(USER);
        let server = Program::start(command.arg("--auth-file").arg(&users).arg(&root));
        let want = format!(
            "warning: nobody cannot read the password file {users:?}, so docroot cannot use other users; \
             let its group read the file (chgrp, chmod g+r), or restart docroot when the file changes"
        );
        assert_eq!(server.banner.contains(&want), is_told, "{}", server.banner);
        // It was read before.
        assert_eq!(status(&server, "/a.txt"), 401);
    }
}

#[cfg(feature = "tls")]
#[test]
fn a_key_of_root_is_read_before_root_is_given_up() {
    use support::tls::Authority;

    needs_root!();
    let (_place, root) = place();
    let authority = Authority::new("authority");
    let files = authority.server();
    set_mode(&files.key, 0o600);
    let mut command = as_user(USER);
    command.arg("--tls-cert").arg(&files.certificate);
    command.arg("--tls-key").arg(&files.key);
    let server = Program::start(command.arg(&root));
    let want = format!(
        "warning: nobody cannot read the private key {:?}",
        files.key
    );
    assert!(server.banner.contains(&want), "{}", server.banner);
    assert!(server.banner.contains("https://"), "{}", server.banner);
}

/// A unit that runs this docroot.
fn unit(folder: &Path) -> PathBuf {
    let path = folder.join("docroot.service");
    let mut text = UNIT.to_owned();
    for setting in ["ExecStartPre", "ExecStart", "ExecReload"] {
        let start = format!("{setting}=docroot ");
        assert!(UNIT.contains(&start), "{setting}");
        let here = format!("{setting}={} ", env!("CARGO_BIN_EXE_docroot"));
        text = text.replace(&start, &here);
    }
    fs::write(&path, text).expect("a file");
    path
}

#[test]
fn systemd_takes_the_units() {
    let Some(mut analyze) = systemd_analyze() else {
        return skipped("systemd-analyze is missing");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let output = analyze
        // The manual is not installed here.
        .args(["verify", "--man=no"])
        .arg(unit(folder.path()))
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/scripts/packages/docroot.socket"
        ))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let names_one = said.contains("docroot.service") || said.contains("docroot.socket");
    assert!(output.status.success() && !names_one, "{said}");
}

/// 1.5 of 10, and less is better. What remains are port 80, the network, and `/proc/sys/net`.
#[test]
fn systemd_calls_the_unit_hardened() {
    let Some(mut analyze) = systemd_analyze() else {
        return skipped("systemd-analyze is missing");
    };
    let folder = tempfile::tempdir().expect("a folder");
    analyze.args(["security", "--offline=true", "--threshold=15"]);
    let output = analyze.arg(unit(folder.path())).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

/// docroot takes the command lines of the unit and the configuration that they name.
#[cfg(feature = "config-file")]
#[test]
fn docroot_takes_the_command_lines_of_the_unit() {
    use support::unit::{CONFIGURATION, values};

    let (place, root) = place();
    let configuration = place.path().join("docroot.toml");
    let shipped = "/usr/share/docroot/www";
    assert!(CONFIGURATION.contains(shipped));
    let text = CONFIGURATION.replace(shipped, root.to_str().expect("text"));
    fs::write(&configuration, text.replace("8080", "0")).expect("a file");
    let [check, serve] = ["ExecStartPre", "ExecStart"].map(|setting| {
        let [line] = values(setting)[..] else {
            panic!("one command line");
        };
        let line = line.replace(
            "/etc/docroot/docroot.toml",
            configuration.to_str().expect("text"),
        );
        let words = line.split(' ').skip(1).map(str::to_owned);
        words.collect::<Vec<String>>()
    });
    let output = command().args(check).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    // --quiet is for a service. Here the banner tells the address.
    let serve = serve.iter().filter(|word| *word != "--quiet");
    let server = Program::start(Command::new(env!("CARGO_BIN_EXE_docroot")).args(serve));
    assert_eq!(status(&server, "/a.txt"), 200);
}
