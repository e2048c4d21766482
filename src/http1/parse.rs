//! RFC 9112 sections 2, 3 and 5: parses the head of a request.
//!
//! ```text
//! HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
//! request-line = method SP request-target SP HTTP-version
//! field-line   = field-name ":" OWS field-value OWS
//! ```
//!
//! `GET /a?b HTTP/1.1␍␊Host: x␍␊␍␊` has one field and is 30 bytes long.
//!
//! The RFC lets a recipient accept some invalid input: a bare LF, folded lines, extra white space.
//! If a proxy and this server read such input differently, an attacker can smuggle requests. So this
//! parser accepts only empty lines before the request-line (section 2.2).
//!
//! The parser reads a head line by line. It first searches a line for its CRLF and refuses control
//! bytes, then parses the line. The result depends only on the bytes, not on how they arrive.

use super::fault::ParseError;
use super::limits::{HeadLimits, METHOD_AND_VERSION};
use super::line::{RequestLine, field_line, request_line};
use super::octet;
use super::version::Version;
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldLine, Fields};
use crate::semantics::method::Method;
use crate::semantics::secrets::without_user_information;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};

/// The head of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method as sent: a token.
    pub method: &'a [u8],
    /// The method, if this server knows it.
    pub known: Option<Method>,
    /// The request-target as sent: not empty, without spaces, control bytes and `#`.
    pub target: &'a [u8],
    /// The protocol version of the client.
    pub version: Version,
    /// The field section.
    pub fields: Fields<'a>,
    /// The length of the head in bytes, including empty lines before it.
    pub length: usize,
}

/// The progress in a head that is not complete yet. With it, the parser searches each byte once,
/// even if the head arrives slowly. Each head needs a new `ParseState`; [`request_head`] resets it
/// when the head is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParseState {
    /// The start of the first line that is not complete.
    line: usize,
    /// Up to here, that line contains neither its end nor a control byte other than HTAB.
    scanned: usize,
    /// The number of complete lines: the request-line and field lines, but no empty lines.
    complete: usize,
}

/// Parses the head at the start of `input`. `None` if the head is not complete.
///
/// For one head, each call passes the same bytes, perhaps with more after them, and the same
/// `progress`. When the function returns a head, it resets `progress` for the next one. `lines` is
/// scratch space that connections may share; its previous contents are dropped.
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
        // An earlier call parsed the first lines, but the scratch space does not keep them. The
        // head is complete now, so parse all of it again, once.
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

/// Reads the lines of a head during one call.
struct Reader<'a, 's> {
    input: &'a [u8],
    lines: &'s mut Vec<FieldLine>,
    limits: &'s HeadLimits,
    progress: ParseState,
    request_line: Option<RequestLine<'a>>,
}

impl RequestHead<'_> {
    /// The step that shows the request-line.
    pub(super) fn step(&self) -> Step {
        const CLAUSE: Clause = clause!("RFC 9112 section 3", "request_head");
        let line = Quote::written(|out| {
            out.extend_from_slice(self.method);
            out.push(b' ');
            out.extend_from_slice(&without_user_information(self.target));
            out.push(b' ');
            out.extend_from_slice(self.version.text().as_bytes());
        });
        Step::new(
            CLAUSE,
            "the request-line has a method, a target and a version",
        )
        .with(Evidence::Value(line))
        .unless(Edit::malformed_version())
    }
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

    /// Reads lines until the empty one that ends the head. Returns whether that line has arrived.
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

    /// The next line without its CRLF, after its offset. `None` if the line is not complete.
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

    /// The offset by which the current line must end, and the error if it does not.
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

/// The length of a line end.
const CRLF: usize = 2;

/// The first byte of a TLS record that carries a handshake message (RFC 8446 section 5.1).
pub const TLS_HANDSHAKE: u8 = 22;

/// The result of the search for the end of a line.
enum LineEnd {
    /// The CR of the CRLF is at this offset.
    At(usize),
    /// No line end before this offset, where the next search begins.
    NotBefore(usize),
}

/// Finds the end of a line. A line ends with CRLF, and CR and LF are invalid elsewhere (section 2.2).
/// Other control bytes except HTAB are invalid too (RFC 9110 section 5.5). If the first byte of the input
/// is [`TLS_HANDSHAKE`], the error says so.
fn line_end(input: &[u8], mut from: usize) -> Result<LineEnd, ParseError> {
    while let Some(offset) = input.get(from..).and_then(octet::first_control) {
        let at = from + offset;
        match (input.get(at), input.get(at + 1)) {
            (Some(b'\t'), _) => from = at + 1,
            (Some(b'\r'), Some(b'\n')) => return Ok(LineEnd::At(at)),
            (Some(b'\r'), None) => return Ok(LineEnd::NotBefore(at)),
            (Some(b'\r'), Some(_)) => return Err(ParseError::BareCr),
            (Some(b'\n'), _) => return Err(ParseError::BareLf),
            (Some(&TLS_HANDSHAKE), _) if at == 0 => return Err(ParseError::TlsHandshake),
            _ => return Err(ParseError::ControlByte),
        }
    }
    Ok(LineEnd::NotBefore(input.len()))
}

#[cfg(test)]
pub(super) mod tests;
