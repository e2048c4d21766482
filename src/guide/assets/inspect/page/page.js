// What all parts of the page use: its words, numbers in words, and elements.

import { load } from './files.js';
import { numberOf } from './numbers.js';

const supported = ['en', 'zh'];

// The language of the page: ?lang=, or the first language of the browser that the page speaks.
export const language = (() => {
  const asked = new URLSearchParams(location.search).get('lang');
  const wanted = asked ? [asked] : navigator.languages;
  const bases = wanted.map((tag) => tag.toLowerCase().split('-')[0]);
  return bases.find((base) => supported.includes(base)) || 'en';
})();

// The words of the list, and those of the details.
const words = Object.assign({}, ...await Promise.all(language === 'zh'
  ? [load('language/zh.json'), load('language/details.zh.json')]
  : [load('language/en.json'), load('language/details.en.json')]));
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });

// The text of a key, with {name} replaced by a value. If the key has forms for one and for others,
// `values.n` chooses.
export function word(key, values = {}) {
  const entry = words[key];
  if (entry === undefined) return key;
  const text = typeof entry === 'string' ? entry : entry[plural.select(values.n)] || entry.other;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    return typeof value === 'number' ? numbers.format(value) : value ?? all;
  });
}

export const hasWord = (key) => key in words;

// Writes the words into the elements that name them.
export function fillWords(root) {
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language;
  for (const [attribute, target] of [['data-placeholder', 'placeholder'], ['data-label', 'aria-label'], ['data-title', 'title']]) {
    for (const one of root.querySelectorAll(`[${attribute}]`)) {
      one.setAttribute(target, word(one.getAttribute(attribute)));
    }
  }
  for (const one of root.querySelectorAll('[data-word]')) one.textContent = word(one.dataset.word);
}

export const number = (value) => numbers.format(value);

export function size(bytes) {
  for (const [unit, length] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (bytes >= length) return short.format(bytes / length) + '\u00a0' + unit;
  }
  return bytes + '\u00a0B';
}

export function duration(microseconds) {
  if (microseconds === null || microseconds === undefined) return '';
  if (microseconds < 1000) return microseconds + '\u00a0µs';
  if (microseconds < 1e6) return short.format(microseconds / 1e3) + '\u00a0ms';
  return short.format(microseconds / 1e6) + '\u00a0s';
}

// How many octets a line of a dump has. A narrow page has room for few, in rem as its style counts.
export function dumpWidth() {
  const { clientWidth } = document.documentElement;
  return clientWidth < 44 * parseFloat(getComputedStyle(document.documentElement).fontSize) ? 8 : 16;
}

// 14:03:05.123
export function clock(milliseconds) {
  const date = new Date(milliseconds);
  const two = (value) => String(value).padStart(2, '0');
  const fraction = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}`;
}

const dates = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });

// 14:03, with the day unless it is today.
export function since(milliseconds) {
  const isToday = new Date(milliseconds).toDateString() === new Date().toDateString();
  return isToday ? clock(milliseconds).slice(0, 5) : dates.format(milliseconds);
}

// Octets as text: control characters and octets that are not ASCII become escapes.
export function printable(octets) {
  return octets.replace(/[^ -~]/g, (octet) => '\\x' + octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));
}

// An element. An attribute that is a function listens, `true` is set without a value, and an attribute
// that is null, undefined or false is left out.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// 'RFC 9110 section 13.1.2' as a link to that section. Other texts stay texts.
export function sectionLink(section) {
  const match = /^RFC (\d+)(?: (section|appendix) ([\w.]+))?$/.exec(section);
  if (match) {
    const [, document, part, place] = match;
    const href = `https://www.rfc-editor.org/rfc/rfc${document}` + (place ? `#${part}-${place}` : '');
    const text = place ? word('place-' + part, { document, place }) : section;
    return element('a', { href, target: '_blank', rel: 'noopener noreferrer' }, text);
  }
  if (section.startsWith('Fetch standard')) {
    return element('a', { href: 'https://fetch.spec.whatwg.org/', target: '_blank', rel: 'noopener noreferrer' }, section);
  }
  return section;
}

// The class of a status: '2xx', or 'none' if no response was sent.
export const statusClass = (status) => status === null ? 'none' : Math.floor(status / 100) + 'xx';

// '#7·3': the third exchange of connection 7.
export const nameOf = (exchange) => `#${exchange.connection}·${numberOf(exchange)}`;

// A hue for each connection. Neighbours differ, because the golden angle lies between them.
export const hueOf = (connection) => Math.round((connection * 137.508) % 360);
