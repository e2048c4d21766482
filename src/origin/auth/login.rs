//! Finds out which user sent a request, and answers it as that user's (RFC 7617 section 2).

use std::rc::Rc;

use crate::origin::auth::guard::{Check, Verdict};
use crate::origin::auth::refuse::{busy, challenge, too_many_failures};
use crate::origin::handler::{Admitted, Answer, Origin, Polled, Responder};
use crate::origin::patience::{DISK_PATIENCE, Patience};
use crate::origin::reason::Reason;
use crate::origin::refuse::unanswered;
use crate::origin::request::{Request, RequestBody};
use crate::semantics::credentials::{Credentials, CredentialsError};
use crate::semantics::protection::User;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::disk::{Ended, Pending, Registered};

const LOGIN: Clause = clause!("RFC 7617 section 2", "login");

/// Answers a request that needs a user: `admitted` makes the answer if the credentials are right.
pub(in crate::origin) fn login(
    origin: &mut Origin,
    request: &Request<'_>,
    admitted: Admitted,
    trace: &mut Trace,
) -> Answer {
    let Some(guard) = origin.guard.clone() else {
        // A bug: the server does not start without a guard.
        return Answer::Ready(unanswered());
    };
    let credentials = match Credentials::of(request.fields()) {
        Ok(credentials) => credentials,
        Err(fault) => {
            let reason = match fault {
                CredentialsError::None => Reason::PasswordNeeded,
                CredentialsError::Malformed => Reason::CredentialsMalformed,
            };
            return Answer::Ready(challenge(reason, trace));
        }
    };
    let (network, now) = (request.client.network(), request.instant);
    guard.look_at_file(now);
    if let Some(wait) = guard.wait(network, now) {
        return Answer::Ready(too_many_failures(wait, trace));
    }
    if let Some(user) = guard.remembered(&credentials, now) {
        return enter(origin, request, user, admitted, trace);
    }
    match guard.check(credentials, network, origin.site.memory(), now) {
        Check::Done(verdict) => conclude(origin, request, verdict, admitted, trace),
        Check::Full => Answer::Ready(busy(trace)),
        Check::Pending(pending) => Answer::Later(Box::new(Checking {
            pending,
            registered: Registered::default(),
            patience: Patience::of(DISK_PATIENCE),
            admitted,
        })),
    }
}

/// Answers a request whose credentials were checked.
fn conclude(
    origin: &mut Origin,
    request: &Request<'_>,
    verdict: Verdict,
    admitted: Admitted,
    trace: &mut Trace,
) -> Answer {
    match verdict {
        Verdict::Right(user) => enter(origin, request, user, admitted, trace),
        Verdict::Wrong => Answer::Ready(challenge(Reason::PasswordWrong, trace)),
        Verdict::Wait(wait) => Answer::Ready(too_many_failures(wait, trace)),
    }
}

/// Answers a request of a user.
fn enter(
    origin: &mut Origin,
    request: &Request<'_>,
    user: User,
    admitted: Admitted,
    trace: &mut Trace,
) -> Answer {
    trace.note(|| {
        let name = Evidence::Value(Quote::of(user.name.as_bytes()));
        Step::new(LOGIN, "the password is correct for this user").with(name)
    });
    let user = Rc::new(user);
    let answer = admitted(origin, &of_user(request, &user), trace);
    answer_for(user, answer)
}

/// The same request, with its user.
fn of_user<'a>(request: &Request<'a>, user: &'a User) -> Request<'a> {
    Request {
        user: Some(user),
        ..*request
    }
}

/// The same answer, which says for whom it is.
fn answer_for(user: Rc<User>, answer: Answer) -> Answer {
    match answer {
        Answer::Ready(mut response) => {
            response.is_protected = true;
            response.user = Some(user);
            Answer::Ready(response)
        }
        Answer::Upgrade(mut response, conversation) => {
            response.user = Some(user);
            Answer::Upgrade(response, conversation)
        }
        Answer::Later(responder) => Answer::Later(Box::new(ForUser { user, responder })),
    }
}

/// An answer that waits until the password is checked.
struct Checking {
    pending: Pending<Verdict>,
    registered: Registered,
    patience: Patience,
    admitted: Admitted,
}

impl Responder for Checking {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        (self.pending).wake_once(&mut self.registered, request.wakers);
        Polled::Done(match self.pending.poll() {
            Some(Ended::Done(verdict)) => conclude(origin, request, verdict, self.admitted, trace),
            Some(Ended::Displaced | Ended::Panicked) => Answer::Ready(busy(trace)),
            None => match self.patience.until(request.instant) {
                Some(end) => return Polled::WaitForDisk(end),
                None => Answer::Ready(busy(trace)),
            },
        })
    }
}

/// An answer that is being made for a user.
struct ForUser {
    user: Rc<User>,
    responder: Box<dyn Responder>,
}

impl Responder for ForUser {
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let request = of_user(request, &self.user);
        match self.responder.poll(&request, body, origin, trace) {
            Polled::Done(answer) => Polled::Done(answer_for(Rc::clone(&self.user), answer)),
            waits => waits,
        }
    }
}
