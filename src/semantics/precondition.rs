//! RFC 9110 sections 13.1 and 13.2: preconditions.
//!
//! Section 13.2.2 gives the order. Each of the steps 1 to 4 is one function:
//!
//! ```text
//! 1 If-Match              false -> 412
//! 2 If-Unmodified-Since   false -> 412    only without If-Match
//! 3 If-None-Match         false -> 304 for GET and HEAD, otherwise 412
//! 4 If-Modified-Since     false -> 304    only GET and HEAD without If-None-Match
//! 5 If-Range              see `if_range`
//! ```
//!
//! Callers evaluate preconditions only if the answer is otherwise a success (section 13.2.1).
//! Then a representation exists, so `*` always matches.

use std::ops::ControlFlow;

use super::date::HttpDate;
use super::edit::Edit;
use super::field::{FieldName, Fields};
use super::method::Method;
use super::status::Status;
use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use super::validator::{EntityTag, MalformedEntityTag, Validators, entity_tags};

/// Whether the server performs the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    /// The server performs the request.
    Proceed(ProceedReason),
    /// 304: the client has the current representation.
    NotModified(NotModifiedReason),
    /// 412: the representation is not the one that the client expects.
    Failed(FailedReason),
}

/// Why the server performs the request: the result of the last condition that it evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProceedReason {
    /// The request has no condition.
    NoCondition,
    /// OPTIONS, TRACE and CONNECT do not select a representation (section 13.2.1).
    MethodHasNoConditions,
    /// If-Match lists the current entity-tag or is `*`.
    Matches,
    /// The representation was not modified after the date in If-Unmodified-Since.
    UnmodifiedSince,
    /// If-Unmodified-Since is ignored.
    UnmodifiedSinceIgnored(IgnoredDate),
    /// If-None-Match does not list the current entity-tag.
    NoneMatch,
    /// The representation was modified after the date in If-Modified-Since.
    ModifiedSince,
    /// If-Modified-Since is ignored.
    ModifiedSinceIgnored(IgnoredDate),
}

/// Why the answer is 304.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotModifiedReason {
    /// If-None-Match lists the current entity-tag.
    EntityTagMatches,
    /// If-None-Match is `*`, and a representation exists.
    AnyMatches,
    /// The representation was not modified after the date in If-Modified-Since.
    NotModifiedSince,
}

/// Why the answer is 412.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedReason {
    /// If-Match does not list the current entity-tag.
    NoMatch,
    /// If-Match contains a malformed entity-tag.
    MatchMalformed,
    /// The representation was modified after the date in If-Unmodified-Since.
    ModifiedSince,
    /// If-None-Match lists the current entity-tag or is `*`, and the method is not GET or HEAD.
    EntityTagMatches,
}

/// Why a date is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredDate {
    /// The field is not one valid date (sections 13.1.3 and 13.1.4).
    Malformed,
    /// The representation has no modification date.
    NothingToCompare,
}

/// The result of one condition: `Break` decides the answer, `Continue` goes to the next condition.
type Outcome = ControlFlow<Precondition, ProceedReason>;

const IF_MATCH: Clause = clause!("RFC 9110 section 13.1.1", "if_match");
const IF_NONE_MATCH: Clause = clause!("RFC 9110 section 13.1.2", "if_none_match");
const IF_MODIFIED_SINCE: Clause = clause!("RFC 9110 section 13.1.3", "if_modified_since");
const IF_UNMODIFIED_SINCE: Clause = clause!("RFC 9110 section 13.1.4", "if_unmodified_since");
const EVALUATE: Clause = clause!("RFC 9110 section 13.2.1", "evaluate");

/// Evaluates the conditions in `fields`. `now` is the time of the request.
pub(super) fn evaluate(
    method: Method,
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
    trace: &mut Trace,
) -> Precondition {
    if !has_condition(fields) {
        return Precondition::Proceed(ProceedReason::NoCondition);
    }
    if is_without_conditions(method) {
        let reason = ProceedReason::MethodHasNoConditions;
        trace.note(|| Step::new(EVALUATE, reason.text()).unless(Edit::method("GET")));
        return Precondition::Proceed(reason);
    }
    match steps(method, fields, validators, now, trace) {
        ControlFlow::Continue(reason) => Precondition::Proceed(reason),
        ControlFlow::Break(outcome) => outcome,
    }
}

/// Why the conditions refuse a request that changes something. Its callers decide the rest.
pub fn failure(
    method: Method,
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
) -> Option<FailedReason> {
    match evaluate(method, fields, validators, now, &mut Trace::off()) {
        Precondition::Failed(reason) => Some(reason),
        Precondition::Proceed(_) | Precondition::NotModified(_) => None,
    }
}

fn is_without_conditions(method: Method) -> bool {
    matches!(method, Method::Options | Method::Trace | Method::Connect)
}

const CONDITIONS: [FieldName; 4] = [
    FieldName::IfMatch,
    FieldName::IfUnmodifiedSince,
    FieldName::IfNoneMatch,
    FieldName::IfModifiedSince,
];

/// Whether a request has a condition.
pub fn has_condition(fields: &Fields) -> bool {
    CONDITIONS.into_iter().any(|name| fields.contains(name))
}

/// Whether a request has neither conditions nor ranges, so that the response to it has the whole representation.
pub fn asks_for_whole(fields: &Fields) -> bool {
    !has_condition(fields) && !fields.contains(FieldName::Range)
}

fn steps(
    method: Method,
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
    trace: &mut Trace,
) -> Outcome {
    let is_read = matches!(method, Method::Get | Method::Head);
    let so_far = if fields.contains(FieldName::IfMatch) {
        let so_far = if_match(fields, validators, trace)?;
        let skipped = "If-Unmodified-Since is ignored because the request has If-Match";
        note_skipped(
            trace,
            IF_UNMODIFIED_SINCE,
            fields,
            FieldName::IfUnmodifiedSince,
            skipped,
        );
        so_far
    } else if fields.contains(FieldName::IfUnmodifiedSince) {
        if_unmodified_since(fields, validators, now, trace)?
    } else {
        ProceedReason::NoCondition
    };
    if fields.contains(FieldName::IfNoneMatch) {
        let skipped = "If-Modified-Since is ignored because the request has If-None-Match";
        note_skipped(
            trace,
            IF_MODIFIED_SINCE,
            fields,
            FieldName::IfModifiedSince,
            skipped,
        );
        if_none_match(is_read, fields, validators, trace)
    } else if is_read && fields.contains(FieldName::IfModifiedSince) {
        if_modified_since(fields, validators, now, trace)
    } else {
        Outcome::Continue(so_far)
    }
}

/// Step 1, section 13.1.1: strong comparison. This field protects the client from a wrong
/// representation, so one malformed member makes the condition false.
fn if_match(fields: &Fields, validators: &Validators, trace: &mut Trace) -> Outcome {
    let outcome = if fields.sole(FieldName::IfMatch) == Some(b"*") {
        Outcome::Continue(ProceedReason::Matches)
    } else if listed(fields, FieldName::IfMatch).any(|member| member.is_err()) {
        failed(FailedReason::MatchMalformed)
    } else if listed(fields, FieldName::IfMatch)
        .flatten()
        .any(|tag| current(validators, |own| own.strong_eq(&tag)))
    {
        Outcome::Continue(ProceedReason::Matches)
    } else {
        failed(FailedReason::NoMatch)
    };
    let name = FieldName::IfMatch;
    note(trace, IF_MATCH, fields, name, validators, STRONG, outcome)
}

/// Step 2, section 13.1.4.
fn if_unmodified_since(
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
    trace: &mut Trace,
) -> Outcome {
    let name = FieldName::IfUnmodifiedSince;
    let outcome = match dates(fields, name, validators, now) {
        Err(why) => Outcome::Continue(ProceedReason::UnmodifiedSinceIgnored(why)),
        Ok((modified, date)) if modified <= date => {
            Outcome::Continue(ProceedReason::UnmodifiedSince)
        }
        Ok(_) => failed(FailedReason::ModifiedSince),
    };
    let clause = IF_UNMODIFIED_SINCE;
    note(trace, clause, fields, name, validators, BY_DATE, outcome)
}

/// Step 3, section 13.1.2: weak comparison. Malformed members are ignored. At worst, the client
/// receives a representation again that it already has.
fn if_none_match(
    is_read: bool,
    fields: &Fields,
    validators: &Validators,
    trace: &mut Trace,
) -> Outcome {
    let name = FieldName::IfNoneMatch;
    let matched = if fields.sole(name) == Some(b"*") {
        Some(NotModifiedReason::AnyMatches)
    } else {
        listed(fields, name)
            .flatten()
            .any(|tag| current(validators, |own| own.weak_eq(&tag)))
            .then_some(NotModifiedReason::EntityTagMatches)
    };
    let outcome = match matched {
        None => Outcome::Continue(ProceedReason::NoneMatch),
        Some(reason) if is_read => Outcome::Break(Precondition::NotModified(reason)),
        Some(_) => failed(FailedReason::EntityTagMatches),
    };
    let clause = IF_NONE_MATCH;
    note(trace, clause, fields, name, validators, WEAK, outcome)
}

/// Step 4, section 13.1.3. RFC 2616 section 14.25 made dates in the future invalid. RFC 9110
/// compares them like other dates.
fn if_modified_since(
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
    trace: &mut Trace,
) -> Outcome {
    let name = FieldName::IfModifiedSince;
    let outcome = match dates(fields, name, validators, now) {
        Err(why) => Outcome::Continue(ProceedReason::ModifiedSinceIgnored(why)),
        Ok((modified, date)) if modified > date => Outcome::Continue(ProceedReason::ModifiedSince),
        Ok(_) => Outcome::Break(Precondition::NotModified(
            NotModifiedReason::NotModifiedSince,
        )),
    };
    let clause = IF_MODIFIED_SINCE;
    note(trace, clause, fields, name, validators, BY_DATE, outcome)
}

/// Adds the step that the condition `name` is ignored, if the request has it.
fn note_skipped(
    trace: &mut Trace,
    clause: Clause,
    fields: &Fields,
    name: FieldName,
    finding: &'static str,
) {
    let first = match name {
        FieldName::IfUnmodifiedSince => FieldName::IfMatch,
        _ => FieldName::IfNoneMatch,
    };
    trace.note_if(|| {
        let sent = Evidence::Value(Quote::of_field(fields, name));
        let is_sent = fields.contains(name);
        let step = Step::new(clause, finding).with(sent);
        is_sent.then(|| step.unless(Edit::remove(first)))
    });
}

/// Adds the step that the conditions of a request are ignored, if it has any: without them, the
/// response would be neither a success nor a 412 (section 13.2.1), or the method has no conditions.
pub fn note_ignored(method: Option<Method>, fields: &Fields, trace: &mut Trace) {
    trace.note_if(|| {
        let step = match method {
            Some(method) if is_without_conditions(method) => {
                let finding = ProceedReason::MethodHasNoConditions.text();
                Step::new(IGNORED, finding).unless(Edit::method("GET"))
            }
            _ => {
                let finding = "the conditions are ignored because the response is an error or a redirect anyway";
                Step::new(IGNORED, finding)
            }
        };
        has_condition(fields).then_some(step)
    });
}

const IGNORED: Clause = clause!("RFC 9110 section 13.2.1", "note_ignored");
const ANY: &str = "* matches every representation";
const STRONG: &str = "strong comparison";
const WEAK: &str = "weak comparison";
const BY_DATE: &str = "by date";

/// Adds the result of a condition and the compared values to the trace.
fn note(
    trace: &mut Trace,
    clause: Clause,
    fields: &Fields,
    name: FieldName,
    validators: &Validators,
    how: &'static str,
    outcome: Outcome,
) -> Outcome {
    trace.note(|| {
        let is_any = fields.sole(name) == Some(b"*");
        let how = if is_any && how != BY_DATE { ANY } else { how };
        let sent = Quote::of_field(fields, name);
        let (finding, status) = match outcome {
            Outcome::Continue(reason) | Outcome::Break(Precondition::Proceed(reason)) => {
                (reason.text(), None)
            }
            Outcome::Break(Precondition::NotModified(reason)) => {
                (reason.text(), Some(Status::NotModified))
            }
            Outcome::Break(Precondition::Failed(reason)) => {
                (reason.text(), Some(Status::PreconditionFailed))
            }
        };
        let own = match name {
            FieldName::IfMatch | FieldName::IfNoneMatch => entity_tag(validators),
            _ => modified(validators),
        };
        let step = Step::new(clause, finding).compared(sent, own, how);
        let step = step.unless(edit(outcome, fields, validators));
        Step { status, ..step }
    });
    outcome
}

/// What would make a condition turn out otherwise.
fn edit(outcome: Outcome, fields: &Fields, validators: &Validators) -> Option<Edit> {
    use FieldName::{IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince};
    let mut sent = CONDITIONS.into_iter().filter(|name| fields.contains(*name));
    // No other condition and no range decides once this condition does not.
    let is_alone = sent.nth(1).is_none() && !fields.contains(FieldName::Range);
    let whole = |edit: Edit| edit.leads_to_if(is_alone, Status::Ok);
    Some(match outcome {
        Outcome::Continue(reason) | Outcome::Break(Precondition::Proceed(reason)) => match reason {
            ProceedReason::NoCondition | ProceedReason::MethodHasNoConditions => return None,
            ProceedReason::Matches => {
                Edit::set(IfMatch, OTHER_TAG).leads_to(Status::PreconditionFailed)
            }
            ProceedReason::UnmodifiedSince => {
                // No date of HTTP is earlier than the first second of 1970.
                let is_later = validators
                    .last_modified
                    .is_some_and(|own| own.seconds() > 0);
                let old = Edit::set(IfUnmodifiedSince, OLDEST).leads_to(Status::PreconditionFailed);
                return is_later.then_some(old);
            }
            ProceedReason::UnmodifiedSinceIgnored(_) => {
                Edit::remove(IfUnmodifiedSince).keeps_status()
            }
            ProceedReason::NoneMatch if validators.entity_tag.is_some() => {
                Edit::set_own(IfNoneMatch).leads_to(Status::NotModified)
            }
            ProceedReason::NoneMatch => Edit::set(IfNoneMatch, "*").leads_to(Status::NotModified),
            ProceedReason::ModifiedSince => {
                Edit::set_own(IfModifiedSince).leads_to(Status::NotModified)
            }
            ProceedReason::ModifiedSinceIgnored(_) => Edit::remove(IfModifiedSince).keeps_status(),
        },
        Outcome::Break(Precondition::NotModified(reason)) => match reason {
            NotModifiedReason::NotModifiedSince => whole(Edit::remove(IfModifiedSince)),
            NotModifiedReason::EntityTagMatches | NotModifiedReason::AnyMatches => {
                whole(Edit::remove(IfNoneMatch))
            }
        },
        Outcome::Break(Precondition::Failed(reason)) => match reason {
            FailedReason::NoMatch | FailedReason::MatchMalformed if validators.has_strong_tag() => {
                whole(Edit::set_own(IfMatch))
            }
            FailedReason::NoMatch | FailedReason::MatchMalformed => whole(Edit::remove(IfMatch)),
            FailedReason::ModifiedSince => whole(Edit::set_own(IfUnmodifiedSince)),
            FailedReason::EntityTagMatches => Edit::remove(IfNoneMatch),
        },
    })
}

/// An entity-tag that docroot never gives.
const OTHER_TAG: &str = "\"another\"";

/// The first date that a representation can have.
const OLDEST: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

fn entity_tag(validators: &Validators) -> Quote {
    match validators.entity_tag {
        Some(tag) => Quote::written(|out| tag.write(out)),
        None => Quote::of(b"no entity-tag"),
    }
}

fn modified(validators: &Validators) -> Quote {
    match validators.last_modified {
        Some(date) => Quote::written(|out| date.write(out)),
        None => Quote::of(b"no modification date"),
    }
}

fn failed(reason: FailedReason) -> Outcome {
    Outcome::Break(Precondition::Failed(reason))
}

fn listed<'a>(
    fields: &Fields<'a>,
    name: FieldName,
) -> impl Iterator<Item = Result<EntityTag<'a>, MalformedEntityTag>> {
    fields.values(name).flat_map(entity_tags)
}

fn current(validators: &Validators, is_named: impl FnOnce(EntityTag) -> bool) -> bool {
    validators.entity_tag.is_some_and(is_named)
}

/// The modification date, and the date in the field `name`.
fn dates(
    fields: &Fields,
    name: FieldName,
    validators: &Validators,
    now: HttpDate,
) -> Result<(HttpDate, HttpDate), IgnoredDate> {
    let value = fields.sole(name).ok_or(IgnoredDate::Malformed)?;
    let date = HttpDate::parse(value, now).ok_or(IgnoredDate::Malformed)?;
    let modified = validators.last_modified;
    Ok((modified.ok_or(IgnoredDate::NothingToCompare)?, date))
}

impl ProceedReason {
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            ProceedReason::NoCondition => "the request has no condition",
            ProceedReason::MethodHasNoConditions => "conditions do not apply to this method",
            ProceedReason::Matches => "If-Match matches the representation",
            ProceedReason::UnmodifiedSince => {
                "the representation was not modified after the date in If-Unmodified-Since"
            }
            ProceedReason::UnmodifiedSinceIgnored(IgnoredDate::Malformed) => {
                "If-Unmodified-Since is ignored because it is not one valid date"
            }
            ProceedReason::UnmodifiedSinceIgnored(IgnoredDate::NothingToCompare) => {
                "If-Unmodified-Since is ignored because there is no modification date"
            }
            ProceedReason::NoneMatch => "If-None-Match does not list the current entity-tag",
            ProceedReason::ModifiedSince => {
                "the representation was modified after the date in If-Modified-Since"
            }
            ProceedReason::ModifiedSinceIgnored(IgnoredDate::Malformed) => {
                "If-Modified-Since is ignored because it is not one valid date"
            }
            ProceedReason::ModifiedSinceIgnored(IgnoredDate::NothingToCompare) => {
                "If-Modified-Since is ignored because there is no modification date"
            }
        }
    }
}

impl NotModifiedReason {
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            NotModifiedReason::EntityTagMatches => "If-None-Match lists the current entity-tag",
            NotModifiedReason::AnyMatches => "If-None-Match is * and a representation exists",
            NotModifiedReason::NotModifiedSince => {
                "the representation was not modified after the date in If-Modified-Since"
            }
        }
    }
}

impl FailedReason {
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            FailedReason::NoMatch => "If-Match does not list the current entity-tag",
            FailedReason::MatchMalformed => "If-Match contains a malformed entity-tag",
            FailedReason::ModifiedSince => {
                "the representation was modified after the date in If-Unmodified-Since"
            }
            FailedReason::EntityTagMatches => "If-None-Match matches the representation",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use FieldName::{IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince};
    use Precondition::{Failed, NotModified, Proceed};

    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const FUTURE: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
    const NO_DATE: &str = "last week";

    const STRONG: Validators = Validators {
        entity_tag: Some(EntityTag {
            weak: false,
            opaque: b"v1",
        }),
        last_modified: None,
    };

    fn evaluate_with(
        method: Method,
        validators: Validators,
        pairs: &[(FieldName, &str)],
    ) -> Precondition {
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let last_modified = HttpDate::parse(MODIFIED.as_bytes(), now);
        let validators = Validators {
            last_modified,
            ..validators
        };
        evaluate(
            method,
            &Section::of(pairs).fields(),
            &validators,
            now,
            &mut Trace::off(),
        )
    }

    #[track_caller]
    fn check(pairs: &[(FieldName, &str)], want: Precondition) {
        for method in [Method::Get, Method::Head] {
            let got = evaluate_with(method, STRONG, pairs);
            assert_eq!(got, want, "{method:?} {pairs:?}");
        }
    }

    /// The findings of the steps for a GET.
    #[track_caller]
    fn check_steps(pairs: &[(FieldName, &str)], want: &[&str]) {
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let validators = Validators {
            last_modified: HttpDate::parse(MODIFIED.as_bytes(), now),
            ..STRONG
        };
        let mut trace = Trace::watched();
        let section = Section::of(pairs);
        evaluate(Method::Get, &section.fields(), &validators, now, &mut trace);
        let steps: Vec<String> = trace.steps().iter().map(Step::to_string).collect();
        assert_eq!(steps, want);
    }

    #[test]
    fn steps_show_all_values_and_the_kind_of_comparison() {
        let lines = [(IfMatch, "\"v0\""), (IfMatch, "\"v1\"")];
        let found = "If-Match matches the representation: ";
        let list = format!("{found}\"v0\", \"v1\" against \"v1\" (strong comparison)");
        check_steps(&lines, &[&list]);
        let any = format!("{found}* against \"v1\" (* matches every representation)");
        check_steps(&[(IfMatch, "*")], &[&any]);
    }

    /// 13.2.2: the conditions that another one replaces.
    #[test]
    fn skipped_conditions_have_a_step() {
        let dated =
            format!("If-Unmodified-Since is ignored because the request has If-Match: {EARLIER}");
        let any = "If-Match matches the representation: * against \"v1\" \
                   (* matches every representation)";
        check_steps(
            &[(IfMatch, "*"), (IfUnmodifiedSince, EARLIER)],
            &[any, &dated],
        );
        let dated =
            format!("If-Modified-Since is ignored because the request has If-None-Match: {LATER}");
        let differs = "If-None-Match does not list the current entity-tag: \"v0\" against \"v1\" \
                       (weak comparison)";
        let pairs = [(IfNoneMatch, "\"v0\""), (IfModifiedSince, LATER)];
        check_steps(&pairs, &[&dated, differs]);
    }

    #[test]
    fn ignored_conditions_have_a_step() {
        let ignored = |method, pairs: &[(FieldName, &str)]| {
            let mut trace = Trace::watched();
            note_ignored(method, &Section::of(pairs).fields(), &mut trace);
            trace.steps().first().map(|step| step.finding)
        };
        let pairs = [(IfMatch, "*")];
        assert_eq!(ignored(Some(Method::Get), &[]), None);
        let options = ignored(Some(Method::Options), &pairs);
        assert_eq!(options, Some("conditions do not apply to this method"));
        for method in [Some(Method::Get), Some(Method::Registered("PUT")), None] {
            let text = ignored(method, &pairs).unwrap_or_default();
            assert!(text.contains("an error or a redirect anyway"), "{text}");
        }
    }

    #[test]
    fn step_1_if_match() {
        let matches = Proceed(ProceedReason::Matches);
        let no_match = Failed(FailedReason::NoMatch);
        let malformed = Failed(FailedReason::MatchMalformed);
        check(&[(IfMatch, "\"v1\"")], matches);
        check(&[(IfMatch, "\"v0\", \"v1\"")], matches);
        check(&[(IfMatch, "\"v0\""), (IfMatch, "\"v1\"")], matches); // 5.3: one list
        check(&[(IfMatch, "*")], matches);
        check(&[(IfMatch, "\"v2\"")], no_match);
        check(&[(IfMatch, "W/\"v1\"")], no_match); // 13.1.1: strong comparison
        check(&[(IfMatch, "")], no_match);
        check(&[(IfMatch, "v1")], malformed);
        check(&[(IfMatch, "\"v1\", v2")], malformed);
        check(&[(IfMatch, "*, \"v1\"")], malformed);
        check(&[(IfMatch, "*"), (IfMatch, "*")], malformed);
    }

    #[test]
    fn step_2_if_unmodified_since() {
        let matches = Proceed(ProceedReason::UnmodifiedSince);
        let ignored = |why| Proceed(ProceedReason::UnmodifiedSinceIgnored(why));
        check(&[(IfUnmodifiedSince, MODIFIED)], matches);
        check(&[(IfUnmodifiedSince, LATER)], matches);
        check(&[(IfUnmodifiedSince, FUTURE)], matches);
        let modified = Failed(FailedReason::ModifiedSince);
        check(&[(IfUnmodifiedSince, EARLIER)], modified);
        check(
            &[(IfUnmodifiedSince, "Sunday, 06-Nov-94 08:49:36 GMT")],
            modified,
        );
        check(
            &[(IfUnmodifiedSince, NO_DATE)],
            ignored(IgnoredDate::Malformed),
        );
        let twice = [(IfUnmodifiedSince, EARLIER), (IfUnmodifiedSince, EARLIER)];
        check(&twice, ignored(IgnoredDate::Malformed)); // 13.1.4: a list of dates
        // 13.1.4: ignored if If-Match is present.
        let both = [(IfUnmodifiedSince, EARLIER), (IfMatch, "\"v1\"")];
        check(&both, Proceed(ProceedReason::Matches));
    }

    #[test]
    fn step_3_if_none_match() {
        let same = NotModified(NotModifiedReason::EntityTagMatches);
        let other = Proceed(ProceedReason::NoneMatch);
        check(&[(IfNoneMatch, "\"v1\"")], same);
        check(&[(IfNoneMatch, "W/\"v1\"")], same); // 13.1.2: weak comparison
        check(&[(IfNoneMatch, "\"v0\", \"v1\"")], same);
        check(&[(IfNoneMatch, "\"v0\""), (IfNoneMatch, "\"v1\"")], same);
        check(&[(IfNoneMatch, "v0, \"v1\"")], same); // the malformed member is ignored
        check(
            &[(IfNoneMatch, "*")],
            NotModified(NotModifiedReason::AnyMatches),
        );
        check(&[(IfNoneMatch, "\"v2\"")], other);
        check(&[(IfNoneMatch, "v1")], other);
        check(&[(IfNoneMatch, "*, \"v2\"")], other);
        check(&[(IfNoneMatch, "")], other);
    }

    #[test]
    fn step_4_if_modified_since() {
        let same = NotModified(NotModifiedReason::NotModifiedSince);
        let ignored = |why| Proceed(ProceedReason::ModifiedSinceIgnored(why));
        check(&[(IfModifiedSince, MODIFIED)], same);
        check(&[(IfModifiedSince, LATER)], same);
        check(&[(IfModifiedSince, "Sun Nov  6 08:49:37 1994")], same); // 5.6.7
        check(&[(IfModifiedSince, "Sunday, 06-Nov-94 08:49:37 GMT")], same);
        check(
            &[(IfModifiedSince, EARLIER)],
            Proceed(ProceedReason::ModifiedSince),
        );
        check(
            &[(IfModifiedSince, FUTURE)],
            NotModified(NotModifiedReason::NotModifiedSince),
        );
        check(
            &[(IfModifiedSince, NO_DATE)],
            ignored(IgnoredDate::Malformed),
        );
        check(&[(IfModifiedSince, "")], ignored(IgnoredDate::Malformed));
        let twice = [(IfModifiedSince, LATER), (IfModifiedSince, LATER)];
        check(&twice, ignored(IgnoredDate::Malformed)); // 13.1.3: more than one member
        // 13.1.3: ignored if If-None-Match is present, even if that does not match.
        let both = [(IfModifiedSince, LATER), (IfNoneMatch, "\"v2\"")];
        check(&both, Proceed(ProceedReason::NoneMatch));
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_13_2_2() {
        let failed = Failed(FailedReason::NoMatch);
        check(&[(IfNoneMatch, "\"v1\""), (IfMatch, "\"v2\"")], failed); // 1 before 3
        let same = NotModified(NotModifiedReason::EntityTagMatches);
        check(&[(IfNoneMatch, "\"v1\""), (IfMatch, "\"v1\"")], same); // 1, then 3
        let modified = Failed(FailedReason::ModifiedSince);
        check(
            &[(IfModifiedSince, LATER), (IfUnmodifiedSince, EARLIER)],
            modified,
        ); // 2 before 4
        check(&[], Proceed(ProceedReason::NoCondition));
    }

    #[test]
    fn the_method_decides_which_conditions_apply() {
        let tag = [(IfNoneMatch, "\"v1\"")];
        let got = evaluate_with(Method::Registered("PUT"), STRONG, &tag);
        assert_eq!(got, Failed(FailedReason::EntityTagMatches)); // step 3
        let date = [(IfModifiedSince, LATER)];
        let got = evaluate_with(Method::Registered("PUT"), STRONG, &date);
        assert_eq!(got, Proceed(ProceedReason::NoCondition)); // 13.1.3: neither GET nor HEAD
        let got = evaluate_with(Method::Options, STRONG, &[(IfMatch, "\"v2\"")]);
        assert_eq!(got, Proceed(ProceedReason::MethodHasNoConditions)); // 13.2.1
        let got = evaluate_with(Method::Options, STRONG, &[]);
        assert_eq!(got, Proceed(ProceedReason::NoCondition));
    }

    #[test]
    fn validators_may_be_missing() {
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let check = |name, value, want| {
            let section = Section::of(&[(name, value)]);
            let (fields, none) = (section.fields(), Validators::default());
            let got = evaluate(Method::Get, &fields, &none, now, &mut Trace::off());
            assert_eq!(got, want, "{name:?} {value:?}");
        };
        let nothing = IgnoredDate::NothingToCompare;
        check(IfMatch, "*", Proceed(ProceedReason::Matches));
        check(IfMatch, "\"v1\"", Failed(FailedReason::NoMatch));
        check(IfNoneMatch, "\"v1\"", Proceed(ProceedReason::NoneMatch));
        let unmodified = ProceedReason::UnmodifiedSinceIgnored(nothing);
        check(IfUnmodifiedSince, EARLIER, Proceed(unmodified)); // 13.1.4
        let modified = ProceedReason::ModifiedSinceIgnored(nothing);
        check(IfModifiedSince, LATER, Proceed(modified)); // 13.1.3
    }

    #[test]
    fn a_weak_tag_never_satisfies_if_match() {
        let weak = Validators {
            entity_tag: Some(EntityTag {
                weak: true,
                opaque: b"v1",
            }),
            last_modified: None,
        };
        let got = evaluate_with(Method::Get, weak, &[(IfMatch, "W/\"v1\"")]);
        assert_eq!(got, Failed(FailedReason::NoMatch));
        let got = evaluate_with(Method::Get, weak, &[(IfNoneMatch, "\"v1\"")]);
        assert_eq!(got, NotModified(NotModifiedReason::EntityTagMatches));
    }

    #[test]
    fn each_condition_notes_the_values_that_it_compares() {
        let mut trace = Trace::watched();
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let section = Section::of(&[(IfMatch, "\"v1\""), (IfNoneMatch, "\"v0\", W/\"v1\"")]);
        evaluate(Method::Get, &section.fields(), &STRONG, now, &mut trace);
        let lines: Vec<String> = trace.steps().iter().map(Step::to_string).collect();
        assert_eq!(
            lines,
            [
                "If-Match matches the representation: \"v1\" against \"v1\" (strong comparison)",
                "If-None-Match lists the current entity-tag: \"v0\", W/\"v1\" against \"v1\" \
                 (weak comparison) -> 304",
            ]
        );
    }

    #[test]
    fn every_reason_has_its_own_text() {
        use FailedReason::*;
        let texts = [NoMatch, MatchMalformed, ModifiedSince, EntityTagMatches];
        let texts = texts.map(FailedReason::text);
        for text in texts {
            assert_eq!(
                texts.iter().filter(|other| **other == text).count(),
                1,
                "{text}"
            );
        }
    }

    /// The edit of the last step of a GET request with these fields.
    #[track_caller]
    fn check_edit_of(validators: Validators, pairs: &[(FieldName, &str)], want: Edit) {
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let mut trace = Trace::watched();
        let section = Section::of(pairs);
        evaluate(Method::Get, &section.fields(), &validators, now, &mut trace);
        let last = trace.steps().last().map(|step| step.edits);
        assert_eq!(last, Some([Some(want), None]), "{pairs:?}");
    }

    #[track_caller]
    fn check_edit(pairs: &[(FieldName, &str)], want: Edit) {
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let last_modified = HttpDate::parse(MODIFIED.as_bytes(), now);
        let validators = Validators {
            last_modified,
            ..STRONG
        };
        check_edit_of(validators, pairs, want);
    }

    #[test]
    fn a_condition_that_is_met_would_fail_otherwise() {
        let failed = Status::PreconditionFailed;
        let other = Edit::set(IfMatch, "\"another\"").leads_to(failed);
        check_edit(&[(IfMatch, "\"v1\"")], other);
        let old = Edit::set(IfUnmodifiedSince, "Thu, 01 Jan 1970 00:00:00 GMT");
        check_edit(&[(IfUnmodifiedSince, MODIFIED)], old.leads_to(failed));
        let own = |name| Edit::set_own(name).leads_to(Status::NotModified);
        check_edit(&[(IfNoneMatch, "\"v2\"")], own(IfNoneMatch));
        check_edit(&[(IfModifiedSince, EARLIER)], own(IfModifiedSince));
        let any = Edit::set(IfNoneMatch, "*").leads_to(Status::NotModified);
        check_edit_of(Validators::default(), &[(IfNoneMatch, "\"v2\"")], any);
        for name in [IfUnmodifiedSince, IfModifiedSince] {
            check_edit(&[(name, NO_DATE)], Edit::remove(name).keeps_status());
        }
    }

    #[test]
    fn a_condition_that_decides_would_let_the_representation_be_sent() {
        let sent = |edit: Edit| edit.leads_to(Status::Ok);
        check_edit(&[(IfMatch, "\"v2\"")], sent(Edit::set_own(IfMatch)));
        check_edit(&[(IfMatch, "v2")], sent(Edit::set_own(IfMatch)));
        let without = sent(Edit::remove(IfMatch));
        let weak = Validators {
            entity_tag: EntityTag::parse(b"W/\"v1\""),
            ..STRONG
        };
        for validators in [Validators::default(), weak] {
            // A weak tag does not even match itself (section 8.8.3.2).
            for value in ["\"v2\"", "W/\"v1\"", "v2"] {
                check_edit_of(validators, &[(IfMatch, value)], without);
            }
        }
        let own = sent(Edit::set_own(IfUnmodifiedSince));
        check_edit(&[(IfUnmodifiedSince, EARLIER)], own);
        check_edit(&[(IfNoneMatch, "\"v1\"")], sent(Edit::remove(IfNoneMatch)));
        check_edit(&[(IfNoneMatch, "*")], sent(Edit::remove(IfNoneMatch)));
        let undated = sent(Edit::remove(IfModifiedSince));
        check_edit(&[(IfModifiedSince, LATER)], undated);
    }

    #[test]
    fn no_date_is_older_than_the_oldest() {
        let last_modified = HttpDate::from_unix(0);
        let validators = Validators {
            last_modified,
            ..STRONG
        };
        let section = Section::of(&[(IfUnmodifiedSince, MODIFIED)]);
        let (now, mut trace) = (HttpDate::from_unix(0).unwrap(), Trace::watched());
        evaluate(Method::Get, &section.fields(), &validators, now, &mut trace);
        assert_eq!(trace.steps()[0].edits, [None, None]);
    }

    #[test]
    fn what_else_the_request_has_may_decide_then() {
        let known = (IfNoneMatch, "\"v1\"");
        let without = Edit::remove(IfNoneMatch);
        check_edit(&[known, (IfModifiedSince, LATER)], without);
        check_edit(&[known, (FieldName::Range, "bytes=0-1")], without);
        let twice = without.leads_to(Status::Ok);
        check_edit(&[known, (FieldName::Host, "a")], twice);
    }

    #[test]
    fn conditions_that_are_not_looked_at_would_be_otherwise() {
        let edits = |method, pairs: &[(FieldName, &str)]| {
            let mut trace = Trace::watched();
            let now = HttpDate::from_unix(0).unwrap();
            let section = Section::of(pairs);
            evaluate(method, &section.fields(), &STRONG, now, &mut trace);
            note_ignored(Some(method), &section.fields(), &mut trace);
            let steps = trace.steps().iter();
            steps.filter_map(|step| step.edits[0]).collect::<Vec<_>>()
        };
        let get = Edit::method("GET");
        assert_eq!(edits(Method::Options, &[(IfMatch, "*")]), [get, get]);
        let both = [(IfMatch, "*"), (IfUnmodifiedSince, LATER)];
        assert_eq!(edits(Method::Get, &both)[1], Edit::remove(IfMatch));
        let both = [(IfNoneMatch, "\"a\""), (IfModifiedSince, LATER)];
        assert_eq!(edits(Method::Get, &both)[0], Edit::remove(IfNoneMatch));
    }

    #[test]
    fn a_request_without_conditions_and_ranges_asks_for_the_whole() {
        for name in [IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince] {
            let section = Section::of(&[(name, "a")]);
            let fields = section.fields();
            assert!(
                has_condition(&fields) && !asks_for_whole(&fields),
                "{name:?}"
            );
        }
        let ranged = Section::of(&[(FieldName::Range, "bytes=0-1")]);
        let ranged = ranged.fields();
        assert!(!has_condition(&ranged) && !asks_for_whole(&ranged));
        assert!(asks_for_whole(&Fields::empty()));
    }
}
