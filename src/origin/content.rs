//! The content of a file as it is sent: as it is stored, in a coding, or decoded.

use std::rc::Rc;

use crate::origin::digests::with_digests;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::reason::Reason;
use crate::origin::refuse::error;
use crate::origin::represent::{Decided, Whole};
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::body::{Body, Pulled, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Charge};
use crate::site::coding_job::SharedCoding;
use crate::site::compress::Coded;
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::StoredFile;
use crate::site::held::HeldBytes;
use crate::site::open_file::Opened;
use crate::site::resolve::CacheUpdates;
use crate::site::storage::Storage;

/// The answer with the content of the representation that was decided on. `None` if the file changed since
/// it was resolved.
pub(super) fn with_content(
    origin: &mut Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    opened: Option<Opened>,
    decided: Decided<'_>,
) -> Result<Option<Answer>, LookupError> {
    let is_stored = decided.variant().coding == file.stored();
    match file.stored() {
        _ if is_stored && file.is_size_unknown => {
            made_while_sent(origin, request, file, opened, decided, |_, source| {
                Ok(source)
            })
        }
        _ if is_stored => stored(origin, request, file, opened, decided),
        Coding::Identity => coded(origin, request, file, opened, decided),
        _ => made_while_sent(origin, request, file, opened, decided, |origin, source| {
            let decoded = origin.site.decoded(source);
            Ok(Box::new(decoded.ok_or(DiskError::CodersBusy)?))
        }),
    }
}

/// The answer with the content as it is stored. `None` if the file changed since it was resolved.
pub(super) fn stored(
    origin: &mut Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    opened: Option<Opened>,
    decided: Decided<'_>,
) -> Result<Option<Answer>, LookupError> {
    let site = &mut origin.site;
    let stored = site.content(file, opened, request.caller())?;
    if let Some(stored) = &stored
        && decided.is_whole()
        && request.method() == Some(Method::Get)
    {
        site.copy_while_sent(file, stored);
    }
    let stored = stored.map(Whole::Stored);
    Ok(stored.map(|whole| Answer::Ready(decided.with_content(whole))))
}

/// The answer with coded content: from the cache, coded now for all clients that want it, or coded
/// while it is sent. `None` if the file changed since it was resolved.
fn coded(
    origin: &mut Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    opened: Option<Opened>,
    decided: Decided<'_>,
) -> Result<Option<Answer>, LookupError> {
    let coding = decided.variant().coding;
    if let Some(bytes) = file.representation(coding).coded() {
        let whole = Whole::Stored(Stored::Memory(bytes));
        return Ok(Some(Answer::Ready(decided.with_content(whole))));
    }
    if request.method() == Some(Method::Head) {
        return Ok(Some(Answer::Ready(decided.with_content(Whole::Omitted))));
    }
    if let Some(job) = origin.codings.join(&mut origin.site, file, coding) {
        let response = Some(decided.with_content(Whole::Omitted));
        return Ok(Some(Answer::Later(Box::new(CodingResponse {
            file: Rc::clone(file),
            coding,
            response,
            job,
        }))));
    }
    // If there is no memory here, the client refuses identity, or identity would have been chosen.
    let coder = origin.site.coder(coding);
    let coder = coder.ok_or(DiskError::CodersBusy)?;
    let cached = Rc::clone(file);
    made_while_sent(
        origin,
        request,
        file,
        opened,
        decided,
        move |origin, source| {
            Ok(Box::new(CachedWhenDone {
                coded: Coded::new(source, coder),
                bytes: Some((Vec::new(), origin.site.charge_anyway(Account::Contents, 0))),
                limit: usize::try_from(origin.site.largest_kept()).unwrap_or(usize::MAX),
                updates: origin.site.updates(),
                file: cached,
                coding,
            }))
        },
    )
}

/// The answer with what `make` makes of the stored content, while it is sent. `None` if the file changed
/// since it was resolved.
fn made_while_sent(
    origin: &mut Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    opened: Option<Opened>,
    decided: Decided<'_>,
    make: impl FnOnce(&mut Origin, Box<dyn Source>) -> Result<Box<dyn Source>, DiskError>,
) -> Result<Option<Answer>, LookupError> {
    if request.method() == Some(Method::Head) {
        return Ok(Some(Answer::Ready(decided.with_content(Whole::Omitted))));
    }
    let Some(source) = origin.site.source(file, opened, request.caller())? else {
        return Ok(None);
    };
    let whole = Whole::Source(make(origin, source)?);
    Ok(Some(Answer::Ready(decided.with_content(whole))))
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
        let response = self.response.take();
        let response =
            response.unwrap_or_else(|| error(Status::InternalServerError, Reason::Unanswered));
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
}
