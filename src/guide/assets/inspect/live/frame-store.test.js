// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { FrameStore, MOST_FRAMES, MOST_FRAMES_IN_ALL } from './frame-store.js';
import { hello, observe, watch } from './observed.js';

function exchangeIn(store, connection) {
  const exchange = { connection };
  store.take({ exchange });
  return exchange;
}

test('the frames of a connection are kept for its exchange', () => {
  const store = new FrameStore();
  store.take({ hello: { started: 1 } });
  const first = exchangeIn(store, 7);
  store.take({ frame: { connection: 7, at: 1 } });
  store.take({ frame: { connection: 8, at: 2 } });
  assert.deepEqual(store.of(first).list.map(({ at }) => at), [1]);
  // The connection 7 of a restarted server is another one.
  store.take({ hello: { started: 2 } });
  const second = exchangeIn(store, 7);
  store.take({ frame: { connection: 7, at: 3 } });
  assert.deepEqual(store.of(first).list.map(({ at }) => at), [1]);
  assert.deepEqual(store.of(second).list.map(({ at }) => at), [3]);
  // The page was disconnected from the same server.
  store.take({ hello: { started: 2 } });
  store.take({ frame: { connection: 7, at: 4 } });
  assert.deepEqual(store.of(second).list.map(({ at }) => at), [3, 4]);
});

test('frames are bounded', () => {
  const store = new FrameStore();
  const one = exchangeIn(store, 1);
  for (let at = 0; at < MOST_FRAMES + 5; at++) store.take({ frame: { connection: 1, at } });
  assert.equal(store.of(one).list.length, MOST_FRAMES);
  assert.equal(store.of(one).forgotten, 5);
  assert.equal(store.of(one).list[0].at, 5);
  const connections = Math.ceil(MOST_FRAMES_IN_ALL / MOST_FRAMES) + 1;
  const all = [];
  for (let connection = 100; connection < 100 + connections; connection++) {
    all.push(exchangeIn(store, connection));
    for (let at = 0; at < MOST_FRAMES; at++) store.take({ frame: { connection, at } });
  }
  assert.deepEqual(store.of(one).list, []);
  assert.equal(store.of(all.at(-1)).list.length, MOST_FRAMES);
  assert.equal(all.reduce((sum, each) => sum + store.of(each).list.length, 0), MOST_FRAMES_IN_ALL);
});

test('a watcher of the frames hears their connections until it stops', () => {
  const store = new FrameStore();
  const heard = [];
  const stop = store.watch((connection) => heard.push(connection));
  store.take({ frame: { connection: 7 } });
  store.take({ missed: 1 });
  stop();
  store.take({ frame: { connection: 8 } });
  assert.deepEqual(heard, [7]);
});

test('a watcher hears each message until it stops', () => {
  const heard = [];
  const stop = watch((message) => heard.push(message));
  observe({ hello: { version: '1' } });
  stop();
  observe({ missed: 2 });
  assert.deepEqual(heard, [{ hello: { version: '1' } }]);
  assert.equal(hello().version, '1');
});
