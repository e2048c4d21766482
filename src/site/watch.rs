//! Watches the files of a site with the crate `notify`, on a thread of its own.
//!
//! ```text
//! notify -> events -> group -> (nothing changes for a moment) -> publish
//! ```
//!
//! Two things need care. The directory may be deleted and made again, as builds do: the thread looks for that. And
//! the system may have no watches left: then the thread looks at all files once a second.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use notify::event::{EventKind, MetadataKind, ModifyKind};
use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

use crate::site::changes::{ChangeFilter, Changed, Group};

/// How long nothing must change until a group ends: longer than an editor takes to save a file.
const SETTLED: Duration = Duration::from_millis(50);

/// The same for many changes. A build pauses between its files.
const SETTLED_AFTER_MANY: Duration = Duration::from_millis(300);

/// The same if files were only deleted. A build deletes its old files first.
const SETTLED_AFTER_LOSS: Duration = Duration::from_millis(600);

/// When a group ends although files still change.
const LONGEST_GROUP: Duration = Duration::from_secs(10);

/// How often the thread looks whether the directory was replaced.
const LOOK: Duration = Duration::from_millis(500);

/// How often all files are looked at, if the system has no watches left.
const POLL: Duration = Duration::from_secs(1);

/// How many events wait for the thread. If there are more, the system drops some and says so.
const WAITING: usize = 1024;

/// A watch. It ends when this value is dropped.
pub struct Watch {
    is_polling: bool,
    _end: Sender<()>,
}

impl Watch {
    /// Watches the directory at `path`. Each group of changes goes to `publish`.
    pub fn start(
        path: &Path,
        filter: ChangeFilter,
        publish: impl FnMut(Changed) + Send + 'static,
    ) -> io::Result<Watch> {
        let observed = Observed::begin(path, &filter)?;
        let is_polling = observed.is_polling;
        let (end, ended) = bounded(0);
        let mut watcher = Watching {
            path: path.to_owned(),
            filter,
            observed,
            publish: Box::new(publish),
            ended,
        };
        let thread = thread::Builder::new().name("watch".into());
        thread.spawn(move || while watcher.turn() {})?;
        Ok(Watch {
            is_polling,
            _end: end,
        })
    }

    /// Whether the system had no watches left, so that all files are looked at once a second.
    pub fn is_polling(&self) -> bool {
        self.is_polling
    }
}

/// The thread's part.
struct Watching {
    /// The path of the directory, as it was given.
    path: PathBuf,
    filter: ChangeFilter,
    observed: Observed,
    publish: Box<dyn FnMut(Changed) + Send>,
    /// Disconnected at the end.
    ended: Receiver<()>,
}

/// The directory that is watched now.
struct Observed {
    /// Its path, without links.
    directory: PathBuf,
    /// Its device and inode.
    identity: (u64, u64),
    is_polling: bool,
    events: Receiver<notify::Result<Event>>,
    _watcher: Box<dyn Watcher + Send>,
}

impl Observed {
    fn begin(path: &Path, filter: &ChangeFilter) -> io::Result<Observed> {
        let directory = path.canonicalize()?;
        let identity = identity(&directory)?;
        let (sender, events) = bounded(WAITING);
        let mode = match filter.only {
            Some(_) => RecursiveMode::NonRecursive,
            None => RecursiveMode::Recursive,
        };
        let (watcher, is_polling) = match watcher::<RecommendedWatcher>(&directory, mode, &sender) {
            Ok(watcher) => (watcher, false),
            // There may be too many directories, or another program has all watches.
            Err(_) => (watcher::<PollWatcher>(&directory, mode, &sender)?, true),
        };
        Ok(Observed {
            directory,
            identity,
            is_polling,
            events,
            _watcher: watcher,
        })
    }
}

fn watcher<W: Watcher + Send + 'static>(
    directory: &Path,
    mode: RecursiveMode,
    sender: &Sender<notify::Result<Event>>,
) -> io::Result<Box<dyn Watcher + Send>> {
    let sender = sender.clone();
    let config = Config::default()
        .with_poll_interval(POLL)
        .with_follow_symlinks(false);
    // The only error is that nobody receives any more.
    let pass_on = move |event| sender.send(event).unwrap_or_default();
    let mut watcher = W::new(pass_on, config).map_err(io::Error::other)?;
    watcher.watch(directory, mode).map_err(io::Error::other)?;
    Ok(Box::new(watcher))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// What came of waiting for an event.
enum Waited {
    Event(notify::Result<Event>),
    /// Nothing has changed for so long.
    Nothing,
    /// The group has become too long.
    TooLong,
    End,
}

impl Watching {
    /// Waits for a group of changes and publishes it. Returns false at the end.
    fn turn(&mut self) -> bool {
        let first = match self.wait(LOOK, &never::<()>()) {
            Waited::Event(event) => event,
            Waited::End => return false,
            Waited::Nothing | Waited::TooLong => {
                self.renew(false);
                return true;
            }
        };
        let (mut group, mut is_lost) = (Group::default(), false);
        is_lost |= self.add(first, &mut group);
        let too_long = crossbeam_channel::after(LONGEST_GROUP);
        let mut has_waited = false;
        // Events that do not count begin no group.
        while !group.is_empty() || is_lost {
            let is_gone = group.is_gone(|path| self.is_gone(path));
            let pause = match (is_gone && !has_waited, group.is_large()) {
                (true, _) => SETTLED_AFTER_LOSS,
                (false, true) => SETTLED_AFTER_MANY,
                (false, false) => SETTLED,
            };
            match self.wait(pause, &too_long) {
                Waited::Event(event) => is_lost |= self.add(event, &mut group),
                Waited::Nothing if is_gone && !has_waited => has_waited = true,
                Waited::Nothing | Waited::TooLong => break,
                Waited::End => return false,
            }
        }
        group.forget_passing(|path| self.is_gone(path));
        if !group.is_empty() {
            (self.publish)(group.changed());
        }
        self.renew(is_lost);
        true
    }

    fn wait(&self, pause: Duration, too_long: &Receiver<impl Sized>) -> Waited {
        select! {
            recv(self.observed.events) -> event => event.map_or(Waited::Nothing, Waited::Event),
            recv(self.ended) -> _ => Waited::End,
            recv(too_long) -> _ => Waited::TooLong,
            default(pause) => Waited::Nothing,
        }
    }

    /// Adds what an event says. Returns whether the directory itself is gone.
    fn add(&self, event: notify::Result<Event>, group: &mut Group) -> bool {
        let event = match event {
            Ok(event) if event.need_rescan() => {
                group.add_anything();
                return false;
            }
            Ok(event) => event,
            // A new directory cannot be watched.
            Err(_) => {
                group.add_anything();
                return true;
            }
        };
        if !is_change(event.kind) {
            return false;
        }
        let is_new = event.kind.is_create();
        let mut is_lost = false;
        for path in &event.paths {
            let Ok(path) = path.strip_prefix(&self.observed.directory) else {
                continue;
            };
            let path = path.as_os_str().as_bytes();
            is_lost |= path.is_empty() && event.kind.is_remove();
            if self.filter.counts(path) {
                group.add(path, is_new);
            }
        }
        is_lost
    }

    fn is_gone(&self, path: &[u8]) -> bool {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let path = self.observed.directory.join(path);
        path.symlink_metadata().is_err()
    }

    /// If the path leads to another directory now, watches that one. Then everything may have changed.
    /// `must` is true if the watch does not work any more, even if it is the same directory.
    fn renew(&mut self, must: bool) {
        let same = || identity(&self.path).is_ok_and(|now| now == self.observed.identity);
        if !must && same() {
            return;
        }
        // While there is no directory, the next turn looks again.
        match Observed::begin(&self.path, &self.filter) {
            Ok(observed) => {
                self.observed = observed;
                (self.publish)(Changed::Anything);
            }
            Err(_) => self.observed.identity = (0, 0),
        }
    }
}

/// Whether the event says that content may be another. That a file was opened, read or closed says nothing.
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
