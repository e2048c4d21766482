//! The administrative pages: what operators and load balancers see of a server from outside.

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Config, SiteRoot};
use docroot::net::privileges::options::Landlock;
use docroot::observe::options::{Detail, LogFormat, LogOptions};
use rustix::process::Signal;
use support::fuse::SlowFs;
use support::page::Page;
use support::program::{Program, command};
use support::{Client, Response, Setup, TestServer, find, request, until};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

fn server() -> TestServer {
    Setup::new().file("a.txt", "here").admin().start()
}

fn status(server: &TestServer, target: &str) -> u16 {
    server.admin("GET", target, &[]).status
}

#[test]
fn health_is_a_page_like_any_other() {
    let server = server();
    let response = server.admin("GET", "/health", &[]);
    assert_eq!((response.status, &*response.text()), (200, "ok\n"));
    assert_eq!(response.field("Cache-Control"), Some("no-store"));
    assert_eq!(response.field("X-Content-Type-Options"), Some("nosniff"));
    let tag = response.field("ETag").expect("an entity-tag").to_owned();
    let unchanged = server.admin("GET", "/health", &[("If-None-Match", &tag)]);
    assert_eq!(unchanged.status, 304);
    let head = server.admin("HEAD", "/health", &[]);
    assert_eq!(
        (head.status, head.field("Content-Length")),
        (200, Some("3"))
    );
    let options = server.admin("OPTIONS", "/health", &[]);
    assert_eq!(options.status, 204);
    assert_eq!(options.field("Allow"), Some("GET, HEAD, OPTIONS"));
    let refused = server.admin("POST", "/health", &[]);
    assert_eq!(refused.status, 405);
    assert_eq!(refused.field("Allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(status(&server, "/nothing"), 404);
}

/// Neither listener has what the other one serves.
#[test]
fn the_site_and_the_pages_are_apart() {
    let server = server();
    assert_eq!(server.get("/health", &[]).status, 404);
    assert_eq!(status(&server, "/a.txt"), 404);
    server.write("health", "of the site");
    assert_eq!(server.get("/health", &[]).text(), "of the site");
    assert_eq!(server.admin("GET", "/health", &[]).text(), "ok\n");
}

/// A foreign page can make its own name mean the address of the listener, whatever the site answers for.
#[test]
fn a_foreign_host_is_misdirected() {
    let named = HostPattern::Name("admin.intra".into());
    for allowed in [vec![], vec![HostPattern::Any], vec![named.clone()]] {
        let is_named = allowed.contains(&named);
        let setup = Setup::new().admin();
        let setup = setup.with(|config| config.allow_hosts = allowed);
        check_hosts(&setup.start(), is_named);
    }
}

fn check_hosts(server: &TestServer, is_named: bool) {
    let status = |line: &str, host: &str, more: &str| {
        let mut client = server.connect_admin();
        client.send(format!("{line}\r\nHost: {host}\r\n{more}\r\n").as_bytes());
        client.response("GET").status
    };
    let named = if is_named { 200 } else { 421 };
    for (host, want) in [
        ("evil.example", 421),
        ("localhost:9090", 200),
        ("127.0.0.1", 200),
        ("192.0.2.7:9090", 200),
        ("[2001:db8::7]", 200),
        ("admin.intra", named),
    ] {
        for path in ["/health", "/config", "/metrics"] {
            let got = status(&format!("GET {path} HTTP/1.1"), host, "");
            assert_eq!(got, want, "{host} {path}");
        }
    }
    // To a browser, such a page has the same origin.
    let fields = "Origin: http://evil.example\r\nContent-Length: 0\r\n";
    let put = status("PUT /log-level HTTP/1.1", "evil.example", fields);
    assert_eq!(put, 421);
    // What HAProxy sends if it is not told otherwise.
    let mut client = server.connect_admin();
    client.send(b"OPTIONS /health HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("OPTIONS").status, 204);
}

/// What a client asked through a name of another time is misdirected, on connections of that time too.
#[test]
fn a_reload_changes_the_hosts_and_the_deadlines() {
    let name = |name: &str| vec![HostPattern::Name(name.into())];
    let setup = Setup::new().admin().with(|config| {
        config.allow_hosts = name("old.intra");
        config.deadlines.head = LONG;
    });
    let server = setup.start();
    let ask = |client: &mut Client, host: &str| {
        client.send(format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        client.response("GET").status
    };
    let mut kept = server.connect_admin();
    assert_eq!(ask(&mut kept, "old.intra"), 200);
    assert_eq!(ask(&mut server.connect_admin(), "new.intra"), 421);
    let change = |config: &mut Config| {
        config.allow_hosts = name("new.intra");
        config.deadlines.head = Duration::from_millis(10);
    };
    server.reload(change).expect("a configuration");
    until("it answers for the new name", || {
        ask(&mut server.connect_admin(), "new.intra") == 200
    });
    assert_eq!(ask(&mut server.connect_admin(), "old.intra"), 421);
    assert_eq!(ask(&mut kept, "old.intra"), 421);
    let mut half = server.connect_admin();
    half.send(b"GET /health HTTP/1.1\r\n");
    assert_eq!(half.response("GET").status, 408);
}

/// Browsers cannot use such a socket.
#[test]
fn a_socket_has_any_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("admin");
    let mut command = command();
    command.args(["--log-format", "off", "--allow-host", "files.example"]);
    command
        .arg("--admin")
        .arg(format!("unix:{}", socket.display()));
    let program = Program::start(command.arg(folder.path()));
    let stream = UnixStream::connect(&socket).expect("it accepts");
    let mut client = Client::of(TcpStream::from(OwnedFd::from(stream)));
    client.send(b"GET /health HTTP/1.1\r\nHost: any.example\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
    drop(program);
}

/// Until the delay is over, the server serves as before, and says that it will leave.
#[test]
fn a_server_that_leaves_serves_and_says_so() {
    let mut server = Setup::new()
        .file("a.txt", "here")
        .admin()
        .with(|config| config.drain_delay = LONG)
        .start();
    let mut kept = server.connect();
    kept.send(&request("GET", "/a.txt", &[]));
    assert_eq!(kept.response("GET").status, 200);
    server.leave();
    until("it says that it leaves", || {
        status(&server, "/health") == 503
    });
    let response = server.admin("GET", "/health", &[]);
    assert_eq!(response.text(), "shutting down\n");
    assert!(response.field("Retry-After").is_some());
    // Connections that are open stay open, and new ones are accepted.
    kept.send(&request("GET", "/a.txt", &[]));
    let response = kept.response("GET");
    assert_eq!((response.status, response.field("Connection")), (200, None));
    assert_eq!(server.get("/a.txt", &[]).text(), "here");
    // A second order is obeyed at once.
    server.leave();
    server.wait();
}

#[test]
fn the_server_drains_when_the_delay_is_over() {
    let mut server = Setup::new()
        .admin()
        .with(|config| config.drain_delay = Duration::from_millis(50))
        .start();
    let mut kept = server.connect();
    kept.send(&request("GET", "/", &[]));
    assert_eq!(kept.response("GET").status, 200);
    server.leave();
    assert_eq!(kept.rest(), b"", "the idle connection ends");
    server.wait();
}

/// While responses are finished, the pages still answer.
#[test]
fn a_server_that_drains_is_not_healthy() {
    let server = server();
    let mut slow = server.connect();
    slow.send(b"GET /a.txt HTTP/1.1\r\n");
    until("it reads a request", || {
        server.counters.connections_open.value() == 1
    });
    server.drain();
    until("it says so", || status(&server, "/health") == 503);
    slow.send(b"Host: test\r\n\r\n");
    assert_eq!(slow.response("GET").status, 200);
}

/// A full house does not look like a broken one.
#[test]
fn clients_of_the_site_take_no_place_of_an_operator() {
    let server = Setup::new()
        .file("a.txt", "here")
        .admin()
        .with(|config| config.limits.max_connections = 1)
        .start();
    let mut only = server.connect();
    only.send(&request("GET", "/a.txt", &[]));
    assert_eq!(only.response("GET").status, 200);
    assert_eq!(server.get("/a.txt", &[]).status, 503);
    assert_eq!(status(&server, "/health"), 200);
    // An operator takes none of theirs, and is not counted among them.
    let _operator = server.connect_admin();
    drop(only);
    until("there is a place", || {
        server.get("/a.txt", &[]).status == 200
    });
}

#[test]
fn a_signal_begins_the_delay_and_a_second_one_ends_it() {
    for second in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = command();
        command.args(["--log-format", "off", "--drain-delay", "1h"]);
        let socket = folder.path().join("admin");
        command.arg("--admin");
        command.arg(format!("unix:{},mode=0600", socket.display()));
        let program = Program::start(command.arg(folder.path()));
        let health = || {
            let stream = UnixStream::connect(&socket).expect("it accepts");
            let mut client = Client::of(TcpStream::from(OwnedFd::from(stream)));
            client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
            client.response("GET").status
        };
        assert_eq!(health(), 200);
        program.signal(Signal::TERM);
        until("it says so", || health() == 503);
        program.until_said("shutting down in 1h");
        program.signal(second);
        assert_eq!(program.wait().0.code(), Some(1), "it did not drain");
        assert!(!socket.exists(), "the file is left");
    }
}

/// Whoever has pressed Ctrl-C waits for the end.
#[test]
fn an_interrupt_ends_the_program_without_a_delay() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--log-format", "off", "--drain-delay", "1h"]);
    let program = Program::start(command.arg(folder.path()));
    program.signal(Signal::INT);
    assert_eq!(program.wait().0.code(), Some(0));
}

/// The root may vanish and come back, as with a build.
/// Tests `guide::admin::waiting::ready`.
#[test]
fn a_server_without_its_root_is_not_ready() {
    let server = server();
    let ready = server.admin("GET", "/ready", &[]);
    assert_eq!((ready.status, &*ready.text()), (200, "ready\n"));
    assert_eq!(server.admin("HEAD", "/ready", &[]).status, 200);
    let away = server.root.with_extension("away");
    std::fs::rename(&server.root, &away).expect("renamed");
    let ready = server.admin("GET", "/ready", &[]);
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("does not exist"), "{}", ready.text());
    assert_eq!(status(&server, "/health"), 200, "it serves the old one");
    std::fs::rename(&away, &server.root).expect("renamed");
    assert_eq!(status(&server, "/ready"), 200);
}

/// A disk that does not answer is no reason to answer nobody.
#[test]
fn a_server_whose_disk_hangs_is_not_ready() {
    let (folder, place) = (tempfile::tempdir(), tempfile::tempdir());
    let (folder, place) = (folder.expect("a folder"), place.expect("a folder"));
    std::fs::create_dir(folder.path().join("www")).expect("a folder");
    let Some(mut disk) = SlowFs::mount(folder.path(), place.path()) else {
        return;
    };
    let server = Setup::new()
        .admin()
        .with(|config| config.root = place.path().join("www"))
        .start();
    assert_eq!(status(&server, "/ready"), 200);
    disk.order("hold all");
    // The second one waits behind the first.
    for _ in 0..2 {
        check_hangs(&server, &place.path().join("www"));
        assert_eq!(status(&server, "/health"), 200);
        assert_eq!(status(&server, "/metrics"), 200);
    }
    disk.order("release");
    until("it is ready", || status(&server, "/ready") == 200);
}

/// The root that does not answer is named.
fn check_hangs(server: &TestServer, root: &Path) {
    let ready = server.admin("GET", "/ready", &[]);
    let want = format!("{root:?} was not checked: the disk does not answer\n");
    assert_eq!((ready.status, ready.text()), (503, want));
}

/// A reload leads away from a disk that hangs, and the checks that still hang there hold up no other.
#[test]
fn a_reload_away_from_a_disk_that_hangs_makes_a_server_ready() {
    let (folder, place) = (tempfile::tempdir(), tempfile::tempdir());
    let (folder, place) = (folder.expect("a folder"), place.expect("a folder"));
    std::fs::create_dir(folder.path().join("www")).expect("a folder");
    let Some(mut disk) = SlowFs::mount(folder.path(), place.path()) else {
        return;
    };
    let links = tempfile::tempdir().expect("a folder");
    let link = links.path().join("current");
    let lead_to = |target: &Path| {
        let new = links.path().join("new");
        std::os::unix::fs::symlink(target, &new).expect("a link");
        std::fs::rename(new, &link).expect("renamed");
    };
    lead_to(&place.path().join("www"));
    let server = Setup::new()
        .admin()
        .with(|config| {
            config.root = link.clone();
            // The reload leads to what was not served before.
            config.privileges.landlock = Landlock::Off;
        })
        .start();
    assert_eq!(status(&server, "/ready"), 200);
    disk.order("hold all");
    for _ in 0..2 {
        check_hangs(&server, &link);
    }
    // The same path, now on another disk.
    lead_to(folder.path());
    server.reload(|_| ()).expect("a configuration");
    until("it is ready", || status(&server, "/ready") == 200);
    // A root that hangs is named, and not the one before it.
    lead_to(&place.path().join("www"));
    check_hangs(&server, &link);
    server
        .reload(|config| config.root = folder.path().into())
        .expect("a configuration");
    until("it is ready", || status(&server, "/ready") == 200);
    disk.order("release");
}

#[test]
fn every_root_must_be_there() {
    let other = tempfile::tempdir().expect("a folder");
    let server = Setup::new()
        .admin()
        .with(|config| {
            config.sites.push(SiteRoot {
                host: HostPattern::Name("a.example".into()),
                root: other.path().into(),
            });
        })
        .start();
    assert_eq!(status(&server, "/ready"), 200);
    drop(other);
    assert_eq!(status(&server, "/ready"), 503);
}

#[test]
fn a_server_that_leaves_is_not_ready() {
    let server = Setup::new()
        .admin()
        .with(|config| config.drain_delay = LONG)
        .start();
    server.leave();
    until("it says so", || status(&server, "/ready") == 503);
    // What it is and does is of interest until its end.
    assert_eq!(status(&server, "/metrics"), 200);
    assert_eq!(status(&server, "/config"), 200);
}

fn with_log() -> (TestServer, Page) {
    let page = Page::default();
    let mut setup = Setup::new().file("a.txt", "here").admin().with(|config| {
        config.log = LogOptions {
            format: LogFormat::Pretty,
            detail: Detail::Brief,
            ..LogOptions::OFF
        };
    });
    setup.sink = Some(Box::new(page.clone()));
    (setup.start(), page)
}

/// `PUT /log-level` with this content.
fn put(server: &TestServer, level: &str, fields: &[(&str, &str)]) -> Response {
    let length = level.len().to_string();
    let fields = [fields, &[("Content-Length", &length)]].concat();
    let mut client = server.connect_admin();
    client.send(&[request("PUT", "/log-level", &fields), level.into()].concat());
    client.response("PUT")
}

/// Tests `guide::admin::log_level::put`.
#[test]
fn the_log_level_changes_while_the_server_runs() {
    let (server, page) = with_log();
    let level = || server.admin("GET", "/log-level", &[]).text();
    assert_eq!(level(), "brief\n");
    server.get("/a.txt?1", &[]);
    assert_eq!(put(&server, "errors\n", &[]).status, 204);
    assert_eq!(level(), "errors\n");
    server.get("/a.txt?2", &[]);
    server.get("/absent?3", &[]);
    assert_eq!(put(&server, "heads", &[]).status, 204);
    server.get("/a.txt?4", &[("X-Shown", "yes")]);
    // The operator's configuration applies again.
    server.reload(|_| ()).expect("a configuration");
    assert_eq!(level(), "brief\n");
    server.get("/a.txt?5", &[("X-Hidden", "yes")]);
    drop(server);
    let text = page.lines().join("\n");
    for (part, is_there) in [
        ("a.txt?1", true),
        ("a.txt?2", false),
        ("absent?3", true),
        ("a.txt?4", true),
        ("X-Shown", true),
        ("a.txt?5", true),
        ("X-Hidden", false),
        ("log-level", false),
    ] {
        assert_eq!(text.contains(part), is_there, "{part}: {text}");
    }
}

#[test]
fn what_cannot_be_a_log_level_changes_nothing() {
    let (server, _) = with_log();
    let unknown = put(&server, "loud", &[]);
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("errors, brief, full, heads"));
    assert_eq!(
        put(&server, "brief, and much more than that", &[]).status,
        413
    );
    for foreign in [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        assert_eq!(put(&server, "full", &[foreign]).status, 403, "{foreign:?}");
    }
    let refused = server.admin("DELETE", "/log-level", &[]);
    assert_eq!(refused.status, 405);
    assert_eq!(refused.field("Allow"), Some("GET, HEAD, OPTIONS, PUT"));
    let options = server.admin("OPTIONS", "/log-level", &[]);
    assert_eq!(options.field("Allow"), Some("GET, HEAD, OPTIONS, PUT"));
    assert_eq!(server.admin("BREW", "/log-level", &[]).status, 501);
    assert_eq!(server.admin("GET", "/log-level", &[]).text(), "brief\n");
}

/// Two operators may change the level at once.
#[test]
fn the_log_level_changes_only_if_the_request_means_what_it_is() {
    let (server, _) = with_log();
    let shown = server.admin("GET", "/log-level", &[]);
    let tag = shown.field("ETag").expect("an entity-tag").to_owned();
    for condition in [
        ("If-Match", "\"x\""),
        ("If-Match", &*format!("W/{tag}")),
        ("If-None-Match", "*"),
        ("If-None-Match", &tag),
    ] {
        let refused = put(&server, "full", &[condition]);
        assert_eq!(refused.status, 412, "{condition:?}");
        let text = refused.text();
        assert!(text.contains("The log level is brief."), "{text}");
        // What is no level is no level under any condition (section 13.2.1).
        assert_eq!(put(&server, "loud", &[condition]).status, 400);
    }
    let coded = put(&server, "full", &[("Content-Encoding", "gzip")]);
    assert_eq!(coded.status, 415);
    assert_eq!(coded.field("Accept-Encoding"), Some("identity"));
    let part = put(&server, "full", &[("Content-Range", "bytes 0-3/4")]);
    assert_eq!(part.status, 400);
    assert_eq!(server.admin("GET", "/log-level", &[]).text(), "brief\n");
    assert_eq!(put(&server, "full", &[("If-Match", &tag)]).status, 204);
    assert_eq!(put(&server, "errors", &[("If-Match", &tag)]).status, 412);
    assert_eq!(put(&server, "errors", &[("If-Match", "*")]).status, 204);
    let changed = [("If-None-Match", &*tag)];
    assert_eq!(put(&server, "brief", &changed).status, 204);
}

/// Only the format for people prints heads.
#[test]
fn a_log_without_heads_has_no_such_level() {
    let setup = Setup::new().admin().with(|config| {
        config.log = LogOptions {
            format: LogFormat::Json,
            detail: Detail::Brief,
            ..LogOptions::OFF
        };
    });
    let server = setup.start();
    let refused = put(&server, "heads", &[]);
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("Only --log-format pretty"),
        "{}",
        refused.text()
    );
    assert_eq!(server.admin("GET", "/log-level", &[]).text(), "brief\n");
    assert_eq!(put(&server, "full", &[]).status, 204);
    assert_eq!(server.admin("GET", "/log-level", &[]).text(), "full\n");
}

/// Otherwise nobody would know why the log says less.
#[test]
fn the_operator_is_told_of_a_change_of_the_log_level() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--log-format", "json", "--admin", "127.0.0.1:0"]);
    let program = Program::start(command.arg(folder.path()));
    let change = |level: &str| {
        let mut client = Client::of(TcpStream::connect(program.admin()).expect("it accepts"));
        let length = [("Content-Length", &*level.len().to_string())];
        client.send(&[request("PUT", "/log-level", &length), level.into()].concat());
        client.response("PUT").status
    };
    // What changes nothing is not told.
    assert_eq!((change("brief"), change("heads")), (204, 409));
    assert_eq!((change("errors"), change("full")), (204, 204));
    program.until_said("the log level is full until the next reload; it was errors");
    program.signal(Signal::INT);
    let said = program.wait().1;
    let told: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("the log level"))
        .collect();
    assert_eq!(
        told,
        [
            "docroot: the log level is errors until the next reload; it was brief",
            "docroot: the log level is full until the next reload; it was errors",
        ]
    );
}

#[test]
fn a_server_without_a_log_has_no_level() {
    let server = server();
    assert_eq!(server.admin("GET", "/log-level", &[]).text(), "off\n");
    assert_eq!(put(&server, "full", &[]).status, 409);
}

/// The configuration in use is what the operator has written, without the hashes of passwords.
#[cfg(feature = "full")]
#[test]
fn the_configuration_is_shown_without_secrets() {
    const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuRLLNyjJbQpQTdGLfZoKfcqfSOvvQOFW";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("docroot.toml");
    let write = |more: &str| {
        let text = format!("auth = ['/a/** b:{HASH}']\nadmin = '127.0.0.1:0'\n{more}");
        std::fs::write(&file, text).expect("a file");
    };
    write("");
    let mut command = command();
    command.args(["--log-format", "off", "--config"]).arg(&file);
    let program = Program::start(command.arg(folder.path()));
    let admin = program.admin();
    let config = || {
        let mut client = Client::of(TcpStream::connect(admin).expect("it accepts"));
        client.send(b"GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.response("GET").text()
    };
    let text = config();
    assert!(text.contains("\nauth = [\"***\"]\n"), "{text}");
    assert!(text.contains("\nadmin = \"127.0.0.1:0\"\n"), "{text}");
    assert!(text.contains("\nlog-format = \"off\"\n"), "{text}");
    assert!(
        !text.contains("$2b$") && !text.contains("\ninclude-hidden = true"),
        "{text}"
    );
    write("include-hidden = true\n");
    program.signal(Signal::HUP);
    until("the new one is in use", || {
        config().contains("\ninclude-hidden = true\n")
    });
    assert!(!config().contains("$2b$"));
    // The listener stays, and so does what it is for.
    let secret = "header = ['Authorization: Bearer x1', '/p/** X-Secret: x2', 'Link: <https://u:x3@a.example/b@c>', \
                  {name = 'X-Api-Key', value = 'x4'}, {name = 'X-A', value = '//x5@a/'}]\n";
    std::fs::write(&file, format!("spa = true\n{secret}")).expect("a file");
    program.signal(Signal::HUP);
    until("the last one is in use", || {
        config().contains("\nspa = \"index.html\"\n")
    });
    let text = config();
    for shown in [
        "    \"Authorization: ***\",\n    \"/p/** X-Secret: ***\",\n",
        "    \"Link: <https://***@a.example/b@c>\",\n",
        "    { name = \"X-Api-Key\", value = \"***\" },\n    { name = \"X-A\", value = \"//***@a/\" },\n",
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    let told = (1..=5).find(|number| text.contains(&format!("x{number}")));
    assert_eq!(told, None, "{text}");
}

/// The server that takes over has the listener too. Nobody is refused, and nobody is told that it leaves.
#[test]
fn a_server_that_is_replaced_stays_healthy() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, next) = (folder.path().join("admin"), folder.path().join("next"));
    let start = || {
        let mut command = command();
        command.args(["--log-format", "off", "--port", "0", "--bind", "127.0.0.1"]);
        command.arg("--take-over").arg(&next);
        command
            .arg("--admin")
            .arg(format!("unix:{}", socket.display()));
        Program::start_as_told(command.arg(folder.path()))
    };
    let connect = || {
        let stream = UnixStream::connect(&socket).expect("nobody is refused");
        Client::of(TcpStream::from(OwnedFd::from(stream)))
    };
    let ask = |client: &mut Client| {
        client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.response("GET")
    };
    let old = start();
    until("it waits for the next one", || next.exists());
    let mut kept = connect();
    assert_eq!(ask(&mut kept).status, 200);
    // Another connection that the old server serves while it finishes what it has begun.
    let mut slow = old.connect();
    slow.send(b"GET /absent HTTP/1.1\r\n");
    let new = start();
    old.until_said("another docroot has taken over");
    let last = loop {
        assert_eq!(ask(&mut connect()).status, 200);
        let response = ask(&mut kept);
        assert_eq!(response.status, 200);
        if response.field("Connection") == Some("close") {
            break response;
        }
    };
    assert_eq!(last.text(), "ok\n");
    slow.send(b"Host: localhost\r\n\r\n");
    assert_eq!(slow.response("GET").status, 404);
    assert_eq!(old.wait().0.code(), Some(0));
    assert_eq!(ask(&mut connect()).status, 200);
    new.signal(Signal::TERM);
    assert_eq!(new.wait().0.code(), Some(0));
    assert!(!socket.exists(), "the file is left");
}

/// Nobody needs more, and each of them costs memory. Whoever says nothing loses a place to the next one, although all are
/// on one machine.
#[test]
fn the_places_of_operators_are_bounded() {
    let server = server();
    let mut silent: Vec<Client> = (0..16).map(|_| server.connect_admin()).collect();
    for _ in 0..2 {
        let mut one_more = server.connect_admin();
        one_more.send(&request("GET", "/health", &[]));
        assert_eq!(one_more.response("GET").status, 200);
        silent.push(one_more);
    }
    let lost = silent
        .iter_mut()
        .filter_map(|one| one.has_answer().then_some(()));
    assert_eq!(lost.count(), 2);
}

/// The network that has all places.
const GREEDY: [u8; 4] = [127, 0, 0, 2];

/// What `/health` answers to a newcomer of this network.
fn health_for(server: &TestServer, source: [u8; 4]) -> u16 {
    let mut client = server.connect_admin_from(source);
    client.send(&request("GET", "/health", &[]));
    client.response("GET").status
}

#[test]
fn requests_of_operators_that_are_not_complete_give_way() {
    let halves = [
        "GET /health HTTP/1.1\r\nHost: loc",
        "PUT /log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nb",
    ];
    for half in halves {
        let server = Setup::new().admin().with(|config| {
            let deadlines = &mut config.deadlines;
            (deadlines.head, deadlines.body) = (LONG, LONG);
        });
        let server = server.start();
        let mut greedy: Vec<Client> = (0..16).map(|_| server.connect_admin_from(GREEDY)).collect();
        for client in &mut greedy {
            client.send(half.as_bytes());
        }
        until("a newcomer gets a place", || {
            health_for(&server, [127, 0, 0, 1]) == 200
        });
    }
}

/// They come in one moment, so the worker has not read what they have sent when the next one comes.
#[test]
fn a_crowd_of_operators_without_a_complete_request_keeps_nobody_out() {
    let server = server();
    for _ in 0..6 {
        let crowd: Vec<TcpStream> = (0..40)
            .map(|_| {
                let mut half = TcpStream::connect(server.admin_addresses[0]).expect("it accepts");
                // It may have lost its place already.
                let _ = half.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n");
                half
            })
            .collect();
        let health = server.admin("GET", "/health", &[]);
        assert_eq!(health.status, 200);
        drop(crowd);
    }
}

/// Clients that do not read their responses take all places, and wait for longer than this test. One of them is cut for
/// a newcomer of another network.
#[test]
fn responses_to_operators_give_way_to_another_network() {
    const HOSTS: usize = 100;
    let server = Setup::new()
        .admin()
        .with(|config| {
            config.deadlines.send = LONG;
            // The metrics have a line for each.
            let site = |number: usize| SiteRoot {
                host: HostPattern::Name(format!("{number}.{}.example", "a".repeat(60))),
                root: config.root.clone(),
            };
            config
                .sites
                .extend((0..HOSTS).map(site).collect::<Vec<_>>());
        })
        .start();
    let mut greedy: Vec<Client> = (0..16).map(|_| server.connect_admin_from(GREEDY)).collect();
    // The responses fit into no buffer.
    let requests = request("GET", "/metrics", &[]).repeat(2000);
    let mut sent = [0; 16];
    for client in &greedy {
        client.stream.set_nonblocking(true).expect("a mode");
    }
    // A newcomer of the same network gets the place of a connection that is not being answered.
    until("all of them are being answered", || {
        for (client, sent) in greedy.iter_mut().zip(&mut sent) {
            *sent += client.stream.write(&requests[*sent..]).unwrap_or(0);
        }
        health_for(&server, GREEDY) == 503
    });
    until("a newcomer gets a place", || {
        health_for(&server, [127, 0, 0, 1]) == 200
    });
}

/// The last descriptors are not for clients of the site.
#[test]
fn a_flood_of_connections_keeps_no_operator_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shell = std::process::Command::new("sh");
    shell.env_clear().stdin(std::process::Stdio::null());
    let line = "ulimit -n 96; exec \"$0\" \"$@\"";
    shell.args(["-c", line, env!("CARGO_BIN_EXE_docroot")]);
    shell.args(["--log-format", "off", "--admin", "127.0.0.1:0"]);
    // Silent clients keep their places.
    shell.args(["--head-timeout", "1h"]);
    let program = Program::start(shell.arg(folder.path()));
    let admin = program.admin();
    let flood: Vec<Client> = (0..120).map(|_| program.connect()).collect();
    let mut one_more = program.connect();
    one_more.send(&request("GET", "/", &[]));
    // It gets 503 or nothing, as long as the others stay.
    let refused = one_more.rest();
    assert!(refused.is_empty() || find(&refused, b"HTTP/1.1 503 ").is_some());
    // More than are kept for files.
    let operators: Vec<Client> = (0..16)
        .map(|_| {
            let mut client = Client::of(TcpStream::connect(admin).expect("it accepts"));
            client.send(&request("GET", "/health", &[]));
            assert_eq!(client.response("GET").status, 200);
            client
        })
        .collect();
    drop((flood, operators));
}

/// Only the public listeners read the PROXY protocol, even from a proxy that is trusted.
#[test]
fn a_header_of_the_proxy_protocol_is_no_request_of_an_operator() {
    let server = Setup::new()
        .file("a.txt", "here")
        .admin()
        .with(|config| {
            config.is_proxied = true;
            let proxies = Arc::make_mut(&mut config.proxies);
            proxies.add("127.0.0.1").expect("an address");
        })
        .start();
    for header in [
        &b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
    ] {
        let mut client = server.connect();
        client.send(&[header, &request("GET", "/a.txt", &[])].concat());
        assert_eq!(client.response("GET").text(), "here");
        let mut operator = server.connect_admin();
        operator.send(&[header, &request("GET", "/health", &[])].concat());
        assert_eq!(operator.response("GET").status, 400);
        // What comes after the header is not answered.
        assert_eq!(operator.rest(), b"");
    }
    assert_eq!(status(&server, "/health"), 200);
}
