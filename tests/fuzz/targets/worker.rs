//! A whole worker with several connections, fed arbitrary bytes in arbitrary pieces and order. Clients
//! come and go. The worker does not panic. Each request gets one well-formed answer, whatever the other
//! clients send, unless the worker is drained meanwhile. When it is drained, it ends.
//!
//! ```text
//! input = server, piece, *( %xFF piece )
//! piece = whose, bytes
//! ```
#![no_main]

#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/answers.rs"]
mod answers;
#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/response.rs"]
mod response;
#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../support/site.rs"]
mod site;

use std::io::{Read, Write};
use std::net::Shutdown as Half;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock};
use std::thread;

use docroot::net::context::Context;
use docroot::net::settings::Settings;
use docroot::net::mailbox::{Admission, Mailbox, Shutdown, WorkerHandle};
use docroot::net::worker::Worker;
use docroot::observe::log::Log;
use docroot::site::disk::DiskPool;
use libfuzzer_sys::fuzz_target;

const CONNECTIONS: usize = 4;

/// Bits of the first byte of an input.
const HAS_DISK_THREADS: u8 = 1;
/// Bits of the first byte of a piece. The lowest say whose it is.
const LEAVES: u8 = 0x80;
const VANISHES: u8 = 0x40;
const DRAINS: u8 = 0x20;

/// Without disk threads, and with them for everything.
static SETTINGS: LazyLock<[Arc<Settings>; 2]> = LazyLock::new(|| {
    let waiting = site::settings(|_| {});
    let mut threaded = site::settings(|_| {});
    let root = Arc::get_mut(&mut threaded.sites.first.root).expect("nobody else has it");
    root.assume_remote();
    threaded.disk = Some(DiskPool::new(2));
    [waiting, threaded].map(Arc::new)
});

/// A client, what it has sent and what it has received.
struct Caller {
    stream: UnixStream,
    sent: Vec<u8>,
    received: Vec<u8>,
    is_open: bool,
}

fuzz_target!(|input: &[u8]| {
    let Some((&server, input)) = input.split_first() else {
        return;
    };
    let settings = Arc::clone(&SETTINGS[usize::from(server & HAS_DISK_THREADS)]);
    let shutdown = Arc::<Shutdown>::default();
    let (mailbox, handle) = Mailbox::new(Arc::clone(&shutdown)).expect("a poller");
    let of_worker = Arc::clone(&settings);
    let worker = thread::spawn(move || {
        let context = Context::new(&of_worker, Log::off().handle(), mailbox.wakes());
        Worker::new(mailbox, &context.head_limits).run(context);
    });
    let mut callers: [Caller; CONNECTIONS] = std::array::from_fn(|_| Caller::new(&handle));
    for piece in site::pieces(input) {
        let Some((&whose, piece)) = piece.split_first() else {
            continue;
        };
        let caller = &mut callers[whose as usize % CONNECTIONS];
        caller.send(piece);
        if whose & LEAVES != 0 {
            caller.leave();
        }
        if whose & VANISHES != 0 {
            // What has come and was not read makes it a reset.
            *caller = Caller::new(&handle);
        }
        if whose & DRAINS != 0 {
            shutdown.drain();
            handle.wake();
        }
        caller.read();
    }
    callers.iter_mut().for_each(Caller::leave);
    for mut caller in callers {
        caller.stream.set_nonblocking(false).expect("blocking");
        let _ = caller.stream.read_to_end(&mut caller.received);
        if !shutdown.is_draining() {
            answers::answers(&caller.received, &caller.sent);
        }
    }
    shutdown.drain();
    handle.wake();
    worker.join().expect("no panic");
    assert_eq!(settings.counters.worker_panics.value(), 0);
    assert_eq!(handle.connections(), 0);
});

impl Caller {
    /// A client whose connection the worker has, unless the worker has ended.
    fn new(worker: &WorkerHandle) -> Caller {
        let (stream, theirs) = site::pair();
        let admission = Admission {
            stream,
            client: site::client(),
            listener: site::listener(false),
            refused: None,
        };
        // A drained worker returns the connection, and it is closed.
        let is_open = worker.send(admission).is_ok();
        Caller {
            stream: theirs,
            sent: Vec::new(),
            received: Vec::new(),
            is_open,
        }
    }

    fn send(&mut self, piece: &[u8]) {
        if !self.is_open {
            return;
        }
        match self.stream.write(piece) {
            Ok(count) => self.sent.extend_from_slice(&piece[..count]),
            // The rest of a full socket is not sent, and neither is what follows a close.
            Err(_) => self.is_open = false,
        }
    }

    fn leave(&mut self) {
        self.is_open = false;
        let _ = self.stream.shutdown(Half::Write);
    }

    fn read(&mut self) {
        // It ends with an error where nothing more has come yet.
        let _ = self.stream.read_to_end(&mut self.received);
    }
}
