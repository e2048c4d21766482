//! The root as the operator gave it: a path, which may lead to another directory later.
//!
//! A build deletes its folder and makes it again, and a deployment points a link at a new release. So
//! the path is looked up again while requests come:
//!
//! ```text
//! release -> r1    requests are answered from r1
//! release -> r2    new requests are answered from r2, and responses under way end from r1
//! (nothing)        the last directory stays, until the path leads to one again
//! ```

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::fs::CWD;

use crate::observe::notice;
use crate::site::disk::{DiskPool, Effort, Ended, FileSystem, NOBODY, Pending, Room};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::nofollow::{Blocking, PASS, open_one};
use crate::site::root::{LinkPolicy, Root};
use crate::sync::lock;
use crate::text::escape::Name;

/// The time between two looks of a worker at the path.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long requests wait for a look that a disk thread makes. If the disk takes longer, they are answered from the
/// old directory. Later requests do not wait at all, until a look has ended within this time again.
const MOMENT: Duration = Duration::from_millis(50);

/// The path of a root, and the directory to which it led last.
pub struct GivenRoot {
    /// Absolute, because the current directory may be deleted.
    path: PathBuf,
    served: Served,
    changes: AtomicU64,
    state: Mutex<State>,
}

/// What is served of the directory.
#[derive(Clone, Debug)]
enum Served {
    /// All of it, with these links.
    Directory(LinkPolicy),
    /// The file with this name.
    File(Arc<[u8]>),
}

/// Where the path leads, as far as is known.
struct Current {
    root: Arc<Root>,
    /// When to look again. Now, if a look has not ended.
    next_look: Instant,
    hindrance: Option<Hindrance>,
}

/// Why a request cannot be answered from the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// A disk thread looks where the path leads, and will soon have an answer.
    Look,
    /// The directory was deleted, and docroot may not read the one that has its place.
    Lost,
}

/// The path of the root, and what a worker knows of it.
pub(super) struct Followed {
    given: Arc<GivenRoot>,
    /// [`GivenRoot::changes`] when the worker looked last.
    changes: u64,
    /// When to look again.
    next_look: Instant,
    /// What the last look has found in the way.
    pub hindrance: Option<Hindrance>,
}

struct State {
    root: Arc<Root>,
    look: Option<Look>,
    /// When the next look may begin. All workers share it.
    next_look: Option<Instant>,
    /// Whether the last look took longer than a moment while a request may have waited for it.
    is_slow: bool,
    /// If the directory to which the path leads now may not be read, as the operator was told: whether the old one was
    /// deleted, so that it has no files any more.
    forbidden: Option<bool>,
}

/// A look that waits for the disk.
struct Look {
    pending: Pending<Outcome>,
    began: Instant,
}

/// What a look has found.
enum Outcome {
    /// The path leads to the same directory, to none, or to one that cannot be opened now.
    Stays,
    /// Another directory.
    Moved(Arc<Root>),
    /// Another directory that may not be read.
    Forbidden {
        /// Whether the old one was deleted.
        is_old_deleted: bool,
    },
}

impl Followed {
    /// The root is looked up at `now` for the first time.
    pub fn new(given: Arc<GivenRoot>, now: Instant) -> Followed {
        Followed {
            changes: given.changes(),
            given,
            next_look: now,
            hindrance: None,
        }
    }

    /// If it is time, looks where the path leads.
    pub fn look(&mut self, disk: Option<&DiskPool>, now: Instant) -> Option<Arc<Root>> {
        let changes = self.given.changes();
        if self.next_look > now && self.changes == changes {
            return None;
        }
        let current = self.given.current(disk, now);
        self.changes = self.given.changes();
        self.hindrance = current.hindrance;
        self.next_look = current.next_look;
        Some(current.root)
    }

    /// Makes the end of the look that waits for the disk, if there is one, wake `waker`.
    pub fn wake_after_look(&self, waker: Waker) {
        self.given.wake_after_look(waker);
    }
}

impl GivenRoot {
    /// Opens the directory at `path`.
    pub fn open(path: &Path, links: LinkPolicy) -> io::Result<GivenRoot> {
        GivenRoot::with(path, Served::Directory(links))
    }

    /// Opens the directory at `path`, of which only the file `name` is served, see [`Root::open_for_file`].
    pub fn open_for_file(path: &Path, name: &[u8]) -> io::Result<GivenRoot> {
        GivenRoot::with(path, Served::File(name.into()))
    }

    fn with(path: &Path, served: Served) -> io::Result<GivenRoot> {
        let path = absolute(path)?;
        let root = open(&path, &served)?;
        Ok(GivenRoot {
            path,
            served,
            changes: AtomicU64::new(0),
            state: Mutex::new(State {
                root: Arc::new(root),
                look: None,
                next_look: None,
                is_slow: false,
                forbidden: None,
            }),
        })
    }

    /// See [`Root::assume_remote`]. For tests, before anybody has the root.
    pub fn assume_remote(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = Arc::get_mut(&mut state.root) {
            root.assume_remote();
        }
    }

    /// The path, which is absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory to which the path led last.
    pub fn root(&self) -> Arc<Root> {
        Arc::clone(&self.state().root)
    }

    /// How often the path has led to another directory. A worker compares it in each turn, so that all
    /// workers change at the same time.
    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Looks where the path leads. If that waits for the disk, `disk` does it.
    fn current(&self, disk: Option<&DiskPool>, now: Instant) -> Current {
        let mut state = self.state();
        if state.look.is_none() && state.next_look.is_none_or(|at| at <= now) {
            self.look(&mut state, disk, now);
            state.next_look = Some(now + INTERVAL);
        }
        if let Some(Look { pending, began }) = &state.look {
            let ended = pending.poll();
            let is_late = now.saturating_duration_since(*began) > MOMENT;
            if let Some(ended) = ended {
                // If nobody has asked meanwhile, it may have ended long ago.
                state.is_slow &= is_late;
                state.look = None;
                state.next_look = Some(now + INTERVAL);
                if let Ended::Done(outcome) = ended {
                    self.change(&mut state, outcome);
                }
            } else {
                state.is_slow |= is_late;
            }
        }
        Current {
            root: Arc::clone(&state.root),
            next_look: match (&state.look, state.next_look) {
                (None, Some(at)) => at,
                _ => now,
            },
            hindrance: state.hindrance(),
        }
    }

    /// Goes over to another directory. If it cannot be opened, the next look tries again.
    fn change(&self, state: &mut State, outcome: Outcome) {
        match outcome {
            Outcome::Moved(root) => {
                state.root = root;
                state.forbidden = None;
                self.changes.fetch_add(1, Ordering::Release);
            }
            Outcome::Forbidden { is_old_deleted } => {
                if state.forbidden != Some(is_old_deleted) {
                    notice::tell(&[self.told(is_old_deleted)]);
                }
                state.forbidden = Some(is_old_deleted);
            }
            Outcome::Stays => {}
        }
    }

    /// What the operator is told if another directory may not be read.
    fn told(&self, is_old_deleted: bool) -> String {
        let effect = match is_old_deleted {
            true => "the old one was deleted, so requests are answered with 500",
            false => "it serves the old one",
        };
        format!(
            "{} leads to another directory, which docroot may not read: {effect}; change the permissions, or restart \
             docroot if Landlock confines it (see --landlock)",
            Name::of(&self.path)
        )
    }

    fn look(&self, state: &mut State, disk: Option<&DiskPool>, now: Instant) {
        let Some(disk) = disk else {
            let outcome = outcome(&self.path, &self.served, &state.root);
            return self.change(state, outcome);
        };
        match moved(&self.path, &state.root, Blocking::Refused) {
            Ok(false) | Err(LookupError::Disk(DiskError::NotFound)) => {}
            // The new directory may be on another file system than the old one, so a disk thread opens it.
            Ok(true) | Err(_) => {
                let pending = self.leave_to_disk_thread(&state.root, disk);
                state.look = pending.map(|pending| Look {
                    pending,
                    began: now,
                });
            }
        }
    }

    /// Makes the end of the look that waits for the disk, if there is one, wake `waker`.
    fn wake_after_look(&self, waker: Waker) {
        if let Some(look) = &self.state().look {
            look.pending.wake(waker);
        }
    }

    fn leave_to_disk_thread(&self, root: &Arc<Root>, disk: &DiskPool) -> Option<Pending<Outcome>> {
        let (path, served, root) = (self.path.clone(), self.served.clone(), Arc::clone(root));
        let file_system = FileSystem::of_device(root.devices().root());
        let look = move || outcome(&path, &served, &root);
        disk.submit(Effort::Look, file_system, NOBODY, Room::Limited, look)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic leaves the state half-written.
        lock(&self.state)
    }
}

impl State {
    fn hindrance(&self) -> Option<Hindrance> {
        match self.forbidden {
            // The next look will hardly find anything else.
            Some(is_old_deleted) => is_old_deleted.then_some(Hindrance::Lost),
            None if self.is_slow => None,
            None => self.look.as_ref().map(|_| Hindrance::Look),
        }
    }
}

/// Looks where a path leads that has led to `root`. This may wait for the disk.
fn outcome(path: &Path, served: &Served, root: &Root) -> Outcome {
    let Ok(true) = moved(path, root, Blocking::Allowed) else {
        return Outcome::Stays;
    };
    match open(path, served) {
        Ok(root) => Outcome::Moved(Arc::new(root)),
        Err(fault) if fault.kind() == ErrorKind::PermissionDenied => Outcome::Forbidden {
            is_old_deleted: root.is_deleted(),
        },
        Err(_) => Outcome::Stays,
    }
}

/// The absolute form of a path. A relative one begins at the current directory, under the name that the
/// shell has for it. That name may lead through a link, which a deployment swaps. It is an error if the
/// current directory is gone.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    absolute_from(path, std::env::var_os("PWD"))
}

fn absolute_from(path: &Path, shell_name: Option<OsString>) -> io::Result<PathBuf> {
    let named = shell_name.map(PathBuf::from);
    let named = named.filter(|name| name.is_absolute() && leads_to_current(name));
    match named {
        Some(name) => std::path::absolute(name.join(path)),
        None => std::path::absolute(path),
    }
}

/// Whether a path leads to the current directory. A program may have changed it without telling.
fn leads_to_current(path: &Path) -> bool {
    let number = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    number(path).is_some_and(|found| Some(found) == number(Path::new(".")))
}

fn open(path: &Path, served: &Served) -> io::Result<Root> {
    match served {
        Served::Directory(links) => Root::open(path, *links),
        Served::File(name) => {
            let root = Root::open_for_file(path)?;
            // The directory need not be readable, so only the file shows whether docroot may read what is there.
            match root.open_file(name, Blocking::Allowed) {
                Err(LookupError::Disk(DiskError::Forbidden)) => {
                    Err(ErrorKind::PermissionDenied.into())
                }
                _ => Ok(root),
            }
        }
    }
}

/// Whether the path leads to another directory than `root`, whose number nobody else has while it is open.
fn moved(path: &Path, root: &Root, blocking: Blocking) -> Result<bool, LookupError> {
    let opened = open_one(CWD, path.as_os_str().as_bytes(), PASS, blocking)?;
    Ok(!root.is_opened(opened.as_fd())?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::site::disk::tests::gated;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A name in a folder, and its root.
    struct Rig {
        folder: tempfile::TempDir,
        given: GivenRoot,
        now: Cell<Instant>,
    }

    impl Rig {
        /// `make` makes the directory or link that has the name `root`.
        fn new(make: impl FnOnce(&Path)) -> Rig {
            let folder = tempfile::tempdir().expect("a folder");
            make(folder.path());
            let given = GivenRoot::open(&folder.path().join("root"), LinkPolicy::default());
            Rig {
                given: given.expect("a root"),
                folder,
                now: Cell::new(Instant::now()),
            }
        }

        /// The content of the file `a` in the current root, after a look.
        fn content(&self, disk: Option<&DiskPool>) -> Option<String> {
            let now = self.now.get() + INTERVAL;
            self.now.set(now);
            self.given.current(disk, now);
            // A disk thread opens another directory.
            if let Some(look) = &self.given.state().look {
                look.pending.wait(PATIENCE);
            }
            let root = self.given.current(disk, now).root;
            let (file, _) = root.open_file(b"a", Blocking::Allowed).ok()?;
            io::read_to_string(file).ok()
        }
    }

    /// A directory with the file `a`.
    fn release(path: &Path, content: &str) {
        fs::create_dir(path).expect("a folder");
        fs::write(path.join("a"), content).expect("a file");
    }

    #[test]
    fn a_folder_that_is_made_again_is_followed() {
        let pool = DiskPool::new(1);
        for disk in [None, Some(&pool)] {
            let rig = Rig::new(|folder| release(&folder.join("root"), "1"));
            assert_eq!(rig.content(disk).as_deref(), Some("1"));
            let (root, away) = (rig.folder.path().join("root"), rig.folder.path().join("b"));
            fs::rename(&root, &away).expect("renamed");
            assert_eq!(rig.content(disk).as_deref(), Some("1"), "nothing new");
            release(&root, "2");
            assert_eq!(rig.content(disk).as_deref(), Some("2"));
            fs::remove_dir_all(&root).expect("removed");
            assert_eq!(rig.content(disk), None);
            release(&root, "3");
            let held = rig.given.root();
            assert_eq!(rig.content(disk).as_deref(), Some("3"));
            assert!(
                held.open_file(b"a", Blocking::Allowed).is_err(),
                "the old one"
            );
        }
    }

    #[test]
    fn a_link_that_is_swapped_is_followed() {
        let rig = Rig::new(|folder| {
            release(&folder.join("r1"), "1");
            release(&folder.join("r2"), "2");
            symlink("r1", folder.join("root")).expect("a link");
        });
        let pool = DiskPool::new(1);
        assert_eq!(rig.content(Some(&pool)).as_deref(), Some("1"));
        symlink("r2", rig.folder.path().join("new")).expect("a link");
        let rename = |from: &str, to: &str| {
            let folder = rig.folder.path();
            fs::rename(folder.join(from), folder.join(to)).expect("renamed");
        };
        rename("new", "root");
        assert_eq!(rig.content(Some(&pool)).as_deref(), Some("2"));
    }

    #[test]
    fn a_relative_path_begins_at_the_name_that_the_shell_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, current) = (folder.path().join("link"), std::env::current_dir());
        let current = current.expect("a directory");
        symlink(&current, &link).expect("a link");
        let check = |path: &str, name: &Path, want: PathBuf| {
            let found = absolute_from(Path::new(path), Some(name.into())).expect("a path");
            assert_eq!(found, want, "{path}");
        };
        check(".", &link, link.clone());
        check("src", &link, link.join("src"));
        check("/a", &link, "/a".into());
        check("src", folder.path(), current.join("src"));
        check("src", Path::new("link"), current.join("src"));
        check("src", &folder.path().join("nothing"), current.join("src"));
    }

    /// The new directory may be on a file system that hangs.
    #[test]
    fn a_directory_that_is_in_memory_is_opened_by_a_disk_thread() {
        let rig = Rig::new(|folder| release(&folder.join("root"), "1"));
        let (pool, pass, comes) = gated(1, 10);
        let (root, folder) = (rig.given.root(), rig.folder.path());
        fs::rename(folder.join("root"), folder.join("b")).expect("renamed");
        release(&folder.join("root"), "2");
        for _ in 0..2 {
            let now = rig.now.get();
            let current = rig.given.current(Some(&pool), now);
            assert!(current.next_look == now && Arc::ptr_eq(&current.root, &root));
        }
        assert_eq!(comes.recv_timeout(PATIENCE), Ok(Effort::Look));
        pass.send(()).expect("the gate");
        assert_eq!(rig.content(Some(&pool)).as_deref(), Some("2"));
    }

    #[test]
    fn requests_wait_for_a_look_unless_the_disk_is_slow() {
        let rig = Rig::new(|folder| release(&folder.join("root"), "1"));
        let (pool, pass, comes) = gated(1, 10);
        let (begin, folder) = (Instant::now(), rig.folder.path());
        let hindrance = |millis| {
            let now = begin + Duration::from_millis(millis);
            rig.given.current(Some(&pool), now).hindrance
        };
        let replace = |old: &str, content: &str| {
            fs::rename(folder.join("root"), folder.join(old)).expect("renamed");
            release(&folder.join("root"), content);
        };
        let end_look = || {
            comes.recv_timeout(PATIENCE).expect("a look");
            pass.send(()).expect("the gate");
            let state = rig.given.state();
            state.look.as_ref().expect("a look").pending.wait(PATIENCE);
        };
        assert_eq!(hindrance(0), None);
        replace("a", "2");
        assert_eq!(hindrance(99), None, "too early");
        for millis in [100, 150] {
            assert_eq!(hindrance(millis), Some(Hindrance::Look));
        }
        assert_eq!(hindrance(151), None, "slow");
        end_look();
        assert_eq!(hindrance(151), None);
        replace("b", "3");
        assert_eq!(hindrance(251), None, "after one that was slow");
        end_look();
        assert_eq!(hindrance(252), None);
        replace("c", "4");
        assert_eq!(hindrance(352), Some(Hindrance::Look));
        end_look();
        // It was not slow only because nobody has asked for long.
        assert_eq!(hindrance(900), None);
        replace("d", "5");
        assert_eq!(hindrance(1000), Some(Hindrance::Look));
        end_look();
        assert_eq!(hindrance(1001), None);
    }

    #[test]
    fn a_path_that_waits_for_a_disk_is_looked_up_by_a_disk_thread() {
        let rig = Rig::new(|folder| release(&folder.join("root"), "1"));
        let pool = DiskPool::new(1);
        let (root, folder) = (rig.given.root(), rig.folder.path());
        fs::rename(folder.join("root"), folder.join("b")).expect("renamed");
        release(&folder.join("root"), "2");
        let look = rig.given.leave_to_disk_thread(&root, &pool);
        let look = look.expect("a job");
        rig.given.state().look = Some(Look {
            pending: look,
            began: rig.now.get(),
        });
        assert_eq!(rig.content(Some(&pool)).as_deref(), Some("2"));
        assert!(!Arc::ptr_eq(&rig.given.root(), &root));
    }
}
