//! Redirects: to the URL that the site prefers, and as the operator wants (RFC 9110 section 15.4).

use crate::origin::attempt::Attempt;
use crate::origin::reason::Reason;
use crate::origin::refuse::error_page_for;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::{Evidence, Quote, Step, Trace};
use crate::site::path::{self, PathError, SitePath};
use crate::text::segment::last_segment;
use crate::text::{append, percent};

/// A redirect that the operator wants.
pub(super) fn redirect_by_rule(attempt: &mut Attempt<'_>) -> Option<Response> {
    let query = attempt.request.head.target.query();
    let redirects = &attempt.origin.rules.redirects;
    let found = redirects.find(attempt.path.as_bytes(), query)?;
    let (status, location, reason) = (found.status, found.location, Reason::RedirectRule);
    attempt.trace.note(|| {
        let (pattern, location) = (Quote::of(found.pattern.as_bytes()), Quote::of(&location));
        let step = reason.step().with(Evidence::Became(pattern, location));
        step.leads_to(status)
    });
    Some(redirect_to(status, location, reason))
}

/// Relative links in a directory's page work only if its URL ends with a slash.
pub(super) fn redirect_to_slash(
    request: &Request<'_>,
    path: SitePath<'_>,
    trace: &mut Trace,
) -> Response {
    let name = last_segment(path.as_bytes());
    let mut location = Vec::new();
    let name = percent::segment(name);
    append(&mut location, format_args!("{name}/"));
    redirect(request, location, Reason::DirectoryWithoutSlash, trace)
}

/// Many clients send a path as it was typed. If it leads nowhere else than a path without empty segments,
/// `.` and `..`, they are redirected to that one, so that there is one URL for each file.
pub(super) fn redirect_to_normalised(
    request: &Request<'_>,
    raw: &[u8],
    fault: PathError,
    trace: &mut Trace,
) -> Option<Response> {
    if !matches!(fault, PathError::EmptySegment | PathError::DotSegment) {
        return None;
    }
    let normalised = path::normalised(raw)?;
    // It may still be refused, for example if it has encoded dots.
    SitePath::decode(normalised.path(), &mut Vec::new()).ok()?;
    let reference = normalised.reference();
    let mut location = Vec::new();
    let as_sent = percent::as_sent(&reference);
    append(&mut location, format_args!("{as_sent}"));
    let reason = Reason::PathNotNormalised;
    Some(redirect(request, location, reason, trace))
}

/// A redirect from the prefix of the site to the root of the site.
pub(super) fn redirect_to_root(
    request: &Request<'_>,
    raw: &[u8],
    fault: PathError,
    trace: &mut Trace,
) -> Option<Response> {
    if fault != PathError::PrefixWithoutSlash {
        return None;
    }
    let last = last_segment(raw);
    let mut location = Vec::new();
    // Without it, `a:b/` would be read as a URL of the scheme `a`.
    let start = if last.contains(&b':') { "./" } else { "" };
    let last = percent::as_sent(last);
    append(&mut location, format_args!("{start}{last}/"));
    trace.note(|| {
        let finding = "the path is that of --prefix without the slash at its end";
        Step::new(path::CLAUSE, finding).with(Evidence::Value(Quote::of(raw)))
    });
    let reason = Reason::PrefixWithoutSlash;
    Some(redirect(request, location, reason, trace))
}

/// Redirects to a relative reference with the query of the request. It does not begin with a slash, so
/// it cannot name another host, and it works if a proxy has removed a prefix of the path.
pub fn redirect(
    request: &Request<'_>,
    mut location: Vec<u8>,
    reason: Reason,
    trace: &mut Trace,
) -> Response {
    if let Some(query) = request.head.target.query() {
        append(&mut location, format_args!("?{}", percent::as_sent(query)));
    }
    let status = Status::MovedPermanently;
    trace.note(|| {
        let step = reason.step();
        step.with(Evidence::Value(Quote::of(&location)))
            .leads_to(status)
    });
    redirect_to(status, location, reason)
}

fn redirect_to(status: Status, location: Vec<u8>, reason: Reason) -> Response {
    let response = Response::new(status, reason).field("Location", location);
    error_page_for(response)
}
