//! What `docroot explain` prints: the head of the response, then the steps of the decision.

use crate::cli::launch::{Explain, ExplainFormat};
use crate::net::explain::Explanation;
use crate::semantics::trace::{Step, write_step_line};
use crate::semantics::trace_json::write_edits;
use crate::semantics::what_if::{Answered, proposals};
use crate::text::append;
use crate::text::escape::JsonString;

/// The head of the request as a client would send it. `Host` is added unless it was typed.
pub fn request(explain: &Explain) -> Vec<u8> {
    let mut head = explain.method.clone();
    head.push(b' ');
    head.extend_from_slice(&explain.target);
    append(&mut head, format_args!(" {}\r\n", explain.version.text()));
    let is_host = |(name, _): &(Vec<u8>, Vec<u8>)| name.eq_ignore_ascii_case(b"host");
    if !explain.fields.iter().any(is_host) {
        head.extend_from_slice(b"Host: localhost\r\n");
    }
    for (name, value) in &explain.fields {
        head.extend_from_slice(name);
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The explanation of the response to `request`, in this format.
pub fn print(explanation: &Explanation, request: &[u8], format: ExplainFormat) -> Vec<u8> {
    let answered = Answered {
        head: request,
        status: Some(explanation.status.code()),
    };
    match format {
        ExplainFormat::Text => text(explanation, &answered),
        ExplainFormat::Json => json(explanation, &answered),
    }
}

/// The status line, the fields, an empty line, then one line per step. Below each are the changes of the request that
/// would make the step turn out otherwise.
fn text(explanation: &Explanation, answered: &Answered<'_>) -> Vec<u8> {
    let mut out: Vec<u8> = explanation
        .head
        .iter()
        .copied()
        .filter(|&octet| octet != b'\r')
        .collect();
    for (number, step) in (1..).zip(&explanation.steps) {
        write_step_line(&mut out, number, step);
        for proposal in proposals(step, answered) {
            append(&mut out, format_args!("    {proposal}\n"));
        }
    }
    out
}

/// One object: the status, the fields in order, the length of the content, and the steps.
fn json(explanation: &Explanation, answered: &Answered<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let status = explanation.status;
    let phrase = JsonString(status.phrase().as_bytes());
    append(
        &mut out,
        format_args!(
            "{{\"status\":{},\"phrase\":{phrase},\"fields\":[",
            status.code()
        ),
    );
    for (number, (name, value)) in fields(&explanation.head).enumerate() {
        let (name, value) = (JsonString(name), JsonString(value));
        let comma = if number == 0 { "" } else { "," };
        append(
            &mut out,
            format_args!("{comma}{{\"name\":{name},\"value\":{value}}}"),
        );
    }
    match explanation.content {
        Some(length) => append(&mut out, format_args!("],\"content_length\":{length}")),
        None => append(&mut out, format_args!("],\"content_length\":null")),
    }
    out.extend_from_slice(b",\"steps\":[");
    for (number, step) in explanation.steps.iter().enumerate() {
        write_step(&mut out, number, step, answered);
    }
    out.extend_from_slice(b"]}\n");
    out
}

fn write_step(out: &mut Vec<u8>, number: usize, step: &Step, answered: &Answered<'_>) {
    let comma = if number == 0 { "" } else { "," };
    let evidence = step.evidence.to_string();
    let finding = JsonString(step.finding.as_bytes());
    append(out, format_args!("{comma}{{\"finding\":{finding}"));
    match evidence.strip_prefix(": ") {
        Some(evidence) => {
            let evidence = JsonString(evidence.as_bytes());
            append(out, format_args!(",\"evidence\":{evidence}"));
        }
        None => append(out, format_args!(",\"evidence\":null")),
    }
    match step.status {
        Some(status) => append(out, format_args!(",\"status\":{}", status.code())),
        None => append(out, format_args!(",\"status\":null")),
    }
    let section = JsonString(step.clause.section.as_bytes());
    let function = JsonString(step.clause.path().as_bytes());
    append(
        out,
        format_args!(",\"section\":{section},\"function\":{function}"),
    );
    write_edits(out, step, answered);
    out.push(b'}');
}

/// The names and values of the fields in a head.
fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|&octet| octet == b'\n').skip(1);
    lines.filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|&octet| octet == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}
