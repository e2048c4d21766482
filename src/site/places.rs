//! A bound on what is going on at the same time, counted in places.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::site::content::{Progress, Source};

/// A number of places, some of them taken.
pub struct Places {
    taken: Rc<Cell<u64>>,
    most: u64,
}

/// Places that are free again when it is dropped.
pub struct Taken {
    of: Rc<Cell<u64>>,
    count: u64,
}

/// A source that takes a place for as long as it lasts.
pub struct Held<S> {
    source: S,
    _place: Taken,
}

impl Places {
    /// So many places, all free.
    pub fn new(most: u64) -> Places {
        Places {
            taken: Rc::default(),
            most,
        }
    }

    /// Whether so many more are free.
    pub fn are_free(&self, count: u64) -> bool {
        self.taken.get().saturating_add(count) <= self.most
    }

    /// Takes so many places, free ones or more.
    pub fn take(&self, count: u64) -> Taken {
        self.taken.set(self.taken.get() + count);
        Taken {
            of: Rc::clone(&self.taken),
            count,
        }
    }

    /// A source in a place of its own.
    pub fn hold<S: Source>(&self, source: S) -> Held<S> {
        Held {
            source,
            _place: self.take(1),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.set(self.of.get() - self.count);
    }
}

impl<S: Source> Source for Held<S> {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        self.source.pull(out, budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let places = Places::new(10);
        let most = places.take(8);
        assert!(places.are_free(2));
        assert!(!places.are_free(3));
        assert!(!places.are_free(u64::MAX));
        drop(most);
        assert!(places.are_free(10));
    }
}
