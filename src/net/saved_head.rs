//! The saved head of a request that cannot be answered at once.

use crate::http1::check::{CheckedHead, check};
use crate::http1::limits::HeadLimits;
use crate::http1::parse;
use crate::semantics::field::FieldLine;
use crate::semantics::trace::Trace;
use crate::site::storage::Storage;

/// No limits. The head was within those of its time, which may be lower now.
const PASSED: HeadLimits = HeadLimits {
    target: usize::MAX,
    head: usize::MAX,
    fields: usize::MAX,
};

/// The bytes of a request head. It is parsed again each time it is needed.
pub struct SavedHead {
    bytes: Storage,
}

impl SavedHead {
    /// Copies a head that was parsed and checked before.
    pub fn of(head: &[u8]) -> SavedHead {
        SavedHead {
            bytes: Storage::copy_of(&[head]),
        }
    }

    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        self.bytes.cost()
    }

    /// Parses the head and passes it to `act`. `None` would be a bug, because the head passed the
    /// same parser and checks before.
    pub fn read<T>(
        &self,
        lines: &mut Vec<FieldLine>,
        act: impl FnOnce(&CheckedHead<'_>) -> T,
    ) -> Option<T> {
        let mut progress = parse::ParseState::default();
        let head = parse::request_head(&self.bytes, &mut progress, lines, &PASSED);
        // The first check has added the steps.
        let checked = check(&head.ok()??, &mut Trace::off()).ok()?;
        Some(act(&checked))
    }
}
