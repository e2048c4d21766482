//! A WebSocket that sends each message back (RFC 6455).
//!
//! ```text
//! echo                compresses if the client offers it (RFC 7692)
//! echo?compress=no    does not, so that the payload can be read on the wire
//! ```

use std::time::Instant;

use crate::guide::fault::Fault;
use crate::guide::lab::visit::{Endpoint as LabEndpoint, Methods, Users, Visit};
use crate::origin::handler::{Answer, Origin};
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::open;
use crate::origin::websocket::sender::Sender;
use crate::semantics::trace::Trace;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake::Endpoint;
use crate::websocket::negotiation::{DeflateContext, DeflatePolicy, WindowBits};

/// `echo`. The handshake itself refuses methods and pages of other origins.
pub const ENDPOINT: LabEndpoint = LabEndpoint {
    name: "echo",
    methods: Methods::Any,
    users: Users::Clients,
    most_content: None,
    answer,
};

/// The echo compresses as the client wants, with the largest windows.
const ECHO_ENDPOINT: Endpoint<'static> = Endpoint {
    protocols: &[],
    deflate: Some(DeflatePolicy {
        server: LARGEST,
        client: LARGEST,
    }),
    takes_forwarded_host: false,
};

const LARGEST: DeflateContext = DeflateContext {
    is_taken_over: true,
    window: WindowBits::MAX,
};

fn answer(visit: &Visit<'_>, origin: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    let wants_plain = visit.query.choice("compress", &[("no", true)], false)?;
    let endpoint = Endpoint {
        deflate: ECHO_ENDPOINT.deflate.filter(|_| !wants_plain),
        ..ECHO_ENDPOINT
    };
    Ok(open(visit.request, origin, endpoint, Echo, trace))
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
