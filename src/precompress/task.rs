//! What is to be done, and what came of it.

use std::sync::Arc;

use super::fault::Fault;
use crate::semantics::coding::Coding;

/// A sidecar to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// The path of the folder below the root. It is empty, or ends in a slash.
    pub folder: Arc<[u8]>,
    /// The name of the original.
    pub name: Vec<u8>,
    /// What the sidecar adds to the name, without a dot.
    pub extension: &'static str,
    /// Its coding.
    pub coding: Coding,
    /// Whether there is one that certainly does not hold the content of the original.
    pub replaces_wrong: bool,
}

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// A task was found.
    Found,
    /// So many sidecars are up to date.
    UpToDate(u64),
    /// A task was done.
    Did(Coding, Outcome),
    /// A sidecar, or what was left of writing one, was removed.
    Removed,
    /// Something could not be done. The rest goes on.
    Failed(Fault),
}

/// What came of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The sidecar was written.
    Written {
        /// The size of the original, in bytes.
        before: u64,
        /// The size of the sidecar.
        after: u64,
    },
    /// It would not be smaller by 2 %.
    NoGain {
        /// Whether one that is certainly wrong was removed.
        removed: bool,
    },
}

impl Task {
    /// The path of the original below the root.
    pub fn path(&self) -> Vec<u8> {
        [&*self.folder, &*self.name].concat()
    }

    /// The name of the sidecar.
    pub fn sidecar(&self) -> Vec<u8> {
        sidecar_name(&self.name, self.extension)
    }
}

/// The name of the sidecar that has this extension.
pub(super) fn sidecar_name(name: &[u8], extension: &str) -> Vec<u8> {
    [name, b".", extension.as_bytes()].concat()
}
