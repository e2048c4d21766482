//! A certificate made for this run, for whoever wants HTTPS now and has no authority.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::fault::TlsError;
use crate::net::config::Bind;
use crate::net::local_addresses::outward_addresses;

/// How long it is valid: longer than servers run without a restart, and no longer than browsers
/// accept (398 days).
const LIFETIME: Duration = Duration::from_secs(397 * 24 * 60 * 60);

/// Clocks of clients may be slow.
const LEEWAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a key (ECDSA with P-256, the one that every client knows and that signs fastest) and a
/// certificate for localhost, the host's name and the addresses at which the server listens. The
/// text is its SHA-256 fingerprint.
pub fn make(
    listening: &[SocketAddr],
    now: SystemTime,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, String), TlsError> {
    let fault = |error: rcgen::Error| TlsError::Library(error.to_string());
    let names = names().map_err(fault)?;
    let addresses = addresses(listening).into_iter().map(SanType::IpAddress);
    let mut wanted = CertificateParams::default();
    wanted.subject_alt_names = names.into_iter().chain(addresses).collect();
    wanted
        .distinguished_name
        .push(DnType::CommonName, "docroot, signed by itself");
    wanted.not_before = (now - LEEWAY).into();
    wanted.not_after = (now + LIFETIME).into();
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(fault)?;
    let certificate = wanted.self_signed(&key).map_err(fault)?;
    let fingerprint = fingerprint(certificate.der());
    let chain = vec![certificate.der().clone()];
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    CertifiedKey::from_der(chain, private, provider)
        .map(|made| (made, fingerprint))
        .map_err(|error| TlsError::Library(error.to_string()))
}

/// SHA-256 of a certificate, as browsers and `openssl x509 -fingerprint -sha256` show it.
fn fingerprint(certificate: &[u8]) -> String {
    let digest = Sha256::digest(certificate);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// `localhost` and the host's own name, where it is one that a certificate can hold.
fn names() -> Result<Vec<SanType>, rcgen::Error> {
    let mut names = vec![SanType::DnsName("localhost".try_into()?)];
    let host = rustix::system::uname();
    let host = host.nodename().to_str().unwrap_or_default();
    if let Ok(name) = rustls::pki_types::DnsName::try_from(host)
        && name.as_ref() != "localhost"
    {
        names.push(SanType::DnsName(host.try_into()?));
    }
    Ok(names)
}

/// Sockets that take every address stand for the loopback's and those others reach this machine at.
fn addresses(listening: &[SocketAddr]) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for ip in listening.iter().map(SocketAddr::ip) {
        let meant = match ip.is_unspecified() {
            true => Bind::LOOPBACK
                .into_iter()
                .chain(outward_addresses())
                .collect(),
            false => vec![ip],
        };
        let of_its_family = meant
            .into_iter()
            .filter(|other| other.is_ipv4() == ip.is_ipv4());
        addresses.extend(of_its_family);
    }
    addresses.sort();
    addresses.dedup();
    addresses
}
