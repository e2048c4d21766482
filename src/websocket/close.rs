//! RFC 6455 sections 5.5.1 and 7.4: the status code and the reason in a Close frame.
//!
//! ```text
//! (empty)          no status code
//! 03e8             1000: normal closure
//! 03e9 627965      1001: going away, because "bye"
//! ```
//!
//! Three codes never stand in a frame: 1005, 1006 and 1015 are for APIs.

use std::fmt;

use super::frame::MAX_CONTROL;
use crate::semantics::trace::{Clause, clause};

/// A status code that may stand in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CloseCode(u16);

/// Section 7.4.1 and the WebSocket Close Code Number Registry of IANA
/// (<https://www.iana.org/assignments/websocket>).
impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server shuts down, or the user leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer breaks the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// The kind of a message, text or binary, is one that the endpoint cannot use.
    pub const UNSUPPORTED_DATA: CloseCode = CloseCode(1003);
    /// The data of a message contradict its kind, such as a text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// A message breaks the policy of the endpoint.
    pub const POLICY_VIOLATION: CloseCode = CloseCode(1008);
    /// A message is too big.
    pub const MESSAGE_TOO_BIG: CloseCode = CloseCode(1009);
    /// The server lacks an extension that the client needs. Only clients send it.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode(1010);
    /// The server met an unexpected condition.
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// The server restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// The server is overloaded.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// A gateway received an invalid response.
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);

    /// The status code with this number. `None` if it must not stand in a frame: it is reserved, not
    /// assigned, or outside the ranges of section 7.4.2.
    pub fn new(number: u16) -> Option<CloseCode> {
        match number {
            1000..=1003 | 1007..=1014 => Some(CloseCode(number)),
            // For libraries and for private use.
            3000..=4999 => Some(CloseCode(number)),
            _ => None,
        }
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// Whether a server may send it.
    pub fn is_for_servers(self) -> bool {
        self != CloseCode::MANDATORY_EXTENSION
    }
}

/// What a Close frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The status code.
    pub code: CloseCode,
    /// The reason, for people. It may be empty.
    pub reason: Box<str>,
}

/// An invalid payload of a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseError {
    /// It is one byte, which is half a status code.
    Length,
    /// The status code must not stand in a frame.
    Code,
    /// The reason is not UTF-8.
    Reason,
}

impl CloseError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            CloseError::Length => "the payload of a Close frame is one byte",
            CloseError::Code => "the status code of a Close frame is not valid",
            CloseError::Reason => "the reason of a Close frame is not UTF-8",
        }
    }

    /// The rule that the frame breaks.
    pub fn clause(self) -> Clause {
        match self {
            CloseError::Length | CloseError::Reason => clause!("RFC 6455 section 5.5.1", "parse"),
            CloseError::Code => clause!("RFC 6455 section 7.4", "new"),
        }
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for CloseError {}

/// The length of a status code.
const CODE: usize = 2;

impl Close {
    /// Parses the payload of a Close frame. `None` if it is empty (section 7.1.5).
    pub fn parse(payload: &[u8]) -> Result<Option<Close>, CloseError> {
        let Some((number, reason)) = payload.split_first_chunk::<CODE>() else {
            return match payload {
                [] => Ok(None),
                _ => Err(CloseError::Length),
            };
        };
        let code = CloseCode::new(u16::from_be_bytes(*number)).ok_or(CloseError::Code)?;
        let reason = str::from_utf8(reason).map_err(|_| CloseError::Reason)?;
        Ok(Some(Close {
            code,
            reason: reason.into(),
        }))
    }
}

/// As much of a reason as fits into a Close frame, without cutting a character (section 5.5).
pub fn fitting(reason: &str) -> &str {
    let mut length = reason.len().min(MAX_CONTROL - CODE);
    while !reason.is_char_boundary(length) {
        length -= 1;
    }
    &reason[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &[u8], want: Result<Option<(u16, &str)>, CloseError>) {
        let got = Close::parse(payload);
        let got = got.map(|close| close.map(|close| (close.code.number(), close.reason)));
        let want = want.map(|close| close.map(|(code, reason)| (code, reason.into())));
        assert_eq!(got, want, "{}", payload.escape_ascii());
    }

    #[test]
    fn payloads_are_read() {
        check(b"", Ok(None)); // 7.1.5
        check(b"\x03\xe8", Ok(Some((1000, ""))));
        check(b"\x03\xe9bye", Ok(Some((1001, "bye")))); // 5.5.1
        let long = [b"\x03\xe8", "\u{e9}".repeat(61).as_bytes()].concat();
        check(&long, Ok(Some((1000, &"\u{e9}".repeat(61)))));
        check(b"\x03", Err(CloseError::Length)); // 5.5.1
        check(b"\x03\xed", Err(CloseError::Code)); // 7.4.1: 1005
        check(b"\x03\xe8\xff", Err(CloseError::Reason)); // 7.1.6
        check(b"\x03\xe8\xe2\x82", Err(CloseError::Reason));
    }

    /// Section 7.4 and the registry.
    #[test]
    fn codes_are_those_of_the_registry() {
        let valid: Vec<u16> = (0..=u16::MAX)
            .filter(|number| CloseCode::new(*number).is_some())
            .collect();
        let want = (1000..=1003).chain(1007..=1014).chain(3000..=4999);
        assert_eq!(valid, want.collect::<Vec<_>>());
        for reserved in [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000] {
            assert_eq!(CloseCode::new(reserved), None, "{reserved}");
        }
        let clients: Vec<u16> = valid
            .into_iter()
            .filter(|number| CloseCode::new(*number).is_some_and(|code| !code.is_for_servers()))
            .collect();
        assert_eq!(clients, [1010]); // 7.4.1
    }

    #[track_caller]
    fn check_fitting(reason: &str, want: usize) {
        assert_eq!(fitting(reason), &reason[..want], "{reason:?}");
    }

    #[test]
    fn reasons_are_cut_to_fit() {
        check_fitting("", 0);
        check_fitting("bye", 3);
        check_fitting(&"a".repeat(123), 123); // 5.5: 125 without the code
        check_fitting(&"a".repeat(124), 123);
        check_fitting(&"\u{20ac}".repeat(50), 123);
        check_fitting(&format!("a{}", "\u{20ac}".repeat(50)), 121);
        check_fitting(&format!("ab{}", "\u{20ac}".repeat(50)), 122);
    }
}
