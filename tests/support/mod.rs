//! A real server on a port of the system's choice, and a client that sends exactly what it is told.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(
    clippy::disallowed_methods,
    reason = "tests open files and read the clock"
)]

pub mod answers;
pub mod chromium;
#[cfg(feature = "tls")]
pub mod forge;
pub mod frame;
pub mod fuse;
pub mod handlers;
pub mod journal;
pub mod live_page;
pub mod load;
#[cfg(feature = "tls")]
pub mod nginx;
pub mod page;
pub mod program;
pub mod response;
pub mod rig;
#[cfg(feature = "tls")]
pub mod secure_rig;
pub mod slow;
#[cfg(feature = "tls")]
pub mod tls;
pub mod unit;
pub mod viewer;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Admin, Bind, Config, Port};
use docroot::net::handle::Handle;
use docroot::net::server::Server;
use docroot::net::settings::MakeHandler;
use docroot::net::start_error::StartError;
use docroot::observe::log::{Log, Sink};
use docroot::observe::metrics::Counters;
use docroot::origin::handler::Handler;
use docroot::site::budget::Account;

pub use response::{Response, find};
use slow::SlowDisk;

/// How long a test waits before it says that something hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running server with a root of its own. Dropping it ends it and waits for its threads.
pub struct TestServer {
    pub address: SocketAddr,
    /// Where it sends clients to HTTPS.
    pub plain_addresses: Vec<SocketAddr>,
    /// Where it answers operators.
    pub admin_addresses: Vec<SocketAddr>,
    pub root: PathBuf,
    pub counters: Arc<Counters>,
    /// How many bugs the test brings about.
    pub expected_panics: u64,
    /// The configuration at the start.
    pub config: Config,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
    _folder: Option<tempfile::TempDir>,
}

/// What a test wants to be different.
pub struct Setup {
    pub config: Config,
    pub sink: Option<Sink>,
    pub handlers: Vec<MakeHandler>,
    /// A disk that waits, and how many jobs may wait for it.
    pub slow: Option<(SlowDisk, usize)>,
    /// The same for the thread that checks passwords.
    pub slow_checks: Option<(SlowDisk, usize)>,
    folder: tempfile::TempDir,
}

impl Setup {
    /// Two workers on an empty folder, a free port of 127.0.0.1, no log. The requests of the tests
    /// name many hosts, so every host is allowed. `tests/hosts.rs` tests the others.
    pub fn new() -> Setup {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Config {
            bind: Bind {
                required: vec![[127, 0, 0, 1].into()],
                ..Bind::default()
            },
            port: Port::Fixed(0),
            allow_hosts: vec![HostPattern::Any],
            ..Config::new(folder.path().to_owned(), 2, 4096)
        };
        Setup {
            config,
            sink: None,
            handlers: Vec::new(),
            slow: None,
            slow_checks: None,
            folder,
        }
    }

    /// Puts a file into the root, its folders included.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Setup {
        write(self.folder.path(), name, content.as_ref());
        self
    }

    /// Adds a handler that each worker asks before the site.
    pub fn handler<H: Handler + 'static>(
        mut self,
        make: impl Fn() -> H + Send + Sync + 'static,
    ) -> Setup {
        self.handlers.push(Box::new(move || Box::new(make())));
        self
    }

    /// Changes the configuration.
    pub fn with(mut self, change: impl FnOnce(&mut Config)) -> Setup {
        change(&mut self.config);
        self
    }

    /// The root before the server starts.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// With an administrative listener, on any port of 127.0.0.1.
    pub fn admin(self) -> Setup {
        self.with(|config| {
            let bind = Bind {
                required: vec![[127, 0, 0, 1].into()],
                ..Bind::default()
            };
            config.admin = Some(Admin { bind, port: 0 });
        })
    }

    /// Starts the server.
    pub fn start(self) -> TestServer {
        let counters = Arc::new(Counters::default());
        let mut server =
            Server::bind(self.config.clone(), Arc::clone(&counters)).expect("it starts");
        for make in self.handlers {
            server.add_handler(make);
        }
        if let Some((disk, most_waiting)) = self.slow {
            server.make_disk_slow(disk.gate(), most_waiting);
        }
        if let Some((checks, most_waiting)) = self.slow_checks {
            let made = server.make_checks_slow(checks.gate(), most_waiting);
            made.expect("users");
        }
        let log = match self.sink {
            Some(sink) => {
                Log::start(self.config.log.clone(), sink, Arc::clone(&counters)).expect("a log")
            }
            None => Log::off(),
        };
        // A server with a Unix socket may have none.
        let address = server.addresses().first().copied();
        let address = address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let plain_addresses = server.plain_addresses();
        let admin_addresses = server.admin_addresses();
        let handle = server.handle();
        let thread = std::thread::spawn(move || {
            // As in the program: what the tests ask for must work like this. The kernel confines only this thread and
            // those of the server.
            server.confine().expect("no requirement");
            server.run(&log, || ()).expect("it runs");
            log.shutdown(PATIENCE);
        });
        TestServer {
            address,
            plain_addresses,
            admin_addresses,
            root: self.folder.path().to_owned(),
            counters,
            expected_panics: 0,
            config: self.config,
            handle,
            thread: Some(thread),
            _folder: Some(self.folder),
        }
    }
}

impl TestServer {
    /// A server of these files.
    pub fn of(files: &[(&str, &str)]) -> TestServer {
        files
            .iter()
            .fold(Setup::new(), |setup, (name, content)| {
                setup.file(name, content)
            })
            .start()
    }

    /// Puts a file into the root while the server runs.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.root, name, content.as_ref());
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::of(TcpStream::connect(self.address).expect("it accepts"))
    }

    /// A new connection from another address of this machine.
    pub fn connect_from(&self, source: [u8; 4]) -> Client {
        Client::of(connect_from(source, self.address))
    }

    /// Sends bytes on a new connection and returns everything up to the server's close.
    pub fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut client = self.connect();
        client.send(request);
        client.rest()
    }

    /// GET with more field lines, on a new connection.
    pub fn get(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.request("GET", target, fields)
    }

    /// One request on a new connection.
    pub fn request(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut client = self.connect();
        client.send(&request(method, target, fields));
        client.response(method)
    }

    /// A new connection of an operator.
    pub fn connect_admin(&self) -> Client {
        let address = self.admin_addresses.first().expect("--admin");
        Client::of(TcpStream::connect(address).expect("it accepts"))
    }

    /// A new connection of an operator from another address of this machine.
    pub fn connect_admin_from(&self, source: [u8; 4]) -> Client {
        let address = self.admin_addresses.first().expect("--admin");
        Client::of(connect_from(source, *address))
    }

    /// One request of an operator on a new connection.
    pub fn admin(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut client = self.connect_admin();
        client.send(&request(method, target, fields));
        client.response(method)
    }

    /// Asks the server to leave after the delay of its configuration.
    pub fn leave(&self) {
        self.handle.leave();
    }

    /// How many bytes of memory the server holds for an account.
    pub fn held(&self, account: Account) -> u64 {
        self.handle.held(account)
    }

    /// Whether every worker begins a turn within this time.
    pub fn workers_turn(&self, patience: Duration) -> bool {
        self.handle.workers_turn(patience)
    }

    /// Switches the server to a configuration that differs from that at the start. Returns the options whose new
    /// values need a restart.
    pub fn reload(
        &self,
        change: impl FnOnce(&mut Config),
    ) -> Result<Vec<&'static str>, StartError> {
        let mut config = self.config.clone();
        change(&mut config);
        let reloaded = self.handle.reload(config, Arc::default())?;
        Ok(reloaded.expect("it runs").ignored)
    }

    /// Asks the server to finish what it has begun.
    pub fn drain(&self) {
        self.handle.drain();
    }

    /// Asks the server to leave at once.
    pub fn stop(&self) {
        self.handle.drain();
        self.handle.drain();
    }

    /// Waits until the server has ended by itself.
    pub fn wait(&mut self) {
        until("the server ends", || {
            self.thread.as_ref().is_none_or(JoinHandle::is_finished)
        });
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server's thread did not panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
        self.join();
        let panics = self.counters.worker_panics.value();
        assert_eq!(panics, self.expected_panics, "panics of workers");
    }
}

/// A connection from an address of this machine.
pub fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from((source, 0))).expect("an address of the loopback");
    connect(&socket, &address).expect("it accepts");
    TcpStream::from(socket)
}

/// What carries the bytes of a connection: a socket, or a session on one.
pub trait Stream: Read + Write {
    /// The socket under it.
    fn socket(&self) -> &TcpStream;

    /// Says that nothing more will be sent.
    fn finish(&mut self);

    /// Whether the connection is over, so that a test which reads up to the end has read enough.
    fn is_end(error: &io::Error) -> bool;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn finish(&mut self) {
        self.shutdown(Shutdown::Write).expect("half a close");
    }

    /// Nothing in plain text tells one end from another, and a server that refuses what is still
    /// coming may reset.
    fn is_end(error: &io::Error) -> bool {
        error.kind() == ErrorKind::ConnectionReset
    }
}

/// A connection that sends and receives bytes.
pub struct Client<S = TcpStream> {
    pub stream: S,
    received: Vec<u8>,
}

impl<S: Stream> Client<S> {
    /// A client of a stream.
    pub fn of(stream: S) -> Client<S> {
        let socket = stream.socket();
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // A Unix socket sends at once anyway.
        let _ = socket.set_nodelay(true);
        Client {
            stream,
            received: Vec::new(),
        }
    }

    /// Sends bytes as they are. A server that has closed may refuse them; the answer tells.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        self.stream.finish();
    }

    /// The next final response. Interim ones are skipped.
    pub fn response(&mut self, method: &str) -> Response {
        loop {
            let response = self.next_response(method);
            if response.status >= 200 {
                return response;
            }
        }
    }

    /// The next response, interim ones included; `method` is the request's.
    pub fn next_response(&mut self, method: &str) -> Response {
        while find(&self.received, b"\r\n\r\n").is_none() {
            assert!(self.fill(), "closed in a head: {}", self.seen());
        }
        let end = find(&self.received, b"\r\n\r\n").expect("found") + 4;
        let head = self.received.drain(..end).collect::<Vec<u8>>();
        let mut response = Response::parse(&head);
        let bodiless =
            method == "HEAD" || response.status < 200 || [204, 304].contains(&response.status);
        if bodiless {
            return response;
        }
        if response.field("Transfer-Encoding") == Some("chunked") {
            response.body = self.chunks();
        } else if let Some(length) = response.field("Content-Length") {
            let length = length.parse().expect("a number");
            while self.received.len() < length {
                assert!(self.fill(), "closed in a body: {}", self.seen());
            }
            response.body = self.split_off(length);
        } else {
            response.body = self.rest();
        }
        response
    }

    /// Everything up to the end of the connection. In plain text it may be a reset.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.received)
    }

    /// The head of the next response alone; its body is left to be read.
    pub fn head(&mut self) -> Response {
        while find(&self.received, b"\r\n\r\n").is_none() {
            assert!(self.fill(), "closed in a head: {}", self.seen());
        }
        let end = find(&self.received, b"\r\n\r\n").expect("found") + 4;
        Response::parse(&self.received.drain(..end).collect::<Vec<u8>>())
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.fill(), "closed early: {}", self.seen());
        }
        self.split_off(count)
    }

    /// Moves the first bytes received out of the way of the next ones.
    fn split_off(&mut self, count: usize) -> Vec<u8> {
        let rest = self.received.split_off(count);
        std::mem::replace(&mut self.received, rest)
    }

    /// Whether something has come that was not read yet. It does not wait.
    pub fn has_answer(&mut self) -> bool {
        let socket = self.stream.socket();
        socket.set_nonblocking(true).expect("a mode");
        let arrived = socket.peek(&mut [0]).is_ok();
        socket.set_nonblocking(false).expect("a mode");
        arrived || !self.received.is_empty()
    }

    /// Goes away with a reset, as a client that crashed does.
    pub fn reset(self) {
        let linger = rustix::net::sockopt::set_socket_linger;
        linger(self.stream.socket(), Some(Duration::ZERO)).expect("an option");
    }

    /// Whether the server has closed and nothing is left to read.
    pub fn is_closed(&mut self) -> bool {
        self.received.is_empty() && !self.fill()
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return content;
            }
            content.extend(chunk);
        }
    }

    /// The content of the next chunk. The last chunk has none.
    pub fn chunk(&mut self) -> Vec<u8> {
        let line = self.line();
        let size = usize::from_str_radix(&line, 16).expect("a chunk size");
        while self.received.len() < size + 2 {
            assert!(self.fill(), "closed in a chunk");
        }
        let content = self.received.drain(..size).collect();
        assert_eq!(self.received.drain(..2).collect::<Vec<u8>>(), b"\r\n");
        content
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> String {
        while find(&self.received, b"\r\n").is_none() {
            assert!(self.fill(), "closed in a line");
        }
        let end = find(&self.received, b"\r\n").expect("found");
        let line = self.received.drain(..end + 2).collect::<Vec<u8>>();
        String::from_utf8(line[..end].to_vec()).expect("ASCII")
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if S::is_end(&error) => false,
            // A read with a timeout is not resumed by the kernel.
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("nothing came within {PATIENCE:?}; so far: {}", self.seen())
            }
            Err(error) => panic!("{error}; so far: {}", self.seen()),
        }
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.received)
            .chars()
            .take(500)
            .collect()
    }
}

/// Makes curl download a part of a file, as much as this rate gives in a second; it then gives up by
/// itself (exit status 28).
pub const A_SECOND_OF_IT: [&str; 6] = ["--limit-rate", "2M", "--max-time", "1", "-o", "part"];

/// Waits until something is so that no socket tells of.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(
            begin.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Lets time pass: the pause itself is what is tested. Nothing is ever synchronised by it.
pub fn pause(span: Duration) {
    let end = std::time::Instant::now() + span;
    while let Some(rest) = end.checked_duration_since(std::time::Instant::now()) {
        std::thread::park_timeout(rest);
    }
}

/// A request with `Host`, and with `fields` behind it.
pub fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    (head + "\r\n").into_bytes()
}

/// Printable bytes that hardly compress, the same in every run.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b' ' + (state >> 32) as u8 % 95
    };
    (0..length).map(|_| next()).collect()
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).expect("folders");
    }
    std::fs::write(path, content).expect("a file");
}
