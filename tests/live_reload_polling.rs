//! `--live-reload` if the system watches nothing more. The tests take all instances of inotify, so they have a file
//! of their own.
#![cfg(all(feature = "live-reload", target_os = "linux"))]

mod support;

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::fs::inotify;
use support::live_page::{ENDPOINT, LivePage};
use support::program::{Program, command};
use support::{Setup, until};

/// Takes all instances of inotify that this user may have, for as long as this process runs.
fn take_instances() {
    static TAKEN: OnceLock<Vec<OwnedFd>> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let take = || inotify::init(inotify::CreateFlags::CLOEXEC).ok();
        std::iter::from_fn(take).collect()
    });
}

#[test]
fn the_operator_is_told() {
    take_instances();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--live-reload", "--log-format", "off"]);
    let program = Program::start(command.arg(folder.path()));
    let told = || program.banner.clone() + &program.said();
    let want = "docroot: cannot watch the files: your user has no inotify instances left, or docroot \
                may open no more files. ";
    until("the program says so", || told().contains(want));
    let told = told();
    let line = told.lines().find(|line| line.starts_with(want));
    let line = line.expect("it was there");
    let rest = "So live reload scans the files once a second. To let docroot watch them, raise \
                fs.inotify.max_user_instances, or ulimit -n";
    assert_eq!(line.strip_prefix(want), Some(rest));
}

#[test]
fn files_are_looked_at_once_a_second() {
    take_instances();
    let server = Setup::new()
        .with(|config| config.site.live_reload = true)
        .file("folder/a.css", "")
        .start();
    let mut page = LivePage::connect(server.address, ENDPOINT, "0");
    let path = server.root.join("folder/b.css");
    server.write("folder/b.css", "1");
    assert_eq!(page.told(), r#"{"changed":["folder/b.css"]}"#);
    // The same size and time of modification.
    let time = path.metadata().and_then(|metadata| metadata.modified());
    server.write("folder/b.css", "2");
    let file = std::fs::File::options().write(true).open(&path);
    let set = |file: std::fs::File| file.set_modified(time.expect("a time"));
    file.and_then(set).expect("its time");
    assert_eq!(page.told(), r#"{"changed":["folder/b.css"]}"#);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(page.told(), r#"{"changed":["folder/b.css"]}"#);
    std::fs::remove_dir_all(&server.root).expect("removed");
    std::fs::create_dir(&server.root).expect("made again");
    assert_eq!(page.told(), r#"{"reload":true}"#);
}
