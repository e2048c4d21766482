//! The disk: which file a path means, and what is served in its place where it is a directory.

/// A directory without an index, as a page or as JSON.
pub mod listing;
