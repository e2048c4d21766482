//! What the access log tells of: one request and its answer, or a TLS session that failed.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// One request and its answer. It borrows what the worker holds and is gone once it is recorded.
///
/// Nothing here is escaped: every byte of `method`, `target`, `referer` and `user_agent` is the
/// client's own.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// When the request's first byte was read.
    pub received: SystemTime,
    /// From the request's first byte to the answer's last.
    pub duration: Duration,
    /// The method as sent; empty where the request line could not be read.
    pub method: &'a [u8],
    /// The request target as sent; empty where the request line could not be read.
    pub target: &'a [u8],
    /// The protocol version, such as `HTTP/1.1`; empty where the request line could not be read.
    pub version: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer's body that were sent.
    pub sent: u64,
    /// The value of `Referer`.
    pub referer: Option<&'a [u8]>,
    /// The value of `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// Why this answer was given, in words; may be empty.
    pub reason: &'a str,
    /// Whether the answer was sent to its end; `false` where it was cut short.
    pub complete: bool,
    /// How it was protected; `None` in plain text.
    pub security: Option<Security<'a>>,
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
