//! Bytes between two marks: what was received and not yet understood, or made and not yet sent.
//!
//! A worker has one buffer for each purpose and lends it to the connection it drives. What a
//! connection leaves in it (half a head, a pipelined request behind a slow answer) moves into a
//! small allocation of the connection's own until its next turn; an idle connection owns none.

/// A fixed buffer with bytes between two marks. Without capacity it is a place to keep a lent one.
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

    /// Takes up what a connection kept; `kept` is left without an allocation. What a connection
    /// keeps came out of a buffer of the same capacity, so it fits.
    pub fn restore(&mut self, kept: &mut Vec<u8>) {
        debug_assert!(kept.len() <= self.bytes.len(), "it came from elsewhere");
        self.start = 0;
        self.end = kept.len().min(self.bytes.len());
        self.bytes[..self.end].copy_from_slice(&kept[..self.end]);
        *kept = Vec::new();
    }

    /// Gives what is left to the connection, in an allocation of exactly its size.
    pub fn keep(&mut self, kept: &mut Vec<u8>) {
        if self.start < self.end {
            *kept = self.waiting().to_vec();
        }
        (self.start, self.end) = (0, 0);
    }

    /// What was added and not consumed.
    pub fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The same, to be decrypted in place.
    pub fn waiting_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Marks the first `count` waiting bytes as done with.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The first `count` waiting bytes, which are done with afterwards.
    pub fn take(&mut self, count: usize) -> &[u8] {
        let start = self.start;
        let end = start.saturating_add(count).min(self.end);
        self.consume(count);
        &self.bytes[start..end]
    }

    /// Where the next bytes are to be put, after making as much room as there can be.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.bytes[self.end..]
    }

    /// Marks the first `count` bytes of the room as waiting.
    pub fn add(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_survives_between_turns() {
        let mut buffer = Buffer::new(8);
        buffer.room()[..6].copy_from_slice(b"abcdef");
        buffer.add(6);
        buffer.consume(2);
        assert_eq!(buffer.waiting(), b"cdef");
        let mut kept = Vec::new();
        buffer.keep(&mut kept);
        assert_eq!(
            (kept.as_slice(), buffer.waiting()),
            (&b"cdef"[..], &b""[..])
        );
        buffer.restore(&mut kept);
        assert_eq!(kept.capacity(), 0);
        assert_eq!(buffer.room().len(), 4);
        buffer.consume(100);
        assert!(buffer.is_empty());
    }
}
