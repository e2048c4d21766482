//! Chooses which representation of a regular file is sent.
//!
//! The content coding is chosen first (RFC 9110 section 12.5.3). It determines the entity-tag that
//! preconditions compare (section 13.2.2) and the bytes that a range counts (section 14.2).

use std::rc::Rc;

use crate::http1::version::Version;
use crate::origin::handler::Origin;
use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Metadata, Whole};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::field::FieldName;
use crate::semantics::media_type;
use crate::semantics::method::Method;
use crate::semantics::range::{self, RangeChoice};
use crate::semantics::rules::RuleSet;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::variant::{Dimension, Dimensions, Variant, note_vary};
use crate::site::body::{Pulled, Reserved, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::compress::{Coded, PIECE, code};
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::{CacheUpdates, Found};
use crate::site::root::DiskError;

/// Content up to this size is coded within one turn, in a few milliseconds at most.
const CODE_AT_ONCE: u64 = 4 * PIECE as u64;

/// How the representations of a file differ.
const DIMENSIONS: Dimensions = &[Dimension::Coding];

/// How often a file is tried. It is resolved again if it changed since it was resolved.
const ATTEMPTS: usize = 4;

const RANGE_ASKED: Clause = clause!("RFC 9110 section 14.2", "why_uncoded");
const UNCODED: Clause = clause!("RFC 9110 section 12.5.3", "why_uncoded");

/// Answers a request for a regular file.
pub(super) fn answer_file(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    mut file: Rc<StoredFile>,
    rules: RuleSet,
    trace: &mut Trace,
) -> Response {
    let mark = trace.steps().len();
    for _ in 0..ATTEMPTS {
        match try_file(origin, request, &file, rules, trace) {
            Ok(Some(response)) => return response,
            Ok(None) => {}
            Err(fault) => return disk_error(fault),
        }
        // The file changed since it was resolved. Resolve it again from the disk.
        trace.take_from(mark);
        origin.site.look_again();
        file = match origin.site.find(path) {
            Ok(Found::File(file)) => file,
            Ok(Found::Directory) => break,
            Err(fault) => return disk_error(fault),
        };
    }
    disk_error(DiskError::Unsteady)
}

/// The response; `None` if the file changed since it was resolved.
fn try_file(
    origin: &mut Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    rules: RuleSet,
    trace: &mut Trace,
) -> Result<Option<Response>, DiskError> {
    note_vary(DIMENSIONS, trace);
    let (coding, why) = match choose_coding(origin, request, file, trace) {
        CodingChoice::Chosen(coding, why) => (coding, why),
        CodingChoice::NotAcceptable => return Ok(Some(not_acceptable(DIMENSIONS))),
    };
    let preferred = metadata(file, coding, request, rules);
    let plain = metadata(file, Coding::Identity, request, rules);
    let mark = trace.steps().len();
    file.note_validators(Variant::coded(coding), request.now, trace);
    let mut decided = Decided::new(request, &preferred, why, origin.max_ranges, trace);
    if let Some(why) = why_uncoded(origin, request, file, coding)
        && coding::accepts_identity(request.fields())
    {
        let coded_steps = trace.take_from(mark);
        trace.note(|| uncoded_step(request, why));
        file.note_validators(Variant::coded(Coding::Identity), request.now, trace);
        let uncoded = Decided::new(request, &plain, why, origin.max_ranges, trace);
        if decided.suits_better_than(&uncoded) {
            trace.put_back(mark, coded_steps);
        } else {
            decided = uncoded;
        }
    }
    if let Some(response) = decided.without_content() {
        return Ok(Some(response));
    }
    trace.note(|| media_type::step(file.name()));
    let whole = content(origin, file, decided.variant())?;
    Ok(whole.map(|whole| decided.with_content(whole)))
}

/// RFC 9110 section 12.5.3.
fn choose_coding(
    origin: &Origin,
    request: &Request<'_>,
    file: &StoredFile,
    trace: &mut Trace,
) -> CodingChoice {
    let offered = origin.offered(file.is_worth_coding);
    let mark = trace.steps().len();
    if origin.site.options().compress {
        trace.note_if(|| file.step_without_coding());
    }
    match coding::choose(request.fields(), offered, trace) {
        // If the client refuses identity, it gets a coding even if the coding saves nothing.
        CodingChoice::NotAcceptable => {
            trace.take_from(mark);
            coding::choose(request.fields(), origin.offered(true), trace)
        }
        choice => choice,
    }
}

/// Why identity is sent although a coding is preferred; `None` if it is not. A range request is one
/// reason: a client resumes at a byte of the file, and it cannot decode a part of a coded stream
/// without the rest.
fn why_uncoded(
    origin: &Origin,
    request: &Request<'_>,
    file: &StoredFile,
    coding: Coding,
) -> Option<CodingReason> {
    let is_cached = || {
        file.representation(Variant::coded(coding))
            .coded()
            .is_some()
    };
    if coding == Coding::Identity {
        None
    } else if asks_for_range(origin, request, file) {
        Some(CodingReason::RangeAsked)
    } else if file.size() <= CODE_AT_ONCE || is_cached() {
        None
    } else if request.head.head.version == Version::Http10 {
        Some(CodingReason::LengthUnknown)
    } else {
        (!origin.coders.has_room(1)).then_some(CodingReason::CodersBusy)
    }
}

fn uncoded_step(request: &Request<'_>, why: CodingReason) -> Step {
    match why {
        CodingReason::RangeAsked => {
            let sent = Quote::of_field(request.fields(), FieldName::Range);
            Step::new(RANGE_ASKED, why.text()).with(Evidence::Value(sent))
        }
        _ => Step::new(UNCODED, why.text()),
    }
}

/// Whether the request has a `Range` that the server does not ignore (RFC 9110 section 14.2).
fn asks_for_range(origin: &Origin, request: &Request<'_>, file: &StoredFile) -> bool {
    let value = request.fields().sole(FieldName::Range);
    request.method() == Some(Method::Get)
        && value.is_some_and(|value| {
            let choice = range::select(value, file.size(), origin.max_ranges);
            !matches!(choice, RangeChoice::Ignored(_))
        })
}

/// The content of `variant`: from the cache, coded now, or coded while it is sent. `None` if the
/// file changed since it was resolved.
fn content(
    origin: &mut Origin,
    file: &Rc<StoredFile>,
    variant: Variant,
) -> Result<Option<Whole>, DiskError> {
    let coding = variant.coding;
    if coding == Coding::Identity {
        return Ok(origin.site.content(file)?.map(Whole::Stored));
    }
    if let Some(bytes) = file.representation(variant).coded() {
        return Ok(Some(Whole::Stored(Stored::Memory(bytes))));
    }
    let Some(source) = origin.site.source(file)? else {
        return Ok(None);
    };
    if file.size() > CODE_AT_ONCE && !origin.coders.has_room(1) {
        // The client refuses identity; otherwise identity would have been chosen.
        return Err(DiskError::CodersBusy);
    }
    if file.size() <= CODE_AT_ONCE {
        let bytes: Rc<[u8]> = match code(source, coding) {
            Ok(bytes) => bytes.into(),
            Err(BodyError::Changed) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        origin.site.updates().keep(file, variant, Rc::clone(&bytes));
        return Ok(Some(Whole::Stored(Stored::Memory(bytes))));
    }
    let cached = CachedWhenDone {
        coded: Coded::new(source, coding),
        bytes: Some(Vec::new()),
        limit: usize::try_from(origin.site.largest_kept()).unwrap_or(usize::MAX),
        updates: origin.site.updates(),
        file: Rc::clone(file),
        variant,
    };
    let source = Reserved::new(cached, &origin.coders);
    Ok(Some(Whole::Source(Box::new(source))))
}

/// The metadata of a file in one coding.
fn metadata<'a>(
    file: &'a StoredFile,
    coding: Coding,
    request: &Request<'_>,
    rules: RuleSet,
) -> Metadata<'a> {
    let variant = Variant::coded(coding);
    // If the modification time lies in the future, the fields change with time.
    let has_fixed_fields = !file.is_dated_ahead(request.now);
    Metadata {
        validators: file.validators(variant, request.now),
        media_type: &file.media_type,
        variant,
        dimensions: DIMENSIONS,
        length: (coding == Coding::Identity).then_some(file.size()),
        has_ranges: true,
        policy: None,
        rules,
        prepared: has_fixed_fields.then(|| file.representation(variant)),
    }
}

/// A coded stream. When it ends, its bytes are cached with the file unless there are too many.
struct CachedWhenDone {
    coded: Coded,
    /// The bytes so far; `None` if there are more than `limit`.
    bytes: Option<Vec<u8>>,
    limit: usize,
    updates: CacheUpdates,
    file: Rc<StoredFile>,
    variant: Variant,
}

impl Source for CachedWhenDone {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let start = out.len();
        let pulled = self.coded.pull(out, budget)?;
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(&out[start..]);
            if bytes.len() > self.limit {
                self.bytes = None;
            }
        }
        if pulled == Pulled::Done
            && let Some(bytes) = self.bytes.take()
        {
            self.updates.keep(&self.file, self.variant, bytes.into());
        }
        Ok(pulled)
    }
}
