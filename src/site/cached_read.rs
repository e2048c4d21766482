//! Reads that do not wait for a disk.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

use crate::site::devices::Devices;
use crate::site::nofollow::Blocking;

/// How often a call is repeated that was interrupted.
const MOST_INTERRUPTIONS: usize = 100;

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
    let mut read = || uninterrupted(|| file.read_at(buffer, offset));
    match blocking {
        Blocking::Allowed => read(),
        Blocking::Refused => devices.measured(device, read),
    }
}

/// Repeats a call that was interrupted, but not for ever. Signals interrupt few calls, so more interruptions come
/// from the file system.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..MOST_INTERRUPTIONS {
        match call() {
            Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
    // Whoever calls this may repeat what was interrupted.
    Err(io::Error::other("interrupted too many times"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_repeated_but_not_for_ever() {
        let after = |interruptions: usize| {
            let mut calls = 0;
            let done = uninterrupted(|| {
                calls += 1;
                match calls > interruptions {
                    true => Ok(()),
                    false => Err(ErrorKind::Interrupted.into()),
                }
            });
            (done.is_ok(), calls)
        };
        assert_eq!(after(0), (true, 1));
        assert_eq!(after(9), (true, 10));
        assert_eq!(after(usize::MAX), (false, MOST_INTERRUPTIONS));
    }
}
