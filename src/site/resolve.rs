//! Resolves a path to a file (RFC 9110 section 7.1), for one worker.
//!
//! A cached file is used only after its state was compared with the disk in the current turn of the
//! worker's loop. So a change shows at once, and many requests in one turn look at the disk once. The same
//! is true of a path that names nothing.

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::observe::tally::Tally;
use crate::semantics::date::HttpDate;
use crate::semantics::trace::{Clause, clause};
use crate::site::absent::Absent;
use crate::site::body::{FileSource, FileToEnd, MemorySource, Source, Stored};
use crate::site::budget::{Account, Charge, Reserved};
use crate::site::cache::Looked;
use crate::site::cache_updates::CacheUpdates;
use crate::site::copying::{Original, PendingCopy};
use crate::site::disk::{Caller, DiskPool};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::{LastLook, StoredFile};
use crate::site::file_state::{FileKind, FileState};
use crate::site::first_seen::FirstSeen;
use crate::site::given_root::{Followed, GivenRoot, Hindrance};
use crate::site::lookup::{self, FileRead, Resolved};
use crate::site::memory::SiteMemory;
use crate::site::nofollow::Blocking;
use crate::site::open_file::{DiskAccess, OpenFile};
use crate::site::opened::Opened;
use crate::site::options::{Allowances, SiteOptions};
use crate::site::path::SitePath;
use crate::site::reload_script::{self, Document, WithScript};
use crate::site::root::Root;
use crate::text::hash::stable_hash;

/// The cache keeps a file for one to two of these periods after its last use. When no client asks for
/// anything, the server soon holds no memory for any.
pub const SWEEP: Duration = Duration::from_secs(4);

/// How many seconds the clock of another machine may be behind that of this one.
const LARGEST_SKEW: i64 = 24 * 3600;

/// For how many seconds after a look at a file its names are certainly in the kernel's memory. Names
/// that nobody uses stay there for minutes, unless memory is very short.
const HOT: i64 = 2;

/// One worker's view of the document root: the shared root, the worker's own cache and its time.
pub struct Site {
    root: Arc<Root>,
    /// The path of the root. `None`: the root stays where it is.
    followed: Option<Followed>,
    /// Does what would wait for the disk. `None`: the worker itself waits.
    disk: Option<DiskPool>,
    options: Arc<SiteOptions>,
    /// What the worker holds of the site, and what it may hold.
    pub memory: SiteMemory,
    /// Counts the looks into the cache, if somebody wants to know.
    tally: Option<Arc<Tally>>,
    absent: Absent,
    turn: u64,
    /// Files that have gained coded content or a copy since the turn began.
    updates: CacheUpdates,
    /// The time of this turn, in seconds since 1970.
    now: i64,
    /// When the cache was swept last.
    swept: i64,
    /// Scratch space for a path with the name of an index file.
    index_path: Vec<u8>,
    /// States that are not settled, of files whose file systems have clocks of their own.
    seen: FirstSeen,
}

/// What a path names.
pub type Found = Resolved<Rc<StoredFile>>;

/// The rule that [`Site::find`] applies.
pub const CLAUSE: Clause = clause!("RFC 9110 section 7.1", "find");

impl Site {
    /// A view of `root` that holds no more than `allowances`.
    pub fn new(root: Arc<Root>, options: Arc<SiteOptions>, allowances: Allowances) -> Site {
        Site {
            root,
            followed: None,
            disk: None,
            options,
            memory: SiteMemory::new(allowances),
            tally: None,
            absent: Absent::default(),
            turn: 0,
            updates: CacheUpdates::default(),
            now: 0,
            swept: 0,
            index_path: Vec::new(),
            seen: FirstSeen::default(),
        }
    }

    /// Follows the path of the root.
    pub fn follow(&mut self, given: Arc<GivenRoot>, now: Instant) {
        self.followed = Some(Followed::new(given, now));
    }

    /// If it is time, looks where the path of the root leads. Responses under way keep the old root. Whether it has
    /// changed.
    pub fn look_at_root(&mut self, now: Instant) -> bool {
        let followed = self.followed.as_mut();
        let root = followed.and_then(|followed| followed.look(self.disk.as_ref(), now));
        let changed = root.filter(|root| !Arc::ptr_eq(root, &self.root));
        let has_changed = changed.is_some();
        self.root = changed.unwrap_or_else(|| Arc::clone(&self.root));
        has_changed
    }

    /// Why a request cannot be answered from the root now.
    pub fn hindrance(&self) -> Option<Hindrance> {
        self.followed.as_ref()?.hindrance
    }

    /// Makes the end of a look at the path of the root wake `waker`.
    pub fn wake_after_look(&self, waker: Waker) {
        if let Some(followed) = &self.followed {
            followed.wake_after_look(waker);
        }
    }

    /// Counts in `tally` how the cache is used.
    pub fn count_in(&mut self, tally: &Arc<Tally>) {
        self.tally = Some(Arc::clone(tally));
    }

    /// Leaves to this pool what would wait for the disk.
    pub fn use_disk_threads(&mut self, disk: DiskPool) {
        self.disk = Some(disk);
    }

    /// The threads that wait for the disk; `None` if the worker itself waits.
    pub fn disk(&self) -> Option<&DiskPool> {
        self.disk.as_ref()
    }

    /// Whether a system call of the worker may wait for the disk.
    pub(super) fn blocking(&self) -> Blocking {
        match self.disk {
            Some(_) => Blocking::Refused,
            None => Blocking::Allowed,
        }
    }

    /// Begins a turn of the worker's loop at `now`. Cached files are compared with the disk again.
    /// Returns whether it is time to forget what nobody uses; the cache does so from now on.
    pub fn begin_turn(&mut self, now: HttpDate) -> bool {
        self.now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
        self.memory.allowances.copying.begin_turn(self.now);
        self.look_again();
        for path in self.updates.take() {
            self.memory.cache.update_charge(&path);
        }
        let is_due = self.now.abs_diff(self.swept) >= SWEEP.as_secs();
        if is_due {
            self.swept = self.now;
            self.memory.cache.begin_sweep();
            self.memory.coders.clear();
        }
        if self.memory.cache.is_sweeping() {
            self.memory.cache.sweep();
        }
        is_due
    }

    /// When the next turn should begin so that what nobody uses is forgotten. `None`: nothing is cached.
    pub fn next_sweep(&self) -> Option<Duration> {
        match self.memory.cache.is_sweeping() {
            true => Some(Duration::ZERO),
            false => (!self.memory.cache.is_empty()).then_some(SWEEP),
        }
    }

    /// A handle that keeps content with its file and tells the cache to charge for it.
    pub fn updates(&self) -> CacheUpdates {
        self.updates.clone()
    }

    /// Forgets what this turn has seen of the disk. The next request for a path looks at the disk again.
    pub fn look_again(&mut self) {
        self.turn += 1;
    }

    /// The operator's options.
    pub fn options(&self) -> &SiteOptions {
        &self.options
    }

    /// The same options, for other threads.
    pub(super) fn shared_options(&self) -> Arc<SiteOptions> {
        Arc::clone(&self.options)
    }

    /// Finds the file or directory that `path` names, if it may be served.
    pub fn find(&mut self, path: SitePath<'_>) -> Result<Found, LookupError> {
        let options = Arc::clone(&self.options);
        let mut scratch = std::mem::take(&mut self.index_path);
        let found = lookup::find(&options, path, &mut scratch, |name| self.resolve(name));
        self.index_path = scratch;
        found
    }

    /// The document root.
    pub fn root(&self) -> &Arc<Root> {
        &self.root
    }

    /// The uncoded content of `file`. If the file must be open for that, it is `opened`, or is opened
    /// now. `None` means that the file has changed since it was resolved, and the caller must resolve
    /// its path again.
    pub fn content(
        &mut self,
        file: &Rc<StoredFile>,
        opened: Option<Opened>,
        caller: Caller<'_>,
    ) -> Result<Option<Stored>, LookupError> {
        if let Some(bytes) = &file.memory {
            return Ok(Some(Stored::Memory(Rc::clone(bytes))));
        }
        if let Some(copy) = file.copy.get().filter(|copy| copy.is_whole()) {
            return Ok(Some(Stored::Private(Rc::clone(copy))));
        }
        let open = self.open(file, opened, caller)?;
        Ok(open.map(|open| Stored::File(Rc::new(open.with_copy_of_end(&file.copy)))))
    }

    /// Makes a private copy of `file` from the bytes that will be read, if that is worth it and there is
    /// space. The caller will send all of `content`, which is the content of the file.
    pub fn copy_while_sent(&mut self, file: &Rc<StoredFile>, content: &Stored) {
        if let Stored::File(open) = content
            && file.copy.get().is_none()
            && let Some(copy) = self.begin_copy(file)
        {
            open.copy_to(copy);
        }
    }

    /// Like [`Site::content`], but returns a source.
    pub fn source(
        &self,
        file: &StoredFile,
        opened: Option<Opened>,
        caller: Caller<'_>,
    ) -> Result<Option<Box<dyn Source>>, LookupError> {
        let source: Box<dyn Source> = match &file.memory {
            Some(bytes) => Box::new(MemorySource::new(Rc::clone(bytes))),
            None => match self.open(file, opened, caller)? {
                Some(open) if file.is_size_unknown => Box::new(FileToEnd::new(open)),
                Some(open) => Box::new(FileSource::new(open)),
                None => return Ok(None),
            },
        };
        Ok(Some(match file.lacks_script() {
            true => {
                let version = stable_hash(file.state.version());
                let path = &file.path;
                let element = reload_script::element(Some(Document { path, version }));
                Box::new(WithScript::new(source, element))
            }
            false => source,
        }))
    }

    /// A private copy, if the file was requested before and there is space, see [`SiteMemory::begin_copy`].
    fn begin_copy(&mut self, file: &Rc<StoredFile>) -> Option<PendingCopy> {
        if !file.was_requested.replace(true) {
            return None;
        }
        // If nobody uses this state of the file any more, its copy is dropped.
        let (weak, updates) = (Rc::downgrade(file), self.updates());
        let keep = move |copy| {
            if let Some(file) = weak.upgrade() {
                updates.keep_copy(&file, copy);
            }
        };
        let original = Original {
            storage: self.options.storage,
            size: file.size(),
            mark: Rc::clone(&file.is_being_copied),
            keep: Box::new(keep),
        };
        self.memory.begin_copy(original)
    }

    /// The number of this turn, see [`Site::look_again`].
    pub fn turn(&self) -> u64 {
        self.turn
    }

    fn open(
        &self,
        file: &StoredFile,
        opened: Option<Opened>,
        caller: Caller<'_>,
    ) -> Result<Option<OpenFile>, LookupError> {
        let opened = match opened {
            // It was opened for an earlier state.
            Some(opened) if file.expected().is_some_and(|state| opened.state != *state) => None,
            Some(opened) => Some(opened),
            None => Opened::new(
                &self.root,
                self.disk.clone(),
                &file.path,
                file.expected(),
                self.blocking(),
            )?,
        };
        let access = self.disk.as_ref().map(|pool| DiskAccess {
            pool: pool.clone(),
            memory: Arc::clone(self.memory.budget()),
            network: caller.network,
            waker: caller.wakers.waker(),
        });
        Ok(opened.map(|opened| OpenFile::new(opened, access)))
    }

    /// Finds what `path` names. Uses the cached file if its state on disk is unchanged.
    fn resolve(&mut self, path: &[u8]) -> Result<Found, LookupError> {
        let blocking = self.blocking();
        let (cached, found) = match self.memory.cache.find(path, self.turn) {
            Some((file, Looked::InThisTurn)) => {
                count(self.tally.as_deref(), true);
                return Ok(Resolved::File(Rc::clone(file)));
            }
            // A cached file is found in the same confined way as any other. Otherwise a folder that has
            // moved out of the root, with a link in its place, would still be served.
            Some((file, Looked::At(time))) => {
                let is_hot = self.now - time <= HOT && blocking == Blocking::Refused;
                let found = match is_hot {
                    true => self.root.find_again(path, &file.state),
                    false => self.root.find(path, blocking),
                };
                (Some(Rc::clone(file)), found)
            }
            None if self.absent.contains(path, self.turn) => {
                return Err(DiskError::NotFound.into());
            }
            None => (None, self.root.find(path, blocking)),
        };
        match found {
            Err(LookupError::WouldWait) => return Err(LookupError::WouldWait),
            Err(LookupError::Disk(DiskError::NotFound)) => self.absent.note(path, self.turn),
            _ => {}
        }
        if let Some(file) = cached {
            if found.is_ok_and(|(_, state)| state == file.state) {
                file.last_look.set(LastLook {
                    turn: self.turn,
                    time: self.now,
                });
                count(self.tally.as_deref(), true);
                return Ok(Resolved::File(file));
            }
            self.memory.cache.remove(path);
        }
        match found?.0 {
            FileKind::Directory => Ok(Resolved::Directory),
            FileKind::Other => Err(DiskError::Special.into()),
            FileKind::File => self.read(path).map(Resolved::File),
        }
    }

    /// Reads a file for the first time, or again after it changed.
    fn read(&mut self, path: &[u8]) -> Result<Rc<StoredFile>, LookupError> {
        let (root, options) = (Arc::clone(&self.root), Arc::clone(&self.options));
        let largest = self.memory.largest_kept();
        let blocking = self.blocking();
        let charge = |bytes| self.memory.charge(Account::Contents, bytes);
        let read = lookup::read(&root, &options, path, largest, blocking, charge)?;
        let is_settled = self.settles(&read.state);
        Ok(self.store(path, read, self.turn, is_settled))
    }

    /// The file at `path` if it is cached in this state, which was looked at lately.
    pub(super) fn cached(&mut self, path: &[u8], state: &FileState) -> Option<Rc<StoredFile>> {
        let (file, _) = self.memory.cache.find(path, self.turn)?;
        (file.state == *state).then(|| Rc::clone(file))
    }

    /// Returns the file, and keeps it if its state `is_settled`. It was read in this `turn`, or in turn 0 if it was
    /// read between turns.
    fn store(
        &mut self,
        path: &[u8],
        read: FileRead<Charge>,
        turn: u64,
        is_settled: bool,
    ) -> Rc<StoredFile> {
        count(self.tally.as_deref(), false);
        let stored = self.stored(path, read, &self.options);
        if is_settled && self.may_be_cached(&stored) {
            self.memory
                .cache
                .insert(path, Rc::clone(&stored), turn, self.now);
        }
        stored
    }

    fn stored(&self, path: &[u8], read: FileRead<Charge>, options: &SiteOptions) -> Rc<StoredFile> {
        let overhead = self
            .memory
            .charge_anyway(Account::Contents, StoredFile::overhead(path));
        Rc::new(StoredFile::new(path, read, overhead, options))
    }

    /// Whether a later change of a file in this state is certain to show. The clock of another machine may be
    /// behind, so that a file seems to have changed long ago. If this worker saw the same state some seconds ago, the
    /// tick of that clock is over, whatever it shows.
    pub(super) fn is_settled(&self, state: &FileState) -> bool {
        if !self.root.devices().has_own_clock(state.device()) {
            return state.is_settled(self.now);
        }
        self.seen.is_tick_over(state, self.now)
            || state.is_settled(self.now.saturating_sub(LARGEST_SKEW))
    }

    /// The same for a file that is read from now on, or was read in this turn. If its state is not settled, it is
    /// remembered.
    pub(super) fn settles(&mut self, state: &FileState) -> bool {
        let is_settled = self.is_settled(state);
        if !is_settled && self.root.devices().has_own_clock(state.device()) {
            self.seen.note(state, self.now);
        }
        is_settled
    }

    /// Whether a change of the file is certain to show in its state. An empty file may get content that its
    /// file system does not know the size of.
    fn may_be_cached(&self, file: &StoredFile) -> bool {
        let is_true = || self.root.devices().reports_truly(file.state.device());
        !file.is_size_unknown && (file.size() > 0 || is_true())
    }

    /// Keeps a file that a disk thread has read with these options, if its state `is_settled`. If the operator has
    /// changed the options meanwhile, the file may have another type now, so it is not cached.
    pub(super) fn store_read(
        &mut self,
        path: &[u8],
        read: FileRead<Reserved>,
        options: &Arc<SiteOptions>,
        is_settled: bool,
    ) -> Rc<StoredFile> {
        let adopt = |(bytes, reserved)| (bytes, self.memory.allowances.memory.adopt(reserved));
        let read = FileRead {
            state: read.state,
            media_type: read.media_type,
            content: read.content.map(adopt),
            is_size_unknown: read.is_size_unknown,
            has_script: read.has_script,
        };
        match Arc::ptr_eq(options, &self.options) {
            true => self.store(path, read, 0, is_settled),
            false => self.stored(path, read, options),
        }
    }
}

/// Counts a use of a cached file, or a file that had to be read.
fn count(tally: Option<&Tally>, is_hit: bool) {
    if let Some(tally) = tally {
        tally.count_lookup(is_hit);
    }
}
