//! Points in time as calendar dates and times of day, in UTC or at an offset from it.
//!
//! `10/Oct/2000:13:55:36 +0000` and `2000-10-10T15:55:36.000+02:00` are the same point in time. The
//! `semantics` layer writes the dates of field values (RFC 9110 section 5.6.7).

use std::fmt::{self, Display, Formatter};
use std::time::{SystemTime, UNIX_EPOCH};

/// The last second whose year has four digits, 9999-12-31T23:59:59Z, as seconds since 1970.
pub const LAST_SECOND: i64 = 253_402_300_799;

/// 0000-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_167_219_200;

/// A point in time in the proleptic Gregorian calendar, with a year from 0 to 9999 and no leap
/// seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcTime {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: u32,
    /// The same time as seconds since 1970.
    seconds: i64,
}

/// The text format of a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// `10/Oct/2000:13:55:36 +0000`, as in the common log format.
    CommonLog,
    /// `2000-10-10T13:55:36Z` (RFC 3339).
    Rfc3339,
    /// `2000-10-10T13:55:36.123Z` (RFC 3339).
    Rfc3339Millis,
    /// `2000-10-10`.
    Date,
    /// `13:55`.
    HourMinute,
    /// `13:55:36`.
    Clock,
}

/// A point in time that is displayed in one format.
#[derive(Clone, Copy, Debug)]
pub struct FormattedTime {
    time: UtcTime,
    /// In minutes; `None` is written as UTC.
    offset: Option<i32>,
    format: TimeFormat,
}

impl UtcTime {
    /// The time `seconds` after the start of 1970. `None` if the year does not have the four digits
    /// that RFC 3339 requires.
    pub fn from_unix(seconds: i64) -> Option<UtcTime> {
        let has_four_digits = (FIRST_SECOND..=LAST_SECOND).contains(&seconds);
        has_four_digits.then(|| UtcTime::at(seconds, 0))
    }

    /// Converts `time`. If it is before 1970 or after 9999, returns the nearest time in that range,
    /// so that every log line has a time of the same width.
    pub fn clamped(time: SystemTime) -> UtcTime {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        match i64::try_from(since.as_secs()) {
            Ok(seconds) if seconds <= LAST_SECOND => UtcTime::at(seconds, since.subsec_millis()),
            _ => UtcTime::at(LAST_SECOND, 999),
        }
    }

    /// The year.
    pub fn year(self) -> i64 {
        self.year
    }

    /// The year, month, day, hour, minute and second, in UTC. Months and days count from 1.
    pub fn parts(self) -> [i64; 6] {
        let UtcTime {
            year, month, day, ..
        } = self;
        [year, month, day, self.hour, self.minute, self.second]
    }

    /// Displays the time in `format`.
    pub fn format(self, format: TimeFormat) -> FormattedTime {
        FormattedTime {
            time: self,
            offset: None,
            format,
        }
    }

    /// Displays the time as clocks show it that are `minutes` ahead of UTC, with this offset where the
    /// format has one. A time beyond the year 9999 is displayed in UTC.
    pub fn format_at(self, minutes: i32, format: TimeFormat) -> FormattedTime {
        let seconds = self.seconds + i64::from(minutes) * 60;
        let (shown, offset) = match (FIRST_SECOND..=LAST_SECOND).contains(&seconds) {
            true => (UtcTime::at(seconds, self.millisecond), minutes),
            false => (self, 0),
        };
        FormattedTime {
            offset: Some(offset),
            ..shown.format(format)
        }
    }

    fn at(seconds: i64, millisecond: u32) -> UtcTime {
        let (year, month, day) = date(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        UtcTime {
            year,
            month,
            day,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            millisecond,
            seconds,
        }
    }
}

impl Display for FormattedTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        match self.format {
            TimeFormat::CommonLog => {
                let [year, month, day, ..] = self.time.parts();
                let name = MONTHS[(month - 1) as usize % MONTHS.len()];
                text.two(day).push("/").push(name).push("/").four(year);
                text.push(":").clock(&self.time).push(" ");
                self.write_offset(&mut text, "+0000", "");
            }
            TimeFormat::Rfc3339 => {
                text.date(&self.time).push("T").clock(&self.time);
                self.write_offset(&mut text, "Z", ":");
            }
            TimeFormat::Rfc3339Millis => {
                text.date(&self.time).push("T").clock(&self.time).push(".");
                text.three(self.time.millisecond.into());
                self.write_offset(&mut text, "Z", ":");
            }
            TimeFormat::Date => {
                text.date(&self.time);
            }
            TimeFormat::HourMinute => {
                text.two(self.time.hour).push(":").two(self.time.minute);
            }
            TimeFormat::Clock => {
                text.clock(&self.time);
            }
        }
        f.write_str(text.as_str())
    }
}

impl FormattedTime {
    /// Writes the offset as `+0200`, with `colon` between hours and minutes; `utc` if there is none.
    fn write_offset(&self, text: &mut Text, utc: &str, colon: &str) {
        let Some(minutes) = self.offset else {
            text.push(utc);
            return;
        };
        let sign = if minutes < 0 { "-" } else { "+" };
        let minutes = i64::from(minutes.unsigned_abs());
        text.push(sign).two(minutes / 60);
        text.push(colon).two(minutes % 60);
    }
}

/// The text of a time. Each line of a log has one, and the digits need none of what format strings can do.
#[derive(Default)]
struct Text {
    bytes: [u8; Text::LONGEST],
    length: usize,
}

impl Text {
    const LONGEST: usize = "2000-10-10T13:55:36.123+02:00".len();

    fn push(&mut self, text: &str) -> &mut Text {
        let end = self.length + text.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(text.as_bytes());
            self.length = end;
        }
        self
    }

    fn digit(&mut self, number: i64) -> &mut Text {
        let digits = "0123456789";
        let place = number.rem_euclid(10) as usize;
        self.push(&digits[place..=place])
    }

    fn two(&mut self, number: i64) -> &mut Text {
        self.digit(number / 10).digit(number)
    }

    fn three(&mut self, number: i64) -> &mut Text {
        self.digit(number / 100).two(number)
    }

    fn four(&mut self, number: i64) -> &mut Text {
        self.two(number / 100).two(number)
    }

    fn date(&mut self, time: &UtcTime) -> &mut Text {
        self.four(time.year).push("-").two(time.month);
        self.push("-").two(time.day)
    }

    fn clock(&mut self, time: &UtcTime) -> &mut Text {
        self.two(time.hour).push(":").two(time.minute);
        self.push(":").two(time.second)
    }

    fn as_str(&self) -> &str {
        // This cannot fail: all of it is ASCII.
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;
/// The calendar repeats every 400 years.
const DAYS_PER_400_YEARS: i64 = 146_097;

/// The year, month and day that are `days` days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    // Count years from March, so that the leap day is the last day of a year.
    let days = days + DAYS_BEFORE_1970;
    let cycle = days.div_euclid(DAYS_PER_400_YEARS);
    let day = days.rem_euclid(DAYS_PER_400_YEARS);
    // Counted from 0, the last day of 4, 100 and 400 years is day 1,460, 36,524 and 146,096.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, the months have 31, 30, 31, 30 and 31 days, then again: 153 days in 5 months.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year;
    match month {
        0..10 => (year, month + 3, day),
        _ => (year + 1, month - 9, day),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(seconds: i64, want: Option<&str>) {
        let time = UtcTime::from_unix(seconds);
        let got = time.map(|time| time.format(TimeFormat::Rfc3339).to_string());
        assert_eq!(got.as_deref(), want, "{seconds}");
    }

    // The numbers come from `date -u -d ... +%s`.
    #[test]
    fn seconds_become_dates() {
        check(i64::MIN, None);
        check(FIRST_SECOND - 1, None); // RFC 3339 5.6: four digits
        check(FIRST_SECOND, Some("0000-01-01T00:00:00Z"));
        check(-1, Some("1969-12-31T23:59:59Z"));
        check(0, Some("1970-01-01T00:00:00Z"));
        check(59, Some("1970-01-01T00:00:59Z"));
        check(86_399, Some("1970-01-01T23:59:59Z"));
        check(86_400, Some("1970-01-02T00:00:00Z"));
        check(68_169_600, Some("1972-02-29T00:00:00Z")); // a leap year
        check(951_782_399, Some("2000-02-28T23:59:59Z"));
        check(951_782_400, Some("2000-02-29T00:00:00Z")); // 400 divides it
        check(951_868_800, Some("2000-03-01T00:00:00Z"));
        check(978_307_199, Some("2000-12-31T23:59:59Z"));
        check(1_709_251_199, Some("2024-02-29T23:59:59Z"));
        check(1_795_244_292, Some("2026-11-21T06:58:12Z"));
        check(4_107_542_399, Some("2100-02-28T23:59:59Z")); // 100 divides it: no leap year
        check(4_107_542_400, Some("2100-03-01T00:00:00Z"));
        check(LAST_SECOND, Some("9999-12-31T23:59:59Z"));
        check(LAST_SECOND + 1, None);
        check(i64::MAX, None);
    }

    #[track_caller]
    fn check_clamped(time: SystemTime, want: &str) {
        let got = UtcTime::clamped(time).format(TimeFormat::Rfc3339Millis);
        assert_eq!(got.to_string(), want);
    }

    #[test]
    fn the_time_of_a_log_line_always_has_the_same_width() {
        let after = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        check_clamped(
            UNIX_EPOCH - Duration::from_secs(5),
            "1970-01-01T00:00:00.000Z",
        );
        check_clamped(
            UNIX_EPOCH + Duration::from_millis(971_186_136_123),
            "2000-10-10T13:55:36.123Z",
        );
        check_clamped(after(LAST_SECOND as u64), "9999-12-31T23:59:59.000Z");
        check_clamped(after(LAST_SECOND as u64 + 1), "9999-12-31T23:59:59.999Z");
        check_clamped(after(1 << 62), "9999-12-31T23:59:59.999Z");
    }

    #[track_caller]
    fn check_format(format: TimeFormat, want: &str) {
        let time = UtcTime::clamped(UNIX_EPOCH + Duration::from_millis(971_186_136_009));
        assert_eq!(time.format(format).to_string(), want);
    }

    #[test]
    fn every_format_is_written() {
        check_format(TimeFormat::CommonLog, "10/Oct/2000:13:55:36 +0000"); // as Apache writes it
        check_format(TimeFormat::Rfc3339, "2000-10-10T13:55:36Z"); // RFC 3339 5.6
        check_format(TimeFormat::Rfc3339Millis, "2000-10-10T13:55:36.009Z");
        check_format(TimeFormat::Date, "2000-10-10");
        check_format(TimeFormat::HourMinute, "13:55");
        check_format(TimeFormat::Clock, "13:55:36");
    }

    #[track_caller]
    fn check_offset(minutes: i32, format: TimeFormat, want: &str) {
        let time = UtcTime::clamped(UNIX_EPOCH + Duration::from_millis(971_186_136_009));
        assert_eq!(time.format_at(minutes, format).to_string(), want);
    }

    #[test]
    fn a_time_at_an_offset_is_written_with_it() {
        check_offset(120, TimeFormat::CommonLog, "10/Oct/2000:15:55:36 +0200");
        check_offset(-570, TimeFormat::Rfc3339, "2000-10-10T04:25:36-09:30"); // RFC 3339 5.6
        check_offset(
            660,
            TimeFormat::Rfc3339Millis,
            "2000-10-11T00:55:36.009+11:00",
        );
        check_offset(0, TimeFormat::Rfc3339, "2000-10-10T13:55:36+00:00");
        check_offset(345, TimeFormat::Clock, "19:40:36");
        let last = UtcTime::clamped(UNIX_EPOCH + Duration::from_secs(LAST_SECOND as u64));
        let shown = last.format_at(60, TimeFormat::Rfc3339).to_string();
        assert_eq!(shown, "9999-12-31T23:59:59+00:00");
    }

    #[test]
    fn every_day_of_400_years_follows_the_one_before() {
        let mut before = date(0);
        for days in 1..DAYS_PER_400_YEARS + 2 {
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

    fn last_day(month: i64, leap: bool) -> i64 {
        match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    #[test]
    fn dates_agree_with_those_of_httpdate() {
        for days in (0..2_900_000).step_by(17) {
            let seconds = days * SECONDS_PER_DAY;
            let time = UtcTime::from_unix(seconds).unwrap();
            let imf = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds as u64));
            // `Sun, 06 Nov 1994 ...` and `06/Nov/1994:...`.
            let got = time.format(TimeFormat::CommonLog).to_string();
            assert_eq!(got[..11].replace('/', " "), imf[5..16], "{days}");
        }
    }
}
