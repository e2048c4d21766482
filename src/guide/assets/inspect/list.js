// The list of exchanges. Only the rows near the viewport are elements, so its length does not matter.
//
// An item is { id, exchange } or { id, gap }: a sentence about exchanges that this page did not get.

import { clock, duration, element, hueOf, nameOf, printable, size, statusClass, word } from './page.js';

// About 40 MB of exchanges with heads of 1 kB.
export const LIMIT = 10_000;
// Rows above and below the viewport that exist too, so that scrolling shows no blank.
const SPARE = 6;
// The end of a target that stays visible if the target is too long for its column.
const TAIL = 14;
// While exchanges keep coming, the list is drawn this often, so that the page has time for its user.
const INTERVAL = 100;

const CELLS = ['time', 'connection', 'method', 'target', 'status', 'size', 'duration', 'reason'];

export class List {
  // `beforeDraw` is called before the rows are drawn, `chosen` when another item is active, and `opened` when
  // the user opens the active item.
  constructor(grid, { beforeDraw, chosen, opened }) {
    this.grid = grid;
    this.body = grid.querySelector('.body');
    this.header = grid.querySelector('.head');
    this.beforeDraw = beforeDraw;
    this.chosen = chosen;
    this.opened = opened;
    this.all = [];
    this.shown = [];
    this.wanted = [];
    this.active = null;
    this.isFollowing = true;
    this.unseen = 0;
    this.rows = [];
    this.frame = 0;
    this.timer = 0;
    this.drawnAt = 0;
    this.drawnTop = null;
    this.lastId = 0;
    // The rows above the viewport that the limit has removed since the list was drawn.
    this.dropped = 0;
    grid.addEventListener('scroll', () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(grid);
    this.body.addEventListener('click', (event) => this.clicked(event));
  }

  add(item) {
    item.id = ++this.lastId;
    this.all.push(item);
    if (this.matches(item)) {
      this.shown.push(item);
      if (!this.isFollowing) this.unseen++;
    }
    if (this.all.length > LIMIT) this.dropOldest();
    this.drawSoon();
  }

  dropOldest() {
    const oldest = this.all.shift();
    if (this.shown[0] !== oldest) return;
    this.shown.shift();
    this.dropped++;
    if (this.active === oldest) this.active = null;
  }

  clear() {
    this.all = [];
    this.shown = [];
    this.active = null;
    this.follow();
  }

  // Shows the items with all these words.
  filter(text) {
    this.wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = this.all.filter((item) => this.matches(item));
    this.dropped = 0;
    if (this.active && !this.shown.includes(this.active)) this.active = null;
    if (this.active) this.reveal();
    else this.isFollowing = true;
    this.unseen = 0;
    this.draw();
  }

  matches(item) {
    if (!this.wanted.length) return true;
    if (!item.exchange) return false;
    item.text ??= textOf(item.exchange);
    return this.wanted.every((one) => item.text.includes(one));
  }

  follow() {
    this.isFollowing = true;
    this.unseen = 0;
    this.draw();
  }

  // Moves by a number of rows over what is no exchange, or to an end.
  move(by) {
    const from = this.indexOfActive();
    const last = this.shown.length - 1;
    const start = from >= 0 ? from + by : by > 1 || by === -1 ? last : 0;
    let to = Math.max(0, Math.min(last, start));
    const step = by > 0 ? 1 : -1;
    while (this.shown[to]?.gap) to += step;
    if (this.shown[to]) this.choose(this.shown[to]);
  }

  choose(item) {
    this.active = item;
    this.isFollowing = item === this.shown[this.shown.length - 1] && this.isFollowing;
    this.reveal();
    this.draw();
    this.chosen(item);
  }

  indexOfActive() {
    if (!this.active) return -1;
    // The items are sorted by id.
    let [low, high] = [0, this.shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.shown[middle].id < this.active.id) low = middle + 1;
      else high = middle;
    }
    return this.shown[low] === this.active ? low : -1;
  }

  // The number of rows that fit.
  page() {
    return Math.max(1, Math.floor((this.grid.clientHeight - this.header.offsetHeight) / this.height()) - 1);
  }

  // The height of a row depends on the size of the text and on the width of the window. The body has it
  // as its line-height, because a custom property would not be computed to pixels.
  height() {
    return parseFloat(getComputedStyle(this.body).getPropertyValue('line-height')) || 32;
  }

  reveal() {
    const at = this.indexOfActive();
    if (at < 0) return;
    const height = this.height();
    const room = this.grid.clientHeight - this.header.offsetHeight;
    this.body.style.height = this.shown.length * height + 'px';
    const top = at * height;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top + height > this.grid.scrollTop + room) this.grid.scrollTop = top + height - room;
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.grid;
    // The list itself has scrolled.
    if (scrollTop === this.drawnTop) return;
    this.drawnTop = null;
    this.isFollowing = scrollTop + clientHeight >= scrollHeight - this.height() / 2;
    if (this.isFollowing) this.unseen = 0;
    this.draw();
  }

  clicked(event) {
    const row = event.target.closest('.row');
    if (!row?.item?.exchange) return;
    this.choose(row.item);
    this.opened();
  }

  // Draws once before the next frame, however often it is called.
  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  drawSoon() {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.draw();
    }, Math.max(0, this.drawnAt + INTERVAL - performance.now()));
  }

  drawNow() {
    this.drawnAt = performance.now();
    // First, because the grid has no height while it is hidden.
    this.beforeDraw();
    // All is read before anything is written, so that the browser lays out once.
    const height = this.height();
    const whole = this.shown.length * height;
    const room = this.grid.clientHeight;
    const end = Math.max(0, whole + this.header.offsetHeight - room);
    const top = this.isFollowing ? end : Math.min(end, Math.max(0, this.grid.scrollTop - this.dropped * height));
    const mustScroll = this.isFollowing || this.dropped > 0;
    this.dropped = 0;
    this.body.style.height = whole + 'px';
    const first = Math.max(0, Math.floor(top / height) - SPARE);
    const count = Math.ceil(room / height) + 2 * SPARE;
    const last = Math.min(this.shown.length, first + count);
    this.grid.setAttribute('aria-rowcount', this.shown.length + 1);
    while (this.rows.length < last - first) this.rows.push(makeRow(this.body));
    this.rows.forEach((row, at) => {
      const index = first + at;
      const item = index < last ? this.shown[index] : null;
      row.hidden = !item;
      if (item) this.drawRow(row, item, index, height);
    });
    const isVisible = this.rows.some((row) => !row.hidden && row.item === this.active);
    if (isVisible) this.grid.setAttribute('aria-activedescendant', 'row-' + this.active.id);
    else this.grid.removeAttribute('aria-activedescendant');
    if (mustScroll) {
      this.grid.scrollTop = top;
      this.drawnTop = this.grid.scrollTop;
    }
  }

  drawRow(row, item, index, height) {
    row.style.transform = `translateY(${index * height}px)`;
    if (row.item !== item) fillRow(row, item);
    row.setAttribute('aria-rowindex', index + 2);
    row.setAttribute('aria-selected', item === this.active);
    if (!item.exchange) return;
    // The marks of neighbours that share a connection join.
    const { connection } = item.exchange;
    const isSame = (other) => other?.exchange?.connection === connection && other.epoch === item.epoch;
    row.classList.toggle('joins-above', isSame(this.shown[index - 1]));
    row.classList.toggle('joins-below', isSame(this.shown[index + 1]));
    row.classList.toggle('related', Boolean(this.active) && item !== this.active && isSame(this.active));
  }
}

function makeRow(body) {
  const row = element('div', { class: 'row', role: 'row' });
  row.cells = Object.fromEntries(CELLS.map((name) => [name, element('span', { class: name, role: 'gridcell' })]));
  row.cells.target.append(element('span', { class: 'start' }), element('span', { class: 'tail' }));
  row.append(...Object.values(row.cells));
  row.gap = element('span', { class: 'gap', role: 'gridcell' });
  row.append(row.gap);
  body.append(row);
  return row;
}

function fillRow(row, item) {
  row.item = item;
  row.id = 'row-' + item.id;
  row.classList.toggle('is-gap', Boolean(item.gap));
  for (const name of CELLS) row.cells[name].hidden = Boolean(item.gap);
  row.gap.hidden = !item.gap;
  row.gap.textContent = item.gap || '';
  if (item.gap) return;
  const { exchange } = item;
  const { cells } = row;
  // What a malformed request names is unknown, but its first line tells much.
  const [line] = exchange.request.head.slice(0, 200).split('\r\n');
  const target = printable(exchange.target || line) || word('malformed-target');
  const cut = Math.max(0, target.length - TAIL);
  cells.time.textContent = clock(exchange.at);
  cells.connection.textContent = nameOf(exchange);
  cells.method.textContent = printable(exchange.method) || '–';
  cells.target.firstChild.textContent = target.slice(0, cut);
  cells.target.lastChild.textContent = target.slice(cut);
  cells.target.title = target;
  cells.status.textContent = exchange.status ?? '–';
  cells.size.textContent = size(exchange.sent);
  cells.duration.textContent = duration(exchange.times.end);
  cells.reason.textContent = exchange.cut ? `${word('cut')}: ${exchange.cut}` : exchange.brief;
  cells.reason.title = exchange.reason;
  row.dataset.class = statusClass(exchange.status);
  row.classList.toggle('is-cut', Boolean(exchange.cut));
  row.classList.toggle('is-malformed', exchange.target === '');
  row.style.setProperty('--hue', hueOf(exchange.connection));
}

function textOf(exchange) {
  const { method, target, status, reason, brief, cut, peer, connection, number: count } = exchange;
  return [method, target, status, reason, brief, cut, peer, `#${connection}·${count}`].join(' ').toLowerCase();
}
