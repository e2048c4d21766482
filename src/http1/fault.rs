//! The errors in the head of a request.

use std::fmt;

use crate::semantics::status::Status;

/// An invalid request head. The connection closes after the response, because the start of the next
/// message is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// LF without CR. Section 2.2 allows it, but a proxy in front may not.
    BareLf,
    /// CR without LF (section 2.2).
    BareCr,
    /// NUL, DEL or another control byte except HTAB (RFC 9110 section 5.5).
    ControlByte,
    /// The method is not a token followed by a space (section 3.1).
    Method,
    /// The target is empty, or a second space follows the method (section 3).
    EmptyTarget,
    /// The target contains a tab or `#` (section 3.2).
    TargetByte,
    /// The request-line ends after the target, as in HTTP/0.9 (section 3).
    MissingVersion,
    /// The third part is not like `HTTP/1.1` (section 2.3).
    Version,
    /// A major version other than 1 (RFC 9110 section 15.6.6).
    VersionNotSupported,
    /// The target is longer than [`super::limits::HeadLimits::target`] (RFC 9110 section 15.5.15).
    TargetTooLong,
    /// The head is longer than [`super::limits::HeadLimits::head`] (RFC 6585 section 5).
    HeadTooLong,
    /// There are more field lines than [`super::limits::HeadLimits::fields`] (RFC 6585 section 5).
    TooManyFields,
    /// A line begins with white space: obs-fold (section 5.2), or white space before the first field
    /// (section 2.2). It can hide a field from a proxy or from this server.
    FoldedLine,
    /// White space between name and colon (section 5.1), which can hide a field too.
    SpaceBeforeColon,
    /// A line without a colon (section 5).
    MissingColon,
    /// A name that is empty or not a token (RFC 9110 section 5.1).
    FieldName,
}

impl ParseError {
    /// The status of the response.
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

    /// The error as a clause.
    pub fn text(self) -> &'static str {
        match self {
            ParseError::BareLf => "a line ends with LF alone instead of CR LF",
            ParseError::BareCr => "a CR is not followed by LF",
            ParseError::ControlByte => "the head contains a control byte",
            ParseError::Method => "the method is not a token followed by one space",
            ParseError::EmptyTarget => "the request-target is empty or two spaces come before it",
            ParseError::TargetByte => "the request-target contains a tab or a #",
            ParseError::MissingVersion => "the request-line has no version",
            ParseError::Version => "the request-line does not end with a version like HTTP/1.1",
            ParseError::VersionNotSupported => "only HTTP/1.0 and HTTP/1.1 are supported",
            ParseError::TargetTooLong => "the request-target is too long",
            ParseError::HeadTooLong => "the head of the request is too long",
            ParseError::TooManyFields => "the request has too many fields",
            ParseError::FoldedLine => "a field line begins with white space",
            ParseError::SpaceBeforeColon => {
                "there is white space between a field name and its colon"
            }
            ParseError::MissingColon => "a field line has no colon",
            ParseError::FieldName => "a field name is empty or contains an invalid byte",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ParseError {}
