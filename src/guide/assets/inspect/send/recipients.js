// How lenient recipients would divide octets into requests, as elements.

import { dissect } from '../octets/dissect.js';
import { readings } from './readings.js';
import { element, number, printable, word } from '../page/page.js';

// More octets take too long to read in each way.
export const MOST_READ = 64 * 1024;

export function recipients(octets) {
  const all = readings(octets);
  const [{ requests: first }] = all;
  if (first.length === 0) return [];
  if (!isHttp(octets)) return [element('p', { class: 'faulty' }, word('readings-not-http'))];
  if (all.length === 1) return [element('p', { class: 'faint' }, word('readings-agree', { n: first.length }))];
  return [
    element('h3', { id: 'readings-title' }, word('readings-title')),
    element('p', {}, word('readings-differ')),
    element('ol', { class: 'readings' }, all.map(({ names, requests }) => reading(names, requests, octets))),
  ];
}

// The section for an exchange whose request recipients would divide differently, or null. Only the octets that
// docroot has kept count.
export function disagreement({ request }) {
  const octets = (request?.head ?? '') + (request?.body?.first ?? '');
  if (octets.length > MOST_READ || !isHttp(octets) || readings(octets).length < 2) return null;
  return element('section', { 'aria-labelledby': 'readings-title' }, recipients(octets));
}

// Whether the octets begin like a request, which may be malformed.
const isHttp = (octets) => dissect(octets, 'request').find(({ fault }) => fault)?.fault !== 'not-http';

function reading(names, requests, octets) {
  // The lenient one stands for all that read the octets like it.
  const shown = names[0] === 'lenient' ? ['lenient'] : names;
  return element('li', {},
    element('p', {}, shown.map((name) => word('reading-' + name)).join(word('reading-or'))),
    strip(requests, octets),
    element('ol', {}, requests.map(request)));
}

function strip(requests, octets) {
  const segment = (kind, length) => {
    const made = element('span', { class: kind });
    made.style.flexGrow = length;
    return length > 0 ? made : null;
  };
  const rest = octets.length - (requests.at(-1)?.end ?? 0);
  return element('div', { class: 'strip', 'aria-hidden': 'true' },
    requests.map(({ start, headEnd, end }) => [segment('head', headEnd - start), segment('body', end - headEnd)]),
    segment('rest', rest));
}

function request({ start, headEnd, end, line, by, isComplete }, at) {
  // What is left behind the first request need not look like one.
  const isRest = at > 0 && !/^[^ ]+ +[^ ]/.test(line);
  const short = line.length > 60 ? line.slice(0, 60) + '…' : line;
  return element('li', {},
    isRest && word('reading-rest') + ' ', element('code', {}, printable(short)), ' ',
    element('span', { class: 'faint' },
      word('octets-from', { from: number(start), to: number(end - 1) }),
      by !== 'nothing' && '; ' + word('reading-by-' + by, { n: end - headEnd }),
      !isComplete && '; ' + word('reading-waits')));
}
