//! The log for people at a terminal: columns of fixed width, then the path and, if there is room, the
//! reason in a few words and the client.
//!
//! ```text
//! 13:55:36 200 GET   2.3 KiB   1.2 ms  /a.html  gzip
//! 13:55:37 404 GET     312 B    80 us  /b.html  no such file  192.0.2.1
//! 13:55:38 200 GET   2.3 KiB   1.2 ms  /a/very/long/…/that/fits.html  192.0.2.1
//! ```
//!
//! In a narrow terminal, the time that a response took is left out, and then how much was sent.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::time::SystemTime;

use super::event::{End, ExchangeRecord, TlsFailure};
use super::heads;
use super::options::{Detail, LogOptions};
use super::zone::Zone;
use crate::semantics::trace::write_steps;
use crate::text::append;
use crate::text::calendar::TimeFormat;
use crate::text::escape::{Quoted, Word};
use crate::text::human::{HumanDuration, HumanSize};
use crate::text::octet::{self, TOKEN};
use crate::text::shortened::Shortened;

/// Appends the line, and the heads and steps that the options want. If the line is brief, it fits into the width of
/// the terminal, unless that has less than 25 columns, and a missing icon has no line at all.
pub fn write_line(out: &mut Vec<u8>, options: &LogOptions, exchange: &ExchangeRecord) {
    if options.detail == Detail::Brief && is_missing_icon(exchange) {
        return;
    }
    let mut line = Line::begin(out, options, exchange.received);
    line.paint(status_colour(exchange.status), |line| {
        line.text(format_args!(" {} ", Status(exchange.status)));
        let (bytes, _) = request_line(exchange);
        match options.detail {
            Detail::Brief => line.left(METHOD_WIDTH, Shortened { bytes, columns: 8 }),
            Detail::Full | Detail::Heads => line.left(METHOD_WIDTH, Word(bytes)),
        }
    });
    let (_, target) = request_line(exchange);
    match options.detail {
        Detail::Brief => {
            line.amounts_within(options.width, exchange);
            line.finish_brief(options.width, exchange);
        }
        Detail::Full | Detail::Heads => {
            line.amounts(exchange);
            line.finish(Word(target), exchange);
        }
    }
    out.push(b'\n');
    if let Some(heads) = exchange.heads.filter(|_| options.wants_heads()) {
        heads::write(out, &heads);
    }
    if options.wants_steps() {
        write_steps(out, exchange.steps);
    }
}

/// Appends what a full line has behind the time, without colours. The method and the target are shortened.
pub(super) fn write_without_time(out: &mut Vec<u8>, exchange: &ExchangeRecord) {
    let (method, target) = request_line(exchange);
    let shortened = |bytes, columns| Shortened { bytes, columns };
    let mut line = Line::plain(out);
    line.text(format_args!("{} ", Status(exchange.status)));
    line.left(METHOD_WIDTH, shortened(method, 32));
    line.amounts(exchange);
    line.finish(shortened(target, MOST_TARGET), exchange);
    out.push(b'\n');
}

/// Appends a line about a TLS session that failed.
pub fn write_tls_failure(out: &mut Vec<u8>, options: &LogOptions, failed: &TlsFailure) {
    let mut line = Line::begin(out, options, failed.at);
    line.text(format_args!(" "));
    line.failure(failed);
    out.push(b'\n');
}

/// The same without the time and without colours.
pub(super) fn write_failure_without_time(out: &mut Vec<u8>, failed: &TlsFailure) {
    Line::plain(out).failure(failed);
    out.push(b'\n');
}

/// Browsers ask for an icon on their own. Most sites have none, and that is no fault.
fn is_missing_icon(exchange: &ExchangeRecord) -> bool {
    exchange.target == b"/favicon.ico" && exchange.status == Some(404)
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

/// Three columns.
struct Status(Option<u16>);

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => write!(f, "{status:3}"),
            None => f.write_str("---"),
        }
    }
}

/// The length of `HEAD`, the longest common method.
const METHOD_WIDTH: usize = 4;
/// The length of `1023 KiB` and of a space before it.
const SIZE_WIDTH: usize = 9;
/// The length of `999.9 ms` and of a space before it.
const DURATION_WIDTH: usize = 9;
/// The client's address must leave as much for the target.
const MIN_TARGET: usize = 12;
/// The columns of a target in a line without time. Few targets are longer.
const MOST_TARGET: usize = 2048;
/// Two spaces separate the parts that have no fixed width.
const GAP: usize = 2;

/// The method and the target, or a dash for each that is missing. Bytes that do not start with a method, such as
/// a TLS handshake, get two dashes. The formats for programs show its bytes.
fn request_line<'a>(exchange: &ExchangeRecord<'a>) -> (&'a [u8], &'a [u8]) {
    let or_dash = |bytes: &'a [u8]| if bytes.is_empty() { b"-" } else { bytes };
    match octet::run(&TOKEN, exchange.method) == exchange.method.len() {
        true => (or_dash(exchange.method), or_dash(exchange.target)),
        false => (b"-", b"-"),
    }
}

/// A line that is being written.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    colour: bool,
    /// How many columns of the terminal it takes so far.
    columns: usize,
}

impl Line<'_> {
    /// A line that begins with the time of day. A `Z` says that it is UTC.
    fn begin<'a>(out: &'a mut Vec<u8>, options: &LogOptions, at: SystemTime) -> Line<'a> {
        let mut line = Line {
            out,
            colour: options.colour,
            columns: 0,
        };
        let clock = options.zone.format(at, TimeFormat::Clock);
        let mark = if options.zone == Zone::Utc { "Z" } else { "" };
        line.paint(DIM, |line| line.text(format_args!("{clock}{mark}")));
        line
    }

    /// An empty line without colours.
    fn plain(out: &mut Vec<u8>) -> Line<'_> {
        Line {
            out,
            colour: false,
            columns: 0,
        }
    }

    fn paint(&mut self, sequence: &str, write: impl FnOnce(&mut Self)) {
        if !self.colour {
            return write(self);
        }
        self.out.extend_from_slice(sequence.as_bytes());
        write(self);
        self.out.extend_from_slice(RESET.as_bytes());
    }

    /// Appends text. Each of its characters takes one column.
    fn text(&mut self, text: impl Display) {
        let start = self.out.len();
        append(self.out, format_args!("{text}"));
        let added = self.out.get(start..).unwrap_or_default();
        self.columns += added.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    }

    /// Appends `text`, then spaces up to `width`.
    fn left(&mut self, width: usize, text: impl Display) {
        let end = self.columns + width;
        self.text(text);
        self.text(format_args!("{:1$}", "", end.saturating_sub(self.columns)));
    }

    /// Appends spaces, then `text`, up to `width`.
    fn right(&mut self, width: usize, text: impl Display) {
        let (start, before) = (self.out.len(), self.columns);
        self.text(text);
        let padding = width.saturating_sub(self.columns - before);
        self.text(format_args!("{:padding$}", ""));
        if let Some(column) = self.out.get_mut(start..) {
            column.rotate_right(padding);
        }
    }

    /// Appends how much was sent, and how long it took.
    fn amounts(&mut self, exchange: &ExchangeRecord) {
        self.right(SIZE_WIDTH, HumanSize(exchange.sent));
        self.right(DURATION_WIDTH, HumanDuration(exchange.duration));
    }

    /// Appends those of the amounts that leave enough columns for the rest of a brief line.
    fn amounts_within(&mut self, width: usize, exchange: &ExchangeRecord) {
        let has_room = |line: &Self, columns: usize| {
            line.columns + columns + GAP + MIN_TARGET + cut_width(exchange) <= width
        };
        if has_room(self, SIZE_WIDTH) {
            self.right(SIZE_WIDTH, HumanSize(exchange.sent));
        }
        if has_room(self, DURATION_WIDTH) {
            self.right(DURATION_WIDTH, HumanDuration(exchange.duration));
        }
    }

    /// Appends the target, the reason and the client's address, and says if the response was cut. The
    /// reason is left out first, then the target is shortened.
    fn finish_brief(&mut self, width: usize, exchange: &ExchangeRecord) {
        let room = width.saturating_sub(self.columns + GAP);
        let address = remote(exchange.peer);
        let address = address.as_deref().map(|bytes| Shortened {
            bytes: bytes.as_bytes(),
            columns: room / 2,
        });
        let is_cut = exchange.end != End::Complete;
        let cut = cut_width(exchange);
        let has_room = |address: &Shortened| GAP + address.width() + cut + MIN_TARGET <= room;
        let address = address.filter(has_room);
        let room = room.saturating_sub(address.map_or(0, |address| GAP + address.width()));
        let target = |columns| Shortened {
            bytes: request_line(exchange).1,
            columns,
        };
        let reason = if is_cut {
            exchange.end.brief().to_owned()
        } else {
            exchange.brief.to_string()
        };
        let left = room.saturating_sub(GAP + reason.len());
        let fits = if is_cut {
            left > 0
        } else {
            target(room).width() <= left
        };
        let has_reason = !reason.is_empty() && fits;
        let target = target(if has_reason { left } else { room });
        self.text(format_args!("  {target}"));
        if !has_reason && address.is_none() {
            return;
        }
        self.paint(DIM, |line| {
            if has_reason {
                line.text(format_args!("  {}", Quoted(reason.as_bytes())));
            }
            if let Some(address) = address {
                line.text(format_args!("  {address}"));
            }
        });
    }

    /// Appends everything, whatever the width of the terminal.
    fn finish(&mut self, target: impl Display, exchange: &ExchangeRecord) {
        self.text(format_args!("  {target}"));
        self.paint(DIM, |line| line.remarks(exchange));
    }

    /// Appends why a TLS session failed.
    fn failure(&mut self, failed: &TlsFailure) {
        self.paint(YELLOW, |line| {
            line.text(format_args!("TLS {} failed", failed.stage.text()));
        });
        self.text(format_args!("  {}", Quoted(failed.reason.as_bytes())));
        self.paint(DIM, |line| line.from(failed.peer));
    }

    fn remarks(&mut self, exchange: &ExchangeRecord) {
        let reason = exchange.reason.to_string();
        if !reason.is_empty() {
            self.text(format_args!("  {}", Quoted(reason.as_bytes())));
        }
        if exchange.end != End::Complete {
            self.text(format_args!("  (cut: {})", exchange.end.text()));
        }
        if let Some(security) = &exchange.security {
            self.text(format_args!("  {} {}", security.version, security.cipher));
            if let Some(client) = security.client {
                self.text(format_args!(" for {}", Quoted(client.as_bytes())));
            }
        }
        if let Some(user) = exchange.user {
            self.text(format_args!("  user {}", Quoted(user.as_bytes())));
        }
        if let Some(id) = exchange.id {
            self.text(format_args!("  id {}", Word(id)));
        }
        self.from(exchange.peer);
    }

    /// Appends the client's address, unless it is this machine.
    fn from(&mut self, peer: SocketAddr) {
        if let Some(address) = remote(peer) {
            self.text(format_args!("  from {address}"));
        }
    }
}

/// The columns of what says that the response was cut, with the gap before it.
fn cut_width(exchange: &ExchangeRecord) -> usize {
    match exchange.end {
        End::Complete => 0,
        end => GAP + end.brief().len(),
    }
}

/// The address of a client that is not this machine.
fn remote(peer: SocketAddr) -> Option<String> {
    let address = peer.ip().to_canonical();
    (!address.is_loopback()).then(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    fn options(detail: Detail, colour: bool) -> LogOptions {
        LogOptions {
            colour,
            detail,
            ..LogOptions::OFF
        }
    }

    #[track_caller]
    fn check_with(options: &LogOptions, exchange: ExchangeRecord, want: &str) {
        let mut got = Vec::new();
        write_line(&mut got, options, &exchange);
        assert_eq!(String::from_utf8_lossy(&got), format!("{want}\n"));
    }

    #[track_caller]
    fn check(exchange: ExchangeRecord, want: &str) {
        check_with(&options(Detail::Full, false), exchange, want);
    }

    #[test]
    fn columns_are_aligned() {
        check(
            example(),
            "13:55:36Z 200 GET   2.3 KiB   1.2 ms  /a.html  the file",
        );
        check(
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
            "13:55:36Z 404 OPTIONS      0 B    80 us  /a\\x20b\\x1B[2J  the file  (cut: the client read too slowly)  from 192.0.2.1",
        );
        check(
            ExchangeRecord {
                method: b"",
                target: b"",
                status: Some(400),
                reason: &"",
                ..example()
            },
            "13:55:36Z 400 -     2.3 KiB   1.2 ms  -",
        );
    }

    #[test]
    fn a_full_line_has_the_id() {
        let with_id = ExchangeRecord {
            id: Some(b"0a1b"),
            ..example()
        };
        let want = "13:55:36Z 200 GET   2.3 KiB   1.2 ms  /a.html  the file  id 0a1b";
        check(with_id, want);
        check_brief(with_id, "/a.html  gzip");
    }

    /// A brief line of local time, which leaves 43 columns after those of fixed width.
    #[track_caller]
    fn check_brief(exchange: ExchangeRecord, want: &str) {
        let options = LogOptions {
            zone: Zone::read(
                Some("CET-1CEST,M3.5.0,M10.5.0/3"),
                &tz::TimeZoneSettings::DEFAULT,
            ),
            ..options(Detail::Brief, false)
        };
        let want = format!("15:55:36 200 GET   2.3 KiB   1.2 ms  {want}");
        assert!(want.chars().count() <= 80, "{want}");
        check_with(&options, exchange, &want);
    }

    #[test]
    fn a_brief_line_fits_into_80_columns() {
        check_brief(example(), "/a.html  gzip");
        let from = |peer: &'static str, target: &'static str| ExchangeRecord {
            peer: peer.parse().expect("an address"),
            target: target.as_bytes(),
            ..example()
        };
        check_brief(from("192.0.2.1:1", "/a.html"), "/a.html  gzip  192.0.2.1");
        // The reason goes before the path is shortened.
        let target = "/1234567890/1234567890/123456789.html";
        check_brief(from("127.0.0.1:1", target), &format!("{target}  gzip"));
        let target = "/1234567890/1234567890/1234567890.html";
        check_brief(from("127.0.0.1:1", target), target);
        let target = "/1234567890/1234567890/1234567890/1234567890/1234567890.html";
        check_brief(
            from("127.0.0.1:1", target),
            "/1234567890/123456789…67890/1234567890.html",
        );
        check_brief(
            from("192.0.2.1:1", target),
            "/1234567890/1234…1234567890.html  192.0.2.1",
        );
        let address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:1";
        check_brief(
            from(address, "/index.html"),
            "/index.html  gzip  2001:db8:1…:1234:5678",
        );
        // That a response was cut is worth more than the whole path.
        let cut = ExchangeRecord {
            end: End::ClientGone,
            ..from("127.0.0.1:1", target)
        };
        check_brief(cut, "/1234567890/…4567890.html  cut: client left");
    }

    #[test]
    fn a_brief_line_fits_into_a_narrow_terminal() {
        let line = |width: usize, exchange: &ExchangeRecord| {
            let options = LogOptions {
                width,
                ..options(Detail::Brief, false)
            };
            let mut line = Vec::new();
            write_line(&mut line, &options, exchange);
            String::from_utf8(line).expect("UTF-8")
        };
        let long = ExchangeRecord {
            peer: ([192, 0, 2, 1], 1).into(),
            target: b"/1234567890/1234567890/1234567890.html",
            ..example()
        };
        let want = "13:55:36Z 200 GET   2.3 KiB   1.2 ms  /123456…90.html  192.0.2.1\n";
        assert_eq!(line(64, &long), want);
        let want = "13:55:36Z 200 GET   2.3 KiB   1.2 ms  /1234567890…67890.html\n";
        assert_eq!(line(60, &long), want);
        assert_eq!(
            line(41, &long),
            "13:55:36Z 200 GET   2.3 KiB  /12345….html\n"
        );
        assert_eq!(line(30, &long), "13:55:36Z 200 GET   /1234…html\n");
        let cut = ExchangeRecord {
            method: b"PROPPATCH",
            end: End::Unreadable,
            ..long
        };
        for (exchange, least) in [(&long, 21), (&cut, 25)] {
            for width in least..=120 {
                let line = line(width, exchange);
                assert!(line.trim_end().chars().count() <= width, "{width}: {line}");
            }
        }
        assert!(line(60, &cut).ends_with("  cut: unreadable entry\n"));
    }

    #[test]
    fn a_wide_terminal_has_room_for_more() {
        let options = LogOptions {
            width: 100,
            ..options(Detail::Brief, false)
        };
        let exchange = ExchangeRecord {
            target: b"/1234567890/1234567890/1234567890/1234567890.html",
            ..example()
        };
        let want = "13:55:36Z 200 GET   2.3 KiB   1.2 ms  \
                    /1234567890/1234567890/1234567890/1234567890.html  gzip";
        check_with(&options, exchange, want);
    }

    #[test]
    fn what_is_no_request_has_no_method_and_no_target() {
        let handshake = || ExchangeRecord {
            method: b"\x16\x03\x01\x02\xfc\x03",
            target: b"\xcc\xa8",
            ..example()
        };
        check(
            handshake(),
            "13:55:36Z 200 -     2.3 KiB   1.2 ms  -  the file",
        );
        let want = "15:55:36 200 -     2.3 KiB   1.2 ms  -  gzip";
        let options = LogOptions {
            zone: Zone::read(
                Some("CET-1CEST,M3.5.0,M10.5.0/3"),
                &tz::TimeZoneSettings::DEFAULT,
            ),
            ..options(Detail::Brief, false)
        };
        check_with(&options, handshake(), want);
    }

    #[test]
    fn a_missing_icon_is_shown_only_in_full() {
        let icon = ExchangeRecord {
            target: b"/favicon.ico",
            status: Some(404),
            ..example()
        };
        let mut got = Vec::new();
        write_line(&mut got, &options(Detail::Brief, false), &icon);
        assert_eq!(got, b"");
        check(
            icon,
            "13:55:36Z 404 GET   2.3 KiB   1.2 ms  /favicon.ico  the file",
        );
        let found = ExchangeRecord {
            status: Some(200),
            ..icon
        };
        check_brief(found, "/favicon.ico  gzip");
    }

    #[test]
    fn tls_sessions_are_shown() {
        check(
            ExchangeRecord {
                security: Some(SECURITY),
                ..example()
            },
            "13:55:36Z 200 GET   2.3 KiB   1.2 ms  /a.html  the file  \
             TLSv1.3 TLS_AES_256_GCM_SHA384 for CN=alice,O=\\x22a\\x0Ab\\x22",
        );
        let mut got = Vec::new();
        write_tls_failure(
            &mut got,
            &options(Detail::Brief, false),
            &failed_handshake(),
        );
        let want = "13:55:36Z TLS handshake failed  peer sent no\\x0Acertificates\n";
        assert_eq!(String::from_utf8_lossy(&got), want);
    }

    #[test]
    fn colours_show_the_class_of_the_status() {
        check_with(
            &options(Detail::Brief, true),
            example(),
            "\x1b[2m13:55:36Z\x1b[0m\x1b[32m 200 GET \x1b[0m  2.3 KiB   1.2 ms  /a.html\x1b[2m  gzip\x1b[0m",
        );
    }
}
