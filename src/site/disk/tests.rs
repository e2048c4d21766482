use super::*;
use std::sync::mpsc;
use std::task::Wake;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

const PATIENCE: Duration = Duration::from_secs(20);

fn client(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

/// A waker, and what it sends.
pub fn bell() -> (Waker, Receiver<()>) {
    let (sender, rings) = unbounded();
    (Waker::from(Arc::new(Bell(sender))), rings)
}

/// A waker that sends to a channel.
struct Bell(Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // Nobody may wait any more.
        let _ = self.0.send(());
    }
}

impl<T> Pending<T> {
    /// Waits for the end of the job, but not longer than this.
    pub fn wait(&self, longest: Duration) {
        let (waker, rings) = bell();
        self.wake(waker);
        // Whether it has ended, `poll` tells.
        let _ = rings.recv_timeout(longest);
    }
}

/// A client of this network.
pub fn caller(network: u8, waker: &Waker) -> Caller<'_> {
    Caller {
        network: client(network),
        now: Instant::now(),
        wakers: waker,
    }
}

/// A pool of two threads, both busy for the network 1.
pub struct BusyPool {
    pub pool: DiskPool,
    pub rings: Receiver<()>,
    pub waker: Waker,
    file_system: FileSystem,
    pass: mpsc::Sender<()>,
    jobs: Vec<Pending<()>>,
}

impl BusyPool {
    /// With jobs for this file system. Three jobs that read and three that look may wait.
    pub fn new(file_system: FileSystem) -> BusyPool {
        BusyPool::with(3, file_system)
    }

    /// So many jobs of each effort may wait.
    pub fn with(most_waiting: usize, file_system: FileSystem) -> BusyPool {
        let (pool, pass, comes) = gated(2, most_waiting);
        let (waker, rings) = bell();
        let mut busy = BusyPool {
            pool,
            rings,
            waker,
            file_system,
            pass,
            jobs: Vec::new(),
        };
        for _ in 0..2 {
            assert!(busy.submit(1));
            comes.recv_timeout(PATIENCE).expect("a job");
        }
        busy
    }

    /// Gives the pool a job that reads for this network. Returns whether there was room.
    pub fn submit(&mut self, network: u8) -> bool {
        let (pool, system) = (&self.pool, self.file_system);
        let job = pool.submit(Effort::Read, system, client(network), Room::Limited, || ());
        let has_room = job.is_some();
        self.jobs.extend(job);
        has_room
    }

    /// Lets all jobs pass. Returns what wakes.
    pub fn open(self) -> Receiver<()> {
        drop(self.pass);
        self.rings
    }
}

/// A gate that lets a job pass for each message, and tells which one has come to it.
pub fn gated(
    threads: usize,
    most_waiting: usize,
) -> (DiskPool, mpsc::Sender<()>, mpsc::Receiver<Effort>) {
    let (pass, passes) = mpsc::channel::<()>();
    let (come, comes) = mpsc::channel();
    let passes = Mutex::new(passes);
    let gate: Gate = Arc::new(move |effort| {
        let _ = come.send(effort);
        let _ = passes.lock().expect("no panic").recv();
    });
    (
        DiskPool::with(threads, most_waiting, Some(gate)),
        pass,
        comes,
    )
}

/// Locks the pool. Until this is dropped, whoever asks the pool waits.
pub fn hold_pool(pool: &DiskPool) -> MutexGuard<'_, impl Sized> {
    pool.shared().state()
}

fn number<T>(pending: &Pending<T>) -> Option<T> {
    match pending.poll()? {
        Ended::Done(outcome) => Some(outcome),
        _ => panic!("the job ended otherwise"),
    }
}

#[test]
fn the_outcome_comes_with_a_wake_up() {
    let pool = DiskPool::new(2);
    let (waker, rings) = bell();
    let pending = pool.submit(
        Effort::Look,
        FileSystem::NONE,
        client(1),
        Room::Limited,
        || 6 * 7,
    );
    let pending = pending.expect("a place");
    let mut registered = Registered::default();
    for _ in 0..2 {
        pending.wake_once(&mut registered, &waker);
    }
    rings.recv_timeout(PATIENCE).expect("a wake-up");
    assert!(rings.try_recv().is_err(), "only one");
    assert_eq!(number(&pending), Some(42));
    assert!(pending.has_begun() && number(&pending).is_none());
}

#[test]
fn a_panic_ends_one_job_and_no_thread() {
    let pool = DiskPool::new(1);
    for _ in 0..3 {
        let (waker, rings) = bell();
        let work = || -> u8 { panic!("a bug in a job") };
        let pending = pool.submit(
            Effort::Read,
            FileSystem::NONE,
            client(1),
            Room::Limited,
            work,
        );
        let pending = pending.expect("a place");
        pending.wake(waker);
        rings.recv_timeout(PATIENCE).expect("a wake-up");
        let ended = pending.poll();
        assert!(matches!(ended, Some(Ended::Panicked)));
    }
}

#[test]
fn who_leaves_takes_a_job_that_has_not_begun_along() {
    let (pool, pass, comes) = gated(1, 2);
    let submit = || {
        pool.submit(
            Effort::Look,
            FileSystem::NONE,
            client(1),
            Room::Limited,
            || 1,
        )
    };
    let first = submit().expect("a place");
    comes.recv_timeout(PATIENCE).expect("it has begun");
    assert!(first.has_begun());
    let (second, third) = (submit().expect("room"), submit().expect("room"));
    assert!(!second.has_begun());
    assert!(submit().is_none(), "the queue is full");
    drop(second);
    assert_eq!(pool.waiting(), 1);
    let fourth = submit().expect("room again");
    // A job that has begun goes on without its client.
    drop(first);
    drop(third);
    for _ in 0..2 {
        pass.send(()).expect("the gate");
    }
    comes.recv_timeout(PATIENCE).expect("the fourth has begun");
    drop(fourth);
    assert_eq!(pool.waiting(), 0);
}

#[test]
fn the_network_with_the_most_jobs_makes_room_for_others() {
    let (pool, pass, comes) = gated(1, 3);
    let submit = |network, room| {
        let (look, none) = (Effort::Look, FileSystem::NONE);
        pool.submit(look, none, client(network), room, || 1)
    };
    let first = submit(1, Room::Limited).expect("a place");
    comes.recv_timeout(PATIENCE).expect("it has begun");
    // The bodies that are under way take no room, and keep their jobs.
    let bodies = [(); 5].map(|()| submit(1, Room::Unlimited).expect("room"));
    let looks = [(); 3].map(|()| submit(1, Room::Limited).expect("room"));
    assert!(submit(1, Room::Limited).is_none(), "its own network");
    let (waker, rings) = bell();
    looks[2].wake(waker);
    let other = submit(2, Room::Limited).expect("the room of another");
    rings.recv_timeout(PATIENCE).expect("it is told");
    assert!(matches!(looks[2].poll(), Some(Ended::Displaced)));
    let third = submit(3, Room::Limited).expect("the room of another");
    assert!(matches!(looks[1].poll(), Some(Ended::Displaced)));
    assert!(submit(4, Room::Limited).is_none(), "each waits for one");
    for _ in 0..9 {
        pass.send(()).expect("the gate");
    }
    for pending in bodies.iter().chain([&first, &looks[0], &other, &third]) {
        let (waker, rings) = bell();
        pending.wake(waker);
        rings.recv_timeout(PATIENCE).expect("a wake-up");
        assert_eq!(number(pending), Some(1));
    }
}

/// Gives a job to the pool.
fn submit(pool: &DiskPool, device: u64, effort: Effort) -> Pending<()> {
    let file_system = FileSystem::of_device(device);
    let pending = pool.submit(effort, file_system, client(1), Room::Limited, || ());
    pending.expect("room")
}

/// How many of these jobs have begun.
fn begun(jobs: &[Pending<()>]) -> usize {
    jobs.iter().filter(|job| job.has_begun()).count()
}

#[test]
fn each_kind_of_work_gets_a_thread() {
    const THREADS: usize = 3;
    let (pool, pass, comes) = gated(THREADS, 100);
    let mut jobs: Vec<_> = (0..10).map(|_| submit(&pool, 1, Effort::Read)).collect();
    for _ in 0..THREADS {
        assert_eq!(comes.recv_timeout(PATIENCE), Ok(Effort::Read));
    }
    assert_eq!(begun(&jobs), THREADS);
    for (device, effort) in [
        (1, Effort::Look),
        (2, Effort::Look),
        (2, Effort::Read),
        (3, Effort::Read),
    ] {
        let new: Vec<_> = (0..3).map(|_| submit(&pool, device, effort)).collect();
        assert_eq!(comes.recv_timeout(PATIENCE), Ok(effort), "{device}");
        assert_eq!(begun(&new), 1);
        jobs.extend(new);
    }
    for _ in &jobs {
        pass.send(()).expect("the gate");
    }
    for _ in THREADS + 4..jobs.len() {
        comes.recv_timeout(PATIENCE).expect("all begin");
    }
    assert_eq!(begun(&jobs), jobs.len());
}

/// The thread of the only look gets the second read to do, so another one must do the next look.
#[test]
fn the_end_of_a_job_may_make_room_for_two() {
    let pool = DiskPool::new(2);
    let (begin, begins) = mpsc::channel();
    let held = |effort| {
        let (pass, passes) = mpsc::channel::<()>();
        let begin = begin.clone();
        let work = move || {
            let _ = begin.send(effort);
            // The end of the test ends it too.
            let _ = passes.recv();
        };
        let room = Room::Limited;
        let job = pool.submit(effort, FileSystem::NONE, client(1), room, work);
        (job.expect("room"), pass)
    };
    let next = || begins.recv_timeout(PATIENCE).expect("it begins");
    let _read = held(Effort::Read);
    assert_eq!(next(), Effort::Read);
    let look = held(Effort::Look);
    assert_eq!(next(), Effort::Look);
    let (_read, _look) = (held(Effort::Read), held(Effort::Look));
    look.1.send(()).expect("it waits");
    let both = [next(), next()];
    assert!(both.contains(&Effort::Read) && both.contains(&Effort::Look));
}

#[test]
fn no_more_threads_start_than_a_site_has_mounts() {
    let (pool, pass, comes) = gated(1, 1000);
    let most = 1 + MOST_SPARE;
    let jobs: Vec<_> = (0..2 * most as u64)
        .map(|device| submit(&pool, device, Effort::Read))
        .collect();
    for _ in 0..most {
        comes.recv_timeout(PATIENCE).expect("it has begun");
    }
    assert_eq!(begun(&jobs), most);
    assert_eq!(pool.shared().state().started, most);
    for _ in &jobs {
        pass.send(()).expect("the gate");
    }
}
