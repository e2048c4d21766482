//! Answers that wait for the disk, for the digest of a file, for a file descriptor, or for a coder.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::origin::attempt::{Attempt, Attempted, Facts, Obstacle};
use crate::origin::handler::{Admitted, Answer, Origin, Polled, Responder};
use crate::origin::patience::{DISK_PATIENCE, Patience, RETRY, RETRY_PATIENCE};
use crate::origin::request::{Request, RequestBody};
use crate::origin::variants::Sought;
use crate::semantics::digest::Algorithm;
use crate::semantics::trace::Trace;
use crate::site::disk::Caller;
use crate::site::disk_error::DiskError;
use crate::site::file::StoredFile;
use crate::site::given_root::Hindrance;
use crate::site::hashing::{Hashed, Hashing, Part};
use crate::site::lookups::{Lookup, Opening};
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::Root;

/// How often an answer begins again because the file has changed.
const MOST_RESTARTS: u8 = 4;

/// How long an answer waits.
#[derive(Clone, Copy)]
struct Waits {
    /// For the disk.
    disk: Patience,
    /// For a descriptor or a coder, if there was none.
    retry: Patience,
    /// How often it has begun again.
    restarts: u8,
}

/// Makes the answer if that is possible now.
type Answers = fn(&mut Attempt<'_>) -> Attempted;

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
    /// The root of which the facts are.
    root: Arc<Root>,
    facts: Facts,
    awaited: Awaited,
    waits: Waits,
}

enum Awaited {
    Lookup(Box<[u8]>, Lookup),
    Opening(Box<[u8]>, Rc<StoredFile>, Opening),
    Hashing(Box<[u8]>, Rc<StoredFile>, Hashing),
    /// The end of a look at the path of the root.
    Look,
    /// This time, at which there may be a descriptor or a coder.
    Retry(Instant),
}

/// Makes the answer to a request for `path`. If it has to wait, returns the responder that does.
pub(super) fn answer_or_wait(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    how: How,
    trace: &mut Trace,
) -> Answer {
    let (facts, waits) = (Facts::default(), Waits::new());
    go_on(origin, request, path, facts, how, waits, trace)
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
        Some(path) => go_on(origin, request, path, facts, how, Waits::new(), trace),
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
    let obstacle = match attempt(origin, request, path, &mut facts, how, trace) {
        Ok(answer) => return answer,
        Err(obstacle) => obstacle,
    };
    // The next attempt has the same steps.
    trace.take_from(mark);
    let caller = request.caller();
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
        Obstacle::Look => {
            origin.site.wake_after_look(request.wakers.waker());
            Ok(Awaited::Look)
        }
        Obstacle::Scarcity(fault) if origin.site.disk().is_some() => {
            waits.next_try(request.instant, fault)
        }
        Obstacle::Scarcity(fault) => Err(fault),
        Obstacle::Variants(sought) => return (how.reads)(origin, request, sought, facts),
        // Then the user is known.
        Obstacle::Password => return (how.asks)(origin, request, trace),
    };
    match awaited {
        Ok(awaited) => Answer::Later(Box::new(DiskWait {
            how,
            root: Arc::clone(origin.site.root()),
            facts,
            awaited,
            waits,
        })),
        Err(fault) => (how.refuses)(path, fault, trace),
    }
}

/// Makes the answer if nothing is in the way.
fn attempt(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    facts: &mut Facts,
    how: How,
    trace: &mut Trace,
) -> Attempted {
    match origin.site.hindrance() {
        Some(Hindrance::Look) => Err(Obstacle::Look),
        Some(Hindrance::Lost) => Ok((how.refuses)(path, DiskError::RootLost, trace)),
        None => (how.answers)(&mut Attempt {
            origin,
            request,
            path,
            facts,
            trace,
        }),
    }
}

impl Waits {
    fn new() -> Waits {
        Waits {
            disk: Patience::of(DISK_PATIENCE),
            retry: Patience::of(RETRY_PATIENCE),
            restarts: 0,
        }
    }

    /// The wait until the answer is tried again after this fault, unless it has lasted too long.
    fn next_try(&mut self, now: Instant, fault: DiskError) -> Result<Awaited, DiskError> {
        self.retry.next_try(now).map(Awaited::Retry).ok_or(fault)
    }
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
            Awaited::Look => (origin.site.hindrance() != Some(Hindrance::Look)).then_some(Ok(())),
            Awaited::Retry(at) => (*at <= now).then(|| {
                self.facts.clear();
                Ok(())
            }),
            Awaited::Lookup(path, lookup) => {
                let found = lookup.poll(&mut origin.lookups, &mut origin.site, caller)?;
                match found {
                    Err(fault) if fault.is_scarcity() => Some(Err(fault)),
                    found => {
                        self.facts.add_found(std::mem::take(path), found);
                        Some(Ok(()))
                    }
                }
            }
            Awaited::Opening(path, file, opening) => Some(match opening.poll()? {
                Ok(Some(opened)) => {
                    self.facts.add_opened(std::mem::take(path), file, opened);
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
                            self.waits.disk.renew();
                        }
                        None
                    }
                    Hashed::Done(Ok(digest)) => {
                        let representation = file.representation(file.stored());
                        if !file.lacks_script() {
                            representation.keep_digest(digest);
                        }
                        file.tag_by_content(&digest);
                        let found = Ok(Found::File(Rc::clone(file)));
                        self.facts.add_found(std::mem::take(path), found);
                        Some(Ok(()))
                    }
                    Hashed::Done(Err(fault)) if has_changed(fault) => Some(self.begin_again()),
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
    /// Looks for the file again, because it has changed since it was found. In the end without entity-tags, for which
    /// the content of a file that grows may never be read in time.
    fn begin_again(&mut self) -> Result<(), DiskError> {
        if self.waits.restarts < MOST_RESTARTS {
            self.waits.restarts += 1;
        } else if self.facts.may_lack_tags {
            return Err(DiskError::Unsteady);
        } else {
            self.facts.may_lack_tags = true;
            self.waits.restarts = 0;
        }
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
        let (how, now) = (self.how, request.instant);
        let refused = |fault, trace: &mut _| Polled::Done((how.refuses)(path, fault, trace));
        if !Arc::ptr_eq(&self.root, origin.site.root()) {
            let (facts, waits) = (Facts::default(), Waits::new());
            return Polled::Done(go_on(origin, request, path, facts, how, waits, trace));
        }
        match self.learn(origin, now, request.caller()) {
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
        let at = match &self.awaited {
            Awaited::Retry(at) => Some(*at),
            // `hindrance` says when it takes too long. Another worker may have begun another look.
            Awaited::Look => {
                origin.site.wake_after_look(request.wakers.waker());
                Some(now + RETRY)
            }
            Awaited::Hashing(_, _, hashing) if hashing.is_on_worker(&origin.site) => {
                return Polled::More;
            }
            _ => self.waits.disk.until(now),
        };
        at.map_or_else(|| refused(DiskError::TimedOut, trace), Polled::WaitForDisk)
    }
}
