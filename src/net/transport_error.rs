//! Why a transport failed.

use std::fmt;
use std::io;

/// Why a transport failed.
#[derive(Debug)]
pub enum TransportError {
    /// The socket failed. Most often the client has reset the connection.
    Socket(io::Error),
    /// The TLS session failed. The text says why. An alert for the client may wait to be flushed.
    Session(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportError::Socket(error) => error.fmt(f),
            TransportError::Session(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TransportError {}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> TransportError {
        TransportError::Socket(error)
    }
}
