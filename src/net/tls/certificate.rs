//! The subject and the validity of a certificate (RFC 5280 section 4.1.2).

use std::time::{Duration, SystemTime};

use x509_cert::der::Decode;
use x509_cert::time::Time;

/// The subject and the validity of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    subject: Box<str>,
    not_before: Time,
    not_after: Time,
}

/// Whether a certificate is valid at some time. If not, the text is the date from which or until
/// which it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validity {
    Valid,
    NotYet(String),
    NoLonger(String),
}

impl Certificate {
    /// Reads a certificate in DER. `None` if it cannot be parsed: rustls may accept certificates that
    /// this parser does not.
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let content = certificate.tbs_certificate();
        Some(Certificate {
            subject: shortened(content.subject().to_string()),
            not_before: content.validity().not_before,
            not_after: content.validity().not_after,
        })
    }

    /// The distinguished name as a string (RFC 4514), the most specific part first, such as
    /// `CN=alice,O=Example`. It may be empty. A very long name is shortened.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether the certificate is valid at this time.
    pub fn validity(&self, now: SystemTime) -> Validity {
        if now < self.not_before.to_system_time() {
            Validity::NotYet(self.not_before.to_string())
        } else if self.has_expired(now) {
            Validity::NoLonger(self.not_after.to_string())
        } else {
            Validity::Valid
        }
    }

    /// Whether the certificate has expired. It is still valid in the second of `notAfter` (RFC 5280
    /// section 4.1.2.5).
    pub fn has_expired(&self, now: SystemTime) -> bool {
        now >= self.not_after.to_system_time() + Duration::from_secs(1)
    }
}

/// The most characters of a name that a line of the log shows.
const MAX_NAME: usize = 256;

fn shortened(name: String) -> Box<str> {
    match name.char_indices().nth(MAX_NAME) {
        None => name.into(),
        Some((end, _)) => format!("{}...", &name[..end]).into(),
    }
}
