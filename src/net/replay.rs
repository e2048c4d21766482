//! Opens connections of the server to itself, for replays of the wire view (`--inspect`).
//!
//! ```text
//! page --WebSocket--> worker --orders--> thread --TCP--> the server's own listener
//!                            <--events--
//! ```

// For whom the connections are.
pub(super) mod registry;
// The thread of a connection.
mod thread;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Wake, Waker};

use crossbeam_channel::{bounded, unbounded};
use mio::Poll;

use crate::guide::replay::{Connect, Link};
use crate::net::replay::registry::{Registered, Replays};
use crate::net::replay::thread::{ReplayThread, WAKE};

/// How many events wait for a page that reads slowly. Then nothing more is received.
const MOST_EVENTS: usize = 8;

/// Wakes a thread that waits in its poller.
struct ThreadWake(mio::Waker);

impl Wake for ThreadWake {
    fn wake(self: Arc<Self>) {
        // This fails only if the waker's counter is full. Then the thread wakes up anyway.
        let _ = self.0.wake();
    }
}

/// Opens connections of the server to itself.
pub struct Replayer(pub Arc<Replays>);

impl Connect for Replayer {
    fn connect(&self, viewer: IpAddr, is_tls: bool, waker: Waker) -> Result<Link, &'static str> {
        const NO_THREAD: &str = "the system gives docroot no thread for the connection";
        let registered = Registered::new(Arc::clone(&self.0), viewer);
        let registered = registered.ok_or("too many replays are open")?;
        let poll = Poll::new().map_err(|_| NO_THREAD)?;
        let wake = mio::Waker::new(poll.registry(), WAKE).map_err(|_| NO_THREAD)?;
        let wake = Waker::from(Arc::new(ThreadWake(wake)));
        // The guide bounds the memory of what waits: see `Link`.
        let (orders, to_do) = unbounded();
        let (news, events) = bounded(MOST_EVENTS);
        let waiting = Arc::<AtomicUsize>::default();
        let replay = ReplayThread {
            registered,
            is_tls,
            poll,
            _wake: wake.clone(),
            orders: to_do,
            waiting: Arc::clone(&waiting),
            events: news,
            waker,
        };
        std::thread::Builder::new()
            .name("replay".to_owned())
            .spawn(|| replay.run())
            .map_err(|_| NO_THREAD)?;
        Ok(Link {
            orders,
            events,
            thread: wake,
            waiting,
        })
    }
}
