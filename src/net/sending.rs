//! The answer to a request, once it is decided: sent as the socket drains, then told of.

use crate::http1::parse::RequestHead;
use crate::http1::persistence::Persistence;
use crate::net::bench::{Bench, Desk};
use crate::net::connection::{Closed, Connection, Phase, Step};
use crate::net::deadline::Waiting;
use crate::net::kept::Kept;
use crate::net::pump::{Hose, Pump, Pumped, SendError};
use crate::net::transport_error::TransportError;
use crate::observe::event::{Exchange, TlsStage};
use crate::origin::reason::Reason;
use crate::origin::response::Response;
use crate::semantics::field::{FieldLine, FieldName};
use crate::semantics::status::Status;
use crate::site::content::{Content, Piece};

/// Content up to this size joins its head in the outbox: copying it costs less than a longer call
/// to the kernel, and pipelined answers leave together.
const INLINE: usize = 16 * 1024;

/// An answer on its way.
pub(super) struct Sending {
    pump: Pump,
    outcome: Outcome,
    /// For the log, where there is one.
    request: Option<Kept>,
}

/// What becomes of a connection after an answer, and what is told of it.
#[derive(Clone, Copy)]
struct Outcome {
    status: Status,
    reason: Reason,
    persistence: Persistence,
    linger: bool,
    /// Bytes of content that were sent, or are about to be.
    sent: u64,
}

impl Sending {
    /// Who takes this long holds space that others could use for their copies.
    pub(super) fn give_up_copy(&self) {
        self.pump.give_up_copy();
    }
}

impl Connection {
    /// The head is written: small content joins it, other content is pumped.
    pub(super) fn begin_sending(
        &mut self,
        request: Option<(&RequestHead<'_>, &[u8])>,
        response: Response,
        linger: bool,
        desk: &mut Desk,
    ) {
        let mut outcome = Outcome {
            status: response.status,
            reason: response.reason,
            persistence: response.persistence,
            linger: linger || desk.draining,
            sent: 0,
        };
        match inline(&response.content) {
            Some(bytes) => {
                desk.outbox.end().extend_from_slice(bytes);
                outcome.sent = bytes.len() as u64;
                self.tell(request.map(|(head, _)| head), outcome, true, desk);
                self.go_on(outcome, desk);
            }
            None => {
                let kept = request.filter(|_| desk.log.enabled());
                self.deadline = self.pace.window(desk.now.instant);
                self.phase = Phase::Send(Box::new(Sending {
                    pump: Pump::new(response.content, response.framing),
                    outcome,
                    request: kept.map(|(_, bytes)| Kept::of(bytes)),
                }));
            }
        }
    }

    /// Send: move content until it ends or the socket is full.
    pub(super) fn send(&mut self, bench: &mut Bench) -> Step {
        let Bench { lines, desk, .. } = bench;
        let Phase::Send(sending) = &mut self.phase else {
            return Step::Next;
        };
        let pumped = sending.pump.advance(&mut Hose {
            out: &mut desk.outbox,
            transport: &mut self.transport,
            scratch: &mut desk.scratch,
            budget: &mut desk.budget,
        });
        sending.outcome.sent = sending.pump.moved();
        self.account(desk);
        match pumped {
            Ok(Pumped::Blocked) => self.wait_to_send(desk),
            Ok(Pumped::Paused) => Step::Again,
            Ok(Pumped::Done) => {
                self.end_sending(true, lines, desk);
                Step::Next
            }
            Err(fault) => {
                self.end_sending(false, lines, desk);
                if let SendError::Transport(TransportError::Session(why)) = &fault {
                    self.tell_failed(TlsStage::Session, why, desk);
                }
                self.transport.abort();
                Step::Close(match fault {
                    SendError::Body(_) => Closed::Aborted,
                    SendError::Transport(_) => Closed::Reset,
                })
            }
        }
    }

    fn end_sending(&mut self, complete: bool, lines: &mut Vec<FieldLine>, desk: &mut Desk) {
        let Phase::Send(sending) = std::mem::replace(&mut self.phase, Phase::ReadHead) else {
            return;
        };
        let kept = sending.request.as_ref();
        let head = kept.and_then(|kept| kept.parse(lines, &desk.parse_limits));
        self.tell(head.as_ref(), sending.outcome, complete, desk);
        self.go_on(sending.outcome, desk);
    }

    /// After an answer: the next request, or the end.
    fn go_on(&mut self, outcome: Outcome, desk: &Desk) {
        self.began = desk.now.instant;
        self.deadline = desk.deadline(Waiting::Request);
        self.phase = match outcome.persistence {
            Persistence::KeepAlive => Phase::ReadHead,
            Persistence::Close => Phase::Closing {
                linger: outcome.linger,
            },
        };
    }

    /// Counts an exchange and tells the log of it.
    fn tell(
        &self,
        head: Option<&RequestHead<'_>>,
        outcome: Outcome,
        complete: bool,
        desk: &mut Desk,
    ) {
        desk.counters
            .count_answer(outcome.status.code(), outcome.sent);
        if !desk.log.enabled() {
            return;
        }
        let reason = outcome.reason.to_string();
        let first = |name| head.and_then(|head| head.fields.first(name));
        let now = desk.now.system;
        let duration = desk.now.instant.duration_since(self.began);
        desk.log.record(&Exchange {
            peer: self.peer,
            received: now.checked_sub(duration).unwrap_or(now),
            duration,
            method: head.map_or(b"", |head| head.method),
            target: head.map_or(b"", |head| head.target),
            version: head.map_or("", |head| head.version.text()),
            status: outcome.status.code(),
            sent: outcome.sent,
            referer: first(FieldName::Referer),
            user_agent: first(FieldName::UserAgent),
            reason: &reason,
            complete,
            security: self.transport.security(),
        });
    }
}

/// Content that joins its head, as bytes; `None` where it is large or made as it goes.
fn inline(content: &Content) -> Option<&[u8]> {
    match content {
        Content::Empty => Some(&[]),
        Content::One(Piece::Bytes(bytes)) if bytes.len() <= INLINE => Some(bytes),
        Content::One(Piece::Memory(bytes, range)) if range.len() <= INLINE => {
            bytes.get(range.clone())
        }
        _ => None,
    }
}
