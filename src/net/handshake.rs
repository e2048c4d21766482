//! How a connection to the TLS port begins: with a handshake, or with somebody's mistake.
//!
//! Nothing is set up before the first byte has come, so a client that says nothing costs a slot and
//! no more. That byte also tells who has forgotten the `s` of `https`.

use crate::net::bench::{Bench, Desk};
use crate::net::connection::{Closed, Connection, Phase, Step, Turn};
use crate::net::deadline::Waiting;
use crate::net::exchange::method_of;
use crate::net::socket::Input;
use crate::net::tls::Handshake;
use crate::observe::event::{TlsFailure, TlsStage};
use crate::origin::reason::Reason;
use crate::origin::refuse;
use crate::semantics::method::Method;
use crate::semantics::status::Status;

/// What is said of a client that says nothing itself.
const WENT_AWAY: &str = "the client went away";

/// How many steps are made to find the last word of a client that is gone: what it has sent before
/// comes in one, and is acted on in the next.
const LAST_STEPS: usize = 2;

impl Connection {
    /// Handshake: go on until there is a session, or none can be had.
    pub(super) fn handshake(&mut self, bench: &mut Bench) -> Step {
        let Some(handshake) = self.transport.handshake(&bench.desk.now) else {
            return self.greet(bench);
        };
        let desk = &mut bench.desk;
        self.account(desk);
        match handshake {
            Ok(Handshake::Done) => self.conclude_handshake(None, desk),
            Ok(Handshake::Expired) => {
                let expired = (Status::Forbidden, Reason::ClientExpired);
                self.conclude_handshake(Some(expired), desk)
            }
            Ok(Handshake::Progress) => Step::Next,
            Ok(Handshake::Pending) => self.wait_for_handshake(desk),
            Ok(Handshake::Failed(fault)) => {
                self.tell_failed(TlsStage::Handshake, &fault, desk);
                // Where there is an alert that says why, the client is to read it.
                self.phase = Phase::Closing { linger: true };
                Step::Next
            }
            Ok(Handshake::Gone) => {
                self.tell_failed(TlsStage::Handshake, WENT_AWAY, desk);
                Step::Close(Closed::Reset)
            }
            Err(fault) => {
                self.tell_failed(TlsStage::Handshake, &fault.to_string(), desk);
                Step::Close(Closed::Reset)
            }
        }
    }

    /// A draining server waits for nobody who has asked for nothing; but whom it turns away it tells
    /// so, as long as it is there.
    fn wait_for_handshake(&self, desk: &Desk) -> Step {
        match self.phase {
            Phase::Handshake { refused: None } if desk.draining => Step::Close(Closed::Idle),
            _ => Step::Wait,
        }
    }

    /// The connection was reset. Where it was in the middle of a handshake, the client may have said
    /// why before it went.
    pub(super) fn lose_handshake(&mut self, desk: &mut Desk) {
        if !self.is_shaking_hands() || !self.transport.has_session() {
            return;
        }
        let mut why = WENT_AWAY.to_owned();
        for _ in 0..LAST_STEPS {
            match self.transport.handshake(&desk.now) {
                Some(Ok(Handshake::Progress)) => {}
                Some(Ok(Handshake::Failed(fault))) => why = fault,
                _ => break,
            }
        }
        self.tell_failed(TlsStage::Handshake, &why, desk);
    }

    /// The client's first bytes: a session begins, unless they are in plain text.
    fn greet(&mut self, bench: &mut Bench) -> Step {
        let Bench { inbox, desk, .. } = bench;
        match self.read(inbox, desk) {
            Ok(Input::Bytes(_)) => {}
            Ok(Input::End(_)) if is_plain_text(inbox.waiting()) => {}
            Ok(Input::Nothing | Input::Overhead) => return self.wait_for_handshake(desk),
            Ok(Input::End(_)) => return Step::Close(Closed::Orderly),
            Err(_) => return Step::Close(Closed::Reset),
        }
        if is_plain_text(inbox.waiting()) {
            // Whether the answer has a body depends on the method.
            if has_method(inbox.waiting()) || self.ended.is_some() {
                self.refuse_plain_text(method_of(inbox.waiting()), desk);
            }
            return Step::Next;
        }
        let Some(endpoint) = &desk.endpoint else {
            return Step::Close(Closed::Reset);
        };
        match endpoint.session(&desk.now, inbox.waiting()) {
            Ok(session) => {
                inbox.consume(inbox.waiting().len());
                self.transport.secure(session, &mut desk.wire);
                Step::Next
            }
            Err(fault) => {
                self.tell_failed(TlsStage::Handshake, &fault.to_string(), desk);
                Step::Close(Closed::Reset)
            }
        }
    }

    /// RFC 9110 section 15.5.1, in the one language that this client speaks.
    fn refuse_plain_text(&mut self, method: Option<Method>, desk: &mut Desk) {
        let circumstances = self.last_circumstances(method, desk);
        let response = refuse::plain_text(desk.outbox.end(), circumstances);
        self.begin_sending(None, response, true, desk);
    }

    /// There is a session: requests can come, or the client is turned away in it.
    fn conclude_handshake(&mut self, refusal: Option<(Status, Reason)>, desk: &mut Desk) -> Step {
        desk.counters.handshakes.add(1);
        self.deadline = desk.deadline(Waiting::FirstRequest);
        let refusal = match std::mem::replace(&mut self.phase, Phase::ReadHead) {
            Phase::Handshake {
                refused: Some(reason),
            } => Some((Status::ServiceUnavailable, reason)),
            _ => refusal,
        };
        if let Some((status, reason)) = refusal {
            self.refuse(status, reason, None, desk);
        }
        Step::Next
    }

    /// The deadline of the handshake has passed.
    pub(super) fn give_up_handshake(&mut self, bench: &mut Bench) -> Turn {
        if is_plain_text(&self.received) {
            self.refuse_plain_text(method_of(&self.received), &mut bench.desk);
            return self.drive_with_refusal(bench);
        }
        if self.transport.has_session() {
            self.tell_failed(TlsStage::Handshake, "it took too long", &mut bench.desk);
        }
        Turn::Closed(Closed::TooSlow)
    }

    /// Counts a handshake that failed, and tells the log of it, or of a session that broke later.
    pub(super) fn tell_failed(&self, stage: TlsStage, reason: &str, desk: &mut Desk) {
        if stage == TlsStage::Handshake {
            desk.counters.handshakes_failed.add(1);
        }
        desk.log.record_tls_failure(&TlsFailure {
            peer: self.peer,
            at: desk.now.system,
            stage,
            reason,
        });
    }
}

/// Whether the method has come to its end, or is longer than any.
fn has_method(received: &[u8]) -> bool {
    received.contains(&b' ') || received.len() > MAX_METHOD
}

/// The longest method that this server knows, and an empty line before it.
const MAX_METHOD: usize = "\r\nOPTIONS".len();

/// Whether a request line begins here: a method or an empty line. A record of TLS begins with its
/// type, which is 22 for a handshake (RFC 8446 section 5.1) and never a printable character.
fn is_plain_text(received: &[u8]) -> bool {
    matches!(received, [b'\r' | b'\n' | b'!'..=b'~', ..])
}
