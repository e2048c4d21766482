// The details of one exchange: what happened, why, with which octets, and when.

import { bytes } from './bytes.js';
import { dissect, fieldsOf } from './dissect.js';
import { inWords, sentence } from './findings.js';
import { clock, duration, element, hueOf, nameOf, number, printable, sectionLink, size, statusClass, hasWord, word } from './page.js';

// The elements for an exchange. `around` has the exchanges of its connection, the exchange to compare
// with, and what the buttons do.
export function details(exchange, around) {
  const { marked } = around;
  return [
    top(exchange, around),
    element('div', { class: 'columns' },
      // First, because who marks an exchange wants to see it.
      marked && marked !== exchange && compare(marked, exchange),
      element('div', { class: 'column' }, why(exchange), time(exchange), around.browser),
      bytes(exchange)),
  ];
}

// ---- What happened

function top(exchange, { siblings, marked, open, close, copyCurl, copyExplain, mark }) {
  const { status, cut } = exchange;
  const button = (key, click, more = {}) => element('button', { type: 'button', click, ...more }, word(key));
  const meaning = status === null || cut ? null : ['meaning-' + status, 'meaning-' + statusClass(status)].find(hasWord);
  return element('header', {},
    element('div', { class: 'headline' },
      element('h2', { 'data-class': statusClass(status) }, element('span', { class: 'status' }, statusText(exchange)), ' — ', sentence(exchange.reason)),
      element('button', { type: 'button', class: 'close', click: close, 'aria-label': word('close-details'), title: word('close-details') }, '×')),
    cut && element('p', { class: 'faulty' }, word('was-cut', { reason: inWords(cut) })),
    meaning && element('p', { class: 'meaning' }, word(meaning)),
    element('p', { class: 'facts' }, facts(exchange).map((fact) => element('span', {}, fact))),
    element('div', { class: 'actions' },
      element('div', { class: 'buttons' },
        button('copy-curl', copyCurl),
        button('copy-explain', copyExplain, { disabled: !exchange.method }),
        button(marked === exchange ? 'marked' : 'mark', mark, { 'aria-pressed': String(marked === exchange) })),
      siblings.length > 1 && connection(exchange, siblings, open)));
}

// '304 Not Modified', with the phrase that was sent.
export function statusText({ status, response }) {
  if (status === null) return word('no-answer');
  const phrase = /^HTTP\/\d\.\d \d{3} ([^\r\n]*)/.exec(response?.head || '')?.[1] || '';
  return `${status} ${printable(phrase)}`.trim();
}

function facts(exchange) {
  const { method, target, version, peer, port, tls, sent, worker, at } = exchange;
  // A HAR does not say who the client was, nor which worker answered.
  const client = peer.includes(':') ? `[${peer}]:${port}` : `${peer}:${port}`;
  return [
    method && element('b', {}, `${printable(method)} ${printable(target)}`),
    clock(at),
    version,
    tls ? [tls.version, tls.cipher].filter(Boolean).join(', ') : word('no-tls'),
    word('body', { size: size(sent) }),
    peer && word('from', { client }),
    worker !== null && word('worker', { n: worker }),
  ].filter(Boolean);
}

// The exchanges of this connection, in order.
function connection(exchange, siblings, open) {
  const near = siblings.slice(-24);
  const list = element('ol', {}, near.map((item) => element('li', {},
    element('button', {
      type: 'button',
      'data-class': statusClass(item.exchange.status),
      'aria-current': item.exchange === exchange ? 'true' : null,
      'aria-label': `${nameOf(item.exchange)}: ${item.exchange.method} ${item.exchange.target} ${item.exchange.status ?? ''}`,
      title: `${item.exchange.method} ${printable(item.exchange.target)}`,
      click: () => open(item),
    }, element('span', { class: 'status' }, item.exchange.status ?? '–')))));
  const row = element('div', { class: 'siblings' },
    element('span', { class: 'faint' }, word('siblings', { n: exchange.connection })), list);
  row.style.setProperty('--hue', hueOf(exchange.connection));
  return row;
}

// ---- Why

function why({ steps }) {
  const deciding = steps.findLastIndex(({ status }) => status !== null);
  return element('section', { class: 'why', 'aria-labelledby': 'why-title' },
    element('h3', { id: 'why-title' }, word('why')),
    steps.length === 0 && element('p', { class: 'faint' }, word('no-steps')),
    element('ol', { class: 'steps' }, steps.map((step, at) => element('li', { class: at === deciding ? 'decides' : null, 'data-class': at === deciding ? statusClass(step.status) : null },
      element('p', { class: 'finding' }, sentence(step.finding),
        at === deciding && [' ', element('span', { class: 'verdict status' }, word('decides', { status: String(step.status) }))]),
      evidence(step.evidence),
      element('p', { class: 'source' }, sectionLink(step.section), ' ', element('code', {}, functionName(step.function)))))));
}

// Without the name of the crate. A line may break behind each `::`.
const functionName = (path) => path.replace(/^docroot::/, '').split('::').flatMap((part, at) => at ? ['::', element('wbr'), part] : [part]);

function evidence(of) {
  if (!of) return null;
  if ('value' in of) return element('p', { class: 'evidence' }, element('code', {}, of.value));
  if ('own' in of) return pair(word('sent'), of.sent, word('own'), of.own, of.how);
  if ('to' in of) return pair(word('before'), of.from, word('after'), of.to);
  if ('weights' in of) return weights(of.weights);
  if ('length' in of) return ranges(of);
  return null;
}

// Two values above each other, with what differs marked. If one contains the other, they are aligned and
// the common part is marked.
function pair(firstName, first, secondName, second, how) {
  const [top, bottom, relation] = aligned(first, second, how);
  return element('div', { class: 'evidence pair' },
    element('span', { class: 'faint' }, firstName), element('code', {}, top),
    element('span', { class: 'faint' }, secondName), element('code', {}, bottom),
    how !== undefined && element('span', { class: 'how faint' }, `${word('relation-' + relation)} · ${inWords(how)}`));
}

function aligned(first, second, how) {
  if (first === second) return [first, second, 'same'];
  // A conversion has no kind of comparison.
  if (how === undefined) return [...differing(first, second), 'other'];
  // A limit is compared as a number, and its digits say nothing.
  if (!/compar/.test(how)) return [first, second, 'other'];
  const inside = second ? first.indexOf(second) : -1;
  if (inside >= 0) {
    const mark = element('mark', { class: 'common' }, second);
    return [[first.slice(0, inside), mark, first.slice(inside + second.length)], [' '.repeat(inside), mark.cloneNode(true)], 'contains'];
  }
  const [one, other] = differing(first, second);
  return [one, other, 'differs'];
}

// Both texts, with what lies between their common beginning and their common end marked.
export function differing(first, second) {
  const shorter = Math.min(first.length, second.length);
  let start = 0;
  while (start < shorter && first[start] === second[start]) start++;
  let end = 0;
  while (end < shorter - start && first[first.length - 1 - end] === second[second.length - 1 - end]) end++;
  const marked = (text) => {
    const middle = text.slice(start, text.length - end);
    return [text.slice(0, start), middle && element('mark', {}, middle), text.slice(text.length - end)];
  };
  return [marked(first), marked(second)];
}

function weights(list) {
  return element('table', { class: 'evidence weights' }, element('tbody', {}, list.map(([name, weight]) => {
    const bar = element('span', { class: 'bar' });
    bar.style.setProperty('--part', weight ?? 0);
    return element('tr', {},
      element('th', { scope: 'row' }, element('code', {}, name)),
      element('td', { 'aria-hidden': 'true' }, bar),
      element('td', {}, weight === null ? element('span', { class: 'faint' }, word('no-weight')) : `q=${weight}`));
  })));
}

function ranges({ sent, length, first, count }) {
  const bar = element('div', { class: 'range', 'aria-hidden': 'true' });
  if (first && length > 0) {
    const part = element('span');
    part.style.left = (first[0] / length) * 100 + '%';
    part.style.width = ((first[1] - first[0] + 1) / length) * 100 + '%';
    bar.append(part);
  }
  const text = first
    ? word('range', { first: first[0], last: first[1], n: first[1] - first[0] + 1, length })
    : word('range-none', { length });
  return element('div', { class: 'evidence' }, element('code', {}, sent), bar,
    element('p', {}, text, count > 1 && ' ' + word('range-more', { n: count - 1 })));
}

// ---- Time

function time({ times }) {
  const phases = [['receive', 0, times.head], ['decide', times.head, times.answer], ['send', times.answer, times.end]]
    .filter(([, from, to]) => from !== null && from !== undefined && to !== null && to !== undefined);
  const total = Math.max(1, times.end ?? 0);
  const bar = element('div', { class: 'phases', 'aria-hidden': 'true' }, phases.map(([name, from, to]) => {
    const part = element('span', { class: name });
    part.style.flexGrow = Math.max(to - from, total / 200);
    return part;
  }));
  return element('section', { class: 'time', 'aria-labelledby': 'time-title' },
    element('h3', { id: 'time-title' }, word('time'), ' ', element('small', {}, duration(times.end))),
    bar,
    element('table', {}, element('tbody', {}, phases.map(([name, from, to]) => element('tr', {},
      element('th', { scope: 'row' }, element('span', { class: 'swatch ' + name }), word('phase-' + name)),
      element('td', {}, duration(to - from)),
      element('td', { class: 'faint' }, word('until', { time: duration(to) })))))));
}

// ---- Compare

function compare(marked, exchange) {
  const table = (side) => element('tbody', {},
    element('tr', {}, element('th', { colspan: '3', scope: 'colgroup', class: 'side' }, word(side))),
    alignedFields(marked[side]?.head || '', exchange[side]?.head || '', side).map((row) => comparedRow(row)));
  const facts = [['column-size', ({ sent }) => size(sent)], ['column-duration', ({ times }) => duration(times.end)]]
    .map(([key, of]) => comparedRow([word(key), of(marked), of(exchange)], false));
  return element('section', { class: 'compare', tabindex: '0', 'aria-labelledby': 'compare-title' },
    element('h3', { id: 'compare-title' }, word('compare')),
    element('table', {},
      element('thead', {}, element('tr', {},
        element('th', { scope: 'col' }, word('field')),
        element('th', { scope: 'col' }, `${nameOf(marked)} ${statusText(marked)}`),
        element('th', { scope: 'col' }, `${nameOf(exchange)} ${statusText(exchange)}`))),
      element('tbody', {}, facts), table('request'), table('response')));
}

function comparedRow([name, first, second], isText = true) {
  const isSame = first === second;
  const [one, other] = isSame || !isText || first === null || second === null ? [first, second] : differing(first, second);
  const cell = (content) => element('td', {}, content === null
    ? element('span', { class: 'faint' }, word('absent'))
    : element('code', {}, content));
  return element('tr', { class: isSame ? null : 'differs' },
    element('th', { scope: 'row' }, element('span', { class: 'sign', 'aria-hidden': 'true' }, isSame ? '' : '≠'), name,
      !isSame && element('span', { class: 'unseen' }, ' ' + word('relation-differs'))),
    cell(one), cell(other));
}

// The start line and the fields, as [name, value or null, value or null]. The second field of a name
// stands beside the second one.
function alignedFields(first, second, side) {
  const read = (head) => {
    const fields = new Map();
    if (head) fields.set(' 0', [word(side === 'request' ? 'request-line' : 'status-line'), printable(head.split('\n', 1)[0].replace(/\r$/, ''))]);
    const counts = {};
    for (const [name, value] of fieldsOf(head, dissect(head, side))) {
      const key = name.toLowerCase();
      counts[key] = (counts[key] || 0) + 1;
      fields.set(`${key} ${counts[key]}`, [name, printable(value)]);
    }
    return fields;
  };
  const [one, other] = [read(first), read(second)];
  return [...new Set([...one.keys(), ...other.keys()])].map((key) =>
    [(one.get(key) || other.get(key))[0], one.get(key)?.[1] ?? null, other.get(key)?.[1] ?? null]);
}
