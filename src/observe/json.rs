//! One JSON object a line (RFC 8259), in ASCII: a form that programs read without guessing.

use super::calendar::{Moment, append};
use super::escape::write_json_string;
use super::event::Exchange;

/// Appends the object. Its members are always all there, in this order; `duration` is in
/// seconds, what is absent is `null`.
pub fn write_line(out: &mut Vec<u8>, exchange: &Exchange) {
    out.extend_from_slice(b"{\"time\":\"");
    Moment::of(exchange.received).write_iso(out);
    let (address, port) = (exchange.peer.ip().to_canonical(), exchange.peer.port());
    append(
        out,
        format_args!("\",\"peer\":\"{address}\",\"port\":{port}"),
    );
    write_text(out, "method", exchange.method);
    write_text(out, "target", exchange.target);
    write_text(out, "version", exchange.version.as_bytes());
    append(
        out,
        format_args!(",\"status\":{},\"sent\":{}", exchange.status, exchange.sent),
    );
    let (seconds, micros) = (
        exchange.duration.as_secs(),
        exchange.duration.subsec_micros(),
    );
    append(out, format_args!(",\"duration\":{seconds}.{micros:06}"));
    write_optional(out, "referer", exchange.referer);
    write_optional(out, "user_agent", exchange.user_agent);
    write_text(out, "reason", exchange.reason.as_bytes());
    append(out, format_args!(",\"complete\":{}}}\n", exchange.complete));
}

/// Appends the object that tells how many lines are missing.
pub fn write_dropped(out: &mut Vec<u8>, lines: u64) {
    append(out, format_args!("{{\"log_lines_dropped\":{lines}}}\n"));
}

fn write_optional(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => write_text(out, name, value),
        None => append(out, format_args!(",\"{name}\":null")),
    }
}

fn write_text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    append(out, format_args!(",\"{name}\":"));
    write_json_string(out, value);
}

#[cfg(test)]
mod tests {
    use super::super::access_log::tests::example;
    use super::*;

    #[test]
    fn an_object_tells_everything() {
        let mut got = Vec::new();
        write_line(&mut got, &example());
        let want = concat!(
            r#"{"time":"2000-10-10T13:55:36.123Z","peer":"127.0.0.1","port":40000,"#,
            r#""method":"GET","target":"/a.html","version":"HTTP/1.1","status":200,"#,
            r#""sent":2326,"duration":0.001234,"referer":null,"user_agent":"curl/8.0","#,
            r#""reason":"the file","complete":true}"#,
            "\n"
        );
        assert_eq!(String::from_utf8_lossy(&got), want);
    }
}
