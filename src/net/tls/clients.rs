//! Verifies the certificates of clients by webpki's rules, with a limit on the length of a chain.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::fault::TlsError;
use super::files;
use super::options::ClientAuthentication;

/// How many intermediate certificates a client's chain may have. One or two are usual. Each may cost
/// the check of a signature, with a key as slow as the client can find.
const MAX_INTERMEDIATES: usize = 6;

/// The verifier of client certificates. `None` if clients are not asked for one.
pub fn verifier(
    clients: &ClientAuthentication,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let Some(path) = clients.authorities() else {
        return Ok(None);
    };
    let roots = files::authorities(path)?;
    let rules = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    let rules = match clients {
        ClientAuthentication::Optional(_) => rules.allow_unauthenticated(),
        _ => rules,
    };
    let rules = rules
        .build()
        .map_err(|error| TlsError::BadCertificate(path.to_owned(), error.to_string()))?;
    Ok(Some(Arc::new(Bounded(rules))))
}

/// A verifier that refuses chains that are too long.
#[derive(Debug)]
struct Bounded(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Bounded {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if intermediates.len() > MAX_INTERMEDIATES {
            return Err(Error::General("the client's chain is too long".into()));
        }
        self.0.verify_client_cert(end_entity, intermediates, now)
    }

    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
