// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { LIMIT } from '../live/session.js';
import { Queue } from './queue.js';

const exchange = (number) => ({ exchange: { connection: 1, number } });

test('exchanges wait, and what happens to connections waits uncounted', () => {
  const taken = [];
  const counts = [];
  const queue = new Queue({ take: (message) => taken.push(message), changed: () => counts.push(queue.count) });
  queue.receive(exchange(1));
  assert.equal(taken.length, 1);
  queue.hold();
  for (let number = 2; number < 7; number++) {
    [{ opened: {} }, exchange(number), { closed: {} }, { own: 1 }].forEach((message) => queue.receive(message));
  }
  assert.deepEqual([queue.count, taken.length, counts.at(-1)], [5, 1, 5]);
  queue.release();
  assert.deepEqual([queue.count, taken.length, queue.isHeld], [0, 21, false]);
});

test('too many are lost, and a clear forgets all', () => {
  const taken = [];
  const queue = new Queue({ take: (message) => taken.push(message), changed() {} });
  queue.hold();
  for (let number = 0; number < LIMIT + 3; number++) queue.receive(exchange(number));
  assert.equal(queue.count, LIMIT + 3);
  queue.release();
  assert.deepEqual([taken.length, taken[0]], [LIMIT + 1, { missed: 3 }]);
  queue.hold();
  queue.receive(exchange(1));
  queue.clear();
  assert.deepEqual([queue.count, queue.isHeld], [0, true]);
});
