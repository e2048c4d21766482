//! The log for people at a terminal: columns in a fixed order, the path last because it has no
//! width, then why it was answered so.
//!
//! ```text
//! 13:55:36Z 200 GET         2.2 KiB    1.2 ms  /a.html  the file
//! 13:55:37Z 404 GET           312 B     80 us  /b.html  no such file  from 192.0.2.1
//! ```

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::calendar::{Moment, append};
use super::escape::{write_quoted, write_word};
use super::event::{End, ExchangeRecord, TlsFailure};

/// Appends the line. Times are UTC. Who asked is told where it was not this machine.
pub fn write_line(out: &mut Vec<u8>, colour: bool, exchange: &ExchangeRecord) {
    let paint = Paint { colour };
    paint.around(out, DIM, |out| write_time(out, exchange.received));
    paint.around(out, of_status(exchange.status), |out| {
        match exchange.status {
            Some(status) => append(out, format_args!(" {status:3} ")),
            None => out.extend_from_slice(b" --- "),
        }
        write_method(out, exchange.method);
    });
    write_size(out, exchange.sent);
    write_duration(out, exchange.duration);
    out.extend_from_slice(b"  ");
    write_word(out, or_dash(exchange.target));
    paint.around(out, DIM, |out| write_remarks(out, exchange));
    out.push(b'\n');
}

/// Appends a line about a TLS session that failed.
pub fn write_tls_failure(out: &mut Vec<u8>, colour: bool, failed: &TlsFailure) {
    let paint = Paint { colour };
    paint.around(out, DIM, |out| write_time(out, failed.at));
    paint.around(out, YELLOW, |out| {
        append(out, format_args!(" TLS {} failed", failed.stage.text()));
    });
    out.extend_from_slice(b"  ");
    write_quoted(out, failed.reason.as_bytes());
    paint.around(out, DIM, |out| write_from(out, failed.peer));
    out.push(b'\n');
}

/// Every sequence that colours a line: nothing else moves the terminal.
#[cfg(test)]
pub const SEQUENCES: [&str; 7] = [DIM, GREEN, CYAN, YELLOW, RED, PLAIN, RESET];

// Select Graphic Rendition, ECMA-48 section 8.3.117.
const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[39m";

/// Green for what went well, cyan for what is elsewhere or unchanged, yellow for the client's
/// faults and red for ours.
fn of_status(status: Option<u16>) -> &'static str {
    match status {
        Some(200..300) => GREEN,
        Some(300..400) => CYAN,
        Some(400..500) | None => YELLOW,
        Some(500..600) => RED,
        _ => PLAIN,
    }
}

struct Paint {
    colour: bool,
}

impl Paint {
    fn around(&self, out: &mut Vec<u8>, sequence: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.colour {
            return write(out);
        }
        out.extend_from_slice(sequence.as_bytes());
        write(out);
        out.extend_from_slice(RESET.as_bytes());
    }
}

fn write_time(out: &mut Vec<u8>, at: SystemTime) {
    Moment::of(at).write_clock(out);
    out.push(b'Z');
}

fn write_method(out: &mut Vec<u8>, method: &[u8]) {
    write_padded(out, METHOD_WIDTH, |out| write_word(out, or_dash(method)));
}

/// `OPTIONS` and `CONNECT`.
const METHOD_WIDTH: usize = 7;
/// `1023.9 KiB`, and two spaces before it.
const SIZE_WIDTH: usize = 12;
/// `999.9 ms`, and two spaces before it.
const DURATION_WIDTH: usize = 10;

fn or_dash(bytes: &[u8]) -> &[u8] {
    if bytes.is_empty() { b"-" } else { bytes }
}

fn write_padded(out: &mut Vec<u8>, width: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let written = out.len().saturating_sub(start);
    out.resize(out.len() + width.saturating_sub(written), b' ');
}

fn write_size(out: &mut Vec<u8>, bytes: u64) {
    append(out, format_args!("{:>SIZE_WIDTH$}", human_size(bytes)));
}

/// `999 B`, `2.3 KiB`, `1.0 GiB`: in powers of 1024, cut after one digit.
fn human_size(bytes: u64) -> String {
    let (mut unit, mut tenths) = ("B", u128::from(bytes) * 10);
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if tenths < 10_240 {
            break;
        }
        (unit, tenths) = (next, tenths / 1024);
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

fn write_duration(out: &mut Vec<u8>, duration: Duration) {
    append(
        out,
        format_args!("{:>DURATION_WIDTH$}", human_duration(duration)),
    );
}

/// `340 us`, `1.2 ms`, `12.3 s`: cut, never rounded up.
fn human_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        _ => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    }
}

fn write_remarks(out: &mut Vec<u8>, exchange: &ExchangeRecord) {
    if !exchange.reason.is_empty() {
        out.extend_from_slice(b"  ");
        write_quoted(out, exchange.reason.as_bytes());
    }
    if exchange.end != End::Complete {
        append(out, format_args!("  (cut: {})", exchange.end.text()));
    }
    if let Some(security) = &exchange.security {
        append(
            out,
            format_args!("  {} {}", security.version, security.cipher),
        );
        if let Some(client) = security.client {
            out.extend_from_slice(b" for ");
            write_quoted(out, client.as_bytes());
        }
    }
    write_from(out, exchange.peer);
}

/// Who it was, where it was not this machine.
fn write_from(out: &mut Vec<u8>, peer: SocketAddr) {
    let address = peer.ip().to_canonical();
    if !address.is_loopback() {
        append(out, format_args!("  from {address}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    #[track_caller]
    fn check(colour: bool, exchange: ExchangeRecord, want: &str) {
        let mut got = Vec::new();
        write_line(&mut got, colour, &exchange);
        assert_eq!(String::from_utf8_lossy(&got), format!("{want}\n"));
    }

    #[test]
    fn columns_are_aligned() {
        check(
            false,
            example(),
            "13:55:36Z 200 GET         2.2 KiB    1.2 ms  /a.html  the file",
        );
        check(
            false,
            ExchangeRecord {
                peer: ([192, 0, 2, 1], 1).into(),
                method: b"OPTIONS",
                target: b"/a b\x1b[2J",
                status: Some(404),
                sent: 0,
                duration: Duration::from_micros(80),
                end: End::TooSlow,
                ..example()
            },
            "13:55:36Z 404 OPTIONS         0 B     80 us  /a\\x20b\\x1B[2J  the file  (cut: the client read too slowly)  from 192.0.2.1",
        );
        check(
            false,
            ExchangeRecord {
                method: b"",
                target: b"",
                status: Some(400),
                reason: "",
                ..example()
            },
            "13:55:36Z 400 -           2.2 KiB    1.2 ms  -",
        );
    }

    #[test]
    fn what_protects_it_is_told() {
        check(
            false,
            ExchangeRecord {
                security: Some(SECURITY),
                ..example()
            },
            "13:55:36Z 200 GET         2.2 KiB    1.2 ms  /a.html  the file  \
             TLSv1.3 TLS_AES_256_GCM_SHA384 for CN=alice,O=\\x22a\\x0Ab\\x22",
        );
        let mut got = Vec::new();
        write_tls_failure(&mut got, false, &failed_handshake());
        let want = "13:55:36Z TLS handshake failed  peer sent no\\x0Acertificates\n";
        assert_eq!(String::from_utf8_lossy(&got), want);
    }

    #[test]
    fn colours_tell_the_class_of_the_status() {
        check(
            true,
            example(),
            "\x1b[2m13:55:36Z\x1b[0m\x1b[32m 200 GET    \x1b[0m     2.2 KiB    1.2 ms  /a.html\x1b[2m  the file\x1b[0m",
        );
    }

    #[test]
    fn sizes_are_for_people() {
        for (bytes, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (2326, "2.2 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(human_size(bytes), want);
        }
    }

    #[test]
    fn durations_are_for_people() {
        for (duration, want) in [
            (Duration::ZERO, "0 us"),
            (Duration::from_micros(999), "999 us"),
            (Duration::from_micros(1999), "1.9 ms"),
            (Duration::from_micros(999_999), "999.9 ms"),
            (Duration::from_millis(61_250), "61.2 s"),
        ] {
            assert_eq!(human_duration(duration), want);
        }
    }
}
