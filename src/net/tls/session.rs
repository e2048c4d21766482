//! The TLS session of one connection: decrypts received records and encrypts bytes to send.
//!
//! Invariants:
//!
//! - Every complete record that was received has been decrypted. Between two calls, at most an
//!   incomplete record or handshake message waits.
//! - Nothing is encrypted while [`BATCH`] bytes wait for the socket. So for a client that does not
//!   read, at most two batches and their framing wait.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::server::{ServerConnectionData as Side, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeTlsData, WriteTraffic};
use rustls::{CipherSuite, Error, HandshakeKind, ProtocolVersion, ServerConfig};

use super::certificate::Certificate;
use super::handshake::HandshakeProgress;
use super::words::words_about_peer;
use crate::net::buffer::Buffer;
use crate::net::socket::{End, Flushed, Input, More, Socket};
use crate::net::transport_error::TransportError;
use crate::observe::event::Security;
use crate::origin::request::Handshake;
use crate::site::storage::Storage;

/// How much is encrypted at a time. It is large enough to make a system call worth its cost, and
/// small enough to stay in the processor's cache and to be kept for a slow client.
const BATCH: usize = 32 * 1024;

/// The longest record (RFC 5246 section 6.2.3, which allows more than RFC 8446).
const MAX_RECORD: usize = 5 + 16 * 1024 + 2048;

/// Room for an incomplete record or handshake message. A handshake message may span several records.
/// The longest ones hold client certificates; a chain of four with large keys fits.
const INCOMING: usize = 32 * 1024;

/// How much of an unfinished handshake may wait for its rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MostUnfinished {
    /// 16 KiB, if clients are not asked for certificates. Their longest message is then the
    /// ClientHello: about 2 KiB with a hybrid key share, and rarely more than 4 KiB.
    Hello,
    /// 32 KiB, if they are. The Certificate message holds a chain. So does the ClientHello that resumes
    /// the session, because the chain is in the ticket.
    Certificates,
}

impl MostUnfinished {
    fn bytes(self) -> usize {
        match self {
            MostUnfinished::Hello => INCOMING / 2,
            MostUnfinished::Certificates => INCOMING,
        }
    }

    /// The reason to log if a handshake message is longer.
    fn too_long(self) -> &'static str {
        match self {
            MostUnfinished::Hello => "a handshake message is longer than 16 KiB",
            MostUnfinished::Certificates => TOO_LONG,
        }
    }
}

/// The reason to log if a handshake message does not fit.
const TOO_LONG: &str = "a handshake message is longer than 32 KiB";

/// Room for two batches with the framing of their records, or for a batch and handshake messages.
const OUTGOING: usize = 2 * BATCH + 4 * MAX_RECORD;

/// A worker's buffers for TLS records. The default has no capacity and is a placeholder.
#[derive(Debug, Default)]
pub struct RecordBuffers {
    incoming: Buffer,
    outgoing: Buffer,
}

impl RecordBuffers {
    /// The buffers of a worker.
    pub fn new() -> RecordBuffers {
        RecordBuffers {
            incoming: Buffer::new(INCOMING),
            outgoing: Buffer::new(OUTGOING),
        }
    }
}

/// The server's end of a TLS session.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// How much of the handshake may be unfinished.
    most_unfinished: MostUnfinished,
    /// How many bytes rustls has taken. During the handshake, it may keep some of them.
    taken: usize,
    /// During a turn, the worker's buffers.
    buffers: RecordBuffers,
    /// Between turns: received bytes that are incomplete.
    received: Storage,
    /// Between turns: records that the socket has not taken.
    unsent: Storage,
    /// Decrypted bytes that were not read yet.
    plain: Vec<u8>,
    /// The client has sent close_notify.
    peer_closed: bool,
    /// The session has failed, and its alert was encoded.
    has_failed: bool,
    /// The client's certificate, once it was verified.
    client: Option<Certificate>,
}

impl fmt::Debug for Session {
    // The fields hold keys, so they are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// What rustls must do after it has processed the received records.
enum Task<'a> {
    /// Decrypt into this buffer.
    Receive(&'a mut [u8]),
    /// Encrypt these bytes.
    Send(&'a [u8]),
    /// Add close_notify.
    Close,
}

impl Session {
    /// What rustls keeps of a session, besides the client's certificates.
    pub const COST: usize = 4096;

    /// A session whose first bytes were `received` already.
    pub fn new(
        config: Arc<ServerConfig>,
        most_unfinished: MostUnfinished,
        received: &[u8],
    ) -> Result<Session, Error> {
        if received.len() > INCOMING {
            return Err(Error::General(TOO_LONG.into()));
        }
        Ok(Session {
            connection: UnbufferedServerConnection::new(config)?,
            most_unfinished,
            taken: 0,
            buffers: RecordBuffers::default(),
            received: Storage::copy_of(&[received]),
            unsent: Storage::default(),
            plain: Vec::new(),
            peer_closed: false,
            has_failed: false,
            client: None,
        })
    }

    /// Swaps in the worker's buffers and restores what the session kept.
    pub fn begin_turn(&mut self, buffers: &mut RecordBuffers) {
        std::mem::swap(&mut self.buffers, buffers);
        let received = std::mem::take(&mut self.received);
        let unsent = std::mem::take(&mut self.unsent);
        self.buffers.incoming.restore(&received);
        self.buffers.outgoing.restore(&unsent);
    }

    /// Keeps what is left in the buffers and swaps them out.
    pub fn end_turn(&mut self, buffers: &mut RecordBuffers) {
        self.received = self.buffers.incoming.keep();
        self.unsent = self.buffers.outgoing.keep();
        std::mem::swap(&mut self.buffers, buffers);
    }

    /// Makes a step of the handshake: processes what was received, sends records, then receives
    /// more. If the handshake fails, the alert waits to be flushed.
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
        if self.buffers.incoming.waiting().len() >= self.most_unfinished.bytes() {
            let why = self.most_unfinished.too_long();
            return Ok(HandshakeProgress::Failed(self.fail(why.into())));
        }
        Ok(match self.fill(socket)? {
            Input::Bytes(_) | Input::Overhead => HandshakeProgress::Progress,
            Input::Nothing => HandshakeProgress::Pending,
            Input::End(_) => HandshakeProgress::Gone,
        })
    }

    /// Ends the handshake. In a resumed session, the client's certificate was verified in the first
    /// handshake and may have expired since. If it cannot be parsed, it counts as expired.
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

    /// Whether received bytes were not read: decrypted bytes, or an incomplete record.
    pub fn has_received(&self) -> bool {
        !self.plain.is_empty() || !self.buffers.incoming.is_empty()
    }

    /// The memory that the session takes between turns, in bytes.
    pub fn cost(&self) -> usize {
        let buffers = self.received.cost() + self.unsent.cost() + self.plain.capacity();
        Session::COST + buffers + self.cost_of_messages()
    }

    /// What rustls keeps of the client's handshake messages: in the end, only the certificates.
    fn cost_of_messages(&self) -> usize {
        if self.connection.is_handshaking() {
            return self.taken;
        }
        let certificates = self.connection.peer_certificates().unwrap_or_default();
        certificates.iter().map(|one| one.len()).sum()
    }

    /// Whether records wait for the socket.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() || !self.buffers.outgoing.is_empty()
    }

    /// Returns decrypted bytes. If there are none, reads from the socket and decrypts.
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
        // Received records may need a reply (a key update), so the outgoing buffer must have room.
        if self.flush(socket, More::No)? == Flushed::Blocked {
            return Ok(Input::Nothing);
        }
        if self.buffers.incoming.room().is_empty() {
            return Err(TransportError::Session(self.fail(TOO_LONG.into())));
        }
        match self.fill(socket)? {
            Input::Bytes(_) => {}
            // RFC 8446 section 6.1: without close_notify, an attacker may have truncated the bytes.
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

    /// Encrypts and sends as much of the two parts as the socket takes, and encrypts up to two
    /// batches more. `None` if older records still wait for the socket.
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
            let is_full = self.buffers.outgoing.waiting().len() >= BATCH;
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

    /// Sends records that wait for the socket.
    pub fn flush(&mut self, socket: &mut Socket, more: More) -> Result<Flushed, TransportError> {
        let outgoing = &mut self.buffers.outgoing;
        while !outgoing.is_empty() {
            match socket.write(outgoing.waiting(), more)? {
                Some(count) => outgoing.consume(count),
                None => return Ok(Flushed::Blocked),
            }
        }
        Ok(Flushed::All)
    }

    /// Drops records that wait for the socket.
    pub fn forget_unsent(&mut self) {
        self.buffers.outgoing.consume(usize::MAX);
    }

    /// Adds close_notify to the records if the handshake is complete (RFC 8446 section 6.1). A second
    /// call changes nothing.
    pub fn close(&mut self) {
        if !self.has_failed && !self.connection.is_handshaking() {
            // If this fails, `process` has added an alert instead.
            let _ = self.process(Task::Close);
        }
    }

    /// What was negotiated. `None` until it is.
    pub fn security(&self) -> Option<Security<'_>> {
        Some(Security {
            version: version(self.connection.protocol_version()?),
            cipher: cipher(self.connection.negotiated_cipher_suite()?.suite()),
            client: self.client.as_ref().map(Certificate::subject),
        })
    }

    /// How it was negotiated. `None` until it is.
    pub fn shaken_hands(&self) -> Option<Handshake> {
        let kind = match self.connection.handshake_kind()? {
            HandshakeKind::Full => "full",
            HandshakeKind::FullWithHelloRetryRequest => "full, with a second ClientHello",
            HandshakeKind::Resumed => "resumed",
        };
        let group = self.connection.negotiated_key_exchange_group();
        let group = group.and_then(|group| group.name().as_str());
        Some(Handshake { kind, group })
    }

    /// Reads once from the socket into the incoming buffer, which must have room.
    fn fill(&mut self, socket: &mut Socket) -> Result<Input, TransportError> {
        let input = socket.read(self.buffers.incoming.room())?;
        if let Input::Bytes(count) = input {
            self.buffers.incoming.add(count);
        }
        Ok(input)
    }

    /// Lets rustls process the received records and then the task. Returns how many bytes were
    /// decrypted into the task's buffer. Bytes that do not fit go to `plain`.
    ///
    /// If a record breaks the session, bytes that were decrypted in the same call are lost, because
    /// nothing can be sent after the alert.
    fn process(&mut self, mut task: Task<'_>) -> Result<usize, String> {
        let mut filled = 0;
        loop {
            let RecordBuffers { incoming, outgoing } = &mut self.buffers;
            let status = self.connection.process_tls_records(incoming.waiting_mut());
            let discard = status.discard;
            self.taken = self.taken.saturating_add(discard);
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
                    // The buffer keeps the order, so rustls need not wait until it is sent.
                    data.done();
                    Ok(true)
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.peer_closed = true;
                    Ok(true)
                }
                // All received records are processed, and the session can send.
                Ok(ConnectionState::WriteTraffic(traffic)) => perform(&task, traffic, outgoing),
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Ok(false),
                // Early data is disabled, and there are no other states.
                Ok(_) => Ok(false),
                Err(error) => Err(error),
            };
            incoming.consume(discard);
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(filled),
                Err(error) => return Err(self.fail(words_about_peer(&error))),
            }
        }
    }

    /// Marks the session as failed and puts its alert into the outgoing buffer. Stops before rustls
    /// processes received records again, because they would fail again. Returns the reason.
    fn fail(&mut self, why: String) -> String {
        let RecordBuffers { incoming, outgoing } = &mut self.buffers;
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

/// Copies decrypted bytes into the task's buffer, behind the first `filled` bytes. The rest goes to
/// `plain`. Returns how many bytes went into the buffer.
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

/// Puts a handshake message or an alert into the outgoing buffer. Returns that there may be more to
/// do.
fn encode(mut data: EncodeTlsData<'_, Side>, outgoing: &mut Buffer) -> Result<bool, Error> {
    match data.encode(outgoing.room()) {
        Ok(count) => {
            outgoing.add(count);
            Ok(true)
        }
        Err(error) => Err(Error::General(error.to_string())),
    }
}

/// Performs the task. Returns that there is nothing more to do.
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

/// The usual name of a TLS version.
pub(super) fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "TLS",
    }
}

/// The name of a cipher suite in IANA's registry.
pub(super) fn cipher(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        // For TLS 1.2, the library has the registered names.
        other => other.as_str().unwrap_or("unknown"),
    }
}
