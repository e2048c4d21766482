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

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::site::budget::{Account, Budget, Charge};
use crate::site::devices::timed;
use crate::site::disk::{Caller, Effort, Ended, Pending, Registered, Room};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file_state::FileKind;
use crate::site::held_listing::{HeldListing, HeldListings};
use crate::site::listing::{EntryKind, ListedEntry, Listing, ListingQuery, Scan};
use crate::site::lookups::outcome;
use crate::site::nofollow::Blocking;
use crate::site::path::is_hidden_name;
use crate::site::queue::{Queue, Standing, Ticket};
use crate::site::resolve::Site;
use crate::site::root::{Directory, DirectoryEntry, Root};

/// A step on a worker that takes longer shows that the directory is not in memory. Then disk threads do
/// the other steps.
const SLOW_STEP: Duration = Duration::from_millis(5);

/// Work per step, in units of a system call: about half a millisecond. A file or a folder costs one
/// unit, a link what it takes to follow it, and a filter what it takes to search the name.
const STEP: usize = 256;

/// The most memory that a step adds: as many entries with the longest names as there are units.
const MOST_PER_STEP: u64 = STEP as u64 * Scan::MOST_PER_ENTRY;

/// Directories with more entries than a step that are read at the same time. Reading more of them
/// at once would only take longer for each.
const LARGE: usize = 4;

/// Listings that may be known although nobody uses them.
const LEAST_KNOWN: usize = 64;

/// What the clients of a network may keep of small listings although all memory is used.
const SMALL_SHARE: u64 = 1 << 20;

/// A reading that has a place and is not advanced for so long gives it up. Its client does not read what
/// it has requested before.
const STALLED: Duration = Duration::from_secs(2);

/// A reading that lacks memory and reads nothing for so long loses its turn to another one. By then, listings of
/// slow clients have been taken back.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The same as [`STALLED`], if it waits for the disk.
const STALLED_BY_DISK: Duration = Duration::from_secs(30);

/// Clients that wait for one of those places.
const MOST_WAITING: usize = 256;

/// A reading of a directory. Every client that waits for it holds a reference.
pub struct Reading {
    this: Weak<RefCell<Reading>>,
    path: Box<[u8]>,
    query: ListingQuery,
    /// The network of the client that asked first, or of one that waits for fewer readings.
    network: IpAddr,
    /// A reading of the same listing that began earlier.
    earlier: Option<SharedReading>,
    /// The turn in which it began.
    began: Option<u64>,
    /// A large directory needs a place.
    place: Option<Ticket>,
    progress: Option<Progress>,
    outcome: Option<Result<Rc<HeldListing>, DiskError>>,
    /// When it was advanced last.
    advanced: Option<Instant>,
    /// When it began, or has read something.
    progressed: Option<Instant>,
    /// It ran out of memory and dropped what it had read. It begins again when it is its turn.
    is_short: bool,
    /// Its place in the queue of all workers' readings that lack memory.
    turn: Option<Ticket>,
}

/// A reading that clients share.
pub type SharedReading = Rc<RefCell<Reading>>;

/// A directory that has been read in part.
struct Progress {
    /// What was read so far. `None` while a disk thread has it.
    scanned: Option<Scanned>,
    /// The step that a disk thread does.
    away: Option<Pending<Step>>,
    /// Whether disk threads do the steps.
    is_slow: bool,
    /// For what was read, and for what the next step may add.
    charge: Charge,
}

/// What was read of a directory. It moves between threads.
struct Scanned {
    /// `None`: it is not open yet.
    directory: Option<Directory>,
    scan: Scan,
}

/// What a disk thread returns: what was read so far, and whether there may be more.
type Step = (Scanned, Result<bool, LookupError>);

/// What wakes a client that waits for a reading.
#[derive(Debug, Default)]
pub struct ReadingWakes {
    disk: Registered,
    place: Registered,
}

/// What became of a step.
enum Stepped {
    /// It is done, and there may be more.
    More,
    /// It waits for memory.
    Waits,
    /// It needs a place, because it is large, or because its network keeps much.
    NeedsPlace,
    /// It waits for the disk, and the client will be woken.
    WaitsForDisk,
    /// It was the first one, and the disk threads had no room for it. What this client gets.
    Dropped(Read),
    /// It was the last one.
    End(Scan),
}

/// How far a reading has come.
pub enum Read {
    /// There is more to read.
    More,
    /// It waits for a place, and the client will be woken.
    WaitsForPlace,
    /// It waits for memory.
    Waits,
    /// It waits for the disk, and the client will be woken.
    WaitsForDisk,
    /// It has ended.
    Done(Result<Rc<HeldListing>, DiskError>),
}

/// The readings and the listings of one worker.
pub struct Readings {
    known: HashMap<(Box<[u8]>, ListingQuery), Known>,
    /// The listings that clients are receiving.
    pub held: HeldListings,
    /// Readings that have or want a place.
    ticketed: Vec<Weak<RefCell<Reading>>>,
    /// Readings that began in this turn, for clients that ask in the same turn.
    of_turn: Vec<SharedReading>,
    /// When so many are known, those that nobody uses are forgotten.
    most_known: usize,
    queue: Queue,
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
            ticketed: Vec::new(),
            of_turn: Vec::new(),
            most_known: LEAST_KNOWN,
            queue: Queue::new(LARGE, MOST_WAITING),
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
        let reading = |this: &Weak<_>| {
            RefCell::new(Reading {
                this: Weak::clone(this),
                path: path.into(),
                query,
                network,
                earlier: newest.filter(|newest| newest.borrow().outcome.is_none()),
                began: None,
                place: None,
                progress: None,
                outcome: None,
                advanced: None,
                progressed: None,
                is_short: false,
                turn: None,
            })
        };
        let reading = Rc::new_cyclic(reading);
        known.newest = Rc::downgrade(&reading);
        self.of_turn.push(Rc::clone(&reading));
        reading
    }

    /// Ends a turn of the worker's loop.
    pub fn end_turn(&mut self) {
        self.of_turn.clear();
    }

    /// Whether nothing is known of any listing.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.held.is_empty() && self.ticketed.is_empty()
    }

    /// Forgets the listings that nobody uses.
    pub fn sweep(&mut self) {
        self.known
            .retain(|_, known| known.newest.strong_count() + known.held.strong_count() > 0);
        self.held.sweep();
        self.ticketed.retain(|reading| reading.strong_count() > 0);
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

    /// Whether a reading is the one that may wait for memory with what it has read. The others are those
    /// with a place whose network keeps more, or that got their ticket later.
    fn is_first(&self, network: IpAddr, ticket: &Ticket) -> bool {
        let rank = |network, ticket: &Ticket| (self.held.share(network), ticket.number());
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

    /// Takes places and memory from readings that do not use them, if others wait, perhaps on another worker.
    pub fn make_room(&mut self, site: &Site, now: Instant) {
        if self.is_empty() {
            return;
        }
        if self.queue.is_waited_for() {
            self.note_waiting(now);
            self.release_places(|reading| {
                reading.is_short && reading.turn.is_none() || reading.is_stalled(now)
            });
        }
        let is_wanted = site.memory().is_wanted();
        if is_wanted || site.short_readings().is_waited_for() {
            self.release_places(|reading| reading.is_stalled(now) || reading.has_turn_in_vain(now));
        }
        if is_wanted {
            self.held.take_back_wanted(site, now);
        }
    }

    /// Nobody has to advance a reading that waits for a place.
    fn note_waiting(&self, now: Instant) {
        for reading in self.ticketed.iter().filter_map(Weak::upgrade) {
            let mut reading = reading.borrow_mut();
            if reading.place.as_ref().map(Ticket::standing) == Some(Standing::Waits) {
                reading.advanced = Some(now);
            }
        }
    }

    /// Takes the places of these readings away.
    fn release_places(&mut self, is_one: impl Fn(&Reading) -> bool) {
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

impl Reading {
    /// Reads some more entries for a client. The caller calls this again later unless it is done.
    pub fn advance(
        &mut self,
        readings: &mut Readings,
        site: &mut Site,
        caller: Caller<'_>,
        wakes: &mut ReadingWakes,
    ) -> Read {
        if let Some(outcome) = &self.outcome {
            return Read::Done(outcome.clone());
        }
        if let Some(earlier) = &self.earlier {
            let read = earlier.borrow_mut().advance(readings, site, caller, wakes);
            let Read::Done(_) = read else {
                return read;
            };
            self.earlier = None;
        }
        self.advanced = Some(caller.now);
        if self.progress.is_none()
            && readings.queue.waiting_of(self.network) >= LARGE
            && !self.enter(readings)
        {
            return self.end(Err(DiskError::ListingsBusy));
        }
        self.wait_for(caller.network, readings);
        if let Some(pending) = self.wait(readings, site, caller, wakes) {
            return pending;
        }
        let begun = self.progress.take();
        let mut progress = begun.unwrap_or_else(|| self.begin(site, caller.now));
        let is_large = self.place.is_some();
        let registered = &mut wakes.disk;
        let step = progress.advance(readings, site, &self.path, is_large, caller, registered);
        let pending = match step {
            Ok(Stepped::More | Stepped::NeedsPlace) => {
                self.progressed = Some(caller.now);
                return self.pause(progress, readings, caller, wakes);
            }
            Ok(Stepped::Waits) if !self.take_turn(readings, site) => {
                self.began = None;
                self.is_short = true;
                return Read::Waits;
            }
            Ok(Stepped::Waits) => Read::Waits,
            Ok(Stepped::WaitsForDisk) => Read::WaitsForDisk,
            Ok(Stepped::Dropped(read)) => {
                // It begins again in the name of whoever asks next.
                self.began = None;
                return read;
            }
            Ok(Stepped::End(scan)) => {
                let listing = scan.finish();
                let held = readings.settle(self, listing, progress.charge, caller.now);
                return self.end(Ok(held));
            }
            Err(fault) => return self.end(Err(fault)),
        };
        self.progress = Some(progress);
        pending
    }

    /// Waits for a place if it needs one, or for others that need memory. `None`: it may go on.
    fn wait(
        &mut self,
        readings: &Readings,
        site: &Site,
        caller: Caller<'_>,
        wakes: &mut ReadingWakes,
    ) -> Option<Read> {
        let place = self.place.as_ref()?;
        match place.standing() {
            Standing::Placed => {}
            Standing::Waits => {
                place.wake_once(&mut wakes.place, caller.wakers);
                return Some(Read::WaitsForPlace);
            }
            Standing::Displaced => return Some(self.end(Err(DiskError::ListingsBusy))),
        }
        if self.is_short && !self.take_turn(readings, site) {
            return Some(Read::Waits);
        }
        self.is_short = false;
        None
    }

    /// Enters the queue of readings that lack memory, if its network holds least here. Returns whether it may
    /// keep what it has read. A small directory needs no turn.
    fn take_turn(&mut self, readings: &Readings, site: &Site) -> bool {
        let Some(place) = &self.place else {
            return true;
        };
        if !readings.is_first(self.network, place) {
            self.turn = None;
        } else if self.turn.is_none() {
            self.turn = site.short_readings().enter(self.network);
        }
        self.turn.as_ref().is_some_and(Ticket::has_place)
    }

    /// Whether its clients have not advanced it for long, although it has a place.
    fn is_stalled(&self, now: Instant) -> bool {
        let has_place = self.place.as_ref().is_some_and(Ticket::has_place);
        let waits_for_disk = self.progress.as_ref().is_some_and(|one| one.away.is_some());
        let allowed = match waits_for_disk {
            true => STALLED_BY_DISK,
            false => STALLED,
        };
        let advanced = self.advanced.unwrap_or(now);
        has_place && now.saturating_duration_since(advanced) > allowed
    }

    /// Whether it has the turn of the readings that lack memory and reads nothing, because the disk hangs or no
    /// memory becomes free.
    fn has_turn_in_vain(&self, now: Instant) -> bool {
        let has_turn = self.turn.as_ref().is_some_and(Ticket::has_place);
        let progressed = self.progressed.unwrap_or(now);
        has_turn && now.saturating_duration_since(progressed) > LONGEST_PAUSE
    }

    /// Drops what it has read, and its place. It begins again when a client advances it.
    fn give_up(&mut self) {
        self.progress = None;
        self.began = None;
        self.place = None;
        self.turn = None;
        self.is_short = false;
    }

    /// Keeps the progress until the next step, if there is a place for a large directory.
    fn pause(
        &mut self,
        progress: Progress,
        readings: &mut Readings,
        caller: Caller<'_>,
        wakes: &mut ReadingWakes,
    ) -> Read {
        if !self.enter(readings) {
            return self.end(Err(DiskError::ListingsBusy));
        }
        if let Some(place) = &self.place
            && !place.has_place()
        {
            // Many readings may wait, so they hold nothing. It begins again when it has a place.
            self.began = None;
            place.wake_once(&mut wakes.place, caller.wakers);
            return Read::WaitsForPlace;
        }
        self.progress = Some(progress);
        Read::More
    }

    /// Whether a client that asks now may share it. It may have failed because of its network alone.
    fn may_be_shared(&self, turn: u64) -> bool {
        match (&self.outcome, self.began) {
            (None, None) => true,
            (None | Some(Ok(_)), Some(began)) => began == turn,
            (Some(_), _) => false,
        }
    }

    /// Waits at the turn of a client that shares it, if fewer readings wait for the network of that client.
    fn wait_for(&mut self, network: IpAddr, readings: &mut Readings) {
        let queue = &readings.queue;
        let waits = self.place.as_ref().map(Ticket::standing) == Some(Standing::Waits);
        if waits && queue.waiting_of(self.network) > queue.waiting_of(network) + 1 {
            self.network = network;
            if let Some(ticket) = queue.enter(network) {
                self.place = Some(ticket);
            }
        }
    }

    /// Enters the queue for places, if it has not. Returns whether there was room.
    fn enter(&mut self, readings: &mut Readings) -> bool {
        if self.place.is_none() {
            self.place = readings.queue.enter(self.network);
            if self.place.is_some() {
                readings.ticketed.push(Weak::clone(&self.this));
            }
        }
        self.place.is_some()
    }

    fn begin(&mut self, site: &Site, now: Instant) -> Progress {
        self.progressed = Some(now);
        self.began = Some(site.turn());
        Progress {
            scanned: Some(Scanned {
                directory: None,
                scan: Scan::new(&self.query, most_for_listing(site.memory())),
            }),
            away: None,
            is_slow: false,
            charge: site.charge_anyway(Account::Listings, 0),
        }
    }

    fn end(&mut self, outcome: Result<Rc<HeldListing>, DiskError>) -> Read {
        self.place = None;
        self.turn = None;
        self.outcome = Some(outcome.clone());
        Read::Done(outcome)
    }
}

impl Progress {
    /// Does a step, or leaves it to a disk thread, or takes it back.
    fn advance(
        &mut self,
        readings: &mut Readings,
        site: &mut Site,
        path: &[u8],
        is_large: bool,
        caller: Caller<'_>,
        registered: &mut Registered,
    ) -> Result<Stepped, DiskError> {
        if let Some(pending) = self.away.take() {
            return self.take_back(pending, caller, registered);
        }
        // While it is away, this function has returned.
        let mut scanned = self.scanned.take().ok_or(DiskError::Failed)?;
        let next = scanned.scan.bytes() + MOST_PER_STEP;
        let has_memory = match is_large {
            true => readings.held.grow(&mut self.charge, next, site, caller.now),
            false => self.take_small(next, readings, site, caller.network),
        };
        if !has_memory {
            self.scanned = Some(scanned);
            return Ok(match is_large {
                true => Stepped::Waits,
                false => Stepped::NeedsPlace,
            });
        }
        if !self.is_slow {
            let (root, hidden) = (site.root(), site.options().hidden);
            let name = &mut readings.name;
            let step = || scanned.read(root, path, hidden, site.blocking(), name);
            let (read, took) = timed(step);
            self.is_slow = site.disk().is_some() && took > SLOW_STEP;
            match read {
                Ok(false) => return Ok(Stepped::End(scanned.scan)),
                Ok(true) => {
                    self.scanned = Some(scanned);
                    return Ok(Stepped::More);
                }
                Err(LookupError::WouldWait) => self.is_slow = true,
                Err(LookupError::Disk(fault)) => return Err(fault),
            }
        }
        let Some(pending) = leave_to_disk_thread(scanned, site, path, caller)? else {
            let refused = Read::Done(Err(DiskError::DiskBusy));
            return Ok(Stepped::Dropped(refused));
        };
        pending.wake_once(registered, caller.wakers);
        self.away = Some(pending);
        Ok(Stepped::WaitsForDisk)
    }

    /// Takes back what a disk thread has read.
    fn take_back(
        &mut self,
        pending: Pending<Step>,
        caller: Caller<'_>,
        registered: &mut Registered,
    ) -> Result<Stepped, DiskError> {
        let ended = match pending.poll() {
            None => {
                pending.wake_once(registered, caller.wakers);
                self.away = Some(pending);
                return Ok(Stepped::WaitsForDisk);
            }
            Some(Ended::Displaced) => return Ok(Stepped::Dropped(Read::More)),
            Some(ended) => ended,
        };
        let (scanned, read) = outcome(ended)?;
        if !read.map_err(LookupError::on_disk_thread)? {
            return Ok(Stepped::End(scanned.scan));
        }
        self.scanned = Some(scanned);
        Ok(Stepped::More)
    }

    /// Takes the memory for the first step, which is all that a small directory needs. If none is free,
    /// the clients of a network that keep little get it anyway.
    fn take_small(
        &mut self,
        bytes: u64,
        readings: &Readings,
        site: &Site,
        network: IpAddr,
    ) -> bool {
        let is_free = site.missing(&self.charge, bytes) == 0;
        let is_small = readings.held.share(network) <= SMALL_SHARE;
        if is_free || is_small {
            self.charge.resize_anyway(bytes);
        }
        is_free || is_small
    }
}

/// The most memory of a listing: what contents leave, less what a step needs beside it. Further entries are
/// only counted.
fn most_for_listing(memory: &Budget) -> u64 {
    let left = memory.left_by_contents();
    left.saturating_sub(2 * MOST_PER_STEP).max(MOST_PER_STEP)
}

/// Makes a step a job. `None`: there is no room for it. Only the first step needs room.
fn leave_to_disk_thread(
    mut scanned: Scanned,
    site: &Site,
    path: &[u8],
    caller: Caller<'_>,
) -> Result<Option<Pending<Step>>, DiskError> {
    let (root, hidden) = (Arc::clone(site.root()), site.options().hidden);
    let file_system = site.root().file_system(path);
    let path: Box<[u8]> = path.into();
    let room = match scanned.directory {
        None => Room::Limited,
        Some(_) => Room::Unlimited,
    };
    let step = move || {
        let read = scanned.read(&root, &path, hidden, Blocking::Allowed, &mut Vec::new());
        (scanned, read)
    };
    // Without a pool, the worker itself waits, and no step is left to others.
    let pool = site.disk().ok_or(DiskError::Failed)?;
    Ok(pool.submit(Effort::Read, file_system, caller.network, room, step))
}

impl Scanned {
    /// Reads a step. Returns whether there may be more. If blocking is refused and it would wait, what it
    /// has read so far is kept.
    fn read(
        &mut self,
        root: &Root,
        path: &[u8],
        hidden: bool,
        blocking: Blocking,
        name: &mut Vec<u8>,
    ) -> Result<bool, LookupError> {
        let directory = match &mut self.directory {
            Some(directory) => directory,
            none => none.insert(root.open_directory(path, blocking)?),
        };
        let scan = &mut self.scan;
        let mut work = 0;
        while work < STEP {
            let filtering = Cell::new(0);
            let is_shown =
                |name: &[u8]| (hidden || !is_hidden_name(name)) && scan.wants(name, &filtering);
            let entry = root.next_entry(directory, name, is_shown, blocking, &mut work)?;
            work += filtering.get();
            let (kind, state, is_link) = match entry {
                None => return Ok(false),
                Some(DirectoryEntry::Skipped) => continue,
                Some(DirectoryEntry::Unknown(kind)) => (kind, None, false),
                Some(DirectoryEntry::Served {
                    kind,
                    state,
                    is_link,
                }) => (kind, Some(state), is_link),
            };
            scan.push(ListedEntry {
                name,
                kind: match kind {
                    FileKind::Directory => EntryKind::Directory,
                    FileKind::File | FileKind::Other => EntryKind::File,
                },
                size: state.map(|state| state.size),
                modified: state.map(|state| state.modified),
                is_readable: state.is_some_and(|state| root.may_read(kind, &state)),
                is_link,
            });
        }
        Ok(true)
    }
}
