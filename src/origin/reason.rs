//! Why a response is what it is. The log, the error page and the trace show the reason.
//!
//! Every response has a reason. Its text is made only when something shows it.

use std::fmt;

use crate::http1::error::Error as MessageError;
use crate::semantics::coding::{CodingReason, NOT_ACCEPTABLE};
use crate::semantics::decide::{Decision, WholeReason};
use crate::semantics::precondition::{FailedReason, NotModifiedReason};
use crate::semantics::range::ByteRange;
use crate::site::path::PathError;
use crate::site::root::DiskError;

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The whole representation is sent: why no range applies, and why in this coding.
    Whole(WholeReason, CodingReason),
    /// One range of the representation is sent.
    Partial(ByteRange),
    /// This number of ranges is sent.
    Multipart(usize),
    /// The client has the current representation.
    NotModified(NotModifiedReason),
    /// A precondition of the request is false.
    PreconditionFailed(FailedReason),
    /// The representation has this many bytes, and no range selects any of them.
    RangeNotSatisfiable(u64),
    /// The client refuses every coding in which the server could send the content.
    CodingNotAcceptable,
    /// The client is redirected to the URL with a slash, where the relative links work.
    DirectoryWithoutSlash,
    /// The directory has no index file, and listings are off.
    ListingOff,
    /// `OPTIONS *`.
    ServerOptions,
    /// `OPTIONS` for a resource that exists.
    ResourceOptions,
    /// The server does not know the method.
    UnknownMethod,
    /// The server knows the method but does not allow it.
    MethodNotAllowed,
    /// The path is invalid.
    Path(PathError),
    /// The file cannot be read from the disk.
    Disk(DiskError),
    /// The request is not a valid message, or has an unknown expectation.
    Message(MessageError),
    /// The client closed its side of the connection in the middle of a request.
    Incomplete,
    /// The TLS session was cut in the middle of a request, without a closing alert.
    Truncated,
    /// The client's certificate has expired since the TLS session was established.
    ClientExpired,
    /// A request for an `https` URI came without TLS.
    Misdirected,
    /// A request without TLS came to a TLS port.
    PlainText,
    /// The client is redirected to HTTPS.
    ToHttps,
    /// The client cannot be redirected to HTTPS, because the request names no host.
    NoHost,
    /// The handler takes less content than the request has.
    ContentTooLarge,
    /// The resource is only for connections that change their protocol, which HTTP/1.0 cannot.
    UpgradeOfHttp10,
    /// The server produced no response because of a bug.
    Unanswered,
    /// The head took too long.
    HeadDeadline,
    /// The body took too long.
    BodyDeadline,
    /// The server has as many connections as it allows.
    AtCapacity,
    /// The server is shutting down.
    Draining,
}

impl Reason {
    /// The reason of a decision about a representation in a coding.
    pub(super) fn of(decision: &Decision, coding: CodingReason) -> Reason {
        match decision {
            Decision::Whole(why) => Reason::Whole(*why, coding),
            Decision::Partial(range) => Reason::Partial(*range),
            Decision::Multipart(ranges) => Reason::Multipart(ranges.len()),
            Decision::NotModified(why) => Reason::NotModified(*why),
            Decision::PreconditionFailed(why) => Reason::PreconditionFailed(*why),
            Decision::RangeNotSatisfiable { length } => Reason::RangeNotSatisfiable(*length),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Whole(why, coding) => write!(f, "{}; {}", why.text(), coding.text()),
            Reason::Partial(range) => {
                write!(f, "Range selects bytes {} to {}", range.first, range.last)
            }
            Reason::Multipart(count) => write!(f, "Range selects {count} parts"),
            Reason::RangeNotSatisfiable(length) => {
                write!(f, "Range selects none of the {length} bytes")
            }
            Reason::Message(fault) => fault.fmt(f),
            fixed => f.write_str(fixed.text()),
        }
    }
}

impl Reason {
    /// The text of the reason; empty if the text has numbers, see [`Display`](fmt::Display).
    pub fn text(&self) -> &'static str {
        match self {
            Reason::NotModified(why) => why.text(),
            Reason::PreconditionFailed(why) => why.text(),
            Reason::Path(fault) => fault.text(),
            Reason::Disk(fault) => fault.text(),
            Reason::CodingNotAcceptable => NOT_ACCEPTABLE,
            Reason::DirectoryWithoutSlash => "the address of a directory ends with a slash",
            Reason::ListingOff => "the directory has no index file and listings are off",
            Reason::ServerOptions => "OPTIONS * asks which methods the server allows",
            Reason::ResourceOptions => "OPTIONS asks which methods the resource allows",
            Reason::UnknownMethod => "the server does not know the method",
            Reason::MethodNotAllowed => "the server does not allow the method",
            Reason::Incomplete => "the request ended before it was complete",
            Reason::Truncated => "the connection was cut before the request was complete",
            Reason::ClientExpired => "the client's certificate has expired",
            Reason::Misdirected => "an https URL was requested without TLS",
            Reason::PlainText => "this port speaks HTTPS",
            Reason::ToHttps => "the site is served over HTTPS",
            Reason::NoHost => "the request does not name a host",
            Reason::ContentTooLarge => "the content of the request is too long",
            Reason::UpgradeOfHttp10 => "an HTTP/1.0 connection cannot change its protocol",
            Reason::Unanswered => "the server failed to produce a response",
            Reason::HeadDeadline => "the request head took too long to arrive",
            Reason::BodyDeadline => "the request body took too long to arrive",
            Reason::AtCapacity => "the server has as many connections as it allows",
            Reason::Draining => "the server is shutting down",
            _ => "",
        }
    }
}
