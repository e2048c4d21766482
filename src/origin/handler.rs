//! Who answers: the site, and the handlers that are asked before it; now, or at another time.
//!
//! ```text
//! Handler::answer -> Ready(Response)
//!                    Later(Responder) -> poll, poll, ... -> Ready(Response)
//!                    Upgrade(Response, Conversation)
//! ```
//!
//! None of these ever blocks: what has to wait says so, and the worker serves others meanwhile.

use std::time::Instant;

use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::method::Method;
use crate::semantics::rules::Rules;
use crate::semantics::trace::Trace;
use crate::site::quota::Quota;
use crate::site::resolve::Site;

/// Contents that one worker codes at the same time. Each holds about 300 KiB for the coder's
/// window, so slow readers could otherwise exhaust the machine's memory.
const MAX_CODERS: u64 = 64;

/// Large directories that one worker lists at the same time. Each holds its entries, about 5 MB for
/// 100,000 of them.
const MAX_LISTINGS: u64 = 16;

/// What answers the requests of one worker.
pub struct Origin {
    /// The document root.
    pub site: Site,
    /// What the operator says about paths.
    pub rules: Rules,
    /// Who is asked before the site.
    pub handlers: Vec<Box<dyn Handler>>,
    /// Contents that are being coded as they are sent.
    pub coders: Quota,
    /// Directories that are being read, or sent as they are rendered.
    pub listings: Quota,
    /// The most ranges that one request may name.
    pub max_ranges: usize,
    /// Scratch space for decoded paths.
    pub(super) decoded: Vec<u8>,
}

impl Origin {
    /// An origin that answers from `site`.
    pub fn new(site: Site, max_ranges: usize) -> Origin {
        Origin {
            site,
            rules: Rules::default(),
            handlers: Vec::new(),
            coders: Quota::new(MAX_CODERS),
            listings: Quota::new(MAX_LISTINGS),
            max_ranges,
            decoded: Vec::new(),
        }
    }

    /// What becomes of the content of a request.
    pub fn content_use(&self, request: &Request<'_>) -> ContentUse {
        let mut handlers = self.handlers.iter();
        match handlers.find_map(|handler| handler.takes_content(request)) {
            Some(most) => ContentUse::Take(most),
            None if request.method().is_some_and(Method::is_allowed) => ContentUse::Discard,
            None => ContentUse::Needless,
        }
    }

    /// The codings that may be applied to what gains from them.
    pub fn offered(&self, is_worth_coding: bool) -> &'static [Coding] {
        match is_worth_coding && self.site.options().compress {
            true => &CODINGS,
            false => &[],
        }
    }
}

/// Every coding that this server applies, in the order of its preference.
const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

/// What the content of a request is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentUse {
    /// The response is known without it.
    Needless,
    /// It is read and thrown away, because the next request begins behind it.
    Discard,
    /// Up to so many bytes are taken by whoever answers.
    Take(u64),
}

/// Something that answers requests before the site is asked: pages of the server's own.
pub trait Handler {
    /// The most bytes of content that it takes of this request. `None` if it does not take any, so
    /// that what the client sends is thrown away.
    fn takes_content(&self, _request: &Request<'_>) -> Option<u64> {
        None
    }

    /// Answers a request; `None` if it is not for this handler.
    fn answer(&mut self, request: &Request<'_>, trace: &mut Trace) -> Option<Answer>;
}

/// The outcome of answering.
pub enum Answer {
    /// The response.
    Ready(Response),
    /// The response takes more than one turn, or the content of the request.
    Later(Box<dyn Responder>),
    /// The response is the last message of HTTP; then another protocol has the connection (RFC 9110
    /// section 7.8).
    Upgrade(Response, Box<dyn Conversation>),
}

/// A response, and the protocol that follows it if it is an upgrade.
pub type Made = (Response, Option<Box<dyn Conversation>>);

impl Answer {
    /// The response, or whoever is still making it.
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
    /// Goes on for about a millisecond at most. What it waits for may not have come yet: it is also
    /// polled when something else happens to the connection.
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled;
}

/// How far an answer has come.
pub enum Polled {
    /// It is made.
    Done(Answer),
    /// There is more to do at once.
    More,
    /// More of the request's content must arrive first.
    NeedsContent,
    /// It goes on at this time.
    WaitUntil(Instant),
    /// It goes on after somebody has used the waker of the request.
    WaitForWake,
}

/// A protocol that has taken over a connection from HTTP.
pub trait Conversation {
    /// Acts on the bytes `received` and appends what it has to say to `out`. What it waits for may
    /// not have come yet: `now` tells whether a time has.
    fn converse(&mut self, now: Instant, received: &[u8], out: &mut Vec<u8>) -> Conversed;
}

/// What a turn of a conversation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversed {
    /// How many of the bytes received are done with. The others are given again, together with what
    /// has come since. There is room for 16 KiB of them, and for as much as a request head may have.
    pub consumed: usize,
    /// What happens next.
    pub next: Next,
}

/// What a conversation waits for. Whatever it is, it goes on when more bytes have come too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More bytes from the client. If there is no room for them, the connection ends.
    Receive,
    /// This time.
    WaitUntil(Instant),
    /// A wake-up.
    WaitForWake,
    /// Nothing: it is over.
    End,
}
