//! Responses of the administrative pages.

use crate::guide::plain;
use crate::origin::embedded::{Embedded, answer_made};
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::Reason;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// Seconds after which a refused client may ask again.
const RETRY_AFTER: u64 = 2;

/// Why there is nothing to look at or to change.
pub(super) const NOT_RUNNING: &str = "the server has not started, or has ended";

/// The response of a server that is about to shut down.
pub(super) fn leaving(trace: &mut Trace) -> Response {
    unavailable(Reason::Draining, "shutting down\n".to_owned(), trace)
}

/// 503 with a text that says why.
pub(super) fn unavailable(reason: Reason, why: String, trace: &mut Trace) -> Response {
    let status = Status::ServiceUnavailable;
    trace.note(|| reason.step().leads_to(status));
    let response = Response::new(status, reason).field("Retry-After", RETRY_AFTER);
    plain::text(response, why)
}

/// The response with a text, as a representation.
pub(super) fn text_page(
    content: impl Into<Vec<u8>>,
    request: &Request<'_>,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Answer {
    answer_made(origin, request, page(content), trace)
}

/// A text as a representation.
pub(super) fn page(content: impl Into<Vec<u8>>) -> Embedded {
    Embedded::made(content.into(), plain::TEXT, plain::POLICY)
}
