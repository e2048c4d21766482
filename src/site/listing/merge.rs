//! Merges sorted runs into one sequence, one entry at a time. A heap orders the runs by their next
//! entry, so each entry costs about 2 log2(runs) comparisons. Many clients can share the runs, because
//! each has its own positions in them.

use super::entry::ListedEntry;
use super::scan::Listing;
use std::cmp::Ordering;

/// The remaining entries of a listing's runs.
#[derive(Debug)]
pub(super) struct Merge {
    /// A binary heap: the next entry of the cursor at `n` comes before those at `2n + 1` and `2n + 2`.
    heap: Vec<Cursor>,
}

/// A position in a run.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// The number of the run.
    run: u32,
    /// The position in it. The run has an entry there.
    at: u32,
}

impl Merge {
    /// Merges all entries of `listing`.
    pub(super) fn new(listing: &Listing) -> Merge {
        let runs = 0..listing.runs.len() as u32;
        let mut merge = Merge {
            heap: runs.map(|run| Cursor { run, at: 0 }).collect(),
        };
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(at, listing);
        }
        merge
    }

    /// Passes the next entry to `visit` and returns its result. Returns `None` if no entry remains.
    /// `listing` is the one that it was made for.
    pub(super) fn next<T>(
        &mut self,
        listing: &Listing,
        visit: impl FnOnce(ListedEntry) -> T,
    ) -> Option<T> {
        let top = self.heap.first_mut()?;
        let visited = top.entry(listing).map(visit);
        top.at += 1;
        if top.entry(listing).is_none() {
            self.heap.swap_remove(0);
        }
        self.sift_down(0, listing);
        visited
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.heap.capacity() * size_of::<Cursor>()
    }

    /// Moves the cursor at `at` down to its place. Everything below it is a heap.
    fn sift_down(&mut self, mut at: usize, listing: &Listing) {
        loop {
            let children = (2 * at + 1..self.heap.len()).take(2);
            let by_entry = |a: &usize, b: &usize| self.heap[*a].compare(&self.heap[*b], listing);
            match children.min_by(by_entry) {
                Some(child) if by_entry(&child, &at).is_lt() => {
                    self.heap.swap(child, at);
                    at = child;
                }
                _ => return,
            }
        }
    }
}

impl Cursor {
    fn entry<'a>(&self, listing: &'a Listing) -> Option<ListedEntry<'a>> {
        listing.runs[self.run as usize].entry(self.at as usize)
    }

    /// Compares by the next entries.
    fn compare(&self, other: &Cursor, listing: &Listing) -> Ordering {
        match (self.entry(listing), other.entry(listing)) {
            (Some(a), Some(b)) => listing.sort.compare(&a, &b),
            // Every cursor in the heap has an entry.
            _ => Ordering::Equal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::listing::entry::EntryKind;
    use crate::site::listing::query::ListingQuery;
    use crate::site::listing::scan::RUN_LENGTH;
    use crate::site::listing::scan::Scan;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn merging_is_sorting(seed: u32, count in 0..3 * RUN_LENGTH + 2, by in 0..6usize) {
            let queries = ["", "order=desc", "sort=size", "sort=size&order=desc",
                "sort=modified", "sort=modified&order=desc"];
            let query = ListingQuery::parse(queries[by].as_bytes());
            let rows: Vec<(Vec<u8>, u32)> = (0..count as u32)
                .map(|number| number.wrapping_mul(2_654_435_761).wrapping_add(seed))
                .enumerate()
                .map(|(at, mixed)| (format!("{}-{at}", mixed % 97).into_bytes(), mixed))
                .collect();
            let mut entries: Vec<ListedEntry> = rows.iter().map(|(name, mixed)| ListedEntry {
                name,
                kind: if mixed % 5 == 0 { EntryKind::Directory } else { EntryKind::File },
                size: (mixed % 5 > 0).then(|| u64::from(mixed % 31)),
                modified: (mixed % 7 != 0).then_some(i64::from(mixed % 13)),
                is_readable: mixed % 11 != 0,
                is_link: mixed % 3 == 0,
            }).collect();
            let mut scan = Scan::new(&query, u64::MAX);
            entries.iter().for_each(|entry| scan.push(*entry));
            let listing = scan.finish();
            let mut merge = Merge::new(&listing);
            entries.sort_by(|a, b| query.sort.compare(a, b));
            for entry in &entries {
                prop_assert_eq!(merge.next(&listing, |next| next == *entry), Some(true));
            }
            prop_assert_eq!(merge.next(&listing, |_| ()), None);
        }
    }
}
