//! Which hosts a server answers for: a foreign page that makes its name mean this machine must not
//! read the files (RFC 9110 sections 7.4 and 15.5.20).

mod support;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::observe::options::LogFormat;
use support::{Response, Setup, TestServer};

/// A server of one file that allows only what follows from its address and these patterns.
fn server(address: [u8; 4], patterns: &[&str]) -> TestServer {
    setup(address, patterns).start()
}

fn setup(address: [u8; 4], patterns: &[&str]) -> Setup {
    let parse = |text: &&str| HostPattern::parse(text).expect("a pattern");
    let patterns = patterns.iter().map(parse).collect();
    Setup::new().file("a.txt", "for you only").with(|config| {
        config.bind.required = vec![address.into()];
        config.allow_hosts = patterns;
    })
}

fn response(server: &TestServer, head: &str) -> Response {
    let mut client = server.connect();
    client.send(format!("{head}\r\n\r\n").as_bytes());
    client.response("GET")
}

#[track_caller]
fn check(server: &TestServer, head: &str, status: u16) {
    let response = response(server, head);
    assert_eq!(response.status, status, "{head}");
    let is_read = response.text().contains("for you only");
    assert_eq!(is_read, status == 200, "{head}");
}

#[track_caller]
fn check_host(server: &TestServer, host: &str, status: u16) {
    check(
        server,
        &format!("GET /a.txt HTTP/1.1\r\nHost: {host}"),
        status,
    );
}

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
const EVERY_ADDRESS: [u8; 4] = [0, 0, 0, 0];

/// Tests `net::protocol::dispatch::checked`, `origin::answer::answer`.
#[test]
fn a_server_on_loopback_answers_for_this_machine_only() {
    let local = server(LOOPBACK, &[]);
    check_host(&local, "localhost", 200);
    check_host(&local, "LOCALHOST.:80", 200);
    check_host(&local, "x.localhost", 200);
    check_host(&local, &local.address.to_string(), 200);
    check_host(&local, "[::1]:8080", 200);
    check_host(&local, "rebound.example", 421);
    check_host(&local, "localhost.rebound.example", 421);
    check_host(&local, "192.0.2.7", 421);
    check_host(&local, "", 421);
    // RFC 9112 section 3.2.2: the host of the target replaces the field.
    check(
        &local,
        "GET http://localhost/a.txt HTTP/1.1\r\nHost: rebound.example",
        200,
    );
    check(
        &local,
        "GET http://rebound.example/a.txt HTTP/1.1\r\nHost: localhost",
        421,
    );
    check(
        &local,
        "OPTIONS http://rebound.example HTTP/1.1\r\nHost: localhost",
        421,
    );
    check(&local, "GET http://rebound.example/a.txt HTTP/1.0", 421);
    check(&local, "GET /a.txt HTTP/1.0", 200);
    check(
        &local,
        "GET /no-such-file HTTP/1.1\r\nHost: rebound.example",
        421,
    );
}

#[test]
fn the_page_says_which_option_helps_and_the_connection_closes() {
    let local = server(LOOPBACK, &[]);
    let refused = response(&local, "GET /a.txt HTTP/1.1\r\nHost: rebound.example");
    assert_eq!(refused.phrase, "Misdirected Request");
    assert!(
        refused.text().contains("--allow-host NAME"),
        "{}",
        refused.text()
    );
    assert_eq!(refused.field("Connection"), Some("close"));
}

#[test]
fn more_hosts_can_be_allowed() {
    let local = server(LOOPBACK, &["files.example", "*.intra"]);
    check_host(&local, "Files.Example:80", 200);
    check_host(&local, "a.b.intra", 200);
    check_host(&local, "localhost", 200);
    check_host(&local, "intra", 421);
    check_host(&local, "rebound.example", 421);
    check_host(&server(LOOPBACK, &["*"]), "rebound.example", 200);
}

#[test]
fn a_server_for_other_machines_answers_for_every_host_unless_some_are_listed() {
    check_host(&server(EVERY_ADDRESS, &[]), "any.example", 200);
    let listed = server(EVERY_ADDRESS, &["files.example"]);
    check_host(&listed, "files.example", 200);
    check_host(&listed, "localhost", 200);
    check_host(&listed, "192.0.2.7", 200);
    check_host(&listed, "any.example", 421);
    check(&listed, "GET /a.txt HTTP/1.0", 421);
}

#[test]
fn the_log_has_a_reason_of_its_own() {
    let (setup, page) = setup(LOOPBACK, &[]).logging(LogFormat::Pretty);
    let mut local = setup.start();
    check_host(&local, "rebound.example", 421);
    local.drain();
    local.wait();
    let log = page.lines().concat();
    assert!(
        log.contains("  the server does not answer for this host, see --allow-host"),
        "{log}"
    );
}
