//! A server from its configuration to its end: what it opens before it serves, and in which order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::net::admin::AdminService;
use crate::net::config::{Config, Port};
use crate::net::descriptors::{self, SocketNumbers};
use crate::net::handle::{Handle, Order};
use crate::net::inherited::Inherited;
use crate::net::listener::{Bound, Service};
use crate::net::mailbox::{Mailbox, Shutdown, WorkerHandle};
use crate::net::open::{open_endpoint, open_guard, open_ids, open_sites};
use crate::net::privileges::confine::{Confined, confine};
use crate::net::privileges::options::Landlock;
use crate::net::privileges::reach::Reach;
use crate::net::privileges::user::{UserName, give_up_root, numbers};
use crate::net::reload::Reloader;
use crate::net::replay::registry::Replays;
use crate::net::running::{Running, start_workers};
use crate::net::settings::{MakeHandler, OpenSites, Settings};
use crate::net::socket_file::BoundFile;
use crate::net::sockets::{
    addresses_of, bind_all, learn_passed, open_admin, open_sockets, with_listeners,
};
use crate::net::start_error::StartError;
use crate::net::tls::notice::Notice;
use crate::observe::log::Log;
use crate::observe::metrics::Counters;
use crate::origin::auth::Guard;
use crate::site::disk::{DiskPool, Gate};
use crate::site::private::CopyStorage;

/// A server that listens but does not serve yet. Clients wait in the kernel's queue.
pub struct Server {
    settings: Settings,
    listeners: Vec<Bound>,
    /// Answers operators, if it is on.
    admin: Option<AdminService>,
    /// Removed at the end.
    files: Vec<BoundFile>,
    notices: Vec<Notice>,
    workers: Vec<(Mailbox, WorkerHandle)>,
    /// What the process must reach. Found when the roots were opened: their paths may lead elsewhere later.
    reach: Reach,
    /// The descriptors that connections may have. Decided early: the limit may change later.
    descriptors: SocketNumbers,
    shutdown: Arc<Shutdown>,
    /// At most two orders wait: to drain, then to stop.
    orders: (Sender<Order>, Receiver<Order>),
    reloader: Arc<Reloader>,
    _end: EndReloaderOnDrop,
}

/// Ends the reloader when the server is dropped, so that a thread that waits to reload the server stops waiting.
struct EndReloaderOnDrop(Arc<Reloader>);

impl Drop for EndReloaderOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Server {
    /// Opens the root and the listeners. Then the process becomes the user that the configuration names. The server
    /// counts in `counters`.
    pub fn bind(config: Config, counters: Arc<Counters>) -> Result<Server, StartError> {
        Server::take_over(config, counters, Inherited::default(), Vec::new())
    }

    /// The same with the sockets of a server that is replaced, as far as the configuration names their addresses, and
    /// with further `files` of sockets that go with the server.
    pub fn take_over(
        mut config: Config,
        counters: Arc<Counters>,
        mut inherited: Inherited,
        mut files: Vec<BoundFile>,
    ) -> Result<Server, StartError> {
        config.site.storage = match config.tls {
            None => CopyStorage::Memfd,
            // `sendfile` cannot encrypt, so a memory file has no advantage.
            Some(_) => CopyStorage::Heap,
        };
        // Root may not be able to open what another user is to serve: on a file system of the network, for example.
        let user = config.privileges.user.as_ref();
        let early = user.is_none().then(|| open_sites(&config)).transpose()?;
        let sockets = open_sockets(&config.bind, config.port, &mut inherited, &mut files)?;
        let mut listeners = with_listeners(sockets, &config, config.tls.is_some(), Service::Site)?;
        let addresses: Vec<SocketAddr> = addresses_of(&listeners, Service::Site);
        learn_passed(&mut config.bind, &addresses);
        let guard = open_guard(&config, Guard::pool(None))?;
        let (endpoint, notices) = open_endpoint(&config, &addresses)?;
        if let Some(port) = config.tls.as_ref().and_then(|tls| tls.redirect) {
            let plain = bind_all(&config.bind, Port::Fixed(port), &mut inherited)?;
            listeners.extend(with_listeners(plain, &config, false, Service::Redirect)?);
        }
        let admin = open_admin(&config, &mut inherited, &mut files)?;
        if let Some(user) = user {
            become_user(user, &files)?;
        }
        let sites = match early {
            Some(sites) => sites,
            None => open_sites(&config)?,
        };
        let reach = reach(&config, &addresses);
        let shutdown = Arc::<Shutdown>::default();
        let reloader = Arc::<Reloader>::default();
        Ok(Server {
            listeners,
            admin,
            files,
            notices,
            workers: workers(&config, &shutdown)?,
            reach,
            descriptors: SocketNumbers::of_process(descriptors::kept_for_admin(&config)),
            shutdown,
            orders: bounded(2),
            _end: EndReloaderOnDrop(Arc::clone(&reloader)),
            reloader,
            settings: Settings {
                replays: replays(&config, &addresses),
                port: addresses.first().map_or(0, SocketAddr::port),
                endpoint,
                ids: open_ids(&config)?,
                disk: Some(DiskPool::new(config.disk_threads)),
                guard,
                ..Settings::new(config, sites, counters)
            },
        })
    }

    /// Confines this thread, and those that it starts from now on, as the configuration says. Call it before any
    /// other thread starts, and before [`Server::run`].
    pub fn confine(&self) -> Result<Confined, StartError> {
        let wanted = self.settings.config.privileges.landlock;
        let confined = confine(wanted, self.reach.clone()).map_err(StartError::Landlock)?;
        if let Some(confinement) = confined.confinement() {
            self.reloader.stay_within(Arc::clone(confinement));
        }
        Ok(confined)
    }

    /// Adds a handler. Each worker asks the handlers in the order of addition, and then the site.
    pub fn add_handler(&mut self, make: MakeHandler) {
        // Nobody else has them before the server runs.
        if let Some(handlers) = Arc::get_mut(&mut self.settings.handlers) {
            handlers.push(make);
        }
    }

    /// Sets what operators are shown of the configuration: a text without secrets.
    pub fn set_shown_config(&mut self, shown: Arc<[u8]>) {
        self.settings.shown = shown;
    }

    /// Makes the disk slow, for tests: all work on it goes through `gate`, and at most `most_waiting`
    /// pieces of it wait.
    pub fn make_disk_slow(&mut self, gate: Gate, most_waiting: usize) {
        let threads = self.settings.config.disk_threads;
        self.settings.disk = Some(DiskPool::with(threads, most_waiting, Some(gate)));
        let OpenSites { first, others } = &mut self.settings.sites;
        for site in others.iter_mut().map(|(_, site)| site).chain([first]) {
            if let Some(root) = Arc::get_mut(&mut site.root) {
                root.assume_remote();
            }
        }
    }

    /// Makes checks of passwords slow, for tests: each goes through `gate`, and at most `most_waiting` wait.
    pub fn make_checks_slow(&mut self, gate: Gate, most_waiting: usize) -> Result<(), StartError> {
        let pool = Guard::pool(Some((gate, most_waiting)));
        self.settings.guard = open_guard(&self.settings.config, pool)?;
        Ok(())
    }

    /// The listening sockets, for the server that replaces this one.
    pub fn sockets(&self) -> Vec<Arc<TcpListener>> {
        let of_admin = self.admin.iter().flat_map(|admin| &admin.listeners);
        let all = self.listeners.iter().chain(of_admin);
        all.map(|bound| Arc::clone(&bound.socket)).collect()
    }

    /// The addresses of the site. The port is never 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        addresses_of(&self.listeners, Service::Site)
    }

    /// The addresses that redirect from plain text to HTTPS.
    pub fn plain_addresses(&self) -> Vec<SocketAddr> {
        addresses_of(&self.listeners, Service::Redirect)
    }

    /// The addresses for operators.
    pub fn admin_addresses(&self) -> Vec<SocketAddr> {
        let admin = self.admin.as_ref();
        admin.map_or(Vec::new(), |admin| {
            addresses_of(&admin.listeners, Service::Admin)
        })
    }

    /// What the operator should know before the server runs.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The SHA-256 fingerprint of the self-signed certificate, if there is one.
    pub fn fingerprint(&self) -> Option<&str> {
        self.settings.endpoint.as_ref()?.fingerprint()
    }

    /// The configuration, with the addresses of the sockets that the service manager has passed.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// A handle that can shut down the server and shows what it holds.
    pub fn handle(&self) -> Handle {
        Handle {
            orders: self.orders.0.clone(),
            shutdown: Arc::clone(&self.shutdown),
            memory: Arc::clone(self.settings.budgets.memory()),
            reloader: Arc::clone(&self.reloader),
        }
    }

    /// Serves until a [`Handle`] asks it to stop. Calls `started` when all threads have started. A drain
    /// ends at its deadline at the latest, and the server soon after, even if a worker waits for a disk
    /// that does not answer.
    pub fn run(self, log: &Log, started: impl FnOnce()) -> Result<(), StartError> {
        let (mailboxes, workers): (Vec<Mailbox>, Vec<WorkerHandle>) =
            self.workers.into_iter().unzip();
        let settings = Arc::new(self.settings);
        self.reloader.begin(&settings, &workers)?;
        let (mut threads, mut acceptors) = (Vec::new(), Vec::new());
        let admin = (self.admin)
            .map(|admin| {
                let (shutdown, reloader) = (&self.shutdown, &self.reloader);
                admin.start(&settings, shutdown, reloader, &mut threads)
            })
            .transpose()?;
        let running = Running {
            admin,
            max_connections: settings.config.limits.max_connections,
            budgets: settings.budgets.clone(),
            counters: Arc::clone(&settings.counters),
            replays: settings.replays.clone(),
            reloader: Arc::clone(&self.reloader),
            listeners: self.listeners,
            workers,
            descriptors: self.descriptors,
            shutdown: self.shutdown,
            orders: self.orders.1,
        };
        let mut files = self.files;
        let (finished, all_finished) = bounded(0);
        // The workers have the settings now. The first ones are not kept beyond a reload.
        let outcome = start_workers(mailboxes, settings, log, finished, &mut threads)
            .and_then(|()| files.iter().try_for_each(BoundFile::set_mode))
            .and_then(|()| running.start_acceptors(&mut acceptors));
        if outcome.is_ok() {
            started();
            // Whoever had the sockets before has none of their files any more.
            files.iter_mut().for_each(BoundFile::claim);
            running.wait(&mut acceptors, &all_finished);
        }
        self.reloader.end();
        running.stop(threads, acceptors, &all_finished);
        // From the stop on, nobody can get the sockets.
        if running.shutdown.is_lent() {
            files.into_iter().for_each(BoundFile::leave);
        }
        outcome
    }
}

/// Both ends of each worker.
fn workers(
    config: &Config,
    shutdown: &Arc<Shutdown>,
) -> Result<Vec<(Mailbox, WorkerHandle)>, StartError> {
    (0..config.threads.max(1))
        .map(|_| Mailbox::new(Arc::clone(shutdown)))
        .collect::<io::Result<_>>()
        .map_err(|fault| StartError::System("a poller", fault))
}

/// Becomes the user who will serve, and gives the files of sockets to this user: the permissions that the operator wants
/// are about this user and this group.
fn become_user(name: &UserName, files: &[BoundFile]) -> Result<(), StartError> {
    let (user, group) = numbers(name).map_err(StartError::User)?;
    files
        .iter()
        .try_for_each(|file| file.give_to(user, group))?;
    give_up_root(name).map_err(StartError::User)
}

/// What the process must reach, if it is to be confined.
fn reach(config: &Config, listening: &[SocketAddr]) -> Reach {
    if config.privileges.landlock == Landlock::Off {
        return Reach::default();
    }
    // The wire view sends requests again through a connection to the server itself.
    let replayed = listening.iter().take(usize::from(config.inspect));
    Reach::of(config, replayed.map(SocketAddr::port).collect())
}

/// The connections of the server to itself, if the wire view may want some.
fn replays(config: &Config, listening: &[SocketAddr]) -> Option<Arc<Replays>> {
    let address = listening.first().filter(|_| config.inspect)?;
    let has_class = config.class_from.is_some();
    Some(Arc::new(Replays::to(*address, has_class)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::config::{Admin, Bind};

    /// The TCP ports that a server may connect to, and those where it listens.
    fn ports(change: impl FnOnce(&mut Config)) -> (Vec<u16>, Vec<u16>) {
        let folder = tempfile::tempdir().expect("a folder");
        let bind = || Bind {
            required: vec![[127, 0, 0, 1].into()],
            ..Bind::default()
        };
        let mut config = Config {
            bind: bind(),
            port: Port::Fixed(0),
            admin: Some(Admin {
                bind: bind(),
                port: 0,
            }),
            ..Config::new(folder.path().into(), 1, 1024)
        };
        change(&mut config);
        let server = Server::bind(config, Arc::default()).expect("it starts");
        let listening = server.addresses().iter().map(SocketAddr::port).collect();
        (server.reach.ports.clone(), listening)
    }

    #[test]
    fn only_the_wire_view_connects() {
        let (reached, listening) = ports(|config| config.inspect = true);
        assert_eq!(reached, listening);
        assert_eq!(reached.len(), 1);
        assert!(
            ports(|config| config.take_over = Some("/nowhere".into()))
                .0
                .is_empty()
        );
        let off = |config: &mut Config| {
            config.inspect = true;
            config.privileges.landlock = Landlock::Off;
        };
        assert!(ports(off).0.is_empty());
    }
}
