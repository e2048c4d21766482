//! Counts and logs the exchanges of one worker. Invariant: the worker never waits for it.

use crate::observe::event::End;
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
