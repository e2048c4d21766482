//! A directory whose files are watched.
//!
//! On Linux each directory in it has a watch of its own. So one that cannot be read does not stop the watch of the
//! others, and ignored directories need no watch. If the system has no watches left, the thread compares all files
//! with a snapshot.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, TrySendError, bounded};
use notify::event::{CreateKind, EventKind, MetadataKind, ModifyKind, RemoveKind};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher, WatcherKind};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use crate::site::changes::{Before, ChangeFilter, Changes};
use crate::site::tree::{Snapshot, is_directory, is_unreadable, walk};

/// How many events wait for the thread. If there are more, everything may have changed.
const WAITING: usize = 1024;

/// How many paths that cannot be read are noted. If there are more, each new mode or owner is a change.
const MOST_UNREADABLE: usize = 1000;

/// The directory that is watched now.
pub(super) struct WatchedDirectory {
    /// Its path, without links.
    path: PathBuf,
    identity: Identity,
    pub(super) source: Source,
    unreadable: Unreadable,
}

/// The paths below the root that this user cannot read. If one becomes readable, that is a change.
#[derive(Default)]
struct Unreadable {
    paths: BTreeSet<Box<[u8]>>,
    /// Whether there are more than [`MOST_UNREADABLE`], so any other path may be one.
    has_more: bool,
}

/// A device and an inode.
pub(super) type Identity = (u64, u64);

/// Where changes come from.
pub(super) enum Source {
    /// The system tells them.
    Events(Events),
    /// All files are compared with this snapshot from time to time, because they cannot be watched.
    Scans(Snapshot, io::Error),
}

/// What the system tells.
pub(super) struct Events {
    watcher: RecommendedWatcher,
    /// It does not wait for the thread that takes them.
    pub(super) arriving: Receiver<Event>,
    /// Whether some events did not arrive.
    missed: Arc<AtomicBool>,
}

/// A watch does not see everything any more: events were lost, the directory is gone, or a new directory in it
/// cannot be watched.
#[derive(Debug)]
pub(super) struct Lost;

impl WatchedDirectory {
    /// Watches the directory at a path.
    pub(super) fn new(path: &Path, filter: &ChangeFilter) -> io::Result<WatchedDirectory> {
        let path = path.canonicalize()?;
        let identity = identity(&path)?;
        let mut unreadable = Unreadable::default();
        let source = match Events::start(&path, filter, &mut unreadable) {
            Ok(events) => Source::Events(events),
            // There may be too many directories, or other programs have all watches.
            Err(fault) => {
                let snapshot = Snapshot::take(&path, filter)?;
                Source::Scans(snapshot, fault)
            }
        };
        Ok(WatchedDirectory {
            path,
            identity,
            source,
            unreadable,
        })
    }

    /// What has changed below the directory, according to an event. Watches new directories.
    pub(super) fn changes_of(
        &mut self,
        event: &Event,
        filter: &ChangeFilter,
    ) -> Result<Changes, Lost> {
        if event.need_rescan() || self.has_missed_events() {
            return Err(Lost);
        }
        let mut changes = Vec::new();
        let before = match event.kind.is_create() {
            true => Before::Nothing,
            false => Before::Something,
        };
        for path in &event.paths {
            let Ok(below) = path.strip_prefix(&self.path) else {
                continue;
            };
            let name = below.as_os_str().as_bytes();
            if name.is_empty() && event.kind.is_remove() {
                return Err(Lost);
            }
            let counts = filter.counts(name)
                && (filter.counts_directory(name) || !self.may_be_directory(below, event.kind));
            if counts && self.has_changed(below, event.kind) {
                changes.push((name.into(), before));
            }
            if filter.enters(name) && may_be_new_directory(event.kind) {
                self.watch_new(below, filter)?;
            }
        }
        Ok(changes)
    }

    /// Whether the event concerns a directory, or perhaps one that is gone.
    fn may_be_directory(&self, below: &Path, kind: EventKind) -> bool {
        match kind {
            EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => true,
            EventKind::Create(CreateKind::File)
            | EventKind::Remove(RemoveKind::File)
            | EventKind::Modify(ModifyKind::Data(_)) => false,
            _ => {
                let found = self.path.join(below).symlink_metadata();
                found.map_or(true, |found| found.is_dir())
            }
        }
    }

    /// Whether the server answers otherwise after the event than before. A new mode or owner changes nothing, unless it
    /// decides who can read the file or directory.
    fn has_changed(&mut self, below: &Path, kind: EventKind) -> bool {
        let path = self.path.join(below);
        let name = below.as_os_str().as_bytes();
        let was_unreadable = self.unreadable.had(name);
        if self.unreadable.look(&path, name) {
            return true;
        }
        match kind {
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime)) => true,
            EventKind::Modify(ModifyKind::Metadata(_)) => was_unreadable || is_touched(&path),
            _ => true,
        }
    }

    /// If there is a directory at a path below, watches it.
    fn watch_new(&mut self, below: &Path, filter: &ChangeFilter) -> Result<(), Lost> {
        let is_directory =
            |path: PathBuf| path.symlink_metadata().is_ok_and(|found| found.is_dir());
        match &mut self.source {
            Source::Events(events) if is_directory(self.path.join(below)) => {
                let watched = events.watch_new(&self.path, below, filter, &mut self.unreadable);
                watched.map_err(|_| Lost)
            }
            Source::Events(_) | Source::Scans(..) => Ok(()),
        }
    }

    /// Whether a path, as it was given, still leads here, and no event was missed.
    pub(super) fn is_current(&self, given: &Path) -> bool {
        let leads_here = given.canonicalize().is_ok_and(|path| path == self.path);
        leads_here
            && identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && !self.has_missed_events()
    }

    /// What has changed since the last scan. `None` if there is no scan.
    pub(super) fn scan(&mut self, filter: &ChangeFilter) -> Option<Changes> {
        let Source::Scans(last, _) = &mut self.source else {
            return None;
        };
        // If the scan failed, the next one compares with the same snapshot.
        let now = Snapshot::take(&self.path, filter).ok()?;
        let changes = last.changes(&now);
        let changes = changes
            .map(|(path, before)| (path.as_bytes().into(), before))
            .collect();
        *last = now;
        Some(changes)
    }

    /// Whether some events did not arrive since the last call.
    fn has_missed_events(&self) -> bool {
        match &self.source {
            Source::Events(events) => events.missed.swap(false, Ordering::AcqRel),
            Source::Scans(..) => false,
        }
    }

    /// What is at a path below the directory. Does not follow links. `None`: nothing.
    pub(super) fn identity_of(&self, path: &[u8]) -> Option<Identity> {
        let metadata = self
            .path
            .join(OsStr::from_bytes(path))
            .symlink_metadata()
            .ok()?;
        Some(identity_in(&metadata))
    }
}

impl Unreadable {
    /// Whether this user can not read what is at `path`. If so, notes its `name`, which is the path below the root.
    fn look(&mut self, path: &Path, name: &[u8]) -> bool {
        let can_read = accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS);
        let is_unreadable = can_read == Err(Errno::ACCESS);
        if is_unreadable && self.paths.len() < MOST_UNREADABLE {
            self.paths.insert(name.into());
        } else {
            self.has_more |= is_unreadable;
        }
        is_unreadable
    }

    /// Whether the path was one of these, or may have been one. It is none from now on.
    fn had(&mut self, name: &[u8]) -> bool {
        self.paths.remove(name) || self.has_more
    }
}

impl Events {
    /// Watches the directory, and notes what is `unreadable` in it.
    fn start(
        path: &Path,
        filter: &ChangeFilter,
        unreadable: &mut Unreadable,
    ) -> io::Result<Events> {
        let (sender, arriving) = bounded(WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let has_missed = Arc::clone(&missed);
        // This must not wait: the thread that takes the events waits for this one while it adds a watch.
        let forward = move |event: notify::Result<Event>| {
            let is_missed = match event {
                Ok(event) if event.need_rescan() || is_change(event.kind) => {
                    matches!(sender.try_send(event), Err(TrySendError::Full(_)))
                }
                Ok(_) => false,
                Err(_) => true,
            };
            if is_missed {
                has_missed.store(true, Ordering::Release);
            }
        };
        let config = Config::default().with_follow_symlinks(false);
        let mut events = Events {
            watcher: RecommendedWatcher::new(forward, config).map_err(fault_of_system)?,
            arriving,
            missed,
        };
        let mode = match watches_trees() && !filter.is_flat() {
            true => RecursiveMode::Recursive,
            false => RecursiveMode::NonRecursive,
        };
        let watched = events.watcher.watch(path, mode);
        watched.map_err(fault_of_system)?;
        events.watch_below(path, Path::new(""), filter, unreadable)?;
        Ok(events)
    }

    /// Watches a new directory at a path below the root, and those in it.
    fn watch_new(
        &mut self,
        root: &Path,
        below: &Path,
        filter: &ChangeFilter,
        unreadable: &mut Unreadable,
    ) -> io::Result<()> {
        self.watch_one(&root.join(below))?;
        self.watch_below(root, below, filter, unreadable)
    }

    /// Watches the directories below one, and notes the files that are `unreadable`. A file counts as it is after its
    /// directory is watched, so no change of it is missed.
    fn watch_below(
        &mut self,
        root: &Path,
        start: &Path,
        filter: &ChangeFilter,
        unreadable: &mut Unreadable,
    ) -> io::Result<()> {
        walk(root, start, filter, &mut |path, entry| {
            if is_directory(entry) {
                return self.watch_one(&entry.path());
            }
            unreadable.look(&entry.path(), path.as_os_str().as_bytes());
            Ok(())
        })
    }

    /// Watches a directory, unless this user cannot read it, or the system watches it with its root. Fails if the
    /// system has no watches left.
    fn watch_one(&mut self, directory: &Path) -> io::Result<()> {
        if watches_trees() {
            return Ok(());
        }
        match self.watcher.watch(directory, RecursiveMode::NonRecursive) {
            Err(fault) if cannot_be_read(&fault) => Ok(()),
            other => other.map_err(fault_of_system),
        }
    }
}

/// The system's error without the path that notify adds: if watches are used up, the path does not matter.
fn fault_of_system(fault: notify::Error) -> io::Error {
    match fault.kind {
        ErrorKind::MaxFilesWatch => Errno::NOSPC.into(),
        ErrorKind::Io(fault) => fault,
        kind => io::Error::other(notify::Error::new(kind)),
    }
}

fn cannot_be_read(fault: &notify::Error) -> bool {
    match &fault.kind {
        ErrorKind::Io(fault) => is_unreadable(fault.kind()),
        ErrorKind::PathNotFound => true,
        _ => false,
    }
}

/// Whether a file was given the current time, as by `touch`. Unless something was written, nothing else makes the time of
/// the content equal to that of the last change. Of directories it is not known whether they could be read before.
fn is_touched(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else {
        return true;
    };
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    metadata.is_dir() || modified == (metadata.ctime(), metadata.ctime_nsec())
}

/// Whether the event may mean a new directory, or one that can be read now.
fn may_be_new_directory(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_))
    )
}

/// Whether the system watches everything below a directory by itself. Linux does not.
fn watches_trees() -> bool {
    RecommendedWatcher::kind() != WatcherKind::Inotify
}

/// What is at a path. Follows links.
fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = path.metadata()?;
    Ok(identity_in(&metadata))
}

pub(super) fn identity_in(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Whether the event may mean other content. Opening, reading and closing a file do not.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}
