//! Where every exchange ends: it is counted, and written to the log. A worker hands over what it
//! knows and never waits.

use crate::http1::parse::RequestHead;
use crate::observe::event::{End, RequestText};
use crate::observe::log::LogHandle;
use crate::observe::metrics::Counters;

use std::sync::Arc;

/// What one worker observes with.
pub struct Observer {
    /// Its end of the access log.
    pub log: LogHandle,
    /// The counters of the server.
    pub counters: Arc<Counters>,
}

impl Observer {
    /// Whether anything would be written to the log. If not, nothing needs to be put together.
    pub fn is_logging(&self) -> bool {
        self.log.enabled()
    }

    /// What the log will tell of a request, if there is one.
    pub fn note(&self, head: &RequestHead<'_>) -> Option<Box<RequestText>> {
        self.is_logging().then(|| Box::new(RequestText::of(head)))
    }

    /// The same of a request that need not be complete or well-formed.
    pub fn note_part(&self, received: &[u8]) -> Option<Box<RequestText>> {
        let is_worth_it = self.is_logging() && !received.is_empty();
        is_worth_it.then(|| Box::new(RequestText::of_part(received)))
    }

    /// Counts an exchange that has ended. `status` is that of its response, of which `sent` bytes of
    /// content have left.
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
