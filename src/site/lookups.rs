//! Look-ups and openings that disk threads do for clients.
//!
//! A look-up has two parts: a job that only looks at names and states and, unless the file is cached in
//! that state, a job that reads it. Clients that want the same path share a look-up that has not begun. A
//! client that comes later gets the next one, because the file may have changed since the look-up began.
//! Clients that found the same state of a file share the reading.
//!
//! A job counts for the network of the client that asked first. If it is displaced because that network has too many,
//! the clients that share it ask again, each in its own name. So nobody is refused because of another network.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::site::budget::{Account, Reserved};
use crate::site::disk::{Caller, DiskPool, Effort, Ended, FileSystem, Pending, Registered, Room};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::StoredFile;
use crate::site::file_state::{FileKind, FileState};
use crate::site::lookup::{self, FileRead, Resolved};
use crate::site::nofollow::Blocking;
use crate::site::opened::Opened;
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::resolve::{Found, Site};
use crate::site::root::Root;

/// The look-ups of one worker.
#[derive(Default)]
pub struct Lookups {
    looks: Vec<Weak<RefCell<Look>>>,
    readings: Vec<Weak<RefCell<Reading>>>,
}

/// A client's part in a look-up. Dropping the last one ends the look-up.
pub struct Lookup {
    look: Rc<RefCell<Look>>,
    registered: Registered,
}

/// What a job finds: a path with the state of its file, or a directory.
type Named = Resolved<(Box<[u8]>, FileState)>;

struct Look {
    path: Box<[u8]>,
    stage: Stage,
}

enum Stage {
    Looks(SharedJob<Named>),
    Reads(Rc<RefCell<Reading>>),
    Done(Result<Found, DiskError>),
}

struct Reading {
    path: Box<[u8]>,
    state: FileState,
    /// Whether a change of the file during or after the reading is certain to show in its state.
    is_settled: bool,
    options: Arc<SiteOptions>,
    job: SharedJob<FileRead<Reserved>>,
    outcome: Option<Result<Rc<StoredFile>, DiskError>>,
}

/// A job whose result several clients want. `None`: no disk thread has it, because it is new or was displaced.
struct SharedJob<T>(Option<PendingResult<T>>);

type PendingResult<T> = Pending<Result<T, DiskError>>;

/// How far a shared job has come, for one of its clients.
enum Progress<T> {
    Waits,
    /// There is no room for a job of this client's network. The others may still get the result.
    Refused(DiskError),
    Ended(Result<T, DiskError>),
}

/// A file that is being opened.
pub struct Opening {
    pending: Pending<Result<Option<Opened>, DiskError>>,
}

impl Lookups {
    /// Joins the look-up of `path` that has not begun, or asks for one.
    pub fn join(
        &mut self,
        site: &Site,
        path: SitePath<'_>,
        caller: Caller<'_>,
    ) -> Result<Lookup, DiskError> {
        self.looks.retain(|look| look.strong_count() > 0);
        let mut known = self.looks.iter().filter_map(Weak::upgrade);
        let shared = known.find(|look| look.borrow().may_be_shared(path));
        let look = match shared {
            Some(look) => look,
            None => {
                let stage = Stage::Looks(SharedJob(None));
                let path = path.as_bytes().into();
                let look = Rc::new(RefCell::new(Look { path, stage }));
                self.looks.push(Rc::downgrade(&look));
                look
            }
        };
        let mut registered = Registered::default();
        if let Stage::Looks(job) = &mut look.borrow_mut().stage {
            let asked = job.ask_once(&mut registered, caller, || begin_look(site, path, caller));
            asked?;
        }
        Ok(Lookup { look, registered })
    }

    /// New requests join no look-up that is under way, because it is of another root.
    pub fn forget(&mut self) {
        self.looks.clear();
    }

    /// The reading of a file that was found in this state.
    fn read(&mut self, site: &mut Site, path: &[u8], state: FileState) -> Rc<RefCell<Reading>> {
        self.readings.retain(|reading| reading.strong_count() > 0);
        let mut known = self.readings.iter().filter_map(Weak::upgrade);
        let shared = known.find(|reading| {
            let reading = reading.borrow();
            *reading.path == *path && reading.state == state
        });
        if let Some(reading) = shared {
            return reading;
        }
        let reading = Rc::new(RefCell::new(Reading {
            path: path.into(),
            state,
            is_settled: site.settles(&state),
            options: site.shared_options(),
            job: SharedJob(None),
            outcome: None,
        }));
        self.readings.push(Rc::downgrade(&reading));
        reading
    }
}

impl Lookup {
    /// What the path names. `None`: not known yet, and the client will be woken.
    pub fn poll(
        &mut self,
        lookups: &mut Lookups,
        site: &mut Site,
        caller: Caller<'_>,
    ) -> Option<Result<Found, DiskError>> {
        let look = &mut *self.look.borrow_mut();
        if let Stage::Looks(job) = &mut look.stage {
            let path = SitePath::of_decoded(&look.path);
            let ask = || begin_look(site, path, caller);
            look.stage = match job.poll(&mut self.registered, caller, ask) {
                Progress::Waits => return None,
                Progress::Refused(fault) => return Some(Err(fault)),
                Progress::Ended(named) => Look::next(named, lookups, site),
            };
        }
        if let Stage::Reads(reading) = &look.stage {
            let progress = reading
                .borrow_mut()
                .poll(&mut self.registered, site, caller);
            look.stage = match progress {
                Progress::Waits => return None,
                Progress::Refused(fault) => return Some(Err(fault)),
                Progress::Ended(read) => Stage::Done(read.map(Found::File)),
            };
        }
        match &look.stage {
            Stage::Done(found) => Some(found.clone()),
            Stage::Looks(_) | Stage::Reads(_) => None,
        }
    }
}

impl Look {
    /// Compares the path first: to ask whether a job has begun locks the pool and scans all jobs that
    /// wait, and there may be as many look-ups as jobs.
    fn may_be_shared(&self, path: SitePath<'_>) -> bool {
        *self.path == *path.as_bytes() && !self.has_begun()
    }

    fn has_begun(&self) -> bool {
        match &self.stage {
            Stage::Looks(job) => job.0.as_ref().is_some_and(Pending::has_begun),
            Stage::Reads(_) | Stage::Done(_) => true,
        }
    }

    /// What follows when the names and the state are known.
    fn next(named: Result<Named, DiskError>, lookups: &mut Lookups, site: &mut Site) -> Stage {
        match named {
            Ok(Resolved::File((path, state))) => match site.cached(&path, &state) {
                Some(file) => Stage::Done(Ok(Found::File(file))),
                None => Stage::Reads(lookups.read(site, &path, state)),
            },
            Ok(Resolved::Directory) => Stage::Done(Ok(Found::Directory)),
            Err(error) => Stage::Done(Err(error)),
        }
    }
}

impl Reading {
    fn poll(
        &mut self,
        registered: &mut Registered,
        site: &mut Site,
        caller: Caller<'_>,
    ) -> Progress<Rc<StoredFile>> {
        if let Some(outcome) = &self.outcome {
            return Progress::Ended(outcome.clone());
        }
        let (path, device) = (&self.path, self.state.device());
        let ask = || begin_read(site, path, device, caller);
        let read = match self.job.poll(registered, caller, ask) {
            Progress::Waits => return Progress::Waits,
            Progress::Refused(fault) => return Progress::Refused(fault),
            Progress::Ended(read) => read,
        };
        let outcome = read.map(|read| {
            let is_settled = self.is_settled && read.state == self.state;
            site.store_read(&self.path, read, &self.options, is_settled)
        });
        self.outcome = Some(outcome.clone());
        Progress::Ended(outcome)
    }
}

impl<T> SharedJob<T> {
    /// How far it has come. If it was displaced, `ask` asks for it in the name of this client, and the line of the
    /// disk threads decides whether its network may.
    fn poll(
        &mut self,
        registered: &mut Registered,
        caller: Caller<'_>,
        ask: impl FnOnce() -> Result<PendingResult<T>, DiskError>,
    ) -> Progress<T> {
        match self.0.as_ref().and_then(Pending::poll) {
            None => {}
            Some(Ended::Displaced) => self.0 = None,
            Some(ended) => return Progress::Ended(ended.flat()),
        }
        match self.ask_once(registered, caller, ask) {
            Ok(()) => Progress::Waits,
            Err(fault) => Progress::Refused(fault),
        }
    }

    /// Asks for the job unless somebody has, and has the client woken at its end.
    fn ask_once(
        &mut self,
        registered: &mut Registered,
        caller: Caller<'_>,
        ask: impl FnOnce() -> Result<PendingResult<T>, DiskError>,
    ) -> Result<(), DiskError> {
        let pending = match &mut self.0 {
            Some(pending) => pending,
            none => none.insert(ask()?),
        };
        pending.wake_once(registered, caller.wakers);
        Ok(())
    }
}

impl Opening {
    /// Opens a file for a client that will read it.
    pub fn begin(site: &Site, file: &StoredFile, caller: Caller<'_>) -> Result<Opening, DiskError> {
        let (root, path, state) = (
            Arc::clone(site.root()),
            file.path.clone(),
            file.expected().copied(),
        );
        let closer = site.disk().cloned();
        let file_system = FileSystem::of_device(file.state.device());
        let open = move || {
            let opened = Opened::new(&root, closer, &path, state.as_ref(), Blocking::Allowed);
            opened.map_err(LookupError::on_disk_thread)
        };
        let pending = pool(site)?.submit(
            Effort::Read,
            file_system,
            caller.network,
            Room::Limited,
            open,
        );
        let pending = pending.ok_or(DiskError::DiskBusy)?;
        pending.wake(caller.wakers.waker());
        Ok(Opening { pending })
    }

    /// The open file. The inner `None` means that the file has changed since it was resolved. The outer
    /// one means that it is not known yet, and the client will be woken.
    pub fn poll(&self) -> Option<Result<Option<Opened>, DiskError>> {
        self.pending.poll().map(Ended::flat)
    }
}

fn begin_look(
    site: &Site,
    path: SitePath<'_>,
    caller: Caller<'_>,
) -> Result<Pending<Result<Named, DiskError>>, DiskError> {
    let (root, options) = (Arc::clone(site.root()), site.shared_options());
    let path_asked = path.as_bytes();
    let path: Box<[u8]> = path_asked.into();
    let look = move || {
        let path = SitePath::of_decoded(&path);
        let resolve = |name: &[u8]| look_at(&root, name);
        let named = lookup::find(&options, path, &mut Vec::new(), resolve);
        named.map_err(LookupError::on_disk_thread)
    };
    let file_system = site.root().file_system(path_asked);
    let pending = pool(site)?.submit(
        Effort::Look,
        file_system,
        caller.network,
        Room::Limited,
        look,
    );
    pending.ok_or(DiskError::DiskBusy)
}

fn look_at(root: &Root, name: &[u8]) -> Result<Named, LookupError> {
    match root.find(name, Blocking::Allowed)? {
        (FileKind::File, state) => Ok(Resolved::File((name.into(), state))),
        (FileKind::Directory, _) => Ok(Resolved::Directory),
        (FileKind::Other, _) => Err(DiskError::Special.into()),
    }
}

fn begin_read(
    site: &Site,
    path: &[u8],
    device: u64,
    caller: Caller<'_>,
) -> Result<Pending<Result<FileRead<Reserved>, DiskError>>, DiskError> {
    let (root, memory) = (Arc::clone(site.root()), Arc::clone(site.memory.budget()));
    let options = site.shared_options();
    let (path, largest): (Box<[u8]>, u64) = (path.into(), site.memory.largest_kept());
    let read = move || {
        let charge = |bytes| memory.reserve(Account::Contents, bytes);
        let read = lookup::read(&root, &options, &path, largest, Blocking::Allowed, charge);
        read.map_err(LookupError::on_disk_thread)
    };
    let file_system = FileSystem::of_device(device);
    let pending = pool(site)?.submit(
        Effort::Read,
        file_system,
        caller.network,
        Room::Limited,
        read,
    );
    pending.ok_or(DiskError::DiskBusy)
}

/// The pool. Without one, nothing waits, so nobody asks for it.
fn pool(site: &Site) -> Result<&DiskPool, DiskError> {
    site.disk().ok_or(DiskError::Failed)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use std::task::Waker;
    use std::thread;
    use std::time::Duration;

    use crate::site::disk::tests::bell;
    use crate::site::disk::tests::{caller, gated, hold_pool};
    use crate::site::options::{Allowances, Budgets, SiteOptions};
    use crate::site::root::LinkPolicy;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A site whose jobs each wait for a message.
    struct Rig {
        lookups: Lookups,
        site: Site,
        allowances: Allowances,
        pass: mpsc::Sender<()>,
        comes: mpsc::Receiver<Effort>,
        rings: crossbeam_channel::Receiver<()>,
        waker: Waker,
        folder: tempfile::TempDir,
    }

    impl Rig {
        fn new() -> Rig {
            Rig::with(10)
        }

        /// With two threads, for which so many look-ups wait.
        fn with(most_waiting: usize) -> Rig {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("a"), "content").expect("a file");
            let (pool, pass, comes) = gated(2, most_waiting);
            let options = SiteOptions::default();
            let allowances = Budgets::new(&options, 1).part();
            let mut root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
            root.assume_remote();
            let mut site = Site::new(Arc::new(root), Arc::new(options), allowances.clone());
            site.use_disk_threads(pool);
            let (waker, rings) = bell();
            Rig {
                lookups: Lookups::default(),
                site,
                allowances,
                pass,
                comes,
                rings,
                waker,
                folder,
            }
        }

        fn join(&mut self) -> Lookup {
            self.join_from(1, b"a")
        }

        fn join_from(&mut self, network: u8, path: &[u8]) -> Lookup {
            let caller = caller(network, &self.waker);
            let path = SitePath::of_decoded(path);
            let joined = self.lookups.join(&self.site, path, caller);
            joined.unwrap_or_else(|fault| panic!("{fault:?}"))
        }

        fn poll(&mut self, lookup: &mut Lookup) -> Option<Result<Found, DiskError>> {
            self.poll_from(1, lookup)
        }

        fn poll_from(
            &mut self,
            network: u8,
            lookup: &mut Lookup,
        ) -> Option<Result<Found, DiskError>> {
            let caller = caller(network, &self.waker);
            lookup.poll(&mut self.lookups, &mut self.site, caller)
        }

        /// Lets jobs go on, and waits for the wake-ups of so many clients.
        fn let_pass(&mut self, jobs: usize, clients: usize) {
            for _ in 0..jobs {
                self.pass.send(()).expect("a gate");
            }
            for _ in 0..clients {
                self.rings.recv_timeout(PATIENCE).expect("a wake-up");
            }
        }

        fn comes(&self) -> Effort {
            self.comes.recv_timeout(PATIENCE).expect("a job")
        }

        /// What a client gets in the end.
        fn content_for(&mut self, network: u8, lookup: &mut Lookup) -> Vec<u8> {
            loop {
                let found = self.poll_from(network, lookup);
                if found.is_some() {
                    return Rig::content(found);
                }
                self.rings.recv_timeout(PATIENCE).expect("a wake-up");
            }
        }

        fn content(found: Option<Result<Found, DiskError>>) -> Vec<u8> {
            match found {
                Some(Ok(Found::File(file))) => file.memory.as_ref().expect("it is small").to_vec(),
                _ => panic!("no file was found"),
            }
        }
    }

    /// A network that asks for everything can make the others share its look-ups. They do not share its refusals.
    #[test]
    fn who_shares_a_look_up_does_not_lose_it_because_of_another_network() {
        let mut rig = Rig::with(3);
        let _begun = [rig.join(), rig.join_from(1, b"b")];
        assert_eq!([rig.comes(), rig.comes()], [Effort::Look; 2]);
        let _waiting = [rig.join_from(1, b"c"), rig.join_from(1, b"d")];
        let mut greedy = rig.join();
        let mut shared = rig.join_from(2, b"a");
        assert!(Rc::ptr_eq(&greedy.look, &shared.look));
        let _other = rig.join_from(3, b"e");
        let refused = rig.poll(&mut greedy);
        assert!(matches!(refused, Some(Err(DiskError::DiskBusy))));
        assert!(rig.poll_from(2, &mut shared).is_none(), "it waits again");
        // Those that have begun, and the three that wait. Then the file is read.
        rig.let_pass(6, 0);
        assert_eq!(rig.content_for(2, &mut shared), b"content");
    }

    #[test]
    fn who_shares_a_look_up_does_not_lose_the_reading_because_of_another_network() {
        let mut rig = Rig::with(3);
        let _looks = [rig.join_from(1, b"b"), rig.join_from(1, b"c")];
        assert_eq!([rig.comes(), rig.comes()], [Effort::Look; 2]);
        let mut greedy = rig.join();
        let mut shared = rig.join_from(2, b"a");
        assert!(Rc::ptr_eq(&greedy.look, &shared.look));
        rig.let_pass(3, 4);
        assert_eq!(rig.comes(), Effort::Look);
        let system = rig.site.root().file_system(b"a");
        let pool = rig.site.disk().expect("a pool").clone();
        let reads = |network: u8| {
            let network = [10, 0, 0, network].into();
            let job = pool.submit(Effort::Read, system, network, Room::Limited, || ());
            job.expect("room")
        };
        let _begun = [reads(1), reads(1)];
        assert_eq!([rig.comes(), rig.comes()], [Effort::Read; 2]);
        let _waiting = [reads(1), reads(1)];
        assert!(rig.poll(&mut greedy).is_none(), "the file must be read");
        assert!(rig.poll_from(2, &mut shared).is_none());
        let _other = reads(3);
        let refused = rig.poll(&mut greedy);
        assert!(matches!(refused, Some(Err(DiskError::DiskBusy))));
        assert!(rig.poll_from(2, &mut shared).is_none(), "it waits again");
        rig.let_pass(6, 0);
        assert_eq!(rig.content_for(2, &mut shared), b"content");
    }

    #[test]
    fn the_pool_is_not_asked_about_look_ups_of_other_paths() {
        let (knows, known) = mpsc::channel();
        let (hold, is_held) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let worker = thread::spawn(move || {
            let mut rig = Rig::new();
            let lookup = rig.join();
            let pool = rig.site.disk().cloned();
            knows.send(pool.expect("a pool")).expect("the test waits");
            is_held.recv().expect("the pool is held");
            let other = SitePath::of_decoded(b"b");
            let is_shared = lookup.look.borrow().may_be_shared(other);
            let _ = tell.send(is_shared);
        });
        let pool = known.recv_timeout(PATIENCE).expect("a pool");
        let held = hold_pool(&pool);
        hold.send(()).expect("the worker waits");
        let is_shared = told.recv_timeout(PATIENCE);
        drop(held);
        assert_eq!(is_shared, Ok(false));
        worker.join().expect("no panic");
    }

    #[test]
    fn a_look_up_is_shared_until_it_begins() {
        let mut rig = Rig::new();
        let mut first = rig.join();
        assert_eq!(rig.comes(), Effort::Look);
        // The file may have changed since it began.
        let mut second = rig.join();
        assert!(!Rc::ptr_eq(&first.look, &second.look));
        assert_eq!(rig.comes(), Effort::Look);
        // Both threads are busy.
        let mut third = rig.join();
        let mut fourth = rig.join();
        assert!(Rc::ptr_eq(&third.look, &fourth.look));
        assert!(rig.poll(&mut fourth).is_none());
        // Any of the jobs may end first.
        rig.let_pass(3, 4);
        for lookup in [&mut first, &mut second, &mut third, &mut fourth] {
            assert!(rig.poll(lookup).is_none(), "it must be read");
        }
        // All found the same state, so one job reads it for all.
        rig.let_pass(1, 4);
        for lookup in [&mut first, &mut second, &mut third, &mut fourth] {
            assert_eq!(Rig::content(rig.poll(lookup)), b"content");
        }
        let jobs: Vec<Effort> = rig.comes.try_iter().collect();
        assert_eq!(jobs, [Effort::Look, Effort::Read]);
        drop((first, second, third, fourth));
        let limit = rig.allowances.memory.limit();
        assert!(
            rig.allowances.memory.has_room(Account::Listings, limit),
            "nothing is held"
        );
        drop(rig.folder);
    }
}
