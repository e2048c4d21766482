//! 103 (Early Hints) and 100 (Continue).

use std::time::{Duration, Instant};

use super::{LAB, body, lab, lab_of_named, raw_old, support};

#[test]
fn hints_come_before_the_response() {
    let server = lab();
    let began = Instant::now();
    let mut client = server.connect();
    client.send(&support::request(
        "GET",
        &format!("{LAB}hints?wait=300"),
        &[],
    ));
    let hints = client.next_response("GET");
    let link = Some("<lab.css>; rel=preload; as=style");
    assert_eq!(
        (hints.status, hints.field("Link"), hints.fields.len()),
        (103, link, 1)
    );
    let response = client.next_response("GET");
    assert_eq!((response.status, response.field("Link")), (200, link));
    assert!(began.elapsed() >= Duration::from_millis(300));
    // RFC 9110 section 15.2: not to HTTP/1.0.
    assert!(response.text().contains("The hints came first"));
    let whole = raw_old("hints?wait=0", "");
    assert!(whole.starts_with("HTTP/1.1 200 "), "{whole}");
    assert!(body(&whole).contains("HTTP/1.0 has no interim responses"));
    assert!(!body(&whole).contains("came first"), "{whole}");
    let whole = raw_old("status/103", "");
    assert!(whole.starts_with("HTTP/1.1 200 "), "{whole}");
    assert!(body(&whole).contains("HTTP/1.0 has no interim responses"));
}

#[test]
fn content_is_asked_for_or_refused() {
    let server = lab();
    let expect = [("Expect", "100-continue"), ("Content-Length", "5")];
    let mut client = server.connect();
    client.send(&support::request(
        "POST",
        &format!("{LAB}continue?wait=100"),
        &expect,
    ));
    assert_eq!(client.next_response("POST").status, 100);
    client.send(b"hello");
    let response = client.next_response("POST");
    assert!(response.status == 200 && response.text().contains("so 100 (Continue) came first"));
    assert!(
        response
            .text()
            .contains("100 ms, and the content had 5 bytes"),
        "{}",
        response.text()
    );
    for status in [401, 413, 417] {
        let mut client = server.connect();
        client.send(&support::request(
            "POST",
            &format!("{LAB}continue?answer={status}"),
            &expect,
        ));
        let response = client.next_response("POST");
        assert_eq!(
            (response.status, response.field("Connection")),
            (status, Some("close"))
        );
    }
}

/// The text says that 100 (Continue) came only if it came.
#[test]
fn the_text_about_100_is_true() {
    let server = lab_of_named();
    let whole = |method: &str, version: &str, fields: &str, content: &str| {
        let request = format!(
            "{method} {LAB}continue HTTP/{version}\r\nHost: localhost\r\n{fields}Connection: close\r\n\r\n{content}"
        );
        String::from_utf8(server.raw(request.as_bytes())).expect("UTF-8")
    };
    let expect = "Expect: 100-continue\r\n";
    let with = |rest: &str| format!("{expect}{rest}");
    let (five, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    for (method, version, fields, content, want) in [
        ("GET", "1.1", expect.to_owned(), "", "but no content"),
        (
            "POST",
            "1.1",
            with("Content-Length: 0\r\n"),
            "",
            "but no content",
        ),
        (
            "POST",
            "1.1",
            with(five),
            "hello",
            "did not wait for 100 (Continue)",
        ),
        (
            "POST",
            "1.1",
            with(chunked),
            "5\r\nhello\r\n0\r\n\r\n",
            "did not wait for 100 (Continue)",
        ),
        (
            "POST",
            "1.0",
            with(five),
            "hello",
            "HTTP/1.0 has no 100 (Continue)",
        ),
        (
            "POST",
            "1.1",
            five.to_owned(),
            "hello",
            "did not have Expect",
        ),
        ("GET", "1.1", String::new(), "", "did not have Expect"),
        (
            "GET",
            "1.1",
            "Expect:\r\n".to_owned(),
            "",
            "did not have Expect",
        ),
    ] {
        let got = whole(method, version, &fields, content);
        let row = format!("{method} {version} {fields:?} {content:?}: {got}");
        assert!(got.starts_with("HTTP/1.1 200 "), "{row}");
        assert!(body(&got).contains(want), "{row}");
        assert!(!body(&got).contains("came first"), "{row}");
    }
}
