//! The numbers of `/metrics`, and whether a parser of others reads them.

#![allow(clippy::disallowed_methods, reason = "a test reads the clock")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, unbounded};
use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::SiteRoot;
use docroot::observe::options::LogFormat;
use docroot::origin::handler::{Answer, Handler, Origin};
use docroot::origin::request::Request;
use docroot::semantics::trace::Trace;
use support::{PATIENCE, Setup, TestServer, request, until};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

fn server() -> TestServer {
    Setup::new().file("a.txt", "here").admin().start()
}

/// The samples by name and labels, as they are written.
fn samples(server: &TestServer) -> BTreeMap<String, f64> {
    let text = server.admin("GET", "/metrics", &[]).text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        (name.to_owned(), value.parse().expect("a number"))
    });
    pairs.collect()
}

#[track_caller]
fn check(samples: &BTreeMap<String, f64>, wanted: &[(&str, f64)]) {
    for (name, value) in wanted {
        assert_eq!(samples.get(*name), Some(value), "{name} in {samples:#?}");
    }
}

#[test]
fn responses_are_counted_by_site_method_and_status() {
    let other = tempfile::tempdir().expect("a folder");
    std::fs::write(other.path().join("b.txt"), "of the other").expect("a file");
    let server = Setup::new()
        .file("a.txt", "here")
        .admin()
        .with(|config| {
            config.sites.push(SiteRoot {
                host: HostPattern::Below(".example".into()),
                root: other.path().into(),
            });
        })
        .start();
    for _ in 0..3 {
        assert_eq!(server.get("/a.txt", &[]).status, 200);
    }
    assert_eq!(server.request("HEAD", "/a.txt", &[]).status, 200);
    assert_eq!(server.request("BREW", "/a.txt", &[]).status, 501);
    let not_found = server.request("PROPFIND", "/a.txt", &[]);
    assert_eq!(not_found.status, 405);
    let mut client = server.connect();
    client.send(b"GET /b.txt HTTP/1.1\r\nHost: x.example\r\n\r\n");
    assert_eq!(client.response("GET").text(), "of the other");
    server.raw(b"GET\r\n\r\n");
    let all = samples(&server);
    check(
        &all,
        &[
            (
                "docroot_requests_total{site=\"*\",method=\"GET\",status=\"200\"}",
                3.0,
            ),
            (
                "docroot_requests_total{site=\"*\",method=\"HEAD\",status=\"200\"}",
                1.0,
            ),
            (
                "docroot_requests_total{site=\"*\",method=\"other\",status=\"501\"}",
                1.0,
            ),
            (
                "docroot_requests_total{site=\"*\",method=\"other\",status=\"405\"}",
                1.0,
            ),
            (
                "docroot_requests_total{site=\"*.example\",method=\"GET\",status=\"200\"}",
                1.0,
            ),
            (
                "docroot_requests_total{site=\"\",method=\"other\",status=\"400\"}",
                1.0,
            ),
            ("docroot_sent_bytes_total{site=\"*.example\"}", 12.0),
            ("docroot_request_duration_seconds_count", 8.0),
            ("docroot_request_duration_seconds_bucket{le=\"+Inf\"}", 8.0),
            ("docroot_panics_total", 0.0),
            ("docroot_workers", 2.0),
        ],
    );
    assert!(all["docroot_request_duration_seconds_sum"] > 0.0);
    let requests = all
        .keys()
        .filter(|name| name.starts_with("docroot_requests_total"));
    assert_eq!(requests.count(), 6);
}

/// Operators who look every few seconds do not change what they look at.
#[test]
fn operators_are_not_counted() {
    let server = server();
    for path in ["/health", "/metrics", "/nothing"] {
        server.admin("GET", path, &[]);
    }
    let all = samples(&server);
    check(
        &all,
        &[
            ("docroot_connections_accepted_total", 0.0),
            ("docroot_request_duration_seconds_count", 0.0),
            ("docroot_connections{phase=\"idle\"}", 0.0),
            ("docroot_memory_bytes{account=\"connections\"}", 0.0),
        ],
    );
    assert!(
        !all.keys()
            .any(|name| name.starts_with("docroot_requests_total"))
    );
}

/// The workers are asked each time: an idle one would say nothing by itself.
#[test]
fn connections_are_counted_by_what_they_do() {
    let server = server();
    let idle: Vec<_> = (0..3)
        .map(|_| {
            let mut client = server.connect();
            client.send(&request("GET", "/a.txt", &[]));
            assert_eq!(client.response("GET").status, 200);
            client
        })
        .collect();
    let mut reading = server.connect();
    reading.send(b"GET / HT");
    let in_phase =
        |phase: &str| samples(&server)[&format!("docroot_connections{{phase=\"{phase}\"}}")];
    until("a request is being read", || in_phase("reading") == 1.0);
    assert_eq!(in_phase("idle"), 3.0);
    let held = samples(&server)["docroot_memory_bytes{account=\"connections\"}"];
    assert!(held >= 4.0 * 1024.0, "{held}");
    drop((idle, reading));
    until("they are gone", || {
        in_phase("idle") + in_phase("reading") == 0.0
    });
}

#[test]
fn uses_of_the_cache_are_counted() {
    let server = Setup::new()
        .file("a.txt", "here")
        .admin()
        .with(|config| config.threads = 1)
        .start();
    let path = server.root.join("a.txt");
    // What has changed only just now is not cached.
    let file = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("a file");
    let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(long_ago).expect("a time");
    let lookups = |outcome: &str| {
        samples(&server)[&format!("docroot_cache_lookups_total{{outcome=\"{outcome}\"}}")]
    };
    until("it is cached", || {
        let before = lookups("hit");
        server.get("/a.txt", &[]);
        lookups("hit") > before
    });
    let (hits, misses) = (lookups("hit"), lookups("miss"));
    assert!(misses >= 1.0);
    server.get("/a.txt", &[]);
    assert_eq!((lookups("hit"), lookups("miss")), (hits + 1.0, misses));
    assert!(samples(&server)["docroot_cache_bytes"] > 0.0);
    server.write("a.txt", "other");
    server.get("/a.txt", &[]);
    assert_eq!(lookups("miss"), misses + 1.0);
}

/// A confined process may not open `/proc` any more.
#[cfg(target_os = "linux")]
#[test]
fn the_process_is_measured_although_it_is_confined() {
    let server = server();
    let all = samples(&server);
    assert!(all["process_resident_memory_bytes"] > 100.0 * 1024.0);
    let (open, most) = (all["process_open_fds"], all["process_max_fds"]);
    assert!(open >= 10.0 && open < most, "{open} {most}");
    let started = UNIX_EPOCH + Duration::from_secs_f64(all["process_start_time_seconds"]);
    let age = started.elapsed().expect("it is in the past");
    assert!(age < support::PATIENCE, "{age:?}");
}

/// What counted before a reload goes on counting after it.
#[test]
fn a_reload_resets_nothing() {
    let server = server();
    server.get("/a.txt", &[]);
    server
        .reload(|config| config.site.hidden = true)
        .expect("a configuration");
    let name = "docroot_requests_total{site=\"*\",method=\"GET\",status=\"200\"}";
    // The cache is empty again.
    let miss = "docroot_cache_lookups_total{outcome=\"miss\"}";
    let misses = samples(&server)[miss];
    server.get("/a.txt", &[]);
    check(&samples(&server), &[(name, 2.0), (miss, misses + 1.0)]);
}

/// Holds up its worker for a request of `/held` until the test says so.
struct Holding {
    is_held: Sender<()>,
    goes_on: Receiver<()>,
}

impl Handler for Holding {
    fn answer(&self, request: &Request<'_>, _: &mut Origin, _: &mut Trace) -> Option<Answer> {
        if request.head.target.path() == Some(b"/held") {
            self.is_held.send(()).expect("the test waits");
            let _ = self.goes_on.recv_timeout(PATIENCE);
        }
        None
    }
}

/// The numbers wait for a worker until it has answered, and no longer.
#[test]
fn the_answer_of_a_worker_ends_the_wait() {
    let (is_held, held) = unbounded();
    let (go_on, goes_on) = unbounded();
    let holding = move || Holding {
        is_held: is_held.clone(),
        goes_on: goes_on.clone(),
    };
    let server = Setup::new().admin().handler(holding).start();
    let comes_soon = || {
        let (mut client, mut operator) = (server.connect(), server.connect_admin());
        client.send(&request("GET", "/held", &[]));
        held.recv_timeout(PATIENCE).expect("it is held");
        let begin = Instant::now();
        operator.send(&request("GET", "/metrics", &[]));
        // The request before this one waits now.
        assert_eq!(server.admin("GET", "/health", &[]).status, 200);
        go_on.send(()).expect("a worker waits");
        assert_eq!(operator.response("GET").status, 200);
        let time = begin.elapsed();
        assert_eq!(client.response("GET").status, 404);
        // A worker that does not answer is waited for 250 ms.
        time < Duration::from_millis(200)
    };
    // A busy machine may be late for a while.
    until("the numbers come soon", comes_soon);
}

/// A worker that has exited has no connections, whatever it had when it was asked last.
#[test]
fn a_worker_that_has_exited_has_no_connections() {
    let server = Setup::new()
        .file("large.bin", support::noise(64 << 20))
        .admin()
        .with(|config| {
            let deadlines = &mut config.deadlines;
            (deadlines.drain, deadlines.head) = (LONG, LONG);
        })
        .start();
    let count =
        |phase: &str| samples(&server)[&format!("docroot_connections{{phase=\"{phase}\"}}")];
    let mut download = server.connect();
    download.send(&request("GET", "/large.bin", &[]));
    until("it is being sent", || count("sending") == 1.0);
    // Of the other worker, which goes on.
    let mut half = server.connect();
    half.send(b"GET / HTTP/1.1\r\n");
    until("it is being read", || count("reading") == 1.0);
    server.drain();
    until("it drains", || {
        server.admin("GET", "/health", &[]).status == 503
    });
    drop(download);
    until("the worker has exited", || count("sending") == 0.0);
    assert_eq!(count("reading"), 1.0);
}

/// RFC 9110 section 12.5.1.
#[test]
fn the_client_chooses_the_format() {
    let server = server();
    let check = |accept: &str, want: &str| {
        let fields = [("Accept", accept)];
        let fields = if accept.is_empty() {
            &fields[..0]
        } else {
            &fields
        };
        let response = server.admin("GET", "/metrics", fields);
        assert_eq!(response.field("Content-Type"), Some(want), "{accept}");
        assert_eq!(response.field("Vary"), Some("Accept"));
        assert_eq!(
            response.text().ends_with("\n# EOF\n"),
            want.starts_with(OPENMETRICS),
            "{accept}"
        );
    };
    check("", TEXT);
    check("*/*", TEXT);
    check("text/html, */*;q=0.1", TEXT);
    check("application/openmetrics-text", OPENMETRICS);
    check(
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.6",
        TEXT,
    );
    check(
        "application/openmetrics-text;version=2.0.0,text/plain;q=0.1",
        TEXT,
    );
    // Prometheus 2.53.
    check(
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
         text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        OPENMETRICS,
    );
    // Prometheus 3, and the four ways that it knows to write a name.
    let check_escaping = |escaping: &str, want: &str| {
        let accept = format!(
            "application/openmetrics-text;version=1.0.0;escaping={escaping};q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping={escaping};q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
        check(&accept, want);
    };
    for same in ["allow-utf-8", "underscores", "values"] {
        check_escaping(same, &format!("{OPENMETRICS}; escaping={same}"));
    }
    check_escaping("dots", TEXT);
    check_escaping("unheard-of", TEXT);
    let head = server.admin("HEAD", "/metrics", &[]);
    assert_eq!((head.status, head.field("Content-Type")), (200, Some(TEXT)));
    assert_eq!(server.admin("POST", "/metrics", &[]).status, 405);
}

/// Parses both formats with the parsers of Prometheus's client library, and prints the families.
const PYTHON: &str = r#"
import sys, urllib.request
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

def families(accept, parse):
    request = urllib.request.Request(sys.argv[1] + "/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as response:
        content = response.read().decode("utf-8")
    return {family.name: family for family in parse(content)}

old = families("text/plain", text.text_string_to_metric_families)
new = families("application/openmetrics-text;version=1.0.0", openmetrics.text_string_to_metric_families)
# The text format has no type for build information.
assert old.pop("docroot_build_info").type == "gauge"
assert new.pop("docroot_build").type == "info"
assert old.keys() == new.keys(), old.keys() ^ new.keys()
for name, family in new.items():
    assert (family.type, family.documentation) == (old[name].type, old[name].documentation), name
    assert family.documentation and family.samples, name
    assert name.endswith(family.unit), (name, family.unit)
    labels = lambda family: sorted((s.name, tuple(sorted(s.labels.items()))) for s in family.samples)
    assert labels(family) == labels(old[name]), name
for unit in "bytes", "seconds":
    with_unit = [name for name in new if name.endswith("_" + unit)]
    assert with_unit and all(new[name].unit == unit for name in with_unit), with_unit
answered = [s for s in new["docroot_requests"].samples if s.labels["status"] == "200"]
assert [(s.labels, s.value) for s in answered] == [({"site": "*", "method": "GET", "status": "200"}, 2.0)], answered
print("done")
"#;

#[test]
fn the_parsers_of_prometheus_read_both_formats() {
    let Some(python) = std::env::var_os("DOCROOT_TEST_PYTHON") else {
        support::program::skipped("only scripts/test installs the modules of Python");
        return;
    };
    let server = server();
    for path in ["/a.txt", "/a.txt", "/absent"] {
        server.get(path, &[]);
    }
    let mut python = Command::new(python);
    python.args([
        "-I",
        "-c",
        PYTHON,
        &format!("http://{}", server.admin_addresses[0]),
    ]);
    let output = python.stdin(Stdio::null()).output().expect("Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"done\n", "{said}");
}

/// A response that is under way belongs to the site where it began, although a reload changes the order.
#[test]
fn a_reload_moves_no_response_to_another_site() {
    const LENGTH: u64 = 64 << 20;
    let folders = [tempfile::tempdir(), tempfile::tempdir()].map(|folder| folder.expect("one"));
    let sites: Vec<SiteRoot> = ["a.example", "b.example"]
        .into_iter()
        .zip(&folders)
        .map(|(host, folder)| SiteRoot {
            host: HostPattern::Name(host.into()),
            root: folder.path().into(),
        })
        .collect();
    let file = std::fs::File::create(folders[0].path().join("large.bin")).expect("a file");
    file.set_len(LENGTH).expect("a length");
    let server = Setup::new()
        .admin()
        .with(|config| config.sites = sites)
        .start();
    let mut client = server.connect();
    // Most of it does not fit into the buffers of the sockets.
    client.send(b"GET /large.bin HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    until("it is being sent", || {
        samples(&server)["docroot_connections{phase=\"sending\"}"] == 1.0
    });
    server
        .reload(|config| config.sites.reverse())
        .expect("a configuration");
    assert!(client.rest().len() as u64 > LENGTH);
    let of = |site: &str| {
        let name = format!("docroot_sent_bytes_total{{site=\"{site}\"}}");
        samples(&server)[&name]
    };
    until("it is counted", || of("a.example") + of("b.example") > 0.0);
    assert_eq!((of("a.example"), of("b.example")), (LENGTH as f64, 0.0));
}

/// The client of the second handshake speaks too old a version.
#[cfg(feature = "tls")]
#[test]
fn handshakes_are_counted_by_their_outcome() {
    use docroot::net::tls::options::TlsVersion;
    use support::tls::{SecureSite, TLS_1_2, setup};

    let site = SecureSite::start_with(setup().admin(), |tls| tls.min = TlsVersion::Tls13);
    let count = |outcome: &str| {
        let name = format!("docroot_tls_handshakes_total{{outcome=\"{outcome}\"}}");
        samples(&site.server)[&name]
    };
    assert_eq!((count("success"), count("failure")), (0.0, 0.0));
    for _ in 0..2 {
        site.connect().check_served();
    }
    let error = site.connect_in(TLS_1_2).refusal();
    assert!(error.contains("ProtocolVersion"), "{error}");
    until("the failure is counted", || count("failure") == 1.0);
    assert_eq!(count("success"), 2.0);
}

#[cfg(target_os = "linux")]
#[test]
fn private_copies_are_counted_while_they_are_held() {
    let server = Setup::new()
        .file("large.bin", support::noise(3_000_000))
        .admin()
        .with(|config| config.threads = 1)
        .start();
    let copies = || samples(&server)["docroot_copies"];
    assert_eq!(copies(), 0.0);
    until("there is a copy", || {
        server.get("/large.bin", &[]);
        copies() == 1.0
    });
    // The copy is of a file that is no more.
    server.write("large.bin", "small");
    until("the copy is gone", || {
        assert_eq!(server.get("/large.bin", &[]).text(), "small");
        copies() == 0.0
    });
}

#[test]
fn lines_that_the_log_drops_are_counted() {
    let (setup, page) = Setup::new()
        .file("a.txt", "here")
        .admin()
        .logging(LogFormat::Json);
    let server = setup.start();
    let dropped = || samples(&server)["docroot_log_lines_dropped_total"];
    assert_eq!(dropped(), 0.0);
    page.change(|page| page.fails = true);
    server.get("/a.txt", &[]);
    until("the line is counted", || dropped() == 1.0);
    page.change(|page| page.fails = false);
}

/// Nothing that a client sends makes a worker panic, so a handler of the test does.
#[test]
fn panics_are_counted() {
    let mut server = Setup::new()
        .file("a.txt", "here")
        .at("/bug", |_| panic!("a bug that the test brings about"))
        .admin()
        .with(|config| config.threads = 1)
        .start();
    server.expected_panics = 2;
    for _ in 0..2 {
        assert_eq!(server.raw(&request("GET", "/bug", &[])), b"");
    }
    assert_eq!(server.get("/a.txt", &[]).status, 200);
    let wanted = [
        ("docroot_panics_total", 2.0),
        ("docroot_requests_unanswered_total", 2.0),
        ("docroot_workers", 1.0),
    ];
    check(&samples(&server), &wanted);
}
