//! The load generator of the WebSocket scenarios: it sends messages and checks their echoes.
//!
//! ```text
//! messages PORT PATH CONNECTIONS LENGTH SECONDS KIND
//! ```
//!
//! On each connection, a message of LENGTH bytes is sent when the echo of the one before has come. KIND is
//! `binary`, or `deflate` for text with permessage-deflate. Every byte of every echo is compared.
//!
//! ```text
//! stdout: ready                                           each connection has had an echo
//! stdin:  a line                                          begin
//! stdout: {"messages": 9, "seconds": 3.0, "p99": 0.001}   all echoes have come
//! stdin:  a line, or its end                              leave
//! ```
//!
//! Frames are masked and compressed before the clock starts. One thread serves all connections.
#![forbid(unsafe_code)]

// Frames of a client.
#[path = "../../tests/support/frame.rs"]
mod frame;

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use frame::frame;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

/// The example of RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The connections take turns with so many bytes of different messages, so that an echo on the wrong
/// connection is seen, and a compressor does not meet the same message again in its window.
const VARIETY: usize = 1024 * 1024;
const MOST_MESSAGES: usize = 256;

/// How much is read at a time, and how often from one connection before the others have their turn.
const PIECE: usize = 256 * 1024;
const READS: usize = 16;

/// Whoever sends nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What RFC 7692 section 7.2.1 removes from the end of a message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Binary,
    Deflate,
}

/// A message, and the frame that carries it.
struct Message {
    content: Vec<u8>,
    frame: Vec<u8>,
}

/// What was measured.
#[derive(Default)]
struct Measured {
    /// What each echo took.
    times: Vec<Duration>,
}

struct Connection {
    stream: TcpStream,
    /// The message that is sent, and whose echo is awaited. Without one, the connection has nothing to do.
    current: Option<usize>,
    next: usize,
    begun: Instant,
    /// How much of the frame was sent.
    sent: usize,
    echo: Echo,
}

/// How far the echo of a message has come.
struct Echo {
    /// The start of a frame whose header is not complete.
    header: Vec<u8>,
    /// What is left of the payload of a frame.
    left: u64,
    is_final: bool,
    /// Whether the message has a frame.
    has_begun: bool,
    /// How much content was compared.
    compared: usize,
    inflate: Option<Decompress>,
}

/// Whether a connection waits for its socket.
#[derive(PartialEq)]
enum Fate {
    Waits,
    HasMore,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, path, connections, length, seconds, kind] = arguments.as_slice() else {
        return Err("usage: messages PORT PATH CONNECTIONS LENGTH SECONDS KIND".into());
    };
    let kind = match kind.as_str() {
        "binary" => Kind::Binary,
        "deflate" => Kind::Deflate,
        _ => return Err("KIND is binary or deflate".into()),
    };
    let messages = messages(length.parse()?, kind);
    let mut generator = Generator {
        poll: Poll::new()?,
        connections: Vec::new(),
        messages,
        buffer: vec![0; PIECE],
    };
    for _ in 0..connections.parse()? {
        generator.connect(port.parse()?, path, kind)?;
    }
    generator.run(Duration::ZERO)?;
    println!("ready");
    wait_for_line()?;
    let start = now();
    let mut measured = generator.run(Duration::from_secs_f64(seconds.parse()?))?;
    let took = start.elapsed().as_secs_f64();
    let (messages, p99) = (measured.times.len(), measured.p99().as_secs_f64());
    println!("{{\"messages\": {messages}, \"seconds\": {took}, \"p99\": {p99}}}");
    wait_for_line()
}

fn wait_for_line() -> Result<()> {
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this measures time")]
fn now() -> Instant {
    Instant::now()
}

impl Measured {
    fn p99(&mut self) -> Duration {
        self.times.sort_unstable();
        self.times[self.times.len() * 99 / 100]
    }
}

/// The messages that the connections send in turn.
fn messages(length: usize, kind: Kind) -> Vec<Message> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let count = (VARIETY / length.max(1)).clamp(1, MOST_MESSAGES);
    let message = |_| {
        let (first, content) = match kind {
            Kind::Binary => (0x82, chance.bytes(length)),
            Kind::Deflate => (0xc1, chance.records(length)),
        };
        let frame = match kind {
            Kind::Binary => frame(first, &content),
            Kind::Deflate => frame(first, &compressed(&content)),
        };
        Message { content, frame }
    };
    (0..count).map(message).collect()
}

/// A compressed message that does not refer to those before it, which the client is free to do.
fn compressed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 1024);
    let mut compress = Compress::new(Compression::default(), false);
    let status = compress.compress_vec(content, &mut out, FlushCompress::Sync);
    assert!(status.is_ok() && out.ends_with(&TAIL), "there is room");
    out.truncate(out.len() - TAIL.len());
    out
}

/// Pseudo-random numbers (xorshift64), the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 20) % bound
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// Text as programs exchange it: the same names again and again, and values of which some repeat.
    fn records(&mut self, length: usize) -> Vec<u8> {
        const WORDS: [&str; 8] = [
            "open", "closed", "pending", "kari", "nosul", "mendor", "vali", "praos",
        ];
        let mut text = String::from("[");
        while text.len() < length {
            let (id, price) = (self.below(1_000_000), self.below(100_000));
            let mut word = || WORDS[self.below(8) as usize];
            let (state, first, second) = (word(), word(), word());
            text += &format!(
                "{{\"id\":{id},\"state\":\"{state}\",\"name\":\"{first} {second}\",\"price\":{}.{:02}}},",
                price / 100,
                price % 100,
            );
        }
        text.truncate(length);
        text.into_bytes()
    }
}

/// All connections, and what they share.
struct Generator {
    poll: Poll,
    connections: Vec<Connection>,
    messages: Vec<Message>,
    buffer: Vec<u8>,
}

impl Generator {
    /// Opens a connection.
    fn connect(&mut self, port: u16, path: &str, kind: Kind) -> Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let offer = match kind {
            Kind::Binary => "",
            Kind::Deflate => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let head = read_head(&mut stream)?;
        let is_compressed = head.contains("permessage-deflate");
        if !head.contains(ACCEPT) || is_compressed != (kind == Kind::Deflate) {
            return Err(format!("the server answers {head:?}").into());
        }
        stream.set_nonblocking(true)?;
        let number = self.connections.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let descriptor = stream.as_raw_fd();
        (self.poll.registry()).register(&mut SourceFd(&descriptor), Token(number), interest)?;
        self.connections.push(Connection {
            stream,
            current: None,
            next: number % self.messages.len(),
            begun: now(),
            sent: 0,
            echo: Echo {
                header: Vec::new(),
                left: 0,
                is_final: false,
                has_begun: false,
                compared: 0,
                inflate: is_compressed.then(|| Decompress::new(false)),
            },
        });
        Ok(())
    }

    /// Sends messages for so long, at least one on each connection, and waits for the last echo.
    fn run(&mut self, duration: Duration) -> Result<Measured> {
        let mut measured = Measured::default();
        let deadline = now() + duration;
        for connection in &mut self.connections {
            connection.begin(self.messages.len());
        }
        let mut ready: Vec<usize> = (0..self.connections.len()).collect();
        let mut events = Events::with_capacity(1024);
        loop {
            for number in std::mem::take(&mut ready) {
                let connection = &mut self.connections[number];
                let fate =
                    connection.drive(&self.messages, &mut self.buffer, deadline, &mut measured)?;
                if fate == Fate::HasMore {
                    ready.push(number);
                }
            }
            if self.connections.iter().all(Connection::is_done) {
                return Ok(measured);
            }
            let timeout = match ready.is_empty() {
                true => PATIENCE,
                false => Duration::ZERO,
            };
            self.poll.poll(&mut events, Some(timeout))?;
            if events.is_empty() && ready.is_empty() {
                return Err("the server does not answer".into());
            }
            for event in &events {
                if !ready.contains(&event.token().0) {
                    ready.push(event.token().0);
                }
            }
        }
    }
}

/// Reads the head of a response. Nothing follows it, because the client sends the first message.
fn read_head(stream: &mut TcpStream) -> Result<String> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err("the server closed a connection".into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8(head)?)
}

impl Connection {
    fn is_done(&self) -> bool {
        self.current.is_none()
    }

    /// Begins the next message.
    fn begin(&mut self, messages: usize) {
        self.current = Some(self.next);
        self.next = (self.next + 1) % messages;
        self.sent = 0;
        self.begun = now();
    }

    /// Sends and receives until the socket blocks, or until others should have their turn.
    fn drive(
        &mut self,
        messages: &[Message],
        buffer: &mut [u8],
        deadline: Instant,
        measured: &mut Measured,
    ) -> Result<Fate> {
        for _ in 0..READS {
            self.send(messages)?;
            let Some(count) = unless_blocked(self.stream.read(buffer))? else {
                return Ok(Fate::Waits);
            };
            if count == 0 {
                return Err("the server closed a connection".into());
            }
            let Some(current) = self.current else {
                return Err("the server sends more than the echoes".into());
            };
            let wanted = &messages[current].content;
            if self.echo.take(&buffer[..count], wanted)? {
                let end = now();
                measured.times.push(end - self.begun);
                self.current = None;
                if end < deadline {
                    self.begin(messages.len());
                }
            }
            // A short read has emptied the socket: the poller tells of what comes later.
            if count < buffer.len() {
                self.send(messages)?;
                return Ok(Fate::Waits);
            }
        }
        Ok(Fate::HasMore)
    }

    /// Sends as much of the message as the socket takes.
    fn send(&mut self, messages: &[Message]) -> io::Result<()> {
        let Some(current) = self.current else {
            return Ok(());
        };
        let frame = &messages[current].frame;
        while self.sent < frame.len() {
            match unless_blocked(self.stream.write(&frame[self.sent..]))? {
                Some(count) => self.sent += count,
                None => break,
            }
        }
        Ok(())
    }
}

impl Echo {
    /// Compares received bytes with what was sent. Whether the message is complete.
    fn take(&mut self, mut bytes: &[u8], wanted: &[u8]) -> Result<bool> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.header.push(byte);
                bytes = rest;
                self.begin_frame()?;
            } else {
                let length = bytes.len().min(usize::try_from(self.left)?);
                let (payload, rest) = bytes.split_at(length);
                self.left -= length as u64;
                self.compare(payload, wanted)?;
                bytes = rest;
            }
            if self.header.is_empty() && self.left == 0 && self.is_final {
                self.end(wanted)?;
                return match bytes {
                    [] => Ok(true),
                    _ => Err("the server sends more than the echo".into()),
                };
            }
        }
        Ok(false)
    }

    /// Begins the payload of a frame if its header is complete.
    fn begin_frame(&mut self) -> Result<()> {
        let (first, length) = match *self.header {
            [first, length @ 0..126] => (first, u64::from(length)),
            [first, 126, a, b] => (first, u16::from_be_bytes([a, b]).into()),
            [first, 127, a, b, c, d, e, f, g, h] => {
                (first, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            [_, 128..=255] => return Err("a frame of the server is masked".into()),
            _ => return Ok(()),
        };
        // Binary, or text with RSV1, which says that it is compressed; then continuations.
        let wanted = match (self.has_begun, &self.inflate) {
            (false, None) => 0x02,
            (false, Some(_)) => 0x41,
            (true, _) => 0x00,
        };
        if first & 0x7f != wanted {
            return Err(format!("the server sends a frame that begins with {first:#04x}").into());
        }
        (self.left, self.is_final, self.has_begun) = (length, first & 0x80 != 0, true);
        self.header.clear();
        Ok(())
    }

    /// Compares a piece of a payload.
    fn compare(&mut self, payload: &[u8], wanted: &[u8]) -> Result<()> {
        let Some(mut inflate) = self.inflate.take() else {
            return self.compare_content(payload, wanted);
        };
        let mut room = [0; 16 * 1024];
        let (mut at, mut has_more) = (0, true);
        while at < payload.len() || has_more {
            let before = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(&payload[at..], &mut room, FlushDecompress::Sync)?;
            if status == Status::StreamEnd {
                return Err("the server ends its compressed stream".into());
            }
            let produced = (inflate.total_out() - before.1) as usize;
            at += (inflate.total_in() - before.0) as usize;
            has_more = produced == room.len();
            self.compare_content(&room[..produced], wanted)?;
        }
        self.inflate = Some(inflate);
        Ok(())
    }

    fn compare_content(&mut self, content: &[u8], wanted: &[u8]) -> Result<()> {
        let end = self.compared + content.len();
        if wanted.get(self.compared..end) != Some(content) {
            return Err(format!("the echo differs behind {} bytes", self.compared).into());
        }
        self.compared = end;
        Ok(())
    }

    /// Ends a message, which must be as long as the one that was sent.
    fn end(&mut self, wanted: &[u8]) -> Result<()> {
        if self.inflate.is_some() {
            self.compare(&TAIL, wanted)?;
        }
        if self.compared != wanted.len() {
            return Err(format!("the echo ends behind {} bytes", self.compared).into());
        }
        (self.compared, self.is_final, self.has_begun) = (0, false, false);
        Ok(())
    }
}

/// How many bytes a call moved. `None` if it would have blocked.
fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
