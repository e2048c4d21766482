//! The one home of the clock: read once each time a worker wakes up, and passed down.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::semantics::date::{HttpDate, ImfFixdate};

/// A moment, on the clocks it is needed on.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines: it never goes back.
    pub instant: Instant,
    /// The last reading of the same clock in this turn, for durations.
    pub latest: Instant,
    /// For the log.
    pub system: SystemTime,
    /// For `Date` and everything compared with it.
    pub date: HttpDate,
    /// The same in words.
    pub text: ImfFixdate,
}

impl Now {
    /// Reads the clocks.
    pub fn read() -> Now {
        let system = wall();
        let date = date(system);
        let instant = instant();
        Now {
            instant,
            latest: instant,
            system,
            date,
            text: ImfFixdate::from(date),
        }
    }

    /// Reads the clocks again. A date is put into words once a second, not once a turn.
    pub fn advance(&mut self) {
        self.instant = instant();
        self.latest = self.instant;
        self.system = wall();
        let date = date(self.system);
        if date != self.date {
            self.date = date;
            self.text = ImfFixdate::from(date);
        }
    }
}

/// A clock outside the years that HTTP can write is as good as unset.
fn date(system: SystemTime) -> HttpDate {
    let since = system.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).ok();
    seconds
        .and_then(HttpDate::from_unix)
        .unwrap_or(HttpDate::EPOCH)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one file that reads the clock"
)]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// The clock for deadlines alone.
#[expect(
    clippy::disallowed_methods,
    reason = "the one file that reads the clock"
)]
pub fn instant() -> Instant {
    Instant::now()
}
