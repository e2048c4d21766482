// The criteria of experiments, and the values that fill their requests.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exchangeSucceeds, frameSucceeds } from '../../www/book/criterion.js';
import { otherDates } from '../../www/book/fill.js';

const EXCHANGE = {
  number: 2, method: 'GET', target: '/a.txt?b=c', status: 304, times: { head: 600_000 },
  request: { head: 'GET /a.txt?b=c HTTP/1.1\r\nHost: test\r\nIf-None-Match: "1"\r\n\r\n' },
  response: { head: 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n' },
  steps: [
    { function: 'docroot::site::path::decode', status: null },
    { function: 'docroot::semantics::precondition::if_none_match', status: 304 },
    { function: 'docroot::http1::persistence::persistence', status: null },
  ],
};

const ROWS = [
  [{ status: '304' }, { status: '200' }],
  [{ decided: 'semantics::precondition::if_none_match' }, { decided: 'semantics::precondition::if_match' }],
  // The whole last part of the path counts.
  [{ decided: 'if_none_match' }, { decided: 'none_match' }],
  // The deciding step is the last one with a status.
  [{ seen: 'http1::persistence::persistence' }, { decided: 'http1::persistence::persistence' }],
  [{ seen: 'site::path::decode' }, { seen: 'site::path::encode' }],
  [{ method: 'GET' }, { method: 'HEAD' }],
  [{ target: '/a.txt' }, { target: '/a.txt?b=c' }],
  [{ number: '2' }, { number: '1' }],
  [{ slow: '600' }, { slow: '601' }],
  [{ request: '^if-none-match: "1"$' }, { request: '^if-match:' }],
  [{ response: '^ETag: "1"$' }, { response: '^ETag: "2"$' }],
  [{ status: '304', method: 'GET' }, { status: '304', method: 'HEAD' }],
  // A criterion of frames is never met by an exchange.
  [{}, { frame: 'server text' }],
];

test('each attribute of a criterion must hold', () => {
  for (const [holds, fails] of ROWS) {
    assert.equal(exchangeSucceeds(holds, EXCHANGE), true, JSON.stringify(holds));
    assert.equal(exchangeSucceeds(fails, EXCHANGE), false, JSON.stringify(fails));
  }
});

test('frames are told apart by sender, opcode and payload', () => {
  const frame = { from: 'server', head: '\u0088\u0002', first: '\u0003\u00ea' };
  assert.equal(frameSucceeds({ frame: 'server close' }, frame), true);
  assert.equal(frameSucceeds({ frame: 'server close', payload: '^\\x03\\xea' }, frame), true);
  assert.equal(frameSucceeds({ frame: 'server close', payload: '^\\x03\\xe8' }, frame), false);
  assert.equal(frameSucceeds({ frame: 'client close' }, frame), false);
  assert.equal(frameSucceeds({ frame: 'server pong' }, frame), false);
  assert.equal(frameSucceeds({ status: '101' }, frame), false);
});

// RFC 9110 section 5.6.7 has this date in each format.
test('dates are written in the obsolete formats', () => {
  assert.deepEqual(otherDates('Sun, 06 Nov 1994 08:49:37 GMT'), {
    'rfc850-date': 'Sunday, 06-Nov-94 08:49:37 GMT',
    'asctime-date': 'Sun Nov  6 08:49:37 1994',
  });
});
