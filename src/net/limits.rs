//! How much a client may ask for, and how long it may take: each default with its reason.

use std::time::Duration;

use crate::site::options::SiteOptions;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::semantics::range;

/// Bounds on what a client may make the server hold or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; one more is answered 503. Default: [`max_connections`].
    pub max_connections: usize,
    /// Bytes of a request's head, request line and fields together; beyond it, 431.
    pub max_head: usize,
    /// Bytes of a request target; beyond it, 414.
    pub max_target: usize,
    /// Field lines in a head; beyond it, 431.
    pub max_fields: usize,
    /// Bytes of a request body that are read and thrown away to keep the connection; beyond it,
    /// the connection is closed.
    pub max_body: u64,
    /// Ranges in one `Range` field; beyond it, the field is ignored (RFC 9110 section 14.2).
    pub max_ranges: usize,
    /// Bytes a second that a client must take of its answer, measured over
    /// [`Deadlines::send`]; 0 asks for nothing.
    pub min_rate: u64,
}

impl Limits {
    /// 16 KiB: browsers send 1 to 2 KiB, and cookies rarely push it past 8.
    pub const MAX_HEAD: usize = 16 << 10;
    /// 8 KiB: RFC 9110 section 4.1 recommends to support at least 8000 octets.
    pub const MAX_TARGET: usize = 8 << 10;
    /// 100 lines: a browser sends about 15, a chain of proxies adds its own.
    pub const MAX_FIELDS: usize = 100;
    /// 1 MiB: a form sent here by mistake is drained; an upload costs less as a new connection.
    pub const MAX_BODY: u64 = 1 << 20;
    /// 32 ranges: a PDF reader asks for a handful; hundreds are an attack (section 17.15).
    pub const MAX_RANGES: usize = range::MAX_RANGES;
    /// 2 KiB/s: a quarter of the slowest mobile link in use, so only those who stall fall below.
    pub const MIN_RATE: u64 = 2 << 10;

    /// The defaults, with as many connections as `descriptors` open files allow.
    pub fn for_descriptors(descriptors: u64) -> Limits {
        Limits {
            max_connections: max_connections(descriptors),
            max_head: Limits::MAX_HEAD,
            max_target: Limits::MAX_TARGET,
            max_fields: Limits::MAX_FIELDS,
            max_body: Limits::MAX_BODY,
            max_ranges: Limits::MAX_RANGES,
            min_rate: Limits::MIN_RATE,
        }
    }
}

/// How long a client may take. Every wait of the server ends by one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a TLS handshake, from the connection's first moment.
    pub handshake: Duration,
    /// For a whole request head, from its first byte: 408 after it. Also for the first byte of a
    /// connection's first request.
    pub head: Duration,
    /// For a request body that is drained.
    pub body: Duration,
    /// Between requests on a connection that is kept open.
    pub idle: Duration,
    /// The window over which [`Limits::min_rate`] must be met while an answer is sent.
    pub send: Duration,
    /// For the client to read its last answer and close (RFC 9112 section 9.6).
    pub linger: Duration,
    /// At shutdown, for the answers that were begun.
    pub drain: Duration,
}

impl Deadlines {
    /// 10 s: two round trips and some arithmetic; a phone on its edge of the network needs 2.
    pub const HANDSHAKE: Duration = Duration::from_secs(10);
    /// 10 s: a head is one packet or a few; slower than this is a slowloris.
    pub const HEAD: Duration = Duration::from_secs(10);
    /// 10 s: 1 MiB within it takes 100 KiB/s, and the body is thrown away in any case.
    pub const BODY: Duration = Duration::from_secs(10);
    /// 60 s: a reader turns a page within it, and an idle connection costs almost nothing.
    pub const IDLE: Duration = Duration::from_secs(60);
    /// 30 s: long enough for a train to leave its tunnel.
    pub const SEND: Duration = Duration::from_secs(30);
    /// 2 s: several round trips on any link, so that the last answer is not lost to a reset.
    pub const LINGER: Duration = Duration::from_secs(2);
    /// 10 s: what service managers grant before they kill (Docker's default).
    pub const DRAIN: Duration = Duration::from_secs(10);
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines {
            handshake: Deadlines::HANDSHAKE,
            head: Deadlines::HEAD,
            body: Deadlines::BODY,
            idle: Deadlines::IDLE,
            send: Deadlines::SEND,
            linger: Deadlines::LINGER,
            drain: Deadlines::DRAIN,
        }
    }
}

/// Connections to allow where `descriptors` files may be open.
///
/// 64 are kept for the listeners, pollers, standard streams and a browser being started, and those
/// of [`max_copies`]. Half of the rest, because a large download holds its file beside its socket.
/// At most [`MOST_CONNECTIONS`].
pub fn max_connections(descriptors: u64) -> usize {
    let reserved = RESERVED_DESCRIPTORS + max_copies(descriptors);
    let pairs = descriptors.saturating_sub(reserved) / 2;
    usize::try_from(pairs).map_or(MOST_CONNECTIONS, |pairs| pairs.clamp(1, MOST_CONNECTIONS))
}

/// Private copies of large files to keep where `descriptors` files may be open: a sixteenth of
/// them, at most [`SiteOptions::MAX_COPIES`].
pub fn max_copies(descriptors: u64) -> u64 {
    (descriptors / 16).min(SiteOptions::MAX_COPIES)
}

/// The most connections by default, however many descriptors there are: with each of them in the
/// middle of the longest head, they hold 256 MiB; in the middle of the longest TLS handshake,
/// 512 MiB.
pub const MOST_CONNECTIONS: usize = 16_384;

const RESERVED_DESCRIPTORS: u64 = 64;

/// Raises the soft limit of open files to the hard one and returns what it then is.
///
/// The soft limit is 1,024 almost everywhere, for the sake of programs that call `select`; this
/// one does not. A limit that cannot be raised is left as it is.
pub fn raise_descriptor_limit() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => now.maximum,
        Err(_) => now.current,
    };
    limit.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(descriptors: u64, want: usize) {
        assert_eq!(max_connections(descriptors), want, "{descriptors}");
    }

    #[test]
    fn connections_leave_room_for_files() {
        check(0, 1); // never none: a server that refuses everybody is of no use
        check(64, 1);
        check(70, 1);
        check(72, 2);
        check(256, 88);
        check(1024, 448);
        check(32_895, 16_383);
        check(32_896, 16_384);
        check(u64::MAX, 16_384);
    }

    #[test]
    fn the_limit_is_never_lowered() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(raise_descriptor_limit() >= before);
    }
}
