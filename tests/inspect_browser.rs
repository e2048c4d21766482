//! `--inspect` in a browser.

mod support;

use serde_json::{Value, json};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.inspect = true)
        .file("a.html", "<!doctype html><title>a</title>")
        .file("docs/b.txt", "text")
}

fn opened(server: &TestServer, query: &str) -> Page {
    let mut page = Page::new(1280, 800);
    page.open(&format!("http://{}/.docroot/{query}", server.address));
    page.wait_for("document.querySelector('#state').dataset.state === 'connected'");
    page
}

/// The texts of the rows that are shown.
const ROWS: &str = "[...document.querySelectorAll('#grid [role=row]')].map(row => row.innerText)";

#[test]
fn a_304_is_explained() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    let tag = server.get("/a.html", &[]);
    let tag = tag.field("ETag").expect("a tag");
    assert_eq!(
        server
            .get("/a.html", &[("If-None-Match", tag), ("Cookie", "secret")])
            .status,
        304
    );
    // A port and a time can have these digits, too.
    page.wait_for(
        "[...document.querySelectorAll('#grid .row.is-exchange .status')].some(cell => cell.textContent === '304')",
    );
    // With the keyboard: the filter, the exchange that it leaves, and its details. Two exchanges of different
    // connections may be told in any order.
    page.press("/");
    page.enter("304");
    page.wait_for(&format!("!{ROWS}.some(text => text.includes('\\n200\\n'))"));
    page.press("Enter");
    page.press("Enter");
    page.wait_for(
        "document.querySelector('#details h2')?.textContent.includes('304 Not Modified')",
    );
    let details = page.run("document.querySelector('#details').innerText");
    let details = details.as_str().expect("text");
    for wanted in [
        "If-None-Match lists the current entity-tag",
        "RFC 9110 section 13.1.2",
        "semantics::precondition::if_none_match",
        "HTTP/1.1 304 Not Modified",
        &format!("If-None-Match: {tag}"),
        "Cookie: ***",
    ] {
        assert!(details.contains(wanted), "{wanted} is not in {details}");
    }
    assert!(!details.contains("secret"), "{details}");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn the_page_speaks_chinese() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "?lang=zh");
    assert_eq!(page.run("document.documentElement.lang"), json!("zh-Hans"));
    let text = page.run("document.body.innerText");
    assert!(
        text.as_str().is_some_and(|text| text.contains("请求")),
        "{text}"
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn own_requests_are_shown_if_the_address_says_so() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "?own");
    server.get("/.docroot/words/methods.json", &[]);
    page.wait_for(&format!(
        "{ROWS}.some(text => text.includes('methods.json'))"
    ));
    // The other language shows them too.
    let other = page.run("document.querySelector('#language').search");
    assert_eq!(other, "?own=&lang=zh");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// The rows of connections.
const GROUPS: &str =
    "[...document.querySelectorAll('#grid .row.is-group:not([hidden])')].map(row => row.innerText)";

/// The numbers are those of the server. The list does not have the exchanges before it was opened.
#[test]
fn exchanges_before_the_view_was_opened_count() {
    needs_chromium!();
    let server = setup().start();
    let mut client = server.connect();
    let mut get = |count| {
        for _ in 0..count {
            client.send(&support::request("GET", "/a.html", &[]));
            assert_eq!(client.response("GET").status, 200);
        }
    };
    get(5);
    let mut page = opened(&server, "");
    get(2);
    for wanted in ["#1·6", "#1·7"] {
        page.wait_for(&format!("{ROWS}.some(text => text.includes('{wanted}'))"));
    }
    page.press("g");
    let wanted = "2 of 7 exchanges shown, reused 6 times";
    page.wait_for(&format!("{GROUPS}.some(text => text.includes('{wanted}'))"));
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// The browser uses the connections over which it has loaded the view.
#[test]
fn requests_of_the_view_do_not_count() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    for number in 1..=3 {
        page.run("fetch('/a.html', { cache: 'no-store' }).then(response => response.text())");
        page.wait_for(&format!(
            "{ROWS}.filter(text => text.includes('/a.html')).length === {number}"
        ));
    }
    page.press("g");
    let sum = format!(
        "{GROUPS}.map(text => Number(/· (\\d+) exchange/.exec(text)?.[1] ?? 0)).reduce((a, b) => a + b, 0)"
    );
    page.wait_for(&format!("{sum} === 3"));
    let shown = page.run(&format!("{GROUPS}.join('\\n')"));
    let shown = shown.as_str().expect("text");
    assert!(!shown.contains(" shown"), "{shown}");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// The connection is opened before the proxy has named the client.
#[test]
fn the_client_behind_a_proxy_is_shown() {
    needs_chromium!();
    let server = setup()
        .with(|config| {
            let proxies = std::sync::Arc::make_mut(&mut config.proxies);
            proxies.add("127.0.0.2").expect("an address");
        })
        .start();
    let mut page = opened(&server, "");
    let mut proxy = server.connect_from([127, 0, 0, 2]);
    let port = proxy.stream.local_addr().expect("an address").port();
    let through = format!("through the proxy 127.0.0.2:{port}");
    for (client, wanted) in [("192.0.2.7", "192.0.2.7"), ("192.0.2.8", "several clients")] {
        let fields = [("X-Forwarded-For", client)];
        proxy.send(&support::request("GET", "/a.html", &fields));
        assert_eq!(proxy.response("GET").status, 200);
        let wanted = format!("opened by {wanted} {through}");
        page.wait_for(&format!("{ROWS}.some(text => text.includes('{wanted}'))"));
    }
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn an_exchange_is_copied_as_har() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }; 0");
    server.get("/a.html", &[("Cookie", "secret")]);
    page.wait_for(&format!("{ROWS}.some(text => text.includes('/a.html'))"));
    page.run("document.querySelector('#grid .row.is-exchange').click()");
    let button = "[...document.querySelectorAll('#details button')].find(button => button.innerText === 'Copy as HAR')";
    page.wait_for(button);
    page.run(&format!("{button}.click()"));
    page.wait_for("window.copied");
    let har = page.run("window.copied");
    let har: Value = serde_json::from_str(har.as_str().expect("text")).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["request"]["method"], &entry["response"]["status"]))
        .collect();
    assert_eq!(told, [(&json!("GET"), &json!(200))]);
    assert!(!har.to_string().contains("secret"), "{har}");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// The page draws only what is visible.
#[test]
fn the_last_of_ten_thousand_exchanges_is_shown() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    let mut client = server.connect();
    let requests = "GET /docs/b.txt HTTP/1.1\r\nHost: test\r\n\r\n".repeat(100);
    for _ in 0..100 {
        client.send(requests.as_bytes());
        for _ in 0..100 {
            assert_eq!(client.response("GET").status, 200);
        }
    }
    // On the same connection, because exchanges of different connections may be told in any order.
    client.send(b"GET /a.html HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
    page.wait_for(&format!("{ROWS}.some(text => text.includes('/a.html'))"));
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}
