// Reads an HTTP Archive (HAR 1.2): one of docroot, or one from a browser's developer tools. Pure functions.
//
// A browser's HAR has no octets, so the heads are made from its fields. It has no steps, because only docroot
// knows why it answered. Secrets are masked before anybody sees them.

import { Fault } from '../page/fault.js';
import { maskedChunked, maskedHead, maskedValue, withoutUserInformation } from './mask.js';
import { VERSION } from './record.js';

// As many octets of a body, and of the payload of a frame, as docroot keeps.
const FIRST = 4096, FIRST_OF_FRAME = 256;

export const isHar = (value) => typeof value?.log === 'object' && value.log !== null;

// The record (see record.js), not checked yet. `reason` is the sentence for an exchange without a reason.
export function recordOfHar({ log }, reason) {
  if (!Array.isArray(log.entries)) throw new Fault('har-entries');
  const reader = new Reader(log, reason);
  const messages = log.entries.flatMap((entry, at) => {
    try {
      const exchange = reader.exchange(entry);
      return [{ exchange }, ...framesOf(entry._webSocketMessages ?? [], exchange.connection)];
    } catch (error) {
      if (error instanceof TypeError) throw new Fault('har-entry', { n: at + 1 });
      throw error;
    }
  });
  const extra = log.entries.flatMap(({ _browser }) => _browser ? [{ browser: _browser }] : []);
  const saved = messages.findLast(({ exchange }) => exchange)?.exchange.at ?? null;
  const server = log.creator?.name === 'docroot' ? { version: String(log.creator.version) } : null;
  return { 'docroot-record': VERSION, saved, host: reader.host, server, messages: [...messages, ...extra] };
}

class Reader {
  constructor(log, reason) {
    this.reason = reason;
    this.numbers = new Map();
    this.counts = new Map();
    const hosts = new Set(log.entries.map((entry) => hostOf(entry?.request?.url)));
    this.host = hosts.values().next().value ?? '';
    // With several hosts, a path alone would say too little.
    this.hasOneHost = hosts.size <= 1;
  }

  exchange(entry) {
    if (entry._docroot) return maskedExchange(entry._docroot);
    const { request, response, timings = {} } = entry;
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    const version = versionOf(request.httpVersion);
    const head = requestHead(request, path, version, url.host);
    const status = response.status > 0 ? response.status : null;
    const answer = status === null ? '' : responseHead(response);
    const connection = this.number(entry.connection ?? entry);
    const body = bodyOf(response.content);
    return {
      connection, number: this.count(connection), worker: null, at: Date.parse(entry.startedDateTime) || 0,
      peer: '', port: 0, tls: url.protocol === 'https:' ? { version: 'TLS', cipher: '' } : null,
      method: octets(request.method), target: octets(this.hasOneHost ? path : withoutUserInformation(url.href)), version, status,
      sent: Math.max(0, response.bodySize > 0 ? response.bodySize : body?.length ?? 0),
      reason: this.reason, brief: '', cut: response._error ? octets(response._error) : null,
      times: timesOf(timings, entry.time),
      request: { head, length: head.length, body: bodyOf({ text: request.postData?.text, encoding: request.postData?._encoding }) },
      response: { head: answer, length: answer.length, body },
      steps: [],
    };
  }

  // A number for each name of a connection. An entry without a name is alone on its connection.
  number(name) {
    if (!this.numbers.has(name)) this.numbers.set(name, this.numbers.size + 1);
    return this.numbers.get(name);
  }

  count(connection) {
    this.counts.set(connection, (this.counts.get(connection) || 0) + 1);
    return this.counts.get(connection);
  }
}

function maskedExchange(exchange) {
  const mask = ({ head, body, ...message }) => ({ ...message, head: maskedHead(head), body: maskedBody(body) });
  const target = withoutUserInformation(exchange.target);
  return { ...exchange, target, request: mask(exchange.request), response: mask(exchange.response) };
}

const maskedBody = (body) => body?.chunks ? { ...body, first: maskedChunked(body.first) } : body;

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    throw new Fault('har-url', { url: String(url).slice(0, 100) });
  }
}

const VERSIONS = { h2: 'HTTP/2', 'http/2.0': 'HTTP/2', h3: 'HTTP/3' };

// Empty if the browser did not know it.
function versionOf(name = '') {
  const version = VERSIONS[name.toLowerCase()] || octets(name).toUpperCase();
  return /^HTTP\/\d/.test(version) ? version : '';
}

// HTTP/2 has its start line in fields such as ":path". A line of HTTP/1 is made from them.
function requestHead(request, path, version, host) {
  const fields = request.headers.filter(({ name }) => !name.startsWith(':'));
  const hasHost = fields.some(({ name }) => name.toLowerCase() === 'host');
  const lines = fields.map(fieldLine);
  if (!hasHost) lines.unshift(`Host: ${host}`);
  return [`${octets(request.method)} ${octets(path)} ${asHttp1(version)}`, ...lines, '', ''].join('\r\n');
}

function responseHead(response) {
  const lines = response.headers.filter(({ name }) => !name.startsWith(':')).map(fieldLine);
  const status = `${asHttp1(versionOf(response.httpVersion))} ${response.status} ${octets(response.statusText || '')}`;
  return [status, ...lines, '', ''].join('\r\n');
}

const asHttp1 = (version) => /^HTTP\/1\.\d$/.test(version) ? version : version.replace(/^(HTTP\/\d)$/, '$1.0') || 'HTTP/1.1';

// Chromium joins the lines of Set-Cookie with LF. A line end in a value would be a line of its own.
const fieldLine = ({ name, value }) => `${octets(name)}: ${maskedValue(name, octets(value).replace(/[\r\n]+/g, ' '))}`;

function bodyOf({ text, encoding } = {}) {
  if (typeof text !== 'string' || text === '') return null;
  const whole = encoding === 'base64' ? decoded(text) : octets(text);
  return { length: whole.length, first: whole.slice(0, FIRST), chunks: null, unseen: false };
}

// The frames of an entry. Chromium notes errors among them.
function framesOf(messages, connection) {
  return messages.filter(({ _docroot, type }) => _docroot || type === 'send' || type === 'receive')
    .map((message) => ({ frame: message._docroot ?? foreignFrame(message, connection) }));
}

// A browser has no octets of the header, so it is made. The masking key of zeros leaves the payload as it is.
function foreignFrame({ type, time, opcode, data, _encoding }, connection) {
  const whole = opcode === 2 || _encoding === 'base64' ? decoded(data) : octets(data);
  const [code, extended] = whole.length < 126 ? [whole.length, ''] : whole.length < 65536 ? [126, bigEndian(whole.length, 2)] : [127, bigEndian(whole.length, 8)];
  const isMasked = type === 'send';
  const head = String.fromCharCode(0x80 | (opcode & 15), (isMasked ? 0x80 : 0) | code) + extended + (isMasked ? '\0\0\0\0' : '');
  return {
    connection, at: Math.round(time * 1000), from: isMasked ? 'client' : 'server',
    head, length: whole.length, first: whole.slice(0, FIRST_OF_FRAME),
  };
}

const bigEndian = (number, size) => Array.from({ length: size }, (_, at) =>
  String.fromCharCode(Math.floor(number / 256 ** (size - 1 - at)) % 256)).join('');

function decoded(text) {
  try {
    return atob(text);
  } catch {
    return '';
  }
}

// A text as octets of UTF-8, one character each.
const octets = (text) => Array.from(new TextEncoder().encode(text), (octet) => String.fromCharCode(octet)).join('');

// In microseconds after the request began. Times before that are the browser's own.
function timesOf({ send, wait, receive }, whole) {
  const part = (value) => Math.round(Math.max(0, Number.isFinite(value) ? value : 0) * 1000);
  const head = part(send);
  const answer = head + part(wait);
  const end = answer + part(receive);
  return { accepted: null, secured: null, head, answer, end: end || part(whole) };
}
