//! A connection without a server: the test is the worker that drives it, and its clock.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use docroot::net::clock::Now;
use docroot::net::connection::{Connection, Turn};
use docroot::net::context::Context;
use docroot::net::listener::{Address, Listener, Service};
use docroot::net::mailbox::Mailbox;
use docroot::net::settings::{OpenSite, OpenSites, Settings};
use docroot::net::stream::Buffers;
use docroot::net::tls::Endpoint;
use docroot::net::transport::Transport;
use docroot::observe::client::Client;
use docroot::observe::closed::Closed;
use docroot::observe::log::Log;
use docroot::semantics::date::{HttpDate, ImfFixdate};
use docroot::site::disk::DiskPool;
use docroot::site::given_root::GivenRoot;
use docroot::site::private::CopyStorage;
use docroot::site::root::LinkPolicy;

use super::{PATIENCE, Response, Setup, find};

/// A moment long after the file was written: what has changed only just now is not kept.
const LATER: i64 = 4_000_000_000;

/// One connection, driven on this thread, and its client's end. The date stands still, long after
/// the files were written.
pub struct Rig {
    pub context: Context,
    pub buffers: Buffers,
    pub connection: Connection,
    pub client: UnixStream,
    received: Vec<u8>,
    pub setup: Setup,
    pub log: Log,
}

impl Rig {
    pub fn new(setup: Setup) -> Rig {
        let (ours, client) = UnixStream::pair().expect("a pair of sockets");
        Rig::over(setup, ours.into(), client)
    }

    /// The same over other sockets: the server's end and the client's.
    pub fn over(mut setup: Setup, ours: OwnedFd, client: UnixStream) -> Rig {
        let settings = settings(&mut setup);
        let (mailbox, _) = Mailbox::new(Arc::default()).expect("a poller");
        let log = match setup.sink.take() {
            Some(sink) => {
                Log::start(setup.config.log.clone(), sink, Arc::default()).expect("a log")
            }
            None => Log::off(),
        };
        let mut context = Context::new(&settings, log.handle(), mailbox.wakes());
        // A busy machine must not end a turn.
        context.turn_time = Duration::from_secs(3600);
        context.now.date = HttpDate::from_unix(LATER).expect("a date");
        context.now.text = ImfFixdate::from(context.now.date);
        let ours = TcpStream::from(ours);
        ours.set_nonblocking(true).expect("non-blocking");
        let transport = Transport::new(ours);
        let peer = (Ipv4Addr::LOCALHOST, 1).into();
        let listener = Listener {
            address: Address::Tcp(peer),
            is_proxied: false,
            is_tls: setup.config.tls.is_some(),
            service: Service::Site,
        };
        Rig {
            connection: Connection::new(transport, Client::at(peer), listener, None, &context),
            buffers: Buffers::new(context.head_limits.head),
            context,
            client,
            received: vec![0; 256 * 1024],
            setup,
            log,
        }
    }

    /// A new turn of the worker's loop, in which `request` arrives.
    pub fn send(&mut self, request: &[u8]) {
        self.client.write_all(request).expect("sent");
        let date = self.context.now.date;
        self.context
            .origins
            .begin_turn(date, self.context.now.instant);
        self.connection.ready(true, false, false);
    }

    /// Drives the connection until it waits for its client.
    pub fn drive(&mut self) -> Turn {
        loop {
            match self.connection.drive(&mut self.buffers, &mut self.context) {
                Turn::Again => {}
                turn => return turn,
            }
        }
    }

    /// The client is gone, and the connection with it. Every line of the log is written.
    pub fn lose(mut self) -> Closed {
        self.connection.ready(true, true, true);
        let Turn::Closed(closed) = self.drive() else {
            panic!("it goes on without a client");
        };
        self.connection
            .end(closed, &mut self.buffers, &mut self.context);
        drop(self.context);
        self.log.shutdown(PATIENCE);
        closed
    }

    /// What the socket has taken for the client so far.
    pub fn taken(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.client.set_nonblocking(true).expect("a mode");
        let end = self.client.read_to_end(&mut bytes);
        self.client.set_nonblocking(false).expect("a mode");
        let kind = end.expect_err("the server has not closed").kind();
        assert_eq!(kind, ErrorKind::WouldBlock);
        bytes
    }

    /// Reads what the server sends until there are `length` bytes.
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut read = 0;
        while read < length {
            assert_eq!(self.drive(), Turn::Wait);
            read += self.client.read(&mut bytes[read..]).expect("more");
        }
        bytes
    }

    /// The whole answer to `request`.
    pub fn response(&mut self, request: &[u8]) -> Response {
        self.send(request);
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            head.extend(self.read(1));
        }
        let mut response = Response::parse(&head);
        let length = response.field("Content-Length").map(str::parse);
        if let Some(length) = length.filter(|_| !request.starts_with(b"HEAD ")) {
            response.body = self.read(length.expect("a number"));
        }
        response
    }

    /// Lets the connection answer `request`, and tells how many bytes came back at once.
    pub fn turn(&mut self, request: &[u8]) -> usize {
        self.send(request);
        let turn = self.connection.drive(&mut self.buffers, &mut self.context);
        assert_eq!(turn, Turn::Wait);
        self.client.read(&mut self.received).expect("an answer")
    }

    /// The head of the answer to `request`.
    pub fn head(&mut self, request: &[u8]) -> Response {
        let length = self.turn(request);
        let end = find(&self.received[..length], b"\r\n\r\n").expect("a head") + 4;
        Response::parse(&self.received[..end])
    }
}

/// What a server would make of its configuration.
fn settings(setup: &mut Setup) -> Settings {
    let mut config = setup.config.clone();
    let endpoint = config.tls.as_ref().map(|options| {
        config.site.storage = CopyStorage::Heap;
        let (endpoint, _) = Endpoint::open(options, &[], &Now::read()).expect("certificates");
        Arc::new(endpoint)
    });
    let mut root = GivenRoot::open(setup.root(), LinkPolicy::default()).expect("a root");
    let disk = match setup.slow.take() {
        None => DiskPool::new(config.disk_threads),
        Some((disk, most_waiting)) => {
            root.assume_remote();
            DiskPool::with(config.disk_threads, most_waiting, Some(disk.gate()))
        }
    };
    let first = OpenSite::new(root, config.site.clone(), Now::read().instant);
    let others = Vec::new();
    let sites = OpenSites { first, others };
    Settings {
        endpoint,
        disk: Some(disk),
        handlers: Arc::new(std::mem::take(&mut setup.handlers)),
        ..Settings::new(config, sites, Arc::default())
    }
}
