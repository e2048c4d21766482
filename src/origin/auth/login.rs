//! Finds out which user sent a request, and answers it as that user's (RFC 7617 section 2).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::origin::auth::guard::{Check, Guard, Look, Verdict};
use crate::origin::auth::refuse::{busy, challenge, too_many_failures};
use crate::origin::handler::{Admitted, Answer, Origin, Polled, Responder};
use crate::origin::patience::{DISK_PATIENCE, Patience};
use crate::origin::reason::Reason;
use crate::origin::refuse::unanswered;
use crate::origin::request::{Request, RequestBody};
use crate::semantics::credentials::{Credentials, CredentialsError};
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::protection::User;
use crate::semantics::status::Status;
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
    let now = request.instant;
    if let Some(wait) = guard.wait(request.client.network(), now) {
        return Answer::Ready(too_many_failures(wait, trace));
    }
    // A pair that has to be checked needs no look: the check begins with one.
    if guard.remembered(&credentials, now).is_some() {
        match guard.look(now) {
            Look::Recent => {}
            Look::Impossible => return Answer::Ready(busy(trace)),
            Look::Pending(pending) => {
                return Answer::Later(Box::new(Looking {
                    wait: Wait::of(pending),
                    guard,
                    credentials: Some(credentials),
                    admitted,
                }));
            }
        }
    }
    recall(origin, request, &guard, credentials, admitted, trace)
}

/// Answers a request if its pair is remembered. Otherwise, has the pair checked.
fn recall(
    origin: &mut Origin,
    request: &Request<'_>,
    guard: &Arc<Guard>,
    credentials: Credentials,
    admitted: Admitted,
    trace: &mut Trace,
) -> Answer {
    let (network, now) = (request.client.network(), request.instant);
    if let Some(user) = guard.remembered(&credentials, now) {
        return enter(origin, request, user, admitted, trace);
    }
    match guard.check(credentials, network, origin.site.memory.budget(), now) {
        Check::Done(verdict) => conclude(origin, request, verdict, admitted, trace),
        Check::Full => Answer::Ready(busy(trace)),
        Check::Pending(pending) => Answer::Later(Box::new(Checking {
            wait: Wait::of(pending),
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
        let step = Step::new(LOGIN, "the password is correct for this user").with(name);
        step.unless(Edit::remove(FieldName::Authorization).leads_to(Status::Unauthorized))
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

/// A wait for a thread of the guard.
struct Wait<T> {
    pending: Pending<T>,
    registered: Registered,
    patience: Patience,
}

impl<T> Wait<T> {
    fn of(pending: Pending<T>) -> Wait<T> {
        Wait {
            pending,
            registered: Registered::default(),
            patience: Patience::of(DISK_PATIENCE),
        }
    }

    fn poll(&mut self, request: &Request<'_>) -> Waited<T> {
        (self.pending).wake_once(&mut self.registered, request.wakers);
        match self.pending.poll() {
            Some(Ended::Done(outcome)) => Waited::Done(outcome),
            Some(Ended::Displaced | Ended::Panicked) => Waited::Failed,
            None => match self.patience.until(request.instant) {
                Some(end) => Waited::Until(end),
                None => Waited::Failed,
            },
        }
    }
}

/// What came of a wait.
enum Waited<T> {
    /// The outcome.
    Done(T),
    /// Nothing yet. The wait goes on, at most until then.
    Until(Instant),
    /// There will be no outcome.
    Failed,
}

/// An answer that waits for a look at the password file, because the pair is remembered from an earlier one.
struct Looking {
    wait: Wait<()>,
    guard: Arc<Guard>,
    /// `None`: they were taken for the answer.
    credentials: Option<Credentials>,
    admitted: Admitted,
}

impl Responder for Looking {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        Polled::Done(match (self.wait.poll(request), self.credentials.take()) {
            (Waited::Done(()), Some(pair)) => {
                recall(origin, request, &self.guard, pair, self.admitted, trace)
            }
            (Waited::Until(end), pair) => {
                self.credentials = pair;
                return Polled::WaitForDisk(end);
            }
            // Without a pair, this is a bug: an answer is made once.
            (Waited::Done(()) | Waited::Failed, _) => Answer::Ready(busy(trace)),
        })
    }
}

/// An answer that waits until the password is checked.
struct Checking {
    wait: Wait<Verdict>,
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
        Polled::Done(match self.wait.poll(request) {
            Waited::Done(verdict) => conclude(origin, request, verdict, self.admitted, trace),
            Waited::Until(end) => return Polled::WaitForDisk(end),
            Waited::Failed => Answer::Ready(busy(trace)),
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

    fn cost(&self) -> usize {
        size_of_val(&*self.responder) + self.responder.cost()
    }
}
