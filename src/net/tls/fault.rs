//! Why TLS cannot be set up. Each message is one line: what happened, then what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::text::escape::Name;

/// Why TLS cannot be set up.
#[derive(Debug)]
pub enum TlsError {
    /// This program was built without TLS.
    NotBuiltIn,
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The path does not name a regular file.
    NotRegular(PathBuf),
    /// A file has more than 1 MiB.
    TooLarge(PathBuf),
    /// A file is not PEM, or is incomplete.
    Malformed(PathBuf, String),
    /// A file holds no certificate.
    NoCertificate(PathBuf),
    /// A certificate cannot be used.
    BadCertificate(PathBuf, String),
    /// A file holds no private key.
    NoKey(PathBuf),
    /// A key needs a passphrase. The server cannot ask for it.
    EncryptedKey(PathBuf),
    /// A key cannot be used.
    BadKey(PathBuf, String),
    /// The key belongs to another certificate.
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The TLS library reported an error.
    Library(String),
}

impl fmt::Display for TlsError {
    // A line feed in a name cannot break the line: `Name` escapes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::NotBuiltIn => f.write_str(NOT_BUILT_IN),
            TlsError::Unreadable(path, error) => write!(
                f,
                "{} cannot be read: {error}; name a PEM file that this user may read",
                Name::of(path)
            ),
            TlsError::NotRegular(path) => {
                write!(
                    f,
                    "{} is not a regular file: name a PEM file",
                    Name::of(path)
                )
            }
            TlsError::TooLarge(path) => write!(
                f,
                "{} is larger than 1 MiB: name a PEM file",
                Name::of(path)
            ),
            TlsError::Malformed(path, fault) => write!(
                f,
                "{} is not a complete PEM file: {fault}; create or copy it again",
                Name::of(path)
            ),
            TlsError::NoCertificate(path) => write!(
                f,
                "there is no certificate in {}: \
                 a file with a certificate has a line -----BEGIN CERTIFICATE-----",
                Name::of(path)
            ),
            TlsError::BadCertificate(path, fault) => write!(
                f,
                "a certificate in {} cannot be used: {fault}; create or get another one",
                Name::of(path)
            ),
            TlsError::NoKey(path) => no_key(f, Name::of(path)),
            TlsError::EncryptedKey(path) => encrypted_key(f, Name::of(path)),
            TlsError::BadKey(path, fault) => write!(
                f,
                "the private key in {} cannot be used: {fault}; \
                 use an RSA, ECDSA P-256, P-384 or Ed25519 key",
                Name::of(path)
            ),
            TlsError::KeyMismatch { certificate, key } => {
                key_mismatch(f, Name::of(key), Name::of(certificate))
            }
            TlsError::Library(fault) => write!(
                f,
                "TLS cannot be set up: {fault}; \
                 try --tls-self-signed to find out whether the files are the cause"
            ),
        }
    }
}

fn no_key(f: &mut fmt::Formatter<'_>, path: Name<'_>) -> fmt::Result {
    write!(
        f,
        "there is no private key in {path}: \
         a file with a key has a line such as -----BEGIN PRIVATE KEY-----"
    )
}

fn encrypted_key(f: &mut fmt::Formatter<'_>, path: Name<'_>) -> fmt::Result {
    write!(
        f,
        "the private key in {path} needs a passphrase: \
         remove the passphrase with openssl pkey -in KEY -out NEW"
    )
}

fn key_mismatch(f: &mut fmt::Formatter<'_>, key: Name<'_>, certificate: Name<'_>) -> fmt::Result {
    write!(
        f,
        "the private key in {key} does not belong to the first certificate in \
         {certificate}: name the key that belongs to this certificate"
    )
}

impl std::error::Error for TlsError {}

/// The message for an option of HTTPS in a build without TLS.
pub const NOT_BUILT_IN: &str = "this docroot was built without HTTPS: \
     to get HTTPS, run cargo install --path . --features tls";
