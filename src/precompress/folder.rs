//! Opens folders and files without following links.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

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

/// Opens one folder after another below a root. Most are near the one before, so the last folders on its path stay open.
/// On the way down, each folder is opened once. On the way back up from a depth greater than `KEPT`, the path is opened
/// from the root again, but only about once for `KEPT` folders. This is quadratic in the depth, divided by `KEPT`.
pub(super) struct Way<'a> {
    root: BorrowedFd<'a>,
    /// The path of the last folder.
    path: Vec<u8>,
    /// Folders on it, the deepest last, each with the length of its own path.
    open: VecDeque<(usize, Arc<OwnedFd>)>,
    #[cfg(test)]
    opened: usize,
}

impl<'a> Way<'a> {
    /// How many folders stay open. A descriptor each, for each thread.
    const KEPT: usize = 16;

    /// A way that begins at this folder.
    pub fn from(root: BorrowedFd<'a>) -> Way<'a> {
        Way {
            root,
            path: Vec::new(),
            open: VecDeque::new(),
            #[cfg(test)]
            opened: 0,
        }
    }

    /// Opens the folder at a path below the root, in which no name may be a link. The path is empty or ends in a
    /// slash.
    pub fn to(&mut self, path: &[u8]) -> io::Result<Arc<OwnedFd>> {
        let mut pairs = self.path.iter().zip(path);
        let common = pairs.position(|(one, other)| one != other);
        let common = common.unwrap_or(self.path.len().min(path.len()));
        self.open.retain(|(length, _)| *length <= common);
        self.path = path.to_vec();
        let mut length = self.open.back().map_or(0, |(length, _)| *length);
        if self.open.is_empty() {
            let folder = openat(self.root, ".", FOLDER, Mode::empty())?;
            self.keep(0, folder);
        }
        for name in path[length..].split_inclusive(|&byte| byte == b'/') {
            length += name.len();
            let name = name.strip_suffix(b"/").unwrap_or(name);
            let flags = FOLDER.union(OFlags::NOFOLLOW);
            let parent = self.last()?;
            let folder = openat(&parent, name, flags, Mode::empty())?;
            self.keep(length, folder);
        }
        self.last()
    }

    fn keep(&mut self, length: usize, folder: OwnedFd) {
        if self.open.len() >= Self::KEPT {
            self.open.pop_front();
        }
        self.open.push_back((length, Arc::new(folder)));
        #[cfg(test)]
        {
            self.opened += 1;
        }
    }

    fn last(&self) -> io::Result<Arc<OwnedFd>> {
        let last = self.open.back().map(|(_, folder)| Arc::clone(folder));
        last.ok_or_else(|| Errno::NOENT.into())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    use rustix::fs::mkdirat;

    /// A folder in a folder, and so on. Each is opened by its parent, because paths so long are refused.
    fn deep(root: &OwnedFd, depth: usize) -> Vec<Vec<u8>> {
        let mut way = Way::from(root.as_fd());
        let mut path = Vec::new();
        let mut paths = vec![path.clone()];
        for _ in 0..depth {
            let parent = way.to(&path).expect("a folder");
            for name in ["a", "b"] {
                mkdirat(&parent, name, Mode::RWXU).expect("a folder");
            }
            path.extend_from_slice(b"a/");
            paths.push(path.clone());
        }
        paths
    }

    #[test]
    fn a_deep_tree_takes_linear_work_down_and_a_part_of_quadratic_work_up() {
        const DEPTH: usize = 1000;
        let folder = tempfile::tempdir().expect("a folder");
        let root = open_root(folder.path()).expect("a folder");
        let down = deep(&root, DEPTH);
        let mut way = Way::from(root.as_fd());
        for path in &down {
            way.to(path).expect("a folder");
        }
        assert_eq!(way.opened, DEPTH + 1);
        // On the way back, some folders are no longer open.
        for path in down.iter().rev().skip(1) {
            way.to(&[path, &b"b/"[..]].concat()).expect("a folder");
        }
        let opened = way.opened - DEPTH - 1;
        assert!(
            opened < DEPTH + DEPTH * DEPTH / 2 / (Way::KEPT - 2) + DEPTH,
            "{opened}"
        );
        assert!(way.open.len() <= Way::KEPT);
        drop(way);
        remove(&root, &down);
    }

    /// The whole tree, because its paths are too long for whoever removes a temporary folder.
    fn remove(root: &OwnedFd, paths: &[Vec<u8>]) {
        let mut way = Way::from(root.as_fd());
        for path in paths.iter().rev().skip(1) {
            let parent = way.to(path).expect("a folder");
            for name in ["a", "b"] {
                rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR).expect("a folder");
            }
        }
    }

    #[test]
    fn no_name_on_the_way_is_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("a/b")).expect("folders");
        std::os::unix::fs::symlink("a", folder.path().join("link")).expect("a link");
        let root = open_root(folder.path()).expect("a folder");
        let mut way = Way::from(root.as_fd());
        for _ in 0..2 {
            way.to(b"a/b/").expect("folders");
            for path in [&b"link/"[..], b"link/b/", b"a/none/"] {
                assert!(way.to(path).is_err());
            }
            way.to(b"").expect("the root");
            way.to(b"a/").expect("a folder");
        }
    }
}
