//! Watches the files of a site with the crate `notify`, on a thread of its own.
//!
//! ```text
//! notify -> events -> group -> (nothing changes for a moment) -> publish
//! ```
//!
//! Two cases need care. Builds delete and recreate the directory, so the thread checks for a new one. If the
//! system has no watches left, the thread scans all files once a second.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};
use notify::event::{EventKind, MetadataKind, ModifyKind};
use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

use crate::site::changes::{Before, ChangeFilter, Changed, Group};

/// How often the thread checks whether the directory was replaced.
const CHECK: Duration = Duration::from_millis(500);

/// How often all files are scanned, if they cannot be watched.
const SCAN: Duration = Duration::from_secs(1);

/// How many events wait for the thread. If there are more, the system drops some and says so.
const WAITING: usize = 1024;

/// A watch. It ends when this value is dropped.
pub struct Watch {
    _end: Sender<()>,
}

/// Who is told what.
pub struct Listeners {
    /// Receives each group of changes.
    pub publish: Box<dyn FnMut(Changed) + Send>,
    /// Receives why the files cannot be watched, and are scanned instead.
    pub complain: Box<dyn FnMut(&io::Error) + Send>,
    /// The clock.
    pub now: fn() -> Instant,
}

impl Watch {
    /// Watches the directory at `path`.
    pub fn start(path: &Path, filter: ChangeFilter, mut listeners: Listeners) -> io::Result<Watch> {
        let watched = WatchedDirectory::new(path, &filter, &mut listeners)?;
        let (end, ended) = bounded(0);
        let mut thread = WatchThread {
            path: path.to_owned(),
            filter,
            listeners,
            watched: Some(watched),
            group: None,
            ended,
        };
        let builder = thread::Builder::new().name("watch".into());
        builder.spawn(move || while thread.step() {})?;
        Ok(Watch { _end: end })
    }
}

/// The thread's state.
struct WatchThread {
    /// The path of the directory, as it was given.
    path: PathBuf,
    filter: ChangeFilter,
    listeners: Listeners,
    /// `None` while there is no directory at the path.
    watched: Option<WatchedDirectory>,
    /// The changes that were not published yet.
    group: Option<Group>,
    /// Disconnected at the end.
    ended: Receiver<()>,
}

/// The directory that is watched now.
struct WatchedDirectory {
    /// Its path, without links.
    path: PathBuf,
    /// Its device and inode.
    identity: (u64, u64),
    events: Receiver<notify::Result<Event>>,
    _watcher: Box<dyn Watcher + Send>,
}

impl WatchedDirectory {
    fn new(
        path: &Path,
        filter: &ChangeFilter,
        listeners: &mut Listeners,
    ) -> io::Result<WatchedDirectory> {
        let path = path.canonicalize()?;
        let identity = identity(&path)?;
        let (sender, events) = bounded(WAITING);
        let mode = match filter.only {
            Some(_) => RecursiveMode::NonRecursive,
            None => RecursiveMode::Recursive,
        };
        let watcher = match start_watcher::<RecommendedWatcher>(&path, mode, &sender) {
            Ok(watcher) => watcher,
            // There may be too many directories, or other programs have all watches.
            Err(fault) => {
                (listeners.complain)(&fault);
                start_watcher::<PollWatcher>(&path, mode, &sender)?
            }
        };
        Ok(WatchedDirectory {
            path,
            identity,
            events,
            _watcher: watcher,
        })
    }

    fn is_gone(&self, path: &[u8]) -> bool {
        let path = self.path.join(OsStr::from_bytes(path));
        path.symlink_metadata().is_err()
    }
}

fn start_watcher<W: Watcher + Send + 'static>(
    directory: &Path,
    mode: RecursiveMode,
    sender: &Sender<notify::Result<Event>>,
) -> io::Result<Box<dyn Watcher + Send>> {
    let sender = sender.clone();
    let config = Config::default()
        .with_poll_interval(SCAN)
        .with_follow_symlinks(false);
    // Sending fails only if the thread has ended.
    let pass_on = move |event| sender.send(event).unwrap_or_default();
    let mut watcher = W::new(pass_on, config).map_err(io::Error::other)?;
    watcher.watch(directory, mode).map_err(io::Error::other)?;
    Ok(Box::new(watcher))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Why a wait ended.
enum Waited {
    Event(notify::Result<Event>),
    /// Nothing has happened in time.
    TimedOut,
    /// There is no directory, or nobody watches it any more.
    Unwatched,
    End,
}

/// Whether a watch still sees everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Complete,
    /// The directory is gone, or a new directory in it cannot be watched.
    Lost,
}

impl WatchThread {
    /// Waits for the next event, or for the end of the group. Returns false at the end of the thread.
    fn step(&mut self) -> bool {
        let now = (self.listeners.now)();
        let end = self
            .group
            .as_ref()
            .map(|group| group.end(|path| self.is_gone(path)));
        let patience = end.map_or(CHECK, |end| end.saturating_duration_since(now));
        // Events that keep coming must not hold up a group that has ended.
        let waited = match patience.is_zero() {
            true => Waited::TimedOut,
            false => self.wait(patience),
        };
        match waited {
            Waited::Event(event) => {
                let now = (self.listeners.now)();
                let mut group = self.group.take().unwrap_or_else(|| Group::new(now));
                match self.add(event, &mut group, now) {
                    Sight::Complete => self.group = Some(group).filter(|group| !group.is_empty()),
                    Sight::Lost => self.renew(),
                }
            }
            Waited::TimedOut => {
                let group = self.group.take();
                let changed = group.and_then(|group| group.outcome(|path| self.is_gone(path)));
                changed.into_iter().for_each(&mut self.listeners.publish);
                self.renew_if_replaced();
            }
            Waited::Unwatched => self.renew(),
            Waited::End => return false,
        }
        true
    }

    /// Waits for an event. If there is no directory, waits until it is time to look for it.
    fn wait(&self, patience: Duration) -> Waited {
        let Some(watched) = &self.watched else {
            return match self.ended.recv_timeout(CHECK) {
                Err(RecvTimeoutError::Timeout) => Waited::Unwatched,
                _ => Waited::End,
            };
        };
        select! {
            recv(watched.events) -> event => event.map_or(Waited::Unwatched, Waited::Event),
            recv(self.ended) -> _ => Waited::End,
            default(patience) => Waited::TimedOut,
        }
    }

    /// Adds what an event says.
    fn add(&self, event: notify::Result<Event>, group: &mut Group, now: Instant) -> Sight {
        let event = match event {
            Ok(event) if event.need_rescan() => {
                group.add_unknown(now);
                return Sight::Complete;
            }
            Ok(event) => event,
            Err(_) => return Sight::Lost,
        };
        if !is_change(event.kind) {
            return Sight::Complete;
        }
        let before = match event.kind.is_create() {
            true => Before::Nothing,
            false => Before::Something,
        };
        let mut sight = Sight::Complete;
        let root = self.watched.as_ref().map(|watched| &*watched.path);
        for path in &event.paths {
            let below = root.and_then(|root| path.strip_prefix(root).ok());
            let Some(path) = below.map(|path| path.as_os_str().as_bytes()) else {
                continue;
            };
            if path.is_empty() && event.kind.is_remove() {
                sight = Sight::Lost;
            }
            if self.filter.counts(path) {
                group.add(path, before, now);
            }
        }
        sight
    }

    fn is_gone(&self, path: &[u8]) -> bool {
        let watched = self.watched.as_ref();
        watched.is_none_or(|watched| watched.is_gone(path))
    }

    /// If the path leads to another directory now, or to none, watches that one.
    fn renew_if_replaced(&mut self) {
        let watched = self.watched.as_ref().map(|watched| watched.identity);
        if identity(&self.path).ok() != watched {
            self.renew();
        }
    }

    /// Watches the directory at the path from the start. Then everything in it may have changed.
    fn renew(&mut self) {
        self.group = None;
        self.watched = None;
        // While there is no directory, each step tries again.
        let watched = WatchedDirectory::new(&self.path, &self.filter, &mut self.listeners);
        if let Ok(watched) = watched {
            self.watched = Some(watched);
            let now = (self.listeners.now)();
            let mut group = Group::new(now);
            group.add_unknown(now);
            self.group = Some(group);
        }
    }
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
