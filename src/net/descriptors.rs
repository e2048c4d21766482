//! Whether the limit of open files lets the server serve at all.

use rustix::process::{Resource, getrlimit};

use crate::net::config::Config;
use crate::net::start_error::StartError;
use crate::observe::log::Log;

/// For one connection: its socket, a directory that is listed, and two directories on the way to the
/// target of a link.
const CONNECTION: usize = 4;

/// A listener, and the next client's socket. While `accept` waits, the kernel keeps a number for it.
const LISTENER: usize = 2;

/// A worker's poller, and what wakes it.
const WORKER: usize = 2;

const ROOT: usize = 1;

/// The directory `/`, from which links that lead out of the root are followed.
const TOP: usize = 1;

/// The input, the output and the errors.
const STANDARD_STREAMS: u64 = 3;

/// Fails if the server could not serve even one connection. The program needs `others` descriptors
/// beside those of the server. Call this before anything is opened.
pub fn check(config: &Config, others: usize) -> Result<(), StartError> {
    let Some(allowed) = getrlimit(Resource::Nofile).current else {
        return Ok(());
    };
    let needed = open_below(allowed) + (needed(config) + others) as u64;
    match needed <= allowed {
        true => Ok(()),
        false => Err(StartError::TooFewDescriptors { needed, allowed }),
    }
}

/// How many descriptors the server opens for one connection and for itself. An optional address counts
/// although the machine may lack it.
fn needed(config: &Config) -> usize {
    let addresses = config.bind.required.len() + config.bind.optional.len();
    let is_redirecting = config
        .tls
        .as_ref()
        .is_some_and(|tls| tls.redirect.is_some());
    let services = 1 + usize::from(is_redirecting);
    ROOT + TOP * usize::from(config.site.follow_symlinks)
        + LISTENER * addresses * services
        + WORKER * config.threads.max(1)
        + Log::descriptors(config.log)
        + CONNECTION
}

/// How many descriptors are open already, such as those that the parent has left open. Those beyond
/// the limit take nothing from it.
#[cfg(target_os = "linux")]
fn open_below(limit: u64) -> u64 {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return STANDARD_STREAMS;
    };
    let number =
        |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let open = entries
        .filter_map(number)
        .filter(|&number: &u64| number < limit);
    // One of them reads this directory.
    (open.count() as u64).saturating_sub(1)
}

/// Other systems have no common way to list them.
#[cfg(not(target_os = "linux"))]
fn open_below(_limit: u64) -> u64 {
    STANDARD_STREAMS
}
