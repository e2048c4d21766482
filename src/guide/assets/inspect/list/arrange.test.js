// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

// The filter also looks for the sentences of a page in Chinese. Its words are found as in a saved page.
globalThis.location = { search: '?lang=zh' };
globalThis.document = {
  getElementById: (id) => id.startsWith('file-')
    ? { textContent: readFileSync(new URL('../' + id.slice('file-'.length), import.meta.url), 'utf8') } : null,
};
const { arranged, matches } = await import('./arrange.js');

const view = { wanted: [], isGrouped: false, showsEvents: true };
const filtered = (text) => ({ ...view, wanted: text.toLowerCase().split(' ') });
const first = { count: 2 };
const second = { count: 1 };
const items = [
  { link: first, opened: { connection: 7, peer: '127.0.0.1' } },
  { link: first, exchange: exchange(7, 1, '/docs/a.html', 304, 'If-None-Match lists the current entity-tag', 'If-None-Match matched') },
  { link: second, exchange: exchange(8, 1, '/docs/b.html', 200, 'the request has no condition', '') },
  { link: first, exchange: exchange(7, 2, '/c.png', 200, 'the request has no condition', '', 'the client went away') },
  { link: first, closed: { connection: 7, reason: 'keep-alive timeout' } },
  { cached: { target: '/docs/kept.js' } },
];

function exchange(connection, number, target, status, reason, brief, cut = null) {
  return { connection, number, target, method: 'GET', status, reason, brief, cut, peer: '127.0.0.1' };
}

test('the filter finds the path, the status, the connection and the reason', () => {
  for (const [text, want] of [
    ['/docs/', [1, 2, 5]], ['/C.PNG', [3]], ['304', [1]], ['#7·', [0, 1, 3, 4]], ['#7·2', [3]], ['#8·', [2]],
    ['entity-tag', [1]], ['matched', [1]], ['实体标签', [1]], ['no condition', [2, 3]], ['请求不是条件请求', [2, 3]], ['went away', [3]],
    ['keep-alive', [4]], ['/docs/ 200', [2]], ['127.0.0.1', [0, 1, 2, 3]], ['nothing', []],
  ]) {
    const found = items.flatMap((item, at) => matches(item, filtered(text)) ? [at] : []);
    assert.deepEqual(found, want, text);
  }
});

test('the filter finds the client that a proxy has named meanwhile', () => {
  const link = { client: null };
  const item = { link, opened: { connection: 9, peer: '10.0.0.1' } };
  assert.deepEqual(['10.0.0.1', '192.0.2.7'].map((text) => matches(item, filtered(text))), [true, false]);
  link.client = { peer: '192.0.2.7' };
  assert.equal(matches(item, filtered('192.0.2.7')), true);
});

test('events of connections are shown if they are wanted', () => {
  const shown = arranged(items, { ...view, showsEvents: false });
  assert.deepEqual(shown, [items[1], items[2], items[3], items[5]]);
  const unseen = { link: { isOwn: true, count: 0 }, opened: { connection: 9, peer: '127.0.0.1' } };
  assert.equal(matches(unseen, view), false);
});

test('a group has the exchanges that match, and says how many', () => {
  let id = 0;
  const shown = arranged(items, { ...filtered('/docs/'), isGrouped: true }, () => ++id);
  assert.deepEqual(shown, [first.row, items[1], second.row, items[2], items[5]]);
  assert.deepEqual([first.row.shown, first.row.id, second.row.shown, second.row.id], [1, 1, 1, 2]);
});
