//! Replay for the wire view: a page sends octets to this server, as they are, and sees what comes back.
//!
//! ```text
//! /.docroot/replay    a WebSocket. It drives one connection at a time.
//!
//! page    "connect"                 opens a connection; an earlier one is closed
//! page    "connect tls"             the same with TLS
//! page    octets (binary)           are sent as they are
//! page    "finish"                  nothing more is sent
//! page    "close"                   closes the connection
//! server  {"connected":{"port":40001,"tls":null}}      the connection comes from this port
//! server  octets (binary)           that were received
//! server  {"closed":{"by":"server"}}                   also "client", or "server-reset"
//! server  {"failed":"why"}          there is no connection
//! ```
//!
//! The server treats such a connection as one of the viewer, so nobody gets more than by a connection of
//! their own.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::guide::rate::RateLimit;
use crate::origin::websocket::application::{Application, Part, ShortMessage, TooLong};
use crate::origin::websocket::sender::Sender as Messages;
use crate::text::escape::JsonString;
use crate::websocket::close::CloseCode;
use crate::websocket::message::MessageKind;

/// The longest order of a page.
const LONGEST_ORDER: usize = "connect tls".len();

/// How much memory orders may take until the connection takes them.
pub const MOST_WAITING: usize = 1024 * 1024;

/// The same for a learner of a class, of whom there may be many. The experiments of the textbook are shorter.
pub const MOST_OF_LEARNER: usize = 64 * 1024;

/// How many connections a page may open in a second. Each has a thread.
const MOST_OPENED: u32 = 20;

const SECOND: Duration = Duration::from_secs(1);

/// What an order takes beside its octets, in bytes.
const ORDER: usize = 2 * size_of::<Order>();

/// Opens connections of the server to itself.
pub trait Connect: Send + Sync {
    /// Opens a connection on a thread of its own, for the viewer with this address. The waker is used for each
    /// event. The error says why there can be none.
    fn connect(&self, viewer: IpAddr, is_tls: bool, waker: Waker) -> Result<Link, &'static str>;
}

/// The worker's end of a connection. When it is dropped, the connection closes.
pub struct Link {
    /// What the connection is to do.
    pub orders: Sender<Order>,
    /// What has happened on it.
    pub events: Receiver<Event>,
    /// Wakes the thread of the connection.
    pub thread: Waker,
    /// How much memory the orders take that wait.
    pub waiting: Arc<AtomicUsize>,
}

/// What a connection is to do.
#[derive(Debug)]
pub enum Order {
    /// To send these octets.
    Send(Vec<u8>),
    /// To send nothing after the octets before this order.
    Finish,
}

/// What has happened on a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// It is open, from this port of the client. The version and the cipher suite of TLS.
    Connected(u16, Option<(&'static str, &'static str)>),
    /// Octets have arrived.
    Received(Vec<u8>),
    /// It is closed.
    Closed(ClosedBy),
    /// It could not be opened, or it broke.
    Failed(String),
}

/// Who closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// The page.
    Client,
    /// The server.
    Server,
    /// The server, and data was lost: it sent a reset.
    ServerReset,
}

impl Order {
    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        match self {
            Order::Send(octets) => ORDER + octets.len(),
            Order::Finish => ORDER,
        }
    }
}

impl Link {
    /// Gives an order. Returns false if too many wait.
    fn give(&self, order: Order, most: usize) -> bool {
        let cost = order.cost();
        if self.waiting.fetch_add(cost, Ordering::Relaxed) + cost > most {
            return false;
        }
        // If the thread has ended, its last event says why.
        let _ = self.orders.send(order);
        self.thread.wake_by_ref();
        true
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The thread notices that the channel of orders is disconnected. The field is still there, so the
        // sender is replaced first.
        let (orders, _) = crossbeam_channel::bounded(0);
        self.orders = orders;
        self.thread.wake_by_ref();
    }
}

impl Event {
    /// The message for the page, and what kind of message it is.
    fn message(self) -> (MessageKind, Vec<u8>) {
        let text = match self {
            Event::Received(octets) => return (MessageKind::Binary, octets),
            Event::Connected(port, None) => {
                format!("{{\"connected\":{{\"port\":{port},\"tls\":null}}}}")
            }
            Event::Connected(port, Some((version, cipher))) => format!(
                "{{\"connected\":{{\"port\":{port},\"tls\":{{\"version\":\"{version}\",\
                 \"cipher\":\"{cipher}\"}}}}}}"
            ),
            Event::Closed(by) => {
                let by = match by {
                    ClosedBy::Client => "client",
                    ClosedBy::Server => "server",
                    ClosedBy::ServerReset => "server-reset",
                };
                format!("{{\"closed\":{{\"by\":\"{by}\"}}}}")
            }
            Event::Failed(why) => format!("{{\"failed\":{}}}", JsonString(why.as_bytes())),
        };
        (MessageKind::Text, text.into_bytes())
    }
}

/// A page that replays.
pub struct Replay {
    connect: Arc<dyn Connect>,
    viewer: IpAddr,
    waker: Waker,
    /// How much memory orders may take until the connection takes them.
    most_waiting: usize,
    /// What has arrived of an order.
    order: ShortMessage,
    link: Option<Link>,
    /// An event that is no news of the connection's thread.
    news: Option<Event>,
    /// Counts the connections that it opens.
    opened: RateLimit,
}

impl Replay {
    /// For a viewer with this address. Its orders may take so much memory until the connection takes them.
    pub fn new(
        connect: Arc<dyn Connect>,
        viewer: IpAddr,
        waker: Waker,
        most_waiting: usize,
    ) -> Replay {
        Replay {
            connect,
            viewer,
            waker,
            most_waiting,
            order: ShortMessage::of_at_most(LONGEST_ORDER),
            link: None,
            news: None,
            opened: RateLimit::new(MOST_OPENED, SECOND),
        }
    }

    fn obey(&mut self, order: &[u8], now: Instant) -> Result<(), CloseCode> {
        match order {
            b"connect" => self.open(false, now)?,
            b"connect tls" => self.open(true, now)?,
            b"finish" => return self.give(Order::Finish),
            b"close" => {
                let was_open = self.link.take().is_some();
                self.news = was_open.then_some(Event::Closed(ClosedBy::Client));
            }
            _ => return Err(CloseCode::POLICY_VIOLATION),
        }
        Ok(())
    }

    fn give(&self, order: Order) -> Result<(), CloseCode> {
        match &self.link {
            Some(link) if !link.give(order, self.most_waiting) => Err(CloseCode::MESSAGE_TOO_BIG),
            // Without a connection, there is nothing to do.
            _ => Ok(()),
        }
    }

    fn open(&mut self, is_tls: bool, now: Instant) -> Result<(), CloseCode> {
        if !self.opened.admits(now) {
            return Err(CloseCode::POLICY_VIOLATION);
        }
        self.link = None;
        match self
            .connect
            .connect(self.viewer, is_tls, self.waker.clone())
        {
            Ok(link) => self.link = Some(link),
            Err(why) => self.news = Some(Event::Failed(why.to_owned())),
        }
        Ok(())
    }

    /// The next event.
    fn event(&mut self) -> Option<Event> {
        if let Some(news) = self.news.take() {
            return Some(news);
        }
        self.link.as_ref()?.events.try_recv().ok()
    }
}

impl Application for Replay {
    fn receive(
        &mut self,
        part: Part<'_>,
        now: Instant,
        _: &mut Messages<'_>,
    ) -> Result<(), CloseCode> {
        if part.kind == MessageKind::Binary {
            return match part.content {
                [] => Ok(()),
                octets => self.give(Order::Send(octets.to_vec())),
            };
        }
        let added = self.order.add(part);
        match added.map_err(|TooLong| CloseCode::POLICY_VIOLATION)? {
            Some(order) => self.obey(&order, now),
            None => Ok(()),
        }
    }

    fn send(&mut self, messages: &mut Messages<'_>) -> bool {
        let Some(event) = self.event() else {
            return false;
        };
        let (kind, content) = event.message();
        messages.part(kind, &content, true);
        true
    }

    fn is_shown(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(event: Event, want: &str) {
        let (kind, content) = event.message();
        assert_eq!(kind, MessageKind::Text);
        assert_eq!(String::from_utf8_lossy(&content), want);
    }

    #[test]
    fn each_event_has_its_message() {
        check(
            Event::Connected(40001, None),
            r#"{"connected":{"port":40001,"tls":null}}"#,
        );
        check(
            Event::Connected(1, Some(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
            r#"{"connected":{"port":1,"tls":{"version":"TLSv1.3","cipher":"TLS_AES_128_GCM_SHA256"}}}"#,
        );
        check(
            Event::Closed(ClosedBy::ServerReset),
            r#"{"closed":{"by":"server-reset"}}"#,
        );
        check(Event::Failed("\"no\"".to_owned()), r#"{"failed":"\"no\""}"#);
        let octets = b"\xff\r\n".to_vec();
        let message = Event::Received(octets.clone()).message();
        assert_eq!(message, (MessageKind::Binary, octets));
    }

    #[test]
    fn much_that_is_not_taken_is_refused() {
        let (orders, taken) = crossbeam_channel::unbounded();
        let (_, events) = crossbeam_channel::bounded(0);
        let link = Link {
            orders,
            events,
            thread: Waker::noop().clone(),
            waiting: Arc::default(),
        };
        let part = || Order::Send(vec![0; MOST_WAITING / 2 - 2 * ORDER]);
        let give = |order| link.give(order, MOST_WAITING);
        assert!(give(part()) && give(part()));
        assert!(give(Order::Finish));
        // Orders without octets take memory too.
        assert!(give(Order::Finish) && !give(Order::Finish));
        drop(link);
        assert_eq!(taken.try_iter().count(), 4);
    }
}
