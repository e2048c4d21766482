//! The disk: which file a path names, what its representations are, and their bytes.
//!
//! Everything that opens by name happens in [`root`]; everything above it holds open files.

// The worker's own memory of small files.
pub mod cache;
// Why the rest of a body cannot be read.
pub mod body_error;
// Content coding, in pieces.
pub mod compress;
// The bytes of a representation, and where they are pulled from.
pub mod body;
// A file as the origin of representations: validators, type, content.
pub mod file;
// A directory, rendered for people and for programs.
pub mod listing;
// A file open for sending.
pub mod open_file;
// What of the root is served.
pub mod options;
// Percent-decoding of a request's path, once, on bytes.
pub mod path;
// A bound on what goes on at the same time.
pub mod quota;
// Copies of large files that nobody else can change.
pub mod private;
// What a worker asks: the file or directory that a path names.
pub mod resolve;
// Confinement: opening below the document root and nowhere else.
pub mod root;
