//! The bytes received and not yet understood.
//!
//! A worker has one inbox and lends it to the connection it drives. What a connection leaves in it
//! (half a head, a pipelined request behind a slow answer) moves into a small allocation of the
//! connection's own until its next turn; an idle connection owns none.

/// A fixed buffer with bytes between two marks.
pub struct Inbox {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// An empty inbox of `capacity` bytes.
    pub fn new(capacity: usize) -> Inbox {
        Inbox {
            bytes: vec![0; capacity].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    /// Takes up what a connection kept; `kept` is left without an allocation. What a connection
    /// keeps came out of an inbox of the same capacity, so it fits.
    pub fn restore(&mut self, kept: &mut Vec<u8>) {
        self.start = 0;
        self.end = kept.len().min(self.bytes.len());
        self.bytes[..self.end].copy_from_slice(&kept[..self.end]);
        *kept = Vec::new();
    }

    /// Gives what is left to the connection, in an allocation of exactly its size.
    pub fn keep(&mut self, kept: &mut Vec<u8>) {
        if self.start < self.end {
            *kept = self.unread().to_vec();
        }
        (self.start, self.end) = (0, 0);
    }

    /// What was received and not consumed.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Marks the first `count` unread bytes as understood.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
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

    /// Marks the first `count` bytes of the room as received.
    pub fn received(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_survives_between_turns() {
        let mut inbox = Inbox::new(8);
        inbox.room()[..6].copy_from_slice(b"abcdef");
        inbox.received(6);
        inbox.consume(2);
        assert_eq!(inbox.unread(), b"cdef");
        let mut kept = Vec::new();
        inbox.keep(&mut kept);
        assert_eq!((kept.as_slice(), inbox.unread()), (&b"cdef"[..], &b""[..]));
        inbox.restore(&mut kept);
        assert_eq!(kept.capacity(), 0);
        assert_eq!(inbox.room().len(), 4);
        inbox.consume(100);
        assert_eq!(inbox.unread(), b"");
    }
}
