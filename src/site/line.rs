//! A queue that is fair between client networks: a few items have a place, and the others wait.
//!
//! The next place goes to the network that has the fewest places. Of several such networks, it goes to the one
//! whose last place was given longest ago, and of its items to the one that has waited longest. A network that
//! has had no place yet counts from when its item came. So neither a client with many requests nor a stream of
//! new clients locks out the others.
//!
//! Only so many items of each kind may wait. If there are more, the network with the most of that kind loses its
//! newest one. Items that were admitted before do not count and do not go, see [`Line::enter_anyway`].

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How many networks are remembered that have had a place. When there are more, all are forgotten. Then the item
/// that has waited longest comes first.
const MOST_REMEMBERED: usize = 1024;

/// Kinds of items. Each has its own room, so those of one kind keep out none of another.
pub(super) const KINDS: usize = 2;

/// The items that have a place, and those that wait.
#[derive(Debug)]
pub(super) struct Line<T> {
    places: usize,
    most_of_network: usize,
    most_waiting: usize,
    /// Who has a place: the number of the item, and the network of the client.
    placed: Vec<(u64, IpAddr)>,
    /// Who waits, longest first.
    waiting: VecDeque<Waiting<T>>,
    /// How many of those count towards `most_waiting`, by kind.
    counted: [usize; KINDS],
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
    /// The kind for which it counts towards `most_waiting`. Such an item may have to go.
    kind: Option<usize>,
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
    /// A line with this many places, for which at most `most_waiting` items of each kind wait.
    pub fn new(places: usize, most_waiting: usize) -> Line<T> {
        Line {
            places,
            most_of_network: usize::MAX,
            most_waiting,
            placed: Vec::new(),
            waiting: VecDeque::new(),
            counted: [0; KINDS],
            turns: HashMap::new(),
            turns_given: 0,
            next_number: 0,
        }
    }

    /// The same, but one network alone cannot have the last place, unless it is the only one.
    pub fn with_place_for_others(self) -> Line<T> {
        Line {
            most_of_network: self.places.saturating_sub(1).max(1),
            ..self
        }
    }

    /// Adds an item of a client. If too many of this kind wait already, another item makes room: the newest one of
    /// the network with the most waiting items. If `network` would then have more than that one, nothing changes,
    /// and the item is returned.
    pub fn enter(&mut self, network: IpAddr, kind: usize, item: T) -> Result<Entered<T>, T> {
        // An item that can have a place at once waits only until the next call of `place_next`.
        let room = self.most_waiting + self.places.saturating_sub(self.placed.len());
        let mut displaced = None;
        if self.counted[kind] >= room {
            displaced = self.displace_for(network, kind);
            if displaced.is_none() {
                return Err(item);
            }
        }
        let number = self.push(network, item, Some(kind));
        Ok(Entered { number, displaced })
    }

    fn displace_for(&mut self, network: IpAddr, kind: usize) -> Option<T> {
        let of_kind = |one: &Waiting<T>| one.kind == Some(kind);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for waiting in self.waiting.iter().filter(|one| of_kind(one)) {
            *counts.entry(waiting.network).or_default() += 1;
        }
        let own = counts.get(&network).copied().unwrap_or(0);
        let (most, count) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        if count <= own + 1 {
            return None;
        }
        let goes = |one: &Waiting<T>| one.network == most && of_kind(one);
        let newest = self.waiting.iter().rposition(goes)?;
        self.remove(newest).map(|waiting| waiting.item)
    }

    /// Adds an item of a client, however many wait. It takes no room from the others.
    pub fn enter_anyway(&mut self, network: IpAddr, item: T) -> u64 {
        self.push(network, item, None)
    }

    fn push(&mut self, network: IpAddr, item: T, kind: Option<usize>) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        if let Some(kind) = kind {
            self.counted[kind] += 1;
        }
        self.waiting.push_back(Waiting {
            number,
            network,
            item,
            kind,
            came: self.turns_given,
        });
        number
    }

    fn remove(&mut self, at: usize) -> Option<Waiting<T>> {
        let removed = self.waiting.remove(at)?;
        if let Some(kind) = removed.kind {
            self.counted[kind] -= 1;
        }
        Some(removed)
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
        let mut placed: HashMap<IpAddr, usize> = HashMap::new();
        for &(_, network) in &self.placed {
            *placed.entry(network).or_default() += 1;
        }
        let places_of = |network: &IpAddr| placed.get(network).copied().unwrap_or(0);
        let waiting = self.waiting.iter().enumerate();
        let eligible = waiting.filter(|(_, waiting)| {
            may(&waiting.item) && places_of(&waiting.network) < self.most_of_network
        });
        // At the same turn, who has got none yet is first.
        let last_turn = |waiting: &Waiting<T>| match self.turns.get(&waiting.network) {
            Some(&turn) => (turn, true),
            None => (waiting.came, false),
        };
        let next =
            eligible.min_by_key(|(_, waiting)| (places_of(&waiting.network), last_turn(waiting)));
        let (at, _) = next?;
        let next = self.remove(at)?;
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
        let at = self.position(number)?;
        self.remove(at).map(|waiting| waiting.item)
    }

    /// Whether the item has a place.
    pub fn has_place(&self, number: u64) -> bool {
        self.placed.iter().any(|(other, _)| *other == number)
    }

    /// How many items wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many items of a network wait.
    pub fn waiting_of(&self, network: IpAddr) -> usize {
        let of_network = self.waiting.iter().filter(|one| one.network == network);
        of_network.count()
    }

    /// Whether an item waits for which `is_one` is true.
    pub fn has_waiting(&self, is_one: impl Fn(&T) -> bool) -> bool {
        self.waiting.iter().any(|other| is_one(&other.item))
    }

    /// Whether the item waits.
    pub fn waits(&self, number: u64) -> bool {
        self.position(number).is_some()
    }

    /// The item, if it waits.
    pub fn waiting_item(&mut self, number: u64) -> Option<&mut T> {
        let at = self.position(number)?;
        self.waiting.get_mut(at).map(|waiting| &mut waiting.item)
    }

    /// Those that came later have larger numbers.
    fn position(&self, number: u64) -> Option<usize> {
        let found = self.waiting.binary_search_by_key(&number, |one| one.number);
        found.ok()
    }
}
