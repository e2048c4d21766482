//! What a step reads from a directory: how much work a step is, and which entries it keeps.
//!
//! A step may run on a worker or on a disk thread.

use std::cell::Cell;

use crate::site::disk_error::LookupError;
use crate::site::file_state::FileKind;
use crate::site::listing::{EntryKind, ListedEntry, Scan};
use crate::site::nofollow::Blocking;
use crate::site::path::is_hidden_name;
use crate::site::root::{Directory, DirectoryEntry, Root};

/// Work per step, in units of a system call: about half a millisecond. A file or a folder costs one
/// unit, a link what it takes to follow it, and a filter what it takes to search the name.
pub(super) const STEP: usize = 256;

/// The most memory that a step adds: as many entries with the longest names as there are units.
pub(super) const MOST_PER_STEP: u64 = STEP as u64 * Scan::MOST_PER_ENTRY;

/// What was read of a directory. It moves between threads.
pub(super) struct Scanned {
    /// `None`: it is not open yet.
    pub directory: Option<Directory>,
    pub scan: Scan,
}

impl Scanned {
    /// Forgets what was read, and closes the directory.
    pub fn begin_again(&mut self) {
        self.directory = None;
        self.scan.begin_again();
    }

    /// Reads a step. Returns whether there may be more. If blocking is refused and it would wait, what it
    /// has read so far is kept.
    pub fn read(
        &mut self,
        root: &Root,
        path: &[u8],
        hidden: bool,
        blocking: Blocking,
        name: &mut Vec<u8>,
    ) -> Result<bool, LookupError> {
        let directory = match &mut self.directory {
            Some(directory) => directory,
            none => none.insert(root.open_directory(path, blocking)?),
        };
        let scan = &mut self.scan;
        let mut work = 0;
        while work < STEP {
            let filtering = Cell::new(0);
            let is_shown =
                |name: &[u8]| (hidden || !is_hidden_name(name)) && scan.wants(name, &filtering);
            let entry = root.next_entry(directory, name, is_shown, blocking, &mut work)?;
            work += filtering.get();
            let (kind, state, is_link) = match entry {
                None => return Ok(false),
                Some(DirectoryEntry::Skipped) => continue,
                Some(DirectoryEntry::Unknown(kind)) => (kind, None, false),
                Some(DirectoryEntry::Served {
                    kind,
                    state,
                    is_link,
                }) => (kind, Some(state), is_link),
            };
            scan.push(ListedEntry {
                name,
                kind: match kind {
                    FileKind::Directory => EntryKind::Directory,
                    FileKind::File | FileKind::Other => EntryKind::File,
                },
                size: state.map(|state| state.size),
                modified: state.map(|state| state.modified),
                is_readable: state.is_some_and(|state| root.may_read(kind, &state)),
                is_link,
            });
        }
        Ok(true)
    }
}
