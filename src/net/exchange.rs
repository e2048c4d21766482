//! One request and its response, from the first byte read to the last byte written.
//!
//! An exchange begins when the first byte of its request is read. It ends exactly once, in
//! [`Exchange::end`], for whatever reason. That function counts, logs and shows it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::http1::parse::RequestHead;
use crate::net::clock::{self, Now};
use crate::net::kept_heads::{KeptHead, KeptHeads};
use crate::net::request_text::RequestText;
use crate::observe::client::Client;
use crate::observe::event::{End, ExchangeRecord, Heads, Security};
use crate::observe::observer::Observer;
use crate::observe::request_id::RequestId;
use crate::observe::sample::BodySample;
use crate::observe::tally::{MethodLabel, SiteNumber};
use crate::observe::wire::{Exchanges, Watched, WireEvent, is_own};
use crate::origin::brief::Brief;
use crate::origin::reason::Reason;
use crate::origin::response::Response;
use crate::semantics::host::Host;
use crate::semantics::protection::User;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// An exchange that has not ended.
#[derive(Debug)]
pub struct Exchange {
    /// When the first byte of the request was read.
    began: Instant,
    /// What the log says about the request. `None` if nothing is recorded, or if the request was not
    /// parsed yet.
    request: Option<Box<RequestText>>,
    /// The id, the forwarded client and the heads. An idle connection has no place for what few operators ask for.
    kept: Option<Box<Kept>>,
    /// How it was decided, if somebody sees that.
    watched: Option<Box<WatchedExchange>>,
    /// The status and the reason of the response, once it is decided.
    answer: Option<(Status, Reason)>,
    /// The user for whom it is.
    user: Option<Rc<User>>,
    /// Whether it is about a path that needs a password.
    is_protected: bool,
    /// Whether it is of the wire view itself.
    is_own: bool,
    /// The site and the method as the metrics name them.
    counted: (SiteNumber, MethodLabel),
    /// Bytes of content that were written, whether or not the socket has taken them.
    written: u64,
}

/// What is kept of an exchange with some options.
#[derive(Debug, Default)]
struct Kept {
    /// The id of the request, if requests have ids.
    id: Option<RequestId>,
    /// The client, if a trusted proxy has named it in the request. The connection may read the request of another
    /// client before this exchange ends.
    forwarded: Option<SocketAddr>,
    /// The heads, if somebody sees them.
    heads: Option<KeptHeads>,
}

/// What the wire view shows of an exchange, and the log with `--explain`.
#[derive(Debug)]
struct WatchedExchange {
    /// When the head of the request was complete.
    head: Instant,
    /// When the head of the response was written.
    answered: Option<Instant>,
    /// The steps of the decision. While it is made, the worker has them.
    trace: Trace,
    /// What is kept of the body of the request.
    request: BodySample,
    /// What is kept of the body of the response.
    response: BodySample,
}

impl Exchange {
    /// An exchange whose first byte was read at `began`.
    pub fn begin(began: Instant) -> Exchange {
        Exchange {
            began,
            request: None,
            kept: None,
            watched: None,
            answer: None,
            user: None,
            is_protected: false,
            is_own: false,
            counted: (0, MethodLabel::OTHER),
            written: 0,
        }
    }

    /// Notes what the log and the metrics say about a request with this head, as far as they are on. `bytes` is the
    /// head as it was received.
    pub fn note_request(&mut self, head: &RequestHead<'_>, bytes: &[u8], observer: &Observer) {
        if observer.counting.is_some() {
            self.counted.1 = MethodLabel::of(head.known);
        }
        self.is_own = observer.wire.is_some() && is_own(head.target);
        if observer.is_recording() {
            self.request = Some(Box::new(RequestText::of(head)));
            self.keep_head(observer, |heads| heads.request = KeptHead::of(bytes));
        }
    }

    /// The same for the bytes of a request that may be incomplete or malformed, if there are any.
    pub fn note_part(&mut self, received: &[u8], observer: &Observer) {
        let is_logged = observer.is_recording() && !received.is_empty();
        self.request = is_logged.then(|| Box::new(RequestText::of_part(received)));
        if is_logged {
            self.keep_head(observer, |heads| {
                heads.request = KeptHead::of_part(received)
            });
        }
    }

    /// Whether it is of the wire view itself, if that is on.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Notes the site that answers, for the metrics, and the host that was asked for, for the log.
    pub fn note_site(&mut self, site: SiteNumber, host: Option<Host<'_>>) {
        self.counted.0 = site;
        self.note_host(host);
    }

    /// Notes the host that was asked for, for the log.
    pub fn note_host(&mut self, host: Option<Host<'_>>) {
        if let (Some(request), Some(host)) = (&mut self.request, host) {
            request.note_host(host);
        }
    }

    /// Notes the id of the request.
    pub fn note_id(&mut self, id: Option<RequestId>) {
        if id.is_some() {
            self.kept.get_or_insert_default().id = id;
        }
    }

    /// Notes which client a trusted proxy has named in the request, if one has.
    pub fn note_forwarded(&mut self, client: Option<SocketAddr>) {
        if client.is_some() {
            self.kept.get_or_insert_default().forwarded = client;
        }
    }

    /// The client, if a trusted proxy has named it in the request.
    fn forwarded(&self) -> Option<SocketAddr> {
        self.kept.as_ref()?.forwarded
    }

    /// Makes an id for a request that has none, because its head could not be parsed.
    pub fn make_id(&mut self, observer: &mut Observer) {
        if self.id().is_none() {
            self.note_id(observer.new_id());
        }
    }

    /// The id of the request, if requests have ids.
    pub fn id(&self) -> Option<&[u8]> {
        self.kept.as_ref()?.id.as_ref().map(RequestId::as_bytes)
    }

    /// Notes the head of the response as it is sent, and what is sent of the body together with it. If somebody
    /// looks, keeps the steps of the decision.
    pub fn note_response(
        &mut self,
        (head, body): (&[u8], &[u8]),
        observer: &Observer,
        trace: &mut Trace,
    ) {
        self.keep_head(observer, |heads| heads.response = KeptHead::of(head));
        if let Some(watched) = &mut self.watched {
            watched.response.see(body);
            watched.answered = Some(clock::instant());
            watched.trace = std::mem::take(trace);
        }
    }

    /// If somebody sees them, begins to note the steps of the decision, which is made now.
    pub fn begin_trace(&mut self, observer: &Observer, trace: &mut Trace) {
        if self.watched.is_none() && observer.wants_steps() {
            self.watched = Some(Box::new(WatchedExchange {
                head: clock::instant(),
                answered: None,
                trace: Trace::off(),
                request: BodySample::default(),
                response: BodySample::default(),
            }));
            *trace = Trace::watched();
        }
    }

    /// Gives the worker the steps so far, because the decision goes on, or takes them back until it does.
    pub fn swap_trace(&mut self, trace: &mut Trace) {
        if let Some(watched) = self.undecided() {
            std::mem::swap(&mut watched.trace, trace);
        }
    }

    /// Whether somebody sees how it is decided.
    pub fn is_watched(&self) -> bool {
        self.watched.is_some()
    }

    /// Notes what is kept of the body of the request.
    pub fn note_request_body(&mut self, sample: Option<Box<BodySample>>) {
        if let (Some(watched), Some(sample)) = (&mut self.watched, sample) {
            watched.request = *sample;
        }
    }

    /// What is kept of the body of the response, if somebody looks.
    pub fn response_sample(&mut self) -> Option<&mut BodySample> {
        self.watched.as_mut().map(|watched| &mut watched.response)
    }

    /// How long it took until the head of the request was complete, if that is known, and until `now`, for
    /// `Server-Timing`.
    pub fn times(&self, now: Instant) -> (Option<Duration>, Duration) {
        let since = |at: Instant| at.saturating_duration_since(self.began);
        let watched = self.watched.as_ref();
        (watched.map(|watched| since(watched.head)), since(now))
    }

    /// How it is decided, if somebody sees that and there is no response yet.
    fn undecided(&mut self) -> Option<&mut WatchedExchange> {
        let watched = self.watched.as_deref_mut();
        watched.filter(|watched| watched.answered.is_none())
    }

    fn keep_head(&mut self, observer: &Observer, keep: impl FnOnce(&mut KeptHeads)) {
        if observer.wants_heads() {
            let kept = self.kept.get_or_insert_default();
            keep(kept.heads.get_or_insert_default());
        }
    }

    /// The heads, if somebody sees them.
    fn heads(&self) -> Option<Heads<'_>> {
        Some(self.kept.as_ref()?.heads.as_ref()?.as_event())
    }

    /// The memory of what it keeps for the log and the wire view, in bytes.
    pub fn cost(&self) -> usize {
        let kept = self.kept.as_ref().map_or(0, |kept| kept.cost());
        let watched = self.watched.as_ref().map_or(0, |watched| watched.cost());
        kept + watched + self.request.as_ref().map_or(0, |request| request.cost())
    }

    /// Whether the request was noted for the log.
    pub fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// Notes the status and the reason of the response, and for whom it is.
    pub fn note_answer(&mut self, response: &Response) {
        self.answer = Some((response.status, response.reason));
        self.user = response.user.clone();
        self.is_protected = response.is_protected;
    }

    /// Whether a response was begun.
    pub fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    /// Notes how many bytes of content were written so far.
    pub fn note_written(&mut self, bytes: u64) {
        self.written = bytes;
    }

    /// A viewer may not have the password, so the contents are not shown.
    fn hide_protected(&mut self) {
        if let Some(watched) = &mut self.watched
            && (self.is_protected || self.user.is_some())
        {
            watched.request.hide();
            watched.response.hide();
        }
    }

    /// Counts, logs and shows the exchange. `unsent` bytes of what was written did not leave.
    pub fn end(
        mut self,
        end: End,
        unsent: u64,
        on: &OnConnection<'_>,
        now: &mut Now,
        observer: &mut Observer,
    ) {
        let status = self.answer.map(|(status, _)| status.code());
        let sent = self.written.saturating_sub(unsent);
        observer.count(status, sent, end);
        let is_logged = observer.log.takes(status, end);
        let is_recorded = is_logged || observer.is_watched();
        if !is_recorded && observer.counting.is_none() {
            return;
        }
        now.latest = clock::instant();
        let duration = now.latest.saturating_duration_since(self.began);
        if let (Some(counting), Some(status)) = (&observer.counting, status) {
            counting.count(self.counted, status, sent, duration);
        }
        if !is_recorded {
            return;
        }
        self.hide_protected();
        self.make_id(observer);
        let since_turn = now.latest.saturating_duration_since(now.instant);
        let ended = now.system.checked_add(since_turn).unwrap_or(now.system);
        let reason = self.answer.map(|(_, reason)| reason);
        let brief = reason.as_ref().map(Brief);
        let (request, watched) = (self.request.as_deref(), self.watched.as_deref());
        let record = ExchangeRecord {
            peer: self.forwarded().unwrap_or(on.client.peer),
            proxy: on.client.proxy(self.forwarded().is_some()),
            user: self.user.as_ref().map(|user| &*user.name),
            received: ended.checked_sub(duration).unwrap_or(ended),
            duration,
            host: request.and_then(RequestText::host),
            method: request.map_or(b"", RequestText::method),
            target: request.map_or(b"", RequestText::target),
            version: request.map_or(b"", RequestText::version),
            status,
            sent,
            referer: request.and_then(RequestText::referer),
            user_agent: request.and_then(RequestText::user_agent),
            reason: reason.as_ref().map_or(&"", |reason| reason),
            brief: brief.as_ref().map_or(&"", |brief| brief),
            end,
            security: on.security,
            id: self.id(),
            heads: self.heads(),
            steps: watched.map_or(&[], |watched| watched.trace.steps()),
        };
        if is_logged {
            observer.log.record(&record);
        }
        if let Some(watched) = watched {
            self.show(watched, &record, on, now.latest, observer);
        }
    }

    /// Shows the exchange in the wire view.
    fn show(
        &self,
        watched: &WatchedExchange,
        record: &ExchangeRecord<'_>,
        on: &OnConnection<'_>,
        now: Instant,
        observer: &Observer,
    ) {
        let since = |at: Instant| at.saturating_duration_since(self.began);
        let until_began = |at: Instant| self.began.saturating_duration_since(at);
        let watched = Watched {
            connection: on.client.connection,
            exchanges: on.exchanges,
            worker: observer.worker,
            accepted: on.start.map(|start| until_began(start.accepted)),
            secured: on.start.and_then(|start| start.secured).map(until_began),
            head: since(watched.head),
            answer: watched.answered.map(since),
            request: &watched.request,
            response: &watched.response,
        };
        observer.show(|| WireEvent::exchange(record, &watched), now);
    }
}

impl Kept {
    /// The memory that it takes, in bytes.
    fn cost(&self) -> usize {
        let id = self.id.as_ref().map_or(0, RequestId::cost);
        let heads = self.heads.as_ref().map_or(0, KeptHeads::cost);
        size_of::<Kept>() + id + heads
    }
}

impl WatchedExchange {
    /// The memory that it takes, in bytes.
    fn cost(&self) -> usize {
        let samples = self.request.cost() + self.response.cost();
        size_of::<WatchedExchange>() + self.trace.cost() + samples
    }
}

/// The connection of an exchange.
pub struct OnConnection<'a> {
    /// The client.
    pub client: &'a Client,
    /// The TLS session; `None` without TLS.
    pub security: Option<Security<'a>>,
    /// The exchanges of the connection so far. This one is the last of them.
    pub exchanges: Exchanges,
    /// How the connection began, for its first exchange, if somebody looked then.
    pub start: Option<&'a ConnectionStart>,
}

/// When a connection began.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionStart {
    /// When the worker received it.
    pub accepted: Instant,
    /// When its TLS handshake was complete.
    pub secured: Option<Instant>,
}
