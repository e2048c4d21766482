//! Forms with files.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::support::{Response, TestServer};
use super::{LAB, data, lab, send, support};

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
