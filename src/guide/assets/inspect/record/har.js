// A session as an HTTP Archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/). Pure functions.
//
// HAR has no place for what only docroot knows, so each entry has it as `_docroot`: the exchange as the
// server told it (see session.js), and each WebSocket message has its frame. HAR is text, so octets beyond
// ASCII appear as U+0080 to U+00FF in heads. Content that is not UTF-8 is in Base64. Where HAR 1.2 has no member
// that says so, `_encoding` does. A comment says if only the beginning is known.

import { chunked, dataOf } from '../octets/chunks.js';
import { decodedWhole, uncompressedWhole } from '../octets/decode.js';
import { dissect, fieldsOf } from '../octets/dissect.js';
import { isSecret } from './mask.js';
import { bytesOf } from '../octets/octets.js';

// The HAR of a record (see record.js).
export async function harOf(record) {
  const browsers = new Map();
  for (const { browser } of record.messages) if (browser && !browser.cached) browsers.set(keyOf(browser), browser);
  const frames = await framesOf(record.messages);
  const entries = [];
  // One after the other, because each decompression takes memory.
  for (const { exchange } of record.messages) {
    if (exchange) entries.push(await entryOf(exchange, record.host, browsers.get(keyOf(exchange)), frames.get(exchange.connection)));
  }
  return {
    log: {
      version: '1.2',
      creator: { name: 'docroot', version: record.server?.version || '' },
      pages: [],
      entries,
      comment: 'docroot has replaced the values of Authorization, Cookie, Proxy-Authorization and Set-Cookie by ***.',
    },
  };
}

const keyOf = ({ connection, number, at }) => `${connection} ${number} ${at}`;

async function entryOf(exchange, host, browser, frames) {
  const timings = timingsOf(exchange.times);
  const before = exchange.times.accepted ?? 0;
  const entry = {
    startedDateTime: new Date(exchange.at - (timings.ssl > 0 ? before / 1000 : 0)).toISOString(),
    time: Object.values(timings).filter((part) => part > 0).reduce((sum, part) => sum + part, timings.ssl > 0 ? -timings.ssl : 0),
    request: requestOf(exchange, host),
    response: await responseOf(exchange),
    cache: {},
    timings,
    connection: String(exchange.connection),
    comment: exchange.reason,
    _docroot: exchange,
  };
  if (browser) entry._browser = browser;
  if (frames && exchange.status === 101) entry._webSocketMessages = frames;
  return entry;
}

// In milliseconds; -1 stands for "does not apply". The server sees no name resolution. For the first exchange over
// TLS, `connect` is the handshake, which contains `ssl`, and `blocked` is the rest before the first octet.
function timingsOf({ accepted, secured, head, answer, end }) {
  const milliseconds = (from, to) => Math.max(0, (to - from) / 1000);
  const written = answer ?? end;
  const received = Math.min(head ?? written, written);
  const hasHandshake = Number.isFinite(accepted) && Number.isFinite(secured);
  const handshake = hasHandshake ? milliseconds(secured, accepted) : -1;
  return {
    blocked: hasHandshake ? milliseconds(0, secured) : -1,
    dns: -1,
    connect: handshake,
    ssl: handshake,
    send: milliseconds(0, received),
    wait: milliseconds(received, written),
    receive: milliseconds(written, end),
  };
}

function requestOf(exchange, host) {
  const { head, length, body } = exchange.request;
  const fields = fieldsOf(head, dissect(head, 'request'));
  const url = urlOf(exchange, valueOf(fields, 'host') || host);
  const request = {
    method: exchange.method,
    url,
    httpVersion: exchange.version,
    cookies: cookiesOf(fields, 'cookie'),
    headers: headersOf(fields),
    queryString: queryOf(url),
    headersSize: length,
    bodySize: body?.length ?? 0,
  };
  if (body?.length > 0) {
    const isCut = body.first.length < body.length;
    request.postData = { mimeType: valueOf(fields, 'content-type') || '', ...textOrBase64(dataIn(body), isCut), ...commentOf(body) };
  }
  return request;
}

async function responseOf(exchange) {
  const { head, length, body } = exchange.response;
  const fields = fieldsOf(head, dissect(head, 'response'));
  const [, version = '', phrase = ''] = /^(HTTP\/\d\.\d) \d{3} ?([^\r\n]*)/.exec(head) || [];
  return {
    // HAR readers take 0 for "no response".
    status: exchange.status ?? 0,
    statusText: phrase,
    httpVersion: version,
    cookies: cookiesOf(fields, 'set-cookie'),
    headers: headersOf(fields),
    content: await contentOf(exchange, fields),
    redirectURL: valueOf(fields, 'location') || '',
    headersSize: length,
    bodySize: body?.length ?? exchange.sent,
    ...(exchange.cut ? { comment: exchange.cut } : {}),
  };
}

// The content without its coding. Its size is -1 if that is not known. What is not whole is in _docroot only.
async function contentOf({ sent, response: { body } }, fields) {
  const mimeType = valueOf(fields, 'content-type') || '';
  const coding = fields.filter(([name]) => name.toLowerCase() === 'content-encoding').map(([, value]) => value.toLowerCase()).join();
  const isWhole = body && !body.unseen && body.first.length === body.length;
  const data = isWhole ? dataIn(body) : null;
  if (coding === '' || sent === 0) return { size: sent, mimeType, ...(data ? inBase64(data) : {}) };
  const plain = data && /^(x-)?gzip$/.test(coding) ? await decodedWhole(data, 'gzip') : null;
  return plain === null ? { size: -1, mimeType } : { size: plain.length, mimeType, ...inBase64(plain) };
}

const inBase64 = (octets) => ({ text: btoa(octets), encoding: 'base64' });

// The known octets of a body without what is around its chunks.
const dataIn = ({ first, chunks }) => chunks ? dataOf(first, chunked(first)) : first;

// If the end is cut off, it may be within a character.
function textOrBase64(octets, isCut) {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(bytesOf(octets), { stream: isCut }) };
  } catch {
    return { text: btoa(octets), _encoding: 'base64' };
  }
}

const commentOf = ({ first, length }) => first.length < length ? { comment: `the first ${first.length} of ${length} octets` } : {};

const headersOf = (fields) => fields.map(([name, value]) => ({ name, value }));

const valueOf = (fields, wanted) => fields.find(([name]) => name.toLowerCase() === wanted)?.[1];

// The server masks the whole value, so not even the names of cookies are known.
const cookiesOf = (fields, wanted) => fields.filter(([name]) => isSecret(name) && name.toLowerCase() === wanted)
  .map(() => ({ name: '***', value: '***' }));

function urlOf({ target, tls }, host) {
  const scheme = tls ? 'https' : 'http';
  if (/^https?:\/\//i.test(target)) return encoded(target);
  return `${scheme}://${host}${target.startsWith('/') ? encoded(target) : '/'}`;
}

// What must not stand in a URL is percent-encoded. A malformed request may have it.
const encoded = (target) => target.replace(/%(?![\dA-Fa-f]{2})|[^\w\-.~!$&'()*+,;=:@/?[\]%]/g, (octet) =>
  '%' + octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));

function queryOf(url) {
  const mark = url.indexOf('?');
  if (mark < 0) return [];
  return url.slice(mark + 1).split('&').filter(Boolean).map((pair) => {
    const [name, ...value] = pair.split('=');
    return { name, value: value.join('=') };
  });
}

// The frames of each connection, as the developer tools of Chromium write them: a text as it is, and binary data in
// Base64. Chromium leaves out control frames and parts of messages, so no reader knows what their data is without
// `_encoding`. A message that was compressed is written as it was before. If only its compressed octets are known,
// `_compressed` says so.
async function framesOf(messages) {
  const all = new Map();
  for (const { frame } of messages) {
    if (!frame?.head) continue;
    if (!all.has(frame.connection)) all.set(frame.connection, []);
    all.get(frame.connection).push(await webSocketMessage(frame));
  }
  return all;
}

const TEXT = 1, BINARY = 2;
// Bits of a frame: it is the last of its message, and its message is compressed (RFC 7692 section 6).
const FIN = 0x80, RSV1 = 0x40;

async function webSocketMessage(frame) {
  const start = frame.head.charCodeAt(0);
  const opcode = start & 15;
  const isCut = frame.first.length < frame.length;
  const isCompressed = Boolean(start & RSV1);
  // A message that refers to an earlier one is not known alone.
  const plain = isCompressed ? start & FIN && !isCut ? await uncompressedWhole(frame.first) : null : frame.first;
  const isText = opcode === TEXT && plain !== null;
  const { text, _encoding } = isText ? textOrBase64(plain, isCut) : { text: btoa(plain ?? frame.first), _encoding: 'base64' };
  return {
    type: frame.from === 'client' ? 'send' : 'receive',
    time: frame.at / 1000,
    opcode,
    data: text,
    ...(_encoding && opcode !== BINARY ? { _encoding } : {}),
    ...(plain === null ? { _compressed: true } : {}),
    ...commentOf(frame),
    _docroot: frame,
  };
}
