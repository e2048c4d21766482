//! A file that is open for sending, and a check that it has not changed since.

use std::cell::RefCell;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::site::body_error::BodyError;
use crate::site::private::PendingCopy;
use crate::site::root::{FileState, state_of};

/// An open file and the state that the head of the response describes.
pub struct OpenFile {
    /// Read only by offset, because the pieces of a body share it.
    file: File,
    /// The state that the entity-tag and the length stand for.
    pub state: FileState,
    /// A hash of the last bytes of the file in that state.
    end_hash: u64,
    /// Whether the file uses less disk space than its size, so that it may have holes.
    is_sparse: bool,
    /// A copy that is made from the bytes that are read.
    copy: RefCell<Option<PendingCopy>>,
}

/// The unit of `st_blocks`, in bytes.
const BLOCK: u64 = 512;

/// How many bytes at the end of a file are compared to tell an append from a rewrite.
const END_LENGTH: u64 = 4096;

/// How often to check a file whose time has changed but whose size has not. During an append, the
/// kernel updates the modification time before the size.
const CHECKS: usize = 50;

impl OpenFile {
    /// Wraps a file that was just opened in the state `state`.
    pub(super) fn new(file: File, state: FileState) -> Result<OpenFile, BodyError> {
        let end_hash = hash_of_end(&file, state.size)?;
        let is_sparse = file.metadata()?.blocks().saturating_mul(BLOCK) < state.size;
        Ok(OpenFile {
            file,
            state,
            end_hash,
            is_sparse,
            copy: RefCell::default(),
        })
    }

    /// Makes a copy from the bytes that will be read.
    pub(super) fn copy_to(&mut self, copy: PendingCopy) {
        self.copy = RefCell::new(Some(copy));
    }

    /// Reads at `offset` with one call. Returns how many bytes were read.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, BodyError> {
        let count = match self.fill_from_hole(offset, buffer)? {
            0 => self.file.read_at(buffer, offset)?,
            zeros => zeros,
        };
        self.add_to_copy(&buffer[..count], offset);
        Ok(count)
    }

    /// Reads at `offset` until `buffer` is full.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), BodyError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(BodyError::from_exact_read)?;
        self.add_to_copy(buffer, offset);
        Ok(())
    }

    /// If there is a hole at `offset`, fills `buffer` with its zeros and returns how many. Reading the
    /// hole would make the kernel allocate page cache for it and evict useful pages.
    fn fill_from_hole(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_sparse {
            return Ok(0);
        }
        let data = next_data(&self.file, offset)?.min(self.state.size);
        let hole = usize::try_from(data.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = hole.min(buffer.len());
        buffer[..count].fill(0);
        Ok(count)
    }

    fn add_to_copy(&self, bytes: &[u8], offset: u64) {
        let mut copy = self.copy.borrow_mut();
        let added = copy.as_mut().map(|copy| copy.append(bytes, offset));
        if added.is_some_and(|added| added.is_err()) {
            *copy = None;
        }
    }

    /// Call this after the last byte was read. Keeps the copy if the state of the file is still exactly
    /// the same.
    pub fn finish_copy(&self) {
        if let Some(copy) = self.copy.take()
            && state_of(&self.file).is_ok_and(|now| now == self.state)
        {
            copy.finish();
        }
    }

    /// Drops the copy in progress, if any.
    pub fn give_up_copy(&self) {
        self.copy.take();
    }

    /// Whether the bytes read so far belong to the state that the head describes. This is so if the
    /// file is unchanged, or if it has grown like a log and its old last bytes are still in place. If
    /// the file has grown and its middle has changed too, this method does not notice the change.
    pub fn is_intact(&self) -> bool {
        for _ in 0..CHECKS {
            match state_of(&self.file) {
                Ok(now) if self.state.is_same_content(&now) => return true,
                Ok(now) if now.size > self.state.size => {
                    let hash = hash_of_end(&self.file, self.state.size);
                    return hash.is_ok_and(|hash| hash == self.end_hash);
                }
                Ok(now) if now.size == self.state.size => std::thread::yield_now(),
                _ => return false,
            }
        }
        false
    }
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

fn hash_of_end(file: &File, size: u64) -> Result<u64, BodyError> {
    let mut bytes = [0; END_LENGTH as usize];
    let start = size.saturating_sub(END_LENGTH);
    let last = &mut bytes[..(size - start) as usize];
    file.read_exact_at(last, start)
        .map_err(BodyError::from_exact_read)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(last);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[track_caller]
    fn check(change: impl FnOnce(&std::path::Path), want: bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, vec![b'a'; 10_000]).expect("a file");
        let file = File::open(&path).expect("opened");
        let now = state_of(&file).expect("a state");
        let open = OpenFile::new(file, now).expect("readable");
        change(&path);
        assert_eq!(open.is_intact(), want);
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
        let file = File::open(&path).expect("opened");
        let now = state_of(&file).expect("a state");
        let open = OpenFile::new(file, now).expect("readable");
        assert!(open.is_sparse);
        let mut got = Vec::new();
        while got.len() < want.len() {
            // The read must overwrite every byte that it counts.
            let mut piece = [b'x'; 100_000];
            let count = open.read_at(&mut piece, got.len() as u64).expect("read");
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
