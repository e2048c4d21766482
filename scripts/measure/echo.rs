//! The peer of the WebSocket scenarios: a server that sends each message back.
//!
//! ```text
//! echo PORT
//! ```
//!
//! It uses the crate tungstenite as its documentation shows it: one thread per connection, blocking reads and
//! writes, whole messages, and the sizes of buffers that are its defaults. `scripts/bench` compares it with
//! the echo of docroot's lab.
#![forbid(unsafe_code)]

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port] = arguments.as_slice() else {
        return Err("usage: echo PORT".into());
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    for stream in listener.incoming() {
        let stream = stream?;
        // A connection ends with an error, if only because the client leaves.
        thread::spawn(move || serve(stream));
    }
    Ok(())
}

fn serve(stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream)?;
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}
