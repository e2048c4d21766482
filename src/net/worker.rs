//! A worker: one thread, one poller, its own connections.
//!
//! Workers share nothing but the channels that feed them, a few counters, and where TLS sessions
//! come from. A turn of the loop: wait for readiness, read the clock, admit what the acceptors
//! sent, drive every connection that has something to do, act on the timers that have fired.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};

use crate::net::clock;
use crate::net::connection::{Connection, Turn};
use crate::net::context::Context;
use crate::net::mailbox::{Admission, Mailbox, WAKE};
use crate::net::protocol::step::{Closed, Refusal};
use crate::net::timers::Timers;
use crate::net::transport::Transport;
use crate::observe::event::End;
use crate::semantics::status::Status;

/// Readiness told in one turn: more only grows the turn.
const EVENTS: usize = 1024;

/// How long work that can wait keeps a worker from looking at readiness again.
const PATIENCE: Duration = Duration::from_millis(2);

/// The shortest time until a timer fires.
const TICK: Duration = Duration::from_millis(1);

/// The thread that serves.
pub struct Worker {
    mailbox: Mailbox,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots of connections that asked for another turn.
    again: VecDeque<usize>,
    /// Slots of connections that shake hands and have something to act on.
    newcomers: VecDeque<usize>,
    timers: Timers,
}

#[derive(Default)]
struct Slot {
    connection: Option<Box<Connection>>,
    /// Counts the slot's connections, so that a late event finds nobody.
    generation: u32,
    refused: bool,
    /// In a queue for another turn.
    queued: bool,
    /// When its earliest timer fires.
    timer: Option<Instant>,
}

impl Worker {
    /// A worker that gets its mail here.
    pub fn new(mailbox: Mailbox) -> Worker {
        Worker {
            mailbox,
            slots: Vec::new(),
            free: Vec::new(),
            again: VecDeque::new(),
            newcomers: VecDeque::new(),
            timers: Timers::default(),
        }
    }

    /// Serves on this thread until it is ordered to stop, or to drain and every response that was
    /// begun has left.
    pub fn run(mut self, mut context: Context) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.has_left(&context) {
            self.wait(&mut events, &context);
            self.begin_turn(&mut context);
            self.admit(&mut context);
            for event in &events {
                if event.token() != WAKE {
                    self.note_ready(event, &mut context);
                }
            }
            self.drive_woken(&mut context);
            self.take_turns(&mut context);
            self.expire(&mut context);
            context.observer.log.flush();
        }
        for index in 0..self.slots.len() {
            self.close(index, Closed::Cut(End::Shutdown), &mut context);
        }
    }

    /// Leaves if it is done. Whatever was sent until then is not lost: it is dealt with first.
    fn has_left(&self, context: &Context) -> bool {
        self.is_done(context) && self.mailbox.close_if(|| self.is_done(context))
    }

    /// A worker may leave although it is still refusing clients: their answers are in the socket, or
    /// wait for a handshake, and that is waited for as long as there is something else to do.
    fn is_done(&self, context: &Context) -> bool {
        self.mailbox.shutdown.is_stopping() || (context.is_draining && self.mailbox.is_idle())
    }

    /// Waits for readiness, for mail, or for the next timer.
    fn wait(&mut self, events: &mut Events, context: &Context) {
        let now = context.now.instant;
        let timeout = match self.again.is_empty() && self.newcomers.is_empty() {
            true => self
                .timers
                .next()
                .map(|at| at.saturating_duration_since(now)),
            false => Some(Duration::ZERO),
        };
        self.mailbox.fall_asleep();
        // What was sent or ordered before that was said woke nobody.
        let timeout = match self.has_news(context) {
            true => Some(Duration::ZERO),
            false => timeout,
        };
        if self.mailbox.poll.poll(events, timeout).is_err() {
            // Interrupted by a signal: a turn without events.
            events.clear();
        }
        self.mailbox.wake_up();
    }

    /// Whether there is something that no event tells of: mail, or an order not yet obeyed.
    fn has_news(&self, context: &Context) -> bool {
        let shutdown = &self.mailbox.shutdown;
        let is_to_drain = shutdown.is_draining() && !context.is_draining;
        self.mailbox.has_mail() || is_to_drain || shutdown.is_stopping()
    }

    fn begin_turn(&mut self, context: &mut Context) {
        context.now.advance();
        context.origin.site.begin_turn(context.now.date);
        if self.mailbox.shutdown.is_draining() && !context.is_draining {
            context.is_draining = true;
            // Every connection looks once whether a request is waiting; the idle ones end.
            for index in 0..self.slots.len() {
                if let Some(connection) = &mut self.slots[index].connection {
                    connection.ready(true, false, false);
                }
                self.act(index, context, Connection::drive);
            }
        }
    }

    fn admit(&mut self, context: &mut Context) {
        while let Ok(admission) = self.mailbox.admissions.try_recv() {
            // A client that comes in the middle of a turn may have been answered in it before, and
            // have changed the disk since.
            context.origin.site.look_again();
            let Admission {
                stream,
                client,
                listener,
                refused,
            } = admission;
            let refusal = refused.map(|reason| Refusal {
                status: Status::ServiceUnavailable,
                reason,
            });
            let transport = Transport::new(stream);
            let mut connection = Connection::new(transport, client, listener, refusal, context);
            let index = self.free.pop().unwrap_or_else(|| {
                self.slots.push(Slot::default());
                self.slots.len() - 1
            });
            let token = token(index, self.slots[index].generation);
            connection.set_token(token);
            let registered = self.register(&connection, token);
            let slot = &mut self.slots[index];
            slot.connection = Some(Box::new(connection));
            slot.refused = refusal.is_some();
            match registered {
                Ok(()) => self.attend(index, context),
                Err(_) => self.close(index, Closed::Cut(End::ClientGone), context),
            }
            self.set_timer(index, context);
        }
    }

    fn register(&self, connection: &Connection, token: Token) -> std::io::Result<()> {
        let descriptor = connection.transport().socket().descriptor();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.mailbox.poll.registry();
        registry.register(&mut SourceFd(&descriptor), token, interest)
    }

    fn note_ready(&mut self, event: &Event, context: &mut Context) {
        let Some(index) = self.index_of(event.token()) else {
            return;
        };
        let slot = &mut self.slots[index];
        if let Some(connection) = &mut slot.connection {
            let hung_up = event.is_read_closed() || event.is_error();
            let readable = event.is_readable() || hung_up;
            connection.ready(readable, hung_up, event.is_write_closed());
            if !slot.queued {
                self.attend(index, context);
            }
        }
    }

    /// The slot of a token, if it still has the connection that the token was made for.
    fn index_of(&self, token: Token) -> Option<usize> {
        let index = token.0 & INDEX;
        let slot = self.slots.get(index)?;
        (slot.generation as usize == token.0 >> INDEX_BITS).then_some(index)
    }

    /// Drives the connections for which somebody has news.
    fn drive_woken(&mut self, context: &mut Context) {
        // What is woken from now on has its turn later.
        for _ in 0..self.mailbox.woken.len() {
            if let Ok(token) = self.mailbox.woken.try_recv()
                && let Some(index) = self.index_of(token)
                && !self.slots[index].queued
            {
                self.act(index, context, Connection::drive);
            }
        }
    }

    /// One more turn for each connection that asked for one, then for each newcomer, both until the
    /// others have waited long enough: many newcomers do not slow down those who are served.
    fn take_turns(&mut self, context: &mut Context) {
        self.empty(|worker| &mut worker.again, context);
        self.empty(|worker| &mut worker.newcomers, context);
    }

    fn empty(&mut self, queue: fn(&mut Worker) -> &mut VecDeque<usize>, context: &mut Context) {
        let waiting = queue(self).len();
        if waiting == 0 {
            return;
        }
        let end = clock::instant() + PATIENCE;
        for _ in 0..waiting {
            if let Some(index) = queue(self).pop_front() {
                self.slots[index].queued = false;
                self.act(index, context, Connection::drive);
            }
            let now = clock::instant();
            context.now.latest = now;
            if now >= end {
                return;
            }
        }
    }

    /// Drives a connection to which something has happened. A handshake is work for a tenth of a
    /// millisecond, or for several: those who are served already do not wait for it.
    fn attend(&mut self, index: usize, context: &mut Context) {
        match self.is_newcomer(index) {
            true => self.queue(index),
            false => self.act(index, context, Connection::drive),
        }
    }

    fn is_newcomer(&self, index: usize) -> bool {
        let connection = self.slots[index].connection.as_ref();
        connection.is_some_and(|connection| connection.is_shaking_hands())
    }

    /// Lets one connection act. A bug in it costs that connection and no other.
    fn act(
        &mut self,
        index: usize,
        context: &mut Context,
        act: fn(&mut Connection, &mut Context) -> Turn,
    ) {
        let Some(connection) = &mut self.slots[index].connection else {
            return;
        };
        match catch_unwind(AssertUnwindSafe(|| act(connection, context))) {
            Ok(Turn::Wait) => self.set_timer(index, context),
            Ok(Turn::Again) => self.queue(index),
            Ok(Turn::Closed(closed)) => self.close(index, closed, context),
            Err(_) => {
                context.observer.counters.worker_panics.add(1);
                context.renew_buffers();
                self.close(index, Closed::Cut(End::Bug), context);
            }
        }
    }

    /// Sees to it that a timer fires when the connection's deadline passes, or before.
    fn set_timer(&mut self, index: usize, context: &Context) {
        let slot = &mut self.slots[index];
        let Some(connection) = &slot.connection else {
            return;
        };
        // One that has passed already fires in a turn of its own.
        let at = connection.deadline().at.max(context.now.instant + TICK);
        if slot.timer.is_none_or(|timer| at < timer) {
            let before = slot.timer.replace(at);
            self.timers.set(before, at, token(index, slot.generation));
        }
    }

    /// Gives a connection a turn after its neighbours'.
    fn queue(&mut self, index: usize) {
        if std::mem::replace(&mut self.slots[index].queued, true) {
            return;
        }
        match self.is_newcomer(index) {
            true => self.newcomers.push_back(index),
            false => self.again.push_back(index),
        }
    }

    fn close(&mut self, index: usize, closed: Closed, context: &mut Context) {
        let slot = &mut self.slots[index];
        let Some(connection) = slot.connection.take() else {
            return;
        };
        let timer = slot.timer.take();
        self.timers.clear(timer, token(index, slot.generation));
        connection.end(closed, context);
        slot.generation = slot.generation.wrapping_add(1) & GENERATION;
        if std::mem::take(&mut slot.queued) {
            self.again.retain(|&other| other != index);
            self.newcomers.retain(|&other| other != index);
        }
        self.free.push(index);
        self.mailbox.note_closed(std::mem::take(&mut slot.refused));
        context.observer.counters.connections_open.subtract(1);
    }

    /// Acts on timers that have fired. Most find that the deadline has moved, and are set again.
    fn expire(&mut self, context: &mut Context) {
        let now = context.now.instant;
        while let Some(token) = self.timers.pop_due(now) {
            let Some(index) = self.index_of(token) else {
                continue;
            };
            let slot = &mut self.slots[index];
            slot.timer = None;
            // What waits for its next turn waits for us.
            let connection = slot.connection.as_ref().filter(|_| !slot.queued);
            match connection.map(|connection| connection.deadline().has_passed(now)) {
                Some(true) => self.act(index, context, Connection::expire),
                Some(false) => self.set_timer(index, context),
                None => {}
            }
        }
    }
}

/// The index and the generation of a slot share a token.
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX: usize = (1 << INDEX_BITS) - 1;
/// One bit less than there is room for, so that no token is the poller's.
const GENERATION: u32 = (1 << (INDEX_BITS - 1)) - 1;

fn token(index: usize, generation: u32) -> Token {
    Token((generation as usize) << INDEX_BITS | index)
}
