//! The order of entries.
//!
//! Directories always come first. Names are in natural order: `file2` before `file10`. Case counts only
//! if two names are otherwise equal. Names are bytes and may be invalid UTF-8. The order is total,
//! because merging sorted runs requires it.

use super::entry::{EntryKind, ListedEntry};
use std::cmp::Ordering;

/// The column that a listing is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub(super) enum SortKey {
    #[default]
    Name,
    Size,
    Modified,
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub(super) enum Order {
    #[default]
    Ascending,
    Descending,
}

/// The column and direction of a sort. The default is by name, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sort {
    /// The column.
    pub(super) key: SortKey,
    /// The direction.
    pub(super) order: Order,
}

impl Sort {
    /// Compares two entries. Entries with equal values in the column are in ascending order of their
    /// names.
    pub(super) fn compare(self, a: &ListedEntry, b: &ListedEntry) -> Ordering {
        directories_first(a.kind, b.kind)
            .then_with(|| self.directed(self.by_column(a, b)))
            .then_with(|| natural_order(a.name, b.name))
    }

    fn by_column(self, a: &ListedEntry, b: &ListedEntry) -> Ordering {
        match self.key {
            SortKey::Name => natural_order(a.name, b.name),
            // The size of a directory does not tell how much it contains.
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

/// Compares two names in natural order: runs of digits by value, ASCII letters without case, all other
/// bytes by value. If the names are equal by these rules, compares them byte by byte.
fn natural_order(a: &[u8], b: &[u8]) -> Ordering {
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
            compare_numbers(take_digits(&mut a), take_digits(&mut b))
        } else {
            (a, b) = (a.get(1..).unwrap_or(&[]), b.get(1..).unwrap_or(&[]));
            first.to_ascii_lowercase().cmp(&second.to_ascii_lowercase())
        };
        if step.is_ne() {
            return step;
        }
    }
}

/// Compares numbers of any length. Without leading zeros, the longer number is greater.
fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let zeros = |digits: &[u8]| digits.iter().take_while(|&&digit| digit == b'0').count();
    let (a, b) = (
        a.get(zeros(a)..).unwrap_or(&[]),
        b.get(zeros(b)..).unwrap_or(&[]),
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

/// Counts comparisons, so that tests can limit the work of a step without a clock.
#[cfg(test)]
pub(super) mod comparisons {
    use std::cell::Cell;

    thread_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

    pub(super) fn count() {
        COUNT.set(COUNT.get() + 1);
    }

    /// How many comparisons `step` makes.
    pub fn of(step: impl FnOnce()) -> u64 {
        let before = COUNT.get();
        step();
        COUNT.get() - before
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
        check(&["a01", "a1", "a2", "a010", "a10"]); // equal values: compared by byte
        check(&["a1b2", "a01b3"]); // leading zeros count last
        check(&["0", "00", "1"]);
        check(&["99999999999999999999998", "99999999999999999999999"]); // too large for any integer type
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
            size: Some(size),
            modified,
            is_readable: true,
            is_link: false,
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
