//! Verifies the certificates of clients by webpki's rules, and bounds what that costs.
//!
//! Anyone can send a chain. webpki looks for a path from the client's certificate to an authority, by
//! the names of subjects and issuers, and checks signatures on each path that it finds. Several
//! certificates with one name make many paths. So a chain with such certificates is refused before
//! any signature is checked. Otherwise, the chain has at most one issuer for each certificate.

use std::collections::HashSet;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::fault::TlsError;
use super::files;
use super::notice::Notice;
use super::options::ClientAuthentication;

/// The most bytes of the names of authorities in a request for a certificate. The list cannot be longer than
/// 64 KiB (RFC 8446 section 4.2.4), and rustls panics if it is. Some implementations take less, such as the
/// one of Windows, which takes 16 KiB. The rest of the request needs some hundred bytes.
const MOST_NAMES: usize = 15 * 1024;

/// Verifies the certificates of clients.
pub struct Verifier {
    /// For rustls.
    pub verifier: Arc<dyn ClientCertVerifier>,
    /// What the operator should know.
    pub notice: Option<Notice>,
}

/// The verifier of client certificates. `None` if clients are not asked for one. A chain may have at
/// most `depth` certificates.
pub fn verifier(
    clients: &ClientAuthentication,
    depth: usize,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Verifier>, TlsError> {
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
    let names = rules.root_hint_subjects();
    // A name has its length in two bytes before it (RFC 8446 section 4.2.4).
    let length: usize = names.iter().map(|name| name.as_ref().len() + 2).sum();
    let notice = (length > MOST_NAMES).then_some(Notice::AuthoritiesNotNamed(names.len()));
    let verifier = Arc::new(Bounded {
        names_authorities: notice.is_none(),
        rules,
        depth,
    });
    Ok(Some(Verifier { verifier, notice }))
}

/// A verifier that refuses chains whose verification could cost too much.
#[derive(Debug)]
struct Bounded {
    rules: Arc<dyn ClientCertVerifier>,
    depth: usize,
    /// Whether clients are told the names of the authorities.
    names_authorities: bool,
}

impl Bounded {
    fn check_cost(&self, chain: &[&CertificateDer<'_>]) -> Result<(), Error> {
        let (count, most) = (chain.len(), self.depth);
        if count > most {
            return Err(Error::General(format!(
                "the client's chain has {count} certificates, and --tls-client-depth allows {most}"
            )));
        }
        let mut names = RootCertStore::empty();
        for certificate in chain {
            // This reads the certificate with webpki's parser. Nothing is trusted.
            names.add((*certificate).clone())?;
        }
        let subjects: HashSet<&[u8]> = names.roots.iter().map(|one| &*one.subject).collect();
        match subjects.len() == count {
            true => Ok(()),
            false => Err(Error::General(
                "two certificates of the client's chain have the same subject".into(),
            )),
        }
    }
}

impl ClientCertVerifier for Bounded {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<&CertificateDer<'_>> =
            [end_entity].into_iter().chain(intermediates).collect();
        self.check_cost(&chain)?;
        self.rules
            .verify_client_cert(end_entity, intermediates, now)
    }

    fn offer_client_auth(&self) -> bool {
        self.rules.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.rules.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A client offers only certificates of the authorities in this list (RFC 8446 section 4.2.4). If some names
        // were missing, their clients could not log in. Without any name, a client may offer each of its certificates
        // (RFC 5246 section 7.4.4).
        match self.names_authorities {
            true => self.rules.root_hint_subjects(),
            false => &[],
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::time::SystemTime;

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
        IsCa, Issuer, KeyPair,
    };
    use rustls::crypto::WebPkiSupportedAlgorithms;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::pki_types::{
        AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
    };

    thread_local! {
        static CHECKS: Cell<usize> = const { Cell::new(0) };
    }

    /// The algorithm of rcgen's default keys. It counts the checks of this thread.
    #[derive(Debug)]
    struct Counting;

    impl SignatureVerificationAlgorithm for Counting {
        fn verify_signature(
            &self,
            public_key: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Result<(), InvalidSignature> {
            CHECKS.set(CHECKS.get() + 1);
            let provider = default_provider().signature_verification_algorithms;
            let is_same = |other: &&&dyn SignatureVerificationAlgorithm| {
                other.public_key_alg_id() == self.public_key_alg_id()
                    && other.signature_alg_id() == self.signature_alg_id()
            };
            let real = provider.all.iter().find(is_same).expect("it has this one");
            real.verify_signature(public_key, message, signature)
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ECDSA_P256
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ECDSA_SHA256
        }
    }

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn about(name: &str, is_ca: IsCa) -> CertificateParams {
        let mut about = CertificateParams::default();
        about.distinguished_name.push(DnType::CommonName, name);
        about.is_ca = is_ca;
        about.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        about
    }

    fn key() -> KeyPair {
        KeyPair::generate().expect("a key")
    }

    fn authority(name: &str) -> Authority {
        let about = about(name, IsCa::Ca(BasicConstraints::Unconstrained));
        CertifiedIssuer::self_signed(about, key()).expect("a certificate")
    }

    fn intermediate(name: &str, issuer: &Issuer<'static, KeyPair>) -> Authority {
        let about = about(name, IsCa::Ca(BasicConstraints::Unconstrained));
        CertifiedIssuer::signed_by(about, key(), issuer).expect("a certificate")
    }

    fn client(issuer: &Issuer<'static, KeyPair>) -> CertificateDer<'static> {
        let client = about("alice", IsCa::NoCa).signed_by(&key(), issuer);
        client.expect("a certificate").der().clone()
    }

    /// Verifies a chain. Returns the outcome and the number of signatures that were checked.
    fn verify(
        root: &Authority,
        depth: usize,
        chain: &[CertificateDer<'static>],
    ) -> (Result<(), String>, usize) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), root.pem()).expect("a file");
        let mut provider = default_provider();
        provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
            all: &[&Counting],
            mapping: &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[&Counting])],
        };
        let clients = ClientAuthentication::Required(file.path().to_owned());
        let verifier = verifier(&clients, depth, &Arc::new(provider));
        let Verifier { verifier, .. } = verifier.expect("a verifier").expect("clients are asked");
        CHECKS.set(0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = UnixTime::since_unix_epoch(now.expect("after 1970"));
        let outcome = verifier.verify_client_cert(&chain[0], &chain[1..], now);
        let outcome = outcome.map(drop).map_err(|error| error.to_string());
        (outcome, CHECKS.get())
    }

    #[test]
    fn a_chain_costs_one_check_for_each_certificate() {
        let root = authority("root");
        let one = intermediate("one", &root);
        let two = intermediate("two", &one);
        let (one, two, alice) = (one.der().clone(), two.der().clone(), client(&two));
        assert_eq!(
            verify(&root, 3, &[alice.clone(), two.clone(), one.clone()]),
            (Ok(()), 3)
        );
        // Their order does not matter.
        assert_eq!(verify(&root, 3, &[alice, one, two]), (Ok(()), 3));
        assert_eq!(verify(&root, 3, &[client(&root)]), (Ok(()), 1));
    }

    /// Each certificate could be the issuer of each other one.
    #[test]
    fn certificates_of_one_name_cost_no_check() {
        let root = authority("root");
        let namesake = authority("root");
        let mut chain = vec![client(&namesake)];
        for _ in 0..6 {
            chain.push(intermediate("root", &namesake).der().clone());
        }
        let (outcome, checks) = verify(&root, 3, &chain);
        let error = outcome.expect_err("it is too long");
        assert!(error.contains("has 7 certificates"), "{error}");
        assert_eq!(checks, 0);
        for length in 3..=7 {
            let (outcome, checks) = verify(&root, 7, &chain[..length]);
            let error = outcome.expect_err("it has no path to the root");
            assert!(error.contains("have the same subject"), "{error}");
            assert_eq!(checks, 0);
        }
    }

    #[test]
    fn authorities_are_named_as_far_as_clients_accept_it() {
        let key = key();
        let mut pem = String::new();
        let mut check = |count: usize, is_named: bool| {
            for number in 0..count {
                let name = format!("{number:0>16}");
                let about = about(&name, IsCa::Ca(BasicConstraints::Unconstrained));
                pem += &about.self_signed(&key).expect("a certificate").pem();
            }
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), &pem).expect("a file");
            let clients = ClientAuthentication::Required(file.path().to_owned());
            let provider = Arc::new(default_provider());
            let verifier = verifier(&clients, 3, &provider).expect("a verifier");
            let Verifier { verifier, notice } = verifier.expect("clients are asked");
            assert_eq!(!verifier.root_hint_subjects().is_empty(), is_named);
            assert_eq!(notice.is_none(), is_named);
        };
        check(100, true);
        check(500, false);
    }

    /// The names lead to the root twice, and no signature is good.
    #[test]
    fn the_longest_detour_is_short() {
        let (root, namesake) = (authority("root"), authority("root"));
        let detour = intermediate("detour", &namesake);
        let back = intermediate("root", &detour);
        let chain = [client(&namesake), back.der().clone(), detour.der().clone()];
        let (outcome, checks) = verify(&root, 3, &chain);
        assert!(outcome.is_err());
        assert_eq!(checks, 2);
    }
}
