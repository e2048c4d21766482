//! The limit of open files: whether it lets the server serve at all, and what is kept for files.

use std::os::fd::{AsRawFd, RawFd};

use crate::net::config::{Admin, Config};
use crate::net::limits::{descriptor_limit, kept_for_files};
use crate::net::privileges::confine;
use crate::net::privileges::options::Landlock;
use crate::net::served::Served;
use crate::net::start_error::StartError;
use crate::observe::log::Log;
use crate::observe::process::ProcessFiles;
use crate::site::root::LinkPolicy;

/// For one connection: its socket, a directory that is listed, and two directories on the way to the
/// target of a link.
const CONNECTION: usize = 4;

/// The most connections of the admin listener. A scraper and a load balancer need one each. Their descriptors are kept
/// for it, so that clients of the site cannot take them.
pub const ADMIN_CONNECTIONS: usize = 16;

/// A listener, and both ends of what wakes its acceptor.
const LISTENER: usize = 3;

/// A worker's poller, and what wakes it.
const WORKER: usize = 2;

const ROOT: usize = 1;

/// The directory `/`, from which links that lead out of the root are followed. Also needed for a single
/// file, whose name may be such a link.
const TOP: usize = 1;

/// The error log. While it is opened again, the old file stays open.
const ERROR_LOG: usize = 2;

/// The input, the output and the errors.
const STANDARD_STREAMS: u64 = 3;

/// Whether a new connection may have one of the descriptors that are left.
///
/// A new socket gets the lowest free number. So number `n` says that `n` descriptors are in use, whatever
/// for: sockets, files, directories or private copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketNumbers {
    /// The number from which on a connection is refused.
    refused: u64,
    /// The number from which on it is closed without a response, because even a response takes a
    /// descriptor for a while.
    closed: u64,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It is served.
    Served,
    /// It gets a response that says to come back.
    Refused,
    /// It is closed.
    Closed,
}

impl SocketNumbers {
    /// Every connection is served.
    pub const ALL: SocketNumbers = SocketNumbers {
        refused: u64::MAX,
        closed: u64::MAX,
    };

    /// The rule under the limit of this process, of which as many descriptors are `reserved` for others. Call this
    /// when the server has opened what it needs for itself.
    pub fn of_process(reserved: usize) -> SocketNumbers {
        let limit = descriptor_limit();
        let left = limit.saturating_sub(reserved as u64);
        SocketNumbers::under(left, open_below(limit))
    }

    fn under(limit: u64, open: u64) -> SocketNumbers {
        let kept = kept_for_files(limit.saturating_sub(open));
        SocketNumbers {
            refused: limit.saturating_sub(kept),
            closed: limit.saturating_sub(kept / 2),
        }
    }

    /// Decides about a connection by its socket, which was accepted just now.
    pub fn of(self, socket: &impl AsRawFd) -> Admitted {
        self.of_number(socket.as_raw_fd())
    }

    fn of_number(self, number: RawFd) -> Admitted {
        match u64::try_from(number).unwrap_or_default() {
            number if number >= self.closed => Admitted::Closed,
            number if number >= self.refused => Admitted::Refused,
            _ => Admitted::Served,
        }
    }
}

/// Fails if the root cannot be served, or if the server could not serve even one connection. The program
/// needs `others` descriptors beside those of the server. Call this before anything is opened.
pub fn check(config: &Config, others: usize) -> Result<(), StartError> {
    let allowed = descriptor_limit();
    let roots = config.roots().into_iter().map(Served::find);
    let links = roots.map(|served| Ok(served?.links(&config.site)));
    let links = links.collect::<Result<Vec<LinkPolicy>, StartError>>()?;
    let needed = open_below(allowed) + (needed(config, &links) + others) as u64;
    match needed <= allowed {
        true => Ok(()),
        false => Err(StartError::TooFewDescriptors { needed, allowed }),
    }
}

/// How many descriptors the server opens for one connection and for itself. An optional address counts
/// although the machine may lack it.
fn needed(config: &Config, links: &[LinkPolicy]) -> usize {
    let bind = &config.bind;
    let addresses = bind.required.len() + bind.optional.len() + bind.sockets.len();
    let is_redirecting = config
        .tls
        .as_ref()
        .is_some_and(|tls| tls.redirect.is_some());
    let services = 1 + usize::from(is_redirecting);
    let admin = config.admin.as_ref().map_or(0, of_admin);
    let confined = match config.privileges.landlock {
        Landlock::Off => 0,
        Landlock::Auto | Landlock::Require => confine::DESCRIPTORS,
    };
    let roots = links
        .iter()
        .map(|links| ROOT + TOP * usize::from(links.outside));
    roots.sum::<usize>()
        + LISTENER * addresses * services
        + WORKER * config.threads.max(1)
        + Log::descriptors(&config.log)
        + ERROR_LOG * usize::from(config.error_log.is_some())
        + confined
        + admin
        + CONNECTION
}

/// How many descriptors are kept for connections of operators.
pub fn kept_for_admin(config: &Config) -> usize {
    config.admin.as_ref().map_or(0, |_| ADMIN_CONNECTIONS)
}

/// How many descriptors the administrative service opens: its listeners, its worker, and its connections.
fn of_admin(admin: &Admin) -> usize {
    let listeners = admin.bind.addresses().count() + admin.bind.sockets.len();
    LISTENER * listeners + WORKER + ROOT + ProcessFiles::DESCRIPTORS + ADMIN_CONNECTIONS
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: u64, refused: RawFd, closed: RawFd) {
        let numbers = SocketNumbers::under(limit, 14);
        let decide = |number: RawFd| numbers.of_number(number);
        assert_eq!(decide(refused - 1), Admitted::Served, "{limit}");
        assert_eq!(decide(refused), Admitted::Refused, "{limit}");
        assert_eq!(decide(closed - 1), Admitted::Refused, "{limit}");
        assert_eq!(decide(closed), Admitted::Closed, "{limit}");
    }

    #[test]
    fn the_last_descriptors_are_kept_for_files() {
        check(18, 15, 17); // one connection is served
        check(64, 58, 61);
        check(1024, 898, 961);
        check(20_000, 19_744, 19_872);
        let unlimited = SocketNumbers::under(u64::MAX, 0);
        assert_eq!(unlimited.of_number(RawFd::MAX), Admitted::Served);
        assert_eq!(SocketNumbers::under(3, 3).of_number(3), Admitted::Closed);
    }
}
