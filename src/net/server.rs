//! Listeners, workers, and their end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::net::acceptor::Acceptor;
use crate::net::clock::Now;
use crate::net::config::{Config, Port};
use crate::net::context::{Context, MakeHandler, Settings};
use crate::net::listen;
use crate::net::listener::{Address, Listener, Service};
use crate::net::mailbox::{Mailbox, Shutdown, WorkerHandle};
use crate::net::scheduling::use_batch_scheduling;
use crate::net::start_error::StartError;
use crate::net::tls::Endpoint;
use crate::net::tls::notice::Notice;
use crate::net::worker::Worker;
use crate::observe::log::Log;
use crate::observe::metrics::Counters;
use crate::site::private::CopyStorage;
use crate::site::root::Root;

/// A server that listens and does not serve yet: clients wait in the kernel's queue.
pub struct Server {
    settings: Settings,
    listeners: Vec<(Listener, Arc<TcpListener>)>,
    notices: Vec<Notice>,
    workers: Vec<(Mailbox, WorkerHandle)>,
    shutdown: Arc<Shutdown>,
    /// Told once to drain, then to stop.
    commands: (Sender<Command>, Receiver<Command>),
}

/// What a [`Handle`] may ask for.
enum Command {
    Drain,
    Stop,
}

/// Ends a running server from another thread.
#[derive(Clone)]
pub struct Handle {
    commands: Sender<Command>,
}

impl Handle {
    /// Asks the server to finish the answers it has begun, and to leave.
    pub fn drain(&self) {
        // The channel is full or gone only if the server was asked before.
        let _ = self.commands.try_send(Command::Drain);
    }

    /// Asks the server to leave at once.
    pub fn stop(&self) {
        let _ = self.commands.try_send(Command::Stop);
    }
}

impl Server {
    /// Opens the root and the listeners. What happens is counted in `counters`.
    pub fn bind(mut config: Config, counters: Arc<Counters>) -> Result<Server, StartError> {
        config.site.storage = match config.tls {
            None => CopyStorage::Memfd,
            // The kernel cannot encrypt them.
            Some(_) => CopyStorage::Heap,
        };
        let root = open_root(&mut config)?;
        let site = listen::bind(&config.bind, config.port)?;
        let mut listeners = listening(site, config.tls.is_some(), Service::Site)?;
        let addresses: Vec<SocketAddr> = addresses_of(&listeners, Service::Site);
        let (endpoint, notices) = open_endpoint(&config, &addresses)?;
        if let Some(port) = config.tls.as_ref().and_then(|tls| tls.redirect) {
            let plain = listen::bind(&config.bind, Port::Fixed(port))?;
            listeners.extend(listening(plain, false, Service::Redirect)?);
        }
        let shutdown = Arc::<Shutdown>::default();
        let workers = (0..config.threads.max(1))
            .map(|_| Mailbox::new(Arc::clone(&shutdown)))
            .collect::<io::Result<_>>()
            .map_err(|fault| StartError::System("a poller", fault))?;
        Ok(Server {
            listeners,
            notices,
            workers,
            shutdown,
            commands: bounded(2),
            settings: Settings {
                root: Arc::new(root),
                options: Arc::new(config.site.clone()),
                port: addresses.first().map_or(0, SocketAddr::port),
                endpoint,
                config,
                counters,
                handlers: Vec::new(),
            },
        })
    }

    /// Adds a handler that each worker asks before the site, behind those that were added before.
    pub fn add_handler(&mut self, make: MakeHandler) {
        self.settings.handlers.push(make);
    }

    /// Where the site is found; the port is never 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        addresses_of(&self.listeners, Service::Site)
    }

    /// Where the plain port beside HTTPS listens.
    pub fn plain_addresses(&self) -> Vec<SocketAddr> {
        addresses_of(&self.listeners, Service::Redirect)
    }

    /// What the operator should know before it serves.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The SHA-256 fingerprint of the certificate that was made for this run, if one was.
    pub fn fingerprint(&self) -> Option<&str> {
        self.settings.endpoint.as_ref()?.fingerprint()
    }

    /// A handle to end it with.
    pub fn handle(&self) -> Handle {
        Handle {
            commands: self.commands.0.clone(),
        }
    }

    /// Serves until a [`Handle`] asks it to end. The time to drain is bounded by its deadline.
    pub fn run(self, log: &Log) -> Result<(), StartError> {
        let (mailboxes, workers): (Vec<Mailbox>, Vec<WorkerHandle>) =
            self.workers.into_iter().unzip();
        let settings = Arc::new(self.settings);
        let running = Running {
            settings: Arc::clone(&settings),
            listeners: self.listeners,
            workers,
            shutdown: self.shutdown,
            commands: self.commands.1,
        };
        let (finished, all_finished) = bounded(0);
        let (alive, watch) = bounded(0);
        let mut threads = Vec::new();
        let outcome = start_workers(mailboxes, &settings, log, finished, &mut threads)
            .and_then(|()| running.start_acceptors(&watch, &mut threads));
        if outcome.is_ok() {
            running.wait(&all_finished);
        }
        drop(alive);
        running.leave(threads);
        outcome
    }
}

/// `finished` is disconnected when the last worker has left.
fn start_workers(
    mailboxes: Vec<Mailbox>,
    settings: &Arc<Settings>,
    log: &Log,
    finished: Sender<()>,
    threads: &mut Vec<JoinHandle<()>>,
) -> Result<(), StartError> {
    for mailbox in mailboxes {
        let settings = Arc::clone(settings);
        let log = log.handle();
        let finished = finished.clone();
        threads.push(spawn("worker", move || {
            let context = Context::new(&settings, log, mailbox.wakes());
            Worker::new(mailbox).run(context);
            drop(finished);
        })?);
    }
    Ok(())
}

/// A server whose workers have their threads.
struct Running {
    settings: Arc<Settings>,
    listeners: Vec<(Listener, Arc<TcpListener>)>,
    workers: Vec<WorkerHandle>,
    shutdown: Arc<Shutdown>,
    commands: Receiver<Command>,
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
                max_connections: self.settings.config.limits.max_connections,
                shutdown: Arc::clone(&self.shutdown),
                counters: Arc::clone(&self.settings.counters),
                alive: watch.clone(),
            };
            threads.push(spawn("acceptor", move || acceptor.run())?);
        }
        Ok(())
    }

    /// Waits for a command, then for the workers, then for the deadline.
    fn wait(&self, all_finished: &Receiver<()>) {
        if !matches!(self.commands.recv(), Ok(Command::Drain)) {
            return;
        }
        self.shutdown.drain();
        self.workers.iter().for_each(WorkerHandle::wake);
        let deadline = crossbeam_channel::after(self.settings.config.deadlines.drain);
        crossbeam_channel::select! {
            recv(all_finished) -> _ => {}
            recv(self.commands) -> _ => {}
            recv(deadline) -> _ => {}
        }
    }

    /// Ends every thread and waits for it.
    fn leave(&self, threads: Vec<JoinHandle<()>>) {
        self.shutdown.stop();
        self.workers.iter().for_each(WorkerHandle::wake);
        self.listeners
            .iter()
            .for_each(|(_, socket)| listen::interrupt(socket));
        for thread in threads {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// What sockets that were opened for a service are.
fn listening(
    sockets: Vec<TcpListener>,
    is_tls: bool,
    service: Service,
) -> Result<Vec<(Listener, Arc<TcpListener>)>, StartError> {
    let with_listener = |socket: TcpListener| {
        let address = Address::Tcp(socket.local_addr()?);
        let listener = Listener {
            address,
            is_tls,
            service,
        };
        Ok((listener, Arc::new(socket)))
    };
    sockets
        .into_iter()
        .map(with_listener)
        .collect::<io::Result<_>>()
        .map_err(|fault| StartError::System("a listener", fault))
}

fn addresses_of(listeners: &[(Listener, Arc<TcpListener>)], service: Service) -> Vec<SocketAddr> {
    let of_service = listeners.iter().map(|(listener, _)| listener);
    of_service
        .filter(|listener| listener.service == service)
        .map(|listener| listener.address.socket())
        .collect()
}

/// Makes ready for TLS, if it is asked for.
fn open_endpoint(
    config: &Config,
    listening: &[SocketAddr],
) -> Result<(Option<Arc<Endpoint>>, Vec<Notice>), StartError> {
    let Some(options) = &config.tls else {
        return Ok((None, Vec::new()));
    };
    let (endpoint, notices) =
        Endpoint::open(options, listening, &Now::read()).map_err(StartError::Tls)?;
    Ok((Some(Arc::new(endpoint)), notices))
}

/// Opens the root. A single file is served from its folder, in which nothing else is there.
pub fn open_root(config: &mut Config) -> Result<Root, StartError> {
    let path = config.root.clone();
    let fault = |fault| StartError::from_root(&path, fault);
    let kind = std::fs::metadata(&path).map_err(fault)?.file_type();
    let folder = if kind.is_file() {
        let file = path.canonicalize().map_err(fault)?;
        let name = file.file_name().unwrap_or_default().as_bytes().to_vec();
        config.site.only = Some(name);
        file.parent().unwrap_or(&file).to_owned()
    } else if kind.is_dir() {
        path.clone()
    } else {
        return Err(StartError::RootNotServable(path));
    };
    Root::open(&folder, config.site.follow_symlinks).map_err(fault)
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
