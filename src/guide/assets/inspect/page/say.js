// What the page says to its user for a moment, and problems, which stay until they are read.

import { element, word } from './page.js';

const find = (selector) => document.querySelector(selector);

const MODIFIERS = new Set(['Alt', 'AltGraph', 'Control', 'Meta', 'Shift']);

let timer;

export function say(text) {
  clearTimeout(timer);
  find('#said').textContent = text;
  timer = setTimeout(unsay, 5000);
}

// The next thing that the user does makes it old. A modifier alone does nothing.
export function unsayAtActions() {
  addEventListener('pointerdown', unsay, { capture: true });
  addEventListener('keydown', ({ key }) => !MODIFIERS.has(key) && unsay(), { capture: true });
}

function unsay() {
  clearTimeout(timer);
  find('#said').textContent = '';
}

export function showProblem(text) {
  const close = element('button', { type: 'button', click: hideProblem }, word('close'));
  find('#problem').replaceChildren(element('p', {}, text), close);
  find('#problem').hidden = false;
}

export function hideProblem() {
  find('#problem').hidden = true;
  find('#problem').replaceChildren();
}

// Copies a command (see commands.js), or says why it cannot.
export async function copy(command) {
  if (!command) return say(word('cannot-explain'));
  const { text, kind, isMasked, hasContent } = command;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS, only pages of this machine may use the clipboard.
    const area = element('textarea', { class: 'unseen' });
    area.value = text;
    document.body.append(area);
    const before = document.activeElement;
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    before?.focus();
    if (!isDone) return say(word('not-copied'));
  }
  say([word('copied-' + kind), isMasked && word('copied-masked'), hasContent && word('copied-head')].filter(Boolean).join(' '));
}
