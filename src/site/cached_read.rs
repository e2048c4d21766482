//! Reads that do not wait for a disk.

use std::fs::File;
use std::io::{self, Read};

use rustix::io::Errno;

/// Reads at `offset` what the kernel has in memory, which may be less than `buffer` holds. The error
/// AGAIN means that it has nothing. `None` means that the kernel or the file system cannot say.
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
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(None),
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
