//! The timers of a worker's connections.
//!
//! A connection has one deadline, which moves with almost every event, and at most one timer. If the
//! deadline moves to a later time, the timer stays. It then fires early, and the worker sets it
//! again. The worker moves a timer only if the deadline becomes earlier than the timer.

use std::collections::BTreeSet;
use std::time::Instant;

use mio::Token;

/// The timers of one worker.
#[derive(Default)]
pub struct Timers {
    set: BTreeSet<(Instant, Token)>,
}

impl Timers {
    /// Sets the timer of a connection. `previous` is the time to which it was set before.
    pub fn set(&mut self, previous: Option<Instant>, at: Instant, token: Token) {
        self.clear(previous, token);
        self.set.insert((at, token));
    }

    /// Removes the timer of a connection, if it was set.
    pub fn clear(&mut self, previous: Option<Instant>, token: Token) {
        if let Some(previous) = previous {
            self.set.remove(&(previous, token));
        }
    }

    /// When the next timer fires.
    pub fn next(&self) -> Option<Instant> {
        self.set.first().map(|(at, _)| *at)
    }

    /// Removes the earliest timer if its time has come by `now`, and returns its connection.
    pub fn pop_due(&mut self, now: Instant) -> Option<Token> {
        if self.next()? > now {
            return None;
        }
        self.set.pop_first().map(|(_, token)| token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_and_not_early() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        for milliseconds in [30, 10, 20] {
            timers.set(None, at(milliseconds), Token(milliseconds as usize));
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(25)), Some(Token(10)));
        assert_eq!(timers.pop_due(at(25)), Some(Token(20)));
        assert_eq!(timers.pop_due(at(25)), None);
        assert_eq!(timers.next(), Some(at(30)));
    }

    #[test]
    fn a_connection_has_one_timer() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        timers.set(None, later, Token(1));
        timers.set(Some(later), start, Token(1));
        assert_eq!(timers.pop_due(later), Some(Token(1)));
        assert_eq!(timers.next(), None);
        timers.set(None, start, Token(1));
        timers.clear(Some(start), Token(1));
        assert_eq!(timers.next(), None);
    }
}
