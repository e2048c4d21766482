//! `--request-id`: every response has an id, and its line in the log has the same.

mod support;

use std::collections::HashSet;
use std::io::Read;

use docroot::observe::options::{Detail, LogFormat, LogOptions};
use rustix::process::Signal;
use serde_json::Value;
use support::page::Page;
use support::program::{Program, command};
use support::{Response, Setup, TestServer, request, until};

fn serving(format: LogFormat) -> (TestServer, Page) {
    let page = Page::default();
    let mut setup = Setup::new().file("a.txt", "here").with(|config| {
        config.threads = 1;
        config.request_ids = true;
        config.log = LogOptions {
            format,
            detail: Detail::Full,
            ..LogOptions::OFF
        };
    });
    setup.sink = Some(Box::new(page.clone()));
    (setup.start(), page)
}

/// The id of a response: 32 hexadecimal digits, in one field.
#[track_caller]
fn id_of(response: &Response) -> String {
    let id = response.field("X-Request-Id").expect("an id");
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    assert!(id.len() == 32 && id.bytes().all(is_digit), "{id}");
    id.to_owned()
}

/// Requests with all kinds of responses on one server.
fn ask_all(server: &TestServer) -> Vec<(u16, String)> {
    let mut client = server.connect();
    let mut told = Vec::new();
    let mut ask = |method: &str, target: &str, fields: &[(&str, &str)]| {
        client.send(&request(method, target, fields));
        let response = client.response(method);
        told.push((response.status, id_of(&response)));
        response
    };
    let found = ask("GET", "/a.txt", &[]);
    let tag = found.field("ETag").expect("a tag").to_owned();
    ask("GET", "/a.txt", &[("If-None-Match", &tag)]);
    ask("HEAD", "/a.txt", &[]);
    ask("GET", "/a.txt", &[("Range", "bytes=0-1")]);
    ask("GET", "/a.txt", &[("Range", "bytes=9-")]);
    ask("GET", "/none", &[]);
    ask("DELETE", "/a.txt", &[]);
    ask("GET", "/", &[]);
    ask("OPTIONS", "*", &[]);
    // A request whose body is read first, and one that is refused before it is understood.
    let body = "POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab";
    client.send(body.as_bytes());
    let response = client.response("POST");
    told.push((response.status, id_of(&response)));
    for head in ["GET /a.txt HTTP/1.1\r\n\r\n", "\x01\r\n\r\n"] {
        let mut client = server.connect();
        client.send(head.as_bytes());
        let response = client.response("GET");
        told.push((response.status, id_of(&response)));
    }
    told
}

#[test]
fn every_response_has_an_id_of_its_own_and_the_log_has_it() {
    let (server, page) = serving(LogFormat::Json);
    let told = ask_all(&server);
    let statuses: Vec<u16> = told.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        statuses,
        [200, 304, 200, 206, 416, 404, 405, 200, 204, 405, 400, 400]
    );
    let ids: HashSet<&String> = told.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), told.len());
    drop(server);
    let logged: Vec<(u16, String)> = page
        .lines()
        .iter()
        .map(|line| {
            let object: Value = serde_json::from_str(line).expect("JSON");
            let status = object["status"].as_u64().expect("a number");
            let id = object["id"].as_str().expect("an id").to_owned();
            (u16::try_from(status).expect("a status"), id)
        })
        .collect();
    assert_eq!(logged, told);
}

/// In the combined format as the last column, and in the full line for people.
#[test]
fn the_other_formats_have_the_id_too() {
    for format in [LogFormat::Combined, LogFormat::Pretty, LogFormat::Journal] {
        let (server, page) = serving(format);
        let id = id_of(&server.get("/a.txt", &[]));
        drop(server);
        let lines = page.lines();
        let end = match format {
            LogFormat::Combined => format!("\"-\" \"-\" {id}"),
            _ => format!("  id {id}"),
        };
        assert!(lines[0].ends_with(&end), "{lines:?}");
    }
}

/// A request that ends without a response has a line with an id.
#[test]
fn a_request_without_a_response_has_an_id_in_the_log() {
    let (server, page) = serving(LogFormat::Json);
    let mut client = server.connect();
    client.send(b"GET /a.txt HTTP/1.1\r\n");
    // The worker has then read it.
    server.get("/a.txt", &[]);
    client.reset();
    until("it is noticed", || {
        server.counters.snapshot().requests_unanswered == 1
    });
    drop(server);
    let object: Value = serde_json::from_str(&page.lines()[1]).expect("JSON");
    assert_eq!(object["status"], Value::Null);
    assert_eq!(object["id"].as_str().map(str::len), Some(32));
}

/// Whoever is no trusted proxy could give two requests the same id.
#[test]
fn the_id_of_a_client_is_not_taken() {
    let (server, _) = serving(LogFormat::Json);
    let own = [("X-Request-Id", "0123456789abcdef0123456789abcdef")];
    assert_ne!(id_of(&server.get("/a.txt", &own)), own[0].1);
}

#[test]
fn without_the_option_there_is_no_id() {
    let (setup, page) = Setup::new().file("a.txt", "here").logging(LogFormat::Json);
    let server = setup.start();
    assert_eq!(server.get("/a.txt", &[]).field("X-Request-Id"), None);
    assert_eq!(server.get("/none", &[]).field("X-Request-Id"), None);
    // A reload turns the ids on and off.
    let ignored = server.reload(|config| config.request_ids = true);
    assert_eq!(ignored.expect("it is taken over"), [""; 0]);
    until("there are ids", || {
        let response = server.get("/a.txt", &[]);
        response.field("X-Request-Id").is_some()
    });
    server.reload(|_| ()).expect("it is taken over");
    until("there are none", || {
        let response = server.get("/a.txt", &[]);
        response.field("X-Request-Id").is_none()
    });
    drop(server);
    let lines = page.lines();
    assert!(!lines[0].contains("\"id\"") && lines.iter().any(|line| line.contains("\"id\":\"")));
}

#[test]
fn an_explanation_shows_an_id() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "here").expect("a file");
    for target in ["/a.txt", "/none"] {
        let mut command = command();
        command
            .args(["explain", target, "--request-id"])
            .arg(folder.path());
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("X-Request-Id: "));
        assert_eq!(id.map(str::len), Some(32), "{text}");
    }
}

#[test]
fn the_field_has_one_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command()
        .args(["-H", "X-Request-Id: fixed"])
        .arg(folder.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let want = "invalid value 'X-Request-Id: fixed' for '--header <FIELD>': use --request-id for this field";
    assert!(said.contains(want), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

/// The program, its log, and a proxy that it trusts.
#[test]
fn the_id_of_a_trusted_proxy_is_taken() {
    const PROXY: [u8; 4] = [127, 0, 0, 2];
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "here").expect("a file");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let program = {
        let mut command = command();
        command.args(["--request-id", "--trust-proxy", "127.0.0.2"]);
        command.args(["--log-format", "json", "--threads", "1"]);
        Program::start(command.arg(folder.path()).stdout(writer))
    };
    let ask = |from: [u8; 4], ids: &[&str]| {
        let mut client = program.connect_from(from);
        let fields: Vec<_> = ids.iter().map(|id| ("X-Request-Id", *id)).collect();
        client.send(&request("GET", "/a.txt", &fields));
        client.response("GET")
    };
    let given = "a1b2-of.the_proxy";
    let taken = ask(PROXY, &[given]);
    assert_eq!(taken.field("X-Request-Id"), Some(given));
    let mut ids = vec![given.to_owned()];
    let too_long = "a".repeat(1000);
    for (from, sent) in [
        (PROXY, &[][..]),
        // Which one would it be?
        (PROXY, &["first", "second"]),
        (PROXY, &["with a space"]),
        (PROXY, &[&too_long]),
        // A client that is no proxy.
        ([127, 0, 0, 3], &[given]),
    ] {
        ids.push(id_of(&ask(from, sent)));
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("text");
    let logged = log.lines().map(|line| {
        let object: Value = serde_json::from_str(line).expect("JSON");
        object["id"].as_str().expect("an id").to_owned()
    });
    assert_eq!(logged.collect::<Vec<_>>(), ids);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}
