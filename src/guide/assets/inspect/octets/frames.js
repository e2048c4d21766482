// The WebSocket frames of a connection, bit by bit.

import { uncompressed } from './decode.js';
import { entry, find } from './entries.js';
import { FRAME_FAULTS, close, frame, masked } from './frame.js';
import { hex } from './content.js';
import { utf8 } from './octets.js';
import { clock, element, number, printable, sectionLink, word } from '../page/page.js';

// The section for the exchange that began the WebSocket, or null for any other one. `store` has the frames.
export function frames(exchange, store) {
  if (exchange.status !== 101 || !store) return null;
  const hasExtension = /^sec-websocket-extensions:.*permessage-deflate/im.test(exchange.response?.head ?? '');
  const count = element('small', { role: 'status' });
  const none = element('p', { class: 'faint' }, word('no-frames'));
  const older = element('p', { class: 'faint' });
  const list = element('ol');
  const section = element('section', { class: 'frames', 'aria-labelledby': 'frames-title' },
    element('h3', { id: 'frames-title' }, word('frames'), ' ', count), none, older, list);
  let drawn = 0;
  // Adds what is new, and drops what is no longer kept.
  const draw = () => {
    const { list: all, forgotten } = store.of(exchange);
    for (; drawn < forgotten + all.length; drawn++) {
      const next = all[drawn - forgotten];
      if (next) list.append(item(next, hasExtension));
    }
    while (list.children.length > all.length) list.firstChild.remove();
    none.hidden = all.length > 0;
    older.hidden = forgotten === 0;
    older.textContent = word('frames-forgotten', { n: forgotten });
    count.textContent = word('frame-count', { n: forgotten + all.length });
  };
  draw();
  follow(exchange, store, section, draw);
  return section;
}

// Draws before the next paint when a frame has come, as long as the section is on the page.
function follow(exchange, store, section, draw) {
  let isWaiting = false;
  const stop = store.watch((connection) => {
    if (connection !== exchange.connection || isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      if (section.isConnected) draw();
      else stop();
    });
  });
}

function item(sent, hasExtension) {
  const read = frame(sent.head, sent.from, hasExtension);
  const inside = element('div', { class: 'inside', hidden: true });
  const isFaulty = read.parts.some(({ fault }) => fault);
  const button = element('button', {
    type: 'button',
    'aria-expanded': 'false',
    click: () => {
      inside.hidden = !inside.hidden;
      button.setAttribute('aria-expanded', !inside.hidden);
      if (!inside.firstChild) inside.append(...dissected(sent, read));
    },
  },
  // The spaces are for those who hear it.
  element('span', { class: 'faint' }, clock(sent.at)), ' ',
  element('span', {}, word('frame-from-' + sent.from)), ' ',
  opcodeName(read.opcode), ' ',
  element('span', { class: 'faint' }, word('octets', { n: sent.length })), ' ',
  !read.isFinal && [element('span', { class: 'faint' }, word('frame-not-final')), ' '],
  read.isCompressed && [element('span', { class: 'faint' }, word('frame-compressed')), ' '],
  isFaulty && [element('span', { class: 'faulty' }, word('frame-faulty')), ' '],
  element('span', { class: 'preview' }, preview(sent, read)));
  return element('li', { class: sent.from }, button, inside);
}

function opcodeName(opcode) {
  const name = element('b', {}, number(opcode));
  find('opcode', opcode).then((found) => found?.name && name.replaceChildren(found.name));
  return name;
}

function preview(sent, read) {
  if (read.isCompressed) return '';
  if (read.opcode === 8) {
    const { code, reason } = close(sent.first);
    return code === null ? '' : `${code} ${utf8(reason) ?? printable(reason)}`.trim();
  }
  const first = sent.first.slice(0, 100);
  return (utf8(first) ?? printable(first)).replace(/[\0-\x1f\x7f]/g, (octet) => printable(octet));
}

function dissected(sent, read) {
  return [
    bitGroups(read.parts),
    element('p', { class: 'faint' }, word('bits-title'), ' ', sectionLink('RFC 6455 section 5.2')),
    element('div', { class: 'bit-table' }, element('table', {},
      element('thead', {}, element('tr', {}, ['bits-part', 'bits-bits', 'bits-meaning'].map((key) => element('th', { scope: 'col' }, word(key))))),
      element('tbody', {}, read.parts.map((part) => partRow(part, sent.from))))),
    payload(sent, read),
  ].filter(Boolean);
}

// The bits in groups of the width of their parts.
function bitGroups(parts) {
  return element('div', { class: 'bits', 'aria-hidden': 'true' }, parts.map(({ name, bits, fault }) =>
    element('span', { class: fault ? 'bit-part fault' : 'bit-part' },
      element('code', {}, bits.replace(/(.{8})(?=.)/g, '$1 ')), element('small', {}, word('bits-' + name)))));
}

function partRow({ name, bits, value, fault }, from) {
  const isFlag = bits.length === 1;
  const meaning = isFlag ? word(`bits-${name.replace(/\d/, '')}-${value}`)
    : name === 'key' ? hex(value)
      : name === 'length' && value > 125 ? word('bits-longer', { value: String(value), n: value === 126 ? 2 : 8 })
        : name === 'opcode' ? [opcodeName(value), entry('opcode', value)]
          : word('octets', { n: value });
  return element('tr', {},
    element('th', { scope: 'row' }, word('bits-' + name)),
    element('td', {}, element('code', {}, bits.length > 8 ? `${bits.length} bit` : bits)),
    element('td', {}, meaning,
      fault && element('p', { class: 'faulty' }, word('frame-fault-' + fault), ' ', sectionLink(FRAME_FAULTS[fault])),
      name === 'mask' && value === 1 && from === 'client' && element('p', { class: 'faint' }, word('bits-why-mask'), ' ', sectionLink('RFC 6455 section 10.3'))));
}

function payload(sent, read) {
  if (sent.length === 0) return null;
  const { code } = read.opcode === 8 ? close(sent.first) : { code: null };
  const text = utf8(sent.first);
  return element('div', { class: 'payload' },
    element('h4', {}, word('payload'), ' ', element('small', {}, word('octets', { n: sent.length }))),
    code !== null && element('div', {}, word('close-code', { code: String(code) }), entry('close-code', code)),
    read.key && element('p', {}, element('span', { class: 'faint' }, word('payload-sent')), ' ',
      element('code', {}, hex(masked(sent.first.slice(0, 32), read.key)))),
    element('p', {}, element('span', { class: 'faint' }, word(read.key ? 'payload-unmasked' : 'payload-octets')), ' ',
      element('code', {}, hex(sent.first.slice(0, 32))), sent.length > 32 && ' …'),
    read.isCompressed ? read.isFinal && original(sent) : text !== null && read.opcode !== 8 && textBox(text),
    sent.length > sent.first.length && element('p', { class: 'faint' }, word('octets-left', { n: sent.length - sent.first.length })));
}

const textBox = (text) => element('pre', { class: 'octets', tabindex: '0', role: 'group', 'aria-label': word('payload') }, text);

// The message before it was compressed, if this frame is all of it.
function original(sent) {
  const place = element('div');
  if (sent.first.length < sent.length) return place;
  uncompressed(sent.first).then((octets) => {
    if (octets === '') return place.append(element('p', { class: 'faint' }, word('payload-refers')));
    place.append(
      element('p', { class: 'faint' }, word('payload-uncompressed', { n: octets.length })),
      textBox(utf8(octets) ?? hex(octets.slice(0, 256))));
  });
  return place;
}
