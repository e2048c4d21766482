//! How long an answer waits for something until it gives up.

use std::time::{Duration, Instant};

/// How long the disk, or another thread, may take until the head of a response is known, or the next piece of
/// its content. Then the answer is 503, or the response is cut.
pub const DISK_PATIENCE: Duration = Duration::from_secs(30);

/// How often an answer that found no descriptor, memory or coder free tries again.
pub const RETRY: Duration = Duration::from_millis(20);

/// How long it tries if there is no descriptor or no coder. Both become free as responses end. Then the
/// answer is 503.
pub const RETRY_PATIENCE: Duration = Duration::from_secs(1);

/// A wait that begins when it is first asked about.
#[derive(Clone, Copy)]
pub struct Patience {
    most: Duration,
    /// When it ends, once it has begun.
    end: Option<Instant>,
}

impl Patience {
    /// A wait of at most this long.
    pub fn of(most: Duration) -> Patience {
        Patience { most, end: None }
    }

    /// Until when to wait. `None`: it is over.
    pub fn until(&mut self, now: Instant) -> Option<Instant> {
        let end = *self.end.get_or_insert(now + self.most);
        (end > now).then_some(end)
    }

    /// When to try again what cannot be done `now`. `None`: it is over.
    pub fn next_try(&mut self, now: Instant) -> Option<Instant> {
        self.until(now).map(|_| now + RETRY)
    }

    /// There was progress. If it has to wait again, it waits as long as before.
    pub fn renew(&mut self) {
        self.end = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_begins_once_and_ends() {
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let mut patience = Patience::of(2 * second);
        assert_eq!(patience.until(begin), Some(begin + 2 * second));
        assert_eq!(
            patience.next_try(begin + second),
            Some(begin + second + RETRY)
        );
        assert_eq!(patience.until(begin + 2 * second), None);
        assert_eq!(patience.next_try(begin + 2 * second), None);
        patience.renew();
        assert_eq!(patience.until(begin + 2 * second), Some(begin + 4 * second));
    }
}
