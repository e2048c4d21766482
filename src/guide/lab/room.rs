//! The messages that clients of the lab send each other. All workers share them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::guide::fault::Fault;
use crate::guide::places::{Full, Place, Places};
use crate::guide::rate::RateLimit;
use crate::observe::topic::{Capacity, News, Reader, Topic};
use crate::semantics::status::Status;
use crate::sync::lock;

/// How many messages are kept for clients that ask for them.
const MOST_KEPT: usize = 32;

/// The longest message in bytes.
pub const LONGEST_MESSAGE: usize = 500;

/// How much is kept.
const KEPT: Capacity = Capacity {
    items: MOST_KEPT,
    bytes: MOST_KEPT * LONGEST_MESSAGE,
};

/// How many clients may be connected at once. Each of them costs time for every message.
const MOST_PARTICIPANTS: usize = 64;

/// How many of them may have one address, so that others can join too.
const MOST_OF_ADDRESS: usize = 32;

/// How many messages a client may send in each [`PERIOD`]. People do not type faster.
const MOST_SENT: u32 = 20;

/// How many messages may be posted in each [`PERIOD`], by all clients together: a request does not say who typed it.
const MOST_POSTED: u32 = 100;

const PERIOD: Duration = Duration::from_secs(5);

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub text: Arc<Box<str>>,
}

/// Where clients meet. Clones are the same room.
#[derive(Clone)]
pub struct Room {
    messages: Topic<Box<str>>,
    posted: Arc<Mutex<RateLimit>>,
    places: Places,
}

/// A connected client.
pub struct Participant {
    messages: Topic<Box<str>>,
    reader: Reader<Box<str>>,
    sent: RateLimit,
    _place: Place,
}

impl Room {
    /// An empty room that opens `now`.
    pub fn new(now: Instant) -> Room {
        Room {
            messages: Topic::new(KEPT, now),
            posted: Arc::new(Mutex::new(RateLimit::new(MOST_POSTED, PERIOD))),
            places: Places::new(MOST_PARTICIPANTS, MOST_OF_ADDRESS),
        }
    }

    /// Posts a message `now`. Returns its number.
    pub fn post(&self, text: &str, now: Instant) -> Result<u64, Fault> {
        // A panic cannot leave the count half-written.
        let mut posted = lock(&self.posted);
        let is_admitted = posted.admits(now);
        drop(posted);
        if !is_admitted {
            return Err(Fault {
                status: Status::TooManyRequests,
                text: format!(
                    "All clients together may post {MOST_POSTED} messages in {} seconds. Try again in a few seconds.",
                    PERIOD.as_secs()
                ),
            });
        }
        Ok(publish(&self.messages, text, now))
    }

    /// The messages after the one with this number, as far as they are kept.
    pub fn since(&self, number: u64) -> Vec<Message> {
        let messages = self.messages.after(number).into_iter();
        messages
            .map(|(number, text)| Message { number, text })
            .collect()
    }

    /// Lets a client with this address join `now`, if the room is not full. The waker is used for each message.
    pub fn join(&self, address: IpAddr, now: Instant, waker: Waker) -> Result<Participant, Fault> {
        let place = self.places.take(address).map_err(|full| Fault {
            status: Status::ServiceUnavailable,
            text: match full {
                Full::OfAddress => format!(
                    "The chat admits at most {MOST_OF_ADDRESS} clients from one address. Close one of yours."
                ),
                Full::All => {
                    format!("The chat is full ({MOST_PARTICIPANTS} clients). Try again later.")
                }
            },
        })?;
        Ok(Participant {
            _place: place,
            messages: self.messages.clone(),
            reader: self.messages.reader_since(Some(now), waker),
            sent: RateLimit::new(MOST_SENT, PERIOD),
        })
    }
}

impl Participant {
    /// Sends a message to all participants `now`. Returns false if the client has sent too many.
    #[must_use]
    pub fn send(&mut self, text: &str, now: Instant) -> bool {
        let is_admitted = self.sent.admits(now);
        if is_admitted {
            publish(&self.messages, text, now);
        }
        is_admitted
    }
}

impl Iterator for Participant {
    type Item = Message;

    /// The next message, if one has arrived.
    fn next(&mut self) -> Option<Message> {
        loop {
            match self.reader.poll() {
                News::Item(text) => {
                    let number = self.reader.last_read();
                    return Some(Message { number, text });
                }
                // It has missed messages. The number of the next one shows that.
                News::Gap(_) => {}
                News::Nothing => return None,
            }
        }
    }
}

fn publish(messages: &Topic<Box<str>>, text: &str, now: Instant) -> u64 {
    messages.publish(text.into(), text.len(), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> (Room, Instant) {
        let now = Instant::now();
        (Room::new(now), now)
    }

    fn join(room: &Room, now: Instant) -> Result<Participant, Fault> {
        join_from(room, 1, now)
    }

    fn join_from(room: &Room, client: u8, now: Instant) -> Result<Participant, Fault> {
        room.join([192, 0, 2, client].into(), now, Waker::noop().clone())
    }

    #[test]
    fn the_last_messages_are_kept() {
        let (room, now) = room();
        for number in 1..=MOST_KEPT as u64 + 2 {
            assert_eq!(room.post(&format!("message {number}"), now), Ok(number));
        }
        let kept = room.since(0);
        assert_eq!(kept.len(), MOST_KEPT);
        assert_eq!((kept[0].number, &**kept[0].text), (3, "message 3"));
        assert_eq!(room.since(MOST_KEPT as u64 + 1).len(), 1);
        assert!(room.since(1000).is_empty());
    }

    #[test]
    fn participants_get_the_messages_after_they_joined() {
        let (room, now) = room();
        assert_eq!(room.post("before", now), Ok(1));
        let later = now + Duration::from_secs(1);
        let mut participant = join(&room, now).expect("a place");
        assert!(participant.send("a", later));
        assert_eq!(room.post("b", later), Ok(3));
        let received: Vec<_> = participant.by_ref().collect();
        assert_eq!(received, room.since(1));
        assert_eq!((received[1].number, &**received[1].text), (3, "b"));
    }

    #[test]
    fn nobody_sends_too_many_messages() {
        let (room, now) = room();
        let mut participants = [(); 2].map(|()| join(&room, now).expect("a place"));
        for participant in &mut participants {
            let sent = (0..100).filter(|_| participant.send("a", now)).count();
            assert_eq!(sent, MOST_SENT as usize);
        }
        let posted = (0..1000).filter(|_| room.post("a", now).is_ok()).count();
        assert_eq!(posted, MOST_POSTED as usize);
        let fault = room.post("a", now).expect_err("too many");
        assert_eq!(fault.status, Status::TooManyRequests);
        assert!(room.post("a", now + PERIOD).is_ok() && participants[0].send("a", now + PERIOD));
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let (room, now) = room();
        let room = &room;
        let refused = |client| {
            let fault = join_from(room, client, now).map(|_| ());
            let fault = fault.expect_err("there is no place");
            assert_eq!(fault.status, Status::ServiceUnavailable);
            fault.text
        };
        let join = |client| (0..100).map_while(move |_| join_from(room, client, now).ok());
        let mut participants: Vec<Participant> = join(1).collect();
        assert_eq!(participants.len(), MOST_OF_ADDRESS);
        assert!(refused(1).contains("from one address"));
        participants.extend(join(2).chain(join(3)));
        assert_eq!(participants.len(), MOST_PARTICIPANTS);
        assert!(refused(4).contains("full"));
        participants.pop();
        participants.extend(join(4));
        assert_eq!(participants.len(), MOST_PARTICIPANTS);
    }
}
