//! What the access log needs of a request, from the head to the end of the exchange.

use std::ops::Range;

use crate::http1::parse::RequestHead;
use crate::semantics::field::FieldName;

/// The parts of a request that are logged, copied from the receive buffer.
#[derive(Debug, Default)]
pub struct RequestText {
    bytes: Vec<u8>,
    method: Range<usize>,
    target: Range<usize>,
    version: Range<usize>,
    referer: Option<Range<usize>>,
    user_agent: Option<Range<usize>>,
}

/// How many bytes of a malformed or incomplete request line are kept.
const PARTIAL_LIMIT: usize = 256;

impl RequestText {
    /// The parts of a head.
    pub fn of(head: &RequestHead<'_>) -> RequestText {
        let (referer, user_agent) = (FieldName::Referer, FieldName::UserAgent);
        let [referer, user_agent] = [referer, user_agent].map(|name| head.fields.first(name));
        let length = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len);
        let version = head.version.text().as_bytes();
        let lines = head.method.len() + head.target.len() + version.len();
        let mut text = RequestText {
            bytes: Vec::with_capacity(lines + length(referer) + length(user_agent)),
            ..RequestText::default()
        };
        text.method = text.keep(head.method);
        text.target = text.keep(head.target);
        text.version = text.keep(version);
        text.referer = referer.map(|value| text.keep(value));
        text.user_agent = user_agent.map(|value| text.keep(value));
        text
    }

    /// The parts of a request line that may be incomplete or malformed: it is split at spaces.
    pub fn of_part(received: &[u8]) -> RequestText {
        let start = received.iter().position(|byte| !b"\r\n".contains(byte));
        let line = received.get(start.unwrap_or(received.len())..);
        let line = line.unwrap_or_default();
        let is_end = |byte: &u8| b"\r\n".contains(byte);
        let line = line.split(is_end).next().unwrap_or_default();
        let line = line.get(..PARTIAL_LIMIT).unwrap_or(line);
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let mut text = RequestText::default();
        text.method = text.keep(parts.next().unwrap_or_default());
        text.target = text.keep(parts.next().unwrap_or_default());
        text.version = text.keep(parts.next().unwrap_or_default());
        text
    }

    /// The method.
    pub fn method(&self) -> &[u8] {
        &self.bytes[self.method.clone()]
    }

    /// The request target.
    pub fn target(&self) -> &[u8] {
        &self.bytes[self.target.clone()]
    }

    /// The protocol version.
    pub fn version(&self) -> &[u8] {
        &self.bytes[self.version.clone()]
    }

    /// The value of `Referer`.
    pub fn referer(&self) -> Option<&[u8]> {
        self.referer.clone().map(|range| &self.bytes[range])
    }

    /// The value of `User-Agent`.
    pub fn user_agent(&self) -> Option<&[u8]> {
        self.user_agent.clone().map(|range| &self.bytes[range])
    }

    fn keep(&mut self, value: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        start..self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(received: &[u8], want: [&str; 3]) {
        let text = RequestText::of_part(received);
        let got = [text.method(), text.target(), text.version()].map(String::from_utf8_lossy);
        assert_eq!(got, want, "{}", received.escape_ascii());
    }

    #[test]
    fn the_readable_parts_of_a_request_line_are_kept() {
        check(b"", ["", "", ""]);
        check(b"GE", ["GE", "", ""]);
        check(b"GET /a", ["GET", "/a", ""]);
        check(
            b"\r\nGET /a HTTP/1.1\r\nHost: x\r\n",
            ["GET", "/a", "HTTP/1.1"],
        );
        check(b"GET  HTTP/1.1\n", ["GET", "", "HTTP/1.1"]);
        check(b"GET /a b c\r\n", ["GET", "/a", "b c"]);
        check(b"\x16\x03\x01", ["\x16\x03\x01", "", ""]); // TLS on the plain port
        let long = "x".repeat(1000);
        check(long.as_bytes(), [&long[..256], "", ""]);
    }
}
