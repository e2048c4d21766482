//! When a worker first saw states of files whose file systems have a clock of their own.
//!
//! The states are in two generations. Once the newer one is full, it takes the place of the older one, but only
//! if that was kept long enough for its states to be of use. Until then, further states are not remembered. So
//! no number of other files makes the worker forget a state before its tick is over.

use std::collections::HashMap;

use crate::site::file_state::{COARSEST_TICK, FileState, is_tick_over};
use crate::text::hash::stable_hash;

/// States in one generation.
const MOST: usize = 2048;

/// For how many seconds a full generation is kept at least. Its states are of use from the end of a tick on.
const KEPT: i64 = 3 * COARSEST_TICK;

/// Times by hashes of states, in seconds since 1970.
type Generation = HashMap<u64, i64>;

/// States, and when each was seen first.
#[derive(Default)]
pub(super) struct FirstSeen {
    newer: Generation,
    /// It was full once.
    older: Generation,
    /// When it was.
    filled: i64,
}

impl FirstSeen {
    /// Whether the tick in which this state was seen first is over. If the state is not known, that is not known.
    pub fn is_tick_over(&self, state: &FileState, now: i64) -> bool {
        let hash = stable_hash(state);
        let first = self.newer.get(&hash).or_else(|| self.older.get(&hash));
        first.is_some_and(|&first| is_tick_over(first, now))
    }

    /// Remembers that the state was seen, if it is not known and there is a place for it.
    pub fn note(&mut self, state: &FileState, now: i64) {
        let hash = stable_hash(state);
        if self.newer.contains_key(&hash) || self.older.contains_key(&hash) {
            return;
        }
        if self.newer.len() == MOST {
            // The clock may have been set back.
            if !self.older.is_empty() && now.abs_diff(self.filled) < KEPT.unsigned_abs() {
                return;
            }
            self.older = std::mem::take(&mut self.newer);
            self.filled = now;
        }
        self.newer.insert(hash, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes states that are different from those of other numbers.
    fn note(seen: &mut FirstSeen, numbers: std::ops::Range<usize>, now: i64) {
        for number in numbers {
            seen.note(&state(number), now);
        }
    }

    fn state(number: usize) -> FileState {
        FileState::of_size(number as u64)
    }

    /// How many of these states have been known for a tick.
    fn known(seen: &FirstSeen, numbers: std::ops::Range<usize>, now: i64) -> usize {
        let is_known = |number: &usize| seen.is_tick_over(&state(*number), now);
        numbers.filter(is_known).count()
    }

    #[test]
    fn the_first_time_counts() {
        let mut seen = FirstSeen::default();
        assert!(!seen.is_tick_over(&state(1), 100));
        for now in 10..13 {
            note(&mut seen, 1..2, now);
            assert!(!seen.is_tick_over(&state(1), now));
        }
        assert!(seen.is_tick_over(&state(1), 13) && !seen.is_tick_over(&state(2), 13));
    }

    /// A busy site with many fresh files, which all clients ask for again and again.
    #[test]
    fn states_that_are_known_stay_so_however_often_they_are_noted() {
        let mut seen = FirstSeen::default();
        for now in 10..20 {
            note(&mut seen, 0..2 * MOST, now);
        }
        assert_eq!(known(&seen, 0..2 * MOST, 13), 2 * MOST);
    }

    /// A client asks for more fresh files than are remembered.
    #[test]
    fn a_crawl_does_not_displace_states_before_they_are_of_use() {
        let mut seen = FirstSeen::default();
        let mut next = 1;
        for now in 10..10 + KEPT {
            note(&mut seen, 0..1, now);
            note(&mut seen, next..next + 10 * MOST, now);
            next += 10 * MOST;
            let size = seen.newer.len() + seen.older.len();
            assert!(size <= 2 * MOST, "{size}");
            assert_eq!(seen.is_tick_over(&state(0), now), now >= 13, "{now}");
        }
        // Others have their turn later.
        let now = 10 + KEPT;
        note(&mut seen, next..next + 1, now);
        assert!(seen.is_tick_over(&state(next), now + COARSEST_TICK));
        assert!(!seen.is_tick_over(&state(0), now));
    }

    #[test]
    fn after_the_clock_was_set_back_there_is_room_too() {
        let mut seen = FirstSeen::default();
        note(&mut seen, 0..2 * MOST, 1_000_000);
        note(&mut seen, 2 * MOST..2 * MOST + 1, 10);
        assert!(seen.is_tick_over(&state(2 * MOST), 13));
    }

    #[test]
    fn of_more_states_than_fit_each_is_settled_some_time() {
        let mut seen = FirstSeen::default();
        let mut rest: Vec<usize> = (0..10 * MOST).collect();
        for now in 10..10 + 10 * (KEPT + COARSEST_TICK) {
            rest.retain(|&number| {
                seen.note(&state(number), now);
                !seen.is_tick_over(&state(number), now)
            });
        }
        assert_eq!(rest.len(), 0);
    }
}
