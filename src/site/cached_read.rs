//! Reads that do not wait for a disk.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

use crate::site::devices::Devices;
use crate::site::nofollow::Blocking;

/// Reads at `offset` with one call, from a file on the file system `device`. If blocking is refused, the
/// error AGAIN means that the bytes are not in memory. If the kernel cannot say whether they are, they are
/// read anyway, and the time is measured.
pub(super) fn read_at(
    devices: &Devices,
    device: u64,
    file: &File,
    buffer: &mut [u8],
    offset: u64,
    blocking: Blocking,
) -> io::Result<usize> {
    if blocking == Blocking::Refused
        && let Some(count) = read_cached(file, buffer, offset)?
    {
        return Ok(count);
    }
    let mut read = || file.read_at(buffer, offset);
    match blocking {
        Blocking::Allowed => read(),
        Blocking::Refused => devices.measured(device, read),
    }
}

/// Reads at `offset` what the kernel has in memory, which may be less than `buffer` holds. The error
/// AGAIN means that it has nothing. `None` means that the kernel or the file system does not offer such a
/// read, or that a sandbox forbids it.
#[cfg(target_os = "linux")]
pub(super) fn read_cached(
    file: &File,
    buffer: &mut [u8],
    offset: u64,
) -> rustix::io::Result<Option<usize>> {
    use rustix::io::ReadWriteFlags;

    let mut buffers = [io::IoSliceMut::new(buffer)];
    match rustix::io::preadv2(file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
        Ok(count) => Ok(Some(count)),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read_cached(_: &File, _: &mut [u8], _: u64) -> rustix::io::Result<Option<usize>> {
    Ok(None)
}

/// A file as a reader. If the next bytes are not in memory, it fails with AGAIN.
pub(super) struct CachedReader<'a> {
    file: &'a File,
    at: u64,
    /// Whether the kernel could not say what it has in memory.
    pub is_unknown: bool,
}

impl<'a> CachedReader<'a> {
    /// Reads from the beginning.
    pub fn new(file: &'a File) -> CachedReader<'a> {
        CachedReader {
            file,
            at: 0,
            is_unknown: false,
        }
    }
}

impl Read for CachedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match read_cached(self.file, buffer, self.at)? {
            Some(count) => {
                self.at += count as u64;
                Ok(count)
            }
            None => {
                self.is_unknown = true;
                Err(Errno::AGAIN.into())
            }
        }
    }
}
