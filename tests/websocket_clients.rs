//! Independent implementations of WebSocket talk with the server: a crate, two modules of Python, and a
//! browser. Each does so in plain text and over TLS.

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use support::Setup;
use support::chromium::{Page, needs_chromium};
use support::live_page::websocket;
#[cfg(feature = "tls")]
use support::tls::SecureSite;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Message, WebSocket};

const ECHO: &str = "/.docroot/lab/echo";

fn lab() -> Setup {
    Setup::new()
        .with(|config| config.lab = true)
        .file("page.html", "<!doctype html><title>page</title>")
}

#[test]
fn a_crate_exchanges_messages() {
    let server = lab().start();
    exchange_messages(websocket(server.address, ECHO));
}

#[cfg(feature = "tls")]
#[test]
fn a_crate_exchanges_messages_over_tls() {
    let site = SecureSite::start(lab());
    let url = format!("wss://localhost:{}{ECHO}", site.server.address.port());
    let opened = tungstenite::client(url, site.connect().stream);
    exchange_messages(opened.expect("a WebSocket").0);
}

/// Messages of every length of a length, fragments, a ping, and an end with a status code.
fn exchange_messages<S: Read + Write>(mut socket: WebSocket<S>) {
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
import asyncio, os, ssl, sys
import websocket, websockets
url, authority = sys.argv[1:]
options, secure = {}, {}
if authority:
    secure = {'ssl': ssl.create_default_context(cafile=authority)}
    options = {'sslopt': {'ca_certs': authority}}
async def talk(compression):
    async with websockets.connect(url, compression=compression, max_size=None, **secure) as socket:
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
from websocket import ABNF
socket = websocket.create_connection(url, **options)
for message in ['', 'Hello', 'grüß ' * 5000]:
    socket.send(message)
    assert socket.recv() == message
for message in [b'', os.urandom(70_000), b'x' * 3_000_000]:
    socket.send_binary(message)
    assert socket.recv() == message
socket.send_frame(ABNF.create_frame('frag', ABNF.OPCODE_TEXT, fin=0))
socket.ping('alive?')
socket.send_frame(ABNF.create_frame('ments', ABNF.OPCODE_CONT, fin=1))
seen = [socket.recv_data(control_frame=True) for _ in range(2)]
assert sorted(seen) == [(ABNF.OPCODE_TEXT, b'fragments'), (ABNF.OPCODE_PONG, b'alive?')], seen
socket.send_close(4000, b'bye')
opcode, payload = socket.recv_data(control_frame=True)
assert (opcode, payload[:2]) == (ABNF.OPCODE_CLOSE, bytes([4000 >> 8, 4000 & 255])), payload
socket.shutdown()
print('done')
";

#[test]
fn modules_of_python_exchange_messages() {
    let server = lab().start();
    let url = format!("ws://{}{ECHO}", server.address);
    run_python(&url, Path::new(""));
}

#[cfg(feature = "tls")]
#[test]
fn modules_of_python_exchange_messages_over_tls() {
    let site = SecureSite::start(lab());
    let url = format!("wss://{}{ECHO}", site.server.address);
    run_python(&url, &site.authority.certificate());
}

/// Runs the modules with the file of an authority, if they use TLS.
#[track_caller]
fn run_python(url: &str, authority: &Path) {
    let Some(python) = std::env::var_os("DOCROOT_TEST_PYTHON") else {
        support::program::skipped("only scripts/test installs the modules of Python");
        return;
    };
    let mut python = Command::new(python);
    python.args(["-I", "-c", PYTHON, url]).arg(authority);
    let output = python.stdin(Stdio::null()).output().expect("Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"done\n", "{said}");
}

#[test]
fn a_browser_exchanges_messages() {
    needs_chromium!();
    let server = lab().start();
    run_browser(&format!("http://{}/page.html", server.address));
}

#[cfg(feature = "tls")]
#[test]
fn a_browser_exchanges_messages_over_tls() {
    needs_chromium!();
    let site = SecureSite::start(lab());
    run_browser(&format!("https://{}/page.html", site.server.address));
}

/// Exchanges messages with the server of this page.
#[track_caller]
fn run_browser(page_url: &str) {
    let mut page = Page::new(800, 600);
    page.trust_every_server();
    page.open(page_url);
    let talk = "new Promise((done, failed) => {
        const socket = new WebSocket(location.origin.replace('http', 'ws') + '/.docroot/lab/echo');
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
