//! When a client has taken too long.
//!
//! Each connection has one deadline at a time. A timer ([`crate::net::timers`]) fires within a few
//! milliseconds after it.

use std::time::{Duration, Instant};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The end of a TLS handshake.
    Handshake,
    /// The first request. Its deadline is shorter, because a new client should ask at once.
    FirstRequest,
    /// The first byte of the next request.
    Request,
    /// The rest of a head.
    Head,
    /// The rest of a request body.
    Body,
    /// Room in the socket for the response.
    Send,
    /// The client's close.
    Close,
    /// A byte in either direction, after an upgrade.
    Traffic,
    /// A handler, a source or an upgraded protocol of the server. At the deadline it continues.
    Answer,
}

/// The time by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// What is waited for.
    pub waiting: Waiting,
    /// The time.
    pub at: Instant,
}

impl Deadline {
    /// A deadline `after` this duration. If the clock cannot represent the time, it is a day from now.
    pub fn new(waiting: Waiting, now: Instant, after: Duration) -> Deadline {
        let at = now
            .checked_add(after)
            .unwrap_or_else(|| now + Duration::from_secs(24 * 60 * 60));
        Deadline { waiting, at }
    }

    /// Whether the time has come.
    pub fn has_passed(&self, now: Instant) -> bool {
        now >= self.at
    }
}

/// The lowest rate at which a client must read: `minimum` bytes in each window of time.
///
/// A rate is measured and not a pause. Otherwise a client could keep a slot forever if it read one
/// byte now and then.
#[derive(Clone, Copy, Debug)]
pub struct LowestRate {
    minimum: u64,
    window: Duration,
}

impl LowestRate {
    /// `rate` bytes per second, measured over windows of this length.
    pub fn new(rate: u64, window: Duration) -> LowestRate {
        LowestRate {
            minimum: (rate as f64 * window.as_secs_f64()) as u64,
            window,
        }
    }

    /// The deadline of a window that begins now.
    pub fn window(&self, now: Instant) -> Deadline {
        Deadline::new(Waiting::Send, now, self.window)
    }
}

/// How much a client has read in a window of [`LowestRate`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    sent: u64,
    /// The socket has not been full since the window began. Until it is full, the bytes that it takes
    /// fill room that the client made earlier, so they do not count.
    is_filling: bool,
}

impl Pace {
    /// Counts bytes that the socket took.
    pub fn count(&mut self, bytes: u64) {
        if !self.is_filling {
            self.sent += bytes;
        }
    }

    /// Notes that the socket is full. From now on, it takes only as much as the client reads.
    pub fn fill(&mut self) {
        self.is_filling = false;
    }

    /// Whether the client has read enough for this window. If the socket was not full in this window,
    /// the client is fast enough.
    pub fn is_kept(&self, lowest: &LowestRate) -> bool {
        self.is_filling || self.sent >= lowest.minimum.max(1)
    }

    /// Ends a window and begins the next. Returns whether the client kept the pace. `is_full` says
    /// whether the socket is full now.
    pub fn was_kept(&mut self, lowest: &LowestRate, is_full: bool) -> bool {
        let was_kept = self.is_kept(lowest);
        self.sent = 0;
        self.is_filling = !is_full;
        was_kept
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn lowest(rate: u64) -> LowestRate {
        LowestRate::new(rate, Duration::from_secs(10))
    }

    #[test]
    fn a_trickle_does_not_keep_the_pace() {
        let (lowest, mut pace) = (lowest(1000), Pace::default());
        pace.count(9_999);
        assert!(!pace.was_kept(&lowest, true));
        pace.count(10_000);
        assert!(pace.was_kept(&lowest, true));
        assert!(!pace.was_kept(&lowest, true)); // each window starts at zero
    }

    #[test]
    fn a_client_that_reads_nothing_is_cut_even_if_the_rate_is_zero() {
        assert!(!Pace::default().was_kept(&lowest(0), true));
    }

    #[test]
    fn the_longest_duration_does_not_panic() {
        let deadline = Deadline::new(Waiting::Head, Instant::now(), Duration::MAX);
        assert!(!deadline.has_passed(Instant::now()));
    }
}
