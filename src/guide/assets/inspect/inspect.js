// The wire view (docroot --inspect): the exchanges of this server as they end.
//
// docroot sends one of these, as JSON in a text frame:
//   {"exchange": {...}}   An exchange has ended.
//   {"missed": 12}        This page was too slow, and so many exchanges are lost (null: docroot does not know).

import { curl, explain } from './commands.js';
import { statusText } from './compare.js';
import { details } from './details.js';
import { edit } from './editor.js';
import { FrameStore } from './frame-store.js';
import { LIMIT, List } from './list.js';
import { hello, observe } from './observed.js';
import { clock, element, fillWords, language, nameOf, word } from './page.js';
import { octetsOf } from './whatif.js';

const find = (selector) => document.querySelector(selector);
const [app, grid, filter, pause, large, panel, empty, nothing, newest, state, said, heard, keyList] =
  ['#app', '#grid', '#filter', '#pause', '#large', '#details', '#empty', '#nothing', '#newest', '#state', '#said', '#heard', '#key-list'].map(find);

fillWords(document);
document.title = word('page-title', { host: location.host });

// ---- List

// The exchange of the details, and the one to compare it with.
let opened = null;
let marked = null;

const list = new List(grid, {
  beforeDraw: showCounts,
  chosen: (item) => opened && open(item),
  opened: () => open(list.active),
});

function showCounts() {
  empty.hidden = list.all.length > 0;
  grid.hidden = list.all.length === 0;
  nothing.hidden = list.shown.length > 0 || list.all.length === 0;
  nothing.textContent = word('no-match', { n: list.all.length });
  newest.hidden = list.isFollowing || list.unseen === 0;
  newest.textContent = word('newest', { n: list.unseen });
}

// A server that restarted counts its connections from 1 again. An exchange that was sent twice is shown once.
let epoch = 0;
const known = new Set();

function add(message) {
  if ('missed' in message) {
    list.add({ gap: message.missed === null ? word('missed-some') : word('missed', { n: message.missed }) });
    return;
  }
  const { exchange } = message;
  if (!exchange) return;
  const key = `${exchange.connection} ${exchange.number} ${exchange.at}`;
  if (known.has(key)) return;
  known.add(key);
  if (known.size > 2 * LIMIT) known.delete(known.values().next().value);
  list.add({ exchange, epoch });
}

// ---- Pause

// While the list is paused, the messages wait here, but frames belong to no row.
let waiting = null;
const frames = new FrameStore();
let lost = 0;

function receive(message) {
  observe(message);
  frames.take(message);
  sendButton.hidden = !hello()?.replay;
  if (!waiting) return add(message);
  waiting.push(message);
  if (waiting.length > LIMIT) {
    waiting.shift();
    lost++;
  }
  showPause();
}

function togglePause() {
  const messages = waiting;
  waiting = messages ? null : [];
  if (messages) {
    if (lost > 0) add({ missed: lost });
    lost = 0;
    messages.forEach(add);
  }
  showPause();
}

let pauseFrame = 0;

function showPause() {
  pauseFrame ||= requestAnimationFrame(() => {
    pauseFrame = 0;
    pause.setAttribute('aria-pressed', Boolean(waiting));
    pause.textContent = waiting ? word('resume', { n: waiting.length + lost }) : word('pause');
  });
}

function clear() {
  list.clear();
  close();
  marked = null;
  if (waiting) waiting = [];
  lost = 0;
  showPause();
}

// ---- Details

function open(item) {
  if (!item?.exchange) return;
  const isNew = !opened;
  opened = item;
  const { exchange } = item;
  const siblings = list.all.filter((other) =>
    other.exchange?.connection === exchange.connection && other.epoch === item.epoch);
  panel.replaceChildren(...details(exchange, {
    siblings,
    marked,
    open: (sibling) => {
      if (list.matches(sibling)) list.choose(sibling);
      else open(sibling);
    },
    close,
    // Only a server that says so sends requests for this page.
    send: hello()?.replay && ((one, octets) => openEditor(octets ?? octetsOf(one) ?? one.request.head, Boolean(one.tls))),
    openExchange,
    frames,
    copyCurl: () => copy(curl(exchange, location)),
    copyExplain: () => copy(explain(exchange)),
    mark: () => mark(exchange),
  }));
  showPanel(isNew, `${nameOf(exchange)}: ${statusText(exchange)}`);
  heard.textContent = `${statusText(exchange)} — ${exchange.reason}`;
  // Where the details cover the list, the keys must reach them.
  if (isNew && getComputedStyle(grid).visibility === 'hidden') panel.focus();
}

// The item of the list for an exchange.
function openExchange(exchange) {
  const item = list.all.find((one) => one.exchange === exchange) ?? { exchange, epoch };
  if (list.shown.includes(item)) list.choose(item);
  else open(item);
  panel.focus();
}

// Stands for the exchange of the details while the editor is open.
const EDITOR = {};

function openEditor(octets, isTls) {
  const isNew = !opened;
  opened = EDITOR;
  panel.replaceChildren(...edit({ octets, isTls }, { close, open: openExchange }));
  showPanel(isNew, word('send-title'));
  panel.querySelector('textarea').focus();
}

function showPanel(isNew, label) {
  panel.hidden = false;
  panel.scrollTop = 0;
  app.classList.add('with-details');
  panel.setAttribute('aria-label', label);
  if (isNew) list.reveal();
}

function close() {
  if (!opened) return;
  const hadFocus = panel.contains(document.activeElement) || document.activeElement === document.body;
  opened = null;
  panel.hidden = true;
  panel.replaceChildren();
  app.classList.remove('with-details');
  if (hadFocus) grid.focus({ preventScroll: true });
  list.reveal();
}

function mark(exchange) {
  marked = marked === exchange ? null : exchange;
  if (marked) say(word('now-marked', { name: nameOf(exchange) }));
  const button = document.activeElement.closest?.('#details .buttons button');
  const place = button && [...button.parentNode.children].indexOf(button);
  open(opened);
  // The button was made anew.
  if (place !== null && place !== undefined) panel.querySelector('.actions .buttons').children[place]?.focus();
}

async function copy(command) {
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

let sayTimer;

function say(text) {
  clearTimeout(sayTimer);
  said.textContent = text;
  sayTimer = setTimeout(() => { said.textContent = ''; }, 5000);
}

// ---- Socket

const FIRST_PAUSE = 200, LONGEST_PAUSE = 5000;
let nextPause = FIRST_PAUSE;
let lostAt = null;
const endpoint = new URL('wire', location.href);
endpoint.protocol = endpoint.protocol.replace('http', 'ws');
endpoint.search = endpoint.hash = '';

function connect() {
  const socket = new WebSocket(endpoint.href);
  socket.onopen = () => {
    nextPause = FIRST_PAUSE;
    showState('connected');
    if (lostAt === null) return;
    if (list.all.length) list.add({ gap: word('was-away', { from: clock(lostAt), to: clock(Date.now()) }) });
    lostAt = null;
    epoch++;
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = () => {
    lostAt ??= Date.now();
    showState('disconnected');
    setTimeout(connect, nextPause);
    nextPause = Math.min(2 * nextPause, LONGEST_PAUSE);
  };
}

function showState(name) {
  if (state.dataset.state === name) return;
  state.dataset.state = name;
  state.textContent = word(name);
}

// ---- Controls

let filterTimer;

filter.addEventListener('input', () => {
  clearTimeout(filterTimer);
  filterTimer = setTimeout(() => list.filter(filter.value), 80);
});
filter.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === 'ArrowDown') {
    event.preventDefault();
    grid.focus();
    if (!list.active) list.move(1);
  }
});

pause.addEventListener('click', togglePause);
find('#clear').addEventListener('click', clear);
find('#help').addEventListener('click', showKeys);
const sendButton = find('#send');
sendButton.addEventListener('click', () => openEditor());
newest.addEventListener('click', () => {
  list.follow();
  grid.focus();
});
large.addEventListener('click', toggleLarge);

function toggleLarge() {
  const isLarge = document.documentElement.classList.toggle('large');
  large.setAttribute('aria-pressed', isLarge);
  try {
    sessionStorage.setItem('docroot-large', isLarge ? '1' : '');
  } catch {
    // The browser keeps nothing for this page. The size is then that of this visit.
  }
  list.draw();
}

try {
  if (sessionStorage.getItem('docroot-large')) toggleLarge();
} catch {
  // As above.
}

const site = find('#site');
site.textContent = site.href;
const other = find('#language');
other.href = '?lang=' + (language === 'zh' ? 'en' : 'zh');
other.lang = other.hreflang = language === 'zh' ? 'en' : 'zh';

// ---- Keyboard

const KEYS = {
  j: () => list.move(1),
  k: () => list.move(-1),
  ArrowDown: () => list.move(1),
  ArrowUp: () => list.move(-1),
  PageDown: () => list.move(list.page()),
  PageUp: () => list.move(-list.page()),
  Home: () => list.move(-Infinity),
  End: () => { list.move(Infinity); list.follow(); },
  // The second Enter goes on into the details.
  Enter: () => (opened && opened === list.active ? panel.focus() : open(list.active)),
  '/': () => filter.focus(),
  p: togglePause,
  c: clear,
  m: () => {
    const { exchange } = opened || list.active || {};
    if (exchange) mark(exchange);
  },
  s: () => !sendButton.hidden && openEditor(),
  b: toggleLarge,
  '?': showKeys,
};
// These belong to the element that has the focus, unless it is the list or nothing.
const LOCAL = new Set(['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End', 'Enter']);

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || keyList.open) return;
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
  if (!Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key]();
});

function showKeys() {
  const rows = [['j ↓', 'key-next'], ['k ↑', 'key-previous'], ['Enter', 'key-open'], ['Esc', 'key-close'], ['/', 'key-filter'],
    ['p', 'key-pause'], ['c', 'key-clear'], ['m', 'key-mark'], ['s', 'key-send'], ['b', 'key-large'], ['← →', 'key-octet'], ['?', 'key-keys']];
  keyList.querySelector('dl').replaceChildren(...rows.map(([keys, key]) => element('div', {},
    element('dt', {}, keys.split(' ').map((one) => element('kbd', {}, one))),
    element('dd', {}, word(key)))));
  keyList.showModal();
}

showState('connecting');
showPause();
showCounts();
connect();
