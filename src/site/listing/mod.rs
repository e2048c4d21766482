//! A directory listing: entries in, a page or JSON out, a bounded piece at a time.
//!
//! ```text
//! Scan::push(entry) ... -> Listing -> Renderer::pull(out, budget) ... -> Pulled::Done
//!   sorted runs             totals,      merges the runs, writes rows
//!                           fingerprint
//! ```
//!
//! A directory of 100,000 entries must not hold up a worker's other connections, so no step sorts,
//! copies or writes more than a bounded amount: `push` sorts at most `RUN_LENGTH` entries and
//! `pull` stops at its budget. Everything needed for the head of the answer (the entity-tag, the
//! media type) is known between the two.
//!
//! Invariant: this module never reads the disk or the clock; who scans the directory feeds it.

// What a listing says beside its entries.
mod frame;
// The page.
mod html;
// The same as data.
mod json;
// Sorted runs merged into one sequence.
mod merge;
// How entries are ordered: natural order of names, directories first.
mod order;
// What the query of a listing's URL asks for.
mod query;
// A listing written piece by piece.
mod render;
// Entries gathered into sorted runs.
mod scan;

pub use html::CONTENT_SECURITY_POLICY;
pub use order::{Order, Sort, SortKey, natural_order};
pub use query::{Format, ListingQuery};
pub use render::Renderer;
pub use scan::{ENTRY_LIMIT, Listing, RUN_LENGTH, Scan, Totals};

/// What a directory entry is. Whatever is neither is not listed, because it is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A directory; listed before all files.
    Directory,
    /// A regular file.
    File,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListedEntry<'a> {
    /// The name: any bytes but NUL and `/`, not always UTF-8.
    pub name: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// The length of a file in bytes; of no meaning for a directory.
    pub size: u64,
    /// The time of the last change in seconds since 1970, where it is known.
    pub modified: Option<i64>,
}
