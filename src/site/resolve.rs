//! From a path to a file: the worker's view of the document root.
//!
//! What is known is used only after its identity was compared with the disk, at most once in a
//! turn of the worker's loop: a change shows at once, and a burst of requests costs one `stat`.

use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use crate::site::cache::Cache;
use crate::site::content::{FileSource, MemorySource, OpenFile, Source, Stored};
use crate::site::file::StoredFile;
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::root::{Directory, DiskError, Kind, Root, identity};

/// How often a file that changes while it is being read is read again before it is served from
/// disk, where a change on the way is noticed and cuts the answer.
const ATTEMPTS: usize = 3;

/// A worker's document root: the shared descriptor, its own cache, its own idea of now.
pub struct Site {
    root: Arc<Root>,
    options: Arc<SiteOptions>,
    cache: Cache,
    turn: u64,
    /// When this turn began.
    now: SystemTime,
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

impl Site {
    /// A view of `root` that keeps at most `memory` bytes.
    pub fn new(root: Arc<Root>, options: Arc<SiteOptions>, memory: u64) -> Site {
        Site {
            root,
            options,
            cache: Cache::new(memory),
            turn: 0,
            now: SystemTime::UNIX_EPOCH,
            scratch: Vec::new(),
        }
    }

    /// Begins a turn of the worker's loop: from here on the disk is looked at again.
    pub fn begin_turn(&mut self, now: SystemTime) {
        self.now = now;
        self.look_again();
    }

    /// Looks at the disk again within this turn.
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
    pub fn content(&self, file: &StoredFile) -> Result<Option<Stored>, DiskError> {
        Ok(match &file.memory {
            Some(bytes) => Some(Stored::Memory(Rc::clone(bytes))),
            None => self.open(file)?.map(|open| Stored::File(Rc::new(open))),
        })
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

    fn open(&self, file: &StoredFile) -> Result<Option<OpenFile>, DiskError> {
        let (opened, identity) = self.root.open_file(&file.path)?;
        let unchanged = identity == file.identity;
        Ok(unchanged.then_some(OpenFile {
            file: opened,
            identity,
        }))
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
            Kind::Directory => Ok(Found::Directory),
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
            let unchanged = looked.is_ok_and(|(_, identity)| identity == file.identity);
            if unchanged && (file.is_settled() || self.is_same_when_read_again(path, &file)?) {
                self.cache.confirm(path, self.turn);
                return Ok(Found::File(file));
            }
            self.cache.remove(path);
        }
        match self.root.find(path)?.0 {
            Kind::Directory => Ok(Found::Directory),
            Kind::Other => Err(DiskError::NotFound),
            Kind::File => self.read(path).map(Found::File),
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
            None => self.read_once(path, 0)?.ok_or(DiskError::Failed)?,
        };
        self.settle(&stored);
        let stored = Rc::new(stored);
        self.cache.insert(path, Rc::clone(&stored), self.turn);
        Ok(stored)
    }

    /// Whether a file that looks unchanged is. A change so soon after the one before it may bear the
    /// same time; for a while only its content can tell.
    fn is_same_when_read_again(&self, path: &[u8], file: &StoredFile) -> Result<bool, DiskError> {
        // What is not kept is read from the disk anyway. Only its coded variants could be stale.
        let Some(kept) = &file.memory else {
            return Ok(false);
        };
        let now = self.read_once(path, self.cache.largest())?;
        let is_same = now
            .is_some_and(|now| now.identity == file.identity && now.memory.as_ref() == Some(kept));
        if is_same {
            self.settle(file);
        }
        Ok(is_same)
    }

    /// Called when the content was read in this turn.
    fn settle(&self, file: &StoredFile) {
        if file.identity.is_settled_at(self.now) {
            file.settle();
        }
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
        let intact = bytes.len() as u64 == before.size && identity(&file)? == before;
        Ok(intact.then(|| StoredFile::new(path, before, Some(Rc::from(bytes)))))
    }
}
