//! The server's side of every session: its identity, and what it asks of clients.
//!
//! The files are looked at when a connection begins, at most once in a turn of a worker, so a
//! renewed certificate is used by the next client and nothing runs while nobody comes. New files
//! that are no good are told of once they have stayed so for a moment: whoever replaces a
//! certificate and its key replaces one before the other.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ProducesTickets, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};

use super::certificate::{Certificate, Validity};
use super::fault::TlsError;
use super::files::{self, Stamp};
use super::notice::Notice;
use super::options::{ClientAuthentication, Identity, TlsOptions, TlsVersion};
use super::self_signed;
use super::session::Session;
use crate::net::clock::Now;
use crate::observe::notice::tell;

/// The one protocol that is spoken inside (RFC 7301; RFC 9110 section 4.2.2).
const HTTP_1_1: &[u8] = b"http/1.1";

/// How long new files may be no good before that is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// What sessions are made of.
pub struct Endpoint {
    options: TlsOptions,
    provider: Arc<CryptoProvider>,
    /// The certificate that was made at the start, if there is one.
    own: Option<(Arc<CertifiedKey>, String)>,
    state: Mutex<State>,
}

/// What was read last, and what became of it.
struct State {
    config: Arc<ServerConfig>,
    stamps: Stamps,
    looked: Instant,
    failing: Option<Failing>,
}

/// New files that are no good.
struct Failing {
    stamps: Stamps,
    since: Instant,
    /// The operator knows.
    is_told: bool,
}

/// What the files were when they were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let own = match options.identity {
            Identity::SelfSigned => {
                let made = self_signed::make(listening, now.system, &provider)?;
                let fingerprint = self_signed::fingerprint(&made.cert[0]);
                Some((Arc::new(made), fingerprint))
            }
            Identity::Files { .. } => None,
        };
        let stamps = Stamps::look(options);
        let ticketer = new_ticketer()?;
        let identity = identity(options, own.as_ref(), &provider)?;
        let notices = check_validity(options, &identity, now.system);
        let config = config(options, identity, &provider, ticketer)?;
        let state = State {
            config,
            stamps,
            looked: now.instant,
            failing: None,
        };
        let endpoint = Endpoint {
            options: options.clone(),
            provider,
            own,
            state: Mutex::new(state),
        };
        Ok((endpoint, notices.into_iter().collect()))
    }

    /// The SHA-256 fingerprint of the certificate that was made at the start.
    pub fn fingerprint(&self) -> Option<&str> {
        self.own
            .as_ref()
            .map(|(_, fingerprint)| fingerprint.as_str())
    }

    /// A session for a connection of which these first bytes were `received`.
    pub fn session(&self, now: &Now, received: &[u8]) -> Result<Session, TlsError> {
        let config = self.current(now);
        Session::new(config, received).map_err(|error| TlsError::Library(error.to_string()))
    }

    fn current(&self, now: &Now) -> Arc<ServerConfig> {
        // Nothing that holds the lock leaves the state half changed.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked != now.instant {
            state.looked = now.instant;
            self.look(&mut state, now);
        }
        Arc::clone(&state.config)
    }

    /// Reads the files again where they are others.
    fn look(&self, state: &mut State, now: &Now) {
        let stamps = Stamps::look(&self.options);
        if stamps == state.stamps {
            state.failing = None;
            return;
        }
        let failing = state
            .failing
            .take()
            .filter(|failing| failing.stamps == stamps);
        if failing.as_ref().is_some_and(|failing| failing.is_told) {
            state.failing = failing;
            return;
        }
        match self.renew(state, &stamps, now) {
            Ok(notices) => {
                state.stamps = stamps;
                notices.iter().for_each(|notice| tell(notice));
            }
            Err(fault) => {
                let since = failing.map_or(now.instant, |failing| failing.since);
                let is_told = now.instant.duration_since(since) >= PATIENCE;
                if is_told {
                    tell(&Notice::Kept(fault));
                }
                state.failing = Some(Failing {
                    stamps,
                    since,
                    is_told,
                });
            }
        }
    }

    /// Sessions that were begun before can be resumed after, unless other clients are admitted now.
    fn renew(
        &self,
        state: &mut State,
        stamps: &Stamps,
        now: &Now,
    ) -> Result<Vec<Notice>, TlsError> {
        let identity = identity(&self.options, self.own.as_ref(), &self.provider)?;
        let ticketer = match stamps.authorities == state.stamps.authorities {
            true => Arc::clone(&state.config.ticketer),
            false => new_ticketer()?,
        };
        let invalid = check_validity(&self.options, &identity, now.system);
        state.config = config(&self.options, identity, &self.provider, ticketer)?;
        Ok([Notice::Renewed].into_iter().chain(invalid).collect())
    }
}

impl Stamps {
    fn look(options: &TlsOptions) -> Stamps {
        let (certificate, key) = match &options.identity {
            Identity::Files { certificate, key } => (files::stamp(certificate), files::stamp(key)),
            Identity::SelfSigned => (None, None),
        };
        let authorities = options.clients.authorities();
        Stamps {
            certificate,
            key,
            authorities: authorities.and_then(files::stamp),
        }
    }
}

fn identity(
    options: &TlsOptions,
    own: Option<&(Arc<CertifiedKey>, String)>,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    match (&options.identity, own) {
        (Identity::Files { certificate, key }, _) => {
            files::identity(certificate, key, provider).map(Arc::new)
        }
        (Identity::SelfSigned, Some((own, _))) => Ok(Arc::clone(own)),
        (Identity::SelfSigned, None) => Err(TlsError::Library("there is no certificate".into())),
    }
}

/// A certificate that clients will refuse is told of and used all the same: a page with a warning
/// is more than none, and the operator may be about to set the clock.
fn check_validity(
    options: &TlsOptions,
    identity: &CertifiedKey,
    now: SystemTime,
) -> Option<Notice> {
    let Identity::Files { certificate, .. } = &options.identity else {
        return None;
    };
    let first = identity.cert.first()?;
    match Certificate::read(first)?.validity(now) {
        Validity::Valid => None,
        Validity::NotYet(when) => Some(Notice::NotYetValid(certificate.clone(), when)),
        Validity::NoLonger(when) => Some(Notice::Expired(certificate.clone(), when)),
    }
}

fn new_ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    Ticketer::new().map_err(|error| TlsError::Library(error.to_string()))
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
        .map_err(|error| TlsError::Library(error.to_string()))?;
    let builder = match options.clients.authorities() {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(verifier(options, path, provider)?),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.ticketer = ticketer;
    Ok(Arc::new(config))
}

/// What the certificates of clients are held against.
fn verifier(
    options: &TlsOptions,
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = files::authorities(path)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    let verifier = match options.clients {
        ClientAuthentication::Optional(_) => verifier.allow_unauthenticated(),
        _ => verifier,
    };
    verifier
        .build()
        .map_err(|error| TlsError::BadCertificate(path.to_owned(), error.to_string()))
}
