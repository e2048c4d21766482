//! What a connection keeps of its stream between turns: the transport, the deadline, and the bytes that
//! are left.

use std::time::Instant;

use mio::Token;

use crate::net::buffer::Buffer;
use crate::net::context::Context;
use crate::net::deadline::{Deadline, Pace, Waiting};
use crate::net::exchange::ConnectionStart;
use crate::net::outbox::{Outbox, Unsent};
use crate::net::socket::End as InputEnd;
use crate::net::transport::Transport;
use crate::observe::client::Client;
use crate::observe::wire::Exchanges;
use crate::site::budget::{Account, Charge};
use crate::site::storage::Storage;

/// The memory of a connection that waits for a request, in bytes.
const COST: u64 = 1024;

/// A stream between turns.
pub struct StreamState {
    /// The socket, and its TLS session if it has one.
    pub transport: Transport,
    /// The client.
    pub client: Client,
    /// What the last turn left in the buffers. `None` if they were empty.
    left: Option<Box<Left>>,
    /// For the connection, and for what is left.
    charge: Charge,
    /// How the client's bytes ended, once they have.
    pub ended: Option<InputEnd>,
    /// When the first byte of the current message was received.
    pub arrived: Instant,
    /// When the last bytes were received.
    pub last_read: Instant,
    /// The number of bytes in the last read.
    pub last_count: u32,
    /// When the worker must act although no event comes.
    pub deadline: Deadline,
    /// Whether the client reads fast enough.
    pub pace: Pace,
    /// Bytes that crossed the socket since the connection began, modulo 2^32. Compare two values to see whether
    /// any crossed.
    pub traffic: u32,
    /// The worker's token for the connection.
    pub token: Token,
    /// How many exchanges have ended.
    pub exchanges: Exchanges,
    /// When the connection began. Kept until its first exchange has ended, if somebody looks.
    pub start: Option<Box<ConnectionStart>>,
    /// The client uses TLS to a proxy, which has said so before the first request.
    pub is_secure_to_proxy: bool,
    /// The poller reported that the connection is closed in both directions.
    pub is_gone: bool,
    /// A reload has changed who may have the connection, so it ends like in a drain.
    pub is_outdated: bool,
    /// A turn has begun and has not ended.
    is_in_turn: bool,
}

/// Bytes that are left after a turn.
struct Left {
    received: Storage,
    unsent: Unsent,
}

impl Left {
    /// The memory that they take, in bytes.
    fn cost(&self) -> usize {
        size_of::<Left>() + self.received.cost() + self.unsent.cost()
    }
}

impl StreamState {
    /// The stream of a connection that was just accepted.
    pub fn new(
        transport: Transport,
        client: Client,
        waiting: Waiting,
        context: &Context,
    ) -> StreamState {
        StreamState {
            transport,
            client,
            left: None,
            charge: context.memory.charge_anyway(Account::Connections, COST),
            ended: None,
            arrived: context.now.instant,
            last_read: context.now.instant,
            last_count: 0,
            deadline: context.deadline(waiting),
            pace: Pace::default(),
            traffic: 0,
            token: Token(0),
            exchanges: Exchanges::default(),
            start: start(context),
            is_secure_to_proxy: false,
            is_gone: false,
            is_outdated: false,
            is_in_turn: false,
        }
    }

    /// Marks the start of a turn. Returns true if the previous turn panicked.
    pub fn begin_turn(&mut self) -> bool {
        std::mem::replace(&mut self.is_in_turn, true)
    }

    /// Moves what was left to the buffers of the worker.
    pub fn restore(&mut self, inbox: &mut Buffer, outbox: &mut Outbox) {
        if let Some(left) = self.left.take() {
            inbox.restore(&left.received);
            outbox.restore(left.unsent);
        }
    }

    /// Ends a turn: keeps what is left in the buffers, and charges that and the `protocol_cost` bytes of
    /// the protocol.
    pub fn keep(&mut self, inbox: &mut Buffer, outbox: &mut Outbox, protocol_cost: usize) {
        self.is_in_turn = false;
        let (received, unsent) = (inbox.keep(), outbox.keep());
        let is_empty = received.is_empty() && matches!(unsent, Unsent::Nothing);
        self.left = (!is_empty).then(|| Box::new(Left { received, unsent }));
        let left = self.left.as_ref().map_or(0, |left| left.cost());
        let kept = left + self.transport.cost() + protocol_cost;
        self.charge.resize_anyway(COST + kept as u64);
    }

    /// Whether bytes were left that the socket did not take, or TLS records.
    pub fn has_unsent(&self) -> bool {
        let left = self.left.as_ref();
        left.is_some_and(|left| left.unsent.len() > 0) || self.transport.has_unsent()
    }

    /// Whether the client uses TLS, to this server or to a proxy.
    pub fn is_secure(&self) -> bool {
        self.transport.has_session() || self.is_secure_to_proxy
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
