//! What a request can reach: the document root and nothing else. Every case runs twice, once with
//! openat2, which keeps each step below the root, and once without it, as on an older kernel. The
//! server then walks the path itself.
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use support::program::{Program, command};
use support::request;

/// Takes openat2 away from a program.
const WITHOUT_OPENAT2: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/support/without_openat2.py"
);

/// Who confines a path.
#[derive(Clone, Copy, Debug)]
enum By {
    Kernel,
    Server,
}

fn serve(root: &Path, by: By) -> Program {
    let mut command = match by {
        By::Kernel => command(),
        By::Server => {
            let mut command = Command::new("python3");
            command.args(["-I", WITHOUT_OPENAT2, env!("CARGO_BIN_EXE_docroot")]);
            command.stdin(Stdio::null());
            command
        }
    };
    command.args(["--log-format", "off"]).arg(root);
    Program::start(&mut command)
}

/// A folder with a root in it, and beside the root a secret that links lead to.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("root");
    let outside = folder.path().join("outside");
    for path in [root.join("folder/deep"), outside.join("folder")] {
        std::fs::create_dir_all(path).expect("folders");
    }
    for (path, content) in [
        (root.join("real.txt"), "real"),
        (root.join("folder/inner.txt"), "inner"),
        (root.join("folder/deep/x.txt"), "deep"),
        (outside.join("secret.txt"), "secret"),
        (outside.join("inner.txt"), "secret"),
        (outside.join("folder/index.html"), "secret"),
        // Its name begins like that of the root.
        (folder.path().join("root.txt"), "secret"),
    ] {
        std::fs::write(path, content).expect("a file");
    }
    let whole = root.canonicalize().expect("a path");
    let link = |target: &Path, name: &str| symlink(target, root.join(name)).expect("a link");
    let relative = |target: &str, name: &str| link(Path::new(target), name);
    // These stay inside.
    relative("real.txt", "relative");
    relative("../real.txt", "folder/up");
    relative("relative", "chain");
    relative("folder", "to-folder");
    relative("to-folder/deep/../up", "winding");
    relative(".", "self");
    link(&whole.join("real.txt"), "absolute");
    link(&whole, "absolute-root");
    relative("../root/real.txt", "out-and-in");
    // These lead out, or nowhere.
    relative("..", "parent");
    relative("../outside", "out-folder");
    relative("../outside/secret.txt", "out");
    relative("../root.txt", "beside");
    relative("out-folder/secret.txt", "out-by-link");
    link(&outside.join("secret.txt"), "absolute-out");
    relative("/proc/self/root", "magic");
    relative("/dev/zero", "device");
    relative("loop-b", "loop-a");
    relative("loop-a", "loop-b");
    relative("nothing", "dangling");
    folder
}

/// Checks what a request for each target gives: the body, or that there is nothing.
fn check(rows: &[(&str, Option<&str>)]) {
    let folder = folder();
    let root = folder.path().join("root");
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
    for by in [By::Kernel, By::Server] {
        let program = serve(&root, by);
        let mut client = program.connect();
        for (target, want) in rows {
            client.send(&request("GET", target, &[]));
            let response = client.response("GET");
            match want {
                Some(want) => assert_eq!(response.text(), *want, "{by:?}: {target}"),
                None => assert_eq!(response.status, 404, "{by:?}: {target}"),
            }
        }
    }
}

#[test]
fn what_lies_in_the_root_is_reached_on_every_way_that_ends_in_it() {
    check(&[
        ("/real.txt", Some("real")),
        ("/folder/deep/x.txt", Some("deep")),
        ("/relative", Some("real")),
        ("/folder/up", Some("real")),
        ("/chain", Some("real")),
        ("/to-folder/inner.txt", Some("inner")),
        ("/to-folder/deep/x.txt", Some("deep")),
        ("/winding", Some("real")),
        ("/self/self/real.txt", Some("real")),
        ("/absolute", Some("real")),
        ("/absolute-root/folder/inner.txt", Some("inner")),
        ("/out-and-in", Some("real")),
    ]);
}

#[test]
fn what_lies_outside_the_root_is_not_reached_on_any_way() {
    check(&[
        ("/parent", None),
        ("/parent/", None),
        ("/parent/outside/secret.txt", None),
        ("/parent/root.txt", None),
        ("/out-folder", None),
        ("/out-folder/", None),
        ("/out-folder/secret.txt", None),
        ("/out-folder/folder/", None),
        ("/out", None),
        ("/beside", None),
        ("/out-by-link", None),
        ("/absolute-out", None),
        ("/self/out", None),
        ("/to-folder/nothing", None),
        ("/magic/etc/passwd", None),
        ("/device", None),
        ("/socket", None),
        ("/loop-a", None),
        ("/loop-a/real.txt", None),
        ("/dangling", None),
        ("/real.txt/", None),
        ("/real.txt/real.txt", None),
        ("/nothing", None),
    ]);
}

#[test]
fn a_listing_shows_what_can_be_reached() {
    let folder = folder();
    for by in [By::Kernel, By::Server] {
        let program = serve(&folder.path().join("root"), by);
        let mut client = program.connect();
        client.send(&request("GET", "/", &[("Accept", "application/json")]));
        let listing: serde_json::Value =
            serde_json::from_slice(&client.response("GET").body).expect("JSON");
        let mut names: Vec<&str> = listing["entries"]
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| entry["name"].as_str().expect("a name"))
            .collect();
        names.sort_unstable();
        let want = [
            "absolute",
            "absolute-root",
            "chain",
            "folder",
            "out-and-in",
            "real.txt",
            "relative",
            "self",
            "to-folder",
            "winding",
        ];
        assert_eq!(names, want, "{by:?}");
    }
}

/// Ends the other thread of a test, also if this one panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whatever the name stands for at each step, no answer holds a byte from outside.
#[test]
fn a_folder_that_keeps_turning_into_a_link_never_leads_out() {
    const REQUESTS: usize = 2000;
    for by in [By::Kernel, By::Server] {
        let folder = folder();
        let root = folder.path().join("root");
        let (name, link) = (root.join("folder"), root.join("out-folder"));
        let program = serve(&root, by);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // One call swaps the two, so that no moment is without either.
                while !is_over.load(Ordering::Relaxed) {
                    renameat_with(CWD, &name, CWD, &link, RenameFlags::EXCHANGE).expect("a swap");
                }
            });
            let _end = Ends(&is_over);
            let mut client = program.connect();
            for _ in 0..REQUESTS {
                client.send(&request("GET", "/folder/inner.txt", &[]));
                let response = client.response("GET");
                let is_inside = response.status == 200 && response.text() == "inner";
                assert!(is_inside || response.status == 404, "{by:?}: {response:?}");
            }
        });
    }
}
