//! The errors in a request message, and the status of each.
//!
//! The client causes all of them. After each one the connection closes, because the server cannot
//! trust the end of the message.

use std::fmt;

use super::chunked::ChunkedError;
use super::expect::UnknownExpectation;
use super::fault::ParseError;
use super::framing::FramingError;
use super::host::HostError;
use super::target::TargetError;
use crate::semantics::edit::Edit;
use crate::semantics::forwarded::ForwardedError;
use crate::semantics::status::Status;
use crate::semantics::trace::Clause;

/// An error in a message, by the part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// In the lines of the head.
    Head(ParseError),
    /// In the request-target.
    Target(TargetError),
    /// In the field `Host`.
    Host(HostError),
    /// In the fields that give the length of the body.
    Framing(FramingError),
    /// In a chunked body.
    Chunked(ChunkedError),
    /// In the field `Expect`.
    Expectation(UnknownExpectation),
    /// In the fields of a trusted proxy.
    Forwarded(ForwardedError),
}

impl Error {
    /// The status of the response.
    pub fn status(self) -> Status {
        match self {
            Error::Head(error) => error.status(),
            Error::Chunked(ChunkedError::TrailerTooLong) => Status::RequestHeaderFieldsTooLarge,
            Error::Expectation(_) => Status::ExpectationFailed,
            Error::Target(_) | Error::Host(_) | Error::Framing(_) => Status::BadRequest,
            Error::Chunked(_) | Error::Forwarded(_) => Status::BadRequest,
        }
    }

    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Error::Head(error) => error.text(),
            Error::Target(error) => error.text(),
            Error::Host(error) => error.text(),
            Error::Framing(error) => error.text(),
            Error::Chunked(error) => error.text(),
            Error::Expectation(error) => error.text(),
            Error::Forwarded(error) => error.text(),
        }
    }

    /// A change that mends the message, if one is enough.
    pub fn edit(self) -> Option<Edit> {
        match self {
            Error::Head(error) => error.edit(),
            Error::Target(error) => Some(error.edit()),
            Error::Host(error) => Some(error.edit()),
            Error::Framing(error) => Some(error.edit()),
            Error::Chunked(_) => None,
            Error::Expectation(error) => Some(error.edit()),
            // The proxy writes them, not who typed the request.
            Error::Forwarded(_) => None,
        }
    }

    /// The rule that the request breaks.
    pub fn clause(self) -> Clause {
        match self {
            Error::Head(error) => error.clause(),
            Error::Target(error) => error.clause(),
            Error::Host(error) => error.clause(),
            Error::Framing(error) => error.clause(),
            Error::Chunked(error) => error.clause(),
            Error::Expectation(error) => error.clause(),
            Error::Forwarded(error) => error.clause(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Error {
        Error::Head(error)
    }
}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Error {
        Error::Target(error)
    }
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Error {
        Error::Host(error)
    }
}

impl From<FramingError> for Error {
    fn from(error: FramingError) -> Error {
        Error::Framing(error)
    }
}

impl From<ChunkedError> for Error {
    fn from(error: ChunkedError) -> Error {
        Error::Chunked(error)
    }
}

impl From<ForwardedError> for Error {
    fn from(error: ForwardedError) -> Error {
        Error::Forwarded(error)
    }
}

impl From<UnknownExpectation> for Error {
    fn from(error: UnknownExpectation) -> Error {
        Error::Expectation(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::edit::NewTarget;
    use crate::semantics::field::FieldName;

    /// The text is that of the part: several words without a period.
    #[track_caller]
    fn check<E: Copy + fmt::Display + Into<Error>>(part: E) {
        let text = part.to_string();
        assert_eq!(part.into().to_string(), text);
        assert!(text.contains(' ') && !text.ends_with('.'), "{text:?}");
    }

    #[test]
    fn every_error_has_the_text_of_its_part() {
        check(ParseError::BareLf);
        check(TargetError::ConnectWithoutAuthority);
        check(HostError::Missing);
        check(FramingError::TransferCoding);
        check(ChunkedError::ContentTooLong);
        check(UnknownExpectation);
        check(ForwardedError::Malformed);
        check(ForwardedError::Ambiguous);
    }

    #[test]
    fn each_error_names_what_would_mend_it() {
        use FieldName::{ContentLength, Expect, Host, TransferEncoding};
        let check = |error: Error, want: Option<Edit>| assert_eq!(error.edit(), want, "{error}");
        let root = Some(Edit::target(NewTarget::Root));
        for fault in [
            ParseError::EmptyTarget,
            ParseError::TargetByte,
            ParseError::TargetTooLong,
        ] {
            check(fault.into(), root);
        }
        for fault in [
            ParseError::MissingVersion,
            ParseError::Version,
            ParseError::VersionNotSupported,
        ] {
            check(fault.into(), Some(Edit::http11()));
        }
        check(ParseError::Method.into(), Some(Edit::method("GET")));
        check(ParseError::BareLf.into(), None);
        for fault in [
            TargetError::Form,
            TargetError::Scheme,
            TargetError::Authority,
        ] {
            check(fault.into(), root);
        }
        check(TargetError::UserInformation.into(), root);
        let options = Some(Edit::method("OPTIONS"));
        check(TargetError::AsteriskWithoutOptions.into(), options);
        let get = Some(Edit::method("GET"));
        check(TargetError::ConnectWithoutAuthority.into(), get);
        check(
            HostError::Repeated.into(),
            Some(Edit::set(Host, "localhost")),
        );
        let empty = Some(Edit::set(ContentLength, "0"));
        check(FramingError::RepeatedContentLength.into(), empty);
        check(FramingError::InvalidContentLength.into(), empty);
        check(FramingError::ContentLengthOverflow.into(), empty);
        check(
            FramingError::TwoLengths.into(),
            Some(Edit::remove(ContentLength)),
        );
        let removed = Some(Edit::remove(TransferEncoding));
        check(FramingError::TransferCoding.into(), removed);
        check(FramingError::TransferCodingInHttp10.into(), removed);
        check(ChunkedError::Trailer.into(), None);
        check(ForwardedError::Malformed.into(), None);
        check(UnknownExpectation.into(), Some(Edit::remove(Expect)));
    }
}
