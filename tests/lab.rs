//! `--lab`: what each endpoint answers, what it refuses, and who may use it.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

// Who may use the lab, with which methods and which values.
#[path = "lab/access.rs"]
mod access;
// Statuses and the fields that come with them.
#[path = "lab/statuses.rs"]
mod statuses;
// Cookies, and the request as it was received.
#[path = "lab/received.rs"]
mod received;
// Bodies that come in pieces, late, slowly or not to their end.
#[path = "lab/bodies.rs"]
mod bodies;
// Forms with files.
#[path = "lab/uploads.rs"]
mod uploads;
// Negotiation, validators and what browsers keep.
#[path = "lab/representations.rs"]
mod representations;
// 103 (Early Hints) and 100 (Continue).
#[path = "lab/interim.rs"]
mod interim;
// Server-sent events, chat and echo, and what TLS has agreed on.
#[path = "lab/conversations.rs"]
mod conversations;
// The page of the lab.
#[path = "lab/page.rs"]
mod page;
mod support;

use serde_json::Value;
use support::{Client, Response, Setup, TestServer};

const LAB: &str = "/.docroot/lab/";

fn setup() -> Setup {
    Setup::new().with(|config| config.lab = true)
}

fn lab() -> TestServer {
    setup().start()
}

/// The lab for clients of HTTP/1.0 too: the operator has named this machine.
fn lab_of_named() -> TestServer {
    let named = setup().with(|config| {
        let named = &mut config.inspect_named;
        named.allow("127.0.0.1").expect("an address");
    });
    named.start()
}

fn get(server: &TestServer, target: &str) -> Response {
    server.get(&format!("{LAB}{target}"), &[])
}

/// Sends a request with content.
fn send(
    client: &mut Client,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    content: &[u8],
) -> Response {
    let length = content.len().to_string();
    let fields = [fields, &[("Content-Length", &*length)]].concat();
    let mut bytes = support::request(method, &format!("{LAB}{target}"), &fields);
    bytes.extend_from_slice(content);
    client.send(&bytes);
    client.response(method)
}

fn post(server: &TestServer, target: &str, content: &str) -> Response {
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    send(
        &mut server.connect(),
        "POST",
        target,
        &fields,
        content.as_bytes(),
    )
}

fn data(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.field("Content-Type"), Some("application/json"));
    serde_json::from_str(&response.text()).expect("JSON")
}

fn raw(server: &TestServer, target: &str, fields: &str) -> String {
    let request = format!(
        "GET {LAB}{target} HTTP/1.1\r\nHost: localhost\r\n{fields}Connection: close\r\n\r\n"
    );
    String::from_utf8(server.raw(request.as_bytes())).expect("UTF-8")
}

/// The same for a client of HTTP/1.0.
fn raw_old(target: &str, fields: &str) -> String {
    let request = format!("GET {LAB}{target} HTTP/1.0\r\nHost: localhost\r\n{fields}\r\n");
    String::from_utf8(lab_of_named().raw(request.as_bytes())).expect("UTF-8")
}

fn body(whole: &str) -> &str {
    whole.split_once("\r\n\r\n").expect("a head").1
}

/// Each endpoint with a method that it admits.
const ENDPOINTS: [(&str, &str); 18] = [
    ("GET", "status/404"),
    ("GET", "status?code=404"),
    ("GET", "cookies"),
    ("POST", "cookies"),
    ("GET", "request"),
    ("GET", "request.json"),
    ("GET", "chunked"),
    ("GET", "slow"),
    ("GET", "ends"),
    ("POST", "upload"),
    ("GET", "negotiate"),
    ("GET", "cache"),
    ("POST", "clear"),
    ("GET", "hints"),
    ("POST", "continue"),
    ("GET", "events"),
    ("GET", "chat"),
    ("POST", "message"),
];
