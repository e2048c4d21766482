// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { dissect } from '../octets/dissect.js';
import { read, readings } from './readings.js';
import { SAMPLES, sample } from './samples.js';

const HOST = '127.0.0.1:8080';

test('the valid samples follow the grammar, and have one reading', () => {
  for (const name of SAMPLES.valid) {
    const octets = sample(name, HOST);
    const [one, ...others] = readings(octets);
    assert.deepEqual(others, [], name);
    assert.equal(one.requests.length, name === 'pipelined' ? 2 : 1, name);
    for (const { start, headEnd, isComplete } of one.requests) {
      assert.ok(isComplete, name);
      assert.deepEqual(dissect(octets.slice(start, headEnd), 'request').filter(({ fault }) => fault), [], name);
    }
  }
});

test('those that smuggle have readings that disagree about the next request', () => {
  for (const name of ['cl-te', 'te-cl', 'two-lengths', 'bare-lf', 'space-before-colon', 'obs-fold']) {
    const octets = sample(name, HOST);
    const counts = new Set(readings(octets).map(({ requests }) => requests.length));
    assert.ok(counts.size > 1, name);
    assert.ok(read(octets).every(({ isComplete }) => isComplete), name);
  }
});

test('each sample is a request of its own', () => {
  const all = [...SAMPLES.valid, ...SAMPLES.refused].map((name) => sample(name, HOST));
  assert.equal(new Set(all).size, all.length);
  assert.ok(!all.includes(''));
});
