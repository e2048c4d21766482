//! Human-readable sizes, durations and large numbers: `1.5 KiB`, `1.2 ms`, `1,234,567`.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A size in bytes, rounded to at most four digits: `0 B`, `1023 B`, `1.5 KiB`, `12 MiB`.
#[derive(Clone, Copy, Debug)]
pub struct HumanSize(pub u64);

/// A duration, rounded down: `340 us`, `1.2 ms`, `12.3 s`.
#[derive(Clone, Copy, Debug)]
pub struct HumanDuration(pub Duration);

/// A time for which something ran, rounded down: `400 ms`, `5.2 s`, `5 min 3 s`, `2 h 7 min`, `3 d 4 h`.
#[derive(Clone, Copy, Debug)]
pub struct Elapsed(pub Duration);

/// A number with thousands separators: `1,234,567`.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(pub u64);

impl Display for HumanSize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 6] = [
            ("KiB", 10),
            ("MiB", 20),
            ("GiB", 30),
            ("TiB", 40),
            ("PiB", 50),
            ("EiB", 60),
        ];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let bytes = u128::from(self.0);
        for (unit, shift) in UNITS {
            // Adding half a unit makes the shift round half up.
            let half = 1 << (shift - 1);
            let (whole, tenths) = ((bytes + half) >> shift, (bytes * 10 + half) >> shift);
            if tenths < 100 {
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
            // A size that rounds to 1024 of this unit is 1.0 of the next unit.
            if whole < 1024 {
                return write!(f, "{whole} {unit}");
            }
        }
        // Not reached: a u64 holds less than 16 EiB, so the loop has returned.
        write!(f, "{} B", self.0)
    }
}

impl Display for HumanDuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        match micros {
            0..1_000 => write!(f, "{micros} us"),
            1_000..1_000_000 => write!(f, "{}.{} ms", micros / 1_000, micros / 100 % 10),
            _ => write!(f, "{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
        }
    }
}

impl Display for Elapsed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours) = (seconds / 60, seconds / 3_600);
        match seconds {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..60 => HumanDuration(self.0).fmt(f),
            60..3_600 => write!(f, "{minutes} min {} s", seconds % 60),
            3_600..86_400 => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{} d {} h", hours / 24, hours % 24),
        }
    }
}

impl Display for Grouped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Grouped(self.0 / 1000), self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(got: impl Display, want: &str) {
        assert_eq!(got.to_string(), want);
    }

    #[test]
    fn sizes_are_rounded() {
        check(HumanSize(0), "0 B");
        check(HumanSize(1023), "1023 B");
        check(HumanSize(1024), "1.0 KiB");
        check(HumanSize(1536), "1.5 KiB");
        check(HumanSize(2326), "2.3 KiB"); // 2.27
        check(HumanSize(10_188), "9.9 KiB");
        check(HumanSize(10_190), "10 KiB");
        check(HumanSize(10_701), "10 KiB"); // 10.4502: rounded once, not first to 10.5
        check(HumanSize(10_752), "11 KiB"); // 10.5
        check(HumanSize(1_048_000), "1023 KiB");
        check(HumanSize(1_048_575), "1.0 MiB");
        check(HumanSize(5 << 30), "5.0 GiB");
        check(HumanSize(u64::MAX), "16 EiB");
    }

    #[test]
    fn durations_are_rounded_down() {
        check(HumanDuration(Duration::ZERO), "0 us");
        check(HumanDuration(Duration::from_micros(999)), "999 us");
        check(HumanDuration(Duration::from_micros(1999)), "1.9 ms");
        check(HumanDuration(Duration::from_micros(999_999)), "999.9 ms");
        check(HumanDuration(Duration::from_millis(61_250)), "61.2 s");
    }

    #[test]
    fn a_long_time_has_two_units() {
        check(Elapsed(Duration::from_micros(999_999)), "999 ms");
        check(Elapsed(Duration::from_millis(5_250)), "5.2 s");
        check(Elapsed(Duration::from_millis(59_999)), "59.9 s");
        check(Elapsed(Duration::from_secs(60)), "1 min 0 s");
        check(Elapsed(Duration::from_secs(3_599)), "59 min 59 s");
        check(Elapsed(Duration::from_secs(7_259)), "2 h 0 min");
        check(Elapsed(Duration::from_secs(86_399)), "23 h 59 min");
        check(Elapsed(Duration::from_secs(277_200)), "3 d 5 h");
    }

    #[test]
    fn thousands_are_separated() {
        check(Grouped(0), "0");
        check(Grouped(999), "999");
        check(Grouped(1000), "1,000");
        check(Grouped(1_002_003), "1,002,003");
        check(Grouped(u64::MAX), "18,446,744,073,709,551,615");
    }
}
