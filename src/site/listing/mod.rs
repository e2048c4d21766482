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

// One entry of a directory.
mod entry;
// Which names a filter keeps.
mod filter;
// What a listing shows besides its entries.
mod frame;
// The listing as an HTML page.
mod html;
// Which icon stands for an entry.
mod icon;
// The listing as JSON.
mod json;
// Merging of sorted runs into one sequence.
mod merge;
// The order of entries: directories first, names in natural order.
mod order;
// What the page may load.
mod policy;
// The query of a listing's URL.
mod query;
// Writing of a listing, piece by piece.
mod render;
// Collection of entries into sorted runs.
mod scan;

pub use entry::{EntryKind, ListedEntry, Totals};
pub use frame::Shown;
pub use query::{Format, ListingQuery};
pub use render::Renderer;
pub use scan::{Listing, Scan};
