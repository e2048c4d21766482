// The content of a message as it is on the wire: chunks (RFC 9112 section 7.1) and the parts of
// multipart/byteranges (RFC 9110 section 14.6). Pure functions.

// Divides a chunked body into tokens { kind, start, end }:
//
//   5;a=b\r\n     size extension crlf
//   hello\r\n     data crlf
//   0\r\n         last-size crlf
//   A: b\r\n\r\n  trailer
//
// The result is { tokens, end, isComplete, isFaulty }. `end` is where the body ends, or how far it was read.
export function chunked(octets) {
  const tokens = [];
  let at = 0;
  const take = (kind, end) => {
    if (end > at) tokens.push({ kind, start: at, end });
    at = Math.max(at, end);
  };
  const result = (isComplete, isFaulty = false) => ({ tokens, end: at, isComplete, isFaulty });
  for (;;) {
    const line = /^([0-9A-Fa-f]+)([ \t]*(?:;[^\r\n]*)?)(\r?\n)/.exec(octets.slice(at, at + 4096));
    if (!line) return result(false, /\n/.test(octets.slice(at)) || /^[^0-9A-Fa-f]/.test(octets.slice(at)));
    const size = parseInt(line[1], 16);
    take(size === 0 ? 'last-size' : 'size', at + line[1].length);
    take('extension', at + line[2].length);
    take('crlf', at + line[3].length);
    if (size === 0) break;
    take('data', Math.min(octets.length, at + size));
    if (octets.length - at < 1 || tokens.at(-1).end - tokens.at(-1).start < size) return result(false);
    const end = /^\r?\n/.exec(octets.slice(at, at + 2));
    if (!end) return result(false, octets.length - at >= 2 || octets[at] !== '\r');
    take('crlf', at + end[0].length);
  }
  const trailer = /^(?:[^\r\n][^\n]*\n)*\r?\n/.exec(octets.slice(at));
  if (!trailer) {
    take('trailer', octets.length);
    return result(false);
  }
  take('trailer', at + trailer[0].length);
  return result(true);
}

// The data of the chunks without what is around it.
export const dataOf = (octets, { tokens }) =>
  tokens.filter(({ kind }) => kind === 'data').map(({ start, end }) => octets.slice(start, end)).join('');

// The sizes of the chunks.
export const sizesOf = (octets, { tokens }) =>
  tokens.filter(({ kind }) => /size$/.test(kind)).map(({ start, end }) => parseInt(octets.slice(start, end), 16));

// The boundary of a multipart type, or null.
export function boundaryOf(mediaType) {
  const match = /^multipart\/[^;]*;(?:.*;)?\s*boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(mediaType ?? '');
  return match ? match[1] ?? match[2] : null;
}

// The parts of a multipart body: [{ head, start, end, isComplete }]. `start` and `end` are where the content
// of the part stands.
export function parts(octets, boundary) {
  const delimiter = '--' + boundary;
  const found = [];
  let at = octets.startsWith(delimiter) ? 0 : octets.indexOf('\r\n' + delimiter) + 2;
  if (at === 1) return found;
  for (;;) {
    const line = octets.indexOf('\r\n', at);
    if (octets.startsWith('--', at + delimiter.length) || line < 0) return found;
    // A part without fields has an empty line at once.
    const hasFields = !octets.startsWith('\r\n', line + 2);
    const blank = hasFields ? octets.indexOf('\r\n\r\n', line + 2) : line;
    if (blank < 0) return found;
    const start = blank + 4;
    const next = octets.indexOf('\r\n' + delimiter, start);
    found.push({
      head: hasFields ? octets.slice(line + 2, blank + 2) : '',
      start,
      end: next < 0 ? octets.length : next,
      isComplete: next >= 0,
    });
    if (next < 0) return found;
    at = next + 2;
  }
}
