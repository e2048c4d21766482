//! A connection over TLS without a server: the test is the worker, and the client as well.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use docroot::net::connection::Turn;
use rustls::{ClientConfig, ClientConnection};

use super::rig::Rig;
use super::tls::{Authority, Versions, session};
use super::{Response, Setup, find};

/// A [`Rig`] behind a session, which has begun.
pub struct SecureRig {
    pub rig: Rig,
    pub session: ClientConnection,
}

impl SecureRig {
    /// Both ends of a pair of sockets, in these versions.
    pub fn new(setup: Setup, versions: Versions) -> SecureRig {
        let authority = Authority::new("authority");
        let caller = authority.caller_with(versions, None);
        SecureRig::of(Rig::new(setup.https(&authority)), caller)
    }

    /// The same with sockets of TCP that hold as little as they can.
    pub fn narrow(setup: Setup, versions: Versions) -> SecureRig {
        let authority = Authority::new("authority");
        let caller = authority.caller_with(versions, None);
        let (ours, client) = narrow_pair().expect("a connection");
        SecureRig::of(Rig::over(setup.https(&authority), ours, client), caller)
    }

    /// Shakes hands. `caller` trusts the server of the rig.
    pub fn of(rig: Rig, caller: ClientConfig) -> SecureRig {
        let session = session(&Arc::new(caller));
        let mut secure = SecureRig { rig, session };
        while secure.session.is_handshaking() {
            assert_eq!(secure.act(), Turn::Wait);
        }
        // The server has yet to see the client's last word.
        assert_eq!(secure.act(), Turn::Wait);
        secure
    }

    /// The client sends what it has to say, the server acts, and the client takes what has come.
    pub fn act(&mut self) -> Turn {
        let mut bytes = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut bytes).expect("a vector");
        }
        self.rig.send(&bytes);
        let turn = self.rig.drive();
        self.receive();
        turn
    }

    fn receive(&mut self) {
        let client = &mut self.rig.client;
        client.set_nonblocking(true).expect("a mode");
        match self.session.read_tls(client) {
            Ok(0) => panic!("the server has closed"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        client.set_nonblocking(false).expect("a mode");
        self.session.process_new_packets().expect("a session");
    }

    /// Asks, without an answer yet.
    pub fn ask(&mut self, request: &[u8]) {
        self.session.writer().write_all(request).expect("room");
    }

    /// Adds what the server sends, until there are `length` bytes or more.
    pub fn read(&mut self, answer: &mut Vec<u8>, length: usize) {
        while answer.len() < length {
            assert_eq!(self.act(), Turn::Wait);
            match self.session.reader().read_to_end(answer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => panic!("the session is over: {other:?}"),
            }
        }
    }

    /// The whole answer to a GET.
    pub fn response(&mut self, request: &[u8]) -> Response {
        self.ask(request);
        let mut answer = Vec::new();
        while find(&answer, b"\r\n\r\n").is_none() {
            let length = answer.len() + 1;
            self.read(&mut answer, length);
        }
        let end = find(&answer, b"\r\n\r\n").expect("a head") + 4;
        let mut response = Response::parse(&answer[..end]);
        let length = response.field("Content-Length").expect("a length");
        let length: usize = length.parse().expect("a number");
        self.read(&mut answer, end + length);
        response.body = answer.split_off(end);
        response
    }
}

/// The server's end and the client's.
fn narrow_pair() -> io::Result<(OwnedFd, UnixStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 0)?;
    let ours = TcpStream::connect(listener.local_addr()?)?;
    rustix::net::sockopt::set_socket_send_buffer_size(&ours, 0)?;
    let (client, _) = listener.accept()?;
    Ok((ours.into(), UnixStream::from(OwnedFd::from(client))))
}
