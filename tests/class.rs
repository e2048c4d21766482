//! `--class`: learners use the lab and see their own exchanges, and what they have done is counted without names.

mod support;

use std::net::TcpStream;

use docroot::semantics::address_rules::AddressRules;
use serde_json::{Value, json};
use support::viewer::Viewer;
use support::{PATIENCE, Response, Setup, TestServer, request, until};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

const TEACHER: [u8; 4] = [127, 0, 0, 1];
const LEARNER: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];
const STRANGER: [u8; 4] = [127, 0, 1, 1];

fn rules(block: &str) -> AddressRules {
    let mut rules = AddressRules::default();
    rules.allow(block).expect("a block");
    rules
}

fn setup() -> Setup {
    Setup::new().file("a.txt", "text").with(|config| {
        config.inspect = true;
        config.lab = true;
        config.inspect_from = rules("127.0.0.1/32");
        config.class_from = Some(rules("127.0.0.0/24"));
    })
}

fn get(server: &TestServer, from: [u8; 4], target: &str) -> Response {
    let mut client = server.connect_from(from);
    client.send(&request("GET", target, &[("Connection", "close")]));
    client.response("GET")
}

/// A WebSocket from this address.
fn websocket(server: &TestServer, from: [u8; 4], path: &str) -> WebSocket<TcpStream> {
    let stream = server.connect_from(from).stream;
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let url = format!("ws://{}{path}", server.address);
    tungstenite::client(url, stream).expect("a WebSocket").0
}

/// The status of a request for a WebSocket from this address.
fn status_of_websocket(server: &TestServer, from: [u8; 4], path: &str) -> u16 {
    status_of_handshake(server, from, path, "same-origin")
}

/// The same for a page of this site, by Fetch Metadata.
fn status_of_handshake(server: &TestServer, from: [u8; 4], path: &str, site: &str) -> u16 {
    let url = format!("ws://{}{path}", server.address);
    let stream = server.connect_from(from).stream;
    let mut request = url.into_client_request().expect("a request");
    let site = site.parse().expect("a value");
    request.headers_mut().insert("Sec-Fetch-Site", site);
    match tungstenite::client(request, stream) {
        Ok((_, response)) => response.status().as_u16(),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            response.status().as_u16()
        }
        Err(fault) => panic!("{fault}"),
    }
}

const PAGE: &str = "/.docroot/learn/class";
const WATCH: &str = "/.docroot/learn/watch";
const TICKS: &str = "/.docroot/learn/ticks";

/// The page of the teacher.
struct Watch(Viewer);

impl Watch {
    fn open(server: &TestServer) -> Watch {
        Watch(Viewer(websocket(server, TEACHER, WATCH)))
    }

    /// The next counts: when the class began, the learners, and how often an experiment was done.
    fn counts(&mut self) -> (u64, u64, u64) {
        let told = self.0.next();
        let done = told["done"].as_array().expect("counts");
        let sum = done.iter().filter_map(Value::as_u64).sum();
        let number = |name: &str| told[name].as_u64().expect("a number");
        (number("began"), number("learners"), sum)
    }
}

/// Reports what a learner has done. `learner` is one digit.
fn report(server: &TestServer, from: [u8; 4], class: u64, learner: u32, done: &[&str]) -> Response {
    let content = format!("{class}\n{learner:032x}\n{}", done.join("\n"));
    post(server, from, &content, &[])
}

fn post(server: &TestServer, from: [u8; 4], content: &str, more: &[(&str, &str)]) -> Response {
    let length = content.len().to_string();
    let mut fields = vec![("Content-Length", &*length), ("Connection", "close")];
    fields.extend(more);
    let mut client = server.connect_from(from);
    client.send(&request("POST", TICKS, &fields));
    client.send(content.as_bytes());
    client.response("POST")
}

/// Tests `guide::class::take_report`.
#[test]
fn the_teacher_sees_at_once_what_is_reported() {
    let server = setup().start();
    let mut watch = Watch::open(&server);
    let (began, learners, done) = watch.counts();
    assert_eq!((learners, done), (0, 0));
    let weak = "07-conditional/weak-tag";
    let counted = report(&server, LEARNER, began, 1, &[weak]);
    assert_eq!((counted.status, counted.body), (204, Vec::new()));
    assert_eq!(watch.counts(), (began, 1, 1));
    let both = [weak, "07-conditional/not-modified", "no/such"];
    assert_eq!(report(&server, OTHER, began, 2, &both).status, 204);
    assert_eq!(watch.counts(), (began, 2, 3));
    // Nothing new, so the next counts are those after the report that follows.
    assert_eq!(report(&server, LEARNER, began, 1, &[weak]).status, 204);
    assert_eq!(report(&server, LEARNER, began, 1, &[]).status, 204);
    assert_eq!(watch.counts(), (began, 1, 2));
}

#[test]
fn the_counts_are_in_the_order_of_the_book() {
    let server = setup().start();
    let list = get(&server, TEACHER, "/.docroot/learn/experiments.json");
    let list: Vec<Value> = serde_json::from_slice(&list.body).expect("JSON");
    let weak = list
        .iter()
        .position(|one| one["name"] == "07-conditional/weak-tag");
    let weak = weak.expect("it is there");
    assert_eq!(
        list[weak],
        json!({
            "name": "07-conditional/weak-tag",
            "lesson": {"en": "Conditional requests and caching", "zh": "条件请求与缓存"},
            "title": {"en": "The right tag, but weak", "zh": list[weak]["title"]["zh"]},
        })
    );
    let mut watch = Watch(Viewer(websocket(&server, TEACHER, WATCH)));
    let (began, ..) = watch.counts();
    report(&server, LEARNER, began, 1, &["07-conditional/weak-tag"]);
    let told = watch.0.next();
    let done = told["done"].as_array().expect("counts");
    assert_eq!(done.len(), list.len());
    assert_eq!(done[weak], 1);
}

#[test]
fn the_teacher_begins_again() {
    let server = setup().start();
    let mut watch = Watch::open(&server);
    let (began, ..) = watch.counts();
    let done = ["08-ranges/resume-download"];
    report(&server, LEARNER, began, 1, &done);
    assert_eq!(watch.counts().1, 1);
    watch.0.0.send(Message::text("clear")).expect("sent");
    let (next, learners, _) = watch.counts();
    assert!(next > began);
    assert_eq!(learners, 0);
    let late = report(&server, LEARNER, began, 1, &done);
    assert_eq!(
        (late.status, late.body),
        (409, format!("{next}\n").into_bytes())
    );
    assert_eq!(report(&server, LEARNER, next, 1, &done).status, 204);
    assert_eq!(watch.counts(), (next, 1, 1));
    // It understands nothing else.
    watch.0.0.send(Message::text("other")).expect("sent");
    let close = watch.0.0.read().expect("a message");
    assert!(matches!(close, Message::Close(Some(frame)) if u16::from(frame.code) == 1008));
}

#[test]
fn learners_may_use_the_book_but_not_the_page_of_the_teacher() {
    let server = setup().start();
    for (target, learner, stranger) in [
        ("/a.txt", 200, 200),
        ("/.docroot/lab/tls", 200, 403),
        ("/.docroot/", 200, 403),
        ("/.docroot/words/fields.json", 200, 403),
        ("/.docroot/learn/class", 403, 403),
        ("/.docroot/learn/class.js", 403, 403),
        ("/.docroot/learn/experiments.json", 403, 403),
        ("/.docroot/learn/nothing", 404, 404),
        ("/.docroot/learn/", 403, 403),
        ("/.docroot/learn/class/", 403, 403),
    ] {
        assert_eq!(get(&server, LEARNER, target).status, learner, "{target}");
        assert_eq!(get(&server, STRANGER, target).status, stranger, "{target}");
    }
    for (path, teacher, learner, stranger) in [
        ("/.docroot/wire", 101, 101, 403),
        ("/.docroot/replay", 101, 101, 403),
        (WATCH, 101, 403, 403),
    ] {
        for (from, status) in [(TEACHER, teacher), (LEARNER, learner), (STRANGER, stranger)] {
            assert_eq!(status_of_websocket(&server, from, path), status, "{path}");
        }
    }
    assert_eq!(
        status_of_handshake(&server, TEACHER, WATCH, "cross-site"),
        403
    );
    assert_eq!(report(&server, STRANGER, 0, 1, &[]).status, 403);
    for (language, title) in [("en", "The class"), ("zh-CN", "班级")] {
        let mut client = server.connect();
        let accepts = [("Accept-Language", language)];
        client.send(&request("GET", "/.docroot/learn/class", &accepts));
        let page = String::from_utf8(client.response("GET").body).expect("text");
        assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
    }
}

/// A teacher may type the address with a slash, or without the last part.
/// Tests `guide::class::elsewhere`.
#[test]
fn addresses_beside_the_page_lead_to_it() {
    let server = setup().start();
    for (target, location) in [
        ("/.docroot/learn/", "class"),
        ("/.docroot/learn/?lang=zh", "class?lang=zh"),
        ("/.docroot/learn/class/", "../class"),
    ] {
        let redirect = get(&server, TEACHER, target);
        assert_eq!(redirect.status, 301, "{target}");
        assert_eq!(redirect.field("Location"), Some(location), "{target}");
    }
}

#[test]
fn a_learner_sees_only_what_came_from_its_own_address() {
    let server = setup().start();
    let mut teacher = Viewer(websocket(&server, TEACHER, "/.docroot/wire"));
    let mut learner = Viewer(websocket(&server, LEARNER, "/.docroot/wire"));
    assert!(learner.event("hello")["class"].is_u64());
    for (from, target) in [
        (OTHER, "/a.txt?other"),
        (TEACHER, "/a.txt?teacher"),
        (LEARNER, "/a.txt?learner"),
        (OTHER, "/a.txt?again"),
        (LEARNER, "/a.txt?last"),
    ] {
        assert_eq!(get(&server, from, target).status, 200);
    }
    let mut seen = Vec::new();
    // Neither exchanges nor any other event of a connection are told.
    while seen.last() != Some(&json!("/a.txt?last")) {
        let event = learner.next();
        if let Some(peer) = event["opened"]["peer"].as_str() {
            assert_eq!(peer, "127.0.0.2");
        }
        if event["exchange"].is_object() {
            assert_eq!(event["exchange"]["peer"], "127.0.0.2");
            seen.push(event["exchange"]["target"].clone());
        }
    }
    assert_eq!(seen, ["/a.txt?learner", "/a.txt?last"]);
    let all: Vec<Value> = (0..5)
        .map(|_| teacher.exchange()["target"].take())
        .collect();
    assert_eq!(all[0], "/a.txt?other");
    assert_eq!(all[4], "/a.txt?last");
}

/// Who reports what is not shown in the wire view either.
#[test]
fn reports_are_not_shown() {
    let server = setup().start();
    let mut teacher = Viewer(websocket(&server, TEACHER, "/.docroot/wire"));
    let began = teacher.event("hello")["class"].as_u64().expect("a class");
    report(&server, LEARNER, began, 1, &["08-ranges/resume-download"]);
    get(&server, LEARNER, "/a.txt");
    assert_eq!(teacher.exchange()["target"], "/a.txt");
}

#[test]
fn a_hostile_learner_is_bounded() {
    let server = setup().start();
    let mut watch = Watch::open(&server);
    let (began, ..) = watch.counts();
    let done = ["08-ranges/resume-download"];
    // Made-up learners: eight of them count.
    for learner in 1..=8 {
        assert_eq!(report(&server, LEARNER, began, learner, &done).status, 204);
    }
    let ninth = report(&server, LEARNER, began, 9, &done);
    assert_eq!(
        (ninth.status, ninth.field("Retry-After")),
        (429, Some("10"))
    );
    // A flood.
    let refused = (0..40).filter(|_| report(&server, LEARNER, began, 1, &done).status == 429);
    assert!(refused.count() >= 10);
    assert_eq!(report(&server, OTHER, began, 10, &done).status, 204);
    until("all are told", || watch.counts() == (began, 9, 9));
    // Other content, other methods, other pages.
    for content in ["", "a\nb", &"x".repeat(8 * 1024)] {
        assert_eq!(post(&server, [127, 0, 0, 4], content, &[]).status, 400);
    }
    let long = "x".repeat(8 * 1024 + 1);
    assert_eq!(post(&server, [127, 0, 0, 4], &long, &[]).status, 413);
    let got = get(&server, [127, 0, 0, 4], TICKS);
    assert_eq!((got.status, got.field("Allow")), (405, Some("POST")));
    let foreign = [("Origin", "http://evil.example")];
    let content = format!("{began}\n{:032x}\n{}", 77, done[0]);
    let refused = post(&server, [127, 0, 0, 4], &content, &foreign);
    assert_eq!(refused.status, 403);
    // Many wire views: the teacher and the others still get one.
    let path = "/.docroot/wire";
    let own: Vec<_> = (0..6).map(|_| websocket(&server, LEARNER, path)).collect();
    assert_eq!(status_of_websocket(&server, LEARNER, path), 503);
    let mut others: Vec<_> = (0..16).map(|_| websocket(&server, TEACHER, path)).collect();
    assert_eq!(status_of_websocket(&server, TEACHER, path), 503);
    others.push(websocket(&server, OTHER, path));
    drop(own);
    until("there is room", || {
        status_of_websocket(&server, LEARNER, path) == 101
    });
}

/// Tests `guide::class::absent::answer`.
#[test]
fn without_a_class_there_is_nothing_of_it() {
    let server = setup().with(|config| config.class_from = None).start();
    let mut viewer = Viewer(websocket(&server, TEACHER, "/.docroot/wire"));
    assert_eq!(viewer.event("hello")["class"], Value::Null);
    for target in [PAGE, TICKS, WATCH] {
        assert_eq!(get(&server, TEACHER, target).status, 404, "{target}");
    }
    // Who may see the page reads which option is missing.
    for target in ["/.docroot/learn/", PAGE, "/.docroot/learn/class/"] {
        let refusal = get(&server, TEACHER, target);
        let page = String::from_utf8(refusal.body).expect("text");
        assert_eq!(refusal.status, 404, "{target}");
        assert!(page.contains("start docroot with --class"), "{page}");
        assert_eq!(get(&server, LEARNER, target).status, 403, "{target}");
    }
    let nothing = setup().with(|config| {
        config.class_from = None;
        config.inspect = false;
    });
    let page = get(&nothing.start(), TEACHER, PAGE).body;
    let page = String::from_utf8(page).expect("text");
    assert!(!page.contains("--class"), "{page}");
    assert_eq!(get(&server, LEARNER, "/.docroot/lab/tls").status, 403);
}
