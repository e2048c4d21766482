// The atlas: the server's own table of words, in the language of the page. Without the wire view the server does not
// send the table, and the page says what to turn on.
//
//   <input id="filter"> <input id="only-2616" type="checkbox"> <output id="found">
//   <div data-words="fields">   filled from /.docroot/words/fields.json
//   <input id="code"> <output id="meaning">   what a client makes of a status code

import { element, sectionLink } from './answer.js';
import { CLOSE_CODES, FIELDS, METHODS, OPCODES, STATUSES } from './atlas-places.js';
import { HANDSHAKE, fieldOption, fieldTry, frameTry, methodTry, statusTry } from './atlas-tries.js';
import { filled } from './fill.js';
import { Trial } from './trial.js';
import { ROOT, mayWatch } from './wire.js';

// The fields that RFC 2616 sections 5.3 and 6.2 list. Its two other lists are in the table by their names.
const OF_REQUESTS = 'Accept Accept-Charset Accept-Encoding Accept-Language Authorization Expect From Host If-Match '
  + 'If-Modified-Since If-None-Match If-Range If-Unmodified-Since Max-Forwards Proxy-Authorization Range Referer TE User-Agent';
const OF_RESPONSES = 'Accept-Ranges Age ETag Location Proxy-Authenticate Retry-After Server Vary WWW-Authenticate';
const LATER_LISTS = new Set(`${OF_REQUESTS} ${OF_RESPONSES}`.split(' '));

const SAID = {
  en: {
    standing: { current: 'current', draft: 'draft', informal: 'informal', reserved: 'reserved', historic: 'historic', removed: 'removed' },
    sender: { client: 'sent by the client', server: 'sent by the server', both: 'sent by both', intermediary: 'sent by an intermediary', nobody: 'sent by nobody' },
    list: { general: 'general', request: 'request', response: 'response', entity: 'entity' },
    of2616: list => `RFC 2616: ${list}`, by: rfc => `by ${rfc}`, lesson: number => `Lesson ${number}`,
    safe: 'safe', idempotent: 'idempotent', cacheable: 'cacheable',
    option: name => `only with ${name}`,
    found: (shown, all) => `${shown} of ${all} entries`,
    known: (code, phrase) => `${code} ${phrase} is registered.`,
    unknown: (code, first, phrase) => `Nobody has registered ${code}. A client treats it as ${first} ${phrase}.`,
    invalid: 'A status code has three digits, and the first one is from 1 to 5.',
  },
  zh: {
    standing: { current: '现行', draft: '草案', informal: '非正式', reserved: '保留', historic: '已过时', removed: '已移除' },
    sender: { client: '客户端发送', server: '服务器发送', both: '两端都发送', intermediary: '中间节点发送', nobody: '已不再使用' },
    list: { general: '通用', request: '请求', response: '响应', entity: '实体' },
    of2616: list => `RFC 2616：${list}首部`, by: rfc => `依据 ${rfc}`, lesson: number => `第 ${number} 课`,
    safe: '安全', idempotent: '幂等', cacheable: '可缓存',
    option: name => `需启用 ${name}`,
    found: (shown, all) => `${shown} / ${all} 条`,
    known: (code, phrase) => `${code} ${phrase} 已经注册。`,
    unknown: (code, first, phrase) => `${code} 没有注册。客户端把它当作 ${first} ${phrase}。`,
    invalid: '状态码是三位数字，首位从 1 到 5。',
  },
};
const LANGUAGE = document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
const said = SAID[LANGUAGE];

// The list of RFC 2616 that has this field.
export function listOf2616({ name, lists }) {
  const [list] = lists;
  return ['general', 'entity'].includes(list) || LATER_LISTS.has(name) ? list : null;
}

function placeOf(places, name) {
  if (typeof places === 'string') return places;
  return Object.keys(places).find(place => places[place].split(' ').includes(name));
}

function lessonLink(place) {
  if (!place) return [];
  const [lesson, step] = place.split('#');
  const href = new URL(`lessons/${lesson}/index.${LANGUAGE}.html#${step}`, ROOT).pathname;
  return [element('a', { href }, said.lesson(parseInt(lesson, 10)))];
}

const tag = text => element('span', { class: 'tag' }, text);

// An entry: its name, what is special about it, and where to read more. `tried` is a request, and what else it is tried
// with.
function entry(row, name, places, { tags = [], example, tried } = {}) {
  const by = row.by ? ` ${said.by(row.by)}` : '';
  const standing = said.standing[row.standing] + by;
  const all = [...tags, row.sender && said.sender[row.sender], standing].filter(Boolean);
  const code = [row.grammar, example].filter(Boolean).map(text => element('code', { lang: 'en' }, text));
  const links = [sectionLink(row.section), ...lessonLink(placeOf(places, String(row.name ?? row.code)))];
  const made = element('li', { 'data-entry': name },
    element('b', { lang: 'en' }, name), ' ', ...all.flatMap(text => [tag(text), ' ']),
    element('p', {}, row.purpose[LANGUAGE]),
    ...code.flatMap(part => [part, element('br')]),
    ...links.flatMap(link => [link, ' ']));
  if (tried?.[0]) new Trial(made, ...tried);
  return made;
}

const field = row => {
  const list = listOf2616(row);
  const option = fieldOption(row.name);
  const tags = [list && said.of2616(said.list[list]), option && said.option(option)];
  const made = entry(row, row.name, FIELDS, {
    tags, example: `${row.name}: ${row.example}`, tried: [fieldTry(row.name), { name: row.name }],
  });
  if (list) made.dataset.of2616 = '';
  return made;
};
const method = row => entry(row, row.name, METHODS, {
  tags: ['safe', 'idempotent', 'cacheable'].filter(name => row[name]).map(name => said[name]), example: row.example, tried: [methodTry(row)],
});
const status = row => entry(row, `${row.code} ${row.phrase}`, STATUSES, {
  example: row.code === 101 ? null : `curl -i ${ROOT.origin}/.docroot/lab/status/${row.code}`,
  tried: [statusTry(row)],
});
const framed = places => row => entry(row, `${row.code} ${row.name}`, places, {
  example: row.example, tried: frameTry(row) && [HANDSHAKE, { frame: frameTry(row) }],
});
const range = places => row => entry(row, `${row.first}–${row.last}`, places);

async function table(name) {
  const answer = await fetch(new URL(`.docroot/words/${name}.json`, ROOT));
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function fill(name, entries) {
  document.querySelector(`[data-words=${name}]`).replaceChildren(element('ul', { class: 'entries' }, ...entries));
}

// Shows the entries that have all words of the filter.
function select() {
  const words = document.getElementById('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const isOnly2616 = document.getElementById('only-2616').checked;
  const entries = [...document.querySelectorAll('[data-entry]')];
  for (const one of entries) {
    const text = one.textContent.toLowerCase();
    one.hidden = (isOnly2616 && one.dataset.of2616 === undefined) || !words.every(word => text.includes(word));
  }
  document.getElementById('found').textContent = said.found(entries.filter(one => !one.hidden).length, entries.length);
}

// RFC 9110 section 15: an unknown code is treated as the x00 of its class.
export function meaning(code, statuses) {
  if (!/^[1-5]\d\d$/.test(code)) return said.invalid;
  const phraseOf = number => statuses.find(row => row.code === number)?.phrase;
  const phrase = phraseOf(Number(code));
  if (phrase) return said.known(code, phrase);
  const first = Number(code[0]) * 100;
  return said.unknown(code, first, phraseOf(first));
}

async function show() {
  for (const command of document.querySelectorAll('main pre')) command.textContent = filled(command.textContent);
  if (!await mayWatch()) throw new Error('no wire view');
  const [fields, methods, statuses, websocket] = await Promise.all(['fields', 'methods', 'statuses', 'websocket'].map(table));
  fill('fields', fields.map(field));
  fill('methods', methods.map(method));
  fill('statuses', statuses.map(status));
  fill('opcodes', [...websocket.opcodes.map(framed(OPCODES)), ...websocket.opcode_ranges.map(range(OPCODES))]);
  fill('close-codes', [...websocket.close_codes.map(framed(CLOSE_CODES)), ...websocket.close_code_ranges.map(range(CLOSE_CODES))]);
  for (const id of ['filter', 'only-2616']) document.getElementById(id).addEventListener('input', select);
  const code = document.getElementById('code');
  const explain = () => {
    document.getElementById('meaning').textContent = meaning(code.value.trim(), statuses);
  };
  code.addEventListener('input', explain);
  explain();
  select();
  document.documentElement.dataset.atlas = 'filled';
}

show().catch(() => {
  // The page already says what to turn on.
  document.documentElement.dataset.atlas = 'empty';
});
