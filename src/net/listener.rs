//! What the server listens at: an address, whether TLS is spoken there, and who answers.

use std::net::SocketAddr;

/// One place where clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub address: Address,
    /// Whether a connection begins with a TLS handshake.
    pub is_tls: bool,
    /// Who answers there.
    pub service: Service,
}

/// An address to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a TCP port.
    Tcp(SocketAddr),
}

/// Who answers the requests of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The site.
    Site,
    /// A redirect of every request to the site over HTTPS.
    Redirect,
}

impl Address {
    /// The address of a socket.
    pub fn socket(self) -> SocketAddr {
        let Address::Tcp(address) = self;
        address
    }
}
