//! Tells the wire view what the connections of a worker do.

use std::time::{Duration, Instant, SystemTime};

use super::observer::Observer;
use super::wire::{Phases, WireEvent};

/// The shortest time between two looks at all connections of a worker. A look at 10,000 of them takes
/// about a millisecond.
const INTERVAL: Duration = Duration::from_millis(200);

/// Tells of a worker's phases when they change, not more often than viewers can see.
#[derive(Debug, Default)]
pub struct PhaseReport {
    /// What the viewers know. `None` if nobody looks.
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    phases: Phases,
    /// When all connections were looked at.
    looked: Instant,
    /// How many viewers there had been until then.
    viewers: u64,
}

impl PhaseReport {
    /// Publishes the phases, if somebody looks, and if they have changed or a viewer is new. Returns how long
    /// the worker may wait until it looks again.
    pub fn tell(
        &mut self,
        phases: impl FnOnce() -> Phases,
        now: (Instant, SystemTime),
        observer: &Observer,
    ) -> Option<Duration> {
        let Some(wire) = observer.watched_wire() else {
            self.told = None;
            return None;
        };
        let viewers = wire.readers_so_far();
        let known = self.told.as_ref().filter(|told| told.viewers == viewers);
        if let Some(told) = known {
            let wait = (told.looked + INTERVAL).saturating_duration_since(now.0);
            if !wait.is_zero() {
                return Some(wait);
            }
        }
        let phases = phases();
        if known.is_none_or(|told| told.phases != phases) {
            let event = WireEvent::worker(observer.worker, phases, now.1);
            observer.publish(event, now.0);
        }
        self.told = Some(Told {
            phases,
            looked: now.0,
            viewers,
        });
        None
    }
}
