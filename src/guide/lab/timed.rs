//! A body that comes in pieces at certain times (RFC 9112 sections 7.1 and 8).
//!
//! The worker does not wait for it: a piece says when the next one is due, and the connection sleeps until then.

use std::time::{Duration, Instant};

use crate::guide::fault::Fault;
use crate::guide::places::Place;
use crate::http1::chunked::ChunkExtension;
use crate::site::body::{Pulled, Source};
use crate::site::body_error::{BodyError, EarlyEnd};

/// The longest time for which a response may go on.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Makes the piece with a number, from 0. A piece has at most about 32 KiB.
pub type Make = Box<dyn FnMut(usize, &mut Vec<u8>)>;

/// Makes the trailer fields after the last piece.
pub type MakeTrailers = Box<dyn FnMut() -> Vec<(&'static str, String)>>;

/// Pieces, one after each `gap`.
pub struct Timed {
    /// When the first one is due.
    pub start: Instant,
    /// The time from one to the next.
    pub gap: Duration,
    /// How many there are.
    pub count: usize,
    /// Makes one.
    pub make: Make,
    /// The length of all of them, if the head gives it.
    pub length: Option<u64>,
    /// How the body ends before it is complete, if it does. That is one `gap` after the last piece.
    pub early: Option<EarlyEnd>,
    /// The extensions of each chunk.
    pub extensions: Vec<ChunkExtension>,
    /// Makes the trailer fields.
    pub make_trailers: Option<MakeTrailers>,
    /// Counts the response.
    _place: Place,
    /// The number of the next piece.
    next: usize,
    trailers: Vec<(&'static str, String)>,
}

impl Timed {
    /// Pieces without a known length.
    pub fn new(start: Instant, gap: Duration, count: usize, make: Make, place: Place) -> Timed {
        Timed {
            start,
            gap,
            count,
            make,
            length: None,
            early: None,
            extensions: Vec::new(),
            make_trailers: None,
            _place: place,
            next: 0,
            trailers: Vec::new(),
        }
    }

    /// When the piece with this number is due.
    fn due(&self, number: usize) -> Instant {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.start + self.gap.saturating_mul(number).min(LONGEST)
    }
}

impl Source for Timed {
    fn pull(&mut self, out: &mut Vec<u8>, _: usize) -> Result<Pulled, BodyError> {
        if self.next < self.count {
            (self.make)(self.next, out);
            self.next += 1;
        } else if let Some(early) = self.early {
            return Err(BodyError::OnPurpose(early));
        }
        if self.next == self.count && self.early.is_none() {
            if let Some(make) = &mut self.make_trailers {
                self.trailers = make();
            }
            return Ok(Pulled::Done);
        }
        Ok(match self.gap.is_zero() {
            true => Pulled::More,
            false => Pulled::WaitUntil(self.due(self.next)),
        })
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn chunk_extensions(&self) -> &[ChunkExtension] {
        &self.extensions
    }

    fn trailers(&self) -> &[(&'static str, String)] {
        &self.trailers
    }
}

/// Refuses what would take too long.
pub fn within_longest(gap: Duration, count: usize) -> Result<(), Fault> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match gap.saturating_mul(count) <= LONGEST {
        true => Ok(()),
        false => Err(Fault::query(format!(
            "That would take more than {} seconds. Use fewer pieces or less time between them.",
            LONGEST.as_secs()
        ))),
    }
}

/// Appends `size` bytes of text: the letter of the piece, and a line break at the end.
pub fn write_filler(out: &mut Vec<u8>, number: usize, size: u64) {
    // The size has a limit.
    let size = size as usize;
    let letter = b'a' + (number % 26) as u8;
    out.resize(out.len() + size, letter);
    if let Some(last) = out.last_mut().filter(|_| size > 1) {
        *last = b'\n';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_its_size() {
        for (size, want) in [(1, "c"), (2, "c\n"), (5, "cccc\n")] {
            let mut out = b"x".to_vec();
            write_filler(&mut out, 28, size);
            assert_eq!(String::from_utf8_lossy(&out), format!("x{want}"));
        }
    }

    #[test]
    fn the_whole_has_a_limit() {
        assert!(within_longest(Duration::from_secs(10), 6).is_ok());
        assert!(within_longest(Duration::from_secs(10), 7).is_err());
        assert!(within_longest(Duration::MAX, usize::MAX).is_err());
    }
}
