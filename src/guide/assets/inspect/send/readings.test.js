// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { READINGS, read, readings } from './readings.js';

const next = 'GET /next HTTP/1.1\r\nHost: x\r\n\r\n';
const lines = (octets, name) => read(octets, READINGS[name]).map(({ line }) => line);
const POST = 'POST / HTTP/1.1', NEXT = 'GET /next HTTP/1.1';

test('what is not ambiguous has one reading', () => {
  for (const octets of ['', next, next + next, `POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc${next}`,
    `POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n${next}`, 'GET / HT', '\r\n' + next]) {
    assert.equal(readings(octets).length, 1, octets);
  }
  assert.deepEqual(lines(next + next, 'lenient'), [NEXT, NEXT]);
});

test('where the next request begins depends on the rule', () => {
  const clTe = `POST / HTTP/1.1\r\nContent-Length: ${5 + next.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${next}`;
  const teCl = `POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${next.length.toString(16)}\r\n${next}\r\n0\r\n\r\n`;
  const rows = [
    [clTe, 'lenient', [POST, NEXT]],
    [clTe, 'content-length', [POST]],
    [teCl, 'lenient', [POST]],
    [teCl, 'content-length', [POST, NEXT, '0']],
    [`POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: ${next.length}\r\n\r\n${next}`, 'lenient', [POST, NEXT]],
    [`POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: ${next.length}\r\n\r\n${next}`, 'last-length', [POST]],
    [`POST / HTTP/1.1\r\nContent-Length: 0, ${next.length}\r\n\r\n${next}`, 'last-length', [POST]],
    [`POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${next}`, 'contains-chunked', [POST, NEXT]],
    [`POST / HTTP/1.1\r\nContent-Length : ${next.length}\r\n\r\n${next}`, 'lenient', [POST]],
    [`POST / HTTP/1.1\r\nContent-Length : ${next.length}\r\n\r\n${next}`, 'space-in-name', [POST, NEXT]],
    [`POST / HTTP/1.1\r\nContent-Length:\r\n ${next.length}\r\n\r\n${next}`, 'lenient', [POST]],
    [`POST / HTTP/1.1\r\nContent-Length:\r\n ${next.length}\r\n\r\n${next}`, 'no-fold', [POST, NEXT]],
    [`GET / HTTP/1.1\nHost: x\n\n${next}`, 'lenient', ['GET / HTTP/1.1', NEXT]],
    [`GET / HTTP/1.1\nHost: x\n\n${next}`, 'only-crlf', ['GET / HTTP/1.1\nHost: x\n\n' + NEXT]],
  ];
  for (const [octets, name, wanted] of rows) assert.deepEqual(lines(octets, name), wanted, name + ' ' + octets);
});

test('equal readings stand together, and the lenient one is first', () => {
  const [first, second] = readings(`POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\nabc`);
  assert.equal(first.names[0], 'lenient');
  assert.deepEqual(second.names, ['last-length']);
});

test('the requests leave no gap, whatever the octets are', () => {
  const pieces = ['GET / HTTP/1.1', '\r\n', '\n', '\r', 'Content-Length: 3', 'Transfer-Encoding: chunked', ' ', ':', '0', '5', 'abc', '\xff'];
  let seed = 1;
  const chance = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 3000; round++) {
    const octets = Array.from({ length: chance(14) }, () => pieces[chance(pieces.length)]).join('');
    for (const rules of Object.values(READINGS)) {
      let at = 0;
      for (const { start, headEnd, end } of read(octets, rules)) {
        assert.equal(start, at);
        assert.ok(start <= headEnd && headEnd <= end && end <= octets.length);
        at = end;
      }
    }
  }
});
