//! How often something may happen.

use std::time::{Duration, Instant};

/// Counts what happens in periods of a fixed length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// When the period began, and how much has happened in it.
    period: Option<(Instant, u32)>,
}

impl Rate {
    /// Counts one more `now`. Returns whether that is at most `most` in this period.
    pub fn admits(&mut self, most: u32, period: Duration, now: Instant) -> bool {
        let is_current = |(began, _): &(Instant, u32)| now < *began + period;
        let (began, count) = self.period.filter(is_current).unwrap_or((now, 0));
        self.period = Some((began, count.saturating_add(1)));
        count < most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_has_its_own_count() {
        let (start, period) = (Instant::now(), Duration::from_secs(1));
        let mut rate = Rate::default();
        let mut admits = |milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            rate.admits(2, period, now)
        };
        assert_eq!([0, 500, 999].map(&mut admits), [true, true, false]);
        assert_eq!([1000, 1500, 1999].map(&mut admits), [true, true, false]);
        assert!(admits(9000));
    }
}
