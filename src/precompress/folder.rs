//! Opens folders and files without following links.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use crate::semantics::variant::{FileTime, FileTimes};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// It does not block at a FIFO that has taken the place of a file.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// What a folder says about one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Unknown if the system does not let anybody look at it.
    pub kind: FileType,
    /// In bytes.
    pub size: u64,
    pub times: FileTimes,
}

/// The names in a folder, in their order.
pub(super) type Entries = BTreeMap<Vec<u8>, Entry>;

/// Opens the folder that the operator named. It may be a link.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, FOLDER, Mode::empty())?)
}

/// Opens the folder at a path below `root`, in which no name may be a link.
pub(super) fn open_folder(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    let mut folder = openat(root, ".", FOLDER, Mode::empty())?;
    for name in path
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
    {
        folder = openat(&folder, name, FOLDER.union(OFlags::NOFOLLOW), Mode::empty())?;
    }
    Ok(folder)
}

/// Opens the file `name` for reading, which may not be a link.
pub(super) fn open_file(folder: &OwnedFd, name: &[u8]) -> io::Result<File> {
    Ok(openat(folder, name, FILE, Mode::empty())?.into())
}

/// Reads a folder. What vanishes meanwhile is left out. What cannot be looked at stays, and `cannot_look` is told.
pub(super) fn entries(
    folder: &OwnedFd,
    mut cannot_look: impl FnMut(&[u8], io::Error),
) -> io::Result<Entries> {
    let mut entries = Entries::new();
    for name in Dir::read_from(folder.as_fd())? {
        let name = name?;
        let name = name.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                entries.insert(name.to_bytes().to_vec(), Entry::of(&stat));
            }
            Err(Errno::NOENT) => {}
            Err(fault) => {
                let name = name.to_bytes();
                cannot_look(name, fault.into());
                entries.insert(name.to_vec(), Entry::UNKNOWN);
            }
        }
    }
    Ok(entries)
}

impl Entry {
    /// Nothing is known of it.
    const UNKNOWN: Entry = {
        let never = FileTime {
            seconds: 0,
            nanoseconds: 0,
        };
        Entry {
            kind: FileType::Unknown,
            size: 0,
            times: FileTimes {
                modified: never,
                changed: never,
            },
        }
    };

    /// What the kernel says about a file.
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        reason = "the types differ between systems"
    )]
    pub fn of(stat: &Stat) -> Entry {
        Entry {
            kind: FileType::from_raw_mode(stat.st_mode),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            times: FileTimes {
                modified: FileTime {
                    seconds: stat.st_mtime.into(),
                    nanoseconds: stat.st_mtime_nsec as u64,
                },
                changed: FileTime {
                    seconds: stat.st_ctime.into(),
                    nanoseconds: stat.st_ctime_nsec as u64,
                },
            },
        }
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }
}
