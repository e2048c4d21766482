//! How a connection ends: what was written leaves, a session says its last word, and the client is
//! given the time to read both (RFC 9112 sections 9.6 and 9.8).

use crate::net::bench::Desk;
use crate::net::buffer::Buffer;
use crate::net::connection::{Closed, Connection, Phase, Step};
use crate::net::deadline::Waiting;
use crate::net::socket::{Flushed, Input, More};

impl Connection {
    /// Closing: what was written leaves first, and behind it the session's last word; then, where
    /// the client may still be sending, it is told of the end and read from until it has seen it.
    pub(super) fn close(&mut self, linger: bool, desk: &mut Desk) -> Step {
        // The last packet waits for the session's last word or for the end itself, which take it
        // along.
        let mut flushed = self.push(More::Follows, desk);
        if let Ok(Flushed::All) = flushed {
            self.transport.close();
            flushed = self.flush(desk);
        }
        match flushed {
            Ok(Flushed::All) => {}
            Ok(Flushed::Blocked) => return self.wait_to_send(desk),
            Err(_) => return Step::Close(Closed::Reset),
        }
        if !linger || self.ended.is_some() || self.transport.finish().is_err() {
            return Step::Close(Closed::Orderly);
        }
        self.deadline = desk.deadline(Waiting::Close);
        self.phase = Phase::Linger;
        Step::Next
    }

    /// Linger: unread bytes at the close would make the kernel send a reset, which can destroy the
    /// answer before the client reads it (RFC 9112 section 9.6).
    pub(super) fn linger(&mut self, inbox: &mut Buffer, desk: &mut Desk) -> Step {
        inbox.consume(inbox.waiting().len());
        let input = self.transport.discard(inbox.room());
        self.account(desk);
        match input {
            Ok(Input::End(_)) => Step::Close(Closed::Orderly),
            Ok(Input::Nothing) => Step::Wait,
            Ok(Input::Bytes(_) | Input::Overhead) => Step::Again,
            Err(_) => Step::Close(Closed::Reset),
        }
    }

    /// The last word of a session that ends as it should (RFC 9112 section 9.8). Everything else is
    /// in the socket; where that has no room left for the word, it is not worth a reset, which would
    /// take the rest with it.
    pub(super) fn farewell(&mut self, desk: &mut Desk) {
        self.transport.close();
        let _ = self.flush(desk);
        self.transport.forget_unsent();
    }
}

/// An answer that is not complete must not look as if it were.
impl Drop for Connection {
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Send(_))
            || !self.unsent.is_empty()
            || self.transport.has_unsent()
        {
            self.transport.abort();
        }
    }
}
