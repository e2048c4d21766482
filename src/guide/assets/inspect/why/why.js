// The reasons for a response: the steps of the decision, and the requests that would have made another one.

import { differing } from './compare.js';
import { inWords, sentence, valueInWords } from '../language/findings.js';
import { element, statusClass, word } from '../page/page.js';
import { source } from './source.js';
import { edits } from './whatif.js';

// The section with the steps. `whatIf` is called with an edit of the request that somebody wants to
// send, the step that offers it, and the button.
export function why({ steps, status }, whatIf) {
  const deciding = steps.findLastIndex((step) => step.status !== null);
  const ask = (edit, step, button) => whatIf({ edit, step, button });
  const shown = (step, at) => stepElements(step, at === deciding, status, ask);
  return element('section', { class: 'why', 'aria-labelledby': 'why-title' },
    element('h3', { id: 'why-title' }, word('why')),
    steps.length === 0 && element('p', { class: 'faint' }, word('no-steps')),
    // The step that decides comes before the others too, because most people look for it.
    deciding > 0 && element('div', { class: 'decisive' },
      element('p', { class: 'faint' }, word('decided-by', { n: deciding + 1 })),
      shown(steps[deciding], deciding)),
    element('ol', { class: 'steps' }, steps.map((step, at) =>
      element('li', { class: at === deciding ? 'decides' : null }, shown(step, at)))));
}

function stepElements(step, decides, current, ask) {
  return [
    element('p', { class: 'finding', 'data-class': decides ? statusClass(step.status) : null }, sentence(step.finding),
      decides && [' ', element('span', { class: 'verdict status' }, word('decides', { status: String(step.status) }))]),
    evidence(step.evidence),
    edits(step.edits ?? [], current, (edit, button) => ask(edit, step, button)),
    source(step),
  ];
}

function evidence(of) {
  if (!of) return null;
  if ('value' in of) return element('p', { class: 'evidence' }, element('code', {}, valueInWords(of.value)));
  if ('own' in of) return pair(word('sent'), valueInWords(of.sent), word('own'), valueInWords(of.own), of.how);
  if ('to' in of) return pair(word('before'), valueInWords(of.from), word('after'), valueInWords(of.to));
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

