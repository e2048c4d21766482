//! Tests of [`super`]. Each row runs in one piece and in smaller pieces. If it is complete or invalid,
//! it also runs with another message after it.

use super::*;
use crate::semantics::status::Status;

/// Parses lines, which end with `\n` here, as the field section of a request.
pub fn with_fields<T>(lines: &str, read: impl FnOnce(&Fields) -> T) -> T {
    let input = format!("GET / HTTP/1.1\n{lines}\n").replace('\n', "\r\n");
    let mut scratch = Vec::new();
    let head = request_head(
        input.as_bytes(),
        &mut ParseState::default(),
        &mut scratch,
        &HeadLimits::default(),
    );
    read(&head.unwrap().unwrap().fields)
}

/// A head on one line: `method target version length | name=value | ...`.
fn shown(head: &RequestHead) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let RequestHead {
        method,
        target,
        version,
        length,
        ..
    } = *head;
    let mut line = format!("{} {} {version:?} {length}", text(method), text(target));
    for (name, value) in head.fields.iter() {
        line += &format!(" | {}={}", text(name), text(value));
    }
    line
}

/// Parses `input` in pieces of `step` bytes. Each call gets new scratch space, as if another
/// connection had used it.
fn fed(input: &[u8], step: usize, limits: &HeadLimits) -> Result<Option<String>, ParseError> {
    let mut progress = ParseState::default();
    let mut end = 0;
    loop {
        end = (end + step).min(input.len());
        let mut lines = vec![];
        if let Some(head) = request_head(&input[..end], &mut progress, &mut lines, limits)? {
            assert_eq!(head.known, Method::from_token(head.method));
            return Ok(Some(shown(&head)));
        }
        if end == input.len() {
            return Ok(None);
        }
    }
}

#[track_caller]
fn check_within(limits: &HeadLimits, input: &[u8], want: Result<Option<&str>, ParseError>) {
    let want = want.map(|head| head.map(str::to_owned));
    let text = String::from_utf8_lossy(input);
    for step in [1, 2, 5, input.len().max(1)] {
        assert_eq!(fed(input, step, limits), want, "{text:?} by {step}");
        if want != Ok(None) {
            let next = [input, b"GET /next HTTP/1.1\r\nHost: n\r\n\r\n"].concat();
            assert_eq!(fed(&next, step, limits), want, "{text:?}+ by {step}");
        }
    }
}

#[track_caller]
fn ok(input: &str, want: &str) {
    check_within(&HeadLimits::default(), input.as_bytes(), Ok(Some(want)));
}

#[track_caller]
fn more(input: &str) {
    check_within(&HeadLimits::default(), input.as_bytes(), Ok(None));
}

#[track_caller]
fn fault(input: &str, want: ParseError) {
    check_within(&HeadLimits::default(), input.as_bytes(), Err(want));
}

#[test]
fn heads() {
    ok("GET / HTTP/1.1\r\n\r\n", "GET / Http11 18"); // 2.1
    ok("GET / HTTP/1.0\r\n\r\n", "GET / Http10 18"); // 2.3
    ok("GET / HTTP/1.7\r\n\r\n", "GET / Http11 18"); // RFC 9110 2.5
    ok("get / HTTP/1.1\r\n\r\n", "get / Http11 18"); // 3.1: a method may be unknown
    ok("!#$ * HTTP/1.1\r\n\r\n", "!#$ * Http11 18"); // RFC 9110 5.6.2
    ok("\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET / Http11 22"); // 2.2: empty lines before
    ok(
        "GET /a?b=\"{|}\" HTTP/1.1\r\n\r\n",
        "GET /a?b=\"{|}\" Http11 27",
    ); // not in the grammar, but harmless
    ok("GET /\u{e9} HTTP/1.1\r\n\r\n", "GET /\u{e9} Http11 20");
    ok("GET http://h/ HTTP/1.1\r\n\r\n", "GET http://h/ Http11 26"); // 3.2.2
}

#[test]
fn field_lines() {
    let row = |lines: &str, want: &str| {
        let input = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        ok(&input, &format!("GET / Http11 {} | {want}", input.len()));
    };
    row("Host: x\r\n", "Host=x"); // 5
    row("Host:x\r\n", "Host=x"); // 5: OWS is optional
    row("Host: \t x y\t \r\n", "Host=x y"); // 5.1: OWS is not part of the value
    row("A:\r\nB: \t \r\n", "A= | B="); // RFC 9110 5.5: a value may be empty
    row("A: b:c\r\n", "A=b:c"); // the first colon ends the name
    row("A: \u{e9}\tb\r\n", "A=\u{e9}\tb"); // RFC 9110 5.5: obs-text and HTAB
    row("a!#$%&'*+-.^_`|~9: b\r\n", "a!#$%&'*+-.^_`|~9=b"); // RFC 9110 5.6.2
    row("A: 1\r\nA: 2\r\n", "A=1 | A=2"); // RFC 9110 5.3: in order
}

#[test]
fn more_bytes_are_needed() {
    more("");
    more("\r");
    more("\r\n");
    more("G");
    more("GET / HTTP/1.1");
    more("GET / HTTP/1.1\r");
    more("GET / HTTP/1.1\r\n");
    more("GET / HTTP/1.1\r\nHost: x");
    more("GET / HTTP/1.1\r\nHost: x\r\n");
    more("GET / HTTP/1.1\r\nHost: x\r\n\r");
}

#[test]
fn faults_of_line_ends_and_control_bytes() {
    use ParseError::*;
    // Section 2.2. The head need not be complete.
    fault("\n", BareLf);
    fault("\nGET / HTTP/1.1\r\n\r\n", BareLf);
    fault("GET / HTTP/1.1\n", BareLf);
    fault("GET / HTTP/1.1\nHost: x\n\n", BareLf);
    fault("GET / HTTP/1.1\r\nHost: x\n\r\n", BareLf);
    fault("GET / HTTP/1.1\r\n\n", BareLf);
    fault("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", BareLf);
    fault("\rGET / HTTP/1.1\r\n\r\n", BareCr);
    fault("GET / HTTP/1.1\r\r\n\r\n", BareCr);
    fault("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", BareCr);
    fault("GET / HTTP/1.1\r\n\r\r\n", BareCr);
    // RFC 9110 section 5.5.
    fault("\r\n\x16", ControlByte);
    fault("GET /\x16\x03\x01", ControlByte);
    fault("GET /\0", ControlByte);
    fault("GET /\x7f", ControlByte);
    fault("GET / HTTP/1.1\r\nA: b\0", ControlByte);
    fault("GET / HTTP/1.1\r\nA\0: b", ControlByte);
    fault("GET / HTTP/1.1\r\nA: \x0b", ControlByte);
    fault("GET / HTTP/1.1\r\nA: \x7f", ControlByte);
}

/// RFC 8446 section 5.1.
#[test]
fn a_client_that_speaks_tls_is_told_apart() {
    fault("\x16", ParseError::TlsHandshake);
    fault("\x16\x03\x01\x02\0\x01\0\x01", ParseError::TlsHandshake);
    fault("\x16GET / HTTP/1.1\r\n\r\n", ParseError::TlsHandshake);
}

#[test]
fn faults_of_the_request_line() {
    use ParseError::*;
    let row = |line: &str, error| fault(&format!("{line}\r\n"), error);
    row(" GET / HTTP/1.1", Method); // section 3
    row("GET", Method);
    row("G(T / HTTP/1.1", Method); // section 3.1: a token
    row("GET\t/ HTTP/1.1", Method); // section 3: one SP, no other white space
    row("G\u{e9}T / HTTP/1.1", Method);
    row("GET ", EmptyTarget);
    row("GET  / HTTP/1.1", EmptyTarget); // section 3: one space
    row("GET  HTTP/1.1", EmptyTarget);
    row("GET /\t HTTP/1.1", TargetByte);
    row("GET /a#b HTTP/1.1", TargetByte); // section 3.2: no form has a fragment
    row("GET /", MissingVersion); // HTTP/0.9
    row("GET / ", Version);
    row("GET /  HTTP/1.1", Version);
    row("GET / HTTP/1.1 ", Version);
    row("GET /a b HTTP/1.1", Version); // section 3.2: no white space in a target
    row("GET / http/1.1", Version); // section 2.3
    row("GET / HTTP/1.", Version);
    row("GET / HTTP/11.1", Version);
    row("GET / HTTP/2.0", VersionNotSupported); // RFC 9110 15.6.6
    row("PRI * HTTP/2.0", VersionNotSupported); // RFC 9113 3.4
}

#[test]
fn faults_of_field_lines() {
    use ParseError::*;
    let row = |line: &str, error| {
        fault(&format!("GET / HTTP/1.1\r\n{line}\r\n"), error);
        fault(&format!("GET / HTTP/1.1\r\nA: b\r\n{line}\r\n"), error);
    };
    row(" Host: x", FoldedLine); // sections 2.2 and 5.2
    row("\tc", FoldedLine);
    row(" ", FoldedLine);
    row("Host : x", SpaceBeforeColon); // section 5.1
    row("Host\t: x", SpaceBeforeColon);
    row("Host", MissingColon); // section 5
    row("Host x", MissingColon);
    row(": x", FieldName); // RFC 9110 5.1: a token is not empty
    row("(a): x", FieldName);
    row("a\u{e9}: x", FieldName);
    row("\"a\": x", FieldName);
}

#[test]
fn limits() {
    use ParseError::*;
    let limits = HeadLimits {
        target: 20,
        head: 200,
        fields: 3,
    };
    let row = |input: String, want: Result<(), ParseError>| {
        let got = fed(input.as_bytes(), 1, &limits);
        assert_eq!(fed(input.as_bytes(), input.len(), &limits), got);
        assert_eq!(fed((input.clone() + "GET").as_bytes(), 7, &limits), got);
        assert_eq!(got.map(drop), want, "{input:?}");
    };
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(length - 1));
    row(target(20), Ok(())); // section 3: MUST respond with 414
    row(target(21), Err(TargetTooLong));
    row(target(120), Err(TargetTooLong));
    row("a".repeat(86), Err(TargetTooLong)); // no space, version or end is needed
    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
    row(fields(3), Ok(())); // RFC 6585 5
    row(fields(4), Err(TooManyFields));
    let head = |length: usize| format!("GET / HTTP/1.1\r\nA:{}\r\n\r\n", "b".repeat(length - 22));
    row(head(200), Ok(()));
    row(head(201), Err(HeadTooLong));
    row(
        format!("GET / HTTP/1.1\r\n{}", "a".repeat(184)),
        Err(HeadTooLong),
    );
    row("\r\n".repeat(100), Err(HeadTooLong)); // section 2.2: empty lines count
    let small = HeadLimits {
        head: 8,
        ..limits.clone()
    };
    check_within(&small, b"GET /aaa", Err(HeadTooLong)); // the smaller limit applies first
    check_within(&limits, "a".repeat(85).as_bytes(), Ok(None)); // one byte less may still be valid
    let equal = HeadLimits { head: 86, ..limits };
    check_within(&equal, "a".repeat(86).as_bytes(), Err(HeadTooLong));
}

#[test]
fn each_byte_is_searched_once() {
    let input = format!("GET /{} HTTP/1.1\r\n", "a".repeat(4000));
    let (mut progress, mut lines) = (ParseState::default(), Vec::new());
    for end in 1..=input.len() {
        let before = progress.scanned;
        let input = &input.as_bytes()[..end];
        let head = request_head(input, &mut progress, &mut lines, &HeadLimits::default());
        assert!(head.unwrap().is_none());
        assert!(progress.scanned >= before && progress.scanned + 1 >= end);
    }
    assert_eq!(progress.line, input.len());
}

#[test]
fn progress_is_ready_for_the_next_head() {
    let input = b"GET /a HTTP/1.1\r\n\r\n";
    let (mut progress, mut lines) = (ParseState::default(), Vec::new());
    for end in [3, input.len(), 7, input.len()] {
        let head = request_head(
            &input[..end],
            &mut progress,
            &mut lines,
            &HeadLimits::default(),
        );
        assert_eq!(head.unwrap().is_some(), end == input.len());
    }
    assert_eq!(progress, ParseState::default());
}

#[test]
fn statuses() {
    assert_eq!(ParseError::BareLf.status(), Status::BadRequest);
    assert_eq!(ParseError::TargetTooLong.status(), Status::UriTooLong);
    let too_large = Status::RequestHeaderFieldsTooLarge;
    assert_eq!(ParseError::HeadTooLong.status(), too_large);
    assert_eq!(ParseError::TooManyFields.status(), too_large);
    let version = ParseError::VersionNotSupported.status();
    assert_eq!(version, Status::HttpVersionNotSupported);
}
