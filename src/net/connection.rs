//! One client's connection, as a value that stops at any byte and goes on later.
//!
//! ```text
//!    Handshake (TLS) --(plain text, a fault)--> Closing
//!        |
//!        v
//!        +-------------------------- next request -----------------------+
//!        v                                                               |
//!    ReadHead --(a body)--> Discard --+                                  |
//!        |                            v                                  |
//!        +------------------------> answer --(a directory)--> List       |
//!        |                            |                        |         |
//!     (fault)                         v                        |         |
//!        |                          Send <---------------------+         |
//!        v                            |                                  |
//!     Closing <-------(close)---------+------------(keep-alive)----------+
//!        |
//!        +--> Linger (RFC 9112 section 9.6) --> closed
//! ```
//!
//! This file drives. The phases stand in [`crate::net::handshake`] (TLS), [`crate::net::exchange`]
//! (a request, from its head to its answer), [`crate::net::sending`] (the answer) and
//! [`crate::net::closing`] (the end). [`crate::net::receiving`] waits for more of a request; what a
//! passed deadline means stands in [`crate::net::expiry`].

use std::net::SocketAddr;
use std::time::Instant;

use crate::http1::parse;
use crate::net::bench::{Bench, Desk};
use crate::net::deadline::{Deadline, Pace, Waiting};
use crate::net::discard::Discard;
use crate::net::kept::Kept;
use crate::net::sending::Sending;
use crate::net::socket::{End, Flushed, More};
use crate::net::transport::Transport;
use crate::net::transport_error::TransportError;
use crate::origin::index::ListingJob;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

/// Bytes one connection may move before its neighbours have their turn.
const TURN_BUDGET: u64 = 512 * 1024;

/// What a received byte counts towards the budget: to understand one costs more than to send one.
const RECEIVED_COST: u64 = 8;

/// A client's connection.
pub struct Connection {
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    pub(super) service: Service,
    pub(super) phase: Phase,
    /// Received and not consumed, between turns.
    pub(super) received: Vec<u8>,
    /// Written and not taken by the socket, between turns.
    pub(super) unsent: Vec<u8>,
    /// How far the blank line was looked for in what is received.
    pub(super) scanned: parse::Progress,
    /// The connection was reset: nobody will read an answer.
    gone: bool,
    /// The client's end of sending, once it was read.
    pub(super) ended: Option<End>,
    /// When the first byte of the current request came.
    pub(super) began: Instant,
    pub(super) deadline: Deadline,
    pub(super) pace: Pace,
}

/// What the port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The site; over TLS where the server speaks it.
    Site,
    /// To send clients to the site, always in plain text.
    Redirect,
}

/// What the connection is about.
pub(super) enum Phase {
    /// A client that is to be turned away is told so once there is a session.
    Handshake {
        refused: Option<Reason>,
    },
    ReadHead,
    Discard(Box<Kept>, Box<Discard>),
    /// `has_rest`: the request's body is not read to the end, so nothing that follows it can be
    /// understood.
    List {
        kept: Box<Kept>,
        has_rest: bool,
        job: Box<ListingJob>,
    },
    Send(Box<Sending>),
    Closing {
        linger: bool,
    },
    Linger,
}

/// What a connection asks of its worker after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing until the socket is ready or the deadline passes.
    Wait,
    /// Another turn, after the neighbours'.
    Again,
    /// It is over.
    Closed(Closed),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Everything asked for was answered.
    Orderly,
    /// No request came in time, or the server is draining.
    Idle,
    /// The client took longer than a deadline allows.
    TooSlow,
    /// The client went away.
    Reset,
    /// The client's end came without the word that its session demands.
    Truncated,
    /// The disk changed under an answer, which was cut.
    Aborted,
    /// Driving it panicked.
    Bug,
}

/// What a phase asks for after a step.
pub(super) enum Step {
    /// The next step, of this phase or another.
    Next,
    /// The socket's readiness.
    Wait,
    /// The neighbours' turn first.
    Again,
    /// The end.
    Close(Closed),
}

impl Connection {
    /// A connection just accepted.
    pub fn new(
        transport: Transport,
        peer: SocketAddr,
        service: Service,
        desk: &Desk,
    ) -> Connection {
        let (phase, waiting) = match service == Service::Site && desk.endpoint.is_some() {
            true => (Phase::Handshake { refused: None }, Waiting::Handshake),
            false => (Phase::ReadHead, Waiting::FirstRequest),
        };
        Connection {
            transport,
            peer,
            service,
            phase,
            received: Vec::new(),
            unsent: Vec::new(),
            scanned: parse::Progress::default(),
            gone: false,
            ended: None,
            began: desk.now.instant,
            deadline: desk.deadline(waiting),
            pace: Pace::new(desk.limits.min_rate, desk.deadlines.send),
        }
    }

    /// A connection that is turned away with 503 before anything is read from it.
    pub fn refused(
        transport: Transport,
        peer: SocketAddr,
        service: Service,
        reason: Reason,
        desk: &mut Desk,
    ) -> Connection {
        let mut connection = Connection::new(transport, peer, service, desk);
        if let Phase::Handshake { refused } = &mut connection.phase {
            *refused = Some(reason);
            return connection;
        }
        connection.refuse(Status::ServiceUnavailable, reason, None, desk);
        desk.outbox.keep(&mut connection.unsent);
        connection
    }

    /// The socket, for its registration.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Notes what the poller said: there may be more to read, the client will send no more, the
    /// connection is over in both directions.
    pub fn ready(&mut self, readable: bool, hung_up: bool, gone: bool) {
        self.transport.ready(readable, hung_up);
        self.gone |= gone;
    }

    /// Whether its next turn is likely to be a long one, for the sake of a client that has asked for
    /// nothing yet.
    pub fn is_shaking_hands(&self) -> bool {
        matches!(self.phase, Phase::Handshake { .. })
    }

    /// When the worker must look again although nothing happened.
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Runs until the socket blocks, the turn's budget is used up, or the connection is over.
    pub fn drive(&mut self, bench: &mut Bench) -> Turn {
        self.turn(bench, Connection::run)
    }

    /// Lets the connection act with what the worker lends, and takes up what is left.
    pub(super) fn turn(
        &mut self,
        bench: &mut Bench,
        act: fn(&mut Connection, &mut Bench) -> Turn,
    ) -> Turn {
        bench.inbox.restore(&mut self.received);
        bench.desk.outbox.restore(&mut self.unsent);
        self.transport.take_up(&mut bench.desk.wire);
        bench.desk.budget = TURN_BUDGET;
        let turn = act(self, bench);
        if let Turn::Closed(Closed::Idle | Closed::Orderly) = turn {
            self.farewell(&mut bench.desk);
        }
        self.transport.give_back(&mut bench.desk.wire);
        bench.inbox.keep(&mut self.received);
        bench.desk.outbox.keep(&mut self.unsent);
        turn
    }

    fn run(&mut self, bench: &mut Bench) -> Turn {
        if self.gone {
            self.lose_handshake(&mut bench.desk);
            return Turn::Closed(Closed::Reset);
        }
        loop {
            let step = match &self.phase {
                Phase::Handshake { .. } => self.handshake(bench),
                Phase::ReadHead => self.read_head(bench),
                Phase::Discard(..) => self.discard(bench),
                Phase::List { .. } => self.list(bench),
                Phase::Send(_) => self.send(bench),
                Phase::Closing { linger } => {
                    let has_more = self.transport.has_more() || !bench.inbox.waiting().is_empty();
                    self.close(*linger || has_more, &mut bench.desk)
                }
                Phase::Linger => self.linger(&mut bench.inbox, &mut bench.desk),
            };
            match step {
                Step::Next if bench.desk.budget > 0 => {}
                Step::Next | Step::Again => match self.flush(&mut bench.desk) {
                    Ok(_) => return Turn::Again,
                    Err(_) => return Turn::Closed(Closed::Reset),
                },
                Step::Wait => return Turn::Wait,
                Step::Close(closed) => return Turn::Closed(closed),
            }
        }
    }

    /// Writes what is waiting to be written.
    pub(super) fn flush(&mut self, desk: &mut Desk) -> Result<Flushed, TransportError> {
        self.push(More::No, desk)
    }

    pub(super) fn push(&mut self, more: More, desk: &mut Desk) -> Result<Flushed, TransportError> {
        let flushed = desk.outbox.flush(&mut self.transport, more);
        self.account(desk);
        flushed
    }

    /// Counts what has crossed the socket: towards the turn's budget and towards the pace.
    pub(super) fn account(&mut self, desk: &mut Desk) {
        let traffic = self.transport.take_traffic();
        desk.spend(RECEIVED_COST * traffic.received);
        self.pace.count(traffic.sent);
    }

    /// The socket is full: the client must keep the pace from now on.
    pub(super) fn wait_to_send(&mut self, desk: &Desk) -> Step {
        self.pace.fill();
        if self.deadline.waiting != Waiting::Send {
            self.deadline = self.pace.window(desk.now.instant);
        }
        Step::Wait
    }
}
