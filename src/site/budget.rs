//! Limits on what is held for clients: bytes of memory, or descriptors.
//!
//! Half of a [`Budget`] belongs to the workers in equal parts. The other half is a reserve for all of
//! them. A worker uses its own part first. So one worker can hold a large copy although there are
//! many workers, and no worker can take everything from the others.
//!
//! ```text
//! budget = reserve | part of worker 1 | part of worker 2 | ...
//! ```
//!
//! Some memory is optional: a file can be sent from the disk in pieces, and content without compression.
//! So contents, copies and coders may not use the last part of a budget of memory. Listings and
//! connections may.
//!
//! Whoever holds something for a client keeps a [`Charge`] beside it. The units are free again when
//! the charge is dropped.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What something is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Files and coded files, in the cache or in responses under way.
    Contents,
    /// Private copies of large files.
    Copies,
    /// Directories that were read for a listing, and rendered listings.
    Listings,
    /// The state of content coders.
    Coders,
    /// Connections, with what they have received and not sent.
    Connections,
    /// The check of a password.
    Passwords,
}

const ACCOUNTS: usize = Account::ALL.len();

impl Account {
    /// Every account, in the order of its declaration.
    pub const ALL: [Account; 6] = [
        Account::Contents,
        Account::Copies,
        Account::Listings,
        Account::Coders,
        Account::Connections,
        Account::Passwords,
    ];

    /// The name for operators.
    pub fn name(self) -> &'static str {
        match self {
            Account::Contents => "contents",
            Account::Copies => "copies",
            Account::Listings => "listings",
            Account::Coders => "coders",
            Account::Connections => "connections",
            Account::Passwords => "passwords",
        }
    }
}

/// A limit for all workers of a server.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    /// The part of each worker.
    part: u64,
    /// What is free of the reserve. Negative if more is held than allowed.
    reserve: AtomicI64,
    /// What is held, by account.
    held: [AtomicU64; ACCOUNTS],
    /// The size of the reserve.
    reserved: u64,
    /// By account: how many eighths of what it could use must stay free.
    eighths_kept: [u64; ACCOUNTS],
    /// How many units more a worker waits for.
    wanted: AtomicU64,
}

impl Budget {
    /// A budget of `limit` units for this many workers.
    pub fn new(limit: u64, workers: usize) -> Budget {
        // More would not fit into the signed reserve. It is also more than any machine has.
        let limit = limit.min(i64::MAX as u64);
        let part = limit / 2 / workers.max(1) as u64;
        let parts = part * workers.max(1) as u64;
        Budget {
            limit,
            part,
            reserve: AtomicI64::new((limit - parts) as i64),
            held: Default::default(),
            reserved: limit - parts,
            eighths_kept: Default::default(),
            wanted: AtomicU64::new(0),
        }
    }

    /// A budget of `limit` bytes of memory. A worker can reach its own part and the reserve. Contents and
    /// copies may not use the last three eighths of that, and coders not the last eighth.
    pub fn of_memory(limit: u64, workers: usize) -> Budget {
        let mut budget = Budget::new(limit, workers);
        for (account, eighths) in [
            (Account::Contents, 3),
            (Account::Copies, 3),
            (Account::Coders, 1),
        ] {
            budget.eighths_kept[account as usize] = eighths;
        }
        budget
    }

    /// What is free for a worker if contents and copies use all that they may.
    pub fn left_by_contents(&self) -> u64 {
        self.kept_free(Account::Contents, self.part)
    }

    /// The limit in units.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The part that belongs to each worker.
    pub fn part(&self) -> u64 {
        self.part
    }

    /// How many units are held for `account`.
    pub fn held(&self, account: Account) -> u64 {
        self.held[account as usize].load(Ordering::Relaxed)
    }

    /// How many units are held for all accounts together.
    pub fn all_held(&self) -> u64 {
        Account::ALL.iter().map(|&account| self.held(account)).sum()
    }

    /// How much more than the limit is held. Connections, and what they have received and not sent, have
    /// no limit of their own.
    pub fn excess(&self) -> u64 {
        // While the reserve is not overdrawn, one load is enough.
        if self.reserve.load(Ordering::Relaxed) >= 0 {
            return 0;
        }
        self.all_held().saturating_sub(self.limit)
    }

    /// Whether an eighth more than the limit is held. Then clients that send much are refused.
    pub fn is_overdrawn(&self) -> bool {
        self.excess() > self.limit / 8
    }

    /// Whether a quarter more than the limit is held. Then new clients are refused.
    pub fn is_exhausted(&self) -> bool {
        self.excess() > self.limit / 4
    }

    /// Notes that a worker waits until so many more units are free.
    pub fn want(&self, units: u64) {
        self.wanted.fetch_max(units, Ordering::Relaxed);
    }

    /// Whether a worker waits until more is free.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// How many more units a worker waits for, unless the reserve has them by now. The wait counts once.
    pub fn take_wanted(&self) -> u64 {
        let wanted = self.wanted.swap(0, Ordering::Relaxed);
        let reserve = self.reserve.load(Ordering::Relaxed);
        u64::try_from((wanted.min(i64::MAX as u64) as i64).saturating_sub(reserve)).unwrap_or(0)
    }

    /// Charges units of the reserve, if they are free. Any thread may do so.
    pub fn reserve(self: &Arc<Budget>, account: Account, units: u64) -> Option<Reserved> {
        let is_free = self.missing(None, account, units) == 0 && self.take(units);
        is_free.then(|| self.reserved(account, units))
    }

    /// Charges units of the reserve, even if they are not free.
    pub fn reserve_anyway(self: &Arc<Budget>, account: Account, units: u64) -> Reserved {
        let units = units.min(i64::MAX as u64);
        self.reserve.fetch_sub(units as i64, Ordering::Relaxed);
        self.reserved(account, units)
    }

    fn reserved(self: &Arc<Budget>, account: Account, units: u64) -> Reserved {
        self.held[account as usize].fetch_add(units, Ordering::Relaxed);
        Reserved {
            budget: Arc::clone(self),
            account,
            units,
        }
    }

    /// What an account must leave free of the reserve and of `part`.
    fn kept_free(&self, account: Account, part: u64) -> u64 {
        (part + self.reserved) / 8 * self.eighths_kept[account as usize]
    }

    /// How many units must become free before `units` can be charged to an account. `free` is what is
    /// free of a worker's own part; `None` for a thread that has none.
    fn missing(&self, free: Option<u64>, account: Account, units: u64) -> u64 {
        if units == 0 {
            return 0;
        }
        let part = free.map_or(0, |_| self.part);
        let needed = units.saturating_add(self.kept_free(account, part));
        let reserve = self.reserve.load(Ordering::Relaxed);
        let available = reserve.max(0).unsigned_abs() + free.unwrap_or(0);
        match needed.saturating_sub(available) {
            0 => 0,
            // What becomes free settles a debt of the reserve first.
            missing => missing.saturating_add(reserve.min(0).unsigned_abs()),
        }
    }

    /// Takes units from the reserve, if they are free.
    fn take(&self, units: u64) -> bool {
        let Ok(units) = i64::try_from(units) else {
            return false;
        };
        let take = |free: i64| (free >= units).then(|| free - units);
        let order = Ordering::Relaxed;
        self.reserve.fetch_update(order, order, take).is_ok()
    }
}

/// One worker's access to a budget.
#[derive(Clone, Debug)]
pub struct Allowance(Rc<Part>);

#[derive(Debug)]
struct Part {
    budget: Arc<Budget>,
    /// What is free of the worker's own part.
    free: Cell<u64>,
}

/// Units that are held. They are free again when this is dropped.
#[derive(Debug)]
pub struct Charge {
    allowance: Allowance,
    account: Account,
    /// Units of the worker's own part.
    own: u64,
    /// Units of the reserve.
    reserved: u64,
}

/// Units of the reserve that a thread other than a worker holds. They are free again when this is
/// dropped.
#[derive(Debug)]
pub struct Reserved {
    budget: Arc<Budget>,
    account: Account,
    units: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let Reserved { budget, units, .. } = self;
        budget.reserve.fetch_add(*units as i64, Ordering::Relaxed);
        budget.held[self.account as usize].fetch_sub(*units, Ordering::Relaxed);
    }
}

impl Allowance {
    /// Access for a worker. Call this once per worker.
    pub fn new(budget: Arc<Budget>) -> Allowance {
        let free = Cell::new(budget.part);
        Allowance(Rc::new(Part { budget, free }))
    }

    /// The limit of all workers together.
    pub fn limit(&self) -> u64 {
        self.0.budget.limit
    }

    /// The most that this worker can hold: its own part and the reserve.
    pub fn reach(&self) -> u64 {
        self.0.budget.part + self.0.budget.reserved
    }

    /// Whether this worker may charge this many units to `account`.
    pub fn has_room(&self, account: Account, units: u64) -> bool {
        self.missing(account, units) == 0
    }

    /// How many units must become free before this worker can charge `units` to `account`.
    pub fn missing(&self, account: Account, units: u64) -> u64 {
        let Part { budget, free } = &*self.0;
        budget.missing(Some(free.get()), account, units)
    }

    /// Whether nothing is free for this worker.
    pub fn is_used_up(&self) -> bool {
        !self.has_room(Account::Connections, 1)
    }

    /// See [`Budget::is_overdrawn`].
    pub fn is_overdrawn(&self) -> bool {
        self.0.budget.is_overdrawn()
    }

    /// Charges units that will be held. `None` if they are not free.
    pub fn charge(&self, account: Account, units: u64) -> Option<Charge> {
        let mut charge = self.empty(account);
        charge.grow(units).then_some(charge)
    }

    /// Charges units that are held already, or that are needed whatever is free.
    pub fn charge_anyway(&self, account: Account, units: u64) -> Charge {
        let mut charge = self.empty(account);
        charge.grow_anyway(units);
        charge
    }

    /// The limit of all workers together, for other threads.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.0.budget
    }

    /// Holds from now on what another thread has reserved in the same budget.
    pub fn adopt(&self, mut reserved: Reserved) -> Charge {
        let mut charge = self.empty(reserved.account);
        charge.reserved = std::mem::take(&mut reserved.units);
        charge
    }

    fn empty(&self, account: Account) -> Charge {
        Charge {
            allowance: self.clone(),
            account,
            own: 0,
            reserved: 0,
        }
    }
}

impl Charge {
    /// How many units are held.
    pub fn units(&self) -> u64 {
        self.own + self.reserved
    }

    /// How many units must become free before it can charge this many more.
    pub fn missing(&self, units: u64) -> u64 {
        self.allowance.missing(self.account, units)
    }

    /// Charges more units. Returns whether they were free.
    pub fn grow(&mut self, units: u64) -> bool {
        let part = &self.allowance.0;
        let own = units.min(part.free.get());
        let is_free = self.allowance.has_room(self.account, units)
            && (own == units || part.budget.take(units - own));
        if is_free {
            self.add(own, units - own);
        }
        is_free
    }

    /// Charges more units, even if they are not free.
    pub fn grow_anyway(&mut self, units: u64) {
        let part = &self.allowance.0;
        let own = units.min(part.free.get());
        let rest = (units - own).min(i64::MAX as u64);
        if rest > 0 {
            part.budget
                .reserve
                .fetch_sub(rest as i64, Ordering::Relaxed);
        }
        self.add(own, rest);
    }

    /// Holds this many units from now on, even if they are not free.
    pub fn resize_anyway(&mut self, units: u64) {
        match units.checked_sub(self.units()) {
            Some(more) => self.grow_anyway(more),
            None => {
                let less = self.units() - units;
                let reserved = less.min(self.reserved);
                self.release(less - reserved, reserved);
            }
        }
    }

    fn add(&mut self, own: u64, reserved: u64) {
        let part = &self.allowance.0;
        part.free.set(part.free.get() - own);
        part.budget.held[self.account as usize].fetch_add(own + reserved, Ordering::Relaxed);
        self.own += own;
        self.reserved += reserved;
    }

    fn release(&mut self, own: u64, reserved: u64) {
        let part = &self.allowance.0;
        part.free.set(part.free.get() + own);
        let budget = &part.budget;
        if reserved > 0 {
            budget.reserve.fetch_add(reserved as i64, Ordering::Relaxed);
        }
        budget.held[self.account as usize].fetch_sub(own + reserved, Ordering::Relaxed);
        self.own -= own;
        self.reserved -= reserved;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.release(self.own, self.reserved);
    }
}

#[cfg(test)]
impl Allowance {
    /// An allowance that is never used up.
    pub(super) fn unlimited() -> Allowance {
        Allowance::new(Arc::new(Budget::new(u64::MAX, 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Account::{Coders, Contents, Copies, Listings};

    /// The accesses of two workers to 1,000 units: 500 in reserve and 250 each.
    fn two_workers() -> (Arc<Budget>, Allowance, Allowance) {
        let budget = Arc::new(Budget::new(1000, 2));
        let [one, two] = [0, 1].map(|_| Allowance::new(Arc::clone(&budget)));
        (budget, one, two)
    }

    #[test]
    fn a_worker_uses_its_own_part_and_then_the_reserve() {
        let (budget, one, two) = two_workers();
        assert!(one.has_room(Contents, 750) && !one.has_room(Contents, 751));
        let first = one.charge(Contents, 300).expect("it is free");
        assert_eq!((first.own, first.reserved), (250, 50));
        assert!(two.has_room(Contents, 700) && !two.has_room(Contents, 701));
        assert!(two.charge(Contents, 701).is_none());
        let second = two.charge(Copies, 700).expect("it is free");
        assert!(one.is_used_up() && !budget.is_overdrawn());
        assert!(one.charge(Contents, 1).is_none());
        assert_eq!((budget.held(Contents), budget.held(Copies)), (300, 700));
        drop(first);
        assert!(one.charge(Contents, 300).is_some());
        drop(second);
        assert_eq!((budget.held(Contents), budget.held(Copies)), (0, 0));
        assert!(one.has_room(Contents, 750) && two.has_room(Contents, 750));
    }

    #[test]
    fn the_part_of_a_worker_is_not_taken_by_another() {
        let (budget, one, two) = two_workers();
        let all = one.charge_anyway(Contents, 875);
        assert_eq!(budget.excess(), 0, "the part of the other is free");
        assert!(two.has_room(Contents, 250) && !two.has_room(Contents, 251));
        assert!(one.is_used_up() && !two.is_used_up() && !one.is_overdrawn());
        let more = two.charge_anyway(Copies, 250);
        assert!(budget.excess() == 125 && !two.is_overdrawn());
        let one_more = one.charge_anyway(Contents, 1);
        assert!(two.is_overdrawn() && !budget.is_exhausted());
        let far_more = one.charge_anyway(Contents, 125);
        assert!(budget.is_exhausted());
        drop((more, one_more, far_more));
        drop(all);
        assert!(two.has_room(Contents, 750));
    }

    #[test]
    fn a_charge_that_does_not_fit_changes_nothing() {
        let (budget, one, _) = two_workers();
        let mut charge = one.charge(Contents, 100).expect("it is free");
        assert!(!charge.grow(651));
        assert_eq!((charge.units(), budget.held(Contents)), (100, 100));
        assert!(charge.grow(650));
        drop(charge);
        assert!(one.has_room(Contents, 750));
    }

    #[test]
    fn a_charge_that_shrinks_needs_nothing_more() {
        let (budget, one, _) = two_workers();
        let mut charge = one.charge(Contents, 750).expect("it is free");
        charge.resize_anyway(749);
        assert_eq!((charge.own, charge.reserved), (250, 499));
        charge.resize_anyway(100);
        assert_eq!((charge.own, charge.reserved), (100, 0));
        assert!(one.has_room(Contents, 650) && !one.has_room(Contents, 651));
        charge.resize_anyway(800);
        assert_eq!((charge.units(), budget.held(Contents)), (800, 800));
        assert!(budget.reserve.load(Ordering::Relaxed) < 0);
        drop(charge);
        assert!(one.has_room(Contents, 750));
    }

    #[test]
    fn another_thread_takes_from_the_reserve_only() {
        let (budget, one, two) = two_workers();
        assert!(budget.reserve(Contents, 501).is_none());
        let reserved = budget.reserve(Contents, 500).expect("it is free");
        assert_eq!(budget.held(Contents), 500);
        assert!(two.has_room(Contents, 250) && !two.has_room(Contents, 251));
        let charge = one.adopt(reserved);
        assert_eq!((charge.units(), budget.held(Contents)), (500, 500));
        let more = budget.reserve_anyway(Copies, 7);
        drop(charge);
        assert!(two.has_room(Contents, 743) && !two.has_room(Contents, 744));
        drop(more);
        assert!(two.has_room(Contents, 750));
    }

    #[test]
    fn each_account_has_its_own_place_and_name() {
        let budget = Arc::new(Budget::new(1000, 1));
        for (at, account) in Account::ALL.into_iter().enumerate() {
            assert_eq!(account as usize, at);
            let _held = budget.reserve(account, 1).expect("it is free");
            let held = Account::ALL.map(|other| budget.held(other));
            assert_eq!(held, Account::ALL.map(|other| u64::from(other == account)));
            let same_name = |other: &Account| other.name() == account.name();
            assert_eq!(
                Account::ALL.iter().filter(|other| same_name(other)).count(),
                1
            );
        }
    }

    #[test]
    fn many_workers_can_still_hold_something_large() {
        let budget = Arc::new(Budget::new(64 << 20, 64));
        let one = Allowance::new(budget);
        assert!(one.charge(Copies, 32 << 20).is_some());
    }

    #[test]
    fn contents_leave_room_for_what_cannot_do_without() {
        let budget = Arc::new(Budget::of_memory(1000, 2));
        let [one, two] = [0, 1].map(|_| Allowance::new(Arc::clone(&budget)));
        // A worker sees 750 units. Three eighths are 279.
        assert!(one.has_room(Contents, 471) && !one.has_room(Contents, 472));
        let contents = one.charge(Contents, 471).expect("it is free");
        assert!(one.charge(Copies, 1).is_none());
        assert!(two.charge(Contents, 251).is_none());
        let coders = one.charge(Coders, 186).expect("it is free");
        assert!(one.charge(Coders, 1).is_none() && !one.is_used_up());
        let listings = one.charge(Listings, 93).expect("it is free");
        assert!(one.is_used_up());
        drop((contents, coders, listings));
        assert!(one.has_room(Listings, 750));
    }

    #[test]
    fn a_worker_is_told_what_another_waits_for() {
        let (budget, one, _) = two_workers();
        assert_eq!(budget.take_wanted(), 0);
        let most = one.charge(Contents, 700).expect("it is free");
        budget.want(70);
        budget.want(60);
        assert_eq!((budget.take_wanted(), budget.take_wanted()), (20, 0));
        drop(most);
        budget.want(70);
        assert_eq!(budget.take_wanted(), 0, "it is free by now");
    }

    #[test]
    fn another_thread_keeps_its_part_of_the_reserve_free() {
        let budget = Arc::new(Budget::of_memory(1000, 1));
        assert!(budget.reserve(Contents, 315).is_none());
        let contents = budget.reserve(Contents, 314);
        assert!(contents.is_some() && budget.reserve(Contents, 0).is_some());
    }

    #[test]
    fn what_is_missing_includes_debts() {
        let (_, one, two) = two_workers();
        let _all = one.charge_anyway(Contents, 800);
        assert_eq!(two.missing(Contents, 250), 0, "its own part is free");
        assert_eq!(two.missing(Contents, 260), 10 + 50);
        assert_eq!(one.missing(Contents, 0), 0);
    }

    #[test]
    fn no_limit_overflows() {
        for limit in [0, 1, u64::MAX] {
            let memory = Allowance::new(Arc::new(Budget::new(limit, 3)));
            assert!(memory.charge(Contents, u64::MAX).is_none());
            drop(memory.charge_anyway(Contents, 1 << 40));
            assert!(memory.has_room(Contents, limit.min(1) / 2));
        }
    }
}
