// The two WebSockets of the wire view: one tells of exchanges and frames, the other sends octets.

// The folder of the book on the server, with a slash at the end.
export const ROOT = new URL('../', import.meta.url);

const socketUrl = name => {
  const url = new URL(`.docroot/${name}`, ROOT);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
};

// Whether this page may use the wire view. A browser logs requests that fail, so the page asks what every server answers:
// a docroot with a wire view says in each response how long it took. That docroot answers OPTIONS to everybody, and
// allows GET to those who may watch.
async function ask() {
  const page = await fetch(location.href, { method: 'HEAD', cache: 'no-store' });
  if (!/\bdecided;dur=/.test(page.headers.get('Server-Timing'))) return false;
  const wire = await fetch(new URL('.docroot/wire', ROOT), { method: 'OPTIONS' });
  return /\bGET\b/.test(wire.headers.get('Allow'));
}

// The same, asked once until the connection is tried again.
let asked = null;
export const mayWatch = () => asked ??= ask();

// The options of this docroot that matter to the book, as far as the wire view has told them.
let options = [];

// The options that a request from this page needs beside --inspect, and that are missing.
export const lacking = needs => ['inspect', ...needs].filter(option => !options.includes(option)).map(option => `--${option}`);

// Calls `told` with each event, such as {exchange: {...}}, and `changed` with whether it is connected.
export function listen(told, changed) {
  let waits = 1000;
  const retry = () => {
    asked = null;
    setTimeout(connect, waits);
    waits = Math.min(waits * 2, 60_000);
  };
  const connect = async () => {
    if (!await mayWatch().catch(() => false)) return retry();
    const socket = new WebSocket(socketUrl('wire'));
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.hello) {
        waits = 1000;
        options = ['inspect', ...['lab', 'negotiate'].filter(option => event.hello[option])];
        changed(true);
      }
      told(event);
    };
    socket.onclose = () => {
      options = [];
      changed(false);
      retry();
    };
  };
  connect();
}

export const octetsOf = text => Uint8Array.from(text, char => char.charCodeAt(0));
const textOf = octets => Array.from(octets, octet => String.fromCharCode(octet)).join('');

// A connection that sends octets as they are. `received` is the text of what came so far, one char per octet.
export class Connection {
  constructor() {
    this.received = '';
    this.isOver = false;
    this.changes = [];
  }

  // Resolves with the client's port.
  open() {
    const tls = ROOT.protocol === 'https:' ? ' tls' : '';
    return new Promise((opened, failed) => {
      this.socket = new WebSocket(socketUrl('replay'));
      this.socket.binaryType = 'arraybuffer';
      this.socket.onopen = () => this.socket.send(`connect${tls}`);
      this.socket.onerror = () => failed(new Error('/.docroot/replay'));
      this.socket.onmessage = ({ data }) => {
        if (data instanceof ArrayBuffer) this.received += textOf(new Uint8Array(data));
        else {
          const message = JSON.parse(data);
          if (message.connected) opened(message.connected.port);
          if (message.failed) failed(new Error(message.failed));
          if (message.closed) this.isOver = true;
        }
        this.changed();
      };
      this.socket.onclose = () => {
        this.isOver = true;
        this.changed();
      };
    });
  }

  changed() {
    for (const look of this.changes.splice(0)) look();
  }

  send(text) {
    this.socket.send(octetsOf(text));
  }

  // Waits until this is true of what was received, or the connection is over.
  async until(isEnough) {
    while (!this.isOver && !isEnough(this.received)) await new Promise(look => this.changes.push(look));
    return this.received;
  }

  close() {
    this.socket.close();
  }
}
