//! The wire view (`--inspect`): a page that shows each exchange of the server.
//!
//! ```text
//! /.docroot/        the page, and its files beside it
//! /.docroot/replay  the WebSocket that sends requests: see crate::guide::replay
//! /.docroot/wire    the WebSocket that tells it of each exchange: see crate::observe::wire
//!
//! server  {"hello":{...}}       which server this is
//! server  {"exchange":{...}}    an exchange has ended; crate::observe::wire has the other events
//! ```
//!
//! Only this machine may open the page, and clients that the operator allows. The page does not show its own
//! requests. With `wire?own`, it does. A learner of a class is told of what came from its own address.
//!
//! Anybody may ask with OPTIONS whether they may use a WebSocket here. The book does so first, because a browser logs each
//! request that is refused.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::guide::access::{Access, refusal_to_foreign};
use crate::guide::class::shared::Class;
use crate::guide::own_path::in_site;
use crate::guide::packed;
use crate::guide::places::Place;
use crate::guide::replay::{Connect, MOST_OF_LEARNER, MOST_WAITING, Replay};
use crate::observe::topic::{News, Reader};
use crate::observe::wire::{ServerFacts, Wire, WireEvent};
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::moved::redirect;
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::refuse::error;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::open;
use crate::origin::websocket::sender::Sender;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::prefix::Prefix;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake::Endpoint;
use crate::websocket::message::MessageKind;

/// The path of the page, below the prefix of the site.
const PAGE: &str = ".docroot/";

/// How many pages may be told of exchanges at once, those of learners apart. Each of them costs time for every exchange.
const MOST_VIEWERS: usize = 16;

/// The name of the WebSocket that tells of exchanges.
const WIRE: &str = "wire";

/// The name of the WebSocket that sends requests again.
const REPLAY: &str = "replay";

/// The page uses nothing but its own files, and no other page shows it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the page and its WebSocket.
pub struct Inspect {
    wire: Wire,
    /// The path of the page.
    page: Box<str>,
    files: Vec<(Box<str>, Embedded)>,
    access: Access,
    server: ServerFacts,
    /// Opens connections to the server itself.
    replays: Option<Arc<dyn Connect>>,
    /// The class whose learners may use it, if there is one.
    class: Option<Class>,
}

impl Inspect {
    /// For the site of this `server` with this prefix. It shows what is published in `wire`.
    pub fn new(
        wire: Wire,
        prefix: &Prefix,
        access: Access,
        server: ServerFacts,
        replays: Option<Arc<dyn Connect>>,
        class: Option<Class>,
    ) -> Inspect {
        let files = packed::files().map(|(name, content)| {
            let file = Embedded::packed(content, packed::media_type(&name), POLICY);
            (name.into_boxed_str(), file)
        });
        Inspect {
            wire,
            page: in_site(prefix, PAGE),
            files: files.collect(),
            access,
            server,
            replays,
            class,
        }
    }
}

impl Handler for Inspect {
    fn is_of_server(&self) -> bool {
        true
    }

    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let path = request.head.target.path()?;
        let page = self.page.as_bytes();
        if page.strip_suffix(b"/") == Some(path) {
            let (location, reason) = (PAGE.into(), Reason::DirectoryWithoutSlash);
            return Some(Answer::Ready(redirect(request, location, reason, trace)));
        }
        let name = path.strip_prefix(page)?;
        let file = self
            .files
            .iter()
            .find(|(known, _)| known.as_bytes() == name);
        let is_endpoint = name == WIRE.as_bytes() || name == REPLAY.as_bytes();
        if file.is_none() && !is_endpoint {
            return None;
        }
        if is_endpoint && request.method() == Some(Method::Options) {
            return Some(Answer::Ready(self.options(request)));
        }
        if let Some(refusal) = self.access.refusal(request, trace) {
            return Some(Answer::Ready(refusal));
        }
        if let Some((name, file)) = file {
            let path = [PAGE, name].concat();
            let path = path.as_bytes();
            return Some(answer_embedded(origin, request, path, file, trace));
        }
        if let Some(refusal) = refusal_to_foreign(request) {
            return Some(Answer::Ready(refusal));
        }
        match name == WIRE.as_bytes() {
            true => Some(self.open_wire(request, origin, trace)),
            false => self.open_replay(request, origin, trace),
        }
    }
}

impl Inspect {
    /// Says whether the client may open a WebSocket here.
    fn options(&self, request: &Request<'_>) -> Response {
        let refusal = self.access.refusal(request, &mut Trace::off());
        let methods = refusal.map_or("GET, OPTIONS", |_| "OPTIONS");
        Response::new(Status::NoContent, Reason::ResourceOptions).field("Allow", methods)
    }

    fn open_wire(&self, request: &Request<'_>, origin: &mut Origin, trace: &mut Trace) -> Answer {
        let is_learner = self.access.is_learner(request);
        let only = is_learner.then(|| request.client.address().ip().to_canonical());
        let place = match only.map(|learner| self.place_of_learner(learner)) {
            Some(None) => return many_viewers(),
            place => place.flatten(),
        };
        let since = Some(request.instant);
        let reader = (self.wire).reader_since(since, request.wakers.waker());
        // Counted after it was added. Otherwise two workers could both admit the last viewer.
        if !is_learner && self.other_viewers() > MOST_VIEWERS {
            return many_viewers();
        }
        let mut pairs = request.query_pairs();
        let server = ServerFacts {
            class: self.class.as_ref().map(Class::began),
            ..self.server
        };
        let viewer = Viewer {
            hello: Some(WireEvent::hello(&server)),
            reader,
            wants_own: pairs.any(|pair| *pair.name == b"own"[..]),
            only,
            _place: place,
        };
        open(request, origin, Endpoint::default(), viewer, trace)
    }

    fn place_of_learner(&self, learner: IpAddr) -> Option<Place> {
        let class = self.class.as_ref()?;
        class.views.take(learner).ok()
    }

    /// How many viewers there are, those of learners apart.
    fn other_viewers(&self) -> usize {
        let class = self.class.as_ref();
        let of_learners = class.map_or(0, |class| class.views.taken());
        self.wire.readers().saturating_sub(of_learners)
    }

    fn open_replay(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let connect = Arc::clone(self.replays.as_ref()?);
        let viewer = request.client.address().ip();
        let most_waiting = match self.access.is_learner(request) {
            true => MOST_OF_LEARNER,
            false => MOST_WAITING,
        };
        let replay = Replay::new(connect, viewer, request.wakers.waker(), most_waiting);
        Some(open(request, origin, Endpoint::default(), replay, trace))
    }
}

fn many_viewers() -> Answer {
    let reason = Reason::OwnPage(OwnPageReason::ManyViewers);
    Answer::Ready(error(Status::ServiceUnavailable, reason))
}

/// A page that is open in a browser.
struct Viewer {
    reader: Reader<WireEvent>,
    /// Whether it is told of its own requests too.
    wants_own: bool,
    /// What the page is told first.
    hello: Option<WireEvent>,
    /// The only address of whose connections it is told; `None`: of all.
    only: Option<IpAddr>,
    /// Its place among those of learners.
    _place: Option<Place>,
}

impl Viewer {
    /// The next event.
    fn next(&mut self) -> Option<Arc<WireEvent>> {
        if let Some(hello) = self.hello.take() {
            return Some(Arc::new(hello));
        }
        loop {
            return match self.reader.poll() {
                News::Item(event) if !self.may_see(&event) => continue,
                News::Item(event) => match event.own.filter(|_| !self.wants_own) {
                    Some(connection) => Some(Arc::new(WireEvent::own(connection))),
                    None => Some(event),
                },
                News::Gap(missed) => Some(Arc::new(WireEvent::missed(missed))),
                News::Nothing => None,
            };
        }
    }

    /// Whether it may be told of an event.
    fn may_see(&self, event: &WireEvent) -> bool {
        self.only.is_none_or(|only| event.peer == Some(only))
    }
}

impl Application for Viewer {
    fn receive(&mut self, _: Part<'_>, _: Instant, _: &mut Sender<'_>) -> Result<(), CloseCode> {
        // The page only listens.
        Err(CloseCode::POLICY_VIOLATION)
    }

    fn send(&mut self, sender: &mut Sender<'_>) -> bool {
        let event = self.next();
        if let Some(event) = &event {
            sender.part(MessageKind::Text, &event.json, true);
        }
        event.is_some()
    }

    fn is_shown(&self) -> bool {
        false
    }
}
