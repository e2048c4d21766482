//! The client's side of a TLS session of the server with itself, for replays of the wire view.
//!
//! It does not verify the certificate: the address that it connects to is the server's own.

use std::io::Write;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use super::session::{cipher, version};

/// A session.
#[derive(Debug)]
pub struct OwnClient(Box<ClientConnection>);

impl OwnClient {
    /// A session whose handshake has not begun. The error is the library's.
    pub fn new() -> Result<OwnClient, Error> {
        let provider = Arc::new(default_provider());
        let verifier = Arc::new(OwnServer(Arc::clone(&provider)));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost");
        let name = name.map_err(|_| Error::General("localhost is no name".to_owned()))?;
        let mut connection = ClientConnection::new(Arc::new(config), name)?;
        // What is written becomes records at once.
        connection.set_buffer_limit(None);
        Ok(OwnClient(Box::new(connection)))
    }

    /// The version and the cipher suite, once the handshake is complete.
    pub fn security(&self) -> Option<(&'static str, &'static str)> {
        if self.0.is_handshaking() {
            return None;
        }
        let suite = self.0.negotiated_cipher_suite()?.suite();
        Some((version(self.0.protocol_version()?), cipher(suite)))
    }

    /// Encrypts octets, and appends the records to `out`.
    pub fn write(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        // There is no limit, so all octets are taken.
        let _ = self.0.writer().write_all(octets);
        self.take_records(out);
    }

    /// Appends the records that wait to `out`.
    pub fn take_records(&mut self, out: &mut Vec<u8>) {
        while self.0.wants_write() {
            // A vector takes everything.
            let _ = self.0.write_tls(out);
        }
    }

    /// Appends the closure alert to `out` (RFC 8446 section 6.1).
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.0.send_close_notify();
        self.take_records(out);
    }

    /// Decrypts what was received, and appends the content to `content`. The error ends the session.
    pub fn read(&mut self, mut received: &[u8], content: &mut Vec<u8>) -> Result<(), Error> {
        while !received.is_empty() {
            // After the closure alert, nothing more is taken.
            if !matches!(self.0.read_tls(&mut received), Ok(1..)) {
                break;
            }
            let state = self.0.process_new_packets()?;
            let begin = content.len();
            content.resize(begin + state.plaintext_bytes_to_read(), 0);
            let mut reader = self.0.reader();
            if std::io::Read::read_exact(&mut reader, &mut content[begin..]).is_err() {
                content.truncate(begin);
            }
        }
        Ok(())
    }
}

/// Accepts every certificate, with its signatures checked.
#[derive(Debug)]
struct OwnServer(Arc<CryptoProvider>);

impl ServerCertVerifier for OwnServer {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
