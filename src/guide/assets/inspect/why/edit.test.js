// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { apply } from './edit.js';

const remove = (name) => ({ do: 'remove', name });
const set = (name, value) => ({ do: 'set', name, value });
const part = (name, value) => ({ do: name, value });

test('an edit changes these octets, and no others', () => {
  const rows = [
    ['GET / HTTP/1.1\r\nHost: x\r\nRange: a\r\n\r\n', remove('Range'), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    // Names have no case, and a name may come twice.
    ['GET / HTTP/1.1\r\nrange: a\r\nHost: x\r\nRANGE:b\r\n\r\n', remove('Range'), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', remove('Range'), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['GET / HTTP/1.1\r\nRanges: a\r\n\r\n', remove('Range'), 'GET / HTTP/1.1\r\nRanges: a\r\n\r\n'],
    // The continuation of a field goes with it.
    ['GET / HTTP/1.1\r\nA: 1\r\n 2\r\nB: 3\r\n 4\r\n\r\n', remove('a'), 'GET / HTTP/1.1\r\nB: 3\r\n 4\r\n\r\n'],
    ['GET / HTTP/1.1\r\nA : 1\r\n\r\n', remove('A'), 'GET / HTTP/1.1\r\n\r\n'],
    // A field is replaced where it stood, and added at the end.
    ['GET / HTTP/1.1\r\nrange: a\r\nHost: x\r\n\r\n', set('Range', 'b'), 'GET / HTTP/1.1\r\nRange: b\r\nHost: x\r\n\r\n'],
    ['GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n', set('A', '$&'), 'GET / HTTP/1.1\r\nA: $&\r\nB: 2\r\n\r\n'],
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', set('Range', 'b'), 'GET / HTTP/1.1\r\nHost: x\r\nRange: b\r\n\r\n'],
    ['GET / HTTP/1.1\r\n\r\n', set('Host', 'x'), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    // Line ends of another kind stay.
    ['GET / HTTP/1.1\nA: 1\nB: 2\n\n', set('A', '3'), 'GET / HTTP/1.1\nA: 3\nB: 2\n\n'],
    // The content is no field.
    ['PUT / HTTP/1.1\r\nHost: x\r\n\r\nRange: a\r\n', remove('Range'), 'PUT / HTTP/1.1\r\nHost: x\r\n\r\nRange: a\r\n'],
    ['PUT / HTTP/1.1\r\nHost: x\r\n\r\nRange: a\r\n', set('Range', 'b'), 'PUT / HTTP/1.1\r\nHost: x\r\nRange: b\r\n\r\nRange: a\r\n'],
    // A head that was cut.
    ['GET / HTTP/1.1\r\nA: 1\r\nB: 2', remove('B'), 'GET / HTTP/1.1\r\nA: 1\r\n'],
    ['GET / HTTP/1.1\r\nA: 1\r\n', set('B', '2'), 'GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n'],
    ['HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n', part('method', 'GET'), 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['\r\n\r\nHEAD /a HTTP/1.1\r\n\r\n', part('method', 'GET'), '\r\n\r\nGET /a HTTP/1.1\r\n\r\n'],
    ['GET /a HTTP/1.1\r\nHost: x\r\n\r\n', part('target', '/a/?$1'), 'GET /a/?$1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    // A target with a space is malformed, but it is still the target.
    ['GET /a b HTTP/1.1\r\n\r\n', part('target', '/a%20b'), 'GET /a%20b HTTP/1.1\r\n\r\n'],
    ['GET /a\r\n\r\n', part('target', '/b'), 'GET /b\r\n\r\n'],
    ['GET / HTTP/1.0\r\n\r\n', part('version', 'HTTP/1.1'), 'GET / HTTP/1.1\r\n\r\n'],
    ['GET /\r\n\r\n', part('version', 'HTTP/1.1'), 'GET / HTTP/1.1\r\n\r\n'],
    ['GET / HTTP/1.1\r\n\r\n', { do: 'something new' }, 'GET / HTTP/1.1\r\n\r\n'],
  ];
  for (const [head, edit, wanted] of rows) assert.equal(apply(head, edit), wanted, JSON.stringify([head, edit]));
});

test('what was set can be removed', () => {
  for (const head of ['GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\nHost: x\n\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\nX-New: content\r\n']) {
    assert.equal(apply(apply(head, set('X-New', '1')), remove('X-New')), head);
  }
});
