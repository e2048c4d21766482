//! What a header says, and what may be wrong with it.

use core::net::SocketAddr;
use std::fmt;

/// What a header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The client of the proxy. `None`: the proxy speaks for itself, such as for a health check, or its client has no
    /// IP address.
    pub source: Option<SocketAddr>,
    /// Whether the client uses TLS, if the proxy has said so.
    pub is_secure: Option<bool>,
}

/// A header, and its length in bytes.
pub type Parsed = (Header, usize);

/// Why the first bytes of a connection are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// They do not begin as a header does.
    Missing,
    /// They begin as a header, but break its syntax.
    Malformed,
    /// It is longer than the server reads.
    TooLong,
    /// The checksum is wrong.
    Checksum,
    /// The connection ended, or too much time passed, before the end of the header.
    Incomplete,
}

impl HeaderError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            HeaderError::Missing => "the proxy sent no PROXY protocol header before the request",
            HeaderError::Malformed => "the PROXY protocol header is malformed",
            HeaderError::TooLong => "the PROXY protocol header is too long",
            HeaderError::Checksum => "the checksum of the PROXY protocol header is wrong",
            HeaderError::Incomplete => "the PROXY protocol header is incomplete",
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for HeaderError {}
