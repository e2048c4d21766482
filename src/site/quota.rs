//! A limit on memory, descriptors or work in progress.
//!
//! The unit depends on the quota: a byte of a private copy, or a listing in progress.

use std::cell::Cell;
use std::rc::Rc;

/// A limited number of units, some of which are reserved.
pub struct Quota {
    reserved: Rc<Cell<u64>>,
    limit: u64,
}

/// Units of a [`Quota`]. They become free when this is dropped.
pub struct Reservation {
    reserved: Rc<Cell<u64>>,
    count: u64,
}

impl Quota {
    /// A quota of `limit` units, all of them free.
    pub fn new(limit: u64) -> Quota {
        Quota {
            reserved: Rc::default(),
            limit,
        }
    }

    /// Whether at least `count` units are free.
    pub fn has_room(&self, count: u64) -> bool {
        self.reserved.get().saturating_add(count) <= self.limit
    }

    /// Reserves `count` units, even if fewer are free.
    pub fn reserve(&self, count: u64) -> Reservation {
        self.reserved.set(self.reserved.get() + count);
        Reservation {
            reserved: Rc::clone(&self.reserved),
            count,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reserved.set(self.reserved.get() - self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_a_reservation_frees_its_units() {
        let quota = Quota::new(10);
        let reservation = quota.reserve(8);
        assert!(quota.has_room(2));
        assert!(!quota.has_room(3));
        assert!(!quota.has_room(u64::MAX));
        drop(reservation);
        assert!(quota.has_room(10));
    }
}
