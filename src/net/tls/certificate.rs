//! What of a certificate people want to know (RFC 5280 section 4.1.2).

use std::time::{Duration, SystemTime};

use x509_cert::der::Decode;
use x509_cert::time::Time;

/// Whose it is, and when it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    subject: Box<str>,
    not_before: Time,
    not_after: Time,
}

/// Whether a certificate can be used at a moment; if not, since or until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validity {
    Valid,
    NotYet(String),
    NoLonger(String),
}

impl Certificate {
    /// Reads one in DER. `None` where it cannot be understood: what verifies certificates may
    /// understand more than what shows them.
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let content = certificate.tbs_certificate();
        Some(Certificate {
            subject: shortened(content.subject().to_string()),
            not_before: content.validity().not_before,
            not_after: content.validity().not_after,
        })
    }

    /// The distinguished name as a string (RFC 4514): the most specific part first, such as
    /// `CN=alice,O=Example`. It may be empty, and is cut where it is very long.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether it can be used at this moment.
    pub fn validity(&self, now: SystemTime) -> Validity {
        if now < self.not_before.to_system_time() {
            Validity::NotYet(self.not_before.to_string())
        } else if self.has_expired(now) {
            Validity::NoLonger(self.not_after.to_string())
        } else {
            Validity::Valid
        }
    }

    /// Whether its time is over; its last second belongs to it (RFC 5280 section 4.1.2.5).
    pub fn has_expired(&self, now: SystemTime) -> bool {
        now >= self.not_after.to_system_time() + Duration::from_secs(1)
    }
}

/// As many characters of a name as are told in each line of a log.
const LONGEST_NAME: usize = 256;

fn shortened(name: String) -> Box<str> {
    match name.char_indices().nth(LONGEST_NAME) {
        None => name.into(),
        Some((end, _)) => format!("{}...", &name[..end]).into(),
    }
}
