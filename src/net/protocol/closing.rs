//! How a connection ends (RFC 9112 sections 9.6 and 9.8): what was written leaves, the session says
//! its last word, and the client is given the time to read both.

use crate::net::context::Context;
use crate::net::deadline::Waiting;
use crate::net::protocol::handshake::tell_failed;
use crate::net::protocol::step::{Closed, Step, Switch};
use crate::net::socket::{Flushed, Input, More};
use crate::net::stream::Stream;
use crate::net::transport_error::TransportError;
use crate::observe::event::{End, TlsStage};

/// The end of a connection.
pub struct Closing {
    state: State,
}

enum State {
    /// What was written leaves. Whether to linger then.
    Flushing { linger: bool },
    /// The client is read from until it has seen the end.
    Lingering,
}

impl Closing {
    /// An end; `linger` if the client may still be sending.
    pub fn new(linger: bool) -> Closing {
        Closing {
            state: State::Flushing { linger },
        }
    }

    /// Goes on by one step.
    pub fn step(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        match self.state {
            State::Flushing { linger } => self.flush(linger, stream, context),
            State::Lingering => linger(stream),
        }
    }

    fn flush(&mut self, linger: bool, stream: &mut Stream, context: &mut Context) -> Step {
        // The last packet waits for the session's last word or for the end itself, which take it
        // along.
        let mut flushed = stream.push(More::Follows, context);
        if let Ok(Flushed::All) = flushed {
            stream.transport.close();
            flushed = stream.flush(context);
        }
        match flushed {
            Ok(Flushed::All) => {}
            Ok(Flushed::Blocked) => {
                stream.wait_to_send(context);
                return Step::Wait;
            }
            Err(fault) => return lose(&fault, stream, context),
        }
        let may_send = (linger || stream.has_more()) && stream.ended.is_none();
        if !may_send || stream.transport.finish().is_err() {
            return Step::Close(Closed::Orderly);
        }
        stream.deadline = context.deadline(Waiting::Close);
        self.state = State::Lingering;
        Step::Next
    }
}

/// Unread bytes at the close would make the kernel send a reset, which can destroy the response
/// before the client reads it (RFC 9112 section 9.6).
fn linger(stream: &mut Stream) -> Step {
    let unread = stream.inbox.waiting().len();
    stream.inbox.consume(unread);
    let input = stream.transport.discard(stream.inbox.room());
    stream.account();
    match input {
        Ok(Input::End(_)) => Step::Close(Closed::Orderly),
        Ok(Input::Nothing) => Step::Wait,
        Ok(Input::Bytes(_) | Input::Overhead) => Step::Again,
        Err(_) => Step::Close(Closed::Cut(End::ClientGone)),
    }
}

/// Nothing more can be sent.
pub fn lose(fault: &TransportError, stream: &mut Stream, context: &mut Context) -> Step {
    Step::Close(Closed::Cut(match fault {
        TransportError::Socket(_) => End::ClientGone,
        TransportError::Session(why) => {
            tell_failed(TlsStage::Session, why, stream, context);
            End::SessionBroken
        }
    }))
}

/// Nothing more can be read. If the session broke, there is an alert to send, which the client is to
/// read.
pub fn stop_reading(fault: &TransportError, stream: &mut Stream, context: &mut Context) -> Step {
    match fault {
        TransportError::Socket(_) => Step::Close(Closed::Cut(End::ClientGone)),
        TransportError::Session(why) => {
            tell_failed(TlsStage::Session, why, stream, context);
            Step::Switch(Switch::Closing { linger: true })
        }
    }
}
