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
//! # If memory is short
//!
//! If a reading needs memory, the worker takes listings back from slow clients, see
//! [`crate::site::held_listing`]. Of all readings that wait for memory, on all workers, only one keeps what it
//! has read. The others drop it and begin again when it is their turn. From each worker, only the reading of
//! the network that holds least queues for that turn. A reading whose clients do not read loses its place.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::site::budget::{Account, Budget, Charge};
use crate::site::devices::timed;
use crate::site::disk::{Caller, Effort, Pending, Registered, Room};
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
/// unit, a link what it takes to follow it.
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
    /// The network of the client that asked first.
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
    /// It was the last one.
    End(Scan),
}

/// How far a reading has come.
pub enum Read {
    /// There is more to read.
    More,
    /// It waits for a place or for memory.
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
        let began = newest.as_ref().map(|newest| newest.borrow().began);
        if let Some(newest) = &newest
            && began.is_some_and(|began| began.is_none_or(|began| began == turn))
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

    /// Frees memory if a reading lacks it, perhaps one of another worker.
    pub fn free_memory_for_others(&mut self, site: &Site, now: Instant) {
        if self.is_empty() {
            return;
        }
        let is_wanted = site.memory().is_wanted();
        if is_wanted || site.short_readings().is_waited_for() {
            self.release_places(|reading| reading.is_stalled(now) || reading.has_turn_in_vain(now));
        }
        if is_wanted {
            self.held.take_back_wanted(site, now);
        }
    }

    /// Takes the places of these readings away.
    fn release_places(&mut self, is_one: impl Fn(&Reading) -> bool) {
        self.ticketed.retain(|reading| {
            let Some(reading) = reading.upgrade() else {
                return false;
            };
            // The reading that is advanced now is borrowed.
            if let Ok(mut reading) = reading.try_borrow_mut()
                && is_one(&reading)
            {
                // It is added again when it needs a place again.
                reading.give_up();
                return false;
            }
            true
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
        registered: &mut Registered,
    ) -> Read {
        if let Some(outcome) = &self.outcome {
            return Read::Done(outcome.clone());
        }
        if let Some(earlier) = &self.earlier {
            let read = earlier
                .borrow_mut()
                .advance(readings, site, caller, registered);
            match read {
                Read::Done(_) => {}
                pending => return pending,
            }
            self.earlier = None;
        }
        self.advanced = Some(caller.now);
        match self.standing(readings, site, caller.now) {
            Standing::Placed => {}
            Standing::Waits => return Read::Waits,
            Standing::Displaced => return self.end(Err(DiskError::ListingsBusy)),
        }
        let mut progress = match self.progress.take() {
            Some(progress) => progress,
            None => self.begin(site, caller.now),
        };
        let is_large = self.place.is_some();
        let step = progress.advance(readings, site, &self.path, is_large, caller, registered);
        let pending = match step {
            Ok(Stepped::More | Stepped::NeedsPlace) => {
                self.progressed = Some(caller.now);
                return self.pause(progress, readings);
            }
            Ok(Stepped::Waits) if !self.take_turn(readings, site) => {
                self.began = None;
                self.is_short = true;
                return Read::Waits;
            }
            Ok(Stepped::Waits) => Read::Waits,
            Ok(Stepped::WaitsForDisk) => Read::WaitsForDisk,
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

    /// Whether it may go on. It waits for a place if it needs one, or for others that need memory.
    fn standing(&mut self, readings: &mut Readings, site: &Site, now: Instant) -> Standing {
        let Some(place) = &self.place else {
            return Standing::Placed;
        };
        if place.standing() == Standing::Waits {
            readings.release_places(|reading| {
                reading.is_short && reading.turn.is_none() || reading.is_stalled(now)
            });
        }
        match place.standing() {
            Standing::Placed if self.is_short && !self.take_turn(readings, site) => Standing::Waits,
            Standing::Placed => {
                self.is_short = false;
                Standing::Placed
            }
            other => other,
        }
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
    fn pause(&mut self, progress: Progress, readings: &mut Readings) -> Read {
        if self.place.is_none() {
            let Some(place) = readings.queue.enter(self.network) else {
                return self.end(Err(DiskError::ListingsBusy));
            };
            let has_place = place.has_place();
            self.place = Some(place);
            readings.ticketed.push(Weak::clone(&self.this));
            if !has_place {
                // Many readings may wait, so they hold nothing. It begins again when it has a place.
                self.began = None;
                return Read::Waits;
            }
        }
        self.progress = Some(progress);
        Read::More
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
        if let Some(pending) = &self.away {
            let Some(ended) = pending.poll() else {
                pending.wake_once(registered, caller.wakers);
                return Ok(Stepped::WaitsForDisk);
            };
            self.away = None;
            let (scanned, read) = outcome(ended)?;
            if !read.map_err(LookupError::on_disk_thread)? {
                return Ok(Stepped::End(scanned.scan));
            }
            self.scanned = Some(scanned);
            return Ok(Stepped::More);
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
        let pending = leave_to_disk_thread(scanned, site, path, caller)?;
        pending.wake_once(registered, caller.wakers);
        self.away = Some(pending);
        Ok(Stepped::WaitsForDisk)
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

/// Makes a step a job.
fn leave_to_disk_thread(
    mut scanned: Scanned,
    site: &Site,
    path: &[u8],
    caller: Caller<'_>,
) -> Result<Pending<Step>, DiskError> {
    let (root, hidden) = (Arc::clone(site.root()), site.options().hidden);
    let file_system = site.root().file_system(path);
    let path: Box<[u8]> = path.into();
    let step = move || {
        let read = scanned.read(&root, &path, hidden, Blocking::Allowed, &mut Vec::new());
        (scanned, read)
    };
    // Without a pool, the worker itself waits, and no step is left to others.
    let pool = site.disk().ok_or(DiskError::Failed)?;
    let pending = pool.submit(
        Effort::Read,
        file_system,
        caller.network,
        Room::Limited,
        step,
    );
    pending.ok_or(DiskError::DiskBusy)
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
            let is_shown = |name: &[u8]| (hidden || !is_hidden_name(name)) && scan.wants(name);
            match root.next_entry(directory, name, is_shown, blocking, &mut work)? {
                None => return Ok(false),
                Some(DirectoryEntry::Skipped) => {}
                Some(DirectoryEntry::Served {
                    kind,
                    state,
                    is_link,
                }) => scan.push(ListedEntry {
                    name,
                    kind: match kind {
                        FileKind::Directory => EntryKind::Directory,
                        FileKind::File | FileKind::Other => EntryKind::File,
                    },
                    size: state.size,
                    modified: Some(state.modified),
                    is_readable: root.may_read(kind, &state),
                    is_link,
                }),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::held_listing::LEAST_HELD;
    use crate::site::listing::{Format, Renderer, Shown};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::site::options::{Allowances, Budgets, SiteOptions};
    use crate::site::root::LinkPolicy;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// A root with so many files, and an allowance of memory.
    struct Rig {
        folder: Rc<tempfile::TempDir>,
        readings: Readings,
        site: Site,
        memory: Allowances,
        network: IpAddr,
        now: Instant,
    }

    impl Rig {
        fn new(files: usize, memory: u64) -> Rig {
            let folder = tempfile::tempdir().expect("a folder");
            for number in 0..files {
                touch(folder.path(), &format!("{number}"));
            }
            let [rig] = Rig::of_workers(folder, memory);
            rig
        }

        /// Workers of one server.
        fn of_workers<const N: usize>(folder: tempfile::TempDir, memory: u64) -> [Rig; N] {
            let options = SiteOptions {
                memory,
                ..SiteOptions::default()
            };
            let budgets = Budgets::new(&options, N);
            let folder = Rc::new(folder);
            [(); N].map(|()| Rig::of_worker(Rc::clone(&folder), &options, budgets.part()))
        }

        fn of_worker(
            folder: Rc<tempfile::TempDir>,
            options: &SiteOptions,
            memory: Allowances,
        ) -> Rig {
            let options = options.clone();
            let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
            Rig {
                readings: Readings::default(),
                site: Site::new(Arc::new(root), Arc::new(options), memory.clone()),
                memory,
                folder,
                network: CLIENT,
                now: Instant::now(),
            }
        }

        fn join(&mut self, query: &str) -> SharedReading {
            let query = ListingQuery::parse(query.as_bytes());
            self.readings
                .join(b"", &query, self.network, self.site.turn())
        }

        fn next_turn(&mut self) {
            self.readings.end_turn();
            self.site.look_again();
        }

        fn step(&mut self, reading: &SharedReading) -> Read {
            let (readings, site) = (&mut self.readings, &mut self.site);
            let caller = Caller {
                network: self.network,
                now: self.now,
                wakers: std::task::Waker::noop(),
            };
            let mut registered = Registered::default();
            let mut reading = reading.borrow_mut();
            reading.advance(readings, site, caller, &mut registered)
        }

        /// How many steps a reading of the folder takes, and how many files it finds.
        fn steps(&mut self) -> (usize, u64) {
            let reading = self.join("");
            let mut steps = 1;
            while matches!(self.step(&reading), Read::More) {
                steps += 1;
            }
            (steps, entries(&self.read(&reading)))
        }

        /// Reads to the end, in turns of their own.
        fn read(&mut self, reading: &SharedReading) -> Rc<HeldListing> {
            loop {
                match self.step(reading) {
                    Read::More => self.next_turn(),
                    Read::Waits | Read::WaitsForDisk => panic!("there is memory"),
                    Read::Done(outcome) => return outcome.expect("readable"),
                }
            }
        }
    }

    fn touch(folder: &Path, name: &str) {
        fs::write(folder.join(name), name).expect("a file");
    }

    fn entries(held: &HeldListing) -> u64 {
        held.listing()
            .expect("nobody needs its memory")
            .totals()
            .entries()
    }

    #[test]
    fn a_listing_says_what_the_server_may_not_read() {
        let mut rig = Rig::new(0, 1 << 20);
        let mut root = Root::open(rig.folder.path(), LinkPolicy::default()).expect("a root");
        // Not root, and not the user who runs the tests.
        root.assume_user(rustix::process::geteuid().as_raw() + 1);
        let options = Arc::new(SiteOptions::default());
        rig.site = Site::new(Arc::new(root), options, rig.memory.clone());
        for (name, mode) in [("a closed one", 0o600), ("an open one", 0o604)] {
            touch(rig.folder.path(), name);
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(rig.folder.path().join(name), mode).expect("a mode");
        }
        let reading = rig.join("");
        let held = rig.read(&reading);
        let listing = held.listing().expect("nobody needs its memory");
        let query = ListingQuery::default();
        let mut page = Vec::new();
        let mut renderer = Renderer::new(b"", b"/", query, Shown::as_plain(Format::Html), &listing);
        renderer.pull(&listing, &mut page, usize::MAX);
        let page = String::from_utf8(page).expect("UTF-8");
        assert!(
            page.contains("a closed one</a></td><td>no access</td>"),
            "{page}"
        );
        assert!(page.contains("an open one</a></td><td>11 B</td>"), "{page}");
    }

    #[test]
    fn clients_of_one_turn_share_a_reading() {
        let mut rig = Rig::new(3, 1 << 20);
        let (one, other) = (rig.join(""), rig.join("format=json"));
        assert!(Rc::ptr_eq(&one, &other), "the entries are the same");
        assert!(!Rc::ptr_eq(&one, &rig.join("sort=size")));
        let held = rig.read(&one);
        // It has ended, but began in this turn.
        assert!(Rc::ptr_eq(&one, &rig.join("")));
        rig.next_turn();
        let later = rig.join("");
        assert!(!Rc::ptr_eq(&one, &later));
        assert!(Rc::ptr_eq(&held, &rig.read(&later)), "nothing has changed");
        touch(rig.folder.path(), "new");
        rig.next_turn();
        let changed = rig.join("");
        let changed = rig.read(&changed);
        assert_eq!((entries(&held), entries(&changed)), (3, 4));
    }

    #[test]
    fn queries_that_nobody_uses_are_forgotten() {
        let mut rig = Rig::new(3, 1 << 20);
        let upper = rig.join("q=A");
        assert!(Rc::ptr_eq(&upper, &rig.join("q=a")), "case does not matter");
        for number in 0..10 * LEAST_KNOWN {
            let reading = rig.join(&format!("q={number}"));
            rig.read(&reading);
            rig.next_turn();
            assert!(rig.readings.known.len() <= LEAST_KNOWN + 1, "{number}");
        }
        assert!(Rc::ptr_eq(&upper, &rig.join("q=a")), "it is in use");
    }

    #[test]
    fn who_comes_during_a_reading_sees_what_changed_since_it_began() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let first = rig.join("");
        assert!(matches!(rig.step(&first), Read::More));
        rig.next_turn();
        let second = rig.join("");
        assert!(!Rc::ptr_eq(&first, &second));
        touch(rig.folder.path(), "new");
        // It has not begun, so whoever comes now may share it.
        rig.next_turn();
        assert!(Rc::ptr_eq(&second, &rig.join("")));
        // Its clients advance the first one too.
        assert_eq!(entries(&rig.read(&second)), 2 * STEP as u64 + 1);
        assert!(matches!(rig.step(&first), Read::Done(Ok(_))));
    }

    #[test]
    fn a_small_directory_needs_no_memory_and_a_large_one_waits_for_it() {
        let mut rig = Rig::new(STEP - 10, 1 << 20);
        let memory = rig.memory.memory.clone();
        let _all = memory.charge(Account::Listings, 1 << 20).expect("free");
        let small = rig.join("");
        assert!(matches!(rig.step(&small), Read::Done(Ok(_))));
        drop(small);
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let memory = rig.memory.memory.clone();
        let all = memory.charge(Account::Listings, 1 << 20).expect("free");
        let large = rig.join("");
        assert!(matches!(rig.step(&large), Read::More));
        assert!(matches!(rig.step(&large), Read::Waits));
        drop(all);
        let held = rig.read(&large);
        assert!(
            !memory.has_room(Account::Listings, 1 << 20),
            "it holds some"
        );
        drop((held, large));
        rig.next_turn();
        assert!(memory.has_room(Account::Listings, 1 << 20));
    }

    #[test]
    fn a_slow_client_gives_way_to_who_needs_memory() {
        const FREE: u64 = 200 << 10;
        let mut rig = Rig::new(0, 2 << 20);
        for number in 0..6 * STEP {
            touch(rig.folder.path(), &format!("{number:0>255}"));
        }
        let [first, second] = ["", "order=desc"].map(|query| {
            let reading = rig.join(query);
            rig.read(&reading)
        });
        let memory = rig.memory.memory.clone();
        let rest = (2 << 20) - first.bytes() - second.bytes() - FREE;
        let _rest = memory.charge(Account::Listings, rest).expect("free");
        rig.now += LEAST_HELD / 2;
        let third = rig.join("sort=size");
        assert!(matches!(rig.step(&third), Read::More));
        assert!(matches!(rig.step(&third), Read::Waits), "too early");
        assert!(first.listing().is_some() && second.listing().is_some());
        rig.now += LEAST_HELD / 2;
        let third = rig.read(&third);
        assert_eq!(entries(&third), 6 * STEP as u64);
        let left = [&first, &second].map(|held| held.listing().is_some());
        assert_eq!(left.iter().filter(|left| **left).count(), 1, "{left:?}");
    }

    #[test]
    fn the_network_that_holds_most_gives_way() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        rig.network = [10, 0, 0, 1].into();
        let reading = rig.join("");
        let old = rig.read(&reading);
        rig.now += Duration::from_secs(1);
        rig.network = [10, 0, 0, 2].into();
        let queries = ["sort=size", "sort=modified"];
        let greedy = queries.map(|query| {
            let reading = rig.join(query);
            rig.read(&reading)
        });
        rig.now += LEAST_HELD;
        let take_back = |rig: &Rig| rig.readings.held.take_back(rig.now, 1);
        take_back(&rig);
        assert!(old.listing().is_some());
        let left = greedy.each_ref().map(|held| held.listing().is_some());
        assert_eq!(left.iter().filter(|left| **left).count(), 1, "{left:?}");
        // Now both hold the same, and the oldest one gives way.
        take_back(&rig);
        assert!(old.listing().is_none());
        take_back(&rig);
        assert!(!rig.readings.held.has_old(rig.now));
    }

    #[test]
    fn a_listing_of_a_directory_that_has_changed_can_be_taken_back() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let reading = rig.join("");
        let before = rig.read(&reading);
        touch(rig.folder.path(), "new");
        rig.next_turn();
        let reading = rig.join("");
        let after = rig.read(&reading);
        rig.now += LEAST_HELD;
        let both = before.bytes() + after.bytes();
        rig.readings.held.take_back(rig.now, both);
        assert!(before.listing().is_none() && after.listing().is_none());
    }

    #[test]
    fn a_listing_that_a_new_client_shares_is_not_old() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let reading = rig.join("");
        let held = rig.read(&reading);
        rig.now += LEAST_HELD;
        rig.next_turn();
        let reading = rig.join("");
        assert!(Rc::ptr_eq(&held, &rig.read(&reading)));
        assert!(!rig.readings.held.has_old(rig.now));
    }

    #[test]
    fn nothing_is_taken_back_in_vain() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let reading = rig.join("");
        let held = rig.read(&reading);
        let memory = rig.memory.memory.clone();
        let _rest = memory.charge(Account::Listings, (1 << 20) - held.bytes());
        rig.now += LEAST_HELD;
        let second = rig.join("order=desc");
        assert!(matches!(rig.step(&second), Read::More));
        assert!(matches!(rig.step(&second), Read::Waits));
        assert!(held.listing().is_some());
    }

    #[test]
    fn memory_that_another_worker_needs_is_given_back() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let reading = rig.join("");
        let held = rig.read(&reading);
        rig.now += LEAST_HELD;
        rig.readings.free_memory_for_others(&rig.site, rig.now);
        assert!(held.listing().is_some(), "nobody waits");
        rig.site.memory().want(1 << 20);
        rig.readings.free_memory_for_others(&rig.site, rig.now);
        assert!(held.listing().is_none());
    }

    #[test]
    fn of_readings_that_need_memory_only_the_first_keeps_what_it_has_read() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let memory = rig.memory.memory.clone();
        let all = memory.charge(Account::Listings, 1 << 20).expect("free");
        let [first, second] = ["", "order=desc"].map(|query| rig.join(query));
        for reading in [&first, &second] {
            assert!(matches!(rig.step(reading), Read::More));
            assert!(matches!(rig.step(reading), Read::Waits));
        }
        assert!(first.borrow().progress.is_some() && second.borrow().progress.is_none());
        drop(all);
        assert!(
            matches!(rig.step(&second), Read::Waits),
            "the other is first"
        );
        rig.read(&first);
        assert_eq!(entries(&rig.read(&second)), 2 * STEP as u64);
    }

    #[test]
    fn readings_of_all_workers_end_although_memory_is_short() {
        const WORKERS: usize = 8;
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..4 * STEP {
            touch(folder.path(), &format!("{number:0>255}"));
        }
        let mut rigs: [Rig; WORKERS] = Rig::of_workers(folder, 2 << 20);
        let mut readings: Vec<_> = rigs.iter_mut().map(|rig| Some(rig.join(""))).collect();
        let mut waits = 0;
        for _ in 0..100 {
            for (rig, reading) in rigs.iter_mut().zip(&mut readings) {
                match reading.as_ref().map(|reading| rig.step(reading)) {
                    // The client has received it.
                    Some(Read::Done(outcome)) => drop((outcome.expect("readable"), reading.take())),
                    Some(Read::Waits) => waits += 1,
                    _ => {}
                }
                rig.next_turn();
            }
        }
        assert!(waits > 0, "there is memory for all");
        let left = readings.iter().flatten().count();
        assert_eq!(left, 0, "{left} of {WORKERS} wait for ever");
    }

    /// One more than are read at once.
    const FIVE_QUERIES: [&str; LARGE + 1] = [
        "",
        "order=desc",
        "sort=size",
        "sort=modified",
        "sort=size&order=desc",
    ];

    #[test]
    fn a_worker_with_many_readings_gets_its_turn() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let memory = rig.memory.memory.clone();
        let all = memory.charge(Account::Listings, 1 << 20).expect("free");
        let other = (rig.site.short_readings().enter([10, 0, 0, 9].into())).expect("a turn");
        let readings = FIVE_QUERIES.map(|query| rig.join(query));
        let poll = |rig: &mut Rig| {
            for reading in &readings {
                rig.step(reading);
            }
        };
        for _ in 0..20 {
            poll(&mut rig);
        }
        let turn = || {
            let mut readings = readings.iter();
            readings.find_map(|reading| reading.borrow().turn.as_ref().map(Ticket::number))
        };
        let first = turn().expect("one waits for its turn");
        for _ in 0..20 {
            poll(&mut rig);
        }
        assert_eq!(turn(), Some(first), "it keeps its place in the queue");
        drop((other, all));
        for reading in &readings {
            while !matches!(rig.step(reading), Read::Done(_)) {
                poll(&mut rig);
            }
        }
    }

    #[test]
    fn a_reading_that_gets_no_memory_passes_its_turn_on() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..4 * STEP {
            touch(folder.path(), &format!("{number:0>255}"));
        }
        let [mut one, mut other]: [Rig; 2] = Rig::of_workers(folder, 1 << 20);
        let all = [&one, &other].map(|rig| {
            let memory = &rig.memory.memory;
            memory.charge_anyway(Account::Listings, 1 << 20)
        });
        let readings = [&mut one, &mut other].map(|rig| {
            let reading = rig.join("");
            assert!(matches!(rig.step(&reading), Read::More));
            assert!(matches!(rig.step(&reading), Read::Waits));
            reading
        });
        let has_turn = |at: usize| {
            let reading = readings[at].borrow();
            reading.turn.as_ref().is_some_and(Ticket::has_place)
        };
        assert!(has_turn(0) && !has_turn(1));
        // It is advanced all the time, and reads nothing.
        for _ in 0..10 {
            one.now += LONGEST_PAUSE / 8;
            one.readings.free_memory_for_others(&one.site, one.now);
            one.step(&readings[0]);
        }
        assert!(!has_turn(0) && has_turn(1));
        drop(all);
        other.read(&readings[1]);
        one.read(&readings[0]);
    }

    #[test]
    fn a_reading_that_is_not_the_newest_is_not_forgotten() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let first = rig.join("");
        assert!(matches!(rig.step(&first), Read::More));
        rig.next_turn();
        drop(rig.join(""));
        rig.next_turn();
        rig.readings.sweep();
        assert!(!rig.readings.is_empty());
        drop(first);
        rig.readings.sweep();
        assert!(rig.readings.is_empty());
    }

    #[test]
    fn a_reading_that_nobody_advances_does_not_keep_the_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..4 * STEP {
            touch(folder.path(), &format!("{number:0>255}"));
        }
        let [mut one, mut other]: [Rig; 2] = Rig::of_workers(folder, 1 << 20);
        let all = [&one, &other].map(|rig| {
            let memory = &rig.memory.memory;
            memory.charge_anyway(Account::Listings, 1 << 20)
        });
        let readings = [&mut one, &mut other].map(|rig| {
            let reading = rig.join("");
            assert!(matches!(rig.step(&reading), Read::More));
            assert!(matches!(rig.step(&reading), Read::Waits));
            reading
        });
        drop(all);
        assert!(matches!(other.step(&readings[1]), Read::Waits));
        one.now += 2 * STALLED;
        one.readings.free_memory_for_others(&one.site, one.now);
        assert!(readings[0].borrow().progress.is_none());
        other.read(&readings[1]);
    }

    #[test]
    fn the_network_that_keeps_least_may_wait_for_memory_with_what_it_has_read() {
        let mut rig = Rig::new(2 * STEP, 1 << 20);
        let reading = rig.join("sort=size");
        let _kept = rig.read(&reading);
        let greedy = rig.join("");
        assert!(matches!(rig.step(&greedy), Read::More));
        rig.network = [10, 0, 0, 2].into();
        let modest = rig.join("order=desc");
        assert!(matches!(rig.step(&modest), Read::More));
        let memory = rig.memory.memory.clone();
        let _all = memory.charge_anyway(Account::Listings, 1 << 20);
        for reading in [&modest, &greedy] {
            assert!(matches!(rig.step(reading), Read::Waits));
        }
        assert!(
            greedy.borrow().progress.is_none(),
            "it came first but keeps more"
        );
        assert!(modest.borrow().progress.is_some());
    }

    #[test]
    fn a_network_that_keeps_much_needs_places_for_small_directories() {
        let mut rig = Rig::new(0, 4 << 20);
        for number in 0..STEP - 10 {
            touch(rig.folder.path(), &format!("{number:0>255}"));
        }
        let memory = rig.memory.memory.clone();
        let _all = memory.charge_anyway(Account::Listings, 4 << 20);
        let mut kept = Vec::new();
        while rig.readings.held.share(CLIENT) <= SMALL_SHARE {
            let reading = rig.join(&format!("q={}", "0".repeat(kept.len() + 1)));
            kept.push(rig.read(&reading));
        }
        let next = rig.join("order=desc");
        assert!(matches!(rig.step(&next), Read::More));
        assert!(matches!(rig.step(&next), Read::Waits), "it keeps its share");
        rig.network = [10, 0, 0, 2].into();
        let other = rig.join("sort=size");
        assert!(matches!(rig.step(&other), Read::Done(Ok(_))));
    }

    #[test]
    fn a_reading_that_nobody_advances_loses_its_place() {
        let mut rig = Rig::new(3 * STEP, 64 << 20);
        let stuck: Vec<SharedReading> = (0..LARGE)
            .map(|number| rig.join(&format!("q={}&sort=size", "0".repeat(number))))
            .collect();
        let all = rig.join("");
        for reading in &stuck {
            rig.step(reading);
        }
        assert!(matches!(rig.step(&all), Read::More | Read::Waits));
        rig.now += STALLED / 2;
        rig.step(&all);
        rig.now += STALLED;
        assert_eq!(entries(&rig.read(&all)), 3 * STEP as u64);
        assert_eq!(
            entries(&rig.read(&stuck[0])),
            3 * STEP as u64,
            "it begins again"
        );
    }

    #[test]
    fn only_a_few_large_directories_are_read_at_once() {
        let mut rig = Rig::new(3 * STEP, 64 << 20);
        let all = FIVE_QUERIES.map(|query| rig.join(query));
        let mut waits = 0;
        for reading in &all {
            waits += usize::from(matches!(rig.step(reading), Read::Waits));
        }
        assert_eq!(waits, 1);
        let last = &all[LARGE];
        assert!(last.borrow().progress.is_none(), "it holds nothing");
        rig.read(&all[0]);
        assert_eq!(entries(&rig.read(last)), 3 * STEP as u64);
    }

    #[test]
    fn a_step_reads_fewer_entries_if_they_are_links() {
        const ENTRIES: usize = 100;
        const CHAIN: usize = 20;
        let (mut plain, mut links) = (Rig::new(ENTRIES, 1 << 20), Rig::new(0, 1 << 20));
        for number in 0..ENTRIES {
            match number % CHAIN {
                0 => touch(links.folder.path(), &number.to_string()),
                _ => {
                    let link = links.folder.path().join(number.to_string());
                    symlink((number - 1).to_string(), link).expect("a link");
                }
            }
        }
        assert_eq!(plain.steps(), (1, ENTRIES as u64));
        // A link at the end of a chain of ten costs at least two system calls for each.
        let (steps, files) = links.steps();
        assert_eq!(files, ENTRIES as u64);
        assert!(steps >= ENTRIES * CHAIN / STEP, "{steps}");
    }
}
