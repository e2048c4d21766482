//! A WebSocket connection: bytes to messages for an application, and its messages to bytes.
//!
//! - The client is asked for a sign of life (a ping) when it was silent for half of the idle timeout. If it
//!   stays silent for the other half, it is gone.
//! - At shutdown, the server begins the closing handshake with the status code 1001.
//! - While a client does not read, nothing more is read from it, so what the server keeps for it is bounded.

use std::time::{Duration, Instant};

use crate::origin::handler::{Conversation, ConversationTurn, Conversed, Next};
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::sender::{Outgoing, Sender};
use crate::site::budget::Charge;
use crate::websocket::close::{Close, CloseCode};
use crate::websocket::closing::{self, CloseEvent, Closing};
use crate::websocket::control::ControlPayload;
use crate::websocket::frame::Opcode;
use crate::websocket::message::{MessageKind, MessageLimits};
use crate::websocket::negotiation::DeflateAgreement;
use crate::websocket::receive::{Event, Receiver};
use crate::websocket::send;

/// How much content is gathered for one part of a message, and how much is written before other connections
/// have their turn. A few received bytes may stand for many, if they are compressed.
const MOST_AT_ONCE: usize = 64 * 1024;

/// How long the server waits for the Close frame of the client after its own.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct WebSocketConnection<A> {
    application: A,
    receiver: Receiver,
    outgoing: Outgoing,
    closing: Closing,
    /// When the server stops waiting for the client's Close frame, if it has sent its own.
    closes: Option<Instant>,
    /// What the message that is arriving is.
    kind: MessageKind,
    /// When the client sent something last.
    heard: Instant,
    /// Whether it was pinged since.
    is_pinged: bool,
    /// The memory of the coders.
    _coders: Option<Charge>,
}

/// How far the received bytes were read.
struct Progress {
    consumed: usize,
    /// Whether the rest must wait for the next turn.
    has_more: bool,
}

impl<A: Application> WebSocketConnection<A> {
    /// A connection that was opened `now`. `coders` is the memory for `deflate`.
    pub fn new(
        application: A,
        limits: MessageLimits,
        deflate: Option<DeflateAgreement>,
        coders: Option<Charge>,
        now: Instant,
    ) -> WebSocketConnection<A> {
        WebSocketConnection {
            application,
            receiver: Receiver::new(limits, deflate.as_ref().map(|agreed| agreed.client)),
            outgoing: Outgoing::new(deflate.as_ref().map(|agreed| agreed.server)),
            closing: Closing::default(),
            closes: None,
            kind: MessageKind::Binary,
            heard: now,
            is_pinged: false,
            _coders: coders,
        }
    }

    /// Acts on what the client has sent.
    fn receive(&mut self, input: &[u8], out: &mut Vec<u8>) -> Progress {
        let (mut consumed, mut content) = (0, Vec::new());
        let mut has_more = false;
        while self.closing.may_receive() {
            if out.len() >= MOST_AT_ONCE {
                has_more = true;
                break;
            }
            let received = match self.receiver.receive(&input[consumed..], &mut content) {
                Ok(received) => received,
                Err(fault) => {
                    content.clear();
                    self.fail(fault.code(), fault.text(), out);
                    break;
                }
            };
            consumed += received.consumed;
            match received.event {
                None => break,
                Some(Event::Begin(kind)) => self.kind = kind,
                Some(Event::Data(_)) if content.len() < MOST_AT_ONCE => {}
                Some(Event::Data(_)) => self.part(&mut content, false, out),
                Some(Event::End) => self.part(&mut content, true, out),
                Some(Event::Ping(payload)) if self.closing.may_send(Opcode::Pong) => {
                    send::pong(out, &payload);
                }
                Some(Event::Ping(_) | Event::Pong(_)) => {}
                Some(Event::Close(close)) => self.close_received(close.as_ref(), out),
            }
        }
        if !content.is_empty() {
            self.part(&mut content, false, out);
        }
        if !self.closing.may_receive() {
            consumed = input.len();
        }
        Progress { consumed, has_more }
    }

    /// Passes content to the application. After a Close frame of the server, nobody needs it.
    fn part(&mut self, content: &mut Vec<u8>, is_last: bool, out: &mut Vec<u8>) {
        if self.closing == Closing::Open {
            let part = Part {
                kind: self.kind,
                content,
                is_last,
            };
            let mut sender = Sender {
                outgoing: &mut self.outgoing,
                out,
            };
            if let Err(code) = self.application.receive(part, &mut sender) {
                self.fail(code, "", out);
            }
        }
        content.clear();
    }

    /// Answers a Close frame of the client (section 5.5.1).
    fn close_received(&mut self, close: Option<&Close>, out: &mut Vec<u8>) {
        self.closing = self.closing.after(CloseEvent::Received);
        if self.closing.may_send(Opcode::Close) {
            send::close(out, closing::answer(close), "");
            self.closing = self.closing.after(CloseEvent::Sent);
        }
    }

    /// Fails the connection (section 7.1.7).
    fn fail(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        if self.closing.may_send(Opcode::Close) {
            send::close(out, Some(code), reason);
        }
        self.closing = self.closing.after(CloseEvent::Failed);
    }

    /// Begins the closing handshake, because the server shuts down.
    fn go_away(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.closing == Closing::Open {
            send::close(
                out,
                Some(CloseCode::GOING_AWAY),
                "the server is shutting down",
            );
            self.closing = self.closing.after(CloseEvent::Sent);
            self.closes = Some(now + CLOSE_PATIENCE);
        }
    }

    /// What the connection waits for. Pings a client that was silent for long.
    fn next(&mut self, turn: &ConversationTurn<'_>, out: &mut Vec<u8>) -> Next {
        if self.closing == Closing::Closed {
            return Next::End;
        }
        let at = self.closes.unwrap_or_else(|| {
            let ping = self.heard + turn.idle_timeout / 2;
            if turn.now < ping {
                return ping;
            }
            if !std::mem::replace(&mut self.is_pinged, true) {
                send::ping(out, &ControlPayload::default());
            }
            self.heard + turn.idle_timeout
        });
        match turn.now < at {
            true => Next::WaitUntil(at),
            false => Next::End,
        }
    }
}

impl<A: Application> Conversation for WebSocketConnection<A> {
    fn converse(&mut self, turn: ConversationTurn<'_>, out: &mut Vec<u8>) -> Conversed {
        let Progress { consumed, has_more } = self.receive(turn.received, out);
        if consumed > 0 {
            self.heard = turn.now;
            self.is_pinged = false;
        }
        if turn.is_draining {
            self.go_away(turn.now, out);
        }
        let next = match has_more {
            true => Next::Again,
            false => self.next(&turn, out),
        };
        Conversed { consumed, next }
    }
}
