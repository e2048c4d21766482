// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { FAULTS, RULES, dissect, fieldsOf } from './dissect.js';

// Each token as kind=text, and kind!fault=text if it has a fault.
function written(head, side) {
  return dissect(head, side).map(({ kind, start, end, fault }) =>
    `${kind}${fault ? '!' + fault : ''}=${head.slice(start, end)}`);
}

function check(side, head, want) {
  assert.deepEqual(written(head, side), want);
  // However much of it has arrived, each octet belongs to exactly one token.
  for (let length = 0; length <= head.length; length++) {
    const part = head.slice(0, length);
    let at = 0;
    for (const token of dissect(part, side)) {
      assert.equal(token.start, at, JSON.stringify(part));
      assert.ok(token.end > at, JSON.stringify(part));
      assert.ok(token.kind in RULES, token.kind);
      assert.ok(!token.fault || token.fault in FAULTS, token.fault);
      at = token.end;
    }
    assert.equal(at, length, JSON.stringify(part));
  }
}

const request = (head, want) => check('request', head, want);
const response = (head, want) => check('response', head, want);
const LINE = ['method=GET', 'request-sp= ', 'path=/', 'request-sp= ', 'version=HTTP/1.1', 'crlf=\r\n'];

test('a request of each form of target (RFC 9112 section 3.2)', () => {
  request('GET /a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n', [
    'method=GET', 'request-sp= ', 'path=/a/b', 'question=?', 'query=c=d', 'request-sp= ', 'version=HTTP/1.1', 'crlf=\r\n',
    'field-name=Host', 'colon=:', 'ows= ', 'field-value=x', 'crlf=\r\n', 'end=\r\n',
  ]);
  request('GET http://x:1/a?b HTTP/1.1\r\n', [
    'method=GET', 'request-sp= ', 'scheme=http', 'scheme-end=://', 'authority=x:1', 'path=/a', 'question=?', 'query=b',
    'request-sp= ', 'version=HTTP/1.1', 'crlf=\r\n',
  ]);
  request('CONNECT x:443 HTTP/1.1\r\n', [
    'method=CONNECT', 'request-sp= ', 'authority-form=x:443', 'request-sp= ', 'version=HTTP/1.1', 'crlf=\r\n',
  ]);
  request('OPTIONS * HTTP/1.1\r\n', [
    'method=OPTIONS', 'request-sp= ', 'asterisk-form=*', 'request-sp= ', 'version=HTTP/1.1', 'crlf=\r\n',
  ]);
});

test('white space around a value, and an empty value (RFC 9112 section 5)', () => {
  request('GET / HTTP/1.1\r\nA:\t b c \r\nB:\r\n\r\nrest', [
    ...LINE, 'field-name=A', 'colon=:', 'ows=\t ', 'field-value=b c', 'ows= ', 'crlf=\r\n',
    'field-name=B', 'colon=:', 'crlf=\r\n', 'end=\r\n', 'content=rest',
  ]);
});

test('empty lines before the request line, and bare LF (RFC 9112 section 2.2)', () => {
  request('\r\nGET / HTTP/1.1\r\n', ['empty-line=\r\n', ...LINE]);
  request('GET / HTTP/1.1\n\n', [...LINE.slice(0, 5), 'crlf!bare-lf=\n', 'end!bare-lf=\n']);
});

test('octets that the grammar forbids are tokens of their own', () => {
  request('G(T / HTTP/1.1\r\n', ['method=G', 'method!not-token=(', 'method=T', ...LINE.slice(1)]);
  request('GET  / HTTP/1.1\r\n', ['method=GET', 'request-sp= ', 'request-sp!extra-space= ', ...LINE.slice(2)]);
  request('GET /\xe4#b HTTP/1.1\r\n', [
    ...LINE.slice(0, 3), 'path!not-target=\xe4#', 'path=b', ...LINE.slice(3),
  ]);
  request('GET x HTTP/1.1\r\n', ['method=GET', 'request-sp= ', 'path!not-target=x', ...LINE.slice(3)]);
  request('GET / http/1.1\r\n', [...LINE.slice(0, 4), 'version!bad-version=http/1.1', 'crlf=\r\n']);
  request('GET /\r\n', [...LINE.slice(0, 3), 'crlf!no-version=\r\n']);
  request('GET / HTTP/1.1\r\nA: b\0c\rd\xe4\r\n', [
    ...LINE, 'field-name=A', 'colon=:', 'ows= ', 'field-value=b', 'field-value!control=\0', 'field-value=c',
    'field-value!bare-cr=\r', 'field-value=d\xe4', 'crlf=\r\n',
  ]);
});

test('faults of a field line (RFC 9112 sections 5.1 and 5.2)', () => {
  request('GET / HTTP/1.1\r\nA : b\r\n c\r\nd\r\n: e\r\n', [
    ...LINE, 'field-name=A', 'ows!space-before-colon= ', 'colon=:', 'ows= ', 'field-value=b', 'crlf=\r\n',
    'ows!obs-fold= ', 'field-value=c', 'crlf=\r\n', 'unknown!no-colon=d', 'crlf=\r\n',
    'colon!no-name=:', 'ows= ', 'field-value=e', 'crlf=\r\n',
  ]);
});

test('what is not HTTP', () => {
  request('\x16\x03\x01\x02\0\x01', ['unknown!not-http=\x16\x03\x01\x02\0\x01']);
});

test('a response (RFC 9112 section 4)', () => {
  response('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', [
    'version=HTTP/1.1', 'status-sp= ', 'status-code=304', 'status-sp= ', 'reason-phrase=Not Modified', 'crlf=\r\n',
    'field-name=ETag', 'colon=:', 'ows= ', 'field-value="a"', 'crlf=\r\n', 'end=\r\n',
  ]);
  response('HTTP/1.1 204 \r\n', ['version=HTTP/1.1', 'status-sp= ', 'status-code=204', 'status-sp= ', 'crlf=\r\n']);
  response('HTTP/1.1 20\r\n', ['version=HTTP/1.1', 'status-sp= ', 'status-code!bad-status=20', 'crlf!no-reason-sp=\r\n']);
});

test('fields are joined from their tokens', () => {
  const head = 'GET / HTTP/1.1\r\nA: b\0c\r\n d\r\nB:\r\n\r\n';
  assert.deepEqual(fieldsOf(head, dissect(head, 'request')), [['A', 'b\0cd'], ['B', '']]);
});

test('heads of any octets are divided without a gap', () => {
  let seed = 1;
  const random = (limit) => (seed = (seed * 48271) % 2147483647) % limit;
  const alphabet = 'GA/:? *\t\r\n\r\nHTTP/1.1\0\xff#"';
  for (let round = 0; round < 3000; round++) {
    const head = Array.from({ length: random(40) }, () => alphabet[random(alphabet.length)]).join('');
    for (const side of ['request', 'response']) {
      const whole = dissect(head, side).map(({ start, end }) => head.slice(start, end)).join('');
      assert.equal(whole, head);
    }
  }
});
