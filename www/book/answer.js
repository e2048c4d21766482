// Shows an answer: what it was, whether the guess was right, and the server's own reasons.

import { deciding, opcode, seen } from './criterion.js';
import { octetsOf } from './wire.js';
import { translated, words } from './words.js';

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// "RFC 9110 section 13.1.2" as a link. Other specifications are only named.
export function sectionLink(section) {
  const [, rfc, number] = section.match(/^RFC (\d+)(?: section ([\d.]+))?$/) ?? [];
  if (!rfc) return element('span', { lang: 'en' }, section);
  const href = `https://www.rfc-editor.org/rfc/rfc${rfc}.html${number ? `#section-${number}` : ''}`;
  return element('a', { href, rel: 'noreferrer' }, words.section(rfc, number));
}

function evidenceOf({ evidence }) {
  if (!evidence) return '';
  const { colon, bracket } = words;
  if (evidence.how) return `${colon}${evidence.sent} ↔ ${evidence.own}${bracket(translated(evidence.how))}`;
  if (evidence.value !== undefined) return `${colon}${evidence.value}`;
  if (evidence.from !== undefined) return `${colon}${evidence.from} → ${evidence.to}`;
  if (evidence.length !== undefined) return `${colon}${evidence.sent} / ${evidence.length}`;
  return '';
}

// The server speaks English. In a Chinese page, a sentence may lack its translation.
function reason(step) {
  const said = translated(step.finding);
  const lang = said === step.finding ? 'en' : null;
  const status = step.status === null ? '' : ` → ${step.status}`;
  const place = step.function.replace(/^docroot::/, '');
  return element('li', {},
    element('span', { lang }, said + evidenceOf(step) + status), element('br'),
    element('small', {}, sectionLink(step.section), ' · ', element('code', {}, place)));
}

// The steps that matter: the one that the experiment is about, and the one that decided.
export function reasons(exchange, criterion) {
  const telling = new Set([seen(criterion, exchange), deciding(exchange) ?? exchange.steps.at(-1)]);
  return [
    element('ul', { class: 'reasons' }, ...[...telling].filter(Boolean).map(reason)),
    element('details', {},
      element('summary', {}, words.all(exchange.steps.length)),
      element('ol', { class: 'reasons' }, ...exchange.steps.map(reason))),
  ];
}

const verdict = (isRight, text) =>
  element('p', { class: `verdict ${isRight ? 'right' : 'wrong'}` }, `${isRight ? '✓' : '✗'} ${text}`);

// The longest content that is shown, in bytes.
const MOST_SHOWN = 1000;

// A short content as text, if it stands on the wire as it is.
function contentOf({ head, body }) {
  const isText = /^Content-Type: (text\/plain|application\/json)/im.test(head) && !/^Content-Encoding:/im.test(head);
  if (!isText || !body || body.chunks || body.unseen || body.length === 0 || body.length > MOST_SHOWN) return [];
  return [element('h4', {}, words.content), element('pre', {}, decoded(body.first).trimEnd())];
}

// `guess` has the status and, for each field that was asked about, whether it is expected. It may be a guess for another
// request than the one that was sent.
export function showExchange(place, exchange, guess, criterion) {
  const head = exchange.response.head;
  const isRight = guess.status === String(exchange.status);
  const shown = isRight ? words.right(exchange.status) : words.wrong(guess.status, exchange.status);
  place.replaceChildren(guess.isOfAnother ? element('p', {}, words.answered(exchange.status)) : verdict(isRight, shown));
  place.append(element('p', {}, words.why), ...reasons(exchange, criterion));
  for (const [name, isExpected] of Object.entries(guess.fields)) {
    const isThere = new RegExp(`^${name}:`, 'im').test(head);
    place.append(verdict(isThere === isExpected, isThere ? words.present(name) : words.absent(name)));
  }
  for (const [title, text] of [[words.asked, exchange.request.head], [words.response, head]]) {
    place.append(element('h4', {}, title), element('pre', { lang: 'en' }, text.replaceAll('\r', '').trimEnd()));
  }
  place.append(...contentOf(exchange.response));
  const { request, response } = exchange;
  place.append(element('p', {}, words.sizes(request.length, response.length, response.body?.length ?? 0)));
}

// Below an answer: what came before it on its connection, with the step that decided each.
export function showEarlier(place, exchanges) {
  for (const { number, response, steps } of exchanges) {
    place.append(element('h4', {}, words.earlier(number)), element('pre', { lang: 'en' }, response.head.replaceAll('\r', '').trimEnd()),
      element('ul', { class: 'reasons' }, ...[deciding({ steps })].filter(Boolean).map(reason)));
  }
}

// The parts of a frame: each octet of the head by what it says (RFC 6455 section 5.2).
export function frameParts(frame) {
  const octets = octetsOf(frame.head);
  const hex = part => Array.from(part, octet => octet.toString(16).padStart(2, '0')).join(' ');
  const bits = (octet, from, to) => octet.toString(2).padStart(8, '0').slice(from, to);
  const isMasked = octets[1] > 127;
  const end = octets.length - (isMasked ? 4 : 0);
  const name = opcode(frame);
  // The first reserved bit says that the payload is compressed (RFC 7692).
  const isPacked = bits(octets[0], 1, 2) === '1';
  const parts = [
    ['FIN', bits(octets[0], 0, 1)], ['RSV', bits(octets[0], 1, 4)],
    [words[name] ?? words.unknown(name), bits(octets[0], 4, 8)],
    ['MASK', bits(octets[1], 0, 1)],
    [`${words.length} ${frame.length}`, [bits(octets[1], 1, 8), hex(octets.slice(2, end))].join(' ').trim()],
  ];
  if (isMasked) parts.push([words.key, hex(octets.slice(end))]);
  if (name === 'close' && frame.first.length > 1) {
    const code = frame.first.charCodeAt(0) * 256 + frame.first.charCodeAt(1);
    parts.push([words.code(code), hex([code >> 8, code & 255])]);
  } else if (frame.first) {
    const isText = name === 'text' && !isPacked;
    parts.push([isPacked ? words.packed : words.payload, isText ? decoded(frame.first) : hex(octetsOf(frame.first))]);
  }
  return parts;
}

const decoded = text => new TextDecoder().decode(octetsOf(text));

export function frameList(frame) {
  const parts = frameParts(frame).map(([name, value]) => element('li', {}, element('b', {}, value), name));
  return [element('p', { class: 'kind' }, words[frame.from]), element('ul', { class: 'frame' }, ...parts)];
}

// What the server says in a close frame, after the code.
const closeReason = frame => (opcode(frame) === 'close' ? decoded(frame.first.slice(2)) : '');

// `frames` are those of one connection. The last one is the answer. Without a guess, they answer something else.
export function showFrames(place, frames, guess) {
  const actual = opcode(frames.at(-1));
  const isRight = guess?.status === actual;
  const shown = isRight ? words.right(words[actual]) : guess && words.wrong(words[guess.status], words[actual]);
  place.replaceChildren(...(shown ? [verdict(isRight, shown)] : []));
  const reason = closeReason(frames.at(-1));
  if (reason) place.append(element('p', {}, words.why, ' ', element('q', { lang: 'en' }, reason)));
  place.append(...frames.flatMap(frameList));
}
