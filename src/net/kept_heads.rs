//! The heads of an exchange, which the log prints when the exchange ends.

use crate::observe::event::{Head, Heads};
use crate::site::storage::Storage;

/// How many bytes of a head are kept: more than browsers send. A slow reader keeps them until its
/// response has left, and the log writes up to four characters for each byte.
const LIMIT: usize = 8 * 1024;

/// Copies of both heads.
#[derive(Debug, Default)]
pub struct KeptHeads {
    /// The head of the request, as far as it came.
    pub request: KeptHead,
    /// The head of the response.
    pub response: KeptHead,
}

/// The beginning of a head.
#[derive(Debug, Default)]
pub struct KeptHead {
    bytes: Storage,
    /// Of the whole head.
    length: usize,
}

impl KeptHeads {
    /// The memory that they refer to, in bytes.
    pub fn cost(&self) -> usize {
        self.request.bytes.cost() + self.response.bytes.cost()
    }

    /// The heads for the log.
    pub fn as_event(&self) -> Heads<'_> {
        Heads {
            request: self.request.as_event(),
            response: self.response.as_event(),
        }
    }
}

impl KeptHead {
    /// The beginning of a whole head.
    pub fn of(head: &[u8]) -> KeptHead {
        let kept = head.get(..LIMIT).unwrap_or(head);
        KeptHead {
            bytes: Storage::copy_of(&[kept]),
            length: head.len(),
        }
    }

    /// The same of bytes that may have no whole head, or more than one.
    pub fn of_part(received: &[u8]) -> KeptHead {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n");
        let head = end.and_then(|end| received.get(..end + 4));
        KeptHead::of(head.unwrap_or(received))
    }

    fn as_event(&self) -> Head<'_> {
        Head {
            bytes: &self.bytes,
            length: self.length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &KeptHead, bytes: &[u8], length: usize) {
        let event = head.as_event();
        assert_eq!((event.bytes, event.length), (bytes, length));
    }

    #[test]
    fn a_head_is_kept_up_to_a_limit() {
        let long = vec![b'a'; 100_000];
        check(&KeptHead::of(&long), &long[..8192], 100_000);
        check(&KeptHead::of(b"GET"), b"GET", 3);
        check(&KeptHead::of_part(b"A\r\n\r\nB\r\n\r\n"), b"A\r\n\r\n", 5);
        check(&KeptHead::of_part(b"A\n\nB"), b"A\n\nB", 4);
        let kept = KeptHeads {
            request: KeptHead::of(&long),
            response: KeptHead::of(&long),
        };
        assert!((16_384..20_000).contains(&kept.cost()));
    }
}
