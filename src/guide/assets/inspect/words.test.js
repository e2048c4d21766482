// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { FAULTS, RULES } from './dissect.js';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const [english, chinese] = ['en.json', 'zh.json'].map((name) => JSON.parse(read(name)));

const forms = (entry) => typeof entry === 'string' ? [entry] : Object.values(entry);
const gaps = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().join();

test('both languages have the same words, with the same gaps', () => {
  assert.deepEqual(Object.keys(chinese), Object.keys(english));
  for (const [key, entry] of Object.entries(english)) {
    const all = [...forms(entry), ...forms(chinese[key])];
    assert.equal(new Set(all.map(gaps)).size, 1, key);
    if (typeof entry === 'object') assert.ok(entry.other && chinese[key].other, key);
  }
});

test('the page has each word that it uses, and uses each word that it has', () => {
  const sources = readdirSync(new URL('.', import.meta.url)).filter((name) => /\.(html|js)$/.test(name) && !name.includes('.test.'));
  const text = sources.map(read).join('\n');
  const named = [...text.matchAll(/word\('([\w-]+)'[,)]|data-\w+="([\w-]+)"/g)].map((match) => match[1] || match[2]);
  for (const key of named) assert.ok(key in english, key);
  // Keys that are made of parts.
  const made = [...Object.keys(RULES).map((kind) => 'token-' + kind), ...Object.keys(FAULTS).map((fault) => 'fault-' + fault)];
  for (const key of made) assert.ok(key in english, key);
  const dynamic = /^(token|fault|meaning|relation|phase|show|copied|no|key|place|site|pool|browser)-|-head$/;
  for (const key of Object.keys(english)) {
    assert.ok(dynamic.test(key) || named.includes(key) || text.includes(`'${key}'`) || text.includes(`"${key}"`), `unused: ${key}`);
  }
});
