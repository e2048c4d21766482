//! Chooses which representation of a regular file is sent.
//!
//! The content coding is chosen first (RFC 9110 section 12.5.3). It determines the entity-tag that
//! preconditions compare (section 13.2.2) and the bytes that a range counts (section 14.2).

use std::borrow::Cow;
use std::rc::Rc;

use crate::http1::version::Version;
use crate::origin::applied_rules::{AppliedRules, Ruled};
use crate::origin::attempt::{Attempt, Attempted, Obstacle};
use crate::origin::auth::refuse::challenge;
use crate::origin::content::FileContent;
use crate::origin::digests::with_digests;
use crate::origin::handler::{Answer, Origin};
use crate::origin::offered::{available, choose_coding};
use crate::origin::reason::Reason;
use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Extra, Metadata};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::origin::sidecars::Sidecars;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::method::Method;
use crate::semantics::precondition::has_condition;
use crate::semantics::range::{self, RangeChoice};
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};
use crate::semantics::variant::{Dimension, Dimensions};
use crate::site::coding_job;
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::{Representation, StoredFile};
use crate::site::resolve::Found;

/// How the representations of a file differ.
const DIMENSIONS: Dimensions = Dimensions::of(Dimension::Coding);

/// How often a file is tried. It is resolved again if it changed since it was resolved.
const TRIES: usize = 4;

const RANGE_ASKED: Clause = clause!("RFC 9110 section 14.2", "why_uncoded");
const UNCODED: Clause = clause!("RFC 9110 section 12.5.3", "why_uncoded");

/// A file that a request is answered with.
pub(super) struct Chosen<'a> {
    /// The file.
    pub file: Rc<StoredFile>,
    /// The path that names the file.
    pub name: Cow<'a, [u8]>,
    /// The path whose rules apply beside those of the file's own path.
    pub ruled: Ruled<'a>,
    /// What the request adds to the fields.
    pub extra: Extra,
}

/// Answers a request with a regular file.
pub(super) fn answer_file(attempt: &mut Attempt<'_>, chosen: Chosen<'_>) -> Attempted {
    let mark = attempt.trace.steps().len();
    let Chosen {
        mut file,
        name,
        ruled,
        extra,
    } = chosen;
    for number in 1..=TRIES {
        if let Some(refusal) = refused(attempt, &file)? {
            return Ok(Answer::Ready(refusal));
        }
        let needs_tags = !attempt.facts.may_lack_tags;
        if needs_tags && !file.has_tags() {
            return Err(Obstacle::Digest(name.into_owned().into(), file));
        }
        let rules = AppliedRules::of_file(attempt.origin, attempt.request, ruled, &file);
        // If a sidecar is the trouble, the last try does without.
        let sidecars = match number {
            TRIES => Sidecars::default(),
            _ => Sidecars::find(attempt, &file)?,
        };
        if needs_tags && let Some(sidecar) = sidecars.without_tags() {
            return Err(Obstacle::Digest(sidecar.path.clone(), Rc::clone(sidecar)));
        }
        let tried = Tried {
            file: &file,
            name: &name,
            sidecars: &sidecars,
            rules: &rules,
            extra: &extra,
        };
        if let Some(answer) = try_file(attempt, &tried)? {
            return Ok(answer);
        }
        // The file changed since it was resolved. Resolve it again from the disk.
        attempt.trace.take_from(mark);
        attempt.origin.site.look_again();
        attempt.facts.clear();
        file = match attempt.find(&name)? {
            Ok(Found::File(file)) => file,
            Ok(Found::Directory) => break,
            Err(fault) => return Ok(failed(fault)),
        };
    }
    Ok(failed(DiskError::Unsteady))
}

fn failed(fault: DiskError) -> Answer {
    Answer::Ready(disk_error(fault))
}

/// The refusal, if the user may not read the file. The path of the request was compared before; it may lead
/// to a file with another path.
fn refused(attempt: &mut Attempt<'_>, file: &StoredFile) -> Result<Option<Response>, Obstacle> {
    match attempt.request.user {
        _ if attempt.may_read(&file.path) => Ok(None),
        None => Err(Obstacle::Password),
        Some(_) => Ok(Some(challenge(Reason::UserNotAllowed, attempt.trace))),
    }
}

/// A file in the state in which it was resolved, and what else the answer with it depends on.
struct Tried<'a> {
    file: &'a Rc<StoredFile>,
    /// The path that names the file.
    name: &'a [u8],
    sidecars: &'a Sidecars,
    rules: &'a AppliedRules,
    extra: &'a Extra,
}

/// The answer; `None` if the file or the sidecar that is sent changed since it was resolved.
fn try_file(attempt: &mut Attempt<'_>, tried: &Tried<'_>) -> Result<Option<Answer>, Obstacle> {
    let (origin, trace) = (&mut *attempt.origin, &mut *attempt.trace);
    let (file, request, max_ranges) = (tried.file, attempt.request, origin.max_ranges);
    let dimensions = DIMENSIONS.and(tried.extra.dimensions);
    dimensions.note(trace);
    let (coding, why) = match choose_coding(origin, request, file, tried.sidecars, trace) {
        CodingChoice::Chosen(coding, why) => (coding, why),
        CodingChoice::NotAcceptable => {
            let available = available(origin, request, file, tried.sidecars);
            let response = not_acceptable(&available, dimensions);
            return Ok(Some(Answer::Ready(response)));
        }
    };
    let sidecar = tried.sidecars.get(coding);
    let of_sidecar = sidecar.map(|sidecar| sidecar.as_sidecar_of(file, coding));
    let representation = of_sidecar.as_deref();
    let representation = representation.unwrap_or_else(|| file.representation(coding));
    let preferred = metadata(tried, sidecar, representation, request);
    let plain;
    let mark = trace.steps().len();
    file.note_validators(representation, request.now, trace);
    let mut decided = Decided::new(request, &preferred, why, max_ranges, trace);
    if let Some(why) = why_uncoded(origin, request, file, representation)
        && coding::accepts_identity(request.fields())
    {
        let coded_steps = trace.take_from(mark);
        trace.note(|| uncoded_step(request, why));
        plain = metadata(tried, None, file.representation(Coding::Identity), request);
        file.note_validators(file.representation(Coding::Identity), request.now, trace);
        let uncoded = Decided::new(request, &plain, why, max_ranges, trace);
        if decided.suits_better_than(&uncoded) {
            trace.put_back(mark, coded_steps);
        } else {
            decided = uncoded;
        }
    }
    tried.rules.note_caching(trace);
    if let Some(response) = decided.without_content() {
        return Ok(Some(Answer::Ready(response)));
    }
    let types = &origin.site.options().types;
    file.media_type.note(&file.path, types, trace);
    file.note_script(trace);
    let sidecar = sidecar.filter(|_| decided.variant().is_sidecar);
    send(attempt, tried, sidecar, decided)
}

/// The answer with the content of the file or of this sidecar. `None` if what is sent changed since it was
/// resolved.
fn send(
    attempt: &mut Attempt<'_>,
    tried: &Tried<'_>,
    sidecar: Option<&Rc<StoredFile>>,
    decided: Decided<'_>,
) -> Result<Option<Answer>, Obstacle> {
    // A sidecar is sent as it is stored.
    let (sent, name, coding) = match sidecar {
        Some(sidecar) => (sidecar, &*sidecar.path, sidecar.stored()),
        None => (tried.file, tried.name, decided.variant().coding),
    };
    let content = FileContent {
        opened: attempt.facts.take_opened(sent),
        origin: attempt.origin,
        request: attempt.request,
        file: sent,
        decided,
    };
    let answer = match sidecar {
        Some(_) => content.send_stored(),
        None => content.send(),
    };
    match answer {
        Ok(Some(Answer::Ready(response))) => {
            let (origin, request) = (&*attempt.origin, attempt.request);
            let digested = with_digests(origin, request, sent, coding, response, attempt.trace);
            Ok(Some(digested))
        }
        Ok(answer) => Ok(answer),
        Err(LookupError::WouldWait) => Err(Obstacle::Open(name.into(), Rc::clone(sent))),
        Err(LookupError::Disk(fault)) if fault.is_scarcity() => Err(Obstacle::Scarcity(fault)),
        // The file can be sent without it.
        Err(LookupError::Disk(_)) if sidecar.is_some() => Ok(None),
        Err(LookupError::Disk(fault)) => Ok(Some(failed(fault))),
    }
}

/// Why identity is sent although a coding is preferred; `None` if it is not. A range request is one
/// reason: a client resumes at a byte of the file, and it cannot decode a part of a coded stream
/// without the rest.
fn why_uncoded(
    origin: &Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    coded: &Representation,
) -> Option<CodingReason> {
    let coding = coded.variant.coding;
    if coding == file.stored() || file.stored() != Coding::Identity {
        None
    } else if asks_for_range(origin, request, file) {
        Some(CodingReason::RangeAsked)
    } else if coded.variant.is_sidecar || coded.coded().is_some() {
        None
    } else if file.memory.is_none() && request.head.head.version == Version::Http10 {
        Some(CodingReason::LengthUnknown)
    } else {
        let has_room = |result| {
            let network = request.client.network();
            (origin.site)
                .memory
                .has_room_for_coder(network, coding, result)
        };
        let is_room = match file.memory {
            None => has_room(0),
            Some(_) => {
                let in_progress = origin.codings.find(file, coding);
                in_progress.is_some() || has_room(coding_job::most_coded(file.size()))
            }
        };
        (!is_room).then_some(CodingReason::CodersBusy)
    }
}

fn uncoded_step(request: &Request<'_>, why: CodingReason) -> Step {
    match why {
        CodingReason::RangeAsked => {
            let sent = Quote::of_field(request.fields(), FieldName::Range);
            let remove = Edit::remove(FieldName::Range);
            let no_condition = !has_condition(request.fields());
            Step::new(RANGE_ASKED, why.text())
                .with(Evidence::Value(sent))
                .unless(remove.leads_to_if(no_condition, Status::Ok))
        }
        CodingReason::LengthUnknown => Step::new(UNCODED, why.text()).unless(Edit::http11()),
        _ => Step::new(UNCODED, why.text()),
    }
}

/// Whether the request has a `Range` that the server does not ignore (RFC 9110 section 14.2).
fn asks_for_range(origin: &Origin, request: &Request<'_>, file: &StoredFile) -> bool {
    let value = request.fields().sole(FieldName::Range);
    let (Some(value), Some(length)) = (value, file.length()) else {
        return false;
    };
    let choice = || range::select(value, length, origin.max_ranges);
    request.method() == Some(Method::Get) && !matches!(choice(), RangeChoice::Ignored(_))
}

/// The metadata of a representation of the file, which may be that of a sidecar.
fn metadata<'a>(
    tried: &Tried<'a>,
    sidecar: Option<&Rc<StoredFile>>,
    representation: &'a Representation,
    request: &Request<'_>,
) -> Metadata<'a> {
    let file = tried.file;
    let variant = representation.variant;
    let length = match sidecar {
        Some(sidecar) => Some(sidecar.size()),
        None => {
            let is_stored = variant.coding == file.stored();
            is_stored.then(|| file.length()).flatten()
        }
    };
    // If the modification time lies in the future, the fields change with time. An entity-tag may become known.
    let has_fixed_fields =
        !file.is_dated_ahead(request.now) && (file.is_size_unknown || representation.has_tag());
    Metadata {
        validators: file.validators(representation, request.now),
        media_type: &file.media_type.value,
        variant,
        dimensions: DIMENSIONS,
        length,
        has_ranges: file.length().is_some(),
        policy: None,
        rules: tried.rules,
        prepared: has_fixed_fields.then_some(representation),
        extra: tried.extra,
    }
}
