//! The wire view (`--inspect`): a page that shows each exchange of the server.
//!
//! ```text
//! /.docroot/        the page, and its files beside it
//! /.docroot/wire    the WebSocket that tells it of each exchange: see crate::observe::wire
//!
//! server  {"exchange":{...}}    an exchange has ended
//! server  {"missed":12}         the page fell behind; so many exchanges are lost
//! ```
//!
//! Only this machine may open the page, and clients that the operator allows. The page does not show its own
//! requests. With `wire?own`, it does.

use std::sync::Arc;
use std::time::Instant;

use crate::guide::access::Access;
use crate::observe::topic::{News, Reader};
use crate::observe::wire::{Wire, WireEvent};
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::moved::redirect;
use crate::origin::reason::Reason;
use crate::origin::request::Request;
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::open;
use crate::origin::websocket::sender::Sender;
use crate::semantics::trace::Trace;
use crate::site::prefix::Prefix;
use crate::text::percent;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake::Endpoint;
use crate::websocket::message::MessageKind;

/// The path of the page, below the prefix of the site.
const PAGE: &str = ".docroot/";

/// The name of the WebSocket beside it.
const ENDPOINT: &str = "wire";

/// The page uses nothing but its own files, and no other page shows it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE_TYPE: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const DATA: &str = "application/json";

/// A file of the page: its name, its media type and its content.
macro_rules! file {
    ($name:literal, $media_type:expr) => {
        (
            $name,
            $media_type,
            include_str!(concat!("assets/inspect/", $name)),
        )
    };
}

/// The files of the page. The first one is the page itself, whose URL ends with the slash.
const FILES: [(&str, &str, &str); 11] = [
    ("", PAGE_TYPE, include_str!("assets/inspect/index.html")),
    file!("inspect.css", "text/css; charset=utf-8"),
    file!("inspect.js", SCRIPT),
    file!("page.js", SCRIPT),
    file!("list.js", SCRIPT),
    file!("details.js", SCRIPT),
    file!("bytes.js", SCRIPT),
    file!("dissect.js", SCRIPT),
    file!("commands.js", SCRIPT),
    file!("en.json", DATA),
    file!("zh.json", DATA),
];

/// Serves the page and its WebSocket.
pub struct Inspect {
    wire: Wire,
    /// The path of the page.
    page: Box<str>,
    files: Vec<(&'static str, Embedded)>,
    access: Access,
}

impl Inspect {
    /// For the site with this prefix. It shows what is published in `wire`.
    pub fn new(wire: Wire, prefix: &Prefix, access: Access) -> Inspect {
        let prefix = percent::path(prefix.as_bytes());
        let files = FILES
            .iter()
            .map(|(name, media_type, content)| (*name, Embedded::new(content, media_type, POLICY)));
        Inspect {
            wire,
            page: format!("/{prefix}{PAGE}").into(),
            files: files.collect(),
            access,
        }
    }
}

impl Handler for Inspect {
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
        if file.is_none() && name != ENDPOINT.as_bytes() {
            return None;
        }
        if let Some(refusal) = self.access.refusal(request, trace) {
            return Some(Answer::Ready(refusal));
        }
        if let Some((name, file)) = file {
            let path = [PAGE, name].concat();
            return Some(answer_embedded(
                origin,
                request,
                path.as_bytes(),
                file,
                trace,
            ));
        }
        let mut pairs = request.query_pairs();
        let viewer = Viewer {
            reader: self
                .wire
                .reader_since(Some(request.instant), request.wakers.waker()),
            wants_own: pairs.any(|pair| *pair.name == b"own"[..]),
        };
        Some(open(request, origin, Endpoint::default(), viewer, trace))
    }
}

/// A page that is open in a browser.
struct Viewer {
    reader: Reader<WireEvent>,
    /// Whether it is told of its own requests too.
    wants_own: bool,
}

impl Viewer {
    /// The next exchange that the page is told of, or that exchanges are lost.
    fn next(&mut self) -> Option<Arc<WireEvent>> {
        loop {
            match self.reader.poll() {
                News::Item(event) if event.is_own && !self.wants_own => {}
                News::Item(event) => return Some(event),
                News::Gap(missed) => return Some(Arc::new(WireEvent::missed(missed))),
                News::Nothing => return None,
            }
        }
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
}
