//! The end of a connection (RFC 9112 sections 9.6 and 9.8): sends what was written and the TLS closure
//! alert, then gives the client time to read them.

use crate::net::context::Context;
use crate::net::deadline::Waiting;
use crate::net::protocol::handshake::record_tls_failure;
use crate::net::protocol::output::unless_flushed;
use crate::net::protocol::step::Step;
use crate::net::socket::{Flushed, Input, More};
use crate::net::stream::Stream;
use crate::net::transport_error::TransportError;
use crate::observe::closed::{Closed, Why};
use crate::observe::event::{End, TlsStage};

/// The end of a connection.
pub struct Closing {
    state: State,
    why: Why,
}

enum State {
    /// Sends what was written, then lingers if `linger` is set.
    Flushing { linger: bool },
    /// Reads and discards until the client closes its side.
    Lingering,
}

impl Closing {
    /// Starts to close. `linger` means that the client may still be sending.
    pub fn new(linger: bool, why: Why) -> Closing {
        Closing {
            state: State::Flushing { linger },
            why,
        }
    }

    /// How the connection ends.
    pub fn closed(&self) -> Closed {
        Closed::Orderly(self.why)
    }

    /// Takes one step.
    pub fn step(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match self.state {
            State::Flushing { linger } => self.flush(linger, stream, context),
            State::Lingering => self.linger(stream, context),
        }
    }

    fn flush(&mut self, linger: bool, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        // The last packet waits, so that the closure alert or the FIN goes into the same packet.
        let mut flushed = stream.push(More::Follows, context);
        if let Ok(Flushed::All) = flushed {
            stream.state.transport.close();
            flushed = stream.flush(context);
        }
        if let Some(step) = unless_flushed(flushed, stream, context) {
            return step;
        }
        let may_send = (linger || stream.has_more()) && stream.state.ended.is_none();
        if !may_send || stream.state.transport.finish().is_err() {
            return Step::Close(self.closed());
        }
        stream.state.deadline = context.deadline(Waiting::Close);
        self.state = State::Lingering;
        Step::Next
    }

    /// Reads and discards what the client sends. If unread bytes remained at the close, the kernel would
    /// send a reset, and the client could lose the response (RFC 9112 section 9.6).
    fn linger(&self, stream: &mut Stream<'_>, context: &Context) -> Step {
        let unread = stream.inbox.waiting().len();
        stream.inbox.consume(unread);
        let input = stream.state.transport.discard(stream.inbox.room());
        stream.count_traffic();
        match input {
            Ok(Input::End(_)) => Step::Close(self.closed()),
            Ok(Input::Nothing) => Step::Wait,
            Ok(_) if stream.state.deadline.has_passed(context.now.instant) => {
                Step::Close(self.closed())
            }
            Ok(Input::Bytes(_) | Input::Overhead) => Step::Again,
            Err(_) => Step::Close(self.closed()),
        }
    }
}

/// Ends a connection from which nothing more can be read. If the session broke, an alert must be sent,
/// and the client needs time to read it.
pub(super) fn close_after_read_error(
    fault: &TransportError,
    stream: &mut Stream<'_>,
    context: &mut Context,
) -> Step {
    match fault {
        TransportError::Socket(_) => Step::Close(Closed::Cut(End::ClientGone)),
        TransportError::Session(why) => {
            record_tls_failure(TlsStage::Session, why, stream, context);
            Step::closing(true, Why::TlsFailed)
        }
    }
}
