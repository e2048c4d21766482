//! `--inspect` in a browser: connections, workers, records, and how the browser saw an exchange.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

const WIRE: &str = "document.querySelector('#state').dataset.state === 'connected'";

/// The texts of the rows that are shown, each on one line.
const ROWS: &str = "[...document.querySelectorAll('#grid .body .row:not([hidden])')]\
                    .map(row => row.innerText.replace(/\\s+/g, ' ').trim())";

/// The statuses 304 that are shown. A port and a time can have these digits, too.
const NOT_MODIFIED: &str = "[...document.querySelectorAll('#grid .row.is-exchange:not([hidden]) .status')]\
                            .filter(cell => cell.textContent === '304')";

/// Keeps what the page saves, because a test cannot look into the folder of downloads.
const KEEP_DOWNLOADS: &str = "
    window.saved = {};
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => { window.blob = blob; return make(blob); };
    HTMLAnchorElement.prototype.click = function () {
      const { blob } = window;
      blob.text().then((text) => { window.saved[this.download.split('.').pop()] = text; });
    };";

/// Stands for the socket of the server: `tell` gives the page a message.
const STAND_IN: &str = "
    window.sockets = [];
    window.WebSocket = class {
      constructor() { sockets.push(this); setTimeout(() => this.onopen()); }
    };
    window.tell = (message) => sockets.at(-1).onmessage({ data: JSON.stringify(message) });";

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.inspect = true)
        .file("a.html", "<!doctype html><title>a</title>")
        .file("index.html", "<!doctype html><title>b</title>")
}

fn page_with(server: &TestServer, query: &str, script: &str, sign: &str) -> Page {
    page_of(1280, server, query, script, sign)
}

fn page_of(width: u32, server: &TestServer, query: &str, script: &str, sign: &str) -> Page {
    let mut page = Page::new(width, 800);
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({"source": script}),
    );
    page.open(&format!("http://{}/.docroot/{query}", server.address));
    page.wait_for(sign);
    page
}

fn opened(server: &TestServer, query: &str) -> Page {
    page_with(server, query, KEEP_DOWNLOADS, WIRE)
}

/// A page whose server is the test.
fn told(server: &TestServer, messages: &[Value]) -> Page {
    let mut page = page_with(server, "", STAND_IN, WIRE);
    tell(&mut page, messages);
    page
}

fn tell(page: &mut Page, messages: &[Value]) {
    page.run(&format!("{}.forEach(tell)", Value::from(messages)));
}

fn exchange(connection: u64, number: u64, target: &str) -> Value {
    let head = |text: &str| json!({"head": text, "length": text.len()});
    json!({"exchange": {
        "connection": connection, "number": number, "worker": 0, "at": 1_795_777_385_123_u64 + number,
        "peer": "127.0.0.1", "port": 39_999 + connection, "tls": null, "method": "GET", "target": target,
        "version": "HTTP/1.1", "status": 200, "sent": 4, "reason": "the request has no condition",
        "brief": "", "cut": null, "times": {"head": 1, "answer": 2, "end": 3},
        "request": head("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "response": head("HTTP/1.1 200 OK\r\n\r\n"),
        "steps": [],
    }})
}

fn story() -> Vec<Value> {
    let at = 1_795_777_385_123_u64;
    vec![
        json!({"hello": {"version": "9.8.7", "started": at, "workers": 1, "tls": false, "replay": true}}),
        json!({"opened": {"connection": 1, "worker": 0, "at": at, "peer": "127.0.0.1", "port": 40000}}),
        exchange(1, 1, "/first"),
        json!({"opened": {"connection": 2, "worker": 0, "at": at, "peer": "127.0.0.1", "port": 40001}}),
        exchange(2, 1, "/other"),
        exchange(1, 2, "/second"),
        json!({"closed": {"connection": 1, "at": at, "exchanges": 2, "by": "client",
                          "reason": "the client went away"}}),
        json!({"worker": {"number": 0, "at": at, "phases": {"idle": 1, "answering": 2}}}),
        json!({"unknown": {}}),
    ]
}

/// Clicks on something of the page.
fn click(page: &mut Page, selector: &str) {
    page.run(&format!("document.querySelector('{selector}').click()"));
}

/// The page saves the session, and the test gets the text.
fn saved(page: &mut Page, end: &str, button: &str) -> String {
    click(page, "[popovertarget=files]");
    click(page, button);
    page.wait_for(&format!("window.saved.{end}"));
    let text = page.run(&format!("window.saved.{end}"));
    text.as_str().expect("a text").to_owned()
}

/// A file is dropped on the page.
fn drop_file(page: &mut Page, name: &str, text: &str) {
    page.run(&format!(
        "{{ const data = new DataTransfer();
            data.items.add(new File([{}], {}));
            document.body.dispatchEvent(new DragEvent('drop',
              {{ dataTransfer: data, bubbles: true, cancelable: true }})); }}",
        json!(text),
        json!(name)
    ));
}

/// The server answers 304 to one request, and the page shows it.
fn show_a_304(server: &TestServer, page: &mut Page) {
    let tag = server.get("/a.html", &[]);
    let tag = tag.field("ETag").expect("a tag");
    let fields = [("If-None-Match", tag), ("Cookie", "secret")];
    assert_eq!(server.get("/a.html", &fields).status, 304);
    page.wait_for(&format!("{NOT_MODIFIED}.length"));
}

#[track_caller]
fn assert_calm(page: &Page) {
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn reasons_are_chinese_in_the_chinese_page() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "?lang=zh");
    show_a_304(&server, &mut page);
    page.run(&format!("{NOT_MODIFIED}[0].click()"));
    page.wait_for("document.querySelector('#details h2')");
    for part in [
        "#details h2 [title='If-None-Match lists the current entity-tag']",
        "#details .decides [title='If-None-Match lists the current entity-tag']",
    ] {
        let text = page.run(&format!("document.querySelector(\"{part}\").textContent"));
        assert_eq!(text, "If-None-Match 列出了当前的实体标签", "{part}");
    }
    let untranslated =
        page.run("[...document.querySelectorAll('.finding')].filter(one => !one.querySelector('[title]')).length");
    assert_eq!(untranslated, 0);
    assert_calm(&page);
}

#[test]
fn a_session_is_saved_and_opened_again() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    show_a_304(&server, &mut page);
    let record = saved(&mut page, "json", "#save-json");
    let har = saved(&mut page, "har", "#save-har");
    for text in [&record, &har] {
        assert!(!text.contains("secret"), "{text}");
    }
    let entries: Value = serde_json::from_str(&har).expect("JSON");
    let statuses: Vec<&Value> = entries["log"]["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| &entry["response"]["status"])
        .collect();
    assert!(statuses.contains(&&json!(304)), "{statuses:?}");
    click(&mut page, "#clear");
    for (name, text) in [("a.json", &record), ("b.har", &har)] {
        drop_file(&mut page, name, text);
        page.wait_for(&format!(
            "document.querySelector('#state').textContent.includes('{name}')"
        ));
        page.wait_for(&format!("{NOT_MODIFIED}.length"));
    }
    // What happens meanwhile is not lost.
    assert_eq!(server.get("/?later", &[]).status, 200);
    page.wait_for("/[1-9]/.test(document.querySelector('#back').textContent)");
    click(&mut page, "#back");
    page.wait_for(&format!("{ROWS}.some(text => text.includes('/?later'))"));
    let left = page.run(&format!("{NOT_MODIFIED}.length"));
    assert_eq!(left, 0, "{}", page.run(ROWS));
    assert_calm(&page);
}

#[test]
fn a_bad_file_is_refused_and_loses_nothing() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    show_a_304(&server, &mut page);
    for (text, want) in [
        ("hello", "It is not JSON"),
        ("[1]", "neither a record of docroot nor a HAR"),
        (r#"{"docroot-record":99,"messages":[]}"#, "newer"),
        (
            r#"{"docroot-record":1,"messages":[{"exchange":{}}]}"#,
            "Message 1 is damaged",
        ),
        (
            r#"{"log":{"entries":[{"request":{"url":"?"}}]}}"#,
            "A URL in the HAR is invalid: ?",
        ),
    ] {
        drop_file(&mut page, "bad.txt", text);
        page.wait_for(&format!(
            "document.querySelector('#problem').textContent.includes({})",
            json!(want)
        ));
        let shown = page.run(&format!("{NOT_MODIFIED}.length"));
        assert_eq!(shown, 1, "{text}: {}", page.run(ROWS));
        click(&mut page, "#problem button");
    }
    assert_calm(&page);
}

/// A HAR of a browser has secrets that docroot has not masked.
#[test]
fn secrets_of_a_foreign_har_are_masked() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    let har = json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [{
        "startedDateTime": "2026-11-27T11:00:00.000Z", "time": 3, "connection": "9",
        "request": {"method": "GET", "url": "https://x.example/a?b", "httpVersion": "h2",
                    "headers": [{"name": "Cookie", "value": "secret"}]},
        "response": {"status": 200, "statusText": "", "httpVersion": "h2", "bodySize": 5,
                     "headers": [{"name": "set-cookie", "value": "secret"}], "content": {"size": 5}},
        "timings": {"send": 1, "wait": 1, "receive": 1},
    }]}});
    drop_file(&mut page, "x.har", &har.to_string());
    page.wait_for(&format!("{ROWS}.some(text => text.includes('/a?b'))"));
    page.press("k");
    page.press("Enter");
    page.wait_for("document.querySelector('#details h2')");
    let text = page.run("document.body.innerText").to_string();
    assert!(
        text.contains("Cookie: ***") && text.contains("set-cookie: ***"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    assert_calm(&page);
}

#[test]
fn a_saved_page_opens_without_a_server() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    show_a_304(&server, &mut page);
    let html = saved(&mut page, "html", "#save-page");
    assert_calm(&page);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("session.html");
    fs::write(&path, html).expect("written");
    drop(server);
    for (query, heading) in [
        ("", "If-None-Match lists"),
        ("?lang=zh", "If-None-Match 列出"),
    ] {
        let mut page = Page::new(1280, 800);
        page.open(&format!("file://{}{query}", path.display()));
        page.wait_for(&format!("{NOT_MODIFIED}.length"));
        page.run(&format!("{NOT_MODIFIED}[0].click()"));
        page.wait_for(&format!(
            "document.querySelector('#details h2')?.textContent.includes('{heading}')"
        ));
        assert_calm(&page);
    }
}

#[test]
fn connections_are_rows_or_groups() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    page.wait_for(&format!("{ROWS}.length === 6"));
    let rows = page.run(ROWS);
    let rows: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        rows[0].ends_with("#1 opened by 127.0.0.1:40000"),
        "{rows:?}"
    );
    assert!(
        rows[5].ends_with("#1 closed by the client: the client went away"),
        "{rows:?}"
    );

    page.press("e");
    page.wait_for(&format!("{ROWS}.length === 3"));
    page.press("g");
    page.wait_for(&format!("{ROWS}.length === 5"));
    let rows = page.run(ROWS);
    let has = |at: usize, part: &str| rows[at].as_str().is_some_and(|row| row.contains(part));
    assert!(
        has(0, "#1 127.0.0.1:40000 · 2 exchanges, reused 1 time · "),
        "{rows}"
    );
    assert!(
        has(0, "closed by the client: the client went away"),
        "{rows}"
    );
    assert!(
        has(1, "/first") && has(2, "/second") && has(4, "/other"),
        "{rows}"
    );
    assert!(has(3, "#2 127.0.0.1:40001 · 1 exchange · open"), "{rows}");
    // The keys go over the rows of connections.
    for key in ["j", "j", "j"] {
        page.press(key);
    }
    page.wait_for("document.querySelector('[aria-selected=true]')?.innerText.includes('/other')");
    assert_calm(&page);
}

#[test]
fn workers_are_pictured_and_told_to_screen_readers() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    page.press("w");
    page.wait_for("document.querySelectorAll('#pool .dot.answering').length === 3"); // two, and the legend
    let cells = page.run(
        "[...document.querySelectorAll('#pool table tbody tr *')].map(cell => cell.textContent)",
    );
    assert_eq!(
        cells,
        json!(["worker 0", "0", "0", "2", "0", "0", "0", "1"])
    );
    assert_calm(&page);
}

#[test]
fn a_restart_is_recognised_by_its_time() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    let hello = |started: u64| json!({"hello": {"version": "9.8.8", "started": started}});
    let again = "sockets.at(-1).onclose(); new Promise(done => setTimeout(done, 0))";
    for (started, connections) in [(1_795_777_385_123_u64, 1), (1_795_777_999_000, 2)] {
        page.run(again);
        page.wait_for(WIRE);
        tell(&mut page, &[hello(started), exchange(1, 1, "/first")]);
        // The exchange that the page has already is shown once.
        page.wait_for(&format!(
            "{ROWS}.filter(text => text.includes('/first')).length === {connections}"
        ));
    }
    page.wait_for(&format!(
        "{ROWS}.some(text => text.includes('The server restarted'))"
    ));
    let shown = page.run("document.querySelector('#server').textContent");
    assert!(
        shown
            .as_str()
            .is_some_and(|text| text.starts_with("docroot 9.8.8, since ")),
        "{shown}"
    );
    assert_calm(&page);
}

#[test]
fn the_browser_says_how_it_saw_an_exchange() {
    needs_chromium!();
    let server = setup().start();
    let mut page = opened(&server, "");
    let click =
        json!({"expression": "document.querySelector('#visit').click()", "userGesture": true});
    page.call("Runtime.evaluate", click);
    // Behind the window, the page draws nothing.
    page.run("new Promise(done => { const look = () => document.querySelector('#said').textContent ? done() : setTimeout(look, 20); look(); })");
    page.call("Page.bringToFront", json!({}));
    page.wait_for(&format!("{ROWS}.some(text => text.includes('GET / 200'))"));
    page.run("[...document.querySelectorAll('.row')].find(row => row.innerText.replace(/\\s+/g, ' ').includes('GET / 200')).click()");
    page.wait_for("document.querySelector('#details')?.innerText.includes('In the browser')");
    let text = page
        .run("document.querySelector('#details').innerText")
        .to_string();
    assert!(text.contains("waiting for the first octet"), "{text}");
    assert!(text.contains("came over the network"), "{text}");
    assert_calm(&page);
}

/// A plain 200 has a reason too.
#[test]
fn the_list_tells_each_reason() {
    needs_chromium!();
    let server = setup().start();
    for (query, reason) in [
        ("", "the request has no condition"),
        ("?lang=zh", "请求不是条件请求"),
    ] {
        let mut page = page_with(&server, query, STAND_IN, WIRE);
        tell(&mut page, &story());
        page.wait_for(&format!(
            "{ROWS}.some(text => text.includes('/first') && text.endsWith('{reason}'))"
        ));
        assert_calm(&page);
    }
}

#[test]
fn two_exchanges_are_compared() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    let row = |target: &str| {
        format!(
            "[...document.querySelectorAll('.row.is-exchange:not([hidden])')].find(row => row.innerText.includes('{target}'))"
        )
    };
    page.wait_for(&row("/other"));
    page.run(&format!("{}.click()", row("/first")));
    page.press("m");
    page.wait_for("document.querySelector('#said').textContent.startsWith('#1·1 is marked')");
    page.run(&format!("{}.click()", row("/other")));
    page.wait_for("document.querySelector('.compare table')");
    let shown = page.run("document.querySelector('.compare').innerText");
    let shown = shown.as_str().expect("text");
    for wanted in ["#1·1 200 OK", "#2·1 200 OK", "2 equal lines"] {
        assert!(shown.contains(wanted), "{wanted} is not in {shown}");
    }
    // The same key takes the mark away again.
    page.run(&format!("{}.click()", row("/first")));
    page.press("m");
    page.run(&format!("{}.click()", row("/second")));
    page.wait_for("document.querySelector('#details').innerText.includes('/second')");
    let left = page.run("document.querySelectorAll('.compare').length");
    assert_eq!(left, 0);
    assert_calm(&page);
}

#[test]
fn a_paused_list_stands_still_and_loses_nothing() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    page.wait_for(&format!("{ROWS}.length === 6"));
    let label = "document.querySelector('#pause').textContent";
    page.press("p");
    page.wait_for(&format!("{label} === 'Resume (0 waiting)'"));
    tell(
        &mut page,
        &[exchange(2, 2, "/third"), exchange(2, 3, "/fourth")],
    );
    page.wait_for(&format!("{label} === 'Resume (2 waiting)'"));
    assert_eq!(page.run(&format!("{ROWS}.length")), 6);
    click(&mut page, "#pause");
    page.wait_for(&format!("{ROWS}.length === 8"));
    page.wait_for(&format!("{label} === 'Pause'"));
    assert_calm(&page);
}

#[test]
fn a_cleared_list_shows_what_comes_later() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    page.wait_for(&format!("{ROWS}.length === 6"));
    let is_empty = "!document.querySelector('#empty').hidden";
    for (clear, target) in [("button", "/third"), ("key", "/fourth")] {
        match clear {
            "key" => page.press("c"),
            _ => click(&mut page, "#clear"),
        }
        page.wait_for(is_empty);
        tell(&mut page, &[exchange(2, 2, target)]);
        page.wait_for(&format!(
            "{ROWS}.length === 1 && {ROWS}[0].includes('{target}')"
        ));
    }
    assert_calm(&page);
}

/// The keys that the dialog lists are those that the page knows.
#[test]
fn keys_are_listed() {
    needs_chromium!();
    let server = setup().start();
    let mut page = told(&server, &story());
    page.press("?");
    page.wait_for("document.querySelector('#key-list').open");
    let listed = page.run(
        "[...document.querySelectorAll('#key-list kbd')].map(key => key.textContent).join(' ')",
    );
    assert_eq!(listed, "j ↓ k ↑ Enter Esc / p c m s g e w b ← → ?");
    // The keys do nothing while the dialog is open.
    page.press("b");
    click(&mut page, "#key-list button");
    assert_eq!(page.run("document.querySelectorAll('.large').length"), 0);
    page.press("b");
    page.wait_for("document.querySelector('html.large')");
    assert_calm(&page);
}

#[test]
fn the_page_fits_a_phone_and_a_projector() {
    needs_chromium!();
    let server = setup().start();
    for query in ["", "?lang=zh"] {
        let mut page = page_of(360, &server, query, STAND_IN, WIRE);
        tell(&mut page, &story());
        page.wait_for(&format!("{ROWS}.length === 6"));
        let check = |page: &mut Page, what: &str| {
            let width = page.run("document.documentElement.scrollWidth");
            assert_eq!(width, 360, "{what} {query}");
        };
        check(&mut page, "the list");
        page.press("w");
        check(&mut page, "the workers");
        page.press("w");
        page.press("b");
        check(&mut page, "the list, large");
        page.press("k");
        page.press("Enter");
        page.wait_for("document.querySelector('#details h2')");
        check(&mut page, "the details, large");
        for at in 0..2 {
            page.run(&format!(
                "document.querySelectorAll('.bytes .buttons button')[{at}].click()"
            ));
            check(&mut page, "the octets, large");
        }
        page.press("s");
        page.wait_for("document.querySelector('#request-text')");
        check(&mut page, "the editor, large");
        assert_calm(&page);
    }
}

/// What the browser takes from its cache is a row too, although no request comes.
#[test]
fn what_the_browser_has_kept_is_a_row() {
    needs_chromium!();
    let server = setup()
        .file("kept.js", "0")
        .file(
            "index.html",
            "<!doctype html><title>b</title><script src=\"kept.js\"></script>",
        )
        .with(|config| {
            let rule = "/kept.js=max-age=600";
            config.rules.add_cache(rule).expect("a rule");
        })
        .start();
    let mut page = opened(&server, "");
    for visits in 1..=2 {
        let click =
            json!({"expression": "document.querySelector('#visit').click()", "userGesture": true});
        page.call("Runtime.evaluate", click);
        page.call("Page.bringToFront", json!({}));
        page.wait_for(&format!(
            "{ROWS}.filter(row => row.includes('GET / ')).length === {visits}"
        ));
    }
    page.wait_for("document.querySelector('.row.is-cached:not([hidden])')");
    let shown =
        page.run("document.querySelector('.row.is-cached').innerText.replace(/\\s+/g, ' ')");
    let shown = shown.as_str().expect("text");
    assert!(
        shown.contains("GET /kept.js")
            && shown.ends_with("from the browser's cache, no request was sent"),
        "{shown}"
    );
    assert_calm(&page);
}

#[test]
fn the_language_is_that_of_the_browser() {
    needs_chromium!();
    let server = setup().start();
    let mut page = Page::new(1280, 800);
    let agent = page.run("navigator.userAgent");
    for (accepted, want) in [("fr,zh-TW,en", "zh-Hans"), ("fr,en,zh", "en"), ("fr", "en")] {
        page.call(
            "Emulation.setUserAgentOverride",
            json!({"userAgent": agent, "acceptLanguage": accepted}),
        );
        page.open(&format!("http://{}/.docroot/", server.address));
        page.wait_for(WIRE);
        assert_eq!(
            page.run("document.documentElement.lang"),
            want,
            "{accepted}"
        );
    }
}
