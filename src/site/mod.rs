//! The disk below the document root.

/// What the operator chose about the files served.
pub mod options;
