//! Why bytes no longer pass between a connection and its client.

use std::fmt;
use std::io;

/// Why a transport failed.
#[derive(Debug)]
pub enum TransportError {
    /// The socket failed: above all, the client reset the connection or is gone.
    Socket(io::Error),
    /// The TLS session is broken, by whichever end; the text says why. An alert for the client
    /// waits to be flushed.
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
