//! Decides what follows a request head: a refusal, an answer, or reading the body first (RFC 9112
//! sections 2.2, 3.2 and 6.3, RFC 9110 sections 7.2, 7.4 and 10.1.1).
//!
//! This file uses no socket, so `docroot explain` can answer a request without one.

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

/// The facts of a request that writing its response needs.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts {
    /// The protocol version of the client.
    pub version: Version,
    /// Whether only the head is sent (RFC 9110 section 9.3.2).
    pub is_head: bool,
    /// Whether the client wants to keep the connection open.
    pub wants: Persistence,
    /// Whether the server leaves part of the request body unread.
    pub leaves_body: bool,
    /// Whether the client still waits for 100 (Continue) before it sends the body.
    pub expects_continue: bool,
}

/// The facts of a connection that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFacts {
    /// The service that answers.
    pub service: Service,
    /// Whether the connection uses TLS.
    pub is_secure: bool,
    /// The port to which clients of the plain port are redirected.
    pub https_port: u16,
    /// The most bytes of a body that the server discards to keep the connection open.
    pub max_body: u64,
}

/// What follows the head of a request.
pub enum Dispatched {
    /// The answer, and the body that its responder may pull.
    Answered(Answer, BodyReader),
    /// The body must be discarded before the request is answered.
    BodyFirst(BodyReader),
}

impl RequestFacts {
    /// The facts of a request with this head.
    pub fn of(head: &RequestHead<'_>) -> RequestFacts {
        RequestFacts {
            version: head.version,
            is_head: head.known == Some(Method::Head),
            wants: persistence(head.version, &head.fields),
            leaves_body: false,
            expects_continue: false,
        }
    }

    /// The facts of a request that was refused before its head was parsed. `method` is the one that
    /// arrived, if it is known.
    pub fn of_refused(method: Option<Method>) -> RequestFacts {
        RequestFacts {
            version: Version::Http11,
            is_head: method == Some(Method::Head),
            wants: Persistence::Close(CloseReason::NotUnderstood),
            leaves_body: false,
            expects_continue: false,
        }
    }

    /// The same facts, but the connection closes because the request was refused.
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

/// The response to a malformed request.
pub fn refused(fault: MessageError, trace: &mut Trace) -> Response {
    trace.note(|| Step::new(fault.clause(), fault.text()).leads_to(fault.status()));
    error(fault.status(), Reason::Message(fault))
}

/// Adds the target, the host and the framing to the trace.
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
        Some(host) => Step::new(host::CLAUSE, "the request names a host")
            .with(Evidence::Value(Quote::of(host.name))),
        None => Step::new(host::CLAUSE, "the request names no host"),
    });
    trace.note(|| {
        Step::new(
            framing::CLAUSE,
            match checked.length {
                BodyLength::None => "the request has no body",
                BodyLength::Known(_) => "Content-Length gives the length of the body",
                BodyLength::Chunked => "the last chunk ends the body",
            },
        )
    });
}

/// The request that handlers and the site see.
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

/// Answers a request, or decides to discard its body first. If the client waits for 100 (Continue)
/// and the answer does not need the body, the client gets the final response at once. The client may
/// or may not send the body then, so the connection closes (RFC 9110 section 10.1.1).
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

/// Answers a request. Its body has been discarded, or the responder pulls it.
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
