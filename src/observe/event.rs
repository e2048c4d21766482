//! What the access log records: one request and its response, or a TLS session that failed.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use crate::http1::parse::RequestHead;
use crate::semantics::field::FieldName;

/// One request and its response, borrowed from the worker that records it.
///
/// Nothing is escaped: the client chose every byte of `method`, `target`, `referer` and
/// `user_agent`.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeRecord<'a> {
    /// The address of the client.
    pub peer: SocketAddr,
    /// When the first byte of the request was read.
    pub received: SystemTime,
    /// The time from then until the socket took the last byte of the response, or until the
    /// exchange was cut.
    pub duration: Duration,
    /// The method as sent; empty if it could not be read.
    pub method: &'a [u8],
    /// The request target as sent; empty if it could not be read.
    pub target: &'a [u8],
    /// The protocol version as sent, such as `HTTP/1.1`; empty if it could not be read.
    pub version: &'a [u8],
    /// The status of the response; `None` if the exchange ended before there was one.
    pub status: Option<u16>,
    /// How many bytes of the response's content were sent.
    pub sent: u64,
    /// The value of `Referer`.
    pub referer: Option<&'a [u8]>,
    /// The value of `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// Why the response is what it is; empty if there is no response.
    pub reason: &'a str,
    /// How the exchange ended.
    pub end: End,
    /// The TLS session; `None` without TLS.
    pub security: Option<Security<'a>>,
}

/// How an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The socket took the whole response.
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
    /// The memory of the response was needed for other clients.
    TakenBack,
    /// The server shut down before the exchange was complete.
    Shutdown,
    /// A bug in the server.
    Bug,
}

impl End {
    /// The text for the log.
    pub fn text(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::TooSlow => "the client read too slowly",
            End::ClientGone => "the client went away",
            End::SessionBroken => "the TLS session broke",
            End::FileChanged => "the file changed",
            End::DiskFault => "the disk failed",
            End::TakenBack => "other clients needed the memory",
            End::Shutdown => "the server shut down",
            End::Bug => "a bug in the server",
        }
    }
}

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

/// A TLS session that could not be established, or that broke.
#[derive(Clone, Copy, Debug)]
pub struct TlsFailure<'a> {
    /// The address of the client.
    pub peer: SocketAddr,
    /// When it failed.
    pub at: SystemTime,
    /// How far TLS got.
    pub stage: TlsStage,
    /// Why it failed.
    pub reason: &'a str,
}

/// How far TLS got before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStage {
    /// The handshake failed.
    Handshake,
    /// The handshake succeeded, and the session failed later.
    Session,
}

impl TlsStage {
    /// The name of the stage.
    pub fn text(self) -> &'static str {
        match self {
            TlsStage::Handshake => "handshake",
            TlsStage::Session => "session",
        }
    }
}

/// The TLS session of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security<'a> {
    /// The protocol version, such as `TLSv1.3`.
    pub version: &'static str,
    /// The name of the cipher suite in the IANA registry.
    pub cipher: &'static str,
    /// The subject of the client's certificate, not escaped; `None` if it showed none.
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
