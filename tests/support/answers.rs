//! Everything that one connection sent back, held against what was sent to it.
//!
//! The requests are taken apart here as well, by nothing but their ends, so that each answer is
//! judged by the request that it belongs to: only an answer to HEAD may stop behind its head.

use super::response::{Response, find};

/// A final answer.
#[derive(Debug)]
pub struct Answer {
    pub response: Response,
    /// Whether a body belongs to it, perhaps an empty one.
    pub has_body: bool,
}

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Head,
    Other,
    /// A line end that is none comes first. The server refuses that at once, with or without a body:
    /// it may not have seen the method yet.
    Unclear,
}

/// The final answers in `received`, which is all that came back for `sent`, after which the client
/// closed its half. They must be well-formed and end where their framing says. There is one for each
/// request, or fewer if the last announces the end of the connection.
pub fn answers(received: &[u8], sent: &[u8]) -> Vec<Answer> {
    let mut stream = Stream {
        rest: received,
        received,
        sent,
    };
    let mut found: Vec<Answer> = Vec::new();
    let mut is_over = false;
    for method in methods(sent) {
        if is_over {
            break;
        }
        let answer = stream.answer(method);
        is_over = answer.response.field("Connection") == Some("close");
        found.push(answer);
    }
    stream.insist(stream.rest.is_empty(), "more than the last answer");
    found
}

/// What is left of what came back.
struct Stream<'a> {
    rest: &'a [u8],
    received: &'a [u8],
    sent: &'a [u8],
}

impl<'a> Stream<'a> {
    /// The next final answer. One interim answer may come before it.
    fn answer(&mut self, method: Method) -> Answer {
        let mut response = self.head();
        if response.status == 100 {
            self.insist(response.fields.is_empty(), "an interim answer has fields");
            response = self.head();
        }
        self.insist(response.status >= 200, "a second interim answer");
        let has_body = self.has_body(&response, method);
        if has_body {
            response.body = self.body(&response);
        }
        Answer { response, has_body }
    }

    /// RFC 9112 section 6.3, rule 1.
    fn has_body(&self, response: &Response, method: Method) -> bool {
        let length = response.field("Content-Length");
        let coding = response.field("Transfer-Encoding");
        self.insist(length.is_none() || coding.is_none(), "two lengths");
        self.insist(coding.is_none_or(|coding| coding == "chunked"), "a coding");
        if [204, 304].contains(&response.status) {
            self.insist(length.or(coding).is_none(), "a length of nothing");
            return false;
        }
        match method {
            Method::Head => false,
            Method::Other => true,
            Method::Unclear => !self.rest.is_empty(),
        }
    }

    fn head(&mut self) -> Response {
        let end = find(self.rest, b"\r\n\r\n");
        self.insist(end.is_some(), "no whole head");
        Response::parse(self.take(end.unwrap_or_default() + 4))
    }

    /// RFC 9112 section 6.3, the other rules.
    fn body(&mut self, response: &Response) -> Vec<u8> {
        if let Some(length) = response.field("Content-Length") {
            let length = self.number(length, 10);
            return self.take(length).to_vec();
        }
        if response.field("Transfer-Encoding").is_some() {
            return self.chunks();
        }
        let is_last = response.field("Connection") == Some("close");
        self.insist(is_last, "a body without an end");
        self.take(self.rest.len()).to_vec()
    }

    /// RFC 9112 section 7.1. The server sends neither extensions nor trailers.
    fn chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let end = find(self.rest, b"\r\n");
            self.insist(end.is_some(), "no whole chunk");
            let line = self.take(end.unwrap_or_default() + 2);
            let digits = String::from_utf8_lossy(&line[..line.len() - 2]);
            let size = self.number(&digits, 16);
            content.extend_from_slice(self.take(size));
            let end = self.take(2);
            self.insist(end == b"\r\n", "a chunk that goes on");
            if size == 0 {
                return content;
            }
        }
    }

    fn number(&self, digits: &str, base: u32) -> usize {
        let are_digits = digits.chars().all(|digit| digit.is_digit(base));
        let number = usize::from_str_radix(digits, base)
            .ok()
            .filter(|_| are_digits);
        self.insist(number.is_some(), "a length that is no number");
        number.unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        self.insist(count <= self.rest.len(), "half an answer");
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    #[track_caller]
    fn insist(&self, holds: bool, fault: &str) {
        assert!(
            holds,
            "{fault} at byte {} of:\n{}\nto:\n{}",
            self.received.len() - self.rest.len(),
            self.received.escape_ascii(),
            self.sent.escape_ascii()
        );
    }
}

/// The methods of the requests. Behind a request that the server must refuse there may be more, of
/// which nobody can say where it begins: its answer is the last.
fn methods(sent: &[u8]) -> Vec<Method> {
    let mut found = Vec::new();
    let mut rest = Some(sent);
    while let Some(request) = rest.map(without_empty_lines) {
        // Half an empty line is no request.
        if [&b""[..], b"\r"].contains(&request) {
            break;
        }
        found.push(method(request));
        rest = behind(request);
    }
    found
}

/// RFC 9112 section 2.2: empty lines before a request are no part of it.
fn without_empty_lines(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\r\n") {
        bytes = rest;
    }
    bytes
}

fn method(request: &[u8]) -> Method {
    let token = request.split(|byte| *byte == b' ').next();
    match token {
        _ if request.starts_with(b"\r") || request.starts_with(b"\n") => Method::Unclear,
        Some(b"HEAD") => Method::Head,
        _ => Method::Other,
    }
}

/// What follows a request. `None` if it has no end.
fn behind(request: &[u8]) -> Option<&[u8]> {
    let end = find(request, b"\r\n\r\n")? + 4;
    let (head, rest) = request.split_at(end);
    let value = |name: &str| {
        let mut lines = head.split(|byte| *byte == b'\n');
        lines.find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let is_it = line[..colon].eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| line[colon + 1..].trim_ascii())
        })
    };
    match (value("Transfer-Encoding"), value("Content-Length")) {
        (None, None) => Some(rest),
        (None, Some(length)) => {
            let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
            rest.get(length..)
        }
        (Some(_), _) => behind_chunks(rest),
    }
}

fn behind_chunks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let line = find(rest, b"\r\n")?;
        let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
        let digits = rest.iter().take_while(is_digit).count();
        let digits = std::str::from_utf8(&rest[..digits]).ok()?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            break;
        }
        rest = rest.get(size.checked_add(2)?..)?;
    }
    // Trailers, then an empty line.
    loop {
        let line = find(rest, b"\r\n")?;
        rest = &rest[line + 2..];
        if line == 0 {
            return Some(rest);
        }
    }
}
