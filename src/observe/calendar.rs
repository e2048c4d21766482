//! The calendar: a point in time to year, month, day and hour, in UTC.
//!
//! `10/Oct/2000:13:55:36 +0000` and `2000-10-10T13:55:36.000Z` are the same point. Field values
//! are no business of this module: `Date` and its like are written by semantics.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time as the proleptic Gregorian calendar names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// 1970 to 9999.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59; the system's time has no leap seconds.
    pub second: u64,
    /// 0 to 999.
    pub millisecond: u64,
}

impl Moment {
    /// The moment of `time`. What lies before 1970 becomes its first moment and what lies after
    /// 9999 becomes its last, so that every date has the width that readers of logs expect.
    pub fn of(time: SystemTime) -> Moment {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() > LAST_SECOND {
            return Moment::at(LAST_SECOND, 999);
        }
        Moment::at(since.as_secs(), u64::from(since.subsec_millis()))
    }

    /// Appends `10/Oct/2000:13:55:36 +0000`, the time of the combined log format.
    pub fn write_common(&self, out: &mut Vec<u8>) {
        let month = MONTHS[(self.month as usize - 1) % MONTHS.len()];
        append(
            out,
            format_args!("{:02}/{month}/{:04}:", self.day, self.year),
        );
        self.write_clock(out);
        out.extend_from_slice(b" +0000");
    }

    /// Appends `2000-10-10T13:55:36.123Z` (RFC 3339, a profile of ISO 8601).
    pub fn write_iso(&self, out: &mut Vec<u8>) {
        let (year, month, day) = (self.year, self.month, self.day);
        append(out, format_args!("{year:04}-{month:02}-{day:02}T"));
        self.write_clock(out);
        append(out, format_args!(".{:03}Z", self.millisecond));
    }

    /// Appends `13:55:36`.
    pub fn write_clock(&self, out: &mut Vec<u8>) {
        let (hour, minute, second) = (self.hour, self.minute, self.second);
        append(out, format_args!("{hour:02}:{minute:02}:{second:02}"));
    }

    fn at(seconds: u64, millisecond: u64) -> Moment {
        let (year, month, day) = date(seconds / SECONDS_A_DAY);
        let of_day = seconds % SECONDS_A_DAY;
        Moment {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            millisecond,
        }
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const SECONDS_A_DAY: u64 = 86_400;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

const DAYS_IN_4_YEARS: u64 = 4 * 365 + 1;
const DAYS_IN_100_YEARS: u64 = 25 * DAYS_IN_4_YEARS - 1;
const DAYS_IN_400_YEARS: u64 = 4 * DAYS_IN_100_YEARS + 1;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

/// Year, month and day of the day so many days after 1970-01-01.
///
/// Years are counted from March, so that the day that may be missing is the last of its year, of
/// its 4 years, of its 100 and of its 400. Each division below takes whole spans off, and `min`
/// keeps that last day in the span it ends.
fn date(days: u64) -> (u64, u64, u64) {
    let mut day = days + DAYS_BEFORE_1970;
    let mut year = 0;
    for (span, years, at_most) in [
        (DAYS_IN_400_YEARS, 400, u64::MAX),
        (DAYS_IN_100_YEARS, 100, 3),
        (DAYS_IN_4_YEARS, 4, u64::MAX),
        (365, 1, 3),
    ] {
        let spans = (day / span).min(at_most);
        day -= spans * span;
        year += spans * years;
    }
    // From March on, months have 31, 30, 31, 30, 31 days and again: 153 days in 5 months.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    match month {
        0..10 => (year, month + 3, day),
        _ => (year + 1, month - 9, day),
    }
}

/// Appends formatted text; a vector takes every write.
pub(super) fn append(out: &mut Vec<u8>, text: std::fmt::Arguments) {
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(seconds: u64, want: &str) {
        let mut got = Vec::new();
        Moment::of(UNIX_EPOCH + Duration::from_secs(seconds)).write_iso(&mut got);
        assert_eq!(String::from_utf8_lossy(&got), want, "{seconds}");
    }

    // The numbers are those of `date -u -d ... +%s`.
    #[test]
    fn seconds_become_dates() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(59, "1970-01-01T00:00:59.000Z");
        check(86_399, "1970-01-01T23:59:59.000Z");
        check(86_400, "1970-01-02T00:00:00.000Z");
        check(68_169_600, "1972-02-29T00:00:00.000Z"); // a leap year
        check(951_782_400, "2000-02-29T00:00:00.000Z"); // 400 divides it
        check(951_868_800, "2000-03-01T00:00:00.000Z");
        check(971_186_136, "2000-10-10T13:55:36.000Z");
        check(978_307_199, "2000-12-31T23:59:59.000Z");
        check(1_709_251_199, "2024-02-29T23:59:59.000Z");
        check(4_107_542_399, "2100-02-28T23:59:59.000Z"); // 100 divides it: no leap year
        check(4_107_542_400, "2100-03-01T00:00:00.000Z");
        check(LAST_SECOND, "9999-12-31T23:59:59.000Z");
        check(LAST_SECOND + 1, "9999-12-31T23:59:59.999Z"); // held at the last moment
        check(1 << 62, "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_of_400_years_follows_the_one_before() {
        let mut before = date(0);
        for days in 1..DAYS_IN_400_YEARS + 2 {
            let (year, month, day) = date(days);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let next = match before {
                (y, 12, 31) => (y + 1, 1, 1),
                (y, 2, 28) if leap => (y, 2, 29),
                (y, m, d) if d == last_day(m, leap) => (y, m + 1, 1),
                (y, m, d) => (y, m, d + 1),
            };
            assert_eq!((year, month, day), next, "{days}");
            before = next;
        }
    }

    fn last_day(month: u64, leap: bool) -> u64 {
        match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    #[test]
    fn times_before_1970_are_its_first_moment() {
        let before = UNIX_EPOCH.checked_sub(Duration::from_secs(5));
        let moment = Moment::of(before.unwrap_or(UNIX_EPOCH));
        assert_eq!(moment, Moment::of(UNIX_EPOCH));
    }

    #[test]
    fn the_common_form_is_that_of_apache() {
        let mut got = Vec::new();
        let time = UNIX_EPOCH + Duration::from_millis(971_186_136_789);
        Moment::of(time).write_common(&mut got);
        assert_eq!(got, b"10/Oct/2000:13:55:36 +0000");
    }
}
