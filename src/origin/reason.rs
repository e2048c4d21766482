//! Why a response is what it is: one value that the log, the error page and whoever wants to learn
//! can read. It is made for every response and put into words only when somebody asks.

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
    /// The whole representation: why no range applied, and why this coding.
    Whole(WholeReason, CodingReason),
    /// One range of it.
    Partial(ByteRange),
    /// So many ranges of it.
    Multipart(usize),
    /// The client has it.
    NotModified(NotModifiedReason),
    /// It is not what the client meant.
    PreconditionFailed(FailedReason),
    /// It ends before the first range begins.
    RangeNotSatisfiable(u64),
    /// The client accepts no coding in which it could be sent.
    CodingNotAcceptable,
    /// The client is sent to where the directory's relative links work.
    DirectoryWithoutSlash,
    /// A directory without an index, and the operator shows no listings.
    ListingOff,
    /// `OPTIONS *`.
    ServerOptions,
    /// `OPTIONS` of something that is there.
    ResourceOptions,
    /// Nobody here knows the method.
    UnknownMethod,
    /// The method is known, and this server only reads.
    MethodNotAllowed,
    /// The path can name nothing.
    Path(PathError),
    /// The disk did not give it.
    Disk(DiskError),
    /// The request is malformed as a message, or expects what nobody can do.
    Message(MessageError),
    /// The client stopped sending in the middle of a request.
    Incomplete,
    /// The connection ended in the middle of a request, and the client did not say so.
    Truncated,
    /// The session rests on a certificate of the client that has expired since.
    ClientExpired,
    /// A request for an `https` URI in plain text.
    Misdirected,
    /// A request in plain text, where TLS is spoken.
    PlainText,
    /// The client is sent to where TLS is spoken.
    ToHttps,
    /// The client is to be sent there and does not say which host it wants.
    NoHost,
    /// The content is longer than whoever answers takes.
    ContentTooLarge,
    /// Whoever was to answer did not.
    Unanswered,
    /// The head took too long.
    HeadDeadline,
    /// The body took too long.
    BodyDeadline,
    /// Every connection that the server allows is taken.
    AtCapacity,
    /// The server is about to end.
    Draining,
}

impl Reason {
    /// What a decision about a representation says, and why its coding was chosen.
    pub fn of(decision: &Decision, coding: CodingReason) -> Reason {
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
                write!(f, "Range begins beyond the last of {length} bytes")
            }
            Reason::Message(fault) => fault.fmt(f),
            plain => f.write_str(plain.text()),
        }
    }
}

impl Reason {
    /// The clause of a reason that has no numbers; empty for the others.
    pub fn text(&self) -> &'static str {
        match self {
            Reason::NotModified(why) => why.text(),
            Reason::PreconditionFailed(why) => why.text(),
            Reason::Path(fault) => fault.text(),
            Reason::Disk(fault) => fault.text(),
            Reason::CodingNotAcceptable => NOT_ACCEPTABLE,
            Reason::DirectoryWithoutSlash => "the directory's address ends in a slash",
            Reason::ListingOff => "the directory has no index and is not listed",
            Reason::ServerOptions => "OPTIONS asks what the server can do",
            Reason::ResourceOptions => "OPTIONS asks what can be done with the resource",
            Reason::UnknownMethod => "the method is not known to this server",
            Reason::MethodNotAllowed => "this server only reads: GET, HEAD and OPTIONS",
            Reason::Incomplete => "the request ended before it was complete",
            Reason::Truncated => "the connection was cut before the request was complete",
            Reason::ClientExpired => "the client's certificate has expired",
            Reason::Misdirected => "an https address was asked for in plain text",
            Reason::PlainText => "this port speaks HTTPS",
            Reason::ToHttps => "the site is served over HTTPS",
            Reason::NoHost => "the request does not say which host it is for",
            Reason::ContentTooLarge => "the content of the request is too long",
            Reason::Unanswered => "the server did not make an answer",
            Reason::HeadDeadline => "the request head took too long to arrive",
            Reason::BodyDeadline => "the request body took too long to arrive",
            Reason::AtCapacity => "every connection that the server allows is in use",
            Reason::Draining => "the server is about to shut down",
            _ => "",
        }
    }
}
