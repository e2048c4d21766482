//! Sends what a protocol wrote, and decides what follows if the socket is full or failed.

use crate::net::context::Context;
use crate::net::protocol::handshake::record_tls_failure;
use crate::net::protocol::step::Step;
use crate::net::socket::Flushed;
use crate::net::stream::Stream;
use crate::net::transport_error::TransportError;
use crate::observe::closed::Closed;
use crate::observe::event::{End, TlsStage};

/// Sends what was written. If that is not possible now, returns the step to take instead.
pub(super) fn flush(stream: &mut Stream<'_>, context: &mut Context) -> Option<Step> {
    let flushed = stream.flush(context);
    unless_flushed(flushed, stream, context)
}

/// The step to take if not everything was sent.
pub(super) fn unless_flushed(
    flushed: Result<Flushed, TransportError>,
    stream: &mut Stream<'_>,
    context: &mut Context,
) -> Option<Step> {
    match flushed {
        Ok(Flushed::All) => None,
        Ok(Flushed::Blocked) => Some(wait_to_send(stream, context)),
        Err(fault) => Some(close_after_write_error(&fault, stream, context)),
    }
}

/// Waits until the socket has room. From now on, the client must keep the pace.
pub(super) fn wait_to_send(stream: &mut Stream<'_>, context: &Context) -> Step {
    stream.wait_to_send(context);
    Step::Wait
}

/// Closes a connection on which nothing more can be sent.
pub fn close_after_write_error(
    fault: &TransportError,
    stream: &mut Stream<'_>,
    context: &mut Context,
) -> Step {
    Step::Close(Closed::Cut(match fault {
        TransportError::Socket(_) => End::ClientGone,
        TransportError::Session(why) => {
            record_tls_failure(TlsStage::Session, why, stream, context);
            End::SessionBroken
        }
    }))
}
