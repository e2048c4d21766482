// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { Clock, isCached, matching, phasesOf, plainEntry } from './timing.js';

const entry = (more = {}) => ({
  name: 'http://x/a?b', entryType: 'resource', initiatorType: 'img', deliveryType: '', startTime: 100, redirectStart: 0, redirectEnd: 0, workerStart: 0,
  fetchStart: 100, domainLookupStart: 101, domainLookupEnd: 102, connectStart: 102, secureConnectionStart: 0, connectEnd: 104,
  requestStart: 105, responseStart: 110.5, responseEnd: 112, transferSize: 300, encodedBodySize: 0, decodedBodySize: 0, ...more,
});

const item = (at, more = {}) => ({ exchange: { method: 'GET', target: '/a?b', at, times: { end: 1000 }, ...more } });

test('an entry of this origin becomes plain data', () => {
  const found = plainEntry(entry(), 1000, 'http://x');
  assert.deepEqual([found.target, found.at, found.entry.responseStart, found.entry.duration], ['/a?b', 1100, 10.5, 12]);
  assert.deepEqual(found, JSON.parse(JSON.stringify(found)));
  assert.equal(plainEntry(entry({ name: 'http://y/' }), 0, 'http://x'), null);
  assert.equal(plainEntry(entry({ name: 'no URL' }), 0, 'http://x'), null);
});

test('an answer without a request came from the cache', () => {
  for (const [delivery, transferSize, decodedBodySize, want] of
    [['cache', 0, 5, true], ['cache', 0, 0, true], ['', 0, 5, true], ['', 0, 0, false], ['', 300, 0, false], ['', 300, 5, false], ['cache', 300, 5, false]]) {
    assert.equal(isCached({ delivery, transferSize, decodedBodySize }), want, [delivery, transferSize, decodedBodySize]);
  }
});

test('the nearest exchange with the target belongs to an entry', () => {
  const found = plainEntry(entry(), 1000, 'http://x');
  const items = [item(900), item(1104), item(1106), item(1105, { target: '/' }), item(1105, { method: 'HEAD' })];
  const clock = new Clock();
  assert.equal(matching(found, items, clock, () => false), items[1]);
  assert.equal(matching(found, items, clock, (one) => one === items[1]), items[2]);
  assert.equal(matching(found, [item(9000)], clock, () => false), null);
});

test('the clocks of the server and of the browser may differ', () => {
  const found = plainEntry(entry(), 1000, 'http://x');
  const clock = new Clock();
  const far = item(501_104);
  clock.notice(far.exchange, 1110);
  clock.notice(item(501_000).exchange, 1500);
  assert.equal(clock.here(501_104), 1109);
  assert.equal(matching(found, [far], clock, () => false), far);
});

test('the phases follow each other', () => {
  const { entry: plain } = plainEntry(entry(), 0, 'http://x');
  assert.deepEqual(phasesOf(plain), [['queue', 0, 1], ['lookup', 1, 2], ['connect', 2, 4], ['wait', 5, 10.5], ['receive', 10.5, 12]]);
  const reused = plainEntry(entry({ domainLookupStart: 100, domainLookupEnd: 100, connectStart: 100, connectEnd: 100 }), 0, 'http://x').entry;
  assert.deepEqual(phasesOf(reused), [['queue', 0, 5], ['wait', 5, 10.5], ['receive', 10.5, 12]]);
  const secure = plainEntry(entry({ secureConnectionStart: 103 }), 0, 'http://x').entry;
  assert.deepEqual(phasesOf(secure).slice(2, 4), [['connect', 2, 3], ['tls', 3, 4]]);
});
