//! How a connection to the TLS port begins: with a handshake (RFC 8446 section 4), or with somebody's
//! mistake.
//!
//! Nothing is set up before the first byte has come, so a client that says nothing costs a slot and
//! no more. That byte also tells who has forgotten the `s` of `https`.

use crate::net::context::Context;
use crate::net::deadline::Waiting;
use crate::net::listener::Service;
use crate::net::protocol::step::{Closed, Refusal, Step, Switch};
use crate::net::socket::Input;
use crate::net::stream::Stream;
use crate::net::tls::handshake::HandshakeProgress as Progress;
use crate::observe::event::{TlsFailure, TlsStage};
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

/// What is said of a client that says nothing itself.
const WENT_AWAY: &str = "the client went away";

/// How many steps are made to find the last word of a client that is gone: what it has sent before
/// comes in one, and is acted on in the next.
const LAST_STEPS: usize = 2;

/// A handshake.
pub struct Handshake {
    service: Service,
    /// A client that is refused is told so once there is a session.
    refusal: Option<Refusal>,
}

impl Handshake {
    /// A handshake that leads to a service, or to a refusal.
    pub fn new(service: Service, refusal: Option<Refusal>) -> Handshake {
        Handshake { service, refusal }
    }

    /// Goes on until there is a session, or none can be had.
    pub fn step(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        let Some(progress) = stream.transport.handshake(&context.now) else {
            return self.begin(stream, context);
        };
        stream.account();
        let failure = match progress {
            Ok(Progress::Done) => return self.conclude(None, stream, context),
            Ok(Progress::Expired) => {
                let refusal = Refusal {
                    status: Status::Forbidden,
                    reason: Reason::ClientExpired,
                };
                return self.conclude(Some(refusal), stream, context);
            }
            Ok(Progress::Progress) => return Step::Next,
            Ok(Progress::Pending) => return self.wait(context),
            Ok(Progress::Failed(fault)) => {
                tell_failed(TlsStage::Handshake, &fault, stream, context);
                // If there is an alert that says why, the client is to read it.
                return Step::Switch(Switch::Closing { linger: true });
            }
            Ok(Progress::Gone) => WENT_AWAY.to_owned(),
            Err(fault) => fault.to_string(),
        };
        tell_failed(TlsStage::Handshake, &failure, stream, context);
        Step::Close(Closed::Failed)
    }

    /// A server that shuts down waits for nobody who has asked for nothing. Whom it refuses it tells
    /// so, as long as it is there.
    fn wait(&self, context: &Context) -> Step {
        match self.refusal {
            None if context.is_draining => Step::Close(Closed::Idle),
            _ => Step::Wait,
        }
    }

    /// The client's first bytes: a session begins, unless they are in plain text.
    fn begin(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        match stream.read(context) {
            Ok(Input::Bytes(_)) => {}
            Ok(Input::End(_)) if is_plain_text(stream.inbox.waiting()) => {}
            Ok(Input::Nothing | Input::Overhead) => return self.wait(context),
            Ok(Input::End(_)) => return Step::Close(Closed::Orderly),
            Err(_) => return Step::Close(Closed::Failed),
        }
        let received = stream.inbox.waiting();
        if is_plain_text(received) {
            // Whether the response has a body depends on the method.
            return match has_method(received) || stream.ended.is_some() {
                true => self.refuse_plain_text(),
                false => Step::Next,
            };
        }
        let Some(endpoint) = &context.endpoint else {
            return Step::Close(Closed::Failed);
        };
        match endpoint.session(&context.now, received) {
            Ok(session) => {
                let count = received.len();
                stream.inbox.consume(count);
                stream.transport.secure(session, &mut context.buffers.wire);
                Step::Next
            }
            Err(fault) => {
                tell_failed(TlsStage::Handshake, &fault.to_string(), stream, context);
                Step::Close(Closed::Failed)
            }
        }
    }

    /// RFC 9110 section 15.5.1, in the one language that this client speaks.
    fn refuse_plain_text(&self) -> Step {
        let refusal = Refusal {
            status: Status::BadRequest,
            reason: Reason::PlainText,
        };
        Step::Switch(Switch::Http1(self.service, Some(refusal)))
    }

    /// There is a session: requests can come, or the client is refused in it.
    fn conclude(
        &mut self,
        refusal: Option<Refusal>,
        stream: &mut Stream,
        context: &mut Context,
    ) -> Step {
        context.observer.counters.handshakes.add(1);
        stream.deadline = context.deadline(Waiting::FirstRequest);
        let security = stream.transport.security();
        stream.client.identity = security.and_then(|security| security.client.map(Box::from));
        let refusal = self.refusal.or(refusal);
        Step::Switch(Switch::Http1(self.service, refusal))
    }

    /// The deadline of the handshake has passed.
    pub fn expire(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        if is_plain_text(stream.inbox.waiting()) {
            return self.refuse_plain_text();
        }
        if stream.transport.has_session() {
            tell_failed(TlsStage::Handshake, "it took too long", stream, context);
        }
        Step::Close(Closed::Failed)
    }

    /// The connection was reset. If that was in the middle of a handshake, the client may have said
    /// why before it went.
    pub fn lose(&mut self, stream: &mut Stream, context: &mut Context) {
        if !stream.transport.has_session() {
            return;
        }
        let mut why = WENT_AWAY.to_owned();
        for _ in 0..LAST_STEPS {
            match stream.transport.handshake(&context.now) {
                Some(Ok(Progress::Progress)) => {}
                Some(Ok(Progress::Failed(fault))) => why = fault,
                _ => break,
            }
        }
        tell_failed(TlsStage::Handshake, &why, stream, context);
    }
}

/// Counts a handshake that failed, and tells the log of it, or of a session that broke later.
pub fn tell_failed(stage: TlsStage, reason: &str, stream: &Stream, context: &mut Context) {
    let observer = &mut context.observer;
    if stage == TlsStage::Handshake {
        observer.counters.handshakes_failed.add(1);
    }
    observer.log.record_tls_failure(&TlsFailure {
        peer: stream.client.peer,
        at: context.now.system,
        stage,
        reason,
    });
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
