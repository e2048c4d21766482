//! The thread that accepts, one per listener.
//!
//! It waits for a client or for its end, and never reads from a client, so none can hold it up. Other processes may have
//! its socket, so nothing is done to the socket to end the wait.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::net::descriptors::{Admitted, SocketNumbers};
use crate::net::listener::Bound;
use crate::net::mailbox::{Admission, Shutdown, WorkerHandle};
use crate::net::replay::registry::Replays;
use crate::net::socket_file;
use crate::observe::client::Client;
use crate::observe::metrics::Counters;
use crate::origin::reason::Reason;
use crate::site::options::Budgets;

/// How many clients of a server that is full may wait until a worker has decided whether another one gives way to
/// them. Beyond it the socket is closed without a response.
const MOST_UNDECIDED: usize = 1024;

/// How long to wait when descriptors or memory have run out. New clients stay in the kernel's queue
/// until then.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// A listener and the workers that serve its clients.
pub struct Acceptor {
    /// The socket, what it is for, and what says that the acceptor must exit, after the shutdown does.
    pub bound: Bound,
    /// All workers.
    pub workers: Vec<WorkerHandle>,
    /// The most connections of all workers together.
    pub max_connections: usize,
    /// The descriptors that connections may have.
    pub descriptors: SocketNumbers,
    /// What the workers may hold for clients.
    pub budgets: Budgets,
    /// Says whether the server is shutting down.
    pub shutdown: Arc<Shutdown>,
    /// The server's counters.
    pub counters: Arc<Counters>,
    /// The connections of the server to itself.
    pub replays: Option<Arc<Replays>>,
}

impl Acceptor {
    /// Accepts until the shutdown says that it must exit.
    pub fn run(self) {
        while !self.shutdown.ends_acceptor(self.bound.is_passed) {
            match accept(&self.bound.socket) {
                Ok((stream, peer)) => self.admit(stream, self.address_of(peer)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.wait_for_client(),
                    // The client closed before it was accepted.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    // EMFILE, ENFILE, ENOBUFS, ENOMEM, or another process has shut the listener down.
                    _ => self.pause(),
                },
            }
        }
    }

    /// Waits until a client may be there, or the acceptor must exit.
    fn wait_for_client(&self) {
        let client = PollFd::new(&*self.bound.socket, PollFlags::IN);
        match poll(&mut [client, self.told_to_exit()], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => self.pause(),
        }
    }

    /// Waits for a moment, or until the acceptor must exit.
    fn pause(&self) {
        // If even this fails, there is nothing to wait for.
        let _ = poll(&mut [self.told_to_exit()], Some(&PAUSE));
    }

    fn told_to_exit(&self) -> PollFd<'_> {
        PollFd::new(&self.bound.end.0, PollFlags::IN)
    }

    /// The address of a client.
    fn address_of(&self, peer: Option<SocketAddr>) -> SocketAddr {
        peer.map_or(socket_file::CLIENT, canonical)
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let peer = self.client_of(peer);
        let connections: usize = self.workers.iter().map(WorkerHandle::connections).sum();
        let refused: usize = self.workers.iter().map(WorkerHandle::refused).sum();
        let admitted = self.descriptors.of(&stream);
        let reason = if self.shutdown.is_draining() {
            Some(Reason::Draining)
        } else if connections - refused.min(connections) >= self.max_connections {
            Some(Reason::AtCapacity)
        } else if admitted != Admitted::Served {
            Some(Reason::FewDescriptors)
        } else if self.budgets.memory().is_exhausted() {
            Some(Reason::NoMemory)
        } else {
            None
        };
        let connection = self.counters.connections_accepted.next();
        if reason.is_some() && (refused >= MOST_UNDECIDED || admitted == Admitted::Closed) {
            self.counters.connections_refused.add(1);
            return;
        }
        self.counters.connections_open.add(1);
        let admission = Admission {
            stream,
            client: Client {
                connection,
                ..Client::at(peer)
            },
            listener: self.bound.listener,
            refused: reason,
        };
        if self.send_to_worker(admission).is_err() {
            self.counters.connections_open.subtract(1);
        }
    }

    /// The address of the client: the viewer's, if the server itself has opened the connection for one.
    fn client_of(&self, peer: SocketAddr) -> SocketAddr {
        let replays = self.replays.as_ref();
        replays.map_or(peer, |replays| replays.client_of(peer))
    }

    /// Sends a socket to the worker with the fewest connections. Of several such workers, those that are asked to make
    /// room take turns. During a drain that worker may have exited already; then any other takes it.
    fn send_to_worker(&self, mut admission: Admission) -> Result<(), Admission> {
        let turn = match admission.refused {
            Some(_) => admission.client.connection as usize % self.workers.len().max(1),
            None => 0,
        };
        let (later, first) = self.workers.split_at(turn);
        let least = first
            .iter()
            .chain(later)
            .min_by_key(|worker| worker.connections());
        for worker in least.into_iter().chain(&self.workers) {
            match worker.send(admission) {
                Ok(()) => return Ok(()),
                Err(returned) => admission = returned,
            }
        }
        Err(admission)
    }
}

/// Accepts one client. Its socket is in non-blocking mode. A client of a Unix socket has no address.
#[cfg(target_os = "linux")]
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, Option<SocketAddr>)> {
    use rustix::net::SocketFlags;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((TcpStream::from(socket), peer))
}

#[cfg(not(target_os = "linux"))]
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, Option<SocketAddr>)> {
    let (socket, peer) = rustix::net::acceptfrom(listener)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    Ok((stream, peer))
}

/// Replaces an IPv4-mapped IPv6 address by the IPv4 address.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
