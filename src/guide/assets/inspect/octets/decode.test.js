// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import test from 'node:test';
import { deflateRawSync, deflateSync, gzipSync, constants } from 'node:zlib';
import { decoded, uncompressed } from './decode.js';
import { latin1 } from './octets.js';

test('each coding is undone', async () => {
  assert.equal(await decoded(latin1(gzipSync('text \xff')), 'gzip'), latin1(Buffer.from('text \xff')));
  assert.equal(await decoded(latin1(deflateSync('text')), 'deflate'), 'text');
});

test('what is cut or wrong gives what there is', async () => {
  const whole = latin1(gzipSync('a'.repeat(100)));
  assert.match(await decoded(whole.slice(0, -4), 'gzip'), /^a*$/);
  assert.equal(await decoded('no gzip at all', 'gzip'), '');
  assert.equal(await decoded('', 'gzip'), '');
});

test('a compressed message (RFC 7692 section 7.2.3.1)', async () => {
  assert.equal(await uncompressed('\xf2\x48\xcd\xc9\xc9\x07\x00'), 'Hello');
  const sent = latin1(deflateRawSync('Hello'.repeat(50), { finishFlush: constants.Z_SYNC_FLUSH })).slice(0, -4);
  assert.equal(await uncompressed(sent), 'Hello'.repeat(50));
});
