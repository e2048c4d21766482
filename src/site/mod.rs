//! The disk: finds the file that a path names, describes its representations and reads their bytes.
//!
//! Only [`root`] opens files by name, confined by `walk`. All other modules receive open files
//! from it.

// Digests of contents.
pub mod digest;
// Computes digests, in pieces.
pub mod hashing;
// Limits on what is held for clients: memory and descriptors.
pub mod budget;
// The cache of one worker.
mod cache;
// What its files have gained since it charged for them.
pub mod cache_updates;
// What one worker holds of a site, and what it frees for responses.
pub mod memory;
// Paths that named nothing in this turn.
mod absent;
// Why the rest of a body cannot be read.
pub mod body_error;
// The coding of a file that is in memory.
pub mod coding_job;
// Content coding, in pieces.
pub mod compress;
// Content decoding, in pieces.
pub mod decompress;
// The body of a response, and the sources that produce it.
pub mod body;
// Directories that are read for a listing.
pub mod directory;
// A file and its representations: validators, media type, content.
pub mod file;
// A directory as one file.
pub mod archive;
// A directory listing, as HTML and as JSON.
pub mod listing;
// Listings that clients are receiving.
pub mod held_listing;
// How much the clients of each network keep.
pub mod shares;
// Bytes in memory, with the charge for them.
pub mod held;
// A file that is open for sending.
pub mod open_file;
// An open file in the state that a response describes.
pub mod opened;
// The operator's options for the document root.
pub mod options;
// Decoding of a request's path.
pub mod path;
// What stands before it.
pub mod prefix;
// Which files have changed.
pub mod changes;
// Watches the files of a site.
#[cfg(feature = "live-reload")]
pub mod watch;
#[cfg(feature = "live-reload")]
mod watched;
// All files of a site.
#[cfg(feature = "live-reload")]
mod tree;
// The script of live reload, in documents.
pub mod reload_script;
// Memory for contents, which goes back to the system when it is dropped.
pub mod storage;
// A queue that is fair between clients.
mod line;
// A queue for long work.
pub mod queue;
// Threads that wait for the disk.
pub mod disk;
// Which file systems answer at once.
mod devices;
// Private copies of large files.
pub mod private;
// Private copies in progress.
mod copying;
// Reads that do not wait for a disk.
mod cached_read;
// What a path names, for workers and for disk threads.
mod lookup;
// Look-ups and openings that disk threads do for clients.
pub mod lookups;
// Path resolution: the file or directory that a path names.
pub mod resolve;
// Who the server is for the file system.
mod access;
// Opens names without following links.
mod nofollow;
// The directory that paths do not leave.
mod confine;
// Confinement: opens names below this directory and nowhere else.
mod walk;
// The path of the root, which may lead to another directory later.
pub mod given_root;
// Files that the operator names.
pub mod named_file;
// Why a file cannot be served.
pub mod disk_error;
// The state of a file on disk.
pub mod file_state;
// When states of files were seen first.
mod first_seen;
// The document root: its files and directories.
pub mod root;
