//! The connections of a worker: how they begin, when each has its turn, and how they end.
//!
//! ```text
//! begin, event -> drive_or_queue -> run_turn -> Wait:   its timer is set, which leads to expire -> run_turn
//!                       |              ^        Again:  it is queued
//!                       v              |        Closed: it ends, and its slot is free
//!                     queue -> drive_queues
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Token};

use crate::http1::limits::HeadLimits;
use crate::net::clock;
use crate::net::connection::{Connection, Turn};
use crate::net::context::Context;
use crate::net::fair_queue::FairQueue;
use crate::net::mailbox::{Admission, Mailbox, WAKE};
use crate::net::protocol::step::Refusal;
use crate::net::settings::EndsWithReload;
use crate::net::slots::Slots;
use crate::net::stream::Buffers;
use crate::net::timers::Timers;
use crate::net::transport::Transport;
use crate::observe::closed::Closed;
use crate::observe::event::End;
use crate::observe::metrics::Counters;
use crate::observe::wire::{Phase, WireEvent};
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// How long a worker works on a queue before it polls for readiness again.
pub(super) const QUEUE_TIME: Duration = Duration::from_millis(2);

/// If a connection has used a whole turn, its next turns are queued until it has had this many that it
/// did not use up.
const BUSY_TURNS: u8 = 8;

/// How many clients may be reading a refusal at once. Beyond it the socket is closed without a
/// response, because a response costs a slot until the client has read it.
const MOST_REFUSED: usize = 32;

/// A timer is set at least this far ahead.
const TICK: Duration = Duration::from_millis(1);

/// The connections of a worker.
pub(super) struct Connections {
    /// How other threads reach the worker. Its poller watches the connections, and they are counted in it.
    pub mailbox: Mailbox,
    /// For the connection that is driven.
    buffers: Buffers,
    slots: Slots,
    /// Connections that asked for another turn. Some may have ended since.
    again: FairQueue<Token>,
    /// Connections in a TLS handshake that have something to do. Some may have ended since.
    handshakes: FairQueue<Token>,
    timers: Timers,
    /// How many connections are being refused.
    refused: usize,
}

impl Connections {
    /// No connections yet. Their heads keep within `limits`.
    pub fn new(mailbox: Mailbox, limits: &HeadLimits) -> Connections {
        Connections {
            mailbox,
            buffers: Buffers::new(limits.head),
            slots: Slots::default(),
            again: FairQueue::default(),
            handshakes: FairQueue::default(),
            timers: Timers::default(),
            refused: 0,
        }
    }

    /// The slots of the connections.
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Whether a connection waits for its turn.
    pub fn has_queued(&self) -> bool {
        !(self.again.is_empty() && self.handshakes.is_empty())
    }

    /// When the next timer fires.
    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Begins a connection.
    pub fn begin(&mut self, admission: Admission, context: &mut Context) {
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
    pub fn note_ready(&mut self, event: &Event) -> Option<usize> {
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
    pub fn queue_woken(&mut self) {
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
    pub fn drive_queues(&mut self, context: &mut Context) {
        self.drive_queue(|connections| &mut connections.again, context);
        self.drive_queue(|connections| &mut connections.handshakes, context);
    }

    fn drive_queue(
        &mut self,
        queue: fn(&mut Connections) -> &mut FairQueue<Token>,
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
    pub fn drive_or_queue(&mut self, index: usize, context: &mut Context) {
        match self.is_in_handshake(index) {
            true => self.queue(index),
            false => self.run_turn(index, context, Connection::drive),
        }
    }

    /// Reads what a connection has received, although no event has told of it.
    pub fn read(&mut self, index: usize, context: &mut Context) {
        if let Some(connection) = &mut self.slots[index].connection {
            connection.ready(true, false, false);
            self.drive_or_queue(index, context);
        }
    }

    fn is_in_handshake(&self, index: usize) -> bool {
        let connection = self.slots[index].connection.as_ref();
        connection.is_some_and(|connection| connection.is_in_handshake())
    }

    /// Runs one turn of a connection. If it panics, only this connection is closed.
    pub fn run_turn(
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
    pub fn queue(&mut self, index: usize) {
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

    /// Whether one more client may be refused with a response.
    pub fn may_refuse(&self) -> bool {
        self.refused < MOST_REFUSED
    }

    /// Counts a connection as refused until it ends, unless it has ended already.
    pub fn note_refused(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if slot.connection.is_some() {
            slot.refused = true;
            self.refused += 1;
            self.mailbox.note_refused();
        }
    }

    /// Acts on timers that have fired, as many as time permits. In most cases the deadline has moved, and
    /// the timer is set again.
    pub fn expire(&mut self, context: &mut Context) {
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

    /// Gives every connection a turn, because the drain has begun: each checks once whether a request waits. Idle
    /// connections end.
    pub fn begin_drain(&mut self, counters: &Counters) {
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if let Some(connection) = &mut slot.connection {
                connection.ready(true, false, false);
                slot.outlasts_drain = connection.phase() == Phase::Sending;
                counters.draining.add(u64::from(slot.outlasts_drain));
            }
            self.queue(index);
        }
    }

    /// After a reload, connections that may not stay end like in a drain.
    pub fn end_after_reload(&mut self, ends: EndsWithReload) {
        for index in 0..self.slots.len() {
            let connection = self.slots[index].connection.as_mut();
            if connection.is_some_and(|one| one.end_after_reload(ends)) {
                self.queue(index);
            }
        }
    }

    /// Ends a connection and frees its slot.
    pub fn close(&mut self, index: usize, closed: Closed, context: &mut Context) {
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
        let counters = &context.observer.counters;
        counters.connections_open.subtract(1);
        (counters.draining).subtract(u64::from(vacated.outlasted_drain));
        if has_panicked {
            context.observer.counters.worker_panics.add(1);
            self.renew_buffers(context);
        }
    }

    /// Cuts all connections, because the server stops.
    pub fn cut_all(&mut self, context: &mut Context) {
        for index in 0..self.slots.len() {
            self.close(index, Closed::Cut(End::Shutdown), context);
        }
    }

    /// If no connection is left, frees the room that a crowd of them has taken, and returns true. After that, an old
    /// token may match a new connection. The new connection then gets an extra turn, which does nothing.
    pub fn shrink(&mut self, context: &mut Context) -> bool {
        if !self.slots.are_vacant() {
            return false;
        }
        self.slots = Slots::default();
        self.again = FairQueue::default();
        self.handshakes = FairQueue::default();
        context.scratch = Vec::new();
        self.renew_buffers(context);
        true
    }

    /// Replaces the buffers after a panic, or after they have grown.
    fn renew_buffers(&mut self, context: &Context) {
        self.buffers = Buffers::new(context.head_limits.head);
    }
}

/// Shows that a connection was received.
fn show_opened(connection: &Connection, context: &Context) {
    let (observer, now) = (&context.observer, &context.now);
    let event = || WireEvent::opened(connection.client(), observer.worker, now.system);
    observer.show(event, now.latest);
}
