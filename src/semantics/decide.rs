//! RFC 9110 sections 13 and 14 together: what of the selected representation is sent.
//!
//! First the preconditions, then If-Range, then Range (section 13.2.2). The representation has
//! been selected before: its validators are those of its content coding.

use std::fmt;

use super::date::HttpDate;
use super::field::{FieldName, Fields};
use super::if_range::{self, DiffersReason, IfRange};
use super::method::Method;
use super::precondition::{self, FailedReason, NotModifiedReason, Precondition, ProceedReason};
use super::range::{self, ByteRange, IgnoredReason, RangeChoice};
use super::status::Status;
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
) -> Decision {
    match precondition::evaluate(method, fields, &selected.validators, now) {
        Precondition::NotModified(reason) => Decision::NotModified(reason),
        Precondition::Failed(reason) => Decision::PreconditionFailed(reason),
        Precondition::Proceed(reason) if !fields.contains(FieldName::Range) => {
            Decision::Whole(WholeReason::Asked(reason))
        }
        Precondition::Proceed(_) => {
            part(method, fields, selected, now, max_ranges).unwrap_or_else(Decision::Whole)
        }
    }
}

/// Steps 5 and 6 of section 13.2.2: what Range and If-Range come to.
fn part(
    method: Method,
    fields: &Fields,
    selected: &Selected,
    now: HttpDate,
    max_ranges: usize,
) -> Result<Decision, WholeReason> {
    if method != Method::Get {
        return Err(WholeReason::RangeWithoutGet);
    }
    let length = selected.length.ok_or(WholeReason::LengthUnknown)?;
    if let IfRange::Differs(why) = if_range::evaluate(fields, &selected.validators, now) {
        return Err(WholeReason::IfRangeDiffers(why));
    }
    let malformed = WholeReason::RangeIgnored(IgnoredReason::Malformed);
    let value = fields.sole(FieldName::Range).ok_or(malformed)?;
    match range::select(value, length, max_ranges) {
        RangeChoice::Single(range) => Ok(Decision::Partial(range)),
        RangeChoice::Several(ranges) => Ok(Decision::Multipart(ranges)),
        RangeChoice::Unsatisfiable => Ok(Decision::RangeNotSatisfiable { length }),
        RangeChoice::Ignored(why) => Err(WholeReason::RangeIgnored(why)),
    }
}

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

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::Whole(reason) => reason.fmt(f),
            Decision::Partial(range) => {
                write!(f, "Range asks for bytes {} to {}", range.first, range.last)
            }
            Decision::Multipart(ranges) => write!(f, "Range asks for {} parts", ranges.len()),
            Decision::NotModified(reason) => reason.fmt(f),
            Decision::PreconditionFailed(reason) => reason.fmt(f),
            Decision::RangeNotSatisfiable { length } => {
                write!(f, "Range lies beyond the {length} bytes there are")
            }
        }
    }
}

impl fmt::Display for WholeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WholeReason::Asked(reason) => reason.fmt(f),
            WholeReason::RangeIgnored(reason) => reason.fmt(f),
            WholeReason::RangeWithoutGet => f.write_str("Range has a meaning for GET alone"),
            WholeReason::LengthUnknown => f.write_str("the length is not known before it is sent"),
            WholeReason::IfRangeDiffers(reason) => reason.fmt(f),
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
    ) -> String {
        let selected = Selected {
            validators: Validators {
                entity_tag: EntityTag::parse(b"\"v1\""),
                last_modified: HttpDate::from_unix(784_111_777),
            },
            length,
        };
        let now = HttpDate::from_unix(1_777_593_600).unwrap();
        let got = decide(method, &Section::of(pairs).fields(), &selected, now, 8);
        assert_eq!(got, want, "{method:?} {pairs:?}");
        got.to_string()
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

    #[test]
    fn decisions_are_sentences() {
        let why = WholeReason::RangeIgnored(IgnoredReason::TooMany);
        let many = [(Range, "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16")];
        let got = check_with(Method::Get, Some(100), &many, Decision::Whole(why));
        assert_eq!(got, "Range names too many ranges");
        let want = Decision::RangeNotSatisfiable { length: 100 };
        let got = check_with(Method::Get, Some(100), &[(Range, "bytes=100-")], want);
        assert_eq!(got, "Range lies beyond the 100 bytes there are");
    }
}
