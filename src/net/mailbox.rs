//! How a worker is reached from other threads: sockets come over a channel, wake-ups over another,
//! and whoever sends wakes the worker if it sleeps.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use crossbeam_channel::{Receiver, SendError, Sender, unbounded};
use mio::{Poll, Token};

use crate::net::listener::Listener;
use crate::observe::client::Client;
use crate::origin::reason::Reason;
use crate::origin::request::Wakers;

/// The token of the poller's waker; no slot reaches it.
pub const WAKE: Token = Token(usize::MAX);

/// A socket on its way to a worker.
pub struct Admission {
    /// In non-blocking mode.
    pub stream: TcpStream,
    /// Who it is.
    pub client: Client,
    /// Where it came in.
    pub listener: Listener,
    /// Why it is refused, if it is.
    pub refused: Option<Reason>,
}

/// The acceptors' end.
#[derive(Clone)]
pub struct WorkerHandle {
    sender: Sender<Admission>,
    shared: Arc<Shared>,
}

/// The worker's end. It can be moved to the thread of the worker, which connections cannot.
pub struct Mailbox {
    /// What the worker waits on.
    pub poll: Poll,
    /// Sockets that the acceptors sent.
    pub admissions: Receiver<Admission>,
    /// Connections that somebody has woken.
    pub woken: Receiver<Token>,
    /// The orders that all threads obey.
    pub shutdown: Arc<Shutdown>,
    wakes: WakeSender,
    shared: Arc<Shared>,
}

/// Makes wakers for the connections of one worker.
#[derive(Clone)]
pub struct WakeSender {
    sender: Sender<Token>,
    shared: Arc<Shared>,
}

/// Makes wakers for one connection.
pub struct ConnectionWakers<'a> {
    sender: &'a WakeSender,
    token: Token,
}

impl<'a> ConnectionWakers<'a> {
    /// For the connection of this token.
    pub fn new(sender: &'a WakeSender, token: Token) -> ConnectionWakers<'a> {
        ConnectionWakers { sender, token }
    }
}

/// What all threads obey.
#[derive(Default)]
pub struct Shutdown {
    draining: AtomicBool,
    stopping: AtomicBool,
}

struct Shared {
    waker: mio::Waker,
    /// Sockets are taken. Reserved while one is sent and while the worker decides to leave, so that
    /// none is sent to nobody.
    is_open: Mutex<bool>,
    /// The worker is waiting for readiness, or about to: it must be woken.
    asleep: AtomicBool,
    /// Connections sent to the worker and not yet over.
    connections: AtomicUsize,
    /// Among them those refused.
    refused: AtomicUsize,
}

impl Shared {
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // The only failure is a full counter, which wakes as well.
            let _ = self.waker.wake();
        }
    }
}

impl WorkerHandle {
    /// Hands a socket over and wakes the worker if it sleeps. A worker that has left gives it back.
    pub fn send(&self, admission: Admission) -> Result<(), Admission> {
        let shared = &self.shared;
        let is_open = lock(&shared.is_open);
        if !*is_open {
            return Err(admission);
        }
        let refused = usize::from(admission.refused.is_some());
        shared.connections.fetch_add(1, Ordering::Relaxed);
        shared.refused.fetch_add(refused, Ordering::Relaxed);
        match self.sender.send(admission) {
            Ok(()) => {
                drop(is_open);
                self.wake();
                Ok(())
            }
            Err(SendError(admission)) => {
                shared.connections.fetch_sub(1, Ordering::Relaxed);
                shared.refused.fetch_sub(refused, Ordering::Relaxed);
                Err(admission)
            }
        }
    }

    /// Makes the worker look at its orders and its channels.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Connections that the worker has.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections that it is refusing.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }
}

impl Mailbox {
    /// A worker's end and the acceptors'.
    pub fn new(shutdown: Arc<Shutdown>) -> io::Result<(Mailbox, WorkerHandle)> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            waker: mio::Waker::new(poll.registry(), WAKE)?,
            is_open: Mutex::new(true),
            asleep: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        });
        // Bounded by the connection limit, which the acceptors keep.
        let (sender, admissions) = unbounded();
        // Bounded by what wakes: a connection that is woken twice is looked at twice.
        let (wake_sender, woken) = unbounded();
        let mailbox = Mailbox {
            poll,
            admissions,
            woken,
            shutdown,
            wakes: WakeSender {
                sender: wake_sender,
                shared: Arc::clone(&shared),
            },
            shared: Arc::clone(&shared),
        };
        Ok((mailbox, WorkerHandle { sender, shared }))
    }

    /// Makes wakers for the connections of this worker.
    pub fn wakes(&self) -> WakeSender {
        self.wakes.clone()
    }

    /// Says that the worker is about to sleep. Afterwards it must look for what was sent before
    /// this was said, because that woke nobody.
    pub fn fall_asleep(&self) {
        self.shared.asleep.store(true, Ordering::SeqCst);
    }

    /// Says that the worker is awake.
    pub fn wake_up(&self) {
        self.shared.asleep.store(false, Ordering::SeqCst);
    }

    /// Whether something was sent that the worker has not looked at.
    pub fn has_mail(&self) -> bool {
        !self.admissions.is_empty() || !self.woken.is_empty()
    }

    /// Whether no socket waits and no connection is left but those refused.
    pub fn is_idle(&self) -> bool {
        let refused = self.shared.refused.load(Ordering::Relaxed);
        let connections = self.shared.connections.load(Ordering::Relaxed);
        connections <= refused && self.admissions.is_empty()
    }

    /// Closes the mailbox if `is_done` still holds while nobody can send; whether it is closed now.
    pub fn close_if(&self, is_done: impl FnOnce() -> bool) -> bool {
        let mut is_open = lock(&self.shared.is_open);
        *is_open = !is_done();
        !*is_open
    }

    /// Notes that a connection is over, and whether it was one refused.
    pub fn note_closed(&self, was_refused: bool) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if was_refused {
            self.shared.refused.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Shutdown {
    /// From now on no connection is kept after its response.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the server is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Threads are to leave, whatever they are doing.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether every thread is to leave.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// Wakes one connection of a worker.
struct TokenWake {
    sender: WakeSender,
    token: Token,
}

impl Wake for TokenWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A worker that has left has no connection to wake.
        if self.sender.sender.send(self.token).is_ok() {
            self.sender.shared.wake();
        }
    }
}

impl Wakers for ConnectionWakers<'_> {
    fn waker(&self) -> Waker {
        Waker::from(Arc::new(TokenWake {
            sender: self.sender.clone(),
            token: self.token,
        }))
    }
}

/// Nothing that holds the lock can leave the flag wrong.
fn lock(flag: &Mutex<bool>) -> MutexGuard<'_, bool> {
    flag.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::listener::{Address, Service};
    use std::net::{Ipv4Addr, TcpListener};

    /// The channel is still there and would take it, and nobody would ever look.
    #[test]
    fn a_worker_that_has_decided_to_leave_gives_sockets_back() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let admission = || Admission {
            stream: TcpStream::connect(address).expect("it accepts"),
            client: Client::at(address),
            listener: Listener {
                address: Address::Tcp(address),
                is_tls: false,
                service: Service::Site,
            },
            refused: Some(Reason::Draining),
        };
        let (mailbox, handle) = Mailbox::new(Arc::default()).expect("a poller");
        assert!(handle.send(admission()).is_ok());
        assert!(!mailbox.close_if(|| false));
        assert!(mailbox.close_if(|| true));
        assert!(handle.send(admission()).is_err());
        assert_eq!(
            (
                handle.connections(),
                handle.refused(),
                mailbox.admissions.len()
            ),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_waker_names_its_connection_from_any_thread() {
        let (mailbox, _) = Mailbox::new(Arc::default()).expect("a poller");
        let sender = mailbox.wakes();
        let token = Token(7);
        let waker = ConnectionWakers::new(&sender, token).waker();
        assert!(!mailbox.has_mail());
        std::thread::spawn(move || waker.wake())
            .join()
            .expect("no panic");
        assert!(mailbox.has_mail());
        assert_eq!(mailbox.woken.try_recv(), Ok(token));
    }
}
