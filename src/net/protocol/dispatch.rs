//! What a request head leads to: a refusal, an answer, or a body to read first (RFC 9112 sections
//! 2.2, 3.2 and 6.3, RFC 9110 sections 7.2, 7.4 and 10.1.1).
//!
//! Invariant: this module never uses a socket, so a request can be answered without one.

use crate::http1::check::{CheckedHead, check};
use crate::http1::error::Error as MessageError;
use crate::http1::framing::{self, BodyLength};
use crate::http1::host;
use crate::http1::parse::RequestHead;
use crate::http1::persistence::{CloseReason, Persistence, persistence};
use crate::http1::target::{self, Target};
use crate::http1::version::Version;
use crate::net::clock::Now;
use crate::net::listener::Service;
use crate::net::protocol::body::BodyReader;
use crate::observe::client::Client;
use crate::origin::answer;
use crate::origin::handler::{Answer, ContentUse, Origin};
use crate::origin::reason::Reason;
use crate::origin::redirect;
use crate::origin::refuse::error;
use crate::origin::request::{Request, Wakers};
use crate::origin::response::Response;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};

/// What the writer of a response must know about its request.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts {
    /// The version of the request.
    pub version: Version,
    /// Whether the response is sent without content, for HEAD (RFC 9110 section 9.3.2).
    pub is_head: bool,
    /// Whether the request lets the connection be kept.
    pub wants: Persistence,
    /// Whether the body of the request stays unread.
    pub leaves_body: bool,
    /// Whether the client may wait for 100 (Continue) before it sends the body.
    pub expects_continue: bool,
}

/// What a request must know about its connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFacts {
    /// The service that answers.
    pub service: Service,
    /// Whether the connection uses TLS.
    pub is_secure: bool,
    /// The port to which the redirect service sends clients.
    pub https_port: u16,
    /// The longest body that is discarded to keep the connection.
    pub max_body: u64,
}

/// What a request head leads to.
pub enum Dispatched {
    /// The answer, and the body for its responder.
    Answered(Answer, BodyReader),
    /// The body must be read and discarded first.
    BodyFirst(BodyReader),
}

impl RequestFacts {
    /// The facts of a request.
    pub fn of(head: &RequestHead<'_>) -> RequestFacts {
        RequestFacts {
            version: head.version,
            is_head: head.known == Some(Method::Head),
            wants: persistence(head.version, &head.fields),
            leaves_body: false,
            expects_continue: false,
        }
    }

    /// The facts of a request that was not understood. `method` is `None` if it is not known.
    pub fn of_refused(method: Option<Method>) -> RequestFacts {
        RequestFacts {
            version: Version::Http11,
            is_head: method == Some(Method::Head),
            wants: Persistence::Close(CloseReason::NotUnderstood),
            leaves_body: false,
            expects_continue: false,
        }
    }

    /// The same, but the connection ends because the request was not understood.
    pub fn refused(self) -> RequestFacts {
        RequestFacts {
            wants: Persistence::Close(CloseReason::NotUnderstood),
            ..self
        }
    }
}

const SCHEME: Clause = clause!("RFC 9110 section 7.4", "checked");

/// Checks a head. The error is the response that refuses it.
pub fn checked<'a>(
    head: &RequestHead<'a>,
    connection: ConnectionFacts,
    trace: &mut Trace,
) -> Result<CheckedHead<'a>, Response> {
    let checked = check(head).map_err(|fault| refused(fault, trace))?;
    note_head(&checked, trace);
    if connection.service == Service::Site && !checked.target.may_come_in(connection.is_secure) {
        let (status, reason) = (Status::MisdirectedRequest, Reason::Misdirected);
        trace.note(|| Step::new(SCHEME, reason.text()).leads_to(status));
        return Err(error(status, reason));
    }
    Ok(checked)
}

/// The response to a request that is malformed or not supported.
pub fn refused(fault: MessageError, trace: &mut Trace) -> Response {
    trace.note(|| Step::new(fault.clause(), fault.text()).leads_to(fault.status()));
    error(fault.status(), Reason::Message(fault))
}

/// Records the target form, the host and the body length in the trace.
fn note_head(checked: &CheckedHead<'_>, trace: &mut Trace) {
    trace.note(|| {
        let form = match checked.target {
            Target::Origin { .. } => "the target is in origin-form",
            Target::Absolute { .. } => "the target is in absolute-form",
            Target::Authority(_) => "the target is in authority-form",
            Target::Asterisk => "the target is in asterisk-form",
        };
        Step::new(target::CLAUSE, form).with(Evidence::Value(Quote::of(checked.head.target)))
    });
    trace.note(|| match checked.host {
        Some(host) => Step::new(host::CLAUSE, "the request is for a host")
            .with(Evidence::Value(Quote::of(host.name))),
        None => Step::new(host::CLAUSE, "the request does not name a host"),
    });
    trace.note(|| {
        Step::new(
            framing::CLAUSE,
            match checked.length {
                BodyLength::None => "the request has no body",
                BodyLength::Known(_) => "Content-Length says where the body ends",
                BodyLength::Chunked => "the last chunk ends the body",
            },
        )
    });
}

/// Makes the request that the origin and the handlers see.
pub fn request_of<'a>(
    head: &'a CheckedHead<'a>,
    client: &'a Client,
    now: &Now,
    wakers: &'a dyn Wakers,
) -> Request<'a> {
    Request {
        head,
        client,
        now: now.date,
        instant: now.instant,
        wakers,
    }
}

/// Answers a request, or says that its body must be read first.
///
/// If the client waits for 100 (Continue) and its body does not matter, the final status is sent at
/// once. The client may or may not send the body then, so the connection ends (RFC 9110 section
/// 10.1.1).
pub fn dispatch(
    request: &Request<'_>,
    connection: ConnectionFacts,
    facts: &mut RequestFacts,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Dispatched {
    let content_use = match connection.service {
        Service::Site => origin.content_use(request),
        Service::Redirect => ContentUse::Needless,
    };
    let allowance = match content_use {
        ContentUse::Take(most) => most,
        ContentUse::Discard | ContentUse::Needless => connection.max_body,
    };
    let body = BodyReader::new(request.head.length, allowance);
    facts.expects_continue = request.head.expects_continue;
    let is_taken = matches!(content_use, ContentUse::Take(_));
    if is_taken && body.exceeds_allowance() {
        let (status, reason) = (Status::ContentTooLarge, Reason::ContentTooLarge);
        return Dispatched::Answered(Answer::Ready(error(status, reason)), body);
    }
    let is_needless = facts.expects_continue && content_use == ContentUse::Needless;
    match is_taken || body.is_done() || body.exceeds_allowance() || is_needless {
        true => Dispatched::Answered(answer(request, connection, origin, trace), body),
        false => Dispatched::BodyFirst(body),
    }
}

/// Answers a request. Its body was discarded, or is unwanted, or the responder pulls it.
pub fn answer(
    request: &Request<'_>,
    connection: ConnectionFacts,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Answer {
    match connection.service {
        Service::Site => answer::answer(origin, request, trace),
        Service::Redirect => Answer::Ready(redirect::answer(request, connection.https_port)),
    }
}

/// The method of a request that may be incomplete or malformed. It decides whether an error response
/// has a body.
pub fn method_of(received: &[u8]) -> Option<Method> {
    let start = received.iter().position(|byte| !b"\r\n".contains(byte))?;
    let token = received[start..].split(|&byte| byte == b' ').next()?;
    Method::from_token(token)
}
