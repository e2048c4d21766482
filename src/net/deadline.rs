//! When a connection has taken too long.
//!
//! Each connection has one deadline at a time. [`crate::net::timers`] says when it has passed, exact
//! to a few milliseconds.

use std::time::{Duration, Instant};

/// What a connection is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The end of a TLS handshake.
    Handshake,
    /// The first request: who has just come has something to ask.
    FirstRequest,
    /// The next request, of which no byte has come.
    Request,
    /// The rest of a head.
    Head,
    /// The rest of a request body.
    Body,
    /// Room in the socket for the response.
    Send,
    /// The client's close.
    Close,
    /// The server's own answer, which takes time. The deadline is when it goes on.
    Answer,
}

/// A moment by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// What is waited for.
    pub waiting: Waiting,
    /// Until when.
    pub at: Instant,
}

impl Deadline {
    /// `after` from `now`. A span that no clock can hold is as good as none: a day.
    pub fn new(waiting: Waiting, now: Instant, after: Duration) -> Deadline {
        let at = now
            .checked_add(after)
            .unwrap_or_else(|| now + Duration::from_secs(24 * 60 * 60));
        Deadline { waiting, at }
    }

    /// Whether the moment has come.
    pub fn has_passed(&self, now: Instant) -> bool {
        now >= self.at
    }
}

/// The slowest a client may read: `minimum` bytes in each window.
///
/// A rate and not a pause is what ends a connection, so that a client cannot hold a slot for ever
/// by reading a byte now and then.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    sent: u64,
    minimum: u64,
    window: Duration,
    /// The socket has not been full since the window began: what it takes until then is room that
    /// was made before.
    is_filling: bool,
}

impl Pace {
    /// `rate` bytes a second, measured over windows of `window`.
    pub fn new(rate: u64, window: Duration) -> Pace {
        let seconds = window.as_secs_f64();
        Pace {
            sent: 0,
            is_filling: false,
            minimum: (rate as f64 * seconds) as u64,
            window,
        }
    }

    /// Counts bytes that the socket took.
    pub fn count(&mut self, bytes: u64) {
        if !self.is_filling {
            self.sent += bytes;
        }
    }

    /// The socket is full: from now on it takes what the client has taken.
    pub fn fill(&mut self) {
        self.is_filling = false;
    }

    /// The deadline of a window that begins now.
    pub fn window(&self, now: Instant) -> Deadline {
        Deadline::new(Waiting::Send, now, self.window)
    }

    /// Whether the client has taken enough for this window. A socket that was never full waits for
    /// nobody.
    pub fn is_kept(&self) -> bool {
        self.is_filling || self.sent >= self.minimum.max(1)
    }

    /// At the end of a window: whether the client kept the pace. The next window begins, with a
    /// socket that is full or not.
    pub fn was_kept(&mut self, is_full: bool) -> bool {
        let was_kept = self.is_kept();
        self.sent = 0;
        self.is_filling = !is_full;
        was_kept
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_does_not_keep_the_pace() {
        let mut pace = Pace::new(1000, Duration::from_secs(10));
        pace.count(9_999);
        assert!(!pace.was_kept(true));
        pace.count(10_000);
        assert!(pace.was_kept(true));
        assert!(!pace.was_kept(true)); // each window counts for itself
    }

    #[test]
    fn silence_is_cut_even_where_no_rate_is_asked() {
        assert!(!Pace::new(0, Duration::from_secs(10)).was_kept(true));
    }

    #[test]
    fn an_endless_span_is_no_panic() {
        let deadline = Deadline::new(Waiting::Head, Instant::now(), Duration::MAX);
        assert!(!deadline.has_passed(Instant::now()));
    }
}
