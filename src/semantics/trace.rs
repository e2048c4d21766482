//! The steps of a decision: `docroot explain` prints them to show the reason for a response.
//!
//! A step has the values that a function compared, the result and the RFC section. The last step
//! with a status decides the response. A function that has values to show adds its own step. For the
//! others, [`Trace::conclude`] adds a step from the reason of the response, so no response lacks one.
//!
//! If the trace is off, a step costs one branch and copies nothing. A trace is bounded: it keeps at
//! most `MAX_STEPS` steps and the first `Quote::MAX` bytes of each value.
//!
//! ```text
//! If-None-Match lists the current entity-tag: "5d8c" against "5d8c" (weak comparison) -> 304
//!   RFC 9110 section 13.1.2   semantics::precondition::if_none_match
//! ```

use std::fmt;

use super::edit::Edit;
use super::field::{FieldName, Fields};
use super::range::ByteRange;
use super::status::Status;
use super::weight::Weight;
use crate::text::append;

/// The maximum number of steps in a trace. A request that uses every feature takes about 30, and one more for each field
/// of the operator.
pub(super) const MAX_STEPS: usize = 100;

/// The number of steps for which there is room from the start. Few traces have more.
const USUAL_STEPS: usize = 40;

/// The source of a step: the RFC section, and the function that implements it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The section, such as `RFC 9110 section 13.1.2`.
    pub section: &'static str,
    /// The path of the function, such as `docroot::semantics::precondition::if_none_match`.
    pub function: &'static str,
}

impl Clause {
    /// The path of the function, without the name of the crate.
    pub fn path(&self) -> &'static str {
        let path = self.function;
        path.split_once("::").map_or(path, |(_, below)| below)
    }
}

/// A [`Clause`] with a function of this module, such as
/// `clause!("RFC 9110 section 13.1.1", "if_match")`, or of another module, such as
/// `clause!("RFC 9112 section 3.1", "http1::line", "split_method")`.
macro_rules! clause {
    ($section:literal, $function:literal) => {
        $crate::semantics::trace::Clause {
            section: $section,
            function: concat!(module_path!(), "::", $function),
        }
    };
    ($section:literal, $module:literal, $function:literal) => {
        $crate::semantics::trace::Clause {
            section: $section,
            function: concat!("docroot::", $module, "::", $function),
        }
    };
}
pub(crate) use clause;

/// One step of a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The section and the function.
    pub clause: Clause,
    /// The result, as part of a sentence: without a capital letter and a period.
    pub finding: &'static str,
    /// The values that the function compared.
    pub evidence: Evidence,
    /// The status of the response, if this step decides it.
    pub status: Option<Status>,
    /// What would make this step turn out otherwise.
    pub edits: [Option<Edit>; MAX_EDITS],
}

/// The maximum number of edits of a step.
const MAX_EDITS: usize = 2;

/// The values of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// No value.
    None,
    /// One value, such as a path.
    Value(Quote),
    /// A value, usually of the request, and the server's value.
    Compared {
        /// The value that was compared, usually as the client sent it.
        sent: Quote,
        /// The server's value.
        own: Quote,
        /// The kind of comparison, such as `weak comparison` or `maximum`.
        how: &'static str,
    },
    /// A conversion, such as from the path in the request to a file name.
    Became(Quote, Quote),
    /// Names, each with the weight that the client gives it, or `None` if it gives none.
    Weights([Option<(&'static str, Option<Weight>)>; 5]),
    /// The requested ranges, and the selected ones.
    Ranges {
        /// The value of `Range`.
        sent: Quote,
        /// The length of the representation in bytes.
        length: u64,
        /// The first selected range.
        first: Option<ByteRange>,
        /// The number of selected ranges.
        count: usize,
    },
}

/// The first bytes of a value, at most `Quote::MAX`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    bytes: [u8; Quote::MAX],
    kept: u8,
    is_cut: bool,
}

impl Quote {
    /// The maximum number of bytes.
    const MAX: usize = 80;

    /// Keeps the first bytes of `value`.
    pub fn of(value: &[u8]) -> Quote {
        let kept = value.len().min(Quote::MAX);
        let mut bytes = [0; Quote::MAX];
        bytes[..kept].copy_from_slice(&value[..kept]);
        Quote {
            bytes,
            kept: kept as u8,
            is_cut: kept < value.len(),
        }
    }

    /// Keeps the first bytes that `write` appends.
    pub fn written(write: impl FnOnce(&mut Vec<u8>)) -> Quote {
        let mut bytes = Vec::new();
        write(&mut bytes);
        Quote::of(&bytes)
    }

    /// Keeps the first bytes of a field. Its lines form one list, so a comma joins them (RFC 9110
    /// section 5.2).
    pub fn of_field(fields: &Fields, name: FieldName) -> Quote {
        Quote::written(|out| {
            for (number, value) in fields.values(name).enumerate() {
                out.extend_from_slice(if number == 0 { b"" } else { b", " });
                out.extend_from_slice(value);
            }
        })
    }

    /// The kept bytes.
    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.kept)]
    }

    /// The value; `None` if it is longer than what is kept of it.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (!self.is_cut).then(|| self.bytes())
    }
}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quote({})", self.bytes().escape_ascii())
    }
}

impl fmt::Display for Quote {
    // The client chose these bytes: escapes keep it from breaking the line or moving the cursor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.bytes() {
            match byte {
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02X}")?,
            }
        }
        f.write_str(if self.is_cut { "..." } else { "" })
    }
}

impl Step {
    /// A step without values that does not decide the status.
    pub fn new(clause: Clause, finding: &'static str) -> Step {
        Step {
            clause,
            finding,
            evidence: Evidence::None,
            status: None,
            edits: [None; MAX_EDITS],
        }
    }

    /// Sets the values.
    pub fn with(self, evidence: Evidence) -> Step {
        Step { evidence, ..self }
    }

    /// Sets a value of the request and the server's value as [`Evidence::Compared`].
    pub fn compared(self, sent: Quote, own: Quote, how: &'static str) -> Step {
        self.with(Evidence::Compared { sent, own, how })
    }

    /// Sets the status that this step decides.
    pub fn leads_to(self, status: Status) -> Step {
        Step {
            status: Some(status),
            ..self
        }
    }

    /// Adds a change of the request that would make this step turn out otherwise, if there is one.
    pub fn unless(mut self, edit: impl Into<Option<Edit>>) -> Step {
        if let Some(free) = self.edits.iter_mut().find(|edit| edit.is_none()) {
            *free = edit.into();
        }
        self
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.finding)?;
        self.evidence.fmt(f)?;
        match self.status {
            Some(status) => write!(f, " -> {}", status.code()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Evidence::None => Ok(()),
            Evidence::Value(value) => write!(f, ": {value}"),
            Evidence::Compared { sent, own, how } => write!(f, ": {sent} against {own} ({how})"),
            Evidence::Became(from, to) => write!(f, ": {from} => {to}"),
            Evidence::Weights(weights) => write_weights(f, weights),
            Evidence::Ranges {
                sent,
                length,
                first,
                count,
            } => {
                write!(f, ": {sent} of {length} bytes")?;
                match (first, count) {
                    (Some(range), 1) => write!(f, " => {} to {}", range.first, range.last),
                    (Some(range), more) => {
                        write!(
                            f,
                            " => {} to {} and {} more",
                            range.first,
                            range.last,
                            more - 1
                        )
                    }
                    (None, _) => Ok(()),
                }
            }
        }
    }
}

fn write_weights(
    f: &mut fmt::Formatter<'_>,
    weights: &[Option<(&'static str, Option<Weight>)>],
) -> fmt::Result {
    for (number, (name, weight)) in weights.iter().flatten().enumerate() {
        f.write_str(if number == 0 { ": " } else { ", " })?;
        match weight {
            Some(weight) => {
                write!(
                    f,
                    "{name} with weight {}",
                    f64::from(weight.thousandths()) / 1000.0
                )?;
            }
            None => write!(f, "{name} not listed")?,
        }
    }
    Ok(())
}

/// Appends a numbered line for each step: what it found, the section, and the function within this crate.
pub fn write_steps(out: &mut Vec<u8>, steps: &[Step]) {
    for (number, step) in (1..).zip(steps) {
        write_step_line(out, number, step);
    }
}

/// Appends one of these lines.
pub fn write_step_line(out: &mut Vec<u8>, number: usize, step: &Step) {
    let (section, function) = (step.clause.section, step.clause.path());
    append(
        out,
        format_args!("{number:2}. {step}  {section}  {function}\n"),
    );
}

/// The steps of one decision, in order. The default is off.
#[derive(Debug, Default)]
pub struct Trace {
    /// `None` if the trace is off.
    steps: Option<Vec<Step>>,
}

impl Trace {
    /// A trace that keeps no steps.
    pub fn off() -> Trace {
        Trace { steps: None }
    }

    /// A trace that keeps its steps.
    pub fn watched() -> Trace {
        Trace {
            steps: Some(Vec::with_capacity(USUAL_STEPS)),
        }
    }

    /// Whether the trace keeps steps.
    pub fn is_watched(&self) -> bool {
        self.steps.is_some()
    }

    /// Adds a step. `step` is called only if the trace keeps it.
    pub fn note(&mut self, step: impl FnOnce() -> Step) {
        self.note_if(|| Some(step()));
    }

    /// Adds a step, if there is one. `step` is called only if the trace keeps it.
    pub fn note_if(&mut self, step: impl FnOnce() -> Option<Step>) {
        if let Some(steps) = &mut self.steps {
            keep(steps, |_| step());
        }
    }

    /// Adds a step that decides `status`, unless the last step that decides a status decided this one.
    /// `step` is called only if the trace keeps it.
    pub fn conclude(&mut self, status: Status, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.steps {
            keep(steps, |steps| {
                let mut decided = steps.iter().rev().filter_map(|step| step.status);
                (decided.next() != Some(status)).then(|| step().leads_to(status))
            });
        }
    }

    /// Removes the steps from index `mark` on. [`Trace::put_back`] can restore them.
    pub fn take_from(&mut self, mark: usize) -> Vec<Step> {
        let steps = self.steps.as_mut();
        steps.map_or_else(Vec::new, |steps| steps.split_off(mark.min(steps.len())))
    }

    /// Replaces the steps from index `mark` on by `taken`.
    pub fn put_back(&mut self, mark: usize, taken: Vec<Step>) {
        if let Some(steps) = &mut self.steps {
            steps.truncate(mark);
            steps.extend(taken);
        }
    }

    /// The memory of the steps, in bytes.
    pub fn cost(&self) -> usize {
        let room = self.steps.as_ref().map_or(0, Vec::capacity);
        room * size_of::<Step>()
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
    }
}

/// Adds a step unless there are too many. Few requests are watched, so this code stays out of the way of the
/// others.
#[cold]
#[inline(never)]
fn keep(steps: &mut Vec<Step>, step: impl FnOnce(&[Step]) -> Option<Step>) {
    if steps.len() < MAX_STEPS {
        let step = step(steps);
        steps.extend(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUSE: Clause = Clause {
        section: "RFC 9110 section 1",
        function: "docroot::semantics::trace::note",
    };

    #[test]
    fn a_trace_is_bounded() {
        let mut trace = Trace::watched();
        for _ in 0..2 * MAX_STEPS {
            trace.note(|| Step::new(CLAUSE, "a step"));
        }
        assert_eq!(trace.steps().len(), MAX_STEPS);
    }

    #[test]
    fn a_trace_that_is_off_builds_no_step() {
        Trace::off().note(|| panic!("the trace is off"));
        assert!(Trace::off().steps().is_empty());
    }

    #[track_caller]
    fn check(step: Step, want: &str) {
        assert_eq!(step.to_string(), want);
    }

    #[test]
    fn a_step_shows_its_values() {
        let step = Step::new(CLAUSE, "it matches");
        let quote = |text: &str| Quote::of(text.as_bytes());
        check(step, "it matches");
        check(
            step.compared(quote("\"a\""), quote("\"b\""), "weak comparison")
                .leads_to(Status::NotModified),
            "it matches: \"a\" against \"b\" (weak comparison) -> 304",
        );
        check(
            step.with(Evidence::Became(quote("/a%20b"), quote("a b\x1b"))),
            "it matches: /a%20b => a b\\x1B",
        );
        let weights = [
            Some(("gzip", Some(Weight::FULL))),
            Some(("deflate", Weight::parse(b"0.5"))),
            Some(("identity", None)),
            None,
            None,
        ];
        check(
            step.with(Evidence::Weights(weights)),
            "it matches: gzip with weight 1, deflate with weight 0.5, identity not listed",
        );
        let long = "x".repeat(Quote::MAX + 1);
        let want = format!("it matches: {}...", &long[1..]);
        check(step.with(Evidence::Value(quote(&long))), &want);
    }

    #[test]
    fn a_step_shows_the_selected_ranges() {
        let range = |first, last| Some(ByteRange { first, last });
        let ranges = |first, count| Evidence::Ranges {
            sent: Quote::of(b"bytes=-5"),
            length: 100,
            first,
            count,
        };
        let step = Step::new(CLAUSE, "Range");
        check(
            step.with(ranges(range(95, 99), 1)),
            "Range: bytes=-5 of 100 bytes => 95 to 99",
        );
        check(
            step.with(ranges(range(95, 99), 3)),
            "Range: bytes=-5 of 100 bytes => 95 to 99 and 2 more",
        );
        check(step.with(ranges(None, 0)), "Range: bytes=-5 of 100 bytes");
    }

    #[test]
    fn steps_can_be_taken_away_and_put_back() {
        let mut trace = Trace::watched();
        for finding in ["one", "two"] {
            trace.note(|| Step::new(CLAUSE, finding));
        }
        let findings = |trace: &Trace| -> Vec<&str> {
            trace.steps().iter().map(|step| step.finding).collect()
        };
        let taken = trace.take_from(1);
        assert_eq!(findings(&trace), Vec::from(["one"]));
        trace.note(|| Step::new(CLAUSE, "three"));
        trace.put_back(1, taken);
        assert_eq!(findings(&trace), Vec::from(["one", "two"]));
        assert!(trace.take_from(9).is_empty() && Trace::off().take_from(0).is_empty());
    }

    #[test]
    fn the_status_of_a_response_is_always_decided() {
        let decided = |status: Status, trace: &mut Trace| {
            trace.conclude(status, || Step::new(CLAUSE, "a reason"));
            trace.steps().to_vec()
        };
        let mut trace = Trace::watched();
        trace.note(|| Step::new(CLAUSE, "it is there").leads_to(Status::Ok));
        assert_eq!(decided(Status::Ok, &mut trace).len(), 1);
        let steps = decided(Status::ServiceUnavailable, &mut trace);
        assert_eq!(
            steps.last().map(Step::to_string).as_deref(),
            Some("a reason -> 503")
        );
        trace.note(|| Step::new(CLAUSE, "the connection closes"));
        assert_eq!(decided(Status::ServiceUnavailable, &mut trace).len(), 3);
        Trace::off().conclude(Status::Ok, || panic!("the trace is off"));
    }

    #[test]
    fn the_lines_of_a_field_are_quoted_as_one_list() {
        let lines = [
            (FieldName::IfMatch, "\"a\""),
            (FieldName::Range, "x"),
            (FieldName::IfMatch, "\"b\""),
        ];
        let section = crate::semantics::field::Section::of(&lines);
        let quote = |name| Quote::of_field(&section.fields(), name).to_string();
        assert_eq!(quote(FieldName::IfMatch), "\"a\", \"b\"");
        assert_eq!(quote(FieldName::Range), "x");
        assert_eq!(quote(FieldName::Accept), "");
    }

    #[test]
    fn a_quote_is_shown_on_one_line() {
        let quote = Quote::of(b"a\n\"b\x1b");
        assert_eq!(quote.to_string(), "a\\x0A\"b\\x1B");
        assert_eq!(format!("{quote:?}"), r#"Quote(a\n\"b\x1b)"#);
    }

    #[test]
    fn a_step_keeps_its_first_edits() {
        let step = Step::new(CLAUSE, "it is").unless(None);
        assert_eq!(step.edits, [None, None]);
        let edits = ["GET", "HEAD", "PUT"].map(Edit::method);
        let step = edits.into_iter().fold(step, Step::unless);
        assert_eq!(step.edits, [Some(edits[0]), Some(edits[1])]);
    }
}
