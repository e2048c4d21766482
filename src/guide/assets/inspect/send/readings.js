// How lenient recipients would divide octets into requests. Pure functions.
//
// If a proxy and the server behind it disagree about where a request ends, a client can hide a second request
// in the first one (request smuggling, RFC 9112 section 11.2). docroot refuses what is ambiguous. Each rule
// below is a way in which some recipient has read, or reads, what the grammar forbids.

import { chunked } from '../octets/chunks.js';

// What a lenient recipient does with each ambiguity.
const LENIENT = {
  both: 'transfer-encoding',  // With both lengths: 'transfer-encoding' or 'content-length' counts.
  lengths: 'first',           // Of several lengths: 'first' or 'last' counts.
  coding: 'exact',            // The coding is chunked if the value is 'exact', or 'contains' the word.
  line: 'lf',                 // A line ends with 'lf', or only with 'crlf'.
  space: 'trim',              // White space before the colon is no part of the name ('trim'), or is ('keep').
  fold: 'join',               // A line that begins with white space continues the value ('join'), or is skipped ('skip').
};

// The readings: the lenient one, and those that differ in one rule.
export const READINGS = {
  'lenient': LENIENT,
  'content-length': { ...LENIENT, both: 'content-length' },
  'last-length': { ...LENIENT, lengths: 'last' },
  'contains-chunked': { ...LENIENT, coding: 'contains' },
  'only-crlf': { ...LENIENT, line: 'crlf' },
  'space-in-name': { ...LENIENT, space: 'keep' },
  'no-fold': { ...LENIENT, fold: 'skip' },
};

// More requests than anybody types.
const MOST_REQUESTS = 50;

// The readings of these octets that differ: [{ names, requests }]. The first one is the lenient one.
export function readings(octets) {
  const different = new Map();
  for (const [name, rules] of Object.entries(READINGS)) {
    const requests = read(octets, rules);
    const key = requests.map(({ headEnd, end, by }) => `${headEnd} ${end} ${by}`).join();
    if (different.has(key)) different.get(key).names.push(name);
    else different.set(key, { names: [name], requests });
  }
  return [...different.values()];
}

// The requests: [{ start, headEnd, end, line, by, isComplete }]. `by` says what ended the body:
// 'content-length', 'transfer-encoding' or 'nothing'.
export function read(octets, rules = LENIENT) {
  const requests = [];
  let at = 0;
  while (requests.length < MOST_REQUESTS) {
    const blanks = /^(?:\r?\n)*/.exec(octets.slice(at))[0].length;
    if (at + blanks >= octets.length) return requests;
    const request = readOne(octets, at, at + blanks, rules);
    requests.push(request);
    if (!request.isComplete) return requests;
    at = request.end;
  }
  return requests;
}

function readOne(octets, start, lineStart, rules) {
  const ending = rules.line === 'lf' ? /\r?\n/g : /\r\n/g;
  const lines = [];
  let at = lineStart;
  let isWhole = false;
  while (at < octets.length) {
    ending.lastIndex = at;
    const end = ending.exec(octets);
    if (!end) break;
    const line = octets.slice(at, end.index);
    at = end.index + end[0].length;
    if (line === '') {
      isWhole = true;
      break;
    }
    lines.push(line);
  }
  const request = { start, line: lines[0] ?? octets.slice(lineStart) };
  if (!isWhole) return { ...request, headEnd: octets.length, end: octets.length, by: 'nothing', isComplete: false };
  return { ...request, headEnd: at, ...body(octets, at, fields(lines.slice(1), rules), rules) };
}

function fields(lines, rules) {
  const found = [];
  for (const line of lines) {
    if (/^[ \t]/.test(line)) {
      if (rules.fold === 'join' && found.length) found.at(-1)[1] += ' ' + line.trim();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon);
    found.push([(rules.space === 'trim' ? name.trimEnd() : name).toLowerCase(), line.slice(colon + 1).trim()]);
  }
  return found;
}

function body(octets, at, found, rules) {
  const values = (wanted) => found.filter(([name]) => name === wanted).map(([, value]) => value);
  const codings = values('transfer-encoding').join(', ').toLowerCase();
  const isChunked = rules.coding === 'exact' ? /(^|,\s*)chunked$/.test(codings) : codings.includes('chunked');
  const lengths = values('content-length').flatMap((value) => value.split(',')).map((value) => value.trim());
  const length = lengths.at(rules.lengths === 'first' ? 0 : -1);
  const hasLength = length !== undefined && /^\d+$/.test(length);
  if (isChunked && !(hasLength && rules.both === 'content-length')) {
    const { end, isComplete } = chunked(octets.slice(at));
    return { by: 'transfer-encoding', end: isComplete ? at + end : octets.length, isComplete };
  }
  if (hasLength) {
    const end = at + Number(length);
    return { by: 'content-length', end: Math.min(end, octets.length), isComplete: end <= octets.length };
  }
  return { by: 'nothing', end: at, isComplete: true };
}
