//! From a path to a file (RFC 9110 section 7.1): the worker's view of the document root.
//!
//! What is known is used only after its state was compared with the disk, at most once in a
//! turn of the worker's loop: a change shows at once, and a burst of requests costs one `stat`.

use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;

use crate::semantics::date::HttpDate;
use crate::semantics::trace::{Clause, clause};
use crate::semantics::variant::Variant;
use crate::site::body::{FileSource, MemorySource, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::cache::Cache;
use crate::site::file::StoredFile;
use crate::site::open_file::OpenFile;
use crate::site::options::{Share, SiteOptions};
use crate::site::path::SitePath;
use crate::site::private::{PendingCopy, PrivateCopy, Space};
use crate::site::quota::Quota;
use crate::site::root::{Directory, DiskError, FileKind, Root, state_of};

/// How often a file that changes while it is being read is read again before it is served from
/// disk, where a change on the way is noticed and cuts the answer.
const ATTEMPTS: usize = 3;

/// A worker's document root: the shared descriptor, its own cache, its own idea of now.
pub struct Site {
    root: Arc<Root>,
    options: Arc<SiteOptions>,
    cache: Cache,
    /// Bytes of private copies, those included that are being made, or being sent although the
    /// cache has dropped them.
    copies: Quota,
    /// The same in descriptors.
    descriptors: Quota,
    turn: u64,
    /// Files that have gained coded content or a copy since the turn began.
    updates: CacheUpdates,
    /// Seconds since 1970.
    now: i64,
    /// The path being resolved, with the name of an index behind it.
    scratch: Vec<u8>,
}

/// What a path names.
pub enum Found {
    /// A regular file.
    File(Rc<StoredFile>),
    /// A directory, asked for with or without its slash.
    Directory,
}

/// Paths of files that have gained coded content or a copy, for which the cache has not charged yet.
#[derive(Clone, Default)]
pub struct CacheUpdates(Rc<RefCell<Vec<Box<[u8]>>>>);

impl CacheUpdates {
    /// Keeps a whole coded content with its file.
    pub fn keep(&self, file: &StoredFile, variant: Variant, bytes: Rc<[u8]>) {
        file.representation(variant).keep_coded(bytes);
        self.0.borrow_mut().push(file.path.clone());
    }

    /// Keeps a private copy with its file, the first that was finished.
    fn keep_copy(&self, file: &StoredFile, copy: PrivateCopy) {
        file.copy.get_or_init(|| Rc::new(copy));
        self.0.borrow_mut().push(file.path.clone());
    }
}

/// What a step about this rests on.
pub const CLAUSE: Clause = clause!("RFC 9110 section 7.1", "find");

impl Site {
    /// A view of `root` that keeps at most its `share` of what all workers may keep.
    pub fn new(root: Arc<Root>, options: Arc<SiteOptions>, share: Share) -> Site {
        Site {
            root,
            options,
            cache: Cache::new(share.memory),
            copies: Quota::new(share.memory),
            descriptors: Quota::new(share.copies),
            turn: 0,
            updates: CacheUpdates::default(),
            now: 0,
            scratch: Vec::new(),
        }
    }

    /// Begins a turn of the worker's loop at `now`: from here on the disk is looked at again.
    pub fn begin_turn(&mut self, now: HttpDate) {
        self.now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
        self.look_again();
        for path in self.updates.0.take() {
            self.cache.recount(&path);
        }
    }

    /// Where coded content is told of that a file keeps.
    pub fn updates(&self) -> CacheUpdates {
        self.updates.clone()
    }

    /// Makes nothing that was compared with the disk count as compared.
    pub fn look_again(&mut self) {
        self.turn += 1;
    }

    /// What the operator asked for.
    pub fn options(&self) -> &SiteOptions {
        &self.options
    }

    /// What `path` names, as far as it is served.
    pub fn find(&mut self, path: SitePath<'_>) -> Result<Found, DiskError> {
        if let Some(name) = self.options.only.clone() {
            return self.find_only(&name, path);
        }
        if path.is_hidden() && !self.options.hidden {
            return Err(DiskError::NotFound);
        }
        if path.is_directory() {
            return self.find_index(path);
        }
        self.resolve(path.as_bytes())
    }

    /// Opens a directory for a listing.
    pub fn open_directory(&self, path: SitePath<'_>) -> Result<Directory, DiskError> {
        self.root.open_directory(path.as_bytes())
    }

    /// The root itself.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The content of `file` as it is stored. `None`: the file has changed since it was resolved,
    /// and its path must be resolved again.
    pub fn content(&mut self, file: &Rc<StoredFile>) -> Result<Option<Stored>, DiskError> {
        if let Some(bytes) = &file.memory {
            return Ok(Some(Stored::Memory(Rc::clone(bytes))));
        }
        if let Some(copy) = file.copy.get() {
            return Ok(Some(Stored::Private(Rc::clone(copy))));
        }
        let Some(mut open) = self.open(file)? else {
            return Ok(None);
        };
        if let Some(draft) = self.draft(file) {
            open.copy_to(draft);
        }
        Ok(Some(Stored::File(Rc::new(open))))
    }

    /// The same, to be pulled from a piece at a time.
    pub fn source(&self, file: &StoredFile) -> Result<Option<Box<dyn Source>>, DiskError> {
        Ok(match &file.memory {
            Some(bytes) => Some(Box::new(MemorySource::new(Rc::clone(bytes)))),
            None => match self.open(file)? {
                Some(open) => Some(Box::new(FileSource::new(open))),
                None => None,
            },
        })
    }

    /// A draft for a private copy: of a file that is asked for again, where others can make room.
    fn draft(&mut self, file: &Rc<StoredFile>) -> Option<PendingCopy> {
        let size = file.size();
        let is_wanted = file.was_asked.replace(true) && size <= self.cache.largest_copy();
        if !is_wanted || !file.pending_copies.has_room(1) {
            return None;
        }
        let (copies, descriptors) = (&self.copies, &self.descriptors);
        let is_space = || copies.has_room(size) && descriptors.has_room(1);
        self.cache.drop_copies(is_space);
        if !is_space() {
            return None;
        }
        let space = Space {
            bytes: self.copies.reserve(size),
            descriptor: self.descriptors.reserve(1),
        };
        // A state of the file that nobody knows any more needs no copy.
        let (known, updates) = (Rc::downgrade(file), self.updates());
        let keep = move |copy| {
            if let Some(file) = known.upgrade() {
                updates.keep_copy(&file, copy);
            }
        };
        let storage = self.options.storage;
        Some(PendingCopy::new(
            storage,
            size,
            space,
            file.pending_copies.reserve(1),
            Box::new(keep),
        ))
    }

    fn open(&self, file: &StoredFile) -> Result<Option<OpenFile>, DiskError> {
        let (opened, state) = self.root.open_file(&file.path)?;
        match state == file.state {
            true => match OpenFile::new(opened, state) {
                Ok(open) => Ok(Some(open)),
                Err(BodyError::Changed) => Ok(None),
                Err(fault) => Err(fault.into()),
            },
            false => Ok(None),
        }
    }

    /// The largest coded content worth gathering.
    pub fn largest_kept(&self) -> u64 {
        self.cache.largest()
    }

    /// Where a single file is served, the root is that file.
    fn find_only(&mut self, name: &[u8], path: SitePath<'_>) -> Result<Found, DiskError> {
        if !path.as_bytes().is_empty() && path.as_bytes() != name {
            return Err(DiskError::NotFound);
        }
        match self.resolve(name)? {
            Found::File(file) => Ok(Found::File(file)),
            Found::Directory => Err(DiskError::NotFound),
        }
    }

    /// The first index that is there, else the directory itself.
    fn find_index(&mut self, path: SitePath<'_>) -> Result<Found, DiskError> {
        let options = Arc::clone(&self.options);
        for name in &options.index {
            let mut index = std::mem::take(&mut self.scratch);
            index.clear();
            index.extend_from_slice(path.as_bytes());
            index.extend_from_slice(name.as_bytes());
            let found = self.resolve(&index);
            self.scratch = index;
            match found {
                Ok(Found::File(file)) => return Ok(Found::File(file)),
                Ok(Found::Directory) | Err(DiskError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        match self.root.find(path.as_bytes())?.0 {
            FileKind::Directory => Ok(Found::Directory),
            _ => Err(DiskError::NotFound),
        }
    }

    /// What one name stands for: from the cache where the disk agrees, else from the disk.
    fn resolve(&mut self, path: &[u8]) -> Result<Found, DiskError> {
        let known = match self.cache.find(path, self.turn) {
            Some((file, true)) => return Ok(Found::File(Rc::clone(file))),
            Some((file, false)) => Some(Rc::clone(file)),
            None => None,
        };
        if let Some(file) = known {
            let looked = self.root.look(path);
            if looked.is_ok_and(|(_, state)| state == file.state) {
                self.cache.confirm(path, self.turn);
                return Ok(Found::File(file));
            }
            self.cache.remove(path);
        }
        match self.root.find(path)?.0 {
            FileKind::Directory => Ok(Found::Directory),
            FileKind::Other => Err(DiskError::NotFound),
            FileKind::File => self.read(path).map(Found::File),
        }
    }

    /// Reads a file for the first time, or again after it changed.
    fn read(&mut self, path: &[u8]) -> Result<Rc<StoredFile>, DiskError> {
        let mut stored = self.read_once(path, self.cache.largest())?;
        for _ in 1..ATTEMPTS {
            if stored.is_some() {
                break;
            }
            stored = self.read_once(path, self.cache.largest())?;
        }
        let stored = match stored {
            Some(stored) => stored,
            None => self.read_once(path, 0)?.ok_or(DiskError::Unsteady)?,
        };
        let stored = Rc::new(stored);
        if stored.state.is_settled(self.now) {
            self.cache.insert(path, Rc::clone(&stored), self.turn);
        }
        Ok(stored)
    }

    /// Describes a file, with its content where that is at most `largest` bytes; `None` where it
    /// changed while its content was being read.
    fn read_once(&self, path: &[u8], largest: u64) -> Result<Option<StoredFile>, DiskError> {
        let (mut file, before) = self.root.open_file(path)?;
        if before.size > largest {
            return Ok(Some(StoredFile::new(path, before, None)));
        }
        let mut bytes = Vec::with_capacity(before.size as usize);
        // One byte beyond, so that a file that has grown is noticed.
        (&mut file).take(before.size + 1).read_to_end(&mut bytes)?;
        let intact = bytes.len() as u64 == before.size && state_of(&file)? == before;
        Ok(intact.then(|| StoredFile::new(path, before, Some(Rc::from(bytes)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    /// A moment long after every file of a test was written.
    const LATER: i64 = 4_000_000_000;

    fn share(memory: u64) -> Share {
        Share { memory, copies: 2 }
    }

    fn site(root: &Path) -> Site {
        let root = Root::open(root, false).expect("a root");
        let mut site = Site::new(Arc::new(root), Arc::default(), share(1 << 20));
        site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
        site
    }

    fn find(site: &mut Site, path: &str) -> Result<Rc<StoredFile>, DiskError> {
        let mut storage = Vec::new();
        let path = SitePath::decode(path.as_bytes(), &mut storage).expect("a path");
        match site.find(path)? {
            Found::File(file) => Ok(file),
            Found::Directory => Err(DiskError::NotFound),
        }
    }

    #[test]
    fn a_file_that_has_settled_is_remembered_until_it_changes() {
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
        assert_eq!(changed.memory.as_deref(), Some(&b"two"[..]));
        assert_ne!(first.state, changed.state);
        fs::remove_file(folder.path().join("a")).expect("removed");
        site.look_again();
        assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
        let again = find(&mut site, "/b").expect("there");
        assert!(Rc::ptr_eq(&neighbour, &again), "nothing happened to it");
    }

    #[test]
    fn a_file_that_may_still_change_without_a_trace_is_not_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "one").expect("a file");
        let mut site = site(folder.path());
        site.begin_turn(HttpDate::EPOCH);
        let first = find(&mut site, "/a").expect("there");
        let again = find(&mut site, "/a").expect("there");
        assert!(!Rc::ptr_eq(&first, &again));
    }

    #[test]
    fn the_first_index_that_is_there_wins() {
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
    fn a_large_file_is_opened_anew_and_held_against_what_was_promised() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), vec![1; 1 << 20]).expect("a file");
        let mut site = site(folder.path());
        let file = find(&mut site, "/a").expect("there");
        assert!(file.memory.is_none());
        assert!(site.content(&file).expect("readable").is_some());
        fs::write(folder.path().join("a"), vec![2; 1 << 20]).expect("a file");
        assert!(site.content(&file).expect("readable").is_none());
    }

    /// Sends a content as the pump does: in pieces, and settled at the end.
    fn send(content: Stored) -> Vec<u8> {
        let mut bytes = vec![0; content.len() as usize];
        match content {
            Stored::File(file) => {
                for (number, piece) in bytes.chunks_mut(100_000).enumerate() {
                    let offset = 100_000 * number as u64;
                    file.read_exact_at(piece, offset).expect("readable");
                }
                assert!(file.is_intact());
                file.settle();
            }
            Stored::Private(copy) => bytes = copy.to_vec(),
            Stored::Memory(_) => panic!("it is large"),
        }
        bytes
    }

    /// A site of files of 2 MiB each. It has room for two private copies.
    fn site_of_large_files(root: &Path, names: &[&str]) -> Site {
        for name in names {
            fs::write(root.join(name), vec![b'x'; 2 << 20]).expect("a file");
        }
        let root = Root::open(root, false).expect("a root");
        Site::new(Arc::new(root), Arc::default(), share(5 << 20))
    }

    /// The content of a file, asked for in a turn of its own.
    fn ask(site: &mut Site, path: &str) -> Stored {
        site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
        let file = find(site, path).expect("there");
        site.content(&file).expect("readable").expect("unchanged")
    }

    /// The same, after enough clients were sent it that there is a copy if there may be one.
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
    fn a_large_file_that_is_asked_for_again_is_copied_and_the_copy_goes_with_its_state() {
        let folder = tempfile::tempdir().expect("a folder");
        let old: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(folder.path().join("a"), &old).expect("a file");
        let root = Root::open(folder.path(), false).expect("a root");
        let mut site = Site::new(Arc::new(root), Arc::default(), share(5 << 20));
        let ask = |site: &mut Site| ask(site, "/a");
        let first = ask(&mut site);
        assert!(matches!(first, Stored::File(_)));
        assert_eq!(send(first), old);
        // Who asks while the copy is made reads the file, and makes no second copy.
        let (second, third) = (ask(&mut site), ask(&mut site));
        assert!(site.copies.has_room((5 << 20) - old.len() as u64));
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
        assert_eq!(send(now), new, "and is not sent for another state");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_copy_is_kept_only_of_a_whole_file_to_which_nothing_has_happened() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b"]);
        site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
        for (path, grows) in [("/a", true), ("/b", false)] {
            let file = find(&mut site, path).expect("there");
            let mut ask = || site.content(&file).expect("readable").expect("unchanged");
            ask();
            let part = ask();
            assert!(!file.pending_copies.has_room(1));
            part.slice(0, part.len() - 1);
            assert!(file.pending_copies.has_room(1), "a part makes no copy");
            drop(part);
            // What has only grown is sent to its old end, yet it is another state.
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
    fn a_new_copy_pushes_out_one_old_copy_and_no_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
        let first = ask_often(&mut site, "/a");
        let second = ask_often(&mut site, "/b");
        assert!(is_copy(&first) && is_copy(&second));
        assert!(is_same_copy(&first, &ask(&mut site, "/a")), "both fit");
        // No client is being sent them any more.
        drop(first);
        let second = match second {
            Stored::Private(copy) => Rc::downgrade(&copy),
            _ => panic!("it is a copy"),
        };
        assert!(
            is_copy(&ask_often(&mut site, "/c")),
            "there is room to make"
        );
        assert!(second.upgrade().is_some(), "one copy was enough");
        assert!(is_copy(&ask(&mut site, "/b")));
        assert!(is_copy(&ask(&mut site, "/c")));
        assert!(!is_copy(&ask(&mut site, "/a")), "it made room");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_copy_is_taken_from_under_a_client() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
        let clients = ["/a", "/b"].map(|path| ask_often(&mut site, path));
        assert!(clients.iter().all(is_copy));
        let third = ask_often(&mut site, "/c");
        assert!(!is_copy(&third), "both copies are being sent");
        assert!(clients.map(send).iter().all(|bytes| bytes.len() == 2 << 20));
        drop(third);
        assert!(is_copy(&ask_often(&mut site, "/c")), "now there is room");
    }
}
