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
use crate::site::compress::CoderMemory;
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

/// A connection. While it is idle, it holds no more than this.
pub(super) struct WebSocketConnection<A> {
    application: A,
    /// When the client sent something last.
    heard: Instant,
    /// What differs from an idle connection, if something does.
    state: Option<Box<State>>,
}

/// What a connection holds during a turn. It is kept until the next turn unless the connection is idle then.
struct State {
    receiver: Receiver,
    /// What the message that is arriving is.
    kind: MessageKind,
    outgoing: Outgoing,
    closing: Closing,
    awaited: Awaited,
    /// Whether the last turn wrote something. The next turn begins when the socket has taken all of it.
    has_written: bool,
    /// The memory of the coders, if messages are compressed.
    coders: Option<CoderMemory>,
}

/// What the server waits for, so that it notices when the client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// Anything. The client is pinged if it is silent for long.
    Anything,
    /// Anything, since the client was pinged at this time.
    SignOfLife(Instant),
    /// The client's Close frame, until this time. The server has sent its own.
    Close(Instant),
}

impl Awaited {
    /// The state after the client has sent bytes.
    fn after_bytes(self) -> Awaited {
        match self {
            Awaited::Anything | Awaited::SignOfLife(_) => Awaited::Anything,
            Awaited::Close(_) => self,
        }
    }
}

/// How far the received bytes were read.
struct Progress {
    consumed: usize,
    /// Whether the rest must wait for the next turn.
    has_more: bool,
}

impl<A: Application> WebSocketConnection<A> {
    /// A connection that was opened `now`. If messages are compressed, `compression` has the memory of the coders.
    pub fn new(
        application: A,
        compression: Option<(DeflateAgreement, CoderMemory)>,
        now: Instant,
    ) -> WebSocketConnection<A> {
        WebSocketConnection {
            application,
            heard: now,
            state: compression.map(|both| Box::new(State::new(Some(both)))),
        }
    }
}

impl State {
    /// The state of a new connection.
    fn new(compression: Option<(DeflateAgreement, CoderMemory)>) -> State {
        let (agreed, coders) = compression.unzip();
        let (client, server) = agreed.map(|agreed| (agreed.client, agreed.server)).unzip();
        State {
            receiver: Receiver::new(MessageLimits::default(), client),
            kind: MessageKind::Binary,
            outgoing: Outgoing::new(server),
            closing: Closing::default(),
            awaited: Awaited::Anything,
            has_written: false,
            coders,
        }
    }

    /// Whether it equals the state of a new connection, so that it can be dropped.
    fn is_idle(&self) -> bool {
        self.receiver.is_idle()
            && self.outgoing.is_idle()
            && self.closing == Closing::Open
            && self.awaited == Awaited::Anything
            && self.coders.is_none()
    }

    /// Acts on what the client has sent.
    fn receive(
        &mut self,
        application: &mut impl Application,
        input: &[u8],
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Progress {
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
                        self.part(application, &mut content, false, now, out);
                    }
                }
                Some(Event::End) => self.part(application, &mut content, true, now, out),
                Some(Event::Ping(payload)) if self.closing.may_send(Opcode::Pong) => {
                    send::pong(out, &payload);
                }
                Some(Event::Ping(_) | Event::Pong(_)) => {}
                Some(Event::Close(close)) => self.close_received(close.as_ref(), out),
            }
        }
        if !content.is_empty() {
            self.part(application, &mut content, false, now, out);
        }
        if !self.closing.may_receive() {
            consumed = input.len();
        }
        Progress { consumed, has_more }
    }

    /// Passes content to the application. After a Close frame of the server, nobody needs it.
    fn part(
        &mut self,
        application: &mut impl Application,
        content: &mut Vec<u8>,
        is_last: bool,
        now: Instant,
        out: &mut Vec<u8>,
    ) {
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
            if let Err(code) = application.receive(part, now, &mut sender) {
                self.fail(code, "", out);
            }
        }
        content.clear();
    }

    /// Sends messages of the application. Returns whether it may have more.
    fn send(&mut self, application: &mut impl Application, out: &mut Vec<u8>) -> bool {
        while self.closing == Closing::Open {
            if out.len() >= MOST_AT_ONCE {
                return true;
            }
            let mut sender = Sender {
                outgoing: &mut self.outgoing,
                out,
            };
            if !application.send(&mut sender) {
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
                "the server ends this conversation",
            );
            self.closing = self.closing.after(CloseEvent::Sent);
            self.awaited = Awaited::Close(now + CLOSE_PATIENCE);
        }
    }

    /// What the connection waits for, if the client sent something last at the time `heard`. Pings a client that was
    /// silent for long.
    fn next(&mut self, heard: Instant, turn: &ConversationTurn<'_>, out: &mut Vec<u8>) -> Next {
        if self.closing == Closing::Closed {
            return Next::End;
        }
        let silent = heard + turn.idle_timeout / 2;
        let at = match self.awaited {
            Awaited::Anything if turn.now < silent => silent,
            Awaited::Anything => {
                send::ping(out, &ControlPayload::default());
                self.awaited = Awaited::SignOfLife(turn.now);
                turn.now + turn.idle_timeout
            }
            Awaited::SignOfLife(since) => since + turn.idle_timeout,
            Awaited::Close(until) => until,
        };
        match turn.now < at {
            true => Next::WaitUntil(at),
            false => Next::End,
        }
    }
}

impl<A: Application> Conversation for WebSocketConnection<A> {
    fn converse(&mut self, turn: ConversationTurn<'_>, out: &mut Vec<u8>) -> Conversed {
        let state = self.state.take().map(|state| *state);
        let mut state = state.unwrap_or_else(|| State::new(None));
        // A ping may have waited for a full socket. Its deadline starts now.
        if let Awaited::SignOfLife(since) = &mut state.awaited
            && state.has_written
        {
            *since = turn.now;
        }
        let application = &mut self.application;
        let received = state.receive(application, turn.received, turn.now, out);
        if received.consumed > 0 {
            self.heard = turn.now;
            state.awaited = state.awaited.after_bytes();
        }
        let has_more = state.send(application, out) || received.has_more;
        if turn.is_draining {
            state.go_away(turn.now, out);
        }
        let next = match has_more {
            true => Next::Again,
            false => state.next(self.heard, &turn, out),
        };
        state.has_written = !out.is_empty();
        if !state.is_idle() {
            self.state = Some(Box::new(state));
        }
        Conversed {
            consumed: received.consumed,
            next,
        }
    }

    fn has_frames(&self) -> bool {
        self.application.is_shown()
    }

    /// The coders are charged apart from this.
    fn cost(&self) -> usize {
        size_of_val(self) + self.state.as_deref().map_or(0, size_of_val)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::semantics::field::{FieldName, Section};
    use crate::site::budget::{Account, Allowance, Budget};
    use crate::site::shares::Shares;
    use crate::websocket::frame::tests::masked;
    use crate::websocket::negotiation::{DeflateContext, DeflatePolicy, WindowBits, negotiate};

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
        WebSocketConnection::new(Echo, None, now)
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

    /// RFC 6455 section 7.1.1: a client that never answers the server's Close frame loses its connection.
    #[test]
    fn an_answer_to_a_close_frame_is_not_awaited_forever() {
        let begin = Instant::now();
        let drain = |connection: &mut _, received: &[u8], now| {
            let turn = ConversationTurn {
                now,
                received,
                idle_timeout: IDLE,
                is_draining: true,
            };
            let mut out = Vec::new();
            let conversed = WebSocketConnection::converse(connection, turn, &mut out);
            (conversed.next, out)
        };
        let end = begin + CLOSE_PATIENCE;
        let mut silent = connection(begin);
        let (next, out) = drain(&mut silent, b"", begin);
        assert_eq!(next, Next::WaitUntil(end));
        assert_eq!(out[..4], *b"\x88\x23\x03\xe9"); // 1001
        let before = end - Duration::from_nanos(1);
        assert_eq!(
            drain(&mut silent, b"", before),
            (Next::WaitUntil(end), vec![])
        );
        assert_eq!(drain(&mut silent, b"", end).0, Next::End);
        // Frames of other kinds give it no more time.
        let mut busy = connection(begin);
        drain(&mut busy, b"", begin);
        let ping = masked(0x89, b"alive?");
        assert_eq!(drain(&mut busy, &ping, before).0, Next::WaitUntil(end));
        assert_eq!(drain(&mut busy, &ping, end).0, Next::End);
        let mut polite = connection(begin);
        drain(&mut polite, b"", begin);
        let answer = masked(0x88, b"\x03\xe9");
        assert_eq!(drain(&mut polite, &answer, before), (Next::End, vec![]));
    }

    /// Ten thousand idle connections cost little more than those of HTTP.
    #[test]
    fn an_idle_connection_is_small() {
        assert_eq!(size_of::<WebSocketConnection<Echo>>(), 24);
        let now = Instant::now();
        let mut connection = connection(now);
        let idle = connection.cost();
        let message = masked(0x82, b"Hello");
        turn(&mut connection, &message[..8], now);
        assert!(
            connection.cost() > idle,
            "the rest of the message is awaited"
        );
        turn(&mut connection, &message[8..], now);
        assert_eq!(connection.cost(), idle);
    }

    /// RFC 7692 section 7.1.1: a coder is kept if its context is taken over.
    #[test]
    fn coders_are_kept_only_if_the_next_message_needs_them() {
        let hello = masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\0");
        for (parameters, want) in [
            ("", [true, true]),
            ("; server_no_context_takeover", [false, true]),
            ("; client_no_context_takeover", [true, false]),
            (
                "; server_no_context_takeover; client_no_context_takeover",
                [false, false],
            ),
        ] {
            let now = Instant::now();
            let mut connection = compressing(parameters, now);
            for _ in 0..2 {
                let (_, out) = turn(&mut connection, &hello, now);
                assert_eq!(out[0], 0xc1, "{parameters}");
                let state = connection.state.as_ref().expect("coders are charged");
                let held = [
                    state.outgoing.holds_compressor(),
                    state.receiver.holds_decompressor(),
                ];
                assert_eq!(held, want, "{parameters}");
            }
        }
    }

    /// A connection of a client that offered this.
    fn compressing(parameters: &str, now: Instant) -> WebSocketConnection<Echo> {
        let offer = format!("permessage-deflate{parameters}");
        let section = Section::of(&[(FieldName::SecWebSocketExtensions, &offer)]);
        let largest = DeflateContext {
            is_taken_over: true,
            window: WindowBits::MAX,
        };
        let policy = DeflatePolicy {
            server: largest,
            client: largest,
        };
        let agreed = negotiate(&section.fields(), Some(&policy)).expect("a valid offer");
        let allowance = Allowance::new(Arc::new(Budget::new(0, 1)));
        let charges = [(); 2].map(|()| allowance.charge_anyway(Account::Coders, 1));
        let share = Shares::default().add([10, 0, 0, 1].into(), 1);
        let coders = CoderMemory::new(charges, share);
        let agreed = agreed.expect("an agreement");
        WebSocketConnection::new(Echo, Some((agreed, coders)), now)
    }
}
