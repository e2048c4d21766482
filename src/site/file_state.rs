//! The state of a file on disk, by which docroot knows whether it has changed.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use crate::semantics::variant::{FileTime, FileTimes};
use crate::site::devices::Mount;
use crate::site::disk_error::{DiskError, LookupError};

/// The coarsest timestamp resolution of common file systems, in seconds, rounded up.
pub(super) const COARSEST_TICK: i64 = 3;

/// Whether the tick of a file system's clock in which something was seen is over.
pub(super) fn is_tick_over(seen: i64, now: i64) -> bool {
    seen.saturating_add(COARSEST_TICK) <= now
}

/// The kind of a directory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A FIFO, socket or device, which is never served.
    Other,
}

/// Metadata that identifies one state of a file. At least one value changes when a file is renamed
/// into place, written to, or given new times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileState {
    device: u64,
    inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// The modification time in seconds since 1970, as the file system reports it. It may be negative
    /// or far in the future.
    pub modified: i64,
    modified_nanoseconds: u64,
    changed: i64,
    changed_nanoseconds: u64,
    pub(super) links: u64,
    pub(super) mode: u32,
    pub(super) owner: u32,
    pub(super) group: u32,
}

/// What became of a file between two of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// It has another mode, owner or number of links, and the same size and modification time.
    Attributes,
    /// Only its change time (ctime) is different. It was renamed, or it was written to and given its old
    /// modification time again.
    OnlyChangeTime,
    /// It has the same size and another modification time.
    Written,
    /// It has become longer.
    Grown,
    /// It has become shorter.
    Shrunk,
}

/// The current state of an open file.
pub(super) fn state_of(file: &File) -> Result<FileState, DiskError> {
    Ok(describe(&rustix::fs::fstat(file)?).1)
}

impl FileState {
    /// The state of the file at `path`, with links followed. Use it only for paths that do not come
    /// from clients.
    pub fn of(path: &Path) -> io::Result<FileState> {
        Ok(describe(&rustix::fs::stat(path)?).1)
    }

    /// Whether a later change is certain to change this state. `now` is in seconds since 1970, by the clock of
    /// the file system. If a file changes twice within one tick of that clock, the second change may not show.
    pub(super) fn is_settled(&self, now: i64) -> bool {
        is_tick_over(self.changed, now)
    }

    /// What became of the file on the way from this state to `now`.
    pub(super) fn change_to(&self, now: &FileState) -> Change {
        let modified = |state: &FileState| (state.modified, state.modified_nanoseconds);
        let attributes = |state: &FileState| (state.links, state.mode, state.owner, state.group);
        match now.size.cmp(&self.size) {
            Ordering::Less => Change::Shrunk,
            Ordering::Greater => Change::Grown,
            Ordering::Equal if self == now => Change::None,
            Ordering::Equal if modified(self) != modified(now) => Change::Written,
            Ordering::Equal if attributes(self) != attributes(now) => Change::Attributes,
            Ordering::Equal => Change::OnlyChangeTime,
        }
    }

    /// Whether both are states of the same file, in the same size, at different times.
    pub(super) fn differs_in_times(&self, other: &FileState) -> bool {
        let is_time = |change| matches!(change, Change::Written | Change::OnlyChangeTime);
        self.is_same_file(other) && is_time(self.change_to(other))
    }

    /// Whether both are states of the same file.
    pub(super) fn is_same_file(&self, other: &FileState) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// When its content was modified, and when anything of it changed.
    pub fn times(&self) -> FileTimes {
        FileTimes {
            modified: FileTime {
                seconds: self.modified,
                nanoseconds: self.modified_nanoseconds,
            },
            changed: FileTime {
                seconds: self.changed,
                nanoseconds: self.changed_nanoseconds,
            },
        }
    }

    /// What changes with the content: the size, and the modification time in seconds and nanoseconds. A
    /// new owner, mode or link changes none of it, and a copy on another server may have the same.
    pub(super) fn version(&self) -> (u64, i64, u64) {
        (self.size, self.modified, self.modified_nanoseconds)
    }

    /// What changes with the content even if the modification time is always the same: the file, and the
    /// change time (ctime) in seconds and nanoseconds. A new owner, mode or link changes it too.
    pub(super) fn last_change(&self) -> (u64, i64, u64) {
        (self.inode, self.changed, self.changed_nanoseconds)
    }
}

impl FileState {
    /// Whether its mode allows anybody to run it.
    pub(super) fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// The number of its file system.
    pub(super) fn device(&self) -> u64 {
        self.device
    }
}

impl FileKind {
    /// Fails unless it is a regular file.
    pub(super) fn must_be_file(self) -> Result<(), DiskError> {
        match self {
            FileKind::File => Ok(()),
            FileKind::Directory => Err(DiskError::NotFound),
            FileKind::Other => Err(DiskError::Special),
        }
    }
}

#[cfg(test)]
impl FileState {
    /// The state of a file that is not on disk.
    pub(super) fn of_size(size: u64) -> FileState {
        FileState {
            device: 1,
            inode: 1,
            size,
            modified: 1_000_000_000,
            modified_nanoseconds: 0,
            changed: 1_000_000_000,
            changed_nanoseconds: 0,
            links: 1,
            mode: 0o100_644,
            owner: 0,
            group: 0,
        }
    }
}

// The casts are needed because the fields of `Stat` have different types on other systems.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
pub(super) fn describe(stat: &Stat) -> (FileKind, FileState) {
    let kind = kind_of(FileType::from_raw_mode(stat.st_mode));
    let state = FileState {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime as i64,
        modified_nanoseconds: stat.st_mtime_nsec as u64,
        changed: stat.st_ctime as i64,
        changed_nanoseconds: stat.st_ctime_nsec as u64,
        links: stat.st_nlink as u64,
        mode: stat.st_mode as u32,
        owner: stat.st_uid as u32,
        group: stat.st_gid as u32,
    };
    (kind, state)
}

/// What the kernel knows of a file without asking a server.
pub(super) struct Known {
    pub kind: FileKind,
    pub state: FileState,
    pub mount: Mount,
}

/// What the kernel knows of an open file without asking a server.
#[cfg(target_os = "linux")]
pub(super) fn known_of_opened(file: BorrowedFd<'_>) -> Result<Known, LookupError> {
    describe_known(file, c"", AtFlags::EMPTY_PATH)
}

/// The same of a name in a directory, unless it is a link. The name itself may be read from a disk.
#[cfg(target_os = "linux")]
pub(super) fn known_of_name(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Known, LookupError> {
    describe_known(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

#[cfg(target_os = "linux")]
fn describe_known<P: rustix::path::Arg>(
    directory: BorrowedFd<'_>,
    path: P,
    flags: AtFlags,
) -> Result<Known, LookupError> {
    use rustix::fs::{StatxFlags, makedev, statx};

    let flags = flags | AtFlags::STATX_DONT_SYNC;
    // STATX_MNT_ID_UNIQUE, since Linux 6.8. Older kernels ignore it.
    let mount_number = StatxFlags::from_bits_retain(0x4000);
    let asked = StatxFlags::BASIC_STATS | mount_number;
    let stat = match statx(directory, path, flags, asked) {
        Err(Errno::NOSYS) => return Err(LookupError::WouldWait),
        stat => stat?,
    };
    let state = FileState {
        device: makedev(stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
        size: stat.stx_size,
        modified: stat.stx_mtime.tv_sec,
        modified_nanoseconds: u64::from(stat.stx_mtime.tv_nsec),
        changed: stat.stx_ctime.tv_sec,
        changed_nanoseconds: u64::from(stat.stx_ctime.tv_nsec),
        links: stat.stx_nlink.into(),
        mode: stat.stx_mode.into(),
        owner: stat.stx_uid,
        group: stat.stx_gid,
    };
    let has_number = stat.stx_mask & mount_number.bits() != 0;
    Ok(Known {
        kind: kind_of(FileType::from_raw_mode(stat.stx_mode.into())),
        state,
        mount: has_number.then_some(stat.stx_mnt_id),
    })
}

/// Nobody calls these on other systems, because blocking is never refused there.
#[cfg(not(target_os = "linux"))]
pub(super) fn known_of_opened(_: BorrowedFd<'_>) -> Result<Known, LookupError> {
    Err(LookupError::WouldWait)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn known_of_name(_: BorrowedFd<'_>, _: &[u8]) -> Result<Known, LookupError> {
    Err(LookupError::WouldWait)
}

fn kind_of(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        _ => FileKind::Other,
    }
}
