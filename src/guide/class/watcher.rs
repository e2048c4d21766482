//! The page of the teacher, over its WebSocket.
//!
//! ```text
//! server  {"began":1764240000000,"learners":23,"most":1000,"done":[21,20,...]}    at once, and after each change
//! page    clear                                                                   begin again
//! ```

use std::time::Instant;

use crate::guide::class::shared::Class;
use crate::observe::topic::{News, Reader};
use crate::origin::websocket::application::{Application, Part, ShortMessage, TooLong};
use crate::origin::websocket::sender::Sender;
use crate::websocket::close::CloseCode;
use crate::websocket::message::MessageKind;

/// The only message of the page.
const CLEAR: &[u8] = b"clear";

/// A page that is open in a browser.
pub struct Watcher {
    class: Class,
    changes: Reader<()>,
    /// Whether the counts have changed since they were last sent.
    has_news: bool,
    message: ShortMessage,
}

impl Watcher {
    /// A page that reads these changes of the class.
    pub fn new(class: Class, changes: Reader<()>) -> Watcher {
        Watcher {
            class,
            changes,
            has_news: true,
            message: ShortMessage::of_at_most(CLEAR.len()),
        }
    }
}

impl Application for Watcher {
    fn receive(
        &mut self,
        part: Part<'_>,
        now: Instant,
        _: &mut Sender<'_>,
    ) -> Result<(), CloseCode> {
        match self.message.add(part) {
            Ok(None) => {}
            Ok(Some(message)) if message == CLEAR => self.class.clear(now),
            Ok(Some(_)) | Err(TooLong) => return Err(CloseCode::POLICY_VIOLATION),
        }
        Ok(())
    }

    fn send(&mut self, sender: &mut Sender<'_>) -> bool {
        // However many changes there were, the counts have all of them.
        while self.changes.poll() != News::Nothing {
            self.has_news = true;
        }
        if !std::mem::take(&mut self.has_news) {
            return false;
        }
        sender.part(MessageKind::Text, self.class.describe().as_bytes(), true);
        true
    }

    fn is_shown(&self) -> bool {
        false
    }
}
