// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { maskedChunked, maskedHead, maskedValue } from './mask.js';

const cases = JSON.parse(readFileSync(new URL('../../../../observe/masked/cases.json', import.meta.url), 'utf8'));

test('messages are shown without secrets, as docroot itself shows them', () => {
  for (const [head, want] of cases.heads) assert.equal(maskedHead(head), want);
  for (const [body, want] of cases.chunked) assert.equal(maskedChunked(body), want);
  // What is masked stays as it is.
  for (const [, head] of cases.heads) assert.equal(maskedHead(head), head);
});

test('values are shown without secrets', () => {
  for (const [name, value, want] of [
    ['Cookie', 'secret', '***'], ['Cookie', '', ''], ['referer', 'http://secret@h/a@b', 'http://***@h/a@b'], ['From', 'a@b', 'a@b'],
  ]) assert.equal(maskedValue(name, value), want);
});
