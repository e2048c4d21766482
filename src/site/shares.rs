//! How much the clients of each network keep of something, on one worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

/// The shares of all networks. A clone has the same shares.
#[derive(Clone, Debug, Default)]
pub struct Shares(Rc<RefCell<HashMap<IpAddr, u64>>>);

/// A part of what the clients of a network keep. Dropping it ends it.
pub struct Share {
    shares: Shares,
    network: IpAddr,
    bytes: u64,
}

impl Shares {
    /// How many bytes the clients of a network keep.
    pub fn of(&self, network: IpAddr) -> u64 {
        self.0.borrow().get(&network).copied().unwrap_or(0)
    }

    /// Notes that a client in `network` keeps so many bytes more.
    pub fn add(&self, network: IpAddr, bytes: u64) -> Share {
        *self.0.borrow_mut().entry(network).or_default() += bytes;
        Share {
            shares: self.clone(),
            network,
            bytes,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.shares.0.borrow_mut();
        if let Some(share) = shares.get_mut(&self.network) {
            *share -= self.bytes;
            if *share == 0 {
                shares.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_the_sum_of_its_parts() {
        let shares = Shares::default();
        let [one, other]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        let (first, second) = (shares.add(one, 3), shares.add(one, 4));
        let _third = shares.add(other, 5);
        assert_eq!((shares.of(one), shares.of(other)), (7, 5));
        drop(first);
        assert_eq!(shares.of(one), 4);
        drop(second);
        assert_eq!(shares.of(one), 0);
        assert_eq!(shares.0.borrow().len(), 1, "nothing is kept of the first");
    }
}
