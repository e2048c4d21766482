// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { answers, areAnswered } from './answers.js';

const read = (octets, methods, isClosed = false) =>
  answers(octets, methods, isClosed).map(({ status, body, isInterim, isComplete }) => [status, body, isInterim, isComplete]);

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc';

test('where each response ends (RFC 9112 section 6.3)', () => {
  const rows = [
    [ok, ['GET'], false, [[200, 'abc', false, true]]],
    [ok + ok, ['GET', 'GET'], false, [[200, 'abc', false, true], [200, 'abc', false, true]]],
    // Step 1: HEAD, 1xx, 204 and 304 have no body, whatever their fields say.
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n' + ok, ['HEAD', 'GET'], false, [[200, '', false, true], [200, 'abc', false, true]]],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n' + ok, ['GET', 'GET'], false, [[304, '', false, true], [200, 'abc', false, true]]],
    // An interim response answers nothing.
    ['HTTP/1.1 100 Continue\r\n\r\n' + ok, ['PUT'], false, [[100, '', true, true], [200, 'abc', false, true]]],
    // Step 3: chunks.
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n' + ok, ['GET', 'GET'], false, [[200, '1\r\na\r\n0\r\n\r\n', false, true], [200, 'abc', false, true]]],
    // Step 8: until the connection closes.
    ['HTTP/1.0 200 OK\r\n\r\nabc', ['GET'], false, [[200, 'abc', false, false]]],
    ['HTTP/1.0 200 OK\r\n\r\nabc', ['GET'], true, [[200, 'abc', false, true]]],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x01a', ['GET'], false, [[101, '\x81\x01a', false, false]]],
    // Not complete.
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab', ['GET'], true, [[200, 'ab', false, false]]],
    ['HTTP/1.1 200 OK\r\nConte', ['GET'], false, [[200, '', false, false]]],
    ['', ['GET'], true, []],
  ];
  for (const [octets, methods, isClosed, wanted] of rows) assert.deepEqual(read(octets, methods, isClosed), wanted, octets);
});

test('all requests are answered', () => {
  assert.ok(areAnswered(answers(ok, ['GET'], false), ['GET']));
  assert.ok(!areAnswered(answers(ok, ['GET', 'GET'], false), ['GET', 'GET']));
  assert.ok(areAnswered(answers('HTTP/1.1 101 Switching Protocols\r\n\r\n', ['GET'], false), ['GET']));
  assert.ok(!areAnswered(answers('HTTP/1.1 100 Continue\r\n\r\n', ['PUT'], false), ['PUT']));
});
