//! The context of a worker: what the connection that it drives may use.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http1::allowed_hosts::AllowedHosts;
use crate::http1::limits::HeadLimits;
use crate::http1::response::Common;
use crate::net::clock::Now;
use crate::net::deadline::{Deadline, LowestRate, Waiting};
use crate::net::limits::{Deadlines, Limits};
use crate::net::mailbox::WakeSender;
use crate::net::sendfile::Sendfile;
use crate::net::settings::{OpenSite, OpenSites, Settings};
use crate::net::tls::Endpoint;
use crate::observe::log::LogHandle;
use crate::observe::observer::Observer;
use crate::observe::tally::{Counting, Tally};
use crate::origin::handler::Origin;
use crate::origin::origins::Origins;
use crate::semantics::field::FieldLine;
use crate::semantics::forwarded::TrustedProxies;
use crate::semantics::trace::Trace;
use crate::site::archive::turns::Turns;
use crate::site::budget::Allowance;
use crate::site::options::Allowances;
use crate::site::resolve::Site;

/// How long a connection may answer pipelined requests in one turn.
pub const TURN_TIME: Duration = Duration::from_millis(1);

/// The context of a worker. It belongs to the thread that creates it.
pub struct Context {
    /// Scratch space for the field lines of a head.
    pub lines: Vec<FieldLine>,
    /// Scratch space for bytes that move from a file or a source to the socket.
    pub scratch: Vec<u8>,
    /// What is known of `sendfile`.
    pub sendfile: Sendfile,
    /// Answers requests.
    pub origins: Origins,
    /// The time of this turn.
    pub now: Now,
    /// How long a connection may answer requests in one turn. If it is zero, others have waited long
    /// already, or may have: a connection answers one request, and a responder is not polled before the
    /// next turn.
    pub turn_time: Duration,
    /// How much a client may ask for.
    pub limits: Limits,
    /// How long a head may be.
    pub head_limits: HeadLimits,
    /// The hosts that the server answers for.
    pub hosts: Arc<AllowedHosts>,
    /// The proxies that may name the client.
    pub proxies: Arc<TrustedProxies>,
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// How fast a client must read.
    pub lowest_rate: LowestRate,
    /// The memory that the worker may hold for clients.
    pub memory: Allowance,
    /// That memory by use, and everything else that the worker may hold.
    allowances: Allowances,
    /// The archives that the worker sends.
    archives: Turns,
    /// Counts and logs exchanges.
    pub observer: Observer,
    /// Records the steps of decisions. It is off in a server: one request after another would add
    /// steps. `docroot explain` answers a single request and reads them.
    pub trace: Trace,
    /// Creates TLS sessions, if the site is served over TLS.
    pub endpoint: Option<Arc<Endpoint>>,
    /// The port to which the redirect service sends clients.
    pub https_port: u16,
    /// The `max-age` of `Strict-Transport-Security` in seconds, if it is sent.
    hsts: Option<u64>,
    /// Makes wakers for handlers and sources that wait.
    pub wakes: WakeSender,
    /// Whether a drain ends connections without a request. If another server has the listeners, their clients may
    /// send one more, which must not be lost.
    pub ends_idle: bool,
    /// How many reloads there were. What was decided before the last one is decided again.
    pub reloads: u32,
}

impl Context {
    /// Creates the context of a worker.
    pub fn new(settings: &Settings, log: LogHandle, wakes: WakeSender) -> Context {
        let config = &settings.config;
        let allowances = settings.budgets.part();
        let now = Now::read();
        let archives = Turns::new(settings.archives.clone());
        let origins = origins(settings, &allowances, &archives, now.instant);
        let head_limits = config.limits.of_head();
        Context {
            lines: Vec::new(),
            scratch: Vec::new(),
            sendfile: Sendfile::default(),
            origins,
            now,
            turn_time: TURN_TIME,
            limits: config.limits,
            head_limits,
            hosts: Arc::clone(&settings.hosts),
            proxies: Arc::clone(&config.proxies),
            deadlines: config.deadlines,
            lowest_rate: LowestRate::new(config.limits.min_rate, config.deadlines.send),
            memory: allowances.memory.clone(),
            allowances,
            archives,
            observer: Observer {
                log,
                counters: Arc::clone(&settings.counters),
                counting: None,
                wire: settings.wire.clone(),
                worker: 0,
                ids: settings.ids.as_ref().map(|source| source.generator()),
            },
            trace: Trace::off(),
            endpoint: settings.endpoint.clone(),
            https_port: settings.port,
            hsts: config.tls.as_ref().and_then(|tls| tls.hsts),
            wakes,
            ends_idle: true,
            reloads: 0,
        }
    }

    /// Counts in `tally` what the worker does for its sites.
    pub fn count_in(&mut self, tally: Arc<Tally>) {
        self.origins.count_in(&tally);
        self.observer.counting = Some(Counting::new(tally));
    }

    /// Switches to new settings. Responses under way finish from their open files. The cache is dropped, because
    /// a file may have another type now. `max_head` stays, because the buffers depend on it.
    pub fn reload(&mut self, settings: &Settings) {
        let config = &settings.config;
        let is_draining = self.origins.is_draining();
        self.origins = origins(settings, &self.allowances, &self.archives, self.now.instant);
        if is_draining {
            self.origins.begin_drain();
        }
        if let Some(counting) = &self.observer.counting {
            self.count_in(Arc::clone(counting.tally()));
        }
        self.hosts = Arc::clone(&settings.hosts);
        self.proxies = Arc::clone(&config.proxies);
        self.limits = config.limits;
        self.head_limits = HeadLimits {
            head: self.head_limits.head,
            ..config.limits.of_head()
        };
        self.deadlines = config.deadlines;
        self.lowest_rate = LowestRate::new(config.limits.min_rate, config.deadlines.send);
        self.endpoint = settings.endpoint.clone();
        self.hsts = config.tls.as_ref().and_then(|tls| tls.hsts);
        self.observer.log.set_options(&config.log);
        self.observer.ids = settings.ids.as_ref().map(|source| source.generator());
        self.reloads = self.reloads.wrapping_add(1);
    }

    /// The deadline of a wait that begins now.
    pub fn deadline(&self, waiting: Waiting) -> Deadline {
        Deadline::new(waiting, self.now.instant, self.allowed(waiting))
    }

    /// The fields that every response has. HSTS is never sent in plain text (RFC 6797 section 7.2).
    pub fn common<'a>(&self, is_secure: bool, request_id: Option<&'a [u8]>) -> Common<'a> {
        Common {
            date: self.now.text,
            hsts: self.hsts.filter(|_| is_secure),
            request_id,
        }
    }

    fn allowed(&self, waiting: Waiting) -> Duration {
        match waiting {
            Waiting::Handshake => self.deadlines.handshake,
            Waiting::FirstRequest | Waiting::Head => self.deadlines.head,
            Waiting::Request | Waiting::Traffic => self.deadlines.idle,
            Waiting::Body => self.deadlines.body,
            Waiting::Send => self.deadlines.send,
            Waiting::Close => self.deadlines.linger,
            Waiting::Answer => Duration::MAX,
        }
    }
}

/// What answers requests.
fn origins(
    settings: &Settings,
    allowances: &Allowances,
    archives: &Turns,
    now: Instant,
) -> Origins {
    let config = &settings.config;
    let mut rules = config.rules.clone();
    rules.stores_nothing |= config.site.live_reload;
    let rules = Rc::new(rules);
    let origin = |site: &OpenSite| {
        let (root, options) = (site.root.root(), Arc::clone(&site.options));
        let mut files = Site::new(root, options, allowances.clone());
        files.follow(Arc::clone(&site.root), now);
        if let Some(disk) = &settings.disk {
            files.use_disk_threads(disk.clone());
        }
        let mut origin = Origin::new(files, config.limits.max_ranges);
        origin.archives = archives.clone();
        origin.hashes = Arc::clone(&settings.hashes);
        origin.rules = Rc::clone(&rules);
        origin.guard = settings.guard.clone();
        origin.handlers = site.handlers(settings);
        origin
    };
    let OpenSites { first, others } = &settings.sites;
    let others = (others.iter()).map(|(host, site)| (host.clone(), origin(site)));
    Origins::new(origin(first), others.collect())
}
