//! The steps of a decision, for whoever wants to know why a response is what it is.
//!
//! Each function that decides notes what it compared, what came of it, and the section that asks
//! for it. When nobody watches, nothing is noted and nothing is copied: a step costs one branch.
//! A trace is bounded: it keeps at most [`MAX_STEPS`] steps, and of each value the first
//! [`Quote::MAX`] bytes.
//!
//! ```text
//! If-None-Match holds the current entity-tag: "5d8c" = "5d8c" (weak comparison) -> 304
//!   RFC 9110 section 13.1.2   semantics::precondition::if_none_match
//! ```

use std::fmt;

use super::range::ByteRange;
use super::status::Status;
use super::weight::Weight;

/// The most steps that a trace keeps. A request that meets every rule takes about twenty.
pub const MAX_STEPS: usize = 40;

/// What a step rests on: the section that asks for it and the function that follows the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Such as `RFC 9110 section 13.1.2`.
    pub section: &'static str,
    /// The path of the function below this crate, such as `semantics::precondition::if_none_match`.
    pub function: &'static str,
}

/// A [`Clause`] of the file it stands in: `clause!("RFC 9110 section 13.1.1", "if_match")`.
macro_rules! clause {
    ($section:literal, $function:literal) => {
        $crate::semantics::trace::Clause {
            section: $section,
            function: concat!(module_path!(), "::", $function),
        }
    };
}
pub(crate) use clause;

/// One step of a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What the step rests on.
    pub clause: Clause,
    /// What was found, as a clause of English without a period.
    pub finding: &'static str,
    /// What was compared.
    pub evidence: Evidence,
    /// The status of the response, if this step decides it.
    pub status: Option<Status>,
}

/// What a step looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// Nothing beside what the finding says.
    None,
    /// One value, such as a path.
    Value(Quote),
    /// A value of the request and the server's own.
    Compared {
        /// As the client sent it.
        sent: Quote,
        /// What it was held against.
        own: Quote,
        /// How the two were compared, such as `weak comparison`.
        how: &'static str,
    },
    /// What something became, such as a path as sent and the name of a file.
    Became(Quote, Quote),
    /// How welcome each of some names is; `None` if the client does not mention it.
    Weights([Option<(&'static str, Option<Weight>)>; 4]),
    /// What the client asked for, of how many bytes, and what that selects.
    Ranges {
        /// The value of `Range`.
        sent: Quote,
        /// The length of the representation in bytes.
        length: u64,
        /// The first of the ranges selected.
        first: Option<ByteRange>,
        /// How many ranges are selected.
        count: usize,
    },
}

/// The beginning of a value: what a trace keeps of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    bytes: [u8; Quote::MAX],
    kept: u8,
    is_cut: bool,
}

impl Quote {
    /// The most bytes that are kept.
    pub const MAX: usize = 80;

    /// Keeps the beginning of `value`.
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

    /// Keeps the beginning of what `write` appends.
    pub fn written(write: impl FnOnce(&mut Vec<u8>)) -> Quote {
        let mut bytes = Vec::new();
        write(&mut bytes);
        Quote::of(&bytes)
    }

    /// The bytes that are kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.kept)]
    }
}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quote({})", self.bytes().escape_ascii())
    }
}

impl fmt::Display for Quote {
    // Whatever the client sent, it stays on its line and moves no cursor.
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
    /// A step that found `finding`.
    pub fn new(clause: Clause, finding: &'static str) -> Step {
        Step {
            clause,
            finding,
            evidence: Evidence::None,
            status: None,
        }
    }

    /// With what was looked at.
    pub fn with(self, evidence: Evidence) -> Step {
        Step { evidence, ..self }
    }

    /// With a value of the request and the server's own.
    pub fn compared(self, sent: Quote, own: Quote, how: &'static str) -> Step {
        self.with(Evidence::Compared { sent, own, how })
    }

    /// Decides the status of the response.
    pub fn leads_to(self, status: Status) -> Step {
        Step {
            status: Some(status),
            ..self
        }
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
                let thousandths = weight.thousandths();
                let (whole, rest) = (thousandths / 1000, thousandths % 1000);
                write!(f, "{name} {whole}.{rest:03}")?;
            }
            None => write!(f, "{name} not mentioned")?,
        }
    }
    Ok(())
}

/// The steps of one decision, in the order in which they were made.
#[derive(Debug)]
pub struct Trace {
    /// `None` if nobody watches.
    steps: Option<Vec<Step>>,
}

impl Trace {
    /// A trace that nobody watches: it keeps nothing.
    pub fn off() -> Trace {
        Trace { steps: None }
    }

    /// A trace that keeps its steps.
    pub fn watched() -> Trace {
        Trace {
            steps: Some(Vec::with_capacity(MAX_STEPS)),
        }
    }

    /// Notes a step, which is put together only if somebody watches.
    pub fn note(&mut self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.steps
            && steps.len() < MAX_STEPS
        {
            steps.push(step());
        }
    }

    /// Takes the steps from `mark` on away, to put them back with [`Trace::put_back`].
    pub fn take_from(&mut self, mark: usize) -> Vec<Step> {
        let steps = self.steps.as_mut();
        steps.map_or_else(Vec::new, |steps| steps.split_off(mark.min(steps.len())))
    }

    /// Puts `taken` in the place of the steps from `mark` on.
    pub fn put_back(&mut self, mark: usize, taken: Vec<Step>) {
        if let Some(steps) = &mut self.steps {
            steps.truncate(mark);
            steps.extend(taken);
        }
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
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
    fn nothing_is_put_together_when_nobody_watches() {
        Trace::off().note(|| panic!("nobody watches"));
        assert!(Trace::off().steps().is_empty());
    }

    #[track_caller]
    fn check(step: Step, want: &str) {
        assert_eq!(step.to_string(), want);
    }

    #[test]
    fn steps_are_sentences() {
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
        ];
        check(
            step.with(Evidence::Weights(weights)),
            "it matches: gzip 1.000, deflate 0.500, identity not mentioned",
        );
        let long = "x".repeat(Quote::MAX + 1);
        let want = format!("it matches: {}...", &long[1..]);
        check(step.with(Evidence::Value(quote(&long))), &want);
    }

    #[test]
    fn ranges_show_their_arithmetic() {
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
    fn a_quote_is_shown_on_one_line() {
        let quote = Quote::of(b"a\n\"b\x1b");
        assert_eq!(quote.to_string(), "a\\x0A\"b\\x1B");
        assert_eq!(format!("{quote:?}"), r#"Quote(a\n\"b\x1b)"#);
    }
}
