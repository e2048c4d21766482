//! A whole connection, fed arbitrary bytes in arbitrary pieces: whatever comes, each request gets one
//! well-formed answer, nothing follows the last, and the connection comes to an end.
#![no_main]

#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/answers.rs"]
mod answers;
#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/response.rs"]
mod response;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::Config;
use docroot::net::connection::{Connection, Turn};
use docroot::net::context::{Context, Settings};
use docroot::net::listener::{Address, Listener, Service};
use docroot::net::mailbox::Mailbox;
use docroot::net::transport::Transport;
use docroot::observe::client::Client;
use docroot::observe::log::Log;
use docroot::site::root::{LinkPolicy, Root};
use libfuzzer_sys::fuzz_target;

/// More turns than any input needs; one more means that a connection never ends.
const TURNS: usize = 100_000;

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::new(context());
}

/// The context of a worker on a small root in memory, where the machine has such a place.
fn context() -> Context {
    let place = Path::new("/dev/shm");
    let place = if place.is_dir() {
        place.to_owned()
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::tempdir_in(place).expect("a folder").keep();
    std::fs::write(folder.join("a"), b"small").expect("a file");
    std::fs::write(folder.join("t.txt"), vec![b'x'; 200_000]).expect("a file");
    std::fs::create_dir(folder.join("d")).expect("a folder");
    let root = Root::open(&folder, LinkPolicy::default()).expect("a root");
    let config = Config {
        // The seeds name several hosts.
        allow_hosts: vec![HostPattern::Any],
        ..Config::new(folder, 1, 64)
    };
    let settings = Settings::new(config, root, Arc::default());
    let (mailbox, _) = Mailbox::new(Arc::default()).expect("a poller");
    Context::new(&settings, Log::off().handle(), mailbox.wakes())
}

fuzz_target!(|input: &[u8]| {
    CONTEXT.with_borrow_mut(|context| {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        ours.set_nonblocking(true).expect("non-blocking");
        theirs.set_nonblocking(true).expect("non-blocking");
        let transport = Transport::new(TcpStream::from(OwnedFd::from(ours)));
        let peer = (Ipv4Addr::LOCALHOST, 1).into();
        let listener = Listener {
            address: Address::Tcp(peer),
            is_tls: false,
            service: Service::Site,
        };
        let mut connection = Connection::new(transport, Client::at(peer), listener, None, context);
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        let mut open = true;
        // 0xFF ends a piece: it is a byte of no message's own syntax.
        for piece in input.split(|&byte| byte == 0xff) {
            sent.extend_from_slice(piece);
            open = open && theirs.write_all(piece).is_ok();
            open = open && run(&mut connection, context, &mut theirs, &mut received);
        }
        if open {
            theirs.shutdown(Shutdown::Write).expect("half a close");
            assert!(
                !run(&mut connection, context, &mut theirs, &mut received),
                "it never ends"
            );
        }
        drop(connection);
        let _ = theirs.read_to_end(&mut received);
        answers::answers(&received, &sent);
    });
});

/// Drives a connection until it waits for more. `false`: it is over.
fn run(
    connection: &mut Connection,
    context: &mut Context,
    theirs: &mut UnixStream,
    received: &mut Vec<u8>,
) -> bool {
    let mut buffer = [0; 16 * 1024];
    for _ in 0..TURNS {
        connection.ready(true, true, false);
        let turn = connection.drive(context);
        let count = theirs.read(&mut buffer).unwrap_or(0);
        received.extend_from_slice(&buffer[..count]);
        match turn {
            Turn::Closed(_) => return false,
            Turn::Wait if count == 0 => return true,
            Turn::Wait | Turn::Again => {}
        }
    }
    panic!("a connection made no progress in {TURNS} turns");
}
