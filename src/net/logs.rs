//! The files of the logs that a configuration names.

use std::sync::Arc;

use crate::net::clock;
use crate::net::config::Config;
use crate::net::start_error::StartError;
use crate::observe::log::{Log, Reopenings};
use crate::observe::log_file::LogName;
use crate::observe::metrics::Counters;

/// The option that names the file of the access log.
const ACCESS: &str = "--log-file";

/// The file of the access log, if there is one.
fn access(config: &Config) -> Option<LogName> {
    let path = config.log.file.as_deref()?;
    Some(LogName::new(ACCESS, path))
}

/// The files of all logs.
pub fn names(config: &Config) -> impl Iterator<Item = LogName> {
    access(config).into_iter()
}

/// Starts the access log: to its file, or to the standard output.
pub fn start(
    config: &Config,
    reopenings: Reopenings,
    counters: Arc<Counters>,
) -> Result<Log, StartError> {
    let options = config.log.clone();
    let log = match access(config) {
        Some(name) => {
            let file = name.open(clock::instant).map_err(StartError::Log)?;
            Log::to_file(options, file, reopenings, counters)
        }
        None => Log::to_standard_output(options, counters),
    };
    log.map_err(|fault| StartError::System("the access log", fault))
}
