//! The events of a connection: it is opened, frames cross it, it is closed.

use std::time::SystemTime;

use super::super::client::Client;
use super::super::closed::Closed;
use super::super::json::milliseconds;
use super::exchanges::Exchanges;
use crate::text::escape::JsonOctets;
use crate::websocket::scan::ScannedFrame;

/// Who sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// The event of a connection that this worker has received.
pub(super) fn opened(client: &Client, worker: usize, at: SystemTime) -> String {
    let (peer, port) = (client.peer.ip().to_canonical(), client.peer.port());
    let (connection, at) = (client.connection, milliseconds(at));
    format!(
        "{{\"opened\":{{\"connection\":{connection},\"worker\":{worker},\"at\":{at},\"peer\":\"{peer}\",\
         \"port\":{port}}}}}"
    )
}

/// The event of a connection that is over, after so many exchanges.
pub(super) fn closed(
    client: &Client,
    exchanges: Exchanges,
    closed: Closed,
    at: SystemTime,
) -> String {
    let (connection, by, reason) = (client.connection, closed.by(), closed.text());
    let (at, Exchanges { all, own }) = (milliseconds(at), exchanges);
    format!(
        "{{\"closed\":{{\"connection\":{connection},\"at\":{at},\"exchanges\":{all},\"own\":{own},\
         \"by\":\"{by}\",\"reason\":\"{reason}\"}}}}"
    )
}

/// The event of a frame.
pub(super) fn frame(
    client: &Client,
    sender: Sender,
    frame: &ScannedFrame<'_>,
    at: SystemTime,
) -> String {
    let sender = match sender {
        Sender::Client => "client",
        Sender::Server => "server",
    };
    let (connection, at, length) = (client.connection, milliseconds(at), frame.length);
    let (head, first) = (JsonOctets(frame.head), JsonOctets(frame.first));
    format!(
        "{{\"frame\":{{\"connection\":{connection},\"at\":{at},\"from\":\"{sender}\",\"head\":{head},\
         \"length\":{length},\"first\":{first}}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::closed::Why;
    use crate::observe::event::End;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn client() -> Client {
        Client {
            connection: 7,
            ..Client::at("[::ffff:127.0.0.1]:40000".parse().expect("an address"))
        }
    }

    #[track_caller]
    fn check(got: &str, want: &Value) {
        let got: Value = serde_json::from_str(got).expect("JSON");
        assert_eq!(got, *want);
    }

    #[test]
    fn each_event_has_every_member() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_234_567);
        check(
            &opened(&client(), 1, at),
            &json!({"opened": {"connection": 7, "worker": 1, "at": 1234, "peer": "127.0.0.1",
                               "port": 40000}}),
        );
        for (over, by, reason) in [
            (
                Closed::Orderly(Why::NoRequest),
                "server",
                "no request came in time",
            ),
            (
                Closed::Cut(End::ClientGone),
                "client",
                "the client went away",
            ),
        ] {
            check(
                &closed(&client(), Exchanges { all: 3, own: 1 }, over, at),
                &json!({"closed": {"connection": 7, "at": 1234, "exchanges": 3, "own": 1, "by": by, "reason": reason}}),
            );
        }
        let scanned = ScannedFrame {
            head: b"\x81\x02",
            length: 2,
            first: b"\"\xff",
        };
        check(
            &frame(&client(), Sender::Server, &scanned, at),
            &json!({"frame": {"connection": 7, "at": 1234, "from": "server", "head": "\u{81}\u{2}",
                              "length": 2, "first": "\"\u{ff}"}}),
        );
    }
}
