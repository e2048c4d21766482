// Sends octets to this server on a connection of their own, through the WebSocket "replay" beside the page.
// A browser does not let a page send a malformed request, so docroot sends the octets to itself.
//
//   page    "connect" | "connect tls"   opens a connection and closes the one before
//   page    octets (binary)             are sent as they are
//   page    "finish" | "close"          no more octets follow | the connection ends
//   server  {"connected":{"port","tls"}}, octets (binary), {"closed":{"by"}}, {"failed":"why"}

import { answers, areAnswered } from './answers.js';
import { observe } from '../live/observed.js';
import { bytesOf, latin1 } from '../octets/octets.js';

// An answer that takes longer, in milliseconds, is taken as far as it has come.
const PATIENCE = 10_000;
// The page keeps so many octets of a connection. Then it closes the connection, so that a large file does not
// fill the memory of the browser.
export const MOST_RECEIVED = 4 * 1024 * 1024;

export class Replay {
  // `changed` is called when something of this connection is new.
  constructor(changed) {
    this.changed = changed;
    this.socket = null;
    this.reset();
  }

  reset() {
    // 'none', 'connecting', 'open' or 'closed'.
    this.state = 'none';
    this.port = null;
    this.tls = null;
    this.sent = '';
    this.received = '';
    this.isFinished = false;
    this.isFull = false;
    this.closedBy = null;
    this.failure = null;
  }

  // Opens a new connection. The promise is true when it is open, and false when it cannot be.
  async open(isTls) {
    this.settle?.(false);
    this.reset();
    this.state = 'connecting';
    this.changed();
    const opened = new Promise((resolve) => { this.settle = resolve; });
    try {
      await this.connectSocket();
      this.socket.send(isTls ? 'connect tls' : 'connect');
    } catch {
      this.end(null, 'replay-unreachable');
    }
    return opened;
  }

  send(octets) {
    this.sent += octets;
    this.socket.send(bytesOf(octets));
    this.changed();
  }

  finish() {
    this.isFinished = true;
    this.socket.send('finish');
    this.changed();
  }

  close() {
    if (this.state === 'open') this.socket.send('close');
  }

  // Gives back the WebSocket too.
  dispose() {
    this.socket?.close();
  }

  connectSocket() {
    if (this.socket?.readyState === WebSocket.OPEN) return null;
    const endpoint = new URL('replay', location.href);
    endpoint.protocol = endpoint.protocol.replace('http', 'ws');
    endpoint.search = endpoint.hash = '';
    const socket = this.socket = new WebSocket(endpoint.href);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.message(data);
    return new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = () => {
        reject(new Error('closed'));
        if (this.socket === socket && ['connecting', 'open'].includes(this.state)) this.end(null, 'replay-unreachable');
      };
    });
  }

  message(data) {
    if (typeof data !== 'string') {
      // What is late belongs to the connection before.
      if (this.state !== 'open') return;
      this.take(new Uint8Array(data));
      return;
    }
    const { connected, closed, failed } = JSON.parse(data);
    if (connected) {
      this.state = 'open';
      this.port = connected.port;
      this.tls = connected.tls;
      observe({ replayed: this.port });
      this.changed();
      this.settle(true);
    } else if (failed !== undefined) {
      this.end(null, failed);
    } else if (closed && this.state === 'open') {
      this.end(closed.by, null);
    }
  }

  take(bytes) {
    if (this.isFull) return;
    this.received += latin1(bytes.subarray(0, MOST_RECEIVED - this.received.length));
    this.isFull = this.received.length === MOST_RECEIVED;
    if (this.isFull) this.close();
    this.changed();
  }

  end(by, failure) {
    this.state = 'closed';
    this.closedBy = by;
    this.failure = failure;
    this.settle?.(false);
    this.changed();
  }
}

// Sends one request on a connection of its own. The promise brings the connection when the request is answered,
// when the connection has ended, or after some time.
export function sendOnce(octets, method, isTls) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve(replay);
    };
    const timer = setTimeout(done, PATIENCE);
    const replay = new Replay(() => {
      const isClosed = replay.state === 'closed';
      if (isClosed || areAnswered(answers(replay.received, [method], false), [method])) done();
    });
    replay.open(isTls).then((isOpen) => isOpen && replay.send(octets));
  });
}
