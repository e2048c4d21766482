//! One JSON object per line (RFC 8259), in ASCII.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::event::{End, ExchangeRecord, Security, TlsFailure, TlsStage};
use super::zone::Zone;
use crate::text::append;
use crate::text::calendar::TimeFormat;
use crate::text::escape::JsonString;

/// Appends the object. It always has all members, in this order. An absent value is `null`,
/// `duration` is in seconds, and `tls` is an object.
pub fn write_line(out: &mut Vec<u8>, zone: &Zone, exchange: &ExchangeRecord) {
    begin(out, zone, exchange.received, exchange.peer);
    write_optional(out, "user", exchange.user.map(str::as_bytes));
    write_text(out, "method", exchange.method);
    write_text(out, "target", exchange.target);
    write_text(out, "version", exchange.version);
    write_status(out, exchange.status);
    append(out, format_args!(",\"sent\":{}", exchange.sent));
    let (seconds, micros) = (
        exchange.duration.as_secs(),
        exchange.duration.subsec_micros(),
    );
    append(out, format_args!(",\"duration\":{seconds}.{micros:06}"));
    write_optional(out, "referer", exchange.referer);
    write_optional(out, "user_agent", exchange.user_agent);
    write_text(out, "reason", exchange.reason.as_bytes());
    let is_complete = exchange.end == End::Complete;
    append(out, format_args!(",\"complete\":{is_complete}"));
    write_cut(out, exchange.end);
    write_security(out, exchange.security.as_ref());
    out.extend_from_slice(b"}\n");
}

/// Appends an object about a TLS session that failed. The stage is part of the last member's name.
pub fn write_tls_failure(out: &mut Vec<u8>, zone: &Zone, failed: &TlsFailure) {
    begin(out, zone, failed.at, failed.peer);
    let name = match failed.stage {
        TlsStage::Handshake => "handshake_failed",
        TlsStage::Session => "session_failed",
    };
    write_text(out, name, failed.reason.as_bytes());
    out.extend_from_slice(b"}\n");
}

/// Begins an object with the time and the peer.
fn begin(out: &mut Vec<u8>, zone: &Zone, at: SystemTime, peer: SocketAddr) {
    let time = zone.format(at, TimeFormat::Rfc3339Millis);
    let (address, port) = (peer.ip().to_canonical(), peer.port());
    append(
        out,
        format_args!("{{\"time\":\"{time}\",\"peer\":\"{address}\",\"port\":{port}"),
    );
}

fn write_security(out: &mut Vec<u8>, security: Option<&Security>) {
    let Some(security) = security else {
        return out.extend_from_slice(b",\"tls\":null");
    };
    let (version, cipher) = (security.version, security.cipher);
    append(
        out,
        format_args!(",\"tls\":{{\"version\":\"{version}\",\"cipher\":\"{cipher}\""),
    );
    write_optional(out, "client", security.client.map(str::as_bytes));
    out.push(b'}');
}

/// Appends the object that says how many lines were dropped.
pub fn write_dropped(out: &mut Vec<u8>, lines: u64) {
    append(out, format_args!("{{\"log_lines_dropped\":{lines}}}\n"));
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(at: SystemTime) -> u128 {
    at.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}

pub(super) fn write_status(out: &mut Vec<u8>, status: Option<u16>) {
    match status {
        Some(status) => append(out, format_args!(",\"status\":{status}")),
        None => append(out, format_args!(",\"status\":null")),
    }
}

/// Why the exchange was cut, if it was.
pub(super) fn write_cut(out: &mut Vec<u8>, end: End) {
    let cut = Some(end.text().as_bytes()).filter(|_| end != End::Complete);
    write_optional(out, "cut", cut);
}

fn write_optional(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => write_text(out, name, value),
        None => append(out, format_args!(",\"{name}\":null")),
    }
}

pub(super) fn write_text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    append(out, format_args!(",\"{name}\":{}", JsonString(value)));
}

#[cfg(test)]
mod tests {
    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    #[test]
    fn an_object_has_every_member() {
        let mut got = Vec::new();
        write_line(&mut got, &Zone::Utc, &example());
        let want = concat!(
            r#"{"time":"2000-10-10T13:55:36.123Z","peer":"127.0.0.1","port":40000,"#,
            r#""user":null,"method":"GET","target":"/a.html","version":"HTTP/1.1","status":200,"#,
            r#""sent":2326,"duration":0.001234,"referer":null,"user_agent":"curl/8.0","#,
            r#""reason":"the file","complete":true,"cut":null,"tls":null}"#,
            "\n"
        );
        assert_eq!(String::from_utf8_lossy(&got), want);
    }

    #[test]
    fn the_tls_session_is_a_nested_object() {
        let mut got = Vec::new();
        write_line(
            &mut got,
            &Zone::Utc,
            &ExchangeRecord {
                security: Some(SECURITY),
                ..example()
            },
        );
        let want = concat!(
            r#","tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","#,
            r#""client":"CN=alice,O=\"a\u000ab\""}}"#,
            "\n"
        );
        let got = String::from_utf8_lossy(&got);
        assert!(got.ends_with(want), "{got}");
    }

    #[test]
    fn failed_handshakes_are_logged() {
        let mut got = Vec::new();
        write_tls_failure(&mut got, &Zone::Utc, &failed_handshake());
        let want = concat!(
            r#"{"time":"2000-10-10T13:55:36.123Z","peer":"127.0.0.1","port":40000,"#,
            r#""handshake_failed":"peer sent no\u000acertificates"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8_lossy(&got), want);
    }
}
