// Octets as a person types them, and back. Pure functions.
//
// Octets are a string whose char codes are 0 to 255. In the text that stands for them,
//
//   \r \n \t \0 \xHH \\     are one octet each,
//   a line break            is CR LF, LF or nothing, as `ends` says,
//   another character       is its octets in UTF-8.

// What a line break of the text stands for. 'marked': nothing, because the text names CR and LF itself.
export const ENDS = ['crlf', 'lf', 'marked'];

const BREAKS = { crlf: '\r\n', lf: '\n', marked: '' };
const ESCAPES = { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\' };
const ESCAPE = /\\(?:([rnt0\\])|x([0-9A-Fa-f]{2}))/;

// The octets that a text stands for. A backslash that begins none of the escapes stands for itself.
export function octetsOf(text, ends) {
  const pattern = new RegExp(`${ESCAPE.source}|\\r\\n|[\\r\\n]|[^\\0-\\x7f]+`, 'gu');
  return text.replace(pattern, (found, letter, code) => {
    if (letter !== undefined) return ESCAPES[letter];
    if (code !== undefined) return String.fromCharCode(parseInt(code, 16));
    if (/^[\r\n]/.test(found)) return BREAKS[ends];
    return latin1(new TextEncoder().encode(found));
  });
}

// The text for octets, and what its line breaks are: { text, ends }. It names CR and LF only if the octets
// have other line ends than CR LF.
export function textOf(octets) {
  const isPlain = !/\r(?!\n)|(?<!\r)\n/.test(octets);
  return isPlain ? { text: written(octets, 'crlf'), ends: 'crlf' } : { text: written(octets, 'marked'), ends: 'marked' };
}

// The same octets with other line breaks in the text: those that the choice cannot write become escapes.
export function written(octets, ends) {
  // A backslash before what becomes an escape would be taken for its beginning.
  const pattern = /\r\n|[^ -~]|\\(?=[rnt0\\]|x[0-9A-Fa-f]{2}|[^ -~])/g;
  return octets.replace(pattern, (found) => {
    if (found === '\r\n') return ends === 'crlf' ? '\n' : ends === 'lf' ? '\\r\n' : '\\r\\n\n';
    if (found === '\n') return ends === 'lf' ? '\n' : ends === 'marked' ? '\\n\n' : '\\n';
    if (found === '\r') return '\\r';
    if (found === '\t') return '\\t';
    return found === '\\' ? '\\\\' : escaped(found);
  });
}

export const escaped = (octet) => '\\x' + octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');

// The octets of an array of bytes.
export function latin1(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export const bytesOf = (octets) => Uint8Array.from(octets, (octet) => octet.charCodeAt(0));

// Octets as text in UTF-8, or null if they are not. The end may be the beginning of a character.
export function utf8(octets) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(octets), { stream: true });
  } catch {
    return null;
  }
}
