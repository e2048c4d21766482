// The list of exchanges. Only the rows near the viewport are elements, so its length does not matter.
//
// An item has an `id` and is one of these; see rows.js for how they look:
//   { exchange, link }                    an exchange of a connection
//   { opened, link }, { closed, link }    what happened to a connection
//   { cached }                            a file that the browser took from its cache
//   { gap }                               a sentence, such as that exchanges are lost
//   { group }                             a connection, above its exchanges

import { arranged, matches } from './arrange.js';
import { LIMIT } from '../live/session.js';
import { fillRow, makeRow } from './rows.js';

// Rows above and below the viewport that exist too, so that scrolling shows no blank.
const SPARE = 6;
// While exchanges keep coming, the list is drawn this often, so that the page has time for its user.
const INTERVAL = 100;

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
    this.view = { wanted: [], isGrouped: false, showsEvents: true };
    // Groups change in the middle, so they are arranged anew before they are drawn.
    this.isStale = false;
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
      if (this.view.isGrouped) this.isStale = true;
      else this.shown.push(item);
      // Not what happens to connections.
      if (!this.isFollowing && item.exchange) this.unseen++;
    }
    if (this.all.length > LIMIT) this.dropOldest();
    this.drawSoon();
  }

  dropOldest() {
    const oldest = this.all.shift();
    if (this.active === oldest) this.active = null;
    if (this.view.isGrouped) this.isStale = true;
    if (this.shown[0] !== oldest) return;
    this.shown.shift();
    this.dropped++;
  }

  clear() {
    this.exchange([]);
  }

  // Shows these items instead. Returns those that were shown.
  exchange(items) {
    const before = this.all;
    this.all = items;
    this.active = null;
    this.isFollowing = true;
    this.arrange();
    return before;
  }

  // Shows the items with all these words.
  filter(text) {
    this.change({ wanted: text.toLowerCase().split(/\s+/).filter(Boolean) });
  }

  // Changes what is shown: `wanted`, `isGrouped` or `showsEvents`.
  change(view) {
    Object.assign(this.view, view);
    this.arrange();
    if (this.active && !this.shown.includes(this.active)) this.active = null;
    if (this.active) this.reveal();
    else this.isFollowing = !this.view.isGrouped;
    if (!this.active && this.view.isGrouped) this.grid.scrollTop = 0;
  }

  // The items are the same, but others of them match.
  arrangeSoon() {
    this.isStale = true;
    this.drawSoon();
  }

  arrange() {
    this.isStale = false;
    this.shown = arranged(this.all, this.view, () => ++this.lastId);
    this.dropped = 0;
    this.unseen = 0;
    this.draw();
  }

  matches(item) {
    return matches(item, this.view);
  }

  follow() {
    this.isFollowing = true;
    this.unseen = 0;
    this.draw();
  }

  toStart() {
    this.isFollowing = false;
    this.grid.scrollTop = 0;
    this.draw();
  }

  // Moves by a number of rows over what is no exchange, or to an end.
  move(by) {
    const from = this.indexOfActive();
    const last = this.shown.length - 1;
    const start = from >= 0 ? from + by : by > 1 || by === -1 ? last : 0;
    const to = Math.max(0, Math.min(last, start));
    const step = by > 0 ? 1 : -1;
    const item = this.nextExchange(to, step) ?? this.nextExchange(to, -step);
    if (item) this.choose(item);
  }

  nextExchange(from, step) {
    let at = from;
    while (this.shown[at] && !this.shown[at].exchange) at += step;
    return this.shown[at];
  }

  choose(item) {
    this.active = item;
    this.isFollowing &&= item === this.nextExchange(this.shown.length - 1, -1);
    this.reveal();
    this.draw();
    this.chosen(item);
  }

  indexOfActive() {
    return this.active ? this.shown.lastIndexOf(this.active) : -1;
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
    if (this.isStale) {
      const { unseen } = this;
      this.arrange();
      this.unseen = unseen;
    }
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
    // What is known of a connection grows after its row was filled.
    if (row.item !== item || item.group || item.opened) fillRow(row, item);
    row.setAttribute('aria-rowindex', index + 2);
    row.setAttribute('aria-selected', item === this.active);
    // The marks of neighbours that share a connection join.
    const { link } = item;
    const isSame = (other) => Boolean(link) && other?.link === link;
    row.classList.toggle('joins-above', isSame(this.shown[index - 1]));
    row.classList.toggle('joins-below', isSame(this.shown[index + 1]));
    row.classList.toggle('related', Boolean(this.active) && item !== this.active && isSame(this.active));
  }
}
