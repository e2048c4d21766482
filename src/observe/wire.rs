//! What the wire view (`--inspect`) is told of each exchange, as JSON (RFC 8259).
//!
//! ```text
//! {"exchange":{"connection":7,"number":3,...,"status":304,...,"steps":[{"section":...,"finding":...},...]}}
//! ```
//!
//! An exchange is described only while somebody looks. Secrets are masked before anybody sees them.

use std::time::{Duration, SystemTime};

use super::event::{ExchangeRecord, Head};
use super::heads::{Masked, masked};
use super::json::{write_cut, write_status, write_text};
use super::topic::{Capacity, Topic};
use crate::semantics::trace_json::write_step;
use crate::semantics::what_if::Answered;
use crate::text::append;
use crate::text::escape::JsonOctets;

/// Exchanges that have ended.
pub type Wire = Topic<WireEvent>;

/// How much is kept for a viewer that reads slowly.
pub const KEPT: Capacity = Capacity {
    items: 2000,
    bytes: 4 * 1024 * 1024,
};

/// An exchange that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct WireEvent {
    /// The object that describes it.
    pub json: Vec<u8>,
    /// Whether the request was for a page of the server itself, such as the wire view.
    pub is_own: bool,
}

/// What only the wire view shows of an exchange.
#[derive(Debug)]
pub struct Watched {
    /// The number of the connection.
    pub connection: u64,
    /// The number of the exchange on it, from 1.
    pub number: u32,
    /// The number of the worker.
    pub worker: usize,
    /// From the first byte of the request until its head was complete.
    pub head: Duration,
    /// From the first byte of the request until the head of the response was written. `None` if there is no
    /// response.
    pub answer: Option<Duration>,
}

impl WireEvent {
    /// Says how many exchanges are lost, if that is known.
    pub fn missed(count: Option<u64>) -> WireEvent {
        let count = count.map_or_else(|| "null".to_owned(), |count| count.to_string());
        WireEvent {
            json: format!("{{\"missed\":{count}}}").into_bytes(),
            is_own: false,
        }
    }

    /// Describes an exchange.
    pub fn of(exchange: &ExchangeRecord<'_>, watched: &Watched) -> WireEvent {
        const OWN: &[u8] = b".docroot";
        let mut json = Vec::with_capacity(4096);
        write(&mut json, exchange, watched);
        let path = exchange.target.split(|&byte| byte == b'?').next();
        WireEvent {
            json,
            is_own: path
                .is_some_and(|path| path.split(|&byte| byte == b'/').any(|name| name == OWN)),
        }
    }
}

fn write(out: &mut Vec<u8>, exchange: &ExchangeRecord<'_>, watched: &Watched) {
    write_connection(out, exchange, watched);
    write_text(out, "method", exchange.method);
    write_text(out, "target", exchange.target);
    write_text(out, "version", exchange.version);
    write_status(out, exchange.status);
    append(out, format_args!(",\"sent\":{}", exchange.sent));
    write_text(out, "reason", exchange.reason.as_bytes());
    write_text(out, "brief", exchange.brief.as_bytes());
    write_cut(out, exchange.end);
    write_times(out, exchange, watched);
    let heads = exchange.heads.unwrap_or_default();
    write_head(out, "request", heads.request);
    write_head(out, "response", heads.response);
    out.extend_from_slice(b",\"steps\":[");
    for (number, step) in exchange.steps.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b"," });
        let answered = Answered {
            head: heads.request.bytes,
            status: exchange.status,
        };
        write_step(out, step, &answered);
    }
    out.extend_from_slice(b"]}}");
}

/// Begins the object with the connection and the time of the first byte, in milliseconds since 1970.
fn write_connection(out: &mut Vec<u8>, exchange: &ExchangeRecord<'_>, watched: &Watched) {
    let (connection, number, worker) = (watched.connection, watched.number, watched.worker);
    let at = exchange.received.duration_since(SystemTime::UNIX_EPOCH);
    let at = at.unwrap_or_default().as_millis();
    let (peer, port) = (exchange.peer.ip().to_canonical(), exchange.peer.port());
    append(
        out,
        format_args!(
            "{{\"exchange\":{{\"connection\":{connection},\"number\":{number},\"worker\":{worker},\
             \"at\":{at},\"peer\":\"{peer}\",\"port\":{port}"
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

/// The times in microseconds after the first byte of the request.
fn write_times(out: &mut Vec<u8>, exchange: &ExchangeRecord<'_>, watched: &Watched) {
    let (head, end) = (watched.head.as_micros(), exchange.duration.as_micros());
    append(
        out,
        format_args!(",\"times\":{{\"head\":{head},\"answer\":"),
    );
    match watched.answer {
        Some(answer) => append(out, format_args!("{}", answer.as_micros())),
        None => out.extend_from_slice(b"null"),
    }
    append(out, format_args!(",\"end\":{end}}}"));
}

fn write_head(out: &mut Vec<u8>, name: &str, head: Head<'_>) {
    let mut text = Vec::with_capacity(head.bytes.len());
    for Masked { shown, mask, end } in masked(head.bytes) {
        text.extend_from_slice(shown);
        text.extend_from_slice(mask.as_bytes());
        text.extend_from_slice(end);
    }
    let (text, length) = (JsonOctets(&text), head.length);
    append(
        out,
        format_args!(",\"{name}\":{{\"head\":{text},\"length\":{length}}}"),
    );
}

#[cfg(test)]
mod tests {
    use super::super::access_log::tests::{SECURITY, example};
    use super::super::event::{End, Heads};
    use super::*;
    use crate::semantics::trace::{Clause, Step};
    use serde_json::{Value, json};

    fn event(exchange: &ExchangeRecord<'_>) -> WireEvent {
        let watched = Watched {
            connection: 7,
            number: 3,
            worker: 1,
            head: Duration::from_micros(120),
            answer: Some(Duration::from_micros(310)),
        };
        WireEvent::of(exchange, &watched)
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
        let mut got: Value = serde_json::from_slice(&event(&exchange).json).expect("JSON");
        let steps = got["exchange"]["steps"].take();
        let findings = [&steps[0]["finding"], &steps[1]["finding"], &steps[2]];
        assert_eq!(findings, [&json!("one"), &json!("two"), &Value::Null]);
        let want = json!({"exchange": {
            "connection": 7, "number": 3, "worker": 1, "at": 971_186_136_123_u64,
            "peer": "127.0.0.1", "port": 40000,
            "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"},
            "method": "GET", "target": "/a.html", "version": "HTTP/1.1", "status": 200, "sent": 2326,
            "reason": "the file", "brief": "gzip", "cut": "the client went away",
            "times": {"head": 120, "answer": 310, "end": 1234},
            "request": {
                "head": "GET /a.html HTTP/1.1\r\nCookie: ***\r\nX: \u{ff}\"\r\n\r\n",
                "length": 47,
            },
            "response": {"head": "HTTP/1.1 200 OK\r\n\r\n", "length": 19},
            "steps": null,
        }});
        assert_eq!(got, want);
    }

    #[test]
    fn own_pages_are_known() {
        for (target, want) in [
            ("/.docroot/wire", true),
            ("/docs/.docroot/?lang=zh", true),
            ("/.docroot?lang=zh", true),
            ("/a?b=/.docroot/", false),
            ("/a.docroot/", false),
        ] {
            let exchange = ExchangeRecord {
                target: target.as_bytes(),
                ..example()
            };
            assert_eq!(event(&exchange).is_own, want, "{target}");
        }
    }
}
