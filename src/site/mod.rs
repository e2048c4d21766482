//! The disk: finds the file that a path names, describes its representations and reads their bytes.
//!
//! Only [`root`] opens files by name. All other modules receive open files from it.

// The cache of one worker.
mod cache;
// Why the rest of a body cannot be read.
pub mod body_error;
// Content coding, in pieces.
pub mod compress;
// The body of a response, and the sources that produce it.
pub mod body;
// A file and its representations: validators, media type, content.
pub mod file;
// A directory listing, as HTML and as JSON.
pub mod listing;
// A file that is open for sending.
pub mod open_file;
// The operator's options for the document root.
pub mod options;
// Decoding of a request's path.
pub mod path;
// A limit on memory, descriptors or work in progress.
pub mod quota;
// Private copies of large files.
pub mod private;
// Path resolution: the file or directory that a path names.
pub mod resolve;
// Confinement: opens files below the document root and nowhere else.
pub mod root;
