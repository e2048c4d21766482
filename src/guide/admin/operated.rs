//! The server as its operators see it.

use std::sync::Arc;

use crate::guide::admin::metrics::Facts;
use crate::observe::options::LogLevel;

/// The server that is operated.
pub trait Operated: Send + Sync {
    /// Whether load balancers should send clients elsewhere.
    fn is_leaving(&self) -> bool;

    /// A job that opens every root again. It may wait for a disk. `None` if the server is not running.
    fn look(&self) -> Option<Look>;

    /// The configuration in use, without secrets.
    fn config(&self) -> Arc<[u8]>;

    /// How much is logged; `None` if there is no log.
    fn log_level(&self) -> Option<LogLevel>;

    /// Changes how much is logged.
    fn set_log_level(&self, level: LogLevel);

    /// Asks the workers what their connections do.
    fn ask_workers(&self);

    /// Whether all workers have answered since.
    fn have_workers_answered(&self) -> bool;

    /// The numbers.
    fn facts(&self) -> Facts;
}

/// Opens every root. The error says which one cannot be opened, and why.
pub type Look = Box<dyn FnOnce() -> Result<(), String> + Send>;
