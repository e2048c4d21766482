//! The bytes written for a client and not yet taken by its socket.
//!
//! Small answers gather here, so that the answers to pipelined requests leave in one write. Like
//! the inbox it belongs to the worker; a connection keeps only what its socket did not take.

use crate::net::socket::{Flushed, More};
use crate::net::transport::Transport;
use crate::net::transport_error::TransportError;

/// The outbox is emptied before anything is written behind this many bytes.
pub const OUTBOX_HIGH: usize = 64 * 1024;

/// Outgoing bytes with a mark behind the last one taken.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    taken: usize,
}

impl Outbox {
    /// Takes up what a connection kept.
    pub fn restore(&mut self, kept: &mut Vec<u8>) {
        self.bytes.clear();
        self.taken = 0;
        if !kept.is_empty() {
            self.bytes.extend_from_slice(kept);
            *kept = Vec::new();
        }
    }

    /// Gives what is left to the connection.
    pub fn keep(&mut self, kept: &mut Vec<u8>) {
        if !self.is_empty() {
            *kept = self.waiting().to_vec();
        }
        self.bytes.clear();
        self.taken = 0;
    }

    /// Where the next answer is to be written.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
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
        if self.is_empty() {
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
