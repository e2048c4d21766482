//! One client's connection, as a value that stops at any byte and goes on later.
//!
//! ```text
//!    Handshake (TLS)
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
//! This file moves the bytes and keeps the deadlines; [`crate::net::exchange`] reads and answers
//! requests, [`crate::net::sending`] sends what was answered, [`crate::net::handshake`] begins TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use crate::http1::parse;
use crate::net::bench::{Bench, Desk};
use crate::net::buffer::Buffer;
use crate::net::deadline::{Deadline, Pace, Waiting};
use crate::net::discard::Discard;
use crate::net::kept::Kept;
use crate::net::sending::Sending;
use crate::net::socket::{Flushed, Input, More};
use crate::net::transport::Transport;
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
    received: Vec<u8>,
    /// Written and not taken by the socket, between turns.
    unsent: Vec<u8>,
    /// How far the blank line was looked for in what is received.
    pub(super) scanned: parse::Progress,
    /// The connection was reset: nobody will read an answer.
    gone: bool,
    /// The client's end of sending, once it was read.
    ended: Option<End>,
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

/// How a client ends what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As it should.
    Orderly,
    /// Without the word that its session demands, so somebody else may have ended it.
    Cut,
}

/// What the connection is about.
pub(super) enum Phase {
    /// A client that is to be turned away is told so once there is a session.
    Handshake {
        refused: Option<Reason>,
    },
    ReadHead,
    Discard(Box<Kept>, Box<Discard>),
    List(Box<Kept>, Box<ListingJob>),
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
    Cut,
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
        let now = desk.now.instant;
        let (phase, waiting) = match service == Service::Site && desk.endpoint.is_some() {
            true => (Phase::Handshake { refused: None }, Waiting::Handshake),
            false => (Phase::ReadHead, Waiting::Request),
        };
        let patience = match waiting {
            Waiting::Handshake => desk.deadlines.handshake,
            _ => desk.deadlines.head,
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
            began: now,
            deadline: Deadline::new(waiting, now, patience),
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

    /// Whether the client's end of sending was read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
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
    fn turn(&mut self, bench: &mut Bench, act: fn(&mut Connection, &mut Bench) -> Turn) -> Turn {
        bench.inbox.restore(&mut self.received);
        bench.desk.outbox.restore(&mut self.unsent);
        self.transport.begin_turn(&mut bench.desk.wire);
        bench.desk.budget = TURN_BUDGET;
        let turn = act(self, bench);
        if let Turn::Closed(Closed::Idle | Closed::Orderly) = turn {
            self.farewell(&mut bench.desk);
        }
        self.transport.end_turn(&mut bench.desk.wire);
        bench.inbox.keep(&mut self.received);
        bench.desk.outbox.keep(&mut self.unsent);
        turn
    }

    /// The last word of a session that ends as it should (RFC 9112 section 9.8). Nothing is on its
    /// way to the client, so there is room for it; a client that is gone does not miss it.
    fn farewell(&mut self, desk: &mut Desk) {
        self.transport.close();
        let _ = self.flush(desk);
    }

    /// Acts upon a deadline that has passed.
    pub fn expire(&mut self, bench: &mut Bench) -> Turn {
        let idle = |_: &mut Connection, _: &mut Bench| Turn::Closed(Closed::Idle);
        let reason = match self.deadline.waiting {
            Waiting::Request => return self.turn(bench, idle),
            Waiting::Close => return Turn::Closed(Closed::Idle),
            Waiting::Handshake => return self.give_up_handshake(bench),
            Waiting::Send => return self.judge_pace(bench),
            Waiting::Head if is_blank(&self.received) => return self.turn(bench, idle),
            Waiting::Head => Reason::HeadDeadline,
            Waiting::Body => Reason::BodyDeadline,
        };
        let method = self.method_so_far(&self.received);
        self.refuse(Status::RequestTimeout, reason, method, &mut bench.desk);
        self.drive_with_refusal(bench)
    }

    /// Sends a refusal that was made between two turns: nothing else was unsent, because more was
    /// awaited, so it stands alone.
    pub(super) fn drive_with_refusal(&mut self, bench: &mut Bench) -> Turn {
        bench.desk.outbox.keep(&mut self.unsent);
        self.drive(bench)
    }

    /// What has come and is not understood, between two turns.
    pub(super) fn received(&self) -> &[u8] {
        &self.received
    }

    /// The end of a window: the kernel says that there is room only when a third of its buffer has
    /// left, so what the client has taken is learnt by filling it up again.
    fn judge_pace(&mut self, bench: &mut Bench) -> Turn {
        let mut turn = self.drive(bench);
        // A turn ends before a large socket is full.
        while turn == Turn::Again && self.deadline.waiting == Waiting::Send && !self.pace.is_kept()
        {
            turn = self.drive(bench);
        }
        if matches!(turn, Turn::Closed(_)) || self.deadline.waiting != Waiting::Send {
            return turn;
        }
        if !self.pace.was_kept(turn == Turn::Wait) {
            return Turn::Closed(Closed::TooSlow);
        }
        if let Phase::Send(sending) = &self.phase {
            sending.give_up_copy();
        }
        self.deadline = self.pace.window(bench.desk.now.instant);
        turn
    }

    fn run(&mut self, bench: &mut Bench) -> Turn {
        if self.gone {
            return Turn::Closed(Closed::Reset);
        }
        loop {
            let step = match &self.phase {
                Phase::Handshake { .. } => self.handshake(bench),
                Phase::ReadHead => self.read_head(bench),
                Phase::Discard(..) => self.discard(bench),
                Phase::List(..) => self.list(bench),
                Phase::Send(_) => self.send(bench),
                Phase::Closing { linger } => {
                    let has_more =
                        self.transport.is_readable() || !bench.inbox.waiting().is_empty();
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

    /// Receives more of what is `awaited`, once everything written so far has left: a client may
    /// be waiting for an answer before it sends on.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Buffer,
        desk: &mut Desk,
        awaited: Waiting,
    ) -> Step {
        match self.flush(desk) {
            Ok(Flushed::All) => {}
            Ok(Flushed::Blocked) => return self.wait_to_send(desk),
            Err(_) => return Step::Close(Closed::Reset),
        }
        let is_idle = awaited == Waiting::Head && inbox.waiting().is_empty();
        // What is waited for now may not be what it was: the first byte of a head has come, or the
        // socket has room again.
        let waiting = if is_idle { Waiting::Request } else { awaited };
        // Only an answer starts a new wait for a request, not an empty line.
        let goes_back = waiting == Waiting::Request && self.deadline.waiting == Waiting::Head;
        if self.deadline.waiting != waiting && !goes_back {
            self.deadline = Deadline::new(waiting, desk.now.instant, desk.allowed(waiting));
        }
        if let Some(end) = self.ended {
            let is_over = awaited == Waiting::Head && is_blank(inbox.waiting());
            return self.end_of_requests(end, is_over, inbox, desk);
        }
        match self.read(inbox, desk) {
            Ok(Input::Bytes(_)) => {
                if is_idle {
                    self.began = desk.now.instant;
                }
                Step::Next
            }
            Ok(Input::End | Input::Cut) => Step::Next,
            Ok(Input::Nothing) if is_idle && desk.draining => Step::Close(Closed::Idle),
            Ok(Input::Nothing) => Step::Wait,
            Err(fault) => self.fail_to_read(&fault),
        }
    }

    /// A session that was broken has sent an alert, which the client is to read; else there is
    /// nobody left.
    fn fail_to_read(&mut self, fault: &io::Error) -> Step {
        if fault.kind() != io::ErrorKind::InvalidData {
            return Step::Close(Closed::Reset);
        }
        self.phase = Phase::Closing { linger: true };
        Step::Next
    }

    /// The client will send no more. Half a request is answered, so that whoever typed it learns
    /// what is missing (RFC 9112 section 8).
    fn end_of_requests(
        &mut self,
        end: End,
        is_over: bool,
        inbox: &Buffer,
        desk: &mut Desk,
    ) -> Step {
        let (closed, reason) = match end {
            End::Orderly => (Closed::Orderly, Reason::Incomplete),
            End::Cut => (Closed::Cut, Reason::Cut),
        };
        if is_over {
            return Step::Close(closed);
        }
        let method = self.method_so_far(inbox.waiting());
        self.refuse(Status::BadRequest, reason, method, desk);
        Step::Next
    }

    /// Reads once.
    pub(super) fn read(&mut self, inbox: &mut Buffer, desk: &mut Desk) -> io::Result<Input> {
        let input = self.transport.read(inbox.room())?;
        self.account(desk);
        match input {
            Input::Bytes(count) => inbox.add(count),
            Input::End => self.ended = Some(End::Orderly),
            Input::Cut => self.ended = Some(End::Cut),
            Input::Nothing => {}
        }
        Ok(input)
    }

    /// Writes what is waiting to be written.
    pub(super) fn flush(&mut self, desk: &mut Desk) -> io::Result<Flushed> {
        self.push(More::No, desk)
    }

    fn push(&mut self, more: More, desk: &mut Desk) -> io::Result<Flushed> {
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

    /// Closing: what was written leaves first, and behind it the session's last word; then, where
    /// the client may still be sending, it is told of the end and read from until it has seen it.
    fn close(&mut self, linger: bool, desk: &mut Desk) -> Step {
        let flushed = self
            .push(More::Follows, desk)
            .and_then(|flushed| match flushed {
                Flushed::All => {
                    self.transport.close();
                    self.flush(desk)
                }
                Flushed::Blocked => Ok(Flushed::Blocked),
            });
        match flushed {
            Ok(Flushed::All) => {}
            Ok(Flushed::Blocked) => return self.wait_to_send(desk),
            Err(_) => return Step::Close(Closed::Reset),
        }
        if !linger || self.ended.is_some() || self.transport.finish().is_err() {
            return Step::Close(Closed::Orderly);
        }
        self.deadline = Deadline::new(Waiting::Close, desk.now.instant, desk.deadlines.linger);
        self.phase = Phase::Linger;
        Step::Next
    }

    /// Linger: unread bytes at the close would make the kernel send a reset, which can destroy the
    /// answer before the client reads it (RFC 9112 section 9.6).
    fn linger(&mut self, inbox: &mut Buffer, desk: &mut Desk) -> Step {
        inbox.consume(inbox.waiting().len());
        let input = self.transport.discard(inbox.room());
        self.account(desk);
        match input {
            Ok(Input::End | Input::Cut) => Step::Close(Closed::Orderly),
            Ok(Input::Nothing) => Step::Wait,
            Ok(Input::Bytes(_)) => Step::Again,
            Err(_) => Step::Close(Closed::Reset),
        }
    }
}

/// An answer that is not complete must not look as if it were.
impl Drop for Connection {
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Send(_))
            || !self.unsent.is_empty()
            || self.transport.has_unsent()
        {
            self.transport.abort();
        }
    }
}

/// Whether nothing but empty lines has come, which are no part of a request (RFC 9112 section 2.2).
fn is_blank(received: &[u8]) -> bool {
    received.iter().all(|byte| b"\r\n".contains(byte))
}
