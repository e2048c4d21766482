//! The messages that clients of the lab send each other. All workers share them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use crate::observe::topic::{Capacity, Reader, Topic};

/// How many messages are kept for clients that ask for them.
const MOST_KEPT: usize = 32;

/// The longest message in bytes.
pub const LONGEST_MESSAGE: usize = 500;

/// How much may wait for a client that does not read.
const WAITING: Capacity = Capacity {
    items: MOST_KEPT,
    bytes: MOST_KEPT * LONGEST_MESSAGE,
};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub text: Box<str>,
}

/// Where clients meet. Clones are the same room.
#[derive(Clone)]
pub struct Room {
    kept: Arc<Mutex<Kept>>,
    topic: Topic<Message>,
}

/// The last messages.
#[derive(Default)]
struct Kept {
    last: u64,
    messages: VecDeque<Message>,
}

impl Room {
    /// An empty room that opens `now`.
    pub fn new(now: Instant) -> Room {
        Room {
            kept: Arc::default(),
            topic: Topic::new(WAITING, now),
        }
    }

    /// Says something to all who are there `now`. Returns the number of the message.
    pub fn say(&self, text: &str, now: Instant) -> u64 {
        let mut kept = self.lock();
        kept.last += 1;
        let message = Message {
            number: kept.last,
            text: text.into(),
        };
        kept.messages.push_back(message.clone());
        if kept.messages.len() > MOST_KEPT {
            kept.messages.pop_front();
        }
        let (number, size) = (message.number, message.text.len());
        // The lock is held, so readers get the messages in their order.
        self.topic.publish(message, size, now);
        number
    }

    /// The messages after the one with this number, as far as they are kept.
    pub fn since(&self, number: u64) -> Vec<Message> {
        let kept = self.lock();
        let messages = kept
            .messages
            .iter()
            .filter(|message| message.number > number);
        messages.cloned().collect()
    }

    /// A reader of what is said after `now`.
    pub fn reader(&self, now: Instant, waker: Waker) -> Reader<Message> {
        self.topic.reader_since(Some(now), waker)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here is half done when a bug unwinds.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_messages_are_kept() {
        let now = Instant::now();
        let room = Room::new(now);
        for number in 1..=MOST_KEPT as u64 + 2 {
            assert_eq!(room.say(&format!("message {number}"), now), number);
        }
        let kept = room.since(0);
        assert_eq!(kept.len(), MOST_KEPT);
        assert_eq!((kept[0].number, &*kept[0].text), (3, "message 3"));
        assert_eq!(room.since(MOST_KEPT as u64 + 1).len(), 1);
        assert!(room.since(1000).is_empty());
    }
}
