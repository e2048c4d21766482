//! `--lab`: what each endpoint answers, what it refuses, and who may use it.
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use docroot::semantics::address_rules::AddressRules;
use docroot::semantics::method::Method;
use docroot::site::prefix::Prefix;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::live_page::websocket;
use support::{Client, Response, Setup, TestServer, find, until};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

const LAB: &str = "/.docroot/lab/";

fn setup() -> Setup {
    Setup::new().with(|config| config.lab = true)
}

fn lab() -> TestServer {
    setup().start()
}

fn get(server: &TestServer, target: &str) -> Response {
    server.get(&format!("{LAB}{target}"), &[])
}

/// Sends a request with content.
fn send(
    client: &mut Client,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    content: &[u8],
) -> Response {
    let length = content.len().to_string();
    let fields = [fields, &[("Content-Length", &*length)]].concat();
    let mut bytes = support::request(method, &format!("{LAB}{target}"), &fields);
    bytes.extend_from_slice(content);
    client.send(&bytes);
    client.response(method)
}

fn post(server: &TestServer, target: &str, content: &str) -> Response {
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    send(
        &mut server.connect(),
        "POST",
        target,
        &fields,
        content.as_bytes(),
    )
}

fn data(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.field("Content-Type"), Some("application/json"));
    serde_json::from_str(&response.text()).expect("JSON")
}

/// Each endpoint with a method that it admits.
const ENDPOINTS: [(&str, &str); 18] = [
    ("GET", "status/404"),
    ("GET", "status?code=404"),
    ("GET", "cookies"),
    ("POST", "cookies"),
    ("GET", "request"),
    ("GET", "request.json"),
    ("GET", "chunked"),
    ("GET", "slow"),
    ("GET", "ends"),
    ("POST", "upload"),
    ("GET", "negotiate"),
    ("GET", "cache"),
    ("POST", "clear"),
    ("GET", "hints"),
    ("POST", "continue"),
    ("GET", "events"),
    ("GET", "chat"),
    ("POST", "message"),
];

// ---- Who may use it

#[test]
fn it_is_off_unless_asked_for() {
    let server = Setup::new().start();
    for (method, target) in ENDPOINTS {
        let status = server
            .request(method, &format!("{LAB}{target}"), &[])
            .status;
        assert!([404, 405].contains(&status), "{method} {target}: {status}");
    }
    assert_eq!(get(&server, "").status, 404);
    assert_eq!(get(&server, "echo").status, 404);
}

#[test]
fn pages_of_other_origins_may_not_use_it() {
    let server = lab();
    let own = format!("http://{}", server.address);
    let host = server.address.to_string();
    let status = |method: &str, target: &str, name: &str, value: &str| {
        let request = format!(
            "{method} {LAB}{target} HTTP/1.1\r\nHost: {host}\r\n{name}: {value}\r\nConnection: close\r\n\r\n"
        );
        let mut client = server.connect();
        client.send(request.as_bytes());
        client.head().status
    };
    for (method, target) in ENDPOINTS.into_iter().chain([("GET", "tls")]) {
        for (name, value) in [
            ("Origin", "http://evil.example"),
            ("Origin", "null"),
            ("Origin", "http://127.0.0.1:1"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Sec-Fetch-Site", "anything"),
        ] {
            let got = status(method, target, name, value);
            assert_eq!(got, 403, "{method} {target} {name}: {value}");
        }
        for (name, value) in [
            ("Origin", &*own),
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Site", "none"),
        ] {
            let got = status(method, target, name, value);
            assert_ne!(got, 403, "{method} {target} {name}: {value}");
        }
    }
    // A link to the page may stand anywhere.
    assert_eq!(status("GET", "", "Sec-Fetch-Site", "cross-site"), 200);
}

#[test]
fn only_hosts_and_addresses_that_are_allowed_may_use_it() {
    // The server answers for every host, because not only loopback is bound. The lab does not.
    let open = setup().with(|config| {
        config.bind.required = vec![Ipv4Addr::UNSPECIFIED.into()];
        config.allow_hosts.clear();
    });
    let open = open.start();
    let far = setup().with(|config| {
        config.inspect_from = AddressRules::default();
        config.inspect_from.allow("192.0.2.0/24").expect("a block");
    });
    let far = far.start();
    let pages = [
        ("GET", ""),
        ("GET", "lab.css"),
        ("GET", "echo"),
        ("GET", "tls"),
    ];
    for (method, target) in ENDPOINTS.into_iter().chain(pages) {
        let path = format!("{LAB}{target}");
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        let mut client = open.connect();
        client.send(request.as_bytes());
        assert_eq!(client.response(method).status, 421, "{method} {target}");
        let got = far.request(method, &path, &[]).status;
        assert_eq!(got, 403, "{method} {target}");
    }
    let near = setup().with(|config| {
        config.inspect_from = AddressRules::default();
        config.inspect_from.allow("127.0.0.2/32").expect("a block");
    });
    let near = near.start();
    for (source, status) in [([127, 0, 0, 2], 200), ([127, 0, 0, 3], 403)] {
        let mut client = near.connect_from(source);
        client.send(&support::request("GET", &format!("{LAB}tls"), &[]));
        assert_eq!(client.response("GET").status, status, "{source:?}");
    }
}

#[test]
fn other_methods_are_refused_with_those_that_are_allowed() {
    let server = lab();
    for (method, target, allow) in [
        ("POST", "status/200", "GET, HEAD, OPTIONS"),
        ("DELETE", "cookies", "GET, HEAD, OPTIONS, POST"),
        ("GET", "clear", "OPTIONS, POST"),
        ("GET", "upload", "OPTIONS, POST"),
        ("GET", "message", "OPTIONS, POST"),
        ("PUT", "slow", "GET, HEAD, OPTIONS"),
    ] {
        let response = server.request(method, &format!("{LAB}{target}"), &[]);
        let allowed = (response.status, response.field("Allow"));
        assert_eq!(allowed, (405, Some(allow)), "{method} {target}");
        let response = server.request("OPTIONS", &format!("{LAB}{target}"), &[]);
        let allowed = (response.status, response.field("Allow"));
        assert_eq!(allowed, (204, Some(allow)), "OPTIONS {target}");
        let response = server.request("BREW", &format!("{LAB}{target}"), &[]);
        assert_eq!(response.status, 501, "BREW {target}");
    }
    for target in ["none", "status/404/x", "slow/", "cookies.json", "page.html"] {
        let status = get(&server, target).status;
        assert!([400, 404].contains(&status), "{target}: {status}");
    }
}

/// RFC 9110 section 10.2.1: Allow lists the methods that the resource supports.
#[test]
fn what_takes_any_method_lists_each_that_it_takes() {
    let server = lab();
    let target = format!("{LAB}request");
    let refused = server.request("TRACE", &target, &[]);
    assert_eq!(refused.status, 405);
    let allow = refused.field("Allow").expect("a list");
    let listed: Vec<&str> = allow.split(", ").collect();
    for method in Method::all().filter(|method| *method != Method::Connect) {
        let token = method.token();
        let status = server.request(token, &target, &[]).status;
        assert_eq!(listed.contains(&token), status == 200, "{token}: {status}");
    }
}

/// Every number, list, word and text with a limit: what is beyond it is refused, and the response says what is
/// allowed.
#[test]
fn values_beyond_a_limit_are_refused() {
    let server = lab();
    let refused = |target: &str| {
        let response = get(&server, target);
        assert_eq!(response.status, 400, "{target}: {}", response.text());
        let text = response.text();
        assert!(
            text.ends_with(".\n") && text.is_ascii(),
            "{target}: {text:?}"
        );
        assert_eq!(
            response.field("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
    };
    for name in [
        "status/302?chain",
        "status/503?retry",
        "chunked?delay",
        "slow?bytes",
        "slow?rate",
        "slow?wait",
        "cache?max-age",
        "cache?age",
        "hints?wait",
        "continue?wait",
        "events?count",
        "events?interval",
        "events?retry",
        "chat?since",
    ] {
        for value in [
            "-1",
            "1.5",
            "0x10",
            "1e3",
            "%20",
            "99999999999999999999999999",
            "a",
            "%00",
            "%E4%BD%A0",
        ] {
            refused(&format!("{name}={value}"));
        }
    }
    for target in [
        "status/302?chain=0",
        "status/302?chain=61",
        "status/503?retry=121",
        "status/503?as=never",
        "status/",
        "status/20",
        "status/2000",
        "status/600",
        "status/101",
        "status/298",
        "status/%00",
        "status?code=abc",
        "chunked?sizes=0",
        "chunked?sizes=16385",
        "chunked?sizes=1,,2",
        "chunked?sizes=,",
        "chunked?delay=10001",
        "chunked?sizes=1,1,1,1,1,1,1&delay=10000",
        "chunked?extension=a%20b",
        "chunked?extension=a&value=%0D%0A",
        "slow?rate=0",
        "slow?rate=500001",
        "slow?bytes=10000001",
        "slow?bytes=1000&rate=1",
        "slow?wait=10001",
        "slow?length=long",
        "ends?how=well",
        "cache?etag=odd",
        "cache?version=%22",
        "cache?version=123456789012345678901",
        "cache?modified=yesterday",
        "cache?modified=Sun,+06+Nov+9994+08:49:37+GMT",
        "cache?directive=fast",
        "cache?vary=%0D%0AA:b",
        "cache?vary=a%20b",
        "cache?vary=a,,b",
        "cache?vary=,",
        "cache?vary=a:",
        "cache?vary=%22a%22",
        "events?count=0",
        "events?count=101",
        "events?interval=99",
        "events?count=100&interval=1000",
        "negotiate?accept=%0D%0A",
        "hints?wait=10001",
        "continue?answer=200",
    ] {
        refused(target);
    }
    let many = vec!["1"; 65].join(",");
    refused(&format!("chunked?sizes={many}"));
    // What is absent or empty has a value that the lab chooses.
    for target in [
        "ends?how=",
        "cache",
        "cache?max-age=",
        "cache?vary=*",
        "cache?vary=Accept,+Accept-Language,+X-A",
        "chunked?sizes=1&delay=0&extension=",
        "tls?x=y",
        "chat?since=",
    ] {
        assert_eq!(get(&server, target).status, 200, "{target}");
    }
}

// ---- Statuses

#[test]
fn every_status_is_sent() {
    let server = lab();
    let table: Value = serde_json::from_str(docroot::guide::words::STATUSES).expect("JSON");
    let statuses = table.as_array().expect("an array").iter();
    let statuses = statuses.map(|row| {
        (
            row["code"].as_u64().expect("a code"),
            row["phrase"].as_str().expect("a phrase"),
        )
    });
    let unassigned = [199, 299, 399, 499, 599].map(|code| (code, "Unassigned"));
    let mut client = server.connect();
    for (code, phrase) in statuses.chain(unassigned).filter(|(code, _)| *code != 101) {
        client.send(&support::request(
            "GET",
            &format!("{LAB}status/{code}"),
            &[],
        ));
        let response = client.next_response("GET");
        assert_eq!(
            (u64::from(response.status), &*response.phrase),
            (code, phrase)
        );
        let last = if code < 200 {
            client.next_response("GET")
        } else {
            response
        };
        let has_content = !last.body.is_empty();
        assert_eq!(
            has_content,
            ![204, 205, 304].contains(&last.status),
            "{code}"
        );
        if phrase == "Unassigned" {
            let like = format!("treats it as {}", code / 100 * 100);
            assert!(last.text().contains(&like), "{}", last.text());
        }
    }
}

#[test]
fn statuses_have_their_fields() {
    let server = lab();
    for (target, name, value) in [
        ("status/201", "Location", "200"),
        ("status/206", "Content-Range", "bytes 0-99/1000"),
        ("status/301", "Location", "200"),
        ("status/308?chain=3", "Location", "308?chain=2"),
        ("status?code=302", "Location", "status/200"),
        ("status?code=302&chain=2", "Location", "status/302?chain=1"),
        ("status/304", "ETag", "\"lab\""),
        ("status/405", "Allow", "PUT, DELETE"),
        ("status/416", "Content-Range", "bytes */1000"),
        ("status/426", "Upgrade", "websocket"),
        ("status/429", "Retry-After", "5"),
        ("status/503?retry=7", "Retry-After", "7"),
        ("status/205", "Content-Length", "0"),
    ] {
        assert_eq!(get(&server, target).field(name), Some(value), "{target}");
    }
    let response = get(&server, "status/503?as=date&retry=0");
    assert_eq!(response.field("Retry-After"), response.field("Date"));
    assert_eq!(get(&server, "status/206").body.len(), 100);
    let head = server.request("HEAD", &format!("{LAB}status/404"), &[]);
    assert_eq!((head.status, head.body.len()), (404, 0));
    assert_ne!(head.field("Content-Length"), Some("0"));
}

#[test]
fn a_chain_of_redirects_ends() {
    let server = lab();
    let (mut target, mut count) = ("302?chain=60".to_owned(), 0);
    loop {
        let response = get(&server, &format!("status/{target}"));
        match response.field("Location") {
            Some(location) => target = location.to_owned(),
            None => break assert_eq!(response.status, 200),
        }
        count += 1;
    }
    assert_eq!(count, 60);
}

#[test]
fn a_401_ends_with_the_password() {
    let server = lab();
    let status = |fields: &[(&str, &str)]| server.get(&format!("{LAB}status/401"), fields);
    let refused = status(&[]);
    let challenge = refused.field("WWW-Authenticate").expect("a challenge");
    assert!(refused.status == 401 && challenge.starts_with("Basic realm=\""));
    // demo:open sesame, demo:wrong
    assert_eq!(
        status(&[("Authorization", "Basic ZGVtbzpvcGVuIHNlc2FtZQ==")]).status,
        200
    );
    assert_eq!(
        status(&[("Authorization", "Basic ZGVtbzp3cm9uZw==")]).status,
        401
    );
    assert_eq!(status(&[("Authorization", "Bearer x")]).status, 401);
}

// ---- Cookies and the request

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
        "PATCH {LAB}request?a=%20 HTTP/1.1\r\nhOST: test\r\nX-Odd:\t a  b \r\nX-Octets: \u{e9}\r\nContent-Length: 4\r\n\r\na\r\n\0"
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

// ---- Bodies

/// Everything that comes back for a request whose connection closes.
fn raw(server: &TestServer, target: &str, fields: &str) -> String {
    let request =
        format!("GET {LAB}{target} HTTP/1.1\r\nHost: test\r\n{fields}Connection: close\r\n\r\n");
    String::from_utf8(server.raw(request.as_bytes())).expect("UTF-8")
}

/// The same for a client of HTTP/1.0.
fn raw_old(server: &TestServer, target: &str, fields: &str) -> String {
    let request = format!("GET {LAB}{target} HTTP/1.0\r\nHost: test\r\n{fields}\r\n");
    String::from_utf8(server.raw(request.as_bytes())).expect("UTF-8")
}

fn body(whole: &str) -> &str {
    whole.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn chunks_have_their_sizes_extensions_and_trailers() {
    let server = lab();
    let target = "chunked?sizes=3,12&delay=0&extension=part&value=a+b&trailers=1";
    let content = "aa\nbbbbbbbbbbb\n";
    let digest = {
        use base64::Engine;
        let engine = base64::engine::general_purpose::STANDARD;
        engine.encode(Sha256::digest(content.as_bytes()))
    };
    let whole = raw(&server, target, "TE: trailers\r\n");
    let want = format!(
        "3;part=\"a b\"\r\naa\n\r\nc;part=\"a b\"\r\nbbbbbbbbbbb\n\r\n0\r\nContent-Digest: sha-256=:{digest}:\r\n\r\n"
    );
    assert_eq!(body(&whole), want);
    assert!(whole.contains("\r\nTrailer: Content-Digest\r\n"), "{whole}");
    // RFC 9110 section 6.5.1: other clients might drop them.
    let whole = raw(&server, target, "TE: gzip;q=0.5\r\n");
    assert!(
        whole.ends_with("\r\n0\r\n\r\n") && !whole.contains("Trailer"),
        "{whole}"
    );
    let whole = raw(&server, "chunked?sizes=1,1&delay=0", "TE: trailers\r\n");
    assert_eq!(body(&whole), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    // HTTP/1.0 has no chunks, and so no trailer section.
    let whole = raw_old(&server, target, "TE: trailers\r\n");
    assert_eq!(body(&whole), content);
    assert!(!whole.contains("Trailer"), "{whole}");
    let head = server.request("HEAD", &format!("{LAB}chunked"), &[]);
    assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
}

#[test]
fn pieces_come_at_their_times_and_hold_up_nobody() {
    let server = setup().with(|config| config.threads = 1).start();
    let start = |query: &str| {
        let mut client = server.connect();
        let target = format!("{LAB}chunked?{query}");
        client.send(&support::request("GET", &target, &[]));
        client.head();
        client
    };
    // The only worker answers others between two pieces. If it waited for the second one, each answer would take
    // longer than this.
    let gap = Duration::from_secs(10);
    let began = Instant::now();
    let mut slower = start("sizes=1,1&delay=10000");
    assert_eq!(slower.chunk(), b"a");
    for _ in 0..20 {
        assert_eq!(get(&server, "tls").status, 200);
    }
    assert!(began.elapsed() < gap, "the worker waited");
    drop(slower);

    let began = Instant::now();
    let mut slow = start("sizes=1,1,1&delay=400");
    assert_eq!(slow.chunk(), b"a");
    assert_eq!(slow.chunk(), b"b");
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!(slow.chunk(), b"c");
    assert!(began.elapsed() >= Duration::from_millis(800));
    assert_eq!(slow.chunk(), b"");
    // The connection stays open.
    slow.send(&support::request("GET", &format!("{LAB}tls"), &[]));
    assert_eq!(slow.response("GET").status, 200);
}

#[test]
fn a_body_has_its_rate_and_a_head_its_wait() {
    let server = lab();
    for (length, name, value) in [
        ("known", "Content-Length", "500"),
        ("chunked", "Transfer-Encoding", "chunked"),
    ] {
        let began = Instant::now();
        let mut client = server.connect();
        let target = format!("{LAB}slow?bytes=500&rate=1000&wait=300&length={length}");
        client.send(&support::request("GET", &target, &[]));
        let head = client.head();
        assert!(
            began.elapsed() >= Duration::from_millis(300),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(head.field(name), Some(value));
        let mut count = 0;
        while count < 500 {
            count += match length {
                "known" => client.take(50).len(),
                _ => client.chunk().len(),
            };
        }
        assert_eq!(count, 500);
        // The last piece comes when its time is over.
        assert!(
            began.elapsed() >= Duration::from_millis(800),
            "{:?}",
            began.elapsed()
        );
    }
    assert_eq!(get(&server, "slow?bytes=0&wait=0").body.len(), 0);
    assert_eq!(
        get(&server, "slow?bytes=25000&rate=500000&wait=0")
            .body
            .len(),
        25000
    );
}

#[test]
fn responses_end_as_they_are_asked_to() {
    let server = lab();
    assert_eq!(get(&server, "ends?how=right").body.len(), 1000);
    for (how, length) in [
        ("short", "Content-Length: 1000"),
        ("unfinished", "Transfer-Encoding: chunked"),
    ] {
        let whole = raw(&server, &format!("ends?how={how}"), "");
        assert!(whole.contains(length), "{whole}");
        let received = body(&whole).matches('a').count();
        assert_eq!(received, 499, "{how}");
        assert!(
            !whole.contains("\r\n0\r\n") && !whole.contains('b'.to_string().repeat(9).as_str()),
            "{how}"
        );
    }
    // RFC 9112 section 6.3: without chunks, the end of the connection is the end of the content.
    let whole = raw_old(&server, "ends?how=unfinished", "");
    assert!(whole.starts_with("HTTP/1.1 400 "), "{whole}");
    assert!(body(&whole).contains("HTTP/1.0 has no chunks"), "{whole}");
    let whole = raw_old(&server, "ends?how=short", "");
    assert!(whole.contains("Content-Length: 1000"), "{whole}");
    assert_eq!(body(&whole).len(), 500);
    let mut client = server.connect();
    client.send(&support::request(
        "GET",
        &format!("{LAB}ends?how=reset"),
        &[],
    ));
    assert_eq!(client.head().field("Content-Length"), Some("1000"));
    assert_eq!(client.take(500).len(), 500);
    let fault = client.stream.read(&mut [0]).expect_err("a reset");
    assert_eq!(fault.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn the_slow_responses_of_a_worker_are_limited() {
    let server = setup().with(|config| config.threads = 1).start();
    let target = format!("{LAB}chunked?sizes=1,1&delay=10000");
    let start = || {
        let mut client = server.connect();
        client.send(&support::request("GET", &target, &[]));
        client
    };
    let mut clients: Vec<Client> = (0..64).map(|_| start()).collect();
    for client in &mut clients {
        assert_eq!(client.head().status, 200);
    }
    let refused = start().response("GET");
    assert_eq!(
        (refused.status, refused.field("Retry-After")),
        (503, Some("5"))
    );
    // What takes no time is answered as before.
    assert_eq!(get(&server, "status/200").status, 200);
    // A client that leaves makes room.
    clients.pop().expect("a client").reset();
    until("there is room", || start().head().status == 200);
}

#[test]
fn a_wait_ends_at_shutdown() {
    let mut server = lab();
    let mut client = server.connect();
    client.send(&support::request(
        "GET",
        &format!("{LAB}hints?wait=10000"),
        &[],
    ));
    assert_eq!(client.next_response("GET").status, 103);
    let began = Instant::now();
    server.drain();
    assert_eq!(client.next_response("GET").status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "it waited");
    server.wait();
}

// ---- Uploads

const FORM: &str = "multipart/form-data; boundary=AaB03x";

fn upload(server: &TestServer, media_type: &str, content: &[u8]) -> Response {
    let fields = [("Content-Type", media_type)];
    send(&mut server.connect(), "POST", "upload", &fields, content)
}

#[test]
fn an_upload_is_told_part_by_part() {
    let server = lab();
    let file = support::noise(300_000);
    let content = [
        &b"--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xe4\xbd\xa0\r\n--AaB03x\r\n\
           Content-Disposition: form-data; name=\"f\"; filename=\"<x>.bin\"\r\nContent-Type: image/png\r\n\r\n"[..],
        &file,
        b"\r\n--AaB03x--\r\n",
    ]
    .concat();
    let told = data(&upload(&server, FORM, &content));
    assert_eq!(told["length"], content.len());
    let parts = told["parts"].as_array().expect("parts");
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0]["name"], "a");
    assert_eq!(parts[0]["filename"], Value::Null);
    assert_eq!(parts[0]["first"], "\u{e4}\u{bd}\u{a0}");
    assert_eq!(
        (&parts[1]["filename"], &parts[1]["type"]),
        (&json!("<x>.bin"), &json!("image/png"))
    );
    assert_eq!(parts[1]["length"], file.len());
    let hash: String = Sha256::digest(&file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(parts[1]["sha256"], hash);
    let first: String = file[..64].iter().map(|&byte| char::from(byte)).collect();
    assert_eq!(parts[1]["first"], first);
}

#[test]
fn what_is_no_form_is_refused() {
    let server = lab();
    for media_type in [
        "text/plain",
        "multipart/form-data",
        "multipart/mixed; boundary=a",
        "",
    ] {
        assert_eq!(
            upload(&server, media_type, b"x").status,
            415,
            "{media_type}"
        );
    }
    for content in [
        "",
        "x",
        "--AaB03x",
        "--AaB03x\r\n\r\n\r\n--AaB03x--",
        "--AaB03xyz\r\n",
    ] {
        let response = upload(&server, FORM, content.as_bytes());
        assert_eq!(response.status, 400, "{content:?}");
        assert!(response.text().starts_with("The content is not valid: "));
    }
    // The length is refused before the content is sent.
    let mut client = server.connect();
    let length = (64 * 1024 * 1024 + 1).to_string();
    let fields = [("Content-Type", FORM), ("Content-Length", &length)];
    client.send(&support::request("POST", &format!("{LAB}upload"), &fields));
    assert_eq!(client.response("POST").status, 413);
}

// ---- Negotiation and caching

#[test]
fn a_representation_is_chosen() {
    let server = lab();
    let chosen = |fields: &[(&str, &str)], query: &str| {
        let response = server.get(&format!("{LAB}negotiate?{query}"), fields);
        let field = |name| response.field(name).unwrap_or("none").to_owned();
        let media_type = field("Content-Type");
        let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
        (
            media_type,
            field("Content-Language"),
            field("Content-Encoding"),
        )
    };
    let want = |media_type: &str, language: &str, coding: &str| {
        (
            media_type.to_owned(),
            language.to_owned(),
            coding.to_owned(),
        )
    };
    assert_eq!(chosen(&[], ""), want("text/plain", "en", "none"));
    let fields = [
        ("Accept", "application/json"),
        ("Accept-Language", "de-AT"),
        ("Accept-Encoding", "gzip"),
    ];
    assert_eq!(chosen(&fields, ""), want("application/json", "de", "gzip"));
    // A value of the query counts instead of the field.
    let query = "accept=text/html&accept-language=fr,zh;q=0.5&accept-encoding=deflate";
    assert_eq!(chosen(&fields, query), want("text/html", "zh", "deflate"));
    assert_eq!(
        chosen(&[], "accept-language=fr"),
        want("text/plain", "en", "none")
    );

    // RFC 9110 section 5.3: several lines are one list.
    let lines = [
        ("Accept", "text/html;q=0.5"),
        ("Accept-Language", "de;q=0.5"),
        ("Accept-Encoding", "deflate;q=0.5"),
        ("accept", "application/json"),
        ("accept-language", "zh"),
        ("accept-encoding", "gzip"),
    ];
    assert_eq!(chosen(&lines, ""), want("application/json", "zh", "gzip"));
    let many = [[("Accept", "text/html;q=0.5")].repeat(40), lines.to_vec()].concat();
    assert_eq!(chosen(&many, ""), want("application/json", "zh", "gzip"));

    let refused = get(&server, "negotiate?accept-encoding=identity;q=0,br");
    assert_eq!(
        (refused.status, refused.field("Content-Encoding")),
        (406, None)
    );
    let response = get(&server, "negotiate?accept-encoding=gzip&accept=text/html");
    let mut text = String::new();
    GzDecoder::new(&response.body[..])
        .read_to_string(&mut text)
        .expect("gzip");
    for wanted in [
        "Hello, world",
        "Accept: text/html",
        "RFC 9110 section 12.5.3",
        "semantics::accept::choose_media_type",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(
        response.field("Vary"),
        Some("Accept, Accept-Language, Accept-Encoding")
    );
}

#[test]
fn conditions_and_ranges_are_decided_by_the_rules_of_the_server() {
    let server = lab();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let modified = "modified=Sun,+06+Nov+1994+08:49:37+GMT";
    let later = "Sun, 06 Nov 1994 08:49:38 GMT";
    let earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
    for (query, name, value, status) in [
        ("", "If-None-Match", "\"lab-1\"", 304),
        ("", "If-None-Match", "W/\"lab-1\"", 304),
        ("", "If-None-Match", "\"lab-2\"", 200),
        ("version=2", "If-None-Match", "\"lab-2\"", 304),
        ("etag=none", "If-None-Match", "\"lab-1\"", 200),
        ("", "If-Match", "\"lab-1\"", 200),
        ("etag=weak", "If-Match", "W/\"lab-1\"", 412),
        ("", "If-Match", "\"x\"", 412),
        (modified, "If-Modified-Since", date, 304),
        (modified, "If-Modified-Since", later, 304),
        (modified, "If-Modified-Since", earlier, 200),
        (modified, "If-Unmodified-Since", earlier, 412),
        ("", "Range", "bytes=0-3", 206),
        ("", "Range", "bytes=-5", 206),
        ("", "Range", "bytes=1000-", 416),
        ("", "Range", "bytes=0-1,3-4", 200),
    ] {
        let response = server.get(&format!("{LAB}cache?{query}"), &[(name, value)]);
        assert_eq!(response.status, status, "{query} {name}: {value}");
        let is_whole = response.status == 200;
        assert_eq!(
            is_whole,
            response.text().starts_with("This is version "),
            "{query} {name}: {value}"
        );
    }
    let part = server.get(&format!("{LAB}cache"), &[("Range", "bytes=0-3")]);
    assert_eq!(
        (part.text(), part.field("Content-Range")),
        ("This".to_owned(), Some("bytes 0-3/41"))
    );
    assert_eq!(
        get(&server, "cache?etag=weak").field("ETag"),
        Some("W/\"lab-1\"")
    );
    let all = "cache?max-age=5&s-maxage=6&directive=public&directive=immutable&directive=public&age=4&vary=Accept&";
    let response = get(&server, &format!("{all}{modified}"));
    for (name, value) in [
        ("Cache-Control", "max-age=5, s-maxage=6, public, immutable"),
        ("Age", "4"),
        ("Vary", "Accept"),
        ("Last-Modified", date),
    ] {
        assert_eq!(response.field(name), Some(value));
        // A 304 has them too (RFC 9110 section 15.4.5).
        let same = server.get(&format!("{LAB}{all}{modified}"), &[("If-None-Match", "*")]);
        assert_eq!((same.status, same.field(name)), (304, Some(value)));
    }
}

#[test]
fn site_data_is_cleared() {
    let server = lab();
    let cleared = |form: &str| {
        let response = post(&server, "clear", form);
        (
            response.status,
            response.field("Clear-Site-Data").map(str::to_owned),
        )
    };
    assert_eq!(
        cleared("types=cookies"),
        (200, Some("\"cookies\"".to_owned()))
    );
    let two = cleared("types=cache&types=*&types=cache");
    assert_eq!(two, (200, Some("\"cache\", \"*\"".to_owned())));
    for form in [
        "",
        "types=",
        "types=all",
        "types=cookies&types=x",
        "types=%22",
    ] {
        assert_eq!(cleared(form), (400, None), "{form}");
    }
}

// ---- Interim responses

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
    let whole = raw_old(&server, "hints?wait=0", "");
    assert!(whole.starts_with("HTTP/1.1 200 "), "{whole}");
    assert!(body(&whole).contains("HTTP/1.0 has no interim responses"));
    assert!(!body(&whole).contains("came first"), "{whole}");
    let whole = raw_old(&server, "status/103", "");
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
    let server = lab();
    let whole = |method: &str, version: &str, fields: &str, content: &str| {
        let request = format!(
            "{method} {LAB}continue HTTP/{version}\r\nHost: test\r\n{fields}Connection: close\r\n\r\n{content}"
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

// ---- Events, chat and polling

#[test]
fn events_go_on_where_they_ended() {
    let server = lab();
    let response = get(&server, "events?count=2&interval=100&retry=500");
    assert_eq!(response.field("Content-Type"), Some("text/event-stream"));
    let text = response.text();
    assert!(
        text.starts_with("retry: 500\n\nid: 1\nevent: tick\ndata: {\"number\":1,"),
        "{text}"
    );
    assert!(
        text.ends_with("}\n\n") && text.matches("\n\nid: ").count() == 2,
        "{text}"
    );
    let again = |last: &str| {
        let fields = [("Last-Event-ID", last)];
        server.get(&format!("{LAB}events?count=2&interval=100"), &fields)
    };
    assert!(again("2").text().contains("id: 3\n") && again("2").text().contains("id: 4\n"));
    assert_eq!(again("6").status, 204);
    for odd in ["", "x", "-1", "99999999999999999999999"] {
        assert!(again(odd).text().contains("id: 1\n"), "{odd}");
    }
    assert_eq!(again(&u64::MAX.to_string()).status, 204);
}

fn chat(server: &TestServer, protocol: &str) -> WebSocket<TcpStream> {
    let url = format!("ws://{}{LAB}chat", server.address);
    let mut request = url.into_client_request().expect("a request");
    if !protocol.is_empty() {
        let value = protocol.parse().expect("a value");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", value);
    }
    let stream = TcpStream::connect(server.address).expect("a connection");
    stream
        .set_read_timeout(Some(support::PATIENCE))
        .expect("a timeout");
    let (socket, response) = tungstenite::client(request, stream).expect("a WebSocket");
    let agreed = response.headers().get("Sec-WebSocket-Protocol");
    let agreed = agreed.map(|value| value.to_str().expect("ASCII").to_owned());
    let offered = protocol.split(", ").find(|name| *name == "superchat");
    assert_eq!(
        agreed.as_deref(),
        offered.or(Some(protocol).filter(|name| !name.is_empty()))
    );
    socket
}

fn told(socket: &mut WebSocket<TcpStream>) -> String {
    socket
        .read()
        .expect("a message")
        .to_text()
        .expect("text")
        .to_owned()
}

fn close_code(socket: &mut WebSocket<TcpStream>) -> u16 {
    loop {
        match socket.read().expect("a message") {
            Message::Close(Some(close)) => return close.code.into(),
            Message::Close(None) => panic!("no code"),
            _ => {}
        }
    }
}

#[test]
fn windows_talk_to_each_other() {
    let server = lab();
    let mut first = chat(&server, "chat, superchat");
    let head = told(&mut first);
    assert!(head.starts_with("{\"head\":"), "{head}");
    let mut second = chat(&server, "chat");
    let mut third = chat(&server, "");
    // Two frames are one message.
    first
        .send(Message::text("hello \"\u{4f60}\""))
        .expect("sent");
    assert_eq!(
        told(&mut first),
        "{\"number\":1,\"text\":\"hello \\\"\\u4f60\\\"\"}"
    );
    for socket in [&mut second, &mut third] {
        assert_eq!(told(socket), "hello \"\u{4f60}\"");
    }
    // A client that asks again and again learns the same.
    assert_eq!(
        post(&server, "message", "text=by+form").text(),
        "This is message 2.\n"
    );
    let messages = data(&get(&server, "chat?since=1"));
    assert_eq!(
        messages["messages"],
        json!([{"number": 2, "text": "by form"}])
    );
    assert_eq!(data(&get(&server, "chat?since=2"))["messages"], json!([]));
    assert_eq!(told(&mut second), "by form");
    let head = messages["head"].as_u64().expect("a length");
    let sent = support::request("GET", &format!("{LAB}chat?since=1"), &[]);
    assert_eq!(head, sent.len() as u64);
}

/// RFC 9110 section 7.8: a server ignores protocols that it does not want to change to, and HTTP/1.0 has no upgrades.
#[test]
fn only_websocket_is_an_upgrade_to_the_chat() {
    let server = lab();
    let chat = |version: &str, protocols: &str| {
        let request = format!(
            "GET {LAB}chat HTTP/{version}\r\nHost: test\r\nUpgrade: {protocols}\r\nConnection: Upgrade, close\r\n\r\n"
        );
        let mut client = server.connect();
        client.send(request.as_bytes());
        client.response("GET")
    };
    for (version, protocols) in [
        ("1.1", "h2c"),
        ("1.1", "TLS/1.0, websockets"),
        ("1.0", "websocket"),
    ] {
        let polled = data(&chat(version, protocols));
        assert_eq!(polled["messages"], json!([]), "{version} {protocols}");
    }
    // A handshake without a key and a version.
    for protocols in ["websocket", "h2c, WebSocket"] {
        assert_eq!(chat("1.1", protocols).status, 426, "{protocols}");
    }
}

#[test]
fn messages_have_limits() {
    let server = lab();
    for (messages, code) in [
        (vec![Message::binary(vec![1])], 1003),
        (vec![Message::text("x".repeat(501))], 1009),
        (vec![Message::text("x"); 21], 1008),
    ] {
        let mut socket = chat(&server, "chat");
        for message in messages {
            // The server may have closed already.
            let _ = socket.send(message);
        }
        assert_eq!(close_code(&mut socket), code);
    }
    let long = format!("text={}", "x".repeat(501));
    for form in ["", "text=", "text=%FF", &long] {
        assert_eq!(post(&server, "message", form).status, 400, "{form}");
    }
    let most = format!("text={}", "x".repeat(500));
    for _ in 0..40 {
        assert_eq!(post(&server, "message", &most).status, 200);
    }
    let kept = data(&get(&server, "chat?since=0"));
    assert_eq!(kept["messages"].as_array().map(Vec::len), Some(32));
}

#[test]
fn the_echo_still_echoes() {
    let server = lab();
    let mut socket = websocket(server.address, &format!("{LAB}echo"));
    socket.send(Message::text("hello")).expect("sent");
    assert_eq!(told(&mut socket), "hello");
    assert_eq!(get(&server, "echo").status, 426);
}

#[test]
fn without_tls_nothing_was_agreed_on() {
    assert_eq!(data(&get(&lab(), "tls")), json!({"secure": false}));
}

#[cfg(feature = "tls")]
#[test]
fn with_tls_the_agreement_is_told() {
    use docroot::net::tls::options::ClientAuthentication;
    use support::tls::{Authority, EACH};
    let (ours, theirs) = (Authority::new("servers"), Authority::new("clients"));
    let setup = setup().https(&ours);
    let setup = setup.tls(|tls| tls.clients = ClientAuthentication::Optional(theirs.certificate()));
    let server = setup.start();
    let identity = theirs.client("alice");
    for (versions, name) in EACH.into_iter().zip(["TLSv1.2", "TLSv1.3"]) {
        for identity in [None, Some(&identity)] {
            let caller = ours.caller_with(versions, identity).into();
            let mut client = server.secure(&caller);
            client.send(&support::request("GET", &format!("{LAB}tls"), &[]));
            let told = data(&client.response("GET"));
            assert_eq!(
                (&told["secure"], &told["version"]),
                (&json!(true), &json!(name))
            );
            let cipher = told["cipher"].as_str().expect("a name");
            assert!(cipher.starts_with("TLS"), "{told}");
            assert_eq!(told["handshake"], "full");
            assert!(told["group"].is_string(), "{told}");
            let subject = told["client"].as_str().unwrap_or_default();
            assert_eq!(subject.contains("alice"), identity.is_some(), "{told}");
        }
    }
}

// ---- The page

#[test]
fn the_page_speaks_the_language_of_the_client() {
    let server = lab();
    let language = |query: &str, fields: &[(&str, &str)]| {
        let response = server.get(&format!("{LAB}{query}"), fields);
        assert_eq!(response.status, 200);
        let policy = response.field("Content-Security-Policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{policy}"
        );
        let vary = response.field("Vary").expect("it differs");
        assert!(vary.contains("Accept-Language"), "{vary}");
        let language = response
            .field("Content-Language")
            .expect("a language")
            .to_owned();
        let html = response.text();
        let root = if language == "zh" {
            "<html lang=\"zh-Hans\">"
        } else {
            "<html lang=\"en\">"
        };
        assert!(html.contains(root) && !html.contains("{{"), "{language}");
        language
    };
    for (query, fields, want) in [
        ("", &[][..], "en"),
        ("", &[("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")], "zh"),
        ("", &[("Accept-Language", "fr, en;q=0.5, zh;q=0.4")], "en"),
        ("", &[("Accept-Language", "fr")], "en"),
        ("?lang=zh", &[("Accept-Language", "en")], "zh"),
        ("?lang=en", &[("Accept-Language", "zh")], "en"),
        ("?lang=x", &[("Accept-Language", "zh")], "zh"),
        ("", &[("Cookie", "docroot-lang=zh")], "zh"),
    ] {
        assert_eq!(language(query, fields), want, "{query} {fields:?}");
    }
    let tag = get(&server, "");
    let tag = tag.field("ETag").expect("a tag");
    let again = server.get(LAB, &[("If-None-Match", tag)]);
    assert_eq!(again.status, 304);
    let other = server.get(&format!("{LAB}?lang=zh"), &[("If-None-Match", tag)]);
    assert_eq!(other.status, 200);
}

#[test]
fn every_file_of_the_page_is_there() {
    let server = lab();
    let page = get(&server, "").text();
    let mut names: Vec<String> = ["src=\"", "rel=\"stylesheet\" href=\""]
        .iter()
        .flat_map(|before| page.split(before).skip(1))
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        let file = get(&server, &name);
        assert_eq!(file.status, 200, "{name}");
        assert_eq!(file.field("X-Content-Type-Options"), Some("nosniff"));
        for rest in file.text().split(" from './").skip(1) {
            let imported = rest.split('\'').next().expect("a name").to_owned();
            if !names.contains(&imported) {
                names.push(imported);
            }
        }
    }
    assert_eq!(names.len(), 6, "{names:?}");
    let moved = server.get("/.docroot/lab?lang=zh", &[]);
    assert_eq!(
        (moved.status, moved.field("Location")),
        (301, Some("lab/?lang=zh"))
    );
}

#[test]
fn it_stands_below_the_prefix() {
    let server =
        setup().with(|config| config.site.prefix = Prefix::parse("docs").expect("a prefix"));
    let server = server.start();
    assert_eq!(server.get("/docs/.docroot/lab/status/418", &[]).status, 418);
    assert_eq!(server.get("/docs/.docroot/lab/", &[]).status, 200);
    assert_eq!(server.get("/.docroot/lab/status/418", &[]).status, 404);
}

/// `--cors` lets pages of other origins read the site. It does not let them use the lab.
#[test]
fn foreign_pages_read_nothing_even_if_they_may_read_the_site() {
    let server = setup().file("a.txt", "text").with(|config| {
        config.rules.cors.add("*").expect("an origin");
    });
    let server = server.start();
    let foreign = [
        ("Origin", "http://evil.example"),
        ("Cookie", "lab-a=secret"),
    ];
    let site = server.get("/a.txt", &foreign);
    assert_eq!(site.field("Access-Control-Allow-Origin"), Some("*"));
    for target in ["request", "request.json", "cookies", "chat", "tls"] {
        let response = server.get(&format!("{LAB}{target}"), &foreign);
        assert_eq!(response.status, 403, "{target}");
        assert!(find(&response.body, b"secret").is_none(), "{target}");
    }
    // A page that embeds the response without asking cannot read it.
    let response = get(&server, "request");
    let policy = response.field("Cross-Origin-Resource-Policy");
    assert_eq!(policy, Some("same-origin"));
}
