//! Starts listeners and workers, and shuts them down.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never};

use crate::net::acceptor::Acceptor;
use crate::net::admin::{AdminService, RunningAdmin};
use crate::net::config::{Bind, Config, Port};
use crate::net::context::Context;
use crate::net::descriptors::{self, SocketNumbers};
use crate::net::inherited::Inherited;
use crate::net::listen;
use crate::net::listener::{Address, Bound, Listener, Service};
use crate::net::mailbox::{Mailbox, Shutdown, WorkerHandle};
use crate::net::open::{open_endpoint, open_guard, open_ids, open_sites};
use crate::net::passed;
use crate::net::privileges::confine::{Confined, confine};
use crate::net::privileges::options::Landlock;
use crate::net::privileges::reach::Reach;
use crate::net::privileges::user::give_up_root;
use crate::net::reload::{Reloaded, Reloader};
use crate::net::replay::registry::Replays;
use crate::net::scheduling::use_batch_scheduling;
use crate::net::settings::{MakeHandler, OpenSites, Settings};
use crate::net::socket_file::{self, BoundFile};
use crate::net::start_error::StartError;
use crate::net::tls::notice::Notice;
use crate::net::worker::Worker;
use crate::observe::log::Log;
use crate::observe::metrics::Counters;
use crate::origin::auth::Guard;
use crate::site::budget::{Account, Budget};
use crate::site::disk::{DiskPool, Gate};
use crate::site::options::Budgets;
use crate::site::private::CopyStorage;

/// How long the server waits for its workers to stop. They need milliseconds, unless the disk hangs.
const STUCK: Duration = Duration::from_secs(1);

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

/// What a server is told to do. The second order stops it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Say that the server will leave, and drain after a while.
    Leave,
    Drain,
    HandOver,
}

/// How often the server connects to its own listeners until its acceptors exit. Usually once is enough.
const KNOCKS: usize = 500;

/// How often [`Handle::workers_turn`] looks.
const LOOK: Duration = Duration::from_millis(10);

/// Shuts down or reloads a running server from another thread, and shows what it holds.
#[derive(Clone)]
pub struct Handle {
    orders: Sender<Order>,
    memory: Arc<Budget>,
    reloader: Arc<Reloader>,
}

impl Handle {
    /// Asks the server to finish the responses that it has begun, and then to stop. A second call
    /// during the drain stops the server at once.
    pub fn drain(&self) {
        // If the channel is full or disconnected, the server is shutting down already.
        let _ = self.orders.try_send(Order::Drain);
    }

    /// Asks the server to do the same after the time that the configuration says. Until then it serves, and says that
    /// it will leave. A second call, or one of [`Handle::drain`], stops the server at once.
    pub fn leave(&self) {
        let _ = self.orders.try_send(Order::Leave);
    }

    /// How long a server that leaves still serves.
    pub fn drain_delay(&self) -> Duration {
        self.reloader.drain_delay().unwrap_or_default()
    }

    /// Tells the server that another one accepts from its listeners. It finishes the responses that it has begun, and
    /// stops.
    pub fn hand_over(&self) {
        let _ = self.orders.try_send(Order::HandOver);
    }

    /// Switches to a new configuration without dropping a request. If something cannot be opened, nothing
    /// changes. Operators are shown `shown` of it, see [`Server::show`]. Waits for the start of the server, and perhaps
    /// for the disk. `None`: the server has stopped.
    pub fn reload(&self, config: Config, shown: Arc<[u8]>) -> Result<Option<Reloaded>, StartError> {
        self.reloader.reload(config, shown)
    }

    /// Whether every worker begins a turn within this time. A worker that has exited, or a server that does not run,
    /// need not.
    pub fn workers_turn(&self, patience: Duration) -> bool {
        let workers = self.reloader.workers();
        workers.iter().for_each(WorkerHandle::ask_for_turn);
        let looks = (patience.as_millis() / LOOK.as_millis()).max(1);
        (0..looks).any(|_| {
            let have_all = workers.iter().all(WorkerHandle::has_turned);
            if !have_all {
                let _ = never::<()>().recv_timeout(LOOK);
            }
            have_all
        })
    }

    /// How many bytes of memory the server holds for this account. [`Account::ALL`] has all accounts.
    ///
    /// After the clients have left, the server holds what it keeps for the next ones: cached files under
    /// [`Account::Contents`], private copies under [`Account::Copies`], and up to two coders per worker
    /// under [`Account::Coders`]. All other accounts are at zero.
    pub fn held(&self, account: Account) -> u64 {
        self.memory.held(account)
    }
}

impl Server {
    /// Opens the root and the listeners. Then the process becomes the user that the configuration names. The server
    /// counts in `counters`.
    pub fn bind(config: Config, counters: Arc<Counters>) -> Result<Server, StartError> {
        Server::take_over(config, counters, Inherited::default())
    }

    /// The same with the sockets of a server that is replaced, as far as the configuration names their addresses.
    pub fn take_over(
        mut config: Config,
        counters: Arc<Counters>,
        mut inherited: Inherited,
    ) -> Result<Server, StartError> {
        config.site.storage = match config.tls {
            None => CopyStorage::Memfd,
            // `sendfile` cannot encrypt, so a memory file has no advantage.
            Some(_) => CopyStorage::Heap,
        };
        // What another user is to serve, root may not be able to open: on a file system of the network, for example.
        let user = config.privileges.user.as_ref();
        let sites = match user {
            None => Some(open_sites(&config)?),
            Some(_) => None,
        };
        let (sockets, mut files) = open_sockets(&config.bind, config.port, &mut inherited)?;
        let mut listeners = with_listeners(sockets, &config, config.tls.is_some(), Service::Site)?;
        let addresses: Vec<SocketAddr> = addresses_of(&listeners, Service::Site);
        learn_passed(&mut config.bind, &addresses);
        let guard = open_guard(&config, Guard::pool(None))?;
        let (endpoint, notices) = open_endpoint(&config, &addresses)?;
        if let Some(port) = config.tls.as_ref().and_then(|tls| tls.redirect) {
            let plain = listen::bind(&config.bind, Port::Fixed(port), &mut inherited)?;
            listeners.extend(with_listeners(plain, &config, false, Service::Redirect)?);
        }
        let admin = open_admin(&config, &mut inherited, &mut files)?;
        if let Some(user) = user {
            give_up_root(user).map_err(StartError::User)?;
        }
        let sites = match sites {
            Some(sites) => sites,
            None => open_sites(&config)?,
        };
        let reach = reach(&config, &addresses, &listeners, &admin);
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
    pub fn show(&mut self, shown: Arc<[u8]>) {
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
        let of_admin = self.admin.as_ref().map(|admin| &*admin.listeners);
        let all = all_of(&self.listeners, of_admin);
        all.map(|(_, socket)| Arc::clone(socket)).collect()
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

    /// A handle that can shut down the server and shows what it holds.
    pub fn handle(&self) -> Handle {
        Handle {
            orders: self.orders.0.clone(),
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
        let (finished, all_finished) = bounded(0);
        let (alive, watch) = bounded(0);
        // The workers have the settings now. The first ones are not kept beyond a reload.
        let outcome = start_workers(mailboxes, settings, log, finished, &mut threads)
            .and_then(|()| running.start_acceptors(&watch, &mut acceptors));
        if outcome.is_ok() {
            started();
            running.wait(&acceptors, &all_finished);
        }
        drop(alive);
        self.reloader.end();
        if running.shutdown.is_handed_over() {
            self.files.into_iter().for_each(BoundFile::leave);
        }
        threads.append(&mut acceptors);
        running.stop(threads, &all_finished);
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

/// Starts the workers. When the last one exits, `finished` is disconnected.
fn start_workers(
    mailboxes: Vec<Mailbox>,
    settings: Arc<Settings>,
    log: &Log,
    finished: Sender<()>,
    threads: &mut Vec<JoinHandle<()>>,
) -> Result<(), StartError> {
    if let Some(endpoint) = &settings.endpoint {
        endpoint.watch_files();
    }
    for (number, mailbox) in mailboxes.into_iter().enumerate() {
        let settings = Arc::clone(&settings);
        let log = log.handle();
        let finished = finished.clone();
        threads.push(spawn("worker", move || {
            let mut context = Context::new(&settings, log, mailbox.wakes());
            context.observer.worker = number;
            if let Some(tally) = settings.tallies.get(number) {
                context.count_in(Arc::clone(tally));
            }
            if let Some(wire) = &settings.wire {
                wire.wake_for_readers(mailbox.wakes().worker_waker());
            }
            drop(settings);
            Worker::new(mailbox, &context.head_limits).run(context);
            drop(finished);
        })?);
    }
    Ok(())
}

/// A running server.
struct Running {
    admin: Option<RunningAdmin>,
    max_connections: usize,
    budgets: Budgets,
    counters: Arc<Counters>,
    replays: Option<Arc<Replays>>,
    reloader: Arc<Reloader>,
    listeners: Vec<Bound>,
    workers: Vec<WorkerHandle>,
    descriptors: SocketNumbers,
    shutdown: Arc<Shutdown>,
    orders: Receiver<Order>,
}

impl Running {
    fn start_acceptors(
        &self,
        watch: &Receiver<()>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), StartError> {
        for (listener, socket) in &self.listeners {
            let acceptor = Acceptor {
                socket: Arc::clone(socket),
                listener: *listener,
                workers: self.workers.clone(),
                max_connections: self.max_connections,
                descriptors: self.descriptors,
                budgets: self.budgets.clone(),
                shutdown: Arc::clone(&self.shutdown),
                counters: Arc::clone(&self.counters),
                replays: self.replays.clone(),
                alive: watch.clone(),
            };
            threads.push(spawn("acceptor", move || acceptor.run())?);
        }
        let of_admin = self.admin.iter().flat_map(|admin| admin.acceptors(watch));
        for acceptor in of_admin {
            threads.push(spawn("acceptor", move || acceptor.run())?);
        }
        Ok(())
    }

    /// Waits for the order to drain. After it, waits until the workers have exited, the second
    /// order comes, or the deadline passes.
    fn wait(&self, acceptors: &[JoinHandle<()>], all_finished: &Receiver<()>) {
        match self.first_order() {
            Some(Order::HandOver) => self.release(acceptors),
            Some(Order::Drain | Order::Leave) => {}
            None => return,
        }
        self.shutdown.drain();
        self.workers.iter().for_each(WorkerHandle::wake);
        let deadline = self.reloader.drain_time().unwrap_or_default();
        let deadline = crossbeam_channel::after(deadline);
        crossbeam_channel::select! {
            recv(all_finished) -> _ => {}
            recv(self.orders) -> _ => {}
            recv(deadline) -> _ => {}
        }
    }

    /// Waits for an order. If it is to leave, waits until that time is over. `None`: the server must stop at once.
    fn first_order(&self) -> Option<Order> {
        match self.orders.recv().ok()? {
            Order::Leave => {}
            order => return Some(order),
        }
        self.shutdown.leave();
        let delay = self.reloader.drain_delay().unwrap_or_default();
        match self.orders.recv_timeout(delay) {
            Ok(Order::HandOver) => Some(Order::HandOver),
            Err(RecvTimeoutError::Timeout) => Some(Order::Drain),
            Ok(Order::Drain | Order::Leave) | Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Makes the acceptors exit and leaves the listeners to another server. An acceptor that waits exits after its next
    /// client, which it still serves, so the server connects to its own listeners until all acceptors have exited.
    fn release(&self, acceptors: &[JoinHandle<()>]) {
        self.shutdown.hand_over();
        self.admin.iter().for_each(RunningAdmin::hand_over);
        let of_admin = self.admin.as_ref().map(|admin| &*admin.listeners);
        let has_exited = || acceptors.iter().all(JoinHandle::is_finished);
        for _ in 0..KNOCKS {
            if has_exited() {
                break;
            }
            for (_, socket) in all_of(&self.listeners, of_admin) {
                listen::knock(socket);
            }
            let _ = never::<()>().recv_timeout(LOOK);
        }
        self.admin.iter().for_each(RunningAdmin::drain);
    }

    /// Stops every thread and waits for it. If a worker is stuck, it is left behind, and the end of the
    /// process ends it.
    fn stop(&self, threads: Vec<JoinHandle<()>>, all_finished: &Receiver<()>) {
        self.shutdown.stop();
        self.workers.iter().for_each(WorkerHandle::wake);
        self.admin.iter().for_each(RunningAdmin::stop);
        // The listeners of another server must not be shut down.
        let is_handed_over = self.shutdown.is_handed_over();
        for (_, socket) in self.listeners.iter().filter(|_| !is_handed_over) {
            listen::interrupt(socket);
        }
        // Nothing is ever sent: an error other than the timeout means that the workers have ended.
        let timeout = all_finished.recv_timeout(STUCK);
        let is_stuck = timeout == Err(RecvTimeoutError::Timeout);
        for thread in threads {
            if (is_stuck || is_handed_over) && !thread.is_finished() {
                continue;
            }
            // An error means that the thread panicked. It has ended too.
            let _ = thread.join();
        }
    }
}

/// Opens listeners, and the files of those that have one.
fn open_sockets(
    bind: &Bind,
    port: Port,
    inherited: &mut Inherited,
) -> Result<(Vec<TcpListener>, Vec<BoundFile>), StartError> {
    let mut sockets = match bind.addresses().next() {
        Some(_) => listen::bind(bind, port, inherited)?,
        None => Vec::new(),
    };
    if bind.passed {
        sockets.extend(passed::sockets()?);
    }
    let mut files = Vec::new();
    for file in &bind.sockets {
        let (socket, file) = match inherited.take_file(&file.path) {
            Some(socket) => (socket, BoundFile::of(&file.path)),
            None => socket_file::listen(file)?,
        };
        sockets.push(socket);
        files.push(file);
    }
    Ok((sockets, files))
}

/// Opens what listens for operators, if the configuration asks for it.
fn open_admin(
    config: &Config,
    inherited: &mut Inherited,
    files: &mut Vec<BoundFile>,
) -> Result<Option<AdminService>, StartError> {
    let Some(admin) = &config.admin else {
        return Ok(None);
    };
    let port = Port::Fixed(admin.port);
    let (sockets, of_sockets) = open_sockets(&admin.bind, port, inherited)?;
    files.extend(of_sockets);
    let mut listeners = with_listeners(sockets, config, false, Service::Admin)?;
    // The proxies of the site are not in front of this listener.
    for (listener, _) in &mut listeners {
        listener.is_proxied = false;
    }
    AdminService::new(config, admin, listeners).map(Some)
}

/// The addresses of sockets that the service manager has passed are known from now on.
fn learn_passed(bind: &mut Bind, listening: &[SocketAddr]) {
    if bind.passed {
        for ip in listening.iter().map(SocketAddr::ip) {
            if !bind.addresses().any(|known| known == ip) {
                bind.required.push(ip);
            }
        }
    }
}

/// Describes the sockets of a service.
fn with_listeners(
    sockets: Vec<TcpListener>,
    config: &Config,
    is_tls: bool,
    service: Service,
) -> Result<Vec<Bound>, StartError> {
    let describe = |socket: TcpListener| {
        let listener = Listener {
            address: address_of(&socket)?,
            is_proxied: config.is_proxied,
            is_tls,
            service,
        };
        Ok((listener, Arc::new(socket)))
    };
    sockets
        .into_iter()
        .map(describe)
        .collect::<io::Result<_>>()
        .map_err(|fault| StartError::System("a listener", fault))
}

fn address_of(socket: &TcpListener) -> io::Result<Address> {
    let address = rustix::net::getsockname(socket)?;
    Ok(SocketAddr::try_from(address).map_or(Address::Unix, Address::Tcp))
}

fn addresses_of(listeners: &[Bound], service: Service) -> Vec<SocketAddr> {
    let of_service = listeners.iter().map(|(listener, _)| listener);
    of_service
        .filter(|listener| listener.service == service)
        .filter_map(|listener| listener.address.socket())
        .collect()
}

/// The listeners of clients, and those of operators.
fn all_of<'a>(
    of_clients: &'a [Bound],
    of_operators: Option<&'a [Bound]>,
) -> impl Iterator<Item = &'a Bound> {
    of_clients.iter().chain(of_operators.into_iter().flatten())
}

/// What the process must reach, if it is to be confined.
fn reach(
    config: &Config,
    listening: &[SocketAddr],
    listeners: &[Bound],
    admin: &Option<AdminService>,
) -> Reach {
    if config.privileges.landlock == Landlock::Off {
        return Reach::default();
    }
    // The wire view sends requests again through a connection to the server itself.
    let replayed = listening.iter().take(usize::from(config.inspect));
    let replayed = replayed.map(SocketAddr::port);
    // A server that is replaced wakes its acceptors by connecting to them.
    let of_admin = admin.as_ref().map(|admin| &*admin.listeners);
    let addresses =
        all_of(listeners, of_admin).filter_map(|(listener, _)| listener.address.socket());
    let woken = addresses
        .filter(|_| config.take_over.is_some())
        .map(|address| address.port());
    let ports: BTreeSet<u16> = replayed.chain(woken).collect();
    Reach::of(config, ports.into_iter().collect())
}

/// The connections of the server to itself, if the wire view may want some.
fn replays(config: &Config, listening: &[SocketAddr]) -> Option<Arc<Replays>> {
    let address = listening.first().filter(|_| config.inspect)?;
    let has_class = config.class_from.is_some();
    Some(Arc::new(Replays::to(*address, has_class)))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(|| {
            use_batch_scheduling();
            work();
        })
        .map_err(|fault| StartError::System("a thread", fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::config::Admin;

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
        let addresses = [server.addresses(), server.admin_addresses()].concat();
        let mut listening: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
        listening.sort_unstable();
        (server.reach.ports.clone(), listening)
    }

    /// Otherwise the acceptors of a server that is replaced would not wake up, and take clients of the next one.
    #[test]
    fn a_server_that_is_replaced_can_wake_its_acceptors() {
        let (reached, listening) = ports(|config| config.take_over = Some("/nowhere".into()));
        assert_eq!(reached, listening);
        assert_eq!(reached.len(), 2);
        assert!(ports(|_| ()).0.is_empty());
        let (reached, _) = ports(|config| config.inspect = true);
        assert_eq!(reached.len(), 1);
        let off = |config: &mut Config| {
            config.take_over = Some("/nowhere".into());
            config.privileges.landlock = Landlock::Off;
        };
        assert!(ports(off).0.is_empty());
    }
}
