//! One client's connection: a stream of bytes and the protocol that interprets them.
//!
//! It can stop at any byte and continue later.
//!
//! ```text
//! drive:  fill the worker's buffers -> step, step, ... -> keep what is left
//!                                          |
//!                                          +-- Next, Switch    continue at once
//!                                          +-- Wait            for the socket or the deadline
//!                                          +-- Again           after the other connections
//!                                          +-- Close           end the connection
//! ```

use std::net::IpAddr;

use mio::Token;

use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::listener::Listener;
use crate::net::protocol::Protocol;
use crate::net::protocol::output::close_after_write_error;
use crate::net::protocol::proxied::Proxied;
use crate::net::protocol::step::{Needed, Refusal, Step, Switch};
use crate::net::settings::EndsWithReload;
use crate::net::stream::{Buffers, Stream};
use crate::net::stream_state::StreamState;
use crate::net::transport::Transport;
use crate::observe::client::Client;
use crate::observe::closed::Closed;
use crate::observe::event::End;
use crate::observe::wire::{Phase, WireEvent};

/// A client's connection.
pub struct Connection {
    stream: StreamState,
    protocol: Protocol,
}

/// What the worker must do with a connection after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Wait until the socket is ready or the deadline passes.
    Wait,
    /// Give it another turn, after the other connections.
    Again,
    /// End it with [`Connection::end`].
    Closed(Closed),
}

impl Connection {
    /// A new connection. If there is a refusal, it is sent instead of a response.
    pub fn new(
        transport: Transport,
        client: Client,
        listener: Listener,
        refusal: Option<Box<Refusal>>,
        context: &Context,
    ) -> Connection {
        let is_proxied = listener.is_proxied && context.proxies.trust(client.peer.ip());
        let (protocol, waiting) = match is_proxied {
            true => {
                let proxied = Proxied::new(listener, refusal);
                (Protocol::Proxied(proxied), Waiting::Handshake)
            }
            false => {
                let (first, waiting) = Switch::first(listener, refusal);
                (Protocol::of(first), waiting)
            }
        };
        Connection {
            stream: StreamState::new(transport, client, waiting, context),
            protocol,
        }
    }

    /// The transport, for registration with the poller.
    pub fn transport(&self) -> &Transport {
        &self.stream.transport
    }

    /// See [`Client::network`].
    pub fn network(&self) -> IpAddr {
        self.stream.client.network()
    }

    /// Sets the worker's token for the connection.
    pub fn set_token(&mut self, token: Token) {
        self.stream.token = token;
    }

    /// Notes an event of the poller. `hung_up`: the client will send no more. `gone`: the connection
    /// is closed in both directions.
    pub fn ready(&mut self, readable: bool, hung_up: bool, gone: bool) {
        self.stream.transport.ready(readable, hung_up);
        self.stream.is_gone |= gone;
    }

    /// What it does.
    pub fn phase(&self) -> Phase {
        let waiting = self.stream.deadline.waiting;
        match &self.protocol {
            Protocol::Proxied(_) | Protocol::Handshake(_) => Phase::Handshake,
            Protocol::Http1(http1) if http1.is_mid_response() => Phase::Sending,
            Protocol::Http1(_) => match waiting {
                Waiting::FirstRequest | Waiting::Request => Phase::Idle,
                Waiting::Answer => Phase::Answering,
                _ => Phase::Reading,
            },
            Protocol::Upgraded(_) => Phase::Upgraded,
            Protocol::Closing(_) => Phase::Closing,
        }
    }

    /// Ends the connection like in a drain, if a reload concerns it. Returns whether it does.
    pub fn end_after_reload(&mut self, ends: EndsWithReload) -> bool {
        let is_upgraded = matches!(self.protocol, Protocol::Upgraded(_));
        let is_concerned =
            (ends.upgraded && is_upgraded) || (ends.tls && self.stream.transport.has_session());
        self.stream.is_outdated |= is_concerned;
        is_concerned
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.stream.client
    }

    /// Whether it is in a TLS handshake. Then its next turn may be a long one.
    pub fn is_in_handshake(&self) -> bool {
        matches!(self.protocol, Protocol::Handshake(_))
    }

    /// When the worker must act although no event comes.
    pub fn deadline(&self) -> &Deadline {
        &self.stream.deadline
    }

    /// Runs until the socket blocks, the turn's budget is used up, or the connection ends.
    pub fn drive(&mut self, buffers: &mut Buffers, context: &mut Context) -> Turn {
        self.turn(buffers, context, |_, _, _| Step::Next)
    }

    /// Acts on a deadline that has passed.
    pub fn expire(&mut self, buffers: &mut Buffers, context: &mut Context) -> Turn {
        match self.stream.deadline.waiting {
            Waiting::Answer => self.drive(buffers, context),
            Waiting::Send => self.check_pace(buffers, context),
            _ => self.turn(buffers, context, Protocol::expire),
        }
    }

    /// What the connection is charged for.
    pub fn charged(&self) -> u64 {
        self.stream.charged()
    }

    /// How much of that is more than an idle connection costs.
    pub fn kept(&self) -> u64 {
        self.stream.kept()
    }

    /// Gives up the connection, because the clients hold too much memory.
    pub fn shed(&mut self, buffers: &mut Buffers, context: &mut Context) -> Turn {
        self.turn(buffers, context, |protocol, stream, context| {
            protocol.shed(Needed::Memory, stream, context)
        })
    }

    /// Gives up the connection, because a client of another network needs its place.
    pub fn give_way(&mut self, buffers: &mut Buffers, context: &mut Context) -> Turn {
        self.turn(buffers, context, |protocol, stream, context| {
            protocol.shed(Needed::Place, stream, context)
        })
    }

    /// Ends the connection and its exchanges.
    pub fn end(mut self, closed: Closed, buffers: &mut Buffers, context: &mut Context) {
        let mut stream = Stream::begin(&mut self.stream, buffers);
        // This comes first, because `Protocol::end` drops the exchange under way.
        if self.protocol.is_mid_response() || stream.has_unsent() {
            stream.state.transport.abort();
        }
        self.protocol.end(closed, &mut stream, context);
        stream.end(0);
        let (client, exchanges) = (&self.stream.client, self.stream.exchanges);
        let (at, now) = (context.now.system, context.now.latest);
        let event = || WireEvent::closed(client, exchanges, closed, at);
        context.observer.show(event, now);
    }

    /// Runs one turn, beginning with the step `first`.
    fn turn(
        &mut self,
        buffers: &mut Buffers,
        context: &mut Context,
        first: fn(&mut Protocol, &mut Stream<'_>, &mut Context) -> Step,
    ) -> Turn {
        let Connection { stream, protocol } = self;
        let mut stream = Stream::begin(stream, buffers);
        let mut step = match stream.state.is_gone {
            false => first(protocol, &mut stream, context),
            true => Step::Close(protocol.gone(&mut stream, context)),
        };
        let turn = loop {
            step = match step {
                Step::Next if stream.budget > 0 => protocol.step(&mut stream, context),
                Step::Switch(next) => {
                    *protocol = Protocol::of(next);
                    Step::Next
                }
                Step::Next | Step::Again => match stream.flush(context) {
                    Ok(_) => break Turn::Again,
                    Err(fault) => close_after_write_error(&fault, &mut stream, context),
                },
                Step::Wait => break Turn::Wait,
                Step::Close(closed) => break Turn::Closed(closed),
            };
        };
        if let Turn::Closed(Closed::Orderly(_)) = turn {
            send_close_notify(&mut stream, context);
        }
        stream.end_sent_exchanges(context);
        stream.end(protocol.cost());
        turn
    }

    /// Checks the pace at the end of a window. The kernel reports room only when a third of its
    /// buffer is free. To learn how much the client has read, the socket is filled up again.
    fn check_pace(&mut self, buffers: &mut Buffers, context: &mut Context) -> Turn {
        let lowest = context.lowest_rate;
        let mut turn;
        // A large socket buffer may need several turns to fill.
        loop {
            let before = self.stream.pace;
            turn = self.drive(buffers, context);
            let is_sending = self.stream.deadline.waiting == Waiting::Send;
            if turn != Turn::Again || !is_sending || self.stream.pace.is_kept(&lowest) {
                break;
            }
            if self.stream.pace == before {
                // The socket has room and the source has nothing to send. The client is not slow.
                self.stream.pace.was_kept(&lowest, false);
                self.stream.deadline = lowest.window(context.now.instant);
                return turn;
            }
        }
        if matches!(turn, Turn::Closed(_)) || self.stream.deadline.waiting != Waiting::Send {
            return turn;
        }
        if !self.stream.pace.was_kept(&lowest, turn == Turn::Wait) {
            return Turn::Closed(Closed::Cut(End::TooSlow));
        }
        if let Protocol::Http1(http1) = &self.protocol {
            http1.give_up_copy();
        }
        self.stream.deadline = lowest.window(context.now.instant);
        turn
    }
}

impl Drop for Connection {
    /// Resets the connection if a response is incomplete, so that it cannot look complete.
    fn drop(&mut self) {
        if self.protocol.is_mid_response() || self.stream.has_unsent() {
            self.stream.transport.abort();
        }
    }
}

/// Sends close_notify if the connection has a TLS session (RFC 9112 section 9.8). All other bytes
/// are in the socket. If the socket has no room, the alert is dropped, because a reset would destroy
/// those bytes.
fn send_close_notify(stream: &mut Stream<'_>, context: &mut Context) {
    stream.state.transport.close();
    let _ = stream.flush(context);
    stream.state.transport.forget_unsent();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For 10,000 idle connections, 100 bytes more each are 1 MB.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 392);
    }
}
