//! A body at a chosen rate, and a head that comes late (RFC 9110 section 8.6, RFC 9112 section 6.3).
//!
//! ```text
//! slow?bytes=10000&rate=2000&wait=1000     after one second, 10 kB in five seconds
//! slow?length=chunked                      the same without Content-Length
//! ```

use std::time::Duration;

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{made, ok};
use crate::guide::lab::sequence::{Before, sequence};
use crate::guide::lab::timed::{LONGEST, Timed, write_filler};
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::origin::handler::{Answer, Origin};
use crate::semantics::trace::Trace;

/// `slow`.
pub const ENDPOINT: Endpoint = Endpoint::read("slow", answer);

/// The longest body in bytes.
const LONGEST_BODY: u64 = 10_000_000;

/// The highest rate in bytes for each second. A piece is then 25 kB long.
const HIGHEST_RATE: u64 = 500_000;

/// The longest wait for the head, in milliseconds.
const LONGEST_WAIT: u64 = 10_000;

/// The time from one piece to the next, unless they would be shorter than a byte.
const TICK: Duration = Duration::from_millis(50);

fn answer(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let query = &visit.query;
    let bytes = query.number("bytes", 0..=LONGEST_BODY, 10_000)?;
    let rate = query.number("rate", 1..=HIGHEST_RATE, 2000)?;
    let wait = query.milliseconds("wait", LONGEST_WAIT, 1000)?;
    let is_known = query.choice("length", &[("known", true), ("chunked", false)], true)?;
    if bytes > rate * LONGEST.as_secs() {
        return Err(Fault::query(format!(
            "That would take more than {} seconds. Use fewer bytes or a higher rate.",
            LONGEST.as_secs()
        )));
    }
    let (gap, piece) = pace(rate);
    // It has a limit.
    let count = bytes.div_ceil(piece) as usize;
    let make = move |number: usize, out: &mut Vec<u8>| {
        let before = number as u64 * piece;
        write_filler(out, number, piece.min(bytes.saturating_sub(before)));
    };
    // The first piece takes as long as the others.
    let start = visit.request.instant + wait + gap;
    let mut source = Timed::new(start, gap, count, Box::new(make), visit.place()?);
    source.length = is_known.then_some(bytes);
    let response = made(ok(), source);
    Ok(match wait.is_zero() {
        true => Answer::Ready(response),
        // The body holds a place.
        false => sequence([Before::Wait(wait)], response, None),
    })
}

/// The time between two pieces, and their size in bytes.
fn pace(rate: u64) -> (Duration, u64) {
    let millis = TICK.as_millis() as u64;
    match rate * millis / 1000 {
        0 => (Duration::from_secs(1) / rate.max(1) as u32, 1),
        piece => (Duration::from_micros(piece * 1_000_000 / rate), piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_make_the_rate() {
        for rate in [1, 19, 20, 21, 2000, HIGHEST_RATE] {
            let (gap, piece) = pace(rate);
            let made = piece as f64 / gap.as_secs_f64();
            assert!((made / rate as f64 - 1.0).abs() < 0.01, "{rate}: {made}");
            assert!(piece <= 32 * 1024 && gap <= Duration::from_secs(1));
        }
    }
}
