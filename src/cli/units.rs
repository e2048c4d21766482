//! Durations, sizes, counts and ports as people write them: `10s`, `500ms`, `64k`, `1m`, `80`.
//!
//! A default is shown in the same form, so that people can type it back.

use std::ops::RangeInclusive;
use std::time::Duration;

/// One year. Nobody needs a longer duration, and adding it to a time cannot overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A duration above zero.
pub fn deadline(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be more than 0".into()),
        some => Ok(some),
    }
}

/// `duration = 1*DIGIT [ "ms" / "s" / "m" / "min" / "h" / "d" ]`; without a unit, seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text).ok_or(NOT_A_DURATION)?;
    let milliseconds = match unit.as_str() {
        "ms" => 1,
        "" | "s" => SECOND,
        "m" | "min" => MINUTE,
        "h" => HOUR,
        "d" => 24 * HOUR,
        _ => return Err(NOT_A_DURATION.into()),
    };
    let total = number.checked_mul(milliseconds);
    let total = total.map(Duration::from_millis);
    total
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| "it must be at most 365d".into())
}

/// A duration in the largest unit that divides it: `10s`, `1m`. [`duration`] reads it back.
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, name) in [(HOUR, "h"), (MINUTE, "m"), (SECOND, "s")] {
        let unit = u128::from(unit);
        if milliseconds >= unit && milliseconds.is_multiple_of(unit) {
            return format!("{}{name}", milliseconds / unit);
        }
    }
    format!("{milliseconds}ms")
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// `size = 1*DIGIT [ ( "k" / "m" / "g" ) [ "b" / "ib" ] / "b" ]` in bytes, with powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text).ok_or(NOT_A_SIZE)?;
    let bytes: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => KIB,
        "m" | "mb" | "mib" => MIB,
        "g" | "gb" | "gib" => GIB,
        _ => return Err(NOT_A_SIZE.into()),
    };
    number
        .checked_mul(bytes)
        .ok_or_else(|| "it is too large".into())
}

/// A size in the largest unit that divides it: `16k`, `512`. [`size`] reads it back.
pub fn show_size(bytes: u64) -> String {
    for (unit, name) in [(GIB, "g"), (MIB, "m"), (KIB, "k")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A maximum size for a request head or its target. Below 512 bytes, common requests would not fit.
/// Above 16 MiB, a client could use too much memory.
pub fn head_size(text: &str) -> Result<usize, String> {
    match usize::try_from(size(text)?) {
        Ok(bytes @ 512..=0x100_0000) => Ok(bytes),
        _ => Err("it must be from 512 to 16m".into()),
    }
}

/// A whole number in `allowed`.
pub fn count(text: &str, allowed: RangeInclusive<usize>) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| {
        let (least, most) = allowed.into_inner();
        format!("not a number from {least} to {most}")
    })
}

/// The number of a port. 0 asks the system to choose one.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| "not a number from 0 to 65535".into())
}

const NOT_A_DURATION: &str = "not a duration such as 10s, 500ms, 2m or 1h";
const NOT_A_SIZE: &str = "not a size such as 512, 64k, 1m or 2g";

/// The digits at the start of `text`, and the unit after them in lower case.
fn split(text: &str) -> Option<(u64, String)> {
    let end = text.find(|char: char| !char.is_ascii_digit());
    let (digits, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    Some((digits.parse().ok()?, unit.trim_start().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_duration(text: &str, milliseconds: Option<u64>) {
        let want = milliseconds.map(Duration::from_millis);
        assert_eq!(duration(text).ok(), want, "{text:?}");
    }

    #[track_caller]
    fn check_size(text: &str, want: Option<u64>) {
        assert_eq!(size(text).ok(), want, "{text:?}");
    }

    #[test]
    fn durations() {
        check_duration("0", Some(0));
        check_duration("10", Some(10_000));
        check_duration("10s", Some(10_000));
        check_duration("500ms", Some(500));
        check_duration("2m", Some(120_000));
        check_duration("2 M", Some(120_000));
        check_duration("1h", Some(3_600_000));
        check_duration("365d", Some(365 * 86_400_000));
        check_duration("366d", None);
        for text in [
            "",
            "s",
            "-1",
            "1.5s",
            "10x",
            "1s2",
            "99999999999999999999",
            "\u{661}s",
        ] {
            check_duration(text, None);
        }
        check_duration("18446744073709551615h", None);
        assert!(deadline("0ms").is_err());
    }

    #[test]
    fn sizes() {
        check_size("0", Some(0));
        check_size("512", Some(512));
        check_size("512b", Some(512));
        check_size("64k", Some(64 << 10));
        check_size("64 KiB", Some(64 << 10));
        check_size("1M", Some(1 << 20));
        check_size("2gb", Some(2 << 30));
        for text in ["", "k", "-1", "1.5k", "1t", "1kk", "18446744073709551615k"] {
            check_size(text, None);
        }
    }

    #[test]
    fn sizes_and_durations_are_shown_as_they_are_typed() {
        for (bytes, want) in [
            (0, "0"),
            (512, "512"),
            (1 << 10, "1k"),
            (16 << 10, "16k"),
            (1500, "1500"),
            (1 << 20, "1m"),
            (3 << 30, "3g"),
            (u64::MAX, "18446744073709551615"),
        ] {
            assert_eq!(show_size(bytes), want);
            assert_eq!(size(want), Ok(bytes));
        }
        for (milliseconds, want) in [
            (0, "0ms"),
            (500, "500ms"),
            (2_000, "2s"),
            (1_500, "1500ms"),
            (60_000, "1m"),
            (90_000, "90s"),
            (7_200_000, "2h"),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(show_duration(time), want);
            assert_eq!(duration(want), Ok(time));
        }
    }

    #[test]
    fn counts_include_both_limits() {
        assert_eq!(count("1", 1..=9), Ok(1));
        assert_eq!(count("9", 1..=9), Ok(9));
        for text in ["0", "10", "", "-1", "1.5", "x", "99999999999999999999"] {
            assert_eq!(
                count(text, 1..=9),
                Err("not a number from 1 to 9".into()),
                "{text:?}"
            );
        }
        assert_eq!(head_size("512"), Ok(512));
        assert_eq!(head_size("16m"), Ok(16 << 20));
        assert!(head_size("511").is_err() && head_size("16777217").is_err());
    }
}
