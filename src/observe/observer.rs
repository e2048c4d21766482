//! Counts, logs and shows the exchanges of one worker. Invariant: the worker never waits for it.

use crate::observe::event::End;
use crate::observe::log::LogHandle;
use crate::observe::metrics::Counters;
use crate::observe::request_id::{RequestId, RequestIds};
use crate::observe::tally::Counting;
use crate::observe::wire::{Wire, WireEvent};

use std::sync::Arc;
use std::time::Instant;

/// The access log and the counters, as one worker uses them.
pub struct Observer {
    /// The worker's handle to the access log.
    pub log: LogHandle,
    /// The counters of the server.
    pub counters: Arc<Counters>,
    /// What the worker counts for the metrics; `None` if they are off.
    pub counting: Option<Counting>,
    /// What the wire view reads; `None` if it is off.
    pub wire: Option<Wire>,
    /// The number of the worker.
    pub worker: usize,
    /// Makes the ids of requests; `None` if they have none.
    pub ids: Option<RequestIds>,
}

impl Observer {
    /// Whether somebody looks at the wire view.
    pub fn is_watched(&self) -> bool {
        self.watched_wire().is_some()
    }

    /// What the wire view reads, if somebody looks.
    pub fn watched_wire(&self) -> Option<&Wire> {
        self.wire.as_ref().filter(|wire| wire.has_readers())
    }

    /// Whether the log is on, or somebody looks. If not, no record needs to be made.
    pub fn is_recording(&self) -> bool {
        self.log.is_enabled() || self.is_watched()
    }

    /// Whether somebody sees the heads of an exchange.
    pub fn wants_heads(&self) -> bool {
        self.log.wants_heads() || self.is_watched()
    }

    /// Whether somebody sees the steps of decisions.
    pub fn wants_steps(&self) -> bool {
        self.log.wants_steps() || self.is_watched()
    }

    /// A new id for a request; `None` if requests have none.
    pub fn new_id(&mut self) -> Option<RequestId> {
        Some(self.ids.as_mut()?.make())
    }

    /// Shows an event, which is made only if somebody looks.
    pub fn show(&self, event: impl FnOnce() -> WireEvent, now: Instant) {
        if self.is_watched() {
            self.publish(event(), now);
        }
    }

    /// Publishes an event for the viewers.
    pub fn publish(&self, event: WireEvent, now: Instant) {
        if let Some(wire) = &self.wire {
            let size = event.json.capacity();
            wire.publish(event, size, now);
        }
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
