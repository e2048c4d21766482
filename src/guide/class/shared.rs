//! A class, as all workers share it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Instant, SystemTime};

use crate::guide::class::report::Report;
use crate::guide::class::roll::{MOST_LEARNERS, Roll, Uncounted};
use crate::guide::places::Places;
use crate::observe::topic::{Capacity, Reader, Topic};
use crate::sync::lock;

/// A page asks for the counts when it learns that they have changed, so nothing but the last change is kept.
const KEPT: Capacity = Capacity { items: 1, bytes: 1 };

/// How many wire views learners may have open at once. Each costs time for every exchange.
const MOST_VIEWS: usize = 128;

/// How many of them from one address. A learner has a few lessons open.
const MOST_VIEWS_OF_ADDRESS: usize = 6;

/// The learners of a server, and what they have done. Clones are the same class.
#[derive(Clone)]
pub struct Class {
    roll: Arc<Mutex<Roll>>,
    changes: Topic<()>,
    /// The wire views that learners may open.
    pub views: Places,
}

impl Class {
    /// A class of a server that starts `now`, which is `at` on the clock.
    pub fn new(now: Instant, at: SystemTime) -> Class {
        Class {
            roll: Arc::new(Mutex::new(Roll::new(now, at))),
            changes: Topic::new(KEPT, now),
            views: Places::new(MOST_VIEWS, MOST_VIEWS_OF_ADDRESS),
        }
    }

    /// When it began, in milliseconds since 1970.
    pub fn began(&self) -> u64 {
        self.roll().began()
    }

    /// Counts a report from this address.
    pub fn count(&self, report: &Report, from: IpAddr, now: Instant) -> Result<(), Uncounted> {
        let has_changed = self.roll().count(report, from.to_canonical(), now)?;
        if has_changed {
            self.changes.publish((), 0, now);
        }
        Ok(())
    }

    /// Forgets everything, and begins again.
    pub fn clear(&self, now: Instant) {
        self.roll().clear(now);
        self.changes.publish((), 0, now);
    }

    /// How many pages are told of changes.
    pub fn watchers(&self) -> usize {
        self.changes.readers()
    }

    /// A reader of the changes from `now` on.
    pub fn watch(&self, now: Instant, waker: Waker) -> Reader<()> {
        self.changes.reader_since(Some(now), waker)
    }

    /// The counts, as an object in JSON. Those of the experiments stand in the order of the book.
    pub fn describe(&self) -> String {
        let roll = self.roll();
        let (began, learners) = (roll.began(), roll.learners());
        let counts: Vec<String> = roll.counts().iter().map(usize::to_string).collect();
        let counts = counts.join(",");
        format!(
            "{{\"began\":{began},\"learners\":{learners},\"most\":{MOST_LEARNERS},\"done\":[{counts}]}}"
        )
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        // No panic leaves the counts half-written.
        lock(&self.roll)
    }
}
