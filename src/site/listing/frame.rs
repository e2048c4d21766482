//! What a listing shows besides its entries: for example, the path `/photos/` and `31 files`.

use super::entry::Totals;
use super::query::ListingQuery;

/// What a listing shows besides its entries.
#[derive(Debug)]
pub(super) struct Frame {
    /// The name of the root directory. Empty if it has none.
    pub(super) root: Vec<u8>,
    /// The percent-decoded path of the directory, with a slash at both ends.
    pub(super) path: Vec<u8>,
    pub(super) query: ListingQuery,
    pub(super) totals: Totals,
    /// Whether the directory can be requested as an archive.
    pub(super) has_archives: bool,
}

impl Frame {
    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.totals.entries() - self.totals.omitted
    }
}
