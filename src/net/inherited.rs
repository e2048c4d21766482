//! The listening sockets of a server that is replaced.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use rustix::net::{SocketAddrUnix, getsockname};

/// The sockets that are not used yet.
#[derive(Debug, Default)]
pub struct Inherited(Vec<TcpListener>);

impl Inherited {
    /// These sockets.
    pub fn of(sockets: Vec<TcpListener>) -> Inherited {
        Inherited(sockets)
    }

    /// The socket that listens on this address. If the port is 0, one with any port.
    pub fn take(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        self.take_if(|socket| {
            let address = socket.local_addr();
            address.is_ok_and(|address| {
                let is_port = wanted.port() == 0 || wanted.port() == address.port();
                is_port && wanted.ip() == address.ip()
            })
        })
    }

    /// The Unix socket with this path.
    pub fn take_file(&mut self, path: &Path) -> Option<TcpListener> {
        let name = path.as_os_str().as_encoded_bytes();
        self.take_if(|socket| {
            let address = getsockname(socket).ok();
            let address = address.and_then(|address| SocketAddrUnix::try_from(address).ok());
            let path = address.as_ref().and_then(|address| address.path_bytes());
            path == Some(name)
        })
    }

    fn take_if(&mut self, is_wanted: impl Fn(&TcpListener) -> bool) -> Option<TcpListener> {
        let place = self.0.iter().position(is_wanted)?;
        // In their order: of several with any port, the next server opens the same ones first.
        Some(self.0.remove(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listener with any port must not get the socket of another service.
    #[test]
    fn sockets_with_any_port_are_taken_in_their_order() {
        let open = |_| TcpListener::bind("127.0.0.1:0").expect("a socket");
        let sockets: Vec<TcpListener> = (0..4).map(open).collect();
        let address = |socket: &TcpListener| socket.local_addr().expect("an address");
        let given: Vec<SocketAddr> = sockets.iter().map(address).collect();
        let mut inherited = Inherited::of(sockets);
        let any = "127.0.0.1:0".parse().expect("an address");
        for (wanted, want) in [(given[0], 0), (any, 1), (given[3], 3), (any, 2)] {
            let socket = inherited.take(wanted).expect("a socket");
            assert_eq!(address(&socket), given[want]);
        }
        assert!(inherited.take(any).is_none());
    }
}
