// Joins what a browser measured (Resource Timing, Navigation Timing) with the exchanges of the server. Pure
// functions.
//
// A browser counts milliseconds from `performance.timeOrigin`, and the server counts from 1970 by its own
// clock. Both may differ, so the offset of the clocks is estimated from the time between the end of an exchange
// and the arrival of its message: the shortest one had nothing to wait for.

// What is kept of an entry, in milliseconds after `startTime`.
const TIMES = ['redirectStart', 'redirectEnd', 'workerStart', 'fetchStart', 'domainLookupStart', 'domainLookupEnd', 'connectStart',
  'secureConnectionStart', 'connectEnd', 'requestStart', 'responseStart', 'responseEnd'];
const SIZES = ['transferSize', 'encodedBodySize', 'decodedBodySize'];

// The farthest that an exchange may be from the request of the browser, in milliseconds.
const NEAR = 2000;

// An entry as plain data, or null if it is no request for this origin.
export function plainEntry(entry, timeOrigin, origin) {
  let url;
  try {
    url = new URL(entry.name);
  } catch {
    return null;
  }
  if (url.origin !== origin) return null;
  const plain = { kind: entry.entryType, by: entry.initiatorType, delivery: entry.deliveryType ?? '' };
  // 0 stands for "did not happen" or "must not be known".
  for (const name of TIMES) plain[name] = entry[name] > 0 ? rounded(entry[name] - entry.startTime) : 0;
  for (const name of SIZES) plain[name] = entry[name] ?? 0;
  plain.duration = rounded(entry.responseEnd - entry.startTime);
  return { target: url.pathname + url.search, at: timeOrigin + entry.startTime, entry: plain };
}

const rounded = (milliseconds) => Math.round(milliseconds * 1000) / 1000;

// Whether no request went to the server. A service worker may have answered. If a request went there and the answer
// was 304, Chromium says 'cache' too, but counts the octets of the head.
export const isCached = ({ delivery, transferSize, decodedBodySize }) =>
  transferSize === 0 && (delivery === 'cache' || decodedBodySize > 0);

export class Clock {
  constructor() {
    this.offset = null;
  }

  // An exchange has arrived at `now`, by the clock of the browser.
  notice({ at, times }, now) {
    const late = now - (at + (times.end ?? 0) / 1000);
    this.offset = this.offset === null ? late : Math.min(this.offset, late);
  }

  // A time of the server by the clock of the browser.
  here(at) {
    return at + (this.offset ?? 0);
  }
}

// The item of the exchange that answered the request of `found`, or null. `items` are in the order of their ends;
// `isTaken` says whether an exchange belongs to another entry already.
export function matching(found, items, clock, isTaken) {
  const sent = found.at + found.entry.requestStart;
  let best = null;
  let distance = NEAR;
  for (const item of items) {
    const { exchange } = item;
    if (exchange.target !== found.target || exchange.method !== 'GET' || isTaken(item)) continue;
    const away = Math.abs(clock.here(exchange.at) - sent);
    if (away < distance) [best, distance] = [item, away];
  }
  return best;
}

// The phases of a request in the browser as [name, from, to], in milliseconds after its start.
export function phasesOf(entry) {
  const { redirectEnd, domainLookupStart, domainLookupEnd, connectStart, secureConnectionStart, connectEnd, requestStart, responseStart, responseEnd } = entry;
  const first = [domainLookupStart, connectStart, requestStart].find((time) => time > 0) ?? 0;
  const connected = secureConnectionStart > 0 ? secureConnectionStart : connectEnd;
  return [
    ['redirect', 0, redirectEnd],
    ['queue', redirectEnd, first],
    ['lookup', domainLookupStart, domainLookupEnd],
    ['connect', connectStart, connected],
    ['tls', secureConnectionStart > 0 ? secureConnectionStart : connectEnd, connectEnd],
    ['wait', requestStart, responseStart],
    ['receive', responseStart, responseEnd],
  ].filter(([, from, to]) => to > from);
}
