//! A client's transport, its inbox, its outbox, and its deadline.
//!
//! A stream handles bytes and time. It knows nothing about requests.

use std::time::Instant;

use mio::Token;

use crate::net::buffer::Buffer;
use crate::net::clock;
use crate::net::context::{Buffers, Context};
use crate::net::deadline::{Deadline, Pace, Waiting};
use crate::net::exchange::{ConnectionStart, Exchange, OnConnection};
use crate::net::outbox::{Outbox, Unsent};
use crate::net::socket::{End as InputEnd, Flushed, Input, More};
use crate::net::transport::Transport;
use crate::net::transport_error::TransportError;
use crate::observe::client::Client;
use crate::observe::event::End;
use crate::site::budget::{Account, Charge};
use crate::site::storage::Storage;

/// Bytes that a connection may move in one turn. Then the worker drives the next connection.
const TURN_BUDGET: u64 = 512 * 1024;

/// The memory of a connection that waits for a request, in bytes.
const COST: u64 = 1024;

/// What a received byte costs of that budget. Parsing a byte takes longer than sending one.
const RECEIVED_COST: u64 = 8;

/// A client's byte stream in both directions.
pub struct Stream {
    /// The socket, and its TLS session if it has one.
    pub transport: Transport,
    /// The client.
    pub client: Client,
    /// Bytes received and not consumed. During a turn, this is the worker's buffer.
    pub inbox: Buffer,
    /// Bytes written and not taken by the socket. During a turn, this is the worker's outbox.
    pub outbox: Outbox,
    /// What is left of the inbox between turns.
    received: Storage,
    /// What is left of the outbox between turns.
    unsent: Unsent,
    /// For the connection, and for what is left between turns.
    charge: Charge,
    /// How the client's bytes ended, once they have.
    pub ended: Option<InputEnd>,
    /// When the first byte of the current message was received.
    pub arrived: Instant,
    /// When the last bytes were received, and how many.
    last_read: (Instant, usize),
    /// When the worker must act although no event comes.
    pub deadline: Deadline,
    /// Whether the client reads fast enough.
    pub pace: Pace,
    /// How many bytes crossed the socket since the connection began.
    pub traffic: u64,
    /// Bytes that the connection may still move in this turn.
    pub budget: u64,
    /// When a turn ends that answers more than one request.
    turn_ends: Option<Instant>,
    /// The worker's token for the connection.
    pub token: Token,
    /// How many exchanges have ended.
    exchanges: u32,
    /// When the connection began. Kept until its first exchange has ended, if somebody looks.
    start: Option<Box<ConnectionStart>>,
    /// The poller reported that the connection is closed in both directions.
    pub is_gone: bool,
}

impl Stream {
    /// The stream of a connection that was just accepted.
    pub fn new(
        transport: Transport,
        client: Client,
        waiting: Waiting,
        context: &Context,
    ) -> Stream {
        Stream {
            transport,
            client,
            inbox: Buffer::default(),
            outbox: Outbox::default(),
            received: Storage::default(),
            unsent: Unsent::default(),
            charge: context.memory.charge_anyway(Account::Connections, COST),
            ended: None,
            arrived: context.now.instant,
            last_read: (context.now.instant, 0),
            deadline: context.deadline(waiting),
            pace: Pace::new(context.limits.min_rate, context.deadlines.send),
            traffic: 0,
            budget: 0,
            turn_ends: None,
            token: Token(0),
            exchanges: 0,
            start: start(context),
            is_gone: false,
        }
    }

    /// Swaps in the worker's buffers and restores what the connection kept.
    pub fn begin_turn(&mut self, buffers: &mut Buffers) {
        std::mem::swap(&mut self.inbox, &mut buffers.inbox);
        std::mem::swap(&mut self.outbox, &mut buffers.outbox);
        self.inbox.restore(&mut self.received);
        self.outbox.restore(&mut self.unsent);
        self.transport.begin_turn(&mut buffers.records);
        self.budget = TURN_BUDGET;
        self.turn_ends = None;
    }

    /// Notes that a request was answered. If the next one waits already, the turn ends when its time is
    /// over. The clock is read only then.
    pub fn end_if_late(&mut self, context: &mut Context) {
        if self.inbox.is_empty() {
            return;
        }
        let now = clock::instant();
        context.now.latest = now;
        let ends = *self.turn_ends.get_or_insert(now + context.turn_time);
        if now >= ends {
            self.budget = 0;
        }
    }

    /// Keeps what is left in the buffers and swaps them out. Charges what the connection keeps, which
    /// includes `protocol_cost` bytes of its protocol.
    pub fn end_turn(&mut self, protocol_cost: usize, buffers: &mut Buffers) {
        self.transport.end_turn(&mut buffers.records);
        self.inbox.keep(&mut self.received);
        self.outbox.keep(&mut self.unsent);
        let kept =
            self.received.cost() + self.unsent.cost() + self.transport.cost() + protocol_cost;
        self.charge.resize_anyway(COST + kept as u64);
        std::mem::swap(&mut self.inbox, &mut buffers.inbox);
        std::mem::swap(&mut self.outbox, &mut buffers.outbox);
    }

    /// What the connection is charged.
    pub fn charged(&self) -> u64 {
        self.charge.units()
    }

    /// How much of that is more than an idle connection costs.
    pub fn kept(&self) -> u64 {
        self.charged()
            .saturating_sub(COST + self.transport.least_cost() as u64)
    }

    /// Reads once.
    pub fn read(&mut self, context: &Context) -> Result<Input, TransportError> {
        let input = self.transport.read(self.inbox.room())?;
        self.count_traffic();
        match input {
            Input::Bytes(count) => {
                self.last_read = (context.now.latest, count);
                if self.inbox.is_empty() {
                    self.arrived = context.now.latest;
                }
                self.inbox.add(count);
            }
            Input::End(end) => self.ended = Some(end),
            Input::Overhead | Input::Nothing => {}
        }
        Ok(input)
    }

    /// Notes that the next byte begins a new message.
    pub fn end_message(&mut self) {
        let (at, count) = self.last_read;
        if self.inbox.waiting().len() <= count {
            self.arrived = at;
        }
    }

    /// Writes what waits to be sent.
    pub fn flush(&mut self, context: &mut Context) -> Result<Flushed, TransportError> {
        self.push(More::No, context)
    }

    /// The same; `more` says whether more follows at once. Then ends the exchanges whose last byte has
    /// left.
    pub fn push(&mut self, more: More, context: &mut Context) -> Result<Flushed, TransportError> {
        let flushed = self.outbox.flush(&mut self.transport, more);
        self.count_traffic();
        self.end_sent_exchanges(context);
        flushed
    }

    /// Counts the bytes that crossed the socket, for the turn's budget and for the deadlines.
    pub fn count_traffic(&mut self) {
        let traffic = self.transport.take_traffic();
        self.traffic += traffic.received + traffic.sent;
        self.spend(RECEIVED_COST * traffic.received);
        self.pace.count(traffic.sent);
    }

    /// Subtracts work from the turn's budget.
    pub fn spend(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_sub(bytes);
    }

    /// Notes that the socket is full. From now on, the client must keep the pace.
    pub fn wait_to_send(&mut self, context: &Context) {
        self.pace.fill();
        if self.deadline.waiting != Waiting::Send {
            self.deadline = self.pace.window(context.now.instant);
        }
    }

    /// Sets a new deadline if the connection waits for something else than before. An empty line does
    /// not start a new wait for a request; only a response does.
    pub fn wait_for(&mut self, deadline: Deadline) {
        let goes_back = deadline.waiting == Waiting::Request
            && matches!(self.deadline.waiting, Waiting::FirstRequest | Waiting::Head);
        if self.deadline.waiting != deadline.waiting && !goes_back {
            self.deadline = deadline;
        }
    }

    /// Whether the client has sent bytes that were not consumed, or may have.
    pub fn has_more(&self) -> bool {
        self.transport.has_more() || !self.inbox.is_empty()
    }

    /// The bytes received and not consumed, during a turn or between turns.
    pub fn unread(&self) -> &[u8] {
        match self.inbox.is_empty() {
            true => &self.received,
            false => self.inbox.waiting(),
        }
    }

    /// How many written bytes were not taken, by the socket or by the TLS session.
    pub fn unsent(&self) -> u64 {
        (self.outbox.waiting().len() + self.unsent.len()) as u64
    }

    /// Whether written bytes, or TLS records, have not left.
    pub fn has_unsent(&self) -> bool {
        !self.outbox.is_empty() || self.unsent.len() > 0 || self.transport.has_unsent()
    }

    /// Notes that the TLS handshake is complete.
    pub fn note_secured(&mut self, now: Instant) {
        if let Some(start) = &mut self.start {
            start.secured = Some(now);
        }
    }

    /// How many exchanges have ended.
    pub fn exchanges(&self) -> u32 {
        self.exchanges
    }

    /// Ends the exchanges whose last byte has left. A TLS session may have taken the bytes and still
    /// hold their records.
    pub fn end_sent_exchanges(&mut self, context: &mut Context) {
        if !self.outbox.has_ended() || self.transport.has_unsent() {
            return;
        }
        while let Some(exchange) = self.outbox.next_ended() {
            self.end_exchange(exchange, End::Complete, 0, context);
        }
    }

    /// Ends the exchanges whose last byte will never leave.
    pub fn end_unsent_exchanges(&mut self, end: End, context: &mut Context) {
        self.end_sent_exchanges(context);
        while let Some((exchange, unsent)) = self.next_unended() {
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
        self.exchanges = self.exchanges.wrapping_add(1);
        let start = self.start.take();
        let on = OnConnection {
            client: &self.client,
            security: self.transport.security(),
            number: self.exchanges,
            start: start.as_deref(),
        };
        let (now, observer) = (&mut context.now, &mut context.observer);
        exchange.end(end, unsent, &on, now, observer);
    }

    /// The marks are in the worker's outbox during a turn, and in the connection's between turns.
    fn next_unended(&mut self) -> Option<(Exchange, u64)> {
        let kept = &mut self.unsent;
        self.outbox.next_unended().or_else(|| kept.next_unended())
    }
}

/// When a connection begins, if somebody looks.
fn start(context: &Context) -> Option<Box<ConnectionStart>> {
    let start = || {
        Box::new(ConnectionStart {
            accepted: context.now.latest,
            secured: None,
        })
    };
    context.observer.is_watched().then(start)
}
