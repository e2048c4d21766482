//! RFC 9112 sections 2 to 5 and RFC 9110 sections 4, 7 and 9: what is a request, and what is
//! answered to that which is none.

mod support;

use std::io::{Read, Write};

use support::{Client, Response, Setup, TestServer, request};

/// Stands behind every request that must end its connection: if it is answered, two parsers could
/// have been made to see two different messages.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";

fn site() -> TestServer {
    TestServer::of(&[
        ("a", "the file a"),
        ("b c", "a name with a space"),
        ("100%", "a name with a percent sign"),
        ("a+b", "a name with a plus sign"),
        ("é", "a name in UTF-8"),
        ("q?", "a name with a question mark"),
        ("folder/in", "inside"),
        ("smuggled", "this must never be sent"),
    ])
}

/// Sends `message` as it is, with another request behind it, and returns the only answer: the
/// connection must close after it.
#[track_caller]
fn only_answer(server: &TestServer, message: &[u8]) -> Response {
    let mut client = server.connect();
    client.send(message);
    client.send(SMUGGLED);
    let shown = String::from_utf8_lossy(&message[..message.len().min(200)]).into_owned();
    let method = if message.starts_with(b"HEAD ") {
        "HEAD"
    } else {
        "GET"
    };
    let response = client.response(method);
    assert_eq!(response.field("Connection"), Some("close"), "{shown:?}");
    let more = client.rest();
    assert!(more.is_empty(), "{shown:?} has two answers: {more:?}");
    response
}

#[track_caller]
fn check_refused(server: &TestServer, message: impl AsRef<[u8]>, status: u16) {
    let message = message.as_ref();
    let response = only_answer(server, message);
    let shown = String::from_utf8_lossy(&message[..message.len().min(200)]).into_owned();
    assert_eq!(response.status, status, "{shown:?}");
    let text = response.text();
    assert!(text.contains(&format!("<title>{status} ")), "{shown:?}");
}

/// Sends a request line and `Host` on a connection that must go on afterwards.
#[track_caller]
fn check_line(server: &TestServer, line: &str, status: u16, text: &str) {
    check_served(
        server,
        &format!("{line}\r\nHost: test\r\n\r\n"),
        status,
        text,
    );
}

/// The answer has this status and holds `text`, and the next request is answered too.
#[track_caller]
fn check_served(server: &TestServer, message: &str, status: u16, text: &str) {
    let mut client = server.connect();
    client.send(message.as_bytes());
    let method = message.split(' ').next().unwrap_or_default();
    let response = client.response(method);
    assert_eq!(response.status, status, "{message:?}");
    assert!(response.text().contains(text), "{message:?}: {response:?}");
    check_next(&mut client, message);
}

#[track_caller]
fn check_next(client: &mut Client, after: &str) {
    client.send(&request("GET", "/a", &[]));
    let next = client.response("GET");
    assert_eq!(next.text(), "the file a", "after {after:?}");
}

/// Tests `origin::answer::answer_path`.
#[test]
fn concept_1_a_path_is_decoded_once_and_its_query_set_apart() {
    let server = site();
    let file =
        |target: &str, text| check_line(&server, &format!("GET {target} HTTP/1.1"), 200, text);
    // RFC 9110 section 4.2.3: scheme and host without case, an empty path is the root.
    file("http://test/a", "the file a");
    file("HTTP://TEST/a", "the file a");
    file("http://test", "folder");
    // RFC 3986 section 2.1: escapes stand for bytes, whatever their case.
    file("/%61", "the file a");
    file("/b%20c", "a name with a space");
    file("/100%25", "a name with a percent sign");
    file("/a+b", "a name with a plus sign");
    file("/%c3%A9", "a name in UTF-8");
    file("/q%3F", "a name with a question mark");
    // RFC 3986 section 3.4: the query begins at the first question mark and names no file.
    file("/a?", "the file a");
    file("/a?b=c", "the file a");
    file("/a?/../b?%zz%00", "the file a");
    // RFC 9110 section 7.4: https is not asked for in plain text.
    let secured = "GET hTTpS://Test:8443/a HTTP/1.1\r\nHost: test\r\n\r\n";
    check_refused(&server, secured, 421);
    let absent = |target: &str| check_line(&server, &format!("GET {target} HTTP/1.1"), 404, "");
    absent("/q?"); // the question mark was not escaped
    absent("/%2561"); // once, and never twice
    absent("/A"); // paths have case
    absent("/a%3Fb"); // an escaped question mark begins no query
}

#[test]
fn what_could_mean_two_files_is_refused() {
    let server = site();
    let row =
        |target: &str, status| check_line(&server, &format!("GET {target} HTTP/1.1"), status, "");
    for target in [
        "/%",
        "/%6",
        "/%zz",
        "/a%", // RFC 3986 section 2.1
        "/a%00",
        "/%00a",
        "/folder%2Fin",
        "/folder%2fin",
        "/folder\\in",
        "/..",
        "/../a",
        "/folder/../../a",
        "//../../a",
        "/%2e%2e/a",
        "/folder/../%2e%2e/a",
        "/folder//%2e/a",
        "/.%2E/a", // section 5.2.4
        "/folder/%2e%2e/%2e%2e/etc/passwd",
    ] {
        row(target, 400);
    }
    for target in ["/folder%5Cin", "/folder/in/", "/a/", "/a/b", "/none"] {
        row(target, 404);
    }
}

#[test]
fn concept_2_one_parser_tolerant_only_where_the_rfc_says_so() {
    let server = site();
    let served = |message: &str| check_served(&server, message, 200, "the file a");
    // Section 2.2: empty lines before the request-line.
    served("\r\nGET /a HTTP/1.1\r\nHost: test\r\n\r\n");
    served("\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: test\r\n\r\n");
    // Section 5: white space around a value is no part of it; names have no case, fields no order.
    served("GET /a HTTP/1.1\r\nhOsT:test\r\n\r\n");
    served("GET /a HTTP/1.1\r\nHost: \t test \t\r\n\r\n");
    served("GET /a HTTP/1.1\r\nX-First:\r\nX-Second: \r\nHOST: test\r\n\r\n");
    // Section 5.5 of RFC 9110: tabs and bytes beyond ASCII may stand in a value.
    served("GET /a HTTP/1.1\r\nHost: test\r\nX: a\tb é\r\n\r\n");
    served("GET /a HTTP/1.1\r\nHost: test\r\n!#$%&'*+-.^_`|~0a: odd, and a token\r\n\r\n");
    // Whatever else there was to forgive is not forgiven.
    check_refused(&server, "GET /a HTTP/1.1\nHost: test\n\n", 400);
    check_refused(&server, "GET /a HTTP/1.1\r\nHost : test\r\n\r\n", 400);
}

/// Tests `http1::line::split_method`, `http1::line::split_target`.
#[test]
fn request_lines_that_are_none() {
    let server = site();
    for line in [
        "GET  /a HTTP/1.1",
        "GET /a  HTTP/1.1",
        "GET\t/a HTTP/1.1",
        "GET /a\tHTTP/1.1",
        " GET /a HTTP/1.1",
        "GET /a HTTP/1.1 ",
        "GET /a",
        "GET",
        "GET ",
        "/a HTTP/1.1",
        "G(T /a HTTP/1.1",
        "GÉT /a HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /a\u{7f} HTTP/1.1",
        "GET /a\u{1} HTTP/1.1",
        "GET /a\0 HTTP/1.1",
        "GET /a http/1.1",
        "GET /a HTTP/1.10",
        "GET /a HTTP/11",
        "GET /a HTTP/1",
        "GET /a HTTP/1.",
        "GET /a HTTP /1.1",
        "GET /a HTTPS/1.1",
    ] {
        check_refused(&server, format!("{line}\r\nHost: test\r\n\r\n"), 400);
    }
}

#[test]
fn line_ends_and_control_bytes_that_hide_something() {
    let server = site();
    for head in [
        "GET /a HTTP/1.1\nHost: test\r\n\r\n", // a bare LF, in each place
        "GET /a HTTP/1.1\r\nHost: test\n\r\n",
        "GET /a HTTP/1.1\r\nHost: test\r\n\n",
        "GET /a HTTP/1.1\r\nHost: test\r\nX: a\nY: b\r\n\r\n",
        "\nGET /a HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a HTTP/1.1\rHost: test\r\n\r\n", // a bare CR
        "GET /a HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n",
        "GET /a HTTP/1.1\r\r\nHost: test\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: test\r\n\r\r\n",
        "\rGET /a HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: test\r\nX: a\0b\r\n\r\n", // other control bytes
        "GET /a HTTP/1.1\r\nHost: test\r\nX: \u{1b}[2J\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: test\r\nX: \u{7f}\r\n\r\n",
    ] {
        check_refused(&server, head, 400);
    }
}

/// The browser of somebody who typed `https` shows none of it, but the log gives the same reason.
#[test]
fn a_client_that_speaks_tls_gets_that_reason() {
    let server = site();
    let mut client = server.connect();
    client.send(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03");
    let response = client.response("GET");
    assert_eq!(response.status, 400);
    let reason = "The client begins a TLS handshake where HTTP is expected.";
    assert!(response.text().contains(reason), "{}", response.text());
}

/// Tests `http1::line::split_name`.
#[test]
fn field_lines_that_are_none() {
    let server = site();
    for line in [
        "X : a", // section 5.1: no white space before the colon
        "X\t: a",
        " X: a", // section 5.2: a folded line
        "\tX: a",
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X: a\r\n ",
        "X",      // section 5: no colon
        ": a",    // no name
        "X Y: a", // names are tokens
        "X(Y): a",
        "X\u{e9}: a",
        "\"X\": a",
    ] {
        let first = format!("GET /a HTTP/1.1\r\n{line}\r\nHost: test\r\n\r\n");
        let last = format!("GET /a HTTP/1.1\r\nHost: test\r\n{line}\r\n\r\n");
        check_refused(&server, first, 400);
        check_refused(&server, last, 400);
    }
}

#[test]
fn versions() {
    let server = site();
    check_line(&server, "GET /a HTTP/1.1", 200, "the file a");
    check_line(&server, "GET /a HTTP/1.2", 200, "the file a"); // RFC 9110 section 2.5
    check_line(&server, "GET /a HTTP/1.9", 200, "the file a");
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"] {
        let head = format!("GET /a {version}\r\nHost: test\r\n\r\n");
        check_refused(&server, head, 505); // RFC 9110 section 15.6.6
    }
    // The preface of HTTP/2 is built to be understood as an unknown version.
    check_refused(&server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

#[test]
fn what_is_too_long() {
    let server = Setup::new()
        .file("a", "the file a")
        .with(|config| {
            config.limits.max_target = 100;
            config.limits.max_head = 1000;
            config.limits.max_fields = 10;
        })
        .start();
    let target = |length: usize| format!("/a?{}", "x".repeat(length - 3));
    check_line(&server, &format!("GET {} HTTP/1.1", target(100)), 200, "");
    let long = format!("GET {} HTTP/1.1\r\nHost: test\r\n\r\n", target(101));
    check_refused(&server, long, 414); // RFC 9110 section 15.5.15
    // It is refused before its end has come, or else it could go on for ever.
    check_refused(&server, format!("GET {}", target(700)), 414);
    let fields = |count: usize| "X: a\r\n".repeat(count);
    let head = |count: usize| format!("GET /a HTTP/1.1\r\nHost: test\r\n{}\r\n", fields(count - 1));
    check_served(&server, &head(10), 200, "the file a");
    check_refused(&server, head(11), 431); // RFC 6585 section 5
    let filled = |length: usize| {
        let frame = "GET /a HTTP/1.1\r\nHost: test\r\nX: \r\n\r\n".len();
        let fill = "x".repeat(length - frame);
        format!("GET /a HTTP/1.1\r\nHost: test\r\nX: {fill}\r\n\r\n")
    };
    check_served(&server, &filled(1000), 200, "the file a");
    check_refused(&server, filled(1001), 431);
    check_refused(&server, "\r\n".repeat(600), 431); // empty lines count as well
    check_refused(&server, "x".repeat(1000), 414); // a method without an end
}

#[test]
fn the_default_limits_are_those_the_rfc_recommends() {
    let server = site();
    let target = format!("/a?{}", "x".repeat(8000 - 3)); // RFC 9110 section 4.1
    check_line(
        &server,
        &format!("GET {target} HTTP/1.1"),
        200,
        "the file a",
    );
    let long = format!("GET /a?{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(9000));
    check_refused(&server, long, 414);
    // To localhost, a browser sends the cookies of every port.
    let cookies = "c".repeat(30 << 10);
    let kept = format!("GET /a HTTP/1.1\r\nHost: test\r\nCookie: {cookies}\r\n\r\n");
    check_served(&server, &kept, 200, "the file a");
    let field = format!("X: {}\r\n", "x".repeat(32 << 10));
    check_refused(&server, format!("GET /a HTTP/1.1\r\n{field}\r\n"), 431);
    let fields = "X: a\r\n".repeat(101);
    check_refused(&server, format!("GET /a HTTP/1.1\r\n{fields}\r\n"), 431);
}

#[test]
fn concept_3_four_forms_of_a_target() {
    let server = site();
    // Section 3.2.1.
    check_line(&server, "GET /a HTTP/1.1", 200, "the file a");
    // Section 3.2.2: the host in the target wins over the field, which must be there all the same.
    check_served(
        &server,
        "GET http://other/a HTTP/1.1\r\nHost: test\r\n\r\n",
        200,
        "the file a",
    );
    check_refused(&server, "GET http://other/a HTTP/1.1\r\n\r\n", 400);
    check_refused(
        &server,
        "GET http://other/a HTTP/1.1\r\nHost: a b\r\n\r\n",
        400,
    );
    // Section 3.2.3: with CONNECT only, and nobody is tunnelled anywhere.
    check_line(&server, "CONNECT test:443 HTTP/1.1", 405, "");
    check_refused(&server, "CONNECT /a HTTP/1.1\r\nHost: test\r\n\r\n", 400);
    check_refused(&server, "CONNECT test HTTP/1.1\r\nHost: test\r\n\r\n", 400);
    check_refused(&server, "GET test:443 HTTP/1.1\r\nHost: test\r\n\r\n", 400);
    // Section 3.2.4: with OPTIONS only, for the server as a whole.
    check_line(&server, "OPTIONS * HTTP/1.1", 204, "");
    check_line(&server, "OPTIONS http://test HTTP/1.1", 204, "");
    check_refused(&server, "GET * HTTP/1.1\r\nHost: test\r\n\r\n", 400);
}

#[test]
fn targets_of_no_form() {
    let server = site();
    for target in [
        "a",
        "?a",
        "*a",
        "ftp://test/a",
        "file:///etc/passwd",
        "http:/test/a",
        "http:a",
        "http:///a",
        "http://:80/a",
        "http://test:x/a",
        "http://test:99999/a",
        "http://me@test/a", // RFC 9110 section 4.2.4
        "http://test@evil/a",
        "http://test\\@evil/a",
        "http://[::1/a",
        "http://te%zzst/a",
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        check_refused(&server, head, 400);
    }
}

#[test]
fn concept_4_host_is_mandatory_in_http_1_1() {
    let server = site();
    let host = |lines: &str| format!("GET /a HTTP/1.1\r\n{lines}\r\n");
    for value in [
        "test",
        "test:80",
        "test:",
        "127.0.0.1:8080",
        "[::1]:8080",
        "[v1.a]",
        "t%41",
        "",
    ] {
        let head = host(&format!("Host: {value}\r\n"));
        check_served(&server, &head, 200, "the file a");
    }
    check_refused(&server, host(""), 400); // missing
    check_refused(&server, host("Host: test\r\nHost: test\r\n"), 400); // doubled
    check_refused(&server, host("Host: test\r\nhost: evil\r\n"), 400);
    for value in [
        "a b",
        "a, b",
        "a/b",
        "a:b",
        "a:1:2",
        "a:65536",
        "me@test",
        "http://test",
        "[::1",
        "::1",
        "[]",
        "%",
        "%zz",
        "a\\b",
        "a\"b",
    ] {
        check_refused(&server, host(&format!("Host: {value}\r\n")), 400); // malformed
    }
    // HTTP/1.0 knew no such field; where one is sent it must be right.
    let old = |lines: &str| format!("GET /a HTTP/1.0\r\n{lines}Connection: keep-alive\r\n\r\n");
    check_served(&server, &old(""), 200, "the file a");
    check_served(&server, &old("Host: test\r\n"), 200, "the file a");
    check_refused(&server, old("Host: test\r\nHost: test\r\n"), 400);
    check_refused(&server, old("Host: a b\r\n"), 400);
}

/// Tests `origin::methods::refused_method`.
#[test]
fn concept_6_methods_that_change_things_are_refused() {
    let server = site();
    for method in [
        "POST", "PUT", "DELETE", "TRACE", "PATCH", "QUERY", "PROPFIND", "LINK", "UNLINK",
    ] {
        let mut client = server.connect();
        client.send(&request(method, "/a", &[("Cookie", "secret=1")]));
        let response = client.response(method);
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(
            response.field("Allow"),
            Some("GET, HEAD, OPTIONS"),
            "{method}"
        );
        assert!(!response.text().contains("secret"), "{method} reflects");
        check_next(&mut client, method);
    }
    let connect = server.request("CONNECT", "test:443", &[]);
    assert_eq!(
        (connect.status, connect.field("Allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
    // Whether a path exists is nobody's business who may not ask for it.
    assert_eq!(server.request("DELETE", "/none", &[]).status, 405);
    // Methods have case (RFC 9110 section 9.1), and an unknown one is not a known one misspelt.
    for method in [
        "get", "Get", "head", "BREW", "GETT", "GE", "query", "X-A.b", "0",
    ] {
        let mut client = server.connect();
        client.send(&request(method, "/a", &[]));
        let response = client.response(method);
        assert_eq!(response.status, 501, "{method}");
        assert_eq!(response.field("Allow"), None, "{method}");
        check_next(&mut client, method);
    }
    assert_eq!(
        std::fs::read(server.root.join("a")).expect("still there"),
        b"the file a"
    );
}

/// Tests `origin::methods::options`.
#[test]
fn options_tell_what_may_be_asked() {
    let server = site();
    for target in ["*", "/", "/a", "/folder/"] {
        let response = server.request("OPTIONS", target, &[]);
        assert_eq!(response.status, 204, "{target}");
        assert_eq!(
            response.field("Allow"),
            Some("GET, HEAD, OPTIONS"),
            "{target}"
        );
        assert_eq!(response.field("Content-Length"), None, "{target}"); // RFC 9110 section 8.6
        assert_eq!(response.field("Transfer-Encoding"), None, "{target}");
    }
    assert_eq!(server.request("OPTIONS", "/none", &[]).status, 404);
}

#[test]
fn a_client_that_still_sends_can_read_the_error() {
    let server = site();
    let mut client = server.connect();
    client.send(b"GET /a HTTP/1.1\r\nHost : test\r\n\r\n");
    // More than any socket buffers. A server that closed at once would answer it with a reset,
    // which can destroy what the client has not read (RFC 9112 section 9.6).
    let flood = vec![b'x'; 64 * 1024];
    for _ in 0..128 {
        client.stream.write_all(&flood).expect("nobody resets");
    }
    let response = client.response("GET");
    assert_eq!(response.status, 400);
    assert!(response.text().to_lowercase().contains("white space"));
    let end = client.stream.read(&mut [0]).expect("an orderly end");
    assert_eq!(end, 0);
}

#[test]
fn an_error_behind_good_requests_does_not_harm_them() {
    let server = site();
    let mut client = server.connect();
    let mut pipeline = request("GET", "/a", &[]);
    pipeline.extend(request("GET", "/b%20c", &[]));
    pipeline.extend(b"GET /a HTTP/1.1\r\n\r\n");
    pipeline.extend(SMUGGLED);
    client.send(&pipeline);
    assert_eq!(client.response("GET").text(), "the file a");
    assert_eq!(client.response("GET").text(), "a name with a space");
    assert_eq!(client.response("GET").status, 400);
    assert!(client.is_closed());
}
