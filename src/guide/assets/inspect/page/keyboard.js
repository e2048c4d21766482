// The keys of the page, and the dialog that lists them.

import { element, word } from './page.js';

// Some belong to the element that has the focus, unless it is the list or nothing.
const LOCAL = new Set(['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End', 'Enter']);

const LISTED = [['j ↓', 'key-next'], ['k ↑', 'key-previous'], ['Enter', 'key-open'], ['Esc', 'key-close'], ['/', 'key-filter'],
  ['p', 'key-pause'], ['c', 'key-clear'], ['m', 'key-mark'], ['s', 'key-send'], ['g', 'key-group'], ['e', 'key-events'], ['w', 'key-workers'],
  ['b', 'key-large'], ['← →', 'key-octet'], ['?', 'key-keys']];

// `keys` has a function for each key. `close` is called for Escape, unless something nearer takes it.
export function listenToKeys(grid, filter, keys, close) {
  document.addEventListener('keydown', (event) => {
    const isElsewhere = document.querySelector('dialog[open], [popover]:popover-open');
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isElsewhere) return;
    const { target, key } = event;
    if (key === 'Escape') {
      if (target === filter && filter.value) return;
      if (target === filter) grid.focus();
      else close();
      event.preventDefault();
      return;
    }
    if (target.matches('input, textarea, select')) return;
    if (LOCAL.has(key) && target !== grid && target !== document.body) return;
    if (!Object.hasOwn(keys, key)) return;
    event.preventDefault();
    keys[key]();
  });
}

export function showKeys() {
  const dialog = document.querySelector('#key-list');
  dialog.querySelector('dl').replaceChildren(...LISTED.map(([keys, key]) => element('div', {},
    element('dt', {}, keys.split(' ').map((one) => element('kbd', {}, one))),
    element('dd', {}, word(key)))));
  dialog.showModal();
}
