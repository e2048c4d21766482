//! The document root: the only place where docroot opens files by name for clients.
//!
//! A path never leads out of the root, unless the operator allowed links to do so. The module `walk`
//! sees to that. Only regular files and directories are opened for reading,
//! because opening a FIFO may block and opening a device can trigger an action.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FileType, OFlags};

use crate::site::access::{self, Reader};
use crate::site::confine::Confinement;
pub use crate::site::confine::LinkPolicy;
use crate::site::devices::Devices;
use crate::site::disk::FileSystem;
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file_state::{
    FileKind, FileState, Known, describe, known_of_name, known_of_opened,
};
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
            devices: Devices::new(state.device(), directory),
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

    /// Whether the directory was deleted. It has no files then. This may wait for the disk.
    pub(super) fn is_deleted(&self) -> bool {
        let found = rustix::fs::fstat(self.place.directory());
        found.is_ok_and(|found| found.st_nlink == 0)
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

    /// The file systems below the root.
    pub(super) fn devices(&self) -> &Devices {
        &self.devices
    }

    /// The file system that `path` is on, as far as the kernel knows its names. It does not wait.
    pub(super) fn file_system(&self, path: &[u8]) -> FileSystem {
        let own = FileSystem::of_device(self.devices.root());
        if !self.can_refuse || !self.devices.is_root_quick() {
            return own;
        }
        // The root of a mount is in memory, so one of these names tells.
        let mut name = path.strip_suffix(b"/").unwrap_or(path);
        for _ in 0..MOST_NAMES {
            if name.is_empty() {
                break;
            }
            if let Ok(opened) = self.open_confined(name, LOOK, Blocking::Refused) {
                let known = known_of_opened(opened.as_fd());
                return known.map_or(own, |known| FileSystem::of_device(known.state.device()));
            }
            let slash = name.iter().rposition(|&byte| byte == b'/');
            name = &name[..slash.unwrap_or_default()];
        }
        own
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
    /// in memory then, so one system call may do. It asks no file system that was mounted there meanwhile.
    pub(super) fn find_again(
        &self,
        path: &[u8],
        known: &FileState,
    ) -> Result<(FileKind, FileState), LookupError> {
        if known.device() == self.devices.root()
            && self.devices.is_root_quick()
            && self.can_refuse
            && is_one_name(path)
        {
            let found = known_of_name(self.place.directory(), path)?;
            if let Some(found) = self.if_here(found.kind, found.state) {
                return Ok(found);
            }
        }
        self.find(path, Blocking::Refused)
    }

    /// Like [`Root::find`], with one system call, which may wait for the disk. `None` if `path` is more than a
    /// name in the root, or names anything but a file or directory on the file system of the root.
    fn find_name(&self, path: &[u8]) -> Result<Option<(FileKind, FileState)>, DiskError> {
        if !is_one_name(path) {
            return Ok(None);
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(self.place.directory(), path, flags)?;
        let (kind, state) = describe(&stat);
        Ok(self.if_here(kind, state))
    }

    /// What a name is if it is a file or directory on the file system of the root.
    fn if_here(&self, kind: FileKind, state: FileState) -> Option<(FileKind, FileState)> {
        let is_here = kind != FileKind::Other && state.device() == self.devices.root();
        is_here.then_some((kind, state))
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
            if blocking == Blocking::Refused {
                // To open the place where a file system is mounted asks that file system.
                self.find(path, blocking)?;
            }
            let descriptor = self.open_confined(path, READ | OFlags::DIRECTORY, blocking)?;
            let (_, state) = self.state_of_opened(descriptor.as_fd(), blocking)?;
            // The root stays open after it was deleted. Some remote file systems count no links.
            if path.is_empty() && state.links == 0 && self.devices.is_root_quick() {
                return Err(DiskError::NotFound.into());
            }
            let directory = Directory {
                lists_quickly: self.devices.lists_quickly(state.device()),
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
        if state.device() != self.devices.root() {
            let mount = known_of_opened(file).ok().and_then(|known| known.mount);
            self.devices.learn(state.device(), mount, file);
        }
        Ok((kind, state))
    }

    /// What a path has led to, if a worker may use it.
    fn if_quick(&self, known: Known) -> Result<(FileKind, FileState), LookupError> {
        let device = known.state.device();
        match self.devices.is_mount_quick(device, known.mount) {
            true => Ok((known.kind, known.state)),
            false => Err(LookupError::WouldWait),
        }
    }

    /// Reads the next entry. Returns `None` at the end of the directory. The name of the entry is
    /// written to `name`. An entry is skipped if it has vanished, leads out of the root, to a hidden
    /// name or to what cannot be looked at, or is rejected by `is_shown`. Adds to `work` what the entry cost, in units of a system
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
                let entry = entry.map_err(|fault| LookupError::of_read(&fault.into()))?;
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
        DirectoryEntry::of(found, kind).map(Some)
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
        let entry = entry.map_err(|fault| DiskError::of_read(&fault.into()))?;
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

/// Whether a path is a name in the root.
fn is_one_name(path: &[u8]) -> bool {
    !path.is_empty() && !path.contains(&b'/')
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
    /// A file or directory that may be served.
    Served {
        /// The kind of the file. If the name is a link, the kind of its target.
        kind: FileKind,
        /// Its state.
        state: FileState,
        /// Whether the name is a symbolic link to it. False if the file system does not report the type.
        is_link: bool,
    },
    /// A file or directory that the system does not let anybody look at, or that the disk cannot read.
    Unknown(FileKind),
    /// An entry that is not shown.
    Skipped,
}

impl DirectoryEntry {
    /// Skips an entry that is gone, or neither a file nor a directory, and one that cannot be looked at unless
    /// the directory has told what it is. Any other error is returned, so that a listing is never incomplete
    /// because descriptors ran out.
    fn of(
        found: Result<(FileKind, FileState), LookupError>,
        file_type: FileType,
    ) -> Result<DirectoryEntry, LookupError> {
        let is_link = file_type == FileType::Symlink;
        match found {
            Ok((FileKind::Other, _)) => Ok(DirectoryEntry::Skipped),
            Ok((kind, state)) => Ok(DirectoryEntry::Served {
                kind,
                state,
                is_link,
            }),
            Err(LookupError::Disk(DiskError::Forbidden | DiskError::Failed)) => {
                Ok(match file_type {
                    FileType::RegularFile => DirectoryEntry::Unknown(FileKind::File),
                    FileType::Directory => DirectoryEntry::Unknown(FileKind::Directory),
                    _ => DirectoryEntry::Skipped,
                })
            }
            Err(LookupError::Disk(error)) if error.is_absence() => Ok(DirectoryEntry::Skipped),
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
