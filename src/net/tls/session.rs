//! One connection's TLS: records in, bytes of messages out, and back.
//!
//! Invariants: whatever was received and is whole has been decrypted, so only the beginning of a
//! record waits between two calls; and nothing is encrypted while [`BATCH`] bytes wait for the
//! socket, so a client that does not read costs at most twice as much and its framing.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::server::{ServerConnectionData as Side, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeTlsData, WriteTraffic};
use rustls::{CipherSuite, Error, HandshakeKind, ProtocolVersion, ServerConfig};

use super::certificate::Certificate;
use super::handshake::HandshakeProgress;
use crate::net::buffer::Buffer;
use crate::net::socket::{End, Flushed, Input, More, Socket};
use crate::net::transport_error::TransportError;
use crate::observe::event::Security;

/// How much is encrypted at a time: enough to make the call to the kernel cheap, little enough to
/// be still in the processor's cache when it is written, and to be held for a client that is slow.
const BATCH: usize = 32 * 1024;

/// The longest record (RFC 5246 section 6.2.3, which allows more than RFC 8446).
const MAX_RECORD: usize = 5 + 16 * 1024 + 2048;

/// Room for what has come and is not whole: a record, or a handshake message, which may take
/// several. Certificates of clients are what is long; a chain of four with large keys fits.
const INCOMING: usize = 32 * 1024;

/// What is said of a handshake that does not fit.
const TOO_LONG: &str = "a handshake message is longer than 32 KiB";

/// Room for a batch with the framing of its records behind another, or behind handshake messages.
const OUTGOING: usize = 2 * BATCH + 4 * MAX_RECORD;

/// What a worker lends to the session it works on; without capacity, a place to keep it.
#[derive(Debug, Default)]
pub struct Wire {
    incoming: Buffer,
    outgoing: Buffer,
}

impl Wire {
    /// Buffers for one worker.
    pub fn new() -> Wire {
        Wire {
            incoming: Buffer::new(INCOMING),
            outgoing: Buffer::new(OUTGOING),
        }
    }
}

/// The server's end of a TLS session.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// The worker's, during a turn.
    wire: Wire,
    /// Received and not whole, between turns.
    received: Vec<u8>,
    /// Encrypted and not taken by the socket, between turns.
    unsent: Vec<u8>,
    /// Decrypted and not asked for.
    plain: Vec<u8>,
    /// The client has said that it will send no more.
    peer_closed: bool,
    /// It is over, and its alert made.
    has_failed: bool,
    /// What the client has proved.
    client: Option<Certificate>,
}

impl fmt::Debug for Session {
    // Keys are in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// What rustls is to do once it has dealt with what has come.
enum Task<'a> {
    /// To decrypt into this, as far as it goes.
    Receive(&'a mut [u8]),
    /// To encrypt this.
    Send(&'a [u8]),
    /// To say that nothing more will be sent.
    Close,
}

impl Session {
    /// A session that begins with what was `received` already.
    pub fn new(config: Arc<ServerConfig>, received: &[u8]) -> Result<Session, Error> {
        if received.len() > INCOMING {
            return Err(Error::General(TOO_LONG.into()));
        }
        Ok(Session {
            connection: UnbufferedServerConnection::new(config)?,
            wire: Wire::default(),
            received: received.to_vec(),
            unsent: Vec::new(),
            plain: Vec::new(),
            peer_closed: false,
            has_failed: false,
            client: None,
        })
    }

    /// Takes the worker's buffers for a turn.
    pub fn take_up(&mut self, wire: &mut Wire) {
        std::mem::swap(&mut self.wire, wire);
        self.wire.incoming.restore(&mut self.received);
        self.wire.outgoing.restore(&mut self.unsent);
    }

    /// Gives the buffers back.
    pub fn give_back(&mut self, wire: &mut Wire) {
        self.wire.incoming.keep(&mut self.received);
        self.wire.outgoing.keep(&mut self.unsent);
        std::mem::swap(&mut self.wire, wire);
    }

    /// Goes a step on with the handshake: acts on what has come, or receives more. The alert that
    /// tells of a failure waits to be flushed.
    pub fn handshake(
        &mut self,
        socket: &mut Socket,
        now: SystemTime,
    ) -> Result<HandshakeProgress, TransportError> {
        if let Err(fault) = self.process(Task::Receive(&mut [])) {
            return Ok(HandshakeProgress::Failed(fault));
        }
        if self.flush(socket, More::No)? == Flushed::Blocked {
            return Ok(HandshakeProgress::Pending);
        }
        if !self.connection.is_handshaking() {
            return Ok(self.conclude(now));
        }
        if self.wire.incoming.room().is_empty() {
            return Ok(HandshakeProgress::Failed(self.fail(TOO_LONG.into())));
        }
        Ok(match self.fill(socket)? {
            Input::Bytes(_) | Input::Overhead => HandshakeProgress::Progress,
            Input::Nothing => HandshakeProgress::Pending,
            Input::End(_) => HandshakeProgress::Gone,
        })
    }

    /// A session that was resumed rests on a certificate that was verified when it began, and may
    /// have expired since. One that cannot be read is not relied upon.
    fn conclude(&mut self, now: SystemTime) -> HandshakeProgress {
        let Some(first) = self.connection.peer_certificates().and_then(<[_]>::first) else {
            return HandshakeProgress::Done;
        };
        self.client = Certificate::read(first);
        let is_valid = |client: &Certificate| !client.has_expired(now);
        let is_resumed = self.connection.handshake_kind() == Some(HandshakeKind::Resumed);
        match is_resumed && !self.client.as_ref().is_some_and(is_valid) {
            true => HandshakeProgress::Expired,
            false => HandshakeProgress::Done,
        }
    }

    /// Whether something was received and not read: decrypted bytes, or half a record.
    pub fn has_received(&self) -> bool {
        !self.plain.is_empty() || !self.wire.incoming.is_empty()
    }

    /// Whether records wait for the socket.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() || !self.wire.outgoing.is_empty()
    }

    /// Reads decrypted bytes, or what makes some more of them.
    pub fn read(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> Result<Input, TransportError> {
        if !self.plain.is_empty() {
            let count = self.plain.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.plain[..count]);
            self.plain.drain(..count);
            if self.plain.is_empty() {
                self.plain = Vec::new();
            }
            return Ok(Input::Bytes(count));
        }
        if self.peer_closed {
            return Ok(Input::End(End::Orderly));
        }
        // Answers to what comes (a new key) need room to be written.
        if self.flush(socket, More::No)? == Flushed::Blocked {
            return Ok(Input::Nothing);
        }
        if self.wire.incoming.room().is_empty() {
            return Err(TransportError::Session(self.fail(TOO_LONG.into())));
        }
        match self.fill(socket)? {
            Input::Bytes(_) => {}
            // RFC 8446 section 6.1: without close_notify somebody may have cut it.
            Input::End(_) => return Ok(Input::End(End::Truncated)),
            other => return Ok(other),
        }
        match self.process(Task::Receive(buffer)) {
            Ok(0) if self.peer_closed => Ok(Input::End(End::Orderly)),
            Ok(0) => Ok(Input::Overhead),
            Ok(count) => Ok(Input::Bytes(count)),
            Err(fault) => Err(TransportError::Session(fault)),
        }
    }

    /// Encrypts and sends as much of both parts as the socket takes, and up to a batch beyond; `None`
    /// where it has not taken what was encrypted before.
    pub fn write(
        &mut self,
        socket: &mut Socket,
        parts: [&[u8]; 2],
        more: More,
    ) -> Result<Option<usize>, TransportError> {
        if self.flush(socket, more)? == Flushed::Blocked {
            return Ok(None);
        }
        let mut taken = 0;
        for piece in parts.into_iter().flat_map(|part| part.chunks(BATCH)) {
            let is_full = self.wire.outgoing.waiting().len() >= BATCH;
            if is_full && self.flush(socket, More::Follows)? == Flushed::Blocked {
                return Ok(Some(taken));
            }
            self.process(Task::Send(piece))
                .map_err(TransportError::Session)?;
            taken += piece.len();
        }
        self.flush(socket, more)?;
        Ok(Some(taken))
    }

    /// Sends the records that wait.
    pub fn flush(&mut self, socket: &mut Socket, more: More) -> Result<Flushed, TransportError> {
        let outgoing = &mut self.wire.outgoing;
        while !outgoing.is_empty() {
            match socket.write(outgoing.waiting(), more)? {
                Some(count) => outgoing.consume(count),
                None => return Ok(Flushed::Blocked),
            }
        }
        Ok(Flushed::All)
    }

    /// Forgets the records that wait.
    pub fn forget_unsent(&mut self) {
        self.wire.outgoing.consume(usize::MAX);
    }

    /// Says close_notify where there is a session to close (RFC 8446 section 6.1). To say it again
    /// changes nothing.
    pub fn close(&mut self) {
        if !self.has_failed && !self.connection.is_handshaking() {
            // Where it fails the session has failed, and says so by itself.
            let _ = self.process(Task::Close);
        }
    }

    /// What was agreed upon; `None` while it is not.
    pub fn security(&self) -> Option<Security<'_>> {
        Some(Security {
            version: version(self.connection.protocol_version()?),
            cipher: cipher(self.connection.negotiated_cipher_suite()?.suite()),
            client: self.client.as_ref().map(Certificate::subject),
        })
    }

    /// Receives what is there, into the room there must be.
    fn fill(&mut self, socket: &mut Socket) -> Result<Input, TransportError> {
        let input = socket.read(self.wire.incoming.room())?;
        if let Input::Bytes(count) = input {
            self.wire.incoming.add(count);
        }
        Ok(input)
    }

    /// Lets rustls act on what has come, record by record, and at its end on the task. How many bytes
    /// were decrypted into the task's buffer; what does not fit goes to `plain`. Bytes that came with
    /// a record that breaks the session are lost with it: after the alert nobody could be answered.
    fn process(&mut self, mut task: Task<'_>) -> Result<usize, String> {
        let mut filled = 0;
        loop {
            let Wire { incoming, outgoing } = &mut self.wire;
            let status = self.connection.process_tls_records(incoming.waiting_mut());
            let discard = status.discard;
            let goes_on = match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    let mut outcome = Ok(true);
                    while let Some(record) = traffic.next_record() {
                        match record {
                            Ok(record) => {
                                filled +=
                                    deliver(record.payload, &mut task, filled, &mut self.plain);
                            }
                            Err(error) => outcome = Err(error),
                        }
                    }
                    outcome
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, outgoing),
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    // The socket gets everything in the order in which it was put into the buffer.
                    data.done();
                    Ok(true)
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.peer_closed = true;
                    Ok(true)
                }
                // Everything that had come is dealt with, and a session is there to be written to.
                Ok(ConnectionState::WriteTraffic(traffic)) => perform(&task, traffic, outgoing),
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Ok(false),
                // Early data is not offered, and there are no other states.
                Ok(_) => Ok(false),
                Err(error) => Err(error),
            };
            incoming.consume(discard);
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(filled),
                Err(error) => return Err(self.fail(error.to_string())),
            }
        }
    }

    /// The session is over, for this reason; the alert that says so goes into the outgoing buffer.
    /// What was received is not looked at again: it would fail once more.
    fn fail(&mut self, why: String) -> String {
        let Wire { incoming, outgoing } = &mut self.wire;
        while self.connection.wants_write() {
            let status = self.connection.process_tls_records(incoming.waiting_mut());
            let Ok(ConnectionState::EncodeTlsData(data)) = status.state else {
                break;
            };
            if encode(data, outgoing).is_err() {
                break;
            }
        }
        self.has_failed = true;
        why
    }
}

/// Puts decrypted bytes into the task's buffer, of which so many are filled, and what does not fit
/// into `plain`. How many went into the buffer.
fn deliver(bytes: &[u8], task: &mut Task<'_>, filled: usize, plain: &mut Vec<u8>) -> usize {
    let room = match task {
        Task::Receive(buffer) if plain.is_empty() => &mut buffer[filled..],
        _ => &mut [],
    };
    let count = bytes.len().min(room.len());
    room[..count].copy_from_slice(&bytes[..count]);
    plain.extend_from_slice(&bytes[count..]);
    count
}

/// Puts a handshake message, or an alert, into the outgoing buffer; there is more to do.
fn encode(mut data: EncodeTlsData<'_, Side>, outgoing: &mut Buffer) -> Result<bool, Error> {
    match data.encode(outgoing.room()) {
        Ok(count) => {
            outgoing.add(count);
            Ok(true)
        }
        Err(error) => Err(Error::General(error.to_string())),
    }
}

/// Does what rustls was called for; there is nothing more to do.
fn perform(
    task: &Task<'_>,
    mut traffic: WriteTraffic<'_, Side>,
    outgoing: &mut Buffer,
) -> Result<bool, Error> {
    let written = match task {
        Task::Receive(_) => Ok(0),
        Task::Send(bytes) => traffic.encrypt(bytes, outgoing.room()),
        Task::Close => traffic.queue_close_notify(outgoing.room()),
    };
    match written {
        Ok(count) => {
            outgoing.add(count);
            Ok(false)
        }
        Err(error) => Err(Error::General(error.to_string())),
    }
}

/// As people write it.
fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "TLS",
    }
}

/// The name in IANA's registry of cipher suites.
fn cipher(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        // The others have it from the library.
        other => other.as_str().unwrap_or("unknown"),
    }
}
