// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import { Fault } from '../page/fault.js';
import { recordOfHar } from './har-read.js';
import { harOf } from './har.js';
import { latin1 } from '../octets/octets.js';
import { checkedRecord, recordOf } from './record.js';
import { Session } from '../live/session.js';

const exchange = (more = {}) => ({
  connection: 7, number: 1, worker: 0, at: 1795777385123, peer: '127.0.0.1', port: 40000, tls: null,
  method: 'GET', target: '/a?b=c%20d&e', version: 'HTTP/1.1', status: 200, sent: 4, reason: 'the reason', brief: '', cut: null,
  times: { accepted: null, secured: null, head: 100, answer: 300, end: 1500 },
  request: { head: 'GET /a?b=c%20d&e HTTP/1.1\r\nHost: x:1\r\nCookie: ***\r\n\r\n', length: 50, body: null },
  response: { head: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n', length: 45, body: { length: 4, first: 'a\xff\0b', chunks: null, unseen: false } },
  steps: [{ section: 'RFC 9110 section 9.1', function: 'docroot::a::b', finding: 'the method is allowed', evidence: null, status: 200, edits: [] }],
  ...more,
});

const session = (...messages) => {
  const made = new Session();
  messages.forEach((message) => made.take(message));
  return made;
};

const thrown = (act) => {
  try {
    act();
  } catch (fault) {
    assert.ok(fault instanceof Fault, fault);
    return [fault.key, Object.values(fault.values).join(' ')].join(' ').trim();
  }
  return null;
};

test('a record brings the same items back', () => {
  const messages = [
    { hello: { version: '0.1.0', started: 1, workers: 2 } }, { opened: { connection: 7, at: 1 } }, { exchange: exchange() },
    { frame: { connection: 7, at: 2, from: 'client', head: '\x81\x80', length: 0, first: '' } }, { odd: 1 }, { closed: { connection: 7, at: 3, by: 'client', reason: 'r' } }, { missed: null },
  ];
  const record = JSON.parse(JSON.stringify(recordOf(session(...messages), 'x:1', 5)));
  const read = checkedRecord(record);
  assert.deepEqual(read.messages, messages);
  assert.deepEqual([read.host, read.saved, read.server.version], ['x:1', 5, '0.1.0']);
  assert.deepEqual(session(...read.messages).messages, messages);
});

test('a record that is damaged is refused, and the fault names the place', () => {
  const record = (messages, version = 1) => ({ 'docroot-record': version, messages });
  for (const [value, want] of [
    [record([], 2), 'record-newer 2'], [record([], 'x'), 'record-version x'], [record({}), 'record-messages'],
    [record([1]), 'record-message 1 message'], [record([{}, { exchange: null }]), 'record-message 2 exchange'],
    ...Object.keys(exchange()).filter((name) => !['worker', 'port'].includes(name)).map((name) =>
      [record([{ exchange: exchange({ [name]: undefined }) }]), `record-message 1 exchange.${name}`]),
    [record([{ exchange: exchange({ steps: [{ finding: 'a' }] }) }]), 'record-message 1 exchange.steps'],
    ...[{ sent: 1 }, { weights: 1 }, { weights: [1] }, { first: 'a' }, { value: {} }, 1].map((evidence) =>
      [record([{ exchange: exchange({ steps: [{ ...exchange().steps[0], evidence }] }) }]), 'record-message 1 exchange.steps']),
    ...[1, {}, { length: 1, first: '', chunks: 'a' }, { length: -1, first: '' }].map((body) =>
      [record([{ exchange: exchange({ request: { head: '', length: 0, body } }) }]), 'record-message 1 exchange.request']),
    [record([{ browser: { at: 1, cached: true, entry: {} } }]), 'record-message 1 browser.target'],
    [record([{ opened: { connection: -1, at: 1 } }]), 'record-message 1 opened.connection'],
    [record([{ frame: { connection: 1, at: 1, from: 'client', length: 0, first: '' } }]), 'record-message 1 frame.head'],
  ]) assert.equal(thrown(() => checkedRecord(value)), want);
});

test('a HAR has the members of HAR 1.2, and its times add up', async () => {
  const tls = { version: 'TLSv1.3', cipher: 'c' };
  const times = { accepted: 5000, secured: 2000, head: 100, answer: 300, end: 1500 };
  const { log } = await harOf(recordOf(session({ exchange: exchange() }, { exchange: exchange({ number: 2, tls, times, status: null }) }), 'y', 5));
  const [plain, secure] = log.entries;
  assert.equal(log.version, '1.2');
  assert.deepEqual(plain.timings, { blocked: -1, dns: -1, connect: -1, ssl: -1, send: 0.1, wait: 0.2, receive: 1.2 });
  assert.equal(plain.time, 1.5);
  assert.equal(plain.startedDateTime, new Date(1795777385123).toISOString());
  assert.deepEqual(plain.request.queryString, [{ name: 'b', value: 'c%20d' }, { name: 'e', value: '' }]);
  assert.equal(plain.request.url, 'http://x:1/a?b=c%20d&e');
  assert.deepEqual(plain.request.cookies, [{ name: '***', value: '***' }]);
  assert.deepEqual(plain.request.headers[0], { name: 'Host', value: 'x:1' });
  assert.deepEqual([plain.request.headersSize, plain.request.bodySize], [50, 0]);
  assert.deepEqual(plain.response.content, { size: 4, mimeType: 'text/plain', text: btoa('a\xff\0b'), encoding: 'base64' });
  assert.deepEqual([plain.response.status, plain.response.statusText, plain.response.httpVersion, plain.response.bodySize], [200, 'OK', 'HTTP/1.1', 4]);
  assert.deepEqual([secure.timings.connect, secure.timings.ssl, secure.timings.blocked], [3, 3, 2]);
  assert.equal(secure.time, 6.5);
  assert.equal(Date.parse(secure.startedDateTime), 1795777385123 - 5);
  assert.deepEqual([secure.response.status, secure.request.url.slice(0, 5)], [0, 'https']);
  for (const entry of log.entries) {
    for (const name of ['method', 'url', 'httpVersion', 'cookies', 'headers', 'queryString', 'headersSize', 'bodySize']) assert.ok(name in entry.request, name);
    for (const name of ['status', 'statusText', 'httpVersion', 'cookies', 'headers', 'content', 'redirectURL', 'headersSize', 'bodySize']) assert.ok(name in entry.response, name);
  }
});

test('a URL in a HAR is one, whatever the target was', async () => {
  for (const [target, want] of [
    ['/a b#c', 'http://x:1/a%20b%23c'], ['/%zz%41\xff?a=[1]', 'http://x:1/%25zz%41%FF?a=[1]'], ['*', 'http://x:1/'],
    ['http://y/a b', 'http://y/a%20b'], ['', 'http://x:1/'],
  ]) {
    const { log } = await harOf(recordOf(session({ exchange: exchange({ target }) }), 'y', 5));
    assert.equal(log.entries[0].request.url, want);
    assert.doesNotThrow(() => new URL(want));
  }
});

test('a HAR of docroot is read as it was', async () => {
  const messages = [{ exchange: exchange() }, { browser: { connection: 7, number: 1, at: 1795777385123, entry: {} } }];
  const record = recordOf(session({ hello: { version: '9', started: 1 } }, ...messages), 'x:1', 5);
  const read = checkedRecord(recordOfHar(JSON.parse(JSON.stringify(await harOf(record))), '?'));
  assert.deepEqual(read.messages, messages);
  assert.deepEqual([read.host, read.server], ['x:1', { version: '9' }]);
});

const bodyOf = (first, more = {}) => ({ length: first.length, first, chunks: null, unseen: false, ...more });

// The only entry of a HAR.
const entryOf = async (...messages) => (await harOf(recordOf(session(...messages), 'x:1', 5))).log.entries[0];

test('the content of a request is text if it is UTF-8, and Base64 otherwise', async () => {
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\r\n';
  const posted = async (body) => (await entryOf({ exchange: exchange({ request: { head, length: head.length, body } }) })).request;
  const mimeType = 'text/plain';
  assert.deepEqual((await posted(bodyOf('caf\xc3\xa9'))).postData, { mimeType, text: 'café' });
  assert.deepEqual((await posted(bodyOf('\xef\xbb\xbfa'))).postData.text, '\ufeffa');
  assert.deepEqual((await posted(bodyOf('\xff\0'))).postData, { mimeType, text: '/wA=', _encoding: 'base64' });
  // A text that ends within a character is one only if the rest is not shown.
  const comment = 'the first 2 of 9 octets';
  assert.deepEqual((await posted(bodyOf('a\xc3', { length: 9 }))).postData, { mimeType, text: 'a', comment });
  assert.deepEqual((await posted(bodyOf('a\xc3'))).postData, { mimeType, text: btoa('a\xc3'), _encoding: 'base64' });
  const chunked = await posted(bodyOf('2\r\n\xc3\xa9\r\n0\r\n\r\n', { chunks: [2, 0] }));
  assert.deepEqual([chunked.postData.text, chunked.bodySize], ['é', 12]);
});

test('the size of the content is that without codings and chunks, or -1', async () => {
  const content = async (fields, body, more) => {
    const head = `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`;
    return (await entryOf({ exchange: exchange({ sent: 7, response: { head, length: head.length, body }, ...more }) })).response.content;
  };
  const gzip = 'Content-Encoding: gzip';
  const zipped = latin1(gzipSync('café'.repeat(9)));
  const text = Buffer.from('café'.repeat(9)).toString('base64');
  assert.deepEqual(await content(gzip, bodyOf(zipped)), { size: 45, mimeType: '', text, encoding: 'base64' });
  const chunks = `${zipped.length.toString(16)}\r\n${zipped}\r\n0\r\n\r\n`;
  assert.equal((await content(gzip, bodyOf(chunks, { chunks: [zipped.length, 0] }))).size, 45);
  const unknown = { size: -1, mimeType: '' };
  for (const [fields, body] of [
    [gzip, bodyOf(zipped.slice(0, -1))], [gzip, bodyOf('no gzip')], [gzip, bodyOf(zipped, { length: 9999 })], [gzip, bodyOf('', { length: 9, unseen: true })],
    ['Content-Encoding: br', bodyOf('in Brotli')],
    [`${gzip}\r\n${gzip}`, bodyOf(zipped)],
  ]) assert.deepEqual(await content(fields, body), unknown);
  assert.equal((await content(gzip, null, { sent: 0 })).size, 0);
  assert.deepEqual(await content('A: b', bodyOf('2\r\nab\r\n0\r\n\r\n', { chunks: [2, 0] })), { size: 7, mimeType: '', text: btoa('ab'), encoding: 'base64' });
  assert.deepEqual(await content('A: b', bodyOf('', { length: 9, unseen: true })), { size: 7, mimeType: '' });
});

const frameOf = (from, head, first, length = first.length) => ({ frame: { connection: 7, at: 2000, from, head, length, first } });

test('frames are written as Chromium writes them, and read again', async () => {
  const upgraded = { exchange: exchange({ status: 101 }) };
  const frames = [
    frameOf('client', '\x81\x85\0\0\0\0', 'caf\xc3\xa9'), frameOf('server', '\x82\x02', '\xff\0'),
    frameOf('server', '\x81\x7e\x01\x2c', 'a\xc3', 300), frameOf('server', '\x88\x02', '\x03\xe8'),
  ];
  const har = await harOf(recordOf(session(upgraded, ...frames), 'x:1', 5));
  const [entry] = har.log.entries;
  assert.deepEqual(entry._webSocketMessages.map(({ _docroot, ...message }) => message), [
    { type: 'send', time: 2, opcode: 1, data: 'café' },
    { type: 'receive', time: 2, opcode: 2, data: '/wA=' },
    { type: 'receive', time: 2, opcode: 1, data: 'a', comment: 'the first 2 of 300 octets' },
    { type: 'receive', time: 2, opcode: 8, data: 'A+g=', _encoding: 'base64' },
  ]);
  const read = checkedRecord(recordOfHar(JSON.parse(JSON.stringify(har)), '?'));
  assert.deepEqual(read.messages, [upgraded, ...frames]);
});

// As the developer tools of Chromium write it, with what does not matter left out.
const foreign = (more = {}) => ({
  log: {
    version: '1.2', creator: { name: 'WebInspector', version: '537.36' },
    entries: [{
      startedDateTime: '2026-11-27T11:00:00.000Z', time: 12, connection: '77',
      request: {
        method: 'GET', url: 'https://é.example/ä?q=1', httpVersion: 'http/2.0',
        headers: [{ name: ':authority', value: 'x' }, { name: 'cookie', value: 'secret' }, { name: 'Authorization', value: 'Basic secret' }, { name: 'x-a', value: 'é\r\nb' }],
      },
      response: {
        status: 200, statusText: '', httpVersion: 'http/2.0', headers: [{ name: 'Set-Cookie', value: 'secret\nsecret' }],
        content: { size: 5, text: 'aGVsbG8=', encoding: 'base64' }, bodySize: -1,
      },
      timings: { blocked: 1, send: 1, wait: 2, receive: 3.5 },
    }, ...(more.entries || [])],
  },
});

test('a HAR of a browser is read without secrets and without steps', () => {
  const record = checkedRecord(recordOfHar(foreign(), 'not known'));
  const [{ exchange: read }] = record.messages;
  assert.equal(read.request.head, 'GET /%C3%A4?q=1 HTTP/2.0\r\nHost: xn--9ca.example\r\ncookie: ***\r\nAuthorization: ***\r\nx-a: Ã© b\r\n\r\n');
  assert.equal(read.response.head, 'HTTP/2.0 200 \r\nSet-Cookie: ***\r\n\r\n');
  assert.ok(!JSON.stringify(record).includes('secret'));
  assert.deepEqual(read.times, { accepted: null, secured: null, head: 1000, answer: 3000, end: 6500 });
  assert.deepEqual([read.target, read.version, read.status, read.sent, read.steps, read.reason], ['/%C3%A4?q=1', 'HTTP/2', 200, 5, [], 'not known']);
  assert.deepEqual(read.response.body, { length: 5, first: 'hello', chunks: null, unseen: false });
});

test('messages that were compressed are written without that if they are known alone', async () => {
  const [first, second] = ['café', 'café, café'].map((text) => Buffer.from(text));
  const flushed = (dictionary, octets) => latin1(deflateRawSync(octets, { dictionary, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4));
  const [alone, referring] = [flushed(undefined, first), flushed(first, second)];
  const upgraded = { exchange: exchange({ status: 101 }) };
  const { _webSocketMessages: messages } = await entryOf(upgraded,
    frameOf('server', '\xc1\x08', alone), frameOf('server', '\xc2\x08', alone), frameOf('server', '\xc1\x08', referring),
    frameOf('server', '\xc1\x08', alone.slice(0, 3), alone.length), frameOf('server', '\x41\x08', alone));
  const compressed = (octets) => ({ opcode: 1, data: btoa(octets), _encoding: 'base64', _compressed: true });
  assert.deepEqual(messages.map(({ _docroot, type, time, ...message }) => message), [
    { opcode: 1, data: 'café' }, { opcode: 2, data: first.toString('base64') }, compressed(referring),
    { ...compressed(alone.slice(0, 3)), comment: `the first 3 of ${alone.length} octets` },
    // Its other frames are missing.
    compressed(alone),
  ]);
});

test('the frames of a browser are read', () => {
  const har = foreign();
  const long = 'x'.repeat(70_000);
  har.log.entries[0]._webSocketMessages = [
    { type: 'send', time: 1795777385.5, opcode: 1, data: 'café' }, { type: 'receive', time: 2, opcode: 2, data: '/wA=' },
    { type: 'receive', time: 3, opcode: 1, data: 'x'.repeat(300) }, { type: 'receive', time: 4, opcode: 1, data: long },
  ];
  const [, ...frames] = checkedRecord(recordOfHar(har, '')).messages;
  const common = { connection: 1 };
  assert.deepEqual(frames.map(({ frame }) => frame), [
    { ...common, at: 1795777385500, from: 'client', head: '\x81\x85\0\0\0\0', length: 5, first: 'caf\xc3\xa9' },
    { ...common, at: 2000, from: 'server', head: '\x82\x02', length: 2, first: '\xff\0' },
    { ...common, at: 3000, from: 'server', head: '\x81\x7e\x01\x2c', length: 300, first: 'x'.repeat(256) },
    { ...common, at: 4000, from: 'server', head: '\x81\x7f\0\0\0\0\0\x01\x11\x70', length: 70_000, first: 'x'.repeat(256) },
  ]);
  for (const messages of [1, [null], [{ _docroot: 1 }], [{ type: 'send', time: 'x', data: '' }]]) {
    har.log.entries[0]._webSocketMessages = messages;
    assert.match(thrown(() => checkedRecord(recordOfHar(har, ''))), /^(har-entry 1|record-message 2 frame)/);
  }
});

test('what a browser leaves out is empty', () => {
  const [entry] = foreign().log.entries;
  const { request, response } = entry;
  const blocked = { ...entry, request: { ...request, httpVersion: 'unknown' }, response: { ...response, status: 0, _error: 'net::ERR_FAILED', content: {} }, timings: undefined, time: 3 };
  const [{ exchange: read }] = checkedRecord(recordOfHar({ log: { entries: [blocked] } }, '')).messages;
  assert.deepEqual([read.status, read.version, read.cut, read.response.head, read.times.end], [null, '', 'net::ERR_FAILED', '', 3000]);
  assert.match(read.request.head, /^GET \S+ HTTP\/1\.1\r\n/);
});

test('entries of one connection are counted, and several hosts are shown', () => {
  const [entry] = foreign().log.entries;
  const other = { ...entry, request: { ...entry.request, url: 'http://b/' } };
  const record = recordOfHar(foreign({ entries: [entry, other, { ...other, connection: undefined }] }), '');
  assert.deepEqual(record.messages.map(({ exchange: { connection, number } }) => [connection, number]), [[1, 1], [1, 2], [1, 3], [2, 1]]);
  assert.deepEqual(record.messages[2].exchange.target, 'http://b/');
});

test('a HAR of docroot that somebody has edited is read without secrets', () => {
  const request = { head: 'GET http://secret@x/ HTTP/1.1\r\nCookie secret\r\n\r\n', length: 9, body: bodyOf('0\r\nCookie: secret\r\n\r\n', { chunks: [0] }) };
  const har = { log: { entries: [{ request: { url: 'http://x/' }, _docroot: exchange({ target: 'http://secret@x/', request }) }] } };
  const record = checkedRecord(recordOfHar(har, ''));
  assert.ok(!JSON.stringify(record).includes('secret'), JSON.stringify(record));
});

test('a HAR that is damaged is refused', () => {
  const entry = foreign().log.entries[0];
  const { request, ...without } = entry;
  for (const [value, want] of [
    [{ log: {} }, 'har-entries'], [foreign({ entries: [without] }), 'har-url undefined'],
    [foreign({ entries: [{ ...entry, request: { ...request, headers: 1 } }] }), 'har-entry 2'],
    [foreign({ entries: [{ ...entry, response: undefined }] }), 'har-entry 2'],
    [foreign({ entries: [null] }), 'har-url undefined'],
  ]) assert.equal(thrown(() => recordOfHar(value, '')), want);
});
