//! Chooses which connections to give up if the clients hold more memory than the server may, or if a new client
//! finds no place.
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

use crate::site::budget::{Account, Budget};

/// A connection that keeps no more than this, beside what each of them costs, is small. It is enough for the
/// request of a browser.
pub(super) const FEW: u64 = 4 * 1024;

/// The small connections of a network are given up only if the network holds more than this part of what belongs
/// to the worker: 2 MiB of 128 MiB with one worker.
const PART_OF_WORKER: u64 = 32;

/// The rank of a connection that waits for its response or receives it, or is no longer HTTP: it is cut if it gives
/// way.
pub(super) const SERVED: u64 = 1;

/// The time between two looks at all connections. A look at 10,000 of them takes about a millisecond.
const INTERVAL: Duration = Duration::from_millis(50);

/// What a connection holds of what is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// The connection.
    pub token: Token,
    /// See [`Client::network`](crate::observe::client::Client::network).
    pub network: IpAddr,
    /// How much it holds.
    pub units: u64,
    /// Of the connections of a network, those with the highest rank are first.
    pub rank: u64,
}

/// Holders by network.
#[derive(Default)]
struct Ranking {
    networks: HashMap<IpAddr, OfNetwork>,
    /// The networks that have holders which may be given up. The one that holds most comes first.
    order: BinaryHeap<(u64, IpAddr)>,
}

#[derive(Default)]
struct OfNetwork {
    sum: u64,
    /// Those that may be given up, by rank.
    holders: Vec<Holder>,
}

impl Ranking {
    /// A ranking of all holders. Those that are not `given_up` only count for their networks.
    fn new(all: impl Iterator<Item = Holder>, given_up: impl Fn(&Holder) -> bool) -> Ranking {
        let mut networks: HashMap<IpAddr, OfNetwork> = HashMap::new();
        for holder in all {
            let of_network = networks.entry(holder.network).or_default();
            of_network.sum += holder.units;
            if given_up(&holder) {
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
    fn sum(&self, network: IpAddr) -> u64 {
        self.networks.get(&network).map_or(0, |one| one.sum)
    }

    /// What the network of the next holder holds.
    fn largest(&self) -> u64 {
        self.order.peek().map_or(0, |&(sum, _)| sum)
    }

    /// Removes the next holder.
    fn pop(&mut self) -> Option<Holder> {
        let (_, network) = self.order.pop()?;
        let of_network = self.networks.get_mut(&network)?;
        let holder = of_network.holders.pop()?;
        of_network.sum -= holder.units;
        if !of_network.holders.is_empty() {
            self.order.push((of_network.sum, network));
        }
        Some(holder)
    }
}

/// The connections that one worker gives up because memory is short.
#[derive(Default)]
pub(super) struct Shedding {
    chosen: Vec<Holder>,
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
    pub fn choose(&mut self, holders: Vec<Holder>, budget: &Budget, now: Instant) {
        self.next_look = Some(now + INTERVAL);
        let charged = holders.iter().map(|holder| holder.units).sum();
        let wanted = part_of_excess(charged, budget);
        self.chosen = choose(holders, wanted, budget.part() / PART_OF_WORKER);
        self.chosen.reverse();
    }

    /// The next connection to give up.
    pub fn pop(&mut self) -> Option<Holder> {
        self.chosen.pop()
    }
}

/// Who wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newcomer {
    /// A client of this network.
    Of(IpAddr),
    /// A client behind a trusted proxy, which has not named it yet.
    BehindProxy,
    /// A client of the administrative listener in this network: an operator, a scraper or a load balancer. They may all
    /// be on one machine.
    Operator(IpAddr),
}

impl Newcomer {
    /// Its network, if that is known.
    fn network(self) -> Option<IpAddr> {
        match self {
            Newcomer::Of(network) | Newcomer::Operator(network) => Some(network),
            Newcomer::BehindProxy => None,
        }
    }
}

/// The connections of one worker that give their places to new clients.
///
/// Nothing is lost if a connection without a complete request gives way. A response is cut only for a network that has
/// no place, while one network has more places than all others together.
#[derive(Default)]
pub(super) struct Places {
    /// All connections. Those that may be given up have no complete request.
    ranking: Ranking,
    /// The connections that are [`SERVED`], of the network that has most places.
    served: Vec<Holder>,
    /// How many places there are.
    total: u64,
    next_look: Option<Instant>,
}

impl Places {
    /// Whether it is time to look at the connections.
    pub fn is_due(&self, now: Instant) -> bool {
        is_due(self.next_look, now)
    }

    /// Looks at all connections of the worker. Each holds one place. One without a rank gives way to nobody.
    pub fn look(&mut self, all: &[Holder], now: Instant) {
        self.next_look = Some(now + INTERVAL);
        self.total = all.iter().map(|holder| holder.units).sum();
        self.ranking = Ranking::new(all.iter().copied(), |holder| holder.rank > SERVED);
        self.served = all
            .iter()
            .copied()
            .filter(|holder| holder.rank == SERVED && self.has_most(holder.network))
            .collect();
    }

    /// The next connection that gives way to a new client.
    pub fn pop(&mut self, newcomer: Newcomer) -> Option<Holder> {
        let gives_way = match newcomer {
            // The newcomer's network must not have more places than the other one afterwards.
            Newcomer::Of(network) => self.ranking.largest() > self.ranking.sum(network) + 1,
            Newcomer::BehindProxy => self.is_most(self.ranking.largest()),
            Newcomer::Operator(_) => true,
        };
        let unserved = gives_way.then(|| self.ranking.pop()).flatten();
        unserved.or_else(|| self.pop_served(newcomer))
    }

    /// The next connection whose response is cut for a new client.
    fn pop_served(&mut self, newcomer: Newcomer) -> Option<Holder> {
        if self.ranking.sum(newcomer.network()?) > 0 {
            return None;
        }
        let holder = self.served.last().copied()?;
        if !self.has_most(holder.network) {
            return None;
        }
        self.served.pop();
        let of_network = self.ranking.networks.get_mut(&holder.network)?;
        of_network.sum -= holder.units;
        Some(holder)
    }

    /// Whether a network has more places than all others together.
    fn has_most(&self, network: IpAddr) -> bool {
        self.is_most(self.ranking.sum(network))
    }

    fn is_most(&self, places: u64) -> bool {
        places > self.total.saturating_sub(places)
    }

    /// Notes that a new client has got a place. That of a client behind a proxy counts at the next look.
    pub fn note_newcomer(&mut self, newcomer: Newcomer) {
        if let Some(network) = newcomer.network() {
            self.ranking.networks.entry(network).or_default().sum += 1;
        }
    }
}

fn is_due(next_look: Option<Instant>, now: Instant) -> bool {
    next_look.is_none_or(|at| at <= now)
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
fn choose(holders: Vec<Holder>, wanted: u64, little: u64) -> Vec<Holder> {
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

    /// Connections by network and size. The token is the position.
    fn holders(kept: &[(u8, u64)]) -> Vec<Holder> {
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
    fn the_network_with_most_places_gives_one_to_a_newcomer() {
        let now = crate::net::clock::instant();
        let [one, other, third] = [1, 2, 3].map(|number| IpAddr::from([10, 0, 0, number]));
        let mut places = Places::default();
        assert!(places.is_due(now));
        // The first connection of each network gives way to nobody. The second one is the last to go.
        let mut all = holders(&[(1, 0), (1, 2), (1, 3), (1, 3), (2, 0), (2, 3), (3, 3)]);
        all.iter_mut().for_each(|holder| holder.units = 1);
        places.look(&all, now);
        assert!(!places.is_due(now) && places.is_due(now + INTERVAL));
        assert_eq!(places.pop(Newcomer::Of(one)), None, "it has most itself");
        let mut gives_way_to = |network| {
            let newcomer = Newcomer::Of(network);
            let token = places.pop(newcomer).map(|chosen| chosen.token.0);
            if token.is_some() {
                places.note_newcomer(newcomer);
            }
            token
        };
        assert_eq!(gives_way_to(other), Some(3));
        assert_eq!(gives_way_to(other), None, "both have three");
        assert_eq!(gives_way_to(third), Some(2));
        let fourth = [10, 0, 0, 4].into();
        assert_eq!(gives_way_to(fourth), Some(5));
        assert_eq!(gives_way_to(fourth), None, "nobody has two more");
    }

    /// Connections with these ranks, each at one place.
    fn places(kept: &[(u8, u64)]) -> Places {
        let mut all = holders(kept);
        all.iter_mut().for_each(|holder| holder.units = 1);
        let mut places = Places::default();
        places.look(&all, crate::net::clock::instant());
        places
    }

    fn of(network: u8) -> Newcomer {
        Newcomer::Of([10, 0, 0, network].into())
    }

    #[test]
    fn responses_give_way_only_if_their_network_has_more_than_all_others() {
        let chosen = |kept: &[(u8, u64)], newcomer| {
            let chosen = places(kept).pop(newcomer);
            chosen.map(|chosen| chosen.token.0)
        };
        let served = (1, SERVED);
        let most = [served, served, served, (2, SERVED), (3, 0)];
        assert_eq!(chosen(&most, of(9)), Some(2));
        assert_eq!(chosen(&most, of(2)), None, "it has a place");
        assert_eq!(chosen(&most, Newcomer::BehindProxy), None);
        let operator = |network: u8| Newcomer::Operator([10, 0, 0, network].into());
        assert_eq!(chosen(&most, operator(2)), None, "it has a place");
        assert_eq!(chosen(&most, operator(9)), Some(2));
        let half = [served, served, (2, SERVED), (3, 0)];
        assert_eq!(chosen(&half, of(9)), None, "half is not more");
        assert_eq!(chosen(&[(1, 0), (1, 0), (1, 0)], of(9)), None);
        let first = "those without a complete request are first";
        assert_eq!(chosen(&[served, (1, 2), served], of(9)), Some(1), "{first}");
        let other = [served, served, served, (2, 3), (2, 3)];
        assert_eq!(chosen(&other, of(9)), Some(4), "{first}");
    }

    /// Also if all newcomers come between two looks.
    #[test]
    fn no_more_responses_are_cut_than_until_half_is_left() {
        let mut kept = vec![(1, SERVED); 7];
        kept.extend([(2, 0); 3]);
        let mut places = places(&kept);
        let cut = (10..30).filter(|&network| {
            let newcomer = of(network);
            let is_cut = places.pop(newcomer).is_some();
            if is_cut {
                places.note_newcomer(newcomer);
            }
            is_cut
        });
        assert_eq!(cut.count(), 2, "five of ten are left");
    }

    #[test]
    fn newcomers_behind_a_proxy_and_operators_take_places_without_a_request() {
        let kept = [(1, 3), (1, 3), (1, 3), (2, 3)];
        let mut behind = places(&kept);
        assert!(behind.pop(Newcomer::BehindProxy).is_some());
        assert_eq!(behind.pop(Newcomer::BehindProxy), None, "two of four");
        let operator = Newcomer::Operator([10, 0, 0, 1].into());
        let mut operators = places(&kept);
        let count = std::iter::from_fn(|| operators.pop(operator)).count();
        assert_eq!(count, 4);
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
