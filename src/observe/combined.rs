//! The combined log format of Apache and nginx. The third column is the user whom a password has proved.
//! Over TLS, three columns about the session follow. If requests have ids, the id is the last column:
//!
//! ```text
//! 127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 2326 "http://a/" "curl/8.0"
//! 127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 2326 "-" "-" TLSv1.3 TLS_AES_256_GCM_SHA384 "CN=alice"
//! 127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 2326 "-" "-" 9f86d081884c7d659a2feaa0c55ad015
//! ```

use super::event::{End, ExchangeRecord, TlsFailure};
use super::zone::Zone;
use crate::text::append;
use crate::text::calendar::TimeFormat;
use crate::text::escape::{Column, Quoted, Word};

/// Appends `%h %l %u %t "%r" %>s %B "%{Referer}i" "%{User-agent}i"`; `-` means absent. A response
/// without a body has 0 bytes, as in nginx, because every parser accepts a number. Over TLS, the
/// version, the cipher suite and the subject of the client's certificate follow. The id of the request comes last.
pub fn write_line(out: &mut Vec<u8>, zone: &Zone, exchange: &ExchangeRecord) {
    // If an IPv4 client uses an IPv6 socket, its IPv4 address is logged.
    let address = exchange.peer.ip().to_canonical();
    let time = zone.format(exchange.received, TimeFormat::CommonLog);
    let user = Column(exchange.user.unwrap_or("-").as_bytes());
    append(out, format_args!("{address} - {user} [{time}] \""));
    write_request_line(out, exchange);
    let (status, sent) = (status(exchange), exchange.sent);
    let referer = Quoted(exchange.referer.unwrap_or(b"-"));
    let agent = Quoted(exchange.user_agent.unwrap_or(b"-"));
    append(
        out,
        format_args!("\" {status:03} {sent} \"{referer}\" \"{agent}\""),
    );
    if let Some(security) = &exchange.security {
        let (version, cipher) = (security.version, security.cipher);
        let client = Quoted(security.client.unwrap_or("-").as_bytes());
        append(out, format_args!(" {version} {cipher} \"{client}\""));
    }
    if let Some(id) = exchange.id {
        append(out, format_args!(" {}", Word(id)));
    }
    out.push(b'\n');
}

/// Appends a line about a TLS session that failed. It does not look like a request to a parser.
pub fn write_tls_failure(out: &mut Vec<u8>, zone: &Zone, failed: &TlsFailure) {
    let address = failed.peer.ip().to_canonical();
    let time = zone.format(failed.at, TimeFormat::CommonLog);
    let (stage, reason) = (failed.stage.text(), Quoted(failed.reason.as_bytes()));
    append(
        out,
        format_args!("docroot: {address} [{time}] the TLS {stage} failed: {reason}\n"),
    );
}

/// Appends the number of dropped lines. The line does not look like a request to a parser.
pub fn write_dropped(out: &mut Vec<u8>, lines: u64) {
    append(out, format_args!("docroot: {lines} log lines dropped\n"));
}

/// The status. Without a response, it is 499 if the client went away or its TLS session broke, as
/// in nginx, and 000 if the server ended the exchange. Parsers expect three digits.
fn status(exchange: &ExchangeRecord) -> u16 {
    match (exchange.status, exchange.end) {
        (Some(status), _) => status,
        (None, End::ClientGone | End::SessionBroken) => 499,
        (None, _) => 0,
    }
}

fn write_request_line(out: &mut Vec<u8>, exchange: &ExchangeRecord) {
    if exchange.method.is_empty() {
        return out.push(b'-');
    }
    let (method, target) = (Quoted(exchange.method), Quoted(exchange.target));
    let version = Quoted(exchange.version);
    append(out, format_args!("{method} {target} {version}"));
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::super::access_log::tests::{SECURITY, example, failed_handshake};
    use super::*;

    #[track_caller]
    fn check(exchange: ExchangeRecord, want: &str) {
        let mut got = Vec::new();
        write_line(&mut got, &Zone::Utc, &exchange);
        assert_eq!(String::from_utf8_lossy(&got), format!("{want}\n"));
    }

    #[test]
    fn lines_have_the_format_of_apache() {
        check(
            example(),
            r#"127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a.html HTTP/1.1" 200 2326 "-" "curl/8.0""#,
        );
        check(
            ExchangeRecord {
                security: Some(SECURITY),
                ..example()
            },
            concat!(
                r#"127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a.html HTTP/1.1" 200 2326 "-" "#,
                r#""curl/8.0" TLSv1.3 TLS_AES_256_GCM_SHA384 "CN=alice,O=\x22a\x0Ab\x22""#
            ),
        );
        check(
            ExchangeRecord {
                id: Some(b"0a1b"),
                ..example()
            },
            r#"127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a.html HTTP/1.1" 200 2326 "-" "curl/8.0" 0a1b"#,
        );
        check(
            ExchangeRecord {
                user: Some("a b\u{e4}\"\n] - \""),
                ..example()
            },
            concat!(
                r#"127.0.0.1 - a\x20b\xC3\xA4\x22\x0A]\x20-\x20\x22 [10/Oct/2000:13:55:36 +0000] "#,
                r#""GET /a.html HTTP/1.1" 200 2326 "-" "curl/8.0""#
            ),
        );
        let mapped = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201);
        check(
            ExchangeRecord {
                peer: (mapped, 1).into(),
                status: Some(304),
                sent: 0,
                referer: Some(b"http://a/\"b"),
                user_agent: None,
                ..example()
            },
            r#"192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a.html HTTP/1.1" 304 0 "http://a/\x22b" "-""#,
        );
        check(
            ExchangeRecord {
                peer: (Ipv6Addr::LOCALHOST, 1).into(),
                method: b"",
                target: b"",
                status: Some(400),
                ..example()
            },
            r#"::1 - - [10/Oct/2000:13:55:36 +0000] "-" 400 2326 "-" "curl/8.0""#,
        );
    }

    #[test]
    fn failed_handshakes_are_logged() {
        let mut got = Vec::new();
        write_tls_failure(&mut got, &Zone::Utc, &failed_handshake());
        assert_eq!(
            String::from_utf8_lossy(&got),
            "docroot: 127.0.0.1 [10/Oct/2000:13:55:36 +0000] \
             the TLS handshake failed: peer sent no\\x0Acertificates\n"
        );
    }
}
