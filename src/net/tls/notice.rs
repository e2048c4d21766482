//! Messages about the TLS files for the operator. None of them stops the server.

use std::fmt;
use std::path::PathBuf;

use super::fault::TlsError;
use crate::observe::notice::WARNING;
use crate::text::escape::Name;

/// A message. Each is one line.
#[derive(Debug)]
pub enum Notice {
    /// The certificate has expired. Clients will refuse it.
    Expired(PathBuf, String),
    /// The certificate is not valid yet. Clients will refuse it.
    NotYetValid(PathBuf, String),
    /// The names of so many authorities do not fit into a request for a client's certificate.
    AuthoritiesNotNamed(usize),
    /// New files are in use.
    Renewed,
    /// The new files are invalid. The old ones stay in use.
    Kept(TlsError),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Expired(path, when) => write!(
                f,
                "{WARNING}the certificate in {path} expired on {when}; clients will refuse it",
                path = Name::of(path)
            ),
            Notice::NotYetValid(path, when) => write!(
                f,
                "{WARNING}the certificate in {path} is not valid before {when}; \
                 clients will refuse it until then",
                path = Name::of(path)
            ),
            Notice::AuthoritiesNotNamed(count) => write!(
                f,
                "the names of the {count} authorities do not fit into a request for a certificate, so \
                 docroot sends none; with only some of them, clients of the others would offer no \
                 certificate"
            ),
            Notice::Renewed => f.write_str("new connections use the new TLS files"),
            Notice::Kept(fault) => write!(
                f,
                "the TLS files have changed, but {fault}; docroot keeps using the old ones"
            ),
        }
    }
}
