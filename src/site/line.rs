//! A queue that is fair between client networks: a few items have a place, and the others wait.
//!
//! The next place goes to the network that has the fewest places. Of several such networks, it goes to the one
//! whose last place was given longest ago, and of its items to the one that has waited longest. A network that
//! has had no place yet counts from when its item came. So neither a client with many requests nor a stream of
//! new clients locks out the others.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How many networks are remembered that have had a place. When there are more, all are forgotten. Then the item
/// that has waited longest comes first.
const MOST_REMEMBERED: usize = 1024;

/// The items that have a place, and those that wait.
#[derive(Debug)]
pub(super) struct Line<T> {
    places: usize,
    most_waiting: usize,
    /// Who has a place: the number of the item, and the network of the client.
    placed: Vec<(u64, IpAddr)>,
    /// Who waits, longest first.
    waiting: VecDeque<Waiting<T>>,
    /// When each network got a place last: the number of that place.
    turns: HashMap<IpAddr, u64>,
    turns_given: u64,
    next_number: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    network: IpAddr,
    item: T,
    /// How many turns were given when it came.
    came: u64,
}

/// An item that was added.
pub(super) struct Entered<T> {
    /// Its number.
    pub number: u64,
    /// The item that made room for it, if one had to.
    pub displaced: Option<T>,
}

impl<T> Line<T> {
    /// A line with this many places, for which at most `most_waiting` items wait.
    pub fn new(places: usize, most_waiting: usize) -> Line<T> {
        Line {
            places,
            most_waiting,
            placed: Vec::new(),
            waiting: VecDeque::new(),
            turns: HashMap::new(),
            turns_given: 0,
            next_number: 0,
        }
    }

    /// Adds an item of a client. If too many wait already, another item makes room: the newest one of the
    /// network with the most waiting items. Only items for which `may_go` is true count and go. If
    /// `network` would then have more than that one, nothing changes, and the item is returned.
    pub fn enter(
        &mut self,
        network: IpAddr,
        item: T,
        may_go: impl Fn(&T) -> bool,
    ) -> Result<Entered<T>, T> {
        // An item that can have a place at once waits only until the next call of `place_next`.
        let room = self.most_waiting + self.places.saturating_sub(self.placed.len());
        let mut displaced = None;
        if self.waiting.len() >= room {
            displaced = self.displace_for(network, may_go);
            if displaced.is_none() {
                return Err(item);
            }
        }
        let number = self.enter_anyway(network, item);
        Ok(Entered { number, displaced })
    }

    fn displace_for(&mut self, network: IpAddr, may_go: impl Fn(&T) -> bool) -> Option<T> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for waiting in self.waiting.iter().filter(|one| may_go(&one.item)) {
            *counts.entry(waiting.network).or_default() += 1;
        }
        let own = counts.get(&network).copied().unwrap_or(0);
        let (most, count) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        if count <= own + 1 {
            return None;
        }
        let goes = |one: &Waiting<T>| one.network == most && may_go(&one.item);
        let newest = self.waiting.iter().rposition(goes)?;
        self.waiting.remove(newest).map(|waiting| waiting.item)
    }

    /// Adds an item of a client, however many wait.
    pub fn enter_anyway(&mut self, network: IpAddr, item: T) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.waiting.push_back(Waiting {
            number,
            network,
            item,
            came: self.turns_given,
        });
        number
    }

    /// Gives a free place to the next item. Returns its number and the item.
    pub fn place_next(&mut self) -> Option<(u64, T)> {
        match self.placed.len() < self.places {
            true => self.place_anyway(|_| true),
            false => None,
        }
    }

    /// Gives a place to the next item for which `may` is true, even if no place is free.
    pub fn place_anyway(&mut self, may: impl Fn(&T) -> bool) -> Option<(u64, T)> {
        let places_of = |network: &IpAddr| {
            let of_client = self.placed.iter().filter(|(_, other)| other == network);
            of_client.count()
        };
        let waiting = self.waiting.iter().enumerate();
        let eligible = waiting.filter(|(_, waiting)| may(&waiting.item));
        // At the same turn, who has got none yet is first.
        let last_turn = |waiting: &Waiting<T>| match self.turns.get(&waiting.network) {
            Some(&turn) => (turn, true),
            None => (waiting.came, false),
        };
        let next =
            eligible.min_by_key(|(_, waiting)| (places_of(&waiting.network), last_turn(waiting)));
        let (at, _) = next?;
        let next = self.waiting.remove(at)?;
        self.note_turn(next.network);
        self.placed.push((next.number, next.network));
        Some((next.number, next.item))
    }

    fn note_turn(&mut self, network: IpAddr) {
        if self.turns.len() >= MOST_REMEMBERED {
            self.turns.clear();
        }
        self.turns_given += 1;
        self.turns.insert(network, self.turns_given);
    }

    /// Removes an item, whether it waits or has a place. Returns it if it waited.
    pub fn leave(&mut self, number: u64) -> Option<T> {
        self.placed.retain(|(other, _)| *other != number);
        if self.placed.is_empty() && self.waiting.is_empty() {
            self.turns.clear();
        }
        let waiting = &mut self.waiting;
        let at = waiting.iter().position(|other| other.number == number)?;
        waiting.remove(at).map(|waiting| waiting.item)
    }

    /// Whether the item has a place.
    pub fn has_place(&self, number: u64) -> bool {
        self.placed.iter().any(|(other, _)| *other == number)
    }

    /// How many items wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether an item waits for which `is_one` is true.
    pub fn has_waiting(&self, is_one: impl Fn(&T) -> bool) -> bool {
        self.waiting.iter().any(|other| is_one(&other.item))
    }

    /// Whether the item waits.
    pub fn waits(&self, number: u64) -> bool {
        self.waiting.iter().any(|other| other.number == number)
    }
}
