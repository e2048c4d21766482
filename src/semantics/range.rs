//! RFC 9110 section 14: byte ranges.
//!
//! ```text
//! Range        = range-unit "=" 1#( int-range / suffix-range )
//! int-range    = first-pos "-" [ last-pos ]
//! suffix-range = "-" suffix-length
//! ```
//!
//! `bytes=0-499` means the first 500 bytes, and `bytes=-500` means the last 500 bytes.
//! `bytes=500-` means everything after the first 500 bytes.

use std::fmt;

use super::field::{is_token, members};

/// The default limit of ranges per request. PDF and ZIP readers ask for about a dozen at a time.
/// Hundreds of small ranges may be a denial-of-service attack (section 17.15).
pub const MAX_RANGES: usize = 32;

/// Bytes `first` to `last` of a representation, inclusive and counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub first: u64,
    /// The last byte; at least `first`.
    pub last: u64,
}

/// The value of Content-Range (section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 0-499/1234`: the range, and the length of the representation.
    Satisfied(ByteRange, u64),
    /// `bytes */1234`: the length of the representation.
    Unsatisfied(u64),
}

/// The result of a Range field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeChoice {
    /// The server ignores the field.
    Ignored(IgnoredReason),
    /// One range.
    Single(ByteRange),
    /// Two or more ranges in the requested order. They neither overlap nor touch.
    Several(Vec<ByteRange>),
    /// No range overlaps the representation.
    Unsatisfiable,
}

/// Why a Range field is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredReason {
    /// The request has more than one Range field.
    Repeated,
    /// The syntax is wrong, or a range ends before it starts (section 14.1.1).
    Malformed,
    /// The unit is not `bytes` (section 14.2).
    UnknownUnit,
    /// The field has more ranges than the limit.
    TooMany,
    /// The representation is empty. Content-Range cannot express a part of it, and download managers
    /// that get 416 give up. A server may ignore any Range (section 14.2).
    EmptyRepresentation,
}

impl ByteRange {
    /// The number of bytes; at least one.
    #[allow(clippy::len_without_is_empty)] // A range is never empty.
    pub fn len(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// Reads the value of Range for a representation of `length` bytes. If the field has more than
/// `limit` ranges, it is ignored. `n` ranges take O(n log n) time, even if they overlap.
pub fn select(value: &[u8], length: u64, limit: usize) -> RangeChoice {
    let specs = match parse(value, limit) {
        Ok(specs) => specs,
        Err(why) => return RangeChoice::Ignored(why),
    };
    if length == 0 {
        return RangeChoice::Ignored(IgnoredReason::EmptyRepresentation);
    }
    let satisfiable = specs.iter().filter_map(|spec| spec.within(length));
    let ranges = coalesce(satisfiable.collect());
    match *ranges {
        [] => RangeChoice::Unsatisfiable,
        [only] => RangeChoice::Single(only),
        _ => RangeChoice::Several(ranges),
    }
}

/// Why Range is ignored whatever the length of the representation is; `None` if that depends on the
/// length. `limit` is that of [`select`].
pub(super) fn ignored_for_any_length(value: &[u8], limit: usize) -> Option<IgnoredReason> {
    parse(value, limit).err()
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentRange::Satisfied(ByteRange { first, last }, length) => {
                write!(f, "bytes {first}-{last}/{length}")
            }
            ContentRange::Unsatisfied(length) => write!(f, "bytes */{length}"),
        }
    }
}

impl IgnoredReason {
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            IgnoredReason::Repeated => {
                "Range is ignored because the request has several Range fields"
            }
            IgnoredReason::Malformed => "Range is ignored because it is malformed",
            IgnoredReason::UnknownUnit => "Range is ignored because its unit is not bytes",
            IgnoredReason::TooMany => "Range is ignored because it has too many ranges",
            IgnoredReason::EmptyRepresentation => "Range is ignored because the file is empty",
        }
    }
}

/// One range, as the client sent it.
#[derive(Clone, Copy)]
enum RangeSpec {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl RangeSpec {
    fn parse(spec: &[u8]) -> Option<RangeSpec> {
        let dash = spec.iter().position(|&byte| byte == b'-')?;
        let (first, last) = (spec.get(..dash)?, spec.get(dash + 1..)?);
        match (first, last) {
            (b"", _) => Some(RangeSpec::Last(position(last)?)),
            (_, b"") => Some(RangeSpec::From(position(first)?)),
            _ => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(RangeSpec::Between(first, last))
            }
        }
    }

    /// The bytes of the range, or `None` if it is unsatisfiable (section 14.1.2).
    fn within(&self, length: u64) -> Option<ByteRange> {
        let end = length.checked_sub(1)?;
        let (first, last) = match *self {
            RangeSpec::From(first) => (first, end),
            RangeSpec::Between(first, last) => (first, last.min(end)),
            RangeSpec::Last(suffix) => (length.saturating_sub(suffix), end),
        };
        (first <= end).then_some(ByteRange { first, last })
    }
}

fn parse(value: &[u8], limit: usize) -> Result<Vec<RangeSpec>, IgnoredReason> {
    let equals = value.iter().position(|&byte| byte == b'=');
    let (unit, set) = equals
        .and_then(|equals| Some((value.get(..equals)?, value.get(equals + 1..)?)))
        .filter(|(unit, _)| is_token(unit))
        .ok_or(IgnoredReason::Malformed)?;
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return Err(IgnoredReason::UnknownUnit);
    }
    if members(set).nth(limit).is_some() {
        return Err(IgnoredReason::TooMany);
    }
    let specs: Option<Vec<RangeSpec>> = members(set).map(RangeSpec::parse).collect();
    specs
        .filter(|specs| !specs.is_empty())
        .ok_or(IgnoredReason::Malformed)
}

/// Parses `1*DIGIT`. A larger number becomes `u64::MAX`, which is beyond the end of every file.
fn position(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |byte: &u8| u64::from(byte - b'0');
    Some(digits.iter().fold(0, |number: u64, byte| {
        number.saturating_mul(10).saturating_add(digit(byte))
    }))
}

/// Joins ranges that overlap or touch (section 15.3.7.2). A joined range takes the place of its
/// earliest member in the request.
fn coalesce(ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    let mut by_position: Vec<(usize, ByteRange)> = ranges.into_iter().enumerate().collect();
    by_position.sort_unstable_by_key(|(_, range)| range.first);
    let mut joined: Vec<(usize, ByteRange)> = Vec::with_capacity(by_position.len());
    for (place, range) in by_position {
        match joined.last_mut() {
            Some((first_place, open)) if range.first <= open.last.saturating_add(1) => {
                open.last = open.last.max(range.last);
                *first_place = place.min(*first_place);
            }
            _ => joined.push((place, range)),
        }
    }
    joined.sort_unstable_by_key(|&(place, _)| place);
    joined.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use RangeChoice::{Ignored, Several, Single, Unsatisfiable};

    #[track_caller]
    fn check(value: &str, length: u64, want: RangeChoice) {
        let got = select(value.as_bytes(), length, MAX_RANGES);
        assert_eq!(got, want, "{value:?} of {length}");
    }

    fn range((first, last): (u64, u64)) -> ByteRange {
        ByteRange { first, last }
    }

    #[track_caller]
    fn check_single(value: &str, length: u64, want: (u64, u64)) {
        check(value, length, Single(range(want)));
    }

    #[track_caller]
    fn check_several(value: &str, want: &[(u64, u64)]) {
        let want = want.iter().copied().map(range).collect();
        check(value, 10_000, Several(want));
    }

    #[test]
    fn one_range() {
        check_single("bytes=0-499", 10_000, (0, 499)); // the examples of 14.1.2
        check_single("bytes=500-999", 10_000, (500, 999));
        check_single("bytes=-500", 10_000, (9500, 9999));
        check_single("bytes=9500-", 10_000, (9500, 9999));
        check_single("bytes=0-0", 10_000, (0, 0));
        check_single("bytes=9999-9999", 10_000, (9999, 9999));
        check_single("bytes=0-", 1, (0, 0));
        check_single("bytes=9000-20000", 10_000, (9000, 9999)); // 14.1.2: beyond the end
        check_single("bytes=-20000", 10_000, (0, 9999)); // longer than the file
        check_single("BYTES=0-1", 10_000, (0, 1)); // 14.1: units without case
        check_single("bytes= 0-1", 10_000, (0, 1)); // 5.6.1: OWS in a list
        check_single("bytes=,0-1 ,\t,", 10_000, (0, 1)); // 5.6.1.2: empty members
        check_single("bytes=007-08", 10_000, (7, 8));
    }

    #[test]
    fn positions_have_no_bound() {
        let many = "99999999999999999999999999";
        check_single(&format!("bytes=0-{many}"), 10, (0, 9));
        check_single(&format!("bytes=-{many}"), 10, (0, 9));
        check(&format!("bytes={many}-"), 10, Unsatisfiable);
        check(&format!("bytes={many}-{many}"), u64::MAX, Unsatisfiable);
        check_single("bytes=0-", u64::MAX, (0, u64::MAX - 1));
        check_single(
            "bytes=4294967296-4294967297",
            1 << 40,
            (1 << 32, (1 << 32) + 1),
        );
    }

    #[test]
    fn several_ranges() {
        check_several("bytes=0-0,-1", &[(0, 0), (9999, 9999)]); // 14.1.2
        check_several("bytes=500-600, 700-799", &[(500, 600), (700, 799)]);
        check_several("bytes=700-799,500-600", &[(700, 799), (500, 600)]); // as asked for
        check_several("bytes=0-1,20000-,5-6", &[(0, 1), (5, 6)]); // unsatisfiable: left out
        // 15.3.7.2: ranges that overlap or touch are joined, at the place of the first of them.
        check_several("bytes=10-20,0-5,15-30", &[(10, 30), (0, 5)]);
        check_several("bytes=90-95,0-5,20-30,6-9", &[(90, 95), (0, 9), (20, 30)]);
        check_single("bytes=0-5,6-9", 100, (0, 9));
        check_single("bytes=0-9,2-3", 100, (0, 9));
        check_single("bytes=5-5,5-5,5-5", 100, (5, 5));
        check_single("bytes=0-,0-,0-", 100, (0, 99));
        check_single("bytes=500-700,601-999", 10_000, (500, 999)); // the example of 14.1.2
    }

    #[test]
    fn unsatisfiable() {
        check("bytes=10-", 10, Unsatisfiable); // 14.1.2: first-pos at the end
        check("bytes=10-20,30-", 10, Unsatisfiable);
        check("bytes=-0", 10, Unsatisfiable); // a suffix needs a length
    }

    #[test]
    fn an_empty_representation_has_no_ranges() {
        for value in ["bytes=0-", "bytes=0-0", "bytes=5-", "bytes=-0", "bytes=-1"] {
            check(value, 0, Ignored(IgnoredReason::EmptyRepresentation));
        }
    }

    #[test]
    fn ignored() {
        let malformed = [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "=0-1",
            "bytes=1",
            "bytes=-",
            "bytes=--1",
            "bytes=a-b",
            "bytes=1-2-3",
            "bytes=0x1-2",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=1- 2",
            "bytes 0-1",
            "bytes =0-1",
            "bytes=0-1;2-3",
            "bytes=\"0-1\"",
            "bytes=0-1 2-3",
        ];
        for value in malformed {
            check(value, 10, Ignored(IgnoredReason::Malformed));
        }
        check("bytes=5-4", 10, Ignored(IgnoredReason::Malformed)); // 14.1.1: invalid
        check("bytes=0-1,5-4", 10, Ignored(IgnoredReason::Malformed)); // and all of the field
        check("lines=0-1", 10, Ignored(IgnoredReason::UnknownUnit)); // 14.2
        check("bytes=-5", 0, Ignored(IgnoredReason::EmptyRepresentation));
        check(
            "bytes=0-0,-5",
            0,
            Ignored(IgnoredReason::EmptyRepresentation),
        );
    }

    #[test]
    fn the_number_of_ranges_is_limited() {
        let ask = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        check_single(&ask(MAX_RANGES), 10, (0, 0));
        check(&ask(MAX_RANGES + 1), 10, Ignored(IgnoredReason::TooMany)); // 14.2, 17.15
        let none = select(b"bytes=0-1", 10, 0);
        assert_eq!(none, Ignored(IgnoredReason::TooMany));
    }

    #[test]
    fn content_range() {
        let satisfied = ContentRange::Satisfied(range((42, 1233)), 1234);
        assert_eq!(satisfied.to_string(), "bytes 42-1233/1234"); // the examples of 14.4
        assert_eq!(ContentRange::Unsatisfied(1234).to_string(), "bytes */1234");
        assert_eq!(range((42, 1233)).len(), 1192);
        assert_eq!(range((0, u64::MAX)).len(), u64::MAX);
    }
}
