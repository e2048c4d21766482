//! Cookies, and the request as it was received.

use serde_json::json;

use super::{LAB, data, lab, post, send, support};

#[test]
fn cookies_are_set_with_any_attributes() {
    let server = lab();
    for (form, want) in [
        ("", "lab-color="),
        ("name=a&value=b", "lab-a=b"),
        ("name=lab-a&value=b", "lab-a=b"),
        (
            "name=a&value=b&prefix=__Host-&max-age=60&domain=example.org&path=/x&same-site=Strict&secure=1&http-only=1&partitioned=1",
            "__Host-lab-a=b; Max-Age=60; Domain=example.org; Path=/x; SameSite=Strict; Secure; HttpOnly; Partitioned",
        ),
    ] {
        let response = post(&server, "cookies", form);
        assert_eq!(response.field("Set-Cookie"), Some(want), "{form}");
    }
    let response = post(&server, "cookies", "name=a&expires=0");
    let expires = format!(
        "lab-a=; Expires={}",
        response.field("Date").expect("a date")
    );
    assert_eq!(response.field("Set-Cookie"), Some(&*expires));
    for form in [
        "name=a%20b",
        "name=a%3Db",
        "value=a%3Bb",
        "value=%0D%0ASet-Cookie:x",
        "path=/%3B",
        "domain=%0D%0A",
        "max-age=-1",
        "max-age=86401",
        "expires=x",
        "prefix=Host",
        "same-site=lax",
        "name=%E4%BD%A0",
    ] {
        let response = post(&server, "cookies", form);
        assert_eq!(
            (response.status, response.field("Set-Cookie")),
            (400, None),
            "{form}"
        );
    }
    let long = "x".repeat(5000);
    assert_eq!(
        post(&server, "cookies", &format!("value={long}")).status,
        413
    );
}

#[test]
fn only_the_own_cookies_are_told() {
    let server = lab();
    let fields = [("Cookie", "session=secret; lab-a=b"), ("Cookie", "secret")];
    let told = data(&server.get(&format!("{LAB}cookies"), &fields));
    let want = json!([
        {"name": "session", "value": "***"},
        {"name": "lab-a", "value": "b"},
        {"name": "", "value": "***"},
    ]);
    assert_eq!(told["cookies"], want);
}

#[test]
fn the_request_is_repeated_as_it_came() {
    let server = lab();
    let request = format!(
        "PATCH {LAB}request?a=%20 HTTP/1.1\r\nhOST: localhost\r\nX-Odd:\t a  b \r\nX-Octets: \u{e9}\r\nContent-Length: 4\r\n\r\na\r\n\0"
    );
    let mut client = server.connect();
    client.send(request.as_bytes());
    let response = client.response("PATCH");
    assert_eq!(response.body, request.as_bytes());
    assert_eq!(
        response.field("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(response.field("X-Content-Type-Options"), Some("nosniff"));

    let secrets = [
        ("Authorization", "Basic c2VjcmV0OnNlY3JldA=="),
        ("Cookie", "a=secret; lab-b=c"),
        ("Proxy-Authorization", "secret"),
    ];
    for target in ["request", "request.json"] {
        let text = server.get(&format!("{LAB}{target}"), &secrets).text();
        assert!(!text.contains("secret") && !text.contains("c2Vj"), "{text}");
        assert!(
            text.contains("Basic ***") && text.contains("a=***; lab-b=c"),
            "{text}"
        );
    }
}

#[test]
fn the_request_is_told_as_data() {
    let server = lab();
    let fields = [("X-A", "b")];
    let told = data(&send(
        &mut server.connect(),
        "PUT",
        "request.json?q",
        &fields,
        b"\xff\"\n",
    ));
    let length = told["head"].as_u64().expect("a length");
    assert!(length > 60);
    for (member, want) in [
        ("method", json!("PUT")),
        ("target", json!("/.docroot/lab/request.json?q")),
        ("version", json!("HTTP/1.1")),
        ("secure", json!(false)),
        ("length", json!(3)),
        ("content", json!("\u{ff}\"\n")),
    ] {
        assert_eq!(told[member], want, "{member}");
    }
    let sent = told["fields"].as_array().expect("fields");
    assert!(sent.contains(&json!(["X-A", "b"])), "{told}");
}

#[test]
fn the_content_that_is_repeated_has_a_limit() {
    let server = lab();
    let most = vec![b'x'; 64 * 1024];
    let response = send(&mut server.connect(), "POST", "request", &[], &most);
    assert_eq!(response.status, 200);
    assert!(response.body.ends_with(&most));
    let more = vec![b'x'; 64 * 1024 + 1];
    assert_eq!(
        send(&mut server.connect(), "POST", "request", &[], &more).status,
        413
    );
    // In chunks, the server learns the length only as it comes.
    let mut client = server.connect();
    let fields = [("Transfer-Encoding", "chunked")];
    client.send(&support::request("POST", &format!("{LAB}request"), &fields));
    client.send(
        &[
            format!("{:x}\r\n", more.len()).as_bytes(),
            &more,
            b"\r\n0\r\n\r\n",
        ]
        .concat(),
    );
    assert_eq!(client.response("POST").status, 413);
}
