//! A worker: one thread, one poller, its own connections.
//!
//! Workers share only channels, counters and what [`Settings`] holds.
//! A turn of the loop waits for readiness, reads the clock, admits new sockets, drives every
//! connection that has something to do, and acts on the timers that have fired.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};

use crate::http1::limits::HeadLimits;
use crate::net::candidates::{self, newcomer};
use crate::net::clock;
use crate::net::connection::{Connection, Turn};
use crate::net::context::{Context, TURN_TIME};
use crate::net::fair_queue::FairQueue;
use crate::net::mailbox::{Admission, Change, Mailbox, WAKE};
use crate::net::places::{Newcomer, Places};
use crate::net::protocol::step::Refusal;
use crate::net::settings::Settings;
use crate::net::shed::Shedding;
use crate::net::slots::Slots;
use crate::net::stream::Buffers;
use crate::net::timers::Timers;
use crate::net::transport::Transport;
use crate::observe::closed::{Closed, Why};
use crate::observe::event::End;
use crate::observe::phase_report::PhaseReport;
use crate::observe::wire::WireEvent;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// The most events in one turn. More would only make the turn longer.
const EVENTS: usize = 1024;

/// The most batches of events that are fetched after a full one, before connections are driven: enough for
/// all connections of a worker.
const MOST_BATCHES: usize = 64;

/// How long a worker works on a queue before it polls for readiness again.
const QUEUE_TIME: Duration = Duration::from_millis(2);

/// How long a worker works on new events at full speed. Then each connection answers one request, so
/// that the last of the events does not wait long.
const EVENTS_TIME: Duration = Duration::from_millis(4);

/// How long a worker drives connections that have events. After that, it queues the rest.
const MOST_EVENTS_TIME: Duration = Duration::from_millis(8);

/// If a connection has used a whole turn, its next turns are queued until it has had this many that it
/// did not use up.
const BUSY_TURNS: u8 = 8;

/// A turn that begins this much later than planned lets no deadline pass: see [`Worker::is_late`].
const LATE: Duration = Duration::from_millis(500);

/// How many clients may be reading a refusal at once. Beyond it the socket is closed without a
/// response, because a response costs a slot until the client has read it.
const MOST_REFUSED: usize = 32;

/// A timer is set at least this far ahead.
const TICK: Duration = Duration::from_millis(1);

/// A thread that serves connections.
pub struct Worker {
    mailbox: Mailbox,
    /// For the connection that is driven.
    buffers: Buffers,
    slots: Slots,
    /// New sockets, by network, so a flood from one network does not delay the others.
    arrivals: FairQueue<Admission>,
    /// Connections that asked for another turn. Some may have ended since.
    again: FairQueue<Token>,
    /// Connections in a TLS handshake that have something to do. Some may have ended since.
    handshakes: FairQueue<Token>,
    timers: Timers,
    /// Connections that are given up, because the clients hold too much memory.
    shedding: Shedding,
    /// Connections that give way to new clients, because there are as many as the server allows.
    places: Places,
    /// How many connections are being refused.
    refused: usize,
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
            mailbox,
            buffers: Buffers::new(limits.head),
            slots: Slots::default(),
            arrivals: FairQueue::default(),
            again: FairQueue::default(),
            handshakes: FairQueue::default(),
            timers: Timers::default(),
            shedding: Shedding::default(),
            places: Places::default(),
            refused: 0,
            phases: PhaseReport::default(),
            longest_wait: None,
            is_late: false,
        }
    }

    /// Serves on this thread until the server stops. If the server drains, it serves until every
    /// response that was begun has left.
    pub fn run(mut self, mut context: Context) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.close_if_done(&context) {
            let planned = self.wait(&mut events, &context);
            self.begin_turn(&mut context);
            self.note_late(planned, context.now.instant);
            self.admit(&mut context);
            self.act_on_events(&mut events, &mut context);
            self.queue_woken();
            self.drive_queues(&mut context);
            if !self.is_late {
                self.expire(&mut context);
            }
            let waits = [
                self.shed(&mut context),
                self.tell_viewers(&context),
                context.origins.end_turn(),
            ];
            self.longest_wait = waits.into_iter().flatten().min();
            context.observer.log.flush();
        }
        for index in 0..self.slots.len() {
            self.close(index, Closed::Cut(End::Shutdown), &mut context);
        }
        // It has no connections any more, and whoever has asked it must not wait.
        self.tell_operators(&context);
    }

    /// Tells viewers what the connections do. Returns how long the worker may wait until it does so again.
    fn tell_viewers(&mut self, context: &Context) -> Option<Duration> {
        let now = (context.now.instant, context.now.system);
        let phases = || self.slots.phases();
        self.phases.tell(phases, now, &context.observer)
    }

    /// Tells operators what the connections do.
    fn tell_operators(&self, context: &Context) {
        if let Some(counting) = &context.observer.counting {
            let now = context.now.latest;
            counting.tally().tell_phases(self.slots.phases(), now);
        }
    }

    /// Closes the mailbox if the worker is done. Sockets that were sent earlier are served first.
    fn close_if_done(&self, context: &Context) -> bool {
        self.is_done(context) && self.mailbox.close_if(|| self.is_done(context))
    }

    /// Whether the worker may exit. It may exit although it is still refusing clients, because their
    /// responses are in the socket or wait for a handshake.
    fn is_done(&self, context: &Context) -> bool {
        self.mailbox.shutdown.is_stopping()
            || (context.origins.is_draining() && self.arrivals.is_empty() && self.mailbox.is_idle())
    }

    /// Waits for readiness, for a message, or for the next timer. Returns when the next turn begins at the
    /// latest, if all goes well. `None`: there is no timer.
    fn wait(&mut self, events: &mut Events, context: &Context) -> Option<Instant> {
        let now = context.now.instant;
        let timeout = match self.has_queued() {
            false => {
                let next = self.timers.next();
                let next = next.map(|at| at.saturating_duration_since(now));
                next.into_iter().chain(self.longest_wait).min()
            }
            true => Some(Duration::ZERO),
        };
        self.mailbox.set_asleep();
        // Nothing that was sent before this call has woken the worker.
        let timeout = match self.has_news(context) {
            true => Some(Duration::ZERO),
            false => timeout,
        };
        if self.mailbox.poll.poll(events, timeout).is_err() {
            // Interrupted by a signal, such as that after a stop. Events may have come meanwhile.
            let polled = self.mailbox.poll.poll(events, Some(Duration::ZERO));
            polled.unwrap_or_else(|_| events.clear());
        }
        self.mailbox.set_awake();
        timeout.and_then(|timeout| now.checked_add(timeout))
    }

    /// Notes whether a turn begins late, but not twice in succession.
    fn note_late(&mut self, planned: Option<Instant>, now: Instant) {
        let is_late = planned.is_some_and(|planned| now >= planned + LATE);
        self.is_late = is_late && !self.is_late;
    }

    fn has_queued(&self) -> bool {
        let is_waiting = !(self.again.is_empty() && self.handshakes.is_empty());
        is_waiting || self.is_late || !self.arrivals.is_empty() || self.shedding.is_under_way()
    }

    /// Whether a message waits, or the state of the shutdown has changed.
    fn has_news(&self, context: &Context) -> bool {
        let shutdown = &self.mailbox.shutdown;
        let is_to_drain = shutdown.is_draining() && !context.origins.is_draining();
        self.mailbox.has_messages() || is_to_drain || shutdown.is_stopping()
    }

    fn begin_turn(&mut self, context: &mut Context) {
        context.now.advance();
        self.take_changes(context);
        let (date, instant) = (context.now.date, context.now.instant);
        if context.origins.begin_turn(date, instant) {
            self.places = Places::default();
            self.shrink(context);
        }
        if self.mailbox.shutdown.is_draining() && !context.origins.is_draining() {
            context.origins.begin_drain();
            context.ends_idle = !self.mailbox.shutdown.is_handed_over();
            // Every connection checks once whether a request waits. Idle connections end.
            for index in 0..self.slots.len() {
                if let Some(connection) = &mut self.slots[index].connection {
                    connection.ready(true, false, false);
                }
                self.queue(index);
            }
        }
    }

    fn take_changes(&mut self, context: &mut Context) {
        while let Ok(change) = self.mailbox.changes.try_recv() {
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
        for index in 0..self.slots.len() {
            let connection = self.slots[index].connection.as_mut();
            if connection.is_some_and(|one| one.end_after_reload(settings.ends)) {
                self.queue(index);
            }
        }
    }

    /// If no connection is left, frees the room that a crowd of them has taken. After that, an old
    /// token may match a new connection. The new connection then gets an extra turn, which does nothing.
    fn shrink(&mut self, context: &mut Context) {
        if !self.slots.are_vacant() {
            return;
        }
        self.slots = Slots::default();
        if self.arrivals.is_empty() {
            self.arrivals = FairQueue::default();
        }
        self.again = FairQueue::default();
        self.handshakes = FairQueue::default();
        context.scratch = Vec::new();
        self.renew_buffers(context);
    }

    /// Replaces the buffers after a panic, or after they have grown.
    fn renew_buffers(&mut self, context: &Context) {
        self.buffers = Buffers::new(context.head_limits.head);
    }

    /// Drives the connections that have events, as many as time permits, and queues the others.
    fn act_on_events(&mut self, events: &mut Events, context: &mut Context) {
        if is_full(events) {
            self.queue_flood(events);
            context.now.latest = clock::instant();
            return;
        }
        let begin = context.now.latest;
        for event in events.iter() {
            if context.now.latest >= begin + EVENTS_TIME {
                context.turn_time = Duration::ZERO;
            }
            let Some(index) = self.note_ready(event) else {
                continue;
            };
            let is_late = context.now.latest >= begin + MOST_EVENTS_TIME;
            match is_late || self.slots[index].busy > 0 {
                true => self.queue(index),
                false => self.drive_or_queue(index, context),
            }
        }
        context.turn_time = TURN_TIME;
    }

    /// Queues the connections of a full batch of events. There may be many more events behind it, so those
    /// are fetched and queued as well before any connection is driven, and networks take turns.
    fn queue_flood(&mut self, events: &mut Events) {
        for fetched in 0..=MOST_BATCHES {
            for event in events.iter() {
                if let Some(index) = self.note_ready(event) {
                    self.queue(index);
                }
            }
            let poll = &mut self.mailbox.poll;
            let is_last = fetched == MOST_BATCHES || !is_full(events);
            if is_last || poll.poll(events, Some(Duration::ZERO)).is_err() {
                return;
            }
        }
    }

    /// Admits new sockets, as many as time permits. Each answers one request, and long work is queued.
    fn admit(&mut self, context: &mut Context) {
        for admission in self.mailbox.admissions.try_iter() {
            self.arrivals.push(admission.client.network(), admission);
        }
        let end = context.now.latest + QUEUE_TIME;
        context.turn_time = Duration::ZERO;
        while context.now.latest < end
            && let Some(admission) = self.arrivals.pop()
        {
            // In this turn, the client may have got a response already on another connection and
            // changed a file since. So files are checked again.
            context.origins.look_again();
            if let Some(admission) = self.decide(admission, context) {
                self.begin(admission, context);
            }
        }
        context.turn_time = TURN_TIME;
    }

    /// Decides about a new client that is to be refused. `None`: its socket is closed.
    fn decide(&mut self, mut admission: Admission, context: &mut Context) -> Option<Admission> {
        let Some(reason) = admission.refused else {
            return Some(admission);
        };
        if reason != Reason::Draining && self.make_room(newcomer(&admission, context), context) {
            admission.refused = None;
            self.mailbox.note_served();
            return Some(admission);
        }
        let counters = &context.observer.counters;
        counters.connections_refused.add(1);
        if self.refused < MOST_REFUSED {
            return Some(admission);
        }
        self.mailbox.note_closed(true);
        counters.connections_open.subtract(1);
        None
    }

    /// Begins a connection.
    fn begin(&mut self, admission: Admission, context: &mut Context) {
        let Admission {
            stream,
            client,
            listener,
            refused,
        } = admission;
        let is_refused = refused.is_some();
        let status = Status::ServiceUnavailable;
        let refusal = refused.map(|reason| Box::new(Refusal { status, reason }));
        let transport = Transport::new(stream);
        let mut connection = Connection::new(transport, client, listener, refusal, context);
        let index = self.slots.take_free();
        let token = self.slots.token(index);
        connection.set_token(token);
        show_opened(&connection, context);
        let registered = self.register(&connection, token);
        let slot = &mut self.slots[index];
        slot.connection = Some(Box::new(connection));
        slot.refused = is_refused;
        self.refused += usize::from(is_refused);
        match registered {
            Ok(()) => self.drive_or_queue(index, context),
            Err(_) => self.close(index, Closed::Cut(End::ClientGone), context),
        }
        self.set_timer(index, context);
    }

    fn register(&self, connection: &Connection, token: Token) -> std::io::Result<()> {
        let descriptor = connection.transport().socket().descriptor();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.mailbox.poll.registry();
        registry.register(&mut SourceFd(&descriptor), token, interest)
    }

    /// Notes an event of a connection. Returns the connection's slot, unless it is queued already.
    fn note_ready(&mut self, event: &Event) -> Option<usize> {
        if event.token() == WAKE {
            return None;
        }
        let index = self.slots.index_of(event.token())?;
        let slot = &mut self.slots[index];
        let hung_up = event.is_read_closed() || event.is_error();
        let readable = event.is_readable() || hung_up;
        let connection = slot.connection.as_mut()?;
        connection.ready(readable, hung_up, event.is_write_closed());
        (!slot.queued).then_some(index)
    }

    /// Queues the connections that were woken.
    fn queue_woken(&mut self) {
        // Connections that are woken from now on wait for the next turn.
        for _ in 0..self.mailbox.woken.len() {
            if let Ok(token) = self.mailbox.woken.try_recv()
                && let Some(index) = self.slots.index_of(token)
            {
                self.queue(index);
            }
        }
    }

    /// Drives the connections that asked for another turn, then those in a handshake. Each queue has
    /// a time limit, so many handshakes do not slow down established connections.
    fn drive_queues(&mut self, context: &mut Context) {
        self.drive_queue(|worker| &mut worker.again, context);
        self.drive_queue(|worker| &mut worker.handshakes, context);
    }

    fn drive_queue(
        &mut self,
        queue: fn(&mut Worker) -> &mut FairQueue<Token>,
        context: &mut Context,
    ) {
        let waiting = queue(self).len();
        if waiting == 0 {
            return;
        }
        let end = clock::instant() + QUEUE_TIME;
        for _ in 0..waiting {
            let token = queue(self).pop();
            if let Some(index) = token.and_then(|token| self.slots.index_of(token)) {
                self.slots[index].queued = false;
                self.run_turn(index, context, Connection::drive);
            }
            if context.now.latest >= end {
                return;
            }
        }
    }

    /// Drives a connection that has an event. A handshake takes from a tenth of a millisecond to
    /// several milliseconds, so it is queued and established connections do not wait for it.
    fn drive_or_queue(&mut self, index: usize, context: &mut Context) {
        match self.is_in_handshake(index) {
            true => self.queue(index),
            false => self.run_turn(index, context, Connection::drive),
        }
    }

    fn is_in_handshake(&self, index: usize) -> bool {
        let connection = self.slots[index].connection.as_ref();
        connection.is_some_and(|connection| connection.is_in_handshake())
    }

    /// Runs one turn of a connection. If it panics, only this connection is closed.
    fn run_turn(
        &mut self,
        index: usize,
        context: &mut Context,
        turn: fn(&mut Connection, &mut Buffers, &mut Context) -> Turn,
    ) {
        let Some(connection) = &mut self.slots[index].connection else {
            return;
        };
        let buffers = &mut self.buffers;
        let turn = catch_unwind(AssertUnwindSafe(|| turn(connection, buffers, context)));
        // For the limits on time, and for when the next connection's bytes arrive.
        context.now.latest = clock::instant();
        let slot = &mut self.slots[index];
        slot.busy = match turn {
            Ok(Turn::Again) => BUSY_TURNS,
            _ => slot.busy.saturating_sub(1),
        };
        match turn {
            Ok(Turn::Wait) => self.set_timer(index, context),
            Ok(Turn::Again) => self.queue(index),
            Ok(Turn::Closed(closed)) => self.close(index, closed, context),
            Err(_) => {
                context.observer.counters.worker_panics.add(1);
                self.close(index, Closed::Cut(End::Bug), context);
                self.renew_buffers(context);
                // It has the steps of the request that panicked.
                context.trace = Trace::off();
            }
        }
    }

    /// Sets the connection's timer, unless it fires at the deadline or earlier already.
    fn set_timer(&mut self, index: usize, context: &Context) {
        let slot = &mut self.slots[index];
        let Some(connection) = &slot.connection else {
            return;
        };
        // A deadline that has passed already fires in the next turn.
        let at = connection.deadline().at.max(context.now.instant + TICK);
        if slot.timer.is_none_or(|timer| at < timer) {
            let previous = slot.timer.replace(at);
            self.timers.set(previous, at, self.slots.token(index));
        }
    }

    /// Queues a connection for a turn after the other connections.
    fn queue(&mut self, index: usize) {
        let token = self.slots.token(index);
        let slot = &mut self.slots[index];
        let Some(connection) = &slot.connection else {
            return;
        };
        if std::mem::replace(&mut slot.queued, true) {
            return;
        }
        let network = connection.network();
        let queue = match connection.is_in_handshake() {
            true => &mut self.handshakes,
            false => &mut self.again,
        };
        queue.push(network, token);
    }

    fn close(&mut self, index: usize, closed: Closed, context: &mut Context) {
        let Some(vacated) = self.slots.vacate(index) else {
            return;
        };
        self.timers.clear(vacated.timer, vacated.token);
        let buffers = &mut self.buffers;
        let end = AssertUnwindSafe(|| vacated.connection.end(closed, buffers, context));
        // A handler is dropped here, and its destructor may panic.
        let has_panicked = catch_unwind(end).is_err();
        self.refused -= usize::from(vacated.was_refused);
        self.mailbox.note_closed(vacated.was_refused);
        context.observer.counters.connections_open.subtract(1);
        if has_panicked {
            context.observer.counters.worker_panics.add(1);
            self.renew_buffers(context);
        }
    }

    /// Acts on timers that have fired, as many as time permits. In most cases the deadline has moved, and
    /// the timer is set again.
    fn expire(&mut self, context: &mut Context) {
        let now = context.now.instant;
        let end = context.now.latest + QUEUE_TIME;
        while context.now.latest < end
            && let Some(token) = self.timers.pop_due(now)
        {
            let Some(index) = self.slots.index_of(token) else {
                continue;
            };
            let slot = &mut self.slots[index];
            slot.timer = None;
            // A queued connection waits for the worker, not for its client.
            let connection = slot.connection.as_ref().filter(|_| !slot.queued);
            match connection.map(|connection| connection.deadline().has_passed(now)) {
                Some(true) => self.run_turn(index, context, Connection::expire),
                Some(false) => self.set_timer(index, context),
                None => {}
            }
        }
    }

    /// Gives up connections if the clients hold more memory than the server may, for as long as events may take: what
    /// they free must outweigh what a flood of events brings. Returns how long the worker may wait until it looks again.
    fn shed(&mut self, context: &mut Context) -> Option<Duration> {
        let now = context.now.instant;
        if context.memory.budget().excess() > 0 {
            if self.shedding.is_due(now) {
                let holders = candidates::of_memory(&self.slots);
                self.shedding.choose(holders, context.memory.budget(), now);
            }
        } else if !self.shedding.is_under_way() {
            return None;
        }
        let end = context.now.latest + MOST_EVENTS_TIME;
        while context.now.latest < end
            && let Some(chosen) = self.shedding.pop()
        {
            if let Some(index) = self.slots.index_of(chosen.token)
                && candidates::keeps_as_much(&self.slots[index], &chosen)
            {
                self.run_turn(index, context, Connection::shed);
            }
        }
        let is_over = context.memory.budget().excess() > 0;
        is_over.then(|| self.shedding.wait(now))
    }

    /// Makes a connection give its place to a new client. Returns whether one did.
    fn make_room(&mut self, newcomer: Newcomer, context: &mut Context) -> bool {
        let now = context.now.instant;
        if self.places.is_due(now) {
            self.places.look(&candidates::of_places(&self.slots), now);
        }
        while let Some(chosen) = self.places.pop(newcomer) {
            if let Some(index) = self.slots.index_of(chosen.token)
                && candidates::is_as_ready(&self.slots[index], &chosen)
            {
                self.give_way(index, context);
                self.places.note_newcomer(newcomer);
                return true;
            }
        }
        false
    }

    /// Gives up a connection for a new client. If it gets a response that says so, it counts as refused until it has
    /// ended.
    fn give_way(&mut self, index: usize, context: &mut Context) {
        self.run_turn(index, context, Connection::give_way);
        if self.refused >= MOST_REFUSED {
            // The socket has the response, but the client is not given time to read it.
            self.close(index, Closed::Orderly(Why::PlaceNeeded), context);
        } else if self.slots[index].connection.is_some() {
            self.slots[index].refused = true;
            self.refused += 1;
            self.mailbox.note_refused();
        }
    }
}

/// Shows that a connection was received.
fn show_opened(connection: &Connection, context: &Context) {
    let (observer, now) = (&context.observer, &context.now);
    let event = || WireEvent::opened(connection.client(), observer.worker, now.system);
    observer.show(event, now.latest);
}

/// Whether there may be more events than these.
fn is_full(events: &Events) -> bool {
    events.iter().count() == EVENTS
}
