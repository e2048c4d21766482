//! Answers a request without a socket, and records every step of the decision.
//!
//! The parser, the checks, the rules, the files and the writer of heads are those of the server. The
//! rest differs:
//!
//! - No connection exists. So TLS, deadlines, the limit of connections and a shutdown have no effect.
//! - The client has the address 127.0.0.1, and only the service of the site answers.
//! - The request has no body: it is answered as if the body had been read or discarded.
//! - No handler is asked before the site.
//! - The caches are empty, and nothing else uses the server.

use std::sync::Arc;

use crate::http1::parse::{self, RequestHead};
use crate::net::config::Config;
use crate::net::context::Context;
use crate::net::listener::Service;
use crate::net::mailbox::{ConnectionWakers, Mailbox};
use crate::net::open::{open_guard, open_ids, open_sites};
use crate::net::protocol::dispatch::{
    self, ConnectionFacts, Dispatched, RequestFacts, checked, client_of, dispatch, request_of,
};
use crate::net::protocol::reply::{sends_content, write_head};
use crate::net::request_ids::id_of;
use crate::net::settings::Settings;
use crate::net::start_error::StartError;
use crate::observe::client::Client;
use crate::observe::log::Log;
use crate::observe::request_id::RequestId;
use crate::origin::answer::poll;
use crate::origin::handler::Polled;
use crate::origin::reason::Reason;
use crate::origin::refuse::{error, unanswered};
use crate::origin::request::{Content, PlainText, RequestBody};
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::{Step, Trace};

use mio::Token;

/// The response to a request, and why it is so.
#[derive(Debug)]
pub struct Explanation {
    /// The status of the response.
    pub status: Status,
    /// The head of the response. A server would send the same, except for the date, fields that
    /// depend on TLS, and random values such as a boundary or the id of the request.
    pub head: Vec<u8>,
    /// How many bytes of content follow the head. `None` if the length is unknown.
    pub content: Option<u64>,
    /// The steps of the decision.
    pub steps: Vec<Step>,
}

/// Answers `request`, a complete head, as a server with this configuration would without TLS. If the
/// root cannot be opened, returns the error.
pub fn explain(config: Config, request: &[u8]) -> Result<Explanation, StartError> {
    let sites = open_sites(&config)?;
    let system = |fault| StartError::System("a poller", fault);
    let (mailbox, _) = Mailbox::new(Arc::default()).map_err(system)?;
    let guard = open_guard(&config, None)?;
    let settings = Settings {
        guard,
        ids: open_ids(&config)?,
        ..Settings::new(config, sites, Arc::default())
    };
    let mut context = Context::new(&settings, Log::off().handle(), mailbox.wakes());
    let now = &context.now;
    context.origins.begin_turn(now.date, now.instant);
    context.trace = Trace::watched();
    let mut id = None;
    let (response, facts) = answer(request, &mut context, &mut id);
    let id = id.or_else(|| context.observer.new_id());
    let id = id.as_ref().map(RequestId::as_bytes);
    let status = response.status;
    let mut head = Vec::new();
    let common = context.common(false, id);
    let trace = &mut context.trace;
    let (framing, _) = write_head(&response, facts, None, &common, &mut head, trace);
    let has_content = sends_content(framing, facts);
    let body = response.body.filter(|_| has_content);
    Ok(Explanation {
        status,
        head,
        content: body.map_or(Some(0), |body| body.length()),
        steps: context.trace.steps().to_vec(),
    })
}

/// The response, and what writing it needs. `id` becomes that of the request, if it has one.
fn answer(
    bytes: &[u8],
    context: &mut Context,
    id: &mut Option<RequestId>,
) -> (Response, RequestFacts) {
    let mut lines = std::mem::take(&mut context.lines);
    let mut state = parse::ParseState::default();
    match parse::request_head(bytes, &mut state, &mut lines, &context.head_limits) {
        Ok(Some(head)) => answer_head(&head, context, id),
        // The command line passes a complete head.
        Ok(None) => (incomplete(), RequestFacts::of_refused(None)),
        Err(fault) => {
            let facts = RequestFacts::of_refused(dispatch::method_of(bytes));
            let (limits, trace) = (&context.head_limits, &mut context.trace);
            let rules = context.origins.rules();
            (dispatch::refused_head(fault, limits, rules, trace), facts)
        }
    }
}

fn answer_head(
    head: &RequestHead<'_>,
    context: &mut Context,
    id: &mut Option<RequestId>,
) -> (Response, RequestFacts) {
    let connection = ConnectionFacts {
        service: Service::Site,
        is_secure: false,
        peer: [127, 0, 0, 1].into(),
        https_port: 0,
        max_body: context.limits.max_body,
    };
    let mut facts = RequestFacts::of(head);
    let (hosts, proxies) = (&context.hosts, &context.proxies);
    let (rules, trace) = (context.origins.rules(), &mut context.trace);
    let forwarded = proxies.forwarding(connection.peer, &head.fields);
    *id = id_of(
        connection.peer,
        &head.fields,
        proxies,
        &mut context.observer,
    );
    let received = match checked(head, forwarded, connection, hosts, rules, trace) {
        Ok(received) => received,
        Err(response) => return (*response, facts.refused()),
    };
    let mut client = Client::at((connection.peer, 0).into());
    client.note_forwarded(client_of(&forwarded));
    let wakers = ConnectionWakers::new(&context.wakes, Token(0));
    let now = &context.now;
    let mut request = request_of(&received, &client, hosts, &PlainText, now, &wakers, false);
    let trace = &mut context.trace;
    let origin = context.origins.of_noted(received.head.host, trace);
    let mut answer = match dispatch(&request, connection, &mut facts, origin, trace) {
        Dispatched::Answered(answer, body) => {
            facts.leaves_body |= !body.is_done();
            answer
        }
        // The server would read and discard the body first. There is none to read here.
        Dispatched::BodyFirst(_) => dispatch::answer(&request, connection, origin, trace),
    };
    loop {
        let mut responder = match answer.made() {
            Ok((response, _)) => return (response, facts),
            Err(responder) => responder,
        };
        answer = loop {
            match poll(&mut *responder, &request, &mut NoBody, origin, trace) {
                Polled::Done(answer) => break answer,
                Polled::More | Polled::NeedsContent | Polled::Interim(_) => {}
                // Nobody waits for the response, so the time comes at once.
                Polled::WaitUntil(at) => request.instant = request.instant.max(at),
                // Only other threads wake somebody, and there are none here.
                Polled::WaitForWake | Polled::WaitForDisk(_) => {
                    return (unanswered(), facts);
                }
            }
        };
    }
}

/// The body of an explained request, which is always empty.
struct NoBody;

impl RequestBody for NoBody {
    fn pull(&mut self) -> Content<'_> {
        Content::End
    }
}

fn incomplete() -> Response {
    error(Status::BadRequest, Reason::Incomplete)
}
