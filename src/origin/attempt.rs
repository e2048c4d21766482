//! One attempt to answer a request for a path, with what is known of the disk so far.
//!
//! An answer needs to know what several paths name, and a worker does not wait for the disk. So an attempt
//! ends at the first [`Obstacle`]; [`disk_wait`](crate::origin::disk_wait) has it removed and makes the next
//! attempt, which begins anew with more [`Facts`].

use std::rc::Rc;

use crate::origin::auth::needed::may_read;
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::origin::variants::{Sought, Variants};
use crate::semantics::trace::Trace;
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::StoredFile;
use crate::site::opened::Opened;
use crate::site::path::SitePath;
use crate::site::resolve::Found;

/// A request for a path, and what it is answered with.
pub(super) struct Attempt<'a> {
    /// The site, as this worker sees it.
    pub origin: &'a mut Origin,
    /// The request.
    pub request: &'a Request<'a>,
    /// The decoded path of the request.
    pub path: SitePath<'a>,
    /// What is known.
    pub facts: &'a mut Facts,
    /// The steps of this attempt follow those that led to it.
    pub trace: &'a mut Trace,
}

/// What a path names, or why that cannot be served.
pub(super) type Finding = Result<Found, DiskError>;

/// The answer, or why it cannot be made now.
pub(super) type Attempted = Result<Answer, Obstacle>;

impl Attempt<'_> {
    /// What `path` names, or why that cannot be served.
    pub fn find(&mut self, path: &[u8]) -> Result<Finding, Obstacle> {
        let mut known = self.facts.found.iter();
        if let Some((_, found)) = known.find(|(known, _)| **known == *path) {
            return Ok(found.clone());
        }
        match self.origin.site.find(SitePath::of_decoded(path)) {
            Ok(found) => Ok(Ok(found)),
            Err(LookupError::WouldWait) => Err(Obstacle::Lookup(path.into())),
            Err(LookupError::Disk(fault)) if fault.is_scarcity() => Err(Obstacle::Scarcity(fault)),
            Err(LookupError::Disk(fault)) => Ok(Err(fault)),
        }
    }

    /// The file at `path`; `None` if there is none that can be served.
    pub fn find_file(&mut self, path: &[u8]) -> Result<Option<Rc<StoredFile>>, Obstacle> {
        Ok(match self.find(path)? {
            Ok(Found::File(file)) => Some(file),
            Ok(Found::Directory) | Err(_) => None,
        })
    }

    /// Whether the user of the request may read `path`.
    pub fn may_read(&self, path: &[u8]) -> bool {
        may_read(&self.origin.rules, self.request, path)
    }
}

/// Why an answer cannot be made now.
pub(super) enum Obstacle {
    /// This path must be looked up by a disk thread.
    Lookup(Box<[u8]>),
    /// The file, which this path names, must be opened by a disk thread.
    Open(Box<[u8]>, Rc<StoredFile>),
    /// The file, which this path names, needs the digest of its content.
    Digest(Box<[u8]>, Rc<StoredFile>),
    /// A directory must be read to know whether it has these files.
    Variants(Sought),
    /// A disk thread looks where the path of the root leads.
    Look,
    /// There is no descriptor or no coder free.
    Scarcity(DiskError),
    /// The file that would be sent needs a password, and the user is not known.
    Password,
}

/// What an answer that waits has learned from disk threads. An answer asks for one path after another; each
/// time it has waited, it is made again from the beginning with the facts so far.
#[derive(Default)]
pub(super) struct Facts {
    /// What paths name.
    found: Vec<(Box<[u8]>, Finding)>,
    /// A file that was opened.
    opened: Option<(Rc<StoredFile>, Opened)>,
    /// Whether files are sent without entity-tags if those are not known, because a file changed each time
    /// that its content was read for one.
    pub may_lack_tags: bool,
    /// What directories have of the files that were looked for.
    variants: Vec<(Sought, Rc<Variants>)>,
}

impl Facts {
    /// Adds what a path names.
    pub(super) fn add_found(&mut self, path: Box<[u8]>, found: Finding) {
        self.found.push((path, found));
    }

    /// Adds an open file, which `path` names.
    pub(super) fn add_opened(&mut self, path: Box<[u8]>, file: &Rc<StoredFile>, opened: Opened) {
        self.add_found(path, Ok(Found::File(Rc::clone(file))));
        self.opened = Some((Rc::clone(file), opened));
    }

    /// The open file, if it is this one.
    pub(super) fn take_opened(&mut self, file: &Rc<StoredFile>) -> Option<Opened> {
        let opened = self.opened.take_if(|(opened, _)| Rc::ptr_eq(opened, file));
        opened.map(|(_, opened)| opened)
    }

    /// What a directory has of the files that are looked for.
    pub(super) fn variants(&self, sought: &Sought) -> Result<Rc<Variants>, Obstacle> {
        let mut known = self.variants.iter();
        match known.find(|(known, _)| known == sought) {
            Some((_, variants)) => Ok(Rc::clone(variants)),
            None => Err(Obstacle::Variants(sought.clone())),
        }
    }

    /// Adds what a directory has.
    pub(super) fn add_variants(&mut self, sought: Sought, variants: Variants) {
        self.variants.push((sought, Rc::new(variants)));
    }

    /// Forgets which files there are, because one has changed since it was found. What directories have is
    /// kept: each is read once for a request, so that the answer comes to an end.
    pub(super) fn clear(&mut self) {
        self.found.clear();
        self.opened = None;
    }
}
