//! The steps of a decision as JSON (RFC 8259), for the wire view and for `docroot explain`.
//!
//! ```text
//! {"section":"RFC 9110 section 13.1.2","function":"docroot::semantics::precondition::if_none_match",
//!  "finding":"If-None-Match lists the current entity-tag",
//!  "evidence":{"sent":"\"5d8c\"","own":"\"5d8c\"","how":"weak comparison"},"status":304,
//!  "edits":[{"do":"remove","name":"If-None-Match","expect":200}]}
//! ```

use std::fmt::Display;

use super::trace::{Evidence, Step};
use super::weight::Weight;
use super::what_if::{Answered, proposals};
use crate::text::append;
use crate::text::escape::JsonString;

/// Appends the steps of the decision that was `answered`, as an array.
pub fn write_steps(out: &mut Vec<u8>, steps: &[Step], answered: &Answered<'_>) {
    out.push(b'[');
    for (number, step) in steps.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b"," });
        write_step(out, step, answered);
    }
    out.push(b']');
}

/// Appends the object of a step of the decision that was `answered`. It always has all members.
fn write_step(out: &mut Vec<u8>, step: &Step, answered: &Answered<'_>) {
    let (section, function) = (step.clause.section, step.clause.function);
    let finding = quoted(&step.finding);
    append(
        out,
        format_args!(
            "{{\"section\":\"{section}\",\"function\":\"{function}\",\"finding\":{finding},\"evidence\":"
        ),
    );
    write_evidence(out, &step.evidence);
    match step.status {
        Some(status) => append(out, format_args!(",\"status\":{}", status.code())),
        None => out.extend_from_slice(b",\"status\":null"),
    }
    write_edits(out, step, answered);
    out.push(b'}');
}

/// Appends the member with the changes of the request that would make a step turn out otherwise.
fn write_edits(out: &mut Vec<u8>, step: &Step, answered: &Answered<'_>) {
    out.extend_from_slice(b",\"edits\":[");
    for (number, proposal) in proposals(step, answered).iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b"," });
        proposal.write_json(out);
    }
    out.push(b']');
}

fn write_evidence(out: &mut Vec<u8>, evidence: &Evidence) {
    match evidence {
        Evidence::None => out.extend_from_slice(b"null"),
        Evidence::Value(value) => {
            append(out, format_args!("{{\"value\":{}}}", quoted(value)));
        }
        Evidence::Compared { sent, own, how } => {
            let (sent, own, how) = (quoted(sent), quoted(own), quoted(how));
            append(
                out,
                format_args!("{{\"sent\":{sent},\"own\":{own},\"how\":{how}}}"),
            );
        }
        Evidence::Became(from, to) => {
            let (from, to) = (quoted(from), quoted(to));
            append(out, format_args!("{{\"from\":{from},\"to\":{to}}}"));
        }
        Evidence::Weights(weights) => {
            let weights = weights.iter().flatten();
            let pairs =
                weights.map(|(name, weight)| format!("[{},{}]", quoted(name), number(*weight)));
            let pairs: Vec<String> = pairs.collect();
            append(out, format_args!("{{\"weights\":[{}]}}", pairs.join(",")));
        }
        Evidence::Ranges {
            sent,
            length,
            first,
            count,
        } => {
            let sent = quoted(sent);
            let first = first.map(|range| format!("[{},{}]", range.first, range.last));
            let first = first.as_deref().unwrap_or("null");
            append(
                out,
                format_args!(
                    "{{\"sent\":{sent},\"length\":{length},\"first\":{first},\"count\":{count}}}"
                ),
            );
        }
    }
}

/// A value as a string. A [`Quote`](super::trace::Quote) escapes what is not printable.
fn quoted(value: &dyn Display) -> String {
    JsonString(value.to_string().as_bytes()).to_string()
}

fn number(weight: Option<Weight>) -> String {
    match weight {
        Some(weight) => (f64::from(weight.thousandths()) / 1000.0).to_string(),
        None => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::edit::Edit;
    use crate::semantics::field::FieldName;
    use crate::semantics::range::ByteRange;
    use crate::semantics::status::Status;
    use crate::semantics::trace::{Clause, Quote};

    fn written(step: &Step) -> String {
        let mut out = Vec::new();
        let answered = Answered {
            head: b"GET / HTTP/1.1\r\n\r\n",
            status: Some(200),
        };
        write_step(&mut out, step, &answered);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn a_step_has_every_member() {
        let clause = Clause {
            section: "RFC 9110 section 8.4",
            function: "docroot::a::b",
        };
        let step = Step::new(clause, "it is \"found\"");
        let want = concat!(
            r#"{"section":"RFC 9110 section 8.4","#,
            r#""function":"docroot::a::b","#,
            r#""finding":"it is \"found\"","evidence":null,"status":"#,
        );
        assert_eq!(written(&step), format!("{want}null,\"edits\":[]}}"));
        let decided = written(&step.leads_to(Status::NotModified));
        assert_eq!(decided, format!("{want}304,\"edits\":[]}}"));
        let edited = step
            .unless(Edit::remove(FieldName::Range).keeps_status())
            .unless(Edit::method("HEAD"));
        let edits = r#"[{"do":"remove","name":"Range","expect":200},{"do":"method","value":"HEAD","expect":null}]"#;
        assert_eq!(written(&edited), format!("{want}null,\"edits\":{edits}}}"));
    }

    #[track_caller]
    fn check(evidence: Evidence, want: &str) {
        let mut out = Vec::new();
        write_evidence(&mut out, &evidence);
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn each_kind_of_evidence_has_its_members() {
        let (sent, own) = (Quote::of(b"a\"\n"), Quote::of(b"b"));
        check(Evidence::Value(sent), r#"{"value":"a\"\\x0A"}"#);
        let how = "weak comparison";
        check(
            Evidence::Compared { sent, own, how },
            r#"{"sent":"a\"\\x0A","own":"b","how":"weak comparison"}"#,
        );
        check(
            Evidence::Became(sent, own),
            r#"{"from":"a\"\\x0A","to":"b"}"#,
        );
        let mut weights = [None; 5];
        weights[0] = Some(("gzip", Weight::parse(b"0.5")));
        weights[1] = Some(("br", None));
        check(
            Evidence::Weights(weights),
            r#"{"weights":[["gzip",0.5],["br",null]]}"#,
        );
        let ranges = |first| Evidence::Ranges {
            sent: own,
            length: 9,
            first,
            count: 1,
        };
        check(
            ranges(Some(ByteRange { first: 2, last: 4 })),
            r#"{"sent":"b","length":9,"first":[2,4],"count":1}"#,
        );
        check(
            ranges(None),
            r#"{"sent":"b","length":9,"first":null,"count":1}"#,
        );
    }
}
