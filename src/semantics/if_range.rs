//! RFC 9110 section 13.1.5: If-Range.
//!
//! `If-Range = entity-tag / HTTP-date`, such as `"v1"` or `Sun, 06 Nov 1994 08:49:37 GMT`. If the
//! representation has not changed, the server sends the range. Otherwise, it sends everything.

use super::date::HttpDate;
use super::edit::Edit;
use super::field::{FieldName, Fields};
use super::status::Status;
use super::trace::{Clause, Quote, Step, Trace, clause};
use super::validator::{EntityTag, Validators};

/// Whether the server may answer with the requested range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfRange {
    /// The request has no If-Range.
    Absent,
    /// The client has a part of the current representation.
    Matches,
    /// The representation differs, or the server cannot tell. Range MUST be ignored.
    Differs(DiffersReason),
}

/// Why If-Range does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffersReason {
    /// The field is neither one entity-tag nor one date.
    Malformed,
    /// The entity-tag is not the current one by strong comparison.
    EntityTag,
    /// The date does not equal the modification date.
    Date,
    /// The modification date is so recent that the file may change again within that second.
    WeakDate,
}

/// Compares If-Range with the current validators. `now` is the time of the request.
pub(super) fn evaluate(
    fields: &Fields,
    validators: &Validators,
    now: HttpDate,
    trace: &mut Trace,
) -> IfRange {
    if !fields.contains(FieldName::IfRange) {
        return IfRange::Absent;
    }
    let outcome = match fields.sole(FieldName::IfRange) {
        None => Err(DiffersReason::Malformed),
        Some(value) if is_entity_tag(value) => by_entity_tag(value, validators),
        Some(value) => by_date(value, validators, now),
    };
    trace.note(|| note(fields, validators, outcome));
    match outcome {
        Ok(()) => IfRange::Matches,
        Err(why) => IfRange::Differs(why),
    }
}

const IF_RANGE: Clause = clause!("RFC 9110 section 13.1.5", "evaluate");

fn note(fields: &Fields, validators: &Validators, outcome: Result<(), DiffersReason>) -> Step {
    let sent = fields.first(FieldName::IfRange).unwrap_or_default();
    let own = Quote::written(
        |out| match (validators.entity_tag, validators.last_modified) {
            (Some(tag), _) if is_entity_tag(sent) => tag.write(out),
            (None, _) if is_entity_tag(sent) => out.extend_from_slice(b"no entity-tag"),
            (_, Some(date)) => date.write(out),
            (_, None) => out.extend_from_slice(b"no modification date"),
        },
    );
    let how = match is_entity_tag(sent) {
        true => "strong comparison",
        false => "by exact date",
    };
    let finding = match outcome {
        Ok(()) => "If-Range matches the representation",
        Err(why) => why.text(),
    };
    let edit = match outcome {
        Ok(()) => Edit::set(FieldName::IfRange, "\"another\"").leads_to(Status::Ok),
        Err(DiffersReason::EntityTag) if validators.has_strong_tag() => {
            Edit::set_own(FieldName::IfRange)
        }
        Err(_) => Edit::remove(FieldName::IfRange),
    };
    let sent = Quote::of_field(fields, FieldName::IfRange);
    let step = Step::new(IF_RANGE, finding).compared(sent, own, how);
    step.unless(edit)
}

/// The first three bytes of a valid entity-tag contain a quote, and those of a valid date do not
/// (section 13.1.5).
fn is_entity_tag(value: &[u8]) -> bool {
    value.iter().take(3).any(|&byte| byte == b'"')
}

fn by_entity_tag(value: &[u8], validators: &Validators) -> Result<(), DiffersReason> {
    let tag = EntityTag::parse(value).ok_or(DiffersReason::Malformed)?;
    match validators.entity_tag {
        Some(current) if current.strong_eq(&tag) => Ok(()),
        _ => Err(DiffersReason::EntityTag),
    }
}

/// The date must equal the modification date; a later date does not match. The modification date
/// must also be strong (section 8.8.2.2): the file can no longer change within the same second.
/// So the date is weak until that second is over.
fn by_date(value: &[u8], validators: &Validators, now: HttpDate) -> Result<(), DiffersReason> {
    let date = HttpDate::parse(value, now).ok_or(DiffersReason::Malformed)?;
    match validators.last_modified {
        Some(modified) if modified != date => Err(DiffersReason::Date),
        None => Err(DiffersReason::Date),
        Some(modified) if modified >= now => Err(DiffersReason::WeakDate),
        Some(_) => Ok(()),
    }
}

impl DiffersReason {
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            DiffersReason::Malformed => "If-Range is neither one entity-tag nor one date",
            DiffersReason::EntityTag => "If-Range is not the current entity-tag",
            DiffersReason::Date => "If-Range is not the modification date",
            DiffersReason::WeakDate => "the date in If-Range is too recent to rely on",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use IfRange::{Absent, Differs, Matches};

    const MODIFIED: i64 = 784_111_777;
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[track_caller]
    fn check_at(age: i64, lines: &[&str], want: IfRange) {
        let pairs: Vec<_> = lines
            .iter()
            .map(|line| (FieldName::IfRange, line))
            .collect();
        let validators = Validators {
            entity_tag: EntityTag::parse(b"\"v1\""),
            last_modified: HttpDate::from_unix(MODIFIED),
        };
        let now = HttpDate::from_unix(MODIFIED + age).unwrap();
        let fields = Section::of(&pairs);
        let got = evaluate(&fields.fields(), &validators, now, &mut Trace::off());
        assert_eq!(got, want, "{lines:?}");
    }

    #[track_caller]
    fn check(value: &str, want: IfRange) {
        check_at(3600, &[value], want);
    }

    #[test]
    fn entity_tags_are_compared_strongly() {
        check("\"v1\"", Matches);
        check("W/\"v1\"", Differs(DiffersReason::EntityTag)); // 13.1.5: strong comparison
        check("\"v2\"", Differs(DiffersReason::EntityTag));
        check("\"\"", Differs(DiffersReason::EntityTag));
        check("\"v1\", \"v2\"", Differs(DiffersReason::Malformed)); // not a list
        check("\"v1", Differs(DiffersReason::Malformed));
        check("*", Differs(DiffersReason::Malformed)); // an asterisk is not allowed
        check("", Differs(DiffersReason::Malformed));
        check("v1", Differs(DiffersReason::Malformed));
    }

    #[test]
    fn dates_are_compared_exactly() {
        check(DATE, Matches);
        check("Sunday, 06-Nov-94 08:49:37 GMT", Matches); // 5.6.7
        check(
            "Sun, 06 Nov 1994 08:49:38 GMT",
            Differs(DiffersReason::Date),
        ); // 13.1.5
        check(
            "Sun, 06 Nov 1994 08:49:36 GMT",
            Differs(DiffersReason::Date),
        );
        check_at(1, &[DATE], Matches); // 8.8.2.2: the second is over
        check_at(0, &[DATE], Differs(DiffersReason::WeakDate));
        check_at(-5, &[DATE], Differs(DiffersReason::WeakDate));
    }

    #[test]
    fn a_repeated_field_is_malformed() {
        check_at(3600, &[], Absent);
        check_at(
            3600,
            &["\"v1\"", "\"v1\""],
            Differs(DiffersReason::Malformed),
        );
    }

    #[test]
    fn validators_may_be_missing() {
        let now = HttpDate::from_unix(MODIFIED + 60).unwrap();
        for (value, why) in [
            ("\"v1\"", DiffersReason::EntityTag),
            (DATE, DiffersReason::Date),
        ] {
            let section = Section::of(&[(FieldName::IfRange, value)]);
            let none = Validators::default();
            let got = evaluate(&section.fields(), &none, now, &mut Trace::off());
            assert_eq!(got, Differs(why), "{value:?}");
        }
    }

    #[track_caller]
    fn check_step(value: &str, want: &str) {
        let validators = Validators {
            entity_tag: EntityTag::parse(b"\"v1\""),
            last_modified: HttpDate::from_unix(MODIFIED),
        };
        let now = HttpDate::from_unix(MODIFIED + 60).unwrap();
        let (section, mut trace) = (
            Section::of(&[(FieldName::IfRange, value)]),
            Trace::watched(),
        );
        evaluate(&section.fields(), &validators, now, &mut trace);
        let got = trace.steps()[0].to_string();
        assert!(got.ends_with(want), "{got}");
    }

    #[test]
    fn a_step_shows_the_validator_that_was_compared() {
        check_step("\"v2\"", ": \"v2\" against \"v1\" (strong comparison)");
        check_step(
            "Sun, 06 Nov 1994 08:49:38 GMT",
            &format!(" against {DATE} (by exact date)"),
        );
    }

    #[test]
    fn every_reason_has_its_own_text() {
        use DiffersReason::*;
        let texts = [Malformed, EntityTag, Date, WeakDate].map(DiffersReason::text);
        for text in texts {
            assert_eq!(
                texts.iter().filter(|other| **other == text).count(),
                1,
                "{text}"
            );
        }
    }

    #[test]
    fn if_range_would_match_or_differ() {
        let check = |validators: Validators, value, want| {
            let section = Section::of(&[(FieldName::IfRange, value)]);
            let now = HttpDate::from_unix(MODIFIED + 3600).unwrap();
            let mut trace = Trace::watched();
            evaluate(&section.fields(), &validators, now, &mut trace);
            assert_eq!(trace.steps()[0].edits, [Some(want), None], "{value}");
        };
        let tagged = Validators {
            entity_tag: EntityTag::parse(b"\"v1\""),
            last_modified: None,
        };
        let other = Edit::set(FieldName::IfRange, "\"another\"").leads_to(Status::Ok);
        check(tagged, "\"v1\"", other);
        check(tagged, "\"v2\"", Edit::set_own(FieldName::IfRange));
        let removed = Edit::remove(FieldName::IfRange);
        check(tagged, "v2", removed);
        check(tagged, DATE, removed);
        // A weak tag does not even match itself.
        let weak = Validators {
            entity_tag: EntityTag::parse(b"W/\"v1\""),
            last_modified: None,
        };
        check(weak, "W/\"v1\"", removed);
        check(weak, "\"v2\"", removed);
        check(Validators::default(), "\"v2\"", removed);
    }
}
