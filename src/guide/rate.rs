//! How often something may happen.

use std::time::{Duration, Instant};

/// A fixed-window rate limiter.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// How many events each window admits.
    most: u32,
    /// The length of a window.
    period: Duration,
    /// When the current window began, and how many events it has counted.
    window: Option<(Instant, u32)>,
}

impl RateLimit {
    /// Admits at most `most` events in each window of this length.
    pub const fn new(most: u32, period: Duration) -> RateLimit {
        RateLimit {
            most,
            period,
            window: None,
        }
    }

    /// Counts an event. Returns whether the window still admits it.
    pub fn admits(&mut self, now: Instant) -> bool {
        let is_current = |(began, _): &(Instant, u32)| now < *began + self.period;
        let (began, count) = self.window.filter(is_current).unwrap_or((now, 0));
        self.window = Some((began, count.saturating_add(1)));
        count < self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_has_its_own_count() {
        let start = Instant::now();
        let mut limit = RateLimit::new(2, Duration::from_secs(1));
        let mut admits = |milliseconds| limit.admits(start + Duration::from_millis(milliseconds));
        assert_eq!([0, 500, 999].map(&mut admits), [true, true, false]);
        assert_eq!([1000, 1500, 1999].map(&mut admits), [true, true, false]);
        assert!(admits(9000));
    }
}
