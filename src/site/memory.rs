//! What one worker holds of a site, and what it frees if there is too little memory.
//!
//! Cached files that nobody uses give way to what a response needs, and spare coders to coders. No client
//! network may have so many coders that the others get none.

use std::net::IpAddr;
use std::sync::Arc;

use crate::semantics::coding::Coding;
use crate::site::body::Source;
use crate::site::budget::{Account, Budget, Charge};
use crate::site::cache::Cache;
use crate::site::compress::{CODER, Charges, Coder, CoderMemory, Coders};
use crate::site::copying::{Original, PendingCopy};
use crate::site::decompress::{DECODER, Decoded};
use crate::site::options::Allowances;
use crate::site::private::CopyStorage;
use crate::site::queue::Queue;

/// The cache and the spare coders of one worker, and what the worker may hold.
pub struct SiteMemory {
    pub(super) allowances: Allowances,
    pub(super) cache: Cache,
    pub(super) coders: Coders,
}

impl SiteMemory {
    /// Nothing is held yet.
    pub(super) fn new(allowances: Allowances) -> SiteMemory {
        SiteMemory {
            cache: Cache::new(allowances.cache.clone()),
            allowances,
            coders: Coders::default(),
        }
    }

    /// The memory of all workers.
    pub fn budget(&self) -> &Arc<Budget> {
        self.allowances.memory.budget()
    }

    /// See [`Allowances::short_readings`].
    pub fn short_readings(&self) -> &Queue {
        &self.allowances.short_readings
    }

    /// Charges memory, even if it is not free.
    pub fn charge_anyway(&self, account: Account, bytes: u64) -> Charge {
        self.allowances.memory.charge_anyway(account, bytes)
    }

    /// Charges memory. If there is too little, evicts cached files that nobody is using.
    pub fn charge(&mut self, account: Account, bytes: u64) -> Option<Charge> {
        let mut charge = self.charge_anyway(account, 0);
        self.grow(&mut charge, bytes).then_some(charge)
    }

    /// Grows a charge to `bytes`, like [`SiteMemory::charge`]. Returns whether there was enough memory.
    pub fn grow(&mut self, charge: &mut Charge, bytes: u64) -> bool {
        let more = bytes.saturating_sub(charge.units());
        while !charge.grow(more) {
            if !self.cache.free_some() {
                return false;
            }
        }
        true
    }

    /// How many bytes must become free before a charge can grow to `bytes`.
    pub fn missing(&self, charge: &Charge, bytes: u64) -> u64 {
        charge.missing(bytes.saturating_sub(charge.units()))
    }

    /// The largest content that the cache keeps.
    pub fn largest_kept(&self) -> u64 {
        self.cache.largest_content()
    }

    /// Whether there is memory for a coder for a client in `network`, and for as many bytes of its result.
    pub fn has_room_for_coder(&self, network: IpAddr, coding: Coding, result: u64) -> bool {
        let memory = &self.allowances.memory;
        let has_coder = || {
            // A spare one is charged already.
            self.coders.has_spare(coding) && self.may_have_coder(network, 0)
                || self.may_have_coder(network, CODER)
                    && memory.has_room(Account::Coders, CODER + result)
        };
        memory.has_room(Account::Contents, result) && has_coder()
    }

    /// A coder for `coding` and a client in `network`. `None` if there is too little memory for one.
    pub fn coder(&mut self, network: IpAddr, coding: Coding) -> Option<Coder> {
        // Otherwise each coder that another network ends would move to the one that holds the others.
        if self.may_have_coder(network, 0) {
            let share = || self.allowances.coder_shares.add(network, CODER);
            if let Some(coder) = self.coders.take_spare(coding, share) {
                return Some(coder);
            }
        }
        let charges = self.charge_coder_of(network, CODER)?;
        let share = self.allowances.coder_shares.add(network, CODER);
        Some(self.coders.new_coder(coding, charges, share))
    }

    /// A source that decodes gzip for a client in `network`. `None` if there is too little memory for it.
    pub fn decoded(&mut self, network: IpAddr, source: Box<dyn Source>) -> Option<Decoded> {
        let charges = self.charge_coder_of(network, DECODER)?;
        let share = self.allowances.coder_shares.add(network, DECODER);
        Some(Decoded::new(source, charges, share))
    }

    /// Whether a client in `network` may get one more coder. A network that already uses coders must leave a
    /// quarter of the budget free, so that slow readers cannot cause 503 for other networks.
    fn may_have_coder(&self, network: IpAddr, bytes: u64) -> bool {
        let left = self.left_to_others(network);
        (self.allowances.coders).has_room(Account::Coders, bytes + left)
    }

    /// The bytes that must stay free for other networks: none if this network has no coder yet.
    fn left_to_others(&self, network: IpAddr) -> u64 {
        match self.allowances.coder_shares.of(network) {
            0 => 0,
            _ => self.allowances.coders.reach() / 4,
        }
    }

    /// Charges a coder of a client in `network`. If necessary, frees those that nobody uses.
    fn charge_coder_of(&mut self, network: IpAddr, bytes: u64) -> Option<Charges> {
        let mut charges = None;
        loop {
            if self.may_have_coder(network, bytes) {
                charges = self.charge_coder(bytes);
            }
            if charges.is_some() || !self.coders.clear() {
                return charges;
            }
        }
    }

    /// Charges coders that a connection of a client in `network` keeps, if at least `left` bytes remain for the
    /// coders of responses. If the network already has coders, as much must also stay free for other networks as
    /// for a coder of a response.
    pub fn charge_lasting_coders(
        &mut self,
        network: IpAddr,
        bytes: u64,
        left: u64,
    ) -> Option<CoderMemory> {
        let Allowances { memory, coders, .. } = &self.allowances;
        let left_of_coders = left + self.left_to_others(network);
        let is_room = coders.has_room(Account::Coders, bytes + left_of_coders)
            && memory.has_room(Account::Coders, bytes + left);
        let charges = is_room.then(|| self.charge_coder(bytes)).flatten()?;
        let share = self.allowances.coder_shares.add(network, bytes);
        Some(CoderMemory::new(charges, share))
    }

    fn charge_coder(&mut self, bytes: u64) -> Option<Charges> {
        let part = self.allowances.coders.charge(Account::Coders, bytes)?;
        Some([self.charge(Account::Coders, bytes)?, part])
    }

    /// A private copy of a file. If a copy of the whole file needs space, evicts other copies. Returns `None` if
    /// that does not make enough space. Of a file that is too large for that, it is a copy of the end, which the
    /// kernel must not send from the file itself.
    pub(super) fn begin_copy(&mut self, original: Original) -> Option<PendingCopy> {
        let (copying, cache) = (&self.allowances.copying, &mut self.cache);
        if original.size <= cache.largest_copy() {
            return PendingCopy::of_whole(copying, original, |has_room| {
                cache.make_room_for_copy(has_room)
            });
        }
        // With TLS, docroot reads the whole file anyway, so a copy of the end saves nothing.
        let is_of_use = original.storage == CopyStorage::Memfd;
        is_of_use.then(|| PendingCopy::of_end(copying, original, cache.largest_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::options::{Budgets, SiteOptions};

    #[test]
    fn a_network_has_one_share_of_the_coders_of_all_sites() {
        // A quarter of the memory is for coders. Three quarters of these eight are for one network.
        let options = SiteOptions {
            memory: 4 * 8 * CODER,
            ..SiteOptions::default()
        };
        let allowances = Budgets::new(&options, 1).part();
        let [mut first, mut second] = [(); 2].map(|()| SiteMemory::new(allowances.clone()));
        let [one, other]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        let mut coders: Vec<Coder> = (0..10)
            .map_while(|_| first.coder(one, Coding::Gzip))
            .collect();
        assert_eq!(coders.len(), 6);
        assert!(!second.has_room_for_coder(one, Coding::Gzip, 0));
        assert!(second.coder(one, Coding::Gzip).is_none());
        coders.extend(second.coder(other, Coding::Gzip));
        assert_eq!(coders.len(), 7, "the rest is for other networks");
        drop(coders);
        // Of what connections keep, too: they leave two coders to responses and two to other networks.
        let mut keep = |network| first.charge_lasting_coders(network, CODER, 2 * CODER);
        let mut kept: Vec<_> = (0..10).map_while(|_| keep(one)).collect();
        assert_eq!(kept.len(), 4);
        kept.extend(keep(other));
        assert_eq!(kept.len(), 5);
        assert!(keep(other).is_none(), "this network has a share now");
        let third = IpAddr::from([10, 0, 0, 3]);
        kept.extend(keep(third));
        assert_eq!(kept.len(), 6, "this one has none");
        // They count with the coders of responses.
        assert!(second.coder(one, Coding::Gzip).is_none());
    }
}
