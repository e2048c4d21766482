//! A response that waits, or that interim responses come before (RFC 9110 section 15.2).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::guide::places::Place;
use crate::http1::version::Version;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::refuse::unanswered;
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::{Interim, Response};
use crate::semantics::trace::Trace;

/// What comes before the response.
pub enum Before {
    /// Some time.
    Wait(Duration),
    /// An interim response. Clients of HTTP/1.0 do not get it.
    Interim(Interim),
}

/// What the final response says to clients of HTTP/1.0.
pub const NO_INTERIM: &str = "HTTP/1.0 has no interim responses, so none came before this one";

/// Whether the client gets interim responses.
pub fn takes_interim(request: &Request<'_>) -> bool {
    request.head.head.version != Version::Http10
}

/// A response after all that comes before it.
pub struct Sequence {
    before: VecDeque<Before>,
    /// When the wait ends.
    until: Option<Instant>,
    /// `None` once it was returned.
    response: Option<Response>,
    _place: Option<Place>,
}

/// The answer with this response, after all that comes before it. It needs a place unless the response holds one.
pub fn sequence(
    before: impl IntoIterator<Item = Before>,
    response: Response,
    place: Option<Place>,
) -> Answer {
    Answer::Later(Box::new(Sequence {
        before: before.into_iter().collect(),
        until: None,
        response: Some(response),
        _place: place,
    }))
}

impl Responder for Sequence {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        _: &mut Trace,
    ) -> Polled {
        loop {
            // At shutdown, nobody waits for nothing.
            if let Some(until) = self.until.filter(|_| !origin.is_draining)
                && request.instant < until
            {
                return Polled::WaitUntil(until);
            }
            self.until = None;
            match self.before.pop_front() {
                Some(Before::Wait(time)) => self.until = Some(request.instant + time),
                Some(Before::Interim(interim)) => return Polled::Interim(interim),
                // A bug: nobody polls it after the end.
                None => {
                    let response = self.response.take().unwrap_or_else(unanswered);
                    return Polled::Done(Answer::Ready(response));
                }
            }
        }
    }
}
