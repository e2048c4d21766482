//! Places of which each address may take a few, so that others get one too.
//!
//! They are for clients that the operator has let in, such as a class. All its computers may be in one /64 of
//! IPv6, so each address counts for itself, and not its network.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::sync::lock;

/// A number of places. Clones count the same ones.
#[derive(Clone)]
pub struct Places {
    /// How many there are.
    most: usize,
    /// How many of them one address may take.
    most_of_address: usize,
    /// The addresses of those that are taken.
    taken: Arc<Mutex<Vec<IpAddr>>>,
}

/// One of them. Dropping it gives it back.
pub struct Place {
    places: Places,
    address: IpAddr,
}

/// Why a client gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Its address has as many as it may.
    OfAddress,
    /// None is left.
    All,
}

impl Places {
    /// So many places in all, and for each address.
    pub fn new(most: usize, most_of_address: usize) -> Places {
        Places {
            most,
            most_of_address,
            taken: Arc::default(),
        }
    }

    /// A place for a client with this address.
    pub fn take(&self, address: IpAddr) -> Result<Place, Full> {
        let address = address.to_canonical();
        let mut taken = self.all();
        let own = taken.iter().filter(|other| **other == address);
        if own.count() >= self.most_of_address {
            return Err(Full::OfAddress);
        }
        if taken.len() >= self.most {
            return Err(Full::All);
        }
        taken.push(address);
        Ok(Place {
            places: self.clone(),
            address,
        })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        // No panic leaves the list half-written.
        lock(&self.taken)
    }
}

impl Place {
    /// The address that has it.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.all();
        if let Some(at) = taken.iter().position(|other| *other == self.address) {
            taken.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 128;
    const MOST_OF_ADDRESS: usize = 6;

    fn client(number: usize) -> IpAddr {
        let number = u8::try_from(number).expect("a small number");
        [192, 0, 2, number].into()
    }

    #[test]
    fn an_address_has_few_and_gives_them_back() {
        let places = Places::new(MOST, MOST_OF_ADDRESS);
        let own: Vec<Place> = (0..MOST_OF_ADDRESS)
            .flat_map(|_| places.take(client(1)))
            .collect();
        assert_eq!(own.len(), MOST_OF_ADDRESS);
        // The same address, as a socket for IPv6 has it.
        let mapped = "::ffff:192.0.2.1".parse().expect("an address");
        for address in [client(1), mapped] {
            assert_eq!(places.take(address).map(|_| ()), Err(Full::OfAddress));
        }
        let others: Vec<Place> = (2..200)
            .flat_map(|number| places.take(client(number)))
            .collect();
        assert_eq!(own.len() + others.len(), MOST);
        assert_eq!(places.take(client(200)).map(|_| ()), Err(Full::All));
        drop(own);
        assert_eq!(places.taken(), MOST - MOST_OF_ADDRESS);
        assert!(places.take(client(1)).is_ok());
    }
}
