// A picture of the workers: a dot for each connection, by what it does now. Screen readers get a table.

import { element, number, word } from '../page/page.js';

// In the order of a connection's life.
const PHASES = ['handshake', 'reading', 'answering', 'sending', 'upgraded', 'closing', 'idle'];

// A worker with more connections has a bar instead of dots.
const MOST_DOTS = 60;

// Often enough to see what happens, and seldom enough to be calm.
const INTERVAL = 250;

export class Pool {
  constructor(panel) {
    this.panel = panel;
    this.workers = new Map();
    this.timer = 0;
    this.isShown = false;
  }

  receive(worker) {
    this.workers.set(worker.number, worker.phases || {});
    this.timer ||= setTimeout(() => this.draw(), INTERVAL);
  }

  // Another run of the server has other workers.
  forget() {
    this.workers.clear();
    this.draw();
  }

  show(isShown) {
    this.isShown = isShown;
    this.panel.hidden = !isShown;
    this.draw();
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.isShown) return;
    const workers = [...this.workers].sort(([one], [other]) => one - other);
    if (workers.length === 0) {
      this.panel.replaceChildren(element('p', { class: 'faint' }, word('no-workers')));
      return;
    }
    this.panel.replaceChildren(
      element('div', { class: 'lanes', 'aria-hidden': 'true' }, workers.map(([name, phases]) => lane(name, phases))),
      legend(workers),
      table(workers));
  }
}

const count = (phases, name) => Number.isInteger(phases[name]) ? phases[name] : 0;

const totalOf = (phases) => PHASES.reduce((sum, name) => sum + count(phases, name), 0);

function lane(name, phases) {
  const total = totalOf(phases);
  const made = total > MOST_DOTS
    ? element('span', { class: 'share' }, PHASES.filter((phase) => count(phases, phase) > 0).map((phase) => {
      const part = element('span', { class: 'part ' + phase });
      part.style.flexGrow = count(phases, phase);
      return part;
    }))
    : element('span', { class: 'dots' }, PHASES.flatMap((phase) =>
      Array.from({ length: count(phases, phase) }, () => element('span', { class: 'dot ' + phase }))));
  return element('div', { class: 'lane' },
    element('span', { class: 'name' }, word('worker', { n: name })), made,
    element('span', { class: 'faint' }, number(total)));
}

function legend(workers) {
  return element('p', { class: 'legend', 'aria-hidden': 'true' }, PHASES.map((phase) => {
    const total = workers.reduce((sum, [, phases]) => sum + count(phases, phase), 0);
    return element('span', { class: total ? null : 'faint' }, element('span', { class: 'dot ' + phase }), word('pool-' + phase), ' ', element('b', {}, number(total)));
  }));
}

// A table cannot be narrower than its content, so the element that hides it is around it.
function table(workers) {
  return element('div', { class: 'unseen' }, element('table', {},
    element('caption', {}, word('pool')),
    element('thead', {}, element('tr', {}, element('td'), PHASES.map((phase) => element('th', { scope: 'col' }, word('pool-' + phase))))),
    element('tbody', {}, workers.map(([name, phases]) => element('tr', {},
      element('th', { scope: 'row' }, word('worker', { n: name })),
      PHASES.map((phase) => element('td', {}, number(count(phases, phase)))))))));
}
