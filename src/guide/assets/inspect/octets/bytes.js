// The heads of an exchange, octet by octet. Each octet belongs to a token that the caption explains.

import { FAULTS, RULES, dissect } from './dissect.js';
import { entry, isKnownKind } from './entries.js';
import { escaped } from './octets.js';
import { dumpWidth, element, number, sectionLink, word } from '../page/page.js';

// What the user has switched on stays on for the next exchange.
const shows = { space: false, hex: false };

// The section with both heads of an exchange.
export function bytes(exchange) {
  const { title, heads, caption, show } = dissected(element('h3', { id: 'bytes-title' }, word('bytes')));
  show(['request', 'response'].map((side) => ({ side, name: word(side), ...exchange[side] })));
  return element('section', { class: 'bytes', 'aria-labelledby': 'bytes-title' }, title, heads, caption);
}

// The elements that show messages, beside this title, and a function that changes the messages. A message is
// { side, name, head, length } and perhaps `more`: elements to show behind its head. Octets that are no message
// are { name, octets }, with the element that shows them.
export function dissected(titleText) {
  let messages = [];
  const caption = element('div', { class: 'caption', role: 'status' });
  const heads = element('div', { class: 'heads' });
  const draw = () => {
    heads.classList.toggle('hex', shows.hex);
    heads.replaceChildren(...messages.map((message) => head(message, caption)));
    caption.replaceChildren(element('p', { class: 'faint' }, word('caption-hint')));
  };
  const toggle = (key) => element('button', {
    type: 'button',
    'aria-pressed': String(shows[key]),
    click: ({ currentTarget }) => {
      shows[key] = !shows[key];
      currentTarget.setAttribute('aria-pressed', shows[key]);
      draw();
    },
  }, word('show-' + key));
  const title = element('div', { class: 'title' }, titleText,
    element('div', { class: 'buttons' }, toggle('space'), toggle('hex')));
  const show = (next) => {
    messages = next;
    draw();
  };
  return { title, heads, caption, show };
}

// Each head has a number, so that its tokens have ids that nothing else on the page has.
let lastHead = 0;

function head({ side, name, head: text, length, more, octets: unknown }, caption) {
  const title = element('h4', {}, name);
  if (unknown) return element('div', { class: 'message' }, title, unknown);
  if (!text) return element('div', { class: 'message' }, title, element('p', { class: 'faint' }, word('no-' + side)));
  title.append(' ', element('small', {}, word('octets', { n: length })));
  const tokens = dissect(text, side);
  const octets = element('div', { class: 'octets', role: 'listbox', tabindex: '0', 'aria-label': word(side + '-head') });
  octets.append(...(shows.hex ? hexRows : lines)(text, tokens, `head-${++lastHead}`));
  follow(octets, text, tokens, caption);
  const faults = tokens.filter(({ fault }) => fault).length;
  const left = length - text.length;
  return element('div', { class: 'message' }, title,
    faults > 0 && element('p', { class: 'faulty' }, word('faults', { n: faults })),
    octets,
    left > 0 && element('p', { class: 'faint' }, word('octets-left', { n: left })),
    more);
}

// The head as text. Each line is an element, so that its rest is indented if it is too long.
function lines(text, tokens, id) {
  const made = [];
  let line = null;
  tokens.forEach((token, at) => {
    if (!line) made.push(line = element('div', { class: 'line', role: 'presentation' }));
    line.append(option(text, token, at, id, shown(text.slice(token.start, token.end))));
    if (['crlf', 'end', 'empty-line'].includes(token.kind)) line = null;
  });
  return made;
}

// A token. Its accessible name spells out the octets, then gives the visible characters.
function option(text, token, at, id, visible) {
  const octets = spoken(text.slice(token.start, token.end)).trim();
  const said = visible.trim() && visible !== octets ? `${octets}, ${visible}` : octets;
  return element('span', {
    ...attributes(token, at),
    id: `${id}-${at}`,
    role: 'option',
    'aria-selected': 'false',
    'aria-label': `${word('token-' + token.kind)}: ${said}${token.fault ? '. ' + word('fault-' + token.fault) : ''}`,
  }, visible);
}

const attributes = (token, at) => ({ class: `token ${token.kind}${token.fault ? ' fault' : ''}`, 'data-token': at });

// A row: the place of the first, the octets as numbers, the octets as text.
function hexRows(text, tokens, id) {
  const width = dumpWidth();
  const rows = [];
  const named = new Set();
  let from = 0;
  for (let start = 0; start < text.length; start += width) {
    const end = Math.min(start + width, text.length);
    const numbers = element('span', { class: 'numbers', 'aria-hidden': 'true' });
    const letters = element('span', { class: 'letters', role: 'presentation' });
    while (tokens[from].end <= start) from++;
    for (let at = from; at < tokens.length && tokens[at].start < end; at++) {
      const token = tokens[at];
      const [first, last] = [Math.max(token.start, start), Math.min(token.end, end)];
      const octets = text.slice(first, last);
      const codes = [...octets].map((octet) => octet.charCodeAt(0).toString(16).padStart(2, '0'));
      numbers.append(element('span', attributes(token, at), codes.join(' ')), ' ');
      // A token over several rows is one option: its first part.
      const visible = [...octets].map(letter).join('');
      letters.append(named.has(at)
        ? element('span', { ...attributes(token, at), 'aria-hidden': 'true' }, visible)
        : option(text, token, at, id, visible));
      named.add(at);
    }
    numbers.append('   '.repeat(width - (end - start)));
    const place = element('span', { class: 'place', 'aria-hidden': 'true' }, start.toString(16).padStart(4, '0'));
    rows.push(element('div', { class: 'line', role: 'presentation' }, place, numbers, letters));
  }
  return rows;
}

// Shows in the caption what the pointer or the keyboard is at.
function follow(octets, text, tokens, caption) {
  let chosen = -1;
  const show = (at) => {
    for (const old of octets.querySelectorAll('.here')) old.classList.remove('here');
    if (at < 0) return;
    for (const part of octets.querySelectorAll(`[data-token="${at}"]`)) part.classList.add('here');
    caption.replaceChildren(...explained(text, tokens[at]));
  };
  const choose = (at) => {
    octets.querySelector('[aria-selected=true]')?.setAttribute('aria-selected', 'false');
    chosen = Math.max(0, Math.min(tokens.length - 1, at));
    const part = octets.querySelector(`[role=option][data-token="${chosen}"]`);
    part.setAttribute('aria-selected', 'true');
    part.scrollIntoView({ block: 'nearest' });
    octets.setAttribute('aria-activedescendant', part.id);
    show(chosen);
  };
  const tokenAt = (event) => Number(event.target.closest('[data-token]')?.dataset.token ?? -1);
  octets.addEventListener('pointerover', (event) => tokenAt(event) >= 0 && show(tokenAt(event)));
  // The way to the link in the caption leads over other tokens.
  octets.addEventListener('pointerleave', () => show(chosen));
  octets.addEventListener('click', (event) => tokenAt(event) >= 0 && choose(tokenAt(event)));
  octets.addEventListener('focus', () => octets.matches(':focus-visible') && choose(chosen));
  octets.addEventListener('keydown', (event) => {
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: tokens.length - 1 }[event.key] ??
      (event.key === 'ArrowDown' ? lineStart(tokens, chosen, 1) : event.key === 'ArrowUp' ? lineStart(tokens, chosen, -1) : null);
    if (to === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(to);
  });
}

// The first token of the next or the previous line.
function lineStart(tokens, at, by) {
  const starts = tokens.flatMap((token, index) => index === 0 || /crlf|empty-line/.test(tokens[index - 1].kind) ? [index] : []);
  const line = starts.findLastIndex((start) => start <= at);
  return starts[Math.max(0, Math.min(starts.length - 1, line + by))];
}

function explained(text, token) {
  const [rule, section] = RULES[token.kind];
  const octets = text.slice(token.start, token.end);
  const isMasked = token.kind === 'field-value' && octets.includes('***');
  const where = token.end - token.start === 1
    ? word('octet-at', { from: number(token.start) })
    : word('octets-from', { from: number(token.start), to: number(token.end - 1) });
  return [
    element('p', {}, element('b', {}, word('token-' + token.kind)), ' ', element('span', { class: 'faint' }, where)),
    token.fault && element('p', { class: 'faulty' }, word('fault-' + token.fault), ' ', sectionLink(FAULTS[token.fault])),
    isMasked && element('p', {}, word('masked')),
    isKnownKind(token.kind) && entry(token.kind, octets),
    element('p', {}, rule && element('code', {}, rule), ' ', sectionLink(section)),
  ].filter(Boolean);
}

const NAMES = { '\r': '\\r', '\n': '\\n', '\t': '→', ' ': '·' };

// Octets as the page shows them in a line.
function shown(octets) {
  return [...octets].map((octet) => {
    if (octet in NAMES) return shows.space ? NAMES[octet] : octet === ' ' || octet === '\t' ? octet : '';
    return isGraphic(octet) ? octet : escaped(octet);
  }).join('');
}

// An octet as one character.
function letter(octet) {
  if (octet === ' ') return shows.space ? NAMES[octet] : octet;
  return isGraphic(octet) ? octet : '.';
}

const isGraphic = (octet) => octet > ' ' && octet <= '~';
const spoken = (octets) => octets.replace(/[\r\n\t ]|[^ -~]/g, (octet) =>
  ({ '\r': ' CR ', '\n': ' LF ', '\t': ' HTAB ', ' ': octets.trim() ? ' ' : ' SP ' })[octet] ?? escaped(octet));
