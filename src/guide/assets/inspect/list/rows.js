// The rows of the list. Each has all cells, and the kind of its item decides which of them are shown.

import { inBoth, inWords } from '../language/findings.js';
import { clock, duration, element, hueOf, nameOf, printable, size, statusClass, word } from '../page/page.js';

// The end of a target that stays visible if the target is too long for its column.
const TAIL = 14;

// The reason of docroot that says no more than who closed the connection.
const CLIENT_CLOSED = 'the client closed the connection';

const CELLS = ['time', 'connection', 'method', 'target', 'status', 'size', 'duration', 'reason', 'note'];

// The cells of each kind of item.
const SHOWN = {
  exchange: CELLS.slice(0, -1),
  cached: CELLS.slice(0, -1),
  opened: ['time', 'connection', 'note'],
  closed: ['time', 'connection', 'note'],
  group: ['time', 'connection', 'note'],
  gap: ['note'],
};

export function makeRow(body) {
  const row = element('div', { class: 'row', role: 'row' });
  row.cells = Object.fromEntries(CELLS.map((name) => [name, element('span', { class: name, role: 'gridcell' })]));
  row.cells.target.append(element('span', { class: 'start' }), element('span', { class: 'tail' }));
  row.append(...Object.values(row.cells));
  body.append(row);
  return row;
}

export function fillRow(row, item) {
  const kind = Object.keys(SHOWN).find((name) => item[name]);
  row.item = item;
  row.id = 'row-' + item.id;
  row.className = `row is-${kind}`;
  row.removeAttribute('data-class');
  for (const name of CELLS) row.cells[name].hidden = !SHOWN[kind].includes(name);
  if (item.link) row.style.setProperty('--hue', hueOf(item.link.number));
  FILL[kind](row, item);
}

const FILL = {
  exchange(row, { exchange }) {
    const { cells } = row;
    // What a malformed request names is unknown, but its first line tells much.
    const [line] = exchange.request.head.slice(0, 200).split('\r\n');
    cells.time.textContent = clock(exchange.at);
    cells.connection.textContent = nameOf(exchange);
    cells.method.textContent = printable(exchange.method) || '–';
    fillTarget(cells.target, printable(exchange.target || line) || word('malformed-target'));
    cells.status.textContent = exchange.status ?? '–';
    cells.size.textContent = size(exchange.sent);
    cells.duration.textContent = duration(exchange.times.end);
    // The brief reason is empty if the status says everything. Then show the whole one.
    cells.reason.textContent = exchange.cut
      ? word('with-reason', { what: word('cut'), reason: inWords(exchange.cut) })
      : inWords(exchange.brief || exchange.reason);
    cells.reason.title = inBoth(exchange.reason);
    row.dataset.class = statusClass(exchange.status);
    row.classList.toggle('is-cut', Boolean(exchange.cut));
    row.classList.toggle('is-malformed', exchange.target === '');
  },

  cached(row, { cached }) {
    const { cells } = row;
    cells.time.textContent = clock(cached.at);
    cells.connection.textContent = '';
    cells.method.textContent = 'GET';
    fillTarget(cells.target, printable(cached.target));
    cells.status.textContent = '';
    cells.size.textContent = size(cached.entry.decodedBodySize);
    cells.duration.textContent = duration(Math.round(cached.entry.duration * 1000));
    cells.reason.textContent = cells.reason.title = word(cached.entry.workerStart > 0 ? 'from-worker' : 'from-cache');
  },

  opened(row, { opened, link }) {
    fillEvent(row, opened, word(opened.replay ? 'opened-replay' : 'opened', { client: clientOf(link) }));
  },

  closed(row, { closed }) {
    fillEvent(row, closed, closedText(closed));
    if (closed.reason) row.cells.note.title = inBoth(closed.reason);
  },

  group(row, { group, shown }) {
    row.cells.time.textContent = group.opened ? clock(group.opened.at) : '';
    row.cells.connection.textContent = '#' + group.number;
    row.cells.note.textContent = row.cells.note.title = groupText(group, shown);
  },

  gap(row, { gap }) {
    row.cells.note.textContent = row.cells.note.title = gap;
  },
};

function fillTarget(cell, target) {
  const cut = Math.max(0, target.length - TAIL);
  cell.firstChild.textContent = target.slice(0, cut);
  cell.lastChild.textContent = target.slice(cut);
  cell.title = target;
}

function fillEvent(row, event, text) {
  row.cells.time.textContent = clock(event.at);
  row.cells.connection.textContent = '#' + event.connection;
  row.cells.note.textContent = row.cells.note.title = text;
}

// The port is 0 if a proxy has not named it.
const addressOf = ({ peer, port }) => (peer?.includes(':') ? `[${peer}]` : peer) + (port ? `:${port}` : '');

// The client of a connection. A proxy opens it before it says who that is, and may forward the requests of many.
function clientOf({ opened, client, hasSeveralClients }) {
  const isDirect = !opened?.peer || !client || (opened.peer === client.peer && opened.port === client.port);
  if (isDirect) return addressOf(opened?.peer ? opened : client);
  const named = hasSeveralClients ? word('several-clients') : addressOf(client);
  return word('through-proxy', { client: named, proxy: addressOf(opened) });
}

function closedText({ by, reason }) {
  const who = word(by === 'client' ? 'closed-by-client' : 'closed-by-server');
  // The sentence has said that already.
  return reason && reason !== CLIENT_CLOSED ? word('with-reason', { what: who, reason: inWords(reason) }) : who;
}

// 127.0.0.1:40000 · 3 exchanges, so it was reused twice · closed 14:03:06.001 by the client: …
// 127.0.0.1:40000 · 1 of 3 exchanges shown, …
function groupText(link, shown) {
  const { opened, closed, count, client } = link;
  return [
    (opened?.peer || client) && clientOf(link),
    (shown < count ? word('exchanges-shown', { shown, n: count }) : word('exchanges', { n: count })) + (count > 1 ? word('reused', { n: count - 1 }) : ''),
    closed ? `${clock(closed.at)} ${closedText(closed)}` : word('still-open'),
  ].filter(Boolean).join(' · ');
}
