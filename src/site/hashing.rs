//! Computes digests of contents, in pieces.
//!
//! The worker hashes content that it has in memory. Disk threads read and hash files. All workers share that
//! work: clients that want the digest of the same bytes wait for one run, and the digests of whole files stay
//! known for as long as the files do not change. If every client leaves, the run stops after its piece. Its
//! progress is kept, so the next client does not begin from the start.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::semantics::digest::Algorithm;
use crate::site::budget::{Account, Budget, Reserved};
use crate::site::digest::{Digest, Hasher};
use crate::site::disk::{Caller, DiskPool, Effort, Ended, FileSystem, Pending, Registered, Room};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file::StoredFile;
use crate::site::file_state::FileState;
use crate::site::held::HeldBytes;
use crate::site::nofollow::Blocking;
use crate::site::opened::Opened;
use crate::site::resolve::Site;
use crate::site::root::Root;
use crate::sync::lock;

/// What a worker hashes in one turn. Without instructions for it, SHA-256 takes half a millisecond for it.
const MEMORY_PIECE: usize = 128 * 1024;

/// What a disk thread hashes before other jobs have their turn. It takes 30 ms, and a slow disk needs twice
/// as long to read it.
const FILE_PIECE: u64 = 8 << 20;

/// What a disk thread reads at once.
const BUFFER: usize = 128 * 1024;

/// Digests that stay known. A site has few large files.
const MOST_KNOWN: usize = 4096;

/// What a known digest takes in memory, about.
const COST: u64 = 512;

/// Runs whose progress is kept.
const MOST_RUNS: usize = 64;

/// A part of a representation, and how it is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The first byte.
    pub first: u64,
    /// How many bytes.
    pub length: u64,
    /// The algorithm.
    pub algorithm: Algorithm,
}

/// What the digests of all workers are known by.
type Key = (FileState, Part);

/// The digests of files, for all workers.
#[derive(Default)]
pub struct Hashes(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    known: HashMap<Key, (Digest, Reserved)>,
    /// The keys of `known`, the oldest first.
    order: VecDeque<Key>,
    /// Those that are under way, and those that clients have left.
    runs: VecDeque<Arc<Run>>,
}

/// The digest of a part of a file, while it is computed.
struct Run {
    /// The root of the site that began it. Another site may have the same file at another path.
    root: Arc<Root>,
    path: Box<[u8]>,
    key: Key,
    /// Whether no later change of the file can go unnoticed. Then others may use its outcome.
    is_shared: bool,
    stage: Mutex<Stage>,
}

enum Stage {
    /// It goes on from here.
    Paused(Progress),
    /// A disk thread hashes the piece that begins here.
    Away(u64, Pending<Result<Step, DiskError>>),
    Done(Result<Digest, DiskError>),
}

#[derive(Clone)]
struct Progress {
    /// The offset of the next byte.
    at: u64,
    hasher: Hasher,
}

/// What became of a piece.
enum Step {
    More(Progress),
    Done(Digest),
}

/// A digest that a client waits for.
pub enum Hashing {
    /// Of content in memory.
    Memory(Box<MemoryHashing>),
    /// Of a file.
    File(FileHashing),
}

/// A digest of content in memory.
pub struct MemoryHashing {
    bytes: Rc<HeldBytes>,
    rest: Range<usize>,
    hasher: Hasher,
}

/// A client's part in a run.
pub struct FileHashing {
    run: Arc<Run>,
    registered: Registered,
    /// How far the run was when the client looked last.
    seen: u64,
}

/// How far a digest has come.
#[derive(Debug)]
pub enum Hashed {
    /// There is more to hash.
    More,
    /// It waits for the disk, and the client will be woken. Whether a piece was hashed since the client looked
    /// last.
    WaitsForDisk(bool),
    /// It has ended. If the file has changed, the error is [`DiskError::Unsteady`]. If it is
    /// [`DiskError::DiskBusy`], this client alone is refused.
    Done(Result<Digest, DiskError>),
}

impl Progress {
    /// Before the first byte.
    fn new(part: Part) -> Progress {
        Progress {
            at: part.first,
            hasher: Hasher::new(part.algorithm),
        }
    }
}

impl Part {
    /// All of `length` bytes.
    pub fn whole(length: u64, algorithm: Algorithm) -> Part {
        Part {
            first: 0,
            length,
            algorithm,
        }
    }
}

impl Hashing {
    /// Begins to hash a part of content in memory.
    pub fn of_memory(bytes: &Rc<HeldBytes>, part: Part) -> Hashing {
        let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Hashing::Memory(Box::new(MemoryHashing {
            bytes: Rc::clone(bytes),
            rest: offset(part.first)..offset(part.first.saturating_add(part.length)),
            hasher: Hasher::new(part.algorithm),
        }))
    }

    /// Begins to hash a part of a file as it is stored, or joins those that do.
    pub fn of_file(hashes: &Hashes, site: &Site, file: &StoredFile, part: Part) -> Hashing {
        match &file.memory {
            Some(bytes) => Hashing::of_memory(bytes, part),
            None => Hashing::File(FileHashing {
                run: hashes.join(site, file, part),
                registered: Registered::default(),
                seen: 0,
            }),
        }
    }

    /// Whether the worker computes it itself.
    pub fn is_on_worker(&self, site: &Site) -> bool {
        matches!(self, Hashing::Memory(_)) || site.disk().is_none()
    }

    /// Hashes one more piece, or has it hashed.
    pub fn advance(&mut self, hashes: &Hashes, site: &Site, caller: Caller<'_>) -> Hashed {
        match self {
            Hashing::Memory(hashing) => hashing.advance(),
            Hashing::File(hashing) => hashing.advance(hashes, site, caller),
        }
    }
}

impl MemoryHashing {
    fn advance(&mut self) -> Hashed {
        let end = self.rest.end.min(self.rest.start + MEMORY_PIECE);
        self.hasher.update(&self.bytes[self.rest.start..end]);
        self.rest.start = end;
        match self.rest.is_empty() {
            true => Hashed::Done(Ok(self.hasher.clone().finish())),
            false => Hashed::More,
        }
    }
}

impl FileHashing {
    fn advance(&mut self, hashes: &Hashes, site: &Site, caller: Caller<'_>) -> Hashed {
        let mut stage = lock(&self.run.stage);
        if let Stage::Away(_, pending) = &*stage {
            match pending.poll() {
                None => pending.wake_once(&mut self.registered, caller.wakers),
                // Only the first piece can be displaced.
                Some(Ended::Displaced) => *stage = Stage::Paused(Progress::new(self.run.key.1)),
                Some(ended) => *stage = self.run.settle(ended.flat(), hashes, site),
            }
        }
        if let Stage::Paused(progress) = &*stage {
            match self.run.go_on(progress.clone(), hashes, site, caller) {
                Ok(next) => *stage = next,
                Err(refused) => return Hashed::Done(Err(refused)),
            }
            if let Stage::Away(_, pending) = &*stage {
                pending.wake_once(&mut self.registered, caller.wakers);
            }
        }
        match &*stage {
            Stage::Done(outcome) => Hashed::Done(*outcome),
            // Without disk threads, the worker has hashed a piece.
            Stage::Paused(_) => Hashed::More,
            Stage::Away(at, _) => {
                let seen = std::mem::replace(&mut self.seen, *at);
                Hashed::WaitsForDisk(seen != *at)
            }
        }
    }
}

impl Run {
    /// Hashes the next piece, on a disk thread if there is one. If too many wait for one, only this client is
    /// refused, and those who share the run ask for themselves.
    fn go_on(
        &self,
        progress: Progress,
        hashes: &Hashes,
        site: &Site,
        caller: Caller<'_>,
    ) -> Result<Stage, DiskError> {
        let ((state, part), at) = (self.key, progress.at);
        let (root, path) = (Arc::clone(&self.root), self.path.clone());
        let (memory, closer) = (Arc::clone(site.memory.budget()), site.disk().cloned());
        let file_system = FileSystem::of_device(state.device());
        let piece = move || hash_piece(&root, closer, &path, &state, part, progress, &memory);
        let Some(pool) = site.disk() else {
            return Ok(self.settle(piece(), hashes, site));
        };
        let room = match at == part.first {
            true => Room::Limited,
            false => Room::Unlimited,
        };
        let pending = pool.submit(Effort::Read, file_system, caller.network, room, piece);
        Ok(Stage::Away(at, pending.ok_or(DiskError::DiskBusy)?))
    }

    /// What follows after a piece. The digest of a whole file stays known.
    fn settle(&self, step: Result<Step, DiskError>, hashes: &Hashes, site: &Site) -> Stage {
        let outcome = match step {
            Ok(Step::More(progress)) => return Stage::Paused(progress),
            Ok(Step::Done(digest)) => Ok(digest),
            Err(fault) => Err(fault),
        };
        let (state, part) = self.key;
        let mut tables = lock(&hashes.0);
        tables.runs.retain(|run| !std::ptr::eq(&**run, self));
        if let Ok(digest) = outcome
            && part.length == state.size
            && self.is_shared
        {
            tables.keep(self.key, digest, site.memory.budget());
        }
        Stage::Done(outcome)
    }
}

impl Hashes {
    /// The digest of a whole file in this state, if it is known.
    pub fn known(&self, file: &StoredFile, part: Part) -> Option<Digest> {
        let tables = lock(&self.0);
        tables
            .known
            .get(&(file.state, part))
            .map(|(digest, _)| *digest)
    }

    /// The run for a part of a file.
    fn join(&self, site: &Site, file: &StoredFile, part: Part) -> Arc<Run> {
        let key = (file.state, part);
        let mut tables = lock(&self.0);
        if let Some(run) = tables.runs.iter().find(|run| run.key == key) {
            return Arc::clone(run);
        }
        let known = tables.known.get(&key).map(|(digest, _)| *digest);
        let is_shared = site.is_settled(&file.state);
        let run = Arc::new(Run {
            root: Arc::clone(site.root()),
            path: file.path.clone(),
            key,
            is_shared,
            stage: Mutex::new(match known {
                Some(digest) => Stage::Done(Ok(digest)),
                None => Stage::Paused(Progress::new(part)),
            }),
        });
        if is_shared && known.is_none() {
            tables.runs.push_back(Arc::clone(&run));
            if tables.runs.len() > MOST_RUNS {
                tables.runs.pop_front();
            }
        }
        run
    }
}

impl Tables {
    fn keep(&mut self, key: Key, digest: Digest, memory: &Arc<Budget>) {
        let charge = memory.reserve_anyway(Account::Contents, COST);
        if self.known.insert(key, (digest, charge)).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// Hashes a piece of a file, which must be in this state before and after.
fn hash_piece(
    root: &Arc<Root>,
    closer: Option<DiskPool>,
    path: &[u8],
    state: &FileState,
    part: Part,
    mut progress: Progress,
    memory: &Arc<Budget>,
) -> Result<Step, DiskError> {
    let opened = Opened::new(root, closer, path, Some(state), Blocking::Allowed);
    let opened = opened.map_err(LookupError::on_disk_thread)?;
    let opened = opened.ok_or(DiskError::Unsteady)?;
    let _charge = memory.reserve_anyway(Account::Contents, BUFFER as u64);
    let mut buffer = vec![0; BUFFER];
    let last = part.first.saturating_add(part.length);
    let end = last.min(progress.at.saturating_add(FILE_PIECE));
    while progress.at < end {
        let length = usize::try_from(end - progress.at).unwrap_or(BUFFER);
        let bytes = &mut buffer[..length.min(BUFFER)];
        opened.read_exact_at(bytes, progress.at, Blocking::Allowed)?;
        progress.hasher.update(bytes);
        progress.at += bytes.len() as u64;
    }
    opened.check(Blocking::Allowed)?;
    Ok(match progress.at == last {
        true => Step::Done(progress.hasher.finish()),
        false => Step::More(progress),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::task::Waker;
    use std::time::Duration;

    use crate::site::disk::tests::{BusyPool, caller};
    use crate::site::options::{Budgets, SiteOptions};
    use crate::site::root::LinkPolicy;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Clients that want the digest of one file, while the disk threads are busy.
    struct Rig {
        hashes: Hashes,
        site: Site,
        run: Arc<Run>,
        busy: BusyPool,
        _folder: tempfile::TempDir,
    }

    impl Rig {
        fn new(size: u64) -> Rig {
            let folder = tempfile::tempdir().expect("a folder");
            let file = File::create(folder.path().join("a")).expect("a file");
            file.set_len(size).expect("a hole");
            let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
            let (_, state) = root.find(b"a", Blocking::Allowed).expect("the file");
            let busy = BusyPool::new(FileSystem::of_device(state.device()));
            let options = SiteOptions::default();
            let part = Budgets::new(&options, 1).part();
            let mut site = Site::new(Arc::new(root), Arc::new(options), part);
            site.use_disk_threads(busy.pool.clone());
            let part = Part::whole(size, Algorithm::Sha256);
            let run = Arc::new(Run {
                root: Arc::clone(site.root()),
                path: b"a"[..].into(),
                key: (state, part),
                is_shared: true,
                stage: Mutex::new(Stage::Paused(Progress::new(part))),
            });
            Rig {
                hashes: Hashes::default(),
                site,
                run,
                busy,
                _folder: folder,
            }
        }

        fn client(&self) -> FileHashing {
            FileHashing {
                run: Arc::clone(&self.run),
                registered: Registered::default(),
                seen: 0,
            }
        }

        fn advance(&self, network: u8, hashing: &mut FileHashing) -> Hashed {
            let caller = caller(network, &self.busy.waker);
            hashing.advance(&self.hashes, &self.site, caller)
        }
    }

    fn is_waiting(hashed: &Hashed) -> bool {
        matches!(hashed, Hashed::WaitsForDisk(_))
    }

    #[test]
    fn who_shares_a_digest_is_not_refused_because_of_another_network() {
        let mut rig = Rig::new(3);
        assert!(rig.busy.submit(1) && rig.busy.submit(1));
        let (mut greedy, mut shared) = (rig.client(), rig.client());
        assert!(is_waiting(&rig.advance(1, &mut greedy)));
        assert!(is_waiting(&rig.advance(2, &mut shared)));
        assert!(rig.busy.submit(3), "the piece is displaced");
        let refused = rig.advance(1, &mut greedy);
        assert!(matches!(refused, Hashed::Done(Err(DiskError::DiskBusy))));
        assert!(is_waiting(&rig.advance(2, &mut shared)), "it asks again");
        let rings = rig.busy.open();
        let caller = caller(2, Waker::noop());
        let digest = loop {
            match shared.advance(&rig.hashes, &rig.site, caller) {
                Hashed::Done(digest) => break digest,
                _ => rings.recv_timeout(PATIENCE).expect("a wake-up"),
            }
        };
        assert_eq!(digest, Ok(Digest::of(Algorithm::Sha256, &[0; 3])));
    }

    #[test]
    fn a_digest_that_has_begun_goes_on_however_many_wait() {
        let mut rig = Rig::new(3);
        while rig.busy.submit(1) {}
        let mut begins = rig.client();
        let refused = rig.advance(1, &mut begins);
        assert!(matches!(refused, Hashed::Done(Err(DiskError::DiskBusy))));
        let begun = Progress {
            at: 1,
            ..Progress::new(rig.run.key.1)
        };
        *lock(&rig.run.stage) = Stage::Paused(begun);
        assert!(is_waiting(&rig.advance(1, &mut begins)));
    }
}
