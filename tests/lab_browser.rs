//! `--lab` in a browser.

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

fn lab() -> TestServer {
    Setup::new().with(|config| config.lab = true).start()
}

fn opened(server: &TestServer, query: &str) -> Page {
    let mut page = Page::new(1280, 800);
    page.open(&format!("http://{}/.docroot/lab/{query}", server.address));
    page.wait_for("document.documentElement.dataset.state === 'ready'");
    page
}

/// The text of what an experiment shows.
fn result(id: &str) -> String {
    format!("document.querySelector('#{id} form').innerText")
}

/// Sends the form of an experiment, and waits until it shows this.
fn send(page: &mut Page, id: &str, shown: &str) {
    page.run(&format!(
        "document.querySelector('#{id} form').requestSubmit()"
    ));
    page.wait_for(&format!("{}.includes({})", result(id), json!(shown)));
}

fn set(page: &mut Page, id: &str, input: &str, value: &str) {
    let value = json!(value);
    page.run(&format!(
        "{{ const input = document.querySelector('#{id} {input}'); input.value = {value}; \
         input.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
    ));
}

fn command(page: &mut Page, id: &str) -> String {
    let command = page.run(&format!("document.querySelector('#{id} pre').textContent"));
    command.as_str().expect("text").to_owned()
}

/// The messages of the console, without those about responses that the test asks for.
fn unexpected(page: &Page) -> Vec<String> {
    let complaints = page.complaints().into_iter().map(Value::to_string);
    let expected = [
        "status of 404",
        "ERR_CONTENT_LENGTH_MISMATCH",
        "Clear-Site-Data header on",
    ];
    complaints
        .filter(|text| !expected.iter().any(|known| text.contains(known)))
        .collect()
}

#[test]
fn the_page_speaks_both_languages() {
    needs_chromium!();
    let server = lab();
    for (query, tag, wanted) in [
        ("", "en", "Status codes"),
        ("?lang=zh", "zh-Hans", "状态码"),
    ] {
        let mut page = opened(&server, query);
        assert_eq!(page.run("document.documentElement.lang"), json!(tag));
        let text = page.run("document.body.innerText");
        assert!(
            text.as_str().is_some_and(|text| text.contains(wanted)),
            "{text}"
        );
        let other = page.run("document.querySelector('.links a').hreflang");
        assert_ne!(other, json!(tag));
        assert_eq!(page.complaints(), Vec::<&Value>::new());
    }
}

#[test]
fn it_fits_on_a_phone() {
    needs_chromium!();
    let server = lab();
    for query in ["?lang=en", "?lang=zh"] {
        let mut page = Page::new(360, 800);
        page.open(&format!("http://{}/.docroot/lab/{query}", server.address));
        page.wait_for("document.documentElement.dataset.state === 'ready'");
        assert_eq!(page.run("document.documentElement.scrollWidth"), json!(360));
        let nameless = "[...document.querySelectorAll('input, select, textarea')]\
                        .filter(one => !one.labels.length).length";
        assert_eq!(page.run(nameless), json!(0));
    }
}

#[test]
fn responses_are_shown() {
    needs_chromium!();
    let server = lab();
    let mut page = opened(&server, "");
    let address = format!("http://{}/.docroot/lab", server.address);
    assert_eq!(
        command(&mut page, "status"),
        format!("curl -i {address}/status/404")
    );
    send(&mut page, "status", "404 Not Found");
    set(&mut page, "status", "[name=code]", "302");
    set(&mut page, "status", "[name=chain]", "3");
    let want = format!("curl -i -L '{address}/status/302?chain=3'");
    assert_eq!(command(&mut page, "status"), want);
    send(
        &mut page,
        "status",
        "Redirected to /.docroot/lab/status/200",
    );

    send(&mut page, "request", "X-Lab: hello");
    set(&mut page, "chunked", "[name=delay]", "300");
    send(&mut page, "chunked", "75 bytes");
    // A browser that is slow may read two chunks at once.
    let pieces = page.run("document.querySelectorAll('#chunked .pieces li').length");
    assert!(
        pieces
            .as_u64()
            .is_some_and(|pieces| (2..=4).contains(&pieces)),
        "{pieces}"
    );
    send(&mut page, "ends", "The browser reports an error: ");
    send(
        &mut page,
        "upload",
        "\"name\":\"note\",\"filename\":null,\"type\":null,\"length\":5",
    );
    send(&mut page, "negotiate", "content-encoding: gzip");
    send(&mut page, "tls", "This connection does not use TLS.");
    set(&mut page, "hints", "[name=wait]", "10");
    send(&mut page, "hints", "but browsers hide them");
    assert_eq!(unexpected(&page), Vec::<String>::new());
}

/// What a command sends is what the form would send.
#[test]
fn the_commands_work() {
    needs_chromium!();
    let server = lab();
    let mut page = opened(&server, "");
    set(&mut page, "status", "[name=code]", "302");
    set(&mut page, "cookies", "[name=value]", "a'b");
    set(&mut page, "request", "[data-method]", "PUT");
    set(&mut page, "request", "[data-content]", "@it's $HOME \"x\"");
    set(&mut page, "upload", "[name=note]", "<@a");
    set(&mut page, "chunked", "[name=delay]", "0");
    set(&mut page, "chunked", "[name=extension]", "part");
    page.run("document.querySelector('#chunked [name=trailers]').click()");
    set(&mut page, "slow", "[name=bytes]", "10");
    set(&mut page, "cache", "[data-header=Range]", "bytes=0-3");
    set(&mut page, "hints", "[name=wait]", "0");
    set(&mut page, "continue", "[name=answer]", "417");
    set(&mut page, "events", "[name=count]", "1");
    set(&mut page, "poll", "[name=text]", "it's");
    for (id, wanted) in [
        ("status", "HTTP/1.1 200 OK"),
        ("cookies", "Set-Cookie: lab-color=a'b; "),
        ("request", "@it's $HOME \"x\""),
        ("chunked", "0\r\nContent-Digest: sha-256=:"),
        ("slow", "Content-Length: 10\r\n"),
        ("upload", "\"first\":\"<@a\""),
        ("negotiate", "Content-Encoding: gzip"),
        ("cache", "\r\n\r\nThis"),
        ("clear", "Clear-Site-Data: \"cookies\""),
        ("hints", "HTTP/1.1 103 Early Hints"),
        ("continue", "HTTP/1.1 417 "),
        ("events", "id: 1\n"),
        ("tls", "{\"secure\":false}"),
        ("echo", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("chat", "Sec-WebSocket-Protocol: superchat"),
        ("poll", "\"text\":\"it's\""),
    ] {
        let command = command(&mut page, id);
        let ran = Command::new("bash")
            .args(["-c", &command])
            .output()
            .expect("a shell");
        let output = String::from_utf8_lossy(&ran.stdout);
        assert!(output.contains(wanted), "{command}\n{output}");
    }
}

#[test]
fn the_browser_caches_and_asks_again() {
    needs_chromium!();
    let server = lab();
    let mut page = opened(&server, "");
    set(&mut page, "cache", "[name=max-age]", "3600");
    send(&mut page, "cache", "end after");
    send(
        &mut page,
        "cache",
        "from the cache of the browser, without asking the server",
    );
    set(
        &mut page,
        "cache",
        "[data-header=If-None-Match]",
        "\"lab-1\"",
    );
    send(&mut page, "cache", "304 Not Modified");
    assert!(command(&mut page, "cache").contains("-H 'If-None-Match: \"lab-1\"'"));
    assert_eq!(unexpected(&page), Vec::<String>::new());
}

#[test]
fn cookies_are_kept_and_cleared() {
    needs_chromium!();
    let server = lab();
    let mut page = opened(&server, "");
    send(
        &mut page,
        "cookies",
        "{\"name\":\"lab-color\",\"value\":\"blue\"}",
    );
    assert_eq!(page.run("document.cookie"), json!("lab-color=blue"));
    // The browser refuses it without Secure.
    set(&mut page, "cookies", "[name=prefix]", "__Host-");
    set(&mut page, "cookies", "[name=value]", "red");
    send(&mut page, "cookies", "Set-Cookie: __Host-lab-color=red");
    page.wait_for(&format!("{}.includes('GET cookies')", result("cookies")));
    assert_eq!(
        page.run(&format!("{}.includes('\"red\"')", result("cookies"))),
        json!(false)
    );
    send(&mut page, "clear", "{\"cookies\":[]}");
    assert_eq!(page.run("document.cookie"), json!(""));
    assert_eq!(unexpected(&page), Vec::<String>::new());
}

#[test]
fn events_stop_after_three_responses() {
    needs_chromium!();
    let server = lab();
    let mut page = opened(&server, "");
    for (input, value) in [("count", "2"), ("interval", "100"), ("retry", "100")] {
        set(&mut page, "events", &format!("[name={input}]"), value);
    }
    send(&mut page, "events", "the browser has stopped");
    let text = page.run(&result("events"));
    let text = text.as_str().expect("text");
    assert!(text.contains("id: 6") && !text.contains("id: 7"), "{text}");
    assert_eq!(unexpected(&page), Vec::<String>::new());
}

#[test]
fn two_windows_chat() {
    needs_chromium!();
    let server = lab();
    let (mut first, mut second) = (opened(&server, ""), opened(&server, "?lang=zh"));
    send(&mut second, "echo", "hello");
    set(&mut first, "chat", "[name=text]", "first");
    send(&mut first, "chat", "{\"number\":1,\"text\":\"first\"}");
    set(&mut second, "chat", "[name=text]", "second");
    send(&mut second, "chat", "{\"number\":2,\"text\":\"second\"}");
    first.wait_for(&format!("{}.includes('second')", result("chat")));
    for page in [&first, &second] {
        assert_eq!(unexpected(page), Vec::<String>::new());
    }
}

#[test]
fn polling_costs_more_than_a_websocket() {
    needs_chromium!();
    let server = lab();
    let mut page = opened(&server, "");
    set(&mut page, "poll", "[name=every]", "500");
    page.run("document.querySelector('#poll .start').click()");
    let count = |side: &str, name: &str| {
        format!(
            "Number(document.querySelector('[data-side={side}] [data-count={name}]').textContent.replace(/\\D/g, ''))"
        )
    };
    page.wait_for(&format!(
        "{} === 1 && {} >= 3",
        count("socket", "requests"),
        count("poll", "requests")
    ));
    page.run("document.querySelector('#poll form').requestSubmit()");
    for side in ["poll", "socket"] {
        page.wait_for(&format!(
            "document.querySelector('[data-side={side}] .log').innerText.includes('hello 1')"
        ));
    }
    let more = format!(
        "{} > 2 * {}",
        count("poll", "sent"),
        count("socket", "sent")
    );
    assert_eq!(page.run(&more), json!(true));
    assert_eq!(unexpected(&page), Vec::<String>::new());
}

/// A form is sent without a script too. What comes back is text and no page.
#[test]
fn forms_work_without_the_script() {
    needs_chromium!();
    let server = lab();
    for (id, target, shown) in [
        (
            "status",
            "status?code=404&chain=1&retry=5&as=seconds",
            "404 Not Found",
        ),
        ("upload", "upload", "\"name\":\"note\""),
    ] {
        let mut page = opened(&server, "");
        // The method passes the script by. It is called after this answer has left the page.
        page.run(&format!(
            "void setTimeout(() => document.querySelector('#{id} form').submit())"
        ));
        page.wait_for_page(&format!("http://{}/.docroot/lab/{target}", server.address));
        let text = page.run("document.body.innerText");
        assert!(
            text.as_str().is_some_and(|text| text.contains(shown)),
            "{text}"
        );
    }
}
