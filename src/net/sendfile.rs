//! When `sendfile` may send a file without a copy.
//!
//! It puts pages of the file itself into the socket. If someone writes to the file before the
//! client has read those pages, the client receives the new bytes. A page can wait in two places:
//!
//! ```text
//! sendfile -> send queue --------> receive queue -> the client reads
//!             until acknowledged   of a client on the same machine, also in another container
//! ```
//!
//! A client on another machine has a copy. Each queue has a limit, so once this process has sent as many
//! bytes of its own memory after the last page as both queues hold, no page of the file waits any more.
//! If the file is unchanged then, the client has received one representation.
//!
//! The limits are those of this network namespace. Two kinds of clients on the same machine can hold more:
//! one that takes pages out of its queue without reading them, such as a proxy that splices, and one with
//! the privilege to raise its own limits.

use std::fs;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::net::transport_error::TransportError;

/// The limits can be changed while the server runs, so they are read again after this time.
const STAYS_KNOWN: Duration = Duration::from_secs(1);

/// The kernel checks the limit of a queue before it adds a packet, not after. So each queue can exceed
/// its limit by a packet, which has at most 512 KiB.
const SLACK: u64 = 2 * 512 * 1024;

/// What a worker knows of `sendfile`.
#[derive(Debug, Default)]
pub struct Sendfile {
    /// The most bytes in flight, and until when that is known.
    in_flight: Option<(Option<u64>, Instant)>,
    is_refused: bool,
}

impl Sendfile {
    /// The most bytes of a response that wait in queues on this machine. `None` if that is not known.
    pub fn most_in_flight(&mut self, now: Instant) -> Option<u64> {
        match self.in_flight {
            Some((most, until)) if now < until => most,
            _ => {
                let most = read_most_in_flight();
                self.in_flight = Some((most, now + STAYS_KNOWN));
                most
            }
        }
    }

    /// Takes this for the most bytes in flight.
    #[cfg(test)]
    pub fn assume(&mut self, most: u64, now: Instant) {
        self.in_flight = Some((Some(most), now + STAYS_KNOWN));
    }

    /// Whether the system has refused `sendfile`.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Whether an error of `sendfile` means that the file must be read instead. Remembers if the system
    /// has no such call or a sandbox forbids it.
    pub fn is_refusal(&mut self, error: &TransportError) -> bool {
        let TransportError::Socket(error) = error else {
            return false;
        };
        match error.kind() {
            // The file system of this file does not offer it.
            ErrorKind::InvalidInput => true,
            ErrorKind::PermissionDenied | ErrorKind::Unsupported => {
                self.is_refused = true;
                true
            }
            _ => false,
        }
    }
}

/// The limits of the system. Only Linux has these files.
fn read_most_in_flight() -> Option<u64> {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/net/{name}")).ok();
    most_in_flight(
        &read("ipv4/tcp_wmem")?,
        &read("ipv4/tcp_rmem")?,
        &read("core/rmem_max")?,
    )
}

/// Both queues together. The kernel lets a send queue grow to the last number of `tcp_wmem`, because
/// docroot does not set its size. A receive queue grows to the last number of `tcp_rmem`, or has the size
/// that the client wants, at most twice `rmem_max`. Each counts more than the bytes of its packets. See
/// tcp(7) and socket(7).
fn most_in_flight(tcp_wmem: &str, tcp_rmem: &str, rmem_max: &str) -> Option<u64> {
    let send_queue = last_number(tcp_wmem)?;
    let receive_queue = last_number(tcp_rmem)?.max(last_number(rmem_max)?.checked_mul(2)?);
    send_queue.checked_add(receive_queue)?.checked_add(SLACK)
}

fn last_number(text: &str) -> Option<u64> {
    text.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use std::io;

    #[test]
    fn both_queues_count_with_the_most_that_they_can_hold() {
        let most =
            |rmem_max| most_in_flight("4096\t16384\t4000000\n", "4096 131072 6000000", rmem_max);
        assert_eq!(most("212992\n"), Some(10_000_000 + SLACK));
        assert_eq!(most("4000000"), Some(12_000_000 + SLACK));
        for unknown in ["", "x", "-1", "18446744073709551615"] {
            assert_eq!(most(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_limits_are_read_again_after_a_while() {
        let now = crate::net::clock::instant();
        let mut sendfile = Sendfile::default();
        let real = sendfile.most_in_flight(now);
        assert_eq!(real.is_some(), cfg!(target_os = "linux"));
        sendfile.assume(1, now);
        assert_eq!(sendfile.most_in_flight(now), Some(1));
        assert_eq!(sendfile.most_in_flight(now + STAYS_KNOWN), real);
    }

    #[test]
    fn only_a_refusal_of_the_call_makes_the_file_be_read() {
        let mut sendfile = Sendfile::default();
        let mut check = |errno: Errno, is_refusal: bool, is_refused: bool| {
            let error = io::Error::from(errno).into();
            assert_eq!(sendfile.is_refusal(&error), is_refusal, "{errno}");
            assert_eq!(sendfile.is_refused(), is_refused, "{errno}");
        };
        check(Errno::CONNRESET, false, false);
        check(Errno::INVAL, true, false);
        check(Errno::NOSYS, true, true);
    }
}
