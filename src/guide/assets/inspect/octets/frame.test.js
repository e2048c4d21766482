// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { FRAME_FAULTS, PARTS, close, frame, masked } from './frame.js';

const parts = (head, from, extension) => frame(head, from, extension).parts.map(({ name, bits, fault }) => [name, bits, fault].filter(Boolean).join(' '));

test('the headers of the examples (RFC 6455 section 5.7)', () => {
  assert.deepEqual(parts('\x81\x05', 'server'), ['fin 1', 'rsv1 0', 'rsv2 0', 'rsv3 0', 'opcode 0001', 'mask 0', 'length 0000101']);
  const hello = frame('\x81\x85\x37\xfa\x21\x3d', 'client');
  assert.deepEqual([hello.opcode, hello.isFinal, hello.length, hello.key], [1, true, 5, '\x37\xfa\x21\x3d']);
  assert.equal(masked('Hello', hello.key), '\x7f\x9f\x4d\x51\x58');
  assert.equal(frame('\x82\x7e\x01\x00', 'server').length, 256);
  assert.equal(frame('\x82\x7f\0\0\0\0\0\x01\0\0', 'server').length, 65536);
  assert.equal(frame('\x01\x03', 'server').isFinal, false);
});

test('what is forbidden is a fault of one part', () => {
  const rows = [
    ['\xc1\x80\0\0\0\0', 'client', 'rsv1', 'reserved-bit'],
    ['\x91\x80\0\0\0\0', 'client', 'rsv3', 'reserved-bit'],
    ['\x83\x80\0\0\0\0', 'client', 'opcode', 'reserved-opcode'],
    ['\x09\x80\0\0\0\0', 'client', 'fin', 'control-fragment'],
    ['\x89\xfe\0\x80\0\0\0\0', 'client', 'length', 'control-length'],
    ['\x82\x7e\0\x7d', 'server', 'length-16', 'not-shortest'],
    ['\x82\x7f\0\0\0\0\0\0\xff\xff', 'server', 'length-64', 'not-shortest'],
    ['\x81\x00', 'client', 'mask', 'not-masked'],
    ['\x81\x80\0\0\0\0', 'server', 'mask', 'masked'],
  ];
  for (const [head, from, name, fault] of rows) {
    const faulty = frame(head, from).parts.filter((part) => part.fault);
    assert.deepEqual(faulty.map((part) => [part.name, part.fault]), [[name, fault]], fault);
  }
  assert.deepEqual(new Set(rows.map((row) => row[3])), new Set(Object.keys(FRAME_FAULTS)));
});

test('an extension may use RSV1', () => {
  const read = frame('\xc1\x05', 'server', true);
  assert.ok(read.parts.every(({ fault }) => !fault));
  assert.ok(read.isCompressed);
  assert.ok(!frame('\x81\x05', 'server', true).isCompressed && !frame('\xc1\x05', 'server').isCompressed);
});

test('a header of any length has the parts that are there', () => {
  const head = '\x82\xff\0\0\0\0\0\x01\0\0\x01\x02\x03\x04';
  for (let length = 0; length <= head.length; length++) {
    for (const { name } of frame(head.slice(0, length), 'client').parts) assert.ok(PARTS.includes(name));
  }
  assert.equal(frame(head, 'client').parts.map(({ bits }) => bits).join('').length, 14 * 8);
  assert.deepEqual(frame('', 'client').parts, []);
});

test('the payload of a Close frame (RFC 6455 section 5.5.1)', () => {
  assert.deepEqual(close('\x03\xe8bye'), { code: 1000, reason: 'bye' });
  assert.deepEqual(close(''), { code: null, reason: '' });
});
