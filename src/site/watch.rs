//! Watches the files of a site, on a thread of its own.
//!
//! ```text
//! events, or a scan each second -> group -> (nothing changes for a moment) -> publish
//! ```
//!
//! Builds delete and recreate the directory, so the thread checks from time to time whether the path leads to
//! another one.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use notify::Event;

use crate::site::changes::{ChangeFilter, Changed, Changes, Group, Rhythm};
use crate::site::watched::{Identity, Lost, Source, WatchedDirectory, identity_in};

/// How often the thread checks whether the directory was replaced.
const LOOK: Duration = Duration::from_millis(500);

/// How often it scans all files, if they cannot be watched.
const SCAN: Duration = Duration::from_secs(1);

/// The least pause after a check or a scan, in multiples of its time. Many files must not take a whole core.
const PAUSE: u32 = 10;

/// A watch. It ends when this value is dropped.
pub struct Watch {
    _end: Sender<()>,
}

/// The callbacks of a watch.
pub struct Listeners {
    /// Receives each group of changes.
    pub publish: Box<dyn FnMut(Changed) + Send>,
    /// Receives why the files cannot be watched and are scanned instead. `None` after the first call.
    pub report_fallback: Option<ReportFallback>,
    /// The clock.
    pub now: fn() -> Instant,
}

/// Receives an error, once.
pub type ReportFallback = Box<dyn FnOnce(&io::Error) + Send>;

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
            rhythm: Rhythm::default(),
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
/// requests it logs.
fn own_output() -> Vec<Identity> {
    let identity = |descriptor: BorrowedFd<'_>| {
        let file = File::from(descriptor.try_clone_to_owned().ok()?);
        Some(identity_in(&file.metadata().ok()?))
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
    rhythm: Rhythm,
    /// When the thread checks again where the path leads.
    next_look: Instant,
    /// Disconnected at the end.
    ended: Receiver<()>,
}

/// Why a wait ended.
enum Waited {
    Event(Event),
    TimedOut,
    /// The watcher has stopped.
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
        let end = self.end();
        if end.is_some_and(|end| end <= now) {
            self.publish();
            return true;
        }
        let until = end.map_or(self.next_look, |end| end.min(self.next_look));
        match self.wait(until.saturating_duration_since(now)) {
            Waited::Event(event) => self.add_event(&event),
            Waited::TimedOut => {}
            Waited::Lost => self.lose(),
            Waited::End => return false,
        }
        true
    }

    /// When the group ends if no more events come. While nothing tells what changes, it goes on.
    fn end(&self) -> Option<Instant> {
        match self.watched.as_ref()?.source {
            Source::Events(_) => {
                let group = self.group.as_ref()?;
                Some(group.end(|path| self.is_gone(path)))
            }
            Source::Scans(..) => None,
        }
    }

    fn wait(&self, patience: Duration) -> Waited {
        let nothing = never();
        let arriving = match self.watched.as_ref().map(|watched| &watched.source) {
            Some(Source::Events(events)) => &events.arriving,
            Some(Source::Scans(..)) | None => &nothing,
        };
        select! {
            recv(arriving) -> event => event.map_or(Waited::Lost, Waited::Event),
            recv(self.ended) -> _ => Waited::End,
            default(patience) => Waited::TimedOut,
        }
    }

    fn add_event(&mut self, event: &Event) {
        let Some(watched) = &mut self.watched else {
            return;
        };
        match watched.changes_of(event, &self.filter) {
            Ok(changes) => self.add(changes),
            Err(Lost) => self.lose(),
        }
    }

    /// Stops to watch the directory. The next check watches it again, and then everything may have changed.
    fn lose(&mut self) {
        self.watched = None;
        let now = (self.listeners.now)();
        self.group.iter_mut().for_each(|group| group.forget(now));
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
                let group = self.group.get_or_insert_with(|| self.rhythm.begin(now));
                group.add(&path, before, now);
            }
        }
    }

    /// Checks where the path leads. If files are scanned, does that too.
    fn look(&mut self, now: Instant) {
        let watched = self.watched.as_ref();
        let mut pause = LOOK;
        if watched.is_none_or(|watched| !watched.is_current(&self.path)) {
            self.watch_again();
        } else if let Some(Source::Scans(..)) = watched.map(|watched| &watched.source) {
            pause = SCAN;
            self.scan(now);
        }
        let end = (self.listeners.now)();
        self.next_look = end + pause.max(PAUSE * end.saturating_duration_since(now));
    }

    /// Scans all files. A group ends with the first scan that finds nothing new.
    fn scan(&mut self, now: Instant) {
        let watched = self.watched.as_mut();
        let Some(changes) = watched.and_then(|watched| watched.scan(&self.filter)) else {
            return;
        };
        let is_quiet = changes.is_empty();
        self.add(changes);
        let is_longest = self
            .group
            .as_ref()
            .is_some_and(|group| group.is_longest(now));
        if is_quiet || is_longest {
            self.publish();
        }
    }

    /// Watches the directory at the path from the start. Then everything in it may have changed.
    fn watch_again(&mut self) {
        self.lose();
        // If there is no directory, the next check tries again.
        let is_watched = self.watch().is_ok();
        let now = (self.listeners.now)();
        let group = self.group.take().unwrap_or_else(|| Group::unknown(now));
        self.group = is_watched.then_some(group);
    }

    fn watch(&mut self) -> io::Result<()> {
        let watched = WatchedDirectory::new(&self.path, &self.filter)?;
        if let Source::Scans(_, fault) = &watched.source
            && let Some(report) = self.listeners.report_fallback.take()
        {
            report(fault);
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
        if let Some(group) = &group {
            self.rhythm.end(group, (self.listeners.now)());
        }
        let changed = group.and_then(|group| group.outcome(|path| self.is_gone(path)));
        changed.into_iter().for_each(&mut self.listeners.publish);
    }
}
