//! A small root for the targets that drive connections, the pieces of an input, and the turns of a
//! connection.

use std::cell::RefCell;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::Config;
use docroot::net::connection::{Connection, Turn};
use docroot::net::context::Context;
use docroot::net::settings::{OpenSite, OpenSites, Settings};
use docroot::net::listener::{Address, Listener, Service};
use docroot::net::stream::Buffers;
use docroot::observe::client::Client;
use docroot::site::given_root::GivenRoot;
use docroot::site::root::LinkPolicy;
use signal_hook::consts::SIGPIPE;

/// A folder with some files, in memory where the machine has such a place.
pub fn folder() -> PathBuf {
    let place = Path::new("/dev/shm");
    let place = match place.is_dir() {
        true => place.to_owned(),
        false => std::env::temp_dir(),
    };
    let folder = tempfile::tempdir_in(place).expect("a folder").keep();
    std::fs::write(folder.join("a"), b"small").expect("a file");
    std::fs::write(folder.join("t.txt"), vec![b'x'; 200_000]).expect("a file");
    std::fs::create_dir(folder.join("d")).expect("a folder");
    folder
}

/// The settings of a server of such a folder.
pub fn settings(change: impl FnOnce(&mut Config)) -> Settings {
    ignore_broken_pipes();
    let folder = folder();
    let root = GivenRoot::open(&folder, LinkPolicy::default()).expect("a root");
    let mut config = Config {
        // The seeds name several hosts.
        allow_hosts: vec![HostPattern::Any],
        ..Config::new(folder, 1, 64)
    };
    change(&mut config);
    let now = docroot::net::clock::instant();
    let first = OpenSite::new(root, config.site.clone(), now);
    let others = Vec::new();
    Settings::new(config, OpenSites { first, others }, Default::default())
}

/// The standard library ignores SIGPIPE before `main` of a Rust program. libFuzzer has a `main` of its own,
/// and the signal would end the run as soon as the server sends something to a client that has left.
fn ignore_broken_pipes() {
    let flag = Arc::default();
    signal_hook::flag::register(SIGPIPE, flag).expect("a signal that can be caught");
}

/// A connection's two ends, both non-blocking: the server's and the client's.
pub fn pair() -> (std::net::TcpStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    ours.set_nonblocking(true).expect("non-blocking");
    theirs.set_nonblocking(true).expect("non-blocking");
    (OwnedFd::from(ours).into(), theirs)
}

/// A client of this machine.
pub fn client() -> Client {
    Client::at((std::net::Ipv4Addr::LOCALHOST, 1).into())
}

/// The listener that it has come to.
pub fn listener(is_tls: bool) -> Listener {
    Listener {
        address: Address::Tcp((std::net::Ipv4Addr::LOCALHOST, 1).into()),
        is_proxied: false,
        is_tls,
        service: Service::Site,
    }
}

/// The pieces of an input. 0xFF ends a piece: it is a byte of no message's own syntax.
pub fn pieces(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|&byte| byte == 0xff)
}

/// More turns than any input needs; one more means that a connection never ends.
const TURNS: usize = 100_000;

thread_local! {
    /// The buffers of the worker that this thread is, once it has driven a connection.
    static BUFFERS: RefCell<Option<Buffers>> = const { RefCell::new(None) };
}

/// Drives a connection until it waits for more. `false`: it is over.
pub fn run(
    connection: &mut Connection,
    context: &mut Context,
    theirs: &mut UnixStream,
    received: &mut Vec<u8>,
) -> bool {
    let mut buffer = [0; 16 * 1024];
    BUFFERS.with_borrow_mut(|buffers| {
        let buffers = buffers.get_or_insert_with(|| Buffers::new(context.head_limits.head));
        for _ in 0..TURNS {
            connection.ready(true, true, false);
            let turn = connection.drive(buffers, context);
            let count = theirs.read(&mut buffer).unwrap_or(0);
            received.extend_from_slice(&buffer[..count]);
            match turn {
                Turn::Closed(_) => return false,
                Turn::Wait if count == 0 => return true,
                Turn::Wait | Turn::Again => {}
            }
        }
        panic!("a connection made no progress in {TURNS} turns");
    })
}
