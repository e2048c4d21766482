//! The lab (`--lab`): endpoints to try protocols with.
//!
//! ```text
//! /.docroot/lab/echo    a WebSocket that sends each message back (RFC 6455)
//! ```

use std::time::Instant;

use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::request::Request;
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::open;
use crate::origin::websocket::sender::Sender;
use crate::semantics::trace::Trace;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake::Endpoint;
use crate::websocket::negotiation::{DeflateContext, DeflatePolicy, WindowBits};

/// The path of the echo.
pub const ECHO: &str = "/.docroot/lab/echo";

/// The echo compresses as the client wants, with the largest windows.
const ECHO_ENDPOINT: Endpoint<'static> = Endpoint {
    protocols: &[],
    deflate: Some(DeflatePolicy {
        server: LARGEST,
        client: LARGEST,
    }),
};

const LARGEST: DeflateContext = DeflateContext {
    is_taken_over: true,
    window: WindowBits::MAX,
};

/// Answers requests for the lab.
pub struct Lab;

impl Handler for Lab {
    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let is_echo = request.head.target.path() == Some(ECHO.as_bytes());
        is_echo.then(|| open(request, origin, ECHO_ENDPOINT, Echo, trace))
    }
}

/// Sends each part of a message back as soon as it arrives.
struct Echo;

impl Application for Echo {
    fn receive(
        &mut self,
        part: Part<'_>,
        _: Instant,
        sender: &mut Sender<'_>,
    ) -> Result<(), CloseCode> {
        sender.part(part.kind, part.content, part.is_last);
        Ok(())
    }
}
