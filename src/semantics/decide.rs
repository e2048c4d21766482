//! RFC 9110 sections 13, 14 and 15.3.1 together: what of the selected representation is sent.
//!
//! First the preconditions, then If-Range, then Range (section 13.2.2). The representation has
//! been selected before: its validators are those of its content coding.

use super::date::HttpDate;
use super::field::{FieldName, Fields};
use super::if_range::{self, DiffersReason, IfRange};
use super::method::Method;
use super::precondition::{self, FailedReason, NotModifiedReason, Precondition, ProceedReason};
use super::range::{self, ByteRange, IgnoredReason, RangeChoice};
use super::status::Status;
use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use super::validator::Validators;

/// The representation that negotiation has selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selected<'a> {
    /// Its validators.
    pub validators: Validators<'a>,
    /// Its length in bytes, where that is known before it is sent.
    pub length: Option<u64>,
}

/// What is sent, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// 200: all of it.
    Whole(WholeReason),
    /// 206: one part.
    Partial(ByteRange),
    /// 206: two parts or more as `multipart/byteranges`.
    Multipart(Vec<ByteRange>),
    /// 304: nothing, the client has it.
    NotModified(NotModifiedReason),
    /// 412: nothing, it is not what the client meant.
    PreconditionFailed(FailedReason),
    /// 416: nothing, it does not reach that far.
    RangeNotSatisfiable {
        /// How many bytes there are.
        length: u64,
    },
}

/// Why all of it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeReason {
    /// No part was asked for, and this of the conditions.
    Asked(ProceedReason),
    /// The Range field is ignored.
    RangeIgnored(IgnoredReason),
    /// Range has a meaning for GET alone (section 14.2).
    RangeWithoutGet,
    /// Parts cannot be cut from what has no length yet.
    LengthUnknown,
    /// The part would not fit what the client has.
    IfRangeDiffers(DiffersReason),
}

/// Decides for a request that would otherwise be answered with 200. `max_ranges` bounds how many
/// ranges are taken seriously, [`range::MAX_RANGES`] by default. A request without condition and
/// range costs five tests of a bit.
pub fn decide(
    method: Method,
    fields: &Fields,
    selected: &Selected,
    now: HttpDate,
    max_ranges: usize,
    trace: &mut Trace,
) -> Decision {
    let whole = match precondition::evaluate(method, fields, &selected.validators, now, trace) {
        Precondition::NotModified(reason) => return Decision::NotModified(reason),
        Precondition::Failed(reason) => return Decision::PreconditionFailed(reason),
        Precondition::Proceed(reason) if !fields.contains(FieldName::Range) => {
            WholeReason::Asked(reason)
        }
        Precondition::Proceed(_) => match part(method, fields, selected, now, max_ranges, trace) {
            Ok(decision) => return decision,
            Err(whole) => whole,
        },
    };
    trace.note(|| Step::new(WHOLE, "all of the representation is sent").leads_to(Status::Ok));
    Decision::Whole(whole)
}

const WHOLE: Clause = clause!("RFC 9110 section 15.3.1", "decide");

/// Steps 5 and 6 of section 13.2.2: what Range and If-Range come to.
fn part(
    method: Method,
    fields: &Fields,
    selected: &Selected,
    now: HttpDate,
    max_ranges: usize,
    trace: &mut Trace,
) -> Result<Decision, WholeReason> {
    if let IfRange::Differs(why) = applicable(method, fields, selected, now, trace)? {
        return Err(WholeReason::IfRangeDiffers(why));
    }
    let length = selected.length.ok_or(WholeReason::LengthUnknown)?;
    let choice = match fields.sole(FieldName::Range) {
        Some(value) => range::select(value, length, max_ranges),
        None => RangeChoice::Ignored(IgnoredReason::Malformed),
    };
    trace.note(|| note_range(fields, length, &choice));
    match choice {
        RangeChoice::Single(range) => Ok(Decision::Partial(range)),
        RangeChoice::Several(ranges) => Ok(Decision::Multipart(ranges)),
        RangeChoice::Unsatisfiable => Ok(Decision::RangeNotSatisfiable { length }),
        RangeChoice::Ignored(why) => Err(WholeReason::RangeIgnored(why)),
    }
}

/// Whether Range means anything for this method and representation, and what If-Range says of it.
fn applicable(
    method: Method,
    fields: &Fields,
    selected: &Selected,
    now: HttpDate,
    trace: &mut Trace,
) -> Result<IfRange, WholeReason> {
    let obstacle = match selected.length {
        _ if method != Method::Get => Some(WholeReason::RangeWithoutGet),
        None => Some(WholeReason::LengthUnknown),
        Some(_) => None,
    };
    if let Some(why) = obstacle {
        trace.note(|| Step::new(APPLICABLE, why.text()));
        return Err(why);
    }
    Ok(if_range::evaluate(fields, &selected.validators, now, trace))
}

const APPLICABLE: Clause = clause!("RFC 9110 section 14.2", "applicable");
const PART: Clause = clause!("RFC 9110 section 14.2", "part");

fn note_range(fields: &Fields, length: u64, choice: &RangeChoice) -> Step {
    let (finding, status, ranges): (_, _, &[ByteRange]) = match choice {
        RangeChoice::Single(range) => (ONE_RANGE, Some(Status::PartialContent), &[*range]),
        RangeChoice::Several(ranges) => (SEVERAL_RANGES, Some(Status::PartialContent), ranges),
        RangeChoice::Unsatisfiable => (NO_RANGE, Some(Status::RangeNotSatisfiable), &[]),
        RangeChoice::Ignored(why) => (why.text(), None, &[]),
    };
    let evidence = Evidence::Ranges {
        sent: Quote::of(fields.first(FieldName::Range).unwrap_or_default()),
        length,
        first: ranges.first().copied(),
        count: ranges.len(),
    };
    Step {
        status,
        ..Step::new(PART, finding).with(evidence)
    }
}

const ONE_RANGE: &str = "Range selects one part";
const SEVERAL_RANGES: &str = "Range selects several parts";
const NO_RANGE: &str = "Range begins beyond the last byte";

impl Decision {
    /// The status that says so.
    pub fn status(&self) -> Status {
        match self {
            Decision::Whole(_) => Status::Ok,
            Decision::Partial(_) | Decision::Multipart(_) => Status::PartialContent,
            Decision::NotModified(_) => Status::NotModified,
            Decision::PreconditionFailed(_) => Status::PreconditionFailed,
            Decision::RangeNotSatisfiable { .. } => Status::RangeNotSatisfiable,
        }
    }
}

impl Decision {
    /// Why, as a clause.
    pub fn text(&self) -> &'static str {
        match self {
            Decision::Whole(reason) => reason.text(),
            Decision::Partial(_) => ONE_RANGE,
            Decision::Multipart(_) => SEVERAL_RANGES,
            Decision::NotModified(reason) => reason.text(),
            Decision::PreconditionFailed(reason) => reason.text(),
            Decision::RangeNotSatisfiable { .. } => NO_RANGE,
        }
    }
}

impl WholeReason {
    /// The reason as a clause.
    pub fn text(self) -> &'static str {
        match self {
            WholeReason::Asked(reason) => reason.text(),
            WholeReason::RangeIgnored(reason) => reason.text(),
            WholeReason::RangeWithoutGet => "Range is ignored because the method is not GET",
            WholeReason::LengthUnknown => {
                "Range is ignored because the length is not known beforehand"
            }
            WholeReason::IfRangeDiffers(reason) => reason.text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use crate::semantics::validator::EntityTag;
    use FieldName::{IfMatch, IfNoneMatch, IfRange, Range};

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[track_caller]
    fn check_with(
        method: Method,
        length: Option<u64>,
        pairs: &[(FieldName, &str)],
        want: Decision,
    ) {
        let selected = Selected {
            validators: Validators {
                entity_tag: EntityTag::parse(b"\"v1\""),
                last_modified: HttpDate::from_unix(784_111_777),
            },
            length,
        };
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let (section, mut trace) = (Section::of(pairs), Trace::watched());
        let got = decide(method, &section.fields(), &selected, now, 8, &mut trace);
        assert_eq!(got, want, "{method:?} {pairs:?}");
        let status = trace.steps().last().and_then(|step| step.status);
        assert_eq!(status, Some(got.status()));
        let mut steps = trace.steps().iter().rev().map(|step| step.finding);
        if matches!(got, Decision::Whole(_)) {
            assert_eq!(steps.next(), Some("all of the representation is sent"));
        }
        // The last step before is why, unless there was nothing to decide.
        assert_eq!(
            steps.next().unwrap_or("the request has no condition"),
            got.text()
        );
    }

    #[track_caller]
    fn check(pairs: &[(FieldName, &str)], want: Decision) {
        check_with(Method::Get, Some(100), pairs, want);
    }

    fn bytes(first: u64, last: u64) -> ByteRange {
        ByteRange { first, last }
    }

    #[test]
    fn the_whole_is_sent() {
        let plain = Decision::Whole(WholeReason::Asked(ProceedReason::NoCondition));
        check(&[], plain.clone());
        check(&[(IfRange, "\"v2\"")], plain); // 13.1.5: ignored without Range
        let why = IgnoredReason::Malformed;
        let malformed = Decision::Whole(WholeReason::RangeIgnored(why));
        check(&[(Range, "bytes=5-4")], malformed.clone());
        check(&[(Range, "bytes=0-0"), (Range, "bytes=0-0")], malformed); // 14.2: a singleton
        let differs = Decision::Whole(WholeReason::IfRangeDiffers(DiffersReason::EntityTag));
        check(
            &[(Range, "bytes=0-0"), (IfRange, "\"v2\"")],
            differs.clone(),
        );
        // 13.2.2: a range that could not be satisfied does not matter when If-Range fails.
        check(&[(Range, "bytes=500-"), (IfRange, "\"v2\"")], differs);
    }

    #[test]
    fn a_part_is_sent() {
        check(&[(Range, "bytes=0-9")], Decision::Partial(bytes(0, 9)));
        check(&[(Range, "bytes=-1")], Decision::Partial(bytes(99, 99)));
        let two = Decision::Multipart(vec![bytes(0, 0), bytes(5, 6)]);
        check(&[(Range, "bytes=0-0,5-6")], two);
        let resumed = Decision::Partial(bytes(50, 99));
        check(
            &[(Range, "bytes=50-"), (IfRange, "\"v1\"")],
            resumed.clone(),
        );
        check(&[(Range, "bytes=50-"), (IfRange, DATE)], resumed.clone());
        check(&[(Range, "bytes=50-"), (IfMatch, "\"v1\"")], resumed);
    }

    #[test]
    fn nothing_is_sent() {
        let beyond = Decision::RangeNotSatisfiable { length: 100 };
        check(&[(Range, "bytes=100-")], beyond);
        // 13.2.2: preconditions come before the range.
        let failed = Decision::PreconditionFailed(FailedReason::NoMatch);
        check(&[(Range, "bytes=100-"), (IfMatch, "\"v2\"")], failed);
        let same = Decision::NotModified(NotModifiedReason::EntityTagMatches);
        check(&[(Range, "bytes=0-9"), (IfNoneMatch, "\"v1\"")], same);
    }

    #[test]
    fn ranges_need_get_and_a_length() {
        let range = [(Range, "bytes=500-")];
        let head = Decision::Whole(WholeReason::RangeWithoutGet);
        check_with(Method::Head, Some(100), &range, head); // 14.2
        let unknown = Decision::Whole(WholeReason::LengthUnknown);
        check_with(Method::Get, None, &range, unknown);
    }
}
