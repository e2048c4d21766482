//! A file open for sending, and whether it still is what was promised.

use std::cell::RefCell;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::site::body_error::BodyError;
use crate::site::private::PendingCopy;
use crate::site::root::{FileState, state_of};

/// An open file, with the state it had when the head of the answer was written.
pub struct OpenFile {
    /// It is only ever read by offset.
    file: File,
    /// The state that the entity-tag and the length stand for.
    pub state: FileState,
    /// A hash of the last bytes in that state.
    end: u64,
    /// Less is stored than its size says: there may be holes in it.
    is_sparse: bool,
    /// A copy that is made of what is read.
    draft: RefCell<Option<PendingCopy>>,
}

/// The unit in which the system tells how much is stored of a file.
const BLOCK: u64 = 512;

/// How many bytes at the end of a file tell an append from a rewrite.
const END: u64 = 4096;

/// How often a file that seems to be rewritten is looked at: the system dates a write before it makes
/// the file longer, so in the next moment it may have grown.
const LOOKS: usize = 50;

impl OpenFile {
    /// A file just opened in the state `state`.
    pub fn new(file: File, state: FileState) -> Result<OpenFile, BodyError> {
        let end = hash_of_end(&file, state.size)?;
        let is_sparse = file.metadata()?.blocks().saturating_mul(BLOCK) < state.size;
        Ok(OpenFile {
            file,
            state,
            end,
            is_sparse,
            draft: RefCell::default(),
        })
    }

    /// Makes a copy of what will be read.
    pub fn copy_to(&mut self, draft: PendingCopy) {
        self.draft = RefCell::new(Some(draft));
    }

    /// Reads once, from `offset` on.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, BodyError> {
        let count = match self.hole_at(offset, buffer)? {
            0 => self.file.read_at(buffer, offset)?,
            hole => hole,
        };
        self.note(&buffer[..count], offset);
        Ok(count)
    }

    /// Fills `buffer` with what stands from `offset` on.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), BodyError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(BodyError::from_exact_read)?;
        self.note(buffer, offset);
        Ok(())
    }

    /// Fills `buffer` with the zeros of the hole at `offset`; how many there are. To read a hole
    /// would have the kernel find memory for each of its pages, and drop what is in use for that.
    fn hole_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_sparse {
            return Ok(0);
        }
        let until = data_from(&self.file, offset)?.min(self.state.size);
        let hole = usize::try_from(until.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = hole.min(buffer.len());
        buffer[..count].fill(0);
        Ok(count)
    }

    fn note(&self, bytes: &[u8], offset: u64) {
        let mut draft = self.draft.borrow_mut();
        let followed = draft.as_mut().map(|draft| draft.follow(bytes, offset));
        if followed.is_some_and(|followed| followed.is_err()) {
            *draft = None;
        }
    }

    /// After the last byte was read: a copy is good if nothing at all has happened to the file.
    pub fn settle(&self) {
        if let Some(draft) = self.draft.take()
            && state_of(&self.file).is_ok_and(|now| now == self.state)
        {
            draft.finish();
        }
    }

    /// Makes no copy.
    pub fn give_up_copy(&self) {
        self.draft.take();
    }

    /// Whether the bytes read so far were still those of the promised representation: the file is
    /// unchanged, or it has grown as a log does and still has, where it ended before, the bytes
    /// that it ended with. A file that grows and is changed in its middle as well is not noticed.
    pub fn is_intact(&self) -> bool {
        for _ in 0..LOOKS {
            match state_of(&self.file) {
                Ok(now) if self.state.is_same_content(&now) => return true,
                Ok(now) if now.size > self.state.size => {
                    let end = hash_of_end(&self.file, self.state.size);
                    return end.is_ok_and(|end| end == self.end);
                }
                Ok(now) if now.size == self.state.size => std::thread::yield_now(),
                _ => return false,
            }
        }
        false
    }
}

/// Where the next data stands from `offset` on, or the end of the file where none follows.
#[cfg(target_os = "linux")]
fn data_from(file: &File, offset: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => Ok(data),
        Err(rustix::io::Errno::NXIO) => Ok(file.metadata()?.len()),
        // The file system does not know.
        Err(_) => Ok(offset),
    }
}

/// The portable twin: holes are read like anything else.
#[cfg(not(target_os = "linux"))]
fn data_from(_: &File, offset: u64) -> io::Result<u64> {
    Ok(offset)
}

fn hash_of_end(file: &File, size: u64) -> Result<u64, BodyError> {
    let mut bytes = [0; END as usize];
    let start = size.saturating_sub(END);
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
            // What a hole does not fill is not touched.
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
    fn what_has_only_grown_is_intact() {
        check(|_| {}, true);
        check(append, true);
        check(
            |path| fs::rename(path, path.with_extension("b")).expect("renamed"),
            true,
        );
        check(|path| fs::remove_file(path).expect("removed"), true);
    }

    #[test]
    fn what_was_rewritten_is_not() {
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
