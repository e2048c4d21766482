//! Chooses which connections to give up if the clients hold more memory than the server may.

use std::time::{Duration, Instant};

use crate::net::ranking::{Holder, INTERVAL, Ranking, is_due};
use crate::site::budget::{Account, Budget};

/// A connection that keeps no more than this, beside what each of them costs, is small. It is enough for the
/// request of a browser.
pub(super) const FEW: u64 = 4 * 1024;

/// The small connections of a network are given up only if the network holds more than this part of what belongs
/// to the worker: 2 MiB of 128 MiB with one worker.
const PART_OF_WORKER: u64 = 32;

/// The connections that one worker gives up because memory is short.
#[derive(Default)]
pub(super) struct Shedding {
    chosen: Vec<Holder<u64>>,
    next_look: Option<Instant>,
}

impl Shedding {
    /// Whether a connection was chosen and is still to be given up.
    pub fn is_under_way(&self) -> bool {
        !self.chosen.is_empty()
    }

    /// Whether it is time to choose.
    pub fn is_due(&self, now: Instant) -> bool {
        self.chosen.is_empty() && is_due(self.next_look, now)
    }

    /// When to look again, seen from `now`.
    pub fn wait(&self, now: Instant) -> Duration {
        let at = self.next_look.unwrap_or(now);
        at.saturating_duration_since(now)
    }

    /// Chooses among all connections of the worker. Their units are what they are charged, and their ranks what
    /// they keep beside what each of them costs.
    pub fn choose(&mut self, holders: Vec<Holder<u64>>, budget: &Budget, now: Instant) {
        self.next_look = Some(now + INTERVAL);
        let charged = holders.iter().map(|holder| holder.units).sum();
        let wanted = part_of_excess(charged, budget);
        self.chosen = choose(holders, wanted, budget.part() / PART_OF_WORKER);
        self.chosen.reverse();
    }

    /// The next connection to give up.
    pub fn pop(&mut self) -> Option<Holder<u64>> {
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
/// connection of the network that holds the most. A network that holds at most `little` keeps its small ones.
fn choose(holders: Vec<Holder<u64>>, wanted: u64, little: u64) -> Vec<Holder<u64>> {
    let mut ranking = Ranking::new(holders.into_iter(), |_| true);
    let (mut chosen, mut freed) = (Vec::new(), 0);
    while freed < wanted {
        let sum = ranking.largest();
        let Some(holder) = ranking.pop() else { break };
        if sum > little || holder.rank > FEW {
            freed += holder.units;
            chosen.push(holder);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    use mio::Token;

    /// Connections by network and size. The token is the position.
    fn holders(kept: &[(u8, u64)]) -> Vec<Holder<u64>> {
        let holder = |(at, &(network, bytes)): (usize, &(u8, u64))| Holder {
            token: Token(at),
            network: [10, 0, 0, network].into(),
            units: bytes,
            rank: bytes,
        };
        kept.iter().enumerate().map(holder).collect()
    }

    #[track_caller]
    fn check(kept: &[(u8, u64)], wanted: u64, want: &[usize]) {
        let chosen = choose(holders(kept), wanted, 0);
        let chosen: Vec<usize> = chosen.iter().map(|holder| holder.token.0).collect();
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
    fn many_small_ones_of_a_network_go_and_few_small_ones_stay() {
        let mut kept = vec![(1, 1000); 100];
        kept.extend([(2, 5 * FEW), (3, FEW), (3, FEW)]);
        let chosen = |wanted| {
            let chosen = choose(holders(&kept), wanted, 2 * FEW);
            let of = |network: u8| {
                let network = IpAddr::from([10, 0, 0, network]);
                chosen.iter().filter(|one| one.network == network).count()
            };
            [of(1), of(2), of(3)]
        };
        assert_eq!(chosen(50_000), [50, 0, 0]);
        assert_eq!(
            chosen(1 << 20),
            [92, 1, 0],
            "no network keeps more than it may"
        );
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
        shedding.choose(holders(&[(1, 9)]), &budget, now);
        assert!(!shedding.is_due(now) && shedding.wait(now) == INTERVAL);
        assert!(shedding.is_due(now + INTERVAL));
    }
}
