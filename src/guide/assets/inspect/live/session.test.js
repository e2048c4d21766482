// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { numberOf } from '../page/numbers.js';
import { LIMIT, Session } from './session.js';

const exchange = (connection, number, at = 1) => ({ exchange: { connection, number, at, peer: 'p', port: 1 } });
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
  session.take({ closed: { connection: 3, at: 2, exchanges: 5 } });
  assert.deepEqual([link.isOwn, link.count, session.messages.length], [true, 0, 3]);
  assert.deepEqual(kinds(session.take(exchange(3, 6))), ['exchange', 'changed']);
  assert.deepEqual(kinds(session.take(exchange(3, 7))), ['exchange']);
});

test('the exchanges that are shown are numbered without a gap', () => {
  const session = new Session();
  const numbers = [exchange(1, 12), exchange(1, 15), exchange(1, 15), exchange(2, 3)]
    .flatMap((message) => session.take(message)).map((item) => numberOf(item.exchange));
  assert.deepEqual(numbers, [1, 2, 1]);
  assert.equal(numberOf(exchange(1, 7).exchange), 7);
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
