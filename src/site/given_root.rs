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

/// How long a worker waits for a disk thread, as long as a turn of a connection.
const MOMENT: Duration = Duration::from_millis(1);

/// The path of a root, and the directory to which it led last.
pub struct GivenRoot {
    /// Absolute, because the current directory may be deleted.
    path: PathBuf,
    /// How to open it. `None`: for a single file.
    links: Option<LinkPolicy>,
    changes: AtomicU64,
    state: Mutex<State>,
}

/// Where the path leads, as far as is known.
struct Current {
    pub root: Arc<Root>,
    /// Whether the path was looked up. If not, the next turn should ask again.
    pub is_known: bool,
}

/// The path of the root, and what a worker knows of it.
pub(super) struct Followed {
    given: Arc<GivenRoot>,
    /// [`GivenRoot::changes`] when the worker looked last.
    changes: u64,
    /// When to look again.
    next_look: Instant,
}

struct State {
    root: Arc<Root>,
    /// A look that waits for the disk.
    look: Option<Pending<Option<io::Result<Root>>>>,
    /// Whether the operator was told that the directory to which the path leads now may not be read.
    is_told: bool,
}

impl Followed {
    /// The root is looked up at `now` for the first time.
    pub fn new(given: Arc<GivenRoot>, now: Instant) -> Followed {
        Followed {
            changes: given.changes(),
            given,
            next_look: now,
        }
    }

    /// If it is time, looks where the path leads.
    pub fn look(&mut self, disk: Option<&DiskPool>, now: Instant) -> Option<Arc<Root>> {
        let changes = self.given.changes();
        if self.next_look > now && self.changes == changes {
            return None;
        }
        let current = self.given.current(disk);
        self.changes = self.given.changes();
        if current.is_known {
            self.next_look = now + INTERVAL;
        }
        Some(current.root)
    }
}

impl GivenRoot {
    /// Opens the directory at `path`.
    pub fn open(path: &Path, links: LinkPolicy) -> io::Result<GivenRoot> {
        GivenRoot::with(path, Some(links))
    }

    /// Opens the directory at `path`, of which a single file is served, see [`Root::open_for_file`].
    pub fn open_for_file(path: &Path) -> io::Result<GivenRoot> {
        GivenRoot::with(path, None)
    }

    fn with(path: &Path, links: Option<LinkPolicy>) -> io::Result<GivenRoot> {
        let path = absolute(path)?;
        let root = open(&path, links)?;
        Ok(GivenRoot {
            path,
            links,
            changes: AtomicU64::new(0),
            state: Mutex::new(State {
                root: Arc::new(root),
                look: None,
                is_told: false,
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

    /// Looks where the path leads. If that waits for the disk, `disk` does it, and `is_known` is false until
    /// it has answered.
    fn current(&self, disk: Option<&DiskPool>) -> Current {
        let mut state = self.state();
        if state.look.is_none() {
            self.look(&mut state, disk);
        }
        if let Some(look) = &state.look
            && let Some(ended) = look.poll()
        {
            state.look = None;
            if let Ended::Done(Some(opened)) = ended {
                self.change(&mut state, opened);
            }
        }
        Current {
            root: Arc::clone(&state.root),
            is_known: state.look.is_none(),
        }
    }

    /// Goes over to another directory. If it cannot be opened, the next look tries again.
    fn change(&self, state: &mut State, opened: io::Result<Root>) {
        match opened {
            Ok(root) => {
                state.root = Arc::new(root);
                state.is_told = false;
                self.changes.fetch_add(1, Ordering::Release);
            }
            Err(fault) if fault.kind() == ErrorKind::PermissionDenied && !state.is_told => {
                state.is_told = true;
                notice::tell(&[self.forbidden()]);
            }
            Err(_) => {}
        }
    }

    /// What the operator is told if another directory may not be read.
    fn forbidden(&self) -> String {
        format!(
            "{} leads to another directory, which docroot may not read, so it serves the old one; change the \
             permissions, or restart docroot if Landlock confines it (see --landlock)",
            Name::of(&self.path)
        )
    }

    fn look(&self, state: &mut State, disk: Option<&DiskPool>) {
        let Some(disk) = disk else {
            if let Ok(true) = moved(&self.path, &state.root, Blocking::Allowed) {
                self.change(state, open(&self.path, self.links));
            }
            return;
        };
        match moved(&self.path, &state.root, Blocking::Refused) {
            Ok(false) | Err(LookupError::Disk(DiskError::NotFound)) => {}
            // The new directory may be on another file system than the old one, so a disk thread opens it.
            Ok(true) | Err(_) => {
                state.look = self.leave_to_disk_thread(&state.root, disk);
                // Often the thread need not wait for the disk. The new directory may be in memory. Or the kernel
                // only wants to note when a link was read, which it does not do for a worker.
                state.look.iter().for_each(|look| look.wait(MOMENT));
            }
        }
    }

    /// Looks on a disk thread. The outcome is `None` if the path leads to the same directory, or to none.
    fn leave_to_disk_thread(
        &self,
        root: &Arc<Root>,
        disk: &DiskPool,
    ) -> Option<Pending<Option<io::Result<Root>>>> {
        let (path, links, root) = (self.path.clone(), self.links, Arc::clone(root));
        let file_system = FileSystem::of_device(root.devices().root());
        let look = move || match moved(&path, &root, Blocking::Allowed) {
            Ok(true) => Some(open(&path, links)),
            _ => None,
        };
        disk.submit(Effort::Look, file_system, NOBODY, Room::Limited, look)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic leaves the state half-written.
        lock(&self.state)
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

fn open(path: &Path, links: Option<LinkPolicy>) -> io::Result<Root> {
    match links {
        Some(links) => Root::open(path, links),
        None => Root::open_for_file(path),
    }
}

/// Whether the path leads to another directory than `root`, whose number nobody else has while it is open.
fn moved(path: &Path, root: &Root, blocking: Blocking) -> Result<bool, LookupError> {
    let opened = open_one(CWD, path.as_os_str().as_bytes(), PASS, blocking)?;
    Ok(!root.is_opened(opened.as_fd())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::site::disk::tests::gated;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A name in a folder, and its root.
    struct Rig {
        folder: tempfile::TempDir,
        given: GivenRoot,
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
            }
        }

        /// The content of the file `a` in the current root, after a look.
        fn content(&self, disk: Option<&DiskPool>) -> Option<String> {
            self.given.current(disk);
            // A name that has just vanished is not in memory, so a disk thread looks.
            if let Some(look) = &self.given.state().look {
                look.wait(PATIENCE);
            }
            let root = self.given.current(disk).root;
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
            let current = rig.given.current(Some(&pool));
            assert!(!current.is_known && Arc::ptr_eq(&current.root, &root));
        }
        assert_eq!(comes.recv_timeout(PATIENCE), Ok(Effort::Look));
        pass.send(()).expect("the gate");
        assert_eq!(rig.content(Some(&pool)).as_deref(), Some("2"));
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
        rig.given.state().look = Some(look);
        assert_eq!(rig.content(Some(&pool)).as_deref(), Some("2"));
        assert!(!Arc::ptr_eq(&rig.given.root(), &root));
    }
}
