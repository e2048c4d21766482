// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { numberOf } from '../page/numbers.js';
import { LIMIT, Session } from './session.js';

const exchange = (connection, number, more = {}) => ({ exchange: { connection, number, at: 1, peer: 'p', port: 1, ...more } });
const hello = (started) => ({ hello: { version: '1', started } });
const kinds = (items) => items.map((item) => Object.keys(item)[0]);

test('a message becomes the items of the list', () => {
  const session = new Session();
  for (const [message, want] of [
    [hello(1), []], [hello(1), []], [{ opened: { connection: 1, at: 1 } }, ['opened']], [exchange(1, 1), ['exchange']],
    [exchange(1, 1), []], [{ worker: { number: 0 } }, []], [{ own: 1 }, ['changed']], [{ own: 1 }, []], [{ unknown: 1 }, []], [{ missed: 3 }, ['missed']],
    [{ browser: { connection: 1, number: 1, at: 1 } }, []], [{ browser: { at: 1, cached: true } }, ['cached']],
    [{ closed: { connection: 1, at: 1 } }, ['closed']], [hello(2), ['restarted']], [exchange(1, 1), ['exchange']],
  ]) assert.deepEqual(kinds(session.take(message)), want, JSON.stringify(message));
});

test('a connection knows its exchanges, and another run of the server has its own', () => {
  const session = new Session();
  session.take(hello(1));
  const [{ link: first }] = session.take({ opened: { connection: 1, at: 1 } });
  const [{ link: same }] = session.take(exchange(1, 1));
  session.take(exchange(1, 4));
  session.take(hello(2));
  const [{ link: other }] = session.take(exchange(1, 1));
  assert.equal(first, same);
  assert.notEqual(first, other);
  assert.deepEqual([first.count, other.count, first.opened.at], [4, 1, 1]);
});

test('a connection that only the wire view uses counts nothing', () => {
  const session = new Session();
  const [{ link }] = session.take({ opened: { connection: 3, at: 1 } });
  session.take({ own: 3 });
  session.take({ closed: { connection: 3, at: 2, exchanges: 5, own: 5 } });
  assert.deepEqual([link.isOwn, link.count, session.messages.length], [true, 0, 3]);
  assert.deepEqual(kinds(session.take(exchange(3, 6, { own: 5 }))), ['exchange', 'changed']);
  assert.deepEqual(kinds(session.take(exchange(3, 7, { own: 5 }))), ['exchange']);
});

test('requests of the wire view do not count, and those before this page was opened do', () => {
  const session = new Session();
  const items = [exchange(1, 6), exchange(1, 7), exchange(2, 12, { own: 11 }), exchange(2, 15, { own: 13 })]
    .flatMap((message) => session.take(message)).filter((item) => item.exchange);
  assert.deepEqual(items.map((item) => numberOf(item.exchange)), [6, 7, 1, 2]);
  session.take({ closed: { connection: 2, at: 2, exchanges: 17, own: 14 } });
  assert.deepEqual([items[1].link.count, items[3].link.count], [7, 3]);
});

test('a connection knows its client, even behind a proxy', () => {
  const session = new Session();
  session.take({ opened: { connection: 1, at: 1, peer: '10.0.0.1', port: 9 } });
  const [{ link }] = session.take(exchange(1, 1, { peer: '192.0.2.7', port: 0 }));
  assert.deepEqual([link.client, link.hasSeveralClients], [{ peer: '192.0.2.7', port: 0 }, false]);
  session.take(exchange(1, 2, { peer: '192.0.2.7', port: 5 }));
  assert.equal(link.hasSeveralClients, false);
  session.take(exchange(1, 3, { peer: '192.0.2.8', port: 0 }));
  assert.equal(link.hasSeveralClients, true);
});

test('the connection of a replay is known, whichever is told first', () => {
  const session = new Session();
  const opened = (connection, port) => ({ opened: { connection, at: 1, port } });
  const [{ link: first }] = session.take(opened(1, 5));
  assert.deepEqual(kinds(session.take({ replayed: 5 })), ['changed']);
  session.take({ closed: { connection: 1, at: 2 } });
  // The port comes again.
  assert.deepEqual(session.take({ replayed: 5 }), []);
  const [{ link: second }] = session.take(opened(2, 5));
  const [{ link: other }] = session.take(opened(3, 6));
  assert.deepEqual([first, second, other].map((link) => Boolean(link.opened.replay)), [true, true, false]);
});

test('what is kept has a limit, and a clear forgets it', () => {
  const session = new Session();
  for (let number = 0; number < 3 * LIMIT; number++) session.take(exchange(number, 1));
  const { messages, exchanges, known, connections } = session;
  for (const size of [messages.length, exchanges.size, known.size, connections.size]) assert.ok(size >= LIMIT && size <= 2 * LIMIT, size);
  assert.deepEqual(messages.at(-1), exchange(3 * LIMIT - 1, 1));
  session.clear();
  assert.equal(session.messages.length, 0);
});
