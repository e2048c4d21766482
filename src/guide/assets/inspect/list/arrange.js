// What the list shows of its items, and in which order.

import { inWords } from '../language/findings.js';
import { numberOf } from '../page/numbers.js';

// The items that match the view, by time or by connection. `nextId` numbers the rows of connections.
export function arranged(items, view, nextId) {
  const shown = items.filter((item) => matches(item, view));
  return view.isGrouped ? grouped(shown, nextId) : shown;
}

// A connection stands where it was first heard of. Its row says when it was opened and closed.
function grouped(items, nextId) {
  const groups = new Map();
  const rest = [];
  for (const item of items) {
    const { link } = item;
    if (!link) rest.push(item);
    else if (!groups.has(link)) groups.set(link, [link.row ??= { group: link, link, id: nextId() }]);
    if (item.exchange) groups.get(link).push(item);
  }
  for (const [row, ...shown] of groups.values()) row.shown = shown.length;
  return [...groups.values()].flat().concat(rest);
}

// Whether the view shows the item.
export function matches(item, { wanted, isGrouped, showsEvents }) {
  const isEvent = Boolean(item.opened || item.closed);
  if (isEvent && ((!isGrouped && !showsEvents) || isUnseen(item.link))) return false;
  if (!wanted.length) return true;
  // The client of a connection may become known later.
  if (!item.text || item.opened) item.text = textOf(item);
  return wanted.every((one) => item.text.includes(one));
}

// Whether only the wire view itself has used the connection.
const isUnseen = ({ isOwn, count }) => isOwn && count === 0;

function textOf({ exchange, opened, closed, cached, link }) {
  if (exchange) {
    const { method, target, status, reason, brief, cut, peer, connection } = exchange;
    const inOther = [reason, brief, cut].map((text) => text && inWords(text));
    return [method, target, status, reason, brief, cut, ...inOther, peer, `#${connection}·${numberOf(exchange)}`].join(' ').toLowerCase();
  }
  if (opened) return `#${opened.connection}· ${opened.peer} ${link.client?.peer ?? ''}`.toLowerCase();
  if (closed) return `#${closed.connection}· ${closed.reason} ${inWords(closed.reason || '')}`.toLowerCase();
  return cached ? cached.target.toLowerCase() : '';
}
