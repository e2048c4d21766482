//! The places of readings: which large directories are read at once, and whose reading gives way.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Weak;
use std::time::Instant;

use crate::site::directory::reading::Reading;
use crate::site::held_listing::HeldListings;
use crate::site::queue::{Queue, Standing, Ticket};

/// Directories with more entries than a step that are read at the same time. Reading more of them
/// at once would only take longer for each.
pub(super) const LARGE: usize = 4;

/// Clients that wait for one of those places.
pub(super) const MOST_WAITING: usize = 256;

/// The places of one worker.
pub(super) struct Places {
    /// Readings that have or want a place.
    ticketed: Vec<Weak<RefCell<Reading>>>,
    queue: Queue,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            ticketed: Vec::new(),
            queue: Queue::new(LARGE, MOST_WAITING),
        }
    }
}

impl Places {
    /// Whether no reading has or wants one, after the last sweep.
    pub fn is_empty(&self) -> bool {
        self.ticketed.is_empty()
    }

    /// Whether a reading waits for one.
    pub fn is_waited_for(&self) -> bool {
        self.queue.is_waited_for()
    }

    /// Forgets readings that have ended.
    pub fn sweep(&mut self) {
        self.ticketed.retain(|reading| reading.strong_count() > 0);
    }

    /// Whether the next reading of a network waits for a place before its first step.
    pub fn are_many_waiting(&self, network: IpAddr) -> bool {
        self.queue.waiting_of(network) >= LARGE
    }

    /// Enters the queue for places, if it has not or was displaced, for a client in `network` that shares it. It
    /// enters in the name of the network with fewer readings waiting. Returns whether there was room.
    pub fn enter(&mut self, reading: &mut Reading, network: IpAddr) -> bool {
        let standing = reading.place.as_ref().map(Ticket::standing);
        if matches!(standing, Some(Standing::Placed | Standing::Waits)) {
            return true;
        }
        if self.queue.waiting_of(network) < self.queue.waiting_of(reading.network) {
            reading.network = network;
        }
        let Some(ticket) = self.queue.enter(reading.network) else {
            return false;
        };
        if standing.is_none() {
            self.ticketed.push(Weak::clone(&reading.this));
        }
        reading.place = Some(ticket);
        true
    }

    /// Lets a reading wait at the turn of a client that shares it, if fewer readings wait for the network of that
    /// client.
    pub fn wait_for(&self, reading: &mut Reading, network: IpAddr) {
        let queue = &self.queue;
        let waits = reading.place.as_ref().map(Ticket::standing) == Some(Standing::Waits);
        if waits && queue.waiting_of(reading.network) > queue.waiting_of(network) + 1 {
            reading.network = network;
            if let Some(ticket) = queue.enter(network) {
                reading.place = Some(ticket);
            }
        }
    }

    /// Whether a reading is the one that may wait for memory with what it has read. The others are those
    /// with a place whose network keeps more, or that got their ticket later.
    pub fn is_first(&self, network: IpAddr, ticket: &Ticket, held: &HeldListings) -> bool {
        let rank = |network, ticket: &Ticket| (held.share(network), ticket.number());
        let own = rank(network, ticket);
        let others = self.ticketed.iter().filter_map(Weak::upgrade);
        // The reading itself is borrowed.
        others.into_iter().all(|other| match other.try_borrow() {
            Ok(other) => match &other.place {
                Some(place) if place.has_place() => rank(other.network, place) > own,
                _ => true,
            },
            Err(_) => true,
        })
    }

    /// Nobody has to advance a reading that waits for a place.
    pub fn note_waiting(&self, now: Instant) {
        for reading in self.ticketed.iter().filter_map(Weak::upgrade) {
            let mut reading = reading.borrow_mut();
            if reading.place.as_ref().map(Ticket::standing) == Some(Standing::Waits) {
                reading.advanced = Some(now);
            }
        }
    }

    /// Takes the places of these readings away.
    pub fn release(&mut self, is_one: impl Fn(&Reading) -> bool) {
        self.ticketed.retain(|reading| {
            let Some(reading) = reading.upgrade() else {
                return false;
            };
            let mut reading = reading.borrow_mut();
            let is_one = is_one(&reading);
            if is_one {
                // It is added again when it needs a place again.
                reading.give_up();
            }
            !is_one
        });
    }
}
