//! How bytes pass between a connection and its client: as they are, or through a TLS session.

use std::fs::File;
use std::net::TcpStream;

use crate::net::clock::Now;
use crate::net::socket::{Flushed, Input, More, Socket, Traffic};
use crate::net::tls::handshake::HandshakeProgress;
use crate::net::tls::{Session, Wire};
use crate::net::transport_error::TransportError;
use crate::observe::event::Security;

/// A client's socket, and what is spoken on it.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
    session: Option<Box<Session>>,
}

impl Transport {
    /// Takes over a socket that is in non-blocking mode. What is spoken on it is plain text.
    pub fn new(stream: TcpStream) -> Transport {
        Transport {
            socket: Socket::new(stream),
            session: None,
        }
    }

    /// From now on a session protects it. `wire` is what the worker lends for this turn.
    pub fn secure(&mut self, session: Session, wire: &mut Wire) {
        self.session.insert(Box::new(session)).take_up(wire);
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether there is a session on it, if only one that begins.
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// How it is protected; `None` for plain text, and before that is agreed upon.
    pub fn security(&self) -> Option<Security<'_>> {
        self.session.as_ref()?.security()
    }

    /// Takes what the worker lends for a turn.
    pub fn take_up(&mut self, wire: &mut Wire) {
        if let Some(session) = &mut self.session {
            session.take_up(wire);
        }
    }

    /// Gives it back.
    pub fn give_back(&mut self, wire: &mut Wire) {
        if let Some(session) = &mut self.session {
            session.give_back(wire);
        }
    }

    /// Goes a step on with the handshake; `None` where there is no session.
    pub fn handshake(&mut self, now: &Now) -> Option<Result<HandshakeProgress, TransportError>> {
        let session = self.session.as_mut()?;
        Some(session.handshake(&mut self.socket, now.system))
    }

    /// Notes what the poller said: there may be more to read, the client will send no more.
    pub fn ready(&mut self, readable: bool, hung_up: bool) {
        self.socket.ready(readable, hung_up);
    }

    /// Whether the client has sent something that was not read, or may have.
    pub fn has_more(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.has_received()) || self.socket.is_readable()
    }

    /// The bytes that crossed the socket since this was asked for last.
    pub fn take_traffic(&mut self) -> Traffic {
        self.socket.take_traffic()
    }

    /// Reads what is there.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Input, TransportError> {
        match &mut self.session {
            None => Ok(self.socket.read(buffer)?),
            Some(session) => session.read(&mut self.socket, buffer),
        }
    }

    /// Reads what is there in order to throw it away: nothing is decrypted for that.
    pub fn discard(&mut self, scratch: &mut [u8]) -> Result<Input, TransportError> {
        Ok(self.socket.read(scratch)?)
    }

    /// Writes as much as can be; `None` where the socket is full.
    pub fn write(&mut self, bytes: &[u8], more: More) -> Result<Option<usize>, TransportError> {
        match &mut self.session {
            None => Ok(self.socket.write(bytes, more)?),
            Some(session) => session.write(&mut self.socket, [bytes, &[]], more),
        }
    }

    /// Writes two pieces as if they were one.
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

    /// Moves up to `count` bytes of `file` from `offset` into the socket without copying them
    /// through this process. 0 means that the file ends before `offset`. Nothing can be encrypted
    /// so: over a session it is an error.
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

    /// Sends records that wait for the socket.
    pub fn flush(&mut self, more: More) -> Result<Flushed, TransportError> {
        match &mut self.session {
            None => Ok(Flushed::All),
            Some(session) => session.flush(&mut self.socket, more),
        }
    }

    /// Whether something that was written waits for the socket.
    pub fn has_unsent(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.has_unsent())
    }

    /// Forgets what waits for the socket.
    pub fn forget_unsent(&mut self) {
        if let Some(session) = &mut self.session {
            session.forget_unsent();
        }
    }

    /// Says in the session that nothing more follows (close_notify); it is sent by the next
    /// [`Transport::flush`]. Plain text has no such word.
    pub fn close(&mut self) {
        if let Some(session) = &mut self.session {
            session.close();
        }
    }

    /// Tells the client that nothing more follows; what it sends can still be read.
    pub fn finish(&mut self) -> Result<(), TransportError> {
        Ok(self.socket.finish()?)
    }

    /// Makes the coming close a reset, which no client mistakes for an orderly end.
    pub fn abort(&mut self) {
        self.socket.abort();
    }
}
