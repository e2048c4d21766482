// A window with a page of the site, opened by the wire view. Pages of one origin may look into each other, so this
// page reads there how long each request took for the browser.

import { Clock, isCached, matching, plainEntry } from './timing.js';

const INTERVAL = 200;
// How long the exchange of an entry may be on its way, in milliseconds.
const PATIENCE = 3000;
const MOST_WAITING = 1000;
// The newest exchanges among which that of an entry is looked for.
const NEWEST = 2000;

export class SiteWindow {
  // `rests` says whether exchanges wait to become known. `found` gets { cached, target, at, entry } or { connection, number, at, entry }. `changed` gets the state:
  // 'watching', 'closed', 'isolated' or 'foreign'. `blocked` is called if the browser opens no windows.
  constructor({ session, rests, found, changed, blocked }) {
    Object.assign(this, { session, rests, found, changed, blocked });
    this.clock = new Clock();
    this.window = null;
    this.timer = 0;
    this.state = '';
    this.waiting = [];
    this.taken = new WeakSet();
  }

  open(url) {
    this.opened = new URL(url);
    // Beside this page and not instead of it, so that both can be seen.
    this.window = window.open(url, 'docroot-site', 'popup,width=900,height=760');
    if (!this.window) return this.blocked();
    this.window.focus();
    this.timeOrigin = 0;
    clearInterval(this.timer);
    this.timer = setInterval(() => this.look(), INTERVAL);
    this.become('watching');
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.changed(state);
  }

  look() {
    if (this.window.closed) {
      clearInterval(this.timer);
      // To this page, a window whose page isolates itself is closed.
      return this.become(this.isIsolated() ? 'isolated' : 'closed');
    }
    try {
      this.read();
      this.become('watching');
    } catch {
      // A page of another origin throws whatever is asked of it.
      this.become('foreign');
    }
    if (!this.rests()) this.join();
  }

  read() {
    const { performance, location } = this.window;
    // The window shows nothing yet.
    if (location.href === 'about:blank') return;
    if (performance.timeOrigin !== this.timeOrigin) {
      this.timeOrigin = performance.timeOrigin;
      this.resources = 0;
      this.hasNavigation = false;
      // What loads just before the page is left.
      this.window.addEventListener('pagehide', () => this.read(), { once: true });
    }
    const [navigation] = performance.getEntriesByType('navigation');
    if (!this.hasNavigation && navigation?.responseEnd > 0) {
      this.hasNavigation = true;
      this.take(navigation);
    }
    const resources = performance.getEntriesByType('resource');
    resources.slice(this.resources).forEach((entry) => this.take(entry));
    this.resources = resources.length;
  }

  take(entry) {
    const plain = plainEntry(entry, this.timeOrigin, location.origin);
    if (!plain || this.waiting.length >= MOST_WAITING) return;
    this.waiting.push({ ...plain, until: Date.now() + PATIENCE });
  }

  // The exchange of an entry may become known before the entry or after it.
  join() {
    const items = [...this.session.exchanges.values()].slice(-NEWEST);
    const now = Date.now();
    this.waiting = this.waiting.filter(({ until, ...plain }) => {
      if (isCached(plain.entry)) {
        this.found({ cached: true, ...plain });
        return false;
      }
      const item = matching(plain, items, this.clock, (one) => this.taken.has(one));
      if (!item) return now < until;
      this.taken.add(item);
      const { connection, number, at } = item.exchange;
      this.found({ connection, number, at, entry: plain.entry });
      return false;
    });
  }

  // Whether the page that was opened says that it isolates itself.
  isIsolated() {
    const target = this.opened.pathname + this.opened.search;
    const items = [...this.session.exchanges.values()].slice(-NEWEST);
    const last = items.findLast(({ exchange }) => exchange.target === target);
    return /^cross-origin-opener-policy: *same-origin\b/im.test(last?.exchange.response.head ?? '');
  }
}
