//! Requests that the wire view sends again, in a browser, with the server itself.

mod support;

use serde_json::{Value, json};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

/// The page of a server with one file, after it has seen an answer 304.
fn opened() -> (TestServer, Page) {
    let server = Setup::new()
        .with(|config| config.inspect = true)
        .file("a.html", "<!doctype html><title>a</title>")
        .start();
    let mut page = Page::new(1280, 2000);
    page.open(&format!("http://{}/.docroot/", server.address));
    page.wait_for("document.querySelector('#state').dataset.state === 'connected'");
    assert_eq!(server.get("/a.html", &[("If-None-Match", "*")]).status, 304);
    page.wait_for("document.querySelector('#grid .body .row.is-exchange:not([hidden])')");
    page.press("End");
    page.press("Enter");
    page.wait_for("document.querySelector('#details h2')");
    (server, page)
}

/// Waits until the element shows this text.
fn wait_for_text(page: &mut Page, selector: &str, text: &str) {
    page.wait_for(&format!(
        "document.querySelector('{selector}')?.innerText.includes({})",
        json!(text)
    ));
}

#[test]
fn an_edit_leads_to_the_answer_that_docroot_expects() {
    needs_chromium!();
    let (_server, mut page) = opened();
    page.run("[...document.querySelectorAll('.edits button')].find(one => one.innerText.startsWith('without If-None-Match')).click()");
    wait_for_text(&mut page, ".what-if", "304 → 200");
    wait_for_text(
        &mut page,
        ".what-if",
        "docroot no longer reaches this step.",
    );
    let text = page.run("document.querySelector('.what-if').innerText");
    assert!(
        !text.as_str().expect("text").contains("docroot expected"),
        "{text}"
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn a_request_of_two_lengths_is_sent_and_refused() {
    needs_chromium!();
    let (_server, mut page) = opened();
    page.run("document.querySelector('#send').click()");
    page.run("{ const menu = document.querySelector('#request-sample'); menu.value = 'cl-te'; menu.dispatchEvent(new Event('change')); }");
    wait_for_text(
        &mut page,
        ".editor",
        "Content-Length wins over Transfer-Encoding",
    );
    page.run("document.querySelector('.editor .buttons button').click()");
    wait_for_text(
        &mut page,
        ".connection-view",
        "docroot closed the connection",
    );
    wait_for_text(&mut page, ".connection-view", "HTTP/1.1 400 Bad Request");
    // Why, as the wire tells it.
    wait_for_text(
        &mut page,
        ".connection-view",
        "both a Content-Length and a Transfer-Encoding",
    );
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}
