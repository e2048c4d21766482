//! A whole worker with several connections, fed arbitrary bytes in arbitrary pieces and order. The
//! worker does not panic. Each request gets one well-formed answer, whatever the other clients send. When
//! the worker is drained, it ends.
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

use docroot::net::context::{Context, Settings};
use docroot::net::mailbox::{Admission, Mailbox, Shutdown};
use docroot::net::worker::Worker;
use docroot::observe::log::Log;
use libfuzzer_sys::fuzz_target;

const CONNECTIONS: usize = 4;

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| Arc::new(site::settings(|_| {})));

/// A client, what it has sent and what it has received.
struct Caller {
    stream: UnixStream,
    sent: Vec<u8>,
    received: Vec<u8>,
    is_open: bool,
}

fuzz_target!(|input: &[u8]| {
    let settings = Arc::clone(&SETTINGS);
    let shutdown = Arc::<Shutdown>::default();
    let (mailbox, handle) = Mailbox::new(Arc::clone(&shutdown)).expect("a poller");
    let of_worker = Arc::clone(&settings);
    let worker = thread::spawn(move || {
        let context = Context::new(&of_worker, Log::off().handle(), mailbox.wakes());
        Worker::new(mailbox).run(context);
    });
    let mut callers: Vec<Caller> = (0..CONNECTIONS)
        .map(|_| {
            let (stream, theirs) = site::pair();
            let admission = Admission {
                stream,
                client: site::client(),
                listener: site::listener(false),
                refused: None,
            };
            assert!(handle.send(admission).is_ok(), "the worker runs");
            Caller {
                stream: theirs,
                sent: Vec::new(),
                received: Vec::new(),
                is_open: true,
            }
        })
        .collect();
    // The first byte of a piece says whose it is, and whether that client leaves with it.
    for piece in site::pieces(input) {
        let Some((&whose, piece)) = piece.split_first() else {
            continue;
        };
        let caller = &mut callers[whose as usize % CONNECTIONS];
        caller.send(piece);
        if whose & 0x80 != 0 {
            caller.leave();
        }
        caller.read();
    }
    callers.iter_mut().for_each(Caller::leave);
    for mut caller in callers {
        caller.stream.set_nonblocking(false).expect("blocking");
        let _ = caller.stream.read_to_end(&mut caller.received);
        answers::answers(&caller.received, &caller.sent);
    }
    shutdown.drain();
    handle.wake();
    worker.join().expect("no panic");
    assert_eq!(settings.counters.worker_panics.value(), 0);
});

impl Caller {
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
