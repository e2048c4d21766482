//! A queue for long work of one worker: a few pieces of it are under way, and the others wait.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::site::line::Line;

/// If the first one does nothing for so long, the others need not wait for it.
const STALLED: Duration = Duration::from_secs(1);

/// The queue. All of its places and tickets share it.
#[derive(Clone)]
pub struct Queue {
    line: Rc<RefCell<Line<()>>>,
    /// When whoever has had a place for longest asked about it last.
    first_asked: Rc<Cell<Option<Instant>>>,
}

/// A place in the queue, or a wait for one. Dropping it gives the place to another.
pub struct Ticket {
    queue: Queue,
    number: u64,
}

impl Queue {
    /// A queue with this many places, for which at most `most_waiting` clients wait.
    pub fn new(places: usize, most_waiting: usize) -> Queue {
        Queue {
            line: Rc::new(RefCell::new(Line::new(places, most_waiting))),
            first_asked: Rc::default(),
        }
    }

    /// A ticket for a client. `None` if too many clients wait already.
    pub fn enter(&self, network: IpAddr) -> Option<Ticket> {
        let mut line = self.line.borrow_mut();
        let number = line.enter(network, ()).ok()?;
        line.place_next(|()| true);
        Some(Ticket {
            queue: self.clone(),
            number,
        })
    }
}

impl Ticket {
    /// Whether the client has a place.
    pub fn has_place(&self) -> bool {
        self.queue.line.borrow().has_place(self.number)
    }

    /// Whether nobody who is making progress has had a place for longer. Whoever has a place asks this
    /// whenever it makes progress.
    pub fn is_first(&self, now: Instant) -> bool {
        let asked = &self.queue.first_asked;
        if self.queue.line.borrow().is_first(self.number) {
            asked.set(Some(now));
            return true;
        }
        let asked = asked.get().unwrap_or(now);
        now.saturating_duration_since(asked) > STALLED
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut line = self.queue.line.borrow_mut();
        if line.is_first(self.number) {
            self.queue.first_asked.set(None);
        }
        line.leave(self.number);
        while line.place_next(|()| true).is_some() {}
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
        assert!(second.has_place() && second.is_first(Instant::now()));
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
        let now = Instant::now();
        assert!(greedy[0].is_first(now) && !other.is_first(now + STALLED));
        assert!(other.is_first(now + 2 * STALLED), "the first one stalls");
        assert_eq!(greedy.iter().filter(|one| one.has_place()).count(), 1);
    }
}
