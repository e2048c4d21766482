// The content of a message: how long it is, how it is divided, and its first octets.

import { boundaryOf, chunked, dataOf, parts } from './chunks.js';
import { decoded } from './decode.js';
import { dissect, fieldsOf } from './dissect.js';
import { escaped, utf8 } from './octets.js';
import { dumpWidth, element, number, printable, word } from '../page/page.js';

// The codings that a browser can undo, with its names for them.
const CODINGS = { 'gzip': 'gzip', 'x-gzip': 'gzip', 'deflate': 'deflate' };

// The section for an exchange, or null if its messages have no content.
export function contents(exchange) {
  const shown = ['request', 'response']
    .map((side) => content(word(side), side, exchange[side]?.head ?? '', exchange[side]?.body))
    .filter(Boolean);
  if (shown.length === 0) return null;
  return element('section', { class: 'contents', 'aria-labelledby': 'contents-title' },
    element('h3', { id: 'contents-title' }, word('contents')), shown);
}

// What is known of the content of one message, or null if there is none. `body` is
//   { length, first, chunks, unseen }: the octets on the wire, the first of them, the sizes of the chunks or
//   null, and whether the kernel sent a file, so that docroot has not seen the octets.
export function content(name, side, head, body) {
  if (!body || body.length === 0) return null;
  const fields = fieldsOf(head, dissect(head, side));
  const valueOf = (wanted) => fields.find(([field]) => field.toLowerCase() === wanted)?.[1];
  const [type, coding] = [valueOf('content-type'), valueOf('content-encoding')?.toLowerCase()];
  const division = body.chunks ? chunked(body.first) : null;
  const data = division ? dataOf(body.first, division) : body.first;
  const boundary = !coding && boundaryOf(type);
  return element('div', { class: 'content' },
    element('h4', {}, name, ' ', element('small', {}, word('octets', { n: body.length }))),
    (type || coding) && element('p', { class: 'facts' }, [type, coding].filter(Boolean).map((fact) => element('span', {}, element('code', {}, printable(fact))))),
    body.chunks && chunkBar(body.chunks.filter((size) => size > 0)),
    body.unseen && element('p', {}, word('content-unseen')),
    boundary && partTable(parts(data, boundary), data),
    body.first && octetsBox(body.first, division, data, name),
    !body.unseen && body.length > body.first.length && element('p', { class: 'faint' }, word('octets-left', { n: body.length - body.first.length })),
    coding in CODINGS && data && uncoded(data, CODINGS[coding]));
}

// ---- Chunks

// The last chunk, of no octets, is only the end.
function chunkBar(sizes) {
  const bar = element('div', { class: 'chunks', 'aria-hidden': 'true' }, sizes.map((size) => {
    const part = element('span');
    part.style.flexGrow = size;
    return part;
  }));
  const list = sizes.map((size) => number(size)).join(', ');
  return [
    element('p', {}, word('content-chunks', { n: sizes.length }), ' ', element('span', { class: 'faint' }, list)),
    bar,
  ];
}

// ---- Parts

function partTable(found, data) {
  if (found.length === 0) return null;
  return element('div', { class: 'parts' }, element('table', {},
    element('thead', {}, element('tr', {}, ['part', 'part-fields', 'part-octets'].map((key) => element('th', { scope: 'col' }, word(key))))),
    element('tbody', {}, found.map(({ head, start, end, isComplete }, at) => element('tr', {},
      element('th', { scope: 'row' }, number(at + 1)),
      element('td', {}, head.split('\r\n').filter(Boolean).map((line) => element('div', {}, element('code', {}, printable(line))))),
      element('td', {}, word('octets', { n: end - start }), !isComplete && ' ' + word('part-cut'),
        element('div', {}, element('code', { class: 'faint' }, printable(data.slice(start, Math.min(end, start + 40))))))))))
  );
}

// ---- Octets

// The octets, as text if they are one.
function octetsBox(first, division, data, name) {
  const text = utf8(data);
  const isText = text !== null && !/[\0-\x08\x0e-\x1f]/.test(text);
  const box = element('pre', { class: 'octets', tabindex: '0', role: 'group', 'aria-label': word('content-first', { name }) });
  const tokens = division ? tokensOf(division, first) : [{ kind: 'data', start: 0, end: first.length }];
  const show = (isHex) => {
    box.classList.toggle('dump', isHex);
    box.replaceChildren(...isHex ? dump(first, tokens) : tokens.map((token) => piece(token, textOf(first.slice(token.start, token.end)))));
  };
  show(!isText);
  const toggle = element('button', {
    type: 'button',
    'aria-pressed': String(!isText),
    click: ({ currentTarget }) => {
      const isHex = currentTarget.getAttribute('aria-pressed') !== 'true';
      currentTarget.setAttribute('aria-pressed', isHex);
      show(isHex);
    },
  }, word('show-hex'));
  return [
    element('div', { class: 'title' },
      element('p', { class: 'faint' }, word(division ? 'content-as-sent' : 'content-first-octets', { n: first.length })),
      element('div', { class: 'buttons' }, toggle)),
    box,
  ];
}

// The rest of a body that breaks the grammar of chunks is shown too.
function tokensOf({ tokens, end }, octets) {
  return end < octets.length ? [...tokens, { kind: 'unknown', start: end, end: octets.length }] : tokens;
}

const FRAMING = { 'size': 'chunk-size', 'last-size': 'chunk-size', 'extension': 'chunk-extension', 'crlf': 'chunk-crlf', 'trailer': 'chunk-trailer', 'unknown': 'chunk-unknown' };

function piece({ kind }, text) {
  if (kind === 'data') return text;
  return element('span', { class: 'framing', title: word(FRAMING[kind]) }, kind === 'crlf' ? text.replace('\r', '\\r').replace('\n', '\\n\n') : text);
}

// Line ends stay, and other octets that are not text become escapes.
const textOf = (octets) => utf8(octets) ?? octets.replace(/[^\t\n\r -~]/g, escaped);

function dump(octets, tokens) {
  const width = dumpWidth();
  const rows = [];
  for (let start = 0; start < octets.length; start += width) {
    const row = element('span', { class: 'line' }, element('span', { class: 'place' }, start.toString(16).padStart(4, '0')));
    const [codes, letters] = [element('span', { class: 'numbers' }), element('span', { class: 'letters' })];
    const end = Math.min(start + width, octets.length);
    for (const token of tokens) {
      if (token.end <= start || token.start >= end) continue;
      const part = octets.slice(Math.max(start, token.start), Math.min(end, token.end));
      const kind = token.kind === 'data' ? null : 'framing';
      codes.append(element('span', { class: kind }, hex(part)), ' ');
      letters.append(element('span', { class: kind }, part.replace(/[^ -~]/g, '.')));
    }
    codes.append('   '.repeat(width - (end - start)));
    row.append(codes, letters);
    rows.push(row);
  }
  return rows;
}

export const hex = (octets) => [...octets].map((octet) => octet.charCodeAt(0).toString(16).padStart(2, '0')).join(' ');

// ---- Content codings

// What the octets are without their coding, as far as they go.
function uncoded(data, coding) {
  const place = element('div');
  decoded(data, coding).then((octets) => {
    const text = utf8(octets);
    if (!text || /[\0-\x08\x0e-\x1f]/.test(text)) return;
    place.append(
      element('p', { class: 'faint' }, word('content-decoded', { coding })),
      element('pre', { class: 'octets', tabindex: '0', role: 'group', 'aria-label': word('content-decoded', { coding }) }, text));
  });
  return place;
}
