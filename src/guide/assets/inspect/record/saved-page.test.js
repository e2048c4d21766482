// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { savedPage } from './saved-page.js';

const PAGE = new URL('../', import.meta.url);
const read = async (name) => readFileSync(new URL(name || 'index.html', PAGE), 'utf8');
const record = { 'docroot-record': 1, messages: [{ exchange: { reason: '</script><!-- $& é' } }] };
const saved = await savedPage(record, read, 'NONCE');

const inside = (id) => JSON.parse(new RegExp(`<script type="application/json" id="${id}">(.*?)</script>`).exec(saved)[1]);

test('the file has each module, and no module needs another file', () => {
  const { imports } = JSON.parse(/<script type="importmap" nonce="NONCE">(.*?)<\/script>/.exec(saved)[1]);
  const modules = readdirSync(PAGE, { recursive: true }).filter((name) => /\.js$/.test(name) && !name.includes('.test.'));
  assert.deepEqual(Object.keys(imports).sort(), modules.map((name) => 'docroot/' + name).sort());
  for (const [name, url] of Object.entries(imports)) {
    const text = Buffer.from(url.split(',')[1], 'base64').toString('utf8');
    assert.doesNotMatch(text, /\b(from|import)\s*\(?\s*'\.|import\.meta/, name);
    for (const [, other] of text.matchAll(/'(docroot\/[\w./-]+\.js)'/g)) assert.ok(other in imports, other);
  }
});

test('the file has the words and the record, and they stay data', () => {
  assert.deepEqual(inside('saved-record'), record);
  assert.equal(inside('file-language/zh.json').request, '请求');
  assert.ok(inside('file-language/findings.zh.json')['weak comparison']);
  assert.equal(saved.match(/<\/script>/g).length, saved.match(/<script /g).length);
});

test('the file loads nothing, and only what has the nonce runs', () => {
  assert.doesNotMatch(saved, /<link rel="stylesheet"|<script[^>]* src=/);
  assert.match(saved, /<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-NONCE'; /);
  for (const [tag] of saved.matchAll(/<(?:script|style)\b[^>]*>/g)) assert.ok(tag.includes('nonce="NONCE"') || tag.includes('application/json'), tag);
});
