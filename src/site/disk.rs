//! Threads that wait for the disk, so that no worker does.
//!
//! A worker asks the kernel for what it has in memory. If the kernel would have to wait for a disk, or
//! cannot say, the work becomes a job of this pool. The exchange waits until a job's waker wakes it.
//!
//! ```text
//! worker:       DiskPool::submit -> Pending --------------------> poll -> the outcome
//! disk thread:                      the job begins ... it ends -> wakers
//! ```
//!
//! Dropping the [`Pending`] of a job that has not begun removes the job. A job that has begun ends
//! when the kernel lets it, and its outcome is dropped.
//!
//! A file system may hang for hours, and holds the threads of its jobs. So each kind of work gets a thread: if
//! all are busy with others, one more starts. With two threads:
//!
//! ```text
//! a hung disk          read, read      they have both threads
//! the same disk        look            gets a third one, so that a cached file is not held up by those that read
//! another disk         read            gets a fourth one
//! another disk         read            waits for the fourth one, or for a place among the two
//! ```

#[cfg(test)]
pub(super) mod tests;

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use crate::site::disk_error::DiskError;
use crate::site::line::Line;
use crate::sync::lock;
use crate::text::hash::stable_hash;

/// For jobs that belong to no client.
pub const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Jobs of each effort that wait for a thread. Most clients give up before the last of so many has begun.
const MOST_WAITING: usize = 1024;

/// How many threads may start because all are busy with other kinds of work. A site has few mounts.
const MOST_SPARE: usize = 32;

/// The threads and their queue. Every worker has a clone. When the last one is dropped, the threads end
/// as soon as they have no job. Nobody waits for them, because a disk may hold them for ever.
#[derive(Clone)]
pub struct DiskPool(Arc<Owner>);

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// It looks at names and metadata.
    Look,
    /// It reads content.
    Read,
}

/// The file system that a job is for, by the number of its device. Or what else may hang alone, by a hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem(u64);

impl FileSystem {
    /// None, or none that is known.
    pub const NONE: FileSystem = FileSystem(0);

    /// The one with this device number.
    pub fn of_device(number: u64) -> FileSystem {
        FileSystem(number)
    }

    /// What has this name, for a pool whose other jobs have names too.
    pub fn named(name: impl Hash) -> FileSystem {
        FileSystem(stable_hash(name))
    }
}

/// A kind of work.
type Kind = (FileSystem, Effort);

/// How many jobs may wait before a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// As many as the pool allows, those that look and those that read apart. If they are too many, the job may be
    /// displaced.
    Limited,
    /// Any number, and it takes no room from the others. For a client that has waited for its turn already, and is
    /// in the middle of a body, a listing or a digest.
    Unlimited,
}

/// What the threads of a pool are to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// They wait for most of their time.
    Usual,
    /// They compute, and the workers need the processors first.
    Low,
}

/// Is called before each job, on the thread of the job. Tests use it to make a disk slow.
pub type Gate = Arc<dyn Fn(Effort) + Send + Sync>;

/// A job that has not been answered. Dropping it drops the job, unless it has begun.
pub struct Pending<T> {
    slot: Arc<Mutex<Slot<T>>>,
    pool: DiskPool,
    number: u64,
}

/// How a job has ended.
pub enum Ended<T> {
    /// With this outcome.
    Done(T),
    /// It panicked, which is a bug.
    Panicked,
    /// It has not begun, because clients of other networks came, and its own had the most jobs.
    Displaced,
}

/// The client for whom something is looked up or read.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Its network, see [`Client::network`](crate::observe::client::Client::network).
    pub network: IpAddr,
    /// The current time.
    pub now: Instant,
    /// Makes a waker that wakes its connection.
    pub wakers: &'a dyn Wakers,
}

/// Makes wakers for one connection.
pub trait Wakers {
    /// A waker that makes the worker poll the answer again. Any thread may use it.
    fn waker(&self) -> Waker;
}

impl Wakers for Waker {
    fn waker(&self) -> Waker {
        self.clone()
    }
}

/// The last job or ticket that a client waited for, so that it is woken once for each.
#[derive(Debug, Default)]
pub struct Registered(Option<u64>);

impl Registered {
    /// The client waits for this job or ticket now. Returns whether it did not before.
    pub(super) fn renew(&mut self, number: u64) -> bool {
        self.0.replace(number) != Some(number)
    }
}

struct Slot<T> {
    ended: Option<Ended<T>>,
    wakers: Vec<Waker>,
}

/// Ends the threads when it is dropped.
struct Owner(Arc<Shared>);

struct Shared {
    name: &'static str,
    priority: Priority,
    threads: usize,
    gate: Option<Gate>,
    state: Mutex<State>,
    /// There is a new job, or the pool is closed.
    news: Condvar,
}

struct State {
    line: Line<Job>,
    /// The kind of each job under way.
    under_way: Vec<Kind>,
    /// Threads that were started.
    started: usize,
    /// Those of them that wait for a job.
    idle: usize,
    is_closed: bool,
}

struct Job {
    effort: Effort,
    file_system: FileSystem,
    run: Box<dyn FnOnce() + Send>,
}

/// Delivers how a job has ended. Dropping it before says that the job was displaced.
struct Delivery<T>(Option<Arc<Mutex<Slot<T>>>>);

impl DiskPool {
    /// A pool of `threads` threads, and a few more if a kind of work would have none. Each starts when there
    /// is work for it.
    pub fn new(threads: usize) -> DiskPool {
        DiskPool::with(threads, MOST_WAITING, None)
    }

    /// A pool for which at most `most_waiting` jobs wait, and whose jobs pass a gate.
    pub fn with(threads: usize, most_waiting: usize, gate: Option<Gate>) -> DiskPool {
        DiskPool::named("disk", Priority::Usual, threads, most_waiting, gate)
    }

    /// The same for other work that takes long. Its threads have this name.
    pub fn named(
        name: &'static str,
        priority: Priority,
        threads: usize,
        most_waiting: usize,
        gate: Option<Gate>,
    ) -> DiskPool {
        let threads = threads.max(1);
        DiskPool(Arc::new(Owner(Arc::new(Shared {
            name,
            priority,
            threads,
            gate,
            state: Mutex::new(State {
                line: Line::new(threads, most_waiting),
                under_way: Vec::new(),
                started: 0,
                idle: 0,
                is_closed: false,
            }),
            news: Condvar::new(),
        }))))
    }

    /// Gives a job to the pool. The jobs of clients in `network` take turns with those of other networks.
    /// `None` if there is no room for it, not even that of a network that has more jobs, or if no thread
    /// can be started.
    pub fn submit<T: Send + 'static>(
        &self,
        effort: Effort,
        file_system: FileSystem,
        network: IpAddr,
        room: Room,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Pending<T>> {
        let slot = Arc::new(Mutex::new(Slot {
            ended: None,
            wakers: Vec::new(),
        }));
        let job = Job {
            effort,
            file_system,
            run: Box::new({
                let delivery = Delivery(Some(Arc::clone(&slot)));
                move || delivery.run(work)
            }),
        };
        let mut state = self.shared().state();
        let (number, dropped) = match room {
            Room::Unlimited => (Some(state.line.enter_anyway(network, job)), None),
            Room::Limited => match state.line.enter(network, effort as usize, job) {
                Ok(entered) => (Some(entered.number), entered.displaced),
                Err(refused) => (None, Some(refused)),
            },
        };
        let has_thread = self.shared().has_thread(&mut state);
        drop(state);
        // A job may own a file that gives itself to this pool when it is dropped.
        drop(dropped);
        let number = number?;
        if !has_thread {
            let refused = self.shared().state().line.leave(number);
            drop(refused);
            return None;
        }
        let pool = self.clone();
        Some(Pending { slot, pool, number })
    }

    /// Drops something that may take long, such as a file of a remote file system. If no thread can be started,
    /// the caller waits.
    pub fn discard(&self, effort: Effort, file_system: FileSystem, thing: impl Send + 'static) {
        let job = Job {
            effort,
            file_system,
            run: Box::new(move || drop(thing)),
        };
        let mut state = self.shared().state();
        let number = state.line.enter_anyway(NOBODY, job);
        let refused = match self.shared().has_thread(&mut state) {
            true => None,
            false => state.line.leave(number),
        };
        drop(state);
        drop(refused);
    }

    /// How many jobs have not begun.
    pub fn waiting(&self) -> usize {
        self.shared().state().line.waiting()
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }
}

impl<T> Delivery<T> {
    /// Does the work on a disk thread, and delivers the outcome.
    fn run(mut self, work: impl FnOnce() -> T) {
        self.end(match catch_unwind(AssertUnwindSafe(work)) {
            Ok(outcome) => Ended::Done(outcome),
            Err(_) => Ended::Panicked,
        });
    }

    /// Delivers once, and wakes who waits for the job.
    fn end(&mut self, ended: Ended<T>) {
        let Some(slot) = self.0.take() else { return };
        let wakers = {
            let mut slot = lock(&slot);
            slot.ended = Some(ended);
            std::mem::take(&mut slot.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Delivery<T> {
    fn drop(&mut self) {
        self.end(Ended::Displaced);
    }
}

impl<T> Ended<T> {
    /// The outcome, or why there is none.
    pub(super) fn outcome(self) -> Result<T, DiskError> {
        match self {
            Ended::Done(outcome) => Ok(outcome),
            Ended::Panicked => Err(DiskError::Failed),
            Ended::Displaced => Err(DiskError::DiskBusy),
        }
    }
}

impl<T> Ended<Result<T, DiskError>> {
    /// The outcome of a job that may fail.
    pub(super) fn flat(self) -> Result<T, DiskError> {
        self.outcome()?
    }
}

impl<T> Pending<T> {
    /// How the job has ended, if it has. Returned once.
    pub fn poll(&self) -> Option<Ended<T>> {
        lock(&self.slot).ended.take()
    }

    /// Whether a thread has begun it.
    pub fn has_begun(&self) -> bool {
        !self.pool.shared().state().line.waits(self.number)
    }

    /// Makes the end of the job wake a client, unless it is registered for this job already.
    pub fn wake_once(&self, registered: &mut Registered, wakers: &dyn Wakers) {
        if registered.renew(self.number) {
            self.wake(wakers.waker());
        }
    }

    /// Makes the end of the job wake this waker too.
    pub fn wake(&self, waker: Waker) {
        let mut slot = lock(&self.slot);
        match slot.ended {
            None => slot.wakers.push(waker),
            Some(_) => {
                drop(slot);
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let mut state = self.pool.shared().state();
        // A place is given up by the thread that has it.
        let job = match state.line.waits(self.number) {
            true => state.line.leave(self.number),
            false => None,
        };
        drop(state);
        drop(job);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Wakes or starts a thread if a job may begin. Returns whether there is any thread.
    fn has_thread(self: &Arc<Shared>, state: &mut State) -> bool {
        let (is_needed, most) = match state.under_way.len() < self.threads {
            true => (state.line.waiting() > state.idle, self.threads),
            false => (
                state.idle == 0 && state.line.has_waiting(|job| state.is_new(job)),
                self.threads + MOST_SPARE,
            ),
        };
        if is_needed && state.started < most {
            let shared = Arc::clone(self);
            let named = thread::Builder::new().name(self.name.into());
            if named.spawn(move || shared.work()).is_ok() {
                state.started += 1;
            }
        }
        self.news.notify_one();
        state.started > 0
    }

    /// What a disk thread does.
    fn work(self: &Arc<Shared>) {
        if self.priority == Priority::Low {
            lower_priority();
        }
        let mut state = self.state();
        loop {
            let Some((number, job)) = self.next(&mut state) else {
                if state.is_closed {
                    return;
                }
                state.idle += 1;
                state = self
                    .news
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            // The end of another job may have made room for more than this one.
            if state.line.waiting() > 0 {
                self.has_thread(&mut state);
            }
            drop(state);
            let kind = job.kind();
            // `Delivery::run` catches a panic of the work. The gate and destructors may panic too.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                if let Some(gate) = &self.gate {
                    gate(job.effort);
                }
                (job.run)();
            }));
            state = self.state();
            state.line.leave(number);
            state.end(kind);
        }
    }

    /// The next job: any if there is a place for it, or else one of a kind of which none is under way.
    fn next(&self, state: &mut State) -> Option<(u64, Job)> {
        let State {
            line, under_way, ..
        } = state;
        let next = match under_way.len() < self.threads + MOST_SPARE {
            true => line
                .place_next()
                .or_else(|| line.place_anyway(|job| !under_way.contains(&job.kind()))),
            false => None,
        };
        let (number, job) = next?;
        under_way.push(job.kind());
        Some((number, job))
    }
}

impl State {
    /// Whether no job of its kind is under way.
    fn is_new(&self, job: &Job) -> bool {
        !self.under_way.contains(&job.kind())
    }

    fn end(&mut self, kind: Kind) {
        let at = self.under_way.iter().position(|&other| other == kind);
        at.map(|at| self.under_way.swap_remove(at));
    }
}

impl Job {
    fn kind(&self) -> Kind {
        (self.file_system, self.effort)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.news.notify_all();
    }
}

/// By how much a low priority is lower. On a busy processor, such a thread has a tenth of the time of a worker:
/// few enough for the worker, and enough for the answer to a password.
#[cfg(target_os = "linux")]
const LOWER: i32 = 10;

/// Lowers the priority of this thread. It cannot take that back. Errors are ignored.
#[cfg(target_os = "linux")]
fn lower_priority() {
    let _ = rustix::process::nice(LOWER);
}

/// On other systems, this would change the whole process.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
