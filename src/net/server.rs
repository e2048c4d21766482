//! Listeners, workers, and their end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::net::acceptor::Acceptor;
use crate::net::bench::{Bench, Desk, Settings};
use crate::net::clock::Now;
use crate::net::config::{Config, Port};
use crate::net::connection::Service;
use crate::net::listen;
use crate::net::scheduling::interrupt_nobody;
use crate::net::start_error::StartError;
use crate::net::tls::Endpoint;
use crate::net::tls::notice::Notice;
use crate::net::worker::{Inlet, Orders, Seed};
use crate::observe::log::Log;
use crate::observe::metrics::Counters;
use crate::site::private::Medium;
use crate::site::root::Root;

/// A server that listens and does not serve yet: clients wait in the kernel's queue.
pub struct Server {
    settings: Arc<Settings>,
    listeners: Vec<(Service, Arc<TcpListener>)>,
    addresses: Vec<SocketAddr>,
    plain_addresses: Vec<SocketAddr>,
    notices: Vec<Notice>,
    workers: Vec<(Seed, Inlet)>,
    orders: Arc<Orders>,
    /// Told once of the wish to drain, then of the wish to leave.
    wishes: (Sender<Wish>, Receiver<Wish>),
}

/// What a [`Handle`] may ask for.
enum Wish {
    Drain,
    Stop,
}

/// Ends a running server from another thread.
#[derive(Clone)]
pub struct Handle {
    wishes: Sender<Wish>,
}

impl Handle {
    /// Asks the server to finish the answers it has begun, and to leave.
    pub fn drain(&self) {
        // The channel is full or gone only where the server was asked before.
        let _ = self.wishes.try_send(Wish::Drain);
    }

    /// Asks the server to leave at once.
    pub fn stop(&self) {
        let _ = self.wishes.try_send(Wish::Stop);
    }
}

impl Server {
    /// Opens the root and the listeners. What happens is counted in `counters`.
    pub fn bind(mut config: Config, counters: Arc<Counters>) -> Result<Server, StartError> {
        config.site.medium = match config.tls {
            None => Medium::Pages,
            // The kernel cannot encrypt them.
            Some(_) => Medium::Bytes,
        };
        let root = open_root(&mut config)?;
        let listeners = listen::bind(&config.bind, config.port)?;
        let addresses = addresses(&listeners)?;
        let (endpoint, notices) = open_endpoint(&config, &addresses)?;
        let redirect = config.tls.as_ref().and_then(|tls| tls.redirect);
        let redirectors = match redirect {
            Some(port) => listen::bind(&config.bind, Port::Fixed(port))?,
            None => Vec::new(),
        };
        let plain_addresses = self::addresses(&redirectors)?;
        let orders = Arc::<Orders>::default();
        let workers = (0..config.threads.max(1))
            .map(|_| Seed::new(Arc::clone(&orders)))
            .collect::<io::Result<_>>()
            .map_err(|fault| StartError::System("a poller", fault))?;
        Ok(Server {
            listeners: for_service(Service::Site, listeners)
                .chain(for_service(Service::Redirect, redirectors))
                .collect(),
            plain_addresses,
            notices,
            workers,
            orders,
            wishes: bounded(2),
            settings: Arc::new(Settings {
                root: Arc::new(root),
                options: Arc::new(config.site.clone()),
                port: addresses.first().map_or(0, SocketAddr::port),
                endpoint,
                config,
                counters,
            }),
            addresses,
        })
    }

    /// Where it listens; the port is never 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the plain port beside HTTPS listens.
    pub fn plain_addresses(&self) -> &[SocketAddr] {
        &self.plain_addresses
    }

    /// What the operator should know before it serves.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The SHA-256 fingerprint of the certificate that was made for this run, if one was.
    pub fn fingerprint(&self) -> Option<&str> {
        self.settings.endpoint.as_ref()?.fingerprint()
    }

    /// What happens, counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.settings.counters
    }

    /// A handle to end it with.
    pub fn handle(&self) -> Handle {
        Handle {
            wishes: self.wishes.0.clone(),
        }
    }

    /// Serves until a [`Handle`] asks it to end. The time to drain is bounded by its deadline.
    pub fn run(mut self, log: &Log) -> Result<(), StartError> {
        let inlets: Vec<Inlet> = self
            .workers
            .iter()
            .map(|(_, inlet)| inlet.clone())
            .collect();
        let (finished, all_finished) = bounded(0);
        let (alive, watch) = bounded(0);
        let mut threads = Vec::new();
        let outcome = self
            .start_workers(log, finished, &mut threads)
            .and_then(|()| self.start_acceptors(&inlets, &watch, &mut threads));
        if outcome.is_ok() {
            self.wait(&inlets, &all_finished);
        }
        drop(alive);
        self.leave(&inlets, threads);
        outcome
    }

    /// `finished` is disconnected when the last worker has left.
    fn start_workers(
        &mut self,
        log: &Log,
        finished: Sender<()>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), StartError> {
        for (seed, _) in std::mem::take(&mut self.workers) {
            let settings = Arc::clone(&self.settings);
            let log = log.handle();
            let finished = finished.clone();
            threads.push(spawn("worker", move || {
                seed.run(Bench::new(Desk::new(&settings, log)));
                drop(finished);
            })?);
        }
        Ok(())
    }

    fn start_acceptors(
        &self,
        inlets: &[Inlet],
        watch: &Receiver<()>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), StartError> {
        for (service, listener) in &self.listeners {
            let acceptor = Acceptor {
                listener: Arc::clone(listener),
                service: *service,
                inlets: inlets.to_vec(),
                max_connections: self.settings.config.limits.max_connections,
                orders: Arc::clone(&self.orders),
                counters: Arc::clone(&self.settings.counters),
                alive: watch.clone(),
            };
            threads.push(spawn("acceptor", move || acceptor.run())?);
        }
        Ok(())
    }

    /// Waits for a wish, then for the workers, then for the deadline.
    fn wait(&self, inlets: &[Inlet], all_finished: &Receiver<()>) {
        if !matches!(self.wishes.1.recv(), Ok(Wish::Drain)) {
            return;
        }
        self.orders.drain();
        inlets.iter().for_each(Inlet::wake);
        let deadline = crossbeam_channel::after(self.settings.config.deadlines.drain);
        crossbeam_channel::select! {
            recv(all_finished) -> _ => {}
            recv(self.wishes.1) -> _ => {}
            recv(deadline) -> _ => {}
        }
    }

    /// Ends every thread and waits for it.
    fn leave(&self, inlets: &[Inlet], threads: Vec<JoinHandle<()>>) {
        self.orders.stop();
        inlets.iter().for_each(Inlet::wake);
        self.listeners
            .iter()
            .for_each(|(_, listener)| listen::interrupt(listener));
        for thread in threads {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// Where listeners listen.
fn addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, StartError> {
    listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<io::Result<_>>()
        .map_err(|fault| StartError::System("a listener", fault))
}

fn for_service(
    service: Service,
    listeners: Vec<TcpListener>,
) -> impl Iterator<Item = (Service, Arc<TcpListener>)> {
    let with_service = move |listener| (service, Arc::new(listener));
    listeners.into_iter().map(with_service)
}

/// Makes ready for TLS, where it is asked for.
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
fn open_root(config: &mut Config) -> Result<Root, StartError> {
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
            interrupt_nobody();
            work();
        })
        .map_err(|fault| StartError::System("a thread", fault))
}
