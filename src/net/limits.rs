//! How much a client may ask for, and how long it may take. Each default has its reason beside it.

use std::time::Duration;

use rlimit::Resource;

use crate::http1::limits::HeadLimits;
use crate::semantics::range;
use crate::site::options::SiteOptions;

/// Limits on what one client may ask for. The memory that all responses under way hold together has a
/// limit of its own: [`SiteOptions::memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that may be open at once. One more is refused with 503, unless another one gives way to it. A
    /// lower limit of open files takes precedence.
    pub max_connections: usize,
    /// Bytes of a request head: request line and fields together. Beyond it, 431.
    pub max_head: usize,
    /// Bytes of a request target. Beyond it, 414.
    pub max_target: usize,
    /// Field lines in a head. Beyond it, 431.
    pub max_fields: usize,
    /// Bytes of a request body that are read and discarded to keep the connection open. Beyond it,
    /// the connection is closed.
    pub max_body: u64,
    /// Ranges in one `Range` field. Beyond it, the field is ignored (RFC 9110 section 14.2).
    pub max_ranges: usize,
    /// Bytes per second of a response that a client must read, averaged over [`Deadlines::send`].
    /// With 0, one byte in that time is enough.
    pub min_rate: u64,
}

impl Limits {
    /// 1 MiB: enough for a form. For a longer body, a new connection costs less than reading it.
    const MAX_BODY: u64 = 1 << 20;
    /// 32 ranges: a PDF reader asks for a few. Hundreds are an attack (RFC 9110 section 17.15).
    pub const MAX_RANGES: usize = range::MAX_RANGES;
    /// 2 KiB/s: a quarter of the slowest mobile link in use, so only stalled clients are slower.
    const MIN_RATE: u64 = 2 << 10;

    /// 16,384 connections. An idle connection takes some 500 bytes. If fewer descriptors are left for
    /// connections, the acceptor allows fewer, see [`kept_for_files`].
    pub const MAX_CONNECTIONS: usize = 16_384;
}

impl Limits {
    /// The limits of a head.
    pub fn of_head(&self) -> HeadLimits {
        HeadLimits {
            target: self.max_target,
            head: self.max_head,
            fields: self.max_fields,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: Limits::MAX_CONNECTIONS,
            max_head: HeadLimits::DEFAULT.head,
            max_target: HeadLimits::DEFAULT.target,
            max_fields: HeadLimits::DEFAULT.fields,
            max_body: Limits::MAX_BODY,
            max_ranges: Limits::MAX_RANGES,
            min_rate: Limits::MIN_RATE,
        }
    }
}

/// How long a client may take.
///
/// While an answer waits for the server itself, no deadline applies, because the client can do nothing
/// about it. The connection ends if the client resets it. A client that closes, or whose machine
/// vanishes, is noticed too: see [`Deadlines::idle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a TLS handshake, from the start of the connection.
    pub handshake: Duration,
    /// For a whole request head, from its first byte. After it, 408. Also for the first byte on a new
    /// connection; then the connection is closed.
    pub head: Duration,
    /// For a request body, whether the server discards it or a handler takes it. All waits for its
    /// bytes together may last this long. After it, 408. If the handler itself waits or works, that
    /// time does not count.
    pub body: Duration,
    /// For the next request on a connection that is kept open. After an upgrade, for the next byte in
    /// either direction. If an answer waits, the kernel probes the client after this time.
    pub idle: Duration,
    /// The time over which [`Limits::min_rate`] is averaged while a response is sent.
    pub send: Duration,
    /// For the client to read the last response and close (RFC 9112 section 9.6).
    pub linger: Duration,
    /// At shutdown, for the responses that were begun, and for conversations after an upgrade.
    pub drain: Duration,
}

impl Deadlines {
    /// 10 s: a phone with bad reception needs 2 s for the two round trips and the cryptography.
    const HANDSHAKE: Duration = Duration::from_secs(10);
    /// 10 s: a head is a few packets. A client that needs longer is a slowloris attack.
    const HEAD: Duration = Duration::from_secs(10);
    /// 10 s: enough for 1 MiB at 100 KiB/s.
    pub const BODY: Duration = Duration::from_secs(10);
    /// 75 s: longer than the 60 s of widespread load balancers. If both closed at once, a request could
    /// arrive at a connection that the server has just closed. An idle connection costs little.
    pub const IDLE: Duration = Duration::from_secs(75);
    /// 30 s: enough to survive a short loss of the network, such as in a tunnel.
    const SEND: Duration = Duration::from_secs(30);
    /// 2 s: several round trips on most links, so a reset does not destroy the last response.
    const LINGER: Duration = Duration::from_secs(2);
    /// 10 s: the time that Docker gives a process by default before it kills it.
    const DRAIN: Duration = Duration::from_secs(10);
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

/// Of the descriptors that the server does not need for itself, how many are kept for files,
/// directories and private copies: an eighth. At least three, for one response: a directory that is
/// listed, and two directories on the way to the target of a link. At most 256: that many responses open
/// their files at once, and others wait for a moment.
pub fn kept_for_files(free: u64) -> u64 {
    (free / 8).clamp(3, 256)
}

/// The soft limit of open files almost everywhere, because `select` cannot handle more.
const USUAL_LIMIT: u64 = 1024;

/// How many private copies of large files to keep if `descriptors` files may be open: a sixteenth of
/// them, at most [`SiteOptions::MAX_COPIES`].
pub fn max_copies(descriptors: u64) -> u64 {
    (descriptors / 16).min(SiteOptions::MAX_COPIES)
}

/// How many files the process may have open, whatever the reason. If a sandbox forbids to ask, this is the
/// limit that almost every process has.
pub fn descriptor_limit() -> u64 {
    Resource::NOFILE.get().map_or(USUAL_LIMIT, |(soft, _)| soft)
}

/// Raises the soft limit of open files to the hard limit. Returns the soft limit after that.
///
/// docroot does not call `select`, for which the soft limit is so low. If the limit cannot be raised, it
/// stays as it is.
pub fn raise_descriptor_limit() -> u64 {
    if let Ok((_, hard)) = Resource::NOFILE.get() {
        // If this fails, the limit is read as it was.
        let _ = Resource::NOFILE.set(hard, hard);
    }
    descriptor_limit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_never_lowered() {
        let before = descriptor_limit();
        assert!(raise_descriptor_limit() >= before);
    }
}
