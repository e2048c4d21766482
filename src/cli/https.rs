//! How the options of HTTPS combine.

use std::path::PathBuf;

use crate::net::tls::fault::NOT_BUILT_IN;
use crate::net::tls::options::{CertificateSource, ClientAuthentication, TlsOptions, TlsVersion};

/// The options of HTTPS as they were given, one field per option.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Https {
    /// The PEM file of the server's certificate.
    pub certificate: Option<PathBuf>,
    /// The PEM file of its key.
    pub key: Option<PathBuf>,
    /// Whether to make a self-signed certificate.
    pub self_signed: bool,
    /// The PEM file of the authorities that sign client certificates.
    pub client_authorities: Option<PathBuf>,
    /// Whether clients may connect without a certificate.
    pub client_optional: bool,
    /// The most certificates in a client's chain.
    pub client_depth: Option<usize>,
    /// The oldest version of TLS.
    pub min: Option<TlsVersion>,
    /// The plain HTTP port that redirects to HTTPS.
    pub redirect: Option<u16>,
    /// The `max-age` of `Strict-Transport-Security` in seconds.
    pub hsts: Option<u64>,
}

impl Https {
    /// The oldest version of TLS unless `--tls-min` says otherwise: browsers refuse older ones.
    pub const MIN: TlsVersion = TlsVersion::Tls12;

    /// The configuration of TLS; `None` if no option of HTTPS was given. An error says which
    /// options do not fit together, and what to do.
    pub fn options(self) -> Result<Option<TlsOptions>, String> {
        if self == Https::default() {
            return Ok(None);
        }
        if !cfg!(feature = "tls") {
            return Err(NOT_BUILT_IN.into());
        }
        let certificate = self.certificate_source()?;
        if self.client_authorities.is_none() && self.client_depth.is_some() {
            return Err(needs_authorities("--tls-client-depth"));
        }
        let clients = match (self.client_authorities, self.client_optional) {
            (None, false) => ClientAuthentication::None,
            (None, true) => return Err(needs_authorities("--tls-client-optional")),
            (Some(authorities), true) => ClientAuthentication::Optional(authorities),
            (Some(authorities), false) => ClientAuthentication::Required(authorities),
        };
        Ok(Some(TlsOptions {
            certificate,
            clients,
            client_depth: self.client_depth.unwrap_or(TlsOptions::CLIENT_DEPTH),
            min: self.min.unwrap_or(Https::MIN),
            hsts: self.hsts,
            redirect: self.redirect,
        }))
    }

    fn certificate_source(&self) -> Result<CertificateSource, String> {
        let fault = match (&self.certificate, &self.key, self.self_signed) {
            (Some(certificate), Some(key), false) => {
                return Ok(CertificateSource::Files {
                    certificate: certificate.clone(),
                    key: key.clone(),
                });
            }
            (None, None, true) => return Ok(CertificateSource::SelfSigned),
            (_, _, true) => {
                "--tls-self-signed makes a certificate of its own: \
                 leave out --tls-cert and --tls-key"
            }
            (Some(_), None, _) => {
                "--tls-cert needs --tls-key: name the file with the private key of the certificate"
            }
            (None, Some(_), _) => {
                "--tls-key needs --tls-cert: name the file with the certificate of the key"
            }
            (None, None, false) => {
                "HTTPS needs a certificate: \
                 give --tls-cert and --tls-key, or --tls-self-signed"
            }
        };
        Err(fault.into())
    }
}

fn needs_authorities(option: &str) -> String {
    format!(
        "{option} needs --tls-client-ca: \
         name the file with the authorities that sign client certificates"
    )
}
