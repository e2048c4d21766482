//! Ranks what connections hold of something that is short.
//!
//! What counts is what all clients of a network hold together. The network that holds the most is first. So a
//! flood from one network costs the others nothing, however little each of its connections holds.
//!
//! ```text
//! 10.0.0.1:  9 9 9 9      to free 30 -> 9 9 9 9, then stop
//! 10.0.0.2:  8 2
//! ```

use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mio::Token;

/// The time between two looks at all connections. A look at 10,000 of them takes about a millisecond.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// What a connection holds of what is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder<R> {
    /// The connection.
    pub token: Token,
    /// See [`Client::network`](crate::observe::client::Client::network).
    pub network: IpAddr,
    /// How much it holds.
    pub units: u64,
    /// Of the connections of a network, those with the highest rank are first.
    pub rank: R,
}

/// Holders by network.
#[derive(Default)]
pub(super) struct Ranking<R> {
    networks: HashMap<IpAddr, OfNetwork<R>>,
    /// The networks that have holders which may be given up. The one that holds most comes first.
    order: BinaryHeap<(u64, IpAddr)>,
}

#[derive(Default)]
struct OfNetwork<R> {
    sum: u64,
    /// Those that may be given up, by rank.
    holders: Vec<Holder<R>>,
}

impl<R: Copy + Default + Ord> Ranking<R> {
    /// A ranking of all holders. Those that are not `may_be_given_up` only count for their networks.
    pub fn new(
        all: impl Iterator<Item = Holder<R>>,
        may_be_given_up: impl Fn(&Holder<R>) -> bool,
    ) -> Ranking<R> {
        let mut networks: HashMap<IpAddr, OfNetwork<R>> = HashMap::new();
        for holder in all {
            let of_network = networks.entry(holder.network).or_default();
            of_network.sum += holder.units;
            if may_be_given_up(&holder) {
                of_network.holders.push(holder);
            }
        }
        let mut order = BinaryHeap::new();
        for (network, of_network) in &mut networks {
            of_network
                .holders
                .sort_unstable_by_key(|holder| holder.rank);
            if !of_network.holders.is_empty() {
                order.push((of_network.sum, *network));
            }
        }
        Ranking { networks, order }
    }

    /// What a network holds.
    pub fn sum(&self, network: IpAddr) -> u64 {
        self.networks.get(&network).map_or(0, |one| one.sum)
    }

    /// What the network of the next holder holds.
    pub fn largest(&self) -> u64 {
        self.order.peek().map_or(0, |&(sum, _)| sum)
    }

    /// Removes the next holder.
    pub fn pop(&mut self) -> Option<Holder<R>> {
        let (_, network) = self.order.pop()?;
        let of_network = self.networks.get_mut(&network)?;
        let holder = of_network.holders.pop()?;
        of_network.sum -= holder.units;
        if !of_network.holders.is_empty() {
            self.order.push((of_network.sum, network));
        }
        Some(holder)
    }

    /// Notes that a network holds so much more.
    pub fn add(&mut self, network: IpAddr, units: u64) {
        self.networks.entry(network).or_default().sum += units;
    }

    /// Notes that a network holds so much less.
    pub fn subtract(&mut self, network: IpAddr, units: u64) {
        if let Some(of_network) = self.networks.get_mut(&network) {
            of_network.sum -= units;
        }
    }
}

/// Whether it is time for the next look.
pub(super) fn is_due(next_look: Option<Instant>, now: Instant) -> bool {
    next_look.is_none_or(|at| at <= now)
}
