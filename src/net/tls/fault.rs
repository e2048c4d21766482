//! What can be wrong with certificates and keys. Each message is one line that names the file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why HTTPS cannot be spoken, or not with these files.
#[derive(Debug)]
pub enum TlsError {
    /// This program was built without TLS.
    NotBuiltIn,
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// What has the name is no regular file, or far too large.
    NoSuchFile(PathBuf),
    /// A file is no PEM, or breaks off.
    Malformed(PathBuf, String),
    /// A file holds no certificate.
    NoCertificate(PathBuf),
    /// A certificate is none that could be used.
    BadCertificate(PathBuf, String),
    /// A file holds no private key.
    NoKey(PathBuf),
    /// A key needs a passphrase, and nobody is there to type it.
    EncryptedKey(PathBuf),
    /// A key is none that could be used.
    BadKey(PathBuf, String),
    /// The key belongs to another certificate.
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The library for cryptography refuses.
    Library(String),
}

impl fmt::Display for TlsError {
    // Paths are shown as Rust writes strings: whatever a name holds, it stays on its line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::NotBuiltIn => f.write_str(NOT_BUILT_IN),
            TlsError::Unreadable(path, error) => write!(
                f,
                "{path:?} cannot be read: {error}; name a PEM file that this user may read"
            ),
            TlsError::NoSuchFile(path) => write!(
                f,
                "{path:?} is no regular file of at most 1 MiB: name a PEM file"
            ),
            TlsError::Malformed(path, fault) => write!(
                f,
                "{path:?} is no whole PEM file: {fault}; make or copy it anew"
            ),
            TlsError::NoCertificate(path) => write!(
                f,
                "there is no certificate in {path:?}: \
                 it must hold a line -----BEGIN CERTIFICATE-----"
            ),
            TlsError::BadCertificate(path, fault) => {
                write!(
                    f,
                    "a certificate in {path:?} cannot be used: {fault}; make or get another"
                )
            }
            TlsError::NoKey(path) => write!(
                f,
                "there is no private key in {path:?}: it must hold a line -----BEGIN PRIVATE KEY-----"
            ),
            TlsError::EncryptedKey(path) => write!(
                f,
                "the private key in {path:?} needs a passphrase: \
                 take it off with openssl pkey -in KEY -out NEW"
            ),
            TlsError::BadKey(path, fault) => write!(
                f,
                "the private key in {path:?} cannot be used: {fault}; \
                 an RSA, ECDSA P-256, P-384 or Ed25519 key can"
            ),
            TlsError::KeyMismatch { certificate, key } => write!(
                f,
                "the private key in {key:?} does not belong to the first certificate in \
                 {certificate:?}: name the two that were made together"
            ),
            TlsError::Library(fault) => {
                write!(
                    f,
                    "TLS cannot be set up: {fault}; try --tls-self-signed to see whether \
                           it is the files"
                )
            }
        }
    }
}

impl std::error::Error for TlsError {}

/// What a program without TLS says to whoever asks for it.
pub const NOT_BUILT_IN: &str = "this docroot was built without HTTPS: \
     build one that has it with cargo install --path . --features tls";
