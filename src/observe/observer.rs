//! Counts and logs the exchanges of one worker. Invariant: the worker never waits for it.

use crate::http1::parse::RequestHead;
use crate::observe::event::{End, RequestText};
use crate::observe::log::LogHandle;
use crate::observe::metrics::Counters;

use std::sync::Arc;

/// The access log and the counters, as one worker uses them.
pub struct Observer {
    /// The worker's handle to the access log.
    pub log: LogHandle,
    /// The counters of the server.
    pub counters: Arc<Counters>,
}

impl Observer {
    /// Whether the log is on. If not, no record needs to be made.
    pub fn is_logging(&self) -> bool {
        self.log.is_enabled()
    }

    /// What to log about a request; `None` if the log is off.
    pub fn note(&self, head: &RequestHead<'_>) -> Option<Box<RequestText>> {
        self.is_logging().then(|| Box::new(RequestText::of(head)))
    }

    /// The same for the bytes of a request that may be incomplete or malformed. `None` also if
    /// there are none.
    pub fn note_part(&self, received: &[u8]) -> Option<Box<RequestText>> {
        let is_logged = self.is_logging() && !received.is_empty();
        is_logged.then(|| Box::new(RequestText::of_part(received)))
    }

    /// Counts an exchange that has ended. `status` is the status of its response, if there was one,
    /// and `sent` the bytes of content that the socket took.
    pub fn count(&self, status: Option<u16>, sent: u64, end: End) {
        if let Some(status) = status {
            self.counters.count_answer(status, sent);
        }
        match (status, end) {
            (_, End::Complete) => {}
            (Some(_), _) => self.counters.answers_cut.add(1),
            (None, _) => self.counters.requests_unanswered.add(1),
        }
    }
}
