//! The document root: the only place where docroot opens files by name for clients.
//!
//! A path never leads out of the root, unless the operator allowed links to do so. The module `walk`
//! sees to that. Only regular files and directories are opened for reading,
//! because opening a FIFO may block and opening a device can trigger an action.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

pub use crate::site::confine::LinkPolicy;
use crate::site::confine::{Confinement, Refusal};
use crate::site::walk::open_path;

/// Flags to open for reading. The call never blocks, and a terminal never becomes the controlling one.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Flags to find out what a name is.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The coarsest timestamp resolution of common file systems, in seconds, rounded up.
const COARSEST_TICK: i64 = 3;

/// An open document root.
#[derive(Debug)]
pub struct Root {
    place: Confinement,
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
}

/// Why a file cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// The name does not exist.
    NotFound,
    /// A name in the path begins with a dot, or a link leads to such a name, and the operator did not
    /// allow such names.
    Hidden,
    /// A symbolic link leads out of the root, and the operator did not allow such links.
    Outside,
    /// Symbolic links lead in a circle, or through too many others.
    LinkLoop,
    /// The path continues after the name of a file, perhaps only with a slash.
    NotDirectory,
    /// It is a FIFO, a socket or a device.
    Special,
    /// docroot serves a single file, and this is not its name.
    NotTheServedFile,
    /// The operating system does not allow this process to read it.
    Forbidden,
    /// The file descriptors or the memory of this process or system are used up at the moment.
    Exhausted,
    /// The directory is large, and the server had no place or no memory to read it for a while.
    ListingsBusy,
    /// The client accepts only compressed content, and the server has no memory for another coder.
    CodersBusy,
    /// The file changes faster than it can be read.
    Unsteady,
    /// The disk failed.
    Failed,
}

/// What clients are told about a [`DiskError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// There is no such file (404).
    Absent,
    /// The file may not be read (403).
    Forbidden,
    /// The file cannot be sent at the moment (503).
    Unavailable,
    /// The disk failed (500).
    Failed,
}

impl Root {
    /// Opens the directory `path` as the root.
    pub fn open(path: &Path, links: LinkPolicy) -> io::Result<Root> {
        let place = Confinement::open(path, READ, links)?;
        Ok(Root { place })
    }

    /// The kind and state of `path`, without opening it for reading. A path that leads out of the root
    /// is not found.
    pub(super) fn find(&self, path: &[u8]) -> Result<(FileKind, FileState), DiskError> {
        match self.find_name(path)? {
            Some(found) => Ok(found),
            None => Ok(describe(&rustix::fs::fstat(
                &self.open_confined(path, LOOK)?,
            )?)),
        }
    }

    /// Like [`Root::find`], with one system call. `None` if `path` is more than a name in the root, or
    /// if it is a link.
    fn find_name(&self, path: &[u8]) -> Result<Option<(FileKind, FileState)>, DiskError> {
        if path.is_empty() || path.contains(&b'/') {
            return Ok(None);
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(self.place.directory(), path, flags)?;
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        Ok((!is_link).then(|| describe(&stat)))
    }

    /// Opens a regular file.
    pub(super) fn open_file(&self, path: &[u8]) -> Result<(File, FileState), DiskError> {
        self.find(path)?.0.must_be_file()?;
        let file = File::from(self.open_confined(path, READ)?);
        let (kind, state) = describe(&rustix::fs::fstat(&file)?);
        kind.must_be_file()?;
        Ok((file, state))
    }

    /// Opens a directory to read its entries. `path` is empty or ends in a slash.
    pub fn open_directory(&self, path: &[u8]) -> Result<Directory, DiskError> {
        let descriptor = self.open_confined(path, READ | OFlags::DIRECTORY)?;
        Ok(Directory {
            entries: Dir::new(descriptor)?,
            path: path.to_vec(),
        })
    }

    /// Reads the next entry. Returns `None` at the end of the directory. The name of the entry is
    /// written to `name`. An entry is skipped if it has vanished, leads out of the root or to a hidden
    /// name, or is rejected by `is_shown`. Adds to `work` what the entry cost, in units of a system
    /// call.
    pub fn next_entry(
        &self,
        directory: &mut Directory,
        name: &mut Vec<u8>,
        is_shown: impl Fn(&[u8]) -> bool,
        work: &mut usize,
    ) -> Result<Option<DirectoryEntry>, DiskError> {
        *work += 1;
        let Some(entry) = directory.entries.read() else {
            return Ok(None);
        };
        let entry = entry?;
        name.clear();
        name.extend_from_slice(entry.file_name().to_bytes());
        let skipped = matches!(name.as_slice(), b"." | b"..") || !is_shown(name);
        match (skipped, entry.file_type()) {
            (true, _) => Ok(Some(DirectoryEntry::Skipped)),
            (false, FileType::RegularFile | FileType::Directory) => {
                let stat = rustix::fs::statat(
                    directory.entries.fd()?,
                    entry.file_name(),
                    AtFlags::SYMLINK_NOFOLLOW,
                );
                DirectoryEntry::of(stat.map_err(DiskError::from)).map(Some)
            }
            // A link, or the file system does not report the type. Resolve it as a request would.
            (false, FileType::Symlink | FileType::Unknown) => {
                let path = [directory.path.as_slice(), name].concat();
                let target = open_path(&self.place, &path, LOOK, work);
                let stat = target.map_err(DiskError::from);
                let stat = stat.and_then(|opened| Ok(rustix::fs::fstat(&opened)?));
                DirectoryEntry::of(stat).map(Some)
            }
            (false, _) => Ok(Some(DirectoryEntry::Skipped)),
        }
    }

    fn open_confined(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, DiskError> {
        Ok(open_path(&self.place, path, flags, &mut 0)?)
    }
}

/// An open directory.
pub struct Directory {
    entries: Dir,
    /// The path below the root. It is empty or ends in a slash.
    path: Vec<u8>,
}

/// One step of reading a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryEntry {
    /// A file or directory that may be served, with its state.
    Served(FileKind, FileState),
    /// An entry that is not shown.
    Skipped,
}

impl DirectoryEntry {
    /// Skips an entry that is gone, not readable, or neither a file nor a directory. Any other error is
    /// returned, so that a listing is never incomplete because descriptors ran out.
    fn of(stat: Result<Stat, DiskError>) -> Result<DirectoryEntry, DiskError> {
        match stat.as_ref().map(describe) {
            Ok((FileKind::Other, _)) => Ok(DirectoryEntry::Skipped),
            Ok((kind, state)) => Ok(DirectoryEntry::Served(kind, state)),
            Err(error) if error.is_absence() || *error == DiskError::Forbidden => {
                Ok(DirectoryEntry::Skipped)
            }
            Err(error) => Err(*error),
        }
    }
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

    /// Whether a later change is certain to change this state. `now` is in seconds since 1970. If a file
    /// changes twice within one tick of the file system's clock, the second change may not show.
    pub(super) fn is_settled(&self, now: i64) -> bool {
        self.changed.saturating_add(COARSEST_TICK) <= now
    }

    /// Whether a file in state `now` still has the content of this state, judged by size and
    /// modification time. The change time (ctime) is ignored, because a new link or a new owner does
    /// not change the content.
    pub(super) fn is_same_content(&self, now: &FileState) -> bool {
        self.size == now.size
            && self.modified == now.modified
            && self.modified_nanoseconds == now.modified_nanoseconds
    }
}

impl FileKind {
    fn must_be_file(self) -> Result<(), DiskError> {
        match self {
            FileKind::File => Ok(()),
            FileKind::Directory => Err(DiskError::NotFound),
            FileKind::Other => Err(DiskError::Special),
        }
    }
}

impl DiskError {
    /// What clients are told about the error.
    pub fn told(self) -> Told {
        match self {
            DiskError::NotFound
            | DiskError::Hidden
            | DiskError::Outside
            | DiskError::LinkLoop
            | DiskError::NotDirectory
            | DiskError::Special
            | DiskError::NotTheServedFile => Told::Absent,
            DiskError::Forbidden => Told::Forbidden,
            DiskError::Exhausted
            | DiskError::ListingsBusy
            | DiskError::CodersBusy
            | DiskError::Unsteady => Told::Unavailable,
            DiskError::Failed => Told::Failed,
        }
    }

    /// Whether clients are told that there is no such file.
    pub(super) fn is_absence(self) -> bool {
        self.told() == Told::Absent
    }

    /// The error for clients, as part of a sentence. It does not tell which names exist but are not
    /// served, or what the server lacks.
    pub fn text_for_client(self) -> &'static str {
        match self {
            absence if absence.is_absence() => DiskError::NotFound.text(),
            DiskError::Exhausted | DiskError::ListingsBusy | DiskError::CodersBusy => {
                "the server is too busy at the moment"
            }
            other => other.text(),
        }
    }

    /// The error for the operator, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            DiskError::NotFound => "no file or directory has this name",
            DiskError::Hidden => {
                "a name that begins with a dot is not served, nor is a link to one"
            }
            DiskError::Outside => "a symbolic link leads out of the served directory",
            DiskError::LinkLoop => "symbolic links lead in a circle, or too many follow each other",
            DiskError::NotDirectory => "the path continues after the name of a file",
            DiskError::Special => "FIFOs, sockets and devices are not served",
            DiskError::NotTheServedFile => "only one file is served, and it has another name",
            DiskError::Forbidden => "the server may not read this file or directory",
            DiskError::Exhausted => "the server has no file descriptor or memory left",
            DiskError::ListingsBusy => {
                "the server has no place or no memory left to read a large directory"
            }
            DiskError::CodersBusy => {
                "the client refuses identity, and the server has no memory left to compress"
            }
            DiskError::Unsteady => "the file keeps changing",
            DiskError::Failed => "the disk could not be read",
        }
    }
}

impl From<Errno> for DiskError {
    fn from(error: Errno) -> DiskError {
        match error {
            Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL | Errno::ISDIR => DiskError::NotFound,
            Errno::NOTDIR => DiskError::NotDirectory,
            Errno::LOOP => DiskError::LinkLoop,
            Errno::XDEV => DiskError::Outside,
            Errno::NXIO | Errno::NODEV => DiskError::Special,
            Errno::ACCESS | Errno::PERM => DiskError::Forbidden,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => DiskError::Exhausted,
            _ => DiskError::Failed,
        }
    }
}

impl From<Refusal> for DiskError {
    fn from(refusal: Refusal) -> DiskError {
        match refusal {
            Refusal::Outside => DiskError::Outside,
            Refusal::Hidden => DiskError::Hidden,
            Refusal::TooManyLinks => DiskError::LinkLoop,
            Refusal::System(error) => error.into(),
        }
    }
}

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> DiskError {
        Errno::from_io_error(&error).map_or(DiskError::Failed, DiskError::from)
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
        }
    }
}

// The casts are needed because the fields of `Stat` have different types on other systems.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn describe(stat: &Stat) -> (FileKind, FileState) {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        _ => FileKind::Other,
    };
    let state = FileState {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime as i64,
        modified_nanoseconds: stat.st_mtime_nsec as u64,
        changed: stat.st_ctime as i64,
        changed_nanoseconds: stat.st_ctime_nsec as u64,
    };
    (kind, state)
}
