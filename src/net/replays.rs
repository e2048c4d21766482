//! For whom the connections of the server to itself are: replays of the wire view (`--inspect`).
//!
//! The acceptor must know for whom a connection is before it accepts it. So the thread binds its socket,
//! notes the address, and then connects.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// How many replays may be open at once. Each has a thread.
const MOST_OPEN: usize = 8;

/// The connections of the server to itself.
pub struct Replays {
    /// A listener of the site.
    address: SocketAddr,
    /// For whom each open connection is, by the address that it comes from.
    viewers: Mutex<HashMap<SocketAddr, IpAddr>>,
    open: AtomicUsize,
}

impl Replays {
    /// To the listener with this address.
    pub fn to(listener: SocketAddr) -> Replays {
        let ip = match listener.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Replays {
            address: SocketAddr::new(ip, listener.port()),
            viewers: Mutex::default(),
            open: AtomicUsize::new(0),
        }
    }

    /// The address of the client behind this peer: the viewer's, if this is a replay.
    pub fn client_of(&self, peer: SocketAddr) -> SocketAddr {
        let viewer = self.viewers().get(&peer).copied();
        SocketAddr::new(viewer.unwrap_or(peer.ip()), peer.port())
    }

    /// Ignores poisoning, because a panic cannot leave the map half-written.
    fn viewers(&self) -> MutexGuard<'_, HashMap<SocketAddr, IpAddr>> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is counted, and known by its address once it has one.
pub struct Registered {
    replays: Arc<Replays>,
    address: Option<SocketAddr>,
}

impl Registered {
    /// Counts a connection, if there may be another one.
    pub fn new(replays: Arc<Replays>) -> Option<Registered> {
        let before = replays.open.fetch_add(1, Ordering::Relaxed);
        let registered = Registered {
            replays,
            address: None,
        };
        (before < MOST_OPEN).then_some(registered)
    }

    /// Connects for the viewer. This may take long if the server accepts slowly.
    pub fn connect(&mut self, viewer: IpAddr) -> io::Result<(TcpStream, u16)> {
        let to = self.replays.address;
        let family = match to {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        rustix::net::bind(&socket, &SocketAddr::new(to.ip(), 0))?;
        let stream = TcpStream::from(socket);
        let from = stream.local_addr()?;
        self.replays.viewers().insert(from, viewer);
        self.address = Some(from);
        rustix::net::connect(&stream, &to)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok((stream, from.port()))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            self.replays.viewers().remove(&address);
        }
        self.replays.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_is_known_while_the_connection_is_open() {
        let replays = Arc::new(Replays::to("0.0.0.0:1".parse().expect("an address")));
        assert_eq!(replays.address.to_string(), "127.0.0.1:1");
        let mut registered = Registered::new(Arc::clone(&replays)).expect("room");
        let viewer = "192.0.2.1".parse().expect("an address");
        // Nobody listens there, but the address is known before.
        assert!(registered.connect(viewer).is_err());
        let peer = registered.address.expect("an address");
        assert_eq!(
            replays.client_of(peer),
            SocketAddr::new(viewer, peer.port())
        );
        drop(registered);
        assert_eq!(replays.client_of(peer), peer);
    }

    #[test]
    fn there_are_few_at_once() {
        let replays = Arc::new(Replays::to("[::]:1".parse().expect("an address")));
        let make = || Registered::new(Arc::clone(&replays));
        let all: Vec<Registered> = (0..MOST_OPEN).filter_map(|_| make()).collect();
        assert_eq!(all.len(), MOST_OPEN);
        assert!(make().is_none());
        drop(all);
        assert!(make().is_some());
    }
}
