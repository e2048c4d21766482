//! Certificates and keys, read from their files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::fault::TlsError;
use crate::site::root;

/// What a file was when it was looked at; a file that was replaced or rewritten has another. `None`
/// where there was none.
pub type Stamp = Option<root::FileState>;

/// Looks at a file, where links lead to.
pub fn stamp(path: &Path) -> Stamp {
    root::FileState::of(path).ok()
}

/// Reads a chain and its key, and holds one against the other.
pub fn identity(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(certificate)?;
    let private = private_key(key)?;
    CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyMismatch {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        },
        Error::InvalidCertificate(fault) => {
            TlsError::BadCertificate(certificate.to_owned(), fault.to_string())
        }
        other => TlsError::BadKey(key.to_owned(), other.to_string()),
    })
}

/// Reads the authorities that may sign the certificates of clients.
pub fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::BadCertificate(path.to_owned(), error.to_string()))?;
    }
    Ok(Arc::new(roots))
}

/// Every certificate of a file, of which there is at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|fault| malformed(path, &fault))?;
    match chain.is_empty() {
        true => Err(TlsError::NoCertificate(path.to_owned())),
        false => Ok(chain),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        // One form of it has a label of its own, in the other lines of text are in the way.
        Err(_) if is_encrypted(&text) => Err(TlsError::EncryptedKey(path.to_owned())),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey(path.to_owned())),
        Err(fault) => Err(malformed(path, &fault)),
    }
}

/// RFC 5958 keys say it in their label, RFC 1421 keys in a line of their own.
fn is_encrypted(text: &[u8]) -> bool {
    let marks = [
        &b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..],
        b"Proc-Type: 4,ENCRYPTED",
    ];
    text.split(|&byte| byte == b'\n')
        .any(|line| marks.contains(&line.trim_ascii()))
}

fn malformed(path: &Path, fault: &pem::Error) -> TlsError {
    let why = match fault {
        pem::Error::MissingSectionEnd { .. } => "it breaks off before a line -----END".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a line -----BEGIN is not complete".to_owned(),
        other => other.to_string(),
    };
    TlsError::Malformed(path.to_owned(), why)
}

/// What is no regular file could be without an end, or wait for a writer.
fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::Unreadable(path.to_owned(), error);
    let state = fs::metadata(path).map_err(unreadable)?;
    match state.is_file() && state.len() <= LARGEST {
        true => fs::read(path).map_err(unreadable),
        false => Err(TlsError::NoSuchFile(path.to_owned())),
    }
}

/// 1 MiB: every authority that browsers trust takes a quarter of it.
const LARGEST: u64 = 1 << 20;
