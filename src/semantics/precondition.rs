//! RFC 9110 section 13.2: preconditions.
//!
//! Section 13.2.2 gives the order, and each of its steps is one function here:
//!
//! ```text
//! 1 If-Match              false -> 412
//! 2 If-Unmodified-Since   false -> 412    only without If-Match
//! 3 If-None-Match         false -> 304 for GET and HEAD, otherwise 412
//! 4 If-Modified-Since     false -> 304    only GET and HEAD without If-None-Match
//! 5 If-Range              see `if_range`
//! ```
//!
//! A caller asks only where the answer would be a success (section 13.2.1): there is a selected
//! representation, so `*` holds for it.

use std::fmt;
use std::ops::ControlFlow;

use super::date::HttpDate;
use super::field::{FieldName, Fields};
use super::method::Method;
use super::validator::{EntityTag, MalformedEntityTag, Validators, entity_tags};

/// Whether a request is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// As if there were no condition.
    Proceed(ProceedReason),
    /// 304: the client has the current representation.
    NotModified(NotModifiedReason),
    /// 412: the representation is not the one the client meant.
    Failed(FailedReason),
}

/// Why a request is carried out: the last condition that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProceedReason {
    /// There is none.
    NoCondition,
    /// OPTIONS, TRACE and CONNECT select no representation (section 13.2.1).
    MethodHasNoConditions,
    /// If-Match names the current entity-tag, or is `*`.
    Matches,
    /// Not modified since the date of If-Unmodified-Since.
    UnmodifiedSince,
    /// If-Unmodified-Since means nothing.
    UnmodifiedSinceIgnored(IgnoredDate),
    /// If-None-Match does not name the current entity-tag.
    NoneMatch,
    /// Modified after the date of If-Modified-Since.
    ModifiedSince,
    /// If-Modified-Since means nothing.
    ModifiedSinceIgnored(IgnoredDate),
}

/// Why the answer is 304.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotModifiedReason {
    /// If-None-Match names the current entity-tag.
    EntityTagMatches,
    /// If-None-Match is `*`, and there is a representation.
    AnyMatches,
    /// Not modified since the date of If-Modified-Since.
    NotModifiedSince,
}

/// Why the answer is 412.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedReason {
    /// If-Match does not name the current entity-tag.
    NoMatch,
    /// If-Match holds something that is no entity-tag.
    MatchMalformed,
    /// Modified after the date of If-Unmodified-Since.
    ModifiedSince,
    /// If-None-Match names the current entity-tag or is `*`, in a method other than GET and HEAD.
    EntityTagMatches,
}

/// Why a date is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredDate {
    /// It is no single valid date (sections 13.1.3 and 13.1.4).
    Malformed,
    /// The representation has no modification date to compare it with.
    NothingToCompare,
}

type Step = ControlFlow<Precondition, ProceedReason>;

/// Decides by the conditions of `fields`. `now` dates the request.
pub fn evaluate(
    method: Method,
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
) -> Precondition {
    if !has_condition(fields) {
        return Precondition::Proceed(ProceedReason::NoCondition);
    }
    if matches!(method, Method::Options | Method::Trace | Method::Connect) {
        return Precondition::Proceed(ProceedReason::MethodHasNoConditions);
    }
    match steps(method, fields, validators, now) {
        ControlFlow::Continue(reason) => Precondition::Proceed(reason),
        ControlFlow::Break(outcome) => outcome,
    }
}

fn has_condition(fields: &Fields) -> bool {
    fields.contains(FieldName::IfMatch)
        || fields.contains(FieldName::IfUnmodifiedSince)
        || fields.contains(FieldName::IfNoneMatch)
        || fields.contains(FieldName::IfModifiedSince)
}

fn steps(method: Method, fields: &Fields, validators: &Validators, now: HttpDate) -> Step {
    let is_read = matches!(method, Method::Get | Method::Head);
    let so_far = if fields.contains(FieldName::IfMatch) {
        if_match(fields, validators)?
    } else if fields.contains(FieldName::IfUnmodifiedSince) {
        if_unmodified_since(fields, validators, now)?
    } else {
        ProceedReason::NoCondition
    };
    if fields.contains(FieldName::IfNoneMatch) {
        if_none_match(is_read, fields, validators)
    } else if is_read && fields.contains(FieldName::IfModifiedSince) {
        if_modified_since(fields, validators, now)
    } else {
        Step::Continue(so_far)
    }
}

/// Step 1, section 13.1.1: strong comparison. A client that guards itself by a malformed field is
/// served best when nothing happens, so one malformed member makes the condition false.
fn if_match(fields: &Fields, validators: &Validators) -> Step {
    if fields.sole(FieldName::IfMatch) == Some(b"*") {
        return Step::Continue(ProceedReason::Matches);
    }
    let mut matches = false;
    for member in listed(fields, FieldName::IfMatch) {
        let Ok(tag) = member else {
            return failed(FailedReason::MatchMalformed);
        };
        matches |= current(validators, |own| own.strong_eq(&tag));
    }
    match matches {
        true => Step::Continue(ProceedReason::Matches),
        false => failed(FailedReason::NoMatch),
    }
}

/// Step 2, section 13.1.4.
fn if_unmodified_since(fields: &Fields, validators: &Validators, now: HttpDate) -> Step {
    let dates = dates(fields, FieldName::IfUnmodifiedSince, validators, now);
    match dates {
        Err(why) => Step::Continue(ProceedReason::UnmodifiedSinceIgnored(why)),
        Ok((modified, date)) if modified <= date => Step::Continue(ProceedReason::UnmodifiedSince),
        Ok(_) => failed(FailedReason::ModifiedSince),
    }
}

/// Step 3, section 13.1.2: weak comparison. A malformed member names nothing and is passed over;
/// what it costs is at most a representation sent again.
fn if_none_match(is_read: bool, fields: &Fields, validators: &Validators) -> Step {
    let reason = if fields.sole(FieldName::IfNoneMatch) == Some(b"*") {
        NotModifiedReason::AnyMatches
    } else if listed(fields, FieldName::IfNoneMatch)
        .flatten()
        .any(|tag| current(validators, |own| own.weak_eq(&tag)))
    {
        NotModifiedReason::EntityTagMatches
    } else {
        return Step::Continue(ProceedReason::NoneMatch);
    };
    match is_read {
        true => Step::Break(Precondition::NotModified(reason)),
        false => failed(FailedReason::EntityTagMatches),
    }
}

/// Step 4, section 13.1.3. A date that has not come yet was invalid in RFC 2616 section 14.25; RFC
/// 9110 compares it like any other.
fn if_modified_since(fields: &Fields, validators: &Validators, now: HttpDate) -> Step {
    let dates = dates(fields, FieldName::IfModifiedSince, validators, now);
    let ignored = |why| Step::Continue(ProceedReason::ModifiedSinceIgnored(why));
    match dates {
        Err(why) => ignored(why),
        Ok((modified, date)) if modified > date => Step::Continue(ProceedReason::ModifiedSince),
        Ok(_) => Step::Break(Precondition::NotModified(
            NotModifiedReason::NotModifiedSince,
        )),
    }
}

fn failed(reason: FailedReason) -> Step {
    Step::Break(Precondition::Failed(reason))
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

/// The modification date and the date of the field `name`.
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

impl fmt::Display for ProceedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProceedReason::NoCondition => "the request has no condition",
            ProceedReason::MethodHasNoConditions => "conditions mean nothing to this method",
            ProceedReason::Matches => "If-Match holds the current entity-tag",
            ProceedReason::UnmodifiedSince => "not modified since If-Unmodified-Since",
            ProceedReason::UnmodifiedSinceIgnored(why) => {
                return write!(f, "If-Unmodified-Since is ignored: {why}");
            }
            ProceedReason::NoneMatch => "If-None-Match does not hold the current entity-tag",
            ProceedReason::ModifiedSince => "modified after If-Modified-Since",
            ProceedReason::ModifiedSinceIgnored(why) => {
                return write!(f, "If-Modified-Since is ignored: {why}");
            }
        })
    }
}

impl fmt::Display for NotModifiedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotModifiedReason::EntityTagMatches => "If-None-Match holds the current entity-tag",
            NotModifiedReason::AnyMatches => "If-None-Match is * and there is a representation",
            NotModifiedReason::NotModifiedSince => "not modified since If-Modified-Since",
        })
    }
}

impl fmt::Display for FailedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailedReason::NoMatch => "If-Match does not hold the current entity-tag",
            FailedReason::MatchMalformed => "If-Match holds something that is no entity-tag",
            FailedReason::ModifiedSince => "modified after If-Unmodified-Since",
            FailedReason::EntityTagMatches => "If-None-Match holds the current entity-tag",
        })
    }
}

impl fmt::Display for IgnoredDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IgnoredDate::Malformed => "it is not one valid date",
            IgnoredDate::NothingToCompare => "the representation has no modification date",
        })
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
        evaluate(method, &Section::of(pairs).fields(), &validators, now)
    }

    #[track_caller]
    fn check(pairs: &[(FieldName, &str)], want: Precondition) {
        for method in [Method::Get, Method::Head] {
            let got = evaluate_with(method, STRONG, pairs);
            assert_eq!(got, want, "{method:?} {pairs:?}");
        }
    }

    #[test]
    fn step_1_if_match() {
        let holds = Proceed(ProceedReason::Matches);
        let no = Failed(FailedReason::NoMatch);
        let malformed = Failed(FailedReason::MatchMalformed);
        check(&[(IfMatch, "\"v1\"")], holds);
        check(&[(IfMatch, "\"v0\", \"v1\"")], holds);
        check(&[(IfMatch, "\"v0\""), (IfMatch, "\"v1\"")], holds); // 5.3: one list
        check(&[(IfMatch, "*")], holds);
        check(&[(IfMatch, "\"v2\"")], no);
        check(&[(IfMatch, "W/\"v1\"")], no); // 13.1.1: strong comparison
        check(&[(IfMatch, "")], no);
        check(&[(IfMatch, "v1")], malformed);
        check(&[(IfMatch, "\"v1\", v2")], malformed);
        check(&[(IfMatch, "*, \"v1\"")], malformed);
        check(&[(IfMatch, "*"), (IfMatch, "*")], malformed);
    }

    #[test]
    fn step_2_if_unmodified_since() {
        let holds = Proceed(ProceedReason::UnmodifiedSince);
        let ignored = |why| Proceed(ProceedReason::UnmodifiedSinceIgnored(why));
        check(&[(IfUnmodifiedSince, MODIFIED)], holds);
        check(&[(IfUnmodifiedSince, LATER)], holds);
        check(&[(IfUnmodifiedSince, FUTURE)], holds);
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
        // 13.1.4: ignored beside If-Match.
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
        check(&[(IfNoneMatch, "v0, \"v1\"")], same); // the malformed member is passed over
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
        // 13.1.3: ignored beside If-None-Match, whatever that says.
        let both = [(IfModifiedSince, LATER), (IfNoneMatch, "\"v2\"")];
        check(&both, Proceed(ProceedReason::NoneMatch));
    }

    #[test]
    fn the_order_is_that_of_13_2_2() {
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
    fn methods_differ() {
        let tag = [(IfNoneMatch, "\"v1\"")];
        let got = evaluate_with(Method::Put, STRONG, &tag);
        assert_eq!(got, Failed(FailedReason::EntityTagMatches)); // step 3
        let date = [(IfModifiedSince, LATER)];
        let got = evaluate_with(Method::Put, STRONG, &date);
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
            let got = evaluate(Method::Get, &section.fields(), &Validators::default(), now);
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
    fn reasons_are_sentences() {
        let why = NotModifiedReason::EntityTagMatches;
        assert_eq!(
            why.to_string(),
            "If-None-Match holds the current entity-tag"
        );
        let why = ProceedReason::ModifiedSinceIgnored(IgnoredDate::Malformed);
        let want = "If-Modified-Since is ignored: it is not one valid date";
        assert_eq!(why.to_string(), want);
    }
}
