//! The one home of the clock: read once each time a worker wakes up, and passed down.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::semantics::date::{HttpDate, ImfFixdate};

/// A moment, on the clocks it is needed on.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines: it never goes back.
    pub instant: Instant,
    /// For the log.
    pub system: SystemTime,
    /// For `Date` and everything compared with it.
    pub date: HttpDate,
    /// The same in words.
    pub text: ImfFixdate,
}

impl Now {
    /// Reads the clocks.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    pub fn read() -> Now {
        let system = SystemTime::now();
        let since = system.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        // A clock outside the years that HTTP can write is as good as unset.
        let date = HttpDate::from_unix(seconds).unwrap_or(HttpDate::EPOCH);
        Now {
            instant: instant(),
            system,
            date,
            text: ImfFixdate::from(date),
        }
    }
}

/// The clock for deadlines alone.
#[expect(
    clippy::disallowed_methods,
    reason = "the one file that reads the clock"
)]
pub fn instant() -> Instant {
    Instant::now()
}
