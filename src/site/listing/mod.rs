//! A directory listing: takes entries and writes a page or JSON, one bounded piece at a time.
//!
//! ```text
//! Scan::push(entry) ... -> Listing -> Renderer::pull(out, budget) ... -> Pulled::Done
//!   sorted runs             totals,      merges the runs, writes rows
//!                           fingerprint
//! ```
//!
//! A directory of 100,000 entries must not delay a worker's other connections. So every step has a
//! limit: `push` sorts at most `RUN_LENGTH` entries, and `pull` stops at its budget. When the scan
//! ends, everything that the head of the response needs is known (the entity-tag, the media type).
//!
//! Invariant: this module never reads the disk or the clock. The caller reads the directory and
//! pushes its entries.

// What a listing shows besides its entries.
mod frame;
// The listing as an HTML page.
mod html;
// The listing as JSON.
mod json;
// Merging of sorted runs into one sequence.
mod merge;
// The order of entries: directories first, names in natural order.
mod order;
// The query of a listing's URL.
mod query;
// Writing of a listing, piece by piece.
mod render;
// Collection of entries into sorted runs.
mod scan;

pub use html::CONTENT_SECURITY_POLICY;
pub use query::{Format, ListingQuery};
pub use render::Renderer;
pub use scan::{Listing, Scan, Totals};

use order::{Order, Sort, SortKey};

/// The kind of a directory entry. Nothing else is served, so nothing else is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A directory. Directories are listed before files.
    Directory,
    /// A regular file.
    File,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListedEntry<'a> {
    /// The name. It may contain any bytes except NUL and `/`, and is not always UTF-8.
    pub name: &'a [u8],
    /// The kind.
    pub kind: EntryKind,
    /// The size of a file in bytes. It has no meaning for a directory.
    pub size: u64,
    /// The modification time in seconds since 1970, if it is known.
    pub modified: Option<i64>,
}
