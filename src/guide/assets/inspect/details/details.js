// The details of one exchange: what happened, why, with which octets, and when.

import { bytes } from '../octets/bytes.js';
import { compare, statusText } from '../why/compare.js';
import { contents } from '../octets/content.js';
import { inWords, sentence } from '../language/findings.js';
import { frames } from '../octets/frames.js';
import { clock, element, hueOf, nameOf, printable, size, statusClass, hasWord, word } from '../page/page.js';
import { disagreement } from '../send/recipients.js';
import { time } from '../time/time.js';
import { whatIf } from '../why/whatif.js';
import { why } from '../why/why.js';

// The elements for an exchange. `around` has the exchanges of its connection, the exchange to compare
// with, and what the buttons do.
export function details(exchange, around) {
  const { marked } = around;
  const answer = element('div', { class: 'answer' });
  return [
    top(exchange, around),
    element('div', { class: 'columns' },
      // First, because who asks for another answer or marks an exchange wants to see it.
      answer,
      marked && marked !== exchange && compare(marked, exchange),
      element('div', { class: 'column' },
        why(exchange, (asked) => whatIf(answer, exchange, asked, around)),
        disagreement(exchange),
        time(exchange),
        around.browser),
      element('div', { class: 'column' }, bytes(exchange), contents(exchange)),
      frames(exchange, around.frames)),
  ];
}

function top(exchange, { siblings, marked, open, close, copyCurl, copyExplain, copyHar, mark, send }) {
  const { status, cut } = exchange;
  const button = (key, click, more = {}) => element('button', { type: 'button', click, ...more }, word(key));
  const meaning = status === null || cut ? null : ['meaning-' + status, 'meaning-' + statusClass(status)].find(hasWord);
  return element('header', {},
    element('div', { class: 'headline' },
      element('h2', { 'data-class': statusClass(status) }, element('span', { class: 'status' }, statusText(exchange)), ' — ', sentence(exchange.reason)),
      element('button', { type: 'button', class: 'close', click: close, 'aria-label': word('close-details'), title: word('close-details') }, '×')),
    cut && element('p', { class: 'faulty' }, word('was-cut', { reason: inWords(cut) })),
    meaning && element('p', { class: 'meaning' }, word(meaning)),
    element('p', { class: 'facts' }, facts(exchange).map((fact) => element('span', {}, fact))),
    element('div', { class: 'actions' },
      element('div', { class: 'buttons' },
        send && button('edit-and-send', () => send(exchange)),
        button('copy-curl', copyCurl),
        button('copy-explain', copyExplain, { disabled: !exchange.method }),
        button('copy-har', copyHar),
        button(marked === exchange ? 'marked' : 'mark', mark, { 'aria-pressed': String(marked === exchange) })),
      siblings.length > 1 && connection(exchange, siblings, open)));
}

function facts(exchange) {
  const { method, target, version, peer, port, tls, sent, worker, at } = exchange;
  // A HAR does not say who the client was, nor which worker answered.
  const client = peer.includes(':') ? `[${peer}]:${port}` : `${peer}:${port}`;
  return [
    method && element('b', {}, `${printable(method)} ${printable(target)}`),
    clock(at),
    version,
    tls ? [tls.version, tls.cipher].filter(Boolean).join(', ') : word('no-tls'),
    word('body', { size: size(sent) }),
    peer && word('from', { client }),
    worker !== null && word('worker', { n: worker }),
  ].filter(Boolean);
}

// The exchanges of this connection, in order.
function connection(exchange, siblings, open) {
  const near = siblings.slice(-24);
  const list = element('ol', {}, near.map((item) => element('li', {},
    element('button', {
      type: 'button',
      'data-class': statusClass(item.exchange.status),
      'aria-current': item.exchange === exchange ? 'true' : null,
      'aria-label': `${nameOf(item.exchange)}: ${item.exchange.method} ${item.exchange.target} ${item.exchange.status ?? ''}`,
      title: `${item.exchange.method} ${printable(item.exchange.target)}`,
      click: () => open(item),
    }, element('span', { class: 'status' }, item.exchange.status ?? '–')))));
  const row = element('div', { class: 'siblings' },
    element('span', { class: 'faint' }, word('siblings', { n: exchange.connection })), list);
  row.style.setProperty('--hue', hueOf(exchange.connection));
  return row;
}
