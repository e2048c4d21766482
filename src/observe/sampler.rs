//! Which of the successful exchanges are logged, if one in N is.
//!
//! Of each N exchanges one is logged, at a place by chance. If it were always the first, a page that makes N requests
//! would be logged by the same request each time.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;

/// The choice of one worker. Workers share nothing.
#[derive(Debug)]
pub struct Sampler {
    one_in: NonZeroU32,
    /// How many exchanges of the current block have been.
    passed: u32,
    /// Which exchange of the block is logged, from 0.
    chosen: u32,
    /// How many blocks have begun. With the keys, it makes each choice another one.
    blocks: u64,
    keys: RandomState,
}

impl Sampler {
    /// Logs one in this many. 1 means all.
    pub fn new(one_in: NonZeroU32) -> Sampler {
        Sampler {
            one_in,
            passed: 0,
            chosen: 0,
            blocks: 0,
            keys: RandomState::new(),
        }
    }

    /// Whether the next successful exchange is logged.
    pub fn takes_next(&mut self) -> bool {
        let one_in = self.one_in.get();
        if one_in == 1 {
            return true;
        }
        if self.passed == 0 {
            self.blocks = self.blocks.wrapping_add(1);
            let place = self.keys.hash_one(self.blocks) % u64::from(one_in);
            self.chosen = u32::try_from(place).unwrap_or_default();
        }
        let is_chosen = self.passed == self.chosen;
        self.passed = (self.passed + 1) % one_in;
        is_chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places in each block of the first blocks.
    fn places(one_in: u32, blocks: usize) -> Vec<usize> {
        let mut sampler = Sampler::new(NonZeroU32::new(one_in).expect("not 0"));
        let mut places = Vec::new();
        for _ in 0..blocks {
            let taken: Vec<bool> = (0..one_in).map(|_| sampler.takes_next()).collect();
            assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
            places.extend(taken.iter().position(|taken| *taken));
        }
        places
    }

    #[test]
    fn one_of_each_block_is_taken() {
        assert_eq!(places(1, 3), [0, 0, 0]);
        for one_in in [2, 3, 10, 1000] {
            assert_eq!(places(one_in, 20).len(), 20);
        }
    }

    #[test]
    fn the_place_is_by_chance() {
        let places = places(4, 400);
        for place in 0..4 {
            let count = places.iter().filter(|&&other| other == place).count();
            // 100 are expected, and 8.7 is the standard deviation.
            assert!((40..160).contains(&count), "{place}: {count}");
        }
    }
}
