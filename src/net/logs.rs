//! The files of the logs that a configuration names: of the access log, and of what docroot says of itself.

#[cfg(feature = "live-reload")]
use std::os::unix::ffi::OsStringExt;
#[cfg(feature = "live-reload")]
use std::path::Path;
use std::sync::Arc;

use crate::net::clock::{self, Now};
use crate::net::config::Config;
use crate::net::privileges::user::numbers;
use crate::net::start_error::StartError;
use crate::observe::log::{Log, Reopenings};
use crate::observe::log_file::LogName;
use crate::observe::metrics::Counters;
use crate::observe::notice;
use crate::text::calendar::TimeFormat;

/// The option that names the file of the access log.
const ACCESS: &str = "--log-file";

/// The option that names the file of the error log.
const ERRORS: &str = "--error-log";

/// The file of the access log, if there is one.
fn access(config: &Config) -> Option<LogName> {
    let path = config.log.file.as_deref()?;
    Some(LogName::new(ACCESS, path))
}

/// The file of the error log, if there is one.
fn errors(config: &Config) -> Option<LogName> {
    let path = config.error_log.as_deref()?;
    Some(LogName::new(ERRORS, path))
}

/// The files of all logs.
pub fn names(config: &Config) -> impl Iterator<Item = LogName> {
    access(config).into_iter().chain(errors(config))
}

/// The files of all logs that are in a directory, as paths below it.
#[cfg(feature = "live-reload")]
pub(super) fn below(config: &Config, directory: &Path) -> Vec<Vec<u8>> {
    let Ok(directory) = directory.canonicalize() else {
        return Vec::new();
    };
    let real = names(config).filter_map(|name| name.real_path());
    let below = real.filter_map(|path| Some(path.strip_prefix(&directory).ok()?.to_owned()));
    below.map(|path| path.into_os_string().into_vec()).collect()
}

/// Opens the error log, if there is one. From now on, notices go there. The process may still be root. The user that it
/// will become gets the file if it is new, to open it again after it was renamed.
pub fn open_error_log(config: &Config) -> Result<(), StartError> {
    let Some(name) = errors(config) else {
        return Ok(());
    };
    let user = config.privileges.user.as_ref();
    let user = user.map(numbers).transpose().map_err(StartError::User)?;
    let file = name.open(clock::instant).map_err(StartError::Log)?;
    if let Some((user, group)) = user {
        file.give_to(user, group);
    }
    let zone = config.log.zone.clone();
    let time = move || zone.format(Now::read().system, TimeFormat::Rfc3339);
    notice::use_error_log(file, move || time().to_string());
    Ok(())
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
