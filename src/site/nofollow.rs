//! Opens names without following links.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

/// Flags to go through a directory, which needs no permission to read it.
pub(super) const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Whether a system call may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocking {
    /// It may.
    Allowed,
    /// If it would, it fails with AGAIN. Only Linux can do this, see [`can_refuse_to_block`].
    Refused,
}

/// Opens a path in which no name is a link. The kernel keeps every step below `directory`.
#[cfg(target_os = "linux")]
pub(super) fn open_without_links(
    directory: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    blocking: Blocking,
) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;

    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | cached(blocking);
    rustix::fs::openat2(directory, path, flags, Mode::empty(), resolve)
}

#[cfg(target_os = "linux")]
fn cached(blocking: Blocking) -> rustix::fs::ResolveFlags {
    match blocking {
        Blocking::Allowed => rustix::fs::ResolveFlags::empty(),
        Blocking::Refused => rustix::fs::ResolveFlags::CACHED,
    }
}

/// Whether the kernel can open a path only if it has all of it in memory. Linux 5.12 and later can.
#[cfg(target_os = "linux")]
pub(super) fn can_refuse_to_block(directory: BorrowedFd<'_>) -> bool {
    let opened = open_without_links(directory, b".", PASS, Blocking::Refused);
    matches!(opened, Ok(_) | Err(Errno::AGAIN))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn can_refuse_to_block(_directory: BorrowedFd<'_>) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_without_links(
    _directory: BorrowedFd<'_>,
    _path: &[u8],
    _flags: OFlags,
    _blocking: Blocking,
) -> rustix::io::Result<OwnedFd> {
    Err(Errno::NOSYS)
}

/// Whether the path must be opened name by name. LOOP: one of the names is a link. NOSYS and PERM: the
/// kernel or the sandbox of this process does not offer openat2.
pub(super) fn needs_walk(error: Errno) -> bool {
    matches!(error, Errno::LOOP | Errno::NOSYS | Errno::PERM)
}

/// What a name in a directory is.
pub(super) enum Named {
    Open(OwnedFd),
    Link(Vec<u8>),
}

/// Opens a name, or reads it if it is a link.
pub(super) fn open_name(
    directory: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
    blocking: Blocking,
) -> Result<Named, Errno> {
    let opened = open_one(directory, name, flags | OFlags::NOFOLLOW, blocking);
    let may_be_link = match &opened {
        // With PATH alone, the link itself is opened.
        Ok(opened) => {
            flags.contains(OFlags::PATH)
                && !flags.contains(OFlags::DIRECTORY)
                && is_link(opened.as_fd())?
        }
        Err(error) => matches!(*error, Errno::NOTDIR | Errno::LOOP | Errno::MLINK),
    };
    if !may_be_link {
        return opened.map(Named::Open);
    }
    match readlinkat(directory, name, Vec::new()) {
        Ok(target) => Ok(Named::Link(target.into_bytes())),
        // It is not a link, or not any more.
        Err(_) => Err(opened.err().unwrap_or(Errno::NOENT)),
    }
}

/// Whether this is a link. The type of a file never changes, so no file system need be asked again.
fn is_link(opened: BorrowedFd<'_>) -> Result<bool, Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, StatxFlags, statx};

        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        match statx(opened, c"", flags, StatxFlags::TYPE) {
            Err(Errno::NOSYS) => {}
            stat => {
                let file_type = FileType::from_raw_mode(stat?.stx_mode.into());
                return Ok(file_type == FileType::Symlink);
            }
        }
    }
    Ok(FileType::from_raw_mode(fstat(opened)?.st_mode) == FileType::Symlink)
}

/// Opens one name, or a path whose links may lead anywhere.
pub(super) fn open_one(
    directory: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
    blocking: Blocking,
) -> rustix::io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    if blocking == Blocking::Refused {
        return rustix::fs::openat2(directory, name, flags, Mode::empty(), cached(blocking));
    }
    let _ = blocking;
    openat(directory, name, flags, Mode::empty())
}
