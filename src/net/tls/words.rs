//! Faults of certificates in words. rustls prints most of them as the names of its types, such as
//! `Other(OtherError(UnsupportedCertVersion))`.

use rustls::{CertificateError, Error};

/// A fault as a part of a sentence.
pub(super) fn words(fault: &Error) -> String {
    match fault {
        Error::InvalidCertificate(fault) => of_certificate(fault),
        other => other.to_string(),
    }
}

/// The same for an error of a peer's certificate, as rustls begins it.
pub(super) fn words_about_peer(fault: &Error) -> String {
    match fault {
        Error::InvalidCertificate(fault) => {
            format!("invalid peer certificate: {}", of_certificate(fault))
        }
        other => other.to_string(),
    }
}

fn of_certificate(fault: &CertificateError) -> String {
    let known = match fault {
        CertificateError::BadEncoding => "it is damaged, or is no certificate",
        CertificateError::UnhandledCriticalExtension => {
            "it has a critical extension that docroot does not know"
        }
        CertificateError::UnknownIssuer => "its issuer is unknown",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its signature algorithm is not supported"
        }
        CertificateError::Other(other) => return of_parser(&other.to_string()),
        other => return separated(&other.to_string()),
    };
    known.to_owned()
}

/// The faults that only the parser has. It prints their names.
fn of_parser(name: &str) -> String {
    let known = match name {
        "UnsupportedCertVersion" => "it is not of X.509 version 3",
        "MalformedExtensions" | "ExtensionValueInvalid" => "one of its extensions is malformed",
        "SignatureAlgorithmMismatch" => "it names two different signature algorithms",
        "CaUsedAsEndEntity" => "it is the certificate of an authority",
        "EndEntityUsedAsCa" => "its issuer is not an authority",
        other => return separated(other),
    };
    known.to_owned()
}

/// The name of a variant as words: `PathLenConstraintViolated` is `path len constraint violated`. Other texts stay
/// as they are.
fn separated(text: &str) -> String {
    let end = text.find(|char: char| !char.is_ascii_alphanumeric());
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    // In a debug text, the fields of the variant follow.
    if !rest.is_empty() && !rest.starts_with('(') && !rest.starts_with(" {") {
        return text.to_owned();
    }
    let mut words = String::new();
    for char in name.chars() {
        if char.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(char.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[track_caller]
    fn check(fault: CertificateError, want: &str) {
        assert_eq!(words(&Error::InvalidCertificate(fault)), want);
    }

    #[test]
    fn no_fault_is_told_as_the_name_of_a_type() {
        let other = |name: &'static str| {
            let fault = std::io::Error::other(name);
            CertificateError::Other(rustls::OtherError(Arc::new(fault)))
        };
        check(
            CertificateError::BadEncoding,
            "it is damaged, or is no certificate",
        );
        check(CertificateError::Revoked, "revoked");
        let algorithm = CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![1],
            supported_algorithms: Vec::new(),
        };
        check(algorithm, "its signature algorithm is not supported");
        check(
            CertificateError::UnknownRevocationStatus,
            "unknown revocation status",
        );
        check(
            other("UnsupportedCertVersion"),
            "it is not of X.509 version 3",
        );
        check(
            other("PathLenConstraintViolated"),
            "path len constraint violated",
        );
        check(other("TrailingData(Certificate)"), "trailing data");
        check(other("CrlExpired { time: 1 }"), "crl expired");
        check(other("a sentence"), "a sentence");
        let fault = Error::General("a sentence".to_owned());
        assert_eq!(words(&fault), "unexpected error: a sentence");
    }
}
