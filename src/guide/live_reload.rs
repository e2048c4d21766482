//! Live reload (`--live-reload`): pages reload when the files of the site change.
//!
//! ```text
//! /.docroot/live-reload.js    the script that documents get: see crate::site::reload_script
//! /.docroot/live-reload       the WebSocket that tells it what has changed
//!
//! page    1234                            milliseconds since the page was loaded
//! server  {"changed":["css/site.css"]}    what has changed since then, and later
//! server  {"reload":true}                 anything may have changed
//! server  {"check":true}                  the server no longer knows what has changed since then
//! ```

use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::observe::topic::{Capacity, News, Reader, Topic};
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::request::Request;
use crate::origin::websocket::application::{Application, Part};
use crate::origin::websocket::open;
use crate::origin::websocket::sender::Sender;
use crate::semantics::rules::Rules;
use crate::semantics::trace::Trace;
use crate::site::changes::Changed;
use crate::site::prefix::Prefix;
use crate::site::reload_script::SCRIPT_PATH;
use crate::text::percent;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake::Endpoint;
use crate::websocket::message::MessageKind;

/// The path of the WebSocket, below the prefix of the site.
const ENDPOINT: &str = ".docroot/live-reload";

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
    script_path: Box<str>,
    endpoint_path: Box<str>,
}

impl LiveReload {
    /// For the site with this prefix. Its changes arrive in the topic.
    pub fn new(changes: Topic<Changed>, prefix: &Prefix) -> LiveReload {
        let prefix = percent::path(prefix.as_bytes());
        let script = include_str!("assets/live-reload.js");
        let media_type = "text/javascript; charset=utf-8";
        LiveReload {
            changes,
            script: Embedded::new(script, media_type, "default-src 'none'"),
            script_path: format!("/{prefix}{SCRIPT_PATH}").into(),
            endpoint_path: format!("/{prefix}{ENDPOINT}").into(),
        }
    }
}

impl Handler for LiveReload {
    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let path = request.head.target.path()?;
        if path == self.script_path.as_bytes() {
            let (path, script) = (SCRIPT_PATH.as_bytes(), &self.script);
            return Some(answer_embedded(origin, request, path, script, trace));
        }
        (path == self.endpoint_path.as_bytes()).then(|| {
            let page = Page {
                changes: self.changes.clone(),
                rules: Rc::clone(&origin.rules),
                waker: request.wakers.waker(),
                message: Vec::new(),
                reader: None,
            };
            open(request, origin, Endpoint::default(), page, trace)
        })
    }
}

/// A page that is open in a browser.
struct Page {
    changes: Topic<Changed>,
    rules: Rc<Rules>,
    waker: Waker,
    /// What has arrived of its message.
    message: Vec<u8>,
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
        if self.message.len() + part.content.len() > LONGEST_MESSAGE {
            return Err(CloseCode::POLICY_VIOLATION);
        }
        self.message.extend_from_slice(part.content);
        if part.is_last {
            let message = std::mem::take(&mut self.message);
            let age = std::str::from_utf8(&message).ok();
            let age = age.and_then(|age| age.parse().ok());
            let age = age.ok_or(CloseCode::POLICY_VIOLATION)?;
            let loaded = now.checked_sub(Duration::from_millis(age));
            self.reader = Some(self.changes.reader_since(loaded, self.waker.clone()));
        }
        Ok(())
    }

    fn send(&mut self, sender: &mut Sender<'_>) -> bool {
        let message = match self.reader.as_mut().map(Reader::poll) {
            Some(News::Item(changed)) => self.message(&changed),
            Some(News::Gap(_)) => CHECK.to_owned(),
            Some(News::Nothing) | None => return false,
        };
        sender.part(MessageKind::Text, message.as_bytes(), true);
        true
    }
}
