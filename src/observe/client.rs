//! The client of a connection.

use std::net::SocketAddr;

/// What is known about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The remote address of the socket.
    pub peer: SocketAddr,
    /// The subject of the client's TLS certificate; `None` if it showed none. It may contain any
    /// character, so it must be escaped.
    pub identity: Option<Box<str>>,
}

impl Client {
    /// A client with this address and without a certificate.
    pub fn at(peer: SocketAddr) -> Client {
        Client {
            peer,
            identity: None,
        }
    }
}
