//! The server as its operators see it.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::guide::admin::metrics::Facts;
use crate::observe::options::{LogLevel, NoSuchLevel};
use crate::observe::topic::Reader;
use crate::site::disk::FileSystem;

/// The server that is operated.
pub trait Operated: Send + Sync {
    /// Whether load balancers should send clients elsewhere.
    fn is_leaving(&self) -> bool;

    /// How to look at every root. `None` if the server has not started, or has ended.
    fn looks(&self) -> Option<Vec<Look>>;

    /// The configuration in use, without secrets.
    fn config(&self) -> Arc<[u8]>;

    /// How much is logged; `None` if there is no log.
    fn log_level(&self) -> Option<LogLevel>;

    /// Changes how much is logged, and tells the operator. `None` if the server has not started, or has ended.
    fn set_log_level(&self, level: LogLevel) -> Option<Result<(), NoSuchLevel>>;

    /// Asks the workers what their connections do. What is returned has an item for each answer from `now` on; `None`
    /// if there is no worker.
    fn ask_workers(&self, now: Instant, waker: Waker) -> Option<Reader<()>>;

    /// Whether all workers have answered since.
    fn have_workers_answered(&self) -> bool;

    /// The numbers.
    fn facts(&self) -> Facts;
}

/// How to look at a root.
pub struct Look {
    /// The root, for operators.
    pub root: String,
    /// What may hang alone: this root, as the current configuration has it.
    pub hangs_alone: FileSystem,
    /// Opens it again. It may wait for a disk. The error names the root too.
    pub open: Box<dyn FnOnce() -> Result<(), String> + Send>,
}
