//! The listings that clients are receiving.
//!
//! Slow clients can keep many of them. If a reading needs memory, the worker takes listings back that are at
//! least `LEAST_HELD` old. It begins with the network that keeps most, and there with the oldest listing.
//! Responses that still need one are cut.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use crate::site::budget::Charge;
use crate::site::listing::Listing;
use crate::site::resolve::Site;
use crate::site::shares::{Share, Shares};

/// A younger listing is never taken back. Most clients receive a listing in less time.
pub(super) const LEAST_HELD: Duration = Duration::from_secs(3);

/// A listing that clients are receiving. Its memory may be needed for others.
pub struct HeldListing {
    /// `None` once the memory was needed.
    kept: RefCell<Option<Kept>>,
    /// The network of the client that asked first.
    network: IpAddr,
    /// When it was read last, and was the same.
    since: Cell<Instant>,
}

/// A listing, the charge for it, and what it adds to the share of a network.
struct Kept {
    listing: Rc<Listing>,
    charge: Charge,
    _share: Share,
}

/// The listings of one worker that clients may be receiving, also those of directories that have changed
/// since.
#[derive(Default)]
pub struct HeldListings {
    all: Vec<Weak<HeldListing>>,
    shares: Shares,
}

impl HeldListings {
    /// Holds a listing for a client in `network`. `charge` was made for reading it.
    pub(super) fn hold(
        &mut self,
        listing: Listing,
        mut charge: Charge,
        network: IpAddr,
        now: Instant,
    ) -> Rc<HeldListing> {
        let bytes = listing.bytes();
        charge.resize_anyway(bytes);
        let kept = Kept {
            listing: Rc::new(listing),
            charge,
            _share: self.shares.add(network, bytes),
        };
        let held = Rc::new(HeldListing {
            kept: RefCell::new(Some(kept)),
            network,
            since: Cell::new(now),
        });
        self.all.push(Rc::downgrade(&held));
        held
    }

    /// How many bytes the clients of a network keep.
    pub(super) fn share(&self, network: IpAddr) -> u64 {
        self.shares.of(network)
    }

    /// Whether there is none, after the last sweep.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Forgets those that have ended.
    pub(super) fn sweep(&mut self) {
        self.all.retain(|held| held.strong_count() > 0);
        if self.all.is_empty() {
            self.all.shrink_to_fit();
        }
    }

    /// Grows a charge to `bytes`. Takes listings back if that is necessary and enough.
    pub(super) fn grow(
        &self,
        charge: &mut Charge,
        bytes: u64,
        site: &mut Site,
        now: Instant,
    ) -> bool {
        if site.memory.grow(charge, bytes) {
            return true;
        }
        let missing = site.memory.missing(charge, bytes);
        let enough = self.old(now).map(|held| held.bytes()).sum::<u64>() >= missing;
        match enough {
            true => self.take_back(now, missing),
            false => site.memory.budget().want(missing),
        }
        enough && site.memory.grow(charge, bytes)
    }

    /// Takes listings back if another worker needs their memory. A worker that has none leaves that to others.
    pub(super) fn take_back_wanted(&self, site: &Site, now: Instant) {
        if self.all.is_empty() {
            return;
        }
        match site.memory.budget().take_wanted() {
            0 => {}
            missing => self.take_back(now, missing),
        }
    }

    /// The listings that may be taken back.
    fn old(&self, now: Instant) -> impl Iterator<Item = Rc<HeldListing>> {
        let held = self.all.iter().filter_map(Weak::upgrade);
        held.filter(move |held| {
            let age = now.saturating_duration_since(held.since.get());
            age >= LEAST_HELD && held.bytes() > 0
        })
    }

    /// Takes back as many listings as have the missing bytes, or all that may be taken back.
    pub(super) fn take_back(&self, now: Instant, missing: u64) {
        let mut old: Vec<_> = self.old(now).collect();
        old.sort_by_key(|held| (Reverse(self.share(held.network)), held.since.get()));
        let mut freed = 0;
        for held in old {
            if freed >= missing {
                break;
            }
            freed += held.bytes();
            held.kept.take();
        }
    }
}

impl HeldListing {
    /// The entries. `None` once the memory was needed for others.
    pub fn listing(&self) -> Option<Rc<Listing>> {
        let kept = self.kept.borrow();
        kept.as_ref().map(|kept| Rc::clone(&kept.listing))
    }

    /// Whether it is the same as a listing that was read now. Then it is as young as that one.
    pub(super) fn renew(&self, new: &Listing, now: Instant) -> bool {
        let is_same = self.listing().is_some_and(|old| old.is_same_as(new));
        if is_same {
            self.since.set(now);
        }
        is_same
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> u64 {
        let kept = self.kept.borrow();
        kept.as_ref().map_or(0, |kept| kept.charge.units())
    }
}

#[cfg(test)]
impl HeldListings {
    /// Whether any listing may be taken back.
    pub(super) fn has_old(&self, now: Instant) -> bool {
        self.old(now).next().is_some()
    }
}
