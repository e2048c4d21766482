//! A directory as one file: an archive that is made while it is sent.
//!
//! ```text
//! disk thread:  Tree -> Packer (tar, tar.gz or zip) -> 64 KiB -> ... -> the end
//! worker:       ArchiveSource ----------------------> the client
//! ```
//!
//! Crates for these formats write an entry in one call, which blocks until the client has received all of it, or
//! they keep the whole archive in memory. A slow client would then hold a thread or a lot of memory. The writers
//! here can stop after any byte and continue in a later job. They support only what a stream needs.
//!
//! An archive takes [`COST`](source::COST) bytes and a coder. It also keeps the names in the directories on the
//! path to the current entry. A zip file ends with a list of all entries, which takes about 100 bytes for each. The
//! budget is charged for both as they grow.

// What is packed, and how it is named.
mod entry;
// The tar format.
mod tar;
// The zip format.
mod zip;
// The names in a directory, in order.
mod names;
// The entries of a directory and of those below it, in order.
mod tree;
// Entries and files to the bytes of an archive.
mod pack;
// The body of a response.
pub mod source;
// How many archives are sent at the same time.
pub mod turns;

pub use entry::{ArchiveFormat, ArchiveSpec, Readable, Selection};
