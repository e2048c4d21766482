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

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

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
    /// Frees the space when the copy is dropped.
    pub(super) _space: CopySpace,
}

/// The bytes of a copy.
#[derive(Debug)]
pub enum CopyContent {
    /// An anonymous file in memory.
    Memfd(File),
    /// Memory of this process.
    Heap(Storage),
}

/// The space of a copy, from before its first byte is read until it is dropped.
#[derive(Debug)]
pub(super) struct CopySpace {
    /// Its bytes of memory.
    pub _memory: Charge,
    /// The same bytes of what copies may hold.
    pub _bytes: Charge,
    /// One copy, because a copy in an anonymous file needs a descriptor.
    pub _copy: Charge,
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

impl CopyContent {
    /// Empty content with space for `size` bytes.
    pub(super) fn empty(storage: CopyStorage, size: u64) -> io::Result<CopyContent> {
        Ok(match storage {
            CopyStorage::Memfd => CopyContent::Memfd(anonymous_file(size)?),
            CopyStorage::Heap => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                CopyContent::Heap(Storage::zeros(size)?)
            }
        })
    }

    /// Appends bytes. `length` is the length so far.
    pub(super) fn append(&mut self, bytes: &[u8], length: u64) -> io::Result<()> {
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
    pub(super) fn seal(&self) -> io::Result<()> {
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
