//! `--live-reload` if the system has no watches left. This takes all of them, so the test has a file of its
//! own.
#![cfg(all(feature = "live-reload", target_os = "linux"))]

mod support;

use rustix::fs::inotify;
use support::Setup;
use support::live_page::{ENDPOINT, LivePage};

#[test]
fn files_are_looked_at_once_a_second() {
    let mut taken = Vec::new();
    while let Ok(watch) = inotify::init(inotify::CreateFlags::CLOEXEC) {
        taken.push(watch);
    }
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
