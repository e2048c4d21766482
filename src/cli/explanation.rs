//! What `docroot explain` prints: the head of the response, then the steps of the decision.

use crate::cli::launch::{Explain, OutputFormat};
use crate::http1::version::Version;
use crate::net::explain::Explanation;
use crate::semantics::trace::{Step, write_step_line};
use crate::semantics::trace_json::write_steps;
use crate::semantics::what_if::{Answered, Part, Proposal, proposals};
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

/// The explanation of the response to `request`.
pub fn print(explanation: &Explanation, request: &Explain) -> Vec<u8> {
    let head = self::request(request);
    let answered = Answered {
        head: &head,
        status: Some(explanation.status.code()),
    };
    match request.format {
        OutputFormat::Text => text(explanation, request, &answered),
        OutputFormat::Json => json(explanation, &answered),
    }
}

/// The status line, the fields, an empty line, then one line per step. Below a step are the request changes that
/// would change its outcome, if they say something about this request.
fn text(explanation: &Explanation, request: &Explain, answered: &Answered<'_>) -> Vec<u8> {
    let octets = explanation.head.iter().copied();
    let mut out: Vec<u8> = octets.filter(|&octet| octet != b'\r').collect();
    let steps = &explanation.steps;
    let changes = worth_a_line(steps, request, answered);
    for (number, (step, changes)) in (1..).zip(steps.iter().zip(changes)) {
        write_step_line(&mut out, number, step);
        for change in changes {
            append(&mut out, format_args!("    {change}\n"));
        }
    }
    out
}

/// The changes to print below each step, each change once. The step that decides has all of its changes. Any other step
/// has those of what was typed, if they certainly lead to another status. The rest is true of nearly every request, such
/// as that DELETE would get 405.
fn worth_a_line(steps: &[Step], request: &Explain, answered: &Answered<'_>) -> Vec<Vec<Proposal>> {
    let changes = steps.iter().map(|step| proposals(step, answered));
    let mut changes: Vec<Vec<Proposal>> = changes.collect();
    let decides = steps.iter().rposition(|step| step.status.is_some());
    let of_decision = decides.and_then(|at| changes.get(at)).cloned();
    let mut printed = of_decision.unwrap_or_default();
    for (at, changes) in changes.iter_mut().enumerate() {
        changes.retain(|change| {
            let is_other = change.expected().is_some() && change.expected() != answered.status;
            let is_new = !printed.iter().any(|known| known.is_same_change(change));
            let is_kept =
                decides == Some(at) || (is_typed(request, change.part()) && is_other && is_new);
            if is_kept && is_new {
                printed.push(change.clone());
            }
            is_kept
        });
    }
    changes
}

/// Whether a part of the request was typed.
fn is_typed(request: &Explain, part: Part) -> bool {
    match part {
        Part::Method => request.method != b"GET",
        Part::Target => true,
        Part::Version => request.version != Version::Http11,
        Part::Field(name) => request
            .fields
            .iter()
            .any(|(typed, _)| typed.eq_ignore_ascii_case(name.as_bytes())),
    }
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
    out.extend_from_slice(b",\"steps\":");
    write_steps(&mut out, &explanation.steps, answered);
    out.extend_from_slice(b"}\n");
    out
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
