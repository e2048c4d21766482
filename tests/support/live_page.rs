//! A page that live reload tells what changes.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};

use tungstenite::{Message, WebSocket};

use super::PATIENCE;

/// The path of the WebSocket of a site without a prefix.
pub const ENDPOINT: &str = "/.docroot/live-reload";

/// A WebSocket at this path.
pub fn websocket(server: SocketAddr, path: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let url = format!("ws://{server}{path}");
    tungstenite::client(url, stream).expect("a WebSocket").0
}

/// A page that is connected.
pub struct LivePage {
    pub socket: WebSocket<TcpStream>,
    /// What it was told and has not looked at.
    told: VecDeque<String>,
}

impl LivePage {
    /// A page that was loaded so many milliseconds ago.
    pub fn connect(server: SocketAddr, path: &str, age: &str) -> LivePage {
        let mut socket = websocket(server, path);
        socket.send(Message::text(age)).expect("sent");
        // The answer to a ping shows that the server has read the message.
        socket.send(Message::Ping("".into())).expect("sent");
        let mut told = VecDeque::new();
        loop {
            match socket.read().expect("an answer") {
                Message::Pong(_) => return LivePage { socket, told },
                news => told.push_back(news.to_text().expect("text").to_owned()),
            }
        }
    }

    /// What it is told next.
    #[track_caller]
    pub fn told(&mut self) -> String {
        self.told.pop_front().unwrap_or_else(|| {
            let news = self.socket.read().expect("a message");
            news.to_text().expect("text").to_owned()
        })
    }
}
