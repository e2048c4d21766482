//! The disk.

/// A directory, rendered for people and for programs.
pub mod listing;
/// What of the root is served.
pub mod options;
