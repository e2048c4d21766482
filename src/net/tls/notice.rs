//! What the operator should know of the TLS files, although the server serves.

use std::fmt;
use std::path::PathBuf;

use super::fault::TlsError;

/// Something to tell. Each is one line.
#[derive(Debug)]
pub enum Notice {
    /// The certificate has expired: clients will refuse it.
    Expired(PathBuf, String),
    /// The certificate is not valid yet: clients will refuse it.
    NotYetValid(PathBuf, String),
    /// New files were read.
    Renewed,
    /// New files are no good: the certificate that was read before is still in use.
    Kept(TlsError),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Expired(path, when) => write!(
                f,
                "warning: the certificate in {path:?} expired on {when}; clients will refuse it"
            ),
            Notice::NotYetValid(path, when) => write!(
                f,
                "warning: the certificate in {path:?} is valid from {when} on; \
                 clients will refuse it until then"
            ),
            Notice::Renewed => f.write_str("the new TLS files are in use for new connections"),
            Notice::Kept(fault) => write!(
                f,
                "the TLS files have changed, but {fault}; those read before stay in use"
            ),
        }
    }
}
