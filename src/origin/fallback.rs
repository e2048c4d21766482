//! What is sent if a path names nothing (RFC 9110 sections 12.1 and 15.5): the page of an application that routes in
//! the browser, or an error page of the site.
//!
//! ```text
//! 404.html   in the root: the page for 404
//! 50x.html   in the root: the page for 500 and 503
//! ```

use std::rc::Rc;

use crate::origin::attempt::{Attempt, Facts, Obstacle};
use crate::origin::handler::Origin;
use crate::origin::refuse::{error_with_document, without_page};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::navigation::is_navigation;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::variant::{Dimension, Dimensions};
use crate::site::body::Stored;
use crate::site::disk_error::LookupError;
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::Found;

const SPA: Clause = clause!("RFC 9110 section 12.1", "application");
const DOCUMENT: Clause = clause!("RFC 9110 section 15.5", "document");

/// The page for 404.
pub(super) const NOT_FOUND: &str = "404.html";

/// The page for 500 and 503.
const SERVER_ERROR: &str = "50x.html";

/// What the choice between the application's page and 404 depends on.
pub(super) const NAVIGATION: Dimensions =
    Dimensions::of(Dimension::MediaType).and(Dimensions::of(Dimension::Destination));

/// The page of an application, and the path that names it.
pub(super) type ApplicationPage = (Rc<StoredFile>, Vec<u8>);

/// The page of the application, if the request opens a page. A missing script, for example, does not.
pub(super) fn application(attempt: &mut Attempt<'_>) -> Result<Option<ApplicationPage>, Obstacle> {
    let (request, path) = (attempt.request, attempt.path.as_bytes());
    let Some(name) = attempt.origin.site.options().spa.clone() else {
        return Ok(None);
    };
    if !is_navigation(request.method(), request.fields(), path) {
        return Ok(None);
    }
    let Some(file) = attempt.find_file(name.as_bytes())? else {
        return Ok(None);
    };
    attempt.trace.note(|| {
        let finding =
            "the path names nothing, and the request is for a page: the page of --spa is sent";
        Step::new(SPA, finding).with(Evidence::Value(Quote::of(name.as_bytes())))
    });
    Ok(Some((file, name.into_bytes())))
}

/// The page that the site has for an error, with its content. `name` is that of the page.
pub(super) fn document(
    attempt: &mut Attempt<'_>,
    name: &str,
) -> Result<Option<(Rc<StoredFile>, Stored)>, Obstacle> {
    if attempt.origin.site.options().only.is_some() {
        return Ok(None);
    }
    let found = match attempt.find(name.as_bytes())? {
        // Whoever may not read the page gets the one of the server.
        Ok(Found::File(file)) if !attempt.may_read(&file.path) => return Ok(None),
        // The page is sent as it is stored, and the client was not asked for its codings.
        Ok(Found::File(file)) if file.stored() != Coding::Identity => return Ok(None),
        Ok(Found::File(file)) if file.length().is_some() => file,
        Ok(_) | Err(_) => return Ok(None),
    };
    let opened = attempt.facts.take_opened(&found);
    let (site, caller) = (&mut attempt.origin.site, attempt.request.caller());
    let content = match site.content(&found, opened, caller) {
        Ok(Some(content)) => content,
        Err(LookupError::WouldWait) => return Err(Obstacle::Open(name.as_bytes().into(), found)),
        Ok(None) | Err(LookupError::Disk(_)) => return Ok(None),
    };
    attempt.trace.note(|| {
        let step = Step::new(DOCUMENT, "the site has a page for this status");
        step.with(Evidence::Value(Quote::of(name.as_bytes())))
    });
    Ok(Some((found, content)))
}

/// Replaces the page of an error of the server by that of the site, if there is one. The server may be short
/// of something, so it does not wait for the page.
pub(super) fn use_server_error_document(
    origin: &mut Origin,
    request: &Request<'_>,
    response: &mut Response,
    trace: &mut Trace,
) {
    if !matches!(
        response.status,
        Status::InternalServerError | Status::ServiceUnavailable
    ) {
        return;
    }
    let mut attempt = Attempt {
        origin,
        request,
        path: SitePath::root(),
        facts: &mut Facts::default(),
        trace,
    };
    if let Ok(Some((page, content))) = document(&mut attempt, SERVER_ERROR) {
        let none = Response::new(response.status, response.reason);
        let bare = without_page(std::mem::replace(response, none));
        *response = error_with_document(bare, &page, &content);
    }
}
