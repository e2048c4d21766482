// The wire view (docroot --inspect): the exchanges of this server as they end. What the server sends is described
// in session.js.

import { DetailsPanel } from './details/details-panel.js';
import { useFiles } from './record/exchange-files.js';
import { savedRecord } from './page/files.js';
import { listenToKeys, showKeys } from './page/keyboard.js';
import { List } from './list/list.js';
import { hello, observe, watch } from './live/observed.js';
import { framesOf } from './live/frame-store.js';
import { clock, fillWords, language, since, word } from './page/page.js';
import { Pool } from './list/pool.js';
import { Queue } from './list/queue.js';
import { say, unsayAtActions } from './page/say.js';
import { Session } from './live/session.js';
import { makeSwitch, placeMenus } from './page/settings.js';
import { SiteWindow } from './time/site-window.js';
import { listen } from './live/socket.js';

const find = (selector) => document.querySelector(selector);
const [grid, filter, pause, empty, nothing, newest, state, server] =
  ['#grid', '#filter', '#pause', '#empty', '#nothing', '#newest', '#state', '#server'].map(find);

fillWords(document);

// ---- Session

// What is shown: the server's messages since the page was opened, or a record.
const live = new Session();
let session = live;
let host = location.host;
// The items of the live session while a record is shown.
let shelf = null;

const pool = new Pool(find('#pool'));
const queue = new Queue({ take, changed: showPauseSoon });

function receive(message) {
  observe(message);
  if (!shelf) details.frames.take(message);
  showSend();
  if (message.worker) return pool.receive(message.worker);
  if (message.exchange) site.clock.notice(message.exchange, Date.now());
  if (message.hello) {
    if (live.hello && live.hello.started !== message.hello.started) pool.forget();
    // Even while the list stands still.
    showServer(message.hello);
  }
  queue.receive(message);
}

watch((message) => 'replayed' in message && queue.receive(message));

function take(message) {
  session.take(message).forEach(show);
  // How the browser saw the exchange may become known while its details are open.
  if (message.browser && details.opened?.browser === message.browser) details.open(details.opened);
}

function show(item) {
  if ('missed' in item) list.add({ gap: item.missed === null ? word('missed-some') : word('missed', { n: item.missed }) });
  else if (item.changed) list.arrangeSoon();
  else if (item.restarted) list.add({ gap: word('restarted', { time: clock(item.restarted.started) }) });
  else list.add(item);
}

function showRecord({ name, record }) {
  if (!savedRecord) queue.hold();
  details.forget();
  session = new Session();
  const items = list.exchange([]);
  shelf ??= items;
  host = record.host;
  record.messages.forEach((message) => session.take(message).forEach(show));
  session.hello ??= record.server;
  details.frames = framesOf(record);
  showSend();
  list.change({});
  list.toStart();
  find('#back').hidden = Boolean(savedRecord);
  showState('record', word('record', { name: name || record.host, time: record.saved ? since(record.saved) : '' }));
  showServer(record.server);
  showPauseSoon();
  if (name) say(word('opened-file', { name, n: exchangeCount() }));
}

// Only a server that says so sends requests for this page.
function showSend() {
  find('#send').hidden = !hello()?.replay || Boolean(shelf);
}

function showLive() {
  details.forget();
  session = live;
  host = location.host;
  list.exchange(shelf);
  shelf = null;
  details.frames = framesOf(live);
  showSend();
  find('#back').hidden = true;
  showState(connection);
  showServer(live.hello);
  queue.release();
  grid.focus();
}

// ---- List

const list = new List(grid, {
  beforeDraw: showCounts,
  chosen: (item) => details.opened && details.open(item),
  opened: () => details.open(list.active),
});
const details = new DetailsPanel(list);

const exchangeCount = () => list.all.filter(({ exchange }) => exchange).length;

function showCounts() {
  empty.hidden = list.all.length > 0;
  grid.hidden = list.all.length === 0;
  nothing.hidden = list.shown.length > 0 || list.all.length === 0;
  if (!nothing.hidden) nothing.textContent = word('no-match', { n: exchangeCount() });
  newest.hidden = list.isFollowing || list.unseen === 0;
  newest.textContent = word('newest', { n: list.unseen });
}

let pauseFrame = 0;

function showPauseSoon() {
  pauseFrame ||= requestAnimationFrame(() => {
    pauseFrame = 0;
    pause.hidden = Boolean(shelf || savedRecord);
    pause.setAttribute('aria-pressed', queue.isHeld);
    pause.textContent = queue.isHeld ? word('resume', { n: queue.count }) : word('pause');
    find('#visit').hidden = Boolean(shelf || savedRecord);
    find('#back').textContent = word('back', { n: queue.count });
  });
}

function togglePause() {
  if (shelf || savedRecord) return;
  if (queue.isHeld) queue.release();
  else queue.hold();
}

function clear() {
  session.clear();
  list.clear();
  details.forget();
  if (!shelf) queue.clear();
}

// ---- State

let connection = 'connecting';

function showState(name, text = word(name)) {
  state.dataset.state = name;
  if (state.textContent !== text) state.textContent = text;
}

function showServer(hello) {
  const started = hello?.started;
  server.textContent = !hello ? '' : started ? word('server', { version: hello.version, time: since(started) }) : `docroot ${hello.version}`;
}

const site = new SiteWindow({
  session: live,
  rests: () => queue.isHeld,
  found: (browser) => receive({ browser }),
  changed: (name) => say(word('site-' + name)),
  blocked: () => say(word('site-blocked')),
});

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

for (const [selector, act] of [['#pause', togglePause], ['#clear', clear], ['#help', showKeys], ['#back', showLive],
  ['#send', () => details.edit()], ['#visit', () => site.open(new URL('../', location.href).href)], ['#newest', () => { list.follow(); grid.focus(); }]]) {
  find(selector).addEventListener('click', act);
}
placeMenus();
unsayAtActions();
const toggleLarge = makeSwitch(find('#large'), 'large', false, (isOn) => {
  document.documentElement.classList.toggle('large', isOn);
  list.draw();
});
const toggleGroups = makeSwitch(find('#group'), 'group', false, (isGrouped) => list.change({ isGrouped }));
const toggleEvents = makeSwitch(find('#events'), 'events', true, (showsEvents) => list.change({ showsEvents }));
const toggleWorkers = makeSwitch(find('#workers'), 'workers', false, (isOn) => pool.show(isOn));

useFiles({ session: () => session, host: () => host, open: showRecord });

find('#site').textContent = find('#site').href;
const other = find('#language');
const query = new URLSearchParams(location.search);
query.set('lang', language === 'zh' ? 'en' : 'zh');
other.href = '?' + query;
other.lang = other.hreflang = language === 'zh' ? 'en' : 'zh';

listenToKeys(grid, filter, {
  j: () => list.move(1),
  k: () => list.move(-1),
  ArrowDown: () => list.move(1),
  ArrowUp: () => list.move(-1),
  PageDown: () => list.move(list.page()),
  PageUp: () => list.move(-list.page()),
  Home: () => list.move(-Infinity),
  End: () => { list.move(Infinity); list.follow(); },
  // The second Enter goes on into the details.
  Enter: () => (details.opened && details.opened === list.active ? details.focus() : details.open(list.active)),
  '/': () => filter.focus(),
  p: togglePause,
  c: clear,
  m: () => details.mark((details.opened || list.active)?.exchange),
  s: () => !find('#send').hidden && details.edit(),
  g: toggleGroups,
  e: toggleEvents,
  w: toggleWorkers,
  b: toggleLarge,
  '?': showKeys,
}, () => details.close());

showCounts();
showPauseSoon();
if (savedRecord) {
  document.title = word('page-title', { host: savedRecord.host });
  find('#workers').hidden = true;
  showRecord({ record: savedRecord });
} else {
  document.title = word('page-title', { host });
  showState(connection);
  listen({
    receive,
    changed: (name) => {
      connection = name;
      if (!shelf) showState(name);
    },
    returned: (since) => {
      if (list.all.length && !shelf) list.add({ gap: word('was-away', { from: clock(since), to: clock(Date.now()) }) });
    },
  });
}
