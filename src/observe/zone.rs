//! The time zone in which the log writes times.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tz::{TimeZone, TimeZoneSettings};

use crate::text::calendar::{FormattedTime, TimeFormat, UtcTime};

/// A time zone. Its rules are in memory, so no line of the log needs a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    Utc,
    /// The offset from UTC that holds at the time.
    Local(Arc<TimeZone>),
}

impl Zone {
    /// The zone of this machine, read once: `variable`, which is the value of `TZ`, or else
    /// /etc/localtime. `files` reads the files of zones. A zone that cannot be read is at the offset 0, as in the C
    /// library.
    pub fn read(variable: Option<&str>, files: &TimeZoneSettings<'_>) -> Zone {
        let zone = match variable {
            Some(text) => files.parse_posix_tz(text),
            None => files.parse_local(),
        };
        Zone::Local(Arc::new(zone.unwrap_or_else(|_| TimeZone::utc())))
    }

    /// Displays a point in time as the clocks of this zone show it.
    pub fn format(&self, time: SystemTime, format: TimeFormat) -> FormattedTime {
        let utc = UtcTime::clamped(time);
        match self {
            Zone::Utc => utc.format(format),
            Zone::Local(zone) => utc.format_at(offset(zone, time), format),
        }
    }
}

/// The minutes by which the clocks are ahead of UTC.
fn offset(zone: &TimeZone, time: SystemTime) -> i32 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let found = zone.find_local_time_type(seconds);
    found.map_or(0, |found| found.ut_offset().div_euclid(60))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(variable: &str, seconds: u64, want: &str) {
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        let got = Zone::read(Some(variable), &TimeZoneSettings::DEFAULT)
            .format(time, TimeFormat::Rfc3339);
        assert_eq!(got.to_string(), want, "{variable}");
    }

    // The numbers come from `TZ=... date -d @... --iso-8601=seconds`.
    #[test]
    fn the_offset_is_the_one_that_holds_at_the_time() {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
        check(berlin, 1_774_745_999, "2026-03-29T01:59:59+01:00");
        check(berlin, 1_774_746_000, "2026-03-29T03:00:00+02:00");
        check("NPT-5:45", 971_186_136, "2000-10-10T19:40:36+05:45");
        check("NST3:30", 0, "1969-12-31T20:30:00-03:30");
        // A zone that does not exist, and none, as the C library takes it.
        check("No/Where", 0, "1970-01-01T00:00:00+00:00");
        check("", 0, "1970-01-01T00:00:00+00:00");
        check(berlin, u64::MAX / 4, "9999-12-31T23:59:59+00:00");
    }

    #[test]
    fn utc_is_written_without_an_offset() {
        let time = Zone::Utc.format(UNIX_EPOCH, TimeFormat::Rfc3339);
        assert_eq!(time.to_string(), "1970-01-01T00:00:00Z");
    }
}
