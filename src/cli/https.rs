//! The options of HTTPS: how they combine.

use std::path::PathBuf;

use crate::net::tls::fault::NOT_BUILT_IN;
use crate::net::tls::options::{CertificateSource, ClientAuthentication, TlsOptions, TlsVersion};

/// What was asked of HTTPS, one field per option.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Https {
    /// The PEM file of the server's certificate.
    pub certificate: Option<PathBuf>,
    /// The PEM file of its key.
    pub key: Option<PathBuf>,
    /// Whether to make a certificate.
    pub self_signed: bool,
    /// The PEM file of the authorities that sign the certificates of clients.
    pub client_authorities: Option<PathBuf>,
    /// Whether a client may go without a certificate.
    pub client_optional: bool,
    /// The oldest version.
    pub min: Option<TlsVersion>,
    /// The port of the plain listener.
    pub redirect: Option<u16>,
    /// The seconds of `Strict-Transport-Security`.
    pub hsts: Option<u64>,
}

impl Https {
    /// The oldest version of TLS unless `--tls-min` says otherwise: browsers refuse older ones.
    pub const MIN: TlsVersion = TlsVersion::Tls12;

    /// `None` if no option of HTTPS was given. An error if they contradict each other.
    pub fn options(self) -> Result<Option<TlsOptions>, String> {
        if self == Https::default() {
            return Ok(None);
        }
        if !cfg!(feature = "tls") {
            return Err(NOT_BUILT_IN.into());
        }
        let certificate = self.certificate_source()?;
        let clients = match (self.client_authorities, self.client_optional) {
            (None, false) => ClientAuthentication::None,
            (None, true) => {
                return Err("--tls-client-optional needs --tls-client-ca: \
                            name the file with the authorities of the clients"
                    .into());
            }
            (Some(authorities), true) => ClientAuthentication::Optional(authorities),
            (Some(authorities), false) => ClientAuthentication::Required(authorities),
        };
        Ok(Some(TlsOptions {
            certificate,
            clients,
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
