// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { latin1 } from '../octets/octets.js';

// The WebSocket of a browser, played by the test: what the page sends is kept, and the test answers.
class Socket {
  static OPEN = 1;
  static last = null;

  constructor(url) {
    this.url = url;
    this.readyState = 0;
    this.sent = [];
    Socket.last = this;
    queueMicrotask(() => {
      this.readyState = Socket.OPEN;
      this.onopen();
    });
  }

  send(data) {
    this.sent.push(typeof data === 'string' ? data : { octets: latin1(data) });
    this.onsent?.(data);
  }

  close() {
    this.readyState = 3;
    this.onclose();
  }

  tell(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  bring(octets) {
    this.onmessage({ data: Uint8Array.from(octets, (octet) => octet.charCodeAt(0)).buffer });
  }
}

globalThis.WebSocket = Socket;
globalThis.location = new URL('https://[::1]:8443/x/.docroot/?lang=zh#a');
const { MOST_RECEIVED, Replay, sendOnce } = await import('./replay.js');

// Lets the promises that are settled continue.
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function opened(isTls = false) {
  const replay = new Replay(() => {});
  const isOpen = replay.open(isTls);
  await turn();
  Socket.last.tell({ connected: { port: 40001, tls: null } });
  assert.equal(await isOpen, true);
  return [replay, Socket.last];
}

test('octets go out as they are, and come back as they are', async () => {
  const [replay, socket] = await opened(true);
  assert.equal(socket.url, 'wss://[::1]:8443/x/.docroot/replay');
  replay.send('GET \xff\0\n');
  replay.finish();
  assert.deepEqual(socket.sent, ['connect tls', { octets: 'GET \xff\0\n' }, 'finish']);
  socket.bring('HTTP\xfe');
  assert.deepEqual([replay.state, replay.port, replay.received, replay.isFinished], ['open', 40001, 'HTTP\xfe', true]);
  socket.tell({ closed: { by: 'server' } });
  assert.deepEqual([replay.state, replay.closedBy, replay.failure], ['closed', 'server', null]);
});

test('a second connection uses the same WebSocket, and what is late is not of it', async () => {
  const [replay, socket] = await opened();
  replay.send('a');
  const again = replay.open(false);
  socket.bring('late');
  await turn();
  socket.bring('late');
  socket.tell({ closed: { by: 'client' } });
  assert.deepEqual([replay.state, replay.received, replay.sent], ['connecting', '', '']);
  socket.tell({ connected: { port: 40002, tls: null } });
  assert.equal(await again, true);
  assert.equal(Socket.last, socket);
  assert.equal(replay.port, 40002);
});

test('why it cannot connect', async () => {
  const replay = new Replay(() => {});
  const isOpen = replay.open(false);
  await turn();
  Socket.last.tell({ failed: 'connection refused' });
  assert.equal(await isOpen, false);
  assert.equal(replay.failure, 'connection refused');
  const [lost, socket] = await opened();
  socket.close();
  assert.deepEqual([lost.state, lost.failure], ['closed', 'replay-unreachable']);
});

test('the page keeps a bounded number of octets, and closes the connection then', async () => {
  const [replay, socket] = await opened();
  const piece = 'x'.repeat(1024 * 1024 - 1);
  for (let count = 0; count < 6; count++) socket.bring(piece);
  assert.equal(replay.received.length, MOST_RECEIVED);
  assert.deepEqual(socket.sent, ['connect', 'close']);
});

test('one request brings its answer', async () => {
  const done = sendOnce('GET / HTTP/1.1\r\n\r\n', 'GET', false);
  await turn();
  Socket.last.tell({ connected: { port: 1, tls: null } });
  await turn();
  Socket.last.bring('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
  Socket.last.bring('b');
  const replay = await done;
  assert.match(replay.received, /ab$/);
  replay.dispose();
  assert.equal(Socket.last.readyState, 3);
});
