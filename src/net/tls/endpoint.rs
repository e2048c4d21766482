//! The server's side of every session: its identity, and what it asks of clients.
//!
//! The files are looked at when a connection begins, at most once in a turn of a worker, so a
//! renewed certificate is used by the next client and nothing runs while nobody comes. New files
//! that are no good are told of when a client finds that they have stayed so for a moment: whoever
//! replaces a certificate and its key replaces one before the other.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::ProducesTickets;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};

use super::certificate::{Certificate, Validity};
use super::clients;
use super::fault::TlsError;
use super::files::{self, Stamp};
use super::notice::Notice;
use super::options::{CertificateSource, TlsOptions, TlsVersion};
use super::self_signed;
use super::session::Session;
use crate::net::clock::Now;
use crate::observe::notice::tell;

/// The one protocol that is spoken inside (RFC 7301; RFC 9110 section 4.2.2).
const HTTP_1_1: &[u8] = b"http/1.1";

/// How long new files may be no good before that is told, and how long until they are tried again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What sessions are made of.
pub struct Endpoint {
    options: TlsOptions,
    provider: Arc<CryptoProvider>,
    source: Source,
    config: RwLock<Arc<ServerConfig>>,
    /// Reserved by the one worker that looks; the others do not wait for it.
    watch: Mutex<Watch>,
}

/// Where the certificate comes from.
enum Source {
    /// It is read from the disk: the certificate, the key.
    Files(PathBuf, PathBuf),
    /// It was made at the start, with this fingerprint.
    Made(Arc<CertifiedKey>, String),
}

/// What is known of the files.
struct Watch {
    /// What they were when they were read last. They are looked at first and read then, so a change
    /// in between shows the next time.
    stamps: Stamps,
    looked: Instant,
    failing: Option<Failing>,
}

/// New files that are no good, or cannot be read for the moment.
struct Failing {
    stamps: Stamps,
    since: Instant,
    tried: Instant,
    /// The operator knows.
    is_told: bool,
}

/// What the files were when they were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamps {
    certificate: Stamp,
    key: Stamp,
    authorities: Stamp,
}

impl Endpoint {
    /// Reads or makes what it needs. What is wrong and no reason not to serve comes back as
    /// notices. `listening` is where the server is found.
    pub fn open(
        options: &TlsOptions,
        listening: &[SocketAddr],
        now: &Now,
    ) -> Result<(Endpoint, Vec<Notice>), TlsError> {
        let provider = Arc::new(default_provider());
        let source = Source::new(options, listening, now, &provider)?;
        let stamps = Stamps::look(&source, options);
        let identity = source.identity(&provider)?;
        let notice = source.check_validity(&identity, now.system);
        let config = config(options, identity, &provider, new_ticketer()?)?;
        let endpoint = Endpoint {
            options: options.clone(),
            provider,
            source,
            config: RwLock::new(config),
            watch: Mutex::new(Watch {
                stamps,
                looked: now.instant,
                failing: None,
            }),
        };
        Ok((endpoint, Vec::from_iter(notice)))
    }

    /// The SHA-256 fingerprint of the certificate that was made at the start.
    pub fn fingerprint(&self) -> Option<&str> {
        match &self.source {
            Source::Made(_, fingerprint) => Some(fingerprint),
            Source::Files(..) => None,
        }
    }

    /// A session for a connection of which these first bytes were `received`.
    pub fn session(&self, now: &Now, received: &[u8]) -> Result<Session, TlsError> {
        let watch = match self.watch.try_lock() {
            Ok(watch) => Some(watch),
            // A look that panicked has changed nothing by halves.
            Err(TryLockError::Poisoned(watch)) => Some(watch.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut watch) = watch.filter(|watch| watch.looked != now.instant) {
            watch.looked = now.instant;
            self.look(&mut watch, now);
        }
        Session::new(self.current(), received).map_err(library)
    }

    fn current(&self) -> Arc<ServerConfig> {
        let config = self.config.read();
        Arc::clone(&config.unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again where they are others. What is no good is tried again now and then: it
    /// may have been the moment and not the files.
    fn look(&self, watch: &mut Watch, now: &Now) {
        let stamps = Stamps::look(&self.source, &self.options);
        if stamps == watch.stamps {
            watch.failing = None;
            return;
        }
        let failing = watch.failing.take();
        let failing = failing.filter(|failing| failing.stamps == stamps);
        let is_tried = |failing: &Failing| now.instant.duration_since(failing.tried) < PATIENCE;
        if failing.as_ref().is_some_and(is_tried) {
            watch.failing = failing;
            return;
        }
        match self.renew(&stamps, &watch.stamps, now) {
            Ok(notices) => {
                watch.stamps = stamps;
                tell(&notices);
            }
            Err(fault) => watch.failing = Some(note(fault, failing, stamps, now)),
        }
    }

    /// Sessions that were begun before can be resumed after, unless other clients are admitted now.
    fn renew(&self, new: &Stamps, old: &Stamps, now: &Now) -> Result<Vec<Notice>, TlsError> {
        let identity = self.source.identity(&self.provider)?;
        let ticketer = match new.authorities == old.authorities {
            true => Arc::clone(&self.current().ticketer),
            false => new_ticketer()?,
        };
        let invalid = self.source.check_validity(&identity, now.system);
        let config = config(&self.options, identity, &self.provider, ticketer)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok([Notice::Renewed].into_iter().chain(invalid).collect())
    }
}

/// Tells of files that have stayed no good, once.
fn note(fault: TlsError, before: Option<Failing>, stamps: Stamps, now: &Now) -> Failing {
    let (since, was_told) = match before {
        Some(failing) => (failing.since, failing.is_told),
        None => (now.instant, false),
    };
    let is_due = now.instant.duration_since(since) >= PATIENCE;
    if is_due && !was_told {
        tell(&[Notice::Kept(fault)]);
    }
    Failing {
        stamps,
        since,
        tried: now.instant,
        is_told: is_due,
    }
}

impl Stamps {
    fn look(source: &Source, options: &TlsOptions) -> Stamps {
        let (certificate, key) = match source {
            Source::Files(certificate, key) => (files::stamp(certificate), files::stamp(key)),
            Source::Made(..) => (None, None),
        };
        Stamps {
            certificate,
            key,
            authorities: options.clients.authorities().and_then(files::stamp),
        }
    }
}

impl Source {
    fn new(
        options: &TlsOptions,
        listening: &[SocketAddr],
        now: &Now,
        provider: &CryptoProvider,
    ) -> Result<Source, TlsError> {
        Ok(match &options.certificate {
            CertificateSource::Files { certificate, key } => {
                Source::Files(certificate.clone(), key.clone())
            }
            CertificateSource::SelfSigned => {
                let (made, fingerprint) = self_signed::make(listening, now.system, provider)?;
                Source::Made(Arc::new(made), fingerprint)
            }
        })
    }

    fn identity(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        match self {
            Source::Files(certificate, key) => {
                files::identity(certificate, key, provider).map(Arc::new)
            }
            Source::Made(made, _) => Ok(Arc::clone(made)),
        }
    }

    /// A certificate that clients will refuse is told of and used all the same: a page with a
    /// warning is more than none, and the operator may be about to set the clock.
    fn check_validity(&self, identity: &CertifiedKey, now: SystemTime) -> Option<Notice> {
        let Source::Files(path, _) = self else {
            return None;
        };
        match Certificate::read(identity.cert.first()?)?.validity(now) {
            Validity::Valid => None,
            Validity::NotYet(when) => Some(Notice::NotYetValid(path.clone(), when)),
            Validity::NoLonger(when) => Some(Notice::Expired(path.clone(), when)),
        }
    }
}

fn library(error: impl Display) -> TlsError {
    TlsError::Library(error.to_string())
}

fn new_ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    Ticketer::new().map_err(library)
}

fn config(
    options: &TlsOptions,
    identity: Arc<CertifiedKey>,
    provider: &Arc<CryptoProvider>,
    ticketer: Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let versions: &[_] = match options.min {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(library)?;
    let builder = match clients::verifier(&options.clients, provider)? {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.ticketer = ticketer;
    Ok(Arc::new(config))
}
