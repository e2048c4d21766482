//! What the operator asks of HTTPS, as plain values: nothing here was read or looked up.

use std::path::{Path, PathBuf};

/// How the server speaks HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// What the server proves to its clients.
    pub certificate: CertificateSource,
    /// What its clients prove to it.
    pub clients: ClientAuthentication,
    /// The oldest version that is spoken.
    pub min: TlsVersion,
    /// For how many seconds clients are to come back over HTTPS only
    /// (`Strict-Transport-Security`, RFC 6797); `None` sends no such field.
    pub hsts: Option<u64>,
    /// The port of a plain listener at the same addresses that sends its clients here; 0 lets the
    /// system choose.
    pub redirect: Option<u16>,
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// From two PEM files, which are read again when they have changed.
    Files {
        /// The server's certificate first, then those that lead to its authority.
        certificate: PathBuf,
        /// The key of the first certificate, as PKCS#8, PKCS#1 or SEC1.
        key: PathBuf,
    },
    /// One that is made at the start, signed by itself, and gone with the process.
    SelfSigned,
}

/// Whether clients must show a certificate. The path is that of a PEM file with the authorities
/// that may have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// They are not asked.
    None,
    /// Who shows one must show a good one.
    Optional(PathBuf),
    /// Nobody is served without.
    Required(PathBuf),
}

impl ClientAuthentication {
    /// The file of the authorities, where clients are asked.
    pub fn authorities(&self) -> Option<&Path> {
        match self {
            ClientAuthentication::None => None,
            ClientAuthentication::Optional(path) | ClientAuthentication::Required(path) => {
                Some(path)
            }
        }
    }
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
