//! A queue for long work: a few pieces of it are under way, and the others wait.
//!
//! The next place goes to the client address that has the fewest places, and among those to the one
//! that has waited longest. So a client with many requests does not lock out the others.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;

/// The queue. All of its places and tickets share it.
#[derive(Clone)]
pub struct Queue(Rc<RefCell<State>>);

struct State {
    places: usize,
    most_waiting: usize,
    /// Who has a place: the number of the ticket, and the address of the client.
    placed: Vec<(u64, IpAddr)>,
    /// Who waits, longest first.
    waiting: VecDeque<(u64, IpAddr)>,
    next_number: u64,
}

/// A place in the queue, or a wait for one. Dropping it gives the place to another.
pub struct Ticket {
    queue: Queue,
    number: u64,
}

impl Queue {
    /// A queue with this many places, for which at most `most_waiting` clients wait.
    pub fn new(places: usize, most_waiting: usize) -> Queue {
        Queue(Rc::new(RefCell::new(State {
            places,
            most_waiting,
            placed: Vec::new(),
            waiting: VecDeque::new(),
            next_number: 0,
        })))
    }

    /// A ticket for a client. `None` if too many clients wait already.
    pub fn enter(&self, address: IpAddr) -> Option<Ticket> {
        let mut state = self.0.borrow_mut();
        let number = state.next_number;
        if state.placed.len() < state.places {
            state.placed.push((number, address));
        } else if state.waiting.len() < state.most_waiting {
            state.waiting.push_back((number, address));
        } else {
            return None;
        }
        state.next_number += 1;
        Some(Ticket {
            queue: self.clone(),
            number,
        })
    }
}

impl Ticket {
    /// Whether the client has a place.
    pub fn has_place(&self) -> bool {
        let state = self.queue.0.borrow();
        state
            .placed
            .iter()
            .any(|(number, _)| *number == self.number)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.queue.0.borrow_mut();
        state.placed.retain(|(number, _)| *number != self.number);
        state.waiting.retain(|(number, _)| *number != self.number);
        while state.placed.len() < state.places
            && let Some(next) = state.take_next()
        {
            state.placed.push(next);
        }
    }
}

impl State {
    fn take_next(&mut self) -> Option<(u64, IpAddr)> {
        let places_of = |address: &IpAddr| {
            let of_client = self.placed.iter().filter(|(_, other)| other == address);
            of_client.count()
        };
        let waiting = self.waiting.iter().enumerate();
        let next = waiting.min_by_key(|(_, (_, address))| places_of(address));
        let (at, _) = next?;
        self.waiting.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    #[test]
    fn who_leaves_makes_room_for_the_longest_waiter() {
        let queue = Queue::new(1, 2);
        let first = queue.enter(client(1)).expect("a place");
        let second = queue.enter(client(2)).expect("it may wait");
        let third = queue.enter(client(3)).expect("it may wait");
        assert!(queue.enter(client(4)).is_none(), "too many wait");
        assert!(first.has_place() && !second.has_place() && !third.has_place());
        drop(first);
        assert!(second.has_place() && !third.has_place());
        drop(third);
        assert!(second.has_place());
        drop(second);
        assert!(queue.enter(client(4)).expect("a place").has_place());
    }

    #[test]
    fn the_client_with_the_fewest_places_is_next() {
        let queue = Queue::new(2, 10);
        let mut greedy: Vec<Ticket> = (0..6)
            .map(|_| queue.enter(client(1)).expect("it may wait"))
            .collect();
        let other = queue.enter(client(2)).expect("it may wait");
        assert!(!other.has_place());
        greedy.remove(0);
        assert!(other.has_place(), "it came last but has no place");
        assert_eq!(greedy.iter().filter(|one| one.has_place()).count(), 1);
    }
}
