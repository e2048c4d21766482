// What stays connected: WebSockets, events, and polling beside a WebSocket.

import { element, word } from './page.js';

// The most lines that a log keeps.
const MOST_LINES = 100;

const addressOf = (path) => Object.assign(new URL(path, location.href), { protocol: location.protocol === 'https:' ? 'wss:' : 'ws:', hash: '', search: '' });

function log(list, kind, text) {
  const lines = list.querySelector('ol') ?? list;
  lines.append(element('li', {}, element('span', { class: 'at' }, kind), element('code', {}, text)));
  while (lines.children.length > MOST_LINES) lines.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

// ---- Echo and chat

function open(form, list) {
  const protocol = form.elements.protocol?.value;
  const socket = protocol ? new WebSocket(addressOf(form.dataset.socket), protocol) : new WebSocket(addressOf(form.dataset.socket));
  let wasOpen = false;
  socket.addEventListener('open', () => {
    wasOpen = true;
    log(list, '', word('open', { protocol: socket.protocol || word('none') }));
  });
  socket.addEventListener('message', (event) => log(list, word('received'), event.data));
  socket.addEventListener('close', (event) => {
    const text = wasOpen ? word('closed-socket', { code: event.code, why: event.reason }) : word('refused-socket');
    log(list, '', text);
  });
  return socket;
}

export function startSocket(form) {
  const list = form.querySelector('.log');
  let socket = null;
  const isGone = () => socket === null || socket.readyState >= WebSocket.CLOSING;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (isGone()) socket = open(form, list);
    const text = form.elements.text.value;
    const say = () => {
      socket.send(text);
      log(list, word('sent'), text);
    };
    if (socket.readyState === WebSocket.OPEN) say();
    else socket.addEventListener('open', say, { once: true });
  });
  form.querySelector('.close').addEventListener('click', () => socket?.close(1000));
  form.elements.protocol?.addEventListener('change', () => socket?.close(1000));
}

// ---- Events

export function startEvents(form, url) {
  const [verdict, shown] = [form.querySelector('.verdict'), form.querySelector('.shown')];
  form.source?.close();
  const list = element('ol', { class: 'pieces' });
  shown.replaceChildren(list);
  verdict.textContent = word('sending');
  const [began, source] = [performance.now(), new EventSource(url)];
  form.source = source;
  const add = (text) => log(list, word('after', { n: Math.round(performance.now() - began) }), text);
  source.addEventListener('open', () => { verdict.textContent = '200 OK'; });
  source.addEventListener('tick', (event) => add(`id: ${event.lastEventId}  data: ${event.data}`));
  source.addEventListener('error', () => {
    const isOver = source.readyState === EventSource.CLOSED;
    verdict.textContent = word(isOver ? 'events-over' : 'reconnecting');
  });
}

// ---- Polling beside a WebSocket

class Side {
  constructor(form, kind) {
    this.element = form.querySelector(`[data-side=${kind}]`);
    this.list = this.element.querySelector('.log');
    this.list.querySelector('ol').replaceChildren();
    this.counts = { requests: 0, sent: 0, received: 0 };
    this.add({});
  }

  add(more) {
    for (const [name, count] of Object.entries(more)) this.counts[name] += count;
    for (const [name, count] of Object.entries(this.counts)) this.element.querySelector(`[data-count=${name}]`).textContent = count.toLocaleString();
  }

  show(text, delay) {
    log(this.list, '', text);
    if (delay !== undefined) this.element.querySelector('[data-count=delay]').textContent = word('after', { n: Math.round(delay) });
  }
}

const lengthOf = (text) => new TextEncoder().encode(text).length;

// The length of the head of a response on the wire.
function headLength(response) {
  const lines = [`HTTP/1.1 ${response.status} ${response.statusText}`, ...[...response.headers].map(([name, value]) => `${name}: ${value}`), '', ''];
  return lengthOf(lines.join('\r\n'));
}

// The length of a frame with this content (RFC 6455 section 5.2). That of a client has a mask.
const frameLength = (content, isMasked) => (content < 126 ? 2 : content < 65536 ? 4 : 10) + (isMasked ? 4 : 0) + content;

// The response to the handshake has the same length for every client.
const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nServer: docroot\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  + 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: superchat\r\n\r\n';

class Comparison {
  constructor(form) {
    this.sides = { poll: new Side(form, 'poll'), socket: new Side(form, 'socket') };
    this.every = Number(form.elements.every.value);
    // When the messages of this page were sent, by their text.
    this.times = new Map();
    this.since = null;
    this.timer = null;
    this.isOver = false;
    this.socket = new WebSocket(addressOf('chat'), 'superchat');
    this.socket.addEventListener('message', (event) => this.hear(event.data));
    this.ask();
  }

  // The first message of the WebSocket tells how long the head of its request was.
  hear(data) {
    const [side, message] = [this.sides.socket, JSON.parse(data)];
    if (message.head) side.add({ requests: 1, sent: message.head, received: ACCEPTED.length });
    side.add({ received: frameLength(lengthOf(data), false) });
    if (message.number) side.show(message.text, this.delayOf(message.text));
  }

  delayOf(text) {
    const sent = this.times.get(text);
    return sent === undefined ? undefined : performance.now() - sent;
  }

  async ask() {
    const side = this.sides.poll;
    try {
      const response = await fetch(`chat?since=${this.since ?? 0}`, { cache: 'no-store' });
      const body = await response.text();
      const { head, messages } = JSON.parse(body);
      if (this.isOver) return;
      side.add({ requests: 1, sent: head, received: headLength(response) + lengthOf(body) });
      // What was said before is no news.
      if (this.since !== null) for (const message of messages) side.show(message.text, this.delayOf(message.text));
      this.since = messages.at(-1)?.number ?? this.since ?? 0;
    } catch (error) {
      side.show(word('failed', { why: error.message }));
    }
    if (!this.isOver) this.timer = setTimeout(() => this.ask(), this.every);
  }

  async say(text) {
    this.times.set(text, performance.now());
    await fetch('message', { method: 'POST', body: new URLSearchParams({ text }) });
  }

  stop() {
    this.isOver = true;
    clearTimeout(this.timer);
    this.socket.close(1000);
  }
}

export function startComparison(form) {
  const [start, submit] = [form.querySelector('.start'), form.querySelector('[type=submit]')];
  let [comparison, count] = [null, 0];
  start.addEventListener('click', () => {
    comparison?.stop();
    comparison = comparison ? null : new Comparison(form);
    start.textContent = word(comparison ? 'stop' : 'start');
    start.setAttribute('aria-pressed', String(comparison !== null));
    submit.disabled = comparison === null;
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    count += 1;
    comparison?.say(`${form.elements.text.value} ${count}`);
  });
}
