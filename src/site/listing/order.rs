//! How entries are ordered.
//!
//! Directories come first in every order. Names are in natural order: `file2` before `file10`,
//! case apart only where nothing else tells two names apart. Names are bytes, valid UTF-8 or not,
//! and the order is total on them: merging sorted runs depends on it.

use super::{EntryKind, ListedEntry};
use std::cmp::Ordering;

/// The column that a listing is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SortKey {
    #[default]
    Name,
    Size,
    Modified,
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Order {
    #[default]
    Ascending,
    Descending,
}

/// Column and direction. The default is by name, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The column.
    pub key: SortKey,
    /// The direction.
    pub order: Order,
}

impl Sort {
    /// Which of two entries comes first. Entries that the column does not tell apart follow the
    /// ascending order of their names.
    pub fn compare(self, a: &ListedEntry, b: &ListedEntry) -> Ordering {
        directories_first(a.kind, b.kind)
            .then_with(|| self.directed(self.by_column(a, b)))
            .then_with(|| natural_order(a.name, b.name))
    }

    fn by_column(self, a: &ListedEntry, b: &ListedEntry) -> Ordering {
        match self.key {
            SortKey::Name => natural_order(a.name, b.name),
            // The size a file system gives a directory says nothing about what is in it.
            SortKey::Size if a.kind == EntryKind::Directory => Ordering::Equal,
            SortKey::Size => a.size.cmp(&b.size),
            SortKey::Modified => a.modified.cmp(&b.modified),
        }
    }

    fn directed(self, ordering: Ordering) -> Ordering {
        match self.order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        }
    }
}

fn directories_first(a: EntryKind, b: EntryKind) -> Ordering {
    (a == EntryKind::File).cmp(&(b == EntryKind::File))
}

/// The natural order of two names: runs of digits by their value, letters (of ASCII) without case,
/// the rest by byte; then, where all that is equal, byte by byte.
pub fn natural_order(a: &[u8], b: &[u8]) -> Ordering {
    #[cfg(test)]
    comparisons::count();
    by_value(a, b).then_with(|| a.cmp(b))
}

fn by_value(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let (Some(&first), Some(&second)) = (a.first(), b.first()) else {
            return a.len().cmp(&b.len());
        };
        let step = if first.is_ascii_digit() && second.is_ascii_digit() {
            numbers(take_digits(&mut a), take_digits(&mut b))
        } else {
            (a, b) = (a.get(1..).unwrap_or(&[]), b.get(1..).unwrap_or(&[]));
            first.to_ascii_lowercase().cmp(&second.to_ascii_lowercase())
        };
        if step.is_ne() {
            return step;
        }
    }
}

/// Numbers of any length: without leading zeros, the longer one is the greater.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().take_while(|&&digit| digit == b'0').count();
    let (a, b) = (
        a.get(significant(a)..).unwrap_or(&[]),
        b.get(significant(b)..).unwrap_or(&[]),
    );
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn take_digits<'a>(name: &mut &'a [u8]) -> &'a [u8] {
    let end = name
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(name.len());
    let (digits, rest) = name.split_at(end);
    *name = rest;
    digits
}

/// The unit of work of sorting and merging, counted so that tests can bound a step without a clock.
#[cfg(test)]
pub(super) mod comparisons {
    use std::cell::Cell;

    thread_local!(static MADE: Cell<u64> = const { Cell::new(0) });

    pub(super) fn count() {
        MADE.set(MADE.get() + 1);
    }

    /// How many comparisons `step` makes.
    pub fn of(step: impl FnOnce()) -> u64 {
        let before = MADE.get();
        step();
        MADE.get() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(names: &[&str]) {
        for (at, a) in names.iter().enumerate() {
            for (other, b) in names.iter().enumerate() {
                let got = natural_order(a.as_bytes(), b.as_bytes());
                assert_eq!(got, at.cmp(&other), "{a:?} against {b:?}");
            }
        }
    }

    #[test]
    fn names_are_in_natural_order() {
        check(&["", "a", "aa", "b"]);
        check(&["file1", "file2", "file10", "file10a", "filea"]);
        check(&["1.9", "1.10", "2.0"]);
        check(&["A", "a", "B", "b"]); // case decides last
        check(&["file", "File1", "file2", "FILE3"]);
        check(&["a01", "a1", "a2", "a010", "a10"]); // equal value: by byte
        check(&["a1b2", "a01b3"]); // zeros weigh less than what follows
        check(&["0", "00", "1"]);
        check(&["99999999999999999999998", "99999999999999999999999"]); // beyond any integer
        check(&["-", "1", "_", "a", "ä"]);
    }

    fn entry(
        name: &'static str,
        kind: EntryKind,
        size: u64,
        modified: Option<i64>,
    ) -> ListedEntry<'static> {
        let name = name.as_bytes();
        ListedEntry {
            name,
            kind,
            size,
            modified,
        }
    }

    #[track_caller]
    fn check_sort(key: SortKey, order: Order, want: &str) {
        let mut entries = [
            entry("b", EntryKind::File, 10, Some(3)),
            entry("a", EntryKind::File, 10, None),
            entry("c", EntryKind::File, 2, Some(-4)),
            entry("y", EntryKind::Directory, 9, Some(1)),
            entry("x", EntryKind::Directory, 4096, Some(2)),
        ];
        entries.sort_by(|a, b| Sort { key, order }.compare(a, b));
        let got: Vec<u8> = entries
            .iter()
            .flat_map(|entry| entry.name)
            .copied()
            .collect();
        assert_eq!(String::from_utf8(got).unwrap(), want, "{key:?} {order:?}");
    }

    #[test]
    fn directories_come_first_in_every_order() {
        check_sort(SortKey::Name, Order::Ascending, "xyabc");
        check_sort(SortKey::Name, Order::Descending, "yxcba");
        check_sort(SortKey::Size, Order::Ascending, "xycab");
        check_sort(SortKey::Size, Order::Descending, "xyabc");
        check_sort(SortKey::Modified, Order::Ascending, "yxacb");
        check_sort(SortKey::Modified, Order::Descending, "xybca");
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'0'), Just(b'1'), Just(b'a'), Just(b'A'), any::<u8>()];
        proptest::collection::vec(byte, 0..6)
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in name(), b in name(), c in name()) {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b).is_eq(), a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }
    }
}
