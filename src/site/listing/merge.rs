//! Merges sorted runs into one sequence, one entry at a time. A heap orders the runs by their next
//! entry, so each entry costs about log2(runs) comparisons. Many clients can share the runs, because
//! each has its own positions in them.

use super::entry::ListedEntry;
use super::scan::Listing;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::rc::Rc;

/// The remaining entries of a listing's runs.
#[derive(Debug)]
pub(super) struct Merge {
    heap: BinaryHeap<Cursor>,
}

impl Merge {
    /// Merges all entries of `listing`.
    pub(super) fn new(listing: &Rc<Listing>) -> Merge {
        let cursor = |run| Cursor {
            listing: Rc::clone(listing),
            run,
            at: 0,
        };
        Merge {
            heap: (0..listing.runs.len() as u32).map(cursor).collect(),
        }
    }

    /// Passes the next entry to `visit` and returns its result. Returns `None` if no entry remains.
    pub(super) fn next<T>(&mut self, visit: impl FnOnce(ListedEntry) -> T) -> Option<T> {
        let mut top = self.heap.peek_mut()?;
        let visited = top.entry().map(visit);
        top.at += 1;
        if top.entry().is_none() {
            PeekMut::pop(top);
        }
        visited
    }
}

/// A position in a run. Cursors are ordered by their entries in reverse, because `BinaryHeap` is a max
/// heap.
#[derive(Debug)]
struct Cursor {
    listing: Rc<Listing>,
    /// The number of the run.
    run: u32,
    /// The position in it.
    at: u32,
}

impl Cursor {
    fn entry(&self) -> Option<ListedEntry<'_>> {
        self.listing.runs[self.run as usize].entry(self.at as usize)
    }
}

impl Ord for Cursor {
    fn cmp(&self, other: &Cursor) -> Ordering {
        match (self.entry(), other.entry()) {
            (Some(a), Some(b)) => self.listing.sort.compare(&b, &a),
            // A cursor at its end is the greatest, so that the next pop removes it.
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Cursor) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Cursor) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cursor {}

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
                size: if mixed % 5 == 0 { 0 } else { u64::from(mixed % 31) },
                modified: (mixed % 7 != 0).then_some(i64::from(mixed % 13)),
            }).collect();
            let mut scan = Scan::new(&query);
            entries.iter().for_each(|entry| scan.push(*entry));
            let mut merge = Merge::new(&Rc::new(scan.finish()));
            entries.sort_by(|a, b| query.sort.compare(a, b));
            for entry in &entries {
                prop_assert_eq!(merge.next(|next| next == *entry), Some(true));
            }
            prop_assert_eq!(merge.next(|_| ()), None);
        }
    }
}
