//! The start of a connection to a TLS listener: a handshake (RFC 8446 section 4), or plain text by
//! mistake.
//!
//! The session is created after the first byte, so a client that sends nothing costs only a slot.
//! The first byte also shows whether the client speaks plain HTTP, because somebody typed `http`
//! instead of `https`.

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

/// The reason to log if the client sent no alert.
const CLIENT_WENT_AWAY: &str = "the client went away";

/// After a reset, this many steps look for an alert from the client: the first step reads the bytes,
/// and the second processes them.
const STEPS_AFTER_RESET: usize = 2;

/// A connection before or during its TLS handshake.
pub struct Handshake {
    service: Service,
    /// If there is a refusal, it is sent once there is a session.
    refusal: Option<Refusal>,
}

impl Handshake {
    /// A handshake that leads to a service or to a refusal.
    pub fn new(service: Service, refusal: Option<Refusal>) -> Handshake {
        Handshake { service, refusal }
    }

    /// Makes a step of the handshake.
    pub fn step(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        let Some(progress) = stream.transport.handshake(&context.now) else {
            return self.begin(stream, context);
        };
        stream.count_traffic();
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
                record_tls_failure(TlsStage::Handshake, &fault, stream, context);
                // The client should get time to read the alert, if there is one.
                return Step::Switch(Switch::Closing { linger: true });
            }
            Ok(Progress::Gone) => CLIENT_WENT_AWAY.to_owned(),
            Err(fault) => fault.to_string(),
        };
        record_tls_failure(TlsStage::Handshake, &failure, stream, context);
        Step::Close(Closed::Failed)
    }

    /// Waits for the client. At shutdown, closes the connection, unless a refusal is still to be
    /// sent.
    fn wait(&self, context: &Context) -> Step {
        match self.refusal {
            None if context.is_draining => Step::Close(Closed::Idle),
            _ => Step::Wait,
        }
    }

    /// Reads the client's first bytes. Creates a session, unless they are plain text.
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
            // The method must be known, because it decides whether the response has a body.
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
                stream
                    .transport
                    .secure(session, &mut context.buffers.records);
                Step::Next
            }
            Err(fault) => {
                record_tls_failure(TlsStage::Handshake, &fault.to_string(), stream, context);
                Step::Close(Closed::Failed)
            }
        }
    }

    /// Refuses in plain text, because this client does not speak TLS (RFC 9110 section 15.5.1).
    fn refuse_plain_text(&self) -> Step {
        let refusal = Refusal {
            status: Status::BadRequest,
            reason: Reason::PlainText,
        };
        Step::Switch(Switch::Http1(self.service, Some(refusal)))
    }

    /// The handshake is complete. Continues with requests or with the refusal.
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

    /// Ends the handshake after its deadline.
    pub fn expire(&mut self, stream: &mut Stream, context: &mut Context) -> Step {
        if is_plain_text(stream.inbox.waiting()) {
            return self.refuse_plain_text();
        }
        if stream.transport.has_session() {
            record_tls_failure(TlsStage::Handshake, "it took too long", stream, context);
        }
        Step::Close(Closed::Failed)
    }

    /// Records a handshake that failed with a reset. The client may have sent an alert before it.
    pub fn record_reset(&mut self, stream: &mut Stream, context: &mut Context) {
        if !stream.transport.has_session() {
            return;
        }
        let mut why = CLIENT_WENT_AWAY.to_owned();
        for _ in 0..STEPS_AFTER_RESET {
            match stream.transport.handshake(&context.now) {
                Some(Ok(Progress::Progress)) => {}
                Some(Ok(Progress::Failed(fault))) => why = fault,
                _ => break,
            }
        }
        record_tls_failure(TlsStage::Handshake, &why, stream, context);
    }
}

/// Logs the failure of a handshake or of a session. A failed handshake is also counted.
pub fn record_tls_failure(stage: TlsStage, reason: &str, stream: &Stream, context: &mut Context) {
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

/// Whether the method is complete, or longer than any known method.
fn has_method(received: &[u8]) -> bool {
    received.contains(&b' ') || received.len() > MAX_METHOD
}

/// The longest method that is known, with an empty line before it.
const MAX_METHOD: usize = "\r\nOPTIONS".len();

/// Whether the bytes begin a request: a method or an empty line. A TLS record begins with its type,
/// which is 22 for a handshake (RFC 8446 section 5.1) and never a printable character.
fn is_plain_text(received: &[u8]) -> bool {
    matches!(received, [b'\r' | b'\n' | b'!'..=b'~', ..])
}
