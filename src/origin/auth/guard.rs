//! Checks names and passwords. All workers share it.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crossbeam_channel::never;

use crate::observe::notice::tell;
use crate::origin::auth::failures::Failures;
use crate::origin::auth::fault::AuthError;
use crate::origin::auth::remembered::Remembered;
use crate::origin::auth::users::Users;
use crate::origin::auth::users_file::{Asker, Found, Notice, PATIENCE, UsersFile};
use crate::semantics::credentials::Credentials;
use crate::semantics::protection::{NamedUser, Protection, User};
use crate::site::budget::{Account, Budget};
use crate::site::disk::{DiskPool, Effort, FileSystem, Gate, NOBODY, Pending, Priority, Room};
use crate::sync::lock;

/// How many passwords may wait to be checked. A check takes about 40 ms with argon2 and 290 ms with bcrypt,
/// so the last of them waits for seconds.
const MOST_WAITING: usize = 64;

/// How long a remembered pair counts after the latest look at the password file.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// One thread looks at the password file, and one waits until it is time for the second look.
const LOOK_THREADS: usize = 2;

/// What is known about users.
pub struct Guard {
    named: Vec<NamedUser>,
    file: Option<UsersFile>,
    users: RwLock<Arc<Users>>,
    remembered: Remembered,
    failures: Mutex<Failures>,
    /// The thread that checks. `None`: whoever asks does it.
    pool: Option<DiskPool>,
    /// The threads that look at the file. `None`: there is no file, or whoever asks looks. A look takes
    /// microseconds, so it does not queue behind the checks.
    looks: Option<DiskPool>,
    /// When the latest look began that has ended.
    looked: Mutex<Option<Instant>>,
    /// Is held while the file is read and its users are put to use, so that no look ends in between.
    reading: Mutex<()>,
    /// The second look at an invalid file. Dropping it would take the look back.
    second_look: Mutex<Option<Pending<()>>>,
}

/// Whether the users are those of the file.
pub(super) enum Look {
    /// They were a moment ago.
    Recent,
    /// They are when this ends.
    Pending(Pending<()>),
    /// No thread can look.
    Impossible,
}

/// The outcome of a check.
pub(super) enum Verdict {
    /// The user has proved who they are.
    Right(User),
    /// There is no such user, or the password is another one.
    Wrong,
    /// The network has to wait before its next password.
    Wait(Duration),
}

/// A check that was begun.
pub(super) enum Check {
    /// It has ended.
    Done(Verdict),
    /// It will end on the thread.
    Pending(Pending<Verdict>),
    /// Too many wait.
    Full,
}

impl Guard {
    /// The guard for these rules and this file; `None` if there are none. Without a pool, whoever asks
    /// makes the checks.
    pub fn open(
        protection: &Protection,
        file: Option<&Path>,
        pool: Option<DiskPool>,
    ) -> Result<Option<Arc<Guard>>, AuthError> {
        if protection.is_empty() && file.is_none() {
            return Ok(None);
        }
        if protection.needs_file() && file.is_none() {
            return Err(AuthError::NoFile);
        }
        let named = protection.users().to_vec();
        let file = file.map(|path| UsersFile::new(path.to_owned()));
        let users = match &file {
            Some(file) => file.read(&named)?,
            None => Users::of(&named, None)?,
        };
        let for_looks =
            || DiskPool::named("users", Priority::Usual, LOOK_THREADS, MOST_WAITING, None);
        let looks = pool.is_some() && file.is_some();
        Ok(Some(Arc::new(Guard {
            named,
            file,
            looks: looks.then(for_looks),
            looked: Mutex::default(),
            reading: Mutex::default(),
            second_look: Mutex::default(),
            users: RwLock::new(Arc::new(users)),
            remembered: Remembered::new().ok_or(AuthError::Random)?,
            failures: Mutex::default(),
            pool,
        })))
    }

    /// The thread for checks. One is enough: nobody has to guess faster. It starts at the first check. A check is
    /// nothing but work, so the workers go first. Tests give it a gate, and how many
    /// checks may wait.
    pub fn pool(slow: Option<(Gate, usize)>) -> Option<DiskPool> {
        let (gate, most_waiting) = match slow {
            Some((gate, most_waiting)) => (Some(gate), most_waiting),
            None => (None, MOST_WAITING),
        };
        Some(DiskPool::named(
            "password",
            Priority::Low,
            1,
            most_waiting,
            gate,
        ))
    }

    /// How long a network has to wait before its next password. `None`: it may send one.
    pub(super) fn wait(&self, network: IpAddr, now: Instant) -> Option<Duration> {
        lock(&self.failures).wait(network, now)
    }

    /// The user, if the pair was right a moment ago and the user still has the same password.
    pub(super) fn remembered(&self, credentials: &Credentials, now: Instant) -> Option<User> {
        let users = self.users();
        let subject = users.subject(&credentials.name)?;
        let pair = self.remembered.digest(credentials, subject.hash.text());
        subject.user.filter(|_| self.remembered.has(&pair, now))
    }

    /// Begins to check a pair. Pairs of clients in `network` take turns with those of other networks. What
    /// the check needs is charged to `memory`.
    pub(super) fn check(
        self: &Arc<Self>,
        credentials: Credentials,
        network: IpAddr,
        memory: &Arc<Budget>,
        now: Instant,
    ) -> Check {
        let Some(pool) = &self.pool else {
            return Check::Done(self.verify(&credentials, network, memory, now));
        };
        let (guard, memory) = (Arc::clone(self), Arc::clone(memory));
        let work = move || guard.verify(&credentials, network, &memory, now);
        let (effort, system, room) = (Effort::Look, FileSystem::NONE, Room::Limited);
        match pool.submit(effort, system, network, room, work) {
            Some(pending) => Check::Pending(pending),
            None => Check::Full,
        }
    }

    /// Has a thread look at the password file, unless one has done so a moment ago.
    pub(super) fn look(self: &Arc<Self>, now: Instant) -> Look {
        if !self.must_look(now) {
            return Look::Recent;
        }
        let Some(pool) = &self.looks else {
            self.read_file(now);
            return Look::Recent;
        };
        let guard = Arc::clone(self);
        let work = move || {
            // Many requests may have asked for the same look.
            if guard.must_look(now) {
                guard.read_file(now);
            }
        };
        let (effort, system, room) = (Effort::Look, FileSystem::NONE, Room::Unlimited);
        let pending = pool.submit(effort, system, NOBODY, room, work);
        pending.map_or(Look::Impossible, Look::Pending)
    }

    fn must_look(&self, now: Instant) -> bool {
        let is_old = |looked| now.saturating_duration_since(looked) >= LOOK_INTERVAL;
        self.file.is_some() && lock(&self.looked).is_none_or(is_old)
    }

    /// Reads the password file again if it has changed, because a client has sent a password.
    fn read_file(self: &Arc<Self>, now: Instant) {
        tell(self.renewed(Asker::Client, now).as_slice());
    }

    /// Reads the password file again if it has changed, because the operator wants a reload. Returns what came of it.
    /// It may wait for the disk.
    pub fn reload(self: &Arc<Self>, now: Instant) -> Option<Notice> {
        self.renewed(Asker::Operator, now)
    }

    fn renewed(self: &Arc<Self>, asker: Asker, now: Instant) -> Option<Notice> {
        let file = self.file.as_ref()?;
        let reading = lock(&self.reading);
        let notice = match file.changed(&self.named, asker, now) {
            Found::Nothing => None,
            Found::Users(users, notice) => {
                *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
                Some(notice)
            }
            Found::Suspect => {
                self.look_again(now);
                None
            }
            Found::Invalid(notice) => Some(notice),
        };
        drop(reading);
        let mut looked = lock(&self.looked);
        *looked = (*looked).max(Some(now));
        notice
    }

    /// Looks at an invalid file a second time, so that it is reported although no request comes.
    fn look_again(self: &Arc<Self>, now: Instant) {
        let mut second_look = lock(&self.second_look);
        let Some(pool) = self.looks.as_ref().filter(|_| second_look.is_none()) else {
            return;
        };
        let guard = Arc::downgrade(self);
        let work = move || {
            // Nothing is ever sent.
            let _ = never::<()>().recv_timeout(PATIENCE);
            if let Some(guard) = guard.upgrade() {
                drop(lock(&guard.second_look).take());
                guard.read_file(now + PATIENCE);
            }
        };
        // As a read, so that looks do not wait for it.
        let (effort, system, room) = (Effort::Read, FileSystem::NONE, Room::Unlimited);
        *second_look = pool.submit(effort, system, NOBODY, room, work);
    }

    /// Checks a pair. A name that does not exist takes the same work as a wrong password.
    fn verify(
        self: &Arc<Self>,
        credentials: &Credentials,
        network: IpAddr,
        memory: &Arc<Budget>,
        now: Instant,
    ) -> Verdict {
        self.read_file(now);
        // Other requests of the same client may have been checked since this one came.
        if let Some(wait) = self.wait(network, now) {
            return Verdict::Wait(wait);
        }
        if let Some(user) = self.remembered(credentials, now) {
            return Verdict::Right(user);
        }
        let users = self.users();
        let Some(subject) = users.subject(&credentials.name) else {
            return Verdict::Wrong;
        };
        // There is one check at a time, and the operator has chosen how much memory it needs.
        let charge = memory.reserve_anyway(Account::Passwords, subject.hash.memory());
        let is_right = subject.hash.belongs_to(&credentials.password);
        drop(charge);
        match subject.user.filter(|_| is_right) {
            Some(user) => {
                let pair = self.remembered.digest(credentials, subject.hash.text());
                self.remembered.add(pair, now);
                lock(&self.failures).forget(network);
                Verdict::Right(user)
            }
            None => {
                lock(&self.failures).note(network, now);
                Verdict::Wrong
            }
        }
    }

    fn users(&self) -> Arc<Users> {
        let users = self.users.read();
        Arc::clone(&users.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::auth::failures::{MOST_FAILURES, WAIT};

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const SECRET: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

    fn guard() -> Arc<Guard> {
        let mut protection = Protection::default();
        let rule = format!("alice:{SECRET}");
        protection.add(&rule).expect("a rule");
        let guard = Guard::open(&protection, None, None).expect("users");
        guard.expect("a rule")
    }

    fn pair(name: &str, password: &str) -> Credentials {
        Credentials {
            name: name.into(),
            password: password.as_bytes().into(),
        }
    }

    /// The outcome in a word.
    fn check(guard: &Arc<Guard>, name: &str, password: &str, now: Instant) -> &'static str {
        let memory = Arc::new(Budget::of_memory(1 << 20, 1));
        match guard.check(pair(name, password), HERE, &memory, now) {
            Check::Done(Verdict::Right(user)) if *user.name == *name => "right",
            Check::Done(Verdict::Right(_)) => "somebody else",
            Check::Done(Verdict::Wrong) => "wrong",
            Check::Done(Verdict::Wait(_)) => "wait",
            Check::Pending(_) | Check::Full => "no verdict",
        }
    }

    #[test]
    fn a_right_password_works_after_the_wait() {
        let (guard, now) = (guard(), Instant::now());
        for _ in 0..MOST_FAILURES {
            assert_eq!(check(&guard, "alice", "wrong", now), "wrong");
        }
        let last = now + WAIT - Duration::from_secs(1);
        assert_eq!(check(&guard, "alice", "secret", last), "wait");
        assert_eq!(check(&guard, "alice", "secret", now + WAIT), "right");
        // A success resets: the next failures do not wait.
        for _ in 0..MOST_FAILURES {
            assert_eq!(check(&guard, "nobody", "secret", now + WAIT), "wrong");
        }
        assert_eq!(check(&guard, "alice", "secret", now + WAIT), "wait");
    }

    /// Bob is in the file, and alice is not.
    fn remove_alice(path: &Path) {
        std::fs::write(path, format!("bob:{SECRET}\n")).expect("a file");
    }

    fn guard_of_file(
        pool: Option<DiskPool>,
    ) -> (tempfile::TempDir, std::path::PathBuf, Arc<Guard>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        std::fs::write(&path, format!("alice:{SECRET}\n")).expect("a file");
        let mut protection = Protection::default();
        protection.use_file();
        let guard = Guard::open(&protection, Some(&path), pool).expect("users");
        (folder, path, guard.expect("a file"))
    }

    /// On a machine that has too much to do, other clients do not wait for a password.
    #[cfg(target_os = "linux")]
    #[test]
    fn checks_have_a_lower_priority_than_the_workers() {
        use rustix::process::getpriority_process;
        let usual = getpriority_process(None).expect("a priority");
        let (told, priority) = std::sync::mpsc::channel();
        let gate: Gate = Arc::new(move |_| {
            let _ = told.send(getpriority_process(None).expect("a priority"));
        });
        let mut protection = Protection::default();
        protection.add(&format!("alice:{SECRET}")).expect("a rule");
        let pool = Guard::pool(Some((gate, MOST_WAITING)));
        let guard = Guard::open(&protection, None, pool)
            .expect("users")
            .expect("a rule");
        let memory = Arc::new(Budget::of_memory(1 << 20, 1));
        let check = guard.check(pair("alice", "secret"), HERE, &memory, Instant::now());
        let Check::Pending(pending) = check else {
            panic!("it is not on the thread");
        };
        await_end(&pending);
        let low = priority.recv().expect("it has begun");
        assert_eq!(low, (usual + 10).min(19));
        assert_eq!(getpriority_process(None), Ok(usual), "of this thread");
    }

    /// Waits until a look has ended.
    fn await_look(look: Look) {
        let Look::Pending(pending) = look else {
            panic!("there was a look already, or no thread");
        };
        await_end(&pending);
    }

    fn await_end<T>(pending: &Pending<T>) {
        let (sent, ended) = std::sync::mpsc::channel();
        pending.wake(std::task::Waker::from(Arc::new(Bell(sent))));
        ended
            .recv_timeout(Duration::from_secs(20))
            .expect("it ends");
    }

    struct Bell(std::sync::mpsc::Sender<()>);

    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn a_remembered_pair_needs_a_recent_look_at_the_file() {
        let (_folder, path, guard) = guard_of_file(Guard::pool(None));
        let (alice, now) = (pair("alice", "secret"), Instant::now());
        await_look(guard.look(now));
        let memory = Arc::new(Budget::of_memory(1 << 20, 1));
        let verdict = guard.verify(&alice, HERE, &memory, now);
        assert!(matches!(verdict, Verdict::Right(_)));
        remove_alice(&path);
        let soon = now + LOOK_INTERVAL - Duration::from_millis(1);
        assert!(matches!(guard.look(soon), Look::Recent));
        await_look(guard.look(now + LOOK_INTERVAL));
        assert!(guard.remembered(&alice, now + LOOK_INTERVAL).is_none());
        assert!(matches!(guard.look(now + LOOK_INTERVAL), Look::Recent));
    }

    #[test]
    fn without_threads_whoever_asks_looks_at_the_file() {
        let (_folder, path, guard) = guard_of_file(None);
        let now = Instant::now();
        assert_eq!(check(&guard, "alice", "secret", now), "right");
        remove_alice(&path);
        assert!(matches!(guard.look(now + LOOK_INTERVAL), Look::Recent));
        let alice = pair("alice", "secret");
        assert!(guard.remembered(&alice, now + LOOK_INTERVAL).is_none());
    }

    #[test]
    fn only_a_pair_that_was_right_is_remembered() {
        let (guard, now) = (guard(), Instant::now());
        assert!(guard.remembered(&pair("alice", "secret"), now).is_none());
        check(&guard, "alice", "secret", now);
        check(&guard, "alice", "wrong", now);
        // Its name has the hash of alice, and still it is nobody.
        check(&guard, "nobody", "secret", now);
        assert!(guard.remembered(&pair("alice", "secret"), now).is_some());
        assert!(guard.remembered(&pair("alice", "wrong"), now).is_none());
        assert!(guard.remembered(&pair("nobody", "secret"), now).is_none());
        let later = now + Duration::from_secs(5 * 60);
        assert!(guard.remembered(&pair("alice", "secret"), later).is_none());
    }
}
