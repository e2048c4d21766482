//! A listener: its address, whether it speaks TLS, and which service answers there.

use std::io::{PipeReader, PipeWriter};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its address.
    pub address: Address,
    /// Whether a connection of a trusted proxy begins with a header of the PROXY protocol.
    pub is_proxied: bool,
    /// Whether a connection begins with a TLS handshake. A header of the PROXY protocol comes before it.
    pub is_tls: bool,
    /// The service that answers there.
    pub service: Service,
}

/// A listener and its socket.
#[derive(Clone, Debug)]
pub struct Bound {
    /// What the socket is for.
    pub listener: Listener,
    /// The socket, in non-blocking mode.
    pub socket: Arc<TcpListener>,
    /// Its acceptor waits at the first end. What is written to the other one wakes it and is never read.
    pub end: Arc<(PipeReader, PipeWriter)>,
    /// Whether the service manager has passed it. It keeps the socket, so clients that wait there reach the next server.
    pub is_passed: bool,
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a TCP port.
    Tcp(SocketAddr),
    /// A socket of the Unix domain.
    Unix,
}

/// The service that answers the requests of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The site: files and handlers.
    Site,
    /// Redirects every request to the site over HTTPS.
    Redirect,
    /// Answers operators and load balancers, and serves nothing of the site.
    Admin,
}

impl Address {
    /// The IP address and the port, if it has one.
    pub fn socket(self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(address),
            Address::Unix => None,
        }
    }
}
