//! What all workers share: the configuration, the open sites, and what bounds and observes them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::guide::class::ClassPages;
use crate::guide::class::absent::NoClass;
use crate::guide::class::shared::Class;
use crate::guide::inspect::Inspect;
use crate::guide::lab::Lab;
use crate::guide::lab::room::Room;
use crate::guide::live_reload::{self, LiveReload};
use crate::guide::replay::Connect;
use crate::http1::allowed_hosts::{AllowedHosts, HostPattern};
use crate::net::clock::{self, Now};
use crate::net::config::Config;
use crate::net::replay::Replayer;
use crate::net::replay::registry::Replays;
use crate::net::tls::Endpoint;
use crate::observe::metrics::Counters;
use crate::observe::request_id::IdSource;
use crate::observe::tally::Tally;
use crate::observe::topic::Topic;
use crate::observe::wire::{self, ServerFacts, Wire};
use crate::origin::auth::Guard;
use crate::origin::handler::Handler;
use crate::site::archive::turns::Networks;
use crate::site::changes::Changed;
use crate::site::disk::DiskPool;
use crate::site::given_root::GivenRoot;
use crate::site::hashing::Hashes;
use crate::site::options::{Budgets, SiteOptions};

/// What all workers share.
pub struct Settings {
    /// The configuration of the server.
    pub config: Config,
    /// The same as a text for operators, without secrets. It also says where each value comes from, so equal
    /// configurations may have different texts.
    pub shown: Arc<[u8]>,
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
    /// What each worker counts for the metrics. Empty if they are off.
    pub tallies: Vec<Arc<Tally>>,
    /// What makes the ids of requests, if they have some.
    pub ids: Option<Arc<IdSource>>,
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
    pub handlers: Arc<Vec<MakeHandler>>,
    /// How many reloads came before.
    pub generation: u64,
    /// Which connections end with the reload that these settings are for.
    pub ends: EndsWithReload,
}

/// A site whose root is open.
#[derive(Clone)]
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
    pub(super) fn handlers(&self, settings: &Settings) -> Rc<[Box<dyn Handler>]> {
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
            has_lab: settings.room.is_some(),
            negotiates: self.options.negotiate,
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

    /// The handler for the class. If there is none, the server with a wire view says so: with that, it may be for learners.
    fn class(&self, settings: &Settings) -> Option<Box<dyn Handler>> {
        let prefix = &self.options.prefix;
        let access = || settings.config.guide_access();
        if let Some(class) = settings.class.clone() {
            return Some(Box::new(ClassPages::new(class, prefix, access())));
        }
        settings.wire.as_ref()?;
        Some(Box::new(NoClass::new(prefix, access())))
    }
}

/// The sites of a server.
#[derive(Clone)]
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

    /// Publishes changes to the topics of `earlier` sites that serve the same, which pages follow already.
    fn keep_topics(&mut self, earlier: &OpenSites) {
        self.first.keep_topic(&earlier.first);
        for (host, site) in &mut self.others {
            let mut others = earlier.others.iter();
            if let Some((_, other)) = others.find(|(other, _)| other == host) {
                site.keep_topic(other);
            }
        }
    }
}

impl OpenSite {
    fn keep_topic(&mut self, earlier: &OpenSite) {
        let is_same =
            self.root.path() == earlier.root.path() && self.options.only == earlier.options.only;
        if let (true, Some(topic), Some(kept)) = (is_same, &mut self.changes, &earlier.changes) {
            *topic = kept.clone();
        }
    }
}

/// Which connections a reload ends, because it changes who may have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndsWithReload {
    /// Those that were upgraded. What is sent on them follows the rules of their beginning. Pages of docroot
    /// connect again.
    pub upgraded: bool,
    /// Those over TLS. Other certificates of clients are asked for now.
    pub tls: bool,
}

impl EndsWithReload {
    fn of(earlier: &Config, config: &Config) -> EndsWithReload {
        let clients = |config: &Config| {
            let tls = config.tls.as_ref();
            tls.map(|tls| (tls.clients.clone(), tls.client_depth))
        };
        EndsWithReload {
            upgraded: earlier != config,
            tls: clients(earlier) != clients(config),
        }
    }
}

impl Settings {
    /// What the workers share if they serve `sites` in plain text, with the handlers of the configuration alone.
    pub fn new(config: Config, sites: OpenSites, counters: Arc<Counters>) -> Settings {
        let wire = || Topic::new(wire::KEPT, clock::instant());
        let wire = config.inspect.then(wire);
        let room = || Room::new(clock::instant());
        let now = Now::read();
        let class = || Class::new(now.instant, now.system);
        let counted = config.admin.as_ref().map_or(0, |_| config.threads.max(1));
        let tallies = Tally::of_workers(counted, now.instant);
        Settings {
            generation: 0,
            handlers: Arc::default(),
            ends: EndsWithReload::default(),
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
            shown: Arc::default(),
            counters,
            tallies,
            ids: None,
            endpoint: None,
            wire,
            replays: None,
            started: now.system,
            port: 0,
        }
    }
}

impl Settings {
    /// Settings with another configuration of a running server. What the workers hold and count goes on.
    pub fn reloaded(
        &self,
        config: Config,
        mut sites: OpenSites,
        guard: Option<Arc<Guard>>,
        endpoint: Option<Arc<Endpoint>>,
        ids: Option<Arc<IdSource>>,
    ) -> Settings {
        sites.keep_topics(&self.sites);
        Settings {
            generation: self.generation + 1,
            ends: EndsWithReload::of(&self.config, &config),
            hosts: Arc::new(config.hosts()),
            config,
            shown: Arc::clone(&self.shown),
            sites,
            guard,
            endpoint,
            ids,
            budgets: self.budgets.clone(),
            disk: self.disk.clone(),
            archives: self.archives.clone(),
            hashes: Arc::clone(&self.hashes),
            counters: Arc::clone(&self.counters),
            tallies: self.tallies.clone(),
            wire: self.wire.clone(),
            replays: self.replays.clone(),
            started: self.started,
            room: self.room.clone(),
            class: self.class.clone(),
            port: self.port,
            handlers: Arc::clone(&self.handlers),
        }
    }
}

/// Makes a handler for one worker.
pub type MakeHandler = Box<dyn Fn() -> Box<dyn Handler> + Send + Sync>;
