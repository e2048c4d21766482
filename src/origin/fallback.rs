//! What is sent if a path names nothing (RFC 9110 sections 12.1 and 15.5): the page of an application that routes in
//! the browser, or an error page of the site.
//!
//! ```text
//! 404.html   in the root: the page for 404
//! 50x.html   in the root: the page for 5xx
//! ```

use std::rc::Rc;

use crate::origin::attempt::{Attempt, Facts, Obstacle};
use crate::origin::handler::Origin;
use crate::origin::refuse::{error_with_document, without_page};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::navigation::{Navigation, navigation};
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

/// The page for 5xx.
const SERVER_ERROR: &str = "50x.html";

/// What the choice between the application's page and 404 depends on.
pub(super) const NAVIGATION: Dimensions =
    Dimensions::of(Dimension::MediaType).and(Dimensions::of(Dimension::Destination));

/// What `--spa` says about a path that names nothing.
pub(super) enum Application {
    /// The option is not set.
    Off,
    /// The page of the application is sent: the file, and the path that names it.
    Page(Rc<StoredFile>, Vec<u8>),
    /// The request does not open a page.
    NotOpened(Navigation),
    /// The page of the application, which this path names, does not exist.
    Absent(String),
}

/// The page of the application, if the request opens a page. A missing script, for example, does not.
pub(super) fn application(attempt: &mut Attempt<'_>) -> Result<Application, Obstacle> {
    let (request, path) = (attempt.request, attempt.path.as_bytes());
    let Some(name) = attempt.origin.site.options().spa.clone() else {
        return Ok(Application::Off);
    };
    match navigation(request.method(), request.fields(), path) {
        Navigation::Page => {}
        other => return Ok(Application::NotOpened(other)),
    }
    Ok(match attempt.find_file(name.as_bytes())? {
        Some(file) => Application::Page(file, name.into_bytes()),
        None => Application::Absent(name),
    })
}

impl Application {
    /// Adds the step that says why the page of the application is sent, or why not.
    pub(super) fn note(&self, attempt: &mut Attempt<'_>) {
        let (request, path) = (attempt.request, attempt.path);
        let field = |name| Evidence::Value(Quote::of_field(request.fields(), name));
        attempt.trace.note_if(|| {
            let (finding, evidence) = match self {
                Application::Off => return None,
                Application::Page(_, name) => (
                    "the request is for a page, so the page of --spa is sent",
                    Evidence::Value(Quote::of(name)),
                ),
                Application::Absent(name) => (
                    "the page of --spa does not exist",
                    Evidence::Value(Quote::of(name.as_bytes())),
                ),
                Application::NotOpened(Navigation::Destination) => (
                    "Sec-Fetch-Dest says that the request is not for a page, so that of --spa is not sent",
                    field(FieldName::SecFetchDest),
                ),
                Application::NotOpened(Navigation::Refused) => (
                    "Accept does not accept a page, so that of --spa is not sent",
                    field(FieldName::Accept),
                ),
                Application::NotOpened(Navigation::Extension) => (
                    "the path has an extension, and Accept does not name text/html, so the page of --spa \
                     is not sent",
                    Evidence::Value(Quote::of(path.as_bytes())),
                ),
                Application::NotOpened(Navigation::Method | Navigation::Page) => (
                    "the method opens no page, so that of --spa is not sent",
                    Evidence::None,
                ),
            };
            Some(Step::new(SPA, finding).with(evidence).unless(self.edit()))
        });
    }

    /// What would make the choice turn out otherwise.
    fn edit(&self) -> Option<Edit> {
        Some(match self {
            Application::Off | Application::Absent(_) => return None,
            Application::Page(..) => {
                Edit::set(FieldName::SecFetchDest, "empty").leads_to(Status::NotFound)
            }
            Application::NotOpened(Navigation::Destination) => {
                Edit::remove(FieldName::SecFetchDest)
            }
            Application::NotOpened(Navigation::Refused | Navigation::Extension) => {
                Edit::set(FieldName::Accept, "text/html")
            }
            Application::NotOpened(Navigation::Method | Navigation::Page) => Edit::method("GET"),
        })
    }
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

/// Replaces docroot's page for an error of the server by that of the site, if there is one. The server may be
/// short of something, so it does not wait for the page.
pub(super) fn use_server_error_document(
    origin: &mut Origin,
    request: &Request<'_>,
    response: &mut Response,
    trace: &mut Trace,
) {
    if !response.has_own_page || response.status.code() < 500 {
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
