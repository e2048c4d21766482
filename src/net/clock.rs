//! The only file that reads the clock. A worker reads it once per turn and passes the time down.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::semantics::date::{HttpDate, ImfFixdate};

/// The current time on several clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines. It never goes back.
    pub instant: Instant,
    /// For durations: the latest reading of the same clock in this turn.
    pub latest: Instant,
    /// For the log.
    pub system: SystemTime,
    /// For `Date`, and for dates that are compared with it.
    pub date: HttpDate,
    /// The date as text, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
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

    /// Reads the clocks again. The date is formatted once per second, not once per turn.
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

/// The date in HTTP's format. If the clock is outside the years that HTTP can write, the epoch.
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

/// Reads only the clock for deadlines.
#[expect(
    clippy::disallowed_methods,
    reason = "the one file that reads the clock"
)]
pub fn instant() -> Instant {
    Instant::now()
}
