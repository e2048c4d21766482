// When an exchange happened: its phases, from the acceptance of its connection to the last octet.
//
// `accepted` and `secured` are microseconds before the first octet of the request, and only the first exchange
// of a connection has them. The other times are microseconds after that octet. The total counts from that octet too,
// so what was before it is no part of the bar.

import { duration, element, word } from '../page/page.js';

export function time({ times }) {
  const phases = phasesOf(times);
  const isBefore = ([, from]) => from < 0;
  const total = Math.max(1, times.end ?? 0);
  const bar = element('div', { class: 'phases', 'aria-hidden': 'true' }, phases.filter((phase) => !isBefore(phase)).map(([name, from, to]) => {
    const part = element('span', { class: name });
    part.style.flexGrow = Math.max(to - from, total / 200);
    return part;
  }));
  return element('section', { class: 'time', 'aria-labelledby': 'time-title' },
    element('h3', { id: 'time-title' }, word('time'), ' ', element('small', {}, duration(times.end))),
    phases.filter(isBefore).map(([name, from, to]) => element('p', { class: 'before faint' },
      word('time-before', { phase: word('phase-' + name), time: duration(to - from) }))),
    bar,
    element('table', {}, element('tbody', {}, phases.filter((phase) => !isBefore(phase)).map(([name, from, to]) => element('tr', {},
      element('th', { scope: 'row' }, element('span', { class: 'swatch ' + name }), word('phase-' + name)),
      element('td', {}, duration(to - from)),
      element('td', { class: 'faint' }, word('until', { time: duration(to) })))))));
}

// [name, from, to] of each phase. Zero is the first octet of the request.
function phasesOf({ accepted, secured, head, answer, end }) {
  const [opened, safe] = [before(accepted), before(secured)];
  return [['secure', opened, safe], ['wait', safe ?? opened, 0], ['receive', 0, head], ['decide', head, answer], ['send', answer, end]]
    .filter(([, from, to]) => Number.isFinite(from) && Number.isFinite(to));
}

const before = (microseconds) => Number.isFinite(microseconds) ? -microseconds : undefined;
