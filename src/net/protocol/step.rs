//! The result of a step of a protocol.

use crate::net::deadline::Waiting;
use crate::net::listener::{Listener, Service};
use crate::observe::closed::{Closed, Why};
use crate::observe::event::End;
use crate::origin::handler::Conversation;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

/// What the connection does after a step of its protocol.
pub enum Step {
    /// Take the next step.
    Next,
    /// Wait until the socket is ready, a waker wakes the connection, or the deadline passes.
    Wait,
    /// Let other connections take their turn, then take the next step.
    Again,
    /// Change to another protocol.
    Switch(Switch),
    /// Close the connection.
    Close(Closed),
}

impl Step {
    /// Begin to close the connection: see [`Switch::Closing`].
    pub fn closing(linger: bool, why: Why) -> Step {
        Step::Switch(Switch::Closing { linger, why })
    }
}

/// The next protocol.
pub enum Switch {
    /// A TLS handshake before requests to a service. If there is a refusal, it is sent after the handshake.
    Handshake(Service, Option<Box<Refusal>>),
    /// HTTP/1 for a service. If there is a refusal, it is sent at once. It is rare, and each step is moved, so
    /// it has an allocation of its own.
    Http1(Service, Option<Box<Refusal>>),
    /// A conversation after an upgrade.
    Upgraded(Box<dyn Conversation>),
    /// The end of the connection.
    Closing {
        /// Whether to read until the client closes, because it may still be sending.
        linger: bool,
        /// Why.
        why: Why,
    },
}

impl Switch {
    /// What a connection to this listener begins with, after a header of the PROXY protocol if there is one, and what
    /// it waits for.
    pub fn first(listener: Listener, refusal: Option<Box<Refusal>>) -> (Switch, Waiting) {
        match listener.is_tls {
            true => (
                Switch::Handshake(listener.service, refusal),
                Waiting::Handshake,
            ),
            false => (
                Switch::Http1(listener.service, refusal),
                Waiting::FirstRequest,
            ),
        }
    }
}

/// What others need, so that a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Its memory.
    Memory,
    /// Its place among the connections.
    Place,
}

impl Needed {
    /// What a client reads that waits for a response.
    pub fn refusal(self) -> Refusal {
        let status = Status::ServiceUnavailable;
        let reason = self.reason();
        Refusal { status, reason }
    }

    /// Why a request is not answered.
    pub fn reason(self) -> Reason {
        match self {
            Needed::Memory => Reason::NoMemory,
            Needed::Place => Reason::AtCapacity,
        }
    }

    /// Why a connection without a request ends.
    pub fn why(self) -> Why {
        match self {
            Needed::Memory => Why::MemoryNeeded,
            Needed::Place => Why::PlaceNeeded,
        }
    }

    /// Why a response is cut.
    pub fn end(self) -> End {
        match self {
            Needed::Memory => End::TakenBack,
            Needed::Place => End::GivenWay,
        }
    }
}

/// An error response that is sent because the client is not served, or because its request cannot be
/// read to the end. Neither a handler nor the site answers then, and the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the response.
    pub status: Status,
    /// The reason in the log and on the error page.
    pub reason: Reason,
}
