//! The socket: the only file that moves bytes between a connection and its client.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// A client's socket, in non-blocking mode.
#[derive(Debug)]
pub struct Transport {
    stream: TcpStream,
}

/// Whether more follows at once, so that the kernel may wait and fill the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// The next bytes are on their way.
    Follows,
    /// Send now.
    No,
}

impl Transport {
    /// Takes over a socket that is in non-blocking mode.
    pub fn new(stream: TcpStream) -> Transport {
        Transport { stream }
    }

    /// What readiness is registered for.
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Reads what is there; 0 is the client's end of sending.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(|| self.stream.read(buffer))
    }

    /// Writes as much as the socket takes.
    pub fn write(&mut self, bytes: &[u8], more: More) -> io::Result<usize> {
        retry(|| send(&self.stream, bytes, more))
    }

    /// Writes two pieces as if they were one.
    pub fn write_both(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        retry(|| {
            self.stream
                .write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
        })
    }

    /// Moves up to `count` bytes of `file` from `offset` into the socket without copying them
    /// through this process. 0 means that the file ends before `offset`.
    pub fn send_file(&mut self, file: &File, offset: u64, count: usize) -> io::Result<usize> {
        retry(|| send_file(&self.stream, file, offset, count))
    }

    /// Tells the client that nothing more follows; what it sends can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Makes the coming close a reset, which no client mistakes for an orderly end.
    pub fn abort(&mut self) {
        // Where this fails the socket is gone already.
        let _ = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
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

/// The portable twin: a copy through a small buffer.
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
