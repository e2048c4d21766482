//! The formats of the access log. A line depends only on the options and one event.

use super::event::{ExchangeRecord, TlsFailure};
use super::options::{LogFormat, LogOptions};
use super::{combined, journal, json, pretty};

/// Appends the line for `exchange`, with its line end. `Off` appends nothing.
pub(super) fn write_line(out: &mut Vec<u8>, options: &LogOptions, exchange: &ExchangeRecord) {
    match options.format {
        LogFormat::Pretty => pretty::write_line(out, options, exchange),
        LogFormat::Combined => combined::write_line(out, &options.zone, exchange),
        LogFormat::Json => json::write_line(out, options, exchange),
        LogFormat::Journal => journal::write_line(out, exchange),
        LogFormat::Off => {}
    }
}

/// Appends the line for a TLS session that failed. `Off` appends nothing.
pub(super) fn write_tls_failure(out: &mut Vec<u8>, options: &LogOptions, failed: &TlsFailure) {
    match options.format {
        LogFormat::Pretty => pretty::write_tls_failure(out, options, failed),
        LogFormat::Combined => combined::write_tls_failure(out, &options.zone, failed),
        LogFormat::Json => json::write_tls_failure(out, &options.zone, failed),
        LogFormat::Journal => journal::write_tls_failure(out, failed),
        LogFormat::Off => {}
    }
}

/// Appends the line that says how many lines were dropped. `Off` appends nothing.
pub(super) fn write_dropped(out: &mut Vec<u8>, format: LogFormat, lines: u64) {
    match format {
        LogFormat::Pretty | LogFormat::Combined => combined::write_dropped(out, lines),
        LogFormat::Json => json::write_dropped(out, lines),
        LogFormat::Journal => journal::write_dropped(out, lines),
        LogFormat::Off => {}
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::event::{End, Security, TlsStage};
    use super::super::options::Detail;
    use super::*;

    /// The exchange that the tests of each format start from.
    pub fn example() -> ExchangeRecord<'static> {
        ExchangeRecord {
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 40000)),
            proxy: None,
            user: None,
            received: UNIX_EPOCH + Duration::from_millis(971_186_136_123),
            duration: Duration::from_micros(1234),
            host: Some(b"files.example"),
            method: b"GET",
            target: b"/a.html",
            version: b"HTTP/1.1",
            status: Some(200),
            sent: 2326,
            referer: None,
            user_agent: Some(b"curl/8.0"),
            reason: &"the file",
            brief: &"gzip",
            end: End::Complete,
            security: None,
            id: None,
            heads: None,
            steps: &[],
        }
    }

    /// The TLS session of an exchange.
    pub const SECURITY: Security = Security {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        client: Some("CN=alice,O=\"a\nb\""),
    };

    /// A handshake that failed at the time of the example.
    pub fn failed_handshake() -> TlsFailure<'static> {
        TlsFailure {
            peer: example().peer,
            at: example().received,
            stage: TlsStage::Handshake,
            reason: "peer sent no\ncertificates",
        }
    }

    fn line(format: LogFormat, colour: bool, exchange: &ExchangeRecord) -> String {
        line_in(Detail::Full, format, colour, exchange)
    }

    fn line_in(
        detail: Detail,
        format: LogFormat,
        colour: bool,
        exchange: &ExchangeRecord,
    ) -> String {
        let mut out = Vec::new();
        write_line(
            &mut out,
            &LogOptions {
                format,
                colour,
                detail,
                ..LogOptions::OFF
            },
            exchange,
        );
        String::from_utf8(out).expect("a log line is UTF-8")
    }

    /// The brief line has one character beyond ASCII, and fits into the terminal.
    #[track_caller]
    fn check_brief_safe(exchange: &ExchangeRecord) {
        let line = |colour| line_in(Detail::Brief, LogFormat::Pretty, colour, exchange);
        let plain = line(false);
        assert_eq!(without_colours(&line(true)), plain);
        check_one_printable_line(&plain.replace('…', "."));
        assert!(
            plain.trim_end().chars().count() <= LogOptions::WIDTH,
            "{plain}"
        );
    }

    #[track_caller]
    fn check_one_printable_line(line: &str) {
        let body = line.strip_suffix('\n').expect("a line end");
        assert!(
            body.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{line:?}"
        );
    }

    fn without_colours(line: &str) -> String {
        pretty::SEQUENCES
            .iter()
            .fold(line.to_owned(), |line, sequence| line.replace(sequence, ""))
    }

    fn failure_line(format: LogFormat, colour: bool, failed: &TlsFailure) -> String {
        let mut out = Vec::new();
        write_tls_failure(
            &mut out,
            &LogOptions {
                format,
                colour,
                ..LogOptions::OFF
            },
            failed,
        );
        String::from_utf8(out).expect("a log line is ASCII")
    }

    /// Some TLS errors quote what the client sent.
    #[track_caller]
    fn check_failure_safe(failed: &TlsFailure) {
        let plain = failure_line(LogFormat::Pretty, false, failed);
        check_one_printable_line(&plain);
        let coloured = failure_line(LogFormat::Pretty, true, failed);
        assert_eq!(without_colours(&coloured), plain);
        let combined = failure_line(LogFormat::Combined, false, failed);
        check_one_printable_line(&combined);
        assert!(!combined.contains('"'), "{combined}");
        let json = failure_line(LogFormat::Json, false, failed);
        check_one_printable_line(&json);
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let name = format!("{}_failed", failed.stage.text());
        assert_eq!(value[name], failed.reason);
        let journal = failure_line(LogFormat::Journal, true, failed);
        check_one_printable_line(&journal);
        assert!(journal.starts_with("<4>TLS "), "{journal}");
        assert_eq!(failure_line(LogFormat::Off, false, failed), "");
    }

    #[track_caller]
    fn check_safe(exchange: &ExchangeRecord) {
        let plain = line(LogFormat::Pretty, false, exchange);
        check_one_printable_line(&plain);
        let coloured = line(LogFormat::Pretty, true, exchange);
        assert_eq!(without_colours(&coloured), plain);
        check_brief_safe(exchange);

        let combined = line(LogFormat::Combined, false, exchange);
        check_one_printable_line(&combined);
        // Three quoted strings, over TLS four, and no quote inside them.
        let quoted = 3 + usize::from(exchange.security.is_some());
        assert_eq!(combined.matches('"').count(), 2 * quoted, "{combined}");
        // The user is one column, whatever the name.
        assert!(
            combined
                .split(' ')
                .nth(3)
                .is_some_and(|time| time.starts_with('['))
        );

        let json = line(LogFormat::Json, false, exchange);
        check_one_printable_line(&json);
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let target = String::from_utf8_lossy(exchange.target);
        // An absent one is null.
        assert_eq!(value["target"].as_str().unwrap_or_default(), target);
        assert_eq!(value["sent"], exchange.sent);
        assert_eq!(value["user"].as_str(), exchange.user);
        let client = exchange.security.map(|security| security.client);
        assert_eq!(value["tls"].is_null(), client.is_none());
        assert_eq!(value["tls"]["client"].as_str(), client.flatten());
        // It has a priority, and no other line begins in it.
        let journal = line(LogFormat::Journal, true, exchange);
        check_one_printable_line(&journal.replace('…', "."));
        let digit = journal
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'));
        assert!(digit.is_some_and(|(digit, _)| ["3", "4", "6"].contains(&digit)));
        assert_eq!(line(LogFormat::Off, false, exchange), "");
    }

    /// Bytes that an attacker would choose: many line ends, escapes and quotes.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            any::<u8>(),
            prop::sample::select(&b"\r\n\x1b\0\"\\ \x7f\x9b\xe2\xff[m"[..]),
        ];
        vec(byte, 0..200)
    }

    /// The same for values that the log gets as strings.
    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            any::<char>(),
            prop::sample::select(&['\r', '\n', '\x1b', '\0', '"', '\\', '\u{9b}', '\u{2028}'][..]),
        ];
        vec(character, 0..200).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn no_client_forges_a_line(
            (method, target, agent) in (bytes(), bytes(), bytes()),
            referer in prop::option::of(bytes()),
            (reason, brief) in (any::<String>(), "[ -~]{0,30}"),
            (status, sent) in (any::<Option<u16>>(), any::<u64>()),
            end in prop::sample::select(&[End::Complete, End::ClientGone, End::Bug][..]),
            (seconds, nanos) in (0..1_u64 << 40, any::<u64>()),
            (address, port) in (any::<u128>(), any::<u16>()),
            client in prop::option::of(prop::option::of(text())),
            user in prop::option::of(text()),
        ) {
            check_safe(&ExchangeRecord {
                peer: SocketAddr::from((Ipv6Addr::from_bits(address), port)),
                user: user.as_deref(),
                received: UNIX_EPOCH + Duration::from_secs(seconds),
                duration: Duration::from_nanos(nanos),
                method: &method,
                target: &target,
                status,
                sent,
                referer: referer.as_deref(),
                user_agent: Some(&agent),
                reason: &reason,
                brief: &brief.get(..22).unwrap_or_default(),
                end,
                security: client.as_ref().map(|client| Security {
                    client: client.as_deref(),
                    ..SECURITY
                }),
                ..example()
            });
        }

        #[test]
        fn no_client_forges_a_line_about_tls(
            reason in text(),
            (address, port) in (any::<u128>(), any::<u16>()),
            stage in prop::sample::select(&[TlsStage::Handshake, TlsStage::Session][..]),
        ) {
            check_failure_safe(&TlsFailure {
                peer: SocketAddr::from((Ipv6Addr::from_bits(address), port)),
                stage,
                reason: &reason,
                ..failed_handshake()
            });
        }
    }

    #[test]
    fn a_huge_target_is_still_one_line() {
        check_safe(&ExchangeRecord {
            target: &[b'\n'; 100_000],
            duration: Duration::MAX,
            ..example()
        });
    }

    #[test]
    fn dropped_lines_are_reported_in_each_format() {
        let line = |format| {
            let mut out = Vec::new();
            write_dropped(&mut out, format, 12);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(line(LogFormat::Pretty), "docroot: 12 log lines dropped\n");
        assert_eq!(line(LogFormat::Combined), "docroot: 12 log lines dropped\n");
        assert_eq!(line(LogFormat::Json), "{\"log_lines_dropped\":12}\n");
        assert_eq!(
            line(LogFormat::Journal),
            "<4>docroot: 12 log lines dropped\n"
        );
        assert_eq!(line(LogFormat::Off), "");
    }
}
