//! A file for one response: pieces from memory, from a disk thread, or from a copy of its end.
//!
//! Pieces of a file that the kernel has in memory are read at once. For any other piece, a disk thread
//! reads it, and the body waits for the wake-up.

use std::cell::{OnceCell, RefCell};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use rustix::io::Errno;

use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Budget, Reserved};
use crate::site::copying::PendingCopy;
use crate::site::disk::{DiskPool, Effort, Ended, FileSystem, Pending, Room};
use crate::site::file_state::FileState;
use crate::site::nofollow::Blocking;
use crate::site::opened::{CachedPart, Checked, Opened};
use crate::site::private::PrivateCopy;

/// A file for one response.
pub struct OpenFile {
    /// Read only by offset, because the pieces of a body share it.
    opened: Arc<Opened>,
    /// The state that the entity-tag and the length stand for.
    pub state: FileState,
    /// How it waits for the disk. `None`: the thread that reads waits.
    access: Option<DiskAccess>,
    /// What a disk thread reads, or has read.
    piece: RefCell<Piece>,
    /// A copy that is made from the bytes that are read.
    copy: RefCell<Option<PendingCopy>>,
    /// Where a copy of the end is once there is one.
    made: Rc<OnceCell<Rc<PrivateCopy>>>,
    /// The same copy, once this response uses it. The reference keeps it from being evicted.
    end: OnceCell<Rc<PrivateCopy>>,
}

/// How the reads of one response wait for the disk.
pub(super) struct DiskAccess {
    pub pool: DiskPool,
    /// For the pieces that are read.
    pub memory: Arc<Budget>,
    /// The network of the client.
    pub network: IpAddr,
    /// Wakes the client's connection.
    pub waker: Waker,
}

/// A piece of a file that a disk thread reads.
enum Piece {
    None,
    Pending(Pending<Result<Delivered, BodyError>>),
    Ready(Delivered),
}

/// What a disk thread has read.
struct Delivered {
    offset: u64,
    bytes: Vec<u8>,
    /// The check of the file afterwards, if one was wanted.
    checked: Option<Checked>,
    _charge: Reserved,
}

/// What a disk thread reads if there is no memory for more.
const LEAST: usize = 16 * 1024;

impl OpenFile {
    /// A file for a response that waits for the disk as `access` says.
    pub(super) fn new(opened: Opened, access: Option<DiskAccess>) -> OpenFile {
        OpenFile {
            state: opened.state,
            opened: Arc::new(opened),
            access,
            piece: RefCell::new(Piece::None),
            copy: RefCell::default(),
            made: Rc::default(),
            end: OnceCell::new(),
        }
    }

    /// Sends the end from the copy in `made`, once there is one. The copy must be of the same version of the file.
    pub(super) fn with_copy_of_end(mut self, made: &Rc<OnceCell<Rc<PrivateCopy>>>) -> OpenFile {
        self.made = Rc::clone(made);
        self
    }

    /// The copy of the end of the file, if there is one and it has the byte at `offset`.
    pub fn copied_end(&self, offset: u64) -> Option<&PrivateCopy> {
        let copy = self.made.get().filter(|copy| copy.first <= offset)?;
        Some(self.end.get_or_init(|| Rc::clone(copy)))
    }

    /// Makes a copy from the bytes that will be read.
    pub(super) fn copy_to(&self, copy: PendingCopy) {
        self.copy.replace(Some(copy));
    }

    /// Reads some bytes at `offset`. Returns how many were read. `None`: they come from the disk, and
    /// the client's connection is woken.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<Option<usize>, BodyError> {
        if let Some(delivered) = self.delivered()? {
            if delivered.is_end(offset) {
                return Ok(Some(0));
            }
            let count = delivered.copy_to(buffer, offset);
            if count > 0 {
                self.keep_or_drop(delivered, offset + count as u64);
                self.add_to_copy(&buffer[..count], offset);
                return Ok(Some(count));
            }
        } else if self.is_pending() {
            return Ok(None);
        }
        match self.opened.read_at(buffer, offset, self.blocking()) {
            Ok(count) => {
                self.add_to_copy(&buffer[..count], offset);
                Ok(Some(count))
            }
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                self.ask(offset, buffer.len(), false).map(|()| None)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Reads at `offset` until `buffer` is full, and then checks that the file has not changed. `None`:
    /// the bytes come from the disk, and the client's connection is woken.
    pub fn read_checked_at(
        &self,
        buffer: &mut [u8],
        offset: u64,
    ) -> Result<Option<Checked>, BodyError> {
        if let Some(delivered) = self.delivered()? {
            if let Some(checked) = delivered.checked
                && delivered.copy_to(buffer, offset) == buffer.len()
            {
                self.keep_or_drop(delivered, offset + buffer.len() as u64);
                self.add_to_copy(buffer, offset);
                return Ok(Some(checked));
            }
        } else if self.is_pending() {
            return Ok(None);
        }
        match self.opened.read_checked_at(buffer, offset, self.blocking()) {
            Ok(checked) => {
                self.add_to_copy(buffer, offset);
                Ok(Some(checked))
            }
            Err(BodyError::Disk(fault)) if fault.kind() == ErrorKind::WouldBlock => {
                self.ask(offset, buffer.len(), true).map(|()| None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The part from `offset` on, at most `most` bytes, that the kernel can send from memory. `None` if it
    /// must be read, perhaps to copy it.
    pub fn cached_part(&self, offset: u64, most: u64) -> Option<CachedPart<'_>> {
        let is_copied = |copy: &PendingCopy| copy.needs(offset + most);
        let is_read = self.copy.borrow().as_ref().is_some_and(is_copied)
            || !matches!(*self.piece.borrow(), Piece::None);
        match is_read {
            true => None,
            false => self.opened.cached_part(offset, most),
        }
    }

    fn blocking(&self) -> Blocking {
        match self.access {
            Some(_) => Blocking::Refused,
            None => Blocking::Allowed,
        }
    }

    fn is_pending(&self) -> bool {
        matches!(*self.piece.borrow(), Piece::Pending(_))
    }

    /// Takes what a disk thread has read.
    fn delivered(&self) -> Result<Option<Delivered>, BodyError> {
        let mut piece = self.piece.borrow_mut();
        let ended = match &*piece {
            Piece::None => return Ok(None),
            Piece::Pending(pending) => match pending.poll() {
                None => return Ok(None),
                Some(ended) => Some(ended),
            },
            Piece::Ready(_) => None,
        };
        match (std::mem::replace(&mut *piece, Piece::None), ended) {
            (Piece::Ready(delivered), _) => Ok(Some(delivered)),
            (_, Some(Ended::Done(read))) => read.map(Some),
            _ => Err(BodyError::Disk(ErrorKind::Other.into())),
        }
    }

    /// Keeps the rest of what was read, if it has bytes at or after `next`.
    fn keep_or_drop(&self, delivered: Delivered, next: u64) {
        if delivered.offset + delivered.bytes.len() as u64 > next {
            *self.piece.borrow_mut() = Piece::Ready(delivered);
        }
    }

    /// Makes a disk thread read a piece. Responses that were begun are not refused: each has one piece
    /// at a time, and no memory before a thread reads it.
    fn ask(&self, offset: u64, length: usize, is_checked: bool) -> Result<(), BodyError> {
        let Some(access) = &self.access else {
            return Err(Errno::AGAIN.into());
        };
        let (opened, memory) = (Arc::clone(&self.opened), Arc::clone(&access.memory));
        let read = move || deliver(&opened, &memory, offset, length, is_checked);
        let file_system = FileSystem::of_device(self.state.device());
        let pool = &access.pool;
        let pending = pool.submit(
            Effort::Read,
            file_system,
            access.network,
            Room::Unlimited,
            read,
        );
        let pending = pending.ok_or(Errno::NOMEM)?;
        pending.wake(access.waker.clone());
        *self.piece.borrow_mut() = Piece::Pending(pending);
        Ok(())
    }

    fn add_to_copy(&self, bytes: &[u8], offset: u64) {
        let mut copy = self.copy.borrow_mut();
        let Some(pending) = &mut *copy else {
            return;
        };
        if self.made.get().is_some() || pending.append(bytes, offset).is_err() {
            *copy = None;
        }
    }

    /// Call this after the last byte was read and `checked`. Keeps the copy if the state of the file is
    /// still exactly the same.
    pub fn finish_copy(&self, checked: Checked) {
        if let Some(copy) = self.copy.take()
            && checked.is_same()
        {
            copy.finish();
        }
    }

    /// Drops the copy in progress, if any.
    pub fn give_up_copy(&self) {
        self.copy.take();
    }
}

/// Reads a piece on a disk thread. It is read in full if it is checked, because only then does the check
/// hold for all of it.
fn deliver(
    opened: &Opened,
    memory: &Arc<Budget>,
    offset: u64,
    length: usize,
    is_checked: bool,
) -> Result<Delivered, BodyError> {
    let (length, charge) = match memory.reserve(Account::Contents, length as u64) {
        Some(charge) => (length, charge),
        None => {
            let least = match is_checked {
                true => length,
                false => length.min(LEAST),
            };
            let charge = memory.reserve_anyway(Account::Contents, least as u64);
            (least, charge)
        }
    };
    let mut bytes = vec![0; length];
    let mut checked = None;
    if is_checked {
        checked = Some(opened.read_checked_at(&mut bytes, offset, Blocking::Allowed)?);
    } else {
        let count = opened.read_at(&mut bytes, offset, Blocking::Allowed)?;
        bytes.truncate(count);
        if count == 0 && !opened.is_size_unknown() {
            return Err(BodyError::Changed);
        }
    }
    Ok(Delivered {
        offset,
        bytes,
        checked,
        _charge: charge,
    })
}

impl Delivered {
    /// Whether the disk thread has found that the file ends at `offset`.
    fn is_end(&self, offset: u64) -> bool {
        self.offset == offset && self.bytes.is_empty()
    }

    /// Copies the bytes from `offset` on. Returns how many.
    fn copy_to(&self, buffer: &mut [u8], offset: u64) -> usize {
        let from = offset.checked_sub(self.offset);
        let from = from.and_then(|from| usize::try_from(from).ok());
        let bytes = from.and_then(|from| self.bytes.get(from..));
        let bytes = bytes.unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        count
    }
}
