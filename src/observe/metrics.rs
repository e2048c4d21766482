//! Counters: what the server did since it started.
//!
//! Each counter is exact. Two counters that are read together may differ by a few requests, because
//! every access is relaxed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that any thread may change and read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Increases the counter.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Increases the counter by one, and returns its new value. No two callers get the same.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Decreases the counter. Only for a counter of what exists now.
    pub fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    /// The current value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a server. Its threads share them.
#[derive(Debug, Default)]
pub struct Counters {
    /// Accepted connections, including the refused ones.
    pub connections_accepted: Counter,
    /// Connections that are open now.
    pub connections_open: Counter,
    /// Connections that are open now and whose response was being sent when the drain began.
    pub draining: Counter,
    /// Connections that were refused because too many were open or the server shuts down. Most of
    /// them get a 503.
    pub connections_refused: Counter,
    /// TLS handshakes that succeeded.
    pub handshakes: Counter,
    /// TLS handshakes that failed.
    pub handshakes_failed: Counter,
    /// Responses by the first digit of their status, 1xx to 5xx.
    pub answers: [Counter; 5],
    /// Responses that were begun but not sent completely, for any reason.
    pub answers_cut: Counter,
    /// Requests that were begun but never answered.
    pub requests_unanswered: Counter,
    /// Bytes of response content that were sent.
    pub bytes_sent: Counter,
    /// Panics that a worker caught.
    pub worker_panics: Counter,
    /// Lines of the access log that were dropped.
    pub log_lines_dropped: Counter,
}

impl Counters {
    /// Counts a response with this status and this many bytes of content.
    pub fn count_answer(&self, status: u16, sent: u64) {
        let class = usize::from(status / 100).checked_sub(1);
        if let Some(counter) = class.and_then(|class| self.answers.get(class)) {
            counter.add(1);
        }
        self.bytes_sent.add(sent);
    }

    /// The current values of all counters.
    pub fn snapshot(&self) -> Snapshot {
        let answers = self.answers.each_ref().map(Counter::value);
        Snapshot {
            connections_accepted: self.connections_accepted.value(),
            connections_open: self.connections_open.value(),
            connections_refused: self.connections_refused.value(),
            handshakes: self.handshakes.value(),
            handshakes_failed: self.handshakes_failed.value(),
            // Interim responses are not counted, so a 1xx is the 101 that ends an exchange.
            requests: answers.iter().sum(),
            answers,
            answers_cut: self.answers_cut.value(),
            requests_unanswered: self.requests_unanswered.value(),
            bytes_sent: self.bytes_sent.value(),
            worker_panics: self.worker_panics.value(),
            log_lines_dropped: self.log_lines_dropped.value(),
        }
    }
}

/// The values of [`Counters`] at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub connections_accepted: u64,
    pub connections_open: u64,
    pub connections_refused: u64,
    pub handshakes: u64,
    pub handshakes_failed: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Responses by the first digit of their status, 1xx to 5xx.
    pub answers: [u64; 5],
    pub answers_cut: u64,
    pub requests_unanswered: u64,
    pub bytes_sent: u64,
    pub worker_panics: u64,
    pub log_lines_dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class() {
        let counters = Counters::default();
        for status in [101, 200, 206, 304, 404, 503, 0, 99, 600, u16::MAX] {
            counters.count_answer(status, 10);
        }
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.answers, [1, 2, 1, 1, 1]);
        assert_eq!((snapshot.requests, snapshot.bytes_sent), (6, 100));
    }

    #[test]
    fn the_number_of_open_connections_can_decrease() {
        let counters = Counters::default();
        counters.connections_open.add(2);
        counters.connections_open.subtract(1);
        assert_eq!(counters.snapshot().connections_open, 1);
    }
}
