//! Independent implementations of WebSocket talk with the server: a crate, two modules of Python, and a
//! browser.

mod support;

use std::net::TcpStream;
use std::process::{Command, Stdio};

use support::chromium::Page;
use support::live_page::websocket;
use support::{Setup, TestServer};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Message, WebSocket};

const ECHO: &str = "/.docroot/lab/echo";

fn server() -> TestServer {
    Setup::new()
        .with(|config| config.lab = true)
        .file("page.html", "<!doctype html><title>page</title>")
        .start()
}

fn connected(server: &TestServer) -> WebSocket<TcpStream> {
    websocket(server.address, ECHO)
}

#[test]
fn a_crate_exchanges_messages_of_every_length() {
    let server = server();
    let mut socket = connected(&server);
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let text = "\u{e9}".repeat(length / 2);
        for message in [Message::text(text), Message::binary(vec![7; length])] {
            socket.send(message.clone()).expect("sent");
            assert_eq!(socket.read().expect("a message"), message);
        }
    }
    for frame in [
        Frame::message("frag", OpCode::Data(Data::Text), false),
        Frame::ping("alive?"),
        Frame::message("ments", OpCode::Data(Data::Continue), true),
    ] {
        socket.send(Message::Frame(frame)).expect("sent");
    }
    let mut seen = [socket.read(), socket.read()].map(|message| message.expect("a message"));
    seen.sort_by_key(|message| message.is_text());
    assert_eq!(
        seen,
        [Message::Pong("alive?".into()), Message::text("fragments")]
    );
    let bye = CloseFrame {
        code: CloseCode::Library(4000),
        reason: "bye".into(),
    };
    socket.close(Some(bye)).expect("sent");
    let Message::Close(Some(answer)) = socket.read().expect("an answer") else {
        panic!("no Close frame");
    };
    assert_eq!(answer.code, CloseCode::Library(4000));
}

/// `scripts/test` installs the modules and says where.
const PYTHON: &str = "
import asyncio, os, sys
import websocket, websockets
url = 'ws://%s:%s/.docroot/lab/echo' % tuple(sys.argv[1:])
async def talk(compression):
    async with websockets.connect(url, compression=compression, max_size=None) as socket:
        for message in ['', 'Hello', 'grüß ' * 5000, b'', os.urandom(70_000), 'x' * 3_000_000]:
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send(['in ', '', 'frag', 'ments'])
        assert await socket.recv() == 'in fragments'
        await (await socket.ping('alive?'))
        await socket.close(4000, 'bye')
        assert socket.close_code == 4000
        assert bool(socket.protocol.extensions) == bool(compression)
asyncio.run(talk(None))
asyncio.run(talk('deflate'))
socket = websocket.create_connection(url)
socket.send('Hello')
assert socket.recv() == 'Hello'
socket.close()
print('done')
";

#[test]
fn modules_of_python_exchange_messages() {
    let Some(python) = std::env::var_os("DOCROOT_TEST_PYTHON") else {
        support::program::skipped("only scripts/test installs the modules of Python");
        return;
    };
    let server = server();
    let mut python = Command::new(python);
    python.args(["-I", "-c", PYTHON]);
    python.args([
        server.address.ip().to_string(),
        server.address.port().to_string(),
    ]);
    let output = python.stdin(Stdio::null()).output().expect("Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"done\n", "{said}");
}

#[test]
fn a_browser_exchanges_messages() {
    let server = server();
    let mut page = Page::new(800, 600);
    page.open(&format!("http://{}/page.html", server.address));
    let talk = "new Promise((done, failed) => {
        const socket = new WebSocket('ws://' + location.host + '/.docroot/lab/echo');
        socket.binaryType = 'arraybuffer';
        const sent = ['', 'Hello', 'grüß '.repeat(50000), new Uint8Array(3000000).fill(7)];
        const got = [];
        socket.onopen = () => sent.forEach(message => socket.send(message));
        socket.onmessage = ({data}) => {
          got.push(typeof data === 'string' ? data : new Uint8Array(data));
          if (got.length === sent.length) socket.close(4000, 'bye');
        };
        socket.onerror = () => failed('error');
        socket.onclose = ({code, wasClean}) => done([
          got.length === sent.length && got.every((message, at) => String(message) === String(sent[at])),
          code, wasClean, socket.extensions.startsWith('permessage-deflate'),
        ]);
      })";
    assert_eq!(page.run(talk), serde_json::json!([true, 4000, true, true]));
}
