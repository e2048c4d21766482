//! The format for the journal of systemd, or for any other reader of sd-daemon(3): the priority in front, and no time,
//! because the journal has its own.
//!
//! ```text
//! <6>200 GET   2.3 KiB   1.2 ms  /a.html  the file matches  from 192.0.2.1
//! <4>404 GET     312 B    80 us  /b.html  no such file  from 192.0.2.1
//! <3>200 GET   1.0 MiB   2.1 s   /c.bin  the file  (cut: the client went away)  from 192.0.2.1
//! ```
//!
//! So `journalctl -p warning` shows what went wrong. The journal splits a line of more than 48 KiB, and would take the
//! beginning of the second part for a priority. So long targets are shortened, and a client forges no entry.

use super::event::{End, ExchangeRecord, TlsFailure};
use super::pretty;
use crate::text::append;

/// Priorities of syslog(3).
const ERROR: u8 = 3;
const WARNING: u8 = 4;
const INFORMATION: u8 = 6;

/// Appends the line.
pub fn write_line(out: &mut Vec<u8>, exchange: &ExchangeRecord) {
    append(out, format_args!("<{}>", priority(exchange)));
    pretty::write_without_time(out, exchange);
}

/// Appends a line about a TLS session that failed.
pub fn write_tls_failure(out: &mut Vec<u8>, failed: &TlsFailure) {
    append(out, format_args!("<{WARNING}>"));
    pretty::write_failure_without_time(out, failed);
}

/// Appends the number of dropped lines.
pub fn write_dropped(out: &mut Vec<u8>, lines: u64) {
    append(
        out,
        format_args!("<{WARNING}>docroot: {lines} log lines dropped\n"),
    );
}

/// The priority of an exchange. A response that was cut is an error, whatever its status.
fn priority(exchange: &ExchangeRecord) -> u8 {
    match (exchange.end, exchange.status) {
        (End::Complete, Some(500..)) => ERROR,
        (End::Complete, Some(400..)) => WARNING,
        (End::Complete, Some(_)) => INFORMATION,
        (_, _) => ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    #[track_caller]
    fn check(exchange: ExchangeRecord, want: &str) {
        let mut got = Vec::new();
        write_line(&mut got, &exchange);
        assert_eq!(String::from_utf8_lossy(&got), format!("{want}\n"));
    }

    #[track_caller]
    fn check_priority(status: Option<u16>, end: End, want: u8) {
        let exchange = ExchangeRecord {
            status,
            end,
            ..example()
        };
        assert_eq!(priority(&exchange), want, "{status:?} {end:?}");
    }

    #[test]
    fn the_priority_follows_the_status_and_the_end() {
        for status in [101, 200, 206, 301, 304, 399] {
            check_priority(Some(status), End::Complete, 6);
            check_priority(Some(status), End::ClientGone, 3);
        }
        for status in [400, 404, 499] {
            check_priority(Some(status), End::Complete, 4);
            check_priority(Some(status), End::TooSlow, 3);
        }
        for status in [500, 503, 599] {
            check_priority(Some(status), End::Complete, 3);
        }
        check_priority(None, End::ClientGone, 3);
    }

    #[test]
    fn a_line_is_that_of_the_full_log_without_its_time() {
        check(
            example(),
            "<6>200 GET   2.3 KiB   1.2 ms  /a.html  the file",
        );
        check(
            ExchangeRecord {
                peer: ([192, 0, 2, 1], 1).into(),
                status: Some(404),
                reason: &"no such file",
                end: End::ClientGone,
                security: Some(SECURITY),
                user: Some("alice"),
                id: Some(b"0a1b"),
                ..example()
            },
            "<3>404 GET   2.3 KiB   1.2 ms  /a.html  no such file  (cut: the client went away)  \
             TLSv1.3 TLS_AES_256_GCM_SHA384 for CN=alice,O=\\x22a\\x0Ab\\x22  user alice  id 0a1b  from 192.0.2.1",
        );
    }

    #[test]
    fn other_lines_are_warnings() {
        let mut got = Vec::new();
        write_tls_failure(&mut got, &failed_handshake());
        write_dropped(&mut got, 7);
        let want = "<4>TLS handshake failed  peer sent no\\x0Acertificates\n\
                    <4>docroot: 7 log lines dropped\n";
        assert_eq!(String::from_utf8_lossy(&got), want);
    }

    #[test]
    fn no_line_is_longer_than_the_journal_takes() {
        let long = [b'\n'; 1 << 20];
        let mut got = Vec::new();
        write_line(
            &mut got,
            &ExchangeRecord {
                method: &[b'A'; 100_000],
                target: &long,
                ..example()
            },
        );
        assert!(got.len() < 8 << 10, "{}", got.len());
        assert_eq!(got.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
}
