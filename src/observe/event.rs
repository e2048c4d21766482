//! What the access log tells of: one request and its response, or a TLS session that failed.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use crate::http1::parse::RequestHead;
use crate::semantics::field::FieldName;

/// One request and its response. It borrows what the worker holds and is gone once it is recorded.
///
/// Nothing here is escaped: every byte of `method`, `target`, `referer` and `user_agent` is the
/// client's own.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeRecord<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// When the first byte of the request was read.
    pub received: SystemTime,
    /// From then to when the socket took the last byte of the response, or until the exchange was
    /// cut.
    pub duration: Duration,
    /// The method as sent; empty if none could be read.
    pub method: &'a [u8],
    /// The request target as sent; empty if none could be read.
    pub target: &'a [u8],
    /// The protocol version as sent, such as `HTTP/1.1`; empty if none could be read.
    pub version: &'a [u8],
    /// The status of the response; `None` if the exchange ended before there was one.
    pub status: Option<u16>,
    /// Bytes of the response's content that were sent.
    pub sent: u64,
    /// The value of `Referer`.
    pub referer: Option<&'a [u8]>,
    /// The value of `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// Why this response was given, in words; may be empty.
    pub reason: &'a str,
    /// How the exchange ended.
    pub end: End,
    /// How it was protected; `None` in plain text.
    pub security: Option<Security<'a>>,
}

/// How an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The socket took the response to its last byte.
    Complete,
    /// The client read more slowly than the minimum rate.
    TooSlow,
    /// The client closed or reset the connection.
    ClientGone,
    /// The TLS session broke.
    SessionBroken,
    /// The file changed while it was sent.
    FileChanged,
    /// The disk failed while the file was sent.
    DiskFault,
    /// The server shut down and could not wait any longer.
    Shutdown,
    /// A bug in the server.
    Bug,
}

impl End {
    /// The end as a clause.
    pub fn text(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::TooSlow => "the client read too slowly",
            End::ClientGone => "the client went away",
            End::SessionBroken => "the TLS session broke",
            End::FileChanged => "the file changed",
            End::DiskFault => "the disk failed",
            End::Shutdown => "the server shut down",
            End::Bug => "a bug in the server",
        }
    }
}

/// What is logged of a request: its own words, copied out of the buffer that they came in.
#[derive(Debug, Default)]
pub struct RequestText {
    bytes: Vec<u8>,
    method: Range<usize>,
    target: Range<usize>,
    version: Range<usize>,
    referer: Option<Range<usize>>,
    user_agent: Option<Range<usize>>,
}

/// How much is kept of a request line that could not be read.
const PART: usize = 256;

impl RequestText {
    /// What a head says.
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

    /// What can be told of a request line that is not whole, or not well-formed: its parts between
    /// spaces, as far as they go.
    pub fn of_part(received: &[u8]) -> RequestText {
        let start = received.iter().position(|byte| !b"\r\n".contains(byte));
        let line = received.get(start.unwrap_or(received.len())..);
        let line = line.unwrap_or_default();
        let is_end = |byte: &u8| b"\r\n".contains(byte);
        let line = line.split(is_end).next().unwrap_or_default();
        let line = line.get(..PART).unwrap_or(line);
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

/// A TLS session that did not begin, or broke.
#[derive(Clone, Copy, Debug)]
pub struct TlsFailure<'a> {
    /// The client.
    pub peer: SocketAddr,
    /// When it failed.
    pub at: SystemTime,
    /// How far it had come.
    pub stage: TlsStage,
    /// Why, in words.
    pub reason: &'a str,
}

/// How far TLS had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStage {
    /// There was no session yet.
    Handshake,
    /// The session had begun.
    Session,
}

impl TlsStage {
    /// A word for it.
    pub fn text(self) -> &'static str {
        match self {
            TlsStage::Handshake => "handshake",
            TlsStage::Session => "session",
        }
    }
}

/// What the two ends of a TLS session have agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security<'a> {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's name in IANA's registry.
    pub cipher: &'static str,
    /// The subject of the certificate that the client has shown; its bytes are the client's own.
    pub client: Option<&'a str>,
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
    fn what_can_be_read_of_a_request_line_is_told() {
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
