//! A buffer: received bytes that are not parsed yet, or TLS records that are not sent yet.
//!
//! A worker has one buffer for each purpose. The connection that it drives uses them for one turn.
//! If bytes are left at the end, such as half a head, the connection keeps them in an allocation of
//! its own until its next turn. An idle connection has no such allocation.

use crate::site::storage::Storage;

/// A buffer of fixed capacity. The default has no capacity and is a placeholder.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty buffer of `capacity` bytes.
    pub fn new(capacity: usize) -> Buffer {
        Buffer {
            bytes: vec![0; capacity].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    /// Copies in what a connection kept. It fits, because it came from a buffer of the same capacity.
    pub fn restore(&mut self, kept: &[u8]) {
        debug_assert!(kept.len() <= self.bytes.len(), "kept bytes do not fit");
        self.start = 0;
        self.end = kept.len().min(self.bytes.len());
        self.bytes[..self.end].copy_from_slice(&kept[..self.end]);
    }

    /// Removes the waiting bytes and returns them in a block of exactly their size.
    pub fn keep(&mut self) -> Storage {
        let kept = match self.is_empty() {
            true => Storage::default(),
            false => Storage::copy_of(&[self.waiting()]),
        };
        (self.start, self.end) = (0, 0);
        kept
    }

    /// The bytes that were added and not consumed.
    pub fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The same, for decryption in place.
    pub fn waiting_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Whether no bytes wait.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Removes the first `count` waiting bytes.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Removes and returns the first `count` waiting bytes.
    pub fn take(&mut self, count: usize) -> &[u8] {
        let start = self.start;
        let end = start.saturating_add(count).min(self.end);
        self.consume(count);
        &self.bytes[start..end]
    }

    /// The free space behind the waiting bytes. They are moved to the front first.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.bytes[self.end..]
    }

    /// Adds the first `count` bytes of the room to the waiting bytes.
    pub fn add(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_bytes_survive_between_turns() {
        let mut buffer = Buffer::new(8);
        buffer.room()[..6].copy_from_slice(b"abcdef");
        buffer.add(6);
        buffer.consume(2);
        assert_eq!(buffer.waiting(), b"cdef");
        let kept = buffer.keep();
        assert_eq!((&kept[..], buffer.waiting()), (&b"cdef"[..], &b""[..]));
        buffer.restore(&kept);
        assert_eq!(buffer.room().len(), 4);
        buffer.consume(100);
        assert!(buffer.is_empty());
    }
}
