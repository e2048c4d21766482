//! RFC 9112 sections 3 and 5: parses one line of a head, with a function for each rule.
//!
//! ```text
//! GET /a?b HTTP/1.1      request_line
//! Host: example.org      field_line
//! ```
//!
//! Invariant: lines contain no control byte except HTAB, because the search for the line end has
//! refused all others.

use super::fault::ParseError;
use super::limits::HeadLimits;
use super::octet::{self, TARGET, TOKEN};
use super::version::Version;
use crate::semantics::field::{FieldLine, FieldName, Span};

/// The parts of a request-line.
pub struct RequestLine<'a> {
    pub method: &'a [u8],
    pub target: &'a [u8],
    pub version: Version,
}

/// Section 3: three parts with exactly one space between them.
pub fn request_line<'a>(
    line: &'a [u8],
    limits: &HeadLimits,
) -> Result<RequestLine<'a>, ParseError> {
    let (method, rest) = split_method(line)?;
    let (target, version) = split_target(rest)?;
    if target.len() > limits.target {
        return Err(ParseError::TargetTooLong);
    }
    Ok(RequestLine {
        method,
        target,
        version: Version::parse(version)?,
    })
}

/// Section 3.1: `method = token`.
fn split_method(line: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    match line.split_at(octet::run(&TOKEN, line)) {
        (method @ [_, ..], [b' ', rest @ ..]) => Ok((method, rest)),
        _ => Err(ParseError::Method),
    }
}

/// Section 3.2: the target ends at the first space. Other octets outside [`TARGET`] are refused.
fn split_target(rest: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    match rest.split_at(octet::run(&TARGET, rest)) {
        ([], [] | [b' ', ..]) => Err(ParseError::EmptyTarget),
        (target, [b' ', version @ ..]) => Ok((target, version)),
        (_, []) => Err(ParseError::MissingVersion),
        _ => Err(ParseError::TargetByte),
    }
}

/// Section 5: a name, a colon directly after it, and a value with optional white space around it.
/// Every remaining octet is valid in a value.
pub fn field_line(start: usize, line: &[u8]) -> Result<FieldLine, ParseError> {
    let (name, after) = split_name(line)?;
    let end = start + line.len();
    // `trim_ascii` removes more than SP and HTAB, but no other white space can occur here.
    let value = after.trim_ascii_start();
    let value_start = end - value.len();
    Ok(FieldLine {
        known: FieldName::recognise(name),
        name: span(start, name.len()),
        value: span(value_start, value.trim_ascii_end().len()),
    })
}

/// Section 5.1: `field-name = token`, and no white space before the colon.
fn split_name(line: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    match line.split_at(octet::run(&TOKEN, line)) {
        (name @ [_, ..], [b':', after @ ..]) => Ok((name, after)),
        ([], [b' ' | b'\t', ..]) => Err(ParseError::FoldedLine),
        (_, rest) if !rest.contains(&b':') => Err(ParseError::MissingColon),
        (_, [b' ' | b'\t', ..]) => Err(ParseError::SpaceBeforeColon),
        _ => Err(ParseError::FieldName),
    }
}

/// Invariant: a head has at most `u32::MAX` bytes, so the casts lose nothing.
fn span(start: usize, length: usize) -> Span {
    Span {
        start: start as u32,
        end: (start + length) as u32,
    }
}
