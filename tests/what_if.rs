//! The wire view says of each step what would make it turn out otherwise. Here, each of these changes is made and the
//! request sent again: the step must turn out otherwise, and the status must be the one that was said.
//!
//! ```text
//! GET /hello.txt                  304   If-None-Match lists the current entity-tag
//! If-None-Match: "5d8c"                 {"do":"remove","name":"If-None-Match","expect":200}
//!
//! GET /hello.txt                  200   no such step
//! ```
#![allow(clippy::disallowed_methods, reason = "tests open files")]

#[path = "what_if/requests.rs"]
mod requests;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use support::Client;
use support::live_page::websocket;
use support::program::{Program, command};
use tungstenite::WebSocket;

use requests::GROUPS;

/// A server with these options, and somebody who looks at its wire view.
struct Watched {
    server: Program,
    viewer: WebSocket<TcpStream>,
    _folder: tempfile::TempDir,
}

/// A request: its line, its fields, and the body that they announce.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    line: String,
    fields: Vec<String>,
}

impl Watched {
    fn start(options: &[&str]) -> Watched {
        let folder = site();
        let mut command = command();
        command.args(["--inspect", "--log-format", "off"]);
        let server = Program::start(command.args(options).arg(folder.path()));
        // A page that is told of requests for pages of the server, too.
        let prefix = options
            .iter()
            .skip_while(|option| **option != "--prefix")
            .nth(1);
        let wire = format!("{}/.docroot/wire?own", prefix.unwrap_or(&""));
        let viewer = websocket(server.address, &wire);
        Watched {
            server,
            viewer,
            _folder: folder,
        }
    }

    /// Sends a request on a new connection, and returns what the wire view says of it.
    fn exchange(&mut self, request: &Request) -> Value {
        let mut client = connect_from([127, 0, 0, 2], self.server.address);
        let port = client.stream.local_addr().expect("an address").port();
        client.send(&request.bytes());
        client.finish();
        client.rest();
        loop {
            let message = self.viewer.read().expect("a message");
            let mut event: Value =
                serde_json::from_str(message.to_text().expect("text")).expect("JSON");
            if event["exchange"]["port"] == port {
                return event["exchange"].take();
            }
        }
    }

    /// The request with the entity-tag that the response to it has without its conditions.
    fn with_tag(&mut self, mut request: Request) -> Request {
        if !request.fields.iter().any(|field| field.contains("[etag]")) {
            return request;
        }
        let mut plain = request.clone();
        let conditional = ["If-", "Range"];
        plain
            .fields
            .retain(|field| !conditional.iter().any(|start| field.starts_with(start)));
        // A range is one of the file, whatever the codings.
        if request
            .fields
            .iter()
            .any(|field| field.starts_with("Range"))
        {
            plain
                .fields
                .retain(|field| !field.starts_with("Accept-Encoding"));
        }
        let exchange = self.exchange(&plain);
        let head = exchange["response"]["head"].as_str().expect("a head");
        let tag = head
            .split("ETag: ")
            .nth(1)
            .unwrap_or_else(|| panic!("{plain:?}: {head}"));
        let tag = tag.split("\r\n").next().expect("its end");
        for field in &mut request.fields {
            *field = field.replace("[etag]", tag);
        }
        request
    }
}

impl Request {
    fn of(lines: &[&str]) -> Request {
        let (line, fields) = lines.split_first().expect("a request-line");
        let mut fields: Vec<String> = fields.iter().map(|field| field.to_string()).collect();
        match fields.iter().position(|field| field == "no Host") {
            Some(at) => drop(fields.remove(at)),
            None if fields.iter().any(|field| field.starts_with("Host:")) => {}
            None => fields.insert(0, "Host: localhost".to_owned()),
        }
        Request {
            line: line.replace("[long]", &"a".repeat(600)),
            fields,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for field in &self.fields {
            text += &format!("{field}\r\n");
        }
        text += "\r\n";
        let length = self
            .fields
            .iter()
            .find_map(|field| field.strip_prefix("Content-Length: "));
        let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        text += &"x".repeat(if length < 100 { length } else { 0 });
        if self
            .fields
            .iter()
            .any(|field| field == "Transfer-Encoding: chunked")
        {
            text += "0\r\n\r\n";
        }
        text.into_bytes()
    }

    /// The method, the target and the version, also of a malformed line.
    fn parts(&self) -> [&str; 3] {
        let (method, rest) = self.line.split_once(' ').expect("a space");
        let (target, version) = match rest.rsplit_once(' ') {
            Some((target, version)) if version.starts_with("HTTP/") => (target, version),
            _ => (rest.strip_prefix("HTTP/").map_or(rest, |_| ""), ""),
        };
        [method, target, version]
    }

    /// The request with this change.
    fn edited(&self, edit: &Value) -> Request {
        let mut request = self.clone();
        let text = |member: &str| edit[member].as_str().expect("text").to_owned();
        let [mut method, mut target, mut version] = self.parts().map(str::to_owned);
        match edit["do"].as_str().expect("a verb") {
            "remove" => request.drop_field(&text("name")),
            "set" => {
                request.drop_field(&text("name"));
                let line = format!("{}: {}", text("name"), text("value"));
                request.fields.push(line);
            }
            "method" => method = text("value"),
            "target" => target = text("value"),
            "version" => version = text("value"),
            other => panic!("{other} is no edit"),
        }
        if ["method", "target", "version"].contains(&text("do").as_str()) {
            request.line = format!("{method} {target} {version}");
        }
        request
    }

    fn drop_field(&mut self, name: &str) {
        self.fields.retain(|field| {
            let sent = field.split(':').next().unwrap_or_default();
            !sent.eq_ignore_ascii_case(name)
        });
    }
}

/// A client with another address than the viewer, so that a rule can refuse it.
fn connect_from(source: [u8; 4], server: SocketAddr) -> Client {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from((source, 0))).expect("an address of the loopback");
    connect(&socket, &server).expect("it accepts");
    Client::of(TcpStream::from(socket))
}

/// What a step decides, without its values.
fn decision(step: &Value) -> (&str, &str) {
    let text = |member: &str| step[member].as_str().expect("text");
    (text("section"), text("finding"))
}

/// How often an exchange has this decision.
fn count(exchange: &Value, wanted: (&str, &str)) -> usize {
    let steps = exchange["steps"].as_array().expect("steps");
    steps.iter().filter(|step| decision(step) == wanted).count()
}

/// What was tried, and what came of it.
#[derive(Default)]
struct Tally {
    requests: usize,
    edits: usize,
    statuses: BTreeSet<u64>,
    /// The decisions that have an edit, and those that have none.
    edited: BTreeSet<String>,
    fixed: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Tally {
    fn try_edits(&mut self, watched: &mut Watched, request: &Request) {
        let exchange = watched.exchange(request);
        self.requests += 1;
        self.statuses.extend(exchange["status"].as_u64());
        for step in exchange["steps"].as_array().expect("steps") {
            let decided = decision(step);
            let edits = step["edits"].as_array().expect("edits");
            if edits.is_empty() {
                *self.fixed.entry(decided.1.to_owned()).or_default() += 1;
            } else {
                self.edited.insert(decided.1.to_owned());
            }
            for edit in edits {
                self.edits += 1;
                let edited = request.edited(edit);
                let changed = watched.exchange(&edited);
                let before = count(&exchange, decided);
                let is_flipped = edited != *request && count(&changed, decided) < before;
                let is_expected = edit["expect"].is_null() || edit["expect"] == changed["status"];
                if !is_flipped || !is_expected {
                    let status = &changed["status"];
                    self.faults
                        .push(format!("{request:?}\n  {decided:?}\n  {edit} -> {status}"));
                }
            }
        }
    }
}

#[test]
fn each_edit_makes_its_step_turn_out_otherwise() {
    let mut tally = Tally::default();
    for (options, requests) in GROUPS {
        let mut watched = Watched::start(options);
        for lines in *requests {
            let request = watched.with_tag(Request::of(lines));
            tally.try_edits(&mut watched, &request);
        }
    }
    let Tally {
        requests,
        edits,
        statuses,
        edited,
        fixed,
        faults,
    } = tally;
    println!(
        "{requests} requests, {edits} edits of {} decisions",
        edited.len()
    );
    println!("with {statuses:?}; without an edit: {fixed:#?}");
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(requests >= 200 && edits >= 1000 && edited.len() >= 140);
    let all = [
        101, 200, 204, 206, 301, 304, 400, 403, 404, 405, 406, 412, 414, 416, 417, 421, 426, 431,
        501, 505,
    ];
    let missing: Vec<&u64> = all
        .iter()
        .filter(|status| !statuses.contains(status))
        .collect();
    assert!(missing.is_empty(), "no request with {missing:?}");
}

/// Files of each kind, last modified in the RFC's favourite second.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let poem: String = (1..=100)
        .map(|line| format!("{line:02} the tide comes in, the tide goes out\n"))
        .collect();
    let page = format!("<p>{poem}");
    for (name, content) in [
        ("hello.txt", "Hello, world!\n"),
        ("empty", ""),
        ("poem.txt", &poem),
        ("letters/one.txt", "one"),
        ("site/index.html", "<p>Home\n"),
        ("site/text.html", &page),
        ("site/text.de.html", "<p>Deutsch\n"),
        ("books/book.txt", &poem),
        ("books/book.txt.br", "in Brotli"),
        ("books/book.txt.gz", "in gzip, which is longer"),
        ("photo.png", "PNG"),
        ("photo.avif", "AVIF"),
        ("private/a.txt", "for Alice"),
        (".secret", "secret"),
    ] {
        write(&folder.path().join(name), content);
    }
    folder
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, content).expect("a file");
    let file = fs::File::options().write(true).open(path).expect("opened");
    let date = UNIX_EPOCH + Duration::from_secs(784_111_777);
    file.set_modified(date).expect("a date");
}
