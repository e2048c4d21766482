// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { translator } from './translate.js';

const table = JSON.parse(readFileSync(new URL('findings.zh.json', import.meta.url), 'utf8'));

test('a sentence is translated whole, with its values, or in parts', () => {
  const translate = translator({ 'a (b)': '甲', 'from {} to {}': '自{}到{}', 'one; two': '一二', 'two': '二' });
  for (const [text, want] of [
    ['a (b)', '甲'], ['from 1 to 20', '自1到20'], ['one; two', '一二'], ['a (b); two', '甲；二'],
    ['from 1 to 2; two', '自1到2；二'], ['two; three', null], ['a b', null], ['', null], ['constructor', null],
  ]) assert.equal(translate(text), want, text);
});

test('each translation has the gaps of its text and the names that it quotes', () => {
  // The names of fields, options and codings, and the numbers of versions.
  const named = /--[\w-]+|(?:If|Accept|Content|Transfer|Sec|Last|Cache)-[A-Z][\w-]*|HTTP\/1\.[01]|\bgzip\b|\b100 \(Continue\)/g;
  for (const [text, other] of Object.entries(table)) {
    assert.equal(other.split('{}').length, text.split('{}').length, text);
    for (const [name] of text.matchAll(named)) assert.ok(other.includes(name), `${name}: ${other}`);
    assert.match(other, /[\u4e00-\u9fff]|^[\w./ -]+$/, text);
  }
});
