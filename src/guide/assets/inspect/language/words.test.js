// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { FAULTS, RULES } from '../octets/dissect.js';
import { FRAME_FAULTS, PARTS } from '../octets/frame.js';
import { ENDS } from '../octets/octets.js';
import { READINGS } from '../send/readings.js';
import { SAMPLES } from '../send/samples.js';

const PAGE = new URL('../', import.meta.url);
const read = (name) => readFileSync(new URL(name, PAGE), 'utf8');
const files = (language) => [`language/${language}.json`, `language/details.${language}.json`].map((name) => JSON.parse(read(name)));
const joined = (language) => Object.assign({}, ...files(language));
const [english, chinese] = ['en', 'zh'].map(joined);

const forms = (entry) => typeof entry === 'string' ? [entry] : Object.values(entry);
const gaps = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().join();

test('both languages have the same words, with the same gaps', () => {
  assert.deepEqual(files('zh').map(Object.keys), files('en').map(Object.keys));
  for (const [key, entry] of Object.entries(english)) {
    // The form for one may say "the only" instead of the number.
    const singular = typeof entry === 'object' && entry.one ? gaps(entry.one) : null;
    const all = [...forms(entry), ...forms(chinese[key])].filter((text) => text !== entry.one);
    assert.equal(new Set(all.map(gaps)).size, 1, key);
    if (singular !== null) assert.ok([gaps(entry.other), gaps(entry.other.replace('{n}', ''))].includes(singular), key);
    if (typeof entry === 'object') assert.ok(entry.other && chinese[key].other, key);
  }
});

test('no word has two meanings', () => {
  for (const language of ['en', 'zh']) {
    const keys = files(language).flatMap(Object.keys);
    assert.equal(new Set(keys).size, keys.length);
  }
});

// Keys that are made of parts.
const made = (prefix, of) => (Array.isArray(of) ? of : Object.keys(of)).map((name) => `${prefix}-${name}`);
const MADE = [
  ...made('token', RULES), ...made('fault', FAULTS), ...made('bits', PARTS), ...made('frame-fault', FRAME_FAULTS), ...made('ends', ENDS),
  ...made('reading', READINGS), ...made('samples', SAMPLES), ...made('sample', Object.values(SAMPLES).flat()),
  ...made('sender', ['client', 'server', 'both', 'intermediary', 'nobody']), ...made('edit', ['remove', 'set', 'method', 'target', 'version']),
  ...made('standing', ['current', 'draft', 'informal', 'reserved', 'historic', 'removed']), ...made('replay-closed', ['server', 'client', 'server-reset']),
  ...made('reading-by', ['content-length', 'transfer-encoding']), ...made('method', ['safe', 'idempotent', 'cacheable']), ...made('on', ['fresh', 'reused']),
  ...['fin', 'rsv', 'mask'].flatMap((bit) => made('bits-' + bit, ['0', '1'])), ...made('frame-from', ['client', 'server']),
];

test('the page has each word that it uses, and uses each word that it has', () => {
  const sources = readdirSync(PAGE, { recursive: true }).filter((name) => /\.(html|js)$/.test(name) && !name.includes('.test.'));
  const text = sources.map(read).join('\n');
  const named = [...text.matchAll(/word\('([\w-]+)'[,)]|data-\w+="([\w-]+)"/g)].map((match) => match[1] || match[2]);
  for (const key of [...named, ...MADE]) assert.ok(key in english, key);
  const dynamic = /^(meaning|relation|phase|show|copied|no|key|place|site|pool|browser)-|-head$/;
  for (const key of Object.keys(english)) {
    assert.ok(dynamic.test(key) || MADE.includes(key) || named.includes(key) || text.includes(`'${key}'`) || text.includes(`"${key}"`), `unused: ${key}`);
  }
});
