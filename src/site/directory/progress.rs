//! How far a reading has come, in steps: who does the next one, and whether there is memory for it.
//!
//! A step of a directory that the kernel has in memory is done at once. Any other step is a job of a disk
//! thread, which has what was read until the step is done.
//!
//! Any number of readings may be at their first step. So the job of such a step has to find room among those that
//! wait for the disk, and while it waits, the reading holds neither a descriptor nor entries. Only a reading with a
//! place does more steps. They need no room, so a reading is not refused in its middle.

use std::sync::Arc;
use std::time::Duration;

use crate::site::budget::{Account, Budget, Charge};
use crate::site::devices::timed;
use crate::site::directory::scanned::{MOST_PER_STEP, Scanned};
use crate::site::disk::{Caller, Effort, Ended, Pending, Registered, Room};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::held_listing::HeldListings;
use crate::site::listing::{ListingQuery, Scan};
use crate::site::nofollow::Blocking;
use crate::site::resolve::Site;
use crate::site::shares::{Share, Shares};

/// A step on a worker that takes longer shows that the directory is not in memory. Then disk threads do
/// the other steps.
const SLOW_STEP: Duration = Duration::from_millis(5);

/// What the clients of a network may keep of small listings, and of first steps under way, although all memory is used.
pub(super) const SMALL_SHARE: u64 = 1 << 20;

/// A directory that has been read in part.
pub(super) struct Progress {
    /// What was read so far. `None` while a disk thread has it.
    scanned: Option<Scanned>,
    /// The step that a disk thread does.
    pub away: Option<Pending<Step>>,
    /// Whether disk threads do the steps.
    pub is_slow: bool,
    /// For what was read, and for what the next step may add.
    pub charge: Charge,
    /// What its first step adds to the share of a network.
    share: Option<Share>,
}

/// What a disk thread returns: what was read so far, and whether there may be more.
type Step = (Scanned, Result<bool, LookupError>);

/// What became of a step.
pub(super) enum Stepped {
    /// It is done, and there may be more.
    More,
    /// It waits for memory.
    Waits,
    /// It needs a place, because it is large, or because its network keeps much.
    NeedsPlace,
    /// It waits for the disk, and the client will be woken.
    WaitsForDisk,
    /// It was the first one, and the disk threads had no room for it.
    Refused,
    /// It was the first one, and no disk thread has begun it, because clients of other networks came.
    Displaced,
    /// It was the last one.
    End(Scan),
}

impl Progress {
    /// Nothing has been read yet.
    pub fn new(query: &ListingQuery, site: &Site) -> Progress {
        Progress {
            scanned: Some(Scanned {
                directory: None,
                scan: Scan::new(query, most_for_listing(site.memory.budget())),
            }),
            away: None,
            is_slow: false,
            share: None,
            charge: site.memory.charge_anyway(Account::Listings, 0),
        }
    }

    /// Whether a disk thread does a step.
    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Takes the memory for the next step. A large directory may have it taken back from slow clients. A small one
    /// needs one step only. If no memory is free, the clients of a network that keep little get it anyway.
    pub fn take_memory(
        &mut self,
        is_large: bool,
        held: &HeldListings,
        first_steps: &Shares,
        site: &mut Site,
        caller: Caller<'_>,
    ) -> Result<bool, DiskError> {
        let scanned = self.scanned.as_ref().ok_or(DiskError::Failed)?;
        let next = scanned.scan.bytes() + MOST_PER_STEP;
        if !is_large {
            let kept = held.share(caller.network) + first_steps.of(caller.network);
            let may_take = kept <= SMALL_SHARE || site.memory.missing(&self.charge, next) == 0;
            if may_take {
                self.charge.resize_anyway(next);
                self.share = Some(first_steps.add(caller.network, next));
            }
            return Ok(may_take);
        }
        self.share = None;
        Ok(held.grow(&mut self.charge, next, site, caller.now))
    }

    /// Does a step, for which memory was taken, or leaves it to a disk thread.
    pub fn step(
        &mut self,
        is_large: bool,
        site: &Site,
        path: &[u8],
        name: &mut Vec<u8>,
        caller: Caller<'_>,
        registered: &mut Registered,
    ) -> Result<Stepped, DiskError> {
        // While it is away, this is not called.
        let mut scanned = self.scanned.take().ok_or(DiskError::Failed)?;
        if !self.is_slow {
            let (root, hidden) = (site.root(), site.options().hidden);
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
        let room = match is_large {
            true => Room::Unlimited,
            false => Room::Limited,
        };
        if !is_large {
            scanned.begin_again();
        }
        let Some(pending) = leave_to_disk_thread(scanned, site, path, room, caller)? else {
            return Ok(Stepped::Refused);
        };
        pending.wake_once(registered, caller.wakers);
        self.away = Some(pending);
        Ok(Stepped::WaitsForDisk)
    }

    /// Takes back what a disk thread has read.
    pub fn take_back(
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
            Some(Ended::Displaced) => return Ok(Stepped::Displaced),
            Some(ended) => ended,
        };
        let (scanned, read) = ended.outcome()?;
        if !read.map_err(LookupError::on_disk_thread)? {
            return Ok(Stepped::End(scanned.scan));
        }
        self.scanned = Some(scanned);
        Ok(Stepped::More)
    }
}

/// The most memory of a listing: what contents leave, less what a step needs beside it. Further entries are
/// only counted.
fn most_for_listing(memory: &Budget) -> u64 {
    let left = memory.left_by_contents();
    left.saturating_sub(2 * MOST_PER_STEP).max(MOST_PER_STEP)
}

/// Makes a step a job. `None`: there is no room for it.
fn leave_to_disk_thread(
    mut scanned: Scanned,
    site: &Site,
    path: &[u8],
    room: Room,
    caller: Caller<'_>,
) -> Result<Option<Pending<Step>>, DiskError> {
    let (root, hidden) = (Arc::clone(site.root()), site.options().hidden);
    let file_system = site.root().file_system(path);
    let path: Box<[u8]> = path.into();
    let step = move || {
        let read = scanned.read(&root, &path, hidden, Blocking::Allowed, &mut Vec::new());
        (scanned, read)
    };
    // Without a pool, the worker itself waits, and no step is left to others.
    let pool = site.disk().ok_or(DiskError::Failed)?;
    Ok(pool.submit(Effort::Read, file_system, caller.network, room, step))
}
