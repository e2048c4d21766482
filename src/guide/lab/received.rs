//! The request as the server has received it (RFC 9110 sections 9.3.8 and 17.13).
//!
//! ```text
//! request         its bytes
//! request.json    the same as data: the method, the target, each field, the content
//! ```
//!
//! TRACE is not allowed, because its response tells a script what the browser hides from it. This response would do
//! the same: a script of the site could read cookies that are only for HTTP, and passwords. So their values are masked,
//! except those of the lab's own cookies and of its own user.

use std::fmt::Write;

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{self, with_content};
use crate::guide::lab::cookies::is_own;
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::guide::plain::{JSON as JSON_TYPE, TEXT};
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::semantics::field::trim;
use crate::semantics::secrets::is_secret_of_request as is_secret;
use crate::semantics::trace::Trace;
use crate::text::escape::{JsonOctets, JsonString};

/// The most content that is repeated, in bytes.
const LONGEST: u64 = 64 * 1024;

/// `request`.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "request",
    methods: Methods::Any,
    users: Users::OwnPages,
    most_content: Some(LONGEST),
    answer,
};

/// `request.json`.
pub const JSON: Endpoint = Endpoint {
    name: "request.json",
    answer: answer_json,
    ..ENDPOINT
};

fn answer(_: &Visit<'_>, origin: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    Ok(with_content(
        origin,
        Box::new(|request, held| {
            let mut bytes = head(request);
            bytes.extend_from_slice(&held.bytes);
            Ok(answers::held(bytes, TEXT, held.charge))
        }),
    ))
}

fn answer_json(_: &Visit<'_>, origin: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    Ok(with_content(
        origin,
        Box::new(|request, held| {
            let data = data(request, &held.bytes);
            Ok(answers::held(data.into_bytes(), JSON_TYPE, held.charge))
        }),
    ))
}

/// The head as it was sent, with the secrets masked.
fn head(request: &Request<'_>) -> Vec<u8> {
    let head = request.fields().bytes().get(..request.head.head.length);
    let lines = head
        .unwrap_or_default()
        .split_inclusive(|&byte| byte == b'\n');
    let mut bytes = Vec::new();
    for line in lines {
        match line.iter().position(|&byte| byte == b':') {
            Some(colon) if is_secret(&line[..colon]) => {
                let (name, value) = (&line[..colon], trim(line[colon + 1..].trim_ascii_end()));
                let masked = masked(name, value);
                bytes.extend([name, b": ", &masked, b"\r\n"].concat());
            }
            _ => bytes.extend_from_slice(line),
        }
    }
    bytes
}

/// The request as JSON. Octets are characters from U+0000 to U+00FF.
fn data(request: &Request<'_>, content: &[u8]) -> String {
    let head = &request.head.head;
    let mut fields = String::new();
    for (name, value) in request.fields().iter() {
        let comma = if fields.is_empty() { "" } else { "," };
        let value = masked(name, value);
        let (name, value) = (JsonOctets(name), JsonOctets(&value));
        // Writing to a string does not fail.
        let _ = write!(fields, "{comma}[{name},{value}]");
    }
    let (method, target) = (JsonOctets(head.method), JsonOctets(head.target));
    let (version, peer) = (head.version.text(), request.client.address());
    let (head_length, length) = (head.length, content.len());
    let content = JsonOctets(content);
    format!(
        "{{\"method\":{method},\"target\":{target},\"version\":\"{version}\",\"secure\":{},\"client\":{},\
         \"head\":{head_length},\"fields\":[{fields}],\"length\":{length},\"content\":{content}}}\n",
        request.is_secure,
        JsonString(peer.to_string().as_bytes())
    )
}

/// The value of a field, without secrets that are not the lab's.
fn masked(name: &[u8], value: &[u8]) -> Vec<u8> {
    if !is_secret(name) {
        return value.to_vec();
    }
    if !name.eq_ignore_ascii_case(b"Cookie") {
        let space = value.iter().position(|&byte| byte == b' ');
        return [&value[..space.map_or(0, |space| space + 1)], b"***"].concat();
    }
    let pairs = value.split(|&byte| byte == b';').map(trim);
    let masked = pairs.map(|pair| match pair.iter().position(|&byte| byte == b'=') {
        Some(sign) if !is_own(&pair[..sign]) => [&pair[..sign], b"=***"].concat(),
        Some(_) => pair.to_vec(),
        None => b"***".to_vec(),
    });
    masked.collect::<Vec<_>>().join(&b"; "[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, want: &str) {
        let got = masked(name.as_bytes(), value.as_bytes());
        assert_eq!(String::from_utf8_lossy(&got), want, "{name}: {value}");
    }

    #[test]
    fn secrets_are_masked() {
        check("Accept", "a; b=c", "a; b=c");
        check("AUTHORIZATION", "Bearer secret", "Bearer ***");
        check("authorization", "secret", "***");
        check(
            "Cookie",
            "session=secret; lab-a=b;lab-c",
            "session=***; lab-a=b; ***",
        );
        check("cookie", "secret", "***");
        check(
            "cookie",
            "__Host-lab-a=b; __Host-x=secret",
            "__Host-lab-a=b; __Host-x=***",
        );
        check("cookie", "xlab-a=secret=x", "xlab-a=***");
        check("cookie", "", "***");
    }
}
