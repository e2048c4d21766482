//! Responses of the server's own pages that are text or data and no page (RFC 9110 section 8).

use crate::guide::fault::Fault;
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::{Evidence, Quote, Trace};
use crate::site::body::Body;

/// The media type of most responses.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// That of data.
pub const JSON: &str = "application/json";

/// A response is no page: it loads nothing and runs nothing.
pub(super) const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// The response with text as its content. Nobody caches it.
pub fn text(response: Response, content: impl Into<Vec<u8>>) -> Response {
    let response = described(response, TEXT).field("Cache-Control", "no-store");
    response.body(Body::of(content.into()))
}

/// The response of a page that cannot do what it was asked for. If the fault passes, it says after how many seconds.
pub fn refused(
    fault: Fault,
    reason: OwnPageReason,
    retry_after: u64,
    trace: &mut Trace,
) -> Response {
    let (status, reason) = (fault.status, Reason::OwnPage(reason));
    trace.note(|| {
        let why = Evidence::Value(Quote::of(fault.text.as_bytes()));
        reason.step().with(why).leads_to(status)
    });
    let response = Response::new(status, reason);
    let response = match status {
        Status::ServiceUnavailable | Status::TooManyRequests => {
            response.field("Retry-After", retry_after)
        }
        _ => response,
    };
    text(response, fault.text + "\n")
}

/// The response with a media type, and with what keeps other origins and scripts away.
pub fn described(response: Response, media_type: &'static str) -> Response {
    response
        .field("Content-Type", media_type)
        .field("X-Content-Type-Options", "nosniff")
        .field("Cross-Origin-Resource-Policy", "same-origin")
        .field("Content-Security-Policy", POLICY)
}
