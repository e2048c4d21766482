//! The lab (`--lab`): endpoints that make the features of HTTP visible, and that clients can be tried against
//! (RFC 9110 section 15).
//!
//! ```text
//! /.docroot/lab/               a page with a form, an explanation and a command for each endpoint
//! /.docroot/lab/status/404     a response with this status
//! /.docroot/lab/chunked        a chunked body
//! ...                          see ENDPOINTS
//! ```
//!
//! Only this machine may use it, and clients that the operator allows. Pages of other origins may not: an endpoint
//! tells something of the client, or acts for it. What changes something needs POST, so a link or an image cannot
//! do it. Every size, time and number has a limit, and nothing is stored.

// What endpoints have in common.
mod answers;
mod query;
mod sequence;
mod timed;
mod visit;
// The index page.
mod page;
// The endpoints.
mod cache;
mod chat;
mod chunked;
mod clear;
mod cookies;
mod echo;
mod ends;
mod events;
mod hints;
mod negotiate;
mod received;
pub mod room;
mod slow;
mod status;
mod tls;
mod upload;

use crate::guide::access::Access;
use crate::guide::own_path::{below, in_site};
use crate::guide::places::Places;
use crate::guide::plain;
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::methods;
use crate::origin::moved::redirect;
use crate::origin::reason::Reason;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::prefix::Prefix;
use page::IndexPage;
use query::Query;
use room::Room;
use visit::{Endpoint, Methods, Users, Visit};

/// The path of the lab, below the prefix of the site.
const PATH: &str = ".docroot/lab/";

/// What the lab has, beside its page. A name that ends with a slash stands for every path below it.
const ENDPOINTS: &[Endpoint] = &[
    status::ENDPOINT,
    status::FORM,
    cookies::ENDPOINT,
    received::ENDPOINT,
    received::JSON,
    chunked::ENDPOINT,
    slow::ENDPOINT,
    ends::ENDPOINT,
    upload::ENDPOINT,
    negotiate::ENDPOINT,
    cache::ENDPOINT,
    clear::ENDPOINT,
    hints::ENDPOINT,
    hints::CONTINUE,
    events::ENDPOINT,
    echo::ENDPOINT,
    chat::ENDPOINT,
    chat::MESSAGE,
    tls::ENDPOINT,
];

/// How many responses may take their time on a worker. Each costs a connection and a few hundred bytes, so this is
/// for a class of pupils and not for a load test.
const MOST_SLOW: usize = 64;

/// How many of them may be those of one address, so that others get one too.
const MOST_SLOW_OF_ADDRESS: usize = 32;

/// Answers requests for the lab.
pub struct Lab {
    /// The path of the lab.
    path: Box<str>,
    page: IndexPage,
    access: Access,
    room: Room,
    places: Places,
}

impl Lab {
    /// For the site with this prefix. Its clients meet in `room`.
    pub fn new(room: Room, prefix: &Prefix, access: Access) -> Lab {
        Lab {
            path: in_site(prefix, PATH),
            page: IndexPage::new(),
            access,
            room,
            places: Places::new(MOST_SLOW, MOST_SLOW_OF_ADDRESS),
        }
    }

    fn use_endpoint(
        &self,
        endpoint: &Endpoint,
        rest: &str,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Answer {
        let refusal = match endpoint.users {
            Users::OwnPages => self.access.refusal_to_pages(request, trace),
            Users::Clients => self.access.refusal(request, trace),
        };
        if let Some(refusal) = refusal {
            return Answer::Ready(refusal);
        }
        if request.method() == Some(Method::Options) && endpoint.methods != Methods::Any {
            let response = Response::new(Status::NoContent, Reason::ResourceOptions);
            return Answer::Ready(response.field("Allow", endpoint.methods.allow()));
        }
        if !endpoint.methods.admit(request.method()) {
            return Answer::Ready(refused_method(endpoint.methods, request, trace));
        }
        let visit = Visit {
            request,
            query: Query::of(request.query()),
            rest,
            room: &self.room,
            places: &self.places,
        };
        (endpoint.answer)(&visit, origin, trace)
            .unwrap_or_else(|fault| Answer::Ready(answers::refused(fault, trace)))
    }
}

impl Handler for Lab {
    fn is_of_server(&self) -> bool {
        true
    }

    fn takes_content(&self, request: &Request<'_>) -> Option<u64> {
        let (endpoint, _) = endpoint(below(&self.path, request)?)?;
        let is_taken = endpoint.methods.admit(request.method());
        endpoint.most_content.filter(|_| is_taken)
    }

    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let path = request.head.target.path()?;
        if self.path.as_bytes().strip_suffix(b"/") == Some(path) {
            let (location, reason) = ("lab/".into(), Reason::DirectoryWithoutSlash);
            return Some(Answer::Ready(redirect(request, location, reason, trace)));
        }
        let name = below(&self.path, request)?;
        if let Some(file) = self.page.file(name, request) {
            let refusal = self.access.refusal(request, trace);
            return Some(match refusal {
                Some(refusal) => Answer::Ready(refusal),
                None => file.answer(PATH, request, origin, trace),
            });
        }
        let (endpoint, rest) = endpoint(name)?;
        Some(self.use_endpoint(endpoint, rest, request, origin, trace))
    }
}

/// The endpoint with this name, and what follows the name.
fn endpoint(name: &str) -> Option<(&'static Endpoint, &str)> {
    ENDPOINTS.iter().find_map(|endpoint| {
        let rest = name.strip_prefix(endpoint.name)?;
        let is_whole = rest.is_empty() || endpoint.name.ends_with('/');
        is_whole.then_some((endpoint, rest))
    })
}

/// 405, or 501 for a method that nobody knows (RFC 9110 section 9.1).
fn refused_method(methods: Methods, request: &Request<'_>, trace: &mut Trace) -> Response {
    let allow = methods.allow();
    let (status, reason) = methods::refusal(request, &allow, trace);
    let text = format!("Use one of these methods: {allow}\n");
    let response = Response::new(status, reason).field("Allow", allow);
    plain::text(response, text)
}
