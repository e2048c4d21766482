//! One request and its answer, on a connection: the head, a body that is thrown away, a directory
//! that is read.

use crate::http1::error::Error as MessageError;
use crate::http1::expect;
use crate::http1::framing::{self, BodyLength};
use crate::http1::head::INTERIM_CONTINUE;
use crate::http1::host::{self, Host};
use crate::http1::parse::{self, RequestHead};
use crate::http1::persistence::{Persistence, persistence};
use crate::http1::target::Target;
use crate::http1::version::Version;
use crate::net::bench::{Bench, Desk};
use crate::net::buffer::Buffer;
use crate::net::connection::{Closed, Connection, Phase, Service, Step};
use crate::net::deadline::Waiting;
use crate::net::discard::{Discard, Discarded};
use crate::net::kept::Kept;
use crate::net::outbox::OUTBOX_HIGH;
use crate::net::socket::Flushed;
use crate::origin::answer::Answer;
use crate::origin::reason::Reason;
use crate::origin::redirect;
use crate::origin::refuse::error;
use crate::origin::request::{Circumstances, Request};
use crate::origin::response::Response;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::site::content::Progress;
use crate::site::listing::Listing;
use crate::site::root::DiskError;

/// What a request counts towards the budget of a turn beside the bytes it moves.
const REQUEST_COST: u64 = 4 * 1024;

impl Connection {
    /// ReadHead: parse what is there, or wait for more.
    pub(super) fn read_head(&mut self, bench: &mut Bench) -> Step {
        let Bench { inbox, lines, desk } = bench;
        self.skip_empty_line(inbox);
        if desk.outbox.waiting().len() >= OUTBOX_HIGH {
            match self.flush(desk) {
                Ok(Flushed::All) => {}
                Ok(Flushed::Blocked) => return self.wait_to_send(desk),
                Err(_) => return Step::Close(Closed::Reset),
            }
        }
        let unread = inbox.waiting();
        match parse::request_head(unread, &mut self.scanned, lines, &desk.parse_limits) {
            Ok(None) => self.receive(inbox, desk, Waiting::Head),
            Ok(Some(head)) => {
                let length = head.length;
                self.scanned = parse::Progress::default();
                self.begin(&head, &unread[..length], desk);
                inbox.consume(length);
                Step::Next
            }
            Err(fault) => {
                let fault = MessageError::from(fault);
                let method = method_of(unread);
                self.refuse(fault.status(), Reason::Message(fault), method, desk);
                Step::Next
            }
        }
    }

    /// An empty line before a request is no part of it (RFC 9112 section 2.2): a client that sends
    /// one behind a body and then nothing is idle, not late.
    fn skip_empty_line(&mut self, inbox: &mut Buffer) {
        if inbox.waiting() == b"\r\n" {
            inbox.consume(2);
            self.scanned = parse::Progress::default();
        }
    }

    /// The method of the request that is being received, as far as it can be told.
    pub(super) fn method_so_far(&self, received: &[u8]) -> Option<Method> {
        match &self.phase {
            Phase::Discard(kept, _) => method_of(kept.bytes()),
            _ => method_of(received),
        }
    }

    /// A whole head has come: refuse it, read its body first, or answer it.
    fn begin(&mut self, head: &RequestHead<'_>, bytes: &[u8], desk: &mut Desk) {
        desk.spend(REQUEST_COST);
        let checked = match check(head) {
            Ok(checked) => checked,
            Err(fault) => {
                let reason = Reason::Message(fault);
                return self.refuse_head(head, bytes, fault.status(), reason, desk);
            }
        };
        if self.service == Service::Site
            && !checked.target.may_come_in(self.transport.has_session())
        {
            let (status, reason) = (Status::MisdirectedRequest, Reason::Misdirected);
            return self.refuse_head(head, bytes, status, reason, desk);
        }
        let Some(discard) = Discard::new(checked.length, desk.limits.max_body) else {
            return self.respond(head, checked, bytes, None, false, desk);
        };
        // A client that waits for 100 is sent the final status at once where the body changes
        // nothing: the method will be refused, or the client sent elsewhere. Whether it then sends
        // its body nobody knows, so the connection ends.
        let is_decided =
            self.service == Service::Redirect || !head.known.is_some_and(Method::is_allowed);
        if discard.is_hopeless() || (checked.expects && is_decided) {
            return self.respond(head, checked, bytes, None, true, desk);
        }
        if checked.expects {
            desk.outbox.end().extend_from_slice(INTERIM_CONTINUE);
        }
        self.deadline = desk.deadline(Waiting::Body);
        self.phase = Phase::Discard(Box::new(Kept::of(bytes)), Box::new(discard));
    }

    /// Refuses a request whose head has come, and closes.
    fn refuse_head(
        &mut self,
        head: &RequestHead<'_>,
        bytes: &[u8],
        status: Status,
        reason: Reason,
        desk: &mut Desk,
    ) {
        let response = self.refusal(status, reason, head.known, desk);
        self.begin_sending(Some((head, bytes)), response, true, desk);
    }

    /// Discard: read the body and throw it away, then answer.
    pub(super) fn discard(&mut self, bench: &mut Bench) -> Step {
        let Phase::Discard(kept, discard) = &mut self.phase else {
            return Step::Next;
        };
        let too_long = match discard.feed(&mut bench.inbox) {
            Discarded::Some => {
                let Bench { inbox, desk, .. } = bench;
                return self.receive(inbox, desk, Waiting::Body);
            }
            Discarded::Malformed(fault) => {
                let fault = MessageError::from(fault);
                let method = method_of(kept.bytes());
                self.refuse(
                    fault.status(),
                    Reason::Message(fault),
                    method,
                    &mut bench.desk,
                );
                return Step::Next;
            }
            Discarded::All => false,
            Discarded::TooLong => true,
        };
        if let Phase::Discard(kept, _) = std::mem::replace(&mut self.phase, Phase::ReadHead) {
            self.respond_to_kept(&kept, None, too_long, bench);
        }
        Step::Next
    }

    /// List: read a piece of the directory; at its end, answer with it.
    pub(super) fn list(&mut self, bench: &mut Bench) -> Step {
        let Phase::List { job, .. } = &mut self.phase else {
            return Step::Next;
        };
        let outcome = job.step(&bench.desk.origin.stock.site);
        if outcome == Ok(Progress::More) {
            return Step::Again;
        }
        let phase = std::mem::replace(&mut self.phase, Phase::ReadHead);
        if let Phase::List {
            kept,
            has_rest,
            job,
        } = phase
        {
            let listing = outcome.map(|_| job.finish());
            self.respond_to_kept(&kept, Some(listing), has_rest, bench);
        }
        Step::Next
    }

    fn respond_to_kept(
        &mut self,
        kept: &Kept,
        listing: Option<Result<Listing, DiskError>>,
        has_rest: bool,
        bench: &mut Bench,
    ) {
        let Bench { lines, desk, .. } = bench;
        // The same head passed the same checks before.
        if let Some(head) = kept.parse(lines, &desk.parse_limits)
            && let Ok(checked) = check(&head)
        {
            self.respond(&head, checked, kept.bytes(), listing, has_rest, desk);
        }
    }

    /// Answers a well-formed request. `has_rest`: its body is not read to the end, so nothing that
    /// follows can be understood.
    fn respond(
        &mut self,
        head: &RequestHead<'_>,
        checked: Checked<'_>,
        bytes: &[u8],
        listing: Option<Result<Listing, DiskError>>,
        has_rest: bool,
        desk: &mut Desk,
    ) {
        let persistence = match has_rest || desk.draining {
            true => Persistence::Close,
            false => persistence(head.version, &head.fields),
        };
        let request = Request {
            head,
            target: checked.target,
            host: checked.host,
            circumstances: Circumstances {
                now: desk.now.date,
                date: desk.now.text,
                persistence,
                is_http10: head.version == Version::Http10,
                is_head: head.known == Some(Method::Head),
                hsts: self.hsts(desk),
            },
        };
        if self.service == Service::Redirect {
            let response = redirect::answer(&request, desk.https_port, desk.outbox.end());
            return self.begin_sending(Some((head, bytes)), response, has_rest, desk);
        }
        match desk.origin.answer(&request, listing, desk.outbox.end()) {
            Answer::Listing(job) => {
                let kept = Box::new(Kept::of(bytes));
                self.phase = Phase::List {
                    kept,
                    has_rest,
                    job,
                };
            }
            Answer::Ready(response) => {
                self.begin_sending(Some((head, bytes)), response, has_rest, desk);
            }
        }
    }

    /// Answers what cannot be understood, and closes.
    /// `method` is the request's, as far as it can be told.
    pub(super) fn refuse(
        &mut self,
        status: Status,
        reason: Reason,
        method: Option<Method>,
        desk: &mut Desk,
    ) {
        let response = self.refusal(status, reason, method, desk);
        self.begin_sending(None, response, true, desk);
    }

    /// The response to what is refused before any resource is looked for. The connection ends with
    /// it.
    fn refusal(
        &self,
        status: Status,
        reason: Reason,
        method: Option<Method>,
        desk: &mut Desk,
    ) -> Response {
        let circumstances = self.last_circumstances(method, desk);
        error(desk.outbox.end(), circumstances, status, reason)
    }

    /// Those of a response that ends the connection.
    pub(super) fn last_circumstances(&self, method: Option<Method>, desk: &Desk) -> Circumstances {
        Circumstances {
            now: desk.now.date,
            date: desk.now.text,
            persistence: Persistence::Close,
            is_http10: false,
            is_head: method == Some(Method::Head),
            hsts: self.hsts(desk),
        }
    }

    /// RFC 6797 section 7.2: the field is never sent in plain text.
    fn hsts(&self, desk: &Desk) -> Option<u64> {
        desk.hsts.filter(|_| self.transport.has_session())
    }
}

/// The method of a request that need not be complete or well-formed. What it decides is whether an
/// error has a body.
pub(super) fn method_of(received: &[u8]) -> Option<Method> {
    let start = received.iter().position(|byte| !b"\r\n".contains(byte))?;
    let token = received[start..].split(|&byte| byte == b' ').next()?;
    Method::from_token(token)
}

/// A head that means something.
#[derive(Clone, Copy)]
struct Checked<'a> {
    target: Target<'a>,
    /// The host that the request is for, where it names one.
    host: Option<Host<'a>>,
    length: BodyLength,
    /// Whether the client waits for 100 before it sends its body.
    expects: bool,
}

/// What must hold of a head before it means anything: framing first, because a message of which
/// the end is in doubt has no next one.
fn check<'a>(head: &RequestHead<'a>) -> Result<Checked<'a>, MessageError> {
    let length = framing::body_length(head.version, &head.fields)?;
    let target = Target::parse(head.known, head.target)?;
    let named = host::host(head.version, &head.fields)?;
    let expects = expect::expects_continue(head.version, &head.fields)?;
    Ok(Checked {
        target,
        host: target.host(named),
        length,
        expects,
    })
}
