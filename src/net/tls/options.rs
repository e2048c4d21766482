//! The options of HTTPS, as plain values. Nothing was read or looked up to make them.

use std::path::{Path, PathBuf};

/// The options of HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Where the server's certificate comes from.
    pub certificate: CertificateSource,
    /// Whether clients must present a certificate.
    pub clients: ClientAuthentication,
    /// The most certificates that a client's chain may have, the client's own included.
    pub client_depth: usize,
    /// The oldest TLS version that is accepted.
    pub min: TlsVersion,
    /// For how many seconds clients must use only HTTPS (`Strict-Transport-Security`, RFC 6797).
    /// `None` sends no such field.
    pub hsts: Option<u64>,
    /// The plain-text port, on the same addresses, that redirects to HTTPS. With 0, the system
    /// chooses the port.
    pub redirect: Option<u16>,
}

impl TlsOptions {
    /// 3: the client's certificate and two intermediate ones. One is usual.
    pub const CLIENT_DEPTH: usize = 3;
    /// Each certificate costs the check of a signature, with a key as slow as the client can find.
    pub const MAX_CLIENT_DEPTH: usize = 10;
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// From two PEM files. They are read again when they change.
    Files {
        /// The server's certificate first, then the intermediate certificates up to its authority.
        certificate: PathBuf,
        /// The key of the first certificate, as PKCS#8, PKCS#1 or SEC1.
        key: PathBuf,
    },
    /// A self-signed certificate, made at each start and never written to disk.
    SelfSigned,
}

/// Whether clients must present a certificate. The path names a PEM file with the authorities that
/// may have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Clients are not asked for a certificate.
    None,
    /// A client need not present a certificate. If it does, the certificate must be valid.
    Optional(PathBuf),
    /// A client must present a valid certificate.
    Required(PathBuf),
}

impl ClientAuthentication {
    /// The file of the authorities, if clients are asked for a certificate.
    pub fn authorities(&self) -> Option<&Path> {
        match self {
            ClientAuthentication::None => None,
            ClientAuthentication::Optional(path) | ClientAuthentication::Required(path) => {
                Some(path)
            }
        }
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
