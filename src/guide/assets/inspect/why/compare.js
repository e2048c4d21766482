// Two exchanges beside each other, with what differs marked.

import { dissect, fieldsOf } from '../octets/dissect.js';
import { inWords } from '../language/findings.js';
import { duration, element, nameOf, printable, size, statusClass, word } from '../page/page.js';

// Fields that differ between any two exchanges, so that their difference says nothing.
const PASSING = new Set(['date', 'server-timing']);

// '304 Not Modified', with the phrase that was sent.
export function statusText({ status, response }) {
  if (status === null) return word('no-answer');
  const phrase = /^HTTP\/\d\.\d \d{3} ([^\r\n]*)/.exec(response?.head || '')?.[1] || '';
  return `${status} ${printable(phrase)}`.trim();
}

// The section that compares an exchange with the marked one.
export function compare(marked, exchange) {
  return element('section', { class: 'compare', tabindex: '0', 'aria-labelledby': 'compare-title' },
    element('h3', { id: 'compare-title' }, word('compare')),
    comparison(marked, exchange, nameOf(marked), nameOf(exchange)));
}

// The table of two exchanges, which have these names. Only the heads are needed.
export function comparison(first, second, firstName, secondName) {
  const table = (side) => element('tbody', {},
    element('tr', {}, element('th', { colspan: '3', scope: 'colgroup', class: 'side' }, word(side))),
    collapsed(alignedFields(first[side]?.head || '', second[side]?.head || '', side)));
  const facts = [
    ['column-reason', ({ reason }) => reason ? inWords(reason) : null, true],
    ['column-size', ({ sent }) => sent === undefined ? null : size(sent), false],
    ['column-duration', ({ times }) => times ? duration(times.end) : null, false],
  ].map(([key, of, isText]) => [key, of(first), of(second), isText])
    .filter(([, one, other]) => one !== null || other !== null)
    .map(([key, one, other, isText]) => comparedRow([word(key), one, other], { isText, wrap: 'span', isPassing: key === 'column-duration' }));
  const column = (name, exchange) => element('th', { scope: 'col', 'data-class': statusClass(exchange.status) },
    name, ' ', element('span', { class: 'status' }, statusText(exchange)));
  return element('table', {},
    element('thead', {}, element('tr', {},
      element('th', { scope: 'col' }, word('field')), column(firstName, first), column(secondName, second))),
    element('tbody', {}, facts), table('request'), table('response'));
}

// The rows of the fields. Those that are equal wait behind a button, so that they do not bury the others.
function collapsed(fields) {
  const isEqual = ([, one, other]) => one === other;
  const rows = fields.map((field) => comparedRow(field, { isPassing: PASSING.has(field[0].toLowerCase()) }));
  const equal = rows.filter((row, at) => isEqual(fields[at]));
  if (equal.length === 0) return rows;
  for (const row of equal) row.hidden = true;
  const button = element('button', {
    type: 'button', class: 'link', 'aria-expanded': 'false',
    click: () => {
      const isOpen = button.getAttribute('aria-expanded') !== 'true';
      button.setAttribute('aria-expanded', isOpen);
      for (const row of equal) row.hidden = !isOpen;
    },
  }, word('equal-lines', { n: equal.length }));
  return [...rows, element('tr', {}, element('td', { colspan: '3' }, button))];
}

// A row whose values differ is marked, unless they differ each time (`isPassing`).
function comparedRow([name, first, second], { isText = true, wrap = 'code', isPassing = false } = {}) {
  const isSame = first === second || isPassing;
  const [one, other] = isSame || !isText || first === null || second === null ? [first, second] : differing(first, second);
  const cell = (content) => element('td', {}, content === null
    ? element('span', { class: 'faint' }, word('absent'))
    : element(wrap, {}, content));
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
