//! A queue in which client networks take turns.
//!
//! ```text
//! 10.0.0.1:  a b c d      pop, pop, pop ... -> a x b y c d
//! 10.0.0.2:  x y
//! ```
//!
//! So a client with thousands of connections makes others wait for one of them, not for all.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Items by the network of their client. Within a network, first in is first out.
pub(super) struct FairQueue<T> {
    items: HashMap<IpAddr, VecDeque<T>>,
    /// The networks that have items. The first one is next.
    turns: VecDeque<IpAddr>,
    length: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> FairQueue<T> {
        FairQueue {
            items: HashMap::new(),
            turns: VecDeque::new(),
            length: 0,
        }
    }
}

impl<T> FairQueue<T> {
    /// How many items wait.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds an item of a client in `network`.
    pub fn push(&mut self, network: IpAddr, item: T) {
        let items = self.items.entry(network).or_default();
        if items.is_empty() {
            self.turns.push_back(network);
        }
        items.push_back(item);
        self.length += 1;
    }

    /// Removes the next item. It is then the turn of the next network.
    pub fn pop(&mut self) -> Option<T> {
        let network = self.turns.pop_front()?;
        let items = self.items.get_mut(&network)?;
        let item = items.pop_front()?;
        match items.is_empty() {
            true => drop(self.items.remove(&network)),
            false => self.turns.push_back(network),
        }
        self.length -= 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    #[test]
    fn networks_take_turns_and_items_of_one_keep_their_order() {
        let mut queue = FairQueue::default();
        for (from, item) in [(1, 'a'), (1, 'b'), (1, 'c'), (2, 'x'), (3, 'k'), (2, 'y')] {
            queue.push(network(from), item);
        }
        assert_eq!(queue.len(), 6);
        let popped: String = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(popped, "axkbyc");
        assert!(queue.is_empty() && queue.items.is_empty() && queue.turns.is_empty());
    }

    #[test]
    fn a_network_that_comes_late_waits_for_one_item_of_each_other() {
        let mut queue = FairQueue::default();
        (0..1000).for_each(|item| queue.push(network(1), item));
        queue.push(network(2), -1);
        assert_eq!((queue.pop(), queue.pop()), (Some(0), Some(-1)));
        queue.push(network(2), -2);
        assert_eq!((queue.pop(), queue.pop()), (Some(1), Some(-2)));
    }
}
