//! Why a connection is over, and who ended it.

use crate::http1::persistence::CloseReason;
use crate::observe::event::End;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Every request was answered, or no request came in time.
    Orderly(Why),
    /// The connection was cut. The current exchange ends for this reason.
    Cut(End),
}

/// Why a connection ends although nothing was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The client closed its side.
    ClientClosed,
    /// The client sent no request in time.
    NoRequest,
    /// A response was the last one.
    LastResponse(CloseReason),
    /// A handler cut its response on purpose.
    CutOnPurpose,
    /// The conversation after an upgrade is over.
    Conversed,
    /// After an upgrade, the client was silent for too long.
    Silent,
    /// The TLS handshake failed, or the session broke.
    TlsFailed,
    /// Other clients needed its memory.
    MemoryNeeded,
    /// A client of another network needed its place.
    PlaceNeeded,
    /// The server is shutting down.
    ShuttingDown,
    /// The server has new settings that the connection cannot get.
    Reloaded,
}

impl Closed {
    /// Who ended the connection.
    pub fn by(self) -> &'static str {
        match self {
            Closed::Orderly(Why::ClientClosed) | Closed::Cut(End::ClientGone) => "client",
            Closed::Orderly(Why::LastResponse(CloseReason::Asked)) => "client",
            Closed::Orderly(_) | Closed::Cut(_) => "server",
        }
    }

    /// The reason as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Closed::Orderly(why) => why.text(),
            Closed::Cut(end) => end.text(),
        }
    }
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Why::ClientClosed => "the client closed the connection",
            Why::NoRequest => "no request came in time",
            Why::LastResponse(reason) => reason.text(),
            Why::CutOnPurpose => "the response was cut on purpose",
            Why::Conversed => "the conversation after the upgrade is over",
            Why::Silent => "the client was silent for too long",
            Why::TlsFailed => "TLS failed",
            Why::MemoryNeeded => "other clients needed the memory",
            Why::PlaceNeeded => "a client of another network needed the place",
            Why::ShuttingDown => "the server shut down",
            Why::Reloaded => "the server got new settings",
        }
    }
}
