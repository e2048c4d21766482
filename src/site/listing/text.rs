//! Bytes as text: escaped for HTML, encoded for a reference, sizes and dates for people.
//!
//! A name is bytes. What is shown may be a replacement; what is linked is exact.

/// Appends `text` so that it is character data or a quoted attribute value of HTML. Control
/// characters, which HTML forbids, become their pictures (U+2400 and on).
pub fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + character as u32).unwrap_or(' ')),
            '\x7f'..='\u{9f}' => out.push('\u{2421}'),
            _ => out.push(character),
        }
    }
}

/// Appends `bytes` percent-encoded: all but the unreserved characters of RFC 3986 section 2.3, so
/// that the reference means these very bytes wherever it stands.
pub fn push_encoded(out: &mut String, bytes: &[u8]) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            out.extend(['%', digits[0], digits[1]]);
        }
    }
}

/// The text a form-encoded value stands for: `+` is a space, `%XX` is a byte, a percent sign
/// without two digits is itself, what is not UTF-8 is replaced.
pub fn form_decoded(value: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, behind @ ..]) if let Some(byte) = from_hex(*high, *low) => {
                bytes.push(byte);
                rest = behind;
            }
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn from_hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// A size for people: `0 B`, `999 B`, `1.5 KiB`, `12 MiB`. Three digits at most say enough; the
/// exact number stands beside it.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded half up; what rounds to 1024 of one unit is 1.0 of the next.
    let mut tenths = u128::from(bytes) * 10;
    for unit in UNITS {
        let rounded = (tenths + 512) / 1024;
        if rounded < 100 {
            return format!("{}.{} {unit}", rounded / 10, rounded % 10);
        }
        if rounded + 5 < 10_240 {
            return format!("{} {unit}", (rounded + 5) / 10);
        }
        tenths /= 1024;
    }
    format!("{bytes} B")
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A moment of the proleptic Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    year: i64,
    month: u8,
    day: u8,
    second_of_day: u32,
}

impl Moment {
    /// The moment `seconds` after 1970 began, or `None` where its year has not four digits, as
    /// RFC 3339 needs.
    pub fn from_unix(seconds: i64) -> Option<Moment> {
        let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days are counted from 0000-03-01, so that a leap day ends a year; 146,097 of them are
        // the 400 years after which the calendar repeats itself.
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // From March on, five months have 153 days.
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = era * 400 + year + carry;
        (0..10_000).contains(&year).then_some(Moment {
            year,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
            second_of_day: u32::try_from(second_of_day).ok()?,
        })
    }

    /// `2026-11-21`.
    pub fn date(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `06:58`.
    pub fn hour_and_minute(self) -> String {
        let minutes = self.second_of_day / 60;
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// `2026-11-21T06:58:12Z` (RFC 3339).
    pub fn rfc3339(self) -> String {
        let (date, time) = (self.date(), self.hour_and_minute());
        format!("{date}T{time}:{:02}Z", self.second_of_day % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(got: String, want: &str) {
        assert_eq!(got, want);
    }

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        push_escaped(&mut out, text);
        out
    }

    fn encoded(bytes: &[u8]) -> String {
        let mut out = String::new();
        push_encoded(&mut out, bytes);
        out
    }

    #[test]
    fn html_is_escaped() {
        check(escaped("a ä 日"), "a ä 日");
        check(escaped("<b>&\"'"), "&lt;b&gt;&amp;&quot;&#39;");
        check(escaped("a\nb\x1b[2J\x7f\u{85}"), "a␊b␛[2J␡␡"); // HTML forbids control characters
    }

    #[test]
    fn references_are_encoded() {
        check(encoded(b"a-Z.0_~"), "a-Z.0_~"); // RFC 3986 section 2.3
        check(encoded(b"a b"), "a%20b");
        check(
            encoded(b"100%?#&+\"'<:/"),
            "100%25%3F%23%26%2B%22%27%3C%3A%2F",
        );
        check(encoded("ä".as_bytes()), "%C3%A4");
        check(encoded(b"\xff\n"), "%FF%0A");
    }

    #[test]
    fn sizes_are_for_people() {
        check(human_size(0), "0 B");
        check(human_size(1023), "1023 B");
        check(human_size(1024), "1.0 KiB");
        check(human_size(1536), "1.5 KiB");
        check(human_size(10_188), "9.9 KiB");
        check(human_size(10_190), "10 KiB");
        check(human_size(1_048_000), "1023 KiB");
        check(human_size(1_048_575), "1.0 MiB");
        check(human_size(5 << 30), "5.0 GiB");
        check(human_size(u64::MAX), "16 EiB");
    }

    #[test]
    fn thousands_stand_apart() {
        check(grouped(0), "0");
        check(grouped(999), "999");
        check(grouped(1000), "1,000");
        check(grouped(1_234_567), "1,234,567");
    }

    #[track_caller]
    fn check_moment(seconds: i64, want: Option<&str>) {
        let got = Moment::from_unix(seconds).map(Moment::rfc3339);
        assert_eq!(got.as_deref(), want, "{seconds}");
    }

    #[test]
    fn moments_are_dates() {
        check_moment(0, Some("1970-01-01T00:00:00Z"));
        check_moment(-1, Some("1969-12-31T23:59:59Z"));
        check_moment(951_782_399, Some("2000-02-28T23:59:59Z"));
        check_moment(951_782_400, Some("2000-02-29T00:00:00Z")); // 2000 is a leap year
        check_moment(4_107_542_400, Some("2100-03-01T00:00:00Z")); // 2100 is not
        check_moment(1_795_244_292, Some("2026-11-21T06:58:12Z"));
        check_moment(253_402_300_799, Some("9999-12-31T23:59:59Z"));
        check_moment(253_402_300_800, None); // RFC 3339: four digits
        check_moment(-62_167_219_200, Some("0000-01-01T00:00:00Z"));
        check_moment(-62_167_219_201, None);
        check_moment(i64::MAX, None);
        check_moment(i64::MIN, None);
    }

    #[test]
    fn moments_follow_one_another_like_those_of_httpdate() {
        for day in (0..2_900_000).step_by(17) {
            let moment = Moment::from_unix(day * 86_400).unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(day as u64 * 86_400);
            let imf = httpdate::fmt_http_date(time);
            let want = format!("{:02} ", moment.day);
            assert_eq!(imf[5..8], want, "{imf}");
            assert_eq!(imf[12..16], moment.date()[..4], "{imf}");
        }
    }
}
