//! The file cache of one worker: limited to a number of bytes, with second-chance eviction.
//!
//! Invariant: the cache never decides whether an entry is fresh. [`crate::site::resolve`] compares
//! an entry with the disk before it uses it.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::site::file::StoredFile;

/// What an entry costs besides its path and content, in bytes. Most of it is the entity-tag and the
/// field lines of each representation.
const OVERHEAD: u64 = 1536;

/// Files by path, limited to a number of bytes.
pub(super) struct Cache {
    entries: HashMap<Rc<[u8]>, CacheEntry>,
    /// The keys of `entries`, in the order in which they are considered for eviction.
    queue: VecDeque<Rc<[u8]>>,
    used: u64,
    budget: u64,
}

struct CacheEntry {
    file: Rc<StoredFile>,
    /// The bytes charged for this entry.
    cost: u64,
    /// Whether it was used since it was last considered for eviction.
    recent: bool,
    /// The turn of the worker's loop in which it was last compared with the disk.
    checked: u64,
}

impl Cache {
    /// A cache of at most `budget` bytes.
    pub(super) fn new(budget: u64) -> Cache {
        Cache {
            entries: HashMap::new(),
            queue: VecDeque::new(),
            used: 0,
            budget,
        }
    }

    /// The largest content to keep. The limit prevents one file from evicting too many others.
    pub(super) fn largest_content(&self) -> u64 {
        (self.budget / 8).min(512 * 1024)
    }

    /// The largest private copy to make. The limit prevents one copy from evicting all others.
    pub(super) fn largest_copy(&self) -> u64 {
        self.budget / 2
    }

    /// The file at `path`, and whether it was already compared with the disk in this `turn`.
    pub(super) fn find(&mut self, path: &[u8], turn: u64) -> Option<(&Rc<StoredFile>, bool)> {
        let entry = self.entries.get_mut(path)?;
        entry.recent = true;
        Some((&entry.file, entry.checked == turn))
    }

    /// Records that the file at `path` was unchanged on disk in this `turn`.
    pub(super) fn confirm(&mut self, path: &[u8], turn: u64) {
        if let Some(entry) = self.entries.get_mut(path) {
            entry.checked = turn;
        }
    }

    /// Stores a file that was just read. It replaces any earlier entry of its path.
    pub(super) fn insert(&mut self, path: &[u8], file: Rc<StoredFile>, turn: u64) {
        self.remove(path);
        let cost = cost(path, &file);
        self.make_room(cost);
        if self.used + cost > self.budget {
            return;
        }
        let key: Rc<[u8]> = Rc::from(path);
        self.queue.push_back(Rc::clone(&key));
        self.used += cost;
        let entry = CacheEntry {
            file,
            cost,
            recent: false,
            checked: turn,
        };
        self.entries.insert(key, entry);
    }

    /// Updates the cost of a file that has gained coded content or a copy.
    pub(super) fn update_cost(&mut self, path: &[u8]) {
        if let Some(entry) = self.entries.get_mut(path) {
            let cost = cost(path, &entry.file);
            self.used = self.used - entry.cost + cost;
            entry.cost = cost;
            self.make_room(0);
        }
    }

    /// Removes an entry. This scans the whole queue, but only happens when a file changed, was deleted
    /// or must make room for a copy.
    pub(super) fn remove(&mut self, path: &[u8]) {
        if let Some(entry) = self.entries.remove(path) {
            self.used -= entry.cost;
            self.queue.retain(|key| key.as_ref() != path);
        }
    }

    /// Makes space for a private copy by removing files whose private copies nobody is using. Files
    /// that were not used since they were last considered for eviction go first. `is_space` receives
    /// how many bytes and copies are freed, and returns whether that is enough. If no choice of files
    /// is enough, this method removes nothing and returns false.
    pub(super) fn make_room_for_copy(&mut self, is_space: impl Fn(u64, u64) -> bool) -> bool {
        let entries = self.queue.iter().filter_map(|key| {
            let entry = self.entries.get(key)?;
            Some((key, entry.recent, entry.unused_copy()?))
        });
        let mut candidates: Vec<_> = entries.collect();
        candidates.sort_by_key(|&(_, recent, _)| recent);
        let (mut freed_bytes, mut evicted) = (0, Vec::new());
        for (key, _, size) in candidates {
            if is_space(freed_bytes, evicted.len() as u64) {
                break;
            }
            freed_bytes += size;
            evicted.push(Rc::clone(key));
        }
        let is_enough = is_space(freed_bytes, evicted.len() as u64);
        if is_enough {
            evicted.iter().for_each(|key| self.remove(key));
        }
        is_enough
    }

    /// Evicts entries until `wanted` more bytes fit. An entry that was used since it was last
    /// considered goes to the end of the queue instead.
    fn make_room(&mut self, wanted: u64) {
        while self.used + wanted > self.budget {
            let Some(key) = self.queue.pop_front() else {
                return;
            };
            match self.entries.get_mut(&key) {
                Some(entry) if entry.recent => {
                    entry.recent = false;
                    self.queue.push_back(key);
                }
                _ => {
                    if let Some(entry) = self.entries.remove(&key) {
                        self.used -= entry.cost;
                    }
                }
            }
        }
    }
}

impl CacheEntry {
    /// The size of the private copy, if removing this entry frees it. While someone else holds the
    /// copy, for example to send it, its memory stays in use.
    fn unused_copy(&self) -> Option<u64> {
        let copy = self.file.copy.get()?;
        let is_unused = Rc::strong_count(&self.file) == 1 && Rc::strong_count(copy) == 1;
        is_unused.then_some(copy.size)
    }
}

fn cost(path: &[u8], file: &StoredFile) -> u64 {
    OVERHEAD + path.len() as u64 + file.held_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::coding::Coding;
    use crate::semantics::variant::Variant;

    fn file(size: usize) -> Rc<StoredFile> {
        Rc::new(StoredFile::in_memory("a.bin", vec![0; size]))
    }

    #[test]
    fn the_cache_stays_within_its_budget_and_keeps_used_files() {
        let mut cache = Cache::new(10_000);
        cache.insert(b"kept", file(1000), 1);
        for number in 0..1000 {
            assert!(cache.find(b"kept", 1).is_some(), "after {number}");
            cache.insert(format!("{number}").as_bytes(), file(1000), 1);
            assert!(cache.used <= 10_000);
            assert_eq!(cache.queue.len(), cache.entries.len());
        }
    }

    #[test]
    fn a_file_larger_than_the_budget_is_not_kept() {
        let mut cache = Cache::new(1000);
        cache.insert(b"large", file(2000), 1);
        assert!(cache.find(b"large", 1).is_none());
        assert_eq!(cache.used, 0);
    }

    #[test]
    fn replacing_a_file_removes_the_old_entry() {
        let mut cache = Cache::new(10_000);
        for _ in 0..100 {
            cache.insert(b"a", file(1000), 1);
        }
        assert_eq!((cache.entries.len(), cache.queue.len()), (1, 1));
        cache.remove(b"a");
        assert_eq!((cache.used, cache.queue.len()), (0, 0));
    }

    #[test]
    fn coded_content_is_charged_when_the_cost_is_updated() {
        let mut cache = Cache::new(10_000);
        let first = file(1000);
        cache.insert(b"first", Rc::clone(&first), 1);
        let second = file(1000);
        cache.insert(b"second", Rc::clone(&second), 1);
        let gzip = second.representation(Variant::coded(Coding::Gzip));
        gzip.keep_coded(Rc::from(vec![0; 7000]));
        cache.update_cost(b"second");
        assert!(cache.used <= 10_000);
        assert!(cache.find(b"first", 1).is_none(), "it had to make room");
        assert!(cache.find(b"second", 1).is_some());
    }

    #[test]
    fn an_entry_is_checked_once_per_turn() {
        let mut cache = Cache::new(10_000);
        cache.insert(b"a", file(10), 1);
        assert!(cache.find(b"a", 1).unwrap().1);
        assert!(!cache.find(b"a", 2).unwrap().1);
        cache.confirm(b"a", 2);
        assert!(cache.find(b"a", 2).unwrap().1);
    }
}
