//! What the wire view (`--inspect`) is told, as JSON (RFC 8259), one object per event.
//!
//! ```text
//! {"hello":{"version":"0.1.0","started":1764240000000,"workers":2,"tls":false,"replay":true,"lab":true,"negotiate":false,"class":null}}
//! {"opened":{"connection":7,"worker":1,"at":1764240000000,"peer":"127.0.0.1","port":40000}}
//! {"exchange":{"connection":7,"number":3,"own":0,...,"status":304,...,"steps":[{"section":...,"finding":...},...]}}
//! {"frame":{"connection":7,"at":...,"from":"client","head":"\x81\x85...","length":5,"first":"Hello"}}
//! {"closed":{"connection":7,"at":...,"exchanges":3,"own":0,"by":"client","reason":"the client closed the connection"}}
//! {"worker":{"number":1,"at":...,"phases":{"handshake":0,"idle":3,...}}}
//! {"own":7}         an exchange of the wire view itself has ended on this connection
//! {"missed":12}     the viewer fell behind, and so many events are lost (null: it is not known how many)
//! ```
//!
//! `number` and `exchanges` count the exchanges of the connection, and `own` those of the wire view itself among them.
//! `at` is in milliseconds since 1970. Octets are strings of one character per octet, from U+0000 to U+00FF.
//!
//! An event is described only while somebody looks. Secrets are masked before anybody sees them.

// The events of a connection.
mod connection;
// An exchange that has ended.
mod exchange;
// How many exchanges a connection has had.
mod exchanges;
// How many connections a worker has in each phase.
mod phases;

pub use connection::Sender;
pub use exchange::Watched;
pub use exchanges::Exchanges;
pub use phases::{Phase, Phases};

use std::net::IpAddr;
use std::time::SystemTime;

use super::client::Client;
use super::closed::Closed;
use super::event::ExchangeRecord;
use super::json::milliseconds;
use super::topic::{Capacity, Topic};
use crate::websocket::scan::ScannedFrame;

/// What happens on the connections of the server.
pub type Wire = Topic<WireEvent>;

/// How much is kept for a viewer that reads slowly.
pub const KEPT: Capacity = Capacity {
    items: 2000,
    bytes: 4 * 1024 * 1024,
};

/// Something that has happened.
#[derive(Debug, PartialEq, Eq)]
pub struct WireEvent {
    /// The object that describes it.
    pub json: Vec<u8>,
    /// The number of the connection, if this is an exchange of the wire view itself.
    pub own: Option<u64>,
    /// The address of the client on whose connection it has happened; `None` if it concerns several.
    pub peer: Option<IpAddr>,
}

/// What a viewer is told first.
#[derive(Clone, Copy, Debug)]
pub struct ServerFacts {
    /// When the server started.
    pub started: SystemTime,
    /// How many workers it has.
    pub workers: usize,
    /// Whether the site is served over TLS.
    pub is_tls: bool,
    /// Whether viewers can have requests sent again.
    pub can_replay: bool,
    /// Whether there is a lab.
    pub has_lab: bool,
    /// Whether the site negotiates the language.
    pub negotiates: bool,
    /// When the class began, in milliseconds since 1970; `None` if there is none.
    pub class: Option<u64>,
}

impl WireEvent {
    /// Says which server this is.
    pub fn hello(server: &ServerFacts) -> WireEvent {
        let ServerFacts {
            started,
            workers,
            is_tls,
            can_replay,
            has_lab,
            negotiates,
            class,
        } = *server;
        let class = class.map_or_else(|| "null".to_owned(), |began| began.to_string());
        let (version, started) = (env!("CARGO_PKG_VERSION"), milliseconds(started));
        WireEvent::of_text(format!(
            "{{\"hello\":{{\"version\":\"{version}\",\"started\":{started},\"workers\":{workers},\
             \"tls\":{is_tls},\"replay\":{can_replay},\"lab\":{has_lab},\"negotiate\":{negotiates},\"class\":{class}}}}}"
        ))
    }

    /// Says how many events are lost, if that is known.
    pub fn missed(count: Option<u64>) -> WireEvent {
        let count = count.map_or_else(|| "null".to_owned(), |count| count.to_string());
        WireEvent::of_text(format!("{{\"missed\":{count}}}"))
    }

    /// Says that an exchange of the wire view itself has ended on this connection.
    pub fn own(connection: u64) -> WireEvent {
        WireEvent::of_text(format!("{{\"own\":{connection}}}"))
    }

    /// A connection that a worker has received.
    pub fn opened(client: &Client, worker: usize, at: SystemTime) -> WireEvent {
        WireEvent::of_client(client, connection::opened(client, worker, at))
    }

    /// A connection that is over, after so many exchanges.
    pub fn closed(
        client: &Client,
        exchanges: Exchanges,
        closed: Closed,
        at: SystemTime,
    ) -> WireEvent {
        WireEvent::of_client(client, connection::closed(client, exchanges, closed, at))
    }

    /// A frame of a WebSocket connection (RFC 6455 section 5.2).
    pub fn frame(
        client: &Client,
        sender: Sender,
        frame: &ScannedFrame<'_>,
        at: SystemTime,
    ) -> WireEvent {
        WireEvent::of_client(client, connection::frame(client, sender, frame, at))
    }

    /// How many connections a worker has in each phase.
    pub fn worker(number: usize, phases: Phases, at: SystemTime) -> WireEvent {
        WireEvent::of_text(phases::worker(number, phases, at))
    }

    /// An exchange that has ended.
    pub fn exchange(exchange: &ExchangeRecord<'_>, watched: &Watched<'_>) -> WireEvent {
        WireEvent {
            json: exchange::describe(exchange, watched),
            own: is_own(exchange.target).then_some(watched.connection),
            peer: Some(exchange.peer.ip().to_canonical()),
        }
    }

    fn of_client(client: &Client, text: String) -> WireEvent {
        WireEvent {
            peer: Some(client.peer.ip().to_canonical()),
            ..WireEvent::of_text(text)
        }
    }

    fn of_text(text: String) -> WireEvent {
        WireEvent {
            json: text.into_bytes(),
            own: None,
            peer: None,
        }
    }
}

/// Names below `.docroot/` that do not belong to the wire view. The class does: who reports what is nobody's business.
const OTHERS: [&[u8]; 3] = [b"lab", b"live-reload", b"live-reload.js"];

/// Whether a request for this target is for the wire view itself.
pub fn is_own(target: &[u8]) -> bool {
    let path = target.split(|&byte| byte == b'?').next();
    let mut names = path
        .unwrap_or_default()
        .split(|&byte| byte == b'/')
        .skip_while(|name| *name != b".docroot");
    let is_below = names.next().is_some();
    is_below && names.next().is_none_or(|name| !OTHERS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_pages_are_known() {
        for (target, want) in [
            ("/.docroot/wire", true),
            ("/docs/.docroot/?lang=zh", true),
            ("/.docroot?lang=zh", true),
            ("/.docroot/words/fields.json", true),
            ("/.docroot/learn/ticks", true),
            ("/.docroot/lab/echo", false),
            ("/.docroot/live-reload.js", false),
            ("/a?b=/.docroot/", false),
            ("/a.docroot/", false),
        ] {
            assert_eq!(is_own(target.as_bytes()), want, "{target}");
        }
    }

    #[test]
    fn losses_are_counted_if_that_is_possible() {
        assert_eq!(WireEvent::missed(Some(12)).json, b"{\"missed\":12}");
        assert_eq!(WireEvent::missed(None).json, b"{\"missed\":null}");
    }
}
