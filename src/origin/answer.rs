//! How a request is answered: handlers first, then the method, the target and the resource (RFC
//! 9110 sections 7.1, 9, 13.2.1 and 15).
//!
//! If `a` is a directory, `GET /a/` sends its index file and `GET /a` redirects to `/a/`. `BREW /a`
//! is 501.

use std::rc::Rc;

use crate::origin::disk_wait::{How, Known, Obstacle, answer_or_wait};
use crate::origin::file::answer_file;
use crate::origin::handler::{Answer, Origin};
use crate::origin::listing::ListingJob;
use crate::origin::reason::Reason;
use crate::origin::refuse::{disk_error, error, error_at, error_page_for};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::method::{ALLOW, Method};
use crate::semantics::precondition;
use crate::semantics::rules::RuleSet;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::path::{self, PathError, SitePath};
use crate::site::resolve::{self, Found};
use crate::site::root::DiskError;
use crate::text::{append, percent};

/// Answers a request, or returns the responder that will.
pub fn answer(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Answer {
    if let Some(answer) = ask_handlers(origin, request, trace) {
        return answer;
    }
    let answer = answer_site(origin, request, trace);
    if let Answer::Ready(response) = &answer
        && !response.reason.comes_from_representation()
    {
        precondition::note_ignored(request.method(), request.fields(), trace);
    }
    answer
}

fn answer_site(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Answer {
    if let Some(response) = refused_method(request, trace) {
        return Answer::Ready(response);
    }
    let Some(raw) = request.head.target.path() else {
        return Answer::Ready(options(Reason::ServerOptions, trace));
    };
    let mut decoded = std::mem::take(&mut origin.decoded);
    let answer = match SitePath::decode(raw, &mut decoded) {
        Ok(path) => {
            note_path(raw, path, trace);
            answer_or_wait(origin, request, path, HOW, trace)
        }
        Err(fault) => Answer::Ready(
            redirect_to_normalised(request, raw, fault, trace)
                .unwrap_or_else(|| refused_path(raw, fault, trace)),
        ),
    };
    origin.decoded = decoded;
    answer
}

/// Asks the handlers in their order.
fn ask_handlers(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Option<Answer> {
    let handlers = Rc::clone(&origin.handlers);
    let mut handlers = handlers.iter();
    handlers.find_map(|handler| handler.answer(request, origin, trace))
}

const HOW: How = How {
    answers: answer_path,
    refuses: refuse_path,
};

/// Answers a request for a path of which something may be known already.
fn answer_path(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    known: Known,
    trace: &mut Trace,
) -> Result<Answer, Obstacle> {
    let host = request.head.host.map(|host| host.name);
    let rules = origin.rules.matching(host, path.as_bytes());
    let (found, opened) = match known {
        Known::Nothing => (origin.site.find(path)?, None),
        Known::Found(found) => (found, None),
        Known::Open(file, opened) => (Found::File(file), Some(opened)),
    };
    note_found(&found, path, origin.site.options().only.is_some(), trace);
    if request.method() == Some(Method::Options) {
        return Ok(Answer::Ready(options(Reason::ResourceOptions, trace)));
    }
    match found {
        Found::File(file) => answer_file(origin, request, path, file, opened, rules, trace),
        Found::Directory => Ok(answer_directory(origin, request, path, rules, trace)),
    }
}

fn refuse_path(path: SitePath<'_>, fault: DiskError, trace: &mut Trace) -> Answer {
    Answer::Ready(absent(path, fault, trace))
}

fn answer_directory(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    rules: RuleSet,
    trace: &mut Trace,
) -> Answer {
    if !path.is_directory() {
        return Answer::Ready(redirect_to_slash(request, path, trace));
    }
    if !origin.site.options().listing {
        return Answer::Ready(error_at(
            path.as_bytes(),
            Status::NotFound,
            Reason::ListingOff,
        ));
    }
    let job = ListingJob::new(origin, request, path, rules);
    Answer::Later(Box::new(job))
}

const METHOD: Clause = clause!("RFC 9110 section 9.1", "refused_method");

/// RFC 9110 section 9.1: 501 if the server does not know the method, 405 if it does not allow it.
fn refused_method(request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
    let (status, reason) = match request.method() {
        Some(method) if method.is_allowed() => {
            let name = method.token().as_bytes();
            let allowed = || Step::new(METHOD, "the method is allowed");
            trace.note(|| allowed().with(Evidence::Value(Quote::of(name))));
            return None;
        }
        Some(_) => (Status::MethodNotAllowed, Reason::MethodNotAllowed),
        None => (Status::NotImplemented, Reason::UnknownMethod),
    };
    trace.note(|| {
        let sent = Quote::of(request.head.head.method);
        let own = Quote::of(ALLOW.as_bytes());
        let step = Step::new(METHOD, reason.text());
        step.compared(sent, own, "case-sensitive").leads_to(status)
    });
    Some(match status {
        Status::MethodNotAllowed => not_allowed(),
        _ => error(status, reason),
    })
}

/// RFC 9110 section 15.5.6: a 405 response lists the allowed methods.
pub(super) fn not_allowed() -> Response {
    let (status, reason) = (Status::MethodNotAllowed, Reason::MethodNotAllowed);
    error_page_for(Response::new(status, reason).field("Allow", ALLOW))
}

/// RFC 9110 section 9.3.7: the response to OPTIONS lists the allowed methods.
fn options(reason: Reason, trace: &mut Trace) -> Response {
    trace.note(|| reason.step().leads_to(Status::NoContent));
    Response::new(Status::NoContent, reason)
        .field("Allow", ALLOW)
        .field("Accept-Ranges", "bytes")
}

fn note_path(raw: &[u8], path: SitePath<'_>, trace: &mut Trace) {
    trace.note(|| {
        let name = match path.as_bytes() {
            b"" => Quote::of(b"the root of the site"),
            name => Quote::of(name),
        };
        Step::new(path::CLAUSE, "the path is decoded once")
            .with(Evidence::Became(Quote::of(raw), name))
    });
}

fn refused_path(raw: &[u8], fault: PathError, trace: &mut Trace) -> Response {
    let status = match fault.is_absence() {
        true => Status::NotFound,
        false => Status::BadRequest,
    };
    trace.note(|| {
        let step = Reason::Path(fault).step();
        step.with(Evidence::Value(Quote::of(raw))).leads_to(status)
    });
    error(status, Reason::Path(fault))
}

fn note_found(found: &Found, path: SitePath<'_>, is_only: bool, trace: &mut Trace) {
    trace.note(|| match found {
        Found::File(file) => {
            let finding = match path.is_directory() {
                true if is_only => "only this file is served",
                true => "the directory has an index file",
                false => "the path names a file",
            };
            Step::new(resolve::CLAUSE, finding).with(Evidence::Value(Quote::of(&file.path)))
        }
        Found::Directory if path.is_directory() => Step::new(
            resolve::CLAUSE,
            "the path names a directory without an index file",
        ),
        Found::Directory => Step::new(resolve::CLAUSE, "the path names a directory"),
    });
}

/// The response if `path` names no file that can be served: it does not exist, it may not be read,
/// or the disk failed.
fn absent(path: SitePath<'_>, fault: DiskError, trace: &mut Trace) -> Response {
    let response = disk_error(path.as_bytes(), fault);
    trace.note(|| {
        let step = Reason::Disk(fault).step();
        let name = Evidence::Value(Quote::of(path.as_bytes()));
        step.with(name).leads_to(response.status)
    });
    response
}

/// Relative links in a directory's page work only if its URL ends with a slash.
fn redirect_to_slash(request: &Request<'_>, path: SitePath<'_>, trace: &mut Trace) -> Response {
    let name = path.as_bytes().rsplit(|&byte| byte == b'/').next();
    let mut location = Vec::new();
    let name = percent::segment(name.unwrap_or_default());
    append(&mut location, format_args!("{name}/"));
    redirect(request, location, Reason::DirectoryWithoutSlash, trace)
}

/// Many clients send a path as it was typed. If it leads nowhere else than a path without empty segments,
/// `.` and `..`, they are redirected to that one, so that there is one URL for each file.
fn redirect_to_normalised(
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

/// Redirects to a relative reference with the query of the request. It does not begin with a slash, so
/// it cannot name another host, and it works if a proxy has removed a prefix of the path.
fn redirect(
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
    let response = Response::new(status, reason).field("Location", location);
    // Browsers keep a 301 for good, and a file may come to where a directory was.
    error_page_for(response.field("Cache-Control", "no-cache"))
}
