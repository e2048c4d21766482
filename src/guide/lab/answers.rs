//! What responses of the lab have in common (RFC 9110 section 15).

use crate::guide::content::{self, Then};
use crate::guide::fault::Fault;
use crate::guide::plain::{self, JSON, TEXT, described};
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::body::{Body, Source, Stored};
use crate::site::budget::Charge;
use crate::site::held::HeldBytes;
use crate::site::storage::Storage;

/// The longest form that an endpoint takes. A form has a few short values.
pub const LONGEST_FORM: u64 = 4 * 1024;

/// Seconds after which to try again if the lab is full.
const RETRY_AFTER: u64 = 5;

/// A 200 that the lab was asked for.
pub fn ok() -> Response {
    Response::new(Status::Ok, Reason::OwnPage(OwnPageReason::Lab))
}

/// The response to a request that an endpoint cannot do.
pub fn refused(fault: Fault, trace: &mut Trace) -> Response {
    plain::refused(fault, OwnPageReason::LabRefused, RETRY_AFTER, trace)
}

/// The answer with data in JSON.
pub fn json(content: String) -> Answer {
    let response = described(ok(), JSON).field("Cache-Control", "no-store");
    Answer::Ready(response.body(Body::of(content.into_bytes())))
}

/// The response with content for which memory was charged.
pub fn held(bytes: Vec<u8>, media_type: &'static str, mut charge: Charge) -> Response {
    charge.resize_anyway(bytes.len() as u64);
    let stored = Stored::Memory(HeldBytes::new(Storage::of(bytes), charge));
    let body = Body::One(stored.slice(0, stored.len()));
    described(ok(), media_type)
        .field("Cache-Control", "no-store")
        .body(body)
}

/// The response with text that a source produces.
pub fn made(response: Response, source: impl Source + 'static) -> Response {
    let response = described(response, TEXT).field("Cache-Control", "no-store");
    response.body(Body::Source(Box::new(source)))
}

/// The answer that `then` makes from the content of the request.
pub fn with_content(origin: &Origin, then: Then) -> Answer {
    content::with_content(origin, then, refused)
}
