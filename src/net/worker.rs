//! A worker: one thread, one poller, its own connections.
//!
//! Workers share nothing but the channels that feed them, a few counters, and where TLS sessions
//! come from. A turn of the loop:
//! wait for readiness, read the clock, admit what the acceptors sent, drive every connection that
//! has something to do, look for deadlines that have passed.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendError, Sender, unbounded};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::net::bench::Bench;
use crate::net::clock;
use crate::net::connection::{Closed, Connection, Service, Turn};
use crate::net::deadline::SWEEP;
use crate::net::transport::Transport;
use crate::origin::reason::Reason;

/// Readiness told in one turn: more only grows the turn.
const EVENTS: usize = 1024;

/// How long work that can wait keeps a worker from looking at readiness again.
const PATIENCE: Duration = Duration::from_millis(2);

/// The token of the waker; no slot reaches it.
const WAKE: Token = Token(usize::MAX);

/// A socket on its way to a worker.
pub struct Admission {
    /// In non-blocking mode.
    pub stream: TcpStream,
    /// The client.
    pub peer: SocketAddr,
    /// What the port is for.
    pub service: Service,
    /// Whether it is to be turned away, and why.
    pub refused: Option<Reason>,
}

/// The acceptors' end of a worker.
#[derive(Clone)]
pub struct Inlet {
    sender: Sender<Admission>,
    shared: Arc<Shared>,
}

struct Shared {
    waker: Waker,
    /// Sockets are taken. Held while one is sent and while the worker decides to leave, so that none
    /// is sent to nobody.
    is_open: Mutex<bool>,
    /// The worker is waiting for readiness, or about to: it must be woken.
    asleep: AtomicBool,
    /// Connections sent to the worker and not yet over.
    connections: AtomicUsize,
    /// Among them those turned away.
    refused: AtomicUsize,
}

/// What all workers obey.
#[derive(Default)]
pub struct Orders {
    draining: AtomicBool,
    stopping: AtomicBool,
}

/// A worker before it has a thread: connections never leave theirs, so it has none yet.
pub struct Seed {
    poll: Poll,
    receiver: Receiver<Admission>,
    shared: Arc<Shared>,
    orders: Arc<Orders>,
}

struct Worker {
    seed: Seed,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots of connections that asked for another turn.
    again: VecDeque<usize>,
    /// Slots of connections that shake hands and have something to act on.
    newcomers: VecDeque<usize>,
    next_sweep: Instant,
}

#[derive(Default)]
struct Slot {
    connection: Option<Box<Connection>>,
    /// Counts the slot's connections, so that a late event finds nobody.
    generation: u32,
    refused: bool,
    /// In a queue for another turn.
    queued: bool,
}

impl Inlet {
    /// Hands a socket over and wakes the worker if it sleeps. A worker that has left gives it back.
    pub fn send(&self, admission: Admission) -> Result<(), Admission> {
        let shared = &self.shared;
        let is_open = lock(&shared.is_open);
        if !*is_open {
            return Err(admission);
        }
        let refused = usize::from(admission.refused.is_some());
        shared.connections.fetch_add(1, Ordering::Relaxed);
        shared.refused.fetch_add(refused, Ordering::Relaxed);
        match self.sender.send(admission) {
            Ok(()) => {
                drop(is_open);
                self.wake();
                Ok(())
            }
            Err(SendError(admission)) => {
                shared.connections.fetch_sub(1, Ordering::Relaxed);
                shared.refused.fetch_sub(refused, Ordering::Relaxed);
                Err(admission)
            }
        }
    }

    /// Makes the worker look at its orders and its channel.
    pub fn wake(&self) {
        if self.shared.asleep.swap(false, Ordering::SeqCst) {
            // The only failure is a full counter, which wakes as well.
            let _ = self.shared.waker.wake();
        }
    }

    /// Connections that the worker has.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections that it is turning away.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }
}

impl Orders {
    /// From now on no connection is kept after its answer.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the server is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Workers are to leave, whatever they are doing.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether every thread is to leave.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Seed {
    /// A worker and the inlet that feeds it.
    pub fn new(orders: Arc<Orders>) -> io::Result<(Seed, Inlet)> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            waker: Waker::new(poll.registry(), WAKE)?,
            is_open: Mutex::new(true),
            asleep: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        });
        // Bounded by the connection limit, which the acceptors keep.
        let (sender, receiver) = unbounded();
        let seed = Seed {
            poll,
            receiver,
            shared: Arc::clone(&shared),
            orders,
        };
        Ok((seed, Inlet { sender, shared }))
    }

    /// Serves on this thread until it is ordered to stop, or to drain and every answer begun has
    /// left.
    pub fn run(self, bench: Bench) {
        let worker = Worker {
            seed: self,
            slots: Vec::new(),
            free: Vec::new(),
            again: VecDeque::new(),
            newcomers: VecDeque::new(),
            next_sweep: bench.desk.now.instant + SWEEP,
        };
        worker.run(bench);
    }
}

impl Worker {
    fn run(mut self, mut bench: Bench) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.has_left(&bench) {
            self.wait(&mut events, &bench);
            self.begin_turn(&mut bench);
            self.admit(&mut bench);
            for event in &events {
                if event.token() != WAKE {
                    self.wake_slot(event, &mut bench);
                }
            }
            self.take_turns(&mut bench);
            self.sweep(&mut bench);
            bench.desk.log.flush();
        }
    }

    /// Leaves, where it is done. What was sent until then is not lost: it is dealt with first.
    fn has_left(&self, bench: &Bench) -> bool {
        if !self.is_done(bench) {
            return false;
        }
        let mut is_open = lock(&self.seed.shared.is_open);
        *is_open = !self.is_done(bench);
        !*is_open
    }

    /// A client that is being turned away keeps nobody from leaving: its answer is in the socket, or
    /// waits for a handshake, and that is waited for as long as there is something else to do.
    fn is_done(&self, bench: &Bench) -> bool {
        let shared = &self.seed.shared;
        let refused = shared.refused.load(Ordering::Relaxed);
        let idle =
            shared.connections.load(Ordering::Relaxed) <= refused && self.seed.receiver.is_empty();
        self.seed.orders.is_stopping() || (bench.desk.draining && idle)
    }

    /// Waits for readiness, for a socket from an acceptor, or for the next sweep.
    fn wait(&mut self, events: &mut Events, bench: &Bench) {
        let timeout = if !self.again.is_empty() || !self.newcomers.is_empty() {
            Some(Duration::ZERO)
        } else if self.free.len() < self.slots.len() {
            Some(
                self.next_sweep
                    .saturating_duration_since(bench.desk.now.instant),
            )
        } else {
            None
        };
        self.seed.shared.asleep.store(true, Ordering::SeqCst);
        // What was sent or ordered before the flag was up woke nobody.
        let timeout = match self.has_news(bench) {
            true => Some(Duration::ZERO),
            false => timeout,
        };
        if self.seed.poll.poll(events, timeout).is_err() {
            // Interrupted by a signal: a turn without events.
            events.clear();
        }
        self.seed.shared.asleep.store(false, Ordering::SeqCst);
    }

    /// Whether there is something that no event tells of: a socket, or an order not yet obeyed.
    fn has_news(&self, bench: &Bench) -> bool {
        let Seed {
            receiver, orders, ..
        } = &self.seed;
        let is_to_drain = orders.is_draining() && !bench.desk.draining;
        !receiver.is_empty() || is_to_drain || orders.is_stopping()
    }

    fn begin_turn(&mut self, bench: &mut Bench) {
        let desk = &mut bench.desk;
        desk.now.advance();
        desk.origin.stock.site.begin_turn(desk.now.date);
        if self.seed.orders.is_draining() && !desk.draining {
            desk.draining = true;
            // Every connection looks once whether a request is waiting; the idle ones end.
            for index in 0..self.slots.len() {
                if let Some(connection) = &mut self.slots[index].connection {
                    connection.ready(true, false, false);
                }
                self.drive(index, bench);
            }
        }
    }

    fn admit(&mut self, bench: &mut Bench) {
        while let Ok(admission) = self.seed.receiver.try_recv() {
            // A client that comes in the middle of a turn may have been answered in it before, and
            // have changed the disk since.
            bench.desk.origin.stock.site.look_again();
            let Admission {
                stream,
                peer,
                service,
                refused,
            } = admission;
            let transport = Transport::new(stream);
            let is_refused = refused.is_some();
            let connection = match refused {
                None => Connection::new(transport, peer, service, &bench.desk),
                Some(why) => Connection::refused(transport, peer, service, why, &mut bench.desk),
            };
            let index = self.free.pop().unwrap_or_else(|| {
                self.slots.push(Slot::default());
                self.slots.len() - 1
            });
            let token = token(index, self.slots[index].generation);
            let descriptor = connection.transport().socket().descriptor();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered =
                self.seed
                    .poll
                    .registry()
                    .register(&mut SourceFd(&descriptor), token, interest);
            let slot = &mut self.slots[index];
            slot.connection = Some(Box::new(connection));
            slot.refused = is_refused;
            match registered {
                Ok(()) => self.attend(index, bench),
                Err(_) => self.close(index, Closed::Reset, bench),
            }
        }
    }

    fn wake_slot(&mut self, event: &Event, bench: &mut Bench) {
        let token = event.token();
        let index = token.0 & INDEX;
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if slot.generation as usize != token.0 >> INDEX_BITS {
            return;
        }
        if let Some(connection) = &mut slot.connection {
            let hung_up = event.is_read_closed() || event.is_error();
            let readable = event.is_readable() || hung_up;
            connection.ready(readable, hung_up, event.is_write_closed());
            if !slot.queued {
                self.attend(index, bench);
            }
        }
    }

    /// One more turn for each connection that asked for one, then for each newcomer, both until the
    /// others have waited long enough: a crowd at the door does not slow down those who are served.
    fn take_turns(&mut self, bench: &mut Bench) {
        self.empty(|worker| &mut worker.again, bench);
        self.empty(|worker| &mut worker.newcomers, bench);
    }

    fn empty(&mut self, queue: fn(&mut Worker) -> &mut VecDeque<usize>, bench: &mut Bench) {
        let waiting = queue(self).len();
        if waiting == 0 {
            return;
        }
        let end = clock::instant() + PATIENCE;
        for _ in 0..waiting {
            if let Some(index) = queue(self).pop_front() {
                self.slots[index].queued = false;
                self.drive(index, bench);
            }
            if clock::instant() >= end {
                return;
            }
        }
    }

    /// Drives a connection to which something has happened. A handshake is work for a tenth of a
    /// millisecond, or for several: those who are served already do not wait for it.
    fn attend(&mut self, index: usize, bench: &mut Bench) {
        match self.is_newcomer(index) {
            true => self.queue(index),
            false => self.drive(index, bench),
        }
    }

    fn is_newcomer(&self, index: usize) -> bool {
        let connection = self.slots[index].connection.as_ref();
        connection.is_some_and(|connection| connection.is_shaking_hands())
    }

    fn drive(&mut self, index: usize, bench: &mut Bench) {
        self.step(index, bench, Connection::drive);
    }

    /// Lets one connection act. A bug in it costs that connection and no other.
    fn step(
        &mut self,
        index: usize,
        bench: &mut Bench,
        act: fn(&mut Connection, &mut Bench) -> Turn,
    ) {
        let Some(connection) = &mut self.slots[index].connection else {
            return;
        };
        let turn = catch_unwind(AssertUnwindSafe(|| act(connection, bench)));
        match turn {
            Ok(Turn::Wait) => {}
            Ok(Turn::Again) => self.queue(index),
            Ok(Turn::Closed(closed)) => self.close(index, closed, bench),
            Err(_) => {
                bench.desk.counters.worker_panics.add(1);
                bench.reset();
                self.close(index, Closed::Bug, bench);
            }
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

    fn close(&mut self, index: usize, closed: Closed, bench: &mut Bench) {
        let slot = &mut self.slots[index];
        slot.connection = None;
        slot.generation = slot.generation.wrapping_add(1) & GENERATION;
        if std::mem::take(&mut slot.queued) {
            self.again.retain(|&other| other != index);
            self.newcomers.retain(|&other| other != index);
        }
        self.free.push(index);
        self.seed.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if std::mem::take(&mut slot.refused) {
            self.seed.shared.refused.fetch_sub(1, Ordering::Relaxed);
        }
        bench.desk.counters.connections_open.subtract(1);
        if closed == Closed::Aborted {
            bench.desk.counters.answers_cut.add(1);
        }
    }

    /// Looks for deadlines that have passed, about once a second.
    fn sweep(&mut self, bench: &mut Bench) {
        let now = bench.desk.now.instant;
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP;
        for index in 0..self.slots.len() {
            // What waits for its next turn waits for us.
            let slot = &self.slots[index];
            let connection = slot.connection.as_ref().filter(|_| !slot.queued);
            if connection.is_some_and(|connection| connection.deadline().has_passed(now)) {
                self.step(index, bench, Connection::expire);
            }
        }
    }
}

/// Nothing that holds the lock can leave the flag wrong.
fn lock(flag: &Mutex<bool>) -> MutexGuard<'_, bool> {
    flag.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The index and the generation of a slot share a token.
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX: usize = (1 << INDEX_BITS) - 1;
/// One bit less than there is room for, so that no token is the waker's.
const GENERATION: u32 = (1 << (INDEX_BITS - 1)) - 1;

fn token(index: usize, generation: u32) -> Token {
    Token((generation as usize) << INDEX_BITS | index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    /// The channel is still there and would take it, and nobody would ever look.
    #[test]
    fn a_worker_that_has_decided_to_leave_gives_sockets_back() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let admission = || Admission {
            stream: TcpStream::connect(address).expect("it accepts"),
            peer: address,
            service: Service::Site,
            refused: Some(Reason::Draining),
        };
        let (seed, inlet) = Seed::new(Arc::default()).expect("a poller");
        assert!(inlet.send(admission()).is_ok());
        *lock(&seed.shared.is_open) = false;
        assert!(inlet.send(admission()).is_err());
        assert_eq!(
            (inlet.connections(), inlet.refused(), seed.receiver.len()),
            (1, 1, 1)
        );
    }
}
