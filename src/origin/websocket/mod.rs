//! WebSocket connections (RFC 6455, RFC 7692 section 5): how one is opened, and how it runs.
//!
//! The layer [`websocket`](crate::websocket) has the rules. Here they meet a request and the bytes of a
//! connection.

// What uses a connection.
pub mod application;
// A connection.
mod connection;
// What the server sends on it.
pub mod sender;

use crate::http1::framing::BodyLength;
use crate::http1::version::Version;
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::Reason;
use crate::origin::refuse::error_page_for;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::origin::websocket::application::Application;
use crate::origin::websocket::connection::WebSocketConnection;
use crate::semantics::field::FieldName;
use crate::semantics::host::Host;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Step, Trace, clause};
use crate::site::compress::CoderMemory;
use crate::websocket::deflate::{COMPRESSOR, DECOMPRESSOR};
use crate::websocket::handshake::{Endpoint, HandshakeRequest, accept};
use crate::websocket::same_origin::{OwnOrigin, forwarded_hosts};

const NO_CODERS: Clause = clause!("RFC 7692 section 5", "open_with");

/// Opens a WebSocket connection for `application`, or refuses the request.
pub fn open<A: Application + 'static>(
    request: &Request<'_>,
    origin: &mut Origin,
    endpoint: Endpoint<'_>,
    application: A,
    trace: &mut Trace,
) -> Answer {
    open_with(request, origin, endpoint, |_| application, trace)
}

/// The same for the application that `make` makes once the handshake is accepted. It gets the sub-protocol, if the handshake
/// has chosen one (RFC 6455 section 1.9).
pub fn open_with<A: Application + 'static>(
    request: &Request<'_>,
    origin: &mut Origin,
    mut endpoint: Endpoint<'_>,
    make: impl FnOnce(Option<&'static str>) -> A,
    trace: &mut Trace,
) -> Answer {
    let mut coders = None;
    if endpoint.deflate.is_some() {
        coders = charge_coders(request, origin);
        if coders.is_none() && offers_extensions(request) {
            let finding = "there is too little memory for coders, so no compression is accepted";
            trace.note(|| Step::new(NO_CODERS, finding));
            endpoint.deflate = None;
        }
    }
    let forwarded = match endpoint.takes_forwarded_host {
        true => forwarded_origins(request),
        false => Vec::new(),
    };
    match accept(&handshake_request(request, &forwarded), &endpoint, trace) {
        Ok(accepted) => {
            let response = Response::new(Status::SwitchingProtocols, Reason::WebSocket);
            let connection = WebSocketConnection::new(
                make(accepted.protocol),
                accepted.deflate.zip(coders),
                request.instant,
            );
            Answer::Upgrade(
                response.with_fields(accepted.fields()),
                Box::new(connection),
            )
        }
        Err(refusal) => {
            let reason = Reason::WebSocketRefused(refusal);
            let status = refusal.status();
            trace.note(|| reason.step().leads_to(status));
            let response = Response::new(status, reason).with_fields(refusal.fields());
            Answer::Ready(error_page_for(response))
        }
    }
}

/// The memory that connections leave to the coders of responses, in bytes.
const LEFT_TO_RESPONSES: u64 = 8 * 1024 * 1024;

/// The memory of the coders of a connection, if the client may want compression and there is enough.
fn charge_coders(request: &Request<'_>, origin: &mut Origin) -> Option<CoderMemory> {
    let site = &mut origin.site;
    let network = request.client.network();
    let bytes = COMPRESSOR + DECOMPRESSOR;
    let charge = || {
        site.memory
            .charge_lasting_coders(network, bytes, LEFT_TO_RESPONSES)
    };
    offers_extensions(request).then(charge).flatten()
}

fn offers_extensions(request: &Request<'_>) -> bool {
    (request.fields()).contains(FieldName::SecWebSocketExtensions)
}

/// The origins that proxies have forwarded. The server does not answer for the other hosts.
fn forwarded_origins<'a>(request: &Request<'a>) -> Vec<OwnOrigin<'a>> {
    let hosts = forwarded_hosts(request.fields()).filter_map(Host::parse);
    let hosts = hosts.filter(|host| request.hosts.admit_forwarded(*host));
    let origins = hosts.map(|host| OwnOrigin {
        // A proxy that uses TLS itself does not forward what came without.
        is_secure: request.is_secure,
        host: host.name,
        port: host.port,
    });
    origins.collect()
}

fn handshake_request<'a>(
    request: &Request<'a>,
    forwarded: &'a [OwnOrigin<'a>],
) -> HandshakeRequest<'a> {
    HandshakeRequest {
        method: request.method(),
        is_http10: request.head.head.version == Version::Http10,
        has_body: !matches!(request.head.length, BodyLength::None | BodyLength::Known(0)),
        own: request.own_origin(),
        forwarded,
        fields: *request.fields(),
    }
}
