//! An open file in the state that a response describes, and the check that it is still in that state.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rustix::io::Errno;

use crate::site::body_error::BodyError;
use crate::site::cached_read::{read_at, read_cached};
use crate::site::devices::Devices;
use crate::site::disk::{DiskPool, Effort, FileSystem};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file_state::{Change, FileState, state_of};
use crate::site::nofollow::Blocking;
use crate::site::root::Root;

/// An open file, the state that the head of the response describes, and what is known of that state.
/// Any thread may read it.
pub struct Opened {
    root: Arc<Root>,
    /// The path below the root by which it was opened.
    path: Box<[u8]>,
    file: ClosedByPool,
    /// The state that the entity-tag and the length stand for.
    pub(super) state: FileState,
    /// Whether the size in that state is unknown, and the file ends where nothing more can be read.
    is_size_unknown: bool,
    /// A hash of the last bytes of the file in that state.
    end_hash: u64,
    /// Whether the file uses less disk space than its size, so that it may have holes.
    is_sparse: bool,
}

/// A part of a file that the kernel can send without waiting, as far as is known.
pub struct CachedPart<'f> {
    file: &'f File,
    length: u64,
    device: u64,
    /// Measures the call, if the kernel cannot say whether it would wait.
    measured_by: Option<&'f Devices>,
}

/// A file was unchanged after a read.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// Whether its state is exactly the same. If not, it has grown, or has another name, mode or owner.
    is_same: bool,
}

impl Checked {
    /// Whether its state is exactly the same.
    pub(super) fn is_same(self) -> bool {
        self.is_same
    }
}

/// Closes a file on a disk thread, if that may take long.
struct ClosedByPool {
    file: Option<File>,
    pool: Option<DiskPool>,
    file_system: FileSystem,
    /// Whether that does not make the one wait who closes the file.
    is_quick: bool,
}

/// From this size on, in bytes, a disk thread closes a file that was deleted. Whoever closes it last frees its
/// space, which takes about a second for 3 GiB.
const LONG_TO_FREE: u64 = 1 << 20;

/// The unit of `st_blocks`, in bytes.
const BLOCK: u64 = 512;

/// How many bytes at the end of a file are compared to tell an append from a rewrite.
const END_LENGTH: u64 = 4096;

/// How often to check a file whose time has changed but whose size has not. During an append, the
/// kernel updates the modification time before the size.
const CHECKS: usize = 50;

/// The distance between the bytes that are probed before the kernel sends a part of a file. It reads and
/// evicts larger parts at a time, so in between the pages are almost always there too.
const PROBED: u64 = 64 * 1024;

impl Opened {
    /// Opens the file at `path`. `None` if its state is not `state`. Without a `state`, its size is unknown.
    /// `pool` closes the file if that may take long.
    pub(super) fn new(
        root: &Arc<Root>,
        pool: Option<DiskPool>,
        path: &[u8],
        state: Option<&FileState>,
        blocking: Blocking,
    ) -> Result<Option<Opened>, LookupError> {
        let (file, now) = root.open_file(path, blocking)?;
        let is_quick = root.devices().is_quick(now.device());
        let mut opened = Opened {
            root: Arc::clone(root),
            path: path.into(),
            is_sparse: state.is_some()
                && file.metadata()?.blocks().saturating_mul(BLOCK) < now.size,
            is_size_unknown: state.is_none(),
            file: ClosedByPool {
                file: Some(file),
                pool,
                file_system: FileSystem::of_device(now.device()),
                is_quick,
            },
            state: now,
            end_hash: 0,
        };
        match state {
            None => return Ok(Some(opened)),
            Some(state) if now != *state => return Ok(None),
            Some(_) => {}
        }
        match opened.hash_of_end(blocking) {
            Ok(hash) => {
                opened.end_hash = hash;
                Ok(Some(opened))
            }
            Err(BodyError::Changed) => Ok(None),
            Err(BodyError::Disk(error)) => Err(LookupError::of_read(&error)),
            Err(fault) => Err(DiskError::from(fault).into()),
        }
    }

    /// Reads at `offset` with one call. Returns how many bytes were read.
    pub(super) fn read_at(
        &self,
        buffer: &mut [u8],
        offset: u64,
        blocking: Blocking,
    ) -> io::Result<usize> {
        let devices = self.root.devices();
        if blocking == Blocking::Refused && !devices.is_quick(self.state.device()) {
            return Err(Errno::AGAIN.into());
        }
        match self.fill_from_hole(offset, buffer)? {
            0 => {}
            zeros => return Ok(zeros),
        }
        let (device, file) = (self.state.device(), self.file.get()?);
        read_at(devices, device, file, buffer, offset, blocking)
    }

    /// Reads at `offset` until `buffer` is full.
    pub(super) fn read_exact_at(
        &self,
        mut buffer: &mut [u8],
        mut offset: u64,
        blocking: Blocking,
    ) -> Result<(), BodyError> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset, blocking) {
                Ok(0) => return Err(BodyError::Changed),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Reads at `offset` until `buffer` is full, and then checks the file.
    pub(super) fn read_checked_at(
        &self,
        buffer: &mut [u8],
        offset: u64,
        blocking: Blocking,
    ) -> Result<Checked, BodyError> {
        self.read_exact_at(buffer, offset, blocking)?;
        self.check(blocking)
    }

    /// If there is a hole at `offset`, fills `buffer` with its zeros and returns how many. Reading the
    /// hole would make the kernel allocate page cache for it and evict useful pages.
    fn fill_from_hole(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_sparse {
            return Ok(0);
        }
        let data = next_data(self.file.get()?, offset)?.min(self.state.size);
        let hole = usize::try_from(data.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = hole.min(buffer.len());
        buffer[..count].fill(0);
        Ok(count)
    }

    /// Whether the bytes read so far belong to the state that the head describes. This is so if the
    /// file is unchanged. It is also so if the file has grown like a log or was given another name, mode or
    /// owner, and its old last bytes are still in place. If its middle was rewritten as well, this method
    /// does not notice that.
    pub(super) fn check(&self, blocking: Blocking) -> Result<Checked, BodyError> {
        for _ in 0..CHECKS {
            let Ok(now) = self.file.get().map(state_of)? else {
                return Err(BodyError::Changed);
            };
            match self.state.change_to(&now) {
                Change::None => return Ok(Checked { is_same: true }),
                Change::Grown | Change::Attributes => return self.check_end(blocking),
                Change::OnlyChangeTime if self.was_renamed(blocking)? => {
                    return self.check_end(blocking);
                }
                Change::OnlyChangeTime | Change::Shrunk => return Err(BodyError::Changed),
                Change::Written => {}
            }
            std::thread::yield_now();
        }
        Err(BodyError::Changed)
    }

    /// Whether the last bytes of the state that the head describes are still in place.
    fn check_end(&self, blocking: Blocking) -> Result<Checked, BodyError> {
        match self.hash_of_end(blocking)? == self.end_hash {
            true => Ok(Checked { is_same: false }),
            false => Err(BodyError::Changed),
        }
    }

    /// Whether the path leads to another file now, or to none.
    fn was_renamed(&self, blocking: Blocking) -> Result<bool, BodyError> {
        match self.root.find(&self.path, blocking) {
            Ok((_, found)) => Ok(!found.is_same_file(&self.state)),
            Err(LookupError::WouldWait) => Err(io::Error::from(Errno::AGAIN).into()),
            Err(LookupError::Disk(error)) => Ok(error.is_absence()),
        }
    }

    fn hash_of_end(&self, blocking: Blocking) -> Result<u64, BodyError> {
        let mut bytes = [0; END_LENGTH as usize];
        let start = self.state.size.saturating_sub(END_LENGTH);
        let last = &mut bytes[..(self.state.size - start) as usize];
        self.read_exact_at(last, start, blocking)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(last);
        Ok(hasher.finish())
    }

    /// Whether its size is unknown, and it ends where nothing more can be read.
    pub(super) fn is_size_unknown(&self) -> bool {
        self.is_size_unknown
    }

    /// The part from `offset` on, at most `most` bytes, that the kernel can send from memory. `None` if it
    /// must be read: because a disk has it, or because it is a hole, for which the kernel would allocate pages.
    pub(super) fn cached_part(&self, offset: u64, most: u64) -> Option<CachedPart<'_>> {
        let devices = self.root.devices();
        if self.is_sparse || !devices.is_quick(self.state.device()) {
            return None;
        }
        let file = self.file.get().ok()?;
        let part = |length, measured_by| CachedPart {
            file,
            length,
            device: self.state.device(),
            measured_by,
        };
        let mut length = 0;
        while length < most {
            match read_cached(file, &mut [0], offset + length) {
                Ok(Some(1)) => length += PROBED,
                // The kernel cannot say.
                Ok(None) => return Some(part(most, Some(devices))),
                _ => break,
            }
        }
        (length > 0).then(|| part(length.min(most), None))
    }
}

impl CachedPart<'_> {
    /// Calls `send` with the file and the length of the part.
    pub fn send<T>(&self, send: impl FnOnce(&File, u64) -> T) -> T {
        let send = || send(self.file, self.length);
        match self.measured_by {
            None => send(),
            Some(devices) => devices.measured(self.device, send),
        }
    }
}

impl ClosedByPool {
    /// The file, which is there until this is dropped.
    fn get(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or(ErrorKind::NotFound.into())
    }
}

impl Drop for ClosedByPool {
    fn drop(&mut self) {
        let (Some(pool), Some(file)) = (&self.pool, self.file.take()) else {
            return;
        };
        match self.is_quick {
            false => pool.discard(Effort::Look, self.file_system, file),
            true if takes_long_to_free(&file) => pool.discard(Effort::Read, self.file_system, file),
            true => {}
        }
    }
}

/// Whether the file was deleted, and its space is large and free as soon as nobody has the file open.
fn takes_long_to_free(file: &File) -> bool {
    file.metadata()
        .is_ok_and(|now| now.nlink() == 0 && now.len() >= LONG_TO_FREE)
}

/// The offset of the next data at or after `offset`. If there is no more data, the end of the file.
#[cfg(target_os = "linux")]
fn next_data(file: &File, offset: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => Ok(data),
        Err(rustix::io::Errno::NXIO) => Ok(file.metadata()?.len()),
        // The file system cannot tell holes from data.
        Err(_) => Ok(offset),
    }
}

/// On other systems, holes are read like data.
#[cfg(not(target_os = "linux"))]
fn next_data(_: &File, offset: u64) -> io::Result<u64> {
    Ok(offset)
}
