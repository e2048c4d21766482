//! The configuration of all sessions: the server's certificate, and what clients must present.
//!
//! A thread looks at the files: every half second while clients come, and every ten seconds while none
//! does. Workers never look, because the file system may hang. Meanwhile the old certificate stays in
//! use. The certificate and the key cannot be replaced at the same instant, so invalid files are
//! reported only if they are still invalid a second later.

use std::fmt::Display;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never};
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
use super::session::{MostUnfinished, Session};
use crate::net::clock::Now;
use crate::observe::notice::tell;
use crate::sync::lock;

/// The only protocol inside TLS (RFC 7301; RFC 9110 section 4.2.2).
const HTTP_1_1: &[u8] = b"http/1.1";

/// The shortest time between two looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The time between two looks while no client comes. If the files are replaced meanwhile without a reload, the first
/// client may get the old certificate for as long.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);

/// How long new files may be invalid before this is reported, and how long until they are read
/// again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Creates sessions.
pub struct Endpoint {
    options: TlsOptions,
    provider: Arc<CryptoProvider>,
    source: Source,
    config: RwLock<Arc<ServerConfig>>,
    /// Only the thread that looks at the files locks it, and a reload.
    watch: Mutex<Watch>,
    /// Whether that thread was started.
    is_watched: AtomicBool,
    /// Asks the thread to look soon. When it is dropped, the thread ends.
    asks: Sender<()>,
    /// The other end, for the thread.
    asked: Receiver<()>,
}

/// Where the certificate comes from.
enum Source {
    /// The files of the certificate and of the key.
    Files(PathBuf, PathBuf),
    /// A self-signed certificate with its fingerprint.
    SelfSigned(Arc<CertifiedKey>, String),
}

/// The state of the files.
struct Watch {
    /// The stamps of the files in use. They are taken before the files are read, so a change in
    /// between is noticed the next time.
    stamps: Stamps,
    failure: Option<Failure>,
}

/// New files that are invalid or cannot be read.
struct Failure {
    stamps: Stamps,
    since: Instant,
    tried: Instant,
    /// Whether the operator was told.
    is_reported: bool,
}

/// The stamps of all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamps {
    certificate: Stamp,
    key: Stamp,
    authorities: Stamp,
}

impl Endpoint {
    /// Reads the files, or makes a certificate for the addresses in `listening`. Problems that do not
    /// stop the server are returned as notices.
    pub fn open(
        options: &TlsOptions,
        listening: &[SocketAddr],
        now: &Now,
    ) -> Result<(Endpoint, Vec<Notice>), TlsError> {
        let provider = Arc::new(default_provider());
        let source = Source::new(options, listening, now, &provider)?;
        let stamps = Stamps::read(&source, options);
        let identity = source.identity(&provider)?;
        let notice = source.check_validity(&identity, now.system);
        let (config, unnamed) = config(options, identity, &provider, new_ticketer()?)?;
        // Capacity 1: many clients may ask for the same look.
        let (asks, asked) = bounded(1);
        let endpoint = Endpoint {
            options: options.clone(),
            provider,
            source,
            config: RwLock::new(config),
            watch: Mutex::new(Watch {
                stamps,
                failure: None,
            }),
            is_watched: AtomicBool::new(false),
            asks,
            asked,
        };
        Ok((endpoint, notice.into_iter().chain(unnamed).collect()))
    }

    /// The SHA-256 fingerprint of the self-signed certificate, if there is one.
    pub fn fingerprint(&self) -> Option<&str> {
        match &self.source {
            Source::SelfSigned(_, fingerprint) => Some(fingerprint),
            Source::Files(..) => None,
        }
    }

    /// Creates a session for a connection. `received` are its first bytes.
    pub fn session(self: &Arc<Self>, received: &[u8]) -> Result<Session, TlsError> {
        // It was started with the workers, unless there was no room for a thread then.
        self.watch_files();
        // If it is full, the thread is asked already.
        let _ = self.asks.try_send(());
        let most_unfinished = match self.options.clients.authorities() {
            None => MostUnfinished::Hello,
            Some(_) => MostUnfinished::Certificates,
        };
        Session::new(self.current(), most_unfinished, received).map_err(library_error)
    }

    /// Starts the thread that looks at the files, unless it runs already. It ends when the endpoint is dropped.
    pub fn watch_files(self: &Arc<Self>) {
        if self.has_no_files() || self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let (endpoint, asked) = (Arc::downgrade(self), self.asked.clone());
        let thread = thread::Builder::new().name("certificate".into());
        let started = thread.spawn(move || look_when_asked(&endpoint, &asked));
        // Without a thread, the next client tries again.
        self.is_watched.store(started.is_ok(), Ordering::Relaxed);
    }

    fn has_no_files(&self) -> bool {
        let is_made = matches!(self.source, Source::SelfSigned(..));
        is_made && self.options.clients.authorities().is_none()
    }

    /// Looks at the files. Returns how long the next look can wait if nobody asks for it.
    fn look(&self) -> Duration {
        // A check that panicked has left the state consistent.
        let mut watch = lock(&self.watch);
        self.check_files(&mut watch, &Now::read());
        match watch.failure {
            Some(_) => RETRY_INTERVAL,
            None => IDLE_INTERVAL,
        }
    }

    /// Reads the files again if they have changed, because the operator wants a reload. Returns what came of it. If
    /// they are invalid, the old ones stay. It may wait for the disk.
    pub fn reload(&self) -> Vec<Notice> {
        // A check that panicked has left the state consistent.
        let mut watch = lock(&self.watch);
        let stamps = Stamps::read(&self.source, &self.options);
        if stamps == watch.stamps {
            watch.failure = None;
            return Vec::new();
        }
        let now = Now::read();
        match self.renew(&stamps, &mut watch, &now) {
            Ok(notices) => notices,
            Err(fault) => {
                watch.failure = Some(Failure {
                    stamps,
                    since: now.instant,
                    tried: now.instant,
                    is_reported: true,
                });
                vec![Notice::Kept(fault)]
            }
        }
    }

    fn current(&self) -> Arc<ServerConfig> {
        let config = self.config.read();
        Arc::clone(&config.unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again if they have changed. Invalid files are tried again later even if they
    /// have not changed, because the error may have been temporary.
    fn check_files(&self, watch: &mut Watch, now: &Now) {
        let stamps = Stamps::read(&self.source, &self.options);
        if stamps == watch.stamps {
            watch.failure = None;
            return;
        }
        let failure = watch.failure.take();
        let failure = failure.filter(|failure| failure.stamps == stamps);
        let is_recent =
            |failure: &Failure| now.instant.duration_since(failure.tried) < RETRY_INTERVAL;
        if failure.as_ref().is_some_and(is_recent) {
            watch.failure = failure;
            return;
        }
        match self.renew(&stamps, watch, now) {
            Ok(notices) => tell(&notices),
            Err(fault) => watch.failure = Some(report(fault, failure, stamps, now)),
        }
    }

    /// Reads the files and puts them into use. Older sessions can still be resumed, unless the
    /// authorities for client certificates have changed.
    fn renew(&self, new: &Stamps, watch: &mut Watch, now: &Now) -> Result<Vec<Notice>, TlsError> {
        let identity = self.source.identity(&self.provider)?;
        let ticketer = match new.authorities == watch.stamps.authorities {
            true => Arc::clone(&self.current().ticketer),
            false => new_ticketer()?,
        };
        let invalid = self.source.check_validity(&identity, now.system);
        let (config, unnamed) = config(&self.options, identity, &self.provider, ticketer)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        (watch.stamps, watch.failure) = (*new, None);
        let notices = [Notice::Renewed].into_iter().chain(invalid).chain(unnamed);
        Ok(notices.collect())
    }
}

/// Looks at the files of an endpoint until it is dropped.
fn look_when_asked(endpoint: &Weak<Endpoint>, asked: &Receiver<()>) {
    let mut longest = IDLE_INTERVAL;
    while asked.recv_timeout(longest) != Err(RecvTimeoutError::Disconnected)
        && let Some(endpoint) = endpoint.upgrade()
    {
        // The hook has told what panicked. The certificate that is in use stays.
        let look = catch_unwind(AssertUnwindSafe(|| endpoint.look()));
        longest = look.unwrap_or(IDLE_INTERVAL);
        drop(endpoint);
        // Nothing is ever sent.
        let _ = never::<()>().recv_timeout(LOOK_INTERVAL);
    }
}

/// Reports files that have stayed invalid, once.
fn report(fault: TlsError, previous: Option<Failure>, stamps: Stamps, now: &Now) -> Failure {
    let (since, was_reported) = match previous {
        Some(failure) => (failure.since, failure.is_reported),
        None => (now.instant, false),
    };
    let is_due = now.instant.duration_since(since) >= RETRY_INTERVAL;
    if is_due && !was_reported {
        tell(&[Notice::Kept(fault)]);
    }
    Failure {
        stamps,
        since,
        tried: now.instant,
        is_reported: is_due,
    }
}

impl Stamps {
    fn read(source: &Source, options: &TlsOptions) -> Stamps {
        let (certificate, key) = match source {
            Source::Files(certificate, key) => (files::stamp(certificate), files::stamp(key)),
            Source::SelfSigned(..) => (None, None),
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
                Source::SelfSigned(Arc::new(made), fingerprint)
            }
        })
    }

    fn identity(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        match self {
            Source::Files(certificate, key) => {
                files::identity(certificate, key, provider).map(Arc::new)
            }
            Source::SelfSigned(made, _) => Ok(Arc::clone(made)),
        }
    }

    /// A notice if the certificate is not valid now. It is used in any case, because a page with a
    /// warning is better than no page, and the clock may be wrong.
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

fn library_error(error: impl Display) -> TlsError {
    TlsError::Library(error.to_string())
}

fn new_ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    Ticketer::new().map_err(library_error)
}

fn config(
    options: &TlsOptions,
    identity: Arc<CertifiedKey>,
    provider: &Arc<CryptoProvider>,
    ticketer: Arc<dyn ProducesTickets>,
) -> Result<(Arc<ServerConfig>, Option<Notice>), TlsError> {
    let versions: &[_] = match options.min {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(library_error)?;
    let verifier = clients::verifier(&options.clients, options.client_depth, provider)?;
    let (builder, notice) = match verifier {
        None => (builder.with_no_client_auth(), None),
        Some(clients) => (
            builder.with_client_cert_verifier(clients.verifier),
            clients.notice,
        ),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.ticketer = ticketer;
    Ok((Arc::new(config), notice))
}
