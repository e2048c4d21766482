//! A client's socket, in plain text or with a TLS session.

use std::fs::File;
use std::net::TcpStream;
use std::time::Duration;

use crate::net::clock::Now;
use crate::net::socket::{Flushed, Input, More, Socket, Traffic};
use crate::net::tls::handshake::HandshakeProgress;
use crate::net::tls::{RecordBuffers, Session};
use crate::net::transport_error::TransportError;
use crate::observe::event::Security;
use crate::origin::request;

/// A client's socket, and its TLS session if it has one.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
    session: Option<Box<Session>>,
}

impl request::Session for Transport {
    fn security(&self) -> Option<Security<'_>> {
        self.security()
    }

    fn handshake(&self) -> Option<request::Handshake> {
        self.session.as_ref()?.shaken_hands()
    }
}

impl Transport {
    /// Takes over a socket that is in non-blocking mode, in plain text.
    pub fn new(stream: TcpStream) -> Transport {
        Transport {
            socket: Socket::new(stream),
            session: None,
        }
    }

    /// Adds a TLS session. `buffers` are the worker's, for the rest of this turn.
    pub fn secure(&mut self, session: Session, buffers: &mut RecordBuffers) {
        self.session.insert(Box::new(session)).begin_turn(buffers);
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether there is a TLS session, even if its handshake is not complete.
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// How TLS protects the bytes. `None` in plain text, and until it is negotiated.
    pub fn security(&self) -> Option<Security<'_>> {
        self.session.as_ref()?.security()
    }

    /// Swaps in the worker's buffers.
    pub fn begin_turn(&mut self, buffers: &mut RecordBuffers) {
        if let Some(session) = &mut self.session {
            session.begin_turn(buffers);
        }
    }

    /// Swaps them out.
    pub fn end_turn(&mut self, buffers: &mut RecordBuffers) {
        if let Some(session) = &mut self.session {
            session.end_turn(buffers);
        }
    }

    /// Makes a step of the handshake. `None` if there is no session.
    pub fn handshake(&mut self, now: &Now) -> Option<Result<HandshakeProgress, TransportError>> {
        let session = self.session.as_mut()?;
        Some(session.handshake(&mut self.socket, now.system))
    }

    /// Notes an event of the poller. `hung_up`: the client will send no more.
    pub fn ready(&mut self, readable: bool, hung_up: bool) {
        self.socket.ready(readable, hung_up);
    }

    /// Whether the client has sent bytes that were not read, or may have.
    pub fn has_more(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.has_received()) || self.socket.is_readable()
    }

    /// Whether the client has sent something that was not read. Asks the kernel.
    pub fn has_input(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.has_received()) || self.socket.has_input()
    }

    /// Whether the client will send no more. It may still read.
    pub fn has_hung_up(&self) -> bool {
        self.socket.has_hung_up()
    }

    /// Makes the kernel probe the client `after` this time without traffic, and later again.
    pub fn probe(&mut self, after: Duration) {
        self.socket.probe(after);
    }

    /// The bytes that crossed the socket since the last call.
    pub fn take_traffic(&mut self) -> Traffic {
        self.socket.take_traffic()
    }

    /// Reads once.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Input, TransportError> {
        match &mut self.session {
            None => Ok(self.socket.read(buffer)?),
            Some(session) => session.read(&mut self.socket, buffer),
        }
    }

    /// Reads once, without decrypting, to discard the bytes.
    pub fn discard(&mut self, scratch: &mut [u8]) -> Result<Input, TransportError> {
        Ok(self.socket.read(scratch)?)
    }

    /// Writes as much as possible. `None` if the socket is full.
    pub fn write(&mut self, bytes: &[u8], more: More) -> Result<Option<usize>, TransportError> {
        match &mut self.session {
            None => Ok(self.socket.write(bytes, more)?),
            Some(session) => session.write(&mut self.socket, [bytes, &[]], more),
        }
    }

    /// Writes two pieces in one call. `None` if the socket is full.
    pub fn write_both(
        &mut self,
        first: &[u8],
        second: &[u8],
    ) -> Result<Option<usize>, TransportError> {
        match &mut self.session {
            None => Ok(self.socket.write_both(first, second)?),
            Some(session) => session.write(&mut self.socket, [first, second], More::No),
        }
    }

    /// Sends up to `count` bytes of `file` from `offset` without copying them through this process.
    /// 0 means that the file has no bytes at `offset`. `None` if the socket is full. With a TLS
    /// session this is an error, because the kernel cannot encrypt the bytes.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
    ) -> Result<Option<usize>, TransportError> {
        match self.session {
            None => Ok(self.socket.send_file(file, offset, count)?),
            Some(_) => Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into()),
        }
    }

    /// Sends TLS records that wait for the socket.
    pub fn flush(&mut self, more: More) -> Result<Flushed, TransportError> {
        match &mut self.session {
            None => Ok(Flushed::All),
            Some(session) => session.flush(&mut self.socket, more),
        }
    }

    /// The memory that a TLS session takes between turns, in bytes.
    pub fn cost(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.cost())
    }

    /// The part of that which every session takes.
    pub fn least_cost(&self) -> usize {
        self.session.as_ref().map_or(0, |_| Session::COST)
    }

    /// Whether TLS records wait for the socket.
    pub fn has_unsent(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.has_unsent())
    }

    /// Drops TLS records that wait for the socket.
    pub fn forget_unsent(&mut self) {
        if let Some(session) = &mut self.session {
            session.forget_unsent();
        }
    }

    /// Adds close_notify to the TLS records. The next [`Transport::flush`] sends it. In plain text
    /// this does nothing.
    pub fn close(&mut self) {
        if let Some(session) = &mut self.session {
            session.close();
        }
    }

    /// Shuts down the sending direction. The client's bytes can still be read.
    pub fn finish(&mut self) -> Result<(), TransportError> {
        Ok(self.socket.finish()?)
    }

    /// Makes the close a reset, so that the client does not take it for an orderly end.
    pub fn abort(&mut self) {
        self.socket.abort();
    }
}
