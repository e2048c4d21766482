//! The event of an exchange that has ended.

use std::borrow::Cow;
use std::time::Duration;

use super::super::event::{ExchangeRecord, Head};
use super::super::json::{milliseconds, write_cut, write_status, write_text};
use super::super::masked::{masked, masked_chunked};
use super::super::sample::BodySample;
use super::exchanges::Exchanges;
use crate::semantics::trace_json::write_steps;
use crate::semantics::what_if::Answered;
use crate::text::append;
use crate::text::escape::JsonOctets;

/// What only the wire view shows of an exchange.
#[derive(Debug)]
pub struct Watched<'a> {
    /// The number of the connection.
    pub connection: u64,
    /// The exchanges on it so far. This one is the last of them.
    pub exchanges: Exchanges,
    /// The number of the worker.
    pub worker: usize,
    /// From when the connection was accepted until the first byte of the request. `None` if another request
    /// was before it.
    pub accepted: Option<Duration>,
    /// The same from the end of the TLS handshake; also `None` without TLS.
    pub secured: Option<Duration>,
    /// From the first byte of the request until its head was complete.
    pub head: Duration,
    /// From the first byte of the request until the head of the response was written. `None` if there is no
    /// response.
    pub answer: Option<Duration>,
    /// What is kept of the body of the request.
    pub request: &'a BodySample,
    /// What is kept of the body of the response.
    pub response: &'a BodySample,
}

/// The object of an exchange.
pub(super) fn describe(exchange: &ExchangeRecord<'_>, watched: &Watched<'_>) -> Vec<u8> {
    let mut json = Vec::with_capacity(4096);
    write(&mut json, exchange, watched);
    json
}

fn write(out: &mut Vec<u8>, exchange: &ExchangeRecord<'_>, watched: &Watched<'_>) {
    write_connection(out, exchange, watched);
    write_text(out, "method", exchange.method);
    write_text(out, "target", exchange.target);
    write_text(out, "version", exchange.version);
    write_status(out, exchange.status);
    append(out, format_args!(",\"sent\":{}", exchange.sent));
    write_text(out, "reason", exchange.reason.to_string().as_bytes());
    write_text(out, "brief", exchange.brief.to_string().as_bytes());
    write_cut(out, exchange.end);
    write_times(out, exchange, watched);
    let heads = exchange.heads.unwrap_or_default();
    write_message(out, "request", heads.request, watched.request);
    write_message(out, "response", heads.response, watched.response);
    out.extend_from_slice(b",\"steps\":");
    let answered = Answered {
        head: heads.request.bytes,
        status: exchange.status,
    };
    write_steps(out, exchange.steps, &answered);
    out.extend_from_slice(b"}}");
}

/// Begins the object with the connection and the time of the first byte, in milliseconds since 1970.
fn write_connection(out: &mut Vec<u8>, exchange: &ExchangeRecord<'_>, watched: &Watched<'_>) {
    let (connection, worker) = (watched.connection, watched.worker);
    let Exchanges { all, own } = watched.exchanges;
    let at = milliseconds(exchange.received);
    let (peer, port) = (exchange.peer.ip().to_canonical(), exchange.peer.port());
    append(
        out,
        format_args!(
            "{{\"exchange\":{{\"connection\":{connection},\"number\":{all},\"own\":{own},\
             \"worker\":{worker},\"at\":{at},\"peer\":\"{peer}\",\"port\":{port}"
        ),
    );
    let Some(security) = exchange.security else {
        return out.extend_from_slice(b",\"tls\":null");
    };
    let (version, cipher) = (security.version, security.cipher);
    append(
        out,
        format_args!(",\"tls\":{{\"version\":\"{version}\",\"cipher\":\"{cipher}\"}}"),
    );
}

/// The times in microseconds before or after the first byte of the request.
fn write_times(out: &mut Vec<u8>, exchange: &ExchangeRecord<'_>, watched: &Watched<'_>) {
    let times = [
        ("accepted", watched.accepted),
        ("secured", watched.secured),
        ("head", Some(watched.head)),
        ("answer", watched.answer),
        ("end", Some(exchange.duration)),
    ];
    for (number, (name, time)) in times.into_iter().enumerate() {
        let before = if number == 0 { ",\"times\":{" } else { "," };
        match time {
            Some(time) => append(out, format_args!("{before}\"{name}\":{}", time.as_micros())),
            None => append(out, format_args!("{before}\"{name}\":null")),
        }
    }
    out.push(b'}');
}

/// The head of a message, and what is kept of its body.
fn write_message(out: &mut Vec<u8>, name: &str, head: Head<'_>, body: &BodySample) {
    let mut text = Vec::with_capacity(head.bytes.len());
    for line in masked(head.bytes) {
        text.extend_from_slice(&line.text);
        text.extend_from_slice(line.end);
    }
    let (text, length) = (JsonOctets(&text), head.length);
    append(
        out,
        format_args!(",\"{name}\":{{\"head\":{text},\"length\":{length},\"body\":"),
    );
    write_body(out, body);
    out.push(b'}');
}

fn write_body(out: &mut Vec<u8>, body: &BodySample) {
    if body.length() == 0 {
        return out.extend_from_slice(b"null");
    }
    let first = match body.chunks() {
        [] => Cow::Borrowed(body.first()),
        _ => masked_chunked(body.first()),
    };
    let (length, first, unseen) = (body.length(), JsonOctets(&first), body.is_unseen());
    append(
        out,
        format_args!("{{\"length\":{length},\"first\":{first},\"chunks\":"),
    );
    match body.chunks() {
        [] => out.extend_from_slice(b"null"),
        chunks => {
            let sizes: Vec<String> = chunks.iter().map(u64::to_string).collect();
            append(out, format_args!("[{}]", sizes.join(",")));
        }
    }
    append(out, format_args!(",\"unseen\":{unseen}}}"));
}

#[cfg(test)]
mod tests {
    use super::super::super::access_log::tests::{SECURITY, example};
    use super::super::super::event::{End, Heads};
    use super::*;
    use crate::semantics::trace::{Clause, Step};
    use serde_json::{Value, json};

    fn described(exchange: &ExchangeRecord<'_>) -> Vec<u8> {
        let (mut request, mut response) = (BodySample::default(), BodySample::default());
        request.see(b"a=1\xff");
        response.chunk(5);
        response.see(b"5\r\nhello\r\n");
        response.skip(7);
        let watched = Watched {
            connection: 7,
            exchanges: Exchanges { all: 3, own: 1 },
            worker: 1,
            accepted: Some(Duration::from_micros(50)),
            secured: None,
            head: Duration::from_micros(120),
            answer: Some(Duration::from_micros(310)),
            request: &request,
            response: &response,
        };
        describe(exchange, &watched)
    }

    #[test]
    fn an_exchange_has_every_member() {
        let head = |bytes: &'static [u8]| Head {
            bytes,
            length: bytes.len(),
        };
        let clause = Clause {
            section: "RFC 9110 section 8.4",
            function: "docroot::a::b",
        };
        let exchange = ExchangeRecord {
            heads: Some(Heads {
                request: head(b"GET /a.html HTTP/1.1\r\nCookie: secret\r\nX: \xff\"\r\n\r\n"),
                response: head(b"HTTP/1.1 200 OK\r\n\r\n"),
            }),
            security: Some(SECURITY),
            end: End::ClientGone,
            steps: &["one", "two"].map(|finding| Step::new(clause, finding)),
            ..example()
        };
        let mut got: Value = serde_json::from_slice(&described(&exchange)).expect("JSON");
        let steps = got["exchange"]["steps"].take();
        let findings = [&steps[0]["finding"], &steps[1]["finding"], &steps[2]];
        assert_eq!(findings, [&json!("one"), &json!("two"), &Value::Null]);
        let want = json!({"exchange": {
            "connection": 7, "number": 3, "own": 1, "worker": 1, "at": 971_186_136_123_u64,
            "peer": "127.0.0.1", "port": 40000,
            "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"},
            "method": "GET", "target": "/a.html", "version": "HTTP/1.1", "status": 200, "sent": 2326,
            "reason": "the file", "brief": "gzip", "cut": "the client went away",
            "times": {"accepted": 50, "secured": null, "head": 120, "answer": 310, "end": 1234},
            "request": {
                "head": "GET /a.html HTTP/1.1\r\nCookie: ***\r\nX: \u{ff}\"\r\n\r\n",
                "length": 47,
                "body": {"length": 4, "first": "a=1\u{ff}", "chunks": null, "unseen": false},
            },
            "response": {
                "head": "HTTP/1.1 200 OK\r\n\r\n",
                "length": 19,
                "body": {"length": 17, "first": "5\r\nhello\r\n", "chunks": [5], "unseen": true},
            },
            "steps": null,
        }});
        assert_eq!(got, want);
    }
}
