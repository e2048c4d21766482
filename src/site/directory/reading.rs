//! One reading that clients share: what it has and waits for, when it has ended, and when it may be
//! interrupted.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use crate::site::directory::progress::Progress;
use crate::site::disk::Registered;
use crate::site::disk_error::DiskError;
use crate::site::held_listing::HeldListing;
use crate::site::listing::ListingQuery;
use crate::site::queue::Ticket;
use crate::site::resolve::Site;

/// A reading that has a place and is not advanced for so long gives it up. Its client does not read what
/// it has requested before.
pub(super) const STALLED: Duration = Duration::from_secs(2);

/// A reading that lacks memory and reads nothing for so long loses its turn to another one. By then, listings of
/// slow clients have been taken back.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The same as [`STALLED`], if it waits for the disk.
const STALLED_BY_DISK: Duration = Duration::from_secs(30);

/// A reading of a directory. Every client that waits for it holds a reference.
pub struct Reading {
    pub(super) this: Weak<RefCell<Reading>>,
    pub(super) path: Box<[u8]>,
    pub(super) query: ListingQuery,
    /// The network of the client that asked first, or of one that waits for fewer readings.
    pub(super) network: IpAddr,
    /// A reading of the same listing that began earlier.
    pub(super) earlier: Option<SharedReading>,
    /// The turn in which it began.
    pub(super) began: Option<u64>,
    /// A large directory needs a place.
    pub(super) place: Option<Ticket>,
    pub(super) progress: Option<Progress>,
    pub(super) outcome: Option<Result<Rc<HeldListing>, DiskError>>,
    /// When it was advanced last.
    pub(super) advanced: Option<Instant>,
    /// When it began, or has read something.
    pub(super) progressed: Option<Instant>,
    /// It ran out of memory and dropped what it had read. It begins again when it is its turn.
    pub(super) is_short: bool,
    /// Its place in the queue of all workers' readings that lack memory.
    pub(super) turn: Option<Ticket>,
}

/// A reading that clients share.
pub type SharedReading = Rc<RefCell<Reading>>;

/// What wakes a client that waits for a reading.
#[derive(Debug, Default)]
pub struct ReadingWakes {
    pub(super) disk: Registered,
    pub(super) place: Registered,
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
    /// Its step was displaced before a disk thread began it, so it begins again. Nothing was read.
    Displaced,
    /// It has ended, or this client alone is refused.
    Done(Result<Rc<HeldListing>, DiskError>),
}

impl Reading {
    /// A reading that has not begun, for a client in `network`. It begins after `earlier` has ended.
    pub(super) fn new(
        path: &[u8],
        query: ListingQuery,
        network: IpAddr,
        earlier: Option<SharedReading>,
    ) -> SharedReading {
        Rc::new_cyclic(|this| {
            RefCell::new(Reading {
                this: Weak::clone(this),
                path: path.into(),
                query,
                network,
                earlier,
                began: None,
                place: None,
                progress: None,
                outcome: None,
                advanced: None,
                progressed: None,
                is_short: false,
                turn: None,
            })
        })
    }

    /// Begins in this turn of the worker's loop.
    pub(super) fn begin(&mut self, site: &Site, now: Instant) -> Progress {
        self.progressed = Some(now);
        self.began = Some(site.turn());
        Progress::new(&self.query, site)
    }

    /// Whether a client that asks now may share it. The next reading may succeed although this one has failed.
    pub(super) fn may_be_shared(&self, turn: u64) -> bool {
        match (&self.outcome, self.began) {
            (None, None) => true,
            (None | Some(Ok(_)), Some(began)) => began == turn,
            (Some(_), _) => false,
        }
    }

    /// Whether its clients have not advanced it for long, although it has a place.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let has_place = self.place.as_ref().is_some_and(Ticket::has_place);
        let waits_for_disk = self.progress.as_ref().is_some_and(Progress::is_away);
        let allowed = match waits_for_disk {
            true => STALLED_BY_DISK,
            false => STALLED,
        };
        let advanced = self.advanced.unwrap_or(now);
        has_place && now.saturating_duration_since(advanced) > allowed
    }

    /// Whether it has the turn of the readings that lack memory and reads nothing, because the disk hangs or no
    /// memory becomes free.
    pub(super) fn has_turn_in_vain(&self, now: Instant) -> bool {
        let has_turn = self.turn.as_ref().is_some_and(Ticket::has_place);
        let progressed = self.progressed.unwrap_or(now);
        has_turn && now.saturating_duration_since(progressed) > LONGEST_PAUSE
    }

    /// Drops what it has read, and its place. It begins again when a client advances it.
    pub(super) fn give_up(&mut self) {
        self.progress = None;
        self.began = None;
        self.place = None;
        self.turn = None;
        self.is_short = false;
    }

    /// Refuses the client that advances it, because its network has too many jobs or readings waiting. For the next
    /// client that advances it, it begins again.
    pub(super) fn refuse(&mut self, fault: DiskError) -> Read {
        self.progress = None;
        self.began = None;
        Read::Done(Err(fault))
    }

    /// Keeps what came of it for the clients that share it.
    pub(super) fn end(&mut self, outcome: Result<Rc<HeldListing>, DiskError>) -> Read {
        self.place = None;
        self.turn = None;
        self.outcome = Some(outcome.clone());
        Read::Done(outcome)
    }
}
