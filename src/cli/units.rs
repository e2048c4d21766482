//! Durations, sizes and ports as people write them: `10s`, `500ms`, `2m`, `1h`; `64k`, `1m`, `2g`; `80`.

use std::time::Duration;

/// The longest duration: far beyond any use, and no sum of it with a time overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A duration of some length.
pub fn deadline(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be more than nothing".into()),
        some => Ok(some),
    }
}

/// `duration = 1*DIGIT [ "ms" / "s" / "m" / "h" / "d" ]`, in seconds without a unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text).ok_or(NOT_A_DURATION)?;
    let milliseconds = match unit.as_str() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        _ => return Err(NOT_A_DURATION.into()),
    };
    let total = number.checked_mul(milliseconds);
    let total = total.map(Duration::from_millis);
    total
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| "it must be at most 365d".into())
}

/// `size = 1*DIGIT [ ( "k" / "m" / "g" ) [ "b" / "ib" ] / "b" ]` in bytes, with powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text).ok_or(NOT_A_SIZE)?;
    let bytes: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(NOT_A_SIZE.into()),
    };
    number
        .checked_mul(bytes)
        .ok_or_else(|| "it is too large".into())
}

/// The number of a port; 0 asks the system for one.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| "not a number from 0 to 65535".into())
}

const NOT_A_DURATION: &str = "not a duration such as 10s, 500ms, 2m or 1h";
const NOT_A_SIZE: &str = "not a size such as 512, 64k, 1m or 2g";

/// The digits `text` begins with, and what follows them in lower case.
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
}
