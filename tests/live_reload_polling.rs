//! `--live-reload` if the system has no watches left. This takes all of them, so the test has a file of its
//! own.
#![cfg(all(feature = "live-reload", target_os = "linux"))]

mod support;

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::fs::inotify;
use support::live_page::{ENDPOINT, LivePage};
use support::program::{Program, command};
use support::{Setup, until};

/// Takes all watches that this user may have, for as long as this process runs.
fn take_watches() {
    static TAKEN: OnceLock<Vec<OwnedFd>> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let take = || inotify::init(inotify::CreateFlags::CLOEXEC).ok();
        std::iter::from_fn(take).collect()
    });
}

#[test]
fn the_operator_is_told() {
    take_watches();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--live-reload", "--log-format", "off"]);
    let program = Program::start(command.arg(folder.path()));
    let told = || program.banner.clone() + &program.said();
    let want = "docroot: cannot watch the files (";
    until("the program says so", || told().contains(want));
    let told = told();
    let line = told.lines().find(|line| line.starts_with(want));
    let line = line.expect("it was there");
    assert!(
        line.contains("scans them once a second") && line.contains("fs.inotify.max_user_instances"),
        "{line}"
    );
}

#[test]
fn files_are_looked_at_once_a_second() {
    take_watches();
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
