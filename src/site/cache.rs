//! The file cache of one worker: limited by an allowance of bytes, with second-chance eviction.
//!
//! Invariant: the cache never decides whether an entry is fresh. [`crate::site::resolve`] compares
//! an entry with the disk before it uses it.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::site::budget::{Account, Allowance, Charge};
use crate::site::copying::Freed;
use crate::site::file::{LastLook, StoredFile};

/// How many entries are looked at to free memory that a response needs.
const LOOKS: usize = 64;

/// How many entries are swept at once. This takes a fraction of a millisecond, or a few milliseconds if
/// most of them are freed.
const SWEPT: usize = 512;

/// Files by path, limited by an allowance of bytes.
pub(super) struct Cache {
    entries: HashMap<Rc<[u8]>, CacheEntry>,
    /// The keys of `entries`, in the order in which they are considered for eviction.
    queue: VecDeque<Rc<[u8]>>,
    /// Files that have got a private copy. Some may have left the cache since.
    copied: Vec<Rc<[u8]>>,
    /// The number of the current or last sweep.
    sweep: u64,
    /// How many entries of the queue are still to be swept.
    unswept: usize,
    space: Allowance,
}

struct CacheEntry {
    file: Rc<StoredFile>,
    /// What the file holds.
    charge: Charge,
    /// Whether it was used since it was last considered for eviction.
    recent: bool,
    /// The number of the last sweep that had begun when it was used.
    used: u64,
}

/// When a file was last compared with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// In this turn of the worker's loop.
    InThisTurn,
    /// At this time, in seconds since 1970.
    At(i64),
}

impl Cache {
    /// A cache of at most the bytes in `space`.
    pub(super) fn new(space: Allowance) -> Cache {
        Cache {
            entries: HashMap::new(),
            queue: VecDeque::new(),
            copied: Vec::new(),
            sweep: 0,
            unswept: 0,
            space,
        }
    }

    /// The largest content to keep. The limit prevents one file from evicting too many others.
    pub(super) fn largest_content(&self) -> u64 {
        (self.space.limit() / 8).min(512 * 1024)
    }

    /// The largest private copy to make. The limit prevents one copy from evicting all others.
    pub(super) fn largest_copy(&self) -> u64 {
        self.space.limit() / 2
    }

    /// The most bytes of the end of a larger file to copy. Each of two workers can have one such copy and a
    /// few small files.
    pub(super) fn largest_end(&self) -> u64 {
        self.space.limit() / 16 * 7
    }

    /// The file at `path`, and when it was last compared with the disk. `turn` is the current one.
    pub(super) fn find(&mut self, path: &[u8], turn: u64) -> Option<(&Rc<StoredFile>, Looked)> {
        let entry = self.entries.get_mut(path)?;
        entry.recent = true;
        entry.used = self.sweep;
        let last = entry.file.last_look.get();
        let looked = match last.turn == turn {
            true => Looked::InThisTurn,
            false => Looked::At(last.time),
        };
        Some((&entry.file, looked))
    }

    /// Stores a file that was just read. It replaces any earlier entry of its path.
    pub(super) fn insert(&mut self, path: &[u8], file: Rc<StoredFile>, turn: u64, now: i64) {
        self.remove(path);
        let Some(charge) = self.charge(file.held_bytes()) else {
            return;
        };
        file.last_look.set(LastLook { turn, time: now });
        let key: Rc<[u8]> = Rc::from(path);
        self.queue.push_back(Rc::clone(&key));
        let entry = CacheEntry {
            file,
            charge,
            recent: false,
            used: self.sweep,
        };
        self.entries.insert(key, entry);
    }

    /// Updates the charge of a file that has gained coded content or a copy.
    pub(super) fn update_charge(&mut self, path: &[u8]) {
        let Some((key, entry)) = self.entries.get_key_value(path) else {
            return;
        };
        if entry.file.copy.get().is_some() && !self.copied.contains(key) {
            self.copied.push(Rc::clone(key));
        }
        let bytes = entry.file.held_bytes();
        let charge = self.charge(bytes.saturating_sub(entry.charge.units()));
        match (charge, self.entries.get_mut(path)) {
            (Some(more), Some(entry)) => {
                drop(more);
                entry.charge.resize_anyway(bytes);
            }
            // It does not fit, or had to make room for itself.
            (None, Some(_)) => self.remove(path),
            (_, None) => {}
        }
    }

    /// Removes an entry. This scans the whole queue, but only happens when a file changed, was deleted
    /// or must make room for a copy.
    pub(super) fn remove(&mut self, path: &[u8]) {
        if self.entries.remove(path).is_some() {
            self.queue.retain(|key| key.as_ref() != path);
        }
    }

    /// Makes space for a private copy by removing files whose private copies nobody is using. Files
    /// that were not used since they were last considered for eviction go first. `has_room` says whether
    /// what is freed is enough. If no choice of files is enough, this method removes nothing and returns
    /// false.
    pub(super) fn make_room_for_copy(&mut self, has_room: impl Fn(Freed) -> bool) -> bool {
        let copy_of = |key: &Rc<[u8]>| {
            self.entries
                .get(key)
                .and_then(|entry| entry.file.copy.get())
        };
        self.copied.retain(|key| copy_of(key).is_some());
        let entries = self.copied.iter().filter_map(|key| {
            let entry = self.entries.get(key)?;
            Some((key, entry.recent, entry.unused_copy()?))
        });
        let mut candidates: Vec<_> = entries.collect();
        candidates.sort_by_key(|&(_, recent, _)| recent);
        let (mut freed, mut evicted) = (Freed::default(), Vec::new());
        for (key, _, size) in candidates {
            if has_room(freed) {
                break;
            }
            freed.bytes += size;
            freed.copies += 1;
            evicted.push(Rc::clone(key));
        }
        let is_enough = has_room(freed);
        if is_enough {
            evicted.iter().for_each(|key| self.remove(key));
        }
        is_enough
    }

    /// Whether there is no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Begins to remove the entries that were not used since the last sweep began.
    pub(super) fn begin_sweep(&mut self) {
        self.sweep += 1;
        self.unswept = self.queue.len();
    }

    /// Whether a sweep is not complete.
    pub(super) fn is_sweeping(&self) -> bool {
        self.unswept > 0
    }

    /// Sweeps some entries.
    pub(super) fn sweep(&mut self) {
        for _ in 0..self.unswept.min(SWEPT) {
            self.unswept -= 1;
            let Some(key) = self.queue.pop_front() else {
                break;
            };
            let entry = self.entries.get(&key);
            match entry.is_some_and(|entry| entry.used + 1 >= self.sweep) {
                true => self.queue.push_back(key),
                false => drop(self.entries.remove(&key)),
            }
        }
        if self.entries.is_empty() {
            self.unswept = 0;
            self.entries.shrink_to_fit();
            self.queue.shrink_to_fit();
        }
    }

    /// Evicts a file that nobody is using, so that its memory becomes free. Returns whether there was
    /// one among the next entries of the queue.
    pub(super) fn free_some(&mut self) -> bool {
        for _ in 0..self.queue.len().min(LOOKS) {
            let Some(key) = self.queue.pop_front() else {
                return false;
            };
            let entry = self.entries.get(&key);
            if entry.is_some_and(|entry| StoredFile::is_unused(&entry.file)) {
                self.entries.remove(&key);
                return true;
            }
            self.queue.push_back(key);
        }
        false
    }

    /// Charges bytes, and evicts entries until they fit. `None` if they do not fit without any entry.
    fn charge(&mut self, bytes: u64) -> Option<Charge> {
        loop {
            if let Some(charge) = self.space.charge(Account::Contents, bytes) {
                return Some(charge);
            }
            if bytes > self.space.limit() || !self.evict() {
                return None;
            }
        }
    }

    /// Evicts an entry. An entry that was used since it was last considered goes to the end of the queue
    /// instead. Returns false if there is no entry.
    fn evict(&mut self) -> bool {
        while let Some(key) = self.queue.pop_front() {
            match self.entries.get_mut(&key) {
                Some(entry) if entry.recent => {
                    entry.recent = false;
                    self.queue.push_back(key);
                }
                _ => {
                    self.entries.remove(&key);
                    return true;
                }
            }
        }
        false
    }
}

impl CacheEntry {
    /// The size of the private copy, if removing this entry frees it. While someone else holds the
    /// copy, for example to send it, its memory stays in use.
    fn unused_copy(&self) -> Option<u64> {
        let copy = self.file.copy.get()?;
        let is_unused = Rc::strong_count(&self.file) == 1
            && Rc::strong_count(&self.file.copy) == 1
            && Rc::strong_count(copy) == 1;
        is_unused.then_some(copy.length())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::semantics::coding::Coding;
    use crate::site::budget::Budget;
    use crate::site::held::HeldBytes;
    use crate::site::storage::Storage;

    fn cache(bytes: u64) -> Cache {
        Cache::new(Allowance::new(Arc::new(Budget::new(bytes, 1))))
    }

    impl Cache {
        fn used(&self) -> u64 {
            self.entries
                .values()
                .map(|entry| entry.charge.units())
                .sum()
        }
    }

    fn file(size: usize) -> Rc<StoredFile> {
        Rc::new(StoredFile::in_memory("a.bin", vec![0; size]))
    }

    #[test]
    fn the_cache_stays_within_its_budget_and_keeps_used_files() {
        let mut cache = cache(10_000);
        cache.insert(b"kept", file(1000), 1, 0);
        for number in 0..1000 {
            assert!(cache.find(b"kept", 1).is_some(), "after {number}");
            cache.insert(format!("{number}").as_bytes(), file(1000), 1, 0);
            assert!(cache.used() <= 10_000);
            assert_eq!(cache.queue.len(), cache.entries.len());
        }
    }

    #[test]
    fn a_file_larger_than_the_budget_is_not_kept() {
        let mut cache = cache(1000);
        cache.insert(b"large", file(2000), 1, 0);
        assert!(cache.find(b"large", 1).is_none());
        assert_eq!(cache.used(), 0);
    }

    #[test]
    fn replacing_a_file_removes_the_old_entry() {
        let mut cache = cache(10_000);
        for _ in 0..100 {
            cache.insert(b"a", file(1000), 1, 0);
        }
        assert_eq!((cache.entries.len(), cache.queue.len()), (1, 1));
        cache.remove(b"a");
        assert_eq!((cache.used(), cache.queue.len()), (0, 0));
    }

    #[test]
    fn coded_content_is_charged_when_the_charge_is_updated() {
        let mut cache = cache(10_000);
        let first = file(1000);
        cache.insert(b"first", Rc::clone(&first), 1, 0);
        let second = file(1000);
        cache.insert(b"second", Rc::clone(&second), 1, 0);
        let gzip = second.representation(Coding::Gzip);
        let charge = Allowance::unlimited().charge_anyway(Account::Contents, 0);
        gzip.keep_coded(HeldBytes::new(Storage::of(vec![0; 7000]), charge));
        cache.update_charge(b"second");
        assert!(cache.used() <= 10_000);
        assert!(cache.find(b"first", 1).is_none(), "it had to make room");
        assert!(cache.find(b"second", 1).is_some());
    }

    fn sweep(cache: &mut Cache) {
        cache.begin_sweep();
        while cache.is_sweeping() {
            cache.sweep();
        }
    }

    #[test]
    fn a_sweep_removes_what_was_not_used_since_the_last_one() {
        let mut cache = cache(10_000);
        cache.insert(b"a", file(10), 1, 0);
        cache.insert(b"b", file(10), 1, 0);
        sweep(&mut cache);
        assert!(cache.find(b"a", 1).is_some());
        sweep(&mut cache);
        assert_eq!((cache.entries.len(), cache.queue.len()), (1, 1));
        assert!(cache.entries.contains_key(&b"a"[..]));
        sweep(&mut cache);
        assert!(cache.is_empty() && cache.queue.is_empty());
    }

    #[test]
    fn a_sweep_in_steps_keeps_what_is_in_use() {
        const FILES: usize = 3 * SWEPT;
        let mut cache = cache(64 << 20);
        let name = |number: usize| format!("{number}");
        for number in 0..FILES {
            cache.insert(name(number).as_bytes(), file(10), 1, 0);
        }
        for _ in 0..3 {
            for number in 0..FILES / 2 {
                assert!(cache.find(name(number).as_bytes(), 1).is_some(), "{number}");
            }
            cache.begin_sweep();
            while cache.is_sweeping() {
                cache.sweep();
                // The queue turns meanwhile, so some entries are seen twice.
                let all: Vec<_> = cache.queue.iter().take(100).cloned().collect();
                cache.queue.rotate_left(all.len().min(cache.queue.len()));
            }
        }
        assert!(cache.entries.len() < FILES);
        assert_eq!(cache.entries.len(), cache.queue.len());
    }

    #[test]
    fn an_entry_is_checked_once_per_turn() {
        let mut cache = cache(10_000);
        cache.insert(b"a", file(10), 1, 0);
        let looked = |cache: &mut Cache, turn| cache.find(b"a", turn).map(|(_, looked)| looked);
        assert_eq!(looked(&mut cache, 1), Some(Looked::InThisTurn));
        assert_eq!(looked(&mut cache, 2), Some(Looked::At(0)));
        let (file, _) = cache.find(b"a", 2).expect("cached");
        file.last_look.set(LastLook { turn: 2, time: 7 });
        assert_eq!(looked(&mut cache, 2), Some(Looked::InThisTurn));
        assert_eq!(looked(&mut cache, 3), Some(Looked::At(7)));
    }
}
