// Plays the server for the page: its wire, its replay, and the files beside the page. The test puts what the
// server says into `messages`, `replies` and `files`, and finds in `sent` what the page has sent.

const played = { messages: MESSAGES, replies: REPLIES, files: FILES, sent: [], wire: null };
window.played = played;

const PORT = 40001;

class PlayedSocket extends EventTarget {
  static OPEN = 1;

  constructor(url) {
    super();
    this.readyState = 0;
    this.isWire = url.endsWith('/wire');
    if (this.isWire) played.wire = this;
    setTimeout(() => {
      this.readyState = PlayedSocket.OPEN;
      this.onopen?.();
      if (this.isWire) played.messages.forEach((message) => this.tell(message));
    });
  }

  tell(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  // Each message of the page has its answers: objects go to the page as text, "wire" objects to the wire.
  send(data) {
    if (typeof data === 'string') {
      played.sent.push(data);
      if (data.startsWith('connect')) this.tell({ connected: { port: PORT, tls: null } });
      if (data === 'close') this.tell({ closed: { by: 'client' } });
      return;
    }
    played.sent.push({ octets: String.fromCharCode(...data) });
    const { octets, exchange, closed } = played.replies.shift();
    this.onmessage({ data: Uint8Array.from(octets, (octet) => octet.charCodeAt(0)).buffer });
    if (exchange) played.wire.tell({ exchange: { ...exchange, port: PORT } });
    if (closed) this.tell({ closed });
  }

  close() {
    this.readyState = 3;
  }
}

window.WebSocket = PlayedSocket;

const load = window.fetch;
window.fetch = (address, options) => {
  const name = Object.keys(played.files).find((one) => String(address).endsWith(one));
  return name ? Promise.resolve(new Response(JSON.stringify(played.files[name]))) : load(address, options);
};
