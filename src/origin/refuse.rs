//! Responses to errors (RFC 9110 sections 15.5, 15.6 and 12.5.3). Invariant: they reveal nothing
//! about the machine, such as a path on disk.

use crate::origin::pages::{
    CONTENT_TYPE, ERROR_PAGE_POLICY, ERROR_PAGE_POLICY_WITH_RELOAD, Links, Place, RESOURCE_POLICY,
    add_place, codings_page, error_page, redirect_page,
};
use crate::origin::reason::Reason;
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::field_section::{FieldSection, FieldValue};
use crate::semantics::rules::ASK_FIRST;
use crate::semantics::status::Status;
use crate::semantics::variant::Dimensions;
use crate::site::body::{Body, Piece, Stored};
use crate::site::disk_error::{DiskError, Told};
use crate::site::file::StoredFile;
use crate::site::options::SiteOptions;
use crate::site::reload_script;

/// The name of the field that says what a page may load and run.
pub(super) const POLICY: &str = "Content-Security-Policy";

/// An error with its page.
pub fn error(status: Status, reason: Reason) -> Response {
    error_page_for(Response::new(status, reason))
}

/// The response of a server with a bug: there should be another one.
pub fn unanswered() -> Response {
    error(Status::InternalServerError, Reason::Unanswered)
}

/// An error in the head of a request with this target, which the page names if it is a path.
pub fn error_in_head(status: Status, reason: Reason, target: &[u8]) -> Response {
    let mut response = error(status, reason);
    if let Some(target) = target.strip_prefix(b"/") {
        let path = target.split(|&byte| byte == b'?').next();
        let path = path.unwrap_or_default();
        let links = Links::None;
        add_place_to(&mut response, Place { path, links });
    }
    response
}

/// Adds the page that explains `response`. Its fields follow those that `response` has.
pub(super) fn error_page_for(response: Response) -> Response {
    let (status, detail) = (response.status, response.reason.for_client());
    let fields = response.fields.fields();
    let target = fields.iter().find(|(name, _)| *name == "Location");
    let page = match target {
        Some((_, FieldValue::Text(target))) => redirect_page(status, &detail, target),
        _ => error_page(status, &detail),
    };
    error_with_page(response, page)
}

/// Adds to the page of docroot about an error, if it is one, the path that it is about.
pub(super) fn add_place_to(response: &mut Response, place: Place<'_>) {
    if response.has_own_page
        && let Some(Body::One(Piece::Bytes(page))) = &mut response.body
    {
        add_place(page, place);
    }
}

/// Adds a page of docroot.
pub(super) fn error_with_page(response: Response, page: Vec<u8>) -> Response {
    let response = Response {
        has_own_page: true,
        ..with_error_fields(response)
    };
    let response = response
        .field("Content-Type", CONTENT_TYPE)
        .field(POLICY, ERROR_PAGE_POLICY)
        .field("X-Content-Type-Options", "nosniff")
        .body(Body::of(page));
    match response.status {
        // The field would also forbid a foreign page to embed the file behind the redirect.
        Status::MovedPermanently
        | Status::Found
        | Status::TemporaryRedirect
        | Status::PermanentRedirect => response,
        _ => response.field("Cross-Origin-Resource-Policy", RESOURCE_POLICY),
    }
}

/// Adds the script of live reload to an error page of docroot for the path `raw`, if the page can load it. The page
/// then reloads when the file exists. A 401 page gets no script: the script may need the password too, and the browser
/// would ask again.
pub(super) fn add_reload_script(
    options: &SiteOptions,
    raw: Option<&[u8]>,
    response: &mut Response,
) {
    if options.live_reload
        && response.has_own_page
        && response.status != Status::Unauthorized
        && raw.is_some_and(|raw| reload_script::loads_beside(options, raw))
        && let Some(Body::One(Piece::Bytes(page))) = &mut response.body
    {
        (response.fields).replace(POLICY, ERROR_PAGE_POLICY, ERROR_PAGE_POLICY_WITH_RELOAD);
        let element = reload_script::element(None) + "\n";
        page.extend_from_slice(element.as_bytes());
    }
}

/// Adds a page of the site. It is sent whole and uncoded, without validators: the status says that it is not
/// what was asked for.
pub(super) fn error_with_document(
    response: Response,
    page: &StoredFile,
    content: &Stored,
) -> Response {
    with_error_fields(response)
        .field("Content-Type", page.media_type.value.to_string())
        .field("X-Content-Type-Options", "nosniff")
        .body(Body::One(content.slice(0, content.len())))
}

/// The error without the page of docroot, so that another one can be added.
pub(super) fn without_page(response: Response) -> Response {
    let mut fields = FieldSection::default();
    let all = response.fields.fields().iter();
    for (name, value) in all.filter(|(name, _)| *name == "Vary") {
        fields.push(name, value.clone());
    }
    Response {
        fields,
        body: None,
        has_own_page: false,
        ..response
    }
}

/// Adds the fields that every error has.
fn with_error_fields(response: Response) -> Response {
    let response = match response.status {
        // All causes pass soon: load ends as responses end, and a restart takes a moment.
        Status::ServiceUnavailable => response.field("Retry-After", RETRY_AFTER),
        _ => response,
    };
    // Browsers keep a 301 for good, and a 404 for a while. A file may come to this path.
    response.field("Cache-Control", ASK_FIRST)
}

/// Seconds after which a refused client may retry (RFC 9110 section 10.2.3).
const RETRY_AFTER: &str = "2";

/// The response if the site has no file to send.
pub(super) fn disk_error(fault: DiskError) -> Response {
    error_page_for(disk_refusal(fault))
}

/// The same without a page.
pub(super) fn disk_refusal(fault: DiskError) -> Response {
    let status = match fault.told() {
        Told::Absent => Status::NotFound,
        Told::Forbidden => Status::Forbidden,
        Told::Unavailable => Status::ServiceUnavailable,
        Told::Failed => Status::InternalServerError,
    };
    Response::new(status, Reason::Disk(fault))
}

/// 400 for a request without TLS on a TLS port. It is plain text: it is not a page of the site.
pub fn plain_text() -> Response {
    const TEXT: &[u8] = b"This port speaks HTTPS. Use an address that begins with https://\n";
    with_error_fields(Response::new(Status::BadRequest, Reason::PlainText))
        .field("Content-Type", "text/plain; charset=utf-8")
        .field("Cross-Origin-Resource-Policy", RESOURCE_POLICY)
        .field("X-Content-Type-Options", "nosniff")
        .body(Body::of(TEXT.to_vec()))
}

/// The response with `Vary` for these dimensions, if there are any (section 12.5.5).
pub(super) fn varying(response: Response, dimensions: Dimensions) -> Response {
    match dimensions.is_empty() {
        true => response,
        false => response.field("Vary", dimensions.vary()),
    }
}

/// 406 (RFC 9110 section 12.5.3): the client refuses every coding that the server could send. These are
/// `available`, and `dimensions` are how the representations differ.
pub(super) fn not_acceptable(available: &[Coding], dimensions: Dimensions) -> Response {
    let reason = Reason::CodingNotAcceptable;
    let page = codings_page(&reason.for_client(), available);
    let response = Response::new(Status::NotAcceptable, reason);
    error_with_page(varying(response, dimensions), page)
}
