//! Answers that wait for the disk, for the digest of a file, for a file descriptor, or for a coder.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::origin::handler::{Admitted, Answer, Origin, Polled, Responder};
use crate::origin::request::{Request, RequestBody};
use crate::origin::variants::{Sought, Variants};
use crate::semantics::digest::Algorithm;
use crate::semantics::trace::Trace;
use crate::site::disk::Caller;
use crate::site::file::StoredFile;
use crate::site::hashing::{Hashed, Hashing, Part};
use crate::site::lookups::{Lookup, Opening};
use crate::site::open_file::Opened;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::{DiskError, LookupError};

/// How long the disk may take until the head of a response is known. Then the answer is 503.
pub(super) const DISK_PATIENCE: Duration = Duration::from_secs(30);

/// How often an answer that found no descriptor or no coder free tries again.
pub(super) const RETRY: Duration = Duration::from_millis(20);

/// How long it tries. Both become free as responses end. Then the answer is 503.
pub(super) const RETRY_PATIENCE: Duration = Duration::from_secs(1);

/// How often an answer begins again because the file has changed.
const MOST_RESTARTS: u8 = 4;

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
    found: Vec<Fact>,
    /// A file that was opened.
    opened: Option<(Rc<StoredFile>, Opened)>,
    /// Whether files are sent without entity-tags if those are not known, because a file changed each time
    /// that its content was read for one.
    pub may_lack_tags: bool,
    /// What directories have of the files that were looked for.
    variants: Vec<(Sought, Rc<Variants>)>,
}

/// What a path names, or why that cannot be served.
struct Fact {
    path: Box<[u8]>,
    found: Result<Found, DiskError>,
}

impl Facts {
    /// What `path` names, or why that cannot be served.
    pub(super) fn find(
        &self,
        origin: &mut Origin,
        path: SitePath<'_>,
    ) -> Result<Result<Found, DiskError>, Obstacle> {
        let mut known = self.found.iter();
        if let Some(fact) = known.find(|fact| *fact.path == *path.as_bytes()) {
            return Ok(fact.found.clone());
        }
        match origin.site.find(path) {
            Ok(found) => Ok(Ok(found)),
            Err(LookupError::WouldWait) => Err(Obstacle::Lookup(path.as_bytes().into())),
            Err(LookupError::Disk(fault)) if fault.is_scarcity() => Err(Obstacle::Scarcity(fault)),
            Err(LookupError::Disk(fault)) => Ok(Err(fault)),
        }
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

/// Until when an answer waits.
#[derive(Clone, Copy, Default)]
pub(super) struct Waits {
    /// For the disk, if it has waited for it.
    disk: Option<Instant>,
    /// For a descriptor or a coder, if there was none.
    retry: Option<Instant>,
    /// How often it has begun again.
    restarts: u8,
}

/// Makes the answer if that is possible now.
type Answers =
    fn(&mut Origin, &Request<'_>, SitePath<'_>, &mut Facts, &mut Trace) -> Result<Answer, Obstacle>;

/// Reads the directory that may have these files, and then makes the answer with the facts.
type Reads = fn(&mut Origin, &Request<'_>, Sought, Facts) -> Answer;

/// Makes the response if the file cannot be served.
type Refuses = fn(SitePath<'_>, DiskError, &mut Trace) -> Answer;

/// How the site answers.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Makes the answer if that is possible now.
    pub answers: Answers,
    /// Makes the response if the file cannot be served.
    pub refuses: Refuses,
    /// Makes the answer if the file needs a password.
    pub asks: Admitted,
    /// Reads the directory that may have these files, and then makes the answer with the facts.
    pub reads: Reads,
}

/// An answer that waits.
struct DiskWait {
    how: How,
    facts: Facts,
    awaited: Awaited,
    waits: Waits,
}

enum Awaited {
    Lookup(Box<[u8]>, Lookup),
    Opening(Box<[u8]>, Rc<StoredFile>, Opening),
    Hashing(Box<[u8]>, Rc<StoredFile>, Hashing),
    /// This time, at which there may be a descriptor or a coder.
    Retry(Instant),
}

/// The client that sent a request, for the site.
pub(super) fn caller<'a>(
    request: &Request<'_>,
    waker: &'a dyn Fn() -> std::task::Waker,
) -> Caller<'a> {
    Caller {
        network: request.client.network(),
        now: request.instant,
        waker,
    }
}

/// Makes the answer to a request for `path`. If it has to wait, returns the responder that does.
pub(super) fn answer_or_wait(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    how: How,
    trace: &mut Trace,
) -> Answer {
    go_on(
        origin,
        request,
        path,
        Facts::default(),
        how,
        Waits::default(),
        trace,
    )
}

/// Makes the answer to a request with these facts, as [`answer_or_wait`] does.
pub(super) fn answer_with(
    origin: &mut Origin,
    request: &Request<'_>,
    facts: Facts,
    how: How,
    trace: &mut Trace,
) -> Answer {
    with_path(origin, request, |origin, path| match path {
        Some(path) => go_on(origin, request, path, facts, how, Waits::default(), trace),
        None => (how.refuses)(SitePath::root(), DiskError::Failed, trace),
    })
}

/// Passes the decoded path of a request to `make`. `None` is a bug: it was decoded before.
fn with_path<T>(
    origin: &mut Origin,
    request: &Request<'_>,
    make: impl FnOnce(&mut Origin, Option<SitePath<'_>>) -> T,
) -> T {
    let mut decoded = std::mem::take(&mut origin.decoded);
    let raw = request.head.target.path().unwrap_or_default();
    let path = origin.site.options().prefix.decode(raw, &mut decoded);
    let made = make(origin, path.ok());
    origin.decoded = decoded;
    made
}

fn go_on(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    mut facts: Facts,
    how: How,
    mut waits: Waits,
    trace: &mut Trace,
) -> Answer {
    let mark = trace.steps().len();
    let obstacle = match (how.answers)(origin, request, path, &mut facts, trace) {
        Ok(answer) => return answer,
        Err(obstacle) => obstacle,
    };
    // The answer is made again, with the same steps.
    trace.take_from(mark);
    let waker = || request.wakers.waker();
    let caller = caller(request, &waker);
    let awaited = match obstacle {
        Obstacle::Lookup(path) => {
            let name = SitePath::of_decoded(&path);
            let lookup = origin.lookups.join(&origin.site, name, caller);
            lookup.map(|lookup| Awaited::Lookup(path, lookup))
        }
        Obstacle::Open(path, file) => {
            let opening = Opening::begin(&origin.site, &file, caller);
            opening.map(|opening| Awaited::Opening(path, file, opening))
        }
        Obstacle::Digest(path, file) => {
            let part = Part::whole(file.size(), Algorithm::Sha256);
            let hashing = Hashing::of_file(&origin.hashes, &origin.site, &file, part);
            Ok(Awaited::Hashing(path, file, hashing))
        }
        Obstacle::Scarcity(fault) if origin.site.disk().is_some() => {
            waits.next_try(request.instant, fault)
        }
        Obstacle::Scarcity(fault) => Err(fault),
        Obstacle::Variants(sought) => return (how.reads)(origin, request, sought, facts),
        // The answer begins again with the user.
        Obstacle::Password => return (how.asks)(origin, request, trace),
    };
    match awaited {
        Ok(awaited) => {
            waits.disk.get_or_insert(request.instant + DISK_PATIENCE);
            Answer::Later(Box::new(DiskWait {
                how,
                facts,
                awaited,
                waits,
            }))
        }
        Err(fault) => (how.refuses)(path, fault, trace),
    }
}

impl Waits {
    /// The wait until the answer is tried again after this fault, unless it has lasted too long.
    fn next_try(&mut self, now: Instant, fault: DiskError) -> Result<Awaited, DiskError> {
        let at = next_try(&mut self.retry, RETRY_PATIENCE, now);
        at.map(Awaited::Retry).ok_or(fault)
    }
}

/// When to try again what cannot be done `now`. `None` if `patience` is over, which begins with the first
/// call. `latest` keeps when that is.
pub(super) fn next_try(
    latest: &mut Option<Instant>,
    patience: Duration,
    now: Instant,
) -> Option<Instant> {
    let latest = *latest.get_or_insert(now + patience);
    (latest > now).then_some(now + RETRY)
}

impl DiskWait {
    /// Adds what has become known to the facts. `None`: nothing yet. An error ends the wait.
    fn learn(
        &mut self,
        origin: &mut Origin,
        now: Instant,
        caller: Caller<'_>,
    ) -> Option<Result<(), DiskError>> {
        match &mut self.awaited {
            Awaited::Retry(at) => (*at <= now).then(|| {
                self.facts.clear();
                Ok(())
            }),
            Awaited::Lookup(path, lookup) => {
                let found = lookup.poll(&mut origin.lookups, &mut origin.site, caller)?;
                match found {
                    Err(fault) if fault.is_scarcity() => Some(Err(fault)),
                    found => {
                        let path = std::mem::take(path);
                        self.facts.found.push(Fact { path, found });
                        Some(Ok(()))
                    }
                }
            }
            Awaited::Opening(path, file, opening) => Some(match opening.poll()? {
                Ok(Some(opened)) => {
                    let found = Ok(Found::File(Rc::clone(file)));
                    let path = std::mem::take(path);
                    self.facts.found.push(Fact { path, found });
                    self.facts.opened = Some((Rc::clone(file), opened));
                    Ok(())
                }
                Err(fault) if !has_changed(fault) => Err(fault),
                Ok(None) | Err(_) => self.begin_again(),
            }),
            Awaited::Hashing(path, file, hashing) => {
                match hashing.advance(&origin.hashes, &origin.site, caller) {
                    Hashed::More => None,
                    Hashed::WaitsForDisk(is_further) => {
                        if is_further {
                            self.waits.disk = Some(now + DISK_PATIENCE);
                        }
                        None
                    }
                    Hashed::Done(Ok(digest)) => {
                        let representation = file.representation(file.stored());
                        representation.keep_digest(digest);
                        file.tag_by_content(&digest);
                        let found = Ok(Found::File(Rc::clone(file)));
                        let path = std::mem::take(path);
                        self.facts.found.push(Fact { path, found });
                        Some(Ok(()))
                    }
                    Hashed::Done(Err(fault)) if has_changed(fault) => Some(
                        self.begin_again()
                            .or_else(|fault| self.go_without_tags(fault)),
                    ),
                    Hashed::Done(Err(fault)) => Some(Err(fault)),
                }
            }
        }
    }
}

/// Whether a file is gone or has changed since it was found. If it was a sidecar, its original may still
/// be there.
fn has_changed(fault: DiskError) -> bool {
    fault.is_absence() || fault == DiskError::Unsteady
}

impl DiskWait {
    /// Looks for the file again, because it has changed since it was found.
    fn begin_again(&mut self) -> Result<(), DiskError> {
        if self.waits.restarts == MOST_RESTARTS {
            return Err(DiskError::Unsteady);
        }
        self.waits.restarts += 1;
        self.facts.clear();
        Ok(())
    }

    /// Does without entity-tags. If that has been tried, fails.
    fn go_without_tags(&mut self, fault: DiskError) -> Result<(), DiskError> {
        if self.facts.may_lack_tags {
            return Err(fault);
        }
        self.facts.may_lack_tags = true;
        self.waits.restarts = 0;
        self.facts.clear();
        Ok(())
    }
}

impl Responder for DiskWait {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        with_path(origin, request, |origin, path| match path {
            Some(path) => self.poll_path(request, path, origin, trace),
            None => {
                let nothing = SitePath::root();
                Polled::Done((self.how.refuses)(nothing, DiskError::Failed, trace))
            }
        })
    }
}

impl DiskWait {
    fn poll_path(
        &mut self,
        request: &Request<'_>,
        path: SitePath<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let waker = || request.wakers.waker();
        let (how, now) = (self.how, request.instant);
        let refused = |fault, trace: &mut _| Polled::Done((how.refuses)(path, fault, trace));
        match self.learn(origin, now, caller(request, &waker)) {
            Some(Ok(())) => {
                let facts = std::mem::take(&mut self.facts);
                let answer = go_on(origin, request, path, facts, how, self.waits, trace);
                return Polled::Done(answer);
            }
            // A disk thread found no descriptor.
            Some(Err(fault)) if fault.is_scarcity() => match self.waits.next_try(now, fault) {
                Ok(awaited) => self.awaited = awaited,
                Err(fault) => return refused(fault, trace),
            },
            Some(Err(fault)) => return refused(fault, trace),
            None => {}
        }
        match (&self.awaited, self.waits.disk) {
            (Awaited::Retry(at), _) => Polled::WaitForDisk(*at),
            (Awaited::Hashing(_, _, hashing), _) if hashing.is_on_worker(&origin.site) => {
                Polled::More
            }
            (_, Some(latest)) if latest > now => Polled::WaitForDisk(latest),
            _ => refused(DiskError::TimedOut, trace),
        }
    }
}
