//! How many archives are sent at the same time. Each keeps a disk thread busy, so only a few are allowed.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::sync::lock;

/// Archives that a worker sends at the same time.
const MOST_OF_WORKER: usize = 4;

/// The networks of the clients that receive archives, for all workers.
#[derive(Clone, Default)]
pub struct Networks(Arc<Mutex<Vec<IpAddr>>>);

/// The archives of one worker. A clone counts the same archives.
#[derive(Clone, Default)]
pub struct Turns {
    networks: Networks,
    /// How many this worker sends.
    here: Rc<Cell<usize>>,
}

/// A client's turn. Dropping it ends it.
pub struct Turn {
    networks: Networks,
    network: IpAddr,
    here: Rc<Cell<usize>>,
}

impl Turns {
    /// The archives of a worker. `networks` is shared by all workers.
    pub fn new(networks: Networks) -> Turns {
        Turns {
            networks,
            here: Rc::default(),
        }
    }

    /// The turn of a client in `network`. `None` if a client of this network has one, or if the worker sends as
    /// many archives as it may.
    pub fn begin(&self, network: IpAddr) -> Option<Turn> {
        let mut networks = self.networks.all();
        let is_free = self.here.get() < MOST_OF_WORKER;
        if !is_free || networks.contains(&network) {
            return None;
        }
        networks.push(network);
        self.here.update(|sent| sent + 1);
        Some(Turn {
            networks: self.networks.clone(),
            network,
            here: Rc::clone(&self.here),
        })
    }
}

impl Networks {
    fn all(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        // No panic leaves the list half-written.
        lock(&self.0)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.networks.all().retain(|other| *other != self.network);
        self.here.update(|sent| sent.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    #[test]
    fn a_network_has_one_turn_and_a_worker_a_few() {
        let networks = Networks::default();
        let [one, other] = [0, 1].map(|_| Turns::new(networks.clone()));
        // Each site of a worker has a clone.
        let _sites = [one.clone(), one.clone(), one.clone()];
        let first = one.begin(client(1)).expect("it is free");
        assert!(one.begin(client(1)).is_none() && other.begin(client(1)).is_none());
        let more: Vec<Turn> = (2..=4)
            .filter_map(|number| one.begin(client(number)))
            .collect();
        assert_eq!(more.len(), 3);
        assert!(one.begin(client(5)).is_none(), "the worker has four");
        assert!(other.begin(client(5)).is_some(), "another worker has none");
        drop(first);
        assert!(one.begin(client(5)).is_some());
    }
}
