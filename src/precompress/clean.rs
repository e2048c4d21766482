//! Which sidecars are of no use.
//!
//! ```text
//! docroot wrote page.html.gz, and page.html is gone
//!     page.html.gz, page.html.br, page.html.zst   removed
//! page.html is newer than page.html.br, and docroot writes no new page.html.br
//!     page.html.br                                removed
//! page.html was put in place after page.html.br, and docroot writes no new page.html.br
//!     page.html.br                                kept: it may be right
//! page.html was put in place after page.html.gz, and a new page.html.gz would be no gain
//!     page.html.gz                                kept: it may be right
//! docroot did not write data.csv.gz, and there is no data.csv
//!     data.csv.gz                                 kept: it may be the only copy
//! data.tar is newer than data.tar.gz, but docroot does not compress .tar files
//!     data.tar.gz                                 kept: it is not a sidecar
//! ```

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, flock};

use super::encode::{MARK, written};
use super::folder::{Entries, Entry, open_file};
use super::sidecar::UNFINISHED;
use super::task::sidecar_name;
use crate::semantics::coding::Coding;
use crate::semantics::variant::{Outdated, outdated};

/// The length of a gzip header without optional parts (RFC 1952 section 2.3).
const GZIP_HEADER: usize = 10;

/// A gzip header with a comment and no other optional part begins with this, before its time.
const GZIP_WITH_COMMENT: &[u8] = &[0x1f, 0x8b, 8, 0x10];

/// Whether a sidecar cannot be sent for its original.
pub(super) fn is_useless(sidecar: &Entry, original: &Entry) -> bool {
    sidecar.size == 0 || outdated(sidecar.times, original.times).is_some()
}

/// Whether it is certain that a sidecar does not hold the content of its original.
pub(super) fn is_wrong(sidecar: &Entry, original: &Entry) -> bool {
    sidecar.size == 0 || outdated(sidecar.times, original.times) == Some(Outdated::Older)
}

/// Decides what is removed from one folder.
pub(super) struct Cleaning<'a> {
    folder: &'a OwnedFd,
    entries: &'a Entries,
    /// Files that are gone, for which docroot wrote sidecars.
    gone: BTreeSet<Vec<u8>>,
}

impl<'a> Cleaning<'a> {
    /// Nothing was removed from the folder since `entries` were read.
    pub fn of(folder: &'a OwnedFd, entries: &'a Entries) -> Cleaning<'a> {
        Cleaning {
            folder,
            entries,
            gone: BTreeSet::new(),
        }
    }

    /// Whether the sidecar in `coding` of `original` is removed. `is_compressible` tells whether docroot would
    /// compress the original.
    pub fn removes(
        &mut self,
        sidecar: &Entry,
        original: &[u8],
        coding: Coding,
        is_compressible: impl FnOnce() -> bool,
    ) -> bool {
        let is_renewed = || written().any(|(written, _)| written == coding);
        match self.entries.get(original) {
            Some(file) if file.is_file() => {
                is_wrong(sidecar, file) && (file.size == 0 || !is_renewed()) && is_compressible()
            }
            Some(_) => false,
            None => self.is_gone(original),
        }
    }

    /// Whether docroot wrote sidecars for a file that is gone. It always writes a `.gz` file, which shows it.
    fn is_gone(&mut self, original: &[u8]) -> bool {
        if self.gone.contains(original) {
            return true;
        }
        let is_gone = is_marked(self.folder, &sidecar_name(original, "gz"));
        if is_gone {
            self.gone.insert(original.to_vec());
        }
        is_gone
    }
}

/// Whether this is an unfinished sidecar that nobody writes any more.
pub(super) fn is_left_over(folder: &OwnedFd, name: &[u8]) -> bool {
    let is_unlocked = || {
        let file = open_file(folder, name);
        file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
    };
    name.starts_with(UNFINISHED) && is_unlocked()
}

/// Whether docroot wrote this `.gz` file.
fn is_marked(folder: &OwnedFd, name: &[u8]) -> bool {
    let mut header = [0; GZIP_HEADER + MARK.len() + 1];
    let read = open_file(folder, name).and_then(|mut file| file.read_exact(&mut header));
    let (fixed, comment) = header.split_at(GZIP_HEADER);
    read.is_ok()
        && fixed.starts_with(GZIP_WITH_COMMENT)
        && comment.strip_suffix(b"\0") == Some(MARK)
}
