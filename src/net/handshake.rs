//! How a connection to the TLS port begins: with a handshake, or with somebody's mistake.
//!
//! Nothing is set up before the first byte has come, so a client that says nothing costs a slot and
//! no more. That byte also tells who has forgotten the `s` of `https`.

use crate::net::bench::{Bench, Desk};
use crate::net::connection::{Closed, Connection, Phase, Step, Turn};
use crate::net::deadline::{Deadline, Waiting};
use crate::net::exchange::method_of;
use crate::net::socket::Input;
use crate::net::tls::{Handshake, SessionFault};
use crate::observe::event::FailedHandshake;
use crate::origin::refuse;
use crate::semantics::method::Method;
use crate::semantics::status::Status;

impl Connection {
    /// Handshake: go on until there is a session, or none can be had.
    pub(super) fn handshake(&mut self, bench: &mut Bench) -> Step {
        if !self.transport.is_secure() {
            return self.greet(bench);
        }
        let desk = &mut bench.desk;
        let handshake = self.transport.handshake(&desk.now);
        self.account(desk);
        match handshake {
            Ok(Handshake::Done) => self.conclude_handshake(desk),
            Ok(Handshake::Pending) if desk.draining => Step::Close(Closed::Idle),
            Ok(Handshake::Pending) => Step::Wait,
            Ok(Handshake::Failed(fault)) => {
                self.tell_failed(&fault, desk);
                // Where there is an alert that says why, the client is to read it.
                self.phase = Phase::Closing { linger: true };
                Step::Next
            }
            Ok(Handshake::Gone) => {
                self.tell_failed(&SessionFault("the client went away".into()), desk);
                Step::Close(Closed::Reset)
            }
            Err(fault) => {
                self.tell_failed(&SessionFault(fault.to_string()), desk);
                Step::Close(Closed::Reset)
            }
        }
    }

    /// The client's first bytes: a session begins, unless they are in plain text.
    fn greet(&mut self, bench: &mut Bench) -> Step {
        let Bench { inbox, desk, .. } = bench;
        match self.read(inbox, desk) {
            Ok(Input::Bytes(_)) => {}
            Ok(Input::End) if is_plain_text(inbox.waiting()) => {}
            Ok(Input::Nothing) if desk.draining => return Step::Close(Closed::Idle),
            Ok(Input::Nothing) => return Step::Wait,
            Ok(Input::End | Input::Cut) => return Step::Close(Closed::Orderly),
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
                self.tell_failed(&SessionFault(fault.to_string()), desk);
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
    fn conclude_handshake(&mut self, desk: &mut Desk) -> Step {
        desk.counters.handshakes.add(1);
        let now = desk.now.instant;
        self.deadline = Deadline::new(Waiting::Request, now, desk.deadlines.head);
        let phase = std::mem::replace(&mut self.phase, Phase::ReadHead);
        if let Phase::Handshake {
            refused: Some(reason),
        } = phase
        {
            self.refuse(Status::ServiceUnavailable, reason, None, desk);
        }
        Step::Next
    }

    /// The deadline of the handshake has passed.
    pub(super) fn give_up_handshake(&mut self, bench: &mut Bench) -> Turn {
        if is_plain_text(&self.received) {
            self.refuse_plain_text(method_of(&self.received), &mut bench.desk);
            return self.drive_with_refusal(bench);
        }
        if self.transport.is_secure() {
            let fault = SessionFault("it took too long".into());
            self.tell_failed(&fault, &mut bench.desk);
        }
        Turn::Closed(Closed::TooSlow)
    }

    fn tell_failed(&self, fault: &SessionFault, desk: &mut Desk) {
        desk.counters.handshakes_failed.add(1);
        desk.log.record_failed_handshake(&FailedHandshake {
            peer: self.peer,
            at: desk.now.system,
            reason: &fault.0,
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
