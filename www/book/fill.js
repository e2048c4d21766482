// The values in brackets in requests and commands, such as [etag]: they are those of the file that is asked for.

import { ROOT } from './wire.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

// The obsolete formats of RFC 9110 section 5.6.7, from the preferred one: Sun, 06 Nov 1994 08:49:37 GMT
export function otherDates(text) {
  const [, day, month, year, time] = text.match(/(\d\d) (\w{3}) (\d{4}) (\S+) GMT/);
  const date = new Date(text);
  return {
    'rfc850-date': `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
    'asctime-date': `${DAYS[date.getUTCDay()].slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`,
  };
}

// What the brackets stand for, for a file. The commands ask for it without a content coding, but browsers accept some.
// With Range, which HEAD ignores, they accept none.
export async function valuesFor(target) {
  const { ok, headers } = await fetch(new URL(target.slice(1), ROOT), { method: 'HEAD', cache: 'no-store', headers: { Range: 'bytes=0-' } });
  if (!ok) return {};
  const names = ['ETag', 'Last-Modified', 'Content-Length'];
  const [etag, modified, length] = names.map(name => headers.get(name) ?? undefined);
  return { etag, 'last-modified': modified, length, ...(modified ? otherDates(modified) : {}) };
}

// The address in commands, for readers without scripts.
const WRITTEN = 'http://127.0.0.1:8080';

const NEEDED = /\[(etag|last-modified|rfc850-date|asctime-date|length)\]/;

export const needsValues = text => NEEDED.test(text);

export function filled(text, values = {}) {
  const all = { host: ROOT.host, origin: ROOT.origin, ...values };
  const there = text.replace(/\[([a-z0-9-]+)\]/g, (bracket, name) => all[name] ?? bracket).replaceAll(WRITTEN, ROOT.origin);
  // Nobody else vouches for a self-signed certificate.
  return ROOT.protocol === 'https:' ? there.replaceAll('curl ', 'curl -k ') : there;
}
