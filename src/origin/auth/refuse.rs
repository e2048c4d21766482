//! Responses to requests without the right password. They are the same whether or not the path exists.

#[cfg(feature = "auth")]
use std::time::Duration;

use crate::origin::reason::Reason;
use crate::origin::refuse::error_page_for;
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// RFC 7617 section 2. All protected paths are in one realm, so browsers ask once.
const CHALLENGE: &str = "Basic realm=\"docroot\", charset=\"UTF-8\"";

/// 401 asks for a password, or for another one (RFC 9110 section 15.5.2). A user who may not read the path
/// gets it too, so that a browser lets people give another name.
pub(in crate::origin) fn challenge(reason: Reason, trace: &mut Trace) -> Response {
    let response = refused(Status::Unauthorized, reason, trace);
    error_page_for(response.field("WWW-Authenticate", CHALLENGE))
}

/// 429 for a network that sent many wrong passwords (RFC 6585 section 4).
#[cfg(feature = "auth")]
pub(super) fn too_many_failures(wait: Duration, trace: &mut Trace) -> Response {
    let response = refused(Status::TooManyRequests, Reason::TooManyFailures, trace);
    let seconds = wait.as_millis().div_ceil(1000).to_string();
    error_page_for(response.field("Retry-After", seconds))
}

/// 503 if the password cannot be checked soon. It has `Retry-After` as every 503.
#[cfg(feature = "auth")]
pub(super) fn busy(trace: &mut Trace) -> Response {
    let (status, reason) = (Status::ServiceUnavailable, Reason::PasswordsBusy);
    error_page_for(refused(status, reason, trace))
}

fn refused(status: Status, reason: Reason, trace: &mut Trace) -> Response {
    trace.note(|| reason.step().leads_to(status));
    Response {
        is_protected: true,
        ..Response::new(status, reason)
    }
}
