//! How other threads reach a worker: one channel for sockets, one for wake-ups, and one for what changes.
//!
//! A sender also wakes the worker if it sleeps in its poller.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use crossbeam_channel::{Receiver, SendError, Sender, unbounded};
use mio::{Poll, Token};

use crate::net::listener::Listener;
use crate::net::settings::Settings;
use crate::observe::client::Client;
use crate::observe::options::LogOptions;
use crate::origin::reason::Reason;
use crate::site::disk::Wakers;
use crate::sync::lock;

/// The token of the poller's waker. No slot has this token.
pub(super) const WAKE: Token = Token(usize::MAX);

/// A socket on its way to a worker.
pub struct Admission {
    /// In non-blocking mode.
    pub stream: TcpStream,
    /// The client.
    pub client: Client,
    /// The listener that accepted it.
    pub listener: Listener,
    /// If the client is refused: why. If there is no room for it, the worker may make some.
    pub refused: Option<Reason>,
}

/// What changes for a worker while it runs.
#[derive(Clone)]
pub enum Change {
    /// These settings replace the present ones.
    Settings(Arc<Settings>),
    /// These options of the log do.
    Log(Arc<LogOptions>),
    /// Operators want to know what the connections do.
    AskedForPhases,
}

/// The acceptors' end.
#[derive(Clone)]
pub struct WorkerHandle {
    sender: Sender<Admission>,
    changes: Sender<Change>,
    shared: Arc<Shared>,
}

/// The worker's end. Unlike connections, it can be moved to the worker's thread.
pub struct Mailbox {
    /// The worker's poller.
    pub poll: Poll,
    /// Sockets that the acceptors sent.
    pub admissions: Receiver<Admission>,
    /// Tokens of connections that were woken.
    pub woken: Receiver<Token>,
    /// What changes.
    pub changes: Receiver<Change>,
    /// Says whether the server is shutting down.
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
    /// Wakers for the connection with this token.
    pub fn new(sender: &'a WakeSender, token: Token) -> ConnectionWakers<'a> {
        ConnectionWakers { sender, token }
    }
}

/// The state of the shutdown, shared by all threads.
#[derive(Default)]
pub struct Shutdown {
    /// The server will leave soon, and serves until then.
    leaving: AtomicBool,
    draining: AtomicBool,
    /// Acceptors of sockets that the service manager keeps must exit.
    released: AtomicBool,
    /// Another process has the listeners, and accepts or may begin to.
    lent: AtomicBool,
    /// Another server accepts.
    handed_over: AtomicBool,
    stopping: AtomicBool,
}

struct Shared {
    waker: mio::Waker,
    /// Whether the worker takes sockets. Locked while a socket is sent and while the worker decides
    /// to exit, so no socket is sent to a worker that has exited.
    is_open: Mutex<bool>,
    /// The worker waits in its poller, or is about to. A sender must wake it.
    asleep: AtomicBool,
    /// Connections that were sent to the worker and have not ended.
    connections: AtomicUsize,
    /// How many of those connections are being refused.
    refused: AtomicUsize,
    /// Whether somebody waits until the worker begins a turn.
    is_asked: AtomicBool,
}

impl Shared {
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // This fails only if the waker's counter is full. Then the worker wakes up anyway.
            let _ = self.waker.wake();
        }
    }
}

impl WorkerHandle {
    /// Sends a socket and wakes the worker if it sleeps. If the worker has exited, the socket is
    /// returned.
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

    /// Changes something for the worker.
    pub fn change(&self, change: Change) {
        // If the worker has exited, it serves nobody.
        let _ = self.changes.send(change);
        self.wake();
    }

    /// Makes the worker check its channels and the state of the shutdown.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Asks the worker to begin a turn. [`WorkerHandle::has_turned`] says whether it has.
    pub fn ask_for_turn(&self) {
        // The worker looks at it once more before it waits, so it cannot miss it.
        self.shared.is_asked.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the worker has begun a turn since it was asked, or has exited.
    pub fn has_turned(&self) -> bool {
        !self.shared.is_asked.load(Ordering::SeqCst) || self.has_exited()
    }

    /// Whether the worker has exited.
    pub fn has_exited(&self) -> bool {
        !*lock(&self.shared.is_open)
    }

    /// How many connections the worker has.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many of them are being refused.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }
}

impl Mailbox {
    /// The worker's end and the acceptors' end.
    pub fn new(shutdown: Arc<Shutdown>) -> io::Result<(Mailbox, WorkerHandle)> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            waker: mio::Waker::new(poll.registry(), WAKE)?,
            is_open: Mutex::new(true),
            asleep: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            is_asked: AtomicBool::new(false),
        });
        // The acceptors enforce the connection limit, which bounds this channel.
        let (sender, admissions) = unbounded();
        // Not bounded: each call of a waker adds one token.
        let (wake_sender, woken) = unbounded();
        // Each message is a change by the operator, and a worker that is awake receives all.
        let (change_sender, changes) = unbounded();
        let mailbox = Mailbox {
            poll,
            admissions,
            woken,
            changes,
            shutdown,
            wakes: WakeSender {
                sender: wake_sender,
                shared: Arc::clone(&shared),
            },
            shared: Arc::clone(&shared),
        };
        let handle = WorkerHandle {
            sender,
            changes: change_sender,
            shared,
        };
        Ok((mailbox, handle))
    }

    /// What makes wakers for the connections of this worker.
    pub fn wakes(&self) -> WakeSender {
        self.wakes.clone()
    }

    /// Notes that the worker is about to wait. Afterwards the worker must check its channels once
    /// more, because nothing sent before this call has woken it.
    pub(super) fn set_asleep(&self) {
        self.shared.asleep.store(true, Ordering::SeqCst);
    }

    /// Notes that the worker is awake.
    pub(super) fn set_awake(&self) {
        self.shared.asleep.store(false, Ordering::SeqCst);
        if self.shared.is_asked.load(Ordering::Relaxed) {
            self.shared.is_asked.store(false, Ordering::SeqCst);
        }
    }

    /// Whether a channel has something that the worker has not received, or somebody waits for its next turn.
    pub(super) fn has_messages(&self) -> bool {
        let has_any =
            !(self.admissions.is_empty() && self.woken.is_empty() && self.changes.is_empty());
        has_any || self.shared.is_asked.load(Ordering::SeqCst)
    }

    /// Whether no socket waits in the channel, and only connections that are being refused are left.
    pub(super) fn is_idle(&self) -> bool {
        let refused = self.shared.refused.load(Ordering::Relaxed);
        let connections = self.shared.connections.load(Ordering::Relaxed);
        connections <= refused && self.admissions.is_empty()
    }

    /// Closes the mailbox if `is_done` is true while no socket can be sent. Returns whether it is
    /// closed.
    pub(super) fn close_if(&self, is_done: impl FnOnce() -> bool) -> bool {
        let mut is_open = lock(&self.shared.is_open);
        *is_open = !is_done();
        !*is_open
    }

    /// Notes that a connection which was to be refused is served.
    pub(super) fn note_served(&self) {
        self.shared.refused.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that a connection which was served is being refused.
    pub(super) fn note_refused(&self) {
        self.shared.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a connection has ended.
    pub(super) fn note_closed(&self, was_refused: bool) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if was_refused {
            self.shared.refused.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Shutdown {
    /// Notes that the server will leave. It goes on serving.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }

    /// Whether a load balancer should send clients elsewhere: the server will leave or drains. If another server has
    /// the listeners, clients reach that one.
    pub fn is_leaving(&self) -> bool {
        let is_leaving = self.leaving.load(Ordering::SeqCst) || self.is_draining();
        is_leaving && !self.is_handed_over()
    }

    /// Begins the drain: from now on, each connection ends after its response.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the drain has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// The next server accepts from the sockets that the service manager keeps.
    pub fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
    }

    /// Whether the acceptor of a socket must exit. The service manager may have passed the socket.
    pub fn ends_acceptor(&self, is_passed: bool) -> bool {
        let is_released = is_passed && self.released.load(Ordering::SeqCst);
        is_released || self.is_handed_over() || self.is_stopping()
    }

    /// Another process gets the listeners. False: the server stops, and may have closed them.
    pub fn lend(&self) -> bool {
        // Whoever comes second sees the other one: this, or `stop` followed by `is_lent`.
        self.lent.store(true, Ordering::SeqCst);
        let is_stopping = self.is_stopping();
        if is_stopping {
            self.take_back();
        }
        !is_stopping
    }

    /// The other process does not accept.
    pub fn take_back(&self) {
        self.lent.store(false, Ordering::SeqCst);
    }

    /// Whether another process accepts, or may begin to.
    pub fn is_lent(&self) -> bool {
        self.lent.load(Ordering::SeqCst)
    }

    /// Another server accepts from now on.
    pub fn hand_over(&self) {
        self.lent.store(true, Ordering::SeqCst);
        self.handed_over.store(true, Ordering::SeqCst);
    }

    /// Whether another server accepts.
    pub fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::SeqCst)
    }

    /// Tells every thread to exit at once.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether every thread must exit at once.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl WakeSender {
    /// A waker for the worker itself.
    pub fn worker_waker(&self) -> Waker {
        ConnectionWakers::new(self, WAKE).waker()
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
        // If the worker has exited, there is no connection to wake.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::listener::{Address, Service};
    use std::net::{Ipv4Addr, TcpListener};

    /// The channel still exists and would take the socket, but nobody would receive it.
    #[test]
    fn a_worker_that_has_decided_to_exit_returns_sockets() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let admission = || Admission {
            stream: TcpStream::connect(address).expect("it accepts"),
            client: Client::at(address),
            listener: Listener {
                address: Address::Tcp(address),
                is_proxied: false,
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
        assert!(!mailbox.has_messages());
        std::thread::spawn(move || waker.wake())
            .join()
            .expect("no panic");
        assert!(mailbox.has_messages());
        assert_eq!(mailbox.woken.try_recv(), Ok(token));
    }

    /// The worker was awake when somebody asked, so nothing woke it, and it is about to wait.
    #[test]
    fn a_worker_does_not_wait_while_somebody_asks_for_a_turn() {
        let (mailbox, handle) = Mailbox::new(Arc::default()).expect("a poller");
        assert!(!mailbox.has_messages());
        handle.ask_for_turn();
        mailbox.set_asleep();
        assert!(mailbox.has_messages() && !handle.has_turned());
        mailbox.set_awake();
        assert!(!mailbox.has_messages() && handle.has_turned());
    }
}
