//! The methods that resources allow (RFC 9110 section 9.1).

use crate::origin::reason::Reason;
use crate::origin::refuse::{error, error_page_for};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::edit::Edit;
use crate::semantics::method::ALLOW;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};

const METHOD: Clause = clause!("RFC 9110 section 9.1", "refused_method");

/// RFC 9110 section 9.1: 501 if the server does not know the method, 405 if it does not allow it.
pub(super) fn refused_method(request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
    let (status, reason) = match request.method() {
        Some(method) if method.is_allowed() => {
            let name = method.token().as_bytes();
            trace.note(|| {
                // Only OPTIONS may have another target than a path.
                let has_path = request.head.target.path().is_some();
                let delete = Edit::method("DELETE").leads_to(Status::MethodNotAllowed);
                let step = Step::new(METHOD, "the method is allowed");
                step.with(Evidence::Value(Quote::of(name)))
                    .unless(has_path.then_some(delete))
            });
            return None;
        }
        _ => refusal(request, ALLOW, trace),
    };
    Some(match status {
        Status::MethodNotAllowed => not_allowed(),
        _ => error(status, reason),
    })
}

/// The status and the reason for a method that is none of those that a resource allows.
pub fn refusal(request: &Request<'_>, allow: &str, trace: &mut Trace) -> (Status, Reason) {
    let (status, reason) = match request.method() {
        Some(_) => (Status::MethodNotAllowed, Reason::MethodNotAllowed),
        None => (Status::NotImplemented, Reason::UnknownMethod),
    };
    trace.note(|| {
        let sent = Quote::of(request.head.head.method);
        let own = Quote::of(allow.as_bytes());
        let step = reason.step().compared(sent, own, "case-sensitive");
        step.leads_to(status)
    });
    (status, reason)
}

/// RFC 9110 section 15.5.6: a 405 response lists the allowed methods.
pub(super) fn not_allowed() -> Response {
    let (status, reason) = (Status::MethodNotAllowed, Reason::MethodNotAllowed);
    error_page_for(Response::new(status, reason).field("Allow", ALLOW))
}

/// RFC 9110 section 9.3.7: the response to OPTIONS lists the allowed methods.
pub(super) fn options(reason: Reason, trace: &mut Trace) -> Response {
    trace.note(|| reason.step().leads_to(Status::NoContent));
    Response::new(Status::NoContent, reason)
        .field("Allow", ALLOW)
        .field("Accept-Ranges", "bytes")
}
