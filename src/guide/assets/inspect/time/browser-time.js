// How the browser saw an exchange, beside how the server did: a part of the details.

import { duration, element, size, word } from '../page/page.js';
import { phasesOf } from './timing.js';

// `browser` is the message of an item (see session.js), or nothing.
export function browserTime(exchange, browser) {
  if (!browser) return null;
  const { entry } = browser;
  const phases = phasesOf(entry);
  const total = Math.max(entry.duration, 0.001);
  const inServer = (exchange.times.end ?? 0) / 1000;
  const bar = element('div', { class: 'phases', 'aria-hidden': 'true' }, phases.map(([name, from, to]) => {
    const part = element('span', { class: 'browser-' + name });
    part.style.flexGrow = Math.max(to - from, total / 200);
    return part;
  }));
  const took = (milliseconds) => duration(Math.round(milliseconds * 1000));
  return element('section', { class: 'time', 'aria-labelledby': 'browser-title' },
    element('h3', { id: 'browser-title' }, word('browser-time'), ' ', element('small', {}, took(entry.duration))),
    bar,
    element('table', {}, element('tbody', {}, phases.map(([name, from, to]) => element('tr', {},
      element('th', { scope: 'row' }, element('span', { class: 'swatch browser-' + name }), word('browser-' + name)),
      element('td', {}, took(to - from)),
      element('td', { class: 'faint' }, word('until', { time: took(to) })))))),
    element('p', { class: 'evidence faint' }, word('browser-server', { server: took(inServer), rest: took(Math.max(0, total - inServer)) })),
    sizes(exchange, entry));
}

function sizes({ status }, { transferSize, decodedBodySize }) {
  if (!(transferSize > 0)) return null;
  // For a 304, the size of the content is not always known.
  const key = status === 304 ? 'browser-validated' : 'browser-sizes';
  return element('p', { class: 'evidence faint' }, word(key, { sent: size(transferSize), content: size(decodedBodySize) }));
}
