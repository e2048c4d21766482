//! The canned-answer floor: the least that a request can cost in this design.
//!
//! ```text
//! floor PORT WORKERS ANSWER [FILE]
//! ```
//!
//! Every request gets the bytes of the file ANSWER, a whole response or, where FILE is given, its
//! head, behind which FILE is sent by `sendfile`. Nothing of a request is understood but where it
//! ends. The threads, the poller and the socket options are the server's: what a server costs
//! beyond this floor is the price of HTTP. `scripts/bench` records a real answer and compares.
//!
//! Omitted on purpose: request bodies, deadlines, limits, fairness, every kind of check.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};

/// The token of the waker; no descriptor reaches it.
const WAKE: Token = Token(usize::MAX);

/// The answers to pipelined requests leave in one write of about this many bytes at most.
const BATCH: usize = 64 * 1024;

/// What everybody gets.
struct Answer {
    /// The answer, or only its head, as often as it fits into a batch; at least once.
    batch: Vec<u8>,
    /// What one copy in the batch takes.
    copy: u64,
    /// What follows the head, and its length.
    file: Option<(File, u64)>,
    /// It announces that the connection ends.
    closes: bool,
}

/// How a worker is given clients.
struct Inlet {
    sender: Sender<TcpStream>,
    waker: Waker,
    /// The worker waits for readiness, or is about to: it must be woken.
    asleep: Arc<AtomicBool>,
}

/// A client.
struct Connection {
    stream: TcpStream,
    /// How much of the blank line at the end of a head was seen.
    matched: usize,
    /// Bytes of answers to requests that came whole and were not answered to the end.
    owed: u64,
}

/// Whether a client stays.
#[derive(PartialEq)]
enum Fate {
    Stays,
    Leaves,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, workers, answer, file @ ..] = arguments.as_slice() else {
        return Err("usage: floor PORT WORKERS ANSWER [FILE]".into());
    };
    let answer = Arc::new(Answer::read(answer, file.first())?);
    let inlets = (0..workers.parse()?)
        .map(|_| start_worker(&answer))
        .collect::<io::Result<Vec<_>>>()?;
    let listener = listen(port.parse()?)?;
    for inlet in inlets.iter().cycle() {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::accept_with(&listener, flags)?;
        inlet.sender.send(TcpStream::from(socket))?;
        if inlet.asleep.swap(false, Ordering::SeqCst) {
            inlet.waker.wake()?;
        }
    }
    Ok(())
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    rustix::net::listen(&socket, 4096)?;
    Ok(TcpListener::from(socket))
}

fn start_worker(answer: &Arc<Answer>) -> io::Result<Inlet> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    let (sender, receiver) = unbounded();
    let asleep = Arc::new(AtomicBool::new(false));
    let inlet = Inlet {
        sender,
        waker,
        asleep: Arc::clone(&asleep),
    };
    let answer = Arc::clone(answer);
    thread::spawn(move || {
        let fault = work(poll, &receiver, &asleep, &answer);
        eprintln!("floor: a worker ended: {fault:?}");
    });
    Ok(inlet)
}

fn work(
    mut poll: Poll,
    receiver: &Receiver<TcpStream>,
    asleep: &AtomicBool,
    answer: &Answer,
) -> io::Result<()> {
    // By descriptor: the kernel gives the smallest that is free.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 32 * 1024];
    loop {
        asleep.store(true, Ordering::SeqCst);
        // What was sent before the flag was up woke nobody.
        let timeout = (!receiver.is_empty()).then_some(Duration::ZERO);
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => asleep.store(false, Ordering::SeqCst),
        }
        for event in &events {
            let Token(key) = event.token();
            if let Some(Some(connection)) = connections.get_mut(key)
                && drive(connection, answer, &mut buffer) == Fate::Leaves
            {
                connections[key] = None;
            }
        }
        while let Ok(stream) = receiver.try_recv() {
            let descriptor = stream.as_raw_fd();
            let key = descriptor as usize;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut SourceFd(&descriptor), Token(key), interest)?;
            let mut connection = Connection {
                stream,
                matched: 0,
                owed: 0,
            };
            if drive(&mut connection, answer, &mut buffer) == Fate::Stays {
                connections.resize_with(connections.len().max(key + 1), || None);
                connections[key] = Some(connection);
            }
        }
    }
}

/// Answers what was asked until the socket blocks; any fault is the client's.
fn drive(connection: &mut Connection, answer: &Answer, buffer: &mut [u8]) -> Fate {
    match connection.exchange(answer, buffer) {
        Ok(fate) => fate,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Fate::Stays,
        Err(_) => Fate::Leaves,
    }
}

impl Connection {
    fn exchange(&mut self, answer: &Answer, buffer: &mut [u8]) -> io::Result<Fate> {
        let mut is_drained = false;
        loop {
            while self.owed > 0 {
                self.owed -= answer.send(&self.stream, self.owed)?;
                if self.owed == 0 && answer.closes {
                    return Ok(Fate::Leaves);
                }
            }
            if is_drained {
                return Ok(Fate::Stays);
            }
            let count = self.stream.read(buffer)?;
            if count == 0 {
                return Ok(Fate::Leaves);
            }
            // A short read has emptied the socket: the poller tells of what comes later.
            is_drained = count < buffer.len();
            self.owed += self.heads_ended_by(&buffer[..count]) * answer.len();
        }
    }

    /// How many heads end within `bytes`.
    fn heads_ended_by(&mut self, bytes: &[u8]) -> u64 {
        const BLANK_LINE: &[u8] = b"\r\n\r\n";
        let mut heads = 0;
        for &byte in bytes {
            self.matched = match byte {
                _ if byte == BLANK_LINE[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == BLANK_LINE.len() {
                self.matched = 0;
                heads += 1;
            }
        }
        heads
    }
}

impl Answer {
    #[expect(
        clippy::disallowed_methods,
        reason = "the file is named by the operator"
    )]
    fn read(answer: &str, file: Option<&String>) -> io::Result<Answer> {
        let bytes = std::fs::read(answer)?;
        let file = file.map(File::open).transpose()?;
        let file = match file {
            Some(file) => Some((file.try_clone()?, file.metadata()?.len())),
            None => None,
        };
        let copies = match file {
            Some(_) => 1,
            None => (BATCH / bytes.len().max(1)).max(1),
        };
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        Ok(Answer {
            batch: bytes.repeat(copies),
            copy: bytes.len() as u64,
            file,
            closes: text.contains("\r\nconnection: close\r\n"),
        })
    }

    fn len(&self) -> u64 {
        self.copy + self.file.as_ref().map_or(0, |(_, length)| *length)
    }

    /// Sends some of the `owed` bytes, which are the end of one or several answers.
    fn send(&self, stream: &TcpStream, owed: u64) -> io::Result<u64> {
        let sent = (self.len() - owed % self.len()) % self.len();
        match &self.file {
            None => {
                let end = (sent + owed).min(self.batch.len() as u64);
                let bytes = &self.batch[sent as usize..end as usize];
                Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL)? as u64)
            }
            Some(_) if sent < self.copy => {
                let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
                let head = &self.batch[sent as usize..];
                Ok(rustix::net::send(stream, head, flags)? as u64)
            }
            Some((file, length)) => {
                let mut offset = sent - self.copy;
                let count = (length - offset) as usize;
                let moved = rustix::fs::sendfile(stream, file, Some(&mut offset), count)?;
                Ok(moved as u64)
            }
        }
    }
}
