//! A bound on what is going on at the same time, counted in places.

use std::cell::Cell;
use std::rc::Rc;

/// A number of places, some of them taken.
pub struct Quota {
    taken: Rc<Cell<u64>>,
    most: u64,
}

/// Quota that are free again when it is dropped.
pub struct Reservation {
    of: Rc<Cell<u64>>,
    count: u64,
}

impl Quota {
    /// So many places, all free.
    pub fn new(most: u64) -> Quota {
        Quota {
            taken: Rc::default(),
            most,
        }
    }

    /// Whether so many more are free.
    pub fn has_room(&self, count: u64) -> bool {
        self.taken.get().saturating_add(count) <= self.most
    }

    /// Takes so many places, free ones or more.
    pub fn reserve(&self, count: u64) -> Reservation {
        self.taken.set(self.taken.get() + count);
        Reservation {
            of: Rc::clone(&self.taken),
            count,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.set(self.of.get() - self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let places = Quota::new(10);
        let most = places.reserve(8);
        assert!(places.has_room(2));
        assert!(!places.has_room(3));
        assert!(!places.has_room(u64::MAX));
        drop(most);
        assert!(places.has_room(10));
    }
}
