//! A worker: one thread, one poller, its own connections.
//!
//! Workers share only channels, counters and what [`Settings`] holds.
//! A turn of the loop waits for readiness, reads the clock, admits new sockets, drives every
//! connection that has something to do, acts on the timers that have fired, and gives up connections if memory is
//! short. This file decides when a turn begins, what happens in it and when the worker exits.

// Its connections, and how they are driven.
mod connections;
// The events of its poller.
mod events;
// Which connections are given up, and for what.
mod making_room;
// Its new clients.
mod arrivals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mio::Events;

use crate::http1::limits::HeadLimits;
use crate::net::context::Context;
use crate::net::mailbox::{Change, Mailbox};
use crate::net::settings::Settings;
use crate::net::shed::Shedding;
use crate::net::worker::arrivals::Arrivals;
use crate::net::worker::connections::Connections;
use crate::net::worker::making_room::shed;
use crate::observe::phase_report::PhaseReport;

/// A turn that begins this much later than planned lets no deadline pass: see [`Worker::is_late`].
const LATE: Duration = Duration::from_millis(500);

/// A thread that serves connections.
pub struct Worker {
    connections: Connections,
    arrivals: Arrivals,
    /// Connections that are given up, because the clients hold too much memory.
    shedding: Shedding,
    /// What viewers know of the connections.
    phases: PhaseReport,
    /// The longest time to wait in the poller, although no timer fires.
    longest_wait: Option<Duration>,
    /// Whether this turn begins late, because the process was stopped or the machine has too much to do. What
    /// clients sent meanwhile is read first: deadlines have to wait for the next turn, and only for that.
    is_late: bool,
}

impl Worker {
    /// A worker that receives its sockets and wake-ups from `mailbox`, for heads within `limits`.
    pub fn new(mailbox: Mailbox, limits: &HeadLimits) -> Worker {
        Worker {
            connections: Connections::new(mailbox, limits),
            arrivals: Arrivals::default(),
            shedding: Shedding::default(),
            phases: PhaseReport::default(),
            longest_wait: None,
            is_late: false,
        }
    }

    /// Serves on this thread until the server stops. If the server drains, it serves until every
    /// response that was begun has left.
    pub fn run(mut self, mut context: Context) {
        let mut events = events::room();
        while !self.close_if_done(&context) {
            let planned = self.wait(&mut events, &context);
            self.begin_turn(&mut context);
            self.note_late(planned, context.now.instant);
            let connections = &mut self.connections;
            self.arrivals.admit(connections, &mut context);
            events::act_on(&mut events, connections, &mut context);
            connections.queue_woken();
            connections.drive_queues(&mut context);
            if !self.is_late {
                connections.expire(&mut context);
            }
            let waits = [
                shed(&mut self.shedding, connections, &mut context),
                self.tell_viewers(&context),
                context.origins.end_turn(),
            ];
            self.longest_wait = waits.into_iter().flatten().min();
            context.observer.log.flush();
        }
        self.connections.cut_all(&mut context);
        // It has no connections any more, and whoever has asked it must not wait.
        self.tell_operators(&context);
    }

    /// Tells viewers what the connections do. Returns how long the worker may wait until it does so again.
    fn tell_viewers(&mut self, context: &Context) -> Option<Duration> {
        let now = (context.now.instant, context.now.system);
        let phases = || self.connections.slots().phases();
        self.phases.tell(phases, now, &context.observer)
    }

    /// Tells operators what the connections do.
    fn tell_operators(&self, context: &Context) {
        if let Some(counting) = &context.observer.counting {
            let (phases, now) = (self.connections.slots().phases(), context.now.latest);
            counting.tally().tell_phases(phases, now);
        }
    }

    /// Closes the mailbox if the worker is done. Sockets that were sent earlier are served first.
    fn close_if_done(&self, context: &Context) -> bool {
        self.is_done(context) && self.connections.mailbox.close_if(|| self.is_done(context))
    }

    /// Whether the worker may exit. It may exit although it is still refusing clients, because their
    /// responses are in the socket or wait for a handshake.
    fn is_done(&self, context: &Context) -> bool {
        let mailbox = &self.connections.mailbox;
        mailbox.shutdown.is_stopping()
            || (context.origins.is_draining() && self.arrivals.is_empty() && mailbox.is_idle())
    }

    /// Waits for readiness, for a message, or for the next timer. Returns when the next turn begins at the
    /// latest, if all goes well. `None`: there is no timer.
    fn wait(&mut self, events: &mut Events, context: &Context) -> Option<Instant> {
        let now = context.now.instant;
        let timeout = match self.has_queued() {
            false => {
                let next = self.connections.next_timer();
                let next = next.map(|at| at.saturating_duration_since(now));
                next.into_iter().chain(self.longest_wait).min()
            }
            true => Some(Duration::ZERO),
        };
        self.connections.mailbox.set_asleep();
        // Nothing that was sent before this call has woken the worker.
        let timeout = match self.has_news(context) {
            true => Some(Duration::ZERO),
            false => timeout,
        };
        let poll = &mut self.connections.mailbox.poll;
        if poll.poll(events, timeout).is_err() {
            // Interrupted by a signal, such as that after a stop. Events may have come meanwhile.
            let polled = poll.poll(events, Some(Duration::ZERO));
            polled.unwrap_or_else(|_| events.clear());
        }
        self.connections.mailbox.set_awake();
        timeout.and_then(|timeout| now.checked_add(timeout))
    }

    /// Notes whether a turn begins late, but not twice in succession.
    fn note_late(&mut self, planned: Option<Instant>, now: Instant) {
        let is_late = planned.is_some_and(|planned| now >= planned + LATE);
        self.is_late = is_late && !self.is_late;
    }

    fn has_queued(&self) -> bool {
        self.connections.has_queued()
            || self.is_late
            || !self.arrivals.is_empty()
            || self.shedding.is_under_way()
    }

    /// Whether a message waits, or the state of the shutdown has changed.
    fn has_news(&self, context: &Context) -> bool {
        let mailbox = &self.connections.mailbox;
        let shutdown = &mailbox.shutdown;
        let is_to_drain = shutdown.is_draining() && !context.origins.is_draining();
        mailbox.has_messages() || is_to_drain || shutdown.is_stopping()
    }

    fn begin_turn(&mut self, context: &mut Context) {
        context.now.advance();
        self.take_changes(context);
        let (date, instant) = (context.now.date, context.now.instant);
        if context.origins.begin_turn(date, instant) {
            self.arrivals.forget_places();
            if self.connections.shrink(context) {
                self.arrivals.shrink();
            }
        }
        let shutdown = &self.connections.mailbox.shutdown;
        if shutdown.is_draining() && !context.origins.is_draining() {
            context.origins.begin_drain();
            context.ends_idle = !shutdown.is_handed_over();
            self.connections.begin_drain(&context.observer.counters);
        }
    }

    fn take_changes(&mut self, context: &mut Context) {
        while let Ok(change) = self.connections.mailbox.changes.try_recv() {
            match change {
                Change::Settings(settings) => self.reload(&settings, context),
                Change::Log(options) => context.observer.log.set_options(&options),
                Change::AskedForPhases => self.tell_operators(context),
            }
        }
    }

    /// Switches to new settings. Connections that may not stay end like in a drain.
    fn reload(&mut self, settings: &Settings, context: &mut Context) {
        // Handlers are made and dropped here.
        if catch_unwind(AssertUnwindSafe(|| context.reload(settings))).is_err() {
            context.observer.counters.worker_panics.add(1);
        }
        self.connections.end_after_reload(settings.ends);
    }
}
