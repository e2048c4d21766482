use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::task::Waker;

use super::*;
use crate::net::config::Config;
use crate::net::context::Context;
use crate::net::deadline::Waiting;
use crate::net::mailbox::Mailbox;
use crate::net::open::open_sites;
use crate::net::settings::Settings;
use crate::net::stream::{Buffers, Stream};
use crate::net::stream_state::StreamState;
use crate::net::transport::Transport;
use crate::observe::client::Client;
use crate::observe::log::Log;
use crate::semantics::byteranges::Byteranges;
use crate::semantics::date::HttpDate;
use crate::semantics::range::ByteRange;
use crate::site::body::Stored;
use crate::site::budget::Account;
use crate::site::disk::Caller;
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::resolve::Found;

/// The old content of the file, byte by byte, and the new one. The heads of parts have none of these
/// letters.
const OLD: u8 = b'A';
const NEW: u8 = b'B';

/// The smallest part of a file that the kernel sends, in the tests that allow nothing in flight.
const PART: u64 = 4 * MOST_DIRECT;

/// A worker's context, the stream of a client, and the client's end.
struct Rig {
    context: Context,
    stream: StreamState,
    buffers: Buffers,
    client: TcpStream,
}

impl Rig {
    fn new(root: &Path) -> Rig {
        let config = Config::new(root.into(), 1, 1024);
        let sites = open_sites(&config).expect("a root");
        let settings = Settings::new(config, sites, Arc::default());
        let (mailbox, _) = Mailbox::new(Arc::default()).expect("a mailbox");
        let mut context = Context::new(&settings, Log::off().handle(), mailbox.wakes());
        let now = &context.now;
        context.origins.begin_turn(now.date, now.instant);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let client = TcpStream::connect(listener.local_addr().expect("an address"));
        let client = client.expect("a connection");
        // The most that a client may ask for.
        rustix::net::sockopt::set_socket_recv_buffer_size(&client, usize::MAX >> 34).expect("set");
        let (socket, peer) = listener.accept().expect("a connection");
        socket.set_nonblocking(true).expect("set");
        let (transport, peer) = (Transport::new(socket), Client::at(peer));
        let stream = StreamState::new(transport, peer, Waiting::Request, &context);
        Rig {
            buffers: Buffers::new(context.head_limits.head),
            context,
            stream,
            client,
        }
    }

    /// A pump of a body that is made of the file at `path`.
    fn pump(&mut self, path: &str, body: fn(&Stored) -> Body) -> Pump {
        let mut decoded = Vec::new();
        let path = SitePath::decode(path.as_bytes(), &mut decoded).expect("a path");
        let site = &mut self.context.origins.first().site;
        let Ok(Found::File(file)) = site.find(path) else {
            panic!("it is a file");
        };
        let caller = Caller {
            network: [127, 0, 0, 1].into(),
            now: self.context.now.instant,
            wakers: Waker::noop(),
        };
        let stored = site.content(&file, None, caller).ok().flatten();
        let stored = stored.expect("unchanged");
        site.copy_while_sent(&file, &stored);
        let body = body(&stored);
        let length = body.length().expect("known");
        Pump::new(body, Framing::Length(length))
    }

    /// One turn of the connection.
    fn turn(&mut self, pump: &mut Pump) -> Result<Pumped, SendError> {
        let mut stream = Stream::begin(&mut self.stream, &mut self.buffers);
        let pumped = pump.advance(&mut Output {
            sample: None,
            now: self.context.now.instant,
            stream: &mut stream,
            scratch: &mut self.context.scratch,
            sendfile: &mut self.context.sendfile,
            is_short_of_memory: false,
        });
        stream.end(0);
        pumped
    }

    /// Sends what the pump has left in the outbox, as far as the socket takes it.
    fn flush(&mut self) {
        let mut stream = Stream::begin(&mut self.stream, &mut self.buffers);
        stream.flush(&mut self.context).expect("it is sent");
        stream.end(0);
    }

    /// The client reads once. There is always something for it to read.
    fn read(&mut self, received: &mut Vec<u8>) {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.client.read(&mut buffer).expect("content");
        received.extend_from_slice(&buffer[..count]);
    }

    /// Sends a body that is made of the file, and returns what the client has read in the end. The client reads
    /// only when the socket is full. As soon as the pump has found the file unchanged, this calls `change`.
    fn download(&mut self, body: fn(&Stored) -> Body, change: impl FnOnce()) -> Vec<u8> {
        let mut pump = self.pump("/a", body);
        let mut received = Vec::new();
        loop {
            match self.turn(&mut pump).expect("it is sent") {
                Pumped::Done => break,
                Pumped::Blocked => self.read(&mut received),
                _ => {}
            }
        }
        change();
        while (received.len() as u64) < pump.moved() {
            self.flush();
            self.read(&mut received);
        }
        received
    }
}

/// The whole file.
fn whole(stored: &Stored) -> Body {
    Body::One(stored.slice(0, stored.len()))
}

/// The first byte of the file and then all others, as multipart/byteranges.
fn parts(stored: &Stored) -> Body {
    let last = stored.len() - 1;
    let ranges = [(0, 0), (1, last)].map(|(first, last)| ByteRange { first, last });
    let layout = Byteranges::new("x", "text/plain", stored.len(), ranges.to_vec());
    Body::Parts(Box::new(Parts::new(layout, stored.clone())))
}

fn write(path: &Path, size: u64) {
    fs::write(path, vec![OLD; size as usize]).expect("a file");
}

fn overwrite(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("open");
    let size = file.metadata().expect("a size").len();
    for offset in (0..size).step_by(1 << 20) {
        let count = (size - offset).min(1 << 20);
        file.write_all_at(&vec![NEW; count as usize], offset)
            .expect("written");
    }
}

#[track_caller]
fn check(body: fn(&Stored) -> Body, most_in_flight: Option<u64>, size: u64, sends_new_bytes: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    write(&path, size);
    let mut rig = Rig::new(folder.path());
    if let Some(most) = most_in_flight {
        rig.context.sendfile.assume(most, rig.context.now.instant);
    }
    let received = rig.download(body, || overwrite(&path));
    let content = received.iter().filter(|&&byte| [OLD, NEW].contains(&byte));
    assert_eq!(content.count() as u64, size);
    assert_eq!(received.contains(&NEW), sends_new_bytes);
}

#[test]
#[cfg(target_os = "linux")]
fn no_page_of_a_file_is_in_flight_after_it_was_checked() {
    let rig = Rig::new(Path::new("/"));
    let mut sendfile = rig.context.sendfile;
    let most = sendfile.most_in_flight(rig.context.now.instant);
    let size = most.expect("known") + PART;
    for body in [whole, parts] {
        check(body, None, size, false);
        // The test would notice.
        check(body, Some(0), PART, true);
    }
}

/// As for a file without a copy, the queues must hold nothing of the file itself once it was checked.
#[test]
#[cfg(target_os = "linux")]
fn the_end_of_a_large_file_is_sent_from_a_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let mut rig = Rig::new(folder.path());
    let most = rig.context.sendfile.most_in_flight(rig.context.now.instant);
    let size = most.expect("known").max(SiteOptions::CACHE_MEMORY / 2) + PART;
    write(&path, size);
    // The file is not so new that it may change unnoticed.
    let later = HttpDate::from_unix(4_000_000_000).expect("a date");
    rig.context
        .origins
        .begin_turn(later, rig.context.now.instant);
    let copied = |rig: &Rig| rig.context.memory.budget().held(Account::Copies);
    for _ in 0..2 {
        assert_eq!(copied(&rig), 0);
        assert_eq!(rig.download(whole, || ()).len() as u64, size);
    }
    let length = copied(&rig);
    assert!(length > 0 && length < size, "{length} of {size}");
    let received = rig.download(whole, || overwrite(&path));
    assert_eq!(received.len() as u64, size);
    assert!(!received.contains(&NEW));
}
