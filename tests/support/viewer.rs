//! Somebody who looks at the wire view.

use std::net::TcpStream;

use serde_json::Value;
use tungstenite::WebSocket;

use super::TestServer;
use super::live_page::websocket;

/// Somebody who looks.
pub struct Viewer(pub WebSocket<TcpStream>);

/// Somebody who looks at this endpoint.
pub fn viewer(server: &TestServer, endpoint: &str) -> Viewer {
    Viewer(websocket(server.address, endpoint))
}

/// The path of the wire view.
pub const WIRE: &str = "/.docroot/wire";

impl Viewer {
    /// The next event.
    pub fn next(&mut self) -> Value {
        let message = self.0.read().expect("a message");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    /// The next event of this kind.
    pub fn event(&mut self, kind: &str) -> Value {
        loop {
            let mut event = self.next();
            if !event[kind].is_null() {
                return event[kind].take();
            }
        }
    }

    /// The next exchange.
    pub fn exchange(&mut self) -> Value {
        self.event("exchange")
    }

    /// The next event of this kind that is about this connection.
    pub fn of_connection(&mut self, kind: &str, connection: &Value) -> Value {
        loop {
            let event = self.event(kind);
            if event["connection"] == *connection {
                return event;
            }
        }
    }
}
