//! The log for people at a terminal: columns of fixed width, then the target, then the reason for
//! the response.
//!
//! ```text
//! 13:55:36Z 200 GET       2.3 KiB    1.2 ms  /a.html  the file
//! 13:55:37Z 404 GET         312 B     80 us  /b.html  no such file  from 192.0.2.1
//! ```

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::SystemTime;

use super::event::{End, ExchangeRecord, TlsFailure};
use super::options::LogOptions;
use super::zone::Zone;
use crate::text::append;
use crate::text::calendar::TimeFormat;
use crate::text::escape::{Quoted, Word};
use crate::text::human::{HumanDuration, HumanSize};

/// Appends the line. The client's address follows unless it is this machine.
pub fn write_line(out: &mut Vec<u8>, options: &LogOptions, exchange: &ExchangeRecord) {
    let paint = Paint {
        colour: options.colour,
    };
    paint.around(out, DIM, |out| {
        write_time(out, &options.zone, exchange.received)
    });
    paint.around(out, status_colour(exchange.status), |out| {
        match exchange.status {
            Some(status) => append(out, format_args!(" {status:3} ")),
            None => out.extend_from_slice(b" --- "),
        }
        write_method(out, exchange.method);
    });
    write_right(out, SIZE_WIDTH, HumanSize(exchange.sent));
    write_right(out, DURATION_WIDTH, HumanDuration(exchange.duration));
    append(out, format_args!("  {}", Word(or_dash(exchange.target))));
    paint.around(out, DIM, |out| write_remarks(out, exchange));
    out.push(b'\n');
}

/// Appends a line about a TLS session that failed.
pub fn write_tls_failure(out: &mut Vec<u8>, options: &LogOptions, failed: &TlsFailure) {
    let paint = Paint {
        colour: options.colour,
    };
    paint.around(out, DIM, |out| write_time(out, &options.zone, failed.at));
    paint.around(out, YELLOW, |out| {
        append(out, format_args!(" TLS {} failed", failed.stage.text()));
    });
    append(out, format_args!("  {}", Quoted(failed.reason.as_bytes())));
    paint.around(out, DIM, |out| write_from(out, failed.peer));
    out.push(b'\n');
}

/// Every escape sequence that a line may contain.
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

/// Green for success, cyan for a redirect or an unchanged representation, yellow for an error of
/// the client and red for an error of the server.
fn status_colour(status: Option<u16>) -> &'static str {
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

/// Appends the time of day. A `Z` says that it is UTC.
fn write_time(out: &mut Vec<u8>, zone: &Zone, at: SystemTime) {
    let clock = zone.format(at, TimeFormat::Clock);
    let mark = if *zone == Zone::Utc { "Z" } else { "" };
    append(out, format_args!("{clock}{mark}"));
}

/// The length of `OPTIONS` and `CONNECT`, the longest common methods.
const METHOD_WIDTH: usize = 7;
/// The length of `1023 KiB` and of two spaces before it.
const SIZE_WIDTH: usize = 10;
/// The length of `999.9 ms` and of two spaces before it.
const DURATION_WIDTH: usize = 10;

fn or_dash(bytes: &[u8]) -> &[u8] {
    if bytes.is_empty() { b"-" } else { bytes }
}

fn write_method(out: &mut Vec<u8>, method: &[u8]) {
    write_left(out, METHOD_WIDTH, Word(or_dash(method)));
}

/// Appends `text`, then spaces up to `width`.
fn write_left(out: &mut Vec<u8>, width: usize, text: impl Display) {
    let end = out.len().saturating_add(width);
    append(out, format_args!("{text}"));
    if out.len() < end {
        out.resize(end, b' ');
    }
}

/// Appends spaces, then `text`, up to `width`.
fn write_right(out: &mut Vec<u8>, width: usize, text: impl Display) {
    let start = out.len();
    append(out, format_args!("{text}"));
    let padding = width.saturating_sub(out.len() - start);
    out.resize(out.len() + padding, b' ');
    if let Some(column) = out.get_mut(start..) {
        column.rotate_right(padding);
    }
}

fn write_remarks(out: &mut Vec<u8>, exchange: &ExchangeRecord) {
    if !exchange.reason.is_empty() {
        append(
            out,
            format_args!("  {}", Quoted(exchange.reason.as_bytes())),
        );
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
            append(out, format_args!(" for {}", Quoted(client.as_bytes())));
        }
    }
    write_from(out, exchange.peer);
}

/// Appends the client's address, unless it is this machine.
fn write_from(out: &mut Vec<u8>, peer: SocketAddr) {
    let address = peer.ip().to_canonical();
    if !address.is_loopback() {
        append(out, format_args!("  from {address}"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    fn options(colour: bool) -> LogOptions {
        LogOptions {
            colour,
            ..LogOptions::OFF
        }
    }

    #[track_caller]
    fn check(colour: bool, exchange: ExchangeRecord, want: &str) {
        let mut got = Vec::new();
        write_line(&mut got, &options(colour), &exchange);
        assert_eq!(String::from_utf8_lossy(&got), format!("{want}\n"));
    }

    #[test]
    fn columns_are_aligned() {
        check(
            false,
            example(),
            "13:55:36Z 200 GET       2.3 KiB    1.2 ms  /a.html  the file",
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
            "13:55:36Z 404 OPTIONS       0 B     80 us  /a\\x20b\\x1B[2J  the file  (cut: the client read too slowly)  from 192.0.2.1",
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
            "13:55:36Z 400 -         2.3 KiB    1.2 ms  -",
        );
    }

    #[test]
    fn tls_sessions_are_shown() {
        check(
            false,
            ExchangeRecord {
                security: Some(SECURITY),
                ..example()
            },
            "13:55:36Z 200 GET       2.3 KiB    1.2 ms  /a.html  the file  \
             TLSv1.3 TLS_AES_256_GCM_SHA384 for CN=alice,O=\\x22a\\x0Ab\\x22",
        );
        let mut got = Vec::new();
        write_tls_failure(&mut got, &options(false), &failed_handshake());
        let want = "13:55:36Z TLS handshake failed  peer sent no\\x0Acertificates\n";
        assert_eq!(String::from_utf8_lossy(&got), want);
    }

    #[test]
    fn colours_show_the_class_of_the_status() {
        check(
            true,
            example(),
            "\x1b[2m13:55:36Z\x1b[0m\x1b[32m 200 GET    \x1b[0m   2.3 KiB    1.2 ms  /a.html\x1b[2m  the file\x1b[0m",
        );
    }
}
