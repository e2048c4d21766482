//! The document root: the only place where docroot opens files by name for clients.
//!
//! A path never leads out of the root, unless the operator allowed links to do so. The module `walk`
//! sees to that. Only regular files and directories are opened for reading,
//! because opening a FIFO may block and opening a device can trigger an action.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use crate::semantics::variant::Modified;
use crate::site::access::{self, Reader};
pub use crate::site::confine::LinkPolicy;
use crate::site::confine::{Confinement, Refusal};
use crate::site::devices::{Devices, Mount};
use crate::site::disk::FileSystem;
use crate::site::nofollow::{Blocking, PASS, can_refuse_to_block};
use crate::site::walk::open_path;

/// Flags to open for reading. The call never blocks, and a terminal never becomes the controlling one.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Flags to find out what a name is.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The pause of a disk thread before it tries again: to open a file that another process has a lease on,
/// or to look at a file whose size was wrong. File servers such as Samba and nfsd give up a lease within
/// milliseconds after they were asked. The clock of a file system ticks at least each 10 ms.
const PAUSE: Duration = Duration::from_millis(20);

/// How often it tries again: for about a second.
const LEASE_ATTEMPTS: usize = 50;

/// How many names of a path are tried to find out on which file system it is.
const MOST_NAMES: usize = 16;

/// The coarsest timestamp resolution of common file systems, in seconds, rounded up.
const COARSEST_TICK: i64 = 3;

/// An open document root.
#[derive(Debug)]
pub struct Root {
    place: Confinement,
    /// Its state when it was opened.
    state: FileState,
    /// Which file systems a worker may use.
    devices: Devices,
    /// Whether the kernel can be asked to fail instead of waiting for a disk.
    can_refuse: bool,
    /// The user of this process.
    reader: Reader,
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
    links: u64,
    mode: u32,
    owner: u32,
    group: u32,
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
    /// Another archive is on its way to the network of the client, or as many to others as the server allows, or
    /// there is no memory for another.
    ArchivesBusy,
    /// The content must be compressed or decoded for this client, and the server has no memory for another
    /// coder.
    CodersBusy,
    /// Too many clients wait for the disk.
    DiskBusy,
    /// The disk did not answer for a long time.
    TimedOut,
    /// Another process has a lease on the file and does not give it up.
    Leased,
    /// The file changes faster than it can be read.
    Unsteady,
    /// The disk failed.
    Failed,
}

/// Why a look-up on a worker ends without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// It would wait for the disk, so it belongs to a disk thread.
    WouldWait,
    /// The file cannot be served.
    Disk(DiskError),
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
        Root::of(Confinement::open(path, READ, links)?)
    }

    /// Opens the directory `path` as the root of a single file, whose name may be a link to anywhere. The
    /// directory need not be readable.
    pub fn open_for_file(path: &Path) -> io::Result<Root> {
        Root::of(Confinement::open(path, PASS, LinkPolicy::ALL)?)
    }

    fn of(place: Confinement) -> io::Result<Root> {
        let directory = place.directory();
        let (_, state) = describe(&rustix::fs::fstat(directory)?);
        Ok(Root {
            devices: Devices::new(state.device, directory),
            can_refuse: can_refuse_to_block(directory),
            state,
            reader: Reader::of_process(),
            place,
        })
    }

    /// Leaves all work to the disk threads, as if the root were on a remote file system. For tests.
    pub fn assume_remote(&mut self) {
        self.devices.assume_remote();
    }

    /// Whether `opened` is the directory of the root. Does not wait.
    pub(super) fn is_opened(&self, opened: BorrowedFd<'_>) -> Result<bool, LookupError> {
        Ok(known_of_opened(opened)?.state.is_same_file(&self.state))
    }

    /// Takes the process for one of another user. For tests.
    #[cfg(test)]
    pub(super) fn assume_user(&mut self, user: u32) {
        self.reader = Reader::of_user(user);
    }

    /// The name of the directory, without the path to it. Empty if it has none, as `/` has.
    pub fn name(&self) -> &[u8] {
        let given = self.place.given.file_name();
        let real = || self.place.path.rsplit(|&byte| byte == b'/').next();
        given.map_or_else(|| real().unwrap_or_default(), OsStrExt::as_bytes)
    }

    /// Whether its mode bits allow the server to read a file or a directory.
    pub(super) fn may_read(&self, kind: FileKind, state: &FileState) -> bool {
        let wanted = match kind {
            FileKind::Directory => access::LIST,
            FileKind::File | FileKind::Other => access::READ,
        };
        let FileState {
            mode, owner, group, ..
        } = *state;
        self.reader.may(wanted, mode, owner, group)
    }

    /// Whether a worker may use the file system of the root.
    pub(super) fn is_quick(&self) -> bool {
        self.devices.is_root_quick()
    }

    /// The file systems below the root.
    pub(super) fn devices(&self) -> &Devices {
        &self.devices
    }

    /// The kind of file system that `path` is on, as far as the kernel knows its names. It does not wait.
    pub(super) fn file_system(&self, path: &[u8]) -> FileSystem {
        if !self.can_refuse || !self.devices.is_root_quick() {
            return FileSystem::Usual;
        }
        // The root of a mount is in memory, so one of these names tells.
        let mut name = path.strip_suffix(b"/").unwrap_or(path);
        for _ in 0..MOST_NAMES {
            if name.is_empty() {
                break;
            }
            if let Ok(opened) = self.open_confined(name, LOOK, Blocking::Refused) {
                return match self.state_of_opened(opened.as_fd(), Blocking::Refused) {
                    Err(LookupError::WouldWait) => FileSystem::Remote,
                    _ => FileSystem::Usual,
                };
            }
            let slash = name.iter().rposition(|&byte| byte == b'/');
            name = &name[..slash.unwrap_or_default()];
        }
        FileSystem::Usual
    }

    /// The kind and state of `path`, without opening it for reading. A path that leads out of the root
    /// is not found.
    pub(super) fn find(
        &self,
        path: &[u8],
        blocking: Blocking,
    ) -> Result<(FileKind, FileState), LookupError> {
        self.attempt(blocking, |blocking| {
            if blocking == Blocking::Allowed
                && let Some(found) = self.find_name(path)?
            {
                return Ok(found);
            }
            self.state_of_opened(self.open_confined(path, LOOK, blocking)?.as_fd(), blocking)
        })
    }

    /// Like [`Root::find`], for a path that was found in the state `known` a moment ago. Its names are
    /// in memory then, so one system call may do.
    pub(super) fn find_again(
        &self,
        path: &[u8],
        known: &FileState,
    ) -> Result<(FileKind, FileState), LookupError> {
        if known.device == self.devices.root()
            && self.devices.is_root_quick()
            && let Some(found) = self.find_name(path)?
        {
            return Ok(found);
        }
        self.find(path, Blocking::Refused)
    }

    /// Like [`Root::find`], with one system call. `None` if `path` is more than a name in the root, if
    /// it is a link, or if it is on another file system than the root.
    fn find_name(&self, path: &[u8]) -> Result<Option<(FileKind, FileState)>, DiskError> {
        if path.is_empty() || path.contains(&b'/') {
            return Ok(None);
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(self.place.directory(), path, flags)?;
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let (kind, state) = describe(&stat);
        let is_here = !is_link && state.device == self.devices.root();
        Ok(is_here.then_some((kind, state)))
    }

    /// Opens a regular file.
    pub(super) fn open_file(
        &self,
        path: &[u8],
        blocking: Blocking,
    ) -> Result<(File, FileState), LookupError> {
        self.find(path, blocking)?.0.must_be_file()?;
        let mut opened = self.try_open_file(path, blocking);
        for _ in 0..LEASE_ATTEMPTS {
            if blocking == Blocking::Refused || !matches!(opened, Err(LookupError::WouldWait)) {
                break;
            }
            pause();
            opened = self.try_open_file(path, blocking);
        }
        opened
    }

    /// Opens a regular file, unless another process has a lease on it. The attempt makes the kernel ask that
    /// process to give up the lease.
    fn try_open_file(
        &self,
        path: &[u8],
        blocking: Blocking,
    ) -> Result<(File, FileState), LookupError> {
        self.attempt(blocking, |blocking| {
            let file = File::from(self.open_confined(path, READ, blocking)?);
            let (kind, state) = self.state_of_opened(file.as_fd(), blocking)?;
            kind.must_be_file()?;
            Ok((file, state))
        })
    }

    /// Opens a directory to read its entries. `path` is empty or ends in a slash.
    pub(super) fn open_directory(
        &self,
        path: &[u8],
        blocking: Blocking,
    ) -> Result<Directory, LookupError> {
        self.attempt(blocking, |blocking| {
            let descriptor = self.open_confined(path, READ | OFlags::DIRECTORY, blocking)?;
            let (_, state) = self.state_of_opened(descriptor.as_fd(), blocking)?;
            // The root stays open after it was deleted. Some remote file systems count no links.
            if path.is_empty() && state.links == 0 && self.devices.is_root_quick() {
                return Err(DiskError::NotFound.into());
            }
            let directory = Directory {
                lists_quickly: self.devices.lists_quickly(state.device),
                entries: Dir::new(descriptor)?,
                path: path.to_vec(),
                put_back: None,
            };
            directory.must_be_readable(blocking)?;
            Ok(directory)
        })
    }

    /// Does something that must not wait, if blocking is refused. If the kernel cannot be asked for
    /// that, it is done anyway and measured.
    fn attempt<T>(
        &self,
        blocking: Blocking,
        work: impl FnOnce(Blocking) -> Result<T, LookupError>,
    ) -> Result<T, LookupError> {
        match blocking {
            Blocking::Allowed => work(blocking),
            Blocking::Refused if !self.devices.is_root_quick() => Err(LookupError::WouldWait),
            Blocking::Refused if self.can_refuse => work(blocking),
            Blocking::Refused => {
                let work = || work(Blocking::Allowed);
                self.devices.measured(self.devices.root(), work)
            }
        }
    }

    /// The kind and state of an open file.
    fn state_of_opened(
        &self,
        file: BorrowedFd<'_>,
        blocking: Blocking,
    ) -> Result<(FileKind, FileState), LookupError> {
        if blocking == Blocking::Refused {
            return self.if_quick(known_of_opened(file)?);
        }
        let (kind, state) = describe(&rustix::fs::fstat(file)?);
        if state.device != self.devices.root() {
            let mount = known_of_opened(file).ok().and_then(|known| known.mount);
            self.devices.learn(state.device, mount, file);
        }
        Ok((kind, state))
    }

    /// What a path has led to, if a worker may use it.
    fn if_quick(&self, known: Known) -> Result<(FileKind, FileState), LookupError> {
        let device = known.state.device;
        match self.devices.is_mount_quick(device, known.mount) {
            true => Ok((known.kind, known.state)),
            false => Err(LookupError::WouldWait),
        }
    }

    /// Reads the next entry. Returns `None` at the end of the directory. The name of the entry is
    /// written to `name`. An entry is skipped if it has vanished, leads out of the root or to a hidden
    /// name, or is rejected by `is_shown`. Adds to `work` what the entry cost, in units of a system
    /// call. If blocking is refused, an entry of another file system is put back. Whether the next names
    /// of the directory are in memory, the kernel cannot say.
    pub(super) fn next_entry(
        &self,
        directory: &mut Directory,
        name: &mut Vec<u8>,
        is_shown: impl Fn(&[u8]) -> bool,
        blocking: Blocking,
        work: &mut usize,
    ) -> Result<Option<DirectoryEntry>, LookupError> {
        *work += 1;
        directory.must_be_readable(blocking)?;
        let blocking = match self.can_refuse {
            true => blocking,
            // The caller measures how long it takes.
            false => Blocking::Allowed,
        };
        name.clear();
        let kind = match directory.put_back.take() {
            Some((put_back, kind)) => {
                name.extend_from_slice(&put_back);
                kind
            }
            None => {
                let Some(entry) = directory.entries.read() else {
                    return Ok(None);
                };
                let entry = entry?;
                name.extend_from_slice(entry.file_name().to_bytes());
                entry.file_type()
            }
        };
        if matches!(name.as_slice(), b"." | b"..") || !is_shown(name) {
            return Ok(Some(DirectoryEntry::Skipped));
        }
        let found = match kind {
            FileType::RegularFile | FileType::Directory => {
                self.state_of_entry(directory, name, blocking)
            }
            // A link, or the file system does not report the type. Resolve it as a request would.
            FileType::Symlink | FileType::Unknown => {
                let path = [directory.path.as_slice(), name].concat();
                let target = open_path(&self.place, &path, LOOK, blocking, work);
                let target = target.map_err(LookupError::from);
                target.and_then(|opened| self.state_of_opened(opened.as_fd(), blocking))
            }
            _ => return Ok(Some(DirectoryEntry::Skipped)),
        };
        if found == Err(LookupError::WouldWait) {
            directory.put_back = Some((name.clone(), kind));
        }
        DirectoryEntry::of(found).map(Some)
    }

    /// Reads the next name of a directory, which is written to `name`, on a disk thread. Returns `None` at the
    /// end.
    pub(super) fn next_name(
        &self,
        directory: &mut Directory,
        name: &mut Vec<u8>,
    ) -> Result<Option<NameKind>, DiskError> {
        name.clear();
        let Some(entry) = directory.entries.read() else {
            return Ok(None);
        };
        let entry = entry?;
        name.extend_from_slice(entry.file_name().to_bytes());
        if matches!(name.as_slice(), b"." | b"..") {
            return Ok(Some(NameKind::Special));
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let (folder, flags) = (directory.entries.fd()?, AtFlags::SYMLINK_NOFOLLOW);
                match rustix::fs::statat(folder, name.as_slice(), flags) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    // It has vanished. Whoever looks at it notices that.
                    Err(_) => FileType::RegularFile,
                }
            }
            known => known,
        };
        Ok(Some(match kind {
            FileType::Symlink => NameKind::Link,
            FileType::RegularFile | FileType::Directory => NameKind::Plain,
            _ => NameKind::Special,
        }))
    }

    /// The kind and state of an entry that is not a link.
    fn state_of_entry(
        &self,
        directory: &Directory,
        name: &[u8],
        blocking: Blocking,
    ) -> Result<(FileKind, FileState), LookupError> {
        let (directory, flags) = (directory.entries.fd()?, AtFlags::SYMLINK_NOFOLLOW);
        if blocking == Blocking::Refused {
            return self.if_quick(known_of_name(directory, name)?);
        }
        Ok(describe(&rustix::fs::statat(directory, name, flags)?))
    }

    fn open_confined(
        &self,
        path: &[u8],
        flags: OFlags,
        blocking: Blocking,
    ) -> Result<OwnedFd, LookupError> {
        Ok(open_path(&self.place, path, flags, blocking, &mut 0)?)
    }
}

/// An open directory.
pub struct Directory {
    entries: Dir,
    /// The path below the root. It is empty or ends in a slash.
    path: Vec<u8>,
    /// Whether its entries may be read on a worker.
    lists_quickly: bool,
    /// An entry that was read and could not be looked at without waiting.
    put_back: Option<(Vec<u8>, FileType)>,
}

impl Directory {
    fn must_be_readable(&self, blocking: Blocking) -> Result<(), LookupError> {
        match blocking == Blocking::Allowed || self.lists_quickly {
            true => Ok(()),
            false => Err(LookupError::WouldWait),
        }
    }
}

/// What a name in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    /// A regular file or a directory.
    Plain,
    /// A symbolic link.
    Link,
    /// Nothing that is ever served.
    Special,
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
    fn of(
        found: Result<(FileKind, FileState), LookupError>,
    ) -> Result<DirectoryEntry, LookupError> {
        match found {
            Ok((FileKind::Other, _)) => Ok(DirectoryEntry::Skipped),
            Ok((kind, state)) => Ok(DirectoryEntry::Served(kind, state)),
            Err(LookupError::Disk(error))
                if error.is_absence() || error == DiskError::Forbidden =>
            {
                Ok(DirectoryEntry::Skipped)
            }
            Err(error) => Err(error),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is a disk thread, and the kernel tells nobody when it is worth to try again"
)]
pub(super) fn pause() {
    std::thread::sleep(PAUSE);
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

    /// When its content was modified.
    pub fn modified_at(&self) -> Modified {
        Modified {
            seconds: self.modified,
            nanoseconds: self.modified_nanoseconds,
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
    fn must_be_file(self) -> Result<(), DiskError> {
        match self {
            FileKind::File => Ok(()),
            FileKind::Directory => Err(DiskError::NotFound),
            FileKind::Other => Err(DiskError::Special),
        }
    }
}

impl DiskError {
    /// Whether there is no descriptor or no coder free, which may pass soon.
    pub fn is_scarcity(self) -> bool {
        matches!(self, DiskError::Exhausted | DiskError::CodersBusy)
    }

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
            | DiskError::ArchivesBusy
            | DiskError::CodersBusy
            | DiskError::DiskBusy
            | DiskError::TimedOut
            | DiskError::Leased
            | DiskError::Unsteady => Told::Unavailable,
            DiskError::Failed => Told::Failed,
        }
    }

    /// Whether clients are told that there is no such file.
    pub fn is_absence(self) -> bool {
        self.told() == Told::Absent
    }

    /// The error for clients, as part of a sentence. It does not tell which names exist but are not
    /// served, or what the server lacks.
    pub fn text_for_client(self) -> &'static str {
        match self {
            absence if absence.is_absence() => "no file or folder has this name",
            DiskError::ArchivesBusy => {
                "this client already receives an archive, or the server has no room for another one"
            }
            DiskError::Exhausted
            | DiskError::ListingsBusy
            | DiskError::CodersBusy
            | DiskError::DiskBusy => "the server is too busy at the moment",
            DiskError::Leased => "the file is in use at the moment",
            DiskError::Forbidden => "the server has no permission to read this file or folder",
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
            DiskError::Forbidden => "the server has no permission to read this file or directory",
            DiskError::Exhausted => "the server has no file descriptor or memory left",
            DiskError::ListingsBusy => {
                "the server has no place or no memory left to read a large directory"
            }
            DiskError::ArchivesBusy => {
                "another archive is on its way to this client, or the server has no place or no memory for one"
            }
            DiskError::CodersBusy => {
                "the client does not accept the content as it is stored, and the server has no memory left to decode or compress it"
            }
            DiskError::DiskBusy => "too many clients wait for the disk",
            DiskError::TimedOut => "the disk did not answer in time",
            DiskError::Leased => "another program has a lease on the file and does not give it up",
            DiskError::Unsteady => "the file keeps changing",
            DiskError::Failed => "the disk could not be read",
        }
    }
}

impl LookupError {
    /// The error of a disk thread, which may wait.
    pub(super) fn on_disk_thread(self) -> DiskError {
        match self {
            LookupError::Disk(error) => error,
            // The kernel says this too if names in the path are renamed again and again.
            LookupError::WouldWait => DiskError::Leased,
        }
    }
}

impl From<DiskError> for LookupError {
    fn from(error: DiskError) -> LookupError {
        LookupError::Disk(error)
    }
}

impl From<Errno> for LookupError {
    fn from(error: Errno) -> LookupError {
        match error {
            Errno::AGAIN => LookupError::WouldWait,
            error => LookupError::Disk(error.into()),
        }
    }
}

impl From<io::Error> for LookupError {
    fn from(error: io::Error) -> LookupError {
        match Errno::from_io_error(&error) {
            Some(error) => error.into(),
            None => LookupError::Disk(DiskError::Failed),
        }
    }
}

impl From<Refusal> for LookupError {
    fn from(refusal: Refusal) -> LookupError {
        match refusal {
            Refusal::System(error) => error.into(),
            other => LookupError::Disk(other.into()),
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
            links: 1,
            mode: 0o100_644,
            owner: 0,
            group: 0,
        }
    }
}

// The casts are needed because the fields of `Stat` have different types on other systems.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn describe(stat: &Stat) -> (FileKind, FileState) {
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
struct Known {
    kind: FileKind,
    state: FileState,
    mount: Mount,
}

/// What the kernel knows of an open file without asking a server.
#[cfg(target_os = "linux")]
fn known_of_opened(file: BorrowedFd<'_>) -> Result<Known, LookupError> {
    describe_known(file, c"", AtFlags::EMPTY_PATH)
}

/// The same of a name in a directory, unless it is a link. The name itself may be read from a disk.
#[cfg(target_os = "linux")]
fn known_of_name(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Known, LookupError> {
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
fn known_of_opened(_: BorrowedFd<'_>) -> Result<Known, LookupError> {
    Err(LookupError::WouldWait)
}

#[cfg(not(target_os = "linux"))]
fn known_of_name(_: BorrowedFd<'_>, _: &[u8]) -> Result<Known, LookupError> {
    Err(LookupError::WouldWait)
}

fn kind_of(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        _ => FileKind::Other,
    }
}
