//! Bytes that were written for a client and that its socket has not taken, with marks where
//! exchanges end.
//!
//! Small responses collect here, so the responses to pipelined requests leave in one write. The
//! outbox belongs to the worker, like the inbox. Between turns, a connection keeps only the bytes that
//! its socket did not take, as [`Unsent`].

use std::collections::VecDeque;

use crate::net::exchange::Exchange;
use crate::net::socket::{Flushed, More};
use crate::net::transport::Transport;
use crate::net::transport_error::TransportError;
use crate::site::storage::Storage;

/// If this many bytes wait, the outbox is flushed before more is written to it.
pub const OUTBOX_HIGH: usize = 64 * 1024;

/// The most bytes that an empty outbox keeps allocated: room for what waits, and for the content that
/// is written behind it.
const MOST_KEPT: usize = 4 * OUTBOX_HIGH;

/// Outgoing bytes, and how many of them the socket has taken.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    taken: usize,
    /// Each exchange with the position behind its last byte.
    ends: VecDeque<(usize, Exchange)>,
}

/// What a connection keeps of an outbox between its turns.
#[derive(Debug, Default)]
pub enum Unsent {
    /// Nothing.
    #[default]
    Nothing,
    /// A copy of a few bytes.
    Few {
        /// The bytes that the socket has not taken.
        bytes: Storage,
        /// Each exchange with the position behind its last byte.
        ends: VecDeque<(usize, Exchange)>,
    },
    /// Many bytes, with their allocation.
    Many(Outbox),
}

impl Unsent {
    /// How many bytes the socket has not taken.
    pub fn len(&self) -> usize {
        match self {
            Unsent::Nothing => 0,
            Unsent::Few { bytes, .. } => bytes.len(),
            Unsent::Many(outbox) => outbox.waiting().len(),
        }
    }

    /// The memory that it takes.
    pub fn cost(&self) -> usize {
        match self {
            Unsent::Nothing => 0,
            Unsent::Few { bytes, ends } => bytes.cost() + cost_of_ends(ends),
            Unsent::Many(outbox) => outbox.bytes.capacity() + cost_of_ends(&outbox.ends),
        }
    }
}

fn cost_of_ends(ends: &VecDeque<(usize, Exchange)>) -> usize {
    let kept: usize = ends.iter().map(|(_, exchange)| exchange.cost()).sum();
    ends.capacity() * size_of::<(usize, Exchange)>() + kept
}

impl Outbox {
    /// Restores what a connection kept.
    pub fn restore(&mut self, kept: Unsent) {
        self.bytes.clear();
        self.ends.clear();
        self.taken = 0;
        match kept {
            Unsent::Nothing => {}
            Unsent::Few { bytes, ends } => {
                self.bytes.extend_from_slice(&bytes);
                self.ends.extend(ends);
            }
            Unsent::Many(outbox) => *self = outbox,
        }
    }

    /// Removes and returns what is left. A few bytes are copied into a block of exactly that size, so the
    /// worker keeps its allocation. More bytes stay where they are and take the allocation with them.
    /// Otherwise each turn would copy all of them.
    pub fn keep(&mut self) -> Unsent {
        if self.waiting().len() > OUTBOX_HIGH {
            self.compact();
            return Unsent::Many(std::mem::take(self));
        }
        let mut kept = Unsent::Nothing;
        if !self.is_empty() || !self.ends.is_empty() {
            let (bytes, taken) = (Storage::copy_of(&[self.waiting()]), self.taken);
            let ends = self.ends.drain(..);
            let ends = ends.map(|end| moved(end, taken)).collect();
            kept = Unsent::Few { bytes, ends };
        }
        self.clear();
        kept
    }

    /// Gives back the space of the bytes that were taken, once it is half of the whole. Each byte that
    /// is moved to the front stands for one that was taken, so the work stays in proportion.
    fn compact(&mut self) {
        let taken = self.taken;
        if taken < self.waiting().len() {
            return;
        }
        self.bytes.drain(..taken);
        self.bytes.shrink_to_fit();
        let ends = self.ends.drain(..).map(|end| moved(end, taken));
        self.ends = ends.collect();
        self.taken = 0;
    }

    /// Makes an empty outbox ready for the next bytes. An allocation that grew for one large response
    /// is given back.
    fn clear(&mut self) {
        match self.bytes.capacity() > MOST_KEPT {
            true => self.bytes = Vec::new(),
            false => self.bytes.clear(),
        }
        self.taken = 0;
    }

    /// The vector to which the next response is appended.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Notes that an exchange ends with the last byte written.
    pub fn mark_end(&mut self, exchange: Exchange) {
        self.ends.push_back((self.bytes.len(), exchange));
    }

    /// Removes and returns the next exchange whose last byte was taken.
    pub fn next_ended(&mut self) -> Option<Exchange> {
        if !self.has_ended() {
            return None;
        }
        let (_, exchange) = self.ends.pop_front()?;
        if self.is_empty() && self.ends.is_empty() {
            self.clear();
        }
        Some(exchange)
    }

    /// Whether the last byte of an exchange was taken.
    pub fn has_ended(&self) -> bool {
        self.ends.front().is_some_and(|(at, _)| *at <= self.taken)
    }

    /// Removes and returns the next exchange whose last byte was not taken, and how many bytes up to
    /// its end were not taken.
    pub fn next_unended(&mut self) -> Option<(Exchange, u64)> {
        let (at, exchange) = self.ends.pop_front()?;
        Some((exchange, at.saturating_sub(self.taken) as u64))
    }

    /// The bytes that the socket has not taken.
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
            self.clear();
        }
    }

    /// Writes until the outbox is empty or the socket is full.
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

/// The mark of an exchange after `taken` bytes before it were removed.
fn moved((at, exchange): (usize, Exchange), taken: usize) -> (usize, Exchange) {
    (at.saturating_sub(taken), exchange)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests read the clock")]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// An outbox with these answers, each with its exchange. The exchanges begin at different
    /// seconds, so a test can tell them apart.
    fn outbox(answers: &[&str]) -> (Outbox, Vec<String>) {
        let (mut outbox, mut names) = (Outbox::default(), Vec::new());
        let start = Instant::now();
        for (answer, number) in answers.iter().zip(0..) {
            let exchange = Exchange::begin(start + Duration::from_secs(number));
            names.push(format!("{exchange:?}"));
            outbox.end().extend_from_slice(answer.as_bytes());
            outbox.mark_end(exchange);
        }
        (outbox, names)
    }

    /// The exchanges that have ended.
    fn ended(outbox: &mut Outbox) -> Vec<String> {
        let next = || outbox.next_ended();
        std::iter::from_fn(next).map(name).collect()
    }

    fn name(exchange: Exchange) -> String {
        format!("{exchange:?}")
    }

    /// Ends a turn and begins the next. Between them, the worker drives another connection.
    fn next_turn(mut outbox: Outbox) -> Outbox {
        let kept = outbox.keep();
        assert!(outbox.is_empty() && !outbox.has_ended());
        outbox.end().extend_from_slice(b"of another connection");
        outbox.restore(kept);
        outbox
    }

    #[test]
    fn exchanges_end_in_order_when_their_last_byte_is_taken() {
        let (mut outbox, names) = outbox(&["abc", "de", "f"]);
        assert!(ended(&mut outbox).is_empty());
        outbox.consume(2);
        assert!(ended(&mut outbox).is_empty());
        outbox.consume(1);
        assert_eq!(ended(&mut outbox), names[..1]);
        assert_eq!(outbox.waiting(), b"def");
        outbox.consume(3);
        assert_eq!(ended(&mut outbox), names[1..]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn marks_survive_between_turns() {
        // How many bytes the socket takes in each turn.
        for takes in [[0, 3, 3], [1, 1, 4], [2, 2, 2], [4, 1, 1], [5, 0, 1]] {
            let (mut outbox, names) = outbox(&["abc", "de", "f"]);
            let (mut taken, mut found) = (0, Vec::new());
            for take in takes {
                outbox = next_turn(outbox);
                assert_eq!(outbox.waiting(), &b"abcdef"[taken..], "{takes:?}");
                outbox.consume(take);
                taken += take;
                found.extend(ended(&mut outbox));
                let wanted = [3, 5, 6].iter().filter(|&&end| end <= taken).count();
                assert_eq!(found, names[..wanted], "{takes:?} after {taken}");
            }
        }
    }

    /// Records of a TLS session may still wait when the outbox is empty.
    #[test]
    fn a_mark_behind_the_last_byte_survives_too() {
        let (mut outbox, names) = outbox(&["abc", "de"]);
        outbox.consume(5);
        let mut outbox = next_turn(outbox);
        assert!(outbox.is_empty() && outbox.has_ended());
        assert_eq!(ended(&mut outbox), names);
        // An exchange that is written later has its own end.
        outbox.end().extend_from_slice(b"next");
        outbox.mark_end(Exchange::begin(Instant::now()));
        assert!(!outbox.has_ended());
        outbox.consume(4);
        assert_eq!(ended(&mut outbox).len(), 1);
    }

    #[test]
    fn an_exchange_that_is_cut_knows_how_many_bytes_did_not_leave() {
        for is_kept in [false, true] {
            let (mut outbox, names) = outbox(&["abc", "de", "f"]);
            outbox.consume(4);
            assert_eq!(ended(&mut outbox), names[..1]);
            if is_kept {
                outbox = next_turn(outbox);
            }
            let next = || outbox.next_unended();
            let given_up: Vec<(String, u64)> = std::iter::from_fn(next)
                .map(|(exchange, unsent)| (name(exchange), unsent))
                .collect();
            let wanted = [(names[1].clone(), 1), (names[2].clone(), 2)];
            assert_eq!(given_up, wanted, "kept: {is_kept}");
        }
    }

    /// Otherwise the work would grow with the square of the length: a client that takes a little in
    /// each turn would cost a copy of everything that is left.
    #[test]
    fn each_byte_is_moved_a_few_times_at_most() {
        const LENGTH: usize = 8 << 20;
        const TAKE: usize = 64 << 10;
        let mut outbox = Outbox::default();
        let mut written = b"head".to_vec();
        written.extend((0..LENGTH).map(|at| (at % 251) as u8));
        outbox.end().extend_from_slice(&written);
        outbox.mark_end(Exchange::begin(Instant::now()));
        let (mut taken, mut moved) = (0, 0);
        while taken < written.len() {
            let before = outbox.waiting().as_ptr();
            outbox = next_turn(outbox);
            assert!(!outbox.has_ended());
            assert!(outbox.waiting() == &written[taken..], "after {taken} bytes");
            if outbox.waiting().as_ptr() != before {
                moved += outbox.waiting().len();
            }
            let take = TAKE.min(written.len() - taken);
            outbox.consume(take);
            taken += take;
        }
        assert!(outbox.has_ended());
        assert!(moved <= 2 * written.len(), "{moved} bytes moved");
    }
}
