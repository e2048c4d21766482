// What if: sends a request that differs in what decided, and shows both answers beside each other.

import { inWords, sentence } from '../language/findings.js';
import { answers } from '../send/answers.js';
import { comparison } from './compare.js';
import { apply } from './edit.js';
import { hello, watch } from '../live/observed.js';
import { element, nameOf, statusClass, word } from '../page/page.js';
import { failureText } from '../send/connection.js';
import { sendOnce } from '../send/replay.js';

const MASKED = '***';
// The wire tells of an exchange at most so many milliseconds after its answer.
const WIRE_DELAY = 5_000;

// The buttons for the edits of a step, or their texts if docroot does not send requests for this page. An edit that
// leaves the status as it is (`current`) promises no other one.
export function edits(all, current, ask) {
  if (all.length === 0) return null;
  const canAsk = Boolean(hello()?.replay);
  return element('ul', { class: 'edits', 'aria-label': word('what-if') }, all.map((edit) => {
    const text = [
      element('span', {}, word('edit-' + edit.do), ' ', element('code', {}, changeOf(edit))),
      Number.isInteger(edit.expect) && edit.expect !== current && [' ', element('span', { class: 'expected', 'data-class': statusClass(edit.expect) },
        '→ ', element('span', { class: 'status' }, edit.expect))],
    ];
    return element('li', {}, canAsk ? element('button', { type: 'button', click: ({ currentTarget }) => ask(edit, currentTarget) }, text) : text);
  }));
}

// The octets of a whole request, or null if docroot has not kept all of them.
export function octetsOf({ request }) {
  const { head = '', length, body } = request ?? {};
  if (head === '' || head.length < length) return null;
  if (body === undefined && /^(content-length:[ \t]*[1-9]|transfer-encoding:)/im.test(head)) return null;
  if (!body) return head;
  return body.first.length < body.length ? null : head + body.first;
}

// Sends the request of `exchange` with an edit that a step of it offers, and shows in `place` what came back.
// `button` asked for it.
export async function whatIf(place, exchange, { edit, step, button }, { openExchange, send }) {
  const octets = octetsOf(exchange);
  const goBack = placeOf(button);
  const close = () => {
    place.replaceChildren();
    goBack();
  };
  const status = element('p', { role: 'status' });
  const buttons = element('div', { class: 'buttons' });
  const result = element('div', { class: 'compare', tabindex: '0', role: 'group', 'aria-labelledby': 'what-if-title' });
  const section = element('section', { class: 'what-if', tabindex: '-1', 'aria-labelledby': 'what-if-title' },
    element('div', { class: 'title' },
      element('h3', { id: 'what-if-title' }, word('what-if-title', { change: word('edit-' + edit.do) }), ' ', element('code', {}, changeOf(edit))),
      element('button', { type: 'button', class: 'close', 'aria-label': word('close'), title: word('close'), click: close }, '×')),
    status, result, buttons);
  place.replaceChildren(section);
  section.focus({ preventScroll: true });
  section.scrollIntoView({ block: 'nearest' });
  if (octets === null) return status.append(word('what-if-incomplete'));
  const edited = apply(octets, edit);
  buttons.append(element('button', { type: 'button', click: () => send(exchange, edited) }, word('edit-and-send')));
  if (edited.includes(MASKED)) return status.append(word('what-if-masked'));
  status.append(word('what-if-sending'));
  const show = (answer) => {
    status.replaceChildren(...told(exchange, answer, edit, step));
    result.replaceChildren(comparison(exchange, answer, word('what-if-before'), word('what-if-after')));
    if (answer.connection !== undefined) {
      buttons.append(element('button', { type: 'button', click: () => openExchange(answer) }, word('open-exchange', { name: nameOf(answer) })));
    }
  };
  const failure = await ask(edited, Boolean(exchange.tls), show);
  if (failure) status.replaceChildren(failureText(failure));
}

// Remembers where the reader is. The result brings the reader back there, although what is above has another height.
function placeOf(button) {
  const scroller = button.closest('#details');
  const height = () => button.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  const before = height();
  return () => {
    button.focus({ preventScroll: true });
    scroller.scrollTop += height() - before;
  };
}

// What an edit changes: a field, or a part of the request line.
const changeOf = (edit) => edit.do === 'set' ? `${edit.name}: ${edit.value}` : edit.name ?? edit.value;

// The sentence above the comparison.
function told(before, after, { expect }, step) {
  const status = (exchange) => element('b', { 'data-class': statusClass(exchange.status) },
    element('span', { class: 'status' }, exchange.status ?? word('no-answer')));
  const isOther = Number.isInteger(expect) && expect !== after.status;
  return [
    status(before), ' → ', status(after),
    after.reason ? ` — ${inWords(after.reason)}` : '',
    isOther ? element('span', { class: 'faulty' }, ' ', word('what-if-expected', { status: String(expect) })) : '',
    after.steps ? element('span', { class: 'this-step' }, sayingOf(step, after.steps)) : '',
  ];
}

// What the same rule found for the other request.
function sayingOf(step, steps) {
  const same = steps.find((one) => one.function === step.function && one.section === step.section);
  return same ? [word('what-if-step'), ' ', sentence(same.finding)] : word('what-if-no-step');
}

// Sends octets on a connection of their own, and calls `show` with the exchange: first as this page sees it, and
// again as the wire tells it, with the reason. The result is why there is no answer, if there is none.
async function ask(octets, isTls, show) {
  const method = /^[^ ]*/.exec(octets.replace(/^(\r?\n)+/, ''))[0];
  const arrived = [];
  let isShown = false;
  let port = null;
  const stop = watch(({ exchange }) => {
    if (!exchange) return;
    arrived.push(exchange);
    if (isShown && exchange.port === port) finish(exchange);
  });
  const finish = (exchange) => {
    stop();
    show(exchange);
  };
  const replay = await sendOnce(octets, method, isTls);
  replay.dispose();
  port = replay.port;
  const exchange = arrived.find((one) => one.port === port);
  if (exchange) finish(exchange);
  else {
    isShown = true;
    setTimeout(stop, WIRE_DELAY);
    if (replay.failure) return replay.failure;
    show(asSeen(octets, replay, method));
  }
  return null;
}

// An exchange, as far as the client knows it.
function asSeen(octets, { received, state }, method) {
  const answer = answers(received, [method], state === 'closed').find(({ isInterim }) => !isInterim);
  return {
    status: answer?.status || null,
    sent: answer?.body.length,
    request: { head: octets },
    response: { head: answer?.head ?? '' },
  };
}
