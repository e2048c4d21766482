//! The start of a connection to the TLS port: a handshake (RFC 8446 section 4), or a plain HTTP request
//! sent to the wrong port.
//!
//! The session is created when the first byte arrives, so a silent client costs only a slot. The first
//! byte also shows whether the client uses plain HTTP.

use crate::net::context::Context;
use crate::net::deadline::Waiting;
use crate::net::listener::Service;
use crate::net::protocol::step::{Needed, Refusal, Step, Switch};
use crate::net::socket::Input;
use crate::net::stream::Stream;
use crate::net::tls::handshake::HandshakeProgress as Progress;
use crate::observe::closed::{Closed, Why};
use crate::observe::event::{End, TlsFailure, TlsStage};
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

/// The reason in the log if the client sent no alert.
const CLIENT_GONE: &str = "the client went away";

/// The end of a handshake that failed. The log of the handshake has the reason.
const FAILED: Closed = Closed::Cut(End::SessionBroken);

/// How many steps find the alert of a client that has gone: one reads what it sent, the next processes
/// it.
const STEPS_TO_ALERT: usize = 2;

/// A TLS handshake.
pub struct Handshake {
    service: Service,
    /// Nothing was read yet.
    is_new: bool,
    /// If set, the client is refused as soon as there is a session.
    refusal: Option<Box<Refusal>>,
}

impl Handshake {
    /// A handshake before requests to `service`, or before `refusal` if there is one.
    pub fn new(service: Service, refusal: Option<Box<Refusal>>) -> Handshake {
        Handshake {
            service,
            is_new: true,
            refusal,
        }
    }

    /// Takes the next step of the handshake.
    pub fn step(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        let Some(progress) = stream.state.transport.handshake(&context.now) else {
            return self.begin(stream, context);
        };
        stream.count_traffic();
        let failure = match progress {
            Ok(Progress::Done) => return self.finish(None, stream, context),
            Ok(Progress::Expired) => {
                let refusal = Refusal {
                    status: Status::Forbidden,
                    reason: Reason::ClientExpired,
                };
                return self.finish(Some(Box::new(refusal)), stream, context);
            }
            Ok(Progress::Progress) => return Step::Next,
            Ok(Progress::Pending) => return self.wait(context),
            Ok(Progress::Failed(fault)) => {
                record_tls_failure(TlsStage::Handshake, &fault, stream, context);
                // Linger, so that the client can read the alert, if there is one.
                return Step::closing(true, Why::TlsFailed);
            }
            Ok(Progress::Gone) => CLIENT_GONE.to_owned(),
            Err(fault) => fault.to_string(),
        };
        record_tls_failure(TlsStage::Handshake, &failure, stream, context);
        Step::Close(FAILED)
    }

    /// Waits for the client. At shutdown, closes the connection instead, because the client has not
    /// sent a request. If it is to be refused, still waits, to send the refusal.
    fn wait(&self, context: &Context) -> Step {
        match self.refusal {
            None if context.origins.is_draining() && context.ends_idle => {
                Step::Close(Closed::Orderly(Why::ShuttingDown))
            }
            _ => Step::Wait,
        }
    }

    /// Reads the first bytes. Starts a session, unless they are plain HTTP.
    fn begin(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        // They may have come together with a header of the PROXY protocol.
        let have_come = std::mem::take(&mut self.is_new) && !stream.inbox.is_empty();
        let read = match have_come {
            true => Ok(Input::Bytes(stream.inbox.waiting().len())),
            false => stream.read(context),
        };
        match read {
            Ok(Input::Bytes(_)) => {}
            Ok(Input::End(_)) if is_plain_text(stream.inbox.waiting()) => {}
            Ok(Input::Nothing | Input::Overhead) => return self.wait(context),
            Ok(Input::End(_)) => return Step::Close(Closed::Orderly(Why::ClientClosed)),
            Err(_) => return Step::Close(FAILED),
        }
        let received = stream.inbox.waiting();
        if is_plain_text(received) {
            // Wait for the method, because it decides whether the response has a body.
            return match has_method(received) || stream.state.ended.is_some() {
                true => self.refuse_plain_text(),
                false => Step::Next,
            };
        }
        let Some(endpoint) = &context.endpoint else {
            return Step::Close(FAILED);
        };
        match endpoint.session(received) {
            Ok(session) => {
                let count = received.len();
                stream.inbox.consume(count);
                stream.secure(session);
                Step::Next
            }
            Err(fault) => {
                record_tls_failure(TlsStage::Handshake, &fault.to_string(), stream, context);
                Step::Close(FAILED)
            }
        }
    }

    /// Refuses plain HTTP with 400 (RFC 9110 section 15.5.1), without TLS.
    fn refuse_plain_text(&self) -> Step {
        let refusal = Refusal {
            status: Status::BadRequest,
            reason: Reason::PlainText,
        };
        Step::Switch(Switch::Http1(self.service, Some(Box::new(refusal))))
    }

    /// There is a session: switches to HTTP/1, with a refusal if there is one.
    fn finish(
        &mut self,
        refusal: Option<Box<Refusal>>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        context.observer.counters.handshakes.add(1);
        stream.note_secured(context.now.latest);
        stream.state.deadline = context.deadline(Waiting::FirstRequest);
        let refusal = self.refusal.take().or(refusal);
        Step::Switch(Switch::Http1(self.service, refusal))
    }

    /// The deadline of the handshake has passed.
    pub fn expire(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        if is_plain_text(stream.inbox.waiting()) {
            return self.refuse_plain_text();
        }
        if stream.state.transport.has_session() {
            record_tls_failure(TlsStage::Handshake, "it took too long", stream, context);
        }
        Step::Close(FAILED)
    }

    /// The connection is given up. A client that has sent nothing yet has not failed.
    pub fn shed(&mut self, needed: Needed, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        if !stream.state.transport.has_session() {
            return Step::Close(Closed::Orderly(needed.why()));
        }
        record_tls_failure(TlsStage::Handshake, needed.reason().text(), stream, context);
        Step::Close(FAILED)
    }

    /// The connection was reset. If the client sent an alert before, logs its reason.
    pub fn record_reset(&mut self, stream: &mut Stream<'_>, context: &mut Context) {
        if !stream.state.transport.has_session() {
            return;
        }
        let mut why = CLIENT_GONE.to_owned();
        for _ in 0..STEPS_TO_ALERT {
            match stream.state.transport.handshake(&context.now) {
                Some(Ok(Progress::Progress)) => {}
                Some(Ok(Progress::Failed(fault))) => why = fault,
                _ => break,
            }
        }
        record_tls_failure(TlsStage::Handshake, &why, stream, context);
    }
}

/// Logs a handshake that failed, or a session that broke later. Counts failed handshakes.
pub(super) fn record_tls_failure(
    stage: TlsStage,
    reason: &str,
    stream: &Stream<'_>,
    context: &mut Context,
) {
    let observer = &mut context.observer;
    if stage == TlsStage::Handshake {
        observer.counters.handshakes_failed.add(1);
    }
    observer.log.record_tls_failure(&TlsFailure {
        peer: stream.state.client.peer,
        at: context.now.system,
        stage,
        reason,
    });
}

/// Whether the method is complete, or longer than any known method.
fn has_method(received: &[u8]) -> bool {
    received.contains(&b' ') || received.len() > MAX_METHOD
}

/// The length of an empty line and the longest known method.
const MAX_METHOD: usize = "\r\nOPTIONS".len();

/// Whether this is the start of an HTTP request: a method or an empty line. A TLS record starts with
/// its type, which is 22 for a handshake (RFC 8446 section 5.1) and never a printable character.
fn is_plain_text(received: &[u8]) -> bool {
    matches!(received, [b'\r' | b'\n' | b'!'..=b'~', ..])
}
