//! What a request can reach: the document root and nothing else. Every case runs twice, once with
//! openat2, which keeps each step below the root, and once without it, as on an older kernel. The
//! server then walks the path itself.
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::Signal;
use support::program::{Program, command, command_without, skipped};
use support::request;

/// Who confines a path.
#[derive(Clone, Copy, Debug)]
enum By {
    Kernel,
    Server,
}

fn serve(root: &Path, by: By) -> Program {
    serve_with(root, by, &[])
}

fn serve_with(root: &Path, by: By, options: &[&str]) -> Program {
    let mut command = match by {
        By::Kernel => command(),
        By::Server => command_without("openat2", "ENOSYS"),
    };
    command.args(["--log-format", "off"]);
    command.args(options).arg(root);
    Program::start(&mut command)
}

/// A folder with a root in it, and beside the root a secret that links lead to.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("root");
    let outside = folder.path().join("outside");
    for path in [
        root.join("folder/deep"),
        root.join(".git/deep"),
        root.join(".well-known"),
        outside.join("folder"),
    ] {
        std::fs::create_dir_all(path).expect("folders");
    }
    for (path, content) in [
        (root.join("real.txt"), "real"),
        (root.join("folder/inner.txt"), "inner"),
        (root.join("folder/deep/x.txt"), "deep"),
        (root.join(".env"), "hidden"),
        (root.join(".git/inner.txt"), "hidden"),
        (root.join(".git/deep/x.txt"), "hidden"),
        (root.join(".well-known/x.txt"), "known"),
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
    relative("./folder//deep/../../to-folder/.//inner.txt", "detour");
    relative("folder/.", "dot");
    relative(".well-known/x.txt", "known");
    // These lead to hidden names, or through them.
    relative("../.env", "folder/env");
    relative("../.git", "folder/git");
    relative("folder/git", "git-by-link");
    relative(".git/../real.txt", "through-git");
    relative("../root/.git/inner.txt", "out-and-in-git");
    link(&whole.join(".git/deep"), "absolute-git");
    relative("../folder/inner.txt", ".git/out");
    relative(".git/out", "back-from-git");
    // These lead out, or nowhere.
    relative("..", "parent");
    relative("../outside", "out-folder");
    relative("../outside/secret.txt", "out");
    relative("../root.txt", "beside");
    relative("out-folder/secret.txt", "out-by-link");
    link(&outside.join("secret.txt"), "absolute-out");
    relative("/proc/self/root", "magic");
    relative("/dev/zero", "device");
    // Nobody looks where the second link leads.
    let back = outside.join("back");
    symlink(whole.join("real.txt"), back).expect("a link");
    relative("../outside/back", "out-and-back");
    symlink(whole.join(".env"), outside.join("env")).expect("a link");
    relative("../outside/env", "out-and-back-to-env");
    relative("real.txt/", "file-with-slash");
    relative("loop-b", "loop-a");
    relative("loop-a", "loop-b");
    relative("nothing", "dangling");
    folder
}

/// Checks what a request for each target gives: the body, or that there is nothing.
fn check(rows: &[(&str, Option<&str>)]) {
    check_with(&[], rows);
}

fn check_with(options: &[&str], rows: &[(&str, Option<&str>)]) {
    let folder = folder();
    let root = folder.path().join("root");
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
    for by in [By::Kernel, By::Server] {
        let program = serve_with(&root, by, options);
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
        ("/detour", Some("inner")),
        ("/dot/inner.txt", Some("inner")),
        ("/known", Some("known")),
    ]);
}

#[test]
fn what_is_hidden_is_not_reached_on_any_way() {
    const TARGETS: [&str; 12] = [
        "/.env",
        "/folder/env",
        "/folder/git",
        "/folder/git/",
        "/folder/git/inner.txt",
        "/folder/git/deep/x.txt",
        "/git-by-link/inner.txt",
        "/to-folder/git/inner.txt",
        "/through-git",
        "/out-and-in-git",
        "/absolute-git/x.txt",
        "/back-from-git",
    ];
    check(&TARGETS.map(|target| (target, None)));
    check_with(
        &["--follow-symlinks"],
        &TARGETS.map(|target| (target, None)),
    );
    check_with(
        &["--include-hidden"],
        &[
            ("/folder/env", Some("hidden")),
            ("/git-by-link/inner.txt", Some("hidden")),
            ("/through-git", Some("real")),
            ("/out-and-in-git", Some("hidden")),
            ("/absolute-git/x.txt", Some("hidden")),
            ("/back-from-git", Some("inner")),
        ],
    );
}

#[test]
fn links_that_may_lead_out_still_lead_to_nothing_hidden_in_the_root() {
    check_with(
        &["--follow-symlinks"],
        &[
            ("/out", Some("secret")),
            ("/out-folder/folder/index.html", Some("secret")),
            ("/out-by-link", Some("secret")),
            ("/absolute-out", Some("secret")),
            ("/parent/root.txt", Some("secret")),
            ("/parent/outside/secret.txt", Some("secret")),
            ("/winding", Some("real")),
            ("/absolute", Some("real")),
            ("/out-and-back", Some("real")),
            ("/parent/root/real.txt", Some("real")),
            ("/out-and-back-to-env", None),
            ("/loop-a", None),
            ("/dangling", None),
            ("/file-with-slash", None),
        ],
    );
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
        ("/out-and-back", None),
        ("/out-and-back-to-env", None),
        ("/file-with-slash", None),
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
            ".well-known",
            "absolute",
            "absolute-root",
            "chain",
            "detour",
            "dot",
            "folder",
            "known",
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

#[test]
fn a_listing_of_a_folder_behind_a_link_hides_what_is_hidden() {
    let folder = folder();
    for by in [By::Kernel, By::Server] {
        let program = serve(&folder.path().join("root"), by);
        let mut client = program.connect();
        client.send(&request("GET", "/to-folder/?format=json", &[]));
        let page = client.response("GET").text();
        assert!(page.contains("\"inner.txt\""), "{by:?}: {page}");
        for name in ["\"env\"", "\"git\""] {
            assert!(!page.contains(name), "{by:?}: {page}");
        }
    }
}

/// An index that leads to a hidden file is none.
#[test]
fn an_index_is_no_way_to_a_hidden_file() {
    let folder = folder();
    let root = folder.path().join("root");
    symlink("../.env", root.join("folder/index.html")).expect("a link");
    symlink("inner.txt", root.join("folder/index.htm")).expect("a link");
    for by in [By::Kernel, By::Server] {
        let program = serve(&root, by);
        let mut client = program.connect();
        client.send(&request("GET", "/folder/", &[]));
        assert_eq!(client.response("GET").text(), "inner", "{by:?}");
    }
}

/// Serves `root` while nothing at `place` ever answers: whoever looks there waits forever. `None` if
/// the tests may not arrange this. The file must be kept open.
fn serve_beside_hung(root: &Path, place: &Path) -> Option<(Program, std::fs::File)> {
    const MOUNT: &str = "mount -i -t fuse -o fd=0,rootmode=40000,user_id=0,group_id=0 hung \"$0\"";
    std::fs::create_dir(place).expect("a folder");
    let device = || {
        std::fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
    };
    let prepare = |device: std::fs::File, script: String| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]).arg(place);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(device);
        command
    };
    let probe = device().map(|device| prepare(device, MOUNT.to_owned()).output());
    if !matches!(&probe, Ok(Ok(output)) if output.status.success()) {
        skipped("the tests cannot mount a file system");
        return None;
    }
    let device = device().expect("it was open before");
    let kept = device.try_clone().expect("a copy");
    let mut command = prepare(device, format!("{MOUNT} && exec \"$@\" </dev/null"));
    command.arg(env!("CARGO_BIN_EXE_docroot"));
    command.args([
        "--log-format",
        "off",
        "--threads",
        "1",
        "--drain-timeout",
        "1s",
    ]);
    command.arg(root);
    Some((Program::start(&mut command), kept))
}

#[test]
fn a_link_that_leads_to_a_hung_disk_outside_holds_nobody_up() {
    let folder = folder();
    let root = folder.path().join("root");
    let hung = folder.path().join("hung");
    symlink(hung.join("x"), root.join("hung")).expect("a link");
    symlink("../../hung/x", root.join("folder/hung")).expect("a link");
    let Some((program, _kept)) = serve_beside_hung(&root, &hung) else {
        return;
    };
    let mut client = program.connect();
    for target in ["/hung", "/hung/", "/folder/hung", "/folder/hung/x"] {
        client.send(&request("GET", target, &[]));
        assert_eq!(client.response("GET").status, 404, "{target}");
    }
    for target in ["/", "/folder/"] {
        client.send(&request("GET", target, &[]));
        assert_eq!(client.response("GET").status, 200, "{target}");
    }
}

/// Below the root, a worker waits for the disk. The server ends in spite of it.
#[test]
fn a_hung_disk_below_the_root_does_not_keep_the_server_from_its_end() {
    let folder = folder();
    let root = folder.path().join("root");
    let Some((program, _kept)) = serve_beside_hung(&root, &root.join("hung")) else {
        return;
    };
    let mut client = program.connect();
    client.send(&request("GET", "/real.txt", &[]));
    assert_eq!(client.response("GET").text(), "real");
    client.send(&request("GET", "/hung/x", &[]));
    program.signal(Signal::TERM);
    program.wait();
}

/// Ends the other thread of a test, also if this one panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps two names in the root all the time. Meanwhile, a request for `target` gives `want` or nothing.
fn check_swapped(names: [&str; 2], target: &str, want: &str) {
    const REQUESTS: usize = 2000;
    for by in [By::Kernel, By::Server] {
        let folder = folder();
        let root = folder.path().join("root");
        let [one, other] = names.map(|name| root.join(name));
        let program = serve(&root, by);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // One call swaps the two, so that no moment is without either.
                while !is_over.load(Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).expect("a swap");
                }
            });
            let _end = Ends(&is_over);
            let mut client = program.connect();
            for _ in 0..REQUESTS {
                client.send(&request("GET", target, &[]));
                let response = client.response("GET");
                let is_right = response.status == 200 && response.text() == want;
                let at = format!("{by:?}: {target}: {response:?}");
                assert!(is_right || response.status == 404, "{at}");
            }
        });
    }
}

/// Whatever the name stands for at each step, no answer holds a byte from outside.
#[test]
fn a_folder_that_keeps_turning_into_a_link_never_leads_out() {
    check_swapped(["folder", "out-folder"], "/folder/inner.txt", "inner");
}

/// The same on the way of a link, before and behind its `..`.
#[test]
fn a_folder_on_the_way_of_a_link_never_leads_out() {
    check_swapped(["folder", "out-folder"], "/to-folder/inner.txt", "inner");
    check_swapped(["folder", "out-folder"], "/detour", "inner");
    check_swapped(["folder", "parent"], "/winding", "real");
}

#[test]
fn a_link_that_keeps_turning_never_leads_out_or_to_a_hidden_name() {
    check_swapped(["to-folder", "out-folder"], "/to-folder/inner.txt", "inner");
    check_swapped(
        ["to-folder", "git-by-link"],
        "/to-folder/inner.txt",
        "inner",
    );
}
