//! RFC 9110 section 5.6.7: dates.
//!
//! The server reads all three formats and writes the first:
//!
//! ```text
//! Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//! Sunday, 06-Nov-94 08:49:37 GMT   RFC 850, obsolete
//! Sun Nov  6 08:49:37 1994         asctime, obsolete
//! ```

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::text::append;
use crate::text::calendar::{LAST_SECOND, UtcTime};

/// A time in whole seconds, from the start of 1970 to the end of the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(u64);

/// Fifty mean Gregorian years in seconds.
const FIFTY_YEARS: u64 = 50 * 31_556_952;

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

impl HttpDate {
    /// 1 January 1970, 00:00:00.
    pub const EPOCH: HttpDate = HttpDate(0);

    /// The length of an IMF-fixdate in bytes.
    pub(super) const LENGTH: usize = 29;

    /// The time `seconds` after [`HttpDate::EPOCH`], or `None` before 1970 or after the year 9999.
    pub fn from_unix(seconds: i64) -> Option<HttpDate> {
        let is_in_range = (0..=LAST_SECOND).contains(&seconds);
        is_in_range.then_some(HttpDate(seconds.unsigned_abs()))
    }

    /// Parses any of the three formats. Returns `None` for anything else, such as a date with the
    /// wrong weekday. `now` decides the century of a two-digit year.
    pub fn parse(value: &[u8], now: HttpDate) -> Option<HttpDate> {
        let text = std::str::from_utf8(value).ok()?.trim();
        match text.split_once(", ") {
            Some((weekday, rest)) if WEEKDAYS.contains(&weekday) => {
                parse_rfc850(weekday, rest, now)
            }
            _ => parse_four_digit_year(text),
        }
    }

    /// The time this many seconds later, or the last one that has a text.
    pub fn plus(self, seconds: u32) -> HttpDate {
        let latest = LAST_SECOND.unsigned_abs();
        HttpDate((self.0 + u64::from(seconds)).min(latest))
    }

    /// The seconds since [`HttpDate::EPOCH`].
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// Appends the IMF-fixdate, which has 29 bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        append(out, format_args!("{self}"));
    }
}

/// The text of a date, formatted once and copied into every response of the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImfFixdate([u8; HttpDate::LENGTH]);

impl From<HttpDate> for ImfFixdate {
    fn from(date: HttpDate) -> ImfFixdate {
        let mut text = Vec::with_capacity(HttpDate::LENGTH);
        date.write(&mut text);
        // Every date has the same length.
        let mut bytes = [b' '; HttpDate::LENGTH];
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = from);
        ImfFixdate(bytes)
    }
}

impl ImfFixdate {
    /// The bytes of the field value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The conversion panics outside the years 1970 to 9999, but an HttpDate is always inside.
        let time = UNIX_EPOCH + Duration::from_secs(self.0);
        httpdate::HttpDate::from(time).fmt(f)
    }
}

fn parse_four_digit_year(text: &str) -> Option<HttpDate> {
    let time: SystemTime = text.parse::<httpdate::HttpDate>().ok()?.into();
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(HttpDate(since.as_secs()))
}

/// Parses the part after the weekday, such as `06-Nov-94 08:49:37 GMT`.
///
/// If a date appears to be more than 50 years in the future, its year MUST be read as the most
/// recent past year with the same two digits. So this takes the latest century that is not more
/// than 50 years ahead and in which the weekday is right.
fn parse_rfc850(weekday: &str, rest: &str, now: HttpDate) -> Option<HttpDate> {
    let (day, rest) = rest.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let (year, time) = rest.split_at_checked(2)?;
    let year = two_digits(year)?;
    let short = weekday.get(..3)?;
    let latest = now.0.saturating_add(FIFTY_YEARS);
    let this_century = UtcTime::from_unix(i64::try_from(now.0).ok()?)?.year() / 100;
    [this_century + 1, this_century, this_century - 1]
        .into_iter()
        .map(|century| century * 100 + year)
        .filter_map(|year| parse_four_digit_year(&format!("{short}, {day} {month} {year}{time}")))
        .find(|date| date.0 <= latest)
}

fn two_digits(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fri, 01 May 2026 00:00:00 GMT.
    const NOW: HttpDate = HttpDate(1_777_593_600);

    #[track_caller]
    fn check(value: &str, want: Option<u64>) {
        let got = HttpDate::parse(value.as_bytes(), NOW).map(HttpDate::seconds);
        assert_eq!(got, want, "{value:?}");
    }

    #[test]
    fn three_formats_are_read() {
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)); // 5.6.7: IMF-fixdate
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)); // 5.6.7: RFC 850
        check("Sun Nov  6 08:49:37 1994", Some(784_111_777)); // 5.6.7: asctime
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(LAST_SECOND as u64));
        check("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800));
    }

    #[test]
    fn other_values_are_not_dates() {
        check("", None);
        check("0", None);
        check("yesterday", None);
        check("Sun, 06 Nov 1994 08:49:37", None); // the zone is part of the grammar
        check("Sun, 06 Nov 1994 08:49:37 UTC", None); // and must be GMT
        check("Sun, 06 Nov 1994 08:49:37 gmt", None); // case matters
        check("sun, 06 Nov 1994 08:49:37 GMT", None);
        check("Sun, 6 Nov 1994 08:49:37 GMT", None); // day is 2DIGIT
        check("Mon, 06 Nov 1994 08:49:37 GMT", None); // it was a Sunday
        check("Thu, 29 Feb 2023 00:00:00 GMT", None); // 2023 had no such day
        check("Sun, 06 Nov 1994 24:00:00 GMT", None);
        check("Wed, 31 Dec 1969 23:59:59 GMT", None);
        check("Sunday, 06-Nov-1994 08:49:37 GMT", None); // RFC 850 has two digits
        check("Sunday, 06-Nov-+4 08:49:37 GMT", None);
        check(" \x0bSaturday, 01-May-77 00:00:00 GMT", None); // also after white space
        check("Sunday, ", None);
        check("Sunday, -", None);
        check("Sunday, é-é-éé", None);
    }

    #[test]
    fn a_two_digit_year_is_at_most_fifty_years_ahead() {
        check("Tuesday, 01-May-01 00:00:00 GMT", Some(988_675_200)); // 2001, 25 years ago
        check("Saturday, 01-May-27 00:00:00 GMT", Some(1_809_129_600)); // next year
        check("Wednesday, 01-May-75 00:00:00 GMT", Some(3_323_894_400)); // 2075, 49 years ahead
        check("Sunday, 01-May-77 00:00:00 GMT", Some(231_292_800)); // 1977, not 2077
        check("Saturday, 01-May-77 00:00:00 GMT", None); // 2077 is too far ahead
        // In 2060, `01` is 2101.
        let now = HttpDate(2_840_140_800);
        let got = HttpDate::parse(b"Sunday, 01-May-01 00:00:00 GMT", now);
        assert_eq!(got, Some(HttpDate(4_144_348_800)));
    }

    #[test]
    fn one_format_is_written() {
        let date = HttpDate::from_unix(784_111_777).unwrap();
        assert_eq!(date.to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
        let mut out = b"Date: ".to_vec();
        date.write(&mut out);
        assert_eq!(out, b"Date: Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(ImfFixdate::from(date).as_bytes(), &out[6..]);
    }

    #[test]
    fn times_outside_1970_to_9999_are_not_dates() {
        assert_eq!(HttpDate::from_unix(-1), None);
        assert_eq!(HttpDate::from_unix(i64::MIN), None);
        assert_eq!(HttpDate::from_unix(LAST_SECOND + 1), None);
        assert_eq!(HttpDate::from_unix(i64::MAX), None);
        let last = HttpDate::from_unix(LAST_SECOND).unwrap();
        assert_eq!(last.to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(HttpDate::from_unix(0), Some(HttpDate(0)));
    }
}
