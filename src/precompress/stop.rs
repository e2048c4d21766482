//! Ends the work early, and leaves no half-written file behind.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::{AtFlags, unlinkat};

use crate::sync::lock;

/// Whether the work is to end, and which files are half-written.
#[derive(Debug, Default)]
pub struct Stop {
    is_set: AtomicBool,
    /// Folders and names.
    unfinished: Mutex<Vec<(Arc<OwnedFd>, Vec<u8>)>>,
}

impl Stop {
    /// Ends the work. It may take as long as a coder works on what it has read.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// Removes the half-written files, just before the process ends. No thread begins or finishes another one
    /// after that.
    pub fn remove_unfinished(&self) {
        let unfinished = self.unfinished();
        for (folder, name) in unfinished.iter() {
            // If it cannot be removed, --clean removes it later.
            let _ = unlinkat(folder, &**name, AtFlags::empty());
        }
        // It stays locked.
        std::mem::forget(unfinished);
    }

    /// Begins a file. `create` returns it and its name in `folder`.
    pub(super) fn begin(
        &self,
        folder: &Arc<OwnedFd>,
        create: impl FnOnce() -> io::Result<(File, Vec<u8>)>,
    ) -> io::Result<(File, Vec<u8>)> {
        // It is locked meanwhile, so no file is created unnoticed.
        let mut unfinished = self.unfinished();
        let (file, name) = create()?;
        unfinished.push((Arc::clone(folder), name.clone()));
        Ok((file, name))
    }

    /// Notes that a file is finished or removed.
    pub(super) fn end(&self, folder: &Arc<OwnedFd>, name: &[u8]) {
        let is_other =
            |(other, begun): &(Arc<OwnedFd>, Vec<u8>)| begun != name || !Arc::ptr_eq(other, folder);
        self.unfinished().retain(is_other);
    }

    fn unfinished(&self) -> MutexGuard<'_, Vec<(Arc<OwnedFd>, Vec<u8>)>> {
        lock(&self.unfinished)
    }
}
