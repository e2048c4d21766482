//! The options of HTTPS, and how they go together.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::net::tls::fault::NOT_BUILT_IN;
use crate::net::tls::options::{ClientAuthentication, Identity, TlsOptions, TlsVersion};

use super::units::port;

/// In the help of every build, so that whoever looks for it learns that there is one that has it.
const HTTPS: &str = match cfg!(feature = "tls") {
    true => "HTTPS",
    false => "HTTPS (this docroot was built without it)",
};

/// What is asked of HTTPS.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Https {
    /// Serve over HTTPS with the certificate in this PEM file, and those that lead to its authority
    /// behind it; it is read again when it changes [default: none]
    #[arg(long, value_name = "FILE", help_heading = HTTPS)]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, as PKCS#8, PKCS#1 or SEC1 in a PEM file [default: none]
    #[arg(long, value_name = "FILE", help_heading = HTTPS)]
    tls_key: Option<PathBuf>,

    /// Serve over HTTPS with a certificate that is made now and gone at the end; its fingerprint is
    /// printed
    #[arg(long, help_heading = HTTPS)]
    tls_self_signed: bool,

    /// Demand a certificate of every client, signed by one of the authorities in this PEM file
    /// [default: none]
    #[arg(long, value_name = "FILE", help_heading = HTTPS)]
    tls_client_ca: Option<PathBuf>,

    /// Serve clients without a certificate too; one that is shown must be good
    #[arg(long, help_heading = HTTPS)]
    tls_client_optional: bool,

    /// The oldest version of TLS [default: 1.2]
    #[arg(long, value_name = "VERSION", help_heading = HTTPS)]
    tls_min: Option<TlsVersion>,

    /// Listen on this port too, in plain text, and send whoever comes to HTTPS; 0 for any that is
    /// free [default: none]
    #[arg(long, value_name = "N", help_heading = HTTPS, value_parser = port)]
    http_redirect: Option<u16>,

    /// Tell clients to come back over HTTPS only, for so many seconds (Strict-Transport-Security) [default: none]
    #[arg(long, value_name = "SECONDS", help_heading = HTTPS)]
    hsts: Option<u64>,
}

impl Https {
    /// What they ask for, or what keeps them from going together.
    pub fn options(self) -> Result<Option<TlsOptions>, String> {
        if self == Https::default() {
            return Ok(None);
        }
        if !cfg!(feature = "tls") {
            return Err(NOT_BUILT_IN.into());
        }
        let identity = self.identity()?;
        let clients = match (self.tls_client_ca, self.tls_client_optional) {
            (None, false) => ClientAuthentication::None,
            (None, true) => return Err("--tls-client-optional needs --tls-client-ca".into()),
            (Some(authorities), true) => ClientAuthentication::Optional(authorities),
            (Some(authorities), false) => ClientAuthentication::Required(authorities),
        };
        Ok(Some(TlsOptions {
            identity,
            clients,
            min: self.tls_min.unwrap_or(TlsVersion::Tls12),
            hsts: self.hsts,
            redirect: self.http_redirect,
        }))
    }

    fn identity(&self) -> Result<Identity, String> {
        match (&self.tls_cert, &self.tls_key, self.tls_self_signed) {
            (Some(certificate), Some(key), false) => Ok(Identity::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            (None, None, true) => Ok(Identity::SelfSigned),
            (_, _, true) => Err("--tls-self-signed makes a certificate of its own: \
                                 leave out --tls-cert and --tls-key"
                .into()),
            (Some(_), None, _) => {
                Err("--tls-cert needs --tls-key, the file with its private key".into())
            }
            (None, Some(_), _) => {
                Err("--tls-key needs --tls-cert, the file with its certificate".into())
            }
            (None, None, false) => Err("HTTPS needs a certificate: \
                                        give --tls-cert and --tls-key, or --tls-self-signed"
                .into()),
        }
    }
}

impl ValueEnum for TlsVersion {
    fn value_variants<'a>() -> &'a [TlsVersion] {
        &[TlsVersion::Tls12, TlsVersion::Tls13]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        }))
    }
}
