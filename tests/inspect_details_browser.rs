//! The details of an exchange in the wire view, in a browser. The test plays the server, so that the page sees
//! every message that it may get.

mod support;

use serde_json::{Value, json};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

const NOT_MODIFIED: &str = "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 2\r\n\r\nhi";

/// An exchange, with these members instead of the usual ones.
fn exchange(members: Value) -> Value {
    let head = "GET /a.html HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"a\"\r\n\r\n";
    let mut exchange = json!({
        "connection": 1, "number": 1, "worker": 0, "at": 1_795_000_000_000_u64, "peer": "127.0.0.1", "port": 40_000,
        "tls": null, "method": "GET", "target": "/a.html", "version": "HTTP/1.1", "status": 304, "sent": 0,
        "reason": "If-None-Match lists the current entity-tag", "brief": "not modified", "cut": null,
        "times": {"accepted": 2000, "secured": null, "head": 10, "answer": 20, "end": 30},
        "request": {"head": head, "length": head.len(), "body": null},
        "response": {"head": NOT_MODIFIED, "length": NOT_MODIFIED.len(), "body": null},
        "steps": [],
    });
    for (name, value) in members.as_object().expect("an object") {
        exchange[name] = value.clone();
    }
    exchange
}

/// A step that decided, with these edits.
fn step(edits: Value) -> Value {
    json!([{
        "section": "RFC 9110 section 13.1.2",
        "function": "docroot::semantics::precondition::if_none_match",
        "finding": "If-None-Match lists the current entity-tag",
        "evidence": null, "status": 304, "edits": edits,
    }])
}

/// A body whose first octets are all of it.
fn body(octets: &str, chunks: Value) -> Value {
    json!({"length": octets.len(), "first": octets, "chunks": chunks, "unseen": false})
}

/// The page, whose server says `messages` after its greeting, and answers what is replayed with `replies`. Its
/// newest exchange is open.
fn opened(messages: &[Value], replies: &[Value]) -> (TestServer, Page) {
    let server = Setup::new().with(|config| config.inspect = true).start();
    let hello = json!({"hello": {"version": "1", "started": 1, "workers": 1, "tls": false, "replay": true}});
    let messages: Vec<_> = [&[hello][..], messages].concat();
    let source = "/// Step 3.\nfn if_none_match(a: u8) {\n    b(\"}\");\n}\n\n#[test]\nfn step_3_if_none_match() {}\n";
    let files = json!({
        "sources.json": {"src/semantics/precondition.rs": source},
        "words/fields.json": [{
            "name": "If-None-Match", "sender": "client", "grammar": "#entity-tag", "example": "\"5d8c\"",
            "purpose": {"en": "Asks only for what is new.", "zh": "只要新的。"},
            "section": "RFC 9110 section 13.1.2", "standing": "current",
        }],
        "words/websocket.json": {
            "opcodes": [{"code": 8, "name": "Close", "purpose": {"en": "Ends it."}, "section": "RFC 6455 section 5.5.1"}],
            "opcode_ranges": [],
            "close_codes": [{"code": 1002, "name": "protocol error", "purpose": {"en": "The peer broke a rule."}, "section": "RFC 6455 section 7.4.1"}],
            "close_code_ranges": [],
        },
    });
    let script = include_str!("inspect_details/server.js")
        .replace("MESSAGES", &json!(messages).to_string())
        .replace("REPLIES", &json!(replies).to_string())
        .replace("FILES", &files.to_string());
    let mut page = Page::new(1280, 2000);
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({"source": format!("{{ {script} }}")}),
    );
    page.open(&format!("http://{}/.docroot/", server.address));
    page.wait_for("document.querySelector('#grid .body .row.is-exchange:not([hidden])')");
    page.press("End");
    page.press("Enter");
    page.wait_for("document.querySelector('#details h2')");
    (server, page)
}

/// Waits until the details show each of these texts.
fn wait_for_texts(page: &mut Page, selector: &str, texts: &[&str]) {
    for text in texts {
        page.wait_for(&format!(
            "document.querySelector('{selector}')?.innerText.includes({})",
            json!(text)
        ));
    }
}

/// Clicks the button with this text.
fn click(page: &mut Page, text: &str) {
    let button = format!(
        "[...document.querySelectorAll('button')].find(one => one.innerText.startsWith({}))",
        json!(text)
    );
    page.wait_for(&button);
    page.run(&format!("{button}.click()"));
}

fn sent(page: &mut Page) -> Value {
    page.run("played.sent")
}

#[test]
fn an_edit_of_the_request_shows_the_other_answer() {
    needs_chromium!();
    let edits = json!([{"do": "remove", "name": "If-None-Match", "expect": 200}]);
    let other = exchange(json!({
        "connection": 2, "status": 200, "sent": 2, "reason": "there is no condition",
        "steps": [{"section": "RFC 9110 section 13.2.1", "function": "docroot::semantics::precondition::evaluate",
                   "finding": "there is no condition", "evidence": null, "status": 200}],
        "response": {"head": OK.trim_end_matches("hi"), "length": OK.len() - 2, "body": null},
    }));
    let (_server, mut page) = opened(
        &[json!({"exchange": exchange(json!({"steps": step(edits)}))})],
        &[json!({"octets": OK, "exchange": other})],
    );
    click(&mut page, "without If-None-Match");
    wait_for_texts(
        &mut page,
        ".what-if",
        &[
            "What if: without If-None-Match",
            "304 → 200 — there is no condition",
            "docroot no longer reaches this step.",
            "HTTP/1.1 200 OK",
            "absent",
            "3 equal lines",
        ],
    );
    let host = "[...document.querySelectorAll('.what-if tr:not([hidden]) th')].some(one => one.innerText === 'Host')";
    assert_eq!(page.run(host), json!(false), "what is equal is hidden");
    click(&mut page, "3 equal lines");
    page.wait_for(host);
    let octets = json!({"octets": "GET /a.html HTTP/1.1\r\nHost: x\r\n\r\n"});
    assert_eq!(sent(&mut page), json!(["connect", octets]));
    // Who closes it is where they were before.
    page.run("document.querySelector('.what-if .close').click()");
    page.wait_for("document.activeElement.matches('.edits button')");
    page.wait_for("!document.querySelector('.what-if')");
    let replies = json!([{"octets": OK, "exchange": other}]);
    page.run(&format!("played.replies.push(...{replies})"));
    click(&mut page, "without If-None-Match");
    // It is an exchange of the list too.
    click(&mut page, "Open #2·1");
    wait_for_texts(
        &mut page,
        "#details h2",
        &["200 OK — there is no condition"],
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn an_edit_keeps_the_place_of_its_reader() {
    needs_chromium!();
    let edits = json!([{"do": "remove", "name": "If-None-Match", "expect": 304}]);
    let last = step(edits)[0].clone();
    let mut steps = vec![step(json!([]))[0].clone(); 60];
    steps.push(last);
    let (_server, mut page) = opened(
        &[json!({"exchange": exchange(json!({"steps": steps}))})],
        &[json!({"octets": OK})],
    );
    let top =
        "Math.round(document.querySelector('.steps .edits button').getBoundingClientRect().top)";
    page.run("document.querySelector('.steps .edits button').scrollIntoView({ block: 'center' })");
    let before = page.run(top);
    page.run("document.querySelector('.steps .edits button').click()");
    wait_for_texts(&mut page, ".what-if", &["304 → 200"]);
    assert_ne!(page.run(top), before, "the result is shown");
    page.run("document.querySelector('.what-if .close').click()");
    assert_eq!(page.run(top), before);
    page.wait_for("document.activeElement.matches('.steps .edits button')");
    // The edit promises the status that the exchange has already, which is no promise.
    assert_eq!(
        page.run("document.querySelector('.steps .edits button').innerText"),
        "without If-None-Match"
    );
}

#[test]
fn a_hidden_value_is_not_sent() {
    needs_chromium!();
    let head = "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: ***\r\n\r\n";
    let edits = json!([{"do": "method", "value": "HEAD", "expect": null}]);
    let request = json!({"head": head, "length": head.len(), "body": null});
    let (_server, mut page) = opened(
        &[json!({"exchange": exchange(json!({"steps": step(edits), "request": request}))})],
        &[],
    );
    click(&mut page, "with the method HEAD");
    wait_for_texts(&mut page, ".what-if", &["shows *** instead"]);
    assert_eq!(sent(&mut page), json!([]));
    // The editor begins with the edited request.
    page.run("document.querySelector('.what-if .buttons button').click()");
    page.wait_for(
        "document.querySelector('#request-text')?.value.startsWith('HEAD / HTTP/1.1\\nHost')",
    );
    wait_for_texts(&mut page, ".editor", &["Fill them in before you send."]);
}

#[test]
fn the_editor_sends_what_was_typed() {
    needs_chromium!();
    let (_server, mut page) = opened(
        &[json!({"exchange": exchange(json!({}))})],
        &[
            json!({"octets": "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "closed": {"by": "server"}}),
            json!({"octets": "\u{15}\u{3}\u{3}"}),
        ],
    );
    page.press("s");
    page.wait_for("document.activeElement.id === 'request-text'");
    page.run("document.activeElement.select()");
    let lines = [
        "POST / HTTP/1.1",
        "Content-Length: 4",
        "Content-Length: 0",
        "",
        "GET /\\xff",
    ];
    for line in lines {
        page.enter(line);
        page.press("Enter");
    }
    let typed = lines.map(|line| format!("{line}\n")).concat();
    wait_for_texts(
        &mut page,
        ".editor",
        &["Recipients may disagree", "The last Content-Length counts"],
    );
    page.run("[...document.querySelectorAll('.editor button')].find(one => one.innerText === 'Send').click()");
    wait_for_texts(
        &mut page,
        ".connection-view",
        &["docroot closed the connection from port 40001", "400"],
    );
    let octets = "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 0\r\n\r\nGET /\u{ff}\r\n";
    assert_eq!(sent(&mut page), json!(["connect", {"octets": octets}]));
    // What looks like no request is none, however it is divided.
    page.run("const menu = document.querySelector('#request-sample'); menu.value = 'tls-hello'; menu.dispatchEvent(new Event('change'))");
    wait_for_texts(&mut page, ".editor", &["This is no HTTP request."]);
    page.run("menu.value = 'te-cl'; menu.dispatchEvent(new Event('change'))");
    wait_for_texts(
        &mut page,
        ".readings",
        &["start of another request: 0 octets"],
    );
    page.run("document.querySelector('#request-text').select()");
    page.run(&format!(
        "document.execCommand('insertText', false, {})",
        json!(typed)
    ));
    // Line ends of another kind, and an answer that is no HTTP.
    page.run("document.querySelector('input[value=lf]').click()");
    page.run("[...document.querySelectorAll('.editor button')].find(one => one.innerText === 'Send').click()");
    wait_for_texts(
        &mut page,
        ".connection-view",
        &["No HTTP response", "15 03 03"],
    );
    let octets = json!({"octets": octets});
    assert_eq!(
        page.run("played.sent[3]"),
        octets,
        "the octets stay the same"
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn contents_are_divided_into_chunks_and_parts() {
    needs_chromium!();
    let chunked = "4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n";
    let parts = "--b\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--b\r\nContent-Range: bytes 7-8/9\r\n\r\nhi\r\n--b--\r\n";
    let head =
        "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=b\r\n\r\n";
    let members = json!({
        "request": {"head": "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "length": 51,
                    "body": body(chunked, json!([4, 5, 0]))},
        "response": {"head": head, "length": head.len(), "body": body(parts, Value::Null)},
    });
    let (_server, mut page) = opened(&[json!({"exchange": exchange(members)})], &[]);
    wait_for_texts(
        &mut page,
        ".contents",
        &[
            "2 chunks: 4, 5",
            "pedia",
            "Content-Range: bytes 7-8/9",
            "2 octets",
        ],
    );
    page.run("document.querySelector('.contents button').click()");
    wait_for_texts(
        &mut page,
        ".contents",
        &["34 0d 0a 57 69 6b 69 0d 0a", "4..Wiki.."],
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn a_file_that_the_kernel_sent_is_not_shown() {
    needs_chromium!();
    let members = json!({"response": {"head": OK, "length": OK.len(),
                                      "body": {"length": 734_003_200, "first": "", "chunks": null, "unseen": true}}});
    let (_server, mut page) = opened(&[json!({"exchange": exchange(members)})], &[]);
    wait_for_texts(
        &mut page,
        ".contents",
        &[
            "734,003,200 octets",
            "The kernel sent the file itself (sendfile)",
        ],
    );
}

#[test]
fn frames_are_shown_bit_by_bit_as_they_come() {
    needs_chromium!();
    let frame = |from: &str, head: &str, first: &str| {
        json!({"frame": {"connection": 1, "at": 1_795_000_000_000_u64, "from": from, "head": head,
                         "length": first.chars().count(), "first": first}})
    };
    let (_server, mut page) = opened(
        &[
            json!({"exchange": exchange(json!({"status": 101, "response": {"head": "HTTP/1.1 101 Switching Protocols\r\n\r\n", "length": 36}}))}),
            frame("client", "\u{81}\u{85}\u{37}\u{fa}\u{21}\u{3d}", "Hello"),
        ],
        &[],
    );
    wait_for_texts(&mut page, ".frames", &["1 frame", "client →", "Hello"]);
    let close = frame("server", "\u{88}\u{2}", "\u{3}\u{ea}");
    page.run(&format!("played.wire.tell({close})"));
    wait_for_texts(&mut page, ".frames", &["2 frames", "← docroot", "Close"]);
    page.run("document.querySelectorAll('.frames li > button').forEach(one => one.click())");
    wait_for_texts(
        &mut page,
        ".frames",
        &[
            "00110111 11111010 00100001 00111101",
            "This is the last frame of its message.",
            "7f 9f 4d 51 58",
            "48 65 6c 6c 6f",
            "Close code 1002",
            "The peer broke a rule.",
        ],
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn compressed_messages_are_shown_as_they_were_before() {
    needs_chromium!();
    let head =
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let frame = |first: &str| {
        json!({"frame": {"connection": 1, "at": 1_795_000_000_000_u64, "from": "server",
                         "head": format!("\u{c1}{}", char::from(u8::try_from(first.chars().count()).expect("short"))),
                         "length": first.chars().count(), "first": first}})
    };
    // RFC 7692 sections 7.2.3.1 and 7.2.3.2: the second message refers to the first.
    let (_server, mut page) = opened(
        &[
            json!({"exchange": exchange(json!({"status": 101, "response": {"head": head, "length": head.len()}}))}),
            frame("\u{f2}\u{48}\u{cd}\u{c9}\u{c9}\u{7}\u{0}"),
            frame("\u{f2}\u{0}\u{11}\u{0}\u{0}"),
        ],
        &[],
    );
    page.run("document.querySelectorAll('.frames li > button').forEach(one => one.click())");
    wait_for_texts(
        &mut page,
        ".frames",
        &[
            "compressed",
            "Before compression (5 octets)",
            "Hello",
            "It refers to earlier messages",
        ],
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn a_malformed_request_shows_how_others_would_divide_it() {
    needs_chromium!();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n";
    let members = json!({"method": "", "target": "", "status": 400,
                         "request": {"head": head, "length": head.len(), "body": null}});
    let (_server, mut page) = opened(&[json!({"exchange": exchange(members)})], &[]);
    wait_for_texts(
        &mut page,
        "#details",
        &[
            "1 place breaks the grammar",
            "Recipients may disagree",
            "waits for more octets",
            "A name with a space before the colon is another field",
        ],
    );
}

#[test]
fn a_word_and_a_function_are_explained() {
    needs_chromium!();
    let (_server, mut page) = opened(
        &[json!({"exchange": exchange(json!({"steps": step(json!([]))}))})],
        &[],
    );
    // With the keyboard: the third line of the request.
    page.run("document.querySelector('.bytes [role=listbox]').focus()");
    page.press("ArrowDown");
    page.press("ArrowDown");
    wait_for_texts(
        &mut page,
        ".caption",
        &[
            "field name",
            "Asks only for what is new.",
            "sent by clients",
            "in force",
            "#entity-tag",
        ],
    );
    click(&mut page, "semantics::precondition::if_none_match");
    wait_for_texts(
        &mut page,
        ".source-text",
        &[
            "src/semantics/precondition.rs:1",
            "/// Step 3.",
            "b(\"}\");",
            "1 test mentions it",
        ],
    );
    wait_for_texts(
        &mut page,
        "section.time",
        &[
            "Before: wait for the first octet, 2\u{a0}ms",
            "Time 30\u{a0}µs",
        ],
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn white_space_and_numbers_of_octets_are_shown() {
    needs_chromium!();
    let (_server, mut page) = opened(&[json!({"exchange": exchange(json!({}))})], &[]);
    let line = "document.querySelector('.bytes .octets .line').textContent";
    assert_eq!(page.run(line), "GET /a.html HTTP/1.1");
    click(&mut page, "White space");
    assert_eq!(page.run(line), "GET·/a.html·HTTP/1.1\\r\\n");
    let name = "document.querySelector('.bytes .crlf').getAttribute('aria-label')";
    assert_eq!(page.run(name), "end of the line: CR  LF, \\r\\n");
    click(&mut page, "Hex");
    let row = "document.querySelector('.bytes .octets .line').textContent";
    assert_eq!(
        page.run(row),
        "000047 45 54 20 2f 61 2e 68 74 6d 6c 20 48 54 54 50 GET·/a.html·HTTP"
    );
    click(&mut page, "White space");
    click(&mut page, "Hex");
    assert_eq!(page.run(line), "GET /a.html HTTP/1.1");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}
