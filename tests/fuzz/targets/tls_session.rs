//! A TLS session, fed arbitrary bytes: in place of a handshake, after one, or as the plain text of a
//! client. It does not panic and comes to an end, and what arrives as plain text is answered as without
//! TLS.
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
use docroot::net::context::{Context, Settings};
use docroot::net::mailbox::Mailbox;
use docroot::net::tls::Endpoint;
use docroot::net::tls::options::{CertificateSource, ClientAuthentication, TlsOptions, TlsVersion};
use docroot::net::transport::Transport;
use docroot::observe::log::Log;
use libfuzzer_sys::fuzz_target;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

thread_local! {
    static WORLD: RefCell<(Context, Arc<ClientConfig>)> = RefCell::new((context(), caller()));
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

/// A client that takes any certificate.
fn caller() -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
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
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    WORLD.with_borrow_mut(|(context, caller)| {
        let (ours, theirs) = site::pair();
        let listener = site::listener(true);
        let transport = Transport::new(ours);
        let connection = Connection::new(transport, site::client(), listener, None, context);
        let mut wire = Wire {
            connection,
            theirs,
            received: Vec::new(),
        };
        match kind % 3 {
            0 => wire.raw(context, input),
            1 => {
                if let Some(_session) = wire.handshake(context, caller) {
                    wire.raw(context, input);
                }
            }
            _ => wire.plain(context, caller, input),
        }
    });
});

/// A connection and its client's end.
struct Wire {
    connection: Connection,
    theirs: UnixStream,
    received: Vec<u8>,
}

impl Wire {
    /// Sends bytes that are no records of a session.
    fn raw(&mut self, context: &mut Context, input: &[u8]) {
        for piece in site::pieces(input) {
            if self.theirs.write_all(piece).is_err() || !self.run(context) {
                return;
            }
        }
        self.end(context);
    }

    /// Sends bytes as the plain text of a session, and checks the answers.
    fn plain(&mut self, context: &mut Context, caller: &Arc<ClientConfig>, input: &[u8]) {
        let mut session = self.handshake(context, caller).expect("a handshake");
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for piece in site::pieces(input) {
            sent.extend_from_slice(piece);
            session.writer().write_all(piece).expect("room");
            let is_open = self.exchange(context, &mut session);
            let _ = session.reader().read_to_end(&mut answered);
            if !is_open {
                break;
            }
        }
        session.send_close_notify();
        if self.exchange(context, &mut session) {
            self.end(context);
            self.take(&mut session);
        }
        let _ = session.reader().read_to_end(&mut answered);
        answers::answers(&answered, &sent);
    }

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
            self.exchange(context, &mut session);
        }
        None
    }

    /// Moves records in both directions. Returns whether the connection is open.
    fn exchange(&mut self, context: &mut Context, session: &mut ClientConnection) -> bool {
        while session.wants_write() {
            if session.write_tls(&mut self.theirs).is_err() {
                break;
            }
        }
        let is_open = self.run(context);
        self.take(session);
        is_open
    }

    /// Gives the client's session what has arrived.
    fn take(&mut self, session: &mut ClientConnection) {
        let received = std::mem::take(&mut self.received);
        let mut records = &received[..];
        while !records.is_empty() {
            let read = session.read_tls(&mut records).expect("memory");
            session
                .process_new_packets()
                .expect("records of the server are right");
            // Its buffer is full until the plain text is read.
            if read == 0 {
                self.received = records.to_vec();
                return;
            }
        }
    }

    fn end(&mut self, context: &mut Context) {
        self.theirs.shutdown(Shutdown::Write).expect("half a close");
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
