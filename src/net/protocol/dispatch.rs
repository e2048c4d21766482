//! Decides what follows a request head: a refusal, an answer, or reading the body first (RFC 9112
//! sections 3, 6 and 9.3, RFC 9110 sections 7.2, 7.4, 10.1.1, 15.5.14 and 15.5.20).
//!
//! This file uses no socket, so `docroot explain` can answer a request without one.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use crate::http1::allowed_hosts::{self, AllowedHosts};
use crate::http1::check::{CheckedHead, check};
use crate::http1::error::Error as MessageError;
use crate::http1::fault::ParseError;
use crate::http1::framing::BodyLength;
use crate::http1::limits::HeadLimits;
use crate::http1::parse::RequestHead;
use crate::http1::persistence::{CloseReason, Persistence, persistence};
use crate::http1::target::Target;
use crate::http1::version::Version;
use crate::net::clock::Now;
use crate::net::listener::Service;
use crate::net::protocol::body::BodyReader;
use crate::observe::client::Client;
use crate::origin::answer;
use crate::origin::applied_rules::{finish, finish_refusal};
use crate::origin::handler::{Answer, ContentUse, Origin};
use crate::origin::reason::Reason;
use crate::origin::redirect;
use crate::origin::refuse::{error, error_in_head};
use crate::origin::request::{Request, Session};
use crate::origin::response::Response;
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::forwarded::{ForwardedError, Forwarding};
use crate::semantics::host::Host;
use crate::semantics::method::Method;
use crate::semantics::rules::Rules;
use crate::semantics::secrets::{value_without_user_information, without_user_information};
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::disk::Wakers;

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
    /// Whether the client expects 100 (Continue) and has not got it.
    pub expects_continue: bool,
    /// Whether a handler takes the body.
    pub takes_body: bool,
}

/// The facts of a connection that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFacts {
    /// The service that answers.
    pub service: Service,
    /// Whether the connection uses TLS.
    pub is_secure: bool,
    /// The remote address of the socket.
    pub peer: IpAddr,
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
            takes_body: false,
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
            takes_body: false,
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

/// What trusted proxies say of the client of a request, or why that cannot be used.
pub type Forwarded<'a> = Result<Option<Forwarding<'a>>, ForwardedError>;

/// The address of the client, if a proxy has named it.
pub fn client_of(forwarded: &Forwarded<'_>) -> Option<SocketAddr> {
    (*forwarded).ok().flatten()?.client
}

/// The host that a request is for, whatever its faults are, if something else than its field names it.
pub fn other_host<'a>(head: &RequestHead<'a>, forwarded: &Forwarded<'a>) -> Option<Host<'a>> {
    let forwarding = (*forwarded).ok().flatten();
    let in_target = || Target::parse(head.known, head.target).ok()?.host(None);
    forwarding.and_then(|found| found.host).or_else(in_target)
}

/// Checks a head, and whether the server answers for its host. The error is the response that refuses
/// it, with the fields of the operator's rules.
pub fn checked<'a>(
    head: &RequestHead<'a>,
    forwarded: Forwarded<'a>,
    connection: ConnectionFacts,
    hosts: &AllowedHosts,
    rules: &Rules,
    trace: &mut Trace,
) -> Result<Received<'a>, Box<Response>> {
    let received = check_head(head, forwarded, connection, hosts, trace);
    received.map_err(|mut response| {
        if connection.service == Service::Site {
            finish_refusal(rules, &head.fields, &mut response, trace);
        }
        response
    })
}

fn check_head<'a>(
    head: &RequestHead<'a>,
    forwarded: Forwarded<'a>,
    connection: ConnectionFacts,
    hosts: &AllowedHosts,
    trace: &mut Trace,
) -> Result<Received<'a>, Box<Response>> {
    let checked = check(head, trace).map_err(|fault| Box::new(refused(fault, head, trace)))?;
    let forwarding = forwarded.map_err(|fault| Box::new(refused(fault.into(), head, trace)))?;
    let received = received(&checked, forwarding);
    let is_secure = received.is_secure(connection.is_secure);
    if connection.service == Service::Site && !checked.target.may_come_in(is_secure) {
        let target = || Evidence::Value(Quote::of(head.target));
        return Err(Box::new(misdirected(
            Reason::Misdirected,
            target,
            None,
            trace,
        )));
    }
    check_host(head, checked.host, hosts, trace)?;
    if let Some(forwarding) = received.forwarding {
        trace.note(|| forwarding.step(connection.peer));
        // Both hosts must be allowed: a page that has made its own name mean this machine can forward any other.
        if forwarding.host.is_some() {
            check_host(head, forwarding.host, hosts, trace)?;
        }
    }
    Ok(received)
}

/// Whether the server answers for a host.
fn check_host(
    head: &RequestHead<'_>,
    host: Option<Host<'_>>,
    hosts: &AllowedHosts,
    trace: &mut Trace,
) -> Result<(), Box<Response>> {
    let Some(rule) = hosts.rule(head.version, host) else {
        let evidence = || allowed_hosts::evidence(host);
        let (reason, edit) = (Reason::HostNotAllowed, hosts.allowed_edit());
        return Err(Box::new(misdirected(reason, evidence, edit, trace)));
    };
    trace.note(|| rule.step(host));
    Ok(())
}

/// A checked head, and what trusted proxies say of its client.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The head. Its host is the one that the client asked for.
    pub head: CheckedHead<'a>,
    /// What the proxies say, if the peer is one of them.
    pub forwarding: Option<Forwarding<'a>>,
}

impl Received<'_> {
    /// Whether the client uses TLS, on a connection of which this is known.
    pub fn is_secure(&self, connection: bool) -> bool {
        let forwarded = self.forwarding.and_then(|forwarding| forwarding.is_secure);
        forwarded.unwrap_or(connection)
    }
}

/// A checked head with what trusted proxies say of its client.
pub fn received<'a>(head: &CheckedHead<'a>, forwarding: Option<Forwarding<'a>>) -> Received<'a> {
    let host = forwarding.and_then(|forwarding| forwarding.host);
    let head = CheckedHead {
        host: host.or(head.host),
        ..*head
    };
    Received { head, forwarding }
}

/// RFC 9110 section 15.5.20: the response to a request that this server should not have received.
fn misdirected(
    reason: Reason,
    evidence: impl Fn() -> Evidence,
    edit: Option<Edit>,
    trace: &mut Trace,
) -> Response {
    let status = Status::MisdirectedRequest;
    trace.note(|| {
        let step = reason.step().with(evidence()).unless(edit);
        step.leads_to(status)
    });
    error(status, reason)
}

/// The response to a head that cannot be parsed, with the fields of the operator's rules. The step shows
/// the limit that the head exceeds.
pub fn refused_head(
    fault: ParseError,
    limits: &HeadLimits,
    rules: &Rules,
    trace: &mut Trace,
) -> Response {
    let reason = Reason::Message(fault.into());
    trace.note(|| {
        let limit = fault.limit(limits);
        let limit = limit.map_or(Evidence::None, |text| {
            Evidence::Value(Quote::of(text.as_bytes()))
        });
        reason.step().with(limit).leads_to(fault.status())
    });
    let mut response = error(fault.status(), reason);
    finish_refusal(rules, &Fields::default(), &mut response, trace);
    response
}

/// The response to a head that fails a check. The step shows the part of the head that is wrong.
fn refused(fault: MessageError, head: &RequestHead<'_>, trace: &mut Trace) -> Response {
    trace.note(|| {
        let step = Reason::Message(fault).step().leads_to(fault.status());
        let fields = |names: &[FieldName]| Evidence::Value(lines(head, names));
        step.with(match fault {
            MessageError::Target(_) => {
                Evidence::Value(Quote::of(&without_user_information(head.target)))
            }
            MessageError::Host(_) => fields(&[FieldName::Host]),
            MessageError::Framing(_) => {
                fields(&[FieldName::ContentLength, FieldName::TransferEncoding])
            }
            MessageError::Expectation(_) => fields(&[FieldName::Expect]),
            MessageError::Head(_) | MessageError::Chunked(_) | MessageError::Forwarded(_) => {
                Evidence::None
            }
        })
    });
    error_in_head(fault.status(), Reason::Message(fault), head.target)
}

/// The values of these fields, as far as the head has them.
fn lines(head: &RequestHead<'_>, names: &[FieldName]) -> Quote {
    let values = names.iter().flat_map(|&name| {
        let values = head.fields.values(name);
        values.map(move |value| value_without_user_information(name.name().as_bytes(), value))
    });
    let values: Vec<Cow<'_, [u8]>> = values.collect();
    match values.as_slice() {
        [] => Quote::of(b"no field"),
        values => Quote::of(&values.join(&b" and "[..])),
    }
}

/// The request that handlers and the site see. `is_secure`: the connection of its client uses TLS, as far as no field
/// of a trusted proxy says otherwise.
pub fn request_of<'a>(
    received: &'a Received<'a>,
    client: &'a Client,
    hosts: &'a AllowedHosts,
    session: &'a impl Session,
    now: &Now,
    wakers: &'a dyn Wakers,
    is_secure: bool,
) -> Request<'a> {
    Request {
        head: &received.head,
        client,
        hosts,
        is_secure: received.is_secure(is_secure),
        session,
        user: None,
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
        Service::Site | Service::Admin => origin.content_use(request),
        Service::Redirect => ContentUse::Needless,
    };
    let allowance = match content_use {
        ContentUse::Take(most) => most,
        ContentUse::Discard | ContentUse::Needless => connection.max_body,
    };
    let body = BodyReader::new(request.head.length, allowance);
    facts.expects_continue = request.head.expects_continue;
    let is_taken = matches!(content_use, ContentUse::Take(_));
    facts.takes_body = is_taken;
    if is_taken && body.exceeds_allowance() {
        let mut response = origin.content_too_large(request);
        trace.note(|| {
            let step = response.reason.step().leads_to(response.status);
            step.with(against(request.head.length, allowance))
        });
        finish(origin, request, &mut response, trace);
        return Dispatched::Answered(Answer::Ready(response), body);
    }
    let is_needless = facts.expects_continue && content_use == ContentUse::Needless;
    if !is_taken && (facts.expects_continue || !body.is_done()) {
        note_body(request.head, &body, is_needless, allowance, trace);
    }
    match is_taken || body.is_done() || body.exceeds_allowance() || is_needless {
        true => Dispatched::Answered(answer(request, connection, origin, trace), body),
        false => Dispatched::BodyFirst(body),
    }
}

/// Adds the step that says what happens to a body that no handler takes.
fn note_body(
    head: &CheckedHead<'_>,
    body: &BodyReader,
    is_needless: bool,
    allowance: u64,
    trace: &mut Trace,
) {
    const CONTINUE: Clause = clause!("RFC 9110 section 10.1.1", "dispatch");
    const DISCARD: Clause = clause!("RFC 9112 section 9.3", "dispatch");
    trace.note(|| match head.length {
        _ if body.is_done() => Step::new(
            CONTINUE,
            "100 (Continue) is not sent because there is no body to wait for",
        ),
        length if body.exceeds_allowance() && head.expects_continue => {
            let finding = "the body is too long to be read and discarded, so the response is sent \
                           instead of 100 (Continue)";
            Step::new(CONTINUE, finding).with(against(length, allowance))
        }
        length if body.exceeds_allowance() => {
            let step = Step::new(DISCARD, "the body is too long to be read and discarded");
            step.with(against(length, allowance))
        }
        _ if is_needless => Step::new(
            CONTINUE,
            "the response does not depend on the body, so it is sent instead of 100 (Continue)",
        ),
        _ if head.expects_continue => Step::new(
            CONTINUE,
            "100 (Continue) is sent, then the body is read and discarded",
        ),
        _ => Step::new(
            DISCARD,
            "the body is read and discarded because the next request follows it",
        ),
    });
}

/// The length of a body against its maximum.
fn against(length: BodyLength, most: u64) -> Evidence {
    let bytes = |count: u64| Quote::of(format!("{count} bytes").as_bytes());
    Evidence::Compared {
        sent: match length {
            BodyLength::Known(length) => bytes(length),
            BodyLength::None | BodyLength::Chunked => Quote::of(b"an unknown length"),
        },
        own: bytes(most),
        how: "maximum",
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
        Service::Redirect => Answer::Ready(redirect::answer(request, connection.https_port, trace)),
        Service::Admin => answer::answer_without_site(origin, request, trace),
    }
}

/// The method of a request that may be incomplete or malformed. It decides whether an error response
/// has a body.
pub fn method_of(received: &[u8]) -> Option<Method> {
    let start = received.iter().position(|byte| !b"\r\n".contains(byte))?;
    let token = received[start..].split(|&byte| byte == b' ').next()?;
    Method::from_token(token)
}
