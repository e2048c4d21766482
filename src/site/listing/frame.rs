//! What a listing shows besides its entries: for example, the path `/photos/` and `31 files`.

use super::entry::Totals;
use super::query::ListingQuery;

/// What a listing shows besides its entries.
#[derive(Debug)]
pub(super) struct Frame {
    /// The percent-decoded path of the directory, with a slash at both ends.
    pub(super) path: Vec<u8>,
    pub(super) query: ListingQuery,
    pub(super) totals: Totals,
}
