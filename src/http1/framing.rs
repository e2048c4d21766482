//! RFC 9112 section 6: the length of a request body, and how the client finds the end of a response
//! body. Section 8.6 of RFC 9110 defines Content-Length.
//!
//! If a proxy and this server disagree on the length of a body, bytes of the body become a request
//! that the proxy did not check (section 11.2, request smuggling). So this server refuses even the
//! lengths that the RFC lets it correct.

use std::fmt;

use super::version::Version;
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};

/// How the server finds the end of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Rule 7: neither field is present, so there is no body.
    None,
    /// Rule 6: the number of bytes, which may be 0.
    Known(u64),
    /// Rule 4: the last chunk ends the body.
    Chunked,
}

/// An invalid or ambiguous length (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// Two lines or a list, even if the values are equal. One recipient uses the first value and
    /// another the last (rule 5; prevents CL.CL smuggling).
    RepeatedContentLength,
    /// Something other than digits. Some recipients accept `+5`, `0x5` and `5 5` (rule 5).
    InvalidContentLength,
    /// Too large for 64 bits. In some recipients it wraps around to a small number (RFC 9110 section
    /// 8.6).
    ContentLengthOverflow,
    /// Both `Content-Length` and `Transfer-Encoding`. Some recipients use the first and some the
    /// second (rule 3; prevents CL.TE and TE.CL smuggling).
    TwoLengths,
    /// Anything but one `chunked`. A recipient may skip a coding that it does not know and then find
    /// a different end (rule 4; prevents TE.TE smuggling).
    TransferCoding,
    /// HTTP/1.0 has no transfer codings. An HTTP/1.0 recipient sees no body, but a later one does
    /// (section 6.1).
    TransferCodingInHttp10,
}

impl FramingError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            FramingError::RepeatedContentLength => "the request has more than one Content-Length",
            FramingError::InvalidContentLength => "the Content-Length is not a number",
            FramingError::ContentLengthOverflow => "the Content-Length does not fit into 64 bits",
            FramingError::TwoLengths => {
                "the request has both a Content-Length and a Transfer-Encoding"
            }
            FramingError::TransferCoding => "the request has a transfer coding other than chunked",
            FramingError::TransferCodingInHttp10 => "HTTP/1.0 has no Transfer-Encoding",
        }
    }

    /// A change that mends the fields, if the request has no body.
    pub(super) fn edit(self) -> Edit {
        match self {
            FramingError::RepeatedContentLength
            | FramingError::InvalidContentLength
            | FramingError::ContentLengthOverflow => Edit::set(FieldName::ContentLength, "0"),
            FramingError::TwoLengths => Edit::remove(FieldName::ContentLength),
            FramingError::TransferCoding | FramingError::TransferCodingInHttp10 => {
                Edit::remove(FieldName::TransferEncoding)
            }
        }
    }

    /// The rule that the request breaks.
    pub fn clause(self) -> Clause {
        match self {
            FramingError::TwoLengths => CLAUSE,
            FramingError::RepeatedContentLength | FramingError::InvalidContentLength => {
                clause!("RFC 9112 section 6.3", "content_length")
            }
            FramingError::ContentLengthOverflow => {
                clause!("RFC 9110 section 8.6", "content_length")
            }
            FramingError::TransferCoding => clause!("RFC 9112 section 6.3", "transfer_coded"),
            FramingError::TransferCodingInHttp10 => {
                clause!("RFC 9112 section 6.1", "transfer_coded")
            }
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for FramingError {}

const CLAUSE: Clause = clause!("RFC 9112 section 6.3", "body_length");

/// The length of a request body, by the rules of section 6.3. Rules 1 and 2 are about responses.
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

impl BodyLength {
    /// The step that says how the server finds the end of the request body.
    pub(super) fn step(self) -> Step {
        match self {
            BodyLength::None => Step::new(CLAUSE, "the request has no body")
                .unless(Edit::set(FieldName::ContentLength, "0").keeps_status()),
            BodyLength::Known(length) => Step::new(
                CLAUSE,
                "Content-Length gives the length of the request body",
            )
            .with(Evidence::Value(bytes(length))),
            BodyLength::Chunked => Step::new(CLAUSE, "the last chunk ends the request body"),
        }
    }
}

/// A number of bytes, as a step shows it.
fn bytes(length: u64) -> Quote {
    Quote::of(format!("{length} bytes").as_bytes())
}

/// Rule 4: exactly one `chunked`, in any case (section 7) and without parameters (section 7.1).
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

/// How the client finds the end of a response body (section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body and no length: 101, 204 and 304, and every interim response (rule 1).
    NoBody,
    /// By `Content-Length`.
    Length(u64),
    /// By the last chunk.
    Chunked,
    /// By the close of the connection, if the length is unknown and the client uses HTTP/1.0.
    Close,
}

impl Framing {
    /// The step that says how the client finds the end of a response body. The response has `status`.
    pub fn step(self, status: Status) -> Step {
        const LENGTH: Clause = clause!("RFC 9112 section 6.2", "framing");
        const CHUNKED: Clause = clause!("RFC 9112 section 6.1", "framing");
        const OTHER: Clause = clause!("RFC 9112 section 6.3", "framing");
        match self {
            Framing::NoBody => {
                let code = Quote::of(status.code().to_string().as_bytes());
                let step = Step::new(OTHER, "a response with this status has no body");
                step.with(Evidence::Value(code))
            }
            Framing::Length(length) => Step::new(
                LENGTH,
                "Content-Length gives the length of the response body",
            )
            .with(Evidence::Value(bytes(length))),
            Framing::Chunked => Step::new(
                CHUNKED,
                "the length is unknown before the end, so the last chunk ends the response body",
            )
            .unless(Edit::http10()),
            Framing::Close => Step::new(
                OTHER,
                "HTTP/1.0 has no chunks, so the close of the connection ends the response body",
            )
            .unless(Edit::http11()),
        }
    }
}

/// The framing of a response body. `length` is `None` if it is not known yet. HTTP/1.0 has no chunks
/// (section 6.1).
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
        row("Content-Length: \u{665}\n", InvalidContentLength); // a digit, but not ASCII
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
    fn http10_clients_get_no_chunks() {
        assert_eq!(framing(Some(7), Version::Http10), Framing::Length(7));
        assert_eq!(framing(None, Version::Http11), Framing::Chunked);
        assert_eq!(framing(None, Version::Http10), Framing::Close); // section 6.1
    }

    #[test]
    fn another_version_ends_a_body_otherwise() {
        let edit = |framing: Framing| framing.step(Status::Ok).edits[0];
        assert_eq!(edit(Framing::Chunked), Some(Edit::http10()));
        assert_eq!(edit(Framing::Close), Some(Edit::http11()));
        assert_eq!(edit(Framing::Length(1)), None);
    }
}
