//! An open file in the state that a response describes, and the check that it is still in that state.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rustix::io::Errno;

use crate::site::body_error::BodyError;
use crate::site::cached_read::{read_at, read_cached};
use crate::site::devices::Devices;
use crate::site::disk::{DiskPool, Effort, FileSystem};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file_state::{Change, FileState, state_of};
use crate::site::nofollow::Blocking;
use crate::site::root::Root;

/// An open file, the state that the head of the response describes, and what is known of that state.
/// Any thread may read it.
pub struct Opened {
    root: Arc<Root>,
    /// The path below the root by which it was opened.
    path: Box<[u8]>,
    file: ClosedByPool,
    /// The state that the entity-tag and the length stand for.
    pub(super) state: FileState,
    /// Whether the size in that state is unknown, and the file ends where nothing more can be read.
    is_size_unknown: bool,
    /// A hash of the last bytes of the file in that state.
    end_hash: u64,
    /// Whether the file uses less disk space than its size, so that it may have holes.
    is_sparse: bool,
}

/// A part of a file that the kernel can send without waiting, as far as is known.
pub struct CachedPart<'f> {
    file: &'f File,
    length: u64,
    device: u64,
    /// Measures the call, if the kernel cannot say whether it would wait.
    measured_by: Option<&'f Devices>,
}

/// A file was unchanged after a read.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// Whether its state is exactly the same. If not, it has grown, or has another name, mode or owner.
    is_same: bool,
}

impl Checked {
    /// Whether its state is exactly the same.
    pub(super) fn is_same(self) -> bool {
        self.is_same
    }
}

/// Closes a file on a disk thread, if that may take long.
struct ClosedByPool {
    file: Option<File>,
    pool: Option<DiskPool>,
    file_system: FileSystem,
    /// Whether that does not make the one wait who closes the file.
    is_quick: bool,
}

/// From this size on, in bytes, a disk thread closes a file that was deleted. Whoever closes it last frees its
/// space, which takes about a second for 3 GiB.
const LONG_TO_FREE: u64 = 1 << 20;

/// The unit of `st_blocks`, in bytes.
const BLOCK: u64 = 512;

/// How many bytes at the end of a file are compared to tell an append from a rewrite.
const END_LENGTH: u64 = 4096;

/// How often to check a file whose time has changed but whose size has not. During an append, the
/// kernel updates the modification time before the size.
const CHECKS: usize = 50;

/// The distance between the bytes that are probed before the kernel sends a part of a file. It reads and
/// evicts larger parts at a time, so in between the pages are almost always there too.
const PROBED: u64 = 64 * 1024;

impl Opened {
    /// Opens the file at `path`. `None` if its state is not `state`. Without a `state`, its size is unknown.
    /// `pool` closes the file if that may take long.
    pub(super) fn new(
        root: &Arc<Root>,
        pool: Option<DiskPool>,
        path: &[u8],
        state: Option<&FileState>,
        blocking: Blocking,
    ) -> Result<Option<Opened>, LookupError> {
        let (file, now) = root.open_file(path, blocking)?;
        let is_quick = root.devices().is_quick(now.device());
        let mut opened = Opened {
            root: Arc::clone(root),
            path: path.into(),
            is_sparse: state.is_some()
                && file.metadata()?.blocks().saturating_mul(BLOCK) < now.size,
            is_size_unknown: state.is_none(),
            file: ClosedByPool {
                file: Some(file),
                pool,
                file_system: FileSystem::of_device(now.device()),
                is_quick,
            },
            state: now,
            end_hash: 0,
        };
        match state {
            None => return Ok(Some(opened)),
            Some(state) if now != *state => return Ok(None),
            Some(_) => {}
        }
        match opened.hash_of_end(blocking) {
            Ok(hash) => {
                opened.end_hash = hash;
                Ok(Some(opened))
            }
            Err(BodyError::Changed) => Ok(None),
            Err(BodyError::Disk(error)) => Err(LookupError::of_read(&error)),
            Err(fault) => Err(DiskError::from(fault).into()),
        }
    }

    /// Reads at `offset` with one call. Returns how many bytes were read.
    pub(super) fn read_at(
        &self,
        buffer: &mut [u8],
        offset: u64,
        blocking: Blocking,
    ) -> io::Result<usize> {
        let devices = self.root.devices();
        if blocking == Blocking::Refused && !devices.is_quick(self.state.device()) {
            return Err(Errno::AGAIN.into());
        }
        match self.fill_from_hole(offset, buffer)? {
            0 => {}
            zeros => return Ok(zeros),
        }
        let (device, file) = (self.state.device(), self.file.get()?);
        read_at(devices, device, file, buffer, offset, blocking)
    }

    /// Reads at `offset` until `buffer` is full.
    pub(super) fn read_exact_at(
        &self,
        mut buffer: &mut [u8],
        mut offset: u64,
        blocking: Blocking,
    ) -> Result<(), BodyError> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset, blocking) {
                Ok(0) => return Err(BodyError::Changed),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Reads at `offset` until `buffer` is full, and then checks the file.
    pub(super) fn read_checked_at(
        &self,
        buffer: &mut [u8],
        offset: u64,
        blocking: Blocking,
    ) -> Result<Checked, BodyError> {
        self.read_exact_at(buffer, offset, blocking)?;
        self.check(blocking)
    }

    /// If there is a hole at `offset`, fills `buffer` with its zeros and returns how many. Reading the
    /// hole would make the kernel allocate page cache for it and evict useful pages.
    fn fill_from_hole(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_sparse {
            return Ok(0);
        }
        let data = next_data(self.file.get()?, offset)?.min(self.state.size);
        let hole = usize::try_from(data.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = hole.min(buffer.len());
        buffer[..count].fill(0);
        Ok(count)
    }

    /// Whether the bytes read so far belong to the state that the head describes. This is so if the
    /// file is unchanged. It is also so if the file has grown like a log or was given another name, mode or
    /// owner, and its old last bytes are still in place. If its middle was rewritten as well, this method
    /// does not notice that.
    pub(super) fn check(&self, blocking: Blocking) -> Result<Checked, BodyError> {
        for _ in 0..CHECKS {
            let Ok(now) = self.file.get().map(state_of)? else {
                return Err(BodyError::Changed);
            };
            match self.state.change_to(&now) {
                Change::None => return Ok(Checked { is_same: true }),
                Change::Grown | Change::Attributes => return self.check_end(blocking),
                Change::OnlyChangeTime if self.was_renamed(blocking)? => {
                    return self.check_end(blocking);
                }
                Change::OnlyChangeTime | Change::Shrunk => return Err(BodyError::Changed),
                Change::Written => {}
            }
            std::thread::yield_now();
        }
        Err(BodyError::Changed)
    }

    /// Whether the last bytes of the state that the head describes are still in place.
    fn check_end(&self, blocking: Blocking) -> Result<Checked, BodyError> {
        match self.hash_of_end(blocking)? == self.end_hash {
            true => Ok(Checked { is_same: false }),
            false => Err(BodyError::Changed),
        }
    }

    /// Whether the path leads to another file now, or to none.
    fn was_renamed(&self, blocking: Blocking) -> Result<bool, BodyError> {
        match self.root.find(&self.path, blocking) {
            Ok((_, found)) => Ok(!found.is_same_file(&self.state)),
            Err(LookupError::WouldWait) => Err(io::Error::from(Errno::AGAIN).into()),
            Err(LookupError::Disk(error)) => Ok(error.is_absence()),
        }
    }

    fn hash_of_end(&self, blocking: Blocking) -> Result<u64, BodyError> {
        let mut bytes = [0; END_LENGTH as usize];
        let start = self.state.size.saturating_sub(END_LENGTH);
        let last = &mut bytes[..(self.state.size - start) as usize];
        self.read_exact_at(last, start, blocking)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(last);
        Ok(hasher.finish())
    }

    /// Whether its size is unknown, and it ends where nothing more can be read.
    pub(super) fn is_size_unknown(&self) -> bool {
        self.is_size_unknown
    }

    /// The part from `offset` on, at most `most` bytes, that the kernel can send from memory. `None` if it
    /// must be read: because a disk has it, or because it is a hole, for which the kernel would allocate pages.
    pub(super) fn cached_part(&self, offset: u64, most: u64) -> Option<CachedPart<'_>> {
        let devices = self.root.devices();
        if self.is_sparse || !devices.is_quick(self.state.device()) {
            return None;
        }
        let file = self.file.get().ok()?;
        let part = |length, measured_by| CachedPart {
            file,
            length,
            device: self.state.device(),
            measured_by,
        };
        let mut length = 0;
        while length < most {
            match read_cached(file, &mut [0], offset + length) {
                Ok(Some(1)) => length += PROBED,
                // The kernel cannot say.
                Ok(None) => return Some(part(most, Some(devices))),
                _ => break,
            }
        }
        (length > 0).then(|| part(length.min(most), None))
    }
}

impl CachedPart<'_> {
    /// Calls `send` with the file and the length of the part.
    pub fn send<T>(&self, send: impl FnOnce(&File, u64) -> T) -> T {
        let send = || send(self.file, self.length);
        match self.measured_by {
            None => send(),
            Some(devices) => devices.measured(self.device, send),
        }
    }
}

impl ClosedByPool {
    /// The file, which is there until this is dropped.
    fn get(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or(ErrorKind::NotFound.into())
    }
}

impl Drop for ClosedByPool {
    fn drop(&mut self) {
        let (Some(pool), Some(file)) = (&self.pool, self.file.take()) else {
            return;
        };
        match self.is_quick {
            false => pool.discard(Effort::Look, self.file_system, file),
            true if takes_long_to_free(&file) => pool.discard(Effort::Read, self.file_system, file),
            true => {}
        }
    }
}

/// Whether the file was deleted, and its space is large and free as soon as nobody has the file open.
fn takes_long_to_free(file: &File) -> bool {
    file.metadata()
        .is_ok_and(|now| now.nlink() == 0 && now.len() >= LONG_TO_FREE)
}

/// The offset of the next data at or after `offset`. If there is no more data, the end of the file.
#[cfg(target_os = "linux")]
fn next_data(file: &File, offset: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => Ok(data),
        Err(rustix::io::Errno::NXIO) => Ok(file.metadata()?.len()),
        // The file system cannot tell holes from data.
        Err(_) => Ok(offset),
    }
}

/// On other systems, holes are read like data.
#[cfg(not(target_os = "linux"))]
fn next_data(_: &File, offset: u64) -> io::Result<u64> {
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::disk::NOBODY;
    use crate::site::disk::tests::gated;
    use crate::site::disk::{Ended, Room};
    use crate::site::root::LinkPolicy;
    use std::fs;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(20);
    use std::os::unix::fs::FileExt;

    #[track_caller]
    fn check(change: impl FnOnce(&std::path::Path), want: bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, vec![b'a'; 10_000]).expect("a file");
        let open = opened(folder.path());
        change(&path);
        assert_eq!(open.check(Blocking::Allowed).is_ok(), want);
    }

    /// The file `a` in a folder.
    fn opened(folder: &std::path::Path) -> Opened {
        opened_with(folder, None)
    }

    /// The same with a pool that closes it.
    fn opened_with(folder: &std::path::Path, pool: Option<DiskPool>) -> Opened {
        let root = Arc::new(Root::open(folder, LinkPolicy::default()).expect("a root"));
        let (_, state) = root.find(b"a", Blocking::Allowed).expect("a state");
        let opened = Opened::new(&root, pool, b"a", Some(&state), Blocking::Allowed);
        opened.expect("readable").expect("unchanged")
    }

    /// The kernel would wait for the disk in the middle of a call, and the worker with it.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_sends_only_what_it_has_in_memory() {
        const MOST: u64 = 4 << 20;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, vec![b'x'; 2 * MOST as usize]).expect("a file");
        let file = File::open(&path).expect("it opens");
        // From here: linux/magic.h.
        const TMPFS: i64 = 0x0102_1994;
        if rustix::fs::fstatfs(&file).is_ok_and(|one| one.f_type == TMPFS) {
            eprintln!("skipped: this file system has no disk");
            return;
        }
        let open = opened(folder.path());
        let length = |offset| {
            let part = open.cached_part(offset, MOST);
            part.map_or(0, |part| part.length)
        };
        // Pages that another processor has just used may stay.
        file.sync_all().expect("written");
        let advice = rustix::fs::Advice::DontNeed;
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while (length(0), length(MOST)) != (0, 0) {
            rustix::fs::fadvise(&file, 0, None, advice).expect("the advice");
            assert!(
                std::time::Instant::now() < end,
                "the kernel forgets nothing"
            );
        }
        file.read_exact_at(&mut [0; 100_000], 0).expect("read");
        assert!(length(0) >= 100_000);
    }

    /// Opens a file of this length, changes it, and closes it. Returns the jobs that disk threads did for that.
    fn jobs_of_closing(length: u64, change: impl FnOnce(&std::path::Path)) -> Vec<Effort> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, vec![b'a'; length as usize]).expect("a file");
        let (pool, pass, comes) = gated(1, 10);
        let open = opened_with(folder.path(), Some(pool.clone()));
        change(&path);
        drop(open);
        // The only thread does this job last.
        let (network, room) = (NOBODY, Room::Unlimited);
        let last = pool.submit(Effort::Look, FileSystem::NONE, network, room, || ());
        for _ in 0..2 {
            pass.send(()).expect("a gate");
        }
        let last = last.expect("a thread");
        last.wait(PATIENCE);
        assert!(matches!(last.poll(), Some(Ended::Done(()))));
        let mut jobs: Vec<Effort> = comes.try_iter().collect();
        assert_eq!(jobs.pop(), Some(Effort::Look));
        jobs
    }

    #[test]
    fn a_disk_thread_frees_the_space_of_a_large_file_that_was_deleted() {
        let delete = |path: &std::path::Path| fs::remove_file(path).expect("deleted");
        let replace = |path: &std::path::Path| {
            let new = path.with_extension("new");
            fs::write(&new, "new").expect("a file");
            fs::rename(new, path).expect("renamed");
        };
        let link = |path: &std::path::Path| {
            fs::hard_link(path, path.with_extension("link")).expect("a link");
            delete(path);
        };
        assert_eq!(jobs_of_closing(LONG_TO_FREE, delete), [Effort::Read]);
        assert_eq!(jobs_of_closing(LONG_TO_FREE, replace), [Effort::Read]);
        assert_eq!(jobs_of_closing(LONG_TO_FREE, |_| {}), []);
        assert_eq!(jobs_of_closing(LONG_TO_FREE, link), []);
        assert_eq!(jobs_of_closing(LONG_TO_FREE / 2, delete), []);
    }

    #[test]
    fn holes_read_as_zeros() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let file = File::create(&path).expect("a file");
        file.write_all_at(b"data", 3_000_000).expect("written");
        file.set_len(9_000_000).expect("longer");
        let mut want = vec![0; 9_000_000];
        want[3_000_000..3_000_004].copy_from_slice(b"data");
        let open = opened(folder.path());
        assert!(open.is_sparse);
        let mut got = Vec::new();
        while got.len() < want.len() {
            // The read must overwrite every byte that it counts.
            let mut piece = [b'x'; 100_000];
            let count = open.read_at(&mut piece, got.len() as u64, Blocking::Allowed);
            let count = count.expect("read");
            assert!(count > 0);
            got.extend_from_slice(&piece[..count]);
        }
        assert!(got == want);
    }

    fn append(path: &std::path::Path) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(path)
            .expect("opened");
        std::io::Write::write_all(&mut file, b"more").expect("written");
    }

    #[test]
    fn a_file_that_has_only_grown_is_intact() {
        check(|_| {}, true);
        check(append, true);
        check(
            |path| fs::rename(path, path.with_extension("b")).expect("renamed"),
            true,
        );
        check(|path| fs::remove_file(path).expect("removed"), true);
    }

    #[test]
    fn a_file_with_another_mode_or_link_is_intact() {
        use std::os::unix::fs::PermissionsExt;

        check(
            |path| fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode"),
            true,
        );
        check(
            |path| fs::hard_link(path, path.with_extension("b")).expect("a link"),
            true,
        );
    }

    /// As `cp -p` and `rsync --inplace -t` do.
    #[test]
    fn a_rewritten_file_with_its_old_times_is_not_intact() {
        let rewrite = |path: &std::path::Path, content: &[u8]| {
            let before = fs::metadata(path).expect("a state");
            let time = |state: &fs::Metadata| (state.ctime(), state.ctime_nsec());
            let file = fs::OpenOptions::new().write(true).open(path);
            let file = file.expect("opened");
            // The clock of the file system has a coarse tick.
            while time(&before) == time(&file.metadata().expect("a state")) {
                file.write_all_at(content, 0).expect("written");
                let modified = before.modified().expect("a time");
                file.set_modified(modified).expect("a time");
            }
        };
        check(|path| rewrite(path, &[b'b'; 10_000]), false);
        check(|path| rewrite(path, &[b'b'; 1_000]), false);
        let with_mode = |path: &std::path::Path| {
            use std::os::unix::fs::PermissionsExt;

            rewrite(path, &[b'b'; 10_000]);
            fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode");
        };
        check(with_mode, false);
    }

    #[test]
    fn a_rewritten_file_is_not_intact() {
        check(
            |path| fs::write(path, vec![b'b'; 10_000]).expect("written"),
            false,
        );
        check(
            |path| fs::write(path, vec![b'b'; 10_001]).expect("written"),
            false,
        );
        check(
            |path| fs::write(path, vec![b'a'; 9_999]).expect("written"),
            false,
        );
        check(|path| fs::write(path, "").expect("written"), false);
    }
}
