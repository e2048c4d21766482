//! Writes a response to the outbox: its head and, if it is small, its content (RFC 9110 section 9.3.2).

use crate::http1::framing::{Framing, framing};
use crate::http1::persistence::{Ending, Persistence, ServerState, decide};
use crate::http1::response::{Common, write};
use crate::net::context::Context;
use crate::net::protocol::dispatch::RequestFacts;
use crate::net::pump::Pump;
use crate::net::stream::Stream;
use crate::origin::response::Response;
use crate::semantics::trace::{Clause, Step, Trace, clause};
use crate::site::body::{Body, Piece};

/// Content up to this size in bytes joins its head in the outbox. A copy costs less than another
/// system call, and pipelined responses are sent together.
const INLINE: usize = 16 * 1024;

/// The result of writing a response.
pub struct Reply {
    /// The bytes of the head in the outbox.
    pub head: usize,
    /// The bytes of content behind them.
    pub written: u64,
    /// The content that remains to be sent.
    pub rest: Option<Pump>,
    /// Whether the connection stays open.
    pub persistence: Persistence,
}

/// Writes the head of a response and, if it is small, its content. `id` is that of the request, if it has one.
pub fn reply(
    response: Response,
    facts: RequestFacts,
    id: Option<&[u8]>,
    stream: &mut Stream<'_>,
    context: &mut Context,
) -> Reply {
    let common = context.common(stream.state.transport.has_session(), id);
    let ending = stream.ending(context);
    let (out, trace) = (stream.outbox.end(), &mut context.trace);
    let start = out.len();
    let (framing, persistence) = write_head(&response, facts, ending, &common, out, trace);
    let mut reply = Reply {
        head: out.len() - start,
        written: 0,
        rest: None,
        persistence,
    };
    let has_content = sends_content(framing, facts);
    let Some(body) = response.body.filter(|_| has_content) else {
        return reply;
    };
    match small(&body) {
        Some(bytes) => {
            out.extend_from_slice(bytes);
            reply.written = bytes.len() as u64;
        }
        None => reply.rest = Some(Pump::new(body, framing)),
    }
    reply
}

/// Whether the content of a response is sent: a response to HEAD is only the head.
pub fn sends_content(framing: Framing, facts: RequestFacts) -> bool {
    !facts.is_head && framing != Framing::NoBody
}

const HEAD_ONLY: &str = "the method is HEAD, so the head is sent without the body";
const NOT_MADE: &str = "the method is HEAD, so the body is not made, and its length is not known";
const HEAD: Clause = clause!("RFC 9110 section 9.3.2", "sends_content");

/// Writes the head of a response, and decides whether the connection stays open: as the request
/// `wants`, unless the server has a reason to close it. A 101 is neither kept open nor closed. It is
/// the only exit for responses, so it adds the step that decides the status if there is none yet.
pub fn write_head(
    response: &Response,
    facts: RequestFacts,
    ending: Option<Ending>,
    common: &Common<'_>,
    out: &mut Vec<u8>,
    trace: &mut Trace,
) -> (Framing, Persistence) {
    trace.conclude(response.status, || response.reason.step());
    let framing = match &response.body {
        _ if !response.status.has_content() => Framing::NoBody,
        Some(Body::Omitted) => Framing::NoBody,
        None => Framing::Length(0),
        Some(body) => framing(body.length(), facts.version),
    };
    let is_omitted = matches!(response.body, Some(Body::Omitted));
    if !is_omitted {
        trace.note(|| framing.step(response.status));
    }
    if facts.is_head {
        trace.note(|| Step::new(HEAD, if is_omitted { NOT_MADE } else { HEAD_ONLY }));
    }
    let server = ServerState {
        leaves_body: facts.leaves_body,
        ending,
    };
    let persistence = decide(facts.wants, framing, server, trace);
    let (status, fields, version) = (response.status, &response.fields, facts.version);
    write(out, status, fields, framing, persistence, version, common);
    (framing, persistence)
}

/// The bytes of a body that is small and in memory.
fn small(body: &Body) -> Option<&[u8]> {
    match body {
        Body::One(Piece::Bytes(bytes)) if bytes.len() <= INLINE => Some(bytes),
        Body::One(Piece::Memory(bytes, range)) if range.len() <= INLINE => bytes.get(range.clone()),
        _ => None,
    }
}
