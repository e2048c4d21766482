//! Handlers that a test adds: what answers at a path, a source and a responder that follow a script,
//! and a bell that wakes them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use docroot::origin::handler::{
    Answer, Conversation, ConversationTurn, Conversed, Handler, Origin, Polled, Responder,
};
use docroot::origin::reason::Reason;
use docroot::origin::request::{Request, RequestBody};
use docroot::origin::response::Response;
use docroot::semantics::coding::CodingReason;
use docroot::semantics::decide::WholeReason;
use docroot::semantics::status::Status;
use docroot::semantics::trace::Trace;
use docroot::site::body::{Body, Pulled, Source};
use docroot::site::body_error::BodyError;

use super::Setup;

/// What the log says of every answer that is made here.
pub const MADE: Reason = Reason::Whole(WholeReason::LengthUnknown, CodingReason::NotOffered);

/// Answers at one path.
struct At<F> {
    path: &'static str,
    /// Bytes of content that it takes.
    takes: Option<u64>,
    answer: F,
}

impl<F: Fn(&Request<'_>) -> Answer> Handler for At<F> {
    fn takes_content(&self, request: &Request<'_>) -> Option<u64> {
        self.takes.filter(|_| self.is_for(request))
    }

    fn answer(&self, request: &Request<'_>, _: &mut Origin, _: &mut Trace) -> Option<Answer> {
        self.is_for(request).then(|| (self.answer)(request))
    }
}

impl<F> At<F> {
    fn is_for(&self, request: &Request<'_>) -> bool {
        request.head.target.path() == Some(self.path.as_bytes())
    }
}

impl Setup {
    /// Answers at `path` with what `answer` gives. The content of the request is thrown away.
    pub fn at<F>(self, path: &'static str, answer: F) -> Setup
    where
        F: Fn(&Request<'_>) -> Answer + Clone + Send + Sync + 'static,
    {
        self.handler(move || At {
            path,
            takes: None,
            answer: answer.clone(),
        })
    }

    /// The same, with an answer that takes up to `most` bytes of content.
    pub fn taking<F>(self, path: &'static str, most: u64, answer: F) -> Setup
    where
        F: Fn(&Request<'_>) -> Answer + Clone + Send + Sync + 'static,
    {
        self.handler(move || At {
            path,
            takes: Some(most),
            answer: answer.clone(),
        })
    }
}

/// A 200 with this content.
pub fn text(content: impl Into<Vec<u8>>) -> Answer {
    let response = Response::new(Status::Ok, MADE).body(Body::of(content.into()));
    Answer::Ready(response)
}

/// A 200 whose content comes from `source`.
pub fn sourced(source: impl Source + 'static) -> Answer {
    let body = Body::Source(Box::new(source));
    Answer::Ready(Response::new(Status::Ok, MADE).body(body))
}

/// A bell that any thread can ring. Each ring lets one part of a script go on.
#[derive(Clone, Default)]
pub struct Bell(Arc<Mutex<Ringing>>);

#[derive(Default)]
struct Ringing {
    rings: usize,
    listeners: Vec<Waker>,
}

impl Bell {
    /// Wakes the connection of `request` at each ring from now on.
    pub fn wakes(&self, request: &Request<'_>) {
        self.state().listeners.push(request.wakers.waker());
    }

    /// How many connections it wakes.
    pub fn listeners(&self) -> usize {
        self.state().listeners.len()
    }

    /// Rings, and wakes whoever listens.
    pub fn ring(&self) {
        let mut state = self.state();
        state.rings += 1;
        state.listeners.iter().for_each(Waker::wake_by_ref);
    }

    /// How often it was rung.
    pub fn rings(&self) -> usize {
        self.state().rings
    }

    fn state(&self) -> MutexGuard<'_, Ringing> {
        self.0.lock().expect("no panic while it is held")
    }
}

/// A part of a script.
#[derive(Clone)]
pub enum Part {
    /// Gives bytes.
    Bytes(Vec<u8>),
    /// Waits until this time.
    Until(Instant),
    /// Waits until the bell has rung once more.
    Bell(Bell),
    /// Fails as a disk does.
    Fault,
    /// Panics.
    Bug,
}

/// A source that follows a script.
pub struct Script {
    parts: VecDeque<Part>,
    /// Rings that let a part go on.
    heard: usize,
}

impl Script {
    /// Gives these parts one after the other.
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Script {
        Script {
            parts: parts.into_iter().collect(),
            heard: 0,
        }
    }

    /// Gives one of `pieces` at `start` and another each time that `gap` has passed.
    pub fn paced<'a>(
        start: Instant,
        gap: Duration,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Script {
        let mut parts = Vec::new();
        for (piece, number) in pieces.into_iter().zip(0..) {
            parts.push(Part::Until(start + gap * number));
            parts.push(Part::Bytes(piece.to_vec()));
        }
        Script::of(parts)
    }
}

impl Source for Script {
    fn pull(&mut self, out: &mut Vec<u8>, _: usize) -> Result<Pulled, BodyError> {
        match self.parts.pop_front() {
            None => return Ok(Pulled::Done),
            Some(Part::Bytes(bytes)) => out.extend(bytes),
            Some(Part::Until(at)) => return Ok(Pulled::WaitUntil(at)),
            Some(Part::Bell(bell)) if bell.rings() <= self.heard => {
                self.parts.push_front(Part::Bell(bell));
                return Ok(Pulled::WaitForWake);
            }
            Some(Part::Bell(_)) => self.heard += 1,
            Some(Part::Fault) => return Err(io::Error::other("no such sector").into()),
            Some(Part::Bug) => panic!("a bug that the test brings about"),
        }
        match self.parts.is_empty() {
            true => Ok(Pulled::Done),
            false => Ok(Pulled::More),
        }
    }
}

/// A responder that is a function.
pub struct Polls<F>(pub F);

impl<F> Responder for Polls<F>
where
    F: FnMut(&Request<'_>, &mut dyn RequestBody) -> Polled,
{
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        _: &mut Origin,
        _: &mut Trace,
    ) -> Polled {
        (self.0)(request, body)
    }
}

/// An answer that comes from polling a function.
pub fn later(poll: impl FnMut(&Request<'_>, &mut dyn RequestBody) -> Polled + 'static) -> Answer {
    Answer::Later(Box::new(Polls(poll)))
}

/// A conversation that is a function.
struct Talks<F>(F);

impl<F> Conversation for Talks<F>
where
    F: FnMut(ConversationTurn<'_>, &mut Vec<u8>) -> Conversed,
{
    fn converse(&mut self, turn: ConversationTurn<'_>, out: &mut Vec<u8>) -> Conversed {
        (self.0)(turn, out)
    }
}

/// A 101 to the protocol `name`, in which a function talks.
pub fn upgraded(
    name: &'static str,
    mut talk: impl FnMut(Instant, &[u8], &mut Vec<u8>) -> Conversed + 'static,
) -> Answer {
    conversing(name, move |turn, out| talk(turn.now, turn.received, out))
}

/// The same; the function sees the whole turn.
pub fn conversing(
    name: &'static str,
    talk: impl FnMut(ConversationTurn<'_>, &mut Vec<u8>) -> Conversed + 'static,
) -> Answer {
    let response = Response::new(Status::SwitchingProtocols, MADE);
    let response = response.field("Connection", "Upgrade");
    Answer::Upgrade(response.field("Upgrade", name), Box::new(Talks(talk)))
}
