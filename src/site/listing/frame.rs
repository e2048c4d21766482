//! What a listing shows besides its entries: for example, the path `/photos/` and `31 files`.

use super::entry::Totals;
use super::policy::{LISTING_POLICY, LISTING_POLICY_WITH_RELOAD};
use super::query::{Format, ListingQuery};

/// How the entries of a listing are shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shown {
    /// The format.
    pub format: Format,
    /// Whether the page links to archives of the directory.
    pub has_archives: bool,
    /// The element for the script of live reload, if the page has it.
    pub script: Option<Box<str>>,
}

impl Shown {
    /// The value of `Content-Security-Policy`.
    pub fn policy(&self) -> &'static str {
        match self.script {
            Some(_) => LISTING_POLICY_WITH_RELOAD,
            None => LISTING_POLICY,
        }
    }
}

#[cfg(test)]
impl Shown {
    /// Without archives and script.
    pub(in crate::site) fn as_plain(format: Format) -> Shown {
        Shown {
            format,
            has_archives: false,
            script: None,
        }
    }
}

/// What a listing shows besides its entries.
#[derive(Debug)]
pub(super) struct Frame {
    /// The name of the root directory. Empty if it has none.
    pub(super) root: Vec<u8>,
    /// The percent-decoded path of the directory, with a slash at both ends.
    pub(super) path: Vec<u8>,
    pub(super) query: ListingQuery,
    pub(super) totals: Totals,
    pub(super) shown: Shown,
}

impl Frame {
    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.totals.entries() - self.totals.omitted
    }
}
