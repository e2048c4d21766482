// A connection that this page opened itself, as elements: its state, and what came back on it.

import { sentence } from '../language/findings.js';
import { answers } from './answers.js';
import { dissected } from '../octets/bytes.js';
import { chunked, sizesOf } from '../octets/chunks.js';
import { content } from '../octets/content.js';
import { watch } from '../live/observed.js';
import { element, hasWord, nameOf, size, statusClass, word } from '../page/page.js';
import { read } from './readings.js';
import { MOST_RECEIVED } from './replay.js';

// So many octets of a content are shown.
const SHOWN = 4096;

// Why there is no answer: docroot says it in English, and the page has its own reasons too.
export const failureText = (why) => word('replay-failed', { why: hasWord(why) ? word(why) : why });

// { element, draw, clear } for the connection that `current` gives. `open` shows an exchange in the list.
export function connectionView(current, open) {
  // The exchanges on this connection, as the wire tells them.
  let exchanges = [];
  const state = element('p', { role: 'status' });
  const { title, heads, caption, show } = dissected(element('h3', {}, word('answers')));
  const box = element('div', { class: 'bytes', hidden: true }, title, heads, caption);
  const draw = () => {
    const replay = current();
    state.replaceChildren(...described(replay));
    const methods = read(replay.sent).map(({ line }) => line.split(' ', 1)[0]);
    const found = answers(replay.received, methods, replay.state === 'closed');
    box.hidden = found.length === 0;
    const final = found.filter(({ isInterim }) => !isInterim);
    show(found.map((answer) => message(answer, final.indexOf(answer), exchanges[final.indexOf(answer)], open)));
  };
  watch(({ exchange }) => {
    if (!exchange || current().port === null || exchange.port !== current().port) return;
    exchanges.push(exchange);
    if (box.isConnected) draw();
  });
  const clear = () => { exchanges = []; };
  return { element: element('div', { class: 'connection-view' }, state, box), draw, clear };
}

function described({ state, port, tls, sent, received, isFinished, isFull, closedBy, failure }) {
  if (failure) return [element('span', { class: 'faulty' }, failureText(failure))];
  if (state === 'none') return [element('span', { class: 'faint' }, word('replay-none'))];
  if (state === 'connecting') return [word('replay-connecting')];
  const facts = [
    word(state === 'open' ? 'replay-open' : 'replay-closed-' + closedBy, { port: String(port) }),
    tls ? `${tls.version}, ${tls.cipher}` : word('no-tls'),
    word('replay-counts', { sent: sent.length, received: received.length }),
    isFinished && state === 'open' && word('replay-finished'),
    isFull && word('replay-full', { size: size(MOST_RECEIVED) }),
  ].filter(Boolean);
  return [element('span', { class: 'facts' }, facts.map((fact) => element('span', {}, fact)))];
}

const whole = (octets) => ({ length: octets.length, first: octets.slice(0, SHOWN), chunks: null, unseen: false });

function message(answer, at, exchange, open) {
  const { head, body, status, isInterim, isComplete } = answer;
  const division = /^transfer-encoding:.*chunked/im.test(head) ? chunked(body) : null;
  // What is no response, such as a TLS alert, has no head.
  if (status === 0) return { side: 'response', name: word('answer-unknown'), octets: content(word('contents'), 'response', '', whole(head + body)) };
  const known = { ...whole(body), chunks: division && sizesOf(body, division) };
  const name = isInterim ? word('answer-interim') : word('answer', { n: at + 1 });
  const more = [
    exchange && element('p', { class: 'told', 'data-class': statusClass(status) }, sentence(exchange.reason), ' ',
      element('button', { type: 'button', click: () => open(exchange) }, word('open-exchange', { name: nameOf(exchange) }))),
    !isComplete && status !== 101 && element('p', { class: 'faint' }, word('answer-incomplete')),
    content(word('contents'), 'response', head, known),
  ].filter(Boolean);
  return { side: 'response', name, head, length: head.length, more };
}
