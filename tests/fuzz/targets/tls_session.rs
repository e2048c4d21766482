//! A TLS session of version 1.2 or 1.3 gets arbitrary bytes. They stand for a handshake, follow one, or are
//! the plain text of a client. One byte may be damaged on the way. The session does not panic, and it
//! ends. Plain text that arrives whole gets the same response as without TLS.
//!
//! The first byte of an input selects the use of the rest. The second is the length of the parts in which
//! the records arrive.
//!
//! ```text
//! input  = use, length of a part (%xFF: all at once), bytes
//! use    = kind + 4 (TLS 1.2)
//! damage = offset (2 bytes) and mask (1 byte), which precede the bytes of `DAMAGED`
//! ```
#![no_main]

#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/answers.rs"]
mod answers;
#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/response.rs"]
mod response;
#[path = "../support/site.rs"]
mod site;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use docroot::net::clock::Now;
use docroot::net::connection::Connection;
use docroot::net::context::Context;
use docroot::net::settings::Settings;
use docroot::net::mailbox::Mailbox;
use docroot::net::tls::Endpoint;
use docroot::net::tls::options::{CertificateSource, ClientAuthentication, TlsOptions, TlsVersion};
use docroot::net::transport::Transport;
use docroot::observe::log::Log;
use libfuzzer_sys::fuzz_target;
use rustls::SupportedProtocolVersion;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// What is sent in place of a handshake.
const RAW: u8 = 0;
/// What follows a handshake, not encrypted.
const RAW_AFTER_HANDSHAKE: u8 = 1;
/// The plain text of a client.
const PLAIN: u8 = 2;
/// The same, with one damaged byte among its records.
const DAMAGED: u8 = 3;

/// Parts of records are at least this long, so that no input needs thousands of turns.
const SHORTEST_PART: usize = 16;

/// The server ends a session whose keys are renewed 32 times.
const MOST_RENEWALS: usize = 16;

thread_local! {
    static WORLD: RefCell<(Context, [Arc<ClientConfig>; 2])> =
        RefCell::new((context(), [&TLS13, &TLS12].map(caller)));
}

fn context() -> Context {
    let options = TlsOptions {
        certificate: CertificateSource::SelfSigned,
        clients: ClientAuthentication::None,
        client_depth: TlsOptions::CLIENT_DEPTH,
        min: TlsVersion::Tls12,
        hsts: None,
        redirect: None,
    };
    let (endpoint, _) = Endpoint::open(&options, &[], &Now::read()).expect("a certificate");
    let settings = Settings {
        endpoint: Some(Arc::new(endpoint)),
        ..site::settings(|config| config.tls = Some(options))
    };
    let (mailbox, _) = Mailbox::new(Arc::default()).expect("a poller");
    Context::new(&settings, Log::off().handle(), mailbox.wakes())
}

/// A client of one version that takes any certificate.
fn caller(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fuzz_target!(|input: &[u8]| {
    let [how, part, input @ ..] = input else {
        return;
    };
    WORLD.with_borrow_mut(|(context, callers)| {
        let (ours, theirs) = site::pair();
        let listener = site::listener(true);
        let transport = Transport::new(ours);
        let mut wire = Wire {
            connection: Connection::new(transport, site::client(), listener, None, context),
            theirs,
            part: match part {
                0xff => usize::MAX,
                part => usize::from(*part).max(SHORTEST_PART),
            },
            sent: 0,
            damage: None,
            received: Vec::new(),
            answered: Vec::new(),
        };
        let caller = &callers[usize::from(how & 4 != 0)];
        match how & 3 {
            RAW => wire.raw(context, input),
            RAW_AFTER_HANDSHAKE => {
                let _session = wire.handshake(context, caller).expect("a handshake");
                wire.raw(context, input);
            }
            PLAIN => wire.plain(context, caller, input),
            DAMAGED.. => wire.damaged(context, caller, input),
        }
    });
});

/// A connection and its client's end.
struct Wire {
    connection: Connection,
    theirs: UnixStream,
    /// How many bytes of records are sent at a time.
    part: usize,
    /// How many were sent.
    sent: usize,
    /// Which of them is damaged, and how.
    damage: Option<(usize, u8)>,
    received: Vec<u8>,
    /// The plain text of what was received.
    answered: Vec<u8>,
}

impl Wire {
    /// Sends bytes that are no records of a session.
    fn raw(&mut self, context: &mut Context, input: &[u8]) {
        if self.send(context, input) {
            self.end(context);
        }
    }

    /// Sends bytes as the plain text of a session, and checks the answers.
    fn plain(&mut self, context: &mut Context, caller: &Arc<ClientConfig>, input: &[u8]) {
        let mut session = self.handshake(context, caller).expect("a handshake");
        let mut sent = Vec::new();
        let mut renewals = 0;
        let mut is_open = true;
        for piece in site::pieces(input) {
            // An empty piece renews the client's keys, if the version can.
            if piece.is_empty() && renewals < MOST_RENEWALS {
                renewals += 1;
                let _ = session.refresh_traffic_keys();
            }
            sent.extend_from_slice(piece);
            session.writer().write_all(piece).expect("room");
            is_open = self.exchange(context, &mut session);
            if !is_open {
                break;
            }
        }
        session.send_close_notify();
        if is_open && self.exchange(context, &mut session) {
            self.end(context);
            self.take(&mut session)
                .expect("records of the server are right");
        }
        answers::answers(&self.answered, &sent);
    }

    /// Sends the same, but damages a byte. The server's alert ends the client's session.
    fn damaged(&mut self, context: &mut Context, caller: &Arc<ClientConfig>, input: &[u8]) {
        let [high, low, mask, input @ ..] = input else {
            return;
        };
        self.damage = Some((usize::from(u16::from_be_bytes([*high, *low])), *mask));
        if let Some(mut session) = self.handshake(context, caller) {
            for piece in site::pieces(input) {
                session.writer().write_all(piece).expect("room");
                if !self.exchange(context, &mut session) {
                    return;
                }
            }
        }
        if self.run(context) {
            self.end(context);
        }
    }

    /// `None` if it fails, which it may only if a byte is damaged.
    fn handshake(
        &mut self,
        context: &mut Context,
        caller: &Arc<ClientConfig>,
    ) -> Option<ClientConnection> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut session = ClientConnection::new(Arc::clone(caller), name).expect("a session");
        for _ in 0..10 {
            if !session.is_handshaking() {
                return Some(session);
            }
            if !self.exchange(context, &mut session) {
                return None;
            }
        }
        None
    }

    /// Moves records in both directions. Returns whether the connection is open.
    fn exchange(&mut self, context: &mut Context, session: &mut ClientConnection) -> bool {
        let mut records = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut records).expect("memory");
        }
        let is_open = self.send(context, &records);
        match self.take(session) {
            Err(_) if self.damage.is_some() => false,
            taken => taken
                .map(|()| is_open)
                .expect("records of the server are right"),
        }
    }

    /// Sends bytes in parts. `false`: the connection is over.
    fn send(&mut self, context: &mut Context, bytes: &[u8]) -> bool {
        let mut is_open = self.run(context);
        for part in bytes.chunks(self.part) {
            let mut part = part.to_vec();
            if let Some((at, mask)) = self.damage
                && let Some(byte) = at.checked_sub(self.sent).and_then(|at| part.get_mut(at))
            {
                *byte ^= mask;
            }
            self.sent += part.len();
            is_open = is_open && self.theirs.write_all(&part).is_ok() && self.run(context);
        }
        is_open
    }

    /// Gives the client's session what has arrived, and takes the plain text out of it.
    fn take(&mut self, session: &mut ClientConnection) -> Result<(), Error> {
        let received = std::mem::take(&mut self.received);
        let mut records = &received[..];
        while !records.is_empty() {
            session.read_tls(&mut records).expect("room");
            session.process_new_packets()?;
            // It ends with an error if no more has come yet.
            let _ = session.reader().read_to_end(&mut self.answered);
        }
        Ok(())
    }

    fn end(&mut self, context: &mut Context) {
        // The server may have closed both halves already.
        let _ = self.theirs.shutdown(Shutdown::Write);
        assert!(!self.run(context), "it never ends");
    }

    /// Drives the connection until it waits for more. `false`: it is over, and all was received.
    fn run(&mut self, context: &mut Context) -> bool {
        let (theirs, received) = (&mut self.theirs, &mut self.received);
        let is_open = site::run(&mut self.connection, context, theirs, received);
        if !is_open {
            let _ = self.theirs.read_to_end(&mut self.received);
        }
        is_open
    }
}
