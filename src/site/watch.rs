//! Watches the files of a site, on a thread of its own.
//!
//! ```text
//! events, or a scan each second -> group -> (nothing changes for a moment) -> publish
//! ```
//!
//! Builds delete and recreate the directory, so the thread looks from time to time whether the path leads to
//! another one.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use notify::Event;

use crate::site::changes::{ChangeFilter, Changed, Changes, Group};
use crate::site::watched::{Identity, Lost, Means, WatchedDirectory, identity};

/// How often the thread looks whether the directory was replaced. If that takes long, less often.
const LOOK: Duration = Duration::from_millis(500);

/// How often all files are scanned, if they cannot be watched. If that takes long, less often.
const SCAN: Duration = Duration::from_secs(1);

/// The least pause after a look, in multiples of the time that it took. More files must not take a whole core.
const PAUSE: u32 = 10;

/// A watch. It ends when this value is dropped.
pub struct Watch {
    _end: Sender<()>,
}

/// Who is told what.
pub struct Listeners {
    /// Receives each group of changes.
    pub publish: Box<dyn FnMut(Changed) + Send>,
    /// Receives why the files cannot be watched, and are scanned instead. `None` once it has.
    pub complain: Option<Complain>,
    /// The clock.
    pub now: fn() -> Instant,
}

/// Receives an error, once.
pub type Complain = Box<dyn FnOnce(&io::Error) + Send>;

impl Watch {
    /// Watches the directory at `path`, which should be absolute.
    pub fn start(path: &Path, filter: ChangeFilter, listeners: Listeners) -> io::Result<Watch> {
        let (end, ended) = bounded(0);
        let next_look = (listeners.now)() + LOOK;
        let mut thread = WatchThread {
            path: path.to_owned(),
            filter,
            own_output: own_output(),
            listeners,
            watched: None,
            group: None,
            next_look,
            ended,
        };
        thread.watch()?;
        let builder = thread::Builder::new().name("watch".into());
        builder.spawn(move || while thread.step() {})?;
        Ok(Watch { _end: end })
    }
}

/// The files to which this program writes. Its log may be in the folder, and must not reload the pages whose
/// requests it tells.
fn own_output() -> Vec<Identity> {
    let identity = |descriptor: BorrowedFd<'_>| {
        let file = File::from(descriptor.try_clone_to_owned().ok()?);
        let metadata = file.metadata().ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let (out, err) = (io::stdout(), io::stderr());
    let both = [out.as_fd(), err.as_fd()];
    both.into_iter().filter_map(identity).collect()
}

/// The thread's state.
struct WatchThread {
    /// The path of the directory, as it was given.
    path: PathBuf,
    filter: ChangeFilter,
    /// Files that do not count.
    own_output: Vec<Identity>,
    listeners: Listeners,
    /// `None` while there is no directory at the path, or it must be watched again.
    watched: Option<WatchedDirectory>,
    /// The changes that were not published yet.
    group: Option<Group>,
    /// When the thread looks again where the path leads.
    next_look: Instant,
    /// Disconnected at the end.
    ended: Receiver<()>,
}

/// Why a wait ended.
enum Waited {
    Event(Event),
    TimedOut,
    /// Events come no more.
    Lost,
    End,
}

impl WatchThread {
    /// Does what is due, and waits for the next event. Returns false at the end of the thread.
    fn step(&mut self) -> bool {
        let now = (self.listeners.now)();
        if now >= self.next_look {
            self.look(now);
        }
        let end = self
            .group
            .as_ref()
            .map(|group| group.end(|path| self.is_gone(path)));
        if end.is_some_and(|end| end <= now) {
            self.publish();
            return true;
        }
        let until = end.map_or(self.next_look, |end| end.min(self.next_look));
        match self.wait(until.saturating_duration_since(now)) {
            Waited::Event(event) => self.take(&event),
            Waited::TimedOut => {}
            Waited::Lost => self.watched = None,
            Waited::End => return false,
        }
        true
    }

    fn wait(&self, patience: Duration) -> Waited {
        let nothing = never();
        let arriving = match self.watched.as_ref().map(|watched| &watched.means) {
            Some(Means::Events(events)) => &events.arriving,
            Some(Means::Scans(..)) | None => &nothing,
        };
        select! {
            recv(arriving) -> event => event.map_or(Waited::Lost, Waited::Event),
            recv(self.ended) -> _ => Waited::End,
            default(patience) => Waited::TimedOut,
        }
    }

    fn take(&mut self, event: &Event) {
        let Some(watched) = &mut self.watched else {
            return;
        };
        match watched.changes_of(event, &self.filter) {
            Ok(changes) => self.add(changes),
            // The next look watches it again.
            Err(Lost) => self.watched = None,
        }
    }

    /// Adds changes to the group.
    fn add(&mut self, changes: Changes) {
        let now = (self.listeners.now)();
        for (path, before) in changes {
            let identity = self
                .watched
                .as_ref()
                .and_then(|watched| watched.identity_of(&path));
            if identity.is_none_or(|identity| !self.own_output.contains(&identity)) {
                let group = self.group.get_or_insert_with(|| Group::new(now));
                group.add(&path, before, now);
            }
        }
    }

    /// Looks where the path leads. If files are scanned, does that too.
    fn look(&mut self, now: Instant) {
        let watched = self.watched.as_ref().map(|watched| watched.identity);
        let mut pause = LOOK;
        if watched.is_none() || identity(&self.path).ok() != watched {
            self.watch_again();
        } else if let Some(changes) = self
            .watched
            .as_mut()
            .and_then(|watched| watched.scan(&self.filter))
        {
            pause = SCAN;
            self.add(changes);
        }
        let end = (self.listeners.now)();
        self.next_look = end + pause.max(PAUSE * end.saturating_duration_since(now));
    }

    /// Watches the directory at the path from the start. Then everything in it may have changed.
    fn watch_again(&mut self) {
        self.group = None;
        self.watched = None;
        // If there is no directory, the next look tries again.
        if self.watch().is_ok() {
            self.group = Some(Group::unknown((self.listeners.now)()));
        }
    }

    fn watch(&mut self) -> io::Result<()> {
        let watched = WatchedDirectory::new(&self.path, &self.filter)?;
        if let Means::Scans(_, fault) = &watched.means
            && let Some(complain) = self.listeners.complain.take()
        {
            complain(fault);
        }
        self.watched = Some(watched);
        Ok(())
    }

    fn is_gone(&self, path: &[u8]) -> bool {
        let watched = self.watched.as_ref();
        watched.is_none_or(|watched| watched.identity_of(path).is_none())
    }

    /// Publishes the group.
    fn publish(&mut self) {
        let group = self.group.take();
        let changed = group.and_then(|group| group.outcome(|path| self.is_gone(path)));
        changed.into_iter().for_each(&mut self.listeners.publish);
    }
}
