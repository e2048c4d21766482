//! Chooses which connections to give up if the clients hold more memory than the server may.
//!
//! The connections of the client network that holds the most are first, and of these the largest. So
//! a flood from one network costs the others nothing.
//!
//! ```text
//! 10.0.0.1:  9 9 9 9      to free 30 -> 9 9 9 9, then stop
//! 10.0.0.2:  8 2
//! ```

use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mio::Token;

use crate::site::budget::{Account, Budget};

/// A connection that keeps no more than this, beside what each of them costs, is not given up. It is
/// enough for the request of a browser.
pub(super) const FEW: u64 = 4 * 1024;

/// The time between two looks at all connections. A look at 10,000 of them takes about a millisecond.
const INTERVAL: Duration = Duration::from_millis(50);

/// A connection that keeps more than [`FEW`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// The connection.
    pub token: Token,
    /// See [`Client::network`](crate::observe::client::Client::network).
    pub network: IpAddr,
    /// How many bytes it keeps.
    pub bytes: u64,
}

/// The connections that one worker gives up.
#[derive(Default)]
pub(super) struct Shedding {
    chosen: Vec<Token>,
    next_look: Option<Instant>,
}

impl Shedding {
    /// Whether a connection was chosen and is still to be given up.
    pub fn is_under_way(&self) -> bool {
        !self.chosen.is_empty()
    }

    /// Whether it is time to choose.
    pub fn is_due(&self, now: Instant) -> bool {
        self.chosen.is_empty() && self.next_look.is_none_or(|at| at <= now)
    }

    /// When to look again, seen from `now`.
    pub fn wait(&self, now: Instant) -> Duration {
        let at = self.next_look.unwrap_or(now);
        at.saturating_duration_since(now)
    }

    /// Chooses among the connections that keep much. `charged` is what all connections of the worker
    /// are charged.
    pub fn choose(&mut self, holders: Vec<Holder>, charged: u64, budget: &Budget, now: Instant) {
        self.next_look = Some(now + INTERVAL);
        let wanted = part_of_excess(charged, budget);
        self.chosen = choose(holders, wanted);
        self.chosen.reverse();
    }

    /// The next connection to give up.
    pub fn pop(&mut self) -> Option<Token> {
        self.chosen.pop()
    }
}

/// How much a worker must free: its part of what is held in excess, and of an eighth of the limit more,
/// so that the other clients find room again.
fn part_of_excess(charged: u64, budget: &Budget) -> u64 {
    let all = budget.held(Account::Connections).max(charged).max(1);
    let wanted = budget.excess() + budget.limit() / 8;
    (u128::from(wanted) * u128::from(charged) / u128::from(all)) as u64
}

/// Chooses until `wanted` bytes are free, or no connection is left. Each time, takes the largest
/// connection of the network that holds the most.
fn choose(mut holders: Vec<Holder>, wanted: u64) -> Vec<Token> {
    holders.sort_unstable_by_key(|holder| holder.bytes);
    let mut of_networks: HashMap<IpAddr, (u64, Vec<Holder>)> = HashMap::new();
    for holder in holders {
        let (sum, of_network) = of_networks.entry(holder.network).or_default();
        *sum += holder.bytes;
        of_network.push(holder);
    }
    let mut sums: BinaryHeap<(u64, IpAddr)> = of_networks
        .iter()
        .map(|(network, (sum, _))| (*sum, *network))
        .collect();
    let (mut chosen, mut freed) = (Vec::new(), 0);
    while freed < wanted
        && let Some((sum, network)) = sums.pop()
    {
        let of_network = of_networks.get_mut(&network);
        if let Some(largest) = of_network.and_then(|(_, of_network)| of_network.pop()) {
            freed += largest.bytes;
            chosen.push(largest.token);
            sums.push((sum - largest.bytes, network));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections by network and size. The token is the position.
    fn holders(kept: &[(u8, u64)]) -> Vec<Holder> {
        let holder = |(at, &(network, bytes)): (usize, &(u8, u64))| Holder {
            token: Token(at),
            network: [10, 0, 0, network].into(),
            bytes,
        };
        kept.iter().enumerate().map(holder).collect()
    }

    #[track_caller]
    fn check(kept: &[(u8, u64)], wanted: u64, want: &[usize]) {
        let chosen = choose(holders(kept), wanted);
        let chosen: Vec<usize> = chosen.iter().map(|token| token.0).collect();
        assert_eq!(chosen, want, "{wanted} of {kept:?}");
    }

    #[test]
    fn the_largest_of_the_network_that_holds_the_most_are_first() {
        check(&[], 10, &[]);
        check(&[(1, 9)], 0, &[]);
        check(&[(1, 5), (1, 9), (1, 7)], 10, &[1, 2]);
        check(&[(1, 9), (2, 5), (2, 6)], 6, &[2]);
        // Two networks that hold as much as each other pay in turn.
        check(&[(1, 9), (1, 8), (2, 7), (2, 8)], 24, &[0, 3, 1]);
        check(&[(1, 9), (2, 5)], 100, &[0, 1]);
    }

    #[test]
    fn a_worker_frees_the_part_that_its_connections_hold() {
        let budget = std::sync::Arc::new(Budget::new(800, 2));
        let _held = budget.reserve_anyway(Account::Connections, 1000);
        assert_eq!(part_of_excess(1000, &budget), 300);
        assert_eq!(part_of_excess(500, &budget), 150);
        assert_eq!(part_of_excess(0, &budget), 0);
    }

    #[test]
    fn one_look_is_made_in_a_while() {
        let (now, budget) = (crate::net::clock::instant(), Budget::new(0, 1));
        let mut shedding = Shedding::default();
        assert!(shedding.is_due(now));
        shedding.choose(holders(&[(1, 9)]), 9, &budget, now);
        assert!(!shedding.is_due(now) && shedding.wait(now) == INTERVAL);
        assert!(shedding.is_due(now + INTERVAL));
    }
}
