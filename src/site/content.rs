//! The bytes of a representation, ready to be moved: from memory, from a file, or made as they go.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::rc::Rc;

use crate::site::private::{Draft, PrivateCopy};
use crate::site::root::{Identity, identity};

/// Whether a source has given its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to pull.
    More,
    /// That was the end.
    Done,
}

/// Something that gives its bytes a piece at a time.
pub trait Source {
    /// Appends about `budget` bytes to `out`. An error means that the rest cannot be had; what was
    /// sent must then be cut visibly, never completed.
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress>;
}

/// A file open for sending, with the state it had when its head was written.
pub struct OpenFile {
    /// It is only ever read by offset.
    file: File,
    /// The state that the entity-tag and the length stand for.
    pub identity: Identity,
    /// A hash of the last bytes in that state.
    end: u64,
    /// Less is stored than its size says: there may be holes in it.
    is_sparse: bool,
    /// A copy that is made of what is read.
    draft: RefCell<Option<Draft>>,
}

/// The unit in which the system tells how much is stored of a file.
const BLOCK: u64 = 512;

/// How many bytes at the end of a file tell an append from a rewrite.
const END: u64 = 4096;

impl OpenFile {
    /// A file just opened in the state `identity`.
    pub fn new(file: File, identity: Identity) -> io::Result<OpenFile> {
        let end = hash_of_end(&file, identity.size)?;
        let is_sparse = file.metadata()?.blocks() * BLOCK < identity.size;
        Ok(OpenFile {
            file,
            identity,
            end,
            is_sparse,
            draft: RefCell::default(),
        })
    }

    /// Makes a copy of what will be read.
    pub fn copy_to(&mut self, draft: Draft) {
        self.draft = RefCell::new(Some(draft));
    }

    /// Reads once, from `offset` on.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = match self.hole_at(offset, buffer) {
            0 => self.file.read_at(buffer, offset)?,
            hole => hole,
        };
        self.note(&buffer[..count], offset);
        Ok(count)
    }

    /// Fills `buffer` with what stands from `offset` on.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)?;
        self.note(buffer, offset);
        Ok(())
    }

    /// Fills `buffer` with the zeros of the hole at `offset`; how many there are. To read a hole
    /// would have the kernel find memory for each of its pages, and drop what is in use for that.
    fn hole_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        if !self.is_sparse {
            return 0;
        }
        let until = data_from(&self.file, offset).unwrap_or(self.identity.size);
        let hole = until.min(self.identity.size).saturating_sub(offset);
        let hole = usize::try_from(hole).unwrap_or(usize::MAX);
        let count = hole.min(buffer.len());
        buffer[..count].fill(0);
        count
    }

    fn note(&self, bytes: &[u8], offset: u64) {
        let mut draft = self.draft.borrow_mut();
        let followed = draft.as_mut().map(|draft| draft.follow(bytes, offset));
        if followed.is_some_and(|followed| followed.is_err()) {
            *draft = None;
        }
    }

    /// What was read was intact to the end: a copy of it is good.
    pub fn settle(&self) {
        if let Some(draft) = self.draft.take() {
            draft.finish();
        }
    }

    /// Whether the bytes read so far were still those of the promised representation: the file is
    /// unchanged, or it has grown as a log does and still has, where it ended before, the bytes
    /// that it ended with. A file that grows and is changed in its middle as well is not noticed.
    pub fn is_intact(&self) -> bool {
        let Ok(now) = identity(&self.file) else {
            return false;
        };
        self.identity.is_same_content(&now)
            || (now.size > self.identity.size
                && hash_of_end(&self.file, self.identity.size).is_ok_and(|end| end == self.end))
    }
}

/// Where the next data stands from `offset` on; `None` where nothing but a hole follows.
#[cfg(target_os = "linux")]
fn data_from(file: &File, offset: u64) -> Option<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => Some(data),
        Err(rustix::io::Errno::NXIO) => None,
        // The file system does not know.
        Err(_) => Some(offset),
    }
}

/// The portable twin: holes are read like anything else.
#[cfg(not(target_os = "linux"))]
fn data_from(_: &File, offset: u64) -> Option<u64> {
    Some(offset)
}

fn hash_of_end(file: &File, size: u64) -> io::Result<u64> {
    let mut bytes = [0; END as usize];
    let start = size.saturating_sub(END);
    let last = &mut bytes[..(size - start) as usize];
    file.read_exact_at(last, start)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(last);
    Ok(hasher.finish())
}

/// A piece of a body.
pub enum Piece {
    /// Bytes made for this answer, such as the head of a part.
    Bytes(Vec<u8>),
    /// A slice of a representation held in memory.
    Memory(Rc<[u8]>, Range<usize>),
    /// A slice of an open file: the next offset and how many bytes remain.
    File(Rc<OpenFile>, u64, u64),
    /// The same of a copy that nobody else can change.
    Private(Rc<PrivateCopy>, u64, u64),
}

/// The body of an answer.
pub enum Content {
    /// No body at all, or one that is not sent (HEAD).
    Empty,
    /// One piece; its length is known.
    One(Piece),
    /// Several pieces, one after the other (multipart/byteranges).
    Several(VecDeque<Piece>),
    /// Made as the socket drains; its length is not known.
    Stream(Box<dyn Source>),
}

/// What a representation's bytes are taken from when only some of them are asked for.
#[derive(Clone)]
pub enum Stored {
    /// In memory.
    Memory(Rc<[u8]>),
    /// On disk.
    File(Rc<OpenFile>),
    /// In a copy that nobody else can change.
    Private(Rc<PrivateCopy>),
}

impl Stored {
    /// Bytes.
    pub fn len(&self) -> u64 {
        match self {
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File(file) => file.identity.size,
            Stored::Private(copy) => copy.size,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from `first` on, `length` of them; both lie within the representation.
    pub fn slice(&self, first: u64, length: u64) -> Piece {
        match self {
            Stored::Memory(bytes) => {
                // What is in memory is as long as its validators said, so this never clamps.
                let start = usize::try_from(first)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let end = start.saturating_add(length).min(bytes.len());
                Piece::Memory(Rc::clone(bytes), start..end)
            }
            Stored::File(file) => Piece::File(Rc::clone(file), first, length),
            Stored::Private(copy) => Piece::Private(Rc::clone(copy), first, length),
        }
    }
}

/// Gives bytes held in memory.
pub struct MemorySource {
    bytes: Rc<[u8]>,
    at: usize,
}

impl MemorySource {
    /// All of `bytes`.
    pub fn new(bytes: Rc<[u8]>) -> MemorySource {
        MemorySource { bytes, at: 0 }
    }
}

impl Source for MemorySource {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        let end = self.at.saturating_add(budget).min(self.bytes.len());
        out.extend_from_slice(&self.bytes[self.at..end]);
        self.at = end;
        match end == self.bytes.len() {
            true => Ok(Progress::Done),
            false => Ok(Progress::More),
        }
    }
}

/// Gives the bytes of a file, and an error where it changed on the way.
pub struct FileSource {
    file: OpenFile,
    at: u64,
}

impl FileSource {
    /// All of `file`, as long as it was when it was opened.
    pub fn new(file: OpenFile) -> FileSource {
        FileSource { file, at: 0 }
    }
}

impl Source for FileSource {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        let remaining = self.file.identity.size - self.at;
        let wanted = usize::try_from(remaining).unwrap_or(usize::MAX).min(budget);
        let start = out.len();
        out.resize(start + wanted, 0);
        let read = self.file.read_at(&mut out[start..], self.at);
        out.truncate(start + *read.as_ref().unwrap_or(&0));
        let read = read?;
        if (read == 0 && wanted > 0) || !self.file.is_intact() {
            return Err(changed());
        }
        self.at += read as u64;
        match self.at == self.file.identity.size {
            true => Ok(Progress::Done),
            false => Ok(Progress::More),
        }
    }
}

/// The error of a file that is no longer what its head promised.
pub fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the file changed while it was sent",
    )
}

/// Whether an error is that of [`changed`].
pub fn is_change(fault: &io::Error) -> bool {
    fault.kind() == io::ErrorKind::UnexpectedEof
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
        let now = identity(&file).expect("a state");
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
        let now = identity(&file).expect("a state");
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
