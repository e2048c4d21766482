//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// A client, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address of the other end of the socket.
    pub peer: SocketAddr,
    /// The subject of the certificate that it has proved to own over TLS. These are the client's
    /// own words.
    pub identity: Option<Box<str>>,
}

impl Client {
    /// A client of which only the address is known.
    pub fn at(peer: SocketAddr) -> Client {
        Client {
            peer,
            identity: None,
        }
    }
}
