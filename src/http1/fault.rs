//! The errors in the head of a request (RFC 9112 sections 2, 3 and 5, RFC 9110 sections 5 and 15, RFC
//! 6585 section 5, RFC 8446 section 5.1).

use std::fmt;

use super::limits::HeadLimits;
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, clause};

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
    /// The first byte is that of a TLS handshake (RFC 8446 section 5.1). The client uses `https` on a
    /// port for `http`.
    TlsHandshake,
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
    /// The target is longer than [`HeadLimits::target`] (RFC 9110 section 15.5.15).
    TargetTooLong,
    /// The head is longer than [`HeadLimits::head`] (RFC 6585 section 5).
    HeadTooLong,
    /// There are more field lines than [`HeadLimits::fields`] (RFC 6585 section 5).
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

    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            ParseError::BareLf => "a line ends with LF alone instead of CR LF",
            ParseError::BareCr => "a CR is not followed by LF",
            ParseError::ControlByte => "the head contains a control byte",
            ParseError::TlsHandshake => "the client begins a TLS handshake where HTTP is expected",
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

    /// The limit that the head exceeds, such as `the maximum is 100`; `None` if it exceeds none.
    pub fn limit(self, limits: &HeadLimits) -> Option<String> {
        match self {
            ParseError::TargetTooLong => Some(format!("the maximum is {} bytes", limits.target)),
            ParseError::HeadTooLong => Some(format!("the maximum is {} bytes", limits.head)),
            ParseError::TooManyFields => Some(format!("the maximum is {}", limits.fields)),
            _ => None,
        }
    }

    /// A change that mends the head, if one is enough.
    pub(super) fn edit(self) -> Option<Edit> {
        match self {
            ParseError::Method => Some(Edit::method("GET")),
            ParseError::EmptyTarget | ParseError::TargetByte | ParseError::TargetTooLong => {
                Some(Edit::target(NewTarget::Root))
            }
            ParseError::MissingVersion | ParseError::Version | ParseError::VersionNotSupported => {
                Some(Edit::http11())
            }
            _ => None,
        }
    }

    /// The rule that the head breaks.
    pub fn clause(self) -> Clause {
        match self {
            ParseError::BareLf | ParseError::BareCr => {
                clause!("RFC 9112 section 2.2", "http1::parse", "line_end")
            }
            ParseError::ControlByte => clause!("RFC 9110 section 5.5", "http1::parse", "line_end"),
            ParseError::TlsHandshake => clause!("RFC 8446 section 5.1", "http1::parse", "line_end"),
            ParseError::Method => clause!("RFC 9112 section 3.1", "http1::line", "split_method"),
            ParseError::EmptyTarget | ParseError::MissingVersion => {
                clause!("RFC 9112 section 3", "http1::line", "split_target")
            }
            ParseError::TargetByte => {
                clause!("RFC 9112 section 3.2", "http1::line", "split_target")
            }
            ParseError::Version => clause!("RFC 9112 section 2.3", "http1::version", "parse"),
            ParseError::VersionNotSupported => {
                clause!("RFC 9110 section 15.6.6", "http1::version", "parse")
            }
            ParseError::TargetTooLong => {
                clause!("RFC 9110 section 15.5.15", "http1::parse", "bound")
            }
            ParseError::HeadTooLong => clause!("RFC 6585 section 5", "http1::parse", "bound"),
            ParseError::TooManyFields => {
                clause!("RFC 6585 section 5", "http1::parse", "take_field_line")
            }
            ParseError::FoldedLine => clause!("RFC 9112 section 5.2", "http1::line", "split_name"),
            ParseError::SpaceBeforeColon => {
                clause!("RFC 9112 section 5.1", "http1::line", "split_name")
            }
            ParseError::MissingColon => clause!("RFC 9112 section 5", "http1::line", "split_name"),
            ParseError::FieldName => clause!("RFC 9110 section 5.1", "http1::line", "split_name"),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: ParseError, section: &str, limit: Option<&str>) {
        assert_eq!(error.clause().section, format!("RFC {section}"));
        let limits = HeadLimits {
            target: 1,
            head: 2,
            fields: 3,
        };
        assert_eq!(error.limit(&limits).as_deref(), limit);
    }

    #[test]
    fn each_error_names_its_rule() {
        check(ParseError::BareLf, "9112 section 2.2", None);
        check(ParseError::ControlByte, "9110 section 5.5", None);
        check(ParseError::TlsHandshake, "8446 section 5.1", None);
        check(ParseError::Method, "9112 section 3.1", None);
        check(ParseError::Version, "9112 section 2.3", None);
        check(ParseError::VersionNotSupported, "9110 section 15.6.6", None);
        let target = Some("the maximum is 1 bytes");
        check(ParseError::TargetTooLong, "9110 section 15.5.15", target);
        let head = Some("the maximum is 2 bytes");
        check(ParseError::HeadTooLong, "6585 section 5", head);
        let fields = Some("the maximum is 3");
        check(ParseError::TooManyFields, "6585 section 5", fields);
        check(ParseError::FoldedLine, "9112 section 5.2", None);
        check(ParseError::SpaceBeforeColon, "9112 section 5.1", None);
    }
}
