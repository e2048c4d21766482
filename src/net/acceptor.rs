//! The thread that accepts: one a listener, blocking, and never reading from a socket, so that no
//! client can hold it up.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::net::listener::Listener;
use crate::net::mailbox::{Admission, Shutdown, WorkerHandle};
use crate::observe::client::Client;
use crate::observe::metrics::Counters;
use crate::origin::reason::Reason;

/// How many clients may be told at the same time that they are refused. Beyond it they are closed at
/// once: an answer costs a slot for as long as the client takes to read it.
const MAX_REFUSED: usize = 32;

/// How long to wait when descriptors or memory have run out. Whoever waits in the kernel's queue
/// meanwhile is served as soon as a connection ends.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener and what its clients are handed to.
pub struct Acceptor {
    /// In blocking mode.
    pub socket: Arc<TcpListener>,
    /// What it is.
    pub listener: Listener,
    /// Every worker.
    pub workers: Vec<WorkerHandle>,
    /// The most connections that all workers may have together.
    pub max_connections: usize,
    /// Whether the server is ending.
    pub shutdown: Arc<Shutdown>,
    /// Where what happens is counted.
    pub counters: Arc<Counters>,
    /// Disconnected when the acceptor is to leave.
    pub alive: Receiver<()>,
}

impl Acceptor {
    /// Accepts until told to leave.
    pub fn run(self) {
        loop {
            match accept(&self.socket) {
                Ok((stream, peer)) => self.admit(stream, peer),
                // The client left before its turn came: the next one is waiting.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // EMFILE, ENFILE, ENOBUFS, ENOMEM, or the listener was shut down: the pause ends
                // at once where it is time to leave.
                Err(_) => {
                    let _ = self.alive.recv_timeout(PAUSE);
                }
            }
            if self.shutdown.is_stopping() {
                return;
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let connections: usize = self.workers.iter().map(WorkerHandle::connections).sum();
        let refused: usize = self.workers.iter().map(WorkerHandle::refused).sum();
        let reason = if self.shutdown.is_draining() {
            Some(Reason::Draining)
        } else if connections - refused.min(connections) >= self.max_connections {
            Some(Reason::AtCapacity)
        } else {
            None
        };
        self.counters.connections_accepted.add(1);
        self.counters
            .connections_refused
            .add(u64::from(reason.is_some()));
        if reason.is_some() && refused >= MAX_REFUSED {
            return;
        }
        self.counters.connections_open.add(1);
        let admission = Admission {
            stream,
            client: Client::at(peer),
            listener: self.listener,
            refused: reason,
        };
        if self.hand_over(admission).is_err() {
            self.counters.connections_open.subtract(1);
        }
    }

    /// To the worker with the fewest connections. While the server drains, those that have nothing
    /// left to do are gone; the others turn newcomers away.
    fn hand_over(&self, mut admission: Admission) -> Result<(), Admission> {
        let least = self
            .workers
            .iter()
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

/// Accepts one client, its socket in non-blocking mode.
#[cfg(target_os = "linux")]
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    use rustix::net::SocketFlags;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((TcpStream::from(socket), canonical(peer)))
}

#[cfg(not(target_os = "linux"))]
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, canonical(peer)))
}

/// A client that reached an IPv6 socket over IPv4 is told of by its IPv4 address.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
