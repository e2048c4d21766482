//! Ten thousand requests that something went wrong with on the way. Whatever comes in, what goes
//! out is well-formed, and the server goes on.
//!
//! The requests come from a generator with a fixed seed, so that a failure can be had again. They
//! travel in batches, each on a connection of its own, of which the client closes its half: the
//! server answers what it can understand and ends the connection by itself.

mod support;

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};
use support::answers::answers;
use support::{Response, TestServer, find, request};

/// How many answers are looked at; each is the answer to at least one mutated request.
const ANSWERS: usize = 10_000;

/// How many requests travel together.
const BATCH: usize = 16;

/// Numbers at which something may change.
const NUMBERS: &[&str] = &[
    "",
    "0",
    "1",
    "2",
    "9",
    "19",
    "255",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999",
    "-1",
    "0x1",
    "1.5",
];

/// Targets, and what may stand within one.
const PATHS: &[&str] = &[
    "/",
    "/a.txt",
    "/text.txt",
    "/empty",
    "/folder",
    "/folder/",
    "/../a.txt",
    "//test",
    "/%2e",
    "/%00",
    "/%61.txt",
    "/a.txt?",
    "*",
    "/é",
];

/// Words that mean something in one place and something else, or nothing, in another.
const WORDS: &[&str] = &[
    "*",
    "close",
    "keep-alive",
    "gzip",
    "deflate",
    "identity",
    "bytes",
    "1-2",
    "-1",
    "5-",
    "q",
    "0.5",
    "\"x\"",
    "\"",
    "W/\"\"",
    "chunked",
    "100-continue",
    "test",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "é",
];

const TEXT: &str = "All these bytes are different enough, and none of them begins an answer.\n";

#[test]
fn ten_thousand_mutated_requests() {
    let text = TEXT.repeat(40);
    let server = TestServer::of(&[
        ("a.txt", "the file a"),
        ("text.txt", &text),
        ("empty", ""),
        ("folder/in", "inside"),
    ]);
    let contents = ["the file a".as_bytes(), text.as_bytes(), b"", b"inside"];
    let seeds = seeds();
    let mut dice = Dice(0x5eed_0000_0000_0001);
    let mut statuses = [0; 600];
    let mut count = 0;
    while count < ANSWERS {
        let batch: Vec<Vec<u8>> = (0..BATCH).map(|_| dice.mutant(&seeds)).collect();
        let sent = batch.concat();
        let mut client = server.connect();
        client.send(&sent);
        client.finish();
        let received = client.rest();
        let about = sent.escape_ascii().to_string();
        let answers = answers(&received, &sent);
        assert!(!answers.is_empty(), "no answer to {about}");
        for answer in answers {
            check_fields(&answer.response, &about);
            if answer.has_body {
                check_content(&answer.response, &contents, &about);
            }
            statuses[usize::from(answer.response.status)] += 1;
            count += 1;
        }
    }
    // The mutants were neither all broken nor all whole: the test would show nothing.
    for status in [200, 206, 304, 400, 404, 405, 412, 416, 501] {
        assert!(
            statuses[status] > 10,
            "{status} came {} times",
            statuses[status]
        );
    }
    assert_eq!(server.get("/a.txt", &[]).text(), "the file a");
    assert_eq!(server.counters.worker_panics.value(), 0);
}

/// Checks what came back for `sent`, where lines end with `\n`: `None` if it is not what it must be.
fn bodies(sent: &str, received: &str) -> Option<Vec<String>> {
    let [sent, received] = [sent, received].map(|text| text.replace('\n', "\r\n"));
    let check = || answers(received.as_bytes(), sent.as_bytes());
    let answers = std::panic::catch_unwind(check).ok()?;
    let body = |answer: support::answers::Answer| answer.response.text();
    Some(answers.into_iter().map(body).collect())
}

const GET: &str = "GET / HTTP/1.1\n\n";
const HEAD: &str = "HEAD / HTTP/1.1\n\n";

#[test]
fn what_a_server_may_send_passes() {
    let check = |sent: &[&str], received: &[&str], want: &[&str]| {
        let found = bodies(&sent.concat(), &received.concat());
        let want: Vec<String> = want.iter().map(|body| (*body).to_owned()).collect();
        assert_eq!(found, Some(want), "{received:?} to {sent:?}");
    };
    let one = "HTTP/1.1 200 OK\nContent-Length: 1\n\n";
    let chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n2\nbc\n0\n\n";
    let last = "HTTP/1.1 400 Bad Request\nContent-Length: 1\nConnection: close\n\n";
    let unmodified = "HTTP/1.1 304 Not Modified\n\n";
    check(&[GET], &[one, "x"], &["x"]);
    check(&[GET, "\n", GET, "\n"], &[one, "x", one, "y"], &["x", "y"]);
    check(&[HEAD, GET, HEAD], &[one, one, "y", one], &["", "y", ""]);
    check(&[GET, GET], &[chunked, one, "x"], &["abc", "x"]);
    check(&[GET, GET], &[unmodified, one, "x"], &["", "x"]);
    check(&[GET, GET], &[last, "x"], &["x"]); // nothing behind the last is read
    check(
        &[GET],
        &["HTTP/1.1 200 OK\nConnection: close\n\nto the end"],
        &["to the end"],
    );
    check(&["GET / HT"], &[last, "x"], &["x"]);
    check(&["\n"], &[], &[]);
    let counted = "GET / HTTP/1.1\ncontent-length: 5\n\nHEAD ";
    check(&[counted, GET], &[one, "x", one, "y"], &["x", "y"]);
    let asked = "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n4;a\nHEAD\n0\nA: b\n\n";
    let interim = "HTTP/1.1 100 Continue\n\n";
    check(&[asked, HEAD], &[interim, one, "x", one], &["x", ""]);
}

#[test]
fn what_a_server_must_not_send_is_found() {
    let check = |sent: &[&str], received: &[&str]| {
        let found = bodies(&sent.concat(), &received.concat());
        assert_eq!(found, None, "{received:?} to {sent:?}");
    };
    let one = "HTTP/1.1 200 OK\nContent-Length: 1\n\n";
    let chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n";
    let last = "HTTP/1.1 400 Bad Request\nContent-Length: 1\nConnection: close\n\n";
    let interim = "HTTP/1.1 100 Continue\n\n";
    check(&[GET], &[one]); // no body
    check(&[HEAD, GET], &[one, one]); // no body, and HEAD is no excuse
    check(&[GET, HEAD], &[one, one]);
    check(&[HEAD], &[one, "x"]); // a body
    check(&[GET], &[one, "xy"]); // bytes of no answer
    check(&[GET], &[one, "x", one, "y"]); // an answer to nothing
    check(&[GET, GET], &[one, "x"]); // no answer, and no end was announced
    check(&[GET], &[]);
    check(&[GET, GET], &[last, "x", one, "x"]); // more than the last
    check(&[GET], &[interim]);
    check(&[GET], &[interim, interim, one, "x"]);
    check(&[GET], &["HTTP/1.1 200 OK\n\nto the end"]); // an end that is not announced
    check(
        &[GET],
        &["HTTP/1.1 304 Not Modified\nContent-Length: 1\n\n"],
    );
    check(&[GET], &["HTTP/1.1 200 OK\nContent-Length: +1\n\nx"]);
    check(
        &[GET],
        &["HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n\nx"],
    );
    check(&[GET], &["HTTP/1.1 2 OK\nContent-Length: 1\n\nx"]);
    check(&[GET], &["HTTP/1.1 200 OK\nContent-Length : 1\n\nx"]);
    check(
        &[GET],
        &["HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n\nx"],
    );
    check(&[GET], &[chunked, "1\na\n"]); // no last chunk
    check(&[GET], &[chunked, "1\nab\n0\n\n"]);
    check(&[GET], &[chunked, "\n0\n\n"]);
    check(&[GET], &[chunked, "0\n"]);
}

/// Requests that are well-formed, one for each thing that can be asked.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        b"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_vec(),
        b"GET http://test/a.txt HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(),
        request("CONNECT", "test:443", &[]),
        request("OPTIONS", "*", &[]),
        request("POST", "/a.txt", &[]),
        request("GET", "/none%20such", &[]),
        request("GET", "/folder?a=b", &[]),
        request(
            "GET",
            "/folder/?sort=size&format=json",
            &[("Accept", "text/html;q=0.5, */*")],
        ),
    ];
    for (name, value) in [
        ("Range", "bytes=5-20"),
        ("Range", "bytes=0-0,5-9,-3"),
        ("Range", "bytes=99999-"),
        ("If-Range", "\"x\""),
        ("If-Match", "\"x\", W/\"y\""),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("If-Unmodified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"),
        ("Accept-Encoding", "gzip;q=0.5, deflate;q=0.501, *;q=0"),
        ("Connection", "keep-alive, x"),
        ("Expect", "100-continue"),
    ] {
        seeds.push(request("GET", "/text.txt", &[(name, value)]));
        seeds.push(request(
            "HEAD",
            "/a.txt",
            &[("User-Agent", "test/1.0 (x)"), (name, value)],
        ));
    }
    let mut counted = request("GET", "/empty", &[("Content-Length", "12")]);
    counted.extend(b"hello\r\nworld");
    let mut chunked = request("GET", "/a.txt", &[("Transfer-Encoding", "chunked")]);
    chunked.extend(b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nA: b\r\n\r\n");
    seeds.extend([counted, chunked]);
    seeds
}

/// A generator of numbers that look random (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// A seed changed in one to three places. Most changes are small, so that most mutants still
    /// are requests and reach what lies behind the parser.
    fn mutant(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(3) {
            match self.below(32) {
                0 => self.break_bytes(&mut bytes),
                1 => self.break_lines(&mut bytes, seeds),
                2..10 => self.change_number(&mut bytes),
                _ => self.change_word(&mut bytes),
            }
        }
        bytes
    }

    /// Flips, drops, doubles or adds bytes anywhere.
    fn break_bytes(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = (at + 1 + self.below(20)).min(bytes.len());
        match self.below(5) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = self.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.extend_from_within(at..end),
            _ => {
                let odd = [
                    &b"\0"[..],
                    b"\r",
                    b"\n",
                    b"\r\n",
                    b" ",
                    b"\t",
                    b":",
                    b"\x7f",
                    b"\xff",
                    b"%",
                    b"\r\n\r\n",
                ];
                let odd = self.pick(&odd);
                bytes.splice(at..at, odd.iter().copied());
            }
        }
        // Nothing can be mutated further that is not there.
        if bytes.is_empty() {
            bytes.push(b'x');
        }
    }

    /// Repeats or moves a line, or adds one of another request.
    fn break_lines(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let other = match self.below(2) {
            0 => bytes.clone(),
            _ => seeds[self.below(seeds.len())].clone(),
        };
        let lines: Vec<&[u8]> = other.split_inclusive(|&byte| byte == b'\n').collect();
        let line = self.pick(&lines);
        let ends: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
        if !ends.is_empty() {
            let at = ends[self.below(ends.len())] + 1;
            bytes.splice(at..at, line.iter().copied());
        }
    }

    /// Puts another number where a digit is, the version's excepted.
    fn change_number(&mut self, bytes: &mut Vec<u8>) {
        let version = find(bytes, b"HTTP/").map_or(0..0, |at| at..at + 8);
        let is_digit = |at: &usize| bytes[*at].is_ascii_digit() && !version.contains(at);
        let digits: Vec<usize> = (0..bytes.len()).filter(is_digit).collect();
        if digits.is_empty() {
            return;
        }
        let at = digits[self.below(digits.len())];
        let number = self.pick(NUMBERS);
        bytes.splice(at..=at, number.bytes());
    }

    /// Puts another word where a word of the target or of a value is, or before it. The host and
    /// the version stay: whatever else stood there would end the connection.
    fn change_word(&mut self, bytes: &mut Vec<u8>) {
        let is_word = |byte: u8| !b" ,;=\r\n".contains(&byte);
        let is_start = |at: &usize| {
            let (before, after) = bytes.split_at(*at);
            let is_kept = before.ends_with(b"Host: ") || after.starts_with(b"HTTP/");
            is_word(after[0]) && b" ,;=".contains(&before[at - 1]) && !is_kept
        };
        let starts: Vec<usize> = (1..bytes.len()).filter(is_start).collect();
        if starts.is_empty() {
            return;
        }
        let start = starts[self.below(starts.len())];
        let length = bytes[start..]
            .iter()
            .take_while(|&&byte| is_word(byte))
            .count();
        let words = if bytes[start] == b'/' { PATHS } else { WORDS };
        let (word, separator) = (self.pick(words), self.pick(&["", ",", "=", ";q="]));
        let (end, word) = match self.below(3) {
            0 => (start, format!("{word}{separator}")),
            _ => (start + length, word.to_owned()),
        };
        bytes.splice(start..end, word.bytes());
    }
}

/// The content of a success is that of a file, or a page of the server's own.
fn check_content(response: &Response, contents: &[&[u8]], sent: &str) {
    let content = decoded(response);
    let is_page = content.starts_with(b"<!doctype html>") || content.starts_with(b"{");
    let known = match response.status {
        200 => is_page || contents.contains(&content.as_slice()),
        206 if is_multipart(response) => true,
        // Part of a listing, whatever that looks like; no file here has these types.
        206 if is_of_type(response, "text/html") => is_long_enough(response),
        206 if is_of_type(response, "application/json") => is_long_enough(response),
        206 => contents.iter().any(|whole| is_part(response, whole)),
        _ => is_page,
    };
    let status = response.status;
    assert!(known, "{status} {} for {sent}", content.escape_ascii());
}

/// What every answer has, and what some must have.
fn check_fields(response: &Response, about: &str) {
    for (name, _) in &response.fields {
        response.field(name); // None comes twice.
    }
    assert_eq!(response.field("Server"), Some("docroot"), "{about}");
    assert!(httpdate::parse_http_date(response.field("Date").expect("a date")).is_ok());
    let has = |name| response.field(name).is_some();
    match response.status {
        200 | 206 => assert!(has("ETag") && has("Content-Type"), "{about}"),
        204 | 405 => assert!(has("Allow"), "{about}"),
        301 => {
            let location = response.field("Location").unwrap_or_default();
            assert!(
                !location.is_empty() && !location.starts_with('/') && !location.contains(':'),
                "{location} for {about}"
            );
        }
        416 => assert!(has("Content-Range"), "{about}"),
        304 | 400 | 404 | 406 | 412 | 414 | 417 | 431 | 501 | 505 => {}
        other => panic!("{other} for {about}"),
    }
}

fn decoded(response: &Response) -> Vec<u8> {
    let mut content = Vec::new();
    let body = response.body.as_slice();
    match response.field("Content-Encoding") {
        Some("gzip") => GzDecoder::new(body)
            .read_to_end(&mut content)
            .expect("gzip"),
        Some("deflate") => ZlibDecoder::new(body)
            .read_to_end(&mut content)
            .expect("zlib"),
        _ => std::io::Cursor::new(body)
            .read_to_end(&mut content)
            .expect("bytes"),
    };
    content
}

fn is_of_type(response: &Response, essence: &str) -> bool {
    let media_type = response.field("Content-Type").unwrap_or_default();
    media_type.starts_with(essence)
}

fn is_multipart(response: &Response) -> bool {
    let media_type = response.field("Content-Type").unwrap_or_default();
    let Some(boundary) = media_type.strip_prefix("multipart/byteranges; boundary=") else {
        return false;
    };
    let (start, end) = (
        format!("\r\n--{boundary}\r\n"),
        format!("\r\n--{boundary}--\r\n"),
    );
    response.body.starts_with(start.as_bytes()) && response.body.ends_with(end.as_bytes())
}

/// Whether the body is the part of `whole` that `Content-Range` says it is.
fn is_part(response: &Response, whole: &[u8]) -> bool {
    let Some((first, last, length)) = content_range(response) else {
        return false;
    };
    length == whole.len() && whole.get(first..=last) == Some(&response.body)
}

/// Whether the body is as long as `Content-Range` says.
fn is_long_enough(response: &Response) -> bool {
    content_range(response).is_some_and(|(first, last, length)| {
        last < length && (first..=last).count() == response.body.len()
    })
}

/// The first and the last position of a part, and the length of the whole.
fn content_range(response: &Response) -> Option<(usize, usize, usize)> {
    let (range, length) = response
        .field("Content-Range")?
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((
        first.parse().ok()?,
        last.parse().ok()?,
        length.parse().ok()?,
    ))
}
