// Runs the experiments of a page and keeps its progress.

import { element } from './answer.js';
import { joined, told as toldClass } from './class.js';
import { BrowserDemo } from './browser.js';
import { Cost } from './cost.js';
import { Experiment } from './experiment.js';
import { valuesFor } from './fill.js';
import { countOf, reset } from './progress.js';
import { ROOT, lacking, listen } from './wire.js';
import { learnSentences, words } from './words.js';

const { lesson } = document.body.dataset;
const experiments = [...document.querySelectorAll('.experiment')].map(section => new Experiment(section, lesson));

// The frames of each connection, which an experiment shows.
const frames = new Map();
const MOST_FRAMES = 20;

function framesOf(frame) {
  const sofar = frames.get(frame.connection) ?? [];
  sofar.push(frame);
  frames.set(frame.connection, sofar.slice(-MOST_FRAMES));
  return sofar;
}

function told(event) {
  if (event.hello) joined(event.hello.class);
  document.dispatchEvent(new CustomEvent('wire', { detail: event }));
  if (event.exchange) for (const experiment of experiments) experiment.exchange(event.exchange);
  if (event.frame) {
    const sofar = framesOf(event.frame);
    for (const experiment of experiments) experiment.frame([...sofar]);
  }
  if (event.closed) frames.delete(event.closed.connection);
}

// Experiments with the same target share a look.
const learn = () => {
  const asked = new Map();
  const valuesOf = target => {
    if (!asked.has(target)) asked.set(target, valuesFor(target));
    return asked.get(target);
  };
  return Promise.allSettled(experiments.map(experiment => experiment.learn(valuesOf)));
};

let connections = 0;

async function changed(isConnected) {
  const was = document.documentElement.dataset.wire === 'connected';
  if (isConnected && !was) await learnSentences().catch(() => {});
  // The server has started again, perhaps with other files.
  if (isConnected && !was && connections++ > 0) await learn();
  document.documentElement.dataset.wire = isConnected ? 'connected' : 'away';
}

function showCounts() {
  for (const place of document.querySelectorAll('[data-count]')) {
    const done = Math.min(countOf(place.dataset.count), Number(place.dataset.of));
    place.textContent = words.count(done, place.dataset.of);
  }
}

// A file of the server's source, if this build has it.
async function showSource(path) {
  const answer = lacking([]).length === 0 ? await fetch(new URL('.docroot/sources.json', ROOT)) : null;
  const text = answer?.ok ? (await answer.json())[path] : undefined;
  const dialog = element('dialog', {},
    element('h2', {}, path), text ? element('pre', { lang: 'en', tabindex: '0' }, text) : element('p', {}, words.noSource),
    element('button', { type: 'button', onclick: () => dialog.close() }, words.shut));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

for (const place of document.querySelectorAll('[data-source]')) {
  const path = place.dataset.source;
  place.after(' ', element('button', { type: 'button', class: 'plain', onclick: () => showSource(path), 'aria-label': `${words.source}${words.colon}${path}` }, words.source));
}
for (const table of document.querySelectorAll('.wide:not([tabindex])')) {
  // On a narrow screen, it can be moved with the keyboard too.
  const title = table.closest('section')?.getAttribute('aria-labelledby');
  for (const [name, value] of [['tabindex', '0'], ['role', 'group'], ['aria-labelledby', title]]) if (value) table.setAttribute(name, value);
}
for (const place of document.querySelectorAll('[data-cost]')) new Cost(place);
for (const place of document.querySelectorAll('[data-browser]')) new BrowserDemo(place);
for (const button of document.querySelectorAll('[data-reset]')) {
  button.hidden = false;
  button.addEventListener('click', () => {
    reset();
    location.reload();
  });
}
document.addEventListener('done', showCounts);
document.addEventListener('succeeded', ({ detail }) => toldClass(detail));
showCounts();
await learn();
listen(told, changed);
