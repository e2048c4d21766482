// A session as an HTTP Archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/). Pure functions.
//
// HAR has no place for what only docroot knows, so each entry has it as `_docroot`: the exchange as the
// server told it (see session.js). HAR is text, so octets beyond ASCII appear as U+0080 to U+00FF.

import { dissect, fieldsOf } from './dissect.js';
import { isSecret } from './mask.js';

// The HAR of a record (see record.js).
export function harOf(record) {
  const browsers = new Map();
  for (const { browser } of record.messages) if (browser && !browser.cached) browsers.set(keyOf(browser), browser);
  const frames = framesOf(record.messages);
  const entries = record.messages.filter(({ exchange }) => exchange).map(({ exchange }) =>
    entryOf(exchange, record.host, browsers.get(keyOf(exchange)), frames.get(exchange.connection)));
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

function entryOf(exchange, host, browser, frames) {
  const timings = timingsOf(exchange.times);
  const before = exchange.times.accepted ?? 0;
  const entry = {
    startedDateTime: new Date(exchange.at - (timings.ssl > 0 ? before / 1000 : 0)).toISOString(),
    time: Object.values(timings).filter((part) => part > 0).reduce((sum, part) => sum + part, timings.ssl > 0 ? -timings.ssl : 0),
    request: requestOf(exchange, host),
    response: responseOf(exchange),
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
    request.postData = { mimeType: valueOf(fields, 'content-type') || '', params: [], text: body.first || '', comment: beginning(body) };
  }
  return request;
}

function responseOf(exchange) {
  const { head, length, body } = exchange.response;
  const fields = fieldsOf(head, dissect(head, 'response'));
  const [, version = '', phrase = ''] = /^(HTTP\/\d\.\d) \d{3} ?([^\r\n]*)/.exec(head) || [];
  const content = { size: exchange.sent, mimeType: valueOf(fields, 'content-type') || '' };
  // Only what was sent as it is can be text. The rest is in _docroot.
  const isWhole = body && !body.unseen && !body.chunks && body.first.length === body.length;
  if (isWhole && body.length > 0 && !valueOf(fields, 'content-encoding')) {
    content.text = btoa(body.first);
    content.encoding = 'base64';
  }
  return {
    // HAR readers take 0 for "no response".
    status: exchange.status ?? 0,
    statusText: phrase,
    httpVersion: version,
    cookies: cookiesOf(fields, 'set-cookie'),
    headers: headersOf(fields),
    content,
    redirectURL: valueOf(fields, 'location') || '',
    headersSize: length,
    bodySize: body?.length ?? exchange.sent,
    ...(exchange.cut ? { comment: exchange.cut } : {}),
  };
}

const beginning = ({ first = '', length }) => first.length < length ? `the first ${first.length} of ${length} octets` : '';

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

// The frames of each connection, as the developer tools of Chromium write them.
function framesOf(messages) {
  const all = new Map();
  for (const { frame } of messages) {
    if (!frame?.head) continue;
    if (!all.has(frame.connection)) all.set(frame.connection, []);
    all.get(frame.connection).push({
      type: frame.from === 'client' ? 'send' : 'receive',
      time: frame.at / 1000,
      opcode: frame.head.charCodeAt(0) & 15,
      data: frame.first || '',
    });
  }
  return all;
}
