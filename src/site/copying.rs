//! Private copies in progress: the space that they take, and how the pieces come together.
//!
//! A copy is made from the bytes that a response reads, so it takes as long as the client. A client that
//! reads slowly could thus keep the space of copies from all others. So a slow copy is given up if another one
//! needs its space, or wants to copy the same file. The response is sent all the same.
//!
//! The copy of an end takes no space before the end is read, and then as much as it needs.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::{Rc, Weak};

use crate::site::budget::{Account, Allowance};
use crate::site::private::{CopyContent, CopySpace, CopyStorage, PrivateCopy};

/// For how many seconds a copy is not slow, whatever it gets.
const FIRST_SECONDS: i64 = 10;

/// After that, a copy is slow if it has got fewer bytes a second. A faster one of 32 MiB ends within a minute.
const LEAST_RATE: i64 = 512 << 10;

/// What the private copies of one worker may hold, and those in progress. A clone is the same, so that all
/// sites of the worker count together.
#[derive(Clone, Debug)]
pub struct Copying(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Bytes of the server's memory.
    memory: Allowance,
    /// Bytes of that memory that private copies may hold, whether they are cached or not.
    bytes: Allowance,
    /// Private copies. Each may use a file descriptor.
    copies: Allowance,
    /// The time of this turn, in seconds since 1970.
    now: Cell<i64>,
    in_progress: RefCell<Vec<Weak<Slot>>>,
}

/// What a copy in progress holds, until it must give way.
#[derive(Debug)]
struct Slot {
    held: RefCell<Option<Held>>,
    /// The bytes of its space.
    size: u64,
    /// How many of them it has so far.
    length: Cell<u64>,
    /// When it got its space, in seconds since 1970.
    since: i64,
}

impl Slot {
    fn is_slow(&self, now: i64) -> bool {
        let age = now - self.since;
        age >= FIRST_SECONDS && (self.length.get() as i64) < age * LEAST_RATE
    }

    fn is_of(&self, mark: &Rc<Cell<bool>>) -> bool {
        let held = self.held.borrow();
        held.as_ref()
            .is_some_and(|held| Rc::ptr_eq(&held._mark.0, mark))
    }
}

#[derive(Debug)]
struct Held {
    content: CopyContent,
    space: CopySpace,
    _mark: CopyMark,
}

/// Marks a file as being copied, until this is dropped.
#[derive(Debug)]
struct CopyMark(Rc<Cell<bool>>);

impl CopyMark {
    /// Sets the mark. `None` if it is set already.
    fn set(mark: &Rc<Cell<bool>>) -> Option<CopyMark> {
        (!mark.replace(true)).then(|| CopyMark(Rc::clone(mark)))
    }
}

impl Drop for CopyMark {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// What evicting copies frees.
#[derive(Clone, Copy, Default)]
pub(super) struct Freed {
    pub bytes: u64,
    pub copies: u64,
}

/// Whether a copy has room if this is freed.
type HasRoom<'a> = &'a dyn Fn(Freed) -> bool;

impl Copying {
    /// Copies that hold no more than this.
    pub(super) fn new(memory: Allowance, bytes: Allowance, copies: Allowance) -> Copying {
        Copying(Rc::new(Shared {
            memory,
            bytes,
            copies,
            now: Cell::default(),
            in_progress: RefCell::default(),
        }))
    }

    /// Begins a turn of the worker at `now`, in seconds since 1970.
    pub(super) fn begin_turn(&self, now: i64) {
        self.0.now.set(now);
    }

    /// Takes space for `size` bytes. `make_room` may evict other copies, and returns whether there is room.
    /// If there is none or the file is being copied, slow copies in progress may be given up.
    fn begin(
        &self,
        original: &Original,
        size: u64,
        make_room: impl FnOnce(HasRoom<'_>) -> bool,
    ) -> Option<Rc<Slot>> {
        let mark = &original.mark;
        if mark.get() {
            self.give_up_slow_copy_of(mark);
        }
        let is_free = !mark.get()
            && (make_room(&|freed| self.has_room(size, freed)) || self.give_up_slow_copies(size));
        if !is_free {
            return None;
        }
        let held = Held {
            _mark: CopyMark::set(mark)?,
            space: self.charge(size)?,
            content: CopyContent::empty(original.storage, size).ok()?,
        };
        let slot = Rc::new(Slot {
            held: RefCell::new(Some(held)),
            size,
            length: Cell::default(),
            since: self.0.now.get(),
        });
        let mut in_progress = self.0.in_progress.borrow_mut();
        in_progress.retain(|slot| slot.strong_count() > 0);
        in_progress.push(Rc::downgrade(&slot));
        Some(slot)
    }

    /// The bytes that private copies hold, in progress or not.
    #[cfg(test)]
    pub(super) fn held(&self) -> u64 {
        self.0.bytes.budget().held(Account::Copies)
    }

    fn has_room(&self, size: u64, freed: Freed) -> bool {
        let Shared {
            memory,
            bytes,
            copies,
            ..
        } = &*self.0;
        let missing = size.saturating_sub(freed.bytes);
        bytes.has_room(Account::Copies, missing)
            && memory.has_room(Account::Copies, missing)
            && copies.has_room(Account::Copies, 1u64.saturating_sub(freed.copies))
    }

    fn charge(&self, size: u64) -> Option<CopySpace> {
        let Shared {
            memory,
            bytes,
            copies,
            ..
        } = &*self.0;
        Some(CopySpace {
            _memory: memory.charge(Account::Copies, size)?,
            _bytes: bytes.charge(Account::Copies, size)?,
            _copy: copies.charge(Account::Copies, 1)?,
        })
    }

    /// The slow copies in progress, oldest first.
    fn slow(&self) -> Vec<Rc<Slot>> {
        let in_progress = self.0.in_progress.borrow();
        let slots = in_progress.iter().filter_map(Weak::upgrade);
        slots
            .filter(|slot| slot.is_slow(self.0.now.get()))
            .collect()
    }

    /// Gives up the copy of the file with this mark, if it is slow.
    fn give_up_slow_copy_of(&self, mark: &Rc<Cell<bool>>) {
        if let Some(slot) = self.slow().iter().find(|slot| slot.is_of(mark)) {
            slot.held.take();
        }
    }

    /// Gives up as many slow copies as another one of `size` bytes needs, or none if all are not enough. Returns
    /// whether there is room.
    fn give_up_slow_copies(&self, size: u64) -> bool {
        let slow = self.slow();
        let all = Freed {
            bytes: slow.iter().map(|slot| slot.size).sum(),
            copies: slow.len() as u64,
        };
        if !self.has_room(size, all) {
            return false;
        }
        let mut slow = slow.into_iter();
        while !self.has_room(size, Freed::default())
            && let Some(slot) = slow.next()
        {
            slot.held.take();
        }
        true
    }
}

/// A copy of a file, or of its end, that a response makes.
pub(super) struct PendingCopy {
    original: Original,
    /// How many bytes of the end are copied at most.
    most: u64,
    copying: Copying,
    /// `None`: nothing that it needs was read.
    begun: Option<Begun>,
}

struct Begun {
    /// Where in the file the copy begins.
    first: u64,
    slot: Rc<Slot>,
}

/// Of which file a copy is made, and where it goes.
pub(super) struct Original {
    pub storage: CopyStorage,
    /// In bytes.
    pub size: u64,
    /// Whether a copy of the file is being made. At most one is made at a time.
    pub mark: Rc<Cell<bool>>,
    /// Receives the copy when it is complete.
    pub keep: Box<dyn FnOnce(PrivateCopy)>,
}

impl PendingCopy {
    /// Begins a copy of the whole file. `make_room` may evict other copies, and returns whether there is room.
    /// `None`: there is none, or the file is being copied.
    pub(super) fn of_whole(
        copying: &Copying,
        original: Original,
        make_room: impl FnOnce(HasRoom<'_>) -> bool,
    ) -> Option<PendingCopy> {
        let slot = copying.begin(&original, original.size, make_room)?;
        Some(PendingCopy {
            begun: Some(Begun { first: 0, slot }),
            most: original.size,
            copying: copying.clone(),
            original,
        })
    }

    /// A copy of the end, `most` bytes at most. It begins when a part of the end is read, if there is room then.
    pub(super) fn of_end(copying: &Copying, original: Original, most: u64) -> PendingCopy {
        PendingCopy {
            begun: None,
            most,
            copying: copying.clone(),
            original,
        }
    }

    /// Whether it needs bytes that the file has before `end`, so that these must be read.
    pub(super) fn needs(&self, end: u64) -> bool {
        let begun = self.begun.as_ref();
        begun.is_some_and(|begun| begun.first < end)
    }

    /// Appends `bytes`, which were read from the file at `offset`. Bytes that were appended before, or that
    /// stand before the end that is copied, are skipped. An error means that the copy must be dropped: there
    /// is a gap before `offset`, it has to give way, or there is no room for it.
    pub(super) fn append(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let first = self.original.size.saturating_sub(self.most).max(offset);
        let begun = match &mut self.begun {
            Some(begun) => begun,
            None if offset + bytes.len() as u64 <= first => return Ok(()),
            none => {
                let original = &self.original;
                let is_room = |has_room: HasRoom<'_>| has_room(Freed::default());
                let slot = self.copying.begin(original, original.size - first, is_room);
                let slot = slot.ok_or(ErrorKind::QuotaExceeded)?;
                none.insert(Begun { first, slot })
            }
        };
        let length = begun.slot.length.get();
        let skipped = (begun.first + length).checked_sub(offset);
        let skipped = skipped.ok_or(ErrorKind::InvalidInput)?;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let Some(new) = bytes.get(skipped..) else {
            return Ok(());
        };
        let mut held = begun.slot.held.borrow_mut();
        let held = held.as_mut().ok_or(ErrorKind::QuotaExceeded)?;
        held.content.append(new, length)?;
        begun.slot.length.set(length + new.len() as u64);
        Ok(())
    }

    /// Keeps the copy if it is complete. Call this only after a check that the file has not changed.
    pub(super) fn finish(self) {
        let Original { size, keep, .. } = self.original;
        if let Some(Begun { first, slot }) = self.begun
            && first + slot.length.get() == size
            && let Some(held) = slot.held.take()
            && held.content.seal().is_ok()
        {
            keep(PrivateCopy {
                content: held.content,
                first,
                size,
                _space: held.space,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    /// The copy of the `most` last bytes of a ten-byte file that is kept after `pieces` were read, each at its
    /// offset.
    fn kept_copy(storage: CopyStorage, most: u64, pieces: &[(&str, u64)]) -> Option<String> {
        let kept = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&kept);
        let keep = Box::new(move |copy| *slot.borrow_mut() = Some(copy));
        let original = Original {
            storage,
            size: 10,
            mark: Rc::default(),
            keep,
        };
        let unlimited = Allowance::unlimited;
        let copying = Copying::new(unlimited(), unlimited(), unlimited());
        let mut copy = match most {
            10 => PendingCopy::of_whole(&copying, original, |_| true).expect("room"),
            _ => PendingCopy::of_end(&copying, original, most),
        };
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
