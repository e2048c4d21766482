//! For whom the connections of the server to itself are: replays of the wire view (`--inspect`).
//!
//! The acceptor must know for whom a connection is. So the thread binds its socket, notes the address, and then
//! connects. It sends nothing before the acceptor has seen the note: otherwise a viewer who leaves early could
//! have a request answered as one of this machine.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::guide::places::{Full, Place, Places};
use crate::sync::lock;

/// How many replays may be open at once. Each has a thread.
const MOST_OPEN: usize = 8;

/// The same if learners of a class may replay.
const MOST_IN_CLASS: usize = 64;

/// How many of them may be those of one address, so that others get one too.
const MOST_OF_VIEWER: usize = 4;

/// How long the thread waits for the acceptor.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connections of the server to itself.
pub struct Replays {
    /// A listener of the site.
    address: SocketAddr,
    /// For whom each connection is that was not accepted yet, by the address that it comes from.
    viewers: Mutex<HashMap<SocketAddr, Viewer>>,
    /// For the replays that are open.
    places: Places,
}

/// For whom a connection is.
struct Viewer {
    address: IpAddr,
    /// Tells the thread that it is accepted.
    accepted: Sender<()>,
}

impl Replays {
    /// To the listener with this address. Learners of a class may replay, if there is one.
    pub fn to(listener: SocketAddr, has_class: bool) -> Replays {
        let ip = match listener.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let most = match has_class {
            true => MOST_IN_CLASS,
            false => MOST_OPEN,
        };
        Replays {
            address: SocketAddr::new(ip, listener.port()),
            viewers: Mutex::default(),
            places: Places::new(most, MOST_OF_VIEWER),
        }
    }

    /// The address of the client behind a peer that was just accepted: the viewer's, if this is a replay. The
    /// note of it is removed, so a later peer with the same address is a client of its own.
    pub fn client_of(&self, peer: SocketAddr) -> SocketAddr {
        let Some(viewer) = self.viewers().remove(&peer) else {
            return peer;
        };
        // If the thread has given up, it has closed the connection.
        let _ = viewer.accepted.send(());
        SocketAddr::new(viewer.address, peer.port())
    }

    /// Ignores poisoning, because a panic cannot leave the map half-written.
    fn viewers(&self) -> MutexGuard<'_, HashMap<SocketAddr, Viewer>> {
        lock(&self.viewers)
    }
}

/// A connection that is counted, and known by its address once it has one.
pub struct Registered {
    replays: Arc<Replays>,
    /// The viewer's place.
    place: Place,
    address: Option<SocketAddr>,
}

impl Registered {
    /// Counts a connection for the viewer with this address. The error says why there may be no other one.
    pub fn new(replays: Arc<Replays>, viewer: IpAddr) -> Result<Registered, &'static str> {
        let place = replays.places.take(viewer).map_err(|full| match full {
            Full::OfAddress => "too many replays from this address are open: close one of them",
            Full::All => "too many replays are open: try again later",
        })?;
        Ok(Registered {
            replays,
            place,
            address: None,
        })
    }

    /// Connects for the viewer, and waits until the acceptor knows for whom it is. This may take long if the
    /// server accepts slowly.
    pub fn connect(&mut self) -> io::Result<(TcpStream, u16)> {
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
        let (accepted, is_accepted) = bounded(1);
        let viewer = Viewer {
            address: self.place.address(),
            accepted,
        };
        self.replays.viewers().insert(from, viewer);
        self.address = Some(from);
        rustix::net::connect(&stream, &to)?;
        let waited = is_accepted.recv_timeout(PATIENCE);
        waited.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        stream.set_nonblocking(true)?;
        // If a sandbox refuses it, the replay is slower.
        let _ = stream.set_nodelay(true);
        Ok((stream, from.port()))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            self.replays.viewers().remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_viewer_is_known_until_the_connection_is_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let replays = Replays::to(listener.local_addr().expect("an address"), false);
        let replays = Arc::new(replays);
        let viewer = viewer(1);
        let mut registered = Registered::new(Arc::clone(&replays), viewer).expect("room");
        let thread = std::thread::spawn(move || registered.connect().map(|(_, port)| port));
        let (_, peer) = listener.accept().expect("a connection");
        assert_eq!(
            replays.client_of(peer),
            SocketAddr::new(viewer, peer.port())
        );
        let port = thread.join().expect("it ends").expect("it is open");
        assert_eq!(port, peer.port());
        // The next connection from there is somebody else's.
        assert_eq!(replays.client_of(peer), peer);
    }

    #[test]
    fn nothing_is_left_of_a_connection_that_fails() {
        let replays = Arc::new(Replays::to("0.0.0.0:1".parse().expect("an address"), false));
        assert_eq!(replays.address.to_string(), "127.0.0.1:1");
        let mut registered = Registered::new(Arc::clone(&replays), viewer(1)).expect("room");
        assert!(registered.connect().is_err());
        drop(registered);
        assert!(replays.viewers().is_empty() && replays.places.taken() == 0);
    }

    fn viewer(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    /// How many may be open for one viewer after the other, 20 times for each.
    fn open(has_class: bool, viewers: u8) -> usize {
        let to = "[::]:1".parse().expect("an address");
        let replays = Arc::new(Replays::to(to, has_class));
        let make = |number: u8| Registered::new(Arc::clone(&replays), viewer(number));
        let all: Vec<Registered> = (0..20 * u32::from(viewers))
            .filter_map(|number| make((number % u32::from(viewers)) as u8).ok())
            .collect();
        assert!(make(0).is_err());
        let count = all.len();
        drop(all);
        assert!(make(0).is_ok());
        count
    }

    #[test]
    fn there_are_few_at_once() {
        // The same address, as a socket for IPv6 has it.
        let replays = Arc::new(Replays::to("[::]:1".parse().expect("an address"), false));
        let make = |viewer: &str| {
            let viewer = viewer.parse().expect("an address");
            Registered::new(Arc::clone(&replays), viewer)
        };
        let own: Vec<Registered> = (0..MOST_OPEN).flat_map(|_| make("192.0.2.1")).collect();
        assert_eq!(own.len(), MOST_OF_VIEWER);
        assert!(make("::ffff:192.0.2.1").is_err() && make("192.0.2.2").is_ok());
        assert_eq!(open(false, 1), MOST_OF_VIEWER);
        assert_eq!(open(false, 2), MOST_OPEN);
        assert_eq!(open(false, 3), MOST_OPEN);
        assert_eq!(open(true, 1), MOST_OF_VIEWER);
        assert_eq!(open(true, 3), 3 * MOST_OF_VIEWER);
        assert_eq!(open(true, 20), MOST_IN_CLASS);
    }
}
