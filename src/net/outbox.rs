//! The bytes written for a client and not yet taken by its socket, and the exchanges that end in
//! them.
//!
//! Small responses gather here, so that the responses to pipelined requests leave in one write. Like
//! the inbox it belongs to the worker; a connection keeps only what its socket did not take.

use std::collections::VecDeque;

use crate::net::exchange::Exchange;
use crate::net::socket::{Flushed, More};
use crate::net::transport::Transport;
use crate::net::transport_error::TransportError;

/// The outbox is emptied before anything is written behind this many bytes.
pub const OUTBOX_HIGH: usize = 64 * 1024;

/// Outgoing bytes with a mark behind the last one taken.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    taken: usize,
    /// Exchanges by the place where their last byte stands.
    ends: VecDeque<(usize, Exchange)>,
}

impl Outbox {
    /// Takes up what a connection kept.
    pub fn restore(&mut self, kept: &mut Outbox) {
        self.bytes.clear();
        self.ends.clear();
        self.taken = 0;
        if !kept.bytes.is_empty() || !kept.ends.is_empty() {
            self.bytes.extend_from_slice(&kept.bytes);
            self.ends.append(&mut kept.ends);
            *kept = Outbox::default();
        }
    }

    /// Gives what is left to the connection, in allocations of its size.
    pub fn keep(&mut self, kept: &mut Outbox) {
        if !self.is_empty() || !self.ends.is_empty() {
            let taken = self.taken;
            let ends = self.ends.drain(..);
            *kept = Outbox {
                bytes: self.bytes[taken..].to_vec(),
                taken: 0,
                ends: ends
                    .map(|(at, exchange)| (at.saturating_sub(taken), exchange))
                    .collect(),
            };
        }
        self.bytes.clear();
        self.taken = 0;
    }

    /// Where the next response is to be written.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Notes that an exchange ends with the last byte written.
    pub fn mark_end(&mut self, exchange: Exchange) {
        self.ends.push_back((self.bytes.len(), exchange));
    }

    /// The next exchange whose last byte was taken.
    pub fn next_ended(&mut self) -> Option<Exchange> {
        if !self.has_ended() {
            return None;
        }
        let (_, exchange) = self.ends.pop_front()?;
        if self.is_empty() && self.ends.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
        Some(exchange)
    }

    /// Whether the last byte of some exchange was taken.
    pub fn has_ended(&self) -> bool {
        self.ends.front().is_some_and(|(at, _)| *at <= self.taken)
    }

    /// The next exchange whose end is to be given up, and how many bytes up to there were not taken.
    pub fn next_unended(&mut self) -> Option<(Exchange, u64)> {
        let (at, exchange) = self.ends.pop_front()?;
        Some((exchange, at.saturating_sub(self.taken) as u64))
    }

    /// What the socket has not taken.
    pub fn waiting(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Whether the socket has taken everything.
    pub fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// Marks `count` more bytes as taken.
    pub fn consume(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.bytes.len());
        if self.is_empty() && self.ends.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
    }

    /// Writes until nothing is left or the socket is full.
    pub fn flush(
        &mut self,
        transport: &mut Transport,
        more: More,
    ) -> Result<Flushed, TransportError> {
        while !self.is_empty() {
            match transport.write(self.waiting(), more)? {
                Some(count) => self.consume(count),
                None => return Ok(Flushed::Blocked),
            }
        }
        transport.flush(more)
    }
}
