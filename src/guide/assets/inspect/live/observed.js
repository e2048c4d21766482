// What the live wire tells to those parts of the page that wait for it: what the server is, and exchanges of
// connections that this page opened itself. The replays tell from which ports these come.

let server = null;
const watchers = new Set();

// Takes a message of the wire or of a replay.
export function observe(message) {
  server = message.hello ?? server;
  for (const watcher of watchers) watcher(message);
}

// What the server said of itself, or null.
export const hello = () => server;

// Calls `watcher` with each later message. The result ends this.
export function watch(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
