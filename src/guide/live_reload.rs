//! Live reload (`--live-reload`): pages reload when the files of the site change.
//!
//! ```text
//! .docroot/live-reload.js     in every folder: the script that documents get, see crate::site::reload_script
//! .docroot/live-reload        beside it: the WebSocket that tells it what has changed
//!
//! server  {"folder":"docs/"}              the folder of the script below the root, as docroot sees it; not sent for the root
//! page    1234                            milliseconds since the page was loaded
//! server  {"changed":["css/site.css"]}    what has changed since then, and later
//! server  {"reload":true}                 anything may have changed
//! server  {"check":true}                  the server no longer knows what has changed since then
//! ```
//!
//! A proxy may change the paths of the site. docroot names files by their paths below the root, and the page
//! resolves them against the folder that docroot sees and the address that the browser sees.

use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::observe::topic::{Capacity, News, Reader, Topic};
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::request::Request;
use crate::origin::websocket::application::{Application, Part, ShortMessage, TooLong};
use crate::origin::websocket::open;
use crate::origin::websocket::sender::Sender;
use crate::semantics::rules::Rules;
use crate::semantics::trace::Trace;
use crate::site::changes::Changed;
use crate::site::prefix::Prefix;
use crate::site::reload_script::{self, SCRIPT_PATH, SOCKET_PATH};
use crate::text::percent;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake::Endpoint;
use crate::websocket::message::MessageKind;

/// How many changes to keep. A page that was away for longer checks its own document.
pub const KEPT: Capacity = Capacity {
    items: 64,
    bytes: 256 * 1024,
};

/// The longest message of a page: a number of 64 bits.
const LONGEST_MESSAGE: usize = 20;

/// How long the paths of a message are together, at most. A message is kept in memory for each page.
const LONGEST_LIST: usize = 4096;

/// Serves the script and its WebSocket.
pub struct LiveReload {
    changes: Topic<Changed>,
    script: Embedded,
    prefix: Prefix,
}

impl LiveReload {
    /// For the site with this prefix. Its changes arrive in the topic.
    pub fn new(changes: Topic<Changed>, prefix: &Prefix) -> LiveReload {
        let script = include_str!("assets/live-reload.js");
        let media_type = "text/javascript; charset=utf-8";
        LiveReload {
            changes,
            script: Embedded::new(script, media_type, "default-src 'none'"),
            prefix: prefix.clone(),
        }
    }

    /// What a request for this path gets.
    fn wanted(&self, raw: &[u8]) -> Option<Wanted> {
        // Other paths need not be decoded.
        if !raw.ends_with(SOCKET_PATH.as_bytes()) && !raw.ends_with(SCRIPT_PATH.as_bytes()) {
            return None;
        }
        let mut storage = Vec::new();
        let path = self.prefix.decode(raw, &mut storage).ok()?.as_bytes();
        Some(match reload_script::split(path)? {
            (_, SCRIPT_PATH) => Wanted::Script,
            (folder, _) => Wanted::Changes(folder.into()),
        })
    }
}

/// What a page wants.
enum Wanted {
    /// The script.
    Script,
    /// The WebSocket, from this folder.
    Changes(Box<[u8]>),
}

impl Handler for LiveReload {
    fn is_of_server(&self) -> bool {
        true
    }

    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let folder = match self.wanted(request.head.target.path()?)? {
            Wanted::Script => {
                let (path, script) = (SCRIPT_PATH.as_bytes(), &self.script);
                return Some(answer_embedded(origin, request, path, script, trace));
            }
            Wanted::Changes(folder) => folder,
        };
        let page = Page {
            changes: self.changes.clone(),
            rules: Rc::clone(&origin.rules),
            waker: request.wakers.waker(),
            folder: (!folder.is_empty()).then_some(folder),
            message: ShortMessage::of_at_most(LONGEST_MESSAGE),
            reader: None,
        };
        let endpoint = Endpoint {
            takes_forwarded_host: true,
            ..Endpoint::default()
        };
        Some(open(request, origin, endpoint, page, trace))
    }
}

/// A page that is open in a browser.
struct Page {
    changes: Topic<Changed>,
    rules: Rc<Rules>,
    waker: Waker,
    /// The folder of its script, until the page is told. `None` if it is the root.
    folder: Option<Box<[u8]>>,
    message: ShortMessage,
    /// Reads the changes since the page was loaded; `None` until the page has said how long ago that was.
    reader: Option<Reader<Changed>>,
}

impl Page {
    /// The message for a change. It does not name files that need a password.
    fn message(&self, changed: &Changed) -> String {
        let Changed::Paths(paths) = changed else {
            return RELOAD.to_owned();
        };
        let is_protected = |path: &[u8]| self.rules.matching(path).is_protected;
        if changed.size() > LONGEST_LIST || paths.iter().any(|path| is_protected(path)) {
            return RELOAD.to_owned();
        }
        // Encoded paths have no character that JSON escapes.
        let paths = paths.iter().map(|path| percent::path(path));
        let quoted: Vec<String> = paths.map(|path| format!("\"{path}\"")).collect();
        format!("{{\"changed\":[{}]}}", quoted.join(","))
    }
}

const RELOAD: &str = "{\"reload\":true}";
const CHECK: &str = "{\"check\":true}";

impl Application for Page {
    fn receive(
        &mut self,
        part: Part<'_>,
        now: Instant,
        _: &mut Sender<'_>,
    ) -> Result<(), CloseCode> {
        let added = self.message.add(part);
        if let Some(message) = added.map_err(|TooLong| CloseCode::POLICY_VIOLATION)? {
            let age = std::str::from_utf8(&message).ok();
            let age = age.and_then(|age| age.parse().ok());
            let age = age.ok_or(CloseCode::POLICY_VIOLATION)?;
            let loaded = now.checked_sub(Duration::from_millis(age));
            self.reader = Some(self.changes.reader_since(loaded, self.waker.clone()));
        }
        Ok(())
    }

    fn send(&mut self, sender: &mut Sender<'_>) -> bool {
        if let Some(folder) = self.folder.take() {
            let message = format!("{{\"folder\":\"{}\"}}", percent::path(&folder));
            sender.part(MessageKind::Text, message.as_bytes(), true);
            return true;
        }
        let message = match self.reader.as_mut().map(Reader::poll) {
            Some(News::Item(changed)) => self.message(&changed),
            Some(News::Gap(_)) => CHECK.to_owned(),
            Some(News::Nothing) | None => return false,
        };
        sender.part(MessageKind::Text, message.as_bytes(), true);
        true
    }
}
