//! The responses that carry no resource: an error, its page, and nothing of the machine.

use crate::origin::pages::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, error_page};
use crate::origin::reason::Reason;
use crate::origin::request::{Circumstances, Request};
use crate::origin::response::{Response, ResponseWriter};
use crate::semantics::status::Status;
use crate::site::root::DiskError;

/// An error's response: its page, and nothing of the machine.
pub fn error(
    out: &mut Vec<u8>,
    circumstances: Circumstances,
    status: Status,
    reason: Reason,
) -> Response {
    error_fields(
        ResponseWriter::begin(out, circumstances, status, reason),
        status,
        reason,
    )
}

/// The same behind fields that are already there.
pub fn error_fields(writer: ResponseWriter<'_>, status: Status, reason: Reason) -> Response {
    let writer = match status {
        // Both pass soon: descriptors come back as answers end, and a restart takes a moment.
        Status::ServiceUnavailable => writer.field("Retry-After", RETRY_AFTER),
        _ => writer,
    };
    writer
        .field("Content-Type", CONTENT_TYPE.as_bytes())
        .field(
            "Content-Security-Policy",
            CONTENT_SECURITY_POLICY.as_bytes(),
        )
        .field("X-Content-Type-Options", b"nosniff")
        .bytes(error_page(status, &reason.to_string()))
}

/// Seconds after which a client turned away may come back (RFC 9110 section 10.2.3).
const RETRY_AFTER: &[u8] = b"2";

/// The response for what the disk refused.
pub fn disk_error(out: &mut Vec<u8>, circumstances: Circumstances, fault: DiskError) -> Response {
    let status = match fault {
        DiskError::NotFound => Status::NotFound,
        DiskError::Forbidden => Status::Forbidden,
        DiskError::Exhausted | DiskError::Unsteady => Status::ServiceUnavailable,
        DiskError::Failed => Status::InternalServerError,
    };
    error(out, circumstances, status, Reason::Disk(fault))
}

/// 400 for a request that came to the TLS port without TLS. It is text, because no browser shows it
/// as a page of the site.
pub fn plain_text(out: &mut Vec<u8>, circumstances: Circumstances) -> Response {
    let (status, reason) = (Status::BadRequest, Reason::PlainText);
    ResponseWriter::begin(out, circumstances, status, reason)
        .field("Content-Type", b"text/plain; charset=utf-8")
        .field("X-Content-Type-Options", b"nosniff")
        .bytes(b"This port speaks HTTPS: the address must begin with https://\n".to_vec())
}

/// 406 (RFC 9110 section 12.5.3): no coding that the client accepts. `vary` is what it depended on.
pub fn not_acceptable(request: &Request<'_>, vary: &str, out: &mut Vec<u8>) -> Response {
    let (status, reason) = (Status::NotAcceptable, Reason::CodingNotAcceptable);
    let writer = ResponseWriter::begin(out, request.circumstances, status, reason);
    error_fields(writer.field("Vary", vary.as_bytes()), status, reason)
}
