//! The context of a worker: what the connection that it drives may use.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::guide::class::ClassPages;
use crate::guide::class::shared::Class;
use crate::guide::inspect::Inspect;
use crate::guide::lab::Lab;
use crate::guide::lab::room::Room;
use crate::guide::live_reload::{self, LiveReload};
use crate::guide::replay::Connect;
use crate::http1::allowed_hosts::{AllowedHosts, HostPattern};
use crate::http1::limits::HeadLimits;
use crate::http1::response::Common;
use crate::net::buffer::Buffer;
use crate::net::clock::{self, Now};
use crate::net::config::Config;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::limits::{Deadlines, Limits};
use crate::net::mailbox::WakeSender;
use crate::net::outbox::Outbox;
use crate::net::replay::Replayer;
use crate::net::replay::registry::Replays;
use crate::net::sendfile::Sendfile;
use crate::net::tls::{Endpoint, RecordBuffers};
use crate::observe::log::LogHandle;
use crate::observe::metrics::Counters;
use crate::observe::observer::Observer;
use crate::observe::topic::Topic;
use crate::observe::wire::{self, ServerFacts, Wire};
use crate::origin::auth::Guard;
use crate::origin::handler::{Handler, Origin};
use crate::origin::origins::Origins;
use crate::semantics::field::FieldLine;
use crate::semantics::trace::Trace;
use crate::site::archive::turns::{Networks, Turns};
use crate::site::budget::Allowance;
use crate::site::changes::Changed;
use crate::site::disk::DiskPool;
use crate::site::given_root::GivenRoot;
use crate::site::hashing::Hashes;
use crate::site::options::{Budgets, SiteOptions};
use crate::site::resolve::Site;

/// Room in the inbox for pipelined requests behind the longest head.
const READ_AHEAD: usize = 16 * 1024;

/// How long a connection may answer pipelined requests in one turn.
pub const TURN_TIME: Duration = Duration::from_millis(1);

/// The context of a worker. It belongs to the thread that creates it.
pub struct Context {
    /// Buffers for the connection that is driven.
    pub buffers: Buffers,
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
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// The memory that the worker may hold for clients.
    pub memory: Allowance,
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
}

/// A worker's buffers. A connection uses them during its turn.
pub struct Buffers {
    /// For received bytes.
    pub inbox: Buffer,
    /// For bytes to send.
    pub outbox: Outbox,
    /// For TLS records.
    pub records: RecordBuffers,
}

/// What all workers share.
pub struct Settings {
    /// The configuration of the server.
    pub config: Config,
    /// The sites.
    pub sites: OpenSites,
    /// What the workers may hold for clients.
    pub budgets: Budgets,
    /// The threads that wait for the disk. `None`: the workers themselves wait.
    pub disk: Option<DiskPool>,
    /// The clients that receive archives.
    pub archives: Networks,
    /// The digests of files.
    pub hashes: Arc<Hashes>,
    /// The hosts that the server answers for.
    pub hosts: Arc<AllowedHosts>,
    /// Checks passwords, if a path needs one.
    pub guard: Option<Arc<Guard>>,
    /// The server's counters.
    pub counters: Arc<Counters>,
    /// Creates TLS sessions, if the site is served over TLS.
    pub endpoint: Option<Arc<Endpoint>>,
    /// What the wire view reads; `None` if it is off.
    pub wire: Option<Wire>,
    /// The connections of the server to itself, for the wire view.
    pub replays: Option<Arc<Replays>>,
    /// When the server started.
    pub started: SystemTime,
    /// The messages of the lab; `None` if it is off.
    pub room: Option<Room>,
    /// The learners; `None` if there is no class.
    pub class: Option<Class>,
    /// The port of the site.
    pub port: u16,
    /// One entry per handler that each worker asks before the site.
    pub handlers: Vec<MakeHandler>,
}

/// A site whose root is open.
pub struct OpenSite {
    /// The root.
    pub root: Arc<GivenRoot>,
    /// How its files are served.
    pub options: Arc<SiteOptions>,
    /// What changes in it, if live reload is on.
    pub changes: Option<Topic<Changed>>,
}

impl OpenSite {
    /// A site that is opened `now`.
    pub fn new(root: GivenRoot, options: SiteOptions, now: Instant) -> OpenSite {
        let topic = || Topic::new(live_reload::KEPT, now);
        OpenSite {
            root: Arc::new(root),
            changes: options.live_reload.then(topic),
            options: Arc::new(options),
        }
    }

    /// The handlers that are asked before the site.
    fn handlers(&self, settings: &Settings) -> Rc<[Box<dyn Handler>]> {
        let own = [
            self.live_reload(),
            self.inspect(settings),
            self.lab(settings),
            self.class(settings),
        ];
        let others = settings.handlers.iter().map(|make| make());
        own.into_iter().flatten().chain(others).collect()
    }

    /// The handler for live reload, if it is on.
    fn live_reload(&self) -> Option<Box<dyn Handler>> {
        let changes = self.changes.clone()?;
        Some(Box::new(LiveReload::new(changes, &self.options.prefix)))
    }

    /// The handler for the wire view, if it is on.
    fn inspect(&self, settings: &Settings) -> Option<Box<dyn Handler>> {
        let wire = settings.wire.clone()?;
        let config = &settings.config;
        let access = config.guide_access();
        let server = ServerFacts {
            started: settings.started,
            workers: config.threads.max(1),
            is_tls: config.tls.is_some(),
            can_replay: settings.replays.is_some(),
            class: None,
        };
        let replays = settings.replays.clone();
        let replays = replays.map(|replays| Arc::new(Replayer(replays)) as Arc<dyn Connect>);
        let (prefix, class) = (&self.options.prefix, settings.class.clone());
        Some(Box::new(Inspect::new(
            wire, prefix, access, server, replays, class,
        )))
    }

    /// The handler for the lab, if it is on.
    fn lab(&self, settings: &Settings) -> Option<Box<dyn Handler>> {
        let room = settings.room.clone()?;
        let access = settings.config.guide_access();
        Some(Box::new(Lab::new(room, &self.options.prefix, access)))
    }

    /// The handler for the class, if there is one.
    fn class(&self, settings: &Settings) -> Option<Box<dyn Handler>> {
        let class = settings.class.clone()?;
        let access = settings.config.guide_access();
        let prefix = &self.options.prefix;
        Some(Box::new(ClassPages::new(class, prefix, access)))
    }
}

/// The sites of a server.
pub struct OpenSites {
    /// The site for all hosts that no other site is for.
    pub first: OpenSite,
    /// The others.
    pub others: Vec<(HostPattern, OpenSite)>,
}

impl OpenSites {
    /// Every site.
    #[cfg(feature = "live-reload")]
    pub(super) fn all(&self) -> impl Iterator<Item = &OpenSite> {
        let others = self.others.iter().map(|(_, site)| site);
        others.chain([&self.first])
    }
}

impl Settings {
    /// What the workers share if they serve `sites` in plain text, with the handlers of the configuration alone.
    pub fn new(mut config: Config, sites: OpenSites, counters: Arc<Counters>) -> Settings {
        config.rules.stores_nothing |= config.site.live_reload;
        let wire = || Topic::new(wire::KEPT, clock::instant());
        let wire = config.inspect.then(wire);
        let room = || Room::new(clock::instant());
        let now = Now::read();
        let class = || Class::new(now.instant, now.system);
        Settings {
            handlers: Vec::new(),
            class: config.class_from.as_ref().map(|_| class()),
            room: config.lab.then(room),
            hosts: Arc::new(config.hosts()),
            sites,
            budgets: Budgets::new(&config.site, config.threads),
            disk: None,
            archives: Networks::default(),
            hashes: Arc::default(),
            guard: None,
            config,
            counters,
            endpoint: None,
            wire,
            replays: None,
            started: now.system,
            port: 0,
        }
    }
}

/// Makes a handler for one worker.
pub type MakeHandler = Box<dyn Fn() -> Box<dyn Handler> + Send + Sync>;

impl Context {
    /// Creates the context of a worker.
    pub fn new(settings: &Settings, log: LogHandle, wakes: WakeSender) -> Context {
        let config = &settings.config;
        let allowances = settings.budgets.part();
        let memory = allowances.memory.clone();
        let now = Now::read();
        let rules = Rc::new(config.rules.clone());
        let archives = Turns::new(settings.archives.clone());
        let origin = |site: &OpenSite| {
            let (root, options) = (site.root.root(), Arc::clone(&site.options));
            let mut files = Site::new(root, options, allowances.clone());
            files.follow(Arc::clone(&site.root), now.instant);
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
        let others = others
            .iter()
            .map(|(host, site)| (host.clone(), origin(site)));
        let origins = Origins::new(origin(first), others.collect());
        let head_limits = HeadLimits {
            target: config.limits.max_target,
            head: config.limits.max_head,
            fields: config.limits.max_fields,
        };
        Context {
            buffers: Buffers::new(&head_limits),
            lines: Vec::new(),
            scratch: Vec::new(),
            sendfile: Sendfile::default(),
            origins,
            now,
            turn_time: TURN_TIME,
            limits: config.limits,
            head_limits,
            hosts: Arc::clone(&settings.hosts),
            deadlines: config.deadlines,
            memory,
            observer: Observer {
                log,
                counters: Arc::clone(&settings.counters),
                wire: settings.wire.clone(),
                worker: 0,
            },
            trace: Trace::off(),
            endpoint: settings.endpoint.clone(),
            https_port: settings.port,
            hsts: config.tls.as_ref().and_then(|tls| tls.hsts),
            wakes,
        }
    }

    /// Replaces the buffers after a connection panicked during its turn and lost them.
    pub fn renew_buffers(&mut self) {
        self.buffers = Buffers::new(&self.head_limits);
    }

    /// The deadline of a wait that begins now.
    pub fn deadline(&self, waiting: Waiting) -> Deadline {
        Deadline::new(waiting, self.now.instant, self.allowed(waiting))
    }

    /// The fields that every response has. HSTS is never sent in plain text (RFC 6797 section 7.2).
    pub fn common(&self, is_secure: bool) -> Common {
        Common {
            date: self.now.text,
            hsts: self.hsts.filter(|_| is_secure),
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

impl Buffers {
    fn new(limits: &HeadLimits) -> Buffers {
        Buffers {
            inbox: Buffer::new(limits.head + READ_AHEAD),
            outbox: Outbox::default(),
            records: RecordBuffers::new(),
        }
    }
}
