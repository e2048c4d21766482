//! One client's connection, as a value that stops at any byte and goes on later: a stream of bytes,
//! and the protocol that gives them a meaning.
//!
//! ```text
//! drive:  take up the worker's buffers -> step, step, ... -> give them back
//!                                          |
//!                                          +-- Next, Switch    go on at once
//!                                          +-- Wait            until the socket is ready or time passes
//!                                          +-- Again           the neighbours' turn first
//!                                          +-- Close           over
//! ```

use mio::Token;

use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::listener::Listener;
use crate::net::protocol::Protocol;
use crate::net::protocol::closing::lose;
use crate::net::protocol::handshake::Handshake;
use crate::net::protocol::http1::Http1;
use crate::net::protocol::step::{Closed, Refusal, Step};
use crate::net::stream::Stream;
use crate::net::transport::Transport;
use crate::observe::client::Client;
use crate::observe::event::End;

/// A client's connection.
pub struct Connection {
    stream: Stream,
    protocol: Protocol,
}

/// What a connection asks of its worker after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing until the socket is ready or the deadline passes.
    Wait,
    /// Another turn, after the neighbours'.
    Again,
    /// It is over, and is to be ended with [`Connection::end`].
    Closed(Closed),
}

impl Connection {
    /// A connection just accepted. If there is a refusal, the client is told of it.
    pub fn new(
        transport: Transport,
        client: Client,
        listener: Listener,
        refusal: Option<Refusal>,
        context: &Context,
    ) -> Connection {
        let service = listener.service;
        let (protocol, waiting) = match listener.is_tls {
            true => {
                let handshake = Handshake::new(service, refusal);
                (Protocol::Handshake(handshake), Waiting::Handshake)
            }
            false => {
                let http1 = Http1::new(service, refusal);
                (Protocol::Http1(http1), Waiting::FirstRequest)
            }
        };
        Connection {
            stream: Stream::new(transport, client, waiting, context),
            protocol,
        }
    }

    /// The client's transport, for its registration.
    pub fn transport(&self) -> &Transport {
        &self.stream.transport
    }

    /// Notes by what the worker knows the connection.
    pub fn set_token(&mut self, token: Token) {
        self.stream.token = token;
    }

    /// Notes what the poller said: there may be more to read, the client will send no more, the
    /// connection is over in both directions.
    pub fn ready(&mut self, readable: bool, hung_up: bool, gone: bool) {
        self.stream.transport.ready(readable, hung_up);
        self.stream.is_gone |= gone;
    }

    /// Whether its next turn is likely to be a long one, for the sake of a client that has asked for
    /// nothing yet.
    pub fn is_shaking_hands(&self) -> bool {
        matches!(self.protocol, Protocol::Handshake(_))
    }

    /// When the worker must look again although nothing happened.
    pub fn deadline(&self) -> &Deadline {
        &self.stream.deadline
    }

    /// Runs until the socket blocks, the turn's budget is used up, or the connection is over.
    pub fn drive(&mut self, context: &mut Context) -> Turn {
        self.turn(context, |_, _, _| Step::Next)
    }

    /// Acts upon a deadline that has passed.
    pub fn expire(&mut self, context: &mut Context) -> Turn {
        match self.stream.deadline.waiting {
            Waiting::Answer => self.drive(context),
            Waiting::Send => self.judge_pace(context),
            _ => self.turn(context, Protocol::expire),
        }
    }

    /// Ends the connection, and with it whatever exchange is under way.
    pub fn end(mut self, closed: Closed, context: &mut Context) {
        // The protocol forgets the response that it ends.
        self.abort_if_incomplete();
        self.protocol.end(closed, &mut self.stream, context);
    }

    /// Makes a step, and those that follow, with what the worker lends.
    fn turn(
        &mut self,
        context: &mut Context,
        first: fn(&mut Protocol, &mut Stream, &mut Context) -> Step,
    ) -> Turn {
        let Connection { stream, protocol } = self;
        stream.begin_turn(&mut context.buffers);
        let mut step = match stream.is_gone {
            false => first(protocol, stream, context),
            true => {
                protocol.lose(stream, context);
                Step::Close(Closed::Cut(End::ClientGone))
            }
        };
        let turn = loop {
            step = match step {
                Step::Next if stream.budget > 0 => protocol.step(stream, context),
                Step::Switch(next) => {
                    *protocol = Protocol::of(next);
                    Step::Next
                }
                Step::Next | Step::Again => match stream.flush(context) {
                    Ok(_) => break Turn::Again,
                    Err(fault) => lose(&fault, stream, context),
                },
                Step::Wait => break Turn::Wait,
                Step::Close(closed) => break Turn::Closed(closed),
            };
        };
        if let Turn::Closed(Closed::Idle | Closed::Orderly) = turn {
            say_goodbye(stream, context);
        }
        stream.end_turn(&mut context.buffers);
        turn
    }

    /// The end of a window: the kernel says that there is room only when a third of its buffer has
    /// left, so what the client has taken is learnt by filling it up again.
    fn judge_pace(&mut self, context: &mut Context) -> Turn {
        let mut turn = self.drive(context);
        // A turn ends before a large socket is full.
        while turn == Turn::Again
            && self.stream.deadline.waiting == Waiting::Send
            && !self.stream.pace.is_kept()
        {
            turn = self.drive(context);
        }
        if matches!(turn, Turn::Closed(_)) || self.stream.deadline.waiting != Waiting::Send {
            return turn;
        }
        if !self.stream.pace.was_kept(turn == Turn::Wait) {
            return Turn::Closed(Closed::Cut(End::TooSlow));
        }
        if let Protocol::Http1(http1) = &self.protocol {
            http1.give_up_copy();
        }
        self.stream.deadline = self.stream.pace.window(context.now.instant);
        turn
    }

    /// A response that is not complete must not look as if it were: the client is reset.
    fn abort_if_incomplete(&mut self) {
        if self.protocol.is_mid_response() || self.stream.has_unsent() {
            self.stream.transport.abort();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.abort_if_incomplete();
    }
}

/// The last word of a session that ends as it should (RFC 9112 section 9.8). Everything else is in
/// the socket. If that has no room left for the word, it is not worth a reset, which would take the
/// rest with it.
fn say_goodbye(stream: &mut Stream, context: &mut Context) {
    stream.transport.close();
    let _ = stream.flush(context);
    stream.transport.forget_unsent();
}
