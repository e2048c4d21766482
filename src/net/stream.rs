//! A client's transport, with what was received and not understood, what was written and not sent,
//! and how long the client may take. It knows bytes and time, and nothing of requests.

use std::time::Instant;

use mio::Token;

use crate::net::buffer::Buffer;
use crate::net::context::{Buffers, Context};
use crate::net::deadline::{Deadline, Pace, Waiting};
use crate::net::outbox::Outbox;
use crate::net::socket::{End as InputEnd, Flushed, Input, More};
use crate::net::transport::Transport;
use crate::net::transport_error::TransportError;
use crate::observe::client::Client;
use crate::observe::event::End;

/// Bytes that one connection may move before its neighbours have their turn.
const TURN_BUDGET: u64 = 512 * 1024;

/// What a received byte costs of that budget: to understand one costs more than to send one.
const RECEIVED_COST: u64 = 8;

/// A client's byte stream in both directions.
pub struct Stream {
    /// How bytes pass.
    pub transport: Transport,
    /// Who is at the other end.
    pub client: Client,
    /// What was received and not consumed; the worker's buffer during a turn.
    pub inbox: Buffer,
    /// What was written and not taken; the worker's during a turn.
    pub outbox: Outbox,
    /// What is left of the inbox between turns.
    received: Vec<u8>,
    /// What is left of the outbox between turns.
    unsent: Outbox,
    /// The client's end of sending, once it was read.
    pub ended: Option<InputEnd>,
    /// When the bytes that were received last came.
    pub arrived: Instant,
    /// When the worker must look again although nothing happened.
    pub deadline: Deadline,
    /// How fast the client must read.
    pub pace: Pace,
    /// Bytes that may still be moved in this turn.
    pub budget: u64,
    /// By what the worker knows the connection.
    pub token: Token,
    /// The connection was reset: nobody will read a response.
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
            received: Vec::new(),
            unsent: Outbox::default(),
            ended: None,
            arrived: context.now.instant,
            deadline: context.deadline(waiting),
            pace: Pace::new(context.limits.min_rate, context.deadlines.send),
            budget: 0,
            token: Token(0),
            is_gone: false,
        }
    }

    /// Takes up the worker's buffers, with what the connection kept.
    pub fn begin_turn(&mut self, buffers: &mut Buffers) {
        std::mem::swap(&mut self.inbox, &mut buffers.inbox);
        std::mem::swap(&mut self.outbox, &mut buffers.outbox);
        self.inbox.restore(&mut self.received);
        self.outbox.restore(&mut self.unsent);
        self.transport.take_up(&mut buffers.wire);
        self.budget = TURN_BUDGET;
    }

    /// Gives the buffers back and keeps what is left in them.
    pub fn end_turn(&mut self, buffers: &mut Buffers) {
        self.transport.give_back(&mut buffers.wire);
        self.inbox.keep(&mut self.received);
        self.outbox.keep(&mut self.unsent);
        std::mem::swap(&mut self.inbox, &mut buffers.inbox);
        std::mem::swap(&mut self.outbox, &mut buffers.outbox);
    }

    /// Reads once.
    pub fn read(&mut self, context: &Context) -> Result<Input, TransportError> {
        let input = self.transport.read(self.inbox.room())?;
        self.account();
        match input {
            Input::Bytes(count) => {
                self.arrived = context.now.latest;
                self.inbox.add(count);
            }
            Input::End(end) => self.ended = Some(end),
            Input::Overhead | Input::Nothing => {}
        }
        Ok(input)
    }

    /// Writes what is waiting to be written.
    pub fn flush(&mut self, context: &mut Context) -> Result<Flushed, TransportError> {
        self.push(More::No, context)
    }

    /// The same, with more to come at once or not. Exchanges whose last byte was taken end here.
    pub fn push(&mut self, more: More, context: &mut Context) -> Result<Flushed, TransportError> {
        let flushed = self.outbox.flush(&mut self.transport, more);
        self.account();
        self.settle(context);
        flushed
    }

    /// Counts what has crossed the socket: towards the turn's budget and towards the pace.
    pub fn account(&mut self) {
        let traffic = self.transport.take_traffic();
        self.spend(RECEIVED_COST * traffic.received);
        self.pace.count(traffic.sent);
    }

    /// Counts work towards the turn's budget.
    pub fn spend(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_sub(bytes);
    }

    /// The socket is full: from now on the client must keep the pace.
    pub fn wait_to_send(&mut self, context: &Context) {
        self.pace.fill();
        if self.deadline.waiting != Waiting::Send {
            self.deadline = self.pace.window(context.now.instant);
        }
    }

    /// What is waited for may have changed: the first byte of a head has come, or the socket has
    /// room again. Only a response starts a new wait for a request, not an empty line.
    pub fn wait_for(&mut self, waiting: Waiting, context: &Context) {
        let goes_back = waiting == Waiting::Request
            && matches!(self.deadline.waiting, Waiting::FirstRequest | Waiting::Head);
        if self.deadline.waiting != waiting && !goes_back {
            self.deadline = context.deadline(waiting);
        }
    }

    /// Whether the client has sent something that was not read, or may have.
    pub fn has_more(&self) -> bool {
        self.transport.has_more() || !self.inbox.is_empty()
    }

    /// What was received and not consumed, during a turn or between two.
    pub fn unread(&self) -> &[u8] {
        match self.inbox.is_empty() {
            true => &self.received,
            false => self.inbox.waiting(),
        }
    }

    /// How many bytes of what was written were not taken.
    pub fn unsent(&self) -> u64 {
        (self.outbox.waiting().len() + self.unsent.waiting().len()) as u64
    }

    /// Whether something that was written is still here.
    pub fn has_unsent(&self) -> bool {
        !self.outbox.is_empty() || !self.unsent.is_empty() || self.transport.has_unsent()
    }

    /// Ends the exchanges whose last byte has left. Records of a TLS session may wait after they
    /// took the bytes.
    fn settle(&mut self, context: &mut Context) {
        if !self.outbox.has_ended() || self.transport.has_unsent() {
            return;
        }
        while let Some(exchange) = self.outbox.next_ended() {
            let security = self.transport.security();
            let (now, observer) = (&mut context.now, &mut context.observer);
            exchange.end(End::Complete, 0, &self.client, security, now, observer);
        }
    }

    /// Ends the exchanges whose last byte will not leave any more.
    pub fn give_up(&mut self, end: End, context: &mut Context) {
        for outbox in [&mut self.outbox, &mut self.unsent] {
            while let Some((exchange, unsent)) = outbox.next_unended() {
                let security = self.transport.security();
                let (now, observer) = (&mut context.now, &mut context.observer);
                exchange.end(end, unsent, &self.client, security, now, observer);
            }
        }
    }
}
