//! A server that runs: how its threads start, which orders it follows, and how it ends.

use std::io::Write;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::net::acceptor::Acceptor;
use crate::net::admin::RunningAdmin;
use crate::net::context::Context;
use crate::net::descriptors::SocketNumbers;
use crate::net::handle::Order;
use crate::net::listener::Bound;
use crate::net::mailbox::{Mailbox, Shutdown, WorkerHandle};
use crate::net::reload::Reloader;
use crate::net::replay::registry::Replays;
use crate::net::scheduling::use_batch_scheduling;
use crate::net::settings::Settings;
use crate::net::start_error::StartError;
use crate::net::worker::Worker;
use crate::observe::log::Log;
use crate::observe::metrics::Counters;
use crate::site::options::Budgets;

/// How long the server waits for its workers to stop. They need milliseconds, unless the disk hangs.
const STUCK: Duration = Duration::from_secs(1);

/// A running server.
pub(super) struct Running {
    pub admin: Option<RunningAdmin>,
    pub max_connections: usize,
    pub budgets: Budgets,
    pub counters: Arc<Counters>,
    pub replays: Option<Arc<Replays>>,
    pub reloader: Arc<Reloader>,
    pub listeners: Vec<Bound>,
    pub workers: Vec<WorkerHandle>,
    pub descriptors: SocketNumbers,
    pub shutdown: Arc<Shutdown>,
    pub orders: Receiver<Order>,
}

/// An acceptor that runs.
pub(super) struct RunningAcceptor {
    thread: JoinHandle<()>,
    bound: Bound,
}

impl Running {
    /// Starts a thread for each listener.
    pub fn start_acceptors(&self, running: &mut Vec<RunningAcceptor>) -> Result<(), StartError> {
        for bound in &self.listeners {
            running.push(RunningAcceptor::start(Acceptor {
                bound: bound.clone(),
                workers: self.workers.clone(),
                max_connections: self.max_connections,
                descriptors: self.descriptors,
                budgets: self.budgets.clone(),
                shutdown: Arc::clone(&self.shutdown),
                counters: Arc::clone(&self.counters),
                replays: self.replays.clone(),
            })?);
        }
        if let Some(admin) = &self.admin {
            for bound in &admin.listeners {
                running.push(RunningAcceptor::start(admin.acceptor(bound))?);
            }
        }
        Ok(())
    }

    /// Waits for the order to drain. After it, waits until the workers have exited, the second
    /// order comes, or the deadline passes. An order to hand over does not end the drain.
    pub fn wait(&self, acceptors: &mut Vec<RunningAcceptor>, all_finished: &Receiver<()>) {
        let Some(order) = self.order_to_drain() else {
            return;
        };
        match order {
            Order::HandOver => self.hand_over(acceptors),
            Order::Drain | Order::Leave => self.release(acceptors),
        }
        self.shutdown.drain();
        self.workers.iter().for_each(WorkerHandle::wake);
        let deadline = self.reloader.drain_time().unwrap_or_default();
        let deadline = crossbeam_channel::after(deadline);
        loop {
            crossbeam_channel::select! {
                recv(all_finished) -> _ => return,
                recv(self.orders) -> order => match order {
                    Ok(Order::HandOver) => self.hand_over(acceptors),
                    _ => return,
                },
                recv(deadline) -> _ => return,
            }
        }
    }

    /// Waits for an order to drain or to hand over. If the first one is to leave, that becomes an order to drain when
    /// its time is over. `None`: the server must stop at once.
    fn order_to_drain(&self) -> Option<Order> {
        match self.orders.recv().ok()? {
            Order::Leave => self.shutdown.leave(),
            order => return Some(order),
        }
        let delay = self.reloader.drain_delay().unwrap_or_default();
        match self.orders.recv_timeout(delay) {
            Ok(Order::HandOver) => Some(Order::HandOver),
            Err(RecvTimeoutError::Timeout) => Some(Order::Drain),
            Ok(Order::Drain | Order::Leave) | Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Leaves the listeners to another server. Clients that were accepted before are served.
    fn hand_over(&self, acceptors: &mut Vec<RunningAcceptor>) {
        self.shutdown.hand_over();
        self.admin.iter().for_each(RunningAdmin::hand_over);
        end(acceptors, |_| true);
        self.admin.iter().for_each(RunningAdmin::drain);
    }

    /// Leaves those sockets to the next server that the service manager keeps.
    fn release(&self, acceptors: &mut Vec<RunningAcceptor>) {
        self.shutdown.release();
        end(acceptors, |bound| bound.is_passed);
    }

    /// Stops every thread and waits for it. If a worker is stuck, it is left behind, and the end of the process ends
    /// it.
    pub fn stop(
        &self,
        workers: Vec<JoinHandle<()>>,
        mut acceptors: Vec<RunningAcceptor>,
        all_finished: &Receiver<()>,
    ) {
        self.shutdown.stop();
        self.workers.iter().for_each(WorkerHandle::wake);
        self.admin.iter().for_each(RunningAdmin::stop);
        end(&mut acceptors, |_| true);
        // Nothing is ever sent: an error other than the timeout means that the workers have ended.
        let timeout = all_finished.recv_timeout(STUCK);
        let is_stuck = timeout == Err(RecvTimeoutError::Timeout);
        for thread in workers {
            if is_stuck && !thread.is_finished() {
                continue;
            }
            // An error means that the thread panicked. It has ended too.
            let _ = thread.join();
        }
    }
}

impl RunningAcceptor {
    fn start(acceptor: Acceptor) -> Result<RunningAcceptor, StartError> {
        Ok(RunningAcceptor {
            bound: acceptor.bound.clone(),
            thread: spawn("acceptor", move || acceptor.run())?,
        })
    }
}

/// Ends acceptors that the shutdown has told to exit. They do nothing that takes time.
fn end(acceptors: &mut Vec<RunningAcceptor>, is_told: impl Fn(&Bound) -> bool) {
    let told = acceptors.extract_if(.., |acceptor| is_told(&acceptor.bound));
    for RunningAcceptor { thread, bound } in told {
        // It fails only if the other end is closed, and the acceptor has that one.
        let _ = (&bound.end.1).write(b"x");
        // An error means that the thread panicked. It has ended too.
        let _ = thread.join();
    }
}

/// Starts the workers. When the last one exits, `finished` is disconnected.
pub(super) fn start_workers(
    mailboxes: Vec<Mailbox>,
    settings: Arc<Settings>,
    log: &Log,
    finished: Sender<()>,
    threads: &mut Vec<JoinHandle<()>>,
) -> Result<(), StartError> {
    if let Some(endpoint) = &settings.endpoint {
        endpoint.watch_files();
    }
    for (number, mailbox) in mailboxes.into_iter().enumerate() {
        let settings = Arc::clone(&settings);
        let log = log.handle();
        let finished = finished.clone();
        threads.push(spawn("worker", move || {
            let mut context = Context::new(&settings, log, mailbox.wakes());
            context.observer.worker = number;
            if let Some(tally) = settings.tallies.get(number) {
                context.count_in(Arc::clone(tally));
            }
            if let Some(wire) = &settings.wire {
                wire.wake_for_readers(mailbox.wakes().worker_waker());
            }
            drop(settings);
            Worker::new(mailbox, &context.head_limits).run(context);
            drop(finished);
        })?);
    }
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(|| {
            use_batch_scheduling();
            work();
        })
        .map_err(|fault| StartError::System("a thread", fault))
}
