// The two WebSockets of the wire view: one tells of exchanges and frames, the other sends octets.

// The folder of the book on the server, with a slash at the end.
export const ROOT = new URL('../', import.meta.url);

const socketUrl = name => {
  const url = new URL(`.docroot/${name}`, ROOT);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
};

// Calls `told` with each event, such as {exchange: {...}}, and `changed` with whether it is connected.
export function listen(told, changed) {
  let waits = 1000;
  const connect = () => {
    const socket = new WebSocket(socketUrl('wire'));
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.hello) {
        waits = 1000;
        changed(true);
      }
      told(event);
    };
    socket.onclose = () => {
      changed(false);
      setTimeout(connect, waits);
      waits = Math.min(waits * 2, 60_000);
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

// The head of a response to HEAD.
export async function headOf(target) {
  const connection = new Connection();
  await connection.open();
  connection.send(`HEAD ${target} HTTP/1.1\r\nHost: ${ROOT.host}\r\nConnection: close\r\n\r\n`);
  const head = await connection.until(received => received.includes('\r\n\r\n'));
  connection.close();
  return head;
}

export const fieldOf = (head, name) => {
  const line = head.split('\r\n').slice(1).find(line => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
};
