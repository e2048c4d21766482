//! RFC 9110 sections 13, 14 and 15.3.1: whether the whole representation, parts of it or nothing
//! is sent.
//!
//! Section 13.2.2 gives the order: the preconditions, then If-Range, then Range. The caller has
//! already selected the representation, so the validators are those of its content coding.

use super::coding::accepts_identity;
use super::date::HttpDate;
use super::edit::Edit;
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
    /// The current validators.
    pub validators: Validators<'a>,
    /// The length in bytes, if it is known before the body is sent.
    pub length: Option<u64>,
    /// Whether the resource supports range requests, perhaps in another coding.
    pub has_ranges: bool,
}

/// What the server sends, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// 200: the whole representation.
    Whole(WholeReason),
    /// 206: one part.
    Partial(ByteRange),
    /// 206: two or more parts, as `multipart/byteranges`.
    Multipart(Vec<ByteRange>),
    /// 304: the client has the current representation.
    NotModified(NotModifiedReason),
    /// 412: the representation is not the one that the client expects.
    PreconditionFailed(FailedReason),
    /// 416: no requested range overlaps the representation.
    RangeNotSatisfiable {
        /// The length of the representation in bytes.
        length: u64,
    },
}

/// Why the whole representation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeReason {
    /// The request has no Range field, and the preconditions allow it for this reason.
    Asked(ProceedReason),
    /// The Range field is ignored.
    RangeIgnored(IgnoredReason),
    /// Range is defined only for GET (section 14.2).
    RangeWithoutGet,
    /// A range cannot be resolved while the length is unknown.
    LengthUnknown,
    /// If-Range does not match, so a part would not fit the one that the client has.
    IfRangeDiffers(DiffersReason),
}

/// Decides how to answer a request whose answer is otherwise 200.
///
/// A Range field with more than `max_ranges` ranges is ignored; the default is
/// [`range::MAX_RANGES`]. A request without conditions and ranges costs five bit tests.
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
    trace.note(|| {
        let step = Step::new(WHOLE, WHOLE_IS_SENT).leads_to(Status::Ok);
        let [range, condition] = edits_of_whole(method, fields, selected);
        step.unless(range).unless(condition)
    });
    Decision::Whole(whole)
}

/// What would make the server send a part or nothing.
fn edits_of_whole(method: Method, fields: &Fields, selected: &Selected) -> [Option<Edit>; 2] {
    let is_known = match selected.length {
        Some(length) => length > 0,
        // A range of a file that would be compressed is one of the file itself.
        None => selected.has_ranges && accepts_identity(fields),
    };
    let names = [FieldName::Range, FieldName::IfRange];
    let is_free = method == Method::Get && !names.iter().any(|&name| fields.contains(name));
    // A condition may choose a coding that has no ranges.
    let no_condition = !precondition::has_condition(fields);
    let range = Edit::set(FieldName::Range, SOME_RANGE).leads_to(Status::PartialContent);
    let is_read = matches!(method, Method::Get | Method::Head);
    let condition = Edit::set(FieldName::IfNoneMatch, "*").leads_to(Status::NotModified);
    [
        (is_free && is_known && no_condition).then_some(range),
        (is_read && no_condition).then_some(condition),
    ]
}

/// A range of every representation that is not empty.
const SOME_RANGE: &str = "bytes=0-99";

const WHOLE: Clause = clause!("RFC 9110 section 15.3.1", "decide");
const WHOLE_IS_SENT: &str = "the whole representation is sent";

/// Steps 5 and 6 of section 13.2.2: evaluates If-Range and Range.
fn part(
    method: Method,
    fields: &Fields,
    selected: &Selected,
    now: HttpDate,
    max_ranges: usize,
    trace: &mut Trace,
) -> Result<Decision, WholeReason> {
    applicable(method, fields, selected, max_ranges, trace)?;
    if let IfRange::Differs(why) = if_range::evaluate(fields, &selected.validators, now, trace) {
        return Err(WholeReason::IfRangeDiffers(why));
    }
    let length = selected.length.ok_or(WholeReason::LengthUnknown)?;
    let choice = match fields.sole(FieldName::Range) {
        Some(value) => range::select(value, length, max_ranges),
        None => RangeChoice::Ignored(IgnoredReason::Repeated),
    };
    trace.note(|| note_range(fields, length, &choice));
    match choice {
        RangeChoice::Single(range) => Ok(Decision::Partial(range)),
        RangeChoice::Several(ranges) => Ok(Decision::Multipart(ranges)),
        RangeChoice::Unsatisfiable => Ok(Decision::RangeNotSatisfiable { length }),
        RangeChoice::Ignored(why) => Err(WholeReason::RangeIgnored(why)),
    }
}

/// Checks that Range applies to this method and this representation. If the length is unknown, a
/// Range that is invalid for every length is ignored for that reason.
fn applicable(
    method: Method,
    fields: &Fields,
    selected: &Selected,
    max_ranges: usize,
    trace: &mut Trace,
) -> Result<(), WholeReason> {
    let invalid = || match fields.sole(FieldName::Range) {
        Some(value) => range::ignored_for_any_length(value, max_ranges),
        None => Some(IgnoredReason::Repeated),
    };
    let why = match selected.length {
        _ if method != Method::Get => WholeReason::RangeWithoutGet,
        None => invalid().map_or(WholeReason::LengthUnknown, WholeReason::RangeIgnored),
        Some(_) => return Ok(()),
    };
    trace.note(|| {
        let sent = Quote::of_field(fields, FieldName::Range);
        let edit = match why {
            WholeReason::RangeWithoutGet => Edit::method("GET"),
            _ => without_range(fields),
        };
        let step = Step::new(APPLICABLE, why.text()).with(Evidence::Value(sent));
        step.unless(edit)
    });
    Err(why)
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
        sent: Quote::of_field(fields, FieldName::Range),
        length,
        first: ranges.first().copied(),
        count: ranges.len(),
    };
    let edit = match choice {
        RangeChoice::Single(_) | RangeChoice::Several(_) => without_range(fields),
        _ if length == 0 => without_range(fields),
        RangeChoice::Unsatisfiable | RangeChoice::Ignored(_) => {
            Edit::set(FieldName::Range, SOME_RANGE).leads_to(Status::PartialContent)
        }
    };
    let step = Step::new(PART, finding).with(evidence).unless(edit);
    Step { status, ..step }
}

/// Without a range, the whole representation is sent: perhaps in a coding, for which a condition may turn out otherwise.
fn without_range(fields: &Fields) -> Edit {
    let no_condition = !precondition::has_condition(fields);
    Edit::remove(FieldName::Range).leads_to_if(no_condition, Status::Ok)
}

const ONE_RANGE: &str = "Range selects one part";
const SEVERAL_RANGES: &str = "Range selects several parts";
const NO_RANGE: &str = "Range selects no bytes";

impl Decision {
    /// The status code of the response.
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

#[cfg(test)]
impl Decision {
    /// The reason, as part of a sentence.
    pub(super) fn text(&self) -> &'static str {
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
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            WholeReason::Asked(reason) => reason.text(),
            WholeReason::RangeIgnored(reason) => reason.text(),
            WholeReason::RangeWithoutGet => "Range is ignored because the method is not GET",
            WholeReason::LengthUnknown => {
                "Range is ignored because the length of the content is not known yet"
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
            has_ranges: length.is_some(),
        };
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let (section, mut trace) = (Section::of(pairs), Trace::watched());
        let got = decide(method, &section.fields(), &selected, now, 8, &mut trace);
        assert_eq!(got, want, "{method:?} {pairs:?}");
        let status = trace.steps().last().and_then(|step| step.status);
        assert_eq!(status, Some(got.status()));
        let mut steps = trace.steps().iter().rev().map(|step| step.finding);
        if matches!(got, Decision::Whole(_)) {
            assert_eq!(steps.next(), Some(WHOLE_IS_SENT));
        }
        // The step before it gives the reason. A request without conditions and ranges has none.
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
    fn the_whole_representation_is_sent() {
        let plain = Decision::Whole(WholeReason::Asked(ProceedReason::NoCondition));
        check(&[], plain.clone());
        check(&[(IfRange, "\"v2\"")], plain); // 13.1.5: ignored without Range
        let why = IgnoredReason::Malformed;
        let malformed = Decision::Whole(WholeReason::RangeIgnored(why));
        check(&[(Range, "bytes=5-4")], malformed);
        let repeated = Decision::Whole(WholeReason::RangeIgnored(IgnoredReason::Repeated));
        check(&[(Range, "bytes=0-0"), (Range, "bytes=0-0")], repeated); // 14.2: a singleton
        let differs = Decision::Whole(WholeReason::IfRangeDiffers(DiffersReason::EntityTag));
        check(
            &[(Range, "bytes=0-0"), (IfRange, "\"v2\"")],
            differs.clone(),
        );
        // 13.2.2: if If-Range does not match, an unsatisfiable range is ignored too.
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
        // A Range that is invalid for every length is ignored for that reason.
        for (value, why) in [
            ("bytes=9-2", IgnoredReason::Malformed),
            ("lines=1-2", IgnoredReason::UnknownUnit),
            (
                &format!("bytes={}", "0-0,".repeat(40)),
                IgnoredReason::TooMany,
            ),
        ] {
            let ignored = Decision::Whole(WholeReason::RangeIgnored(why));
            for length in [None, Some(100)] {
                check_with(Method::Get, length, &[(Range, value)], ignored.clone());
            }
        }
        let repeated = Decision::Whole(WholeReason::RangeIgnored(IgnoredReason::Repeated));
        for length in [None, Some(100)] {
            let lines = [(Range, "bytes=0-1"), (Range, "bytes=0-1")];
            check_with(Method::Get, length, &lines, repeated.clone());
        }
    }

    /// The edits of the last step.
    #[track_caller]
    fn check_edits(
        method: Method,
        (length, has_ranges): (Option<u64>, bool),
        pairs: &[(FieldName, &str)],
        want: &[Edit],
    ) {
        let selected = Selected {
            validators: Validators {
                entity_tag: EntityTag::parse(b"\"v1\""),
                last_modified: None,
            },
            length,
            has_ranges,
        };
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let (section, mut trace) = (Section::of(pairs), Trace::watched());
        decide(method, &section.fields(), &selected, now, 8, &mut trace);
        let last = trace.steps().last().map(|step| step.edits);
        let got: Vec<Edit> = last.into_iter().flatten().flatten().collect();
        assert_eq!(got, want, "{method:?} {pairs:?}");
    }

    const KNOWN: (Option<u64>, bool) = (Some(100), true);

    #[test]
    fn a_whole_representation_would_be_sent_in_part_or_not_at_all() {
        use Method::{Get, Head};
        let part = Edit::set(Range, "bytes=0-99").leads_to(Status::PartialContent);
        let nothing = Edit::set(IfNoneMatch, "*").leads_to(Status::NotModified);
        check_edits(Get, KNOWN, &[], &[part, nothing]);
        check_edits(Head, KNOWN, &[], &[nothing]);
        check_edits(Method::Options, KNOWN, &[], &[]);
        check_edits(Get, (Some(1), false), &[], &[part, nothing]);
        check_edits(Get, (Some(0), true), &[], &[nothing]);
        check_edits(Get, KNOWN, &[(IfRange, "\"v1\"")], &[nothing]);
        check_edits(Get, KNOWN, &[(IfMatch, "*")], &[]);
        // What is compressed while it is sent has no ranges, but the file has.
        check_edits(Get, (None, true), &[], &[part, nothing]);
        let refused = [(FieldName::AcceptEncoding, "gzip, identity;q=0")];
        check_edits(Get, (None, true), &refused, &[nothing]);
        check_edits(Get, (None, false), &[], &[nothing]);
    }

    /// The edits of the step before the last one, which is about Range.
    #[track_caller]
    fn check_range(method: Method, length: Option<u64>, pairs: &[(FieldName, &str)], want: Edit) {
        let selected = Selected {
            validators: Validators::default(),
            length,
            has_ranges: true,
        };
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let (section, mut trace) = (Section::of(pairs), Trace::watched());
        decide(method, &section.fields(), &selected, now, 8, &mut trace);
        let about_range = |step: &&Step| step.clause.section == "RFC 9110 section 14.2";
        let step = trace.steps().iter().find(about_range).expect("a step");
        assert_eq!(step.edits, [Some(want), None], "{method:?} {pairs:?}");
    }

    #[test]
    fn a_range_would_be_another_one_or_none() {
        use Method::{Get, Head};
        let whole = Edit::remove(Range).leads_to(Status::Ok);
        let part = Edit::set(Range, "bytes=0-99").leads_to(Status::PartialContent);
        let full = Some(100);
        check_range(Get, full, &[(Range, "bytes=0-9")], whole);
        check_range(Get, full, &[(Range, "bytes=0-1,5-6")], whole);
        check_range(Get, full, &[(Range, "bytes=100-")], part);
        check_range(Get, full, &[(Range, "bytes=5-4")], part);
        check_range(Get, Some(0), &[(Range, "bytes=0-")], whole);
        check_range(Get, None, &[(Range, "bytes=0-9")], whole);
        check_range(Head, full, &[(Range, "bytes=0-9")], Edit::method("GET"));
        let unmodified = [(Range, "bytes=0-9"), (IfNoneMatch, "\"v2\"")];
        check_range(Get, full, &unmodified, Edit::remove(Range));
    }
}
