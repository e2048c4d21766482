// The part of the page below the list: the details of one exchange.

import { browserTime } from '../time/browser-time.js';
import { curl, explain } from '../send/commands.js';
import { statusText } from '../why/compare.js';
import { details } from './details.js';
import { edit } from '../send/editor.js';
import { inWords } from '../language/findings.js';
import { savedRecord } from '../page/files.js';
import { harOf } from '../record/har.js';
import { FrameStore } from '../live/frame-store.js';
import { hello } from '../live/observed.js';
import { nameOf, word } from '../page/page.js';
import { copy, say } from '../page/say.js';
import { octetsOf } from '../why/whatif.js';

const find = (selector) => document.querySelector(selector);

// Stands for the exchange of the details while the editor is open.
const EDITOR = {};

export class DetailsPanel {
  constructor(list) {
    this.list = list;
    this.panel = find('#details');
    // The item that is shown, and the exchange to compare it with.
    this.opened = null;
    this.marked = null;
    this.frames = new FrameStore();
  }

  open(item) {
    if (!item?.exchange) return;
    const { list, panel } = this;
    const isNew = !this.opened;
    this.opened = item;
    const { exchange } = item;
    panel.replaceChildren(...details(exchange, {
      siblings: list.all.filter((other) => other.exchange && other.link === item.link),
      marked: this.marked,
      open: (sibling) => {
        if (list.matches(sibling)) list.choose(sibling);
        else this.open(sibling);
      },
      close: () => this.close(),
      // Only a server that says so sends requests for this page.
      send: hello()?.replay && !savedRecord && ((one, octets) => this.edit(octets ?? octetsOf(one) ?? one.request.head, Boolean(one.tls))),
      openExchange: (other) => this.openExchange(other),
      frames: this.frames,
      copyCurl: () => copy(curl(exchange, location)),
      copyExplain: () => copy(explain(exchange)),
      copyHar: async () => copy(await this.har(item)),
      mark: () => this.mark(exchange),
      browser: browserTime(exchange, item.browser),
    }));
    this.show(isNew, `${nameOf(exchange)}: ${statusText(exchange)}`);
    find('#heard').textContent = `${statusText(exchange)} — ${inWords(exchange.reason)}`;
    // Where the details cover the list, the keys must reach them.
    if (isNew && getComputedStyle(list.grid).visibility === 'hidden') panel.focus();
  }

  // The exchange of an item as an HTTP Archive.
  async har({ exchange, browser }) {
    const messages = [{ exchange }, ...(browser ? [{ browser }] : [])];
    const har = await harOf({ host: location.host, server: hello(), messages });
    return { text: JSON.stringify(har, null, 1), kind: 'har', isMasked: false, hasContent: false };
  }

  // The item of the list for an exchange.
  openExchange(exchange) {
    const { list } = this;
    const item = list.all.find((one) => one.exchange === exchange) ?? { exchange };
    if (list.shown.includes(item)) list.choose(item);
    else this.open(item);
    this.focus();
  }

  // Opens the editor of requests.
  edit(octets, isTls) {
    const isNew = !this.opened;
    this.opened = EDITOR;
    this.panel.replaceChildren(...edit({ octets, isTls }, { close: () => this.close(), open: (exchange) => this.openExchange(exchange) }));
    this.show(isNew, word('send-title'));
    this.panel.querySelector('textarea').focus();
  }

  show(isNew, label) {
    this.panel.hidden = false;
    this.panel.scrollTop = 0;
    find('#app').classList.add('with-details');
    this.panel.setAttribute('aria-label', label);
    if (isNew) this.list.reveal();
  }

  close() {
    if (!this.opened) return;
    const { list, panel } = this;
    const hadFocus = panel.contains(document.activeElement) || document.activeElement === document.body;
    this.opened = null;
    panel.hidden = true;
    panel.replaceChildren();
    find('#app').classList.remove('with-details');
    if (hadFocus) list.grid.focus({ preventScroll: true });
    list.reveal();
  }

  // The items of the list are others now.
  forget() {
    this.close();
    this.marked = null;
  }

  focus() {
    this.panel.focus();
  }

  mark(exchange) {
    if (!exchange) return;
    this.marked = this.marked === exchange ? null : exchange;
    if (this.marked) say(word('now-marked', { name: nameOf(exchange) }));
    const button = document.activeElement.closest?.('#details .buttons button');
    const place = button && [...button.parentNode.children].indexOf(button);
    this.open(this.opened);
    // The button was made anew.
    if (place !== null && place !== undefined) this.panel.querySelector('.actions .buttons').children[place]?.focus();
  }
}
