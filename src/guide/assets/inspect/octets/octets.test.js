// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { ENDS, bytesOf, latin1, octetsOf, textOf, utf8, written } from './octets.js';

test('a text stands for these octets', () => {
  const rows = [
    ['GET / HTTP/1.1\nHost: x\n\n', 'crlf', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['GET / HTTP/1.1\nHost: x\n\n', 'lf', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['GET / HTTP/1.1\\r\\n\nHost: x\\n\n\\r\\n', 'marked', 'GET / HTTP/1.1\r\nHost: x\n\r\n'],
    // A text area of a browser has LF, but what is pasted elsewhere may have CR LF.
    ['a\r\nb\rc', 'crlf', 'a\r\nb\r\nc'],
    ['\\x00\\xfF\\t\\0', 'crlf', '\0\xff\t\0'],
    ['\\\\r', 'crlf', '\\r'],
    ['\\d \\x1', 'crlf', '\\d \\x1'],
    ['é→', 'crlf', '\xc3\xa9\xe2\x86\x92'],
  ];
  for (const [text, ends, octets] of rows) assert.equal(octetsOf(text, ends), octets, text);
});

const SAMPLES = ['', '\r\n', '\n', '\r', 'a\r\nb\r\n\r\n', 'a\nb\r\n', '\r\r\n\n', '\\r\\n', '\\', '\\\\x41', 'a\\', '\0\t\x7f\xff', 'C:\\new\\x41'];

test('octets become a text, and the text the same octets', () => {
  for (const octets of SAMPLES) {
    const { text, ends } = textOf(octets);
    assert.equal(octetsOf(text, ends), octets, text);
    for (const other of ENDS) assert.equal(octetsOf(written(octets, other), other), octets, `${text} as ${other}`);
  }
});

test('each octet of two survives', () => {
  for (let first = 0; first < 256; first++) {
    for (const second of '\r\n\\xA0r') {
      const octets = String.fromCharCode(first) + second;
      for (const ends of ENDS) assert.equal(octetsOf(written(octets, ends), ends), octets);
    }
  }
});

test('the text names line ends only if they are mixed', () => {
  assert.deepEqual(textOf('a\r\nb\r\n'), { text: 'a\nb\n', ends: 'crlf' });
  assert.deepEqual(textOf('a\nb\r\n'), { text: 'a\\n\nb\\r\\n\n', ends: 'marked' });
});

test('octets and bytes are the same', () => {
  assert.equal(latin1(bytesOf('\0a\xff')), '\0a\xff');
  assert.equal(utf8('\xc3\xa9\xe2\x86'), 'é');
  assert.equal(utf8('\xff'), null);
});
