//! RFC 9112 section 6.3: how long the body of a request is, and how the end of a response's body is
//! told.
//!
//! Wherever a message can be read in two ways, a proxy may read the one and this server the
//! other, and the bytes between the two become a request nobody checked (section 11.2, request
//! smuggling). So what the RFC lets a server mend is refused here.

use std::fmt;

use super::version::Version;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::trace::{Clause, clause};

/// How the end of a request's body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Rule 7: neither field, so there is no body.
    None,
    /// Rule 6: so many bytes, perhaps none.
    Known(u64),
    /// Rule 4: chunks tell.
    Chunked,
}

/// A length that cannot be trusted (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// Two lines or a list, even of equal values: one recipient takes the first and another the
    /// last (rule 5; closes CL.CL smuggling).
    RepeatedContentLength,
    /// Not only digits: `+5`, `0x5` and `5 ` are numbers to some recipients (rule 5).
    InvalidContentLength,
    /// More than 64 bits hold: what wraps around is a small number to some (section 6.3).
    ContentLengthOverflow,
    /// Both fields: one recipient follows the one and another the other (rule 3; closes CL.TE and
    /// TE.CL smuggling).
    TwoLengths,
    /// Codings other than one `chunked`: what a recipient does not understand it may skip, and
    /// find another end (rule 4; closes TE.TE smuggling).
    TransferCoding,
    /// HTTP/1.0 has no transfer codings, so a recipient of that age sees no body where a younger
    /// one does (section 6.1).
    TransferCodingInHttp10,
}

impl FramingError {
    /// The fault as a clause.
    pub fn text(self) -> &'static str {
        match self {
            FramingError::RepeatedContentLength => "the request has more than one Content-Length",
            FramingError::InvalidContentLength => "the Content-Length is not a number",
            FramingError::ContentLengthOverflow => "the Content-Length is too large to be counted",
            FramingError::TwoLengths => {
                "the request has both a Content-Length and a Transfer-Encoding"
            }
            FramingError::TransferCoding => "the only transfer coding understood here is chunked",
            FramingError::TransferCodingInHttp10 => "HTTP/1.0 has no Transfer-Encoding",
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for FramingError {}

/// What a step about this rests on.
pub const CLAUSE: Clause = clause!("RFC 9112 section 6.3", "body_length");

/// The length of a request's body, by the rules of section 6.3 in their order (1 and 2 are about
/// responses).
pub fn body_length(version: Version, fields: &Fields) -> Result<BodyLength, FramingError> {
    let coded = fields.contains(FieldName::TransferEncoding);
    let counted = fields.contains(FieldName::ContentLength);
    match (coded, counted) {
        (true, true) => Err(FramingError::TwoLengths),
        (true, false) => transfer_coded(version, fields),
        (false, true) => content_length(fields).map(BodyLength::Known),
        (false, false) => Ok(BodyLength::None),
    }
}

/// Rule 4: exactly one `chunked`, without case (section 7), without parameters (section 7.1).
fn transfer_coded(version: Version, fields: &Fields) -> Result<BodyLength, FramingError> {
    if version == Version::Http10 {
        return Err(FramingError::TransferCodingInHttp10);
    }
    match fields.sole(FieldName::TransferEncoding) {
        Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Ok(BodyLength::Chunked),
        _ => Err(FramingError::TransferCoding),
    }
}

/// Rules 5 and 6: `Content-Length = 1*DIGIT`, once.
fn content_length(fields: &Fields) -> Result<u64, FramingError> {
    let value = fields
        .sole(FieldName::ContentLength)
        .filter(|value| !value.contains(&b','))
        .ok_or(FramingError::RepeatedContentLength)?;
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(FramingError::InvalidContentLength);
    }
    let add = |length: u64, digit: &u8| length.checked_mul(10)?.checked_add((digit - b'0').into());
    value
        .iter()
        .try_fold(0, add)
        .ok_or(FramingError::ContentLengthOverflow)
}

/// How a recipient learns where the body ends (section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none, and neither is there a length: 204 and 304.
    NoBody,
    /// By `Content-Length`.
    Length(u64),
    /// By the last chunk.
    Chunked,
    /// By the end of the connection: for an HTTP/1.0 client, if the length is not known.
    Close,
}

/// The framing of a body of `length` bytes, `None` if that is not known yet, for a client of
/// `version`: HTTP/1.0 has no chunks (section 6.1).
pub fn framing(length: Option<u64>, version: Version) -> Framing {
    match length {
        Some(length) => Framing::Length(length),
        None if version == Version::Http10 => Framing::Close,
        None => Framing::Chunked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::parse::tests::with_fields;

    #[track_caller]
    fn check(version: Version, lines: &str, want: Result<BodyLength, FramingError>) {
        let got = with_fields(lines, |fields| body_length(version, fields));
        assert_eq!(got, want, "{version:?} {lines:?}");
    }

    #[test]
    fn lengths() {
        use BodyLength::*;
        use Version::*;
        check(Http11, "", Ok(None)); // 6.3 rule 7
        check(Http10, "", Ok(None));
        check(Http11, "Content-Length: 0\n", Ok(Known(0))); // rule 6
        check(Http10, "content-length: 42\n", Ok(Known(42)));
        check(Http11, "Content-Length: 007\n", Ok(Known(7))); // 1*DIGIT
        check(
            Http11,
            "Content-Length: 18446744073709551615\n",
            Ok(Known(u64::MAX)),
        );
        check(Http11, "Transfer-Encoding: chunked\n", Ok(Chunked)); // rule 4
        check(Http11, "Transfer-Encoding: CHUNKED\n", Ok(Chunked)); // 7: without case
    }

    #[test]
    fn faults() {
        use FramingError::*;
        use Version::*;
        // RFC 9112 section 6.3 rule 5.
        let row = |lines, error| check(Http11, lines, Err(error));
        row(
            "Content-Length: 5\nContent-Length: 5\n",
            RepeatedContentLength,
        );
        row(
            "Content-Length: 5\nContent-Length: 6\n",
            RepeatedContentLength,
        );
        row("Content-Length: 5, 5\n", RepeatedContentLength);
        row("Content-Length: 5,\n", RepeatedContentLength);
        row("Content-Length:\n", InvalidContentLength);
        row("Content-Length: +5\n", InvalidContentLength);
        row("Content-Length: -1\n", InvalidContentLength);
        row("Content-Length: 0x5\n", InvalidContentLength);
        row("Content-Length: 5 5\n", InvalidContentLength);
        row("Content-Length: 5;a\n", InvalidContentLength);
        row("Content-Length: \u{665}\n", InvalidContentLength); // a digit, but not of ASCII
        row(
            "Content-Length: 18446744073709551616\n",
            ContentLengthOverflow,
        );
        // Rule 3.
        row(
            "Content-Length: 5\nTransfer-Encoding: chunked\n",
            TwoLengths,
        );
        row("Transfer-Encoding: x\nContent-Length: 5\n", TwoLengths);
        // Rule 4.
        row("Transfer-Encoding: gzip, chunked\n", TransferCoding);
        row("Transfer-Encoding: chunked, gzip\n", TransferCoding);
        row("Transfer-Encoding: chunked, chunked\n", TransferCoding);
        row(
            "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
            TransferCoding,
        );
        row("Transfer-Encoding: identity\n", TransferCoding);
        row("Transfer-Encoding: xchunked\n", TransferCoding);
        row("Transfer-Encoding: \"chunked\"\n", TransferCoding);
        row("Transfer-Encoding: ,chunked\n", TransferCoding);
        row("Transfer-Encoding: chunked;a=b\n", TransferCoding); // 7.1: no parameters
        row("Transfer-Encoding:\n", TransferCoding);
        // Section 6.1.
        check(
            Http10,
            "Transfer-Encoding: chunked\n",
            Err(TransferCodingInHttp10),
        );
    }

    #[test]
    fn chunks_are_for_those_who_know_them() {
        assert_eq!(framing(Some(7), Version::Http10), Framing::Length(7));
        assert_eq!(framing(None, Version::Http11), Framing::Chunked);
        assert_eq!(framing(None, Version::Http10), Framing::Close); // section 6.1
    }
}
