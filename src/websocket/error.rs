//! The errors in what a client sends, and the status code that answers each (RFC 6455 sections 5, 7.4 and
//! 8.1, RFC 7692 section 7.2).
//!
//! The client causes all of them. After each one the connection fails: the server sends Close and closes
//! (section 7.1.7).

use std::fmt;

use super::close::{CloseCode, CloseError};
use super::deflate::InvalidDeflate;
use super::frame::FrameError;
use super::text::NotUtf8;
use crate::semantics::trace::{Clause, clause};

/// An error in frames or messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// In the header of a frame.
    Frame(FrameError),
    /// A continuation frame comes, but no message has begun.
    UnexpectedContinuation,
    /// A message begins before the last one has ended.
    UnfinishedMessage,
    /// The payload of a message is longer than the limit.
    MessageTooLong,
    /// A message is longer than the limit after decompression.
    InflatedTooLong,
    /// A compressed message cannot be decompressed.
    Deflate(InvalidDeflate),
    /// A text message is not UTF-8.
    Text(NotUtf8),
    /// In a Close frame.
    Close(CloseError),
}

impl Error {
    /// The status code of the Close frame that answers it (section 7.4.1).
    pub fn code(self) -> CloseCode {
        match self {
            Error::Frame(_)
            | Error::UnexpectedContinuation
            | Error::UnfinishedMessage
            | Error::Close(CloseError::Length | CloseError::Code) => CloseCode::PROTOCOL_ERROR,
            Error::Deflate(_) | Error::Text(_) | Error::Close(CloseError::Reason) => {
                CloseCode::INVALID_PAYLOAD
            }
            Error::MessageTooLong | Error::InflatedTooLong => CloseCode::MESSAGE_TOO_BIG,
        }
    }

    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Error::Frame(error) => error.text(),
            Error::UnexpectedContinuation => "a continuation frame comes without a message",
            Error::UnfinishedMessage => "a message begins before the last one has ended",
            Error::MessageTooLong => "a message is too long",
            Error::InflatedTooLong => "a message is too long after decompression",
            Error::Deflate(error) => error.text(),
            Error::Text(error) => error.text(),
            Error::Close(error) => error.text(),
        }
    }

    /// The rule that the client breaks.
    pub fn clause(self) -> Clause {
        match self {
            Error::Frame(error) => error.clause(),
            Error::UnexpectedContinuation | Error::UnfinishedMessage => {
                clause!("RFC 6455 section 5.4", "websocket::receive", "message_of")
            }
            Error::MessageTooLong => {
                clause!("RFC 6455 section 7.4.1", "websocket::message", "announce")
            }
            Error::InflatedTooLong => {
                clause!("RFC 6455 section 7.4.1", "websocket::message", "take")
            }
            Error::Deflate(error) => error.clause(),
            Error::Text(error) => error.clause(),
            Error::Close(error) => error.clause(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Error {
        Error::Frame(error)
    }
}

impl From<InvalidDeflate> for Error {
    fn from(error: InvalidDeflate) -> Error {
        Error::Deflate(error)
    }
}

impl From<NotUtf8> for Error {
    fn from(error: NotUtf8) -> Error {
        Error::Text(error)
    }
}

impl From<CloseError> for Error {
    fn from(error: CloseError) -> Error {
        Error::Close(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: impl Into<Error>, code: u16, section: &str) {
        let error = error.into();
        assert_eq!(error.code().number(), code, "{error:?}");
        assert!(error.code().is_for_servers());
        assert_eq!(error.clause().section, section, "{error:?}");
        let text = error.to_string();
        assert!(text.contains(' ') && !text.ends_with('.'), "{text:?}");
    }

    #[test]
    fn each_error_has_its_code() {
        check(FrameError::ReservedBit, 1002, "RFC 6455 section 5.2");
        check(FrameError::Opcode, 1002, "RFC 6455 section 5.2");
        check(FrameError::NotMasked, 1002, "RFC 6455 section 5.2");
        check(FrameError::NotShortest, 1002, "RFC 6455 section 5.2");
        check(FrameError::LengthOverflow, 1002, "RFC 6455 section 5.2");
        check(FrameError::FragmentedControl, 1002, "RFC 6455 section 5.5");
        check(FrameError::LongControl, 1002, "RFC 6455 section 5.5");
        check(Error::UnexpectedContinuation, 1002, "RFC 6455 section 5.4");
        check(Error::UnfinishedMessage, 1002, "RFC 6455 section 5.4");
        check(Error::MessageTooLong, 1009, "RFC 6455 section 7.4.1");
        check(Error::InflatedTooLong, 1009, "RFC 6455 section 7.4.1");
        check(InvalidDeflate, 1007, "RFC 7692 section 7.2.2");
        check(NotUtf8, 1007, "RFC 6455 section 8.1");
        check(CloseError::Length, 1002, "RFC 6455 section 5.5.1");
        check(CloseError::Code, 1002, "RFC 6455 section 7.4");
        check(CloseError::Reason, 1007, "RFC 6455 section 5.5.1");
    }

    /// The text is that of the part.
    #[test]
    fn parts_have_the_same_text() {
        assert_eq!(
            FrameError::Opcode.to_string(),
            Error::from(FrameError::Opcode).to_string()
        );
        assert_eq!(
            InvalidDeflate.to_string(),
            Error::from(InvalidDeflate).to_string()
        );
        assert_eq!(NotUtf8.to_string(), Error::from(NotUtf8).to_string());
        assert_eq!(
            CloseError::Code.to_string(),
            Error::from(CloseError::Code).to_string()
        );
    }
}
