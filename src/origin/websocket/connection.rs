//! A WebSocket connection: bytes to messages for an application, and its messages to bytes.
//!
//! - The client is asked for a sign of life (a ping) when it was silent for half of the idle timeout. If it
//!   stays silent for an idle timeout after that, it is gone. While it does not read, it is not read from, so
//!   that time does not count.
//! - At shutdown, the server begins the closing handshake with the status code 1001.
//! - While a client does not read, nothing more is read from it, so what the server keeps for it is bounded.

use std::time::{Duration, Instant};

use crate::origin::handler::{Conversation, ConversationTurn, Conversed, Next};
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::sender::{Outgoing, Sender};
use crate::site::compress::Charges;
use crate::websocket::close::{Close, CloseCode};
use crate::websocket::closing::{self, CloseEvent, Closing};
use crate::websocket::control::ControlPayload;
use crate::websocket::frame::Opcode;
use crate::websocket::message::{MessageKind, MessageLimits};
use crate::websocket::negotiation::DeflateAgreement;
use crate::websocket::receive::{Event, Receiver};
use crate::websocket::send;

/// How much content is gathered for one part of a message, and how much is received and sent before other
/// connections have their turn. A few received bytes may stand for many, if they are compressed.
const MOST_AT_ONCE: usize = 64 * 1024;

/// What an event costs of that, besides its bytes: a short message takes as long as some content.
const EVENT_COST: usize = 1024;

/// How long the server waits for the Close frame of the client after its own.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

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
    /// When it was pinged since.
    pinged: Option<Instant>,
    /// Whether the last turn wrote something. The next turn begins when the socket has taken all of it.
    has_written: bool,
    /// The memory of the coders.
    _coders: Option<Charges>,
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
        coders: Option<Charges>,
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
            pinged: None,
            has_written: false,
            _coders: coders,
        }
    }

    /// Acts on what the client has sent.
    fn receive(&mut self, input: &[u8], now: Instant, out: &mut Vec<u8>) -> Progress {
        let (mut consumed, mut content) = (0, Vec::new());
        let mut spent = 0;
        let mut has_more = false;
        while self.closing.may_receive() {
            if spent + out.len() >= MOST_AT_ONCE {
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
            spent += EVENT_COST;
            match received.event {
                None => break,
                Some(Event::Begin(kind)) => self.kind = kind,
                Some(Event::Data(length)) => {
                    spent += length;
                    if content.len() >= MOST_AT_ONCE {
                        self.part(&mut content, false, now, out);
                    }
                }
                Some(Event::End) => self.part(&mut content, true, now, out),
                Some(Event::Ping(payload)) if self.closing.may_send(Opcode::Pong) => {
                    send::pong(out, &payload);
                }
                Some(Event::Ping(_) | Event::Pong(_)) => {}
                Some(Event::Close(close)) => self.close_received(close.as_ref(), out),
            }
        }
        if !content.is_empty() {
            self.part(&mut content, false, now, out);
        }
        if !self.closing.may_receive() {
            consumed = input.len();
        }
        Progress { consumed, has_more }
    }

    /// Passes content to the application. After a Close frame of the server, nobody needs it.
    fn part(&mut self, content: &mut Vec<u8>, is_last: bool, now: Instant, out: &mut Vec<u8>) {
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
            if let Err(code) = self.application.receive(part, now, &mut sender) {
                self.fail(code, "", out);
            }
        }
        content.clear();
    }

    /// Sends messages of the application. Returns whether it may have more.
    fn send(&mut self, out: &mut Vec<u8>) -> bool {
        while self.closing == Closing::Open {
            if out.len() >= MOST_AT_ONCE {
                return true;
            }
            let mut sender = Sender {
                outgoing: &mut self.outgoing,
                out,
            };
            if !self.application.send(&mut sender) {
                break;
            }
        }
        false
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
        let silent = self.heard + turn.idle_timeout / 2;
        let at = match (self.closes, self.pinged) {
            (Some(at), _) => at,
            (None, None) if turn.now < silent => silent,
            (None, None) => {
                send::ping(out, &ControlPayload::default());
                self.pinged = Some(turn.now);
                turn.now + turn.idle_timeout
            }
            (None, Some(at)) => at + turn.idle_timeout,
        };
        match turn.now < at {
            true => Next::WaitUntil(at),
            false => Next::End,
        }
    }
}

impl<A: Application> Conversation for WebSocketConnection<A> {
    fn converse(&mut self, turn: ConversationTurn<'_>, out: &mut Vec<u8>) -> Conversed {
        if self.has_written {
            self.pinged = self.pinged.map(|_| turn.now);
        }
        let Progress { consumed, has_more } = self.receive(turn.received, turn.now, out);
        if consumed > 0 {
            self.heard = turn.now;
            self.pinged = None;
        }
        let has_more = self.send(out) || has_more;
        if turn.is_draining {
            self.go_away(turn.now, out);
        }
        let next = match has_more {
            true => Next::Again,
            false => self.next(&turn, out),
        };
        self.has_written = !out.is_empty();
        Conversed { consumed, next }
    }

    fn has_frames(&self) -> bool {
        self.application.is_shown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::frame::tests::masked;

    struct Echo;

    impl Application for Echo {
        fn receive(
            &mut self,
            part: Part<'_>,
            _: Instant,
            sender: &mut Sender<'_>,
        ) -> Result<(), CloseCode> {
            sender.part(part.kind, part.content, part.is_last);
            Ok(())
        }
    }

    const IDLE: Duration = Duration::from_secs(60);

    fn connection(now: Instant) -> WebSocketConnection<Echo> {
        WebSocketConnection::new(Echo, MessageLimits::default(), None, None, now)
    }

    /// One turn; the bytes that were written too.
    fn turn(
        connection: &mut WebSocketConnection<Echo>,
        received: &[u8],
        now: Instant,
    ) -> (Conversed, Vec<u8>) {
        let turn = ConversationTurn {
            now,
            received,
            idle_timeout: IDLE,
            is_draining: false,
        };
        let mut out = Vec::new();
        (connection.converse(turn, &mut out), out)
    }

    #[test]
    fn many_short_messages_take_several_turns() {
        let now = Instant::now();
        let mut connection = connection(now);
        let input = masked(0x82, b"a").repeat(5000);
        let (mut at, mut turns, mut echoed) = (0, 0, 0);
        loop {
            let (conversed, out) = turn(&mut connection, &input[at..], now);
            (at, turns, echoed) = (at + conversed.consumed, turns + 1, echoed + out.len());
            if conversed.next != Next::Again {
                break;
            }
        }
        // A message in which a turn ends has two frames.
        assert!(at == input.len() && echoed >= 5000 * 3);
        // Each message is three events.
        assert!(turns > 5000 * 3 * EVENT_COST / MOST_AT_ONCE, "{turns}");
    }

    #[test]
    fn silence_counts_from_when_the_ping_has_left() {
        let begin = Instant::now();
        let mut connection = connection(begin);
        let (conversed, out) = turn(&mut connection, b"", begin);
        assert_eq!(
            (conversed.next, out),
            (Next::WaitUntil(begin + IDLE / 2), vec![])
        );
        // The socket was full for long. Then the client is asked before it is judged.
        let late = begin + 10 * IDLE;
        let (conversed, out) = turn(&mut connection, b"", late);
        assert_eq!(
            (conversed.next, &out[..]),
            (Next::WaitUntil(late + IDLE), &b"\x89\0"[..])
        );
        // So was it for the ping.
        let later = late + 2 * IDLE;
        let (conversed, _) = turn(&mut connection, b"", later);
        assert_eq!(conversed.next, Next::WaitUntil(later + IDLE));
        let (conversed, _) = turn(&mut connection, &masked(0x8a, b""), later + IDLE / 2);
        assert_eq!(conversed.next, Next::WaitUntil(later + IDLE));
        let (_, out) = turn(&mut connection, b"", later + IDLE);
        assert_eq!(out, b"\x89\0");
        let next = |connection: &mut _, now| turn(connection, b"", now).0.next;
        assert_eq!(
            next(&mut connection, later + IDLE),
            Next::WaitUntil(later + 2 * IDLE)
        );
        assert_eq!(next(&mut connection, later + 2 * IDLE), Next::End);
    }
}
