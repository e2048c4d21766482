//! A connection after an upgrade (RFC 9110 section 7.8): a conversation reads and writes its bytes.

use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::protocol::closing::close_after_read_error;
use crate::net::protocol::output::flush;
use crate::net::protocol::step::{Step, Switch};
use crate::net::socket::Input;
use crate::net::stream::Stream;
use crate::origin::handler::{Conversation, Next};

/// A connection that a conversation drives.
pub struct Upgraded {
    conversation: Box<dyn Conversation>,
}

impl Upgraded {
    /// Gives the connection to `conversation`.
    pub fn new(conversation: Box<dyn Conversation>) -> Upgraded {
        Upgraded { conversation }
    }

    /// Passes received bytes to the conversation and sends what it writes. The conversation waits
    /// until everything that it wrote before has been sent.
    pub fn step(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        if let Some(step) = flush(stream, context) {
            return step;
        }
        let now = context.now.instant;
        let (received, out) = (stream.inbox.waiting(), stream.outbox.end());
        let conversed = self.conversation.converse(now, received, out);
        stream.inbox.consume(conversed.consumed);
        if conversed.next == Next::End {
            return Step::Switch(Switch::Closing { linger: true });
        }
        if let Some(step) = flush(stream, context) {
            return step;
        }
        let waiting = Waiting::Answer;
        stream.deadline = match conversed.next {
            Next::WaitUntil(at) => Deadline { waiting, at },
            Next::Receive | Next::WaitForWake | Next::End => context.deadline(waiting),
        };
        if stream.inbox.room().is_empty() {
            return match conversed.next {
                // It waits for more bytes, but the buffer is full.
                Next::Receive => Step::Switch(Switch::Closing { linger: true }),
                _ => Step::Wait,
            };
        }
        match stream.read(context) {
            Ok(Input::Bytes(_) | Input::Overhead) => Step::Next,
            Ok(Input::Nothing) => Step::Wait,
            Ok(Input::End(_)) => Step::Switch(Switch::Closing { linger: false }),
            Err(fault) => close_after_read_error(&fault, stream, context),
        }
    }
}
