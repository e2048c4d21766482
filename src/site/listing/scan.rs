//! Collects entries into sorted runs.
//!
//! ```text
//! push push ... push | push ...  finish
//!      run, sorted   |   run, sorted   -> Listing
//! ```
//!
//! After [`RUN_LENGTH`] entries, a run is sorted and sealed. It is one block of memory and never changes,
//! so a push copies at most one run, and many clients can share it.

use std::cell::Cell;

use super::entry::{EntryKind, ListedEntry, Totals};
use super::filter::Filter;
use super::frame::Shown;
use super::order::Sort;
use super::policy::LISTING_POLICY;
use super::query::{ListingQuery, key_name, order_name};
use crate::site::storage::Storage;
use crate::text::hash::stable_hash;

/// How many entries are sorted at once. This takes about 5,000 comparisons, a fraction of a
/// millisecond.
pub(super) const RUN_LENGTH: usize = 512;

/// How many entries a listing keeps. An entry takes 24 bytes plus its name. Further entries are only
/// counted. The listing shows their number.
const ENTRY_LIMIT: u64 = 1_000_000;

/// A directory scan in progress.
#[derive(Debug)]
pub struct Scan {
    sort: Sort,
    filter: Filter,
    most: Most,
    /// The run that entries are added to.
    open: OpenRun,
    sealed: Vec<Run>,
    /// The memory of the sealed runs.
    sealed_bytes: u64,
    totals: Totals,
    /// The sum of the hashes of all entries, so it does not depend on the order in which the disk returns them.
    fingerprint: u64,
}

/// What a listing keeps at most.
#[derive(Debug)]
struct Most {
    entries: u64,
    bytes: u64,
}

impl Scan {
    /// A scan for `query` that keeps about `most_bytes` at most.
    pub fn new(query: &ListingQuery, most_bytes: u64) -> Scan {
        Scan {
            sort: query.sort,
            filter: Filter::new(&query.filter),
            most: Most {
                entries: ENTRY_LIMIT,
                bytes: most_bytes,
            },
            open: OpenRun::default(),
            sealed: Vec::new(),
            sealed_bytes: 0,
            totals: Totals::default(),
            fingerprint: 0,
        }
    }

    /// The most memory that an entry takes: a record, and a name of 255 bytes. Vectors grow by
    /// doubling.
    pub const MOST_PER_ENTRY: u64 = 2 * (size_of::<Record>() as u64 + 255);

    /// The memory of the entries so far.
    pub fn bytes(&self) -> u64 {
        self.sealed_bytes + self.open.bytes()
    }

    /// Whether an entry of this name passes the filter. Adds to `work` what it cost, in units of a system call.
    pub fn wants(&self, name: &[u8], work: &Cell<usize>) -> bool {
        work.set(work.get() + self.filter.cost(name));
        self.filter.matches(name)
    }

    /// Adds an entry that passes the filter. Entries may come in any order.
    pub fn push(&mut self, entry: ListedEntry) {
        let entry = without_directory_size(entry);
        let is_shown = self.has_room();
        self.totals.add(&entry, is_shown);
        self.fingerprint = self.fingerprint.wrapping_add(stable_hash(entry));
        if is_shown {
            self.open.push(&entry);
        }
        if self.open.records.len() >= RUN_LENGTH {
            self.seal();
        }
    }

    /// Forgets all entries.
    pub fn begin_again(&mut self) {
        self.open = OpenRun::default();
        self.sealed = Vec::new();
        self.sealed_bytes = 0;
        self.totals = Totals::default();
        self.fingerprint = 0;
    }

    /// Ends the scan.
    pub fn finish(mut self) -> Listing {
        self.seal();
        Listing {
            sort: self.sort,
            runs: self.sealed,
            totals: self.totals,
            fingerprint: self.fingerprint,
        }
    }

    /// Whether it keeps the next entry. Once it has left one out, it leaves out all others.
    fn has_room(&self) -> bool {
        let totals = &self.totals;
        totals.omitted == 0
            && totals.entries() < self.most.entries
            && self.bytes() < self.most.bytes
    }

    fn seal(&mut self) {
        if !self.open.records.is_empty() {
            let run = self.open.seal(self.sort);
            self.sealed_bytes += run.bytes();
            self.sealed.push(run);
        }
    }
}

/// A finished scan: sorted runs that are not merged yet.
#[derive(Debug)]
pub struct Listing {
    pub(super) sort: Sort,
    pub(super) runs: Vec<Run>,
    totals: Totals,
    fingerprint: u64,
}

impl Listing {
    /// The memory of the entries.
    pub fn bytes(&self) -> u64 {
        self.runs.iter().map(Run::bytes).sum()
    }

    /// Whether it has the same entries as a listing of the same directory for the same query.
    pub fn is_same_as(&self, other: &Listing) -> bool {
        let summary = |listing: &Listing| (listing.fingerprint, listing.totals, listing.sort);
        // If entries were omitted, the order on disk determines which ones are shown.
        summary(self) == summary(other) && self.totals.omitted == 0
    }

    /// Passes the name of each file that docroot can read to `visit`, in no order.
    pub fn each_readable_file(&self, mut visit: impl FnMut(&[u8])) {
        for run in &self.runs {
            let entries = (0..).map_while(|index| run.entry(index));
            let files = entries.filter(|entry| entry.kind == EntryKind::File);
            let files = files.filter(|entry| entry.is_readable);
            files.for_each(|entry| visit(entry.name));
        }
    }

    /// The number of entries and their total size.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The opaque-tag (RFC 9110 section 8.8.3) of this listing as it is shown: in which format, and
    /// whether with links to archives. It has no quotes. It depends
    /// on everything that the bytes depend on, including the name of the root and the style and script of
    /// the page. So the entity-tag may be strong, unless entries were omitted: which ones depends on the order in which
    /// the disk returned them.
    pub fn entity_tag(&self, root: &[u8], query: &ListingQuery, shown: &Shown) -> String {
        let listing = (self.fingerprint, self.totals, query.sort, shown);
        let page = (root, query.filter.as_str(), VERSION, LISTING_POLICY);
        format!(
            "{:x}-{:016x}-{}{}",
            self.totals.entries(),
            stable_hash((listing, page)),
            key_name(query.sort.key),
            order_name(query.sort.order),
        )
    }
}

/// The version of docroot, because another version may write a different page.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Takes the size of a directory out. It is not shown, so it must not change the entity-tag.
fn without_directory_size(entry: ListedEntry) -> ListedEntry {
    match entry.kind {
        EntryKind::Directory => ListedEntry {
            size: None,
            ..entry
        },
        EntryKind::File => entry,
    }
}

/// The entries of the run that is being filled.
#[derive(Debug, Default)]
struct OpenRun {
    names: Vec<u8>,
    records: Vec<Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    /// Or [`UNKNOWN_SIZE`]: there may be a million of them in memory.
    size: u64,
    modified: Option<i64>,
    name_start: u32,
    name_length: u16,
    kind: EntryKind,
    is_readable: bool,
    is_link: bool,
}

impl OpenRun {
    fn push(&mut self, entry: &ListedEntry) {
        // Neither conversion fails: names have at most 255 bytes (NAME_MAX), and a run has at most
        // RUN_LENGTH names.
        let Ok(name_length) = u16::try_from(entry.name.len()) else {
            return;
        };
        let Ok(name_start) = u32::try_from(self.names.len()) else {
            return;
        };
        self.names.extend_from_slice(entry.name);
        self.records.push(Record {
            size: entry.size.unwrap_or(UNKNOWN_SIZE),
            modified: entry.modified,
            name_start,
            name_length,
            kind: entry.kind,
            is_readable: entry.is_readable,
            is_link: entry.is_link,
        });
    }

    /// The memory that it takes.
    fn bytes(&self) -> u64 {
        (self.names.capacity() + self.records.capacity() * size_of::<Record>()) as u64
    }

    /// Sorts the entries into a run, and empties this one.
    fn seal(&mut self, sort: Sort) -> Run {
        let names = &self.names;
        self.records
            .sort_unstable_by(|a, b| sort.compare(&a.entry(names), &b.entry(names)));
        let mut bytes = Vec::with_capacity(self.records.len() * ENCODED + names.len());
        for record in &self.records {
            bytes.extend_from_slice(&record.encode());
        }
        bytes.extend_from_slice(names);
        let length = self.records.len() as u32;
        self.names.clear();
        self.records.clear();
        Run {
            bytes: Storage::of(bytes),
            length,
        }
    }
}

/// A sorted sequence of entries in one block: first the records, then the names.
#[derive(Debug)]
pub(super) struct Run {
    bytes: Storage,
    length: u32,
}

/// The length of an encoded record.
const ENCODED: usize = 24;

/// Stands for no size in a record. No file is so large.
const UNKNOWN_SIZE: u64 = u64::MAX;

/// Stands for an unknown modification time in an encoded record.
const UNKNOWN: i64 = i64::MIN;

impl Run {
    /// The entry at `index`.
    pub(super) fn entry(&self, index: usize) -> Option<ListedEntry<'_>> {
        let (records, names) = self.bytes.split_at(self.length as usize * ENCODED);
        let (records, _) = records.as_chunks::<ENCODED>();
        let record = Record::decode(records.get(index)?);
        Some(record.entry(names))
    }

    /// The memory that it takes.
    fn bytes(&self) -> u64 {
        (self.bytes.len() + size_of::<Run>()) as u64
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.length as usize
    }
}

impl Record {
    fn entry<'a>(&self, names: &'a [u8]) -> ListedEntry<'a> {
        let start = self.name_start as usize;
        ListedEntry {
            name: names
                .get(start..start + usize::from(self.name_length))
                .unwrap_or(&[]),
            kind: self.kind,
            size: Some(self.size).filter(|&size| size != UNKNOWN_SIZE),
            modified: self.modified,
            is_readable: self.is_readable,
            is_link: self.is_link,
        }
    }

    fn encode(&self) -> [u8; ENCODED] {
        let mut bytes = [0; ENCODED];
        bytes[..8].copy_from_slice(&self.size.to_le_bytes());
        let modified = self.modified.unwrap_or(UNKNOWN);
        bytes[8..16].copy_from_slice(&modified.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.name_start.to_le_bytes());
        bytes[20..22].copy_from_slice(&self.name_length.to_le_bytes());
        bytes[22] = u8::from(self.kind == EntryKind::File);
        bytes[23] = u8::from(self.is_readable) | u8::from(self.is_link) << 1;
        bytes
    }

    fn decode(bytes: &[u8; ENCODED]) -> Record {
        let modified = i64::from_le_bytes(part(bytes, 8));
        Record {
            size: u64::from_le_bytes(part(bytes, 0)),
            modified: Some(modified).filter(|&modified| modified != UNKNOWN),
            name_start: u32::from_le_bytes(part(bytes, 16)),
            name_length: u16::from_le_bytes(part(bytes, 20)),
            kind: match bytes[22] {
                0 => EntryKind::Directory,
                _ => EntryKind::File,
            },
            is_readable: bytes[23] & 1 != 0,
            is_link: bytes[23] & 2 != 0,
        }
    }
}

/// The bytes of a number at offset `at` of an encoded record.
fn part<const N: usize>(record: &[u8; ENCODED], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&record[at..at + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::super::query::Format;
    use super::*;
    use crate::site::listing::order::comparisons;
    use crate::site::listing::order::{Order, SortKey};

    fn file(name: &[u8], size: u64) -> ListedEntry<'_> {
        let (kind, modified) = (EntryKind::File, Some(0));
        ListedEntry {
            name,
            kind,
            size: Some(size),
            modified,
            is_readable: true,
            is_link: false,
        }
    }

    fn scan<'a>(query: &str, entries: impl IntoIterator<Item = ListedEntry<'a>>) -> Listing {
        let mut scan = Scan::new(&ListingQuery::parse(query.as_bytes()), u64::MAX);
        for entry in entries {
            if scan.wants(entry.name, &Cell::default()) {
                scan.push(entry);
            }
        }
        scan.finish()
    }

    #[test]
    fn a_scan_of_100_000_entries_takes_small_steps_and_little_memory() {
        let mut scan = Scan::new(&ListingQuery::default(), u64::MAX);
        for number in 0..100_000u64 {
            let name = format!(
                "photo of the harbour {}.jpeg",
                number.wrapping_mul(7919) % 100_000
            );
            // Sorting 512 entries takes about n log2 n = 4,608 comparisons.
            let made = comparisons::of(|| scan.push(file(name.as_bytes(), number)));
            assert!(made < 10_000, "{made}");
        }
        let listing = scan.finish();
        assert!(listing.runs.iter().all(|run| run.len() <= RUN_LENGTH));
        let bytes = listing.bytes();
        assert!(bytes < 8 << 20, "{bytes}");
        assert_eq!(listing.totals().files, 100_000);
    }

    #[test]
    fn totals_count_what_is_listed() {
        let directory = ListedEntry {
            kind: EntryKind::Directory,
            ..file(b"d", 4096)
        };
        let unknown = ListedEntry {
            size: None,
            ..file(b"b", 0)
        };
        let huge = [unknown, file(b"c", u64::MAX - 1)];
        let listed = |count: usize| {
            let all = [directory, file(b"a", 3)];
            scan("", all.into_iter().chain(huge.into_iter().take(count))).totals()
        };
        assert_eq!(listed(1).bytes, 3);
        let totals = listed(2);
        let want = Totals {
            directories: 1,
            files: 3,
            bytes: u64::MAX,
            omitted: 0,
        };
        assert_eq!(totals, want);
    }

    #[test]
    fn entries_beyond_the_limit_are_counted() {
        let mut scan = Scan::new(&ListingQuery::default(), u64::MAX);
        scan.most.entries = 2;
        for name in [b"a", b"b", b"c"] {
            scan.push(file(name, 1));
        }
        let listing = scan.finish();
        assert_eq!(listing.totals().omitted, 1);
        assert_eq!(listing.runs[0].len(), 2);
    }

    #[test]
    fn entries_that_take_too_much_memory_are_counted() {
        let name = [b'x'; 255];
        let mut scan = Scan::new(&ListingQuery::default(), 1 << 20);
        for size in 0..5 * RUN_LENGTH as u64 {
            scan.push(file(&name, size));
        }
        let listing = scan.finish();
        assert!(listing.bytes() <= 1 << 20, "{}", listing.bytes());
        let shown: usize = listing.runs.iter().map(Run::len).sum();
        assert!(shown > 3 * RUN_LENGTH, "{shown}");
        let totals = listing.totals();
        assert_eq!(totals.omitted, totals.entries() - shown as u64);
    }

    #[test]
    fn the_entity_tag_depends_on_what_is_shown() {
        let plain = ListingQuery::default();
        let shown = Shown::as_plain(Format::Json);
        let tag = |entries: &[ListedEntry]| {
            scan("", entries.iter().copied()).entity_tag(b"www", &plain, &shown)
        };
        let base = tag(&[file(b"a", 1), file(b"b", 2)]);
        assert_eq!(base, tag(&[file(b"b", 2), file(b"a", 1)])); // another order on disk
        assert_ne!(base, tag(&[file(b"a", 2), file(b"b", 1)]));
        assert_ne!(base, tag(&[file(b"a", 1)]));
        assert_ne!(base, tag(&[]));
        let directory = |size| ListedEntry {
            kind: EntryKind::Directory,
            ..file(b"d", size)
        };
        assert_eq!(tag(&[directory(1)]), tag(&[directory(2)])); // not shown
        assert_ne!(tag(&[directory(0)]), tag(&[file(b"d", 0)]));
        let link = ListedEntry {
            is_link: true,
            ..file(b"a", 1)
        };
        assert_ne!(tag(&[link]), tag(&[file(b"a", 1)]));
        // etagc of RFC 9110 section 8.8.3.
        assert!(
            base.bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"')
        );
    }

    #[test]
    fn the_entity_tag_depends_on_the_query_and_the_format() {
        let sort = Sort {
            key: SortKey::Size,
            order: Order::Descending,
        };
        let listing = scan("", [file(b"a", 1)]);
        let plain = ListingQuery::default();
        let by_size = ListingQuery {
            sort,
            ..plain.clone()
        };
        let filtered = ListingQuery {
            filter: "a".into(),
            ..plain.clone()
        };
        let with_archives = Shown {
            has_archives: true,
            ..Shown::as_plain(Format::Html)
        };
        let with_script = Shown {
            script: Some("<script>".into()),
            ..Shown::as_plain(Format::Html)
        };
        let tags = [
            listing.entity_tag(b"www", &plain, &Shown::as_plain(Format::Html)),
            listing.entity_tag(b"www", &plain, &with_archives),
            listing.entity_tag(b"www", &plain, &with_script),
            listing.entity_tag(b"www", &plain, &Shown::as_plain(Format::Json)),
            listing.entity_tag(b"www", &by_size, &Shown::as_plain(Format::Html)),
            listing.entity_tag(b"www", &filtered, &Shown::as_plain(Format::Html)),
        ];
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[..at].contains(tag), "{tags:?}");
        }
    }
}
