//! W3C Server Timing, section 2: how long the server took, in milliseconds.
//!
//! ```text
//! Server-Timing = #server-timing-metric
//!
//! head;dur=0.120, decided;dur=0.310
//! ```

use std::time::Duration;

/// The value of `Server-Timing`: from the first byte of the request until its head was complete, if that is
/// known, and until the response was decided.
pub fn server_timing(head: Option<Duration>, decided: Duration) -> String {
    let (whole, rest) = milliseconds(decided);
    match head.map(milliseconds) {
        Some((head, rest_of_head)) => {
            format!("head;dur={head}.{rest_of_head:03}, decided;dur={whole}.{rest:03}")
        }
        None => format!("decided;dur={whole}.{rest:03}"),
    }
}

/// Whole milliseconds, and the microseconds that are left.
fn milliseconds(time: Duration) -> (u64, u32) {
    let whole = time.as_secs() * 1000 + u64::from(time.subsec_millis());
    (whole, time.subsec_micros() % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds() {
        let micros = Duration::from_micros;
        for (head, decided, want) in [
            (None, micros(0), "decided;dur=0.000"),
            (None, micros(1_234_567), "decided;dur=1234.567"),
            (
                Some(micros(9)),
                micros(1_050),
                "head;dur=0.009, decided;dur=1.050",
            ),
            (
                Some(micros(2_000)),
                micros(2_100),
                "head;dur=2.000, decided;dur=2.100",
            ),
        ] {
            assert_eq!(server_timing(head, decided), want);
        }
    }
}
