//! Statuses and the fields that come with them.

use serde_json::Value;

use super::{LAB, get, lab, support};

/// The statuses of the table of words.
const STATUSES: &str = include_str!("../../src/guide/words/statuses.json");

/// Tests `guide::lab::status::answer`.
#[test]
fn every_status_is_sent() {
    let server = lab();
    let table: Value = serde_json::from_str(STATUSES).expect("JSON");
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

/// Tests `guide::lab::status::has_credentials`.
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
