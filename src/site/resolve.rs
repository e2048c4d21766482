//! Resolves a path to a file (RFC 9110 section 7.1), for one worker.
//!
//! A cached file is used only after its state was compared with the disk in the current turn of the
//! worker's loop. So a change shows at once, and many requests in one turn look at the disk once. The same
//! is true of a path that names nothing.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::semantics::coding::Coding;
use crate::semantics::date::HttpDate;
use crate::semantics::trace::{Clause, clause};
use crate::site::absent::Absent;
use crate::site::body::{FileSource, FileToEnd, MemorySource, Source, Stored};
use crate::site::budget::{Account, Budget, Charge, Reserved};
use crate::site::cache::{Cache, Looked};
use crate::site::compress::{CODER, Charges, Coder, Coders};
use crate::site::decompress::{DECODER, Decoded};
use crate::site::disk::{Caller, DiskPool};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::{LastLook, StoredFile};
use crate::site::file_state::{FileKind, FileState};
use crate::site::given_root::{self, GivenRoot};
use crate::site::held::HeldBytes;
use crate::site::lookup::{self, FileRead, Resolved};
use crate::site::nofollow::Blocking;
use crate::site::open_file::{DiskAccess, OpenFile, Opened};
use crate::site::options::{Allowances, SiteOptions};
use crate::site::path::SitePath;
use crate::site::private::{CopyMark, CopySpace, CopyStorage, PendingCopy, PrivateCopy};
use crate::site::reload_script::{self, Document, WithScript};
use crate::site::root::Root;
use crate::text::hash::stable_hash;

/// The cache keeps a file for one to two of these periods after its last use. When no client asks for
/// anything, the server soon holds no memory for any.
pub const SWEEP: Duration = Duration::from_secs(4);

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
    cache: Cache,
    absent: Absent,
    /// What the worker may hold.
    allowances: Allowances,
    coders: Coders,
    turn: u64,
    /// Files that have gained coded content or a copy since the turn began.
    updates: CacheUpdates,
    /// The time of this turn, in seconds since 1970.
    now: i64,
    /// When the cache was swept last.
    swept: i64,
    /// Scratch space for a path with the name of an index file.
    index_path: Vec<u8>,
}

/// The path of the root, and what the worker knows of it.
struct Followed {
    given: Arc<GivenRoot>,
    /// [`GivenRoot::changes`] when the worker looked last.
    changes: u64,
    /// When to look again.
    next_look: Instant,
}

/// What a path names.
pub type Found = Resolved<Rc<StoredFile>>;

/// Paths of files that have gained coded content or a copy that the cache has not charged yet.
#[derive(Clone, Default)]
pub struct CacheUpdates(Rc<RefCell<Vec<Box<[u8]>>>>);

impl CacheUpdates {
    /// Keeps the whole coded content with its file.
    pub fn keep(&self, file: &StoredFile, coding: Coding, bytes: Rc<HeldBytes>) {
        file.representation(coding).keep_coded(bytes);
        self.0.borrow_mut().push(file.path.clone());
    }

    /// Keeps a private copy with its file, unless the file already has one.
    fn keep_copy(&self, file: &StoredFile, copy: PrivateCopy) {
        file.copy.get_or_init(|| Rc::new(copy));
        self.0.borrow_mut().push(file.path.clone());
    }
}

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
            cache: Cache::new(allowances.cache.clone()),
            absent: Absent::default(),
            allowances,
            coders: Coders::default(),
            turn: 0,
            updates: CacheUpdates::default(),
            now: 0,
            swept: 0,
            index_path: Vec::new(),
        }
    }

    /// Follows the path of the root.
    pub fn follow(&mut self, given: Arc<GivenRoot>, now: Instant) {
        self.followed = Some(Followed {
            changes: given.changes(),
            given,
            next_look: now,
        });
    }

    /// If it is time, looks where the path of the root leads. Responses under way keep the old root.
    pub fn look_at_root(&mut self, now: Instant) {
        let Some(followed) = &mut self.followed else {
            return;
        };
        let changes = followed.given.changes();
        if followed.next_look > now && followed.changes == changes {
            return;
        }
        let current = followed.given.current(self.disk.as_ref());
        followed.changes = followed.given.changes();
        if current.is_known {
            followed.next_look = now + given_root::INTERVAL;
        }
        self.root = current.root;
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
        self.look_again();
        for path in self.updates.0.take() {
            self.cache.update_charge(&path);
        }
        let is_due = self.now.abs_diff(self.swept) >= SWEEP.as_secs();
        if is_due {
            self.swept = self.now;
            self.cache.begin_sweep();
            self.coders.clear();
        }
        if self.cache.is_sweeping() {
            self.cache.sweep();
        }
        is_due
    }

    /// When the next turn should begin so that what nobody uses is forgotten. `None`: nothing is cached.
    pub fn next_sweep(&self) -> Option<Duration> {
        match self.cache.is_sweeping() {
            true => Some(Duration::ZERO),
            false => (!self.cache.is_empty()).then_some(SWEEP),
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

    /// Begins a private copy if the file was requested before. If space is needed, evicts other copies.
    /// Returns `None` if that does not make enough space. Of a file that is too large for that, it copies the
    /// end that the kernel must not send from the file itself, if there is space.
    fn begin_copy(&mut self, file: &Rc<StoredFile>) -> Option<PendingCopy> {
        if !file.was_requested.replace(true) {
            return None;
        }
        let is_whole = file.size() <= self.cache.largest_copy();
        let size = match (is_whole, self.options.storage) {
            (true, _) => file.size(),
            (false, CopyStorage::Memfd) => self.cache.largest_end(),
            // What is encrypted is read in any case.
            (false, CopyStorage::Heap) => return None,
        };
        let mark = CopyMark::set(&file.is_being_copied)?;
        let may_hold = &self.allowances;
        let is_space = |freed_bytes: u64, freed_copies: u64| {
            let missing = size.saturating_sub(freed_bytes);
            may_hold.copy_bytes.has_room(Account::Copies, missing)
                && may_hold.memory.has_room(Account::Copies, missing)
                && may_hold
                    .copies
                    .has_room(Account::Copies, 1u64.saturating_sub(freed_copies))
        };
        let has_room = match is_whole {
            true => self.cache.make_room_for_copy(is_space),
            false => is_space(0, 0),
        };
        if !has_room {
            return None;
        }
        let space = CopySpace {
            memory: may_hold.memory.charge(Account::Copies, size)?,
            copy_bytes: may_hold.copy_bytes.charge(Account::Copies, size)?,
            _copy: may_hold.copies.charge(Account::Copies, 1)?,
        };
        // If nobody uses this state of the file any more, its copy is dropped.
        let (weak, updates) = (Rc::downgrade(file), self.updates());
        let keep = move |copy| {
            if let Some(file) = weak.upgrade() {
                updates.keep_copy(&file, copy);
            }
        };
        let storage = self.options.storage;
        let keep = Box::new(keep);
        Some(PendingCopy::new(
            storage,
            file.size(),
            size,
            space,
            mark,
            keep,
        ))
    }

    /// Whether there is memory for a coder for a client in `network`, and for as many bytes of its result.
    pub fn has_room_for_coder(&self, network: IpAddr, coding: Coding, result: u64) -> bool {
        let memory = &self.allowances.memory;
        let has_coder = || {
            // A spare one is charged already.
            self.coders.has_spare(coding) && self.may_have_coder(network, 0)
                || self.may_have_coder(network, CODER)
                    && memory.has_room(Account::Coders, CODER + result)
        };
        memory.has_room(Account::Contents, result) && has_coder()
    }

    /// The number of this turn, see [`Site::look_again`].
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// Charges memory, even if it is not free.
    pub fn charge_anyway(&self, account: Account, bytes: u64) -> Charge {
        self.allowances.memory.charge_anyway(account, bytes)
    }

    /// A coder for `coding` and a client in `network`. `None` if there is too little memory for one.
    pub fn coder(&mut self, network: IpAddr, coding: Coding) -> Option<Coder> {
        // Otherwise each coder that another network ends would move to the one that holds the others.
        if self.may_have_coder(network, 0) {
            let share = || self.allowances.coder_shares.add(network, CODER);
            if let Some(coder) = self.coders.take_spare(coding, share) {
                return Some(coder);
            }
        }
        let charges = self.charge_coder_of(network, CODER)?;
        let share = self.allowances.coder_shares.add(network, CODER);
        Some(self.coders.new_coder(coding, charges, share))
    }

    /// A source that decodes gzip for a client in `network`. `None` if there is too little memory for it.
    pub fn decoded(&mut self, network: IpAddr, source: Box<dyn Source>) -> Option<Decoded> {
        let charges = self.charge_coder_of(network, DECODER)?;
        let share = self.allowances.coder_shares.add(network, DECODER);
        Some(Decoded::new(source, charges, share))
    }

    /// Whether a client in `network` may get one more coder. A network that already uses coders must leave a
    /// quarter of the budget free, so that slow readers cannot cause 503 for other networks.
    fn may_have_coder(&self, network: IpAddr, bytes: u64) -> bool {
        let coders = &self.allowances.coders;
        let left = match self.allowances.coder_shares.of(network) {
            0 => 0,
            _ => coders.reach() / 4,
        };
        coders.has_room(Account::Coders, bytes + left)
    }

    /// Charges a coder of a client in `network`. If necessary, frees those that nobody uses.
    fn charge_coder_of(&mut self, network: IpAddr, bytes: u64) -> Option<Charges> {
        let mut charges = None;
        loop {
            if self.may_have_coder(network, bytes) {
                charges = self.charge_coder(bytes);
            }
            if charges.is_some() || !self.coders.clear() {
                return charges;
            }
        }
    }

    /// Charges coders that a connection keeps, if at least `left` bytes remain for the coders of responses.
    pub fn charge_lasting_coders(&mut self, bytes: u64, left: u64) -> Option<Charges> {
        let Allowances { memory, coders, .. } = &self.allowances;
        let is_room = coders.has_room(Account::Coders, bytes + left)
            && memory.has_room(Account::Coders, bytes + left);
        is_room.then(|| self.charge_coder(bytes)).flatten()
    }

    fn charge_coder(&mut self, bytes: u64) -> Option<Charges> {
        let part = self.allowances.coders.charge(Account::Coders, bytes)?;
        Some([self.charge(Account::Coders, bytes)?, part])
    }

    /// Grows a charge to `bytes`, like [`Site::charge`]. Returns whether there was enough memory.
    pub fn grow(&mut self, charge: &mut Charge, bytes: u64) -> bool {
        let more = bytes.saturating_sub(charge.units());
        while !charge.grow(more) {
            if !self.cache.free_some() {
                return false;
            }
        }
        true
    }

    /// How many bytes must become free before a charge can grow to `bytes`.
    pub fn missing(&self, charge: &Charge, bytes: u64) -> u64 {
        charge.missing(bytes.saturating_sub(charge.units()))
    }

    /// Charges memory. If there is too little, evicts cached files that nobody is using.
    pub fn charge(&mut self, account: Account, bytes: u64) -> Option<Charge> {
        let mut charge = self.charge_anyway(account, 0);
        self.grow(&mut charge, bytes).then_some(charge)
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
                None,
                &file.path,
                file.expected(),
                self.blocking(),
            )?,
        };
        let access = self.disk.as_ref().map(|pool| DiskAccess {
            pool: pool.clone(),
            memory: Arc::clone(self.memory()),
            network: caller.network,
            waker: caller.wakers.waker(),
        });
        Ok(opened.map(|opened| OpenFile::new(opened, access)))
    }

    /// The largest coded content that the cache keeps.
    pub fn largest_kept(&self) -> u64 {
        self.cache.largest_content()
    }

    /// Finds what `path` names. Uses the cached file if its state on disk is unchanged.
    fn resolve(&mut self, path: &[u8]) -> Result<Found, LookupError> {
        let blocking = self.blocking();
        let (cached, found) = match self.cache.find(path, self.turn) {
            Some((file, Looked::InThisTurn)) => return Ok(Resolved::File(Rc::clone(file))),
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
                return Ok(Resolved::File(file));
            }
            self.cache.remove(path);
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
        let largest = self.cache.largest_content();
        let blocking = self.blocking();
        let charge = |bytes| self.charge(Account::Contents, bytes);
        let read = lookup::read(&root, &options, path, largest, blocking, charge)?;
        Ok(self.store(path, read, self.turn))
    }

    /// The file at `path` if it is cached in this state, which was looked at lately.
    pub(super) fn cached(&mut self, path: &[u8], state: &FileState) -> Option<Rc<StoredFile>> {
        let (file, _) = self.cache.find(path, self.turn)?;
        (file.state == *state).then(|| Rc::clone(file))
    }

    /// Keeps a file that was read in this `turn`, or in turn 0 if it was read between turns.
    fn store(&mut self, path: &[u8], read: FileRead<Charge>, turn: u64) -> Rc<StoredFile> {
        let stored = self.stored(path, read, &self.options);
        if self.is_settled(&stored.state) && self.may_be_cached(&stored) {
            self.cache.insert(path, Rc::clone(&stored), turn, self.now);
        }
        stored
    }

    fn stored(&self, path: &[u8], read: FileRead<Charge>, options: &SiteOptions) -> Rc<StoredFile> {
        let overhead = self.charge_anyway(Account::Contents, StoredFile::overhead(path));
        Rc::new(StoredFile::new(path, read, overhead, options))
    }

    /// Whether a later change of a file in this state is certain to show.
    pub(super) fn is_settled(&self, state: &FileState) -> bool {
        state.is_settled(self.now)
    }

    /// Whether a change of the file is certain to show in its state. An empty file may get content that its
    /// file system does not know the size of.
    fn may_be_cached(&self, file: &StoredFile) -> bool {
        let is_true = || self.root.devices().reports_truly(file.state.device());
        !file.is_size_unknown && (file.size() > 0 || is_true())
    }

    /// Keeps a file that a disk thread has read with these options. If the operator has changed them meanwhile,
    /// the file may have another type now, so it is not cached.
    pub(super) fn store_read(
        &mut self,
        path: &[u8],
        read: FileRead<Reserved>,
        options: &Arc<SiteOptions>,
    ) -> Rc<StoredFile> {
        let adopt = |(bytes, reserved)| (bytes, self.allowances.memory.adopt(reserved));
        let read = FileRead {
            state: read.state,
            media_type: read.media_type,
            content: read.content.map(adopt),
            is_size_unknown: read.is_size_unknown,
            has_script: read.has_script,
        };
        match Arc::ptr_eq(options, &self.options) {
            true => self.store(path, read, 0),
            false => self.stored(path, read, options),
        }
    }

    /// The memory of all workers.
    pub fn memory(&self) -> &Arc<Budget> {
        self.allowances.memory.budget()
    }

    /// The largest content that is read into memory.
    pub(super) fn largest_content(&self) -> u64 {
        self.cache.largest_content()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::options::Budgets;
    use crate::site::root::LinkPolicy;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A time long after all files of a test were written.
    const LATER: i64 = 4_000_000_000;

    fn allowances(memory: u64, copies: u64) -> Allowances {
        let options = SiteOptions {
            memory: 2 * memory,
            cache_memory: memory,
            max_copies: copies,
            ..SiteOptions::default()
        };
        Budgets::new(&options, 1).part()
    }

    fn site(root: &Path) -> Site {
        let root = Root::open(root, LinkPolicy::default()).expect("a root");
        let mut site = Site::new(Arc::new(root), Arc::default(), allowances(1 << 20, 2));
        site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
        site
    }

    #[test]
    fn a_network_has_one_share_of_the_coders_of_all_sites() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Arc::new(Root::open(folder.path(), LinkPolicy::default()).expect("a root"));
        // A quarter of the memory is for coders. Three quarters of these eight are for one network.
        let options = SiteOptions {
            memory: 4 * 8 * CODER,
            ..SiteOptions::default()
        };
        let allowances = Budgets::new(&options, 1).part();
        let site = || Site::new(Arc::clone(&root), Arc::default(), allowances.clone());
        let (mut first, mut second) = (site(), site());
        let [one, other]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        let mut coders: Vec<Coder> = (0..10)
            .map_while(|_| first.coder(one, Coding::Gzip))
            .collect();
        assert_eq!(coders.len(), 6);
        assert!(!second.has_room_for_coder(one, Coding::Gzip, 0));
        assert!(second.coder(one, Coding::Gzip).is_none());
        coders.extend(second.coder(other, Coding::Gzip));
        assert_eq!(coders.len(), 7, "the rest is for other networks");
    }

    fn find(site: &mut Site, path: &str) -> Result<Rc<StoredFile>, DiskError> {
        let mut storage = Vec::new();
        let path = SitePath::decode(path.as_bytes(), &mut storage).expect("a path");
        match site.find(path).map_err(LookupError::on_disk_thread)? {
            Found::File(file) => Ok(file),
            Found::Directory => Err(DiskError::NotFound),
        }
    }

    #[test]
    fn a_settled_file_is_cached_until_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "one").expect("a file");
        fs::write(folder.path().join("b"), "stays").expect("a file");
        let mut site = site(folder.path());
        let first = find(&mut site, "/a").expect("there");
        let again = find(&mut site, "/a").expect("there");
        assert!(Rc::ptr_eq(&first, &again));
        let neighbour = find(&mut site, "/b").expect("there");
        fs::write(folder.path().join("a"), "two").expect("a file");
        site.look_again();
        let changed = find(&mut site, "/a").expect("there");
        assert_eq!(
            changed.memory.as_deref().map(|bytes| &bytes[..]),
            Some(&b"two"[..])
        );
        assert_ne!(first.state, changed.state);
        fs::remove_file(folder.path().join("a")).expect("removed");
        site.look_again();
        assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
        let again = find(&mut site, "/b").expect("there");
        assert!(Rc::ptr_eq(&neighbour, &again), "it has not changed");
    }

    #[test]
    fn a_path_that_names_nothing_is_looked_for_once_a_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site(folder.path());
        assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
        fs::write(folder.path().join("a"), "one").expect("a file");
        assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
        site.look_again();
        assert!(find(&mut site, "/a").is_ok());
        fs::remove_file(folder.path().join("a")).expect("removed");
        site.look_again();
        assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
    }

    /// The states of the files are the same before and after, so only their way tells.
    #[test]
    fn a_cached_file_is_found_on_the_same_way_as_any_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        for (path, content) in [("moves/a", "a"), ("b", "b"), (".hidden/c", "c")] {
            fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("folders");
            fs::write(root.join(path), content).expect("a file");
        }
        symlink("b", root.join("link")).expect("a link");
        fs::rename(root.join(".hidden"), root.join("shown")).expect("renamed");
        let mut site = site(&root);
        for path in ["/moves/a", "/b", "/link", "/shown/c"] {
            let first = find(&mut site, path).expect("there");
            site.look_again();
            let again = find(&mut site, path).expect("there");
            assert!(Rc::ptr_eq(&first, &again), "{path} is cached");
        }
        for name in ["moves", "b"] {
            fs::rename(root.join(name), folder.path().join(name)).expect("renamed");
            symlink(folder.path().join(name), root.join(name)).expect("a link");
        }
        fs::rename(root.join("shown"), root.join(".hidden")).expect("renamed");
        symlink(".hidden", root.join("shown")).expect("a link");
        site.look_again();
        for path in ["/moves/a", "/b", "/link"] {
            let error = find(&mut site, path).err();
            assert_eq!(error, Some(DiskError::Outside), "{path}");
        }
        let error = find(&mut site, "/shown/c").err();
        assert_eq!(error, Some(DiskError::Hidden));
    }

    #[test]
    fn a_file_that_may_still_change_unnoticed_is_not_cached() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "one").expect("a file");
        let mut site = site(folder.path());
        site.begin_turn(HttpDate::EPOCH);
        let first = find(&mut site, "/a").expect("there");
        let again = find(&mut site, "/a").expect("there");
        assert!(!Rc::ptr_eq(&first, &again));
    }

    #[test]
    fn the_first_index_file_that_exists_is_served() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("index.htm"), "second").expect("a file");
        let mut site = site(folder.path());
        let found = find(&mut site, "/").expect("there");
        assert_eq!(found.path.as_ref(), b"index.htm");
        fs::write(folder.path().join("index.html"), "first").expect("a file");
        site.look_again();
        let found = find(&mut site, "/").expect("there");
        assert_eq!(found.path.as_ref(), b"index.html");
    }

    #[test]
    fn a_large_file_is_reopened_and_its_state_is_compared() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), vec![1; 1 << 20]).expect("a file");
        let mut site = site(folder.path());
        let file = find(&mut site, "/a").expect("there");
        assert!(file.memory.is_none());
        assert!(content(&mut site, &file).expect("readable").is_some());
        fs::write(folder.path().join("a"), vec![2; 1 << 20]).expect("a file");
        assert!(content(&mut site, &file).expect("readable").is_none());
    }

    #[test]
    fn without_memory_a_file_is_sent_from_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a", "b"] {
            fs::write(folder.path().join(name), vec![b'x'; 100_000]).expect("a file");
        }
        let mut site = site(folder.path());
        let memory = site.allowances.memory.clone();
        // The cache gives way to what a response needs, but not while clients use its files.
        let first = find(&mut site, "/a").expect("there");
        let most = memory.limit() / 8 * 5 - first.held_bytes();
        let rest = memory.charge(Account::Contents, most).expect("free");
        let in_use = content(&mut site, &first).expect("readable");
        drop(first);
        let second = find(&mut site, "/b").expect("there");
        assert!(second.memory.is_none());
        assert!(matches!(
            content(&mut site, &second),
            Ok(Some(Stored::File(_)))
        ));
        drop((in_use, second));
        site.cache.remove(b"b");
        let second = find(&mut site, "/b").expect("there");
        assert!(second.memory.is_some(), "the other file was evicted");
        drop(rest);
    }

    /// The content of a file, for a client.
    fn content(site: &mut Site, file: &Rc<StoredFile>) -> Result<Option<Stored>, LookupError> {
        let caller = Caller {
            network: [10, 0, 0, 1].into(),
            now: std::time::Instant::now(),
            wakers: std::task::Waker::noop(),
        };
        site.content(file, None, caller)
    }

    /// Sends content as the pump does: in pieces, with a check at the end.
    fn send(content: Stored) -> Vec<u8> {
        let mut bytes = vec![0; content.len() as usize];
        match content {
            Stored::File(file) => {
                for (number, piece) in bytes.chunks_mut(100_000).enumerate() {
                    let offset = 100_000 * number as u64;
                    let read = file.read_checked_at(piece, offset).expect("unchanged");
                    let checked = read.expect("the worker itself waits");
                    if offset + 100_000 >= file.state.size {
                        file.finish_copy(checked);
                    }
                }
            }
            Stored::Private(copy) => bytes = copy.to_vec(),
            Stored::Memory(_) => panic!("it is large"),
        }
        bytes
    }

    /// A site with files of 2 MiB each and space for two private copies.
    fn site_of_large_files(root: &Path, names: &[&str]) -> Site {
        for name in names {
            fs::write(root.join(name), vec![b'x'; 2 << 20]).expect("a file");
        }
        let root = Root::open(root, LinkPolicy::default()).expect("a root");
        Site::new(Arc::new(root), Arc::default(), allowances(5 << 20, 2))
    }

    /// Requests the content of a file in a turn of its own.
    fn ask(site: &mut Site, path: &str) -> Stored {
        site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
        let file = find(site, path).expect("there");
        let content = content(site, &file).expect("readable").expect("unchanged");
        site.copy_while_sent(&file, &content);
        content
    }

    /// Requests a file after it was sent twice. If there is space for a copy, the copy exists by then.
    fn ask_often(site: &mut Site, path: &str) -> Stored {
        send(ask(site, path));
        send(ask(site, path));
        ask(site, path)
    }

    fn is_copy(content: &Stored) -> bool {
        matches!(content, Stored::Private(_))
    }

    fn is_same_copy(one: &Stored, other: &Stored) -> bool {
        match (one, other) {
            (Stored::Private(one), Stored::Private(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_large_file_that_is_requested_again_is_copied_until_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let old: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(folder.path().join("a"), &old).expect("a file");
        let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
        let mut site = Site::new(Arc::new(root), Arc::default(), allowances(5 << 20, 2));
        let ask = |site: &mut Site| ask(site, "/a");
        let first = ask(&mut site);
        assert!(matches!(first, Stored::File(_)));
        assert_eq!(send(first), old);
        // A request that arrives during the copy reads the file and makes no second copy.
        let (second, third) = (ask(&mut site), ask(&mut site));
        assert!(
            site.allowances
                .copy_bytes
                .has_room(Account::Contents, (5 << 20) - old.len() as u64)
        );
        assert!(matches!(third, Stored::File(_)));
        assert_eq!((send(second), send(third)), (old.clone(), old.clone()));
        let copy = ask(&mut site);
        assert!(matches!(copy, Stored::Private(_)));
        assert!(is_same_copy(&copy, &ask(&mut site)), "one copy serves all");
        let mut new = old.clone();
        new[1_000_000] ^= 1;
        fs::write(folder.path().join("a"), &new).expect("a file");
        let now = ask(&mut site);
        assert_eq!(send(copy), old, "a copy does not change");
        assert_eq!(send(now), new, "the old copy is not sent for the new state");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_end_of_a_file_is_copied_that_is_too_large_for_a_copy() {
        let folder = tempfile::tempdir().expect("a folder");
        let content: Vec<u8> = (0..900_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(folder.path().join("a"), &content).expect("a file");
        let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
        let mut site = Site::new(Arc::new(root), Arc::default(), allowances(5 << 20, 2));
        // It began before there was a copy, and reaches the end later.
        let (first, second) = (ask(&mut site, "/a"), ask(&mut site, "/a"));
        assert_eq!(send(second), content);
        let Stored::File(file) = &first else {
            panic!("there is no copy of the whole file");
        };
        let copy = file.copied_end(content.len() as u64 - 1).expect("a copy");
        assert!(copy.first > 0 && copy.to_vec() == content[copy.first as usize..]);
        assert!(file.copied_end(copy.first).is_some());
        assert!(file.copied_end(copy.first - 1).is_none());
        let held = find(&mut site, "/a").expect("there").held_bytes();
        assert_eq!(held, StoredFile::overhead(b"a") + copy.length());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_copy_is_kept_only_of_a_whole_file_that_has_not_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b"]);
        site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
        for (path, grows) in [("/a", true), ("/b", false)] {
            let file = find(&mut site, path).expect("there");
            let mut ask = || {
                let content = content(&mut site, &file).expect("readable");
                let content = content.expect("unchanged");
                site.copy_while_sent(&file, &content);
                content
            };
            ask();
            let unsent = ask();
            assert!(file.is_being_copied.get());
            drop(unsent);
            assert!(!file.is_being_copied.get(), "it was not sent");
            // A file that has only grown is sent up to its old end, but its state has changed.
            let whole = ask();
            if grows {
                let mut log = fs::OpenOptions::new();
                let log = log.append(true).open(folder.path().join(&path[1..]));
                std::io::Write::write_all(&mut log.expect("it opens"), b"more").expect("it grows");
            }
            assert_eq!(send(whole).len(), 2 << 20);
            assert_eq!(file.copy.get().is_some(), !grows, "{path}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_new_copy_evicts_only_one_old_copy() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
        let first = ask_often(&mut site, "/a");
        let second = ask_often(&mut site, "/b");
        assert!(is_copy(&first) && is_copy(&second));
        assert!(is_same_copy(&first, &ask(&mut site, "/a")), "both fit");
        // From here on, neither copy is being sent.
        drop(first);
        let second = match second {
            Stored::Private(copy) => Rc::downgrade(&copy),
            _ => panic!("it is a copy"),
        };
        assert!(
            is_copy(&ask_often(&mut site, "/c")),
            "one of the old copies can be evicted"
        );
        assert!(
            second.upgrade().is_some(),
            "only one copy had to be evicted"
        );
        assert!(is_copy(&ask(&mut site, "/b")));
        assert!(is_copy(&ask(&mut site, "/c")));
        assert!(!is_copy(&ask(&mut site, "/a")), "it was evicted");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_copy_that_is_being_sent_keeps_its_space() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
        let clients = ["/a", "/b"].map(|path| ask_often(&mut site, path));
        assert!(clients.iter().all(is_copy));
        let third = ask_often(&mut site, "/c");
        assert!(!is_copy(&third), "both copies are being sent");
        for (copy, path) in clients.iter().zip(["/a", "/b"]) {
            assert!(is_same_copy(copy, &ask(&mut site, path)), "{path} is kept");
        }
        assert!(clients.map(send).iter().all(|bytes| bytes.len() == 2 << 20));
        drop(third);
        assert!(is_copy(&ask_often(&mut site, "/c")), "now there is space");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_copy_is_evicted_if_that_does_not_make_enough_space() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
        site.allowances.copies = allowances(0, 3).copies;
        fs::write(folder.path().join("small"), vec![b'x'; 3 << 18]).expect("a file");
        let clients = ["/a", "/b"].map(|path| ask_often(&mut site, path));
        assert!(clients.iter().all(is_copy));
        assert!(is_copy(&ask_often(&mut site, "/small")));
        // Of 5 MiB, 4 MiB are being sent. Evicting the small copy would not make space for 2 MiB.
        assert!(!is_copy(&ask_often(&mut site, "/c")));
        assert!(is_copy(&ask(&mut site, "/small")), "it is kept");
    }
}
