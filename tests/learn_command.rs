//! `docroot learn`: the textbook from inside the program, in a folder that does not stay.

mod support;

use support::program::command;

#[cfg(feature = "learn")]
mod built_in {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use rustix::process::Signal;

    use super::command;
    use super::support::program::Program;
    use super::support::{request, until};

    /// The command with a place of its own for temporary folders.
    fn learn(place: &Path) -> Command {
        let mut command = command();
        command.env("TMPDIR", place);
        command.args(["learn", "--log-format", "off"]);
        command
    }

    fn folders(place: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(place).expect("the place");
        entries
            .map(|entry| entry.expect("a folder").path())
            .collect()
    }

    #[test]
    fn the_book_is_served_with_what_it_needs() {
        let place = tempfile::tempdir().expect("a folder");
        let program = Program::start(&mut learn(place.path()));
        let mut client = program.connect();
        for (target, status, part) in [
            ("/", 200, "<h1>"),
            ("/lessons/08-ranges/", 200, "Range"),
            ("/.docroot/", 200, "<html"),
            ("/.docroot/lab/echo", 426, "426"),
            ("/.docroot/learn/class", 404, "start docroot with --class"),
        ] {
            client.send(&request("GET", target, &[]));
            let response = client.response("GET");
            assert_eq!(response.status, status, "{target}");
            let text = String::from_utf8(response.body).expect("text");
            assert!(text.contains(part), "{target}: {text}");
        }
        client.send(&request("GET", "/", &[("Accept-Language", "zh")]));
        let page = String::from_utf8(client.response("GET").body).expect("text");
        assert!(page.contains("lang=\"zh-Hans\""), "{page}");
    }

    #[test]
    fn each_file_is_as_in_the_source() {
        let place = tempfile::tempdir().expect("a folder");
        let _program = Program::start(&mut learn(place.path()));
        let folder = folders(place.path()).pop().expect("the book");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
        let mut waiting = vec![PathBuf::new()];
        let mut count = 0;
        while let Some(below) = waiting.pop() {
            for entry in fs::read_dir(source.join(&below)).expect("a folder") {
                let entry = entry.expect("an entry");
                let name = below.join(entry.file_name());
                if entry.path().is_dir() {
                    waiting.push(name);
                } else {
                    let got = fs::read(folder.join(&name)).expect("a file of the book");
                    assert!(got == fs::read(entry.path()).expect("a file"), "{name:?}");
                    count += 1;
                }
            }
        }
        assert!(count > 15, "{count}");
    }

    #[test]
    fn the_folder_is_private_and_goes_with_the_program() {
        for signals in [1, 2] {
            let place = tempfile::tempdir().expect("a folder");
            let program = Program::start(&mut learn(place.path()));
            let [folder] = &folders(place.path())[..] else {
                panic!("not one folder");
            };
            let mode = fs::metadata(folder).expect("a folder").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            // With a response under way, the first signal does not end it.
            let mut client = program.connect();
            client.send(b"GET / HTTP/1.1\r\nHost: test\r\n");
            for _ in 0..signals {
                program.signal(Signal::TERM);
            }
            drop(client);
            program.wait();
            assert_eq!(folders(place.path()), Vec::<PathBuf>::new(), "{signals}");
        }
    }

    /// A folder with the program that opens URLs on a desktop: it notes the URL in a file.
    fn desktop() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let opener = folder.path().join("xdg-open");
        let noted = folder.path().join("opened");
        let script = format!(
            "#!/bin/sh\n(echo \"$1\"; ulimit -S -n) >'{0}.part' && mv '{0}.part' '{0}'\n",
            noted.display()
        );
        fs::write(&opener, script).expect("a file");
        fs::set_permissions(&opener, Permissions::from_mode(0o755)).expect("executable");
        folder
    }

    /// A limit that nobody else sets.
    const DESCRIPTORS: &str = "777";

    /// Starts the command on a desktop, and ends it. Returns the URL that it has opened, and how many files the
    /// program that opens it may have open, in lines.
    fn opened_by(desktop: &Path, arguments: &[&str]) -> Option<String> {
        let place = tempfile::tempdir().expect("a folder");
        let path = format!("{}:/bin:/usr/bin", desktop.display());
        let learn = learn(place.path());
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -S -n \"$0\" && exec \"$@\"", DESCRIPTORS]);
        command.arg(learn.get_program()).args(learn.get_args());
        command.env_clear().env("TMPDIR", place.path());
        command.env("PATH", path).env("DISPLAY", ":0");
        let program = Program::start(command.args(arguments));
        let noted = desktop.join("opened");
        let wants_none = arguments.contains(&"--no-open");
        if !wants_none {
            until("the book is opened", || noted.exists());
        }
        program.signal(Signal::TERM);
        let (_, said) = program.wait();
        assert!(!said.contains("browser"), "{said}");
        fs::read_to_string(noted).ok()
    }

    #[test]
    fn the_book_is_opened_unless_it_is_not_wanted() {
        let place = desktop();
        assert_eq!(opened_by(place.path(), &["--no-open"]), None);
        assert_eq!(opened_by(place.path(), &["--no-open", "--open"]), None);
        let url = opened_by(place.path(), &[]).expect("a URL");
        assert!(
            url.starts_with("http://127.0.0.1:") && url.ends_with(&format!("/\n{DESCRIPTORS}\n")),
            "{url}"
        );
    }

    #[test]
    fn without_a_desktop_the_address_is_told() {
        let place = tempfile::tempdir().expect("a folder");
        let program = Program::start(&mut learn(place.path()));
        let want = format!(
            "cannot open a browser, because neither DISPLAY nor WAYLAND_DISPLAY is set; open http://{}/ yourself",
            program.address
        );
        until("it says so", || program.said().contains(&want));
        program.signal(Signal::TERM);
        program.wait();
        let quiet = Program::start(learn(place.path()).arg("--no-open"));
        assert_eq!(quiet.connect().take(0), b"");
        quiet.signal(Signal::TERM);
        let (_, said) = quiet.wait();
        assert!(!said.contains("browser"), "{said}");
    }

    #[test]
    fn a_class_has_its_page() {
        let place = tempfile::tempdir().expect("a folder");
        let mut command = learn(place.path());
        let program = Program::start(command.args(["--class=192.0.2.0/24", "--no-open"]));
        let banner = &program.banner;
        let page = format!("http://{}/.docroot/learn/class", program.address);
        assert!(banner.contains(&page), "{banner}");
        assert!(banner.contains("the class cannot connect"), "{banner}");
        let mut client = program.connect();
        client.send(&request("GET", "/.docroot/learn/class", &[]));
        assert_eq!(client.response("GET").status, 200);
    }

    #[test]
    fn nothing_stays_if_it_cannot_start() {
        let place = tempfile::tempdir().expect("a folder");
        let mut command = learn(place.path());
        let output = command.args(["--bind", "192.0.2.1"]).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(folders(place.path()), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_place_without_space_is_named() {
        let place = tempfile::tempdir().expect("a folder");
        let mut command = learn(&place.path().join("absent"));
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(said.contains("cannot unpack the textbook"), "{said}");
        assert!(said.contains("set TMPDIR"), "{said}");
    }
}

#[cfg(not(feature = "learn"))]
#[test]
fn a_build_without_the_book_says_how_to_get_it() {
    let output = command().arg("learn").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("--features learn"), "{said}");
}

/// The book is the root, so there is no other.
#[test]
fn it_takes_no_path() {
    let output = command().args(["learn", "www"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("'www'"), "{said}");
}
