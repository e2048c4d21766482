//! The socket: the only file that moves bytes between this process and a client.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// A client's socket in non-blocking mode.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// There may be more to read.
    readable: bool,
    /// The client will send no more. Then a short read does not mean that the socket is empty,
    /// because the end is still to be read.
    hung_up: bool,
    /// The kernel probes the client.
    is_probed: bool,
    traffic: Traffic,
}

/// Bytes that crossed a socket in a part of a turn, which moves a few MiB at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the client.
    pub received: u32,
    /// To the client: bytes that the socket took.
    pub sent: u32,
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// This many bytes, at least one.
    Bytes(usize),
    /// Only TLS records without content, or a part of a record. There may be more to read.
    Overhead,
    /// Nothing: the socket is not readable now.
    Nothing,
    /// The client will send no more.
    End(End),
}

/// How the client's bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Orderly,
    /// Without close_notify in a TLS session. An attacker may have truncated the bytes (RFC 8446
    /// section 6.1).
    Truncated,
}

/// Whether the socket took everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is left.
    All,
    /// The socket is full. The poller says when it has room.
    Blocked,
}

/// Whether more bytes follow at once. If so, the kernel may wait to fill the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// More bytes follow at once.
    Follows,
    /// Send now.
    No,
}

impl Socket {
    /// Takes over a socket that is in non-blocking mode.
    pub fn new(stream: TcpStream) -> Socket {
        Socket {
            stream,
            readable: true,
            hung_up: false,
            is_probed: false,
            traffic: Traffic::default(),
        }
    }

    /// The descriptor, for the poller.
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Notes an event of the poller.
    pub fn ready(&mut self, readable: bool, hung_up: bool) {
        self.readable |= readable;
        self.hung_up |= hung_up;
    }

    /// Whether there may be more to read.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// Whether there is a byte to read.
    pub fn has_input(&self) -> bool {
        matches!(self.stream.peek(&mut [0]), Ok(1))
    }

    /// Whether the client will send no more.
    pub fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// From now on, the kernel probes the client `after` this time without traffic, and then every 10
    /// seconds. If the client's machine has gone or no longer knows the connection, the socket fails.
    pub fn probe(&mut self, after: Duration) {
        if !std::mem::replace(&mut self.is_probed, true) {
            // It fails if the socket is not a TCP socket. Then the kernel knows when the client is gone.
            let _ = set_probes(&self.stream, after);
        }
    }

    /// The bytes that crossed the socket since the last call.
    pub fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// Reads once.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Input> {
        if !self.readable {
            return Ok(Input::Nothing);
        }
        match unless_blocked(retry(|| self.stream.read(buffer)))? {
            Some(0) => Ok(Input::End(End::Orderly)),
            Some(count) => {
                // The poller is edge-triggered. A short read has emptied the socket, unless the
                // client's end came in the same event.
                self.readable = count == buffer.len() || self.hung_up;
                self.traffic.received = self.traffic.received.saturating_add(count as u32);
                Ok(Input::Bytes(count))
            }
            None => {
                self.readable = false;
                Ok(Input::Nothing)
            }
        }
    }

    /// Writes as much as the socket takes. `None` if it is full.
    pub fn write(&mut self, bytes: &[u8], more: More) -> io::Result<Option<usize>> {
        let sent = retry(|| send(&self.stream, bytes, more));
        self.count(sent)
    }

    /// Writes two pieces in one call. `None` if the socket is full.
    pub fn write_both(&mut self, first: &[u8], second: &[u8]) -> io::Result<Option<usize>> {
        let pieces = [IoSlice::new(first), IoSlice::new(second)];
        let sent = retry(|| self.stream.write_vectored(&pieces));
        self.count(sent)
    }

    /// Sends up to `count` bytes of `file` from `offset` without copying them through this process.
    /// 0 means that the file has no bytes at `offset`. `None` if the socket is full.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
    ) -> io::Result<Option<usize>> {
        let sent = retry(|| send_file(&self.stream, file, offset, count));
        self.count(sent)
    }

    /// Shuts down the sending direction. The client's bytes can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Makes the close a reset, so that the client does not take it for an orderly end.
    pub fn abort(&mut self) {
        // If this fails, the socket is closed already, or a sandbox refuses it. Then the end is orderly, and
        // the response is shorter than its length, or lacks its last chunk.
        let _ = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
    }

    fn count(&mut self, sent: io::Result<usize>) -> io::Result<Option<usize>> {
        let sent = unless_blocked(sent)?;
        let count = sent.unwrap_or_default() as u32;
        self.traffic.sent = self.traffic.sent.saturating_add(count);
        Ok(sent)
    }
}

/// How many bytes a call moved. `None` if it would have blocked.
fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(target_os = "linux")]
fn send(stream: &TcpStream, bytes: &[u8], more: More) -> io::Result<usize> {
    use rustix::net::SendFlags;
    let flags = match more {
        More::Follows => SendFlags::NOSIGNAL | SendFlags::MORE,
        More::No => SendFlags::NOSIGNAL,
    };
    Ok(rustix::net::send(stream, bytes, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn send(mut stream: &TcpStream, bytes: &[u8], _more: More) -> io::Result<usize> {
    stream.write(bytes)
}

/// How often the kernel probes a client that does not answer, and how many times.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

#[cfg(target_os = "linux")]
fn set_probes(stream: &TcpStream, after: Duration) -> io::Result<()> {
    use rustix::net::sockopt;
    // What the kernel accepts.
    let after = after.clamp(Duration::from_secs(1), Duration::from_secs(32_767));
    sockopt::set_tcp_keepidle(stream, after)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    Ok(sockopt::set_socket_keepalive(stream, true)?)
}

/// The portable version uses the times of the system.
#[cfg(not(target_os = "linux"))]
fn set_probes(stream: &TcpStream, _after: Duration) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_keepalive(stream, true)?)
}

#[cfg(target_os = "linux")]
fn send_file(stream: &TcpStream, file: &File, offset: u64, count: usize) -> io::Result<usize> {
    let mut offset = offset;
    Ok(rustix::fs::sendfile(
        stream,
        file,
        Some(&mut offset),
        count,
    )?)
}

/// The portable version copies through a small buffer.
#[cfg(not(target_os = "linux"))]
fn send_file(mut stream: &TcpStream, file: &File, offset: u64, count: usize) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    let mut buffer = [0; 32 * 1024];
    let wanted = count.min(buffer.len());
    let read = file.read_at(&mut buffer[..wanted], offset)?;
    match read {
        0 => Ok(0),
        _ => stream.write(&buffer[..read]),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::net::sockopt;
    use std::net::{Ipv4Addr, TcpListener};

    /// A client whose machine has lost its power cannot be made in a test. The kernel does the rest.
    #[test]
    fn the_kernel_probes_a_client_after_a_while() {
        for (after, wanted) in [(0, 1), (60, 60), (u64::MAX, 32_767)] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
            let address = listener.local_addr().expect("an address");
            let mut socket = Socket::new(TcpStream::connect(address).expect("it accepts"));
            assert_eq!(sockopt::socket_keepalive(&socket.stream), Ok(false));
            socket.probe(Duration::from_secs(after));
            assert_eq!(sockopt::socket_keepalive(&socket.stream), Ok(true));
            let idle = sockopt::tcp_keepidle(&socket.stream);
            assert_eq!(idle, Ok(Duration::from_secs(wanted)));
            assert_eq!(sockopt::tcp_keepintvl(&socket.stream), Ok(PROBE_INTERVAL));
            assert_eq!(sockopt::tcp_keepcnt(&socket.stream), Ok(PROBES));
        }
    }
}
