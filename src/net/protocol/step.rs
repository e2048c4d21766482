//! What the connection does after a step, and why a connection ended.

use crate::net::listener::Service;
use crate::observe::event::End;
use crate::origin::handler::Conversation;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

/// What the connection does after a step of its protocol.
pub enum Step {
    /// Runs the next step.
    Next,
    /// Waits until the socket is ready or the deadline passes.
    Wait,
    /// Runs the next step after the worker's other connections.
    Again,
    /// Changes to another protocol.
    Switch(Switch),
    /// Ends.
    Close(Closed),
}

/// The protocol to change to.
pub enum Switch {
    /// HTTP/1 for a service. If there is a refusal, it is sent at once.
    Http1(Service, Option<Refusal>),
    /// The protocol of an upgrade.
    Upgraded(Box<dyn Conversation>),
    /// The end of the connection.
    Closing {
        /// Whether the client may still be sending. If so, the connection stays open until the
        /// client closes, or until a deadline.
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

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Every request was answered.
    Orderly,
    /// No request came in time, or the server is shutting down.
    Idle,
    /// There is no TLS session.
    Failed,
    /// It was cut. The exchanges under way end with this reason.
    Cut(End),
}
