//! HTTPS.
//!
//! A build without HTTPS has these options too. Its help and its errors say that it lacks HTTPS.

use super::definition::{Choice, Group, Kind, OptionDef, store};
use crate::cli::https::Https;
use crate::cli::units::{count, port};
use crate::net::tls::options::{TlsOptions, TlsVersion};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: match cfg!(feature = "tls") {
        true => "HTTPS",
        false => "HTTPS (this docroot was built without it)",
    },
    options: &[
        CERTIFICATE,
        KEY,
        SELF_SIGNED,
        CLIENT_CA,
        CLIENT_OPTIONAL,
        CLIENT_DEPTH,
        MIN,
        REDIRECT,
        HSTS,
    ],
};

const CERTIFICATE: OptionDef = OptionDef::new(
    "tls-cert",
    Kind::File(|settings, file| settings.https.certificate = Some(file)),
    "Serve over HTTPS with the certificate in this PEM file. The intermediate certificates \
     follow it in the same file. If the file changes, docroot reads it again",
)
.default(|_| "none".into());

const KEY: OptionDef = OptionDef::new(
    "tls-key",
    Kind::File(|settings, file| settings.https.key = Some(file)),
    "The private key of --tls-cert, as PKCS#8, PKCS#1 or SEC1 in a PEM file",
)
.default(|_| "none".into());

const SELF_SIGNED: OptionDef = OptionDef {
    common: match cfg!(feature = "tls") {
        true => Some("Serve over HTTPS, with a new certificate"),
        false => None,
    },
    ..OptionDef::new(
        "tls-self-signed",
        Kind::Switch(|settings| settings.https.self_signed = true),
        "Serve over HTTPS with a certificate that docroot makes for this run. The banner shows its \
         fingerprint",
    )
};

const CLIENT_CA: OptionDef = OptionDef::new(
    "tls-client-ca",
    Kind::File(|settings, file| settings.https.client_authorities = Some(file)),
    "Accept only clients with a certificate that an authority in this PEM file has signed",
)
.default(|_| "none".into());

const CLIENT_OPTIONAL: OptionDef = OptionDef::new(
    "tls-client-optional",
    Kind::Switch(|settings| settings.https.client_optional = true),
    "Also accept clients without a certificate. If a client sends one, it must be valid",
);

const CLIENT_DEPTH: OptionDef = OptionDef::new(
    "tls-client-depth",
    Kind::Text("N", |settings, text| {
        let depth = count(text, 1..=TlsOptions::MAX_CLIENT_DEPTH);
        store(&mut settings.https.client_depth, depth.map(Some))
    }),
    "The maximum number of certificates that a client may send, its own included. Beyond it, the \
     handshake fails",
)
.default(|_| TlsOptions::CLIENT_DEPTH.to_string());

const MIN: OptionDef = OptionDef::new(
    "tls-min",
    Kind::Choice("VERSION", &[TLS12, TLS13]),
    "The oldest version of TLS that clients may use",
)
.default(|_| {
    let choice = match Https::MIN {
        TlsVersion::Tls12 => TLS12,
        TlsVersion::Tls13 => TLS13,
    };
    choice.word.into()
});

const TLS12: Choice = Choice {
    word: "1.2",
    help: "",
    apply: |settings| settings.https.min = Some(TlsVersion::Tls12),
};

const TLS13: Choice = Choice {
    word: "1.3",
    help: "",
    apply: |settings| settings.https.min = Some(TlsVersion::Tls13),
};

const REDIRECT: OptionDef = OptionDef::new(
    "http-redirect",
    Kind::Text("N", |settings, text| {
        store(&mut settings.https.redirect, port(text).map(Some))
    }),
    "Also listen on this port without TLS, and redirect every request to HTTPS. 0 lets the system \
     choose a free port",
)
.default(|_| "none".into());

const HSTS: OptionDef = OptionDef::new(
    "hsts",
    Kind::Text("SECONDS", |settings, text| {
        let seconds = text.parse().map(Some);
        let seconds = seconds.map_err(|_| "not a number of seconds such as 31536000".into());
        store(&mut settings.https.hsts, seconds)
    }),
    "Tell clients to use only HTTPS for this many seconds (Strict-Transport-Security)",
)
.default(|_| "none".into());
