//! The path of the root, which leads to another directory while the server runs.
#![allow(clippy::disallowed_methods, reason = "tests write files")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::SiteRoot;
use support::{Setup, TestServer, until};

/// More than the sockets between two ends of the loopback hold.
const LARGE: usize = 48 << 20;

/// A server of what is at `root`, which is below the folder of the test, as is everything in `files`.
fn serve(root: &str, files: &[(&str, &str)], links: &[(&str, &str)]) -> TestServer {
    let setup = files.iter().fold(Setup::new(), |setup, (name, content)| {
        setup.file(name, content)
    });
    for (target, name) in links {
        symlink(target, setup.root().join(name)).expect("a link");
    }
    let path = setup.root().join(root);
    setup.with(|config| config.root = path).start()
}

fn release(path: &Path, content: &str) {
    fs::create_dir(path).expect("a folder");
    fs::write(path.join("index.html"), content).expect("a file");
}

/// Points the link `name` at `target` in one step, as deployments do.
fn swap(folder: &Path, target: &str, name: &str) {
    symlink(target, folder.join("new")).expect("a link");
    fs::rename(folder.join("new"), folder.join(name)).expect("renamed");
}

#[track_caller]
fn check_becomes(server: &TestServer, target: &str, want: &str) {
    until(want, || {
        let answer = server.get(target, &[]);
        answer.status == 200 && answer.text() == want
    });
}

#[test]
fn a_folder_that_is_built_anew_is_served_anew() {
    let server = serve("dist", &[("dist/index.html", "1")], &[]);
    check_becomes(&server, "/", "1");
    let dist = server.root.join("dist");
    fs::remove_dir_all(&dist).expect("removed");
    assert_eq!(server.get("/", &[]).status, 404);
    release(&dist, "2");
    check_becomes(&server, "/", "2");
    // A listing shows the new folder, too.
    fs::remove_file(dist.join("index.html")).expect("removed");
    fs::write(dist.join("only-here"), "3").expect("a file");
    until("a listing", || {
        server.get("/", &[]).text().contains("only-here")
    });
}

#[test]
fn a_link_that_is_swapped_leads_new_requests_to_the_new_release() {
    let files = [("r1/index.html", "1"), ("r2/index.html", "2")];
    let server = serve("current", &files, &[("r1", "current")]);
    check_becomes(&server, "/", "1");
    let large: Vec<u8> = (0..LARGE / 4)
        .flat_map(|n| (n as u32).to_le_bytes())
        .collect();
    fs::write(server.root.join("r1/large"), &large).expect("a file");
    let mut client = server.connect();
    client.send(b"GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.head();
    assert_eq!(head.status, 200);
    swap(&server.root, "r2", "current");
    check_becomes(&server, "/", "2");
    fs::remove_dir_all(server.root.join("r1")).expect("removed");
    assert_eq!(server.get("/large", &[]).status, 404);
    assert!(client.take(LARGE) == large, "it ends from the old release");
    swap(&server.root, "nowhere", "current");
    assert_eq!(server.get("/", &[]).text(), "2", "the last one stays");
}

#[test]
fn a_root_that_was_renamed_stays_until_another_has_its_name() {
    let server = serve("dist", &[("dist/index.html", "1")], &[]);
    let path = |name: &str| -> PathBuf { server.root.join(name) };
    fs::rename(path("dist"), path("old")).expect("renamed");
    fs::write(path("old/index.html"), "1 still").expect("a file");
    check_becomes(&server, "/", "1 still");
    release(&path("dist"), "2");
    check_becomes(&server, "/", "2");
}

#[test]
fn a_single_file_is_followed_into_a_folder_that_is_made_again() {
    let server = serve("dist/index.html", &[("dist/index.html", "1")], &[]);
    check_becomes(&server, "/index.html", "1");
    let dist = server.root.join("dist");
    fs::remove_dir_all(&dist).expect("removed");
    release(&dist, "2");
    check_becomes(&server, "/index.html", "2");
}

/// The root of each site is followed like the first one.
#[test]
fn the_link_of_a_site_that_is_swapped_leads_to_the_new_release() {
    let setup = Setup::new()
        .file("main/index.html", "main")
        .file("site/r1/index.html", "1")
        .file("site/r2/index.html", "2")
        .file("site/r1/large", vec![b'o'; LARGE]);
    let site = setup.root().join("site");
    symlink("r1", site.join("current")).expect("a link");
    let root = setup.root().join("main");
    let server = setup
        .with(|config| {
            config.root = root;
            config.sites = vec![SiteRoot {
                host: HostPattern::Name("docs.example".into()),
                root: site.join("current"),
            }];
        })
        .start();
    let site = server.root.join("site");
    let connect = |target: &str| {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: docs.example\r\n\r\n").as_bytes());
        client
    };
    let page = || connect("/").response("GET").text();
    assert_eq!(page(), "1");
    let mut download = connect("/large");
    assert_eq!(download.head().status, 200);
    swap(&site, "r2", "current");
    // Each worker follows by itself, and a new connection may meet either.
    until("the new release", || (0..8).all(|_| page() == "2"));
    fs::remove_dir_all(site.join("r1")).expect("removed");
    assert_eq!(connect("/large").response("GET").status, 404);
    let rest = download.take(LARGE);
    assert!(rest.iter().all(|&byte| byte == b'o'), "it ends as it began");
    assert_eq!(server.get("/", &[]).text(), "main");
    swap(&site, "nowhere", "current");
    assert_eq!(page(), "2", "the last one stays");
}
