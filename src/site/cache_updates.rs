//! What files in the cache have gained since it charged for them.

use std::cell::RefCell;
use std::rc::Rc;

use crate::semantics::coding::Coding;
use crate::site::file::StoredFile;
use crate::site::held::HeldBytes;
use crate::site::private::PrivateCopy;

/// Paths of files that have gained coded content or a copy that the cache has not charged yet.
#[derive(Clone, Default)]
pub struct CacheUpdates(Rc<RefCell<Vec<Box<[u8]>>>>);

impl CacheUpdates {
    /// Keeps the whole coded content with its file.
    pub fn keep(&self, file: &StoredFile, coding: Coding, bytes: Rc<HeldBytes>) {
        file.representation(coding).keep_coded(bytes);
        self.0.borrow_mut().push(file.path.clone());
    }

    /// Keeps a private copy with its file, unless the file already has one.
    pub(super) fn keep_copy(&self, file: &StoredFile, copy: PrivateCopy) {
        file.copy.get_or_init(|| Rc::new(copy));
        self.0.borrow_mut().push(file.path.clone());
    }

    /// The paths since the last call.
    pub(super) fn take(&self) -> Vec<Box<[u8]>> {
        self.0.take()
    }
}
