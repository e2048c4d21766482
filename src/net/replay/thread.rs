//! The thread of a connection of the server to itself.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use crossbeam_channel::{Receiver, SendError, Sender, TryRecvError};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::guide::replay::{ClosedBy, Event, Order};
use crate::net::replay::registry::Registered;
use crate::net::tls::OwnClient;

/// The token of the socket.
const SOCKET: Token = Token(0);

/// The token of the waker.
pub(super) const WAKE: Token = Token(1);

/// How much is received at a time.
const READ: usize = 16 * 1024;

/// A connection before its thread runs.
pub(super) struct ReplayThread {
    /// Its place among the open ones.
    pub registered: Registered,
    /// Whether it speaks TLS.
    pub is_tls: bool,
    /// Wakes the thread.
    pub poll: Poll,
    /// The waker of `poll`. If the page dropped it last, its last use would be lost.
    pub _wake: Waker,
    /// What it is to do. When it is disconnected, the connection closes.
    pub orders: Receiver<Order>,
    /// How much memory the orders take that wait.
    pub waiting: Arc<AtomicUsize>,
    /// What has happened.
    pub events: Sender<Event>,
    /// Used for each event.
    pub waker: Waker,
}

/// The page wants no more of the connection.
struct Unwanted;

impl From<SendError<Event>> for Unwanted {
    fn from(_: SendError<Event>) -> Unwanted {
        Unwanted
    }
}

/// An open connection.
struct Replaying {
    stream: TcpStream,
    /// The client's side of TLS.
    session: Option<OwnClient>,
    /// Octets that the socket has not taken.
    unsent: Vec<u8>,
    /// Whether nothing more will be sent.
    is_finishing: bool,
    /// Whether the other end was told so, or does not read.
    is_finished: bool,
}

impl ReplayThread {
    /// Connects, then moves octets until one end closes.
    pub fn run(mut self) {
        // If nobody wants the last event, nobody looks any more.
        let _ = match self.open() {
            Ok((replaying, port)) => self.replay(replaying, port),
            Err(fault) => self.tell(Event::Failed(fault.to_string())),
        };
    }

    fn open(&mut self) -> io::Result<(Replaying, u16)> {
        let session = self.is_tls.then(OwnClient::new).transpose();
        let session = session.map_err(io::Error::other)?;
        let (stream, port) = self.registered.connect()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let mut source = SourceFd(&stream.as_raw_fd());
        (self.poll.registry()).register(&mut source, SOCKET, interest)?;
        let replaying = Replaying {
            stream,
            session,
            unsent: Vec::new(),
            is_finishing: false,
            is_finished: false,
        };
        Ok((replaying, port))
    }

    fn replay(&mut self, mut replaying: Replaying, port: u16) -> Result<(), Unwanted> {
        let mut events = Events::with_capacity(4);
        let mut is_told = false;
        loop {
            if !is_told && let Some(tls) = replaying.established() {
                self.tell(Event::Connected(port, tls))?;
                is_told = true;
            }
            // A TLS handshake comes first.
            if is_told {
                self.take_orders(&mut replaying)?;
            }
            replaying.send();
            let mut received = Vec::new();
            let end = replaying.receive(&mut received);
            if !received.is_empty() {
                self.tell(Event::Received(received))?;
            }
            match end {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => return self.tell(end_of(&fault, is_told)),
            }
            if self.poll.poll(&mut events, None).is_err() {
                // Interrupted by a signal.
                events.clear();
            }
        }
    }

    /// Takes the next orders, as long as the socket takes what is to be sent.
    fn take_orders(&self, replaying: &mut Replaying) -> Result<(), Unwanted> {
        while replaying.unsent.is_empty() {
            let order = match self.orders.try_recv() {
                Ok(order) => order,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Unwanted),
            };
            self.waiting.fetch_sub(order.cost(), Ordering::Relaxed);
            match order {
                Order::Send(octets) => replaying.write(octets),
                Order::Finish => replaying.is_finishing = true,
            }
            replaying.send();
        }
        Ok(())
    }

    /// Tells the page. Waits if it reads slowly.
    fn tell(&self, event: Event) -> Result<(), Unwanted> {
        self.events.send(event)?;
        self.waker.wake_by_ref();
        Ok(())
    }
}

/// What the end of the octets means.
fn end_of(fault: &io::Error, is_open: bool) -> Event {
    match fault.kind() {
        ErrorKind::UnexpectedEof if is_open => Event::Closed(ClosedBy::Server),
        ErrorKind::ConnectionReset if is_open => Event::Closed(ClosedBy::ServerReset),
        ErrorKind::UnexpectedEof => Event::Failed("the server closed the connection".to_owned()),
        _ => Event::Failed(fault.to_string()),
    }
}

impl Replaying {
    /// Whether octets may be sent: `None` until TLS is established. Then its version and its cipher suite.
    #[expect(
        clippy::option_option,
        reason = "the inner one is an answer without TLS"
    )]
    fn established(&self) -> Option<Option<(&'static str, &'static str)>> {
        match &self.session {
            None => Some(None),
            Some(session) => session.security().map(Some),
        }
    }

    /// Has octets sent.
    fn write(&mut self, octets: Vec<u8>) {
        match &mut self.session {
            None => self.unsent = octets,
            Some(session) => session.write(&octets, &mut self.unsent),
        }
    }

    /// Sends what waits. If the other end takes no more, the rest is dropped: what it has sent must be read.
    fn send(&mut self) {
        if let Some(session) = &mut self.session {
            session.take_records(&mut self.unsent);
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count @ 1..) => drop(self.unsent.drain(..count)),
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    self.unsent.clear();
                    self.is_finished = true;
                }
            }
        }
        if self.is_finishing && !self.is_finished {
            self.is_finished = true;
            if let Some(session) = &mut self.session {
                session.finish(&mut self.unsent);
                // The alert is short, so the socket has room for it.
                let _ = self.stream.write(&std::mem::take(&mut self.unsent));
            }
            // If the other end has closed, nothing more need be said.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Receives once. Returns whether there may be more. The end of the octets is an error.
    fn receive(&mut self, received: &mut Vec<u8>) -> io::Result<bool> {
        let mut octets = [0; READ];
        let count = match self.stream.read(&mut octets) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(fault) if fault.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(fault) => return Err(fault),
        };
        match &mut self.session {
            None => received.extend_from_slice(&octets[..count]),
            Some(session) => session
                .read(&octets[..count], received)
                .map_err(io::Error::other)?,
        }
        Ok(true)
    }
}
