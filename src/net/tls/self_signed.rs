//! Makes a self-signed certificate, for HTTPS without an authority.

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

/// How long it is valid: longer than most servers run without a restart, but not longer than browsers
/// accept (398 days).
const LIFETIME: Duration = Duration::from_secs(397 * 24 * 60 * 60);

/// The certificate is valid from this long ago, because clocks of clients may be slow.
const LEEWAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a key and a certificate for localhost, the name of this host and the addresses of the
/// server. Also returns the SHA-256 fingerprint of the certificate.
///
/// The key is ECDSA with P-256, because every client supports it and it signs fast.
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
        .push(DnType::CommonName, "docroot, self-signed");
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

/// `localhost` and the name of this host, if a certificate can hold it.
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

/// The addresses of the server. A wildcard address is replaced by the loopback address and the
/// outward address of its family.
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
            .filter(|address| address.is_ipv4() == ip.is_ipv4());
        addresses.extend(of_its_family);
    }
    addresses.sort();
    addresses.dedup();
    addresses
}
