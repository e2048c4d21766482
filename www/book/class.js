// Tells a class how far this browser has come, if the server has a class and the learner does not mind. What is kept
// for it in the browser: the class, a number made up for it, and the experiments that were done in it.

import { element } from './answer.js';
import { ROOT } from './wire.js';
import { words } from './words.js';

const KEY = 'docroot.class';

// How long to wait before a report that did not arrive is sent again, in milliseconds.
const AGAIN = 15_000;

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // The browser keeps nothing for this page, or something else was kept there.
    return {};
  }
}

let kept = read();

function keep(change) {
  kept = { ...read(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Then it is forgotten when the page closes.
  }
}

function newLearner() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join('');
}

// Nothing that was done in another class is reported to this one.
function begin(began) {
  keep({});
  if (kept.began !== began) keep({ began, learner: newLearner(), done: [] });
}

let timer = null;

// The server gets all of it each time, so a report that is lost does no harm.
async function report() {
  clearTimeout(timer);
  const done = kept.isOut ? [] : kept.done;
  const body = [kept.began, kept.learner, ...done].join('\n');
  let status = 0;
  let text = '';
  try {
    const answer = await fetch(new URL('.docroot/learn/ticks', ROOT), { method: 'POST', body });
    [status, text] = [answer.status, await answer.text()];
  } catch {
    // The server is away.
  }
  if (status === 409) begin(Number(text));
  else if (status === 0 || status === 429 || status === 503) timer = setTimeout(report, AGAIN);
  return status;
}

// The learner has done an experiment.
export async function told(name) {
  if (!kept.began) return;
  const add = () => keep({ done: [...new Set([...kept.done, name])] });
  keep({});
  add();
  if (kept.isOut) return;
  // Another class has begun since.
  if (await report() === 409) {
    add();
    await report();
  }
}

function showNote() {
  const note = document.getElementById('class-note') ?? element('p', { id: 'class-note' });
  const change = async () => {
    keep({ isOut: !kept.isOut });
    showNote();
    note.querySelector('button').focus();
    await report();
  };
  note.replaceChildren(kept.isOut ? words.uncounted : words.counted, ' ',
    element('button', { type: 'button', class: 'plain', onclick: change }, kept.isOut ? words.countMe : words.dropMe));
  document.querySelector('.foot').append(note);
}

// The server has said whether it has a class, and when that began.
export function joined(began) {
  if (!began) return;
  begin(began);
  showNote();
  if (kept.done.length > 0 && !kept.isOut) report();
}
