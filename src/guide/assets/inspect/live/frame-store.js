// The WebSocket frames that the wire tells of, by connection. No element is touched here.

// Frames that are kept for each connection, and for all of them: about 10 MB with the payloads.
export const MOST_FRAMES = 500, MOST_FRAMES_IN_ALL = 10_000;

export class FrameStore {
  constructor() {
    this.connections = new Map();
    this.count = 0;
    // A server that restarted counts its connections from 1 again.
    this.run = 0;
    this.runs = new WeakMap();
    this.watchers = new Set();
  }

  // Calls `watcher` with the connection of each later frame. The result ends this.
  watch(watcher) {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  // Takes a message of the wire.
  take({ hello, exchange, frame }) {
    if (hello) this.run = hello.started;
    if (exchange) this.runs.set(exchange, this.run);
    if (!frame) return;
    this.keep(frame);
    for (const watcher of this.watchers) watcher(frame.connection);
  }

  // The frames of the connection of an exchange, and how many older ones are forgotten: { list, forgotten }.
  of(exchange) {
    return this.connections.get(`${this.runs.get(exchange)} ${exchange.connection}`) ?? { list: [], forgotten: 0 };
  }

  keep(frame) {
    const key = `${this.run} ${frame.connection}`;
    const known = this.connections.get(key) ?? { list: [], forgotten: 0 };
    // The connection that spoke last is the last one here.
    this.connections.delete(key);
    this.connections.set(key, known);
    known.list.push(frame);
    this.count++;
    if (known.list.length > MOST_FRAMES) this.forget(known);
    while (this.count > MOST_FRAMES_IN_ALL) {
      const [oldest, quiet] = this.connections.entries().next().value;
      this.forget(quiet);
      if (quiet.list.length === 0) this.connections.delete(oldest);
    }
  }

  forget(known) {
    known.list.shift();
    known.forgotten++;
    this.count--;
  }
}

// The frames among the messages of a session or a record.
export function framesOf({ messages }) {
  const store = new FrameStore();
  messages.forEach((message) => store.take(message));
  return store;
}
