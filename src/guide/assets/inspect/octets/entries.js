// Entries of the table of words: what a field, a method, a status code or an opcode is for.

import { beside } from '../page/beside.js';
import { element, language, sectionLink, word } from '../page/page.js';

// The files of the table are loaded when the first word of theirs is shown. A server without them has none.
const files = {};

const load = (name) => files[name] ??= beside(`words/${name}.json`);

const FINDERS = {
  'field-name': ['fields', (fields, text) => fields.find(({ name }) => name.toLowerCase() === text.toLowerCase())],
  'method': ['methods', (methods, text) => methods.find(({ name }) => name === text)],
  'status-code': ['statuses', (statuses, text) => statuses.find(({ code }) => code === Number(text))],
  'opcode': ['websocket', (all, code) => numbered(all.opcodes, all.opcode_ranges, code)],
  'close-code': ['websocket', (all, code) => numbered(all.close_codes, all.close_code_ranges, code)],
};

const numbered = (entries, ranges, wanted) =>
  entries.find(({ code }) => code === wanted) ?? ranges?.find(({ first, last }) => first <= wanted && wanted <= last);

// The kinds of words that may have an entry.
export const isKnownKind = (kind) => kind in FINDERS;

// The entry of a word, or null.
export async function find(kind, text) {
  const [file, finder] = FINDERS[kind];
  const table = await load(file);
  return table && finder(table, text) || null;
}

export const purpose = (entry) => entry.purpose[language] ?? entry.purpose.en;

// An element for the entry of a word. It stays empty if there is none.
export function entry(kind, text) {
  const place = element('div', { class: 'entry' });
  find(kind, text).then((found) => found && place.append(...described(found)));
  return place;
}

function described(found) {
  const { sender, standing, by, grammar, example, section } = found;
  const facts = [
    found.phrase,
    sender && word('sender-' + sender),
    standing && word('standing-' + standing),
    by && word('standing-by', { document: by }),
    ...['safe', 'idempotent', 'cacheable'].filter((property) => found[property]).map((property) => word('method-' + property)),
  ].filter(Boolean);
  return [
    element('p', {}, purpose(found)),
    (grammar || example) && element('p', { class: 'grammar' },
      grammar && [element('span', { class: 'faint' }, word('grammar')), ' ', element('code', {}, grammar), ' '],
      example && [element('span', { class: 'faint' }, word('example')), ' ', element('code', {}, example)]),
    element('p', { class: 'facts' }, facts.map((fact) => element('span', {}, fact)), element('span', {}, sectionLink(section))),
  ].filter(Boolean);
}
