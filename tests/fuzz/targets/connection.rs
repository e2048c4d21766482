//! A whole connection, fed arbitrary bytes in arbitrary pieces: whatever comes, each request gets one
//! well-formed answer, nothing follows the last, and the connection comes to an end.
#![no_main]

#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/answers.rs"]
mod answers;
#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../../support/response.rs"]
mod response;

#[path = "../support/site.rs"]
mod site;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::Shutdown;

use docroot::net::connection::Connection;
use docroot::net::context::Context;
use docroot::net::mailbox::Mailbox;
use docroot::net::transport::Transport;
use docroot::observe::log::Log;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::new(context());
}

/// The context of a worker.
fn context() -> Context {
    let (mailbox, _) = Mailbox::new(Default::default()).expect("a poller");
    Context::new(
        &site::settings(|_| {}),
        Log::off().handle(),
        mailbox.wakes(),
    )
}

fuzz_target!(|input: &[u8]| {
    CONTEXT.with_borrow_mut(|context| {
        let (ours, mut theirs) = site::pair();
        let (transport, listener) = (Transport::new(ours), site::listener(false));
        let mut connection = Connection::new(transport, site::client(), listener, None, context);
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        let mut open = true;
        for piece in site::pieces(input) {
            sent.extend_from_slice(piece);
            open = open && theirs.write_all(piece).is_ok();
            open = open && site::run(&mut connection, context, &mut theirs, &mut received);
        }
        if open {
            theirs.shutdown(Shutdown::Write).expect("half a close");
            assert!(
                !site::run(&mut connection, context, &mut theirs, &mut received),
                "it never ends"
            );
        }
        drop(connection);
        let _ = theirs.read_to_end(&mut received);
        answers::answers(&received, &sent);
    });
});
