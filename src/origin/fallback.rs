//! What is sent if a path names nothing (RFC 9110 sections 12.1 and 15.5): the page of an application that routes in
//! the browser, or an error page of the site.
//!
//! ```text
//! 404.html   in the root: the page for 404
//! 50x.html   in the root: the page for 500 and 503
//! ```

use std::rc::Rc;

use crate::origin::auth::needed::may_read;
use crate::origin::disk_wait::{Facts, Obstacle, caller};
use crate::origin::handler::{Answer, Origin};
use crate::origin::refuse::error_with_document;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::navigation::is_navigation;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::variant::{Dimension, vary};
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::LookupError;

const SPA: Clause = clause!("RFC 9110 section 12.1", "application");
const DOCUMENT: Clause = clause!("RFC 9110 section 15.5", "with_document");

/// What the choice between the application's page and 404 depends on.
pub(super) const NAVIGATION: &[Dimension] = &[Dimension::MediaType, Dimension::Destination];

/// The page of an application, and the path that names it.
pub(super) type ApplicationPage = (Rc<StoredFile>, Vec<u8>);

/// The page of the application, if the request opens a page and is not for a script, say, that is missing.
pub(super) fn application(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    facts: &Facts,
    trace: &mut Trace,
) -> Result<Option<ApplicationPage>, Obstacle> {
    let Some(name) = origin.site.options().spa.clone() else {
        return Ok(None);
    };
    if !is_navigation(request.method(), request.fields(), path.as_bytes()) {
        return Ok(None);
    }
    let found = facts.find(origin, SitePath::of_decoded(name.as_bytes()))?;
    Ok(match found {
        Ok(Found::File(file)) => {
            trace.note(|| {
                let finding =
                    "nothing has this path, and the request opens a page of the application";
                Step::new(SPA, finding).with(Evidence::Value(Quote::of(name.as_bytes())))
            });
            Some((file, name.into_bytes()))
        }
        Ok(Found::Directory) | Err(_) => None,
    })
}

/// An error response with the page that the site has for its status, or as it is.
pub(super) fn with_document(
    origin: &mut Origin,
    request: &Request<'_>,
    response: Response,
    facts: &mut Facts,
    trace: &mut Trace,
) -> Result<Answer, Obstacle> {
    let mut response = response;
    if response.status == Status::NotFound && origin.site.options().spa.is_some() {
        response = response.field("Vary", vary(NAVIGATION));
    }
    let (name, may_wait) = match response.status {
        Status::NotFound => ("404.html", true),
        // The server may be short of something. It does not wait for this page too.
        Status::InternalServerError | Status::ServiceUnavailable => ("50x.html", false),
        _ => return Ok(Answer::Ready(response)),
    };
    if origin.site.options().only.is_some() {
        return Ok(Answer::Ready(response));
    }
    let found = match facts.find(origin, SitePath::of_decoded(name.as_bytes())) {
        // Whoever may not read the page gets the one of the server.
        Ok(Ok(Found::File(file))) if !may_read(&origin.rules, request, &file.path) => {
            return Ok(Answer::Ready(response));
        }
        Ok(Ok(Found::File(file))) if !file.is_size_unknown => file,
        Err(obstacle) if may_wait => return Err(obstacle),
        _ => return Ok(Answer::Ready(response)),
    };
    let waker = || request.wakers.waker();
    let opened = facts.take_opened(&found);
    let content = origin.site.content(&found, opened, caller(request, &waker));
    Ok(Answer::Ready(match content {
        Ok(Some(content)) => {
            trace.note(|| {
                let step = Step::new(DOCUMENT, "the site has a page for this status");
                step.with(Evidence::Value(Quote::of(name.as_bytes())))
            });
            error_with_document(response, &found, &content)
        }
        Err(LookupError::WouldWait) if may_wait => {
            return Err(Obstacle::Open(name.as_bytes().into(), found));
        }
        Ok(None) | Err(_) => response,
    }))
}
