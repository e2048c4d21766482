//! The content of a file as it is sent: as it is stored, in a coding, or decoded.

use std::rc::Rc;

use crate::origin::digests::with_digests;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::refuse::unanswered;
use crate::origin::represent::{Decided, Whole};
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::method::Method;
use crate::semantics::trace::Trace;
use crate::site::body::{Body, Pulled, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Charge};
use crate::site::cache_updates::CacheUpdates;
use crate::site::coding_job::SharedCoding;
use crate::site::compress::Coded;
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::StoredFile;
use crate::site::held::HeldBytes;
use crate::site::opened::Opened;
use crate::site::storage::Storage;

/// A file, and what was decided about its representations.
pub(super) struct FileContent<'a> {
    /// The site.
    pub origin: &'a mut Origin,
    /// The request.
    pub request: &'a Request<'a>,
    /// The file that has the content.
    pub file: &'a Rc<StoredFile>,
    /// The file, if a disk thread has opened it.
    pub opened: Option<Opened>,
    /// What is sent.
    pub decided: Decided<'a>,
}

/// The answer. `None` if the file changed since it was resolved.
type Sent = Result<Option<Answer>, LookupError>;

impl FileContent<'_> {
    /// The answer with the representation that was decided on.
    pub fn send(self) -> Sent {
        let is_stored = self.decided.variant().coding == self.file.stored();
        let network = self.request.client.network();
        match self.file.stored() {
            _ if is_stored && self.file.length().is_none() => {
                self.made_while_sent(|_, source| Ok(source))
            }
            _ if is_stored => self.send_stored(),
            Coding::Identity => self.coded(),
            _ => self.made_while_sent(|origin, source| {
                let decoded = origin.site.memory.decoded(network, source);
                Ok(Box::new(decoded.ok_or(DiskError::CodersBusy)?))
            }),
        }
    }

    /// The answer with the content as it is stored.
    pub fn send_stored(self) -> Sent {
        let (site, file) = (&mut self.origin.site, self.file);
        let stored = site.content(file, self.opened, self.request.caller())?;
        if let Some(stored) = &stored
            && self.decided.is_whole()
            && self.request.method() == Some(Method::Get)
        {
            site.copy_while_sent(file, stored);
        }
        Ok(stored.map(|stored| ready(self.decided, Whole::Stored(stored))))
    }

    /// The answer with coded content: from the cache, coded now for all clients that want it, or coded while
    /// it is sent.
    fn coded(self) -> Sent {
        let (site, file) = (&mut self.origin.site, self.file);
        let coding = self.decided.variant().coding;
        if let Some(bytes) = file.representation(coding).coded() {
            let whole = Whole::Stored(Stored::Memory(bytes));
            return Ok(Some(ready(self.decided, whole)));
        }
        if self.request.method() == Some(Method::Head) {
            return Ok(Some(ready(self.decided, Whole::Omitted)));
        }
        let network = self.request.client.network();
        if let Some(job) = (self.origin.codings).join(site, file, coding, network) {
            let response = Some(self.decided.with_content(Whole::Omitted));
            return Ok(Some(Answer::Later(Box::new(CodingResponse {
                file: Rc::clone(file),
                coding,
                response,
                job,
            }))));
        }
        // If there is no memory here, the client refuses identity, or identity would have been chosen.
        let coder = site
            .memory
            .coder(network, coding)
            .ok_or(DiskError::CodersBusy)?;
        self.made_while_sent(move |origin, source| {
            Ok(Box::new(CachedWhenDone {
                coded: Coded::new(source, coder),
                bytes: Some((
                    Vec::new(),
                    origin.site.memory.charge_anyway(Account::Contents, 0),
                )),
                limit: usize::try_from(origin.site.memory.largest_kept()).unwrap_or(usize::MAX),
                updates: origin.site.updates(),
                file: Rc::clone(file),
                coding,
            }))
        })
    }

    /// The answer with what `make` makes of the stored content, while it is sent.
    fn made_while_sent(
        self,
        make: impl FnOnce(&mut Origin, Box<dyn Source>) -> Result<Box<dyn Source>, DiskError>,
    ) -> Sent {
        if self.request.method() == Some(Method::Head) {
            return Ok(Some(ready(self.decided, Whole::Omitted)));
        }
        let (site, caller) = (&mut self.origin.site, self.request.caller());
        let Some(source) = site.source(self.file, self.opened, caller)? else {
            return Ok(None);
        };
        let whole = Whole::Source(make(self.origin, source)?);
        Ok(Some(ready(self.decided, whole)))
    }
}

fn ready(decided: Decided<'_>, whole: Whole) -> Answer {
    Answer::Ready(decided.with_content(whole))
}

/// A response whose content is being coded.
struct CodingResponse {
    file: Rc<StoredFile>,
    coding: Coding,
    /// The response without its content; `None` once it was returned.
    response: Option<Response>,
    job: SharedCoding,
}

impl Responder for CodingResponse {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let Some(bytes) = self.job.borrow_mut().advance(&origin.site) else {
            return Polled::More;
        };
        let stored = Stored::Memory(bytes);
        let body = Body::One(stored.slice(0, stored.len()));
        // A bug: nobody polls it after the end.
        let response = self.response.take().unwrap_or_else(unanswered);
        let (file, coding, response) = (&self.file, self.coding, response.body(body));
        Polled::Done(with_digests(origin, request, file, coding, response, trace))
    }
}

/// A coded stream. When it ends, its bytes are cached with the file unless there are too many.
struct CachedWhenDone {
    coded: Coded,
    /// The bytes so far; `None` if there are more than `limit` or than memory for them.
    bytes: Option<(Vec<u8>, Charge)>,
    limit: usize,
    updates: CacheUpdates,
    file: Rc<StoredFile>,
    coding: Coding,
}

impl Source for CachedWhenDone {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let start = out.len();
        let pulled = self.coded.pull(out, budget)?;
        let new = &out[start..];
        if let Some((bytes, charge)) = &mut self.bytes {
            match bytes.len() + new.len() <= self.limit && charge.grow(new.len() as u64) {
                true => bytes.extend_from_slice(new),
                false => self.bytes = None,
            }
        }
        if pulled == Pulled::Done
            && let Some((bytes, charge)) = self.bytes.take()
        {
            let bytes = HeldBytes::new(Storage::of(bytes), charge);
            self.updates.keep(&self.file, self.coding, bytes);
        }
        Ok(pulled)
    }

    /// The bytes so far are charged, but not the room behind them.
    fn cost(&self) -> usize {
        let bytes = self.bytes.as_ref().map(|(bytes, _)| bytes);
        let room = bytes.map_or(0, |bytes| bytes.capacity() - bytes.len());
        self.coded.cost() + room
    }
}
