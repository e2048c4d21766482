//! Chooses which connections give their places to new clients.

use std::net::IpAddr;
use std::time::Instant;

use crate::net::ranking::{Holder, INTERVAL, Ranking, is_due};

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

/// How ready a connection is to give its place to a new client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Readiness {
    /// It waits for the worker, or is being refused: it keeps its place.
    #[default]
    Never,
    /// It waits for its response or receives it, or is no longer HTTP: it is cut if it gives way.
    Served,
    /// Its request is not complete, or its response has left and it waits to close.
    Reading,
    /// It has no request.
    Idle,
}

/// The connections of one worker that give their places to new clients.
///
/// Nothing is lost if a connection without a complete request gives way. A response is cut only for a network that has
/// no place, while one network has more places than all others together.
#[derive(Default)]
pub(super) struct Places {
    /// All connections. Those that may be given up have no complete request.
    ranking: Ranking<Readiness>,
    /// The connections that are [`Readiness::Served`], of the network that has most places.
    served: Vec<Holder<Readiness>>,
    /// How many places there are.
    total: u64,
    next_look: Option<Instant>,
}

impl Places {
    /// Whether it is time to look at the connections.
    pub fn is_due(&self, now: Instant) -> bool {
        is_due(self.next_look, now)
    }

    /// Looks at all connections of the worker. Each holds one place. One that is [`Readiness::Never`] gives way to nobody.
    pub fn look(&mut self, all: &[Holder<Readiness>], now: Instant) {
        self.next_look = Some(now + INTERVAL);
        self.total = all.iter().map(|holder| holder.units).sum();
        self.ranking = Ranking::new(all.iter().copied(), |holder| {
            holder.rank > Readiness::Served
        });
        self.served = all
            .iter()
            .copied()
            .filter(|holder| holder.rank == Readiness::Served && self.has_most(holder.network))
            .collect();
    }

    /// The next connection that gives way to a new client.
    pub fn pop(&mut self, newcomer: Newcomer) -> Option<Holder<Readiness>> {
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
    fn pop_served(&mut self, newcomer: Newcomer) -> Option<Holder<Readiness>> {
        if self.ranking.sum(newcomer.network()?) > 0 {
            return None;
        }
        let holder = self.served.last().copied()?;
        if !self.has_most(holder.network) {
            return None;
        }
        self.served.pop();
        self.ranking.subtract(holder.network, holder.units);
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
            self.ranking.add(network, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness::{Idle, Never, Reading, Served};
    use super::*;
    use mio::Token;

    /// Connections at one place each, by network. The token is the position.
    fn holders(kept: &[(u8, Readiness)]) -> Vec<Holder<Readiness>> {
        let holder = |(at, &(network, rank)): (usize, &(u8, Readiness))| Holder {
            token: Token(at),
            network: [10, 0, 0, network].into(),
            units: 1,
            rank,
        };
        kept.iter().enumerate().map(holder).collect()
    }

    #[test]
    fn the_network_with_most_places_gives_one_to_a_newcomer() {
        let now = crate::net::clock::instant();
        let [one, other, third] = [1, 2, 3].map(|number| IpAddr::from([10, 0, 0, number]));
        let mut places = Places::default();
        assert!(places.is_due(now));
        // The first connection of each network gives way to nobody. The second one is the last to go.
        let kept = [
            (1, Never),
            (1, Reading),
            (1, Idle),
            (1, Idle),
            (2, Never),
            (2, Idle),
            (3, Idle),
        ];
        let all = holders(&kept);
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

    /// Connections of these networks, each at one place.
    fn places(kept: &[(u8, Readiness)]) -> Places {
        let mut places = Places::default();
        places.look(&holders(kept), crate::net::clock::instant());
        places
    }

    fn of(network: u8) -> Newcomer {
        Newcomer::Of([10, 0, 0, network].into())
    }

    #[test]
    fn responses_give_way_only_if_their_network_has_more_than_all_others() {
        let chosen = |kept: &[(u8, Readiness)], newcomer| {
            let chosen = places(kept).pop(newcomer);
            chosen.map(|chosen| chosen.token.0)
        };
        let served = (1, Served);
        let most = [served, served, served, (2, Served), (3, Never)];
        assert_eq!(chosen(&most, of(9)), Some(2));
        assert_eq!(chosen(&most, of(2)), None, "it has a place");
        assert_eq!(chosen(&most, Newcomer::BehindProxy), None);
        let operator = |network: u8| Newcomer::Operator([10, 0, 0, network].into());
        assert_eq!(chosen(&most, operator(2)), None, "it has a place");
        assert_eq!(chosen(&most, operator(9)), Some(2));
        let half = [served, served, (2, Served), (3, Never)];
        assert_eq!(chosen(&half, of(9)), None, "half is not more");
        assert_eq!(chosen(&[(1, Never), (1, Never), (1, Never)], of(9)), None);
        let first = "those without a complete request are first";
        assert_eq!(
            chosen(&[served, (1, Reading), served], of(9)),
            Some(1),
            "{first}"
        );
        let other = [served, served, served, (2, Idle), (2, Idle)];
        assert_eq!(chosen(&other, of(9)), Some(4), "{first}");
    }

    /// Also if all newcomers come between two looks.
    #[test]
    fn no_more_responses_are_cut_than_until_half_is_left() {
        let mut kept = vec![(1, Served); 7];
        kept.extend([(2, Never); 3]);
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
        let kept = [(1, Idle), (1, Idle), (1, Idle), (2, Idle)];
        let mut behind = places(&kept);
        assert!(behind.pop(Newcomer::BehindProxy).is_some());
        assert_eq!(behind.pop(Newcomer::BehindProxy), None, "two of four");
        let operator = Newcomer::Operator([10, 0, 0, 1].into());
        let mut operators = places(&kept);
        let count = std::iter::from_fn(|| operators.pop(operator)).count();
        assert_eq!(count, 4);
    }
}
