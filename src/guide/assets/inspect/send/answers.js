// Divides what a server sent on a connection into its responses (RFC 9112 section 6.3). A pure function.

import { chunked } from '../octets/chunks.js';
import { dissect, fieldsOf } from '../octets/dissect.js';

// [{ head, body, status, isInterim, isComplete, end }] for octets that answer requests with these methods.
// `isClosed` says that no octet follows.
export function answers(octets, methods, isClosed) {
  const found = [];
  let at = 0;
  let asked = 0;
  while (at < octets.length) {
    const blank = /\r?\n\r?\n/.exec(octets.slice(at));
    const bodyStart = blank ? at + blank.index + blank[0].length : octets.length;
    const head = octets.slice(at, bodyStart);
    const status = Number(/^HTTP\/\d\.\d (\d{3})/.exec(head)?.[1] ?? 0);
    const rest = octets.slice(bodyStart);
    const { length, isComplete } = blank ? bodyOf(head, status, methods[asked], rest, isClosed) : { length: 0, isComplete: false };
    const isInterim = status >= 100 && status < 200 && status !== 101;
    at = bodyStart + length;
    found.push({ head, body: rest.slice(0, length), status, isInterim, isComplete, end: at });
    if (!isInterim) asked++;
    if (!isComplete) break;
  }
  return found;
}

// Whether all these requests are answered. The octets after 101 are no part of the answer.
export const areAnswered = (found, methods) =>
  found.filter(({ isInterim, isComplete, status }) => !isInterim && (isComplete || status === 101)).length >= methods.length;

// How many octets of `rest` belong to the body, and whether these are all.
function bodyOf(head, status, method, rest, isClosed) {
  // After 101 the octets belong to another protocol.
  if (status === 101) return { length: rest.length, isComplete: isClosed };
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { length: 0, isComplete: true };
  const fields = fieldsOf(head, dissect(head, 'response'));
  const valueOf = (wanted) => fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value).join(', ');
  if (/chunked\s*$/i.test(valueOf('transfer-encoding'))) {
    const { end, isComplete, isFaulty } = chunked(rest);
    return { length: isFaulty || !isComplete ? rest.length : end, isComplete };
  }
  const length = valueOf('content-length');
  if (/^\d+$/.test(length)) return { length: Math.min(Number(length), rest.length), isComplete: rest.length >= Number(length) };
  return { length: rest.length, isComplete: isClosed };
}
