//! A bound on what is going on at the same time, counted in places.

use std::cell::Cell;
use std::rc::Rc;

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
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.set(self.of.get() - self.count);
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
