//! What a connection receives: more of a request, or the client's end.

use crate::net::bench::Desk;
use crate::net::buffer::Buffer;
use crate::net::connection::{Closed, Connection, Phase, Step};
use crate::net::deadline::Waiting;
use crate::net::socket::{End, Flushed, Input};
use crate::net::transport_error::TransportError;
use crate::observe::event::TlsStage;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

impl Connection {
    /// Receives more of what is `awaited`, once everything written so far has left: a client may
    /// be waiting for an answer before it sends on.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Buffer,
        desk: &mut Desk,
        awaited: Waiting,
    ) -> Step {
        match self.flush(desk) {
            Ok(Flushed::All) => {}
            Ok(Flushed::Blocked) => return self.wait_to_send(desk),
            Err(_) => return Step::Close(Closed::Reset),
        }
        let is_idle = awaited == Waiting::Head && inbox.is_empty();
        self.wait_for(if is_idle { Waiting::Request } else { awaited }, desk);
        if let Some(end) = self.ended {
            let is_over = awaited == Waiting::Head && is_blank(inbox.waiting());
            return self.end_of_requests(end, is_over, inbox, desk);
        }
        match self.read(inbox, desk) {
            Ok(Input::Bytes(_)) => {
                if is_idle {
                    self.began = desk.now.instant;
                }
                Step::Next
            }
            Ok(Input::Overhead | Input::End(_)) => Step::Next,
            Ok(Input::Nothing) if is_idle && desk.draining => Step::Close(Closed::Idle),
            Ok(Input::Nothing) => Step::Wait,
            Err(fault) => self.fail_to_read(&fault, desk),
        }
    }

    /// What is waited for may not be what it was: the first byte of a head has come, or the socket has
    /// room again.
    fn wait_for(&mut self, waiting: Waiting, desk: &Desk) {
        // Only an answer starts a new wait for a request, not an empty line.
        let goes_back = waiting == Waiting::Request
            && matches!(self.deadline.waiting, Waiting::FirstRequest | Waiting::Head);
        if self.deadline.waiting != waiting && !goes_back {
            self.deadline = desk.deadline(waiting);
        }
    }

    /// A session that was broken has an alert to send, which the client is to read; else there is
    /// nobody left.
    fn fail_to_read(&mut self, fault: &TransportError, desk: &mut Desk) -> Step {
        let TransportError::Session(why) = fault else {
            return Step::Close(Closed::Reset);
        };
        self.tell_failed(TlsStage::Session, why, desk);
        self.phase = Phase::Closing { linger: true };
        Step::Next
    }

    /// The client will send no more. Half a request is answered, so that whoever typed it learns
    /// what is missing (RFC 9112 section 8).
    fn end_of_requests(
        &mut self,
        end: End,
        is_over: bool,
        inbox: &Buffer,
        desk: &mut Desk,
    ) -> Step {
        let (closed, reason) = match end {
            End::Orderly => (Closed::Orderly, Reason::Incomplete),
            End::Truncated => (Closed::Truncated, Reason::Truncated),
        };
        if is_over {
            return Step::Close(closed);
        }
        let method = self.method_so_far(inbox.waiting());
        self.refuse(Status::BadRequest, reason, method, desk);
        Step::Next
    }

    /// Reads once.
    pub(super) fn read(
        &mut self,
        inbox: &mut Buffer,
        desk: &mut Desk,
    ) -> Result<Input, TransportError> {
        let input = self.transport.read(inbox.room())?;
        self.account(desk);
        match input {
            Input::Bytes(count) => inbox.add(count),
            Input::End(end) => self.ended = Some(end),
            Input::Overhead | Input::Nothing => {}
        }
        Ok(input)
    }
}

/// Whether nothing but empty lines has come, which are no part of a request (RFC 9112 section 2.2).
pub(super) fn is_blank(received: &[u8]) -> bool {
    received.iter().all(|byte| b"\r\n".contains(byte))
}
