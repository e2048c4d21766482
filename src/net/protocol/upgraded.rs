//! A connection after an upgrade (RFC 9110 section 7.8): a conversation reads and writes its bytes. If
//! no byte crosses the connection for the idle deadline, it closes.

use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::protocol::closing::close_after_read_error;
use crate::net::protocol::output::flush;
use crate::net::protocol::step::Step;
use crate::net::socket::Input;
use crate::net::stream::Stream;
use crate::observe::client::Client;
use crate::observe::closed::Why;
use crate::observe::wire::{Sender, WireEvent};
use crate::origin::handler::{Conversation, ConversationTurn, Next};
use crate::websocket::scan::{FrameScanner, ScannedFrame};

/// A connection that a conversation drives.
pub struct Upgraded {
    conversation: Box<dyn Conversation>,
    /// Whether the conversation has acted on everything that was received, as far as it can.
    is_waiting: bool,
    /// The bytes that had crossed the socket when `idle` was set.
    traffic: u32,
    /// When the connection closes if no more bytes cross it.
    idle: Option<Deadline>,
    /// Finds the frames for people who look. `None` without the wire view.
    frames: Option<Box<Frames>>,
}

/// The frames of both directions.
#[derive(Default)]
struct Frames {
    received: FrameScanner,
    sent: FrameScanner,
}

impl Frames {
    /// The memory that they take, in bytes.
    fn cost(&self) -> usize {
        size_of::<Frames>() + self.received.cost() + self.sent.cost()
    }
}

impl Upgraded {
    /// Gives the connection to `conversation`.
    pub fn new(conversation: Box<dyn Conversation>) -> Upgraded {
        Upgraded {
            conversation,
            // Bytes may have come with the request.
            is_waiting: false,
            traffic: 0,
            idle: None,
            frames: None,
        }
    }

    /// The memory of the conversation and of its frames, in bytes.
    pub fn cost(&self) -> usize {
        let frames = self.frames.as_ref().map_or(0, |frames| frames.cost());
        self.conversation.cost() + frames
    }

    /// Reads, passes what was received to the conversation, and sends what it writes. The conversation
    /// waits until everything that it wrote before has been sent. It is called after a read and not before,
    /// so a turn seldom ends with received bytes that the connection must keep.
    pub fn step(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        if let Some(step) = flush(stream, context) {
            return step;
        }
        let can_read = self.is_waiting && !stream.inbox.room().is_empty();
        let input = match can_read.then(|| stream.read(context)).transpose() {
            Ok(input) => input,
            Err(fault) => return close_after_read_error(&fault, stream, context),
        };
        let turn = ConversationTurn {
            now: context.now.instant,
            received: stream.inbox.waiting(),
            idle_timeout: context.deadlines.idle,
            is_draining: stream.ending(context).is_some(),
        };
        let begin = stream.outbox.end().len();
        let conversed = self.conversation.converse(turn, stream.outbox.end());
        if context.observer.wire.is_some() && self.conversation.has_frames() {
            let received = &stream.inbox.waiting()[..conversed.consumed];
            let sent = &stream.outbox.end()[begin..];
            self.show_frames(received, sent, &stream.state.client, context);
        }
        stream.inbox.consume(conversed.consumed);
        self.is_waiting = conversed.next != Next::Again;
        if conversed.next == Next::End {
            return Step::closing(true, Why::Conversed);
        }
        if let Some(step) = flush(stream, context) {
            return step;
        }
        if conversed.next == Next::Again {
            return Step::Again;
        }
        stream.state.deadline = self.deadline(conversed.next, stream, context);
        let is_full = stream.inbox.room().is_empty();
        match input {
            Some(Input::End(_)) => Step::closing(false, Why::ClientClosed),
            // It waits for more bytes, but the buffer is full.
            _ if is_full && conversed.next == Next::Receive => Step::closing(true, Why::Conversed),
            Some(Input::Nothing) => Step::Wait,
            _ if is_full || !stream.state.transport.has_more() => Step::Wait,
            _ => Step::Next,
        }
    }

    /// Shows the frames in these octets.
    fn show_frames(&mut self, received: &[u8], sent: &[u8], client: &Client, context: &Context) {
        let frames = self.frames.get_or_insert_default();
        let (at, now) = (context.now.system, context.now.instant);
        let show = |sender, frame: ScannedFrame<'_>| {
            let event = || WireEvent::frame(client, sender, &frame, at);
            context.observer.show(event, now);
        };
        frames
            .received
            .scan(received, |frame| show(Sender::Client, frame));
        frames.sent.scan(sent, |frame| show(Sender::Server, frame));
    }

    /// When the conversation goes on, or when the connection has been idle for too long, whichever
    /// comes first.
    fn deadline(&mut self, next: Next, stream: &Stream<'_>, context: &Context) -> Deadline {
        let idle = match self.idle {
            Some(idle) if self.traffic == stream.state.traffic => idle,
            _ => context.deadline(Waiting::Traffic),
        };
        (self.idle, self.traffic) = (Some(idle), stream.state.traffic);
        let waiting = Waiting::Answer;
        match next {
            Next::WaitUntil(at) if at < idle.at => Deadline { waiting, at },
            _ => idle,
        }
    }
}
