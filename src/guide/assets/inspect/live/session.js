// What the server told this page, as a record and as items of the list. No element is touched here.
//
// docroot sends JSON in text frames:
//   {"hello": {...}}                   The first message of each connection: version and start of the server.
//   {"opened": {...}}, {"closed": {...}}   A client opened or closed a connection.
//   {"exchange": {...}}                An exchange has ended.
//   {"missed": 12}                     This page was too slow, and so many messages are lost (null: unknown).
//   {"own": 7}                         A request for the wire view itself came on this connection.
//   {"worker": {...}}, {"frame": {...}}, and perhaps more.
// This page adds what the browser knows (see timing.js):
//   {"browser": {...}}                 How the browser saw an exchange, or that it took a file from its cache.

//   {"replayed": 40001}                A replay of this page comes from this port.

import { countOf, numberOf } from '../page/numbers.js';

// The newest messages are kept: about 40 MB of exchanges with heads of 1 kB.
export const LIMIT = 10_000;

export class Session {
  constructor() {
    this.hello = null;
    // The runs of the server that were seen. Each counts its connections from 1.
    this.epoch = 0;
    this.connections = new Map();
    // The ports of replays whose connections have not been told of.
    this.replayed = new Set();
    this.clear();
  }

  clear() {
    this.messages = [];
    this.known = new Set();
    this.exchanges = new Map();
    for (const [key, { closed }] of this.connections) if (closed) this.connections.delete(key);
  }

  // Takes a message. Returns the items for the list: { exchange }, { opened }, { closed }, { cached }, { missed }
  // or { restarted }, each of a connection with its `link`. { changed } says that the list shows a connection now,
  // or no more.
  take(message) {
    if (message.hello) return this.greet(message);
    // Only the newest state of a worker counts.
    if (message.worker) return [];
    if ('own' in message) return this.takeOwn(message);
    if ('replayed' in message) return this.takeReplayed(message.replayed);
    if (message.exchange) return this.takeExchange(message);
    this.keep(message);
    const { opened, closed, browser } = message;
    if (opened) {
      const link = this.link(opened.connection);
      link.opened = opened;
      if (this.replayed.delete(opened.port)) opened.replay = true;
      return [{ opened, link }];
    }
    if (closed) {
      const link = this.link(closed.connection);
      link.closed = closed;
      link.count = Math.max(link.count, countOf(closed));
      return [{ closed, link }];
    }
    if (browser) return this.takeBrowser(browser);
    if ('missed' in message) return [{ missed: message.missed }];
    return [];
  }

  greet(message) {
    const before = this.hello;
    this.hello = message.hello;
    // The first message of a record, and of each run of the server.
    if (before?.started === this.hello.started) return [];
    this.keep(message);
    if (!before) return [];
    this.epoch++;
    return [{ restarted: this.hello }];
  }

  // An exchange that was sent twice is shown once.
  takeExchange(message) {
    const { exchange } = message;
    const key = this.keyOf(exchange);
    if (this.known.has(key)) return [];
    this.known.add(key);
    if (this.known.size > 2 * LIMIT) this.known.delete(this.known.values().next().value);
    this.keep(message);
    const link = this.link(exchange.connection);
    const isFirst = link.count === 0;
    // Those before this page was opened count too.
    link.count = Math.max(link.count, numberOf(exchange));
    const { peer, port } = exchange;
    link.hasSeveralClients ||= Boolean(link.client) && link.client.peer !== peer;
    link.client ??= { peer, port };
    const item = { exchange, link };
    this.exchanges.set(key, item);
    if (this.exchanges.size > LIMIT) this.exchanges.delete(this.exchanges.keys().next().value);
    return isFirst && link.isOwn ? [item, { changed: link }] : [item];
  }

  // What happens to a connection that only the wire view uses is not shown.
  takeOwn(message) {
    const link = this.link(message.own);
    if (link.isOwn) return [];
    this.keep(message);
    link.isOwn = true;
    return [{ changed: link }];
  }

  // A replay of this page comes from this port. Its connection may be told of before or after this.
  takeReplayed(port) {
    const link = [...this.connections.values()].findLast(({ opened }) => opened?.port === port);
    if (!link || link.closed) this.replayed.add(port);
    else link.opened.replay = true;
    return link && !link.closed ? [{ changed: link }] : [];
  }

  takeBrowser(browser) {
    if (browser.cached) return [{ cached: browser }];
    const item = this.exchanges.get(this.keyOf(browser));
    if (item) item.browser = browser;
    return [];
  }

  keyOf({ connection, number, at }) {
    return `${this.epoch} ${connection} ${number} ${at}`;
  }

  // The connection with this number, in this run of the server.
  link(number) {
    const key = `${this.epoch} ${number}`;
    let link = this.connections.get(key);
    if (!link) {
      link = { key, number, opened: null, closed: null, count: 0, client: null, hasSeveralClients: false, isOwn: false };
      this.connections.set(key, link);
      if (this.connections.size > LIMIT) this.connections.delete(this.connections.keys().next().value);
    }
    return link;
  }

  keep(message) {
    this.messages.push(message);
    // One piece at a time, because each removal moves the others.
    if (this.messages.length > 1.25 * LIMIT) this.messages.splice(0, this.messages.length - LIMIT);
  }
}
