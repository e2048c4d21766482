//! Reads certificates and keys from files.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::fault::TlsError;
use super::words::words;
use crate::site::file_state::FileState;
use crate::site::named_file::{self, ReadError};

/// The state of a file when it was checked. It changes if the file is replaced or rewritten. `None`
/// if there was no file.
pub type Stamp = Option<FileState>;

/// Reads the state of a file. Symbolic links are followed.
pub fn stamp(path: &Path) -> Stamp {
    FileState::of(path).ok()
}

/// Reads a certificate chain and its key, and checks that they match.
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
        Error::InvalidCertificate(_) => {
            TlsError::BadCertificate(certificate.to_owned(), words(&error))
        }
        other => TlsError::BadKey(key.to_owned(), other.to_string()),
    })
}

/// Reads the authorities that may sign client certificates.
pub fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::BadCertificate(path.to_owned(), words(&error)))?;
    }
    Ok(Arc::new(roots))
}

/// Reads all certificates of a file, at least one.
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
        // The parser does not know the label of one encrypted format, and fails on the header lines
        // of the other.
        Err(_) if is_encrypted(&text) => Err(TlsError::EncryptedKey(path.to_owned())),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey(path.to_owned())),
        Err(fault) => Err(malformed(path, &fault)),
    }
}

/// Whether a key is encrypted. RFC 5958 keys have a label for it, RFC 1421 keys a header line.
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
        pem::Error::MissingSectionEnd { .. } => "it ends before a line -----END".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a line -----BEGIN is incomplete".to_owned(),
        other => other.to_string(),
    };
    TlsError::Malformed(path.to_owned(), why)
}

/// The text with each section of PEM on lines of its own. The parser skips a section that does not begin a line.
/// In files that were put together, a byte order mark may be before it, or the line feed is missing. Apart from
/// comments, PEM is ASCII.
fn in_lines(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).replace('\u{feff}', "\n");
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.starts_with("-----END ") {
            true => line
                .replace("----------BEGIN ", "-----\n-----BEGIN ")
                .into(),
            false => Cow::Borrowed(line),
        });
    lines.collect::<String>().into_bytes()
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let text = named_file::read(path).map_err(|fault| match fault {
        ReadError::Unreadable(fault) => TlsError::Unreadable(path.to_owned(), fault),
        ReadError::NotRegular | ReadError::NoWriter => TlsError::NotRegular(path.to_owned()),
        ReadError::TooLarge => TlsError::TooLarge(path.to_owned()),
    })?;
    Ok(in_lines(&text))
}
