//! A queue for long work: a few pieces of it are under way, and the others wait.
//!
//! Who gives up a place wakes who gets it, so nobody has to ask again and again.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use crate::site::disk::{Registered, Wakers};
use crate::site::line::Line;
use crate::sync::lock;

/// The queue. All of its places and tickets share it, on any thread. Of each ticket that waits, it has the wakers.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Mutex<Line<Vec<Waker>>>>);

/// A place in the queue, or a wait for one. Dropping it gives the place to another, or ends the wait.
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
    /// A queue with this many places, for which at most `most_waiting` clients wait. The last place is for a
    /// network that has no other.
    pub fn new(places: usize, most_waiting: usize) -> Queue {
        let line = Line::new(places, most_waiting).with_place_for_others();
        Queue(Arc::new(Mutex::new(line)))
    }

    /// A ticket for a client. If too many clients wait already, it takes the turn of a client whose
    /// network has more of them. `None` if there is no such network.
    pub fn enter(&self, network: IpAddr) -> Option<Ticket> {
        let mut line = self.line();
        let entered = line.enter(network, 0, Vec::new()).ok()?;
        let number = entered.number;
        let woken = entered.displaced.into_iter().chain(place_all(&mut line));
        wake(line, woken.collect());
        Some(Ticket {
            queue: self.clone(),
            number,
        })
    }

    /// Whether somebody waits for a place.
    pub fn is_waited_for(&self) -> bool {
        self.line().waiting() > 0
    }

    /// How many tickets of a network wait.
    pub fn waiting_of(&self, network: IpAddr) -> usize {
        self.line().waiting_of(network)
    }

    fn line(&self) -> MutexGuard<'_, Line<Vec<Waker>>> {
        // Nothing panics while the line is half-changed.
        lock(&self.0)
    }
}

/// Gives all free places away. Returns the wakers of those that get them.
fn place_all(line: &mut Line<Vec<Waker>>) -> Vec<Vec<Waker>> {
    std::iter::from_fn(|| line.place_next())
        .map(|(_, wakers)| wakers)
        .collect()
}

/// Wakes when nobody has the line.
fn wake(line: MutexGuard<'_, Line<Vec<Waker>>>, wakers: Vec<Vec<Waker>>) {
    drop(line);
    wakers.into_iter().flatten().for_each(Waker::wake);
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

    /// Wakes a client at the end of the wait, unless it is registered for this ticket already.
    pub fn wake_once(&self, registered: &mut Registered, wakers: &dyn Wakers) {
        if !registered.renew(self.number) {
            return;
        }
        let waker = wakers.waker();
        let mut line = self.queue.line();
        match line.waiting_item(self.number) {
            Some(waiting) => waiting.push(waker),
            None => wake(line, vec![vec![waker]]),
        }
    }

    /// Tickets that were given earlier have smaller numbers.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut line = self.queue.line();
        let left = line.leave(self.number);
        let woken = left.into_iter().chain(place_all(&mut line));
        wake(line, woken.collect());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    fn client(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    /// A waker, and how often it was used.
    pub fn counting() -> (Waker, Arc<AtomicUsize>) {
        struct Count(Arc<AtomicUsize>);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::<AtomicUsize>::default();
        (Waker::from(Arc::new(Count(Arc::clone(&count)))), count)
    }

    #[test]
    fn who_gets_a_place_and_who_loses_a_turn_is_woken_once() {
        let queue = Queue::new(1, 2);
        let placed = queue.enter(client(1)).expect("a place");
        let waits = [(); 2].map(|()| queue.enter(client(1)).expect("it may wait"));
        let woken = waits.each_ref().map(|ticket| {
            let (waker, woken) = counting();
            let mut registered = Registered::default();
            for _ in 0..3 {
                ticket.wake_once(&mut registered, &waker);
            }
            woken
        });
        let count = || woken.each_ref().map(|woken| woken.load(Ordering::Relaxed));
        assert_eq!(count(), [0, 0]);
        let other = queue.enter(client(2)).expect("the turn of another");
        assert_eq!(count(), [0, 1]);
        drop(placed);
        assert!(other.has_place());
        drop(other);
        assert_eq!(count(), [1, 1]);
        assert!(waits[0].has_place());
        let (waker, late) = counting();
        waits[0].wake_once(&mut Registered::default(), &waker);
        assert_eq!(late.load(Ordering::Relaxed), 1, "it has waited already");
    }

    #[test]
    fn who_gives_up_waiting_wakes_those_that_waited_with_it() {
        let queue = Queue::new(1, 2);
        let _placed = queue.enter(client(1)).expect("a place");
        let waits = queue.enter(client(1)).expect("it may wait");
        let (waker, woken) = counting();
        waits.wake_once(&mut Registered::default(), &waker);
        drop(waits);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn one_network_leaves_the_last_place_to_others() {
        let queue = Queue::new(3, 10);
        let [first, second, third] = [(); 3].map(|()| queue.enter(client(1)).expect("a ticket"));
        assert!(first.has_place() && second.has_place() && !third.has_place());
        let other = queue.enter(client(2)).expect("a place");
        assert!(other.has_place());
        let another = queue.enter(client(3)).expect("it may wait");
        drop(other);
        assert!(another.has_place() && !third.has_place());
        drop(first);
        assert!(third.has_place());
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
        let queue = Queue::new(3, 10);
        let mut greedy: Vec<Ticket> = (0..6)
            .map(|_| queue.enter(client(1)).expect("it may wait"))
            .collect();
        let _third = queue.enter(client(3)).expect("a place");
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
