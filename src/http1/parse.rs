//! RFC 9112 sections 2 to 5: the head of a request.
//!
//! ```text
//! HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
//! request-line = method SP request-target SP HTTP-version
//! field-line   = field-name ":" OWS field-value OWS
//! ```
//!
//! `GET /a?b HTTP/1.1␍␊Host: x␍␊␍␊` has one field and is 30 bytes long.
//!
//! The RFC lets a recipient forgive a good deal: a bare LF, lines that are folded, white space in
//! odd places. Each pardon is a chance for two parsers on one path to see two different messages,
//! so of them all only empty lines before the request-line are forgiven (section 2.2).
//!
//! A head is read a line at a time. A line is first searched for its CRLF, which finds every
//! control byte on the way, and then taken apart. What is found depends only on the bytes, never
//! on how they were split on arrival.

use super::fault::ParseError;
use super::limits::{HeadLimits, METHOD_AND_VERSION};
use super::line::{RequestLine, field_line, request_line};
use super::octet;
use super::version::Version;
use crate::semantics::field::{FieldLine, Fields};
use crate::semantics::method::Method;
use crate::semantics::trace::{Clause, clause};

/// The head of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method as sent: a token.
    pub method: &'a [u8],
    /// What the method means here, if anything.
    pub known: Option<Method>,
    /// The request-target as sent: not empty, free of spaces, control bytes and `#`.
    pub target: &'a [u8],
    /// What the client understands.
    pub version: Version,
    /// The field section.
    pub fields: Fields<'a>,
    /// How many bytes of the input the head takes, empty lines before it included.
    pub length: usize,
}

/// Where the reading of a head stands that has not wholly arrived, so that each byte is searched
/// once however slowly a head comes. It belongs to one head: a new head, a new `ParseState`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParseState {
    /// Where the line begins whose end is still to come.
    line: usize,
    /// Up to where that line is known to hold neither its end nor a control byte.
    scanned: usize,
    /// How many lines are complete, the request-line among them, empty ones before it not.
    complete: usize,
}

/// What a step about this rests on.
pub const CLAUSE: Clause = clause!("RFC 9112 section 2.2", "request_head");

/// Reads the head at the start of `input`; `None` where it has not wholly arrived.
///
/// `input` begins with the same bytes at each call for one head, and `progress` is the value of
/// the call before; when a head is returned, it is ready for the next one. `lines` is scratch: it
/// may serve many connections in turn, and what it held is dropped.
pub fn request_head<'a>(
    input: &'a [u8],
    progress: &mut ParseState,
    lines: &'a mut Vec<FieldLine>,
    limits: &HeadLimits,
) -> Result<Option<RequestHead<'a>>, ParseError> {
    let mut reader = Reader::new(input, lines, limits, progress.clone());
    let ended = reader.read_lines()?;
    let (request_line, length) = (reader.request_line, reader.progress.line);
    *progress = reader.progress;
    if !ended {
        return Ok(None);
    }
    *progress = ParseState::default();
    let Some(request_line) = request_line else {
        // The first lines came with an earlier call, and scratch forgets. Now that the end has
        // come, the head is read again as a whole, once.
        return request_head(input, progress, lines, limits);
    };
    Ok(Some(RequestHead {
        method: request_line.method,
        known: Method::from_token(request_line.method),
        target: request_line.target,
        version: request_line.version,
        fields: Fields::new(input, lines),
        length,
    }))
}

/// One call's walk over the lines of a head.
struct Reader<'a, 's> {
    input: &'a [u8],
    lines: &'s mut Vec<FieldLine>,
    limits: &'s HeadLimits,
    progress: ParseState,
    request_line: Option<RequestLine<'a>>,
}

impl<'a, 's> Reader<'a, 's> {
    fn new(
        input: &'a [u8],
        lines: &'s mut Vec<FieldLine>,
        limits: &'s HeadLimits,
        progress: ParseState,
    ) -> Reader<'a, 's> {
        lines.clear();
        Reader {
            input,
            lines,
            limits,
            progress,
            request_line: None,
        }
    }

    /// Takes lines until the empty one that ends the head; whether it came.
    fn read_lines(&mut self) -> Result<bool, ParseError> {
        while let Some((start, line)) = self.next_line()? {
            match (self.progress.complete, line.is_empty()) {
                (0, true) => continue, // Section 2.2: an empty line before the request-line.
                (0, false) => self.request_line = Some(request_line(line, self.limits)?),
                (_, true) => return Ok(true),
                (_, false) => self.take_field_line(start, line)?,
            }
            self.progress.complete += 1;
        }
        Ok(false)
    }

    /// The next line without its CRLF and where it begins; `None` where its end is still to come.
    fn next_line(&mut self) -> Result<Option<(usize, &'a [u8])>, ParseError> {
        let (bound, too_long) = self.bound();
        let within = self.input.get(..bound).unwrap_or(self.input);
        let start = self.progress.line;
        match line_end(within, self.progress.scanned)? {
            LineEnd::At(end) => {
                self.progress.line = end + 2;
                self.progress.scanned = end + 2;
                Ok(within.get(start..end).map(|line| (start, line)))
            }
            LineEnd::NotBefore(_) if within.len() == bound => Err(too_long),
            LineEnd::NotBefore(scanned) => {
                self.progress.scanned = scanned;
                Ok(None)
            }
        }
    }

    /// Where in the input the line at hand must have ended, and the fault if it has not.
    fn bound(&self) -> (usize, ParseError) {
        let head = self.limits.head.min(u32::MAX as usize);
        let request_line =
            (self.progress.line + METHOD_AND_VERSION + CRLF).saturating_add(self.limits.target);
        match self.progress.complete {
            0 if request_line < head => (request_line, ParseError::TargetTooLong),
            _ => (head, ParseError::HeadTooLong),
        }
    }

    fn take_field_line(&mut self, start: usize, line: &[u8]) -> Result<(), ParseError> {
        if self.progress.complete > self.limits.fields {
            return Err(ParseError::TooManyFields);
        }
        self.lines.push(field_line(start, line)?);
        Ok(())
    }
}

/// How many bytes end a line.
const CRLF: usize = 2;

/// What the search for the end of a line found.
enum LineEnd {
    /// The CR of its CRLF.
    At(usize),
    /// Nothing yet; the search goes on from here.
    NotBefore(usize),
}

/// Section 2.2: a line ends with CRLF, and neither CR nor LF stands anywhere else; RFC 9110
/// section 5.5: nor does another control byte but HTAB.
fn line_end(input: &[u8], mut from: usize) -> Result<LineEnd, ParseError> {
    while let Some(offset) = input.get(from..).and_then(octet::first_control) {
        let at = from + offset;
        match (input.get(at), input.get(at + 1)) {
            (Some(b'\t'), _) => from = at + 1,
            (Some(b'\r'), Some(b'\n')) => return Ok(LineEnd::At(at)),
            (Some(b'\r'), None) => return Ok(LineEnd::NotBefore(at)),
            (Some(b'\r'), Some(_)) => return Err(ParseError::BareCr),
            (Some(b'\n'), _) => return Err(ParseError::BareLf),
            _ => return Err(ParseError::ControlByte),
        }
    }
    Ok(LineEnd::NotBefore(input.len()))
}

#[cfg(test)]
pub(super) mod tests;
