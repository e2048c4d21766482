//! A client's stream of bytes in both directions, during a turn.
//!
//! A stream handles bytes and time. It knows nothing about requests. The worker has one set of
//! [`Buffers`], which it lends to a connection for a turn. Between turns, only the `StreamState` exists.

use std::time::Instant;

use crate::http1::persistence::Ending;
use crate::net::buffer::Buffer;
use crate::net::clock;
use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::exchange::{Exchange, OnConnection};
use crate::net::outbox::Outbox;
use crate::net::socket::{Flushed, Input, More};
use crate::net::stream_state::StreamState;
use crate::net::tls::{RecordBuffers, Session};
use crate::net::transport_error::TransportError;
use crate::observe::event::End;

/// Bytes that a connection may move in one turn. Then the worker drives the next connection.
const TURN_BUDGET: u64 = 512 * 1024;

/// What a received byte costs of that budget. Parsing a byte takes longer than sending one.
const RECEIVED_COST: u64 = 8;

/// Room in the inbox for pipelined requests behind the longest head.
const READ_AHEAD: usize = 16 * 1024;

/// The buffers of a worker, for the connection that it drives.
pub struct Buffers {
    /// Bytes received and not consumed.
    inbox: Buffer,
    /// Bytes written and not taken by the socket.
    outbox: Outbox,
    /// TLS records.
    records: RecordBuffers,
}

impl Buffers {
    /// Buffers for heads of at most `longest_head` bytes.
    pub fn new(longest_head: usize) -> Buffers {
        Buffers {
            inbox: Buffer::new(longest_head + READ_AHEAD),
            outbox: Outbox::default(),
            records: RecordBuffers::new(),
        }
    }
}

/// A client's byte stream, with the worker's buffers.
pub struct Stream<'t> {
    /// What the connection keeps between turns.
    pub state: &'t mut StreamState,
    /// Bytes received and not consumed.
    pub inbox: &'t mut Buffer,
    /// Bytes written and not taken by the socket.
    pub outbox: &'t mut Outbox,
    records: &'t mut RecordBuffers,
    /// Bytes that the connection may still move in this turn.
    pub budget: u64,
    /// When the turn ends, once it has answered a request and the next one waits.
    ends: Option<Instant>,
}

impl<'t> Stream<'t> {
    /// Begins a turn: fills the buffers with what the connection kept. After a turn that panicked, they
    /// still hold what the connection had.
    pub fn begin(state: &'t mut StreamState, buffers: &'t mut Buffers) -> Stream<'t> {
        let Buffers {
            inbox,
            outbox,
            records,
        } = buffers;
        if !state.begin_turn() {
            state.transport.begin_turn(records);
            state.restore(inbox, outbox);
        }
        Stream {
            state,
            inbox,
            outbox,
            records,
            budget: TURN_BUDGET,
            ends: None,
        }
    }

    /// Ends the turn: keeps what is left in the buffers. Charges what the connection keeps, which includes
    /// `protocol_cost` bytes of its protocol.
    pub fn end(self, protocol_cost: usize) {
        let Stream {
            state,
            inbox,
            outbox,
            records,
            ..
        } = self;
        state.transport.end_turn(records);
        state.keep(inbox, outbox, protocol_cost);
    }

    /// Notes that a request was answered. If the next one waits already, the turn ends when its time is
    /// over. The clock is read only then.
    pub fn end_if_late(&mut self, context: &mut Context) {
        if self.inbox.is_empty() {
            return;
        }
        let now = clock::instant();
        context.now.latest = now;
        let ends = *self.ends.get_or_insert(now + context.turn_time);
        if now >= ends {
            self.budget = 0;
        }
    }

    /// Reads once.
    pub fn read(&mut self, context: &Context) -> Result<Input, TransportError> {
        let input = self.state.transport.read(self.inbox.room())?;
        self.count_traffic();
        match input {
            Input::Bytes(count) => {
                self.state.last_read = context.now.latest;
                self.state.last_count = count as u32;
                if self.inbox.is_empty() {
                    self.state.arrived = context.now.latest;
                }
                self.inbox.add(count);
            }
            Input::End(end) => self.state.ended = Some(end),
            Input::Overhead | Input::Nothing => {}
        }
        Ok(input)
    }

    /// Notes that the next byte begins a new message.
    pub fn end_message(&mut self) {
        if self.inbox.waiting().len() <= self.state.last_count as usize {
            self.state.arrived = self.state.last_read;
        }
    }

    /// Writes what waits to be sent.
    pub fn flush(&mut self, context: &mut Context) -> Result<Flushed, TransportError> {
        self.push(More::No, context)
    }

    /// The same; `more` says whether more follows at once. Then ends the exchanges whose last byte has
    /// left.
    pub fn push(&mut self, more: More, context: &mut Context) -> Result<Flushed, TransportError> {
        let flushed = self.outbox.flush(&mut self.state.transport, more);
        self.count_traffic();
        self.end_sent_exchanges(context);
        flushed
    }

    /// Counts the bytes that crossed the socket, for the turn's budget and for the deadlines.
    pub fn count_traffic(&mut self) {
        let traffic = self.state.transport.take_traffic();
        let crossed = traffic.received.wrapping_add(traffic.sent);
        self.state.traffic = self.state.traffic.wrapping_add(crossed);
        self.spend(RECEIVED_COST * u64::from(traffic.received));
        self.state.pace.count(traffic.sent.into());
    }

    /// Subtracts work from the turn's budget.
    pub fn spend(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_sub(bytes);
    }

    /// Notes that the socket is full. From now on, the client must keep the pace.
    pub fn wait_to_send(&mut self, context: &Context) {
        self.state.pace.fill();
        if self.state.deadline.waiting != Waiting::Send {
            self.state.deadline = context.lowest_rate.window(context.now.instant);
        }
    }

    /// Sets a new deadline if the connection waits for something else than before. An empty line does
    /// not start a new wait for a request; only a response does.
    pub fn wait_for(&mut self, deadline: Deadline) {
        let goes_back = deadline.waiting == Waiting::Request
            && matches!(
                self.state.deadline.waiting,
                Waiting::FirstRequest | Waiting::Head
            );
        if self.state.deadline.waiting != deadline.waiting && !goes_back {
            self.state.deadline = deadline;
        }
    }

    /// Why the server ends the connection after this response, if it does.
    pub fn ending(&self, context: &Context) -> Option<Ending> {
        match context.origins.is_draining() {
            true => Some(Ending::ShuttingDown),
            false => self.state.is_outdated.then_some(Ending::Reloaded),
        }
    }

    /// Why the server ends the connection although no request has begun, if it does.
    pub fn ending_idle(&self, context: &Context) -> Option<Ending> {
        let ending = self.ending(context);
        ending.filter(|ending| context.ends_idle || *ending != Ending::ShuttingDown)
    }

    /// Whether the client has sent bytes that were not consumed, or may have.
    pub fn has_more(&self) -> bool {
        self.state.transport.has_more() || !self.inbox.is_empty()
    }

    /// How many written bytes were not taken, by the socket or by the TLS session.
    pub fn unsent(&self) -> u64 {
        self.outbox.waiting().len() as u64
    }

    /// Whether written bytes, or TLS records, have not left.
    pub fn has_unsent(&self) -> bool {
        !self.outbox.is_empty() || self.state.transport.has_unsent()
    }

    /// Adds a TLS session to the transport.
    pub fn secure(&mut self, session: Session) {
        self.state.transport.secure(session, self.records);
    }

    /// Notes that the TLS handshake is complete.
    pub fn note_secured(&mut self, now: Instant) {
        if let Some(start) = &mut self.state.start {
            start.secured = Some(now);
        }
    }

    /// Ends the exchanges whose last byte has left. A TLS session may have taken the bytes and still
    /// hold their records.
    pub fn end_sent_exchanges(&mut self, context: &mut Context) {
        if !self.outbox.has_ended() || self.state.transport.has_unsent() {
            return;
        }
        while let Some(exchange) = self.outbox.next_ended() {
            self.end_exchange(exchange, End::Complete, 0, context);
        }
    }

    /// Ends the exchanges whose last byte will never leave.
    pub fn end_unsent_exchanges(&mut self, end: End, context: &mut Context) {
        self.end_sent_exchanges(context);
        while let Some((exchange, unsent)) = self.outbox.next_unended() {
            self.end_exchange(exchange, end, unsent, context);
        }
    }

    /// Counts, logs and shows an exchange. `unsent` bytes of what was written did not leave.
    pub fn end_exchange(
        &mut self,
        exchange: Exchange,
        end: End,
        unsent: u64,
        context: &mut Context,
    ) {
        self.state.exchanges.count(exchange.is_own());
        let start = self.state.start.take();
        let on = OnConnection {
            client: &self.state.client,
            security: self.state.transport.security(),
            exchanges: self.state.exchanges,
            start: start.as_deref(),
        };
        let (now, observer) = (&mut context.now, &mut context.observer);
        exchange.end(end, unsent, &on, now, observer);
    }
}
