//! What can be wrong with the head of a request.

use std::fmt;

use crate::semantics::status::Status;

/// A fault in a request head. Whatever it is, the connection closes after the answer, because
/// where the next message begins is no longer known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// LF without CR (section 2.2 would allow it; a proxy in front may not).
    BareLf,
    /// CR without LF (section 2.2).
    BareCr,
    /// NUL, DEL or another control byte but HTAB (RFC 9110 section 5.5).
    ControlByte,
    /// The method is not a token followed by a space (section 3.1).
    Method,
    /// Nothing stands between the first and the second space (section 3).
    EmptyTarget,
    /// The target holds a tab or `#` (section 3.2).
    TargetByte,
    /// The request-line has two parts, as in HTTP/0.9 (section 3).
    MissingVersion,
    /// The third part is not `HTTP/` and two digits (section 2.3).
    Version,
    /// A major version other than 1 (RFC 9110 section 15.6.6).
    VersionNotSupported,
    /// The target is longer than [`super::limits::HeadLimits::target`] (RFC 9110 section 15.5.15).
    TargetTooLong,
    /// The head is longer than [`super::limits::HeadLimits::head`] (RFC 6585 section 5).
    HeadTooLong,
    /// There are more field lines than [`super::limits::HeadLimits::fields`] (RFC 6585 section 5).
    TooManyFields,
    /// A line begins with white space: obs-fold (section 5.2) or white space before the first
    /// field (section 2.2), with which a field is hidden from one of two parsers.
    FoldedLine,
    /// White space between name and colon (section 5.1), another hiding place.
    SpaceBeforeColon,
    /// A line without a colon (section 5).
    MissingColon,
    /// A name that is empty or not a token (RFC 9110 section 5.1).
    FieldName,
}

impl ParseError {
    /// The status that tells the client.
    pub fn status(self) -> Status {
        match self {
            ParseError::VersionNotSupported => Status::HttpVersionNotSupported,
            ParseError::TargetTooLong => Status::UriTooLong,
            ParseError::HeadTooLong | ParseError::TooManyFields => {
                Status::RequestHeaderFieldsTooLarge
            }
            _ => Status::BadRequest,
        }
    }
}

impl ParseError {
    /// The fault as a clause.
    pub fn text(self) -> &'static str {
        match self {
            ParseError::BareLf => "a line ends with LF alone instead of CR LF",
            ParseError::BareCr => "a CR is not followed by LF",
            ParseError::ControlByte => "the head holds a control byte",
            ParseError::Method => "the method is not a token followed by one space",
            ParseError::EmptyTarget => "the request-target is empty or two spaces precede it",
            ParseError::TargetByte => "the request-target holds a byte that must be escaped",
            ParseError::MissingVersion => "the request-line names no version",
            ParseError::Version => "the request-line does not end with a version like HTTP/1.1",
            ParseError::VersionNotSupported => "only HTTP/1.0 and HTTP/1.1 are spoken here",
            ParseError::TargetTooLong => "the request-target is too long",
            ParseError::HeadTooLong => "the head of the request is too long",
            ParseError::TooManyFields => "the request has too many fields",
            ParseError::FoldedLine => "a line begins with white space, which is no longer allowed",
            ParseError::SpaceBeforeColon => "white space stands between a field name and its colon",
            ParseError::MissingColon => "a field line has no colon",
            ParseError::FieldName => "a field name is empty or holds a byte that no name has",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ParseError {}
