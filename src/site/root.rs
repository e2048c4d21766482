//! Confinement: the one place where something is opened by name.
//!
//! A path is opened below the root's descriptor. Symbolic links are followed as long as they stay
//! below it; one that leaves is as absent as a name that is not there, unless the operator asked
//! for such links to be followed. What is neither a regular file nor a directory is never opened:
//! a FIFO would block, and opening a device can act upon it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// Flags for every opening: never waits, never becomes a controlling terminal.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Seconds, rounded up, in which the coarsest clocks of file systems in use tick.
const SETTLING: i64 = 3;

/// How often an opening is tried again when a rename raced with it.
const RACES: usize = 8;

/// An open document root.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
    /// Absolute and free of links, so that a resolved path can be compared with it.
    path: PathBuf,
    follow_symlinks: bool,
}

/// What kind of thing a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A FIFO, a socket, a device: never served.
    Other,
}

/// What tells one state of a file from another. Renaming a file into place, writing to it and
/// setting its times all change one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileState {
    device: u64,
    inode: u64,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970, as the file system says; it may be negative or absurd.
    pub modified: i64,
    modified_nanoseconds: u64,
    changed: i64,
    changed_nanoseconds: u64,
}

/// Why the disk gave no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// There is no such name, or none that may be served.
    NotFound,
    /// It is there and the operating system does not let this process read it.
    Forbidden,
    /// Descriptors, memory or coders have run out for the moment.
    Exhausted,
    /// It is being changed faster than it can be read.
    Unsteady,
    /// The disk failed.
    Failed,
}

impl Root {
    /// Opens a directory as the root.
    pub fn open(path: &Path, follow_symlinks: bool) -> io::Result<Root> {
        let path = path.canonicalize()?;
        let directory = rustix::fs::openat(CWD, &path, READ | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Root {
            directory,
            path,
            follow_symlinks,
        })
    }

    /// Where the root was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `path` names now, wherever links lead. It is good only for comparing it with a state
    /// that [`Root::find`] or [`Root::open_file`] gave before.
    pub fn look(&self, path: &[u8]) -> Result<(FileKind, FileState), DiskError> {
        let stat = rustix::fs::statat(&self.directory, name_or_self(path), AtFlags::empty())?;
        Ok(describe(&stat))
    }

    /// What `path` names below the root, without opening it: a link that leads out is absent, and
    /// so is all behind it.
    pub fn find(&self, path: &[u8]) -> Result<(FileKind, FileState), DiskError> {
        let found = self.open_confined(path, OFlags::PATH | OFlags::CLOEXEC)?;
        Ok(describe(&rustix::fs::fstat(&found)?))
    }

    /// Opens a regular file.
    pub fn open_file(&self, path: &[u8]) -> Result<(File, FileState), DiskError> {
        if self.find(path)?.0 != FileKind::File {
            return Err(DiskError::NotFound);
        }
        let file = File::from(self.open_confined(path, READ)?);
        let (kind, state) = describe(&rustix::fs::fstat(&file)?);
        match kind {
            FileKind::File => Ok((file, state)),
            _ => Err(DiskError::NotFound),
        }
    }

    /// Opens a directory to read its entries.
    pub fn open_directory(&self, path: &[u8]) -> Result<Directory, DiskError> {
        let descriptor = self.open_confined(path, READ | OFlags::DIRECTORY)?;
        let (_, state) = describe(&rustix::fs::fstat(&descriptor)?);
        Ok(Directory {
            entries: Dir::new(descriptor)?,
            state,
            path: path.to_vec(),
        })
    }

    /// The next entry that may be served, `None` at the end. Its name is left in `name`. An entry
    /// that vanished or leads out of the root is passed over, and so is one that `is_shown` denies.
    pub fn next_entry(
        &self,
        directory: &mut Directory,
        name: &mut Vec<u8>,
        is_shown: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<DirectoryEntry>, DiskError> {
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
            // A link, or a file system that does not tell: resolve it the way a request would.
            (false, FileType::Symlink | FileType::Unknown) => {
                let mut path = directory.path.clone();
                path.extend_from_slice(name);
                let target = self.open_confined(&path, OFlags::PATH | OFlags::CLOEXEC);
                DirectoryEntry::of(target.and_then(|fd| Ok(rustix::fs::fstat(&fd)?))).map(Some)
            }
            (false, _) => Ok(Some(DirectoryEntry::Skipped)),
        }
    }

    fn open_confined(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, DiskError> {
        let path = name_or_self(path);
        if self.follow_symlinks {
            return Ok(rustix::fs::openat(
                &self.directory,
                path,
                flags,
                Mode::empty(),
            )?);
        }
        match self.open_beneath(path, flags) {
            Ok(descriptor) => Ok(descriptor),
            // EXDEV: a link led out, or is absolute and may lead back in. The others: this kernel,
            // or the sandbox around the process, has no openat2.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM) => self.open_resolved(path, flags),
            Err(error) => Err(error.into()),
        }
    }

    /// The kernel keeps every step below the root.
    #[cfg(target_os = "linux")]
    fn open_beneath(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut result = Err(Errno::AGAIN);
        for _ in 0..RACES {
            result = rustix::fs::openat2(&self.directory, path, flags, Mode::empty(), resolve);
            if !matches!(result, Err(Errno::AGAIN)) {
                break;
            }
        }
        result
    }

    #[cfg(not(target_os = "linux"))]
    fn open_beneath(&self, _path: &[u8], _flags: OFlags) -> rustix::io::Result<OwnedFd> {
        Err(Errno::NOSYS)
    }

    /// Resolves the links first, then walks the result from the root's descriptor without
    /// following any: whatever is renamed in between, no step can leave the root.
    fn open_resolved(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, DiskError> {
        let resolved = self.path.join(OsStr::from_bytes(path)).canonicalize()?;
        let inside = resolved
            .strip_prefix(&self.path)
            .map_err(|_| DiskError::NotFound)?;
        let mut current = rustix::fs::openat(
            &self.directory,
            ".",
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut components = inside.components().peekable();
        while let Some(component) = components.next() {
            let step = match components.peek() {
                Some(_) => OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                None => flags,
            };
            let name = component.as_os_str();
            current = rustix::fs::openat(&current, name, step | OFlags::NOFOLLOW, Mode::empty())?;
        }
        if inside.as_os_str().is_empty() {
            current = rustix::fs::openat(&current, ".", flags, Mode::empty())?;
        }
        Ok(current)
    }
}

/// A directory being read.
pub struct Directory {
    entries: Dir,
    /// The state of the directory when it was opened.
    pub state: FileState,
    /// Below the root; empty, or with a slash at its end.
    path: Vec<u8>,
}

/// One step of reading a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryEntry {
    /// A file or directory that may be served.
    Served(FileKind, FileState),
    /// Something that is not shown.
    Skipped,
}

impl DirectoryEntry {
    /// What is gone, not ours to read or neither file nor directory is passed over. Any other fault
    /// is one: a listing must not be short because descriptors have run out.
    fn of(stat: Result<Stat, DiskError>) -> Result<DirectoryEntry, DiskError> {
        match stat.as_ref().map(describe) {
            Ok((FileKind::Other, _)) => Ok(DirectoryEntry::Skipped),
            Ok((kind, state)) => Ok(DirectoryEntry::Served(kind, state)),
            Err(DiskError::NotFound | DiskError::Forbidden) => Ok(DirectoryEntry::Skipped),
            Err(fault) => Err(*fault),
        }
    }
}

/// The state of an open file now.
pub fn state_of(file: &File) -> Result<FileState, DiskError> {
    Ok(describe(&rustix::fs::fstat(file)?).1)
}

impl FileState {
    /// The state of what has this name, where links lead to. It is for files that no client names.
    pub fn of(path: &Path) -> io::Result<FileState> {
        Ok(describe(&rustix::fs::stat(path)?).1)
    }

    /// Whether this state is old enough, at `now` seconds since 1970, that a later change must show
    /// in it: a second change within one tick of the file system's clock leaves no trace.
    pub fn is_settled(&self, now: i64) -> bool {
        self.changed.saturating_add(SETTLING) <= now
    }

    /// Whether a file in state `now` has the content it had in this state, as far as its metadata
    /// can tell. The time of a change of status is left aside: a new link to the file or another
    /// owner leaves the content alone.
    pub fn is_same_content(&self, now: &FileState) -> bool {
        self.size == now.size
            && self.modified == now.modified
            && self.modified_nanoseconds == now.modified_nanoseconds
    }
}

impl DiskError {
    /// The fault as a clause.
    pub fn text(self) -> &'static str {
        match self {
            DiskError::NotFound => "there is nothing of this name",
            DiskError::Forbidden => "the server is not allowed to read it",
            DiskError::Exhausted => "the server has too much to do at the moment",
            DiskError::Unsteady => "the file keeps changing",
            DiskError::Failed => "the disk could not be read",
        }
    }
}

impl From<Errno> for DiskError {
    fn from(error: Errno) -> DiskError {
        match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG | Errno::XDEV => {
                DiskError::NotFound
            }
            Errno::NXIO | Errno::NODEV | Errno::INVAL | Errno::ISDIR => DiskError::NotFound,
            Errno::ACCESS | Errno::PERM => DiskError::Forbidden,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => DiskError::Exhausted,
            _ => DiskError::Failed,
        }
    }
}

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> DiskError {
        Errno::from_io_error(&error).map_or(DiskError::Failed, DiskError::from)
    }
}

fn name_or_self(path: &[u8]) -> &[u8] {
    if path.is_empty() { b"." } else { path }
}

#[cfg(test)]
impl FileState {
    /// A state that is on no disk.
    pub fn of_size(size: u64) -> FileState {
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

/// The fields of `stat` have other widths on other systems.
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
