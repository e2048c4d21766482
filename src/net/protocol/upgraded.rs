//! A protocol that has taken over from HTTP (RFC 9110 section 7.8): bytes in, bytes out.

use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::protocol::step::{Closed, Step, Switch};
use crate::net::socket::{Flushed, Input};
use crate::net::stream::Stream;
use crate::observe::event::End;
use crate::origin::handler::{Conversation, Next};

/// A conversation on a connection.
pub struct Upgraded {
    conversation: Box<dyn Conversation>,
}

impl Upgraded {
    /// The connection belongs to `conversation` from now on.
    pub fn new(conversation: Box<dyn Conversation>) -> Upgraded {
        Upgraded { conversation }
    }

    /// Lets the conversation act on what has come, and sends what it says.
    pub fn step(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        let now = context.now.instant;
        let (received, out) = (stream.inbox.waiting(), stream.outbox.end());
        let conversed = self.conversation.converse(now, received, out);
        stream.inbox.consume(conversed.consumed);
        match stream.flush(context) {
            Ok(Flushed::All) => {}
            Ok(Flushed::Blocked) => {
                stream.wait_to_send(context);
                return Step::Wait;
            }
            Err(_) => return Step::Close(Closed::Cut(End::ClientGone)),
        }
        let (at, waiting) = match conversed.next {
            Next::End => return Step::Switch(Switch::Closing { linger: true }),
            Next::Receive => (None, Waiting::Answer),
            Next::WaitForWake => (None, Waiting::Answer),
            Next::WaitUntil(at) => (Some(at), Waiting::Answer),
        };
        stream.deadline = match at {
            Some(at) => Deadline { waiting, at },
            None => context.deadline(waiting),
        };
        match stream.read(context) {
            Ok(Input::Bytes(_) | Input::Overhead) => Step::Next,
            Ok(Input::Nothing) => Step::Wait,
            Ok(Input::End(_)) => Step::Switch(Switch::Closing { linger: false }),
            Err(_) => Step::Close(Closed::Cut(End::ClientGone)),
        }
    }
}
