// A session as a JSON document. Pure functions.
//
//   {"docroot-record": 1,                      the version of this format
//    "saved": 1795777385123,                   milliseconds since 1970
//    "host": "127.0.0.1:8080",                 what was watched
//    "server": {"version": "0.1.0", ...},      the newest hello of the server, or null
//    "messages": [{"exchange": {...}}, ...]}   what the page was told, in order: see session.js
//
// A reader ignores members and messages that it does not know. A format that older readers would misread gets
// the next number.

import { Fault } from '../page/fault.js';

export const VERSION = 1;

export function recordOf(session, host, now) {
  return { 'docroot-record': VERSION, saved: now, host, server: session.hello, messages: session.messages };
}

export const isRecord = (value) => isObject(value) && 'docroot-record' in value;

// The record, if all that the page relies on is there. Otherwise, a Fault says what is wrong.
export function checkedRecord(value) {
  const version = value['docroot-record'];
  if (!Number.isInteger(version) || version < 1) throw new Fault('record-version', { version: String(version) });
  if (version > VERSION) throw new Fault('record-newer', { version });
  if (!Array.isArray(value.messages)) throw new Fault('record-messages');
  value.messages.forEach((message, at) => {
    const wrong = wrongWith(message);
    if (wrong) throw new Fault('record-message', { n: at + 1, member: wrong });
  });
  return {
    saved: Number.isFinite(value.saved) ? value.saved : null,
    host: typeof value.host === 'string' ? value.host : '',
    server: isObject(value.server) ? value.server : null,
    messages: value.messages,
  };
}

// The members that each message has, with a test of each.
const SHAPES = {
  hello: {},
  opened: { connection: isCount, at: isNumber },
  closed: { connection: isCount, at: isNumber, exchanges: orNone(isCount), own: orNone(isCount) },
  exchange: {
    connection: isCount, number: isCount, own: orNone(isCount), at: isNumber, peer: isString, method: isString, target: isString, version: isString,
    status: orNull(isCount), sent: isNumber, reason: isString, brief: isString, times: isObject,
    tls: orNull(isObject), cut: orNull(isString), request: isMessage, response: isMessage,
    steps: (value) => Array.isArray(value) && value.every(isStep),
  },
  frame: { connection: isCount, at: isNumber, from: isString, head: isString, length: isCount, first: isString },
  browser: { at: isNumber, entry: isObject },
};

// The name of the member that is missing or wrong, or null. Messages of other kinds are not looked at.
function wrongWith(message) {
  if (!isObject(message)) return 'message';
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (!(name in message)) continue;
    if (!isObject(message[name])) return name;
    const wrong = Object.entries(shape).find(([member, test]) => !test(message[name][member]));
    if (wrong) return `${name}.${wrong[0]}`;
    if (message[name].cached && !isString(message[name].target)) return `${name}.target`;
  }
  return null;
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isString(value) {
  return typeof value === 'string';
}

function isNumber(value) {
  return Number.isFinite(value);
}

function isCount(value) {
  return Number.isInteger(value) && value >= 0;
}

function orNone(test) {
  return (value) => value === undefined || test(value);
}

function orNull(test) {
  return (value) => value === null || test(value);
}

function isMessage(value) {
  return isObject(value) && isString(value.head) && isCount(value.length) && orNull(isBody)(value.body ?? null);
}

function isBody(value) {
  const areChunks = Array.isArray(value.chunks) && value.chunks.every(isCount);
  return isObject(value) && isCount(value.length) && isString(value.first) && (areChunks || (value.chunks ?? null) === null);
}

function isStep(step) {
  return isObject(step) && isString(step.section) && isString(step.function) && isString(step.finding) && isEvidence(step.evidence) &&
    orNull((edits) => Array.isArray(edits) && edits.every(isObject))(step.edits ?? null);
}

const EVIDENCE = {
  value: isString, sent: isString, own: isString, how: isString, from: isString, to: isString, length: isNumber, count: isNumber,
  first: orNull(isPair), weights: (value) => Array.isArray(value) && value.every(isPair),
};

function isEvidence(value) {
  return value === null || (isObject(value) && Object.entries(EVIDENCE).every(([name, test]) => !(name in value) || test(value[name])));
}

function isPair(value) {
  return Array.isArray(value) && value.length === 2;
}
