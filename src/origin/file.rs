//! A regular file: which of its representations is sent.
//!
//! The coding is chosen first, because it decides which entity-tag the preconditions are held
//! against and which bytes a range counts (RFC 9110 sections 12.5.3, 13.2.2, 14.2).

use std::rc::Rc;

use crate::http1::version::Version;
use crate::origin::handler::Origin;
use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Metadata, Whole};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::field::FieldName;
use crate::semantics::method::Method;
use crate::semantics::range::{self, RangeChoice};
use crate::semantics::rules::RuleSet;
use crate::semantics::trace::{Clause, Step, Trace, clause};
use crate::semantics::variant::{Dimension, Dimensions, Variant};
use crate::site::body::{Pulled, Reserved, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::compress::{Coded, PIECE, code};
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::{CacheUpdates, Found};
use crate::site::root::DiskError;

/// Content up to this size is coded within one turn: a few milliseconds at the worst.
const CODE_AT_ONCE: u64 = 4 * PIECE as u64;

/// In what the representations of a file differ.
const DIMENSIONS: Dimensions = &[Dimension::Coding];

/// How often a file is resolved again that was replaced between two looks.
const ATTEMPTS: usize = 4;

const UNCODED: Clause = clause!("RFC 9110 section 14.2", "try_file");

/// Answers for a regular file.
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
        // Replaced since it was resolved: look again, in a new turn.
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

/// `None` if the file is no longer what `file` says.
fn try_file(
    origin: &mut Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    rules: RuleSet,
    trace: &mut Trace,
) -> Result<Option<Response>, DiskError> {
    let (coding, why) = match choose_coding(origin, request, file, trace) {
        CodingChoice::Chosen(coding, why) => (coding, why),
        CodingChoice::NotAcceptable => return Ok(Some(not_acceptable(DIMENSIONS))),
    };
    let preferred = metadata(file, coding, request, rules);
    let plain = metadata(file, Coding::Identity, request, rules);
    let mark = trace.steps().len();
    let mut answer = Decided::new(request, &preferred, why, origin.max_ranges, trace);
    if let Some(why) = why_uncoded(origin, request, file, coding)
        && coding::accepts_identity(request.fields())
    {
        let of_coded = trace.take_from(mark);
        trace.note(|| Step::new(UNCODED, why.text()));
        let bare = Decided::new(request, &plain, why, origin.max_ranges, trace);
        if answer.suits_better_than(&bare) {
            trace.put_back(mark, of_coded);
        } else {
            answer = bare;
        }
    }
    if let Some(response) = answer.without_content() {
        return Ok(Some(response));
    }
    let whole = content(origin, file, answer.variant())?;
    Ok(whole.map(|whole| answer.with_content(whole)))
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
    match coding::choose(request.fields(), offered, trace) {
        // A client that refuses identity gets a coding even if that gains nothing.
        CodingChoice::NotAcceptable => {
            trace.take_from(mark);
            coding::choose(request.fields(), origin.offered(true), trace)
        }
        choice => choice,
    }
}

/// Why identity is sent although a coding is preferred, if so. A request for ranges is one
/// reason: a client resumes in the bytes of the file, and a part of a coded stream cannot be
/// decoded by itorigin.
fn why_uncoded(
    origin: &Origin,
    request: &Request<'_>,
    file: &StoredFile,
    coding: Coding,
) -> Option<CodingReason> {
    let is_kept = || {
        file.representation(Variant::coded(coding))
            .coded()
            .is_some()
    };
    if coding == Coding::Identity {
        None
    } else if asks_for_range(origin, request, file) {
        Some(CodingReason::RangeAsked)
    } else if file.size() <= CODE_AT_ONCE || is_kept() {
        None
    } else if request.head.head.version == Version::Http10 {
        Some(CodingReason::LengthUnknown)
    } else {
        (!origin.coders.has_room(1)).then_some(CodingReason::CodersBusy)
    }
}

/// Whether the request has a `Range` that means something here (RFC 9110 section 14.2).
fn asks_for_range(origin: &Origin, request: &Request<'_>, file: &StoredFile) -> bool {
    let value = request.fields().sole(FieldName::Range);
    request.method() == Some(Method::Get)
        && value.is_some_and(|value| {
            let choice = range::select(value, file.size(), origin.max_ranges);
            !matches!(choice, RangeChoice::Ignored(_))
        })
}

/// The content of this variant: from the cache, coded now, or coded as it is sent.
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
        // The client refuses identity, or it would have been chosen.
        return Err(DiskError::Exhausted);
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
    let gathered = Gathered {
        coded: Coded::new(source, coding),
        gathered: Some(Vec::new()),
        limit: usize::try_from(origin.site.largest_kept()).unwrap_or(usize::MAX),
        updates: origin.site.updates(),
        file: Rc::clone(file),
        variant,
    };
    let held = Reserved::new(gathered, &origin.coders);
    Ok(Some(Whole::Source(Box::new(held))))
}

/// What is said of a file in one coding.
fn metadata<'a>(
    file: &'a StoredFile,
    coding: Coding,
    request: &Request<'_>,
    rules: RuleSet,
) -> Metadata<'a> {
    let variant = Variant::coded(coding);
    let is_steady = !file.is_dated_ahead(request.now);
    Metadata {
        validators: file.validators(variant, request.now),
        media_type: &file.media_type,
        variant,
        dimensions: DIMENSIONS,
        length: (coding == Coding::Identity).then_some(file.size()),
        has_ranges: true,
        policy: None,
        prepared: is_steady.then(|| (file.representation(variant), rules)),
    }
}

/// A coded stream that is kept with its file when it has ended, unless it grows too large.
struct Gathered {
    coded: Coded,
    gathered: Option<Vec<u8>>,
    limit: usize,
    updates: CacheUpdates,
    file: Rc<StoredFile>,
    variant: Variant,
}

impl Source for Gathered {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let start = out.len();
        let pulled = self.coded.pull(out, budget)?;
        if let Some(gathered) = &mut self.gathered {
            gathered.extend_from_slice(&out[start..]);
            if gathered.len() > self.limit {
                self.gathered = None;
            }
        }
        if pulled == Pulled::Done
            && let Some(gathered) = self.gathered.take()
        {
            self.updates.keep(&self.file, self.variant, gathered.into());
        }
        Ok(pulled)
    }
}
