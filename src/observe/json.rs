//! One JSON object per line (RFC 8259), in ASCII.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::{SystemTime, UNIX_EPOCH};

use super::event::{End, ExchangeRecord, Security, TlsFailure, TlsStage, is_always_logged};
use super::options::{JsonField, LogOptions};
use super::zone::Zone;
use crate::text::append;
use crate::text::calendar::TimeFormat;
use crate::text::escape::JsonString;

/// How times are written.
const TIME: TimeFormat = TimeFormat::Rfc3339Millis;

/// Appends the object. It has the members that the options name, or else all: `proxy` only if a trusted proxy has named
/// the client, `id` only if requests have ids, and `sample` only if not every exchange is logged. An absent value is `null`, `duration` is in seconds, and `tls` is an object.
pub fn write_line(out: &mut Vec<u8>, options: &LogOptions, exchange: &ExchangeRecord) {
    let applies = |field: &JsonField| match field {
        JsonField::Proxy => exchange.proxy.is_some(),
        JsonField::Id => exchange.id.is_some(),
        JsonField::Sample => options.one_in > NonZeroU32::MIN,
        _ => true,
    };
    match &options.fields {
        Some(fields) => write_members(out, options, exchange, fields.iter().copied()),
        None => {
            let all = JsonField::ALL.into_iter().filter(applies);
            write_members(out, options, exchange, all);
        }
    }
}

fn write_members(
    out: &mut Vec<u8>,
    options: &LogOptions,
    exchange: &ExchangeRecord,
    fields: impl Iterator<Item = JsonField>,
) {
    let mut mark = b'{';
    for field in fields {
        out.extend_from_slice(&[mark, b'"']);
        out.extend_from_slice(field.name().as_bytes());
        out.extend_from_slice(b"\":");
        write_value(out, field, options, exchange);
        mark = b',';
    }
    out.extend_from_slice(b"}\n");
}

fn write_value(
    out: &mut Vec<u8>,
    field: JsonField,
    options: &LogOptions,
    exchange: &ExchangeRecord,
) {
    let bytes = str::as_bytes;
    match field {
        JsonField::Time => {
            let time = options.zone.format(exchange.received, TIME);
            append(out, format_args!("\"{time}\""));
        }
        JsonField::Peer => {
            let address = exchange.peer.ip().to_canonical();
            append(out, format_args!("\"{address}\""));
        }
        JsonField::Port => append(out, format_args!("{}", exchange.peer.port())),
        JsonField::Proxy => match exchange.proxy {
            Some(address) => append(out, format_args!("\"{}\"", address.to_canonical())),
            None => optional_value(out, None),
        },
        JsonField::User => optional_value(out, exchange.user.map(bytes)),
        JsonField::Host => optional_value(out, exchange.host),
        JsonField::Method => optional_value(out, received(exchange.method)),
        JsonField::Target => optional_value(out, received(exchange.target)),
        JsonField::Version => optional_value(out, received(exchange.version)),
        JsonField::Status => status_value(out, exchange.status),
        JsonField::Sent => append(out, format_args!("{}", exchange.sent)),
        JsonField::Duration => {
            let duration = exchange.duration;
            let (seconds, micros) = (duration.as_secs(), duration.subsec_micros());
            append(out, format_args!("{seconds}.{micros:06}"));
        }
        JsonField::Referer => optional_value(out, exchange.referer),
        JsonField::UserAgent => optional_value(out, exchange.user_agent),
        JsonField::Reason => text_value(out, exchange.reason.to_string().as_bytes()),
        JsonField::Complete => append(out, format_args!("{}", exchange.end == End::Complete)),
        JsonField::Cut => optional_value(out, cut(exchange.end)),
        JsonField::Tls => security_value(out, exchange.security.as_ref()),
        JsonField::Id => optional_value(out, exchange.id),
        JsonField::Sample => {
            let factor = match is_always_logged(exchange.status, exchange.end) {
                true => 1,
                false => options.one_in.get(),
            };
            append(out, format_args!("{factor}"));
        }
    }
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
    let time = zone.format(at, TIME);
    let (address, port) = (peer.ip().to_canonical(), peer.port());
    append(
        out,
        format_args!("{{\"time\":\"{time}\",\"peer\":\"{address}\",\"port\":{port}"),
    );
}

/// The version, the cipher suite and the subject of the client's certificate.
fn security_value(out: &mut Vec<u8>, security: Option<&Security>) {
    let Some(security) = security else {
        return out.extend_from_slice(b"null");
    };
    let (version, cipher) = (security.version, security.cipher);
    append(
        out,
        format_args!("{{\"version\":\"{version}\",\"cipher\":\"{cipher}\""),
    );
    out.extend_from_slice(b",\"client\":");
    optional_value(out, security.client.map(str::as_bytes));
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
    out.extend_from_slice(b",\"status\":");
    status_value(out, status);
}

/// Why the exchange was cut, if it was.
pub(super) fn write_cut(out: &mut Vec<u8>, end: End) {
    out.extend_from_slice(b",\"cut\":");
    optional_value(out, cut(end));
}

pub(super) fn write_text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    append(out, format_args!(",\"{name}\":"));
    text_value(out, value);
}

fn cut(end: End) -> Option<&'static [u8]> {
    Some(end.text().as_bytes()).filter(|_| end != End::Complete)
}

fn status_value(out: &mut Vec<u8>, status: Option<u16>) {
    match status {
        Some(status) => append(out, format_args!("{status}")),
        None => out.extend_from_slice(b"null"),
    }
}

fn optional_value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => text_value(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// `None` for what has not come, or could not be read.
fn received(value: &[u8]) -> Option<&[u8]> {
    Some(value).filter(|value| !value.is_empty())
}

fn text_value(out: &mut Vec<u8>, value: &[u8]) {
    append(out, format_args!("{}", JsonString(value)));
}

#[cfg(test)]
mod tests {
    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    #[track_caller]
    fn check(options: &LogOptions, exchange: ExchangeRecord, want: &str) {
        let mut got = Vec::new();
        write_line(&mut got, options, &exchange);
        assert_eq!(String::from_utf8_lossy(&got), format!("{want}\n"));
    }

    #[test]
    fn an_object_has_every_member() {
        let want = concat!(
            r#"{"time":"2000-10-10T13:55:36.123Z","peer":"127.0.0.1","port":40000,"#,
            r#""user":null,"host":"files.example","method":"GET","target":"/a.html","version":"HTTP/1.1","status":200,"#,
            r#""sent":2326,"duration":0.001234,"referer":null,"user_agent":"curl/8.0","#,
            r#""reason":"the file","complete":true,"cut":null,"tls":null}"#,
        );
        check(&LogOptions::OFF, example(), want);
    }

    #[test]
    fn the_fields_are_those_that_were_chosen_in_their_order() {
        let chosen = |fields: &[JsonField]| LogOptions {
            fields: Some(fields.into()),
            ..LogOptions::OFF
        };
        let options = chosen(&[JsonField::Status, JsonField::Target, JsonField::Tls]);
        check(
            &options,
            example(),
            r#"{"status":200,"target":"/a.html","tls":null}"#,
        );
        let cut = ExchangeRecord {
            status: None,
            end: End::ClientGone,
            peer: ([192, 0, 2, 1], 9).into(),
            ..example()
        };
        let options = chosen(&[JsonField::Cut, JsonField::Status, JsonField::Peer]);
        let want = r#"{"cut":"the client went away","status":null,"peer":"192.0.2.1"}"#;
        check(&options, cut, want);
    }

    /// The client chose every byte of it.
    #[test]
    fn the_host_is_escaped() {
        let options = LogOptions {
            fields: Some([JsonField::Host].into()),
            ..LogOptions::OFF
        };
        let of = |host| ExchangeRecord { host, ..example() };
        let host = Some(&b"a\"\x1b[2J\xff"[..]);
        check(&options, of(host), r#"{"host":"a\"\u001b[2J\ufffd"}"#);
        check(&options, of(None), r#"{"host":null}"#);
    }

    #[test]
    fn the_id_is_there_if_requests_have_ids() {
        let id = Some(&b"0a1b"[..]);
        let with_id = ExchangeRecord { id, ..example() };
        let mut got = Vec::new();
        write_line(&mut got, &LogOptions::OFF, &with_id);
        assert!(got.ends_with(b",\"tls\":null,\"id\":\"0a1b\"}\n"));
        let options = LogOptions {
            fields: Some([JsonField::Id].into()),
            ..LogOptions::OFF
        };
        check(&options, with_id, r#"{"id":"0a1b"}"#);
        check(&options, example(), r#"{"id":null}"#);
    }

    #[test]
    fn the_proxy_is_there_if_it_has_named_the_client() {
        let proxied = ExchangeRecord {
            proxy: Some("::ffff:10.0.0.1".parse().expect("an address")),
            ..example()
        };
        let mut got = Vec::new();
        write_line(&mut got, &LogOptions::OFF, &proxied);
        let got = String::from_utf8_lossy(&got);
        let want = r#","port":40000,"proxy":"10.0.0.1","user":null,"#;
        assert!(got.contains(want), "{got}");
        let options = LogOptions {
            fields: Some([JsonField::Proxy].into()),
            ..LogOptions::OFF
        };
        check(&options, proxied, r#"{"proxy":"10.0.0.1"}"#);
        check(&options, example(), r#"{"proxy":null}"#);
    }

    #[test]
    fn a_sample_says_for_how_many_exchanges_a_line_stands() {
        let options = LogOptions {
            one_in: NonZeroU32::new(20).expect("not 0"),
            fields: Some([JsonField::Status, JsonField::Sample].into()),
            ..LogOptions::OFF
        };
        let with = |status, end| ExchangeRecord {
            status,
            end,
            ..example()
        };
        let check = |status, end, want| check(&options, with(status, end), want);
        check(Some(200), End::Complete, r#"{"status":200,"sample":20}"#);
        check(Some(304), End::Complete, r#"{"status":304,"sample":20}"#);
        check(Some(404), End::Complete, r#"{"status":404,"sample":1}"#);
        check(Some(200), End::ClientGone, r#"{"status":200,"sample":1}"#);
        check(None, End::ClientGone, r#"{"status":null,"sample":1}"#);
        let all = LogOptions {
            fields: None,
            ..options.clone()
        };
        let mut got = Vec::new();
        write_line(&mut got, &all, &example());
        assert!(got.ends_with(b",\"sample\":20}\n"));
    }

    #[test]
    fn the_tls_session_is_a_nested_object() {
        let mut got = Vec::new();
        write_line(
            &mut got,
            &LogOptions::OFF,
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
