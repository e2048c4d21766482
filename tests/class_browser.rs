//! `--class` in Chromium: the browser of a learner reports what it has ticked, and the page of the teacher shows it.

mod support;

// The server of the book.
#[path = "book/server.rs"]
mod server;

use docroot::semantics::address_rules::AddressRules;
use serde_json::{Value, json};
use server::setup;
use support::chromium::{Page, needs_chromium};
use support::live_page::websocket;
use support::{Setup, TestServer, request};

fn rules(block: &str) -> AddressRules {
    let mut rules = AddressRules::default();
    rules.allow(block).expect("a block");
    rules
}

/// A server of the book with a class. The browser of these tests is at 127.0.0.1.
fn with_class(teacher: &str, learner: &str) -> Setup {
    let (teacher, learner) = (rules(teacher), rules(learner));
    setup().with(|config| {
        config.inspect_from = teacher;
        config.class_from = Some(learner);
    })
}

const LESSON: &str = "lessons/07-conditional/index.en.html";

fn opened(page: &mut Page, server: &TestServer, path: &str) {
    page.open(&format!("http://{}/{path}", server.address));
    page.wait_for("document.documentElement.dataset.wire === 'connected'");
}

/// Does an experiment.
fn succeed(page: &mut Page, id: &str) {
    let of = |rest: &str| format!("document.getElementById('{id}'){rest}");
    page.run(&of(".querySelector('[type=radio]').click()"));
    page.run(&of(".querySelector('.send').click()"));
    page.wait_for(&of(".dataset.done !== undefined"));
}

/// The counts that the page of the teacher gets: the learners, and how often an experiment was done.
fn counts(watch: &mut impl FnMut() -> Value) -> (u64, u64) {
    let told = watch();
    let done = told["done"].as_array().expect("counts");
    let learners = told["learners"].as_u64().expect("a number");
    (learners, done.iter().filter_map(Value::as_u64).sum())
}

/// The browser is a learner and no more, and still does experiments, from its own address.
#[test]
fn what_a_learner_has_done_is_counted() {
    needs_chromium!();
    let server = with_class("127.0.0.9/32", "127.0.0.1/32").start();
    let stream = server.connect_from([127, 0, 0, 9]).stream;
    let url = format!("ws://{}/.docroot/learn/watch", server.address);
    let (mut socket, _) = tungstenite::client(url, stream).expect("a WebSocket");
    let mut watch = move || {
        let message = socket.read().expect("a message");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    };
    assert_eq!(counts(&mut watch), (0, 0));
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, LESSON);
    let note = "document.getElementById('class-note').textContent";
    page.wait_for(&format!("{note}.includes('no name')"));
    succeed(&mut page, "weak-tag");
    assert_eq!(counts(&mut watch), (1, 1));
    succeed(&mut page, "not-modified");
    assert_eq!(counts(&mut watch), (1, 2));
    // Somebody else's exchange ticks nothing here.
    let mut other = server.connect_from([127, 0, 0, 9]);
    let fields = [("If-Modified-Since", "Sat, 29 Oct 1994 19:43:31 GMT")];
    other.send(&request("GET", "/almanac.txt", &fields));
    assert_eq!(other.response("GET").status, 200);
    // Another page knows the same learner.
    opened(&mut page, &server, "lessons/08-ranges/index.zh.html");
    succeed(&mut page, "resume-download");
    assert_eq!(counts(&mut watch), (1, 3));
    // The learner no longer wants to be counted, and then does.
    page.run("document.querySelector('#class-note button').click()");
    assert_eq!(counts(&mut watch), (0, 0));
    page.run("document.querySelector('#class-note button').click()");
    assert_eq!(counts(&mut watch), (1, 3));
    let kept = page.run("Object.keys(JSON.parse(localStorage.getItem('docroot.class'))).sort()");
    assert_eq!(kept, json!(["began", "done", "isOut", "learner"]));
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// The text of an element of the page of the teacher.
fn text_of(selector: &str) -> String {
    format!("document.querySelector('{selector}').textContent")
}

#[test]
fn the_teacher_sees_the_counts_and_begins_again() {
    needs_chromium!();
    let server = with_class("127.0.0.1/32", "127.0.0.0/8").start();
    for (language, lesson) in [
        ("en", "Conditional requests and caching"),
        ("zh", "条件请求与缓存"),
    ] {
        let mut page = Page::new(1280, 900);
        page.open(&format!(
            "http://{}/.docroot/learn/class?lang={language}",
            server.address
        ));
        page.wait_for(&format!("{} === '0 / 1000'", text_of("#learners")));
        let body = page.run("document.querySelector('table').innerText");
        assert!(body.as_str().is_some_and(|text| text.contains(lesson)));
        report(
            &server,
            1,
            &["07-conditional/weak-tag", "08-ranges/resume-download"],
        );
        report(&server, 2, &["07-conditional/weak-tag"]);
        let count = text_of("[data-experiment=\"07-conditional/weak-tag\"] b");
        page.wait_for(&format!("{count} === '2'"));
        assert_eq!(page.run(&text_of("#learners")), json!("2 / 1000"));
        let width = "document.querySelector('[data-experiment=\"08-ranges/resume-download\"] i').style.width";
        assert_eq!(page.run(width), json!("50%"));
        let link =
            "document.querySelector('[data-experiment=\"08-ranges/resume-download\"] a').href";
        let link = page.run(link);
        page.run("document.querySelector('#clear').click()");
        page.run("document.querySelector('#no').click()");
        assert_eq!(
            page.run("document.querySelector('#sure').open"),
            json!(false)
        );
        assert_eq!(page.run(&count), json!("2"));
        page.run("document.querySelector('#clear').click()");
        page.run("document.querySelector('#yes').click()");
        page.wait_for(&format!("{} === '0 / 1000'", text_of("#learners")));
        assert_eq!(page.run(&count), json!("0"));
        assert_eq!(page.complaints(), Vec::<&Value>::new());
        // The title leads to the experiment.
        page.open(link.as_str().expect("a link"));
        let anchor = "document.querySelector(location.hash).classList.contains('experiment')";
        assert_eq!(page.run(anchor), json!(true));
    }
}

/// Reports for a learner of the class that is there now.
fn report(server: &TestServer, learner: u32, done: &[&str]) {
    let mut socket = websocket(server.address, "/.docroot/learn/watch");
    let told = socket.read().expect("a message");
    let told: Value = serde_json::from_str(told.to_text().expect("text")).expect("JSON");
    let content = format!("{}\n{learner:032x}\n{}", told["began"], done.join("\n"));
    let length = content.len().to_string();
    let mut client = server.connect();
    let fields = [("Content-Length", &*length)];
    client.send(&request("POST", "/.docroot/learn/ticks", &fields));
    client.send(content.as_bytes());
    assert_eq!(client.response("POST").status, 204);
}
