//! How many wire views the learners of a class may have open.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many at once. Each costs time for every exchange.
const MOST: usize = 128;

/// How many of them from one address. A learner has a few lessons open.
const MOST_OF_ADDRESS: usize = 6;

/// The addresses of those that are open. Clones count the same ones.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<Vec<IpAddr>>>);

/// The place of one of them. Dropping it gives the place back.
pub struct Seat {
    seats: Seats,
    address: IpAddr,
}

impl Seats {
    /// A place for a client with this address, if one is left.
    pub fn take(&self, address: IpAddr) -> Option<Seat> {
        let mut taken = self.all();
        let own = taken.iter().filter(|other| **other == address);
        if taken.len() >= MOST || own.count() >= MOST_OF_ADDRESS {
            return None;
        }
        taken.push(address);
        Some(Seat {
            seats: self.clone(),
            address,
        })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        // No panic leaves the list half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.all();
        if let Some(at) = taken.iter().position(|other| *other == self.address) {
            taken.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: usize) -> IpAddr {
        let number = u8::try_from(number).expect("a small number");
        [192, 0, 2, number].into()
    }

    #[test]
    fn an_address_has_few_and_gives_them_back() {
        let seats = Seats::default();
        let own: Vec<Seat> = (0..MOST_OF_ADDRESS)
            .filter_map(|_| seats.take(client(1)))
            .collect();
        assert_eq!(own.len(), MOST_OF_ADDRESS);
        assert!(seats.take(client(1)).is_none());
        let others: Vec<Seat> = (2..200)
            .filter_map(|number| seats.take(client(number)))
            .collect();
        assert_eq!(own.len() + others.len(), MOST);
        drop(own);
        assert_eq!(seats.taken(), MOST - MOST_OF_ADDRESS);
        assert!(seats.take(client(1)).is_some());
    }
}
