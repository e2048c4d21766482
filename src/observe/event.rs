//! What the access log records: one request and its response, or a TLS session that failed.

use std::fmt::{Debug, Display};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::semantics::trace::Step;

/// One request and its response, borrowed from the worker that records it.
///
/// Nothing is escaped: the client chose every byte of `method`, `target`, `referer` and
/// `user_agent`.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeRecord<'a> {
    /// The address of the client.
    pub peer: SocketAddr,
    /// The trusted proxy that has named the client, if one has.
    pub proxy: Option<IpAddr>,
    /// The user whom a password has proved.
    pub user: Option<&'a str>,
    /// When the first byte of the request was read.
    pub received: SystemTime,
    /// The time from then until the socket took the last byte of the response, or until the
    /// exchange was cut.
    pub duration: Duration,
    /// The host that the client asked for, with its port if that was sent.
    pub host: Option<&'a [u8]>,
    /// The method as sent; empty if it could not be read.
    pub method: &'a [u8],
    /// The request target as sent; empty if it could not be read.
    pub target: &'a [u8],
    /// The protocol version as sent, such as `HTTP/1.1`; empty if it could not be read.
    pub version: &'a [u8],
    /// The status of the response; `None` if the exchange ended before there was one.
    pub status: Option<u16>,
    /// How many bytes of the response's content were sent.
    pub sent: u64,
    /// The value of `Referer`.
    pub referer: Option<&'a [u8]>,
    /// The value of `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// Why the response is what it is; empty if there is no response.
    pub reason: &'a dyn Text,
    /// The same in a few words; also empty if the status says everything.
    pub brief: &'a dyn Text,
    /// How the exchange ended.
    pub end: End,
    /// The TLS session; `None` without TLS.
    pub security: Option<Security<'a>>,
    /// The id of the request, in visible ASCII; `None` if requests have none.
    pub id: Option<&'a [u8]>,
    /// The heads as they went over the wire; `None` unless somebody sees them.
    pub heads: Option<Heads<'a>>,
    /// The steps of the decision; empty unless somebody sees them.
    pub steps: &'a [Step],
}

/// A text that is made where it is written. Not every log needs it.
pub trait Text: Debug + Display {}

impl<T: Debug + Display> Text for T {}

/// Whether an exchange is logged even if only a sample of the successful ones is: its status is an error, or it was cut.
pub fn is_always_logged(status: Option<u16>, end: End) -> bool {
    end != End::Complete || status.is_none_or(|status| status >= 400)
}

/// The heads of an exchange. The client chose every byte of the first one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heads<'a> {
    /// The head of the request, as far as it came.
    pub request: Head<'a>,
    /// The head of the response; empty if there is none.
    pub response: Head<'a>,
}

/// A head or the beginning of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    /// What is kept of it.
    pub bytes: &'a [u8],
    /// The length of the whole head in bytes.
    pub length: usize,
}

/// How an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The socket took the whole response.
    Complete,
    /// The client read more slowly than the minimum rate.
    TooSlow,
    /// The client closed or reset the connection.
    ClientGone,
    /// The TLS session broke.
    SessionBroken,
    /// The file changed while it was sent.
    FileChanged,
    /// A file or directory of an archive could not be read.
    Unreadable,
    /// The disk failed while the file was sent.
    DiskFault,
    /// The memory of the response was needed for other clients.
    TakenBack,
    /// A client of another network needed the place among the connections.
    GivenWay,
    /// A handler cut the response on purpose.
    OnPurpose,
    /// The server shut down before the exchange was complete.
    Shutdown,
    /// A bug in the server.
    Bug,
}

impl End {
    /// The text for the log.
    pub fn text(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::TooSlow => "the client read too slowly",
            End::ClientGone => "the client went away",
            End::SessionBroken => "the TLS session broke",
            End::FileChanged => "the file changed",
            End::Unreadable => "a part of the archive could not be read",
            End::DiskFault => "the disk failed",
            End::TakenBack => "other clients needed the memory",
            End::GivenWay => "a client of another network needed the place",
            End::OnPurpose => "the response was cut on purpose",
            End::Shutdown => "the server shut down",
            End::Bug => "a bug in the server",
        }
    }

    /// The same in a few words.
    pub fn brief(self) -> &'static str {
        match self {
            End::Complete => "",
            End::TooSlow => "cut: client too slow",
            End::ClientGone => "cut: client left",
            End::SessionBroken => "cut: TLS broke",
            End::FileChanged => "cut: file changed",
            End::Unreadable => "cut: unreadable entry",
            End::DiskFault => "cut: disk failed",
            End::TakenBack => "cut: memory reclaimed",
            End::GivenWay => "cut: place needed",
            End::OnPurpose => "cut: on purpose",
            End::Shutdown => "cut: shutdown",
            End::Bug => "cut: bug in docroot",
        }
    }
}

/// A TLS session that could not be established, or that broke.
#[derive(Clone, Copy, Debug)]
pub struct TlsFailure<'a> {
    /// The address of the client.
    pub peer: SocketAddr,
    /// When it failed.
    pub at: SystemTime,
    /// How far TLS got.
    pub stage: TlsStage,
    /// Why it failed.
    pub reason: &'a str,
}

/// How far TLS got before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStage {
    /// The handshake failed.
    Handshake,
    /// The handshake succeeded, and the session failed later.
    Session,
}

impl TlsStage {
    /// The name of the stage.
    pub fn text(self) -> &'static str {
        match self {
            TlsStage::Handshake => "handshake",
            TlsStage::Session => "session",
        }
    }
}

/// The TLS session of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security<'a> {
    /// The protocol version, such as `TLSv1.3`.
    pub version: &'static str,
    /// The name of the cipher suite in the IANA registry.
    pub cipher: &'static str,
    /// The subject of the client's certificate, not escaped; `None` if it showed none.
    pub client: Option<&'a str>,
}
