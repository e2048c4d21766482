//! What a listing says beside its entries.

use super::{ListingQuery, Totals};

/// What a listing says beside its entries.
#[derive(Debug)]
pub(super) struct Frame {
    /// The path of the directory, percent-decoded, with a slash at both ends.
    pub(super) path: Vec<u8>,
    pub(super) query: ListingQuery,
    pub(super) totals: Totals,
}
