//! The interfaces of what answers requests: the site, and handlers that are asked before it.
//!
//! ```text
//! Handler::answer -> Ready(Response)
//!                    Later(Responder) -> poll, poll, ... -> Ready(Response)
//!                    Upgrade(Response, Conversation)
//! ```
//!
//! None of these calls blocks. If an answer has to wait, it says so, and the worker goes on with
//! other connections.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::observe::tally::SiteNumber;
use crate::origin::auth::Guard;
use crate::origin::outdated::ToldOutdated;
use crate::origin::reason::Reason;
use crate::origin::refuse::error;
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::{Interim, Response};
use crate::semantics::date::HttpDate;
use crate::semantics::method::Method;
use crate::semantics::rules::Rules;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::archive::turns::Turns;
use crate::site::coding_job::CodingJobs;
use crate::site::directory::Readings;
use crate::site::hashing::Hashes;
use crate::site::lookups::Lookups;
use crate::site::resolve::{SWEEP, Site};

/// Answers the requests of one worker.
pub struct Origin {
    /// The number of the site in the metrics. 0 if they are off.
    pub number: SiteNumber,
    /// The document root.
    pub site: Site,
    /// The operator's rules for paths.
    pub rules: Rc<Rules>,
    /// Checks passwords, if a path needs one.
    pub guard: Option<Arc<Guard>>,
    /// Handlers that are asked before the site, in this order.
    pub handlers: Rc<[Box<dyn Handler>]>,
    /// Files that are being coded.
    pub(super) codings: CodingJobs,
    /// Directories that are being read for listings.
    pub(super) readings: Readings,
    /// Sidecars that are older than their originals.
    pub(super) outdated: ToldOutdated,
    /// Archives that are being sent.
    pub archives: Turns,
    /// Digests of files, for all workers.
    pub hashes: Arc<Hashes>,
    /// Paths that disk threads look up.
    pub(super) lookups: Lookups,
    /// The most ranges that a request may have.
    pub(super) max_ranges: usize,
    /// Scratch space for decoded paths.
    pub(super) decoded: Vec<u8>,
    /// The server is shutting down: each connection ends after its response. Responders that wait are
    /// polled once when this begins, and can answer within the drain deadline.
    pub is_draining: bool,
}

impl Origin {
    /// An origin that answers from `site`.
    pub fn new(site: Site, max_ranges: usize) -> Origin {
        Origin {
            number: 0,
            site,
            rules: Rc::default(),
            guard: None,
            handlers: Rc::default(),
            codings: CodingJobs::default(),
            readings: Readings::default(),
            outdated: ToldOutdated::default(),
            archives: Turns::default(),
            hashes: Arc::default(),
            lookups: Lookups::default(),
            max_ranges,
            decoded: Vec::new(),
            is_draining: false,
        }
    }

    /// Begins a turn of the worker's loop at `now`, which is `instant` on the monotonic clock. Returns
    /// whether it is time to forget what nobody uses.
    pub fn begin_turn(&mut self, now: HttpDate, instant: Instant) -> bool {
        if self.site.look_at_root(instant) {
            // What is under way is of the old root.
            self.lookups.forget();
            self.readings.forget();
        }
        let is_due = self.site.begin_turn(now);
        self.readings.make_room(&self.site, instant);
        if is_due {
            self.readings.sweep();
        }
        is_due
    }

    /// Ends a turn of the worker's loop. Returns the longest time until the next turn should begin, so
    /// that memory is given back.
    pub fn end_turn(&mut self) -> Option<Duration> {
        self.readings.end_turn();
        let readings = (!self.readings.is_empty()).then_some(SWEEP);
        self.site.next_sweep().into_iter().chain(readings).min()
    }

    /// The handler that takes the content of a request, if there is one, and the most bytes that it takes.
    fn taker(&self, request: &Request<'_>) -> Option<(&dyn Handler, u64)> {
        let mut handlers = self.handlers.iter();
        handlers.find_map(|handler| Some((&**handler, handler.takes_content(request)?)))
    }

    /// The refusal of content that is longer than the handler takes.
    pub fn content_too_large(&self, request: &Request<'_>) -> Response {
        let taker = self.taker(request);
        Response {
            is_of_server: taker.is_some_and(|(handler, _)| handler.is_of_server()),
            ..error(Status::ContentTooLarge, Reason::ContentTooLarge)
        }
    }

    /// What to do with the content of a request.
    pub fn content_use(&self, request: &Request<'_>) -> ContentUse {
        match self.taker(request) {
            Some((_, most)) => ContentUse::Take(most),
            None if request.method().is_some_and(Method::is_allowed) => ContentUse::Discard,
            None => ContentUse::Needless,
        }
    }
}

/// What to do with the content of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentUse {
    /// The content does not change the response.
    Needless,
    /// Read it and discard it, because the next request follows it.
    Discard,
    /// A handler takes up to this many bytes of it.
    Take(u64),
}

/// Answers requests before the site is asked, for example with pages of the server itself.
pub trait Handler {
    /// The most bytes of content that it takes from this request. `None` if it takes no content;
    /// the content is then discarded.
    fn takes_content(&self, _request: &Request<'_>) -> Option<u64> {
        None
    }

    /// Whether its answers are the server's own pages and no part of the site, so that `--cors` does not open them.
    fn is_of_server(&self) -> bool {
        false
    }

    /// Answers a request; `None` if it is not for this handler.
    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer>;
}

/// A response, or a way to get one.
pub enum Answer {
    /// The response.
    Ready(Response),
    /// The response needs more than one turn, or the content of the request.
    Later(Box<dyn Responder>),
    /// The response is the last HTTP message. After it, another protocol uses the connection (RFC
    /// 9110 section 7.8). The handler sets the fields `Connection` and `Upgrade`. If the status is not
    /// 101, the answer becomes 500. If content of the request was not read, it becomes 413. If the
    /// request is HTTP/1.0, it becomes 400, because the server must ignore its `Upgrade` field.
    Upgrade(Response, Box<dyn Conversation>),
}

/// Makes the answer to a request once its user is known.
pub type Admitted = fn(&mut Origin, &Request<'_>, &mut Trace) -> Answer;

/// A response, and the protocol that follows it if it is an upgrade.
pub type Made = (Response, Option<Box<dyn Conversation>>);

impl Answer {
    /// The response, or the responder that is still making it.
    pub fn made(self) -> Result<Made, Box<dyn Responder>> {
        match self {
            Answer::Ready(response) => Ok((response, None)),
            Answer::Upgrade(response, conversation) => Ok((response, Some(conversation))),
            Answer::Later(responder) => Err(responder),
        }
    }
}

/// An answer that is being made.
pub trait Responder {
    /// Works for at most about a millisecond. It is also polled when something else happens to the
    /// connection, so what it waits for may not have happened yet.
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled;

    /// The memory that it takes besides itself, in bytes. It does not include what the responder charges
    /// itself.
    fn cost(&self) -> usize {
        0
    }
}

/// How far an answer has come.
pub enum Polled {
    /// The answer is made. It may be another responder.
    Done(Answer),
    /// An interim response comes first. Poll again after it was written.
    Interim(Interim),
    /// There is more to do. Poll again after the other connections had their turn. The worker does not
    /// sleep meanwhile, and only the client can end it. So this is for work that has an end: to wait
    /// for something else, return one of the following.
    More,
    /// More of the request's content must arrive first. If the end was pulled already, this means
    /// the same as `More`.
    NeedsContent,
    /// Poll again at this time.
    WaitUntil(Instant),
    /// Poll again after the waker of the request was used.
    WaitForWake,
    /// Poll again after the waker of the request was used, or at this time. The disk or another part of
    /// this machine answers soon in most cases.
    WaitForDisk(Instant),
}

/// A protocol that uses a connection after HTTP.
///
/// The connection closes if no byte was received or sent for as long as an idle connection may stay
/// open. A conversation that wants to stay longer sends something before, for example a ping. The
/// connection also closes when the client ends its stream: a conversation needs both directions.
pub trait Conversation {
    /// Acts on what was received and appends bytes to send to `out`. It is also called when something
    /// else happens to the connection, so what it waits for may not have happened yet. It is not
    /// called until the socket has taken all bytes that it wrote before.
    fn converse(&mut self, turn: ConversationTurn<'_>, out: &mut Vec<u8>) -> Conversed;

    /// Whether its bytes are frames of WebSocket that the wire view may show.
    fn has_frames(&self) -> bool {
        false
    }

    /// The memory that it takes, in bytes. It does not include what the conversation charges itself.
    fn cost(&self) -> usize {
        size_of_val(self)
    }
}

/// What a conversation acts on.
#[derive(Clone, Copy, Debug)]
pub struct ConversationTurn<'a> {
    /// The current time, which shows whether a time has come.
    pub now: Instant,
    /// The bytes that were received and not used yet.
    pub received: &'a [u8],
    /// The connection closes if no byte crosses it for so long.
    pub idle_timeout: Duration,
    /// The server is shutting down. When this begins, each conversation is called once. It should say
    /// goodbye and end, because its connection is cut at the drain deadline.
    pub is_draining: bool,
}

/// What [`Conversation::converse`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversed {
    /// How many of the received bytes it has used. The next call gets the rest again, followed by
    /// new bytes. The buffer for both has the maximum size of a request head plus 16 KiB. While it is
    /// full, nothing more is read.
    pub consumed: usize,
    /// What happens next.
    pub next: Next,
}

/// What a conversation waits for. If the buffer has room, it is also called when more bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More bytes from the client. If the buffer is full, none can arrive, and the connection ends.
    Receive,
    /// This time.
    WaitUntil(Instant),
    /// A use of the waker of the request.
    WaitForWake,
    /// The turns of other connections. There is more to do with what was received.
    Again,
    /// Nothing. The conversation is over, and the connection ends.
    End,
}
