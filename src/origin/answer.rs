//! How a request is answered: handlers first, then the method, the target and the resource (RFC
//! 9110 sections 7.1, 9, 13.2.1 and 15).
//!
//! If `a` is a directory, `GET /a/` sends its index file and `GET /a` redirects to `/a/`. `BREW /a`
//! is 501.

use std::borrow::Cow;
use std::rc::Rc;

use crate::origin::applied_rules::{Ruled, finish};
use crate::origin::archive::{self, Wanted, answer_archive};
use crate::origin::attempt::{Attempt, Attempted, Facts, Obstacle};
#[cfg(feature = "auth")]
use crate::origin::auth::login::login;
use crate::origin::auth::needed::{Needed, needed};
#[cfg(not(feature = "auth"))]
use crate::origin::auth::no_login::login;
use crate::origin::cors;
use crate::origin::disk_wait::{How, answer_or_wait};
use crate::origin::download::with_disposition;
use crate::origin::fallback::{
    Application, NAVIGATION, NOT_FOUND, application, document, use_server_error_document,
};
use crate::origin::file::{Chosen, answer_file};
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::listing::ListingJob;
use crate::origin::methods::{options, refused_method};
use crate::origin::moved::{
    redirect, redirect_by_rule, redirect_to_normalised, redirect_to_root, redirect_to_slash,
};
use crate::origin::negotiate::{self, Outcome, Rank, Wants, bases, negotiate};
use crate::origin::of_server::of_server;
use crate::origin::place::add_place;
use crate::origin::reason::Reason;
use crate::origin::refuse::{
    add_reload_script, disk_refusal, error, error_page_for, error_with_document, varying,
};
use crate::origin::represent::Extra;
use crate::origin::request::{Request, RequestBody};
use crate::origin::resource::{Resource, resource};
use crate::origin::response::Response;
use crate::origin::variants::Sought;
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::method::Method;
use crate::semantics::navigation::has_extension;
use crate::semantics::precondition;
use crate::semantics::status::Status;
use crate::semantics::trace::{Evidence, Quote, Step, Trace};
use crate::semantics::variant::Dimensions;
use crate::site::disk_error::DiskError;
use crate::site::path::{self, PathError, SitePath};
use crate::site::prefix::Prefix;
use crate::site::resolve;

/// Answers a request, or returns the responder that will.
pub fn answer(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Answer {
    let mut answer = match refused_address(origin, request, trace) {
        Some(response) => Answer::Ready(response),
        None => answer_protected(origin, request, trace),
    };
    complete(origin, request, &mut answer, trace);
    answer
}

/// Answers a request with a handler alone. Without one, the response is 404.
pub fn answer_without_site(
    origin: &mut Origin,
    request: &Request<'_>,
    trace: &mut Trace,
) -> Answer {
    let answer = ask_handlers(origin, request, trace);
    answer.unwrap_or_else(|| {
        let reason = Reason::Disk(DiskError::NotFound);
        Answer::Ready(error(Status::NotFound, reason))
    })
}

/// Answers a request if it needs no password, or if its user may read the path. Otherwise, finds out who
/// the user is. Nothing was looked up on the disk before, so the refusal does not tell which paths exist.
fn answer_protected(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Answer {
    match needed(origin, request, trace) {
        Needed::Nothing => {}
        Needed::Password => return login(origin, request, answer_protected, trace),
        Needed::OtherUser(refusal) => return Answer::Ready(refusal),
    }
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

/// Polls the responder that makes an answer.
pub fn poll(
    responder: &mut dyn Responder,
    request: &Request<'_>,
    body: &mut dyn RequestBody,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Polled {
    let mut polled = responder.poll(request, body, origin, trace);
    if let Polled::Done(answer) = &mut polled {
        complete(origin, request, answer, trace);
    }
    polled
}

/// Makes the changes that do not depend on how a response was made.
fn complete(origin: &mut Origin, request: &Request<'_>, answer: &mut Answer, trace: &mut Trace) {
    if let Answer::Ready(response) = answer {
        use_server_error_document(origin, request, response, trace);
        add_place(origin, request, response);
        add_reload_script(origin.site.options(), request.head.target.path(), response);
        finish(origin, request, response, trace);
    }
}

fn answer_site(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Answer {
    if let Some(response) = refused_method(request, trace) {
        return Answer::Ready(response);
    }
    if let Some(response) = cors::preflight(&origin.rules.cors, request, trace) {
        return Answer::Ready(response);
    }
    let Some(raw) = request.head.target.path() else {
        return Answer::Ready(options(Reason::ServerOptions, trace));
    };
    let mut decoded = std::mem::take(&mut origin.decoded);
    let answer = match origin.site.options().prefix.decode(raw, &mut decoded) {
        Ok(path) => {
            note_path(raw, path, &origin.site.options().prefix, trace);
            answer_or_wait(origin, request, path, HOW, trace)
        }
        Err(fault) => Answer::Ready(
            redirect_to_normalised(request, raw, fault, trace)
                .or_else(|| redirect_to_root(request, raw, fault, trace))
                .unwrap_or_else(|| refused_path(raw, fault, &origin.site.options().prefix, trace)),
        ),
    };
    origin.decoded = decoded;
    answer
}

/// RFC 9110 section 15.5.4: the response to a client whose address is not allowed. It is the same for
/// every request.
fn refused_address(origin: &Origin, request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
    let address = request.client.address().ip();
    let is_admitted = origin.rules.addresses.admits(address, trace);
    (!is_admitted).then(|| error(Status::Forbidden, Reason::AddressNotAllowed))
}

/// Asks the handlers in their order.
fn ask_handlers(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Option<Answer> {
    let handlers = Rc::clone(&origin.handlers);
    let mut handlers = handlers.iter();
    handlers.find_map(|handler| {
        let answer = handler.answer(request, origin, trace)?;
        Some(match handler.is_of_server() {
            true => of_server(answer),
            false => answer,
        })
    })
}

const HOW: How = How {
    answers: answer_path,
    refuses: refuse_path,
    asks: ask_for_password,
    reads: read_variants,
};

fn read_variants(
    origin: &mut Origin,
    request: &Request<'_>,
    sought: Sought,
    facts: Facts,
) -> Answer {
    let job = ListingJob::of_variants(origin, request, sought, facts, HOW);
    Answer::Later(Box::new(job))
}

fn ask_for_password(origin: &mut Origin, request: &Request<'_>, trace: &mut Trace) -> Answer {
    login(origin, request, answer_protected, trace)
}

/// Answers a request for a path.
fn answer_path(attempt: &mut Attempt<'_>) -> Attempted {
    if let Some(response) = redirect_by_rule(attempt) {
        return Ok(Answer::Ready(response));
    }
    let resource = resource(attempt)?;
    note_resource(attempt, &resource);
    if matches!(resource, Resource::File(..) | Resource::Directory)
        && let Some(wanted) = archive::wanted(attempt)
    {
        return Ok(match wanted {
            Wanted::Archive(format) => answer_archive(attempt, format),
            Wanted::UnknownFormat(response) => Answer::Ready(response),
        });
    }
    let dimensions = match attempt.origin.site.options().negotiate {
        true => match choose(attempt, &resource)? {
            Choice::Answer(answer) => return Ok(answer),
            Choice::None(dimensions) => dimensions,
        },
        false => Dimensions::NONE,
    };
    answer_resource(attempt, resource, dimensions)
}

/// What came of choosing among representations.
enum Choice {
    /// The answer with one of them.
    Answer(Answer),
    /// There is none that this client wants. Another client may be sent one, so the responses for the path
    /// differ in these ways.
    None(Dimensions),
}

/// Chooses among the representations of a resource.
fn choose(attempt: &mut Attempt<'_>, resource: &Resource<'_>) -> Result<Choice, Obstacle> {
    let options = attempt.origin.site.options();
    let bases = bases(resource, attempt.path.as_bytes(), options);
    if bases.is_empty() {
        return Ok(Choice::None(Dimensions::NONE));
    }
    let all = bases.iter().map(|base| negotiate::dimensions(base));
    let dimensions = all.fold(Dimensions::NONE, Dimensions::and);
    let wants = Wants::of(attempt.request);
    let mut outcome = Outcome::None;
    for base in &bases {
        let next = negotiate(attempt, &wants, base, resource.file())?;
        if next.rank() > outcome.rank() {
            outcome = next;
        }
        if outcome.rank() == Rank::Acceptable {
            break;
        }
    }
    let answer = answer_negotiated(attempt, outcome, dimensions)?;
    Ok(answer.map_or(Choice::None(dimensions), Choice::Answer))
}

/// Answers a request for what its path names.
fn answer_resource(
    attempt: &mut Attempt<'_>,
    resource: Resource<'_>,
    dimensions: Dimensions,
) -> Attempted {
    let (request, path) = (attempt.request, attempt.path);
    let has_listing = attempt.origin.site.options().listing;
    match resource {
        Resource::Directory if path.is_directory() && !has_listing => {
            let refusal = Response::new(Status::NotFound, Reason::ListingOff);
            answer_absent(attempt, refusal, dimensions)
        }
        Resource::File(..) | Resource::Directory | Resource::Elsewhere(_)
            if request.method() == Some(Method::Options) =>
        {
            let response = options(Reason::ResourceOptions, attempt.trace);
            Ok(Answer::Ready(response))
        }
        Resource::File(file, name) => {
            let chosen = Chosen {
                extra: with_disposition(Extra::default(), request, &file, attempt.trace),
                ruled: path.as_bytes().into(),
                file,
                name,
            };
            answer_file(attempt, chosen)
        }
        Resource::Directory if !path.is_directory() => {
            let response = redirect_to_slash(request, path, attempt.trace);
            Ok(Answer::Ready(varying(response, dimensions)))
        }
        Resource::Directory => {
            let job = ListingJob::new(attempt.origin, request, path, dimensions, HOW);
            Ok(Answer::Later(Box::new(job)))
        }
        Resource::Elsewhere(reference) => {
            let response = redirect(request, reference, Reason::CleanUrl, attempt.trace);
            Ok(Answer::Ready(response))
        }
        Resource::None(fault) => answer_absent(attempt, disk_refusal(fault), dimensions),
    }
}

/// Answers a request with what was chosen among representations, if there is any. They differ in these
/// `dimensions`.
fn answer_negotiated(
    attempt: &mut Attempt<'_>,
    outcome: Outcome,
    dimensions: Dimensions,
) -> Result<Option<Answer>, Obstacle> {
    let request = attempt.request;
    Ok(Some(match outcome {
        Outcome::None => return Ok(None),
        _ if request.method() == Some(Method::Options) => {
            Answer::Ready(options(Reason::ResourceOptions, attempt.trace))
        }
        Outcome::File(negotiated) => {
            let location = negotiate::location(attempt, &negotiated.file)?;
            let extra = negotiate::extra(&negotiated, request, location, dimensions, attempt.trace);
            let chosen = Chosen {
                extra: with_disposition(extra, request, &negotiated.file, attempt.trace),
                name: Cow::Owned(negotiated.file.path.to_vec()),
                file: negotiated.file,
                ruled: attempt.path.as_bytes().into(),
            };
            answer_file(attempt, chosen)?
        }
        Outcome::NoneAcceptable(sought, variants) => {
            Answer::Ready(variants.response(&sought, dimensions))
        }
    }))
}

/// Answers a request for a path that names nothing, with the page of an application, the site's page for
/// 404, or docroot's own page. `refusal` has no page yet, and `dimensions` are ways in which the responses
/// for this path differ.
fn answer_absent(
    attempt: &mut Attempt<'_>,
    refusal: Response,
    dimensions: Dimensions,
) -> Attempted {
    let (request, path) = (attempt.request, attempt.path.as_bytes());
    if refusal.status != Status::NotFound {
        note_absent(attempt.path, &refusal, true, attempt.trace);
        let refusal = varying(refusal, dimensions);
        return Ok(Answer::Ready(error_page_for(refusal)));
    }
    let dimensions = match attempt.origin.site.options().spa {
        Some(_) => dimensions.and(NAVIGATION),
        None => dimensions,
    };
    let application = application(attempt)?;
    let is_refused = !matches!(application, Application::Page(..));
    note_absent(attempt.path, &refusal, is_refused, attempt.trace);
    application.note(attempt);
    if let Application::Page(file, name) = application {
        if request.method() == Some(Method::Options) {
            let response = options(Reason::ResourceOptions, attempt.trace);
            return Ok(Answer::Ready(varying(response, dimensions)));
        }
        let chosen = Chosen {
            ruled: Ruled {
                path,
                // It would name a file, such as a script. What caches may do with that is not for the page.
                is_of_other_content: has_extension(path),
            },
            extra: Extra {
                dimensions,
                ..Extra::default()
            },
            file,
            name: Cow::Owned(name),
        };
        return answer_file(attempt, chosen);
    }
    let refusal = varying(refusal, dimensions);
    Ok(Answer::Ready(match document(attempt, NOT_FOUND)? {
        Some((page, content)) => error_with_document(refusal, &page, &content),
        None => error_page_for(refusal),
    }))
}

fn refuse_path(path: SitePath<'_>, fault: DiskError, trace: &mut Trace) -> Answer {
    let refusal = disk_refusal(fault);
    note_absent(path, &refusal, true, trace);
    Answer::Ready(error_page_for(refusal))
}

fn note_path(raw: &[u8], path: SitePath<'_>, prefix: &Prefix, trace: &mut Trace) {
    trace.note(|| {
        let name = match path.as_bytes() {
            b"" => Quote::of(b"the root of the site"),
            name => Quote::of(name),
        };
        let finding = match prefix.as_bytes() {
            b"" => "the path is decoded once",
            _ => "the path is decoded once, without the part that --prefix names",
        };
        let malformed = Edit::target(NewTarget::Longer("%"));
        Step::new(path::CLAUSE, finding)
            .with(Evidence::Became(Quote::of(raw), name))
            .unless(malformed)
    });
}

fn refused_path(raw: &[u8], fault: PathError, prefix: &Prefix, trace: &mut Trace) -> Response {
    let status = match fault.is_absence() {
        true => Status::NotFound,
        false => Status::BadRequest,
    };
    trace.note(|| {
        let step = Reason::Path(fault).step();
        let step = match fault {
            PathError::OutsidePrefix => {
                let own = [b"/", prefix.as_bytes()].concat();
                step.compared(Quote::of(raw), Quote::of(&own), "--prefix")
            }
            _ => step.with(Evidence::Value(Quote::of(raw))),
        };
        step.leads_to(status)
    });
    error(status, Reason::Path(fault))
}

fn note_resource(attempt: &mut Attempt<'_>, resource: &Resource<'_>) {
    let path = attempt.path;
    let is_only = attempt.origin.site.options().only.is_some();
    attempt.trace.note_if(|| {
        let finding = match resource {
            Resource::File(..) if path.is_directory() && is_only => "only this file is served",
            Resource::File(..) if path.is_directory() => "the directory has an index file",
            Resource::File(_, name) if **name != *path.as_bytes() => {
                "--clean-urls gives the page this path"
            }
            Resource::File(..) => "the path names a file",
            Resource::Directory if path.is_directory() => {
                "the path names a directory without an index file"
            }
            Resource::Directory => "the path names a directory",
            Resource::Elsewhere(_) | Resource::None(_) => return None,
        };
        let absent = Edit::target(NewTarget::Longer("-absent"));
        let step = Step::new(resolve::CLAUSE, finding).unless(absent);
        Some(match resource {
            Resource::File(file, _) => step.with(Evidence::Value(Quote::of(&file.path))),
            _ => step,
        })
    });
}

/// Adds the step that says why `path` names no file that can be served: it does not exist, it may not be
/// read, or the disk failed. If the client is sent a page all the same, this does not decide the status.
fn note_absent(path: SitePath<'_>, refusal: &Response, is_refused: bool, trace: &mut Trace) {
    trace.note_if(|| {
        let Reason::Disk(_) = refusal.reason else {
            return None;
        };
        let name = Evidence::Value(Quote::of(path.as_bytes()));
        let step = refusal.reason.step().with(name);
        Some(match is_refused {
            true => step.leads_to(refusal.status),
            false => step,
        })
    });
}
