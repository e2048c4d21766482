//! How bytes pass between a connection and its client.

use std::fs::File;
use std::io;
use std::net::TcpStream;

use crate::net::socket::{Input, More, Socket, Traffic};

/// A client's socket, and what is spoken on it.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
}

impl Transport {
    /// Takes over a socket that is in non-blocking mode.
    pub fn new(stream: TcpStream) -> Transport {
        Transport {
            socket: Socket::new(stream),
        }
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Notes what the poller said: there may be more to read, the client will send no more.
    pub fn ready(&mut self, readable: bool, hung_up: bool) {
        self.socket.ready(readable, hung_up);
    }

    /// Whether there may be more to read.
    pub fn is_readable(&self) -> bool {
        self.socket.is_readable()
    }

    /// The bytes that crossed the socket since this was asked for last.
    pub fn take_traffic(&mut self) -> Traffic {
        self.socket.take_traffic()
    }

    /// Reads what is there.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Input> {
        self.socket.read(buffer)
    }

    /// Writes as much as the socket takes; `None` where it is full.
    pub fn write(&mut self, bytes: &[u8], more: More) -> io::Result<Option<usize>> {
        self.socket.write(bytes, more)
    }

    /// Writes two pieces as if they were one.
    pub fn write_both(&mut self, first: &[u8], second: &[u8]) -> io::Result<Option<usize>> {
        self.socket.write_both(first, second)
    }

    /// Moves up to `count` bytes of `file` from `offset` into the socket without copying them
    /// through this process. 0 means that the file ends before `offset`.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
    ) -> io::Result<Option<usize>> {
        self.socket.send_file(file, offset, count)
    }

    /// Tells the client that nothing more follows; what it sends can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        self.socket.finish()
    }

    /// Makes the coming close a reset, which no client mistakes for an orderly end.
    pub fn abort(&mut self) {
        self.socket.abort();
    }
}
