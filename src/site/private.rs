//! Private copies of large files that are requested more than once.
//!
//! `sendfile` puts pages of the file itself into the socket. If someone writes to the file before the
//! client has read those pages, the client receives the new bytes. If someone truncates the file, the
//! client receives zeros. Therefore, docroot uses `sendfile` only for private copies, which are
//! anonymous files in memory. A copy is made from the bytes that are read to send the file to a
//! client, so no request waits for it.
//!
//! Of a file that is too large for that, only the end is copied. `sendfile` may send the rest from the file
//! itself: once the copy of the end has been sent, no page of the file waits in a queue.
//!
//! With TLS, the process has to encrypt the content, so `sendfile` is of no use. Copies are then kept
//! on the heap.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use crate::site::budget::Charge;
use crate::site::storage::Storage;

/// Where copies are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyStorage {
    /// In an anonymous file, which the kernel can send by itself.
    Memfd,
    /// On the heap of this process, for content that it has to encrypt.
    Heap,
}

/// A copy of a file's content that no other process can change.
pub struct PrivateCopy {
    /// The content from `first` on. It is never changed.
    pub content: CopyContent,
    /// Where in the file the copy begins. If it is not zero, the copy is of the end alone.
    pub first: u64,
    /// The bytes of the whole file.
    pub size: u64,
    _space: CopySpace,
}

/// The bytes of a copy.
pub enum CopyContent {
    /// An anonymous file in memory.
    Memfd(File),
    /// Memory of this process.
    Heap(Storage),
}

/// The space of a copy, from before its first byte is read until it is dropped.
pub(super) struct CopySpace {
    /// As many bytes of memory as the file has.
    pub(super) memory: Charge,
    /// The same bytes of what copies may hold.
    pub(super) copy_bytes: Charge,
    /// One copy, because a copy in an anonymous file needs a descriptor.
    pub(super) _copy: Charge,
}

impl CopySpace {
    fn shrink_to(&mut self, length: u64) {
        self.memory.resize_anyway(length);
        self.copy_bytes.resize_anyway(length);
    }
}

impl PrivateCopy {
    /// How many bytes it has.
    pub(super) fn length(&self) -> u64 {
        self.size - self.first
    }

    /// Whether it has the whole content of the file.
    pub(super) fn is_whole(&self) -> bool {
        self.first == 0
    }
}

/// Marks a file as being copied, until this is dropped.
pub(super) struct CopyMark(Rc<Cell<bool>>);

impl CopyMark {
    /// Sets the mark. `None` if it is set already.
    pub(super) fn set(mark: &Rc<Cell<bool>>) -> Option<CopyMark> {
        (!mark.replace(true)).then(|| CopyMark(Rc::clone(mark)))
    }
}

impl Drop for CopyMark {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// A copy in progress.
pub(super) struct PendingCopy {
    storage: CopyStorage,
    content: Option<CopyContent>,
    /// Where in the file the copy begins. `None` until a part of the file is read.
    first: Option<u64>,
    /// How many bytes of the end are copied at most.
    most: u64,
    /// The bytes copied so far.
    length: u64,
    /// The bytes of the whole file.
    size: u64,
    space: CopySpace,
    _mark: CopyMark,
    keep: Box<dyn FnOnce(PrivateCopy)>,
}

impl PendingCopy {
    /// An empty copy of a file of `size` bytes, or of its last `most` bytes. It uses `space`. `mark`
    /// prevents a second copy of the same file. `keep` receives the copy when it is complete.
    pub(super) fn new(
        storage: CopyStorage,
        size: u64,
        most: u64,
        space: CopySpace,
        mark: CopyMark,
        keep: Box<dyn FnOnce(PrivateCopy)>,
    ) -> PendingCopy {
        PendingCopy {
            storage,
            content: None,
            first: (most >= size).then_some(0),
            most,
            length: 0,
            size,
            space,
            _mark: mark,
            keep,
        }
    }

    /// Whether it needs bytes that the file has before `end`, so that these must be read.
    pub(super) fn needs(&self, end: u64) -> bool {
        self.first.is_some_and(|first| first < end)
    }

    /// Appends `bytes`, which were read from the file at `offset`. Bytes that were appended before, or that
    /// stand before the end that is copied, are skipped. An error means that the copy must be dropped: there
    /// is a gap before `offset`, memory ran out, or the system has no anonymous files.
    pub(super) fn append(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let earliest = self.size.saturating_sub(self.most);
        let first = *self.first.get_or_insert(earliest.max(offset));
        let skipped = (first + self.length).checked_sub(offset);
        let skipped = skipped.ok_or(io::ErrorKind::InvalidInput)?;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let Some(new) = bytes.get(skipped..) else {
            return Ok(());
        };
        let content = match &mut self.content {
            Some(content) => content,
            none => none.insert(CopyContent::empty(self.storage, self.size - first)?),
        };
        content.append(new, self.length)?;
        self.length += new.len() as u64;
        Ok(())
    }

    /// Keeps the copy if it is complete. Call this only after a check that the file has not changed.
    pub(super) fn finish(mut self) {
        if let (Some(content), Some(first)) = (self.content, self.first)
            && first + self.length == self.size
            && content.seal().is_ok()
        {
            self.space.shrink_to(self.length);
            (self.keep)(PrivateCopy {
                content,
                first,
                size: self.size,
                _space: self.space,
            });
        }
    }
}

impl CopyContent {
    /// Empty content with space for `size` bytes.
    fn empty(storage: CopyStorage, size: u64) -> io::Result<CopyContent> {
        Ok(match storage {
            CopyStorage::Memfd => CopyContent::Memfd(anonymous_file(size)?),
            CopyStorage::Heap => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                CopyContent::Heap(Storage::zeros(size)?)
            }
        })
    }

    /// Appends bytes. `length` is the length so far.
    fn append(&mut self, bytes: &[u8], length: u64) -> io::Result<()> {
        match self {
            CopyContent::Memfd(file) => file.write_all_at(bytes, length),
            CopyContent::Heap(content) => {
                let rest = content.bytes_mut().get_mut(length as usize..);
                let place = rest.and_then(|rest| rest.get_mut(..bytes.len()));
                let place = place.ok_or(io::ErrorKind::InvalidInput)?;
                place.copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Makes the content read-only.
    fn seal(&self) -> io::Result<()> {
        match self {
            CopyContent::Memfd(file) => seal(file),
            CopyContent::Heap(_) => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
fn anonymous_file(size: u64) -> io::Result<File> {
    use rustix::fs::MemfdFlags;
    // The limit applies to anonymous files too. Without this check, docroot would copy the beginning
    // of the file in vain for each request.
    let limit = rlimit::Resource::FSIZE.get();
    if limit.is_ok_and(|(soft, _)| size > soft) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(File::from(rustix::fs::memfd_create("docroot", flags)?))
}

/// Seals the file: from now on, not even this process can change it.
#[cfg(target_os = "linux")]
fn seal(file: &File) -> io::Result<()> {
    use rustix::fs::SealFlags;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    Ok(rustix::fs::fcntl_add_seals(file, seals)?)
}

/// Other systems have no sealed anonymous files, so [`CopyStorage::Memfd`] makes no copies there.
#[cfg(not(target_os = "linux"))]
fn anonymous_file(_: u64) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn seal(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
impl PrivateCopy {
    /// The whole content.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        match &self.content {
            CopyContent::Heap(bytes) => bytes.to_vec(),
            CopyContent::Memfd(file) => {
                let mut bytes = vec![0; self.length() as usize];
                file.read_exact_at(&mut bytes, 0).expect("readable");
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::budget::{Account, Allowance};
    use std::cell::RefCell;

    /// The copy of the `most` last bytes of a ten-byte file that is kept after `pieces` were read, each at its
    /// offset.
    fn kept_copy(storage: CopyStorage, most: u64, pieces: &[(&str, u64)]) -> Option<String> {
        let kept = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&kept);
        let keep = Box::new(move |copy| *slot.borrow_mut() = Some(copy));
        let charge = || Allowance::unlimited().charge_anyway(Account::Copies, 10);
        let space = CopySpace {
            memory: charge(),
            copy_bytes: charge(),
            _copy: charge(),
        };
        let mark = CopyMark::set(&Rc::default()).expect("it is not set");
        let mut copy = PendingCopy::new(storage, 10, most, space, mark, keep);
        for (piece, offset) in pieces {
            copy.append(piece.as_bytes(), *offset).ok()?;
        }
        copy.finish();
        let copy = kept.take()?;
        if let CopyContent::Memfd(file) = &copy.content {
            assert!(file.write_at(b"x", 0).is_err(), "it is sealed");
        }
        Some(String::from_utf8(copy.to_vec()).expect("text"))
    }

    fn check_storage(storage: CopyStorage) {
        let kept = |pieces| kept_copy(storage, 10, pieces);
        let whole = Some("0123456789".to_owned());
        assert_eq!(kept(&[("0123456789", 0)]), whole);
        assert_eq!(kept(&[("01234", 0), ("56789", 5)]), whole);
        assert_eq!(kept(&[("01234", 0), ("23", 2), ("3456789", 3)]), whole); // read twice
        assert_eq!(kept(&[("01234", 0)]), None);
        assert_eq!(kept(&[("01234", 0), ("6789", 6)]), None); // a gap
        assert_eq!(kept(&[("56789", 5)]), None); // a range
        assert_eq!(kept(&[]), None);
        // The end alone, from where it is first read.
        let kept = |pieces| kept_copy(storage, 4, pieces);
        let end = |text: &str| Some(text.to_owned());
        assert_eq!(kept(&[("6789", 6)]), end("6789"));
        assert_eq!(kept(&[("89", 8)]), end("89"));
        assert_eq!(kept(&[("01234", 0), ("56789", 5)]), end("6789"));
        assert_eq!(kept(&[("7", 7), ("789", 7)]), end("789"));
        assert_eq!(kept(&[("67", 6), ("9", 9)]), None); // a gap
        assert_eq!(kept(&[("678", 6)]), None);
    }

    #[test]
    fn a_copy_is_kept_if_it_is_complete() {
        check_storage(CopyStorage::Heap);
        if cfg!(target_os = "linux") {
            check_storage(CopyStorage::Memfd);
        }
    }
}
