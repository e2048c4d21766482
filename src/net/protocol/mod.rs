//! What the bytes of a connection mean now.
//!
//! ```text
//!    Handshake --(session, or plain text)--> Http1 --(last response)--> Closing --> end
//!        |                                     |
//!        +--(failure)--> Closing               +--(upgrade)--> Upgraded --> Closing
//! ```
//!
//! A protocol runs step by step. [`Step::Switch`] replaces it by another one. The transport and the
//! bytes already received stay with the connection.

// The body of a request.
mod body;
// How a connection ends.
pub(super) mod closing;
// What a request head leads to.
pub(super) mod dispatch;
// The start of a connection to a TLS listener.
pub(super) mod handshake;
// HTTP/1.
pub(super) mod http1;
// A response, written to the outbox.
pub(super) mod reply;
// What the connection does after a step.
pub mod step;
// A protocol that has taken over from HTTP.
mod upgraded;

use crate::net::context::Context;
use crate::net::protocol::closing::Closing;
use crate::net::protocol::handshake::Handshake;
use crate::net::protocol::http1::Http1;
use crate::net::protocol::step::{Closed, Step, Switch};
use crate::net::protocol::upgraded::Upgraded;
use crate::net::stream::Stream;
use crate::observe::event::End;

/// A protocol and its state.
pub enum Protocol {
    /// A TLS handshake.
    Handshake(Handshake),
    /// Requests and responses.
    Http1(Http1),
    /// The protocol after an upgrade.
    Upgraded(Upgraded),
    /// The end of the connection.
    Closing(Closing),
}

impl Protocol {
    /// The protocol after a switch.
    pub fn of(switch: Switch) -> Protocol {
        match switch {
            Switch::Http1(service, refusal) => Protocol::Http1(Http1::new(service, refusal)),
            Switch::Upgraded(conversation) => Protocol::Upgraded(Upgraded::new(conversation)),
            Switch::Closing { linger } => Protocol::Closing(Closing::new(linger)),
        }
    }

    /// Runs one step.
    pub fn step(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        match self {
            Protocol::Handshake(handshake) => handshake.step(stream, context),
            Protocol::Http1(http1) => http1.step(stream, context),
            Protocol::Upgraded(upgraded) => upgraded.step(stream, context),
            Protocol::Closing(closing) => closing.step(stream, context),
        }
    }

    /// A deadline for the client has passed.
    pub fn expire(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        match self {
            Protocol::Handshake(handshake) => handshake.expire(stream, context),
            Protocol::Http1(http1) => http1.expire(stream, context),
            Protocol::Upgraded(_) | Protocol::Closing(_) => Step::Close(Closed::Idle),
        }
    }

    /// Ends the exchanges of the connection.
    pub fn end(&mut self, closed: Closed, stream: &mut Stream, context: &mut Context) {
        let end = match closed {
            Closed::Cut(end) => end,
            // If an exchange is still under way, its client went away.
            Closed::Orderly | Closed::Idle | Closed::Failed => End::ClientGone,
        };
        stream.end_unsent_exchanges(end, context);
        if let Protocol::Http1(http1) = self {
            http1.end(end, stream, context);
        }
    }

    /// The connection was reset. If this was in a handshake, records the failure.
    pub fn record_reset(&mut self, stream: &mut Stream, context: &mut Context) {
        if let Protocol::Handshake(handshake) = self {
            handshake.record_reset(stream, context);
        }
    }

    /// Whether a response was begun and not written completely.
    pub fn is_mid_response(&self) -> bool {
        matches!(self, Protocol::Http1(http1) if http1.is_mid_response())
    }
}
