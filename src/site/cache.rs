//! A worker's own memory of what paths name: bounded, shared with nobody, second-chance eviction.
//!
//! Invariant: the cache never decides freshness. [`crate::site::resolve`] compares the state of
//! an entry with the disk before it is used.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::site::file::StoredFile;

/// What an entry costs beside its name and content: above all its tags and the fields of its head
/// in each coding.
const OVERHEAD: u64 = 1536;

/// Files by path, within a budget of bytes.
pub struct Cache {
    entries: HashMap<Rc<[u8]>, CacheEntry>,
    /// The keys of `entries` in the order in which they are considered for eviction.
    queue: VecDeque<Rc<[u8]>>,
    used: u64,
    budget: u64,
}

struct CacheEntry {
    file: Rc<StoredFile>,
    /// What was charged for it.
    cost: u64,
    /// Used since it was last considered for eviction.
    recent: bool,
    /// The turn of the worker's loop in which its state was last compared with the disk.
    checked: u64,
}

impl Cache {
    /// A cache that holds at most `budget` bytes.
    pub fn new(budget: u64) -> Cache {
        Cache {
            entries: HashMap::new(),
            queue: VecDeque::new(),
            used: 0,
            budget,
        }
    }

    /// The largest content worth keeping: one file must not push out everything else.
    pub fn largest(&self) -> u64 {
        (self.budget / 8).min(512 * 1024)
    }

    /// The largest private copy worth making: one must not push out everything else.
    pub fn largest_copy(&self) -> u64 {
        self.budget / 2
    }

    /// The file at `path`, and whether it was compared with the disk in this `turn` already.
    pub fn find(&mut self, path: &[u8], turn: u64) -> Option<(&Rc<StoredFile>, bool)> {
        let entry = self.entries.get_mut(path)?;
        entry.recent = true;
        Some((&entry.file, entry.checked == turn))
    }

    /// Notes that the file at `path` is what the disk holds in this `turn`.
    pub fn confirm(&mut self, path: &[u8], turn: u64) {
        if let Some(entry) = self.entries.get_mut(path) {
            entry.checked = turn;
        }
    }

    /// Remembers a file just read, in place of what was known of its path.
    pub fn insert(&mut self, path: &[u8], file: Rc<StoredFile>, turn: u64) {
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

    /// Charges again for a file that has gained coded content.
    pub fn recount(&mut self, path: &[u8]) {
        if let Some(entry) = self.entries.get_mut(path) {
            let cost = cost(path, &entry.file);
            self.used = self.used - entry.cost + cost;
            entry.cost = cost;
            self.make_room(0);
        }
    }

    /// Forgets a path. The walk through the queue is paid only when a file has changed or gone.
    pub fn remove(&mut self, path: &[u8]) {
        if let Some(entry) = self.entries.remove(path) {
            self.used -= entry.cost;
            self.queue.retain(|key| key.as_ref() != path);
        }
    }

    /// Forgets files of which there are private copies until there is `enough` space for another:
    /// first those that were not used since they were last considered for eviction.
    pub fn drop_copies(&mut self, enough: impl Fn() -> bool) {
        if enough() {
            return;
        }
        let is =
            |key: &[u8], what: fn(&CacheEntry) -> bool| self.entries.get(key).is_some_and(what);
        let has_copy = |key: &&Rc<[u8]>| is(key, |entry| entry.file.copy.get().is_some());
        let mut keys: Vec<_> = self.queue.iter().filter(has_copy).cloned().collect();
        keys.sort_by_key(|key| is(key, |entry| entry.recent));
        for key in keys {
            if enough() {
                return;
            }
            self.remove(&key);
        }
    }

    /// Evicts until `wanted` more bytes fit: the first in the queue that was not used since it was
    /// last there.
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
    fn the_budget_holds_and_what_is_used_stays() {
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
    fn replacing_a_file_leaves_no_trace_of_the_first() {
        let mut cache = Cache::new(10_000);
        for _ in 0..100 {
            cache.insert(b"a", file(1000), 1);
        }
        assert_eq!((cache.entries.len(), cache.queue.len()), (1, 1));
        cache.remove(b"a");
        assert_eq!((cache.used, cache.queue.len()), (0, 0));
    }

    #[test]
    fn coded_content_is_charged_when_it_is_gained() {
        let mut cache = Cache::new(10_000);
        let first = file(1000);
        cache.insert(b"first", Rc::clone(&first), 1);
        let second = file(1000);
        cache.insert(b"second", Rc::clone(&second), 1);
        let gzip = second.representation(Variant::coded(Coding::Gzip));
        gzip.keep_coded(Rc::from(vec![0; 7000]));
        cache.recount(b"second");
        assert!(cache.used <= 10_000);
        assert!(cache.find(b"first", 1).is_none(), "it had to make room");
        assert!(cache.find(b"second", 1).is_some());
    }

    #[test]
    fn an_entry_is_checked_once_a_turn() {
        let mut cache = Cache::new(10_000);
        cache.insert(b"a", file(10), 1);
        assert!(cache.find(b"a", 1).unwrap().1);
        assert!(!cache.find(b"a", 2).unwrap().1);
        cache.confirm(b"a", 2);
        assert!(cache.find(b"a", 2).unwrap().1);
    }
}
