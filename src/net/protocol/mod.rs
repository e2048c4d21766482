//! What the bytes of a connection mean now.
//!
//! ```text
//!    Handshake --(a session; a fault to be told)--> Http1 --(the last response)--> Closing --> over
//!        |                                           |
//!        +--(no session, an alert)--> Closing        +--(an upgrade)--> Upgraded --> Closing
//! ```
//!
//! A protocol goes on step by step. It changes into another one by [`Step::Switch`], which leaves
//! the transport, and the bytes already received, where they are: with the connection.

// The body of a request.
pub mod body;
// How a connection ends.
pub mod closing;
// What the head of a request comes to.
pub mod dispatch;
// How a connection to the TLS port begins.
pub mod handshake;
// HTTP/1.
pub mod http1;
// A response, written to the outbox.
pub mod reply;
// What a protocol asks for after a step.
pub mod step;
// A protocol that has taken over from HTTP.
pub mod upgraded;

use crate::net::context::Context;
use crate::net::protocol::closing::Closing;
use crate::net::protocol::handshake::Handshake;
use crate::net::protocol::http1::Http1;
use crate::net::protocol::step::{Closed, Step, Switch};
use crate::net::protocol::upgraded::Upgraded;
use crate::net::stream::Stream;
use crate::observe::event::End;

/// A protocol, with its state.
pub enum Protocol {
    /// TLS begins.
    Handshake(Handshake),
    /// Requests and responses.
    Http1(Http1),
    /// Whatever an upgrade led to.
    Upgraded(Upgraded),
    /// The connection ends.
    Closing(Closing),
}

impl Protocol {
    /// What goes on after a switch.
    pub fn of(switch: Switch) -> Protocol {
        match switch {
            Switch::Http1(service, refusal) => Protocol::Http1(Http1::new(service, refusal)),
            Switch::Upgraded(conversation) => Protocol::Upgraded(Upgraded::new(conversation)),
            Switch::Closing { linger } => Protocol::Closing(Closing::new(linger)),
        }
    }

    /// Goes on by one step.
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

    /// The connection is over, for whatever reason: what was under way ends here.
    pub fn end(&mut self, closed: Closed, stream: &mut Stream, context: &mut Context) {
        let end = match closed {
            Closed::Cut(end) => end,
            // Nothing is under way, or the client went away in the middle of it.
            Closed::Orderly | Closed::Idle | Closed::Failed => End::ClientGone,
        };
        stream.give_up(end, context);
        if let Protocol::Http1(http1) = self {
            http1.end(end, stream, context);
        }
    }

    /// The client is gone. It may have said why before it went.
    pub fn lose(&mut self, stream: &mut Stream, context: &mut Context) {
        if let Protocol::Handshake(handshake) = self {
            handshake.lose(stream, context);
        }
    }

    /// Whether a response was begun that is not written to its end.
    pub fn is_mid_response(&self) -> bool {
        matches!(self, Protocol::Http1(http1) if http1.is_mid_response())
    }
}
