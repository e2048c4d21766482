//! Private copies of large files.
//!
//! What `sendfile` puts into a socket are pages of the file itself: whoever writes to it before the
//! client has read them writes into the answer, and a file that is made shorter leaves zeros there.
//! So only what is the server's own leaves that way: copies in memory that has no name, for files
//! that are asked for again and again. A copy is made of the pieces that a client is being sent, so
//! that nobody waits for it.
//!
//! Where the content is worked on before it leaves, because it is encrypted, `sendfile` is of no
//! use, and copies are kept at hand.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::site::quota::Reservation;

/// What copies are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyStorage {
    /// Pages of the kernel's, which it sends by itself.
    Memfd,
    /// Bytes of this process, for what has to work on them.
    Heap,
}

/// The content of a file, where nobody else can change it.
pub struct PrivateCopy {
    /// It is only ever read.
    pub content: CopyContent,
    /// Bytes.
    pub size: u64,
    _space: Space,
}

/// A content in its storage.
pub enum CopyContent {
    /// Anonymous memory.
    Memfd(File),
    /// Memory of this process.
    Heap(Vec<u8>),
}

/// What a copy takes up from its first byte until nobody sends it any more.
pub struct Space {
    /// Bytes.
    pub bytes: Reservation,
    /// A place among the copies, for a descriptor where it needs one.
    pub descriptor: Reservation,
}

/// A copy that is being made.
pub struct PendingCopy {
    storage: CopyStorage,
    content: Option<CopyContent>,
    /// Bytes so far.
    length: u64,
    /// Bytes of the whole.
    size: u64,
    space: Space,
    _only: Reservation,
    keep: Box<dyn FnOnce(PrivateCopy)>,
}

impl PendingCopy {
    /// A draft of `size` bytes, for which `space` was taken, the `only` one of its file. Once it is
    /// whole, `keep` has it.
    pub fn new(
        storage: CopyStorage,
        size: u64,
        space: Space,
        only: Reservation,
        keep: Box<dyn FnOnce(PrivateCopy)>,
    ) -> PendingCopy {
        PendingCopy {
            storage,
            content: None,
            length: 0,
            size,
            space,
            _only: only,
            keep,
        }
    }

    /// Takes what was read of the file at `offset`. An error means that the copy comes to nothing:
    /// something was left out, or there is no memory, or no such memory on this system.
    pub fn follow(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let known = self.length.checked_sub(offset);
        let known = known.ok_or(io::ErrorKind::InvalidInput)?;
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let Some(news) = bytes.get(known..) else {
            return Ok(());
        };
        let content = match &mut self.content {
            Some(content) => content,
            none => none.insert(CopyContent::empty(self.storage, self.size)?),
        };
        content.append(news, self.length)?;
        self.length += news.len() as u64;
        Ok(())
    }

    /// The file was found to be what was read of it: the copy is kept if it is whole.
    pub fn finish(self) {
        if let Some(content) = self.content
            && self.length == self.size
            && content.complete().is_ok()
        {
            (self.keep)(PrivateCopy {
                content,
                size: self.size,
                _space: self.space,
            });
        }
    }
}

impl CopyContent {
    /// Room for `size` bytes.
    fn empty(storage: CopyStorage, size: u64) -> io::Result<CopyContent> {
        Ok(match storage {
            CopyStorage::Memfd => CopyContent::Memfd(anonymous()?),
            CopyStorage::Heap => {
                let mut bytes = Vec::new();
                bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))?;
                CopyContent::Heap(bytes)
            }
        })
    }

    /// Adds bytes behind the `length` there are.
    fn append(&mut self, news: &[u8], length: u64) -> io::Result<()> {
        match self {
            CopyContent::Memfd(file) => file.write_all_at(news, length),
            CopyContent::Heap(bytes) => {
                bytes.extend_from_slice(news);
                Ok(())
            }
        }
    }

    /// Nothing more is added.
    fn complete(&self) -> io::Result<()> {
        match self {
            CopyContent::Memfd(file) => seal(file),
            CopyContent::Heap(_) => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
fn anonymous() -> io::Result<File> {
    use rustix::fs::MemfdFlags;
    use rustix::process::{Resource, getrlimit};
    // Whoever writes beyond this limit, be it to memory, is killed.
    if getrlimit(Resource::Fsize).current.is_some() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(File::from(rustix::fs::memfd_create("docroot", flags)?))
}

/// From now on not even this process can change it.
#[cfg(target_os = "linux")]
fn seal(file: &File) -> io::Result<()> {
    use rustix::fs::SealFlags;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    Ok(rustix::fs::fcntl_add_seals(file, seals)?)
}

/// The portable twin: there are no such pages.
#[cfg(not(target_os = "linux"))]
fn anonymous() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn seal(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
impl PrivateCopy {
    /// All of it.
    pub fn to_vec(&self) -> Vec<u8> {
        match &self.content {
            CopyContent::Heap(bytes) => bytes.clone(),
            CopyContent::Memfd(file) => {
                let mut bytes = vec![0; self.size as usize];
                file.read_exact_at(&mut bytes, 0).expect("readable");
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::quota::Quota;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// What is kept of pieces that were read, each at its offset, of a file of ten bytes.
    fn kept_in(storage: CopyStorage, pieces: &[(&str, u64)]) -> Option<String> {
        let kept = Rc::new(RefCell::new(None));
        let place = Rc::clone(&kept);
        let keep = Box::new(move |copy| *place.borrow_mut() = Some(copy));
        let places = Quota::new(10);
        let space = Space {
            bytes: places.reserve(10),
            descriptor: places.reserve(1),
        };
        let mut draft = PendingCopy::new(storage, 10, space, places.reserve(1), keep);
        for (piece, offset) in pieces {
            draft.follow(piece.as_bytes(), *offset).ok()?;
        }
        draft.finish();
        let copy = kept.take()?;
        if let CopyContent::Memfd(file) = &copy.content {
            assert!(file.write_at(b"x", 0).is_err(), "it is sealed");
        }
        Some(String::from_utf8(copy.to_vec()).expect("text"))
    }

    fn check_that_wholes_are_kept(storage: CopyStorage) {
        let kept = |pieces| kept_in(storage, pieces);
        let whole = Some("0123456789".to_owned());
        assert_eq!(kept(&[("0123456789", 0)]), whole);
        assert_eq!(kept(&[("01234", 0), ("56789", 5)]), whole);
        assert_eq!(kept(&[("01234", 0), ("23", 2), ("3456789", 3)]), whole); // read twice
        assert_eq!(kept(&[("01234", 0)]), None);
        assert_eq!(kept(&[("01234", 0), ("6789", 6)]), None); // a gap
        assert_eq!(kept(&[("56789", 5)]), None); // a range
        assert_eq!(kept(&[]), None);
    }

    #[test]
    fn a_copy_is_kept_if_it_is_whole() {
        check_that_wholes_are_kept(CopyStorage::Heap);
        if cfg!(target_os = "linux") {
            check_that_wholes_are_kept(CopyStorage::Memfd);
        }
    }
}
