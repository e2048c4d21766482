//! A queue for long work: a few pieces of it are under way, and the others wait.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::site::line::Line;

/// The queue. All of its places and tickets share it, on any thread.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Mutex<Line<()>>>);

/// A place in the queue, or a wait for one. Dropping it gives the place to another.
pub struct Ticket {
    queue: Queue,
    number: u64,
}

/// What a ticket is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has a place.
    Placed,
    /// It waits for one.
    Waits,
    /// It waited, but clients of other networks came, and its own had the most tickets.
    Displaced,
}

impl Queue {
    /// A queue with this many places, for which at most `most_waiting` clients wait.
    pub fn new(places: usize, most_waiting: usize) -> Queue {
        Queue(Arc::new(Mutex::new(Line::new(places, most_waiting))))
    }

    /// A ticket for a client. If too many clients wait already, it takes the turn of a client whose
    /// network has more of them. `None` if there is no such network.
    pub fn enter(&self, network: IpAddr) -> Option<Ticket> {
        let mut line = self.line();
        let number = line.enter(network, (), |()| true).ok()?.number;
        line.place_next();
        Some(Ticket {
            queue: self.clone(),
            number,
        })
    }

    /// Whether somebody waits for a place.
    pub fn is_waited_for(&self) -> bool {
        self.line().waiting() > 0
    }

    fn line(&self) -> MutexGuard<'_, Line<()>> {
        // Nothing panics while the line is half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What it is good for now.
    pub fn standing(&self) -> Standing {
        let line = self.queue.line();
        match (line.has_place(self.number), line.waits(self.number)) {
            (true, _) => Standing::Placed,
            (false, true) => Standing::Waits,
            (false, false) => Standing::Displaced,
        }
    }

    /// Whether it has a place.
    pub fn has_place(&self) -> bool {
        self.standing() == Standing::Placed
    }

    /// Tickets that were given earlier have smaller numbers.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut line = self.queue.line();
        line.leave(self.number);
        while line.place_next().is_some() {}
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

    #[test]
    fn networks_take_turns_at_a_single_place() {
        let queue = Queue::new(1, 10);
        let mut tickets: Vec<(u8, Ticket)> = [1, 1, 1, 2, 2, 3]
            .map(|number| (number, queue.enter(client(number)).expect("it may wait")))
            .into();
        let mut order = Vec::new();
        while let Some(at) = tickets.iter().position(|(_, ticket)| ticket.has_place()) {
            order.push(tickets.remove(at).0);
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn newcomers_do_not_go_before_who_waits() {
        let queue = Queue::new(1, 100);
        let held = queue.enter(client(1)).expect("a place");
        let waits = queue.enter(client(1)).expect("it may wait");
        // One newcomer came at the same turn, the others come later.
        let mut place = queue.enter(client(2)).expect("it may wait");
        drop(held);
        assert!(place.has_place());
        for number in 3..10 {
            let next = queue.enter(client(number)).expect("it may wait");
            drop(std::mem::replace(&mut place, next));
            if waits.has_place() {
                return;
            }
        }
        panic!("newcomers are served for ever");
    }

    #[test]
    fn who_waits_for_most_makes_room_for_others() {
        let queue = Queue::new(1, 3);
        let enter = |number| queue.enter(client(number));
        let greedy: Vec<Ticket> = (0..4).map(|_| enter(1).expect("a ticket")).collect();
        assert!(enter(1).is_none());
        let other = enter(2).expect("a ticket");
        let standings: Vec<Standing> = greedy.iter().map(Ticket::standing).collect();
        assert_eq!(other.standing(), Standing::Waits);
        assert_eq!(
            standings,
            [
                Standing::Placed,
                Standing::Waits,
                Standing::Waits,
                Standing::Displaced
            ]
        );
        let third = enter(3).expect("a ticket");
        assert!(enter(4).is_none(), "each waits for one");
        drop((greedy, other));
        assert!(third.has_place());
    }
}
