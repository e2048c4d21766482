//! Another configuration while the server runs: what changes, what stays, and that no connection is
//! dropped.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Bind, Config, Port, SiteRoot};
use docroot::net::privileges::options::Landlock;
use docroot::net::privileges::user::UserName;
use docroot::net::server::Server;
use docroot::net::tls::options::{CertificateSource, ClientAuthentication, TlsOptions, TlsVersion};
use docroot::observe::options::LogFormat;
use docroot::site::budget::Account;
use docroot::site::options::TagSource;
use support::slow::SlowDisk;
use support::{Setup, TestServer, request, until};

/// More than the buffers of two sockets take.
const LARGE: usize = 64 << 20;

fn site(folder: &Path, host: &str) -> SiteRoot {
    SiteRoot {
        host: HostPattern::parse(host).expect("a host"),
        root: folder.to_owned(),
    }
}

#[track_caller]
fn reload(server: &TestServer, change: impl FnOnce(&mut Config)) {
    let ignored = server.reload(change).expect("it is taken over");
    assert_eq!(ignored, [""; 0]);
}

/// A server that may read folders that it did not know at its start.
fn unconfined(setup: Setup) -> TestServer {
    setup
        .with(|config| config.privileges.landlock = Landlock::Off)
        .start()
}

/// Every worker goes over. Each has its own connections, so a new one may meet either.
#[track_caller]
fn until_each(server: &TestServer, what: &str, mut is_new: impl FnMut(&support::Response) -> bool) {
    until(what, || (0..8).all(|_| is_new(&server.get("/a.txt", &[]))));
}

#[test]
fn rules_change_on_a_kept_connection() {
    let server = TestServer::of(&[("a.txt", "here")]);
    let mut client = server.connect();
    let mut ask = |target: &str| {
        client.send(&request("GET", target, &[]));
        client.response("GET")
    };
    assert_eq!(ask("/a.txt").field("X-A"), None);
    reload(&server, |config| {
        config.rules.add_field("X-A: b").expect("a field");
        config
            .rules
            .redirects
            .add("/old=/a.txt")
            .expect("a redirect");
        config.rules.add_cache("/**=max-age=60").expect("a rule");
    });
    until("the field is sent", || {
        ask("/a.txt").field("X-A") == Some("b")
    });
    assert_eq!(ask("/a.txt").field("Cache-Control"), Some("max-age=60"));
    assert_eq!(ask("/old").status, 301);
    // The configuration at the start has none of them.
    reload(&server, |_| ());
    until("the field is gone", || ask("/a.txt").field("X-A").is_none());
    assert_eq!(ask("/old").status, 404);
}

/// What is in the cache was made with other options.
#[test]
fn options_of_files_change_what_was_cached() {
    let server = TestServer::of(&[("a.txt", "here"), ("d/b.txt", "")]);
    let before = server.get("/a.txt", &[]);
    assert_eq!(
        before.field("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    reload(&server, |config| {
        config.site.types.add("txt=text/x-own").expect("a type");
        config.site.etag = TagSource::Content;
        config.site.listing = false;
        config.site.hidden = true;
    });
    until_each(&server, "the type is new", |response| {
        response.field("Content-Type") == Some("text/x-own; charset=utf-8")
    });
    assert_ne!(
        server.get("/a.txt", &[]).field("ETag"),
        before.field("ETag")
    );
    assert_eq!(server.get("/d/", &[]).status, 404);
    server.write(".shown", "");
    assert_eq!(server.get("/.shown", &[]).status, 200);
}

#[test]
fn sites_come_and_go() {
    let server = unconfined(Setup::new().file("a.txt", "first"));
    let [other, third] = ["other", "third"].map(|text| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.txt"), text).expect("a file");
        folder
    });
    let text = |host: &str| {
        let mut client = server.connect();
        client.send(format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        client.response("GET").text()
    };
    reload(&server, |config| {
        config.sites = vec![site(other.path(), "other.example")];
    });
    until("the site is there", || {
        (0..8).all(|_| text("other.example") == "other")
    });
    assert_eq!(text("x.example"), "first");
    reload(&server, |config| third.path().clone_into(&mut config.root));
    until("the root is another", || {
        (0..8).all(|_| text("other.example") == "third")
    });
    // A configuration that cannot be opened changes nothing.
    let absent = third.path().join("absent");
    let fault = server
        .reload(|config| config.root = absent)
        .expect_err("no root");
    assert!(fault.to_string().contains("absent"), "{fault}");
    let absent = third.path().join("absent");
    let fault = server.reload(|config| {
        config.rules.add_field("X-A: b").expect("a field");
        config.sites = vec![site(&absent, "other.example")];
    });
    fault.expect_err("no root of a site");
    let response = server.get("/a.txt", &[]);
    assert_eq!((&*response.text(), response.field("X-A")), ("third", None));
}

/// The download was begun before, and ends from the file that it began with.
#[test]
fn a_response_under_way_ends_from_the_old_root() {
    let server = unconfined(Setup::new().file("large.bin", vec![b'o'; LARGE]));
    let other = tempfile::tempdir().expect("a folder");
    fs::write(other.path().join("large.bin"), "new").expect("a file");
    let mut client = server.connect();
    client.send(&request("GET", "/large.bin", &[]));
    assert_eq!(client.head().status, 200);
    reload(&server, |config| other.path().clone_into(&mut config.root));
    until("new requests are answered from the new root", || {
        (0..8).all(|_| server.get("/large.bin", &[]).body == b"new")
    });
    assert!(client.take(LARGE).iter().all(|&byte| byte == b'o'));
    client.send(&request("GET", "/large.bin", &[]));
    assert_eq!(client.response("GET").body, b"new");
}

#[test]
fn what_cannot_change_is_told_and_stays() {
    let server = TestServer::of(&[("a.txt", "here")]);
    let ignored = server.reload(|config| {
        config.bind = Bind::loopback();
        config.port = Port::Fixed(1);
        config.threads = 1;
        config.disk_threads = 9;
        config.inspect = true;
        config.lab = true;
        config.site.memory = 1 << 20;
        config.site.cache_memory = 1 << 19;
        config.limits.max_connections = 1;
        config.limits.max_head = 100;
        config.privileges.user = UserName::parse("nobody").ok();
        config.privileges.landlock = Landlock::Require;
        config.log.format = LogFormat::Json;
        config.log.file = Some("access.log".into());
        config.tls = Some(TlsOptions {
            certificate: CertificateSource::SelfSigned,
            clients: ClientAuthentication::None,
            client_depth: TlsOptions::CLIENT_DEPTH,
            min: TlsVersion::Tls12,
            hsts: None,
            redirect: Some(1),
        });
        config.rules.add_field("X-A: b").expect("a field");
    });
    let want = [
        "--bind",
        "--port",
        "--threads",
        "--disk-threads",
        "--inspect",
        "--lab",
        "--memory",
        "--cache-memory",
        "--user",
        "--landlock",
        "--max-connections",
        "--max-head",
        "whether HTTPS is on",
        "--http-redirect",
        "whether there is a log",
        "--log-file",
    ];
    assert_eq!(ignored.expect("it is taken over"), want);
    until_each(&server, "the rest is new", |response| {
        response.field("X-A") == Some("b")
    });
    assert_eq!(server.get("/.docroot/", &[]).status, 404);
    let long = "a".repeat(1000);
    assert_eq!(server.get("/a.txt", &[("X-Long", &long)]).status, 200);
}

#[test]
fn limits_and_deadlines_change() {
    let server = TestServer::of(&[("a.txt", "here")]);
    reload(&server, |config| config.limits.max_target = 10);
    until("long targets are refused", || {
        (0..8).all(|_| server.get("/longer/than/ten", &[]).status == 414)
    });
}

#[test]
fn the_log_changes_between_two_lines() {
    let (setup, page) = Setup::new().logging(LogFormat::Combined);
    let server = setup.file("a.txt", "here").start();
    server.get("/a.txt", &[]);
    until("a line is written", || {
        page.lines()
            .iter()
            .any(|line| line.starts_with("127.0.0.1 - - ["))
    });
    reload(&server, |config| config.log.format = LogFormat::Json);
    until("a line is JSON", || {
        server.get("/a.txt", &[]);
        page.lines().iter().any(|line| line.starts_with("{\""))
    });
}

/// Reloads all the time, while clients ask. Everything that is held belongs to the last configuration.
#[test]
fn many_reloads_hold_nothing() {
    let server = TestServer::of(&[("a.txt", "here"), ("b.txt", "there")]);
    let descriptors = || fs::read_dir("/proc/self/fd").expect("descriptors").count();
    let turn = |number: usize| {
        reload(&server, |config| {
            let field = format!("X-Number: {number}");
            config.rules.add_field(&field).expect("a field");
        });
        let want = number.to_string();
        until_each(&server, "the number is new", |response| {
            response.field("X-Number") == Some(&want)
        });
        server.get("/b.txt", &[]);
    };
    (0..10).for_each(turn);
    let before = (server.held(Account::Contents), descriptors());
    (10..60).for_each(turn);
    let is_flat = || {
        let held = server.held(Account::Contents);
        held <= before.0 && descriptors() <= before.1
    };
    until("nothing is held for earlier configurations", is_flat);
}

/// The rules that counted when the request came forbid nothing. Those that count when the disk answers do.
#[test]
fn what_waits_for_the_disk_is_decided_again() {
    let disk = SlowDisk::holding();
    let mut setup = Setup::new()
        .file("hidden/.x", "secret")
        .file("d/a.txt", "secret")
        .with(|config| {
            config.threads = 1;
            config.site.hidden = true;
        });
    setup.slow = Some((disk.clone(), 64));
    let server = setup.start();
    let mut clients = ["/hidden/.x", "/d/a.txt", "/d/"].map(|target| {
        let mut client = server.connect();
        client.send(&request("GET", target, &[]));
        client
    });
    disk.await_jobs(clients.len());
    reload(&server, |config| {
        config.site.hidden = false;
        config
            .rules
            .redirects
            .add("/d/**=/elsewhere")
            .expect("a redirect");
        config.site.listing = false;
    });
    disk.open();
    let statuses = clients
        .each_mut()
        .map(|client| client.response("GET").status);
    assert_eq!(statuses, [404, 301, 301]);
}

#[test]
fn a_lower_limit_spares_a_request_that_has_begun() {
    // A single worker reads what came earlier first.
    let server = Setup::new()
        .file("a.txt", "here")
        .with(|config| config.threads = 1)
        .start();
    let mut client = server.connect();
    client.send(
        b"GET /a.txt HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nX-A: a\r\nX-B: b\r\n\r\nab",
    );
    // Once another client has its response, the head is read.
    assert_eq!(server.get("/a.txt", &[]).status, 200);
    reload(&server, |config| config.limits.max_fields = 2);
    until("the limit is lower", || {
        let fields = [("X-A", "a"), ("X-B", "b"), ("X-C", "c")];
        server.get("/a.txt", &fields).status == 431
    });
    client.send(b"cd");
    assert_eq!(client.response("GET").status, 200);
}

#[test]
fn a_drain_lasts_as_long_as_the_last_configuration_says() {
    let mut server = Setup::new()
        .file("large.bin", vec![b'o'; LARGE])
        .with(|config| config.deadlines.drain = Duration::from_secs(3600))
        .start();
    let mut client = server.connect();
    client.send(&request("GET", "/large.bin", &[]));
    assert_eq!(client.head().status, 200);
    reload(&server, |config| {
        config.deadlines.drain = Duration::from_millis(10)
    });
    server.drain();
    // The client reads nothing more, so only the deadline ends it.
    server.wait();
}

/// What a WebSocket is told follows the rules of its beginning, so it ends with them.
#[test]
fn conversations_end_if_the_configuration_changes() {
    let server = Setup::new().with(|config| config.lab = true).start();
    let mut client = server.connect();
    client.send(
        b"GET /.docroot/lab/echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert_eq!(client.head().status, 101);
    // The same configuration again ends nothing.
    reload(&server, |_| ());
    client.send(b"\x81\x82\0\0\0\0hi");
    assert_eq!(client.take(4), b"\x81\x02hi");
    reload(&server, |config| {
        config.rules.add_field("X-A: b").expect("a field")
    });
    // Close, 1001 (going away).
    let close = client.take(4);
    assert_eq!((close[0], &close[2..]), (0x88, &[3, 0xe9][..]));
}

#[test]
fn nothing_of_the_first_root_is_held() {
    let server = TestServer::of(&[("a.txt", "here")]);
    let folders = || {
        let open = fs::read_dir("/proc/self/fd").expect("descriptors");
        let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| *target == server.root).count()
    };
    until("the root is open", || folders() > 0);
    let other = tempfile::tempdir().expect("a folder");
    reload(&server, |config| other.path().clone_into(&mut config.root));
    until("the old root is closed", || folders() == 0);
}

#[test]
fn a_reload_does_not_wait_for_a_server_that_was_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::new(folder.path().to_owned(), 1, 16);
    let config = Config {
        port: Port::Fixed(0),
        ..config
    };
    let server = Server::bind(config.clone(), Arc::default()).expect("it starts");
    let handle = server.handle();
    let reload = thread::spawn(move || {
        handle
            .reload(config, Arc::default())
            .expect("nothing is wrong")
            .is_none()
    });
    drop(server);
    assert!(reload.join().expect("no panic"), "it has stopped");
}
