//! The protocol that a connection uses now.
//!
//! ```text
//!    Proxied --(a header)--> Handshake or Http1
//!
//!    Handshake --(a session, or plain HTTP)-------> Http1 --(the last response)--> Closing --> over
//!        |                                           |
//!        +--(failed, an alert)--> Closing            +--(an upgrade)--> Upgraded --> Closing
//! ```
//!
//! A protocol runs in steps. [`Step::Switch`] changes to another protocol. The transport and the bytes
//! already received stay with the connection.

// The body of a request.
mod body;
// The end of a connection.
pub(super) mod closing;
// What follows the head of a request.
pub(super) mod dispatch;
// The start of a connection to the TLS port.
pub(super) mod handshake;
// Sending what a protocol wrote.
pub(super) mod output;
// HTTP/1.
pub(super) mod http1;
// A request that has no response yet.
mod unanswered;
// The header of the PROXY protocol.
pub(super) mod proxied;
// Writing a response to the outbox.
pub(super) mod reply;
// The result of a step.
pub mod step;
// A connection after an upgrade.
mod upgraded;

use crate::net::context::Context;
use crate::net::protocol::closing::Closing;
use crate::net::protocol::handshake::Handshake;
use crate::net::protocol::http1::Http1;
use crate::net::protocol::proxied::Proxied;
use crate::net::protocol::step::{Needed, Step, Switch};
use crate::net::protocol::upgraded::Upgraded;
use crate::net::stream::Stream;
use crate::observe::closed::{Closed, Why};
use crate::observe::event::End;

/// A protocol, with its state.
pub enum Protocol {
    /// The header of the PROXY protocol.
    Proxied(Proxied),
    /// The TLS handshake.
    Handshake(Handshake),
    /// Requests and responses.
    Http1(Http1),
    /// A conversation after an upgrade.
    Upgraded(Upgraded),
    /// The end of the connection.
    Closing(Closing),
}

impl Protocol {
    /// The protocol after a switch.
    pub fn of(switch: Switch) -> Protocol {
        match switch {
            Switch::Handshake(service, refusal) => {
                Protocol::Handshake(Handshake::new(service, refusal))
            }
            Switch::Http1(service, refusal) => Protocol::Http1(Http1::new(service, refusal)),
            Switch::Upgraded(conversation) => Protocol::Upgraded(Upgraded::new(conversation)),
            Switch::Closing { linger, why } => Protocol::Closing(Closing::new(linger, why)),
        }
    }

    /// Takes one step.
    pub fn step(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match self {
            Protocol::Proxied(proxied) => proxied.step(stream, context),
            Protocol::Handshake(handshake) => handshake.step(stream, context),
            Protocol::Http1(http1) => http1.step(stream, context),
            Protocol::Upgraded(upgraded) => upgraded.step(stream, context),
            Protocol::Closing(closing) => closing.step(stream, context),
        }
    }

    /// A deadline for the client has passed.
    pub fn expire(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match self {
            Protocol::Proxied(proxied) => proxied.expire(stream),
            Protocol::Handshake(handshake) => handshake.expire(stream, context),
            Protocol::Http1(http1) => http1.expire(stream, context),
            Protocol::Upgraded(_) => Step::closing(false, Why::Silent),
            Protocol::Closing(closing) => Step::Close(closing.closed()),
        }
    }

    /// The connection is given up. A request that waits gets a response that says so. Anything
    /// else is cut, because a response could not be sent, or only behind what the client does not read.
    pub fn shed(&mut self, needed: Needed, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match self {
            Protocol::Proxied(_) => Step::Close(Closed::Orderly(needed.why())),
            Protocol::Handshake(handshake) => handshake.shed(needed, stream, context),
            Protocol::Http1(http1) if !http1.is_mid_response() && !stream.has_unsent() => {
                http1.shed(needed, stream, context)
            }
            _ => Step::Close(Closed::Cut(needed.end())),
        }
    }

    /// The connection is over. Ends the current exchange and those whose responses are not yet sent.
    pub fn end(&mut self, closed: Closed, stream: &mut Stream<'_>, context: &mut Context) {
        let end = match closed {
            Closed::Cut(end) => end,
            // If an exchange has not ended, the client went away.
            Closed::Orderly(_) => End::ClientGone,
        };
        stream.end_unsent_exchanges(end, context);
        if let Protocol::Http1(http1) = self {
            http1.end(end, stream, context);
        }
    }

    /// The connection is closed in both directions. During a handshake, the client may have sent an alert
    /// before.
    pub fn gone(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Closed {
        match self {
            Protocol::Closing(closing) => return closing.closed(),
            Protocol::Handshake(handshake) => handshake.record_reset(stream, context),
            Protocol::Proxied(_) | Protocol::Http1(_) | Protocol::Upgraded(_) => {}
        }
        Closed::Cut(End::ClientGone)
    }

    /// The memory of what it keeps between turns, in bytes.
    pub fn cost(&self) -> usize {
        match self {
            Protocol::Http1(http1) => http1.cost(),
            Protocol::Upgraded(upgraded) => upgraded.cost(),
            Protocol::Proxied(_) | Protocol::Handshake(_) | Protocol::Closing(_) => 0,
        }
    }

    /// Whether a response was begun and is not complete.
    pub fn is_mid_response(&self) -> bool {
        matches!(self, Protocol::Http1(http1) if http1.is_mid_response())
    }
}
