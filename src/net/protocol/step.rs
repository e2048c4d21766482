//! What a protocol asks for after a step, and why a connection is over.

use crate::net::listener::Service;
use crate::observe::event::End;
use crate::origin::handler::Conversation;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

/// What a protocol asks for after a step.
pub enum Step {
    /// The next step.
    Next,
    /// The socket's readiness, or the deadline.
    Wait,
    /// The neighbours' turn first.
    Again,
    /// Another protocol goes on.
    Switch(Switch),
    /// The end.
    Close(Closed),
}

/// The protocol that goes on.
pub enum Switch {
    /// HTTP/1 for a service. If there is a refusal, the client is told of it at once.
    Http1(Service, Option<Refusal>),
    /// What a response led to.
    Upgraded(Box<dyn Conversation>),
    /// The end. Whether the client may still be sending.
    Closing {
        /// If so, the connection stays until the client has seen the end.
        linger: bool,
    },
}

/// Why a client is refused before its request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the response.
    pub status: Status,
    /// Why.
    pub reason: Reason,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Everything asked for was answered.
    Orderly,
    /// No request came in time, or the server is shutting down.
    Idle,
    /// There is no TLS session; the log knows why.
    Failed,
    /// It was cut, and whatever exchange was under way ended so.
    Cut(End),
}
