// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { boundaryOf, chunked, dataOf, parts, sizesOf } from './chunks.js';

const kinds = (octets) => chunked(octets).tokens.map(({ kind, start, end }) => `${kind} ${octets.slice(start, end)}`);

test('a chunked body is divided into these tokens', () => {
  const body = '5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n';
  assert.deepEqual(kinds(body), ['size 5', 'extension ;a=b', 'crlf \r\n', 'data hello', 'crlf \r\n', 'last-size 0', 'crlf \r\n', 'trailer A: b\r\n\r\n']);
  assert.deepEqual({ ...chunked(body + 'GET'), tokens: 0 }, { tokens: 0, end: body.length, isComplete: true, isFaulty: false });
  assert.equal(dataOf(body, chunked(body)), 'hello');
  assert.deepEqual(sizesOf(body, chunked(body)), [5, 0]);
});

test('each beginning of a chunked body is incomplete, and not faulty', () => {
  const body = 'a\r\n0123456789\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n';
  for (let length = 0; length < body.length; length++) {
    const { isComplete, isFaulty, end, tokens } = chunked(body.slice(0, length));
    assert.deepEqual([isComplete, isFaulty], [false, false], body.slice(0, length));
    assert.ok(end <= length && tokens.every((token, at) => token.start === (tokens[at - 1]?.end ?? 0)));
  }
  assert.ok(chunked(body).isComplete);
});

test('what is no chunk is faulty', () => {
  for (const body of ['x\r\n', '-1\r\n', '\r\n', '3\r\nabcd\r\n', '3\r\nabcX\n', '0x3\r\nabc\r\n']) assert.ok(chunked(body).isFaulty, body);
});

test('a boundary', () => {
  const rows = [
    ['multipart/byteranges; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=x; boundary="a b;c"; x=y', 'a b;c'],
    ['text/plain; boundary=abc', null],
    [undefined, null],
  ];
  for (const [type, boundary] of rows) assert.equal(boundaryOf(type), boundary, type);
});

test('the parts of a multipart body', () => {
  const read = (body) => parts(body, 'x').map(({ head, start, end, isComplete }) => [head, body.slice(start, end), isComplete]);
  const whole = '\r\n--x\r\nA: 1\r\n\r\none\r\n--x\r\nB: 2\r\nC: 3\r\n\r\n\r\n--x--\r\n';
  assert.deepEqual(read(whole), [['A: 1\r\n', 'one', true], ['B: 2\r\nC: 3\r\n', '', true]]);
  assert.deepEqual(read('--x\r\n\r\nno fields\r\n--x--'), [['', 'no fields', true]]);
  assert.deepEqual(read('--x\r\nA: 1\r\n\r\ncut'), [['A: 1\r\n', 'cut', false]]);
  for (const body of ['', 'text', '--x', '--x--', '--x\r\nA: 1']) assert.deepEqual(read(body), [], body);
});
