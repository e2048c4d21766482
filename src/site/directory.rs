//! Reads directories for listings, in pieces.
//!
//! Clients that want the same listing share one reading, if it began in this turn or has not begun.
//! A client that comes during a reading shares the next one, because the directory may have changed
//! since the reading began. If nothing has changed, the new listing is dropped for the one that other
//! clients are still receiving.
//!
//! A worker reads a directory that the kernel has in memory. The steps of any other directory are jobs of
//! disk threads. The charges and the places stay on the worker.
//!
//! # Places
//!
//! Only a few large directories are read at once. The others wait, and hold nothing until they are woken. A network that
//! has many readings waiting gets no more turns than one that has a single one. Before its next reading takes a first
//! step, which is all that a small directory needs, it waits for a place too.
//!
//! # If memory is short
//!
//! If a reading needs memory, the worker takes listings back from slow clients, see
//! [`crate::site::held_listing`]. Of all readings that wait for memory, on all workers, only one keeps what it
//! has read. The others drop it and begin again when it is their turn. From each worker, only the reading of
//! the network that holds least queues for that turn. A reading whose clients do not read loses its place.

// One reading, which clients share.
mod reading;
// The places of readings.
mod places;
// How far a reading has come, in steps.
mod progress;
// What a step reads.
mod scanned;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::time::Instant;

use crate::site::budget::Charge;
use crate::site::directory::places::Places;
use crate::site::directory::progress::{Progress, Stepped};
use crate::site::disk::{Caller, Registered};
use crate::site::disk_error::DiskError;
use crate::site::held_listing::{HeldListing, HeldListings};
use crate::site::listing::{Listing, ListingQuery};
use crate::site::queue::{Standing, Ticket};
use crate::site::resolve::Site;
use crate::site::shares::Shares;

pub use reading::{Read, Reading, ReadingWakes, SharedReading};

/// Listings that may be known although nobody uses them.
const LEAST_KNOWN: usize = 64;

/// The readings and the listings of one worker.
pub struct Readings {
    known: HashMap<(Box<[u8]>, ListingQuery), Known>,
    /// The listings that clients are receiving.
    pub held: HeldListings,
    places: Places,
    /// What the first steps under way may take.
    first_steps: Shares,
    /// Readings that began in this turn, for clients that ask in the same turn.
    of_turn: Vec<SharedReading>,
    /// When so many are known, those that nobody uses are forgotten.
    most_known: usize,
    /// Scratch space for names.
    name: Vec<u8>,
}

#[derive(Default)]
struct Known {
    newest: Weak<RefCell<Reading>>,
    held: Weak<HeldListing>,
}

impl Default for Readings {
    fn default() -> Readings {
        Readings {
            known: HashMap::new(),
            held: HeldListings::default(),
            places: Places::default(),
            first_steps: Shares::default(),
            of_turn: Vec::new(),
            most_known: LEAST_KNOWN,
            name: Vec::new(),
        }
    }
}

impl Readings {
    /// The reading of the directory at `path` that a client in `network` may share if it asks now.
    pub fn join(
        &mut self,
        path: &[u8],
        query: &ListingQuery,
        network: IpAddr,
        turn: u64,
    ) -> SharedReading {
        if self.known.len() >= self.most_known {
            self.sweep();
            self.most_known = LEAST_KNOWN.max(2 * self.known.len());
        }
        let query = query.without_format();
        let known = self.known.entry((path.into(), query.clone()));
        let known = known.or_default();
        let newest = known.newest.upgrade();
        if let Some(newest) = &newest
            && newest.borrow().may_be_shared(turn)
        {
            return Rc::clone(newest);
        }
        let earlier = newest.filter(|newest| newest.borrow().outcome.is_none());
        let reading = Reading::new(path, query, network, earlier);
        known.newest = Rc::downgrade(&reading);
        self.of_turn.push(Rc::clone(&reading));
        reading
    }

    /// New requests share no reading that is under way, and do not wait for it, because it is of another root.
    pub fn forget(&mut self) {
        for known in self.known.values_mut() {
            known.newest = Weak::new();
        }
    }

    /// Ends a turn of the worker's loop.
    pub fn end_turn(&mut self) {
        self.of_turn.clear();
    }

    /// Whether nothing is known of any listing.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.held.is_empty() && self.places.is_empty()
    }

    /// Forgets the listings that nobody uses.
    pub fn sweep(&mut self) {
        self.known
            .retain(|_, known| known.newest.strong_count() + known.held.strong_count() > 0);
        self.held.sweep();
        self.places.sweep();
        if self.is_empty() {
            self.known.shrink_to_fit();
        }
    }

    /// The listing that clients are receiving, if it is the same. Otherwise the new one is known from
    /// now on.
    fn settle(
        &mut self,
        reading: &Reading,
        listing: Listing,
        charge: Charge,
        now: Instant,
    ) -> Rc<HeldListing> {
        let key = (reading.path.clone(), reading.query.clone());
        let known = self.known.entry(key).or_default();
        if let Some(held) = known.held.upgrade()
            && held.renew(&listing, now)
        {
            return held;
        }
        let held = self.held.hold(listing, charge, reading.network, now);
        known.held = Rc::downgrade(&held);
        held
    }

    /// Reads some more entries for a client. The caller calls this again later unless it is done.
    pub fn advance(
        &mut self,
        reading: &mut Reading,
        site: &mut Site,
        caller: Caller<'_>,
        wakes: &mut ReadingWakes,
    ) -> Read {
        if let Some(outcome) = &reading.outcome {
            return Read::Done(outcome.clone());
        }
        if let Some(earlier) = &reading.earlier {
            let mut earlier = earlier.borrow_mut();
            let read = self.advance(&mut earlier, site, caller, wakes);
            // If this client is refused, `earlier` goes on for the others.
            if earlier.outcome.is_none() {
                return read;
            }
            drop(earlier);
            reading.earlier = None;
        }
        reading.advanced = Some(caller.now);
        if let Some(pending) = self.wait(reading, site, caller, wakes) {
            return pending;
        }
        let begun = reading.progress.take();
        let mut progress = begun.unwrap_or_else(|| reading.begin(site, caller.now));
        let step = self.step(reading, &mut progress, site, caller, &mut wakes.disk);
        let pending = match step {
            Ok(Stepped::More | Stepped::NeedsPlace) => {
                reading.progressed = Some(caller.now);
                return self.pause(reading, progress, caller, wakes);
            }
            Ok(Stepped::Waits) if !self.take_turn(reading, site) => {
                reading.began = None;
                reading.is_short = true;
                return Read::Waits;
            }
            Ok(Stepped::Waits) => Read::Waits,
            Ok(Stepped::WaitsForDisk) => Read::WaitsForDisk,
            Ok(Stepped::Refused) => return reading.refuse(DiskError::DiskBusy),
            Ok(Stepped::Displaced) => {
                reading.began = None;
                return Read::Displaced;
            }
            Ok(Stepped::End(scan)) => {
                let listing = scan.finish();
                let held = self.settle(reading, listing, progress.charge, caller.now);
                return reading.end(Ok(held));
            }
            Err(fault) => return reading.end(Err(fault)),
        };
        reading.progress = Some(progress);
        pending
    }

    /// Does a step, or leaves it to a disk thread, or takes it back.
    fn step(
        &mut self,
        reading: &Reading,
        progress: &mut Progress,
        site: &mut Site,
        caller: Caller<'_>,
        registered: &mut Registered,
    ) -> Result<Stepped, DiskError> {
        if let Some(pending) = progress.away.take() {
            return progress.take_back(pending, caller, registered);
        }
        let is_large = reading.place.is_some();
        if progress.take_memory(is_large, &self.held, &self.first_steps, site, caller)? {
            return progress.step(
                is_large,
                site,
                &reading.path,
                &mut self.name,
                caller,
                registered,
            );
        }
        Ok(match is_large {
            true => Stepped::Waits,
            false => Stepped::NeedsPlace,
        })
    }

    /// Waits for a place if it needs one, or for others that need memory. `None`: it may go on.
    fn wait(
        &mut self,
        reading: &mut Reading,
        site: &Site,
        caller: Caller<'_>,
        wakes: &mut ReadingWakes,
    ) -> Option<Read> {
        let needs_place = match &reading.place {
            Some(place) => place.standing() == Standing::Displaced,
            None => reading.progress.is_none() && self.places.are_many_waiting(reading.network),
        };
        if needs_place && !self.places.enter(reading, caller.network) {
            return Some(reading.refuse(DiskError::ListingsBusy));
        }
        self.places.wait_for(reading, caller.network);
        let place = reading.place.as_ref()?;
        if !place.has_place() {
            place.wake_once(&mut wakes.place, caller.wakers);
            return Some(Read::WaitsForPlace);
        }
        if reading.is_short && !self.take_turn(reading, site) {
            return Some(Read::Waits);
        }
        reading.is_short = false;
        None
    }

    /// Enters the queue of readings that lack memory, if its network holds least here. Returns whether it may
    /// keep what it has read. A small directory needs no turn.
    fn take_turn(&self, reading: &mut Reading, site: &Site) -> bool {
        let Some(place) = &reading.place else {
            return true;
        };
        if !self.places.is_first(reading.network, place, &self.held) {
            reading.turn = None;
        } else if reading.turn.is_none() {
            reading.turn = site.memory.short_readings().enter(reading.network);
        }
        reading.turn.as_ref().is_some_and(Ticket::has_place)
    }

    /// Keeps the progress until the next step, if there is a place for a large directory.
    fn pause(
        &mut self,
        reading: &mut Reading,
        progress: Progress,
        caller: Caller<'_>,
        wakes: &mut ReadingWakes,
    ) -> Read {
        if !self.places.enter(reading, caller.network) {
            return reading.refuse(DiskError::ListingsBusy);
        }
        if let Some(place) = &reading.place
            && !place.has_place()
        {
            // Many readings may wait, so they hold nothing. It begins again when it has a place.
            reading.began = None;
            place.wake_once(&mut wakes.place, caller.wakers);
            return Read::WaitsForPlace;
        }
        reading.progress = Some(progress);
        Read::More
    }

    /// Takes places and memory from readings that do not use them, if others wait, perhaps on another worker.
    pub fn make_room(&mut self, site: &Site, now: Instant) {
        if self.is_empty() {
            return;
        }
        if self.places.is_waited_for() {
            self.places.note_waiting(now);
            self.places.release(|reading| {
                reading.is_short && reading.turn.is_none() || reading.is_stalled(now)
            });
        }
        let is_wanted = site.memory.budget().is_wanted();
        if is_wanted || site.memory.short_readings().is_waited_for() {
            self.places
                .release(|reading| reading.is_stalled(now) || reading.has_turn_in_vain(now));
        }
        if is_wanted {
            self.held.take_back_wanted(site, now);
        }
    }
}
