//! The administrative service (`--admin`): listeners and one worker of its own.
//!
//! ```text
//! public listeners -> workers        the site
//! admin listener   -> admin worker   health and metrics
//! ```
//!
//! The admin worker shares no connection limit, no memory and no queue with the workers of the site, so clients of the
//! site cannot keep it from answering. It drains only when another server has taken over its listener: until the
//! process ends, it says what the server does. Its requests are neither logged nor counted with those of the site.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::guide::admin::AdminPages;
use crate::guide::admin::operated::Operated;
use crate::http1::allowed_hosts::{AllowedHosts, HostPattern};
use crate::net::acceptor::Acceptor;
use crate::net::clock;
use crate::net::config::{Admin, Config, Port};
use crate::net::context::Context;
use crate::net::descriptors::{ADMIN_CONNECTIONS, SocketNumbers};
use crate::net::limits::Limits;
use crate::net::listener::Bound;
use crate::net::mailbox::{Change, Mailbox, Shutdown, WorkerHandle};
use crate::net::operated::OperatedServer;
use crate::net::reload::{Follower, Reloader};
use crate::net::settings::{OpenSite, OpenSites, Settings};
use crate::net::start_error::StartError;
use crate::net::worker::Worker;
use crate::observe::log::Log;
use crate::observe::metrics::Counters;
use crate::observe::process::ProcessFiles;
use crate::semantics::rules::Rules;
use crate::site::disk::DiskPool;
use crate::site::given_root::GivenRoot;
use crate::site::options::SiteOptions;

/// The memory for its clients: a page of metrics for each connection, and room for many sites.
const MEMORY: u64 = 8 << 20;

/// The root that the worker never reads.
const TOP: &str = "/";

/// A thread that looks at the roots. If one of them does not answer, another thread starts for the next root.
const DISK_THREADS: usize = 1;

/// What listens for operators, before the server runs.
pub(super) struct AdminService {
    pub listeners: Vec<Bound>,
    config: Config,
    ends: (Mailbox, WorkerHandle),
    root: GivenRoot,
    /// Opened before the process is confined.
    files: ProcessFiles,
    shutdown: Arc<Shutdown>,
}

impl AdminService {
    /// A service with these listeners.
    pub fn new(
        config: &Config,
        admin: &Admin,
        listeners: Vec<Bound>,
    ) -> Result<AdminService, StartError> {
        let shutdown = Arc::<Shutdown>::default();
        let ends = Mailbox::new(Arc::clone(&shutdown));
        // The pages are made, and nothing is read from it. It is a directory that nobody wants to remove.
        let root = GivenRoot::open_for_file(Path::new(TOP), b"");
        Ok(AdminService {
            root: root.map_err(|fault| StartError::from_root(Path::new(TOP), fault))?,
            listeners,
            config: config_of(config, admin),
            ends: ends.map_err(|fault| StartError::System("a poller", fault))?,
            files: ProcessFiles::open(),
            shutdown,
        })
    }

    /// Starts its worker. The pages show the server that has these `settings`.
    pub fn start(
        self,
        settings: &Settings,
        shutdown: &Arc<Shutdown>,
        reloader: &Arc<Reloader>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<RunningAdmin, StartError> {
        let (mailbox, worker) = self.ends;
        let own = Arc::<Counters>::default();
        let server = OperatedServer {
            shutdown: Arc::clone(shutdown),
            reloader: Arc::clone(reloader),
            started: settings.started,
            budgets: settings.budgets.clone(),
            counters: Arc::clone(&settings.counters),
            tallies: settings.tallies.clone(),
            own: Arc::clone(&own),
            files: Mutex::new(self.files),
        };
        let settings = settings_of(self.config, self.root, own, Arc::new(server));
        reloader.follow(follower(worker.clone(), Arc::clone(&settings)));
        let running = RunningAdmin {
            listeners: self.listeners,
            worker,
            shutdown: self.shutdown,
            settings: Arc::clone(&settings),
        };
        // Not scheduled as a batch like the other workers: it answers soon although they are busy.
        let thread = thread::Builder::new().name("admin".into()).spawn(move || {
            let context = Context::new(&settings, Log::off().handle(), mailbox.wakes());
            Worker::new(mailbox, &context.head_limits).run(context);
        });
        threads.push(thread.map_err(|fault| StartError::System("a thread", fault))?);
        Ok(running)
    }
}

/// The configuration of the service. It has nothing of the site.
fn config_of(config: &Config, admin: &Admin) -> Config {
    let mut rules = Rules::default();
    rules.stores_nothing = true;
    Config {
        bind: admin.bind.clone(),
        port: Port::Fixed(admin.port),
        allow_hosts: config.allow_hosts.clone(),
        deadlines: config.deadlines,
        limits: Limits {
            max_connections: ADMIN_CONNECTIONS,
            ..Limits::default()
        },
        site: SiteOptions {
            memory: MEMORY,
            cache_memory: 0,
            max_copies: 0,
            // No file has this name.
            only: Some(Vec::new()),
            ..SiteOptions::default()
        },
        rules,
        ..Config::new(TOP.into(), 1, 0)
    }
}

/// The hosts that it answers for. Through a socket of the Unix domain, no foreign page can ask.
fn hosts_of(config: &Config) -> AllowedHosts {
    match config.bind.addresses().next() {
        Some(_) => AllowedHosts::for_operators(&config.allow_hosts),
        None => AllowedHosts::only(&[HostPattern::Any]),
    }
}

fn settings_of(
    config: Config,
    root: GivenRoot,
    counters: Arc<Counters>,
    server: Arc<dyn Operated>,
) -> Arc<Settings> {
    let sites = OpenSites {
        first: OpenSite::new(root, config.site.clone(), clock::instant()),
        others: Vec::new(),
    };
    Arc::new(Settings {
        hosts: Arc::new(hosts_of(&config)),
        handlers: Arc::new(vec![Box::new(move || {
            Box::new(AdminPages::new(Arc::clone(&server)))
        })]),
        disk: Some(DiskPool::new(DISK_THREADS)),
        ..Settings::new(config, sites, counters)
    })
}

/// Switches the worker to what the service has of a configuration of the server.
fn follower(worker: WorkerHandle, mut settings: Arc<Settings>) -> Follower {
    Box::new(move |config| {
        // A reload neither adds nor removes the service.
        let Some(admin) = &config.admin else { return };
        let config = config_of(config, admin);
        let (hosts, sites) = (Arc::new(hosts_of(&config)), settings.sites.clone());
        settings = Arc::new(Settings {
            hosts,
            ..settings.reloaded(config, sites, None, None, None)
        });
        worker.change(Change::Settings(Arc::clone(&settings)));
    })
}

/// The service of a running server.
pub(super) struct RunningAdmin {
    pub listeners: Vec<Bound>,
    worker: WorkerHandle,
    shutdown: Arc<Shutdown>,
    settings: Arc<Settings>,
}

impl RunningAdmin {
    /// What accepts its clients from this listener.
    pub fn acceptor(&self, bound: &Bound) -> Acceptor {
        Acceptor {
            bound: bound.clone(),
            workers: vec![self.worker.clone()],
            max_connections: ADMIN_CONNECTIONS,
            descriptors: SocketNumbers::ALL,
            budgets: self.settings.budgets.clone(),
            shutdown: Arc::clone(&self.shutdown),
            counters: Arc::clone(&self.settings.counters),
            replays: None,
        }
    }

    /// Another server accepts from its listeners from now on.
    pub fn hand_over(&self) {
        self.shutdown.hand_over();
    }

    /// Finishes the responses that were begun.
    pub fn drain(&self) {
        self.shutdown.drain();
        self.worker.wake();
    }

    /// Makes its worker exit, and each acceptor when it is woken.
    pub fn stop(&self) {
        self.shutdown.stop();
        self.worker.wake();
    }
}
